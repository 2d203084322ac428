"""The local server of HTTP, and its handler of JSON requests.

Standard library only: the CloudFormation engine's own Python environment imports this file, too.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
from collections.abc import Mapping
from http.server import ThreadingHTTPServer
from typing import Any, Self

from sandbox.shared.credentials import Access, IssuedKey
from sandbox.shared.guard import Guard
from sandbox.shared.guarded_handler import GuardedHandler
from sandbox.shared.http_request import ask_issued_key
from sandbox.shared.processes import Ending, announce, when_parent_is_gone

HOST = "127.0.0.1"
# Connections that wait to be accepted, for every server: with the standard library's 5, those of a busy
# moment are lost.
BACKLOG = 1024
STOP_POLL_SECONDS = 0.05  # how often a server checks whether it is to stop; requests are not slowed by it


class LocalServer(ThreadingHTTPServer):
    """A server on a port of 127.0.0.1, with a thread for each connection; serves inside its `with` block.

    It answers what its guard admits; without one of its own, the handler's.

    Raises:
        OSError: the port is in use (port 0 is any free one).
    """

    daemon_threads = True
    request_queue_size = BACKLOG

    def __init__(self, handler: type[GuardedHandler], port: int = 0, guard: Guard | None = None) -> None:
        guarded = {"guard": guard or handler.guard}
        super().__init__((HOST, port), type(handler.__name__, (handler,), guarded))
        self._thread = threading.Thread(
            target=self.serve_forever, args=[STOP_POLL_SECONDS], name=type(self).__name__, daemon=True
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Serve, in a thread."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and close the port, after `start`; a second time does nothing."""
        self.shutdown()
        self._thread.join()
        self.server_close()

    @property
    def endpoint(self) -> str:
        """The URL, without a slash at its end."""
        return f"http://{HOST}:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print what broke a handler; a connection that the client has broken is no error of the server's."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class JsonHandler(GuardedHandler):
    """Answers the requests of one connection with JSON; a subclass has `get`, `post` and `delete` methods."""

    protocol_version = "HTTP/1.1"  # clients keep their connections
    wbufsize = -1  # head and body go in one write; in two, Nagle's algorithm would delay the second
    content_type = "application/json"

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        """Answer a request with the method for its HTTP method, with an error if there is none."""
        answer = getattr(self, self.command.lower(), None)
        if answer is None:
            self.send_error(http.client.NOT_IMPLEMENTED)
        else:
            answer()

    do_POST = do_DELETE = do_GET

    def answer(self, status: int, content: Any = b"", headers: Mapping[str, str] | None = None) -> None:
        """Send an answer: bytes as they are, anything else as JSON; `headers` replace the usual ones."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        usual = {"Content-Type": self.content_type, "Content-Length": str(len(body))}
        if status == http.client.NO_CONTENT:  # which must have neither
            usual = {}
        for name, value in {**usual, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Write no access log."""


def serve_child(server: LocalServer, *, exit_with_stdin: bool, **ready: Any) -> None:
    """In a child: serve until SIGTERM, Ctrl-C or, if so chosen, the end of stdin; `ready` is announced."""
    ending = Ending()
    if exit_with_stdin:
        when_parent_is_gone(ending.order)
    with server:
        announce(endpoint=server.endpoint, **ready)
        ending.wait()


def issued_guard(access: Access) -> Guard:
    """In a child: return a guard that also admits the credentials that STS and IAM have given out."""

    def key_of(access_key: str) -> IssuedKey | None:
        return ask_issued_key(access.issuer, access_key, access.credentials) if access.issuer else None

    return Guard(access, key_of=key_of)
