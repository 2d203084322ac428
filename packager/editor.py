"""The JSON schema of whole templates, for editors: `python -m packager.editor`.

Language servers for YAML and JSON complete and check a template with it. It has the properties of a model
package with their descriptions; resources of other types may have any.

Any value may be a function. A server for YAML checks what follows a tag such as `!Ref`, not the tag. So any
string is allowed but one of an enumeration in the wrong case, and patterns are left to cfn-lint.
"""

from __future__ import annotations

import json
from typing import Any

from packager.project import OURS, ROOT, TypeName, renamed, schema

TARGET = ROOT / "editors" / "template.schema.json"

Json = dict[str, Any]

_SECTIONS = {
    "AWSTemplateFormatVersion": "Always 2010-09-09.",
    "Description": "What the template is for.",
    "Metadata": "Data about the template, for tools.",
    "Parameters": "Values that are given at deployment.",
    "Rules": "What has to be true of the parameters together.",
    "Mappings": "Tables for Fn::FindInMap.",
    "Conditions": "What decides which resources and properties there are.",
    "Transform": "Macros that rewrite the template, such as AWS::LanguageExtensions.",
    "Globals": "Defaults of the SAM transform.",
    "Hooks": "Hooks of a blue/green deployment.",
    "Outputs": "Values that the stack returns or exports.",
}
_ATTRIBUTES = {
    "Type": "The type of the resource.",
    "Properties": "The desired properties of the resource.",
    "DependsOn": "Resources that have to be created first.",
    "Condition": "The condition under which the resource is created.",
    "Metadata": "Data about the resource, for tools.",
    "DeletionPolicy": "What happens to the resource when it is taken out of the stack.",
    "UpdateReplacePolicy": "What happens to the previous resource when an update replaces it.",
}
_POLICIES = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")
_FUNCTION = {"$ref": "#/definitions/function"}
_REFERENCE = {"$ref": "#/definitions/reference"}
_FUNCTIONS: dict[str, Json] = {
    "function": {
        "anyOf": [
            {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "patternProperties": {r"^(Ref|Fn::\w+(::\w+)?)$": True},
                "additionalProperties": False,
            },
            # What follows !If, !Sub, !Join and other tags.
            {"type": "array", "minItems": 2, "items": [{"type": ["string", "number"]}]},
        ]
    },
    # What follows !Ref and !GetAtt.
    "reference": {"type": "string", "pattern": r"^[A-Za-z0-9]+(\.[A-Za-z0-9.]+)?$"},
}
# Keywords with the same meaning in the resource's schema and in JSON Schema, but for those of strings.
_KEPT_KEYWORDS = frozenset(
    {"description", "maxItems", "maxProperties", "minItems", "required", "additionalProperties"}
)
_TYPES: dict[str, Json] = {
    # CloudFormation takes every primitive as text, and text as every primitive.
    "string": {"type": ["string", "number", "boolean"]},
    "boolean": {"enum": [True, False, "true", "false"]},
    "integer": {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^-?\d+$"}]},
    "array": {"type": "array"},
    "object": {"type": "object"},
}


def content(name: TypeName = OURS) -> str:
    """The content of `editors/template.schema.json`, for the type under this name."""
    return renamed(json.dumps(template(), indent=1, ensure_ascii=False) + "\n", name)


def template() -> Json:
    """The JSON schema of a template, as draft 7 defines schemas."""
    whole = schema()
    read_only = {pointer.rsplit("/", 1)[1] for pointer in whole["readOnlyProperties"]}
    properties = {name: _value(rule) for name, rule in whole["properties"].items() if name not in read_only}
    for pointer in whole["deprecatedProperties"]:
        properties[pointer.rsplit("/", 1)[1]]["deprecationMessage"] = "Deprecated: see its description."
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"CloudFormation template with {OURS.name}",
        "type": "object",
        "required": ["Resources"],
        "additionalProperties": False,
        "properties": {
            **{name: {"description": text} for name, text in _SECTIONS.items()},
            "Resources": {
                "description": "What the stack consists of.",
                "type": "object",
                "additionalProperties": {"$ref": "#/definitions/resource"},
            },
        },
        "definitions": {
            **_FUNCTIONS,
            "resource": _resource(),
            "package": {
                "description": whole["description"],
                "type": "object",
                "additionalProperties": False,
                "patternProperties": {r"^Fn::": True},
                "properties": properties,
            },
            **{name: _rule(rule) for name, rule in whole["definitions"].items()},
        },
    }


def _resource() -> Json:
    attributes: Json = {name: {"description": text} for name, text in _ATTRIBUTES.items()}
    attributes["Type"] |= {"type": "string", "anyOf": [{"const": OURS.name}, {"type": "string"}]}
    for name in ("DeletionPolicy", "UpdateReplacePolicy"):
        attributes[name]["anyOf"] = [{"enum": list(_POLICIES)}, _FUNCTION]
    return {
        "type": "object",
        "properties": attributes,
        "if": {"properties": {"Type": {"const": OURS.name}}, "required": ["Type"]},
        "then": {
            "properties": dict.fromkeys(attributes, True) | {"Properties": {"$ref": "#/definitions/package"}},
            "additionalProperties": False,
        },
    }


def _value(rule: Json) -> Json:
    """The schema of a value that may be a function, with the description where editors read it."""
    may_be = [_FUNCTION] if rule.get("type") == "string" else [_FUNCTION, _REFERENCE]
    result: Json = {"anyOf": [_rule(rule), *may_be]}
    return {"description": rule["description"], **result} if "description" in rule else result


def _rule(rule: Json) -> Json:
    """A value's schema in the resource's schema, as JSON Schema."""
    if "$ref" in rule:
        return {"$ref": rule["$ref"]}
    result: Json = {**_TYPES.get(str(rule.get("type")), {})}
    result |= {name: value for name, value in rule.items() if name in _KEPT_KEYWORDS}
    if "enum" in rule:
        result = {"anyOf": [{"enum": rule["enum"]}, _in_correct_case(rule["enum"])]}
    if "items" in rule:
        result["items"] = _value(rule["items"])
    if "properties" in rule:
        result["properties"] = {name: _value(each) for name, each in rule["properties"].items()}
        result["patternProperties"] = {r"^Fn::": True}
    if "patternProperties" in rule:
        ((pattern, values),) = rule["patternProperties"].items()
        # Editors match with JavaScript's patterns, which have no \p{..} without a flag.
        result["patternProperties"] = {r"^Fn::": True} | (
            {} if r"\p{" in pattern else {pattern: _value(values)}
        )
        result["additionalProperties"] = _value(values) if r"\p{" in pattern else False
    return result


def _in_correct_case(values: list[str]) -> Json:
    """The schema of any string but one of these values in another case."""
    exact = "|".join(values)
    any_case = "|".join("".join(f"[{each.upper()}{each.lower()}]" for each in value) for value in values)
    return {
        "type": "string",
        "pattern": f"^(({exact})$|(?!({any_case})$))",
        "patternErrorMessage": f"must be one of {', '.join(values)}, in this spelling",
    }


if __name__ == "__main__":
    TARGET.write_text(content(), encoding="utf-8")
    print(TARGET.relative_to(ROOT))
