"""The texts of the overview, made once for its template and its script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.page.addresses import package_address

from .operations import operations as operations_view
from .stacks import stack_rows
from .texts import NONE, TITLE, approval_tone, count, moment, more, short, status_tone

Json = dict[str, Any]

EXAMPLE = ".venv/bin/python -m sandbox deploy examples/registered-version.yaml --stack fraud"
# How much is shown of a long list at first.
PACKAGES_SHOWN = 20
GROUPS_SHOWN = 50
STACKS_SHOWN = 20
OPERATIONS_SHOWN = 100


def view(state: Mapping[str, Any]) -> Json:
    """Return what the page shows of a state that `sandbox.page.snapshot.snapshot` returned.

    The state may have `stacks`, too, as `sandbox.page.details` returns them. `summary` has the texts around
    the lists; `stacks`, `groups` and `operations` are lists whose members have a `key` that stays the same.
    An operation has the events of one request: the first poll and the later ones.
    """
    stacks = state.get("stacks") or {"stacks": [], "deleted": [], "problem": ""}
    rows = stack_rows(stacks["stacks"])
    groups = [_group(each) for each in state["groups"]]
    operations = operations_view(state["events"])
    return {
        "summary": {
            **_summary(groups, operations, state["olderEvents"]),
            "stackCount": f"{len(rows):,}",
            "stackTotal": count(len(rows), "stack"),
            "noStacks": not rows,
            "stackRowsMore": more(len(rows), STACKS_SHOWN, "stack"),
            "stackRowsLess": f"Show {STACKS_SHOWN} stacks only",
            "deletedStacks": f"{count(len(stacks['deleted']), 'deleted stack')}" if stacks["deleted"] else "",
            "stacksProblem": stacks["problem"],
        },
        "stackRows": rows,
        "groups": groups,
        "operations": operations,
    }


def unavailable(problem: str) -> Json:
    """Return what the page shows when there is no state, and why there is none."""
    return {**view({"groups": [], "events": [], "olderEvents": 0}), "problem": problem}


def _summary(groups: Sequence[Json], operations: Sequence[Json], older: int) -> Json:
    events = [event for operation in operations for event in operation["events"]]
    failed = sum(event["failed"] for event in events)
    in_progress = sum(operation["tone"] == "run" for operation in operations)
    versions = sum(len(group["packages"]) for group in groups)
    group_count = sum(bool(group["name"]) for group in groups)
    return {
        "title": f"{failed:,} failed · {TITLE}" if failed else TITLE,
        "packages": count(versions, "package"),
        "packageCount": f"{versions:,}",
        "inGroups": f"in {count(group_count, 'group')}" if group_count else "",
        "noPackages": not groups,
        "groupsMore": more(len(groups), GROUPS_SHOWN, "group"),
        "groupsLess": f"Show {GROUPS_SHOWN} groups only",
        "eventCount": f"{len(events):,}",
        "failed": f"{failed:,} failed" if failed else "",
        "inProgress": f"{in_progress:,} in progress," if in_progress else "",
        "noEvents": not events,
        "operationsMore": more(len(operations), OPERATIONS_SHOWN, "operation"),
        "operationsLess": f"Show the newest {OPERATIONS_SHOWN} only",
        "older": f"{count(older, 'older event')} not shown." if older else "",
        "eventStacks": _choices("stack", operations),
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
        "count": count(len(packages), noun) if packages else "no version yet",
        "packages": packages,
        "empty": not packages,
        "packagesMore": more(len(packages), PACKAGES_SHOWN, noun),
        "packagesLess": f"Show the newest {PACKAGES_SHOWN} only",
    }


def _package(package: Mapping[str, Any], group: str | None) -> Json:
    title = f"Version {package['version']}" if group else package["name"] or short(package["arn"])
    return {
        "key": package["arn"],
        "title": title,
        "arn": package["arn"],
        "address": package_address(package["arn"]),
        "copyLabel": f"Copy the ARN of {title}" + (f" of {group}" if group else ""),
        "status": package["status"],
        "statusTone": status_tone(package["status"]),
        "approval": package["approval"] or NONE,
        "approvalTone": approval_tone(package["approval"]),
        "stage": package["stage"] or NONE,
        "stageTone": "plain" if package["stage"] else NONE,
        "stageStatus": package["stageStatus"] or "",
        "created": moment(package["created"]),
    }
