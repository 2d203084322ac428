"""`invoke`: one event, or an operation polled until it is over."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.measure import event as production_event
from sandbox.local_aws import Sandbox
from sandbox.state_file import RunningSandbox, StateFile
from tests.sandbox.commands.cli import (
    REASON,
    Json,
    RunCommand,
    interrupt_once,
    never_complete,
    write,
)
from tests.stack.stacks import TYPE, input_set, sam_event


def event(action: str = "CREATE", **model: Any) -> Json:
    """An event for TestEntrypoint, about an unversioned package that is validated."""
    return sam_event("CREATE", model or input_set(3)) | {"action": action}


def production(given: Json) -> Json:
    """The same event as CloudFormation sends it."""
    sent = production_event(given["action"], TYPE) | {"bearerToken": given["request"]["clientRequestToken"]}
    sent["requestData"]["resourceProperties"] = given["request"]["desiredResourceState"]
    return sent


@pytest.mark.usefixtures("sandbox")
def test_invoke_prints_the_answer(run: RunCommand, tmp_path: Path) -> None:
    first = run("invoke", write(tmp_path / "event.json", event()))
    assert first.code == 0
    assert first.json["status"] == "IN_PROGRESS"
    assert "the same command with --until-done" in first.err
    assert run("invoke", "sam-tests/list.json", "--json").out.count("\n") == 1
    failed = run("invoke", "sam-tests/read.json")
    assert (failed.code, failed.json["errorCode"]) == (1, "NotFound")
    assert failed.err == f"FAILED NotFound: {failed.json['message']}\n"


@pytest.mark.parametrize("kind", [dict, production])
def test_invoke_until_done_polls_as_cloudformation_does(
    run: RunCommand, sandbox: Sandbox, tmp_path: Path, kind: Callable[[Json], Json]
) -> None:
    result = run("invoke", write(tmp_path / "event.json", kind(event())), "--until-done")
    assert (result.code, result.json["status"]) == (0, "SUCCESS")
    assert result.err == (
        "poll 1: IN_PROGRESS, the next one in 0.02 s\n"
        "poll 2: IN_PROGRESS, the next one in 0.04 s\n"
        "poll 3: SUCCESS\n"
    )
    function = "TestEntrypoint" if kind is dict else "TypeFunction"
    assert [each["function"] for each in sandbox.invocations()] == [function] * 3
    arn = result.json["resourceModel"]["ModelPackageArn"]
    gone = kind(event("DELETE", ModelPackageArn=arn))
    quiet = run("invoke", write(tmp_path / "event.json", gone), "--until-done", "--json")
    assert (quiet.code, quiet.json["status"], quiet.err) == (0, "SUCCESS", "")
    assert sandbox.sagemaker.packages == []


def test_invoke_until_done_ends_after_failure_timeout_and_interrupt(
    run: RunCommand, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "event.json", event())
    sandbox.sagemaker.behaviour.validation_failures["marketplace"] = REASON
    failed = run("invoke", path, "--until-done")
    assert (failed.code, failed.json["status"]) == (1, "FAILED")
    assert failed.err.splitlines()[-1].endswith(REASON)
    assert run("reset").code == 0
    never_complete(sandbox)
    late = run("invoke", path, "--until-done", "--timeout", "0.3")
    assert (late.code, late.out) == (4, "")
    assert late.err.endswith("It is not over after 0.3 s, and is not polled again\n")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with interrupt_once(lambda: len(sandbox.invocations()) > 7):
        interrupted = run("invoke", path, "--until-done")
    assert (interrupted.code, interrupted.out) == (130, "")
    assert "Interrupted: the handlers are not asked again" in interrupted.err
    assert re.search(r"\r  \d s so far, next poll in \d s", interrupted.err)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no event file at"),
        ("", "is empty"),
        ('{"action": READ}', "is not JSON: line 1, column 12"),
        ("[1]", "is no event: a JSON object with `request`"),
        ('{"action": "READ"}', "is no event"),
        ('{"request": "x"}', "is no event"),
    ],
)
def test_invoke_refuses_a_file_without_event(
    run: RunCommand, sandbox: Sandbox, tmp_path: Path, content: str | None, message: str
) -> None:
    path = tmp_path / "event.json"
    if content is not None:
        path.write_text(content)
    result = run("invoke", str(path))
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert sandbox.invocations() == []


def test_invoke_reports_a_broken_or_missing_function(
    run: RunCommand, fake_sandbox: Sandbox, tmp_path: Path
) -> None:
    with StateFile(tmp_path / "state") as state_file:
        state_file.write(RunningSandbox.of(fake_sandbox))
        given = event(Behave="raise")
        broken = write(tmp_path / "production.json", production(given))
        result = run("invoke", broken, "--state", str(state_file.path))
        assert (result.code, result.out) == (1, "")
        assert result.err == "The function failed: LookupError: the handler broke\n"
        result = run("invoke", write(tmp_path / "test.json", given), "--state", str(state_file.path))
        assert (result.code, result.out) == (1, "")
        assert result.err.startswith("Invoke was refused: Function not found: arn:aws:lambda:")
