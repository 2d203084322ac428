"""Events of stacks in CloudFormation's order, with its times and reasons, and their operations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.cloudformation.operation_events import later_timestamp
from sandbox.commands import watch
from sandbox.local_aws import Sandbox
from tests.sandbox.engine_code import in_engine
from tests.sandbox.helpers import until
from tests.sandbox.test_cloudformation import FakeStacks, template, thing
from tests.stack.stacks import Json, new_name

STACK = "the stack"
CREATION = "Resource creation Initiated"
REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."
CLEANING_UP = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
BROKE = 'Resource handler returned message: "it broke"'


@pytest.fixture
def stacks(fake_sandbox: Sandbox, awslambda: Any) -> Iterator[FakeStacks]:
    """Stacks in an engine whose fake type has nothing yet."""
    made = FakeStacks(fake_sandbox, awslambda)
    yield made
    made.close()


def parameter(value: str | Json = "a", **properties: str) -> Json:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value, **properties}}


def history(stacks: FakeStacks, name: str) -> list[tuple[str, str, str]]:
    """Return logical id, status and reason of the events of a stack's last operation, oldest first."""
    events = watch.stack_events(stacks.client, name)
    times = [each["Timestamp"] for each in events]
    assert times == sorted(set(times)), "equal times"
    assert len({each["EventId"] for each in events}) == len(events)
    last = max(
        number
        for number, each in enumerate(events)
        if each["ResourceStatus"] in {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}
        and each.get("PhysicalResourceId") == each["StackId"]
        and "Rollback" not in each.get("ResourceStatusReason", "")
    )
    return [
        (
            STACK if each.get("PhysicalResourceId") == each["StackId"] else each["LogicalResourceId"],
            each["ResourceStatus"],
            each.get("ResourceStatusReason", "").split(" (RequestToken")[0],
        )
        for each in events[last:]
    ]


def operations(stacks: FakeStacks, name: str) -> dict[str, str]:
    """Return the ids of a stack's last operations by type."""
    return {each["OperationType"]: each["OperationId"] for each in stacks.describe(name)["LastOperations"]}


def operation_events(stacks: FakeStacks, **given: Any) -> list[Json]:
    """Return what DescribeEvents answers."""
    return [{**each} for each in stacks.client.describe_events(**given)["OperationEvents"]]


def test_update_has_the_recorded_events(stacks: FakeStacks) -> None:
    """Changed, replaced, added, removed and unchanged ones, native and hosted."""
    name = stacks.make(
        thing(Size=1, Name="one"),
        thing("Other", Name="other"),
        thing("Same", Name="same"),
        {"A": parameter(), "B": parameter(), "C": parameter(Name="/c"), "S": parameter()},
    )
    (created,) = operations(stacks, name).values()
    before = stacks.client.describe_stack_resources(StackName=name, LogicalResourceId="Same")
    stacks.change(
        name,
        thing(Size=2, Name="one"),
        thing("Other", Name="other2"),
        thing("Same", Name="same"),
        {"A": parameter("b"), "C": parameter(Name="/c2"), "D": parameter(), "S": parameter()},
    )

    assert history(stacks, name) == [
        (STACK, "UPDATE_IN_PROGRESS", "User Initiated"),
        ("A", "UPDATE_IN_PROGRESS", ""),
        ("A", "UPDATE_COMPLETE", ""),
        ("C", "UPDATE_IN_PROGRESS", REPLACING),
        ("C", "UPDATE_IN_PROGRESS", CREATION),
        ("C", "UPDATE_COMPLETE", ""),
        ("D", "CREATE_IN_PROGRESS", ""),
        ("D", "CREATE_IN_PROGRESS", CREATION),
        ("D", "CREATE_COMPLETE", ""),
        ("Other", "UPDATE_IN_PROGRESS", REPLACING),
        ("Other", "UPDATE_IN_PROGRESS", CREATION),
        ("Other", "UPDATE_COMPLETE", ""),
        ("Thing", "UPDATE_IN_PROGRESS", ""),
        ("Thing", "UPDATE_COMPLETE", ""),
        (STACK, CLEANING_UP, ""),
        ("Other", "DELETE_IN_PROGRESS", ""),
        ("Other", "DELETE_COMPLETE", ""),
        ("C", "DELETE_IN_PROGRESS", ""),
        ("C", "DELETE_COMPLETE", ""),
        ("B", "DELETE_IN_PROGRESS", ""),
        ("B", "DELETE_COMPLETE", ""),
        (STACK, "UPDATE_COMPLETE", ""),
    ]
    assert [pid for status, pid, _ in stacks.history(name, "C") if "DELETE" in status] == ["/c", "/c"]
    assert [pid for _, pid, _ in stacks.history(name, "C")][3:6] == ["/c", "/c2", "/c2"]
    after = stacks.client.describe_stack_resources(StackName=name, LogicalResourceId="Same")
    assert after["StackResources"] == before["StackResources"]
    added = stacks.client.describe_stack_resource(StackName=name, LogicalResourceId="D")
    assert added["StackResourceDetail"]["ResourceStatus"] == "CREATE_COMPLETE"
    assert operations(stacks, name).keys() == {"UPDATE_STACK"}
    assert created not in operations(stacks, name).values()


def test_change_set_of_outputs_or_nothing_still_cleans_up(stacks: FakeStacks) -> None:
    name = stacks.create({"Resources": {"A": parameter()}})
    stacks.update(name, {"Resources": {"A": parameter()}, "Outputs": {"X": {"Value": "x"}}})
    assert history(stacks, name) == [
        (STACK, "UPDATE_IN_PROGRESS", "User Initiated"),
        (STACK, CLEANING_UP, ""),
        (STACK, "UPDATE_COMPLETE", ""),
    ]
    with pytest.raises(ClientError, match=r"No updates are to be performed\."):
        stacks.update(name, {"Resources": {"A": parameter()}, "Outputs": {"X": {"Value": "x"}}})


def test_create_by_change_set_and_deletion(stacks: FakeStacks) -> None:
    name = new_name()
    stacks.client.create_change_set(
        StackName=name, ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=template(thing())
    )
    (review,) = watch.stack_events(stacks.client, name)
    assert (review["ResourceStatus"], review["ResourceStatusReason"]) == (
        "REVIEW_IN_PROGRESS",
        "User Initiated",
    )
    stacks.client.execute_change_set(StackName=name, ChangeSetName="first")
    stacks.wait(name)
    assert history(stacks, name)[0] == (STACK, "CREATE_IN_PROGRESS", "User Initiated")
    stack_id = stacks.describe(name)["StackId"]
    stacks.delete(name)
    assert history(stacks, stack_id) == [
        (STACK, "DELETE_IN_PROGRESS", "User Initiated"),
        ("Thing", "DELETE_IN_PROGRESS", ""),
        ("Thing", "DELETE_COMPLETE", ""),
        (STACK, "DELETE_COMPLETE", ""),
    ]
    assert operations(stacks, stack_id).keys() == {"DELETE_STACK"}


FAILED = "The following resource(s) failed to create: [Thing]. "
CREATION_EVENTS = [
    (STACK, "CREATE_IN_PROGRESS", "User Initiated"),
    ("Thing", "CREATE_IN_PROGRESS", ""),
    ("Thing", "CREATE_IN_PROGRESS", CREATION),
    ("Thing", "CREATE_FAILED", BROKE),
]


def test_failed_create_rolls_back(stacks: FakeStacks) -> None:
    name = stacks.roll_back(thing(Behave="break"))
    assert history(stacks, name) == [
        *CREATION_EVENTS,
        (STACK, "ROLLBACK_IN_PROGRESS", f"{FAILED}Rollback requested by user."),
        ("Thing", "DELETE_IN_PROGRESS", ""),
        ("Thing", "DELETE_COMPLETE", ""),
        (STACK, "ROLLBACK_COMPLETE", ""),
    ]
    stack = stacks.describe(name)
    assert "StackStatusReason" not in stack
    assert "DeletionTime" in stack
    ids = operations(stacks, name)
    assert list(ids) == ["ROLLBACK", "CREATE_STACK"]

    # What failed is there by stack, and by the operation that it failed in.
    for given in ({"StackName": name}, {"OperationId": ids["CREATE_STACK"]}):
        (event,) = operation_events(stacks, **given, Filters={"FailedEvents": True})
        assert event["ResourceStatusReason"].startswith(BROKE)
        assert event["PhysicalResourceId"].startswith("arn:thing:")
        assert event == {
            "EventId": event["EventId"],
            "StackId": stack["StackId"],
            "OperationId": ids["CREATE_STACK"],
            "OperationType": "CREATE_STACK",
            "OperationStatus": "FAILED",
            "EventType": "PROVISIONING_ERROR",
            "LogicalResourceId": "Thing",
            "PhysicalResourceId": event["PhysicalResourceId"],
            "ResourceType": "Tests::Fake::Thing",
            "ResourceStatus": "CREATE_FAILED",
            "ResourceStatusReason": event["ResourceStatusReason"],
            "Timestamp": event["Timestamp"],
        }
    rolled = operation_events(stacks, OperationId=ids["ROLLBACK"])
    assert [(each["EventType"], each["ResourceStatus"]) for each in rolled] == [
        ("STACK_EVENT", "ROLLBACK_COMPLETE"),
        ("PROGRESS_EVENT", "DELETE_COMPLETE"),
        ("PROGRESS_EVENT", "DELETE_IN_PROGRESS"),
        ("STACK_EVENT", "ROLLBACK_IN_PROGRESS"),
    ]


def test_failed_create_without_rollback(stacks: FakeStacks) -> None:
    name = stacks.begin(thing(Behave="break"), OnFailure="DO_NOTHING")
    assert stacks.wait(name) == "CREATE_FAILED"
    assert history(stacks, name) == [*CREATION_EVENTS, (STACK, "CREATE_FAILED", FAILED)]
    assert stacks.describe(name)["StackStatusReason"] == FAILED


def test_reasons_and_log_quote_no_secret_parameter(stacks: FakeStacks, fake_sandbox: Sandbox) -> None:
    name = new_name()
    stacks.client.create_stack(
        StackName=name,
        TemplateBody=json.dumps(
            {
                "Parameters": {"Pw": {"Type": "String", "NoEcho": True}, "Short": {"Type": "String"}},
                "Resources": thing(Behave={"Ref": "Pw"}),
            }
        ),
        Parameters=[
            {"ParameterKey": "Pw", "ParameterValue": "hunter-22"},
            {"ParameterKey": "Short", "ParameterValue": "Behave"},
        ],
        OnFailure="DO_NOTHING",
    )
    assert stacks.wait(name) == "CREATE_FAILED"
    reasons = [text for *_, text in history(stacks, name)]
    assert any(text.endswith("[#/Behave: #: **** is not a valid enum value]") for text in reasons)
    listed = stacks.client.list_stack_resources(StackName=name)["StackResourceSummaries"]
    assert fake_sandbox.logs is not None
    log = (fake_sandbox.logs / "engine.log").read_text()
    assert "[#/Behave: #: **** is not a valid enum value]" in log
    assert "hunter-22" not in " ".join(
        [log, *reasons, *(each.get("ResourceStatusReason", "") for each in listed)]
    )


def test_failed_create_that_is_deleted(stacks: FakeStacks) -> None:
    name = stacks.begin(thing(Behave="break"), OnFailure="DELETE")
    stack_id = stacks.describe(name)["StackId"]
    assert stacks.wait(stack_id) == "DELETE_COMPLETE"
    events = watch.stack_events(stacks.client, stack_id)
    assert [(each["ResourceStatus"], each.get("ResourceStatusReason")) for each in events[4:]] == [
        ("DELETE_IN_PROGRESS", f"{FAILED}Delete requested by user."),
        ("DELETE_IN_PROGRESS", None),
        ("DELETE_COMPLETE", None),
        ("DELETE_COMPLETE", None),
    ]
    assert stacks.things() == {}


def test_outputs_that_fail_give_the_reason(stacks: FakeStacks) -> None:
    body = {"Resources": {"A": parameter()}, "Outputs": {"X": {"Value": {"Fn::GetAtt": ["A", "Nope"]}}}}
    name = new_name()
    stacks.client.create_stack(StackName=name, TemplateBody=json.dumps(body))
    assert stacks.wait(name) == "ROLLBACK_COMPLETE"
    own = [event for event in history(stacks, name) if event[0] == STACK]
    assert [status for _, status, _ in own] == [
        "CREATE_IN_PROGRESS",
        "ROLLBACK_IN_PROGRESS",
        "ROLLBACK_COMPLETE",
    ]
    assert own[1][2].endswith("AWS::SSM::Parameter. Rollback requested by user.")


def test_failure_of_a_service_gives_its_message(stacks: FakeStacks) -> None:
    again = {**parameter(Name="/taken"), "DependsOn": "A"}
    stacks.client.create_stack(
        StackName=(name := new_name()),
        TemplateBody=json.dumps({"Resources": {"A": parameter(Name="/taken"), "B": again}}),
    )
    assert stacks.wait(name) == "ROLLBACK_COMPLETE"
    (reason,) = (text for *at, text in history(stacks, name) if at == ["B", "CREATE_FAILED"])
    assert reason.startswith("The parameter already exists. To overwrite this value")


def test_engine_itself_gives_the_answer_of_a_service_as_it_is() -> None:
    code = (
        "import json\nfrom sandbox.cloudformation.ministack_hooks import names\n"
        "make = names.module(names.PROVISIONERS)._RESOURCE_HANDLERS['AWS::SSM::Parameter']['create']\n"
        "made = make('A', {'Type': 'String', 'Value': 'a', 'Name': '/a'}, 's')\n"
        "try:\n    make('A', {'Type': 'String', 'Value': 'a', 'Name': '/a'}, 's')\n"
        "except ValueError as error:\n    print(json.dumps(str(error)))\n"
    )
    assert in_engine(code).startswith("AWS::SSM::Parameter create failed: b'{")


def test_update_of_an_export_that_is_imported_gives_the_reason(stacks: FakeStacks) -> None:
    def exporting(value: str) -> Json:
        output = {"Value": value, "Export": {"Name": "an-export"}}
        return {"Resources": {"A": parameter(value)}, "Outputs": {"X": output}}

    exporter = stacks.create(exporting("a"))
    importer = stacks.create({"Resources": {"I": parameter({"Fn::ImportValue": "an-export"})}})
    assert stacks.update(exporter, exporting("b")) == "UPDATE_ROLLBACK_COMPLETE"
    own = [event[1:] for event in history(stacks, exporter) if event[0] == STACK]
    at = [status for status, _ in own].index("UPDATE_IN_PROGRESS") + 1
    reason = f"Export an-export cannot be updated as it is in use by {importer}"
    assert own[at][0] == "UPDATE_ROLLBACK_IN_PROGRESS"
    assert own[at][1].startswith(reason)


def test_failed_update_rolls_back(stacks: FakeStacks) -> None:
    name = stacks.make(thing(Size=1))
    assert stacks.change(name, thing(Size=1, Behave="raise")) == "UPDATE_ROLLBACK_COMPLETE"
    own = [event for event in history(stacks, name) if event[0] == STACK]
    assert own == [
        (STACK, "UPDATE_IN_PROGRESS", "User Initiated"),
        (STACK, "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Thing]. "),
        (STACK, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", ""),
        (STACK, "UPDATE_ROLLBACK_COMPLETE", ""),
    ]


def test_nested_stack_has_events_of_its_own(stacks: FakeStacks, fake_sandbox: Sandbox) -> None:
    bodies = {
        "first": template(
            thing(Name="same"), thing("Other", Name="old"), {"A": parameter(), "B": parameter()}
        ),
        "second": template(
            thing(Name="same"), thing("Other", Name="new"), {"A": parameter(), "C": parameter()}
        ),
        "broken": template(thing(Name="same"), thing("Bad", Name="bad", Behave="break")),
    }
    with closing(fake_sandbox.client("s3", endpoint_url=fake_sandbox.endpoints["cloudformation"])) as s3:
        s3.create_bucket(Bucket="nested")
        for key, body in bodies.items():
            s3.put_object(Bucket="nested", Key=key, Body=body)

    def parent(key: str) -> Json:
        url = f"https://nested.s3.amazonaws.com/{key}"
        return {
            "Resources": {"N": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}}
        }

    name = stacks.create(parent("first"))
    child = stacks.arn(name, "N")
    outputs = stacks.outputs(child)
    assert stacks.update(name, parent("second")) == "UPDATE_COMPLETE"
    assert stacks.outputs(child) == outputs  # of the one that has not changed
    events = history(stacks, child)
    assert ("A", "UPDATE_IN_PROGRESS", "") not in events
    assert [each for each in events if each[0] == "Other"][:2] == [
        ("Other", "UPDATE_IN_PROGRESS", REPLACING),
        ("Other", "UPDATE_IN_PROGRESS", CREATION),
    ]
    assert events[-4:] == [
        (STACK, CLEANING_UP, ""),
        ("B", "DELETE_IN_PROGRESS", ""),
        ("B", "DELETE_COMPLETE", ""),
        (STACK, "UPDATE_COMPLETE", ""),
    ]
    assert stacks.update(name, parent("broken")) == "UPDATE_ROLLBACK_COMPLETE"
    assert "The following resource(s) failed to create: [Bad]. " in stacks.reasons(child)
    stacks.delete(name)
    events = history(stacks, child)
    assert events[0] == (STACK, "DELETE_IN_PROGRESS", "User Initiated")
    assert ("A", "DELETE_COMPLETE", "") in events
    assert events[-1] == (STACK, "DELETE_COMPLETE", "")
    assert len(events) == len(set(events))


def test_clean_up_refuses_changes_and_waiters_end(stacks: FakeStacks) -> None:
    """The old resource takes a while to go, in which the stack is what CloudFormation calls it."""
    name = stacks.make(thing(Behave="lingering", Name="old"), {"A": parameter()})
    body = template(thing(Name="new"), {"A": parameter()})
    stacks.client.update_stack(StackName=name, TemplateBody=body)
    stack = until(lambda: (found := stacks.describe(name))["StackStatus"] == CLEANING_UP and found)
    message = f"Stack:{stack['StackId']} is in {CLEANING_UP} state and can not be updated."
    with pytest.raises(ClientError) as refused:
        stacks.client.update_stack(StackName=name, TemplateBody=template(thing(Name="other")))
    assert refused.value.response["Error"]["Message"] == message
    with pytest.raises(ClientError) as refused:
        stacks.client.create_change_set(StackName=name, ChangeSetName="c", TemplateBody=template(thing()))
    assert refused.value.response["Error"]["Message"] == message
    stacks.client.get_waiter("stack_update_complete").wait(StackName=name)
    assert [event["Name"] for event in stacks.things().values()] == ["new"]


def test_describe_events_of_change_sets_and_of_nothing(stacks: FakeStacks) -> None:
    name = stacks.make(thing())
    stacks.client.create_change_set(StackName=name, ChangeSetName="none", TemplateBody=template(thing()))
    failed = {"FailedEvents": True}
    (event,) = operation_events(stacks, StackName=name, ChangeSetName="none", Filters=failed)
    assert (event["OperationType"], event["OperationStatus"]) == ("CREATE_CHANGESET", "FAILED")
    assert event["ResourceStatusReason"].startswith("The submitted information didn't contain changes.")
    assert operation_events(stacks, OperationId=event["OperationId"]) == [event]
    for given, message in (
        ({}, "One of ChangeSetName, OperationId or StackName must be specified"),
        ({"ChangeSetName": "none"}, "One of ChangeSetName, OperationId or StackName must be specified"),
        ({"OperationId": "0"}, "Operation ID does not exist"),
        ({"StackName": "nothing"}, "Stack [nothing] does not exist"),
    ):
        with pytest.raises(ClientError) as refused:
            operation_events(stacks, **given)
        assert refused.value.response["Error"]["Message"] == message


def test_later_timestamp_adds_a_millisecond_to_what_is_not_later() -> None:
    old = "2026-01-01T00:59:59.999Z"
    assert later_timestamp("2026-01-01T01:00:00.007Z", None) == "2026-01-01T01:00:00.007Z"
    assert later_timestamp("2026-01-01T01:00:00.007Z", old) == "2026-01-01T01:00:00.007Z"
    assert later_timestamp(old, old) == "2026-01-01T01:00:00.000Z"
    assert later_timestamp("2026-01-01T00:00:00.000Z", old) == "2026-01-01T01:00:00.000Z"
