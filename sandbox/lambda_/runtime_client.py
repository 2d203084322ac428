"""Lambda's execution environments on this machine: handlers under the runtime client that Lambda itself uses.

An environment is one process, `python -m awslambdaric HANDLER`, and the server that it asks for events, which
speaks Lambda's Runtime API: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. The process
imports from the package's directory and the client's own Python environment, and nothing of this project.
"""

from __future__ import annotations

import io
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.local_aws import python_of
from sandbox.shared.processes import SandboxError

if TYPE_CHECKING:
    from sandbox.lambda_.invoke_api import Function

LOG = logging.getLogger("sandbox.lambda_.runtime_client")

# What Lambda gives a new environment before the function's own time begins:
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
INIT_SECONDS = 10.0
STOP_POLL_SECONDS = 0.1
NEXT_PATH = "/2018-06-01/runtime/invocation/next"
INIT_ERROR_PATH = "/2018-06-01/runtime/init/error"
INVOCATION_PREFIX = "/2018-06-01/runtime/invocation/"
# What Lambda calls the interpreter, on which the client's JSON and its way to wait for events depend.
RUNTIME_SCRIPT = "import sys, awslambdaric; print('AWS_Lambda_python{}.{}'.format(*sys.version_info))"


def interpreter() -> Path:
    """Return the Python that has Lambda's runtime client, or raise with the remedy."""
    return python_of("Lambda's runtime client", ".venv-lambda", "SANDBOX_LAMBDA_PYTHON")


@dataclass
class Outcome:
    """What one run of a handler came to: the answer's body, and whether Lambda calls it an error."""

    body: bytes
    function_error: bool = False
    peak_kb: int | None = None  # the process's peak memory so far, where it has one of its own


def function_error(
    kind: str, message: str, trace: list[str] | None = None, *, peak_kb: int | None = None
) -> Outcome:
    """Return an error in the form in which Lambda answers it."""
    body = {"errorMessage": message, "errorType": kind, "stackTrace": trace or []}
    return Outcome(json.dumps(body).encode(), function_error=True, peak_kb=peak_kb)


class OverTime(Exception):
    """The handler has not answered within its function's timeout."""

    def __init__(self, peak_kb: int | None = None) -> None:
        super().__init__("the function's timeout is over")
        self.peak_kb = peak_kb


class Environments:
    """Runs functions in processes of their own, one invocation at a time in each, and keeps the processes."""

    def __init__(self, python: Path, code: Path) -> None:
        self._python = python
        self._code = code
        self._runtime = _runtime_of(python)
        self._lock = threading.Lock()
        self._running: set[Environment] = set()
        self._idle: defaultdict[str, list[Environment]] = defaultdict(list)
        self._closed = False

    def run(self, function: Function, event: Any, request_id: str) -> Outcome:
        """Run the handler and return what Lambda would answer; raise `OverTime` when its time is up."""
        environment = self._take(function)
        try:
            return environment.run(request_id, json.dumps(event).encode())
        finally:
            self._give_back(environment)

    def close(self) -> None:
        """End all processes, in the middle of an invocation, too."""
        with self._lock:
            self._closed = True
            environments = list(self._running)
        for environment in environments:
            environment.kill()
        for environment in environments:
            environment.close()

    def _take(self, function: Function) -> Environment:
        with self._lock:
            if self._closed:
                raise SandboxError("the functions have been stopped")
            idle = self._idle[function.name]
            while idle:
                environment = idle.pop()
                if environment.usable:
                    return environment
                self._running.discard(environment)
                environment.close()
            environment = Environment(function, self._python, self._code, self._runtime)
            self._running.add(environment)
            return environment

    def _give_back(self, environment: Environment) -> None:
        with self._lock:
            if environment.usable and not self._closed:
                self._idle[environment.function.name].append(environment)
                return
            self._running.discard(environment)
        environment.close()


class Environment:
    """One process of one function, from its first event until it dies or is killed."""

    def __init__(self, function: Function, python: Path, code: Path, runtime: str) -> None:
        self.function = function
        self.usable = True  # until it has died, failed or run over time
        self._initialized_by = time.monotonic() + INIT_SECONDS
        self._begun = threading.Event()  # it has asked for its first event, or never will
        self._events: queue.SimpleQueue[_Event | None] = queue.SimpleQueue()
        self._news: queue.SimpleQueue[Outcome | int] = queue.SimpleQueue()  # an int is its exit code
        self._request_id: str | None = None
        self._api = _RuntimeApi(self)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the handlers are what is to be run, no shell
                [str(python), "-m", "awslambdaric", function.handler],
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr,  # the log, as everything that functions write
                env=_variables(function, code, runtime, self._api.server_port),
                cwd=code,
                start_new_session=True,  # to be killed together with what it has started
            )
        except BaseException:
            self._api.server_close()
            raise
        self._watcher = threading.Thread(target=self._watch, name="environment-watch", daemon=True)
        self._watcher.start()
        self._server = threading.Thread(
            target=self._api.serve_forever, args=(STOP_POLL_SECONDS,), name="runtime-api", daemon=True
        )
        self._server.start()

    def run(self, request_id: str, payload: bytes) -> Outcome:
        """Hand an event to the process and return the outcome; raise `OverTime` when its time is up."""
        seconds = self.function.timeout_seconds
        # A start that takes longer than Lambda's limit goes on at the function's expense.
        latest = max(time.monotonic(), self._initialized_by)
        self._begun.wait(latest + seconds - time.monotonic())
        left = seconds - max(0.0, time.monotonic() - latest)
        self._request_id = request_id
        self._events.put(_Event(request_id, int((time.time() + left) * 1000), payload))
        try:
            news = self._news.get(timeout=max(0.0, left))
        except queue.Empty:
            self.usable = False
            raise OverTime(self._peak_kb()) from None
        if isinstance(news, Outcome):
            return news
        text = f"RequestId: {request_id} Error: {_exit_text(news)}"
        LOG.error("%s: %s", self.function.name, text)
        return function_error("Runtime.ExitError", text)

    def kill(self) -> None:
        """Kill the process and what it has started; harmless when it has died already."""
        if self._watcher.is_alive():  # otherwise the number may be somebody else's by now
            _kill_group(self._process.pid)

    def close(self) -> None:
        """Leave nothing behind: no process, no thread, no open port; a second time does nothing."""
        self.usable = False
        self.kill()
        self._watcher.join()
        self._events.put(None)
        self._api.shutdown()
        self._server.join()
        self._api.server_close()

    def next_event(self) -> _Event | None:
        """For the Runtime API: wait for the next event; None is the end."""
        self._begun.set()
        event = self._events.get()
        if event is None:
            self._events.put(None)  # for whoever else waits
        return event

    def answered(self, request_id: str, body: bytes, *, error: bool) -> bool:
        """For the Runtime API: take what the handler came to, unless nobody waits for it."""
        if request_id != self._request_id:
            return False
        self._request_id = None
        self._news.put(Outcome(body, error, self._peak_kb()))
        return True

    def failed(self, body: bytes) -> None:
        """For the Runtime API: take why there will be no handler; the process ends by itself."""
        self.usable = False
        self._news.put(Outcome(body, function_error=True, peak_kb=self._peak_kb()))
        self._begun.set()

    def _watch(self) -> None:
        """Note the process's end, and end what it has started, as everything in Lambda's environment does."""
        process = self._process
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # the number stays its own until `wait`
        self.usable = False
        _kill_group(process.pid)
        self._news.put(process.wait())
        self._begun.set()

    def _peak_kb(self) -> int | None:
        """Return the process's peak resident memory; it waits for our answer meanwhile, so it is there."""
        with suppress(OSError):
            for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
        return None


@dataclass(frozen=True)
class _Event:
    """One invocation, as the Runtime API hands it out."""

    request_id: str
    deadline_ms: int
    payload: bytes


class _RuntimeApi(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        super().__init__(("127.0.0.1", 0), _Requests)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about connections that break: a process that is killed does not say goodbye."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _AnyLines(io.BufferedReader):
    """Lines of any length, of which a header that is too long for `http.server` keeps its name only.

    The client sends an error's traceback as a header of up to 1 MB, for X-Ray.
    """

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line."""
        line = super().readline()
        return line if size is None or not 0 <= size <= len(line) else line.partition(b":")[0] + b":\r\n"


class _Requests(BaseHTTPRequestHandler):
    server: _RuntimeApi
    protocol_version = "HTTP/1.1"  # the client keeps its connection
    disable_nagle_algorithm = True  # headers and body go in two writes, which would wait for each other

    def setup(self) -> None:
        """Take headers of any length."""
        super().setup()
        self.rfile.close()
        self.rfile = _AnyLines(self.connection.makefile("rb", buffering=0))

    def do_GET(self) -> None:
        """Answer the next event, as soon as there is one."""
        if self.path != NEXT_PATH:
            self._unknown()
            return
        event = self.server.environment.next_event()
        if event is None:
            self.close_connection = True
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": event.request_id,
            "Lambda-Runtime-Deadline-Ms": str(event.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": self.server.environment.function.arn,
        }
        self._answer(HTTPStatus.OK, event.payload, headers)

    def do_POST(self) -> None:
        """Take an answer or an error."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environment = self.server.environment
        if self.path == INIT_ERROR_PATH:
            environment.failed(body)
            self._accept()
            return
        request_id, _, kind = self.path.removeprefix(INVOCATION_PREFIX).partition("/")
        if not self.path.startswith(INVOCATION_PREFIX) or kind not in ("response", "error"):
            self._unknown()
        elif environment.answered(request_id, body, error=kind == "error"):
            self._accept()
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, "InvalidRequestID", "Invalid request ID")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Keep the access log out of the way."""
        LOG.debug(format, *args)

    def _unknown(self) -> None:
        self._refuse(HTTPStatus.NOT_FOUND, "NotFound", f"No such operation: {self.command} {self.path}")

    def _accept(self) -> None:
        self._answer(HTTPStatus.ACCEPTED, b'{"status": "OK"}')

    def _refuse(self, status: HTTPStatus, kind: str, message: str) -> None:
        self._answer(status, json.dumps({"errorType": kind, "errorMessage": message}).encode())

    def _answer(self, status: HTTPStatus, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _runtime_of(python: Path) -> str:
    """Return what Lambda calls this interpreter; raise with the remedy when it lacks the runtime client."""
    command = [str(python), "-I", "-c", RUNTIME_SCRIPT]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as problem:
        raise SandboxError(f"{python} does not run Lambda's runtime client: run `make setup`") from problem
    return done.stdout.strip()


def _variables(function: Function, code: Path, runtime: str, port: int) -> dict[str, str]:
    """Return a process's environment variables: Lambda's, and ours but for those of our own Python."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {
        **inherited,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EXECUTION_ENV": runtime,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": function.log_stream,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_REGION": function.region,
        "LAMBDA_TASK_ROOT": str(code),
        "_HANDLER": function.handler,
        "PYTHONDONTWRITEBYTECODE": "1",  # Lambda's task root cannot be written to
        "PYTHONNOUSERSITE": "1",  # what is installed in the home directory is not there either
    }


def _kill_group(process: int) -> None:
    with suppress(ProcessLookupError):  # all of it has died already
        os.killpg(process, signal.SIGKILL)


def _exit_text(code: int) -> str:
    """Say how a process ended in Lambda's words: https://github.com/floci-io/floci/issues/3314."""
    if code < 0:
        return f"Runtime exited with error: signal: {(signal.strsignal(-code) or str(-code)).lower()}"
    if code > 0:
        return f"Runtime exited with error: exit status {code}"
    return "Runtime exited without providing a reason"
