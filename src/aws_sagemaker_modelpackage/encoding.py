"""Finds and replaces what UTF-8 cannot encode: half a character, a lone surrogate, as JSON can name it. Pure.

Lambda's runtime encodes answers and logs as UTF-8, and dies of such a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def is_encodable(text: str) -> bool:
    """Whether a text has an encoding in UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def encodable(value: Any) -> Any:
    """A value of JSON with U+FFFD in the place of each half of a character, in keys as well."""
    if isinstance(value, str):
        return (
            value
            if is_encodable(value)
            else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        )
    if isinstance(value, Mapping):
        return {encodable(key): encodable(item) for key, item in value.items()}
    return [encodable(item) for item in value] if isinstance(value, list | tuple) else value
