"""A plain `AWS::SageMaker::ModelPackageGroup`, for templates that have the group of their packages."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

from sandbox.cloudformation.provider import Place, Properties, ProviderFailure, Resource, Update
from sandbox.shared.credentials import Credentials

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

TYPE_NAME = "AWS::SageMaker::ModelPackageGroup"
PROPERTIES = frozenset(
    {"ModelPackageGroupDescription", "ModelPackageGroupName", "ModelPackageGroupPolicy", "Tags"}
)
POLL_SECONDS = 0.5
MAX_POLLS = 60


class ModelPackageGroup:
    """The group, through the SageMaker API; `Ref` is its ARN, as in AWS."""

    create_only = frozenset({"ModelPackageGroupDescription", "ModelPackageGroupName"})
    conditional_create_only: frozenset[str] = frozenset()

    def __init__(self, endpoint: str, credentials: Credentials) -> None:
        self._endpoint = endpoint
        self._credentials = credentials
        self._session = botocore.session.Session()

    def prepare(self) -> None:
        """Read the description of SageMaker's API, for which the first group would wait."""
        self._session.get_service_model("sagemaker")

    def create(self, place: Place, properties: Properties, on_identified: Callable[[str], None]) -> Resource:
        """Create the group and wait until it is `Completed`.

        Raises:
            ProviderFailure: SageMaker or the type's rules refuse it, or it does not become `Completed`.
        """
        _check(properties)
        client = self._client(place)
        request: dict[str, Any] = {
            name: properties[name]
            for name in ("ModelPackageGroupName", "ModelPackageGroupDescription")
            if name in properties
        }
        tags = _tags(place, properties)
        if tags:
            request["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
        arn = _call(client.create_model_package_group, **request)["ModelPackageGroupArn"]
        on_identified(arn)
        try:
            self._put_policy(client, properties)
            return self._wait(client, properties["ModelPackageGroupName"])
        except ProviderFailure as failure:
            raise ProviderFailure(str(failure), Resource(arn, {})) from failure

    def update(self, update: Update) -> Resource:
        """Change tags and policy; everything else replaces the group."""
        desired, arn = update.desired, update.resource.physical_id
        _check(desired)
        client = self._client(update.place)
        old, new = _tags(update.previous_place, update.previous), _tags(update.place, desired)
        added = [{"Key": key, "Value": value} for key, value in new.items() if old.get(key) != value]
        dropped = [key for key in old if key not in new]
        if dropped:
            _call(client.delete_tags, ResourceArn=arn, TagKeys=dropped)
        if added:
            _call(client.add_tags, ResourceArn=arn, Tags=added)
        if desired.get("ModelPackageGroupPolicy"):
            self._put_policy(client, desired)
        elif update.previous.get("ModelPackageGroupPolicy"):
            _call(
                client.delete_model_package_group_policy,
                ModelPackageGroupName=desired["ModelPackageGroupName"],
            )
        return self._wait(client, desired["ModelPackageGroupName"])

    def delete(self, place: Place, resource: Resource, properties: Properties) -> None:
        """Delete the group; AWS refuses while packages are in it, and so does this.

        Raises:
            ProviderFailure: SageMaker refuses it.
        """
        name = properties.get("ModelPackageGroupName") or resource.physical_id.rsplit("/", 1)[1]
        try:
            _call(self._client(place).delete_model_package_group, ModelPackageGroupName=name)
        except ProviderFailure as failure:
            if "does not exist" not in str(failure):
                raise

    def _client(self, place: Place) -> SageMakerClient:
        client = self._session.create_client(
            "sagemaker",
            region_name=place.region,
            endpoint_url=self._endpoint,
            **self._credentials.of_account(place.account).settings(),
        )
        return cast("SageMakerClient", client)

    def _put_policy(self, client: SageMakerClient, properties: Properties) -> None:
        policy = properties.get("ModelPackageGroupPolicy")
        if policy:
            _call(
                client.put_model_package_group_policy,
                ModelPackageGroupName=properties["ModelPackageGroupName"],
                ResourcePolicy=policy if isinstance(policy, str) else json.dumps(policy),
            )

    def _wait(self, client: SageMakerClient, name: str) -> Resource:
        for _ in range(MAX_POLLS):
            group = _call(client.describe_model_package_group, ModelPackageGroupName=name)
            status = group["ModelPackageGroupStatus"]
            if status not in ("Pending", "InProgress"):
                break
            time.sleep(POLL_SECONDS)
        attributes = {
            "ModelPackageGroupArn": group["ModelPackageGroupArn"],
            "ModelPackageGroupStatus": status,
            "CreationTime": group["CreationTime"].isoformat(),
        }
        if status != "Completed":
            raise ProviderFailure(f"The model package group {name} is {status}")
        return Resource(group["ModelPackageGroupArn"], attributes)


def _tags(place: Place, properties: Properties) -> dict[str, str]:
    own = {tag["Key"]: tag["Value"] for tag in properties.get("Tags") or []}
    return {**place.tags, **own}


def _check(properties: Properties) -> None:
    unknown = sorted(set(properties) - PROPERTIES)
    if unknown:
        raise ProviderFailure(f"Encountered unsupported property {unknown[0]}")
    if "ModelPackageGroupName" not in properties:
        raise ProviderFailure("#: required key [ModelPackageGroupName] not found")


def _call(operation: Callable[..., Any], **request: Any) -> Any:
    try:
        return operation(**request)
    except (BotoCoreError, ClientError) as error:
        raise ProviderFailure(f'Resource handler returned message: "{error}"') from error
