"""Events of both entry points that CloudFormation does not send, and members that it may add."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import CREDENTIALS, Invoker
from .events import (
    IN_GROUP,
    NOT_REPEATABLE,
    STATE,
    TYPE,
    VERSION,
    Model,
    failed,
    failed_event,
    message,
    succeeded,
    version,
    version_model,
)
from .scripted_sagemaker import Script
from .tables import table

NOT_AN_OBJECT = f"{TYPE}: the event is not an object"
ACTIONS = f"{TYPE}: the event's action must be one of CREATE, READ, UPDATE, DELETE, LIST"
NO_CREDENTIALS = "the request carries no caller credentials"


def read_event(**data: Any) -> Model:
    """The production event of a read with this data."""
    return {"action": "READ", "requestData": {"callerCredentials": CREDENTIALS, **data}}


def event_of_test(**request: Any) -> Model:
    """The event of a read through TestEntrypoint with this request."""
    return {"action": "READ", "request": request, "credentials": CREDENTIALS}


def must_be(kind: str, path: str, action: str = "READ", identifier: str = "(unnamed)") -> str:
    """The message about a member of the event."""
    return message(action, identifier, f"the event's {path} must be {kind}")


OBJECT, STRING, REGION = "an object", "a string", "the name of a region"


@table(
    "event, text",
    {
        "nothing": (None, NOT_AN_OBJECT),
        "a list": ([], NOT_AN_OBJECT),
        "no action": ({}, ACTIONS),
        "an unknown action": ({"action": "FOO", "requestData": {}}, ACTIONS),
        "an action that is no string": ({"action": ["READ"]}, ACTIONS),
        "an action of any length": ({"action": "x" * 100_000}, ACTIONS),
        "text as data": ({"action": "READ", "requestData": "x"}, must_be(OBJECT, "requestData")),
        "a list as context": ({**read_event(), "callbackContext": []}, must_be(OBJECT, "callbackContext")),
        "text as context": ({**read_event(), "callbackContext": "x"}, must_be(OBJECT, "callbackContext")),
        "a token": ({**read_event(), "bearerToken": 5}, must_be(STRING, "bearerToken")),
        "half a character": ({**read_event(), "bearerToken": "\ud800"}, must_be(STRING, "bearerToken")),
        "a region that would be a header": (
            {**read_event(resourceProperties=STATE), "region": "a\nb"},
            must_be(REGION, "region", identifier=VERSION),
        ),
        "an impossible region": ({**read_event(), "region": "not a region"}, must_be(REGION, "region")),
        "a list of tags": (read_event(stackTags=[]), must_be(OBJECT, "requestData.stackTags")),
        "a tag with two values": (
            read_event(stackTags={"team": ["risk"]}),
            must_be("an object of strings", "requestData.stackTags"),
        ),
        "text as credentials": (
            read_event(callerCredentials="x"),
            must_be(OBJECT, "requestData.callerCredentials"),
        ),
        "a member that the library cannot take": (
            {**read_event(), "bearerToken": "t", "self": 1},
            message("READ", "(unnamed)", "the event is not one that CloudFormation sends"),
        ),
        "a list of properties": (
            read_event(resourceProperties=[]),
            must_be(OBJECT, "requestData.resourceProperties"),
        ),
        "a number as the previous state": (
            {"action": "UPDATE", "requestData": {"resourceProperties": {}, "previousResourceProperties": 1}},
            must_be(OBJECT, "requestData.previousResourceProperties", "UPDATE"),
        ),
    },
)
def test_production_event_that_is_malformed_is_an_invalid_request(
    invoke: Invoker, event: Any, text: str
) -> None:
    assert invoke.send(event) == failed_event("InvalidRequest", text)


@table(
    "event, text",
    {
        "nothing": (None, NOT_AN_OBJECT),
        "a list": ([], NOT_AN_OBJECT),
        "no request": ({}, f"{TYPE}: the event's request must be an object"),
        "an unknown action": ({"action": "FOO", "request": {}, "credentials": {}}, ACTIONS),
        "a null request": ({**event_of_test(), "request": None}, must_be(OBJECT, "request")),
        "no credentials": ({"action": "READ", "request": {}}, must_be(OBJECT, "credentials")),
        "a list of properties": (
            event_of_test(desiredResourceState=[]),
            must_be(OBJECT, "request.desiredResourceState"),
        ),
    },
)
def test_test_event_that_is_malformed_is_an_invalid_request(invoke: Invoker, event: Any, text: str) -> None:
    assert invoke.send_test(event) == failed_event("InvalidRequest", text)


@pytest.mark.parametrize("name", ["accessKeyId", "secretAccessKey", "sessionToken"])
@pytest.mark.parametrize("value", ["hush\nhush", "h\u00fcsh"])
def test_impossible_credentials_are_refused_unquoted(invoke: Invoker, name: str, value: str) -> None:
    event = invoke("READ", STATE, callerCredentials={**CREDENTIALS, name: value})
    text = f"the event's requestData.callerCredentials.{name} is not printable ASCII"
    assert event == failed("InvalidCredentials", "READ", VERSION, text)


@pytest.mark.parametrize(
    "given",
    [
        None,
        {},
        dict.fromkeys(CREDENTIALS),
        {"accessKeyId": "A"},
        *(
            {**CREDENTIALS, name: value}
            for name in ("accessKeyId", "secretAccessKey")
            for value in (None, "")
        ),
    ],
)
def test_incomplete_credentials_are_none(invoke: Invoker, given: Any) -> None:
    event = invoke("READ", STATE, callerCredentials=given)
    assert event == failed("InvalidCredentials", "READ", VERSION, NO_CREDENTIALS)


@pytest.mark.parametrize("action", ["CREATE", "READ", "UPDATE", "DELETE", "LIST"])
def test_request_without_credentials_is_refused(invoke: Invoker, action: str) -> None:
    event = invoke(action, STATE, callerCredentials=None)
    assert event == failed("InvalidCredentials", action, VERSION, NO_CREDENTIALS)


def test_event_without_request_data_is_refused(invoke: Invoker) -> None:
    event = invoke.send({"action": "LIST"})
    assert event == failed("InvalidCredentials", "LIST", "(unnamed)", NO_CREDENTIALS)


def test_event_without_a_token_cannot_create(invoke: Invoker) -> None:
    event = {**read_event(resourceProperties=IN_GROUP), "action": "CREATE", "region": "eu-west-1"}
    assert invoke.send(event) == failed("InvalidRequest", "CREATE", "churn", NOT_REPEATABLE)


@pytest.mark.parametrize("token", [{"sessionToken": None}, {}], ids=["null", "absent"])
def test_credentials_of_a_user_have_no_session_token(invoke: Invoker, script: Script, token: Model) -> None:
    script.describe(VERSION, version())
    keys = {name: CREDENTIALS[name] for name in ("accessKeyId", "secretAccessKey")}
    assert invoke("READ", STATE, callerCredentials={**keys, **token}) == succeeded(version_model())


def test_unknown_members_of_an_event_are_ignored(invoke: Invoker, script: Script) -> None:
    """A later CloudFormation may send more; SAM's own events do."""
    script.describe(VERSION, version(), version())
    data = {
        "resourceProperties": STATE,
        "callerCredentials": {**CREDENTIALS, "expiration": 5},
        "stackTags": {"team": None, "cost": 5},
        "typeConfiguration": {},
        "more": [],
    }
    event = {"action": "READ", "bearerToken": None, "snapshotRequested": True, "region": "eu-west-1"}
    assert invoke.send({**event, "requestData": data}) == succeeded(version_model())
    request = {"desiredResourceState": STATE, "snapshotRequested": True, "driftable": False}
    credentials = {**CREDENTIALS, "expiration": 5}
    test_event = {"action": "READ", "credentials": credentials, "region": "eu-west-1", "more": 1}
    assert invoke.send_test({**test_event, "request": request}) == succeeded(version_model())


def test_test_event_may_have_the_region_in_its_request(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version())
    event = event_of_test(clientRequestToken="t", desiredResourceState=STATE, region="us-east-2")
    assert invoke.send_test(event) == succeeded(version_model())
    assert script.signers[0].split("/")[2] == "us-east-2"
