"""Stacks, beyond what the demo shows."""

from __future__ import annotations

import pytest

from sandbox.local_aws import Sandbox
from tests.sandbox.helpers import until
from tests.stack.stacks import (
    GROUP,
    DeployedStacks,
    Json,
    body,
    new_name,
    specification,
    template,
    unversioned,
    version,
)


def test_delete_during_create_leaves_no_package(stacks: DeployedStacks, sandbox: Sandbox) -> None:
    sandbox.sagemaker.behaviour.describes_until_completed = 4
    made = stacks.client.create_stack(StackName=new_name(), TemplateBody=body(template(unversioned())))
    until(lambda: sandbox.sagemaker.packages)
    stacks.client.delete_stack(StackName=made["StackId"])
    until(lambda: not sandbox.sagemaker.packages)


def test_update_from_group_name_to_arn_replaces(stacks: DeployedStacks) -> None:
    """As guides/properties.md says: CloudFormation compares a create-only property's text."""
    described = stacks.sagemaker.describe_model_package_group(ModelPackageGroupName=GROUP)
    group = described["ModelPackageGroupArn"]
    name, first = stacks.create_package(template(version()))
    assert stacks.update(name, template(version(ModelPackageGroupName=group))) == "UPDATE_COMPLETE"
    packages = group.replace("-group", "")
    assert (first, stacks.arn(name)) == (f"{packages}/1", f"{packages}/2")


@pytest.mark.parametrize(
    ("previous", "desired"),
    [
        pytest.param({"ModelPackageName": "churn-a"}, {"ModelPackageName": "churn-b"}, id="another name"),
        pytest.param(
            {"SkipModelValidation": "All"}, {"SkipModelValidation": "None"}, id="validation no longer skipped"
        ),
        pytest.param(
            {"AdditionalInferenceSpecifications": [specification("gpu")]},
            {"AdditionalInferenceSpecifications": [{**specification("gpu"), "Description": "another"}]},
            id="a specification changed",
        ),
    ],
)
def test_update_replaces_what_the_service_cannot_change(
    stacks: DeployedStacks, sandbox: Sandbox, previous: Json, desired: Json
) -> None:
    name, first = stacks.create_package(template(unversioned(**previous)))
    assert stacks.update(name, template(unversioned(**desired))) == "UPDATE_COMPLETE"
    second = stacks.arn(name)
    assert first != second
    assert [package["ModelPackageArn"] for package in sandbox.sagemaker.packages] == [second]
