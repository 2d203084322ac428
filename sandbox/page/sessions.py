"""Which invocation made a call: the one whose session it carries and in whose time it arrived."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

# The error code of a function over its time. In the sandbox's own process its handler goes on.
TIMED_OUT = "Sandbox.Timedout"
# Both processes read one clock, but an event's end is its beginning and a duration, each of them rounded.
_ROUNDED_SECONDS = 0.002


class Sessions:
    """The times of invocations by session."""

    def __init__(self, invocations: Sequence[Mapping[str, Any]]) -> None:
        self._times: defaultdict[str, list[tuple[float, float, int]]] = defaultdict(list)
        for index, invocation in enumerate(invocations):
            if invocation["session"] is not None:
                begun, took = invocation["started"], invocation["durationMs"]
                # None: it still runs, or its end is not known.
                is_open = took is None or invocation["errorCode"] == TIMED_OUT
                over = float("inf") if is_open else begun + took / 1000
                self._times[invocation["session"]].append((begun, over + _ROUNDED_SECONDS, index))
        for times in self._times.values():
            times.sort(key=lambda each: each[0])

    def index_of(self, session: str | None, received: float | None) -> int | None:
        """Return the index of the invocation that made a call; of several, of the one that began last.

        None for a call that none of them made.
        """
        if session is None or received is None:
            return None
        # No tolerance at the beginning: it would give an invocation the last call of the previous one.
        candidates = [
            index for begun, over, index in self._times.get(session, ()) if begun <= received <= over
        ]
        return candidates[-1] if candidates else None


def stack_name(stack_id: Any) -> str | None:
    """Return the name in a stack's id; None where there is no stack."""
    # arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/ID
    parts = str(stack_id or "").split("/")
    return parts[1] if len(parts) > 1 else None
