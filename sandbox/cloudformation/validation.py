"""Models against the schema of their type, with jsonschema and the messages of the real service's validator.

Cloud Control checks a whole model. CloudFormation, before it calls a handler, checks a template's properties.
There every primitive is a string, so that a number is a string that reads as one. As a string can read as
several kinds of value, nothing is checked against `not` and `if`, and it may match several of a `oneOf`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from sandbox.shared.java_patterns import occurs
from sandbox.shared.json_pointers import top_level
from sandbox.shared.template_parameters import as_text

Schema = dict[str, Any]
Errors = Iterator[ValidationError]

# What makes up the schema of a model, out of all that the schema of a type says.
_RULES = ("additionalProperties", "allOf", "anyOf", "definitions", "oneOf", "patternProperties", "required")
_TYPES = {dict: "JSONObject", list: "JSONArray", str: "String", bool: "Boolean", int: "Integer"}
_TYPES |= {float: "Number", type(None): "Null"}
_EXPECTED = {"object": "JSONObject", "array": "JSONArray"}
# The messages of both, for the rules about sizes.
_MODEL_SIZES = {
    "maxItems": "maximum item count",
    "maxLength": "maxLength",
    "maxProperties": "maximum size",
    "minItems": "minimum item count",
    "minLength": "minLength",
    "minProperties": "minimum size",
}
_TEMPLATE_SIZES = {rule: f"{rule[:3]}imum {rule[3:]}" for rule in _MODEL_SIZES}

# [S] What the real validator says where its own message would quote the value.
_SCRUBBED = "failed validation constraint for keyword [{}]"
_BOUNDS = ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf")


def model_problems(schema: Schema, model: Any) -> list[str]:
    """Return what Cloud Control refuses of a model, each problem with its path."""
    return _problems(_ModelValidator(_model_schema(schema)), model, _MODEL_SIZES)


def filter_problems(schema: Schema, model: dict[str, Any]) -> list[str]:
    """Return what Cloud Control refuses of a model that a list is to be filtered by."""
    unknown = [f"#: {_extraneous(name)}" for name in model if name not in schema["properties"]]
    rules = schema["handlers"]["list"].get("handlerSchema", {})
    validator = _ModelValidator({"type": "object", "definitions": schema.get("definitions", {}), **rules})
    return unknown + _problems(validator, model, _MODEL_SIZES)


def template_problems(schema: Schema, properties: dict[str, Any]) -> list[str]:
    """Return what CloudFormation refuses of a template's properties, each problem with its path."""
    settable = schema.get("properties", {}).keys() - top_level(schema.get("readOnlyProperties", []))
    unsupported = [f"Encountered unsupported property {name}" for name in properties if name not in settable]
    return unsupported or _problems(_TemplateValidator(_model_schema(schema)), properties, _TEMPLATE_SIZES)


def _model_schema(schema: Schema) -> Schema:
    rules = {name: schema[name] for name in _RULES if name in schema}
    return {"type": "object", "properties": schema.get("properties", {}), **rules}


def _problems(validator: Any, model: Any, sizes: dict[str, str]) -> list[str]:
    problems = []
    for error in validator.iter_errors(model):
        place = "/".join(["#", *map(str, error.absolute_path)])
        problems += [f"{place}: {message}" for message in _messages(error, sizes)]
    # Each missing key is an error of its own for jsonschema, and has one message for all of them.
    return list(dict.fromkeys(problems))


def _messages(error: ValidationError, sizes: dict[str, str]) -> list[str]:
    """Return an error's messages; no value is quoted but one that is in no enumeration."""
    rule, limit, value = str(error.validator), error.validator_value, error.instance
    if rule == "required":
        return [f"required key [{name}] not found" for name in limit if name not in value]
    if rule == "type":
        types = limit if isinstance(limit, list) else [limit]
        expected = " or ".join(_EXPECTED.get(each, each.capitalize()) for each in types)
        return [f"expected type: {expected}, found: {_TYPES.get(type(value), type(value).__name__)}"]
    if rule in sizes:
        return [f"expected {sizes[rule]}: {limit}, found: {len(value)}"]
    if rule == "uniqueItems":
        return ["array items are not unique"]
    if rule in (*_BOUNDS, "contains", "not"):
        return [_SCRUBBED.format(rule)]
    return [error.message]


def _extraneous(name: str) -> str:
    return f"extraneous key [{name}] is not permitted"


def _additional(validator: Any, rule: Any, value: Any, schema: Schema) -> Errors:
    for name, inner in value.items() if isinstance(value, dict) else ():
        known = name in schema.get("properties", {})
        if known or any(occurs(pattern, name) for pattern in schema.get("patternProperties", {})):
            continue
        if rule is False:
            yield ValidationError(_extraneous(name))
        elif isinstance(rule, dict):
            yield from validator.descend(inner, rule, path=name)


def _enum(_validator: Any, values: list[Any], value: Any, _schema: Schema) -> Errors:
    if value not in values:
        yield ValidationError(f"{value} is not a valid enum value")


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Schema) -> Errors:
    if isinstance(value, str) and not occurs(pattern, value):
        yield ValidationError(f"string does not match pattern {pattern}")


def _any_of(validator: Any, schemas: list[Schema], value: Any, _schema: Schema) -> Errors:
    if not _matching(validator, schemas, value):
        yield ValidationError(f"#: no subschema matched out of the total {len(schemas)} subschemas")


def _one_of(validator: Any, schemas: list[Schema], value: Any, _schema: Schema) -> Errors:
    matching = _matching(validator, schemas, value)
    if matching != 1:
        yield ValidationError(f"#: {matching} subschemas matched instead of one")


def _matching(validator: Any, schemas: list[Schema], value: Any) -> int:
    return sum(validator.evolve(schema=each).is_valid(value) for each in schemas)


def _pattern_properties(validator: Any, patterns: Schema, value: Any, _schema: Schema) -> Errors:
    for pattern, rules in patterns.items() if isinstance(value, dict) else ():
        for name, inner in value.items():
            if occurs(pattern, name, otherwise=False):
                yield from validator.descend(inner, rules, path=name, schema_path=pattern)


# Patterns are in Java's dialect, and Python's own would refuse to compile some of them.
_ModelValidator = extend(
    Draft7Validator,
    {
        "additionalProperties": _additional,
        "anyOf": _any_of,
        "enum": _enum,
        "oneOf": _one_of,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
    },
)


def _text_enum(_validator: Any, values: list[Any], value: Any, _schema: Schema) -> Errors:
    if isinstance(value, str) and value not in map(as_text, values):
        yield ValidationError(f"#: {value} is not a valid enum value")


def _text_const(_validator: Any, expected: Any, value: Any, _schema: Schema) -> Errors:
    if isinstance(value, str) and value != as_text(expected):
        yield ValidationError(f"{value} is not the expected value")


_INTEGER, _NUMBER = r"-?\d+", r"-?\d+(\.\d+)?([eE][-+]?\d+)?"


def _text_pattern(_validator: Any, pattern: str, value: Any, _schema: Schema) -> Errors:
    if isinstance(value, str) and not occurs(pattern, value):
        yield ValidationError(_SCRUBBED.format("pattern"))


def _text_bound(rule: str) -> Callable[[Any, Any, Any, Schema], Errors]:
    def check(_validator: Any, limit: Any, value: Any, schema: Schema) -> Errors:
        kind = schema.get("type", ())
        is_number = "number" in kind or "integer" in kind
        if is_number and _reads_as(_NUMBER)(None, value):
            number = int(value) if re.fullmatch(_INTEGER, value) else float(value)
            if not Draft7Validator({rule: limit}).is_valid(number):
                yield ValidationError(rule)

    return check


def _unchecked(_validator: Any, _rule: Any, _value: Any, _schema: Schema) -> Errors:
    return iter(())


def _text_one_of(validator: Any, schemas: list[Schema], value: Any, schema: Schema) -> Errors:
    yield from (_any_of if isinstance(value, str) else _one_of)(validator, schemas, value, schema)


def _reads_as(pattern: str) -> Callable[[Any, Any], bool]:
    return lambda _checker, value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


_TemplateValidator = extend(
    _ModelValidator,
    {
        **{rule: _text_bound(rule) for rule in _BOUNDS},
        **dict.fromkeys(("format", "if", "not"), _unchecked),
        "const": _text_const,
        "enum": _text_enum,
        "oneOf": _text_one_of,
        "pattern": _text_pattern,
    },
    type_checker=Draft7Validator.TYPE_CHECKER.redefine_many(
        {
            "boolean": _reads_as("true|false"),
            "integer": _reads_as(_INTEGER),
            "number": _reads_as(_NUMBER),
        }
    ),
)
