"""What a stack has of its template: its description, and exports that an update takes away.

Seen in ministack 1.5.33: only CreateStack records the description; an export that is no longer in the
template stays, and one that another stack imports can be changed and taken away; a boolean is no output; a
topic has no attribute `DisplayName`.
"""

from __future__ import annotations

from typing import Any

from sandbox.shared.template_parameters import as_text

from .names import CHANGE_SETS, CLOUDFORMATION, HANDLERS, PROVISIONERS, SNS, STACKS, module, replace


def hook_stack_records() -> None:
    """Let description and exports follow the template; an export that is imported cannot change."""
    _hook_outputs()
    attributes, topics = module(PROVISIONERS)._sns_topic_attrs, module(SNS)._topics
    replace(
        "_sns_topic_attrs",
        lambda arn: {
            **attributes(arn),
            "DisplayName": topics[arn]["attributes"].get("DisplayName", ""),
        },  # [R]
        PROVISIONERS,
    )


def _hook_outputs() -> None:
    resolve, deploy = module(STACKS)._resolve_stack_outputs, module(STACKS)._deploy_stack_async

    def resolve_outputs(definitions: dict[str, Any], conditions: dict[str, bool], *context: Any) -> Any:
        resources, parameters, *names = context

        def with_text(output: dict[str, Any]) -> dict[str, Any]:
            """Give an output the text of a boolean, which the engine refuses."""
            if not conditions.get(output.get("Condition", ""), True):
                return output
            try:
                value = module(STACKS)._resolve_refs(
                    output["Value"], resources, parameters, conditions, *names
                )
            except ValueError:  # which the engine raises again, where the reason is recorded
                return output
            return {**output, "Value": as_text(value)} if isinstance(value, bool) else output

        texts = {name: with_text(output) for name, output in definitions.items()}
        outputs, exports = resolve(texts, conditions, *context)
        stack_id = context[-1]
        for name, value in exports_of(stack_id).items():
            desired = exports.get(name)
            if (desired is None or desired["Value"] != value) and (importer := importer_of(name, stack_id)):
                verb = "deleted" if desired is None else "updated"
                raise ValueError(f"Export {name} cannot be {verb} as it is in use by {importer}")  # [pasted]
        return outputs, exports

    async def deploy_with_record(
        stack_name: str, stack_id: str, template: dict[str, Any], *given: Any, **more: Any
    ) -> None:
        stack = module(CLOUDFORMATION)._stacks[stack_name]
        is_update = more.get("is_update", False)
        if not is_update:
            stack["Description"] = template.get("Description", "")
        await deploy(stack_name, stack_id, template, *given, **more)
        if is_update and stack["StackStatus"] == "UPDATE_COMPLETE":
            stack["Description"] = template.get("Description", "")
            kept = {each.get("ExportName") for each in stack["Outputs"]}
            for name in exports_of(stack_id).keys() - kept:
                module(CLOUDFORMATION)._exports.pop(name, None)

    replace("_resolve_stack_outputs", resolve_outputs, STACKS)
    replace("_deploy_stack_async", deploy_with_record, HANDLERS, CHANGE_SETS)


def exports_of(stack_id: str) -> dict[str, str]:
    """Return the values that a stack exports, by their names."""
    exports = module(CLOUDFORMATION)._exports
    return {name: each["Value"] for name, each in exports.items() if each["StackId"] == stack_id}


def importer_of(export: str, stack_id: str) -> str | None:
    """Return the name of another stack that imports an export, if there is one."""
    imported = module(HANDLERS)._imported_export_names
    for name, stack in module(CLOUDFORMATION)._stacks.items():
        is_there = stack["StackStatus"] not in ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS")
        if is_there and stack["StackId"] != stack_id and export in imported(stack, name):
            return str(name)
    return None
