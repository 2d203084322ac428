"""`status` and `events`."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path

import pytest

from sandbox.local_aws import Sandbox
from sandbox.shared.settings import ROOT
from sandbox.state_file import program
from tests.sandbox.commands.cli import (
    ARN,
    REASON,
    VALIDATED,
    VERSION,
    RunCommand,
    interrupt_once,
    package_template,
    refuse,
    write,
)


def test_status_lists_stacks_and_packages(run: RunCommand, sandbox: Sandbox, tmp_path: Path) -> None:
    nothing = run("status")
    assert nothing.code == 0
    assert f"none; deploy one:\n    {program()} deploy {VERSION}\npackages\n  none\npage\n" in nothing.out
    life_cycle = {"Stage": "Development", "StageStatus": "InProgress"}
    secret = {"owner": "an-owner-not-shown"}
    template = package_template(ModelLifeCycle=life_cycle, CustomerMetadataProperties=secret)
    assert run("deploy", write(tmp_path / "t.json", template), "--stack", "fraud").code == 0
    assert run("deploy", VALIDATED).code == 0
    result = run("status")
    assert result.code == 0
    for line in (
        r"  fraud              CREATE_COMPLETE",
        r"  validated-package  CREATE_COMPLETE",
        r"  fraud-detection",
        r"    1  Completed  PendingManualApproval  Development/InProgress",
        r"  in no group",
        r"    validated-package-Package-\w+  Completed",
        rf"  {sandbox.page}",
    ):
        assert re.search(rf"^{line}$", result.out, re.MULTILINE), (line, result.out)
    whole = run("status", "--json").json
    assert whole.keys() == {"page", "endpoints", "stacks", "groups"}
    assert whole["groups"][0]["packages"][0]["arn"] == f"{ARN}/1"
    assert [each["stack"] for each in whole["stacks"]] == ["fraud", "validated-package"]
    assert "an-owner-not-shown" not in result.out + json.dumps(whole) + run("status", "fraud").out


def test_status_stack_shows_resources_outputs_and_last_failure(run: RunCommand, sandbox: Sandbox) -> None:
    assert run("deploy", VERSION, "--stack", "fraud").code == 0
    good = run("status", "fraud")
    assert "last failure" not in good.out
    assert re.search(rf"^  Version  CREATE_COMPLETE  AWS::SageMaker::ModelPackage  +{ARN}/1$", good.out, re.M)
    assert "outputs\n  ModelPackageArn = " in good.out
    refuse(sandbox, "UpdateModelPackage")
    failed = run("deploy", VERSION, "--stack", "fraud", "--parameters", "ApprovalStatus=Approved")
    assert failed.code == 1
    bad = run("status", "fraud")
    assert re.search(
        r"^last failure\n  \d\d:\d\d:\d\d Version: AccessDenied: UPDATE .* not allowed", bad.out, re.M
    )
    whole = run("status", "fraud", "--json").json
    assert whole["outputs"]["ModelPackageArn"] == f"{ARN}/1"
    assert {each["resource"]: each["physicalId"] for each in whole["resources"]}["Version"] == f"{ARN}/1"
    assert whole["lastFailures"][0]["reason"].startswith("AccessDenied: UPDATE")
    assert run("status", "frau").code == 2


def test_events_show_calls_delays_and_messages(run: RunCommand, sandbox: Sandbox) -> None:
    assert run("events").err == "No events yet\n"
    sandbox.sagemaker.behaviour.validation_failures["smoke-test"] = REASON
    assert run("deploy", VERSION, "--stack", "fraud").code == 0
    assert run("deploy", VALIDATED).code == 1
    result = run("events")
    assert result.code == 0
    assert re.search(
        r"^\d\d:\d\d:\d\d  CREATE +fraud/Version +SUCCESS +\d+ ms  CreateModelPackage, Desc", result.out, re.M
    )
    assert re.search(
        r"  CREATE +validated-package/Package +IN_PROGRESS  next poll after 0.02 s  \d+ ms  Create",
        result.out,
    )
    assert re.search(
        r"  CREATE, again  validated-package/Package  FAILED .*\n    NotStabilized: CREATE ", result.out
    )
    own = run("events", "fraud", "--json").json_lines
    assert {each["stack"] for each in own} == {"fraud"}
    failed = run("events", "--failed", "--json").json_lines
    assert [(each["logicalId"], each["errorCode"]) for each in failed] == [("Package", "NotStabilized")]
    none = run("events", "fraud", "--failed")
    assert (none.code, none.out, none.err) == (0, "", "No such events\n")
    assert run("events", "nothing").code == 2
    # A stack that has been deleted has had its events all the same.
    assert run("delete", "validated-package").code == 0
    assert run("events", "validated-package").code == 0


@pytest.mark.usefixtures("sandbox")
def test_events_count_those_not_shown(run: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.page.snapshot.MAX_EVENTS", 2)
    for _ in range(3):
        assert run("invoke", "sam-tests/read.json").code == 1
    result = run("events")
    assert (result.out.count("NotFound"), result.err) == (2, "Older events, which are not shown: 1\n")


def test_events_follow_until_interrupted(run: RunCommand, sandbox: Sandbox) -> None:
    def invoke() -> bool:
        with closing(sandbox.client("lambda")) as client:
            event = (ROOT / "sam-tests" / "read.json").read_bytes()
            client.invoke(FunctionName="TestEntrypoint", Payload=event)["Payload"].close()
        return len(sandbox.invocations()) > 5

    with interrupt_once(invoke):
        result = run("events", "--follow", "--json")
    assert (result.code, result.err) == (0, "")
    ids = [each["id"] for each in result.json_lines]
    assert 1 < len(ids) == len(set(ids))
    assert all(each["status"] == "FAILED" and not each["running"] for each in result.json_lines)
