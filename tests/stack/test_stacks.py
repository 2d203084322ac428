"""What a stack does with the type beyond the demo."""

from __future__ import annotations

import pytest

from sandbox.local_aws import Sandbox
from tests.sandbox.helpers import until
from tests.stack.stacks import (
    GROUP,
    Json,
    Stacks,
    body,
    new_name,
    specification,
    template,
    unversioned,
    version,
)


def test_a_stack_deleted_while_its_package_is_made_leaves_none(stacks: Stacks, sandbox: Sandbox) -> None:
    sandbox.sagemaker.behaviour.describes_until_completed = 4
    made = stacks.client.create_stack(StackName=new_name(), TemplateBody=body(template(unversioned())))
    until(lambda: sandbox.sagemaker.packages)
    stacks.client.delete_stack(StackName=made["StackId"])
    until(lambda: not sandbox.sagemaker.packages)


def test_going_from_a_groups_name_to_its_arn_replaces_the_version(stacks: Stacks) -> None:
    """As guides/properties.md says: CloudFormation compares a create-only property's text."""
    described = stacks.sagemaker.describe_model_package_group(ModelPackageGroupName=GROUP)
    group = described["ModelPackageGroupArn"]
    name = stacks.create(template(version()))
    first = stacks.arn(name)
    assert stacks.update(name, template(version(ModelPackageGroupName=group))) == "UPDATE_COMPLETE"
    packages = group.replace("-group", "")
    assert (first, stacks.arn(name)) == (f"{packages}/1", f"{packages}/2")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"ModelPackageName": "churn-a"}, {"ModelPackageName": "churn-b"}, id="another name"),
        pytest.param({"SkipModelValidation": "All"}, {}, id="validation no longer skipped"),
        pytest.param(
            {"AdditionalInferenceSpecifications": [specification("gpu")]}, {}, id="a specification dropped"
        ),
    ],
)
def test_what_the_service_cannot_change_replaces_the_package(
    stacks: Stacks, sandbox: Sandbox, before: Json, after: Json
) -> None:
    name = stacks.create(template(unversioned(**before)))
    first = stacks.arn(name)
    assert stacks.update(name, template(unversioned(**after))) == "UPDATE_COMPLETE"
    second = stacks.arn(name)
    assert first != second
    assert [package["ModelPackageArn"] for package in sandbox.sagemaker.packages] == [second]
