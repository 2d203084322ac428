"""Delete: one call, and the wait until the package is gone."""

from __future__ import annotations

import pytest

from aws_sagemaker_modelpackage import timing

from .conftest import Invoker
from .events import GONE, VERSION, failed, in_progress, not_found, said, succeeded, version
from .scripted_sagemaker import HANGS_UP, UNAVAILABLE, ScriptedSageMaker, error

STATE = {"ModelPackageArn": VERSION, "ModelPackageGroupName": "churn"}
ABSENT = error("ValidationException", GONE.format(VERSION))
DELETING = version(ModelPackageStatus="Deleting")


def test_a_plain_version_is_deleted_with_three_calls_and_no_model_is_left(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.look(VERSION, version())
    sagemaker.delete(VERSION)
    sagemaker.look(VERSION, ABSENT)
    assert invoke("DELETE", STATE) == succeeded()
    assert sagemaker.operations() == ["DescribeModelPackage", "DeleteModelPackage", "DescribeModelPackage"]


def test_a_failed_package_is_deleted(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.look(VERSION, version(ModelPackageStatus="Failed"))
    sagemaker.delete(VERSION)
    sagemaker.look(VERSION, ABSENT)
    assert invoke("DELETE", STATE) == succeeded()


def test_what_is_not_there_is_not_found(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.look(VERSION, ABSENT)
    words = f"{GONE.format(VERSION)} (ValidationException)"
    assert invoke("DELETE", STATE) == not_found("DELETE", VERSION, words)


def test_a_model_without_an_arn_is_not_found(invoke: Invoker) -> None:
    assert invoke("DELETE", {"ModelPackageName": "scorer"}) == not_found("DELETE", "scorer")


def test_properties_that_a_create_refused_do_not_disturb_a_delete(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.look(VERSION, version())
    sagemaker.delete(VERSION)
    sagemaker.look(VERSION, ABSENT)
    assert invoke("DELETE", {**STATE, "Unknown": None}) == succeeded()


def test_a_delete_that_takes_time_is_waited_for(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.look(VERSION, version())
    sagemaker.delete(VERSION)
    sagemaker.look(VERSION, DELETING)
    event = invoke("DELETE", STATE)
    for looks, delay in enumerate((1, 2, 4), start=1):
        context = {"arn": VERSION, "stage": "deleting", "polls": looks}
        assert event == in_progress(STATE, delay, **context)
        sagemaker.look(VERSION, DELETING)
        event = invoke("DELETE", event["resourceModel"], context=event["callbackContext"])
    sagemaker.look(VERSION, ABSENT)
    assert invoke("DELETE", STATE, context=event["callbackContext"]) == succeeded()


def test_a_package_that_is_being_deleted_is_waited_for_without_a_second_call(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.look(VERSION, DELETING)
    event = invoke("DELETE", STATE)
    assert event == in_progress(STATE, 1, arn=VERSION, stage="deleting", polls=1)
    sagemaker.look(VERSION, ABSENT)
    assert invoke("DELETE", STATE, context=event["callbackContext"]) == succeeded()


@pytest.mark.parametrize("status", ["Pending", "InProgress"])
def test_a_package_that_is_being_validated_is_waited_for_and_then_deleted(
    invoke: Invoker, sagemaker: ScriptedSageMaker, status: str
) -> None:
    sagemaker.look(VERSION, version(ModelPackageStatus=status))
    event = invoke("DELETE", STATE)
    assert event == in_progress(STATE, 1, arn=VERSION, stage="waiting", polls=1)
    sagemaker.look(VERSION, version())
    sagemaker.delete(VERSION)
    sagemaker.look(VERSION, ABSENT)
    assert invoke("DELETE", STATE, context=event["callbackContext"]) == succeeded()


def test_a_package_that_somebody_else_deletes_while_it_is_waited_for_is_gone(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.look(VERSION, ABSENT)
    context = {"arn": VERSION, "stage": "waiting", "polls": 1}
    assert invoke("DELETE", STATE, context=context) == succeeded()


def test_a_delete_that_is_accepted_without_effect_ends_after_a_minute(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.look(VERSION, version())
    sagemaker.delete(VERSION)
    sagemaker.look(VERSION, version())
    event = invoke("DELETE", STATE)
    waited = 0
    for looks, delay in enumerate((1, 2, 4, 8, 16, 29), start=1):
        waited += delay
        context = {"arn": VERSION, "stage": "deleting", "polls": looks, "unseen_seconds": waited}
        assert event == in_progress(STATE, delay, **context)
        sagemaker.look(VERSION, version())
        event = invoke("DELETE", event["resourceModel"], context=event["callbackContext"])
    assert waited == timing.MAX_IGNORED_DELETE_SECONDS
    words = "SageMaker accepted the delete but the package stays"
    assert event == failed("NotStabilized", said("DELETE", VERSION, words))


def test_a_delete_whose_answer_is_lost_has_happened(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.look(VERSION, version())
    sagemaker.delete(VERSION, HANGS_UP)
    sagemaker.delete(VERSION, ABSENT)
    sagemaker.look(VERSION, ABSENT)
    assert invoke("DELETE", STATE) == succeeded()


BUSY = error("ConflictException", "busy")


def test_a_delete_without_permission_says_so(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.look(VERSION, version())
    sagemaker.delete(VERSION, error("AccessDeniedException", "no"))
    expected = failed("AccessDenied", said("DELETE", VERSION, "no (AccessDeniedException)"))
    assert invoke("DELETE", STATE) == expected


def test_a_package_that_is_busy_is_a_conflict(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.look(VERSION, version())
    sagemaker.delete(VERSION, BUSY)
    sagemaker.look(VERSION, version())
    expected = failed("ResourceConflict", said("DELETE", VERSION, "busy (ConflictException)"))
    assert invoke("DELETE", STATE) == expected


def test_a_conflict_with_the_delete_of_somebody_else_is_waited_for(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.look(VERSION, version())
    sagemaker.delete(VERSION, BUSY)
    sagemaker.look(VERSION, DELETING)
    sagemaker.look(VERSION, DELETING)
    expected = in_progress(STATE, 1, arn=VERSION, stage="deleting", polls=1)
    assert invoke("DELETE", STATE) == expected


def test_a_conflict_with_a_delete_that_is_done_is_a_success(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.look(VERSION, version())
    sagemaker.delete(VERSION, BUSY)
    sagemaker.look(VERSION, ABSENT)
    sagemaker.look(VERSION, ABSENT)
    assert invoke("DELETE", STATE) == succeeded()


def test_a_conflict_after_waiting_is_tried_again_at_the_next_look(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.look(VERSION, version())
    sagemaker.delete(VERSION, BUSY)
    sagemaker.look(VERSION, version())
    event = invoke("DELETE", STATE, context={"arn": VERSION, "stage": "waiting", "polls": 1})
    assert event == in_progress(STATE, 2, arn=VERSION, stage="waiting", polls=2, failed_polls=1)


def test_a_look_that_fails_after_the_delete_is_repeated(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.look(VERSION, version())
    sagemaker.delete(VERSION)
    for _ in range(4):
        sagemaker.look(VERSION, UNAVAILABLE)
    event = invoke("DELETE", STATE)
    context = {"arn": VERSION, "stage": "deleting", "polls": 1, "failed_polls": 1}
    assert event == in_progress(STATE, 1, **context)


def test_looks_that_keep_failing_end_with_their_own_failure(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.look(VERSION, error("ExpiredTokenException", "expired"))
    context = {"arn": VERSION, "stage": "deleting", "polls": 4, "failed_polls": timing.MAX_FAILED_POLLS - 1}
    event = invoke("DELETE", STATE, context=context)
    expected = failed("InvalidCredentials", said("DELETE", VERSION, "expired (ExpiredTokenException)"))
    assert event == expected


def test_a_status_that_nobody_has_met_is_an_error(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.look(VERSION, version(ModelPackageStatus="Archived"))
    words = "SageMaker reports the status 'Archived', which this version of the handlers does not know"
    assert invoke("DELETE", STATE) == failed("GeneralServiceException", said("DELETE", VERSION, words))


def test_the_test_entry_point_deletes_too(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.look(VERSION, DELETING)
    expected = in_progress(STATE, 1, arn=VERSION, stage="deleting", polls=1)
    assert invoke.test("DELETE", STATE) == expected
