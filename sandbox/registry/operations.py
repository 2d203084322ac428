"""The registry's operations: requests and answers as the API description has them, without their protocol."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sandbox.registry.extensions import Extension, Extensions, Json, Registration, Version
from sandbox.registry.failures import not_found, registry_failure
from sandbox.shared.api_validation import check
from sandbox.shared.errors import ApiError

# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RegisterType.html
RESERVED_NAMESPACES = ("Alexa", "AMZN", "Amazon", "AWS", "Custom", "Dev")
RESOURCE, PRIVATE, PUBLIC, LIVE, DEPRECATED = "RESOURCE", "PRIVATE", "PUBLIC", "LIVE", "DEPRECATED"
MAX_PAGE_SIZE = 100
MAX_DESCRIPTION_CHARACTERS = 1024

_ARN = re.compile(
    r"arn:[^:]+:cloudformation:(?P<region>[^:]+):\d*:type/resource/(?P<name>[^/]+)(?:/(?P<version>[^/]+))?"
)


class Registry:
    """Answers the operations. `register` begins a registration, and returns at once.

    `hosted` are the schemas of the types that are there without being registered, as AWS's own are.
    """

    def __init__(
        self,
        extensions: Extensions,
        register: Callable[[Registration, str], object],
        hosted: Iterable[Json] = (),
    ) -> None:
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
        if operation == "RegisterType":
            return self._register_type(given, region, s3_endpoint)
        return self._operations[operation](given, region)

    def _register_type(self, given: Json, region: str, s3_endpoint: str) -> Json:
        name = given["TypeName"]
        if name.split("::")[0] in RESERVED_NAMESPACES:
            raise registry_failure(
                f"The type name {name} begins with a reserved namespace: {', '.join(RESERVED_NAMESPACES)} "
                "cannot be registered"
            )
        registration, is_new = self._extensions.begin(name, region, given)
        if is_new:
            self._register(registration, s3_endpoint)
        return {"RegistrationToken": registration.token}

    def _describe_type_registration(self, given: Json, region: str) -> Json:
        registration = self._extensions.registration(given["RegistrationToken"], region)
        answer = {
            "ProgressStatus": registration.status,
            "Description": registration.description[:MAX_DESCRIPTION_CHARACTERS],
        }
        if registration.version is not None:
            answer["TypeArn"] = registration.version.type_arn
            answer["TypeVersionArn"] = registration.version.arn
        return answer

    def _list_type_registrations(self, given: Json, region: str) -> Json:
        name = None
        if "TypeArn" in given or "TypeName" in given:
            name, region, _ = _identified(given, region, "TypeArn")
        status = given.get("RegistrationStatusFilter")
        tokens = [
            each.token
            for each in self._extensions.registrations(name, region)
            if status in (None, each.status)
        ]
        return _page("RegistrationTokenList", tokens, given)

    def _describe_type(self, given: Json, region: str) -> Json:
        name, region, version_id = _identified(given, region)
        hosted = self._hosted_type(name)
        if hosted is not None:
            return hosted
        extension = self._extensions.extension(name, region)
        version = extension.default if version_id is None else extension.version(version_id)
        is_live = version is not None and version.is_live
        # The last version is what there is to say of a type that is deregistered.
        version = version or extension.versions[-1]
        schema = version.package.schema
        answer = {
            "Arn": extension.arn if version_id is None else version.arn,
            "Type": RESOURCE,
            "TypeName": extension.type_name,
            "DefaultVersionId": extension.default.version_id if extension.default else None,
            "IsDefaultVersion": version is extension.default,
            "TypeTestsStatus": "NOT_TESTED",
            "Description": schema["description"],
            "Schema": version.package.schema_text,
            "ProvisioningType": _provisioning_type(schema),
            "DeprecatedStatus": LIVE if is_live else DEPRECATED,
            "LoggingConfig": version.request.get("LoggingConfig"),
            "ExecutionRoleArn": version.request.get("ExecutionRoleArn"),
            "Visibility": PRIVATE,
            "SourceUrl": schema.get("sourceUrl"),
            "DocumentationUrl": schema.get("documentationUrl"),
            "LastUpdated": extension.updated if version_id is None else version.created,
            "TimeCreated": extension.created if version_id is None else version.created,
            "IsActivated": False,
        }
        return {name: value for name, value in answer.items() if value is not None}

    def _hosted_type(self, name: str) -> Json | None:
        """Return the description of a type that is there without being registered."""
        schema = self._hosted.get(name)
        if schema is None:
            return None
        return {
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
        prefix, category = filters.get("TypeNamePrefix", ""), filters.get("Category")
        visibility = given.get("Visibility", PRIVATE if category is None else None)
        provisioning, status = given.get("ProvisioningType"), given.get("DeprecatedStatus", LIVE)
        summaries: list[Json] = []
        if visibility in (None, PRIVATE) and category in (None, "REGISTERED"):
            summaries += [
                summary
                for each in self._extensions.all(region)
                if status == (DEPRECATED if each.default is None else LIVE)
                and (summary := _summary(each, provisioning)) is not None
            ]
        if visibility in (None, PUBLIC) and category in (None, "AWS_TYPES") and status == LIVE:
            summaries += [
                {"Type": RESOURCE, "TypeName": name, "Description": schema["description"]}
                for name, schema in self._hosted.items()
                if provisioning in (None, _provisioning_type(schema))
            ]
        return _page(
            "TypeSummaries", [each for each in summaries if each["TypeName"].startswith(prefix)], given
        )

    def _list_type_versions(self, given: Json, region: str) -> Json:
        name, region, _ = _identified(given, region)
        extension = self._extensions.extension(name, region)
        is_live = given.get("DeprecatedStatus", LIVE) == LIVE
        summaries = [
            {
                "Type": RESOURCE,
                "TypeName": name,
                "VersionId": version.version_id,
                "IsDefaultVersion": version is extension.default,
                "Arn": version.arn,
                "TimeCreated": version.created,
                "Description": version.package.schema["description"],
            }
            for version in extension.versions
            if version.is_live == is_live
        ]
        return _page("TypeVersionSummaries", summaries, given)

    def _set_type_default_version(self, given: Json, region: str) -> Json:
        name, region, version_id = _identified(given, region)
        if version_id is None:
            raise _incomplete("a version: Arn of a version, or TypeName, Type and VersionId")
        self._extensions.set_default(self._extensions.extension(name, region), version_id)
        return {}

    def _deregister_type(self, given: Json, region: str) -> Json:
        name, region, version_id = _identified(given, region)
        self._extensions.deregister(self._extensions.extension(name, region), version_id)
        return {}


def _identified(given: Json, region: str, arn_member: str = "Arn") -> tuple[str, str, str | None]:
    """Return the name of the type that a request is for, its region, and the version if there is one.

    Raises:
        ApiError: the request names none, or two.
    """
    arn = given.get(arn_member)
    if arn is None:
        if "TypeName" not in given or (arn_member == "Arn" and "Type" not in given):
            raise _incomplete(f"a type: {arn_member}, or TypeName and Type")
        return given["TypeName"], region, given.get("VersionId")
    match = _ARN.fullmatch(arn)
    if match is None or match["region"] != region:
        raise not_found(arn)
    name = match["name"].replace("-", "::")
    if given.get("TypeName", name) != name:
        raise _incomplete(f"one type, and {arn_member} and TypeName name two")
    return name, region, match["version"] or given.get("VersionId")


def _incomplete(expected: str) -> ApiError:
    return ApiError("ValidationError", f"The request has to name {expected}")


def _provisioning_type(schema: Json) -> str:
    handlers = schema.get("handlers", {})
    if not {"create", "read", "delete"} <= handlers.keys():
        return "NON_PROVISIONABLE"
    return "FULLY_MUTABLE" if "update" in handlers else "IMMUTABLE"


def _summary(extension: Extension, provisioning: str | None) -> Json | None:
    version: Version = extension.default or extension.versions[-1]
    schema = version.package.schema
    if provisioning not in (None, _provisioning_type(schema)):
        return None
    return {
        "Type": RESOURCE,
        "TypeName": extension.type_name,
        "DefaultVersionId": version.version_id,
        "TypeArn": extension.arn,
        "LastUpdated": extension.updated,
        "Description": schema["description"],
    }


def _page(member: str, items: Sequence[Any], given: Json) -> Json:
    """Return one page of a listing; a token is the number of the items before the page."""
    token = given.get("NextToken", "0")
    if not token.isdecimal() or int(token) > len(items):
        raise ApiError("ValidationError", "NextToken is not one of this listing")
    begin = int(token)
    end = begin + given.get("MaxResults", MAX_PAGE_SIZE)
    return {member: list(items[begin:end])} | ({"NextToken": str(end)} if end < len(items) else {})
