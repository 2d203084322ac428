"""Stacks of a running sandbox: looked up, and watched until they come to rest."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.commands.common import (
    INTERRUPTED,
    LOOK_EVERY,
    Json,
    NotOverError,
    Progress,
    UsageError,
    clock,
    command,
    in_the_handlers_words,
    tell,
)
from sandbox.state_file import NoSandboxError, Running

STACK_TYPE = "AWS::CloudFormation::Stack"
# What follows from another failure says nothing by itself.
_CONSEQUENCES = ("Resource creation cancelled", "Resource update cancelled")
# What no update leads out of. UPDATE_ROLLBACK_FAILED could be continued, by somebody who knows why it failed.
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
_BEGINNINGS = frozenset(
    f"{operation}_IN_PROGRESS" for operation in ("CREATE", "UPDATE", "DELETE", "IMPORT", "REVIEW")
)
# Seconds between two looks at the handler events, which are only for the line that says what is waited for.
PROGRESS_EVERY = 0.5


@dataclass
class Failure:
    """A resource that failed, and why."""

    resource: str
    status: str
    reason: str
    time: float

    def line(self) -> str:
        """In one line, or as many as the reason has."""
        return f"{self.resource}: {in_the_handlers_words(self.reason)}"

    def as_json(self) -> Json:
        """For scripts."""
        return {
            "resource": self.resource,
            "status": self.status,
            "reason": in_the_handlers_words(self.reason),
            "time": self.time,
        }


@dataclass(frozen=True)
class Kept:
    """A resource that its stack has let go of without deleting it."""

    resource: str
    physical_id: str

    def as_json(self) -> Json:
        """For scripts."""
        return {"resource": self.resource, "physicalId": self.physical_id}


@dataclass
class Outcome:
    """How an operation on a stack has ended."""

    status: str
    failures: list[Failure] = field(default_factory=list)


class Stacks:
    """CloudFormation in the running sandbox."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.client = running.client("cloudformation")

    def close(self) -> None:
        """Close the client."""
        self.client.close()

    def all(self) -> list[Json]:
        """The stacks that there are."""
        pages = self.client.get_paginator("describe_stacks").paginate()
        return [stack for page in pages for stack in page["Stacks"]]

    def find(self, name: str) -> Json | None:
        """The stack of a name or an id, None when there is none."""
        return next((each for each in self.all() if name in (each["StackName"], each["StackId"])), None)

    def get(self, name: str) -> Json:
        """The stack of a name; UsageError, with those that there are, when there is none."""
        found = self.find(name)
        if found is None:
            names = ", ".join(each["StackName"] for each in self.all()) or "none"
            raise UsageError(f"There is no stack {name}. Stacks in this sandbox: {names}")
        return found

    def described(self, stack_id: str) -> Json:
        """The stack of an id, which may have been deleted."""
        found: Json = self.client.describe_stacks(StackName=stack_id)["Stacks"][0]
        return found

    def resources(self, name: str) -> list[Json]:
        """The resources of a stack."""
        found: list[Json] = self.client.describe_stack_resources(StackName=name)["StackResources"]
        return found

    def events(self, stack_id: str) -> list[Json]:
        """The events of a stack, oldest first."""
        pages = self.client.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        return [event for page in pages for event in page["StackEvents"]][::-1]

    def watch(self, stack_id: str) -> Watch:
        """Begin to watch a stack: what has happened to it so far is not told."""
        return Watch(self, stack_id, {event["EventId"] for event in self.events(stack_id)})

    def last_failures(self, stack_id: str) -> list[Failure]:
        """Why the last operation of a stack that failed did so; nothing when none has."""
        operations: list[list[Json]] = [[]]
        for event in self.events(stack_id):
            if _begins(event):
                operations.append([])
            operations[-1].append(event)
        found = (self.reasons(stack_id, events) for events in reversed(operations))
        return next(filter(None, found), [])

    def kept(self, stack_id: str) -> list[Kept]:
        """What a stack has let go of in all its life and not deleted: retained, and still there."""
        found: dict[str, Kept] = {}
        for event in self.events(stack_id):
            physical_id = event.get("PhysicalResourceId") or ""
            if event["ResourceStatus"] == "DELETE_SKIPPED" and physical_id:
                found[physical_id] = Kept(event["LogicalResourceId"], physical_id)
            else:  # it has been imported again, and maybe deleted
                found.pop(physical_id, None)
        return list(found.values())

    def reasons(self, stack_id: str, events: list[Json]) -> list[Failure]:
        """Why an operation with these events failed: its resources' reasons, or else CloudFormation's own."""
        return (
            [found for event in events if not _of_stack(event) and (found := failure_of(event))]
            or (self._refused(stack_id) if any(_is_validation(event) for event in events) else [])
            or [found for event in events if _of_stack(event) and (found := failure_of(event))]
        )

    def _refused(self, stack_id: str) -> list[Failure]:
        """What CloudFormation has found wrong with the resources before it made any."""
        events = self.client.describe_events(StackName=stack_id, Filters={"FailedEvents": True})
        return [
            Failure(
                each["LogicalResourceId"],
                "VALIDATION_FAILED",
                f"{each['ValidationPath']}: {each['ValidationStatusReason']}",
                each["Timestamp"].timestamp(),
            )
            for each in events["OperationEvents"]
            if each["EventType"] == "VALIDATION_ERROR"
        ]


class Watch:
    """Tells what happens to a stack until it comes to rest."""

    def __init__(self, stacks: Stacks, stack_id: str, seen: set[str]) -> None:
        self._stacks = stacks
        self._stack_id = stack_id
        self._seen = seen
        self._events: list[Json] = []

    def to_the_end(self, seconds: float, say: Callable[[str], None], progress: Progress) -> Outcome:
        """Wait until nothing is in progress; NotOverError when it takes longer than that."""
        end = time.monotonic() + seconds
        waiting = Waiting(self._stacks.running, self._stack_id, progress)
        with progress:
            while True:
                # The status first: what it is the end of is then among the events.
                status = self._stacks.described(self._stack_id)["StackStatus"]
                for line in self._news():
                    progress.clear()
                    say(line)
                if not status.endswith("_IN_PROGRESS"):
                    return Outcome(status, self._stacks.reasons(self._stack_id, self._events))
                if time.monotonic() > end:
                    raise NotOverError(f"It is {status} after {seconds:g} s")
                waiting.show()
                time.sleep(LOOK_EVERY)

    def _news(self) -> Iterator[str]:
        for event in self._stacks.events(self._stack_id):
            if event["EventId"] in self._seen:
                continue
            self._seen.add(event["EventId"])
            self._events.append(event)
            reason = event.get("ResourceStatusReason")
            told = f"\n            {in_the_handlers_words(reason)}" if reason else ""
            when = clock(event["Timestamp"].timestamp())
            yield f"  {when}  {event['ResourceStatus']:28}  {event['LogicalResourceId']}{told}"


class Waiting:
    """The line that says what a stack waits for: which handler, since when, when it looks again."""

    def __init__(self, running: Running, stack_id: str, progress: Progress) -> None:
        self._running = running
        self._stack = stack_id.split("/")[1]
        self._progress = progress
        self._next = 0.0

    def show(self) -> None:
        """Show it, if somebody looks on."""
        if not self._progress.shows or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + PROGRESS_EVERY
        try:
            what = waiting_for(self._running, self._stack)
        except NoSandboxError:  # the page's, which the stack does not need
            what = None
        self._progress.show(what or f"  waiting for {self._stack}")


def waiting_for(running: Running, stack: str) -> str | None:
    """What the handlers of a stack wait for; None when they wait for nothing."""
    overview = running.overview()
    ours = [event for event in overview["events"] if event["stack"] == stack]
    if not ours:
        return None
    last = ours[-1]
    if not last["running"] and last["status"] != "IN_PROGRESS":
        return None
    begun = next(event["started"] for event in ours if event["operation"] == last["operation"])
    text = f"  {last['logicalId']}: {last['action']}, {time.time() - begun:.0f} s so far"
    status = next(
        (
            package["status"]
            for group in overview["groups"]
            for package in group["packages"]
            if package["arn"] == last["package"]
        ),
        None,
    )
    text += f", the package is {status}" if status else ""
    if last["running"]:
        return f"{text}, the handler is at work"
    delay = (last["callbackDelaySeconds"] or 0) * running.time_scale
    left = last["started"] + last["durationMs"] / 1000 + delay - time.time()
    return f"{text}, next look in {max(left, 0):.0f} s"


def failure_of(event: Json) -> Failure | None:
    """The failure that a stack event tells of, if it does and says why."""
    status, reason = event["ResourceStatus"], event.get("ResourceStatusReason") or ""
    if not status.endswith("_FAILED") or not reason or reason.startswith(_CONSEQUENCES):
        return None
    return Failure(event["LogicalResourceId"], status, reason, event["Timestamp"].timestamp())


def _of_stack(event: Json) -> bool:
    return bool(event.get("PhysicalResourceId") == event["StackId"])


def _begins(event: Json) -> bool:
    """Tell whether an operation begins with this event."""
    return _of_stack(event) and event["ResourceStatus"] in _BEGINNINGS


def _is_validation(event: Json) -> bool:
    return event.get("DetailedStatus") == "VALIDATION_FAILED"


@contextmanager
def of(running: Running) -> Iterator[Stacks]:
    """The stacks of a sandbox, for a while."""
    stacks = Stacks(running)
    try:
        yield stacks
    finally:
        stacks.close()


def outputs(stack: Json) -> dict[str, str]:
    """The outputs of a stack."""
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs") or ()}


def put_lines(values: dict[str, Any], say: Callable[[str], None]) -> None:
    """Names with their values, one to a line."""
    for name, value in values.items():
        say(f"{name} = {value}")


def tell_why(failures: list[Failure]) -> None:
    """Say why an operation failed; the last thing on the screen."""
    tell("Why it failed:")
    for failure in failures:
        tell(f"  {failure.line()}")
    if not failures:
        tell("  CloudFormation gives no reason")


def say(options: argparse.Namespace) -> Callable[[str], None]:
    """What tells of events as they happen: nothing for scripts."""
    return (lambda _: None) if options.json else tell


def unless_it_goes_on(options: argparse.Namespace, found: Stacks, name: str, watch: Callable[[], int]) -> int:
    """Watch a stack, for an exit code; whoever stops that early is told what the stack goes on with."""
    try:
        return watch()
    except KeyboardInterrupt:
        tell(_goes_on(options, found, name, "Interrupted."))
        return INTERRUPTED
    except NotOverError as problem:
        tell(_goes_on(options, found, name, f"{problem}."))
        return problem.exit_code


def _goes_on(options: argparse.Namespace, found: Stacks, name: str, why: str) -> str:
    """What to say when nobody watches any longer: what the stack does, and what can be done."""
    stack = found.find(name)
    if stack is None:
        return f"{why} There is no stack {name}."
    status = stack["StackStatus"]
    if not status.endswith("_IN_PROGRESS"):
        return f"{why} {name} is {status}."
    return (
        f"{why} {name} is {status} and goes on by itself. See it, or delete it:\n"
        f"    {command(options, f'status {name}')}\n"
        f"    {command(options, f'delete {name}')}"
    )
