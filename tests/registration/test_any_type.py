"""A type that has nothing to do with model packages, from `cfn init` to the end of its stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from packager.project import ROOT, TypeName
from sandbox.commands.shell import Shell
from sandbox.local_aws import Sandbox
from tests.guides.pages import blocks
from tests.stack.stacks import DeployedStacks

TYPE = TypeName.registrable("Tests::Files::Report")
REPORT = {"Title": "A title of at least twenty characters", "TestCode": "NOT_STARTED"}
CHANGED = {**REPORT, "Title": "Another title of at least twenty characters", "Memo": {"Heading": "changed"}}
# The identifier is the type's own to give.
INVALID = {**REPORT, "TPSCode": "TPS00000000-0001"}


@pytest.fixture(scope="module")
def started() -> Iterator[Sandbox]:
    """A sandbox that has never been reset: only then a function is called as the guide has it."""
    with Sandbox(cloudcontrol=False, time_scale=0.02) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(started: Sandbox) -> Sandbox:
    return started


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Where the handlers keep their reports."""
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


@pytest.fixture
def project(shell: Shell, tmp_path: Path, files: Path) -> Path:
    """The project that `cfn init` writes, with its handlers filled in."""
    project = tmp_path / "project"
    project.mkdir()
    shell.run(f"cfn init --artifact-type RESOURCE --type-name {TYPE.name} python312 --no-docker", project)
    handlers = Path(__file__).with_name("report_handlers.txt").read_text(encoding="utf-8")
    (project / "src" / TYPE.package / "handlers.py").write_text(
        handlers.replace('"FOLDER"', repr(str(files)))
    )
    # The plugin cannot make a model of the example's tags, which are a set of objects.
    path = project / f"{TYPE.hyphenated}.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    del schema["properties"]["Tags"]
    path.write_text(json.dumps({**schema, "tagging": {"taggable": False}}))
    shell.run("cfn generate", project)
    (project / "inputs").mkdir()
    for kind, model in {"create": REPORT, "update": CHANGED, "invalid": INVALID}.items():
        (project / "inputs" / f"inputs_1_{kind}.json").write_text(json.dumps(model))
    return project


def template(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "Resources": {"Report": {"Type": TYPE.name, "Properties": properties}},
        "Outputs": {"Code": {"Value": {"Fn::GetAtt": ["Report", "TPSCode"]}}},
    }


def test_project_of_cfn_init_is_submitted_contract_tested_and_deployed(
    sandbox: Sandbox, stacks: DeployedStacks, shell: Shell, project: Path, files: Path
) -> None:
    (block,) = (block for block in blocks() if block.for_a_project)
    output = shell.run(f"REPOSITORY='{ROOT}'\n{block.text}", project)
    assert "Set default version to" in output
    assert " 11 passed, 4 skipped" in output  # without an identifier to write, and tags
    assert list(files.iterdir()) == []

    stack = stacks.create(template(REPORT))
    (file,) = files.iterdir()
    code = stacks.outputs(stack)["Code"]
    assert stacks.arn(stack, "Report") == code == file.stem
    assert json.loads(file.read_text()) == {**REPORT, "TPSCode": code}

    assert stacks.update(stack, template(CHANGED)) == "UPDATE_COMPLETE"
    assert json.loads(file.read_text()) == {**CHANGED, "TPSCode": code}
    assert stacks.update(stack, template({**REPORT, "Title": "short"})) == "UPDATE_ROLLBACK_COMPLETE"
    assert any("Length: 20" in reason for reason in stacks.reasons(stack))
    file.write_text(json.dumps({**CHANGED, "TPSCode": code, "TestCode": "CANCELLED"}))
    assert stacks.differences(stack, "Report") == [("/TestCode", "NOT_STARTED", "CANCELLED", "NOT_EQUAL")]
    assert stacks.delete(stack) == "DELETE_COMPLETE"
    assert list(files.iterdir()) == []
    assert {each["function"] for each in sandbox.invocations()} == {"Tests-Files-Report-us-east-1-00000001"}
