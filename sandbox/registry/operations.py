"""The registry's operations: requests and answers as the API description has them, without their protocol.

Marks: [R] recorded at AWS, [D] documented in the API reference, [I] inferred.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sandbox.registry.extensions import IN_PROGRESS, Extension, Extensions, Json, Registration
from sandbox.registry.failures import no_such_type, not_found, registry_failure
from sandbox.shared.api_validation import check
from sandbox.shared.errors import ApiError
from sandbox.shared.settings import ACCOUNT

# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RegisterType.html
RESERVED_NAMESPACES = ("Alexa", "AMZN", "Amazon", "AWS", "Custom", "Dev")
RESOURCE, PRIVATE, PUBLIC, LIVE, DEPRECATED = "RESOURCE", "PRIVATE", "PUBLIC", "LIVE", "DEPRECATED"
MAX_PAGE_SIZE = 100
# For so long a question for a registration waits for its end: the AWS CLI and `cfn submit` would ask again
# after 30 seconds, and a registration here takes a few.
HELD_SECONDS = 5.0
MAX_DESCRIPTION_CHARACTERS = 1024

_ARN = re.compile(
    r"arn:[^:]+:cloudformation:(?P<region>[^:]+):(?P<account>\d*):type/resource/(?P<name>[^/]+)(?:/(?P<version>[^/]+))?"
)

Register = Callable[[Json, str, str], Registration]


class Registry:
    """Answers the operations.

    `register` begins the registration of a request in a region, with a package in the S3 at an endpoint.
    `hosted` are the schemas of the types that are there without being registered, as AWS's own are.
    """

    def __init__(self, extensions: Extensions, register: Register, hosted: Iterable[Json] = ()) -> None:
        self._extensions = extensions
        self._register = register
        self._hosted = {schema["typeName"]: schema for schema in hosted}
        self._operations: dict[str, Callable[[Json, str], Json]] = {
            "DeregisterType": self._deregister_type,
            "DescribeType": self._describe_type,
            "DescribeTypeRegistration": self._describe_type_registration,
            "ListTypeRegistrations": self._list_type_registrations,
            "ListTypeVersions": self._list_type_versions,
            "ListTypes": self._list_types,
            "SetTypeDefaultVersion": self._set_type_default_version,
        }

    def answer(self, operation: str, given: Json, region: str, s3_endpoint: str) -> Json:
        """Return the answer to one request; a package is read from the S3 at `s3_endpoint`.

        Raises:
            ApiError: the registry refuses it.
        """
        check(operation, given, service="cloudformation")
        if given.get("Type", RESOURCE) != RESOURCE:
            raise registry_failure(f"Extensions of the type {given['Type']} are not on this machine")
        if "PublisherId" in given or "PublisherId" in (given.get("Filters") or {}):
            raise registry_failure("There are no publishers on this machine: leave PublisherId out")
        if operation == "RegisterType":
            return self._register_type(given, region, s3_endpoint)
        if operation not in self._operations:
            raise ApiError("InvalidAction", f"{operation} is not an operation of the registry")
        return self._operations[operation](given, region)

    def _register_type(self, given: Json, region: str, s3_endpoint: str) -> Json:
        name = given["TypeName"]
        if name.split("::")[0] in RESERVED_NAMESPACES:
            raise registry_failure(
                f"The type name {name} cannot be registered: the namespaces {', '.join(RESERVED_NAMESPACES)} "
                "are reserved"  # [I]
            )
        earlier = self._extensions.earlier(region, given)
        registration = earlier or self._register(given, region, s3_endpoint)
        return {"RegistrationToken": registration.token}

    def _describe_type_registration(self, given: Json, region: str) -> Json:
        token = given["RegistrationToken"]
        for registration in self._extensions.registrations(None, region):
            if registration.token == token:
                self._extensions.wait(registration, HELD_SECONDS)
                answer = {
                    "ProgressStatus": registration.status,
                    "TypeArn": registration.type_arn,
                    "TypeVersionArn": registration.arn,
                }
                # In progress there is none. [R]
                description = registration.description[:MAX_DESCRIPTION_CHARACTERS]
                return answer | ({"Description": description} if description else {})
        raise registry_failure(f"No registration token matches {token}")

    def _list_type_registrations(self, given: Json, region: str) -> Json:
        name = given.get("TypeName")
        if "TypeArn" in given:
            name, _ = _identified({**given, "Arn": given["TypeArn"]}, region)
        status = given.get("RegistrationStatusFilter", IN_PROGRESS)  # [D]
        registrations = self._extensions.registrations(name, region)
        tokens = [each.token for each in registrations if each.status == status]
        return _page("RegistrationTokenList", tokens, given)

    def _describe_type(self, given: Json, region: str) -> Json:
        name, version_id = _identified(given, region)
        if version_id is None and name in self._hosted and not self._extensions.is_registered(name, region):
            return self._hosted_type(name, region)
        if name not in self._hosted and self._extensions.get(name, region) is None:
            raise no_such_type(name)
        extension = self._extensions.extension(name, region)
        version = extension.default if version_id is None else extension.version(version_id)
        if version is None:
            raise not_found(name)
        schema, request = version.package.schema, version.registration.request
        answer = {
            "Arn": version.arn,  # the version's, also for the type's [R]
            "Type": RESOURCE,
            "TypeName": name,
            # Not for a version's ARN. [R]
            "DefaultVersionId": None if version_id else version.version_id,
            "IsDefaultVersion": version is extension.default,
            "TypeTestsStatus": "NOT_TESTED" if version_id else None,  # [D]
            "Description": schema["description"],
            "Schema": version.package.schema_text,
            "ProvisioningType": _provisioning_type(schema),
            "DeprecatedStatus": LIVE if version.is_live else DEPRECATED,
            "LoggingConfig": request.get("LoggingConfig"),
            "ExecutionRoleArn": request.get("ExecutionRoleArn"),
            "Visibility": PRIVATE,
            "SourceUrl": schema.get("sourceUrl"),
            "DocumentationUrl": schema.get("documentationUrl"),
            "LastUpdated": version.created,
            "TimeCreated": version.created,
        }
        return {member: value for member, value in answer.items() if value is not None}

    def _hosted_type(self, name: str, region: str) -> Json:
        """Return the description of a type that is there without being registered."""
        schema = self._hosted[name]
        return {
            "Arn": _public_arn(name, region),
            "Type": RESOURCE,
            "TypeName": name,
            "Description": schema["description"],
            "Schema": json.dumps(schema),
            "ProvisioningType": _provisioning_type(schema),
            "DeprecatedStatus": LIVE,
            "Visibility": PUBLIC,
        }

    def _list_types(self, given: Json, region: str) -> Json:
        filters = given.get("Filters") or {}
        category, prefix = filters.get("Category"), filters.get("TypeNamePrefix", "")
        visibility = given.get("Visibility", PUBLIC if category == "AWS_TYPES" else PRIVATE)
        provisioning = given.get("ProvisioningType", "FULLY_MUTABLE")  # [D]
        is_live = given.get("DeprecatedStatus", LIVE) == LIVE
        summaries: list[tuple[Json, Json]] = []
        if visibility == PRIVATE and category in (None, "REGISTERED"):
            summaries = [
                _summary(each)
                for each in self._extensions.all(region)
                if (each.default is not None) == is_live
            ]
        elif visibility == PUBLIC and category in (None, "AWS_TYPES") and is_live:
            summaries = [
                (
                    schema,
                    {
                        "Type": RESOURCE,
                        "TypeName": name,
                        "TypeArn": _public_arn(name, region),
                        "Description": schema["description"],
                    },
                )
                for name, schema in self._hosted.items()
            ]
        chosen = [
            summary
            for schema, summary in summaries
            if summary["TypeName"].startswith(prefix) and _provisioning_type(schema) == provisioning
        ]
        return _page("TypeSummaries", chosen, given)

    def _list_type_versions(self, given: Json, region: str) -> Json:
        name, _ = _identified(given, region)
        is_live = given.get("DeprecatedStatus", LIVE) == LIVE  # [D]
        extension = self._extensions.get(name, region)  # this operation has no error for a type unknown [D]
        versions = extension.versions if extension else []
        summaries = [
            {
                "Type": RESOURCE,
                "TypeName": name,
                "VersionId": version.version_id,
                "IsDefaultVersion": extension is not None and version is extension.default,
                "Arn": version.arn,
                "TimeCreated": version.created,
                "Description": version.package.schema["description"],
            }
            for version in versions
            if version.is_live == is_live
        ]
        return _page("TypeVersionSummaries", summaries, given)

    def _set_type_default_version(self, given: Json, region: str) -> Json:
        name, version_id = _identified(given, region)
        if version_id is None:
            raise _incomplete("a version: its Arn, or TypeName, Type and VersionId")
        self._extensions.set_default(self._extensions.extension(name, region), version_id)
        return {}

    def _deregister_type(self, given: Json, region: str) -> Json:
        name, version_id = _identified(given, region)
        extension = self._extensions.extension(name, region)
        if version_id is None:
            self._extensions.deregister(extension)
        else:
            self._extensions.deregister_version(extension, version_id)
        return {}


def _identified(given: Json, region: str) -> tuple[str, str | None]:
    """Return the name of the type that a request is for, and the version if there is one.

    Raises:
        ApiError: the request names none, or two, or one of another region.
    """
    arn = given.get("Arn")
    if arn is None:
        if "TypeName" not in given or "Type" not in given:
            raise _incomplete("a type: its Arn, or TypeName and Type")
        return given["TypeName"], given.get("VersionId")
    match = _ARN.fullmatch(arn)
    if match is None:
        raise registry_failure("TypeName is invalid")  # [R]
    name, version_id = match["name"].replace("-", "::"), match["version"]
    if given.get("TypeName", name) != name or given.get("VersionId", version_id) != version_id:
        raise _incomplete("one type and version, and Arn is that of another one")
    if match["region"] != region or match["account"] not in (ACCOUNT, ""):
        raise not_found(arn)
    return name, version_id


def _public_arn(name: str, region: str) -> str:
    """Return the ARN of a type that belongs to no account. [R]"""
    return f"arn:aws:cloudformation:{region}::type/resource/{name.replace('::', '-')}"


def _incomplete(expected: str) -> ApiError:
    return ApiError("ValidationError", f"The request has to name {expected}")  # [I]


def _provisioning_type(schema: Json) -> str:
    handlers = schema.get("handlers", {})
    if not {"create", "read", "delete"} <= handlers.keys():
        return "NON_PROVISIONABLE"
    return "FULLY_MUTABLE" if "update" in handlers else "IMMUTABLE"


def _summary(extension: Extension) -> tuple[Json, Json]:
    """Return the schema and the summary of a type."""
    version = extension.default or extension.versions[-1]
    return version.package.schema, {
        "Type": RESOURCE,
        "TypeName": extension.type_name,
        "DefaultVersionId": version.version_id,
        "TypeArn": version.registration.type_arn,
        "LastUpdated": version.created,
        "Description": version.package.schema["description"],
    }


def _page(member: str, items: Sequence[Any], given: Json) -> Json:
    """Return one page of a listing; a token is the number of the items before the page."""
    token = given.get("NextToken", "0")
    if not token.isdecimal() or int(token) > len(items):
        raise ApiError("ValidationError", "NextToken is not one of this listing")  # [I]
    begin = int(token)
    end = begin + given.get("MaxResults", MAX_PAGE_SIZE)
    return {member: list(items[begin:end])} | ({"NextToken": str(end)} if end < len(items) else {})
