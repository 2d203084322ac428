"""CreateModelPackage of the local SageMaker: refusals, names, numbers, tokens, clients at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.sagemaker import SageMakerServer, moto_parts
from sandbox.sagemaker.operations import ModelPackages
from sandbox.shared.clients import ClientFactory
from sandbox.shared.settings import ACCOUNT
from tests.sandbox.helpers import cases
from tests.sandbox.sagemaker import sagemaker_calls as sm

BOTH_KINDS = (
    "Both ModelPackageName and ModelPackageGroupName are provided in the input. "
    "Cannot determine which one to use."
)
ALGORITHMS = {"SourceAlgorithms": [{"AlgorithmName": "a", "ModelDataSource": sm.S3_SOURCE}]}
ENVIRONMENT = {"Environment": {"A": "1"}}
ELSEWHERE = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model-package-group/group"


@cases(
    "request_, message",
    {
        "neither name nor group": ({}, "Missing ARN"),
        "name and group": (sm.unversioned() | sm.version(), BOTH_KINDS),
        "tags on a version": (sm.version(Tags=sm.TAGS), sm.NO_TAGS),
        "a group that does not exist": (
            {"ModelPackageGroupName": "missing"},
            f"ModelPackageGroup {sm.PREFIX}model-package-group/missing does not exist.",
        ),
        "a group of another region": (
            {"ModelPackageGroupName": ELSEWHERE},
            "ARN should be scoped to correct region: us-west-2",
        ),
        "container environment without a group": (sm.unversioned(container=ENVIRONMENT), sm.NO_ENVIRONMENT),
        "container environment in an additional specification without a group": (
            sm.unversioned(AdditionalInferenceSpecifications=[sm.additional("a", **ENVIRONMENT)]),
            sm.NO_ENVIRONMENT,
        ),
        "an additional S3 source in the inference specification": (
            sm.version({"AdditionalS3DataSource": sm.ADDITIONAL_S3}),
            sm.NO_ADDITIONAL_S3,
        ),
        "a source without a group": ({"ModelPackageName": "package", "SourceUri": "s3://b/m"}, sm.NO_SOURCE),
        "a model data source without a group": (
            sm.unversioned(container={"ModelDataSource": sm.S3_SOURCE}),
            sm.NO_DATA_SOURCE,
        ),
        "a source beside an inference specification": (sm.version({}, SourceUri="s3://b/m"), sm.TOGETHER),
        "no transform instance types without a group": (
            sm.unversioned(InferenceSpecification={"Containers": [{"Image": sm.IMAGE}]}),
            "SupportedTransformInstanceTypes is required for non-versioned ModelPackages",
        ),
        "empty realtime instance types without a group": (
            sm.unversioned(
                InferenceSpecification=sm.specification() | {"SupportedRealtimeInferenceInstanceTypes": []}
            ),
            "SupportedRealtimeInferenceInstanceTypes is required for non-versioned ModelPackages",
        ),
        "nothing to run without a group": (
            {"ModelPackageName": "package"},
            "InferenceSpecification or SourceAlgorithmSpecification is required for non-versioned "
            "ModelPackages",
        ),
        "two additional specifications of one name": (
            sm.version(AdditionalInferenceSpecifications=[sm.additional("a"), sm.additional("a")]),
            "Names of additional inference specifications must be unique.",
        ),
        "a tag of AWS": (
            sm.unversioned(Tags=[{"Key": "aws:x", "Value": "1"}]),
            "aws: prefixed tag key names are not allowed for external use.",
        ),
        "a tag twice": (
            sm.unversioned(Tags=sm.TAGS * 2),
            "Duplicate tag keys found. Tag keys must be unique.",
        ),
    },
)
def test_create_refuses(client: sm.Client, server: SageMakerServer, request_: sm.Json, message: str) -> None:
    assert sm.refusal(sm.create, client, request_) == sm.INVALID + message
    assert server.packages == []


@cases(
    "members",
    {
        "an empty list of tags": {"Tags": []},
        "an additional S3 source in an additional specification": {
            "AdditionalInferenceSpecifications": [sm.additional("a", AdditionalS3DataSource=sm.ADDITIONAL_S3)]
        },
        "the ARN of its group": {"ModelPackageGroupName": sm.PREFIX + "model-package-group/group"},
    },
)
def test_create_takes_for_a_version(client: sm.Client, members: sm.Json) -> None:
    assert sm.create(client, sm.version(**members)) == sm.PACKAGES + "group/1"


def test_create_takes_a_model_data_source_of_an_algorithm_without_a_group(client: sm.Client) -> None:
    request = {"ModelPackageName": "package", "SourceAlgorithmSpecification": ALGORITHMS}
    assert sm.create(client, request) == sm.PACKAGES + "package"


@pytest.mark.parametrize("name", ["package", "Package"])
def test_create_refuses_a_name_in_use(client: sm.Client, name: str) -> None:
    sm.create(client, sm.unversioned())
    message = f"{sm.INVALID}ModelPackage already exists: {sm.PACKAGES}{name}"
    assert sm.refusal(sm.create, client, sm.unversioned(name)) == message


def test_create_in_a_missing_group_can_be_a_missing_resource(
    client: sm.Client, server: SageMakerServer
) -> None:
    server.behaviour.group_not_found_as_resource = True
    message = (
        "The requested resource was not found. Please check the capitalization of the requested resource."
    )
    missing = {"ModelPackageGroupName": "missing"}
    assert sm.refusal(sm.create, client, missing) == f"ResourceNotFound: {message}"
    # Only of a create, and only of the group.
    assert sm.refusal(client.list_model_packages, **missing).startswith(sm.INVALID)
    assert "correct region" in sm.refusal(sm.create, client, {"ModelPackageGroupName": ELSEWHERE})


def test_create_refuses_more_packages_than_the_quota(client: sm.Client, server: SageMakerServer) -> None:
    server.behaviour.resource_limit = 1
    sm.create(client, sm.unversioned("one"))
    message = sm.refusal(sm.create, client, sm.unversioned("two"))
    assert message.startswith("ResourceLimitExceeded: ")
    assert "is 1, with current utilization of 1" in message


def test_create_numbers_versions_in_each_group_and_uses_no_number_again(client: sm.Client) -> None:
    client.create_model_package_group(ModelPackageGroupName="two")
    first, second = (sm.create(client, sm.version()) for _ in range(2))
    assert (first, second) == (sm.PACKAGES + "group/1", sm.PACKAGES + "group/2")
    sm.delete(client, second)
    assert sm.create(client, sm.version()) == sm.PACKAGES + "group/3"
    assert sm.create(client, {"ModelPackageGroupName": "two"}) == sm.PACKAGES + "two/1"


@cases("request_", {"version": sm.version(ClientToken="t"), "unversioned": sm.unversioned(ClientToken="t")})
def test_create_again_with_its_token_makes_one_package(
    client: sm.Client, server: SageMakerServer, request_: sm.Json
) -> None:
    first, again = (sm.create(client, request_) for _ in range(2))
    assert first == again
    assert len(server.packages) == 1
    assert sm.create(client, sm.version(ClientToken="other")) != first


def test_create_with_the_token_of_another_request_can_conflict(
    client: sm.Client, server: SageMakerServer
) -> None:
    request = sm.version(ClientToken="token", ModelPackageDescription="one")
    arn = sm.create(client, request)
    other = request | {"ModelPackageDescription": "two"}
    assert sm.create(client, other) == arn
    server.behaviour.token_conflicts = True
    assert sm.refusal(sm.create, client, other).startswith("ConflictException: ")
    assert sm.create(client, request) == arn
    assert len(server.packages) == 1


def test_create_with_the_token_of_a_deleted_package_returns_its_arn(
    client: sm.Client, server: SageMakerServer
) -> None:
    arn = sm.create(client, sm.version(ClientToken="token"))
    sm.delete(client, arn)
    assert sm.create(client, sm.version(ClientToken="token")) == arn
    assert server.packages == []


def test_create_with_the_token_of_another_region_makes_a_package(
    client: sm.Client, client_for: ClientFactory
) -> None:
    sm.create(client, sm.unversioned(ClientToken="token"))
    other = client_for("sagemaker", region_name="eu-west-1")
    assert ":eu-west-1:" in sm.create(other, sm.unversioned(ClientToken="token"))


def test_create_with_the_token_of_a_failed_create_makes_a_package(client: sm.Client) -> None:
    late = {"ModelPackageGroupName": "late", "ClientToken": "token"}
    sm.refusal(sm.create, client, late)
    client.create_model_package_group(ModelPackageGroupName="late")
    assert sm.create(client, late) == sm.PACKAGES + "late/1"


@cases("members, count", {"without a token": ({}, 20), "with one token": ({"ClientToken": "t"}, 1)})
def test_create_at_the_same_time(
    client: sm.Client, client_for: ClientFactory, members: sm.Json, count: int
) -> None:
    clients = [client, client_for("sagemaker")]
    with ThreadPoolExecutor(4) as pool:
        arns = pool.map(lambda number: sm.create(clients[number % 2], sm.version(**members)), range(20))
        assert set(arns) == {f"{sm.PACKAGES}group/{number}" for number in range(1, count + 1)}


def test_operations_run_one_at_a_time() -> None:
    entered: list[bool] = []

    def try_to_enter() -> bool:
        acquired = service.lock.acquire(blocking=False)
        if acquired:
            service.lock.release()
        return acquired

    def watched_clock() -> float:
        # In the middle of a create: could another thread come in?
        with ThreadPoolExecutor(1) as other:
            entered.append(other.submit(try_to_enter).result())
        return sm.NOW

    service = ModelPackages(watched_clock)
    service.call("CreateModelPackage", moto_parts.scope_in(ACCOUNT, sm.REGION), sm.unversioned())
    assert set(entered) == {False}
