"""Validates the event around a template's properties, before anything reads it.

CloudFormation's own events are always valid; those of tests and tools need not be, and the library answers
them with the text of a Python exception, or none. No message here quotes a value: an event holds credentials.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from cloudformation_cli_python_lib import Action
from cloudformation_cli_python_lib.exceptions import InvalidCredentials, InvalidRequest

_CREDENTIALS = ("accessKeyId", "secretAccessKey", "sessionToken")
_REGION = re.compile("[a-zA-Z0-9-]{0,63}")

Parts = Mapping[tuple[str, ...], Callable[[Any], str]]


def action_of(event: Any) -> Action | None:
    """The action of an event, None when it has none of CloudFormation's."""
    name = event.get("action") if isinstance(event, Mapping) else None
    return Action.__members__.get(name) if isinstance(name, str) else None


def properties_of(event: Any) -> Mapping[str, Any]:
    """The properties in an event of either shape, empty when there are none."""
    for part, name in (("requestData", "resourceProperties"), ("request", "desiredResourceState")):
        data = event.get(part) if isinstance(event, Mapping) else None
        properties = data.get(name) if isinstance(data, Mapping) else None
        if isinstance(properties, Mapping):
            return properties
    return {}


def check_event(event: Any) -> dict[str, Any]:
    """CloudFormation's event, with nothing but the three known values in its credentials.

    Raises:
        InvalidRequest: CloudFormation cannot have sent it.
        InvalidCredentials: the same of its credentials.
    """
    _check(event, _PRODUCTION)
    data = {**(event.get("requestData") or {})}
    for name in ("callerCredentials", "providerCredentials"):
        if data.get(name):
            data[name] = _credentials(data[name], f"requestData.{name}")
    return {**event, "requestData": data}


def check_test_event(event: Any) -> dict[str, Any]:
    """An event of the shape that TestEntrypoint takes, in the shape of CloudFormation's.

    Raises:
        InvalidRequest: a part is missing or of a wrong type.
        InvalidCredentials: the same of its credentials.
    """
    for name in ("request", "credentials"):
        if isinstance(event, Mapping) and not isinstance(event.get(name), Mapping):
            raise InvalidRequest(f"the event's {name} must be an object")
    _check(event, _TEST)
    request = event["request"]
    return {
        "action": event["action"],
        "bearerToken": request.get("clientRequestToken"),
        "region": request.get("region") or event.get("region"),
        "stackId": request.get("stackId"),
        "callbackContext": event.get("callbackContext"),
        "nextToken": request.get("nextToken"),
        "requestData": {
            "resourceProperties": request.get("desiredResourceState"),
            "previousResourceProperties": request.get("previousResourceState"),
            "stackTags": request.get("desiredResourceTags"),
            "previousStackTags": request.get("previousResourceTags"),
            "logicalResourceId": request.get("logicalResourceIdentifier"),
            "callerCredentials": _credentials(event["credentials"], "credentials"),
        },
    }


def _check(event: Any, parts: Parts) -> None:
    if not isinstance(event, Mapping):
        raise InvalidRequest("the event is not an object")
    if action_of(event) is None:
        raise InvalidRequest(f"the event's action must be one of {', '.join(Action.__members__)}")
    for path, must_be in parts.items():
        value: Any = event
        for name in path:
            value = value.get(name) if value is not None else None
        expected = must_be(value) if value is not None else ""
        if expected:
            raise InvalidRequest(f"the event's {'.'.join(path)} must be {expected}")


def _credentials(given: Mapping[str, Any], path: str) -> dict[str, str | None]:
    """The three credentials. They become headers, and errors about an impossible header quote it."""
    credentials = {name: given.get(name) for name in _CREDENTIALS}
    for name, value in credentials.items():
        # Credentials of a user have no session token.
        if value is not None and not (isinstance(value, str) and value.isascii() and value.isprintable()):
            raise InvalidCredentials(f"the event's {path}.{name} is not printable ASCII")
    return credentials


# --- what a part must be: empty when it is that -----------------------------------------------------


def _text(value: Any) -> str:
    try:
        value.encode()
    except (AttributeError, UnicodeError):  # half a character of UTF-16 has no bytes
        return "a string"
    return ""


def _object(value: Any) -> str:
    return "" if isinstance(value, Mapping) else "an object"


def _region(value: Any) -> str:
    return "" if isinstance(value, str) and _REGION.fullmatch(value) else "the name of a region"


def _tags(value: Any) -> str:
    if not isinstance(value, Mapping):
        return "an object"
    values = (each for each in value.values() if not isinstance(each, int | float | None))
    return "an object of strings" if any(map(_text, [*value, *values])) else ""


_PRODUCTION: Parts = {
    ("requestData",): _object,
    ("bearerToken",): _text,
    ("callbackContext",): _object,
    ("nextToken",): _text,
    ("region",): _region,
    ("resourceType",): _text,
    ("stackId",): _text,
    ("requestData", "resourceProperties"): _object,
    ("requestData", "previousResourceProperties"): _object,
    ("requestData", "logicalResourceId"): _text,
    ("requestData", "providerLogGroupName"): _text,
    ("requestData", "stackTags"): _tags,
    ("requestData", "previousStackTags"): _tags,
    ("requestData", "callerCredentials"): _object,
    ("requestData", "providerCredentials"): _object,
}
_TEST: Parts = {
    ("callbackContext",): _object,
    ("region",): _region,
    ("request", "clientRequestToken"): _text,
    ("request", "desiredResourceState"): _object,
    ("request", "previousResourceState"): _object,
    ("request", "desiredResourceTags"): _tags,
    ("request", "previousResourceTags"): _tags,
    ("request", "logicalResourceIdentifier"): _text,
    ("request", "nextToken"): _text,
    ("request", "region"): _region,
    ("request", "stackId"): _text,
}
