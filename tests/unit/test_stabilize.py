"""Statuses, and the reasons of a failure."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.session import Session
from cloudformation_cli_python_lib.exceptions import GeneralServiceException

from aws_sagemaker_modelpackage import stabilize
from aws_sagemaker_modelpackage.stabilize import State

from .events import failed_items
from .tables import table


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
def test_state_of_a_status(status: str, state: State) -> None:
    described = {"ModelPackageStatus": status}
    assert stabilize.state_of(described) is state
    assert stabilize.is_deleting(described) is (state is State.DELETING)
    assert stabilize.is_idle(described) is (state in (State.READY, State.FAILED))


@pytest.mark.parametrize("described", [{"ModelPackageStatus": "Archived"}, {}])
def test_unknown_status_is_an_error(described: dict[str, Any]) -> None:
    for function in (stabilize.state_of, stabilize.is_idle):
        with pytest.raises(GeneralServiceException, match="which this version of the handlers does not know"):
            function(described)
    assert (
        stabilize.explain(described, str) == f"the package's status is {described.get('ModelPackageStatus')}"
    )
    assert stabilize.status_item(described) == {"Status": str(described.get("ModelPackageStatus"))}
    assert stabilize.known_state_of(described) is None
    assert not stabilize.is_deleting(described)


def test_status_item_knows_every_status_of_the_api() -> None:
    model: Any = Session().get_service_model("sagemaker")
    statuses = model.shape_for("ModelPackageStatus").enum
    assert len(statuses) == 5
    items = {stabilize.status_item({"ModelPackageStatus": status})["Status"] for status in statuses}
    assert items == set(model.shape_for("DetailedModelPackageStatus").enum)


def test_status_item_without_a_name() -> None:
    assert stabilize.status_item({"ModelPackageStatus": "Deleting"}) == {"Status": "InProgress"}


LONG = "x" * 300


@table(
    "validations, scans, expected",
    {
        "no lists": (None, None, "SageMaker gives no reason"),
        "nothing that failed": ([{"Name": "a", "Status": "Completed"}], [], "SageMaker gives no reason"),
        "an image": ([], failed_items(("i", "CVE")), "image scan i: CVE"),
        "one reason in full": (failed_items(("a", LONG)), [], f"validation profile a: {LONG}"),
        "several reasons in full where they fit": (
            failed_items(("a", LONG), ("b", "y")),
            [],
            f"validation profile a, validation profile b failed. validation profile a: {LONG};"
            " validation profile b: y",
        ),
        "several reasons are cut": (
            failed_items(("a", LONG * 2), ("b", "y")),
            [],
            f"validation profile a, validation profile b failed. validation profile a: {'x' * 304}...;"
            " validation profile b: y",
        ),
        "neither name nor reason": ([{"Status": "Failed"}], None, "validation profile : no reason given"),
        "names first, then the reasons": (
            failed_items(*((f"p{i}", "bad") for i in range(4))),
            failed_items(*((f"i{i}", "bad") for i in range(3))),
            "validation profile p0, validation profile p1, validation profile p2, validation profile p3,"
            " image scan i0, image scan i1, image scan i2 failed. validation profile p0: bad; validation"
            " profile p1: bad; validation profile p2: bad; validation profile p3: bad; image scan i0: bad;"
            " image scan i1: bad; image scan i2: bad",
        ),
    },
)
def test_reasons(validations: Any, scans: Any, expected: str) -> None:
    details = {"ValidationStatuses": validations, "ImageScanStatuses": scans}
    assert stabilize.reasons({"ModelPackageStatusDetails": details}) == expected


def test_reasons_that_do_not_fit_are_counted() -> None:
    failures = failed_items(*((f"{'p' * 60}{i:02}", LONG) for i in range(20)))
    text = stabilize.reasons({"ModelPackageStatusDetails": {"ValidationStatuses": failures}})
    names, _, reasons = text.partition(" failed. ")
    assert names.endswith("03 and 16 more")
    assert re.fullmatch(r"(validation profile p{60}\d\d: x+\.\.\.(; )?){3,4} and 1[67] more", reasons)


def test_reasons_without_details() -> None:
    assert stabilize.reasons({}) == "SageMaker gives no reason"


def test_explain_gives_status_and_reasons() -> None:
    described = {
        "ModelPackageStatus": "Failed",
        "ModelPackageStatusDetails": {"ImageScanStatuses": failed_items(("i", "CVE"))},
    }
    assert stabilize.explain(described, str) == "the package's status is Failed: image scan i: CVE"
    deleting = stabilize.explain({"ModelPackageStatus": "Deleting"}, str)
    assert deleting == "the package's status is Deleting"


def test_explain_redacts_before_it_cuts() -> None:
    reason = "x" * 310 + "the secret of the house"
    described = {
        "ModelPackageStatus": "Failed",
        "ModelPackageStatusDetails": {"ImageScanStatuses": failed_items(("i", reason), ("j", reason))},
    }
    text = stabilize.explain(described, lambda text: text.replace("the secret of the house", "***"))
    assert "secret" not in text
