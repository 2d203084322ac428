"""A package's properties as Describe returns them, with the shape alone of what is confidential."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sandbox.shared.confidential import is_confidential, json_type, shown

from .texts import moment

Json = dict[str, Any]
Path = tuple[str, ...]

# Epoch seconds, whatever shows them as numbers.
TIMES = frozenset({"CreationTime", "LastModifiedTime"})


def tree(properties: Mapping[str, Any]) -> list[Json]:
    """Return the properties as nodes, each with a `name`, and a value's `text`, its `members` or its `items`.

    `type` is the value's JSON type, and shown where the text alone does not say it; `hidden` says that the
    text is a shape.
    """
    visible = shown(properties)
    return [_node((name,), name, value) for name, value in visible.items()]


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield path and text of every value that may be shown."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, str(index + 1)))
    elif not is_confidential(path):
        yield path, text_of(value, path)


def leaf(value: Any, path: Path) -> Json:
    """Return what is shown of a value without members, given as `shown` returns it."""
    hidden = is_confidential(path) and not isinstance(value, Mapping | list)
    kind = json_type(value)
    return {
        "text": text_of(value, path),
        "type": "" if hidden or not _needs_type(value, kind, path) else kind,
        "hidden": hidden,
        "time": moment(value) if path[-1] in TIMES and isinstance(value, int | float) else "",
    }


def text_of(value: Any, path: Path) -> str:
    """Return a value without members as text."""
    if isinstance(value, str):
        return value
    if path and path[-1] in TIMES and isinstance(value, int | float):
        return moment(value)
    return "empty" if value in ({}, []) else json.dumps(value)


def _node(path: Path, name: str, value: Any) -> Json:
    node: Json = {"key": "/".join(path), "name": name}
    if isinstance(value, Mapping) and value:
        members = [_node((*path, each), each, item) for each, item in value.items()]
        return {**node, "members": members}
    if isinstance(value, list) and value and not any(isinstance(item, Mapping | list) for item in value):
        return {**node, "items": [leaf(item, path) for item in value]}
    if isinstance(value, list) and value:
        members = [
            _node((*path, str(index)), _item_name(index, item), item) for index, item in enumerate(value)
        ]
        return {**node, "members": members}
    return {**node, **leaf(value, path)}


def _item_name(index: int, item: Any) -> str:
    """Return the number of an item, and what names it."""
    names = [
        item[name]
        for name in ("Name", "Key", "ContainerHostname")
        if isinstance(item, Mapping) and name in item
    ]
    return f"{index + 1}: {names[0]}" if names else str(index + 1)


def _needs_type(value: Any, kind: str, path: Path) -> bool:
    if kind != "string":
        return path[-1] not in TIMES
    try:
        return not value or not isinstance(json.loads(value), dict | list)
    except (ValueError, RecursionError):
        return False
