"""What stands around a template in an event, checked before anything reads it.

CloudFormation's own events are always right; those of tests and tools need not be. The library answers them
with Python's words, or with none. Not a word here quotes a value: an event holds credentials.
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
    """The action an event asks for, None when it asks for none that there is."""
    name = event.get("action") if isinstance(event, Mapping) else None
    return Action.__members__.get(name) if isinstance(name, str) else None


def properties_of(event: Any) -> Mapping[str, Any]:
    """The properties an event of either shape brings, as far as there are any."""
    for part, name in (("requestData", "resourceProperties"), ("request", "desiredResourceState")):
        data = event.get(part) if isinstance(event, Mapping) else None
        found = data.get(name) if isinstance(data, Mapping) else None
        if isinstance(found, Mapping):
            return found
    return {}


def checked(event: Any) -> dict[str, Any]:
    """The event with nothing but known credentials in it.

    Raises InvalidRequest, or InvalidCredentials, when CloudFormation cannot have sent it.
    """
    _check(event, _PRODUCTION)
    data = {**(event.get("requestData") or {})}
    for name in ("callerCredentials", "providerCredentials"):
        if data.get(name):
            data[name] = _credentials(data[name], f"requestData.{name}")
    return {**event, "requestData": data}


def checked_test(event: Any) -> dict[str, Any]:
    """The same for an event of the shape that TestEntrypoint takes."""
    for name in ("request", "credentials"):
        if isinstance(event, Mapping) and not isinstance(event.get(name), Mapping):
            raise InvalidRequest(f"the event's {name} must be an object")
    _check(event, _TEST)
    return {**event, "credentials": _credentials(event["credentials"], "credentials")}


def _check(event: Any, parts: Parts) -> None:
    if not isinstance(event, Mapping):
        raise InvalidRequest("the event is not an object")
    if action_of(event) is None:
        raise InvalidRequest(f"the event's action must be one of {', '.join(Action.__members__)}")
    for path, must_be in parts.items():
        value: Any = event
        for name in path:
            value = value.get(name) if value is not None else None
        wrong = must_be(value) if value is not None else ""
        if wrong:
            raise InvalidRequest(f"the event's {'.'.join(path)} must be {wrong}")


def _credentials(given: Mapping[str, Any], path: str) -> dict[str, str | None]:
    """The three credentials. They travel in headers; what cannot be one is quoted by whoever refuses it."""
    found = {name: given.get(name) for name in _CREDENTIALS}
    for name, value in found.items():
        # Credentials of a user have no session token.
        if value is not None and not (isinstance(value, str) and value.isascii() and value.isprintable()):
            raise InvalidCredentials(f"the event's {path}.{name} is not printable ASCII")
    return found


# --- what a part must be: empty when it is ----------------------------------------------------------


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
