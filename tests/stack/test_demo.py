"""The demo is the stack test: what it shows must be what happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox import demo
from sandbox.local import ROOT, Sandbox


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


def test_a_step_that_does_something_else_fails_the_demo(
    sandbox: Sandbox, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "EXAMPLES", ROOT / "tests" / "stack" / "templates")
    assert demo.tell_story(demo.Demo(sandbox, told.append), sandbox) == 1
    assert "   FAILED Register a version in a group: registered-version.yaml" in told


def test_somebodys_own_template_is_deployed_and_deleted(sandbox: Sandbox, told: list[str]) -> None:
    template = ROOT / "examples" / "registered-version.yaml"
    assert demo.deploy_own(demo.Demo(sandbox, told.append), template) == 0
    assert told[-2:] == [f"   ok     Deploy {template}", "   ok     Delete the stack"]


def test_a_template_that_is_not_there_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.run(tmp_path / "nothing.yaml") == 2
    assert capsys.readouterr().err == f"There is no template at {tmp_path / 'nothing.yaml'}\n"
