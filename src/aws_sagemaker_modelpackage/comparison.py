"""Compares desired values with those of other states: what is contained, and what was taken out. Pure.

Both follow what SageMaker makes of a value: what it fills in by itself is no difference, nor is the order of
plain strings, the layout of a JSON text, the case of its own ARNs, or an empty value in place of none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import repeat
from typing import Any

# Objects whose keys are the user's own: an empty value is a value there, and nothing is filled in.
MAPS = frozenset({"Environment", "CustomerMetadataProperties"})
# Members whose text is JSON.
JSON_TEXTS = frozenset({"ModelCardContent", "DataInputConfig"})
# Members that the service fills in, whatever their value, and those that it fills in with one value.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeModelPackage.html
_FILLED_IN = frozenset({"ImageDigest", "ModelDataETag", "ETag", "ManifestEtag"})
_DEFAULTS: dict[str, Any] = {"IsCheckpoint": False, "KmsKeyId": ""}

# Another service's may name what differs in case: an object in S3, an alias of a key.
_ARN = re.compile(r"arn:aws[a-z-]*:sagemaker:\S*", re.IGNORECASE)


def is_same(desired: Any, value: Any, name: str) -> bool:
    """Whether two values of a member that is no object and no list are the same one; None is absent."""
    if value is None:
        return _is_nothing(desired, name)
    if not (isinstance(desired, str) and isinstance(value, str)) or desired == value:
        return bool(desired == value)
    if name in JSON_TEXTS:
        return _is_same_json(desired, value)
    # SageMaker wrote names in its ARNs in lower case until 2022: https://github.com/boto/boto3/issues/4606
    return desired.lower() == value.lower() and _ARN.fullmatch(desired) is not None


def contained(desired: Any, value: Any, name: str) -> bool:
    """Whether everything that is desired of a member is in its value of another state."""
    if isinstance(desired, Mapping):
        if not isinstance(value, Mapping):
            return value is None and not desired
        return all(
            item == value.get(member) if name in MAPS else contained(item, value.get(member), member)
            for member, item in desired.items()
        )
    if isinstance(desired, list):
        return isinstance(value, list | None) and _list_contained(desired, value or [], name)
    return is_same(desired, value, name)


def _list_contained(desired: list[Any], value: list[Any], name: str) -> bool:
    if all(isinstance(item, str) for item in desired):
        # Instance, content and MIME types: lists without an order (insertionOrder false in the schema).
        return sorted(desired) == sorted(value, key=str)
    return len(desired) == len(value) and all(map(contained, desired, value, repeat(name)))


def taken_out(desired: Any, previous: Any, live: Any, name: str) -> bool:
    """Whether the desired value of a member lacks something that the previous and the live one have.

    Ask `contained` first: of lists it compares only what they have in common.
    """
    if name in _FILLED_IN or _is_nothing(previous, name) or _is_nothing(live, name):
        return False
    if isinstance(previous, Mapping) and isinstance(live, Mapping):
        kept = desired if isinstance(desired, Mapping) else {}
        if name in MAPS:
            return any(key in live and key not in kept for key in previous)
        return any(
            taken_out(kept.get(member), item, live.get(member), member) for member, item in previous.items()
        )
    if isinstance(previous, list) and isinstance(live, list) and desired:
        return any(
            taken_out(*items, name)
            for items in zip(desired, previous, live, strict=False)
            if not isinstance(items[0], str)
        )
    return desired is None


def is_new(name: str, desired: Mapping[str, Any], *states: Mapping[str, Any]) -> bool:
    """Whether a model has a value of this name that none of the other states has."""
    return name in desired and not any(contained(desired[name], state.get(name), name) for state in states)


def differs(desired: Any, previous: Any, live: Any, name: str) -> bool:
    """Whether the desired value of a member is a change, of the previous one as well as of the live one."""
    known = contained(desired, previous, name) or contained(desired, live, name)
    return not known or taken_out(desired, previous, live, name)


def _is_nothing(value: Any, name: str) -> bool:
    """Whether a value says no more than an absent one."""
    if isinstance(value, Mapping) and name not in MAPS:
        return all(_is_nothing(item, member) for member, item in value.items())
    return value is None or value in ("", {}, []) or (name in _DEFAULTS and value == _DEFAULTS[name])


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
