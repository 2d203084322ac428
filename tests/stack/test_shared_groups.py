"""A version in a group of another account, which has shared it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.local_aws import Sandbox
from tests.stack.stacks import DeployedStacks, new_name, parameters

GROUP_ARN = "arn:aws:sagemaker:us-east-1:210987654321:model-package-group/shared-models"
VERSION_ARN = "arn:aws:sagemaker:us-east-1:210987654321:model-package/shared-models/1"
TEMPLATE = f"""
Parameters: {{Approval: {{Type: String, Default: PendingManualApproval}}}}
Resources:
  Package:
    Type: AWS::SageMaker::ModelPackage
    Properties:
      ModelPackageGroupName: {GROUP_ARN}
      ModelApprovalStatus: !Ref Approval
      InferenceSpecification:
        Containers:
          - Image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:1
            ModelDataUrl: s3://ml-models-123456789012/x/model.tar.gz
        SupportedContentTypes: [text/csv]
        SupportedResponseMIMETypes: [text/csv]
"""


def test_version_in_a_shared_group_is_created_updated_and_deleted(
    empty_stacks: DeployedStacks, sandbox: Sandbox
) -> None:
    sandbox.sagemaker.behaviour.shared_groups = [GROUP_ARN]
    name = empty_stacks.create(TEMPLATE)
    assert empty_stacks.arn(name) == VERSION_ARN
    assert empty_stacks.package(VERSION_ARN)["ModelPackageGroupName"] == "shared-models"
    assert empty_stacks.drift(name)["Package"]["StackResourceDriftStatus"] == "IN_SYNC"

    approved: Any = {"Parameters": parameters(Approval="Approved")}
    assert empty_stacks.update(name, TEMPLATE, **approved) == "UPDATE_COMPLETE", empty_stacks.reasons(name)
    assert empty_stacks.arn(name) == VERSION_ARN
    assert empty_stacks.package(VERSION_ARN)["ModelApprovalStatus"] == "Approved"

    assert empty_stacks.delete(name) == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="does not exist"):
        empty_stacks.package(VERSION_ARN)


def test_version_in_a_group_that_is_not_shared_fails(empty_stacks: DeployedStacks) -> None:
    name = new_name()
    empty_stacks.client.create_stack(StackName=name, TemplateBody=TEMPLATE)
    assert empty_stacks.wait(name) == "ROLLBACK_COMPLETE"
    assert any(f"{GROUP_ARN} does not exist" in reason for reason in empty_stacks.reasons(name))
