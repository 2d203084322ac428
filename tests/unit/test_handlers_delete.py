"""Delete: one call, and the wait until the package is gone."""

from __future__ import annotations

from typing import Any

import pytest

from aws_sagemaker_modelpackage import timing

from .conftest import Invoker
from .events import (
    VERSION,
    VERSION_STATE,
    Model,
    failed,
    in_progress,
    not_found,
    succeeded,
    version,
)
from .scripted_sagemaker import DENIED, EXPIRED, HANGS_UP, UNAVAILABLE, Reply, Script, absent, error
from .tables import table

ABSENT = absent(VERSION)
DELETING = version(ModelPackageStatus="Deleting")
BUSY = error("ConflictException", "busy")


def delete(invoke: Invoker, **context: Any) -> Model:
    """The event of a delete of the version, at a later poll where there is a context."""
    return invoke("DELETE", VERSION_STATE, context={"arn": VERSION, **context} if context else None)


def waiting(delay: int, **context: Any) -> Model:
    return in_progress(VERSION_STATE, delay, arn=VERSION, **context)


def expect_delete(
    script: Script, *after: Reply | Model, status: str = "Completed", reply: Reply | None = None
) -> None:
    """The next calls describe the version, delete it, and describe it once for each answer in `after`."""
    script.describe_metadata(VERSION, version(ModelPackageStatus=status))
    script.delete(VERSION, reply)
    script.describe_metadata(VERSION, *after)


@pytest.mark.parametrize("status", ["Completed", "Failed"])
def test_delete_of_a_version_makes_three_calls(invoke: Invoker, script: Script, status: str) -> None:
    expect_delete(script, ABSENT, status=status)
    assert delete(invoke) == succeeded()
    assert script.operations() == ["DescribeModelPackage", "DeleteModelPackage", "DescribeModelPackage"]


def test_delete_without_an_arn_is_not_found(invoke: Invoker) -> None:
    assert invoke("DELETE", {"ModelPackageName": "scorer"}) == not_found("DELETE", "scorer")


def test_delete_ignores_properties_that_a_create_refused(invoke: Invoker, script: Script) -> None:
    expect_delete(script, ABSENT)
    assert invoke("DELETE", {**VERSION_STATE, "Unknown": None}) == succeeded()


def test_delete_waits_until_the_package_is_gone(invoke: Invoker, script: Script) -> None:
    expect_delete(script, DELETING)
    event = delete(invoke)
    for polls, delay in enumerate((1, 2, 4), start=1):
        assert event == waiting(delay, stage="deleting", polls=polls)
        script.describe_metadata(VERSION, DELETING)
        event = invoke("DELETE", event["resourceModel"], context=event["callbackContext"])
    script.describe_metadata(VERSION, ABSENT)
    assert delete(invoke, **event["callbackContext"]) == succeeded()


def test_delete_of_a_package_that_is_being_deleted_makes_no_call(invoke: Invoker, script: Script) -> None:
    script.describe_metadata(VERSION, DELETING)
    event = delete(invoke)
    assert event == waiting(1, stage="deleting", polls=1)
    script.describe_metadata(VERSION, ABSENT)
    assert delete(invoke, **event["callbackContext"]) == succeeded()


@pytest.mark.parametrize("status", ["Pending", "InProgress"])
def test_delete_waits_for_a_busy_package(invoke: Invoker, script: Script, status: str) -> None:
    script.describe_metadata(VERSION, version(ModelPackageStatus=status))
    event = delete(invoke)
    assert event == waiting(1, stage="waiting", polls=1)
    expect_delete(script, ABSENT)
    assert delete(invoke, **event["callbackContext"]) == succeeded()


def test_delete_without_effect_ends_after_a_minute(invoke: Invoker, script: Script) -> None:
    expect_delete(script, version())
    event, waited = delete(invoke), 0
    for polls, delay in enumerate((1, 2, 4, 8, 16, 29), start=1):
        waited += delay
        assert event == waiting(delay, stage="deleting", polls=polls, unseen_seconds=waited)
        script.describe_metadata(VERSION, version())
        event = delete(invoke, **event["callbackContext"])
    assert waited == timing.MAX_IGNORED_DELETE_SECONDS
    text = "SageMaker accepted the delete but the package stays"
    assert event == failed("NotStabilized", "DELETE", VERSION, text)


def test_delete_whose_answer_is_lost_succeeds(invoke: Invoker, script: Script) -> None:
    script.describe_metadata(VERSION, version())
    script.delete(VERSION, HANGS_UP)
    script.delete(VERSION, ABSENT)
    script.describe_metadata(VERSION, ABSENT)
    assert delete(invoke) == succeeded()


def test_delete_of_a_package_with_an_unknown_status(invoke: Invoker, script: Script) -> None:
    unknown = version(ModelPackageStatus="Archived")
    expect_delete(script, unknown, status="Archived")
    event = delete(invoke)
    assert event == waiting(1, stage="deleting", polls=1, unseen_seconds=1)
    script.describe_metadata(VERSION, unknown)
    event = delete(invoke, **event["callbackContext"])
    assert event == waiting(2, stage="deleting", polls=2, unseen_seconds=3)
    script.describe_metadata(VERSION, ABSENT)
    assert delete(invoke, **event["callbackContext"]) == succeeded()


def test_delete_that_is_denied_fails(invoke: Invoker, script: Script) -> None:
    expect_delete(script, reply=DENIED)
    assert delete(invoke) == failed("AccessDenied", "DELETE", VERSION, DENIED)


@table(
    "replies, context, expected",
    {
        "the package is busy": ([version()], {}, failed("ResourceConflict", "DELETE", VERSION, BUSY)),
        "another client's delete is waited for": (
            [DELETING, DELETING],
            {},
            waiting(1, stage="deleting", polls=1),
        ),
        "another client's delete is done": ([ABSENT, ABSENT], {}, succeeded()),
        "the package is busy after waiting, so another poll follows": (
            [version()],
            {"stage": "waiting", "polls": 1},
            waiting(2, stage="waiting", polls=2, failed_polls=1),
        ),
    },
)
def test_delete_that_conflicts(
    invoke: Invoker, script: Script, replies: list[Reply | Model], context: Model, expected: Model
) -> None:
    expect_delete(script, *replies, reply=BUSY)
    assert delete(invoke, **context) == expected


def test_delete_repeats_a_poll_that_fails(invoke: Invoker, script: Script) -> None:
    expect_delete(script, *[UNAVAILABLE] * 4)
    assert delete(invoke) == waiting(1, stage="deleting", polls=1, failed_polls=1)


@table(
    "reply, context, expected",
    {
        "polls keep failing": (
            EXPIRED,
            {"stage": "deleting", "failed_polls": timing.MAX_FAILED_POLLS - 1},
            failed("InvalidCredentials", "DELETE", VERSION, EXPIRED),
        ),
        "it is absent": (ABSENT, {}, not_found("DELETE", VERSION, ABSENT)),
        "another client has deleted it": (ABSENT, {"stage": "waiting", "polls": 1}, succeeded()),
    },
)
def test_delete_ends_with_what_a_poll_reports(
    invoke: Invoker, script: Script, reply: Any, context: Model, expected: Model
) -> None:
    script.describe_metadata(VERSION, reply)
    assert delete(invoke, **context) == expected


def test_delete_through_the_test_entry_point(invoke: Invoker, script: Script) -> None:
    script.describe_metadata(VERSION, DELETING)
    assert invoke.test("DELETE", VERSION_STATE) == waiting(1, stage="deleting", polls=1)
