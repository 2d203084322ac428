"""One operation as a drawing: its polls and SageMaker calls to scale, and the pauses between the polls."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .scale import Span, apart, span_text, starts, widths
from .view.texts import count

Json = dict[str, Any]
Event = Mapping[str, Any]

# In the units of the drawings, which are CSS pixels: one drawing for each width of the page. Of the names and
# texts beside the bars in the wide ones; a narrow one has them above.
SIZES = {"narrow": 326, "medium": 620, "wide": 900}
NAME_WIDTH, TEXT_WIDTH, MARK_WIDTH = 178, 190, 20
ROW_HEIGHT, NARROW_ROW_HEIGHT = 24, 38
AXIS_HEIGHT = 24
MIN_POLL_WIDTH, MIN_CALL_WIDTH = 6, 3
MAX_PAUSE_WIDTH = 46  # a longer pause is broken; its text has its length
MAX_PAUSES_SHARE = 0.5  # of the axis
CHARACTER_WIDTH = 6.2
MIN_RULER, MAX_RULER = 30, 120
# Of more polls than that, those alike are drawn as one row.
MAX_POLLS = 12
KEPT_POLLS = 3  # at both ends
MAX_ROWS = 600  # of the table

_TIMED_OUT = "Sandbox.Timedout"  # Lambda's error code for a function over its time
_RULERS = [digit * 10.0**power for power in range(-3, 5) for digit in (1, 2, 5)]  # seconds


@dataclass
class _Row:
    """A poll, a call, a pause, or several polls as one row."""

    kind: str
    name: str
    begin: float
    """Seconds since the operation began."""
    seconds: float
    text: str
    tone: str
    shape: str = "bar"
    calls: list[_Row] = field(default_factory=list)
    is_notable: bool = False

    @property
    def end(self) -> float:
        return self.begin + self.seconds


def waterfall(events: Sequence[Event], now: float) -> Json:
    """Return what is drawn and written of one operation.

    `events` are all its events as `sandbox.page.snapshot.handler_events` returns them, in any order; `now` is in
    epoch seconds: what is under way lasts until then. `pictures` has a drawing for each of `SIZES`: all polls
    have one scale, a long pause is broken and says how long it is. `rows` has the same as texts.
    """
    polls = sorted(events, key=lambda each: each["started"])
    first_number = 1 if polls and not polls[0]["callback"] else None
    rows = _rows(polls, first_number, now)
    drawn = _condensed(rows)
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


# --- What happened ---


def _rows(polls: Sequence[Event], first_number: int | None, now: float) -> list[_Row]:
    """Return polls with their calls, and the pauses between them, in order."""
    rows: list[_Row] = []
    origin = polls[0]["started"]
    for index, poll in enumerate(polls):
        begin = poll["started"] - origin
        if rows and begin > rows[-1].end:
            rows.append(_pause(rows[-1].end, begin, polls[index - 1]))
        name = f"poll {first_number + index}" if first_number else "later poll"
        rows.append(_poll(poll, name, origin, now))
    newest = polls[-1]
    is_waiting = newest["status"] == "IN_PROGRESS" and not newest["running"]
    if is_waiting and now - origin > rows[-1].end:
        rows.append(_pause(rows[-1].end, now - origin, newest, is_open=True))
    return rows


def _pause(begin: float, end: float, previous: Event, *, is_open: bool = False) -> _Row:
    text = span_text(end - begin)
    asked = previous["callbackDelaySeconds"]
    if asked and abs(end - begin - asked) > max(0.5, asked / 10):
        text += f", asked for {span_text(asked)}"
    return _Row("pause", "waiting" if is_open else "pause", begin, end - begin, text, "past", "pause")


def _poll(event: Event, name: str, origin: float, now: float) -> _Row:
    begin = event["started"] - origin
    is_running = event["running"]
    milliseconds = event["durationMs"]
    seconds = max(now - event["started"], 0) if milliseconds is None and is_running else (milliseconds or 0) / 1000
    outcome, tone, shape = _outcome(event)
    calls = list(_calls(event, origin, begin + seconds, now, "bad" if tone == "bad" else "wait"))
    return _Row(
        "poll",
        name,
        begin,
        seconds,
        f"{span_text(seconds)}, {outcome}",
        tone,
        shape,
        calls,
        is_notable=tone in ("bad", "ok") or any(call.shape != "bar" for call in calls),
    )


def _outcome(event: Event) -> tuple[str, str, str]:
    """Return text, tone and shape of how a poll ended."""
    status, code = event["status"], event["errorCode"]
    if event["running"]:
        return "running", "run", "open"
    if code == _TIMED_OUT:
        return "timed out", "bad", "timeout"
    match status:
        case "SUCCESS":
            return "succeeded", "ok", "bar"
        case "IN_PROGRESS":
            return "in progress", "run", "bar"
        case "FAILED":
            return f"failed: {code}" if code else "failed", "bad", "cross"
    return f"answered {status}", "plain", "bar"


def _calls(event: Event, origin: float, end: float, now: float, refused_tone: str) -> Iterator[_Row]:
    """Return the calls of a poll; one that follows a refused one of the same operation is a retry."""
    previous: Event | None = None
    attempt = 1
    for call in event["calls"]:
        is_retry = previous is not None and previous["error"] and previous["operation"] == call["operation"]
        attempt = attempt + 1 if is_retry else 1
        begin = call["received"] - origin
        milliseconds = call["durationMs"]
        seconds = max(min(now - origin, end) - begin, 0) if milliseconds is None else milliseconds / 1000
        texts = [span_text(seconds)] if call["answered"] else ["no answer yet"]
        if call["error"]:
            texts.append(f"refused: {call['error']}")
        if is_retry:
            texts.append(f"attempt {attempt}")
        tone = refused_tone if call["error"] else "ok" if call["answered"] else "run"
        shape = "refused" if call["error"] else "retry" if is_retry else "bar" if call["answered"] else "open"
        yield _Row("call", call["operation"], begin, seconds, ", ".join(texts), tone, shape)
        previous = call


def _condensed(rows: Sequence[_Row]) -> list[_Row]:
    """Return the rows that are drawn: of many polls, those alike between the ends as one."""
    polls = [row for row in rows if row.kind == "poll"]
    if len(polls) <= MAX_POLLS:
        return list(rows)
    notable = [poll for poll in polls[KEPT_POLLS:-KEPT_POLLS] if poll.is_notable]
    kept = {id(each) for each in (*polls[:KEPT_POLLS], *notable[: MAX_POLLS // 2], *polls[-KEPT_POLLS:])}
    drawn: list[_Row] = []
    # A pause belongs to the poll before it.
    for is_kept, group in itertools.groupby(_with_pauses(rows), lambda pair: id(pair[0]) in kept):
        members = [row for pair in group for row in pair if row is not None]
        drawn += members if is_kept else [_several(members)]
    return drawn


def _with_pauses(rows: Sequence[_Row]) -> Iterator[tuple[_Row, _Row | None]]:
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        if row.kind == "poll":
            yield row, following if following is not None and following.kind == "pause" else None


def _several(rows: Sequence[_Row]) -> _Row:
    polls = [row for row in rows if row.kind == "poll"]
    calls = [call for poll in polls for call in poll.calls]
    refused = sum(call.shape == "refused" for call in calls)
    name = f"{polls[0].name} to {polls[-1].name.removeprefix('poll ')}" if len(polls) > 1 else polls[0].name
    seconds = rows[-1].end - rows[0].begin
    texts = [span_text(seconds), count(len(polls), "poll"), count(len(calls), "call")]
    texts += [f"{refused} refused"] if refused else []
    tone, shape = ("wait", "refused") if refused else ("past", "pause")
    return _Row("several", name, rows[0].begin, seconds, ", ".join(texts), tone, shape)


def _summary(polls: Sequence[Event], rows: Sequence[_Row]) -> str:
    calls = [call for row in rows for call in row.calls]
    refused = sum(call.shape == "refused" for call in calls)
    at_work = sum(row.seconds for row in rows if row.kind == "poll")
    whole = max(row.end for row in rows)
    parts = [count(len(polls), "poll"), count(len(calls), "call")]
    parts += [f"{refused:,} of them refused"] if refused else []
    passed = f"{span_text(whole)} in all" + (f", {span_text(at_work)} of it at work" if len(rows) > 1 else "")
    return f"{', '.join(parts)}; {passed}."


# --- The drawing ---


def _picture(rows: Sequence[_Row], name: str, width: int) -> Json:
    is_narrow = name == "narrow"
    left = 1 if is_narrow else NAME_WIDTH
    axis = width - left - (MARK_WIDTH if is_narrow else TEXT_WIDTH)
    row_height = NARROW_ROW_HEIGHT if is_narrow else ROW_HEIGHT
    bar_top = 18 if is_narrow else 5
    columns = widths([_span(row, rows, axis) for row in rows], axis)
    x = starts(columns, left)
    scale = max(
        (column / row.seconds for row, column in zip(rows, columns, strict=True) if _is_scaled(row, column)),
        default=0.0,
    )
    drawn: list[Json] = []
    for row, begin, column in zip(rows, x, columns, strict=False):
        for each, offset, length in _bars(row, begin, column):
            top = AXIS_HEIGHT + len(drawn) * row_height
            bar = _bar(each, offset, length, top, bar_top)
            is_broken = each.kind != "call" and each.seconds * scale > length + 1
            drawn.append(bar | {"isBroken": is_broken or each.kind == "several"})
    polls = [(row, begin) for row, begin in zip(rows, x, strict=False) if row.kind != "pause"]
    ticks = [begin for _, begin in polls]
    labels = [f"+{span_text(row.begin)}" if row.begin else "0" for row, _ in polls]
    shown = apart([each + len(label) * CHARACTER_WIDTH / 2 for each, label in zip(ticks, labels, strict=True)], labels, CHARACTER_WIDTH)
    return {
        "key": name,
        "width": width,
        "height": AXIS_HEIGHT + len(drawn) * row_height + 6,
        "bottom": AXIS_HEIGHT + len(drawn) * row_height,
        "rowHeight": row_height,
        "isNarrow": is_narrow,
        "rows": drawn,
        "ticks": [
            {"x": round(each, 1), "text": label if is_shown else ""}
            for each, label, is_shown in zip(ticks, labels, shown, strict=True)
        ],
        "ruler": _ruler(scale, width),
    }


def _span(row: _Row, rows: Sequence[_Row], axis: float) -> Span:
    if row.kind == "poll":
        return Span(row.seconds, MIN_POLL_WIDTH)
    pauses = sum(each.kind != "poll" for each in rows)
    room = min(MAX_PAUSE_WIDTH, axis * MAX_PAUSES_SHARE / pauses)
    return Span(row.seconds, min(MIN_POLL_WIDTH, room), room)


def _is_scaled(row: _Row, column: float) -> bool:
    return row.kind == "poll" and row.seconds > 0 and column > MIN_POLL_WIDTH


def _bars(row: _Row, begin: float, column: float) -> Iterator[tuple[_Row, float, float]]:
    """Return a row and its calls, each with the beginning and the length of its bar."""
    yield row, begin, column
    for call in row.calls:
        scale = column / row.seconds if row.seconds else 0.0
        length = min(max(call.seconds * scale, MIN_CALL_WIDTH), column)
        offset = min(max((call.begin - row.begin) * scale, 0.0), column - length)
        yield call, begin + offset, length


def _bar(row: _Row, x: float, length: float, top: float, bar_top: float) -> Json:
    is_call, end = row.kind == "call", x + length
    has_mark = row.shape not in ("bar", "pause")
    return {
        "kind": row.kind,
        "name": row.name,
        "text": row.text,
        "title": f"{row.name}, +{span_text(row.begin)}: {row.text}",
        "tone": row.tone,
        "shape": row.shape,
        "top": top,
        "nameX": 14 if is_call else 0,
        "x": round(x, 1),
        "y": top + bar_top + (2 if is_call else 0),
        "width": round(length, 1),
        "height": 10 if is_call else 14,
        "markX": round(end + MARK_WIDTH / 2 + 1, 1) if has_mark else None,
        "textX": round(end + (MARK_WIDTH if has_mark else 7), 1),
    }


def _ruler(scale: float, width: float) -> Json | None:
    """Return a length of time for which a drawing has a ruler; None where nothing is to scale."""
    fitting = [each for each in _RULERS if MIN_RULER <= each * scale <= MAX_RULER]
    if not fitting:
        return None
    seconds = fitting[-1]
    return {"x": width - round(seconds * scale, 1) - 1, "width": round(seconds * scale, 1), "text": span_text(seconds)}


def _legend(rows: Sequence[_Row]) -> list[Json]:
    texts = {
        "cross": "failed",
        "timeout": "timed out",
        "refused": "refused by SageMaker",
        "retry": "called again after that",
        "open": "under way",
        "pause": "pause, not to scale where it is broken",
    }
    present = {row.shape for row in rows}
    return [{"key": shape, "shape": shape, "text": text} for shape, text in texts.items() if shape in present]


def _listed(number: int, row: _Row) -> Json:
    return {
        "key": str(number),
        "kind": row.kind,
        "name": row.name,
        "offset": f"+{span_text(row.begin)}" if row.begin else "0",
        "text": row.text,
        "tone": row.tone,
        "shape": row.shape,
    }
