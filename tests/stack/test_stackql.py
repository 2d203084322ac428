"""StackQL's `model_package`: what it makes of Cloud Control's answer."""

from __future__ import annotations

from tests.sandbox.sagemaker.sagemaker_calls import validation
from tests.stack.cloudcontrol import CloudControl
from tests.stack.stacks import GROUP, Json, specification, tags, version

REGION = "us-east-1"
# The document's fields with their data types, in its order.
FIELDS: dict[str, type] = {
    "tags": list,
    "additional_inference_specifications": list,
    "certify_for_marketplace": bool,
    "client_token": str,
    "customer_metadata_properties": dict,
    "domain": str,
    "drift_check_baselines": dict,
    "inference_specification": dict,
    "metadata_properties": dict,
    "model_approval_status": str,
    "model_metrics": dict,
    "model_package_description": str,
    "model_package_group_name": str,
    "model_package_name": str,
    "sample_payload_url": str,
    "skip_model_validation": str,
    "source_algorithm_specification": dict,
    "task": str,
    "validation_specification": dict,
    "model_package_arn": str,
    "approval_description": str,
    "creation_time": str,
    "last_modified_time": str,
    "model_package_status": str,
    "model_package_version": int,
    "additional_inference_specifications_to_add": list,
    "model_package_status_details": dict,
    "region": str,
}
# What a version cannot have, or what only ever goes in.
NOT_SHOWN = {"client_token", "model_package_name", "additional_inference_specifications_to_add"}


def select(cloudcontrol: CloudControl, identifier: str) -> Json:
    """`SELECT` from `model_package`: all fields of one package."""
    model = cloudcontrol.read(identifier)
    return {name: model.get(pascal(name)) for name in FIELDS} | {"region": REGION}


def pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def full_version() -> Json:
    """A version that sets every field of the document it can."""
    metrics = {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://metrics/statistics.json"}}
    return version() | {
        "AdditionalInferenceSpecifications": [specification("small")],
        "AdditionalInferenceSpecificationsToAdd": [specification("large")],
        "ApprovalDescription": "to be reviewed",
        "ClientToken": "a-token-of-our-own",
        "CustomerMetadataProperties": {"owner": "risk"},
        "Domain": "MACHINE_LEARNING",
        "DriftCheckBaselines": {"ModelDataQuality": metrics},
        "MetadataProperties": {"CommitId": "c0ffee", "ProjectId": "fraud"},
        "ModelApprovalStatus": "PendingManualApproval",
        "ModelMetrics": {"ModelQuality": metrics},
        "ModelPackageDescription": "Card fraud",
        "SamplePayloadUrl": "s3://models/payload.tar.gz",
        "SkipModelValidation": "None",
        "Task": "CLASSIFICATION",
        "ValidationSpecification": validation(),
    }


def test_stackql_select_of_a_version(cloudcontrol: CloudControl) -> None:
    arn = cloudcontrol.create_package(**full_version())
    row = select(cloudcontrol, arn)
    assert list(row) == list(FIELDS)
    not_shown = NOT_SHOWN | {"source_algorithm_specification"}  # which excludes the inference specification
    assert {name for name, value in row.items() if value is None} == not_shown
    for name in FIELDS.keys() - not_shown:
        assert isinstance(row[name], FIELDS[name]), name
    assert (row["region"], row["model_package_arn"], row["model_package_version"]) == (REGION, arn, 1)
    assert row["model_package_group_name"] == GROUP
    assert row["approval_description"] == "to be reviewed"
    names = [each["Name"] for each in row["additional_inference_specifications"]]
    assert names == ["small", "large"]
    desired = full_version()
    for name in ("domain", "task", "metadata_properties", "model_metrics", "drift_check_baselines"):
        assert row[name] == desired[pascal(name)]


def test_stackql_select_of_a_named_package(cloudcontrol: CloudControl) -> None:
    algorithm = {
        "SourceAlgorithms": [{"AlgorithmName": "arn:aws:sagemaker:us-east-1:123456789012:algorithm/fraud"}]
    }
    arn = cloudcontrol.create_package(
        ModelPackageName="fraud",
        SourceAlgorithmSpecification=algorithm,
        Tags=tags(team="risk"),
    )
    row = select(cloudcontrol, arn)
    assert (row["model_package_name"], row["tags"]) == ("fraud", tags(team="risk"))
    (source,) = row["source_algorithm_specification"]["SourceAlgorithms"]
    assert source["AlgorithmName"] == algorithm["SourceAlgorithms"][0]["AlgorithmName"]
    for name in ("model_package_group_name", "model_package_version", "client_token", "model_metrics"):
        assert row[name] is None
