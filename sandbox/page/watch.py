"""One look at the source for everybody who watches, and none while nobody does."""

from __future__ import annotations

import json
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Self

# A change is seen as soon as it would be seen as sudden. A look that takes long makes the next one wait
# longer, so that looking never costs more than a fifth of one processor.
LOOK_SECONDS = 0.2
REST_FACTOR = 4
# How often a follower hears that nothing has changed, and how soon one that has gone away is noticed.
BEAT_SECONDS = 5.0
GONE_SECONDS = 1.0
STOP_SECONDS = 2.0

Parts = dict[str, str]


class Watch:
    """Follows a source for any number of followers.

    `look` returns the parts of what is to be known, by name, and never raises. Followers get the JSON texts
    of the parts that have changed since they last got any.
    """

    def __init__(self, look: Callable[[], dict[str, Any]]) -> None:
        self._look = look
        self._news = threading.Condition()
        self._followers: set[socket.socket] = set()
        self._parts: dict[str, tuple[int, str]] = {}
        self._seen: dict[str, Any] = {}
        self._version = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._keep_looking, daemon=True, name="page-watch")

    def start(self) -> Self:
        """Look from now on, while there is a follower."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End every follower; whoever does not take what it is sent is cut off."""
        self._stopped.set()
        with self._news:
            self._news.notify_all()
            if not self._news.wait_for(lambda: not self._followers, STOP_SECONDS):
                for connection in self._followers:
                    with suppress(OSError):  # it has gone away by itself
                        connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(STOP_SECONDS)

    def follow(self, connection: socket.socket) -> Iterator[Parts]:
        """Yield all parts, then those that change; {} is a sign of life.

        Ends when the watch is stopped or the connection's other side has gone away.
        """
        had = 0
        with self._news:
            self._followers.add(connection)
            self._news.notify_all()
        try:
            beat = time.monotonic() + BEAT_SECONDS
            while not self._stopped.is_set() and not hung_up(connection):
                parts, had = self._newer(had)
                if parts or time.monotonic() >= beat:
                    yield parts
                    beat = time.monotonic() + BEAT_SECONDS
        finally:
            with self._news:
                self._followers.discard(connection)
                if not self._followers:
                    self._parts.clear()  # the next one wants what is, not what was
                    self._seen.clear()
                self._news.notify_all()

    def _newer(self, had: int) -> tuple[Parts, int]:
        """Return the parts that are newer than a version, and the version there is now."""
        with self._news:
            self._news.wait_for(lambda: self._version > had or self._stopped.is_set(), GONE_SECONDS)
            parts = {name: text for name, (version, text) in self._parts.items() if version > had}
            return parts, self._version

    def _keep_looking(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: bool(self._followers) or self._stopped.is_set())
            if self._stopped.is_set():
                return
            started = time.monotonic()
            self._note(self._look())
            took = time.monotonic() - started
            self._stopped.wait(max(LOOK_SECONDS, REST_FACTOR * took))

    def _note(self, parts: dict[str, Any]) -> None:
        changed = {
            name: json.dumps(value)
            for name, value in parts.items()
            if name not in self._seen or self._seen[name] != value
        }
        if not changed:
            return
        with self._news:
            # Of what has changed alone: if the last follower has left meanwhile, all else is news again.
            self._seen |= {name: parts[name] for name in changed}
            self._version += 1
            self._parts |= {name: (self._version, text) for name, text in changed.items()}
            self._news.notify_all()


def hung_up(connection: socket.socket) -> bool:
    """Tell whether the other side of a connection has gone away; it is expected to send nothing more."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        if not selector.select(0):
            return False
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except ConnectionError:
        return True
