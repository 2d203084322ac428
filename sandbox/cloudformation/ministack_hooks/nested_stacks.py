"""Nested stacks: what they leave behind, what deletes them, and templates that change at the same address.

Seen in ministack 1.5.33: a nested stack whose creation fails stays, with all that it has made; its deletion
keeps no resource that its template retains, and takes every failure for a success; and a template that has
changed at its address is not seen, neither by an update nor by a change set.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from sandbox.cloudformation.operation_events import STACK_TYPE
from sandbox.cloudformation.resource_changes import Json, changed_resource

from .hosted_types import LEFTOVER
from .names import CLOUDFORMATION, ENGINE, HELPERS, PROVISIONERS, RESPONSES, STACKS, module, replace

# Beside the properties of a nested stack: the templates that it and those in it were made of, by address.
_TEMPLATES = "sandbox::Templates"
# Those of the nested stack that is being made or updated; a rollback needs them though others are there.
_templates: ContextVar[dict[str, str] | None] = ContextVar("templates of a nested stack", default=None)
# Nothing is known of what changes in it until it is updated [D].
_AUTOMATIC = {
    "Target": {"Attribute": "Properties", "RequiresRecreation": "Never"},
    "Evaluation": "Dynamic",
    "ChangeSource": "Automatic",
}


def hook_nested_stacks() -> None:
    """Replace how the engine makes, updates and deletes nested stacks."""
    entry = module(PROVISIONERS)._RESOURCE_HANDLERS[STACK_TYPE]
    create, update, resolve = entry["create"], entry["update"], module(HELPERS)._resolve_template

    def create_nested(logical_id: str, props: Json, stack_name: str) -> Any:
        known = set(_children(stack_name))
        try:
            return _deploy(props, lambda plain: create(logical_id, plain, stack_name))
        except Exception:
            for stack_id in _children(stack_name).keys() - known:
                _keep(stack_name, logical_id, stack_id, props)
            raise

    def update_nested(physical_id: str, old: Json, new: Json, stack_name: str) -> Any:
        try:
            return _deploy(new, lambda plain: update(physical_id, old, plain, stack_name))
        except Exception:
            # Whatever comes next has to visit it again: the rollback of a stack that is nested itself, too.
            for record in module(CLOUDFORMATION)._stacks[stack_name]["_resources"].values():
                if record["PhysicalResourceId"] == physical_id:
                    record["Properties"] = {**record["Properties"], _TEMPLATES: {}}
            raise

    def resolve_template(params: dict[str, Any]) -> Any:
        template = template_at(next(iter(params.get("TemplateURL", [])), ""))
        return resolve(params) if template is None else (template, None)

    entry.update(create=create_nested, update=update_nested, delete=_delete)
    replace("_resolve_template", resolve_template, HELPERS)


def template_at(url: str) -> str | None:
    """Return the template at an address, if the nested stack that is being made or updated has it."""
    return (_templates.get() or {}).get(url)


def with_template(properties: Json) -> Json:
    """Return the properties of a nested stack, which have its template from then on."""
    url = properties.get("TemplateURL")
    if _TEMPLATES in properties or not isinstance(url, str):
        return properties
    around = _templates.get()
    templates = {} if around is None else around
    if url not in templates:
        template, problem = module(HELPERS)._resolve_template({"TemplateURL": [url]})
        if problem is not None or not template:
            return properties
        templates[url] = template
    properties[_TEMPLATES] = templates
    return properties


def have_changed(stack: Json) -> bool:
    """Return whether a nested stack has another template at its address, or nested ones in it."""
    nested = [each for each in stack["_resources"].values() if each["ResourceType"] == STACK_TYPE]
    return any(with_template(_plain(each["Properties"])) != each["Properties"] for each in nested)


def with_nested(changes: list[Json], resources: Json, live: Json) -> list[Json]:
    """Return the changes with those of nested stacks, of which CloudFormation lists each one [D]."""
    by_name = {changed_resource(each)["LogicalResourceId"]: each for each in changes}
    for logical_id, definition in resources.items():
        record = live.get(logical_id)
        if record and definition.get("Type") == STACK_TYPE and logical_id not in by_name:
            change = {
                "Action": "Modify",
                "LogicalResourceId": logical_id,
                "PhysicalResourceId": record["PhysicalResourceId"],
                "ResourceType": STACK_TYPE,
                "Replacement": "False",
                "Scope": ["Properties"],
                "Details": [_AUTOMATIC],
            }
            by_name[logical_id] = {"Type": "Resource", "ResourceChange": change}
    return [by_name[name] for name in sorted(by_name)]


def _plain(properties: Json) -> Json:
    return {name: value for name, value in properties.items() if name != _TEMPLATES}


def _deploy(properties: Json, deploy: Callable[[Json], Any]) -> Any:
    token = _templates.set(properties.get(_TEMPLATES))
    try:
        return deploy(_plain(properties))
    finally:
        _templates.reset(token)


def _children(stack_name: str) -> dict[str, Json]:
    """Return the nested stacks of a stack by their ids."""
    stacks = module(CLOUDFORMATION)._stacks
    parent = stacks[stack_name]["StackId"]
    return {each["StackId"]: each for each in stacks.values() if each.get("ParentId") == parent}


def _keep(stack_name: str, logical_id: str, stack_id: str, properties: Json) -> None:
    """Record a nested stack whose creation failed, for the rollback or the parent's deletion."""
    parent = module(CLOUDFORMATION)._stacks[stack_name]
    parent["_resources"][logical_id] = {
        "PhysicalResourceId": stack_id,
        "ResourceType": STACK_TYPE,
        "ResourceStatus": "CREATE_FAILED",
        "LogicalResourceId": logical_id,
        "Properties": properties,
        "Attributes": {},
        "Timestamp": module(RESPONSES).now_iso(),
        LEFTOVER: True,
    }


def _delete(physical_id: str, _props: Json) -> None:
    """Delete a nested stack; what its template retains is left, and what cannot be deleted is a failure."""
    stacks = module(CLOUDFORMATION)._stacks
    stack = next((each for each in stacks.values() if each["StackId"] == physical_id), None)
    if stack is None:
        return
    add, delete, resources = (
        module(STACKS)._add_event,
        module(PROVISIONERS)._delete_resource,
        stack["_resources"],
    )
    failed = []
    for logical_id in _deletion_order(stack):
        record = resources[logical_id]
        kind, resource = record["ResourceType"], record["PhysicalResourceId"]
        where = (stack["StackId"], stack["StackName"], logical_id, kind)
        if _is_retained(stack, logical_id):
            add(*where, "DELETE_SKIPPED", "", resource)
        else:
            try:
                delete(kind, resource, record["Properties"], stack["StackName"], logical_id)
            except Exception as problem:
                add(*where, "DELETE_FAILED", str(problem), resource)
                record.update(ResourceStatus="DELETE_FAILED", ResourceStatusReason=str(problem))
                failed.append(logical_id)
                continue
        resources.pop(logical_id, None)
    if failed:
        raise ValueError(f"The following resource(s) failed to delete: [{', '.join(sorted(failed))}]. ")
    stack["StackStatus"] = "DELETE_COMPLETE"


def _deletion_order(stack: Json) -> list[str]:
    """Return what a stack has, dependents first."""
    definitions = stack["_template"].get("Resources") or {}
    try:
        order = module(ENGINE)._topological_sort(definitions, stack["_conditions"])
    except ValueError:
        order = []
    resources = stack["_resources"]
    return [each for each in (*(set(resources) - set(order)), *reversed(order)) if each in resources]


def _is_retained(stack: Json, logical_id: str) -> bool:
    template = stack["_template"]
    policy = module(STACKS)._resource_policy(
        (template.get("Resources") or {}).get(logical_id),
        "DeletionPolicy",
        stack["_resources"],
        stack["_resolved_params"],
        stack["_conditions"],
        template.get("Mappings", {}),
        stack["StackName"],
        stack["StackId"],
    )
    if policy == "RetainExceptOnCreate":
        # A nested stack is deleted in a rollback only if the operation has made it.
        parent = module(CLOUDFORMATION)._stacks.get(stack["_parent_stack_name"]) or {}
        return "ROLLBACK" not in str(parent.get("StackStatus"))
    return policy in module(PROVISIONERS)._RETAINING_POLICIES
