"""Starts processes of the function, and sends them events as Lambda does."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import hmac
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from sandbox.shared.processes import clean_environment
from sandbox.shared.settings import ROOT
from tests.unit.events import LOGICAL_ID, REQUEST, STACK_ID, TYPE

Json = dict[str, Any]
# At the most, for a test that fails.
MAX_WAIT_SECONDS = 20.0
REGION = "eu-west-1"
# In every secret of an event, and in nothing else of a process.
MARK = "QZX7VJ"


def credentials(owner: str) -> dict[str, str]:
    """Credentials in which everything has its owner's name, with a mark that no other text has."""
    mark = f"{MARK}{owner}"
    return {
        "accessKeyId": f"AKIA{mark}",
        "secretAccessKey": f"secret/{mark}/secret",
        "sessionToken": f"token+{mark}+token",
    }


def signing_keys(secret: str, date: str, region: str, service: str) -> list[bytes]:
    """The keys that a day's signatures are made with, the last, and derived from, the others.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    keys = [f"AWS4{secret}".encode()]
    for part in (date, region, service, "aws4_request"):
        keys.append(hmac.new(keys[-1], part.encode(), hashlib.sha256).digest())
    return keys


def event(action: str, desired: Any = None, previous: Any = None, **members: Any) -> Json:
    """The production event; members of the event and of its requestData replace the defaults."""
    data = {
        "resourceProperties": desired,
        "previousResourceProperties": previous,
        "logicalResourceId": LOGICAL_ID,
        "callerCredentials": credentials("CALLER"),
        "systemTags": {},
        "stackTags": {},
        "previousStackTags": {},
        "providerLogGroupName": None,
        "providerCredentials": None,
    }
    whole = {
        "action": action,
        "awsAccountId": "111122223333",
        "bearerToken": REQUEST,
        "region": REGION,
        "resourceType": TYPE,
        "resourceTypeVersion": "00000001",
        "stackId": STACK_ID,
        "callbackContext": None,
        "nextToken": None,
    }
    for name, value in members.items():
        (data if name in data else whole)[name] = value
    return {**whole, "requestData": data}


@dataclass
class Outcome:
    """The answers to one command, and what the process observed since it began."""

    answers: list[Json]
    loads: int
    pauses: int
    resolved: list[str]
    left: list[str]
    threads: list[str]

    @property
    def answer(self) -> Json:
        """The answer to its only event."""
        (only,) = self.answers
        return only


@dataclass
class FunctionProcess:
    """A process that answers one command at a time."""

    pid: int
    _connection: Connection = field(repr=False)
    _errors: Any = field(repr=False)
    _wait: Callable[[int], str] = field(repr=False)

    def set(self, **environment: str | None) -> None:
        """Change environment variables; None removes one."""
        self.send({"environment": environment})

    def lead(self, ports: Mapping[int, int]) -> None:
        """Lead connections to these ports of test names to others."""
        self.send({"ports": {str(port): target for port, target in ports.items()}})

    def invoke(self, *events: Json, seconds: float | None = None) -> Outcome:
        """Send events, all at once; `seconds` is what Lambda has left for each."""
        return self.send({"invocations": [(each, seconds) for each in events]})

    def begin(self, *events: Json, seconds: float | None = None) -> None:
        """Send events; `end` has what `invoke` returns."""
        self._begin({"invocations": [(each, seconds) for each in copy.deepcopy(events)]})

    def end(self) -> Outcome:
        """The outcome of what has begun."""
        if not self._connection.poll(MAX_WAIT_SECONDS):
            raise TimeoutError(f"the function does not answer: {self.errors()}")
        try:
            return Outcome(**json.loads(self._connection.recv_bytes()))
        except EOFError:
            raise AssertionError(f"the function has failed: {self.errors()}") from None

    def left(self, keys: Sequence[bytes] = ()) -> list[str]:
        """What is in the process's memory of credentials, marked properties, and derived keys."""
        return self.send(
            {"marks": [MARK[::-1], MARK.lower()[::-1]], "keys": [each.hex() for each in keys]}
        ).left

    def keep(self, value: str, *, is_key: bool = False) -> None:
        """Keep a value in the process's memory, to test `left`; a key is given in hexadecimal digits."""
        self.send({"key_to_keep" if is_key else "text_to_keep": value})

    def slow_down_loads(self, seconds: float) -> None:
        """Have each trust store take so long to load."""
        self.send({"load_seconds": seconds})

    def wait_for_threads(self) -> None:
        """Wait until the threads that an invocation has left behind have ended."""
        self.send({"waits": True})

    def pass_time(self, seconds: float) -> None:
        """Let the process's clocks go on by so many seconds."""
        self.send({"later_seconds": seconds})

    def send(self, command: Json) -> Outcome:
        """Send a command and wait for its outcome."""
        self._begin(command)
        return self.end()

    def _begin(self, command: Json) -> None:
        self._connection.send_bytes(json.dumps(command).encode())

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the process, as Lambda does between two invocations."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            with open(f"/proc/{self.pid}/stat", encoding="ascii") as status:
                while status.seek(0) == 0 and status.read().rpartition(")")[2].split()[0] != "T":
                    pass
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def errors(self) -> str:
        """What the process has written to its standard error."""
        self._errors.seek(0)
        return str(self._errors.read())

    def finish(self) -> None:
        """Let the process end as Python ends any, at its close."""
        self.send({"ends_normally": True})

    def close(self) -> None:
        """End the process; one that does not is killed.

        Raises:
            AssertionError: it did not end, or it has left a socket open without a reference to it.
        """
        self._connection.close()
        descriptor = os.pidfd_open(self.pid)
        try:
            if not select.select([descriptor], [], [], MAX_WAIT_SECONDS)[0]:
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        finally:
            os.close(descriptor)
        status, errors = self._wait(self.pid), self.errors()
        self._errors.close()
        assert status == "0", errors
        for each in ("ResourceWarning", "Exception ignored"):
            assert each not in errors, errors


class Origin:
    """The process that has imported the handlers, and that processes of the function are forked from."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "always::ResourceWarning", "-m", "tests.connections.function"],
                stdin=theirs.fileno(),
                cwd=ROOT,
                env=clean_environment(),
                start_new_session=True,
            )
        self._control.recv(len("ready"))

    def _ask(self, message: bytes, descriptors: Sequence[int] = ()) -> str:
        socket.send_fds(self._control, [message], descriptors)
        return self._control.recv(64).decode()

    def fork(self) -> FunctionProcess:
        """A new process, which has not been invoked."""
        ours, theirs = socket.socketpair()
        errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - close does
        with theirs:
            pid = int(self._ask(b"f", [theirs.fileno(), errors.fileno()]))
        return FunctionProcess(pid, Connection(ours.detach()), errors, self._wait)

    def _wait(self, pid: int) -> str:
        return self._ask(str(pid).encode())

    def close(self) -> None:
        """End it."""
        self._control.close()
        self._process.wait(MAX_WAIT_SECONDS)
