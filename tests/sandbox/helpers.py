"""Helpers of the sandbox's tests: invocations through boto3, waiting, tables of cases."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from sandbox.lambda_.runtime_client import interpreter
from sandbox.local_aws import Sandbox

FAKE = Path(__file__).parent / "fake"
MAX_WAIT_SECONDS = 10.0
POLL_SECONDS = 0.02

T = TypeVar("T")


def cases(arguments: str, table: Mapping[str, Any]) -> pytest.MarkDecorator:
    """Parametrize a test with a table: from the id of each case to its values."""
    return pytest.mark.parametrize(arguments, list(table.values()), ids=list(table))


def invoke(client: Any, name: str, event: Any, **options: Any) -> tuple[dict[str, Any], Any]:
    """Invoke a function and return Lambda's answer and the function's; an event in bytes goes as it is."""
    payload = event if isinstance(event, bytes) else json.dumps(event).encode()
    response = client.invoke(FunctionName=name, Payload=payload, **options)
    with response["Payload"] as stream:
        body = stream.read()
    return response, json.loads(body) if body else None


def handled(client: Any) -> list[dict[str, Any]]:
    """The production events that the fake handlers got."""
    return list(invoke(client, "Inspect", {})[1]["events"])


def answer_of(sandbox: Sandbox, function: str, event: Any) -> dict[str, Any]:
    """Invoke a function, with the sandbox's credentials, and return its answer; no function error."""
    with closing(sandbox.client("lambda")) as client:
        response, answer = invoke(client, function, sandbox.credentials.put_into(event))
    assert "FunctionError" not in response, answer
    return dict(answer)


def until(poll: Callable[[], T]) -> T:
    """Poll until the result is something, or true, and return it."""
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while not (result := poll()):
        assert time.monotonic() < deadline, "it has not happened in time"
        time.sleep(POLL_SECONDS)
    return result


def processes_of(code: Path) -> set[int]:
    """The processes in environments of this code, and what they have started."""
    mark = f"LAMBDA_TASK_ROOT={code}\0".encode()
    processes = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has gone meanwhile
            if mark in (process / "environ").read_bytes():
                processes.add(int(process.name))
    return processes


def copy_code(folder: Path) -> Path:
    """Return a code directory of its own, by which its processes are known."""
    code = folder.resolve() / "code"
    shutil.copytree(FAKE / "src", code, ignore=shutil.ignore_patterns("__pycache__"))
    return code


def start_functions(code: Path, python: Path | None = None) -> Sandbox:
    """Start the functions alone, from that directory, under the runtime client."""
    return Sandbox(
        sagemaker=False,
        engine=False,
        cloudcontrol=False,
        template=FAKE / "template.yml",
        code=code,
        runtime_python=python or interpreter(),
    ).start()
