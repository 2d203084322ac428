"""Ends the operation on a stack that is deleted meanwhile, and deletes no bucket that has objects.

Seen in ministack 1.5.33: the operation goes on, makes the rest of the resources, which nothing deletes any
more, and gives the deleted stack a status of its own; a bucket is deleted with its objects.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from sandbox.cloudformation.operation_events import STACK_TYPE

from .events import stack_named
from .hosted_types import LEFTOVER
from .names import CHANGE_SETS, HANDLERS, PROVISIONERS, S3, STACKS, module, replace

Stack = dict[str, Any]

# A key in the engine's record of a stack that is or was being deleted: the status that its deletion has
# brought so far.
_DELETION = "_sandbox_deletion"


class _DeletedMeanwhileError(BaseException):
    """The stack is being deleted; the engine handles no such exception as the failure of a resource."""

    def __init__(self, record: dict[str, Any] | None, logical_id: str) -> None:
        super().__init__(logical_id)
        self.record = record
        self.logical_id = logical_id


def hook_deletions() -> None:
    """Let a deletion end the stack's other operation before its next resource."""
    stacks = module(STACKS)
    add, delete = stacks._add_event, stacks._delete_stack_async
    deploy, roll_back = module(HANDLERS)._deploy_stack_async, module(HANDLERS)._roll_back_operation
    go_on = module(HANDLERS)._continue_update_rollback_async
    running: dict[asyncio.Task[Any], Stack] = {}

    def add_event(stack_id: str, *given: Any, **more: Any) -> None:
        task = _current_task()
        stack = running.get(task, {}) if task else {}
        if _DELETION in stack and stack["StackId"] == stack_id:
            stack_name, logical_id, resource_type, status = given[:4]
            is_own = resource_type == STACK_TYPE and logical_id == stack_name
            record = None if is_own else _take(stack, logical_id, status)
            raise _DeletedMeanwhileError(record, logical_id)
        add(stack_id, *given, **more)

    def ending(operate: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Coroutine[Any, Any, None]]:
        async def operate_until_deleted(stack_name: str, *given: Any, **more: Any) -> None:
            stack, task = stack_named(stack_name), _current_task()
            assert task is not None
            running[task] = stack
            try:
                await operate(stack_name, *given, **more)
            except _DeletedMeanwhileError as ended:
                stack["StackStatus"] = stack[_DELETION]
                if ended.record:
                    await asyncio.to_thread(_delete, stack, ended.record, ended.logical_id)
            finally:
                running.pop(task, None)

        return operate_until_deleted

    async def delete_stack(stack_name: str, *given: Any, **more: Any) -> None:
        stack = stack_named(stack_name)
        stack[_DELETION] = "DELETE_IN_PROGRESS"
        await delete(stack_name, *given, **more)
        stack[_DELETION] = stack.get("StackStatus")

    replace("_add_event", add_event, STACKS)
    replace("_deploy_stack_async", ending(deploy), HANDLERS, CHANGE_SETS)
    replace("_roll_back_operation", ending(roll_back), HANDLERS)
    replace("_continue_update_rollback_async", ending(go_on), HANDLERS)
    replace("_delete_stack_async", delete_stack, STACKS, HANDLERS)
    _keep_objects()


def _current_task() -> asyncio.Task[Any] | None:
    """Return the task that runs; None in a thread of a resource."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _take(stack: Stack, logical_id: str, status: str) -> dict[str, Any] | None:
    """Take out of a stack what an operation has just made, with whatever a failure has left behind."""
    record = stack["_resources"].get(logical_id)
    left: dict[str, Any] | None = stack.get(LEFTOVER, {}).pop(logical_id, None)
    if record and (status in ("CREATE_COMPLETE", "UPDATE_COMPLETE") or record.get(LEFTOVER)):
        left = stack["_resources"].pop(logical_id)
    return left


def _delete(stack: Stack, record: dict[str, Any], logical_id: str) -> None:
    physical_id, properties = record["PhysicalResourceId"], record["Properties"]
    module(STACKS)._delete_resource(
        record["ResourceType"], physical_id, properties, stack["StackName"], logical_id
    )


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
