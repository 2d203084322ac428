"""One SageMaker client per invocation, cheaply.

The botocore session, which costs the parsing of API descriptions, is made once per process; the caller's
credentials differ at every invocation and are given to the client only, so nothing of them is kept.
Proxies, FIPS, dual-stack, partitions and the AWS_ENDPOINT_URL variables work as with any botocore client.
"""

from __future__ import annotations

import json
import threading
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session
from cloudformation_cli_python_lib.exceptions import InvalidCredentials

from .errors import OutOfTime, UnexpectedAnswer
from .framework import LONGEST_INVOCATION, Request

# Attempts per call, the first included: a passing disturbance is ridden out, a lasting one is reported soon.
ATTEMPTS = 4
# Seconds one attempt may take in an invocation of LONGEST_INVOCATION: three attempts that hang, and the
# pauses between them, still fit. With less time left, all of it shrinks alike.
CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
# Seconds botocore may pause before another attempt (its standard mode doubles up from one).
PAUSE_SECONDS = 4.0
# An attempt that is given less than this fails on a healthy network, too.
LEAST_SECONDS = 0.1

_LOCK = threading.Lock()


@cache
def _session() -> Session:
    return Session()


def make(request: Request) -> Any:
    """A SageMaker client with the request's credentials and region that never outlives the invocation.

    Raises InvalidCredentials when CloudFormation sent none.
    """
    given = request.credentials
    # With empty ones botocore would look for others, and find the execution role's.
    if given is None or not (given.accessKeyId and given.secretAccessKey):
        raise InvalidCredentials("the request carries no caller credentials")
    share = min(1.0, request.seconds_left() / LONGEST_INVOCATION)
    connect, read = (max(LEAST_SECONDS, share * seconds) for seconds in (CONNECT_SECONDS, READ_SECONDS))
    with _LOCK:  # creating clients from one session is not safe in threads (boto3's documentation)
        client = _session().create_client(
            "sagemaker",
            region_name=request.region,
            aws_access_key_id=given.accessKeyId,
            aws_secret_access_key=given.secretAccessKey,
            aws_session_token=given.sessionToken,
            config=Config(
                connect_timeout=connect,
                read_timeout=read,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            ),
        )
    _stop_in_time(client, request, attempt=connect + read, pause=share * PAUSE_SECONDS)
    client.meta.events.register("before-parse.sagemaker", _check_body)
    client.meta.events.register("after-call.sagemaker", _check_answer)
    return client


def _check_body(operation_model: Any, response_dict: Any, **_: Any) -> None:
    """Refuse what is no answer of the API (a proxy's page, say): botocore takes it for an empty one."""
    body = response_dict["body"]
    if response_dict["status_code"] >= 300:
        return
    try:
        readable = not body or isinstance(json.loads(body), dict)
    except ValueError:  # also bytes that are no text
        readable = False
    if not readable:
        raise UnexpectedAnswer(operation=operation_model.name)


def _check_answer(http_response: Any, parsed: Any, model: Any, **_: Any) -> None:
    """Refuse a successful answer with nothing in it of what the API promises.

    One of the promised members is enough, because Describe leaves out ModelPackageName for versions.
    """
    promised = model.output_shape.required_members if model.output_shape else ()
    if http_response.status_code < 300 and promised and not any(member in parsed for member in promised):
        raise UnexpectedAnswer(operation=model.name)


def _stop_in_time(client: Any, request: Request, *, attempt: float, pause: float) -> None:
    """Let no call begin, and no attempt be repeated, that could end after the invocation has to answer."""

    def before_call(**_: Any) -> None:
        if request.seconds_left() < attempt:
            raise OutOfTime()

    def before_retry(response: Any, operation: Any, caught_exception: Any, **_: Any) -> None:
        if request.seconds_left() >= attempt + pause:
            return
        if caught_exception is not None:
            raise caught_exception
        http, parsed = response
        if http.status_code >= 300:
            raise ClientError(parsed, operation.name)

    client.meta.events.register_first("before-call.sagemaker", before_call)
    client.meta.events.register_first("needs-retry.sagemaker", before_retry)
