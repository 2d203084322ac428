"""Updates of stacks that CloudFormation refuses, and one that it does not.

Seen in ministack 1.5.33: a resource gets another type, and the old one is left behind; an update is refused
although the template of a nested stack has changed at its address.
"""

from __future__ import annotations

from typing import Any

from sandbox.cloudformation.resource_changes import Json, type_problem

from . import nested_templates
from .compared_templates import Template
from .names import CLOUDFORMATION, HANDLERS, PROVISIONERS, STACKS, module, replace


class _Refused(Exception):
    """CloudFormation refuses an update."""


def hook_updates() -> None:
    """Refuse other types for resources, and compare the templates of nested stacks."""
    handlers = module(HANDLERS)
    has_none, update = handlers._stack_has_no_updates, handlers._ACTION_HANDLERS["UpdateStack"]

    def has_no_updates(stack: Json, template: Json, parameters: Json, *more: Any) -> bool:
        where = stack["StackName"], stack["StackId"]
        before = Template(stack["_template"] or {}, stack["_resolved_params"], *where)
        if problem := type_problem(before.resources, Template(template, parameters, *where).resources):
            raise _Refused(problem)  # [P]
        return has_none(stack, template, parameters, *more) and not nested_templates.have_changed(stack)

    def update_stack(params: dict[str, Any]) -> Any:
        try:
            return update(params)
        except _Refused as refused:
            return handlers._error("ValidationError", str(refused))

    update_resource = module(PROVISIONERS)._update_resource

    def update_typed(resource_type: str, *given: Any) -> Any:
        """Fail the update to another type in a nested stack, which is not asked about before."""
        _, _, _, stack_name, logical_id, *_ = given
        stack = module(CLOUDFORMATION)._stacks.get(stack_name) or {}
        record = stack.get("_resources", {}).get(logical_id, {})
        previous = record.get("ResourceType", resource_type)
        if problem := type_problem({logical_id: {"Type": previous}}, {logical_id: {"Type": resource_type}}):
            raise ValueError(problem)
        return update_resource(resource_type, *given)

    replace("_stack_has_no_updates", has_no_updates, HANDLERS)
    replace("_update_resource", update_typed, PROVISIONERS, STACKS)
    handlers._ACTION_HANDLERS["UpdateStack"] = update_stack
