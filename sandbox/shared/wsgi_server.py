"""The local server of WSGI applications: the page's, and SageMaker's with moto behind it."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import Any, ClassVar, Self
from wsgiref.types import StartResponse, WSGIEnvironment

from sandbox.shared.guard import Guard
from sandbox.shared.guarded_handler import GuardedHandler
from sandbox.shared.http import BACKLOG, HOST, STOP_POLL_SECONDS
from sandbox.shared.processes import SandboxError

LOG = logging.getLogger("sandbox.wsgi")

Application = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]


class _GuardedRequests(GuardedHandler):
    """Hands the body, which has been read, to the application."""

    def make_environ(self) -> WSGIEnvironment:
        """Return the environment of a request."""
        environ: WSGIEnvironment = super().make_environ()  # type: ignore[misc] # werkzeug's
        environ["wsgi.input"] = BytesIO(self.body())
        if environ.pop("HTTP_TRANSFER_ENCODING", None):
            environ["CONTENT_LENGTH"] = str(len(self.body()))
        return environ


class WsgiServer:
    """Serves an application on a port of 127.0.0.1, with a thread for each connection.

    It answers what its guard admits. A subclass makes the application, and may choose the class that handles
    requests, and its bounds.
    """

    name: str
    bounds: ClassVar[Mapping[str, Any]] = {}
    """Attributes of the handler of requests, by their names."""

    def __init__(self, port: int = 0, guard: Guard | None = None) -> None:
        self._port = port
        self._guard = guard or Guard()
        self._server: Any = None
        self._thread: threading.Thread | None = None

    def make_application(self) -> Application:
        """Return the application; called whenever the server is started.

        Raises:
            NotImplementedError: the subclass has to make one.
        """
        raise NotImplementedError

    def request_handler(self) -> Any:
        """Return werkzeug's class for requests, or one made of it."""
        from werkzeug.serving import WSGIRequestHandler

        return WSGIRequestHandler

    def start(self) -> Self:
        """Serve; return once connections are accepted.

        Raises:
            SandboxError: the port cannot be had.
        """
        from werkzeug.serving import make_server

        with _listen(self.name, self._port) as listener:
            # By its descriptor, which the server duplicates: given a number that is in use, werkzeug would
            # end the process.
            self._server = make_server(
                HOST,
                listener.getsockname()[1],
                self.make_application(),
                threaded=True,
                request_handler=type(
                    "Requests",
                    (_GuardedRequests, self.request_handler()),
                    {"log": _log, "guard": self._guard, **self.bounds},
                ),
                fd=listener.fileno(),
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=[STOP_POLL_SECONDS], daemon=True, name=self.name
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving; a second time does nothing."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def endpoint(self) -> str:
        """The URL, without a slash at its end.

        Raises:
            RuntimeError: the server is not running.
        """
        if self._server is None:
            raise RuntimeError(f"the {self.name} server is not running")
        return f"http://{HOST}:{self._server.port}"


def _log(_handler: object, _kind: str, message: str, *args: Any) -> None:
    """Keep the access log out of the way."""
    LOG.debug(message, *args)


def _listen(name: str, port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as problem:
        listener.close()
        reason = getattr(problem, "strerror", None) or str(problem)
        raise SandboxError(
            f"The {name} cannot be served on port {port} of {HOST}: {reason}. "
            "Stop what uses that port, choose another one, or choose 0 for any free one."
        ) from problem
    return listener
