"""Polls a stack until no operation is in progress, and reads its events."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from sandbox.commands.errors import TimedOutError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef

# The pause between two polls: at first short, because most operations here are over in less than a second,
# then a part of the time that an operation has taken so far, and this long at most.
POLL_SECONDS = 0.2
MIN_POLL_SECONDS = 0.05
_PART = 0.25


def is_in_progress(status: str) -> bool:
    """Return whether a stack with this status is being worked on; one that has change sets alone is not."""
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"


def poll_pause_seconds(begun: float) -> float:
    """Return how long to wait before the next poll of what began then, by the monotonic clock."""
    return min(POLL_SECONDS, max(MIN_POLL_SECONDS, _PART * (time.monotonic() - begun)))


def wait(
    client: CloudFormationClient,
    stack: str,
    timeout_seconds: float,
    *,
    poll_seconds: float | None = None,
    on_poll: Callable[[str], object] | None = None,
) -> str:
    """Poll a stack until nothing is in progress and return its status.

    `poll_seconds` is the pause between polls, that of `poll_pause_seconds` if None; `on_poll` is called with
    each status.

    Raises:
        TimedOutError: the stack is still in progress after the timeout.
    """
    begun = time.monotonic()
    while True:
        status = client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        if on_poll is not None:
            on_poll(status)
        if not is_in_progress(status):
            return status
        if time.monotonic() > begun + timeout_seconds:
            raise TimedOutError(f"It is {status} after {timeout_seconds:g} s")
        time.sleep(poll_pause_seconds(begun) if poll_seconds is None else poll_seconds)


def stack_events(client: CloudFormationClient, stack: str) -> list[StackEventTypeDef]:
    """Return all events of a stack, oldest first."""
    pages = client.get_paginator("describe_stack_events").paginate(StackName=stack)
    return [event for page in pages for event in page["StackEvents"]][::-1]


class NewEvents:
    """The events of a stack, each returned once; `skip` leaves out those that there are by now."""

    def __init__(self, client: CloudFormationClient, stack_id: str, *, skip: bool) -> None:
        self.stack_id = stack_id
        self._client = client
        self._seen: set[str] = set()
        if skip:
            self.poll()

    def poll(self) -> list[StackEventTypeDef]:
        """Return the events since the previous poll, oldest first."""
        events = stack_events(self._client, self.stack_id)
        new = [event for event in events if event["EventId"] not in self._seen]
        self._seen.update(event["EventId"] for event in new)
        return new
