"""`delete`: what goes, what stays, and what cannot be deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Behaviour
from sandbox.state_file import program
from tests.sandbox.commands.cli import (
    ARN,
    GROUP_ARN,
    IMAGE,
    VALIDATED,
    VERSION,
    RunCommand,
    handlers_wait,
    interrupt_once,
    package_template,
    refuse,
    stacks_of,
    write,
)
from tests.sandbox.helpers import until


def test_delete_removes_the_stack_and_its_package(run: RunCommand, sandbox: Sandbox) -> None:
    assert run("deploy", VERSION, "--stack", "fraud").code == 0
    result = run("delete", "fraud")
    assert (result.code, result.out) == (0, "")
    assert "DELETE_SKIPPED                Group" in result.err
    assert result.err.endswith(
        "fraud is DELETE_COMPLETE\n"
        "These stay (DeletionPolicy or UpdateReplacePolicy: Retain, or --retain):\n"
        f"  Group  {GROUP_ARN}\n"
        "Their names stay taken. To forget everything in this sandbox:\n"
        f"    {program()} reset\n"
    )
    assert sandbox.sagemaker.packages == []
    gone = run("delete", "fraud")
    assert (gone.code, gone.err) == (2, "There is no stack fraud. Stacks in this sandbox: none\n")


def test_delete_retain_leaves_what_cannot_be_deleted(
    run: RunCommand, sandbox: Sandbox, tmp_path: Path
) -> None:
    assert run("deploy", write(tmp_path / "t.json", package_template()), "--stack", "fraud").code == 0
    refuse(sandbox, "DeleteModelPackage")
    result = run("delete", "fraud")
    assert result.code == 1
    assert f"    {program()} delete fraud --retain Version\n" in result.err
    assert result.err.splitlines()[-1].startswith(
        "  Version: AccessDenied: DELETE AWS::SageMaker::ModelPackage"
    )
    failed = run("delete", "fraud", "--json")
    assert (failed.code, failed.err, failed.json["status"]) == (1, "", "DELETE_FAILED")
    assert [each["resource"] for each in failed.json["failures"]] == ["Version"]
    done = run("delete", "fraud", "--retain", "Version", "--json")
    assert (done.code, done.json["status"]) == (0, "DELETE_COMPLETE")
    assert {each["resource"] for each in done.json["retained"]} == {"Group", "Version"}
    assert len(sandbox.sagemaker.packages) == 1


@pytest.mark.usefixtures("sandbox")
def test_delete_reports_nothing_when_nothing_is_retained(run: RunCommand) -> None:
    assert run("deploy", VALIDATED).code == 0
    result = run("delete", "validated-package")
    assert (result.code, result.err.splitlines()[-1]) == (0, "validated-package is DELETE_COMPLETE")
    assert run("deploy", VALIDATED).code == 0
    assert run("delete", "validated-package", "--json").json["retained"] == []


def test_delete_reports_everything_ever_retained(run: RunCommand, sandbox: Sandbox) -> None:
    assert run("deploy", VERSION, "--stack", "fraud").code == 0
    replaced = run("deploy", VERSION, "--stack", "fraud", "--parameters", f"Image={IMAGE}")
    assert f"ModelPackageArn = {ARN}/2\n" in replaced.out
    refuse(sandbox, "DeleteModelPackage")
    version = {"resource": "Version", "physicalId": f"{ARN}/1"}
    group = {"resource": "Group", "physicalId": GROUP_ARN}
    failed = run("delete", "fraud")  # the group is retained, the stack stays
    assert (failed.code, "These stay" in failed.err) == (1, False)
    assert run("delete", "fraud", "--json").json["retained"] == [version, group]
    sandbox.sagemaker.behaviour.faults = []
    done = run("delete", "fraud", "--json")
    assert (done.code, done.err, done.json["retained"]) == (0, "", [version, group])


@pytest.mark.usefixtures("sandbox")
def test_delete_reports_a_refusal_of_cloudformation(run: RunCommand, tmp_path: Path) -> None:
    template = package_template()
    template["Outputs"] = {"Arn": {"Value": {"Ref": "Version"}, "Export": {"Name": "the-arn"}}}
    assert run("deploy", write(tmp_path / "t.json", template), "--stack", "fraud").code == 0
    user = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::ImportValue": "the-arn"}}}
    assert run("deploy", write(tmp_path / "u.json", {"Resources": {"Topic": user}})).code == 0
    result = run("delete", "fraud")
    assert result.code == 1
    assert result.err == "DeleteStack was refused: Export the-arn cannot be deleted as it is in use by u\n"


def test_delete_interrupted_goes_on(run: RunCommand, sandbox: Sandbox, tmp_path: Path) -> None:
    assert run("deploy", write(tmp_path / "t.json", package_template()), "--stack", "fraud").code == 0
    sandbox.sagemaker.behaviour = Behaviour(delete_describes=1_000)
    with interrupt_once(handlers_wait(sandbox, "fraud")):
        result = run("delete", "fraud")
    assert result.code == 130
    assert "Interrupted. fraud is DELETE_IN_PROGRESS and goes on by itself" in result.err
    late = run("delete", "fraud", "--timeout", "0.1")
    assert (late.code, "It is DELETE_IN_PROGRESS after 0.1 s" in late.err) == (4, True)
    sandbox.sagemaker.reset()  # so that it is gone at the next poll
    until(lambda: stacks_of(run) == [])
    events = [(each["action"], each["callback"]) for each in sandbox.invocations()]
    assert events.count(("DELETE", False)) == 1
