"""JSON that is read to a bounded depth: what is nested more breaks whatever walks through it afterwards.

Standard library only: the CloudFormation engine's own Python environment imports this file, too.
"""

from __future__ import annotations

import json
from typing import Any

# Levels of objects and lists. A model of the type has ten; Python's own bound is about a thousand calls.
MAX_DEPTH = 200


class TooDeepError(ValueError):
    """The text is nested too deeply."""

    def __init__(self, max_depth: int) -> None:
        super().__init__(f"it is nested too deeply, in more than {max_depth} levels")


def loads(text: str | bytes, max_depth: int = MAX_DEPTH) -> Any:
    """Return the content of a text in JSON.

    Raises:
        TooDeepError: it is nested too deeply.
        ValueError: it is not JSON.
    """
    try:
        document = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise TooDeepError(max_depth) from None
    level = [document]
    for _ in range(max_depth):
        level = [part for each in level for part in _parts(each)]
        if not level:
            return document
    raise TooDeepError(max_depth)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _parts(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
