"""What the tests speak of: packages as SageMaker describes them, as models, and whole events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .scripted_sagemaker import A_TOKEN

TYPE = "AWS::SageMaker::ModelPackage"
ACCOUNT = "arn:aws:sagemaker:eu-west-1:111122223333"
VERSION = f"{ACCOUNT}:model-package/churn/3"
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

# Where a test's simulated time begins: by a clock that only runs, and in seconds since 1970.
BEGIN = 1000.0
EPOCH = 1_700_000_000.0
SINCE = int(EPOCH + BEGIN)
HALF_DONE = "Part of the update is done, and the same update, sent again, does the rest"
MAYBE_REGISTERED = (
    "SageMaker may have registered the package all the same: this request, sent again, finds it; another one"
    " registers another"
)
GONE = "ModelPackage {} does not exist."
NO_TIME = "SageMaker did not answer in the time this invocation has"
IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/churn:1"
DIGEST = "sha256:" + "0" * 64
CREATED = 1_700_000_000.0
CREATED_ISO = "2023-11-14T22:13:20+00:00"
NO_DETAILS: dict[str, Any] = {"ValidationStatuses": [], "ImageScanStatuses": []}

Model = dict[str, Any]


def without(members: Mapping[str, Any]) -> Model:
    """The members that are not None: a test takes one away by giving None."""
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
    """The arguments of an update; what the service would refuse to do twice carries a token."""
    once = {"AdditionalInferenceSpecificationsToAdd", "SourceUri"} & arguments.keys()
    return {"ModelPackageArn": arn, **arguments, **({"ClientToken": A_TOKEN} if once else {})}


def validation(profile: str) -> Model:
    """A validation specification with one profile of that name."""
    given: Model = AS_DESCRIBED["ValidationSpecification"]
    return {**given, "ValidationProfiles": [{**given["ValidationProfiles"][0], "ProfileName": profile}]}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as templates and the API have them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def failed_items(*items: tuple[str, str | None]) -> list[Model]:
    """Items of ModelPackageStatusDetails that failed, with their reasons."""
    return [without({"Name": name, "Status": "Failed", "FailureReason": reason}) for name, reason in items]


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
    """The event that ends an action well."""
    return without(
        {"status": "SUCCESS", "message": message, "callbackDelaySeconds": 0, "resourceModel": model}
    )


def in_progress(model: Model, delay: int, **context: Any) -> Model:
    """The event that asks to be called again."""
    return {
        "status": "IN_PROGRESS",
        "message": "",
        "callbackDelaySeconds": delay,
        "callbackContext": {"since": SINCE, **context},
        "resourceModel": model,
    }


def failed(code: str, message: str, model: Model | None = None) -> Model:
    """The event that ends an action badly."""
    return without(
        {
            "status": "FAILED",
            "errorCode": code,
            "message": message,
            "callbackDelaySeconds": 0,
            "resourceModel": model,
        }
    )


def listed(*arns: str, token: str | None = None) -> Model:
    """The event with one page of identifiers."""
    return without(
        {
            "status": "SUCCESS",
            "message": "",
            "callbackDelaySeconds": 0,
            "resourceModels": [{"ModelPackageArn": arn} for arn in arns],
            "nextToken": token,
        }
    )


def said(action: str, identifier: str, words: str) -> str:
    """A message: action, type, identifier, then what is wrong."""
    return f"{action} {TYPE} {identifier}: {words}"


def nothing_of(operation: str) -> str:
    """What is said of an answer that is none of the API's."""
    return f"the answer to {operation} holds nothing of what the API promises"


def not_found(action: str, identifier: str, words: str = "") -> Model:
    """The event for a package that is not there, with SageMaker's words if it said any."""
    told = f" (SageMaker says: {words})" if words else ""
    what = f"there is no such package, or it is being deleted{told}"
    return failed("NotFound", said(action, identifier, what))
