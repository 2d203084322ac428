"""The SAM events and the input sets of the contract tests."""

from __future__ import annotations

import pytest

from packager.members import SERVICE_OWNED_DEFINITIONS, used_members
from sandbox.contract.runner import input_groups
from sandbox.local_aws import Sandbox
from sandbox.shared.settings import ROOT, schema
from tests.sandbox.helpers import answer_of
from tests.stack.stacks import GROUP, input_set, sam_event

EVENTS = ("create", "read", "update", "list", "delete")
# The mistake in each invalid set, as the refusal names it.
INVALID = {
    1: "ModelPackageName and ModelPackageGroupName cannot both be set",
    2: "InferenceSpecification.Containers[0].Environment.LOG_LEVEL must be a string, not a list",
    3: "Environment cannot be set on an unversioned package",
    4: "ModelCard.ModelCardContents is not a property of this type; did you mean ModelCardContent?",
    5: "CustomerMetadataProperties.owner is null",
}
# Members that no set can have, and why.
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
    "ModelPackageContainerDefinition.ImageDigest": "refused when the tag has another one",
    "ModelPackageContainerDefinition.ModelDataETag": "of an object that would have to be in S3",
    "SourceAlgorithm.ModelDataETag": "of an object that would have to be in S3",
    "S3ModelDataSource.ETag": "of an object that would have to be in S3",
    "S3ModelDataSource.ManifestEtag": "of an object that would have to be in S3",
    "AdditionalS3DataSource.ETag": "of an object that would have to be in S3",
}


def test_sam_events_are_the_life_of_one_version(sandbox: Sandbox) -> None:
    assert {path.stem for path in (ROOT / "sam-tests").iterdir()} == set(EVENTS)
    sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/1"
    events = {action: sam_event(action) for action in EVENTS}
    assert [event["action"] for event in events.values()] == [action.upper() for action in EVENTS]
    answers = {action: answer_of(sandbox, "TestEntrypoint", event) for action, event in events.items()}
    assert {answer["status"] for answer in answers.values()} == {"SUCCESS"}
    models = [answers[action]["resourceModel"] for action in ("create", "read", "update")]
    assert [model["ModelPackageArn"] for model in models] == [arn] * 3
    assert models[0] == models[1]
    assert models[2]["ModelApprovalStatus"] == "Approved"
    assert answers["list"]["resourceModels"] == [{"ModelPackageArn": arn}]
    assert "resourceModel" not in answers["delete"]
    assert sandbox.sagemaker.packages == []


@pytest.mark.parametrize("number", INVALID)
def test_invalid_input_set_is_refused_naming_the_property(sandbox: Sandbox, number: int) -> None:
    for group in input_groups(ROOT / "inputs"):
        sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)
    sandbox.sagemaker.clear_calls()
    answer = answer_of(sandbox, "TestEntrypoint", sam_event("CREATE", input_set(number, "invalid")))
    assert answer["errorCode"] == "InvalidRequest"
    assert INVALID[number] in answer["message"]
    assert sandbox.sagemaker.calls == []


def test_input_sets_have_three_files_each() -> None:
    assert sorted(path.name for path in (ROOT / "inputs").iterdir()) == sorted(
        f"inputs_{n}_{kind}.json" for n in INVALID for kind in ("create", "invalid", "update")
    )


def test_input_sets_use_every_member_they_can() -> None:
    every = set(schema()["properties"]) | {
        f"{name}.{member}"
        for name, definition in schema()["definitions"].items()
        if name not in SERVICE_OWNED_DEFINITIONS
        for member in definition["properties"]
    }
    used = {
        member
        for number in INVALID
        for kind in ("create", "update")
        for member in used_members(input_set(number, kind), schema(), schema())
    }
    unused = sorted(every - used - NOT_IN_A_SET.keys())
    assert not unused, f"inputs/inputs_2_create.json: no value of {unused}; or add them to NOT_IN_A_SET here"
    wrong = sorted(NOT_IN_A_SET.keys() - (every - used))
    assert not wrong, f"take {wrong} out of NOT_IN_A_SET in tests/stack/test_inputs.py"
