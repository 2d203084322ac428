"""Stacks whose operation has failed without a rollback: updated again, rolled back, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.local_aws import Sandbox
from tests.sandbox.engine_code import in_engine
from tests.sandbox.test_cloudformation import FakeStacks, template, thing
from tests.stack.stacks import new_name

BAD = thing("Bad", Behave="taken", _DependsOn="Thing")
NO_ROLLBACK = {"DisableRollback": True}


@pytest.fixture
def stacks(fake_sandbox: Sandbox, awslambda: Any) -> Iterator[FakeStacks]:
    """Stacks in an engine whose fake type has nothing yet."""
    made = FakeStacks(fake_sandbox, awslambda)
    yield made
    made.close()


@pytest.fixture
def failed(stacks: FakeStacks) -> str:
    """Return a stack whose failed update has replaced its one thing."""
    name = stacks.make(thing(Name="old"))
    assert stacks.change(name, thing(Name="new"), BAD, **NO_ROLLBACK) == "UPDATE_FAILED"
    assert names(stacks) == ["new", "old"]
    return name


def names(stacks: FakeStacks) -> list[str]:
    return sorted(each["Name"] for each in stacks.things().values())


def test_deletion_takes_what_a_failed_update_has_replaced(stacks: FakeStacks, failed: str) -> None:
    assert stacks.delete(failed) == "DELETE_COMPLETE"
    assert stacks.things() == {}


def test_failed_update_goes_on_without_rollback_only(stacks: FakeStacks, failed: str) -> None:
    message = r"in a non-terminal \[UPDATE_FAILED\] state.*use the disable-rollback parameter"
    with pytest.raises(ClientError, match=message):
        stacks.change(failed, thing(Name="new"))
    change_set = stacks.change_set(failed, template(thing(Name="new")))
    with pytest.raises(ClientError, match=message):
        stacks.execute(change_set)
    with pytest.raises(ClientError, match="Template format error"):
        stacks.client.update_stack(StackName=failed, TemplateBody="{", DisableRollback=True)
    assert stacks.describe(failed)["StackStatus"] == "UPDATE_FAILED"
    stacks.client.execute_change_set(ChangeSetName=change_set["ChangeSetId"], DisableRollback=True)
    assert stacks.wait(failed) == "UPDATE_COMPLETE"
    assert names(stacks) == ["new"]
    events = [status for status, *_ in stacks.history(failed)]
    assert events[-2:] == ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]


def test_policies_of_a_failed_update_hold(stacks: FakeStacks) -> None:
    name = stacks.make(thing(Name="old"))
    retaining = thing(Name="new", _UpdateReplacePolicy="Retain")
    added = thing("Added", Name="added", _DeletionPolicy="Retain")
    bad = thing("Bad", Behave="taken", _DependsOn=["Thing", "Added"])
    assert stacks.change(name, retaining, added, bad, **NO_ROLLBACK) == "UPDATE_FAILED"
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert names(stacks) == ["added", "old"]


@pytest.mark.parametrize("again", [{"Name": "newer"}, {"Name": "old"}, {"Name": "new", "Size": "2"}])
def test_rollback_returns_to_before_the_first_failure(
    stacks: FakeStacks, failed: str, again: dict[str, str]
) -> None:
    (arn,) = (arn for arn, each in stacks.things().items() if each["Name"] == "old")
    more = thing("More", Name="more")
    assert stacks.change(failed, thing(**again), more, BAD, **NO_ROLLBACK) == "UPDATE_FAILED"
    stacks.client.rollback_stack(StackName=failed)
    assert stacks.wait(failed) == "UPDATE_ROLLBACK_COMPLETE"
    assert list(stacks.things()) == [stacks.arn(failed, "Thing")] == [arn]
    described = stacks.client.describe_stack_resources(StackName=failed)["StackResources"]
    assert [each["LogicalResourceId"] for each in described] == ["Thing"]
    assert stacks.delete(failed) == "DELETE_COMPLETE"
    assert stacks.things() == {}


def test_rollback_undoes_changes_in_place_of_two_failures(stacks: FakeStacks) -> None:
    name = stacks.make(thing(Size="1"))
    assert stacks.change(name, thing(Size="2"), BAD, **NO_ROLLBACK) == "UPDATE_FAILED"
    # The thing itself fails this time.
    assert stacks.change(name, thing(Size="3", Behave="raise"), **NO_ROLLBACK) == "UPDATE_FAILED"
    stacks.client.rollback_stack(StackName=name)
    assert stacks.wait(name) == "UPDATE_ROLLBACK_COMPLETE"
    assert [each["Size"] for each in stacks.things().values()] == ["1"]


def test_failed_creation_goes_on_or_goes_away(stacks: FakeStacks) -> None:
    broken = thing("Bad", Behave="break", _DependsOn="Thing")
    name = new_name()
    stacks.client.create_stack(StackName=name, TemplateBody=template(thing(), broken), DisableRollback=True)
    assert stacks.wait(name) == "CREATE_FAILED"
    assert len(stacks.things()) == 2  # the broken one has been left behind
    assert stacks.change(name, thing(), broken, **NO_ROLLBACK) == "UPDATE_FAILED"
    assert stacks.change(name, thing(), thing("Bad", Name="good"), **NO_ROLLBACK) == "UPDATE_COMPLETE"
    assert names(stacks) == ["good", "thing"]
    assert stacks.delete(name) == "DELETE_COMPLETE"
    stacks.client.create_stack(
        StackName=(other := new_name()), TemplateBody=template(thing(), broken), DisableRollback=True
    )
    assert stacks.wait(other) == "CREATE_FAILED"
    assert stacks.change(other, thing(Name="new"), broken, **NO_ROLLBACK) == "UPDATE_FAILED"
    stacks.client.rollback_stack(StackName=other)
    assert stacks.wait(other) == "ROLLBACK_COMPLETE"
    assert stacks.things() == {}


ENGINE = """
import asyncio, json
from sandbox.cloudformation.ministack_hooks import names
package, table = names.module(names.CLOUDFORMATION), names.module(names.HANDLERS)._ACTION_HANDLERS
def ask(action, **params):
    return table[action]({name: [value] for name, value in params.items()})[2].decode()
def body(topic, **more):
    resource = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": topic}}
    return json.dumps({"Resources": {"T": resource, **more}})
async def settle():
    while package._stacks["s"]["StackStatus"].endswith("_IN_PROGRESS"):
        await asyncio.sleep(0.01)
async def run():
    ask("CreateStack", StackName="s", TemplateBody=body("old"))
    await settle()
    bad = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::GetAtt": ["T", "No"]}}}
    ask("UpdateStack", StackName="s", TemplateBody=body("new", B=bad), DisableRollback="true")
    await settle()
    status = package._stacks["s"]["StackStatus"]
    refused = ask("UpdateStack", StackName="s", TemplateBody=body("new"), DisableRollback="true")
    ask("DeleteStack", StackName="s")
    while package._stacks["s"]["StackStatus"] != "DELETE_COMPLETE":
        await asyncio.sleep(0.01)
    print(json.dumps([status, refused, list(names.module(names.SNS)._topics)]))
asyncio.run(run())
"""


def test_engine_itself_forgets_what_a_failed_update_has_replaced() -> None:
    status, refused, left = in_engine(ENGINE)
    assert status == "UPDATE_FAILED"
    assert "cannot be updated" in refused
    assert [each.rpartition(":")[2] for each in left] == ["old"]
