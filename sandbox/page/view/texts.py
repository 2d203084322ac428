"""What texts of all the page's views have in common: times, durations, counts, tones, short names.

Only times are formatted where they are shown, because the server does not know the browser's time zone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

TITLE = "Model package sandbox"
NONE = "none"

# A tone is a colour and a shape, always shown beside a text.
_PACKAGE_TONES = {"Completed": "ok", "Failed": "bad"} | dict.fromkeys(
    ("Pending", "InProgress", "Deleting"), "run"
)
_APPROVAL_TONES = {"Approved": "ok", "Rejected": "bad", "PendingManualApproval": "wait"}


def status_tone(status: str) -> str:
    """Return the tone of a package's status, or of one of its validations."""
    return _PACKAGE_TONES.get(status, "plain")


def approval_tone(approval: str | None) -> str:
    """Return the tone of an approval status."""
    return _APPROVAL_TONES.get(approval or "", "plain" if approval else NONE)


def stack_tone(status: str) -> str:
    """Return the tone of the status of a stack or of one of its resources."""
    if status.endswith("_IN_PROGRESS"):
        return "run"
    if status.endswith("_FAILED") or "ROLLBACK" in status:
        return "bad"
    return "past" if status.startswith("DELETE_") else "ok" if status.endswith("_COMPLETE") else "plain"


def title_of(subject: str) -> str:
    """Return the title of a page about something."""
    return f"{subject} · {TITLE}"


def moment(seconds: float) -> str:
    """Return a time in epoch seconds as ISO 8601 in UTC, with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc(time: str) -> str:
    """Return a time of the view as text, for browsers without JavaScript."""
    return f"{time[:10]} {time[11:19]} UTC" if time else ""


def duration(milliseconds: float | None) -> str:
    """Return a duration with its unit; the empty text for one that is not known."""
    if milliseconds is None:
        return ""
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"


def count(number: int, noun: str) -> str:
    """Return a number with a noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def more(number: int, shown: int, noun: str) -> str:
    """Return the text of a button that shows the rest of a list; the empty text when all of it is shown."""
    return f"Show all {count(number, noun)}" if number > shown else ""


def short(arn: str | None) -> str:
    """Return `group/version`, or the name of an unversioned package."""
    return (arn or "").partition("/")[2]


def group_of(arn: str | None) -> str | None:
    """Return the group of a version, from its ARN; None for an unversioned package."""
    group, slash, _ = short(arn).partition("/")
    return group if slash else None
