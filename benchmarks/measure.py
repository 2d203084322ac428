"""The measurements: time and memory of warm invocations, of cold starts and of a long list."""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from benchmarks.packages import Side
from benchmarks.stub_aws import ARN, GROUP, PAGES, SPECIFICATION, Call
from packager.project import ROOT
from sandbox.shared.credentials import Credentials
from sandbox.shared.processes import Child, clean_environment
from sandbox.shared.settings import ACCOUNT, REGION

ACTIONS = ("CREATE", "READ", "UPDATE", "DELETE", "LIST")
# A read as CloudFormation sends it to a type that was registered with a LoggingConfig.
LOGGED = "READ with logs and metrics"
WORKER = ROOT / "benchmarks" / "worker.py"
# Keys of the figures in the JSON: what is measured, and on which sides.
WARM, COLD, LIST, PACKAGE = "warm overhead in ms", "cold start in ms", "list of 10,000", "package"
MEMORY, GROWTH, ZIP = "peak memory in MiB", "memory growth in KiB", "zip in bytes"
OURS, BARE, TEMPLATE, FLOOR = "ours", "ours without bytecode", "CLI's template", "floor"
LIBRARY, INTERPRETER = "the library alone", "the interpreter alone"

Json = dict[str, Any]


class MeasurementError(Exception):
    """A measured process failed; the message has its answer or its log."""


def all_figures(sides: dict[str, Side], python: Path, rounds: int) -> Json:
    """All figures, by what is measured and then by side.

    Raises:
        MeasurementError: A package does not load, or an action does not succeed.
    """
    with stub_aws() as stub:
        return {
            WARM: warm_overhead(sides, python, stub, rounds),
            COLD: cold_start(sides, python, stub, rounds),
            LIST: long_list(sides, python, stub),
            PACKAGE: {name: {ZIP: side.zip_bytes, "files": side.files} for name, side in sides.items()},
        }


@dataclass(frozen=True)
class StubAws:
    """The stub server, in a process of its own."""

    endpoint: str

    def take_calls(self) -> list[Call]:
        """The requests since this was last called, as they came."""
        with closing(self._connect()) as connection:
            connection.request("GET", "/")
            calls: list[Call] = json.loads(connection.getresponse().read())
        return calls

    def replay(self, calls: Iterable[Call]) -> float:
        """Send the same requests one after the other with nothing around them; the seconds they take."""
        requests = [(call["body"].encode(), call["headers"]) for call in calls]
        started = time.perf_counter()
        connection = self._connect()
        for body, headers in requests:
            connection.putrequest("POST", "/", skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders(body)
            connection.getresponse().read()
        connection.close()
        return time.perf_counter() - started

    def _connect(self) -> http.client.HTTPConnection:
        address = urllib.parse.urlsplit(self.endpoint)
        return http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)


@contextmanager
def stub_aws() -> Iterator[StubAws]:
    """Start the stub server, and stop it at the end."""
    command = [sys.executable, "-m", "benchmarks.stub_aws"]
    child = Child("stub", command, env=clean_environment(), cwd=ROOT, log=Path(os.devnull))
    try:
        yield StubAws(str(child.start()["endpoint"]))
    finally:
        child.stop()


@dataclass(frozen=True)
class Worker:
    """A process that has loaded one package."""

    process: subprocess.Popen[str]
    log: IO[str]

    def invoke(self, event: Json) -> Json:
        """The answer, the seconds it took, and the process's peak and resident memory in kB.

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
            env=_environment(side, endpoint),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        started = Worker(process, log)
        started.receive()
        yield started


def _environment(side: Side, endpoint: str) -> dict[str, str]:
    """Variables of a process that runs a package: only the package is on the path, and nothing is written."""
    return clean_environment(
        PYTHONPATH=str(side.folder),
        # The folder is read-only, which does not stop root.
        PYTHONDONTWRITEBYTECODE="1",
        AWS_DEFAULT_REGION=REGION,
        AWS_REGION=REGION,
        AWS_ENDPOINT_URL=endpoint,
    )


def warm_overhead(sides: dict[str, Side], python: Path, stub: StubAws, rounds: int) -> Json:
    """Time in the handler less the time of the bare HTTP round trips, for each action and side."""
    figures: Json = {}
    with ExitStack() as stack:
        names = (OURS, TEMPLATE)
        workers = {name: stack.enter_context(worker(sides[name], python, stub.endpoint)) for name in names}
        for action in (*ACTIONS, LOGGED):
            samples: dict[str, list[float]] = {name: [] for name in (FLOOR, *names)}
            operations: dict[str, Json] = {}
            for each in range(rounds + 1):
                for name in names:
                    stub.take_calls()
                    seconds = workers[name].invoke(event(action, sides[name].type_name))["seconds"]
                    calls = stub.take_calls()
                    operations[name] = {"calls": [call["operation"] for call in calls]}
                    floor = stub.replay(calls)
                    if each:  # the first round warms up
                        samples[name].append(seconds - floor)
                        if name == OURS:
                            samples[FLOOR].append(floor)
            figures[action] = {name: spread(samples[name]) | operations.get(name, {}) for name in samples}
        figures[MEMORY] = {
            name: {"median": workers[name].invoke(event("READ", sides[name].type_name))["peak_kb"] / 1024}
            for name in names
        }
    return figures


_FIRST_READ = """
import importlib, json, os
entry = importlib.import_module(os.environ["MODULE"]).resource
assert entry(json.loads(os.environ["EVENT"]), None)["status"] == "SUCCESS"
"""
# By the process itself: the parent's count begins with the parent's own memory.
_PRINT_PEAK_KB = """
for line in open("/proc/self/status", encoding="ascii"):
    if line.startswith("VmHWM"):
        print(int(line.split()[1]))
"""


def cold_start(sides: dict[str, Side], python: Path, stub: StubAws, rounds: int) -> Json:
    """From a process's start to the end of its first READ; beside it, the import of the library alone."""
    programs = {name: (side, _FIRST_READ) for name, side in sides.items()}
    programs[LIBRARY] = (sides[OURS], "import cloudformation_cli_python_lib")
    programs[INTERPRETER] = (sides[OURS], "")
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    peaks: dict[str, list[float]] = {name: [] for name in programs}
    for each in range(rounds + 1):
        for name, (side, code) in programs.items():
            started = time.perf_counter()
            peak_kb = run_program(side, python, stub.endpoint, code + _PRINT_PEAK_KB)
            taken = time.perf_counter() - started
            if each:  # the first round warms up
                seconds[name].append(taken)
                peaks[name].append(int(peak_kb) / 1024)
    return {name: {**spread(seconds[name]), MEMORY: statistics.median(peaks[name])} for name in programs}


def run_program(side: Side, python: Path, endpoint: str, code: str, action: str = "READ") -> str:
    """Run code in a process that runs a package, with MODULE and EVENT as variables; its output.

    Raises:
        MeasurementError: The code fails; the message has what it printed to stderr.
    """
    variables = {
        **_environment(side, endpoint),
        "MODULE": side.entry.rpartition(".")[0],
        "EVENT": json.dumps(event(action, side.type_name)),
    }
    command = [str(python), "-S", "-c", code]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise MeasurementError(f"{side.type_name}: {done.stderr}")
    return done.stdout


def long_list(sides: dict[str, Side], python: Path, stub: StubAws) -> Json:
    """List 10,000 packages page by page: the pages, the time of each, and the memory from page 10 on."""
    figures = {}
    for name in (OURS, TEMPLATE):
        with worker(sides[name], python, stub.endpoint) as process:
            request = event("LIST", sides[name].type_name)
            process.invoke(request)  # warms up
            arns: set[str] = set()
            pages: list[Json] = []
            token = None
            while len(pages) < PAGES and (token or not pages):
                pages.append(process.invoke({**request, "nextToken": token}))
                answer = pages[-1]["answer"]
                arns |= {model["ModelPackageArn"] for model in answer["resourceModels"]}
                token = answer.get("nextToken")
            stub.take_calls()
            figures[name] = {
                **spread([page["seconds"] for page in pages]),
                "pages": len(pages),
                "packages": len(arns),
                # From the tenth page on caches are full.
                GROWTH: pages[-1]["resident_kb"] - pages[9]["resident_kb"],
            }
    return figures


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


def spread(seconds: list[float]) -> dict[str, float]:
    """Median, least and most of these times, in milliseconds."""
    return {
        "median": statistics.median(seconds) * 1000,
        "min": min(seconds) * 1000,
        "max": max(seconds) * 1000,
    }
