"""Polls a source once for all followers, and not at all while there are none."""

from __future__ import annotations

import json
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Self

# Short enough for a change to seem immediate. After a poll that takes long the next one waits longer, so that
# polling never costs more than a fifth of one processor.
POLL_SECONDS = 0.2
REST_FACTOR = 4
# How often a follower gets a sign of life, and how soon one that has gone away is noticed.
BEAT_SECONDS = 5.0
GONE_SECONDS = 1.0
STOP_SECONDS = 2.0

Parts = dict[str, str]


class Updates:
    """Polls a source for any number of followers.

    `poll` returns the source's parts by name, and never raises. Followers get the JSON texts of the parts
    that have changed since they last got any.
    """

    def __init__(self, poll: Callable[[], dict[str, Any]]) -> None:
        self._poll = poll
        self._changed = threading.Condition()
        self._followers: set[socket.socket] = set()
        self._parts: dict[str, tuple[int, str]] = {}
        self._previous: dict[str, Any] = {}
        self._version = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._keep_polling, daemon=True, name="page-updates")

    def start(self) -> Self:
        """Start the thread, which polls while there is a follower."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End every follower; one that does not take what it is sent is cut off."""
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: not self._followers, STOP_SECONDS):
                for connection in self._followers:
                    with suppress(OSError):  # it has gone away by itself
                        connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(STOP_SECONDS)

    def follow(self, connection: socket.socket) -> Iterator[Parts]:
        """Yield all parts, then those that change; {} is a sign of life.

        Ends when `stop` is called or the connection's other side has gone away.
        """
        sent = 0
        with self._changed:
            self._followers.add(connection)
            self._changed.notify_all()
        try:
            beat = time.monotonic() + BEAT_SECONDS
            while not self._stopped.is_set() and not hung_up(connection):
                parts, sent = self._newer(sent)
                if parts or time.monotonic() >= beat:
                    yield parts
                    beat = time.monotonic() + BEAT_SECONDS
        finally:
            with self._changed:
                self._followers.discard(connection)
                if not self._followers:
                    self._parts.clear()  # the next follower gets the state of its own time
                    self._previous.clear()
                self._changed.notify_all()

    def _newer(self, sent: int) -> tuple[Parts, int]:
        """Return the parts that are newer than a version, and the latest version."""
        with self._changed:
            self._changed.wait_for(lambda: self._version > sent or self._stopped.is_set(), GONE_SECONDS)
            parts = {name: text for name, (version, text) in self._parts.items() if version > sent}
            return parts, self._version

    def _keep_polling(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._followers) or self._stopped.is_set())
            if self._stopped.is_set():
                return
            started = time.monotonic()
            self._note(self._poll())
            took = time.monotonic() - started
            self._stopped.wait(max(POLL_SECONDS, REST_FACTOR * took))

    def _note(self, parts: dict[str, Any]) -> None:
        changed = {
            name: json.dumps(value)
            for name, value in parts.items()
            if name not in self._previous or self._previous[name] != value
        }
        if not changed:
            return
        with self._changed:
            # Only what has changed: if the last follower has left meanwhile, the rest has changed again.
            self._previous |= {name: parts[name] for name in changed}
            self._version += 1
            self._parts |= {name: (self._version, text) for name, text in changed.items()}
            self._changed.notify_all()


def hung_up(connection: socket.socket) -> bool:
    """Return whether the other side of a connection, which sends nothing more, has gone away."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        if not selector.select(0):
            return False
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except ConnectionError:
        return True
