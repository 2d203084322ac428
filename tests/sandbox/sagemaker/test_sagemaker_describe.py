"""DescribeModelPackage of the local SageMaker: the status in time, and what it adds to a request."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from sandbox.sagemaker import Behaviour, SageMakerServer
from sandbox.shared.clients import ClientFactory
from sandbox.shared.settings import ACCOUNT
from tests.sandbox.helpers import cases
from tests.sandbox.sagemaker import sagemaker_calls as sm

CALLS: dict[str, Callable[[sm.Client, str], object]] = {
    "describe": lambda c, arn: c.describe_model_package(ModelPackageName=arn),
    "update": lambda c, arn: c.update_model_package(ModelPackageArn=arn),
    "delete": lambda c, arn: c.delete_model_package(ModelPackageName=arn),
    "list tags": lambda c, arn: c.list_tags(ResourceArn=arn),
    "add tags": lambda c, arn: c.add_tags(ResourceArn=arn, Tags=[]),
    "delete tags": lambda c, arn: c.delete_tags(ResourceArn=arn, TagKeys=["a"]),
}


@cases("call", CALLS)
def test_operations_refuse_absent_arns(client: sm.Client, call: Callable[[sm.Client, str], object]) -> None:
    assert sm.refusal(call, client, sm.MISSING) == sm.absent(sm.MISSING)
    elsewhere = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model-package/package"
    message = f"{sm.INVALID}ARN should be scoped to correct region: us-west-2"
    assert sm.refusal(call, client, elsewhere) == message


@pytest.mark.parametrize("call", [sm.describe, sm.delete])
def test_operations_refuse_absent_names(client: sm.Client, call: Callable[[sm.Client, str], object]) -> None:
    assert sm.refusal(call, client, "missing") == sm.absent(sm.MISSING)


def test_describe_refuses_an_arn_of_something_else(client: sm.Client) -> None:
    group = sm.PREFIX + "model-package-group/group"
    assert sm.refusal(sm.describe, client, group) == f"{sm.INVALID}Invalid ARN for a ModelPackage: {group}"


@cases(
    "request_, name",
    {
        "the name": (sm.unversioned(), "package"),
        "the ARN of a name": (sm.unversioned(), sm.PACKAGES + "package"),
        "group and number": (sm.version(), "group/1"),
        "the ARN of a version": (sm.version(), sm.PACKAGES + "group/1"),
    },
)
def test_describe_and_delete_take(client: sm.Client, request_: sm.Json, name: str) -> None:
    arn = sm.create(client, request_)
    assert sm.describe(client, name)["ModelPackageArn"] == arn
    sm.delete(client, name)
    if "group" in name:
        assert sm.refusal(sm.describe, client, name) == sm.absent(arn)
    else:
        assert sm.describe(client, name)["ModelPackageStatus"] == "Deleting"


def test_describe_of_a_package_in_another_region(client: sm.Client, client_for: ClientFactory) -> None:
    sm.create(client, sm.unversioned())
    other = client_for("sagemaker", region_name="eu-west-1")
    elsewhere = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model-package/package"
    assert sm.refusal(sm.describe, other, "package") == sm.absent(elsewhere)
    assert sm.create(other, sm.unversioned()) == elsewhere


VALIDATED: sm.Json = {"ValidationSpecification": sm.validation()}


@cases(
    "request_, behaviour, expected",
    {
        "a version without validation": (sm.version(), Behaviour(), ["Completed"]),
        "a version with validation": (
            sm.version(**VALIDATED),
            Behaviour(),
            ["InProgress", "InProgress", "Completed", "Completed"],
        ),
        "an unversioned package": (
            sm.unversioned(),
            Behaviour(),
            ["Pending", "InProgress", "Completed", "Completed"],
        ),
        "validation that is skipped": (
            sm.unversioned(SkipModelValidation="All", **VALIDATED),
            Behaviour(),
            ["Completed"],
        ),
        "chosen numbers of polls": (
            sm.unversioned(),
            Behaviour(describes_until_completed=4, pending_describes=3),
            ["Pending", "Pending", "Pending", "InProgress", "Completed"],
        ),
        "a chosen status": (sm.unversioned(), Behaviour(status_override="Hibernating"), ["Hibernating"] * 2),
    },
)
def test_status_changes_with_describes(
    client: sm.Client, server: SageMakerServer, request_: sm.Json, behaviour: Behaviour, expected: list[str]
) -> None:
    server.behaviour = behaviour
    assert sm.statuses(client, sm.create(client, request_), len(expected)) == expected
    (listed,) = client.list_model_packages(ModelPackageType="Both")["ModelPackageSummaryList"]
    assert listed["ModelPackageStatus"] == expected[-1]


@cases(
    "request_, items",
    {
        "validated": (sm.unversioned(**VALIDATED), ["NotStarted", "InProgress", "Completed"]),
        "not validated": (sm.version(), []),
        "validation that is skipped": (sm.unversioned(SkipModelValidation="All", **VALIDATED), []),
    },
)
def test_validation_items_follow_the_status(client: sm.Client, request_: sm.Json, items: list[str]) -> None:
    arn = sm.create(client, request_)
    details = [sm.describe(client, arn)["ModelPackageStatusDetails"] for _ in range(3)]
    expected = [[{"Name": "smoke-test", "Status": item}] for item in items] or [[]] * 3
    assert [each["ValidationStatuses"] for each in details] == expected
    assert all(each["ImageScanStatuses"] == [] for each in details)


def test_package_with_failing_profile_fails_with_reason(client: sm.Client, server: SageMakerServer) -> None:
    server.behaviour = Behaviour(describes_until_completed=0, validation_failures={"smoke-test": "no bucket"})
    answer = sm.described(client, **VALIDATED)
    assert answer["ModelPackageStatus"] == "Failed"
    assert answer["ModelPackageStatusDetails"]["ValidationStatuses"] == [
        {"Name": "smoke-test", "Status": "Failed", "FailureReason": "no bucket"}
    ]
    assert "FailureReason" not in answer
    passing = sm.described(client, ValidationSpecification=sm.validation("other"))
    assert passing["ModelPackageStatus"] == "Completed"


def test_package_with_failing_image_fails_with_reason(client: sm.Client, server: SageMakerServer) -> None:
    server.behaviour = Behaviour(describes_until_completed=0, validation_failures={sm.IMAGE: "CVE"})
    answer = sm.describe(client, sm.create(client, sm.unversioned(**VALIDATED)))
    assert answer["ModelPackageStatus"] == "Failed"
    assert answer["ModelPackageStatusDetails"] == {
        "ValidationStatuses": [{"Name": "smoke-test", "Status": "Completed"}],
        "ImageScanStatuses": [{"Name": "xgboost", "Status": "Failed", "FailureReason": "CVE"}],
    }


def test_images_are_scanned_for_the_marketplace(client: sm.Client) -> None:
    answer = sm.describe(client, sm.create(client, sm.unversioned(CertifyForMarketplace=True)))
    assert answer["ModelPackageStatusDetails"]["ImageScanStatuses"] == [
        {"Name": "xgboost", "Status": "NotStarted"}
    ]


def test_new_packages_can_be_invisible_for_some_describes(client: sm.Client, server: SageMakerServer) -> None:
    server.behaviour.visible_after_describes = 2
    arn = sm.create(client, sm.unversioned())
    assert sm.names(client.list_model_packages()) == []
    assert sm.refusal(sm.update, client, arn) == sm.absent(arn)
    for _ in range(2):
        assert sm.refusal(sm.describe, client, arn) == sm.absent(arn)
    assert sm.statuses(client, arn, 1) == ["Pending"]
    assert sm.names(client.list_model_packages()) == ["package"]


@cases("call", CALLS)
def test_new_packages_can_be_unknown_to_every_call(
    client: sm.Client, server: SageMakerServer, call: Callable[[sm.Client, str], object]
) -> None:
    server.behaviour.unknown_after_write = 2
    arn = sm.create(client, sm.unversioned())
    for _ in range(2):
        assert sm.refusal(call, client, arn) == sm.absent(arn)
    call(client, arn)


@cases(
    "write, calls",
    {
        "update": (CALLS["update"], 1),
        "add tags": (CALLS["add tags"], 1),
        "delete tags": (CALLS["delete tags"], 1),
        "list tags": (CALLS["list tags"], 0),
        "describe": (CALLS["describe"], 0),
    },
)
def test_changed_packages_can_be_unknown(
    client: sm.Client, server: SageMakerServer, write: Callable[[sm.Client, str], object], calls: int
) -> None:
    arn = sm.create(client, sm.unversioned())
    server.behaviour.unknown_after_write = 1
    write(client, arn)
    for _ in range(calls):
        assert sm.refusal(sm.describe, client, arn) == sm.absent(arn)
    assert sm.describe(client, arn)["ModelPackageArn"] == arn


@cases("request_", {"unversioned": sm.unversioned("Package"), "version": {"ModelPackageGroupName": "Two"}})
def test_packages_are_known_by_arns_in_any_case(client: sm.Client, request_: sm.Json) -> None:
    client.create_model_package_group(ModelPackageGroupName="Two")
    arn = sm.create(client, request_)
    assert sm.describe(client, arn.lower())["ModelPackageArn"] == arn
    name = arn.removeprefix(sm.PACKAGES)
    assert sm.describe(client, name.upper())["ModelPackageArn"] == arn
    client.update_model_package(ModelPackageArn=arn.lower(), CustomerMetadataProperties={"a": "1"})
    client.list_tags(ResourceArn=arn.lower())
    sm.delete(client, arn.lower())


def test_groups_are_known_by_names_in_any_case(client: sm.Client) -> None:
    for given in ("GROUP", sm.PREFIX + "model-package-group/Group"):
        answer = sm.describe(client, sm.create(client, {"ModelPackageGroupName": given}))
        assert answer["ModelPackageGroupName"] == "group"
    listed = client.list_model_packages(ModelPackageGroupName="Group")
    assert sm.names(listed) == ["group/1", "group/2"]
    assert "already exists" in sm.refusal(client.create_model_package_group, ModelPackageGroupName="GROUP")


def test_names_can_be_answered_in_lower_case_or_left_out(client: sm.Client, server: SageMakerServer) -> None:
    arn = sm.create(client, sm.unversioned("Package"))
    server.behaviour.names_in_lower_case = True
    assert sm.create(client, sm.unversioned("Another")) == sm.PACKAGES + "another"
    assert client.update_model_package(ModelPackageArn=arn)["ModelPackageArn"] == arn.lower()
    (listed, _) = client.list_model_packages()["ModelPackageSummaryList"]
    for answer in (sm.describe(client, arn), listed):
        assert (answer["ModelPackageArn"], answer["ModelPackageName"]) == (arn.lower(), "package")
    server.behaviour = Behaviour(names_left_out=True)
    (listed, _) = client.list_model_packages()["ModelPackageSummaryList"]
    for answer in (sm.describe(client, "package"), listed):
        assert answer["ModelPackageArn"] == arn
        assert "ModelPackageName" not in answer


def test_status_of_one_package_can_be_chosen(client: sm.Client, server: SageMakerServer) -> None:
    arns = [sm.create(client, sm.version()) for _ in range(2)]
    server.behaviour = Behaviour(statuses={arns[0]: "Archiving"}, delete_describes=1)
    assert [sm.statuses(client, arn, 1) for arn in arns] == [["Archiving"], ["Completed"]]
    summaries = client.list_model_packages(ModelPackageType="Both")["ModelPackageSummaryList"]
    assert [each["ModelPackageStatus"] for each in summaries] == ["Archiving", "Completed"]
    sm.delete(client, arns[0])
    assert sm.statuses(client, arns[0], 1) == ["Deleting"]


@cases(
    "request_, describes, expected",
    {
        "a plain version": (sm.version(), None, 0),
        "an unversioned package": (sm.unversioned(), None, 1),
        "a chosen number": (sm.version(), 2, 2),
    },
)
def test_delete_takes_some_describes(
    client: sm.Client, server: SageMakerServer, request_: sm.Json, describes: int | None, expected: int
) -> None:
    server.behaviour.delete_describes = describes
    arn = sm.create(client, request_)
    sm.delete(client, arn)
    assert sm.statuses(client, arn, expected) == ["Deleting"] * expected
    assert sm.refusal(sm.describe, client, arn) == sm.absent(arn)
    assert server.packages == []
    assert sm.names(client.list_model_packages(ModelPackageType="Both")) == []


def test_packages_being_deleted_are_in_the_way(client: sm.Client, server: SageMakerServer) -> None:
    server.behaviour.delete_describes = 1
    arn = sm.create(client, sm.unversioned())
    sm.delete(client, arn)
    assert "already exists" in sm.refusal(sm.create, client, sm.unversioned())
    for call in (sm.delete, sm.update):
        assert sm.refusal(call, client, arn).startswith("ConflictException")


def test_packages_being_validated_can_be_locked(client: sm.Client, server: SageMakerServer) -> None:
    server.behaviour = Behaviour(conflict_while_validating=True, describes_until_completed=1)
    arn = sm.create(client, sm.unversioned())
    for call in (sm.delete, sm.update):
        assert sm.refusal(call, client, arn).startswith("ConflictException")
    assert sm.statuses(client, arn, 2) == ["Pending", "Completed"]
    sm.update(client, arn)
    sm.delete(client, arn)


def test_describe_of_version_is_request_and_defaults(client: sm.Client) -> None:
    given = {"ModelPackageGroupName": sm.PREFIX + "model-package-group/group"}
    answer = sm.describe(client, sm.create(client, given))
    identity = answer.pop("CreatedBy")
    assert answer.pop("LastModifiedBy") == identity
    assert answer.pop("CreationTime").timestamp() == answer.pop("LastModifiedTime").timestamp() == sm.NOW
    assert answer == {
        "ModelPackageArn": sm.PACKAGES + "group/1",
        "ModelPackageGroupName": "group",
        "ModelPackageVersion": 1,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "CertifyForMarketplace": False,
        "ModelApprovalStatus": "PendingManualApproval",
    }
    assert sm.described(client, ModelApprovalStatus="Approved")["ModelApprovalStatus"] == "Approved"


def test_describe_of_unversioned_package_is_request_and_defaults(client: sm.Client, clock: sm.Clock) -> None:
    arn = sm.create(client, sm.unversioned(Tags=sm.TAGS, ClientToken="token"))
    answer = sm.describe(client, arn)
    identity = answer.pop("CreatedBy")
    assert answer.pop("CreationTime").timestamp() == sm.NOW
    assert answer.pop("InferenceSpecification").keys() == sm.specification().keys()
    assert answer == {
        "ModelPackageArn": arn,
        "ModelPackageName": "package",
        "ModelPackageStatus": "Pending",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "CertifyForMarketplace": False,
    }
    clock.now += 60
    sm.update(client, arn, CustomerMetadataProperties={"a": "1"})
    after = sm.describe(client, arn)
    assert after["LastModifiedTime"].timestamp() == sm.NOW + 60
    assert after["CreationTime"].timestamp() == sm.NOW
    assert after["LastModifiedBy"] == after["CreatedBy"] == identity


@cases(
    "given",
    {
        "description": {"ModelPackageDescription": "dé sc"},
        "domain and task": {"Domain": "COMPUTER_VISION", "Task": "OTHER"},
        "sample payload": {"SamplePayloadUrl": "s3://b/sample"},
        "metadata": {"MetadataProperties": {"CommitId": "1"}},
        "drift baselines": {"DriftCheckBaselines": {"Bias": {}}},
        "security": {"SecurityConfig": {"KmsKeyId": "key"}},
        "life cycle": {"ModelLifeCycle": {"Stage": "a", "StageStatus": "b"}},
        "registration type": {"ModelPackageRegistrationType": "Logged"},
        "managed storage": {"ManagedStorageType": "Restricted"},
        "validation not skipped": {"SkipModelValidation": "None"},
        "customer metadata": {"CustomerMetadataProperties": {"a/b": "ü 1"}},
        "card": {"ModelCard": {"ModelCardStatus": "Draft", "ModelCardContent": "{}"}},
        "empty objects": {"ModelMetrics": {"Bias": {}, "Explainability": {}}},
    },
)
def test_describe_returns_what_was_given(client: sm.Client, given: sm.Json) -> None:
    answer = sm.described(client, **given)
    assert {name: answer[name] for name in given} == given
    assert "InferenceSpecification" not in answer


def test_describe_returns_empty_lists(client: sm.Client) -> None:
    answer = sm.described(
        client, InferenceSpecification=sm.specification() | {"SupportedResponseMIMETypes": []}
    )
    assert answer["InferenceSpecification"]["SupportedResponseMIMETypes"] == []


def test_containers_gain_a_digest_an_etag_and_a_checkpoint_flag(client: sm.Client) -> None:
    container = sm.container_of(sm.described(client, {"ModelDataUrl": "s3://b/model.tar.gz"}))
    assert re.fullmatch("sha256:[0-9a-f]{64}", container.pop("ImageDigest"))
    assert container.pop("ModelDataETag")
    assert container == {"Image": sm.IMAGE, "ModelDataUrl": "s3://b/model.tar.gz", "IsCheckpoint": False}


def test_data_sources_gain_etags(client: sm.Client) -> None:
    extra = [{"ChannelName": "c", **sm.S3_SOURCE}]
    manifest = {"S3DataSource": sm.S3_SOURCE["S3DataSource"] | {"ManifestS3Uri": "s3://b/manifest"}}
    additional = [sm.additional("a", AdditionalS3DataSource=sm.ADDITIONAL_S3)]
    given = {"ModelDataSource": manifest, "AdditionalModelDataSources": extra}
    answer = sm.described(client, given, AdditionalInferenceSpecifications=additional)
    container = sm.container_of(answer)
    assert container["ModelDataSource"]["S3DataSource"]["ETag"]
    assert container["ModelDataSource"]["S3DataSource"]["ManifestEtag"]
    assert container["AdditionalModelDataSources"][0]["S3DataSource"]["ETag"]
    other = answer["AdditionalInferenceSpecifications"][0]["Containers"][0]
    assert other["AdditionalS3DataSource"]["ETag"]
    assert other["ImageDigest"]


def test_a_given_digest_stays_unless_its_tag_has_moved(client: sm.Client, server: SageMakerServer) -> None:
    old, new = ("sha256:" + digit * 64 for digit in "12")
    assert sm.container_of(sm.described(client, {"ImageDigest": old}))["ImageDigest"] == old
    server.behaviour.image_digests = {sm.IMAGE: new}
    assert sm.container_of(sm.described(client, {}))["ImageDigest"] == new
    message = sm.refusal(sm.described, client, {"ImageDigest": old})
    assert message == f"{sm.INVALID}The ImageDigest of {sm.IMAGE} is not the digest of its tag."


def test_inference_specification_is_derived_from_an_algorithm(client: sm.Client) -> None:
    algorithms = [{"AlgorithmName": "my-algorithm", "ModelDataUrl": "s3://b/m"}]
    answer = sm.described(client, SourceAlgorithmSpecification={"SourceAlgorithms": algorithms})
    container = sm.container_of(answer)
    assert "my-algorithm" in container["Image"]
    assert container["ModelDataUrl"] == "s3://b/m"
    assert answer["SourceAlgorithmSpecification"]["SourceAlgorithms"][0]["ModelDataETag"]


def test_inference_specification_is_derived_from_a_model(client: sm.Client) -> None:
    given: sm.Json = {"PrimaryContainer": {"Image": sm.IMAGE, "ModelDataSource": sm.S3_SOURCE}}
    model = client.create_model(ModelName="model", ExecutionRoleArn=sm.ROLE, **given)
    answer = sm.described(client, SourceUri=model["ModelArn"])
    assert answer["SourceUri"] == model["ModelArn"]
    derived = sm.container_of(answer)
    assert derived["Image"] == sm.IMAGE
    assert derived["ModelDataSource"]["S3DataSource"].items() > sm.S3_SOURCE["S3DataSource"].items()
    # What the package gained is not the model's.
    assert client.describe_model(ModelName="model")["PrimaryContainer"] == given["PrimaryContainer"]


def test_inference_specification_is_derived_from_a_package(client: sm.Client) -> None:
    source = sm.create(client, sm.version({"ModelDataUrl": "s3://b/m"}))
    assert sm.container_of(sm.described(client, SourceUri=source))["ModelDataUrl"] == "s3://b/m"
    assert "InferenceSpecification" not in sm.described(client, SourceUri="s3://b/m")


def test_transform_output_gains_an_empty_key(client: sm.Client) -> None:
    profile = sm.described(client, **VALIDATED)["ValidationSpecification"]["ValidationProfiles"][0]
    output = profile["TransformJobDefinition"]["TransformOutput"]
    assert output == {"S3OutputPath": "s3://bucket/out", "KmsKeyId": ""}


def test_times_are_numbers_of_seconds(client: sm.Client, server: SageMakerServer) -> None:
    sm.create(client, sm.unversioned())
    _, answer = sm.signed(server, "DescribeModelPackage", '{"ModelPackageName": "package"}')
    assert answer["CreationTime"] == sm.NOW


CARD = {
    "model_overview": {"model_creator": "risk", "model_id": "17", "model_name": "fraud"},
    "intended_uses": {"risk_rating": "High", "purpose_of_model": "secret"},
    "model_package_details": {"model_package_group_name": "group", "approval_description": "secret"},
    "training_details": {"objective_function": "secret"},
}


@cases(
    "content, kept",
    {
        "a full card": (
            json.dumps(CARD),
            {
                "model_overview": {"model_id": "17", "model_name": "fraud"},
                "intended_uses": {"risk_rating": "High"},
                "model_package_details": {"model_package_group_name": "group"},
            },
        ),
        "a rating": ('{"intended_uses": {"risk_rating": "Low"}}', {"intended_uses": {"risk_rating": "Low"}}),
        "nothing that is kept": ('{"intended_uses": {}, "model_overview": 1}', {}),
        "a list": ("[]", {}),
        "no JSON": ("text", {}),
    },
)
def test_metadata_only_reduces_the_content_of_the_card(
    client: sm.Client, content: str, kept: sm.Json
) -> None:
    card = {"ModelCardStatus": "Draft", "ModelCardContent": content}
    package = sm.version({}, ModelCard=card, CustomerMetadataProperties={"a": "b"})
    arn = sm.create(client, package)
    full = sm.describe(client, arn, IncludedData="AllData")
    assert full["ModelCard"] == card
    reduced = sm.describe(client, arn, IncludedData="MetadataOnly")
    assert json.loads(reduced["ModelCard"].pop("ModelCardContent")) == kept
    assert reduced == full | {"ModelCard": {"ModelCardStatus": "Draft"}}


def test_the_content_of_a_card_can_need_a_key(client: sm.Client, server: SageMakerServer) -> None:
    server.behaviour.kms_decrypt_denied = True
    card, key = {"ModelCardContent": "{}"}, {"KmsKeyId": "the-key"}
    arn = sm.create(client, sm.version(ModelCard=card, SecurityConfig=key))
    message = sm.refusal(sm.describe, client, arn)
    assert message.startswith("AccessDeniedException: ")
    assert message.endswith("is not authorized to perform: kms:Decrypt on resource: the-key")
    assert sm.describe(client, arn, IncludedData="MetadataOnly")["ModelPackageArn"] == arn
