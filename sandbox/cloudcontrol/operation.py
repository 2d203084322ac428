"""One action of a handler, run the way Cloud Control runs it: without a stack, and it can be cancelled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.cloudformation.provider import Place, Properties
from sandbox.cloudformation.registered_type import RegisteredType, Run
from sandbox.shared.settings import ACCOUNT


class Cancelled(Exception):
    """The request was cancelled, so no handler is invoked any more."""


@dataclass
class Monitor:
    """Takes an operation's reports, and cancels it."""

    progress: Callable[[Properties], None]
    """Called with the model of each event that is in progress."""
    waiting: Callable[[float], None]
    """Called with the seconds until the next invocation."""
    cancelled: threading.Event = field(default_factory=threading.Event)


class Operation(Run):
    """One operation on one resource."""

    def __init__(
        self, registered: RegisteredType, action: str, region: str, token: str, monitor: Monitor | None = None
    ) -> None:
        place = Place(stack_name="", stack_id="", logical_id="", account=ACCOUNT, region=region)
        super().__init__(registered, action, place, place)
        self._token = token
        self._monitor = monitor or Monitor(lambda _: None, lambda _: None)

    def once(self, properties: Properties, next_token: str | None = None) -> dict[str, Any]:
        """Invoke a handler that has to answer at once: read, or list."""
        return self.invoke({**self.request(properties, None, None), "nextToken": next_token})

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke the handlers once.

        Raises:
            Cancelled: the request has been cancelled.
        """
        if self._monitor.cancelled.is_set():
            raise Cancelled
        return super().invoke(event)

    def pause(self, seconds: float) -> None:
        """Wait between two invocations.

        Raises:
            Cancelled: the request is cancelled meanwhile.
        """
        self._monitor.waiting(seconds)
        if self._monitor.cancelled.wait(seconds):
            raise Cancelled

    def report(self, model: Properties) -> None:
        """Report the model."""
        self._monitor.progress(model)

    def request(
        self, properties: Properties, previous: Properties | None, context: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Return the production event; there is no stack, so nothing has its name, tags or a logical id."""
        event = super().request(properties, previous, context)
        absent = dict.fromkeys(
            ("logicalResourceId", "previousStackTags", "previousSystemTags", "stackTags", "systemTags")
        )
        return {**event, "stackId": None, "requestData": {**event["requestData"], **absent}}
