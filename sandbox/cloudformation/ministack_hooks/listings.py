"""Completes ministack's lists of resources, stacks and events.

Seen in ministack 1.5.33: resources that are being made, that have failed, and those of deleted stacks are not
listed; no stack is found by the id of a resource; a list of stacks says nothing of parents; a page of events
moves on with every new event.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from sandbox.cloudformation.operation_events import OPERATION_TYPE, is_of_stack
from sandbox.cloudformation.xml_answers import Answer

from .events import OPERATIONS, SET_ASIDE, masked
from .names import CLOUDFORMATION, HANDLERS, HELPERS, module, replace

Parameters = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]
Record = dict[str, Any]

_OF_RESOURCES = ("DescribeStackResource", "DescribeStackResources", "ListStackResources")
_EVENTS = re.compile(r"(DescribeStackEvents|DescribeEvents):([1-9]\d*)")
_OPEN_STATUSES = re.compile(r".*_(IN_PROGRESS|FAILED)|DELETE_COMPLETE")

_SHOWN = ("PhysicalResourceId", "ResourceType", "ResourceStatus", "ResourceStatusReason", "Timestamp")

# Whether a stack is asked for to list its resources.
_lists_resources: ContextVar[bool] = ContextVar("lists_resources", default=False)


def hook_listings() -> None:
    """Complete the lists."""
    table = module(HANDLERS)._ACTION_HANDLERS
    resolve = module(HANDLERS)._resolve_stack

    def resolve_stack(name_or_id: str) -> Record | None:
        stack: Record | None = resolve(name_or_id)
        if stack is None or not _lists_resources.get():
            return stack
        return {**stack, "_resources": _resources_of(stack)}

    replace("_resolve_stack", resolve_stack, HANDLERS)
    for action in _OF_RESOURCES:
        table[action] = _listing(table[action])
    table["DescribeStackResources"] = _by_physical_id(table["DescribeStackResources"])
    table["ListStacks"] = _with_parents(table["ListStacks"])
    _keep_pages_of_events()


def _listing(handle: Callable[[Parameters], Response]) -> Callable[[Parameters], Response]:
    def handle_list(params: Parameters) -> Response:
        token = _lists_resources.set(True)
        try:
            return handle(params)
        finally:
            _lists_resources.reset(token)

    return handle_list


def _resources_of(stack: Record) -> dict[str, Record]:
    """Return a stack's resources with those that are being made, have failed, or are deleted with it."""
    resources: dict[str, Record] = {
        logical_id: {
            **record,
            "ResourceStatusReason": masked(record.get("ResourceStatusReason") or "", stack),
        }
        for logical_id, record in [*(stack.get("_resources") or {}).items()]
        if SET_ASIDE not in logical_id
    }
    if not _OPEN_STATUSES.fullmatch(stack["StackStatus"]):
        return resources
    is_deleted = stack["StackStatus"].startswith("DELETE_")
    for logical_id, event in _last_events(stack, is_deleted=is_deleted).items():
        record = resources.get(logical_id)
        is_listed = not event["ResourceStatus"].endswith(("_COMPLETE", "_SKIPPED"))
        if record is None:
            has_ended = stack["StackStatus"].endswith("ROLLBACK_FAILED")
            is_listed = is_deleted or (is_listed and not has_ended)
        elif event["PhysicalResourceId"] not in ("", record["PhysicalResourceId"]):
            is_listed = False  # of what it replaces, or is replaced by
        if is_listed:
            resources[logical_id] = {**(record or {}), **{name: event.get(name) or "" for name in _SHOWN}}
            if record and not event["PhysicalResourceId"]:
                resources[logical_id]["PhysicalResourceId"] = record["PhysicalResourceId"]
    return resources


def _last_events(stack: Record, *, is_deleted: bool) -> dict[str, Record]:
    """Return the last events of resources in a stack's last operation, or in its deletions."""
    operations = {each["OperationId"] for each in stack.get(OPERATIONS, [])}
    last: dict[str, Record] = {}
    for event in [*module(CLOUDFORMATION)._stack_events.get(stack["StackId"], [])]:
        is_meant = event.get("OperationId") in operations
        if is_deleted:
            is_meant = event.get(OPERATION_TYPE) == "DELETE_STACK"
        if is_meant and not is_of_stack(event):
            known = last.get(event["LogicalResourceId"], {})
            physical_id = event["PhysicalResourceId"] or known.get("PhysicalResourceId", "")
            last[event["LogicalResourceId"]] = {**event, "PhysicalResourceId": physical_id}
    return last


def _by_physical_id(handle: Callable[[Parameters], Response]) -> Callable[[Parameters], Response]:
    """Find the stack by the physical id of a resource [D]."""

    def describe_stack_resources(params: Parameters) -> Response:
        handlers = module(HANDLERS)
        physical_id = handlers._p(params, "PhysicalResourceId")
        if not physical_id or handlers._p(params, "StackName"):
            return handle(params)
        for stack in [*module(CLOUDFORMATION)._stacks.values()]:
            ids = {each.get("PhysicalResourceId") for each in [*(stack.get("_resources") or {}).values()]}
            if physical_id in ids:
                return handle({**params, "StackName": [stack["StackId"]]})
        refused: Response = handlers._error("ValidationError", f"Stack for {physical_id} does not exist")
        return refused

    return describe_stack_resources


def _with_parents(handle: Callable[[Parameters], Response]) -> Callable[[Parameters], Response]:
    def list_stacks(params: Parameters) -> Response:
        status, headers, body = handle(params)
        if status != 200:
            return status, headers, body
        answer = Answer(body, "ListStacks")
        for member in answer.members(answer.result, "StackSummaries"):
            stack = module(HANDLERS)._resolve_stack(answer.text(member, "StackId")) or {}
            for name in ("ParentId", "RootId"):
                answer.put(member, name, stack.get(name))
            answer.put(member, "TemplateDescription", stack.get("Description") or None)
        return status, headers, bytes(answer)

    return list_stacks


def _keep_pages_of_events() -> None:
    """Count pages of events from the oldest one, so that a new one does not move them."""
    page = module(HELPERS)._page

    def page_of_list(
        items: list[Any], params: Parameters, action: str, page_size: int = module(HELPERS).PAGE_SIZE
    ) -> tuple[list[Any], str, Response | None]:
        token = _EVENTS.fullmatch(module(HANDLERS)._p(params, "NextToken"))
        if not action.endswith("Events") or (token and token[1] != action):
            token = None
        if token:
            items = items[-int(token[2]) :]
            params = {name: value for name, value in params.items() if name != "NextToken"}
        shown, next_token, error = page(items, params, action, page_size)
        if action.endswith("Events") and next_token:
            next_token = f"<NextToken>{action}:{len(items) - page_size}</NextToken>"
        return shown, next_token, error

    replace("_page", page_of_list, HELPERS, HANDLERS)
