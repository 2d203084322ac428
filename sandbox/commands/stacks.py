"""The stacks of a running sandbox: described, followed until an operation ends, and why it failed."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sandbox.commands.arguments import command_line
from sandbox.commands.errors import TimedOutError, UsageError, handler_message
from sandbox.commands.output import Json, Progress, clock, report
from sandbox.commands.progress import StackProgress
from sandbox.commands.watch import NewEvents, is_in_progress, stack_events, wait
from sandbox.shared.exit_codes import INTERRUPTED
from sandbox.state_file import RunningSandbox

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef, StackResourceTypeDef, StackTypeDef

# What the commands acknowledge: a sandbox needs no confirmation.
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
# Reasons of resources that failed because another one did.
_CONSEQUENCES = ("Resource creation cancelled", "Resource update cancelled")
# Statuses that no update leads out of. UPDATE_ROLLBACK_FAILED could be continued once its cause is known.
DEAD_ENDS = frozenset(
    {
        "CREATE_FAILED",
        "DELETE_FAILED",
        "REVIEW_IN_PROGRESS",
        "ROLLBACK_COMPLETE",
        "ROLLBACK_FAILED",
        "UPDATE_FAILED",
        "UPDATE_ROLLBACK_FAILED",
    }
)
_FIRST_STATUSES = frozenset(
    f"{operation}_IN_PROGRESS" for operation in ("CREATE", "UPDATE", "DELETE", "IMPORT", "REVIEW")
)


@dataclass(frozen=True)
class Reason:
    """Why a resource's event came about: a failure, or the handler's message; `time` is in epoch seconds."""

    resource: str
    status: str
    reason: str
    time: float

    def __str__(self) -> str:
        return f"{self.resource}: {self.reason}"

    def as_json(self) -> Json:
        """Return it as `--json` prints it."""
        return asdict(self)


@dataclass(frozen=True)
class RetainedResource:
    """A resource that its stack has given up without deleting it."""

    resource: str
    physical_id: str

    def as_json(self) -> Json:
        """Return it as `--json` prints it."""
        return {"resource": self.resource, "physicalId": self.physical_id}


@dataclass(frozen=True)
class StackResult:
    """The status in which an operation on a stack has ended, its failures, and what else handlers report."""

    status: str
    failures: list[Reason]
    messages: list[Reason]


class SandboxStacks:
    """CloudFormation in a running sandbox."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self.client = sandbox.stacks_client

    def close(self) -> None:
        """Close the client."""
        self.client.close()

    def all(self) -> list[StackTypeDef]:
        """Return the stacks that have not been deleted."""
        pages = self.client.get_paginator("describe_stacks").paginate()
        return [stack for page in pages for stack in page["Stacks"]]

    def find(self, name: str) -> StackTypeDef | None:
        """Return the stack with this name or id; None when it does not exist."""
        return next((each for each in self.all() if name in (each["StackName"], each["StackId"])), None)

    def get(self, name: str) -> StackTypeDef:
        """Return the stack with this name or id.

        Raises:
            UsageError: it does not exist; the message names those that do.
        """
        stack = self.find(name)
        if stack is None:
            names = ", ".join(each["StackName"] for each in self.all()) or "none"
            raise UsageError(f"There is no stack {name}. Stacks in this sandbox: {names}")
        return stack

    def describe(self, stack_id: str) -> StackTypeDef:
        """Return the stack with this id, which may have been deleted."""
        return self.client.describe_stacks(StackName=stack_id)["Stacks"][0]

    def resources(self, stack_id: str) -> list[StackResourceTypeDef]:
        """Return the resources of a stack."""
        return self.client.describe_stack_resources(StackName=stack_id)["StackResources"]

    def events(self, stack_id: str) -> list[StackEventTypeDef]:
        """Return all events of a stack, oldest first."""
        return stack_events(self.client, stack_id)

    def new_events(self, stack_id: str, *, skip: bool = True) -> NewEvents:
        """Return the events of a stack that are still to come; with `skip=False`, all of them."""
        return NewEvents(self.client, stack_id, skip=skip)

    def last_failures(self, stack_id: str) -> list[Reason]:
        """Return why the last failed operation of a stack failed; nothing when none has."""
        operations: list[list[StackEventTypeDef]] = [[]]
        for event in self.events(stack_id):
            if _is_of_stack(event) and event["ResourceStatus"] in _FIRST_STATUSES:
                operations.append([])
            operations[-1].append(event)
        return next(filter(None, (self.failures(stack_id, each) for each in reversed(operations))), [])

    def retained(self, stack_id: str) -> list[RetainedResource]:
        """Return the resources that a stack has ever given up without deleting them, and that still exist."""
        retained: dict[str, RetainedResource] = {}
        for event in self.events(stack_id):
            physical_id = event.get("PhysicalResourceId") or ""
            if event["ResourceStatus"] == "DELETE_SKIPPED" and physical_id:
                retained[physical_id] = RetainedResource(event["LogicalResourceId"], physical_id)
            else:  # it has been imported again, and maybe deleted
                retained.pop(physical_id, None)
        return list(retained.values())

    def failures(self, stack_id: str, events: Sequence[StackEventTypeDef]) -> list[Reason]:
        """Return why an operation with these events failed: its resources' reasons, or CloudFormation's."""
        failed = [(event, failure) for event in events if (failure := _failure_of(event))]
        return (
            [failure for event, failure in failed if not _is_of_stack(event)]
            or (self._validation_failures(stack_id) if any(map(_is_validation, events)) else [])
            or [failure for _, failure in failed]
        )

    def follow(self, options: argparse.Namespace, events: NewEvents) -> StackResult:
        """Report the new events of a stack until nothing is in progress.

        Raises:
            TimedOutError: the stack is still in progress after --timeout.
        """
        seen: list[StackEventTypeDef] = []
        report_event = reporter(options)
        with Progress(quiet=options.json) as progress:
            waiting = StackProgress(self.sandbox, events.stack_id, progress)

            def on_poll(status: str) -> None:
                for event in events.poll():
                    seen.append(event)
                    progress.clear()
                    report_event(_event_line(event))
                if is_in_progress(status):
                    waiting.show()

            status = wait(self.client, events.stack_id, options.timeout, on_poll=on_poll)
        messages = [message for event in seen if (message := _message_of(event))]
        return StackResult(status, self.failures(events.stack_id, seen), messages)

    def _validation_failures(self, stack_id: str) -> list[Reason]:
        """Return what CloudFormation refused about the resources before it created any."""
        events = self.client.describe_events(StackName=stack_id, Filters={"FailedEvents": True})
        return [
            Reason(
                each["LogicalResourceId"],
                "VALIDATION_FAILED",
                f"{each['ValidationPath']}: {each['ValidationStatusReason']}",
                each["Timestamp"].timestamp(),
            )
            for each in events["OperationEvents"]
            if each["EventType"] == "VALIDATION_ERROR"
        ]


def live_stacks(sandbox: RunningSandbox) -> list[StackTypeDef]:
    """Return the stacks of a sandbox; none if it was started without CloudFormation."""
    if "cloudformation" not in sandbox.endpoints:
        return []
    with closing(SandboxStacks(sandbox)) as stacks:
        return stacks.all()


def outputs(stack: StackTypeDef) -> dict[str, str]:
    """Return the outputs of a stack."""
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs") or ()}


def report_failures(failures: Sequence[Reason]) -> None:
    """Report why an operation failed."""
    report("Why it failed:")
    for failure in failures:
        report(f"  {failure}")
    if not failures:
        report("  CloudFormation gives no reason")


def reporter(options: argparse.Namespace) -> Callable[[str], None]:
    """Return what reports events as they happen; with --json it does nothing."""
    return (lambda _: None) if options.json else report


def run_watched(
    options: argparse.Namespace, stacks: SandboxStacks, name: str, action: Callable[[], int]
) -> int:
    """Return the exit code of the action; after Ctrl-C or a timeout, report what the stack goes on with."""
    try:
        return action()
    except KeyboardInterrupt:
        why, code = "Interrupted.", INTERRUPTED
    except TimedOutError as error:
        why, code = f"{error}.", error.exit_code
    stack = stacks.find(name)
    if stack is None:
        report(f"{why} There is no stack {name}.")
    elif not is_in_progress(stack["StackStatus"]):
        report(f"{why} {name} is {stack['StackStatus']}.")
    else:
        report(
            f"{why} {name} is {stack['StackStatus']} and goes on by itself. See it, or delete it:\n"
            f"    {command_line(options, f'status {name}')}\n"
            f"    {command_line(options, f'delete {name}')}"
        )
    return code


def _event_line(event: StackEventTypeDef) -> str:
    reason = event.get("ResourceStatusReason")
    when = clock(event["Timestamp"].timestamp())
    line = f"  {when}  {event['ResourceStatus']:28}  {event['LogicalResourceId']}"
    return f"{line}\n            {handler_message(reason)}" if reason else line


def _failure_of(event: StackEventTypeDef) -> Reason | None:
    status, reason = event["ResourceStatus"], event.get("ResourceStatusReason") or ""
    if not status.endswith("_FAILED") or not reason or reason.startswith(_CONSEQUENCES):
        return None
    return _reason(event, handler_message(reason))


def _message_of(event: StackEventTypeDef) -> Reason | None:
    """Return what the handler reports of a resource that it has created or updated."""
    reason = event.get("ResourceStatusReason")
    if not reason or event["ResourceStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        return None
    return None if _is_of_stack(event) else _reason(event, reason)


def _reason(event: StackEventTypeDef, text: str) -> Reason:
    return Reason(event["LogicalResourceId"], event["ResourceStatus"], text, event["Timestamp"].timestamp())


def _is_of_stack(event: StackEventTypeDef) -> bool:
    return event.get("PhysicalResourceId") == event["StackId"]


def _is_validation(event: StackEventTypeDef) -> bool:
    return event.get("DetailedStatus") == "VALIDATION_FAILED"
