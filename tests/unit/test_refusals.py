"""What leads to the replacement of a package: messages that say that something cannot be changed."""

from __future__ import annotations

import pytest
from botocore import exceptions as sdk

from aws_sagemaker_modelpackage import refusals

UPDATE = "UpdateModelPackage"
VALIDATION = "ValidationException"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/roles-in-s3/1"

REFUSALS = (
    "InferenceSpecification cannot be changed",
    "InferenceSpecification can not be updated once the package exists.",
    f"SourceUri of {ARN} cannot be modified.",
    "The SourceUri 's3://bucket/size' can't be replaced",
    "SourceUri is already set and cannot be updated.",
    "SourceUri has already been set",
    "SourceUri is immutable.",
    "InferenceSpecification is read-only",
    "Updating InferenceSpecification is not supported for this model package",
    "Modification of SourceUri is not allowed",
    "It is not allowed to change SourceUri",
    "SageMaker does not support updating the InferenceSpecification of a model package",
    "Only versioned ModelPackages can be updated.",
    "Model Card is in Archived state",
    "The package's SourceUri can't be changed.",
    "You can't update the model package's InferenceSpecification",
    "SourceUri can be set only once.",
    "SourceUri can only be set once",
    "An InferenceSpecification already exists and cannot be replaced",
    "Updating the InferenceSpecification isn't supported",
    "Invalid request: InferenceSpecification cannot be updated",
    "Invalid request provided: SourceUri cannot be updated",
)
OTHERS = (
    "",
    "cannot",
    "Value 'x' at 'sourceUri' failed to satisfy constraint: it cannot be changed",
    "1 validation error detected: the source cannot be updated",
    f"ModelPackage {ARN} does not exist.",
    "ARN should be scoped to correct region: us-west-2",
    "SourceUri cannot be updated to a model in another region",
    "SourceUri cannot be changed: the model was not found",
    "ModelCardContent does not conform to the schema and cannot be updated",
    "Model card content is invalid JSON and cannot be updated",
    "The model card exceeds the maximum size and cannot be updated",
    "Cannot be updated: the role has no access to the bucket",
    "Could not access model data at s3://bucket/model.tar.gz. The package cannot be updated",
    "The image cannot be updated, permission to the ECR repository is missing",
    "You are not authorized to change this",
    "SourceUri and InferenceSpecification cannot be specified together.",
    "Please try later",
    "UpdateModelPackage failed: #/business_details: extraneous key [foo] is not permitted",
    "Cannot update the model card: required key [model_overview] is missing",
    "Property 'foo' is not allowed. Remove it and retry.",
    "Environment variable AWS_REGION is reserved and cannot be overridden.",
    "Only 100 environment variables can be set per container.",
    "The image is not supported. Please update to a supported image.",
    "Cannot update ModelPackage. Access to the artifact is forbidden.",
    "The package cannot be changed: you do not have access",
    "The account is not entitled to update this product",
    "Cannot update model package while it is in InProgress status.",
    "The package cannot be updated, another update is in progress.",
    "The package cannot be modified now, try again",
)


def client_error(code: str, message: str) -> Exception:
    return sdk.ClientError({"Error": {"Code": code, "Message": message}}, UPDATE)


@pytest.mark.parametrize("message", REFUSALS)
def test_is_refusal_of_what_cannot_be_changed(message: str) -> None:
    assert refusals.is_refusal(client_error(VALIDATION, message))


@pytest.mark.parametrize("message", OTHERS)
def test_is_refusal_of_other_messages(message: str) -> None:
    assert not refusals.is_refusal(client_error(VALIDATION, message))


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ThrottlingException", "InternalFailure", "ConflictException"]
)
def test_is_refusal_of_other_codes(code: str) -> None:
    assert not refusals.is_refusal(client_error(code, REFUSALS[0]))


def test_is_refusal_of_errors_of_botocore() -> None:
    assert not refusals.is_refusal(sdk.ParamValidationError(report=REFUSALS[0]))
