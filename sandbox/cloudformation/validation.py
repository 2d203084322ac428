"""Checks a template's properties against a type's schema, as CloudFormation does before it calls a handler.

Only what decides without judgement: keys, required keys, kinds of value, enumerations and sizes. Values
arrive as strings, so a number is a string that reads as one.
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.cloudformation.schema_rules import Rules
from sandbox.shared.json_pointers import top_level

_FOUND = {dict: "JSONObject", list: "JSONArray", str: "String", type(None): "Null"}
_WANTED = {"object": "JSONObject", "array": "JSONArray"}


def problems(schema: dict[str, Any], properties: dict[str, Any]) -> list[str]:
    """Return what CloudFormation would refuse, in its words."""
    read_only = top_level(schema.get("readOnlyProperties", []))
    known = schema.get("properties", {})
    found = [
        f"Encountered unsupported property {name}"
        for name in properties
        if name not in known or name in read_only
    ]
    if found:
        return found
    return _check(Rules(schema), schema, properties, "#")


def _check(rules: Rules, rule: dict[str, Any], value: Any, where: str) -> list[str]:
    rule = rules.resolved(rule)
    wrong = _kind(rule, value, where)
    if wrong:
        return wrong
    if isinstance(value, dict):
        return _check_object(rules, rule, value, where)
    if isinstance(value, list):
        found = _size(rule, "Items", len(value), where)
        for index, item in enumerate(value):
            found += _check(rules, rule.get("items", {}), item, f"{where}/{index}")
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


def _check_object(rules: Rules, rule: dict[str, Any], value: dict[str, Any], where: str) -> list[str]:
    found = [
        f"{where}: required key [{name}] not found" for name in rule.get("required", []) if name not in value
    ]
    for name, item in value.items():
        every = rules.all_of_member(rule, name)
        if not every and rule.get("additionalProperties") is False:
            found.append(f"{where}: extraneous key [{name}] is not permitted")
        for each in every:
            found += _check(rules, each, item, f"{where}/{name}")
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
