"""The Cloud Control API through boto3, against the real process, with a type of the tests' own."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.cloudcontrol.ledger import UNFINISHED, WORKERS
from sandbox.local_aws import Sandbox
from tests.sandbox.looking import invoke

THING = "Tests::Fake::Thing"
BARE = "Tests::Fake::Bare"
WAIT_SECONDS = 20.0


class Api:
    """The client, and what the tests ask of it again and again."""

    def __init__(self, sandbox: Sandbox, awslambda: Any) -> None:
        # A fault is answered with HTTP 500, which boto3 would try again with pauses in between.
        config = Config(proxies={}, retries={"total_max_attempts": 1})
        self.client = sandbox.client("cloudcontrol", config=config)
        self._lambda = awslambda

    def create(self, **properties: Any) -> dict[str, Any]:
        """Ask for a thing; return the first event."""
        event: dict[str, Any] = self.client.create_resource(
            TypeName=THING, DesiredState=json.dumps({"Name": "it", **properties})
        )["ProgressEvent"]
        return event

    def made(self, **properties: Any) -> str:
        """Make a thing and return its identifier."""
        event = self.end(self.create(**properties))
        assert event["OperationStatus"] == "SUCCESS", event
        identifier: str = event["Identifier"]
        return identifier

    def update(self, identifier: str, *operations: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Ask for an update; return the first event."""
        event: dict[str, Any] = self.client.update_resource(
            TypeName=THING, Identifier=identifier, PatchDocument=json.dumps(operations), **more
        )["ProgressEvent"]
        return event

    def read(self, identifier: str) -> dict[str, Any]:
        """Return a thing's properties."""
        answer = self.client.get_resource(TypeName=THING, Identifier=identifier)
        assert answer["TypeName"] == THING
        assert answer["ResourceDescription"]["Identifier"] == identifier
        model: dict[str, Any] = json.loads(answer["ResourceDescription"]["Properties"])
        return model

    def status(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return how a request stands now."""
        answer = self.client.get_resource_request_status(RequestToken=event["RequestToken"])
        now: dict[str, Any] = answer["ProgressEvent"]
        return now

    def until(self, event: dict[str, Any], *, identified: bool = False) -> dict[str, Any]:
        """Poll until a request has ended, or until its resource has an identifier."""
        deadline = time.monotonic() + WAIT_SECONDS
        while event["OperationStatus"] in UNFINISHED and not (identified and "Identifier" in event):
            assert time.monotonic() < deadline, event
            time.sleep(0.01)
            event = self.status(event)
        return event

    def end(self, event: dict[str, Any]) -> dict[str, Any]:
        """Poll until a request has ended."""
        return self.until(event)

    def seen(self) -> list[dict[str, Any]]:
        """Return the production events that the handlers got."""
        events: list[dict[str, Any]] = invoke(self._lambda, "Inspect", {})[1]["events"]
        return events


@pytest.fixture
def api(fake_sandbox: Sandbox, awslambda: Any) -> Iterator[Api]:
    """The API with no thing in it."""
    api = Api(fake_sandbox, awslambda)
    yield api
    api.client.close()


def refused(code: str, call: Any, *arguments: Any, **more: Any) -> str:
    """Return the message a call is refused with, once the code is the expected one."""
    with pytest.raises(ClientError) as raised:
        call(*arguments, **more)
    assert raised.value.response["Error"]["Code"] == code, raised.value
    message: str = raised.value.response["Error"]["Message"]
    return message


# --- Create ---------------------------------------------------------------------------------------


def test_create_runs_the_handler_and_reports_the_model(api: Api) -> None:
    first = api.create(Size=3, Shiny=True, Hidden="psst")
    last = api.end(first)

    assert first["OperationStatus"] == "IN_PROGRESS"
    assert {name: last[name] for name in ("TypeName", "Operation", "OperationStatus")} == {
        "TypeName": THING,
        "Operation": "CREATE",
        "OperationStatus": "SUCCESS",
    }
    assert last["RequestToken"] == first["RequestToken"]
    assert last["EventTime"] == first["EventTime"]
    assert json.loads(last["ResourceModel"]) == {
        "Arn": last["Identifier"],
        "Name": "it",
        "Size": 3,
        "Shiny": True,
        "Status": "Ready",
    }
    assert not {"ErrorCode", "StatusMessage", "RetryAfter"} & last.keys()


def test_the_handler_gets_a_production_event_without_a_stack(api: Api, fake_sandbox: Sandbox) -> None:
    with closing(fake_sandbox.client("cloudcontrol", region_name="eu-central-1")) as european:
        event = european.create_resource(TypeName=THING, DesiredState='{"Name": "it", "Hidden": "psst"}')
        token = event["ProgressEvent"]["RequestToken"]
        while european.get_resource_request_status(RequestToken=token)["ProgressEvent"][
            "OperationStatus"
        ] not in ("SUCCESS", "FAILED"):
            time.sleep(0.01)
    [seen] = api.seen()
    assert (seen["action"], seen["bearerToken"], seen["region"]) == ("CREATE", token, "eu-central-1")
    assert (seen["resourceType"], seen["stackId"]) == (THING, None)
    data = seen["requestData"]
    assert data["resourceProperties"] == {"Name": "it", "Hidden": "psst"}
    assert [data[name] for name in ("logicalResourceId", "stackTags", "systemTags")] == [None] * 3


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"Name": 5}, "#/Name: expected type: String, found: Integer"),
        ({"Name": None}, "#/Name: expected type: String, found: Null"),
        ({"Size": "3"}, "#/Size: expected type: Integer, found: String"),
        ({"Shiny": "true"}, "#/Shiny: expected type: Boolean, found: String"),
        ({"Name": "a name of more than twenty"}, "#/Name: expected maxLength: 20, found: 26"),
        ({"Name": ""}, "#/Name: expected minLength: 1, found: 0"),
        ({"Colour": "red"}, "#: extraneous key [Colour] is not permitted"),
        ({"Nested": {"Free": "x"}}, "#/Nested: required key [Fixed] not found"),
        ({"Tags": [{"Key": "a", "Value": "b"}, {}]}, "#/Tags/1: required key [Value] not found"),
        ({"Behave": "badly"}, "#/Behave: badly is not a valid enum value"),
    ],
)
def test_a_desired_state_must_fit_the_schema(api: Api, properties: dict[str, Any], reason: str) -> None:
    message = refused("ValidationException", api.create, **properties)
    assert message.startswith("Model validation failed (")
    assert reason in message
    assert api.seen() == []


def test_every_problem_is_named(api: Api) -> None:
    create = api.client.create_resource
    message = refused("ValidationException", create, TypeName=THING, DesiredState='{"Size": 1.5}')
    assert message == (
        "Model validation failed (#/Size: expected type: Integer, found: Number\n"
        "#: required key [Name] not found)"
    )


def test_read_only_properties_cannot_be_desired(api: Api) -> None:
    message = refused("ValidationException", api.create, Arn="arn:mine", Status="Ready")
    assert "readOnlyProperties [/properties/Arn, /properties/Status]" in message
    assert api.seen() == []


@pytest.mark.parametrize("text", ["not json", "[]", '"text"'])
def test_a_desired_state_is_a_json_object(api: Api, text: str) -> None:
    message = refused(
        "InvalidRequestException", api.client.create_resource, TypeName=THING, DesiredState=text
    )
    assert message.startswith("DesiredState is not")


def test_a_failed_create_leaves_what_it_made_and_names_it(api: Api) -> None:
    event = api.end(api.create(Behave="break", Hidden="psst"))
    assert (event["OperationStatus"], event["ErrorCode"]) == ("FAILED", "NotStabilized")
    assert event["StatusMessage"] == "it broke"
    assert "Hidden" not in json.loads(event["ResourceModel"])
    assert api.read(event["Identifier"])["Name"] == "it"
    assert [seen["action"] for seen in api.seen()] == ["CREATE", "CREATE", "READ"]


def test_a_name_that_is_taken_identifies_nothing(api: Api) -> None:
    event = api.end(api.create(Behave="taken"))
    assert (event["OperationStatus"], event["ErrorCode"]) == ("FAILED", "AlreadyExists")
    assert "Identifier" not in event


def test_a_handler_that_breaks_is_an_internal_failure(api: Api) -> None:
    event = api.end(api.create(Behave="raise"))
    assert (event["OperationStatus"], event["ErrorCode"]) == ("FAILED", "InternalFailure")
    assert event["StatusMessage"] == "The function failed: the handler broke"


def test_a_throttled_create_is_tried_again(api: Api) -> None:
    event = api.end(api.create(Behave="throttled"))
    assert event["OperationStatus"] == "SUCCESS"
    assert [seen["bearerToken"] for seen in api.seen()] == [event["RequestToken"]] * 2


def test_a_create_ends_at_its_timeout(api: Api) -> None:
    event = api.end(api.create(Behave="endless"))
    assert (event["OperationStatus"], event["ErrorCode"]) == ("FAILED", "NotStabilized")
    assert "timed out" in event["StatusMessage"]
    assert event["Identifier"].startswith("arn:thing:")


def test_callbacks_get_the_context_and_the_model_back(api: Api) -> None:
    event = api.until(api.create(Behave="slow", Hidden="psst"), identified=True)
    assert event["OperationStatus"] == "IN_PROGRESS"
    assert event["RetryAfter"] > event["EventTime"]
    assert "Hidden" not in json.loads(event["ResourceModel"])

    assert api.end(event)["OperationStatus"] == "SUCCESS"
    first, second = api.seen()
    assert (first["callbackContext"], second["callbackContext"]) == (None, {"started": True})
    assert second["requestData"]["resourceProperties"]["Arn"] == event["Identifier"]
    assert second["requestData"]["resourceProperties"]["Hidden"] == "psst"


# --- Read and list --------------------------------------------------------------------------------


def test_get_shows_everything_but_what_is_write_only(api: Api) -> None:
    identifier = api.made(Hidden="psst", Size=1)
    wanted = {"Arn": identifier, "Name": "it", "Size": 1, "Status": "Ready"}
    assert api.read(identifier) == wanted
    as_json = api.client.get_resource(TypeName=THING, Identifier=json.dumps({"Arn": identifier}))
    assert as_json["ResourceDescription"]["Identifier"] == identifier
    refused("ValidationException", api.client.get_resource, TypeName=THING, Identifier='{"Name": "it"}')


@pytest.mark.parametrize(
    ("code", "exception", "status"),
    [
        ("NotFound", "ResourceNotFoundException", 400),
        ("Throttling", "ThrottlingException", 400),
        ("AccessDenied", "AccessDeniedException", 400),
        ("InvalidCredentials", "InvalidCredentialsException", 400),
        ("InvalidRequest", "InvalidRequestException", 400),
        ("NotUpdatable", "NotUpdatableException", 400),
        ("AlreadyExists", "AlreadyExistsException", 400),
        ("ResourceConflict", "ResourceConflictException", 400),
        ("ServiceLimitExceeded", "ServiceLimitExceededException", 400),
        ("NotStabilized", "NotStabilizedException", 400),
        ("GeneralServiceException", "GeneralServiceException", 400),
        ("SomethingNew", "GeneralServiceException", 400),
        ("ServiceInternalError", "ServiceInternalErrorException", 500),
        ("NetworkFailure", "NetworkFailureException", 500),
        ("InternalFailure", "HandlerInternalFailureException", 500),
        ("HandlerInternalFailure", "HandlerInternalFailureException", 500),
        ("ServiceTimeout", "HandlerFailureException", 500),
    ],
)
def test_a_failed_read_is_an_exception(api: Api, code: str, exception: str, status: int) -> None:
    with pytest.raises(ClientError) as raised:
        api.read(f"arn:refusing:{code}")
    assert raised.value.response["Error"]["Code"] == exception
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert "Tests::Fake::Thing Handler returned status FAILED: refused as asked" in str(raised.value)
    assert len(api.seen()) == 1


def test_list_passes_tokens_and_the_filter_on(api: Api) -> None:
    identifiers = [api.made(Name=name, Hidden="psst") for name in ("a", "b", "b", "b")]

    page = api.client.list_resources(TypeName=THING)
    assert [each["Identifier"] for each in page["ResourceDescriptions"]] == identifiers[:2]
    rest = api.client.list_resources(TypeName=THING, NextToken=page["NextToken"])
    assert [each["Identifier"] for each in rest["ResourceDescriptions"]] == identifiers[2:]
    assert "NextToken" not in rest

    pages = api.client.get_paginator("list_resources").paginate(TypeName=THING, ResourceModel='{"Name": "b"}')
    found = [each for page in pages for each in page["ResourceDescriptions"]]
    assert [each["Identifier"] for each in found] == identifiers[1:]
    assert [set(json.loads(each["Properties"])) for each in found] == [{"Arn", "Name", "Status"}] * 3


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("{", "ResourceModel is not JSON"),
        ("[]", "ResourceModel is not a JSON object"),
        ('{"Name": 1}', "#/Name: expected type: String, found: Integer"),
        ('{"Colour": "red"}', "#: extraneous key [Colour] is not permitted"),
    ],
)
def test_a_list_filter_must_fit_the_handlers_schema(api: Api, model: str, reason: str) -> None:
    assert reason in refused(
        "InvalidRequestException", api.client.list_resources, TypeName=THING, ResourceModel=model
    )
    assert api.seen() == []


# --- Update ---------------------------------------------------------------------------------------


def test_update_patches_what_read_returns(api: Api) -> None:
    identifier = api.made(Size=1, Tags=[{"Key": "a", "Value": "1"}])
    event = api.end(
        api.update(
            identifier,
            {"op": "test", "path": "/Status", "value": "Ready"},
            {"op": "replace", "path": "/Size", "value": 2},
            {"op": "add", "path": "/Tags/-", "value": {"Key": "b", "Value": "2"}},
            {"op": "remove", "path": "/Tags/0"},
            {"op": "add", "path": "Shiny", "value": True},
            {"op": "add", "path": "/Hidden", "value": "psst"},
        )
    )
    assert (event["Operation"], event["OperationStatus"]) == ("UPDATE", "SUCCESS")
    assert event["Identifier"] == identifier
    after = {"Arn": identifier, "Name": "it", "Size": 2, "Shiny": True, "Tags": [{"Key": "b", "Value": "2"}]}
    assert json.loads(event["ResourceModel"]) == {**after, "Status": "Ready"}
    data = api.seen()[-1]["requestData"]
    assert data["resourceProperties"] == {**after, "Hidden": "psst"}
    assert data["previousResourceProperties"] == {
        "Arn": identifier,
        "Name": "it",
        "Size": 1,
        "Tags": [{"Key": "a", "Value": "1"}],
        "Status": "Ready",
    }


@pytest.mark.parametrize(
    ("code", "document", "reason"),
    [
        ("InvalidRequestException", "{", "it is not JSON"),
        ("InvalidRequestException", "{}", "it is not an array of operations"),
        ("InvalidRequestException", "[1]", "operation 0 is not an object"),
        ("InvalidRequestException", '[{"path": "/Size"}]', "operation 0 has no op"),
        ("InvalidRequestException", '[{"op": "remove"}]', "operation 0 has no path"),
        ("InvalidRequestException", '[{"op": "add", "path": "/Size"}]', "operation 0 has no value"),
        ("InvalidRequestException", '[{"op": "move", "path": "/Size"}]', "operation 0 has no from"),
        ("InvalidRequestException", '[{"op": "grow", "path": "/Size"}]', "Unknown operation 'grow'"),
        ("InvalidRequestException", '[{"op": "move", "path": "/Size", "from": 1}]', "from is not a string"),
        ("InvalidRequestException", '[{"op": 1, "path": "/Size"}]', "op must be a string"),
        ("InvalidRequestException", '[{"op": "remove", "path": "/~2"}]', "operation 0: "),
        (
            "ValidationException",
            '[{"op": "replace", "path": "/Shiny", "value": true}]',
            "[REPLACE Operation] noSuchPath in source, path provided : /Shiny",
        ),
        (
            "ValidationException",
            '[{"op": "remove", "path": "/Tags/7"}]',
            "[REMOVE Operation] noSuchPath in source, path provided : /Tags/7",
        ),
        (
            "ValidationException",
            '[{"op": "add", "path": "/Name/First", "value": "x"}]',
            "[ADD Operation] noSuchPath in source, path provided : /Name/First",
        ),
        (
            "ValidationException",
            '[{"op": "test", "path": "/Size", "value": 9}]',
            "[TEST Operation] value is not the expected one, path provided : /Size",
        ),
        (
            "ValidationException",
            '[{"op": "replace", "path": "/Size", "value": "big"}]',
            "#/Size: expected type: Integer, found: String",
        ),
        (
            "ValidationException",
            '[{"op": "add", "path": "/Colour", "value": "red"}]',
            "#: extraneous key [Colour] is not permitted",
        ),
        (
            "ValidationException",
            '[{"op": "remove", "path": "/Status"}]',
            "Invalid patch update: readOnlyProperties [/properties/Status] cannot be updated",
        ),
        (
            "ValidationException",
            '[{"op": "add", "path": "/Status", "value": "Ready"}]',
            "Invalid patch update: readOnlyProperties [/properties/Status] cannot be updated",
        ),
        (
            "ValidationException",
            '[{"op": "move", "from": "/Arn", "path": "/Locked"}]',
            "Invalid patch update: readOnlyProperties [/properties/Arn] cannot be updated",
        ),
        (
            "ValidationException",
            '[{"op": "replace", "path": "", "value": {"Name": "it"}}]',
            "Invalid patch update: readOnlyProperties [/properties/Arn, /properties/Status] cannot be",
        ),
        (
            "NotUpdatableException",
            '[{"op": "replace", "path": "/Name", "value": "that"}]',
            "Invalid patch update: createOnlyProperties [/properties/Name] cannot be updated",
        ),
        (
            "NotUpdatableException",
            '[{"op": "add", "path": "/Nested", "value": {"Fixed": "a"}}]',
            "Invalid patch update: createOnlyProperties [/properties/Nested/Fixed] cannot be updated",
        ),
    ],
)
def test_a_patch_that_cannot_be_is_refused_before_any_change(
    api: Api, code: str, document: str, reason: str
) -> None:
    identifier = api.made(Size=1, Tags=[])
    update = api.client.update_resource
    message = refused(code, update, TypeName=THING, Identifier=identifier, PatchDocument=document)
    assert reason in message
    assert {seen["action"] for seen in api.seen()} <= {"CREATE", "READ"}


def test_a_patch_that_repeats_a_create_only_value_is_no_change(api: Api) -> None:
    identifier = api.made(Nested={"Fixed": "a", "Free": "b"})
    event = api.update(
        identifier,
        {"op": "replace", "path": "/Name", "value": "it"},
        {"op": "replace", "path": "/Nested", "value": {"Fixed": "a", "Free": "c"}},
    )
    assert api.end(event)["OperationStatus"] == "SUCCESS"
    assert api.read(identifier)["Nested"] == {"Fixed": "a", "Free": "c"}


def test_what_the_handler_refuses_is_a_failed_event(api: Api) -> None:
    identifier = api.made(Locked="a")
    event = api.end(api.update(identifier, {"op": "replace", "path": "/Locked", "value": "b"}))
    assert (event["OperationStatus"], event["ErrorCode"]) == ("FAILED", "NotUpdatable")
    assert (event["StatusMessage"], event["Identifier"]) == ("Locked cannot change", identifier)


def test_what_is_not_there_cannot_be_updated(api: Api) -> None:
    refused("ResourceNotFoundException", api.update, "arn:nothing")


# --- Delete ---------------------------------------------------------------------------------------


def test_delete_makes_it_gone(api: Api) -> None:
    identifier = api.made()
    delete = api.client.delete_resource
    event = api.end(delete(TypeName=THING, Identifier=identifier)["ProgressEvent"])
    assert (event["Operation"], event["OperationStatus"]) == ("DELETE", "SUCCESS")
    assert event["Identifier"] == identifier
    assert "ResourceModel" not in event
    assert api.seen()[-1]["requestData"]["resourceProperties"] == {"Arn": identifier}
    refused("ResourceNotFoundException", api.read, identifier)

    again = api.end(delete(TypeName=THING, Identifier=identifier)["ProgressEvent"])
    assert (again["OperationStatus"], again["ErrorCode"]) == ("FAILED", "NotFound")


# --- Requests -------------------------------------------------------------------------------------


def test_one_resource_has_one_operation_at_a_time(api: Api) -> None:
    event = api.until(api.create(Behave="slow"), identified=True)
    identifier = event["Identifier"]
    message = refused("ConcurrentOperationException", api.update, identifier)
    assert event["RequestToken"] in message
    refused("ConcurrentOperationException", api.client.delete_resource, TypeName=THING, Identifier=identifier)
    assert api.read(identifier)["Status"] == "Ready"
    api.end(event)
    assert api.end(api.update(identifier))["OperationStatus"] == "SUCCESS"


def test_a_client_token_makes_requests_idempotent(api: Api) -> None:
    wanted = {"TypeName": THING, "DesiredState": '{"Name": "it"}', "ClientToken": f"t-{time.time_ns()}"}
    first = api.end(api.client.create_resource(**wanted)["ProgressEvent"])
    again = api.client.create_resource(**wanted)["ProgressEvent"]
    assert again == first
    assert len(api.seen()) == 1
    other = {**wanted, "DesiredState": '{"Name": "that"}'}
    refused("ClientTokenConflictException", api.client.create_resource, **other)

    patch = {"op": "add", "path": "/Size", "value": 1}
    update = api.end(api.update(first["Identifier"], patch, ClientToken=wanted["ClientToken"] + "u"))
    assert api.update(first["Identifier"], patch, ClientToken=wanted["ClientToken"] + "u") == update
    refused(
        "ClientTokenConflictException", api.update, first["Identifier"], ClientToken=wanted["ClientToken"]
    )
    gone = {"TypeName": THING, "Identifier": first["Identifier"], "ClientToken": wanted["ClientToken"] + "d"}
    deleted = api.end(api.client.delete_resource(**gone)["ProgressEvent"])
    assert api.client.delete_resource(**gone)["ProgressEvent"] == deleted


def test_a_running_request_can_be_cancelled(api: Api) -> None:
    event = api.until(api.create(Behave="slow"), identified=True)
    cancelled = api.client.cancel_resource_request(RequestToken=event["RequestToken"])["ProgressEvent"]
    assert cancelled["OperationStatus"] == "CANCEL_IN_PROGRESS"
    last = api.end(cancelled)
    assert (last["OperationStatus"], last["Identifier"]) == ("CANCEL_COMPLETE", event["Identifier"])
    assert [seen["action"] for seen in api.seen()] == ["CREATE"]
    assert api.read(event["Identifier"])["Status"] == "Ready"  # nothing is undone


def test_a_finished_request_cannot_be_cancelled(api: Api) -> None:
    event = api.end(api.create())
    message = refused(
        "ConcurrentModificationException",
        api.client.cancel_resource_request,
        RequestToken=event["RequestToken"],
    )
    assert "is SUCCESS" in message


def test_requests_beyond_the_workers_are_pending(api: Api) -> None:
    running = [api.create(Behave="slow") for _ in range(WORKERS)]
    assert {event["OperationStatus"] for event in running} == {"IN_PROGRESS"}
    waiting, unwanted = api.create(), api.create()
    assert [waiting["OperationStatus"], unwanted["OperationStatus"]] == ["PENDING", "PENDING"]

    cancel = api.client.cancel_resource_request
    assert cancel(RequestToken=unwanted["RequestToken"])["ProgressEvent"]["OperationStatus"] == (
        "CANCEL_COMPLETE"
    )
    for event in running:
        cancel(RequestToken=event["RequestToken"])
    assert {api.end(event)["OperationStatus"] for event in running} == {"CANCEL_COMPLETE"}
    assert api.end(waiting)["OperationStatus"] == "SUCCESS"


def test_requests_are_listed_by_operation_and_status(api: Api) -> None:
    client = api.client
    made = [api.end(api.create(Behave=how)) for how in ("well", "break", "well")]
    made.append(api.end(api.update(made[0]["Identifier"])))

    def tokens(**wanted: Any) -> list[str]:
        pages = client.get_paginator("list_resource_requests").paginate(
            ResourceRequestStatusFilter=wanted, PaginationConfig={"PageSize": 1, "MaxItems": 4}
        )
        return [each["RequestToken"] for page in pages for each in page["ResourceRequestStatusSummaries"]]

    well, broken, better, updated = (event["RequestToken"] for event in made)
    assert tokens() == [updated, better, broken, well]
    assert tokens(Operations=["UPDATE"])[0] == updated
    assert updated not in tokens(Operations=["CREATE"])
    assert tokens(Operations=["CREATE"])[:3] == [better, broken, well]
    assert tokens(Operations=["CREATE"], OperationStatuses=["FAILED"])[0] == broken
    assert tokens(OperationStatuses=["PENDING", "IN_PROGRESS"]) == []
    first = client.list_resource_requests()["ResourceRequestStatusSummaries"]
    assert first[0] == made[-1]
    assert len(first) <= 20
    refused("ValidationException", client.list_resource_requests, NextToken="nobody")


# --- The protocol ---------------------------------------------------------------------------------


def test_a_token_nobody_got_is_not_found(api: Api) -> None:
    for call in (api.client.get_resource_request_status, api.client.cancel_resource_request):
        assert "nobody" in refused("RequestTokenNotFoundException", call, RequestToken="nobody")


def test_a_type_nobody_registered_is_not_found(api: Api) -> None:
    name = "Tests::Fake::Nothing"
    for call, more in (
        (api.client.create_resource, {"DesiredState": "{}"}),
        (api.client.get_resource, {"Identifier": "x"}),
        (api.client.update_resource, {"Identifier": "x", "PatchDocument": "[]"}),
        (api.client.delete_resource, {"Identifier": "x"}),
        (api.client.list_resources, {}),
    ):
        assert name in refused("TypeNotFoundException", call, TypeName=name, **more)


@pytest.mark.parametrize(
    ("operation", "action", "more"),
    [
        ("get_resource", "READ", {"Identifier": "x"}),
        ("update_resource", "UPDATE", {"Identifier": "x", "PatchDocument": "[]"}),
        ("delete_resource", "DELETE", {"Identifier": "x"}),
        ("list_resources", "LIST", {}),
    ],
)
def test_an_action_without_a_handler_is_unsupported(
    api: Api, operation: str, action: str, more: dict[str, str]
) -> None:
    call = getattr(api.client, operation)
    message = refused("UnsupportedActionException", call, TypeName=BARE, **more)
    assert message == f"Resource type {BARE} does not support {action} action"


def test_members_are_checked_against_the_api_description(api: Api) -> None:
    message = refused(
        "ValidationException", api.client.get_resource, TypeName="no type at all", Identifier="x"
    )
    assert "at 'typeName' failed to satisfy constraint" in message


@pytest.mark.parametrize(
    ("target", "body", "code"),
    [
        ("CloudApiService.GrowResource", b"{}", "UnknownOperationException"),
        ("SomethingElse.GetResource", b"{}", "UnknownOperationException"),
        ("CloudApiService.GetResource", b"{", "SerializationException"),
        ("CloudApiService.GetResource", b"{}", "ValidationException"),
    ],
)
def test_what_is_no_request_of_the_protocol_is_refused(
    fake_sandbox: Sandbox, target: str, body: bytes, code: str
) -> None:
    address = urlsplit(fake_sandbox.endpoints["cloudcontrol"])
    with closing(http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)) as connection:
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"}
        connection.request("POST", "/", body, headers)
        response = connection.getresponse()
        answer = json.load(response)
    assert (response.status, answer["__type"]) == (400, code)
    assert answer["Message"]
