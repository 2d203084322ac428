"""Where a hosted resource stands: its stack, logical id, stack tags, account and region."""

from __future__ import annotations

from typing import Any

from sandbox.cloudformation.provider import Place, Properties

from .names import CLOUDFORMATION, PROVISIONERS, RESPONSES, STACKS, module

# The key under which a resource's place travels beside its properties through the engine's own functions.
PLACE = "sandbox::Place"
# Beside properties that a resource has: its tags are all of them, the stack's included.
LIVE_TAGS = "sandbox::LiveTags"


def as_sent(value: Any) -> Any:
    """Return a value as CloudFormation hands it to handlers, with every primitive as a string."""
    if isinstance(value, dict):
        return {str(key): as_sent(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_sent(item) for item in value]
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is None else str(value)


def with_texts(resource_type: str, props: Properties) -> Properties:
    """Return the properties of a type of the engine's with texts where it makes them of booleans.

    Seen in ministack 1.5.33: the value `true` of a tag or a parameter becomes "True".
    """
    names = props if resource_type == "AWS::SSM::Parameter" else ("Tags",)
    return {name: as_sent(value) if name in names else value for name, value in props.items()}


def place_in(stack: dict[str, Any], logical_id: str) -> Place:
    """Return the place of a resource of a stack."""
    return place_of(stack["StackName"], stack["StackId"], logical_id, tags_of(stack.get("Tags")))


def tags_of(tags: list[dict[str, str]] | None) -> dict[str, str]:
    """Return tags by key."""
    return {tag["Key"]: tag.get("Value", "") for tag in tags or []}


def place_of(stack_name: str, stack_id: str, logical_id: str, tags: dict[str, str]) -> Place:
    """Return a place in the account and region of the request."""
    responses = module(RESPONSES)
    return Place(
        stack_name,
        stack_id,
        logical_id,
        tags,
        account=responses.get_account_id(),
        region=responses.get_region(),
    )


def open_properties(props: Properties | None) -> tuple[Properties, Place]:
    """Separate properties and place; a deletion comes without a place, and with the template's values."""
    properties = as_sent({key: each for key, each in (props or {}).items() if key not in (PLACE, LIVE_TAGS)})
    place = (props or {}).get(PLACE)
    return properties, Place(**place) if place else place_of("", "", "", {})


def stack_of(place: Place) -> dict[str, Any]:
    """Return the engine's record of a place's stack."""
    stack: dict[str, Any] = module(CLOUDFORMATION)._stacks[place.stack_name]
    return stack


def keeps_replaced(place: Place, template: dict[str, Any] | None = None) -> bool:
    """Return whether a template, or else the stack's, keeps a resource that is replaced."""
    stack = stack_of(place)
    template = template or stack["_template"]
    policy = module(STACKS)._resource_policy(
        template.get("Resources", {}).get(place.logical_id),
        "UpdateReplacePolicy",
        stack["_resources"],
        stack["_resolved_params"],
        stack["_conditions"],
        template.get("Mappings", {}),
        place.stack_name,
        place.stack_id,
    )
    return policy in module(PROVISIONERS)._RETAINING_POLICIES


def is_recorded(place: Place) -> bool:
    """Return whether the stack is still the one that its name stands for."""
    stack = module(CLOUDFORMATION)._stacks.get(place.stack_name) or {}
    return bool(stack.get("StackId") == place.stack_id)


def is_leaving(place: Place) -> bool:
    """Return whether the stack is deleted, or being deleted, since one of its resources was begun."""
    return not is_recorded(place) or str(stack_of(place)["StackStatus"]).startswith("DELETE_")


def operation_status(place: Place) -> str:
    """Return the status the engine gives to resources in the operation that the stack is in."""
    status: str = stack_of(place)["StackStatus"]
    # A stack that is deleted meanwhile is being created.
    return "CREATE_IN_PROGRESS" if status.startswith(("CREATE", "DELETE")) else "UPDATE_IN_PROGRESS"
