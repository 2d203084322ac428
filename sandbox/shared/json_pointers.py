"""JSON pointers, as schemas and patches write them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def parts_of(pointer: str) -> tuple[str, ...]:
    """Return the names in a pointer like `/A/B`."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def path_of(pointer: str) -> tuple[str, ...]:
    """Return the property names in a schema's pointer, like `/properties/A/B`; `*` stands for every item."""
    return parts_of(pointer.removeprefix("/properties"))


def top_level(pointers: Iterable[str]) -> frozenset[str]:
    """Return the names of the properties among what a schema's pointers name, without members of others."""
    return frozenset(path[0] for path in map(path_of, pointers) if len(path) == 1)


def put(model: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Put a value into a model, and make the objects around it that are not there."""
    for name in path[:-1]:
        model = model.setdefault(name, {})
    model[path[-1]] = value
