"""Model packages through the Cloud Control API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.local_aws import Sandbox
from sandbox.shared.settings import top_level
from tests.stack.cloudcontrol import TYPE, CloudControl, add, remove, replace
from tests.stack.stacks import GROUP, IMAGE, input_set, specification, version

UNVERSIONED = input_set(3)  # with two tags
WRITE_ONLY = top_level("writeOnlyProperties")


def test_cloudcontrol_life_of_a_version(cloudcontrol: CloudControl, sandbox: Sandbox) -> None:
    metadata = {"owner": "risk", "run": "17"}
    event = cloudcontrol.create(**version(), CustomerMetadataProperties=metadata)
    assert (event["OperationStatus"], event["Operation"]) == ("SUCCESS", "CREATE")
    arn = event["Identifier"]
    assert arn.endswith(f":model-package/{GROUP}/1")
    created = cloudcontrol.read(arn)
    assert json.loads(event["ResourceModel"]) == created
    assert created["ModelApprovalStatus"] == "PendingManualApproval"

    event = cloudcontrol.update(
        arn,
        replace("/ModelApprovalStatus", "Approved"),
        add("/ApprovalDescription", "it is good"),
        remove("/CustomerMetadataProperties/run"),
    )
    assert event["OperationStatus"] == "SUCCESS", event
    approved = cloudcontrol.read(arn)
    assert json.loads(event["ResourceModel"]) == approved
    assert (approved["ModelApprovalStatus"], approved["ApprovalDescription"]) == ("Approved", "it is good")
    assert approved["CustomerMetadataProperties"] == {"owner": "risk"}

    assert cloudcontrol.delete(arn)["OperationStatus"] == "SUCCESS"
    assert sandbox.sagemaker.packages == []
    with pytest.raises(ClientError, match=r"\(ResourceNotFoundException\).*there is no such package"):
        cloudcontrol.read(arn)
    assert cloudcontrol.delete(arn)["ErrorCode"] == "NotFound"


def test_cloudcontrol_patches_tags(cloudcontrol: CloudControl) -> None:
    arn = cloudcontrol.create_package(**UNVERSIONED)
    read = cloudcontrol.read(arn)
    # Neither a stack nor a logical id to make a name from.
    assert read["ModelPackageName"].startswith("model-package-")
    assert {tag["Key"]: tag["Value"] for tag in read["Tags"]} == {"team": "risk", "stage": "trial"}

    number = [tag["Key"] for tag in read["Tags"]].index("stage")
    event = cloudcontrol.update(
        arn,
        replace(f"/Tags/{number}/Value", "live"),
        add("/Tags/-", {"Key": "cost", "Value": "7"}),
        remove(f"/Tags/{1 - number}"),
    )
    assert event["OperationStatus"] == "SUCCESS", event
    tags = {tag["Key"]: tag["Value"] for tag in cloudcontrol.read(arn)["Tags"]}
    assert tags == {"stage": "live", "cost": "7"}


def test_cloudcontrol_patch_adds_specifications(cloudcontrol: CloudControl) -> None:
    arn = cloudcontrol.create_package(**version(), AdditionalInferenceSpecifications=[specification("small")])
    event = cloudcontrol.update(arn, add("/AdditionalInferenceSpecifications/-", specification("large")))
    assert event["OperationStatus"] == "SUCCESS", event
    # A write-only property is not in the live state, so it can only be added.
    event = cloudcontrol.update(arn, add("/AdditionalInferenceSpecificationsToAdd", [specification("huge")]))
    assert event["OperationStatus"] == "SUCCESS", event
    specifications = cloudcontrol.read(arn)["AdditionalInferenceSpecifications"]
    assert [each["Name"] for each in specifications] == ["small", "large", "huge"]


def test_cloudcontrol_returns_no_write_only_properties(cloudcontrol: CloudControl) -> None:
    given = {
        **version(),
        "ClientToken": "a-token-of-our-own",
        "Environment": {"LOG_LEVEL": "debug"},
        "AdditionalInferenceSpecificationsToAdd": [specification("more")],
        "AdditionalInferenceSpecificationDefinition": specification("one"),
    }
    assert set(given) >= WRITE_ONLY
    first = cloudcontrol.begin_create(**given)
    last = cloudcontrol.wait(first)
    assert last["OperationStatus"] == "SUCCESS", last
    listed = cloudcontrol.client.list_resources(TypeName=TYPE)["ResourceDescriptions"]
    models = [first["ResourceModel"], last["ResourceModel"]]
    models += [each["Properties"] for each in listed]
    for model in [*map(json.loads, models), cloudcontrol.read(last["Identifier"])]:
        assert WRITE_ONLY.isdisjoint(model)


@pytest.mark.parametrize(
    ("code", "operation", "reason"),
    [
        (
            "NotUpdatable",
            replace("/InferenceSpecification/Containers/0/Image", f"{IMAGE}2"),
            "createOnlyProperties [/properties/InferenceSpecification] cannot be updated",
        ),
        (
            "NotUpdatable",
            add("/Domain", "MACHINE_LEARNING"),
            "createOnlyProperties [/properties/Domain] cannot be updated",
        ),
        (
            "Validation",
            replace("/ModelPackageStatus", "Failed"),
            "readOnlyProperties [/properties/ModelPackageStatus] cannot be updated",
        ),
        ("Validation", replace("/ModelApprovalStatus", "Perhaps"), "Perhaps is not a valid enum value"),
        ("Validation", add("/Tags/-", {"Key": "a"}), "#/Tags/0: required key [Value] not found"),
    ],
)
def test_cloudcontrol_refuses_a_patch_before_the_handler(
    cloudcontrol: CloudControl, sandbox: Sandbox, code: str, operation: dict[str, Any], reason: str
) -> None:
    arn = cloudcontrol.create_package(**version())
    sandbox.clear_invocations()
    with pytest.raises(ClientError) as raised:
        cloudcontrol.update(arn, operation)
    assert raised.value.response["Error"]["Code"] == f"{code}Exception"
    assert reason in raised.value.response["Error"]["Message"]
    assert [each["action"] for each in sandbox.invocations()] == ["READ"]


@pytest.mark.parametrize(
    "operation",
    [
        replace("/CertifyForMarketplace", True),
        add("/AdditionalInferenceSpecifications/0/Description", "new"),
        add("/SkipModelValidation", "All"),
    ],
)
def test_cloudcontrol_leaves_conditional_changes_to_the_handler(
    cloudcontrol: CloudControl, operation: dict[str, Any]
) -> None:
    arn = cloudcontrol.create_package(**version(), AdditionalInferenceSpecifications=[specification("small")])
    previous = cloudcontrol.read(arn)
    event = cloudcontrol.update(arn, operation)
    assert (event["OperationStatus"], event["ErrorCode"]) == ("FAILED", "NotUpdatable")
    assert operation["path"].split("/")[1] in event["StatusMessage"]
    assert cloudcontrol.read(arn) == previous


def test_cloudcontrol_refuses_read_only_properties(cloudcontrol: CloudControl) -> None:
    with pytest.raises(ClientError, match=r"readOnlyProperties \[/properties/CreationTime\]"):
        cloudcontrol.create(**version(), CreationTime="2026-01-01T00:00:00Z")


def test_cloudcontrol_create_with_failed_validation(cloudcontrol: CloudControl, sandbox: Sandbox) -> None:
    sandbox.sagemaker.behaviour.validation_failures = {"marketplace": "the model cannot be loaded"}
    event = cloudcontrol.create(**UNVERSIONED)
    assert (event["OperationStatus"], event["ErrorCode"]) == ("FAILED", "NotStabilized")
    assert "the model cannot be loaded" in event["StatusMessage"]
    # Unlike a stack, Cloud Control does not clean up: that is the client's decision.
    assert cloudcontrol.read(event["Identifier"])["ModelPackageStatus"] == "Failed"
    assert cloudcontrol.delete(event["Identifier"])["OperationStatus"] == "SUCCESS"


def test_cloudcontrol_create_waits_for_validation(cloudcontrol: CloudControl, sandbox: Sandbox) -> None:
    sandbox.sagemaker.behaviour.describes_until_completed = 4
    arn = cloudcontrol.create_package(**UNVERSIONED)
    assert cloudcontrol.read(arn)["ModelPackageStatus"] == "Completed"


def test_cloudcontrol_lists_pages_by_filter(cloudcontrol: CloudControl, sandbox: Sandbox) -> None:
    sagemaker = sandbox.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="other")
    for group, count in ((GROUP, 104), ("other", 3)):
        for _ in range(count):
            sagemaker.create_model_package(**version(ModelPackageGroupName=group))
    named = cloudcontrol.create_package(**UNVERSIONED)

    def listed(**filters: str) -> tuple[int, set[str]]:
        more = {"ResourceModel": json.dumps(filters)} if filters else {}
        paginator = cloudcontrol.client.get_paginator("list_resources")
        pages = list(paginator.paginate(TypeName=TYPE, **more))
        descriptions = [each for page in pages for each in page["ResourceDescriptions"]]
        identifiers = [each["Identifier"] for each in descriptions]
        assert [json.loads(each["Properties"])["ModelPackageArn"] for each in descriptions] == identifiers
        assert len(identifiers) == len(set(identifiers))
        return len(pages), set(identifiers)

    def versions(group: str, count: int) -> set[str]:
        stem = named.split(":model-package/")[0]
        return {f"{stem}:model-package/{group}/{number}" for number in range(1, count + 1)}

    assert listed(ModelPackageGroupName=GROUP) == (2, versions(GROUP, 104))
    assert listed(ModelPackageGroupName="other") == (1, versions("other", 3))
    pages, everything = listed()
    assert pages >= 2
    assert everything == versions(GROUP, 104) | versions("other", 3) | {named}
    with pytest.raises(ClientError, match="InvalidRequestException"):
        listed(ModelPackageGroupName="no group at all!")


def test_cloudcontrol_knows_no_package_by_name(cloudcontrol: CloudControl, sandbox: Sandbox) -> None:
    arn = cloudcontrol.create_package(**{**UNVERSIONED, "ModelPackageName": "scorer"})
    assert arn.endswith("/scorer")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        cloudcontrol.read("scorer")
    assert cloudcontrol.delete("scorer")["ErrorCode"] == "NotFound"
    assert len(sandbox.sagemaker.packages) == 1


@pytest.mark.parametrize("identifier", ['{"ModelPackageArn": null}', '{"ModelPackageArn": 5}', "{}"])
def test_cloudcontrol_refuses_other_identifiers(cloudcontrol: CloudControl, identifier: str) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        cloudcontrol.delete(identifier)
