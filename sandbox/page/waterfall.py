"""One operation as a drawing: its polls and SageMaker calls to scale, and the pauses between the polls."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .scale import Span, apart, fitting, span_text, starts, widths
from .view.texts import count
from .waterfall_rows import Row, condensed, operation_rows

Json = dict[str, Any]
Event = Mapping[str, Any]

# In the units of the drawings, which are CSS pixels: one drawing for each width of the page. The widest has
# names and texts beside the bars, the others above them.
SIZES = {"narrow": 326, "medium": 620, "wide": 1080}
NAME_WIDTH, TEXT_WIDTH, MARK_WIDTH = 190, 270, 20
ROW_HEIGHT, LINE_HEIGHT, BASELINE, ROW_GAP, TEXT_GAP = 24, 15, 16, 6, 7
BAR_HEIGHTS = {"poll": 14, "call": 10, "pause": 14, "several": 14}
AXIS_HEIGHT = 42
INDENT = 12  # of calls
MIN_POLL_WIDTH, MIN_CALL_WIDTH = 6, 3
MIN_OVERLAP_SECONDS = 0.0005  # less is rounding
MAX_PAUSE_WIDTH = 46  # a longer pause is broken; its text has its length
MAX_PAUSES_SHARE = 0.5  # of the axis
CHARACTER_WIDTH = 7.0  # at most, on average
SMALL_CHARACTER_WIDTH = 6.2
MIN_RULER, MAX_RULER = 30, 120
MAX_ROWS = 1500  # of the table

_RULERS = [digit * 10.0**power for power in range(-3, 5) for digit in (1, 2, 5)]  # seconds


def waterfall(events: Sequence[Event], now: float) -> Json:
    """Return what is drawn and written of one operation.

    `events` are all its events as `sandbox.page.snapshot.handler_events` returns them, in any order; `now` is
    in epoch seconds: what is under way lasts until then. `pictures` has a drawing for each of `SIZES`: all
    polls have one scale, a long pause is broken and says how long it is. `rows` has the same as texts.
    """
    polls = sorted(events, key=lambda each: each["started"])
    first_number = 1 if polls and not polls[0]["callback"] else None
    rows = operation_rows(polls, first_number, now)
    drawn = condensed(rows)
    listed = [each for row in rows for each in (row, *row.calls)]
    return {
        "summary": _summary(polls, rows),
        "incomplete": "" if first_number else "Its first polls are no longer kept.",
        "pictures": [_picture(drawn, name, width) for name, width in SIZES.items()],
        "legend": _legend(listed),
        "rows": [_listed(number, row) for number, row in enumerate(listed[:MAX_ROWS], 1)],
        "notListed": f"{count(len(listed) - MAX_ROWS, 'more row')} not shown."
        if len(listed) > MAX_ROWS
        else "",
    }


def _summary(polls: Sequence[Event], rows: Sequence[Row]) -> str:
    calls = [call for row in rows for call in row.calls]
    refused = sum(call.shape == "refused" for call in calls)
    at_work = sum(row.seconds for row in rows if row.kind == "poll")
    whole = max(row.end for row in rows)
    parts = [count(len(polls), "poll"), count(len(calls), "call") if calls else "no call"]
    parts += [f"{refused:,} of them refused"] if refused else []
    passed = f"{span_text(whole)} in all" + (f", {span_text(at_work)} of it at work" if len(rows) > 1 else "")
    return f"{', '.join(parts)}; {passed}."


# --- The drawing ---


def _picture(rows: Sequence[Row], name: str, width: int) -> Json:
    is_stacked = name != "wide"
    left, right = (1, MARK_WIDTH) if is_stacked else (NAME_WIDTH, TEXT_WIDTH)
    axis = width - left - right
    ends = [0.0, *itertools.accumulate((row.end for row in rows), max)]
    # What each row adds to the axis: of polls that overlap, the part after the end of those before.
    added = [later - earlier for earlier, later in itertools.pairwise(ends)]
    room = _pause_room(rows, axis)
    spans = [_span(row, *each, room) for row, each in zip(rows, itertools.pairwise(ends), strict=True)]
    columns = widths(spans, axis)
    x = starts(columns, left)
    scale = max(
        (
            column / length
            for row, column, length in zip(rows, columns, added, strict=True)
            if row.kind == "poll" and length > 0 and column > MIN_POLL_WIDTH
        ),
        default=0.0,
    )
    drawn: list[Json] = []
    top = AXIS_HEIGHT
    for row in rows:
        for each, offset, length in _bars(row, lambda seconds: _position(seconds, ends, x)):
            is_broken = each.kind == "several" or (each.kind != "call" and each.seconds * scale > length + 1)
            bar = _bar(each, offset, length) | {"isBroken": is_broken}
            bar |= _above(each, top, width) if is_stacked else _beside(each, offset + length, top, width)
            drawn.append(bar)
            top = bar["bottom"]
    polls = [row for row in rows if row.kind != "pause"]
    labels = [_offset(row) for row in polls]
    ticks = [
        _tick(_position(row.begin, ends, x), label, width) for row, label in zip(polls, labels, strict=True)
    ]
    shown = apart([each["centre"] for each in ticks], labels, SMALL_CHARACTER_WIDTH)
    return {
        "key": name,
        "width": width,
        "height": top + 4,
        "rows": drawn,
        "ticks": [
            {**each, "text": label if is_shown else ""}
            for each, label, is_shown in zip(ticks, labels, shown, strict=True)
        ],
        "ruler": _ruler(scale, width),
    }


def _tick(x: float, label: str, width: float) -> Json:
    """Return the tick at the beginning of a poll; its label goes to the right of it, if there is room."""
    length = len(label) * SMALL_CHARACTER_WIDTH
    anchor, centre = ("start", x + length / 2) if x + length <= width else ("end", x - length / 2)
    return {"x": round(x, 1), "anchor": anchor, "centre": centre}


def _pause_room(rows: Sequence[Row], axis: float) -> float:
    """Return the width of the longest pauses."""
    pauses = sum(each.kind != "poll" for each in rows)
    return min(MAX_PAUSE_WIDTH, axis * MAX_PAUSES_SHARE / max(pauses, 1))


def _span(row: Row, begin: float, end: float, pause_room: float) -> Span:
    """Return the part of the axis that a row adds to those before."""
    if row.kind != "poll":
        return Span(end - begin, min(MIN_POLL_WIDTH, pause_room), pause_room)
    overlaps = row.begin < begin - MIN_OVERLAP_SECONDS
    return Span(end - begin, 0 if overlaps else MIN_POLL_WIDTH)


def _position(seconds: float, ends: Sequence[float], x: Sequence[float]) -> float:
    """Return where a time is on the axis, whose parts end at `ends` and, drawn, at `x`."""
    index = min(bisect.bisect_right(ends, seconds), len(ends) - 1)
    begin, length = ends[index - 1], ends[index] - ends[index - 1]
    share = min(max((seconds - begin) / length, 0.0), 1.0) if length > 0 else 0.0
    return x[index - 1] + share * (x[index] - x[index - 1])


def _bars(row: Row, position: Callable[[float], float]) -> Iterator[tuple[Row, float, float]]:
    """Return a row and its calls, each with the beginning and the length of its bar."""
    begin = position(row.begin)
    end = max(position(row.end), begin + MIN_CALL_WIDTH)
    yield row, begin, end - begin
    for call in row.calls:
        length = min(max(position(call.end) - position(call.begin), MIN_CALL_WIDTH), end - begin)
        yield call, min(max(position(call.begin), begin), end - length), length


def _bar(row: Row, x: float, length: float) -> Json:
    return {
        "kind": row.kind,
        "name": row.name,
        "nameX": INDENT if row.kind == "call" else 0,
        "title": f"{row.name}, {_offset(row)}: {row.text}",
        "tone": row.tone,
        "shape": row.shape,
        "x": round(x, 1),
        "width": round(length, 1),
        "markX": round(x + length + MARK_WIDTH / 2 + 1, 1) if _has_mark(row) else None,
    }


def _offset(row: Row) -> str:
    """Return how long after the beginning of the operation a row began."""
    return f"+{span_text(row.begin)}" if row.begin > 0 else "0"


def _has_mark(row: Row) -> bool:
    return row.shape not in ("bar", "pause")


def _beside(row: Row, end: float, top: float, width: float) -> Json:
    """Return where a row's texts are beside its bar, and where the next row begins."""
    text_x = end + (MARK_WIDTH if _has_mark(row) else TEXT_GAP)
    return {
        "nameY": top + BASELINE,
        "text": fitting(row.text, width - text_x, CHARACTER_WIDTH),
        "textX": round(text_x, 1),
        "textY": top + BASELINE,
        "y": top + (7 if row.kind == "call" else 5),
        "height": BAR_HEIGHTS[row.kind],
        "bottom": top + ROW_HEIGHT,
    }


def _above(row: Row, top: float, width: float) -> Json:
    """Return where a row's texts are above its bar, on one line or on two, and where the next row begins."""
    indent = INDENT if row.kind == "call" else 0
    name_end = indent + (len(row.name) + 1) * CHARACTER_WIDTH
    lines = 1 if name_end + len(row.text) * CHARACTER_WIDTH <= width else 2
    text_x = name_end if lines == 1 else indent
    y = top + 5 + lines * LINE_HEIGHT
    return {
        "nameY": top + BASELINE,
        "text": fitting(row.text, width - text_x, CHARACTER_WIDTH),
        "textX": round(text_x, 1),
        "textY": top + BASELINE + (lines - 1) * LINE_HEIGHT,
        "y": y,
        "height": BAR_HEIGHTS[row.kind],
        "bottom": y + BAR_HEIGHTS[row.kind] + ROW_GAP,
    }


def _ruler(scale: float, width: float) -> Json | None:
    """Return a length of time for which a drawing has a ruler; None where nothing is to scale."""
    seconds = max((each for each in _RULERS if MIN_RULER <= each * scale <= MAX_RULER), default=None)
    if seconds is None:
        return None
    length = round(seconds * scale, 1)
    return {"x": width - length - 1, "width": length, "text": span_text(seconds)}


def _legend(rows: Sequence[Row]) -> list[Json]:
    texts = {
        "cross": "failed",
        "timeout": "no answer in time",
        "refused": "refused by SageMaker",
        "retry": "called again after that",
        "open": "under way",
        "pause": "pause, not to scale where it is broken",
    }
    present = {row.shape for row in rows}
    return [{"key": shape, "shape": shape, "text": text} for shape, text in texts.items() if shape in present]


def _listed(number: int, row: Row) -> Json:
    return {
        "key": str(number),
        "kind": row.kind,
        "name": row.name,
        "offset": _offset(row),
        "text": row.text,
        "tone": row.tone,
        "shape": row.shape,
    }
