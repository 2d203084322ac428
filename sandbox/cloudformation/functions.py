"""The Invoke API of the functions that run handlers, and the options of the programs that use it."""

from __future__ import annotations

import argparse
import http.client
import json
import logging
import math
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.shared.credentials import Credentials
from sandbox.shared.http_request import Answer, HalfAnswerError, request
from sandbox.shared.signatures import sign_post

LOG = logging.getLogger("sandbox.cloudformation")

# Before the functions are asked again that could not be reached.
UNREACHED_DELAYS_SECONDS = (0.1, 0.3, 1.0, 3.0, 5.0)
INVOKE_SECONDS = 900.0  # no Lambda function runs longer

MAX_INTEGER = 2**31 - 1  # a Java int [I]
_STATUSES = ("IN_PROGRESS", "SUCCESS", "FAILED")
# The types of a progress event's members, if they are there and not null.
_MEMBERS: dict[str, type | tuple[type, ...]] = {
    "callbackDelaySeconds": (int, float),
    "errorCode": str,
    "message": str,
    "nextToken": str,
    "resourceModel": dict,
    "resourceModels": list,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a program that hosts registered types."""
    parser.add_argument(
        "--schema", type=Path, action="append", default=[], help="schema of a type to host; repeatable"
    )
    parser.add_argument("--functions-endpoint", required=True, help="Invoke API that runs the handlers")
    parser.add_argument(
        "--function", default="TypeFunction", help="the function that takes production events"
    )
    parser.add_argument(
        "--time-scale", type=float, default=1.0, help="factor on the delays that handlers ask for"
    )


def read_types(
    options: argparse.Namespace, credentials: Credentials
) -> tuple[list[dict[str, Any]], Functions]:
    """Return the schemas of the types that the options of `add_arguments` name, and their handlers."""
    schemas = [json.loads(path.read_text()) for path in options.schema]
    return schemas, Functions(options.functions_endpoint, options.function, credentials)


class Functions:
    """The Invoke API, for one function, with the credentials that requests and handlers have.

    The function runs one version of a type; `log_group` is where the version's handlers log to.
    """

    def __init__(  # noqa: PLR0913 - the last three have defaults
        self,
        endpoint: str,
        function: str,
        credentials: Credentials,
        pause: Callable[[float], object] = time.sleep,
        *,
        version_id: str = "00000001",
        log_group: str | None = None,
    ) -> None:
        self.credentials = credentials
        self.version_id = version_id
        self._log_group = log_group
        self._pause = pause
        self._url = f"{endpoint}/2015-03-31/functions/{urllib.parse.quote(function, safe='')}/invocations"

    def logging(self) -> dict[str, Any]:
        """Return what an event says of the logs, in its `requestData`."""
        if self._log_group is None:
            return {}
        return {
            "providerCredentials": self.credentials.of_caller(),
            "providerLogGroupName": self._log_group,
        }

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke once and return the progress event; what is not one becomes a failed one."""
        try:
            answer = self._reach(json.dumps(event).encode())
        except OSError as problem:
            return _internal_failure(f"The functions gave no answer: {problem}")
        if answer.status != http.client.OK:
            text = answer.body.decode(errors="replace")
            return _internal_failure(f"Invoke was answered with {answer.status}: {text}")
        content = _object(answer.body)
        if answer.headers.get("X-Amz-Function-Error"):
            why = content.get("errorMessage") or "it does not say why"
            return _internal_failure(f"The function failed: {why}")
        defect = _event_problem(content)
        if defect is not None:
            return _internal_failure(f"The function did not answer with a progress event{defect}")
        return content

    def _reach(self, body: bytes) -> Answer:
        """Return an answer, of any kind; as CloudFormation does, try again while there is none.

        An invocation that was lost on its way and one whose answer was lost cannot be told apart, so handlers
        may get an event twice, with one token.
        """
        for seconds in UNREACHED_DELAYS_SECONDS:
            try:
                return self._send(body)
            except (HalfAnswerError, TimeoutError):
                raise  # they were reached, and no function runs longer
            except OSError as problem:
                LOG.warning("The functions cannot be reached, and are asked again: %s", problem)
                self._pause(seconds)
        return self._send(body)

    def _send(self, body: bytes) -> Answer:
        signed = sign_post(self._url, body, self.credentials, "lambda")
        headers = {**signed, "Content-Type": "application/json"}
        return request(self._url, "POST", body, headers, seconds=INVOKE_SECONDS)


def _object(body: bytes) -> dict[str, Any]:
    """Return an answer, or an empty one for what is no JSON object."""
    try:
        answer = json.loads(body, parse_constant=_refuse_number, parse_float=_finite)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _refuse_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse_number(text)


def _event_problem(event: dict[str, Any]) -> str | None:
    """Return what makes an answer no progress event, as the end of a sentence; None if nothing does."""
    if "status" not in event:
        return ""
    if event["status"] not in _STATUSES:
        return f": its status is none of {', '.join(_STATUSES)}"
    for member, expected in _MEMBERS.items():
        value = event.get(member)
        if value is not None and (not isinstance(value, expected) or isinstance(value, bool)):
            return f": its {member} is of the wrong type"
    if not all(isinstance(model, dict) for model in event.get("resourceModels") or ()):
        return ": its resourceModels are not all objects"
    if (event.get("callbackDelaySeconds") or 0) > MAX_INTEGER:
        return ": its callbackDelaySeconds are too large"
    return None


def _internal_failure(message: str) -> dict[str, Any]:
    LOG.error("%s", message)
    return {"status": "FAILED", "errorCode": "InternalFailure", "message": message}
