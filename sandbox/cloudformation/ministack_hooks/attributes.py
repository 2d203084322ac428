"""Tells attributes that the engine lacks from those that a type does not have in AWS either."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.shared.settings import NOT_HERE

from .names import ENGINE, module, replace


def name_missing_attributes(has_attribute: Callable[[str, str], bool]) -> None:
    """Refuse attributes that AWS's types have, and the engine's do not, as what is not on this machine.

    ministack 1.5.33 has CloudFormation's words for them, which say that the type has no such attribute.
    """
    message = module(ENGINE)._unknown_attribute_message

    def missing(resource: dict[str, Any], logical_id: str, attribute: str) -> str:
        kind = str(resource.get("ResourceType"))
        if not has_attribute(kind, attribute):
            return str(message(resource, logical_id, attribute))
        return (
            f"The attribute {logical_id}.{attribute} is {NOT_HERE}: the local CloudFormation makes "
            f"{kind} without it. Leave Fn::GetAtt out, or give the value by a parameter"
        )

    replace("_unknown_attribute_message", missing, ENGINE)
