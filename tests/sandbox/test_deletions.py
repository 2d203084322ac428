"""Deletions of stacks that are still being made, and of buckets with objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.local_aws import Sandbox
from tests.sandbox.engine_code import in_engine
from tests.sandbox.helpers import until
from tests.sandbox.test_change_sets import parameter, template
from tests.sandbox.test_nested_templates import nested
from tests.stack.stacks import DeployedStacks, Json, new_name


@pytest.fixture
def stored(fake_sandbox: Sandbox) -> Iterator[Any]:
    """Returns which of some names parameters have."""
    endpoint = fake_sandbox.endpoints["cloudformation"]
    with closing(fake_sandbox.client("ssm", endpoint_url=endpoint)) as ssm:

        def names(*given: str) -> list[str]:
            return [each["Name"] for each in ssm.get_parameters(Names=list(given))["Parameters"]]

        yield names


def waiting(made: str, kept: str, later: str) -> Json:
    """Return a template with a parameter, one that is retained, and one after a wait that nothing ends."""
    wait = {"Handle": {"Ref": "Handle"}, "Timeout": "43200", "Count": 1}
    return template(
        A=parameter(Name=made),
        B=parameter(Name=kept, _DeletionPolicy="Retain"),
        Handle={"Type": "AWS::CloudFormation::WaitConditionHandle"},
        Wait={
            "Type": "AWS::CloudFormation::WaitCondition",
            "DependsOn": ["A", "B"],
            "Properties": wait,
        },
        Later=parameter(Name=later, _DependsOn="Wait"),
    )


@pytest.mark.parametrize("is_nested", [False, True], ids=["a stack", "a nested stack"])
def test_deletion_ends_a_creation(
    fake_sandbox: Sandbox, stacks: DeployedStacks, stored: Any, is_nested: bool
) -> None:
    names = [new_name("p") for _ in range(3)]
    body = waiting(*names)
    if is_nested:
        bucket, endpoint = new_name("templates"), fake_sandbox.endpoints["cloudformation"]
        with closing(fake_sandbox.client("s3", endpoint_url=endpoint)) as s3:
            s3.create_bucket(Bucket=bucket)
            s3.put_object(Bucket=bucket, Key="inner", Body=json.dumps(body))
        body = template(C=nested(f"https://s3.us-east-1.amazonaws.com/{bucket}/inner"))
    made = stacks.change_set(name := new_name(), body, ChangeSetType="CREATE")
    stacks.client.execute_change_set(ChangeSetName=made["ChangeSetId"])
    inner = until(lambda: _waiting_stack(stacks, name))
    for _ in range(2):  # a second one changes nothing
        stacks.client.delete_stack(StackName=name)
    assert stacks.wait(made["StackId"]) == "DELETE_COMPLETE"
    assert stored(*names) == [names[1]]
    assert stacks.describe(inner)["StackStatus"] == "DELETE_COMPLETE"
    statuses = [each for each, _ in stacks.events(made["StackId"], name)]
    assert statuses[-2:] == ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    assert "ROLLBACK_IN_PROGRESS" not in statuses
    assert stacks.events(inner, "A")[-1][0] == "DELETE_COMPLETE"
    assert stacks.events(inner, "B")[-1][0] == "DELETE_SKIPPED"
    described = stacks.client.describe_change_set(ChangeSetName=made["ChangeSetId"])
    assert described["ExecutionStatus"] == "EXECUTE_FAILED"


def _waiting_stack(stacks: DeployedStacks, name: str) -> str:
    """Return the id of the stack of that name, or nested in it, that waits; empty before it does."""
    for stack in stacks.client.describe_stacks()["Stacks"]:
        if stack["StackName"].startswith(name):
            try:
                events = stacks.events(stack["StackId"], "Wait")
            except ClientError:
                continue
            if events:
                return stack["StackId"]
    return ""


def test_engine_still_needs_the_hooks() -> None:
    """The engine itself rolls back a stack that is deleted: once it has mended that, the hook can go."""
    status = in_engine(
        "import asyncio, json; from sandbox.cloudformation.ministack_hooks import names as n\n"
        "stack = {'StackName': 's', 'StackId': 'i', 'StackStatus': 'DELETE_COMPLETE', '_resources': {}}\n"
        "n.module(n.CLOUDFORMATION)._stacks['s'] = stack\n"
        "asyncio.run(n.module(n.STACKS)._roll_back_operation('s', 'i', stack, {}))\n"
        "print(json.dumps(stack['StackStatus']))"
    )
    assert status == "ROLLBACK_COMPLETE"


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
