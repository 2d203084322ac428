"""Handlers of packages in processes: which do not start, and what is left of each."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sandbox.lambda_ import runtime_client
from sandbox.lambda_.invoke_api import FunctionRunner
from sandbox.lambda_.runtime_client import interpreter
from sandbox.registry import package as checks
from sandbox.registry.extensions import COMPLETE, FAILED, Extensions
from sandbox.registry.hosting import PackageHost
from sandbox.registry.package import PackageError
from sandbox.registry.registrar import Registrar
from sandbox.shared.credentials import Credentials
from sandbox.shared.processes import SandboxError
from tests.sandbox.helpers import MAX_WAIT_SECONDS, cases, processes_of, until
from tests.sandbox.registry.packages import TYPE, package_of

NAME = "Acme-Test-Thing"
PROCESS = """
import os, time

def resource(event, context):
    if "gate" in event:
        while not os.path.exists(event["gate"]):
            time.sleep(0.01)
    return {"process": os.getpid(), "region": os.environ["AWS_REGION"], "names": sorted(os.environ)}
"""
HANGING = "import time\ntime.sleep(3600)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of unpacked packages."""
    folder = tmp_path / "packages"
    folder.mkdir()
    return folder


@pytest.fixture
def runner() -> Iterator[FunctionRunner]:
    with closing(FunctionRunner({})) as runner:
        yield runner


@pytest.fixture
def host(runner: FunctionRunner, folder: Path) -> Iterator[PackageHost]:
    """A host of which no process may be left."""
    with closing(PackageHost(runner, interpreter, folder)) as host:
        yield host
    runner.close()
    assert processes_of(folder / NAME) == set()


def reason(host: PackageHost, folder: Path, handlers: Any) -> str:
    """Return why handlers do not start; nothing of them may be left."""
    with pytest.raises(PackageError) as refused:
        host.start(package_of(handlers), TYPE, NAME)
    assert list(folder.iterdir()) == []
    assert processes_of(folder / NAME) == set()
    text = str(refused.value)
    assert "Traceback" not in text
    assert "\n" not in text
    return text.removeprefix("The handlers do not start: ")


def answer(runner: FunctionRunner, name: str = NAME, **event: Any) -> dict[str, Any]:
    outcome = runner.run(runner.functions[name], event, "request")
    assert not outcome.function_error, outcome.body
    return dict(json.loads(outcome.body))


@cases(
    "handlers, expected",
    {
        "no module": ({"other.py": ""}, "Unable to import module 'thing': No module named 'thing'"),
        "no function": ("x = 1\n", "Handler 'resource' missing on module 'thing'"),
        "another import": ("import nowhere\n", "Unable to import module 'thing': No module named 'nowhere'"),
        "a syntax error": ("def resource(:\n", "Syntax error in module 'thing': "),
        "an exception": ("raise LookupError('not today')\n", "LookupError: not today"),
        "an exception without words": ("raise RuntimeError\n", "RuntimeError"),
        "an exception of many lines": ("raise ValueError('one\\ntwo')\n", "ValueError: one two"),
        "other letters": ("raise LookupError('Prüfung')\n", "LookupError: Prüfung"),
        # Which Lambda's client cannot report, and dies of.
        "other scripts": ("raise LookupError('審査')\n", "Runtime exited with error: exit status 1"),
        "an exit": ("import sys\nsys.exit(3)\n", "Runtime exited with error: exit status 3"),
        "an end": ("import os\nos._exit(0)\n", "Runtime exited without providing a reason"),
        "a signal": (
            "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
            "Runtime exited with error: signal: killed",
        ),
        "a child that stays": (
            "import subprocess\nsubprocess.Popen(['sleep', '60'])\nraise LookupError('no')\n",
            "LookupError: no",
        ),
    },
)
def test_start_says_why_handlers_do_not(
    host: PackageHost, folder: Path, handlers: Any, expected: str
) -> None:
    assert reason(host, folder, handlers).startswith(expected)


def test_start_gives_up_handlers_that_hang(
    host: PackageHost, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime_client, "INIT_SECONDS", 0.4)
    monkeypatch.setattr(checks, "TIMEOUT_SECONDS", 0.6)
    assert reason(host, folder, HANGING) == "they take longer than 1 seconds"


def test_start_without_a_runtime_client_leaves_nothing(runner: FunctionRunner, folder: Path) -> None:
    def missing() -> Path:
        raise SandboxError("there is none: run `make setup`")

    with (
        closing(PackageHost(runner, missing, folder)) as host,
        pytest.raises(SandboxError, match="make setup"),
    ):
        host.start(package_of(PROCESS), TYPE, NAME)
    assert list(folder.iterdir()) == []
    assert runner.functions == {}


def test_start_refuses_a_second_package_of_one_name(
    host: PackageHost, runner: FunctionRunner, folder: Path
) -> None:
    host.start(package_of(PROCESS), TYPE, NAME)
    with pytest.raises(PackageError, match=f"There is a package of {TYPE} already"):
        host.start(package_of(PROCESS), TYPE, NAME)
    assert answer(runner)["region"] == "us-east-1"
    assert [path.name for path in folder.iterdir()] == [NAME]


def test_start_runs_the_package_alone(host: PackageHost, runner: FunctionRunner, folder: Path) -> None:
    host.start(package_of(PROCESS), TYPE, NAME, "eu-west-1")
    first = answer(runner)
    assert first["region"] == "eu-west-1"
    assert not {"PYTHONPATH", "SANDBOX_ACCESS_KEY"} & set(first["names"])
    assert answer(runner)["process"] == first["process"]
    assert processes_of(folder / NAME) == {first["process"]}
    for path in [folder / NAME, *(folder / NAME).rglob("*")]:
        assert path.stat().st_uid == os.getuid()
    host.stop(NAME)
    assert processes_of(folder / NAME) == set()
    assert list(folder.iterdir()) == []
    assert runner.functions == {}
    host.stop(NAME)  # nothing happens


def test_keep_idle_ends_what_waits_until_it_keeps_it_again(
    host: PackageHost, runner: FunctionRunner, folder: Path
) -> None:
    host.start(package_of(PROCESS), TYPE, NAME)
    assert len(processes_of(folder / NAME)) == 1
    host.keep_idle(NAME, keeps=False)
    assert processes_of(folder / NAME) == set()
    answer(runner)
    assert processes_of(folder / NAME) == set()
    host.keep_idle(NAME, keeps=True)
    process = answer(runner)["process"]
    assert processes_of(folder / NAME) == {process}
    host.keep_idle("nothing", keeps=False)
    assert processes_of(folder / NAME) == {process}


def test_keep_idle_lets_an_invocation_end(
    host: PackageHost, runner: FunctionRunner, folder: Path, tmp_path: Path
) -> None:
    host.start(package_of(PROCESS), TYPE, NAME)
    gate = tmp_path / "gate"
    answers: list[dict[str, Any]] = []
    running = threading.Thread(target=lambda: answers.append(answer(runner, gate=str(gate))))
    running.start()
    until(lambda: [each for each in runner.invocations() if each["running"]])
    host.keep_idle(NAME, keeps=False)
    assert len(processes_of(folder / NAME)) == 1
    gate.touch()
    running.join(MAX_WAIT_SECONDS)
    assert answers[0]["process"] > 0
    until(lambda: processes_of(folder / NAME) == set())
    answer(runner)  # operations that use it can go on
    assert processes_of(folder / NAME) == set()


def test_close_ends_what_hangs_at_its_start(runner: FunctionRunner, folder: Path) -> None:
    problems: list[Exception] = []
    host = PackageHost(runner, interpreter, folder)

    def start() -> None:
        try:
            host.start(package_of(HANGING), TYPE, NAME)
        except Exception as problem:
            problems.append(problem)

    starting = threading.Thread(target=start)
    starting.start()
    until(lambda: processes_of(folder / NAME))
    began = time.monotonic()
    host.close()
    assert time.monotonic() - began < 2
    starting.join(MAX_WAIT_SECONDS)
    assert processes_of(folder / NAME) == set()
    assert list(folder.iterdir()) == []
    assert len(problems) == 1
    with pytest.raises(SandboxError, match="have been stopped"):
        host.start(package_of(PROCESS), TYPE, NAME)
    assert list(folder.iterdir()) == []


# --- where packages come from -----------------------------------------------------------------------


@pytest.fixture
def registrar(host: PackageHost, monkeypatch: pytest.MonkeyPatch) -> tuple[Registrar, list[str]]:
    """A registrar, and the hosts that anything was looked up or connected to."""
    import socket

    asked: list[str] = []
    look_up = socket.getaddrinfo

    def record(name: Any, *arguments: Any, **more: Any) -> Any:
        asked.append(str(name))
        return look_up(name, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", record)
    return Registrar(Extensions(), host, Credentials.new()), asked


# Buckets that botocore takes for aliases of access points, and looks for elsewhere.
OUTPOST = "test-accessp-{}0b1d075431d83bebde8xz5w8ijx1qzlbp3i3{}0--op-s3"
ADDRESSES = [
    *(f"s3://{OUTPOST.format('o', 'kuse1')}/key", f"s3://{OUTPOST.format('e', 'ebeta')}/key"),
    *("s3://thing--use1-az4--x-s3/key", "s3://thing-abcdefghijklmnopqrstuvwx-s3alias/key", "s3://a.mrap/key"),
    *("s3://thing..other/key", "s3://1.2.3.4/key", "s3://packages/../../sandbox/reset", "s3://packages//key"),
    *("https://packages.s3.eu-west-1.amazonaws.com/key", "https://s3.amazonaws.com/packages/key"),
    "https://packages.s3.dualstack.cn-north-1.amazonaws.com.cn/key",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_package_is_read_from_this_machine_only(registrar: tuple[Registrar, list[str]], address: str) -> None:
    made, asked = registrar
    request = {"TypeName": TYPE, "SchemaHandlerPackage": address}
    with pytest.raises(Exception, match="Error validating schemaHandlerPackage"):
        made.register(request, "us-east-1", "http://127.0.0.1:9")
    assert set(asked) <= {"127.0.0.1"}


def test_package_is_not_read_from_where_a_redirect_leads(registrar: tuple[Registrar, list[str]]) -> None:
    from sandbox.shared.http import JsonHandler, LocalServer

    class Redirecting(JsonHandler):
        def get(self) -> None:
            headers = {
                "Location": "http://elsewhere.example/key",
                "x-amz-bucket-region": "eu-west-1",
                "Content-Type": "application/xml",
            }
            body = (
                b"<Error><Code>PermanentRedirect</Code><Endpoint>elsewhere.example</Endpoint>"
                b"<Message>elsewhere</Message></Error>"
            )
            self.answer(301, body, headers)

        def do_HEAD(self) -> None:  # noqa: N802 - http.server's name
            self.answer(
                301, b"", {"Location": "http://elsewhere.example/", "x-amz-bucket-region": "eu-west-1"}
            )

    made, asked = registrar
    request = {"TypeName": TYPE, "SchemaHandlerPackage": "s3://packages/key"}
    with LocalServer(Redirecting) as server, pytest.raises(Exception, match="Error validating schemaHandler"):
        made.register(request, "us-east-1", server.endpoint)
    assert set(asked) <= {"127.0.0.1"}


@pytest.mark.parametrize(
    "address",
    [
        *("packages/key", "s3://", "s3:///key", "s3://packages", "s3://packages/", "s3://Packages/key"),
        *("file:///etc/passwd", "http://packages.s3.amazonaws.com/key", "https://example.com/packages/key"),
        *("https://packages.s3.amazonaws.com.example.com/key", "https://user@packages.s3.amazonaws.com/key"),
        *(
            "https://s3.amazonaws.com/packages",
            "arn:aws:s3:::packages/key",
            "https://127.0.0.1:1/packages/key",
        ),
    ],
)
def test_address_that_is_none_of_s3_is_asked_for_nowhere(
    registrar: tuple[Registrar, list[str]], address: str
) -> None:
    made, asked = registrar
    with pytest.raises(Exception, match="Error validating schemaHandlerPackage"):
        made.register({"TypeName": TYPE, "SchemaHandlerPackage": address}, "us-east-1", "http://127.0.0.1:9")
    assert asked == []


def test_large_package_is_refused_before_it_is_read(
    registrar: tuple[Registrar, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sandbox.registry import registrar as module
    from sandbox.shared.http import JsonHandler, LocalServer

    class Large(JsonHandler):
        def get(self) -> None:
            self.answer(200, b"x" * 3 * 2**20, {"Content-Type": "application/zip"})

    monkeypatch.setattr(module, "MAX_PACKAGE_BYTES", 2**20)
    made, _ = registrar
    request = {"TypeName": TYPE, "SchemaHandlerPackage": "s3://packages/key"}
    with LocalServer(Large) as server, pytest.raises(Exception, match="is larger than 1 MiB"):
        made.register(request, "us-east-1", server.endpoint)


# --- registrations at once --------------------------------------------------------------------------


def test_repeated_token_begins_one_registration() -> None:
    extensions = Extensions()
    request = {"TypeName": TYPE, "SchemaHandlerPackage": "s3://a/b", "ClientRequestToken": "once"}
    begun: list[tuple[Any, bool]] = []
    threads = [
        threading.Thread(target=lambda: begun.append(extensions.begin(TYPE, "us-east-1", request)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({registration.token for registration, _ in begun}) == 1
    assert [is_new for _, is_new in begun].count(True) == 1


def test_registration_that_was_forgotten_leaves_the_next_one_alone() -> None:
    changes: list[tuple[str, bool]] = []
    extensions = Extensions(lambda version, is_used: changes.append((version.function, is_used)))
    package: Any = None
    old, _ = extensions.begin(TYPE, "us-east-1", {"TypeName": TYPE})
    assert extensions.clear() == []
    new, _ = extensions.begin(TYPE, "us-east-1", {"TypeName": TYPE})
    assert old.arn == new.arn
    assert old.function != new.function
    assert not extensions.complete(old, package)
    assert (old.status, new.status) == (FAILED, "IN_PROGRESS")
    assert extensions.complete(new, package)
    assert new.status == COMPLETE
    found = extensions.find(arn=new.arn)
    assert found is not None
    assert found.function == new.function
    later, _ = extensions.begin(TYPE, "us-east-1", {"TypeName": TYPE})
    second, is_new = extensions.begin(TYPE, "us-east-1", {"TypeName": TYPE})
    assert (second.status, is_new) == (FAILED, False)
    assert extensions.complete(later, package)
    assert changes == [(new.function, True), (later.function, False)]
