"""Functions in processes of their own, under Lambda's runtime client."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import sandbox.lambda_.runtime_client
from sandbox.lambda_.function import Function, OverTime
from sandbox.lambda_.invoke_api import FunctionRunner
from sandbox.lambda_.runtime_client import Environments, interpreter
from sandbox.local_aws import Sandbox
from sandbox.shared.processes import STOP_SECONDS, SandboxError, clean_environment
from sandbox.shared.settings import ROOT
from tests.sandbox.looking import PATIENCE_SECONDS, invoke, until

FAKE = Path(__file__).parent / "fake"


def processes_of(code: Path) -> set[int]:
    """The processes in environments of this code, and what they have started, whoever their parent is."""
    mark = f"LAMBDA_TASK_ROOT={code}\0".encode()
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has gone meanwhile
            if mark in (process / "environ").read_bytes():
                found.add(int(process.name))
    return found


def is_there(pid: int) -> bool:
    """Tell whether there is such a process, be it a zombie."""
    return Path(f"/proc/{pid}").exists()


def started(code: Path) -> Sandbox:
    """The functions alone, from that directory, under the runtime client."""
    return Sandbox(
        sagemaker=False,
        engine=False,
        cloudcontrol=False,
        template=FAKE / "template.yml",
        code=code,
        runtime_python=interpreter(),
    ).start()


@pytest.fixture
def code(tmp_path: Path) -> Iterator[Path]:
    """A code directory of the test's own, of which no process may be left."""
    code = tmp_path.resolve() / "code"
    shutil.copytree(FAKE / "src", code, ignore=shutil.ignore_patterns("__pycache__"))
    yield code
    assert processes_of(code) == set()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Path]]:
    """The functions for all tests that do not stop them, and their code directory."""
    code = tmp_path_factory.mktemp("shared").resolve() / "code"
    shutil.copytree(FAKE / "src", code, ignore=shutil.ignore_patterns("__pycache__"))
    functions = started(code)
    yield functions, code
    functions.stop()
    assert processes_of(code) == set()


@pytest.fixture(scope="module")
def client(shared: tuple[Sandbox, Path]) -> Iterator[Any]:
    """A boto3 client of the running functions."""
    with closing(shared[0].client("lambda")) as client:
        yield client


@pytest.fixture
def runtime_sandbox(shared: tuple[Sandbox, Path]) -> Sandbox:
    """The running functions, with nothing noted."""
    shared[0].clear_invocations()
    return shared[0]


@pytest.fixture
def awslambda(client: Any, runtime_sandbox: Sandbox) -> Any:
    """The client, with nothing noted so far."""
    assert runtime_sandbox.invocations() == []
    return client


@pytest.fixture
def environments(code: Path) -> Iterator[Environments]:
    """Environments in this process, of no server."""
    with closing(Environments(interpreter(), code)) as environments:
        yield environments


def test_the_answer_of_the_handler_comes_back(awslambda: Any) -> None:
    response, answer = invoke(awslambda, "Echo", {"hello": ["wörld", 1, None]})

    assert response["StatusCode"] == 200
    assert "FunctionError" not in response
    assert answer["event"] == {"hello": ["wörld", 1, None]}


def test_the_context_has_what_lambda_gives(awslambda: Any) -> None:
    response, answer = invoke(awslambda, "Echo", {})

    assert 0 < answer["remaining"] <= 1000
    assert answer["name"] == "Echo"
    assert answer["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:Echo"
    assert answer["memory"] == "256"
    assert answer["request"] == response["ResponseMetadata"]["RequestId"]


def test_the_environment_is_lambdas(awslambda: Any, shared: tuple[Sandbox, Path]) -> None:
    _, answer = invoke(awslambda, "Process", {})

    code = str(shared[1])
    environment = answer["environment"]
    assert answer["directory"] == code
    assert environment["LAMBDA_TASK_ROOT"] == code
    assert environment["_HANDLER"] == "fake_handlers.process"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "Process"
    assert environment["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert environment["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/Process"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "us-east-1"
    assert environment["AWS_EXECUTION_ENV"].startswith("AWS_Lambda_python3.")
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
    assert environment.keys().isdisjoint({"PYTHONPATH", "AWS_PROFILE", "AWS_SECRET_ACCESS_KEY"})


def test_handlers_import_from_their_package_and_nothing_of_this_project(
    awslambda: Any, shared: tuple[Sandbox, Path]
) -> None:
    _, answer = invoke(awslambda, "Process", {})

    first, *others = answer["path"]
    own = str(interpreter().absolute().parent.parent)
    assert first == str(shared[1])
    assert [path for path in others if path.startswith(str(ROOT)) and not path.startswith(own)] == []
    for name in ("sandbox", "aws_sagemaker_modelpackage", "boto3", "__editable__*"):
        assert [path for path in answer["path"] if list(Path(path).glob(name))] == []


def test_nothing_is_written_to_the_code_directory(awslambda: Any, shared: tuple[Sandbox, Path]) -> None:
    invoke(awslambda, "Process", {})

    assert [file.name for file in shared[1].iterdir()] == ["fake_handlers.py"]


def test_a_handler_that_raises_is_a_function_error(awslambda: Any) -> None:
    response, answer = invoke(awslambda, "Echo", {"raise": "on purpose"})

    assert response["StatusCode"] == 200
    assert response["FunctionError"] == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == ("LookupError", "on purpose")
    assert "echo" in "".join(answer["stackTrace"])


def test_an_error_may_be_longer_than_a_header(awslambda: Any) -> None:
    # The client sends it a second time for X-Ray, as a header, which http.server takes up to 64 KB.
    _, answer = invoke(awslambda, "Echo", {"raise": "long" * 50_000})

    assert answer["errorMessage"] == "long" * 50_000


def test_an_answer_that_is_no_json_is_a_function_error(awslambda: Any) -> None:
    response, answer = invoke(awslambda, "Echo", {"not json": True})

    assert response["FunctionError"] == "Unhandled"
    assert answer["errorType"] == "Runtime.MarshalError"


def test_a_handler_that_cannot_be_imported_is_a_function_error_every_time(awslambda: Any) -> None:
    for _ in range(2):
        response, answer = invoke(awslambda, "Missing", {})

        assert response["FunctionError"] == "Unhandled"
        assert answer["errorType"] == "Runtime.ImportModuleError"
        assert answer["errorMessage"].startswith("Unable to import module 'nowhere_to_be_found'")


def test_a_handler_that_runs_over_its_timeout_dies_and_the_next_is_fresh(awslambda: Any) -> None:
    _, before = invoke(awslambda, "Echo", {})

    response, answer = invoke(awslambda, "Echo", {"sleep": 60})

    assert response["FunctionError"] == "Unhandled"
    assert answer["errorType"] == "Sandbox.Timedout"
    request = response["ResponseMetadata"]["RequestId"]
    assert answer["errorMessage"] == f"RequestId: {request} Error: Task timed out after 1.00 seconds"
    assert not is_there(before["pid"])
    _, after = invoke(awslambda, "Echo", {})
    assert after["pid"] != before["pid"]


@pytest.mark.parametrize(
    ("event", "end"),
    [
        ({"exit": 3}, "Runtime exited with error: exit status 3"),
        ({"exit": 0}, "Runtime exited without providing a reason"),
        ({"signal": signal.SIGKILL}, "Runtime exited with error: signal: killed"),
    ],
)
def test_a_process_that_ends_is_a_function_error_and_the_next_is_fresh(
    awslambda: Any, event: dict[str, int], end: str
) -> None:
    _, before = invoke(awslambda, "Process", {})

    response, answer = invoke(awslambda, "Process", event)

    assert response["FunctionError"] == "Unhandled"
    assert answer["errorType"] == "Runtime.ExitError"
    request = response["ResponseMetadata"]["RequestId"]
    assert answer["errorMessage"] == f"RequestId: {request} Error: {end}"
    assert not is_there(before["pid"])
    _, after = invoke(awslambda, "Process", {})
    assert after["pid"] != before["pid"]


def test_a_process_that_dies_while_it_is_idle_is_replaced(awslambda: Any) -> None:
    _, before = invoke(awslambda, "Process", {})
    os.kill(before["pid"], signal.SIGKILL)
    until(lambda: not is_there(before["pid"]))

    response, after = invoke(awslambda, "Process", {})

    assert "FunctionError" not in response
    assert after["pid"] != before["pid"]


def test_a_process_takes_what_it_has_started_with_it(awslambda: Any, shared: tuple[Sandbox, Path]) -> None:
    invoke(awslambda, "Process", {"start": True, "exit": 1})

    until(lambda: not any(map(is_sleep, processes_of(shared[1]))))


def is_sleep(pid: int) -> bool:
    """Tell whether the process is the one that the fake handler starts."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"sleep")
    return False


def test_a_process_is_kept_for_the_next_invocation(awslambda: Any) -> None:
    answers = [invoke(awslambda, "Process", {})[1] for _ in range(3)]

    assert len({answer["pid"] for answer in answers}) == 1


def test_a_handler_that_raises_keeps_its_process(awslambda: Any) -> None:
    _, before = invoke(awslambda, "Echo", {})
    invoke(awslambda, "Echo", {"raise": "on purpose"})
    _, after = invoke(awslambda, "Echo", {})

    assert after["pid"] == before["pid"]


def test_two_invocations_at_once_are_in_two_processes(awslambda: Any, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(invoke, awslambda, "Process", {"meet": str(tmp_path)}) for _ in range(2)]
        answers = [call.result()[1] for call in calls]

    # Neither has answered before the other was there.
    assert {str(answer["pid"]) for answer in answers} == {file.name for file in tmp_path.iterdir()}
    assert len({answer["pid"] for answer in answers}) == 2


def test_the_peak_memory_is_noted(awslambda: Any, runtime_sandbox: Sandbox) -> None:
    invoke(awslambda, "Process", {})
    invoke(awslambda, "Process", {"megabytes": 50})
    invoke(awslambda, "Echo", {"raise": "on purpose"})
    invoke(awslambda, "Process", {"exit": 1})

    little, much, failed, gone = runtime_sandbox.invocations()
    assert 1024 < little["peakKb"] < much["peakKb"] - 40 * 1024
    assert failed["peakKb"] > 1024
    assert "peakKb" not in gone
    assert (gone["errorCode"], gone["status"]) == ("Runtime.ExitError", None)


def test_what_handlers_print_goes_to_the_log(awslambda: Any, runtime_sandbox: Sandbox) -> None:
    _, answer = invoke(awslambda, "Echo", {})

    assert runtime_sandbox.logs is not None
    log = (runtime_sandbox.logs / "functions.log").read_text()
    assert "printed by the handler" in log
    assert f"{answer['request']}\tlogged by the handler" in log


def test_stopping_ends_idle_and_busy_processes(code: Path) -> None:
    functions = started(code)
    with functions, closing(functions.client("lambda")) as client:
        _, idle = invoke(client, "Echo", {})
        invoke(client, "Process", {"sleep": 60}, InvocationType="Event")
        until(lambda: len(processes_of(code)) == 2)
        assert idle["pid"] in processes_of(code)
        began = time.monotonic()

    assert processes_of(code) == set()
    assert time.monotonic() - began < STOP_SECONDS  # when it would have been killed


@pytest.mark.parametrize("killed", [False, True], ids=["its parent has died", "it is killed"])
def test_no_process_outlives_the_functions_server(code: Path, killed: bool) -> None:
    command = [
        sys.executable,
        "-m",
        "sandbox.lambda_.invoke_api",
        "--exit-with-stdin",
        "--log-level",
        "CRITICAL",
    ]
    command += ["--template", str(FAKE / "template.yml"), "--code", str(code)]
    command += ["--runtime-python", str(interpreter())]
    with subprocess.Popen(  # noqa: S603 - our own program
        command,
        cwd=ROOT,
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        address = urlsplit(json.loads(server.stdout.readline())["endpoint"])
        with closing(http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)) as http_:
            http_.request("POST", "/2015-03-31/functions/Process/invocations", body=b"{}")
            pid = json.loads(http_.getresponse().read())["pid"]
        assert processes_of(code) == {pid}
        if killed:
            server.kill()
        else:
            server.stdin.close()
        assert server.wait(PATIENCE_SECONDS) == (-signal.SIGKILL if killed else 0)

        until(lambda: processes_of(code) == set())


def test_a_module_that_ends_the_process_is_a_function_error(code: Path, environments: Environments) -> None:
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


def test_a_start_within_lambdas_limit_is_not_the_functions(code: Path, environments: Environments) -> None:
    outcome = environments.run(slow_function(code, start=0.7, timeout=0.6), {}, "one")

    assert int(outcome.body) > 0


def test_a_start_beyond_lambdas_limit_is_at_the_functions_expense(
    code: Path, environments: Environments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox.lambda_.runtime_client, "INIT_SECONDS", 0.0)

    outcome = environments.run(slow_function(code, start=0.3, timeout=30), {}, "one")

    assert int(outcome.body) <= 29_700


def test_a_start_that_does_not_end_is_over_time(
    code: Path, environments: Environments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox.lambda_.runtime_client, "INIT_SECONDS", 0.1)

    with pytest.raises(OverTime):
        environments.run(slow_function(code, start=600, timeout=0.2), {}, "one")

    assert processes_of(code) == set()


def test_bytes_come_back_as_they_are(code: Path, environments: Environments) -> None:
    (code / "raw.py").write_text("def handler(event, context):\n    return b'no JSON'\n")
    runner = FunctionRunner({}, environments)

    outcome = runner.run(Function("Raw", "raw.handler", 60, 128), {"action": "READ"}, "one")

    assert (outcome.body, outcome.function_error) == (b"no JSON", False)
    assert [(each["action"], each["status"]) for each in runner.invocations()] == [("READ", None)]


def test_settings_of_our_own_python_are_not_handed_on(
    environments: Environments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTHONSAFEPATH", "1")  # which would hide the handlers

    outcome = environments.run(Function("Process", "fake_handlers.process", 60, 128), {}, "one")

    assert str(ROOT) not in json.loads(outcome.body)["path"]


def test_closed_environments_run_nothing(code: Path) -> None:
    environments = Environments(interpreter(), code)
    environments.close()

    with pytest.raises(SandboxError, match="have been stopped"):
        environments.run(Function("Echo", "fake_handlers.echo", 1, 128), {}, "one")


def test_an_absent_interpreter_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_LAMBDA_PYTHON", "/nowhere/python")

    with pytest.raises(SandboxError, match="/nowhere/python: run `make setup`"):
        interpreter()


def test_an_interpreter_without_the_client_is_refused_with_the_remedy() -> None:
    with pytest.raises(SandboxError, match="run `make setup`"):
        Sandbox(
            sagemaker=False, engine=False, cloudcontrol=False, runtime_python=Path(sys.executable)
        ).start()
