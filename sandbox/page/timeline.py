"""The history of a package as a drawing: lanes of what it was, and marks where that changed, by what."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

from .addresses import operation_address
from .scale import Span, apart, fitting, span_text, starts, widths
from .view.texts import NONE, approval_tone, count, moment, status_tone

Json = dict[str, Any]
Change = Mapping[str, Any]
Values = Mapping[str, str | None]

# In the units of the drawings, which are CSS pixels: one drawing for each width of the page.
SIZES = {"narrow": 326, "medium": 620, "wide": 1080}
MIN_GAP = 20  # between two moments: marks do not touch
NOW_WIDTH = 180  # at least, from the last change on: its length would change all the time
GONE_WIDTH = 20
EDGE = 28
LANE_HEIGHT = 54
BAR_TOP, BAR_HEIGHT = 19, 24
TEXT_INSET = 12  # beside a mark
AXIS_HEIGHT = 26
CHARACTER_WIDTH = 7.0  # of the bars' texts, at most on average
SMALL_CHARACTER_WIDTH = 6.2
MAX_MOMENTS = 80  # in a drawing
ENTRIES_SHOWN = 12  # at first

_DELETED = "deleted"
_LANES = {
    "status": "Status",
    "approval": "Approval",
    "stage": "Stage",
    "card": "Model card",
    "labels": "Metadata and tags",
}
_LANE_OF = {
    "status": "status",
    **dict.fromkeys(("approval", "approvalDescription"), "approval"),
    **dict.fromkeys(("stage", "stageStatus", "stageDescription"), "stage"),
    **dict.fromkeys(("cardStatus", "cardContent"), "card"),
    **dict.fromkeys(("metadata", "tags"), "labels"),
}
_NAMES = {
    "status": "Status",
    "approval": "Approval",
    "approvalDescription": "Approval description",
    "stage": "Stage",
    "stageStatus": "Stage status",
    "stageDescription": "Stage description",
    "cardStatus": "Model card status",
    "cardContent": "Model card content",
    "metadata": "Metadata",
    "tags": "Tags",
}
_CARD_TONES = {"Approved": "ok", "PendingReview": "wait", "Archived": "past"}
# What made a change, by shape: each stands in the legend.
_SHAPES = {"stack": "circle", "handler": "diamond", "client": "diamond", "service": "square"}
_UNKNOWN_SHAPE = "triangle"


def timeline(changes: Sequence[Change], older: int = 0, live: Values | None = None) -> Json:
    """Return what is drawn and written of a package's changes.

    `changes` are those of `sandbox.page.changes.attributed_changes`, oldest first, and `older` how many there
    are before them; `live` has what the package is now, by the names that changes have. `pictures` has a
    drawing for each of `SIZES`, whose distances grow with time, but less than it does, so that seconds and
    days have room; `entries` has the same as texts, newest first. All of it stays the same until another
    change is recorded.
    """
    stacks = sorted({each["event"]["stack"] for each in changes if each["by"] == "stack"})
    moments = _moments(changes)
    drawn = changes[sum(moments[-1] - each >= MAX_MOMENTS for each in moments) :]
    initial: Values = {**(live or {}), **_first_values(changes)} if older else {}
    previous = reduce(_changed, changes[: len(changes) - len(drawn)], initial)
    return {
        "empty": not changes,
        "summary": _summary(changes, stacks),
        "legend": _legend(drawn, stacks),
        "pictures": [
            _picture(previous, drawn, changes[0], name, width) for name, width in SIZES.items() if drawn
        ],
        "notDrawn": _omitted(len(changes) - len(drawn), "in the list only"),
        "notListed": _omitted(older, "not shown"),
        "shown": ENTRIES_SHOWN,
        "more": count(len(changes) - ENTRIES_SHOWN, "earlier change"),
        "entries": [_entry(each, changes[0]) for each in reversed(changes)],
    }


def _first_values(changes: Sequence[Change]) -> Values:
    """Return what a package was before the changes, as far as they changed it."""
    return {item["what"]: item["previous"] for each in reversed(changes) for item in each["items"]}


def _moments(changes: Sequence[Change]) -> list[int]:
    """Return the number of the moment of each change; changes of one lane never share one.

    The times have milliseconds, so that two calls may have the same.
    """
    moments: list[int] = []
    marked: set[str] = set()
    number = -1
    for index, change in enumerate(changes):
        lanes = {_LANE_OF[item["what"]] for item in change["items"]}
        if not moments or change["time"] != changes[index - 1]["time"] or lanes & marked:
            number, marked = number + 1, set()
        moments.append(number)
        marked |= lanes
    return moments


def _omitted(number: int, where: str) -> str:
    return f"{count(number, 'older change')} {where}." if number > 0 else ""


def _summary(changes: Sequence[Change], stacks: Sequence[str]) -> str:
    if not changes:
        return ""
    by = [each["by"] for each in changes]
    parts = [
        (by.count("stack"), f"by the stack {stacks[0]}" if len(stacks) == 1 else "by stacks"),
        (by.count("handler") + by.count("client"), "outside the stack" if stacks else "by other clients"),
        (by.count("service"), "by SageMaker itself"),
        (by.count("unknown"), "of unknown origin"),
    ]
    passed = changes[-1]["time"] - changes[0]["time"]
    during = f" in {span_text(passed)}" if passed > 0 else ""
    made = ", ".join(f"{number:,} {text}" for number, text in parts if number)
    return f"{count(len(changes), 'change')}{during}: {made}."


def _legend(changes: Sequence[Change], stacks: Sequence[str]) -> list[Json]:
    texts = {
        "circle": f"by the stack {stacks[0]}" if len(stacks) == 1 else "by a stack",
        "diamond": "outside the stack" if stacks else "by another client",
        "square": "SageMaker itself",
        "triangle": "not known",
    }
    present = {_shape(each) for each in changes}
    return [{"key": shape, "shape": shape, "text": text} for shape, text in texts.items() if shape in present]


def _shape(change: Change) -> str:
    return _SHAPES.get(change["by"], _UNKNOWN_SHAPE)


# --- The drawing ---


def _picture(previous: Values, drawn: Sequence[Change], first: Change, name: str, width: int) -> Json:
    moments = _moments(drawn)
    times = list(dict(zip(moments, (each["time"] for each in drawn), strict=True)).values())
    is_gone = reduce(_changed, drawn, previous).get("status") == _DELETED
    end_width = GONE_WIDTH if is_gone else min(NOW_WIDTH, width / 4)
    # By their logarithm: seconds and days have room beside each other, and what takes longer is longer.
    gaps = [Span(_logarithm(later - earlier), MIN_GAP) for earlier, later in itertools.pairwise(times)]
    x = starts(widths(gaps, width - 2 * EDGE - end_width), EDGE)
    positions = [(each, x[moment]) for each, moment in zip(drawn, moments, strict=True)]
    end = x[-1] + end_width if is_gone else max(x[-1] + end_width, width - EDGE)
    present = {_LANE_OF[item["what"]] for change in drawn for item in change["items"]}
    present |= {lane for lane in _LANES if _state(lane, previous)[0]}
    lanes = [
        {"key": lane, "name": _LANES[lane], "y": index * LANE_HEIGHT}
        | _lane(lane, previous, positions, first, end)
        for index, lane in enumerate(each for each in _LANES if each in present)
    ]
    bottom = len(lanes) * LANE_HEIGHT
    labels = [_offset(each, first) for each in times]
    ticks = [*zip(x, labels, strict=True), *([] if is_gone else [(end, "now")])]
    shown = apart([each for each, _ in ticks], [label for _, label in ticks], SMALL_CHARACTER_WIDTH)
    return {
        "key": name,
        "width": _rounded(max(width, end + EDGE)),
        "scrolls": end + EDGE > width + 1,
        "barTop": BAR_TOP,
        "barHeight": BAR_HEIGHT,
        "isSpread": len(times) > 1,
        "height": bottom + AXIS_HEIGHT,
        "bottom": bottom,
        "lanes": lanes,
        "ticks": [
            {"x": _rounded(each), "text": label if is_shown else ""}
            for (each, label), is_shown in zip(ticks, shown, strict=True)
        ],
    }


def _logarithm(seconds: float) -> float:
    """Return a length for a time: 1 for one second, 6 for a minute, 12 for an hour, 16 for a day."""
    return math.log2(1 + max(seconds, 0))


def _offset(time: float, first: Change) -> str:
    """Return how long after the first change a time is."""
    if time > first["time"]:
        return f"+{span_text(time - first['time'])}"
    return "created" if first["call"] == "CreateModelPackage" else "0"


def _lane(
    lane: str, previous: Values, drawn: Sequence[tuple[Change, float]], first: Change, end: float
) -> Json:
    """Return the bars of a lane, from change to change, and the marks on it; `drawn` has positions, too."""
    marks: list[Json] = []
    for change, x in drawn:
        items = [item for item in change["items"] if _LANE_OF[item["what"]] == lane]
        if items:
            marks.append(_mark(change, items, x, first))
    marked = [mark["x"] for mark in marks]
    begun, values = float(EDGE), previous
    bars: list[Json] = []
    for change, x in drawn:
        state = _state(lane, values)
        values = _changed(values, change)
        if _state(lane, values) != state:
            bars += _bar(*state, begun, x, marked)
            begun = x
    bars += _bar(*_state(lane, values), begun, end, marked)
    return {"bars": bars, "marks": marks}


def _changed(values: Values, change: Change) -> Values:
    """Return what a package is after a change."""
    given = {item["what"]: item["value"] for item in change["items"]}
    return given if given.get("status") == _DELETED else {**values, **given}


def _state(lane: str, values: Values) -> tuple[str, str]:
    """Return text and tone of what a package is."""
    match lane:
        case "status":
            status = values.get("status") or ""
            return ("", NONE) if status == _DELETED else (status, status_tone(status))
        case "approval":
            approval = values.get("approval")
            return approval or "", approval_tone(approval)
        case "stage":
            return ", ".join(filter(None, (values.get("stage"), values.get("stageStatus")))), "plain"
        case "card":
            card = values.get("cardStatus")
            return card or "", _CARD_TONES.get(card or "", "plain")
    return "", NONE


def _bar(text: str, tone: str, begin: float, end: float, marks: Iterable[float]) -> Iterator[Json]:
    """Return the bar of what a package is, with its text where it has most room between the marks on it."""
    if text and end > begin:
        edges = [begin, *sorted({each for each in marks if begin < each < end}), end]
        room, text_x = max(
            (right - left - 2 * TEXT_INSET, left + TEXT_INSET) for left, right in itertools.pairwise(edges)
        )
        yield {
            "x": _rounded(begin),
            "width": _rounded(end - begin),
            "tone": tone,
            "title": text,
            "text": fitting(text, room, CHARACTER_WIDTH),
            "textX": _rounded(text_x),
        }


def _mark(change: Change, items: Sequence[Json], x: float, first: Change) -> Json:
    texts = "; ".join(_item_text(item) for item in items)
    return {
        "x": _rounded(x),
        "shape": _shape(change),
        "title": f"{_offset(change['time'], first)}: {texts}, {_by(change)}",
    }


def _rounded(position: float) -> float:
    return round(position, 1)


# --- The texts ---


def _entry(change: Change, first: Change) -> Json:
    event = change["event"]
    token = str(event["operation"] or event["id"]) if event else ""
    return {
        "key": str(change["number"]),
        "time": moment(change["time"]),
        "offset": _offset(change["time"], first),
        "texts": [_item_text(item) for item in change["items"]],
        "shape": _shape(change),
        "by": _by(change),
        "call": change["call"],
        "operationAddress": operation_address(token) if token else "",
        "operationLabel": f"Operation: {_event_text(event)}" if event else "",
    }


def _item_text(item: Mapping[str, Any]) -> str:
    name, how = _NAMES[item["what"]], item["how"]
    if item["keys"]:
        return f"{name}: {', '.join(item['keys'])} {how}"
    if item["value"] is None and item["previous"] is None:
        return f"{name} {how}"
    if item["value"] is None:
        return f"{name} removed, was {item['previous']}"
    return f"{name}: {item['value']}" + (f", was {item['previous']}" if item["previous"] else "")


def _by(change: Change) -> str:
    event = change["event"]
    match change["by"]:
        case "stack" | "handler":
            return f"by {_event_text(event)}"
        case "client":
            return "by another client"
        case "service":
            return "by SageMaker, first described " + (f"to {_event_text(event)}" if event else "to a client")
    return "by a call whose invocation is no longer kept"


def _event_text(event: Mapping[str, Any]) -> str:
    action = event["action"] or "invocation"
    if event["stack"]:
        return f"the stack {event['stack']} ({action} of {event['logicalId']})"
    return f"a handler outside of stacks ({action})"
