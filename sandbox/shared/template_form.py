"""The form of a template: which of its members are texts, maps and lists.

The engine does not ask. What it takes all the same ends later, in stacks that never finish and in answers
about all stacks. The words are CloudFormation's as far as they are recorded, and modelled on those where not.
What is in `Properties` is the resource types' own, and what is in `Metadata` nobody's.

Standard library only: the CloudFormation engine's own Python environment imports this file, too.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from typing import Any

# Maps from a name to an object.
_SECTIONS = ("Resources", "Parameters", "Mappings", "Conditions", "Outputs", "Rules", "Metadata")
_RESOURCE_OBJECTS = ("Properties", "Metadata", "CreationPolicy", "UpdatePolicy")
_PARAMETER_TEXTS = ("AllowedPattern", "ConstraintDescription", "Description", "Type")
_PARAMETER_SCALARS = ("MaxLength", "MaxValue", "MinLength", "MinValue", "NoEcho")
_FORMAT = "Template format error: "


class _MalformedTemplate(Exception):
    """The form is not that of a template; with CloudFormation's reason."""


def form_problem(template: Mapping[str, Any]) -> str | None:
    """Return CloudFormation's reason against a template's form; None when it is that of a template.

    What a transform or a loop stands for is not looked at before it is expanded.
    """
    try:
        _refuse_nulls_and_keys(template)
        _check_sections(template)
        transformed = "Transform" in template
        for name, resource in _members(template, "Resources"):
            _check_resource(name, resource, transformed=transformed)
        for _, parameter in _members(template, "Parameters"):
            _check_parameter(parameter)
        for _, mapping in _members(template, "Mappings"):
            _check_mapping(mapping)
        for name, condition in _members(template, "Conditions"):
            _require(
                isinstance(condition, dict),
                f"[/Conditions/{name}] Every Conditions member must be an object.",
            )
        for name, rule in _members(template, "Rules"):
            _check_rule(name, rule)
        for name, output in _members(template, "Outputs"):
            _check_output(name, output)
    except _MalformedTemplate as malformed:
        return str(malformed)
    return None


def _require(is_so: bool, problem: str) -> None:
    if not is_so:
        raise _MalformedTemplate(f"{_FORMAT}{problem}")


def _refuse_nulls_and_keys(template: Mapping[str, Any]) -> None:
    """Refuse nulls and keys that are no texts, but in what is not CloudFormation's own."""
    left: list[tuple[str, Any]] = [("", template)]
    while left:
        path, value = left.pop()
        if value is None:
            raise _MalformedTemplate(f"[{path}] 'null' values are not allowed in templates")
        if isinstance(value, dict):
            for key in value:
                _require(
                    isinstance(key, str | datetime.date),
                    f"[{path}] map keys must be strings; received {_kind(key)} [{key}] instead",
                )
            parts = [
                (f"{path}/{key}", part) for key, part in value.items() if not _is_free(path, str(key), part)
            ]
        else:
            items = value if isinstance(value, list) else []
            parts = [(f"{path}/{number}", part) for number, part in enumerate(items)]
        left += reversed(parts)


def _is_free(path: str, key: str, value: Any) -> bool:
    is_resource = path.startswith("/Resources/") and path.count("/") == 2
    return value is not None and (
        (key == "Metadata" and (is_resource or not path)) or (key == "Properties" and is_resource)
    )


def _kind(key: object) -> str:
    return "numeric" if isinstance(key, int | float) and not isinstance(key, bool) else "boolean"


def _check_sections(template: Mapping[str, Any]) -> None:
    for name in ("AWSTemplateFormatVersion", "Description"):
        _require(_is_text(template.get(name, "")), f"Any {name} member must be a string.")
    for name in _SECTIONS:
        _require(isinstance(template.get(name, {}), dict), f"Any {name} member must be an object.")
    _require(bool(template.get("Resources")), "At least one Resources member must be defined.")


def _members(template: Mapping[str, Any], section: str) -> Iterator[tuple[str, Any]]:
    for name, member in template.get(section, {}).items():
        if not str(name).startswith("Fn::"):
            yield name, member


def _check_resource(name: str, resource: Any, *, transformed: bool) -> None:
    _require(isinstance(resource, dict), f"[/Resources/{name}] resource definition is malformed")
    if "Fn::Transform" in resource:
        return
    has_type = isinstance(resource.get("Type"), str)
    _require(has_type, f"[/Resources/{name}] Every Resources object must contain a Type member.")
    _check_member(resource, "Condition", _is_text, "a string")
    for member in ("DeletionPolicy", "UpdateReplacePolicy"):
        if not (
            transformed and isinstance(resource.get(member), dict)
        ):  # a function, for AWS::LanguageExtensions
            _check_member(resource, member, _is_text, "a string")
    for member in _RESOURCE_OBJECTS:
        _check_member(resource, member, lambda value: isinstance(value, dict), "an object")
    depends_on = resource.get("DependsOn", [])
    names = [depends_on] if isinstance(depends_on, str) else depends_on
    is_names = isinstance(names, list) and all(isinstance(each, str) for each in names)
    _require(is_names, "DependsOn must be a string or list of strings.")


def _check_parameter(parameter: Any) -> None:
    has_type = isinstance(parameter, dict) and "Type" in parameter
    _require(has_type, "Every Parameters object must contain a Type member.")
    for member in _PARAMETER_TEXTS:
        _check_member(parameter, member, _is_text, "a string")
    for member in (*_PARAMETER_SCALARS, "Default"):
        _check_member(parameter, member, _is_scalar, "a string")
    _check_member(parameter, "AllowedValues", lambda value: isinstance(value, list), "a list")
    is_scalars = all(map(_is_scalar, parameter.get("AllowedValues", [])))
    _require(is_scalars, "Every AllowedValues value must be a string.")


def _check_mapping(mapping: Any) -> None:
    _require(isinstance(mapping, dict), "Every Mappings member must be a map")
    for key, attributes in mapping.items():
        if str(key).startswith("Fn::"):
            continue
        _require(isinstance(attributes, dict), f"Every Mappings member {key} must be a map")
        for attribute, value in attributes.items():
            is_known = str(attribute).startswith("Fn::") or not isinstance(value, dict)
            _require(is_known, "Every Mappings attribute must be a String or a List.")


def _check_rule(name: str, rule: Any) -> None:
    assertions = rule.get("Assertions", []) if isinstance(rule, dict) else None
    is_rule = isinstance(assertions, list) and all(isinstance(each, dict) for each in assertions)
    _require(is_rule, f"[/Rules/{name}] Every Rules member must be an object with a list of Assertions.")


def _check_output(name: str, output: Any) -> None:
    if isinstance(output, dict) and "Fn::Transform" in output:
        return
    has_value = isinstance(output, dict) and "Value" in output
    _require(has_value, "Every Outputs member must contain a Value object")
    for member in ("Condition", "Description"):
        _check_member(output, member, _is_text, "a string")
    export = output.get("Export", {"Name": ""})
    is_export = isinstance(export, dict) and isinstance(export.get("Name"), str | dict)
    _require(is_export, f"[/Outputs/{name}/Export] Every Export member must be an object with a Name.")


def _check_member(owner: Mapping[str, Any], name: str, is_so: Callable[[Any], bool], kind: str) -> None:
    _require(name not in owner or is_so(owner[name]), f"Every {name} member must be {kind}.")


def _is_text(value: Any) -> bool:
    return isinstance(value, str | datetime.date)  # some loaders make dates of texts


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, dict | list)
