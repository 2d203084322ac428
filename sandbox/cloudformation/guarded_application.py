"""The guard in front of the engine, which is an ASGI application."""

from __future__ import annotations

import asyncio
import json
import urllib.parse
from collections.abc import Awaitable, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from sandbox.shared import bounded_json
from sandbox.shared.credentials import IssuedKey
from sandbox.shared.guard import CONTROL_PREFIX, CROSS_ORIGIN_PREFIX, Guard, Refused, is_control
from sandbox.shared.guarded_handler import BODY_SECONDS, MAX_BODY_BYTES, MAX_OBJECT_BYTES, SKIP_SECONDS
from sandbox.shared.heads import Head
from sandbox.shared.http_request import SECRETS_PATH
from sandbox.shared.services import refusal_of, service_of

Application = Callable[[Any, Any, Any], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

RESET_PATH = f"{CONTROL_PREFIX}reset"
# The engine's own requests, beside those of AWS, begin with these; of them only the reset is there.
_INTERNAL_PREFIX = "/_"
_INTERNAL_HEALTH = "/health"
_INTERNAL_RESET = "/_ministack/reset"
_JSON = {"Content-Type": "application/json"}
_AMZ_JSON = "application/x-amz-json-"
# hypercorn takes any other number for 1.1.
_VERSIONS = frozenset({"1.0", "1.1"})
# Handles of wait conditions, in place of presigned addresses of S3; their last part is a random token.
_SIGNAL_PREFIX = "/_ministack/cfn-signal/"
_GUARD_THREADS = 4


class _Incoming:
    """The body of a request, as it comes."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.has_ended = False

    async def next(self) -> bytes | None:
        """Return the next part; None when the client has gone."""
        message = await self._receive()
        self.has_ended = not message.get("more_body", False)
        return message.get("body", b"") if message["type"] == "http.request" else None


class GuardedApplication:
    """Passes on to an ASGI application what the guard admits, with bodies that have been read.

    `served` are the services that a request may be signed for, `issued_key` returns what belongs to an access
    key that STS or IAM has given out: other parts ask for it.
    """

    def __init__(
        self,
        application: Application,
        guard: Guard,
        served: Collection[str] = (),
        issued_key: Callable[[str], IssuedKey | None] = lambda _: None,
    ) -> None:
        self._application = application
        self._guard = guard
        self._served = served
        self._issued_key = issued_key
        self._signal_guard = Guard()
        # Of its own: the engine keeps the threads of asyncio busy for as long as handlers run.
        self._threads = ThreadPoolExecutor(_GUARD_THREADS, "guard")

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _answer(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        head = head_of(scope)
        incoming = _Incoming(receive)
        try:
            body = await self._admit(scope["http_version"], head, incoming)
            self._check(head, body)
            path = _path(scope["path"], head)
        except Refused as refused:
            await _refuse(head, refused, incoming, send)
            return
        if body is None:  # the client has gone
            return
        if path.startswith(SECRETS_PATH):
            key = self._issued_key(urllib.parse.unquote(path.removeprefix(SECRETS_PATH)))
            await _send(200, _JSON, json.dumps({"key": None if key is None else asdict(key)}).encode(), send)
            return
        rest = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_again() -> dict[str, Any]:
            return rest.pop() if rest else await receive()

        async def send_guarded(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                prefix = CROSS_ORIGIN_PREFIX.encode()
                kept = [pair for pair in message["headers"] if not pair[0].lower().startswith(prefix)]
                message = {**message, "headers": kept}
            await send(message)

        await self._application({**scope, "path": path}, receive_again, send_guarded)

    def _check(self, head: Head, body: bytes | None) -> None:
        """Refuse what is for no service that is here, or in JSON that cannot be read.

        Raises:
            Refused: it is.
        """
        service = service_of(head)
        if service is not None and service not in self._served:
            raise refusal_of(service)
        if head.value("content-type").startswith(_AMZ_JSON):
            try:
                bounded_json.loads(body or b"{}")
            except ValueError as problem:
                raise Refused("Start of structure expected", status=HTTPStatus.BAD_REQUEST) from problem

    async def _admit(self, version: str, head: Head, incoming: _Incoming) -> bytes | None:
        """Return the body of a request that is admitted; None when it has not come as a whole.

        Raises:
            Refused: the guard does not admit it, or its body is too large or too slow.
        """
        if version not in _VERSIONS:
            raise Refused("Only HTTP/1.1 is answered", status=HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
        guard, max_bytes = self._guard, MAX_OBJECT_BYTES
        if _is_signal(head):
            guard, max_bytes = self._signal_guard, MAX_BODY_BYTES
        loop = asyncio.get_running_loop()
        signature = await loop.run_in_executor(self._threads, guard.admit, head)
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _body(head, incoming, max_bytes)
        except TimeoutError:
            raise Refused("The body took too long", status=HTTPStatus.REQUEST_TIMEOUT) from None
        if body is not None:
            await loop.run_in_executor(self._threads, guard.verify, signature, head, body)
        return body


def head_of(scope: dict[str, Any]) -> Head:
    """Return the head of a request."""
    query = scope["query_string"].decode("latin-1")
    target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    return Head.of(scope["method"], target, headers)


def _is_signal(head: Head) -> bool:
    return head.method == "PUT" and head.path.startswith(_SIGNAL_PREFIX)


def _path(path: str, head: Head) -> str:
    """Return the path that the engine knows.

    Raises:
        Refused: it is one of the engine's own, which is not there.
    """
    if is_control(head) and path == RESET_PATH and head.method == "POST":
        return _INTERNAL_RESET
    if is_control(head) and path.startswith(SECRETS_PATH) and head.method == "GET":
        return head.path
    is_internal = path.startswith(_INTERNAL_PREFIX) and not _is_signal(head)
    if is_control(head) or is_internal or path == _INTERNAL_HEALTH:
        raise Refused("There is no such address", status=HTTPStatus.NOT_FOUND)
    return path


async def _body(head: Head, incoming: _Incoming, max_bytes: int) -> bytes | None:
    announced = head.value("content-length")
    length = int(announced) if announced.isdecimal() else 0
    body = bytearray()
    while not incoming.has_ended:
        # In chunks it may be longer than was announced.
        if max(length, len(body)) > max_bytes:
            raise Refused(
                f"The body is longer than {max_bytes} bytes",
                status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            )
        chunk = await incoming.next()
        if chunk is None:
            return None
        body += chunk
    return bytes(body)


async def _refuse(head: Head, refused: Refused, incoming: _Incoming, send: Send) -> None:
    if not head.value("expect"):
        # A connection that is closed before its body has been sent loses the answer.
        with suppress(TimeoutError):
            async with asyncio.timeout(SKIP_SECONDS):
                while not incoming.has_ended:
                    await incoming.next()
    status, headers, body = refused.answer(head)
    await _send(status, {**headers, "Connection": "close"}, body, send, is_head=head.method == "HEAD")


async def _send(
    status: int, headers: Mapping[str, str], body: bytes, send: Send, *, is_head: bool = False
) -> None:
    pairs = {**headers, "Content-Length": str(len(body))}
    encoded = [(name.lower().encode(), value.encode()) for name, value in pairs.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": b"" if is_head else body})
