"""The types of the schema's properties and members. Written by `make generate`, never edited."""

from __future__ import annotations

from typing import TypeAlias

# The name of a shape or of a type of JSON; of a list `array` and the type of its items, of a map
# `object` and that of its values.
Kind: TypeAlias = "str | tuple[str, Kind]"
# The shape of the properties, as the CLI calls it.
RESOURCE = "ResourceModel"
SHAPES: dict[str, dict[str, Kind]] = {
    "ResourceModel": {
        "ModelPackageArn": "string",
        "ModelPackageName": "string",
        "ModelPackageGroupName": "string",
        "ModelPackageDescription": "string",
        "ModelPackageRegistrationType": "string",
        "InferenceSpecification": "InferenceSpecification",
        "AdditionalInferenceSpecifications": ("array", "AdditionalInferenceSpecificationDefinition"),
        "AdditionalInferenceSpecificationsToAdd": ("array", "AdditionalInferenceSpecificationDefinition"),
        "ValidationSpecification": "ValidationSpecification",
        "SkipModelValidation": "string",
        "SourceAlgorithmSpecification": "SourceAlgorithmSpecification",
        "SourceUri": "string",
        "SamplePayloadUrl": "string",
        "Domain": "string",
        "Task": "string",
        "ModelApprovalStatus": "string",
        "ApprovalDescription": "string",
        "ModelCard": "ModelCard",
        "ModelLifeCycle": "ModelLifeCycle",
        "ModelMetrics": "ModelMetrics",
        "DriftCheckBaselines": "DriftCheckBaselines",
        "MetadataProperties": "MetadataProperties",
        "CustomerMetadataProperties": ("object", "string"),
        "SecurityConfig": "SecurityConfig",
        "ManagedStorageType": "string",
        "CertifyForMarketplace": "boolean",
        "Tags": ("array", "Tag"),
        "ClientToken": "string",
        "CreationTime": "string",
        "ModelPackageStatus": "string",
        "ModelPackageVersion": "integer",
        "ModelPackageStatusDetails": "ModelPackageStatusDetails",
        "ModelPackageStatusItem": "ModelPackageStatusItem",
        "CreatedBy": "UserContext",
        "LastModifiedTime": "string",
        "LastModifiedBy": "UserContext",
        "AdditionalInferenceSpecificationDefinition": "AdditionalInferenceSpecificationDefinition",
        "Environment": ("object", "string"),
    },
    "InferenceSpecification": {
        "Containers": ("array", "ModelPackageContainerDefinition"),
        "SupportedTransformInstanceTypes": ("array", "string"),
        "SupportedRealtimeInferenceInstanceTypes": ("array", "string"),
        "SupportedContentTypes": ("array", "string"),
        "SupportedResponseMIMETypes": ("array", "string"),
    },
    "AdditionalInferenceSpecificationDefinition": {
        "Name": "string",
        "Description": "string",
        "Containers": ("array", "ModelPackageContainerDefinition"),
        "SupportedTransformInstanceTypes": ("array", "string"),
        "SupportedRealtimeInferenceInstanceTypes": ("array", "string"),
        "SupportedContentTypes": ("array", "string"),
        "SupportedResponseMIMETypes": ("array", "string"),
    },
    "ModelPackageContainerDefinition": {
        "ContainerHostname": "string",
        "Image": "string",
        "ImageDigest": "string",
        "ModelDataUrl": "string",
        "ModelDataSource": "ModelDataSource",
        "ProductId": "string",
        "Environment": ("object", "string"),
        "ModelInput": "ModelInput",
        "Framework": "string",
        "FrameworkVersion": "string",
        "NearestModelName": "string",
        "AdditionalModelDataSources": ("array", "AdditionalModelDataSource"),
        "AdditionalS3DataSource": "AdditionalS3DataSource",
        "ModelDataETag": "string",
        "IsCheckpoint": "boolean",
        "BaseModel": "HubBaseModel",
    },
    "ModelDataSource": {
        "S3DataSource": "S3ModelDataSource",
    },
    "S3ModelDataSource": {
        "S3Uri": "string",
        "S3DataType": "string",
        "CompressionType": "string",
        "ModelAccessConfig": "ModelAccessConfig",
        "HubAccessConfig": "InferenceHubAccessConfig",
        "ManifestS3Uri": "string",
        "ETag": "string",
        "ManifestEtag": "string",
    },
    "ModelAccessConfig": {
        "AcceptEula": "boolean",
    },
    "InferenceHubAccessConfig": {
        "HubContentArn": "string",
    },
    "AdditionalModelDataSource": {
        "ChannelName": "string",
        "S3DataSource": "S3ModelDataSource",
    },
    "AdditionalS3DataSource": {
        "S3DataType": "string",
        "S3Uri": "string",
        "CompressionType": "string",
        "ETag": "string",
    },
    "ModelInput": {
        "DataInputConfig": "string",
    },
    "HubBaseModel": {
        "HubContentName": "string",
        "HubContentVersion": "string",
        "RecipeName": "string",
    },
    "ValidationSpecification": {
        "ValidationRole": "string",
        "ValidationProfiles": ("array", "ValidationProfile"),
    },
    "ValidationProfile": {
        "ProfileName": "string",
        "TransformJobDefinition": "TransformJobDefinition",
    },
    "TransformJobDefinition": {
        "MaxConcurrentTransforms": "integer",
        "MaxPayloadInMB": "integer",
        "BatchStrategy": "string",
        "Environment": ("object", "string"),
        "TransformInput": "TransformInput",
        "TransformOutput": "TransformOutput",
        "TransformResources": "TransformResources",
    },
    "TransformInput": {
        "DataSource": "DataSource",
        "ContentType": "string",
        "CompressionType": "string",
        "SplitType": "string",
    },
    "DataSource": {
        "S3DataSource": "S3DataSource",
    },
    "S3DataSource": {
        "S3DataType": "string",
        "S3Uri": "string",
    },
    "TransformOutput": {
        "S3OutputPath": "string",
        "Accept": "string",
        "AssembleWith": "string",
        "KmsKeyId": "string",
    },
    "TransformResources": {
        "InstanceType": "string",
        "InstanceCount": "integer",
        "VolumeKmsKeyId": "string",
        "TransformAmiVersion": "string",
    },
    "SourceAlgorithmSpecification": {
        "SourceAlgorithms": ("array", "SourceAlgorithm"),
    },
    "SourceAlgorithm": {
        "ModelDataUrl": "string",
        "ModelDataSource": "ModelDataSource",
        "ModelDataETag": "string",
        "AlgorithmName": "string",
    },
    "ModelMetrics": {
        "ModelQuality": "ModelQuality",
        "ModelDataQuality": "ModelDataQuality",
        "Bias": "Bias",
        "Explainability": "Explainability",
    },
    "ModelQuality": {
        "Statistics": "MetricsSource",
        "Constraints": "MetricsSource",
    },
    "ModelDataQuality": {
        "Statistics": "MetricsSource",
        "Constraints": "MetricsSource",
    },
    "Bias": {
        "Report": "MetricsSource",
        "PreTrainingReport": "MetricsSource",
        "PostTrainingReport": "MetricsSource",
    },
    "Explainability": {
        "Report": "MetricsSource",
    },
    "MetricsSource": {
        "ContentType": "string",
        "ContentDigest": "string",
        "S3Uri": "string",
    },
    "FileSource": {
        "ContentType": "string",
        "ContentDigest": "string",
        "S3Uri": "string",
    },
    "DriftCheckBaselines": {
        "Bias": "DriftCheckBias",
        "Explainability": "DriftCheckExplainability",
        "ModelQuality": "DriftCheckModelQuality",
        "ModelDataQuality": "DriftCheckModelDataQuality",
    },
    "DriftCheckModelQuality": {
        "Statistics": "MetricsSource",
        "Constraints": "MetricsSource",
    },
    "DriftCheckModelDataQuality": {
        "Statistics": "MetricsSource",
        "Constraints": "MetricsSource",
    },
    "DriftCheckBias": {
        "ConfigFile": "FileSource",
        "PreTrainingConstraints": "MetricsSource",
        "PostTrainingConstraints": "MetricsSource",
    },
    "DriftCheckExplainability": {
        "Constraints": "MetricsSource",
        "ConfigFile": "FileSource",
    },
    "MetadataProperties": {
        "CommitId": "string",
        "Repository": "string",
        "GeneratedBy": "string",
        "ProjectId": "string",
    },
    "ModelCard": {
        "ModelCardContent": "string",
        "ModelCardStatus": "string",
    },
    "ModelLifeCycle": {
        "Stage": "string",
        "StageStatus": "string",
        "StageDescription": "string",
    },
    "SecurityConfig": {
        "KmsKeyId": "string",
    },
    "Tag": {
        "Key": "string",
        "Value": "string",
    },
    "ModelPackageStatusDetails": {
        "ValidationStatuses": ("array", "ModelPackageStatusItem"),
        "ImageScanStatuses": ("array", "ModelPackageStatusItem"),
    },
    "ModelPackageStatusItem": {
        "Name": "string",
        "Status": "string",
        "FailureReason": "string",
    },
    "UserContext": {
        "UserProfileArn": "string",
        "UserProfileName": "string",
        "DomainId": "string",
        "IamIdentity": "IamIdentity",
    },
    "IamIdentity": {
        "Arn": "string",
        "PrincipalId": "string",
        "SourceIdentity": "string",
    },
}
