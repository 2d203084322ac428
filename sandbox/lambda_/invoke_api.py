"""Lambda's Invoke API on this machine: runs the functions of `template.yml` from the source directory.

With `--runtime-python` handlers run in processes of their own, under Lambda's runtime client; without it, in
this one.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import sys
import threading
import time
import urllib.parse
import uuid
from collections import deque
from collections.abc import Collection, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

from sandbox.lambda_.function import Function, Host, Outcome, OverTime, function_error, read_functions
from sandbox.lambda_.in_process import InProcess
from sandbox.lambda_.runtime_client import Environments
from sandbox.shared import bounded_json
from sandbox.shared.credentials import session
from sandbox.shared.guard import Guard
from sandbox.shared.http import JsonHandler, LocalServer
from sandbox.shared.processes import SandboxError
from sandbox.shared.settings import INVOCATIONS_PATH

LOG = logging.getLogger("sandbox.lambda_.invoke_api")

MAX_PAYLOAD_BYTES = 6_291_556  # Lambda's limit for a synchronous call
INVOKE_PREFIX = "/2015-03-31/functions/"
INVOKE_SUFFIX = "/invocations"
# More than any test makes; older invocations are dropped, so that a sandbox that runs for days stays small.
MAX_INVOCATIONS = 100_000
# Handlers at work at the same time. More would not be done earlier on one machine, and each would use up its
# function's time while the others work; an invocation's time begins with its turn.
MAX_CONCURRENT = 32
_FILTERS = frozenset({"id", "operation", "session", "stackId"})  # of the list of invocations
RouteAnswer = tuple[int, Any, Mapping[str, str]]


class FunctionRunner:
    """Runs handlers as Lambda would, and keeps a list of the invocations.

    An entry of the list has no property's value, so that it can be shown to anyone.
    """

    def __init__(self, functions: dict[str, Function], host: Host | None = None) -> None:
        self.functions = functions
        self._host = host or InProcess()
        self._hosts: dict[str, Host] = {}  # of functions that were added
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(MAX_CONCURRENT)
        self._invocations: deque[dict[str, Any]] = deque()
        self._complete_since = 0.0
        self._running_forgotten: set[int] = set()  # identities of entries that are no longer in the list

    def invocations(self, newest: int | None = None) -> list[dict[str, Any]]:
        """Return the invocations, oldest first: all, or so many of the newest.

        `running` is true of an invocation without an answer yet; `started` is when its turn began.
        """
        with self._lock:
            begin = 0 if newest is None else max(0, len(self._invocations) - newest)
            return [dict(each) for each in itertools.islice(self._invocations, begin, None)]

    def matching(self, name: str, values: Collection[str]) -> tuple[list[dict[str, Any]], float]:
        """Return the invocations with one of the values, oldest first, and since when none is missing.

        `name` is that of a member of the entries. The time is in epoch seconds, 0 while all invocations are
        still in the list.
        """
        with self._lock:
            # What an event has there may be no text.
            members = [dict(each) for each in self._invocations if str(each[name]) in values]
            return members, time.time() if self._running_forgotten else self._complete_since

    def count(self) -> int:
        """Return how many invocations there are."""
        return len(self._invocations)

    def forget_invocations(self) -> None:
        """Empty the list of invocations."""
        with self._lock:
            while self._invocations:
                self._forget_oldest()
            self._complete_since = time.time()

    def run(self, function: Function, event: Any, request_id: str) -> Outcome:
        """Run the handler for at most its timeout and return what Lambda would answer."""
        entry = _describe_event(function, event, request_id)
        with self._lock:
            if len(self._invocations) == MAX_INVOCATIONS:
                self._forget_oldest()
            self._invocations.append(entry)
        with self._turns:
            with self._lock:
                entry["started"] = round(time.time(), 3)  # until now it has waited
            started = time.monotonic()
            try:
                outcome = self._hosts.get(function.name, self._host).run(function, event, request_id)
            except OverTime as over:
                outcome = _time_out(function, request_id, over.peak_kb)
            except BaseException:  # the host has been closed: there will be no answer
                self._finish(entry, {})
                raise
            milliseconds = round((time.monotonic() - started) * 1000, 1)
        self._finish(entry, {**_describe_answer(outcome), "durationMs": milliseconds})
        return outcome

    def add(self, function: Function, host: Host) -> None:
        """Add a function that runs in a host of its own, which is closed with the runner."""
        self._hosts[function.name] = host
        self.functions[function.name] = function

    def remove(self, name: str) -> None:
        """Remove a function that was added, and close its host."""
        self.functions.pop(name, None)
        host = self._hosts.pop(name, None)
        if host is not None:
            host.close()

    def close(self) -> None:
        """End what handlers run in; nothing can be run any more."""
        for host in (self._host, *self._hosts.values()):
            host.close()

    def _forget_oldest(self) -> None:
        """Take the oldest invocation off the list, and note until when it made calls, or that it goes on."""
        entry = self._invocations.popleft()
        if entry["running"]:
            self._running_forgotten.add(id(entry))
        else:
            over = entry["started"] + (entry["durationMs"] or 0) / 1000
            self._complete_since = max(self._complete_since, over)

    def _finish(self, entry: dict[str, Any], answer: dict[str, Any]) -> None:
        with self._lock:
            entry.update({**answer, "running": False})
            if id(entry) in self._running_forgotten:
                self._running_forgotten.remove(id(entry))
                self._complete_since = time.time()
            line = json.dumps(entry)
        LOG.info("%s", line)


def _time_out(function: Function, request_id: str, peak_kb: int | None) -> Outcome:
    message = f"RequestId: {request_id} Error: Task timed out after {function.timeout_seconds:.2f} seconds"
    LOG.error("%s: %s", function.name, message)
    return function_error("Sandbox.Timedout", message, peak_kb=peak_kb)


def _describe_event(function: Function, event: Any, request_id: str) -> dict[str, Any]:
    """Return the entry of an invocation that begins."""
    event = event if isinstance(event, dict) else {}
    # Production events have `requestData`; those of TestEntrypoint have `request`, and credentials beside it.
    data, request = (
        part if isinstance(part, dict) else {} for part in map(event.get, ("requestData", "request"))
    )
    credentials = data.get("callerCredentials") or event.get("credentials")
    return {
        "id": request_id,
        "function": function.name,
        "action": event.get("action"),
        "callback": bool(event.get("callbackContext")),
        "stackId": event.get("stackId"),
        "logicalId": data.get("logicalResourceId") or request.get("logicalResourceIdentifier"),
        "operation": event.get("bearerToken") or request.get("clientRequestToken"),
        "session": session(credentials.get("sessionToken") if isinstance(credentials, dict) else None),
        "started": round(time.time(), 3),
        "running": True,
        **dict.fromkeys(("status", "errorCode", "message", "callbackDelaySeconds", "durationMs")),
    }


def _describe_answer(outcome: Outcome) -> dict[str, Any]:
    """Return what an answer adds to its invocation's entry."""
    try:
        answer = bounded_json.loads(outcome.body)
    except ValueError:
        answer = None  # the runtime client sends a handler's bytes as they are
    answer = answer if isinstance(answer, dict) else {}
    entry = {
        "status": answer.get("status"),
        "errorCode": answer.get("errorCode") or answer.get("errorType"),
        "message": answer.get("message") or answer.get("errorMessage"),
        "callbackDelaySeconds": answer.get("callbackDelaySeconds"),
    }
    return entry if outcome.peak_kb is None else {**entry, "peakKb": outcome.peak_kb}


class Routes(Protocol):
    """Further requests of the sandbox's own that the server answers."""

    def answer(self, method: str, target: str, body: bytes) -> RouteAnswer | None:
        """Return the answer to a request; None when it is none of these."""


class InvokeApi(LocalServer):
    """Serves Invoke, the list of what was invoked, and the requests of `routes`."""

    def __init__(
        self, port: int, runner: FunctionRunner, guard: Guard | None = None, routes: Routes | None = None
    ) -> None:
        self.runner = runner
        self.routes = routes
        super().__init__(_InvokeHandler, port, guard)


class _InvokeHandler(JsonHandler):
    server: InvokeApi

    def post(self) -> None:
        """Answer Invoke."""
        if self._is_routed():
            return
        payload = self.body()
        if len(payload) > MAX_PAYLOAD_BYTES:
            self._error(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "RequestTooLargeException",
                f"Request must be smaller than {MAX_PAYLOAD_BYTES} bytes for the InvokeFunction operation",
            )
            return
        path = urllib.parse.urlsplit(self.path).path
        if not (path.startswith(INVOKE_PREFIX) and path.endswith(INVOKE_SUFFIX)):
            self._unknown()
            return
        name = _plain_name(urllib.parse.unquote(path[len(INVOKE_PREFIX) : -len(INVOKE_SUFFIX)]))
        function = self.server.runner.functions.get(name)
        if function is None:
            arn = Function(name, "", 0, 0).arn
            self._error(HTTPStatus.NOT_FOUND, "ResourceNotFoundException", f"Function not found: {arn}")
            return
        try:
            event = bounded_json.loads(payload) if payload else {}
        except ValueError as problem:
            message = f"Could not parse request body into json: {problem}"
            self._error(HTTPStatus.BAD_REQUEST, "InvalidRequestContentException", message)
            return
        self._invoke(function, event)

    def get(self) -> None:
        """Answer the sandbox's own request for invocations: all, the newest, or those that match."""
        if self._is_routed():
            return
        address = urllib.parse.urlsplit(self.path)
        if address.path != INVOCATIONS_PATH:
            self._unknown()
            return
        query = urllib.parse.parse_qs(address.query)
        newest = query.get("newest", [""])[0]
        runner = self.server.runner
        for name in _FILTERS & query.keys():
            invocations, since = runner.matching(name, frozenset(query[name]))
            self.answer(HTTPStatus.OK, {"invocations": invocations, "completeSince": since})
            return
        invocations = runner.invocations(int(newest) if newest.isdigit() else None)
        self.answer(HTTPStatus.OK, {"invocations": invocations, "count": runner.count()})

    def delete(self) -> None:
        """Empty the list of invocations."""
        if self._is_routed():
            return
        if self.path != INVOCATIONS_PATH:
            self._unknown()
            return
        self.server.runner.forget_invocations()
        self.answer(HTTPStatus.OK, {})

    def answer(self, status: int, content: Any = b"", headers: Mapping[str, str] | None = None) -> None:
        """Send an answer, with a request id as Lambda's have one."""
        super().answer(status, content, {"x-amzn-RequestId": str(uuid.uuid4()), **(headers or {})})

    def _is_routed(self) -> bool:
        """Answer a request that is for the routes, and return whether it is one."""
        routes = self.server.routes
        answer = routes and routes.answer(self.command, self.path, self.body())
        if answer:
            self.answer(*answer)
        return bool(answer)

    def _invoke(self, function: Function, event: Any) -> None:
        runner = self.server.runner
        request_id = str(uuid.uuid4())
        headers = {"x-amzn-RequestId": request_id}
        kind = self.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        if kind == "DryRun":
            self.answer(HTTPStatus.NO_CONTENT, headers=headers)
        elif kind == "Event":
            threading.Thread(target=runner.run, args=(function, event, request_id), daemon=True).start()
            self.answer(HTTPStatus.ACCEPTED, headers=headers)
        elif kind == "RequestResponse":
            outcome = runner.run(function, event, request_id)
            headers["X-Amz-Executed-Version"] = function.version
            if outcome.function_error:
                headers["X-Amz-Function-Error"] = "Unhandled"
            self.answer(HTTPStatus.OK, outcome.body, headers)
        else:
            message = f"Value '{kind}' at 'invocationType' failed to satisfy constraint"
            self._error(HTTPStatus.BAD_REQUEST, "InvalidParameterValueException", message)

    def _unknown(self) -> None:
        message = f"No such operation: {self.command} {self.path}"
        self._error(HTTPStatus.NOT_FOUND, "UnknownOperationException", message)

    def _error(self, status: HTTPStatus, code: str, message: str) -> None:
        self.answer(status, {"Type": "User", "Message": message}, {"X-Amzn-ErrorType": code})


def _plain_name(name: str) -> str:
    """Return the function's name from a name, a partial or a full ARN, with or without a qualifier."""
    parts = name.split(":")
    if "function" in parts[:-1]:
        return parts[parts.index("function") + 1]
    return parts[0]


def _host(code: Path, runtime_python: Path | None) -> Host:
    """Return the host for the handlers in a directory: this process, or processes of that interpreter."""
    if runtime_python is None:
        sys.path.insert(0, str(code))
        return InProcess()
    # Not resolved: the Python of a virtual environment is a link to one without its packages.
    return Environments(runtime_python.absolute(), code)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a program that serves the functions of a SAM template."""
    parser.add_argument("--template", type=Path, default=Path("template.yml"), help="SAM template to read")
    # The template's own CodeUri is the packaged build, which need not exist on a developer's machine.
    parser.add_argument(
        "--code", type=Path, default=Path("src"), help="directory the handlers are imported from"
    )
    parser.add_argument(
        "--runtime-python",
        type=Path,
        metavar="PATH",
        help="run each function in a process of its own, under Lambda's runtime client with this interpreter",
    )


def read_runner(options: argparse.Namespace) -> FunctionRunner:
    """Return the runner of the functions that the options of `add_arguments` name.

    Raises:
        SandboxError: there are none, or the interpreter has no runtime client.
    """
    functions = read_functions(options.template)
    if not functions:
        raise SandboxError(f"{options.template} declares no AWS::Serverless::Function")
    host = _host(options.code.resolve(), options.runtime_python)
    if isinstance(host, InProcess):
        host.prepare(functions.values())
    return FunctionRunner(functions, host)
