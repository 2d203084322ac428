"""What a package's status means to somebody who waits for it, and why it failed.

The only file that knows statuses; how long to wait stands in `times`. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any

from cloudformation_cli_python_lib.exceptions import GeneralServiceException

from . import errors

# Characters for names and reasons: what action, type and ARN leave of errors.LONGEST_MESSAGE.
_ROOM = 700


class State(Enum):
    """What a status means for somebody who waits."""

    WORKING = auto()
    READY = auto()
    FAILED = auto()
    DELETING = auto()


# What each status means, and what it is in ModelPackageStatusItem, which has statuses of its own.
_STATUSES = {
    "Pending": (State.WORKING, "NotStarted"),
    "InProgress": (State.WORKING, "InProgress"),
    "Completed": (State.READY, "Completed"),
    "Failed": (State.FAILED, "Failed"),
    "Deleting": (State.DELETING, "InProgress"),
}


def state_of(described: Mapping[str, Any]) -> State:
    """The state of a described package; raises GeneralServiceException for a status nobody has met."""
    return _status(described)[0]


def _status(described: Mapping[str, Any]) -> tuple[State, str]:
    status = described.get("ModelPackageStatus")
    try:
        return _STATUSES[str(status)]
    except KeyError:
        raise GeneralServiceException(
            f"SageMaker reports the status {status!r}, which this version of the handlers does not know"
        ) from None


def is_deleting(described: Mapping[str, Any]) -> bool:
    """Whether the package is on its way out: to a reader it is gone already."""
    state, _ = _STATUSES.get(str(described.get("ModelPackageStatus")), (None, ""))
    return state is State.DELETING


def status_item(described: Mapping[str, Any]) -> dict[str, str]:
    """The overall status as one item: name, status in the items' own words, and why when it failed."""
    state, status = _status(described)
    item = {
        "Name": str(described.get("ModelPackageGroupName") or described.get("ModelPackageName") or ""),
        "Status": status,
    }
    if state is State.FAILED:
        item["FailureReason"] = reasons(described)
    return {name: value for name, value in item.items() if value}


def explain(described: Mapping[str, Any], redacted: Callable[[str], str]) -> str:
    """The status as a message says it, with the reasons of a failure, redacted."""
    why = f": {reasons(described, redacted)}" if state_of(described) is State.FAILED else ""
    return f"the package's status is {described['ModelPackageStatus']}{why}"


def reasons(described: Mapping[str, Any], redacted: Callable[[str], str] = str) -> str:
    """Which validation profiles and image scans failed, all names first, then what SageMaker says of each.

    Reasons are redacted before they are cut: half of a value would not be found. What does not fit is
    counted, and long reasons are cut so that none pushes the others out.
    """
    details = described.get("ModelPackageStatusDetails") or {}
    failed = [
        (f"{kind} {item.get('Name', '')}", redacted(str(item.get("FailureReason") or "no reason given")))
        for kind, items in (
            ("validation profile", details.get("ValidationStatuses")),
            ("image scan", details.get("ImageScanStatuses")),
        )
        for item in items or ()
        if item.get("Status") == "Failed"
    ]
    if not failed:
        return "SageMaker gives no reason"
    names = _listed([name for name, _ in failed], _ROOM // 2, ", ")
    if len(failed) == 1:
        return f"{names}: {failed[0][1]}"
    room = _ROOM - len(names)
    each = max(room // len(failed), _SHORTEST_REASON)
    return f"{names} failed. " + _listed(
        [errors.shorten(f"{name}: {reason}", each) for name, reason in failed], room, "; "
    )


# A reason cut shorter than this says nothing: fewer are told, the others counted.
_SHORTEST_REASON = 90


def _listed(items: list[str], room: int, between: str) -> str:
    """As many of the items as fit, at least one, and how many more there are."""
    shown = 1
    while shown < len(items) and len(between.join(items[: shown + 1])) <= room:
        shown += 1
    more = f" and {len(items) - shown} more" if shown < len(items) else ""
    return between.join(items[:shown]) + more
