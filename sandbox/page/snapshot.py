"""What is there and what happens, for whoever looks on: packages by group, handler events with their calls.

Nothing here has a property's value beyond names, ARNs, statuses, approvals and stages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.local_aws import Sandbox

Json = dict[str, Any]

MOST_EVENTS = 500  # more than anybody reads

# Both processes read one clock, but an event's end is its beginning and a duration, each of them rounded.
_ROUNDED_SECONDS = 0.002
_COPIED = (
    "id",
    "function",
    "action",
    "callback",
    "logicalId",
    "operation",
    "started",
    "running",
    "status",
    "errorCode",
    "message",
    "callbackDelaySeconds",
    "durationMs",
)
_COPIED_OF_CALL = ("operation", "error", "answered", "durationMs")


def handler_events(
    invocations: Sequence[Mapping[str, Any]], calls: Iterable[Mapping[str, Any]]
) -> list[Json]:
    """Return the invocations, oldest first, each with the SageMaker calls it made.

    An event has `id`, `function`, `action`, `callback` (whether it is a later look), `stack` and `logicalId`
    (None outside of stacks), `operation` (the token that all looks of one operation share), `package` (its
    ARN, once a call named it), `started` (epoch seconds), `running`, `status` (None while it runs; FAILED,
    too, when a function did not answer with an event), `errorCode`, `message`, `callbackDelaySeconds`,
    `durationMs` and `calls`; a call has `operation`, `error`, `answered` and `durationMs`.

    A call belongs to the invocation whose session it carries and in whose time it arrived; of several, to the
    one that began last. Calls of nobody (somebody's own client) are in no event.
    """
    events = [_event(each) for each in invocations]
    sessions: defaultdict[str, list[tuple[float, float, Json]]] = defaultdict(list)
    for invocation, event in zip(invocations, events, strict=True):
        if invocation["session"] is not None:
            begun = invocation["started"]
            took = event["durationMs"]  # None: it still runs, or nobody noted its end
            over = float("inf") if took is None else begun + took / 1000
            sessions[invocation["session"]].append((begun, over + _ROUNDED_SECONDS, event))
    for found in sessions.values():
        found.sort(key=lambda each: each[0])
    for call in calls:
        # No tolerance at the beginning: it would give the next invocation the last call of the one before.
        of_it = [
            event
            for begun, over, event in sessions.get(call["session"], ())
            if begun <= call["received"] <= over
        ]
        if of_it:
            of_it[-1]["calls"].append({name: call[name] for name in _COPIED_OF_CALL})
            of_it[-1]["package"] = call["package"] or of_it[-1]["package"]
    return events


def packages_by_group(groups: Iterable[str], packages: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Return the groups by name, each with its versions, newest first; last, those without a group.

    A group has `name` (None: unversioned packages) and `packages`; a package has `arn`, `name`, `version`,
    `status`, `approval`, `stage`, `stageStatus` (None where it has none) and `created` (epoch seconds).
    """
    found: dict[str | None, list[Json]] = {arn.rsplit("/", 1)[-1]: [] for arn in groups}
    for package in packages:
        found.setdefault(package.get("ModelPackageGroupName"), []).append(_package(package))
    for members in found.values():
        members.sort(key=lambda each: (each["created"], each["version"] or 0), reverse=True)
    ordered = sorted(found.items(), key=lambda item: (item[0] is None, item[0] or ""))
    return [{"name": name, "packages": members} for name, members in ordered]


def snapshot(sandbox: Sandbox) -> Json:
    """Return `groups` and the newest `events` of a running sandbox, and how many older events there are.

    A part that the sandbox was started without has nothing to show.
    """
    sagemaker = sandbox.sagemaker if "sagemaker" in sandbox.endpoints else None
    # The calls after the invocations: an event that has ended has all of its calls.
    shown, count = sandbox.newest_invocations(MOST_EVENTS) if "functions" in sandbox.endpoints else ([], 0)
    return {
        "groups": packages_by_group(sagemaker.groups, sagemaker.packages) if sagemaker else [],
        "events": handler_events(shown, sagemaker.calls if sagemaker else ()),
        "olderEvents": count - len(shown),
    }


def _event(invocation: Mapping[str, Any]) -> Json:
    event: Json = {name: invocation[name] for name in _COPIED}
    # arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/ID
    stack = str(invocation["stackId"] or "").split("/")
    event["stack"] = stack[1] if len(stack) > 1 else None
    if event["status"] is None and not event["running"]:
        event["status"] = "FAILED"
        event["message"] = event["message"] or "The function did not answer with an event."
    return {**event, "package": None, "calls": []}


def _package(package: Mapping[str, Any]) -> Json:
    stages = package.get("ModelLifeCycle") or {}
    arn = package["ModelPackageArn"]
    return {
        "arn": arn,
        "name": package.get("ModelPackageName"),
        "version": package.get("ModelPackageVersion"),
        "status": package["ModelPackageStatus"],
        "approval": package.get("ModelApprovalStatus"),
        "stage": stages.get("Stage"),
        "stageStatus": stages.get("StageStatus"),
        "created": package["CreationTime"],
    }
