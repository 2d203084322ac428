"""A server of SageMaker and CloudWatch, with TLS or without, that ends connections where a test says so."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any, Self

LOCAL = "127.0.0.1"
# At the most, for a test that fails.
MAX_WAIT_SECONDS = 10.0
_RESET = struct.pack("ii", 1, 0)


class Act(Enum):
    """What becomes of one request."""

    ANSWER = auto()
    """It is answered, and the connection is kept."""
    ANSWER_WITH_CLOSE = auto()
    """It is answered with `Connection: close`, and it is left to the client to end the connection."""
    CLOSE_AFTER_HEAD = auto()
    """The connection ends before the body is read."""
    CLOSE_IN_BODY = auto()
    """It ends when half of the body is read."""
    CLOSE_AFTER_BODY = auto()
    """It ends without an answer."""
    RESET_AFTER_BODY = auto()
    """It is reset without an answer."""
    CLOSE_IN_ANSWER = auto()
    """It ends in the middle of the answer's body."""
    SILENCE = auto()
    """Nothing is sent until the connection ends."""
    WAIT = auto()
    """It is answered once the server is `released`."""
    TRICKLE = auto()
    """Its answer comes byte by byte, each in good time, and the rest once the server is `released`."""
    REFUSE = auto()
    """It is answered with an error."""
    CALL_IDLE = auto()
    """The connection ends with status 408, as if the request had come too late."""
    ANSWER_AND_MORE = auto()
    """It is answered, and after that comes another answer, to which there is no request."""
    ANSWER_AND_MORE_AT_ONCE = auto()
    """The same, in one piece."""
    ANSWER_AND_MORE_BEHIND_A_BUFFER = auto()
    """The same, and what a client reads at once ends with the answer: TLS has the rest, no socket."""


IN_ONE_PIECE = {Act.ANSWER_AND_MORE_AT_ONCE, Act.ANSWER_AND_MORE_BEHIND_A_BUFFER}
# What Python's http.client reads at once; two of them are a record of TLS.
_BUFFER_BYTES = 8192
# What a refused request is answered with.
REFUSAL = {"__type": "AccessDeniedException", "message": "not authorized"}


class End(Enum):
    """How the server ends a connection that is idle."""

    CLOSE_NOTIFY = auto()
    """TLS's own end, then TCP's."""
    FIN = auto()
    """TCP's end alone."""
    RESET = auto()
    SILENCE = auto()
    """Without a packet: what is sent is neither read nor answered, as behind a NAT that has forgotten it."""


@dataclass
class Request:
    """A request, as far as it came."""

    connection: int
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    act: Act = Act.ANSWER
    is_whole: bool = False
    """Whether its body was read."""

    @property
    def operation(self) -> str:
        """Its operation, such as `DescribeModelPackage`."""
        return self.headers.get("x-amz-target", "").rpartition(".")[2]

    @property
    def arguments(self) -> dict[str, Any]:
        """Its arguments."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def access_key(self) -> str:
        """The access key that it is signed with."""
        return self.headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]


@dataclass
class Connection:
    """A TCP connection; its number counts from 1."""

    number: int
    peer: int
    """The client's port."""
    host: str | None = None
    """The name that the client asks for in its handshake."""
    failure: str = ""
    """Why its handshake failed."""
    has_ended: bool = False
    end: End | None = None
    is_silent: bool = False


class Server:
    """Counts connections, handshakes and requests; `answers` has what each operation returns.

    `acts` says what becomes of the next requests of an operation, one after the other; then `otherwise` does.
    """

    def __init__(self, certificate: Path | None, answers: Mapping[str, Any]) -> None:
        """Speak TLS with a certificate, and plain HTTP without."""
        self._context = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
            self._context.sni_callback = self._note_host
        self.answers = dict(answers)
        self.acts: dict[str, deque[Act]] = {}
        self.otherwise = Act.ANSWER
        self.connections: list[Connection] = []
        self.requests: list[Request] = []
        self.hosts: list[str | None] = []
        self.released = threading.Event()
        # A request that waits has arrived, one for each.
        self.waiting = threading.Semaphore(0)
        self._changed = threading.Condition()
        self._wake: dict[int, socket.socket] = {}
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server((LOCAL, 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]

    def url(self, host: str = LOCAL) -> str:
        """Its address by one of its names."""
        return f"http{'s' if self._context else ''}://{host}:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for wake in list(self._wake.values()):
            with contextlib.suppress(OSError):
                wake.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(MAX_WAIT_SECONDS)
            assert not thread.is_alive()

    # --- what a test asks ---

    @property
    def handshakes(self) -> int:
        """How many handshakes were completed."""
        return len(self.hosts)

    def operations(self) -> list[str]:
        """The operations of the requests whose bodies were read, in order."""
        return [each.operation for each in self.whole_requests()]

    def whole_requests(self) -> list[Request]:
        """The requests whose bodies were read, which the service may have acted on."""
        return [each for each in self.requests if each.is_whole]

    def expect(self, operation: str, *acts: Act) -> None:
        """Do this with the next requests of an operation."""
        self.acts.setdefault(operation, deque()).extend(acts)

    def present(self, certificate: Path) -> None:
        """Have the following handshakes show another certificate; sessions of the earlier ones stay valid."""
        assert self._context
        self._context.load_cert_chain(certificate)

    def end(self, how: End) -> None:
        """End every connection that the client holds, and wait until that is done."""
        with self._changed:
            idle = [each for each in self.connections if not each.has_ended and each.end is None]
            for each in idle:
                each.end = how
                self._wake[each.number].send(b"x")
            done = self._changed.wait_for(
                lambda: all(each.has_ended or each.is_silent for each in idle), MAX_WAIT_SECONDS
            )
        assert done

    def open_connections(self) -> int:
        """How many connections the client holds, a moment after what it has closed has arrived."""
        with self._changed:
            self._changed.wait_for(self._is_quiet, 0.2)
            return sum(not each.has_ended for each in self.connections)

    def wait_for_end(self, number: int) -> bool:
        """Whether a connection ends."""
        with self._changed:
            return self._changed.wait_for(lambda: self.connections[number - 1].has_ended, MAX_WAIT_SECONDS)

    def wait_for(self, operation: str) -> None:
        """Wait until a request of an operation has come."""
        with self._changed:
            assert self._changed.wait_for(lambda: operation in self.operations(), MAX_WAIT_SECONDS)

    def _is_quiet(self) -> bool:
        return all(each.has_ended for each in self.connections)

    # --- connections ---

    def _start(self, target: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _note_host(self, connection: Any, host: str | None, _: ssl.SSLContext) -> None:
        connection.host = host

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted, peer = self._listener.accept()
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._changed:
                    connection = Connection(len(self.connections) + 1, peer[1])
                    self.connections.append(connection)
                    ours, self._wake[connection.number] = socket.socketpair()
                self._start(self._serve, accepted, connection, ours)

    def _serve(self, accepted: socket.socket, connection: Connection, wake: socket.socket) -> None:
        stream = accepted
        try:
            accepted.settimeout(MAX_WAIT_SECONDS)
            if self._context:
                stream = self._context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
                stream.do_handshake()
                connection.host = getattr(stream, "host", None)
                self.hosts.append(connection.host)
            while self._serve_request(stream, connection, wake):
                pass
        except (OSError, EOFError) as error:
            # A client that hangs up, or that does not trust the certificate.
            connection.failure = str(error)
        finally:
            if connection.end is End.CLOSE_NOTIFY and isinstance(stream, ssl.SSLSocket):
                stream.setblocking(False)
                # It would wait for the client's answer.
                with contextlib.suppress(ssl.SSLError, OSError):
                    stream.unwrap()
            if connection.end is End.RESET:
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            stream.close()
            with self._changed:
                wake.close()
                self._wake.pop(connection.number).close()
                connection.has_ended = True
                self._changed.notify_all()

    def _serve_request(self, stream: socket.socket, connection: Connection, wake: socket.socket) -> bool:
        """Serve one request; whether another may follow."""
        has_bytes = isinstance(stream, ssl.SSLSocket) and stream.pending()
        ready = [stream] if has_bytes else select.select([stream, wake], [], [])[0]
        if stream not in ready:
            if connection.end is End.SILENCE:
                wake.recv(1)
                with self._changed:
                    connection.is_silent = True
                    self._changed.notify_all()
                wake.recv(1)  # comes back when the server ends
            return False
        head, body = _read_head(stream)
        lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        request = Request(connection.number, lines[0].split(" ")[1], headers)
        acts = self.acts.get(request.operation)
        request.act = acts.popleft() if acts else self.otherwise
        self.requests.append(request)
        return self._respond(stream, request, body, wake)

    def _respond(self, stream: socket.socket, request: Request, body: bytes, wake: socket.socket) -> bool:
        act, length = request.act, int(request.headers.get("content-length", 0))
        if act is Act.CLOSE_AFTER_HEAD:
            return False
        while len(body) < (length // 2 if act is Act.CLOSE_IN_BODY else length):
            body += _receive(stream)
        if act is Act.CLOSE_IN_BODY:
            return False
        with self._changed:
            request.body, request.is_whole = body, True
            self._changed.notify_all()
        if act is Act.CALL_IDLE:
            stream.sendall(_message("408 Request Timeout", ["Connection: close", "Content-Length: 0"], b""))
        if act in (Act.CLOSE_AFTER_BODY, Act.CALL_IDLE):
            return False
        if act is Act.RESET_AFTER_BODY:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            return False
        if act is Act.SILENCE:
            select.select([stream, wake], [], [], MAX_WAIT_SECONDS)
            return False
        if act is Act.WAIT:
            self.waiting.release()
            self.released.wait(MAX_WAIT_SECONDS)
        answer = REFUSAL if act is Act.REFUSE else self.answers.get(request.operation, {})
        body = json.dumps(answer(request) if callable(answer) else answer).encode()
        headers = ["Content-Type: application/x-amz-json-1.1", f"Content-Length: {len(body)}"]
        headers += ["Connection: close"] if act is Act.ANSWER_WITH_CLOSE else []
        status = "400 Bad Request" if act is Act.REFUSE else "200 OK"
        if act is Act.ANSWER_AND_MORE_BEHIND_A_BUFFER:
            headers.append("Padding: ")
            headers[-1] += "x" * (_BUFFER_BYTES - len(_message(status, headers, body)))
        message = _message(status, headers, body)
        if act is Act.CLOSE_IN_ANSWER:
            message = message[: -len(body) // 2]
        while act is Act.TRICKLE and not self.released.wait(0.02):
            stream.sendall(message[:1])
            message = message[1:]
        stream.sendall(message * 2 if act in IN_ONE_PIECE else message)
        if act is Act.ANSWER_AND_MORE:
            stream.sendall(message)
        return act is not Act.CLOSE_IN_ANSWER


def _message(status: str, headers: list[str], body: bytes) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode() + body


def _receive(stream: socket.socket) -> bytes:
    received = stream.recv(65536)
    if not received:
        raise EOFError("the client has hung up")
    return received


def _read_head(stream: socket.socket) -> tuple[bytes, bytes]:
    """A request's head, and what came of its body."""
    received = _receive(stream)
    while b"\r\n\r\n" not in received:
        received += _receive(stream)
    head, _, body = received.partition(b"\r\n\r\n")
    return head, body


@dataclass
class Tunnel:
    """A CONNECT that a proxy was sent."""

    target: str
    authorization: str | None
    port: int
    """The port from which it comes to the server."""
    sockets: list[socket.socket] = field(default_factory=list, repr=False)


class TunnelProxy:
    """A proxy that opens a tunnel to one server for each CONNECT, whatever its target."""

    def __init__(self, port: int, certificate: Path | None = None) -> None:
        """Speak TLS with a certificate to its clients, and plain HTTP without."""
        self._context = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
        self._target = port
        self.tunnels: list[Tunnel] = []
        self._ended = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server((LOCAL, 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *(each for tunnel in self.tunnels for each in tunnel.sockets)):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(MAX_WAIT_SECONDS)
            assert not thread.is_alive()

    def wait_for_end(self, number: int) -> None:
        """Wait until this many tunnels have ended."""
        for _ in range(number):
            assert self._ended.acquire(timeout=MAX_WAIT_SECONDS)

    def targets(self) -> list[str]:
        """Where the tunnels lead."""
        return [each.target for each in self.tunnels]

    def _start(self, target: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._start(self._serve, self._listener.accept()[0])

    def _serve(self, accepted: socket.socket) -> None:
        with accepted, contextlib.suppress(ssl.SSLError):  # of a client that does not trust the certificate
            if not self._context:
                self._open(accepted)
                return
            with self._context.wrap_socket(accepted, server_side=True) as client:
                self._open(client)

    def _open(self, client: socket.socket) -> None:
        with socket.create_connection((LOCAL, self._target)) as server, contextlib.suppress(EOFError):
            head, _ = _read_head(client)
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)
            }
            # A request that is no CONNECT has a target that no test expects.
            self.tunnels.append(
                Tunnel(
                    first.split(" ")[1],
                    headers.get("proxy-authorization"),
                    server.getsockname()[1],
                    [client, server],
                )
            )
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _pass_on(client, server)
        self._ended.release()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    """Pass on what comes from either side, until one of them ends."""
    both = {one: other, other: one}
    with contextlib.suppress(OSError):
        while True:
            ready: Iterable[socket.socket] = select.select(list(both), [], [])[0]
            for each in ready:
                data = each.recv(65536)
                if not data:
                    return
                both[each].sendall(data)
