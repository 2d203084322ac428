"""Requests that break the API description, and the local SageMaker's messages for them."""

from __future__ import annotations

import json
from collections.abc import Callable

from sandbox.sagemaker import SageMakerServer
from sandbox.shared.java_patterns import matches
from tests.sandbox.helpers import cases
from tests.sandbox.sagemaker import sagemaker_calls as sm

NAME_PATTERN = "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
METADATA_PATTERN = r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)$"
PATTERN = "Member must satisfy regular expression pattern: "
ENUM = "Member must satisfy enum value set: "
SHORT = "Member must have length greater than or equal to "
LONG = "Member must have length less than or equal to "
NOT_NULL = "Member must not be null"


def one_error(value: str, path: str, constraint: str) -> str:
    return (
        f"1 validation error detected: Value {value} at '{path}' failed to satisfy constraint: {constraint}"
    )


@cases(
    "request_, message",
    {
        "a pattern": (
            {"ModelPackageName": "-a"},
            one_error("'-a'", "modelPackageName", PATTERN + NAME_PATTERN),
        ),
        "an enumeration": (
            sm.version(ModelApprovalStatus="Maybe"),
            one_error("'Maybe'", "modelApprovalStatus", ENUM + "[Approved, Rejected, PendingManualApproval]"),
        ),
        "a text that is too long": (
            sm.version(ModelPackageDescription="a" * 1025),
            one_error(f"'{'a' * 1025}'", "modelPackageDescription", LONG + "1024"),
        ),
        "a map that is too small": (
            sm.version(CustomerMetadataProperties={}),
            one_error("'{}'", "customerMetadataProperties", SHORT + "1"),
        ),
        "a required member that is missing": (
            sm.version(InferenceSpecification={}),
            one_error("null", "inferenceSpecification.containers", "Member must not be null"),
        ),
        "a place within a list": (
            sm.unversioned(Tags=[*sm.TAGS, {"Value": "1"}]),
            one_error("null", "tags.2.member.key", "Member must not be null"),
        ),
        "a key of a map": (
            sm.version({"Environment": {"1": "x"}}),
            one_error(
                "'{1=x}'",
                "inferenceSpecification.containers.1.member.environment",
                f"Map keys must satisfy constraint: [{PATTERN}[a-zA-Z_][a-zA-Z0-9_]*, {SHORT}0, {LONG}1024]",
            ),
        ),
        "a value of a map, against a malformed pattern": (
            sm.version(CustomerMetadataProperties={"a": "!"}),
            one_error(
                "'{a=!}'",
                "customerMetadataProperties",
                "Map value must satisfy constraint: "
                f"[{PATTERN}{METADATA_PATTERN}{{1,256}}, {SHORT}1, {LONG}256]",
            ),
        ),
        "a text in a list": (
            sm.version(
                InferenceSpecification=sm.specification()
                | {"SupportedContentTypes": ["text/csv", "a" * 257], "SupportedResponseMIMETypes": []}
            ),
            one_error(
                f"'[text/csv, {'a' * 257}]'",
                "inferenceSpecification.supportedContentTypes",
                f"Member must satisfy constraint: [{PATTERN}.*, {SHORT}0, {LONG}256]",
            ),
        ),
        "a line break where only printable characters may be": (
            sm.version(ModelPackageDescription="two\nlines"),
            one_error(
                "'two\nlines'", "modelPackageDescription", PATTERN + r"[\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]*"
            ),
        ),
        "two errors": (
            sm.version(ClientToken="a b", ModelLifeCycle={"Stage": "s"}),
            "2 validation errors detected: Value 'a b' at 'clientToken' failed to satisfy constraint: "
            f"{PATTERN}[a-zA-Z0-9-]+; Value null at 'modelLifeCycle.stageStatus' failed to satisfy "
            "constraint: Member must not be null",
        ),
    },
)
def test_create_names_values_breaking_constraints(client: sm.Client, request_: sm.Json, message: str) -> None:
    assert sm.refusal(sm.create, client, request_) == sm.INVALID + message


@cases(
    "call, message",
    {
        "a page of the list": (
            lambda c: c.list_model_packages(MaxResults=101),
            one_error("'101'", "maxResults", "Member must have value less than or equal to 100"),
        ),
        "what to include in Describe": (
            lambda c: c.describe_model_package(ModelPackageName="a", IncludedData="Some"),
            one_error("'Some'", "includedData", ENUM + "[AllData, MetadataOnly]"),
        ),
        "empty metadata in Update": (
            lambda c: c.update_model_package(ModelPackageArn=sm.MISSING, CustomerMetadataProperties={}),
            one_error("'{}'", "customerMetadataProperties", SHORT + "1"),
        ),
        "a name in Delete, both pattern and length": (
            lambda c: c.delete_model_package(ModelPackageName="a" * 180),
            "2 validation errors detected",
        ),
        "no tag keys": (
            lambda c: c.delete_tags(ResourceArn=sm.MISSING, TagKeys=[]),
            one_error("'[]'", "tagKeys", SHORT + "1"),
        ),
    },
)
def test_operations_check_input(client: sm.Client, call: Callable[[sm.Client], object], message: str) -> None:
    assert sm.refusal(call, client).startswith(sm.INVALID + message)


@cases(
    "request_, place",
    {
        "an unknown member": ({"ModelPackageNam": "a"}, "modelPackageNam"),
        "an unknown member further in": (
            {"InferenceSpecification": {"Containers": [{"Img": "a"}]}},
            "inferenceSpecification.containers.1.member.img",
        ),
        "a number for a text": ({"ModelPackageName": 1}, "modelPackageName"),
        "a boolean for a text": (
            {"AdditionalInferenceSpecifications": [{"Name": True}]},
            "additionalInferenceSpecifications.1.member.name",
        ),
        "a number for a text, beside a null": (
            {"ModelCard": {"ModelCardStatus": None, "ModelCardContent": 1.5}},
            "modelCard.modelCardContent",
        ),
        "a map for a list": ({"Tags": {}}, "tags"),
        "a text for a boolean": ({"CertifyForMarketplace": "true"}, "certifyForMarketplace"),
        "a number for a text in a map": (
            {"CustomerMetadataProperties": {"a": 1}},
            "customerMetadataProperties",
        ),
    },
)
def test_create_refuses_other_types(server: SageMakerServer, request_: sm.Json, place: str) -> None:
    status, answer = sm.signed(server, "CreateModelPackage", json.dumps(request_))
    assert (status, answer["__type"]) == (400, "SerializationException")
    assert answer["message"].startswith(f"{place}: ")


@cases(
    "operation, body, places",
    {
        "of texts": (
            "BatchDescribeModelPackage",
            '{"ModelPackageArnList": [null]}',
            ["modelPackageArnList.1.member"],
        ),
        "of structures, further in": (
            "Search",
            '{"Resource": "ModelPackage", "SearchExpression": '
            '{"SubExpressions": [{"Filters": [null]}, null]}}',
            [
                "searchExpression.subExpressions.2.member",
                "searchExpression.subExpressions.1.member.filters.1.member",
            ],
        ),
        "in a map": (
            "CreateModelPackage",
            '{"ModelPackageName": "a", "CustomerMetadataProperties": {"owner": null}}',
            ["customerMetadataProperties.owner.member"],
        ),
    },
)
def test_nulls_are_no_elements(server: SageMakerServer, operation: str, body: str, places: list[str]) -> None:
    status, answer = sm.signed(server, operation, body)
    problems = [f"Value null at '{place}' failed to satisfy constraint: {NOT_NULL}" for place in places]
    count = f"{len(places)} validation error{'s' * (len(places) > 1)} detected: "
    assert (status, answer["message"]) == (400, count + "; ".join(problems))


def test_members_that_are_null_count_as_absent_at_any_depth(server: SageMakerServer) -> None:
    container = {"Image": sm.IMAGE, "ModelDataUrl": None, "ModelDataSource": {"S3DataSource": None}}
    request = {
        "ModelPackageGroupName": "group",
        "InferenceSpecification": {"Containers": [container], "SupportedContentTypes": None},
        "ModelCard": {"ModelCardContent": None},
        "ValidationSpecification": None,
    }
    assert sm.signed(server, "CreateModelPackage", json.dumps(request))[0] == 200
    search = '{"Resource": "ModelPackage", "SearchExpression": {"Filters": [%s], "SubExpressions": null}}'
    filters = '{"Name": "ModelPackageVersion", "Operator": null, "Value": "1"}'
    status, answer = sm.signed(server, "Search", search % filters)
    ((package,),) = ([each["ModelPackage"] for each in answer["Results"]],)
    assert (status, package["ModelCard"]) == (200, {})
    assert set(package["InferenceSpecification"]["Containers"][0]) == {
        "Image",
        "ImageDigest",
        "IsCheckpoint",
        "ModelDataSource",
    }


@cases(
    "operation, body, message",
    {
        "a boolean is no number": ("List", '{"MaxResults": true}', "maxResults: integer expected"),
        "no JSON": ("Describe", "{", "Start of structure expected"),
        "a null counts as absent": ("Create", '{"ModelPackageName": null}', "Missing ARN"),
    },
)
def test_bodies_are_checked(server: SageMakerServer, operation: str, body: str, message: str) -> None:
    status, answer = sm.signed(server, f"{operation}ModelPackage{'s' * (operation == 'List')}", body)
    code = "ValidationException" if operation == "Create" else "SerializationException"
    assert (status, answer) == (400, {"__type": code, "message": message})


@cases(
    "pattern, value, fits",
    {
        "letters of any script": (r"[\p{L}\p{M}]*", "é中ß", True),
        "a digit is no letter": (r"[\p{L}\p{M}]*", "1", False),
        "symbols and punctuation, beyond 16 bits too": (r"[\p{S}\p{P}]*", "€!😀", True),
        "a tab is no separator": (r"[\p{L}\p{Z}]*", "a\tb", False),
        "a counted anchor is an anchor": (r"([\p{L}]*)${1,128}", "abc", True),
        "a counted anchor ends the value": (r"([\p{L}]*)${1,128}", "ab!", False),
        "digits are ASCII, as in Java": (r"\d+", "١٢", False),
        "the whole value has to match": (r"a*", "aab", False),
    },
)
def test_matches_reads_patterns_as_java_does(pattern: str, value: str, fits: bool) -> None:
    assert matches(pattern, value) is fits
