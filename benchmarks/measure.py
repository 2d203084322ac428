"""What every measurement starts: the stub of AWS, processes that run one package, CloudFormation's events."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

from benchmarks.certificates import Certificates
from benchmarks.packages import Side
from benchmarks.stub_aws import ARN, GROUP, SPECIFICATION, Call
from benchmarks.throttle import throttled
from packager.project import ROOT
from sandbox.shared.credentials import Credentials
from sandbox.shared.processes import Child, clean_environment
from sandbox.shared.settings import ACCOUNT, REGION

ACTIONS = ("CREATE", "READ", "UPDATE", "DELETE", "LIST")
# A read as CloudFormation sends it to a type that was registered with a LoggingConfig.
LOGGED = "READ with logs and metrics"
WORKER = ROOT / "benchmarks" / "worker.py"

Json = dict[str, Any]
T = TypeVar("T")


class MeasurementError(Exception):
    """A measured process failed; the message has its answer or its log."""


@dataclass(frozen=True)
class StubAws:
    """The stub server, in a process of its own, and a connection to it that is kept open."""

    endpoint: str
    _context: ssl.SSLContext | None
    _connection: http.client.HTTPConnection

    def take_calls(self) -> list[Call]:
        """The requests since this was last called, as they came."""
        try:
            return self._ask_calls()
        except (ConnectionError, http.client.HTTPException):  # idle for too long, so the stub has closed it
            self._connection.close()
            return self._ask_calls()

    def _ask_calls(self) -> list[Call]:
        self._connection.request("GET", "/")
        calls: list[Call] = json.loads(self._connection.getresponse().read())
        return calls

    def replay(self, calls: Iterable[Call]) -> float:
        """Send requests that were just taken again, in turn, on the open connection; the seconds."""
        requests = [(call["body"].encode(), call["headers"]) for call in calls]
        started = time.perf_counter()
        for body, headers in requests:
            self._connection.putrequest("POST", "/", skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                self._connection.putheader(name, value)
            self._connection.endheaders(body)
            self._connection.getresponse().read()
        return time.perf_counter() - started

    def connect(self) -> float:
        """The seconds to open another connection, with its handshake but without a trust store."""
        with closing(_connection(self.endpoint, self._context)) as connection:
            started = time.perf_counter()
            connection.connect()
            return time.perf_counter() - started


def _connection(endpoint: str, context: ssl.SSLContext | None) -> http.client.HTTPConnection:
    address = urllib.parse.urlsplit(endpoint)
    host, port = str(address.hostname), address.port
    if context is None:
        return http.client.HTTPConnection(host, port, timeout=30)
    return http.client.HTTPSConnection(host, port, timeout=30, context=context)


@contextmanager
def stub_aws(certificates: Certificates | None = None) -> Iterator[StubAws]:
    """Start the stub server, which speaks TLS where there are certificates, and stop it at the end."""
    command = [sys.executable, "-m", "benchmarks.stub_aws"]
    context = None
    if certificates:
        command += ["--certificate", str(certificates.server)]
        context = certificates.client_context()
    child = Child("stub", command, env=clean_environment(), cwd=ROOT, log=Path(os.devnull))
    try:
        endpoint = str(child.start()["endpoint"])
        with closing(_connection(endpoint, context)) as connection:
            yield StubAws(endpoint, context, connection)
    finally:
        child.stop()


@dataclass(frozen=True)
class Run:
    """How packages are measured: by which interpreter, against which stub, how often, with which share.

    Without a share of a processor they have as much as there is.
    """

    python: Path
    stub: StubAws
    rounds: int
    share: float | None = None

    def order(self, sides: Mapping[str, T]) -> Iterator[list[tuple[str, T]]]:
        """The order of the sides in each round, after one that warms up; it changes from round to round."""
        pairs = list(sides.items())
        for each in range(self.rounds + 1):
            first = each % len(pairs)
            yield pairs[first:] + pairs[:first]


@dataclass(frozen=True)
class Worker:
    """A process that has loaded one package."""

    process: subprocess.Popen[str]
    log: IO[str]

    def invoke(self, event: Json) -> Json:
        """The answer, the seconds and processor seconds it took, and the process's memory in kB.

        Raises:
            MeasurementError: The answer is no success, or the process has ended.
        """
        assert self.process.stdin
        self.process.stdin.write(json.dumps(event) + "\n")
        self.process.stdin.flush()
        measured = self.receive()
        if measured["answer"]["status"] != "SUCCESS":
            raise MeasurementError(f"{event['action']} did not succeed: {measured['answer']}")
        return measured

    def receive(self) -> Json:
        """The next line of the process's output.

        Raises:
            MeasurementError: The process has ended.
        """
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            raise MeasurementError(f"the process that was measured has ended:\n{self.log.read()[-2000:]}")
        measured: Json = json.loads(line)
        return measured


@contextmanager
def worker(side: Side, python: Path, endpoint: str) -> Iterator[Worker]:
    """Start a process that has loaded a package, and end it.

    Raises:
        MeasurementError: The package does not load.
    """
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(  # noqa: S603
            [python, "-S", WORKER, side.entry],
            env=environment(side, endpoint),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        started = Worker(process, log)
        started.receive()
        yield started


def environment(side: Side, endpoint: str) -> dict[str, str]:
    """Variables of a process that runs a package: only the package is on the path, and nothing is written."""
    return clean_environment(
        PYTHONPATH=str(side.folder),
        # The folder is read-only, which does not stop root.
        PYTHONDONTWRITEBYTECODE="1",
        AWS_DEFAULT_REGION=REGION,
        AWS_REGION=REGION,
        AWS_ENDPOINT_URL=endpoint,
    )


def run_program(side: Side, python: Path, endpoint: str, code: str, action: str = "READ") -> str:
    """Run code in a process that runs a package, with MODULE and EVENT as variables; its output.

    Raises:
        MeasurementError: The code fails; the message has what it printed to stderr.
    """
    return time_program([str(python), "-S", "-c", code], first_invocation(side, endpoint, action))[0]


def first_invocation(side: Side, endpoint: str, action: str = "READ") -> dict[str, str]:
    """Variables of a process that runs a package, with its module and an event for it."""
    return {
        **environment(side, endpoint),
        "MODULE": side.entry.rpartition(".")[0],
        "EVENT": json.dumps(event(action, side.type_name)),
    }


def time_program(
    command: list[str], variables: dict[str, str], share: float | None = None
) -> tuple[str, float]:
    """Run a program, with a share of a processor or as much as there is; its output, and the seconds it took.

    The seconds end with the first line of the output, so the end of the process is not in them.

    Raises:
        MeasurementError: The program fails; the message has what it printed to stderr.
    """
    with tempfile.TemporaryFile("w+") as log:
        started = time.perf_counter()
        with (
            subprocess.Popen(  # noqa: S603
                command, env=variables, stdout=subprocess.PIPE, stderr=log, text=True
            ) as process,
            throttled(process, share),
        ):
            assert process.stdout
            first = process.stdout.readline()
            seconds = time.perf_counter() - started
            output = first + process.stdout.read()
        if process.returncode:
            log.seek(0)
            raise MeasurementError(f"{command[0]}: {log.read()}")
    return output, seconds


def event(action: str, type_name: str) -> Json:
    """CloudFormation's event for an action on a version in a group."""
    credentials = Credentials.new().of_caller()
    logging = {"providerLogGroupName": "logs", "providerCredentials": credentials}
    desired: Json = {"ModelPackageGroupName": GROUP, "InferenceSpecification": SPECIFICATION}
    previous = None
    if action != "CREATE":
        desired["ModelPackageArn"] = ARN
    if action == "UPDATE":
        previous, desired = desired, {**desired, "ModelApprovalStatus": "Approved"}
    return {
        "action": "READ" if action == LOGGED else action,
        "awsAccountId": ACCOUNT,
        "bearerToken": "bench",
        "region": REGION,
        "resourceType": type_name,
        "resourceTypeVersion": "00000001",
        "stackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/bench/1",
        "requestData": {
            "resourceProperties": {} if action == "LIST" else desired,
            "previousResourceProperties": previous,
            "logicalResourceId": "Version",
            "callerCredentials": credentials,
            "stackTags": {},
            "previousStackTags": {},
            "systemTags": {},
            **(logging if action == LOGGED else {}),
        },
    }
