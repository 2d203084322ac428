"""Stacks in the CloudFormation engine, as boto3 sees them, with a type that is registered from its schema."""

from __future__ import annotations

import itertools
import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.cloudformation.registered_type import Functions
from sandbox.commands import watch
from sandbox.local_aws import Sandbox
from sandbox.shared.http import JsonHandler, LocalServer
from sandbox.shared.processes import SandboxError, clean_environment, engine_python
from sandbox.shared.settings import ROOT
from tests.sandbox.helpers import invoke

TYPE = "Tests::Fake::Thing"
POLL_SECONDS = 0.05
LONGEST_SECONDS = 30.0
_numbers = itertools.count(1)


class FakeStacks:
    """Stacks under test: made, waited for, and looked at."""

    def __init__(self, sandbox: Sandbox, awslambda: Any) -> None:
        self.client = sandbox.client("cloudformation")
        self._lambda = awslambda

    def create(self, *things: dict[str, Any], **options: Any) -> str:
        """Start to create a stack and return its name."""
        name = f"stack-{next(_numbers)}"
        self.client.create_stack(StackName=name, TemplateBody=template(*things), **options)
        return name

    def created(self, *things: dict[str, Any], **options: Any) -> str:
        """Create a stack that must succeed, and return its name."""
        name = self.create(*things, **options)
        assert self.settled(name) == "CREATE_COMPLETE", self.reasons(name)
        return name

    def update(self, name: str, *things: dict[str, Any], **options: Any) -> str:
        """Update a stack and return the status it ends in."""
        self.client.update_stack(StackName=name, TemplateBody=template(*things), **options)
        return self.settled(name)

    def delete(self, name: str) -> str:
        """Delete a stack and return the status it ends in."""
        stack_id = self.describe(name)["StackId"]
        self.client.delete_stack(StackName=name)
        return self.settled(stack_id)

    def describe(self, name: str) -> dict[str, Any]:
        """Return one stack."""
        stack: dict[str, Any] = self.client.describe_stacks(StackName=name)["Stacks"][0]
        return stack

    def settled(self, name: str) -> str:
        """Wait until nothing is in progress and return the status."""
        return watch.wait(self.client, name, LONGEST_SECONDS, poll_seconds=POLL_SECONDS)

    def outputs(self, name: str) -> dict[str, str]:
        """Return the stack's outputs."""
        return {each["OutputKey"]: each["OutputValue"] for each in self.describe(name)["Outputs"]}

    def events(self, name: str, logical_id: str = "Thing") -> list[tuple[str, str, str]]:
        """Return status, physical id and reason of a resource's events, oldest first."""
        found = self.client.describe_stack_events(StackName=name)["StackEvents"]
        return [
            (each["ResourceStatus"], each.get("PhysicalResourceId", ""), each.get("ResourceStatusReason", ""))
            for each in reversed(found)
            if each["LogicalResourceId"] == logical_id
        ]

    def reasons(self, name: str) -> list[str]:
        """Return every reason in the stack's events."""
        found = self.client.describe_stack_events(StackName=name)["StackEvents"]
        return [each["ResourceStatusReason"] for each in found if each.get("ResourceStatusReason")]

    def inspect(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return the things that exist and the events their handlers got."""
        _, shown = invoke(self._lambda, "Inspect", {})
        return shown["things"], shown["events"]

    def actions(self) -> list[str]:
        """Return the actions that the handlers were called for."""
        return [event["action"] for event in self.inspect()[1]]


def thing(logical_id: str = "Thing", /, **properties: Any) -> dict[str, Any]:
    """Return a resource of the template; keys with an underscore are attributes like `_DependsOn`."""
    attributes = {key[1:]: value for key, value in properties.items() if key.startswith("_")}
    given = {key: value for key, value in properties.items() if not key.startswith("_")}
    return {logical_id: {"Type": TYPE, "Properties": {"Name": "thing", **given}, **attributes}}


def template(*things: dict[str, Any]) -> str:
    """Return a template with these resources and what can be asked of `Thing`."""
    resources = {key: value for each in things for key, value in each.items()}
    outputs = {}
    if resources.get("Thing", {}).get("Type") == TYPE:
        outputs = {
            "Ref": {"Value": {"Ref": "Thing"}},
            "Status": {"Value": {"Fn::GetAtt": ["Thing", "Status"]}},
        }
    return json.dumps({"Resources": resources, "Outputs": outputs})


def tags(**values: str) -> list[dict[str, str]]:
    """Return tags as the API has them."""
    return [{"Key": key, "Value": value} for key, value in values.items()]


@pytest.fixture
def stacks(fake_sandbox: Sandbox, awslambda: Any) -> Iterator[FakeStacks]:
    """Stacks in an engine whose fake type has nothing yet."""
    made = FakeStacks(fake_sandbox, awslambda)
    yield made
    made.client.close()


def test_a_created_resource_gives_ref_and_getatt(stacks: FakeStacks) -> None:
    name = stacks.created(thing(Size=3))

    (arn,) = stacks.inspect()[0]
    assert stacks.outputs(name) == {"Ref": arn, "Status": "Ready"}
    assert stacks.events(name) == [
        ("CREATE_IN_PROGRESS", "", ""),
        ("CREATE_IN_PROGRESS", arn, "Resource creation Initiated"),
        ("CREATE_COMPLETE", arn, ""),
    ]


def test_the_handler_gets_the_production_event(stacks: FakeStacks) -> None:
    name = stacks.created(thing(Size=3, Shiny=True), Tags=tags(team="blue"))

    stack_id = stacks.describe(name)["StackId"]
    (event,) = stacks.inspect()[1]
    assert len(event.pop("bearerToken")) == 36
    # A session of its own for every invocation.
    assert event["requestData"]["callerCredentials"].pop("sessionToken").startswith("testing-")
    assert event == {
        "action": "CREATE",
        "awsAccountId": "123456789012",
        "callbackContext": None,
        "region": "us-east-1",
        "requestData": {
            "callerCredentials": {
                "accessKeyId": "testing",
                "secretAccessKey": "testing",
            },
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


def test_parameters_and_absent_values_are_resolved_before_the_handler(stacks: FakeStacks) -> None:
    body = {
        "Parameters": {"Size": {"Type": "Number", "Default": 7}},
        "Resources": thing(
            Size={"Ref": "Size"},
            Locked={"Ref": "AWS::NoValue"},
            Nested={"Fixed": {"Fn::Sub": "${AWS::StackName}-x"}, "Free": {"Ref": "AWS::NoValue"}},
        ),
    }
    stacks.client.create_stack(StackName="resolved", TemplateBody=json.dumps(body))

    assert stacks.settled("resolved") == "CREATE_COMPLETE"
    (event,) = stacks.inspect()[1]
    assert event["requestData"]["resourceProperties"] == {
        "Name": "thing",
        "Size": "7",
        "Nested": {"Fixed": "resolved-x"},
    }


def test_a_callback_carries_model_context_and_token(stacks: FakeStacks) -> None:
    name = stacks.created(thing(Behave="slow"))

    first, second = stacks.inspect()[1]
    arn = stacks.outputs(name)["Ref"]
    assert first["callbackContext"] is None
    assert second["callbackContext"] == {"started": True}
    assert second["requestData"]["resourceProperties"] == {"Name": "thing", "Behave": "slow", "Arn": arn}
    assert second["bearerToken"] == first["bearerToken"]
    assert ("CREATE_IN_PROGRESS", arn, "Resource creation Initiated") in stacks.events(name)


def test_the_engine_answers_while_a_create_takes_its_time(stacks: FakeStacks, fake_sandbox: Sandbox) -> None:
    name = stacks.create(thing(Behave="slow"))
    slowest, asked = 0.0, 0
    while stacks.describe(name)["StackStatus"] == "CREATE_IN_PROGRESS":
        started = time.monotonic()
        stacks.events(name)
        slowest, asked = max(slowest, time.monotonic() - started), asked + 1
        time.sleep(POLL_SECONDS)

    assert stacks.settled(name) == "CREATE_COMPLETE"
    assert asked > 5
    assert slowest < 20 * fake_sandbox.time_scale / 2  # a frozen engine would have answered after the delay


def test_an_update_is_made_in_place(stacks: FakeStacks) -> None:
    name = stacks.created(thing(Size=1), Tags=tags(team="blue"))
    arn = stacks.outputs(name)["Ref"]

    assert stacks.update(name, thing(Size=2), Tags=tags(team="blue")) == "UPDATE_COMPLETE"

    assert stacks.outputs(name)["Ref"] == arn
    assert stacks.actions() == ["CREATE", "UPDATE"]
    data = stacks.inspect()[1][1]["requestData"]
    assert data["resourceProperties"] == {"Name": "thing", "Size": "2", "Arn": arn}
    assert data["previousResourceProperties"] == {
        "Name": "thing",
        "Size": "1",
        "Arn": arn,
        "Status": "Ready",
    }
    assert data["previousSystemTags"] == data["systemTags"]


def test_a_change_of_stack_tags_alone_reaches_the_handler(stacks: FakeStacks) -> None:
    name = stacks.created(thing(), Tags=tags(team="blue", cost="1"))

    assert stacks.update(name, thing(), Tags=tags(team="red")) == "UPDATE_COMPLETE"

    data = stacks.inspect()[1][-1]["requestData"]
    assert stacks.actions() == ["CREATE", "UPDATE"]
    assert data["stackTags"] == {"team": "red"}
    assert data["previousStackTags"] == {"team": "blue", "cost": "1"}


def test_a_resource_without_changes_is_left_alone(stacks: FakeStacks) -> None:
    name = stacks.created(thing(), thing("Other", Size=1))

    assert stacks.update(name, thing(), thing("Other", Size=2)) == "UPDATE_COMPLETE"

    assert stacks.actions() == ["CREATE", "CREATE", "UPDATE"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"Name": "one"}, {"Name": "two"}, id="create only"),
        pytest.param({"Nested": {"Fixed": "1"}}, {"Nested": {"Fixed": "2"}}, id="nested create only"),
        pytest.param({"Locked": "1"}, {"Locked": "2"}, id="NotUpdatable"),
    ],
)
def test_a_replacement_creates_before_it_deletes(
    stacks: FakeStacks, before: dict[str, Any], after: dict[str, Any]
) -> None:
    name = stacks.created(thing(**before))
    old = stacks.outputs(name)["Ref"]

    assert stacks.update(name, thing(**after)) == "UPDATE_COMPLETE"

    new = stacks.outputs(name)["Ref"]
    assert new != old
    assert list(stacks.inspect()[0]) == [new]
    assert [action for action in stacks.actions()[1:] if action != "UPDATE"] == ["CREATE", "DELETE"]
    deletion = stacks.inspect()[1][-1]["requestData"]
    assert (deletion["resourceProperties"]["Arn"], deletion["logicalResourceId"]) == (old, "Thing")
    replacing = "Requested update requires the creation of a new physical resource; hence creating one."
    assert ("UPDATE_IN_PROGRESS", old, replacing) in stacks.events(name)
    assert ("DELETE_COMPLETE", old, "") in stacks.events(name)


def test_a_change_set_knows_what_replaces(stacks: FakeStacks) -> None:
    name = stacks.created(thing(Locked="1", Size=1))
    expected: list[tuple[dict[str, Any], str]] = [
        ({"Name": "other"}, "True"),
        ({"Locked": "2"}, "Conditional"),
        # A member of it would replace.
        ({"Nested": {"Fixed": "1"}}, "Conditional"),
        ({"Size": 2}, "False"),
    ]
    for number, (change, replacement) in enumerate(expected):
        stacks.client.create_change_set(
            StackName=name,
            ChangeSetName=f"change-{number}",
            TemplateBody=template(thing(**{"Locked": "1", "Size": 1, **change})),
        )
        changes = stacks.client.describe_change_set(StackName=name, ChangeSetName=f"change-{number}")[
            "Changes"
        ]
        assert changes[0]["ResourceChange"]["Replacement"] == replacement


def test_update_replace_policy_keeps_the_old_one(stacks: FakeStacks) -> None:
    name = stacks.created(thing(Name="one"))
    old = stacks.outputs(name)["Ref"]

    assert stacks.update(name, thing(Name="two", _UpdateReplacePolicy="Retain")) == "UPDATE_COMPLETE"

    assert set(stacks.inspect()[0]) == {old, stacks.outputs(name)["Ref"]}
    assert ("DELETE_SKIPPED", old, "") in stacks.events(name)


def test_deletion_policy_keeps_it(stacks: FakeStacks) -> None:
    name = stacks.created(thing(_DeletionPolicy="Retain"))

    assert stacks.delete(name) == "DELETE_COMPLETE"

    assert len(stacks.inspect()[0]) == 1
    assert stacks.actions() == ["CREATE"]


def test_a_failed_create_is_cleaned_up_and_says_why(stacks: FakeStacks) -> None:
    name = stacks.create(thing(Behave="break"))

    assert stacks.settled(name) == "ROLLBACK_COMPLETE"
    things, events = stacks.inspect()
    assert things == {}
    assert stacks.actions() == ["CREATE", "CREATE", "DELETE"]
    arn = events[-1]["requestData"]["resourceProperties"]["Arn"]
    reason = (
        'Resource handler returned message: "it broke" '
        f"(RequestToken: {events[0]['bearerToken']}, HandlerErrorCode: NotStabilized)"
    )
    assert stacks.events(name) == [
        ("CREATE_IN_PROGRESS", "", ""),
        ("CREATE_IN_PROGRESS", arn, "Resource creation Initiated"),
        ("CREATE_FAILED", "", reason),
        ("DELETE_IN_PROGRESS", arn, ""),
        ("DELETE_COMPLETE", arn, ""),
    ]


def test_without_rollback_the_stack_keeps_a_failed_create_until_it_is_deleted(stacks: FakeStacks) -> None:
    name = stacks.create(thing(Behave="break"), OnFailure="DO_NOTHING")

    assert stacks.settled(name) == "CREATE_FAILED"
    assert len(stacks.inspect()[0]) == 1
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert stacks.inspect()[0] == {}


def test_what_belongs_to_somebody_else_is_not_cleaned_up(stacks: FakeStacks) -> None:
    name = stacks.create(thing(Behave="taken"))

    assert stacks.settled(name) == "ROLLBACK_COMPLETE"
    assert stacks.actions() == ["CREATE"]
    assert any("HandlerErrorCode: AlreadyExists" in reason for reason in stacks.reasons(name))


def test_a_create_that_never_ends_times_out_as_the_schema_says(stacks: FakeStacks) -> None:
    name = stacks.create(thing(Behave="endless"))

    assert stacks.settled(name) == "ROLLBACK_COMPLETE"
    assert stacks.actions() == ["CREATE", "DELETE"]
    assert any("timed out waiting" in reason for reason in stacks.reasons(name))


def test_a_retriable_failure_is_tried_again_with_the_same_token(stacks: FakeStacks) -> None:
    stacks.created(thing(Behave="throttled"))

    first, second = stacks.inspect()[1]
    assert (first["action"], second["action"]) == ("CREATE", "CREATE")
    assert first["bearerToken"] == second["bearerToken"]


def test_a_handler_that_raises_fails_the_resource(stacks: FakeStacks) -> None:
    name = stacks.create(thing(Behave="raise"))

    assert stacks.settled(name) == "ROLLBACK_COMPLETE"
    assert any(
        "The function failed: the handler broke" in reason and "HandlerErrorCode: InternalFailure" in reason
        for reason in stacks.reasons(name)
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"Name": "one"}, {"Name": "two", "Behave": "break"}, id="create only"),
        pytest.param({"Locked": "1"}, {"Locked": "2", "Behave": "break"}, id="NotUpdatable"),
    ],
)
def test_a_replacement_that_fails_leaves_the_old_one(
    stacks: FakeStacks, before: dict[str, Any], after: dict[str, Any]
) -> None:
    name = stacks.created(thing(**before))
    old = stacks.outputs(name)["Ref"]

    assert stacks.update(name, thing(**after)) == "UPDATE_ROLLBACK_COMPLETE"

    assert stacks.outputs(name)["Ref"] == old
    assert list(stacks.inspect()[0]) == [old]
    actions = [action for action in stacks.actions()[1:] if action != "UPDATE"]
    assert actions == ["CREATE", "CREATE", "DELETE"]
    assert stacks.actions().count("UPDATE") == ("Locked" in before)
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert stacks.inspect()[0] == {}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"Name": "one"}, {"Name": "two"}, id="create only"),
        pytest.param({"Locked": "1"}, {"Locked": "2"}, id="NotUpdatable"),
    ],
)
def test_a_rollback_deletes_what_had_replaced(
    stacks: FakeStacks, before: dict[str, Any], after: dict[str, Any]
) -> None:
    name = stacks.created(thing(**before))
    old = stacks.outputs(name)["Ref"]

    broken = thing("Broken", Behave="break", _DependsOn="Thing")
    assert stacks.update(name, thing(**after), broken) == "UPDATE_ROLLBACK_COMPLETE"

    assert stacks.outputs(name)["Ref"] == old
    assert list(stacks.inspect()[0]) == [old]


def test_a_rollback_sends_changes_back(stacks: FakeStacks) -> None:
    name = stacks.created(thing(Size=1), thing("Other"), Tags=tags(team="blue"))
    arn = stacks.outputs(name)["Ref"]

    failing = thing("Other", Behave="raise", _DependsOn="Thing")
    assert stacks.update(name, thing(Size=2), failing, Tags=tags(team="red")) == "UPDATE_ROLLBACK_COMPLETE"

    record = stacks.inspect()[0][arn]
    assert (record["Size"], record["StackTags"]) == ("1", {"team": "blue"})
    back = [event["requestData"] for event in stacks.inspect()[1][-2:]]
    # The one that failed may have got half way, so it is sent back as well.
    assert {each["logicalResourceId"] for each in back} == {"Thing", "Other"}
    assert all(each["previousStackTags"] == {"team": "red"} for each in back)


def test_an_update_that_the_schema_forbids_is_not_sent_back(stacks: FakeStacks) -> None:
    name = stacks.created(thing(Size=1))

    assert stacks.update(name, thing(Size="large")) == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.actions() == ["CREATE"]

    assert stacks.update(name, thing(Size=2)) == "UPDATE_COMPLETE"
    assert stacks.actions() == ["CREATE", "UPDATE"]


def test_a_rollback_that_is_asked_for_later_cleans_up_as_well(stacks: FakeStacks) -> None:
    name = stacks.created(thing(Name="one"))
    old = stacks.outputs(name)["Ref"]

    failing = thing(Name="two", Behave="break")
    assert stacks.update(name, failing, DisableRollback=True) == "UPDATE_FAILED"
    assert len(stacks.inspect()[0]) == 2

    stacks.client.rollback_stack(StackName=name)
    assert stacks.settled(name) == "UPDATE_ROLLBACK_COMPLETE"
    assert list(stacks.inspect()[0]) == [old]


def test_a_deleted_stack_deletes_its_resources(stacks: FakeStacks) -> None:
    name = stacks.created(thing(Size=1), Tags=tags(team="blue"))
    arn, stack_id = stacks.outputs(name)["Ref"], stacks.describe(name)["StackId"]

    assert stacks.delete(name) == "DELETE_COMPLETE"

    things, events = stacks.inspect()
    assert things == {}
    assert events[-1]["action"] == "DELETE"
    data = events[-1]["requestData"]
    assert data["resourceProperties"] == {"Name": "thing", "Size": "1", "Arn": arn, "Status": "Ready"}
    assert data["stackTags"] == {"team": "blue"}
    assert data["systemTags"]["aws:cloudformation:stack-name"] == name
    assert events[-1]["stackId"] == stack_id


def test_a_resource_that_is_gone_already_is_deleted(stacks: FakeStacks, awslambda: Any) -> None:
    name = stacks.created(thing())
    invoke(awslambda, "Inspect", {"forget": True})

    assert stacks.delete(name) == "DELETE_COMPLETE"


def test_a_resource_taken_out_of_the_template_is_deleted(stacks: FakeStacks) -> None:
    name = stacks.created(thing(), thing("Other"))

    assert stacks.update(name, thing()) == "UPDATE_COMPLETE"

    assert len(stacks.inspect()[0]) == 1
    assert [status for status, _, _ in stacks.events(name, "Other")][-2:] == [
        "DELETE_IN_PROGRESS",
        "DELETE_COMPLETE",
    ]


@pytest.mark.parametrize(
    ("properties", "problem"),
    [
        ({"Colour": "red"}, "Encountered unsupported property Colour"),
        ({"Arn": "mine"}, "Encountered unsupported property Arn"),
        ({"Name": {"Ref": "AWS::NoValue"}}, "#: required key [Name] not found"),
        ({"Name": "x" * 21}, "#/Name: expected maximum Length: 20, found: 21"),
        ({"Size": "large"}, "#/Size: expected type: Integer, found: String"),
        ({"Nested": "flat"}, "#/Nested: expected type: JSONObject, found: String"),
        ({"Nested": {"Free": "x"}}, "#/Nested: required key [Fixed] not found"),
        ({"Tags": [{"Key": "a", "Value": "b", "C": 1}]}, "#/Tags/0: extraneous key [C] is not permitted"),
        ({"Behave": "badly"}, "#/Behave: #: badly is not a valid enum value"),
    ],
)
def test_what_the_schema_forbids_never_reaches_the_handler(
    stacks: FakeStacks, properties: dict[str, Any], problem: str
) -> None:
    name = stacks.create(thing(**properties))

    assert stacks.settled(name) == "ROLLBACK_COMPLETE"
    expected = f"Properties validation failed for resource Thing with message: [{problem}]"
    assert expected in stacks.reasons(name)
    assert stacks.actions() == []


def test_a_template_can_hold_a_group(stacks: FakeStacks, fake_sandbox: Sandbox) -> None:
    sagemaker = fake_sandbox.client("sagemaker")
    body: dict[str, Any] = {
        "Resources": {
            "Group": {
                "Type": "AWS::SageMaker::ModelPackageGroup",
                "Properties": {
                    "ModelPackageGroupName": "models",
                    "ModelPackageGroupDescription": "first",
                    "Tags": tags(kind="test"),
                },
            },
            **thing(Locked={"Ref": "Group"}),
        },
        "Outputs": {"Status": {"Value": {"Fn::GetAtt": ["Group", "ModelPackageGroupStatus"]}}},
    }
    stacks.client.create_stack(
        StackName="grouped", TemplateBody=json.dumps(body), Tags=tags(team="blue", cost="1")
    )
    assert stacks.settled("grouped") == "CREATE_COMPLETE", stacks.reasons("grouped")

    group = sagemaker.describe_model_package_group(ModelPackageGroupName="models")
    arn = group["ModelPackageGroupArn"]
    assert stacks.outputs("grouped") == {"Status": "Completed"}
    assert stacks.inspect()[1][0]["requestData"]["resourceProperties"]["Locked"] == arn
    assert sorted_tags(sagemaker, arn) == tags(cost="1", kind="test", team="blue")

    stacks.client.update_stack(StackName="grouped", UsePreviousTemplate=True, Tags=tags(team="red"))
    assert stacks.settled("grouped") == "UPDATE_COMPLETE", stacks.reasons("grouped")
    assert sorted_tags(sagemaker, arn) == tags(kind="test", team="red")

    assert stacks.delete("grouped") == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.describe_model_package_group(ModelPackageGroupName="models")
    sagemaker.close()


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        pytest.param({}, "#: required key [ModelPackageGroupName] not found", id="no name"),
        pytest.param(
            {"ModelPackageGroupName": {"of": "models"}},
            "Invalid type for parameter",
            id="a name that is none",
        ),
        pytest.param(
            {"ModelPackageGroupName": "models", "Colour": "red"},
            "Encountered unsupported property Colour",
            id="an unknown property",
        ),
    ],
)
def test_a_group_that_cannot_be_says_why(stacks: FakeStacks, properties: dict[str, Any], reason: str) -> None:
    name = stacks.create({"Group": {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": properties}})

    assert stacks.settled(name) == "ROLLBACK_COMPLETE"
    ((_, _, said),) = [each for each in stacks.events(name, "Group") if each[0] == "CREATE_FAILED"]
    assert reason in said


def sorted_tags(sagemaker: Any, arn: str) -> list[dict[str, str]]:
    """Return the tags of a group, by key."""
    found: list[dict[str, str]] = sagemaker.list_tags(ResourceArn=arn)["Tags"]
    return sorted(found, key=lambda tag: tag["Key"])


class Answer(JsonHandler):
    """A function that answers any event with the same bytes, perhaps fewer than it promises."""

    content = b""
    error = False
    missing = 0

    def post(self) -> None:
        """Answer."""
        self.body()
        headers = {"Content-Length": str(len(self.content) + self.missing), "Connection": "close"}
        self.answer(
            200, self.content, {**headers, **({"X-Amz-Function-Error": "Unhandled"} if self.error else {})}
        )


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param({"content": b"no JSON"}, "did not answer with a progress event", id="no JSON"),
        pytest.param({"content": b"\xff\xfe{"}, "did not answer with a progress event", id="no text"),
        pytest.param({"content": b'["SUCCESS"]'}, "did not answer with a progress event", id="no object"),
        pytest.param({"content": b"{}"}, "did not answer with a progress event", id="no status"),
        pytest.param({"content": b'{"errorMessage": "it broke"}', "error": True}, "it broke", id="an error"),
        pytest.param({"content": b'"it broke"', "error": True}, "does not say why", id="an error, no object"),
        pytest.param({"content": b'{"status": "SUCC', "missing": 8}, "gave no answer", id="half an answer"),
    ],
)
def test_what_is_no_progress_event_becomes_a_failed_one(answer: dict[str, Any], message: str) -> None:
    with LocalServer(type("Given", (Answer,), answer)) as server:
        event = Functions(server.endpoint, "TypeFunction").invoke({})
    assert (event["status"], event["errorCode"]) == ("FAILED", "InternalFailure")
    assert message in event["message"]


def run_in_engine(code: str) -> subprocess.CompletedProcess[str]:
    """Run a few lines with the engine's Python."""
    return subprocess.run(  # noqa: S603 - our own code
        [str(engine_python()), "-c", code],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


HOOKS = "import sandbox.cloudformation.ministack_hooks as hooks; "


def test_the_private_names_are_where_they_were() -> None:
    ran = run_in_engine(HOOKS + "hooks.verify()")

    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        pytest.param(
            "hooks.PINNED_VERSION = '1.0'", "is installed, but the hooks are written for 1.0", id="version"
        ),
        pytest.param(
            "import ministack.services.cloudformation.provisioners as p; del p._RESOURCE_HANDLERS",
            "has no ministack.services.cloudformation.provisioners._RESOURCE_HANDLERS",
            id="name",
        ),
        pytest.param(
            "import ministack.services.cloudformation.changesets as c; del c._start_import",
            "has no ministack.services.cloudformation.changesets._start_import",
            id="imports",
        ),
        pytest.param(
            "import ministack.services.cloudformation.drift as d; d.supports_drift = lambda: None",
            "has no ministack.services.cloudformation.drift.supports_drift(resource_type)",
            id="drift",
        ),
        pytest.param(
            "import ministack.services.cloudformation.stacks as s; s._add_event = lambda event: None",
            "has no ministack.services.cloudformation.stacks._add_event(stack_id, stack_name,",
            id="parameters",
        ),
    ],
)
def test_another_ministack_is_refused_loudly(change: str, complaint: str) -> None:
    ran = run_in_engine(f"{HOOKS}{change}; hooks.Host()")

    assert ran.returncode == 1
    assert "EngineMismatchError" in ran.stderr
    assert complaint in ran.stderr


def test_a_missing_engine_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_ENGINE_PYTHON", "/nowhere/python")

    with pytest.raises(SandboxError, match=r"no Python at /nowhere/python: run `make setup`"):
        Sandbox().start()
