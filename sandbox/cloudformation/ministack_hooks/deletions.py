"""Deletions of stacks that are still being made, or whose creation failed, and of buckets with objects.

Seen in ministack 1.5.33: a deletion runs beside the creation, which goes on, and in the end rolls back the
stack that is deleted; a second one runs beside the first; nothing is retained in a stack that has never been
complete; and a bucket is deleted with its objects.
"""

from __future__ import annotations

import asyncio
from typing import Any

from sandbox.cloudformation.resource_changes import Json

from .names import (
    CHANGE_SETS,
    CLOUDFORMATION,
    HANDLERS,
    PROVISIONERS,
    RESPONSES,
    S3,
    STACKS,
    WAIT_CONDITIONS,
    module,
    replace,
)

CANCELLED = "Resource creation cancelled"
# Where the template of a creation is, in the engine's record of a stack.
_TEMPLATE = "_sandbox_template"


def hook_deletions() -> None:
    """Let a deletion end the creation of its stack, and begin when nothing is being done to it any more."""
    stacks, handlers = module(STACKS), module(HANDLERS)
    deploy, delete = handlers._deploy_stack_async, handlers._delete_stack_async
    provision, resolve, roll_back = (
        stacks._provision_resource,
        stacks._resolve_stack_outputs,
        stacks._roll_back_operation,
    )
    running: dict[str, asyncio.Event] = {}
    leaving: set[str] = set()

    async def deploy_until_deleted(
        stack_name: str, stack_id: str, template: Json, *given: Any, **more: Any
    ) -> None:
        if not more.get("is_update"):
            _stack(stack_name)[_TEMPLATE] = template
        running[stack_id] = asyncio.Event()
        try:
            await deploy(stack_name, stack_id, template, *given, **more)
        finally:
            running.pop(stack_id).set()

    async def delete_settled(stack_name: str, stack_id: str, *given: Any, **more: Any) -> None:
        if stack_id in leaving:
            return
        leaving.add(stack_id)
        try:
            stack = _stack(stack_name)
            if stack_id in running:
                stack["StackStatus"] = "DELETE_IN_PROGRESS"
                _end_waiting(stack_id)
                await running[stack_id].wait()
                stack["StackStatus"] = "DELETE_IN_PROGRESS"
            stack["_template"] = stack.get("_template") or stack.get(_TEMPLATE, {})
            await delete(stack_name, stack_id, *given, **more)
        finally:
            leaving.discard(stack_id)

    def provision_unless_deleted(resource_type: str, logical_id: str, props: Json, stack_name: str) -> Any:
        if not leaving.isdisjoint(_with_parents(_stack(stack_name))):
            raise ValueError(CANCELLED)
        return provision(resource_type, logical_id, props, stack_name)

    def resolve_unless_deleted(*given: Any) -> Any:
        if given[-1] in leaving:
            raise ValueError(CANCELLED)
        return resolve(*given)

    async def roll_back_unless_deleted(stack_name: str, stack_id: str, *given: Any, **more: Any) -> None:
        if stack_id not in leaving:
            await roll_back(stack_name, stack_id, *given, **more)

    replace("_deploy_stack_async", deploy_until_deleted, HANDLERS, CHANGE_SETS)
    replace("_delete_stack_async", delete_settled, HANDLERS)
    replace("_provision_resource", provision_unless_deleted, PROVISIONERS, STACKS)
    replace("_resolve_stack_outputs", resolve_unless_deleted, STACKS)
    replace("_roll_back_operation", roll_back_unless_deleted, STACKS, HANDLERS)
    _keep_objects()


def _stack(stack_name: str) -> Json:
    stack: Json = module(CLOUDFORMATION)._stacks.get(stack_name) or {}
    return stack


def _with_parents(stack: Json) -> set[str]:
    """Return the ids of a stack and of those that it is nested in."""
    ids = set()
    while stack:
        ids.add(stack["StackId"])
        stack = _stack(stack.get("_parent_stack_name", ""))
    return ids


def _end_waiting(stack_id: str) -> None:
    """Let what waits for signals in a stack, and in those nested in it, wait no longer."""
    waits = module(WAIT_CONDITIONS)
    stacks = {each["StackId"]: each for each in list(module(CLOUDFORMATION)._stacks.values())}
    signal = {"Status": "FAILURE", "Reason": CANCELLED, "Data": ""}
    with waits._changed:
        for (waiting, _), condition in waits._waiting.items():
            if stack_id in _with_parents(stacks.get(waiting, {})):
                waits._handles[condition["token"]]["signals"][module(RESPONSES).new_uuid()] = signal
        waits._changed.notify_all()


def _keep_objects() -> None:
    bucket_type, s3 = module(PROVISIONERS)._RESOURCE_HANDLERS["AWS::S3::Bucket"], module(S3)
    delete = bucket_type["delete"]

    def delete_empty(physical_id: str, props: dict[str, Any]) -> None:
        bucket = s3._buckets.get(physical_id)
        if bucket and (bucket["objects"] or s3._bucket_has_versions(physical_id)):
            raise ValueError(
                "The bucket you tried to delete is not empty (Service: Amazon S3; Status Code: 409; "
                "Error Code: BucketNotEmpty)"  # [pasted]
            )
        delete(physical_id, props)

    bucket_type["delete"] = delete_empty
