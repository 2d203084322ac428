"""The handler of HTTP requests under every server of the standard library's kind.

Standard library only, but for signatures, as `sandbox.shared.http`.
"""

from __future__ import annotations

import io
import re
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

from sandbox.shared.guard import ABSENT, CROSS_ORIGIN_PREFIX, Guard, Refused
from sandbox.shared.heads import Head
from sandbox.shared.settings import NOT_HERE
from sandbox.shared.signatures import Signature

# The largest request of AWS but for S3's; those of S3 are held in memory by what is behind the servers.
MAX_BODY_BYTES = 8 * 1024**2
MAX_OBJECT_BYTES = 128 * 1024**2
# How long a connection may be kept without a request, and a head and a body may take to come.
IDLE_SECONDS = 60.0
HEAD_SECONDS = 10.0
BODY_SECONDS = 60.0
ANSWER_SECONDS = 300.0  # and an answer to be taken
# Of a body that is not read, so much is taken that the answer reaches its client.
SKIP_SECONDS = 2.0
MIN_SECONDS = 0.001
CHUNK_BYTES = 64 * 1024
MAX_CHUNK_HEAD_BYTES = 1024

_FRAMING = ("Content-Length", "Transfer-Encoding")
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class _TimedReader(io.RawIOBase):
    """Reads from a connection until a deadline, however slowly the bytes come."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connection = connection
        self._deadline = 0.0
        self.is_over = False

    def allow(self, seconds: float) -> None:
        """Set the deadline."""
        self._deadline = time.monotonic() + seconds

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what has come; with a TimeoutError when nothing has until the deadline."""
        try:
            # Of no time nothing is left to a socket either; 0 would mean not to wait at all.
            self._connection.settimeout(max(MIN_SECONDS, self._deadline - time.monotonic()))
            return self._connection.recv_into(buffer)
        except TimeoutError:
            self.is_over = True
            raise


class GuardedHandler(BaseHTTPRequestHandler):
    """Reads each request within bounds of size and time, and answers those that its guard admits."""

    guard = Guard()
    max_body_bytes = MAX_BODY_BYTES
    idle_seconds = IDLE_SECONDS
    timeout = ANSWER_SECONDS
    reader: type[io.BufferedReader] = io.BufferedReader
    """What reads lines."""

    def setup(self) -> None:
        """Read from the connection by the deadlines."""
        super().setup()
        self.rfile.close()
        self._timed = _TimedReader(self.connection)
        self.rfile = self.reader(self._timed)

    def handle_one_request(self) -> None:
        """Answer one request; with 408 when it does not come in time."""
        self._is_received = False
        self._timed.allow(self.idle_seconds)
        try:
            is_open = bool(self.rfile.peek(1))  # type: ignore[attr-defined] # it is a BufferedReader
        except OSError:  # nothing more has come
            is_open = False
        if not is_open:
            self.close_connection = True
            return
        self._timed.allow(HEAD_SECONDS)
        super().handle_one_request()
        if self._timed.is_over and not self._is_received:
            with suppress(OSError):
                self.wfile.write(TOO_SLOW)
                self.wfile.flush()

    def handle_expect_100(self) -> bool:
        """Ask for the body only of a request that is admitted."""
        is_asked_for = self._admit() is not None and super().handle_expect_100()
        self.wfile.flush()
        return is_asked_for

    def parse_request(self) -> bool:
        """Parse and admit a request, and read its body; False when it has been answered with a refusal."""
        if not super().parse_request():
            return False
        admitted = self._admit()
        if admitted is None:
            return False
        head, signature = admitted
        try:
            self._body = self._read_body()
            del self.headers["Expect"]  # fulfilled
        except Refused as refused:
            self._answer_refused(head, refused)
            return False
        except TimeoutError:
            self.close_connection = True
            return False  # `handle_one_request` answers
        try:
            self.guard.verify(signature, head, self._body)
        except Refused as refused:
            self._answer_refused(head, refused, unread=False)
            return False
        self._is_received = True
        self.connection.settimeout(self.timeout)
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that is not one of HTTP, or of a method that the server does not have.

        An error as of AWS, not the page of the base class; and one of the client's, which no SDK tries again.
        """
        method, target = self.command or "", getattr(self, "path", "")
        head = Head.of(method, target, getattr(self, "headers", {}).items())
        if code == HTTPStatus.NOT_IMPLEMENTED:
            refused = Refused(f"{method} {target} is {NOT_HERE}", ABSENT, HTTPStatus.BAD_REQUEST)
        else:
            refused = Refused(explain or message or HTTPStatus(code).phrase, status=code)
        self._answer_refused(head, refused, unread=not self._is_received)

    def send_header(self, keyword: str, value: str) -> None:
        """Send a header of an answer, unless it lets pages of other sites read it."""
        if not keyword.lower().startswith(CROSS_ORIGIN_PREFIX):
            super().send_header(keyword, value)

    def body(self) -> bytes:
        """Return the request's body."""
        return self._body

    def _admit(self) -> tuple[Head, Signature | None] | None:
        """Return the head of a request and its signature; None when it has been refused."""
        head = Head.of(self.command, self.path, self.headers.items())
        try:
            return head, self.guard.admit(head)
        except Refused as refused:
            self._answer_refused(head, refused)
            return None

    def _answer_refused(self, head: Head, refused: Refused, *, unread: bool = True) -> None:
        """Answer with a refusal; what is `unread` of the body ends the connection."""
        status, headers, body = refused.answer(head)
        self._is_received = True
        self.close_connection = self.close_connection or unread
        self.connection.settimeout(HEAD_SECONDS)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()
        if unread:
            self._skip_body()

    def _skip_body(self) -> None:
        """Take a part of the body: a connection that is closed before loses the answer."""
        self._timed.allow(SKIP_SECONDS)
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            left = MAX_OBJECT_BYTES
            while left > 0 and (data := self.rfile.read1(CHUNK_BYTES)):
                left -= len(data)

    def _read_body(self) -> bytes:
        """Return the body.

        Raises:
            Refused: its length is not known, too large, or not the one that was announced.
        """
        lengths, encodings = (self.headers.get_all(name, []) for name in _FRAMING)
        self._timed.allow(BODY_SECONDS)
        if encodings:
            if lengths or [each.strip().lower() for each in encodings] != ["chunked"]:
                raise Refused("The length of the body is not known", status=HTTPStatus.BAD_REQUEST)
            self.close_connection = True  # what stands behind it is not read
            return b"".join(self._chunks())
        if not lengths:
            return b""
        if len(set(lengths)) > 1 or not re.fullmatch(r"\d{1,18}", lengths[0].strip(), re.ASCII):
            raise Refused("Content-Length is not a number of bytes", status=HTTPStatus.BAD_REQUEST)
        return self._read_exactly(int(lengths[0]))

    def _chunks(self) -> Iterator[bytes]:
        left = self.max_body_bytes
        while True:
            size = self.rfile.readline(MAX_CHUNK_HEAD_BYTES).partition(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}", size):
                raise Refused("The body's chunks cannot be read", status=HTTPStatus.BAD_REQUEST)
            if int(size, 16) == 0:
                return
            left -= int(size, 16)
            yield self._read_exactly(int(size, 16), left)
            self.rfile.readline(MAX_CHUNK_HEAD_BYTES)

    def _read_exactly(self, length: int, left: int = 0) -> bytes:
        if length > self.max_body_bytes or left < 0:
            raise Refused(
                f"The body is longer than {self.max_body_bytes} bytes",
                status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            )
        data = self.rfile.read(length)
        if len(data) < length:
            raise Refused("The body is shorter than was announced", status=HTTPStatus.BAD_REQUEST)
        return data
