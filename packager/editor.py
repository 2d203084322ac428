"""The JSON schema of whole templates, for editors: `python -m packager.editor`.

Language servers for YAML and JSON complete and check a template with it while it is written. Of a model
package it has what the type's schema has, with the descriptions; other types are open.

Any value may be a function. A server for YAML keeps a tag such as `!Ref` to itself and checks what stands
behind it. So a text may be anything here but a value in the wrong case; what it has to look like is left to
the linter.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from packager.project import OURS, ROOT, TypeName, renamed, schema

TARGET = ROOT / "editors" / "template.schema.json"

Json = dict[str, Any]

_SECTIONS = {
    "AWSTemplateFormatVersion": "Always 2010-09-09.",
    "Description": "What the template is for.",
    "Metadata": "What tools want to know of the template.",
    "Parameters": "Values that whoever deploys the template gives.",
    "Rules": "What has to hold of the parameters together.",
    "Mappings": "Tables for Fn::FindInMap.",
    "Conditions": "What decides which resources and properties there are.",
    "Transform": "Macros that rewrite the template, such as AWS::LanguageExtensions.",
    "Globals": "Defaults of the SAM transform.",
    "Hooks": "Hooks of a blue/green deployment.",
    "Outputs": "Values that the stack returns or exports.",
}
_ATTRIBUTES = {
    "Type": "The type of the resource.",
    "Properties": "What the resource shall be.",
    "DependsOn": "Resources that have to be there before.",
    "Condition": "The condition under which the resource is made.",
    "Metadata": "What tools want to know of the resource.",
    "DeletionPolicy": "What becomes of the resource when it is taken out of the stack.",
    "UpdateReplacePolicy": "What becomes of the old resource when a change replaces it.",
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
            # What stands behind !If, !Sub, !Join and their like.
            {"type": "array", "minItems": 2, "items": [{"type": ["string", "number"]}]},
        ]
    },
    # What stands behind !Ref and !GetAtt.
    "reference": {"type": "string", "pattern": r"^[A-Za-z0-9]+(\.[A-Za-z0-9.]+)?$"},
}
# Said of a value by the resource's schema and by JSON Schema alike, and not of texts.
_KEPT = frozenset(
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
    """The content of the file, for the type under this name."""
    return renamed(json.dumps(template(), indent=1, ensure_ascii=False) + "\n", name)


def template() -> Json:
    """The schema of a template."""
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
            **{name: {"description": words} for name, words in _SECTIONS.items()},
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
    attributes: Json = {name: {"description": words} for name, words in _ATTRIBUTES.items()}
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
    """The rule for what may be a function as well; the description stands where editors look for it."""
    may_be = [_FUNCTION] if rule.get("type") == "string" else [_FUNCTION, _REFERENCE]
    found: Json = {"anyOf": [_rule(rule), *may_be]}
    return {"description": rule["description"], **found} if "description" in rule else found


def _rule(rule: Json) -> Json:
    """What the resource's schema says of a value, in JSON Schema."""
    if "$ref" in rule:
        return {"$ref": rule["$ref"]}
    found: Json = {**_TYPES.get(str(rule.get("type")), {})}
    found |= {name: value for name, value in rule.items() if name in _KEPT}
    if "enum" in rule:
        found = {"anyOf": [{"enum": rule["enum"]}, _in_the_right_case(rule["enum"])]}
    if "items" in rule:
        found["items"] = _value(rule["items"])
    if "properties" in rule:
        found["properties"] = {name: _value(each) for name, each in rule["properties"].items()}
        found["patternProperties"] = {r"^Fn::": True}
    if "patternProperties" in rule:
        ((pattern, values),) = rule["patternProperties"].items()
        # Editors match as JavaScript does, which has not all of Java's classes.
        found["patternProperties"] = {r"^Fn::": True} | (
            {} if r"\p{" in pattern else {pattern: _value(values)}
        )
        found["additionalProperties"] = _value(values) if r"\p{" in pattern else False
    return found


def _in_the_right_case(values: list[str]) -> Json:
    """Any text but one of these values in another case."""
    exact = "|".join(values)
    any_case = "|".join("".join(f"[{each.upper()}{each.lower()}]" for each in value) for value in values)
    return {
        "type": "string",
        "pattern": f"^(({exact})$|(?!({any_case})$))",
        "patternErrorMessage": f"must be one of {', '.join(values)}, in this spelling",
    }


def main() -> int:
    """Write the file."""
    TARGET.write_text(content(), encoding="utf-8")
    print(TARGET.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
