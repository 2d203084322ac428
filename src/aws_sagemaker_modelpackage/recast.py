"""Recasts properties to the types that the schema gives them, and lists what does not fit. Pure.

CloudFormation sends every number and boolean as a string. Properties stay plain JSON.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any

from . import messages, spelling
from .classes import CLASSES
from .encoding import is_encodable
from .messages import FAULTY, Path, Place, Problem
from .shapes import RESOURCE, SHAPES, Kind

PROPERTIES = tuple(SHAPES[RESOURCE])

# Taken from templates and never returned. Those that are deprecated as well no message should offer.
WRITE_ONLY = frozenset(CLASSES["writeOnlyProperties"])
# Properties that templates may have and that no call takes: the service's own, deprecated and read-only ones.
SERVICE_OWNED = frozenset(CLASSES["readOnlyProperties"]).union(CLASSES["deprecatedProperties"]) - WRITE_ONLY
_DEPRECATED = WRITE_ONLY.intersection(CLASSES["deprecatedProperties"])


def recast(properties: Mapping[str, Any], problems: list[Problem] | None) -> dict[str, Any]:
    """The properties as the schema types them, without members that it does not have.

    A value that does not fit is left out; with a list of problems it is added to that, and FAULTY is in its
    place.
    """
    return typing.cast(dict[str, Any], _recast(properties, RESOURCE, None, problems))


_DROP = object()
# A value, its type, its path and the list of what does not fit: the value as the type says, _DROP or FAULTY.
_Reader = Callable[[Any, Any, "Path", "list[Problem] | None"], Any]


def _recast(value: Any, kind: Kind, path: Path, problems: list[Problem] | None) -> Any:
    """The value as the type says; if it does not fit, _DROP, or FAULTY with the problem in the list."""
    if value is None:
        return _misfit(problems, path, "is null: leave the property out instead")
    reader, inner = _reader(kind)
    return reader(value, inner, path, problems)


@cache
def _reader(kind: Kind) -> tuple[_Reader, Kind]:
    if isinstance(kind, tuple):
        return (_recast_list if kind[0] == "array" else _recast_map), kind[1]
    return (_recast_object if kind in SHAPES else _recast_scalar), kind


def _misfit(problems: list[Problem] | None, path: Path, text: str | Callable[[], str]) -> Any:
    if problems is None:
        return _DROP
    problems.append(Problem(path, text))
    return FAULTY


def _wrong_kind(problems: list[Problem] | None, path: Path, expected: str, value: Any, kind: Kind) -> Any:
    return _misfit(problems, path, partial(messages.wrong_kind, path, expected, value, _names_in(kind)))


def _unknown(path: Path, shape: str) -> str:
    return messages.unknown(path, _names_in(shape), places())


def _recast_list(value: Any, kind: Kind, path: Path, problems: list[Problem] | None) -> Any:
    if not isinstance(value, list | tuple):
        return _wrong_kind(problems, path, "a list", value, kind)
    items = [_recast(item, kind, (path, position), problems) for position, item in enumerate(value)]
    return [item for item in items if item is not _DROP]


def _recast_map(value: Any, kind: Kind, path: Path, problems: list[Problem] | None) -> Any:
    if not isinstance(value, Mapping):
        return _wrong_kind(problems, path, "an object", value, kind)
    model = {}
    for key, item in value.items():
        inner = (path, str(key))
        if problems is not None and not is_encodable(str(key)):
            _misfit(problems, inner, _HALF)
            continue
        typed = _recast(item, kind, inner, problems)
        if typed is not _DROP:
            model[str(key)] = typed
    return model


def _recast_object(value: Any, shape: str, path: Path, problems: list[Problem] | None) -> Any:
    if not isinstance(value, Mapping):
        return _wrong_kind(problems, path, "an object", value, shape)
    members = SHAPES[shape]
    model = {}
    for name, item in value.items():
        inner = (path, str(name))
        if name in members:
            typed = _recast(item, members[name], inner, problems)
            if typed is not _DROP:
                model[name] = typed
        else:
            _misfit(problems, inner, partial(_unknown, inner, shape))
    return model


def _names_in(kind: Kind) -> list[str]:
    """The members that a template may give an object; none of what is no object."""
    members = SHAPES.get(kind, {}) if isinstance(kind, str) else {}
    return [name for name in members if kind != RESOURCE or name not in SERVICE_OWNED]


@cache
def places() -> tuple[Place, ...]:
    """Every place where a template may have a member, in the schema's order."""

    def below(kind: Kind, path: tuple[str, ...]) -> Iterator[Place]:
        if not isinstance(kind, str):
            if kind[0] == "array":
                yield from below(kind[1], (*path, messages.ITEM))
            return
        for name in _names_in(kind):
            if path or name not in _DEPRECATED:
                yield messages.Place(kind, (*path, name))
                yield from below(SHAPES[kind][name], (*path, name))

    return tuple(below(RESOURCE, ()))


@cache
def vocabulary() -> frozenset[str]:
    """The API's own words, in lower case: the schema's names, the words they are made of, and constants."""
    names = {"AWS", "SageMaker", *SHAPES}.union(*SHAPES.values())
    words = {name.lower() for name in names}
    for name in names:
        words |= spelling.words(name) | spelling.parts(name)
    # A letter or a number alone is no word.
    return frozenset(
        {each for each in words if len(each) > 1 and each.isalpha()} | _CONSTANTS | _MESSAGE_WORDS
    )


_CONSTANTS = {"true", "false", "null", "none"}
# What SageMaker, its authorizer and the SDK say around what they quote.
_MESSAGES = (
    "validation errors detected: Value at failed to satisfy constraint: Member must not be null",
    "Member must have length less than or equal to, greater than, satisfy regular expression pattern",
    "Member must satisfy enum value set",
    "User is not authorized to perform on resource because no identity-based policy allows the action",
    "with an explicit deny in a resource-based service control policy, permissions boundary, session policy",
    "An error occurred when calling the operation: Parameter validation failed, missing required parameter",
    "unknown parameter in input, invalid type for, valid types are, min, max, number of items, range",
    "Could not find, access, parse: does not exist, already exists, is not valid, cannot be used, was found",
    "Rate exceeded. Please ensure that the role exists and its trust relationship allows. Please try again",
    "At most are allowed, expected but received, unexpected character, token, request limit, one of these",
)
_MESSAGE_WORDS = frozenset(re.findall("[a-z]{2,}", " ".join(_MESSAGES).lower()))


def _recast_scalar(value: Any, kind: str, path: Path, problems: list[Problem] | None) -> Any:
    expected = _ARTICLES[kind]
    if isinstance(value, Mapping | list | tuple):
        return _wrong_kind(problems, path, expected, value, kind)
    typed: Any
    if kind == "boolean":
        typed = _boolean(value)
    elif kind in _NUMBERS:
        typed = _number(value, _NUMBERS[kind])
    elif isinstance(value, bool):
        typed = "true" if value else "false"
    else:
        typed = str(value)
        if problems is not None and not is_encodable(typed):
            return _misfit(problems, path, _HALF)
    return _misfit(problems, path, f"must be {expected}") if typed is None else typed


def _boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return None


def _number(value: Any, kind: type[int] | type[float]) -> int | float | None:
    # Python reads more as a number than JSON does: "1_000", " 1 ".
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return None
    try:
        number = (
            kind(value) if not isinstance(value, str) or value.lstrip("-").isdigit() else kind(float(value))
        )
        # The API's whole numbers have 32 bits.
        exact = not isinstance(value, bool) and number == float(value) and abs(number) < 2**31
    except (TypeError, ValueError, OverflowError):
        exact = False
    return number if exact else None


_HALF = "holds half a character (a lone surrogate), which SageMaker cannot be sent"
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", re.ASCII)
_NUMBERS: dict[str, type[int] | type[float]] = {"integer": int, "number": float}
_ARTICLES = {
    "string": "a string",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
}
