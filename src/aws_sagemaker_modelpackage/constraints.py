"""What the schema allows of a value, checked before anything is created.

CloudFormation checks a template itself before it calls a handler. Who calls the handlers otherwise would hear
of a bad value from SageMaker, of some only when the package has been made, and of some not at all. Its data,
`constraints.json`, is cut out of the schema by `packager/constraints.py`. Types, nulls and unknown members
are `translate`'s.
"""

from __future__ import annotations

import json
import os
import re
import typing
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from cloudformation_cli_python_lib.exceptions import InvalidRequest

if typing.TYPE_CHECKING:
    from .messages import Path, Problem

Node = Mapping[str, Any]

_FILE = os.path.join(os.path.dirname(__file__), "constraints.json")


def check(properties: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> None:
    """Raise InvalidRequest, naming paths and limits but no values, where properties break the schema.

    Properties are typed (`translate.parse`). Those that are as in `known`, a state that was accepted once,
    are left alone: the update of another property must not fail over them.
    """
    found = problems(properties, known)
    if found:
        from . import messages

        raise InvalidRequest(messages.refusal(found))


def problems(properties: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> list[Problem]:
    """Everything that check refuses."""
    accepted = known or {}
    found: list[Problem] = []
    for name, value in properties.items():
        if name not in accepted or accepted[name] != value:
            _check(_schema()["properties"][name], value, (None, name), found)
    return found


@cache
def _schema() -> dict[str, Any]:
    with open(_FILE, encoding="utf-8") as file:
        loaded: dict[str, Any] = json.load(file)
    return loaded


def _check(node: Node, value: Any, path: Path, found: list[Problem]) -> None:
    if "$ref" in node:
        node = _schema()["definitions"][node["$ref"].rpartition("/")[2]]
    if isinstance(value, str):
        _check_string(node, value, path, found)
    elif isinstance(value, Mapping):
        _check_object(node, value, path, found)
    elif isinstance(value, list):
        _check_count(node, _ITEMS, len(value), path, found)
        for position, item in enumerate(value):
            _check(node["items"], item, (path, position), found)
    elif "minimum" in node and value < node["minimum"]:
        _wrong(found, path, _too_small, node)


def _check_string(node: Node, value: str, path: Path, found: list[Problem]) -> None:
    # Lengths first: what follows is quick for strings of a bearable length.
    fits = _check_count(node, _CHARACTERS, len(value), path, found)
    if "enum" in node and value not in node["enum"]:
        _wrong(found, path, _no_such_value, node["enum"], value)
    if fits and "pattern" in node and not _matches(node["pattern"], value):
        _wrong(found, path, _no_match, node["pattern"], value)


def _check_object(node: Node, value: Mapping[str, Any], path: Path, found: list[Problem]) -> None:
    for name in node.get("required", ()):
        if name not in value:
            _wrong(found, (path, name), _missing)
    _check_count(node, _ENTRIES, len(value), path, found)
    members, patterns = node.get("properties", {}), node.get("patternProperties", {})
    for name, item in value.items():
        if name in members:
            _check(members[name], item, (path, name), found)
        elif patterns:
            _check_entry(patterns, name, item, (path, name), found)


def _check_entry(
    patterns: Mapping[str, Node], key: str, value: Any, path: Path, found: list[Problem]
) -> None:
    for pattern, node in patterns.items():
        if _matches(pattern, key):
            _check(node, value, path, found)
            return
    # What stands behind an equals sign is mostly a value: somebody has pasted `NAME=value` as a key.
    name, equals, _ = key.partition("=")
    shown = (path[0], f"{name}=...") if path and equals else path
    _wrong(found, shown, _no_such_key, patterns, key)


# What is counted of a value, and the schema's words for the least and the most of it.
_CHARACTERS = ("characters", "minLength", "maxLength")
_ENTRIES = ("entries", "minProperties", "maxProperties")
_ITEMS = ("items", "minItems", "maxItems")


def _check_count(
    node: Node, counted: tuple[str, str, str], count: int, path: Path, found: list[Problem]
) -> bool:
    """Whether there are as many as there may be; a problem if not."""
    what, least, most = counted
    if least in node and count < node[least]:
        _wrong(found, path, _bad_count, f"{count} {what}", f"{node[least]} at least")
        return False
    if most in node and count > node[most]:
        _wrong(found, path, _bad_count, f"{count} {what}", f"{node[most]} at most")
        return False
    return True


# --- words ------------------------------------------------------------------------------------------


def _wrong(found: list[Problem], path: Path, say: Callable[..., str], *details: Any) -> None:
    """Note a problem; `say` makes its words of the details, with the module for that, once they are read."""
    from . import messages

    found.append(messages.Problem(path, lambda: say(messages, *details)))


def _missing(_: Any) -> str:
    return "is required and missing"


def _too_small(_: Any, node: Node) -> str:
    return f"must be at least {node['minimum']}"


def _bad_count(_: Any, has: str, must_have: str) -> str:
    return f"has {has} and must have {must_have}"


def _no_such_value(messages: Any, known: list[str], value: str) -> str:
    return f"must be one of {', '.join(known)}{messages.did_you_mean(value, known)}"


def _no_match(messages: Any, pattern: str, value: str) -> str:
    return str(messages.wrong_pattern(pattern, value))


def _no_such_key(messages: Any, patterns: Mapping[str, Node], key: str) -> str:
    return str(messages.wrong_key(patterns, key))


# --- patterns ---------------------------------------------------------------------------------------

# Python's `re` has no \p{..}. A control character stands for all non-ASCII characters of a category, in the
# pattern and in the value; the ASCII ones of the category are spelled out.
_CATEGORIES = {
    "L": "\x01a-zA-Z",
    "N": "\x020-9",
    "Z": "\x03 ",
    "P": "\x04!-#%-*,-/:;?@\\[-\\]_{}",
    "S": "\x05$+<->\\^`|~",
    "M": "\x06",
}
_CATEGORY = re.compile(r"\\p\{(\w)\}")


def _matches(pattern: str, value: str) -> bool:
    """Whether the whole value matches, as Java and the service see it: \\w, \\d and \\s are ASCII's."""
    return _compiled(pattern).fullmatch(_by_category(value) if "\\p{" in pattern else value) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(_CATEGORY.sub(lambda found: _CATEGORIES[found[1]], pattern), re.ASCII)


def _by_category(value: str) -> str:
    if value.isascii() and value.isprintable():
        return value

    def standing_for(character: str) -> str:
        if character.isascii():
            return character if character.isprintable() else "\0"
        return _CATEGORIES.get(unicodedata.category(character)[0], "\0")[0]

    return "".join(map(standing_for, value))
