"""Text that XML 1.0 can hold: clients cannot read an answer with any other character in it."""

from __future__ import annotations

import re
from typing import Any

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# https://www.w3.org/TR/xml/#charsets
_REFUSED = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """Return a text with every character replaced that XML cannot hold, also as a reference."""
    return _REFUSED.sub(REPLACEMENT, text)


def xml_texts(value: Any) -> Any:
    """Return a value with all texts in its objects and lists made `xml_text`."""
    if isinstance(value, dict):
        return {name: xml_texts(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [xml_texts(inner) for inner in value]
    return xml_text(value) if isinstance(value, str) else value
