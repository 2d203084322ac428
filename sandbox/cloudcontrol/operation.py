"""One action of a handler, run the way Cloud Control runs it: without a stack, and it can be cancelled."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

from sandbox.cloudformation.provider import Place, Properties
from sandbox.cloudformation.registered_type import RegisteredType, Run
from sandbox.shared.settings import ACCOUNT


class Cancelled(Exception):
    """The request was cancelled, so no handler is invoked any more."""


class Watch:
    """What a running operation tells about itself, and how it is told to stop."""

    def __init__(self, progress: Callable[[Properties], None], waiting: Callable[[float], None]) -> None:
        self.progress = progress
        self.waiting = waiting
        self.cancelled = threading.Event()


class Handlers(RegisteredType):
    """A registered type whose invocations end when the request is cancelled."""

    watch: Watch | None = None

    def watched(self, watch: Watch) -> Handlers:
        """Return the same handlers for one operation."""
        one = copy.copy(self)
        one.watch = watch
        return one

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke the handlers once, unless the request has been cancelled."""
        if self.watch and self.watch.cancelled.is_set():
            raise Cancelled
        return super().invoke(event)

    def pause(self, seconds: float) -> None:
        """Wait, in the sandbox's time, or until the request is cancelled."""
        if self.watch is None:
            super().pause(seconds)
            return
        scaled = self.scaled(seconds)
        self.watch.waiting(scaled)
        if self.watch.cancelled.wait(scaled):
            raise Cancelled


class Operation(Run):
    """One operation on one resource."""

    def __init__(self, handlers: Handlers, action: str, region: str, token: str) -> None:
        place = Place(stack_name="", stack_id="", logical_id="", account=ACCOUNT, region=region)
        super().__init__(handlers, action, place, place)
        self._watch = handlers.watch
        self._token = token

    def once(self, properties: Properties, next_token: str | None = None) -> dict[str, Any]:
        """Invoke a handler that has to answer at once: read, or list."""
        event = self._request(properties, None, None)
        return self._type.invoke({**event, "nextToken": next_token})

    def tell_identified(self, model: Properties) -> None:
        """Tell what the handler has reported."""
        if self._watch:
            self._watch.progress(model)

    def _request(
        self, properties: Properties, previous: Properties | None, context: dict[str, Any] | None
    ) -> dict[str, Any]:
        event = super()._request(properties, previous, context)
        # There is no stack, so nothing has its name, its tags, or a logical id.
        none = dict.fromkeys(
            ("logicalResourceId", "previousStackTags", "previousSystemTags", "stackTags", "systemTags")
        )
        return {**event, "stackId": None, "requestData": {**event["requestData"], **none}}
