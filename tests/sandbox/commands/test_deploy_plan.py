"""`deploy`: what is wrong with a template, what it would do, and the question about what it deletes."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.__main__ import main
from sandbox.commands import change_sets
from sandbox.commands.deployment import Deployment
from sandbox.local_aws import Sandbox
from tests.sandbox.commands.cli import VERSION, Json, RunCommand, package_template, stacks_of, write
from tests.sandbox.helpers import until
from tests.stack.stacks import specification

OTHER_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:9"
Answer = Callable[..., tuple[int, str]]


def change_sets_of(sandbox: Sandbox, stack: str) -> list[Any]:
    with closing(sandbox.client("cloudformation")) as cloudformation:
        return list(cloudformation.list_change_sets(StackName=stack)["Summaries"])


def arns(sandbox: Sandbox) -> list[str]:
    return [each["ModelPackageArn"] for each in sandbox.sagemaker.packages]


def template(path: Path, policy: str = "Delete", **properties: Any) -> str:
    """Write a template whose version is replaced with this policy, and return the file's name."""
    document = package_template(**properties)
    document["Resources"]["Version"]["UpdateReplacePolicy"] = policy
    return write(path / "t.json", document)


@pytest.fixture
def deployed(run: RunCommand, sandbox: Sandbox, tmp_path: Path) -> Sandbox:
    """The sandbox with the stack `fraud` in it."""
    assert run("deploy", template(tmp_path), "--stack", "fraud").code == 0
    return sandbox


# --- lint -------------------------------------------------------------------------------------------


def test_deploy_ends_with_the_errors_of_the_template(
    run: RunCommand, sandbox: Sandbox, tmp_path: Path
) -> None:
    wrong = write(tmp_path / "t.json", json.dumps(package_template(Domian="OTHER", CreatedBy={}), indent=1))
    result = run("deploy", wrong, "--stack", "fraud")
    assert (result.code, result.out) == (2, "")
    error, path, warning, *rest = result.err.splitlines()
    assert error.startswith(f"{wrong}:")
    assert ": E9111 Domian is not a property of this type" in error
    assert path == "    Resources/Version/Properties/Domian"
    assert ": W9112 CreatedBy" in warning
    assert rest[-1] == "Nothing was changed. --no-lint deploys it nevertheless"
    whole = run("deploy", wrong, "--stack", "fraud", "--json")
    assert (whole.code, whole.err, whole.json["changed"]) == (2, "", False)
    assert [(each["level"], each["rule"]) for each in whole.json["problems"]] == [
        ("error", "E9111"),
        ("warning", "W9112"),
    ]
    assert run("deploy", wrong, "--stack", "fraud", "--no-lint").code == 1
    assert sandbox.sagemaker.packages == []


def test_deploy_goes_on_with_warnings_and_without_rules(
    run: RunCommand, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "t.json", package_template(CreatedBy={}))
    result = run("deploy", path, "--stack", "fraud", "--json")
    assert (result.code, result.err) == (0, "")
    assert [each["rule"] for each in result.json["problems"]] == ["W9112"]
    monkeypatch.setitem(sys.modules, "editors.rules._rule", None)
    result = run("deploy", path, "--stack", "fraud")
    assert result.code == 0
    assert result.err.startswith("The template is not linted: ")
    assert "W9112" not in result.err
    del sandbox


def test_deploy_lints_with_the_tags_and_values_of_the_stack(
    run: RunCommand, deployed: Sandbox, tmp_path: Path
) -> None:
    tags = [{"Key": "team", "Value": "risk"}]
    path = template(tmp_path, Tags=tags)
    assert "E9116" in run("deploy", path, "--stack", "other").err
    assert run("deploy", path, "--stack", "fraud", "--tags", "team=risk").code == 0
    assert run("deploy", path, "--stack", "fraud").code == 0
    assert deployed.sagemaker.packages


# --- the plan ---------------------------------------------------------------------------------------


def test_plan_of_a_new_stack_leaves_nothing(run: RunCommand, sandbox: Sandbox) -> None:
    result = run("deploy", VERSION, "--stack", "fraud", "--plan")
    assert result.code == 0
    assert result.out.startswith(
        "fraud would be created:\n  + Group (AWS::SageMaker::ModelPackageGroup): add\n"
    )
    assert '      ModelApprovalStatus = "PendingManualApproval"\n' in result.out
    assert "      CustomerMetadataProperties.owner = (string)\n" in result.out
    assert "      ModelPackageArn.Value = (known after deployment)\n" in result.out
    assert result.err == "Nothing was changed: this is a plan\n"
    assert stacks_of(run) == []
    assert sandbox.invocations() == []


def test_plan_of_an_update_is_what_is_done(run: RunCommand, deployed: Sandbox, tmp_path: Path) -> None:
    options = ("--stack", "fraud", "--tags", "team=risk")
    changed = template(tmp_path, AdditionalInferenceSpecifications=[specification("neo")])
    planned = run("deploy", changed, *options, "--plan", "--json")
    assert (planned.code, planned.err) == (0, "")
    assert planned.json.keys() == {
        *("stack", "exists", "changed", "resources", "outputs", "tags", "parameters", "problems"),
    }
    assert (planned.json["stack"], planned.json["exists"], planned.json["changed"]) == ("fraud", True, True)
    by_name = {each["resource"]: each for each in planned.json["resources"]}
    assert (by_name["Version"]["action"], by_name["Version"]["oldResource"]) == ("change", None)
    assert planned.json["tags"] == [{"path": "team", "after": "risk"}]
    assert change_sets_of(deployed, "fraud") == []
    before = arns(deployed)
    assert run("deploy", changed, *options).code == 0
    assert arns(deployed) == before
    nothing = run("deploy", changed, *options, "--plan")
    assert (nothing.code, nothing.out) == (0, "Nothing would change in fraud\n")
    assert run("deploy", changed, *options, "--plan", "--json").json["changed"] is False


def test_plan_of_outputs_and_secret_parameters(run: RunCommand, sandbox: Sandbox, tmp_path: Path) -> None:
    document: Json = {
        "Parameters": {"Word": {"Type": "String", "NoEcho": True}},
        "Resources": {
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::Sub": "a${Word}"}}}
        },
        "Outputs": {"Word": {"Value": {"Fn::Sub": "x${Word}"}}, "Fixed": {"Value": "1"}},
    }
    path = write(tmp_path / "t.json", document)
    created = run("deploy", path, "--stack", "s", "--plan", "--parameters", "Word=hunter2")
    assert "      Word.Value = (NoEcho)\n" in created.out
    assert run("deploy", path, "--stack", "s", "--parameters", "Word=hunter2").code == 0
    document["Outputs"] = {
        **document["Outputs"],
        "Fixed": {"Value": "2"},
        "Topic": {"Value": {"Ref": "Topic"}},
    }
    document["Outputs"]["Word"] = {"Value": {"Fn::Sub": "y${Word}"}}
    changed = run(
        "deploy",
        write(tmp_path / "t.json", document),
        "--stack",
        "s",
        "--parameters",
        "Word=other77",
        "--plan",
    )
    assert changed.code == 0
    assert '      DisplayName "****" -> another "****"  (in place; from parameter Word)\n' in changed.out
    assert '      Fixed.Value "1" -> "2"\n' in changed.out
    assert "      Topic.Value = (known after deployment)\n" in changed.out
    assert "      Word.Value (NoEcho) -> another (NoEcho)\n" in changed.out
    assert "hunter2" not in changed.out + changed.err
    assert "other77" not in changed.out + changed.err
    del sandbox


def test_plan_interrupted_or_refused_leaves_nothing(
    run: RunCommand, deployed: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = change_sets.ChangeSet._create

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def create_and_interrupt(change_set: change_sets.ChangeSet) -> None:
        create(change_set)
        raise KeyboardInterrupt

    refused = write(tmp_path / "r.json", {"Resources": {"A": {"Type": "AWS::No::Such"}}})
    assert run("deploy", refused, "--stack", "new", "--plan").code == 2
    path = template(tmp_path, Domain="OTHER")
    for owner, name, replacement in (
        (Deployment, "plan_by", interrupt),
        (change_sets.ChangeSet, "_create", create_and_interrupt),
    ):
        monkeypatch.setattr(owner, name, replacement)
        for stack in ("new", "fraud"):
            result = run("deploy", path, "--stack", stack, "--plan")
            assert (result.code, result.err.startswith("Interrupted.")) == (130, True)
        assert [each["stack"] for each in stacks_of(run)] == ["fraud"]
        assert change_sets_of(deployed, "fraud") == []


def test_plan_of_a_stack_in_review_keeps_it(run: RunCommand, sandbox: Sandbox, tmp_path: Path) -> None:
    path = template(tmp_path)
    with closing(sandbox.client("cloudformation")) as cloudformation:
        cloudformation.create_change_set(
            StackName="fraud",
            ChangeSetName="own",
            ChangeSetType="CREATE",
            TemplateBody=Path(path).read_text(),
        )
    assert run("deploy", path, "--stack", "fraud", "--plan").code == 1
    assert run("deploy", path, "--stack", "fraud", "--plan", "--replace").out.startswith(
        "fraud would be created"
    )
    assert [each["ChangeSetName"] for each in change_sets_of(sandbox, "fraud")] == ["own"]
    assert [each["stack"] for each in stacks_of(run)] == ["fraud"]


# --- the question -----------------------------------------------------------------------------------


@pytest.fixture
def answer(run: RunCommand) -> Answer:
    """Runs a command on a terminal, with an answer typed in advance; returns its exit code and its output."""
    del run  # has made the shell

    def run_on_terminal(typed: str, *arguments: str) -> tuple[int, str]:
        terminal, shell = pty.openpty()
        output: list[bytes] = []

        def read() -> None:
            with contextlib.suppress(OSError):  # the shell's side is closed
                while content := os.read(terminal, 4096):
                    output.append(content)

        reader = threading.Thread(target=read)
        reader.start()
        os.write(terminal, typed.encode())
        with (
            open(os.dup(shell), encoding="utf-8") as stdin,
            open(shell, "w", encoding="utf-8") as stderr,
            pytest.MonkeyPatch.context() as streams,
        ):
            streams.setattr(sys, "stdin", stdin)
            streams.setattr(sys, "stderr", stderr)
            code = main([*arguments])
        reader.join()
        os.close(terminal)
        return code, b"".join(output).decode().replace("\r\n", "\n")

    return run_on_terminal


@pytest.mark.parametrize("typed", ["no\n", "\n", "y\n", "\x04"], ids=["no", "nothing", "y", "end of input"])
def test_deploy_asks_on_a_terminal_before_it_deletes(
    answer: Answer, deployed: Sandbox, tmp_path: Path, typed: str
) -> None:
    before = arns(deployed)
    code, shown = answer(typed, "deploy", template(tmp_path, Domain="OTHER"), "--stack", "fraud", "--plan")
    assert (code, "Deploy it?" in shown) == (0, False)
    code, shown = answer(typed, "deploy", template(tmp_path, Domain="OTHER"), "--stack", "fraud")
    assert code == 1
    assert "This may delete what is not retained:\n  ! Version" in shown
    assert "Domain " in shown
    assert shown.endswith("Nothing was changed\n")
    assert arns(deployed) == before
    assert change_sets_of(deployed, "fraud") == []


def test_deploy_does_what_was_confirmed(
    answer: Answer, deployed: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed: list[str] = []
    execute = change_sets.ChangeSet.execute

    def note(change_set: change_sets.ChangeSet) -> None:
        executed.append(change_set.status)
        execute(change_set)

    monkeypatch.setattr(change_sets.ChangeSet, "execute", note)
    before = arns(deployed)
    code, shown = answer("yes\n", "deploy", template(tmp_path, Domain="OTHER"), "--stack", "fraud")
    assert (code, executed) == (0, ["CREATE_COMPLETE"]), shown
    assert arns(deployed) != before
    code, shown = answer("", "deploy", template(tmp_path, Domain="THIRD"), "--stack", "fraud", "--yes")
    assert (code, "Deploy it?" in shown) == (0, False)


def test_deploy_begins_nothing_once_the_stack_has_changed(
    run: RunCommand, deployed: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = arns(deployed)
    execute = change_sets.ChangeSet.execute

    def change_first(change_set: change_sets.ChangeSet) -> None:
        monkeypatch.setattr(change_sets.ChangeSet, "execute", execute)
        assert run("deploy", template(tmp_path, ModelApprovalStatus="Approved"), "--stack", "fraud").code == 0
        execute(change_set)

    for properties in ({"Domain": "OTHER"}, {"CustomerMetadataProperties": {"a": "b"}}):
        monkeypatch.setattr(change_sets.ChangeSet, "execute", change_first)
        result = run("deploy", template(tmp_path, **properties), "--stack", "fraud")
        assert result.code == 1
        assert "fraud has been changed by another operation meanwhile" in result.err
        assert run("deploy", template(tmp_path), "--stack", "fraud").code == 0
    assert arns(deployed) == before


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Stack:arn:x is in UPDATE_IN_PROGRESS state and can not be updated.", 1),
        ("Stack [fraud] already exists", 1),
        ("Template error: no", 2),
    ],
)
def test_refusal_of_what_another_operation_was_before_is_no_wrong_usage(message: str, code: int) -> None:
    error = ClientError({"Error": {"Message": message}}, "UpdateStack")
    assert change_sets.refusal(error, {"Parameters": []}).exit_code == code


def test_plan_of_a_parameter_that_nothing_uses(run: RunCommand, sandbox: Sandbox, tmp_path: Path) -> None:
    document: Json = {
        "Parameters": {"Word": {"Type": "String", "Default": "a"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    }
    deploy = ("deploy", write(tmp_path / "t.json", document), "--stack", "s")
    assert run(*deploy).code == 0
    planned = run(*deploy, "--plan", "--parameters", "Word=b")
    assert planned.out == "s would be updated:\n  Parameters:\n      Word (string) -> another (string)\n"
    assert run(*deploy, "--json", "--parameters", "Word=b").json["changed"] is True
    # What is no change to a change set is none to a deployment.
    again = ("deploy", write(tmp_path / "t.json", {**document, "Description": "x"}), "--stack", "s")
    assert run(*again, "--plan").out == "Nothing would change in s\n"
    assert run(*again, "--json").json["changed"] is False
    del sandbox


@pytest.mark.parametrize(
    ("policy", "properties", "is_reported"),
    [
        ("Delete", {"Domain": "OTHER"}, True),
        ("Retain", {"Domain": "OTHER"}, False),
        ("Delete", {"ModelApprovalStatus": "Approved"}, False),
        ("Delete", {"AdditionalInferenceSpecifications": [specification("neo")]}, False),
        ("Delete", {"SkipModelValidation": "All"}, True),
    ],
)
def test_deploy_reports_losses_where_it_cannot_ask(
    run: RunCommand, deployed: Sandbox, tmp_path: Path, policy: str, properties: Json, is_reported: bool
) -> None:
    result = run("deploy", template(tmp_path, policy, **properties), "--stack", "fraud")
    assert result.code == 0
    assert ("This may delete what is not retained:\n  ! Version" in result.err) == is_reported
    assert change_sets_of(deployed, "fraud") == []


def test_deploy_reports_what_it_removes(run: RunCommand, deployed: Sandbox, tmp_path: Path) -> None:
    document = package_template()
    del document["Resources"]["Version"]
    path = write(tmp_path / "t.json", document)
    planned = run("deploy", path, "--stack", "fraud", "--plan")
    assert "  - Version (AWS::SageMaker::ModelPackage): remove: it is deleted\n" in planned.out
    result = run("deploy", path, "--stack", "fraud")
    assert (result.code, "  - Version" in result.err) == (0, True)
    assert deployed.sagemaker.packages == []


def test_replace_asks_about_what_a_dead_stack_still_has(
    run: RunCommand, answer: Answer, sandbox: Sandbox, tmp_path: Path
) -> None:
    document: Json = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    path = write(tmp_path / "t.json", document)
    version = package_template()["Resources"]["Version"]
    version["Properties"]["ModelPackageGroupName"] = "nothing"
    resources = {**document["Resources"], "Version": {**version, "DependsOn": "Topic"}}
    with closing(sandbox.client("cloudformation")) as cloudformation:
        cloudformation.create_stack(
            StackName="dead", TemplateBody=json.dumps({"Resources": resources}), OnFailure="DO_NOTHING"
        )
    until(lambda: run("status", "dead").out.startswith("dead is CREATE_FAILED"))
    planned = run("deploy", path, "--stack", "dead", "--replace", "--plan")
    assert planned.out.splitlines()[:2] == [
        "dead would be created:",
        "  - Topic (AWS::SNS::Topic): remove: it is deleted",
    ]
    assert "  + Topic (AWS::SNS::Topic): add\n" in planned.out
    assert [each["stack"] for each in stacks_of(run)] == ["dead"]
    code, shown = answer("no\n", "deploy", path, "--stack", "dead", "--replace")
    assert (code, "  - Topic (AWS::SNS::Topic): remove" in shown) == (1, True)
    assert run("status", "dead").out.startswith("dead is CREATE_FAILED")
    assert run("deploy", path, "--stack", "dead", "--replace").code == 0
