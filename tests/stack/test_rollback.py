"""Rollback of a failed update: everything the API can restore is as before the update."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Behaviour, Fault
from tests.stack.stacks import (
    DeployedStacks,
    Json,
    body,
    new_name,
    specification,
    tags,
    template,
    unversioned,
    version,
    with_failing,
)

PREVIOUS = version(
    ModelApprovalStatus="PendingManualApproval",
    ApprovalDescription="Waiting",
    CustomerMetadataProperties={"owner": "risk", "stage": "trial"},
    ModelLifeCycle={"Stage": "Development", "StageStatus": "InProgress"},
    AdditionalInferenceSpecifications=[specification("a")],
)
CHANGED = {
    **PREVIOUS,
    "ModelApprovalStatus": "Approved",
    "ApprovalDescription": "Signed off",
    "CustomerMetadataProperties": {"owner": "fraud", "ticket": "7"},
    "ModelLifeCycle": {"Stage": "Production", "StageStatus": "Approved"},
}


def failing(properties: Json) -> Json:
    """A template whose package is changed before another resource fails."""
    return with_failing(template(properties))


def assert_restored(package: Json) -> None:
    changed = [name for name, value in CHANGED.items() if value != PREVIOUS[name]]
    assert [package[name] for name in changed] == [PREVIOUS[name] for name in changed]


def test_rollback_restores_properties_in_place(stacks: DeployedStacks) -> None:
    name, arn = stacks.create_package(template(PREVIOUS))
    assert stacks.update(name, failing(CHANGED)) == "UPDATE_ROLLBACK_COMPLETE"

    assert stacks.arn(name) == arn
    assert_restored(stacks.package(arn))
    statuses = [status for status, physical_id in stacks.events(name) if physical_id in (arn, "")]
    # Created; changed; changed back.
    assert statuses.count("UPDATE_COMPLETE") == 2
    assert stacks.drift(name)["Package"]["StackResourceDriftStatus"] == "IN_SYNC"


def test_rollback_restores_tags_in_place(stacks: DeployedStacks) -> None:
    name, arn = stacks.create_package(template(unversioned(Tags=tags(a="1", b="2"))), Tags=tags(team="red"))
    changed = failing(unversioned(Tags=tags(a="9", c="3")))
    assert stacks.update(name, changed, Tags=tags(team="blue")) == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.arn(name) == arn
    assert stacks.tags(arn) == {"a": "1", "b": "2", "team": "red"}


def test_rollback_of_an_update_refused_for_its_tags(stacks: DeployedStacks) -> None:
    name = stacks.create(template(unversioned(Tags=tags(a="1"))))
    refused = unversioned(Tags=[*tags(a="1"), *tags(a="2")])
    assert stacks.update(name, template(refused)) == "UPDATE_ROLLBACK_COMPLETE", stacks.reasons(name)
    assert any("Tags[1].Key occurs twice" in reason for reason in stacks.reasons(name))


@pytest.mark.parametrize("policy", [{}, {"UpdateReplacePolicy": "Retain"}], ids=["no policy", "retained"])
def test_rollback_that_sagemaker_refuses_replaces(
    stacks: DeployedStacks, sandbox: Sandbox, policy: Json
) -> None:
    previous = {**PREVIOUS, "SourceUri": "s3://bucket/one/"}
    name, arn = stacks.create_package(template(previous, **policy))
    refusal = Fault(
        "ValidationException",
        "SourceUri is already set and cannot be updated.",
        "UpdateModelPackage",
        after=1,
    )
    sandbox.sagemaker.behaviour = Behaviour(inference_specification_replaceable=True, faults=[refusal])

    status = stacks.update(
        name, with_failing(template({**previous, "SourceUri": "s3://bucket/two/"}, **policy))
    )
    assert status == "UPDATE_ROLLBACK_COMPLETE", stacks.reasons(name)

    new = stacks.arn(name)
    assert new != arn
    package = stacks.package(new)
    assert_restored(package)
    assert package["SourceUri"] == "s3://bucket/one/"
    if policy:
        assert ("DELETE_SKIPPED", arn) in stacks.events(name)
        assert stacks.package(arn)["SourceUri"] == "s3://bucket/two/"
    else:  # what could not be restored is gone
        with pytest.raises(ClientError, match="does not exist"):
            stacks.package(arn)
    assert stacks.drift(name)["Package"]["StackResourceDriftStatus"] == "IN_SYNC"
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert stacks.packages() == ([arn] if policy else [])


def test_rollback_keeps_a_specification_to_add(stacks: DeployedStacks) -> None:
    """Taking `...ToAdd` out of a template changes nothing, and neither does rolling it back."""
    name, arn = stacks.create_package(template(PREVIOUS))
    changed = {**CHANGED, "AdditionalInferenceSpecificationsToAdd": [specification("b")]}
    assert stacks.update(name, failing(changed)) == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.arn(name) == arn
    package = stacks.package(arn)
    assert_restored(package)
    assert [each["Name"] for each in package["AdditionalInferenceSpecifications"]] == ["a", "b"]


def test_rollback_of_a_replacement(stacks: DeployedStacks) -> None:
    name, arn = stacks.create_package(template(PREVIOUS))
    assert stacks.update(name, failing({**PREVIOUS, "Domain": "OTHER"})) == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.arn(name) == arn
    assert stacks.packages() == [arn]


def test_rollback_leaves_the_stack_updatable(stacks: DeployedStacks) -> None:
    name = stacks.create(template(PREVIOUS))
    assert stacks.update(name, failing(CHANGED)) == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.update(name, template(CHANGED)) == "UPDATE_COMPLETE"
    assert stacks.package(stacks.arn(name))["ModelApprovalStatus"] == "Approved"


def test_rollback_of_a_creation_that_fails_leaves_the_package_to_the_deletion(
    stacks: DeployedStacks, sandbox: Sandbox
) -> None:
    sandbox.sagemaker.behaviour.faults = [Fault("AccessDeniedException", operation="DeleteModelPackage")]
    name = new_name()
    stacks.client.create_stack(StackName=name, TemplateBody=body(failing(PREVIOUS)))
    assert stacks.wait(name) == "ROLLBACK_FAILED"
    resources = stacks.client.describe_stack_resources(StackName=name)["StackResources"]
    assert [(each["LogicalResourceId"], each["ResourceStatus"]) for each in resources] == [
        ("Package", "DELETE_FAILED")
    ]
    assert [resources[0]["PhysicalResourceId"]] == stacks.packages()
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert stacks.packages() == []
