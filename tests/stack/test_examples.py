"""What a user copies or runs: templates, SAM events, input sets."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.contract import groups_of
from sandbox.local import ROOT, SCHEMA, Sandbox

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
# What each invalid set gets wrong, as the refusal has to name it.
INVALID = {
    1: "ModelPackageName and ModelPackageGroupName cannot both be set",
    2: "InferenceSpecification.Containers[0].Environment.LOG_LEVEL must be a string, not a list",
    3: "Environment cannot be set on an unversioned package",
    4: "ModelCard.ModelCardContents is not a property of this type; did you mean ModelCardContent?",
    5: "CustomerMetadataProperties.owner is null",
}


def lint(template: Path, scratch: Path) -> subprocess.CompletedProcess[str]:
    """What cfn-lint says of a template, with our schema in place of the one it ships."""
    schemas = scratch / "schemas"  # a directory of its own: cfn-lint takes every JSON file in it for a schema
    schemas.mkdir()
    shutil.copy(SCHEMA, schemas)
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--registry-schemas", str(schemas)]
    command += ["--template", str(template)]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_cfn_lint_has_nothing_to_say_of_an_example(example: Path, tmp_path: Path) -> None:
    found = lint(example, tmp_path)
    assert (found.returncode, found.stdout) == (0, ""), found.stdout + found.stderr


def test_cfn_lint_with_the_schema_finds_a_wrong_member(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(EXAMPLES[0].read_text().replace("Domain:", "Domian:"))
    found = lint(wrong, tmp_path)
    assert found.returncode != 0
    assert "Domian" in found.stdout


def invoke(sandbox: Sandbox, function: str, event: dict[str, Any]) -> dict[str, Any]:
    """The answer of a function behind the local Invoke API."""
    answer = sandbox.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    assert "FunctionError" not in answer
    payload: dict[str, Any] = json.load(answer["Payload"])
    return payload


def test_the_sam_events_tell_the_life_of_one_version(sandbox: Sandbox) -> None:
    sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName="fraud-detection")
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/fraud-detection/1"
    answers = {}
    for action in ("create", "read", "update", "list", "delete"):
        event = json.loads((ROOT / "sam-tests" / f"{action}.json").read_text())
        assert event["action"] == action.upper()
        answers[action] = invoke(sandbox, "TestEntrypoint", event)
    assert {action: answer["status"] for action, answer in answers.items()} == dict.fromkeys(
        answers, "SUCCESS"
    )
    assert [
        answers[action]["resourceModel"]["ModelPackageArn"] for action in ("create", "read", "update")
    ] == [arn] * 3
    assert answers["create"]["resourceModel"] == answers["read"]["resourceModel"]
    assert answers["update"]["resourceModel"]["ModelApprovalStatus"] == "Approved"
    assert answers["list"]["resourceModels"] == [{"ModelPackageArn": arn}]
    assert "resourceModel" not in answers["delete"]
    assert sandbox.sagemaker.packages == []


def test_there_is_an_event_for_each_action_and_no_other() -> None:
    assert {path.stem for path in (ROOT / "sam-tests").iterdir()} == {
        "create",
        "read",
        "update",
        "delete",
        "list",
    }


@pytest.mark.parametrize("number", INVALID)
def test_an_invalid_input_set_is_refused_naming_the_property(sandbox: Sandbox, number: int) -> None:
    for group in groups_of(ROOT / "inputs"):
        sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)
    sandbox.sagemaker.clear_calls()
    properties = json.loads((ROOT / "inputs" / f"inputs_{number}_invalid.json").read_text())
    event = json.loads((ROOT / "sam-tests" / "create.json").read_text())
    event["request"]["desiredResourceState"] = properties
    answer = invoke(sandbox, "TestEntrypoint", event)
    assert answer["errorCode"] == "InvalidRequest"
    assert INVALID[number] in answer["message"]
    assert sandbox.sagemaker.calls == []


def test_every_input_set_has_all_three_files() -> None:
    found = sorted(path.name for path in (ROOT / "inputs").iterdir())
    assert found == sorted(
        f"inputs_{n}_{kind}.json" for n in INVALID for kind in ("create", "invalid", "update")
    )
