"""What the parts of a template refer to: resources, parameters and conditions that have to be there.

The messages are CloudFormation's: [R] recorded there, [P] pasted by its users, [I] modelled on those.

Standard library only: the CloudFormation engine's own Python environment imports this file, too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sandbox.shared.template_functions import (
    IMPORT_PROBLEM,
    Problems,
    attribute_of,
    function_of,
    functions,
    mapped_text,
    mapping_problem,
    output_values,
    resource_values,
    sub_variables,
)

PSEUDO_PARAMETERS = frozenset(
    f"AWS::{name}"
    for name in (
        "AccountId",
        "NoValue",
        "NotificationARNs",
        "Partition",
        "Region",
        "StackId",
        "StackName",
        "URLSuffix",
    )
)
_DYNAMIC = re.compile(r"\{\{resolve:(ssm|ssm-secure):([^${}]*)\}\}")
# [D] Types with properties that take secure parameters, in the user guide's "ssm-secure" dynamic references.
_SECURE_TYPES = frozenset(
    {
        "AWS::DirectoryService::MicrosoftAD",
        "AWS::DirectoryService::SimpleAD",
        "AWS::ElastiCache::ReplicationGroup",
        "AWS::IAM::User",
        "AWS::KinesisFirehose::DeliveryStream",
        "AWS::OpsWorks::App",
        "AWS::OpsWorks::Stack",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstance",
        "AWS::Redshift::Cluster",
    }
)
_STRING = "Template format error: The Value field of every Outputs member must evaluate to a String."  # [P]


def reference_problems(template: Mapping[str, Any]) -> Problems:
    """Yield what CloudFormation refuses of the references in a template of well-formed functions."""
    parameters, resources = template.get("Parameters", {}), template["Resources"]
    conditions, outputs = template.get("Conditions", {}), template.get("Outputs", {})
    if shared := [name for name in parameters if name in resources]:
        yield (  # [I]
            "Template error: all resources and parameters must have unique names. Common name(s):"
            f"[{', '.join(shared)}]"
        )
    yield from _problems_of_conditions(conditions, {*parameters, *PSEUDO_PARAMETERS})
    for owner in (*resources.values(), *outputs.values()):
        if "Condition" in owner and owner["Condition"] not in conditions:
            yield f"Template format error: Condition {owner['Condition']} is not defined."  # [P]
    in_resources = [value for each in resources.values() for value in resource_values(each)]
    in_outputs = [value for each in outputs.values() for value in output_values(each)]
    for name, argument in functions([in_resources, in_outputs]):
        if name == "Fn::If" and argument[0] not in conditions:
            yield f"Template error: unresolved condition dependency {argument[0]} in Fn::If"  # [R]
        yield from _attribute_problems(name, argument, resources)
        if name == "Fn::ImportValue" and any(each in resources for each in _references(argument)):
            yield IMPORT_PROBLEM
    known = {*parameters, *resources, *PSEUDO_PARAMETERS}
    dependencies = [name for each in resources.values() for name in _depends_on(each)]
    yield from _unresolved([*dependencies, *_references(in_resources)], known, "Resources")
    yield from _unresolved(_references(in_outputs), known, "Outputs")
    for resource in resources.values():
        yield from _dynamic_problems(resource["Type"], resource.get("Properties", {}))
    always = {name: each for name, each in resources.items() if "Condition" not in each}
    yield from _circle_problems(always)


def deployment_problem(
    template: Mapping[str, Any], conditions: Mapping[str, bool], parameters: Mapping[str, str]
) -> str | None:
    """Return CloudFormation's reason against a template, now that the values of its conditions are known.

    `parameters` has the values of parameters and pseudo parameters, as far as they are known.
    """
    return next(_deployment_problems(template, conditions, parameters), None)


def _deployment_problems(
    template: Mapping[str, Any], conditions: Mapping[str, bool], parameters: Mapping[str, str]
) -> Problems:
    resources = _made(template["Resources"], conditions)
    outputs = _made(template.get("Outputs", {}), conditions)
    absent = set(template["Resources"]) - set(resources)
    mappings = template.get("Mappings", {})
    in_resources = _taken([resource_values(each) for each in resources.values()], conditions)
    in_outputs = _taken([output_values(each) for each in outputs.values()], conditions)

    def resolve(value: Any) -> str | None:
        if not isinstance(value, dict):
            return None if isinstance(value, list) else str(value)
        name, argument = function_of(value) or ("", None)
        if name == "Fn::FindInMap":
            return mapped_text(argument, mappings, resolve)
        return parameters.get(str(argument)) if name == "Ref" else None

    for name, argument in functions([in_resources, in_outputs]):
        if name == "Fn::FindInMap" and (problem := mapping_problem(argument, mappings, resolve)):
            yield problem
    yield from _absent(in_resources, absent, "Resources")
    yield from _absent(in_outputs, absent, "Outputs")
    for output in outputs.values():
        if _taken(output.get("Value"), conditions) == {"Ref": "AWS::NoValue"}:
            yield _STRING
    yield from _circle_problems(resources)


def _made(members: Mapping[str, Any], conditions: Mapping[str, bool]) -> dict[str, Any]:
    return {name: each for name, each in members.items() if conditions.get(each.get("Condition", ""), True)}


def _taken(value: Any, conditions: Mapping[str, bool]) -> Any:
    """Return a value with those branches of `Fn::If` alone that are taken."""
    if isinstance(value, list):
        return [_taken(each, conditions) for each in value]
    if not isinstance(value, dict):
        return value
    if (function := function_of(value)) and function[0] == "Fn::If":
        condition, *branches = function[1]
        return _taken(branches[0 if conditions.get(condition) else 1], conditions)
    return {key: _taken(each, conditions) for key, each in value.items()}


def _references(value: Any) -> Iterator[str]:
    """Yield the names that `Ref` and `Fn::Sub` refer to, but those with an attribute."""
    for name, argument in functions(value):
        if name == "Ref":
            yield argument
        elif name == "Fn::Sub":
            yield from (each for each in sub_variables(argument) if "." not in each)


def _attributes(value: Any) -> Iterator[str]:
    """Yield the resources whose attributes are referred to."""
    for name, argument in functions(value):
        if name == "Fn::GetAtt":
            yield attribute_of(argument)[0]
        elif name == "Fn::Sub":
            yield from (each.partition(".")[0] for each in sub_variables(argument) if "." in each)


def _attribute_problems(name: str, argument: Any, resources: Collection[str]) -> Problems:
    if name == "Fn::GetAtt" and (resource := attribute_of(argument)[0]) not in resources:
        yield f"Template error: instance of Fn::GetAtt references undefined resource {resource}"  # [P]
    for variable in sub_variables(argument) if name == "Fn::Sub" else ():
        if "." in variable and variable.partition(".")[0] not in resources:
            yield (  # [P]
                f"Template error: instance of Fn::Sub references invalid resource attribute {variable}"
            )


def _unresolved(names: Iterator[str] | list[str], known: Collection[str], section: str) -> Problems:
    if missing := list(dict.fromkeys(name for name in names if name not in known)):
        # [R] The prefix in one section only.
        prefix = "Template format error: " if section == "Resources" else ""
        yield (
            f"{prefix}Unresolved resource dependencies [{', '.join(missing)}] in the {section} block of the "
            "template"
        )


def _absent(value: Any, absent: Collection[str], section: str) -> Problems:
    names = [*_references(value), *_attributes(value)]
    yield from _unresolved([name for name in names if name in absent], (), section)


def _depends_on(resource: Mapping[str, Any]) -> list[str]:
    names = resource.get("DependsOn", [])
    return [names] if isinstance(names, str) else list(names)


def _dynamic_problems(type_name: str, value: Any, path: str = "Properties") -> Problems:
    """Yield malformed references to Systems Manager, and secure ones where a type takes none."""
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _dynamic_problems(type_name, each, f"{path}/{key}")
    for match in _DYNAMIC.finditer(value) if isinstance(value, str) else ():
        service, body = match.groups()
        _, colon, version = body.rpartition(":")
        if colon and not body.startswith("arn:") and not version.isdigit():
            yield f"Incorrect format is used in the following SSM reference: [{match[0]}]"  # [M]
        if colon and service == "ssm-secure" and type_name not in _SECURE_TYPES:
            # [M] Without a version it is noticed when the resource is made.
            yield f"SSM Secure reference is not supported in: [{type_name}/{path}]"


def _problems_of_conditions(conditions: Mapping[str, Any], parameters: Collection[str]) -> Problems:
    others = {name: list(_conditions_in(condition)) for name, condition in conditions.items()}
    attributes = list(_attributes(list(conditions.values())))
    references = [*_references(list(conditions.values())), *attributes]
    if foreign := list(dict.fromkeys(name for name in references if name not in parameters)):
        yield (  # [P]
            f"Template format error: Unresolved dependencies [{', '.join(foreign)}]. Cannot reference "
            "resources in the Conditions block of the template"
        )
    missing = [name for names in others.values() for name in names if name not in conditions]
    if missing:
        yield (  # [I]
            f"Template format error: Unresolved condition dependencies [{', '.join(dict.fromkeys(missing))}] "
            "in the Conditions block of the template"
        )
    if circle := _unordered(others):
        yield f"Template error: Found circular condition dependency: [{', '.join(circle)}]"  # [I]


def _conditions_in(value: Any) -> Iterator[str]:
    """Yield the other conditions that a condition refers to."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "Condition" and isinstance(each, str):
                yield each
            elif key == "Fn::If":
                yield each[0]
            yield from _conditions_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from _conditions_in(each)


def _circle_problems(resources: Mapping[str, Any]) -> Problems:
    others = {
        name: [
            other
            for values in [resource_values(each)]
            for other in (*_depends_on(each), *_references(values), *_attributes(values))
            if other in resources
        ]
        for name, each in resources.items()
    }
    if circle := _unordered(others):
        yield f"Circular dependency between resources: [{', '.join(circle)}]"  # [P]


def _unordered(others: Mapping[str, Collection[str]]) -> list[str]:
    """Return what refers to itself, over others or not, with all that refers to those."""
    referring: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    for name, names in others.items():
        known = {other for other in names if other in others}
        counts[name] = len(known)
        for other in known:
            referring.setdefault(other, []).append(name)
    ready = [name for name, count in counts.items() if not count]
    while ready:
        for name in referring.get(ready.pop(), ()):
            counts[name] -= 1
            if not counts[name]:
                ready.append(name)
    return [name for name, count in counts.items() if count]
