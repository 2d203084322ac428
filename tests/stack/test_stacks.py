"""What a stack does with the type beyond the demo."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from sandbox.local import Sandbox

pytestmark = pytest.mark.usefixtures("stacks")  # which are gone when a test is over

TYPE = "AWS::SageMaker::ModelPackage"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/churn:1"
SPECIFICATION = {
    "Containers": [{"Image": IMAGE}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
    "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
    "SupportedTransformInstanceTypes": ["ml.m5.large"],
}
# Seconds a stack may take before the test gives up; real time, not the sandbox's.
PATIENCE = 30


def body(**properties: Any) -> str:
    """A template with one package."""
    resource = {"Type": TYPE, "Properties": {"InferenceSpecification": SPECIFICATION, **properties}}
    return json.dumps({"Resources": {"Package": resource}})


def arn_in(stacks: Any, name: str) -> str:
    """The ARN of the package in a stack."""
    found = stacks.describe_stack_resource(StackName=name, LogicalResourceId="Package")
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def settle(stacks: Any, name: str) -> str:
    """Wait until the stack rests; its status."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        status = str(stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
        if not status.endswith("_IN_PROGRESS"):
            return status
        time.sleep(0.02)
    raise AssertionError(f"{name} does not come to rest")


@pytest.fixture
def group(sandbox: Sandbox) -> str:
    """A group of versions; its ARN."""
    made = sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName="churn")
    return str(made["ModelPackageGroupArn"])


def test_a_stack_deleted_while_its_package_is_made_leaves_none(sandbox: Sandbox) -> None:
    sandbox.sagemaker.behaviour.describes_until_completed = 4
    stacks = sandbox.client("cloudformation")
    stack_id = stacks.create_stack(StackName="hasty", TemplateBody=body())["StackId"]
    end = time.monotonic() + PATIENCE
    while not sandbox.sagemaker.packages and time.monotonic() < end:
        time.sleep(0.01)
    assert sandbox.sagemaker.packages
    stacks.delete_stack(StackName=stack_id)
    while sandbox.sagemaker.packages and time.monotonic() < end:
        time.sleep(0.02)
    assert sandbox.sagemaker.packages == []


def test_going_from_a_groups_name_to_its_arn_replaces_the_version(sandbox: Sandbox, group: str) -> None:
    """As guides/properties.md says: CloudFormation compares a create-only property's text."""
    stacks = sandbox.client("cloudformation")
    stacks.create_stack(StackName="named", TemplateBody=body(ModelPackageGroupName="churn"))
    assert settle(stacks, "named") == "CREATE_COMPLETE"
    first = arn_in(stacks, "named")
    stacks.update_stack(StackName="named", TemplateBody=body(ModelPackageGroupName=group))
    assert settle(stacks, "named") == "UPDATE_COMPLETE"
    assert (first, arn_in(stacks, "named")) == (
        f"{group.replace('-group', '')}/1",
        f"{group.replace('-group', '')}/2",
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"ModelPackageName": "churn-a"}, {"ModelPackageName": "churn-b"}, id="another name"),
        pytest.param({"SkipModelValidation": "All"}, {}, id="validation no longer skipped"),
        pytest.param(
            {"AdditionalInferenceSpecifications": [{"Name": "gpu", "Containers": [{"Image": IMAGE}]}]},
            {},
            id="a specification dropped",
        ),
    ],
)
def test_what_the_service_cannot_change_replaces_the_package(
    sandbox: Sandbox, before: dict[str, Any], after: dict[str, Any]
) -> None:
    stacks = sandbox.client("cloudformation")
    name = f"replaced-{time.monotonic_ns()}"
    stacks.create_stack(StackName=name, TemplateBody=body(**before))
    assert settle(stacks, name) == "CREATE_COMPLETE"
    first = arn_in(stacks, name)
    stacks.update_stack(StackName=name, TemplateBody=body(**after))
    assert settle(stacks, name) == "UPDATE_COMPLETE"
    second = arn_in(stacks, name)
    assert first != second
    assert [package["ModelPackageArn"] for package in sandbox.sagemaker.packages] == [second]
