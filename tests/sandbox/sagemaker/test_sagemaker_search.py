"""Search of the local SageMaker: expressions over packages and groups, order, pages."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from sandbox.sagemaker import SageMakerServer, moto_parts
from tests.sandbox.helpers import cases
from tests.sandbox.sagemaker import sagemaker_calls as sm

OTHER = "arn:aws:sagemaker:us-west-2:999999999999:"


def where(name: str, value: str | None = None, operator: str | None = None) -> sm.Json:
    """A filter; without an operator it is for equality."""
    more = {"Value": value, "Operator": operator}
    return {"Name": name} | {key: each for key, each in more.items() if each is not None}


def all_of(*filters: sm.Json) -> sm.Json:
    return {"Filters": list(filters)}


def any_of(*filters: sm.Json) -> sm.Json:
    return all_of(*filters) | {"Operator": "Or"}


def nested(name: str, *filters: sm.Json) -> sm.Json:
    return {"NestedFilters": [{"NestedPropertyName": name, "Filters": list(filters)}]}


def search(client: sm.Client, expression: sm.Json | None = None, **more: Any) -> list[str]:
    """Return the packages that are meant, as `group/1` or `name`, page by page."""
    given = more | ({"SearchExpression": expression} if expression else {})
    pages = client.get_paginator("search").paginate(Resource="ModelPackage", **given)
    return [
        each["ModelPackage"]["ModelPackageArn"].removeprefix(sm.PACKAGES)
        for page in pages
        for each in page["Results"]
    ]


def refused(client: sm.Client, expression: sm.Json, **more: Any) -> str:
    message = sm.refusal(client.search, Resource="ModelPackage", SearchExpression=expression, **more)
    assert message.startswith(sm.INVALID)
    return message.removeprefix(sm.INVALID)


@pytest.fixture
def packages(client: sm.Client, clock: sm.Clock) -> list[str]:
    """Three versions and a named package, a minute apart."""
    two = [
        {"Image": sm.IMAGE, "ContainerHostname": "first"},
        {"Image": "other:2", "ContainerHostname": "second"},
    ]
    mixed = [{"Image": sm.IMAGE, "ContainerHostname": "second"}]
    requests = [
        sm.version(
            {"ModelDataUrl": "s3://b/churn"},
            ModelApprovalStatus="Approved",
            CustomerMetadataProperties={"owner": "risk", "run.id": "9"},
            ModelPackageDescription="the first",
        ),
        sm.version(InferenceSpecification=sm.specification() | {"Containers": two}),
        sm.version(
            InferenceSpecification=sm.specification() | {"Containers": mixed}, Domain="NATURAL_LANGUAGE"
        ),
        sm.unversioned(CertifyForMarketplace=True, Tags=[{"Key": "team", "Value": "risk"}]),
    ]
    arns = []
    for request in requests:
        clock.now += 60
        arns.append(sm.create(client, request).removeprefix(sm.PACKAGES))
    return arns


ONE, TWO, THREE, NAMED = "group/1", "group/2", "group/3", "package"
CREATION = "CreationTime"
VERSION = "ModelPackageVersion"
CONTAINERS = "InferenceSpecification.Containers"
HOST, IMAGE = f"{CONTAINERS}.ContainerHostname", f"{CONTAINERS}.Image"


@pytest.mark.usefixtures("packages")
@cases(
    "expression, expected",
    {
        "nothing asked": (None, [ONE, TWO, THREE, NAMED]),
        "equality": (all_of(where("ModelApprovalStatus", "Approved")), [ONE]),
        "equality by name": (all_of(where("ModelApprovalStatus", "Approved", "Equals")), [ONE]),
        "another case": (all_of(where("ModelApprovalStatus", "approved")), []),
        "two filters": (
            all_of(where("ModelPackageGroupName", "group"), where("ModelApprovalStatus", "Approved")),
            [ONE],
        ),
        "one of two filters": (
            any_of(where("ModelPackageName", "package"), where("ModelApprovalStatus", "Approved")),
            [ONE, NAMED],
        ),
        "inequality, absent ones too": (
            all_of(where("ModelApprovalStatus", "Approved", "NotEquals")),
            [TWO, THREE, NAMED],
        ),
        "existence": (all_of(where("ModelPackageName", operator="Exists")), [NAMED]),
        "existence of a structure": (all_of(where("CustomerMetadataProperties", operator="Exists")), [ONE]),
        "absence": (all_of(where("ModelPackageGroupName", operator="NotExists")), [NAMED]),
        "a part of a text": (all_of(where("ModelPackageDescription", "firs", "Contains")), [ONE]),
        "one of several": (
            all_of(where("ModelApprovalStatus", "Approved, PendingManualApproval", "In")),
            [ONE, TWO, THREE],
        ),
        "a number": (all_of(where(VERSION, "2")), [TWO]),
        "a fraction": (all_of(where(VERSION, "1.5", "GreaterThan")), [TWO, THREE]),
        "at least a number": (all_of(where(VERSION, "2", "GreaterThanOrEqualTo")), [TWO, THREE]),
        "less than a number": (all_of(where(VERSION, "2", "LessThan")), [ONE]),
        "at most a number": (all_of(where(VERSION, "2", "LessThanOrEqualTo")), [ONE, TWO]),
        "a time": (all_of(where(CREATION, "2023-11-14T22:15:20", "GreaterThan")), [THREE, NAMED]),
        "a time with a zone": (all_of(where(CREATION, "2023-11-14T23:15:20+01:00", "LessThan")), [ONE]),
        "a Boolean": (all_of(where("CertifyForMarketplace", "true")), [NAMED]),
        "no Boolean": (all_of(where("CertifyForMarketplace", "True", "NotEquals")), [ONE, TWO, THREE]),
        "a tag": (all_of(where("Tags.team", "risk")), [NAMED]),
        "an absent tag": (all_of(where("Tags.team", operator="NotExists")), [ONE, TWO, THREE]),
        "metadata": (all_of(where("CustomerMetadataProperties.owner", "risk")), [ONE]),
        "metadata with a dot": (all_of(where("CustomerMetadataProperties.run.id", "9")), [ONE]),
        "a member deep inside": (all_of(where("ModelPackageStatusDetails.ValidationStatuses.Name", "x")), []),
        "a text list": (
            all_of(where("InferenceSpecification.SupportedTransformInstanceTypes", "ml.m5.large")),
            [ONE, TWO, THREE, NAMED],
        ),
        "objects apart": (all_of(where(HOST, "second"), where(IMAGE, sm.IMAGE)), [TWO, THREE]),
        "one object": (nested(CONTAINERS, where(HOST, "second"), where(IMAGE, sm.IMAGE)), [THREE]),
        "expressions in an expression": (
            {
                "SubExpressions": [
                    any_of(where(VERSION, "1"), where(VERSION, "3")),
                    {"SubExpressions": [all_of(where("Domain", operator="Exists"))]},
                ]
            },
            [THREE],
        ),
        "one of several kinds": (
            {
                "Operator": "Or",
                "Filters": [where("ModelPackageName", "package")],
                **nested(CONTAINERS, where(HOST, "first")),
                "SubExpressions": [all_of(where("ModelApprovalStatus", "Approved"))],
            },
            [ONE, TWO, NAMED],
        ),
    },
)
def test_search_by_expression(client: sm.Client, expression: sm.Json | None, expected: list[str]) -> None:
    assert search(client, expression, SortOrder="Ascending") == expected


@cases(
    "expression, message",
    {
        "an unknown property": (all_of(where("Colour", "red")), "Unknown property name: Colour"),
        "a property with a dot behind it": (all_of(where("Domain.", "a")), "Unknown property name: Domain."),
        "a tag without a key": (all_of(where("Tags.", "a")), "Unknown property name: Tags."),
        "a member of a text": (all_of(where("Domain.Name", "a")), "Unknown property name: Domain.Name"),
        "an order of texts": (
            all_of(where("Domain", "a", "GreaterThan")),
            "Operator GreaterThan is not supported for the property Domain",
        ),
        "a part of a number": (
            all_of(where(VERSION, "1", "Contains")),
            f"Operator Contains is not supported for the property {VERSION}",
        ),
        "a whole structure": (
            all_of(where("InferenceSpecification", "a")),
            "Operator Equals is not supported for the property InferenceSpecification",
        ),
        "no number": (
            all_of(where(VERSION, "two")),
            f"Invalid value for the number property {VERSION}: two",
        ),
        "infinity": (
            all_of(where(VERSION, "inf")),
            f"Invalid value for the number property {VERSION}: inf",
        ),
        "no time": (
            all_of(where(CREATION, "now")),
            f"Invalid value for the timestamp property {CREATION}: now",
        ),
        "no Boolean": (
            all_of(where("CertifyForMarketplace", "1")),
            "Invalid value for the Boolean property CertifyForMarketplace: 1",
        ),
        "no value": (all_of(where("Domain")), "A Value is required for the property Domain"),
        "nothing": (
            {"Operator": "And"},
            "A SearchExpression requires at least one SubExpression, Filter or NestedFilter.",
        ),
        "two parts of texts": (
            {
                "Filters": [where("Domain", "a", "Contains")],
                "SubExpressions": [all_of(where("Task", "a", "Contains"))],
            },
            "'CONTAINS' operator usage limit of 1 exceeded.",
        ),
        "too much": (
            {"SubExpressions": [all_of(*[where("Domain", "a")] * 20)] * 3},
            "A SearchExpression may have at most 50 elements.",
        ),
        "a nested property that is none": (
            nested("Domain", where("Domain", "a")),
            "Not a nested property: Domain",
        ),
        "a filter of another property": (
            nested(CONTAINERS, where("Domain", "a")),
            f"The property Domain is not nested in {CONTAINERS}",
        ),
    },
)
def test_search_refuses(client: sm.Client, expression: sm.Json, message: str) -> None:
    assert refused(client, expression) == message


def test_search_checks_requests_against_the_api_description(
    client: sm.Client, server: SageMakerServer
) -> None:
    assert "at 'searchExpression.filters.1.member.operator' failed" in refused(
        client, all_of(where("Domain", "a", "Like"))
    )
    for depth in (60, 5_000):
        body = '{"Resource": "ModelPackage", "SearchExpression": ' + '{"SubExpressions": [' * depth
        status, answer = sm.signed(
            server, "Search", body + '{"Filters": [{"Name": "Domain"}]}' + "]}" * depth + "}"
        )
        assert (status, "Exception" in answer["__type"]) == (400, True)


def test_search_is_newest_first_unless_it_says_otherwise(
    client: sm.Client, clock: sm.Clock, packages: list[str]
) -> None:
    assert search(client) == [NAMED, THREE, TWO, ONE]
    clock.now += 60
    sm.update(client, sm.PACKAGES + ONE, ModelApprovalStatus="Rejected")
    assert search(client) == [ONE, NAMED, THREE, TWO]
    assert search(client, SortBy="CreationTime", SortOrder="Ascending") == packages
    assert search(client, SortBy=VERSION) == [THREE, TWO, ONE, NAMED]
    assert search(client, SortBy=IMAGE, SortOrder="Ascending") == [ONE, TWO, THREE, NAMED]
    assert search(client, SortBy="Domain")[0] == THREE
    message = sm.refusal(client.search, Resource="ModelPackage", SortBy="Colour")
    assert message == f"{sm.INVALID}Unknown property name: Colour"


def test_search_pages_also_while_packages_come_and_go(client: sm.Client) -> None:
    arns = [sm.create(client, sm.version()) for _ in range(25)]
    first = client.search(Resource="ModelPackage", SortBy=VERSION, MaxResults=10)
    assert first["TotalHits"] == {"Value": 25, "Relation": "EqualTo"}
    versions = [each["ModelPackage"]["ModelPackageVersion"] for each in first["Results"]]
    assert versions == list(range(25, 15, -1))
    sm.delete(client, arns[20])
    sm.create(client, sm.version())
    again = client.search(
        Resource="ModelPackage", SortBy=VERSION, MaxResults=100, NextToken=first["NextToken"]
    )
    versions = [each["ModelPackage"]["ModelPackageVersion"] for each in again["Results"]]
    assert versions == list(range(15, 0, -1))
    assert "NextToken" not in again
    message = sm.refusal(client.search, Resource="ModelPackage", NextToken=first["NextToken"])
    assert message == f"{sm.INVALID}Invalid NextToken"


def test_search_answers_records_as_the_api_describes_them(client: sm.Client, server: SageMakerServer) -> None:
    tags = [{"Key": "team", "Value": "risk"}]
    arn = sm.create(client, sm.unversioned(Tags=tags, ManagedStorageType="Restricted"))
    (result,) = client.search(Resource="ModelPackage")["Results"]
    record = dict(result["ModelPackage"])
    assert record.pop("Tags") == tags
    described = sm.describe(client, arn)
    del described["ManagedStorageType"]  # which the API description does not have of a record
    assert record == described
    server.behaviour.visible_after_describes = 1
    sm.create(client, sm.unversioned("hidden"))
    assert search(client) == ["package"]


def test_search_by_visibility_leaves_what_has_no_such_tag(client: sm.Client) -> None:
    for name, tags in (("mine", [{"Key": "team", "Value": "risk"}]), ("other", sm.TAGS), ("bare", [])):
        sm.create(client, sm.unversioned(name, Tags=tags))
    condition = [{"Key": "Tags.team", "Value": "fraud"}]
    assert search(client, VisibilityConditions=condition, SortOrder="Ascending") == ["other", "bare"]


def test_search_for_groups(client: sm.Client, clock: sm.Clock) -> None:
    clock.now += 60
    client.create_model_package_group(ModelPackageGroupName="churn-model", Tags=sm.TAGS)

    def names(**more: Any) -> list[str]:
        answer = client.search(Resource="ModelPackageGroup", **more)
        assert answer["TotalHits"]["Value"] == len(answer["Results"])
        return [each["ModelPackageGroup"]["ModelPackageGroupName"] for each in answer["Results"]]

    assert names() == ["churn-model", "group"]
    contains = all_of(where("ModelPackageGroupName", "model", "Contains"))
    assert names(SearchExpression=contains) == ["churn-model"]
    assert names(SearchExpression=all_of(where("Tags.a", "1"))) == ["churn-model"]
    assert names(SearchExpression=all_of(where("CreatedBy.IamIdentity.Arn", "x", "NotEquals")))
    assert names(SortBy="ModelPackageGroupName", SortOrder="Descending") == ["group", "churn-model"]


def test_search_across_accounts_is_of_shared_groups_alone(client: sm.Client, server: SageMakerServer) -> None:
    shared, no_longer = (f"{OTHER}model-package-group/{name}" for name in ("shared", "no-longer"))
    server.behaviour.shared_groups = [shared, no_longer]
    sm.create(client, sm.version())
    sm.create(client, {"ModelPackageGroupName": no_longer})
    arn = sm.create(client, {"ModelPackageGroupName": shared})
    server.behaviour.shared_groups = [shared]
    assert search(client, CrossAccountFilterOption="CrossAccount") == [arn]
    assert search(client, CrossAccountFilterOption="SameAccount") == search(client) == ["group/1"]
    groups = client.search(Resource="ModelPackageGroup", CrossAccountFilterOption="CrossAccount")
    assert [each["ModelPackageGroup"]["ModelPackageGroupArn"] for each in groups["Results"]] == [shared]


@pytest.mark.parametrize("resource", sorted(moto_parts.SEARCHED))
def test_search_for_other_resources_is_motos(client: sm.Client, resource: Any) -> None:
    assert client.search(Resource=resource)["Results"] == []


@pytest.mark.parametrize("resource", ["Model", "ModelCard", "Project", "Image"])
def test_search_for_what_moto_does_not_search_is_refused(client: sm.Client, resource: Any) -> None:
    message = f"UnknownOperationException: SageMaker's Search of {resource} is not on this machine"
    assert sm.refusal(client.search, Resource=resource) == message


@pytest.mark.parametrize("position", [["a"], [None], [1, "a"], [[]], {}, None])
def test_search_refuses_a_token_that_no_answer_has_had(client: sm.Client, position: Any) -> None:
    for _ in range(2):
        sm.create(client, sm.version())
    token = client.search(Resource="ModelPackage", MaxResults=1)["NextToken"]
    made_for, _ = json.loads(base64.urlsafe_b64decode(token))
    forged = base64.urlsafe_b64encode(json.dumps([made_for, position]).encode()).decode()
    message = f"{sm.INVALID}Invalid NextToken"
    assert sm.refusal(client.search, Resource="ModelPackage", NextToken=forged) == message
