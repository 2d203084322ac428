"""Functions in processes of their own, under Lambda's runtime client."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

import sandbox.lambda_.runtime_client
from sandbox.lambda_.function import Function, OverTime
from sandbox.lambda_.invoke_api import FunctionRunner
from sandbox.lambda_.runtime_client import Environments, interpreter
from sandbox.local_aws import Sandbox
from sandbox.shared.credentials import Access, Credentials
from sandbox.shared.http_request import request
from sandbox.shared.processes import STOP_SECONDS, SandboxError, clean_environment
from sandbox.shared.settings import NOWHERE, REGION, ROOT
from sandbox.shared.signatures import sign_post
from tests.sandbox.helpers import FAKE, MAX_WAIT_SECONDS, cases, invoke, processes_of, start_functions, until


def exists(pid: int) -> bool:
    """Return whether there is such a process, be it a zombie."""
    return Path(f"/proc/{pid}").exists()


def pid_of(client: Any, function: str = "Process", **event: Any) -> int:
    """Invoke a function and return the number of its process."""
    return int(invoke(client, function, event)[1]["pid"])


@pytest.fixture
def environments(code: Path) -> Iterator[Environments]:
    """Environments in this process, of no server."""
    with closing(Environments(interpreter(), code)) as environments:
        yield environments


def test_environment_variables_are_lambdas(runtime_lambda: Any, runtime_code: Path) -> None:
    _, answer = invoke(runtime_lambda, "Process", {})

    environment = answer["environment"]
    assert answer["directory"] == str(runtime_code)
    assert environment["AWS_EXECUTION_ENV"].startswith("AWS_Lambda_python3.")
    expected = {
        "LAMBDA_TASK_ROOT": str(runtime_code),
        "_HANDLER": "fake_handlers.process",
        "AWS_LAMBDA_FUNCTION_NAME": "Process",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/Process",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": NOWHERE,
    }
    assert {name: environment[name] for name in expected} == expected
    assert environment.keys().isdisjoint({"PYTHONPATH", "AWS_PROFILE", "AWS_SECRET_ACCESS_KEY"})


def test_handlers_import_from_their_package_and_nothing_of_this_project(
    runtime_lambda: Any, runtime_code: Path
) -> None:
    _, answer = invoke(runtime_lambda, "Process", {})

    first, *others = answer["path"]
    own = str(interpreter().absolute().parent.parent)
    assert first == str(runtime_code)
    assert [path for path in others if path.startswith(str(ROOT)) and not path.startswith(own)] == []
    for name in ("sandbox", "aws_sagemaker_modelpackage", "boto3", "__editable__*"):
        assert [path for path in answer["path"] if list(Path(path).glob(name))] == []
    # Nor is anything written to it.
    assert [file.name for file in runtime_code.iterdir()] == ["fake_handlers.py"]


@cases(
    "function, event, message",
    {
        "over the timeout": ("Echo", {"sleep": 60}, "Task timed out after 1.00 seconds"),
        "exit 3": ("Process", {"exit": 3}, "Runtime exited with error: exit status 3"),
        "exit 0": ("Process", {"exit": 0}, "Runtime exited without providing a reason"),
        "killed": ("Process", {"signal": signal.SIGKILL}, "Runtime exited with error: signal: killed"),
    },
)
def test_process_that_ends_is_a_function_error_and_replaced(
    runtime_lambda: Any, function: str, event: dict[str, int], message: str
) -> None:
    previous = pid_of(runtime_lambda, function)

    response, answer = invoke(runtime_lambda, function, event)

    assert response["FunctionError"] == "Unhandled"
    request_id = response["ResponseMetadata"]["RequestId"]
    assert answer["errorType"] == ("Sandbox.Timedout" if function == "Echo" else "Runtime.ExitError")
    assert answer["errorMessage"] == f"RequestId: {request_id} Error: {message}"
    assert not exists(previous)
    assert pid_of(runtime_lambda, function) != previous


def test_process_that_dies_while_idle_is_replaced(runtime_lambda: Any) -> None:
    previous = pid_of(runtime_lambda)
    os.kill(previous, signal.SIGKILL)
    until(lambda: not exists(previous))

    assert pid_of(runtime_lambda) != previous


def test_process_is_kept_for_the_next_invocation(runtime_lambda: Any) -> None:
    assert len({pid_of(runtime_lambda) for _ in range(3)}) == 1
    first = pid_of(runtime_lambda, "Echo")
    invoke(runtime_lambda, "Echo", {"raise": "on purpose"})
    assert pid_of(runtime_lambda, "Echo") == first


def test_process_takes_its_children_with_it(runtime_lambda: Any, runtime_code: Path) -> None:
    def is_sleep(pid: int) -> bool:
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"sleep")
        return False

    invoke(runtime_lambda, "Process", {"start": True, "exit": 1})

    until(lambda: not any(map(is_sleep, processes_of(runtime_code))))


def test_invocations_at_the_same_time_are_in_two_processes(runtime_lambda: Any, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        pids = list(pool.map(lambda _: pid_of(runtime_lambda, meet=str(tmp_path)), range(2)))

    # Neither has answered before the other was there.
    assert sorted(map(str, pids)) == sorted(file.name for file in tmp_path.iterdir())
    assert len(set(pids)) == 2


def test_peak_memory_is_listed(runtime_lambda: Any, runtime_sandbox: Sandbox) -> None:
    invoke(runtime_lambda, "Process", {})
    invoke(runtime_lambda, "Process", {"megabytes": 50})
    invoke(runtime_lambda, "Echo", {"raise": "on purpose"})
    invoke(runtime_lambda, "Process", {"exit": 1})

    little, much, failed, gone = runtime_sandbox.invocations()
    assert 1024 < little["peakKb"] < much["peakKb"] - 40 * 1024
    assert failed["peakKb"] > 1024
    assert "peakKb" not in gone
    assert (gone["errorCode"], gone["status"]) == ("Runtime.ExitError", None)


def test_stop_ends_idle_and_busy_processes(code: Path) -> None:
    with start_functions(code) as functions, closing(functions.client("lambda")) as client:
        _, idle = invoke(client, "Echo", {})
        invoke(client, "Process", {"sleep": 60}, InvocationType="Event")
        until(lambda: len(processes_of(code)) == 2)
        assert idle["pid"] in processes_of(code)
        began = time.monotonic()
        functions.stop()

    assert processes_of(code) == set()
    assert time.monotonic() - began < STOP_SECONDS  # when it would have been killed


@pytest.mark.parametrize("killed", [False, True], ids=["its parent has died", "it is killed"])
def test_processes_end_with_the_server(code: Path, killed: bool) -> None:
    command = [sys.executable, "-m", "sandbox.registry", "--exit-with-stdin"]
    command += ["--log-level", "CRITICAL", "--template", str(FAKE / "template.yml"), "--code", str(code)]
    command += ["--runtime-python", str(interpreter())]
    credentials = Credentials.new()
    with subprocess.Popen(  # noqa: S603 - our own program
        command,
        cwd=ROOT,
        env=clean_environment(**Access(credentials).variables()),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        endpoint = json.loads(server.stdout.readline())["endpoint"]
        url = f"{endpoint}/2015-03-31/functions/Process/invocations"
        answer = request(url, "POST", b"{}", sign_post(url, b"{}", credentials, "lambda"))
        assert processes_of(code) == {json.loads(answer.body)["pid"]}
        if killed:
            server.kill()
        else:
            server.stdin.close()
        assert server.wait(MAX_WAIT_SECONDS) == (-signal.SIGKILL if killed else 0)

        until(lambda: processes_of(code) == set())


def test_module_that_exits_is_a_function_error(code: Path, environments: Environments) -> None:
    (code / "leaving.py").write_text("import sys\nsys.exit(4)\n")

    outcome = environments.run(Function("Leaving", "leaving.handler", 60, 128), {}, "one")

    assert outcome.function_error
    assert json.loads(outcome.body) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": "RequestId: one Error: Runtime exited with error: exit status 4",
        "stackTrace": [],
    }


def slow_function(code: Path, start: float, timeout: float) -> Function:
    """A function that takes that long to import, and answers how many milliseconds it has left."""
    (code / "slow.py").write_text(
        f"import time\ntime.sleep({start})\n"
        "def handler(event, context):\n    return context.get_remaining_time_in_millis()\n"
    )
    return Function("Slow", "slow.handler", timeout, 128)


def test_start_within_lambdas_limit_is_not_counted(code: Path, environments: Environments) -> None:
    outcome = environments.run(slow_function(code, start=0.7, timeout=0.6), {}, "one")

    assert int(outcome.body) > 0


def test_start_beyond_lambdas_limit_is_counted(
    code: Path, environments: Environments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox.lambda_.runtime_client, "INIT_SECONDS", 0.0)

    outcome = environments.run(slow_function(code, start=0.3, timeout=30), {}, "one")

    assert int(outcome.body) <= 29_700


def test_start_that_does_not_end_is_over_time(
    code: Path, environments: Environments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox.lambda_.runtime_client, "INIT_SECONDS", 0.1)

    with pytest.raises(OverTime):
        environments.run(slow_function(code, start=600, timeout=0.2), {}, "one")

    assert processes_of(code) == set()


def test_bytes_are_returned_as_they_are(code: Path, environments: Environments) -> None:
    (code / "raw.py").write_text("def handler(event, context):\n    return b'no JSON'\n")
    runner = FunctionRunner({}, environments)

    outcome = runner.run(Function("Raw", "raw.handler", 60, 128), {"action": "READ"}, "one")

    assert (outcome.body, outcome.function_error) == (b"no JSON", False)
    assert [(each["action"], each["status"]) for each in runner.invocations()] == [("READ", None)]


def test_settings_of_our_python_are_not_inherited(
    environments: Environments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTHONSAFEPATH", "1")  # which would hide the handlers

    outcome = environments.run(Function("Process", "fake_handlers.process", 60, 128), {}, "one")

    assert str(ROOT) not in json.loads(outcome.body)["path"]


def test_closed_environments_refuse(code: Path) -> None:
    environments = Environments(interpreter(), code)
    environments.close()

    with pytest.raises(SandboxError, match="have been stopped"):
        environments.run(Function("Echo", "fake_handlers.echo", 1, 128), {}, "one")


def test_interpreter_that_is_absent_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_LAMBDA_PYTHON", "/nowhere/python")

    with pytest.raises(SandboxError, match="/nowhere/python: run `make setup`"):
        interpreter()


def test_interpreter_without_the_client_is_refused_with_the_remedy() -> None:
    with pytest.raises(SandboxError, match="run `make setup`"):
        start_functions(FAKE / "src", Path(sys.executable))


def test_runtime_api_answers_no_other_user(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime_client = sandbox.lambda_.runtime_client
    environment: Any = None  # requests for no operation of the API do not come as far
    with runtime_client._RuntimeApi(environment) as server:
        assert request(f"{server.endpoint}/other").status == HTTPStatus.NOT_FOUND
        # A connection that the system's list of those of IPv4 does not have.
        with closing(socket.socket(socket.AF_INET6)) as other, suppress(ConnectionError):
            other.connect(("::ffff:127.0.0.1", server.server_port))
            other.sendall(b"GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert other.recv(1) == b""
        user = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: user + 1)
        with pytest.raises(ConnectionError):
            request(f"{server.endpoint}/other")
        monkeypatch.setattr(runtime_client, "CONNECTIONS", Path("/nonexistent"))
        assert request(f"{server.endpoint}/other").status == HTTPStatus.NOT_FOUND
