"""Packages of the tests, as SageMaker describes them and as models, and whole events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .scripted_sagemaker import A_TOKEN, Reply

TYPE = "AWS::SageMaker::ModelPackage"
ACCOUNT = "arn:aws:sagemaker:eu-west-1:111122223333"
VERSION = f"{ACCOUNT}:model-package/churn/3"
GROUP_ARN = f"{ACCOUNT}:model-package-group/churn"
NAMED = f"{ACCOUNT}:model-package/scorer"
STACK_ID = "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop/6f9619ff-8b86-d011-b42d-00c04fc964ff"
LOGICAL_ID = "Model"
REQUEST = "5c9e0a1e-request"
# The first 36 digits of that token's SHA-256: the ClientToken of a create.
DERIVED = "9d322acd0ba35c0ac8acb67d26d88ddd06d3"
# The library's identifier for the stack, the logical id and that token.
GENERATED = "shop-Model-cc40113471b7"
GENERATED_WITHOUT_STACK = "Model-cc40113471b7"
GENERATED_FROM_NOTHING = "model-package-cc40113471b7"

# The beginning of a test's simulated time: monotonic, and in seconds since 1970.
BEGIN = 1000.0
EPOCH = 1_700_000_000.0
SINCE = int(EPOCH + BEGIN)
HALF_DONE = "Part of the update is done, and the same update, sent again, does the rest"
MAYBE_REGISTERED = (
    "SageMaker may have registered the package all the same: this request, sent again, finds it; another one"
    " registers another"
)
MAYBE_CHANGED = (
    "SageMaker may have made the change all the same: the same update, sent again, goes on from there"
)
MAYBE_DELETING = (
    "SageMaker may be deleting the package all the same: the same delete, sent again, waits until it is gone"
)
BOTH_NAMES = (
    "ModelPackageName and ModelPackageGroupName cannot both be set: a version is named by its group, an"
    " unversioned package by its own name. Remove one of them"
)
NO_ENVIRONMENT = (
    "cannot be set on an unversioned package: SageMaker takes container environments only for versions (set"
    " ModelPackageGroupName)"
)
NO_DESCRIPTION = (
    "ApprovalDescription cannot be set on an unversioned package: SageMaker takes it after the package is"
    " made, with UpdateModelPackage, which is for versions only (set ModelPackageGroupName)"
)
NEEDED = (
    "is required on an unversioned package, such as [ml.m5.xlarge]; a version (set ModelPackageGroupName)"
    " needs none"
)
NO_VERSION_TAGS = (
    "Tags cannot be set on a version: SageMaker takes no tags on a version of a model package group. Put them"
    " on the group (AWS::SageMaker::ModelPackageGroup), and data about this one version into"
    " CustomerMetadataProperties"
)
NOT_REPEATABLE = "the request carries no token, so a repeated create could register a second package"
UNKNOWN_STATUS = "SageMaker reports the status 'Archived', which this version of the handlers does not know"
NO_TIME = "SageMaker did not answer in the time this invocation has"
IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/churn:1"
DIGEST = "sha256:" + "0" * 64
CREATED = 1_700_000_000.0
CREATED_ISO = "2023-11-14T22:13:20+00:00"
NO_DETAILS: dict[str, Any] = {"ValidationStatuses": [], "ImageScanStatuses": []}

Model = dict[str, Any]

IN_GROUP = {"ModelPackageGroupName": "churn"}
SCORER = {"ModelPackageName": "scorer"}
STATE = {"ModelPackageArn": VERSION}
VERSION_STATE = {**IN_GROUP, **STATE}
NAMED_STATE = {**SCORER, "ModelPackageArn": NAMED}
APPROVED = {"ModelApprovalStatus": "Approved"}
REJECTED = {"ModelApprovalStatus": "Rejected"}
PENDING = {"ModelApprovalStatus": "PendingManualApproval"}


def without(members: Mapping[str, Any]) -> Model:
    """The members that are not None."""
    return {name: value for name, value in members.items() if value is not None}


def specification(**container: Any) -> Model:
    """An inference specification as a template has it."""
    return {
        "Containers": [{"Image": IMAGE, **container}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }


def live_specification(**container: Any) -> Model:
    """The same as SageMaker describes it: a digest and defaults filled in."""
    return specification(ImageDigest=DIGEST, IsCheckpoint=False, **container)


def extra(name: str, **members: Any) -> Model:
    """An additional inference specification."""
    return {"Name": name, "Containers": [{"Image": IMAGE}], **members}


def live_extra(name: str, **members: Any) -> Model:
    """The same as SageMaker describes it."""
    return extra(
        name, **{"Containers": [{"Image": IMAGE, "ImageDigest": DIGEST, "IsCheckpoint": False}], **members}
    )


def extras(*names: str) -> Model:
    """The property with additional inference specifications of these names."""
    return {"AdditionalInferenceSpecifications": [extra(name) for name in names]}


def to_add(*names: str) -> Model:
    """The property that adds specifications of these names."""
    return {"AdditionalInferenceSpecificationsToAdd": [extra(name) for name in names]}


def metadata(**entries: str) -> Model:
    """The property with these entries."""
    return {"CustomerMetadataProperties": entries}


def version(**members: Any) -> Model:
    """A version as Describe answers."""
    return without(
        {
            "ModelPackageArn": VERSION,
            "ModelPackageGroupName": "churn",
            "ModelPackageVersion": 3,
            "CreationTime": CREATED,
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": NO_DETAILS,
            "CertifyForMarketplace": False,
            "ModelApprovalStatus": "PendingManualApproval",
            **members,
        }
    )


def version_model(**members: Any) -> Model:
    """The model of that version."""
    return without(
        {
            **version(CreationTime=CREATED_ISO),
            "ModelPackageStatusItem": {"Name": "churn", "Status": "Completed"},
            "Tags": [],
            **members,
        }
    )


def named(**members: Any) -> Model:
    """An unversioned package as Describe answers."""
    return without(
        {
            "ModelPackageArn": NAMED,
            "ModelPackageName": "scorer",
            "CreationTime": CREATED,
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": NO_DETAILS,
            "CertifyForMarketplace": False,
            **members,
        }
    )


def named_model(**members: Any) -> Model:
    """The model of that package."""
    return without(
        {
            **named(CreationTime=CREATED_ISO),
            "ModelPackageStatusItem": {"Name": "scorer", "Status": "Completed"},
            "Tags": [],
            **members,
        }
    )


def changed(arn: str = VERSION, **arguments: Any) -> Model:
    """The arguments of an update; what the service refuses to repeat carries a token."""
    once = {"AdditionalInferenceSpecificationsToAdd", "SourceUri"} & arguments.keys()
    return {"ModelPackageArn": arn, **arguments, **({"ClientToken": A_TOKEN} if once else {})}


def validation(profile: str) -> Model:
    """A validation specification with one profile of that name."""
    given: Model = AS_DESCRIBED["ValidationSpecification"]
    return {**given, "ValidationProfiles": [{**given["ValidationProfiles"][0], "ProfileName": profile}]}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in the form of templates and the API."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def failed_items(*items: tuple[str, str | None]) -> list[Model]:
    """Items of ModelPackageStatusDetails that failed, with their reasons."""
    return [without({"Name": name, "Status": "Failed", "FailureReason": reason}) for name, reason in items]


def failed_version(validations: list[Model], scans: list[Model] | None = None, **members: Any) -> Model:
    """A version that failed with these statuses, as Describe answers."""
    details = {"ValidationStatuses": validations, "ImageScanStatuses": scans or []}
    return version(ModelPackageStatus="Failed", ModelPackageStatusDetails=details, **members)


# Every property as a version's Describe has it and as read returns it.
AS_DESCRIBED: dict[str, Any] = {
    "ModelPackageDescription": "who will leave",
    "ModelPackageRegistrationType": "Registered",
    "InferenceSpecification": live_specification(
        ModelDataETag="e1",
        Environment={"MODE": "fast"},
        ModelInput={"DataInputConfig": "{}"},
        AdditionalModelDataSources=[
            {
                "ChannelName": "extra",
                "S3DataSource": {
                    "S3Uri": "s3://models/extra/",
                    "S3DataType": "S3Prefix",
                    "CompressionType": "None",
                    "ModelAccessConfig": {"AcceptEula": True},
                },
            }
        ],
        BaseModel={"HubContentName": "base", "HubContentVersion": "1.0.0"},
    ),
    "AdditionalInferenceSpecifications": [extra("small"), extra("large", Description="for batches")],
    "ValidationSpecification": {
        "ValidationRole": "arn:aws:iam::111122223333:role/validate",
        "ValidationProfiles": [
            {
                "ProfileName": "batch",
                "TransformJobDefinition": {
                    "TransformInput": {
                        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/in"}}
                    },
                    "TransformOutput": {"S3OutputPath": "s3://data/out", "KmsKeyId": ""},
                    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
                    "MaxConcurrentTransforms": 0,
                },
            }
        ],
    },
    "SkipModelValidation": "None",
    "SourceAlgorithmSpecification": {"SourceAlgorithms": [{"AlgorithmName": "xgboost"}]},
    "SourceUri": "s3://models/churn.tar.gz",
    "SamplePayloadUrl": "s3://models/payload.tar.gz",
    "Domain": "MACHINE_LEARNING",
    "Task": "CLASSIFICATION",
    "ModelApprovalStatus": "Approved",
    "ApprovalDescription": "looks fine",
    "ModelCard": {"ModelCardContent": '{"intended_uses": {}}', "ModelCardStatus": "Draft"},
    "ModelLifeCycle": {"Stage": "Test", "StageStatus": "Pending", "StageDescription": "first"},
    "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": "json", "S3Uri": "s3://m/s.json"}}},
    "DriftCheckBaselines": {"Bias": {"ConfigFile": {"S3Uri": "s3://m/b.json"}}},
    "MetadataProperties": {"CommitId": "abc", "ProjectId": "p1"},
    "CustomerMetadataProperties": {"team": "risk"},
    "SecurityConfig": {"KmsKeyId": "alias/models"},
    "ManagedStorageType": "Restricted",
    "CertifyForMarketplace": False,
    "ModelPackageVersion": 3,
    "ModelPackageStatus": "Completed",
    "ModelPackageStatusDetails": {
        "ValidationStatuses": [{"Name": "batch", "Status": "Completed"}],
        "ImageScanStatuses": [{"Name": "scan", "Status": "Completed"}],
    },
    "CreatedBy": {
        "UserProfileArn": "arn:aws:sagemaker:eu-west-1:111122223333:user-profile/d-1/jo",
        "UserProfileName": "jo",
        "DomainId": "d-1",
        "IamIdentity": {"Arn": "arn:aws:iam::111122223333:user/jo", "PrincipalId": "AID"},
    },
    "LastModifiedBy": {"UserProfileName": "al", "DomainId": "d-1"},
}


# --- whole events -----------------------------------------------------------------------------------


def succeeded(model: Model | None = None, message: str = "") -> Model:
    """The SUCCESS event."""
    return without(
        {"status": "SUCCESS", "message": message, "callbackDelaySeconds": 0, "resourceModel": model}
    )


def in_progress(model: Model, delay: int, **context: Any) -> Model:
    """The IN_PROGRESS event."""
    return {
        "status": "IN_PROGRESS",
        "message": "",
        "callbackDelaySeconds": delay,
        "callbackContext": {"since": SINCE, **context},
        "resourceModel": model,
    }


def failed_event(code: str, message: str, model: Model | None = None) -> Model:
    """A FAILED event with this whole message."""
    return without(
        {
            "status": "FAILED",
            "errorCode": code,
            "message": message,
            "callbackDelaySeconds": 0,
            "resourceModel": model,
        }
    )


def message(action: str, identifier: str, text: str | Reply) -> str:
    """A message: action, type, identifier, then the text, or that of an error answer."""
    return f"{action} {TYPE} {identifier}: {text.text if isinstance(text, Reply) else text}"


def failed(code: str, action: str, identifier: str, text: str | Reply, model: Model | None = None) -> Model:
    """The FAILED event of an action on a package."""
    return failed_event(code, message(action, identifier, text), model)


def listed(*arns: str, token: str | None = None) -> Model:
    """The SUCCESS event with one page of identifiers."""
    return without(
        {
            "status": "SUCCESS",
            "message": "",
            "callbackDelaySeconds": 0,
            "resourceModels": [{"ModelPackageArn": arn} for arn in arns],
            "nextToken": token,
        }
    )


def not_promised(operation: str) -> str:
    """The text about an answer that is none of the API's."""
    return f"the answer to {operation} holds nothing of what the API promises"


def not_found(action: str, identifier: str, answer: Reply | None = None) -> Model:
    """The event for a package that does not exist, with SageMaker's error answer if there was one."""
    reason = f" (SageMaker says: {answer.text})" if answer else ""
    return failed("NotFound", action, identifier, f"there is no such package, or it is being deleted{reason}")
