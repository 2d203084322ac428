"""Deletes nested stacks as other stacks, also those whose creation has failed, and publishes their exports.

Seen in ministack 1.5.33: the deletion of a nested stack heeds no DeletionPolicy and passes over resources
that cannot be deleted; a nested stack whose creation fails stays, with its resources, when its parent is
rolled back; a failure of its outputs leaves it in progress; its exports are not published; after a bucket
without a name it gives other resources names that their next update does not know, and replaces them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sandbox.cloudformation.operation_events import STACK_TYPE

from .events import stack_named
from .hosted_types import LEFTOVER
from .names import CLOUDFORMATION, HANDLERS, PROVISIONERS, STACKS, module
from .stack_records import exports_of, importer_of

Stack = dict[str, Any]
Properties = dict[str, Any]
BUCKET_TYPE = "AWS::S3::Bucket"
Made = tuple[str, dict[str, Any]]  # the id of a stack, and its outputs as attributes


def hook_nested_stacks() -> None:
    """Replace the engine's deletion of nested stacks, and complete their creation and update."""
    entry = module(PROVISIONERS)._RESOURCE_HANDLERS[STACK_TYPE]
    create, update = entry["create"], entry["update"]

    def create_nested(logical_id: str, props: Properties, parent_name: str) -> Made:
        before = set(module(CLOUDFORMATION)._stacks)
        try:
            return _exporting(create, logical_id, props, parent_name)
        except Exception as failure:
            for name, stack in [*module(CLOUDFORMATION)._stacks.items()]:
                is_child = stack.get("_parent_stack_name") == parent_name
                if name not in before and is_child and name.startswith(f"{parent_name}-{logical_id}-"):
                    _end(stack, "CREATE_FAILED", failure)
                    _keep(stack, logical_id, props)
            raise

    def update_nested(physical_id: str, old: Properties, new: Properties, parent_name: str) -> Made:
        try:
            return _exporting(update, physical_id, old, new, parent_name)
        except Exception as failure:
            _end(_nested(physical_id), "UPDATE_FAILED", failure)
            raise

    entry.update(create=create_nested, update=update_nested, delete=_delete)
    _name_after_buckets()


def _name_after_buckets() -> None:
    """Keep the seed of a bucket's generated name from what a nested stack makes after it."""
    seed, buckets = module(PROVISIONERS)._NAME_SEED, module(PROVISIONERS)._RESOURCE_HANDLERS[BUCKET_TYPE]
    create = buckets["create"]

    def create_bucket(logical_id: str, props: Properties, stack_name: str) -> Made:
        token = seed.set(seed.get())
        made: Made = create(logical_id, props, stack_name)
        if "_parent_stack_name" in module(CLOUDFORMATION)._stacks.get(stack_name, {}):
            seed.reset(token)  # other stacks keep it with the bucket
        return made

    buckets["create"] = create_bucket


def _nested(stack_id: str) -> Stack:
    stack: Stack = module(HANDLERS)._resolve_stack(stack_id) or {}
    return stack


def _exporting(deploy: Callable[..., Made], *given: Any) -> Made:
    """Deploy a nested stack, and publish what it exports.

    Raises:
        ValueError: the deployment has failed, or an export that is imported would change.
    """
    stack_id, attributes = deploy(*given)
    stack, exports = _nested(stack_id), module(CLOUDFORMATION)._exports
    template = stack["_template"]
    stack["Outputs"], desired = module(STACKS)._resolve_stack_outputs(
        template.get("Outputs", {}),
        stack["_conditions"],
        stack["_resources"],
        stack["_resolved_params"],
        template.get("Mappings", {}),
        stack["StackName"],
        stack_id,
    )
    for name in exports_of(stack_id).keys() - desired.keys():
        exports.pop(name, None)
    exports.update(desired)
    return stack_id, attributes


def _end(stack: Stack, status: str, failure: Exception) -> None:
    """Record the failure of a nested stack, unless the engine has done it for one of its resources."""
    if not stack or stack["StackStatus"] == status:
        return
    stack["StackStatus"] = status
    name, stack_id = stack["StackName"], stack["StackId"]
    module(STACKS)._add_event(stack_id, name, name, STACK_TYPE, status, str(failure), stack_id)


def _keep(stack: Stack, logical_id: str, props: Properties) -> None:
    """Record a nested stack that has failed in its parent, for its rollback or deletion."""
    parent = stack_named(stack["_parent_stack_name"], stack["ParentId"])
    if not parent:  # another one has its name
        _delete(stack["StackId"], props)
        return
    parent["_resources"][logical_id] = {
        "PhysicalResourceId": stack["StackId"],
        "ResourceType": STACK_TYPE,
        "ResourceStatus": "CREATE_FAILED",
        "LogicalResourceId": logical_id,
        "Properties": props,
        "Attributes": {},
        "Timestamp": stack["CreationTime"],
        LEFTOVER: True,
    }


def _delete(stack_id: str, _props: Properties) -> None:
    """Delete a nested stack, in the thread of its own that the engine has for it.

    Raises:
        ValueError: a resource of it could not be deleted, or one of its exports is imported.
    """
    stack = _nested(stack_id)
    if not stack or stack["StackStatus"] == "DELETE_COMPLETE":
        return
    for name in exports_of(stack_id):
        if importer := importer_of(name, stack_id):
            raise ValueError(f"Export {name} cannot be deleted as it is in use by {importer}")  # [pasted]
    asyncio.run(module(STACKS)._delete_stack_async(stack["StackName"], stack_id))
    if stack["StackStatus"] != "DELETE_COMPLETE":
        reason = stack["StackStatusReason"]
        raise ValueError(f"Embedded stack {stack_id} was not successfully deleted: {reason}")  # [pasted]
