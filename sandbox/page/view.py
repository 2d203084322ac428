"""The texts of the page, made once for its template and its script.

Only times are formatted where they are shown, because the server does not know the browser's time zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

TITLE = "Model package sandbox"
EXAMPLE = ".venv/bin/python -m sandbox deploy examples/registered-version.yaml --stack fraud"
# How much is shown of a long list at first.
PACKAGES_SHOWN = 20
GROUPS_SHOWN = 50
OPERATIONS_SHOWN = 100

# A tone is a colour and a shape, always shown beside a text.
_PACKAGE_TONES = {"Completed": "ok", "Failed": "bad"} | dict.fromkeys(
    ("Pending", "InProgress", "Deleting"), "run"
)
_APPROVAL_TONES = {"Approved": "ok", "Rejected": "bad", "PendingManualApproval": "wait"}
_NONE = "none"


def view(state: Mapping[str, Any]) -> Json:
    """Return what the page shows of a state that `sandbox.page.snapshot.snapshot` returned.

    `summary` has the texts around the lists; `groups` and `operations` are lists whose members have a `key`
    that stays the same. An operation has the events of one request: the first poll and the later ones.
    """
    groups = [_group(each) for each in state["groups"]]
    operations = _operations(state["events"])
    return {
        "summary": _summary(groups, operations, state["olderEvents"]),
        "groups": groups,
        "operations": operations,
    }


def unavailable(problem: str) -> Json:
    """Return what the page shows when there is no state, and why there is none."""
    return {**view({"groups": [], "events": [], "olderEvents": 0}), "problem": problem}


def utc(moment: str) -> str:
    """Return a time of the view as text, for browsers without JavaScript."""
    return f"{moment[:10]} {moment[11:19]} UTC" if moment else ""


def _summary(groups: Sequence[Json], operations: Sequence[Json], older: int) -> Json:
    events = [event for operation in operations for event in operation["events"]]
    failed = sum(event["failed"] for event in events)
    in_progress = sum(operation["tone"] == "run" for operation in operations)
    versions = sum(len(group["packages"]) for group in groups)
    group_count = sum(bool(group["name"]) for group in groups)
    return {
        "title": f"{failed:,} failed · {TITLE}" if failed else TITLE,
        "packages": _count(versions, "package"),
        "packageCount": f"{versions:,}",
        "inGroups": f"in {_count(group_count, 'group')}" if group_count else "",
        "noPackages": not groups,
        "groupsMore": _more(len(groups), GROUPS_SHOWN, "group"),
        "groupsLess": f"Show {GROUPS_SHOWN} groups only",
        "eventCount": f"{len(events):,}",
        "failed": f"{failed:,} failed" if failed else "",
        "inProgress": f"{in_progress:,} in progress" if in_progress else "",
        "noEvents": not events,
        "operationsMore": _more(len(operations), OPERATIONS_SHOWN, "operation"),
        "operationsLess": f"Show the newest {OPERATIONS_SHOWN} only",
        "older": f"{_count(older, 'older event')} not shown." if older else "",
        "stacks": _choices("stack", operations),
        "eventGroups": _choices("group", operations),
    }


def _choices(kind: str, operations: Sequence[Json]) -> list[Json]:
    names = sorted({operation[kind] for operation in operations if operation[kind]})
    return [{"key": f"{kind}:{name}", "name": name} for name in names]


def _group(group: Mapping[str, Any]) -> Json:
    name = group["name"]
    packages = [_package(each, name) for each in group["packages"]]
    noun = "version" if name else "package"
    return {
        "key": f"group:{name}" if name else "unversioned",
        "name": name,
        "heading": name or "Unversioned packages",
        "count": _count(len(packages), noun) if packages else "no version yet",
        "packages": packages,
        "empty": not packages,
        "packagesMore": _more(len(packages), PACKAGES_SHOWN, noun),
        "packagesLess": f"Show the newest {PACKAGES_SHOWN} only",
    }


def _package(package: Mapping[str, Any], group: str | None) -> Json:
    title = f"Version {package['version']}" if group else package["name"] or _short(package["arn"])
    return {
        "key": package["arn"],
        "title": title,
        "arn": package["arn"],
        "copyLabel": f"Copy the ARN of {title}" + (f" of {group}" if group else ""),
        "status": package["status"],
        "statusTone": _PACKAGE_TONES.get(package["status"], "plain"),
        "approval": package["approval"] or _NONE,
        "approvalTone": _APPROVAL_TONES.get(package["approval"], "plain" if package["approval"] else _NONE),
        "stage": package["stage"] or _NONE,
        "stageTone": "plain" if package["stage"] else _NONE,
        "stageStatus": package["stageStatus"] or "",
        "created": _moment(package["created"]),
    }


def _operations(events: Sequence[Mapping[str, Any]]) -> list[Json]:
    """Return the operations, the one that began last first; in each, the newest poll first."""
    polls_of: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        polls_of.setdefault(_key(event), []).append(event)
    return [_operation(key, polls) for key, polls in reversed(polls_of.items())]


def _key(event: Mapping[str, Any]) -> str:
    """Return what all polls of one operation have in common."""
    if event["operation"] is None:
        return str(event["id"])
    parts = (event["operation"], event["function"], event["action"], event["stack"], event["logicalId"])
    return " ".join(str(part) for part in parts)


def _operation(key: str, polls: Sequence[Mapping[str, Any]]) -> Json:
    package = next((poll["package"] for poll in reversed(polls) if poll["package"]), None)
    is_whole = not polls[0]["callback"]  # else the first poll is no longer in the list
    is_numbered = len(polls) > 1 or not is_whole
    events = [
        _event(poll, package, (f"poll {number}" if is_whole else "later poll") if is_numbered else "")
        for number, poll in enumerate(polls, 1)
    ]
    for event in events[:-1]:
        if event["tone"] == "run":
            event["tone"] = "past"  # another poll has come since
    return {
        "key": key,
        "tone": events[-1]["tone"],
        "stack": polls[0]["stack"],
        "group": _group_of(package),
        "failed": any(event["failed"] for event in events),
        "events": events[::-1],
    }


def _event(event: Mapping[str, Any], package: str | None, poll: str) -> Json:
    status, tone = _status(event)
    action = event["action"] or "Invocation"
    subject = event["logicalId"] if event["stack"] else _short(package) or event["logicalId"] or ""
    where = f"in stack {event['stack']}" if event["stack"] else f"by {event['function']}"
    calls = [_call(number, call) for number, call in enumerate(event["calls"], 1)]
    refused = sum(call["tone"] == "bad" for call in calls)
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
        "duration": _duration(event["durationMs"]),
        "callCount": _count(len(calls), "call") if calls else "no call",
        "refused": f"{refused:,} refused" if refused else "",
        "started": _moment(event["started"]),
        "message": event["message"] or "",
        "calls": calls,
        "noCalls": not calls,
        "arn": arn or "",
        "copyLabel": f"Copy the ARN of {_short(arn)}" if arn else "",
        "operation": event["operation"] or "",
        "function": event["function"],
        "announcement": f"{action} of {subject or 'a package'} {where} {status}" if tone == "bad" else "",
    }


def _status(event: Mapping[str, Any]) -> tuple[str, str]:
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


def _call(number: int, call: Mapping[str, Any]) -> Json:
    if call["error"]:
        outcome, tone = call["error"], "bad"
    else:
        outcome, tone = ("answered", "ok") if call["answered"] else ("no answer yet", "run")
    return {
        "key": str(number),
        "name": call["operation"],
        "outcome": outcome,
        "tone": tone,
        "duration": _duration(call["durationMs"]),
    }


def _group_of(arn: str | None) -> str | None:
    """Return the group of a version, from its ARN; None for an unversioned package."""
    group, slash, _ = _short(arn).partition("/")
    return group if slash else None


def _short(arn: str | None) -> str:
    """Return `group/version`, or the name of an unversioned package."""
    return (arn or "").partition("/")[2]


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _duration(milliseconds: float | None) -> str:
    if milliseconds is None:
        return ""
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _more(number: int, shown: int, noun: str) -> str:
    return f"Show all {_count(number, noun)}" if number > shown else ""
