"""UpdateModelPackage of the local SageMaker, and the tags of its packages."""

from __future__ import annotations

from typing import Any

from sandbox.sagemaker import Behaviour, SageMakerServer
from tests.sandbox.helpers import cases
from tests.sandbox.sagemaker import sagemaker_calls as sm

ENVIRONMENT = {"Environment": {"A": "1"}}


def test_update_merges_metadata_and_removes_named_keys(client: sm.Client) -> None:
    arn = sm.create(client, sm.version(CustomerMetadataProperties={"a": "1", "b": "1", "c": "1"}))
    added, removed = {"b": "2", "d": "2"}, ["c", "unknown"]
    sm.update(client, arn, CustomerMetadataProperties=added, CustomerMetadataPropertiesToRemove=removed)
    assert sm.describe(client, arn)["CustomerMetadataProperties"] == {"a": "1", "b": "2", "d": "2"}
    sm.update(client, arn, CustomerMetadataPropertiesToRemove=["a", "b", "d"])
    assert "CustomerMetadataProperties" not in sm.describe(client, arn)


def test_update_refuses_more_than_fifty_entries_of_metadata(client: sm.Client) -> None:
    arn = sm.create(client, sm.version(CustomerMetadataProperties={f"k{i}": "1" for i in range(50)}))
    more = {"CustomerMetadataProperties": {"more": "1"}}
    assert "at most 50" in sm.refusal(sm.update, client, arn, **more)
    sm.update(client, arn, **more, CustomerMetadataPropertiesToRemove=["k0"])


def test_update_adds_additional_specifications(client: sm.Client) -> None:
    arn = sm.create(client, sm.version(AdditionalInferenceSpecifications=[sm.additional("a")]))
    sm.update(client, arn, AdditionalInferenceSpecificationsToAdd=[sm.additional("b")])
    specifications = sm.describe(client, arn)["AdditionalInferenceSpecifications"]
    assert [one["Name"] for one in specifications] == ["a", "b"]
    assert all(one["Containers"][0]["ImageDigest"] for one in specifications)


@cases(
    "added, message",
    {
        "a name that the package has": (["n0"], "must be unique"),
        "a name twice": (["x", "x"], "must be unique"),
        "sixteen in all": (["x", "y", "z"], "at most 15"),
    },
)
def test_update_refuses_additional_specifications(client: sm.Client, added: list[str], message: str) -> None:
    present = [sm.additional(f"n{i}") for i in range(13)]
    arn = sm.create(client, sm.version(AdditionalInferenceSpecifications=present))
    more = [sm.additional(name) for name in added]
    assert message in sm.refusal(sm.update, client, arn, AdditionalInferenceSpecificationsToAdd=more)
    assert len(sm.describe(client, arn)["AdditionalInferenceSpecifications"]) == 13


def test_update_sets_specification_and_source_when_absent(client: sm.Client) -> None:
    arn = sm.create(client, sm.version())
    sm.update(client, arn, InferenceSpecification=sm.specification(**ENVIRONMENT))
    sm.update(client, arn, SourceUri="s3://b/m")
    answer = sm.describe(client, arn)
    assert sm.container_of(answer)["Environment"] == {"A": "1"}
    assert sm.container_of(answer)["ImageDigest"]
    assert answer["SourceUri"] == "s3://b/m"


@cases(
    "name, previous, desired",
    {
        "specification": ("InferenceSpecification", sm.specification(), sm.specification(**ENVIRONMENT)),
        "source": ("SourceUri", "s3://b/one", "s3://b/two"),
    },
)
def test_update_replaces_specification_and_source_by_choice(
    client: sm.Client, server: SageMakerServer, name: str, previous: Any, desired: Any
) -> None:
    arn = sm.create(client, sm.version(**{name: previous}))
    live = sm.describe(client, arn)
    message = f"{sm.INVALID}{name} is already set and cannot be updated."
    assert sm.refusal(sm.update, client, arn, **{name: desired}) == message
    assert sm.describe(client, arn) == live
    server.behaviour.inference_specification_replaceable = True
    sm.update(client, arn, **{name: desired})
    assert sm.describe(client, arn)[name] != live[name]


@cases(
    "request_, members, message",
    {
        "source and specification in one call": (
            sm.version(),
            {"SourceUri": "s3://b/m", "InferenceSpecification": sm.specification()},
            sm.TOGETHER,
        ),
        "an additional S3 source": (
            sm.version(),
            {"InferenceSpecification": sm.specification(AdditionalS3DataSource=sm.ADDITIONAL_S3)},
            sm.NO_ADDITIONAL_S3,
        ),
        "card status and content in one call": (
            sm.version(ModelCard={"ModelCardStatus": "Draft"}),
            {"ModelCard": {"ModelCardStatus": "Approved", "ModelCardContent": "{}"}},
            "ModelCardStatus and ModelCardContent cannot be updated together.",
        ),
        "an approval description without the status": (
            sm.version(),
            {"ApprovalDescription": "why"},
            "ApprovalDescription requires ModelApprovalStatus.",
        ),
        "a container environment without a group": (
            sm.unversioned(),
            {"InferenceSpecification": sm.specification(**ENVIRONMENT)},
            sm.NO_ENVIRONMENT,
        ),
        "a source without a group": (sm.unversioned(), {"SourceUri": "s3://b/m"}, sm.NO_SOURCE),
        "a model data source without a group": (
            sm.unversioned(),
            {"AdditionalInferenceSpecificationsToAdd": [sm.additional("a", ModelDataSource=sm.S3_SOURCE)]},
            sm.NO_DATA_SOURCE,
        ),
    },
)
def test_update_refuses(
    client: sm.Client, server: SageMakerServer, request_: sm.Json, members: sm.Json, message: str
) -> None:
    server.behaviour.inference_specification_replaceable = True
    server.behaviour.describes_until_completed = 0
    arn = sm.create(client, request_)
    live = sm.describe(client, arn)
    assert sm.refusal(sm.update, client, arn, **members) == sm.INVALID + message
    assert sm.describe(client, arn) == live


def test_update_changes_status_and_content_of_a_card_one_after_the_other(client: sm.Client) -> None:
    arn = sm.create(client, sm.version(ModelCard={"ModelCardStatus": "Draft", "ModelCardContent": "{}"}))
    sm.update(client, arn, ModelCard={"ModelCardContent": '{"a": 1}'})
    sm.update(client, arn, ModelCard={"ModelCardStatus": "Archived"})
    archived = {"ModelCardStatus": "Archived", "ModelCardContent": '{"a": 1}'}
    assert sm.describe(client, arn)["ModelCard"] == archived
    message = sm.refusal(sm.update, client, arn, ModelCard={"ModelCardContent": "{}"})
    assert message == f"{sm.INVALID}Model Card is in Archived state"
    sm.update(client, arn, ModelCard={"ModelCardStatus": "Draft"})


def test_update_gives_a_first_card_in_one_call(client: sm.Client) -> None:
    arn = sm.create(client, sm.version())
    card = {"ModelCardStatus": "Draft", "ModelCardContent": "{}"}
    sm.update(client, arn, ModelCard=card)
    assert sm.describe(client, arn)["ModelCard"] == card
    assert "cannot be updated together" in sm.refusal(sm.update, client, arn, ModelCard=card)


def test_update_with_a_source_can_replace_the_specification(
    client: sm.Client, server: SageMakerServer
) -> None:
    source = sm.create(client, sm.version({"ModelDataUrl": "s3://b/of-the-source"}))
    arns = [sm.create(client, sm.version({"ModelDataUrl": "s3://b/own"})) for _ in range(3)]
    sm.update(client, arns[0], SourceUri=source)
    server.behaviour.source_uri_replaces_specification = True
    sm.update(client, arns[1], SourceUri=source)
    sm.update(client, arns[2], SourceUri="s3://b/anything")
    answers = [sm.describe(client, arn) for arn in arns]
    assert [each["SourceUri"] for each in answers] == [source, source, "s3://b/anything"]
    urls = [sm.container_of(each)["ModelDataUrl"] for each in answers]
    assert urls == ["s3://b/own", "s3://b/of-the-source", "s3://b/own"]


def test_update_can_take_time_and_fail(client: sm.Client, server: SageMakerServer) -> None:
    arn = sm.create(client, sm.version())
    server.behaviour = Behaviour(describes_until_updated=2, update_failures={"card": "the content is none"})
    assert sm.statuses(client, arn, 1) == ["Completed"]  # nothing has been updated yet
    sm.update(client, arn, ModelApprovalStatus="Approved")
    assert sm.statuses(client, arn, 3) == ["InProgress", "InProgress", "Failed"]
    answer = sm.describe(client, arn)
    assert answer["ModelPackageStatusDetails"] == {
        "ValidationStatuses": [{"Name": "card", "Status": "Failed", "FailureReason": "the content is none"}],
        "ImageScanStatuses": [],
    }
    assert answer["ModelApprovalStatus"] == "Approved"
    server.behaviour = Behaviour()
    assert sm.statuses(client, arn, 1) == ["Failed"]
    sm.update(client, arn, ModelApprovalStatus="Rejected")
    assert sm.statuses(client, arn, 1) == ["Completed"]


def test_update_can_be_shown_late(client: sm.Client, server: SageMakerServer) -> None:
    arn = sm.create(client, sm.version())
    server.behaviour.stale_describes = 2
    sm.update(client, arn, ModelApprovalStatus="Approved")
    approvals = [sm.describe(client, arn)["ModelApprovalStatus"] for _ in range(3)]
    assert approvals == ["PendingManualApproval", "PendingManualApproval", "Approved"]


def test_update_changes_approval_life_cycle_and_registration_type(client: sm.Client) -> None:
    arn = sm.create(client, sm.version())
    members = {
        "ModelApprovalStatus": "Approved",
        "ApprovalDescription": "",
        "ModelLifeCycle": {"Stage": "Production", "StageStatus": "Live", "StageDescription": ""},
        "ModelPackageRegistrationType": "Registered",
    }
    sm.update(client, arn, **members)
    answer = sm.describe(client, arn)
    assert {name: answer[name] for name in members} == members


def test_update_of_an_unversioned_package_is_a_choice(client: sm.Client, server: SageMakerServer) -> None:
    arn = sm.create(client, sm.unversioned())
    sm.update(client, arn, CustomerMetadataProperties={"a": "1"})
    server.behaviour.unversioned_updatable = False
    assert sm.refusal(sm.update, client, arn, CustomerMetadataProperties={"a": "2"}).startswith(sm.INVALID)
    assert sm.describe(client, arn)["CustomerMetadataProperties"] == {"a": "1"}


def test_update_again_with_its_token_has_no_second_effect(client: sm.Client) -> None:
    arn = sm.create(client, sm.version())
    first = {"ModelApprovalStatus": "Approved", "ClientToken": "token"}
    sm.update(client, arn, **first)
    sm.update(client, arn, ModelApprovalStatus="Rejected")
    sm.update(client, arn, **first)
    assert sm.describe(client, arn)["ModelApprovalStatus"] == "Rejected"


def test_tags_are_added_overwritten_and_deleted(client: sm.Client) -> None:
    arn = sm.create(client, sm.unversioned(Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "1"}]))
    answer = client.add_tags(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "c", "Value": ""}])
    tags = client.list_tags(ResourceArn=arn)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"a": "1", "b": "2", "c": ""}
    assert answer["Tags"] == tags
    client.delete_tags(ResourceArn=arn, TagKeys=["a", "c", "unknown"])
    assert client.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_tags_are_listed_in_pages(client: sm.Client, server: SageMakerServer) -> None:
    server.behaviour.tags_page = 2
    tags = [{"Key": f"k{i}", "Value": "1"} for i in range(5)]
    arn = sm.create(client, sm.unversioned(Tags=tags))
    pages = [page["Tags"] for page in client.get_paginator("list_tags").paginate(ResourceArn=arn)]
    assert pages == [tags[:2], tags[2:4], tags[4:]]
    for token in ("x", "²", "9" * 5_000):
        refused = sm.refusal(client.list_tags, ResourceArn=arn, NextToken=token)
        assert refused == f"{sm.INVALID}Invalid NextToken"


def test_add_tags_refuses(client: sm.Client) -> None:
    arn = sm.create(client, sm.unversioned(Tags=[{"Key": f"k{i}", "Value": "1"} for i in range(50)]))
    client.add_tags(ResourceArn=arn, Tags=[{"Key": "k0", "Value": "2"}])
    assert sm.refusal(client.add_tags, ResourceArn=arn, Tags=sm.TAGS).startswith("ResourceLimitExceeded")
    client.delete_tags(ResourceArn=arn, TagKeys=["k0"])
    client.add_tags(ResourceArn=arn, Tags=sm.TAGS)
    reserved = [{"Key": "aws:a", "Value": "1"}]
    assert sm.refusal(client.add_tags, ResourceArn=arn, Tags=reserved).startswith(sm.INVALID)
    of_version = sm.create(client, sm.version())
    assert sm.refusal(client.add_tags, ResourceArn=of_version, Tags=sm.TAGS) == sm.INVALID + sm.NO_TAGS
    assert client.list_tags(ResourceArn=of_version)["Tags"] == []
