"""`AWS::SageMaker::Model`, `EndpointConfig` and `Endpoint`: AWS's schemas, and handlers that ask SageMaker.

The schemas are those that cfn-lint brings along. SageMaker is asked without a client of botocore, because the
engine's environment has an older one, which does not know all members.
"""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Iterator
from typing import Any

from sandbox.cloudformation.aws_schemas import AwsSchemas
from sandbox.cloudformation.provider import Properties
from sandbox.cloudformation.registered_type import RETRIABLE, RegisteredType
from sandbox.shared.credentials import Credentials
from sandbox.shared.http_request import request
from sandbox.shared.json_pointers import referenced, top_level
from sandbox.shared.signatures import sign_post

PREFIX = "AWS::SageMaker::"
ENDPOINT = "Endpoint"
NAMES = (ENDPOINT, "EndpointConfig", "Model")
POLL_SECONDS = 2
# What an endpoint is deployed anew for, and what says how.
_DEPLOYED = ("EndpointConfigName", "DeploymentConfig")
_TAKEN = frozenset(
    {
        *_DEPLOYED,
        "ExcludeRetainedVariantProperties",
        "RetainAllVariantProperties",
        "RetainDeploymentConfig",
    }
)
MAX_PREFIX_CHARACTERS = 50  # of a generated name, which may have 63
_RESERVED_TAGS = "aws:"
# Which code of a handler an error is, by its code and the beginning of its message.
_CODES = {
    "AccessDeniedException": "AccessDenied",
    "ConflictException": "ResourceConflict",
    "ResourceLimitExceeded": "ServiceLimitExceeded",
    "ThrottlingException": "Throttling",
}
_MESSAGES = {
    "Cannot create already existing": "AlreadyExists",
    "Cannot update in-progress": "ResourceConflict",
    "Could not find": "NotFound",
}

Json = dict[str, Any]


def hosting_types(schemas: AwsSchemas, endpoint: str, credentials: Credentials) -> Iterator[SageMakerType]:
    """Yield the three types, those of which there are schemas."""
    for name in NAMES:
        if schema := schemas.schema(PREFIX + name):
            yield SageMakerType(schema, name, endpoint, credentials)


class SageMakerType(RegisteredType):
    """One of the three types; `Ref` is the ARN, and `Fn::GetAtt` has the name as well."""

    def __init__(self, schema: Json, name: str, endpoint: str, credentials: Credentials) -> None:
        super().__init__(schema, HostingHandlers(schema, name, endpoint, credentials))
        self._attributes = [*self._attributes, (f"{name}Name",)]


class SageMakerError(Exception):
    """An error that SageMaker answers with, and the code of a handler for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class HostingHandlers:
    """The handlers of one type, which are called in this process."""

    version_id = "00000001"

    def __init__(self, schema: Json, name: str, endpoint: str, credentials: Credentials) -> None:
        self.credentials = credentials
        self._schema = schema
        self._name = name
        self._endpoint = endpoint
        # What an update of an endpoint takes, and its creation does not.
        self._write_only = top_level(schema.get("writeOnlyProperties", []))

    def logging(self) -> Json:
        """Return that nothing is logged."""
        return {}

    def invoke(self, event: Json) -> Json:
        """Handle one event and return the progress event."""
        handlers = {
            "CREATE": self._create,
            "READ": self._read,
            "UPDATE": self._update,
            "DELETE": self._delete,
        }
        properties: Properties = event["requestData"]["resourceProperties"]
        try:
            return handlers[event["action"]](event, properties)
        except SageMakerError as error:
            if event["callbackContext"] and error.code in RETRIABLE:
                return _in_progress(properties)  # the next poll may have an answer
            return self._failed(error.code, str(error), properties)

    def _create(self, event: Json, properties: Properties) -> Json:
        name, arn = f"{self._name}Name", f"{self._name}Arn"
        if event["callbackContext"]:
            return self._settled(event, properties)
        given = self._typed(properties)
        is_generated = not given.get(name)
        if is_generated:
            given[name] = _generated_name(event)
        given["Tags"] = _tag_list(_tags(event, "stackTags", "resourceProperties"))
        try:
            self._call(event, "Create", {key: given[key] for key in given if key not in self._write_only})
        except SageMakerError as error:
            # A generated name is taken by nothing but an attempt before, whose answer was lost.
            if not is_generated or error.code != "AlreadyExists":
                raise
        made = self._call(event, "Describe", {name: given[name]})
        return _in_progress({**properties, arn: made[arn]}, 0)

    def _read(self, event: Json, properties: Properties) -> Json:
        return {"status": "SUCCESS", "resourceModel": self._model(event, properties)}

    def _update(self, event: Json, properties: Properties) -> Json:
        if event["callbackContext"]:
            return self._settled(event, properties)
        arn = properties[f"{self._name}Arn"]
        previous = event["requestData"]["previousResourceProperties"]
        is_deployed = self._name == ENDPOINT and any(
            properties.get(key) != previous.get(key) for key in _DEPLOYED
        )
        if is_deployed:
            given = {key: value for key, value in self._typed(properties).items() if key in _TAKEN}
            self._call(event, "Update", {**given, "EndpointName": _last(arn)})
        old = _tags(event, "previousStackTags", "previousResourceProperties")
        new = _tags(event, "stackTags", "resourceProperties")
        if dropped := [key for key in old if key not in new]:
            self._call(event, "DeleteTags", {"ResourceArn": arn, "TagKeys": dropped})
        if added := {key: value for key, value in new.items() if old.get(key) != value}:
            self._call(event, "AddTags", {"ResourceArn": arn, "Tags": _tag_list(added)})
        # An endpoint that is not deployed anew may have another configuration, given to it outside the stack.
        return self._settled(event, properties) if is_deployed else self._read(event, properties)

    def _delete(self, event: Json, properties: Properties) -> Json:
        name = _last(properties[f"{self._name}Arn"])
        is_begun = (event["callbackContext"] or {}).get("isBegun", False)
        if not is_begun:
            try:
                self._call(event, "Delete", {f"{self._name}Name": name})
                is_begun = True
            except SageMakerError as error:
                if self._name != ENDPOINT or error.code != "ResourceConflict":
                    raise  # else an endpoint is being made or changed, which ends first
            if self._name != ENDPOINT:
                return {"status": "SUCCESS"}
        self._call(event, "Describe", {f"{self._name}Name": name})  # which ends with NotFound
        return {**_in_progress(properties), "callbackContext": {"isBegun": is_begun}}

    def _settled(self, event: Json, properties: Properties) -> Json:
        """Return the event for a resource that has been written to: an endpoint is waited for."""
        if self._name == ENDPOINT:
            arn = properties["EndpointArn"]
            live = self._call(event, "Describe", {"EndpointName": _last(arn)})
            if live["EndpointStatus"] in ("Creating", "Updating", "RollingBack", "SystemUpdating"):
                return _in_progress(properties)
            if (live["EndpointStatus"], live["EndpointConfigName"]) != (
                "InService",
                properties["EndpointConfigName"],
            ):
                reason = live.get("FailureReason") or f"its status is {live['EndpointStatus']}"
                message = f"Endpoint {arn} is not in service with the desired configuration: {reason}"
                return self._failed("NotStabilized", message, properties)
        return self._read(event, properties)

    def _model(self, event: Json, properties: Properties) -> Properties:
        arn = properties[f"{self._name}Arn"]
        live = self._call(event, "Describe", {f"{self._name}Name": _last(arn)})
        if "LastDeploymentConfig" in live:
            live["DeploymentConfig"] = live["LastDeploymentConfig"]
        tags = self._call(event, "ListTags", {"ResourceArn": arn})["Tags"]
        model = {key: live[key] for key in self._schema["properties"] if key in live}
        return {**model, "Tags": [tag for tag in tags if not tag["Key"].startswith(_RESERVED_TAGS)]}

    def _failed(self, code: str, message: str, properties: Properties) -> Json:
        # A model without an ARN is of nothing that was made.
        return {"status": "FAILED", "errorCode": code, "message": message, "resourceModel": properties}

    def _typed(self, properties: Properties) -> Json:
        typed: Json = _typed(self._schema, self._schema, properties)
        return typed

    def _call(self, event: Json, operation: str, given: Json) -> Json:
        """Call an operation, of this type if it has no name of its own, and return its answer.

        Raises:
            SageMakerError: it is answered with an error.
        """
        if operation in ("Create", "Delete", "Describe", "Update"):
            operation += self._name
        body = json.dumps(given).encode()
        url = f"{self._endpoint}/"
        credentials = self.credentials.of_account(event["awsAccountId"])
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Security-Token": credentials.settings()["aws_session_token"],
            "X-Amz-Target": f"SageMaker.{operation}",
        }
        signed = sign_post(url, body, credentials, "sagemaker", headers, region=event["region"])
        try:
            answer = request(url, "POST", body, signed)
        except OSError as problem:
            raise SageMakerError("NetworkFailure", f"SageMaker gives no answer: {problem}") from problem
        content: Json = json.loads(answer.body or b"{}")
        if answer.status == http.client.OK:
            return content
        message = content.get("message") or content.get("Message") or ""
        code = str(content.get("__type", "")).rpartition("#")[2]
        detail = f"Service: SageMaker, Status Code: {answer.status}"
        if request_id := answer.headers.get("x-amzn-RequestId"):
            detail += f", Request ID: {request_id}"
        raise SageMakerError(_code(answer.status, code, message), f"{message} ({detail})")


def _code(status: int, code: str, message: str) -> str:
    if status >= http.client.INTERNAL_SERVER_ERROR:
        return "ServiceInternalError"
    by_message = (each for start, each in _MESSAGES.items() if message.startswith(start))
    return _CODES.get(code) or next(by_message, "InvalidRequest")


def _in_progress(properties: Properties, delay_seconds: int = POLL_SECONDS) -> Json:
    return {
        "status": "IN_PROGRESS",
        "callbackContext": {"isBegun": True},
        "callbackDelaySeconds": delay_seconds,
        "resourceModel": properties,
    }


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]


def _generated_name(event: Json) -> str:
    """Return a name like those that CloudFormation generates; the same one for the same token. [I]"""
    digest = hashlib.sha256(event["bearerToken"].encode()).hexdigest()[:12]
    return f"{event['requestData']['logicalResourceId'][:MAX_PREFIX_CHARACTERS]}-{digest}"


def _tags(event: Json, stack_tags: str, properties: str) -> dict[str, str]:
    """Return a stack's tags with those of a resource, which win."""
    data = event["requestData"]
    own = {tag["Key"]: tag["Value"] for tag in (data[properties] or {}).get("Tags") or []}
    return {**(data[stack_tags] or {}), **own}


def _tag_list(tags: dict[str, str]) -> list[Json]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _typed(schema: Json, rule: Json, value: Any) -> Any:
    """Return a value with numbers and booleans in place of the strings that events have."""
    if "$ref" in rule:
        rule = referenced(schema, rule["$ref"])
    if isinstance(value, dict):
        rules = rule.get("properties", {})
        return {key: _typed(schema, rules.get(key, {}), item) for key, item in value.items()}
    if isinstance(value, list):
        return [_typed(schema, rule.get("items", {}), item) for item in value]
    match rule.get("type"):
        case "integer":
            return int(value)
        case "number":
            return float(value)
        case "boolean":
            return str(value).lower() == "true"
        case _:
            return value
