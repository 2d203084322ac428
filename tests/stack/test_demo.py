"""The demo is the stack test: what it shows must be what happens."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox import demo
from sandbox.local_aws import Sandbox
from sandbox.shared.settings import ROOT


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the stacks often: nobody reads along."""
    monkeypatch.setattr(demo, "LOOK_EVERY", 0.02)


@pytest.fixture
def told() -> list[str]:
    """The lines the demo printed."""
    return []


def test_every_step_of_the_story_does_what_it_says(sandbox: Sandbox, told: list[str]) -> None:
    exit_code = demo.tell_story(demo.Demo(sandbox, told.append), sandbox)
    text = "\n".join(told)
    assert exit_code == 0, text
    assert "   FAILED " not in text
    for line in (
        "call    CreateModelPackage\n",
        "call    UpdateModelPackage\n",
        "call    DeleteModelPackage\n",
        "output  ModelPackageArn = arn:aws:sagemaker:us-east-1:123456789012:model-package/fraud-detection/2",
        "output  ModelPackageStatus = Completed",
        "output  CreationTime = 20",
    ):
        assert line in text
    # The failing create says in the stack's events what SageMaker says.
    assert "HandlerErrorCode: NotStabilized" in text
    assert demo.REASON in text


@dataclass(frozen=True)
class Lie:
    """What a test makes of the demo's looks at the world in one step, and what the step has to say to it."""

    during: str
    look: str
    answer: Any
    problem: str


class Doctored(demo.Demo):
    """A demo some of whose looks at the world are answered by the test."""

    lies: Sequence[Lie] = ()

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Remember which step it is."""
        self._current = what
        with super().step(what):
            yield

    def _lie(self, look: str, truth: Any) -> Any:
        for lie in self.lies:
            if lie.look == look and self._current.startswith(lie.during):
                return lie.answer(truth) if callable(lie.answer) else lie.answer
        return truth

    def deploy(self, stack: str, template: Path, parameters: Mapping[str, str] | None = None) -> str:
        """What the stack's status is, or what the test says it is."""
        return str(self._lie("deploy", super().deploy(stack, template, parameters)))

    def delete(self, stack: str) -> str:
        """The same of a deletion."""
        return str(self._lie("delete", super().delete(stack)))

    def outputs(self, stack: str) -> dict[str, str]:
        """The same of the outputs."""
        return dict(self._lie("outputs", super().outputs(stack)))

    def reasons(self, stack_id: str) -> list[str]:
        """The same of the reasons in the events."""
        return list(self._lie("reasons", super().reasons(stack_id)))

    def package(self, arn: str) -> dict[str, Any]:
        """The same of a package."""
        return dict(self._lie("package", super().package(arn)))

    def packages(self) -> list[str]:
        """The same of the packages there are."""
        return list(self._lie("packages", super().packages()))


def without_creation_time(outputs: dict[str, str]) -> dict[str, str]:
    """Outputs in which an attribute is missing."""
    return {name: value for name, value in outputs.items() if name != "CreationTime"}


def one_more(packages: list[str]) -> list[str]:
    """A package that was not there at the last look."""
    return [*packages, str(time.monotonic_ns())]


ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/fraud-detection"


# Every check of every step fails once; a step has one lie in each telling of the story.
LIES = [
    [
        Lie("Register", "deploy", "ROLLBACK_COMPLETE", "the stack is ROLLBACK_COMPLETE"),
        Lie("Approve", "deploy", "UPDATE_ROLLBACK_COMPLETE", "the stack is UPDATE_ROLLBACK_COMPLETE"),
        Lie(
            "Change", "outputs", lambda found: found | {"ModelPackageArn": f"{ARN}/1"}, "the version was not"
        ),
        Lie("An unversioned", "outputs", without_creation_time, "an attribute is missing from the outputs"),
        Lie("A package", "deploy", "CREATE_COMPLETE", "the stack is CREATE_COMPLETE"),
        Lie("Delete the stack broken", "delete", "DELETE_FAILED", "the stack is DELETE_FAILED"),
        Lie("What is left", "packages", [], "something else is left"),
    ],
    [
        Lie("Register", "outputs", without_creation_time, "an attribute is missing from the outputs"),
        Lie(
            "Approve", "outputs", lambda found: found | {"ModelPackageArn": f"{ARN}/9"}, "the version was rep"
        ),
        Lie("Change", "packages", [], "the old version is gone"),
        Lie("A package", "reasons", [], "the reason is not told"),
        # A defect of the demo itself.
        Lie("What is left", "packages", 1, "TypeError("),
    ],
    [
        Lie(
            "Register", "outputs", lambda found: found | {"ModelPackageStatus": "Failed"}, "the version is no"
        ),
        Lie("Approve", "package", {"ModelApprovalStatus": "Rejected"}, "not approved"),
        Lie("A package", "packages", one_more, "the failed package was left"),
    ],
]


@pytest.mark.parametrize("lies", LIES)
def test_the_demo_fails_where_a_step_does_not_do_what_it_says(
    sandbox: Sandbox, told: list[str], monkeypatch: pytest.MonkeyPatch, lies: list[Lie]
) -> None:
    monkeypatch.setattr(Doctored, "lies", lies)
    assert demo.tell_story(Doctored(sandbox, told.append), sandbox) == 1
    failed = [line.removeprefix("   FAILED ") for line in told if line.startswith("   FAILED")]
    said = [line.removeprefix("   !! ") for line in told if line.startswith("   !! ")]
    assert len(failed) == len(said) == len(lies)
    for step, problem, lie in zip(failed, said, lies, strict=True):
        assert step.startswith(lie.during)
        assert problem.startswith(lie.problem)


def test_somebodys_own_template_is_deployed_and_deleted(sandbox: Sandbox, told: list[str]) -> None:
    template = ROOT / "examples" / "registered-version.yaml"
    assert demo.deploy_own(demo.Demo(sandbox, told.append), template) == 0
    assert told[-2:] == [f"   ok     Deploy {template}", "   ok     Delete the stack"]


def test_the_readmes_template_is_one_that_works(sandbox: Sandbox, told: list[str], tmp_path: Path) -> None:
    template = tmp_path / "readme.yaml"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    template.write_text(readme.split("```yaml\n")[1].split("```")[0])
    assert demo.deploy_own(demo.Demo(sandbox, told.append), template) == 0
    assert "   output  Status = Completed" in told


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("Parameters: {Name: {Type: String}}\nResources: {}", "Give it with PARAMETERS="),
        ("Resources: [", "An error occurred"),
        (b"\xff\xfe", "UnicodeDecodeError("),
    ],
)
def test_a_template_that_cannot_be_deployed_is_one_failure_with_its_reason(
    sandbox: Sandbox, told: list[str], tmp_path: Path, template: str | bytes, problem: str
) -> None:
    path = tmp_path / "own template.yaml"
    path.write_bytes(template if isinstance(template, bytes) else template.encode())
    assert demo.deploy_own(demo.Demo(sandbox, told.append), path) == 1
    assert told[-1] == f"   FAILED Deploy {path}"
    assert any(problem in line for line in told if line.startswith("   !! "))


def test_parameters_reach_the_template(sandbox: Sandbox, told: list[str]) -> None:
    template = ROOT / "examples" / "registered-version.yaml"
    assert demo.deploy_own(demo.Demo(sandbox, told.append), template, {"GroupName": "churn"}) == 0
    assert any("model-package/churn/1" in line for line in told)


def test_parameters_without_a_template_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.run(None, {"GroupName": "churn"}) == 2
    assert "Parameters need a template" in capsys.readouterr().err


def test_a_template_that_is_not_there_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.run(tmp_path / "nothing.yaml") == 2
    assert capsys.readouterr().err == f"There is no template at {tmp_path / 'nothing.yaml'}\n"
