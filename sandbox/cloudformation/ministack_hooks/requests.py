"""Refuses requests in CloudFormation's words before ministack answers them.

Seen in ministack 1.5.33, which has other words for these, or does what CloudFormation refuses. The messages
are CloudFormation's: [R] recorded there, [P] pasted by its users, [I] modelled on those.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from sandbox.shared.settings import NOT_HERE

from .failed_updates import FAILED, ON_FAILURE
from .names import CHANGE_SETS, CLOUDFORMATION, HANDLERS, IAM, PROVISIONERS, module, replace
from .refusals import allowed_types
from .stack_records import exports_of, importer_of

_OK = 200

Parameters = dict[str, Any]
Stack = dict[str, Any]

_CHANGE_SET_NAME = "[a-zA-Z][-a-zA-Z0-9]*"
_STACK_NAME = f"{_CHANGE_SET_NAME}|arn:[-a-zA-Z0-9:/._+]*"
_ALARMS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
_ALARM_ARN = re.compile(r"arn:[^:]+:cloudwatch:[^:]*:[^:]*:alarm:.+")
_POLICY_ACTION = re.compile(r"(Update:(\*|Modify|Replace|Delete)|\*)")
_SETTLED = frozenset({"CREATE", "UPDATE", "UPDATE_ROLLBACK", "IMPORT", "IMPORT_ROLLBACK"})


class _Refused(Exception):
    """A request is refused; with message, code and status."""

    def __init__(self, message: str, code: str = "ValidationError", status: int = 400) -> None:
        super().__init__(message)
        self.answer = (code, message, status)


Check = Callable[[Parameters], None]


def refuse_requests() -> None:
    """Check requests before the engine does."""
    handlers = module(HANDLERS)
    resolve = handlers._resolve_stack

    def resolve_present(stack_name: str) -> Any:
        stack = resolve(stack_name)
        is_gone = stack and stack["StackStatus"] == "DELETE_COMPLETE" and stack["StackId"] != stack_name
        return None if is_gone else stack

    # The engine also knows a stack that is deleted by its name.
    replace("_resolve_stack", resolve_present, HANDLERS)
    for action in _CHECKS:
        _check_first(action)


def _check_first(action: str) -> None:
    handlers = module(HANDLERS)
    handle = handlers._ACTION_HANDLERS[action]

    def handle_checked(params: Parameters) -> Any:
        # Each request has a context of its own.
        allowed_types.set(tuple(handlers._extract_string_members(params, "ResourceTypes")))
        try:
            for check in _CHECKS[action]:
                check(params)
        except _Refused as refused:
            return handlers._error(*refused.answer)
        return handle(params)

    handlers._ACTION_HANDLERS[action] = handle_checked


def _text(params: Parameters, name: str) -> str:
    return str(module(HANDLERS)._p(params, name))


def _stack(params: Parameters) -> Stack | None:
    stack: Stack | None = module(HANDLERS)._resolve_stack(_text(params, "StackName"))
    return stack


def _checking_stack(message: str) -> Check:
    """Return a check that there is a stack of that name or id; each action has its own words."""

    def check_stack(params: Parameters) -> None:
        if (name := _text(params, "StackName")) and _stack(params) is None:
            raise _Refused(message.format(name))

    return check_stack


def _check_resource(params: Parameters) -> None:
    name, stack = _text(params, "LogicalResourceId"), _stack(params)
    if stack and name and name not in stack.get("_resources", {}):
        raise _Refused(f"Resource {name} does not exist for stack {_text(params, 'StackName')}")  # [R]


def _find_stack_of_resource(params: Parameters) -> None:
    """Name the stack of the resource with the physical id of the request, which the engine ignores."""
    if _text(params, "StackName") or not (physical_id := _text(params, "PhysicalResourceId")):
        return
    for stack in module(CLOUDFORMATION)._stacks.values():
        resources = stack.get("_resources", {}).values()
        if any(each.get("PhysicalResourceId") == physical_id for each in resources):
            params["StackName"] = [stack["StackId"]]
            return
    raise _Refused(f"Stack for {physical_id} does not exist")  # [P]


def _check_change_set(params: Parameters) -> None:
    name, stack_name = _text(params, "ChangeSetName"), _text(params, "StackName")
    if name.startswith("arn:"):
        return
    if not stack_name:
        raise _Refused("StackName must be specified if ChangeSetName is not specified as an ARN.")  # [R]
    if _stack(params) is None:
        raise _Refused(f"Stack [{stack_name}] does not exist")  # [R]


def _check_execution(params: Parameters) -> None:
    find = module(CHANGE_SETS)._find_change_set
    _, change_set = find(_text(params, "ChangeSetName"), _text(params, "StackName"))
    if change_set is None or change_set["ExecutionStatus"] == "AVAILABLE":
        return
    kind, status = "execution status", change_set["ExecutionStatus"]
    if change_set["Status"] != "CREATE_COMPLETE":
        kind, status = "status", change_set["Status"]
    raise _Refused(  # [R] of the status, [P] of the other
        f"ChangeSet [{change_set['ChangeSetId']}] cannot be executed in its current {kind} of [{status}]",
        "InvalidChangeSetStatus",
    )


def _check_template_of(params: Parameters) -> None:
    stack_name, change_set = _text(params, "StackName"), _text(params, "ChangeSetName")
    if not stack_name and not change_set:
        raise _Refused("StackName is required if ChangeSetName is not specified.")  # [R]
    if not stack_name and not change_set.startswith("arn:"):
        raise _Refused("StackName is a required parameter.")  # [R]


def _check_summary(params: Parameters) -> None:
    if (stack := _stack(params)) and stack["StackStatus"] == "REVIEW_IN_PROGRESS":
        raise _Refused("GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.")  # [R]


def _check_template_given(params: Parameters) -> None:
    is_previous = _text(params, "UsePreviousTemplate").lower() == "true"
    is_given = bool(_text(params, "TemplateBody") or _text(params, "TemplateURL"))
    if is_previous and is_given:
        raise _Refused(  # [P]
            "You cannot specify both usePreviousTemplate and Template Body/Template URL."
        )
    if not (is_previous or is_given):
        raise _Refused("Either Template URL or Template Body must be specified.")  # [R]


def _check_exports(params: Parameters) -> None:
    stack_id = (_stack(params) or {}).get("StackId", "")
    for name in exports_of(stack_id):
        if importer := importer_of(name, stack_id):
            raise _Refused(f"Export {name} cannot be deleted as it is in use by {importer}")  # [P]


def _check_new_stack(params: Parameters) -> None:
    """The engine makes another stack in the place of one whose creation was rolled back."""
    name, stack = _text(params, "StackName"), _stack(params)
    if stack and stack["StackStatus"] == "ROLLBACK_COMPLETE":
        raise _Refused(f"Stack [{name}] already exists", "AlreadyExistsException")  # [R]


def _check_updatable(params: Parameters) -> None:
    if (stack := _stack(params)) is None:
        return
    status = stack["StackStatus"]
    if status == "CREATE_FAILED" and stack.get(ON_FAILURE) == "DO_NOTHING":
        raise _Refused(  # [P]
            "This stack cannot be updated from [CREATE_FAILED] state because it contains [on-failure: "
            "DO_NOTHING]. Please use disable-rollback option instead during stack creation."
        )
    if status in FAILED:  # such an update goes on, without a rollback only
        return
    if status not in {f"{each}_COMPLETE" for each in _SETTLED}:
        raise _Refused(f"Stack:{stack['StackId']} is in {status} state and can not be updated.")  # [R]


def _check_new_change_set(params: Parameters) -> None:
    name, change_set = _text(params, "StackName"), _text(params, "ChangeSetName")
    for value, member, pattern in (
        (name, "stackName", _STACK_NAME),
        (change_set, "changeSetName", _CHANGE_SET_NAME),
    ):
        if value and not re.fullmatch(pattern, value):
            raise _Refused(  # [R] of the stack's
                f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
                f"Member must satisfy regular expression pattern: {pattern}"
            )
    kind, stack = _text(params, "ChangeSetType") or "UPDATE", _stack(params)
    if kind == "CREATE":
        if _text(params, "UsePreviousTemplate").lower() == "true":
            raise _Refused("Cannot specify usePreviousTemplate as true for a changeSetType CREATE")  # [P]
        if stack and stack["StackStatus"] != "REVIEW_IN_PROGRESS":
            raise _Refused(  # [R]
                f"Stack [{name}] already exists and cannot be created again with the changeSet "
                f"[{change_set}]."
            )
        given = module(HANDLERS)._extract_members(params, "Parameters")
        if any(str(each.get("UsePreviousValue")).lower() == "true" for each in given):
            raise _Refused(  # [P]
                "Cannot specify UsePreviousValue on Parameters when ChangeSetType is CREATE"
            )
    elif kind == "UPDATE":
        _check_updatable(params)
    else:
        _check_importable(params)
    if stack or kind != "UPDATE":
        _check_template_given(params)
    _check_name_is_free(params, stack)


def _check_importable(params: Parameters) -> None:
    imported = module(CHANGE_SETS)._extract_resources_to_import(params)
    custom = [kind for each in imported if (kind := each["ResourceType"]).startswith("Custom::")]
    if custom:
        raise _Refused(  # [P]
            f"The following resource types are not supported for resource import: {','.join(custom)}"
        )
    # The engine says so in a change set that is complete and cannot be executed.
    handlers = module(PROVISIONERS)._RESOURCE_HANDLERS
    kinds = {each["ResourceType"] for each in imported}
    if lacking := sorted(kind for kind in kinds if kind in handlers and "import" not in handlers[kind]):
        raise _Refused(f"The import of {', '.join(lacking)} is {NOT_HERE}")


def _check_name_is_free(params: Parameters, stack: Stack | None) -> None:
    """Refuse the name of a set that is there with another template or other parameters."""
    name = _text(params, "ChangeSetName")
    for each in list(module(CLOUDFORMATION)._change_sets.values()) if stack else ():
        is_pending = each["ExecutionStatus"] in ("AVAILABLE", "UNAVAILABLE")
        if not is_pending or (each["ChangeSetName"], each["StackId"]) != (name, (stack or {})["StackId"]):
            continue
        body = _text(params, "TemplateBody")
        if body and body != each["_template_body"]:
            raise _Refused(  # [P]
                f"ChangeSet {name} cannot be created due to a mismatch with existing attribute Template",
                "AlreadyExistsException",
            )


def _check_tags(params: Parameters) -> None:
    tags = module(HANDLERS)._extract_members(params, "Tags")
    if any(str(each["Key"]).lower().startswith("aws:") for each in tags):
        raise _Refused("aws: prefixed tag key names are not allowed for external use.")  # [P]


def _check_role(params: Parameters) -> None:
    """Refuse a role that is here and that CloudFormation cannot assume; others may be elsewhere."""
    arn = _text(params, "RoleARN")
    role = module(IAM)._roles.get(arn.rpartition("/")[2])
    if role is None:
        return
    with suppress(ValueError):
        policy = json.loads(role["AssumeRolePolicyDocument"])
        if not any(map(_trusts, _listed(policy.get("Statement", [])))):
            raise _Refused(f"Role {arn} is invalid or cannot be assumed")  # [R]


def _trusts(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    services = _listed(principal.get("Service", [])) if isinstance(principal, dict) else []
    is_ours = principal == "*" or any("cloudformation" in str(each) for each in services)
    return statement.get("Effect") == "Allow" and is_ours


def _check_triggers(params: Parameters) -> None:
    for number in range(1, len(params) + 1):
        prefix = f"RollbackConfiguration.RollbackTriggers.member.{number}"
        if not (arn := _text(params, f"{prefix}.Arn")):
            return
        if _text(params, f"{prefix}.Type") not in _ALARMS:
            raise _Refused("Rollback Trigger Type not supported")  # [R]
        if not _ALARM_ARN.fullmatch(arn):
            raise _Refused("RelativeId of a Rollback Trigger's ARN is incorrect")  # [R]


def _check_policy(params: Parameters) -> None:
    body = _text(params, "StackPolicyBody")
    if body and _text(params, "StackPolicyURL"):
        raise _Refused("You cannot specify both StackPolicyURL and StackPolicyBody")  # [R]
    if body and not _is_policy(body):
        raise _Refused("Error validating stack policy: Invalid stack policy")  # [R]


def _is_policy(body: str) -> bool:
    try:
        policy = json.loads(body)
    except ValueError:
        return False
    statements = _listed(policy.get("Statement", [])) if isinstance(policy, dict) else [None]
    return all(isinstance(each, dict) and _is_statement(each) for each in statements)


def _is_statement(statement: Mapping[str, Any]) -> bool:
    principal, actions = statement.get("Principal"), statement.get("Action", statement.get("NotAction"))
    is_all = principal in ("*", {"AWS": "*"})
    is_known = all(_POLICY_ACTION.fullmatch(str(each)) for each in _listed(actions))
    return is_all and is_known and statement.get("Effect") in ("Allow", "Deny")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _check_protection(params: Parameters) -> None:
    if (stack := _stack(params)) and stack.get("EnableTerminationProtection"):
        name = _text(params, "StackName")
        raise _Refused(f"Stack [{name}] cannot be deleted while TerminationProtection is enabled")  # [P]


_OPTIONS: tuple[Check, ...] = (_check_tags, _check_role, _check_triggers, _check_policy)
_check_stack = _checking_stack("Stack with id {} does not exist")  # [R] of GetTemplate, [P] of the others
_CHECKS: dict[str, tuple[Check, ...]] = {
    "CreateChangeSet": (_check_new_change_set, *_OPTIONS),
    "CreateStack": (_check_template_given, _check_new_stack, *_OPTIONS),
    "DeleteChangeSet": (_check_change_set,),
    "DeleteStack": (_check_protection, _check_role, _check_exports),
    "DescribeChangeSet": (_check_change_set,),
    "DescribeStackResource": (_checking_stack("Stack '{}' does not exist"), _check_resource),  # [R]
    "DescribeStackResources": (_find_stack_of_resource, _check_stack, _check_resource),
    "ExecuteChangeSet": (_check_change_set, _check_execution),
    "GetTemplate": (_check_template_of, _check_stack),
    "GetTemplateSummary": (_check_stack, _check_summary),
    "ListStackResources": (_check_stack,),
    "SetStackPolicy": (_check_policy,),
    "UpdateStack": (_check_template_given, _check_updatable, *_OPTIONS),
    "ValidateTemplate": (_check_template_given,),
}
