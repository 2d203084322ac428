"""Stack events and SageMaker calls in the order in which they happened.

CloudFormation and SageMaker are two processes that read one clock, and each is asked from time to time. So
what one has already reported is held back until the other one has reported everything before it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.commands.output import Json, clock

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef

# A call is listed some time after it has arrived, an event after it has got its time.
LISTED_AFTER_SECONDS = 0.3


@dataclass(frozen=True)
class Happening:
    """An event of a stack, or a call; `time` is in epoch seconds."""

    time: float
    kind: str
    values: Json

    @property
    def position(self) -> tuple[float, int]:
        """What they are sorted by: of one millisecond, an operation's begin, its calls, its end."""
        if self.kind == "call":
            return self.time, 1
        return self.time, 0 if self.values["status"].endswith("_IN_PROGRESS") else 2

    def as_json(self) -> Json:
        """Return it as `--json` prints it."""
        return {"kind": self.kind, "time": self.time, **self.values}

    def __str__(self) -> str:
        values = self.values
        when = f"{clock(self.time)}.{int(self.time * 1000 + 0.5) % 1000:03}"
        if self.kind == "call":
            error = f"  {values['error']}" if values["error"] else ""
            return f"{when}  call   {values['operation']}{error}"
        reason = f"\n{' ' * 24}{values['reason']}" if values["reason"] else ""
        return f"{when}  event  {values['status']:28} {values['resource']}{reason}"


class Chronology:
    """Puts new events and calls in order; `calls` returns those that there have been, oldest first.

    Calls that have been made when it is created, or when `skip` is called, are left out. `now` returns the
    time in epoch seconds.
    """

    def __init__(
        self,
        calls: Callable[[], Sequence[Mapping[str, Any]]],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._calls = calls
        self._now = now
        self._count = 0
        self._held: list[Happening] = []
        self.skip()

    def skip(self) -> None:
        """Leave out the calls up to now."""
        self._count = len(self._calls())

    def poll(
        self, new_events: Callable[[], Iterable[StackEventTypeDef]], *, is_over: bool
    ) -> list[Happening]:
        """Return what has happened since the previous poll, the last moment left out unless all is over."""
        now, held_from = self._now(), float("inf")
        self._held += map(_event, new_events())
        for call in self._calls()[self._count :]:
            if not call["answered"]:  # its error is not known yet
                held_from = call["received"]
                break
            self._count += 1
            self._held.append(_call(call))
        self._held.sort(key=lambda each: each.position)
        until = float("inf") if is_over else min(held_from, now - LISTED_AFTER_SECONDS)
        ready = [each for each in self._held if each.time < until]
        self._held = self._held[len(ready) :]
        return ready


def _event(event: StackEventTypeDef) -> Happening:
    values = {
        "status": event["ResourceStatus"],
        "resource": event["LogicalResourceId"],
        "reason": event.get("ResourceStatusReason") or None,
    }
    return Happening(event["Timestamp"].timestamp(), "event", values)


def _call(call: Mapping[str, Any]) -> Happening:
    return Happening(call["received"], "call", {"operation": call["operation"], "error": call["error"]})
