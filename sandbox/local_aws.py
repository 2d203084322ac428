"""Everything the type needs to run on this machine: SageMaker, functions, CloudFormation, Cloud Control."""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
import tempfile
import threading
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sandbox.shared.processes import Child, Ending, SandboxError, clean_environment
from sandbox.shared.settings import (
    CODE,
    CREDENTIALS,
    INVOCATIONS_PATH,
    NOWHERE,
    PARTS,
    PORTS,
    REGION,
    ROOT,
    SCHEMA,
    TEMPLATE,
)

if TYPE_CHECKING:
    from sandbox.page import PageServer
    from sandbox.sagemaker import SageMakerServer

# What botocore would take from the developer's shell and home directory: a profile may set endpoints, too.
OWN_SETTINGS = ("profile", "config_file", "credentials_file")


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


def make_client(endpoints: Mapping[str, str], service: str, **settings: Any) -> Any:
    """Return a boto3 client of the local AWS at these endpoints; some services have servers of their own."""
    from botocore.config import Config

    with _LOCK:  # creating clients from one session is not safe in threads (boto3's documentation)
        return _session().client(
            service,
            **{
                "endpoint_url": endpoints[part_of(service)],
                "region_name": REGION,
                # A proxy for the world outside has nothing to do with 127.0.0.1.
                "config": Config(proxies={}),
                **CREDENTIALS,
                **settings,
            },
        )


_LOCK = threading.Lock()


@cache
def _session() -> Any:
    """One session for all clients: reading the descriptions of an API takes longer than most calls."""
    import boto3.session
    import botocore.session

    own = dict.fromkeys(OWN_SETTINGS, (None, None, None, None))
    return boto3.session.Session(botocore_session=botocore.session.Session(session_vars=own))


def part_of(service: str) -> str:
    """Return the part of the sandbox that answers for an AWS service."""
    return PARTS.get(service, "sagemaker")


def environment(endpoints: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with which the AWS CLI and SDKs talk to the local AWS at these endpoints."""
    variables = {name.upper(): value for name, value in CREDENTIALS.items()}
    variables["AWS_DEFAULT_REGION"] = REGION
    if "sagemaker" in endpoints:
        # Whatever else is called (STS, S3, IAM) is moto's there, too, and must not reach the real AWS.
        variables["AWS_ENDPOINT_URL"] = endpoints["sagemaker"]
    if "cloudformation" in endpoints:
        # Where the engine looks for the templates of nested stacks.
        variables["AWS_ENDPOINT_URL_S3"] = endpoints["cloudformation"]
    for part, endpoint in endpoints.items():
        service = "lambda" if part == "functions" else part
        variables[f"AWS_ENDPOINT_URL_{service.upper()}"] = endpoint
    return variables


def ask(endpoint: str, method: str, path: str, seconds: float = 10) -> Any:
    """Make one of the sandbox's own requests, which are not AWS's, and return its answer; OSError if none."""
    address = urllib.parse.urlsplit(endpoint)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=seconds)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
    except http.client.HTTPException as problem:
        raise ConnectionError(f"{method} {path}: {problem!r}") from problem
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise ConnectionError(f"{method} {path} was answered with {answer.status}")
    return json.loads(body)


Server = TypeVar("Server", bound=AbstractContextManager[Any])


class Sandbox:
    """Starts the local AWS on entering and stops all of it on leaving.

    `sagemaker=False`, `functions=False`, `engine=False` and `cloudcontrol=False` leave a part out; the engine
    needs the functions, and Cloud Control goes with them. With `runtime_python`, handlers run in processes of
    that interpreter under Lambda's runtime client; `sandbox.lambda_.runtime_client.interpreter` finds it.

    `page=True` adds the page that shows what is there and what happens. `port` is the first of the fixed
    ports (`PORTS`), instead of free ones. `starting` is called with the name of each part before it is
    started; `ending` gives up a start that is under way.
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
        page: bool = False,
        port: int | None = None,
        starting: Callable[[str], object] | None = None,
        ending: Ending | None = None,
    ) -> None:
        if engine and not functions:
            raise ValueError("the engine needs the functions")
        if page and not sagemaker:
            raise ValueError("the page needs the local SageMaker")
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
        self._with_page = page
        self._first_port = port
        self._starting = starting or (lambda _: None)
        self._ending = ending
        self._running = ExitStack()
        self._children: list[Child] = []
        self._sagemaker: SageMakerServer | None = None
        self._page: PageServer | None = None
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
        self._children = []
        self._sagemaker = self._page = None
        self.endpoints = {}

    @property
    def page(self) -> str | None:
        """The URL of the page, which is no endpoint of AWS; None without one."""
        return self._page.endpoint if self._page is not None else None

    def client(self, service: str, **settings: Any) -> Any:
        """Return a boto3 client of the local AWS; some services have servers of their own."""
        if part_of(service) not in self.endpoints:
            raise RuntimeError(f"the sandbox was started without {part_of(service)}")
        return make_client(self.endpoints, service, **settings)

    def fallen(self) -> list[Child]:
        """Return the child processes that have ended although nobody has stopped them."""
        return [child for child in self._children if not child.is_running]

    def invocations(self) -> list[dict[str, Any]]:
        """Return what the functions were invoked with so far, and how they answered."""
        answer = ask(self.endpoints["functions"], "GET", INVOCATIONS_PATH)
        found: list[dict[str, Any]] = answer["invocations"]
        return found

    def newest_invocations(self, most: int) -> tuple[list[dict[str, Any]], int]:
        """Return so many of the newest invocations, and how many there are."""
        answer = ask(self.endpoints["functions"], "GET", f"{INVOCATIONS_PATH}?newest={most}")
        return answer["invocations"], answer["count"]

    def clear_invocations(self) -> None:
        """Forget the invocations so far."""
        ask(self.endpoints["functions"], "DELETE", INVOCATIONS_PATH)

    def _start(self) -> None:
        python = engine_python() if self._with_engine else None
        self._refuse_ports_in_use()
        # For the logs, unless the caller wants to keep them.
        directory = self._running.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-"))
        self.logs = self._wanted_logs or Path(directory)
        self.logs.mkdir(parents=True, exist_ok=True)
        if self._with_sagemaker:
            self._start_sagemaker()
        if self._with_functions:
            self.endpoints["functions"] = self._start_functions(self.logs)
        if python is not None:
            self.endpoints["cloudformation"] = self._start_engine(python, self.logs)
        if self._with_cloudcontrol:
            self.endpoints["cloudcontrol"] = self._start_cloudcontrol(self.logs)
        if self._with_page:
            self._start_page()

    def _start_sagemaker(self) -> None:
        self._starting("sagemaker")
        from sandbox.sagemaker import SageMakerServer

        self._sagemaker = self._serve("sagemaker", SageMakerServer(self._port("sagemaker")))
        self.endpoints["sagemaker"] = self._sagemaker.endpoint

    def _start_page(self) -> None:
        self._starting("page")
        from sandbox.page import PageServer, snapshot

        self._page = self._serve("page", PageServer(lambda: snapshot.snapshot(self), self._port("page")))

    def _serve(self, part: str, server: Server) -> Server:
        try:
            self._running.enter_context(server)
        except SystemExit as problem:  # which is how werkzeug says that somebody has the port
            raise SandboxError(_in_use([(self._port(part), part)])) from problem
        return server

    def _port(self, part: str) -> int:
        """Return the port for a part, 0 for any free one."""
        return 0 if self._first_port is None else self._first_port + PORTS.index(part)

    def _refuse_ports_in_use(self) -> None:
        """Say so before anything runs: each server would say it in another way."""
        if self._first_port is None:
            return
        wanted = {
            "page": self._with_page,
            "sagemaker": self._with_sagemaker,
            "functions": self._with_functions,
            "cloudformation": self._with_engine,
            "cloudcontrol": self._with_cloudcontrol,
        }
        ports = [(self._port(part), part) for part in PORTS if wanted[part]]
        taken = [(port, part) for port, part in ports if not _can_be_had(port)]
        if taken:
            raise SandboxError(_in_use(taken))

    def _start_functions(self, logs: Path) -> str:
        # What Lambda sets for a function, apart from the endpoint; the credentials come with the events.
        env = clean_environment(
            AWS_DEFAULT_REGION=REGION,
            AWS_REGION=REGION,
            AWS_ENDPOINT_URL=self.endpoints.get("sagemaker", NOWHERE),
        )
        command = [sys.executable, "-m", "sandbox.lambda_.invoke_api", "--exit-with-stdin"]
        command += ["--template", str(self._template), "--code", str(self._code)]
        if self._runtime_python is not None:
            command += ["--runtime-python", str(self._runtime_python)]
        return self._start_child("functions", "functions", command, env, logs)

    def _start_engine(self, python: Path, logs: Path) -> str:
        command = [str(python), "-m", "sandbox.cloudformation", *self._hosting()]
        if "sagemaker" in self.endpoints:
            command += ["--sagemaker-endpoint", self.endpoints["sagemaker"]]
        return self._start_child("cloudformation", "engine", command, clean_environment(), logs)

    def _start_cloudcontrol(self, logs: Path) -> str:
        command = [sys.executable, "-m", "sandbox.cloudcontrol", *self._hosting()]
        return self._start_child("cloudcontrol", "cloudcontrol", command, clean_environment(), logs)

    def _hosting(self) -> list[str]:
        """Return the arguments that both hosts of the types take."""
        arguments = ["--exit-with-stdin", "--time-scale", str(self.time_scale)]
        for schema in self._schemas:
            arguments += ["--schema", str(schema)]
        return [*arguments, "--functions-endpoint", self.endpoints["functions"], "--function", self._function]

    def _start_child(self, part: str, name: str, command: list[str], env: dict[str, str], logs: Path) -> str:
        self._starting(part)
        command = [*command, "--port", str(self._port(part))]
        # Run from the root, where `python -m` finds the sandbox in either environment.
        child = Child(name, command, env=env, cwd=ROOT, log=logs / f"{name}.log")
        self._running.callback(child.stop)
        endpoint: str = child.start(self._ending)["endpoint"]
        self._children.append(child)
        return endpoint


def _can_be_had(port: int) -> bool:
    """Tell whether a server could listen on the port now."""
    with socket.socket() as attempt:
        # As the servers do it, so that connections of an earlier one that are just ending do not count.
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _in_use(taken: list[tuple[int, str]]) -> str:
    """Say which ports cannot be had, and what to do."""
    named = ", ".join(f"{port} ({part})" for port, part in taken)
    verb = "Port {} is" if len(taken) == 1 else "Ports {} are"
    return (
        f"{verb.format(named)} in use by another program: choose others with --port, or leave it out for "
        "free ones"
    )
