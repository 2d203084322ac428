"""The line on a terminal that says what a stack waits for."""

from __future__ import annotations

import time

from sandbox.commands.output import Progress
from sandbox.state_file import NoSandboxError, RunningSandbox

# Seconds between two updates of the line.
UPDATE_SECONDS = 0.5


class StackProgress:
    """Shows which handler a stack waits for, since when, and when its next poll comes."""

    def __init__(self, sandbox: RunningSandbox, stack_id: str, progress: Progress) -> None:
        self._sandbox = sandbox
        self._stack = stack_id.split("/")[1]
        self._progress = progress
        self._next_update = 0.0

    def show(self) -> None:
        """Update the line, if it is visible and old enough."""
        if not self._progress.is_visible or time.monotonic() < self._next_update:
            return
        self._next_update = time.monotonic() + UPDATE_SECONDS
        try:
            text = waiting_text(self._sandbox, self._stack)
        except NoSandboxError:  # there is no page, which the stack does not need
            text = None
        self._progress.show(text or f"  waiting for {self._stack}")


def waiting_text(sandbox: RunningSandbox, stack: str) -> str | None:
    """Return what the handlers of a stack wait for; None when they wait for nothing.

    Raises:
        NoSandboxError: there is no page, from which handler events are read.
    """
    overview = sandbox.overview()
    events = [event for event in overview["events"] if event["stack"] == stack]
    if not events:
        return None
    last = events[-1]
    if not last["running"] and last["status"] != "IN_PROGRESS":
        return None
    started = next(event["started"] for event in events if event["operation"] == last["operation"])
    text = f"  {last['logicalId']}: {last['action']}, {time.time() - started:.0f} s so far"
    packages = (package for group in overview["groups"] for package in group["packages"])
    status = next((each["status"] for each in packages if each["arn"] == last["package"]), None)
    text += f", the package is {status}" if status else ""
    if last["running"]:
        return f"{text}, the handler is at work"
    delay = (last["callbackDelaySeconds"] or 0) * sandbox.time_scale
    left = last["started"] + last["durationMs"] / 1000 + delay - time.time()
    return f"{text}, next poll in {max(left, 0):.0f} s"
