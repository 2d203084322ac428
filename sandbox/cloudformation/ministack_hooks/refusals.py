"""Refuses templates, and values of parameters, in CloudFormation's words before anything is made.

Seen in ministack 1.5.33. What needs nothing but the template is in `sandbox.shared.template_form`. The
messages are CloudFormation's: [R] recorded there, [V] verified by moto's authors, [M] measured, [P] pasted by
its users, [I] modelled on those.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from sandbox.cloudformation.bounds import boolean_as_text
from sandbox.shared.template_functions import function_of
from sandbox.shared.template_parameters import CONSTRAINTS, as_text, names_of_ssm, value_problem
from sandbox.shared.template_references import deployment_problem

from .names import CHANGE_SETS, ENGINE, HANDLERS, RESPONSES, SSM, STACKS, module, replace

Template = Mapping[str, Any]

# What the request that is being answered lets a template have; empty: everything.
allowed_types: ContextVar[tuple[str, ...]] = ContextVar("allowed_types", default=())
_REFERENCE = re.compile(r"\{\{resolve:ssm:([^}]*)\}\}")


def refuse_templates() -> None:
    """Refuse values of parameters, references to what is not made, and types that a request does not "
    "allow."""
    _refuse_parameters()
    _evaluate_all_functions()
    _refuse_references()


def _refuse_parameters() -> None:
    """Refuse values that a template's parameters cannot have; the engine has other words, or none.

    It checks the constraints of a parameter that names one of Systems Manager against the value there.
    """
    resolve, ssm = module(ENGINE)._resolve_parameters, module(SSM)
    find = ssm.resolve_parameter_value

    def resolve_checked(template: Template, provided: list[dict[str, Any]], *previous: Any) -> Any:
        known = (previous[0] if previous else None) or {}
        if problem := next(_parameter_problems(template, provided, known), None):
            raise ValueError(problem)
        declared = {
            name: {
                member: as_text(value) if member == "Default" else value
                for member, value in parameter.items()
                if member not in CONSTRAINTS
            }
            for name, parameter in (template.get("Parameters") or {}).items()
        }
        return resolve({**template, "Parameters": declared}, provided, *previous)

    def find_version(name: str, version: str | None = None, decrypt: bool = False) -> Any:
        """Know versions in names, too, which the engine does in dynamic references alone."""
        base, selector = ssm._split_selector(name)
        return find(*((name, version) if version or not selector else (base, selector)), decrypt)

    ssm.resolve_parameter_value = find_version

    def resolve_nested(template: Template, provided: list[dict[str, Any]], *previous: Any) -> Any:
        """Check what nested stacks are made of, which take this name from there, and validate nothing."""
        params = resolve_checked(template, provided, *previous)
        if "Transform" not in template:
            conditions = module(ENGINE)._evaluate_conditions(template, params)
            if problem := _problem(template, conditions, params):
                raise ValueError(problem)
        return params

    replace("_resolve_parameters", resolve_checked, HANDLERS, CHANGE_SETS)
    replace("_resolve_parameters", resolve_nested, ENGINE)


def _parameter_problems(
    template: Template, provided: list[dict[str, Any]], previous: Mapping[str, Any]
) -> Iterator[str]:
    declared = template.get("Parameters") or {}
    given = {each["Key"]: each for each in provided if "Key" in each}
    for name, each in given.items():
        if each.get("UsePreviousValue") and each.get("Value"):
            yield (  # [V]
                f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true and non "
                "empty value for a parameter"
            )
    unknown = [name for name in given if name not in declared]
    if unknown and not declared:
        yield "Parameter values specified for a template which does not require them."  # [P]
    if unknown:
        yield f"Parameters: [{', '.join(unknown)}] do not exist in the template"  # [P]
    values = {name: _value(name, parameter, given, previous) for name, parameter in declared.items()}
    missing = [name for name, value in values.items() if value is None]
    if names := [name for name in missing if not names_of_ssm(declared[name])]:
        yield f"Parameters: [{', '.join(names)}] must have values"  # [R]
    for name in missing:
        yield f"Parameter {name} should either have input value or default value"  # [P]
    for name, value in values.items():
        if value is not None and (problem := value_problem(name, declared[name], value)):
            yield problem
    for name, value in values.items():
        if value is not None and names_of_ssm(declared[name]):
            is_given = bool(given.get(name, {}).get("Value"))
            yield from _ssm_problems(name, declared[name], value, is_given=is_given)


def _value(
    name: str, parameter: Mapping[str, Any], given: Mapping[str, Any], previous: Mapping[str, Any]
) -> str | None:
    """Return the text that a parameter gets; None if there is none."""
    if name in given and not given[name].get("UsePreviousValue"):
        return str(given[name].get("Value", ""))
    if name in given and name in previous:
        return str(previous[name].get("SsmName", previous[name]["Value"]))
    return as_text(parameter["Default"]) if "Default" in parameter else None


def _ssm_problems(name: str, parameter: Mapping[str, Any], value: str, *, is_given: bool) -> Iterator[str]:
    ssm = module(SSM)
    base, selector = ssm._split_selector(value)
    if ssm.resolve_parameter_value(value) is None:
        if is_given and not selector:
            yield f"Parameter {name} should either have input value or default value"  # [R]
        yield f"Unable to fetch parameters [{value}] from parameter store for this account."  # [M]
    _, record = ssm._lookup_parameter(base, allow_arn_region=True, flexible_name=True)
    kind = (record or {"Type": "String"})["Type"]
    if kind == "SecureString":
        yield (  # [M]
            f"Parameters [{value}] referenced by template have types not supported by CloudFormation."
        )
    is_list = "Value<List<" in parameter["Type"] or parameter["Type"].endswith("<CommaDelimitedList>")
    if is_list != (kind == "StringList"):
        yield (  # [M]
            f"Types for SSM parameters [{value}] defined in CFN template and SSM are incompatible"
        )


def _pseudo_parameters() -> dict[str, Any]:
    """Return those that are known before there is a stack, in the form of parameters."""
    responses = module(RESPONSES)
    values = {
        "AWS::AccountId": responses.get_account_id(),
        "AWS::Partition": "aws",
        "AWS::Region": responses.get_region(),
        "AWS::URLSuffix": "amazonaws.com",
    }
    return {name: {"Value": value, "NoEcho": False} for name, value in values.items()}


def _evaluate_all_functions() -> None:
    """Compare what functions and pseudo parameters stand for in conditions.

    The engine compares the functions themselves, and the names of pseudo parameters; then resources would be
    absent that are there in CloudFormation.
    """
    engine = module(ENGINE)
    evaluate = engine._evaluate_conditions

    def evaluate_resolved(template: Template, params: dict[str, Any]) -> Any:
        if isinstance(template, engine._TransformFailed):
            return {}  # it is refused next, perhaps for its conditions
        known = {**_pseudo_parameters(), **params}
        mappings = template.get("Mappings") or {}

        def resolved(value: Any) -> Any:
            if not isinstance(value, dict):
                return [resolved(each) for each in value] if isinstance(value, list) else value
            function, argument = function_of(value) or ("", None)
            if function == "Fn::Equals" and isinstance(argument, list):
                return {function: [compared(each) for each in argument]}
            return {key: resolved(each) for key, each in value.items()}

        def compared(value: Any) -> Any:
            function, _ = function_of(value) or ("", None)
            if function not in ("", "Ref", "Fn::If"):
                value = engine._resolve_refs(value, {}, known, {}, mappings, "", "")
            return boolean_as_text(value)

        try:
            conditions = resolved(template.get("Conditions") or {})
            return evaluate({**template, "Conditions": conditions}, known)
        except (AttributeError, LookupError, TypeError) as error:  # of values that functions stand for
            raise ValueError("Template format error: unsupported structure.") from error  # [I]

    replace("_evaluate_conditions", evaluate_resolved, ENGINE, HANDLERS, CHANGE_SETS, STACKS)


def _refuse_references() -> None:
    """Refuse a template by what it is now that its parameters have values."""
    validate = module(HANDLERS).validate_template_support

    def validate_values(
        template: dict[str, Any], conditions: dict[str, bool], params: dict[str, Any] | None = None
    ) -> None:
        validate(template, conditions, params)
        # Without parameters it is ValidateTemplate.
        if params is not None and (
            problem := _type_problem(template) or _problem(template, conditions, params)
        ):
            raise ValueError(problem)

    replace("validate_template_support", validate_values, HANDLERS, CHANGE_SETS)


def _type_problem(template: Template) -> str | None:
    allowed = allowed_types.get()
    for resource in template["Resources"].values() if allowed else ():
        if not any(_allows(each, resource["Type"]) for each in allowed):
            return (  # [R]
                f"Resource type {resource['Type']} is not allowed by parameter ResourceTypes "
                f"[{', '.join(allowed)}]"
            )
    return None


def _problem(template: Template, conditions: Mapping[str, bool], params: Mapping[str, Any]) -> str | None:
    values = {name: each["Value"] for name, each in {**_pseudo_parameters(), **params}.items()}
    return deployment_problem(template, conditions, values) or _secure_problem(template["Resources"])


def _allows(pattern: str, type_name: str) -> bool:
    return pattern == type_name or (pattern.endswith("::*") and type_name.startswith(pattern[:-1]))


def _secure_problem(resources: Mapping[str, Any]) -> str | None:
    """Return CloudFormation's reason against references to versions of secure parameters as if they were "
    "none."""
    ssm, left = module(SSM), [each.get("Properties") for each in resources.values()]
    while left:
        value = left.pop()
        if isinstance(value, dict | list):
            left += value.values() if isinstance(value, dict) else value
        for body in _REFERENCE.findall(value) if isinstance(value, str) else ():
            base, selector = ssm._split_selector(body)
            _, record = ssm._lookup_parameter(base, allow_arn_region=True, flexible_name=True)
            if selector and record and record["Type"] == "SecureString":
                return f"Non-secure ssm prefix was used for secure parameter {base}"  # [M]
    return None
