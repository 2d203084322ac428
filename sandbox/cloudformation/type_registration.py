"""`AWS::CloudFormation::ResourceVersion` and `ResourceDefaultVersion`: registration by template.

They do what AWS's own handlers of the two types do, whose source is public:
https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-cloudformation
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

from sandbox.cloudformation.provider import Place, Properties, ProviderFailure, Resource, Update
from sandbox.shared.credentials import Credentials

RESOURCE_VERSION = "AWS::CloudFormation::ResourceVersion"
DEFAULT_VERSION = "AWS::CloudFormation::ResourceDefaultVersion"
POLL_SECONDS = 0.2
MAX_POLLS = 600

_LOGGING = frozenset({"LogGroupName", "LogRoleArn"})
_VERSION_PROPERTIES = frozenset({"ExecutionRoleArn", "LoggingConfig", "SchemaHandlerPackage", "TypeName"})
_DEFAULT_PROPERTIES = frozenset({"TypeName", "TypeVersionArn", "VersionId"})


class _Registered:
    """What the two types have in common: a client of the registry."""

    def __init__(self, endpoint: str, credentials: Credentials) -> None:
        self._endpoint = endpoint
        self._credentials = credentials
        self._session = botocore.session.Session()
        self._lock = threading.Lock()

    @contextmanager
    def _client(self, place: Place) -> Iterator[Any]:
        with self._lock:  # the session is not safe in threads, and resources are made in some at a time
            client = self._session.create_client(
                "cloudformation",
                region_name=place.region,
                endpoint_url=self._endpoint,
                **self._credentials.settings(),
            )
        with closing(client):
            yield client


class ResourceVersion(_Registered):
    """A version of a type; `Ref` is its ARN. Every change of a property registers another one."""

    create_only = _VERSION_PROPERTIES
    conditional_create_only: frozenset[str] = frozenset()

    def create(self, place: Place, properties: Properties, on_identified: Callable[[str], None]) -> Resource:
        """Register the package and wait until that is complete.

        Raises:
            ProviderFailure: the properties are not the type's, or the registration fails.
        """
        _check(properties, _VERSION_PROPERTIES, required=("SchemaHandlerPackage", "TypeName"))
        logging = properties.get("LoggingConfig")
        if logging is not None and (not isinstance(logging, dict) or set(logging) != _LOGGING):
            raise ProviderFailure("#/LoggingConfig: LogGroupName and LogRoleArn are both required")
        with self._client(place) as client:
            return _register(client, properties, on_identified)

    def update(self, update: Update) -> Resource:
        """Return the version as it is: what a template can change of one replaces it."""
        return update.resource

    def delete(self, place: Place, resource: Resource, properties: Properties) -> None:
        """Deregister the version; the default one with its type, which the registry refuses beside others.

        Raises:
            ProviderFailure: the registry refuses it.
        """
        with self._client(place) as client:
            try:
                version = _call(client.describe_type, Arn=resource.physical_id)
            except _NotFound:
                return
            if version["DeprecatedStatus"] == "DEPRECATED":
                return
            chosen: dict[str, str] = {"Arn": resource.physical_id}
            if version["IsDefaultVersion"]:
                chosen = {"Type": "RESOURCE", "TypeName": properties["TypeName"]}
            _call(client.deregister_type, **chosen)


def _register(client: Any, properties: Properties, on_identified: Callable[[str], None]) -> Resource:
    """Register a version and wait until that is complete."""
    token = _call(client.register_type, Type="RESOURCE", **properties)["RegistrationToken"]
    registration = _call(client.describe_type_registration, RegistrationToken=token)
    arn = registration["TypeVersionArn"]
    on_identified(arn)
    for _ in range(MAX_POLLS):
        if registration["ProgressStatus"] != "IN_PROGRESS":
            break
        time.sleep(POLL_SECONDS)
        registration = _call(client.describe_type_registration, RegistrationToken=token)
    if registration["ProgressStatus"] != "COMPLETE":
        # AWS's handler says the first sentence only.
        raise ProviderFailure(
            f"Resource of type '{RESOURCE_VERSION}' with identifier '{arn}' did not stabilize. "
            f"{registration.get('Description', '')}"
        )
    version = _call(client.describe_type, Arn=arn)
    return Resource(
        arn,
        {
            "Arn": arn,
            "IsDefaultVersion": version["IsDefaultVersion"],
            "ProvisioningType": version["ProvisioningType"],
            "TypeArn": arn.rpartition("/")[0],
            "VersionId": arn.rpartition("/")[2],
            "Visibility": version["Visibility"],
        },
    )


class ResourceDefaultVersion(_Registered):
    """Which version of a type is the default one; `Ref` is the type's ARN."""

    create_only: frozenset[str] = frozenset()
    conditional_create_only: frozenset[str] = frozenset()

    def create(self, place: Place, properties: Properties, on_identified: Callable[[str], None]) -> Resource:
        """Make the version the default.

        Raises:
            ProviderFailure: the properties are not the type's, or there is no such version.
        """
        arn = self._set(place, properties)
        on_identified(arn)
        return Resource(arn, {"Arn": arn})

    def update(self, update: Update) -> Resource:
        """Make another version the default.

        Raises:
            ProviderFailure: the properties are not the type's, or there is no such version.
        """
        arn = self._set(update.place, update.desired)
        return Resource(update.resource.physical_id, {"Arn": arn})

    def delete(self, place: Place, resource: Resource, properties: Properties) -> None:
        """Leave the default as it is: a type always has one."""

    def _set(self, place: Place, properties: Properties) -> str:
        _check(properties, _DEFAULT_PROPERTIES)
        if set(properties) not in ({"TypeVersionArn"}, {"TypeName", "VersionId"}):
            raise ProviderFailure("#: either TypeVersionArn, or TypeName and VersionId, are required")
        chosen = {"Arn": properties["TypeVersionArn"]} if "TypeVersionArn" in properties else properties
        if "TypeName" in chosen:
            chosen = {"Type": "RESOURCE", **chosen}
        with self._client(place) as client:
            _call(client.set_type_default_version, **chosen)
            arn: str = _call(client.describe_type, **chosen)["Arn"]
        return arn.rpartition("/")[0]


class _NotFound(ProviderFailure):
    """There is no such type or version."""


def _check(properties: Properties, known: frozenset[str], required: tuple[str, ...] = ()) -> None:
    problems = [f"#: extraneous key [{name}] is not permitted" for name in sorted(set(properties) - known)]
    problems += [f"#: required key [{name}] not found" for name in required if name not in properties]
    if problems:
        raise ProviderFailure("; ".join(problems), untouched=True)


def _call(operation: Callable[..., Any], **request: Any) -> Any:
    try:
        return operation(**request)
    except ClientError as error:
        kind = _NotFound if error.response["Error"]["Code"] == "TypeNotFoundException" else ProviderFailure
        raise kind(f'Resource handler returned message: "{error}"') from error
    except BotoCoreError as error:
        raise ProviderFailure(f'Resource handler returned message: "{error}"') from error
