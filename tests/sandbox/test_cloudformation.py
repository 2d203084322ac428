"""Stacks in the CloudFormation engine, as boto3 sees them, with a type that is registered from its schema."""

from __future__ import annotations

import json
import re
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.cloudformation.functions import UNREACHED_DELAYS_SECONDS, Functions
from sandbox.commands import watch
from sandbox.local_aws import Sandbox
from sandbox.shared import http_request
from sandbox.shared.credentials import ACCESS_KEY_PREFIX, Credentials
from sandbox.shared.http import JsonHandler, LocalServer
from sandbox.shared.processes import SandboxError
from sandbox.shared.settings import ACCOUNT, REGION
from tests.sandbox.engine_code import run_in_engine
from tests.sandbox.helpers import cases, handled, invoke
from tests.stack.stacks import POLL_SECONDS, DeployedStacks, Json, new_name, parameters, tags

TYPE = "Tests::Fake::Thing"


class FakeStacks(DeployedStacks):
    """Stacks of the fake type, whose handlers show what they got."""

    def __init__(self, sandbox: Sandbox, awslambda: Any) -> None:
        super().__init__(sandbox)
        self._lambda = awslambda

    def begin(self, *things: Json, **options: Any) -> str:
        name = new_name()
        self.client.create_stack(StackName=name, TemplateBody=template(*things), **options)
        return name

    def make(self, *things: Json, **options: Any) -> str:
        return self.create(template(*things), **options)

    def change(self, name: str, *things: Json, **options: Any) -> str:
        return self.update(name, template(*things), **options)

    def roll_back(self, *things: Json, **options: Any) -> str:
        """Begin to create a stack, which must be rolled back, and return its name."""
        name = self.begin(*things, **options)
        assert self.wait(name) == "ROLLBACK_COMPLETE", self.reasons(name)
        return name

    def history(self, name: str, logical_id: str = "Thing") -> list[tuple[str, str, str]]:
        """Return status, physical id and reason of a resource's events, oldest first."""
        return [
            (each["ResourceStatus"], each.get("PhysicalResourceId", ""), each.get("ResourceStatusReason", ""))
            for each in watch.stack_events(self.client, name)
            if each["LogicalResourceId"] == logical_id
        ]

    def things(self) -> Json:
        """Return the things that exist, by ARN."""
        return dict(invoke(self._lambda, "Inspect", {})[1]["things"])

    def handled(self) -> list[Json]:
        """Return the events that the handlers got."""
        return handled(self._lambda)

    def actions(self) -> list[str]:
        return [event["action"] for event in self.handled()]


def thing(logical_id: str = "Thing", /, **properties: Any) -> Json:
    """Return a resource of the template; keys with an underscore are attributes like `_DependsOn`."""
    attributes = {key[1:]: value for key, value in properties.items() if key.startswith("_")}
    given = {key: value for key, value in properties.items() if not key.startswith("_")}
    return {logical_id: {"Type": TYPE, "Properties": {"Name": "thing", **given}, **attributes}}


def template(*things: Json) -> str:
    """Return a template with these resources, and with the attributes of `Thing` as outputs."""
    resources = {key: value for each in things for key, value in each.items()}
    outputs = {}
    if resources.get("Thing", {}).get("Type") == TYPE:
        outputs = {
            "Ref": {"Value": {"Ref": "Thing"}},
            "Status": {"Value": {"Fn::GetAtt": ["Thing", "Status"]}},
        }
    return json.dumps({"Resources": resources, "Outputs": outputs})


@pytest.fixture
def stacks(fake_sandbox: Sandbox, awslambda: Any) -> Iterator[FakeStacks]:
    """Stacks in an engine whose fake type has nothing yet."""
    made = FakeStacks(fake_sandbox, awslambda)
    yield made
    made.close()


def test_create_gives_ref_and_getatt(stacks: FakeStacks) -> None:
    name = stacks.make(thing(Size=3))

    (arn,) = stacks.things()
    assert stacks.outputs(name) == {"Ref": arn, "Status": "Ready"}
    assert stacks.history(name) == [
        ("CREATE_IN_PROGRESS", "", ""),
        ("CREATE_IN_PROGRESS", arn, "Resource creation Initiated"),
        ("CREATE_COMPLETE", arn, ""),
    ]


def test_create_sends_the_production_event(stacks: FakeStacks) -> None:
    name = stacks.make(thing(Size=3, Shiny=True), Tags=tags(team="blue"))

    stack_id = stacks.describe(name)["StackId"]
    (event,) = stacks.handled()
    assert len(event.pop("bearerToken")) == 36
    # A session of its own for every invocation.
    credentials = event["requestData"].pop("callerCredentials")
    assert credentials["sessionToken"].startswith("sandbox-")
    assert credentials["accessKeyId"].startswith(ACCESS_KEY_PREFIX)
    assert credentials.keys() == {"accessKeyId", "secretAccessKey", "sessionToken"}
    assert event == {
        "action": "CREATE",
        "awsAccountId": ACCOUNT,
        "callbackContext": None,
        "region": REGION,
        "requestData": {
            "logicalResourceId": "Thing",
            "previousResourceProperties": None,
            "previousStackTags": None,
            "previousSystemTags": None,
            "resourceProperties": {"Name": "thing", "Size": "3", "Shiny": "true"},
            "stackTags": {"team": "blue"},
            "systemTags": {
                "aws:cloudformation:stack-name": name,
                "aws:cloudformation:stack-id": stack_id,
                "aws:cloudformation:logical-id": "Thing",
            },
        },
        "resourceType": TYPE,
        "resourceTypeVersion": "00000001",
        "stackId": stack_id,
    }


def test_create_resolves_parameters_and_absent_values(stacks: FakeStacks) -> None:
    none = {"Ref": "AWS::NoValue"}
    nested = {"Fixed": {"Fn::Sub": "${AWS::Region}-x"}, "Free": none}
    body = {
        "Parameters": {"Size": {"Type": "Number", "Default": 7}},
        "Resources": thing(Size={"Ref": "Size"}, Locked=none, Nested=nested),
    }
    stacks.create(body)

    (event,) = stacks.handled()
    expected = {"Name": "thing", "Size": "7", "Nested": {"Fixed": f"{REGION}-x"}}
    assert event["requestData"]["resourceProperties"] == expected


def test_create_polls_with_model_context_and_token(stacks: FakeStacks) -> None:
    name = stacks.make(thing(Behave="slow"))

    first, second = stacks.handled()
    arn = stacks.outputs(name)["Ref"]
    assert first["callbackContext"] is None
    assert second["callbackContext"] == {"started": True}
    assert second["requestData"]["resourceProperties"] == {"Name": "thing", "Behave": "slow", "Arn": arn}
    assert second["bearerToken"] == first["bearerToken"]
    assert ("CREATE_IN_PROGRESS", arn, "Resource creation Initiated") in stacks.history(name)


def test_engine_answers_during_a_create(stacks: FakeStacks, fake_sandbox: Sandbox) -> None:
    name = stacks.begin(thing(Behave="slow"))
    durations = []
    while stacks.describe(name)["StackStatus"] == "CREATE_IN_PROGRESS":
        started = time.monotonic()
        stacks.history(name)
        durations.append(time.monotonic() - started)
        time.sleep(POLL_SECONDS)

    assert stacks.wait(name) == "CREATE_COMPLETE"
    assert len(durations) > 5
    # A frozen engine would have answered after the delay.
    assert max(durations) < 20 * fake_sandbox.time_scale / 2


def test_create_that_fails_is_cleaned_up_with_its_reason(stacks: FakeStacks) -> None:
    name = stacks.roll_back(thing(Behave="break"))

    assert stacks.things() == {}
    assert stacks.actions() == ["CREATE", "CREATE", "DELETE"]
    first, *_, last = stacks.handled()
    arn = last["requestData"]["resourceProperties"]["Arn"]
    reason = (
        'Resource handler returned message: "it broke" '
        f"(RequestToken: {first['bearerToken']}, HandlerErrorCode: NotStabilized)"
    )
    assert stacks.history(name) == [
        ("CREATE_IN_PROGRESS", "", ""),
        ("CREATE_IN_PROGRESS", arn, "Resource creation Initiated"),
        ("CREATE_FAILED", arn, reason),
        ("DELETE_IN_PROGRESS", arn, ""),
        ("DELETE_COMPLETE", arn, ""),
    ]


def test_create_that_fails_without_rollback_is_kept_until_the_stack_is_deleted(stacks: FakeStacks) -> None:
    name = stacks.begin(thing(Behave="break"), OnFailure="DO_NOTHING")

    assert stacks.wait(name) == "CREATE_FAILED"
    assert len(stacks.things()) == 1
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert stacks.things() == {}


@cases(
    "behave, actions, reason",
    {
        "a resource of another owner stays": ("taken", ["CREATE"], "HandlerErrorCode: AlreadyExists"),
        "a handler that raises": (
            "raise",
            ["CREATE"],
            "The function failed: the handler broke.*HandlerErrorCode: InternalFailure",
        ),
        "the timeout of the schema": ("endless", None, "timed out waiting for completion of CREATE"),
    },
)
def test_create_fails(stacks: FakeStacks, behave: str, actions: list[str] | None, reason: str) -> None:
    name = stacks.roll_back(thing(Behave=behave))

    assert actions in (None, stacks.actions())
    assert any(re.search(reason, each) for each in stacks.reasons(name))


def test_create_is_tried_again_with_its_token_after_a_retriable_failure(stacks: FakeStacks) -> None:
    stacks.make(thing(Behave="throttled"))

    first, second = stacks.handled()
    assert (first["action"], second["action"]) == ("CREATE", "CREATE")
    assert first["bearerToken"] == second["bearerToken"]


@cases(
    "properties, problem",
    {
        "an unknown property": ({"Colour": "red"}, "Encountered unsupported property Colour"),
        "a read-only property": ({"Arn": "mine"}, "Encountered unsupported property Arn"),
        "a required key": ({"Name": {"Ref": "AWS::NoValue"}}, "#: required key [Name] not found"),
        "a length": ({"Name": "x" * 21}, "#/Name: expected maximum Length: 20, found: 21"),
        "a number": ({"Size": "large"}, "#/Size: expected type: Integer, found: String"),
        "an object": ({"Nested": "flat"}, "#/Nested: expected type: JSONObject, found: String"),
        "a nested key": ({"Nested": {"Free": "x"}}, "#/Nested: required key [Fixed] not found"),
        "an extraneous key": (
            {"Tags": [{"Key": "a", "Value": "b", "C": 1}]},
            "#/Tags/0: extraneous key [C] is not permitted",
        ),
        "an enumeration": ({"Behave": "badly"}, "#/Behave: #: badly is not a valid enum value"),
    },
)
def test_create_refuses_by_schema(stacks: FakeStacks, properties: Json, problem: str) -> None:
    name = stacks.roll_back(thing(**properties))

    expected = f"Properties validation failed for resource Thing with message: [{problem}]"
    assert expected in stacks.reasons(name)
    assert stacks.actions() == []


def test_update_is_made_in_place(stacks: FakeStacks) -> None:
    name = stacks.make(thing(Size=1), thing("Other"), Tags=tags(team="blue"))
    arn = stacks.outputs(name)["Ref"]

    assert stacks.change(name, thing(Size=2), thing("Other"), Tags=tags(team="blue")) == "UPDATE_COMPLETE"

    assert stacks.outputs(name)["Ref"] == arn
    assert stacks.actions() == ["CREATE", "CREATE", "UPDATE"]  # nothing for the resource without changes
    data = stacks.handled()[-1]["requestData"]
    previous = {"Name": "thing", "Size": "1", "Arn": arn, "Status": "Ready"}
    assert data["resourceProperties"] == {"Name": "thing", "Size": "2", "Arn": arn}
    assert data["previousResourceProperties"] == previous
    assert data["previousSystemTags"] == data["systemTags"]


def test_update_shows_the_handlers_message_in_its_last_event(stacks: FakeStacks) -> None:
    name = stacks.make(thing())
    arn = stacks.outputs(name)["Ref"]

    assert stacks.change(name, thing(Behave="report", Size=2)) == "UPDATE_COMPLETE"

    assert stacks.history(name)[-1] == ("UPDATE_COMPLETE", arn, "its size stays: 2")
    # The next one has none.
    assert stacks.change(name, thing(Size=3)) == "UPDATE_COMPLETE"
    assert stacks.history(name)[-1] == ("UPDATE_COMPLETE", arn, "")
    assert "stays" not in str(stacks.describe(name))


def test_rollback_shows_the_handlers_message_in_its_last_event(stacks: FakeStacks) -> None:
    name = stacks.make(thing(Behave="report", Size=1))
    arn = stacks.outputs(name)["Ref"]
    dependent = thing("Broken", Behave="break", _DependsOn="Thing")

    assert stacks.change(name, thing(Size=2), dependent) == "UPDATE_ROLLBACK_COMPLETE"

    complete = [event for event in stacks.history(name) if event[0].endswith("_COMPLETE")]
    assert complete == [
        ("CREATE_COMPLETE", arn, "its size stays: 1"),
        ("UPDATE_COMPLETE", arn, ""),
        ("UPDATE_COMPLETE", arn, "its size stays: 1"),
    ]


def test_update_of_stack_tags_alone_reaches_the_handler(stacks: FakeStacks) -> None:
    name = stacks.make(thing(), Tags=tags(team="blue", cost="1"))

    assert stacks.change(name, thing(), Tags=tags(team="red")) == "UPDATE_COMPLETE"

    data = stacks.handled()[-1]["requestData"]
    assert stacks.actions() == ["CREATE", "UPDATE"]
    assert data["stackTags"] == {"team": "red"}
    assert data["previousStackTags"] == {"team": "blue", "cost": "1"}


REPLACEMENTS: dict[str, tuple[Json, Json]] = {
    "create only": ({"Name": "one"}, {"Name": "two"}),
    "nested create only": ({"Nested": {"Fixed": "1"}}, {"Nested": {"Fixed": "2"}}),
    "NotUpdatable": ({"Locked": "1"}, {"Locked": "2"}),
}


@cases("previous, desired", REPLACEMENTS)
def test_replacement_creates_before_it_deletes(stacks: FakeStacks, previous: Json, desired: Json) -> None:
    name = stacks.make(thing(**previous))
    old = stacks.outputs(name)["Ref"]

    assert stacks.change(name, thing(**desired)) == "UPDATE_COMPLETE"

    new = stacks.outputs(name)["Ref"]
    assert new != old
    assert list(stacks.things()) == [new]
    assert [action for action in stacks.actions()[1:] if action != "UPDATE"] == ["CREATE", "DELETE"]
    deletion = stacks.handled()[-1]["requestData"]
    assert (deletion["resourceProperties"]["Arn"], deletion["logicalResourceId"]) == (old, "Thing")
    replacing = "Requested update requires the creation of a new physical resource; hence creating one."
    assert ("UPDATE_IN_PROGRESS", old, replacing) in stacks.history(name)
    assert ("DELETE_COMPLETE", old, "") in stacks.history(name)


@cases("previous, desired", REPLACEMENTS)
def test_rollback_leaves_the_old_resource(stacks: FakeStacks, previous: Json, desired: Json) -> None:
    name = stacks.make(thing(**previous))
    old = stacks.outputs(name)["Ref"]
    dependent = thing("Broken", Behave="break", _DependsOn="Thing")

    # The replacement fails; then it succeeds, and another resource fails.
    for things in ([thing(**desired, Behave="break")], [thing(**desired), dependent]):
        assert stacks.change(name, *things) == "UPDATE_ROLLBACK_COMPLETE"

        assert stacks.outputs(name)["Ref"] == old
        assert list(stacks.things()) == [old]
        if len(things) == 1:
            actions = [action for action in stacks.actions()[1:] if action != "UPDATE"]
            assert actions == ["CREATE", "CREATE", "DELETE"]
            assert stacks.actions().count("UPDATE") == ("Locked" in previous)
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert stacks.things() == {}


@cases(
    "change, replacement",
    {
        "create only": ({"Name": "other"}, "True"),
        "conditionally create only": ({"Locked": "2"}, "Conditional"),
        "an object with a member that is create only": ({"Nested": {"Fixed": "1"}}, "Conditional"),
        "updatable": ({"Size": 2}, "False"),
    },
)
def test_change_set_knows_what_replaces(stacks: FakeStacks, change: Json, replacement: str) -> None:
    name = stacks.make(thing(Locked="1", Size=1))
    described = stacks.change_set(name, template(thing(**{"Locked": "1", "Size": 1, **change})))
    assert described["Changes"][0]["ResourceChange"]["Replacement"] == replacement


def test_policies_keep_resources(stacks: FakeStacks) -> None:
    name = stacks.make(thing(Name="one"))
    old = stacks.outputs(name)["Ref"]
    policies = {"_UpdateReplacePolicy": "Retain", "_DeletionPolicy": "Retain"}

    assert stacks.change(name, thing(Name="two", **policies)) == "UPDATE_COMPLETE"

    kept = {old, stacks.outputs(name)["Ref"]}
    assert set(stacks.things()) == kept
    assert ("DELETE_SKIPPED", old, "") in stacks.history(name)
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert set(stacks.things()) == kept
    assert "DELETE" not in stacks.actions()


def test_rollback_sends_changes_back(stacks: FakeStacks) -> None:
    name = stacks.make(thing(Size=1), thing("Other"), Tags=tags(team="blue"))
    arn = stacks.outputs(name)["Ref"]

    failing = thing("Other", Behave="raise", _DependsOn="Thing")
    assert stacks.change(name, thing(Size=2), failing, Tags=tags(team="red")) == "UPDATE_ROLLBACK_COMPLETE"

    record = stacks.things()[arn]
    assert (record["Size"], record["StackTags"]) == ("1", {"team": "blue"})
    back = [event["requestData"] for event in stacks.handled()[-2:]]
    # The one that failed may have got half way, so it is sent back as well.
    assert {each["logicalResourceId"] for each in back} == {"Thing", "Other"}
    assert all(each["previousStackTags"] == {"team": "red"} for each in back)


def test_rollback_sends_nothing_back_after_a_refusal_by_schema(stacks: FakeStacks) -> None:
    name = stacks.make(thing(Size=1))

    assert stacks.change(name, thing(Size="large")) == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.actions() == ["CREATE"]

    assert stacks.change(name, thing(Size=2)) == "UPDATE_COMPLETE"
    assert stacks.actions() == ["CREATE", "UPDATE"]


def test_rollback_stack_cleans_up(stacks: FakeStacks) -> None:
    name = stacks.make(thing(Name="one"))
    old = stacks.outputs(name)["Ref"]

    failing = thing(Name="two", Behave="break")
    assert stacks.change(name, failing, DisableRollback=True) == "UPDATE_FAILED"
    assert len(stacks.things()) == 2

    stacks.client.rollback_stack(StackName=name)
    assert stacks.wait(name) == "UPDATE_ROLLBACK_COMPLETE"
    assert list(stacks.things()) == [old]


def test_delete_deletes_the_resources(stacks: FakeStacks) -> None:
    name = stacks.make(thing(Size=1), Tags=tags(team="blue"))
    arn, stack_id = stacks.outputs(name)["Ref"], stacks.describe(name)["StackId"]

    assert stacks.delete(name) == "DELETE_COMPLETE"

    assert stacks.things() == {}
    event = stacks.handled()[-1]
    data = event["requestData"]
    assert (event["action"], event["stackId"]) == ("DELETE", stack_id)
    assert data["resourceProperties"] == {"Name": "thing", "Size": "1", "Arn": arn, "Status": "Ready"}
    assert data["stackTags"] == {"team": "blue"}
    assert data["systemTags"]["aws:cloudformation:stack-name"] == name


def test_delete_takes_a_resource_that_is_gone_for_deleted(stacks: FakeStacks, awslambda: Any) -> None:
    name = stacks.make(thing())
    invoke(awslambda, "Inspect", {"forget": True})

    assert stacks.delete(name) == "DELETE_COMPLETE"


def test_update_deletes_a_resource_that_leaves_the_template(stacks: FakeStacks) -> None:
    name = stacks.make(thing(), thing("Other"))

    assert stacks.change(name, thing()) == "UPDATE_COMPLETE"

    assert len(stacks.things()) == 1
    statuses = [status for status, _, _ in stacks.history(name, "Other")]
    assert statuses[-2:] == ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]


def test_delete_is_refused_while_the_stack_is_updated(stacks: FakeStacks) -> None:
    name = stacks.make(thing())
    stack_id = stacks.describe(name)["StackId"]
    stacks.client.update_stack(StackName=name, TemplateBody=template(thing(), thing("Other", Behave="slow")))

    for given in (name, stack_id):
        with pytest.raises(ClientError) as refused:
            stacks.client.delete_stack(StackName=given)
        assert refused.value.response["Error"]["Code"] == "ValidationError"
        message = f"Stack [{stack_id}] cannot be deleted while in status UPDATE_IN_PROGRESS"
        assert refused.value.response["Error"]["Message"] == message

    assert stacks.wait(name) == "UPDATE_COMPLETE"
    assert stacks.delete(name) == "DELETE_COMPLETE"


@cases(
    "declared, message",
    {
        "beside others": (
            {"Size": {"Type": "Number", "Default": 1}},
            "Parameters: [Nope] do not exist in the template",
        ),
        "of none": ({}, "Parameter values specified for a template which does not require them."),
    },
)
def test_parameters_that_are_not_declared_are_refused(
    stacks: FakeStacks, declared: Json, message: str
) -> None:
    body = json.dumps({"Parameters": declared, "Resources": thing()})
    given = parameters(Nope="1")

    with pytest.raises(ClientError) as refused:
        stacks.client.create_stack(StackName=new_name(), TemplateBody=body, Parameters=given)

    assert refused.value.response["Error"]["Message"] == message
    name = stacks.create(body)
    with pytest.raises(ClientError, match=re.escape(message)):
        stacks.update(name, body, Parameters=given)


GROUP_TYPE = "AWS::SageMaker::ModelPackageGroup"


def test_groups_are_created_updated_and_deleted(stacks: FakeStacks) -> None:
    properties = {
        "ModelPackageGroupName": "models",
        "ModelPackageGroupDescription": "first",
        "ModelPackageGroupPolicy": {"Version": "2012-10-17", "Statement": []},
        "Tags": tags(kind="test"),
    }
    body: Json = {
        "Resources": {
            "Group": {"Type": GROUP_TYPE, "Properties": properties},
            **thing(Locked={"Ref": "Group"}),
        },
        "Outputs": {"Status": {"Value": {"Fn::GetAtt": ["Group", "ModelPackageGroupStatus"]}}},
    }
    name = stacks.create(body, Tags=tags(team="blue", cost="1"))

    described = stacks.sagemaker.describe_model_package_group
    arn = described(ModelPackageGroupName="models")["ModelPackageGroupArn"]
    assert stacks.outputs(name) == {"Status": "Completed"}
    assert stacks.handled()[0]["requestData"]["resourceProperties"]["Locked"] == arn
    assert stacks.tags(arn) == {"cost": "1", "kind": "test", "team": "blue"}

    policy = stacks.sagemaker.get_model_package_group_policy
    assert json.loads(policy(ModelPackageGroupName="models")["ResourcePolicy"])["Statement"] == []

    del properties["ModelPackageGroupPolicy"]
    assert stacks.update(name, body, Tags=tags(team="red")) == "UPDATE_COMPLETE", stacks.reasons(name)
    assert stacks.tags(arn) == {"kind": "test", "team": "red"}
    with pytest.raises(ClientError, match="Cannot find resource policy"):
        policy(ModelPackageGroupName="models")

    assert stacks.delete(name) == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="does not exist"):
        described(ModelPackageGroupName="models")


@cases(
    "properties, reason",
    {
        "no name": ({}, "#: required key [ModelPackageGroupName] not found"),
        "a name that is none": ({"ModelPackageGroupName": {"of": "models"}}, "Invalid type for parameter"),
        "an unknown property": (
            {"ModelPackageGroupName": "models", "Colour": "red"},
            "Encountered unsupported property Colour",
        ),
    },
)
def test_groups_refuse(stacks: FakeStacks, properties: Json, reason: str) -> None:
    name = stacks.roll_back({"Group": {"Type": GROUP_TYPE, "Properties": properties}})

    reasons = {status: text for status, _, text in stacks.history(name, "Group")}
    assert reason in reasons["CREATE_FAILED"]


class Answer(JsonHandler):
    """A function that answers any event with the same bytes, perhaps fewer than it promises."""

    content = b""
    error = False
    missing = 0

    def post(self) -> None:
        self.body()
        headers = {"Content-Length": str(len(self.content) + self.missing), "Connection": "close"}
        if self.error:
            headers["X-Amz-Function-Error"] = "Unhandled"
        self.answer(200, self.content, headers)


@cases(
    "answer, message",
    {
        "no JSON": ({"content": b"no JSON"}, "did not answer with a progress event"),
        "no text": ({"content": b"\xff\xfe{"}, "did not answer with a progress event"),
        "no object": ({"content": b'["SUCCESS"]'}, "did not answer with a progress event"),
        "no status": ({"content": b"{}"}, "did not answer with a progress event"),
        "an error": ({"content": b'{"errorMessage": "it broke"}', "error": True}, "it broke"),
        "an error, no object": ({"content": b'"it broke"', "error": True}, "does not say why"),
        "a status that is none": (
            {"content": b'{"status": ["SUCCESS"]}'},
            "its status is none of IN_PROGRESS",
        ),
        "NaN": (
            {"content": b'{"status": "SUCCESS", "resourceModel": {"A": NaN}}'},
            "not answer with a progress",
        ),
        "a huge number": ({"content": b'{"status": "SUCCESS", "x": 1e999}'}, "not answer with a progress"),
        "a delay in words": (
            {"content": b'{"status": "IN_PROGRESS", "callbackDelaySeconds": "abc"}'},
            "event: its callbackDelaySeconds is of the wrong type",
        ),
        "a delay that is none": (
            {"content": b'{"status": "IN_PROGRESS", "callbackDelaySeconds": true}'},
            "event: its callbackDelaySeconds is of the wrong type",
        ),
        "a delay for ever": (
            {"content": b'{"status": "IN_PROGRESS", "callbackDelaySeconds": 1' + b"0" * 400 + b"}"},
            "event: its callbackDelaySeconds are too large",
        ),
        "error codes": (
            {"content": b'{"status": "FAILED", "errorCode": ["NotFound"]}'},
            "event: its errorCode is of the wrong type",
        ),
        "a message in parts": (
            {"content": b'{"status": "FAILED", "message": {"a": 1}}'},
            "event: its message is of the wrong type",
        ),
        "a model that is a list": (
            {"content": b'{"status": "SUCCESS", "resourceModel": []}'},
            "event: its resourceModel is of the wrong type",
        ),
        "models that are texts": (
            {"content": b'{"status": "SUCCESS", "resourceModels": ["x"]}'},
            "event: its resourceModels are not all objects",
        ),
        "half an answer": ({"content": b'{"status": "SUCC', "missing": 8}, "gave no answer"),
    },
)
def test_functions_fail_for_what_is_no_progress_event(answer: Json, message: str) -> None:
    with LocalServer(type("Given", (Answer,), answer)) as server:
        delays: list[float] = []
        event = Functions(server.endpoint, "TypeFunction", Credentials.new(), delays.append).invoke({})
    assert delays == []  # an answer has come
    assert (event["status"], event["errorCode"]) == ("FAILED", "InternalFailure")
    assert message in event["message"]


class Unreachable:
    """A port of this machine where nothing listens until so many attempts have been made."""

    def __init__(self, attempts: int) -> None:
        self.attempts = attempts
        self.delays: list[float] = []
        self.server: LocalServer | None = None
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port: int = free.getsockname()[1]

    def pause(self, seconds: float) -> None:
        """Count a delay, of which none passes."""
        self.delays.append(seconds)
        if len(self.delays) == self.attempts:
            answer = {"content": b'{"status": "SUCCESS"}'}
            self.server = LocalServer(type("Given", (Answer,), answer), self.port).start()


@pytest.mark.parametrize("attempts", [1, len(UNREACHED_DELAYS_SECONDS)])
def test_functions_that_cannot_be_reached_are_asked_again(attempts: int) -> None:
    port = Unreachable(attempts)
    functions = Functions(f"http://127.0.0.1:{port.port}", "TypeFunction", Credentials.new(), port.pause)
    try:
        assert functions.invoke({}) == {"status": "SUCCESS"}
    finally:
        if port.server is not None:
            port.server.stop()
    assert port.delays == list(UNREACHED_DELAYS_SECONDS[:attempts])


def test_functions_that_are_never_reached_are_a_failure() -> None:
    port = Unreachable(attempts=99)
    functions = Functions(f"http://127.0.0.1:{port.port}", "TypeFunction", Credentials.new(), port.pause)
    event = functions.invoke({})
    assert (event["status"], event["errorCode"]) == ("FAILED", "InternalFailure")
    assert "gave no answer: [Errno 111] Connection refused" in event["message"]
    assert port.delays == list(UNREACHED_DELAYS_SECONDS)


def test_functions_that_accept_no_connection_are_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is not made in time is none on which an answer is late."""
    monkeypatch.setattr(http_request, "CONNECT_SECONDS", 0.02)
    delays: list[float] = []
    with ExitStack() as stack:
        full = stack.enter_context(closing(socket.create_server(("127.0.0.1", 0), backlog=0)))
        address = full.getsockname()
        stack.enter_context(closing(socket.create_connection(address)))  # there is room for one
        functions = Functions(
            f"http://127.0.0.1:{address[1]}", "TypeFunction", Credentials.new(), delays.append
        )
        event = functions.invoke({})
    assert "gave no answer: no connection: timed out" in event["message"]
    assert delays == list(UNREACHED_DELAYS_SECONDS)


def test_functions_that_lose_the_connection_are_asked_again() -> None:
    """A connection that is reset before the answer, as one is that a busy server could not take."""
    delays: list[float] = []

    class Resetting(Answer):
        content = b'{"status": "SUCCESS"}'

        def post(self) -> None:
            if delays:
                super().post()
            else:
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.close_connection = True

    with LocalServer(Resetting) as server:
        functions = Functions(server.endpoint, "TypeFunction", Credentials.new(), delays.append)
        assert functions.invoke({}) == {"status": "SUCCESS"}
    assert delays == list(UNREACHED_DELAYS_SECONDS[:1])


SERVICE = "ministack.services.cloudformation"


@cases(
    "change, complaint",
    {
        "nothing": ("pass", None),
        "version": ("names.PINNED_VERSION = '1.0'", "is installed, but the hooks are written for 1.0"),
        "name": (
            f"import {SERVICE}.provisioners as p; del p._RESOURCE_HANDLERS",
            f"has no {SERVICE}.provisioners._RESOURCE_HANDLERS",
        ),
        "imports": (
            f"import {SERVICE}.changesets as c; del c._start_import",
            f"has no {SERVICE}.changesets._start_import",
        ),
        "drift": (
            f"import {SERVICE}.drift as d; d.supports_drift = lambda: None",
            f"has no {SERVICE}.drift.supports_drift(resource_type)",
        ),
        "parameters": (
            f"import {SERVICE}.stacks as s; s._add_event = lambda event: None",
            f"has no {SERVICE}.stacks._add_event(stack_id, stack_name,",
        ),
    },
)
def test_hooks_refuse_another_ministack(change: str, complaint: str | None) -> None:
    code = f"from sandbox.cloudformation.ministack_hooks import host, names; {change}; host.Host()"
    _, raised = run_in_engine(code)
    if complaint is None:
        assert raised is None
    else:
        assert raised is not None
        assert "EngineMismatchError" in raised
        assert complaint in raised


def test_sandbox_names_a_missing_engine_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_ENGINE_PYTHON", "/nowhere/python")

    with pytest.raises(SandboxError, match=r"no Python at /nowhere/python: run `make setup`"):
        Sandbox().start()
