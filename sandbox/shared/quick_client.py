"""A client of the local CloudFormation that is there at once, for commands that run for half a second.

Importing botocore and reading its description of the API takes longer than a whole deployment. This client
stands in for botocore's as far as the commands use it: the operations by their names, with their members, and
their pages. It makes one attempt, and raises botocore's exceptions. What it knows of the API are the types of
the members of `OPERATIONS`, each of which has the same type wherever it is; a test compares them with
botocore's description.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any, NoReturn
from xml.etree import ElementTree

from sandbox.shared.credentials import Credentials
from sandbox.shared.http_request import Answer, HalfAnswerError, request
from sandbox.shared.settings import REGION

API_VERSION = "2010-05-15"
READ_SECONDS = 60.0  # botocore's
# Snake case as in botocore's clients; another one is refused.
OPERATIONS = frozenset(
    {
        *("create_change_set", "create_stack", "delete_change_set", "delete_stack", "describe_change_set"),
        *("describe_events", "describe_stack_drift_detection_status", "describe_stack_events"),
        *("describe_stack_resource_drifts", "describe_stack_resources", "describe_stacks", "describe_type"),
        *("detect_stack_drift", "execute_change_set", "get_template", "list_change_sets", "update_stack"),
    }
)
LISTS = frozenset(
    {
        *("Capabilities", "Changes", "Details", "LastOperations", "NotificationARNs", "OperationEvents"),
        *("Outputs", "Parameters", "PhysicalResourceIdContext", "PropertyDifferences"),
        *("RequiredActivatedTypes", "ResourceDriftIgnoredAttributes", "RollbackTriggers", "Scope"),
        *("StackEvents", "StackResourceDrifts", "StackResources", "Stacks", "StagesAvailable", "Summaries"),
        *("SupportedMajorVersions", "Tags"),
    }
)
STRUCTURES = frozenset(
    {
        *("DeploymentConfig", "Drift", "DriftInformation", "LoggingConfig", "ModuleInfo"),
        *("ResourceChange", "RollbackConfiguration", "Target"),
    }
)
TIMESTAMPS = frozenset(
    {
        *("CreationTime", "DeletionTime", "DriftDetectionTimestamp", "EndTime", "LastCheckTimestamp"),
        *("LastUpdated", "LastUpdatedTime", "StartTime", "TimeCreated", "Timestamp"),
    }
)
INTEGERS = frozenset(
    {"DriftedStackResourceCount", "HookInvocationCount", "MonitoringTimeInMinutes", "TimeoutInMinutes"}
)
BOOLEANS = frozenset(
    {
        *("AutoUpdate", "DisableRollback", "EnableTerminationProtection", "ImportExistingResources"),
        *("IncludeNestedStacks", "IsActivated", "IsDefaultVersion", "RetainExceptOnCreate"),
        "UsePreviousValue",
    }
)
_ALGORITHM = "AWS4-HMAC-SHA256"
_LOST = (HalfAnswerError, ConnectionAbortedError, ConnectionResetError, BrokenPipeError)

Json = dict[str, Any]


class QuickClient:
    """Calls the local CloudFormation: `client.describe_stacks(StackName=...)`, as botocore's client does.

    Raises:
        AttributeError: an operation is asked for that is none of `OPERATIONS`.
    """

    def __init__(self, endpoint: str, credentials: Credentials) -> None:
        self._endpoint = endpoint
        self._credentials = credentials

    def __getattr__(self, name: str) -> Any:
        """Return what calls an operation."""
        if name not in OPERATIONS:
            raise AttributeError(f"QuickClient has the operations that the commands use, and not {name}")
        return partial(self._call, "".join(map(str.capitalize, name.split("_"))))

    def get_paginator(self, operation: str) -> _Pages:
        """Return what has the pages of an operation, as botocore's client does."""
        return _Pages(getattr(self, operation))

    def close(self) -> None:
        """Do nothing: each request has a connection of its own."""

    def _call(self, operation: str, **members: Any) -> Json:
        fields = {"Action": operation, "Version": API_VERSION, **dict(_fields("", members))}
        body = urllib.parse.urlencode(fields).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        answer = send(self._endpoint, "cloudformation", headers, body, self._credentials)
        try:
            root = ElementTree.fromstring(answer.body)  # noqa: S314 - the engine's own answer
        except ElementTree.ParseError:
            _raise_refusal(operation, answer, {})
        content = {_name(each): each for each in root}
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            _raise_refusal(operation, answer, {_name(each): each.text for each in content.get("Error", ())})
        result = _members(content.get(f"{operation}Result", ()))
        if "TemplateBody" in result:  # which botocore reads as well where it is JSON
            with suppress(ValueError):
                result["TemplateBody"] = json.loads(result["TemplateBody"])
        return result


class _Pages:
    """The pages of an operation; all that have some are continued by `NextToken`."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def paginate(self, **members: Any) -> Iterator[Json]:
        """Yield the answers.

        Raises:
            botocore.exceptions.PaginationError: an answer has the token of the one before.
        """
        while True:
            page = self._call(**members)
            yield page
            token = page.get("NextToken")
            if not token:
                return
            if token == members.get("NextToken"):
                from botocore.exceptions import PaginationError

                raise PaginationError(message=f"The same next token was received twice: {token}")
            members["NextToken"] = token


def describe_model_package(endpoint: str, credentials: Credentials, arn: str) -> Json:
    """Return what the local SageMaker describes of a package, as botocore does.

    Raises:
        botocore.exceptions.ClientError: it refuses to; BotoCoreError: it does not answer.
    """
    operation = "DescribeModelPackage"
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"SageMaker.{operation}"}
    body = json.dumps({"ModelPackageName": arn}).encode()
    answer = send(endpoint, "sagemaker", headers, body, credentials)
    try:
        content = json.loads(answer.body)
    except ValueError:
        content = None
    if answer.status != HTTPStatus.OK or not isinstance(content, dict):
        error = {}
        if isinstance(content, dict) and "__type" in content:
            error = {"Code": str(content["__type"]).rpartition("#")[2], "Message": content.get("message")}
        _raise_refusal(operation, answer, error)
    for name in ("CreationTime", "LastModifiedTime"):
        if name in content:
            content[name] = datetime.fromtimestamp(content[name], UTC)
    return dict(content)


def send(
    endpoint: str, service: str, headers: Mapping[str, str], body: bytes, credentials: Credentials
) -> Answer:
    """Send one signed request, and return its answer of any status.

    Raises:
        botocore.exceptions.BotoCoreError: there is none, or half of one.
    """
    signed = signed_headers(endpoint, service, headers, body, credentials)
    try:
        return request(f"{endpoint}/", "POST", body, signed, seconds=READ_SECONDS)
    except OSError as problem:
        from botocore import exceptions

        if isinstance(problem, TimeoutError):
            raise exceptions.ReadTimeoutError(endpoint_url=endpoint, error=problem) from problem
        if isinstance(problem, _LOST):  # and the request may have taken effect
            raise exceptions.ConnectionClosedError(endpoint_url=endpoint) from problem
        raise exceptions.EndpointConnectionError(endpoint_url=endpoint, error=problem) from problem


def signed_headers(
    endpoint: str, service: str, headers: Mapping[str, str], body: bytes, credentials: Credentials
) -> dict[str, str]:
    """Return the headers of a POST to the root of an endpoint, with AWS's Signature Version 4 of them all."""
    keys = credentials.settings()
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    whole = {
        **headers,
        "Host": urllib.parse.urlsplit(endpoint).netloc,
        "X-Amz-Date": moment,
        "X-Amz-Security-Token": keys["aws_session_token"],
    }
    lines = sorted(f"{name.lower()}:{value}" for name, value in whole.items())
    names = ";".join(line.partition(":")[0] for line in lines)
    canonical = "\n".join(["POST", "/", "", *lines, "", names, _digest(body)])
    scope = f"{moment[:8]}/{REGION}/{service}/aws4_request"
    key = f"AWS4{keys['aws_secret_access_key']}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = "\n".join([_ALGORITHM, moment, scope, _digest(canonical.encode())])
    made = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"{keys['aws_access_key_id']}/{scope}"
    whole["Authorization"] = f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={made}"
    return whole


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _fields(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the form's fields of a member."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _fields(f"{name}.{key}" if name else key, each)
    elif isinstance(value, list | tuple):
        if not value:
            yield name, ""
        for number, each in enumerate(value, 1):
            yield from _fields(f"{name}.member.{number}", each)
    else:
        yield name, str(value).lower() if isinstance(value, bool) else str(value)


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _members(elements: Any) -> Json:
    return {_name(each): _value(_name(each), each) for each in elements}


def _value(name: str, element: ElementTree.Element) -> Any:
    if name in LISTS:
        return [_members(each) if len(each) else each.text or "" for each in element]
    if name in STRUCTURES:
        return _members(element)
    text = element.text or ""
    if name in TIMESTAMPS:
        return datetime.fromisoformat(text)
    if name in INTEGERS:
        return int(text)
    return text == "true" if name in BOOLEANS else text


def _raise_refusal(operation: str, answer: Answer, error: Mapping[str, str | None]) -> NoReturn:
    """Raise botocore's ClientError; an answer that is not the API's is described by its status."""
    from botocore.exceptions import ClientError

    is_refusal = answer.status >= HTTPStatus.BAD_REQUEST and answer.status in http.client.responses
    words = http.client.responses[answer.status] if is_refusal else "an answer that cannot be read"
    described: Any = {"Error": error or {"Code": str(answer.status), "Message": words}}
    raise ClientError(described, operation)
