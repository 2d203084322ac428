"""What the schema allows of a value, checked before anything is created.

CloudFormation checks a template itself before it calls a handler. Who calls the handlers otherwise would hear
of a bad value from SageMaker, of some only when the package has been made, and of some not at all. Its data,
`limits.json`, is cut out of the schema by `packager/limits.py`. Types, nulls and unknown members are
`translate`'s.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Any

from cloudformation_cli_python_lib.exceptions import InvalidRequest

from . import translate

Node = Mapping[str, Any]

_FILE = os.path.join(os.path.dirname(__file__), "limits.json")


def check(properties: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> None:
    """Raise InvalidRequest, naming the path and the limit but no value, where a property breaks the schema.

    Properties are typed (`translate.parse`). Those that are as in `known`, a state that was accepted once,
    are left alone: the update of another property must not fail over them.
    """
    accepted = known or {}
    for name, value in properties.items():
        if name not in accepted or accepted[name] != value:
            _check(_schema()["properties"][name], value, name)


@cache
def _schema() -> dict[str, Any]:
    with open(_FILE, encoding="utf-8") as file:
        loaded: dict[str, Any] = json.load(file)
    return loaded


def _check(node: Node, value: Any, path: str) -> None:
    if "$ref" in node:
        node = _schema()["definitions"][node["$ref"].rpartition("/")[2]]
    if isinstance(value, str):
        _check_string(node, value, path)
    elif isinstance(value, Mapping):
        _check_object(node, value, path)
    elif isinstance(value, list):
        _check_count(len(value), node.get("minItems"), node.get("maxItems"), "items", path)
        for position, item in enumerate(value):
            _check(node["items"], item, f"{path}[{position}]")
    elif "minimum" in node and value < node["minimum"]:
        raise _wrong(path, f"must be at least {node['minimum']}")


def _check_string(node: Node, value: str, path: str) -> None:
    # Lengths first: what follows is quick for strings of a bearable length.
    _check_count(len(value), node.get("minLength"), node.get("maxLength"), "characters", path)
    if "enum" in node and value not in node["enum"]:
        known = node["enum"]
        raise _wrong(path, f"must be one of {', '.join(known)}{translate.did_you_mean(value, known)}")
    if "pattern" in node and not _matches(node["pattern"], value):
        raise _wrong(path, f"must match the pattern {node['pattern']}")


def _check_object(node: Node, value: Mapping[str, Any], path: str) -> None:
    for name in node.get("required", ()):
        if name not in value:
            raise _wrong(f"{path}.{name}", "is required and missing")
    _check_count(len(value), None, node.get("maxProperties"), "entries", path)
    members, patterns = node.get("properties", {}), node.get("patternProperties", {})
    for name, item in value.items():
        where = translate.member(path, name)
        if name in members:
            _check(members[name], item, where)
        elif patterns:
            _check(_of_key(patterns, name, where), item, where)


def _of_key(patterns: Mapping[str, Node], key: str, path: str) -> Node:
    for pattern, node in patterns.items():
        if _matches(pattern, key):
            return node
    raise _wrong(path, f"has a name that does not match the pattern {' or '.join(patterns)}")


def _check_count(count: int, least: int | None, most: int | None, what: str, path: str) -> None:
    if least is not None and count < least:
        raise _wrong(path, f"has {count} {what} and must have {least} at least")
    if most is not None and count > most:
        raise _wrong(path, f"has {count} {what} and must have {most} at most")


def _wrong(path: str, what: str) -> InvalidRequest:
    return InvalidRequest(f"{path} {what}")


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
