"""`deploy`: stacks, their outputs, why they fail, and what happens after Ctrl-C or a timeout."""

from __future__ import annotations

import json
import re
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sandbox.commands import progress
from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Behaviour
from sandbox.shared.clients import client_factory
from sandbox.state_file import program
from tests.sandbox.commands.cli import (
    ARN,
    GROUP_ARN,
    REASON,
    VALIDATED,
    VERSION,
    RunCommand,
    complete_at_once,
    handlers_wait,
    interrupt_once,
    never_complete,
    package_template,
    write,
)
from tests.sandbox.helpers import until
from tests.stack.stacks import specification


@pytest.mark.usefixtures("sandbox")
def test_deploy_reports_events_and_prints_outputs(run: RunCommand) -> None:
    result = run("deploy", VERSION, "--stack", "fraud")
    assert result.code == 0
    assert re.fullmatch(
        rf"ModelPackageArn = {ARN}/1\nCreationTime = 20\S+\nModelPackageStatus = Completed\n", result.out
    )
    statuses = re.findall(r"^  \d\d:\d\d:\d\d  (\w+) +(\w+)$", result.err, re.MULTILINE)
    assert statuses[0] == ("CREATE_IN_PROGRESS", "fraud")
    assert statuses[-1] == ("CREATE_COMPLETE", "fraud")
    assert ("CREATE_COMPLETE", "Version") in statuses
    assert result.err.endswith("fraud is CREATE_COMPLETE\n")


@pytest.mark.usefixtures("sandbox")
def test_deploy_acknowledges_what_a_template_needs(run: RunCommand, tmp_path: Path) -> None:
    user = {"Type": "AWS::IAM::User", "Properties": {"UserName": "deployed"}}
    path = write(tmp_path / "user.json", {"Resources": {"User": user}})
    assert run("deploy", path, "--stack", "user").code == 0


def test_deploy_update_keeps_parameters_and_tags_not_given(run: RunCommand, sandbox: Sandbox) -> None:
    given = ("ApprovalStatus=Approved", "ApprovalDescription=Signed = sealed")
    assert run("deploy", VERSION, "--stack", "fraud", "--parameters", *given, "--tags", "team=a").code == 0
    result = run("deploy", VERSION, "--stack", "fraud", "--parameters", "ApprovalDescription=")
    assert result.code == 0
    assert "These keep their values: GroupName, Image, ModelDataUrl, ApprovalStatus\n" in result.err
    with closing(sandbox.client("cloudformation")) as cloudformation:
        stack = cloudformation.describe_stacks(StackName="fraud")["Stacks"][0]
    values = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    assert (values["ApprovalStatus"], values["ApprovalDescription"]) == ("Approved", "")
    assert stack["Tags"] == [{"Key": "team", "Value": "a"}]


@pytest.mark.usefixtures("sandbox")
def test_deploy_without_changes_succeeds(run: RunCommand) -> None:
    first = run("deploy", VERSION, "--stack", "fraud")
    again = run("deploy", VERSION, "--stack", "fraud")
    assert (again.code, again.out) == (0, first.out)
    assert again.err == "fraud is CREATE_COMPLETE, and nothing has to be changed\n"
    result = run("deploy", VERSION, "--stack", "fraud", "--json")
    assert (result.code, result.json["changed"], result.err) == (0, False, "")


@pytest.mark.usefixtures("sandbox")
def test_deploy_json_is_all_that_is_printed(run: RunCommand) -> None:
    result = run("deploy", VALIDATED, "--json")
    assert (result.code, result.err) == (0, "")
    keys = {"stack", "stackId", "status", "changed", "outputs", "failures", "messages", "drift", "problems"}
    assert result.json.keys() == keys
    assert (result.json["stack"], result.json["status"]) == ("validated-package", "CREATE_COMPLETE")
    assert (result.json["changed"], result.json["failures"], result.json["messages"]) == (True, [], [])
    assert result.json["outputs"]["ModelPackageStatus"] == "Completed"


@pytest.mark.usefixtures("sandbox")
def test_deploy_shows_the_message_of_an_update(run: RunCommand, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    added = package_template(AdditionalInferenceSpecificationsToAdd=[specification("neo")])
    assert run("deploy", write(path, added), "--stack", "fraud").code == 0
    result = run("deploy", write(path, package_template()), "--stack", "fraud")
    assert result.code == 0
    assert re.search(r"  UPDATE_COMPLETE  +Version\n +.*\bneo\b.* stay", result.err), result.err
    assert re.search(r" UPDATE  +fraud/Version +SUCCESS .*\n    .*\bneo\b.* stay", run("events", "fraud").out)
    assert run("deploy", write(path, added), "--stack", "fraud").code == 0
    whole = run("deploy", write(path, package_template()), "--stack", "fraud", "--json").json
    (message,) = whole["messages"]
    assert (message["resource"], message["status"]) == ("Version", "UPDATE_COMPLETE")
    assert "neo" in message["reason"]
    assert whole["failures"] == []
    assert run("events", "fraud", "--json").json_lines[-1]["message"] == message["reason"]


def test_deploy_failure_ends_with_the_handlers_message(run: RunCommand, sandbox: Sandbox) -> None:
    sandbox.sagemaker.behaviour.validation_failures["smoke-test"] = REASON
    result = run("deploy", VALIDATED)
    assert (result.code, result.out) == (1, "")
    last = result.err.splitlines()[-1]
    assert last.startswith("  Package: NotStabilized: CREATE AWS::SageMaker::ModelPackage arn:aws:")
    assert last.endswith(f"the package's status is Failed: validation profile smoke-test: {REASON}")
    assert "RequestToken" not in result.err
    assert "again with --replace" in result.err
    blocked = run("deploy", VALIDATED)
    assert blocked.code == 1
    assert f"{program()} delete validated-package\n" in blocked.err
    assert run("deploy", VALIDATED, "--json").json["status"] == "ROLLBACK_COMPLETE"
    failed = run("deploy", VALIDATED, "--replace", "--json")
    assert (failed.code, failed.err) == (1, "")
    (failure,) = failed.json["failures"]
    assert (failure["resource"], failure["status"]) == ("Package", "CREATE_FAILED")
    assert failure["reason"].endswith(REASON)


def test_deploy_replace_deletes_only_a_dead_end(run: RunCommand, sandbox: Sandbox) -> None:
    sandbox.sagemaker.behaviour.validation_failures["smoke-test"] = REASON
    assert run("deploy", VALIDATED).code == 1
    # A mistake in the new deployment is reported before anything is deleted.
    assert run("deploy", VALIDATED, "--replace", "--parameters", "Nonsense=1").code == 2
    assert run("status", "validated-package").code == 0
    result = run("deploy", VALIDATED, "--replace", "--parameters", "ValidationProfile=another")
    assert result.code == 0
    assert result.err.startswith("validated-package is ROLLBACK_COMPLETE and is deleted first\n")
    # A stack that can be updated is updated.
    again = run("deploy", VALIDATED, "--replace", "--tags", "team=a")
    assert (again.code, "deleted first" in again.err) == (0, False)


def test_deploy_replaces_a_stack_that_is_only_a_change_set(
    run: RunCommand, sandbox: Sandbox, tmp_path: Path
) -> None:
    body = json.dumps(package_template())
    with closing(sandbox.client("cloudformation")) as cloudformation:
        cloudformation.create_change_set(
            StackName="fraud", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=body
        )
    template = write(tmp_path / "t.json", body)
    assert "fraud is REVIEW_IN_PROGRESS" in run("deploy", template, "--stack", "fraud").err
    assert run("deploy", template, "--stack", "fraud", "--replace").code == 0


@pytest.mark.usefixtures("sandbox")
def test_deploy_failed_update_reports_that_update_only(run: RunCommand, tmp_path: Path) -> None:
    good, bad = package_template(), package_template(Domian="OTHER")
    assert run("deploy", write(tmp_path / "t.json", good), "--stack", "fraud").code == 0
    result = run("deploy", write(tmp_path / "t.json", bad), "--stack", "fraud", "--no-lint")
    assert result.code == 1
    assert "CREATE_COMPLETE" not in result.err
    assert result.err.splitlines()[-3:] == [
        "fraud is UPDATE_ROLLBACK_COMPLETE",
        "Why it failed:",
        "  Version: Properties validation failed for resource Version with message: "
        "[Encountered unsupported property Domian]",
    ]
    status = run("status", "fraud", "--json").json
    assert [each["resource"] for each in status["lastFailures"]] == ["Version"]


@pytest.mark.usefixtures("sandbox")
def test_deploy_reports_what_cloudformation_itself_refuses(run: RunCommand, tmp_path: Path) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "models-1"}}
    template = write(tmp_path / "t.json", {"Resources": {"Bucket": bucket}})
    assert run("deploy", template, "--stack", "first").code == 0
    taken = run("deploy", template, "--stack", "second")
    assert taken.code == 1
    assert re.search(r"^  Bucket: /Resources/Bucket: .*already exists", taken.err.splitlines()[-3])
    circle = {
        name: {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": other}}}
        for name, other in (("A", "B"), ("B", "A"))
    }
    result = run("deploy", write(tmp_path / "t.json", {"Resources": circle}), "--stack", "circle")
    assert result.code == 2
    assert result.err.endswith("is no template: Circular dependency between resources: [A, B]\n")


@pytest.mark.usefixtures("sandbox")
def test_deploy_taken_name_comes_with_a_hint(run: RunCommand) -> None:
    assert run("deploy", VERSION, "--stack", "fraud").code == 0
    assert run("delete", "fraud").code == 0
    taken = run("deploy", VERSION, "--stack", "fraud")
    assert taken.code == 1
    why, *hint = taken.err.splitlines()[-3:]
    assert f"Model Package Group already exists: {GROUP_ARN}" in why
    assert hint == [
        "What has that name already may be what a deleted stack has retained. Give another name, or forget "
        "everything in this sandbox:",
        f"    {program()} reset",
    ]
    assert run("deploy", VERSION, "--stack", "other", "--parameters", "GroupName=churn").code == 0
    assert run("reset").code == 0
    assert run("deploy", VERSION, "--stack", "fraud").code == 0


def test_deploy_sends_a_large_template_through_s3(run: RunCommand, sandbox: Sandbox, tmp_path: Path) -> None:
    large = write(tmp_path / "large.json", {**package_template(), "Metadata": {"Notes": "x" * 60_000}})
    assert run("deploy", large, "--plan").code == 0
    assert run("deploy", large).code == 0
    endpoints = {"sagemaker": sandbox.endpoints["cloudformation"]}
    with closing(client_factory(endpoints, sandbox.credentials)("s3")) as s3:
        assert s3.list_buckets()["Buckets"] == []
    too_large = write(tmp_path / "large.json", {**package_template(), "Metadata": {"Notes": "x" * 1_000_000}})
    result = run("deploy", too_large, "--stack", "other")
    assert result.code == 2
    assert "CloudFormation takes 1,000,000" in result.err


def test_deploy_interrupted_says_what_goes_on(run: RunCommand, sandbox: Sandbox) -> None:
    never_complete(sandbox)
    with interrupt_once(handlers_wait(sandbox, "validated-package")):
        result = run("deploy", VALIDATED)
    assert (result.code, result.out) == (130, "")
    assert result.err[result.err.index("Interrupted.") :].splitlines() == [
        "Interrupted. validated-package is CREATE_IN_PROGRESS and goes on by itself. See it, or delete it:",
        f"    {program()} status validated-package",
        f"    {program()} delete validated-package",
    ]
    busy = run("deploy", VALIDATED)
    assert (busy.code, "something else is under way" in busy.err) == (1, True)
    refused = run("reset")
    assert (refused.code, "In progress: validated-package" in refused.err) == (1, True)
    # What the creation has begun is deleted, too, as soon as it can be.
    assert run("delete", "validated-package", "--timeout", "0.5").code == 4
    complete_at_once(sandbox)
    assert run("delete", "validated-package").code == 0
    assert sandbox.sagemaker.packages == []


def test_deploy_timeout_leaves_the_stack_in_progress(run: RunCommand, sandbox: Sandbox) -> None:
    never_complete(sandbox)
    result = run("deploy", VALIDATED, "--timeout", "0.5")
    assert result.code == 4
    message = "It is CREATE_IN_PROGRESS after 0.5 s. validated-package is CREATE_IN_PROGRESS and goes on"
    assert message in result.err
    complete_at_once(sandbox)
    complete = "validated-package is CREATE_COMPLETE"
    until(lambda: run("status", "validated-package").out.startswith(complete))
    assert run("delete", "validated-package").code == 0


def test_deploy_shows_progress_on_a_terminal_only(
    run: RunCommand, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.sagemaker.behaviour = Behaviour(describes_until_completed=5)
    elsewhere = run("deploy", VALIDATED)
    assert "\r" not in elsewhere.err
    assert "next poll" not in elsewhere.err
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(progress, "UPDATE_SECONDS", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    result = run("deploy", VALIDATED, "--stack", "terminal")
    assert result.code == 0
    line = r"  Package: CREATE, \d+ s so far, the package is (Pending|InProgress), next poll in \d+ s *"
    assert [text for text in result.err.split("\r") if re.fullmatch(line, text)]
    # Every such line is removed before something else is printed.
    assert all(text.strip() == "" for text in re.findall(r"\r([^\r\n]*)\r(?=  \d\d:|term)", result.err))
    assert "\x1b" not in result.err
    quiet = run("deploy", VALIDATED, "--stack", "terminal", "--tags", "a=1", "--json")
    assert (quiet.code, quiet.err) == (0, "")
