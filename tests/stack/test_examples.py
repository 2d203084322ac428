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


# Members no set can hold, each with its reason.
NOT_IN_A_SET = {
    "ClientToken": "two creates with one token are one package, and `cfn test` creates several",
    "ModelPackageName": "fixed in a set, it would be taken when two of the suite's packages live at once",
    "ModelPackageArn": "read-only",
    "CreationTime": "read-only",
    "ModelPackageStatus": "read-only",
    "ModelPackageVersion": "belongs to the service",
    "ModelPackageStatusDetails": "belongs to the service",
    "ModelPackageStatusItem": "belongs to the service",
    "CreatedBy": "belongs to the service",
    "LastModifiedBy": "belongs to the service",
    "LastModifiedTime": "belongs to the service",
    "ModelPackageContainerDefinition.ImageDigest": "refused when the tag has another by now",
    "ModelPackageContainerDefinition.ModelDataETag": "speaks of an object in S3 that has to be there",
    "SourceAlgorithm.ModelDataETag": "speaks of an object in S3 that has to be there",
    "S3ModelDataSource.ETag": "speaks of an object in S3 that has to be there",
    "S3ModelDataSource.ManifestEtag": "speaks of an object in S3 that has to be there",
    "AdditionalS3DataSource.ETag": "speaks of an object in S3 that has to be there",
}


def members(value: Any, rule: dict[str, Any], owner: str) -> set[str]:
    """Every member of the schema that a value sets, as `Definition.Member`, or `Property` at the top."""
    schema = json.loads(SCHEMA.read_text())
    if "$ref" in rule:
        owner = rule["$ref"].rsplit("/", 1)[1]
        rule = schema["definitions"][owner]
    found = set()
    if isinstance(value, dict):
        for name, item in value.items():
            if name in rule.get("properties", {}):
                found |= {f"{owner}.{name}".removeprefix(".")} | members(item, rule["properties"][name], "")
    if isinstance(value, list):
        for item in value:
            found |= members(item, rule["items"], owner)
    return found


def test_the_input_sets_use_every_member_that_a_set_can_hold() -> None:
    schema = json.loads(SCHEMA.read_text())
    every = set(schema["properties"])
    service_owned = {"ModelPackageStatusDetails", "ModelPackageStatusItem", "UserContext", "IamIdentity"}
    for name, definition in schema["definitions"].items():
        if name not in service_owned:
            every |= {f"{name}.{member}" for member in definition["properties"]}
    used = set()
    for path in (ROOT / "inputs").glob("*.json"):
        if not path.stem.endswith("invalid"):
            used |= members(json.loads(path.read_text()), schema, "")
    assert every - used == set(NOT_IN_A_SET)
