"""The schema's properties by class. Written by `make generate`, never edited."""

from __future__ import annotations

CLASSES: dict[str, tuple[str, ...]] = {
    "readOnlyProperties": (
        "ModelPackageArn",
        "CreationTime",
        "ModelPackageStatus",
    ),
    "createOnlyProperties": (
        "ModelPackageGroupName",
        "ModelPackageDescription",
        "Domain",
        "Task",
        "SamplePayloadUrl",
        "InferenceSpecification",
        "ValidationSpecification",
        "SourceAlgorithmSpecification",
        "MetadataProperties",
        "ModelMetrics",
        "DriftCheckBaselines",
        "SecurityConfig",
        "ManagedStorageType",
        "ClientToken",
    ),
    "conditionalCreateOnlyProperties": (
        "ModelPackageName",
        "AdditionalInferenceSpecifications",
        "AdditionalInferenceSpecificationsToAdd",
        "AdditionalInferenceSpecificationDefinition",
        "SourceUri",
        "ModelCard",
        "CertifyForMarketplace",
        "SkipModelValidation",
        "Environment",
    ),
    "writeOnlyProperties": (
        "ClientToken",
        "AdditionalInferenceSpecificationsToAdd",
        "AdditionalInferenceSpecificationDefinition",
        "Environment",
    ),
    "deprecatedProperties": (
        "AdditionalInferenceSpecificationDefinition",
        "Environment",
        "ModelPackageVersion",
        "ModelPackageStatusDetails",
        "ModelPackageStatusItem",
        "LastModifiedTime",
        "CreatedBy",
        "LastModifiedBy",
    ),
}
