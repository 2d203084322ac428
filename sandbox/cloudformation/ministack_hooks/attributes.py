"""Attributes: by names that are known with the parameters, and those that the engine lacks.

Seen in ministack 1.5.33: the name of an attribute cannot be a function, and what the engine lacks is refused
as if the type in AWS had no such attribute.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.shared.settings import NOT_HERE
from sandbox.shared.template_functions import function_of

from .names import ENGINE, module, replace


def name_missing_attributes(has_attribute: Callable[[str, str], bool]) -> None:
    """Refuse attributes that AWS's types have, and the engine's do not, as what is not on this machine."""
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


def resolving_attribute_names(resolve: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that resolves values like the engine's, and the names of attributes in them."""

    def resolve_named(value: Any, *scope: Any) -> Any:
        function, argument = function_of(value) or ("", None)
        if function == "Fn::GetAtt" and isinstance(argument, list):
            resource, attribute = argument
            value = {function: [resource, module(ENGINE)._resolve_refs(attribute, *scope)]}
        return resolve(value, *scope)

    return resolve_named
