"""Nested stacks: what becomes of their resources, exports and records, beside what the engine does itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from sandbox.local_aws import Sandbox
from tests.sandbox.engine_code import in_engine
from tests.sandbox.test_cloudformation import FakeStacks, template, thing
from tests.stack.stacks import Json, new_name

BUCKET = "nested-templates"
PARAMETER: Json = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "a"}}


@pytest.fixture
def stacks(fake_sandbox: Sandbox, awslambda: Any) -> Iterator[FakeStacks]:
    """Stacks in an engine whose fake type has nothing yet."""
    made = FakeStacks(fake_sandbox, awslambda)
    yield made
    made.close()


@pytest.fixture
def parent(fake_sandbox: Sandbox) -> Iterator[Callable[..., Json]]:
    """Return a template with a nested stack of a given one, and with more resources."""
    with closing(fake_sandbox.client("s3", endpoint_url=fake_sandbox.endpoints["cloudformation"])) as s3:
        s3.create_bucket(Bucket=BUCKET)

        def made(nested: str, **more: Json) -> Json:
            key = new_name("template")
            s3.put_object(Bucket=BUCKET, Key=key, Body=nested)
            url = f"https://{BUCKET}.s3.amazonaws.com/{key}"
            resource = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}
            return {"Resources": {"N": resource, **more}}

        yield made


def nested_of(stacks: FakeStacks, name: str) -> Json:
    """Return the one nested stack of a stack, also when it is not among its resources any more."""
    prefix = f"{name}-N-"
    pages = stacks.client.get_paginator("list_stacks").paginate()
    summaries = [each for page in pages for each in page["StackSummaries"]]
    (found,) = (each["StackId"] for each in summaries if each["StackName"].startswith(prefix))
    return stacks.describe(found)


def test_nested_stack_keeps_what_its_template_retains(
    stacks: FakeStacks, parent: Callable[..., Json]
) -> None:
    kept = thing("Kept", _DeletionPolicy="Retain")
    name = stacks.create(parent(template(kept, thing("Gone", _DependsOn="Kept"))))
    child = stacks.arn(name, "N")
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert [status for status, *_ in stacks.history(child, "Kept")][-1] == "DELETE_SKIPPED"
    assert [status for status, *_ in stacks.history(child, "Gone")][-1] == "DELETE_COMPLETE"
    assert len(stacks.things()) == 1


def test_nested_stack_that_cannot_be_deleted_fails_its_parent(
    stacks: FakeStacks, parent: Callable[..., Json]
) -> None:
    group = new_name("group")
    resource = {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {"ModelPackageGroupName": group}}
    name = stacks.create(parent(json.dumps({"Resources": {"Group": resource, "A": PARAMETER}})))
    child = stacks.arn(name, "N")
    version = stacks.sagemaker.create_model_package(ModelPackageGroupName=group)["ModelPackageArn"]
    assert stacks.delete(name) == "DELETE_FAILED"
    assert stacks.describe(child)["StackStatus"] == "DELETE_FAILED"
    reason = "The following resource(s) failed to delete: [Group]. "
    assert f"Embedded stack {child} was not successfully deleted: {reason}" in stacks.reasons(name)
    stacks.sagemaker.delete_model_package(ModelPackageName=version)
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert stacks.describe(child)["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.parametrize("disable_rollback", [False, True])
def test_nested_stack_that_fails_leaves_nothing(
    stacks: FakeStacks, parent: Callable[..., Json], *, disable_rollback: bool
) -> None:
    broken = template(thing("Made"), thing("Bad", Behave="taken", _DependsOn="Made"))
    name = new_name()
    stacks.client.create_stack(
        StackName=name, TemplateBody=json.dumps(parent(broken)), DisableRollback=disable_rollback
    )
    status = stacks.wait(name)
    child = nested_of(stacks, name)
    if disable_rollback:
        assert (status, child["StackStatus"]) == ("CREATE_FAILED", "CREATE_FAILED")
        assert stacks.arn(name, "N") == child["StackId"]
        assert stacks.history(name, "N")[-1][:2] == ("CREATE_FAILED", child["StackId"])
        assert len(stacks.things()) == 1
        assert stacks.delete(name) == "DELETE_COMPLETE"
    else:
        assert status == "ROLLBACK_COMPLETE"
    assert nested_of(stacks, name)["StackStatus"] == "DELETE_COMPLETE"
    assert stacks.things() == {}


def test_nested_stack_whose_outputs_fail_ends(stacks: FakeStacks, parent: Callable[..., Json]) -> None:
    outputs = {"X": {"Value": {"Fn::GetAtt": ["A", "Nope"]}}}
    name = stacks.create(parent(json.dumps({"Resources": {"A": PARAMETER}})))
    broken = parent(json.dumps({"Resources": {"A": PARAMETER}, "Outputs": outputs}))
    assert stacks.update(name, broken) == "UPDATE_ROLLBACK_COMPLETE"
    child = stacks.arn(name, "N")
    assert "UPDATE_FAILED" in [status for status, *_ in stacks.history(child, child.split("/")[1])]
    stacks.client.create_stack(StackName=(other := new_name()), TemplateBody=json.dumps(broken))
    assert stacks.wait(other) == "ROLLBACK_COMPLETE"
    assert nested_of(stacks, other)["StackStatus"] == "DELETE_COMPLETE"


def test_nested_stack_exports_and_keeps_its_origin(stacks: FakeStacks, parent: Callable[..., Json]) -> None:
    def nested(value: str, export: str | None = None) -> str:
        resource = {**PARAMETER, "Properties": {"Type": "String", "Value": value}}
        output: Json = {"Value": {"Ref": "A"}} | ({"Export": {"Name": export}} if export else {})
        return json.dumps({"Resources": {"A": resource}, "Outputs": {"O": output}})

    export = new_name("export")
    name = stacks.create(parent(json.dumps(parent(nested("1", export)))))
    child = stacks.arn(name, "N")
    grandchild = stacks.describe(stacks.arn(child, "N"))
    assert grandchild["RootId"] == stacks.describe(name)["StackId"]
    assert "LastUpdatedTime" not in grandchild
    imported = {**PARAMETER, "Properties": {"Type": "String", "Value": {"Fn::ImportValue": export}}}
    importer = stacks.create({"Resources": {"I": imported}})
    assert stacks.delete(name) == "DELETE_FAILED"
    assert any(
        f"Export {export} cannot be deleted as it is in use by {importer}" in reason
        for reason in stacks.reasons(child)
    )
    assert stacks.delete(importer) == "DELETE_COMPLETE"
    assert stacks.delete(name) == "DELETE_COMPLETE"
    name = stacks.create(parent(nested("1", export)))
    created = stacks.describe(child := stacks.arn(name, "N"))["CreationTime"]
    assert stacks.update(name, parent(nested("2"))) == "UPDATE_COMPLETE"
    assert stacks.describe(child)["CreationTime"] == created < stacks.describe(child)["LastUpdatedTime"]
    pages = stacks.client.get_paginator("list_exports").paginate()
    assert export not in [each["Name"] for page in pages for each in page["Exports"]]


ENGINE = """
import json
from sandbox.cloudformation.ministack_hooks import names
package, provisioners = names.module(names.CLOUDFORMATION), names.module(names.PROVISIONERS)
body = {"Resources": {
    "A": {"Type": "AWS::SSM::Parameter", "DeletionPolicy": "Retain",
          "Properties": {"Type": "String", "Value": "a"}},
    "B": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::GetAtt": ["A", "No"]}}},
}, "Outputs": {"O": {"Value": "1", "Export": {"Name": "e"}}}}
names.module(names.S3)._buckets["b"] = {"objects": {}}
helpers = names.module(names.HELPERS)
handler = provisioners._RESOURCE_HANDLERS["AWS::CloudFormation::Stack"]
package._stacks["p"] = {"StackName": "p", "StackId": "arn:p"}
def create(logical_id):
    helpers._resolve_template = lambda params: (json.dumps(body), None)
    try:
        return handler["create"](logical_id, {"TemplateURL": "https://s3/b/k"}, "p")[0]
    except Exception:
        return None
create("Failing")
failed = [s["StackStatus"] for s in package._stacks.values() if s["StackName"].startswith("p-Failing")]
left = [s["_resources"] for s in package._stacks.values() if s["StackName"].startswith("p-Failing")]
del body["Resources"]["B"]
made = create("Made")
exports = list(package._exports)
provisioners._delete_resource = lambda *_: (_ for _ in ()).throw(ValueError("stuck"))
handler["delete"](made, {})
deleted = [s["StackStatus"] for s in package._stacks.values() if s["StackName"].startswith("p-Made")]
print(json.dumps([failed, [sorted(each) for each in left], exports, deleted]))
"""


def test_engine_itself_loses_resources_of_nested_stacks() -> None:
    failed, left, exports, deleted = in_engine(ENGINE)
    assert failed == ["CREATE_IN_PROGRESS"]  # for good
    assert left == [["A"]]
    assert exports == []
    assert deleted == ["DELETE_COMPLETE"]  # A has failed to be deleted, and is to be retained


def test_nested_stack_updates_in_place_what_it_names_after_a_bucket(
    stacks: FakeStacks, parent: Callable[..., Json]
) -> None:
    def nested(delay: int) -> Json:
        queue = {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": delay}}
        later = {"C": queue} if delay else {}
        return parent(json.dumps({"Resources": {"A": {"Type": "AWS::S3::Bucket"}, "B": queue, **later}}))

    name = stacks.create(nested(0))
    child = stacks.arn(name, "N")
    first = stacks.arn(child, "B")
    assert stacks.update(name, nested(1)) == "UPDATE_COMPLETE"
    second = stacks.arn(child, "C")
    assert stacks.update(name, nested(2)) == "UPDATE_COMPLETE"
    assert (stacks.arn(child, "B"), stacks.arn(child, "C")) == (first, second)


NAMING = """
import json
from sandbox.cloudformation.ministack_hooks import names
package, provisioners = names.module(names.CLOUDFORMATION), names.module(names.PROVISIONERS)
queue = {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 0}}
body = {"Resources": {"A": {"Type": "AWS::S3::Bucket"}, "B": queue}}
names.module(names.S3)._buckets["b"] = {"objects": {}}
names.module(names.HELPERS)._resolve_template = lambda params: (json.dumps(body), None)
handler = provisioners._RESOURCE_HANDLERS["AWS::CloudFormation::Stack"]
package._stacks["p"] = {"StackName": "p", "StackId": "arn:p"}
place = {"TemplateURL": "https://s3/b/k"}
def queue_of(stack_id):
    (stack,) = (each for each in package._stacks.values() if each["StackId"] == stack_id)
    return stack["_resources"]["B"]["PhysicalResourceId"]
made, _ = handler["create"]("N", place, "p")
before = queue_of(made)
provisioners._NAME_SEED.set("")
queue["Properties"]["DelaySeconds"] = 1
handler["update"](made, place, place, "p")
print(json.dumps(before == queue_of(made)))
"""


def test_engine_itself_replaces_what_a_nested_stack_names_after_a_bucket() -> None:
    assert in_engine(NAMING) is False
