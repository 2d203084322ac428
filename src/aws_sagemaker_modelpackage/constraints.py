"""Checks values against the schema's limits before anything is created.

CloudFormation checks a template itself before it calls a handler. Other callers would hear of a bad value
from SageMaker, of some only when the package has been made, and of some not at all. The data,
`constraints.json`, is cut out of the schema by `packager/constraints.py`. Types, nulls and unknown members
are `translate`'s.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import Any

from . import messages
from .messages import FAULTY, Path, Problem
from .patterns import matches

Node = Mapping[str, Any]

_FILE = os.path.join(os.path.dirname(__file__), "constraints.json")

# What is counted of a value, and the schema's keywords for the least and the most of it.
_CHARACTERS = ("characters", "minLength", "maxLength")
_ENTRIES = ("entries", "minProperties", "maxProperties")
_ITEMS = ("items", "minItems", "maxItems")


def check(properties: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> None:
    """Refuse typed properties (`translate.parse`) that break the schema, by paths and limits without values.

    Those that are as in `known`, a state that was accepted once, are not checked: the update of another
    property must not fail over them.

    Raises:
        InvalidRequest: there are some.
    """
    messages.refuse(problems(properties, known))


def problems(properties: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> list[Problem]:
    """Everything that check refuses."""
    accepted = known or {}
    return [
        problem
        for name, value in properties.items()
        if name not in accepted or accepted[name] != value
        for problem in _check(_schema()["properties"][name], value, (None, name))
    ]


def without_empty(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Typed properties without the empty texts, lists and objects that the schema does not allow.

    What would lack something required is left out with it. Values that are not empty are not checked.
    """
    kept = {name: _kept(_schema()["properties"][name], value) for name, value in properties.items()}
    return {name: value for name, value in kept.items() if value is not None}


def _kept(node: Node, value: Any) -> Any:
    """The part of a value that without_empty keeps, or None."""
    node = _resolved(node)
    kept = value
    if isinstance(value, list):
        items = (_kept(node["items"], item) for item in value)
        kept = [item for item in items if item is not None]
    elif isinstance(value, Mapping):
        kept = {}
        for name, item in value.items():
            inner = _kept(_member(node, name), item)
            if inner is not None:
                kept[name] = inner
            elif name in node.get("required", ()):
                return None
    is_refused = kept in ("", [], {}) and any(_check(node, kept, (None, "")))
    return None if is_refused else kept


def _member(node: Node, name: str) -> Node:
    """The node of a member of an object, or of an entry of a map."""
    entries: Mapping[str, Node] = node.get("patternProperties", {})
    member: Node = node.get("properties", {}).get(name) or next(iter(entries.values()), {})
    return member


def _resolved(node: Node) -> Node:
    reference = node.get("$ref")
    resolved: Node = _schema()["definitions"][reference.rpartition("/")[2]] if reference else node
    return resolved


@cache
def _schema() -> dict[str, Any]:
    with open(_FILE, encoding="utf-8") as file:
        loaded: dict[str, Any] = json.load(file)
    return loaded


def _check(node: Node, value: Any, path: Path) -> Iterator[Problem]:
    if value is FAULTY:
        return
    node = _resolved(node)
    if isinstance(value, str):
        yield from _check_string(node, value, path)
    elif isinstance(value, Mapping):
        yield from _check_object(node, value, path)
    elif isinstance(value, list):
        yield from _check_count(node, _ITEMS, len(value), path)
        for position, item in enumerate(value):
            yield from _check(node["items"], item, (path, position))
    elif "minimum" in node and value < node["minimum"]:
        yield Problem(path, f"must be at least {node['minimum']}")


def _check_string(node: Node, value: str, path: Path) -> Iterator[Problem]:
    # Lengths first: what follows is quick for strings of a bearable length.
    bad_count = list(_check_count(node, _CHARACTERS, len(value), path))
    yield from bad_count
    if "enum" in node and value not in node["enum"]:
        yield Problem(path, partial(messages.wrong_value, node["enum"], value))
    if not bad_count and "pattern" in node and not matches(node["pattern"], value):
        yield Problem(path, partial(messages.wrong_pattern, node["pattern"], value))


def _check_object(node: Node, value: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    for name in node.get("required", ()):
        if name not in value:
            yield Problem((path, name), "is required and missing")
    yield from _check_count(node, _ENTRIES, len(value), path)
    members, patterns = node.get("properties", {}), node.get("patternProperties", {})
    for name, item in value.items():
        if name in members:
            yield from _check(members[name], item, (path, name))
        elif patterns:
            yield from _check_entry(patterns, name, item, path)


def _check_entry(patterns: Mapping[str, Node], key: str, value: Any, path: Path) -> Iterator[Problem]:
    for pattern, node in patterns.items():
        if matches(pattern, key):
            yield from _check(node, value, (path, key))
            return
    # Behind an equals sign there is mostly a value: `NAME=value`, pasted as a key.
    name, equals, _ = key.partition("=")
    yield Problem((path, f"{name}=..." if equals else key), partial(messages.wrong_key, patterns, key))


def _check_count(node: Node, counted: tuple[str, str, str], count: int, path: Path) -> Iterator[Problem]:
    unit, minimum, maximum = counted
    if minimum in node and count < node[minimum]:
        yield Problem(path, f"has {count} {unit} and must have {node[minimum]} at least")
    elif maximum in node and count > node[maximum]:
        yield Problem(path, f"has {count} {unit} and must have {node[maximum]} at most")
