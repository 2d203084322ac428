"""What ministack itself does to stacks that are deleted, which a hook mends."""

from __future__ import annotations

from tests.sandbox.test_served_types import in_engine

# A stack is deleted while its first resource is being made; a nested one fails after its first resource.
ENGINE = """
import asyncio, json, time
from ministack.services import cloudformation
from ministack.services.cloudformation import provisioners, stacks

def create(logical_id, props, stack_name):
    time.sleep(0.1)
    if logical_id == "Bad":
        raise RuntimeError
    made.append(logical_id)
    return logical_id, {}

def delete(physical_id, props):
    made.remove(physical_id)

def stack(**resources):
    template = {"Resources": resources}
    record = {"StackName": "a", "StackId": "id", "StackStatus": "CREATE_IN_PROGRESS", "_template": template}
    cloudformation._stacks["a"] = {**record, "_resources": {}, "_conditions": {}, "_resolved_params": {}}
    return "a", "id", template, {}, False, []

async def interrupted():
    creation = asyncio.create_task(stacks._deploy_stack_async(*stack(A={"Type": kind}, B={"Type": kind})))
    await asyncio.sleep(0.05)
    await stacks._delete_stack_async("a", "id")
    await creation
    return cloudformation._stacks["a"]["StackStatus"]

made = []
kind = "AWS::CloudFormation::CustomResource"
provisioners._RESOURCE_HANDLERS[kind] = {"create": create, "delete": delete}
status = asyncio.run(interrupted())

def update(physical_id, old, new, stack_name):
    if new.get("Fails"):
        raise RuntimeError
    return physical_id + "2", {}

async def failed_update():
    changed = {"Type": kind, "Properties": {"New": True}}
    fails = {"Type": kind, "DependsOn": "A", "Properties": {"Fails": True}}
    arguments = stack(A=changed, B=fails)
    record = cloudformation._stacks["a"]
    for name in "AB":
        record["_resources"][name] = {"PhysicalResourceId": name, "ResourceType": kind, "Properties": {}}
    previous = {**record, "_resources": {**record["_resources"]}}
    await stacks._deploy_stack_async(*arguments[:4], True, [], is_update=True, previous_stack=previous)
    return [each["PhysicalResourceId"] for each in record["_resources"].values()]

provisioners._RESOURCE_HANDLERS[kind]["update"] = update
live = asyncio.run(failed_update())

from ministack.services.cloudformation import helpers
child = {"A": {"Type": kind, "DeletionPolicy": "Retain"}, "Bad": {"Type": kind, "DependsOn": "A"}}
helpers._resolve_document = lambda *_: (json.dumps({"Resources": child}), None)
nested = provisioners._RESOURCE_HANDLERS["AWS::CloudFormation::Stack"]
made = []
try:
    nested["create"]("N", {"TemplateURL": "any"}, "a")
except RuntimeError:
    left = [*made]
(name,) = [name for name in cloudformation._stacks if name != "a"]
nested["delete"](name, {})
print(json.dumps([status, left, made, live]))
"""


def test_engine_needs_the_hook_of_deletions() -> None:
    status, left, kept, live = in_engine(ENGINE)
    assert status != "DELETE_COMPLETE"  # a creation that goes on
    assert left == ["A"]  # of a nested stack that failed
    assert kept == []  # though it is to be retained
    assert "A2" in live  # of an update that failed and is not rolled back
    assert "A" not in live  # what was replaced, which is still there


def test_engine_needs_the_hook_of_changed_types() -> None:
    status = in_engine(
        """
import asyncio, json
from ministack.services import cloudformation
from ministack.services.cloudformation import handlers

async def update():
    template = {"Resources": {"A": {"Type": "AWS::SNS::Topic"}}}
    record = {"ResourceType": "AWS::SNS::Topic", "PhysicalResourceId": "a", "Properties": {}}
    stack = {"StackName": "a", "StackId": "id", "StackStatus": "CREATE_COMPLETE", "_template": template}
    cloudformation._stacks["a"] = {**stack, "_resources": {"A": record}}
    body = json.dumps({"Resources": {"A": {"Type": "AWS::SQS::Queue"}}})
    return handlers._ACTION_HANDLERS["UpdateStack"]({"StackName": ["a"], "TemplateBody": [body]})[0]

print(json.dumps(asyncio.run(update())))
"""
    )
    assert status == 200
