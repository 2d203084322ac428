"""The order of events and calls that two processes report, each in its own time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.commands.chronology import LISTED_AFTER_SECONDS, Chronology, Happening
from sandbox.commands.output import clock

Poll = Callable[..., list[str]]
BEGIN = 1_800_000_000.0


def event(seconds: float, status: str, reason: str | None = None) -> Any:
    """An event so many seconds after the beginning."""
    more = {"ResourceStatusReason": reason} if reason else {}
    moment = datetime.fromtimestamp(BEGIN + seconds, UTC)
    return {"Timestamp": moment, "ResourceStatus": status, "LogicalResourceId": "Version", **more}


def call(seconds: float, operation: str, *, answered: bool = True, error: str | None = None) -> Any:
    received = round(BEGIN + seconds, 3)
    return {"operation": operation, "received": received, "answered": answered, "error": error}


@pytest.fixture
def calls() -> list[Any]:
    """What SageMaker lists."""
    return []


@pytest.fixture
def poll(calls: list[Any]) -> Poll:
    """Polls so many seconds after the beginning, and returns what is shown, by its first words."""
    now = BEGIN
    whole = Chronology(lambda: calls, lambda: now)

    def poll_at(seconds: float, *events: Any, is_over: bool = False) -> list[str]:
        nonlocal now
        now = BEGIN + seconds
        shown = whole.poll(lambda: events, is_over=is_over)
        return [each.values.get("status") or each.values["operation"] for each in shown]

    return poll_at


def test_chronology_shows_calls_after_the_events_before_them(poll: Poll, calls: list[Any]) -> None:
    # As recorded of an update: when it is polled, all of it has happened.
    calls += [call(0.020, "Describe"), call(0.026, "Update"), call(0.031, "Describe")]
    events = [event(0.001, "UPDATE_IN_PROGRESS"), event(0.007, "UPDATE_IN_PROGRESS")]
    ended = [event(0.040, "UPDATE_COMPLETE")]
    assert poll(0.5, *events, *ended) == [
        *["UPDATE_IN_PROGRESS"] * 2,
        "Describe",
        "Update",
        "Describe",
        "UPDATE_COMPLETE",
    ]


def test_chronology_shows_a_poll_that_follows_an_event_after_it(poll: Poll, calls: list[Any]) -> None:
    calls += [call(0.01, "Create")]
    assert poll(0.5, event(0.0, "CREATE_IN_PROGRESS"), event(0.02, "CREATE_IN_PROGRESS")) == [
        "CREATE_IN_PROGRESS",
        "Create",
        "CREATE_IN_PROGRESS",
    ]
    calls += [call(1.0, "Describe")]
    assert poll(1.5) == ["Describe"]
    calls += [call(2.0, "Describe")]
    assert poll(2.5, event(2.01, "CREATE_COMPLETE")) == ["Describe", "CREATE_COMPLETE"]


def test_chronology_holds_the_last_moment_back(poll: Poll, calls: list[Any]) -> None:
    """An event of the same moment may be listed by the next poll only."""
    calls += [call(0.99, "Describe")]
    assert poll(1.0) == []
    assert poll(1.0 + LISTED_AFTER_SECONDS, event(0.98, "UPDATE_IN_PROGRESS")) == [
        "UPDATE_IN_PROGRESS",
        "Describe",
    ]
    calls += [call(1.1, "Describe")]
    assert poll(1.1, event(1.2, "UPDATE_COMPLETE"), is_over=True) == ["Describe", "UPDATE_COMPLETE"]


def test_chronology_waits_for_the_answer_of_a_call(poll: Poll, calls: list[Any]) -> None:
    calls += [call(0.1, "Create", answered=False), call(0.2, "Describe")]
    assert poll(1.0, event(0.0, "CREATE_IN_PROGRESS"), event(0.3, "CREATE_FAILED")) == ["CREATE_IN_PROGRESS"]
    calls[0]["answered"] = True
    assert poll(1.1) == ["Create", "Describe", "CREATE_FAILED"]
    # At the end nothing is held back for the next step.
    calls += [call(2.0, "Delete", answered=False)]
    assert poll(2.1, event(2.05, "DELETE_COMPLETE"), is_over=True) == ["DELETE_COMPLETE"]


def test_chronology_of_one_millisecond(poll: Poll, calls: list[Any]) -> None:
    calls += [call(0.5, "Describe")]
    assert poll(1.1, event(0.5, "UPDATE_IN_PROGRESS")) == ["UPDATE_IN_PROGRESS", "Describe"]
    calls += [call(0.6, "Describe")]
    assert poll(1.1, event(0.6, "UPDATE_COMPLETE")) == ["Describe", "UPDATE_COMPLETE"]
    calls += [call(1.9, "Describe")]
    assert poll(2.0) == []
    assert poll(2.5, event(1.9, "UPDATE_IN_PROGRESS")) == ["UPDATE_IN_PROGRESS", "Describe"]


def test_chronology_leaves_out_what_is_skipped(calls: list[Any]) -> None:
    calls += [call(0.1, "BeforeTheDemo")]
    whole = Chronology(lambda: calls)
    calls += [call(0.2, "OfTheDemo")]
    whole.skip()
    calls += [call(0.3, "OfAHandler")]
    assert [each.values["operation"] for each in whole.poll(list, is_over=True)] == ["OfAHandler"]


def test_happening_as_text_and_json() -> None:
    made = Happening(BEGIN + 0.007, "call", {"operation": "Describe", "error": "Throttling"})
    assert str(made) == f"{clock(BEGIN)}.007  call   Describe  Throttling"
    values = {"status": "CREATE_FAILED", "resource": "Version", "reason": "no"}
    failed = Happening(BEGIN + 1, "event", values)
    assert str(failed).split("\n") == [
        f"{clock(BEGIN + 1)}.000  event  CREATE_FAILED                Version",
        f"{' ' * 24}no",
    ]
    assert failed.as_json() == {"kind": "event", "time": BEGIN + 1, **values}
