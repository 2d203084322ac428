"""The page's server: the page itself, the state as JSON, and a stream of its changes."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from flask import Flask, Response, abort, redirect, request
from jinja2 import Environment, FileSystemLoader, Template

from sandbox.shared.credentials import Access
from sandbox.shared.wsgi_server import WsgiServer

from . import view
from .guard import TOKEN, PageGuard
from .updates import Updates

LOG = logging.getLogger("sandbox.page")

Json = dict[str, Any]
Source = Callable[[], Json]

MAX_BODY_BYTES = 65_536  # nothing is sent to it
# After which a client that does not take what it is sent is given up.
STUCK_SECONDS = 30.0

_FOLDER = Path(__file__).parent
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FILES = {path.name: _MEDIA_TYPES[path.suffix] for path in (_FOLDER / "static").iterdir()}
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


class PageServer(WsgiServer):
    """Serves the page about what `source` returns, which is what `sandbox.page.snapshot.snapshot` returns.

    `/` is the page, `/api/state` the source's content, `/api/stream` what the page shows: as server-sent
    events, first all of it, then the parts that change. The source is called from any thread, and returns
    something new each time.
    """

    name = "page"
    bounds: ClassVar = {"timeout": STUCK_SECONDS, "max_body_bytes": MAX_BODY_BYTES}

    def __init__(self, source: Source, port: int = 0, access: Access | None = None) -> None:
        self._page_guard = PageGuard(access)
        super().__init__(port, self._page_guard)
        self._source = source
        self._updates: Updates | None = None

    def make_application(self) -> Flask:
        """Return the page's application, beside the thread that polls the source for its streams."""
        self._updates = Updates(_PageContent(self._source)).start()
        return _application(self._source, self._updates, self._page_guard)

    def stop(self) -> None:
        """End all streams and stop serving; a second time does nothing."""
        super().stop()  # before the streams end: a page that connects again must not succeed
        if self._updates is not None:
            self._updates.stop()
            self._updates = None


class _PageContent:
    """Returns the parts of the page; a source that fails is one of them, and is logged once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._state: Json = {}
        self._content: Json = {}
        self._problem = ""

    def __call__(self) -> Json:
        try:
            state = self._source()
            if state != self._state or not self._content:
                self._state, self._content = state, view.view(state)
        except Exception as failure:
            problem = describe(failure)
            if problem != self._problem:
                LOG.exception("the page has nothing to show")
            self._problem = problem
        else:
            self._problem = ""
        return {**self._content, "problem": self._problem}


def describe(failure: Exception) -> str:
    """Return in one line why the source failed."""
    text = str(failure)
    return f"{type(failure).__name__}: {text}" if text else type(failure).__name__


def _application(source: Source, updates: Updates, guard: PageGuard) -> Flask:
    app = Flask(__name__, static_folder=None)

    def protect(response: Response) -> Response:
        response.headers.update(_HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def page() -> Response | tuple[bytes, int]:
        if TOKEN in request.args:  # from here on it is in a cookie, and not in what a browser shows
            return guard.keep_token(redirect("/"), request.environ["SERVER_PORT"])
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
        return Response(_events(updates, connection), mimetype="text/event-stream")

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
    """Return one of the page's files; a browser keeps it, and checks whether it is still the same."""
    if name not in _FILES:
        abort(404)
    response = Response((_FOLDER / "static" / name).read_bytes(), mimetype=_FILES[name])
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    return response.make_conditional(request)


def _events(updates: Updates, connection: socket.socket) -> Iterator[str]:
    """Return server-sent events: an unnamed one for each change, `beat` as a sign of life."""
    for parts in updates.follow(connection):
        if parts:
            members = ", ".join(f"{json.dumps(name)}: {text}" for name, text in parts.items())
            yield f"data: {{{members}}}\n\n"
        else:
            yield "event: beat\ndata:\n\n"
