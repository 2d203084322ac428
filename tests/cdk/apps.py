"""CDK apps that the tests want besides the example; run with the Python of `.venv-cdk`: `apps.py FOLDER`.

Each one is synthesized into a folder of its name, all in one process, because the CDK takes seconds to start.
"""

from __future__ import annotations

import sys
from pathlib import Path

from aws_cdk import App, LegacyStackSynthesizer, RemovalPolicy, Stack, Tags
from aws_cdk.aws_sagemaker import CfnModelPackage, CfnModelPackageGroup
from model_package import ModelPackage

ACME = "Acme::SageMaker::ModelPackage"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:1.4.2"
VERSION = {
    "ModelPackageGroupName": "fraud-detection",
    "InferenceSpecification": {"Containers": [{"Image": IMAGE}], "SupportedContentTypes": ["text/csv"]},
}
UNVERSIONED = {
    "InferenceSpecification": {
        "Containers": [{"Image": IMAGE}],
        "SupportedTransformInstanceTypes": ["ml.m5.xlarge"],
        "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
    },
    "Tags": [{"Key": "listing", "Value": "card-fraud"}, {"Key": "team", "Value": "payments"}],
}


def tagged(folder: Path, name: str, **context: object) -> tuple[App, Stack]:
    """An app with tags, and its stack, which has one of its own."""
    app = App(outdir=str(folder / name), context=context)
    Tags.of(app).add("team", "risk")
    stack = Stack(app, name, tags={"cost-center": "4711"}, synthesizer=LegacyStackSynthesizer())
    return app, stack


def add_cdks_own(stack: Stack) -> CfnModelPackage:
    """Add a version by the CDK's own construct, as people have it."""
    group = CfnModelPackageGroup(stack, "Group", model_package_group_name="fraud-detection-own")
    container = CfnModelPackage.ModelPackageContainerDefinitionProperty(image=IMAGE)
    specification = CfnModelPackage.InferenceSpecificationProperty(
        containers=[container],
        supported_content_types=["text/csv"],
        supported_response_mime_types=["text/csv"],
    )
    return CfnModelPackage(
        stack,
        "Package",
        model_package_group_name=group.attr_model_package_group_arn,
        inference_specification=specification,
    )


def add_ours(stack: Stack) -> None:
    """Add packages by the construct of the example, each with something of its own."""
    ModelPackage(stack, "Version", properties=VERSION)
    kept = ModelPackage(stack, "Kept", properties=VERSION, type_name=ACME)
    kept.apply_removal_policy(RemovalPolicy.RETAIN)
    deleted = ModelPackage(stack, "Deleted", properties=VERSION)
    deleted.apply_removal_policy(RemovalPolicy.DESTROY)
    ModelPackage(stack, "TaggedVersion", properties={**VERSION, "Tags": [{"Key": "of", "Value": "its own"}]})
    unversioned = ModelPackage(stack, "Unversioned", properties=UNVERSIONED)
    Tags.of(unversioned).add("reviewed", "yes")


def synthesize(folder: Path) -> None:
    app, stack = tagged(folder, "cdks-own")
    add_cdks_own(stack)
    app.synth()

    app, stack = tagged(folder, "renamed")
    add_cdks_own(stack).add_override("Type", ACME)
    app.synth()

    app, stack = tagged(folder, "explicit", **{"@aws-cdk/core:explicitStackTags": True})
    add_cdks_own(stack)
    app.synth()

    app, stack = tagged(folder, "ours", **{"@aws-cdk/core:explicitStackTags": True})
    add_ours(stack)
    app.synth()


synthesize(Path(sys.argv[1]))
