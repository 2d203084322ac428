"""The templates that a change set compares: the resources they make, resolved values, and outputs.

Seen in ministack 1.5.33: a resource whose condition is false is compared like any other, all attributes of
resources are the same empty text, and of some types every change may replace.
"""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

from sandbox.cloudformation.resource_changes import (
    KNOWN_AFTER_APPLY,
    UNKNOWN_RESOURCE,
    Json,
    Side,
    is_active,
)
from sandbox.shared.template_secrets import MASK

from .names import CHANGE_SETS, ENGINE, STACKS, module, replace

# The properties that replace a resource, of the types of which the engine knows none [D: AWS's schemas].
CREATE_ONLY = {
    "AWS::CDK::Metadata": frozenset[str](),
    "AWS::CloudFormation::Stack": frozenset[str](),
    "AWS::CloudWatch::Alarm": frozenset({"AlarmName"}),
    "AWS::IAM::Policy": frozenset[str](),
    "AWS::KMS::Alias": frozenset({"AliasName"}),
    "AWS::KMS::Key": frozenset[str](),
    "AWS::Logs::LogGroup": frozenset({"LogGroupName"}),
    "AWS::S3::Bucket": frozenset({"BucketName", "BucketNamePrefix", "BucketNamespace"}),
    "AWS::S3::BucketPolicy": frozenset({"Bucket"}),
    "AWS::SNS::Subscription": frozenset({"Endpoint", "Protocol", "TopicArn"}),
    "AWS::SNS::TopicPolicy": frozenset[str](),
    "AWS::SQS::QueuePolicy": frozenset[str](),
    "AWS::SecretsManager::Secret": frozenset({"Name"}),
}
# Functions of which nothing is known where one argument is not: unlike Fn::Sub and Fn::Select [R: Fn::Join].
_OPAQUE = frozenset({"Fn::Base64", "Fn::Cidr", "Fn::Join", "Fn::Split"})
# Beside a template's resources: its parameters from Parameter Store, with their names there.
_STORED = "_sandbox_stored"
_POLICIES = ("DeletionPolicy", "UpdateReplacePolicy")


class _Attributes(dict[str, str]):
    """Attributes of a resource of which all are there, each with its own name as its value."""

    def __init__(self, logical_id: str) -> None:
        super().__init__()
        self._logical_id = logical_id

    def __contains__(self, _name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> str:
        return f"{self._logical_id}.{name}"


class Template:
    """A template with the values of its parameters, for one stack."""

    def __init__(self, template: Json, parameters: Json, stack_name: str, stack_id: str) -> None:
        self._template = template
        self._parameters = parameters
        self._stack = (stack_name, stack_id)
        self._conditions: dict[str, bool] = module(ENGINE)._evaluate_conditions(template, parameters)
        self.resources: Json = {
            logical_id: definition
            for logical_id, definition in (template.get("Resources") or {}).items()
            if is_active(definition, self._conditions)
        }

    def resolve(self, value: Any, records: Json, masked: bool = False) -> Any:
        """Return a value with its functions resolved, by the records of resources.

        Raises:
            Exception: a function cannot be resolved; the engine has no class of its own for it.
        """
        parameters = _masked(self._parameters) if masked else self._parameters
        mappings = self._template.get("Mappings") or {}
        unknown = {logical_id for logical_id, record in records.items() if record is UNKNOWN_RESOURCE}
        return module(CHANGE_SETS)._resolve_refs(
            _with_unknown(copy.deepcopy(value), unknown),
            records,
            parameters,
            self._conditions,
            mappings,
            *self._stack,
        )

    def side(self) -> Side:
        """Return what the values of its resources are compared by."""
        return Side(self.resources, self.resolve)

    def comparable(self) -> Json:
        """Return the resources, with values that two templates can be compared by."""
        records = {
            logical_id: {"PhysicalResourceId": logical_id, "Attributes": _Attributes(logical_id)}
            for logical_id in self.resources
        }
        return {
            logical_id: {**definition, **self._comparable(definition, records)}
            for logical_id, definition in self.resources.items()
        }

    def _comparable(self, definition: Json, records: Json) -> Json:
        resolved: Json = {}
        properties = definition.get("Properties") or {}
        for name, value in properties.items():
            try:
                resolved |= self.resolve({name: value}, records)
            except Exception:
                resolved[name] = value
        policies = {name: definition[name] for name in _POLICIES if isinstance(definition.get(name), dict)}
        for name, value in policies.items():
            with suppress(Exception):  # it is compared as it is written
                policies[name] = self.resolve(value, records)
        return {"Properties": resolved, **policies}

    def outputs(self, records: Json) -> Json:
        """Return the outputs, each as it is for a stack with these resources."""
        described: Json = {}
        for name, output in (self._template.get("Outputs") or {}).items():
            if is_active(output, self._conditions):
                members = {key: value for key, value in output.items() if key != "Condition"}
                try:
                    described[name] = self.resolve(members, records)
                except Exception:
                    described[name] = members
        return described


def _with_unknown(value: Any, unknown: set[str]) -> Any:
    """Replace functions whose results are not known because of resources that are not."""
    if isinstance(value, list):
        return [_with_unknown(each, unknown) for each in value]
    if not isinstance(value, dict):
        return value
    references = module(ENGINE)._intrinsic_references
    if value.keys() & _OPAQUE and any(name in unknown for name, _ in references(value)):
        return KNOWN_AFTER_APPLY
    return {name: _with_unknown(each, unknown) for name, each in value.items()}


def _masked(parameters: Json) -> Json:
    return {
        name: {**each, "Value": MASK} if each.get("NoEcho") else each for name, each in parameters.items()
    }


def hook_compared_templates() -> None:
    """Replace what the engine compares for a change set."""
    diff, recreation = module(CHANGE_SETS)._diff_resources, module(STACKS)._property_recreation

    def property_recreation(resource_type: str, name: str) -> Any:
        if resource_type not in CREATE_ONLY:
            return recreation(resource_type, name)
        return "Always" if name in CREATE_ONLY[resource_type] else "Never"

    def diff_resources(old: Json, new: Json, *more: Any) -> Any:
        resources, template, changed_parameters, *rest = more
        # A parameter that names the same value in Parameter Store is not what has changed [R].
        same = {name for name, _ in old[_STORED].items() & new[_STORED].items()}
        return diff(old, new, resources, template, changed_parameters - same, *rest)

    replace("_resolve_props_for_diff", _resolve_for_comparison, CHANGE_SETS)
    replace("_diff_resources", diff_resources, CHANGE_SETS)
    # Of what is announced; what happens is the business of each type.
    replace("_property_recreation", property_recreation, STACKS)


def _resolve_for_comparison(template: Json, parameters: Json, stack_name: str, stack_id: str) -> Json:
    """Return a template's resources in the form that the engine compares; without those switched off."""
    return {
        "Resources": Template(template or {}, parameters, stack_name, stack_id).comparable(),
        _STORED: {name: each["SsmName"] for name, each in parameters.items() if "SsmName" in each},
    }
