"""The connections of a client: each asks before a request, and an idle one serves the next invocation.

What outlives an invocation is a trust store and sockets, both without anything of the caller: a request is
signed by itself, whatever connection it takes. A call that finds its kept socket closed is made again at once
on a new one. So it is used by calls that read, and by those that send logs and metrics, which botocore
repeats as well. It is not used

- by a write to SageMaker, unless a read before it was answered: whether the other side closed before or after
  it had done what a request asks is unknown to this one, so it takes no connection that may be dead;
- through a proxy, which may ask for credentials by connection, and which drops idle tunnels without a word;
- after MAX_IDLE_SECONDS, by whichever clock says so, because that of a frozen process may stand still;
- when the trust store's file is another one, in another process, and in another environment (see `client`).

Between a connection, which may take longer than its timeout (that is for one address and for one read), and
the request the deadline is asked once more.
"""

from __future__ import annotations

import atexit
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from http.client import RemoteDisconnected
from typing import Any, NamedTuple

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.httpsession import URLLib3Session, create_urllib3_context
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError, ProtocolError, SSLError
from urllib3.util.ssl_ import ALPN_PROTOCOLS
from urllib3.util.wait import wait_for_read

from .deadline import Deadline
from .timing import MAX_IDLE_SECONDS

# Every private name of botocore and urllib3 that is used or overridden here, with the class of its value. A
# test compares them.
PRIVATE_NAMES = {
    "httpsession.URLLib3Session._get_ssl_context": "builtins.function",
    "httpsession.URLLib3Session._manager": "urllib3.poolmanager.PoolManager",
    "httpsession.URLLib3Session._max_pool_connections": "builtins.int",
    "httpsession.URLLib3Session._pool_classes_by_scheme": "builtins.dict",
    "httpsession.URLLib3Session._proxy_config": "botocore.httpsession.ProxyConfiguration",
    "httpsession.ProxyConfiguration._proxies": "builtins.dict",
    "httpsession.URLLib3Session._socket_options": "builtins.list",
    "httpsession.URLLib3Session._verify": "builtins.bool",
    "endpoint.Endpoint._response_parser_factory": "botocore.parsers.ResponseParserFactory",
    "hooks.HierarchicalEmitter._verify_accept_kwargs": "builtins.function",
    "connection.HTTPConnection._new_conn": "builtins.function",
}

# An invocation has three: to SageMaker, to the logs, to the metrics. A Lambda has one invocation at a time.
_MAX_KEPT = 6


def _leave(_protocols: Iterable[str]) -> None:
    """Leave what is set."""


class _TrustStores:
    """Trust stores by their files, each loaded once: that takes longer than all else of an invocation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: dict[str, tuple[Hashable, ssl.SSLContext]] = {}

    def context(self, path: str) -> ssl.SSLContext:
        """A context that trusts the certificates in a file, as botocore and urllib3 make one of them.

        Raises:
            OSError: There are none in it, or it cannot be read.
        """
        with self._lock:
            file = os.stat(path)
            version = (file.st_dev, file.st_ino, file.st_size, file.st_mtime_ns, file.st_ctime_ns)
            known = self._loaded.get(path)
            if known and known[0] == version:
                return known[1]
            context: ssl.SSLContext = create_urllib3_context()
            context.load_verify_locations(path)
            # Urllib3 sets these for each connection, while OpenSSL, without a lock, may be copying them for
            # another thread's.
            context.set_alpn_protocols(ALPN_PROTOCOLS)
            context.set_alpn_protocols = _leave  # type: ignore[assignment, method-assign]
            self._loaded[path] = version, context
            return context

    def forget(self) -> None:
        """Forget them all."""
        with self._lock:
            self._loaded.clear()


class _Idle(NamedTuple):
    """A connected socket that no invocation uses, what it is connected to, and since when by two clocks."""

    peer: Hashable
    socket: socket.socket
    since: float
    since_by_date: float

    @property
    def is_usable(self) -> bool:
        """Whether it is neither too old nor closed."""
        seconds = max(time.monotonic() - self.since, abs(time.time() - self.since_by_date))
        # What can be read of an idle connection is its end, or the answer to no request of the next user; TLS
        # may have read it already.
        pending_bytes = self.socket.pending() if isinstance(self.socket, ssl.SSLSocket) else 0
        return seconds <= MAX_IDLE_SECONDS and not (pending_bytes or wait_for_read(self.socket, timeout=0))


def _close(closing: Iterable[_Idle]) -> None:
    for each in closing:
        # Whatever comes of it, it is no fault of the invocation that has no more use for the socket.
        with suppress(OSError):
            each.socket.close()


class _IdleSockets:
    """The idle sockets of a process, the oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[_Idle] = []

    def keep(self, peer: Hashable, connected: socket.socket) -> None:
        """Keep a socket, and close the oldest where that is one too many."""
        with self._lock:
            self._sockets.append(_Idle(peer, connected, time.monotonic(), time.time()))
            closing = self._sockets[:-_MAX_KEPT]
            del self._sockets[:-_MAX_KEPT]
        _close(closing)

    def take(self, peer: Hashable) -> socket.socket | None:
        """A socket that is connected to this peer, for one user; None if no usable one is kept."""
        while True:
            with self._lock:
                idle = next((each for each in reversed(self._sockets) if each.peer == peer), None)
                if idle is None:
                    return None
                self._sockets.remove(idle)
            if idle.is_usable:
                return idle.socket
            _close([idle])

    def forget(self) -> None:
        """Close them all."""
        with self._lock:
            closing, self._sockets = self._sockets, []
        _close(closing)


_TRUST_STORES = _TrustStores()
_IDLE_SOCKETS = _IdleSockets()
atexit.register(_IDLE_SOCKETS.forget)


def forget() -> None:
    """Forget trust stores and sockets: in another environment they may be the wrong ones."""
    _TRUST_STORES.forget()
    _IDLE_SOCKETS.forget()


class _Gate:
    """What all connections of a client ask: whether a request may go out, and on which socket."""

    def __init__(self, deadline: Deadline, answer_seconds: float) -> None:
        self._deadline, self._answer_seconds = deadline, answer_seconds
        self._takes_kept = True
        # The socket in use was kept, and nothing has come from it since.
        self.is_unproven = False

    def watch(self, connected: socket.socket) -> None:
        """Have the deadline end a connection; closes it and raises OutOfTime when that has passed."""
        try:
            self._deadline.begin_connection(connected)
        except BaseException:
            connected.close()
            raise

    def open(self) -> None:
        """Let a request out, or raise OutOfTime."""
        self._deadline.begin_request(self._answer_seconds)

    def take(self, peer: Hashable) -> socket.socket | None:
        """A kept socket for the call under way; None where it needs a new one."""
        is_kept_good_enough = self._takes_kept and not self._deadline.is_writing
        kept = _IDLE_SOCKETS.take(peer) if is_kept_good_enough else None
        self.is_unproven = kept is not None
        return kept

    def give_up(self) -> None:
        """Take no further kept socket, and leave none to other invocations: one of them was dead."""
        self.is_unproven = self._takes_kept = False
        _IDLE_SOCKETS.forget()


class _Asking:
    """A connection that asks before each request, once it is connected; a tunnel's CONNECT is no request."""

    def __init__(self, gate: _Gate, **settings: Any) -> None:
        super().__init__(**settings)
        self._gate = gate

    @property
    def peer(self) -> Hashable:
        """What a kept socket has to be connected to, to be as good as a new one."""
        connection: Any = self
        trust_store = getattr(self, "ssl_context", None)
        return os.getpid(), connection.host, connection.port, trust_store

    def connect(self) -> None:
        """Connect, unless a kept socket is."""
        connection: Any = self
        kept = None if connection.proxy else self._gate.take(self.peer)
        if kept is None:
            super().connect()  # type: ignore[misc] # of the class it is mixed into
            return
        self._gate.watch(kept)
        kept.settimeout(connection.timeout)
        connection.sock = kept
        # It was, when it was new.
        connection.is_verified = isinstance(self, AWSHTTPSConnection)

    def _new_conn(self) -> socket.socket:
        connected: socket.socket = super()._new_conn()  # type: ignore[misc] # of the class it is mixed into
        self._gate.watch(connected)
        return connected

    def endheaders(self, *arguments: Any, **settings: Any) -> None:
        """Send the request's head, and a body that goes with it; the rest of the body follows."""
        connection: Any = self
        # Without TLS the first bytes would connect, after the question.
        if connection.sock is None:
            connection.connect()
        self._gate.open()
        super().endheaders(*arguments, **settings)  # type: ignore[misc] # of the class it is mixed into

    def getresponse(self) -> Any:
        """The answer's head; the socket it comes from is no longer one that may be dead."""
        response = super().getresponse()  # type: ignore[misc] # of the class it is mixed into
        # Some servers say so of an idle connection before they close it, and know of no request:
        # https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9
        if self._gate.is_unproven and response.status == HTTPStatus.REQUEST_TIMEOUT:
            raise RemoteDisconnected("the connection was idle for too long")
        self._gate.is_unproven = False
        return response


class _HTTPConnection(_Asking, AWSHTTPConnection):  # type: ignore[misc] # in the stubs its bases differ
    pass


class _HTTPSConnection(_Asking, AWSHTTPSConnection):  # type: ignore[misc] # in the stubs its bases differ
    def connect(self) -> None:
        connection: Any = self
        # A proxy with TLS is verified before that, with a store that urllib3 loads.
        if connection.ca_certs and not (connection.proxy and connection.proxy.scheme == "https"):
            # Of a file that is none urllib3 says so, as for any client.
            with suppress(OSError):
                connection.ssl_context = _TRUST_STORES.context(connection.ca_certs)
                connection.ca_certs = None
        if connection.ssl_context is None:
            connection.ssl_context = create_urllib3_context()
        super().connect()


class _Repeating:
    """A pool of connections, in which a request that finds its kept socket dead is sent on a new one."""

    def __init__(self, connection_class: Any, gate: _Gate, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._gate = gate
        self.ConnectionCls: Any = partial(connection_class, gate)

    def urlopen(self, *arguments: Any, **settings: Any) -> Any:
        """Send a request and return the answer's head."""
        send = partial(super().urlopen, *arguments, **settings)  # type: ignore[misc] # of the class it is mixed into
        try:
            return send()
        except HTTPError as error:
            is_dead = self._gate.is_unproven
            if is_dead:
                self._gate.give_up()
            # After a timeout there may be no time for another one: that is for the call's attempts.
            if not (is_dead and isinstance(error, ProtocolError | SSLError)):
                raise
        return send()


class _HTTPPool(_Repeating, AWSHTTPConnectionPool):
    pass


class _HTTPSPool(_Repeating, AWSHTTPSConnectionPool):
    pass


class Session(URLLib3Session):
    """The HTTP session of one client, each of whose requests passes the deadline's gate.

    It passes if there is time for an answer; otherwise the call raises OutOfTime.
    """

    _pool_classes_by_scheme: dict[str, Callable[..., Any]]
    _manager: PoolManager

    def __init__(self, stock: Any, deadline: Deadline, timeout: tuple[float, float]) -> None:
        """Have the settings of a stock session, and these timeouts for a connection and for a read of it."""
        # Before the base is set up, which asks for a context.
        self._is_proxied = bool(stock._proxy_config._proxies)
        settings: dict[str, Any] = {"timeout": timeout}  # which the stubs take for a whole number
        super().__init__(
            verify=stock._verify,
            proxies=stock._proxy_config._proxies,
            max_pool_connections=stock._max_pool_connections,
            socket_options=stock._socket_options,
            proxies_config=stock._proxy_config.settings,
            **settings,
        )
        gate = _Gate(deadline, timeout[1])
        self._pool_classes_by_scheme.update(
            http=partial(_HTTPPool, _HTTPConnection, gate), https=partial(_HTTPSPool, _HTTPSConnection, gate)
        )
        deadline.at_end(self._end)

    def _get_ssl_context(self) -> ssl.SSLContext | None:
        # A connection has the one with the trust store when it connects; that of a proxy is set up further.
        return create_urllib3_context() if self._is_proxied else None

    def _end(self) -> None:
        """Keep the sockets of connections that wait for nothing, those that are back in their pools."""
        for key in self._manager.pools.keys():  # noqa: SIM118 - it cannot be iterated over
            pool: Any = self._manager.pools[key]
            for connection in pool.pool.queue:
                if connection is not None and connection.sock is not None:
                    connected, connection.sock = connection.sock, None
                    _IDLE_SOCKETS.keep(connection.peer, connected)
        self.close()
