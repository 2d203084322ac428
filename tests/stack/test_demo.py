"""The demo is the stack test: what it shows must be what happens."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox import demo
from sandbox.local import ROOT, Sandbox


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


class Doctored(demo.Demo):
    """A demo in which one step's looks at the world are answered by the test."""

    lies: Mapping[str, Any] = {}
    during = ""

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Remember which step it is."""
        self._current = what
        with super().step(what):
            yield

    def _lie(self, name: str, truth: Any) -> Any:
        lie = self.lies.get(name, truth) if self._current.startswith(self.during) else truth
        return lie(truth) if callable(lie) else lie

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


@pytest.mark.parametrize(
    ("during", "lies", "problem"),
    [
        pytest.param(
            "Register", {"deploy": "ROLLBACK_COMPLETE"}, "the stack is ROLLBACK_COMPLETE", id="create"
        ),
        pytest.param(
            "Register",
            {"outputs": without_creation_time},
            "an attribute is missing from the outputs",
            id="outputs",
        ),
        pytest.param(
            "Register",
            {"outputs": lambda found: {**found, "ModelPackageStatus": "Failed"}},
            "the version is not complete",
            id="complete",
        ),
        pytest.param("Approve", {"deploy": "UPDATE_ROLLBACK_COMPLETE"}, "the stack is UPDATE_R", id="update"),
        pytest.param(
            "Approve",
            {"outputs": lambda found: {**found, "ModelPackageArn": f"{ARN}/9"}},
            "the version was replaced",
            id="in place",
        ),
        pytest.param(
            "Approve", {"package": {"ModelApprovalStatus": "Rejected"}}, "not approved", id="approved"
        ),
        pytest.param(
            "Change",
            {"outputs": lambda found: {**found, "ModelPackageArn": f"{ARN}/1"}},
            "the version was not replaced",
            id="replaced",
        ),
        pytest.param("Change", {"packages": []}, "the old version is gone", id="retained"),
        pytest.param(
            "An unversioned",
            {"outputs": without_creation_time},
            "an attribute is missing from the outputs",
            id="package",
        ),
        pytest.param(
            "A package", {"deploy": "CREATE_COMPLETE"}, "the stack is CREATE_COMPLETE", id="rolled back"
        ),
        pytest.param("A package", {"reasons": []}, "the reason is not told", id="reason"),
        pytest.param(
            "A package",
            {"packages": one_more},
            "the failed package was left",
            id="left behind",
        ),
        pytest.param(
            "Delete the stack broken", {"delete": "DELETE_FAILED"}, "the stack is DELETE", id="deleted"
        ),
        pytest.param("What is left", {"packages": []}, "something else is left", id="left"),
        pytest.param("What is left", {"packages": 1}, "TypeError(", id="a defect of the demo itself"),
    ],
)
def test_the_demo_fails_when_a_step_does_not_do_what_it_says(
    sandbox: Sandbox,
    told: list[str],
    monkeypatch: pytest.MonkeyPatch,
    during: str,
    lies: Mapping[str, Any],
    problem: str,
) -> None:
    monkeypatch.setattr(Doctored, "during", during)
    monkeypatch.setattr(Doctored, "lies", lies)
    assert demo.tell_story(Doctored(sandbox, told.append), sandbox) == 1
    failed = [line for line in told if line.startswith("   FAILED")]
    assert len(failed) == 1
    assert failed[0].startswith(f"   FAILED {during}")
    assert [line for line in told if line.startswith(f"   !! {problem}")]


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
