"""The requests for changes: their tokens, their states, and which resource each of them locks."""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from .failures import MAX_MESSAGE_CHARACTERS, failure, handler_code
from .operation import Cancelled, Monitor
from .resource_type import Model, ResourceType

LOG = logging.getLogger("sandbox.cloudcontrol")

MAX_REQUESTS = 10_000  # the service keeps them for seven days; nothing here runs that long
WORKERS = 16  # handlers at a time; further requests are PENDING
DEFAULT_PAGE_SIZE = 20  # the service's own
UNFINISHED = ("PENDING", "IN_PROGRESS", "CANCEL_IN_PROGRESS")
Work = Callable[[Monitor, str], dict[str, Any]]


@dataclass(eq=False)
class Request:
    """One request for a change."""

    kind: ResourceType
    operation: str
    region: str
    client_token: str | None
    fingerprint: Any
    work: Work
    identifier: str | None = None
    token: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: float = field(default_factory=time.time)
    status: str = "PENDING"
    model: Model | None = None
    code: str | None = None
    message: str | None = None
    retry_after: float | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)

    def event(self) -> dict[str, Any]:
        """Return the request as the API's ProgressEvent."""
        event = {
            "TypeName": self.kind.type_name,
            "Identifier": self.identifier,
            "RequestToken": self.token,
            "Operation": self.operation,
            "OperationStatus": self.status,
            "EventTime": self.started,
            "ResourceModel": json.dumps(self.kind.visible(self.model)) if self.model else None,
            "StatusMessage": self.message[:MAX_MESSAGE_CHARACTERS] if self.message else None,
            "ErrorCode": self.code,
            "RetryAfter": self.retry_after if self.status == "IN_PROGRESS" else None,
        }
        return {name: value for name, value in event.items() if value is not None}

    def summary(self) -> dict[str, Any]:
        """Return the request as lists of requests have it: one in progress says when to ask again. [R]"""
        event = self.event()
        return {"RetryAfter": self.started, **event} if self.status == "IN_PROGRESS" else event


class Ledger:
    """Runs requests in threads, so many at a time, and remembers them."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._requests: dict[str, Request] = {}
        self._by_client_token: dict[tuple[str, str], Request] = {}
        self._turns: WeakValueDictionary[tuple[str, str, str], threading.Lock] = WeakValueDictionary()
        self._waiting: deque[Request] = deque()
        self._free = WORKERS

    def event_by_client_token(
        self, region: str, client_token: str | None, fingerprint: Any
    ) -> dict[str, Any] | None:
        """Return the event of the request that a client token stands for; None for a new token.

        Raises:
            ApiError: ClientTokenConflictException, the token stands for another request.
        """
        with self._lock:
            previous = self._by_client_token.get((region, client_token)) if client_token else None
            if previous is None:
                return None
            if previous.fingerprint != fingerprint:
                raise failure(  # [R]
                    "ClientTokenConflictException",
                    f"ClientToken {client_token} is already associated with an existing operation with "
                    f"RequestToken {previous.token}",
                )
            return previous.event()

    @contextmanager
    def turn(self, kind: ResourceType, region: str, identifier: str) -> Iterator[None]:
        """Let one caller at a time read a resource and request its change."""
        with self._lock:
            lock = self._turns.setdefault((kind.type_name, region, identifier), threading.Lock())
        with lock:
            yield

    def refuse_busy(self, kind: ResourceType, region: str, identifier: str | None) -> None:
        """Refuse a change of a resource while another one is in progress.

        Raises:
            ApiError: ConcurrentOperationException, such a change is in progress.
        """
        with self._lock:
            for request in self._requests.values():
                holds = request.status in UNFINISHED and request.identifier == identifier
                if (
                    identifier
                    and holds
                    and (request.kind.type_name, request.region) == (kind.type_name, region)
                ):
                    raise failure(
                        "ConcurrentOperationException",
                        f"Resource {identifier} of type {kind.type_name} is already being operated on by the "
                        f"request with token {request.token}",
                    )

    def add(self, request: Request) -> dict[str, Any]:
        """Take a request in and return its first event, or the one it repeats.

        Raises:
            ApiError: the client token stands for another request, or the resource is being changed.
        """
        with self._lock:
            previous = self.event_by_client_token(request.region, request.client_token, request.fingerprint)
            if previous is not None:
                return previous
            self.refuse_busy(request.kind, request.region, request.identifier)
            self._requests[request.token] = request
            if request.client_token:
                self._by_client_token[request.region, request.client_token] = request
            self._forget()
            if self._free:
                self._free -= 1
                self._begin(request)
            else:
                self._waiting.append(request)
            return request.event()

    def event(self, region: str, token: str) -> dict[str, Any]:
        """Return the latest event of a request.

        Raises:
            ApiError: RequestTokenNotFoundException, there is no such request in the region.
        """
        with self._lock:
            return self._find(region, token).event()

    def cancel(self, region: str, token: str) -> dict[str, Any]:
        """Cancel a request: at once if it has not begun, otherwise before its next invocation.

        A request that is cancelled already stays so. [R]

        Raises:
            ApiError: there is no such request, or it has ended otherwise.
        """
        with self._lock:
            request = self._find(region, token)
            if request.status == "PENDING":
                self._waiting.remove(request)
                request.status = "CANCEL_COMPLETE"
            elif request.status == "IN_PROGRESS":
                request.status = "CANCEL_IN_PROGRESS"
                request.cancelled.set()
            elif request.status in ("SUCCESS", "FAILED"):  # [R] of SUCCESS, [I] of FAILED
                raise failure("ValidationException", f"Request {token} is already in status {request.status}")
            return request.event()

    def page(
        self, region: str, filters: dict[str, list[str]], size: int | None, after: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return some of a region's requests, the newest first, and the token of the next page.

        Raises:
            ApiError: ValidationException, `after` is not the token of a request of the region.
        """
        with self._lock:
            requests = [each for each in reversed(self._requests.values()) if each.region == region]
            if after is not None:
                tokens = [each.token for each in requests]
                if after not in tokens:
                    raise failure("ValidationException", "NextToken is not one that this API has returned")
                requests = requests[tokens.index(after) + 1 :]
            matches = [each for each in requests if _fits(each, filters)]
            page = matches[: size or DEFAULT_PAGE_SIZE]
            return [each.summary() for each in page], page[-1].token if len(matches) > len(page) else None

    def _find(self, region: str, token: str) -> Request:
        request = self._requests.get(token)
        if request is None or request.region != region:
            raise failure("RequestTokenNotFoundException", f"Request with token {token} was not found")
        return request

    def _forget(self) -> None:
        """Drop the oldest finished requests beyond the number that is kept."""
        excess = max(len(self._requests) - MAX_REQUESTS, 0)
        if not excess:
            return
        finished = [each for each in self._requests.values() if each.status not in UNFINISHED]
        for request in finished[:excess]:
            del self._requests[request.token]
            if request.client_token:
                del self._by_client_token[request.region, request.client_token]

    def _begin(self, request: Request) -> None:
        request.status = "IN_PROGRESS"
        # Not a pool: its threads would keep the process from ending while a handler waits.
        threading.Thread(target=self._run, args=[request], daemon=True).start()

    def _run(self, request: Request) -> None:
        monitor = Monitor(
            progress=lambda model: self._progress(request, model),
            waiting=lambda seconds: self._wait(request, seconds),
            cancelled=request.cancelled,
        )
        event: dict[str, Any] = {}
        try:
            event = request.work(monitor, request.token)
        except Cancelled:
            pass
        except Exception as problem:
            LOG.exception("%s of %s failed", request.operation, request.kind.type_name)
            event = {"status": "FAILED", "errorCode": "InternalFailure", "message": str(problem)}
        with self._lock:
            self._finish(request, event)
            if self._waiting:
                self._begin(self._waiting.popleft())
            else:
                self._free += 1

    def _finish(self, request: Request, event: dict[str, Any]) -> None:
        # The model of AlreadyExists is that of another resource.
        if event.get("errorCode") != "AlreadyExists":
            self._progress(request, event.get("resourceModel") or {})
        if request.cancelled.is_set():
            request.status = "CANCEL_COMPLETE"
            return
        request.message = event.get("message")
        if event.get("status") == "SUCCESS":
            request.status = "SUCCESS"
            if request.operation == "DELETE":
                request.model = None
        else:
            request.status = "FAILED"
            request.code = handler_code(event)

    def _progress(self, request: Request, model: Model) -> None:
        with self._lock:
            request.model = model or request.model
            request.identifier = request.identifier or request.kind.physical_id(model)

    def _wait(self, request: Request, seconds: float) -> None:
        with self._lock:
            request.retry_after = time.time() + seconds


def _fits(request: Request, filters: dict[str, list[str]]) -> bool:
    operations = filters.get("Operations") or [request.operation]
    statuses = filters.get("OperationStatuses") or [request.status]
    return request.operation in operations and request.status in statuses
