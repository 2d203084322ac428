"""One call of the Python SDK for python_sdk.py; run with the Python of `.venv-clients-sagemaker`.

The argument is the call's name, the JSON document on stdin its values. STS is asked at the printed endpoint
and not at its real address, which `ModelBuilder` names itself: the only change of the SDK.
"""

from __future__ import annotations

import json
import os
import sys

from sagemaker.core.helper import session_helper

session_helper.sts_regional_endpoint = lambda _: os.environ["AWS_ENDPOINT_URL"]


def register(group, image, approval):
    from sagemaker.serve import ModelBuilder

    model = ModelBuilder(
        image_uri=image,
        s3_model_data_url="s3://ml-models-123456789012/fraud/model.tar.gz",
        role_arn="arn:aws:iam::123456789012:role/models",
    )
    model.register(
        model_package_group_name=group,
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=["ml.m5.large"],
        transform_instances=["ml.m5.large"],
        approval_status=approval,
    )


def create_group(group):
    from sagemaker.core.resources import ModelPackageGroup

    ModelPackageGroup.create(model_package_group_name=group)


def create(group, image, approval):
    # Its InferenceSpecification is the model card's, which is what `create` asks for.
    from sagemaker.core import shapes
    from sagemaker.core.resources import ModelPackage

    ModelPackage.create(
        model_package_group_name=group,
        model_approval_status=approval,
        inference_specification=shapes.InferenceSpecification(
            containers=[shapes.ContainersItem(image=image)],
        ),
    )


def update(arn, approval):
    from sagemaker.core.resources import ModelPackage

    ModelPackage.get(model_package_name=arn).update(model_approval_status=approval)


def delete(arn):
    from sagemaker.core.resources import ModelPackage

    ModelPackage.get(model_package_name=arn).delete()


globals()[sys.argv[1]](**json.load(sys.stdin))
