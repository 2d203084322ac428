"""The page's application: what each address answers."""

from __future__ import annotations

import json
import logging
import socket
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, redirect, request
from jinja2 import Environment, FileSystemLoader
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from sandbox.shared.confidential import without_quoted_values

from .addresses import find_package, package_arn
from .details import Details
from .guard import TOKEN, PageGuard
from .timeline import timeline
from .updates import Updates
from .view import comparison, overview, packages, search, stacks, texts
from .view import operation as operation_page

LOG = logging.getLogger("sandbox.page")

Json = dict[str, Any]
Source = Callable[[], Json]

_FOLDER = Path(__file__).parent
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FILES = {path.name: _MEDIA_TYPES[path.suffix] for path in (_FOLDER / "static").iterdir()}
_HEADERS = {
    # Ours alone: no inline code, nothing from elsewhere, no form that is sent elsewhere, no page that frames
    # this one, and no way to make markup of a text (trusted types).
    "Content-Security-Policy": "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
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


class MissingError(Exception):
    """There is nothing at an address; the text says what is missing."""


def describe(failure: Exception) -> str:
    """Return in one line why the source failed."""
    text = str(failure)
    return f"{type(failure).__name__}: {text}" if text else type(failure).__name__


class _Text(BaseConverter):  # type: ignore[misc] # werkzeug's
    """Any text in an address, slashes at its beginning included."""

    regex = ".+"
    part_isolating = False


class Pages:
    """The pages of one stack, package, operation, comparison or search, from the source and the details."""

    def __init__(self, source: Source, details: Details) -> None:
        self._source = source
        self._details = details

    def overview(self) -> tuple[str, Json]:
        """Return template and item of the overview."""
        return "overview.html", overview.view({**self._source(), "stacks": self._details.stacks()})

    def stack(self, name: str, stack_id: str = "") -> tuple[str, Json]:
        """Return template and item of the stack that has a name, or of the one with the end of an id.

        Raises:
            MissingError: there is no such stack.
        """
        known = self._details.stacks()
        chosen = _chosen_stack(name, stack_id, known)
        if chosen is None:
            among = ", ".join(sorted(each["name"] for each in known["stacks"])) or "none"
            raise MissingError(
                known["problem"] or f"There is no stack {name}. Stacks in this sandbox: {among}."
            )
        if chosen["deleted"]:
            known = self._details.stacks(chosen["id"])
            chosen = _chosen_stack(name, chosen["id"], known) or chosen
        everything = [*known["stacks"], *known["deleted"]]
        arns = (each["ModelPackageArn"] for each in self._details.packages())
        view = stacks.stack_view(chosen, everything, arns, self._details.stack_events(chosen["id"]))
        return "stack.html", {**view, "stacksProblem": known["problem"]}

    def stacks(self) -> tuple[str, Json]:
        """Return template and item of the list of all stacks, deleted ones included."""
        return "stacks.html", stacks.list_view(self._details.stacks())

    def package(self, name: str) -> tuple[str, Json]:
        """Return template and item of a package, or of what is kept of a deleted one.

        Raises:
            MissingError: there is none and has been none.
        """
        known = {each["ModelPackageArn"]: each for each in self._details.packages()}
        arn = find_package(name, known) or package_arn(name)
        history = timeline(*self._details.changes(arn), packages.recorded_values(known.get(arn, {})))
        if arn not in known and history["empty"]:
            raise MissingError(f"There is no package {name}.")
        events = self._source()["events"]
        if arn not in known:
            return "deleted.html", {**packages.deleted_view(arn, events), "history": history}
        known_stacks = self._details.stacks()
        view = packages.package_view(
            without_quoted_values(known[arn]), known.values(), known_stacks["stacks"], events
        )
        return "package.html", {**view, "history": history, "stacksProblem": known_stacks["problem"]}

    def compare(self) -> tuple[str, Json]:
        """Return template and item of the comparison of two packages, or of the choice of them."""
        known = {each["ModelPackageArn"]: each for each in self._details.packages()}
        left, right = (
            without_quoted_values(known[_package_arn(name, known)])
            if (name := request.args.get(side, ""))
            else None
            for side in ("left", "right")
        )
        return "compare.html", comparison.comparison_view(left, right, [*known.values()])

    def operation(self, token: str) -> tuple[str, Json]:
        """Return template and item of the operations with a token; handlers can be given one twice.

        Raises:
            MissingError: none of the events that are kept has the token.
        """
        state = self._source()
        events = self._details.events(token) or state["events"]
        view = operation_page.operation_view(token, events, time.time())
        if view is None:
            older = f" {state['olderEvents']:,} older events are not kept." if state["olderEvents"] else ""
            raise MissingError(f"There is no operation with the token {token}.{older}")
        return "operation.html", view

    def search(self) -> tuple[str, Json]:
        """Return template and item of the results of a search."""
        query = request.args.get("q", "")
        known = self._details.stacks()
        everything = [*known["stacks"], *known["deleted"]]
        events = self._source()["events"]
        known_packages = map(without_quoted_values, self._details.packages())
        view = search.search_view(query, everything, known_packages, events)
        return "search.html", {**view, "stacksProblem": known["problem"]}


def application(source: Source, details: Details, updates: Updates, guard: PageGuard) -> Flask:
    """Return the application that answers every address of the page."""
    app = Flask(__name__, static_folder=None)
    app.url_map.converters["text"] = _Text
    pages = Pages(source, details)

    def keep_token() -> Any:
        """Keep the token in a cookie, and lead to the same address without it."""
        if TOKEN not in request.args or request.path.startswith(("/api/", "/static/")):
            return None
        rest = [(name, value) for name, value in request.args.items(multi=True) if name != TOKEN]
        # It begins with one slash, whatever was asked for: two would be another host.
        target = urllib.parse.quote(request.path, safe="/:", errors="replace")
        query = urllib.parse.urlencode(rest, errors="replace")
        return guard.keep_token(
            redirect(f"{target}?{query}" if query else target), request.environ["SERVER_PORT"]
        )

    def protect(response: Response) -> Response:
        response.headers.update(_HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

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

    def missing(_error: HTTPException) -> Response:
        return _rendered("missing.html", _missing_view(f"There is nothing at {request.path}."), 404)

    app.before_request(keep_token)
    app.after_request(protect)
    app.register_error_handler(404, missing)
    routes: dict[str, Callable[..., Any]] = {
        "/": _page(pages.overview, overview.unavailable),
        "/stacks/<name>": _page(pages.stack),
        "/stacks/<name>/<stack_id>": _page(pages.stack),
        "/stacks": _page(pages.stacks),
        "/packages/<path:name>": _page(pages.package),
        "/compare": _page(pages.compare),
        "/operations/<text:token>": _page(pages.operation),
        "/search": _page(pages.search),
        "/static/<name>": _static,
        "/api/state": state,
        "/api/stream": stream,
    }
    for path, answer in routes.items():
        app.add_url_rule(path, path, view_func=answer)
    return app


def _page(
    answer: Callable[..., tuple[str, Json]], unavailable: Callable[[str], Json] | None = None
) -> Callable[..., Response]:
    """Return what renders a page, or says what is missing, or why there is nothing to show."""

    def page(**names: str) -> Response:
        try:
            template, item = answer(**names)
            status = 200
        except MissingError as missing:
            template, item, status = "missing.html", _missing_view(str(missing)), 404
        except Exception as failure:
            LOG.exception("the page has nothing to show")
            problem = describe(failure)
            item = {"problem": problem, **(unavailable(problem) if unavailable else _missing_view(""))}
            template, status = "overview.html" if unavailable else "missing.html", 503
        return _rendered(template, item, status)

    return page


def _rendered(template: str, item: Json, status: int) -> Response:
    # Half of a surrogate pair may be in a name; it is no UTF-8.
    text = _environment().get_template(template).render(item).encode(errors="replace")
    response = Response(text, status, mimetype="text/html")
    if status == 200:  # an open page asks whether anything has changed
        response.add_etag()
        response.make_conditional(request)
    return response


def _missing_view(text: str) -> Json:
    return {"title": texts.title_of("Not found" if text else "No answer"), "missing": text}


def _chosen_stack(name: str, stack_id: str, known: Json) -> Json | None:
    """Return the stack with a name, or with the end of an id; the deleted one that had it last."""
    for stack in [*known["stacks"], *known["deleted"]]:
        if stack_id in ("", stack["id"], stack["id"].rpartition("/")[2]) and stack["name"] == name:
            return Json(stack)
    return None


def _package_arn(name: str, known: Mapping[str, Any]) -> str:
    arn = find_package(name, known)
    if arn is None:
        raise MissingError(f"There is no package {name}.")
    return arn


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["utc"] = texts.utc
    environment.globals.update(
        EXAMPLE=overview.EXAMPLE,
        PACKAGES_SHOWN=overview.PACKAGES_SHOWN,
        GROUPS_SHOWN=overview.GROUPS_SHOWN,
        STACKS_SHOWN=overview.STACKS_SHOWN,
        OPERATIONS_SHOWN=overview.OPERATIONS_SHOWN,
        TITLE=texts.TITLE,
    )
    return environment


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
