"""Model package groups of the local SageMaker, their tags and policies; versions described in a batch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.sagemaker import SageMakerServer
from sandbox.shared.clients import ClientFactory
from sandbox.shared.settings import ACCOUNT
from tests.sandbox.helpers import cases
from tests.sandbox.sagemaker import sagemaker_calls as sm

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import ManagedConfigurationTypeDef

GROUPS = sm.PREFIX + "model-package-group/"
GROUP = GROUPS + "group"
OTHER_ACCOUNT = f"arn:aws:sagemaker:{sm.REGION}:999999999999:"
SHARED = OTHER_ACCOUNT + "model-package-group/shared"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": []})


def described(client: sm.Client, group: str) -> sm.Json:
    answer = sm.Json(client.describe_model_package_group(ModelPackageGroupName=group))
    del answer["ResponseMetadata"]
    return answer


def listed(client: sm.Client, **request: Any) -> list[str]:
    pages = client.get_paginator("list_model_package_groups").paginate(**request)
    return [each["ModelPackageGroupName"] for page in pages for each in page["ModelPackageGroupSummaryList"]]


@pytest.mark.parametrize("identifier", ["group", GROUP, GROUPS + "GROUP"])
def test_groups_are_described_by_name_and_arn(client: sm.Client, identifier: str) -> None:
    answer = described(client, identifier)
    assert answer.pop("CreationTime").timestamp() == sm.NOW
    assert answer.pop("CreatedBy")["IamIdentity"]["Arn"].startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/")
    assert answer == {
        "ModelPackageGroupName": "group",
        "ModelPackageGroupArn": GROUP,
        "ModelPackageGroupStatus": "Completed",
    }


def test_groups_keep_what_they_are_made_with(client: sm.Client) -> None:
    managed: ManagedConfigurationTypeDef = {"ManagedStorageType": "Restricted"}
    made = client.create_model_package_group(
        ModelPackageGroupName="Churn",
        ModelPackageGroupDescription="who leaves",
        ManagedConfiguration=managed,
        Tags=sm.TAGS,
    )
    answer = described(client, "Churn")
    assert (answer["ModelPackageGroupDescription"], answer["ManagedConfiguration"]) == ("who leaves", managed)
    assert "Tags" not in answer
    assert client.list_tags(ResourceArn=made["ModelPackageGroupArn"])["Tags"] == sm.TAGS


@cases(
    "request_, message",
    {
        "a name that is taken": (
            {"ModelPackageGroupName": "Group"},
            f"Model Package Group already exists: {GROUPS}Group",
        ),
        "a name that is none": ({"ModelPackageGroupName": "a_b"}, "at 'modelPackageGroupName' failed"),
        "a key twice": (
            {"ModelPackageGroupName": "more", "Tags": [*sm.TAGS, *sm.TAGS]},
            "Duplicate tag keys found",
        ),
    },
)
def test_groups_refuse(client: sm.Client, request_: sm.Json, message: str) -> None:
    refused = sm.refusal(client.create_model_package_group, **request_)
    assert refused.startswith(sm.INVALID)
    assert message in refused
    assert listed(client) == ["group"]


def test_groups_refuse_other_arns(client: sm.Client) -> None:
    describe = client.describe_model_package_group
    for arn, message in (
        (GROUPS + "missing", f"ModelPackageGroup {GROUPS}missing does not exist."),
        (GROUP.replace(sm.REGION, "eu-west-1"), f"ARN should be scoped to correct region: {sm.REGION}"),
        (sm.PREFIX + "model/group", f"Invalid ARN for a ModelPackageGroup: {sm.PREFIX}model/group"),
        (SHARED, f"ModelPackageGroup {SHARED} does not exist."),
    ):
        assert sm.refusal(describe, ModelPackageGroupName=arn) == sm.INVALID + message


def test_groups_are_listed_by_filters_and_order(client: sm.Client, clock: sm.Clock) -> None:
    for name in ("zeta", "alpha", "alphabet"):
        clock.now += 60
        client.create_model_package_group(ModelPackageGroupName=name)
    assert listed(client, PaginationConfig={"PageSize": 1}) == ["group", "zeta", "alpha", "alphabet"]
    names = listed(client, SortBy="Name", SortOrder="Descending", PaginationConfig={"PageSize": 3})
    assert names == ["zeta", "group", "alphabet", "alpha"]
    assert listed(client, NameContains="alpha") == ["alpha", "alphabet"]
    assert listed(client, CreationTimeAfter=sm.NOW, CreationTimeBefore=sm.NOW + 180) == ["zeta", "alpha"]
    (summary, *_) = client.list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert set(summary) == {
        "ModelPackageGroupName",
        "ModelPackageGroupArn",
        "CreationTime",
        "ModelPackageGroupStatus",
    }
    assert sm.refusal(client.list_model_package_groups, NextToken="x") == f"{sm.INVALID}Invalid NextToken"


def test_shared_groups_are_described_and_listed(client: sm.Client, server: SageMakerServer) -> None:
    server.behaviour.shared_groups = [SHARED, GROUP, SHARED.replace(sm.REGION, "eu-west-1")]
    answer = described(client, SHARED)
    assert (answer["ModelPackageGroupName"], answer["ModelPackageGroupArn"]) == ("shared", SHARED)
    assert ":999999999999:" in answer["CreatedBy"]["IamIdentity"]["Arn"]
    assert listed(client, CrossAccountFilterOption="CrossAccount") == ["shared"]
    assert listed(client, CrossAccountFilterOption="SameAccount") == listed(client) == ["group"]


@pytest.mark.parametrize("identifier", ["group", GROUP])
def test_groups_are_deleted_when_empty_and_number_anew(client: sm.Client, identifier: str) -> None:
    arn = sm.create(client, sm.version())
    delete = client.delete_model_package_group
    assert sm.refusal(delete, ModelPackageGroupName=identifier).startswith("ConflictException")
    sm.delete(client, arn)
    delete(ModelPackageGroupName=identifier)
    assert listed(client) == []
    assert sm.refusal(delete, ModelPackageGroupName=identifier).endswith(f"{GROUP} does not exist.")
    client.create_model_package_group(ModelPackageGroupName="group")
    assert sm.create(client, sm.version()) == arn


def test_tags_of_groups_are_changed_by_key(client: sm.Client, server: SageMakerServer) -> None:
    client.add_tags(ResourceArn=GROUP, Tags=[*sm.TAGS, {"Key": "b", "Value": "1"}])
    client.add_tags(ResourceArn=GROUP, Tags=[{"Key": "a", "Value": "2"}])
    client.delete_tags(ResourceArn=GROUP, TagKeys=["b"])
    assert client.list_tags(ResourceArn=GROUP)["Tags"] == [{"Key": "a", "Value": "2"}]
    server.behaviour.tags_page = 1
    client.add_tags(ResourceArn=GROUP, Tags=[{"Key": "c", "Value": "3"}])
    pages = client.get_paginator("list_tags").paginate(ResourceArn=GROUP)
    assert [tag["Key"] for page in pages for tag in page["Tags"]] == ["a", "c"]
    missing = GROUPS + "missing"
    message = f"{sm.INVALID}ModelPackageGroup {missing} does not exist."
    assert sm.refusal(client.list_tags, ResourceArn=missing) == message


def test_policies_are_put_got_and_deleted(client: sm.Client) -> None:
    group = {"ModelPackageGroupName": "group"}
    none = f"{sm.INVALID}Cannot find resource policy for: {GROUP}"
    get, delete = client.get_model_package_group_policy, client.delete_model_package_group_policy
    assert sm.refusal(get, **group) == sm.refusal(delete, **group) == none
    put = client.put_model_package_group_policy(**group, ResourcePolicy=POLICY)
    assert put["ModelPackageGroupArn"] == GROUP
    assert get(ModelPackageGroupName="group")["ResourcePolicy"] == POLICY
    delete(ModelPackageGroupName="group")
    assert sm.refusal(get, **group) == none


def test_policies_end_with_their_group(client: sm.Client) -> None:
    client.put_model_package_group_policy(ModelPackageGroupName="group", ResourcePolicy=POLICY)
    client.delete_model_package_group(ModelPackageGroupName="group")
    get = client.get_model_package_group_policy
    message = f"{sm.INVALID}Cannot find Model Package Group: {GROUP}"
    assert sm.refusal(get, ModelPackageGroupName="group") == message
    client.create_model_package_group(ModelPackageGroupName="group")
    assert "Cannot find resource policy" in sm.refusal(get, ModelPackageGroupName="group")


@pytest.mark.parametrize("policy", ["{", "[]", '"text"', '{"Version": NaN}'])
def test_policies_refuse_what_is_none(client: sm.Client, policy: str) -> None:
    put = client.put_model_package_group_policy
    message = sm.refusal(put, ModelPackageGroupName="group", ResourcePolicy=policy)
    assert message == f"{sm.INVALID}Invalid resource policy: it is not a JSON object."


def test_batch_describes_versions_and_says_what_is_none(client: sm.Client, server: SageMakerServer) -> None:
    arns = [sm.create(client, sm.version({}, ModelPackageDescription=str(number))) for number in range(2)]
    named = sm.create(client, sm.unversioned())
    missing, elsewhere = sm.PACKAGES + "group/9", arns[0].replace(sm.REGION, "eu-west-1")
    batch = client.batch_describe_model_package
    answer = batch(ModelPackageArnList=[*arns, named, missing, elsewhere])

    summaries = answer["ModelPackageSummaries"]
    assert set(summaries) == set(arns)
    assert [summaries[arn]["ModelPackageDescription"] for arn in arns] == ["0", "1"]
    assert set(summaries[arns[1]]) == {
        "ModelPackageGroupName",
        "ModelPackageVersion",
        "ModelPackageArn",
        "ModelPackageDescription",
        "CreationTime",
        "InferenceSpecification",
        "ModelPackageStatus",
        "ModelApprovalStatus",
    }
    bare = sm.create(client, sm.version())
    (summary,) = batch(ModelPackageArnList=[bare])["ModelPackageSummaries"].values()
    assert summary["InferenceSpecification"] == {"Containers": []}
    errors = answer["BatchDescribeModelPackageErrorMap"]
    assert {arn: error["ErrorResponse"] for arn, error in errors.items()} == {
        named: f"ModelPackage {named} is not a version of a model package group.",
        missing: f"ModelPackage {missing} does not exist.",
        elsewhere: f"ARN should be scoped to correct region: {sm.REGION}",
    }
    assert {error["ErrorCode"] for error in errors.values()} == {"ValidationException"}
    assert "failed to satisfy constraint" in sm.refusal(batch, ModelPackageArnList=[])
    assert len(server.packages) == 4


@pytest.mark.usefixtures("server")
def test_groups_are_of_one_region(client_for: ClientFactory) -> None:
    elsewhere = client_for("sagemaker", region_name="eu-west-1")
    assert elsewhere.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    nowhere = client_for("sagemaker", region_name="nowhere")
    assert sm.refusal(nowhere.list_model_package_groups) == f"{sm.INVALID}There is no region nowhere"
