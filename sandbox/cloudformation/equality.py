"""When two texts of a member are the same value to the update handler.

It decides with `comparison.is_same` of the handler package, which the engine's environment does not have; a
test holds this to it.
"""

from __future__ import annotations

import json
import re

# Members whose text is JSON.
JSON_TEXTS = frozenset({"ModelCardContent", "DataInputConfig"})
# Keys in S3 and aliases of KMS keys have a case.
_ARN = re.compile(r"arn:aws[a-z-]*:(?!s3:|kms:)[a-z0-9-]+:\S*", re.IGNORECASE)


def is_same_text(one: str, other: str, name: str | None) -> bool:
    """Whether two texts of a member of this name are the same; None stands for text compared exactly."""
    if one == other or name is None:
        return one == other
    if name in JSON_TEXTS:
        normalized = _normalized(one)
        return normalized is not None and normalized == _normalized(other)
    return one.lower() == other.lower() and _ARN.fullmatch(one) is not None


def _normalized(text: str) -> str | None:
    """A JSON text in one layout, with members in one order; None for any other text."""

    def number(digits: str) -> float | int:
        value = float(digits)
        return int(value) if value.is_integer() else value

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        return json.dumps(json.loads(text, parse_float=number, parse_constant=refuse), sort_keys=True)
    except (ValueError, RecursionError):
        return None
