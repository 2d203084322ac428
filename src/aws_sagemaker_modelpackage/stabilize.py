"""Waiting: what a package's status means, why it failed, and how long until we look again.

The only file that knows statuses and delays. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from cloudformation_cli_python_lib.exceptions import GeneralServiceException

# Seconds before the first look; doubled for each further one. Most packages need no second look.
FIRST_DELAY = 1
# Seconds; a marketplace validation runs for hours, a look a minute is soon enough.
LONGEST_DELAY = 60
# Seconds of delays during which an ARN that Create returned may be unknown to Describe (read after write).
LONGEST_UNKNOWN = 60
# Seconds of delays after which a delete that was accepted but shows no effect is given up.
LONGEST_IGNORED_DELETE = 60
# Looks in a row that may fail before their failure becomes the answer; with the delays above, half a minute.
FAILING_LOOKS = 5

# Room for the reasons after the names in a message of errors.LONGEST_MESSAGE characters.
_NAMED_ITEMS = 5
_ITEM_REASON = 160


class State(Enum):
    """What a status means for somebody who waits."""

    WORKING = auto()
    READY = auto()
    FAILED = auto()
    DELETING = auto()


_STATES = {
    "Pending": State.WORKING,
    "InProgress": State.WORKING,
    "Completed": State.READY,
    "Failed": State.FAILED,
    "Deleting": State.DELETING,
}

# ModelPackageStatusItem has statuses of its own.
_ITEM_STATUSES = {
    "Pending": "NotStarted",
    "InProgress": "InProgress",
    "Completed": "Completed",
    "Failed": "Failed",
    "Deleting": "InProgress",
}


def state_of(described: Mapping[str, Any]) -> State:
    """The state of a described package; raises GeneralServiceException for a status nobody has met."""
    status = described.get("ModelPackageStatus")
    try:
        return _STATES[str(status)]
    except KeyError:
        raise GeneralServiceException(
            f"SageMaker reports the status {status!r}, which this version of the handlers does not know"
        ) from None


def is_deleting(described: Mapping[str, Any]) -> bool:
    """Whether the package is on its way out: to a reader it is gone already."""
    return _STATES.get(str(described.get("ModelPackageStatus"))) is State.DELETING


def delay(looks: int) -> int:
    """Seconds to wait after so many looks: 1, 2, 4 ... 60."""
    # Past six doublings the cap holds, and 2 ** thousands would be a very long number.
    return min(LONGEST_DELAY, FIRST_DELAY << min(looks, 6))


def status_item(described: Mapping[str, Any]) -> dict[str, str]:
    """The overall status as one item: name, status in the items' own words, and why when it failed."""
    item = {
        "Name": str(described.get("ModelPackageName") or described.get("ModelPackageGroupName") or ""),
        "Status": _ITEM_STATUSES[_known(described)],
    }
    if state_of(described) is State.FAILED:
        item["FailureReason"] = reasons(described)
    return {name: value for name, value in item.items() if value}


def _known(described: Mapping[str, Any]) -> str:
    state_of(described)
    return str(described["ModelPackageStatus"])


def explain(described: Mapping[str, Any]) -> str:
    """The status as a message says it, with the reasons of a failure."""
    status = _known(described)
    if state_of(described) is State.FAILED:
        return f"the package's status is {status}: {reasons(described)}"
    return f"the package's status is {status}"


def reasons(described: Mapping[str, Any]) -> str:
    """Which validation profiles and image scans failed, all names first, then what SageMaker says of each."""
    details = described.get("ModelPackageStatusDetails") or {}
    failed = [
        (kind, str(item.get("Name", "")), str(item.get("FailureReason") or "no reason given"))
        for kind, items in (
            ("validation profile", details.get("ValidationStatuses")),
            ("image scan", details.get("ImageScanStatuses")),
        )
        for item in items or ()
        if item.get("Status") == "Failed"
    ]
    if not failed:
        return "SageMaker gives no reason"
    shown = failed[:_NAMED_ITEMS]
    names = ", ".join(f"{kind} {name}" for kind, name, _ in shown)
    if len(failed) > len(shown):
        names += f" and {len(failed) - len(shown)} more"
    if len(failed) == 1:
        return f"{names}: {failed[0][2]}"
    # With several items each reason is cut, so that none pushes the others out of the message.
    said = "; ".join(f"{name}: {_cut(reason)}" for _, name, reason in shown)
    return f"{names} failed. {said}"


def _cut(reason: str) -> str:
    return reason if len(reason) <= _ITEM_REASON else reason[: _ITEM_REASON - 3] + "..."
