"""A provider as the CLI's template generates it, completed at its TODO comments.

Ours is measured beside it. It has the same support library, and at every invocation a client from the
library's session. It makes the calls that its actions need and waits for nothing.
"""

from collections.abc import MutableMapping
from typing import Any

from cloudformation_cli_python_lib import (
    Action,
    OperationStatus,
    ProgressEvent,
    Resource,
    SessionProxy,
    exceptions,
)

from .models import ResourceHandlerRequest, ResourceModel

TYPE_NAME = "Template::SageMaker::ModelPackage"

resource = Resource(TYPE_NAME, ResourceModel)
test_entrypoint = resource.test_entrypoint

SENT = (
    "ModelPackageGroupName",
    "InferenceSpecification",
    "ModelApprovalStatus",
    "CustomerMetadataProperties",
)


@resource.handler(Action.CREATE)
def create_handler(
    session: SessionProxy | None, request: ResourceHandlerRequest, callback_context: MutableMapping[str, Any]
) -> ProgressEvent:
    """Create a package and read it."""
    model = request.desiredResourceState
    given = model._serialize()
    client = session.client("sagemaker")
    answer = client.create_model_package(**{name: given[name] for name in SENT if name in given})
    model.ModelPackageArn = answer["ModelPackageArn"]
    return _read(client, model)


@resource.handler(Action.UPDATE)
def update_handler(
    session: SessionProxy | None, request: ResourceHandlerRequest, callback_context: MutableMapping[str, Any]
) -> ProgressEvent:
    """Change the approval status."""
    model = request.desiredResourceState
    client = session.client("sagemaker")
    _describe(client, model)
    client.update_model_package(
        ModelPackageArn=model.ModelPackageArn, ModelApprovalStatus=model.ModelApprovalStatus
    )
    return _read(client, model)


@resource.handler(Action.DELETE)
def delete_handler(
    session: SessionProxy | None, request: ResourceHandlerRequest, callback_context: MutableMapping[str, Any]
) -> ProgressEvent:
    """Delete the package."""
    model = request.desiredResourceState
    client = session.client("sagemaker")
    _describe(client, model)
    client.delete_model_package(ModelPackageName=model.ModelPackageArn)
    try:
        _describe(client, model)
    except exceptions.NotFound:
        return ProgressEvent(status=OperationStatus.SUCCESS)
    return ProgressEvent(status=OperationStatus.IN_PROGRESS, resourceModel=model, callbackDelaySeconds=1)


@resource.handler(Action.READ)
def read_handler(
    session: SessionProxy | None, request: ResourceHandlerRequest, callback_context: MutableMapping[str, Any]
) -> ProgressEvent:
    """Read the package."""
    return _read(session.client("sagemaker"), request.desiredResourceState)


@resource.handler(Action.LIST)
def list_handler(
    session: SessionProxy | None, request: ResourceHandlerRequest, callback_context: MutableMapping[str, Any]
) -> ProgressEvent:
    """List one page of packages."""
    page = session.client("sagemaker").list_model_packages(MaxResults=100, ModelPackageType="Both")
    models = [
        ResourceModel._deserialize({"ModelPackageArn": each["ModelPackageArn"]})
        for each in page["ModelPackageSummaryList"]
    ]
    return ProgressEvent(
        status=OperationStatus.SUCCESS, resourceModels=models, nextToken=page.get("NextToken")
    )


def _read(client: Any, model: ResourceModel) -> ProgressEvent:
    described = _describe(client, model)
    known = {name: value for name, value in described.items() if name in model.__dataclass_fields__}
    known["CreationTime"] = described["CreationTime"].isoformat()
    return ProgressEvent(status=OperationStatus.SUCCESS, resourceModel=ResourceModel._deserialize(known))


def _describe(client: Any, model: ResourceModel) -> Any:
    try:
        return client.describe_model_package(ModelPackageName=model.ModelPackageArn)
    except client.exceptions.ClientError as error:
        if "does not exist" in str(error):
            raise exceptions.NotFound(TYPE_NAME, model.ModelPackageArn) from error
        raise exceptions.InternalFailure(str(error)) from error
