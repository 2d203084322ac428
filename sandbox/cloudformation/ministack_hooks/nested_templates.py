"""Templates of nested stacks that change at the same address.

Seen in ministack 1.5.33: such a change is not seen, neither by an update nor by a change set.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from sandbox.cloudformation.operation_events import STACK_TYPE
from sandbox.cloudformation.resource_changes import Json, changed_resource

from .names import CLOUDFORMATION, HELPERS, PROVISIONERS, module, replace

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


def hook_nested_templates() -> None:
    """Make and update nested stacks of the templates that their parents' operation began with."""
    entry = module(PROVISIONERS)._RESOURCE_HANDLERS[STACK_TYPE]
    create, update, resolve = entry["create"], entry["update"], module(HELPERS)._resolve_template

    def create_nested(logical_id: str, props: Json, stack_name: str) -> Any:
        return _deploy(props, lambda plain: create(logical_id, plain, stack_name))

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

    entry.update(create=create_nested, update=update_nested)
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
