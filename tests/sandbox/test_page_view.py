"""The texts and tones of the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.page.view import overview
from tests.page.states import ARN, event, failed, package

Json = dict[str, Any]


def operations_of(*events: Json) -> list[Json]:
    operations: list[Json] = overview.view({"groups": [], "events": list(events), "olderEvents": 0})[
        "operations"
    ]
    return operations


@pytest.mark.parametrize(
    ("members", "text", "tone"),
    [
        ({"running": True, "status": None}, "running", "run"),
        ({}, "succeeded", "ok"),
        ({"status": "IN_PROGRESS", "callbackDelaySeconds": 4}, "in progress, next poll in 4 s", "run"),
        ({"status": "IN_PROGRESS", "callbackDelaySeconds": 0}, "in progress", "run"),
        ({"status": "FAILED", "errorCode": "NotFound"}, "failed: NotFound", "bad"),
        ({"status": "FAILED"}, "failed", "bad"),
        ({"status": "ODD"}, "answered ODD", "plain"),
    ],
)
def test_view_status_of_an_event(members: Json, text: str, tone: str) -> None:
    (operation,) = operations_of(event(**members))
    assert (operation["events"][0]["status"], operation["events"][0]["tone"]) == (text, tone)
    assert (operation["tone"], operation["failed"]) == (tone, tone == "bad")


BY_FUNCTION = {"stack": None, "package": None, "logicalId": None}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (event(durationMs=None), {"duration": ""}),
        (event(durationMs=0.4), {"duration": "0.4 ms"}),
        (event(durationMs=9.94), {"duration": "9.9 ms"}),
        (event(durationMs=12.4), {"duration": "12 ms"}),
        (event(durationMs=999.4), {"duration": "999 ms"}),
        (event(durationMs=1250.0), {"duration": "1.2 s"}),
        (event(), {"subject": "Version", "where": "in stack shop"}),
        (event(stack=None), {"subject": "churn/1", "where": "by TypeFunction"}),
        (event(stack=None, package=None), {"subject": "Version", "where": "by TypeFunction"}),
        (event(**BY_FUNCTION, action="LIST"), {"subject": "", "where": "by TypeFunction"}),
        (failed(), {"announcement": "CREATE of Version in stack shop failed: NotStabilized"}),
        (
            failed(**BY_FUNCTION, errorCode=None),
            {"announcement": "CREATE of a package by TypeFunction failed"},
        ),
    ],
)
def test_view_members_of_an_event(given: Json, expected: Json) -> None:
    one = operations_of(given)[0]["events"][0]
    assert {name: one[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("given", "is_open"),
    [
        (event(), False),
        (event(message="the stage stays"), True),
        (event(message="later", status="IN_PROGRESS"), False),
        (failed(), True),
    ],
)
def test_view_opens_an_event_with_a_message(given: Json, is_open: bool) -> None:
    one = operations_of(given)[0]["events"][0]
    assert (one["open"], one["message"]) == (is_open, given["message"] or "")


@pytest.mark.parametrize(
    ("make", "call", "text", "tone"),
    [
        (failed, {"error": "AccessDenied", "answered": True}, "AccessDenied", "bad"),
        (event, {"error": "ValidationException", "answered": True}, "ValidationException", "plain"),
        (event, {"error": None, "answered": True}, "answered", "ok"),
        (event, {"error": None, "answered": False}, "no answer yet", "run"),
    ],
)
def test_view_outcome_of_a_call(make: Callable[..., Json], call: Json, text: str, tone: str) -> None:
    """A refused call is bad in an operation that failed only."""
    calls = [{"operation": "ListTags", "durationMs": None, **call}] * 2
    one = operations_of(make(calls=calls))[0]["events"][0]
    assert [(each["outcome"], each["tone"]) for each in one["calls"]] == [(text, tone)] * 2
    assert one["callCount"] == "2 calls"
    assert one["refused"] == ("2 refused" if call["error"] else "")


def test_view_failed_poll_of_an_operation_that_succeeded_is_no_failure() -> None:
    shown = overview.view(
        {"groups": [], "events": [failed(id="1"), event(id="2", callback=True)], "olderEvents": 0}
    )
    (operation,) = shown["operations"]
    assert [(each["tone"], each["failed"]) for each in operation["events"]] == [
        ("ok", False),
        ("past", False),
    ]
    assert (operation["tone"], operation["failed"]) == ("ok", False)
    assert (shown["summary"]["title"], shown["summary"]["failed"]) == ("Model package sandbox", "")


def test_view_groups_the_polls_of_an_operation() -> None:
    waiting = {"status": "IN_PROGRESS", "callbackDelaySeconds": 1}
    other, operation = operations_of(
        event(id="1", package=None, **waiting),
        event(id="2", operation="other", logicalId="Other"),
        event(id="3", callback=True, **waiting),
        failed(id="4", callback=True),
    )
    assert [(each["key"], each["poll"]) for each in other["events"]] == [("2", "")]
    assert [(each["key"], each["poll"], each["tone"]) for each in operation["events"]] == [
        ("4", "poll 3", "bad"),
        ("3", "poll 2", "past"),
        ("1", "poll 1", "past"),
    ]
    assert operation["events"][2]["arn"] == f"{ARN}/churn/1"  # which a later poll has made known
    assert (operation["failed"], operation["stack"], operation["group"]) == (True, "shop", "churn")


@pytest.mark.parametrize(
    ("events", "keys"),
    [
        ([event(id="1"), event(id="2", logicalId="Other"), event(id="3", action="DELETE")], 3),
        ([event(id="1", operation=None), event(id="2", operation=None)], 2),
    ],
    ids=["one token for two resources and actions", "no token"],
)
def test_view_separates_operations(events: list[Json], keys: int) -> None:
    assert len({operation["key"] for operation in operations_of(*events)}) == keys


def test_view_does_not_number_polls_without_the_first() -> None:
    (operation,) = operations_of(event(id="8", callback=True), event(id="9", callback=True))
    assert [each["poll"] for each in operation["events"]] == ["later poll", "later poll"]


def test_view_of_an_unversioned_package() -> None:
    scorer = package(arn=f"{ARN}/scorer", name="scorer", approval=None)
    shown = overview.view(
        {
            "groups": [{"name": None, "packages": [scorer]}],
            "events": [event(package=f"{ARN}/scorer")],
            "olderEvents": 0,
        }
    )
    (group,) = shown["groups"]
    assert (group["heading"], group["count"]) == ("Unversioned packages", "1 package")
    assert (group["packages"][0]["title"], group["packages"][0]["approval"]) == ("scorer", "none")
    assert shown["operations"][0]["group"] is None
    assert shown["summary"]["inGroups"] == ""


@pytest.mark.parametrize(
    ("members", "tones"),
    [
        ({}, ("ok", "wait", "none")),
        ({"status": "Failed", "approval": "Rejected", "stage": "Production"}, ("bad", "bad", "plain")),
        ({"status": "InProgress", "approval": "Approved"}, ("run", "ok", "none")),
        ({"status": "Unheard", "approval": "Of"}, ("plain", "plain", "none")),
    ],
)
def test_view_tones_of_a_package(members: Json, tones: tuple[str, ...]) -> None:
    groups = [{"name": "churn", "packages": [package(**members)]}]
    one = overview.view({"groups": groups, "events": [], "olderEvents": 0})["groups"][0]["packages"][0]
    assert (one["statusTone"], one["approvalTone"], one["stageTone"]) == tones
