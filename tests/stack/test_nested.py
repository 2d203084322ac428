"""Packages in nested stacks and across stacks: outputs, exports, imported values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from botocore.exceptions import ClientError

from sandbox.local_aws import Sandbox
from tests.stack.stacks import (
    DeployedStacks,
    Json,
    new_name,
    tags,
    template,
    unversioned,
    version,
    with_failing,
)

ATTRIBUTES = ("ModelPackageArn", "CreationTime", "ModelPackageStatus")
Publish = Callable[[Json], str]


@pytest.fixture
def publish(sandbox: Sandbox) -> Iterator[Publish]:
    """Puts templates into the engine's own S3, where it fetches those of nested stacks."""
    endpoint = sandbox.endpoints["cloudformation"]
    s3 = sandbox.client("s3", endpoint_url=endpoint)
    s3.create_bucket(Bucket="templates")

    def put(body: Json) -> str:
        key = f"{new_name('template')}.json"
        s3.put_object(Bucket="templates", Key=key, Body=json.dumps(body))
        # As the CDK's CliCredentials synthesizer has it from AWS_ENDPOINT_URL, which passes S3's requests on.
        return f"{sandbox.endpoints['sagemaker']}/templates/{key}"

    yield put
    s3.close()


def child(properties: Json) -> Json:
    """A template with a package, a parameter for its approval and its attributes as outputs."""
    body = template({**properties, "ModelApprovalStatus": {"Ref": "Status"}})
    body["Parameters"] = {"Status": {"Type": "String"}}
    body["Outputs"] = {each: {"Value": {"Fn::GetAtt": ["Package", each]}} for each in ATTRIBUTES}
    return body


def parent(url: str, status: str = "PendingManualApproval") -> Json:
    return {
        "Resources": {
            "Nested": {
                "Type": "AWS::CloudFormation::Stack",
                "Properties": {"TemplateURL": url, "Parameters": {"Status": status}},
            }
        },
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Nested", "Outputs.ModelPackageArn"]}}},
    }


def test_nested_stack_life(stacks: DeployedStacks, publish: Publish) -> None:
    url = publish(child(version()))
    name = stacks.create(parent(url), Tags=tags(team="risk"))
    arn = stacks.outputs(name)["Arn"]
    nested = stacks.arn(name, "Nested")
    assert stacks.outputs(nested) == {
        "ModelPackageArn": arn,
        "CreationTime": stacks.package(arn)["CreationTime"].isoformat(),
        "ModelPackageStatus": "Completed",
    }
    assert stacks.arn(nested) == arn
    assert stacks.drift(nested)["Package"]["StackResourceDriftStatus"] == "IN_SYNC"

    assert stacks.update(name, parent(url, "Approved"), Tags=tags(team="risk")) == "UPDATE_COMPLETE"
    assert stacks.outputs(name)["Arn"] == arn
    assert stacks.package(arn)["ModelApprovalStatus"] == "Approved"

    replacing = publish(child(version(Domain="OTHER")))
    assert stacks.update(name, parent(replacing, "Approved")) == "UPDATE_COMPLETE"
    new = stacks.outputs(name)["Arn"]
    assert (new != arn, stacks.package(new)["Domain"]) == (True, "OTHER")

    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert stacks.packages() == []


def test_nested_stack_passes_the_parents_tags(stacks: DeployedStacks, publish: Publish) -> None:
    url = publish(child(unversioned(Tags=tags(own="1"))))
    name = stacks.create(parent(url), Tags=tags(team="risk"))
    arn = stacks.outputs(name)["Arn"]
    assert stacks.tags(arn) == {"own": "1", "team": "risk"}
    assert stacks.drift(stacks.arn(name, "Nested"))["Package"]["StackResourceDriftStatus"] == "IN_SYNC"


def test_nested_stack_is_rolled_back_with_its_parent(stacks: DeployedStacks, publish: Publish) -> None:
    url = publish(child(version()))
    name = stacks.create(parent(url))
    arn = stacks.outputs(name)["Arn"]
    assert stacks.update(name, with_failing(parent(url, "Approved"), "Nested")) == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.package(arn)["ModelApprovalStatus"] == "PendingManualApproval"


def test_nested_stack_failure_fails_the_parent(stacks: DeployedStacks, publish: Publish) -> None:
    url = publish(child({"ModelPackageGroupName": "missing-group"}))
    name = new_name()
    stacks.client.create_stack(StackName=name, TemplateBody=json.dumps(parent(url)))
    assert stacks.wait(name) == "ROLLBACK_COMPLETE"
    assert any("HandlerErrorCode:" in reason for reason in stacks.reasons(name))
    assert stacks.sagemaker.list_model_packages(ModelPackageType="Both")["ModelPackageSummaryList"] == []


def test_export_of_an_arn_is_imported(stacks: DeployedStacks) -> None:
    body = template(version())
    body["Outputs"] = {"Arn": {"Value": {"Ref": "Package"}, "Export": {"Name": "fraud-model"}}}
    exporter = stacks.create(body)
    arn = stacks.arn(exporter)
    exports = stacks.client.list_exports()["Exports"]
    assert [(each["Name"], each["Value"]) for each in exports] == [("fraud-model", arn)]

    description = {"Fn::Sub": ["Successor of ${Arn}", {"Arn": {"Fn::ImportValue": "fraud-model"}}]}
    importer = stacks.create(template(version(ModelPackageDescription=description)))
    assert stacks.package(stacks.arn(importer))["ModelPackageDescription"] == f"Successor of {arn}"
    assert stacks.drift(importer)["Package"]["StackResourceDriftStatus"] == "IN_SYNC"
    assert stacks.client.list_imports(ExportName="fraud-model")["Imports"] == [importer]

    with pytest.raises(ClientError, match=f"fraud-model cannot be deleted as it is in use by {importer}"):
        stacks.client.delete_stack(StackName=exporter)
    assert stacks.delete(importer) == "DELETE_COMPLETE"
    assert stacks.delete(exporter) == "DELETE_COMPLETE"


def test_outputs_follow_a_replacement(stacks: DeployedStacks) -> None:
    body = template(version(Domain="A"))
    body["Outputs"] = {each: {"Value": {"Fn::GetAtt": ["Package", each]}} for each in ATTRIBUTES}
    name = stacks.create(body)
    previous = stacks.outputs(name)
    body["Resources"]["Package"]["Properties"]["Domain"] = "B"
    assert stacks.update(name, body) == "UPDATE_COMPLETE"
    after = stacks.outputs(name)
    assert after["ModelPackageArn"] == stacks.arn(name) != previous["ModelPackageArn"]
    assert (set(after), after["ModelPackageStatus"]) == (set(ATTRIBUTES), "Completed")


def test_type_in_a_nested_stack_cannot_change(stacks: DeployedStacks, publish: Publish) -> None:
    topic, queue = (
        {"Parameters": {"Status": {"Type": "String"}}, "Resources": {"Thing": {"Type": f"AWS::{kind}"}}}
        for kind in ("SNS::Topic", "SQS::Queue")
    )
    name = stacks.create({"Resources": parent(publish(topic))["Resources"]})
    arn = stacks.arn(stacks.arn(name, "Nested"), "Thing")
    assert (
        stacks.update(name, {"Resources": parent(publish(queue))["Resources"]}) == "UPDATE_ROLLBACK_COMPLETE"
    )
    assert any("Update of resource type is not permitted." in reason for reason in stacks.reasons(name))
    assert stacks.arn(stacks.arn(name, "Nested"), "Thing") == arn
