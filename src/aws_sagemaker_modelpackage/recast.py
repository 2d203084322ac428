"""Recasts properties to the types of the generated classes, and lists what does not fit. Pure.

CloudFormation sends every number and boolean as a string. Properties stay plain JSON.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

from cloudformation_cli_python_lib.interface import BaseModel

from . import messages, models, spelling
from .classes import CLASSES
from .encoding import is_encodable
from .messages import FAULTY, Path, Place, Problem

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
    return typing.cast(dict[str, Any], _recast(properties, models.ResourceModel, None, problems))


_DROP = object()
# A value, its type, its path and the list of what does not fit: the value as the type says, _DROP or FAULTY.
_Reader = Callable[[Any, Any, "Path", "list[Problem] | None"], Any]


@cache
def _members(cls: Any) -> dict[str, Any]:
    """The generated class's members and their types, without the Optional around each."""
    hints = typing.get_type_hints(cls, vars(models))
    return {name: typing.get_args(hint)[0] for name, hint in hints.items()}


def _recast(value: Any, kind: Any, path: Path, problems: list[Problem] | None) -> Any:
    """The value as the type says; if it does not fit, _DROP, or FAULTY with the problem in the list."""
    if value is None:
        return _misfit(problems, path, "is null: leave the property out instead")
    reader, inner = _reader(kind)
    return reader(value, inner, path, problems)


@cache
def _reader(kind: Any) -> tuple[_Reader, Any]:
    origin = typing.get_origin(kind)
    if origin is not None and issubclass(origin, Sequence):
        return _recast_list, typing.get_args(kind)[0]
    if origin is not None and issubclass(origin, Mapping):
        return _recast_map, typing.get_args(kind)[1]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _recast_object, kind
    return _recast_scalar, kind


def _misfit(problems: list[Problem] | None, path: Path, text: str | Callable[[], str]) -> Any:
    if problems is None:
        return _DROP
    problems.append(Problem(path, text))
    return FAULTY


def _wrong_kind(problems: list[Problem] | None, path: Path, expected: str, value: Any, kind: Any) -> Any:
    return _misfit(problems, path, partial(messages.wrong_kind, path, expected, value, _names_in(kind)))


def _unknown(path: Path, cls: Any) -> str:
    return messages.unknown(path, _names_in(cls), places())


def _recast_list(value: Any, kind: Any, path: Path, problems: list[Problem] | None) -> Any:
    if not isinstance(value, list | tuple):
        return _wrong_kind(problems, path, "a list", value, kind)
    items = [_recast(item, kind, (path, position), problems) for position, item in enumerate(value)]
    return [item for item in items if item is not _DROP]


def _recast_map(value: Any, kind: Any, path: Path, problems: list[Problem] | None) -> Any:
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


def _recast_object(value: Any, cls: Any, path: Path, problems: list[Problem] | None) -> Any:
    if not isinstance(value, Mapping):
        return _wrong_kind(problems, path, "an object", value, cls)
    members = _members(cls)
    model = {}
    for name, item in value.items():
        inner = (path, str(name))
        if name in members:
            typed = _recast(item, members[name], inner, problems)
            if typed is not _DROP:
                model[name] = typed
        else:
            _misfit(problems, inner, partial(_unknown, inner, cls))
    return model


def _names_in(kind: Any) -> list[str]:
    """The members that a template may give an object; none of what is no object."""
    if _reader(kind)[0] is not _recast_object:
        return []
    return [name for name in _members(kind) if kind is not models.ResourceModel or name not in SERVICE_OWNED]


@cache
def places() -> tuple[Place, ...]:
    """Every place where a template may have a member, in the schema's order."""

    def below(kind: Any, path: tuple[str, ...]) -> Iterator[Place]:
        reader, inner = _reader(kind)
        if reader is _recast_list:
            yield from below(inner, (*path, messages.ITEM))
        for name in _names_in(inner) if reader is _recast_object else ():
            if path or name not in _DEPRECATED:
                yield messages.Place(inner.__name__, (*path, name))
                yield from below(_members(inner)[name], (*path, name))

    return tuple(below(models.ResourceModel, ()))


@cache
def vocabulary() -> frozenset[str]:
    """The API's own words, in lower case: the schema's names, the words they are made of, and constants."""
    shapes = [
        each for each in vars(models).values() if isinstance(each, type) and issubclass(each, BaseModel)
    ]
    names = {"AWS", "SageMaker"}
    for shape in shapes:
        names |= {shape.__name__.lstrip("_"), *inspect.get_annotations(shape)}
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


def _recast_scalar(value: Any, kind: Any, path: Path, problems: list[Problem] | None) -> Any:
    expected = _ARTICLES.get(kind, "a value")
    if isinstance(value, Mapping | list | tuple):
        return _wrong_kind(problems, path, expected, value, kind)
    typed: Any
    if kind is bool:
        typed = _boolean(value)
    elif kind in (int, float):
        typed = _number(value, kind)
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
_ARTICLES = {str: "a string", bool: "true or false", int: "a whole number", float: "a number"}
