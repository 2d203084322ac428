"""`demo` shows what happens, and fails where that is not what a step announces."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.__main__ import main
from sandbox.commands import demo, watch
from sandbox.commands.demo_steps import Demo
from sandbox.local_aws import Sandbox
from sandbox.shared.settings import ROOT, TYPE_NAME

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/fraud-detection"
VERSION = ROOT / "examples" / "registered-version.yaml"


@pytest.fixture(autouse=True)
def poll_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "POLL_SECONDS", 0.02)


@pytest.fixture
def lines() -> list[str]:
    """The lines that the demo printed."""
    return []


def test_demo_examples_succeed(sandbox: Sandbox, lines: list[str]) -> None:
    whole = Demo(sandbox, lines.append)
    exit_code = demo.deploy_examples(whole)
    text = "\n".join(lines)
    assert exit_code == 0, text
    assert "   FAILED " not in text
    for line in (
        "  call   CreateModelPackage\n",
        "  call   UpdateModelPackage\n",
        "  call   DeleteModelPackage\n",
        f"output  ModelPackageArn = {ARN}/2",
        "output  ModelPackageStatus = Completed",
        "output  CreationTime = 20",
        # The failing create has SageMaker's reason in the stack's events.
        "HandlerErrorCode: NotStabilized",
        demo.REASON,
    ):
        assert line in text
    document = whole.as_json()
    assert document["ok"]
    for step in document["steps"]:
        happenings = [each for each in step["lines"] if each["kind"] in ("event", "call")]
        assert [each["time"] for each in happenings] == sorted(each["time"] for each in happenings)
        # What an operation begins with is its event, although its calls may be listed before.
        assert not happenings or happenings[0]["reason"] == "User Initiated"
    validated = document["steps"][3]
    calls = [each["operation"] for each in validated["lines"] if each["kind"] == "call"]
    assert calls[0] == "CreateModelPackage"
    assert calls.count("DescribeModelPackage") == len(calls) - 2  # the other one reads the tags
    assert {each["name"] for each in validated["lines"] if each["kind"] == "output"} >= set(demo.ATTRIBUTES)


def test_demo_prints_one_json_document(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(demo, "Sandbox", lambda: nullcontext(sandbox))
    path = tmp_path / "bad.yaml"
    path.write_text("Resources: {Queue: {Type: 'AWS::SQS::Queue', Properties: {QueueName: {Ref: Missing}}}}")
    assert main(["demo", "--template", str(path), "--json", "--no-lint"]) == 1
    document = json.loads(capsys.readouterr().out)
    (step,) = document["steps"]
    assert (document["ok"], step["ok"], step["title"]) == (False, False, f"Deploy {path}")
    assert "Missing" in step["problem"]
    wrong = {"Type": TYPE_NAME, "Properties": {"ModelPackageGroupName": "fraud", "Domian": "x"}}
    path.write_text(json.dumps({"Resources": {"Version": wrong}}))
    assert main(["demo", "--template", str(path), "--json"]) == 2
    output = capsys.readouterr()
    document = json.loads(output.out)
    assert (document["ok"], document["steps"], output.err) == (False, [], "")
    assert "E9111" in [each["rule"] for each in document["problems"]]
    large = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Metadata": {"Notes": "x" * 60_000}}
    path.write_text(json.dumps(large))
    assert main(["demo", "--template", str(path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], document["problems"]) == (True, [])


@dataclass(frozen=True)
class Override:
    """An answer to the demo in one step, in place of the true one, and the problem that the step reports."""

    during: str
    method: str
    answer: Any
    problem: str


def changed(**values: str) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda outputs: outputs | values


def without_time(outputs: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in outputs.items() if name != "CreationTime"}


def one_more(packages: list[str]) -> list[str]:
    return [*packages, str(time.monotonic_ns())]


# Every check of every step fails once; a run overrides one answer in a step.
OVERRIDES = [
    [
        Override("Register", "deploy", "ROLLBACK_COMPLETE", "the stack is ROLLBACK_COMPLETE"),
        Override("Approve", "deploy", "UPDATE_ROLLBACK_COMPLETE", "the stack is UPDATE_ROLLBACK_COMPLETE"),
        Override("Change", "outputs", changed(ModelPackageArn=f"{ARN}/1"), "the version was not"),
        Override("An unversioned", "outputs", without_time, "an attribute is missing from the outputs"),
        Override("A package", "deploy", "CREATE_COMPLETE", "the stack is CREATE_COMPLETE"),
        Override("Delete the stack broken", "delete", "DELETE_FAILED", "the stack is DELETE_FAILED"),
        Override("What is left", "packages", [], "something else is left"),
    ],
    [
        Override("Register", "outputs", without_time, "an attribute is missing from the outputs"),
        Override("Approve", "outputs", changed(ModelPackageArn=f"{ARN}/9"), "the version was rep"),
        Override("Change", "packages", [], "the old version is gone"),
        Override("A package", "reasons", [], "the events lack the reason"),
        # A defect of the demo itself.
        Override("What is left", "packages", 1, "TypeError("),
    ],
    [
        Override("Register", "outputs", changed(ModelPackageStatus="Failed"), "the version is no"),
        Override("Approve", "package", {"ModelApprovalStatus": "Rejected"}, "not approved"),
        Override("A package", "packages", one_more, "the failed package was left"),
    ],
]


@pytest.mark.parametrize("overrides", OVERRIDES)
def test_demo_fails_where_a_check_fails(
    sandbox: Sandbox, lines: list[str], monkeypatch: pytest.MonkeyPatch, overrides: list[Override]
) -> None:
    overridden = Demo(sandbox, lines.append)

    def override(method: str) -> Callable[..., Any]:
        original = getattr(overridden, method)

        def answer(*arguments: Any) -> Any:
            truth = original(*arguments)
            title = next(line for line in reversed(lines) if line.startswith("\n== "))
            for each in overrides:
                if each.method == method and title.startswith(f"\n== {each.during}"):
                    return each.answer(truth) if callable(each.answer) else each.answer
            return truth

        return answer

    for method in {each.method for each in overrides}:
        monkeypatch.setattr(overridden, method, override(method))
    assert demo.deploy_examples(overridden) == 1
    failed = [line.removeprefix("   FAILED ") for line in lines if line.startswith("   FAILED")]
    problems = [line.removeprefix("   !! ") for line in lines if line.startswith("   !! ")]
    assert len(failed) == len(problems) == len(overrides)
    for step, problem, each in zip(failed, problems, overrides, strict=True):
        assert step.startswith(each.during)
        assert problem.startswith(each.problem)


def test_demo_template_is_deployed_with_parameters_and_deleted(sandbox: Sandbox, lines: list[str]) -> None:
    assert demo.deploy_template(Demo(sandbox, lines.append), VERSION, {"GroupName": "churn"}) == 0
    assert any("model-package/churn/1" in line for line in lines)
    assert lines[-2:] == [f"   ok     Deploy {VERSION}", "   ok     Delete the stack"]


def test_demo_deploys_the_readmes_template(sandbox: Sandbox, lines: list[str], tmp_path: Path) -> None:
    template = tmp_path / "readme.yaml"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    template.write_text(readme.split("```yaml\n")[1].split("```")[0])
    assert demo.deploy_template(Demo(sandbox, lines.append), template) == 0
    assert "   output  Status = Completed" in lines


def test_demo_acknowledges_what_a_template_needs(sandbox: Sandbox, lines: list[str], tmp_path: Path) -> None:
    path = tmp_path / "user.yaml"
    path.write_text("Resources: {User: {Type: AWS::IAM::User, Properties: {UserName: demo}}}")
    assert demo.deploy_template(Demo(sandbox, lines.append), path) == 0


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        (
            b"Parameters: {Name: {Type: String}}\nResources: {Queue: {Type: 'AWS::SQS::Queue'}}",
            "Give it with PARAMETERS=",
        ),
        (b"Resources: [", "An error occurred"),
        (b"\xff\xfe", "UnicodeDecodeError("),
    ],
)
def test_demo_template_failure_has_its_reason(
    sandbox: Sandbox, lines: list[str], tmp_path: Path, template: bytes, problem: str
) -> None:
    path = tmp_path / "own template.yaml"
    path.write_bytes(template)
    assert demo.deploy_template(Demo(sandbox, lines.append), path) == 1
    assert lines[-1] == f"   FAILED Deploy {path}"
    assert any(problem in line for line in lines if line.startswith("   !! "))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--parameters", "GroupName=churn"), "Parameters need a template of your own"),
        (("--template", "nothing.yaml"), "There is no template at nothing.yaml\n"),
    ],
)
def test_demo_usage_error(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert main(["demo", *arguments]) == 2
    assert capsys.readouterr().err.startswith(message)


def test_demo_lints_before_it_starts_anything(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "Sandbox", None)
    path = tmp_path / "wrong.yaml"
    text = VERSION.read_text(encoding="utf-8")
    path.write_text(text.replace("Domain:", "Domian:"), encoding="utf-8")
    assert main(["demo", "--template", str(path)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert ": E9111 Domian is not a property of this type" in shown.err
    assert shown.err.endswith("Nothing was started. --no-lint deploys it nevertheless\n")
    with pytest.raises(TypeError):  # it goes on, to the sandbox that is not there
        main(["demo", "--template", str(path), "--no-lint"])
    monkeypatch.setattr(demo, "DEPLOYED", (path,))
    assert main(["demo"]) == 2
