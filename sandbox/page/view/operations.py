"""The texts of handler events, by operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.page.addresses import operation_address, package_address, stack_address

from .texts import count, duration, group_of, moment, short

Json = dict[str, Any]
Event = Mapping[str, Any]


def operations(events: Sequence[Event]) -> list[Json]:
    """Return the operations, the one that began last first; in each, the newest poll first."""
    return [operation(key, polls) for key, polls in reversed(polls_of(events).items())]


def polls_of(events: Sequence[Event]) -> dict[str, list[Event]]:
    """Return the polls of each operation by its key, oldest first."""
    polls: dict[str, list[Event]] = {}
    for event in events:
        polls.setdefault(_key(event), []).append(event)
    return polls


def identifier(event: Event) -> str:
    """Return what the address of an event's operation has: the token, or else the event's id.

    A browser takes dots alone for the way to another address.
    """
    token = str(event["operation"] or "")
    return str(event["id"]) if token in ("", ".", "..") else token


def operation(key: str, polls: Sequence[Event]) -> Json:
    """Return what is shown of one operation, the newest poll first.

    Its tone is that of its last poll: what was refused before, in an operation that succeeded, is no failure.
    """
    package = next((poll["package"] for poll in reversed(polls) if poll["package"]), None)
    is_whole = not polls[0]["callback"]  # else the first poll is no longer in the list
    is_numbered = len(polls) > 1 or not is_whole
    has_failed = polls[-1]["status"] == "FAILED"
    events = [
        _event(
            poll,
            package,
            (f"poll {number}" if is_whole else "later poll") if is_numbered else "",
            has_failed=has_failed,
        )
        for number, poll in enumerate(polls, 1)
    ]
    for event in events[:-1]:
        if event["tone"] == "run":
            event["tone"] = "past"  # another poll has come since
    return {
        "key": key,
        "tone": events[-1]["tone"],
        "stack": polls[0]["stack"],
        "group": group_of(package),
        "package": package or "",
        "failed": events[-1]["failed"],
        "events": events[::-1],
    }


def _key(event: Event) -> str:
    """Return what all polls of one operation have in common."""
    if event["operation"] is None:
        return str(event["id"])
    parts = (event["operation"], event["function"], event["action"], event["stack"], event["logicalId"])
    return " ".join(str(part) for part in parts)


def _event(event: Event, package: str | None, poll: str, *, has_failed: bool) -> Json:
    status, tone = _status(event)
    if tone == "bad" and not has_failed:
        tone = "past"  # the handler was asked again
    action = event["action"] or "Invocation"
    subject = event["logicalId"] if event["stack"] else short(package) or event["logicalId"] or ""
    where = f"in stack {event['stack']}" if event["stack"] else f"by {event['function']}"
    calls = [_call(number, call, has_failed) for number, call in enumerate(event["calls"], 1)]
    refused = sum(bool(call["error"]) for call in event["calls"])
    arn = event["package"] or package
    return {
        "key": str(event["id"]),
        "action": action,
        "subject": subject or "",
        "where": where,
        "poll": poll,
        "status": status,
        "tone": tone,
        "failed": tone == "bad",
        "open": tone == "bad" or (tone == "ok" and bool(event["message"])),
        "duration": duration(event["durationMs"]),
        "callCount": count(len(calls), "call") if calls else "no call",
        "refused": f"{refused:,} refused" if refused else "",
        "started": moment(event["started"]),
        "message": event["message"] or "",
        "calls": calls,
        "noCalls": not calls,
        "arn": arn or "",
        "address": package_address(arn),
        "packageName": short(arn),
        "copyLabel": f"Copy the ARN of {short(arn)}" if arn else "",
        "operation": event["operation"] or "",
        "operationAddress": operation_address(identifier(event)),
        "operationText": "all polls, calls and pauses",
        "operationLabel": f"All polls, calls and pauses of {action} {subject or 'a package'} {where}",
        "stack": event["stack"] or "",
        "stackAddress": stack_address(event["stack"]) if event["stack"] else "",
        "function": event["function"],
        "announcement": f"{action} of {subject or 'a package'} {where} {status}" if tone == "bad" else "",
    }


def _status(event: Event) -> tuple[str, str]:
    """Return text and tone for how an event ended, or that it has not."""
    status, delay = event["status"], event["callbackDelaySeconds"]
    if event["running"]:
        return "running", "run"
    if status == "SUCCESS":
        return "succeeded", "ok"
    if status == "IN_PROGRESS":
        return f"in progress, next poll in {delay} s" if delay else "in progress", "run"
    if status == "FAILED":
        return f"failed: {event['errorCode']}" if event["errorCode"] else "failed", "bad"
    return f"answered {status}", "plain"


def _call(number: int, call: Event, has_failed: bool) -> Json:
    if call["error"]:
        # No failure where the operation is none: a package that is not there yet, a call that was throttled.
        outcome, tone = call["error"], "bad" if has_failed else "plain"
    else:
        outcome, tone = ("answered", "ok") if call["answered"] else ("no answer yet", "run")
    return {
        "key": str(number),
        "name": call["operation"],
        "outcome": outcome,
        "tone": tone,
        "duration": duration(call["durationMs"]),
    }
