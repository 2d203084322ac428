"""The registry's operations through boto3, against the running sandbox."""

from __future__ import annotations

import datetime
import json
import re
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

from sandbox.local_aws import Sandbox
from sandbox.registry.extensions import MAX_VERSIONS
from sandbox.shared.http_request import request
from sandbox.shared.settings import REGION, REGISTRY_PATH, VERSIONS_PATH, schema
from sandbox.shared.signatures import sign_post
from tests.sandbox.helpers import cases, processes_of, until
from tests.sandbox.registry.packages import TYPE, Json, Packages, Registry, closing_registry, package_of

OTHER = "Acme::Test::Other"
TYPE_ARN = "arn:aws:cloudformation:us-east-1:123456789012:type/resource/Acme-Test-Thing"
FIRST, SECOND, THIRD = (f"{TYPE_ARN}/0000000{number}" for number in (1, 2, 3))
ROLE = "arn:aws:iam::123456789012:role/thing"
UNREADABLE = (
    "Error validating schemaHandlerPackage. Check the permissions on the bucket and object in your account "
    "and try again."
)
COMPLETED = "Deployment is currently in DEPLOY_STAGE of status COMPLETED"
NOT_FOUND, REFUSED, INVALID = "TypeNotFoundException", "CFNRegistryException", "ValidationError"
# A module that is imported once a file is there.
WAITING = """
import time
from pathlib import Path
while not Path({gate!r}).exists():
    time.sleep(0.01)
def resource(event, context):
    return {{"status": "SUCCESS"}}
"""


def refusal(call: Callable[..., Any], **members: Any) -> tuple[str, int, str]:
    """Return code, status and message of the error that a call ends in."""
    with pytest.raises(ClientError) as raised:
        call(**members)
    response: Any = raised.value.response
    assert response["Error"]["Type"] == "Sender"
    return (
        response["Error"]["Code"],
        response["ResponseMetadata"]["HTTPStatusCode"],
        response["Error"]["Message"],
    )


def waiting(gate: Path, **members: Any) -> bytes:
    return package_of(WAITING.format(gate=str(gate)), **members)


def processes_in(registry: Registry, name: str) -> set[int]:
    """The processes of functions whose names begin so."""
    return {process for code in registry.folder.glob(f"*/{name}*") for process in processes_of(code)}


# --- one registration -------------------------------------------------------------------------------


def test_registration_goes_from_in_progress_to_complete(registry: Registry, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    token = registry.begin(waiting(gate))
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", token)
    # The answer is held for some seconds, and then given: without a description. [R]
    answer = registry.client.describe_type_registration(RegistrationToken=token)
    answer.pop("ResponseMetadata")
    assert answer == {"ProgressStatus": "IN_PROGRESS", "TypeArn": TYPE_ARN, "TypeVersionArn": FIRST}
    for filters in ({}, {"TypeName": TYPE}, {"TypeArn": TYPE_ARN}, {"Type": "RESOURCE", "TypeName": TYPE}):
        listed = registry.client.list_type_registrations(**filters)
        assert listed["RegistrationTokenList"] == [token]
    for members in ({"Type": "RESOURCE", "TypeName": TYPE}, {"Arn": TYPE_ARN}):
        assert refusal(registry.client.describe_type, **members) == (
            NOT_FOUND,
            404,
            f"The type '{TYPE}' cannot be found.",
        )
    assert registry.client.list_types()["TypeSummaries"] == []
    gate.touch()
    ended = registry.wait(token)
    assert (ended["ProgressStatus"], ended["Description"]) == ("COMPLETE", COMPLETED)
    assert (ended["TypeArn"], ended["TypeVersionArn"]) == (TYPE_ARN, FIRST)
    assert registry.client.list_type_registrations(TypeName=TYPE)["RegistrationTokenList"] == []
    listed = registry.client.list_type_registrations(TypeName=TYPE, RegistrationStatusFilter="COMPLETE")
    assert listed["RegistrationTokenList"] == [token]


def test_waiter_needs_one_question(registry: Registry, packages: Packages) -> None:
    token = registry.begin(packages.build())
    # The second one would come after 30 seconds.
    waiter = registry.client.get_waiter("type_registration_complete")
    waiter.wait(RegistrationToken=token, WaiterConfig={"MaxAttempts": 1})
    failed = registry.begin(b"no zip", OTHER)
    with pytest.raises(WaiterError, match="Waiter encountered a terminal failure state"):
        waiter.wait(RegistrationToken=failed, WaiterConfig={"MaxAttempts": 1})


@cases(
    "build, expected",
    {
        "no zip": (lambda: b"no zip", "The schema handler package is not a zip file: "),
        "another type": (
            lambda: package_of("", type_name=OTHER),
            f"The type name {TYPE} of the request is not that of the schema, {OTHER}",
        ),
        "no valid schema": (
            lambda: package_of("", description=None),
            "Error validating schema definition: /: 'description' is a required property",
        ),
        "handlers that cannot be imported": (
            lambda: package_of("import nowhere"),
            "The handlers do not start: Unable to import module 'thing': No module named 'nowhere'",
        ),
    },
)
def test_registration_that_fails_leaves_nothing(
    registry: Registry, build: Callable[[], bytes], expected: str
) -> None:
    assert registry.refusal(build()).startswith(expected)
    assert refusal(registry.client.describe_type, Arn=TYPE_ARN)[0] == NOT_FOUND
    assert refusal(registry.client.describe_type, Arn=FIRST)[0] == NOT_FOUND
    assert refusal(registry.client.set_type_default_version, Arn=FIRST)[0] == NOT_FOUND
    assert registry.client.list_types(ProvisioningType="IMMUTABLE")["TypeSummaries"] == []
    assert list(registry.folder.glob("*/Acme-Test-Thing*")) == []
    failed = registry.client.list_type_registrations(TypeName=TYPE, RegistrationStatusFilter="FAILED")
    assert len(failed["RegistrationTokenList"]) == 1


def test_description_is_as_long_as_it_may_be(registry: Registry) -> None:
    token = registry.begin(package_of(f"raise LookupError({'x' * 5000!r})"))
    registry.wait(token)
    description = registry.client.describe_type_registration(RegistrationToken=token)["Description"]
    assert len(description) == 1024
    assert "The handlers do not start: LookupError: xxx" in description


def test_registration_is_one_at_a_time(registry: Registry, packages: Packages, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    first = registry.begin(waiting(gate))
    other = registry.register(packages.build(type_name=OTHER), OTHER)  # another type's goes on
    second = registry.wait(registry.begin(packages.build("two")))
    assert (second["ProgressStatus"], second["TypeVersionArn"]) == ("FAILED", SECOND)
    assert " to finish before submitting another deployment request for " in second["Description"]
    gate.touch()
    assert registry.wait(first)["TypeVersionArn"] == FIRST
    assert registry.register(packages.build("three")) == THIRD
    assert registry.versions() == {"00000001": True, "00000003": False}
    assert other.endswith("/Acme-Test-Other/00000001")


def test_client_token_stands_for_one_registration(registry: Registry, packages: Packages) -> None:
    address = registry.upload(packages.build())
    first = registry.begin(address, ClientRequestToken="once", ExecutionRoleArn=ROLE)
    assert registry.begin(address, ClientRequestToken="once", ExecutionRoleArn=ROLE) == first
    registry.wait(first)
    assert registry.begin(address, ClientRequestToken="once", ExecutionRoleArn=ROLE) == first
    assert registry.versions() == {"00000001": True}
    code, status, message = refusal(
        registry.client.register_type,
        TypeName=TYPE,
        SchemaHandlerPackage=address,
        ClientRequestToken="once",
    )
    assert (code, status) == (REFUSED, 400)
    assert "ClientRequestToken once belongs to a registration with other parameters" in message
    second = registry.begin(address, ClientRequestToken="twice")
    assert second != first
    assert registry.wait(second)["TypeVersionArn"] == SECOND


# --- what is refused at once ------------------------------------------------------------------------


@cases(
    "members, expected",
    {
        "no bucket": ({"SchemaHandlerPackage": "s3://nowhere/thing.zip"}, (REFUSED, UNREADABLE)),
        "no object": ({"SchemaHandlerPackage": "s3://packages/nothing.zip"}, (REFUSED, UNREADABLE)),
        "an empty bucket": ({"SchemaHandlerPackage": "s3:///thing.zip"}, (REFUSED, UNREADABLE)),
        "a file": ({"SchemaHandlerPackage": "file:///etc/passwd"}, (REFUSED, UNREADABLE)),
        "a type name": (
            {"TypeName": "Thing::Thing"},
            (INVALID, "1 validation error detected: Value 'Thing::Thing' at 'typeName' failed to satisfy"),
        ),
        "no type name": (
            {"TypeName": ""},
            (INVALID, "2 validation errors detected: Value '' at 'typeName' failed to satisfy constraint"),
        ),
        "a role": (
            {"ExecutionRoleArn": "me"},
            (INVALID, "1 validation error detected: Value 'me' at 'execution"),
        ),
        "a log group": (
            {"LoggingConfig": {"LogRoleArn": ROLE, "LogGroupName": "a b"}},
            (INVALID, "1 validation error detected: Value 'a b' at 'loggingConfig.logGroupName' failed to"),
        ),
        "a client token": (
            {"ClientRequestToken": "-"},
            (INVALID, "1 validation error detected: Value '-' at 'clientRequestToken' failed to satisfy"),
        ),
        "a hook": ({"Type": "HOOK"}, (REFUSED, "Extensions of the type HOOK are not on this machine")),
        "a module": ({"Type": "MODULE"}, (REFUSED, "Extensions of the type MODULE are not on this machine")),
        "a kind of its own": (
            {"Type": "THING"},
            (INVALID, "1 validation error detected: Value 'THING' at 'type' failed to satisfy constraint: "),
        ),
    },
)
def test_register_refuses(registry: Registry, members: Json, expected: tuple[str, str]) -> None:
    registry.upload(b"x")
    given = {"TypeName": TYPE, "SchemaHandlerPackage": "s3://packages/thing.zip", **members}
    with closing(_unchecked(registry)) as client:
        code, status, message = refusal(client.register_type, **given)
    assert (code, status) == (expected[0], 400)
    assert message.startswith(expected[1]), message
    assert registry.client.list_type_registrations()["RegistrationTokenList"] == []


def _unchecked(registry: Registry) -> Any:
    """A client that sends what the API description forbids."""
    import boto3

    meta = registry.client.meta
    credentials: Any = registry.client._request_signer._credentials
    return boto3.client(
        "cloudformation",
        endpoint_url=meta.endpoint_url,
        region_name=meta.region_name,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        config=Config(parameter_validation=False, proxies={}, retries={"total_max_attempts": 1}),
    )


@pytest.mark.parametrize("namespace", ["Alexa", "AMZN", "Amazon", "AWS", "Custom", "Dev"])
def test_register_refuses_reserved_namespaces(registry: Registry, packages: Packages, namespace: str) -> None:
    name = f"{namespace}::Test::Thing"
    address = registry.upload(packages.build(type_name=name))
    code, _, message = refusal(registry.client.register_type, TypeName=name, SchemaHandlerPackage=address)
    assert (code, namespace in message) == (REFUSED, True)
    assert (
        registry.client.list_type_registrations(RegistrationStatusFilter="FAILED")["RegistrationTokenList"]
        == []
    )


def test_register_takes_reserved_words_further_on(registry: Registry, packages: Packages) -> None:
    name = "Acme::Custom::AWS"  # [R]
    assert registry.register(packages.build(type_name=name), name).endswith("/Acme-Custom-AWS/00000001")


# --- describing and listing -------------------------------------------------------------------------


def described(registry: Registry, **members: Any) -> Json:
    answer: Json = {**registry.client.describe_type(**members)}
    del answer["ResponseMetadata"]
    times = [answer.pop("LastUpdated"), answer.pop("TimeCreated")]
    assert times[0] == times[1]
    assert abs((datetime.datetime.now(datetime.UTC) - times[0]).total_seconds()) < 600
    return answer


def test_describe_returns_what_was_registered(registry: Registry, packages: Packages) -> None:
    members = {"sourceUrl": "https://example.com/source", "documentationUrl": "https://example.com/doc"}
    logging = {"LogRoleArn": ROLE, "LogGroupName": "acme-thing-logs"}
    registry.register(packages.build(), Type="RESOURCE")
    registry.register(packages.build("two", **members), LoggingConfig=logging, ExecutionRoleArn=ROLE)
    first = {
        "Type": "RESOURCE",
        "TypeName": TYPE,
        "Arn": FIRST,
        "IsDefaultVersion": True,
        "Description": "A thing of the tests",
        "ProvisioningType": "FULLY_MUTABLE",
        "DeprecatedStatus": "LIVE",
        "Visibility": "PRIVATE",
    }
    by_name = described(registry, Type="RESOURCE", TypeName=TYPE)
    assert json.loads(by_name.pop("Schema"))["typeName"] == TYPE
    assert by_name == {**first, "DefaultVersionId": "00000001"}
    by_type_arn = described(registry, Arn=TYPE_ARN)
    del by_type_arn["Schema"]
    assert by_type_arn == by_name
    second = described(registry, Arn=SECOND)
    del second["Schema"]
    # A version's own description has no default version. [R]
    assert second == {
        **first,
        "Arn": SECOND,
        "IsDefaultVersion": False,
        "TypeTestsStatus": "NOT_TESTED",
        "LoggingConfig": logging,
        "ExecutionRoleArn": ROLE,
        "SourceUrl": members["sourceUrl"],
        "DocumentationUrl": members["documentationUrl"],
    }
    by_number = described(registry, Type="RESOURCE", TypeName=TYPE, VersionId="00000002")
    del by_number["Schema"]
    assert by_number == second


@cases(
    "handlers, expected",
    {
        "all": (("create", "read", "update", "delete"), "FULLY_MUTABLE"),
        "no update": (("create", "read", "delete"), "IMMUTABLE"),
        "no read": (("create", "update", "delete"), "NON_PROVISIONABLE"),
        "none": (None, "NON_PROVISIONABLE"),
    },
)
def test_schema_decides_how_a_type_is_provisioned(
    registry: Registry, packages: Packages, handlers: Any, expected: str
) -> None:
    permissions = handlers and {name: {"permissions": []} for name in handlers}
    registry.register(packages.build(handlers=permissions))
    assert described(registry, Arn=FIRST)["ProvisioningType"] == expected
    for kind in ("FULLY_MUTABLE", "IMMUTABLE", "NON_PROVISIONABLE"):
        listed = registry.client.list_types(ProvisioningType=kind)["TypeSummaries"]
        assert [each["TypeName"] for each in listed] == ([TYPE] if kind == expected else [])
    assert len(registry.client.list_types()["TypeSummaries"]) == (expected == "FULLY_MUTABLE")  # [D]


@cases(
    "operation, members, expected",
    {
        "an unknown type": (
            "describe_type",
            {"Type": "RESOURCE", "TypeName": OTHER},
            (NOT_FOUND, 404, f"The type '{OTHER}' cannot be found."),
        ),
        "a type of AWS": (
            "describe_type",
            {"Type": "RESOURCE", "TypeName": "AWS::SageMaker::Model"},
            (
                NOT_FOUND,
                404,
                "The type 'AWS::SageMaker::Model' is not on this machine: Cloud Control and the registry "
                "here have registered types alone",
            ),
        ),
        "a missing version": (
            "describe_type",
            {"Type": "RESOURCE", "TypeName": TYPE, "VersionId": "00000009"},
            (NOT_FOUND, 404, f"The type '{TYPE}/00000009' cannot be found."),
        ),
        "another region": (
            "describe_type",
            {"Arn": TYPE_ARN.replace("us-east-1", "eu-west-1")},
            (NOT_FOUND, 404, ""),
        ),
        "another account": (
            "describe_type",
            {"Arn": TYPE_ARN.replace("123456789012", "210987654321")},
            (NOT_FOUND, 404, ""),
        ),
        "no type": ("describe_type", {}, (INVALID, 400, "The request has to name a type")),
        "a name alone": (
            "describe_type",
            {"TypeName": TYPE},
            (INVALID, 400, "The request has to name a type"),
        ),
        "two types": (
            "describe_type",
            {"Arn": TYPE_ARN, "TypeName": OTHER},
            (INVALID, 400, "The request has to name one type"),
        ),
        "a module": (
            "deregister_type",
            {"Arn": "arn:aws:cloudformation:us-east-1:123456789012:type/module/Acme-Test-It-MODULE99999999"},
            (REFUSED, 400, "TypeName is invalid"),
        ),
        "a default without a version": (
            "set_type_default_version",
            {"Arn": TYPE_ARN},
            (INVALID, 400, "The request has to name a version"),
        ),
        "a missing default": (
            "set_type_default_version",
            {"Arn": f"{TYPE_ARN}/00000009"},
            (NOT_FOUND, 404, f"The type '{TYPE}/00000009' cannot be found."),
        ),
        "the default of an unknown type": (
            "set_type_default_version",
            {"Type": "RESOURCE", "TypeName": OTHER, "VersionId": "00000001"},
            (NOT_FOUND, 404, f"The type '{OTHER}' cannot be found."),
        ),
        "an unknown type to deregister": (
            "deregister_type",
            {"Type": "RESOURCE", "TypeName": OTHER},
            (NOT_FOUND, 404, f"The type '{OTHER}' cannot be found."),
        ),
        "a missing version to deregister": (
            "deregister_type",
            {"Arn": f"{TYPE_ARN}/00000009"},
            (NOT_FOUND, 404, f"The type '{TYPE}/00000009' cannot be found."),
        ),
        "the default version": (
            "deregister_type",
            {"Arn": FIRST},
            (
                REFUSED,
                400,
                "Version '00000001' is the default version and cannot be deregistered. Deregister the "
                f"resource type '{TYPE}' instead.",
            ),
        ),
        "an unknown token": (
            "describe_type_registration",
            {"RegistrationToken": "nothing"},
            (REFUSED, 400, "No registration token matches nothing"),
        ),
        "a token of no page": (
            "list_types",
            {"NextToken": "x"},
            (INVALID, 400, "NextToken is not one of this"),
        ),
        "a token beyond the end": (
            "list_types",
            {"NextToken": "7"},
            (INVALID, 400, "NextToken is not one of this"),
        ),
        "too small a page": (
            "list_types",
            {"MaxResults": 0},
            (
                INVALID,
                400,
                "1 validation error detected: Value '0' at 'maxResults' failed to satisfy constraint",
            ),
        ),
        "too large a page": (
            "list_types",
            {"MaxResults": 101},
            (INVALID, 400, "1 validation error detected: Value '101' at 'maxResults' failed to satisfy"),
        ),
        "hooks": (
            "list_types",
            {"Type": "HOOK"},
            (REFUSED, 400, "Extensions of the type HOOK are not on this"),
        ),
    },
)
def test_operation_refuses(
    registry: Registry, packages: Packages, operation: str, members: Json, expected: tuple[str, int, str]
) -> None:
    registry.register(packages.build())
    with closing(_unchecked(registry)) as client:
        code, status, message = refusal(getattr(client, operation), **members)
    assert (code, status) == expected[:2]
    assert message.startswith(expected[2]), message
    assert registry.versions() == {"00000001": True}


def test_list_types_filters_and_pages(registry: Registry, packages: Packages) -> None:
    names = [f"Acme::Test::Thing{number}" for number in range(5)]
    for name in names:
        registry.register(packages.build(type_name=name), name)
    summaries = registry.client.list_types()["TypeSummaries"]
    assert [each["TypeName"] for each in summaries] == names
    arn = f"{TYPE_ARN}0"
    first: Json = {**summaries[0]}
    assert first.pop("LastUpdated")
    assert first == {
        "Type": "RESOURCE",
        "TypeName": names[0],
        "DefaultVersionId": "00000001",
        "TypeArn": arn,
        "Description": "A thing of the tests",
    }
    pages = registry.client.get_paginator("list_types").paginate(PaginationConfig={"PageSize": 2})
    assert [[each["TypeName"] for each in page["TypeSummaries"]] for page in pages] == [
        names[:2],
        names[2:4],
        names[4:],
    ]

    def listed(**members: Any) -> list[str]:
        return [each["TypeName"] for each in registry.client.list_types(**members)["TypeSummaries"]]

    assert listed(Filters={"TypeNamePrefix": "Acme::Test::Thing3"}) == [names[3]]
    assert listed(Filters={"TypeNamePrefix": "Other"}) == []
    assert listed(Filters={"Category": "REGISTERED"}, Visibility="PRIVATE") == names
    assert listed(Filters={"Category": "THIRD_PARTY"}) == []
    assert listed(Filters={"Category": "ACTIVATED"}) == []
    assert listed(Type="RESOURCE", DeprecatedStatus="DEPRECATED") == []
    assert listed(Visibility="PUBLIC") == ["AWS::SageMaker::ModelPackage"]
    assert listed(Filters={"Category": "AWS_TYPES"}) == ["AWS::SageMaker::ModelPackage"]


def test_list_versions_and_registrations_page(registry: Registry, packages: Packages) -> None:
    tokens = []
    for _ in range(3):
        tokens.append(registry.begin(packages.build()))
        registry.wait(tokens[-1])
    page = registry.client.list_type_versions(Arn=TYPE_ARN, MaxResults=2)
    assert [each["VersionId"] for each in page["TypeVersionSummaries"]] == ["00000001", "00000002"]
    first: Json = {**page["TypeVersionSummaries"][0]}
    assert first.pop("TimeCreated")
    assert first == {
        "Type": "RESOURCE",
        "TypeName": TYPE,
        "VersionId": "00000001",
        "IsDefaultVersion": True,
        "Arn": FIRST,
        "Description": "A thing of the tests",
    }
    rest = registry.client.list_type_versions(Arn=TYPE_ARN, MaxResults=2, NextToken=page["NextToken"])
    assert [each["Arn"] for each in rest["TypeVersionSummaries"]] == [THIRD]
    assert "NextToken" not in rest
    found = registry.client.list_type_registrations(RegistrationStatusFilter="COMPLETE", MaxResults=2)
    assert found["RegistrationTokenList"] == [tokens[2], tokens[1]]
    found = registry.client.list_type_registrations(
        RegistrationStatusFilter="COMPLETE", MaxResults=2, NextToken=found["NextToken"]
    )
    assert (found["RegistrationTokenList"], "NextToken" in found) == ([tokens[0]], False)


def test_list_versions_of_a_type_that_never_was_is_empty(registry: Registry) -> None:
    assert registry.versions(OTHER) == {}


# --- defaults and deregistration --------------------------------------------------------------------


def test_first_version_is_the_default_and_later_ones_are_not(registry: Registry, packages: Packages) -> None:
    assert registry.register(packages.build()) == FIRST
    registry.set_default(FIRST)  # which it is already: no error [R]
    assert registry.register(packages.build("two")) == SECOND
    assert registry.versions() == {"00000001": True, "00000002": False}
    registry.set_default(SECOND)
    assert registry.versions() == {"00000001": False, "00000002": True}
    assert described(registry, Arn=TYPE_ARN)["Arn"] == SECOND
    registry.client.set_type_default_version(Type="RESOURCE", TypeName=TYPE, VersionId="00000001")
    assert registry.versions() == {"00000001": True, "00000002": False}


def test_deregister_a_version_and_then_the_type(registry: Registry, packages: Packages) -> None:
    for version in ("one", "two", "three"):
        registry.register(packages.build(version))
    # [R]
    several = (
        "This type has more than one active version. Please deregister non-default active versions before "
    )
    expected = (REFUSED, 400, f"{several}attempting to deregister the type.")
    assert refusal(registry.client.deregister_type, Type="RESOURCE", TypeName=TYPE) == expected
    assert refusal(registry.client.deregister_type, Arn=TYPE_ARN) == expected
    registry.client.deregister_type(Arn=SECOND)
    assert refusal(registry.client.deregister_type, Arn=SECOND)[:2] == (NOT_FOUND, 404)
    assert refusal(registry.client.deregister_type, Arn=TYPE_ARN) == expected  # two are several, too
    registry.client.deregister_type(Type="RESOURCE", TypeName=TYPE, VersionId="00000003")
    assert registry.versions() == {"00000001": True}
    assert registry.versions(DeprecatedStatus="DEPRECATED") == {"00000002": False, "00000003": False}
    assert refusal(registry.client.set_type_default_version, Arn=SECOND)[0] == NOT_FOUND
    gone = described(registry, Arn=SECOND)
    assert (gone["DeprecatedStatus"], gone["IsDefaultVersion"]) == ("DEPRECATED", False)
    # The only version by its own name is refused all the same. [R]
    code, _, message = refusal(registry.client.deregister_type, Arn=FIRST)
    assert (code, "is the default version and cannot be deregistered" in message) == (REFUSED, True)
    registry.client.deregister_type(Arn=TYPE_ARN)
    assert registry.versions() == {}
    assert described(registry, Arn=FIRST)["DeprecatedStatus"] == "DEPRECATED"
    for call in (registry.client.describe_type, registry.client.deregister_type):
        assert refusal(call, Type="RESOURCE", TypeName=TYPE) == (
            NOT_FOUND,
            404,
            f"The type '{TYPE}' cannot be found.",
        )
    assert registry.client.list_types()["TypeSummaries"] == []
    deprecated = registry.client.list_types(DeprecatedStatus="DEPRECATED")["TypeSummaries"]
    assert [each["TypeName"] for each in deprecated] == [TYPE]


def test_numbers_go_on_after_a_deregistration(registry: Registry, packages: Packages) -> None:
    registry.register(packages.build())
    registry.deregister()
    assert registry.refusal(b"no zip")  # a failed one has its number, too
    assert registry.register(packages.build("two")) == THIRD
    assert registry.versions() == {"00000003": True}  # by itself [R]


def test_regions_are_apart(registry: Registry, sandbox: Sandbox, packages: Packages) -> None:
    registry.register(packages.build())
    with closing_registry(sandbox, "eu-west-1") as european:
        assert european.versions() == {}
        assert european.client.list_types()["TypeSummaries"] == []
        assert refusal(european.client.describe_type, Type="RESOURCE", TypeName=TYPE)[0] == NOT_FOUND
        token = european.begin(packages.build("two"))
        assert european.wait(token)["TypeVersionArn"] == FIRST.replace("us-east-1", "eu-west-1")
        assert refusal(registry.client.describe_type_registration, RegistrationToken=token)[0] == REFUSED
        european.deregister()
    assert registry.versions() == {"00000001": True}


def test_versions_are_limited_and_processes_are_not_kept(
    registry: Registry, sandbox: Sandbox, packages: Packages
) -> None:
    address = registry.upload(packages.build())
    for _ in range(MAX_VERSIONS):
        registry.register(address)
    members = {"TypeName": TYPE, "SchemaHandlerPackage": address}
    code, status, message = refusal(registry.client.register_type, **members)
    assert (code, status) == (REFUSED, 400)
    assert "Maximum number of versions exceeded" in message
    with closing_registry(sandbox, "eu-west-1") as european:
        european.register(address)  # another region's
    registry.register(packages.build(type_name=OTHER), OTHER)  # and another type's are counted apart
    # Only versions that are the default keep a process that waits.
    names = (
        "Acme-Test-Thing-us-east-1-00000001",
        "Acme-Test-Thing-eu-west-1-00000001",
        "Acme-Test-Other-us-",
    )
    assert [len(processes_in(registry, name)) for name in names] == [1, 1, 1]
    assert len(processes_in(registry, "Acme-Test-")) == 3
    registry.client.deregister_type(Arn=SECOND)
    assert registry.register(address).endswith("/00000051")
    registry.set_default(f"{TYPE_ARN}/00000051")
    assert len(processes_in(registry, names[0])) == 0
    # Nor does one that is used without being the default, until it is that again.
    used = {"TypeName": TYPE, "TypeVersionId": "00000001"}
    with closing(sandbox.client("cloudcontrol", region_name="us-east-1")) as api:
        api.list_resources(**used)
        assert len(processes_in(registry, names[0])) == 0
        registry.set_default(FIRST)
        api.list_resources(**used)
    assert len(processes_in(registry, names[0])) == 1


def test_deregistered_types_have_no_process(registry: Registry, packages: Packages) -> None:
    registry.register(packages.build())
    assert len(processes_in(registry, "Acme-Test-Thing")) == 1
    registry.deregister()
    assert processes_in(registry, "Acme-Test-Thing") == set()


# --- around it --------------------------------------------------------------------------------------


def test_types_without_registration_are_public(registry: Registry) -> None:
    answer: Json = {**registry.client.describe_type(Type="RESOURCE", TypeName="AWS::SageMaker::ModelPackage")}
    assert json.loads(answer["Schema"]) == schema()
    assert answer["Arn"] == "arn:aws:cloudformation:us-east-1::type/resource/AWS-SageMaker-ModelPackage"
    assert (answer["Visibility"], "IsDefaultVersion" in answer) == ("PUBLIC", False)
    members = {"Type": "RESOURCE", "TypeName": "AWS::SageMaker::ModelPackage"}
    assert refusal(registry.client.deregister_type, **members)[0] == NOT_FOUND


def test_registry_paths_need_credentials(sandbox: Sandbox) -> None:
    body = b"Action=ListTypes&Version=2010-05-15"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    functions, engine = sandbox.endpoints["functions"], sandbox.endpoints["cloudformation"]
    query = f"?region={REGION}&s3={engine}"
    for method, path in (("POST", REGISTRY_PATH), ("DELETE", REGISTRY_PATH), ("GET", VERSIONS_PATH)):
        given = body if method == "POST" else None
        assert request(f"{functions}{path}{query}", method, given, form).status == 403
        wrong = {"Authorization": "Basic bWU6bWU=", **form}
        assert request(f"{functions}{path}{query}", method, given, wrong).status == 403
    known = {"Authorization": sandbox.credentials.basic, **form}
    assert request(f"{functions}{REGISTRY_PATH}{query}", "POST", body, known).status == 200
    # CloudFormation's own endpoint has no such address, and its operations need a signature.
    for path in (REGISTRY_PATH, f"{REGISTRY_PATH}{query}", VERSIONS_PATH):
        assert request(f"{engine}{path}", "POST", body, form).status == 403
        assert request(f"{engine}{path}", "GET").status == 403
    assert request(f"{engine}/", "POST", body, form).status == 403
    signed = sign_post(f"{engine}/", body, sandbox.credentials, "cloudformation")
    assert request(f"{engine}/", "POST", body, {**signed, **form}).status == 200


def test_answers_are_of_the_query_protocol(registry: Registry) -> None:
    answer = registry.client.list_types()
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["content-type"].startswith("text/xml")
    assert headers["x-amzn-requestid"] == answer["ResponseMetadata"]["RequestId"]


def test_reset_forgets_types_and_ends_their_processes(
    registry: Registry, sandbox: Sandbox, packages: Packages, tmp_path: Path
) -> None:
    from sandbox.state_file import RunningSandbox

    gate = tmp_path / "gate"
    registry.register(packages.build())
    registry.begin(waiting(gate, type_name=OTHER), OTHER)
    until(lambda: processes_in(registry, "Acme-Test-Other"))
    (thing,) = registry.folder.glob("*/Acme-Test-Thing*")
    RunningSandbox.of(sandbox).reset()
    assert registry.versions() == {}
    assert registry.client.list_type_registrations()["RegistrationTokenList"] == []
    assert (processes_of(thing), thing.exists()) == (set(), False)
    # The names and numbers are free, also those of the registration that still ends.
    assert registry.register(packages.build(type_name=OTHER), OTHER).endswith("/Acme-Test-Other/00000001")
    assert registry.register(packages.build("two")) == FIRST
    assert registry.versions(OTHER) == {"00000001": True}
    gate.touch()
    until(lambda: len(processes_in(registry, "Acme-Test-Other")) == 1)
    assert registry.versions(OTHER) == {"00000001": True}


def test_registrations_of_many_types_at_once(
    registry: Registry, sandbox: Sandbox, packages: Packages
) -> None:
    names = [f"Acme::Test::Thing{number}" for number in range(6)]
    addresses = {name: registry.upload(packages.build(type_name=name)) for name in names}
    with ExitStack() as closed:
        clients = {name: closed.enter_context(closing_registry(sandbox)) for name in names}
        tokens = {name: client.begin(addresses[name], name) for name, client in clients.items()}
        ended = [client.wait(tokens[name])["ProgressStatus"] for name, client in clients.items()]
    assert ended == ["COMPLETE"] * len(names)
    assert len(registry.client.list_types()["TypeSummaries"]) == len(names)


def test_calls_during_resets_end_in_words(registry: Registry, sandbox: Sandbox, packages: Packages) -> None:
    from sandbox.shared.http_request import ask

    data = packages.build()
    codes: set[str] = set()
    over = threading.Event()

    def call() -> None:
        with closing_registry(sandbox) as client:
            while not over.is_set():
                try:
                    arn = client.wait(client.begin(data)).get("TypeVersionArn")
                    client.set_default(str(arn))
                    client.client.describe_type(Type="RESOURCE", TypeName=TYPE)
                    client.versions()
                    client.deregister()
                except ClientError as error:
                    codes.add(error.response["Error"]["Code"])

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    for _ in range(10):
        until(lambda: registry.client.list_type_registrations(RegistrationStatusFilter="COMPLETE"))
        ask(sandbox.endpoints["functions"], "DELETE", REGISTRY_PATH, sandbox.credentials)
    over.set()
    for caller in callers:
        caller.join()
    assert codes <= {NOT_FOUND, REFUSED}
    ask(sandbox.endpoints["functions"], "DELETE", REGISTRY_PATH, sandbox.credentials)
    until(lambda: not list(registry.folder.glob("*/Acme-Test-Thing*")))
