"""Templates of nested stacks that change at their addresses, and nested stacks in nested stacks that fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.local_aws import Sandbox
from tests.sandbox.test_change_sets import actions, parameter, status, template, values_of
from tests.stack.stacks import DeployedStacks, Json, new_name

BROKEN: Json = {
    "Type": "AWS::SageMaker::ModelPackageGroup",
    "DependsOn": "A",
    "Properties": {"ModelPackageGroupName": "no name"},
}
Publish = Callable[..., str]


@pytest.fixture
def publish(fake_sandbox: Sandbox) -> Iterator[Publish]:
    """Puts templates into S3, each under a key of its own or the given one, and returns their addresses."""
    endpoint, bucket = fake_sandbox.endpoints["cloudformation"], new_name("templates")
    with closing(fake_sandbox.client("s3", endpoint_url=endpoint)) as s3:
        s3.create_bucket(Bucket=bucket)

        def put(body: Json, key: str = "") -> str:
            key = key or new_name("template")
            s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(body))
            return f"https://s3.us-east-1.amazonaws.com/{bucket}/{key}"

        yield put


@pytest.fixture
def ssm(fake_sandbox: Sandbox) -> Iterator[Any]:
    with closing(fake_sandbox.client("ssm", endpoint_url=fake_sandbox.endpoints["cloudformation"])) as client:
        yield client


def nested(url: str, **attributes: Any) -> Json:
    return {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}, **attributes}


def value(ssm: Any, name: str) -> str | None:
    try:
        return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ClientError:
        return None


def test_nested_stack_in_another_that_fails_leaves_nothing(
    stacks: DeployedStacks, publish: Publish, ssm: Any
) -> None:
    names = [new_name("p") for _ in range(2)]
    inner = publish(template(A=parameter(Name=names[0]), Broken=BROKEN))
    outer = publish(template(A=parameter(Name=names[1]), Nested={**nested(inner), "DependsOn": "A"}))
    body = template(C=nested(outer))
    made = stacks.change_set(name := new_name(), body, ChangeSetType="CREATE")
    assert stacks.execute(made) == "ROLLBACK_COMPLETE"
    assert [value(ssm, each) for each in names] == [None, None]
    assert [status for status, _ in stacks.events(name, "C")][-2:] == [
        "DELETE_IN_PROGRESS",
        "DELETE_COMPLETE",
    ]

    # The same in an update, and without a rollback: the deletion of the stack finds it.
    name = stacks.create(template(S=parameter()))
    assert stacks.execute(stacks.change_set(name, {**body})) == "UPDATE_ROLLBACK_COMPLETE"
    assert [value(ssm, each) for each in names] == [None, None]
    made = stacks.change_set(name := new_name(), body, ChangeSetType="CREATE", OnStackFailure="DO_NOTHING")
    assert stacks.execute(made) == "CREATE_FAILED"
    assert [value(ssm, each) for each in names] == ["1", "1"]
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert [value(ssm, each) for each in names] == [None, None]


def test_template_of_a_nested_stack_changes_at_its_address(
    stacks: DeployedStacks, publish: Publish, ssm: Any
) -> None:
    key, stored = new_name("inner"), new_name("p")

    def inner(text: str, **more: Json) -> str:
        return publish(template(A=parameter(text, Name=stored), **more), key)

    body = template(C=nested(publish(template(Inner=nested(inner("1"))))))
    name = stacks.create(body)
    inner("2")
    made = stacks.change_set(name, body)
    assert (*status(made), actions(made)) == ("CREATE_COMPLETE", "AVAILABLE", [("Modify", "C")])
    (detail,) = values_of(stacks, made)["C"]["Details"]
    assert (detail["ChangeSource"], detail["Evaluation"]) == ("Automatic", "Dynamic")
    assert stacks.execute(made) == "UPDATE_COMPLETE"
    assert value(ssm, stored) == "2"
    inner("3")
    assert stacks.update(name, body) == "UPDATE_COMPLETE"
    assert value(ssm, stored) == "3"

    # A rollback goes back to the template of before, though it is nowhere any more.
    inner("4", Broken=BROKEN)
    assert stacks.update(name, body) == "UPDATE_ROLLBACK_COMPLETE"
    assert value(ssm, stored) == "3"
    inner("5")
    later = {"C": body["Resources"]["C"], "A": {**parameter(), "DependsOn": "C"}, "Broken": BROKEN}
    assert stacks.update(name, template(**later)) == "UPDATE_ROLLBACK_COMPLETE"
    assert value(ssm, stored) == "3"


def test_update_of_nested_stacks_without_changes_is_refused(stacks: DeployedStacks, publish: Publish) -> None:
    body = template(C=nested(publish(template(A=parameter()))))
    name = stacks.create(body)
    with pytest.raises(ClientError, match="No updates are to be performed"):
        stacks.update(name, body)
    # A change set cannot know that.
    assert stacks.execute(stacks.change_set(name, body)) == "UPDATE_COMPLETE"
    assert [each for each, _ in stacks.events(name, "C")][-1] == "CREATE_COMPLETE"
