"""The measurements: what is timed, in which order, against what."""

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
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from benchmarks.packages import Side
from benchmarks.stub_aws import ARN, GROUP, PAGES, SPECIFICATION, Call
from packager.project import ROOT
from sandbox.shared.processes import Child, clean_environment
from sandbox.shared.settings import ACCOUNT, REGION

ACTIONS = ("CREATE", "READ", "UPDATE", "DELETE", "LIST")
# A read as CloudFormation sends it to a type that was registered with a LoggingConfig.
LOGGED = "READ with logs and metrics"
WORKER = ROOT / "benchmarks" / "worker.py"
# What the figures are of, as the JSON names it.
WARM, COLD, LIST, PACKAGE = "warm overhead in ms", "cold start in ms", "list of 10,000", "package"
MEMORY, GROWTH, ZIP = "peak memory in MiB", "memory growth in KiB", "zip in bytes"

Figure = dict[str, Any]


class MeasurementError(Exception):
    """What was to be measured did not work; the text says what it said."""


def version(python: Path) -> str:
    """An interpreter's version."""
    said = subprocess.run([python, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    return said.stdout.split()[1]


def everything(sides: dict[str, Side], python: Path, rounds: int) -> dict[str, Any]:
    """All figures, by what they are of and then by side."""
    with Wire() as wire:
        return {
            WARM: warm(sides, python, wire, rounds),
            COLD: cold(sides, python, wire, rounds),
            LIST: listing(sides, python, wire),
            PACKAGE: {name: {ZIP: side.zip_bytes, "files": side.files} for name, side in sides.items()},
        }


class Wire:
    """The server with the canned answers, in a process of its own."""

    def __enter__(self) -> Self:
        log = Path(os.devnull)
        command = [sys.executable, "-m", "benchmarks.stub_aws"]
        self._child = Child("wire", command, env=clean_environment(), cwd=ROOT, log=log)
        self.endpoint = str(self._child.start()["endpoint"])
        return self

    def __exit__(self, *_: object) -> None:
        self._child.stop()

    def calls(self) -> list[Call]:
        """The requests that came since the last time this was asked, as they came."""
        connection = self._connect()
        connection.request("GET", "/")
        found: list[Call] = json.loads(connection.getresponse().read())
        connection.close()
        return found

    def floor(self, calls: Iterable[Call]) -> float:
        """Seconds that the same requests take with nothing around them, one after the other."""
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


class Worker:
    """A process that has loaded one package."""

    def __init__(self, side: Side, python: Path, endpoint: str) -> None:
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(  # noqa: S603
            [python, "-S", WORKER, side.entry],
            env=environment(side, endpoint),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        try:
            self._receive()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
        self._log.close()

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        """The answer, and what it took: seconds, and the process's peak and present memory in kB."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()
        told = self._receive()
        if told["answer"]["status"] != "SUCCESS":
            raise MeasurementError(f"{event['action']} did not succeed: {told['answer']}")
        return told

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            self._log.seek(0)
            raise MeasurementError(f"the process that was measured has ended:\n{self._log.read()[-2000:]}")
        told: dict[str, Any] = json.loads(line)
        return told


def environment(side: Side, endpoint: str) -> dict[str, str]:
    """Variables of a process that runs a package: only the package is on the path, and nothing is written."""
    return clean_environment(
        PYTHONPATH=str(side.folder),
        # Whoever runs this as root could write where nobody may.
        PYTHONDONTWRITEBYTECODE="1",
        AWS_DEFAULT_REGION=REGION,
        AWS_REGION=REGION,
        AWS_ENDPOINT_URL=endpoint,
    )


def warm(sides: dict[str, Side], python: Path, wire: Wire, rounds: int) -> dict[str, Any]:
    """Time in the handler less the time that its calls take on the wire, for each action and side."""
    figures: dict[str, Any] = {}
    with ExitStack() as running:
        names = ("ours", "usual")
        workers = {name: running.enter_context(Worker(sides[name], python, wire.endpoint)) for name in names}
        for action in (*ACTIONS, LOGGED):
            samples: dict[str, list[float]] = {name: [] for name in ("floor", *names)}
            calls: dict[str, list[str]] = {}
            for each in range(rounds + 1):
                for name, worker in workers.items():
                    wire.calls()
                    seconds = worker.invoke(event(action, sides[name].type_name))["seconds"]
                    came = wire.calls()
                    calls[name] = [call["operation"] for call in came]
                    floor = wire.floor(came)
                    if each:  # the first round warms up
                        samples[name].append(seconds - floor)
                        if name == "ours":
                            samples["floor"].append(floor)
            figures[action] = {
                name: {**spread(taken, 1000), **({"calls": calls[name]} if name in calls else {})}
                for name, taken in samples.items()
            }
        last = {name: worker.invoke(event("READ", sides[name].type_name)) for name, worker in workers.items()}
        figures[MEMORY] = {name: {"median": told["peak"] / 1024} for name, told in last.items()}
    return figures


_FIRST_READ = """
import importlib, json, os
entry = importlib.import_module(os.environ["MODULE"]).resource
assert entry(json.loads(os.environ["EVENT"]), None)["status"] == "SUCCESS"
"""
# What the process itself says: what its parent counts begins with the parent's own memory.
_TELL_PEAK = """
for line in open("/proc/self/status", encoding="ascii"):
    if line.startswith("VmHWM"):
        print(int(line.split()[1]))
"""


def cold(sides: dict[str, Side], python: Path, wire: Wire, rounds: int) -> dict[str, Any]:
    """From a process's start to the end of its first READ; beside it, what importing the library takes."""
    runs = {name: (side, _FIRST_READ) for name, side in sides.items()}
    runs["the library alone"] = (sides["ours"], "import cloudformation_cli_python_lib")
    runs["the interpreter alone"] = (sides["ours"], "")
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    peaks: dict[str, list[float]] = {name: [] for name in runs}
    for each in range(rounds + 1):
        for name, (side, code) in runs.items():
            variables = {
                **environment(side, wire.endpoint),
                "MODULE": side.entry.rpartition(".")[0],
                "EVENT": json.dumps(event("READ", side.type_name)),
            }
            started = time.perf_counter()
            done = subprocess.run(  # noqa: S603
                [python, "-S", "-c", code + _TELL_PEAK],
                env=variables,
                capture_output=True,
                text=True,
                check=False,
            )
            taken = time.perf_counter() - started
            if done.returncode:
                raise MeasurementError(f"{name}: {done.stderr}")
            if each:
                seconds[name].append(taken)
                peaks[name].append(int(done.stdout) / 1024)
    return {name: {**spread(seconds[name], 1000), MEMORY: statistics.median(peaks[name])} for name in runs}


def listing(sides: dict[str, Side], python: Path, wire: Wire) -> dict[str, Any]:
    """List 10,000 packages page by page: how many pages, what each takes, what memory does meanwhile."""
    figures = {}
    for name in ("ours", "usual"):
        with Worker(sides[name], python, wire.endpoint) as worker:
            request = event("LIST", sides[name].type_name)
            worker.invoke(request)  # warms up
            wire.calls()
            found: set[str] = set()
            pages: list[dict[str, Any]] = []
            token = None
            while len(pages) < PAGES and (token or not pages):
                pages.append(worker.invoke({**request, "nextToken": token}))
                answer = pages[-1]["answer"]
                found |= {model["ModelPackageArn"] for model in answer["resourceModels"]}
                token = answer.get("nextToken")
            wire.calls()
            figures[name] = {
                **spread([page["seconds"] for page in pages], 1000),
                "pages": len(pages),
                "packages": len(found),
                # From the tenth page on, when caches are full, to the last.
                GROWTH: pages[-1]["now"] - pages[9]["now"],
            }
    return figures


def event(action: str, type_name: str) -> dict[str, Any]:
    """What CloudFormation sends for an action on a version in a group."""
    if action == LOGGED:
        logged = event("READ", type_name)
        data = logged["requestData"]
        data |= {"providerLogGroupName": "logs", "providerCredentials": data["callerCredentials"]}
        return logged
    desired: dict[str, Any] = {"ModelPackageGroupName": GROUP, "InferenceSpecification": SPECIFICATION}
    previous = None
    if action != "CREATE":
        desired["ModelPackageArn"] = ARN
    if action == "UPDATE":
        previous, desired = desired, {**desired, "ModelApprovalStatus": "Approved"}
    return {
        "action": action,
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
            "callerCredentials": {
                "accessKeyId": "testing",
                "secretAccessKey": "testing",
                "sessionToken": "testing",
            },
            "stackTags": {},
            "previousStackTags": {},
            "systemTags": {},
        },
    }


def spread(samples: list[float], factor: float) -> Figure:
    """Median, least and most of the samples, in the unit that the factor gives."""
    return {
        "median": statistics.median(samples) * factor,
        "min": min(samples) * factor,
        "max": max(samples) * factor,
    }
