"""What the tests of the local SageMaker share: requests, and calls with what comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from botocore.exceptions import ClientError

from sandbox.sagemaker import SageMakerServer
from sandbox.shared.http_request import request
from sandbox.shared.settings import ACCOUNT

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import ListModelPackagesOutputTypeDef, TagTypeDef

Client: TypeAlias = "SageMakerClient"
Json = dict[str, Any]

REGION = "us-west-2"  # not that of the settings: the region is the one of the signature
PREFIX = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:"
PACKAGES = PREFIX + "model-package/"
MISSING = PACKAGES + "missing"
NOW = 1_700_000_000.0
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/xgboost:1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/validation"
TAGS: list[TagTypeDef] = [{"Key": "a", "Value": "1"}]
S3_SOURCE = {"S3DataSource": {"S3Uri": "s3://b/m", "S3DataType": "S3Prefix", "CompressionType": "None"}}
ADDITIONAL_S3 = {"S3DataType": "S3Object", "S3Uri": "s3://b/more"}

INVALID = "ValidationException: "
NO_TAGS = "Tags are not supported in Model Package versions. Please add them to the Model Package Group."
NO_ENVIRONMENT = (
    "1 validation errors detected:"
    "Environment variable map cannot be specified when using non-versioned ModelPackages"
)
NO_SOURCE = "SourceUri is not supported for non-versioned ModelPackages"
NO_DATA_SOURCE = "ModelDataSource is not supported for non-versioned ModelPackages"
TOGETHER = "SourceUri and InferenceSpecification cannot be specified together."
NO_ADDITIONAL_S3 = "AdditionalS3DataSource is not allowed in InferenceSpecification"


class Clock:
    """Time that passes only when a test says so."""

    now = NOW

    def __call__(self) -> float:
        return self.now


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
    profiles = [{"ProfileName": profile, "TransformJobDefinition": job}]
    return {"ValidationRole": ROLE, "ValidationProfiles": profiles}


def unversioned(name: str = "package", container: Json | None = None, **members: Any) -> Json:
    """The request for a package with a name, and with these members in its container."""
    return {"ModelPackageName": name, "InferenceSpecification": specification(**container or {})} | members


def version(container: Json | None = None, **members: Any) -> Json:
    """The request for a version in the group that every test has; with a container if there are members."""
    given = {} if container is None else {"InferenceSpecification": specification(**container)}
    return {"ModelPackageGroupName": "group"} | given | members


def create(client: Client, request: Json) -> str:
    return client.create_model_package(**request)["ModelPackageArn"]


def describe(client: Client, name: str, **members: Any) -> Json:
    answer = Json(client.describe_model_package(ModelPackageName=name, **members))
    del answer["ResponseMetadata"]
    return answer


def described(client: Client, container: Json | None = None, **members: Any) -> Json:
    """Create a version and describe it."""
    return describe(client, create(client, version(container, **members)))


def container_of(answer: Json) -> Json:
    """The only container of a described package."""
    return Json(answer["InferenceSpecification"]["Containers"][0])


def update(client: Client, arn: str, **members: Any) -> None:
    assert client.update_model_package(ModelPackageArn=arn, **members)["ModelPackageArn"] == arn


def delete(client: Client, name: str) -> None:
    client.delete_model_package(ModelPackageName=name)


def refusal(call: Callable[..., object], *arguments: Any, **members: Any) -> str:
    """Return code and message of the error that a call ends in."""
    with pytest.raises(ClientError) as caught:
        call(*arguments, **members)
    error = caught.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def absent(arn: str) -> str:
    """The error for a package that does not exist."""
    return f"{INVALID}ModelPackage {arn} does not exist."


def names(answer: ListModelPackagesOutputTypeDef) -> list[str]:
    return [each["ModelPackageArn"].removeprefix(PACKAGES) for each in answer["ModelPackageSummaryList"]]


def statuses(client: Client, name: str, count: int) -> list[str]:
    """The statuses in so many Describes."""
    return [describe(client, name)["ModelPackageStatus"] for _ in range(count)]


def signed(server: SageMakerServer, operation: str, body: str) -> tuple[int, Json]:
    """Send a body that botocore would not send, and return status and answer."""
    credential = f"Credential=key/20240101/{REGION}/sagemaker/aws4_request"
    headers = {
        "X-Amz-Target": f"SageMaker.{operation}",
        "Authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0",
    }
    return send(f"{server.endpoint}/", "POST", body.encode(), headers)


def control(server: SageMakerServer, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Send one of the sandbox's own requests."""
    return send(
        f"{server.endpoint}/sandbox/{path}", method, None if body is None else json.dumps(body).encode()
    )


def send(
    url: str, method: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    """Send a request and return status and content of the answer."""
    answer = request(url, method, body, headers)
    return answer.status, json.loads(answer.body)
