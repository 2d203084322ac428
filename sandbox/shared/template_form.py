"""The form of a template: what CloudFormation refuses of it before anything is made.

Without this the engine takes most of it, and ends later: in stacks that never finish, in resources that are
not as the template says. The messages are CloudFormation's: [R] recorded there, [P] pasted by its users, [I]
modelled on those. What is in `Metadata` is the author's, and the properties of a resource are its type's.

Standard library only: the CloudFormation engine's own Python environment imports this file, too.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sandbox.shared.template_functions import CONDITION_FUNCTIONS, Problems, function_of, function_problems
from sandbox.shared.template_parameters import declaration_problems
from sandbox.shared.template_references import reference_problems

# Maps from a name to an object.
_SECTIONS = ("Resources", "Parameters", "Mappings", "Conditions", "Outputs", "Rules", "Metadata")
_TOP = frozenset({*_SECTIONS, "AWSTemplateFormatVersion", "Description", "Hooks", "Transform"})
_RESOURCE_OBJECTS = ("Properties", "Metadata", "CreationPolicy", "UpdatePolicy")
# `Description` and `Version` are in some templates of AWS's own.
_RESOURCE_MEMBERS = frozenset(
    {
        *_RESOURCE_OBJECTS,
        "Condition",
        "DeletionPolicy",
        "DependsOn",
        "Description",
        "Type",
        "UpdateReplacePolicy",
        "Version",
    }
)
_OUTPUT_MEMBERS = frozenset({"Condition", "Description", "Export", "Value"})
_POLICIES = {
    "DeletionPolicy": ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot"),
    "UpdateReplacePolicy": ("Delete", "Retain", "Snapshot"),
}
# Functions whose value is a list.
_LISTS = ("Fn::Cidr", "Fn::GetAZs", "Fn::Split")
_ALPHANUMERIC = re.compile(r"[A-Za-z0-9]+")
_EXPORT_NAME = re.compile(r"[A-Za-z0-9:-]+")
_MAX_OUTPUTS = 200
_FORMAT = "Template format error: "


def form_problem(template: Mapping[str, Any]) -> str | None:
    """Return CloudFormation's reason against a template; None when it has none before it knows parameters.

    What a transform or a loop stands for is not checked before it is expanded.
    """
    return next(_problems(template), None)


def _problems(template: Mapping[str, Any]) -> Problems:
    """Yield what is wrong, in CloudFormation's order where it is known; later checks rely on the earlier "
    "ones."""
    is_whole = not _is_unexpanded(template)
    yield from _null_problems(template)
    yield from _section_problems(template, is_whole=is_whole)
    for name, parameter in _members(template, "Parameters"):
        yield from _name_problems("Parameter", name)
        yield from declaration_problems(name, parameter, is_whole=is_whole)
    for _, mapping in _members(template, "Mappings"):
        yield from _mapping_problems(mapping)
    for _, condition in _members(template, "Conditions"):
        if not isinstance(condition, dict):  # [I]
            yield f"{_FORMAT}Conditions can only be boolean operations on parameters and other conditions"
    for name, rule in _members(template, "Rules"):
        yield from _rule_problems(name, rule)
    for name, resource in _members(template, "Resources"):
        yield from _resource_problems(name, resource, is_whole=is_whole)
    for name, output in _members(template, "Outputs"):
        yield from _output_problems(name, output, is_whole=is_whole)
    if is_whole:
        yield from function_problems(template)
        if not any(str(each["Type"]).endswith("::MODULE") for each in template["Resources"].values()):
            yield from reference_problems(template)


def _is_unexpanded(template: Mapping[str, Any]) -> bool:
    """Return whether a transform or a loop may still make something of a template."""
    left: list[Any] = [template]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            if any(str(key).startswith(("Fn::ForEach", "Fn::Transform")) for key in each):
                return True
            left += each.values()
        elif isinstance(each, list):
            left += each
    return "Transform" in template


def _null_problems(template: Mapping[str, Any]) -> Problems:
    """Yield nulls outside of metadata and keys that are no texts, the first one first."""
    left: list[tuple[tuple[str, ...], Any]] = [((), template)]
    while left:
        path, value = left.pop()
        if value is None and not _is_in_metadata(path):
            yield f"[{_printed(path, template)}] 'null' values are not allowed in templates"  # [R]
        for key in value if isinstance(value, dict) else ():
            if not isinstance(key, str | datetime.date):
                yield (  # [P]
                    f"{_FORMAT}[{_printed(path, template)}] map keys must be strings; received "
                    f"{_kind(key)} [{key}] instead"
                )
        parts = (
            value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else [])
        )
        left += reversed([((*path, str(key)), part) for key, part in parts])


def _printed(path: tuple[str, ...], template: Mapping[str, Any]) -> str:
    """Return a path as CloudFormation prints it."""
    section, name, member, *rest = (*path, "", "", "")[: max(3, len(path))]
    if section == "Resources" and member == "Properties":
        names = list(template[section][name])
        if "Type" in names and names.index("Type") < names.index(member):
            member = "Type"  # [P] in all that is after it
    return "".join(f"/{each}" for each in (section, name, member, *rest) if each) if path else ""


def _is_in_metadata(path: tuple[str, ...]) -> bool:
    in_template = path[:1] == ("Metadata",) and len(path) > 1
    return in_template or (path[:1] == ("Resources",) and path[2:3] == ("Metadata",) and len(path) > 3)


def _kind(key: object) -> str:
    return "numeric" if isinstance(key, int | float) and not isinstance(key, bool) else "boolean"


def _section_problems(template: Mapping[str, Any], *, is_whole: bool) -> Problems:
    if is_whole and (unknown := [str(name) for name in template if name not in _TOP]):
        yield f"Invalid template property or properties [{', '.join(unknown)}]"  # [P]
    for name in ("AWSTemplateFormatVersion", "Description"):
        yield from _require(_is_text(template.get(name, "")), f"Any {name} member must be a string.")
    if str(template.get("AWSTemplateFormatVersion", "2010-09-09")) != "2010-09-09":
        yield f"{_FORMAT}unsupported value for AWSTemplateFormatVersion."  # [I]
    transforms = template.get("Transform", [])
    for each in transforms if isinstance(transforms, list) else [transforms]:
        if not isinstance(each, str | dict) or (isinstance(each, dict) and not _is_text(each.get("Name"))):
            yield "Key Name of transform definition must be a string."  # [R]
    for name in _SECTIONS:
        yield from _require(
            isinstance(template.get(name, {}), dict), f"Any {name} member must be an object."
        )  # [R]
    yield from _require(
        bool(template.get("Resources")), "At least one Resources member must be defined."
    )  # [R]
    if (count := len(template.get("Outputs", {}))) > _MAX_OUTPUTS:
        yield f"{_FORMAT}Outputs count {count} is greater than max allowed {_MAX_OUTPUTS}"  # [I]


def _members(template: Mapping[str, Any], section: str) -> Iterator[tuple[str, Any]]:
    """Yield the members of a section, without what a transform or a loop makes into members."""
    for name, member in template.get(section, {}).items():
        if section == "Parameters" or not str(name).startswith(("Fn::ForEach", "Fn::Transform")):
            yield str(name), member


def _name_problems(kind: str, name: str) -> Problems:
    yield from _require(
        bool(_ALPHANUMERIC.fullmatch(name)), f"{kind} name {name} is non alphanumeric."
    )  # [R]


def _resource_problems(name: str, resource: Any, *, is_whole: bool) -> Problems:
    yield from _require(
        isinstance(resource, dict), f"[/Resources/{name}] resource definition is malformed"
    )  # [P]
    if "Fn::Transform" in resource:
        return
    has_type = isinstance(resource.get("Type"), str)
    yield from _require(
        has_type, f"[/Resources/{name}] Every Resources object must contain a Type member."
    )  # [R]
    yield from _name_problems("Resource", name)
    for member in resource if is_whole else ():
        if member not in _RESOURCE_MEMBERS:
            yield f"Invalid template resource property '{member}'"  # [R]
    yield from _member_problems(resource, "Condition", _is_text, "a string")
    for member, values in _POLICIES.items():
        policy = resource.get(member, values[0])
        if function_of(policy):
            continue  # [R] since 2026, without a transform
        yield from _require(_is_text(policy), f"Every {member} member must be a string.")  # [P]
        if policy not in values:
            yield f"{_FORMAT}Unrecognized {member} {policy} for resource {name}"  # [P]
    for member in _RESOURCE_OBJECTS:
        yield from _member_problems(resource, member, lambda value: isinstance(value, dict), "an object")
    depends_on = resource.get("DependsOn", [])
    names = [depends_on] if isinstance(depends_on, str) else depends_on
    is_names = isinstance(names, list) and all(isinstance(each, str) for each in names)
    yield from _require(is_names, "DependsOn must be a string or list of strings.")  # [I]


def _mapping_problems(mapping: Any) -> Problems:
    yield from _require(isinstance(mapping, dict), "Every Mappings member must be a map")
    for key, attributes in mapping.items():
        if str(key).startswith("Fn::"):
            continue
        yield from _require(isinstance(attributes, dict), f"Every Mappings member {key} must be a map")  # [R]
        for attribute, value in attributes.items():
            is_known = str(attribute).startswith("Fn::") or not isinstance(value, dict)
            yield from _require(is_known, "Every Mappings attribute must be a String or a List.")  # [R]


def _rule_problems(name: str, rule: Any) -> Problems:
    assertions = rule.get("Assertions", []) if isinstance(rule, dict) else None
    is_rule = isinstance(assertions, list) and all(isinstance(each, dict) for each in assertions)
    yield from _require(
        is_rule, f"[/Rules/{name}] Every Rules member must be an object with a list of Assertions."
    )


def _output_problems(name: str, output: Any, *, is_whole: bool) -> Problems:
    if isinstance(output, dict) and "Fn::Transform" in output:
        return
    has_value = isinstance(output, dict) and "Value" in output
    yield from _require(has_value, "Every Outputs member must contain a Value object")  # [R]
    yield from _name_problems("Output", name)  # [I]
    for member in output if is_whole else ():
        if member not in _OUTPUT_MEMBERS:
            yield f"Invalid template output property '{member}'"  # [I]
    for member in ("Condition", "Description"):
        yield from _member_problems(output, member, _is_text, "a string")
    yield from _value_problems(output["Value"], is_whole=is_whole)
    export = output.get("Export", {"Name": "a"})
    exported = export.get("Name") if isinstance(export, dict) else None
    if not isinstance(exported, dict) and not (exported and _EXPORT_NAME.fullmatch(str(exported))):
        yield (  # [P]
            f"{_FORMAT}Output {name} is malformed. The Name field of every Export member must be specified "
            "and consist only of alphanumeric characters, colons, or hyphens."
        )


def _value_problems(value: Any, *, is_whole: bool) -> Problems:
    text = f"{_FORMAT}The Value field of every Outputs member must evaluate to a String"
    if isinstance(value, list):
        yield f"{text} and not a List."  # [I]
    function, _ = function_of(value) or ("", None)
    is_list = function in _LISTS or value == {"Ref": "AWS::NoValue"}
    if is_list or (isinstance(value, dict) and len(value) == 1 and CONDITION_FUNCTIONS & value.keys()):
        yield f"{text}."  # [P]
    if isinstance(value, dict) and not function and is_whole:
        yield f"{text} and not a Map."  # [P]


def _require(is_so: bool, problem: str) -> Problems:
    if not is_so:
        yield f"{_FORMAT}{problem}"


def _member_problems(
    owner: Mapping[str, Any], name: str, is_so: Callable[[Any], bool], kind: str
) -> Problems:
    yield from _require(name not in owner or is_so(owner[name]), f"Every {name} member must be {kind}.")


def _is_text(value: Any) -> bool:
    return isinstance(value, str | datetime.date)  # some loaders make dates of texts
