"""Records the events of stacks as CloudFormation does: which, in which order, and with which reasons.

ministack 1.5.33 has an UPDATE event for each resource of an updated stack, changed or not, calls a resource
that an update adds updated, has no events for what an update deletes, no clean-up, times that are equal, and
reasons of its own.
"""

from __future__ import annotations

import ast
import functools
import json
import logging
import re
import threading
from collections.abc import Awaitable
from dataclasses import dataclass
from dataclasses import replace as changed
from html import unescape
from typing import Any

from sandbox.cloudformation.operation_events import (
    OPERATION_TYPE,
    OPERATION_TYPES,
    STACK_TYPE,
    later_timestamp,
)
from sandbox.shared.template_secrets import MASK

from .names import CHANGE_SETS, CLOUDFORMATION, HANDLERS, PROVISIONERS, RESPONSES, STACKS, module, replace

REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."
CREATION_INITIATED = "Resource creation Initiated"
USER_INITIATED = "User Initiated"
CLEANING_UP = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
_CLEANED_UP = {
    "UPDATE_COMPLETE": CLEANING_UP,
    "UPDATE_ROLLBACK_COMPLETE": "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
}
# A failure with what a service of the engine has answered, in JSON or XML.
_ANSWER = re.compile(r"""AWS::[\w:]+ .*failed: (b'(?:[^'\\]|\\.)*'|b"(?:[^"\\]|\\.)*")""")
_MESSAGE = re.compile(r'"[Mm]essage": ?"((?:[^"\\]|\\.)*)"|<Message>([^<]*)</Message>')
MIN_MASKED_CHARACTERS = 4  # "dev" is a part of many words
# What stands in the key of a resource that another one has replaced, after its logical id.
SET_ASIDE = "#"
# Keys in the engine's record of a stack: its last operations, newest first, as DescribeStacks has them; what
# has failed in the present one, and whether its failure is to delete the stack.
OPERATIONS = "_sandbox_operations"
_FAILURES = "_sandbox_failures"
_OUTPUT_FAILURE = "_sandbox_output_failure"
_DELETES_FAILED = "_sandbox_deletes_failed"

Stack = dict[str, Any]


@dataclass(frozen=True)
class _Event:
    """What the engine says of an event."""

    stack_id: str
    stack_name: str
    logical_id: str
    resource_type: str
    status: str
    reason: str = ""
    physical_id: str = ""
    detailed_status: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What a resource is known by."""
        return self.stack_id, self.logical_id


def stack_named(stack_name: str | None, stack_id: str | None = None) -> Stack:
    """Return the engine's record of a stack, an empty one if there is no such stack (any more)."""
    stack: Stack = module(CLOUDFORMATION)._stacks.get(stack_name) or {}
    return stack if stack_id in (None, stack.get("StackId")) else {}


def masked(text: str, stack: Stack) -> str:
    """Return a text without the values of the stack's `NoEcho` parameters [D], but for very short ones."""
    parameters = (stack.get("_resolved_params") or {}).values()
    secrets = {str(each["Value"]) for each in parameters if each.get("NoEcho")}
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= MIN_MASKED_CHARACTERS:
            text = text.replace(secret, MASK)
    return text


def _mask_log() -> None:
    """Keep the values of `NoEcho` parameters out of the engine's log, which has the reasons of failures."""

    def mask(record: logging.LogRecord) -> bool:
        text = record.getMessage()
        for stack in [*module(CLOUDFORMATION)._stacks.values()]:
            text = masked(text, stack)
        record.msg, record.args = text, ()
        return True

    for handler in logging.getLogger().handlers:
        handler.addFilter(mask)


class Recorder:
    """Stands between the engine and its list of events."""

    def __init__(self) -> None:
        self._record = module(STACKS)._add_event
        self._lock = threading.RLock()  # handlers of resources run in threads
        # First events of resources of updated stacks, with the resources' records, until an update begins.
        self._held: dict[tuple[str, str], tuple[_Event, dict[str, Any]]] = {}
        self._added: set[tuple[str, str]] = set()  # the resources that an update creates

    def hook(self) -> None:
        """Take over the engine's function, and the places where it has no event."""

        @functools.wraps(self._record)
        def add(*given: str, **more: str) -> None:
            self.add(_Event(*given, **more))

        replace("_add_event", add, STACKS, HANDLERS, CHANGE_SETS)
        _mask_log()
        self._hook_updates()
        self._hook_clean_up()
        self._hook_failures()

    def add(self, event: _Event) -> None:
        """Record an event, or what CloudFormation has in its place."""
        stack = stack_named(event.stack_name, event.stack_id)
        logical_id = event.logical_id.partition(SET_ASIDE)[0]
        event = changed(event, logical_id=logical_id, reason=masked(_message_in(event.reason), stack))
        with self._lock:
            if event.resource_type == STACK_TYPE and event.physical_id == event.stack_id:
                self._add_of_stack(event, stack)
            else:
                self._add_of_resource(event, stack)

    # --- the stack's own events ---------------------------------------------------------------------

    def _add_of_stack(self, event: _Event, stack: Stack) -> None:
        status = event.status
        is_early = status.endswith("_FAILED") and str(stack.get("StackStatus")).endswith("_IN_PROGRESS")
        if is_early and event.reason == stack.get(_OUTPUT_FAILURE):
            return  # the engine adds it again if nothing is rolled back, and otherwise AWS has none
        if stack.get(_DELETES_FAILED):
            if status in {"ROLLBACK_COMPLETE", "DELETE_IN_PROGRESS"}:
                return
            if status == "ROLLBACK_IN_PROGRESS":
                reason = f"{_failure(stack)}Delete requested by user."
                event = changed(event, status="DELETE_IN_PROGRESS", reason=reason)
                stack["StackStatus"] = event.status
        elif status in _CLEANED_UP and self._last_status(event) != _CLEANED_UP[status]:
            self._append(changed(event, status=_CLEANED_UP[status]), stack)  # the engine has none
        if status in {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}:
            stack.pop(_FAILURES, None)
            stack.pop(_OUTPUT_FAILURE, None)
        event = changed(event, reason=_reason(event, stack))
        if "_parent_stack_name" in stack:
            _keep_origin(event, stack)
        if event.status in OPERATION_TYPES:
            _begin_operation(event, stack)
        stack["StackStatusReason"] = event.reason
        recorded = self._append(event, stack)
        if event.status in {"DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"}:
            stack["DeletionTime"] = recorded["Timestamp"]  # [R]

    # --- events of resources ------------------------------------------------------------------------

    def _add_of_resource(self, event: _Event, stack: Stack) -> None:
        record = stack.get("_resources", {}).get(event.logical_id)
        if event.status == "UPDATE_IN_PROGRESS" and not event.reason and not event.physical_id:
            if record is not None:
                self._held[event.key] = event, record
                return
            self._added.add(event.key)
        first, previous = self._held.pop(event.key, (None, {}))
        if first and event.status == "UPDATE_COMPLETE":
            # Nothing was sent to it, so that it stays what it was.
            for name in ("ResourceStatus", "Timestamp", "DriftInformation", "_drift"):
                if record is not None and name in previous:
                    record[name] = previous[name]
            return
        if first and event.reason != REPLACING:
            self._append(changed(first, physical_id=previous.get("PhysicalResourceId", "")), stack)
        if event.key in self._added:
            event = self._created(event, record)
        if event.status.endswith("_FAILED"):
            last = self._last(event.stack_id, event.logical_id)
            physical_id = event.physical_id or last.get("PhysicalResourceId")
            event = changed(event, physical_id=physical_id or (record or {}).get("PhysicalResourceId", ""))
            verb = "create" if event.status == "CREATE_FAILED" else "update"
            stack.setdefault(_FAILURES, {}).setdefault(verb, []).append(event.logical_id)
        if event.status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            self._announce(event, stack)
        self._append(event, stack)
        is_nested = "_parent_stack_name" in stack
        if is_nested and event.status.endswith("_FAILED") and stack["StackStatus"].endswith("_FAILED"):
            self._set_status(stack, stack["StackStatus"])  # the engine has it in the record only

    def _created(self, event: _Event, record: dict[str, Any] | None) -> _Event:
        """Return an event of a resource that an update adds, which CloudFormation calls created [R]."""
        status = event.status.replace("UPDATE_", "CREATE_")
        if not status.endswith("_IN_PROGRESS"):
            self._added.discard(event.key)
        if record is not None and status == "CREATE_COMPLETE":
            record["ResourceStatus"] = status
        return changed(event, status=status)

    def _announce(self, event: _Event, stack: Stack) -> None:
        """Record that the creation of a resource began, where the engine has not said so [R]."""
        last = self._last(event.stack_id, event.logical_id)
        if last.get("ResourceStatus") != event.status.replace("COMPLETE", "IN_PROGRESS"):
            return
        begun, physical_id = changed(event, status=last["ResourceStatus"]), last.get("PhysicalResourceId")
        is_replaced = event.status == "UPDATE_COMPLETE" and bool(physical_id)
        if physical_id == event.physical_id or (event.status == "UPDATE_COMPLETE" and not is_replaced):
            return
        if is_replaced and last.get("ResourceStatusReason") != REPLACING:
            self._append(changed(begun, reason=REPLACING, physical_id=str(physical_id)), stack)
        self._append(changed(begun, reason=CREATION_INITIATED), stack)

    # --- the list -----------------------------------------------------------------------------------

    def _append(self, event: _Event, stack: Stack) -> dict[str, Any]:
        events = module(CLOUDFORMATION)._stack_events
        previous = (events.get(event.stack_id) or [{}])[-1].get("Timestamp")
        self._record(*vars(event).values())
        recorded: dict[str, Any] = events[event.stack_id][-1]
        recorded["Timestamp"] = later_timestamp(recorded["Timestamp"], previous)
        if event.physical_id != event.stack_id:
            recorded["EventId"] = f"{event.logical_id}-{event.status}-{recorded['Timestamp']}"  # [R]
        if operation := next(iter(stack.get(OPERATIONS, [])), None):
            recorded["OperationId"] = operation["OperationId"]
            recorded[OPERATION_TYPE] = operation["OperationType"]
        return recorded

    def _last(self, stack_id: str, logical_id: str) -> dict[str, Any]:
        events = module(CLOUDFORMATION)._stack_events.get(stack_id, [])
        return next((each for each in reversed(events) if each["LogicalResourceId"] == logical_id), {})

    def _last_status(self, event: _Event) -> str:
        return str(self._last(event.stack_id, event.logical_id).get("ResourceStatus"))

    # --- where the engine has no event --------------------------------------------------------------

    def _hook_updates(self) -> None:
        provisioners = module(PROVISIONERS)
        update, is_replacing = provisioners._update_resource, provisioners._replacing_change

        def update_resource(*given: Any) -> Any:
            """Record the held event of a resource that changes; one that does not keeps its attributes."""
            resource_type, physical_id, previous, desired, stack_name, logical_id = given[:6]
            stack = stack_named(stack_name)
            if previous == desired:
                # Of nested stacks the engine does not say them, so that outputs would not resolve.
                record = stack.get("_resources", {}).get(logical_id, {})
                return physical_id, record.get("Attributes", {})
            with self._lock:
                first, _ = self._held.pop((stack.get("StackId", ""), logical_id), (None, None))
                if first:
                    reason = REPLACING if is_replacing(resource_type, previous, desired) else ""
                    self._append(changed(first, physical_id=physical_id, reason=reason), stack)
            return update(*given)

        replace("_update_resource", update_resource, PROVISIONERS, STACKS)

    def _hook_clean_up(self) -> None:
        """Let an update end with a clean-up, in which what it leaves behind is deleted [R]."""
        resolve, delete = module(STACKS)._resolve_stack_outputs, module(PROVISIONERS)._delete_resource

        def resolve_outputs(*given: Any) -> Any:
            """Begin the clean-up of an update when its last step, the outputs, has succeeded."""
            stack = stack_named(given[-2], given[-1])
            try:
                resolved = resolve(*given)
            except Exception as error:
                stack[_OUTPUT_FAILURE] = str(error)
                raise
            if stack.get("StackStatus") == "UPDATE_IN_PROGRESS":
                self._set_status(stack, CLEANING_UP)
            return resolved

        def delete_resource(
            resource_type: str,
            physical_id: str,
            props: dict[str, Any],
            stack_name: str | None = None,
            logical_id: str | None = None,
        ) -> None:
            """Record the deletion of what an update leaves behind; the engine records the others itself."""
            stack = stack_named(stack_name)
            last = self._last(stack.get("StackId", ""), logical_id or "").get("ResourceStatus")
            is_nested = "_parent_stack_name" in stack and not str(last).endswith("_IN_PROGRESS")
            if is_nested and stack["StackStatus"] == "UPDATE_IN_PROGRESS":
                self._set_status(stack, CLEANING_UP)
            is_silent = stack.get("StackStatus") == CLEANING_UP and last != "DELETE_IN_PROGRESS"

            def add(status: str) -> None:
                if is_silent:
                    ids = stack["StackId"], stack["StackName"], logical_id or ""
                    self.add(_Event(*ids, resource_type, status, physical_id=physical_id))

            add("DELETE_IN_PROGRESS")
            delete(resource_type, physical_id, props, stack_name, logical_id)
            add("DELETE_COMPLETE")

        replace("_resolve_stack_outputs", resolve_outputs, STACKS)
        replace("_delete_resource", delete_resource, PROVISIONERS, STACKS)

    def _set_status(self, stack: Stack, status: str, reason: str = "") -> None:
        stack["StackStatus"] = status
        name, stack_id = stack["StackName"], stack["StackId"]
        self.add(_Event(stack_id, name, name, STACK_TYPE, status, reason, physical_id=stack_id))

    def _hook_failures(self) -> None:
        """Say in a failed creation that its stack is to be deleted, and in which operation it was refused."""
        create, event = module(STACKS)._create_then_delete_on_failure, module(STACKS)._operation_event

        async def create_then_delete(stack_name: str, stack_id: str, deploy_coro: Awaitable[None]) -> None:
            stack = stack_named(stack_name, stack_id)
            stack[_DELETES_FAILED] = True
            await create(stack_name, stack_id, deploy_coro)
            stack.pop(_DELETES_FAILED, None)

        def operation_event(stack_id: str, operation_id: str, *given: Any, **fields: Any) -> Any:
            stacks = module(CLOUDFORMATION)._stacks.values()
            stack: Stack = next((each for each in stacks if each["StackId"] == stack_id), {})
            operation = next(iter(stack.get(OPERATIONS, [])), {"OperationId": operation_id})
            return event(stack_id, operation["OperationId"], *given, **fields)

        replace("_create_then_delete_on_failure", create_then_delete, STACKS, HANDLERS, CHANGE_SETS)
        replace("_operation_event", operation_event, STACKS)


def _keep_origin(event: _Event, stack: Stack) -> None:
    """Keep what an update does not change in a nested stack, whose record the engine makes anew."""
    first = next(iter(module(CLOUDFORMATION)._stack_events.get(event.stack_id, [])), None)
    if first:
        stack["CreationTime"] = first["Timestamp"]
    if event.status == "CREATE_IN_PROGRESS":
        stack.pop("LastUpdatedTime", None)
    parent = stack_named(stack["_parent_stack_name"])
    stack["RootId"] = parent.get("RootId", parent.get("StackId"))


def _begin_operation(event: _Event, stack: Stack) -> None:
    kind = OPERATION_TYPES[event.status]
    if event.reason == USER_INITIATED and event.status == "UPDATE_ROLLBACK_IN_PROGRESS":
        kind = "CONTINUE_ROLLBACK" if "_rollback_failed" in stack else kind
    operation = {"OperationId": module(RESPONSES).new_uuid(), "OperationType": kind}
    # A rollback does not hide the operation that it rolls back.
    previous = stack.get(OPERATIONS, [])[:1] if kind in {"ROLLBACK", "CONTINUE_ROLLBACK"} else []
    stack[OPERATIONS] = [operation, *previous]


def _failure(stack: Stack) -> str:
    """Return what has failed in a stack's operation, with a blank at the end [R]."""
    if _OUTPUT_FAILURE in stack:
        return f"{str(stack[_OUTPUT_FAILURE]).removesuffix('.')}. "
    return "".join(
        f"The following resource(s) failed to {verb}: [{', '.join(names)}]. "
        for verb, names in stack.get(_FAILURES, {}).items()
    )


def _message_in(reason: str) -> str:
    """Return the message of a service's answer, which the engine gives as bytes in some reasons."""
    if answer := _ANSWER.fullmatch(reason):
        text = ast.literal_eval(answer[1]).decode(errors="replace")
        if message := _MESSAGE.search(text):
            return str(json.loads(f'"{message[1]}"')) if message[1] is not None else unescape(message[2])
    return reason


def _reason(event: _Event, stack: Stack) -> str:
    """Return CloudFormation's reason for a status of a stack."""
    status, reason = event.status, event.reason
    if status.endswith(("_COMPLETE", "_CLEANUP_IN_PROGRESS")):
        return ""
    if status in {"REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}:
        return reason or USER_INITIATED
    if status == "ROLLBACK_IN_PROGRESS" or (_OUTPUT_FAILURE in stack and status.endswith("_IN_PROGRESS")):
        return f"{_failure(stack)}Rollback requested by user." if reason == "Rollback requested" else reason
    if status in {"CREATE_FAILED", "UPDATE_FAILED"} and stack.get(_FAILURES) and not event.detailed_status:
        return _failure(stack)
    return f"{reason.rstrip()} " if reason.startswith("The following resource(s) failed") else reason
