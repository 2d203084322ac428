"""Refuses updates that give a logical id another type.

ministack 1.5.33 takes them: it makes the new resource and deletes the old one by the new one's type, so that
the old one stays.
"""

from __future__ import annotations

import http.client
from typing import Any

from .names import CHANGE_SETS, CLOUDFORMATION, ENGINE, HANDLERS, PROVISIONERS, STACKS, module, replace

_NOT_PERMITTED = (
    "Update of resource type is not permitted. The new template modifies resource type of the following "
    "resources: "
)


class _TypeChangeError(Exception):
    """A template changes the types of resources that a stack has."""


def hook_type_changes() -> None:
    """Refuse such an update, and fail a change set with one, in CloudFormation's words. [pasted]"""
    handlers = module(HANDLERS)
    table, has_no_updates = handlers._ACTION_HANDLERS, handlers._stack_has_no_updates
    update_stack, create_change_set = table["UpdateStack"], table["CreateChangeSet"]

    def check_updates(stack: Any, template: Any, param_values: Any, *given: Any) -> Any:
        if problem := _problem(stack, template, param_values):
            raise _TypeChangeError(problem)
        return has_no_updates(stack, template, param_values, *given)

    def update_typed(params: dict[str, Any]) -> Any:
        try:
            return update_stack(params)
        except _TypeChangeError as change:
            return handlers._error("ValidationError", str(change))

    def create_typed(params: dict[str, Any]) -> Any:
        response = create_change_set(params)
        name, stack_name = (handlers._p(params, each) for each in ("ChangeSetName", "StackName"))
        _, change_set = module(CHANGE_SETS)._find_change_set(name, stack_name)
        stack = handlers._resolve_stack(stack_name)
        if response[0] != http.client.OK or not (change_set and stack):
            return response
        if problem := _problem(stack, change_set["_template"], change_set["_resolved_params"]):
            change_set.update(
                Status="FAILED", ExecutionStatus="UNAVAILABLE", StatusReason=problem, Changes=[]
            )
        return response

    _hook_resources()
    replace("_stack_has_no_updates", check_updates, HANDLERS)
    table.update(UpdateStack=update_typed, CreateChangeSet=create_typed)


def _hook_resources() -> None:
    """Fail the update of a resource to another type: nested stacks are not asked about before."""
    update, stacks = module(PROVISIONERS)._update_resource, module(CLOUDFORMATION)._stacks

    def update_typed(resource_type: str, *given: Any) -> Any:
        _, _, _, stack_name, logical_id, *_ = given
        recorded = (stacks.get(stack_name) or {}).get("_resources", {}).get(logical_id, {})
        if recorded.get("ResourceType", resource_type) != resource_type:
            raise ValueError(f"{_NOT_PERMITTED}[{logical_id}]")
        return update(resource_type, *given)

    replace("_update_resource", update_typed, PROVISIONERS, STACKS)


def _problem(stack: dict[str, Any], template: dict[str, Any], param_values: Any) -> str | None:
    conditions, recorded = module(ENGINE)._evaluate_conditions(template, param_values), stack["_resources"]
    changed = [
        name
        for name, resource in template["Resources"].items()
        if conditions.get(resource.get("Condition"), True)
        and recorded.get(name, {}).get("ResourceType", resource["Type"]) != resource["Type"]
    ]
    return f"{_NOT_PERMITTED}[{', '.join(changed)}]" if changed else None
