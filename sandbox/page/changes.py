"""The recorded changes of a package, each with what made it: a stack, another handler, another client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .sessions import Sessions, stack_name

Json = dict[str, Any]

_OBSERVING = "DescribeModelPackage"  # what it changes was due, and is SageMaker's own change


def sessions_of(changes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the sessions of the calls that made changes, each once."""
    return list(dict.fromkeys(each["caller"]["session"] for each in changes if each["caller"]["session"]))


def attributed_changes(
    changes: Sequence[Mapping[str, Any]], invocations: Sequence[Mapping[str, Any]], complete_since: float
) -> list[Json]:
    """Return a package's changes, oldest first, with what made them.

    `invocations` are those of the changes' sessions, of which none is missing since `complete_since` (epoch
    seconds). A change has `number`, `time` (epoch seconds), `call` (SageMaker's operation), `items` as
    recorded, and

    - `by`: `stack`, `handler` (a handler event without a stack), `client` (any other caller), `service` (a
      status that a Describe was the first to answer) or `unknown` (the invocation may have been dropped);
    - `event`: the handler event that made the call: `id`, `operation`, `action`, `stack` and `logicalId`;
      None if there is none.
    """
    sessions = Sessions(invocations)
    return [_attributed(each, sessions, invocations, complete_since) for each in changes]


def _attributed(
    change: Mapping[str, Any],
    sessions: Sessions,
    invocations: Sequence[Mapping[str, Any]],
    complete_since: float,
) -> Json:
    caller = change["caller"]
    index = sessions.index_of(caller["session"], caller["received"])
    event = None if index is None else _event(invocations[index])
    if caller["operation"] == _OBSERVING:
        by = "service"
    elif event is not None:
        by = "stack" if event["stack"] else "handler"
    else:
        is_kept = caller["session"] is None or (caller["received"] or 0) >= complete_since
        by = "client" if is_kept else "unknown"
    return {
        "number": change["number"],
        "time": change["time"],
        "call": caller["operation"],
        "items": change["items"],
        "by": by,
        "event": event,
    }


def _event(invocation: Mapping[str, Any]) -> Json:
    event = {name: invocation[name] for name in ("id", "operation", "action", "logicalId")}
    return {**event, "stack": stack_name(invocation["stackId"])}
