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
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from sandbox.lambda_.function import Function, Outcome, OverTime, function_error
from sandbox.lambda_.runtime_errors import error_text, exit_text, utf8
from sandbox.shared.guarded_handler import MAX_OBJECT_BYTES
from sandbox.shared.http import HOST, JsonHandler, LocalServer
from sandbox.shared.processes import SandboxError, python_of

LOG = logging.getLogger("sandbox.lambda_.runtime_client")

# What Lambda gives a new environment before the function's own time begins:
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
INIT_SECONDS = 10.0
MAX_INVOCATION_SECONDS = 900.0  # no Lambda function runs longer
CONNECTIONS = Path("/proc/net/tcp")  # of IPv4, with their users
NEXT_PATH = "/2018-06-01/runtime/invocation/next"
INIT_ERROR_PATH = "/2018-06-01/runtime/init/error"
INVOCATION_PREFIX = "/2018-06-01/runtime/invocation/"
# What Lambda calls the interpreter, on which the client's JSON and its way to wait for events depend.
RUNTIME_SCRIPT = "import sys, awslambdaric; print('AWS_Lambda_python{}.{}'.format(*sys.version_info))"


def interpreter() -> Path:
    """Return the Python that has Lambda's runtime client.

    Raises:
        SandboxError: there is none; the text has the remedy.
    """
    return python_of("Lambda's runtime client", ".venv-lambda", "SANDBOX_LAMBDA_PYTHON")


class Environments:
    """Runs functions in processes of their own, one invocation at a time in each, and keeps the processes."""

    def __init__(self, python: Path, code: Path) -> None:
        self._python = python
        self._code = code
        self._runtime = _runtime_of(python)
        self._lock = threading.Lock()
        self._environments: set[Environment] = set()
        self._idle: defaultdict[str, list[Environment]] = defaultdict(list)
        self._closed = False
        self._keeps_idle = True

    def run(self, function: Function, event: Any, request_id: str) -> Outcome:
        """Run the handler and return what Lambda would answer.

        Raises:
            OverTime: the handler has not answered within its timeout.
            SandboxError: the functions have been stopped.
        """
        environment = self._take(function)
        try:
            return environment.run(request_id, json.dumps(event).encode())
        finally:
            self._give_back(environment)

    def start_problem(self, function: Function) -> str | None:
        """Start a process that waits for events, and return why it does not; None when it does.

        Raises:
            SandboxError: the functions have been stopped.
        """
        environment = self._take(function)
        try:
            return environment.start_problem()
        finally:
            self._give_back(environment)

    def keep_idle(self, *, keeps: bool) -> None:
        """Keep processes that wait for events from now on; or end them, and all after their invocation."""
        with self._lock:
            self._keeps_idle = keeps
            if keeps:
                return
            idle = [environment for each in self._idle.values() for environment in each]
            self._idle.clear()
            self._environments.difference_update(idle)
        for environment in idle:
            environment.close()

    def close(self) -> None:
        """End all processes, even in the middle of an invocation."""
        with self._lock:
            self._closed = True
            environments = list(self._environments)
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
                self._environments.discard(environment)
                environment.close()
            environment = Environment(function, self._python, self._code, self._runtime)
            self._environments.add(environment)
            return environment

    def _give_back(self, environment: Environment) -> None:
        with self._lock:
            if environment.usable and self._keeps_idle and not self._closed:
                self._idle[environment.function.name].append(environment)
                return
            self._environments.discard(environment)
        environment.close()


class Environment:
    """One process of one function, from its first event until it dies or is killed."""

    def __init__(self, function: Function, python: Path, code: Path, runtime: str) -> None:
        self.function = function
        self.usable = True  # until it has died, failed or run over time
        self._initialized_by = time.monotonic() + INIT_SECONDS
        self._initialized = threading.Event()  # it has requested its first event, or never will
        self._events: queue.SimpleQueue[_Event | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[Outcome | int] = queue.SimpleQueue()  # an int is its exit code
        self._request_id: str | None = None
        self._api = _RuntimeApi(self).start()
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
            self._api.stop()
            raise
        self._watcher = threading.Thread(target=self._watch, name="environment-watch", daemon=True)
        self._watcher.start()

    def run(self, request_id: str, payload: bytes) -> Outcome:
        """Hand an event to the process and return the outcome.

        Raises:
            OverTime: the process has not answered within the timeout.
        """
        seconds = self.function.timeout_seconds
        # A start that takes longer than Lambda's limit goes on at the function's expense.
        latest = max(time.monotonic(), self._initialized_by)
        self._initialized.wait(latest + seconds - time.monotonic())
        left = seconds - max(0.0, time.monotonic() - latest)
        self._request_id = request_id
        self._events.put(_Event(request_id, int((time.time() + left) * 1000), payload))
        try:
            result = self._results.get(timeout=max(0.0, left))
        except queue.Empty:
            self.usable = False
            raise OverTime(self._peak_kb()) from None
        if isinstance(result, Outcome):
            return result
        text = f"RequestId: {request_id} Error: {exit_text(result)}"
        LOG.error("%s: %s", self.function.name, text)
        return function_error("Runtime.ExitError", text)

    def start_problem(self) -> str | None:
        """Wait until the process asks for its first event, and return why it does not; None when it does."""
        seconds = self._initialized_by - time.monotonic() + self.function.timeout_seconds
        if not self._initialized.wait(seconds):
            self.usable = False
            return f"they take longer than {INIT_SECONDS + self.function.timeout_seconds:.0f} seconds"
        if self.usable:
            return None
        result = self._results.get()
        return exit_text(result) if isinstance(result, int) else error_text(result.body)

    def kill(self) -> None:
        """Kill the process and what it has started; harmless when it has died already."""
        if self._watcher.is_alive():  # otherwise the number may be another process's by now
            _kill_group(self._process.pid)

    def close(self) -> None:
        """Leave nothing behind: no process, no thread, no open port; a second time does nothing."""
        self.usable = False
        self.kill()
        self._watcher.join()
        self._events.put(None)
        self._api.stop()

    def next_event(self) -> _Event | None:
        """For the Runtime API: wait for the next event; None is the end."""
        self._initialized.set()
        event = self._events.get()
        if event is None:
            self._events.put(None)  # for other threads that wait
        return event

    def take_answer(self, request_id: str, body: bytes, *, error: bool) -> bool:
        """For the Runtime API: take a handler's answer; False for one that is not awaited any more."""
        if request_id != self._request_id:
            return False
        self._request_id = None
        self._results.put(Outcome(body, error, self._peak_kb()))
        return True

    def fail(self, body: bytes) -> None:
        """For the Runtime API: take why the handler cannot be loaded; the process ends by itself."""
        self.usable = False
        self._results.put(Outcome(body, function_error=True, peak_kb=self._peak_kb()))
        self._initialized.set()

    def _watch(self) -> None:
        """Wait for the process's end, then kill what it has started: in Lambda it would end with it, too."""
        process = self._process
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # the number stays its own until `wait`
        self.usable = False
        _kill_group(process.pid)
        self._results.put(process.wait())
        self._initialized.set()

    def _peak_kb(self) -> int | None:
        """Return the process's peak resident memory; None once the process has ended."""
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


class _RuntimeApi(LocalServer):
    """The Runtime API of one environment."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        super().__init__(_RuntimeApiHandler)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - socketserver's
        """Take no other user's connection: events have credentials, and the client has none to show."""
        return _user_of(client_address[1], self.server_port) in (None, os.getuid())


class _AnyLines(io.BufferedReader):
    """Lines of any length; of a header that is too long for `http.server` only the name is kept.

    The client sends an error's traceback as a header of up to 1 MB, for X-Ray.
    """

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line."""
        line = super().readline()
        return line if size is None or not 0 <= size <= len(line) else line.partition(b":")[0] + b":\r\n"


class _RuntimeApiHandler(JsonHandler):
    server: _RuntimeApi
    reader = _AnyLines
    max_body_bytes = MAX_OBJECT_BYTES  # Lambda refuses large answers, and this does not
    idle_seconds = MAX_INVOCATION_SECONDS  # between an event and its answer

    def get(self) -> None:
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
        self.answer(HTTPStatus.OK, event.payload, headers)

    def post(self) -> None:
        """Take an answer or an error."""
        body = utf8(self.body())
        environment = self.server.environment
        if self.path == INIT_ERROR_PATH:
            environment.fail(body)
            self._accept()
            return
        request_id, _, kind = self.path.removeprefix(INVOCATION_PREFIX).partition("/")
        if not self.path.startswith(INVOCATION_PREFIX) or kind not in ("response", "error"):
            self._unknown()
        elif environment.take_answer(request_id, body, error=kind == "error"):
            self._accept()
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, "InvalidRequestID", "Invalid request ID")

    def _unknown(self) -> None:
        self._refuse(HTTPStatus.NOT_FOUND, "NotFound", f"No such operation: {self.command} {self.path}")

    def _accept(self) -> None:
        self.answer(HTTPStatus.ACCEPTED, {"status": "OK"})

    def _refuse(self, status: HTTPStatus, error_type: str, message: str) -> None:
        self.answer(status, {"errorType": error_type, "errorMessage": message})


def _user_of(client_port: int, server_port: int) -> int | None:
    """Return the user at a connection's other end, -1 when there is none; None if the system does not say."""
    ends = f":{client_port:04X}", f":{server_port:04X}"
    try:
        lines = CONNECTIONS.read_text().splitlines()
    except OSError:  # only Linux has it
        return None
    rows = [line.split() for line in lines if ends[0] in line]  # of what may be thousands
    users = [int(row[7]) for row in rows if row[1].endswith(ends[0]) and row[2].endswith(ends[1])]
    return users[0] if users else -1


@cache
def _runtime_of(python: Path) -> str:
    """Return Lambda's name for this interpreter.

    Raises:
        SandboxError: it lacks the runtime client.
    """
    command = [str(python), "-I", "-c", RUNTIME_SCRIPT]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as problem:
        raise SandboxError(f"{python} does not run Lambda's runtime client: run `make setup`") from problem
    return done.stdout.strip()


def _variables(function: Function, code: Path, runtime: str, port: int) -> dict[str, str]:
    """Return a process's environment variables: Lambda's and this process's, without those of our Python."""
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
        "AWS_LAMBDA_RUNTIME_API": f"{HOST}:{port}",
        "AWS_REGION": function.region,
        "LAMBDA_TASK_ROOT": str(code),
        "_HANDLER": function.handler,
        "PYTHONDONTWRITEBYTECODE": "1",  # Lambda's task root cannot be written to
        "PYTHONNOUSERSITE": "1",  # nor are packages of the home directory there
    }


def _kill_group(process: int) -> None:
    with suppress(ProcessLookupError):  # all of it has died already
        os.killpg(process, signal.SIGKILL)
