"""Two values of each property: what a package has, and what a template then says.

tests/guides/test_tables.py holds the table of properties to what the handlers do about them, and
tests/unit/test_changes.py that no change is ignored.
"""

from __future__ import annotations

from typing import Any

CONTAINERS = {"Containers": [{"Image": "image:1"}]}
REPORT = {"ContentType": "application/json", "S3Uri": "s3://reports/bias.json"}
STAGE = {"Stage": "Development", "StageStatus": "InProgress"}
# A live value, none for a property that is not set, and the value that the template has now.
CHANGED: dict[str, tuple[Any, Any]] = {
    "ModelPackageName": ("one", "another"),
    "ModelPackageDescription": ("one", "another"),
    "Domain": ("one", "another"),
    "Task": ("one", "another"),
    "SamplePayloadUrl": ("s3://one/1.tar.gz", "s3://one/2.tar.gz"),
    "InferenceSpecification": (CONTAINERS, {"Containers": [{"Image": "image:2"}]}),
    "ValidationSpecification": (None, {"ValidationRole": "role", "ValidationProfiles": []}),
    "SourceAlgorithmSpecification": (None, {"SourceAlgorithms": [{"AlgorithmName": "one"}]}),
    "MetadataProperties": ({"CommitId": "1"}, {"CommitId": "2"}),
    "ModelMetrics": (None, {"Bias": {"Report": REPORT}}),
    "DriftCheckBaselines": (None, {"Bias": {"PreTrainingConstraints": REPORT}}),
    "SecurityConfig": (None, {"KmsKeyId": "key"}),
    "ManagedStorageType": (None, "Restricted"),
    "SkipModelValidation": (None, "All"),
    "CertifyForMarketplace": (None, True),
    "AdditionalInferenceSpecifications": (None, [{"Name": "more", **CONTAINERS}]),
    "AdditionalInferenceSpecificationsToAdd": (None, [{"Name": "more", **CONTAINERS}]),
    "AdditionalInferenceSpecificationDefinition": (None, {"Name": "more", **CONTAINERS}),
    "Environment": (None, {"WORKERS": "2"}),
    "SourceUri": (None, "s3://models/1/"),
    "ModelApprovalStatus": ("PendingManualApproval", "Approved"),
    "ApprovalDescription": (None, "Signed off"),
    "ModelCard": ({"ModelCardStatus": "Draft"}, {"ModelCardStatus": "Approved"}),
    "ModelLifeCycle": (STAGE, {**STAGE, "StageStatus": "Approved"}),
    "ModelPackageRegistrationType": ("Logged", "Registered"),
    "CustomerMetadataProperties": ({"owner": "risk"}, {"owner": "fraud"}),
}
# What only a template has, so that no update can meet a change of it, or what is compared elsewhere.
NOT_PLANNED = {
    "ClientToken": "CloudFormation replaces without asking",
    "ModelPackageGroupName": "a name and an ARN have to be distinguished: tests/unit/test_changes.py",
    "Tags": "tests/unit/test_tags.py",
}
MORE = [{"Name": "more", **CONTAINERS}]
OTHER = [{"Name": "more", "Containers": [{"Image": "image:2"}]}]
# Changes of what the row says second: that the package is replaced.
REPLACED = {
    "AdditionalInferenceSpecifications": (MORE, OTHER),
    "AdditionalInferenceSpecificationsToAdd": (MORE, OTHER),
    "AdditionalInferenceSpecificationDefinition": (MORE[0], OTHER[0]),
}
