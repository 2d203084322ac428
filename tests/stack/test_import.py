"""Packages that exist: taken into a stack, and left behind by one."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Fault
from tests.stack.stacks import (
    GROUP,
    TYPE,
    Json,
    Stacks,
    new_name,
    specification,
    tags,
    template,
    unversioned,
    version,
)

ARNS = "arn:aws:sagemaker:us-east-1:123456789012:model-package/"
RETAIN = {"DeletionPolicy": "Retain"}
ATTRIBUTES = ("ModelPackageArn", "CreationTime", "ModelPackageStatus")


def to_import(arn: str, logical_id: str = "Package", key: str = "ModelPackageArn") -> list[Json]:
    """Return ResourcesToImport for one package."""
    return [{"ResourceType": TYPE, "LogicalResourceId": logical_id, "ResourceIdentifier": {key: arn}}]


def registered(stacks: Stacks, **properties: Any) -> str:
    """Register a package without CloudFormation and return its ARN."""
    created = stacks.sagemaker.create_model_package(**(properties or version()))
    return str(created["ModelPackageArn"])


def imported(stacks: Stacks, arn: str, body: Json, name: str | None = None) -> str:
    """Import a package, which must succeed, and return the stack's name."""
    name = name or new_name()
    change_set = stacks.change_set(name, body, ChangeSetType="IMPORT", ResourcesToImport=to_import(arn))
    (change,) = change_set["Changes"]
    assert change["ResourceChange"]["Action"] == "Import"
    assert change["ResourceChange"]["PhysicalResourceId"] == arn
    assert stacks.execute(change_set) == "IMPORT_COMPLETE", stacks.reasons(name)
    return name


def test_an_imported_package_is_the_stacks(stacks: Stacks, sandbox: Sandbox) -> None:
    arn = registered(stacks)
    sandbox.clear_invocations()
    name = imported(stacks, arn, template(version(), **RETAIN))

    assert stacks.arn(name) == arn
    assert {each["action"] for each in sandbox.invocations()} == {"READ"}
    assert [status for status, _ in stacks.events(name)] == [
        "IMPORT_IN_PROGRESS",
        "IMPORT_IN_PROGRESS",
        "IMPORT_COMPLETE",
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE",
    ]
    assert stacks.drift(name)["Package"]["StackResourceDriftStatus"] == "IN_SYNC"

    # An import may not add outputs, so they come with the first update; and it is an update in place.
    changed = template(
        version(ModelApprovalStatus="Approved", CustomerMetadataProperties={"a": "1"}), **RETAIN
    )
    changed["Outputs"] = {
        "Ref": {"Value": {"Ref": "Package"}},
        **{each: {"Value": {"Fn::GetAtt": ["Package", each]}} for each in ATTRIBUTES},
    }
    assert stacks.update(name, changed) == "UPDATE_COMPLETE", stacks.reasons(name)
    package = stacks.package(arn)
    assert stacks.outputs(name) == {
        "Ref": arn,
        "ModelPackageArn": arn,
        "ModelPackageStatus": "Completed",
        "CreationTime": package["CreationTime"].isoformat(),
    }
    assert (package["ModelApprovalStatus"], package["CustomerMetadataProperties"]) == ("Approved", {"a": "1"})
    assert stacks.drift(name)["Package"]["StackResourceDriftStatus"] == "IN_SYNC"

    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert stacks.package(arn)["ModelPackageStatus"] == "Completed"


def test_an_imported_package_can_be_replaced_and_deleted(stacks: Stacks) -> None:
    arn = registered(stacks)
    name = imported(stacks, arn, template(version(), DeletionPolicy="Delete"))
    assert stacks.update(name, template(version(Domain="OTHER"))) == "UPDATE_COMPLETE"
    new = stacks.arn(name)
    assert new != arn
    with pytest.raises(ClientError, match="does not exist"):
        stacks.package(arn)
    assert ("DELETE_COMPLETE", arn) in stacks.events(name)
    assert stacks.delete(name) == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="does not exist"):
        stacks.package(new)


def test_an_import_into_a_stack_that_exists_brings_the_stacks_tags(stacks: Stacks) -> None:
    arn = registered(stacks, ModelPackageName="by-hand", **unversioned(Tags=tags(own="1")))
    second = {"Type": TYPE, "Properties": version()}
    name = stacks.create({"Resources": {"Version": second}}, Tags=tags(team="risk"))
    body = template(unversioned(ModelPackageName="by-hand", Tags=tags(own="1")), **RETAIN)
    body["Resources"]["Version"] = second
    # The package is validated, so the import waits for it.
    imported(stacks, arn, body, name)
    found = {tag["Key"]: tag["Value"] for tag in stacks.sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    assert found == {"own": "1", "team": "risk"}
    assert {each["StackResourceDriftStatus"] for each in stacks.drift(name).values()} == {"IN_SYNC"}


def test_a_template_that_does_not_describe_the_package_shows_as_drift(stacks: Stacks) -> None:
    arn = registered(stacks)
    name = imported(stacks, arn, template(version(ModelApprovalStatus="Rejected"), **RETAIN))
    assert stacks.differences(name) == [
        ("/ModelApprovalStatus", "Rejected", "PendingManualApproval", "NOT_EQUAL")
    ]


@pytest.mark.parametrize("arn", [f"{ARNS}{GROUP}/77", f"{ARNS}nobody"])
def test_a_package_that_does_not_exist_is_refused(stacks: Stacks, arn: str) -> None:
    change_set = stacks.change_set(
        new_name(), template(version(), **RETAIN), ChangeSetType="IMPORT", ResourcesToImport=to_import(arn)
    )
    assert (change_set["Status"], change_set["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert change_set["StatusReason"] == f"Resource of type '{TYPE}' with identifier '{arn}' was not found."
    assert change_set["Changes"] == []


def test_a_package_that_vanishes_before_the_import_rolls_it_back(stacks: Stacks) -> None:
    arn, name = registered(stacks), new_name()
    change_set = stacks.change_set(
        name, template(version(), **RETAIN), ChangeSetType="IMPORT", ResourcesToImport=to_import(arn)
    )
    stacks.sagemaker.delete_model_package(ModelPackageName=arn)
    assert stacks.execute(change_set) == "ROLLBACK_COMPLETE"
    assert f"Resource of type '{TYPE}' with identifier '{arn}' was not found." in stacks.reasons(name)


def test_a_package_that_cannot_be_read_is_not_imported(stacks: Stacks, sandbox: Sandbox) -> None:
    arn = registered(stacks)
    sandbox.sagemaker.behaviour.faults = [Fault("AccessDeniedException", times=None)]
    change_set = stacks.change_set(
        new_name(), template(version(), **RETAIN), ChangeSetType="IMPORT", ResourcesToImport=to_import(arn)
    )
    assert change_set["Status"] == "FAILED"
    assert "HandlerErrorCode: AccessDenied" in change_set["StatusReason"]


def test_a_package_of_another_stack_is_refused(stacks: Stacks) -> None:
    owner = stacks.create(template(version()))
    change_set = stacks.change_set(
        new_name(),
        template(version(), **RETAIN),
        ChangeSetType="IMPORT",
        ResourcesToImport=to_import(stacks.arn(owner)),
    )
    assert change_set["Status"] == "FAILED"
    assert "already exists in stack" in change_set["StatusReason"]


@pytest.mark.parametrize(
    ("attributes", "key", "words"),
    [
        pytest.param({}, "ModelPackageArn", "must have DeletionPolicy attribute", id="no policy"),
        pytest.param(RETAIN, "ModelPackageName", r"Expected \[ModelPackageArn\]", id="not the identifier"),
    ],
)
def test_an_import_that_is_not_allowed_is_refused_at_once(
    stacks: Stacks, attributes: Json, key: str, words: str
) -> None:
    arn = registered(stacks)
    with pytest.raises(ClientError, match=words):
        stacks.change_set(
            new_name(),
            template(version(), **attributes),
            ChangeSetType="IMPORT",
            ResourcesToImport=to_import(arn, key=key),
        )


def test_a_retained_package_outlives_its_stack_and_comes_back(stacks: Stacks) -> None:
    body = template(version(), **RETAIN)
    name = stacks.create(body)
    arn, stack_id = stacks.arn(name), stacks.describe(name)["StackId"]
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert stacks.events(stack_id)[-1] == ("DELETE_SKIPPED", arn)
    assert stacks.package(arn)["ModelPackageStatus"] == "Completed"
    assert stacks.arn(imported(stacks, arn, body)) == arn


def test_a_package_taken_out_of_the_template_is_retained(stacks: Stacks) -> None:
    body = template(version(), **RETAIN)
    body["Resources"]["Other"] = {"Type": TYPE, "Properties": version()}
    name = stacks.create(body)
    arn = stacks.arn(name)
    del body["Resources"]["Package"]
    assert stacks.update(name, body) == "UPDATE_COMPLETE"
    assert stacks.package(arn)["ModelPackageStatus"] == "Completed"


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"Domain": "A"}, {"Domain": "B"}, id="create only"),
        pytest.param(
            {"AdditionalInferenceSpecifications": [specification("a")]},
            {"AdditionalInferenceSpecifications": [{**specification("a"), "Description": "new"}]},
            id="NotUpdatable",
        ),
    ],
)
def test_a_replaced_package_is_kept_if_its_policy_says_so(
    stacks: Stacks, before: Json, after: Json, policy: str
) -> None:
    name = stacks.create(template(version(**before), UpdateReplacePolicy=policy))
    old = stacks.arn(name)
    assert stacks.update(name, template(version(**after), UpdateReplacePolicy=policy)) == "UPDATE_COMPLETE"
    assert stacks.arn(name) != old
    last = [status for status, arn in stacks.events(name) if arn == old][-1]
    assert last == ("DELETE_SKIPPED" if policy == "Retain" else "DELETE_COMPLETE")
    left = stacks.sagemaker.list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"]
    assert (old in {each["ModelPackageArn"] for each in left}) is (policy == "Retain")
