"""Maps the errors of SageMaker and botocore to CloudFormation's error codes and messages, in one table. Pure.

To have the handlers treat another error, add a rule; the first rule that matches counts, so the most specific
ones stand first. CloudFormation's codes:
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass

from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError
from cloudformation_cli_python_lib.interface import HandlerErrorCode

from .redaction import UNCHECKED

CREATE = "CreateModelPackage"
# CloudFormation shows at most this much of a message before it cuts it itself.
MAX_MESSAGE_CHARACTERS = 1000

# Everything a call to SageMaker can raise.
API_ERRORS = (sdk.ClientError, sdk.BotoCoreError, sdk.HTTPClientError, ResponseParserError)

# Errors that leave open whether the service has done what the request asks.
_UNANSWERED = frozenset({HandlerErrorCode.NetworkFailure, HandlerErrorCode.ServiceInternalError})

# What may be gone at the next poll: what CloudFormation retries by itself, and credentials, which it renews.
PASSING = _UNANSWERED | {
    HandlerErrorCode.Throttling,
    HandlerErrorCode.InvalidCredentials,
    HandlerErrorCode.ResourceConflict,
}


# Botocore lets a CancelledError pass, where it hides other errors that a connection raises in its own.
class OutOfTime(sdk.BotoCoreError, CancelledError):
    """A call is not begun, or its answer not awaited, because the invocation has to answer first."""

    fmt = "SageMaker did not answer in the time this invocation has"


class NotVisible(sdk.BotoCoreError):
    """Describe does not show a change that SageMaker has accepted."""

    fmt = "SageMaker accepted {change}, and does not show it yet"


class UnexpectedAnswer(sdk.BotoCoreError):
    """An answer lacks what the API's description promises: its body was a proxy's, say."""

    fmt = "the answer to {operation} holds nothing of what the API promises"


@dataclass(frozen=True)
class Rule:
    """One line of the table: codes, messages and operations of an error, and what it means.

    An empty condition matches all.
    """

    means: HandlerErrorCode
    codes: frozenset[str] = frozenset()
    message: re.Pattern[str] | None = None
    not_message: re.Pattern[str] | None = None
    operations: frozenset[str] = frozenset()
    not_operations: frozenset[str] = frozenset()

    def matches(self, code: str, message: str, operation: str) -> bool:
        """Whether the error of an operation matches all conditions."""
        return (
            (not self.codes or code in self.codes)
            and (not self.message or self.message.search(message) is not None)
            and (not self.not_message or self.not_message.search(message) is None)
            and (not self.operations or operation in self.operations)
            and operation not in self.not_operations
        )


def _any_case(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


VALIDATION_CODES = frozenset({"ValidationException", "ValidationError", "InvalidParameterValue"})
# A value that breaks a constraint; also what separates "cannot be done" from "is wrong".
_BAD_VALUE = _any_case(r"validation error|failed to satisfy constraint")
# The package, not its group, its image or an object in S3, which are worded alike.
_NO_PACKAGE = _any_case(
    r"\bmodel ?package\s+['\"]?(arn:[^\s'\"]+|[\w/-]+)['\"]?\s+does not exist"
    r"|(could not|cannot) find model package\b(?! group)"
)
_PACKAGE_TAKEN = _any_case(r"\bmodel ?package\b(?! ?group).*already exists")

# Where messages about an absent package mean something else: the group, the image, S3.
_OTHERS_ABSENT = frozenset({CREATE, "ListModelPackages"})

_NOT_FOUND_CODES = frozenset({"ResourceNotFound", "ResourceNotFoundException"})
_IN_USE_CODES = frozenset({"ResourceInUse", "ResourceInUseException"})

RULES: tuple[Rule, ...] = (
    Rule(HandlerErrorCode.NotFound, _NOT_FOUND_CODES, not_operations=_OTHERS_ABSENT),
    Rule(
        HandlerErrorCode.NotFound,
        VALIDATION_CODES,
        message=_NO_PACKAGE,
        not_message=_BAD_VALUE,
        not_operations=_OTHERS_ABSENT,
    ),
    Rule(
        HandlerErrorCode.AlreadyExists,
        VALIDATION_CODES,
        message=_PACKAGE_TAKEN,
        operations=frozenset({CREATE}),
    ),
    Rule(HandlerErrorCode.AlreadyExists, frozenset({"ResourceInUse"}), operations=frozenset({CREATE})),
    Rule(
        HandlerErrorCode.ServiceLimitExceeded,
        frozenset({"ResourceLimitExceeded", "ServiceQuotaExceededException"}),
    ),
    Rule(HandlerErrorCode.ResourceConflict, frozenset({"ConflictException", *_IN_USE_CODES})),
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
        VALIDATION_CODES
        | _NOT_FOUND_CODES
        | frozenset(
            {
                "InvalidParameter",
                "InvalidParameterCombination",
                "InvalidParameterException",
                "InvalidInput",
                "MalformedQueryString",
                "MissingParameter",
                "SerializationException",
                "UnknownOperationException",
            }
        ),
    ),
)

# A proxy or a firewall before the service answers with a status alone.
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
    (NotVisible, HandlerErrorCode.ServiceInternalError),
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

    With `arn`, the request's package, the absence of another one (of a `SourceUri`, say) is a bad value.
    """
    if isinstance(error, sdk.ClientError):
        code = _code_of_answer(error)
        if code is HandlerErrorCode.NotFound and arn and _is_about_another(error, arn):
            return HandlerErrorCode.InvalidRequest
        return code
    for kind, code in SDK_RULES:
        if isinstance(error, kind):
            return code
    return HandlerErrorCode.GeneralServiceException


def _is_about_another(error: sdk.ClientError, arn: str) -> bool:
    match = _NO_PACKAGE.search(str(error.response.get("Error", {}).get("Message", "")))
    absent = (match and match[1]) or ""
    # The service has written names in ARNs in lower case.
    return absent.lower().startswith("arn:") and absent.lower() != arn.lower()


def _code_of_answer(error: sdk.ClientError) -> HandlerErrorCode:
    details = error.response.get("Error", {})
    code, message = str(details.get("Code", "")), str(details.get("Message", ""))
    for rule in RULES:
        if rule.matches(code, message, error.operation_name):
            return rule.means
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0
    if status >= 500:
        return HandlerErrorCode.ServiceInternalError
    return _STATUSES.get(status, HandlerErrorCode.GeneralServiceException)


def is_absent(error: Exception, arn: str) -> bool:
    """Whether the error means that there is no package of this ARN."""
    return code_of(error, arn) is HandlerErrorCode.NotFound


def names(error: Exception, arn: str) -> bool:
    """Whether the error's message has this ARN."""
    return isinstance(error, sdk.ClientError) and arn.lower() in _original_message(error).lower()


def is_conflict(error: Exception) -> bool:
    """Whether the error means that the package is busy."""
    return code_of(error) is HandlerErrorCode.ResourceConflict


def is_throttling(error: Exception) -> bool:
    """Whether the error means that there are too many calls."""
    return code_of(error) is HandlerErrorCode.Throttling


def is_passing(error: Exception) -> bool:
    """Whether a later poll may succeed where this one failed."""
    return code_of(error) in PASSING


def may_have_worked(error: Exception) -> bool:
    """Whether the service may have done what the request asks although its answer is this error."""
    return code_of(error) in _UNANSWERED


def was_repeated(error: Exception) -> bool:
    """Whether there were attempts before this answer, whose own answers may have been lost."""
    response = error.response if isinstance(error, sdk.ClientError) else {}
    return bool(response.get("ResponseMetadata", {}).get("RetryAttempts"))


def is_bad_request(error: Exception) -> bool:
    """Whether the service says that the call itself is wrong, or cannot be made now."""
    return isinstance(error, sdk.ClientError) and code_of(error) is HandlerErrorCode.InvalidRequest


# What to do about an error whose message does not say it.
_NAME_TAKEN = (
    "the name is taken. A replacement is made before the old package is deleted, so replacing a package"
    " that has a name needs a new ModelPackageName"
)
_NO_GROUP = (
    "the group in ModelPackageGroupName does not exist, or not in this account and region: a group of another"
    " account has to be shared with this one, and is named by its ARN"
)


def _advice(error: Exception) -> str:
    if code_of(error) is HandlerErrorCode.AlreadyExists:
        return _NAME_TAKEN
    if isinstance(error, sdk.ClientError) and error.operation_name == CREATE:
        # The group is the one thing that a create names and that can be absent.
        return _NO_GROUP if error.response.get("Error", {}).get("Code") in _NOT_FOUND_CODES else ""
    return ""


def message_of(error: Exception, redact: Callable[[str], str]) -> str:
    """What to do, where the service's or the SDK's message does not say it, and that message, redacted.

    Of a message that could not be checked only the code is left.
    """
    advice = _advice(error)
    message = redact(_original_message(error))
    if message == UNCHECKED:
        # A code that the table does not have may be anything.
        code = error.response.get("Error", {}).get("Code") if isinstance(error, sdk.ClientError) else ""
        return f"{message} ({code})" if any(code in rule.codes for rule in RULES) else message
    return f"{advice}. SageMaker says: {message}" if advice else message


def _original_message(error: Exception) -> str:
    if isinstance(error, sdk.ClientError):
        details = error.response.get("Error", {})
        text = str(details.get("Message") or "").strip()
        code = str(details.get("Code") or "").strip()
        return _as_property_paths(f"{text} ({code})" if text and code else text or code or "no reason given")
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
                path += f".{part}"  # a key of a map is the user's own
            elif part.isdigit():
                path += f"[{int(part) - 1}]"  # the API counts from 1
            elif part != "member":
                path += ("." if path else "") + part[:1].upper() + part[1:]
                in_map = part.lower() in _MAPS
        return path

    return _API_PATH.sub(property_path, text)


def shorten(text: str, max_characters: int = MAX_MESSAGE_CHARACTERS) -> str:
    """The text, cut to what CloudFormation shows."""
    return text if len(text) <= max_characters else text[: max_characters - 3].rstrip() + "..."


def join(items: list[str], between: str, max_characters: int) -> str:
    """As many of the items as fit, at least one, and how many more there are."""
    shown = 1
    while shown < len(items) and len(between.join(items[: shown + 1])) <= max_characters:
        shown += 1
    more = f" and {len(items) - shown} more" if shown < len(items) else ""
    return between.join(items[:shown]) + more
