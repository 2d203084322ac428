"""The parameters of a template: how they are declared, and which values they take.

The messages are CloudFormation's: [R] recorded there, [M] measured, [P] pasted by its users, [D] documented,
[I] modelled on those. None quotes a value.

Standard library only: the CloudFormation engine's own Python environment imports this file, too.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any

from sandbox.shared.java_patterns import matches
from sandbox.shared.template_functions import Problems

_FORMAT = "Template format error: "
_TEXTS = ("AllowedPattern", "ConstraintDescription", "Description", "Type")
_SCALARS = ("MaxLength", "MaxValue", "MinLength", "MinValue", "NoEcho")
_MEMBERS = frozenset({*_TEXTS, *_SCALARS, "AllowedValues", "Default"})
CONSTRAINTS = ("AllowedPattern", "AllowedValues", "MaxLength", "MaxValue", "MinLength", "MinValue")
# [D] The types of the user guide, "CloudFormation-supplied parameter types".
_OF_AWS = (
    "AWS::EC2::AvailabilityZone::Name",
    "AWS::EC2::Image::Id",
    "AWS::EC2::Instance::Id",
    "AWS::EC2::KeyPair::KeyName",
    "AWS::EC2::SecurityGroup::GroupName",
    "AWS::EC2::SecurityGroup::Id",
    "AWS::EC2::Subnet::Id",
    "AWS::EC2::Volume::Id",
    "AWS::EC2::VPC::Id",
    "AWS::Route53::HostedZone::Id",
)
_PLAIN = frozenset({"String", "Number", "CommaDelimitedList", "List<Number>", "List<String>"})
_TYPES = _PLAIN | {"AWS::SSM::Parameter::Name", "AWS::SSM::Parameter::Type"}
_TYPES |= {name for each in _OF_AWS for name in (each, f"List<{each}>")}
_SSM = "AWS::SSM::Parameter::Value<"
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
# [M] Refused in a default; with a version it is taken.
_VERSIONLESS = re.compile(r"\{\{resolve:ssm:[^:}]*\}\}")


def declaration_problems(name: str, parameter: Any, *, is_whole: bool) -> Problems:
    """Yield what CloudFormation refuses of a parameter's declaration.

    `is_whole` says that no transform can take members away.
    """
    if not isinstance(parameter, dict) or "Type" not in parameter:
        yield f"{_FORMAT}Every Parameters object must contain a Type member."  # [P]
    for member in parameter if is_whole else ():
        if member not in _MEMBERS:
            yield f"Invalid template parameter property '{member}'"  # [P]
    for member in (*_TEXTS, *_SCALARS, "Default"):
        value = parameter.get(member, "")
        if not (_is_text(value) if member in _TEXTS else _is_scalar(value)):
            yield f"{_FORMAT}Every {member} member must be a string."  # [P]
    if not isinstance(parameter.get("AllowedValues", []), list):
        yield f"{_FORMAT}Every AllowedValues member must be a list."  # [P]
    if not all(map(_is_scalar, parameter.get("AllowedValues", []))):
        yield f"{_FORMAT}Every AllowedValues value must be a string."  # [I]
    kind = str(parameter["Type"])
    if not (kind in _TYPES or (kind.startswith(_SSM) and kind[len(_SSM) :].removesuffix(">") in _TYPES)):
        yield f"{_FORMAT}Unrecognized parameter type: {kind}"  # [P]
    if "Default" in parameter:
        default = as_text(parameter["Default"])
        if _VERSIONLESS.search(default):
            yield f"Template error: parameter {name} should not contain ssm versionless resolver"  # [M]
        if problem := value_problem(name, parameter, default):
            yield problem  # [P] by ValidateTemplate, too


def value_problem(name: str, parameter: Mapping[str, Any], value: str) -> str | None:
    """Return CloudFormation's reason against a parameter's value; None if it can have it.

    [M] Where a parameter names one of Systems Manager, it is the name that the constraints are for.
    """
    kind = str(parameter["Type"])
    is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
    values = [each.strip() for each in value.split(",")] if is_list else [value]
    if kind in ("Number", "List<Number>") and not all(map(_NUMBER.fullmatch, values)):
        return f"Parameter '{name}' must be a number."  # [R]
    for broken in _broken_constraints(parameter, values, kind, is_list=is_list):
        if "ConstraintDescription" in parameter:
            # [P] Without quotation marks.
            return f"Parameter {name} failed to satisfy constraint: {parameter['ConstraintDescription']}"
        return f"Parameter '{name}' {broken}"
    return None


def as_text(value: Any) -> str:
    """Return the text that a scalar of a template stands for."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def names_of_ssm(parameter: Mapping[str, Any]) -> bool:
    """Return whether the value of a parameter is the name of one of Systems Manager, which has the value."""
    return str(parameter.get("Type")).startswith(_SSM)


def _broken_constraints(
    parameter: Mapping[str, Any], values: list[str], kind: str, *, is_list: bool
) -> Problems:
    allowed = list(map(as_text, parameter.get("AllowedValues", [])))
    if allowed and not all(value in allowed for value in values):  # [D] each value of a list
        yield "must be one of AllowedValues"  # [M]
    pattern = str(parameter.get("AllowedPattern", ".*"))
    if "AllowedPattern" in parameter and not all(_matches(pattern, value) for value in values):
        yield f"must match pattern {pattern}"  # [P]
    if kind in ("Number", "List<Number>"):
        numbers = list(map(float, values))
        low, high = _limit(parameter, "MinValue"), _limit(parameter, "MaxValue")
        if low is not None and min(numbers) < low:
            yield f"must be a number not less than {as_text(parameter['MinValue'])}"  # [P]
        if high is not None and max(numbers) > high:
            yield f"must be a number not greater than {as_text(parameter['MaxValue'])}"  # [I]
    elif not is_list:
        low, high = _limit(parameter, "MinLength"), _limit(parameter, "MaxLength")
        if low is not None and len(values[0]) < low:
            yield f"must contain at least {as_text(parameter['MinLength'])} characters"  # [P]
        if high is not None and len(values[0]) > high:
            yield f"must contain at most {as_text(parameter['MaxLength'])} characters"  # [M]


def _limit(parameter: Mapping[str, Any], member: str) -> float | None:
    text = as_text(parameter.get(member, ""))
    return float(text) if _NUMBER.fullmatch(text) else None


def _matches(pattern: str, value: str) -> bool:
    try:
        return matches(pattern, value)
    except (re.error, OverflowError, RecursionError):
        return True  # without a counterpart in Python


def _is_text(value: Any) -> bool:
    return isinstance(value, str | datetime.date)  # some loaders make dates of texts


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, dict | list)
