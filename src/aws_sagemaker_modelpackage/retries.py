"""Decides when a call is made again, and when no attempt begins any more.

Beside what botocore repeats by itself, an answer that is none of the API's (a proxy's page, half an answer)
is asked for again, and a throttled call pauses longer. No attempt begins that could end after the deadline.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.model import OperationModel
from botocore.parsers import JSONParser, ResponseParser, ResponseParserFactory
from botocore.retries.standard import ExponentialBackoff, RetryContext
from cloudformation_cli_python_lib import HandlerErrorCode

from .deadline import Deadline
from .errors import UnexpectedAnswer, code_of, is_throttling, may_have_worked
from .timing import MAX_ATTEMPTS, MAX_THROTTLED_PAUSE_SECONDS

# An HTTP answer and what botocore's parser made of it.
_Response = tuple[AWSResponse, Any]

# In a parsed answer: its body was none of the API's.
_UNREADABLE = "Unreadable"
# Of an answer, which has some fifteen at the most; of more than Python can follow it cannot be read at all.
_MAX_LEVELS = 100


class Parsers(ResponseParserFactory):
    """Botocore's parsers, which mark what is no answer of the API.

    Without that a proxy's page or half an answer passes for a whole one, or is an error of Python's.
    """

    def create_parser(self, protocol_name: str) -> ResponseParser:
        """The parser of a protocol; only the JSON protocol's marks."""
        parser = super().create_parser(protocol_name)
        parse = parser.parse

        def marking(response: Mapping[str, Any], shape: Any) -> Any:
            status = response["status_code"]
            if not _is_cut(response) and (status >= 300 or _is_readable(response["body"])):
                # For a body of another shape than the protocol's botocore raises any exception.
                with suppress(Exception):
                    parsed = parse(response, shape)
                    if isinstance(parsed.get("Error", {}).get("Code", ""), str):
                        return parsed
            marked = {_UNREADABLE: True, "ResponseMetadata": {"HTTPStatusCode": status}}
            return {**marked, "Error": {"Code": str(status), "Message": ""}} if status >= 300 else marked

        if isinstance(parser, JSONParser):
            parser.parse = marking  # type: ignore[method-assign] # of this parser only
        return parser


def _is_cut(response: Mapping[str, Any]) -> bool:
    promised = response["headers"].get("content-length", "")
    return promised.isdigit() and len(response["body"]) < int(promised)


def _is_readable(body: bytes) -> bool:
    try:
        content = json.loads(body or b"{}")
    except (ValueError, RecursionError):  # also bytes that are no text, and what is nested too deeply
        return False
    level = [content]
    for _ in range(_MAX_LEVELS):
        containers = [part for part in level if isinstance(part, dict | list)]
        level = [part for each in containers for part in (each.values() if isinstance(each, dict) else each)]
    return isinstance(content, dict) and not level


def _is_unexpected(response: _Response, operation: OperationModel) -> bool:
    """Whether an answer is unreadable, or has nothing of the API's: no code, or no member that it promises.

    A proxy's page has a status for a code; of some that says enough. One of the promised members is enough,
    because Describe leaves out ModelPackageName for versions.
    """
    http, parsed = response
    if _UNREADABLE in parsed:
        return True
    if http.status_code >= 300:
        error = ClientError(parsed, operation.name)
        is_status = error.response["Error"].get("Code") == str(http.status_code)
        return is_status and code_of(error) is HandlerErrorCode.GeneralServiceException
    promised = operation.output_shape.required_members if operation.output_shape else ()
    return bool(promised and not any(member in parsed for member in promised))


def _is_done(response: _Response | None, operation: OperationModel) -> bool | None:
    """Whether the service has done what an attempt asks; None when there is no answer that says so."""
    if response is None or _is_unexpected(response, operation):
        return None
    if response[0].status_code < 300:
        return True
    return None if may_have_worked(ClientError(response[1], operation.name)) else False


def _is_throttled(response: _Response, operation: OperationModel) -> bool:
    http, parsed = response
    return http.status_code >= 300 and is_throttling(ClientError(parsed, operation.name))


_BACKOFF = ExponentialBackoff()


def repeat_in_time(
    client: BaseClient, deadline: Deadline, *, attempt_seconds: float, pause_seconds: float
) -> None:
    """Have a client's calls end before the deadline, and repeat them as this module says.

    An attempt takes `attempt_seconds` at the most, and a pause between two `pause_seconds`. Then a call of
    the client raises OutOfTime when there is no time for it, and UnexpectedAnswer when every attempt was
    answered by something else than the API.
    """

    def before_call(model: OperationModel, **_: Any) -> None:
        deadline.begin_call(model.name, attempt_seconds)

    def before_retry(
        response: _Response | None,
        operation: OperationModel,
        caught_exception: Exception | None,
        attempts: int,
        **_: Any,
    ) -> Any:  # seconds, or None for botocore's own rules; the stubs know no handler that returns something
        deadline.end_request(_is_done(response, operation))
        has_time = deadline.allows(attempt_seconds + pause_seconds)
        if response is not None and _is_unexpected(response, operation):
            if has_time and attempts < MAX_ATTEMPTS:
                return float(_BACKOFF.delay_amount(RetryContext(attempts)))
            status = response[0].status_code
            raise UnexpectedAnswer(
                operation=f"{operation.name}{f' (HTTP {status})' if status >= 300 else ''}"
            )
        if has_time:
            is_throttled = (
                attempts < MAX_ATTEMPTS and response is not None and _is_throttled(response, operation)
            )
            most_seconds = min(pause_seconds, MAX_THROTTLED_PAUSE_SECONDS * 2 ** (attempts - 1))
            # Random, so that calls which were refused together do not come again together.
            return random.uniform(most_seconds / 2, most_seconds) if is_throttled else None  # noqa: S311 - no secret
        if caught_exception is not None:
            raise caught_exception
        if response is not None and response[0].status_code >= 300:
            raise ClientError(response[1], operation.name)
        return None

    client.meta.events.register_first("before-call.sagemaker", before_call)
    client.meta.events.register_first("needs-retry.sagemaker", before_retry)
