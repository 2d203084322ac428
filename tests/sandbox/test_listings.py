"""Lists of resources, stacks and events: what is in them, beside what the engine lists by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.local_aws import Sandbox
from tests.sandbox.engine_code import in_engine
from tests.sandbox.helpers import until
from tests.sandbox.test_cloudformation import FakeStacks, thing
from tests.stack.stacks import Json, new_name

PAGE = 100  # events


@pytest.fixture
def stacks(fake_sandbox: Sandbox, awslambda: Any) -> Iterator[FakeStacks]:
    """Stacks in an engine whose fake type has nothing yet."""
    made = FakeStacks(fake_sandbox, awslambda)
    yield made
    made.close()


def parameters(count: int, value: str) -> Json:
    resource = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}}
    return {"Resources": {f"P{number}": resource for number in range(count)}}


def of_resources(records: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    return {(each["LogicalResourceId"], each["ResourceStatus"]) for each in records}


def statuses(stacks: FakeStacks, name: str) -> dict[str, str]:
    """Return what both lists say of the resources of a stack in no operation."""
    described = stacks.client.describe_stack_resources(StackName=name)["StackResources"]
    listed = stacks.client.list_stack_resources(StackName=name)["StackResourceSummaries"]
    assert of_resources(listed) == of_resources(described)
    return dict(of_resources(described))


def test_resources_are_listed_while_they_are_made_and_when_they_have_failed(stacks: FakeStacks) -> None:
    name = stacks.begin(
        thing("Made"),
        thing("Slow", Behave="slow", _DependsOn="Made"),
        thing("Bad", Behave="taken", _DependsOn="Slow"),
        DisableRollback=True,
    )
    describe = stacks.client.describe_stack_resources
    until(
        lambda: {("Slow", "CREATE_IN_PROGRESS")} <= of_resources(describe(StackName=name)["StackResources"])
    )
    assert stacks.wait(name) == "CREATE_FAILED"
    expected = {"Made": "CREATE_COMPLETE", "Slow": "CREATE_COMPLETE", "Bad": "CREATE_FAILED"}
    assert statuses(stacks, name) == expected
    detail = stacks.client.describe_stack_resource(StackName=name, LogicalResourceId="Bad")
    assert "it is in use" in detail["StackResourceDetail"]["ResourceStatusReason"]


def test_failed_resources_of_earlier_operations_are_not_listed(stacks: FakeStacks) -> None:
    name = stacks.make(thing("Kept"))
    failing = (thing("Kept", Size="2"), thing("Bad", Behave="taken", _DependsOn="Kept"))
    assert stacks.change(name, *failing) == "UPDATE_ROLLBACK_COMPLETE"
    assert statuses(stacks, name) == {"Kept": "UPDATE_COMPLETE"}
    other = (thing("Kept"), thing("Other", Behave="taken", _DependsOn="Kept"))
    assert stacks.change(name, *other, DisableRollback=True) == "UPDATE_FAILED"
    assert statuses(stacks, name) == {"Kept": "UPDATE_COMPLETE", "Other": "CREATE_FAILED"}


def test_deleted_stack_is_described_by_its_id(stacks: FakeStacks) -> None:
    name = stacks.make(thing("Gone"), thing("Kept", _DeletionPolicy="Retain"))
    stack_id, physical_id = stacks.describe(name)["StackId"], stacks.arn(name, "Gone")
    found = stacks.client.describe_stack_resources(PhysicalResourceId=physical_id)["StackResources"]
    assert {each["StackId"] for each in found} == {stack_id}
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert statuses(stacks, stack_id) == {"Gone": "DELETE_COMPLETE", "Kept": "DELETE_SKIPPED"}
    assert stacks.arn(stack_id, "Gone") == physical_id
    client = stacks.client
    calls: list[tuple[Callable[..., Any], Json]] = [
        (client.describe_stack_resource, {"StackName": name, "LogicalResourceId": "Gone"}),
        (client.describe_stack_resources, {"StackName": name}),
        (client.list_stack_resources, {"StackName": name}),
        (client.describe_stack_events, {"StackName": name}),
        (client.get_template, {"StackName": name}),
        (client.describe_stack_resources, {"PhysicalResourceId": physical_id}),
    ]
    for call, given in calls:
        with pytest.raises(ClientError, match="does not exist"):
            call(**given)


def test_new_events_do_not_move_pages(stacks: FakeStacks) -> None:
    name = stacks.create(parameters(50, "1"))
    client = stacks.client
    lists: list[tuple[Callable[..., Any], str]] = [
        (client.describe_stack_events, "StackEvents"),
        (client.describe_events, "OperationEvents"),
    ]
    for call, member in lists:
        page = call(StackName=name)
        events = [each["EventId"] for each in page[member]]
        assert len(events) == PAGE
        assert stacks.update(name, parameters(50, new_name())) == "UPDATE_COMPLETE"
        while token := page.get("NextToken"):
            page = call(StackName=name, NextToken=token)
            events += [each["EventId"] for each in page[member]]
        assert len(set(events)) == len(events)
        last = list(client.get_paginator("describe_stack_events").paginate(StackName=name))[-1]
        assert events[-1] == last["StackEvents"][-1]["EventId"]
    with pytest.raises(ClientError, match="Invalid NextToken"):
        client.describe_stack_events(StackName=name, NextToken="DescribeEvents:3")


def test_list_of_stacks_has_descriptions(stacks: FakeStacks) -> None:
    name = stacks.create({"Description": "what it is", **parameters(1, "1")})
    pages = stacks.client.get_paginator("list_stacks").paginate()
    (found,) = (each for page in pages for each in page["StackSummaries"] if each["StackName"] == name)
    assert found["TemplateDescription"] == "what it is"


ENGINE = """
import json
from sandbox.cloudformation.ministack_hooks import names
package, table = names.module(names.CLOUDFORMATION), names.module(names.HANDLERS)._ACTION_HANDLERS
package._stacks["s"] = dict(StackName="s", StackId="arn:s", StackStatus="DELETE_COMPLETE", ParentId="arn:p")
package._stack_events["arn:s"] = [{"EventId": str(n), "Timestamp": str(n)} for n in range(1000, 1150)]
def ask(action, **params):
    return table[action]({name: [value] for name, value in params.items()})[2].decode()
token = "DescribeStackEvents:100"
first = ask("DescribeStackEvents", StackName="s", NextToken=token)
package._stack_events["arn:s"].append({"EventId": "1150", "Timestamp": "1150"})
second = ask("DescribeStackEvents", StackName="s", NextToken=token)
print(json.dumps([
    ask("ListStackResources", StackName="s"), ask("ListStacks"), first == second,
    ask("DescribeStackResources", PhysicalResourceId="x"),
]))
"""


def test_engine_itself_lists_less() -> None:
    deleted, summaries, same_page, by_physical_id = in_engine(ENGINE)
    assert "does not exist" not in deleted  # though it is asked for by its name
    assert "ParentId" not in summaries
    assert not same_page
    assert "Stack [] does not exist" in by_physical_id
