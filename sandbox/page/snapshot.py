"""The state that the page shows: packages by group, and handler events with their calls.

Nothing in it has a property's value beyond names, ARNs, statuses, approvals and stages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from .sessions import Sessions, stack_name

Json = dict[str, Any]

MAX_EVENTS = 500  # more than anyone reads
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
_COPIED_OF_CALL = ("operation", "received", "error", "answered", "durationMs")


def handler_events(
    invocations: Sequence[Mapping[str, Any]], calls: Iterable[Mapping[str, Any]]
) -> list[Json]:
    """Return the invocations, oldest first, each with the SageMaker calls it made.

    An event has `id`, `function`, `action`, `callback` (whether it is a later poll), `stack` and `logicalId`
    (None outside of stacks), `operation` (the token that all polls of one operation share), `package` (its
    ARN, once a call named it), `started` (epoch seconds), `running`, `status` (None while it runs; FAILED,
    too, when a function did not answer with an event), `errorCode`, `message`, `callbackDelaySeconds`,
    `durationMs` and `calls`; a call has `operation`, `received` (epoch seconds), `error`, `answered` and
    `durationMs`.

    A call belongs to the invocation whose session it carries and in whose time it arrived; of several, to the
    one that began last. Calls of other clients are in no event.
    """
    events = [_event(each) for each in invocations]
    sessions = Sessions(invocations)
    for call in calls:
        index = sessions.index_of(call["session"], call["received"])
        if index is not None:
            events[index]["calls"].append({name: call[name] for name in _COPIED_OF_CALL})
            events[index]["package"] = call["package"] or events[index]["package"]
    return events


def packages_by_group(groups: Iterable[str], packages: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Return the groups by name, each with its versions, newest first; last, those without a group.

    A group has `name` (None: unversioned packages) and `packages`; a package has `arn`, `name`, `version`,
    `status`, `approval`, `stage`, `stageStatus` (None where it has none) and `created` (epoch seconds).
    """
    by_group: dict[str | None, list[Json]] = {arn.rsplit("/", 1)[-1]: [] for arn in groups}
    for package in packages:
        by_group.setdefault(package.get("ModelPackageGroupName"), []).append(_package(package))
    for members in by_group.values():
        members.sort(key=lambda each: (each["created"], each["version"] or 0), reverse=True)
    ordered = sorted(by_group.items(), key=lambda item: (item[0] is None, item[0] or ""))
    return [{"name": name, "packages": members} for name, members in ordered]


class PackageSource(Protocol):
    """The parts of the local SageMaker that are shown."""

    @property
    def groups(self) -> Iterable[str]:
        """The groups' ARNs."""

    @property
    def packages(self) -> Iterable[Mapping[str, Any]]:
        """The packages, as Describe returns them."""

    @property
    def calls(self) -> Iterable[Mapping[str, Any]]:
        """The calls, each with its session and the time of its arrival."""

    def history(self, arn: str, newest: int, /) -> tuple[Sequence[Mapping[str, Any]], int]:
        """Return at most so many of the newest recorded changes of a package, and how many are older."""


class Source(Protocol):
    """The parts of a running sandbox that are shown."""

    @property
    def endpoints(self) -> Mapping[str, str]:
        """The parts that run, with their URLs."""

    @property
    def sagemaker(self) -> PackageSource:
        """The local SageMaker, if it runs."""

    def newest_invocations(self, limit: int, /) -> tuple[Sequence[Mapping[str, Any]], int]:
        """Return at most so many of the newest invocations, and how many there are in all."""


def snapshot(sandbox: Source) -> Json:
    """Return `groups` and the newest `events` of a running sandbox, and how many older events there are.

    A part that the sandbox was started without has nothing to show.
    """
    sagemaker = sandbox.sagemaker if "sagemaker" in sandbox.endpoints else None
    # The calls after the invocations: an event that has ended has all of its calls.
    newest, count = sandbox.newest_invocations(MAX_EVENTS) if "functions" in sandbox.endpoints else ([], 0)
    return {
        "groups": packages_by_group(sagemaker.groups, sagemaker.packages) if sagemaker else [],
        "events": handler_events(newest, sagemaker.calls if sagemaker else ()),
        "olderEvents": count - len(newest),
    }


def _event(invocation: Mapping[str, Any]) -> Json:
    event: Json = {name: invocation[name] for name in _COPIED}
    event["stack"] = stack_name(invocation["stackId"])
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
