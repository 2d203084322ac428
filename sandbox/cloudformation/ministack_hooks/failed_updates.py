"""Continues stacks whose operation has failed without a rollback, and keeps what they have replaced.

Seen in ministack 1.5.33: a stack in CREATE_FAILED or UPDATE_FAILED cannot be updated by UpdateStack, and a
change set updates it as if it had not failed; a resource that a failed update has replaced is forgotten, so
that only RollbackStack finds it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .events import SET_ASIDE, stack_named
from .hosted_types import LEFTOVER
from .names import CHANGE_SETS, HANDLERS, PROVISIONERS, STACKS, module, replace

Parameters = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]
Stack = dict[str, Any]
Operation = dict[str, Any]

FAILED = frozenset({"CREATE_FAILED", "UPDATE_FAILED"})
# Keys in the engine's record of a stack: the option that its creation was asked for with; what the rollback
# of a failed operation needs, the engine's own; the same of the one before, while an update continues it.
ON_FAILURE = "_sandbox_on_failure"
_OPERATION = "_failed_operation"
_EARLIER = "_sandbox_earlier_operation"


def hook_failed_updates() -> None:
    """Let updates continue failed operations, with `DisableRollback` only."""
    table = module(HANDLERS)._ACTION_HANDLERS
    table["UpdateStack"] = _continuing(table["UpdateStack"], _stack_of)
    table["ExecuteChangeSet"] = _continuing(table["ExecuteChangeSet"], _stack_of_change_set)
    create, delete = table["CreateStack"], table["DeleteStack"]
    has_no_updates = module(HANDLERS)._stack_has_no_updates
    deploy = module(HANDLERS)._deploy_stack_async

    def create_stack(params: Parameters) -> Response:
        response: Response = create(params)
        if response[0] == 200:
            _stack_of(params)[ON_FAILURE] = module(HANDLERS)._p(params, "OnFailure")
        return response

    def delete_stack(params: Parameters) -> Response:
        stack = _stack_of(params)
        if stack.get("StackStatus") in FAILED:
            _define_all(stack)
        response: Response = delete(params)
        return response

    async def deploy_from_failure(stack_name: str, *given: Any, **more: Any) -> None:
        await deploy(stack_name, *given, **more)
        stack = stack_named(stack_name)
        earlier, operation = stack.pop(_EARLIER, None), stack.get(_OPERATION)
        if operation and stack["StackStatus"] in FAILED:
            _keep_replaced(stack, operation)
            if earlier:
                stack[_OPERATION] = _joined(stack, earlier, operation)

    table.update(CreateStack=create_stack, DeleteStack=delete_stack)
    replace("_deploy_stack_async", deploy_from_failure, HANDLERS, CHANGE_SETS)
    replace(
        "_stack_has_no_updates",
        lambda stack, *given: _EARLIER not in stack and has_no_updates(stack, *given),
        HANDLERS,
    )


def _stack_of(params: Parameters) -> Stack:
    handlers = module(HANDLERS)
    stack: Stack = handlers._resolve_stack(handlers._p(params, "StackName")) or {}
    return stack


def _stack_of_change_set(params: Parameters) -> Stack:
    value = module(HANDLERS)._p
    find = module(CHANGE_SETS)._find_change_set
    _, change_set = find(value(params, "ChangeSetName"), value(params, "StackName"))
    return stack_named((change_set or {}).get("StackName"))


def _continuing(
    handle: Callable[[Parameters], Response], find: Callable[[Parameters], Stack]
) -> Callable[[Parameters], Response]:
    def handle_failed(params: Parameters) -> Response:
        handlers, stack = module(HANDLERS), find(params)
        status = stack.get("StackStatus")
        if status not in FAILED:
            return handle(params)
        if handlers._p(params, "DisableRollback").lower() != "true":
            refused: Response = handlers._error(
                "ValidationError",
                f"This stack is currently in a non-terminal [{status}] state. To update the stack from this "
                "state, please use the disable-rollback parameter with update-stack API. To rollback to the "
                "last known good state, use the rollback-stack API",  # [pasted]
            )
            return refused
        before = {**stack, "_resources": dict(stack["_resources"])}
        _define_all(stack)
        for logical_id, record in before["_resources"].items():
            if record.get(LEFTOVER):  # it is made again
                _set_aside(stack, logical_id, stack["_resources"].pop(logical_id))
        stack |= {_EARLIER: stack.get(_OPERATION), "StackStatus": "UPDATE_COMPLETE"}
        response = handle(params)
        if response[0] != 200:
            stack.clear()
            stack.update(before)
        return response

    return handle_failed


def _define_all(stack: Stack) -> None:
    """Let the template define what the failed update has made, too, with its policies."""
    failed = (stack.get(_OPERATION) or {}).get("template") or {}
    template = stack.get("_template") or {}
    resources = {**template.get("Resources", {}), **failed.get("Resources", {})}
    stack["_template"] = {**template, **failed, "Resources": resources}


def _set_aside(stack: Stack, logical_id: str, record: dict[str, Any]) -> str:
    """Keep a resource in its stack beside the one that has taken its place, until it is cleaned up."""
    resources = stack["_resources"]
    name = logical_id.partition(SET_ASIDE)[0]
    key = f"{name}{SET_ASIDE}{len(resources)}"
    while key in resources:
        key += "1"
    resources[key] = record
    return key


def _keep_replaced(stack: Stack, operation: Operation) -> None:
    """Set aside what a failed update has replaced, and what its failed creations have left behind."""
    resources, definitions = stack["_resources"], operation["template"].get("Resources", {})
    previous = (operation["previous_stack"] or {}).get("_resources", {})
    for logical_id in operation["replaced_ids"]:
        old = previous.get(logical_id)
        policy = definitions.get(logical_id, {}).get("UpdateReplacePolicy", "Delete")
        is_kept = isinstance(policy, str) and policy in module(PROVISIONERS)._RETAINING_POLICIES
        if old and not is_kept and old["PhysicalResourceId"] != resources[logical_id]["PhysicalResourceId"]:
            _set_aside(stack, logical_id, old)
    for logical_id, record in stack.pop(LEFTOVER, {}).items():
        operation["created"].append(_set_aside(stack, logical_id, record))


def _joined(stack: Stack, earlier: Operation, operation: Operation) -> Operation:
    """Return what rolls back two failed operations, the later of which has continued the earlier."""
    previous = (earlier["previous_stack"] or {}).get("_resources", {})
    physical_ids = {record["PhysicalResourceId"] for record in previous.values()}
    aside = [
        key
        for key, record in stack["_resources"].items()
        if SET_ASIDE in key and record["PhysicalResourceId"] not in physical_ids
    ]
    created = list(dict.fromkeys([*earlier["created"], *operation["created"], *aside]))
    failed = operation["failed_update"] or earlier["failed_update"]
    if failed and failed[0] in created:
        logical_id, resource_type, physical_id, applied, _, attributes = failed
        old, failed = previous.get(logical_id), None
        if old and old["PhysicalResourceId"] == physical_id and applied is not None:
            created.remove(logical_id)
            place = stack["StackName"], stack["StackId"], logical_id
            with_tags = module(STACKS)._with_stack_tags
            desired = with_tags(resource_type, old["Properties"], earlier["previous_tags"], *place)
            failed = [logical_id, resource_type, physical_id, applied, desired, attributes]
    return {
        **operation,
        **{name: earlier[name] for name in ("is_update", "previous_stack", "previous_tags")},
        "created": created,
        "failed_update": failed,
        "replaced_ids": list({*earlier["replaced_ids"], *operation["replaced_ids"]}),
        "imports": {**earlier["imports"], **operation["imports"]},
    }
