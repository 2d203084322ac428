"""What happened in one operation: its polls, their SageMaker calls, and the pauses between the polls."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .scale import span_text
from .sessions import TIMED_OUT
from .view.texts import count

Event = Mapping[str, Any]

# Of more polls than that, those alike are drawn as one row.
MAX_POLLS = 12
KEPT_POLLS = 3  # at both ends
SLOW_FACTOR = 4  # of the median: a poll that took so much longer is drawn


@dataclass
class Row:
    """A poll, a call, a pause, or several polls as one row."""

    kind: str
    name: str
    begin: float
    """Seconds since the operation began."""
    seconds: float
    text: str
    tone: str
    shape: str = "bar"
    calls: list[Row] = field(default_factory=list)
    is_notable: bool = False

    @property
    def end(self) -> float:
        """Seconds since the operation began."""
        return self.begin + self.seconds


def operation_rows(polls: Sequence[Event], first_number: int | None, now: float) -> list[Row]:
    """Return polls with their calls, and the pauses between them, in order."""
    rows: list[Row] = []
    origin = polls[0]["started"]
    newest = polls[-1]
    end = 0.0  # of the polls so far, which may overlap
    for index, poll in enumerate(polls):
        begin = poll["started"] - origin
        if rows and begin > end:
            rows.append(_pause(end, begin, polls[index - 1]))
        name = f"poll {first_number + index}" if first_number else "later poll"
        rows.append(_poll(poll, name, origin, now, has_failed=newest["status"] == "FAILED"))
        end = max(end, rows[-1].end)
    is_waiting = newest["status"] == "IN_PROGRESS" and not newest["running"]
    if is_waiting and now - origin > end:
        rows.append(_pause(end, now - origin, newest, is_open=True))
    return rows


def _pause(begin: float, end: float, previous: Event, *, is_open: bool = False) -> Row:
    text = span_text(end - begin)
    asked = previous["callbackDelaySeconds"]
    if is_open:
        text += " so far" + (f", next poll due after {span_text(asked)}" if asked else "")
    elif asked and abs(end - begin - asked) > max(0.5, asked / 10):
        text += f", asked for {span_text(asked)}"
    return Row("pause", "waiting" if is_open else "pause", begin, end - begin, text, "past", "pause")


def _poll(event: Event, name: str, origin: float, now: float, *, has_failed: bool) -> Row:
    begin = event["started"] - origin
    is_running = event["running"]
    milliseconds = event["durationMs"]
    seconds = (
        max(now - event["started"], 0) if milliseconds is None and is_running else (milliseconds or 0) / 1000
    )
    outcome, tone, shape = _outcome(event)
    if tone == "bad" and not has_failed:
        tone = "wait"  # no failure of the operation: the handler was asked again
    calls = list(_calls(event, origin, begin + seconds, now, "bad" if tone == "bad" else "wait"))
    return Row(
        "poll",
        name,
        begin,
        seconds,
        f"{span_text(seconds)}, {outcome}",
        tone,
        shape,
        calls,
        is_notable=tone == "ok" or shape != "bar" or any(call.shape != "bar" for call in calls),
    )


def _outcome(event: Event) -> tuple[str, str, str]:
    """Return text, tone and shape of how a poll ended."""
    status, code = event["status"], event["errorCode"]
    if event["running"]:
        return "running", "run", "open"
    if code == TIMED_OUT:
        return "timed out", "bad", "timeout"
    match status:
        case "SUCCESS":
            return "succeeded", "ok", "bar"
        case "IN_PROGRESS":
            return "in progress", "run", "bar"
        case "FAILED":
            return f"failed: {code}" if code else "failed", "bad", "cross"
    return f"answered {status}", "plain", "bar"


def _calls(event: Event, origin: float, end: float, now: float, refused_tone: str) -> Iterator[Row]:
    """Return the calls of a poll; one that follows a refused one of the same operation is a retry."""
    previous: Event | None = None
    attempt = 1
    for call in event["calls"]:
        is_retry = previous is not None and previous["error"] and previous["operation"] == call["operation"]
        attempt = attempt + 1 if is_retry else 1
        begin = call["received"] - origin
        milliseconds = call["durationMs"]
        seconds = max(min(now - origin, end) - begin, 0) if milliseconds is None else milliseconds / 1000
        is_lost = not call["answered"] and not event["running"]  # the poll has ended before
        texts = [f"refused: {call['error']}"] if call["error"] else []
        texts += [f"attempt {attempt}"] if is_retry else []
        texts.append(
            span_text(seconds) if call["answered"] else f"no answer {'in time' if is_lost else 'yet'}"
        )
        tone = refused_tone if call["error"] or is_lost else "ok" if call["answered"] else "run"
        yield Row(
            "call",
            call["operation"],
            begin,
            seconds,
            ", ".join(texts),
            tone,
            _call_shape(call, is_lost, is_retry),
        )
        previous = call


def _call_shape(call: Event, is_lost: bool, is_retry: bool) -> str:
    if call["error"]:
        return "refused"
    if is_lost:
        return "timeout"
    return ("retry" if is_retry else "bar") if call["answered"] else "open"


def condensed(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that are drawn: of many polls, those alike between the ends as one."""
    polls = [row for row in rows if row.kind == "poll"]
    if len(polls) <= MAX_POLLS:
        return list(rows)
    usual = statistics.median(poll.seconds for poll in polls)
    between = polls[KEPT_POLLS:-KEPT_POLLS]
    notable = [poll for poll in between if poll.is_notable or poll.seconds > SLOW_FACTOR * usual]
    notable.sort(key=lambda poll: -poll.seconds)
    kept = {id(each) for each in (*polls[:KEPT_POLLS], *notable[: MAX_POLLS // 2], *polls[-KEPT_POLLS:])}
    drawn: list[Row] = []
    # A pause belongs to the poll before it.
    for is_kept, group in itertools.groupby(_with_pauses(rows), lambda pair: id(pair[0]) in kept):
        members = [row for pair in group for row in pair if row is not None]
        drawn += members if is_kept else [_several(members)]
    return drawn


def _with_pauses(rows: Sequence[Row]) -> Iterator[tuple[Row, Row | None]]:
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        if row.kind == "poll":
            yield row, following if following is not None and following.kind == "pause" else None


def _several(rows: Sequence[Row]) -> Row:
    polls = [row for row in rows if row.kind == "poll"]
    calls = [call for poll in polls for call in poll.calls]
    refused = sum(call.shape == "refused" for call in calls)
    name = polls[0].name
    if len(polls) > 1:
        name = f"{name.replace('poll', 'polls')} to {polls[-1].name.removeprefix('poll ')}"
    seconds = rows[-1].end - rows[0].begin
    texts = [span_text(seconds), count(len(polls), "poll"), count(len(calls), "call")]
    texts += [f"{refused} refused"] if refused else []
    failed = sum(poll.shape in ("cross", "timeout") for poll in polls)
    texts += [f"{count(failed, 'poll')} failed"] if failed else []
    shape = "cross" if failed else "refused" if refused else "pause"
    tone = "past" if shape == "pause" else "wait"
    return Row("several", name, rows[0].begin, seconds, ", ".join(texts), tone, shape)
