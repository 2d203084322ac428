"""Says what a package's status means for an operation that waits, and why a package failed. Pure.

How long an operation waits is in `timing`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any

from cloudformation_cli_python_lib.exceptions import GeneralServiceException

from . import errors

# For names and reasons: what action, type and ARN leave of errors.MAX_MESSAGE_CHARACTERS.
_MAX_REASONS_CHARACTERS = 700
# A reason cut shorter than this says nothing: fewer are given, the others counted.
_MIN_REASON_CHARACTERS = 90


class State(Enum):
    """What a status means for an operation."""

    WORKING = auto()
    """SageMaker is busy with the package, which can be neither updated nor deleted."""
    READY = auto()
    """The package is complete."""
    FAILED = auto()
    """SageMaker has given up: the package stays, and can be updated and deleted."""
    DELETING = auto()
    """The package will be gone."""


# What each status means, and what it is in ModelPackageStatusItem, which has statuses of its own.
_STATUSES = {
    "Pending": (State.WORKING, "NotStarted"),
    "InProgress": (State.WORKING, "InProgress"),
    "Completed": (State.READY, "Completed"),
    "Failed": (State.FAILED, "Failed"),
    "Deleting": (State.DELETING, "InProgress"),
}


def state_of(described: Mapping[str, Any]) -> State:
    """The state of a described package.

    Raises:
        GeneralServiceException: the status is none of the API's.
    """
    status = _word(described)
    if status not in _STATUSES:
        raise GeneralServiceException(
            f"SageMaker reports the status {status!r}, which this version of the handlers does not know"
        )
    return _STATUSES[status][0]


def known_state_of(described: Mapping[str, Any]) -> State | None:
    """The state of a described package, None when its status is none of the API's."""
    return _STATUSES.get(_word(described), (None, ""))[0]


def _word(described: Mapping[str, Any]) -> str:
    return str(described.get("ModelPackageStatus"))


def is_idle(described: Mapping[str, Any]) -> bool:
    """Whether the package can be updated now.

    Raises:
        GeneralServiceException: the status is none of the API's.
    """
    return state_of(described) in (State.READY, State.FAILED)


def is_deleting(described: Mapping[str, Any]) -> bool:
    """Whether the package is being deleted, and so is gone already for read; False for unknown statuses."""
    return known_state_of(described) is State.DELETING


def status_item(described: Mapping[str, Any]) -> dict[str, str]:
    """The overall status as the ModelPackageStatusItem of the model: name, status, and why when it failed.

    A status that is none of the API's is the item's as well.
    """
    state, status = _STATUSES.get(_word(described), (None, _word(described)))
    item = {
        "Name": str(described.get("ModelPackageGroupName") or described.get("ModelPackageName") or ""),
        "Status": status,
    }
    if state is State.FAILED:
        item["FailureReason"] = reasons(described)
    return {name: value for name, value in item.items() if value}


def explain(described: Mapping[str, Any], redact: Callable[[str], str]) -> str:
    """The status in a message, with the reasons of a failure, redacted."""
    why = f": {reasons(described, redact)}" if known_state_of(described) is State.FAILED else ""
    return f"the package's status is {_word(described)}{why}"


def reasons(described: Mapping[str, Any], redact: Callable[[str], str] = str) -> str:
    """Which validation profiles and image scans failed: all names first, then SageMaker's reason for each.

    Reasons are redacted before they are cut, because half of a value would not be recognized. What does not
    fit is counted, and long reasons are cut so that all have room.
    """
    details = described.get("ModelPackageStatusDetails") or {}
    failed = [
        (f"{kind} {item.get('Name', '')}", redact(str(item.get("FailureReason") or "no reason given")))
        for kind, items in (
            ("validation profile", details.get("ValidationStatuses")),
            ("image scan", details.get("ImageScanStatuses")),
        )
        for item in items or ()
        if item.get("Status") == "Failed"
    ]
    if not failed:
        return "SageMaker gives no reason"
    names = errors.join([name for name, _ in failed], ", ", _MAX_REASONS_CHARACTERS // 2)
    if len(failed) == 1:
        return f"{names}: {failed[0][1]}"
    room = _MAX_REASONS_CHARACTERS - len(names)
    each = max(room // len(failed), _MIN_REASON_CHARACTERS)
    texts = [errors.shorten(f"{name}: {reason}", each) for name, reason in failed]
    return f"{names} failed. {errors.join(texts, '; ', room)}"
