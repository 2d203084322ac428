"""List: one page of identifiers for each event."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Invoker
from .events import ACCOUNT, CREATED, NAMED, VERSION, Model, failed, listed, said
from .scripted_sagemaker import ScriptedSageMaker, error

ALL = {"MaxResults": 100, "ModelPackageType": "Both"}
IN_GROUP = {"MaxResults": 100, "ModelPackageGroupName": "churn"}


def summaries(*arns: str, status: str = "Completed") -> list[Model]:
    """Packages as a list answers."""
    return [
        {"ModelPackageArn": arn, "CreationTime": CREATED, "ModelPackageStatus": status, "Surprise": 1}
        for arn in arns
    ]


def page(*found: Model, token: str | None = None) -> Model:
    """An answer of ListModelPackages."""
    return {"ModelPackageSummaryList": list(found), **({} if token is None else {"NextToken": token})}


@pytest.mark.parametrize("desired", [None, {}], ids=["no model", "an empty model"])
def test_both_kinds_of_package_are_listed_with_one_call(
    invoke: Invoker, sagemaker: ScriptedSageMaker, desired: Any
) -> None:
    sagemaker.expect("ListModelPackages", ALL, page(*summaries(VERSION, NAMED)))
    assert invoke("LIST", desired) == listed(VERSION, NAMED)
    assert sagemaker.operations() == ["ListModelPackages"]


def test_the_token_of_a_page_goes_both_ways(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.expect("ListModelPackages", ALL, page(*summaries(VERSION), token="page 2"))  # noqa: S106
    first = invoke("LIST")
    assert first == listed(VERSION, token="page 2")  # noqa: S106
    sagemaker.expect("ListModelPackages", {**ALL, "NextToken": "page 2"}, page(*summaries(NAMED)))
    assert invoke("LIST", nextToken=first["nextToken"]) == listed(NAMED)


def test_the_token_reaches_the_test_entry_point_too(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    asked = {**ALL, "NextToken": "page 2"}
    sagemaker.expect("ListModelPackages", asked, page(*summaries(NAMED), token="page 3"))  # noqa: S106
    assert invoke.test("LIST", nextToken="page 2") == listed(NAMED, token="page 3")  # noqa: S106


def test_an_empty_token_ends_the_list_and_begins_it(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.expect("ListModelPackages", ALL, page(*summaries(NAMED), token=""))
    assert invoke("LIST", nextToken="") == listed(NAMED)


@pytest.mark.parametrize(
    "group", ["churn", f"{ACCOUNT}:model-package-group/churn"], ids=["by name", "by ARN"]
)
def test_a_group_limits_the_list(invoke: Invoker, sagemaker: ScriptedSageMaker, group: str) -> None:
    sagemaker.expect(
        "ListModelPackages", {**IN_GROUP, "ModelPackageGroupName": group}, page(*summaries(VERSION))
    )
    assert invoke("LIST", {"ModelPackageGroupName": group, "Task": None}) == listed(VERSION)


def test_what_is_being_deleted_is_left_out(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.expect(
        "ListModelPackages", ALL, page(*summaries(VERSION, status="Deleting"), *summaries(NAMED))
    )
    assert invoke("LIST") == listed(NAMED)


def test_a_status_that_nobody_has_met_does_not_disturb_a_list(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.expect("ListModelPackages", ALL, page(*summaries(VERSION, status="Archived")))
    assert invoke("LIST") == listed(VERSION)


def test_no_packages_are_an_empty_page(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.expect("ListModelPackages", ALL, page())
    assert invoke("LIST") == listed()


def test_a_page_of_packages_that_are_all_going_keeps_its_token(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    going = summaries(VERSION, status="Deleting")
    sagemaker.expect("ListModelPackages", ALL, page(*going, token="page 2"))  # noqa: S106
    assert invoke("LIST") == listed(token="page 2")  # noqa: S106


def test_a_group_that_does_not_exist_is_no_missing_package(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.expect("ListModelPackages", IN_GROUP, error("ResourceNotFound", "no such group"))
    event = invoke("LIST", {"ModelPackageGroupName": "churn"})
    assert event == failed("InvalidRequest", said("LIST", "churn", "no such group (ResourceNotFound)"))
