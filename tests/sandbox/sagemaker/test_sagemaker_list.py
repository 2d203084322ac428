"""ListModelPackages of the local SageMaker: filters, order, pages, tokens."""

from __future__ import annotations

import pytest

from sandbox.sagemaker import SageMakerServer, moto_parts
from sandbox.shared.settings import ACCOUNT
from tests.sandbox.helpers import cases
from tests.sandbox.sagemaker import sagemaker_calls as sm


@pytest.fixture
def some(client: sm.Client, clock: sm.Clock) -> sm.Client:
    """Two unversioned packages and three versions in two groups, one second apart."""
    for name in ("one", "two"):
        client.create_model_package_group(ModelPackageGroupName=name)
    for request in (
        sm.unversioned("zebra"),
        {"ModelPackageGroupName": "one"},
        sm.unversioned("ant"),
        {"ModelPackageGroupName": "two", "ModelApprovalStatus": "Approved"},
        {"ModelPackageGroupName": "one"},
    ):
        sm.create(client, request)
        clock.now += 1
    return client


BOTH: sm.Json = {"ModelPackageType": "Both"}


@cases(
    "filters, expected",
    {
        "only unversioned by default": ({}, ["zebra", "ant"]),
        "unversioned": ({"ModelPackageType": "Unversioned"}, ["zebra", "ant"]),
        "versions": ({"ModelPackageType": "Versioned"}, ["one/1", "two/1", "one/2"]),
        "both kinds": (BOTH, ["zebra", "one/1", "ant", "two/1", "one/2"]),
        "a group": ({"ModelPackageGroupName": "one"}, ["one/1", "one/2"]),
        "a group's ARN": ({"ModelPackageGroupName": sm.PREFIX + "model-package-group/two"}, ["two/1"]),
        "a part of the name": (BOTH | {"NameContains": "e"}, ["zebra", "one/1", "one/2"]),
        "approved ones": (BOTH | {"ModelApprovalStatus": "Approved"}, ["two/1"]),
        "a time": (
            BOTH | {"CreationTimeAfter": sm.NOW + 1, "CreationTimeBefore": sm.NOW + 4},
            ["ant", "two/1"],
        ),
        "latest first": ({"SortOrder": "Descending"}, ["ant", "zebra"]),
        "by name": ({"SortBy": "Name"}, ["ant", "zebra"]),
        "by name, backwards": (
            BOTH | {"SortBy": "Name", "SortOrder": "Descending"},
            ["zebra", "two/1", "one/2", "one/1", "ant"],
        ),
    },
)
def test_list_filters_and_sorts(some: sm.Client, filters: sm.Json, expected: list[str]) -> None:
    assert sm.names(some.list_model_packages(**filters)) == expected
    # The same in pages of one, so that no page skips or repeats anything.
    pages = some.get_paginator("list_model_packages").paginate(PaginationConfig={"PageSize": 1}, **filters)
    assert [name for page in pages for name in sm.names(page)] == expected


def test_list_returns_summaries(client: sm.Client) -> None:
    life = {"Stage": "a", "StageStatus": "b"}
    sm.create(client, sm.version(ModelPackageDescription="d", ModelLifeCycle=life, Domain="x"))
    sm.create(client, sm.unversioned())
    first, second = map(sm.Json, client.list_model_packages(**BOTH)["ModelPackageSummaryList"])
    assert first.pop("CreationTime").timestamp() == second.pop("CreationTime").timestamp() == sm.NOW
    assert first == {
        "ModelPackageGroupName": "group",
        "ModelPackageVersion": 1,
        "ModelPackageArn": sm.PACKAGES + "group/1",
        "ModelPackageDescription": "d",
        "ModelPackageStatus": "Completed",
        "ModelApprovalStatus": "PendingManualApproval",
        "ModelLifeCycle": life,
    }
    assert second == {
        "ModelPackageName": "package",
        "ModelPackageArn": sm.PACKAGES + "package",
        "ModelPackageStatus": "Pending",
    }


def test_list_has_pages_of_ten_by_default(client: sm.Client) -> None:
    for number in range(11):
        sm.create(client, sm.unversioned(f"p{number}"))
    answer = client.list_model_packages()
    assert len(sm.names(answer)) == 10
    rest = client.list_model_packages(NextToken=answer["NextToken"])
    assert (sm.names(rest), "NextToken" in rest) == (["p10"], False)
    assert "NextToken" not in client.list_model_packages(MaxResults=11)


def test_list_loses_nothing_when_packages_are_deleted_between_pages(
    client: sm.Client, server: SageMakerServer
) -> None:
    server.behaviour.delete_describes = 0
    for number in range(4):
        sm.create(client, sm.unversioned(f"p{number}"))
    first = client.list_model_packages(MaxResults=2)
    sm.delete(client, "p1")
    assert sm.names(client.list_model_packages(NextToken=first["NextToken"])) == ["p2", "p3"]


def test_list_refuses_tokens_of_other_requests(client: sm.Client) -> None:
    for name in ("a", "b"):
        sm.create(client, sm.unversioned(name))
    token = client.list_model_packages(MaxResults=1)["NextToken"]
    for request in ({"NextToken": "invented"}, {"NextToken": token} | BOTH):
        assert sm.refusal(client.list_model_packages, **request) == f"{sm.INVALID}Invalid NextToken"


def test_list_refuses_a_group_that_does_not_exist(client: sm.Client) -> None:
    message = f"{sm.INVALID}ModelPackageGroup {sm.PREFIX}model-package-group/missing does not exist."
    assert sm.refusal(client.list_model_packages, ModelPackageGroupName="missing") == message


def test_list_of_ten_thousand_packages(client: sm.Client, server: SageMakerServer) -> None:
    # Made without HTTP: only the listing is of interest here.
    scope = moto_parts.scope_in(ACCOUNT, sm.REGION)
    for _ in range(10_000):
        server.service.call("CreateModelPackage", scope, sm.version())
    paginator = client.get_paginator("list_model_packages")
    pages = paginator.paginate(ModelPackageGroupName="group", PaginationConfig={"PageSize": 100})
    arns = [name for page in pages for name in sm.names(page)]
    assert len(set(arns)) == len(arns) == 10_000
