"""A wire that can break: a proxy in front of the local SageMaker, for tests of what handlers do then.

It passes HTTP on as it is, over real connections, until a fault is armed. A fault strikes calls by their
number since then, whatever the number of connections. Most kinds are answers that SageMaker gives under
stress; the others are connections that cannot be made, break before or after the service did the work, or
on which nothing is said.
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
from http.server import BaseHTTPRequestHandler
from typing import Any, Self

TARGET_PREFIX = "SageMaker."
# Seconds that a connection without an answer is kept, at most; the client's own timeout is shorter.
LONGEST_SILENCE = 120.0
FOR_EVER = math.inf
"""How many calls a fault strikes that does not end."""
# A kernel queue of connections that wait to be accepted.
BACKLOG = 128

Json = dict[str, Any]


class Way(Enum):
    """What becomes of a call that a fault strikes."""

    ANSWER = auto()
    """An answer of the fault's own."""
    REFUSE = auto()
    """Nobody listens: the connection is refused."""
    RESET = auto()
    """The connection is reset without an answer."""
    CUT = auto()
    """The answer stops half-way."""
    SILENCE = auto()
    """Nothing is said until the client gives up."""


@dataclass(frozen=True)
class Kind:
    """One way to break a call; `works` tells whether the service has done what was asked of it."""

    name: str
    way: Way = Way.ANSWER
    works: bool = False
    status: int = 400
    body: bytes = b""
    content_type: str = "application/x-amz-json-1.1"


def error(name: str, code: str, message: str, status: int = 400, *, works: bool = False) -> Kind:
    """An error in SageMaker's protocol."""
    return Kind(
        name, status=status, body=json.dumps({"__type": code, "message": message}).encode(), works=works
    )


_ARN = "arn:aws:sts::123456789012:assumed-role/deployer/session"

KINDS = {
    kind.name: kind
    for kind in (
        error("throttling", "ThrottlingException", "Rate exceeded"),
        error("server error", "InternalFailure", "The request processing has failed", 500),
        error("server error after the work", "InternalFailure", "The processing has failed", 500, works=True),
        Kind("unavailable", status=503, body=b"<html>Service Unavailable</html>", content_type="text/html"),
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
        error("unknown code", "SomethingNewException", "Something nobody has met"),
        Kind("refused", Way.REFUSE),
        Kind("reset before the work", Way.RESET),
        Kind("reset after the work", Way.RESET, works=True),
        Kind(
            "not JSON",
            status=200,
            body=b"<html>Welcome to the guest network</html>",
            content_type="text/html",
        ),
        Kind("not JSON after the work", status=200, body=b"\xff\xfe{", works=True),
        Kind("no object", status=200, body=b'["model", "package"]'),
        Kind("an error that is no object", status=503, body=b"null", works=True),
        Kind("an error that is no text", status=502, body=b"\xff\xfe{", works=True),
        Kind("an error without a code", status=500, body=b'{"__type": 5, "message": []}'),
        Kind("turned away by a proxy", status=429, body=b"<html>Too Many</html>", content_type="text/html"),
        Kind("cut short", Way.CUT, works=True),
        Kind("timeout before the work", Way.SILENCE),
        Kind("timeout after the work", Way.SILENCE, works=True),
    )
}


@dataclass
class Fault:
    """A kind of fault and which calls it strikes, counted from when it was armed."""

    kind: Kind
    at: int = 0
    """The number of the first call that it may strike; the first call of all is number 0."""
    times: float = 1
    """How many calls, or attempts of one, it strikes, or FOR_EVER."""
    operation: str = "*"
    """The operation it strikes; a connection is refused to any."""

    def strikes(self, number: int, operation: str) -> bool:
        """Tell whether it strikes this call, and count it."""
        if number < self.at or self.times < 1 or self.operation not in ("*", operation):
            return False
        self.times -= 1
        return True


@dataclass
class Call:
    """A call as it came over the wire."""

    number: int
    operation: str
    arguments: Json
    authorization: str = field(repr=False, default="")
    fault: str | None = None
    """The name of the fault that struck it."""
    status: int | None = None
    """What the client was answered; None: nothing, or not yet."""


class Proxy:
    """Passes calls on to a server on this machine and breaks those that the armed fault strikes.

    `watch` is called with each call twice: before anything is done (`"before"`), and once the service has
    done its work but nobody was told (`"after"`). `silent` is called when a call gets no answer, so that a
    test can let simulated time pass. `throttle` may answer a call with a kind of fault in the fault's place.
    """

    def __init__(self, target: str) -> None:
        address = urllib.parse.urlsplit(target)
        self._target = (address.hostname or "127.0.0.1", address.port or 80)
        self._lock = threading.RLock()
        self._calls: list[Call] = []
        self._arrived = 0
        self.fault: Fault | None = None
        self.undisturbed()
        # Holds the port while nobody listens on it.
        self._holder = _bound(0)
        self._port: int = self._holder.getsockname()[1]
        self._listener: socket.socket | None = None
        self._connections: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._stopped = False

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return f"http://127.0.0.1:{self._port}"

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
            self._refuse()
            self._holder.close()
            for connection in list(self._connections):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)  # wakes up who waits for a call on it
            threads = list(self._threads)
        for thread in threads:
            thread.join()

    def undisturbed(self) -> None:
        """Have nobody watch, and nothing throttled."""
        self.watch: Callable[[Call, str], None] = _nothing
        self.silent: Callable[[Call], None] = _nothing
        self.throttle: Callable[[Call], Kind | None] = _nothing

    def clear(self) -> None:
        """Forget calls and fault: the next call is number 0."""
        self.arm(None)

    def arm(self, fault: Fault | None) -> None:
        """Have this fault strike, the next call being number 0, and forget the calls so far."""
        with self._lock:
            self._calls, self._arrived, self.fault = [], 0, fault
            self._watch_the_door()

    def attempt_failed(self) -> None:
        """For tests: tell that somebody has tried to connect while connections were refused.

        The proxy cannot see it; a client that pauses before another attempt, or a handler that gave up, can.
        """
        with self._lock:
            if self._listener is None and self.fault and not self._stopped:
                self.fault.times -= 1
                self._watch_the_door()

    # --- the door ---

    def _watch_the_door(self) -> None:
        """Listen, or stop listening, as the next call is to find it."""
        fault = self.fault
        refuses = (
            fault is not None
            and fault.kind.way is Way.REFUSE
            and self._arrived >= fault.at
            and fault.times >= 1
        )
        if refuses:
            self._refuse()
        elif self._listener is None and not self._stopped:
            self._listen()

    def _listen(self) -> None:
        listener = _bound(self._port)
        listener.listen(BACKLOG)
        self._listener = listener
        self._start(self._accept, listener)

    def _refuse(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes up who waits in accept
            listener.close()

    def _start(self, target: Callable[[socket.socket], None], on: socket.socket) -> None:
        self._threads = {thread for thread in self._threads if thread.is_alive()}
        thread = threading.Thread(target=target, args=(on,), name="wire", daemon=True)
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
                _Requests(connection, self)
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    # --- calls ---

    def begin(self, operation: str, arguments: Json, authorization: str) -> tuple[Call, Kind | None, bool]:
        """Number a call; return it, what strikes it, and whether its connection must end with it."""
        with self._lock:
            call = Call(self._arrived, operation, arguments, authorization)
            self._arrived += 1
            self._calls.append(call)
            kind = self.throttle(call)
            fault = self.fault
            if (
                kind is None
                and fault
                and fault.kind.way is not Way.REFUSE
                and fault.strikes(call.number, operation)
            ):
                kind = fault.kind
            call.fault = kind.name if kind else None
            self._watch_the_door()
            # The next one is to need a connection, so that it can be refused.
            return call, kind, self._listener is None

    def forward(self, path: str, headers: list[tuple[str, str]], body: bytes) -> tuple[int, bytes, str]:
        """Have the service do its work."""
        connection = http.client.HTTPConnection(*self._target, timeout=LONGEST_SILENCE)
        try:
            connection.putrequest("POST", path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers.get("Content-Type", "")
        finally:
            connection.close()


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # clients keep their connections
    disable_nagle_algorithm = True  # headers and body go in two writes

    def __init__(self, connection: socket.socket, proxy: Proxy) -> None:
        self._proxy = proxy
        super().__init__(connection, ("127.0.0.1", 0), None)  # type: ignore[arg-type] # there is no server

    def do_POST(self) -> None:
        """Pass a call on, or break it."""
        proxy = self._proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        operation = self.headers.get("X-Amz-Target", "").removeprefix(TARGET_PREFIX)
        call, kind, last = proxy.begin(operation, _parsed(body), self.headers.get("Authorization", ""))
        self.close_connection = self.close_connection or last
        proxy.watch(call, "before")
        status, answer, content_type = 0, b"", ""
        if kind is None or kind.works:
            status, answer, content_type = proxy.forward(self.path, self.headers.items(), body)
        proxy.watch(call, "after")
        if kind is None:
            self._answer(call, status, answer, content_type)
        elif kind.way is Way.ANSWER:
            self._answer(call, kind.status, kind.body, kind.content_type)
        elif kind.way is Way.CUT:
            self._answer(call, status, answer[: len(answer) // 2], content_type, promised=max(len(answer), 2))
            self.close_connection = True
        else:
            if kind.way is Way.SILENCE:
                proxy.silent(call)
                self.connection.settimeout(LONGEST_SILENCE)
                self.connection.recv(1)  # comes back when the client gives up
            self._reset()

    def _answer(
        self, call: Call, status: int, body: bytes, content_type: str, promised: int | None = None
    ) -> None:
        call.status = status
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body) if promised is None else promised))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _reset(self) -> None:
        """Close so that the client's kernel hears of a reset, not of an end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing; the proxy keeps the calls."""


def _bound(port: int) -> socket.socket:
    """A socket on the port, which two may share: one that holds it and one that listens."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    return made


def _parsed(body: bytes) -> Json:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _nothing(*_: Any) -> Any:
    return None
