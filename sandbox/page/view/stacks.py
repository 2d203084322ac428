"""The texts of stacks, in a list and of one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sandbox.page.addresses import find_package, operation_address, package_address, stack_address

from .operations import operations
from .texts import moment, stack_tone, title_of

Json = dict[str, Any]
Stack = Mapping[str, Any]

# How CloudFormation words the failure of a handler.
_HANDLER_MESSAGE = re.compile(
    r'Resource handler returned message: "(?P<message>.*)" '
    r"\(RequestToken: (?P<token>[^,]+), HandlerErrorCode: (?P<code>\w+)\)",
    re.DOTALL,
)
_STACK = "AWS::CloudFormation::Stack"


def stack_rows(stacks: Sequence[Stack]) -> list[Json]:
    """Return the rows of a list of stacks: nested ones after their parents."""
    by_id = {stack["id"]: stack for stack in stacks}
    children: dict[str, list[Stack]] = {}
    for stack in stacks:
        parent = stack["parent"] if stack["parent"] in by_id else ""
        children.setdefault(parent, []).append(stack)
    rows: list[Json] = []
    left = [*reversed(children.get("", []))]
    while left:
        stack = left.pop()
        rows.append(_row(stack, by_id.get(stack["parent"])))
        left += reversed(children.get(stack["id"], []))
    return rows


def list_view(stacks: Mapping[str, Any]) -> Json:
    """Return what the page of all stacks shows, deleted ones included."""
    return {
        "title": title_of("Stacks"),
        "rows": stack_rows(stacks["stacks"]),
        "deleted": [_row(each) for each in stacks["deleted"]],
        "stacksProblem": stacks["problem"],
    }


def _row(stack: Stack, parent: Stack | None = None) -> Json:
    return {
        "key": stack["id"],
        "name": stack["name"],
        "address": address_of(stack),
        "status": stack["status"],
        "tone": stack_tone(stack["status"]),
        "reason": _first_reason(stack),
        "nestedIn": f"nested in {parent['name']}" if parent else "",
        "changed": moment(stack["deleted"] or stack["updated"] or stack["created"]),
    }


def address_of(stack: Stack) -> str:
    """Return the address of a stack: by its name while it has it alone."""
    return stack_address(stack["name"], stack["id"] if stack["deleted"] else "")


def stack_view(
    stack: Stack, stacks: Iterable[Stack], packages: Iterable[str], events: Sequence[Mapping[str, Any]]
) -> Json:
    """Return what the page of a stack shows.

    `stacks` are all stacks, `packages` the ARNs of all packages, `events` the stack's own handler events.
    """
    by_id = {each["id"]: each for each in stacks}
    arns = list(packages)
    parent = by_id.get(stack["parent"])
    nested = [each for each in by_id.values() if each["parent"] == stack["id"]]
    return {
        "title": title_of(f"Stack {stack['name']}"),
        "name": stack["name"],
        "id": stack["id"],
        "status": stack["status"],
        "tone": stack_tone(stack["status"]),
        "isDeleted": bool(stack["deleted"]),
        "description": stack["description"],
        "parent": _link(parent) if parent else None,
        "nested": [_row(each) for each in nested],
        "times": [
            {"name": name, "time": moment(stack[member])}
            for name, member in (("Created", "created"), ("Updated", "updated"), ("Deleted", "deleted"))
            if stack[member]
        ],
        "reasons": [_reason(each) for each in stack["reasons"]],
        "stackReason": stack["reason"],
        "outputs": stack["outputs"],
        "resources": [_resource(each, by_id, arns) for each in stack["resources"]],
        "operations": operations(events),
        "statusCommand": f".venv/bin/python -m sandbox status {stack['name']}",
    }


def _first_reason(stack: Stack) -> str:
    if stack["reasons"]:
        first = stack["reasons"][0]
        return f"{first['resource']}: {_without_token(first['reason'])[0]}"
    return str(stack["reason"])


def _reason(reason: Mapping[str, Any]) -> Json:
    text, token = _without_token(reason["reason"])
    return {
        **reason,
        "reason": text,
        "operation": operation_address(token) if token else "",
        "tone": stack_tone(reason["status"]),
        "time": moment(reason["time"]),
    }


def _without_token(reason: str) -> tuple[str, str]:
    """Return a handler's message with its error code, and the token of its operation; else the reason."""
    match = _HANDLER_MESSAGE.fullmatch(reason)
    return (f"{match['code']}: {match['message']}", match["token"]) if match else (reason, "")


def _resource(resource: Mapping[str, Any], stacks: Mapping[str, Stack], packages: Sequence[str]) -> Json:
    physical_id = resource["physicalId"]
    address, label = "", ""
    if resource["type"] == _STACK and physical_id in stacks:
        address, label = address_of(stacks[physical_id]), f"Stack {stacks[physical_id]['name']}"
    elif arn := find_package(physical_id, packages) if physical_id.startswith("arn:") else None:
        address, label = package_address(arn), f"Package {arn.partition('/')[2]}"
    return {
        **resource,
        "key": resource["logicalId"],
        "tone": stack_tone(resource["status"]),
        "address": address,
        "addressLabel": label,
        "updated": moment(resource["updated"]) if resource["updated"] else "",
    }


def _link(stack: Stack) -> Json:
    return {"name": stack["name"], "address": address_of(stack)}
