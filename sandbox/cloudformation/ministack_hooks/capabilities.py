"""Asks for the capabilities that a template needs, as CloudFormation does.

Seen in ministack 1.5.33, which has the rules and applies them with authentication of its own alone. They are
documented for `CreateStack`, and the words are recorded: IAM resources need CAPABILITY_IAM, those with names
of their own CAPABILITY_NAMED_IAM, transforms CAPABILITY_AUTO_EXPAND where no change set shows what they make.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .names import CLOUDFORMATION, HANDLERS, PROVISIONERS, module, replace


def ask_for_capabilities() -> None:
    """Refuse requests that lack capabilities, and nested stacks whose root's operation lacks them."""
    check = module(PROVISIONERS)._check_nested_stack_capabilities

    def check_new(parent_stack_name: str, template: Mapping[str, Any]) -> None:
        # What a rollback goes back to was acknowledged when it was made.
        if "ROLLBACK" not in _root(parent_stack_name)["StackStatus"]:
            check(parent_stack_name, template)

    replace("_capabilities_enforced", lambda: True, HANDLERS)
    replace("_check_nested_stack_capabilities", check_new, PROVISIONERS)


def _root(stack_name: str) -> Mapping[str, Any]:
    stacks = module(CLOUDFORMATION)._stacks
    stack: Mapping[str, Any] = stacks[stack_name]
    while parent := stacks.get(stack.get("_parent_stack_name")):
        stack = parent
    return stack
