"""When a call is made again, and when no more: a proxy's page, half an answer, throttling, the deadline.

Beside what botocore repeats by itself, an answer that is none of the API's is worth another attempt, and a
throttled call is worth a longer pause. Nothing begins that could end after the invocation has to answer.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError
from botocore.parsers import JSONParser, ResponseParserFactory
from botocore.retries.standard import ExponentialBackoff, RetryContext

from .errors import OutOfTime, UnexpectedAnswer, is_throttling
from .resource import Request
from .timing import ATTEMPTS, THROTTLED_SECONDS

# In a parsed answer: its body was none of the API's.
_UNREADABLE = "Unreadable"


class Parsers(ResponseParserFactory):
    """Botocore's parsers, which take a proxy's page and half an answer for whole ones, or fail over them."""

    def create_parser(self, protocol_name: str) -> Any:
        """A parser that marks what is no answer of the API instead."""
        parser = super().create_parser(protocol_name)
        parse = parser.parse

        def marking(response: Mapping[str, Any], shape: Any) -> Any:
            status = response["status_code"]
            if not _is_cut(response) and (status >= 300 or _is_readable(response["body"])):
                # A body of another shape than the protocol's is met by whatever Python says of it.
                with suppress(Exception):
                    parsed = parse(response, shape)
                    if isinstance(parsed.get("Error", {}).get("Code", ""), str):
                        return parsed
            found = {_UNREADABLE: True, "ResponseMetadata": {"HTTPStatusCode": status}}
            return {**found, "Error": {"Code": str(status), "Message": ""}} if status >= 300 else found

        if isinstance(parser, JSONParser):
            parser.parse = marking  # type: ignore[method-assign]
        return parser


def _is_cut(response: Mapping[str, Any]) -> bool:
    promised = response["headers"].get("content-length", "")
    return promised.isdigit() and len(response["body"]) < int(promised)


def _is_readable(body: bytes) -> bool:
    try:
        return not body or isinstance(json.loads(body), dict)
    except ValueError:  # also bytes that are no text
        return False


def _is_unexpected(http: Any, parsed: Mapping[str, Any], operation: Any) -> bool:
    """Whether an answer is unreadable, or a successful one has nothing in it of what the API promises.

    One of the promised members is enough, because Describe leaves out ModelPackageName for versions.
    """
    if _UNREADABLE in parsed:
        return True
    if http.status_code >= 300:
        return False
    promised = operation.output_shape.required_members if operation.output_shape else ()
    return bool(promised and not any(member in parsed for member in promised))


def _is_throttled(response: Any, operation: Any) -> bool:
    http, parsed = response
    return http.status_code >= 300 and is_throttling(ClientError(parsed, operation.name))


_BACKOFF = ExponentialBackoff()


def repeat_in_time(client: Any, request: Request, *, attempt: float, pause: float) -> None:
    """Have a client repeat its calls so, given the seconds of an attempt and of the longest pause."""

    def before_call(**_: Any) -> None:
        if request.seconds_left() < attempt:
            raise OutOfTime()

    def before_retry(
        response: Any, operation: Any, caught_exception: Any, attempts: int, **_: Any
    ) -> float | None:
        has_time = request.seconds_left() >= attempt + pause
        if response is not None and _is_unexpected(response[0], response[1], operation):
            if has_time and attempts < ATTEMPTS:
                return float(_BACKOFF.delay_amount(RetryContext(attempts)))
            raise UnexpectedAnswer(operation=operation.name)
        if has_time:
            is_throttled = attempts < ATTEMPTS and response is not None and _is_throttled(response, operation)
            longest = min(pause, THROTTLED_SECONDS * 2 ** (attempts - 1))
            # Drawn, so that calls which were refused together do not come again together.
            return random.uniform(longest / 2, longest) if is_throttled else None  # noqa: S311
        if caught_exception is not None:
            raise caught_exception
        http, parsed = response
        if http.status_code >= 300:
            raise ClientError(parsed, operation.name)
        return None

    client.meta.events.register_first("before-call.sagemaker", before_call)
    client.meta.events.register_first("needs-retry.sagemaker", before_retry)
