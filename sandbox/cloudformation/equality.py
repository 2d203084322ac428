"""When two texts of a member are the same value to the update handler.

It decides with `comparison.is_same` of the handler package, which the engine's environment does not have; a
test holds this to it.
"""

from __future__ import annotations

import json
import re
from typing import Any

# Members whose text is JSON.
JSON_TEXTS = frozenset({"ModelCardContent", "DataInputConfig"})
# Another service's may name what differs in case: an object in S3, an alias of a key.
_ARN = re.compile(r"arn:aws[a-z-]*:sagemaker:\S*", re.IGNORECASE)


def is_same_text(one: str, other: str, name: str | None) -> bool:
    """Whether two texts of a member of this name are the same; None stands for text compared exactly."""
    if one == other or name is None:
        return one == other
    if name in JSON_TEXTS:
        return _is_same_json(one, other)
    return one.lower() == other.lower() and _ARN.fullmatch(one) is not None


def _is_same_json(one: str, other: str) -> bool:
    """Whether two texts are the same JSON, in another layout or order; False for any other text."""
    try:
        return bool(_parsed(one) == _parsed(other))
    except (ValueError, RecursionError):
        return False


def _parsed(text: str) -> Any:
    """A JSON text with exact numbers, which no other value equals.

    Raises:
        ValueError: it is none, or says a member of an object twice.
    """
    return json.loads(
        text, parse_int=_number, parse_float=_number, parse_constant=_refuse, object_pairs_hook=_object
    )


def _number(text: str) -> tuple[str, ...]:
    """Sign, digits and power of ten: Python's numbers have too few digits, and 1 equals true."""
    mantissa, _, power = text.lower().partition("e")
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = f"{whole}{fraction}".lstrip("0")
    kept = digits.rstrip("0")
    if not kept:
        return ("0",)
    return (
        "-" * mantissa.startswith("-"),
        kept,
        str(int(power or 0) - len(fraction) + len(digits) - len(kept)),
    )


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    # Which of two values SageMaker takes is not known.
    if len(dict(members)) < len(members):
        raise ValueError("a member is there twice")
    return dict(members)
