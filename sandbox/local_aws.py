"""The local AWS: starts and stops SageMaker, the functions, CloudFormation, Cloud Control and the page."""

from __future__ import annotations

import socket
import sys
import tempfile
import threading
import urllib.parse
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sandbox.shared import aws_types
from sandbox.shared.clients import ClientFactory, client_factory, part_of
from sandbox.shared.credentials import Access, Credentials
from sandbox.shared.http import HOST
from sandbox.shared.http_request import ask
from sandbox.shared.processes import (
    Child,
    Ending,
    SandboxError,
    allow_descriptors,
    clean_environment,
    engine_python,
)
from sandbox.shared.settings import CODE, INVOCATIONS_PATH, NOWHERE, PORTS, REGION, ROOT, SCHEMA, TEMPLATE

if TYPE_CHECKING:
    from sandbox.page import PageServer
    from sandbox.sagemaker import Engine, SageMakerServer

_PYTHON = (sys.executable, "-m")
_CHILD_NAMES = {"cloudformation": "engine"}  # of processes and their logs; others are those of their parts


class Sandbox:
    """Starts the local AWS on entering and stops all of it on leaving.

    `sagemaker=False`, `functions=False`, `engine=False` and `cloudcontrol=False` leave a part out; the engine
    needs the functions, and Cloud Control goes with them. With `runtime_python`, handlers run in processes of
    that interpreter under Lambda's runtime client; `sandbox.lambda_.runtime_client.interpreter` returns it.

    `packages` are schema handler packages of further types, which are there without being registered.

    Its parts answer requests with its `credentials`, which are new ones each time, and no others; with
    `is_open=True`, all requests. `page=True` adds the page. `port` is the first of the fixed ports (`PORTS`),
    instead of free ones.
    `starting` is called with the name of each part before it is started; `ending` gives up a start that is
    under way.

    Raises:
        ValueError: a chosen part needs another one that is left out.
    """

    def __init__(  # noqa: PLR0913 - each has its default
        self,
        *,
        sagemaker: bool = True,
        functions: bool = True,
        engine: bool = True,
        cloudcontrol: bool = True,
        schemas: Sequence[Path] = (SCHEMA,),
        packages: Sequence[Path] = (),
        template: Path = TEMPLATE,
        code: Path = CODE,
        runtime_python: Path | None = None,
        function: str = "TypeFunction",
        time_scale: float = 1.0,
        logs: Path | None = None,
        page: bool = False,
        port: int | None = None,
        is_open: bool = False,
        starting: Callable[[str], object] | None = None,
        ending: Ending | None = None,
    ) -> None:
        if engine and not functions:
            raise ValueError("the engine needs the functions")
        if page and not sagemaker:
            raise ValueError("the page needs the local SageMaker")
        chosen = {
            "page": page,
            "sagemaker": sagemaker,
            "functions": functions,
            "cloudformation": engine,
            "cloudcontrol": cloudcontrol and functions,
        }
        self._parts = [part for part in PORTS if chosen[part]]
        self._schemas = list(schemas)
        self._packages = list(packages)
        self._template = template
        self._code = code
        self._runtime_python = runtime_python
        self._function = function
        self.time_scale = time_scale
        self._logs_folder = logs
        self._first_port = port
        self.credentials = Credentials.new()
        self.is_open = is_open
        self._starting = starting or (lambda _: None)
        self._ending = ending
        self._exit_stack = ExitStack()
        self._children: list[Child] = []
        self._sagemaker: SageMakerServer | None = None
        self._page: PageServer | None = None
        self.endpoints: dict[str, str] = {}
        self.logs: Path | None = None
        self._folder = ""  # of packages that are unpacked; it is there as long as the sandbox runs

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def sagemaker(self) -> SageMakerServer:
        """The local SageMaker, which runs in this process: its behaviour and its packages.

        Raises:
            RuntimeError: it is not running.
        """
        if self._sagemaker is None:
            raise RuntimeError("the local SageMaker is not running")
        return self._sagemaker

    def start(self) -> Self:
        """Start every chosen part; what has started is stopped again if a later one fails.

        Raises:
            SandboxError: a part does not start, or a chosen port is in use.
            InterruptedStart: `ending` was ordered meanwhile.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop every part, the last one first; a second time does nothing."""
        self._exit_stack.close()
        self._children = []
        self._sagemaker = self._page = None
        self.endpoints = {}

    @property
    def page(self) -> str | None:
        """The URL of the page, which is not an endpoint of AWS; None without a page."""
        return self._page.endpoint if self._page is not None else None

    @property
    def client(self) -> ClientFactory:
        """The factory of boto3 clients of the local AWS.

        Raises:
            RuntimeError: a client's part was left out.
        """
        return self._client

    def _client(self, service: str, **settings: Any) -> Any:
        if (part := part_of(service, self.endpoints)) not in self.endpoints:
            raise RuntimeError(f"the sandbox was started without {part}")
        return client_factory(self.endpoints, self.credentials)(service, **settings)

    def ended_children(self) -> list[Child]:
        """Return the child processes that have ended without being stopped."""
        return [child for child in self._children if not child.is_running]

    def invocations(self) -> list[dict[str, Any]]:
        """Return all invocations of the functions, oldest first, each with its answer."""
        return list(self._ask_functions("GET", INVOCATIONS_PATH)["invocations"])

    def newest_invocations(self, limit: int, /) -> tuple[list[dict[str, Any]], int]:
        """Return at most so many of the newest invocations, and how many there are in all."""
        answer = self._ask_functions("GET", f"{INVOCATIONS_PATH}?newest={limit}")
        return answer["invocations"], answer["count"]

    def matching_invocations(self, name: str, values: Iterable[str], /) -> tuple[list[dict[str, Any]], float]:
        """Return the invocations with one of the values, and since when (epoch seconds) none is missing.

        `name` is `id`, `operation`, `session` or `stackId`.
        """
        query = urllib.parse.urlencode([(name, each) for each in values], errors="replace")
        answer = self._ask_functions("GET", f"{INVOCATIONS_PATH}?{query}")
        return answer["invocations"], answer["completeSince"]

    def clear_invocations(self) -> None:
        """Empty the list of invocations."""
        self._ask_functions("DELETE", INVOCATIONS_PATH)

    def _ask_functions(self, method: str, path: str) -> Any:
        return ask(self.endpoints["functions"], method, path, self.credentials)

    def _access(self) -> Access:
        return Access(self.credentials, self.is_open, self.endpoints.get("sagemaker"))

    def _start(self) -> None:
        python = engine_python() if "cloudformation" in self._parts else None
        self._refuse_ports_in_use()
        allow_descriptors()
        # For packages, and for the logs unless the caller keeps them in a folder of its own.
        directory = self._exit_stack.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-"))
        self.logs = self._logs_folder or Path(directory)
        self._folder = directory
        self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        if "sagemaker" in self._parts:
            self._start_sagemaker()
        if "functions" in self._parts:
            self._start_functions(self.logs)
        if python is not None:
            self._start_engine(python, self.logs)
        if "cloudcontrol" in self._parts:
            self._start_child("cloudcontrol", self.logs, [*_PYTHON, "sandbox.cloudcontrol", *self._types()])
        if "page" in self._parts:
            self._start_page()

    def _start_sagemaker(self) -> None:
        self._starting("sagemaker")
        from sandbox.sagemaker import SageMakerServer
        from sandbox.shared import api_validation

        # While this process waits for the parts that are processes of their own.
        threading.Thread(target=api_validation.prepare, daemon=True).start()
        self._sagemaker = self._exit_stack.enter_context(
            SageMakerServer(self._port("sagemaker"), access=self._access(), engine=self._engine())
        )
        self.endpoints["sagemaker"] = self._sagemaker.endpoint

    def _engine(self) -> Engine | None:
        """Return the engine that is going to be started beside the local SageMaker."""
        from sandbox.sagemaker import Engine

        if "cloudformation" not in self._parts:
            return None
        return Engine(lambda: self.endpoints.get("cloudformation"), self.credentials)

    def _start_page(self) -> None:
        self._starting("page")
        from sandbox.page import PageServer, SandboxDetails, snapshot

        details = SandboxDetails(self)
        self._exit_stack.callback(details.close)
        self._page = self._exit_stack.enter_context(
            PageServer(lambda: snapshot.snapshot(self), self._port("page"), self._access(), details)
        )

    def _port(self, part: str) -> int:
        """Return the port for a part, 0 for any free one."""
        return 0 if self._first_port is None else self._first_port + PORTS.index(part)

    def _refuse_ports_in_use(self) -> None:
        """Raise SandboxError with all ports in use, before any part starts and reports its own only."""
        taken = [
            f"{self._port(part)} ({part})"
            for part in self._parts
            if self._first_port is not None and not _is_free(self._port(part))
        ]
        if taken:
            subject = f"Port {taken[0]} is" if len(taken) == 1 else f"Ports {', '.join(taken)} are"
            raise SandboxError(
                f"{subject} in use by another program: choose others with --port, or leave it out for "
                "free ones"
            )

    def _start_functions(self, logs: Path) -> None:
        # As Lambda sets them for a function, but for the endpoint; the credentials come with the events.
        env = {
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoints.get("sagemaker", NOWHERE),
        }
        command = [*_PYTHON, "sandbox.registry", "--exit-with-stdin"]
        command += ["--template", str(self._template), "--code", str(self._code), "--folder", self._folder]
        for schema in self._schemas:
            command += ["--schema", str(schema)]
        for package in self._packages:
            command += ["--package", str(package)]
        if self._runtime_python is not None:
            command += ["--runtime-python", str(self._runtime_python)]
        self._start_child("functions", logs, command, **env)

    def _start_engine(self, python: Path, logs: Path) -> None:
        command = [str(python), "-m", "sandbox.cloudformation", *self._types()]
        if "sagemaker" in self.endpoints:
            command += ["--sagemaker-endpoint", self.endpoints["sagemaker"]]
        if known_types := aws_types.listing():
            command += ["--known-types", str(known_types)]
        self._start_child("cloudformation", logs, command)

    def _types(self) -> list[str]:
        """Return the arguments of both programs that host registered types."""
        arguments = ["--exit-with-stdin", "--time-scale", str(self.time_scale)]
        for schema in self._schemas:
            arguments += ["--schema", str(schema)]
        return [*arguments, "--functions-endpoint", self.endpoints["functions"], "--function", self._function]

    def _start_child(self, part: str, logs: Path, command: list[str], **env: str) -> None:
        self._starting(part)
        name = _CHILD_NAMES.get(part, part)
        command = [*command, "--port", str(self._port(part))]
        environment = clean_environment(**env, **self._access().variables())
        # Run from the root, where `python -m` finds the sandbox in either environment.
        child = Child(name, command, env=environment, cwd=ROOT, log=logs / f"{name}.log")
        self._exit_stack.callback(child.stop)
        self.endpoints[part] = child.start(self._ending)["endpoint"]
        self._children.append(child)


def _is_free(port: int) -> bool:
    """Return whether a server could listen on the port."""
    with socket.socket() as attempt:
        # As the servers do it, so that connections of a previous one that are just ending do not count.
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((HOST, port))
        except OSError:
            return False
    return True
