"""StackQL's `model_packages`: what it makes of Cloud Control's answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.local_aws import Sandbox
from tests.sandbox.sagemaker.sagemaker_calls import validation
from tests.stack.stackql import EVENT_COLUMNS, REGION, StackQL
from tests.stack.stacks import GROUP, Json, input_set, specification, tags, version

# The document's fields with their data types, in its order; and those that the provider of 2026 has besides.
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
    "source_uri": str,
    "model_card": dict,
    "security_config": dict,
}
# What a version cannot have, or what only ever goes in.
NOT_SHOWN = {"client_token", "model_package_name", "additional_inference_specifications_to_add"}


@pytest.fixture
def stackql(sandbox: Sandbox) -> StackQL:
    """StackQL with the type, and a group."""
    sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
    return StackQL(sandbox)


def pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


COLUMNS = {name: pascal(name) for name in FIELDS}


def select(stackql: StackQL, identifier: str) -> Json:
    """`SELECT` from `awscc.sagemaker.model_packages`: all fields of one package, as they are typed."""
    (row,) = stackql.view("resource", stackql.resource(identifier), COLUMNS)
    assert (row.pop("region"), row.pop("Identifier")) == (REGION, identifier)
    return {name: typed(value, FIELDS[name]) for name, value in row.items()}


def typed(value: Any, kind: type) -> Any:
    """Return a column's value as its data type: sqlite has objects as text, and Booleans as numbers."""
    if value is None:
        return None
    if kind is bool:
        assert value in (0, 1)
        return bool(value)
    typed = json.loads(value) if kind in (list, dict) else value
    assert isinstance(typed, kind), value
    return typed


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
        "ModelCard": {"ModelCardStatus": "Draft", "ModelCardContent": '{"intended_uses": {}}'},
        "ModelMetrics": {"ModelQuality": metrics},
        "ModelPackageDescription": "Card fraud",
        "SamplePayloadUrl": "s3://models/payload.tar.gz",
        "SecurityConfig": {"KmsKeyId": "the-key"},
        "SkipModelValidation": "None",
        "SourceUri": "s3://models/fraud/",
        "Task": "CLASSIFICATION",
        "ValidationSpecification": validation(),
    }


def inserted(stackql: StackQL, **properties: Any) -> str:
    event = stackql.insert(**properties)
    assert event["OperationStatus"] == "SUCCESS", event
    return str(event["Identifier"])


def test_stackql_select_of_a_version(stackql: StackQL) -> None:
    arn = inserted(stackql, **full_version())
    row = select(stackql, arn)
    not_shown = NOT_SHOWN | {"source_algorithm_specification"}  # which excludes the inference specification
    assert {name for name, value in row.items() if value is None} == not_shown
    assert (row["model_package_arn"], row["model_package_version"]) == (arn, 1)
    assert row["certify_for_marketplace"] is False
    assert row["model_package_group_name"] == GROUP
    assert row["approval_description"] == "to be reviewed"
    names = [each["Name"] for each in row["additional_inference_specifications"]]
    assert names == ["small", "large"]
    desired = full_version()
    for name in (
        "domain",
        "task",
        "metadata_properties",
        "model_metrics",
        "drift_check_baselines",
        "model_card",
    ):
        assert row[name] == desired[pascal(name)]


def test_stackql_select_of_a_named_package(stackql: StackQL) -> None:
    algorithm = {
        "SourceAlgorithms": [{"AlgorithmName": "arn:aws:sagemaker:us-east-1:123456789012:algorithm/fraud"}]
    }
    arn = inserted(
        stackql,
        ModelPackageName="fraud",
        SourceAlgorithmSpecification=algorithm,
        Tags=tags(team="risk"),
    )
    row = select(stackql, arn)
    assert (row["model_package_name"], row["tags"]) == ("fraud", tags(team="risk"))
    (source,) = row["source_algorithm_specification"]["SourceAlgorithms"]
    assert source["AlgorithmName"] == algorithm["SourceAlgorithms"][0]["AlgorithmName"]
    for name in ("model_package_group_name", "model_package_version", "client_token", "model_metrics"):
        assert row[name] is None


def test_stackql_list_has_the_arn_of_every_package(stackql: StackQL, sandbox: Sandbox) -> None:
    client = sandbox.client("sagemaker")
    for _ in range(103):
        client.create_model_package(**version())
    named = inserted(stackql, **input_set(3) | {"ModelPackageName": "fraud"})
    columns = {"model_package_arn": "ModelPackageArn"}
    rows = stackql.view("resources", stackql.resources(), columns)
    arns = [each["ModelPackageArn"] for each in sandbox.sagemaker.packages]
    assert len(arns) == 104
    assert named in arns
    assert sorted(row["model_package_arn"] for row in rows) == sorted(arns)
    assert all(row["Identifier"] == row["model_package_arn"] for row in rows)


def test_stackql_update_sets_what_its_document_has(stackql: StackQL) -> None:
    arn = inserted(stackql, **version())
    previous = select(stackql, arn)
    event = stackql.update(
        arn,
        Tags=[],
        AdditionalInferenceSpecifications=[specification("small")],
        CertifyForMarketplace=False,
        CustomerMetadataProperties={"owner": "risk"},
        ModelApprovalStatus="Approved",
        SkipModelValidation="None",
        ApprovalDescription="it is good",
        # Its document has them among what can be updated; they are the service's, and ignored.
        LastModifiedTime=previous["last_modified_time"],
        ModelPackageVersion=7,
        ModelPackageStatusDetails={"ValidationStatuses": []},
        AdditionalInferenceSpecificationsToAdd=[specification("large")],
        SourceUri="s3://models/fraud/",
        ModelCard={"ModelCardStatus": "Draft", "ModelCardContent": "{}"},
    )
    assert event["OperationStatus"] == "SUCCESS", event
    assert {name for name, value in event.items() if value is None} <= {
        "ErrorCode",
        "RetryAfter",
        "StatusMessage",
    }
    assert (event["TypeName"], event["Operation"]) == ("AWS::SageMaker::ModelPackage", "UPDATE")
    row = select(stackql, arn)
    assert (row["model_approval_status"], row["approval_description"]) == ("Approved", "it is good")
    assert (row["model_package_version"], row["source_uri"]) == (1, "s3://models/fraud/")
    assert row["customer_metadata_properties"] == {"owner": "risk"}
    names = [each["Name"] for each in row["additional_inference_specifications"]]
    assert sorted(names) == ["large", "small"]


def test_stackql_update_that_is_refused_says_why(stackql: StackQL) -> None:
    arn = inserted(stackql, **version())
    event = stackql.update(arn, CertifyForMarketplace=True)
    assert (event["OperationStatus"], event["ErrorCode"]) == ("FAILED", "NotUpdatable")
    assert "CertifyForMarketplace" in event["StatusMessage"]


def test_stackql_delete_and_requests(stackql: StackQL) -> None:
    arn = inserted(stackql, **version())
    deleted = stackql.delete(arn)
    assert deleted["OperationStatus"] == "SUCCESS", deleted
    assert stackql.resources() == []
    (latest, *_) = stackql.requests(OperationStatuses=["SUCCESS"], Operations=["DELETE"])
    assert {name: latest.get(name) for name in EVENT_COLUMNS} == deleted
