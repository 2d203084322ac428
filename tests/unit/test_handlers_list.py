"""List: one page of identifiers for each event."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Invoker
from .events import CREATED, GROUP_ARN, IN_GROUP, NAMED, VERSION, Model, failed, listed
from .scripted_sagemaker import Script, error
from .tables import table

ALL = {"MaxResults": 100, "ModelPackageType": "Both"}
PAGE_2, PAGE_3 = "page 2", "page 3"
OF_GROUP = {"MaxResults": 100, "ModelPackageGroupName": "churn"}


def summaries(*arns: str, status: str = "Completed") -> list[Model]:
    """Packages as a list answers."""
    return [
        {"ModelPackageArn": arn, "CreationTime": CREATED, "ModelPackageStatus": status, "Surprise": 1}
        for arn in arns
    ]


def page(*packages: Model, token: str | None = None) -> Model:
    """An answer of ListModelPackages."""
    return {"ModelPackageSummaryList": [*packages], **({} if token is None else {"NextToken": token})}


@pytest.mark.parametrize("desired", [None, {}], ids=["no model", "an empty model"])
def test_list_of_both_kinds_makes_one_call(invoke: Invoker, script: Script, desired: Any) -> None:
    script.expect("ListModelPackages", ALL, page(*summaries(VERSION, NAMED)))
    assert invoke("LIST", desired) == listed(VERSION, NAMED)
    assert script.operations() == ["ListModelPackages"]


def test_list_passes_the_page_token_both_ways(invoke: Invoker, script: Script) -> None:
    script.expect("ListModelPackages", ALL, page(*summaries(VERSION), token=PAGE_2))
    first = invoke("LIST")
    assert first == listed(VERSION, token=PAGE_2)
    script.expect("ListModelPackages", {**ALL, "NextToken": PAGE_2}, page(*summaries(NAMED)))
    assert invoke("LIST", nextToken=first["nextToken"]) == listed(NAMED)
    script.expect("ListModelPackages", {**ALL, "NextToken": PAGE_2}, page(*summaries(NAMED), token=PAGE_3))
    assert invoke.test("LIST", nextToken=PAGE_2) == listed(NAMED, token=PAGE_3)


@table(
    "answer, expected",
    {
        "an empty token is none": (page(*summaries(NAMED), token=""), listed(NAMED)),
        "what is being deleted is left out": (
            page(*summaries(VERSION, status="Deleting"), *summaries(NAMED)),
            listed(NAMED),
        ),
        "an empty page keeps its token": (
            page(*summaries(VERSION, status="Deleting"), token=PAGE_2),
            listed(token=PAGE_2),
        ),
        "an unknown status is listed": (page(*summaries(VERSION, status="Archived")), listed(VERSION)),
        "no packages": (page(), listed()),
    },
)
def test_list_translates_a_page(invoke: Invoker, script: Script, answer: Model, expected: Model) -> None:
    script.expect("ListModelPackages", ALL, answer)
    assert invoke("LIST", nextToken="") == expected


@pytest.mark.parametrize("group", ["churn", GROUP_ARN], ids=["name", "ARN"])
def test_list_of_a_group(invoke: Invoker, script: Script, group: str) -> None:
    asked = {**OF_GROUP, "ModelPackageGroupName": group}
    script.expect("ListModelPackages", asked, page(*summaries(VERSION)))
    assert invoke("LIST", {"ModelPackageGroupName": group, "Task": None}) == listed(VERSION)


def test_list_of_an_absent_group_is_an_invalid_request(invoke: Invoker, script: Script) -> None:
    reply = error("ResourceNotFound", "no such group")
    script.expect("ListModelPackages", OF_GROUP, reply)
    assert invoke("LIST", IN_GROUP) == failed("InvalidRequest", "LIST", "churn", reply)
