"""Everything the type needs to run on this machine: SageMaker, functions, CloudFormation, Cloud Control."""

from __future__ import annotations

import http.client
import json
import os
import sys
import tempfile
import urllib.parse
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sandbox.children import Child, SandboxError, clean_environment

if TYPE_CHECKING:
    from sandbox.sagemaker import SageMakerServer

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "aws-sagemaker-modelpackage.json"
TEMPLATE = ROOT / "template.yml"
CODE = ROOT / "src"

REGION = "us-east-1"
CREDENTIALS = {
    "aws_access_key_id": "testing",
    "aws_secret_access_key": "testing",
    "aws_session_token": "testing",
}
# The discard port, where nothing listens: without a local SageMaker, handlers must not find the real one.
NOWHERE = "http://127.0.0.1:9"
# What botocore would take from the developer's shell and home directory: a profile may set endpoints, too.
OWN_SETTINGS = ("profile", "config_file", "credentials_file")
# Whose clients do not go to the local SageMaker, which is moto's server and has the rest of AWS in it.
PARTS = {"lambda": "functions", "cloudformation": "cloudformation", "cloudcontrol": "cloudcontrol"}
INVOCATIONS_PATH = "/sandbox/invocations"


def engine_python() -> Path:
    """Return the Python that has the CloudFormation engine, or raise with the remedy."""
    return python_of("The CloudFormation engine", ".venv-engine", "SANDBOX_ENGINE_PYTHON")


def python_of(what: str, folder: str, variable: str) -> Path:
    """Return the Python of an environment of `make setup`, or the one the variable names, or raise."""
    chosen = os.environ.get(variable)
    python = Path(chosen) if chosen else ROOT / folder / "bin" / "python"
    if not python.exists():
        raise SandboxError(f"{what} has no Python at {python}: run `make setup`, or set {variable}")
    return python


class Sandbox:
    """Starts the local AWS on entering and stops all of it on leaving.

    `sagemaker=False`, `functions=False`, `engine=False` and `cloudcontrol=False` leave a part out; the engine
    needs the functions, and Cloud Control goes with them. With `runtime_python`, handlers run in processes of
    that interpreter under Lambda's runtime client; `sandbox.runtime.interpreter` finds it.
    """

    def __init__(  # noqa: PLR0913 - each has its default
        self,
        *,
        sagemaker: bool = True,
        functions: bool = True,
        engine: bool = True,
        cloudcontrol: bool = True,
        schemas: Sequence[Path] = (SCHEMA,),
        template: Path = TEMPLATE,
        code: Path = CODE,
        runtime_python: Path | None = None,
        function: str = "TypeFunction",
        time_scale: float = 1.0,
        logs: Path | None = None,
    ) -> None:
        if engine and not functions:
            raise ValueError("the engine needs the functions")
        self._with_sagemaker = sagemaker
        self._with_functions = functions
        self._with_engine = engine
        self._with_cloudcontrol = cloudcontrol and functions
        self._schemas = list(schemas)
        self._template = template
        self._code = code
        self._runtime_python = runtime_python
        self._function = function
        self.time_scale = time_scale
        self._wanted_logs = logs
        self._running = ExitStack()
        self._sagemaker: SageMakerServer | None = None
        self.endpoints: dict[str, str] = {}
        self.logs: Path | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def sagemaker(self) -> SageMakerServer:
        """The local SageMaker, which runs in this process: its behaviour and its packages."""
        if self._sagemaker is None:
            raise RuntimeError("the local SageMaker is not running")
        return self._sagemaker

    def start(self) -> Self:
        """Start every part that is wanted; what has started is stopped again if a later one fails."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop every part, the last one first; a second time does nothing."""
        self._running.close()
        self._sagemaker = None
        self.endpoints = {}

    def client(self, service: str, **settings: Any) -> Any:
        """Return a boto3 client of the local AWS; some services have servers of their own."""
        import boto3
        import botocore.session
        from botocore.config import Config

        part = PARTS.get(service, "sagemaker")
        if part not in self.endpoints:
            raise RuntimeError(f"the sandbox was started without {part}")
        session = botocore.session.Session(session_vars=dict.fromkeys(OWN_SETTINGS, (None, None, None, None)))
        return boto3.session.Session(botocore_session=session).client(
            service,
            **{
                "endpoint_url": self.endpoints[part],
                "region_name": REGION,
                # A proxy for the world outside has nothing to do with 127.0.0.1.
                "config": Config(proxies={}),
                **CREDENTIALS,
                **settings,
            },
        )

    def invocations(self) -> list[dict[str, Any]]:
        """Return what the functions were invoked with so far, and how they answered."""
        found: list[dict[str, Any]] = self._ask_functions("GET")["invocations"]
        return found

    def clear_invocations(self) -> None:
        """Forget the invocations so far."""
        self._ask_functions("DELETE")

    def _start(self) -> None:
        python = engine_python() if self._with_engine else None
        # For the logs, unless the caller wants to keep them.
        directory = self._running.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-"))
        self.logs = self._wanted_logs or Path(directory)
        self.logs.mkdir(parents=True, exist_ok=True)
        if self._with_sagemaker:
            from sandbox.sagemaker import SageMakerServer

            self._sagemaker = self._running.enter_context(SageMakerServer())
            self.endpoints["sagemaker"] = self._sagemaker.endpoint
        if self._with_functions:
            self.endpoints["functions"] = self._start_functions(self.logs)
        if python is not None:
            self.endpoints["cloudformation"] = self._start_engine(python, self.logs)
        if self._with_cloudcontrol:
            self.endpoints["cloudcontrol"] = self._start_cloudcontrol(self.logs)

    def _start_functions(self, logs: Path) -> str:
        # What Lambda sets for a function, apart from the endpoint; the credentials come with the events.
        env = clean_environment(
            AWS_DEFAULT_REGION=REGION,
            AWS_REGION=REGION,
            AWS_ENDPOINT_URL=self.endpoints.get("sagemaker", NOWHERE),
        )
        command = [sys.executable, "-m", "sandbox.functions", "--exit-with-stdin"]
        command += ["--template", str(self._template), "--code", str(self._code)]
        if self._runtime_python is not None:
            command += ["--runtime-python", str(self._runtime_python)]
        return self._start_child("functions", command, env, logs)

    def _start_engine(self, python: Path, logs: Path) -> str:
        command = [str(python), "-m", "sandbox.engine", *self._hosting()]
        if "sagemaker" in self.endpoints:
            command += ["--sagemaker-endpoint", self.endpoints["sagemaker"]]
        return self._start_child("engine", command, clean_environment(), logs)

    def _start_cloudcontrol(self, logs: Path) -> str:
        command = [sys.executable, "-m", "sandbox.cloudcontrol", *self._hosting()]
        return self._start_child("cloudcontrol", command, clean_environment(), logs)

    def _hosting(self) -> list[str]:
        """Return the arguments that both hosts of the types take."""
        arguments = ["--exit-with-stdin", "--time-scale", str(self.time_scale)]
        for schema in self._schemas:
            arguments += ["--schema", str(schema)]
        return [*arguments, "--functions-endpoint", self.endpoints["functions"], "--function", self._function]

    def _start_child(self, name: str, command: list[str], env: dict[str, str], logs: Path) -> str:
        # Run from the root, where `python -m` finds the sandbox in either environment.
        child = Child(name, command, env=env, cwd=ROOT, log=logs / f"{name}.log")
        self._running.callback(child.stop)
        endpoint: str = child.start()["endpoint"]
        return endpoint

    def _ask_functions(self, method: str) -> dict[str, Any]:
        address = urllib.parse.urlsplit(self.endpoints["functions"])
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
        try:
            connection.request(method, INVOCATIONS_PATH)
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return answer
