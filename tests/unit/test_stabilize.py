"""Statuses and reasons."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.session import Session
from cloudformation_cli_python_lib.exceptions import GeneralServiceException

from aws_sagemaker_modelpackage import stabilize
from aws_sagemaker_modelpackage.stabilize import State

from .events import failed_items


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Pending", State.WORKING),
        ("InProgress", State.WORKING),
        ("Completed", State.READY),
        ("Failed", State.FAILED),
        ("Deleting", State.DELETING),
    ],
)
def test_what_a_status_means(status: str, state: State) -> None:
    assert stabilize.state_of({"ModelPackageStatus": status}) is state
    assert stabilize.is_deleting({"ModelPackageStatus": status}) is (state is State.DELETING)


@pytest.mark.parametrize("described", [{"ModelPackageStatus": "Archived"}, {}])
def test_an_unknown_status_is_an_error(described: dict[str, Any]) -> None:
    for judge in (stabilize.state_of, stabilize.status_item, lambda each: stabilize.explain(each, str)):
        with pytest.raises(GeneralServiceException, match="which this version of the handlers does not know"):
            judge(described)
    assert not stabilize.is_deleting(described)


def test_every_status_of_the_api_is_known() -> None:
    model: Any = Session().get_service_model("sagemaker")
    statuses = model.shape_for("ModelPackageStatus").enum
    assert len(statuses) == 5
    items = {stabilize.status_item({"ModelPackageStatus": status})["Status"] for status in statuses}
    assert items == set(model.shape_for("DetailedModelPackageStatus").enum)


def test_an_item_without_a_name_has_none() -> None:
    assert stabilize.status_item({"ModelPackageStatus": "Deleting"}) == {"Status": "InProgress"}


LONG = "x" * 300


@pytest.mark.parametrize(
    ("validations", "scans", "expected"),
    [
        pytest.param(None, None, "SageMaker gives no reason", id="no lists"),
        pytest.param(
            [{"Name": "a", "Status": "Completed"}], [], "SageMaker gives no reason", id="nothing that failed"
        ),
        pytest.param([], failed_items(("i", "CVE")), "image scan i: CVE", id="an image"),
        pytest.param(failed_items(("a", LONG)), [], f"validation profile a: {LONG}", id="one reason in full"),
        pytest.param(
            failed_items(("a", LONG), ("b", "y")),
            [],
            f"validation profile a, validation profile b failed. validation profile a: {LONG};"
            " validation profile b: y",
            id="several reasons in full where they fit",
        ),
        pytest.param(
            failed_items(("a", LONG * 2), ("b", "y")),
            [],
            f"validation profile a, validation profile b failed. validation profile a: {'x' * 304}...;"
            " validation profile b: y",
            id="several reasons are cut",
        ),
        pytest.param(
            [{"Status": "Failed"}], None, "validation profile : no reason given", id="neither name nor reason"
        ),
        pytest.param(
            failed_items(*((f"p{i}", "bad") for i in range(4))),
            failed_items(*((f"i{i}", "bad") for i in range(3))),
            "validation profile p0, validation profile p1, validation profile p2, validation profile p3,"
            " image scan i0, image scan i1, image scan i2 failed. validation profile p0: bad; validation"
            " profile p1: bad; validation profile p2: bad; validation profile p3: bad; image scan i0: bad;"
            " image scan i1: bad; image scan i2: bad",
            id="names first, then the reasons",
        ),
    ],
)
def test_why_a_package_failed(validations: Any, scans: Any, expected: str) -> None:
    details = {"ValidationStatuses": validations, "ImageScanStatuses": scans}
    assert stabilize.reasons({"ModelPackageStatusDetails": details}) == expected


def test_items_and_reasons_that_do_not_fit_are_counted() -> None:
    failures = failed_items(*((f"{'p' * 60}{i:02}", LONG) for i in range(20)))
    found = stabilize.reasons({"ModelPackageStatusDetails": {"ValidationStatuses": failures}})
    names, _, told = found.partition(" failed. ")
    assert names.endswith("03 and 16 more")
    assert re.fullmatch(r"(validation profile p{60}\d\d: x+\.\.\.(; )?){3,4} and 1[67] more", told)


def test_a_package_without_details_gives_no_reason() -> None:
    assert stabilize.reasons({}) == "SageMaker gives no reason"


def test_a_status_is_explained_with_its_reasons() -> None:
    described = {
        "ModelPackageStatus": "Failed",
        "ModelPackageStatusDetails": {"ImageScanStatuses": failed_items(("i", "CVE"))},
    }
    assert stabilize.explain(described, str) == "the package's status is Failed: image scan i: CVE"
    deleting = stabilize.explain({"ModelPackageStatus": "Deleting"}, str)
    assert deleting == "the package's status is Deleting"


def test_reasons_are_redacted_before_they_are_cut() -> None:
    reason = "x" * 310 + "the secret of the house"
    described = {
        "ModelPackageStatus": "Failed",
        "ModelPackageStatusDetails": {"ImageScanStatuses": failed_items(("i", reason), ("j", reason))},
    }
    found = stabilize.explain(described, lambda text: text.replace("the secret of the house", "***"))
    assert "secret" not in found
