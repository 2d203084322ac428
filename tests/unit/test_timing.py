"""How long the handlers wait, in simulated seconds: the table in `timing`, and what follows from it."""

from __future__ import annotations

from typing import Any

import pytest

from aws_sagemaker_modelpackage import timing

from .conftest import Clock, Invoker, lambda_context
from .events import (
    IN_GROUP,
    NO_TIME,
    SINCE,
    STATE,
    VERSION,
    VERSION_STATE,
    Model,
    failed,
    in_progress,
    succeeded,
    version,
    version_model,
)
from .scripted_sagemaker import A_TOKEN, EXPIRED, HANGS_UP, Script, absent
from .tables import untraced

WORKING = version(ModelPackageStatus="InProgress")
ACTIONS = ["CREATE", "UPDATE", "DELETE"]
# What an operation may wait before its last poll.
MAX_WAIT = timing.MAX_OPERATION_SECONDS - timing.FINAL_POLL_SECONDS


def test_delays_double_from_one_second_to_a_minute() -> None:
    assert [timing.delay_seconds(polls) for polls in range(9)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert timing.delay_seconds(10_000_000) == timing.MAX_DELAY_SECONDS == 60


@pytest.mark.parametrize("action", ACTIONS)
def test_operation_may_take_what_the_schema_promises(schema: Model, action: str) -> None:
    promised = schema["handlers"][action.lower()]["timeoutInMinutes"]
    assert promised * 60 == timing.MAX_OPERATION_SECONDS


def test_table_fits_the_contract_and_the_limits_of_a_stack() -> None:
    # The contract's seconds for one invocation, and those that the guides promise.
    assert timing.MAX_INVOCATION_SECONDS + timing.ANSWER_RESERVE_SECONDS < 30
    assert timing.MAX_INVOCATION_SECONDS + timing.FINAL_TELEMETRY_SECONDS == 28
    assert timing.FINAL_TELEMETRY_SECONDS < timing.ANSWER_RESERVE_SECONDS
    assert 3 <= timing.MAX_ATTEMPTS <= 5
    attempt = timing.CONNECT_SECONDS + timing.READ_SECONDS
    assert 3 * attempt + timing.MAX_PAUSE_SECONDS / 2 < timing.MAX_INVOCATION_SECONDS
    assert timing.FINAL_POLL_SECONDS > timing.MAX_DELAY_SECONDS + timing.MAX_INVOCATION_SECONDS
    assert timing.MAX_TELEMETRY_SECONDS < timing.MAX_INVOCATION_SECONDS
    # An error that lasts is reported after as many polls, however late in a long wait.
    poll = timing.MAX_DELAY_SECONDS + timing.MAX_INVOCATION_SECONDS
    assert timing.MAX_FAILED_POLLS * poll < 8 * 60


# --- between two invocations ------------------------------------------------------------------------


def poll_until_ready(
    invoke: Invoker, script: Script, clock: Clock, action: str, ready_at: float
) -> tuple[float, int, Model]:
    """Drive an action on a package that is ready so many seconds after the action's beginning.

    Returns when that was reported, in seconds after the beginning, the last delay, and the last event.
    """
    began, delay = clock.now, 0
    ready: Any = absent(VERSION) if action == "DELETE" else version()
    busy = version(ModelPackageStatus="Deleting") if action == "DELETE" else WORKING
    describe = script.describe_metadata if action == "DELETE" else script.describe
    desired = VERSION_STATE if action == "UPDATE" else STATE if action == "DELETE" else IN_GROUP
    previous = VERSION_STATE if action == "UPDATE" else None
    event: Model = {"status": "IN_PROGRESS", "callbackContext": None}
    if action == "CREATE":
        script.create({**IN_GROUP, "ClientToken": A_TOKEN}, VERSION)
    if action == "DELETE":
        describe(VERSION, version())
        script.delete(VERSION)
    while event["status"] == "IN_PROGRESS":
        describe(VERSION, ready if clock.now - began >= ready_at else busy)
        event = invoke(action, desired, previous, event["callbackContext"])
        if event["status"] == "IN_PROGRESS":
            delay = event["callbackDelaySeconds"]
            clock.advance(delay)
    return clock.now - began, delay, event


@untraced
@pytest.mark.parametrize(
    "ready_at", [0.0, 0.5, 1.0, 1.5, 2.9, 3.0, 7.0, 14.99, 31.0, 62.5, 63.0, 123.0, 500.25, 3600.0]
)
@pytest.mark.parametrize("action", ACTIONS)
def test_ready_package_is_reported_after_the_delay_at_the_latest(
    invoke: Invoker, script: Script, clock: Clock, action: str, ready_at: float
) -> None:
    reported, delay, event = poll_until_ready(invoke, script, clock, action, ready_at)
    assert event == (succeeded() if action == "DELETE" else succeeded(version_model()))
    assert ready_at <= reported <= ready_at + delay
    # No delay exceeds what was waited until then.
    assert delay <= min(max(1, ready_at + 1), timing.MAX_DELAY_SECONDS)


def poll_at(
    invoke: Invoker, script: Script, action: str, seconds: float, reply: Any = WORKING
) -> tuple[Model, Model, Model]:
    """The desired state, the context and the event of a poll of an action that began so many seconds ago."""
    stages = {"CREATE": {}, "UPDATE": {"stage": "waiting"}, "DELETE": {"stage": "deleting"}}
    context = {"arn": VERSION, "polls": 2164, "since": int(SINCE - seconds), **stages[action]}
    desired = STATE if action == "DELETE" else VERSION_STATE
    (script.describe_metadata if action == "DELETE" else script.describe)(VERSION, reply)
    event = invoke(action, desired, VERSION_STATE if action == "UPDATE" else None, context)
    return desired, context, event


@pytest.mark.parametrize("action", ACTIONS)
def test_last_delay_ends_in_time_for_the_last_poll(invoke: Invoker, script: Script, action: str) -> None:
    desired, context, event = poll_at(invoke, script, action, MAX_WAIT - 7)
    assert event == in_progress(desired, 7, **{**context, "polls": 2165})


@pytest.mark.parametrize("action", ACTIONS)
def test_wait_ends_with_a_message_before_the_schemas_time_is_up(
    invoke: Invoker, script: Script, action: str
) -> None:
    desired, _, event = poll_at(invoke, script, action, MAX_WAIT)
    text = "the package's status is InProgress, after 36 hours"
    leftover = desired if action == "CREATE" else None
    assert event == failed("NotStabilized", action, VERSION, text, leftover)


def test_error_at_the_end_of_the_time_is_reported(invoke: Invoker, script: Script) -> None:
    desired, _, event = poll_at(invoke, script, "CREATE", MAX_WAIT, EXPIRED)
    assert event == failed("InvalidCredentials", "CREATE", VERSION, EXPIRED, desired)


# --- one invocation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [900.0, 60.0, 29.0, 20.0, 10.0, 5.0, 3.0, 2.0, 1.5])
def test_attempts_shrink_with_the_time_that_lambda_leaves(
    invoke: Invoker, script: Script, clock: Clock, left: float
) -> None:
    """Every attempt takes as long as its timeouts allow, and still the answer is in time."""
    began = clock.now
    usable = min(timing.MAX_INVOCATION_SECONDS, left - timing.ANSWER_RESERVE_SECONDS)
    timeouts = [
        max(timing.MIN_TIMEOUT_SECONDS, each * usable / timing.MAX_INVOCATION_SECONDS)
        for each in (timing.CONNECT_SECONDS, timing.READ_SECONDS)
    ]
    script.describe(VERSION, *[HANGS_UP] * timing.MAX_ATTEMPTS, takes=sum(timeouts))
    event = invoke("READ", STATE, lambda_context=lambda_context(left))
    assert event["errorCode"] == "NetworkFailure"
    assert clock.now - began <= usable
    assert len(script.calls) >= (3 if left > 2 else 1)
    script.steps.clear()  # how many attempts fit depends on pauses that are random


@pytest.mark.parametrize("left", [1.0, 0.5, 0.0, -3.0])
def test_no_call_begins_when_lambda_leaves_no_time(invoke: Invoker, clock: Clock, left: float) -> None:
    began = clock.now
    event = invoke("READ", STATE, lambda_context=lambda_context(left))
    assert event == failed("NetworkFailure", "READ", VERSION, NO_TIME)
    assert clock.now == began
