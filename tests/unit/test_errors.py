"""The table of API errors, their messages, and what is not shown."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import exceptions as sdk
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from botocore.retries.standard import ThrottledRetryableChecker
from cloudformation_cli_python_lib.interface import HandlerErrorCode

from aws_sagemaker_modelpackage import errors
from aws_sagemaker_modelpackage.redaction import UNCHECKED

from .events import VERSION
from .tables import table

CREATE, DESCRIBE, UPDATE = "CreateModelPackage", "DescribeModelPackage", "UpdateModelPackage"
VALIDATION = "ValidationException"
ABSENT = f"ModelPackage {VERSION} does not exist."


def client_error(code: str, message: str = "", operation: str = DESCRIBE, status: int = 400) -> ClientError:
    """An error answer as botocore raises it."""
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, operation)


# --- codes ------------------------------------------------------------------------------------------

GROUP_ABSENT = "ModelPackageGroup arn:aws:sagemaker:eu-west-1:1:model-package-group/churn does not exist."
GROUP_NOT_FOUND = "Could not find model package group churn"
OTHER_GROUP_ABSENT = "Model package group churn does not exist."
BAD_NAME = "1 validation error detected: Value 'x' at 'modelPackageName': ModelPackage x does not exist"
BOTH_NAMES = (
    "Both ModelPackageName and ModelPackageGroupName are provided in the input. Cannot determine which one to"
    " use."
)
WITH_TAGS = "Tags are not supported in Model Package versions. Please add them to the Model Package Group."
WITH_ENVIRONMENT = (
    "1 validation errors detected:Environment variable map cannot be specified when using non-versioned"
    " ModelPackages"
)
WITH_S3 = "AdditionalS3DataSource is not allowed in InferenceSpecification"
OTHER_REGION = "ARN should be scoped to correct region: us-west-2"

# Code, message and operation of an answer, and what it means.
ANSWERS = {
    "a package is missing": (VALIDATION, ABSENT, DESCRIBE, "NotFound"),
    "missing on update": (VALIDATION, ABSENT, UPDATE, "NotFound"),
    "missing on delete": (VALIDATION, ABSENT, "DeleteModelPackage", "NotFound"),
    "missing, by the code": ("ResourceNotFound", "", DESCRIBE, "NotFound"),
    "missing, by the tag API's code": ("ResourceNotFoundException", "", "ListTags", "NotFound"),
    "could not find": (VALIDATION, "Could not find model package 'x'", DESCRIBE, "NotFound"),
    "cannot find": (VALIDATION, "Cannot find model package x.", DESCRIBE, "NotFound"),
    "a bad value is no absence": (VALIDATION, BAD_NAME, DESCRIBE, "InvalidRequest"),
    "a missing group is no missing package": (VALIDATION, GROUP_ABSENT, DESCRIBE, "InvalidRequest"),
    "nor a group that could not be found": (VALIDATION, GROUP_NOT_FOUND, DESCRIBE, "InvalidRequest"),
    "nor a model package group": (VALIDATION, OTHER_GROUP_ABSENT, UPDATE, "InvalidRequest"),
    "create misses no package": (VALIDATION, "ModelPackage x does not exist.", CREATE, "InvalidRequest"),
    "create misses something else": ("ResourceNotFound", "s3", CREATE, "InvalidRequest"),
    "a list misses its group": ("ResourceNotFound", "group", "ListModelPackages", "InvalidRequest"),
    "a taken name, one word": (VALIDATION, "ModelPackage already exists", CREATE, "AlreadyExists"),
    "a taken name, two words": (VALIDATION, "Model Package already exists", CREATE, "AlreadyExists"),
    "a taken name by the code": ("ResourceInUse", "", CREATE, "AlreadyExists"),
    "a group is not the name": (VALIDATION, "Model Package Group already exists", CREATE, "InvalidRequest"),
    "in use on update": ("ResourceInUse", "", UPDATE, "ResourceConflict"),
    "a quota": ("ResourceLimitExceeded", "", CREATE, "ServiceLimitExceeded"),
    "a quota, newer": ("ServiceQuotaExceededException", "", CREATE, "ServiceLimitExceeded"),
    "a conflict": ("ConflictException", "", UPDATE, "ResourceConflict"),
    "throttled": ("ThrottlingException", "Rate exceeded", DESCRIBE, "Throttling"),
    "no permission": ("AccessDeniedException", "", CREATE, "AccessDenied"),
    "not subscribed": ("OptInRequired", "", CREATE, "AccessDenied"),
    "expired credentials": ("ExpiredTokenException", "", DESCRIBE, "InvalidCredentials"),
    "unknown credentials": ("UnrecognizedClientException", "", DESCRIBE, "InvalidCredentials"),
    "a wrong signature": ("InvalidSignatureException", "", DESCRIBE, "InvalidCredentials"),
    "a request that took too long": ("RequestTimeout", "", DESCRIBE, "NetworkFailure"),
    "an internal failure": ("InternalFailure", "", DESCRIBE, "ServiceInternalError"),
    "unavailable": ("ServiceUnavailable", "", DESCRIBE, "ServiceInternalError"),
    "neither name nor group": (VALIDATION, "Missing ARN", CREATE, "InvalidRequest"),
    "both names": (VALIDATION, BOTH_NAMES, CREATE, "InvalidRequest"),
    "tags with a group": (VALIDATION, WITH_TAGS, CREATE, "InvalidRequest"),
    "an environment on an unversioned package": (VALIDATION, WITH_ENVIRONMENT, CREATE, "InvalidRequest"),
    "a data source in the wrong place": (VALIDATION, WITH_S3, CREATE, "InvalidRequest"),
    "another region": (VALIDATION, OTHER_REGION, DESCRIBE, "InvalidRequest"),
    "an archived card": (VALIDATION, "Model Card is in Archived state", UPDATE, "InvalidRequest"),
    "a body the service cannot read": ("SerializationException", "", CREATE, "InvalidRequest"),
    "an unknown code": ("Teapot", "", DESCRIBE, "GeneralServiceException"),
}


@pytest.mark.parametrize(("code", "message", "operation", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_code_of_an_error_answer(code: str, message: str, operation: str, expected: str) -> None:
    assert errors.code_of(client_error(code, message, operation)).name == expected


@pytest.mark.parametrize("code", sorted(vars(ThrottledRetryableChecker)["_THROTTLED_ERROR_CODES"]))
def test_code_of_botocores_throttling_errors(code: str) -> None:
    assert errors.code_of(client_error(code)) is HandlerErrorCode.Throttling


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("operation", [CREATE, DESCRIBE])
def test_code_of_a_server_error_with_an_unknown_code(operation: str, status: int) -> None:
    error = client_error("Teapot", "boiling", operation, status)
    assert errors.code_of(error) is HandlerErrorCode.ServiceInternalError


URL = {"endpoint_url": "https://api.sagemaker.eu-west-1.amazonaws.com"}
CLIENT_SIDE: list[tuple[Exception, str]] = [
    (errors.OutOfTime(), "NetworkFailure"),
    (errors.UnexpectedAnswer(operation=DESCRIBE), "ServiceInternalError"),
    (ResponseParserError("no XML"), "ServiceInternalError"),
    (sdk.ParamValidationError(report="Missing"), "InvalidRequest"),
    (sdk.NoCredentialsError(), "InvalidCredentials"),
    (sdk.PartialCredentialsError(provider="explicit", cred_var="key"), "InvalidCredentials"),
    (sdk.CredentialRetrievalError(provider="x", error_msg="y"), "InvalidCredentials"),
    (sdk.NoAuthTokenError(), "InvalidCredentials"),
    (sdk.NoRegionError(), "InvalidRequest"),
    (sdk.InvalidRegionError(region_name="!"), "InvalidRequest"),
    (sdk.UnknownRegionError(region_name="x", error_msg="y"), "InvalidRequest"),
    (sdk.EndpointConnectionError(**URL, error="refused"), "NetworkFailure"),
    (sdk.ConnectTimeoutError(**URL, error="slow"), "NetworkFailure"),
    (sdk.ReadTimeoutError(**URL, error="slow"), "NetworkFailure"),
    (sdk.ConnectionClosedError(**URL, error="closed"), "NetworkFailure"),
    (sdk.SSLError(**URL, error=Exception("bad certificate")), "NetworkFailure"),
    (sdk.ProxyConnectionError(proxy_url="http://proxy", error="refused"), "NetworkFailure"),
    (sdk.ResponseStreamingError(error="cut"), "NetworkFailure"),
    (sdk.IncompleteReadError(actual_bytes=1, expected_bytes=2), "NetworkFailure"),
    (sdk.UnknownServiceError(service_name="x", known_service_names="y"), "GeneralServiceException"),
]


@pytest.mark.parametrize(
    ("error", "expected"), CLIENT_SIDE, ids=[type(error).__name__ for error, _ in CLIENT_SIDE]
)
def test_code_of_what_botocore_raises_itself(error: Exception, expected: str) -> None:
    assert errors.code_of(error).name == expected
    assert isinstance(error, errors.API_ERRORS)


@pytest.mark.parametrize(
    ("code", "passing"),
    [
        ("ThrottlingException", True),
        ("InternalFailure", True),
        ("RequestTimeout", True),
        ("ExpiredToken", True),
        ("AccessDeniedException", False),
        ("ValidationException", False),
        ("ConflictException", True),
    ],
)
def test_is_passing(code: str, passing: bool) -> None:
    assert errors.is_passing(client_error(code)) is passing


# --- messages ---------------------------------------------------------------------------------------

IMAGE_PATH = "inferenceSpecification.containers.1.member.image"
TWO_PATHS = "at 'additionalInferenceSpecifications.12.member.containers.2.member' and at 'tags'"
MESSAGES: dict[str, tuple[Exception, str]] = {
    "the service's message, then its code": (client_error("A", "b"), "b (A)"),
    "a code alone": (client_error("A"), "A"),
    "a message alone": (client_error("", "b"), "b"),
    "nothing at all": (client_error("", ""), "no reason given"),
    "the path as a template has it": (
        client_error("A", f"Value 'x' at '{IMAGE_PATH}' failed"),
        "Value 'x' at 'InferenceSpecification.Containers[0].Image' failed (A)",
    ),
    "several paths": (
        client_error("A", TWO_PATHS),
        "at 'AdditionalInferenceSpecifications[11].Containers[1]' and at 'Tags' (A)",
    ),
    "the key of a map as the template spells it": (
        client_error("A", "at 'customerMetadataProperties.who'"),
        "at 'CustomerMetadataProperties.who' (A)",
    ),
    "botocore's lines become one": (
        sdk.ParamValidationError(report="one\n  two"),
        "Parameter validation failed: one two",
    ),
    "botocore's": (sdk.HTTPClientError(error=""), "An HTTP Client raised an unhandled exception:"),
    "an exception without a message": (ResponseParserError(), "ResponseParserError"),
}


@pytest.mark.parametrize(("error", "expected"), MESSAGES.values(), ids=MESSAGES)
def test_message_of_an_error(error: Exception, expected: str) -> None:
    assert errors.message_of(error, str) == expected


@pytest.mark.parametrize(("length", "expected"), [(1000, "x" * 1000), (1001, "x" * 997 + "..."), (0, "")])
def test_shorten(length: int, expected: str) -> None:
    assert errors.shorten("x" * length) == expected


@table(
    "code, expected",
    {
        "known": ("ValidationException", f"{UNCHECKED} (ValidationException)"),
        "unknown, so it may be anything": ("hunter22", UNCHECKED),
    },
)
def test_message_of_an_unchecked_message_is_its_code(code: str, expected: str) -> None:
    assert errors.message_of(client_error(code, "hunter22"), lambda _: UNCHECKED) == expected


def test_message_of_redacts_only_the_services_part() -> None:
    error = client_error("ResourceInUse", "the name is taken by x", errors.CREATE)
    message = errors.message_of(error, lambda text: text.replace("name", "***"))
    assert message.startswith("the name is taken. A replacement is made before")
    assert message.endswith("SageMaker says: the *** is taken by x (ResourceInUse)")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "GeneralServiceException"),
        (401, "AccessDenied"),
        (403, "AccessDenied"),
        (404, "GeneralServiceException"),
        (408, "NetworkFailure"),
        (429, "Throttling"),
        (500, "ServiceInternalError"),
        (503, "ServiceInternalError"),
    ],
)
def test_code_of_a_status_without_a_code(status: int, code: str) -> None:
    assert errors.code_of(client_error(str(status), "<html>", status=status)).name == code
