"""JSON pointers, as schemas and patches write them, and the values that they point to."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

Path = tuple[str, ...]
_ABSENT = object()


def parts_of(pointer: str) -> Path:
    """Return the names in a pointer like `/A/B`."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def path_of(pointer: str) -> Path:
    """Return the property names in a schema's pointer, like `/properties/A/B`; `*` stands for every item."""
    return parts_of(pointer.removeprefix("/properties"))


def top_level(pointers: Iterable[str]) -> frozenset[str]:
    """Return the names of the properties among what a schema's pointers name, without members of others."""
    return frozenset(path[0] for path in map(path_of, pointers) if len(path) == 1)


def referenced(document: Any, reference: str) -> Any:
    """Return the part of a document that a reference within it names, like `#/definitions/A`.

    Raises:
        LookupError: there is no such part.
    """
    if not reference.startswith("#"):
        raise LookupError(reference)
    for part in parts_of(reference):
        if part not in (document if isinstance(document, dict) else ()):
            raise LookupError(reference)
        document = document[part]
    return document


def put(model: dict[str, Any], path: Path, value: Any) -> None:
    """Put a value into a model, and make the objects around it that are not there."""
    for name in path[:-1]:
        model = model.setdefault(name, {})
    model[path[-1]] = value


def values_at(model: Any, path: Path) -> list[Any]:
    """Return what a model has at a path: nothing, one value, or several if there are `*` in it."""
    if not path:
        return [model]
    if path[0] == "*":
        items = model if isinstance(model, list) else model.values() if isinstance(model, dict) else []
        return [value for item in items for value in values_at(item, path[1:])]
    inner = model.get(path[0], _ABSENT) if isinstance(model, dict) else _ABSENT
    return [] if inner is _ABSENT else values_at(inner, path[1:])


def value_at(model: Any, path: Path) -> Any:
    """Return the first value that a model has at a path, None without one."""
    return next(iter(values_at(model, path)), None)


def without(model: dict[str, Any], paths: Sequence[Path]) -> dict[str, Any]:
    """Return a copy of a model that lacks everything at the paths."""
    left = copy.deepcopy(model)
    for path in paths:
        for holder in values_at(left, path[:-1]):
            if isinstance(holder, dict):
                holder.pop(path[-1], None)
    return left
