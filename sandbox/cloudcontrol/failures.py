"""The API's exceptions, and which of them a handler's error code becomes."""

from __future__ import annotations

from typing import Any

from sandbox.shared.errors import ApiError

# The API description calls these faults of the server; the others are the caller's.
FAULTS = frozenset(
    {
        "ConcurrentModificationException",
        "HandlerFailureException",
        "HandlerInternalFailureException",
        "NetworkFailureException",
        "ServiceInternalErrorException",
    }
)

# A failed read or list is answered with an exception; a failed change carries the handler's code itself.
EXCEPTIONS = {
    "AccessDenied": "AccessDeniedException",
    "AlreadyExists": "AlreadyExistsException",
    "GeneralServiceException": "GeneralServiceException",
    "InternalFailure": "HandlerInternalFailureException",
    "InvalidCredentials": "InvalidCredentialsException",
    "InvalidRequest": "InvalidRequestException",
    "NetworkFailure": "NetworkFailureException",
    "NotFound": "ResourceNotFoundException",
    "NotStabilized": "NotStabilizedException",
    "NotUpdatable": "NotUpdatableException",
    "ResourceConflict": "ResourceConflictException",
    "ServiceInternalError": "ServiceInternalErrorException",
    "ServiceLimitExceeded": "ServiceLimitExceededException",
    "ServiceTimeout": "HandlerFailureException",
    "Throttling": "ThrottlingException",
    "UnauthorizedTaggingOperation": "AccessDeniedException",
}
# Codes that the support libraries have and the API has not.
RENAMED = {"HandlerInternalFailure": "InternalFailure"}
MAX_MESSAGE_CHARACTERS = 2048  # of a StatusMessage


def failure(code: str, message: str) -> ApiError:
    """Return an exception of the API with the HTTP status it is sent with."""
    return ApiError(code, message, 500 if code in FAULTS else 400)


def handler_code(event: dict[str, Any]) -> str:
    """Return a failed event's error code, as one of the API's."""
    code = str(event.get("errorCode") or "InternalFailure")
    code = RENAMED.get(code, code)
    return code if code in EXCEPTIONS else "GeneralServiceException"


def of_handler(type_name: str, token: str, event: dict[str, Any]) -> ApiError:
    """Return the exception for a read or list that failed."""
    code = handler_code(event)
    return failure(
        EXCEPTIONS[code],
        f"{type_name} Handler returned status FAILED: {event.get('message') or 'null'} "  # [R]
        f"(HandlerErrorCode: {code}, RequestToken: {token})",
    )
