"""The table of API errors, what is said about them, and what is not shown."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import exceptions as sdk
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from botocore.retries.standard import ThrottledRetryableChecker
from cloudformation_cli_python_lib.interface import HandlerErrorCode

from aws_sagemaker_modelpackage import errors

from .events import GONE, VERSION

CREATE, DESCRIBE, UPDATE = "CreateModelPackage", "DescribeModelPackage", "UpdateModelPackage"


def client_error(code: str, message: str = "", operation: str = DESCRIBE, status: int = 400) -> ClientError:
    """An error answer as botocore raises it."""
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, operation)


# --- codes ------------------------------------------------------------------------------------------

ANSWERS = [
    pytest.param(
        "ValidationException", GONE.format(VERSION), DESCRIBE, "NotFound", id="a package is missing"
    ),
    pytest.param("ValidationException", GONE.format(VERSION), UPDATE, "NotFound", id="missing on update"),
    pytest.param(
        "ValidationException", GONE.format(VERSION), "DeleteModelPackage", "NotFound", id="missing on delete"
    ),
    pytest.param("ResourceNotFound", "", DESCRIBE, "NotFound", id="missing, by the code"),
    pytest.param(
        "ResourceNotFoundException", "", "ListTags", "NotFound", id="missing, by the tag API's code"
    ),
    pytest.param(
        "ValidationException", "Could not find model package 'x'", DESCRIBE, "NotFound", id="could not find"
    ),
    pytest.param(
        "ValidationException", "Cannot find model package x.", DESCRIBE, "NotFound", id="cannot find"
    ),
    pytest.param(
        "ValidationException",
        "1 validation error detected: Value 'x' at 'modelPackageName': ModelPackage x does not exist",
        DESCRIBE,
        "InvalidRequest",
        id="a bad value is no absence",
    ),
    pytest.param(
        "ValidationException",
        "ModelPackageGroup arn:aws:sagemaker:eu-west-1:1:model-package-group/churn does not exist.",
        DESCRIBE,
        "InvalidRequest",
        id="a missing group is no missing package",
    ),
    pytest.param(
        "ValidationException",
        "Could not find model package group churn",
        DESCRIBE,
        "InvalidRequest",
        id="nor in these words",
    ),
    pytest.param(
        "ValidationException",
        "Model package group churn does not exist.",
        UPDATE,
        "InvalidRequest",
        id="nor in these",
    ),
    pytest.param(
        "ValidationException", GONE.format("x"), CREATE, "InvalidRequest", id="create misses no package"
    ),
    pytest.param("ResourceNotFound", "s3", CREATE, "InvalidRequest", id="create misses something else"),
    pytest.param(
        "ResourceNotFound", "group", "ListModelPackages", "InvalidRequest", id="a list misses its group"
    ),
    pytest.param(
        "ValidationException",
        "ModelPackage already exists",
        CREATE,
        "AlreadyExists",
        id="a taken name, one word",
    ),
    pytest.param(
        "ValidationException",
        "Model Package already exists",
        CREATE,
        "AlreadyExists",
        id="a taken name, two words",
    ),
    pytest.param("ResourceInUse", "", CREATE, "AlreadyExists", id="a taken name by the code"),
    pytest.param(
        "ValidationException",
        "Model Package Group already exists",
        CREATE,
        "InvalidRequest",
        id="a group is not the name",
    ),
    pytest.param("ResourceInUse", "", UPDATE, "ResourceConflict", id="in use on update"),
    pytest.param("ResourceLimitExceeded", "", CREATE, "ServiceLimitExceeded", id="a quota"),
    pytest.param("ServiceQuotaExceededException", "", CREATE, "ServiceLimitExceeded", id="a quota, newer"),
    pytest.param("ConflictException", "", UPDATE, "ResourceConflict", id="a conflict"),
    pytest.param("ThrottlingException", "Rate exceeded", DESCRIBE, "Throttling", id="throttled"),
    pytest.param("AccessDeniedException", "", CREATE, "AccessDenied", id="no permission"),
    pytest.param("OptInRequired", "", CREATE, "AccessDenied", id="not subscribed"),
    pytest.param("ExpiredTokenException", "", DESCRIBE, "InvalidCredentials", id="expired credentials"),
    pytest.param("UnrecognizedClientException", "", DESCRIBE, "InvalidCredentials", id="unknown credentials"),
    pytest.param("InvalidSignatureException", "", DESCRIBE, "InvalidCredentials", id="a wrong signature"),
    pytest.param("RequestTimeout", "", DESCRIBE, "NetworkFailure", id="a request that took too long"),
    pytest.param("InternalFailure", "", DESCRIBE, "ServiceInternalError", id="an internal failure"),
    pytest.param("ServiceUnavailable", "", DESCRIBE, "ServiceInternalError", id="unavailable"),
    pytest.param("ValidationException", "Missing ARN", CREATE, "InvalidRequest", id="neither name nor group"),
    pytest.param(
        "ValidationException",
        "Both ModelPackageName and ModelPackageGroupName are provided in the input. Cannot determine which"
        " one to use.",
        CREATE,
        "InvalidRequest",
        id="both names",
    ),
    pytest.param(
        "ValidationException",
        "Tags are not supported in Model Package versions. Please add them to the Model Package Group.",
        CREATE,
        "InvalidRequest",
        id="tags with a group",
    ),
    pytest.param(
        "ValidationException",
        "1 validation errors detected:Environment variable map cannot be specified when using non-versioned"
        " ModelPackages",
        CREATE,
        "InvalidRequest",
        id="an environment on an unversioned package",
    ),
    pytest.param(
        "ValidationException",
        "AdditionalS3DataSource is not allowed in InferenceSpecification",
        CREATE,
        "InvalidRequest",
        id="a data source in the wrong place",
    ),
    pytest.param(
        "ValidationException",
        "ARN should be scoped to correct region: us-west-2",
        DESCRIBE,
        "InvalidRequest",
        id="another region",
    ),
    pytest.param(
        "ValidationException",
        "Model Card is in Archived state",
        UPDATE,
        "InvalidRequest",
        id="an archived card",
    ),
    pytest.param("SerializationException", "", CREATE, "InvalidRequest", id="a body the service cannot read"),
    pytest.param("Teapot", "", DESCRIBE, "GeneralServiceException", id="a code nobody has met"),
]


@pytest.mark.parametrize(("code", "message", "operation", "expected"), ANSWERS)
def test_what_an_error_answer_means(code: str, message: str, operation: str, expected: str) -> None:
    assert errors.code_of(client_error(code, message, operation)).name == expected


@pytest.mark.parametrize("code", sorted(vars(ThrottledRetryableChecker)["_THROTTLED_ERROR_CODES"]))
def test_what_botocore_takes_for_throttling_is_throttling(code: str) -> None:
    assert errors.code_of(client_error(code)) is HandlerErrorCode.Throttling


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("operation", [CREATE, DESCRIBE])
def test_a_server_error_with_an_unknown_code_is_tried_again(operation: str, status: int) -> None:
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
def test_what_botocore_raises_by_itself_means(error: Exception, expected: str) -> None:
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
def test_which_failures_may_pass(code: str, passing: bool) -> None:
    assert errors.is_passing(client_error(code)) is passing


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        pytest.param(client_error("ValidationException", "cannot", UPDATE), True, id="the service cannot"),
        pytest.param(client_error("ValidationError", "cannot", UPDATE), True, id="in another code"),
        pytest.param(
            client_error("ValidationException", "Value 'x' failed to satisfy constraint", UPDATE),
            False,
            id="a constraint",
        ),
        pytest.param(
            client_error("ValidationException", "1 validation error detected: x", UPDATE),
            False,
            id="a bad value",
        ),
        pytest.param(client_error("ValidationException", GONE.format("x"), UPDATE), False, id="an absence"),
        pytest.param(client_error("AccessDeniedException", "cannot", UPDATE), False, id="a permission"),
        pytest.param(client_error("SerializationException", "cannot", UPDATE), False, id="a bad body"),
        pytest.param(client_error("ThrottlingException", "cannot", UPDATE), False, id="throttling"),
        pytest.param(sdk.ParamValidationError(report="cannot"), False, id="what botocore refuses"),
    ],
)
def test_only_a_refusal_may_replace_a_package(error: Exception, refusal: bool) -> None:
    assert errors.is_refusal(error) is refusal


# --- words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(client_error("A", "b"), "b (A)", id="the service's words, then its code"),
        pytest.param(client_error("A"), "A", id="a code alone"),
        pytest.param(client_error("", "b"), "b", id="words alone"),
        pytest.param(client_error("", ""), "no reason given", id="nothing at all"),
        pytest.param(
            client_error("A", "Value 'x' at 'inferenceSpecification.containers.1.member.image' failed"),
            "Value 'x' at 'InferenceSpecification.Containers[0].Image' failed (A)",
            id="the path as a template has it",
        ),
        pytest.param(
            client_error(
                "A", "at 'additionalInferenceSpecifications.12.member.containers.2.member' and at 'tags'"
            ),
            "at 'AdditionalInferenceSpecifications[11].Containers[1]' and at 'Tags' (A)",
            id="several paths",
        ),
        pytest.param(
            client_error("A", "at 'customerMetadataProperties.who'"),
            "at 'CustomerMetadataProperties.who' (A)",
            id="the key of a map as the template spells it",
        ),
        pytest.param(
            sdk.ParamValidationError(report="one\n  two"),
            "Parameter validation failed: one two",
            id="botocore's lines become one",
        ),
        pytest.param(
            sdk.HTTPClientError(error=""), "An HTTP Client raised an unhandled exception:", id="botocore's"
        ),
        pytest.param(ResponseParserError(), "ResponseParserError", id="an exception that says nothing"),
    ],
)
def test_what_is_said(error: Exception, words: str) -> None:
    assert errors.message_of(error, str) == words


@pytest.mark.parametrize(("length", "expected"), [(1000, "x" * 1000), (1001, "x" * 997 + "..."), (0, "")])
def test_a_message_is_cut_to_what_is_shown(length: int, expected: str) -> None:
    assert errors.shorten("x" * length) == expected


def test_only_what_the_service_said_is_redacted() -> None:
    error = client_error("ResourceInUse", "the name is taken by nobody", errors.CREATE)
    words = errors.message_of(error, lambda said: said.replace("name", "***"))
    assert words.startswith("the name is taken. A replacement is made before")
    assert words.endswith("SageMaker says: the *** is taken by nobody (ResourceInUse)")


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
def test_a_status_without_a_code_says_something_too(status: int, code: str) -> None:
    response: Any = {
        "Error": {"Code": str(status), "Message": "<html>"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    assert errors.code_of(sdk.ClientError(response, DESCRIBE)).name == code
