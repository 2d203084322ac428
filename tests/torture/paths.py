"""Paths of the schema, the values of a template at each of them, and edits of a value at a path.

A path of the schema is a tuple of member names, with ANY for the items of a list and the values of a map. The
keys of a value in a template are the same with the real positions and keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from sandbox.shared.settings import schema

from .world import Json

Path = tuple[str, ...]
Keys = tuple[str | int, ...]

ANY = "*"


# --- the schema -------------------------------------------------------------------------------------


def _resolve(rule: Json) -> Json:
    while "$ref" in rule:
        rule = schema()["definitions"][rule["$ref"].rsplit("/", 1)[1]]
    return rule


def members(rule: Json) -> Iterator[tuple[str, Json]]:
    """The rules for what may be in a value, each with its name, or ANY."""
    yield from rule.get("properties", {}).items()
    inner = [rule["items"]] if "items" in rule else rule.get("patternProperties", {}).values()
    yield from ((ANY, each) for each in inner)


@cache
def rule_at(path: Path) -> Json:
    return _resolve(dict(members(rule_at(path[:-1])))[path[-1]]) if path else schema()


def kind_of(rule: Json) -> str:
    """The type of a rule's value: one of JSON's, or `map` for an object with free keys."""
    return "map" if "patternProperties" in rule else str(rule["type"])


def key_pattern(rule: Json) -> str:
    (pattern,) = rule["patternProperties"]
    return str(pattern)


def paths_below(path: Path = ()) -> Iterator[Path]:
    """Every path of the schema that begins with this one."""
    for name, _ in members(rule_at(path)):
        yield (*path, name)
        yield from paths_below((*path, name))


# --- values -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Node:
    """A value in a template, its path in the schema, and its keys in the template."""

    template: Json
    path: Path
    keys: Keys
    value: Any

    @property
    def rule(self) -> Json:
        return rule_at(self.path)

    @property
    def kind(self) -> str:
        return kind_of(self.rule)

    @property
    def name(self) -> str:
        return text_of(self.keys)


def nodes(template: Json) -> Iterator[Node]:
    def below(value: Any, path: Path, keys: Keys) -> Iterator[Node]:
        named = dict(members(rule_at(path)))
        for key, inner in items(value):
            node = Node(template, (*path, str(key) if key in named else ANY), (*keys, key), inner)
            yield node
            if isinstance(inner, dict | list):
                yield from below(inner, node.path, node.keys)

    return below(template, (), ())


def items(value: Any) -> Iterable[tuple[Any, Any]]:
    """Members of an object or a list with their keys; none of anything else."""
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def all_places(value: Any, keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """The keys of every place in a value, and what is there; the value itself first."""
    yield keys, value
    for key, inner in items(value):
        yield from all_places(inner, (*keys, key))


def text_of(keys: Iterable[str | int]) -> str:
    """Keys as messages have them: `Tags[2].Key`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).removeprefix(".")


# --- edits ------------------------------------------------------------------------------------------
# They return a new value that shares with the old one what they do not change, which may be nested too deeply
# to be copied. Where the place is not there, they change nothing.


def edited(value: Any, keys: Keys, edit: Callable[[Any], Any]) -> Any:
    """The value with the result of `edit` in one place; a last key may be new."""
    if not keys:
        return edit(value)
    key, rest = keys[0], keys[1:]
    if isinstance(value, dict) and (key in value or not rest):
        return {**value, key: edited(value.get(key), rest, edit)}
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return [*value[:key], edited(value[key], rest, edit), *value[key + 1 :]]
    return value


def put(value: Any, keys: Keys, new: Any) -> Any:
    return edited(value, keys, lambda _: new)


def remove(value: Any, keys: Keys) -> Any:
    def without(parent: Any) -> Any:
        if not isinstance(parent, dict | list):
            return parent
        kept = {key: inner for key, inner in items(parent) if key != keys[-1]}
        return kept if isinstance(parent, dict) else list(kept.values())

    return edited(value, keys[:-1], without)


def rename(value: Any, keys: Keys, name: str) -> Any:
    """The value with a member under another name, at its old position."""

    def renamed(parent: Any) -> Any:
        if not isinstance(parent, dict):
            return parent
        return {name if key == keys[-1] else key: inner for key, inner in parent.items()}

    return edited(value, keys[:-1], renamed)
