"""Stacks that are deleted while an operation makes their resources, and buckets with objects."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.test_served_types import in_engine

# A resource takes until the stack has been deleted; with the hooks, and with the engine alone.
CODE = """
import asyncio, json, threading
from sandbox.cloudformation.ministack_hooks import host, names
if {hooked}:
    host.Host()
package, table = names.module(names.CLOUDFORMATION), names.module(names.HANDLERS)._ACTION_HANDLERS
begun, free, made = threading.Event(), threading.Event(), []
def create(logical_id, props, stack_name):
    if logical_id == "Slow":
        begun.set()
        free.wait(10)
        if {fails}:
            raise ValueError("no")
    made.append(logical_id)
    return logical_id, {{}}
types = names.module(names.PROVISIONERS)._RESOURCE_HANDLERS
types["AWS::SSM::Parameter"] = dict(create=create, delete=lambda physical_id, props: made.remove(physical_id))
names.module(names.STACKS)._runs_on_worker_thread = lambda kind: True
def ask(action, **params):
    return table[action]({{name: [value] for name, value in params.items()}})[2].decode()
def resource(*after):
    properties = {{"Type": "String", "Value": "a"}}
    return {{"Type": "AWS::SSM::Parameter", "Properties": properties, "DependsOn": after}}
async def run():
    body = {{"Resources": {{"A": resource(), "Slow": resource("A"), "Late": resource("Slow")}}}}
    ask("CreateStack", StackName="s", TemplateBody=json.dumps(body))
    await asyncio.to_thread(begun.wait, 10)
    ask("DeleteStack", StackName="s")
    while package._stacks["s"]["StackStatus"] != "DELETE_COMPLETE":
        await asyncio.sleep(0.01)
    free.set()
    await asyncio.wait(asyncio.all_tasks() - {{asyncio.current_task()}}, timeout=10)
    stack = package._stacks["s"]
    last = package._stack_events[stack["StackId"]][-1]["ResourceStatus"]
    print(json.dumps([stack["StackStatus"], last, made]))
asyncio.run(run())
"""


def deleted_meanwhile(*, hooked: bool, fails: bool) -> Any:
    """Return the stack's status, that of its last event, and the resources that are left."""
    return in_engine(CODE.format(hooked=hooked, fails=fails))


@pytest.mark.parametrize("fails", [False, True])
def test_deletion_ends_the_creation(*, fails: bool) -> None:
    assert deleted_meanwhile(hooked=True, fails=fails) == ["DELETE_COMPLETE", "DELETE_COMPLETE", []]


def test_engine_itself_goes_on_with_a_deleted_stack() -> None:
    status, _, left = deleted_meanwhile(hooked=False, fails=False)
    assert (status, left) == ("CREATE_COMPLETE", ["Slow", "Late"])
    status, *_ = deleted_meanwhile(hooked=False, fails=True)
    assert status == "ROLLBACK_FAILED"


@pytest.mark.parametrize(
    ("hooked", "outcome"), [(True, ["DELETE_FAILED", ["b"]]), (False, ["DELETE_COMPLETE", []])]
)
def test_bucket_with_objects_is_deleted_by_the_engine_only(*, hooked: bool, outcome: list[Any]) -> None:
    code = f"""
import asyncio, json
from sandbox.cloudformation.ministack_hooks import host, names
if {hooked}:
    host.Host()
package, table = names.module(names.CLOUDFORMATION), names.module(names.HANDLERS)._ACTION_HANDLERS
buckets = names.module(names.S3)._buckets
async def ask(action, **params):
    table[action]({{name: [value] for name, value in params.items()}})
    await asyncio.wait(asyncio.all_tasks() - {{asyncio.current_task()}}, timeout=10)
async def run():
    bucket = {{"Type": "AWS::S3::Bucket", "Properties": {{"BucketName": "b"}}}}
    await ask("CreateStack", StackName="s", TemplateBody=json.dumps({{"Resources": {{"B": bucket}}}}))
    buckets["b"]["objects"]["k"] = {{}}
    await ask("DeleteStack", StackName="s")
    print(json.dumps([package._stacks["s"]["StackStatus"], list(buckets)]))
asyncio.run(run())
"""
    assert in_engine(code) == outcome
