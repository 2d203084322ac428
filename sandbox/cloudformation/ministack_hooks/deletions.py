"""Lets the creation of a stack end before the stack is deleted, and deletes nested stacks like others.

ministack 1.5.33 deletes a stack beside its creation, which goes on: it makes what is left of the template,
and its end is the status of a stack that is deleted already. Of a nested stack it deletes also what is to be
kept, passes over what cannot be deleted, and leaves what was made before a failure. It forgets what was
replaced by an update that failed and is not rolled back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from .names import (
    CHANGE_SETS,
    CLOUDFORMATION,
    HANDLERS,
    PROVISIONERS,
    STACKS,
    WAIT_CONDITIONS,
    module,
    replace,
)
from .places import keeps_replaced, place_in

CANCELLED = "Resource creation cancelled"
# In the record of a stack that is to be deleted, when its creation has ended.
_LEAVING = "_sandbox_leaving"


def hook_deletions() -> None:
    """Stop a creation at the resource that it is at, and delete the stack then; no deletion runs twice."""
    stacks = module(STACKS)
    # The first of them is wrapped before.
    deploy, delete = module(HANDLERS)._deploy_stack_async, stacks._delete_stack_async
    roll_back, tag = stacks._roll_back_operation, stacks._with_stack_tags
    creations: dict[str, asyncio.Event] = {}
    deletions: set[str] = set()

    async def deploy_to_the_end(stack_name: str, stack_id: str, *given: Any, **more: Any) -> None:
        ended = creations[stack_id] = asyncio.Event()
        try:
            await deploy(stack_name, stack_id, *given, **more)
        finally:
            del creations[stack_id]
            stack = _stack(stack_name)
            if _LEAVING in stack:
                stack["StackStatus"] = "DELETE_IN_PROGRESS"
            _keep_replaced(stack)
            ended.set()

    async def delete_at_the_end(stack_name: str, stack_id: str, *given: Any, **more: Any) -> None:
        if stack_id in deletions:
            return
        deletions.add(stack_id)
        try:
            if ended := creations.get(stack_id):
                _stack(stack_name).update({_LEAVING: True, "StackStatus": "DELETE_IN_PROGRESS"})
                _end_waits()
                await ended.wait()
            await delete(stack_name, stack_id, *given, **more)
        finally:
            deletions.remove(stack_id)

    async def roll_back_what_stays(
        stack_name: str, stack_id: str, stack: Any, operation: Any, reason_override: str = ""
    ) -> None:
        if _LEAVING not in stack:
            await roll_back(stack_name, stack_id, stack, operation, reason_override)

    def tag_what_stays(resource_type: str, props: Any, tags: Any, stack_name: str, *place: str) -> Any:
        # The engine asks for the tags before it begins with a resource.
        if _is_leaving(stack_name):
            raise RuntimeError(CANCELLED)
        return tag(resource_type, props, tags, stack_name, *place)

    _hook_nested_stacks(delete)
    replace("_deploy_stack_async", deploy_to_the_end, HANDLERS, CHANGE_SETS)
    replace("_delete_stack_async", delete_at_the_end, HANDLERS)
    replace("_roll_back_operation", roll_back_what_stays, STACKS, HANDLERS)
    replace("_with_stack_tags", tag_what_stays, STACKS, PROVISIONERS)


def _keep_replaced(stack: dict[str, Any]) -> None:
    """Record what an update has replaced that failed and is not rolled back: what comes next deletes it."""
    failed = stack.get("_failed_operation") or {}
    for logical_id in failed["replaced_ids"] if failed.get("is_update") else ():
        replaced = failed["previous_stack"]["_resources"][logical_id]
        if not keeps_replaced(place_in(stack, logical_id), failed["template"]):
            stack["_resources"][f"{logical_id} ({replaced['PhysicalResourceId']})"] = {**replaced}


def _hook_nested_stacks(delete: Callable[[str, str], Coroutine[Any, Any, None]]) -> None:
    provisioners, stacks = module(PROVISIONERS), module(CLOUDFORMATION)._stacks
    nested = provisioners._RESOURCE_HANDLERS["AWS::CloudFormation::Stack"]
    create = nested["create"]

    def delete_nested(physical_id: str, _props: Any = None) -> None:
        stack = _stack(provisioners._nested_stack_lookup_name(physical_id))
        if stack.get("StackStatus", "DELETE_COMPLETE") == "DELETE_COMPLETE":
            return
        # On a thread of its own: the engine runs what can wait there.
        asyncio.run(delete(stack["StackName"], stack["StackId"]))
        if stack["StackStatus"] == "DELETE_FAILED":
            raise RuntimeError(stack["StackStatusReason"])

    def create_nested(logical_id: str, props: Any, parent: str) -> Any:
        before = set(stacks)
        try:
            return create(logical_id, props, parent)
        except Exception:
            for name in [name for name in stacks if name not in before]:
                if stacks[name].get("_parent_stack_name") == parent:
                    with suppress(RuntimeError):  # the reason is that of the creation
                        delete_nested(name)
            raise

    nested.update(create=create_nested, delete=delete_nested)


def _end_waits() -> None:
    """End what waits for the signals of a wait condition, for up to 12 hours."""
    conditions = module(WAIT_CONDITIONS)
    signal = {"Status": "FAILURE", "UniqueId": "deletion", "Reason": CANCELLED}
    for waiting in [*conditions._waiting.values()]:
        if _is_leaving(waiting["stack_name"]):
            conditions.deliver_signal(waiting["token"], signal)


def _is_leaving(stack_name: str) -> bool:
    """Return whether a stack, or one that it is a part of, is to be deleted."""
    stack = _stack(stack_name)
    while stack and _LEAVING not in stack:
        stack = _stack(stack.get("_parent_stack_name", ""))
    return _LEAVING in stack


def _stack(name: str) -> dict[str, Any]:
    stack: dict[str, Any] = module(CLOUDFORMATION)._stacks.get(name) or {}
    return stack
