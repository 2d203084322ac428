"""How long the handlers wait, in simulated seconds: the table in `times`, and what follows from it."""

from __future__ import annotations

from typing import Any

import pytest

from aws_sagemaker_modelpackage import timing

from .conftest import Clock, Invoker, lambda_context
from .events import (
    NO_TIME,
    SINCE,
    VERSION,
    Model,
    failed,
    in_progress,
    said,
    succeeded,
    version,
    version_model,
)
from .scripted_sagemaker import A_TOKEN, HANGS_UP, ScriptedSageMaker, error

IN_GROUP = {"ModelPackageGroupName": "churn"}
STATE = {"ModelPackageArn": VERSION}
VERSION_STATE = {**IN_GROUP, **STATE}
GONE = error("ValidationException", f"ModelPackage {VERSION} does not exist.")
WORKING = version(ModelPackageStatus="InProgress")
# What an operation may wait before our last look at it.
LONGEST_WAIT = timing.MAX_OPERATION_SECONDS - timing.FINAL_POLL_SECONDS


def test_delays_double_from_one_second_to_a_minute() -> None:
    assert [timing.delay_seconds(looks) for looks in range(9)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_the_delay_after_very_many_looks_is_still_a_minute() -> None:
    assert timing.delay_seconds(10_000_000) == timing.MAX_DELAY_SECONDS == 60


@pytest.mark.parametrize("action", ["create", "update", "delete"])
def test_an_operation_may_take_what_the_schema_promises(schema: Model, action: str) -> None:
    assert schema["handlers"][action]["timeoutInMinutes"] * 60 == timing.MAX_OPERATION_SECONDS


def test_the_table_keeps_what_the_contract_and_the_limits_of_a_stack_ask_for() -> None:
    assert (
        timing.MAX_INVOCATION_SECONDS + timing.ANSWER_RESERVE_SECONDS < 30
    )  # the contract's seconds for one invocation
    assert timing.FINAL_TELEMETRY_SECONDS < timing.ANSWER_RESERVE_SECONDS
    assert 3 <= timing.MAX_ATTEMPTS <= 5
    attempt = timing.CONNECT_SECONDS + timing.READ_SECONDS
    assert 3 * attempt + timing.MAX_PAUSE_SECONDS / 2 < timing.MAX_INVOCATION_SECONDS
    assert timing.FINAL_POLL_SECONDS > timing.MAX_DELAY_SECONDS + timing.MAX_INVOCATION_SECONDS
    assert timing.MAX_TELEMETRY_SECONDS < timing.MAX_INVOCATION_SECONDS
    # What keeps failing is told after as many looks, however late in a long wait.
    assert timing.MAX_FAILED_POLLS * (timing.MAX_DELAY_SECONDS + timing.MAX_INVOCATION_SECONDS) < 8 * 60


# --- between two invocations ------------------------------------------------------------------------

READY_AT = [0.0, 0.5, 1.0, 1.5, 2.9, 3.0, 7.0, 14.99, 31.0, 62.5, 63.0, 123.0, 500.25, 3600.0]


def looks_until_ready(
    invoke: Invoker, sagemaker: ScriptedSageMaker, clock: Clock, action: str, ready_at: float
) -> tuple[float, int, Model]:
    """Drive an action on a package that is ready so many seconds after its beginning.

    Returns when it was reported, in seconds after the beginning, the last delay, and the last event.
    """
    began, delay = clock.now, 0
    finished: Any = GONE if action == "DELETE" else version()
    event: Model = {"status": "IN_PROGRESS", "callbackContext": None}
    if action == "CREATE":
        sagemaker.expect("CreateModelPackage", {**IN_GROUP, "ClientToken": A_TOKEN}, STATE)
    if action == "DELETE":
        sagemaker.look(VERSION, version())
        sagemaker.delete(VERSION)
    while event["status"] == "IN_PROGRESS":
        reply = finished if clock.now - began >= ready_at else WORKING
        if action == "DELETE":
            sagemaker.look(VERSION, reply if reply is finished else version(ModelPackageStatus="Deleting"))
        else:
            sagemaker.describe(VERSION, reply)
        desired = VERSION_STATE if action == "UPDATE" else STATE if action == "DELETE" else IN_GROUP
        previous = VERSION_STATE if action == "UPDATE" else None
        event = invoke(action, desired, previous, event["callbackContext"])
        if event["status"] == "IN_PROGRESS":
            delay = event["callbackDelaySeconds"]
            clock.advance(delay)
    return clock.now - began, delay, event


@pytest.mark.parametrize("ready_at", READY_AT)
@pytest.mark.parametrize("action", ["CREATE", "UPDATE", "DELETE"])
def test_what_is_ready_is_told_no_later_than_the_current_delay(
    invoke: Invoker, sagemaker: ScriptedSageMaker, clock: Clock, action: str, ready_at: float
) -> None:
    told, delay, event = looks_until_ready(invoke, sagemaker, clock, action, ready_at)
    assert event == (succeeded() if action == "DELETE" else succeeded(version_model()))
    assert ready_at <= told <= ready_at + delay
    assert delay <= min(
        max(1, ready_at + 1), timing.MAX_DELAY_SECONDS
    )  # no delay exceeds what was waited before it


def waits(action: str) -> tuple[Model, Model | None, str]:
    """The states of an action, and what its context says of how far it is."""
    if action == "UPDATE":
        return VERSION_STATE, VERSION_STATE, "waiting"
    return (VERSION_STATE if action == "CREATE" else STATE), None, "deleting"


def so_far(action: str, seconds: float) -> Model:
    """The context of an action that began so many seconds ago, before a test's simulated time."""
    context: Model = {"arn": VERSION, "polls": 2164, "since": int(SINCE - seconds)}
    return context if action == "CREATE" else {**context, "stage": waits(action)[2]}


@pytest.mark.parametrize("action", ["CREATE", "UPDATE", "DELETE"])
def test_the_last_delay_is_cut_so_that_the_last_look_is_in_time(
    invoke: Invoker, sagemaker: ScriptedSageMaker, action: str
) -> None:
    desired, previous, _ = waits(action)
    context = so_far(action, LONGEST_WAIT - 7)
    look = sagemaker.look if action == "DELETE" else sagemaker.describe
    look(VERSION, WORKING)
    event = invoke(action, desired, previous, context)
    assert event == in_progress(desired, 7, **{**context, "polls": 2165})


@pytest.mark.parametrize("action", ["CREATE", "UPDATE", "DELETE"])
def test_waiting_ends_with_our_words_before_the_schema_s_time_is_up(
    invoke: Invoker, sagemaker: ScriptedSageMaker, action: str
) -> None:
    desired, previous, _ = waits(action)
    look = sagemaker.look if action == "DELETE" else sagemaker.describe
    look(VERSION, WORKING)
    event = invoke(action, desired, previous, so_far(action, LONGEST_WAIT))
    words = "the package's status is InProgress, after 36 hours"
    leftover = desired if action == "CREATE" else None
    assert event == failed("NotStabilized", said(action, VERSION, words), leftover)


def test_a_disturbance_at_the_end_of_the_time_is_told_itself(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, error("ExpiredTokenException", "expired"))
    event = invoke("CREATE", VERSION_STATE, context=so_far("CREATE", LONGEST_WAIT))
    words = said("CREATE", VERSION, "expired (ExpiredTokenException)")
    assert event == failed("InvalidCredentials", words, VERSION_STATE)


# --- one invocation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [900.0, 60.0, 29.0, 20.0, 10.0, 5.0, 3.0, 2.0, 1.5])
def test_attempts_shrink_with_the_time_that_lambda_leaves(
    invoke: Invoker, sagemaker: ScriptedSageMaker, clock: Clock, left: float
) -> None:
    """Every attempt takes as long as its timeouts allow, and still the answer is in time."""
    began = clock.now
    usable = min(timing.MAX_INVOCATION_SECONDS, left - timing.ANSWER_RESERVE_SECONDS)
    timeouts = [
        max(timing.MIN_TIMEOUT_SECONDS, each * usable / timing.MAX_INVOCATION_SECONDS)
        for each in (timing.CONNECT_SECONDS, timing.READ_SECONDS)
    ]
    for _ in range(timing.MAX_ATTEMPTS):
        sagemaker.describe(VERSION, HANGS_UP, takes=sum(timeouts))
    event = invoke("READ", STATE, lambda_context=lambda_context(left))
    assert event["errorCode"] == "NetworkFailure"
    assert clock.now - began <= usable
    assert len(sagemaker.calls) >= (3 if left > 2 else 1)
    sagemaker.script.clear()  # how many attempts fit depends on pauses that are drawn


@pytest.mark.parametrize("left", [1.0, 0.5, 0.0, -3.0])
def test_no_call_is_begun_when_lambda_leaves_no_time(invoke: Invoker, clock: Clock, left: float) -> None:
    began = clock.now
    event = invoke("READ", STATE, lambda_context=lambda_context(left))
    assert event == failed("NetworkFailure", said("READ", VERSION, NO_TIME))
    assert clock.now == began
