"""Lambda's Invoke API on this machine: runs the functions of `template.yml` from the source directory.

Start it with `python -m sandbox.lambda_.invoke_api`; it prints its endpoint as one JSON line. It is a process
of its own so that its caller decides the handlers' environment. With `--runtime-python` handlers run in
processes of their own, under Lambda's runtime client; without it, here.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import logging
import os
import sys
import threading
import time
import traceback
import urllib.parse
import uuid
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import yaml

from sandbox.lambda_.runtime_client import Environments, Outcome, OverTime, function_error
from sandbox.shared.credentials import session
from sandbox.shared.processes import Ending, SandboxError, announce, listening, when_parent_is_gone
from sandbox.shared.settings import ACCOUNT, INVOCATIONS_PATH, REGION

LOG = logging.getLogger("sandbox.lambda_.invoke_api")

DEFAULT_TIMEOUT_SECONDS = 3  # Lambda's own defaults, for a template that does not say
DEFAULT_MEMORY_MB = 128
MAX_PAYLOAD_BYTES = 6_291_556  # what Lambda takes in a synchronous call
INVOKE_PREFIX = "/2015-03-31/functions/"
INVOKE_SUFFIX = "/invocations"
# Enough for any test; older invocations are dropped, so that a sandbox that runs for days stays small.
MOST_INVOCATIONS = 100_000


class _TemplateLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags (`!Sub` and so on), which are of no interest here."""


def _any_tag(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


_TemplateLoader.add_multi_constructor("!", _any_tag)


@dataclass(frozen=True)
class Function:
    """One function of the template."""

    name: str
    handler: str
    timeout_seconds: float
    memory_mb: int

    version = "$LATEST"  # what Lambda calls the one that is not published
    log_stream = "sandbox"

    @property
    def region(self) -> str:
        """The region in which the function is."""
        return os.environ.get("AWS_DEFAULT_REGION", REGION)

    @property
    def arn(self) -> str:
        """The function's ARN, as its context and Lambda's errors give it."""
        return f"arn:aws:lambda:{self.region}:{ACCOUNT}:function:{self.name}"

    @property
    def log_group(self) -> str:
        """Where Lambda would write the function's log."""
        return f"/aws/lambda/{self.name}"

    def load(self) -> Callable[[Any, Any], Any]:
        """Import the handler; it must be called with the code directory on the path."""
        module, _, attribute = self.handler.rpartition(".")
        handler: Callable[[Any, Any], Any] = getattr(importlib.import_module(module), attribute)
        return handler


def read_functions(template: Path) -> dict[str, Function]:
    """Return the functions that a SAM template declares, by logical id."""
    # The loader is a SafeLoader that reads unknown tags as plain data.
    document = yaml.load(template.read_text(), Loader=_TemplateLoader)  # noqa: S506
    common = (document.get("Globals") or {}).get("Function") or {}
    functions = {}
    for name, resource in (document.get("Resources") or {}).items():
        if resource.get("Type") != "AWS::Serverless::Function":
            continue
        settings = {**common, **(resource.get("Properties") or {})}
        functions[name] = Function(
            name=name,
            handler=settings["Handler"],
            timeout_seconds=float(settings.get("Timeout", DEFAULT_TIMEOUT_SECONDS)),
            memory_mb=int(settings.get("MemorySize", DEFAULT_MEMORY_MB)),
        )
    return functions


class Context:
    """What Lambda hands to a handler beside the event."""

    def __init__(self, function: Function, request_id: str) -> None:
        self.function_name = function.name
        self.function_version = function.version
        self.invoked_function_arn = function.arn
        self.memory_limit_in_mb = str(function.memory_mb)
        self.aws_request_id = request_id
        self.log_group_name = function.log_group
        self.log_stream_name = function.log_stream
        self._deadline = time.monotonic() + function.timeout_seconds

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


class Host(Protocol):
    """Where handlers run."""

    def run(self, function: Function, event: Any, request_id: str) -> Outcome:
        """Run the handler and return what Lambda would answer; raise `OverTime` when its time is up."""

    def close(self) -> None:
        """End what can be ended."""


class InProcess:
    """Runs handlers in this process, which has imported them."""

    def __init__(self) -> None:
        self._handlers: dict[str, Callable[[Any, Any], Any]] = {}
        self._import_lock = threading.Lock()

    def run(self, function: Function, event: Any, request_id: str) -> Outcome:
        """Run the handler and return what Lambda would answer; raise `OverTime` when its time is up."""
        outcomes: list[Outcome] = []
        context = Context(function, request_id)
        # A thread cannot be ended from outside: one that runs over time is left alone, its answer dropped.
        thread = threading.Thread(
            target=lambda: outcomes.append(self._call(function, event, context)), daemon=True
        )
        thread.start()
        thread.join(function.timeout_seconds)
        if not outcomes:
            raise OverTime
        return outcomes[0]

    def close(self) -> None:
        """Leave the threads to the end of the process."""

    def _call(self, function: Function, event: Any, context: Context) -> Outcome:
        try:
            handler = self._handler(function)
        except Exception as problem:
            LOG.exception("%s cannot be imported", function.handler)
            return function_error("Runtime.ImportModuleError", f"{type(problem).__name__}: {problem}")
        try:
            answer = handler(event, context)
        except BaseException as problem:
            LOG.exception("%s raised", function.name)
            trace = traceback.format_tb(problem.__traceback__)
            return function_error(type(problem).__name__, str(problem), trace)
        try:
            return Outcome(json.dumps(answer).encode())
        except (TypeError, ValueError) as problem:
            LOG.exception("%s did not answer with JSON", function.name)
            return function_error("Runtime.MarshalError", f"Unable to marshal response: {problem}")

    def _handler(self, function: Function) -> Callable[[Any, Any], Any]:
        with self._import_lock:
            if function.name not in self._handlers:
                self._handlers[function.name] = function.load()
            return self._handlers[function.name]


class FunctionRunner:
    """Runs handlers as Lambda would, and remembers what they answered."""

    def __init__(self, functions: dict[str, Function], host: Host | None = None) -> None:
        self.functions = functions
        self._host = host or InProcess()
        self._log_lock = threading.Lock()
        self._invocations: deque[dict[str, Any]] = deque(maxlen=MOST_INVOCATIONS)

    def invocations(self, newest: int | None = None) -> list[dict[str, Any]]:
        """Return what has been invoked, oldest first: all, or so many of the newest.

        `running` tells what has not answered yet.
        """
        with self._log_lock:
            begin = 0 if newest is None else max(0, len(self._invocations) - newest)
            return [dict(each) for each in itertools.islice(self._invocations, begin, None)]

    def count(self) -> int:
        """Return how many invocations there are."""
        return len(self._invocations)

    def forget_invocations(self) -> None:
        """Empty the list of invocations."""
        with self._log_lock:
            self._invocations.clear()

    def run(self, function: Function, event: Any, request_id: str) -> Outcome:
        """Run the handler for at most its timeout and return what Lambda would answer."""
        entry = _asked(function, event, request_id)
        with self._log_lock:
            self._invocations.append(entry)
        started = time.monotonic()
        try:
            outcome = self._host.run(function, event, request_id)
        except OverTime as over:
            outcome = self._timed_out(function, request_id, over.peak_kb)
        except BaseException:  # the host has been closed: nobody will ever answer
            self._end(entry, {})
            raise
        milliseconds = round((time.monotonic() - started) * 1000, 1)
        self._end(entry, {**_answered(outcome), "durationMs": milliseconds})
        return outcome

    def close(self) -> None:
        """End what handlers run in; nothing can be run any more."""
        self._host.close()

    def _timed_out(self, function: Function, request_id: str, peak_kb: int | None) -> Outcome:
        text = f"RequestId: {request_id} Error: Task timed out after {function.timeout_seconds:.2f} seconds"
        LOG.error("%s: %s", function.name, text)
        return function_error("Sandbox.Timedout", text, peak_kb=peak_kb)

    def _end(self, entry: dict[str, Any], answer: dict[str, Any]) -> None:
        with self._log_lock:
            entry.update({**answer, "running": False})
            told = dict(entry)
        LOG.info("%s", json.dumps(told))


# An invocation's entry has no property's value: the list may be shown to anybody.


def _asked(function: Function, event: Any, request_id: str) -> dict[str, Any]:
    """Note what a function is invoked with."""
    asked = event if isinstance(event, dict) else {}
    # Production events have `requestData`; those of TestEntrypoint have `request`, and credentials beside it.
    data, request = (asked.get(name) for name in ("requestData", "request"))
    data = data if isinstance(data, dict) else {}
    request = request if isinstance(request, dict) else {}
    credentials = data.get("callerCredentials") or asked.get("credentials")
    return {
        "id": request_id,
        "function": function.name,
        "action": asked.get("action"),
        "callback": bool(asked.get("callbackContext")),
        "stackId": asked.get("stackId"),
        "logicalId": data.get("logicalResourceId") or request.get("logicalResourceIdentifier"),
        "operation": asked.get("bearerToken") or request.get("clientRequestToken"),
        "session": session(credentials.get("sessionToken") if isinstance(credentials, dict) else None),
        "started": round(time.time(), 3),
        "running": True,
        **dict.fromkeys(("status", "errorCode", "message", "callbackDelaySeconds", "durationMs")),
    }


def _answered(outcome: Outcome) -> dict[str, Any]:
    """Note what it answered."""
    try:
        answer = json.loads(outcome.body)
    except ValueError:
        answer = None  # the runtime client sends a handler's bytes as they are
    said = answer if isinstance(answer, dict) else {}
    noted = {
        "status": said.get("status"),
        "errorCode": said.get("errorCode") or said.get("errorType"),
        "message": said.get("message") or said.get("errorMessage"),
        "callbackDelaySeconds": said.get("callbackDelaySeconds"),
    }
    return noted if outcome.peak_kb is None else {**noted, "peakKb": outcome.peak_kb}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, runner: FunctionRunner) -> None:
        self.runner = runner
        super().__init__(("127.0.0.1", port), _Requests)


class _Requests(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"  # boto3 keeps its connections
    disable_nagle_algorithm = True  # headers and body go in two writes, which would wait for each other

    def do_POST(self) -> None:
        """Answer Invoke."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_PAYLOAD_BYTES:
            self.close_connection = True  # the body stays unread
            self._error(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "RequestTooLargeException",
                f"Request must be smaller than {MAX_PAYLOAD_BYTES} bytes for the InvokeFunction operation",
            )
            return
        payload = self.rfile.read(length)
        path = urllib.parse.urlsplit(self.path).path
        if not (path.startswith(INVOKE_PREFIX) and path.endswith(INVOKE_SUFFIX)):
            self._error(HTTPStatus.NOT_FOUND, "UnknownOperationException", f"No such operation: POST {path}")
            return
        name = _plain_name(urllib.parse.unquote(path[len(INVOKE_PREFIX) : -len(INVOKE_SUFFIX)]))
        function = self.server.runner.functions.get(name)
        if function is None:
            arn = Function(name, "", 0, 0).arn
            self._error(HTTPStatus.NOT_FOUND, "ResourceNotFoundException", f"Function not found: {arn}")
            return
        try:
            event = json.loads(payload) if payload else {}
        except ValueError as problem:
            self._error(
                HTTPStatus.BAD_REQUEST,
                "InvalidRequestContentException",
                f"Could not parse request body into json: {problem}",
            )
            return
        self._invoke(function, event)

    def do_GET(self) -> None:
        """Answer the sandbox's own question: what was invoked."""
        address = urllib.parse.urlsplit(self.path)
        if address.path == INVOCATIONS_PATH:
            newest = urllib.parse.parse_qs(address.query).get("newest", [""])[0]
            runner = self.server.runner
            found = runner.invocations(int(newest) if newest.isdigit() else None)
            self._answer(HTTPStatus.OK, json.dumps({"invocations": found, "count": runner.count()}).encode())
        else:
            self._error(
                HTTPStatus.NOT_FOUND, "UnknownOperationException", f"No such operation: GET {self.path}"
            )

    def do_DELETE(self) -> None:
        """Forget what was invoked."""
        if self.path == INVOCATIONS_PATH:
            self.server.runner.forget_invocations()
            self._answer(HTTPStatus.OK, b"{}")
        else:
            self._error(
                HTTPStatus.NOT_FOUND, "UnknownOperationException", f"No such operation: DELETE {self.path}"
            )

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Keep the access log out of the way; every invocation is logged with its outcome."""
        LOG.debug(format, *args)

    def _invoke(self, function: Function, event: Any) -> None:
        runner = self.server.runner
        request_id = str(uuid.uuid4())
        kind = self.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        if kind == "DryRun":
            self._answer(HTTPStatus.NO_CONTENT, b"", request_id)
        elif kind == "Event":
            threading.Thread(target=runner.run, args=(function, event, request_id), daemon=True).start()
            self._answer(HTTPStatus.ACCEPTED, b"", request_id)
        elif kind == "RequestResponse":
            outcome = runner.run(function, event, request_id)
            headers = {"X-Amz-Executed-Version": function.version}
            if outcome.function_error:
                headers["X-Amz-Function-Error"] = "Unhandled"
            self._answer(HTTPStatus.OK, outcome.body, request_id, headers)
        else:
            message = f"Value '{kind}' at 'invocationType' failed to satisfy constraint"
            self._error(HTTPStatus.BAD_REQUEST, "InvalidParameterValueException", message)

    def _error(self, status: HTTPStatus, code: str, message: str) -> None:
        body = json.dumps({"Type": "User", "Message": message}).encode()
        self._answer(status, body, headers={"X-Amzn-ErrorType": code})

    def _answer(
        self,
        status: HTTPStatus,
        body: bytes,
        request_id: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("x-amzn-RequestId", request_id or str(uuid.uuid4()))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status is not HTTPStatus.NO_CONTENT:  # which must not have a length
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _plain_name(name: str) -> str:
    """Return the function's name from a name, a partial or a full ARN, with or without a qualifier."""
    parts = name.split(":")
    if "function" in parts[:-1]:
        return parts[parts.index("function") + 1]
    return parts[0]


def _host(code: Path, runtime_python: Path | None) -> Host:
    """Return what runs handlers from that directory, in this process or under that interpreter."""
    if runtime_python is None:
        sys.path.insert(0, str(code))
        return InProcess()
    # Not resolved: the Python of a virtual environment is a link to one without its packages.
    return Environments(runtime_python.absolute(), code)


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM, Ctrl-C, or, when asked to, the end of stdin."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.lambda_.invoke_api", description=__doc__)
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
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--log-level", default="INFO", help="of what handlers log, on stderr")
    parser.add_argument("--exit-with-stdin", action="store_true", help="stop when stdin ends")
    options = parser.parse_args(arguments)

    logging.basicConfig(
        stream=sys.stderr, level=options.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    functions = read_functions(options.template)
    if not functions:
        parser.error(f"{options.template} declares no AWS::Serverless::Function")
    try:
        host = _host(options.code.resolve(), options.runtime_python)
    except SandboxError as problem:
        parser.error(str(problem))
    runner = FunctionRunner(functions, host)
    server = listening(lambda: _Server(options.port, runner), options.port)

    ending = Ending()
    if options.exit_with_stdin:
        when_parent_is_gone(ending.order)
    with server, closing(runner):
        threading.Thread(target=server.serve_forever, args=(0.1,), name="functions", daemon=True).start()
        announce(endpoint=f"http://127.0.0.1:{server.server_port}", functions=sorted(functions))
        ending.wait()
        server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
