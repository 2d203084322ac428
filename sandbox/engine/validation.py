"""Checks a template's properties against a type's schema, as CloudFormation does before it calls a handler.

Only what decides without judgement: keys, required keys, kinds of value, enumerations and sizes. Values
arrive as strings, so a number is a string that reads as one.
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.patterns import matches

_FOUND = {dict: "JSONObject", list: "JSONArray", str: "String", type(None): "Null"}
_WANTED = {"object": "JSONObject", "array": "JSONArray"}


def problems(schema: dict[str, Any], properties: dict[str, Any]) -> list[str]:
    """Return what CloudFormation would refuse, in its words."""
    read_only = {pointer.removeprefix("/properties/") for pointer in schema.get("readOnlyProperties", [])}
    known = schema.get("properties", {})
    found = [
        f"Encountered unsupported property {name}"
        for name in properties
        if name not in known or name in read_only
    ]
    if found:
        return found
    return _check(schema, schema, properties, "#")


class Rules:
    """Finds the rule for a value: what the schema says of one property, or of a member of another rule."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema

    def of_property(self, name: str) -> dict[str, Any] | None:
        """Return the rule for a property of the type, if there is one."""
        rule: dict[str, Any] | None = self._schema.get("properties", {}).get(name)
        return rule

    def of_member(self, rule: dict[str, Any], name: str) -> dict[str, Any]:
        """Return the rule for a member of an object; the empty one, which allows everything, by default."""
        if name in rule.get("properties", {}):
            found: dict[str, Any] = rule["properties"][name]
            return found
        patterns = rule.get("patternProperties", {})
        return next((each for key, each in patterns.items() if matches(key, name)), {})

    def resolved(self, rule: dict[str, Any]) -> dict[str, Any]:
        """Return the rule that a reference stands for, or the rule itself."""
        while "$ref" in rule:
            rule = self._schema["definitions"][rule["$ref"].rsplit("/", 1)[1]]
        return rule


def _check(root: dict[str, Any], rule: dict[str, Any], value: Any, where: str) -> list[str]:
    if "$ref" in rule:
        return _check(root, root["definitions"][rule["$ref"].rsplit("/", 1)[1]], value, where)
    wrong = _kind(rule, value, where)
    if wrong:
        return wrong
    if isinstance(value, dict):
        return _check_object(root, rule, value, where)
    if isinstance(value, list):
        found = _size(rule, "Items", len(value), where)
        for index, item in enumerate(value):
            found += _check(root, rule.get("items", {}), item, f"{where}/{index}")
        return found
    return _check_primitive(rule, value, where)


def _kind(rule: dict[str, Any], value: Any, where: str) -> list[str]:
    kinds = rule.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if not kinds or any(_is(kind, value) for kind in kinds):
        return []
    wanted = _WANTED.get(kinds[0], kinds[0].capitalize())
    return [f"{where}: expected type: {wanted}, found: {_FOUND.get(type(value), type(value).__name__)}"]


def _is(kind: str, value: Any) -> bool:
    if kind == "object":
        return isinstance(value, dict)
    if kind == "array":
        return isinstance(value, list)
    if not isinstance(value, str):
        return False
    if kind == "boolean":
        return value in ("true", "false")
    pattern = {"integer": r"-?\d+", "number": r"-?\d+(\.\d+)?([eE][-+]?\d+)?"}.get(kind)
    return pattern is None or re.fullmatch(pattern, value) is not None


def _check_object(root: dict[str, Any], rule: dict[str, Any], value: dict[str, Any], where: str) -> list[str]:
    found = [
        f"{where}: required key [{name}] not found" for name in rule.get("required", []) if name not in value
    ]
    for name, item in value.items():
        rules = [rule["properties"][name]] if name in rule.get("properties", {}) else []
        rules += [each for key, each in rule.get("patternProperties", {}).items() if matches(key, name)]
        if not rules and rule.get("additionalProperties") is False:
            found.append(f"{where}: extraneous key [{name}] is not permitted")
        for each in rules:
            found += _check(root, each, item, f"{where}/{name}")
    return found + _size(rule, "Properties", len(value), where)


def _check_primitive(rule: dict[str, Any], value: str, where: str) -> list[str]:
    if "enum" in rule and value not in [_text(item) for item in rule["enum"]]:
        return [f"{where}: #: {value} is not a valid enum value"]
    if "const" in rule and value != _text(rule["const"]):
        return [f"{where}: {value} is not the expected value"]
    return _size(rule, "Length", len(value), where) if rule.get("type") == "string" else []


def _size(rule: dict[str, Any], what: str, size: int, where: str) -> list[str]:
    """Check `minItems`, `maxLength` and their like."""
    least, most = rule.get(f"min{what}", 0), rule.get(f"max{what}")
    if size < least:
        return [f"{where}: expected minimum {what}: {least}, found: {size}"]
    if most is not None and size > most:
        return [f"{where}: expected maximum {what}: {most}, found: {size}"]
    return []


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
