"""The one exception the sandbox answers with."""

from __future__ import annotations


class ApiError(Exception):
    """An error as the service sends it: a code, a message, an HTTP status."""

    def __init__(self, code: str, message: str, http_status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.http_status = http_status


def refusal(message: str) -> ApiError:
    """Return the `ValidationException` that SageMaker uses for nearly everything."""
    return ApiError("ValidationException", message)
