"""The intrinsic functions of a template: which arguments each of them takes, and what they stand for.

The messages are CloudFormation's: [R] recorded there, [P] pasted by its users, [I] modelled on those. What a
function makes of the values that its arguments have in the end is the engine's.

Standard library only: the CloudFormation engine's own Python environment imports this file, too.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

CONDITION_FUNCTIONS = frozenset({"Fn::And", "Fn::Equals", "Fn::Not", "Fn::Or", "Condition"})
# [P] In CloudFormation's order.
_SUPPORTED = (
    "Fn::Base64, Fn::GetAtt, Fn::GetAZs, Fn::ImportValue, Fn::Join, Fn::Split, Fn::FindInMap, Fn::Select, "
    "Ref, Fn::Equals, Fn::If, Fn::Not, Condition, Fn::And, Fn::Or, Fn::Contains, Fn::EachMemberEquals, "
    "Fn::EachMemberIn, Fn::ValueOf, Fn::ValueOfAll, Fn::RefAll, Fn::Sub, Fn::Cidr"
)
# Those of transforms, which are refused elsewhere where the transform is not declared, and one of the engine.
_OF_TRANSFORMS = ("Fn::ForEach", "Fn::GetStackOutput", "Fn::Length", "Fn::ToJsonString", "Fn::Transform")
_KNOWN = frozenset(_SUPPORTED.split(", ")) | frozenset(_OF_TRANSFORMS)
_ATTRIBUTES = ("Properties", "CreationPolicy", "DeletionPolicy", "UpdatePolicy", "UpdateReplacePolicy")
_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")
_VARIABLE_NAME = re.compile(r"[A-Za-z0-9_.:]+")
_MAX_CONDITIONS = 10

_ERROR = "Template error: "
_EQUALS = f"{_ERROR}every Fn::Equals object requires a list of 2 string parameters."  # [R]
_GETATT = (  # [R]
    f"{_ERROR}every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource "
    "attribute"
)
_ONE_GETATT = (  # [P]
    f"{_ERROR}if specifying one argument to Fn::GetAtt, that argument must be a non-empty string in format "
    "<LogicalId>.<Attribute>"
)
SELECT_PROBLEM = (
    f"{_ERROR}Fn::Select requires a list argument with two elements: an integer index and a list"  # [R]
)
_SPLIT = (  # [R]
    f"{_ERROR}every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be "
    "split or a function that returns a string to be split."
)
JOIN_PROBLEM = (  # [R]
    f"{_ERROR}every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of "
    "strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
)
_SUB = (  # [P]
    f"{_ERROR}One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as "
    "first argument, and an optional second argument to specify a mapping of values to replace in the string"
)
_SUB_VARIABLE = (  # [P]
    f"{_ERROR}variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, "
    "periods, and colons"
)
_SUB_VALUE = (  # [P]
    f"{_ERROR}every value of the context object of every Fn::Sub object must be a string or a function that "
    "returns a string"
)
_IF_CONDITION = f"{_ERROR}Fn::If requires a list argument with the first element being a condition"  # [P]
_IF = f"{_ERROR}Fn::If requires a list argument with three elements"  # [I]
_FIND_IN_MAP = (  # [I]
    f"{_ERROR}every Fn::FindInMap object requires three parameters, the map name, map key and the attribute "
    "for return value"
)
_REF = f"{_ERROR}every Ref object must have a single String value."  # [I]
_NOT = f"{_ERROR}every Fn::Not object requires one boolean parameter."  # [I]
IMPORT_PROBLEM = (  # [I]
    f"{_ERROR}the attribute in Fn::ImportValue must not depend on any resources, imported values, or "
    "Fn::GetAZs"
)
_CONDITION = (  # [I]
    "Template format error: Conditions can only be boolean operations on parameters and other conditions"
)

Problems = Iterator[str]
Resolve = Callable[[Any], str | None]


def functions(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield name and argument of all functions in a value, the outer ones first."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            if found := function_of(each):
                yield found
            left += reversed(each.values())
        elif isinstance(each, list):
            left += reversed(each)


def function_of(value: Any) -> tuple[str, Any] | None:
    """Return name and argument of the function that a value is; None for any other value."""
    if isinstance(value, dict) and len(value) == 1:
        ((name, argument),) = value.items()
        if name == "Ref" or str(name).lower().startswith("fn::"):
            return str(name), argument
    return None


def resource_values(resource: Mapping[str, Any]) -> list[Any]:
    """Return the parts of a resource's definition that functions are used in; `Metadata` is free."""
    return [resource[name] for name in _ATTRIBUTES if name in resource]


def output_values(output: Mapping[str, Any]) -> list[Any]:
    """Return the parts of an output that functions are used in."""
    return [output.get("Value"), output.get("Export")]


def sub_variables(argument: Any) -> list[str]:
    """Return the names in the text of a well-formed `Fn::Sub` that it gives no value to itself."""
    text, own = argument if isinstance(argument, list) else (argument, {})
    names = map(str.strip, _VARIABLE.findall(str(text)))
    return [name for name in names if name not in own]


def attribute_of(argument: Any) -> tuple[str, Any]:
    """Return resource and attribute of a well-formed `Fn::GetAtt`."""
    resource, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
    return resource, attribute


def function_problems(template: Mapping[str, Any]) -> Problems:
    """Yield what CloudFormation refuses of the functions of a template without transforms."""
    lists = {
        name
        for name, parameter in template.get("Parameters", {}).items()
        if str(parameter.get("Type")).startswith(("List<", "CommaDelimitedList"))
    }
    mappings = template.get("Mappings", {})
    for condition in template.get("Conditions", {}).values():
        yield from _condition_problems(condition, lists)
        for name, argument in functions(condition):
            yield from _function_problems(name, argument, mappings)
    for resource in template["Resources"].values():
        for name, argument in functions(resource_values(resource)):
            yield from _function_problems(name, argument, mappings)
    for output in template.get("Outputs", {}).values():
        for name, argument in functions(output_values(output)):
            yield from _function_problems(name, argument, mappings)


def mapping_problem(argument: Any, mappings: Mapping[str, Any], resolve: Resolve) -> str | None:
    """Return CloudFormation's reason against a well-formed `Fn::FindInMap`; None if there is a value.

    `resolve` returns the text that an argument stands for, None if that is not known.
    """
    if len(argument) > 3:  # with a default
        return None
    name, *keys = (resolve(each) for each in argument)
    if name is not None and name not in mappings:
        return f"{_ERROR}Mapping named '{name}' is not present in the 'Mappings' section of template."  # [P]
    first, second = keys
    if name is None or first is None:
        return None
    found = mappings[name].get(first)
    if second is None or (found is not None and second in found):
        return None
    return f"{_ERROR}Unable to get mapping for {name}::{first}::{second}"  # [R]


def mapped_text(argument: Any, mappings: Mapping[str, Any], resolve: Resolve) -> str | None:
    """Return the text that a well-formed `Fn::FindInMap` stands for; None if that is not known."""
    name, *keys = (resolve(each) for each in argument[:3])
    value = mappings.get(name or "")
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return None if isinstance(value, dict | list) or value is None else str(value)


def _condition_problems(condition: Any, lists: set[str]) -> Problems:
    name, argument = _boolean(condition)
    if name == "Condition":
        if not isinstance(argument, str):
            yield _CONDITION
    elif name == "Fn::Equals":
        is_two = isinstance(argument, list) and len(argument) == 2
        if not is_two or any(_is_list(each, lists) for each in argument):
            yield _EQUALS
    elif name == "Fn::Not":
        if not (isinstance(argument, list) and len(argument) == 1 and _boolean(argument[0])[0]):
            yield _NOT
        yield from _condition_problems(argument[0], lists)
    elif name:
        is_some = isinstance(argument, list) and 2 <= len(argument) <= _MAX_CONDITIONS
        if not (is_some and all(_boolean(each)[0] for each in argument)):
            yield (  # [I]
                f"{_ERROR}every {name} object requires a list of at least 2 and at most {_MAX_CONDITIONS} "
                "boolean parameters."
            )
        for each in argument:
            yield from _condition_problems(each, lists)
    else:
        yield _CONDITION


def _boolean(condition: Any) -> tuple[str, Any]:
    """Return name and argument of a condition function; an empty name for anything else."""
    if isinstance(condition, dict) and len(condition) == 1:
        ((name, argument),) = condition.items()
        if name in CONDITION_FUNCTIONS:
            return name, argument
    return "", None


def _is_list(value: Any, lists: set[str]) -> bool:
    is_reference = isinstance(value, dict) and isinstance(value.get("Ref"), str)
    return isinstance(value, list) or (is_reference and value["Ref"] in lists)


def _function_problems(name: str, argument: Any, mappings: Mapping[str, Any]) -> Problems:
    if name not in _KNOWN and not name.startswith("Fn::ForEach::"):
        yield (  # [P]
            f"Template Error: Encountered unsupported function: {name} Supported functions are: "
            f"[{_SUPPORTED}]"
        )
    elif name == "Fn::GetAtt" and isinstance(argument, str) and not all(argument.partition(".")):
        yield _ONE_GETATT
    elif name in _FORMS:
        is_formed, message = _FORMS[name]
        if not is_formed(argument):
            yield message
    elif name == "Fn::Sub":
        yield from _sub_problems(argument)
    elif name == "Fn::If":
        if not (isinstance(argument, list) and argument and isinstance(argument[0], str)):
            yield _IF_CONDITION
        if len(argument) != 3:
            yield _IF
    elif name == "Fn::FindInMap":
        if not _is_find_in_map(argument):
            yield _FIND_IN_MAP

        def written(value: Any) -> str | None:
            if isinstance(value, dict):
                inner = value.get("Fn::FindInMap")
                return mapped_text(inner, mappings, written) if _is_find_in_map(inner) else None
            return _text(value)

        if problem := mapping_problem(argument, mappings, written):
            yield problem


def _sub_problems(argument: Any) -> Problems:
    text, own = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})
    if not _is_scalar(text) or not isinstance(own, dict):
        yield _SUB
    if any(isinstance(value, list) or _is_plain_map(value) for value in own.values()):
        yield _SUB_VALUE
    if not all(map(_VARIABLE_NAME.fullmatch, (each.strip() for each in _VARIABLE.findall(str(text))))):
        yield _SUB_VARIABLE


def _is_find_in_map(argument: Any) -> bool:
    is_list = isinstance(argument, list) and (
        len(argument) == 3 or (len(argument) == 4 and isinstance(argument[3], dict))
    )
    return is_list and not any(isinstance(each, list) for each in argument)


def _is_get_att(argument: Any) -> bool:
    if isinstance(argument, str):
        argument = argument.split(".", 1)
    is_pair = isinstance(argument, list) and len(argument) == 2 and all(argument)
    return is_pair and isinstance(argument[0], str) and isinstance(argument[1], str | dict)


def _is_select(argument: Any) -> bool:
    if not (isinstance(argument, list) and len(argument) == 2):
        return False
    index, items = argument
    if isinstance(index, dict):
        return isinstance(items, list | dict)
    if not re.fullmatch(r"\d+", str(index)) or isinstance(index, bool):
        return False
    return isinstance(items, dict) or (isinstance(items, list) and int(index) < len(items))


def _is_split(argument: Any) -> bool:
    is_pair = isinstance(argument, list) and len(argument) == 2
    return is_pair and _is_scalar(argument[0]) and not isinstance(argument[1], list)


def _is_join(argument: Any) -> bool:
    is_pair = isinstance(argument, list) and len(argument) == 2
    return is_pair and _is_scalar(argument[0]) and isinstance(argument[1], list | dict)


def _is_text_or_function(argument: Any) -> bool:
    return _is_scalar(argument) or (isinstance(argument, dict) and not _is_plain_map(argument))


def _is_import(argument: Any) -> bool:
    """Return whether an export's name is known before any resource is; references to resources are refused "
    "later."""
    of_others = {"Fn::GetAtt", "Fn::GetAZs", "Fn::ImportValue"}
    return not isinstance(argument, list) and not any(name in of_others for name, _ in functions(argument))


def _is_plain_map(value: Any) -> bool:
    return isinstance(value, dict) and function_of(value) is None


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int | float | datetime.date) else None


_FORMS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "Fn::Base64": (
        _is_text_or_function,
        f"{_ERROR}every Fn::Base64 object must have a String-typed value.",  # [I]
    ),
    "Fn::Cidr": (
        lambda argument: isinstance(argument, list) and len(argument) in (2, 3),
        f"{_ERROR}every Fn::Cidr object requires an IP address block, a count and a number of bits.",  # [I]
    ),
    "Fn::GetAZs": (
        _is_text_or_function,
        f"{_ERROR}every Fn::GetAZs object must have a String-typed value.",  # [I]
    ),
    "Fn::GetAtt": (_is_get_att, _GETATT),
    "Fn::ImportValue": (_is_import, IMPORT_PROBLEM),
    "Fn::Join": (_is_join, JOIN_PROBLEM),
    "Fn::Select": (_is_select, SELECT_PROBLEM),
    "Fn::Split": (_is_split, _SPLIT),
    "Ref": (lambda argument: isinstance(argument, str), _REF),
}
