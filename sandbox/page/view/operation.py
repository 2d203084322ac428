"""The texts of one operation: all polls of one request, with their calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.page.waterfall import waterfall

from .operations import identifier, operation, polls_of
from .texts import count, title_of

Json = dict[str, Any]


def operation_view(token: str, events: Sequence[Mapping[str, Any]], now: float) -> Json | None:
    """Return what the page of the operations with a token shows at a time; None when there is none.

    There are several where a caller gave several requests one token.
    """
    own = [event for event in events if identifier(event) == token]
    if not own:
        return None
    shown = [_operation(key, polls, now) for key, polls in polls_of(own).items()]
    return {"title": title_of(shown[-1]["heading"]), "token": own[0]["operation"] or "", "operations": shown}


def _operation(key: str, polls: Sequence[Mapping[str, Any]], now: float) -> Json:
    view = operation(key, polls)
    newest = view["events"][0]
    polled = count(len(polls), "poll")
    return {
        **view,
        "heading": f"{newest['action']} {newest['subject']}".strip(),
        "newest": newest,
        "waterfall": waterfall(polls, now),
        "events": view["events"][::-1],  # in the order in which they happened
        "count": f"{polled}, {count(sum(len(poll['calls']) for poll in polls), 'call')}",
        "eventsCommand": f".venv/bin/python -m sandbox events {newest['stack']}".strip(),
    }
