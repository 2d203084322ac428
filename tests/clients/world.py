"""The sandbox that the tools are run against, the tools' processes, and what is there afterwards."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import boto3
from botocore.exceptions import ClientError

from sandbox.shared.credentials import Credentials
from sandbox.shared.http_request import ask
from sandbox.shared.settings import ROOT
from tests.clients.outcomes import fail, tail

START_SECONDS = 120.0
STOP_SECONDS = 20.0
TOOL_SECONDS = 240.0
POLL_SECONDS = 0.2
SETTLE_SECONDS = 60.0
# The delays between a handler's callbacks pass so many times as fast.
TIME_SCALE = "0.02"
# No tool may send anything off the machine, but for SAM's question for its newest version, to PyPI.
QUIET = {
    "SAM_CLI_TELEMETRY": "0",
    "CDK_DISABLE_CLI_TELEMETRY": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "NO_UPDATE_NOTIFIER": "1",
    "NO_COLOR": "1",
    "NODE_NO_WARNINGS": "1",
    "PYTHONWARNINGS": "ignore",
    # Node 20 still does, with a long warning that it is too old.
    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
}
Json = dict[str, Any]


@dataclass(frozen=True)
class Output:
    """What a tool printed, both streams, and its exit code."""

    code: int
    text: str

    def succeeded(self) -> Self:
        """Return it; raise FailedError if the exit code is another than 0."""
        if self.code:
            fail(f"exit code {self.code}\n{tail(self.text)}")
        return self

    def holds(self, *words: str) -> Self:
        """Return it; raise FailedError unless each of the words is in it."""
        for word in words:
            if word not in self.text:
                fail(f"{word!r} is not in what it prints\n{tail(self.text)}")
        return self


class World:
    """Starts `python -m sandbox start` on entering and stops it on leaving.

    `environment` is what a tool gets: the variables that the sandbox prints, and what no shell is without.
    """

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="clients-")
        self.folder = Path(self._temporary.name)
        self.printed: dict[str, str] = {}
        self.bootstrap_lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._tools: set[subprocess.Popen[bytes]] = set()
        self._tools_lock = threading.Lock()
        self._is_ending = False

    def __enter__(self) -> Self:
        command = [str(ROOT / ".venv" / "bin" / "python"), "-m", "sandbox", "start", "--json"]
        command += ["--time-scale", TIME_SCALE, "--state", str(self.folder / "sandbox.json")]
        with (self.folder / "sandbox.log").open("w") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )
        assert self._process.stdout is not None
        try:
            self.printed = json.loads(_first_line(self._process.stdout))["environment"]
        except BaseException as problem:
            log_text = tail((self.folder / "sandbox.log").read_text())
            self.__exit__()
            if isinstance(problem, KeyboardInterrupt):
                raise
            raise SystemExit(f"The sandbox did not start: {problem!r}\n{log_text}") from problem
        self.sagemaker: Any = self.client("sagemaker")
        self.cloudformation: Any = self.client("cloudformation")
        return self

    def __exit__(self, *_: object) -> None:
        self.end_tools()
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            assert process.stdout is not None
            process.stdout.close()
        self._temporary.cleanup()

    def client(self, service: str) -> Any:
        """Return a boto3 client of the sandbox, made of the printed variables."""
        endpoint = self.printed.get(f"AWS_ENDPOINT_URL_{service.upper()}", self.printed["AWS_ENDPOINT_URL"])
        session = boto3.session.Session(
            self.printed["AWS_ACCESS_KEY_ID"],
            self.printed["AWS_SECRET_ACCESS_KEY"],
            self.printed.get("AWS_SESSION_TOKEN"),
            self.printed["AWS_DEFAULT_REGION"],
        )
        return session.client(service, endpoint_url=endpoint)

    @property
    def region(self) -> str:
        """The Region of the printed variables."""
        return self.printed["AWS_DEFAULT_REGION"]

    def run(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        typed: str | None = None,
        **variables: str,
    ) -> Output:
        """Run a tool to its end; one that outlasts TOOL_SECONDS is ended with all that it started.

        With `typed` it runs on a terminal, at which that is typed.
        """
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        path = os.pathsep.join(
            [str(Path(command[0]).parent), str(ROOT / ".venv" / "bin"), os.environ["PATH"]]
        )
        base = {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "TMPDIR": str(self.folder)}
        own, theirs = os.pipe() if typed is None else pty.openpty()
        with open(own, "rb", buffering=0) as output:
            try:
                process = self._start(
                    [str(each) for each in command],
                    cwd=cwd or self.folder,
                    env={**base, **QUIET, **self.printed, **variables},
                    stdin=subprocess.DEVNULL if typed is None else theirs,
                    stdout=theirs,
                )
            finally:
                os.close(theirs)
            if typed is not None:
                os.write(own, typed.encode())
            text = self._read(process, output)
        return Output(process.wait(), text)

    def _start(self, command: list[str], **settings: Any) -> subprocess.Popen[bytes]:
        with self._tools_lock:
            if self._is_ending:
                fail("interrupted")
            process = subprocess.Popen(  # noqa: S603 - the pinned tools
                command, stderr=subprocess.STDOUT, start_new_session=True, **settings
            )
            self._tools.add(process)
        return process

    def _read(self, process: subprocess.Popen[bytes], output: IO[bytes]) -> str:
        """Return what a tool prints until it ends, or the time does."""
        data = b""
        end = time.monotonic() + TOOL_SECONDS
        try:
            while select.select([output], [], [], max(0.0, end - time.monotonic()))[0]:
                try:
                    chunk = output.read(1 << 16)
                except OSError:  # how a terminal ends
                    chunk = b""
                if not chunk:
                    return data.decode(errors="replace").replace("\r\n", "\n")
                data += chunk
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            fail(f"it did not end within {TOOL_SECONDS:.0f} s\n{tail(data.decode(errors='replace'))}")
        finally:
            with self._tools_lock:
                self._tools.discard(process)

    def end_tools(self) -> None:
        """End every tool that runs, with all that it started; none is started any more."""
        with self._tools_lock:
            self._is_ending = True
            for process in self._tools:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    # --- the effects ------------------------------------------------------------------------------

    def versions(self, group: str) -> list[str]:
        """Return the ARNs of a group's versions, the oldest first; none where there is no group."""
        try:
            pages = self.sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
            summaries = [each for page in pages for each in page["ModelPackageSummaryList"]]
        except ClientError:
            return []
        return [
            each["ModelPackageArn"] for each in sorted(summaries, key=lambda one: one["ModelPackageVersion"])
        ]

    def package(self, arn: str) -> Json:
        """Return a package as SageMaker describes it."""
        return dict(self.sagemaker.describe_model_package(ModelPackageName=arn))

    def stack(self, name: str) -> Json | None:
        """Return a stack that has come to rest; None if there is none."""
        end = time.monotonic() + SETTLE_SECONDS
        while True:
            try:
                stack = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
            except ClientError:
                return None
            if not stack["StackStatus"].endswith("_IN_PROGRESS") or time.monotonic() > end:
                return dict(stack)
            time.sleep(POLL_SECONDS)

    def status(self, name: str) -> str:
        """Return the status of a stack that has come to rest; `none` if there is none."""
        stack = self.stack(name)
        return str(stack["StackStatus"]) if stack else "none"

    def physical_id(self, stack: str, logical_id: str) -> str:
        """Return the physical id of a stack's resource."""
        detail = self.cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
        return str(detail["StackResourceDetail"]["PhysicalResourceId"])

    def writes(self, group: str) -> list[str]:
        """Return the writing operations that SageMaker got about a group and its versions, so far."""
        credentials = Credentials(self.printed["AWS_ACCESS_KEY_ID"], self.printed["AWS_SECRET_ACCESS_KEY"])
        calls = ask(self.printed["AWS_ENDPOINT_URL_SAGEMAKER"], "GET", "/sandbox/calls", credentials)
        return [
            call["operation"]
            for call in calls
            if not call["operation"].startswith(("Describe", "List", "Search", "BatchDescribe", "Get"))
            and group in json.dumps(call["input"])
        ]


def _first_line(stream: IO[str]) -> str:
    """Return the line with which the sandbox says that it runs."""
    readable, _, _ = select.select([stream], [], [], START_SECONDS)
    if not readable:
        raise TimeoutError(f"it was not ready in {START_SECONDS:.0f} s")
    return stream.readline()


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write the files of a tool's project."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
