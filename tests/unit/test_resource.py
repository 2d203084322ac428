"""Both entry points: events without sense, messages, confidential values, the end of an invocation."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from cloudformation_cli_python_lib import Action

from aws_sagemaker_modelpackage import client, handlers, stabilize, translate

from .conftest import CREDENTIALS, Clock, Invoker, lambda_context
from .events import (
    NAMED,
    NO_TIME,
    TYPE,
    VERSION,
    Model,
    failed,
    in_progress,
    live_specification,
    named,
    said,
    specification,
    succeeded,
    version,
    version_model,
)
from .scripted_sagemaker import ANY, HANGS_UP, UNAVAILABLE, ScriptedSageMaker, error

STATE = {"ModelPackageArn": VERSION}
IN_GROUP = {"ModelPackageGroupName": "churn"}


# --- events that make no sense ----------------------------------------------------------------------

ACTIONS = "the event's action must be one of CREATE, READ, UPDATE, DELETE, LIST"
READ = f"READ {TYPE} (unnamed): "
ODD_EVENT = f"{READ}the event is not one that CloudFormation sends"


def deep(levels: int) -> Any:
    """An object with so many levels."""
    found: Any = {}
    for _ in range(levels - 1):
        found = {"a": found}
    return found


def read_event(**data: Any) -> Model:
    """The production event of a read with this data."""
    return {"action": "READ", "requestData": {"callerCredentials": CREDENTIALS, **data}}


@pytest.mark.parametrize(
    ("event", "words"),
    [
        pytest.param(None, f"{TYPE}: the event is not an object", id="nothing"),
        pytest.param([], f"{TYPE}: the event is not an object", id="a list"),
        pytest.param({}, f"{TYPE}: {ACTIONS}", id="no action"),
        pytest.param({"action": "FOO", "requestData": {}}, f"{TYPE}: {ACTIONS}", id="an unknown action"),
        pytest.param({"action": ["READ"]}, f"{TYPE}: {ACTIONS}", id="an action that is no string"),
        pytest.param({"action": "x" * 100_000}, f"{TYPE}: {ACTIONS}", id="an action of any length"),
        pytest.param(
            {"action": "READ", "requestData": "x"},
            f"{READ}the event's requestData must be an object",
            id="text as data",
        ),
        pytest.param(
            {**read_event(), "callbackContext": []},
            f"{READ}the event's callbackContext must be an object",
            id="a list as context",
        ),
        pytest.param(
            {**read_event(), "bearerToken": 5},
            f"{READ}the event's bearerToken must be a string",
            id="a token",
        ),
        pytest.param(
            {**read_event(), "bearerToken": "\ud800"},
            f"{READ}the event's bearerToken must be a string",
            id="half a character",
        ),
        pytest.param(
            {**read_event(resourceProperties=STATE), "region": "a\nb"},
            f"READ {TYPE} {VERSION}: the event's region must be the name of a region",
            id="a region that would be a header",
        ),
        pytest.param(
            read_event(stackTags={"team": ["risk"]}),
            f"{READ}the event's requestData.stackTags must be an object of strings",
            id="a tag with two values",
        ),
        pytest.param(
            read_event(callerCredentials="x"),
            f"{READ}the event's requestData.callerCredentials must be an object",
            id="text as credentials",
        ),
        pytest.param(
            {**read_event(), "HandlerRequest": 1, "action": "READ", "bearerToken": "t", "self": 1},
            ODD_EVENT,
            id="a member that the library cannot take",
        ),
        pytest.param(
            read_event(resourceProperties=[]),
            f"{READ}the event's requestData.resourceProperties must be an object",
            id="a list of properties",
        ),
        pytest.param(
            {"action": "UPDATE", "requestData": {"resourceProperties": {}, "previousResourceProperties": 1}},
            f"UPDATE {TYPE} (unnamed): the event's requestData.previousResourceProperties must be an object",
            id="a number as the previous state",
        ),
    ],
)
def test_a_malformed_production_event_is_an_invalid_request(invoke: Invoker, event: Any, words: str) -> None:
    assert invoke.send(event) == failed("InvalidRequest", words)


@pytest.mark.parametrize("levels", [65, 500])
def test_what_is_ignored_may_be_of_any_depth_and_stays_behind(
    invoke: Invoker, sagemaker: ScriptedSageMaker, levels: int
) -> None:
    sagemaker.describe(VERSION, version(ModelPackageStatus="InProgress"))
    shallow = {**IN_GROUP, "CreationTime": deep(64)}
    event = invoke("CREATE", {**shallow, "CreatedBy": deep(levels)}, context={"arn": VERSION})
    assert event == in_progress({**shallow, **STATE}, 1, arn=VERSION, polls=1)


def test_a_deep_previous_state_does_no_harm(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(VERSION, error("ValidationException", "no"))
    event = invoke("UPDATE", STATE, {**STATE, "ModelCard": {"a": deep(500)}})
    assert event == failed("InvalidRequest", said("UPDATE", VERSION, "no (ValidationException)"))


@pytest.mark.parametrize("name", ["accessKeyId", "secretAccessKey", "sessionToken"])
@pytest.mark.parametrize("value", ["hush\nhush", "h\u00fcsh"])
def test_credentials_that_cannot_be_any_are_refused_unquoted(invoke: Invoker, name: str, value: str) -> None:
    event = invoke("READ", STATE, callerCredentials={**CREDENTIALS, name: value})
    words = f"the event's requestData.callerCredentials.{name} is not printable ASCII"
    assert event == failed("InvalidCredentials", said("READ", VERSION, words))


@pytest.mark.parametrize("given", [{"accessKeyId": "A"}, {"accessKeyId": "", "secretAccessKey": "b"}])
def test_half_the_credentials_are_none(invoke: Invoker, given: Model) -> None:
    event = invoke("READ", STATE, callerCredentials=given)
    assert event == failed("InvalidCredentials", said("READ", VERSION, NO_CREDENTIALS))


def test_what_else_stands_in_an_event_is_passed_over(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    """A later CloudFormation may send more; SAM's own events do."""
    sagemaker.describe(VERSION, version())
    event = {
        "action": "READ",
        "bearerToken": None,
        "snapshotRequested": True,
        "region": "eu-west-1",
        "requestData": {
            "resourceProperties": STATE,
            "callerCredentials": {**CREDENTIALS, "expiration": 5},
            "stackTags": {"team": None, "cost": 5},
            "typeConfiguration": {},
            "more": [],
        },
    }
    assert invoke.send(event) == succeeded(version_model())
    sagemaker.describe(VERSION, version())
    test_event = {
        "action": "READ",
        "credentials": {**CREDENTIALS, "expiration": 5},
        "region": "eu-west-1",
        "request": {"desiredResourceState": STATE, "snapshotRequested": True, "driftable": False},
        "more": 1,
    }
    assert invoke.send_test(test_event) == succeeded(version_model())


@pytest.mark.parametrize("without", ["null", "absent"])
def test_credentials_of_a_user_have_no_session_token(
    invoke: Invoker, sagemaker: ScriptedSageMaker, without: str
) -> None:
    sagemaker.describe(VERSION, version())
    given: Model = {**CREDENTIALS, "sessionToken": None}
    if without == "absent":
        del given["sessionToken"]
    event = invoke("READ", STATE, callerCredentials=given)
    assert event == succeeded(version_model())


@pytest.mark.parametrize(
    ("event", "words"),
    [
        pytest.param(None, f"{TYPE}: the event is not an object", id="nothing"),
        pytest.param([], f"{TYPE}: the event is not an object", id="a list"),
        pytest.param({}, f"{TYPE}: the event's request must be an object", id="no request"),
        pytest.param(
            {"action": "FOO", "request": {}, "credentials": {}}, f"{TYPE}: {ACTIONS}", id="an unknown action"
        ),
        pytest.param(
            {"action": "READ", "request": None, "credentials": CREDENTIALS},
            f"{READ}the event's request must be an object",
            id="a null request",
        ),
        pytest.param(
            {"action": "READ", "request": {"clientRequestToken": "t"}},
            f"{READ}the event's credentials must be an object",
            id="no credentials",
        ),
        pytest.param(
            {
                "action": "READ",
                "request": {"clientRequestToken": "t", "desiredResourceState": []},
                "credentials": CREDENTIALS,
            },
            f"{READ}the event's request.desiredResourceState must be an object",
            id="a list of properties",
        ),
    ],
)
def test_a_malformed_event_of_the_test_entry_point_is_an_invalid_request(
    invoke: Invoker, event: Any, words: str
) -> None:
    assert invoke.send_test(event) == failed("InvalidRequest", words)


NO_CREDENTIALS = "the request carries no caller credentials"


@pytest.mark.parametrize("action", ["CREATE", "READ", "UPDATE", "DELETE", "LIST"])
def test_a_request_without_credentials_is_refused(invoke: Invoker, action: str) -> None:
    event = invoke(action, STATE, callerCredentials=None)
    assert event == failed("InvalidCredentials", said(action, VERSION, NO_CREDENTIALS))


def test_empty_credentials_are_none(invoke: Invoker) -> None:
    event = invoke("READ", STATE, callerCredentials={})
    assert event == failed("InvalidCredentials", said("READ", VERSION, NO_CREDENTIALS))


def test_an_event_without_request_data_is_refused(invoke: Invoker) -> None:
    event = invoke.send({"action": "LIST"})
    assert event == failed("InvalidCredentials", said("LIST", "(unnamed)", NO_CREDENTIALS))


def test_an_event_without_a_token_cannot_create(invoke: Invoker) -> None:
    event = invoke.send(
        {
            "action": "CREATE",
            "region": "eu-west-1",
            "requestData": {"resourceProperties": IN_GROUP, "callerCredentials": CREDENTIALS},
        }
    )
    words = "the request carries no token, so a repeated create could register a second package"
    assert event == failed("InvalidRequest", said("CREATE", "churn", words))


def test_a_region_may_stand_in_the_request_of_the_test_entry_point(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, version())
    event = invoke.send_test(
        {
            "action": "READ",
            "credentials": CREDENTIALS,
            "request": {
                "clientRequestToken": "t",
                "desiredResourceState": STATE,
                "region": "us-east-2",
            },
        }
    )
    assert event == succeeded(version_model())
    assert sagemaker.signers[0].split("/")[2] == "us-east-2"


def test_a_callback_context_that_is_no_object_is_refused(invoke: Invoker) -> None:
    event = invoke("CREATE", IN_GROUP, context="somewhere")
    words = "the event's callbackContext must be an object"
    assert event == failed("InvalidRequest", said("CREATE", "churn", words))


def test_what_makes_no_sense_in_a_callback_context_is_found_out_anew(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, version(ModelPackageStatus="InProgress"))
    odd = {"polls": "many", "failed_polls": -1, "since": True, "unseen_seconds": 1e300, "stage": 5}
    event = invoke("CREATE", IN_GROUP, context={"arn": VERSION, **odd})
    assert event == in_progress({**IN_GROUP, **STATE}, 1, arn=VERSION, polls=1)


@pytest.mark.parametrize("action", ["READ", "LIST"])
def test_what_is_answered_at_once_has_no_callback_context(invoke: Invoker, action: str) -> None:
    context = {"arn": VERSION, "stage": "waiting"}
    event = invoke(action, STATE, context=context, lambda_context=lambda_context(0))
    assert event == failed("NetworkFailure", said(action, VERSION, NO_TIME))


@pytest.mark.parametrize("context", [{"stage": "waiting"}, {"arn": "churn/3", "stage": "waiting"}])
def test_a_callback_context_without_an_arn_is_none(
    invoke: Invoker, sagemaker: ScriptedSageMaker, context: Model
) -> None:
    sagemaker.look(VERSION, error("ValidationException", f"ModelPackage {VERSION} does not exist."))
    event = invoke("DELETE", STATE, context=context)
    assert event["errorCode"] == "NotFound"


def test_what_a_later_version_put_into_the_context_is_passed_over(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, version())
    event = invoke("CREATE", IN_GROUP, context={"arn": VERSION, "invented": 1})
    assert event == succeeded(version_model())


# --- credentials ------------------------------------------------------------------------------------


def test_credentials_that_the_service_quotes_are_hidden(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    given = {
        "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
        "secretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "sessionToken": "IQoJb3JpZ2luX2VjEXAMPLE",
    }
    quoted = "\n".join(f"{name}:{value}" for name, value in given.items())
    sagemaker.describe(VERSION, error("SignatureDoesNotMatch", f"The Canonical String is '{quoted}'"))
    words = (
        "The Canonical String is 'accessKeyId:***\nsecretAccessKey:***\nsessionToken:***'"
        " (SignatureDoesNotMatch)"
    )
    event = invoke("READ", STATE, callerCredentials=given)
    assert event == failed("InvalidCredentials", said("READ", VERSION, words))


# --- defects ----------------------------------------------------------------------------------------


def test_a_defect_of_ours_is_an_internal_failure_without_values(
    invoke: Invoker,
    sagemaker: ScriptedSageMaker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    quoted = "hunter22"

    def fail(*_: Any) -> Any:
        raise ZeroDivisionError(quoted)

    monkeypatch.setattr(translate, "to_model", fail)
    sagemaker.describe(VERSION, version())
    event = invoke("READ", STATE)
    words = "internal error (ZeroDivisionError); the handler's log says where"
    assert event == failed("InternalFailure", said("READ", VERSION, words))
    assert "test_resource" in caplog.text
    assert quoted not in caplog.text + "".join(capfd.readouterr())


def test_a_defect_after_a_package_was_made_carries_its_model(
    invoke: Invoker, sagemaker: ScriptedSageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stabilize, "state_of", lambda _described: 1 / 0)
    sagemaker.create(ANY, VERSION)
    sagemaker.describe(VERSION, version())
    words = "internal error (ZeroDivisionError); the handler's log says where"
    expected = failed("InternalFailure", said("CREATE", VERSION, words), {**IN_GROUP, **STATE})
    assert invoke("CREATE", IN_GROUP) == expected


def test_what_only_the_library_catches_is_worded(invoke: Invoker, monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(*_: object) -> None:
        raise SystemExit

    monkeypatch.setitem(handlers.resource._handlers, Action.READ, leave)
    event = invoke("READ", STATE)
    assert event == failed(
        "InternalFailure", "The handler failed before it could say why; its log has the details"
    )


def test_an_action_without_a_handler_is_worded(invoke: Invoker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(handlers.resource._handlers, Action.LIST)
    assert invoke("LIST") == failed("InternalFailure", said("LIST", "Model", "No handler for LIST"))


# --- messages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("desired", "identifier"),
    [
        pytest.param({"ModelPackageArn": VERSION, "ModelPackageGroupName": "g"}, VERSION, id="the ARN"),
        pytest.param({"ModelPackageName": "scorer"}, "scorer", id="the name"),
        pytest.param({"ModelPackageGroupName": "churn"}, "churn", id="the group"),
        pytest.param(
            {"ModelPackageArn": ["x"], "ModelPackageName": "scorer"}, "scorer", id="not what is no name"
        ),
        pytest.param({}, "Model", id="the logical id"),
    ],
)
def test_a_message_names_what_is_known_of_a_package(invoke: Invoker, desired: Model, identifier: str) -> None:
    message = invoke("READ", desired, callerCredentials=None)["message"]
    assert message.startswith(f"READ {TYPE} {identifier}: ")


def test_a_message_is_no_longer_than_what_is_shown(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(VERSION, error("ValidationException", "x" * 2000))
    prefix = said("READ", VERSION, "")
    expected = failed("InvalidRequest", prefix + "x" * (997 - len(prefix)) + "...")
    assert invoke("READ", STATE) == expected


def test_a_long_list_of_failures_names_the_package_and_its_items_first(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    items = [{"Name": f"{'p' * 60}{i}", "Status": "Failed", "FailureReason": "r" * 2000} for i in range(8)]
    details = {"ValidationStatuses": items, "ImageScanStatuses": []}
    sagemaker.describe(VERSION, version(ModelPackageStatus="Failed", ModelPackageStatusDetails=details))
    message = invoke("CREATE", {**IN_GROUP, **STATE}, context={"arn": VERSION})["message"]
    names = ", ".join(f"validation profile {'p' * 60}{i}" for i in range(4))
    words = f"the package's status is Failed: {names} and 4 more failed. validation profile ppp"
    assert message.startswith(said("CREATE", VERSION, words))
    assert message.endswith(" more")
    assert 700 < len(message) <= 1000


SECRETS = {
    "Environment": {"KEY": "hunter22"},
    "CustomerMetadataProperties": {"who": "jane.doe"},
    "ModelCard": {"ModelCardContent": '{"owner": "mallory"}'},
}


@pytest.mark.parametrize("entry", ["production", "test"])
def test_confidential_values_stand_neither_in_messages_nor_in_logs(
    invoke: Invoker,
    sagemaker: ScriptedSageMaker,
    entry: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    desired = {**IN_GROUP, **SECRETS, "InferenceSpecification": specification()}
    quoted = (
        '3 validation errors: hunter22, jane.doe and mallory; Value \'{"owner": "mallory"}\' at'
        " 'modelCard.modelCardContent'; Value '7' at 'customerMetadataProperties.who'"
    )
    sagemaker.create(ANY, error("ValidationException", quoted))
    with caplog.at_level(logging.DEBUG):
        event = invoke("CREATE", desired) if entry == "production" else invoke.test("CREATE", desired)
    words = (
        "3 validation errors: ***, *** and ***; Value '***' at 'ModelCard.ModelCardContent'; Value '***' at"
        " 'CustomerMetadataProperties.who' (ValidationException)"
    )
    assert event == failed("InvalidRequest", said("CREATE", "churn", words))
    written = "".join(capfd.readouterr()) + "".join(
        record.getMessage() + str(record.exc_info)
        for record in caplog.records
        if not record.name.startswith(("botocore", "urllib3"))
    )
    for secret in ("hunter22", "jane.doe", "mallory"):
        assert secret not in written


def test_confidential_values_of_the_live_and_the_previous_package_are_not_shown(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    live = live_specification(Environment={"KEY": "hunter22"})
    sagemaker.describe(VERSION, version(InferenceSpecification=live, ModelApprovalStatus="Rejected"))
    quoted = error("ValidationException", "hunter22 and jane.doe are bad")
    sagemaker.expect("UpdateModelPackage", ANY, quoted)
    previous = {**IN_GROUP, **STATE, "CustomerMetadataProperties": {"who": "jane.doe"}}
    desired = {**IN_GROUP, **STATE, "ModelApprovalStatus": "Approved"}
    event = invoke("UPDATE", desired, previous)
    words = "*** and *** are bad (ValidationException)"
    assert event == failed("InvalidRequest", said("UPDATE", VERSION, words))


def test_confidential_values_of_a_refused_change_are_not_shown(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    card = {"ModelCardContent": '{"owner": "mallory"}'}
    sagemaker.describe(VERSION, version())
    sagemaker.expect("UpdateModelPackage", ANY, error("ValidationException", "mallory may not"))
    event = invoke("UPDATE", {**IN_GROUP, **STATE, "ModelCard": card}, {**IN_GROUP, **STATE})
    words = "ModelCard cannot be updated in place: *** may not (ValidationException)"
    assert event == failed("NotUpdatable", said("UPDATE", VERSION, words))


def test_values_of_other_properties_are_shown(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.create(ANY, error("ValidationException", "Value 's3://models' at 'sourceUri' is bad"))
    event = invoke("CREATE", {**IN_GROUP, "SourceUri": "s3://models"})
    words = "Value 's3://models' at 'SourceUri' is bad (ValidationException)"
    assert event == failed("InvalidRequest", said("CREATE", "churn", words))


# --- the end of an invocation -----------------------------------------------------------------------


def test_a_context_that_leaves_time_changes_nothing(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(VERSION, version())
    assert invoke("READ", STATE, lambda_context=lambda_context(60)) == succeeded(version_model())


def test_a_few_seconds_are_enough_for_a_call(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(VERSION, version())
    assert invoke("READ", STATE, lambda_context=lambda_context(6)) == succeeded(version_model())


def test_a_second_call_is_not_begun_when_the_first_took_the_time(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(NAMED, named(), takes=25)
    event = invoke("READ", {"ModelPackageArn": NAMED})
    assert event == failed("NetworkFailure", said("READ", NAMED, NO_TIME))


def test_a_create_that_took_the_time_is_looked_after_later(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.expect("CreateModelPackage", ANY, {"ModelPackageArn": VERSION}, takes=25)
    event = invoke("CREATE", IN_GROUP)
    assert event == in_progress({**IN_GROUP, **STATE}, 1, arn=VERSION, polls=1, failed_polls=1)


@pytest.mark.parametrize("context", [None, lambda_context(60)], ids=["no context", "a context"])
def test_attempts_that_hang_end_within_thirty_seconds(
    invoke: Invoker, sagemaker: ScriptedSageMaker, clock: Clock, context: Any
) -> None:
    began = clock.now
    for _ in range(3):
        sagemaker.describe(VERSION, HANGS_UP, takes=7)
    event = invoke("READ", STATE, lambda_context=context)
    words = (
        'Connection was closed before we received a valid response from endpoint URL: "'
        + sagemaker.url
        + '/".'
    )
    assert event == failed("NetworkFailure", said("READ", VERSION, words))
    assert clock.now - began < 28


def test_an_error_answer_is_not_tried_again_without_time(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, UNAVAILABLE, takes=25)
    event = invoke("READ", STATE)
    assert event == failed("ServiceInternalError", said("READ", VERSION, "Service Unavailable (503)"))


def test_an_answer_that_comes_late_is_still_one(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(VERSION, version(), takes=25)
    assert invoke("READ", STATE) == succeeded(version_model())


def test_a_context_with_less_time_ends_the_attempts_earlier(
    invoke: Invoker, sagemaker: ScriptedSageMaker, clock: Clock
) -> None:
    began = clock.now
    sagemaker.describe(VERSION, UNAVAILABLE, takes=6)
    event = invoke("READ", STATE, lambda_context=lambda_context(10))
    assert event == failed("ServiceInternalError", said("READ", VERSION, "Service Unavailable (503)"))
    assert clock.now - began < 10


def test_an_answer_that_trickles_in_is_not_waited_for(
    invoke: Invoker, sagemaker: ScriptedSageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A read of a socket may take its time again and again, so the invocation itself has an end.
    monkeypatch.setattr("aws_sagemaker_modelpackage.resource.MAX_INVOCATION_SECONDS", 0.2)
    monkeypatch.setattr(client, "READ_SECONDS", 0.0)
    monkeypatch.setattr(client, "CONNECT_SECONDS", 0.0)
    monkeypatch.setattr(client, "MIN_TIMEOUT_SECONDS", 0.09)
    monkeypatch.setattr(translate, "to_model", lambda *_: sagemaker.over.wait(5))
    sagemaker.describe(VERSION, version())
    expected = failed("NetworkFailure", said("READ", VERSION, NO_TIME))
    assert invoke("READ", STATE) == expected


def test_a_timeout_of_our_own_is_no_end_of_the_invocation(
    invoke: Invoker, sagemaker: ScriptedSageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise TimeoutError

    monkeypatch.setattr(translate, "to_model", fail)
    sagemaker.describe(VERSION, version())
    words = "internal error (TimeoutError); the handler's log says where"
    assert invoke("READ", STATE) == failed("InternalFailure", said("READ", VERSION, words))
