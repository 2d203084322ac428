"""The Cloud Control API through boto3, against the real process, with a type of the tests' own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.cloudcontrol.ledger import WORKERS
from sandbox.local_aws import Sandbox
from sandbox.shared.http_request import request
from sandbox.shared.signatures import sign_post
from tests.sandbox.helpers import cases, handled
from tests.stack.cloudcontrol import CloudControl, Json, add, remove, replace

THING = "Tests::Fake::Thing"
BARE = "Tests::Fake::Bare"
HIDDEN = "psst"


class Api(CloudControl):
    """Cloud Control for the fake type, and what its handlers got."""

    def __init__(self, sandbox: Sandbox, awslambda: Any, **options: Any) -> None:
        # A fault is answered with HTTP 500, which boto3 would try again with pauses in between.
        config = Config(proxies={}, retries={"total_max_attempts": 1})
        super().__init__(sandbox, THING, config=config, **options)
        self._lambda = awslambda

    def begin_create(self, **properties: Any) -> Json:
        return super().begin_create(**{"Name": "it", **properties})

    def cancel(self, event: Json) -> Json:
        answer = self.client.cancel_resource_request(RequestToken=event["RequestToken"])
        return dict(answer["ProgressEvent"])

    def identified(self, event: Json) -> Json:
        """Poll until the resource of a request has an identifier, and return its event."""
        return self.wait(event, lambda each: "Identifier" in each)

    def handled(self) -> list[Json]:
        """Return the production events that the handlers got."""
        return handled(self._lambda)

    def actions(self) -> list[str]:
        return [event["action"] for event in self.handled()]


@pytest.fixture
def api(fake_sandbox: Sandbox, awslambda: Any) -> Iterator[Api]:
    """The API with no thing in it."""
    api = Api(fake_sandbox, awslambda)
    yield api
    api.close()


def refusal(code: str, call: Any, *arguments: Any, **more: Any) -> str:
    """Return the message of the error with this code that a call ends in."""
    with pytest.raises(ClientError) as raised:
        call(*arguments, **more)
    assert raised.value.response["Error"]["Code"] == code, raised.value
    return str(raised.value.response["Error"]["Message"])


def test_create_runs_the_handler_and_reports_the_model(api: Api) -> None:
    first = api.begin_create(Size=3, Shiny=True, Hidden=HIDDEN)
    last = api.wait(first)

    assert first["OperationStatus"] == "IN_PROGRESS"
    model = {"Arn": last["Identifier"], "Name": "it", "Size": 3, "Shiny": True, "Status": "Ready"}
    assert json.loads(last.pop("ResourceModel")) == model
    assert last == {
        "TypeName": THING,
        "Identifier": model["Arn"],
        "RequestToken": first["RequestToken"],
        "Operation": "CREATE",
        "OperationStatus": "SUCCESS",
        "EventTime": first["EventTime"],
    }


@pytest.fixture
def european(fake_sandbox: Sandbox, awslambda: Any) -> Iterator[Api]:
    """The API in another Region."""
    with closing(Api(fake_sandbox, awslambda, region_name="eu-central-1")) as european:
        yield european


def test_create_sends_a_production_event_without_a_stack(api: Api, european: Api) -> None:
    token = european.create(Hidden=HIDDEN)["RequestToken"]
    (event,) = api.handled()
    assert (event["action"], event["bearerToken"], event["region"]) == ("CREATE", token, "eu-central-1")
    assert (event["resourceType"], event["stackId"]) == (THING, None)
    data = event["requestData"]
    assert data["resourceProperties"] == {"Name": "it", "Hidden": HIDDEN}
    assert [data[name] for name in ("logicalResourceId", "stackTags", "systemTags")] == [None] * 3


@cases(
    "properties, reason",
    {
        "a number for a text": ({"Name": 5}, "#/Name: expected type: String, found: Integer"),
        "a null": ({"Name": None}, "#/Name: expected type: String, found: Null"),
        "a text for a number": ({"Size": "3"}, "#/Size: expected type: Integer, found: String"),
        "a text for a boolean": ({"Shiny": "true"}, "#/Shiny: expected type: Boolean, found: String"),
        "a long text": ({"Name": "a name of more than twenty"}, "#/Name: expected maxLength: 20, found: 26"),
        "a short text": ({"Name": ""}, "#/Name: expected minLength: 1, found: 0"),
        "an extraneous key": ({"Colour": "red"}, "#: extraneous key [Colour] is not permitted"),
        "a nested key": ({"Nested": {"Free": "x"}}, "#/Nested: required key [Fixed] not found"),
        "a key in a list": (
            {"Tags": [{"Key": "a", "Value": "b"}, {}]},
            "#/Tags/1: required key [Value] not found",
        ),
        "an enumeration": ({"Behave": "badly"}, "#/Behave: badly is not a valid enum value"),
    },
)
def test_create_refuses_by_schema(api: Api, properties: Json, reason: str) -> None:
    message = refusal("ValidationException", api.create, **properties)
    assert message.startswith("Model validation failed (")
    assert reason in message
    assert api.actions() == []


@cases(
    "code, state, message",
    {
        "no JSON": ("InvalidRequestException", "not json", "DesiredState is not JSON"),
        "a list": ("InvalidRequestException", "[]", "DesiredState is not a JSON object"),
        "a text": ("InvalidRequestException", '"text"', "DesiredState is not a JSON object"),
        "read-only properties": (
            "ValidationException",
            '{"Name": "it", "Arn": "arn:mine", "Status": "Ready"}',
            "Invalid desired state: readOnlyProperties [/properties/Arn, /properties/Status] cannot",
        ),
        "two problems": (
            "ValidationException",
            '{"Size": 1.5}',
            "Model validation failed (#/Size: expected type: Integer, found: Number\n"
            "#: required key [Name] not found)",
        ),
    },
)
def test_create_refuses_states(api: Api, code: str, state: str, message: str) -> None:
    create = api.client.create_resource
    assert refusal(code, create, TypeName=THING, DesiredState=state).startswith(message)
    assert api.actions() == []


@cases(
    "behave, code, message",
    {
        "a handler that raises": ("raise", "InternalFailure", "The function failed: the handler broke"),
        "a name in use": ("taken", "AlreadyExists", "it is in use"),
        "a failure after the creation": ("break", "NotStabilized", "it broke"),
        "the timeout": ("endless", "NotStabilized", "Resource timed out waiting for completion of CREATE"),
    },
)
def test_create_fails(api: Api, behave: str, code: str, message: str) -> None:
    event = api.create(Behave=behave, Hidden=HIDDEN)
    assert (event["OperationStatus"], event["ErrorCode"]) == ("FAILED", code)
    assert event["StatusMessage"] == message
    assert "Hidden" not in json.loads(event["ResourceModel"])
    # Only what was made is identified, and it stays.
    assert ("Identifier" in event) == (code == "NotStabilized")
    if "Identifier" in event:
        assert api.read(event["Identifier"])["Name"] == "it"


def test_create_is_tried_again_when_throttled(api: Api) -> None:
    event = api.create(Behave="throttled")
    assert event["OperationStatus"] == "SUCCESS"
    assert [each["bearerToken"] for each in api.handled()] == [event["RequestToken"]] * 2


def test_create_polls_with_context_and_model(api: Api) -> None:
    event = api.identified(api.begin_create(Behave="slow", Hidden=HIDDEN))
    assert event["OperationStatus"] == "IN_PROGRESS"
    assert event["RetryAfter"] > event["EventTime"]
    assert "Hidden" not in json.loads(event["ResourceModel"])

    assert api.wait(event)["OperationStatus"] == "SUCCESS"
    first, second = api.handled()
    assert (first["callbackContext"], second["callbackContext"]) == (None, {"started": True})
    assert second["requestData"]["resourceProperties"]["Arn"] == event["Identifier"]
    assert second["requestData"]["resourceProperties"]["Hidden"] == HIDDEN


def test_get_shows_everything_but_write_only_properties(api: Api) -> None:
    identifier = api.create_package(Hidden=HIDDEN, Size=1)
    assert api.read(identifier) == {"Arn": identifier, "Name": "it", "Size": 1, "Status": "Ready"}
    get = api.client.get_resource
    as_json = get(TypeName=THING, Identifier=json.dumps({"Arn": identifier}))
    assert as_json["ResourceDescription"]["Identifier"] == identifier
    refusal("ValidationException", get, TypeName=THING, Identifier='{"Name": "it"}')


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
def test_get_fails_with_an_exception_for_each_code(api: Api, code: str, exception: str, status: int) -> None:
    with pytest.raises(ClientError) as raised:
        api.read(f"arn:refusing:{code}")
    assert raised.value.response["Error"]["Code"] == exception
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert f"{THING} Handler returned status FAILED: refused as asked" in str(raised.value)
    assert len(api.handled()) == 1


def test_list_passes_tokens_and_the_filter_on(api: Api) -> None:
    identifiers = [api.create_package(Name=name, Hidden=HIDDEN) for name in ("a", "b", "b", "b")]

    page = api.client.list_resources(TypeName=THING)
    assert [each["Identifier"] for each in page["ResourceDescriptions"]] == identifiers[:2]
    rest = api.client.list_resources(TypeName=THING, NextToken=page["NextToken"])
    assert [each["Identifier"] for each in rest["ResourceDescriptions"]] == identifiers[2:]
    assert "NextToken" not in rest

    pages = api.client.get_paginator("list_resources").paginate(TypeName=THING, ResourceModel='{"Name": "b"}')
    matches = [each for page in pages for each in page["ResourceDescriptions"]]
    assert [each["Identifier"] for each in matches] == identifiers[1:]
    assert [set(json.loads(each["Properties"])) for each in matches] == [{"Arn", "Name", "Status"}] * 3


@cases(
    "model, reason",
    {
        "no JSON": ("{", "ResourceModel is not JSON"),
        "a list": ("[]", "ResourceModel is not a JSON object"),
        "another type": ('{"Name": 1}', "#/Name: expected type: String, found: Integer"),
        "an unknown property": ('{"Colour": "red"}', "#: extraneous key [Colour] is not permitted"),
    },
)
def test_list_refuses_filters(api: Api, model: str, reason: str) -> None:
    list_ = api.client.list_resources
    assert reason in refusal("InvalidRequestException", list_, TypeName=THING, ResourceModel=model)
    assert api.actions() == []


def test_update_patches_what_read_returns(api: Api) -> None:
    identifier = api.create_package(Size=1, Tags=[{"Key": "a", "Value": "1"}])
    event = api.wait(
        api.begin_update(
            identifier,
            {"op": "test", "path": "/Status", "value": "Ready"},
            replace("/Size", 2),
            add("/Tags/-", {"Key": "b", "Value": "2"}),
            remove("/Tags/0"),
            add("Shiny", True),
            add("/Hidden", HIDDEN),
        )
    )
    assert (event["Operation"], event["OperationStatus"]) == ("UPDATE", "SUCCESS")
    assert event["Identifier"] == identifier
    model = {"Arn": identifier, "Name": "it", "Size": 2, "Shiny": True, "Tags": [{"Key": "b", "Value": "2"}]}
    previous = {"Arn": identifier, "Name": "it", "Size": 1, "Tags": [{"Key": "a", "Value": "1"}]}
    assert json.loads(event["ResourceModel"]) == {**model, "Status": "Ready"}
    data = api.handled()[-1]["requestData"]
    assert data["resourceProperties"] == {**model, "Hidden": HIDDEN}
    assert data["previousResourceProperties"] == {**previous, "Status": "Ready"}


@cases(
    "document, reason",
    {
        "no JSON": ("{", "it is not JSON"),
        "an object": ("{}", "it is not an array of operations"),
        "a number": ("[1]", "operation 0 is not an object"),
        "no op": ('[{"path": "/Size"}]', "operation 0 has no op"),
        "no path": ('[{"op": "remove"}]', "operation 0 has no path"),
        "no value": ('[{"op": "add", "path": "/Size"}]', "operation 0 has no value"),
        "no from": ('[{"op": "move", "path": "/Size"}]', "operation 0 has no from"),
        "an unknown op": ('[{"op": "grow", "path": "/Size"}]', "Unknown operation 'grow'"),
        "a number for from": ('[{"op": "move", "path": "/Size", "from": 1}]', "from is not a string"),
        "a number for op": ('[{"op": 1, "path": "/Size"}]', "op must be a string"),
        "a path that is none": ('[{"op": "remove", "path": "/~2"}]', "operation 0: "),
    },
)
def test_update_refuses_documents(api: Api, document: str, reason: str) -> None:
    update = api.client.update_resource
    message = refusal(
        "InvalidRequestException", update, TypeName=THING, Identifier="arn:any", PatchDocument=document
    )
    assert reason in message
    assert api.actions() == []


def operation(op: str, path: str, **more: Any) -> Json:
    return {"op": op, "path": path, **more}


NO_PATH = "noSuchPath in source, path provided : /"
NO_PARENT = "noSuchPath in source, path provided: /"
READ_ONLY = "Invalid patch update: readOnlyProperties"
CREATE_ONLY = "Invalid patch update: createOnlyProperties"


@cases(
    "operation, reason",
    {
        "replace what is absent": (replace("/Shiny", True), f"[REPLACE Operation] {NO_PATH}/Shiny"),
        "remove what is absent": (remove("/Tags/7"), f"[REMOVE Operation] {NO_PATH}/Tags/7"),
        "replace in what is absent": (
            replace("/Nested/Free", "x"),
            f"[REPLACE Operation] {NO_PARENT}/Nested/Free",
        ),
        "copy what is absent": (
            {"op": "copy", "from": "/Shiny", "path": "/Size"},
            f"[COPY Operation] {NO_PATH}/Shiny",
        ),
        "move into what is absent": (
            {"op": "move", "from": "/Size", "path": "/Nested/Free"},
            f"[MOVE Operation] {NO_PARENT}/Nested/Free",
        ),
        "add to a text": (
            add("/Name/First", "x"),
            '[ADD Operation] parent is not a container in source, path provided : //Name/First | node : "it"',
        ),
        "test another value": (
            {"op": "test", "path": "/Size", "value": 9},
            "[TEST Operation] value mismatch",
        ),
        "test what is absent": (
            {"op": "test", "path": "/Shiny", "value": True},
            f"[TEST Operation] {NO_PATH}/Shiny",
        ),
        "another type": (replace("/Size", "big"), "#/Size: expected type: Integer, found: String"),
        "an unknown property": (add("/Colour", "red"), "#: extraneous key [Colour] is not permitted"),
        "remove a read-only property": (
            remove("/Status"),
            f"{READ_ONLY} [/properties/Status] cannot be updated",
        ),
        "set a read-only property": (
            add("/Status", "Ready"),
            f"{READ_ONLY} [/properties/Status] cannot be updated",
        ),
        "move a read-only property": (
            {"op": "move", "path": "/Locked", "from": "/Arn"},
            f"{READ_ONLY} [/properties/Arn] cannot be updated",
        ),
        "replace the whole model": (
            replace("", {"Name": "it"}),
            f"{READ_ONLY} [/properties/Arn, /properties/Status] cannot be",
        ),
        "replace a create-only property": (
            replace("/Name", "that"),
            f"{CREATE_ONLY} [/properties/Name] cannot be updated",
        ),
        "set a nested create-only property": (
            add("/Nested", {"Fixed": "a"}),
            f"{CREATE_ONLY} [/properties/Nested/Fixed] cannot be updated",
        ),
    },
)
def test_update_refuses_operations(api: Api, operation: Json, reason: str) -> None:
    identifier = api.create_package(Size=1, Tags=[])
    code = "NotUpdatableException" if CREATE_ONLY in reason else "ValidationException"
    assert reason in refusal(code, api.update, identifier, operation)
    assert api.actions() == ["CREATE", "READ"]


def test_update_takes_the_live_value_of_a_create_only_property(api: Api) -> None:
    identifier = api.create_package(Nested={"Fixed": "a", "Free": "b"})
    event = api.begin_update(
        identifier,
        replace("/Name", "it"),
        replace("/Nested", {"Fixed": "a", "Free": "c"}),
    )
    assert api.wait(event)["OperationStatus"] == "SUCCESS"
    assert api.read(identifier)["Nested"] == {"Fixed": "a", "Free": "c"}


def test_update_shows_the_handlers_message(api: Api) -> None:
    identifier = api.create_package()
    event = api.update(identifier, add("/Behave", "report"), add("/Size", 2))
    assert (event["OperationStatus"], event["StatusMessage"]) == ("SUCCESS", "its size stays: 2")
    assert "StatusMessage" not in api.update(identifier, replace("/Behave", "well"))


def test_update_fails_with_the_handlers_code(api: Api) -> None:
    identifier = api.create_package(Locked="a")
    event = api.update(identifier, replace("/Locked", "b"))
    assert (event["OperationStatus"], event["ErrorCode"]) == ("FAILED", "NotUpdatable")
    assert (event["StatusMessage"], event["Identifier"]) == ("Locked cannot change", identifier)
    refusal("ResourceNotFoundException", api.update, "arn:nothing")


def test_delete_deletes_once(api: Api) -> None:
    identifier = api.create_package()
    event = api.delete(identifier)
    assert (event["Operation"], event["OperationStatus"]) == ("DELETE", "SUCCESS")
    assert event["Identifier"] == identifier
    assert "ResourceModel" not in event
    assert api.handled()[-1]["requestData"]["resourceProperties"] == {"Arn": identifier}
    refusal("ResourceNotFoundException", api.read, identifier)

    again = api.delete(identifier)
    assert (again["OperationStatus"], again["ErrorCode"]) == ("FAILED", "NotFound")


def test_requests_for_one_resource_run_one_at_a_time(api: Api) -> None:
    event = api.identified(api.begin_create(Behave="slow"))
    identifier = event["Identifier"]
    for call in (api.begin_update, api.begin_delete):
        assert event["RequestToken"] in refusal("ConcurrentOperationException", call, identifier)
    assert api.read(identifier)["Status"] == "Ready"
    api.wait(event)
    assert api.update(identifier)["OperationStatus"] == "SUCCESS"


def test_requests_are_idempotent_by_client_token(api: Api) -> None:
    token = f"t-{time.time_ns()}"
    desired = {"DesiredState": '{"Name": "it"}', "ClientToken": token}
    first = api.wait(api.begin("create", **desired))
    assert api.begin("create", **desired) == first
    assert len(api.handled()) == 1
    conflict = (
        f"ClientToken {token} is already associated with an existing operation with "
        f"RequestToken {first['RequestToken']}"
    )
    other = {**desired, "DesiredState": "{}"}
    assert refusal("ClientTokenConflictException", api.begin, "create", **other) == conflict

    identifier, patch = first["Identifier"], add("/Size", 1)
    update = api.update(identifier, patch, ClientToken=token + "u")
    assert api.begin_update(identifier, patch, ClientToken=token + "u") == update
    assert (
        refusal("ClientTokenConflictException", api.begin_update, identifier, ClientToken=token) == conflict
    )
    assert (
        refusal("ClientTokenConflictException", api.begin_delete, identifier, ClientToken=token) == conflict
    )
    deleted = api.delete(identifier, ClientToken=token + "d")
    assert api.begin_delete(identifier, ClientToken=token + "d") == deleted


def test_cancel_stops_before_the_next_invocation(api: Api) -> None:
    event = api.identified(api.begin_create(Behave="slow"))
    cancelled = api.cancel(event)
    assert cancelled["OperationStatus"] == "CANCEL_IN_PROGRESS"
    last = api.wait(cancelled)
    assert (last["OperationStatus"], last["Identifier"]) == ("CANCEL_COMPLETE", event["Identifier"])
    assert api.actions() == ["CREATE"]
    assert api.read(event["Identifier"])["Status"] == "Ready"  # nothing is undone


@pytest.mark.parametrize(("behave", "status"), [("well", "SUCCESS"), ("break", "FAILED")])
def test_cancel_refuses_a_finished_request(api: Api, behave: str, status: str) -> None:
    event = api.create(Behave=behave)
    message = f"Request {event['RequestToken']} is already in status {status}"
    assert refusal("ValidationException", api.cancel, event) == message


def test_cancel_leaves_a_cancelled_request(api: Api) -> None:
    event = api.identified(api.begin_create(Behave="slow"))
    assert api.cancel(event)["OperationStatus"] == "CANCEL_IN_PROGRESS"
    assert api.cancel(event)["OperationStatus"] in ("CANCEL_IN_PROGRESS", "CANCEL_COMPLETE")
    last = api.wait(event)
    assert last["OperationStatus"] == "CANCEL_COMPLETE"
    assert api.cancel(event) == last


def test_requests_in_progress_are_listed_with_a_time_to_ask_again(api: Api) -> None:
    event = api.begin_create(Behave="slow")
    (listed,) = summaries(api, event)
    assert "RetryAfter" not in event  # the first answer has none, and the handler may not have been asked
    assert listed["RetryAfter"] >= event["EventTime"]
    waiting = api.identified(event)
    assert waiting["RetryAfter"] > event["EventTime"]
    api.cancel(event)
    last = api.wait(event)
    assert summaries(api, event) == [last]
    assert "RetryAfter" not in last


def summaries(api: Api, event: Json) -> list[Json]:
    """Return a request as it is listed."""
    listed = api.client.list_resource_requests()["ResourceRequestStatusSummaries"]
    return [dict(each) for each in listed if each["RequestToken"] == event["RequestToken"]]


def test_requests_beyond_the_workers_are_pending(api: Api) -> None:
    begun = [api.begin_create(Behave="slow") for _ in range(WORKERS)]
    assert {event["OperationStatus"] for event in begun} == {"IN_PROGRESS"}
    pending = [api.begin_create() for _ in range(2)]
    assert [event["OperationStatus"] for event in pending] == ["PENDING"] * 2

    assert api.cancel(pending[1])["OperationStatus"] == "CANCEL_COMPLETE"
    for event in begun:
        api.cancel(event)
    assert {api.wait(event)["OperationStatus"] for event in begun} == {"CANCEL_COMPLETE"}
    assert api.wait(pending[0])["OperationStatus"] == "SUCCESS"


def test_requests_are_listed_by_operation_and_status(api: Api) -> None:
    client = api.client
    events = [api.create(Behave=how) for how in ("well", "break", "well")]
    events.append(api.update(events[0]["Identifier"]))

    def tokens(**filters: Any) -> list[str]:
        pages = client.get_paginator("list_resource_requests").paginate(
            ResourceRequestStatusFilter=filters, PaginationConfig={"PageSize": 1, "MaxItems": 4}
        )
        return [each["RequestToken"] for page in pages for each in page["ResourceRequestStatusSummaries"]]

    well, broken, better, updated = (event["RequestToken"] for event in events)
    assert tokens() == [updated, better, broken, well]
    assert tokens(Operations=["UPDATE"])[0] == updated
    assert updated not in tokens(Operations=["CREATE"])
    assert tokens(Operations=["CREATE"])[:3] == [better, broken, well]
    assert tokens(Operations=["CREATE"], OperationStatuses=["FAILED"])[0] == broken
    assert tokens(OperationStatuses=["PENDING", "IN_PROGRESS"]) == []
    first = client.list_resource_requests()["ResourceRequestStatusSummaries"]
    assert first[0] == events[-1]
    assert len(first) <= 20
    refusal("ValidationException", client.list_resource_requests, NextToken="unknown")


def test_requests_refuse_an_unknown_token(api: Api) -> None:
    for call in (api.client.get_resource_request_status, api.client.cancel_resource_request):
        assert "unknown" in refusal("RequestTokenNotFoundException", call, RequestToken="unknown")


def test_requests_are_of_one_region(api: Api, european: Api) -> None:
    event = api.identified(api.begin_create(Behave="slow"))
    for call in (european.client.get_resource_request_status, european.client.cancel_resource_request):
        refusal("RequestTokenNotFoundException", call, RequestToken=event["RequestToken"])
    assert api.wait(event)["OperationStatus"] == "SUCCESS"


OPERATIONS: dict[str, tuple[str, str, Json]] = {
    "create": ("create_resource", "CREATE", {"DesiredState": "{}"}),
    "get": ("get_resource", "READ", {"Identifier": "x"}),
    "update": ("update_resource", "UPDATE", {"Identifier": "x", "PatchDocument": "[]"}),
    "delete": ("delete_resource", "DELETE", {"Identifier": "x"}),
    "list": ("list_resources", "LIST", {}),
}


@cases("operation, action, more", OPERATIONS)
def test_operations_refuse_types(api: Api, operation: str, action: str, more: Json) -> None:
    call = getattr(api.client, operation)
    unknown = "Tests::Fake::Nothing"
    assert unknown in refusal("TypeNotFoundException", call, TypeName=unknown, **more)
    absent = "AWS::Lambda::Function"
    assert f"'{absent}' is not on this machine: " in refusal(
        "TypeNotFoundException", call, TypeName=absent, **more
    )
    if action != "CREATE":
        message = refusal("UnsupportedActionException", call, TypeName=BARE, **more)
        assert message == f"Resource type {BARE} does not support {action} action"


def test_operations_check_members_against_the_api_description(api: Api) -> None:
    get = api.client.get_resource
    message = refusal("ValidationException", get, TypeName="no type at all", Identifier="x")
    assert "at 'typeName' failed to satisfy constraint" in message


def test_unknown_members_are_ignored(api: Api, fake_sandbox: Sandbox) -> None:
    url = f"{fake_sandbox.endpoints['cloudcontrol']}/"

    def send(operation: str, **members: Any) -> Json:
        body = json.dumps(members).encode()
        target = {"X-Amz-Target": f"CloudApiService.{operation}"}
        signed = sign_post(url, body, fake_sandbox.credentials, "cloudcontrolapi", target)
        answer = request(url, "POST", body, signed)
        assert answer.status == 200, answer.body
        return dict(json.loads(answer.body))

    token = f"t-{time.time_ns()}"
    members = {"TypeName": THING, "DesiredState": '{"Name": "it"}', "ClientToken": token}
    first = api.wait(send("CreateResource", **members, ClientName="stackql")["ProgressEvent"])
    assert first["OperationStatus"] == "SUCCESS"
    # They do not make a repeated request another one.
    again = send("CreateResource", **members, ClientName="another", Unheard=[{}])["ProgressEvent"]
    assert again["RequestToken"] == first["RequestToken"]
    filters = {"Operations": ["CREATE"], "Unheard": None}
    listed = send("ListResourceRequests", ResourceRequestStatusFilter=filters)
    assert listed["ResourceRequestStatusSummaries"][0]["RequestToken"] == first["RequestToken"]


@cases(
    "target, body, code",
    {
        "an unknown operation": ("CloudApiService.GrowResource", b"{}", "UnknownOperationException"),
        "another service": ("SomethingElse.GetResource", b"{}", "UnknownOperationException"),
        "no JSON": ("CloudApiService.GetResource", b"{", "SerializationException"),
        "no members": ("CloudApiService.GetResource", b"{}", "ValidationException"),
        "a null": ("CloudApiService.GetResource", b"null", "SerializationException"),
        "a null in a list": (
            "CloudApiService.ListResourceRequests",
            b'{"ResourceRequestStatusFilter": {"Operations": [null]}}',
            "ValidationException",
        ),
        "a number that JSON does not have": (
            "CloudApiService.CreateResource",
            b'{"TypeName": "Tests::Fake::Thing", "DesiredState": "{\\"Name\\": NaN}"}',
            "InvalidRequestException",
        ),
    },
)
def test_server_refuses_requests(fake_sandbox: Sandbox, target: str, body: bytes, code: str) -> None:
    url = f"{fake_sandbox.endpoints['cloudcontrol']}/"
    signed = sign_post(url, body, fake_sandbox.credentials, "cloudcontrolapi", {"X-Amz-Target": target})
    answer = request(url, "POST", body, signed)
    content = json.loads(answer.body)
    assert (answer.status, content["__type"]) == (400, code)
    assert content["Message"]
