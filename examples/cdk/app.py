"""registered-version.yaml as a CDK app, in short, and with stack-level tags."""

from __future__ import annotations

from typing import Any

from aws_cdk import App, CfnOutput, CfnParameter, LegacyStackSynthesizer, RemovalPolicy, Stack, Tags
from aws_cdk.aws_sagemaker import CfnModelPackageGroup
from constructs import Construct
from model_package import TYPE_NAME, ModelPackage


class FraudModel(Stack):
    """The group, and the version that it holds now."""

    def __init__(self, scope: Construct, construct_id: str, *, type_name: str, **settings: Any) -> None:
        super().__init__(scope, construct_id, **settings)
        # A parameter and no context value: approving needs no other template, only
        # `cdk deploy --parameters ApprovalStatus=Approved`.
        approval = CfnParameter(
            self,
            "ApprovalStatus",
            default="PendingManualApproval",
            allowed_values=["PendingManualApproval", "Approved", "Rejected"],
            description="Changing it approves or rejects the version in place; nothing is replaced.",
        )
        group = CfnModelPackageGroup(
            self,
            "Group",
            model_package_group_name="fraud-detection-cdk",
            model_package_group_description="Scores card transactions",
        )
        # SageMaker does not delete a group that still holds versions, and replaced versions stay.
        group.apply_removal_policy(RemovalPolicy.RETAIN)
        version = ModelPackage(
            self,
            "Version",
            type_name=type_name,
            properties={
                "ModelPackageGroupName": group.attr_model_package_group_arn,
                "ModelPackageDescription": "Gradient boosting on card transactions",
                "ModelApprovalStatus": approval.value_as_string,
                "InferenceSpecification": {
                    "Containers": [
                        {
                            "Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:1.4.2",
                            "ModelDataUrl": "s3://ml-models-123456789012/fraud/1.4.2/model.tar.gz",
                        }
                    ],
                    "SupportedContentTypes": ["text/csv"],
                    "SupportedResponseMIMETypes": ["text/csv"],
                },
                "CustomerMetadataProperties": {"owner": "risk-engineering"},
            },
        )
        CfnOutput(self, "ModelPackageArn", value=version.arn)
        CfnOutput(self, "CreationTime", value=version.creation_time)
        CfnOutput(self, "ModelPackageStatus", value=version.status)


app = App()
FraudModel(
    app,
    "fraud-model",
    type_name=app.node.try_get_context("modelPackageType") or TYPE_NAME,
    tags={"cost-center": "4711"},
    # There is nothing to upload, so the account need not be bootstrapped.
    synthesizer=LegacyStackSynthesizer(),
)
Tags.of(app).add("team", "risk")
app.synth()
