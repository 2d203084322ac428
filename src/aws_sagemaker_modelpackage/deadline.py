"""The moment by which an invocation answers, and the gate that each of its requests passes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from . import errors

# The operations of SageMaker in use that change something, and the one that shows what came of it.
WRITES = frozenset(
    {"CreateModelPackage", "UpdateModelPackage", "DeleteModelPackage", "AddTags", "DeleteTags"}
)
_DESCRIBE = "DescribeModelPackage"


class Deadline:
    """The moment by which an invocation has to answer, and the gate that each of its requests passes.

    One thread makes calls under it, one after the other. Another may close it: no request goes out any more
    then, whatever the clock says, because that of a frozen process may stand still.
    """

    def __init__(self, seconds: float) -> None:
        """Set it so many seconds from now."""
        self._moment = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._is_closed = self._is_cut_off = False
        # The call under way.
        self._operation = ""
        # The connection in use, under a descriptor of its own: TLS takes the other over before it is set up.
        self._connection: socket.socket | None = None
        self._at_end: list[Callable[[], None]] = []
        # The operation of the last write, while it is open whether it took effect.
        self.unanswered = ""
        # The one that an earlier invocation has left open, and the same once another write begins: what came
        # of the earlier one was described, or the description was older than it.
        self.left_open = self.reopened = ""
        # Whether a request of that write got no answer that says so, and whether another was done.
        self._is_lost = self._is_done = False

    def seconds_left(self) -> float:
        """Seconds until then, negative afterwards."""
        return self._moment - time.monotonic()

    def allows(self, seconds: float) -> bool:
        """Whether so many seconds are left, and the gate is open."""
        return not self._is_closed and self.seconds_left() >= seconds

    def begin_call(self, operation: str, seconds: float) -> None:
        """Note that a call begins, which may need so many seconds.

        Raises:
            OutOfTime: it must not.
        """
        with self._lock:
            if not self._is_cut_off:
                # The caller has taken note of the answer to the write before, if there was one.
                if self._is_done or operation in WRITES:
                    self.unanswered = ""
                self._operation, self._is_lost, self._is_done = operation, False, False
                if operation in WRITES:
                    self.reopened = self.left_open
            self._require(seconds)

    def begin_connection(self, connected: socket.socket) -> None:
        """Note a connection on which a tunnel, TLS and the call's requests follow.

        Raises:
            OutOfTime: nothing may follow any more.
        """
        with self._lock:
            if self._is_cut_off:
                raise errors.OutOfTime()
            # `dup` of a socket with TLS raises an error.
            duplicate = socket.fromfd(connected.fileno(), connected.family, connected.type)
            before, self._connection = self._connection, duplicate
        if before is not None:
            before.close()

    def begin_request(self, seconds: float) -> None:
        """Let a request of the call out; its answer may take so many seconds.

        Raises:
            OutOfTime: it must not go out.
        """
        with self._lock:
            self._require(seconds)
            if self._operation in WRITES:
                self.unanswered = self._operation

    def end_request(self, is_done: bool | None) -> None:
        """Note whether the service has done what the request asks; None when no answer says so."""
        with self._lock:
            if self._is_cut_off:
                return  # what was known then is reported
            if self._operation not in WRITES:
                # A description shows what came of the write before.
                if is_done and self._operation == _DESCRIBE:
                    self.unanswered = ""
            elif self.unanswered:
                self._is_lost = self._is_lost or is_done is None
                self._is_done = is_done is True
                if is_done is False and not self._is_lost:
                    self.unanswered = ""

    @property
    def is_writing(self) -> bool:
        """Whether the call under way changes something in SageMaker."""
        return self._operation in WRITES

    def at_end(self, act: Callable[[], None]) -> None:
        """Have something done when the last answer was read before the gate was closed."""
        self._at_end.append(act)

    def end(self) -> None:
        """Note that the last call is over, and let go of its connection."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            connection, self._connection = self._connection, None
            acts, self._at_end = self._at_end, []
            for act in acts:
                act()
        if connection is not None:
            connection.close()

    def close(self) -> None:
        """Let nothing out any more; the answer to a request under way still counts."""
        with self._lock:
            self._is_closed = True

    def cut_off(self) -> None:
        """Let nothing out any more, not the rest of a request either, and leave what is known as it is.

        The connection ends, so that a thread which waits for anything on it goes on, fails and closes it.
        """
        with self._lock:
            self._is_closed = self._is_cut_off = True
            connection, self._connection = self._connection, None
            self._at_end.clear()
        if connection is not None:
            with connection, suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _require(self, seconds: float) -> None:
        if not self.allows(seconds):
            raise errors.OutOfTime()
