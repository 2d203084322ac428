"""What an API error means to CloudFormation, in one table.

The only file that knows SageMaker's and botocore's error codes and messages. Pure: nothing here
calls anything. To teach the handlers another error, add a rule; the first rule that fits wins, so
the most specific ones stand first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError
from cloudformation_cli_python_lib.interface import HandlerErrorCode

CREATE = "CreateModelPackage"
# CloudFormation shows at most this much of a message before it cuts it itself.
LONGEST_MESSAGE = 1000

# Everything a call to SageMaker can raise.
API_ERRORS = (sdk.ClientError, sdk.BotoCoreError, sdk.HTTPClientError, ResponseParserError)

# The codes that CloudFormation tries again by itself, plus credentials, which it renews for every
# invocation: while we poll, any of them may be gone at the next poll.
PASSING = frozenset(
    {
        HandlerErrorCode.Throttling,
        HandlerErrorCode.ServiceInternalError,
        HandlerErrorCode.NetworkFailure,
        HandlerErrorCode.InvalidCredentials,
        HandlerErrorCode.ResourceConflict,
    }
)

# What leaves open whether the service did its work.
_UNANSWERED = frozenset({HandlerErrorCode.NetworkFailure, HandlerErrorCode.ServiceInternalError})


class OutOfTime(sdk.BotoCoreError):
    """A call is not begun, or its answer not awaited, because the invocation has to answer first."""

    fmt = "SageMaker did not answer in the time this invocation has"


class UnexpectedAnswer(sdk.BotoCoreError):
    """The service's answer lacks what its API description promises (a body that was not its own)."""

    fmt = "the answer to {operation} holds nothing of what the API promises"


@dataclass(frozen=True)
class Rule:
    """One line of the table: an error that has one of these codes, says this, comes from this operation."""

    means: HandlerErrorCode
    codes: frozenset[str] = frozenset()
    says: re.Pattern[str] | None = None
    not_says: re.Pattern[str] | None = None
    operations: frozenset[str] = frozenset()
    other_than: frozenset[str] = frozenset()

    def fits(self, code: str, message: str, operation: str) -> bool:
        """Whether the error is the one this rule speaks of; an empty condition holds for all."""
        return (
            (not self.codes or code in self.codes)
            and (not self.says or self.says.search(message) is not None)
            and (not self.not_says or self.not_says.search(message) is None)
            and (not self.operations or operation in self.operations)
            and operation not in self.other_than
        )


def _any_case(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_VALIDATION = frozenset({"ValidationException", "ValidationError", "InvalidParameterValue"})
# A value that breaks a constraint; also what separates "cannot be done" from "is wrong".
_BAD_VALUE = _any_case(r"validation error|failed to satisfy constraint")
# The package, not its group, its image or an object in S3, which are worded alike.
_NO_PACKAGE = _any_case(
    r"\bmodel ?package\s+['\"]?(arn:[^\s'\"]+|[\w/-]+)['\"]?\s+does not exist"
    r"|(could not|cannot) find model package\b(?! group)"
)
_PACKAGE_TAKEN = _any_case(r"\bmodel ?package\b(?! ?group).*already exists")

# Where the words for an absent package are about something else: the group, the image, S3.
_ABOUT_OTHERS = frozenset({CREATE, "ListModelPackages"})

RULES: tuple[Rule, ...] = (
    Rule(
        HandlerErrorCode.NotFound,
        frozenset({"ResourceNotFound", "ResourceNotFoundException"}),
        other_than=_ABOUT_OTHERS,
    ),
    Rule(
        HandlerErrorCode.NotFound,
        _VALIDATION,
        says=_NO_PACKAGE,
        not_says=_BAD_VALUE,
        other_than=_ABOUT_OTHERS,
    ),
    Rule(HandlerErrorCode.AlreadyExists, _VALIDATION, says=_PACKAGE_TAKEN, operations=frozenset({CREATE})),
    Rule(HandlerErrorCode.AlreadyExists, frozenset({"ResourceInUse"}), operations=frozenset({CREATE})),
    Rule(
        HandlerErrorCode.ServiceLimitExceeded,
        frozenset({"ResourceLimitExceeded", "ServiceQuotaExceededException"}),
    ),
    Rule(
        HandlerErrorCode.ResourceConflict,
        frozenset({"ConflictException", "ResourceInUse", "ResourceInUseException"}),
    ),
    # The codes botocore itself takes for throttling (botocore.retries.standard).
    Rule(
        HandlerErrorCode.Throttling,
        frozenset(
            {
                "Throttling",
                "ThrottlingException",
                "ThrottledException",
                "RequestThrottledException",
                "RequestThrottled",
                "TooManyRequestsException",
                "ProvisionedThroughputExceededException",
                "TransactionInProgressException",
                "RequestLimitExceeded",
                "BandwidthLimitExceeded",
                "LimitExceededException",
                "SlowDown",
                "PriorRequestNotComplete",
                "EC2ThrottledException",
            }
        ),
    ),
    Rule(
        HandlerErrorCode.AccessDenied,
        frozenset(
            {
                "AccessDenied",
                "AccessDeniedException",
                "UnauthorizedOperation",
                "UnauthorizedException",
                "AuthorizationError",
                "NotAuthorized",
                "OptInRequired",
                "SubscriptionRequiredException",
            }
        ),
    ),
    Rule(
        HandlerErrorCode.InvalidCredentials,
        frozenset(
            {
                "ExpiredToken",
                "ExpiredTokenException",
                "RequestExpired",
                "UnrecognizedClientException",
                "InvalidClientTokenId",
                "InvalidAccessKeyId",
                "InvalidSignatureException",
                "SignatureDoesNotMatch",
                "IncompleteSignature",
                "IncompleteSignatureException",
                "MissingAuthenticationToken",
                "MissingAuthenticationTokenException",
                "AuthFailure",
                "TokenRefreshRequired",
            }
        ),
    ),
    Rule(HandlerErrorCode.NetworkFailure, frozenset({"RequestTimeout", "RequestTimeoutException"})),
    Rule(
        HandlerErrorCode.ServiceInternalError,
        frozenset(
            {
                "InternalFailure",
                "InternalError",
                "InternalServerError",
                "InternalServerException",
                "InternalServiceError",
                "InternalServiceException",
                "ServiceUnavailable",
                "ServiceUnavailableException",
                "ServiceException",
            }
        ),
    ),
    Rule(
        HandlerErrorCode.InvalidRequest,
        _VALIDATION
        | frozenset(
            {
                "InvalidParameter",
                "InvalidParameterCombination",
                "InvalidParameterException",
                "InvalidInput",
                "MalformedQueryString",
                "MissingParameter",
                "ResourceNotFound",
                "ResourceNotFoundException",
                "SerializationException",
                "UnknownOperationException",
            }
        ),
    ),
)

# What stands between us and the service (a proxy, a firewall) answers with a status alone.
_STATUSES = {
    401: HandlerErrorCode.AccessDenied,
    403: HandlerErrorCode.AccessDenied,
    408: HandlerErrorCode.NetworkFailure,
    429: HandlerErrorCode.Throttling,
}

# What botocore raises before or instead of an answer; most specific first.
SDK_RULES: tuple[tuple[type[Exception], HandlerErrorCode], ...] = (
    (OutOfTime, HandlerErrorCode.NetworkFailure),
    (UnexpectedAnswer, HandlerErrorCode.ServiceInternalError),
    (ResponseParserError, HandlerErrorCode.ServiceInternalError),
    (sdk.ParamValidationError, HandlerErrorCode.InvalidRequest),
    (sdk.NoCredentialsError, HandlerErrorCode.InvalidCredentials),
    (sdk.PartialCredentialsError, HandlerErrorCode.InvalidCredentials),
    (sdk.CredentialRetrievalError, HandlerErrorCode.InvalidCredentials),
    (sdk.NoAuthTokenError, HandlerErrorCode.InvalidCredentials),
    (sdk.NoRegionError, HandlerErrorCode.InvalidRequest),
    (sdk.InvalidRegionError, HandlerErrorCode.InvalidRequest),
    (sdk.UnknownRegionError, HandlerErrorCode.InvalidRequest),
    # Connections refused, reset or timed out, TLS, proxies, and answers that stop half-way.
    (sdk.HTTPClientError, HandlerErrorCode.NetworkFailure),
    (sdk.ConnectionError, HandlerErrorCode.NetworkFailure),
    (sdk.IncompleteReadError, HandlerErrorCode.NetworkFailure),
)


def code_of(error: Exception, arn: str = "") -> HandlerErrorCode:
    """The handler error code of what a call to SageMaker raised; GeneralServiceException when unknown.

    With the ARN of our package, the absence of another one (a `SourceUri` names it, say) is a bad value.
    """
    if isinstance(error, sdk.ClientError):
        code = _code_of_answer(error)
        if code is HandlerErrorCode.NotFound and arn and _speaks_of_another(error, arn):
            return HandlerErrorCode.InvalidRequest
        return code
    for kind, code in SDK_RULES:
        if isinstance(error, kind):
            return code
    return HandlerErrorCode.GeneralServiceException


def _speaks_of_another(error: sdk.ClientError, arn: str) -> bool:
    found = _NO_PACKAGE.search(str(error.response.get("Error", {}).get("Message", "")))
    named = (found and found[1]) or ""
    return named.startswith("arn:") and named != arn


def _code_of_answer(error: sdk.ClientError) -> HandlerErrorCode:
    details = error.response.get("Error", {})
    code, message = str(details.get("Code", "")), str(details.get("Message", ""))
    for rule in RULES:
        if rule.fits(code, message, error.operation_name):
            return rule.means
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0
    if status >= 500:
        return HandlerErrorCode.ServiceInternalError
    return _STATUSES.get(status, HandlerErrorCode.GeneralServiceException)


def is_absent(error: Exception) -> bool:
    """Whether the error says that the package is not there."""
    return code_of(error) is HandlerErrorCode.NotFound


def is_conflict(error: Exception) -> bool:
    """Whether the error says that the package is busy with something else."""
    return code_of(error) is HandlerErrorCode.ResourceConflict


def is_throttling(error: Exception) -> bool:
    """Whether the service says that there are too many calls."""
    return code_of(error) is HandlerErrorCode.Throttling


def is_passing(error: Exception) -> bool:
    """Whether a later poll may succeed where this one failed."""
    return code_of(error) in PASSING


def may_have_worked(error: Exception) -> bool:
    """Whether the service may have done what was asked of it although no answer says so."""
    return code_of(error) in _UNANSWERED and not isinstance(error, OutOfTime)


def was_repeated(error: Exception) -> bool:
    """Whether there were attempts before this answer, of which one may have been lost after it was done."""
    response = error.response if isinstance(error, sdk.ClientError) else {}
    return bool(response.get("ResponseMetadata", {}).get("RetryAttempts"))


def is_refusal(error: Exception) -> bool:
    """Whether the service says that it cannot do this, rather than that a value is wrong.

    Only a ValidationException without the words of a broken constraint counts: a missing permission
    or a disturbance must never lead to the replacement of a model.
    """
    if not isinstance(error, sdk.ClientError):
        return False
    details = error.response.get("Error", {})
    return (
        code_of(error) is HandlerErrorCode.InvalidRequest
        and details.get("Code") in _VALIDATION
        and not _BAD_VALUE.search(str(details.get("Message", "")))
    )


# What to do about an error whose words alone would leave one guessing.
_ADVICE = {
    HandlerErrorCode.AlreadyExists: (
        "the name is taken. A replacement is made before the old package is deleted, so replacing a package"
        " that has a name needs a new ModelPackageName"
    ),
}


def words_of(error: Exception, redacted: Callable[[str], str]) -> str:
    """What to do, where that needs saying, and what the service or the SDK said of a property, redacted."""
    advice = _ADVICE.get(code_of(error))
    said = redacted(_said(error))
    return f"{advice}. SageMaker says: {said}" if advice else said


def _said(error: Exception) -> str:
    if isinstance(error, sdk.ClientError):
        details = error.response.get("Error", {})
        said = str(details.get("Message") or "").strip()
        code = str(details.get("Code") or "").strip()
        return _as_property_paths(f"{said} ({code})" if said and code else said or code or "no reason given")
    # botocore lists what it refuses one to a line.
    return " ".join(str(error).split()) or type(error).__name__


_API_PATH = re.compile(r"(?<=at ')[a-z][^']*(?=')")
_MAPS = frozenset({"environment", "customermetadataproperties"})


def _as_property_paths(text: str) -> str:
    """`at 'inferenceSpecification.containers.1.member.image'` becomes the path a template has."""

    def property_path(match: re.Match[str]) -> str:
        path, in_map = "", False
        for part in match.group().split("."):
            if in_map:
                path += f".{part}"  # a key of a map is the user's, as it is
            elif part.isdigit():
                path += f"[{int(part) - 1}]"  # the API counts from 1
            elif part != "member":
                path += ("." if path else "") + part[:1].upper() + part[1:]
                in_map = part.lower() in _MAPS
        return path

    return _API_PATH.sub(property_path, text)


def shorten(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """The text, cut to what CloudFormation shows."""
    return text if len(text) <= longest else text[: longest - 3].rstrip() + "..."
