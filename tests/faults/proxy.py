"""Fault-injecting HTTP proxy in front of the local SageMaker, for tests.

It passes HTTP on as it is, over real connections, until a fault is armed. A fault strikes calls by their
number since then, whatever the number of connections. Most kinds are answers that SageMaker gives under
stress; the others are connections that cannot be made, break before or after the service did the work, or
stay silent.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import math
import socket
import struct
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Self

from aws_sagemaker_modelpackage import connections
from sandbox.shared.http import HOST, JsonHandler
from sandbox.shared.settings import ACCOUNT

TARGET_PREFIX = "SageMaker."
# How long a connection without an answer is kept; the client's own timeout is shorter.
MAX_SILENCE_SECONDS = 120.0
FOR_EVER = math.inf
"""How many calls a fault strikes that does not end."""
# A kernel queue of connections that wait to be accepted.
BACKLOG = 128

Json = dict[str, Any]


class Effect(Enum):
    """What a fault does to a call."""

    ANSWER = auto()
    """An answer of the fault's own."""
    REFUSE = auto()
    """Nothing listens: the connection is refused."""
    RESET = auto()
    """The connection is reset without an answer."""
    CUT = auto()
    """The answer stops half-way."""
    SILENCE = auto()
    """Nothing is sent until the client gives up."""


@dataclass(frozen=True)
class FaultKind:
    """A kind of fault: what happens to the call, and whether the service does the work all the same."""

    name: str
    effect: Effect = Effect.ANSWER
    works: bool = False
    status: int = 400
    body: bytes = b""
    content_type: str = "application/x-amz-json-1.1"


def error(name: str, code: str, message: str, status: int = 400, *, works: bool = False) -> FaultKind:
    """An error in SageMaker's protocol."""
    return FaultKind(
        name, status=status, body=json.dumps({"__type": code, "message": message}).encode(), works=works
    )


_ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/session"

KINDS = {
    kind.name: kind
    for kind in (
        error("throttling", "ThrottlingException", "Rate exceeded"),
        error("server error", "InternalFailure", "The request processing has failed", 500),
        error("server error after the work", "InternalFailure", "The processing has failed", 500, works=True),
        FaultKind("unavailable", status=503, body=b"<html>Unavailable</html>", content_type="text/html"),
        error("access denied", "AccessDeniedException", f"User: {_ARN} is not authorized to perform this"),
        error("expired credentials", "ExpiredTokenException", "The security token is expired", 403),
        error("unknown credentials", "UnrecognizedClientException", "The security token is invalid", 403),
        error("conflict", "ConflictException", "The model package is being modified"),
        error("quota", "ResourceLimitExceeded", "The account-level service limit is 1"),
        error(
            "bad value",
            "ValidationException",
            "1 validation error detected: Value 'x' at 'modelApprovalStatus' failed to satisfy constraint:"
            " Member must satisfy enum value set: [Approved, Rejected, PendingManualApproval]",
        ),
        error("unknown code", "SomethingNewException", "An error in no description"),
        FaultKind("refused", Effect.REFUSE),
        FaultKind("reset before the work", Effect.RESET),
        FaultKind("reset after the work", Effect.RESET, works=True),
        FaultKind("not JSON", status=200, body=b"<html>Welcome</html>", content_type="text/html"),
        FaultKind("not JSON after the work", status=200, body=b"\xff\xfe{", works=True),
        FaultKind("no object", status=200, body=b'["model", "package"]'),
        FaultKind("an error that is no object", status=503, body=b"null", works=True),
        FaultKind("an error that is no text", status=502, body=b"\xff\xfe{", works=True),
        FaultKind("an error without a code", status=500, body=b'{"__type": 5, "message": []}'),
        FaultKind(
            "turned away by a proxy", status=429, body=b"<html>Too Many</html>", content_type="text/html"
        ),
        FaultKind("a proxy's page", status=404, body=b"<html>Not here</html>", content_type="text/html"),
        FaultKind("a redirection after the work", status=302, works=True),
        FaultKind("an error without a body"),
        FaultKind("cut short", Effect.CUT, works=True),
        FaultKind("timeout before the work", Effect.SILENCE),
        FaultKind("timeout after the work", Effect.SILENCE, works=True),
    )
}


@dataclass
class Fault:
    """A kind of fault and which calls it strikes, counted from when it was armed."""

    kind: FaultKind
    at: int = 0
    """The number of the first call that it may strike; the first call of all is number 0."""
    times: float = 1
    """How many calls, or attempts of one, it strikes, or FOR_EVER."""
    operation: str = "*"
    """The operation it strikes; a connection is refused to any."""

    def strikes(self, number: int, operation: str) -> bool:
        """Return whether it strikes this call, and count it."""
        if number < self.at or self.times < 1 or self.operation not in ("*", operation):
            return False
        self.times -= 1
        return True


@dataclass
class Call:
    """A call that the proxy has received."""

    number: int
    operation: str
    arguments: Json
    authorization: str = field(repr=False, default="")
    fault: str | None = None
    """The name of the fault that struck it."""
    status: int | None = None
    """The status of the answer; None: no answer, or not yet."""


class Proxy:
    """Passes calls on to a server on this machine and breaks those that the armed fault strikes.

    Three callbacks: `watch` is called with each call twice, before the work of the service (`"before"`), and
    between that and the answer (`"after"`). `silent` is called when a call gets no answer, so that a test can
    let simulated time pass. `throttle` may return a kind of fault for a call, in place of the armed fault.
    """

    def __init__(self, target: str) -> None:
        address = urllib.parse.urlsplit(target)
        self._target = (address.hostname or "127.0.0.1", address.port or 80)
        self._lock = threading.RLock()
        self._calls: list[Call] = []
        self._arrived = 0
        self.fault: Fault | None = None
        self.reset_callbacks()
        # Holds the port while connections are refused.
        self._holder = _bind(0)
        self._port: int = self._holder.getsockname()[1]
        self._listener: socket.socket | None = None
        self._connections: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._stopped = False

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return f"http://{HOST}:{self._port}"

    @property
    def calls(self) -> list[Call]:
        """The calls since the last `arm` or `clear`, those that were struck included."""
        with self._lock:
            return list(self._calls)

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._stopped = True
            self._close_listener()
            self._holder.close()
            for connection in list(self._connections):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)  # wakes up a thread that waits for a call on it
            threads = list(self._threads)
        for thread in threads:
            thread.join()

    def reset_callbacks(self) -> None:
        """Remove the callbacks: no watcher, nothing throttled."""
        self.watch: Callable[[Call, str], None] = _nothing
        self.silent: Callable[[Call], None] = _nothing
        self.throttle: Callable[[Call], FaultKind | None] = _nothing

    def clear(self) -> None:
        """Forget calls and fault; the next call has number 0."""
        self.arm(None)

    def arm(self, fault: Fault | None) -> None:
        """Set the fault, or None, and forget the calls so far; the next call has number 0."""
        # A connection that an earlier invocation left could take a call which is to be refused.
        connections.forget()
        with self._lock:
            self._calls, self._arrived, self.fault = [], 0, fault
            self._update_listener()

    def attempt_failed(self) -> None:
        """Count an attempt to connect while connections were refused, which the proxy itself cannot notice.

        Tests call it when a client pauses before another attempt, or when a handler has given up.
        """
        with self._lock:
            if self._listener is None and self.fault and not self._stopped:
                self.fault.times -= 1
                self._update_listener()

    # --- the listening socket ---

    def _update_listener(self) -> None:
        """Listen, or stop listening, as the fault says of the next call."""
        fault = self.fault
        refuses = (
            fault is not None
            and fault.kind.effect is Effect.REFUSE
            and self._arrived >= fault.at
            and fault.times >= 1
        )
        if refuses:
            self._close_listener()
        elif self._listener is None and not self._stopped:
            self._listen()

    def _listen(self) -> None:
        listener = _bind(self._port)
        listener.listen(BACKLOG)
        self._listener = listener
        self._start(self._accept, listener)

    def _close_listener(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes up the thread that waits in accept
            listener.close()

    def _start(self, target: Callable[[socket.socket], None], on: socket.socket) -> None:
        self._threads = {thread for thread in self._threads if thread.is_alive()}
        thread = threading.Thread(target=target, args=(on,), name="fault-proxy", daemon=True)
        self._threads.add(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                if self._stopped:
                    connection.close()
                    return
                self._connections.add(connection)
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(ConnectionError, TimeoutError):
                _ProxyHandler(connection, self)
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    # --- calls ---

    def begin(
        self, operation: str, arguments: Json, authorization: str
    ) -> tuple[Call, FaultKind | None, bool]:
        """Number a call; return it, what strikes it, and whether its connection has to end."""
        with self._lock:
            call = Call(self._arrived, operation, arguments, authorization)
            self._arrived += 1
            self._calls.append(call)
            kind = self.throttle(call)
            fault = self.fault
            if (
                kind is None
                and fault
                and fault.kind.effect is not Effect.REFUSE
                and fault.strikes(call.number, operation)
            ):
                kind = fault.kind
            call.fault = kind.name if kind else None
            self._update_listener()
            # The next call then needs a new connection, which is refused.
            return call, kind, self._listener is None

    def forward(self, path: str, headers: list[tuple[str, str]], body: bytes) -> tuple[int, bytes, str]:
        """Pass a call on to the service; return status, body and content type of its answer."""
        connection = http.client.HTTPConnection(*self._target, timeout=MAX_SILENCE_SECONDS)
        try:
            connection.putrequest("POST", path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers.get("Content-Type", "")
        finally:
            connection.close()


class _ProxyHandler(JsonHandler):
    def __init__(self, connection: socket.socket, proxy: Proxy) -> None:
        self._proxy = proxy
        super().__init__(connection, (HOST, 0), None)  # type: ignore[arg-type] # there is no server

    def post(self) -> None:
        """Pass a call on, or break it."""
        proxy = self._proxy
        body = self.body()
        operation = self.headers.get("X-Amz-Target", "").removeprefix(TARGET_PREFIX)
        call, kind, last = proxy.begin(operation, _parse(body), self.headers.get("Authorization", ""))
        self.close_connection = self.close_connection or last
        proxy.watch(call, "before")
        status, answer, content_type = 0, b"", ""
        if kind is None or kind.works:
            status, answer, content_type = proxy.forward(self.path, self.headers.items(), body)
        proxy.watch(call, "after")
        if kind is None:
            self._answer(call, status, answer, content_type)
        elif kind.effect is Effect.ANSWER:
            self._answer(call, kind.status, kind.body, kind.content_type)
        elif kind.effect is Effect.CUT:
            self._answer(call, status, answer[: len(answer) // 2], content_type, promised=max(len(answer), 2))
            self.close_connection = True
        else:
            if kind.effect is Effect.SILENCE:
                proxy.silent(call)
                self.connection.settimeout(MAX_SILENCE_SECONDS)
                self.connection.recv(1)  # comes back when the client gives up
            self._reset()

    def _answer(
        self, call: Call, status: int, body: bytes, content_type: str, promised: int | None = None
    ) -> None:
        call.status = status
        headers = {"Content-Type": content_type}
        if promised is not None:
            headers["Content-Length"] = str(promised)
        if self.close_connection:
            headers["Connection"] = "close"
        self.answer(status, body, headers)

    def _reset(self) -> None:
        """Close so that the client's kernel reports a reset, not an end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _bind(port: int) -> socket.socket:
    """Return a socket on the port, which two can share: one that holds it and one that listens."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind((HOST, port))
    return bound


def _parse(body: bytes) -> Json:
    try:
        arguments = json.loads(body or b"{}")
    except ValueError:
        return {}
    return arguments if isinstance(arguments, dict) else {}


def _nothing(*_: Any) -> Any:
    return None
