"""JSON documents without the members of some names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def without(value: Any, names: Collection[str], *, maps: Collection[str]) -> Any:
    """The value without the members of these names, at any depth.

    `maps` are the names of members whose keys are no keywords but names of properties or shapes: all stay.
    """
    if isinstance(value, list):
        return [without(each, names, maps=maps) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: {key: without(each, names, maps=maps) for key, each in item.items()}
        if name in maps and isinstance(item, Mapping)
        else without(item, names, maps=maps)
        for name, item in value.items()
        if name not in names
    }
