"""Imports of live packages, and packages that a stack retains."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Fault
from tests.stack.stacks import (
    GROUP,
    TYPE,
    DeployedStacks,
    Json,
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


def to_import(arn: str, key: str = "ModelPackageArn") -> list[Json]:
    return [{"ResourceType": TYPE, "LogicalResourceId": "Package", "ResourceIdentifier": {key: arn}}]


def create_package(stacks: DeployedStacks, **properties: Any) -> str:
    """Create a package without CloudFormation and return its ARN."""
    created = stacks.sagemaker.create_model_package(**(properties or version()))
    return str(created["ModelPackageArn"])


def import_change_set(stacks: DeployedStacks, arn: str, body: Json | None = None, name: str = "") -> Json:
    return stacks.change_set(
        name or new_name(),
        body or template(version(), **RETAIN),
        ChangeSetType="IMPORT",
        ResourcesToImport=to_import(arn),
    )


def import_package(stacks: DeployedStacks, arn: str, body: Json, name: str | None = None) -> str:
    """Import a package and return the stack's name."""
    change_set = import_change_set(stacks, arn, body, name := name or new_name())
    (change,) = change_set["Changes"]
    assert change["ResourceChange"]["Action"] == "Import"
    assert change["ResourceChange"]["PhysicalResourceId"] == arn
    assert stacks.execute(change_set) == "IMPORT_COMPLETE", stacks.reasons(name)
    return name


def test_import_life(stacks: DeployedStacks, sandbox: Sandbox) -> None:
    arn = create_package(stacks)
    sandbox.clear_invocations()
    name = import_package(stacks, arn, template(version(), **RETAIN))

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


def test_import_then_replace_and_delete(stacks: DeployedStacks) -> None:
    arn = create_package(stacks)
    name = import_package(stacks, arn, template(version(), DeletionPolicy="Delete"))
    assert stacks.update(name, template(version(Domain="OTHER"))) == "UPDATE_COMPLETE"
    new = stacks.arn(name)
    assert new != arn
    with pytest.raises(ClientError, match="does not exist"):
        stacks.package(arn)
    assert ("DELETE_COMPLETE", arn) in stacks.events(name)
    assert stacks.delete(name) == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="does not exist"):
        stacks.package(new)


def test_import_into_a_stack_applies_its_tags(stacks: DeployedStacks) -> None:
    arn = create_package(stacks, ModelPackageName="by-hand", **unversioned(Tags=tags(own="1")))
    second = {"Type": TYPE, "Properties": version()}
    name = stacks.create({"Resources": {"Version": second}}, Tags=tags(team="risk"))
    body = template(unversioned(ModelPackageName="by-hand", Tags=tags(own="1")), **RETAIN)
    body["Resources"]["Version"] = second
    # The package is validated, so the import waits for it.
    import_package(stacks, arn, body, name)
    assert stacks.tags(arn) == {"own": "1", "team": "risk"}
    assert {each["StackResourceDriftStatus"] for each in stacks.drift(name).values()} == {"IN_SYNC"}


def test_import_of_another_value_is_drift(stacks: DeployedStacks) -> None:
    arn = create_package(stacks)
    name = import_package(stacks, arn, template(version(ModelApprovalStatus="Rejected"), **RETAIN))
    assert stacks.differences(name) == [
        ("/ModelApprovalStatus", "Rejected", "PendingManualApproval", "NOT_EQUAL")
    ]


@pytest.mark.parametrize("arn", [f"{ARNS}{GROUP}/77", f"{ARNS}missing"])
def test_import_refuses_a_missing_package(stacks: DeployedStacks, arn: str) -> None:
    change_set = import_change_set(stacks, arn)
    assert (change_set["Status"], change_set["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert change_set["StatusReason"] == f"Resource of type '{TYPE}' with identifier '{arn}' was not found."
    assert change_set["Changes"] == []


def test_import_of_a_vanished_package_is_rolled_back(stacks: DeployedStacks) -> None:
    arn, name = create_package(stacks), new_name()
    change_set = import_change_set(stacks, arn, name=name)
    stacks.sagemaker.delete_model_package(ModelPackageName=arn)
    assert stacks.execute(change_set) == "ROLLBACK_COMPLETE"
    assert f"Resource of type '{TYPE}' with identifier '{arn}' was not found." in stacks.reasons(name)


def test_import_refuses_an_unreadable_package(stacks: DeployedStacks, sandbox: Sandbox) -> None:
    arn = create_package(stacks)
    sandbox.sagemaker.behaviour.faults = [Fault("AccessDeniedException", times=None)]
    change_set = import_change_set(stacks, arn)
    assert change_set["Status"] == "FAILED"
    assert "HandlerErrorCode: AccessDenied" in change_set["StatusReason"]


def test_import_refuses_a_package_of_another_stack(stacks: DeployedStacks) -> None:
    owner = stacks.create(template(version()))
    change_set = import_change_set(stacks, stacks.arn(owner))
    assert change_set["Status"] == "FAILED"
    assert "already exists in stack" in change_set["StatusReason"]


@pytest.mark.parametrize(
    ("attributes", "key", "message"),
    [
        pytest.param({}, "ModelPackageArn", "must have DeletionPolicy attribute", id="no policy"),
        pytest.param(RETAIN, "ModelPackageName", r"Expected \[ModelPackageArn\]", id="not the identifier"),
    ],
)
def test_import_refuses_a_template_or_identifier(
    stacks: DeployedStacks, attributes: Json, key: str, message: str
) -> None:
    arn = create_package(stacks)
    with pytest.raises(ClientError, match=message):
        stacks.change_set(
            new_name(),
            template(version(), **attributes),
            ChangeSetType="IMPORT",
            ResourcesToImport=to_import(arn, key=key),
        )


def test_retained_package_is_imported_again(stacks: DeployedStacks) -> None:
    body = template(version(), **RETAIN)
    name = stacks.create(body)
    arn, stack_id = stacks.arn(name), stacks.describe(name)["StackId"]
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert stacks.events(stack_id)[-1] == ("DELETE_SKIPPED", arn)
    assert stacks.package(arn)["ModelPackageStatus"] == "Completed"
    assert stacks.arn(import_package(stacks, arn, body)) == arn


def test_update_retains_a_package_taken_out(stacks: DeployedStacks) -> None:
    body = template(version(), **RETAIN)
    body["Resources"]["Other"] = {"Type": TYPE, "Properties": version()}
    name, arn = stacks.create_package(body)
    del body["Resources"]["Package"]
    assert stacks.update(name, body) == "UPDATE_COMPLETE"
    assert stacks.package(arn)["ModelPackageStatus"] == "Completed"


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
@pytest.mark.parametrize(
    ("previous", "desired"),
    [
        pytest.param({"Domain": "A"}, {"Domain": "B"}, id="create only"),
        pytest.param(
            {"AdditionalInferenceSpecifications": [specification("a")]},
            {"AdditionalInferenceSpecifications": [{**specification("a"), "Description": "new"}]},
            id="NotUpdatable",
        ),
    ],
)
def test_replacement_follows_update_replace_policy(
    stacks: DeployedStacks, previous: Json, desired: Json, policy: str
) -> None:
    name, old = stacks.create_package(template(version(**previous), UpdateReplacePolicy=policy))
    assert stacks.update(name, template(version(**desired), UpdateReplacePolicy=policy)) == "UPDATE_COMPLETE"
    assert stacks.arn(name) != old
    assert [status for status, arn in stacks.events(name) if arn == old][-1] == (
        "DELETE_SKIPPED" if policy == "Retain" else "DELETE_COMPLETE"
    )
    assert (old in stacks.packages()) is (policy == "Retain")
