"""Exports that an update takes away.

Seen in ministack 1.5.33: an export that is no longer in the template stays, and one that another stack
imports can be changed and taken away.
"""

from __future__ import annotations

from typing import Any

from .names import CHANGE_SETS, CLOUDFORMATION, HANDLERS, STACKS, module, replace


def hook_exports() -> None:
    """Let exports go with their outputs, unless another stack imports them."""
    resolve, deploy = module(STACKS)._resolve_stack_outputs, module(STACKS)._deploy_stack_async

    def resolve_outputs(*given: Any) -> Any:
        outputs, exports = resolve(*given)
        stack_id = given[-1]
        for name, value in _exports_of(stack_id).items():
            new = exports.get(name)
            if new is None or new["Value"] != value:
                verb = "deleted" if new is None else "updated"
                if importer := _importer(name, stack_id):
                    raise ValueError(f"Export {name} cannot be {verb} as it is in use by {importer}")
        return outputs, exports

    async def deploy_with_exports(stack_name: str, stack_id: str, *given: Any, **more: Any) -> None:
        await deploy(stack_name, stack_id, *given, **more)
        stack = module(CLOUDFORMATION)._stacks[stack_name]
        left = {each.get("ExportName") for each in stack["Outputs"]}
        if str(stack["StackStatus"]) == "UPDATE_COMPLETE":
            for name in _exports_of(stack_id).keys() - left:
                module(CLOUDFORMATION)._exports.pop(name, None)

    replace("_resolve_stack_outputs", resolve_outputs, STACKS)
    replace("_deploy_stack_async", deploy_with_exports, HANDLERS, CHANGE_SETS)


def _exports_of(stack_id: str) -> dict[str, str]:
    """Return the values that a stack exports, by their names."""
    exports = module(CLOUDFORMATION)._exports
    return {name: each["Value"] for name, each in exports.items() if each["StackId"] == stack_id}


def _importer(export: str, stack_id: str) -> str | None:
    """Return the name of another stack that imports an export, if there is one."""
    imported = module(HANDLERS)._imported_export_names
    for name, stack in module(CLOUDFORMATION)._stacks.items():
        if stack["StackId"] == stack_id or stack["StackStatus"] in ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS"):
            continue
        if export in imported(stack, name):
            return str(name)
    return None
