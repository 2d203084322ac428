"""Rollback of a failed update: everything the API can restore is as it was."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.stack.stacks import GROUP, Json, Stacks, specification, tags, template, unversioned, version

BEFORE = version(
    ModelApprovalStatus="PendingManualApproval",
    ApprovalDescription="Waiting",
    CustomerMetadataProperties={"owner": "risk", "stage": "trial"},
    ModelLifeCycle={"Stage": "Development", "StageStatus": "InProgress"},
    AdditionalInferenceSpecifications=[specification("a")],
)
CHANGED = {
    **BEFORE,
    "ModelApprovalStatus": "Approved",
    "ApprovalDescription": "Signed off",
    "CustomerMetadataProperties": {"owner": "fraud", "ticket": "7"},
    "ModelLifeCycle": {"Stage": "Production", "StageStatus": "Approved"},
}
# What the update changes, and the rollback has to restore.
RESTORED = ("ModelApprovalStatus", "ApprovalDescription", "CustomerMetadataProperties", "ModelLifeCycle")


def failing(properties: Json) -> Json:
    """Return a template whose package is changed before another resource fails."""
    body = template(properties)
    body["Resources"]["Broken"] = {
        "Type": "AWS::SageMaker::ModelPackage",
        "DependsOn": "Package",
        "Properties": {"ModelPackageGroupName": "nobody-made-this-group"},
    }
    return body


def test_approval_metadata_and_life_cycle_go_back_in_place(stacks: Stacks) -> None:
    name = stacks.create(template(BEFORE))
    arn = stacks.arn(name)
    before = stacks.package(arn)

    assert stacks.update(name, failing(CHANGED)) == "UPDATE_ROLLBACK_COMPLETE"

    assert stacks.arn(name) == arn
    after = stacks.package(arn)
    assert {each: after[each] for each in RESTORED} == {each: before[each] for each in RESTORED}
    statuses = [status for status, physical_id in stacks.events(name) if physical_id in (arn, "")]
    # Created; changed; changed back.
    assert statuses.count("UPDATE_COMPLETE") == 2
    assert stacks.drift(name)["Package"]["StackResourceDriftStatus"] == "IN_SYNC"


def test_tags_go_back_in_place(stacks: Stacks) -> None:
    name = stacks.create(template(unversioned(Tags=tags(a="1", b="2"))), Tags=tags(team="red"))
    arn = stacks.arn(name)
    changed = failing(unversioned(Tags=tags(a="9", c="3")))
    assert stacks.update(name, changed, Tags=tags(team="blue")) == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.arn(name) == arn
    found = {tag["Key"]: tag["Value"] for tag in stacks.sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    assert found == {"a": "1", "b": "2", "team": "red"}


def test_an_update_refused_for_its_tags_is_rolled_back(stacks: Stacks) -> None:
    name = stacks.create(template(unversioned(Tags=tags(a="1"))))
    refused = unversioned(Tags=[*tags(a="1"), *tags(a="2")])
    assert stacks.update(name, template(refused)) == "UPDATE_ROLLBACK_COMPLETE", stacks.reasons(name)
    assert any("Tags[1].Key occurs twice" in reason for reason in stacks.reasons(name))


def test_an_added_specification_cannot_be_taken_back_so_the_rollback_replaces(stacks: Stacks) -> None:
    name = stacks.create(template(BEFORE))
    arn = stacks.arn(name)
    changed = {**CHANGED, "AdditionalInferenceSpecifications": [specification("a"), specification("b")]}

    assert stacks.update(name, failing(changed)) == "UPDATE_ROLLBACK_COMPLETE", stacks.reasons(name)

    new = stacks.arn(name)
    assert new != arn
    package = stacks.package(new)
    assert {each: package[each] for each in RESTORED} == {each: BEFORE[each] for each in RESTORED}
    assert [each["Name"] for each in package["AdditionalInferenceSpecifications"]] == ["a"]
    # The stack holds one package: what could not be restored is gone, and the new one is deleted with it.
    with pytest.raises(ClientError, match="does not exist"):
        stacks.package(arn)
    assert stacks.drift(name)["Package"]["StackResourceDriftStatus"] == "IN_SYNC"
    assert stacks.delete(name) == "DELETE_COMPLETE"
    left = stacks.sagemaker.list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"]
    assert left == []


def test_what_a_rollback_replaces_is_kept_if_its_policy_says_so(stacks: Stacks) -> None:
    name = stacks.create(template(BEFORE, UpdateReplacePolicy="Retain"))
    arn = stacks.arn(name)
    changed = failing(
        {**CHANGED, "AdditionalInferenceSpecifications": [specification("a"), specification("b")]}
    )
    changed["Resources"]["Package"]["UpdateReplacePolicy"] = "Retain"
    assert stacks.update(name, changed) == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.arn(name) != arn
    assert ("DELETE_SKIPPED", arn) in stacks.events(name)
    assert len(stacks.package(arn)["AdditionalInferenceSpecifications"]) == 2


def test_one_added_through_the_property_for_adding_stays(stacks: Stacks) -> None:
    """Taking `...ToAdd` out of a template changes nothing, and so does rolling back to before it."""
    name = stacks.create(template(BEFORE))
    arn = stacks.arn(name)
    changed = {**CHANGED, "AdditionalInferenceSpecificationsToAdd": [specification("b")]}
    assert stacks.update(name, failing(changed)) == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.arn(name) == arn
    package = stacks.package(arn)
    assert {each: package[each] for each in RESTORED} == {each: BEFORE[each] for each in RESTORED}
    assert [each["Name"] for each in package["AdditionalInferenceSpecifications"]] == ["a", "b"]


@pytest.mark.parametrize(
    "first",
    [
        {"SourceUri": "s3://bucket/model/"},
        {"ModelLifeCycle": {"Stage": "Production", "StageStatus": "Approved"}},
        {"ModelCard": {"ModelCardStatus": "Draft", "ModelCardContent": "{}"}},
        {"ModelPackageRegistrationType": "Logged"},
    ],
    ids=lambda first: next(iter(first)),
)
def test_what_was_set_for_the_first_time_cannot_be_unset_so_the_rollback_replaces(
    stacks: Stacks, first: Json
) -> None:
    (property_,) = first
    before = {name: value for name, value in BEFORE.items() if name != property_}
    name = stacks.create(template(before))
    arn = stacks.arn(name)
    assert stacks.update(name, failing({**before, **first})) == "UPDATE_ROLLBACK_COMPLETE"
    new = stacks.arn(name)
    assert new != arn
    assert property_ not in stacks.package(new)


def test_a_package_with_a_name_of_its_own_cannot_be_replaced_by_a_rollback(stacks: Stacks) -> None:
    before = unversioned(ModelPackageName="a-name-of-its-own")
    name = stacks.create(template(before))
    changed = failing({**before, "AdditionalInferenceSpecifications": [specification("b")]})
    assert stacks.update(name, changed) == "UPDATE_ROLLBACK_FAILED"
    assert any("the name is taken" in reason for reason in stacks.reasons(name))
    stacks.client.continue_update_rollback(StackName=name, ResourcesToSkip=["Package"])
    assert stacks.settled(name) == "UPDATE_ROLLBACK_COMPLETE"


def test_a_replacement_is_undone(stacks: Stacks) -> None:
    name = stacks.create(template(BEFORE))
    arn = stacks.arn(name)
    assert stacks.update(name, failing({**BEFORE, "Domain": "OTHER"})) == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.arn(name) == arn
    left = stacks.sagemaker.list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"]
    assert [each["ModelPackageArn"] for each in left] == [arn]


def test_after_a_rollback_the_stack_can_be_updated(stacks: Stacks) -> None:
    name = stacks.create(template(BEFORE))
    assert stacks.update(name, failing(CHANGED)) == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.update(name, template(CHANGED)) == "UPDATE_COMPLETE"
    assert stacks.package(stacks.arn(name))["ModelApprovalStatus"] == "Approved"
