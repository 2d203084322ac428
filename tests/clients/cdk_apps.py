"""CDK apps for cdk.py; run with the Python of `.venv-cdk`: `cdk_apps.py FOLDER`, a JSON document on stdin.

Each app has one stack and is synthesized into a folder of its name, all in one process, because the CDK takes
seconds to start.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import aws_cdk
from aws_cdk.aws_sagemaker import CfnModelPackage, CfnModelPackageGroup


def add_version(stack, name, group, approval, image):
    specification = CfnModelPackage.InferenceSpecificationProperty(
        containers=[CfnModelPackage.ModelPackageContainerDefinitionProperty(image=image)],
        supported_content_types=["text/csv"],
        supported_response_mime_types=["text/csv"],
    )
    return CfnModelPackage(
        stack,
        name,
        model_package_group_name=group,
        model_approval_status=approval,
        inference_specification=specification,
    )


def synthesize(folder, app):
    root = aws_cdk.App(outdir=str(Path(folder) / app["name"]))
    stack = aws_cdk.Stack(
        root,
        app["stack"],
        env=aws_cdk.Environment(account=app["account"], region=app["region"]),
        synthesizer=getattr(aws_cdk, app["synthesizer"])(),
    )
    if app["takes"]:
        package = add_version(stack, "Package", app["takes"], app["approval"], app["image"])
        package.apply_removal_policy(aws_cdk.RemovalPolicy.DESTROY)
    else:
        group = CfnModelPackageGroup(stack, "Group", model_package_group_name=app["group"])
        arn = group.attr_model_package_group_arn
        package = add_version(stack, "Package", arn, app["approval"], app["image"])
        aws_cdk.CfnOutput(stack, "Version", value=package.ref)
    if app["broken"]:
        missing = f"{app['group']}-missing"
        broken = add_version(stack, "Broken", missing, "PendingManualApproval", app["image"])
        broken.add_dependency(package)
    root.synth()


for each in json.load(sys.stdin):
    synthesize(sys.argv[1], each)
