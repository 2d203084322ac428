"""The schema's propertyTransform, which follows from its other parts: `python -m packager.transforms`.

CloudFormation applies such a JSONata expression to a template's value that differs from the one that read
returned, and compares again:
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-model-false-drift.html
Each makes the value that read may return as well: the name in an ARN, without defaults and empty members,
with the specifications to add.

Which engine evaluates them is not documented, so they consist of what all known engines have: paths, filters,
conditions, constructors and a few functions. `$merge` is evaluated only for a template with the deprecated
Environment, for which nothing else will do. None yields a description or another text of a person: what a
transform yields may be read as a regular expression.
"""

from __future__ import annotations

import json
from typing import Any

from aws_sagemaker_modelpackage.patterns import matches
from packager.project import SCHEMA, schema

Node = dict[str, Any]

# Values of an enumeration that mean the same as no value.
_NOTHING = {"None", "PendingManualApproval"}
# Numbers of which SageMaker says that zero means unset.
_ZERO_IS_UNSET = {"MaxConcurrentTransforms"}
# A text that is not empty differs from every other one: no string equals false.
_TEXT = '$exists({0}[$ != ""]) ? false'

_SPECIFICATION = "InferenceSpecification"
_ADDITIONAL = "AdditionalInferenceSpecifications"
_TO_ADD = ("AdditionalInferenceSpecificationsToAdd", "AdditionalInferenceSpecificationDefinition")

# Properties whose rules their shapes do not tell.
_OWN = {
    "ModelPackageName": "$lowercase(ModelPackageName)",
    "ModelPackageGroupName": '$split(ModelPackageGroupName, "/")[-1]',
    # Keys in S3 and aliases of KMS keys have a case.
    "SourceUri": '$substring(SourceUri, 0, 4) = "arn:" and $not($split(SourceUri, ":")[2] in ["s3", "kms"])'
    " ? $lowercase(SourceUri) : " + _TEXT.format("SourceUri"),
    "Tags": "$exists(ModelPackageGroupName) ? [] : Tags",
    # Changed in place, where leaving out an empty member would hide what is there now.
    "ModelCard": "ModelCard[$exists(*)]",
}
# Described exactly as it was given, and changed in place.
_EXACT = {"ModelLifeCycle"}


def expressions(whole: Node) -> dict[str, str]:
    """The transforms of a schema, by JSON pointer."""
    hidden = {
        pointer.rpartition("/")[2]
        for keyword in ("readOnlyProperties", "writeOnlyProperties", "deprecatedProperties")
        for pointer in whole[keyword]
    }
    transforms = {
        name: _OWN.get(name) or Shapes(whole, defaults=name == _SPECIFICATION).of_property(name)
        for name in whole["properties"]
        if name not in hidden | _EXACT
    }
    return {f"/properties/{name}": text for name, text in transforms.items() if text != name}


class Shapes:
    """Makes expressions of a schema's shapes; with `defaults`, containers get those of Environment."""

    def __init__(self, whole: Node, *, defaults: bool) -> None:
        self._properties: Node = whole["properties"]
        self._definitions: Node = whole["definitions"]
        self._defaults = defaults

    def of_property(self, name: str) -> str:
        """The expression of a property; its name where there is nothing to leave out."""
        node = self._resolved(self._properties[name])
        if name == _ADDITIONAL:
            return self._additional(node)
        if node["type"] == "string" and "enum" not in node:
            return _TEXT.format(name) if self._may_be_empty(node) else name
        return self._member(name, node, required=False)

    def _additional(self, node: Node) -> str:
        """The specifications of all three properties, each name once: the first one wins."""
        parts, names = [_ADDITIONAL], [f"$$.{_ADDITIONAL}.Name"]
        for name in _TO_ADD:
            # The brackets matter: nothing is in nothing.
            parts.append(f"{name}[$not(Name in [{', '.join(names)}])]")
            names.append(f"$$.{name}.Name")
        return f"[[{', '.join(parts)}].{self._constructor(self._resolved(node['items']))}]"

    def _member(self, name: str, node: Node, *, required: bool) -> str:
        """The expression of a member where its object is the context; its name if that does."""
        node = self._resolved(node)
        if node["type"] == "object":
            return self._object(name, node, required=required)
        if node["type"] == "array":
            constructor = self._constructor(self._resolved(node["items"]))
            value = f"[{name}.{constructor}]" if constructor else name
            return value if required or node.get("minItems") else f"$count({name}) > 0 ? {value}"
        return name if required else f"{name}{self._filter(name, node)}"

    def _object(self, name: str, node: Node, *, required: bool) -> str:
        if "properties" not in node:  # a map
            value = f"$exists({name}.*) ? {name}"
            if name == "Environment" and self._defaults:
                value = f"$exists($$.{name}.*) ? $merge([$$.{name}, {name}]) : {value}"
            return value
        constructor = self._constructor(node)
        value = f"{name}.{constructor}" if constructor else name
        return value if required or node.get("required") else f"{value}[$exists(*)]"

    def _filter(self, name: str, node: Node) -> str:
        if node["type"] == "boolean":
            return '[$string($) != "false"]'
        if node["type"] == "integer":
            return '[$string($) != "0"]' if name in _ZERO_IS_UNSET else ""
        if "enum" in node:
            return "".join(f'[$ != "{value}"]' for value in node["enum"] if value in _NOTHING)
        return '[$ != ""]' if self._may_be_empty(node) else ""

    @staticmethod
    def _may_be_empty(node: Node) -> bool:
        return not node.get("minLength") and matches(node.get("pattern", ""), "")

    def _constructor(self, node: Node) -> str:
        """An object of the same members but for those that say nothing; empty where each says something."""
        required = node.get("required", ())
        members = {
            name: self._member(name, member, required=name in required)
            for name, member in node.get("properties", {}).items()
        }
        if all(name == value for name, value in members.items()):
            return ""
        return f"{{{', '.join(f'{json.dumps(name)}: {value}' for name, value in members.items())}}}"

    def _resolved(self, node: Node) -> Node:
        while "$ref" in node:
            node = self._definitions[node["$ref"].rpartition("/")[2]]
        return node


def main() -> None:
    """Write the transforms into the schema."""
    whole = schema()
    whole["propertyTransform"] = expressions(whole)
    SCHEMA.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    print(SCHEMA.name)


if __name__ == "__main__":
    main()
