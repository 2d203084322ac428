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
    succeeded,
    version,
    version_model,
)
from .scripted_sagemaker import Script
from .tables import table

NOT_AN_OBJECT = f"{TYPE}: the event is not an object"
ACTIONS = f"{TYPE}: the event's action must be one of CREATE, READ, UPDATE, DELETE, LIST"
READ = f"READ {TYPE} (unnamed): "
NO_CREDENTIALS = "the request carries no caller credentials"


def read_event(**data: Any) -> Model:
    """The production event of a read with this data."""
    return {"action": "READ", "requestData": {"callerCredentials": CREDENTIALS, **data}}


@table(
    "event, text",
    {
        "nothing": (None, NOT_AN_OBJECT),
        "a list": ([], NOT_AN_OBJECT),
        "no action": ({}, ACTIONS),
        "an unknown action": ({"action": "FOO", "requestData": {}}, ACTIONS),
        "an action that is no string": ({"action": ["READ"]}, ACTIONS),
        "an action of any length": ({"action": "x" * 100_000}, ACTIONS),
        "text as data": (
            {"action": "READ", "requestData": "x"},
            f"{READ}the event's requestData must be an object",
        ),
        "a list as context": (
            {**read_event(), "callbackContext": []},
            f"{READ}the event's callbackContext must be an object",
        ),
        "text as context": (
            {**read_event(), "callbackContext": "somewhere"},
            f"{READ}the event's callbackContext must be an object",
        ),
        "a token": ({**read_event(), "bearerToken": 5}, f"{READ}the event's bearerToken must be a string"),
        "half a character": (
            {**read_event(), "bearerToken": "\ud800"},
            f"{READ}the event's bearerToken must be a string",
        ),
        "a region that would be a header": (
            {**read_event(resourceProperties=STATE), "region": "a\nb"},
            f"READ {TYPE} {VERSION}: the event's region must be the name of a region",
        ),
        "an impossible region": (
            {**read_event(), "region": "not a region"},
            f"{READ}the event's region must be the name of a region",
        ),
        "a list of tags": (
            read_event(stackTags=[]),
            f"{READ}the event's requestData.stackTags must be an object",
        ),
        "a tag with two values": (
            read_event(stackTags={"team": ["risk"]}),
            f"{READ}the event's requestData.stackTags must be an object of strings",
        ),
        "text as credentials": (
            read_event(callerCredentials="x"),
            f"{READ}the event's requestData.callerCredentials must be an object",
        ),
        "a member that the library cannot take": (
            {**read_event(), "bearerToken": "t", "self": 1},
            f"{READ}the event is not one that CloudFormation sends",
        ),
        "a list of properties": (
            read_event(resourceProperties=[]),
            f"{READ}the event's requestData.resourceProperties must be an object",
        ),
        "a number as the previous state": (
            {"action": "UPDATE", "requestData": {"resourceProperties": {}, "previousResourceProperties": 1}},
            f"UPDATE {TYPE} (unnamed): the event's requestData.previousResourceProperties must be an object",
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
        "a null request": (
            {"action": "READ", "request": None, "credentials": CREDENTIALS},
            f"{READ}the event's request must be an object",
        ),
        "no credentials": (
            {"action": "READ", "request": {"clientRequestToken": "t"}},
            f"{READ}the event's credentials must be an object",
        ),
        "a list of properties": (
            {"action": "READ", "request": {"desiredResourceState": []}, "credentials": CREDENTIALS},
            f"{READ}the event's request.desiredResourceState must be an object",
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
    event = invoke.send(
        {**read_event(resourceProperties=IN_GROUP), "action": "CREATE", "region": "eu-west-1"}
    )
    assert event == failed("InvalidRequest", "CREATE", "churn", NOT_REPEATABLE)


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
    request = {"clientRequestToken": "t", "desiredResourceState": STATE, "region": "us-east-2"}
    event = invoke.send_test({"action": "READ", "credentials": CREDENTIALS, "request": request})
    assert event == succeeded(version_model())
    assert script.signers[0].split("/")[2] == "us-east-2"
