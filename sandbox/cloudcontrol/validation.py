"""Models against the schema of their type, in the words of the real service's validator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from sandbox.shared.java_patterns import occurs

# What makes up the schema of a model, out of all that the schema of a type says.
RULES = ("additionalProperties", "allOf", "anyOf", "definitions", "oneOf", "patternProperties", "required")
_KINDS = {
    dict: "JSONObject",
    list: "JSONArray",
    str: "String",
    bool: "Boolean",
    int: "Integer",
    float: "Number",
    type(None): "Null",
}
_NAMES = {"object": "JSONObject", "array": "JSONArray"}
_SIZES = {
    "maxItems": ("maximum item count", len),
    "maxLength": ("maxLength", len),
    "maxProperties": ("maximum size", len),
    "minItems": ("minimum item count", len),
    "minLength": ("minLength", len),
    "minProperties": ("minimum size", len),
}


def problems(schema: dict[str, Any], model: Any) -> list[str]:
    """Return what is wrong with a model, each with its path; nothing if all is well."""
    rules = {name: schema[name] for name in RULES if name in schema}
    return _found({"type": "object", "properties": schema.get("properties", {}), **rules}, model)


def filter_problems(schema: dict[str, Any], model: Any) -> list[str]:
    """Return what is wrong with a model that a list is to be filtered by."""
    handler = schema["handlers"]["list"].get("handlerSchema", {})
    return _found({"type": "object", "definitions": schema.get("definitions", {}), **handler}, model)


def _found(rules: dict[str, Any], model: Any) -> list[str]:
    errors = _Validator(rules).iter_errors(model)
    # Each missing key is an error of its own here, and one text for all of them.
    return list(dict.fromkeys(text for error in errors for text in _texts(error)))


def _texts(error: ValidationError) -> list[str]:
    """Return an error in the words of the validator that the real service uses; values are never quoted."""
    place = "/".join(["#", *map(str, error.absolute_path)])
    return [f"{place}: {words}" for words in _words(error)]


def _words(error: ValidationError) -> list[str]:
    rule, limit, value = str(error.validator), error.validator_value, error.instance
    if rule == "required":
        return [f"required key [{name}] not found" for name in limit if name not in value]
    if rule == "type":
        kinds = limit if isinstance(limit, list) else [limit]
        wanted = " or ".join(_NAMES.get(kind, kind.capitalize()) for kind in kinds)
        return [f"expected type: {wanted}, found: {_KINDS.get(type(value), type(value).__name__)}"]
    if rule == "enum":
        return [f"{value} is not a valid enum value"]
    if rule in _SIZES:
        name, size = _SIZES[rule]
        return [f"expected {name}: {limit}, found: {size(value)}"]
    return [error.message]


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not occurs(pattern, value):
        yield ValidationError(f"string does not match pattern {pattern}")


def _pattern_properties(
    validator: Any, patterns: dict[str, Any], value: Any, _schema: Any
) -> Iterator[ValidationError]:
    for pattern, rules in patterns.items() if isinstance(value, dict) else ():
        for name, inner in value.items():
            if occurs(pattern, name):
                yield from validator.descend(inner, rules, path=name, schema_path=pattern)


def _additional(validator: Any, rule: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    for name, inner in value.items() if isinstance(value, dict) else ():
        known = name in schema.get("properties", {})
        if known or any(occurs(pattern, name) for pattern in schema.get("patternProperties", {})):
            continue
        if rule is False:
            yield ValidationError(f"extraneous key [{name}] is not permitted")
        elif isinstance(rule, dict):
            yield from validator.descend(inner, rule, path=name)


# Patterns are in Java's dialect, and Python's own would refuse to compile some of them.
_Validator = extend(
    Draft7Validator,
    {
        "additionalProperties": _additional,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
    },
)
