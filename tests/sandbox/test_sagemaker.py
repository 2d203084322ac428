"""The local SageMaker keeps each rule that is known of the real one, seen through boto3 and HTTP."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.sagemaker import Behaviour, Fault, SageMakerServer, moto_parts
from sandbox.sagemaker.arns import Scope
from sandbox.shared.credentials import session
from sandbox.shared.java_patterns import matches

Json = dict[str, Any]

REGION = "us-west-2"
ACCOUNT = "123456789012"
PREFIX = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:"
NOW = 1_700_000_000.0
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/xgboost:1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/validation"


class Clock:
    """Time that passes only when a test says so."""

    now = NOW

    def __call__(self) -> float:
        return self.now


CLOCK = Clock()


@pytest.fixture(scope="module")
def running() -> Iterator[SageMakerServer]:
    with SageMakerServer(clock=CLOCK) as server:
        yield server


@pytest.fixture
def server(running: SageMakerServer) -> Iterator[SageMakerServer]:
    CLOCK.now = NOW
    yield running
    running.reset()


@pytest.fixture(scope="module")
def client_for(running: SageMakerServer) -> Iterator[Callable[..., Any]]:
    session = boto3.Session("key", "secret", region_name=REGION)
    made: list[Any] = []

    def make(service: str = "sagemaker", **options: Any) -> Any:
        # Retries would hide an error that is answered once; values are the server's to check.
        config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
        made.append(session.client(service, endpoint_url=running.endpoint, config=config, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture(scope="module")
def shared_client(client_for: Callable[..., Any]) -> Any:
    return client_for()


@pytest.fixture
def client(shared_client: Any, server: SageMakerServer) -> Any:  # noqa: ARG001 - a fresh server each time
    return shared_client


@pytest.fixture
def group(client: Any, server: SageMakerServer) -> str:
    client.create_model_package_group(ModelPackageGroupName="group")
    server.clear_calls()
    return "group"


def specification(**container: Any) -> Json:
    """An inference specification that both kinds of package may have."""
    return {
        "Containers": [{"Image": IMAGE} | container],
        "SupportedTransformInstanceTypes": ["ml.m5.large"],
        "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
    }


def additional(name: str, **container: Any) -> Json:
    return {"Name": name, "Containers": [{"Image": IMAGE} | container]}


def validation(profile: str = "smoke-test") -> Json:
    transform_input = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/in"}}}
    job = {
        "TransformInput": transform_input,
        "TransformOutput": {"S3OutputPath": "s3://bucket/out"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    return {
        "ValidationRole": ROLE,
        "ValidationProfiles": [{"ProfileName": profile, "TransformJobDefinition": job}],
    }


def unversioned(name: str = "package", **members: Any) -> Json:
    return {"ModelPackageName": name, "InferenceSpecification": specification()} | members


def version(**members: Any) -> Json:
    return {"ModelPackageGroupName": "group"} | members


def create(client: Any, request: Json) -> str:
    arn: str = client.create_model_package(**request)["ModelPackageArn"]
    return arn


def describe(client: Any, name: str, **members: Any) -> Json:
    answer: Json = client.describe_model_package(ModelPackageName=name, **members)
    del answer["ResponseMetadata"]
    return answer


def update(client: Any, arn: str, **members: Any) -> Json:
    answer: Json = client.update_model_package(ModelPackageArn=arn, **members)
    assert answer["ModelPackageArn"] == arn
    return answer


def refusal(call: Callable[[], object]) -> tuple[str, str]:
    """Return code and message of the error that a call ends in."""
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def names(answer: Json) -> list[str]:
    return [
        summary["ModelPackageArn"].removeprefix(PREFIX + "model-package/")
        for summary in answer["ModelPackageSummaryList"]
    ]


def signed(server: SageMakerServer, operation: str, body: str) -> tuple[int, Json]:
    """Send a body that botocore would not send, and return status and answer."""
    credential = f"Credential=key/20240101/{REGION}/sagemaker/aws4_request"
    headers = {
        "X-Amz-Target": f"SageMaker.{operation}",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0",
    }
    return http("POST", f"{server.endpoint}/", body, headers)


def control(server: SageMakerServer, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Send a control request."""
    return http(method, f"{server.endpoint}/sandbox/{path}", json.dumps(body) if body is not None else "")


def http(method: str, url: str, body: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    request = urllib.request.Request(url, body.encode() or None, headers or {}, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def statuses(client: Any, name: str, count: int) -> list[str]:
    return [describe(client, name)["ModelPackageStatus"] for _ in range(count)]


# --- what moto is there for ---


def test_every_inner_part_of_moto_that_is_used_is_still_there(client: Any, group: str) -> None:
    scope = moto_parts.scope_of("key", REGION)
    assert (scope.partition, scope.region, scope.account) == ("aws", REGION, ACCOUNT)
    assert moto_parts.scope_of("key", "cn-north-1").partition == "aws-cn"
    assert list(moto_parts.groups(scope)) == [group]
    client.create_model(ModelName="model", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE})
    assert moto_parts.model_containers(scope, "model")[0]["Image"] == IMAGE
    assert moto_parts.model_containers(scope, "other") == []
    assert "log" in dir(moto_parts.request_handler())
    moto_parts.reset()
    assert not moto_parts.groups(scope)


def test_groups_are_those_of_moto(client: Any, group: str) -> None:
    found = client.describe_model_package_group(ModelPackageGroupName=group)
    assert found["ModelPackageGroupArn"] == PREFIX + "model-package-group/group"
    arn = found["ModelPackageGroupArn"]
    client.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    assert client.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "1"}]


def test_a_group_that_exists_cannot_be_created_again(client: Any, group: str) -> None:
    code, message = refusal(lambda: client.create_model_package_group(ModelPackageGroupName=group))
    assert (code, "already exists" in message) == ("ValidationException", True)


def test_a_group_with_packages_cannot_be_deleted(client: Any, group: str) -> None:
    arn = create(client, version())
    code, _ = refusal(lambda: client.delete_model_package_group(ModelPackageGroupName=group))
    assert code == "ConflictException"
    client.delete_model_package(ModelPackageName=arn)
    client.delete_model_package_group(ModelPackageGroupName=group)
    assert client.list_model_package_groups()["ModelPackageGroupSummaryList"] == []


def test_a_group_of_the_name_of_a_deleted_one_counts_anew(client: Any, group: str) -> None:
    arn = create(client, version())
    client.delete_model_package(ModelPackageName=arn)
    client.delete_model_package_group(ModelPackageGroupName=group)
    client.create_model_package_group(ModelPackageGroupName=group)
    assert create(client, version()) == arn


def test_sts_answers_on_the_same_endpoint(client_for: Callable[..., Any]) -> None:
    assert client_for("sts").get_caller_identity()["Account"] == ACCOUNT


def test_s3_answers_on_the_same_endpoint_even_for_a_bucket_called_sandbox(
    client_for: Callable[..., Any],
    server: SageMakerServer,  # noqa: ARG001 - emptied afterwards
) -> None:
    s3 = client_for("s3")
    s3.create_bucket(Bucket="sandbox", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="sandbox", Key="calls", Body=b"body")
    assert s3.get_object(Bucket="sandbox", Key="calls")["Body"].read() == b"body"


def test_an_assumed_role_of_another_account_has_packages_of_its_own(
    client: Any, client_for: Callable[..., Any]
) -> None:
    role = "arn:aws:iam::999999999999:role/other"
    keys = client_for("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    other = client_for(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    arn = create(other, unversioned())
    assert arn == f"arn:aws:sagemaker:{REGION}:999999999999:model-package/package"
    assert refusal(lambda: describe(client, arn)) == (
        "ValidationException",
        f"ModelPackage {arn} does not exist.",
    )
    group_arn = arn.replace("model-package/package", "model-package-group/group")
    code, message = refusal(lambda: create(client, {"ModelPackageGroupName": group_arn}))
    assert (code, message) == ("ValidationException", f"ModelPackageGroup {group_arn} does not exist.")


# --- errors ---

MISSING = PREFIX + "model-package/missing"


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda c: c.describe_model_package(ModelPackageName="missing"), id="describe by name"),
        pytest.param(lambda c: c.describe_model_package(ModelPackageName=MISSING), id="describe by ARN"),
        pytest.param(lambda c: c.update_model_package(ModelPackageArn=MISSING), id="update"),
        pytest.param(lambda c: c.delete_model_package(ModelPackageName="missing"), id="delete by name"),
        pytest.param(lambda c: c.delete_model_package(ModelPackageName=MISSING), id="delete by ARN"),
        pytest.param(lambda c: c.list_tags(ResourceArn=MISSING), id="list tags"),
        pytest.param(lambda c: c.add_tags(ResourceArn=MISSING, Tags=[]), id="add tags"),
        pytest.param(lambda c: c.delete_tags(ResourceArn=MISSING, TagKeys=["a"]), id="delete tags"),
    ],
)
def test_a_package_that_does_not_exist_is_a_validation_exception(
    client: Any, call: Callable[[Any], object]
) -> None:
    assert refusal(lambda: call(client)) == (
        "ValidationException",
        f"ModelPackage {MISSING} does not exist.",
    )


BOTH_KINDS = (
    "Both ModelPackageName and ModelPackageGroupName are provided in the input. "
    "Cannot determine which one to use."
)
NO_TAGS = "Tags are not supported in Model Package versions. Please add them to the Model Package Group."
NO_ENVIRONMENT = (
    "1 validation errors detected:"
    "Environment variable map cannot be specified when using non-versioned ModelPackages"
)
NO_SOURCE = "SourceUri is not supported for non-versioned ModelPackages"
NO_DATA_SOURCE = "ModelDataSource is not supported for non-versioned ModelPackages"
TOGETHER = "SourceUri and InferenceSpecification cannot be specified together."
TAGS = [{"Key": "a", "Value": "1"}]
S3_SOURCE = {"S3DataSource": {"S3Uri": "s3://b/m", "S3DataType": "S3Prefix", "CompressionType": "None"}}
ADDITIONAL_S3 = {"S3DataType": "S3Object", "S3Uri": "s3://b/more"}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        pytest.param({}, "Missing ARN", id="neither name nor group"),
        pytest.param(unversioned() | version(), BOTH_KINDS, id="name and group"),
        pytest.param(version(Tags=TAGS), NO_TAGS, id="tags on a version"),
        pytest.param(
            {"ModelPackageGroupName": "nobody"},
            f"ModelPackageGroup {PREFIX}model-package-group/nobody does not exist.",
            id="a group that does not exist",
        ),
        pytest.param(
            {"ModelPackageGroupName": f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model-package-group/group"},
            "ARN should be scoped to correct region: us-west-2",
            id="a group of another region",
        ),
        pytest.param(
            unversioned(InferenceSpecification=specification(Environment={"A": "1"})),
            NO_ENVIRONMENT,
            id="container environment without a group",
        ),
        pytest.param(
            unversioned(AdditionalInferenceSpecifications=[additional("a", Environment={"A": "1"})]),
            NO_ENVIRONMENT,
            id="container environment in an additional specification without a group",
        ),
        pytest.param(
            version(InferenceSpecification=specification(AdditionalS3DataSource=ADDITIONAL_S3)),
            "AdditionalS3DataSource is not allowed in InferenceSpecification",
            id="an additional S3 source in the inference specification",
        ),
        pytest.param(
            {"ModelPackageName": "package", "SourceUri": "s3://b/m"},
            NO_SOURCE,
            id="a source without a group",
        ),
        pytest.param(
            unversioned(InferenceSpecification=specification(ModelDataSource=S3_SOURCE)),
            NO_DATA_SOURCE,
            id="a model data source without a group",
        ),
        pytest.param(
            {
                "ModelPackageName": "package",
                "SourceAlgorithmSpecification": {
                    "SourceAlgorithms": [{"AlgorithmName": "a", "ModelDataSource": S3_SOURCE}]
                },
            },
            NO_DATA_SOURCE,
            id="a model data source of an algorithm without a group",
        ),
        pytest.param(
            version(SourceUri="s3://b/m", InferenceSpecification=specification()),
            TOGETHER,
            id="a source beside an inference specification",
        ),
        pytest.param(
            unversioned(InferenceSpecification={"Containers": [{"Image": IMAGE}]}),
            "SupportedTransformInstanceTypes is required for non-versioned ModelPackages",
            id="no transform instance types without a group",
        ),
        pytest.param(
            unversioned(
                InferenceSpecification=specification() | {"SupportedRealtimeInferenceInstanceTypes": []}
            ),
            "SupportedRealtimeInferenceInstanceTypes is required for non-versioned ModelPackages",
            id="empty realtime instance types without a group",
        ),
        pytest.param(
            {"ModelPackageName": "package"},
            "InferenceSpecification or SourceAlgorithmSpecification is required "
            "for non-versioned ModelPackages",
            id="nothing to run without a group",
        ),
        pytest.param(
            version(AdditionalInferenceSpecifications=[additional("a"), additional("a")]),
            "Names of additional inference specifications must be unique.",
            id="two additional specifications of one name",
        ),
        pytest.param(
            unversioned(Tags=[{"Key": "aws:x", "Value": "1"}]),
            "aws: prefixed tag key names are not allowed for external use.",
            id="a tag of AWS",
        ),
        pytest.param(
            unversioned(Tags=TAGS * 2), "Duplicate tag keys found. Tag keys must be unique.", id="a tag twice"
        ),
    ],
)
@pytest.mark.usefixtures("group")
def test_a_create_that_cannot_be_is_refused(
    client: Any, server: SageMakerServer, request_: Json, message: str
) -> None:
    assert refusal(lambda: create(client, request_)) == ("ValidationException", message)
    assert server.packages == []


def test_an_empty_list_of_tags_is_fine_for_a_version(client: Any, group: str) -> None:
    assert create(client, version(Tags=[])) == f"{PREFIX}model-package/{group}/1"


def test_an_additional_s3_source_is_allowed_in_an_additional_specification(client: Any, group: str) -> None:
    request = version(
        AdditionalInferenceSpecifications=[additional("a", AdditionalS3DataSource=ADDITIONAL_S3)]
    )
    assert create(client, request).endswith(f"/{group}/1")


def test_a_name_can_be_taken_once(client: Any) -> None:
    arn = create(client, unversioned())
    assert refusal(lambda: create(client, unversioned())) == (
        "ValidationException",
        f"ModelPackage already exists: {arn}",
    )


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda c, arn: c.describe_model_package(ModelPackageName=arn), id="describe"),
        pytest.param(lambda c, arn: c.update_model_package(ModelPackageArn=arn), id="update"),
        pytest.param(lambda c, arn: c.delete_model_package(ModelPackageName=arn), id="delete"),
        pytest.param(lambda c, arn: c.list_tags(ResourceArn=arn), id="list tags"),
    ],
)
def test_an_arn_of_another_region_is_refused(client: Any, call: Callable[[Any, str], object]) -> None:
    arn = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model-package/package"
    assert refusal(lambda: call(client, arn)) == (
        "ValidationException",
        "ARN should be scoped to correct region: us-west-2",
    )


def test_an_arn_of_something_else_is_not_an_absent_package(client: Any) -> None:
    _, message = refusal(lambda: describe(client, PREFIX + "model-package-group/group"))
    assert message == f"Invalid ARN for a ModelPackage: {PREFIX}model-package-group/group"


def test_more_packages_than_the_quota_are_refused(client: Any, server: SageMakerServer) -> None:
    server.behaviour.resource_limit = 1
    create(client, unversioned("one"))
    code, message = refusal(lambda: create(client, unversioned("two")))
    assert (code, "is 1, with current utilization of 1" in message) == ("ResourceLimitExceeded", True)


# --- values that break a constraint ---

NAME_PATTERN = "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
METADATA_PATTERN = r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)$"


def one_error(value: str, path: str, constraint: str) -> str:
    return (
        f"1 validation error detected: Value {value} at '{path}' failed to satisfy constraint: {constraint}"
    )


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        pytest.param(
            {"ModelPackageName": "-a"},
            one_error(
                "'-a'", "modelPackageName", f"Member must satisfy regular expression pattern: {NAME_PATTERN}"
            ),
            id="a pattern",
        ),
        pytest.param(
            version(ModelApprovalStatus="Maybe"),
            one_error(
                "'Maybe'",
                "modelApprovalStatus",
                "Member must satisfy enum value set: [Approved, Rejected, PendingManualApproval]",
            ),
            id="an enumeration",
        ),
        pytest.param(
            version(ModelPackageDescription="a" * 1025),
            one_error(
                f"'{'a' * 1025}'",
                "modelPackageDescription",
                "Member must have length less than or equal to 1024",
            ),
            id="a text that is too long",
        ),
        pytest.param(
            version(CustomerMetadataProperties={}),
            one_error(
                "'{}'", "customerMetadataProperties", "Member must have length greater than or equal to 1"
            ),
            id="a map that is too small",
        ),
        pytest.param(
            version(InferenceSpecification={}),
            one_error("null", "inferenceSpecification.containers", "Member must not be null"),
            id="a required member that is missing",
        ),
        pytest.param(
            unversioned(Tags=[*TAGS, {"Value": "1"}]),
            one_error("null", "tags.2.member.key", "Member must not be null"),
            id="a place within a list",
        ),
        pytest.param(
            version(InferenceSpecification=specification(Environment={"1": "x"})),
            one_error(
                "'{1=x}'",
                "inferenceSpecification.containers.1.member.environment",
                "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: "
                "[a-zA-Z_][a-zA-Z0-9_]*, Member must have length greater than or equal to 0, "
                "Member must have length less than or equal to 1024]",
            ),
            id="a key of a map",
        ),
        pytest.param(
            version(CustomerMetadataProperties={"a": "!"}),
            one_error(
                "'{a=!}'",
                "customerMetadataProperties",
                "Map value must satisfy constraint: [Member must satisfy regular expression pattern: "
                + METADATA_PATTERN
                + "{1,256}, Member must have length greater than or equal to 1, "
                "Member must have length less than or equal to 256]",
            ),
            id="a value of a map, against a malformed pattern",
        ),
        pytest.param(
            version(
                InferenceSpecification=specification()
                | {"SupportedContentTypes": ["text/csv", "a" * 257], "SupportedResponseMIMETypes": []}
            ),
            one_error(
                f"'[text/csv, {'a' * 257}]'",
                "inferenceSpecification.supportedContentTypes",
                "Member must satisfy constraint: [Member must satisfy regular expression pattern: .*, "
                "Member must have length greater than or equal to 0, "
                "Member must have length less than or equal to 256]",
            ),
            id="a text in a list",
        ),
        pytest.param(
            version(ModelPackageDescription="two\nlines"),
            one_error(
                "'two\nlines'",
                "modelPackageDescription",
                r"Member must satisfy regular expression pattern: [\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]*",
            ),
            id="a line break where only printable characters may be",
        ),
        pytest.param(
            version(ClientToken="a b", ModelLifeCycle={"Stage": "s"}),
            "2 validation errors detected: Value 'a b' at 'clientToken' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9-]+; "
            "Value null at 'modelLifeCycle.stageStatus' failed to satisfy constraint: "
            "Member must not be null",
            id="two errors",
        ),
    ],
)
@pytest.mark.usefixtures("group")
def test_a_value_that_breaks_a_constraint_is_named_in_the_services_words(
    client: Any, request_: Json, message: str
) -> None:
    assert refusal(lambda: create(client, request_)) == ("ValidationException", message)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda c: c.list_model_packages(MaxResults=101),
            one_error("'101'", "maxResults", "Member must have value less than or equal to 100"),
            id="a page of the list",
        ),
        pytest.param(
            lambda c: c.describe_model_package(ModelPackageName="a", IncludedData="Some"),
            one_error(
                "'Some'", "includedData", "Member must satisfy enum value set: [AllData, MetadataOnly]"
            ),
            id="what to include in Describe",
        ),
        pytest.param(
            lambda c: c.update_model_package(ModelPackageArn=MISSING, CustomerMetadataProperties={}),
            one_error(
                "'{}'", "customerMetadataProperties", "Member must have length greater than or equal to 1"
            ),
            id="empty metadata in Update",
        ),
        pytest.param(
            lambda c: c.delete_model_package(ModelPackageName="a" * 180),
            "2 validation errors detected",
            id="a name in Delete, both pattern and length",
        ),
        pytest.param(
            lambda c: c.delete_tags(ResourceArn=MISSING, TagKeys=[]),
            one_error("'[]'", "tagKeys", "Member must have length greater than or equal to 1"),
            id="no tag keys",
        ),
    ],
)
def test_every_operation_checks_its_values(client: Any, call: Callable[[Any], object], message: str) -> None:
    code, said = refusal(lambda: call(client))
    assert (code, said[: len(message)]) == ("ValidationException", message)


@pytest.mark.parametrize(
    ("request_", "place"),
    [
        pytest.param({"ModelPackageNam": "a"}, "modelPackageNam", id="an unknown member"),
        pytest.param(
            {"InferenceSpecification": {"Containers": [{"Img": "a"}]}},
            "inferenceSpecification.containers.1.member.img",
            id="an unknown member further in",
        ),
        pytest.param({"ModelPackageName": 1}, "modelPackageName", id="a number for a text"),
        pytest.param(
            {"AdditionalInferenceSpecifications": [{"Name": True}]},
            "additionalInferenceSpecifications.1.member.name",
            id="a boolean for a text",
        ),
        pytest.param(
            {"ModelCard": {"ModelCardStatus": None, "ModelCardContent": 1.5}},
            "modelCard.modelCardContent",
            id="a number for a text, beside a null",
        ),
        pytest.param({"Tags": {}}, "tags", id="a map for a list"),
        pytest.param({"CertifyForMarketplace": "true"}, "certifyForMarketplace", id="a text for a boolean"),
        pytest.param(
            {"CustomerMetadataProperties": {"a": 1}},
            "customerMetadataProperties",
            id="a number for a text in a map",
        ),
    ],
)
def test_a_request_of_the_wrong_form_is_a_serialization_exception(
    server: SageMakerServer, request_: Json, place: str
) -> None:
    status, answer = signed(server, "CreateModelPackage", json.dumps(request_))
    assert (status, answer["__type"]) == (400, "SerializationException")
    assert answer["message"].startswith(f"{place}: ")


def test_a_boolean_is_no_number(server: SageMakerServer) -> None:
    _, answer = signed(server, "ListModelPackages", '{"MaxResults": true}')
    assert answer == {"__type": "SerializationException", "message": "maxResults: integer expected"}


def test_a_body_that_is_not_json_is_a_serialization_exception(server: SageMakerServer) -> None:
    status, answer = signed(server, "DescribeModelPackage", "{")
    assert (status, answer["__type"]) == (400, "SerializationException")


def test_a_null_counts_as_absent(server: SageMakerServer) -> None:
    _, answer = signed(server, "CreateModelPackage", '{"ModelPackageName": null}')
    assert answer["message"] == "Missing ARN"


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        pytest.param(r"[\p{L}\p{M}]*", "é中ß", True, id="letters of any script"),
        pytest.param(r"[\p{L}\p{M}]*", "1", False, id="a digit is no letter"),
        pytest.param(r"[\p{S}\p{P}]*", "€!😀", True, id="symbols and punctuation, beyond 16 bits too"),
        pytest.param(r"[\p{L}\p{Z}]*", "a\tb", False, id="a tab is no separator"),
        pytest.param(r"([\p{L}]*)${1,128}", "abc", True, id="a counted anchor is an anchor"),
        pytest.param(r"([\p{L}]*)${1,128}", "ab!", False, id="a counted anchor ends the value"),
        pytest.param(r"\d+", "١٢", False, id="digits are ASCII, as in Java"),
        pytest.param(r"a*", "aab", False, id="the whole value has to match"),
    ],
)
def test_patterns_of_the_api_description_mean_what_they_mean_in_java(
    pattern: str, value: str, *, fits: bool
) -> None:
    assert matches(pattern, value) is fits


# --- the life of a package ---


def test_a_version_without_validation_is_completed_at_the_first_describe(client: Any, group: str) -> None:
    answer = describe(client, create(client, version()))
    assert answer["ModelPackageStatus"] == "Completed"
    assert answer["ModelPackageStatusDetails"] == {"ValidationStatuses": [], "ImageScanStatuses": []}
    assert answer["ModelPackageGroupName"] == group


def test_a_version_with_validation_is_in_progress_first(client: Any, group: str) -> None:
    arn = create(client, version(ValidationSpecification=validation()))
    assert group in arn
    assert statuses(client, arn, 4) == ["InProgress", "InProgress", "Completed", "Completed"]


def test_an_unversioned_package_is_pending_first(client: Any) -> None:
    arn = create(client, unversioned())
    assert statuses(client, arn, 4) == ["Pending", "InProgress", "Completed", "Completed"]


def test_the_validation_item_follows_the_status(client: Any) -> None:
    arn = create(client, unversioned(ValidationSpecification=validation()))
    items = [describe(client, arn)["ModelPackageStatusDetails"]["ValidationStatuses"] for _ in range(3)]
    assert items == [
        [{"Name": "smoke-test", "Status": status}] for status in ("NotStarted", "InProgress", "Completed")
    ]


def test_how_long_it_takes_can_be_chosen(client: Any, server: SageMakerServer) -> None:
    server.behaviour = Behaviour(describes_until_completed=4, pending_describes=3)
    arn = create(client, unversioned())
    assert statuses(client, arn, 5) == ["Pending", "Pending", "Pending", "InProgress", "Completed"]


def test_skipped_validation_takes_no_time(client: Any) -> None:
    arn = create(client, unversioned(SkipModelValidation="All", ValidationSpecification=validation()))
    answer = describe(client, arn)
    assert answer["ModelPackageStatus"] == "Completed"
    assert answer["ModelPackageStatusDetails"]["ValidationStatuses"] == []


@pytest.mark.usefixtures("group")
def test_only_packages_with_a_failing_profile_fail_and_say_why_in_the_item(
    client: Any, server: SageMakerServer
) -> None:
    server.behaviour = Behaviour(
        describes_until_completed=0, validation_failures={"smoke-test": "ClientError: no such bucket"}
    )
    failing = create(client, version(ValidationSpecification=validation("smoke-test")))
    passing = create(client, version(ValidationSpecification=validation("other")))
    answer = describe(client, failing)
    assert answer["ModelPackageStatus"] == "Failed"
    assert answer["ModelPackageStatusDetails"]["ValidationStatuses"] == [
        {"Name": "smoke-test", "Status": "Failed", "FailureReason": "ClientError: no such bucket"}
    ]
    assert "FailureReason" not in answer
    assert describe(client, passing)["ModelPackageStatus"] == "Completed"


def test_an_image_can_fail_its_scan(client: Any, server: SageMakerServer) -> None:
    server.behaviour = Behaviour(describes_until_completed=0, validation_failures={IMAGE: "CVE"})
    arn = create(client, unversioned(ValidationSpecification=validation()))
    answer = describe(client, arn)
    assert answer["ModelPackageStatus"] == "Failed"
    assert answer["ModelPackageStatusDetails"] == {
        "ValidationStatuses": [{"Name": "smoke-test", "Status": "Completed"}],
        "ImageScanStatuses": [{"Name": "xgboost", "Status": "Failed", "FailureReason": "CVE"}],
    }


def test_images_are_scanned_for_the_marketplace(client: Any) -> None:
    arn = create(client, unversioned(CertifyForMarketplace=True))
    scans = describe(client, arn)["ModelPackageStatusDetails"]["ImageScanStatuses"]
    assert scans == [{"Name": "xgboost", "Status": "NotStarted"}]


def test_a_status_nobody_knows_can_be_asked_for(client: Any, server: SageMakerServer) -> None:
    server.behaviour.status_override = "Hibernating"
    arn = create(client, unversioned())
    assert statuses(client, arn, 1) == ["Hibernating"]
    assert client.list_model_packages()["ModelPackageSummaryList"][0]["ModelPackageStatus"] == "Hibernating"


def test_a_new_package_may_be_invisible_for_a_while(client: Any, server: SageMakerServer) -> None:
    server.behaviour.visible_after_describes = 2
    arn = create(client, unversioned())
    assert names(client.list_model_packages()) == []
    assert refusal(lambda: update(client, arn))[1] == f"ModelPackage {arn} does not exist."
    for _ in range(2):
        assert refusal(lambda: describe(client, arn))[1] == f"ModelPackage {arn} does not exist."
    assert statuses(client, arn, 1) == ["Pending"]
    assert names(client.list_model_packages()) == ["package"]


def test_deleting_a_plain_version_is_immediate(client: Any, group: str) -> None:
    arn = create(client, version())
    client.delete_model_package(ModelPackageName=arn)
    assert refusal(lambda: describe(client, arn))[1] == f"ModelPackage {arn} does not exist."
    assert names(client.list_model_packages(ModelPackageGroupName=group)) == []


def test_deleting_an_unversioned_package_takes_a_while(client: Any) -> None:
    arn = create(client, unversioned())
    client.delete_model_package(ModelPackageName="package")
    assert statuses(client, arn, 1) == ["Deleting"]
    assert refusal(lambda: describe(client, arn))[1] == f"ModelPackage {arn} does not exist."


@pytest.mark.usefixtures("group")
def test_how_long_deleting_takes_can_be_chosen(client: Any, server: SageMakerServer) -> None:
    server.behaviour.delete_describes = 2
    arn = create(client, version())
    client.delete_model_package(ModelPackageName=arn)
    assert statuses(client, arn, 2) == ["Deleting", "Deleting"]
    refusal(lambda: describe(client, arn))
    assert server.packages == []


def test_a_package_that_is_being_deleted_stays_in_the_way(client: Any, server: SageMakerServer) -> None:
    server.behaviour.delete_describes = 1
    arn = create(client, unversioned())
    client.delete_model_package(ModelPackageName=arn)
    assert "already exists" in refusal(lambda: create(client, unversioned()))[1]
    assert refusal(lambda: client.delete_model_package(ModelPackageName=arn))[0] == "ConflictException"
    assert refusal(lambda: update(client, arn))[0] == "ConflictException"


def test_a_package_being_validated_may_be_locked(client: Any, server: SageMakerServer) -> None:
    server.behaviour = Behaviour(conflict_while_validating=True, describes_until_completed=1)
    arn = create(client, unversioned())
    assert refusal(lambda: client.delete_model_package(ModelPackageName=arn))[0] == "ConflictException"
    assert refusal(lambda: update(client, arn))[0] == "ConflictException"
    assert statuses(client, arn, 2) == ["Pending", "Completed"]
    update(client, arn)
    client.delete_model_package(ModelPackageName=arn)


def test_versions_count_from_one_in_each_group_and_numbers_are_not_used_again(client: Any) -> None:
    for name in ("one", "two"):
        client.create_model_package_group(ModelPackageGroupName=name)
    first, second = (create(client, {"ModelPackageGroupName": "one"}) for _ in range(2))
    assert (first, second) == (PREFIX + "model-package/one/1", PREFIX + "model-package/one/2")
    client.delete_model_package(ModelPackageName=second)
    assert create(client, {"ModelPackageGroupName": "one"}) == PREFIX + "model-package/one/3"
    assert create(client, {"ModelPackageGroupName": "two"}) == PREFIX + "model-package/two/1"


@pytest.mark.parametrize("how", ["package", PREFIX + "model-package/package"])
def test_an_unversioned_package_is_found_by_name_and_arn(client: Any, how: str) -> None:
    arn = create(client, unversioned())
    assert describe(client, how)["ModelPackageArn"] == arn
    client.delete_model_package(ModelPackageName=how)
    assert describe(client, how)["ModelPackageStatus"] == "Deleting"


@pytest.mark.parametrize("how", ["group/1", PREFIX + "model-package/group/1"])
@pytest.mark.usefixtures("group")
def test_a_version_is_found_by_group_and_number_and_by_arn(client: Any, how: str) -> None:
    arn = create(client, version())
    assert describe(client, how)["ModelPackageArn"] == arn
    client.delete_model_package(ModelPackageName=how)
    refusal(lambda: describe(client, how))


def test_regions_do_not_see_each_other(client: Any, client_for: Callable[..., Any]) -> None:
    create(client, unversioned())
    other = client_for(region_name="eu-west-1")
    assert refusal(lambda: describe(other, "package"))[1] == (
        f"ModelPackage arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model-package/package does not exist."
    )
    create(other, unversioned())


# --- what Describe adds or rewrites ---


def test_a_version_has_no_name_of_its_own_and_the_groups_plain_name(client: Any, group: str) -> None:
    answer = describe(client, create(client, {"ModelPackageGroupName": PREFIX + "model-package-group/group"}))
    assert "ModelPackageName" not in answer
    assert (answer["ModelPackageGroupName"], answer["ModelPackageVersion"]) == (group, 1)


def test_an_unversioned_package_has_a_name_and_neither_group_nor_version(client: Any) -> None:
    answer = describe(client, create(client, unversioned()))
    assert answer["ModelPackageName"] == "package"
    assert not {"ModelPackageGroupName", "ModelPackageVersion"} & set(answer)


@pytest.mark.usefixtures("group")
def test_a_container_gains_a_digest_an_etag_and_a_checkpoint_flag(client: Any) -> None:
    request = version(InferenceSpecification=specification(ModelDataUrl="s3://b/model.tar.gz"))
    container = describe(client, create(client, request))["InferenceSpecification"]["Containers"][0]
    assert re.fullmatch("sha256:[0-9a-f]{64}", container.pop("ImageDigest"))
    assert container.pop("ModelDataETag")
    assert container == {"Image": IMAGE, "ModelDataUrl": "s3://b/model.tar.gz", "IsCheckpoint": False}


@pytest.mark.usefixtures("group")
def test_other_data_sources_gain_etags(client: Any) -> None:
    extra = [{"ChannelName": "c", **S3_SOURCE}]
    manifest = {"S3DataSource": S3_SOURCE["S3DataSource"] | {"ManifestS3Uri": "s3://b/manifest"}}
    request = version(
        InferenceSpecification=specification(ModelDataSource=manifest, AdditionalModelDataSources=extra),
        AdditionalInferenceSpecifications=[additional("a", AdditionalS3DataSource=ADDITIONAL_S3)],
    )
    answer = describe(client, create(client, request))
    container = answer["InferenceSpecification"]["Containers"][0]
    assert container["ModelDataSource"]["S3DataSource"]["ETag"]
    assert container["ModelDataSource"]["S3DataSource"]["ManifestEtag"]
    assert container["AdditionalModelDataSources"][0]["S3DataSource"]["ETag"]
    other = answer["AdditionalInferenceSpecifications"][0]["Containers"][0]
    assert other["AdditionalS3DataSource"]["ETag"]
    assert other["ImageDigest"]


@pytest.mark.usefixtures("group")
def test_a_digest_that_was_given_stays(client: Any) -> None:
    digest = "sha256:" + "0" * 64
    answer = describe(
        client, create(client, version(InferenceSpecification=specification(ImageDigest=digest)))
    )
    assert answer["InferenceSpecification"]["Containers"][0]["ImageDigest"] == digest


@pytest.mark.usefixtures("group")
def test_a_digest_that_its_tag_no_longer_has_is_refused(client: Any, server: SageMakerServer) -> None:
    old, new = ("sha256:" + digit * 64 for digit in "12")
    server.behaviour.image_digests = {IMAGE: new}
    code, message = refusal(
        lambda: create(client, version(InferenceSpecification=specification(ImageDigest=old)))
    )
    assert (code, IMAGE in message) == ("ValidationException", True)
    arn = create(client, version(InferenceSpecification=specification()))
    assert describe(client, arn)["InferenceSpecification"]["Containers"][0]["ImageDigest"] == new


@pytest.mark.usefixtures("group")
@pytest.mark.parametrize("request_", [version(), unversioned()], ids=["version", "unversioned"])
def test_marketplace_certification_is_false_when_absent(client: Any, request_: Json) -> None:
    assert describe(client, create(client, request_))["CertifyForMarketplace"] is False


@pytest.mark.usefixtures("group")
def test_a_version_awaits_approval_unless_told_otherwise(client: Any) -> None:
    first, second = create(client, version()), create(client, version(ModelApprovalStatus="Approved"))
    assert describe(client, first)["ModelApprovalStatus"] == "PendingManualApproval"
    assert describe(client, second)["ModelApprovalStatus"] == "Approved"


def test_an_unversioned_package_has_no_approval_status(client: Any) -> None:
    assert "ModelApprovalStatus" not in describe(client, create(client, unversioned()))


@pytest.mark.usefixtures("group")
def test_the_inference_specification_is_filled_from_an_algorithm(client: Any) -> None:
    algorithms = [{"AlgorithmName": "my-algorithm", "ModelDataUrl": "s3://b/m"}]
    request = version(SourceAlgorithmSpecification={"SourceAlgorithms": algorithms})
    answer = describe(client, create(client, request))
    container = answer["InferenceSpecification"]["Containers"][0]
    assert "my-algorithm" in container["Image"]
    assert container["ModelDataUrl"] == "s3://b/m"
    assert answer["SourceAlgorithmSpecification"]["SourceAlgorithms"][0]["ModelDataETag"]


@pytest.mark.usefixtures("group")
def test_the_inference_specification_is_filled_from_a_model(client: Any) -> None:
    container = {"Image": IMAGE, "ModelDataSource": S3_SOURCE}
    model = client.create_model(ModelName="model", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    answer = describe(client, create(client, version(SourceUri=model["ModelArn"])))
    assert answer["SourceUri"] == model["ModelArn"]
    derived = answer["InferenceSpecification"]["Containers"][0]
    assert derived["Image"] == IMAGE
    assert derived["ModelDataSource"]["S3DataSource"].items() > S3_SOURCE["S3DataSource"].items()
    # What the package gained is not the model's.
    assert client.describe_model(ModelName="model")["PrimaryContainer"] == container


@pytest.mark.usefixtures("group")
def test_the_inference_specification_is_filled_from_a_package(client: Any) -> None:
    source = create(client, version(InferenceSpecification=specification(ModelDataUrl="s3://b/m")))
    answer = describe(client, create(client, version(SourceUri=source)))
    assert answer["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] == "s3://b/m"


@pytest.mark.usefixtures("group")
@pytest.mark.parametrize("request_", [version(), version(SourceUri="s3://b/m")], ids=["nothing", "S3"])
def test_a_version_may_have_no_inference_specification(client: Any, request_: Json) -> None:
    assert "InferenceSpecification" not in describe(client, create(client, request_))


@pytest.mark.usefixtures("group")
def test_the_transform_output_gains_an_empty_key(client: Any) -> None:
    answer = describe(client, create(client, version(ValidationSpecification=validation())))
    job = answer["ValidationSpecification"]["ValidationProfiles"][0]["TransformJobDefinition"]
    assert job["TransformOutput"] == {"S3OutputPath": "s3://bucket/out", "KmsKeyId": ""}


@pytest.mark.usefixtures("group")
def test_empty_objects_and_lists_stay(client: Any) -> None:
    metrics: Json = {"Bias": {}, "Explainability": {}}
    inference = specification() | {"SupportedResponseMIMETypes": []}
    answer = describe(client, create(client, version(ModelMetrics=metrics, InferenceSpecification=inference)))
    assert answer["ModelMetrics"] == metrics
    assert answer["InferenceSpecification"]["SupportedResponseMIMETypes"] == []


def test_an_unversioned_package_is_unmodified_until_its_first_change(client: Any) -> None:
    arn = create(client, unversioned())
    before = describe(client, arn)
    assert not {"LastModifiedTime", "LastModifiedBy"} & set(before)
    CLOCK.now += 60
    update(client, arn, CustomerMetadataProperties={"a": "1"})
    after = describe(client, arn)
    assert after["LastModifiedTime"].timestamp() == NOW + 60
    assert after["CreationTime"].timestamp() == NOW
    assert after["LastModifiedBy"] == after["CreatedBy"] == before["CreatedBy"]


@pytest.mark.usefixtures("group")
def test_a_version_says_from_the_start_who_changed_it(client: Any) -> None:
    answer = describe(client, create(client, version()))
    assert answer["LastModifiedTime"] == answer["CreationTime"]
    assert answer["LastModifiedBy"] == answer["CreatedBy"]


def test_times_are_numbers_of_seconds(client: Any, server: SageMakerServer) -> None:
    create(client, unversioned())
    _, answer = signed(server, "DescribeModelPackage", '{"ModelPackageName": "package"}')
    assert answer["CreationTime"] == NOW


@pytest.mark.usefixtures("group")
@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"ModelPackageDescription": "dé sc"}, id="description"),
        pytest.param({"Domain": "COMPUTER_VISION", "Task": "OTHER"}, id="domain and task"),
        pytest.param({"SamplePayloadUrl": "s3://b/sample"}, id="sample payload"),
        pytest.param({"MetadataProperties": {"CommitId": "1"}}, id="metadata"),
        pytest.param({"DriftCheckBaselines": {"Bias": {}}}, id="drift baselines"),
        pytest.param({"SecurityConfig": {"KmsKeyId": "key"}}, id="security"),
        pytest.param({"ModelLifeCycle": {"Stage": "a", "StageStatus": "b"}}, id="life cycle"),
        pytest.param({"ModelPackageRegistrationType": "Logged"}, id="registration type"),
        pytest.param({"ManagedStorageType": "Restricted"}, id="managed storage"),
        pytest.param({"SkipModelValidation": "None"}, id="validation not skipped"),
        pytest.param({"CustomerMetadataProperties": {"a/b": "ü 1"}}, id="customer metadata"),
        pytest.param({"ModelCard": {"ModelCardStatus": "Draft", "ModelCardContent": "{}"}}, id="card"),
    ],
)
def test_what_was_given_comes_back(client: Any, given: Json) -> None:
    answer = describe(client, create(client, version(**given)))
    assert {name: answer[name] for name in given} == given


def test_tags_and_token_are_no_part_of_describe(client: Any) -> None:
    answer = describe(client, create(client, unversioned(Tags=TAGS, ClientToken="token")))
    assert not {"Tags", "ClientToken"} & set(answer)


@pytest.mark.usefixtures("group")
def test_metadata_only_strips_the_content_of_the_card(client: Any) -> None:
    card = {"ModelCardStatus": "Draft", "ModelCardContent": "{}"}
    arn = create(client, version(ModelCard=card))
    assert describe(client, arn, IncludedData="AllData")["ModelCard"] == card
    assert describe(client, arn, IncludedData="MetadataOnly")["ModelCard"] == {"ModelCardStatus": "Draft"}


@pytest.mark.usefixtures("group")
def test_the_content_of_a_card_may_need_a_key(client: Any, server: SageMakerServer) -> None:
    server.behaviour.kms_decrypt_denied = True
    arn = create(
        client, version(ModelCard={"ModelCardContent": "{}"}, SecurityConfig={"KmsKeyId": "the-key"})
    )
    code, message = refusal(lambda: describe(client, arn))
    assert code == "AccessDeniedException"
    assert message.endswith("is not authorized to perform: kms:Decrypt on resource: the-key")
    assert describe(client, arn, IncludedData="MetadataOnly")["ModelPackageArn"] == arn


# --- updates ---


@pytest.mark.usefixtures("group")
def test_metadata_merges_and_keys_go_only_when_named(client: Any) -> None:
    arn = create(client, version(CustomerMetadataProperties={"a": "1", "b": "1", "c": "1"}))
    update(
        client,
        arn,
        CustomerMetadataProperties={"b": "2", "d": "2"},
        CustomerMetadataPropertiesToRemove=["c", "unknown"],
    )
    metadata = describe(client, arn)["CustomerMetadataProperties"]
    assert metadata == {"a": "1", "b": "2", "d": "2"}
    update(client, arn, CustomerMetadataPropertiesToRemove=["a", "b", "d"])
    assert "CustomerMetadataProperties" not in describe(client, arn)


@pytest.mark.usefixtures("group")
def test_metadata_has_room_for_fifty_entries_in_all(client: Any) -> None:
    arn = create(client, version(CustomerMetadataProperties={f"k{i}": "1" for i in range(50)}))
    code, message = refusal(lambda: update(client, arn, CustomerMetadataProperties={"more": "1"}))
    assert (code, "at most 50" in message) == ("ValidationException", True)
    update(
        client,
        arn,
        CustomerMetadataProperties={"more": "1"},
        CustomerMetadataPropertiesToRemove=["k0"],
    )


@pytest.mark.usefixtures("group")
def test_additional_specifications_are_added_to_those_there(client: Any) -> None:
    arn = create(client, version(AdditionalInferenceSpecifications=[additional("a")]))
    update(client, arn, AdditionalInferenceSpecificationsToAdd=[additional("b")])
    found = describe(client, arn)["AdditionalInferenceSpecifications"]
    assert [one["Name"] for one in found] == ["a", "b"]
    assert all(one["Containers"][0]["ImageDigest"] for one in found)


@pytest.mark.usefixtures("group")
@pytest.mark.parametrize(
    ("added", "words"),
    [
        pytest.param(["n0"], "must be unique", id="a name the package has"),
        pytest.param(["x", "x"], "must be unique", id="a name twice"),
        pytest.param(["x", "y", "z"], "at most 15", id="sixteen in all"),
    ],
)
def test_additional_specifications_that_cannot_be_added(client: Any, added: list[str], words: str) -> None:
    present = [additional(f"n{i}") for i in range(13)]
    arn = create(client, version(AdditionalInferenceSpecifications=present))
    more = [additional(name) for name in added]
    code, message = refusal(lambda: update(client, arn, AdditionalInferenceSpecificationsToAdd=more))
    assert (code, words in message) == ("ValidationException", True)
    assert len(describe(client, arn)["AdditionalInferenceSpecifications"]) == 13


@pytest.mark.usefixtures("group")
def test_specification_and_source_can_be_set_when_absent(client: Any) -> None:
    arn = create(client, version())
    update(client, arn, InferenceSpecification=specification(Environment={"A": "1"}))
    update(client, arn, SourceUri="s3://b/m")
    answer = describe(client, arn)
    assert answer["InferenceSpecification"]["Containers"][0]["Environment"] == {"A": "1"}
    assert answer["InferenceSpecification"]["Containers"][0]["ImageDigest"]
    assert answer["SourceUri"] == "s3://b/m"


@pytest.mark.usefixtures("group")
@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(
            {"InferenceSpecification": specification()},
            {"InferenceSpecification": specification(Environment={"A": "1"})},
            id="specification",
        ),
        pytest.param({"SourceUri": "s3://b/one"}, {"SourceUri": "s3://b/two"}, id="source"),
    ],
)
def test_whether_specification_and_source_can_be_replaced_is_a_choice(
    client: Any, server: SageMakerServer, first: Json, second: Json
) -> None:
    arn = create(client, version(**first))
    (name,) = second
    before = describe(client, arn)
    assert refusal(lambda: update(client, arn, **second)) == (
        "ValidationException",
        f"{name} is already set and cannot be updated.",
    )
    assert describe(client, arn) == before
    server.behaviour.inference_specification_replaceable = True
    update(client, arn, **second)
    assert describe(client, arn)[name] != before[name]


@pytest.mark.usefixtures("group")
@pytest.mark.parametrize(
    ("members", "message"),
    [
        pytest.param(
            {"SourceUri": "s3://b/m", "InferenceSpecification": specification()},
            TOGETHER,
            id="source and specification in one call",
        ),
        pytest.param(
            {"InferenceSpecification": specification(AdditionalS3DataSource=ADDITIONAL_S3)},
            "AdditionalS3DataSource is not allowed in InferenceSpecification",
            id="an additional S3 source",
        ),
        pytest.param(
            {"ModelCard": {"ModelCardStatus": "Approved", "ModelCardContent": "{}"}},
            "ModelCardStatus and ModelCardContent cannot be updated together.",
            id="card status and content in one call",
        ),
        pytest.param(
            {"ApprovalDescription": "why"},
            "ApprovalDescription requires ModelApprovalStatus.",
            id="an approval description without the status",
        ),
    ],
)
def test_an_update_that_cannot_be_is_refused_and_changes_nothing(
    client: Any, members: Json, message: str
) -> None:
    arn = create(client, version(ModelCard={"ModelCardStatus": "Draft"}))
    before = describe(client, arn)
    assert refusal(lambda: update(client, arn, **members)) == ("ValidationException", message)
    assert describe(client, arn) == before


@pytest.mark.usefixtures("group")
def test_status_and_content_of_a_card_change_one_after_the_other(client: Any) -> None:
    arn = create(client, version(ModelCard={"ModelCardStatus": "Draft", "ModelCardContent": "{}"}))
    update(client, arn, ModelCard={"ModelCardContent": '{"a": 1}'})
    update(client, arn, ModelCard={"ModelCardStatus": "Archived"})
    assert describe(client, arn)["ModelCard"] == {
        "ModelCardStatus": "Archived",
        "ModelCardContent": '{"a": 1}',
    }
    assert refusal(lambda: update(client, arn, ModelCard={"ModelCardContent": "{}"})) == (
        "ValidationException",
        "Model Card is in Archived state",
    )
    update(client, arn, ModelCard={"ModelCardStatus": "Draft"})


@pytest.mark.usefixtures("group")
def test_approval_life_cycle_and_registration_type_change_in_place(client: Any) -> None:
    arn = create(client, version())
    life = {"Stage": "Production", "StageStatus": "Live", "StageDescription": ""}
    members = {
        "ModelApprovalStatus": "Approved",
        "ApprovalDescription": "",
        "ModelLifeCycle": life,
        "ModelPackageRegistrationType": "Registered",
    }
    update(client, arn, **members)
    answer = describe(client, arn)
    assert {name: answer[name] for name in members} == members


def test_whether_an_unversioned_package_can_be_updated_is_a_choice(
    client: Any, server: SageMakerServer
) -> None:
    arn = create(client, unversioned())
    update(client, arn, CustomerMetadataProperties={"a": "1"})
    server.behaviour.unversioned_updatable = False
    code, _ = refusal(lambda: update(client, arn, CustomerMetadataProperties={"a": "2"}))
    assert code == "ValidationException"
    assert describe(client, arn)["CustomerMetadataProperties"] == {"a": "1"}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        pytest.param(
            {"InferenceSpecification": specification(Environment={"A": "1"})},
            NO_ENVIRONMENT,
            id="a container environment",
        ),
        pytest.param({"SourceUri": "s3://b/m"}, NO_SOURCE, id="a source"),
        pytest.param(
            {"AdditionalInferenceSpecificationsToAdd": [additional("a", ModelDataSource=S3_SOURCE)]},
            NO_DATA_SOURCE,
            id="a model data source",
        ),
    ],
)
def test_an_unversioned_package_gets_nothing_that_only_a_version_has_by_update_either(
    client: Any, server: SageMakerServer, members: Json, message: str
) -> None:
    server.behaviour.inference_specification_replaceable = True
    server.behaviour.describes_until_completed = 0
    arn = create(client, unversioned())
    before = describe(client, arn)
    assert refusal(lambda: update(client, arn, **members)) == ("ValidationException", message)
    assert describe(client, arn) == before


@pytest.mark.usefixtures("group")
def test_an_update_that_is_sent_again_with_its_token_has_no_second_effect(client: Any) -> None:
    arn = create(client, version())
    first = {"ModelApprovalStatus": "Approved", "ClientToken": "token"}
    update(client, arn, **first)
    update(client, arn, ModelApprovalStatus="Rejected")
    update(client, arn, **first)
    assert describe(client, arn)["ModelApprovalStatus"] == "Rejected"


# --- tokens ---


@pytest.mark.usefixtures("group")
def test_a_create_that_is_sent_again_with_its_token_makes_one_package(
    client: Any, server: SageMakerServer
) -> None:
    first, again = (create(client, version(ClientToken="token")) for _ in range(2))
    assert first == again
    assert len(server.packages) == 1
    assert create(client, version(ClientToken="other")) != first


def test_a_named_create_that_is_sent_again_with_its_token_is_no_conflict(client: Any) -> None:
    first, again = (create(client, unversioned(ClientToken="token")) for _ in range(2))
    assert first == again


@pytest.mark.usefixtures("group")
def test_a_token_brings_back_the_arn_of_a_deleted_package(client: Any, server: SageMakerServer) -> None:
    arn = create(client, version(ClientToken="token"))
    client.delete_model_package(ModelPackageName=arn)
    assert create(client, version(ClientToken="token")) == arn
    assert server.packages == []


@pytest.mark.usefixtures("group")
def test_a_token_belongs_to_a_region(client: Any, client_for: Callable[..., Any]) -> None:
    create(client, unversioned(ClientToken="token"))
    other = client_for(region_name="eu-west-1")
    assert ":eu-west-1:" in create(other, unversioned(ClientToken="token"))


def test_a_failed_create_does_not_use_up_its_token(client: Any) -> None:
    refusal(lambda: create(client, version(ClientToken="token")))
    client.create_model_package_group(ModelPackageGroupName="group")
    assert create(client, version(ClientToken="token")).endswith("group/1")


def test_clients_at_the_same_time_get_versions_of_their_own(
    client: Any, client_for: Callable[..., Any], group: str
) -> None:
    clients = [client, client_for()]
    with ThreadPoolExecutor(4) as pool:
        arns = list(pool.map(lambda number: create(clients[number % 2], version()), range(20)))
    versions = sorted(int(arn.rsplit("/", 1)[1]) for arn in arns)
    assert versions == list(range(1, 21))
    assert group in arns[0]


def test_no_two_operations_run_at_once(server: SageMakerServer, monkeypatch: pytest.MonkeyPatch) -> None:
    scope = moto_parts.scope_of("key", REGION)
    groups = moto_parts.groups
    groups(scope)["group"] = object()
    entered: list[bool] = []

    def try_to_enter() -> bool:
        got_in = server.service.lock.acquire(blocking=False)
        if got_in:
            server.service.lock.release()
        return got_in

    def watched_groups(scope: Scope) -> Json:
        # In the middle of a create: could another thread come in now?
        with ThreadPoolExecutor(1) as other:
            entered.append(other.submit(try_to_enter).result())
        return groups(scope)

    monkeypatch.setattr(moto_parts, "groups", watched_groups)
    server.service.call("CreateModelPackage", scope, version())
    assert entered == [False]


def test_clients_at_the_same_time_with_one_token_get_one_package(
    client: Any, client_for: Callable[..., Any], group: str
) -> None:
    clients = [client, client_for()]
    with ThreadPoolExecutor(4) as pool:
        arns = pool.map(lambda number: create(clients[number % 2], version(ClientToken="t")), range(12))
        assert set(arns) == {f"{PREFIX}model-package/{group}/1"}


# --- tags ---


def test_tags_of_an_unversioned_package_are_added_overwritten_and_dropped_by_key(client: Any) -> None:
    arn = create(client, unversioned(Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "1"}]))
    answer = client.add_tags(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "c", "Value": ""}])
    tags = {tag["Key"]: tag["Value"] for tag in client.list_tags(ResourceArn=arn)["Tags"]}
    assert tags == {"a": "1", "b": "2", "c": ""}
    assert answer["Tags"] == client.list_tags(ResourceArn=arn)["Tags"]
    client.delete_tags(ResourceArn=arn, TagKeys=["a", "c", "unknown"])
    assert client.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_tags_come_in_pages(client: Any, server: SageMakerServer) -> None:
    server.behaviour.tags_page = 2
    tags = [{"Key": f"k{i}", "Value": "1"} for i in range(5)]
    arn = create(client, unversioned(Tags=tags))
    pages = [page["Tags"] for page in client.get_paginator("list_tags").paginate(ResourceArn=arn)]
    assert pages == [tags[:2], tags[2:4], tags[4:]]
    code, _ = refusal(lambda: client.list_tags(ResourceArn=arn, NextToken="x"))
    assert code == "ValidationException"


def test_a_package_has_room_for_fifty_tags(client: Any) -> None:
    arn = create(client, unversioned(Tags=[{"Key": f"k{i}", "Value": "1"} for i in range(50)]))
    client.add_tags(ResourceArn=arn, Tags=[{"Key": "k0", "Value": "2"}])
    code, _ = refusal(lambda: client.add_tags(ResourceArn=arn, Tags=TAGS))
    assert code == "ResourceLimitExceeded"
    client.delete_tags(ResourceArn=arn, TagKeys=["k0"])
    client.add_tags(ResourceArn=arn, Tags=TAGS)


def test_tags_of_aws_cannot_be_added(client: Any) -> None:
    arn = create(client, unversioned())
    code, _ = refusal(lambda: client.add_tags(ResourceArn=arn, Tags=[{"Key": "aws:a", "Value": "1"}]))
    assert code == "ValidationException"


@pytest.mark.usefixtures("group")
def test_tags_cannot_be_added_to_a_version(client: Any) -> None:
    arn = create(client, version())
    assert refusal(lambda: client.add_tags(ResourceArn=arn, Tags=TAGS)) == ("ValidationException", NO_TAGS)
    assert client.list_tags(ResourceArn=arn)["Tags"] == []


# --- lists ---


@pytest.fixture
def some(client: Any) -> Any:
    """Two unversioned packages and three versions in two groups, one second apart."""
    requests = [
        unversioned("zebra"),
        {"ModelPackageGroupName": "one"},
        unversioned("ant"),
        {"ModelPackageGroupName": "two", "ModelApprovalStatus": "Approved"},
        {"ModelPackageGroupName": "one"},
    ]
    for name in ("one", "two"):
        client.create_model_package_group(ModelPackageGroupName=name)
    for request in requests:
        create(client, request)
        CLOCK.now += 1
    return client


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        pytest.param({}, ["zebra", "ant"], id="only unversioned by default"),
        pytest.param({"ModelPackageType": "Unversioned"}, ["zebra", "ant"], id="unversioned"),
        pytest.param({"ModelPackageType": "Versioned"}, ["one/1", "two/1", "one/2"], id="versions"),
        pytest.param(
            {"ModelPackageType": "Both"}, ["zebra", "one/1", "ant", "two/1", "one/2"], id="both kinds"
        ),
        pytest.param({"ModelPackageGroupName": "one"}, ["one/1", "one/2"], id="a group"),
        pytest.param(
            {"ModelPackageGroupName": PREFIX + "model-package-group/two"}, ["two/1"], id="a group's ARN"
        ),
        pytest.param(
            {"ModelPackageType": "Both", "NameContains": "e"},
            ["zebra", "one/1", "one/2"],
            id="a part of the name",
        ),
        pytest.param(
            {"ModelPackageType": "Both", "ModelApprovalStatus": "Approved"}, ["two/1"], id="approved ones"
        ),
        pytest.param(
            {"ModelPackageType": "Both", "CreationTimeAfter": NOW + 1, "CreationTimeBefore": NOW + 4},
            ["ant", "two/1"],
            id="a time",
        ),
        pytest.param({"SortOrder": "Descending"}, ["ant", "zebra"], id="latest first"),
        pytest.param({"SortBy": "Name"}, ["ant", "zebra"], id="by name"),
        pytest.param(
            {"ModelPackageType": "Both", "SortBy": "Name", "SortOrder": "Descending"},
            ["zebra", "two/1", "one/2", "one/1", "ant"],
            id="by name, backwards",
        ),
    ],
)
def test_a_list_has_what_was_asked_for(some: Any, question: Json, expected: list[str]) -> None:
    assert names(some.list_model_packages(**question)) == expected
    # The same in pages of one, so that no page skips or repeats anything.
    pages = some.get_paginator("list_model_packages").paginate(MaxResults=1, **question)
    assert [name for page in pages for name in names(page)] == expected


def test_a_list_names_what_the_api_lets_it_name(client: Any, group: str) -> None:
    life = {"Stage": "a", "StageStatus": "b"}
    create(client, version(ModelPackageDescription="d", ModelLifeCycle=life, Domain="x"))
    create(client, unversioned())
    first, second = client.list_model_packages(ModelPackageType="Both")["ModelPackageSummaryList"]
    assert first.pop("CreationTime").timestamp() == second.pop("CreationTime").timestamp() == NOW
    assert first == {
        "ModelPackageGroupName": group,
        "ModelPackageVersion": 1,
        "ModelPackageArn": PREFIX + "model-package/group/1",
        "ModelPackageDescription": "d",
        "ModelPackageStatus": "Completed",
        "ModelApprovalStatus": "PendingManualApproval",
        "ModelLifeCycle": life,
    }
    assert second == {
        "ModelPackageName": "package",
        "ModelPackageArn": PREFIX + "model-package/package",
        "ModelPackageStatus": "Pending",
    }


def test_a_page_has_ten_packages_unless_told_otherwise(client: Any) -> None:
    for number in range(11):
        create(client, unversioned(f"p{number}"))
    answer = client.list_model_packages()
    assert len(names(answer)) == 10
    rest = client.list_model_packages(NextToken=answer["NextToken"])
    assert (names(rest), "NextToken" in rest) == (["p10"], False)


def test_a_list_that_fits_has_no_token(client: Any) -> None:
    create(client, unversioned())
    assert "NextToken" not in client.list_model_packages(MaxResults=1)


def test_deleting_between_pages_loses_nothing(client: Any, server: SageMakerServer) -> None:
    server.behaviour.delete_describes = 0
    for number in range(4):
        create(client, unversioned(f"p{number}"))
    first = client.list_model_packages(MaxResults=2)
    client.delete_model_package(ModelPackageName="p1")
    assert names(client.list_model_packages(NextToken=first["NextToken"])) == ["p2", "p3"]


def test_a_token_is_for_its_own_question(client: Any) -> None:
    for name in ("a", "b"):
        create(client, unversioned(name))
    token = client.list_model_packages(MaxResults=1)["NextToken"]
    for question in ({"NextToken": "invented"}, {"NextToken": token, "ModelPackageType": "Both"}):
        assert refusal(partial(client.list_model_packages, **question)) == (
            "ValidationException",
            "Invalid NextToken",
        )


def test_the_list_of_a_group_that_does_not_exist_is_refused(client: Any) -> None:
    assert refusal(lambda: client.list_model_packages(ModelPackageGroupName="nobody")) == (
        "ValidationException",
        f"ModelPackageGroup {PREFIX}model-package-group/nobody does not exist.",
    )


# --- faults, control requests, the server itself ---


def test_a_fault_hits_the_calls_it_is_meant_for(client: Any, server: SageMakerServer) -> None:
    server.behaviour.faults = [
        Fault("ThrottlingException", "Rate exceeded", operation="DescribeModelPackage", times=2, after=1)
    ]
    arn = create(client, unversioned())
    assert describe(client, arn)["ModelPackageArn"] == arn
    for _ in range(2):
        assert refusal(lambda: describe(client, arn)) == ("ThrottlingException", "Rate exceeded")
    assert describe(client, arn)["ModelPackageArn"] == arn


def test_a_fault_may_be_a_server_error_of_every_operation(client: Any, server: SageMakerServer) -> None:
    server.behaviour.faults = [Fault("InternalFailure", http_status=500, times=None)]
    with pytest.raises(ClientError) as caught:
        client.list_model_package_groups()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert refusal(client.list_model_packages)[0] == "InternalFailure"


@pytest.mark.usefixtures("group")
def test_a_call_is_listed_with_its_session_and_the_package_it_is_about(
    client_for: Callable[..., Any], server: SageMakerServer
) -> None:
    credentials = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    client = client_for(**dict.fromkeys(credentials, "of-this-test"))
    arn = create(client, version())
    describe(client, arn)
    client.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    client.list_tags(ResourceArn=arn)
    client.list_model_packages()
    client.delete_model_package(ModelPackageName=arn)
    calls = [call for call in server.calls if call["session"]]
    assert {call["session"] for call in calls} == {session("of-this-test")}
    assert "of-this-test" not in str(server.calls)
    assert [(call["operation"], call["package"]) for call in calls] == [
        ("CreateModelPackage", arn),
        ("DescribeModelPackage", arn),
        ("UpdateModelPackage", arn),
        ("ListTags", arn),
        ("ListModelPackages", None),
        ("DeleteModelPackage", arn),
    ]


def test_groups_are_listed_whoever_owns_them(client_for: Callable[..., Any], server: SageMakerServer) -> None:
    server.reset()
    for region in ("us-east-1", "eu-west-1"):
        client_for(region_name=region).create_model_package_group(ModelPackageGroupName=f"in-{region}")
    assert server.groups == [
        f"arn:aws:sagemaker:{region}:123456789012:model-package-group/in-{region}"
        for region in ("us-east-1", "eu-west-1")
    ]


@pytest.mark.usefixtures("group")
def test_an_answer_may_be_lost_after_the_deed(client: Any, server: SageMakerServer) -> None:
    server.behaviour.faults = [Fault("ServiceUnavailable", operation="CreateModelPackage", happens=True)]
    code, _ = refusal(lambda: create(client, version(ClientToken="token")))
    assert (code, len(server.packages)) == ("ServiceUnavailable", 1)
    assert create(client, version(ClientToken="token")) == server.packages[0]["ModelPackageArn"]


def test_calls_are_listed_with_what_came_of_them(client: Any, server: SageMakerServer) -> None:
    place = {"region": REGION, "account": ACCOUNT}
    refusal(lambda: describe(client, "missing"))
    client.create_model_package_group(ModelPackageGroupName="group")
    refusal(lambda: client.describe_model_package_group(ModelPackageGroupName="missing"))
    expected = [
        ("DescribeModelPackage", {"ModelPackageName": "missing"}, "ValidationException"),
        ("CreateModelPackageGroup", {"ModelPackageGroupName": "group"}, None),
        ("DescribeModelPackageGroup", {"ModelPackageGroupName": "missing"}, "ValidationException"),
    ]
    calls: list[Json] = [
        {"operation": operation, "input": given, "error": error, "answered": True, **place}
        for operation, given, error in expected
    ]
    assert control(server, "GET", "calls") == (200, server.calls)
    told = server.calls
    for each in told:
        assert each.pop("durationMs") > 0
        assert abs(each.pop("received") - time.time()) < 60
        # Signed with long-lived credentials, which have no session, and about no package that has an ARN.
        assert (each.pop("session"), each.pop("package")) == (None, None)
    assert told == calls
    assert control(server, "DELETE", "calls") == (200, {})
    assert server.calls == []


@pytest.mark.usefixtures("group")
def test_a_listed_call_shows_what_was_sent_and_not_what_became_of_it(
    client: Any, server: SageMakerServer
) -> None:
    request = version(InferenceSpecification=specification(), ClientToken="token")
    create(client, request)
    assert server.calls[-1]["input"] == request


def test_behaviour_is_set_over_http(server: SageMakerServer) -> None:
    assert control(server, "GET", "behaviour") == (200, Behaviour().as_json())
    status, answer = control(server, "PUT", "behaviour", {"delete_describes": 3})
    assert (status, answer["delete_describes"]) == (200, 3)
    control(server, "PATCH", "behaviour", {"faults": [{"code": "ThrottlingException"}]})
    assert server.behaviour == Behaviour(delete_describes=3, faults=[Fault("ThrottlingException")])
    control(server, "PUT", "behaviour", {})
    assert server.behaviour == Behaviour()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param({"delete_describe": 3}, "unknown behaviour: delete_describe", id="an unknown field"),
        pytest.param({"faults": [{"cod": "x"}]}, "not a fault", id="an unknown field of a fault"),
        pytest.param([], "a JSON object is expected", id="no object"),
    ],
)
def test_behaviour_that_is_not_known_is_refused(server: SageMakerServer, body: Any, words: str) -> None:
    status, answer = control(server, "PUT", "behaviour", body)
    assert (status, words in answer["message"]) == (400, True)
    assert server.behaviour == Behaviour()


def test_packages_are_shown_as_they_are_held(client: Any, server: SageMakerServer) -> None:
    arn = create(client, unversioned(Tags=TAGS))
    _, packages = control(server, "GET", "packages")
    assert packages == server.packages
    assert [(one["ModelPackageArn"], one["Tags"]) for one in packages] == [(arn, TAGS)]
    assert statuses(client, arn, 1) == ["Pending"]  # looking did not count


def test_a_reset_forgets_everything_twice(client: Any, server: SageMakerServer) -> None:
    for _ in range(2):
        client.create_model_package_group(ModelPackageGroupName="group")
        server.behaviour.resource_limit = 9
        assert create(client, version()) == PREFIX + "model-package/group/1"
        assert control(server, "POST", "reset") == (200, {})
        assert (server.packages, server.calls, server.behaviour) == ([], [], Behaviour())
        assert client.list_model_package_groups()["ModelPackageGroupSummaryList"] == []


def test_a_control_request_nobody_knows_is_not_found(server: SageMakerServer) -> None:
    status, answer = control(server, "GET", "nothing")
    assert (status, answer["message"]) == (404, "no such control request: GET /sandbox/nothing")


def test_a_request_without_a_signature_is_refused(server: SageMakerServer) -> None:
    headers = {"X-Amz-Target": "SageMaker.ListModelPackages"}
    status, answer = http("POST", f"{server.endpoint}/", "{}", headers)
    assert (status, answer["__type"]) == (403, "MissingAuthenticationTokenException")


def test_ten_thousand_packages_are_listed_in_pages(client: Any, server: SageMakerServer) -> None:
    # Made without HTTP: only the listing is of interest here.
    scope = moto_parts.scope_of("key", REGION)
    moto_parts.groups(scope)["group"] = object()
    for _ in range(10_000):
        server.service.call("CreateModelPackage", scope, version())
    pages = client.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName="group", MaxResults=100
    )
    arns = [summary["ModelPackageArn"] for page in pages for summary in page["ModelPackageSummaryList"]]
    assert len(set(arns)) == len(arns) == 10_000


def test_a_server_starts_and_stops(capfd: pytest.CaptureFixture[str]) -> None:
    with SageMakerServer() as server:
        assert server.endpoint.startswith("http://127.0.0.1:")
        assert control(server, "GET", "packages") == (200, [])
        endpoint = server.endpoint
    server.stop()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.endpoint
    with pytest.raises(urllib.error.URLError):
        http("GET", f"{endpoint}/sandbox/packages", "")
    assert capfd.readouterr() == ("", "")
