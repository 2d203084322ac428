"""The page's server: the page itself, the state as JSON, and a stream of its changes. On 127.0.0.1 only."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Self

from flask import Flask, Response, abort, request
from jinja2 import Environment, FileSystemLoader, Template
from werkzeug.serving import WSGIRequestHandler, make_server

from sandbox.shared.processes import SandboxError

from . import view
from .watch import Watch

LOG = logging.getLogger("sandbox.page")

Json = dict[str, Any]
Source = Callable[[], Json]

HOST = "127.0.0.1"
# A name of somebody's own that resolves to this machine (DNS rebinding) must not open the page.
NAMES = ["127.0.0.1", "localhost"]
STOP_CHECK_SECONDS = 0.05
# After which a client that does not take what it is sent is given up.
_STUCK_SECONDS = 30.0

_FOLDER = Path(__file__).parent
_FILES = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
_HEADERS = {
    # Ours alone: no inline code, nothing from elsewhere, no page that frames this one, and no way to make
    # markup of a text (trusted types).
    "Content-Security-Policy": "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PageServer:
    """Serves the page about what `source` returns, which is what `sandbox.page.snapshot.snapshot` returns.

    `/` is the page, `/api/state` what the source returns now, `/api/stream` what the page shows: as
    server-sent events, first all of it, then the parts that change. The source is called from any thread, and
    returns something new each time.
    """

    def __init__(self, source: Source, port: int = 0) -> None:
        self._source = source
        self._port = port
        self._watch: Watch | None = None
        self._server: Any = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Serve from now on; returns once connections are accepted, raises `SandboxError` if none can be."""
        with _listener(self._port) as listener:
            # By its descriptor, which the server duplicates: by its number, the server would end the process
            # when the port is in use.
            watch = Watch(_Look(self._source))
            server = make_server(
                HOST,
                listener.getsockname()[1],
                _application(self._source, watch),
                threaded=True,
                request_handler=_Requests,
                fd=listener.fileno(),
            )
        self._watch, self._server = watch.start(), server
        self._thread = threading.Thread(
            target=server.serve_forever, args=[STOP_CHECK_SECONDS], daemon=True, name="page"
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """End all streams and stop serving; a second time does nothing."""
        if self._server is not None and self._watch is not None and self._thread is not None:
            self._server.shutdown()  # before the streams end: a page that connects again must not succeed
            self._thread.join()
            self._server.server_close()
            self._watch.stop()
            self._watch = self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def endpoint(self) -> str:
        """The URL of the page, without a slash at its end."""
        if self._server is None:
            raise RuntimeError("the page is not being served")
        return f"http://{HOST}:{self._server.port}"


class _Look:
    """What the page shows now, in parts; a source that fails is a part of it, told in the log once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._state: Json = {}
        self._shown: Json = {}
        self._problem = ""

    def __call__(self) -> Json:
        try:
            state = self._source()
            if state != self._state or not self._shown:
                self._state, self._shown = state, view.view(state)
        except Exception as failure:
            problem = describe(failure)
            if problem != self._problem:
                LOG.exception("the page has nothing to show")
            self._problem = problem
        else:
            self._problem = ""
        return {**self._shown, "problem": self._problem}


def describe(failure: Exception) -> str:
    """Return in one line why the source had nothing to say."""
    said = str(failure)
    return f"{type(failure).__name__}: {said}" if said else type(failure).__name__


def _application(source: Source, watch: Watch) -> Flask:
    app = Flask(__name__, static_folder=None)
    app.config["TRUSTED_HOSTS"] = NAMES

    def refuse_other_sites() -> None:
        # A link to the page may be anywhere; what it reads is for the page alone.
        elsewhere = request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none")
        if elsewhere and request.path != "/":
            abort(403)

    def protect(response: Response) -> Response:
        response.headers.update(_HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def page() -> tuple[bytes, int]:
        try:
            shown, status = {**view.view(source()), "problem": ""}, 200
        except Exception as failure:
            LOG.exception("the page has nothing to show")
            shown, status = view.unavailable(describe(failure)), 503
        # Half of a surrogate pair may be in a name; it is no UTF-8.
        return _template().render(shown).encode(errors="replace"), status

    def state() -> Response:
        try:
            body, status = json.dumps(source()), 200
        except Exception as failure:
            LOG.exception("there is no state")
            body, status = json.dumps({"message": describe(failure)}), 503
        return Response(body, status, mimetype="application/json")

    def stream() -> Response:
        connection = request.environ["werkzeug.socket"]
        return Response(_events(watch, connection), mimetype="text/event-stream")

    app.before_request(refuse_other_sites)
    app.after_request(protect)
    routes = {"/": page, "/static/<name>": _static, "/api/state": state, "/api/stream": stream}
    for path, answer in routes.items():
        app.add_url_rule(path, view_func=answer)
    return app


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["utc"] = view.utc
    environment.globals.update(
        EXAMPLE=view.EXAMPLE,
        PACKAGES_SHOWN=view.PACKAGES_SHOWN,
        GROUPS_SHOWN=view.GROUPS_SHOWN,
        OPERATIONS_SHOWN=view.OPERATIONS_SHOWN,
    )
    return environment.get_template("page.html")


def _static(name: str) -> Response:
    """Return one of the page's files; a browser keeps it, and asks whether it is still the same."""
    if name not in _FILES:
        abort(404)
    response = Response((_FOLDER / "static" / name).read_bytes(), mimetype=_FILES[name])
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    return response.make_conditional(request)


def _events(watch: Watch, connection: socket.socket) -> Iterator[str]:
    """Return server-sent events: an unnamed one for each change, `beat` as a sign of life."""
    for parts in watch.follow(connection):
        if parts:
            members = ", ".join(f"{json.dumps(name)}: {text}" for name, text in parts.items())
            yield f"data: {{{members}}}\n\n"
        else:
            yield "event: beat\ndata:\n\n"


def _listener(port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen()
    except (OSError, OverflowError) as problem:
        listener.close()
        reason = getattr(problem, "strerror", None) or str(problem)
        raise SandboxError(
            f"The page cannot be served on port {port} of {HOST}: {reason}. "
            "Stop what uses that port, choose another one, or choose 0 for any free one."
        ) from problem
    return listener


class _Requests(WSGIRequestHandler):  # type: ignore[misc] # werkzeug is not typed for us
    timeout = _STUCK_SECONDS

    def log(self, _type: str, message: str, *args: Any) -> None:
        """Keep the access log out of the way."""
        LOG.debug(message, *args)
