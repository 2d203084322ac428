"""What stands around a template in an event, checked before anything reads it.

CloudFormation's own events are always right; those of tests and tools need not be. The library answers them
with Python's words, or with none. Not a word here quotes a value: an event holds credentials.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
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


def check(event: Any) -> None:
    """Raise InvalidRequest, or InvalidCredentials, when CloudFormation cannot have sent this event."""
    _check(event, _PRODUCTION)


def check_test(event: Any) -> None:
    """The same for an event of the shape that TestEntrypoint takes."""
    for name in ("request", "credentials"):
        if isinstance(event, Mapping) and not isinstance(event.get(name), Mapping):
            raise InvalidRequest(f"the event's {name} must be an object")
    _check(event, _TEST)


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
    for path in parts:
        if parts[path] is _credentials:
            _check_characters(event, path)


def _check_characters(event: Mapping[str, Any], path: Sequence[str]) -> None:
    """Credentials travel in headers, and what is no header is quoted by those who refuse it."""
    given: Any = event
    for name in path:
        given = (given or {}).get(name)
    for name, value in (given or {}).items():
        if name in _CREDENTIALS and value is not None and not (value.isascii() and value.isprintable()):
            raise InvalidCredentials(f"the event's {'.'.join(path)}.{name} is not printable ASCII")


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
    if isinstance(value, Mapping) and not any(map(_text, [*value, *value.values()])):
        return ""
    return "an object of strings"


def _credentials(value: Any) -> str:
    if value == {}:  # as good as none
        return ""
    # Credentials of a user have no session token.
    if isinstance(value, Mapping) and all(
        each in value and (value[each] is None or not _text(value[each])) for each in _CREDENTIALS
    ):
        return ""
    return f"an object with the strings {', '.join(_CREDENTIALS)}"


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
    ("requestData", "callerCredentials"): _credentials,
    ("requestData", "providerCredentials"): _credentials,
}
_TEST: Parts = {
    ("callbackContext",): _object,
    ("region",): _region,
    ("credentials",): _credentials,
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
