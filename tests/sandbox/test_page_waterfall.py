"""`waterfall`: the polls, calls and pauses of an operation, as a drawing and as a table."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from sandbox.page.waterfall import MAX_PAUSE_WIDTH, SIZES, waterfall
from sandbox.page.waterfall_rows import KEPT_POLLS, MAX_POLLS
from tests.page.states import MOMENT, call, event
from tests.sandbox.helpers import cases

Json = dict[str, Any]

THROTTLED = {"error": "ThrottlingException"}


def poll(seconds: float, milliseconds: float | None = 100, *calls: Json, **members: Any) -> Json:
    """A poll that began so many seconds after `MOMENT`."""
    answer = {"status": "IN_PROGRESS", "callbackDelaySeconds": 2, "callback": seconds > 0}
    times = {
        "id": str(seconds),
        "started": MOMENT + seconds,
        "durationMs": milliseconds,
        "calls": list(calls),
    }
    return event(**{**answer, **times, **members})


def at(seconds: float, operation: str = "DescribeModelPackage", **members: Any) -> Json:
    """A call that was received so many seconds after `MOMENT`."""
    return call(operation, **{"received": MOMENT + seconds, "durationMs": 10.0, **members})


def succeeded(seconds: float, *calls: Json) -> Json:
    return poll(seconds, 100, *calls, status="SUCCESS", callbackDelaySeconds=0)


def shown(events: list[Json], now: float = 0.0) -> Json:
    """The view, so many seconds after `MOMENT`."""
    return waterfall(events, MOMENT + now)


def drawn(view: Json, size: str = "wide") -> list[Json]:
    """The rows of the drawing of a size."""
    (picture,) = [each for each in view["pictures"] if each["key"] == size]
    return list(picture["rows"])


def texts(view: Json) -> list[tuple[str, str, str]]:
    """The table: what, when it began, how long it took and how it ended."""
    return [(each["name"], each["offset"], each["text"]) for each in view["rows"]]


def test_waterfall_has_polls_calls_and_pauses_in_order() -> None:
    polls = [
        poll(0, 200, at(0.05, "CreateModelPackage", durationMs=30.0), at(0.15)),
        poll(2.2, 100, at(2.21)),
        succeeded(4.3, at(4.31)),
    ]
    view = shown(polls[::-1], 9)  # in any order
    assert texts(view) == [
        ("poll 1", "0", "200 ms, in progress"),
        ("CreateModelPackage", "+50 ms", "30 ms"),
        ("DescribeModelPackage", "+150 ms", "10 ms"),
        ("pause", "+200 ms", "2 s"),
        ("poll 2", "+2.2 s", "100 ms, in progress"),
        ("DescribeModelPackage", "+2.2 s", "10 ms"),
        ("pause", "+2.3 s", "2 s"),
        ("poll 3", "+4.3 s", "100 ms, succeeded"),
        ("DescribeModelPackage", "+4.3 s", "10 ms"),
    ]
    assert view["summary"] == "3 polls, 4 calls; 4.4 s in all, 400 ms of it at work."
    assert [each["name"] for each in drawn(view)] == [each["name"] for each in view["rows"]]
    assert (view["incomplete"], view["notListed"]) == ("", "")


@pytest.mark.parametrize("size", SIZES)
def test_waterfall_is_to_scale_but_for_long_pauses(size: str) -> None:
    polls = [poll(0, 200, at(0.1, durationMs=50.0)), poll(60.2, 100), succeeded(60.31)]
    view = shown(polls)
    first, described, pause, second, short, third = drawn(view, size)
    scale = first["width"] / 200
    assert second["width"] == pytest.approx(100 * scale, abs=0.2)
    assert described["width"] == pytest.approx(50 * scale, abs=0.2)
    assert described["x"] == pytest.approx(first["x"] + 100 * scale, abs=0.2)
    assert (pause["width"], pause["isBroken"], pause["text"]) == (
        MAX_PAUSE_WIDTH,
        True,
        "1 min, asked for 2 s",
    )
    assert short["width"] == pytest.approx(max(10 * scale, 6), abs=0.5)
    for earlier, later in pairwise((first, pause, second, short, third)):
        assert later["x"] == pytest.approx(earlier["x"] + earlier["width"], abs=0.2)
    ends = [each["y"] + each["height"] for each in drawn(view, size)]
    assert all(end <= later["y"] for end, later in zip(ends, drawn(view, size)[1:], strict=False))
    picture = next(each for each in view["pictures"] if each["key"] == size)
    assert third["x"] + third["width"] <= picture["width"] == SIZES[size]
    assert ends[-1] < picture["height"]
    assert picture["ruler"]["text"] in ("20 ms", "50 ms", "100 ms")


@cases(
    "last, text, tone, shape",
    {
        "success": ({"status": "SUCCESS"}, "100 ms, succeeded", "ok", "bar"),
        "failure": (
            {"status": "FAILED", "errorCode": "NotStabilized"},
            "100 ms, failed: NotStabilized",
            "bad",
            "cross",
        ),
        "failure without a code": ({"status": "FAILED"}, "100 ms, failed", "bad", "cross"),
        "timeout": (
            {"status": "FAILED", "errorCode": "Sandbox.Timedout"},
            "100 ms, timed out",
            "bad",
            "timeout",
        ),
        "running": (
            {"status": None, "running": True, "durationMs": None},
            "2 s, running",
            "run",
            "open",
        ),
        "unknown status": ({"status": "PAUSED"}, "100 ms, answered PAUSED", "plain", "bar"),
        "no end": ({"status": "FAILED", "durationMs": None}, "0 ms, failed", "bad", "cross"),
    },
)
def test_waterfall_of_one_poll(last: Json, text: str, tone: str, shape: str) -> None:
    view = shown([poll(0, **{"callbackDelaySeconds": 0, **last})], 2)
    (row,) = drawn(view)
    assert (row["name"], row["text"], row["tone"], row["shape"]) == ("poll 1", text, tone, shape)
    assert texts(view) == [("poll 1", "0", text)]
    assert (row["markX"] is not None) == (shape != "bar")


def test_waterfall_shows_refused_calls_and_retries_without_failure() -> None:
    create = "CreateModelPackage"
    calls = [at(0, create, **THROTTLED), at(0.03, create, **THROTTLED), at(0.06, create), at(0.08, create)]
    view = shown([succeeded(0, *calls)])
    assert [(each["text"], each["tone"], each["shape"]) for each in drawn(view)[1:]] == [
        ("refused: ThrottlingException, 10 ms", "wait", "refused"),
        ("refused: ThrottlingException, attempt 2, 10 ms", "wait", "refused"),
        ("attempt 3, 10 ms", "ok", "retry"),
        ("10 ms", "ok", "bar"),
    ]
    assert drawn(view)[0]["tone"] == "ok"
    assert view["summary"] == "1 poll, 4 calls, 2 of them refused; 100 ms in all."
    assert [each["text"] for each in view["legend"]] == ["refused by SageMaker", "called again after that"]
    denied = poll(0, 100, at(0, error="AccessDeniedException"), status="FAILED", errorCode="AccessDenied")
    assert [each["tone"] for each in drawn(shown([denied]))] == ["bad", "bad"]


def test_waterfall_has_texts_above_the_bars_where_it_is_narrow() -> None:
    create = "CreateModelPackage"
    view = shown([succeeded(0, at(0, create), at(0.05, create, error="ResourceLimitExceeded"))])
    one_line, two_lines = drawn(view, "narrow")[1:]
    assert one_line["textX"] > one_line["nameX"] + len(create) * 6
    assert (one_line["textY"], two_lines["textX"]) == (one_line["nameY"], two_lines["nameX"])
    assert two_lines["nameY"] < two_lines["textY"] < two_lines["y"]
    beside = drawn(view)[1]
    assert beside["textX"] > beside["x"] + beside["width"]


def test_waterfall_of_calls_without_answer() -> None:
    waiting = at(0.05, answered=False, durationMs=None)
    lost = poll(0, 200, waiting, status="FAILED", errorCode="Sandbox.Timedout")
    row = drawn(shown([lost]))[1]
    assert (row["text"], row["tone"], row["shape"]) == ("no answer in time", "bad", "timeout")
    running = poll(0, None, waiting, status=None, running=True)
    first, row = drawn(shown([running], 1))
    assert (row["text"], row["tone"], row["shape"]) == ("no answer yet", "run", "open")
    assert row["x"] + row["width"] == pytest.approx(first["x"] + first["width"], abs=0.2)


def test_waterfall_of_operation_between_polls_waits_until_now() -> None:
    view = shown([poll(0, 100, callbackDelaySeconds=60)], 20.1)
    assert texts(view)[1] == ("waiting", "+100 ms", "20 s so far, next poll due after 1 min")
    assert view["summary"] == "1 poll, no call; 20 s in all, 100 ms of it at work."
    assert len(drawn(shown([succeeded(0)], 20))) == 1  # it has ended


def test_waterfall_without_its_first_polls_says_so() -> None:
    view = shown([poll(0, callback=True), succeeded(5)])
    assert view["incomplete"] == "Its first polls are no longer kept."
    assert [each["name"] for each in drawn(view)] == ["later poll", "pause", "later poll"]


def test_waterfall_polls_that_overlap_keep_their_times() -> None:
    view = shown([poll(0, 1000), succeeded(0.5)])
    assert [each[:2] for each in texts(view)] == [("poll 1", "0"), ("poll 2", "+500 ms")]


@pytest.mark.parametrize("size", SIZES)
def test_waterfall_draws_polls_that_overlap_at_their_times(size: str) -> None:
    polls = [poll(0, 1000, at(0.9, durationMs=50.0)), poll(0.5, 100, at(0.55)), succeeded(2)]
    first, described, second, other, pause, last = drawn(shown(polls), size)
    scale = first["width"] / 1000
    assert second["x"] == pytest.approx(first["x"] + 500 * scale, abs=0.2)
    assert second["width"] == pytest.approx(100 * scale, abs=0.2)
    assert other["x"] == pytest.approx(first["x"] + 550 * scale, abs=0.2)
    assert described["x"] == pytest.approx(first["x"] + 900 * scale, abs=0.2)
    assert (pause["name"], pause["x"]) == ("pause", pytest.approx(first["x"] + first["width"], abs=0.2))
    assert last["x"] == pytest.approx(pause["x"] + pause["width"], abs=0.2)


def test_waterfall_of_a_poll_that_failed_and_was_asked_again_has_no_failure() -> None:
    failed = poll(0, 100, at(0, **THROTTLED), status="FAILED", errorCode="Throttling")
    again = poll(2, 100, at(2), status="SUCCESS", callback=False)
    assert [each["tone"] for each in drawn(shown([failed, again])) if each["kind"] != "pause"] == [
        *("wait", "wait"),
        *("ok", "ok"),
    ]


def test_waterfall_of_many_polls_keeps_the_slow_ones_and_counts_the_failed_ones() -> None:
    polls = [poll(9.0 * number, 100) for number in range(100)]
    polls[60] = poll(9.0 * 60, 4000)
    for number in range(20, 40):
        polls[number] = poll(9.0 * number, 90, status="FAILED", errorCode="Sandbox.Timedout")
    rows = drawn(shown(polls))
    assert "poll 61" in [each["name"] for each in rows]
    failed = [each for each in rows if each["kind"] == "several" and "failed" in each["text"]]
    assert [(each["text"].rpartition(", ")[2], each["shape"]) for each in failed] == [
        ("15 polls failed", "cross")
    ]
    assert len([each for each in rows if each["kind"] == "poll"]) <= MAX_POLLS


def test_waterfall_of_many_polls_draws_those_alike_as_one_row() -> None:
    polls = [poll(60.1 * number, 100, at(60.1 * number), callbackDelaySeconds=60) for number in range(299)]
    polls[150]["calls"] = [at(60.1 * 150, **THROTTLED), at(60.1 * 150 + 0.02)]
    view = shown([*polls, succeeded(60.1 * 299)])
    names = [each["name"] for each in drawn(view) if each["kind"] in ("poll", "several")]
    assert names == [
        *("poll 1", "poll 2", "poll 3"),
        "polls 4 to 150",
        "poll 151",
        "polls 152 to 297",
        *("poll 298", "poll 299", "poll 300"),
    ]
    alike = drawn(view)[3 * KEPT_POLLS]
    assert (alike["text"], alike["isBroken"]) == ("2 h 27 min, 147 polls, 147 calls", True)
    assert len(view["rows"]) == 300 + 300 + 299
    assert view["summary"].startswith("300 polls, 300 calls, 1 of them refused; 4 h 59 min in all")
    for picture in view["pictures"]:
        end = max(each["x"] + each["width"] for each in picture["rows"])
        assert end <= picture["width"]
        widths = [each["width"] for each in picture["rows"] if each["kind"] == "poll"]
        assert min(widths) >= 6
    few = [poll(60.1 * number) for number in range(MAX_POLLS)]
    assert not [each for each in drawn(shown(few)) if each["kind"] == "several"]


def test_waterfall_where_all_polls_are_refused_draws_some_of_them() -> None:
    polls = [poll(3.0 * number, 100, at(3.0 * number, **THROTTLED)) for number in range(100)]
    rows = drawn(shown(polls))
    assert len([each for each in rows if each["kind"] == "poll"]) <= MAX_POLLS
    (alike,) = [each for each in rows if each["kind"] == "several"]
    assert (alike["shape"], alike["tone"]) == ("refused", "wait")
    assert alike["text"].endswith("88 polls, 88 calls, 88 refused")
