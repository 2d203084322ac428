"""Structures in requests and answers of the Query protocol, which CloudFormation speaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def request_member(params: Mapping[str, Any], name: str) -> Any:
    """Return a member of a request as text, list or object; None if the request does not have it.

    `params` are the form's fields with lists of values; an empty list or object is an empty text.
    """
    found: dict[str, Any] = {}
    for key, value in params.items():
        path = key.split(".")
        if path[0] != name:
            continue
        node = found
        for part in path[:-1]:
            inner = node.get(part)
            node[part] = node = inner if isinstance(inner, dict) else {}
        node.setdefault(path[-1], value[0] if isinstance(value, list) and value else value)
    return _plain(found[name]) if name in found else None


def _plain(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    members = node.get("member")
    if isinstance(members, dict):
        return [_plain(members[number]) for number in sorted(members, key=_position)]
    return {name: _plain(each) for name, each in node.items()}


def _position(number: str) -> int:
    return int(number) if number.isdecimal() else 0


def answer_members(value: Any, escape: Callable[[str], str]) -> str:
    """Return an object's members, a list's items or a text as XML; None is left out."""
    if isinstance(value, Mapping):
        return "".join(
            f"<{name}>{answer_members(each, escape)}</{name}>"
            for name, each in value.items()
            if each is not None
        )
    if isinstance(value, list):
        return "".join(f"<member>{answer_members(each, escape)}</member>" for each in value)
    return escape(str(value).lower() if isinstance(value, bool) else str(value))
