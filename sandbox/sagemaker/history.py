"""The changes of model packages, each with the call that made it: names, statuses and stages.

Nothing confidential is kept: of descriptions, a card's content, metadata and tags only that they changed, of
the latter two with the keys. A status that changes with time is recorded when a Describe first answers it, as
a change by that Describe: packages of the local SageMaker move on with each Describe.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

Json = dict[str, Any]

# Of all packages. The oldest are dropped, so that a sandbox that runs for days stays small.
MAX_CHANGES = 100_000
DELETED = "deleted"

# Members of a package, by the names that changes have.
_VALUES = {
    "approval": ("ModelApprovalStatus",),
    "stage": ("ModelLifeCycle", "Stage"),
    "stageStatus": ("ModelLifeCycle", "StageStatus"),
    "cardStatus": ("ModelCard", "ModelCardStatus"),
}
_CONTENTS = {
    "approvalDescription": ("ApprovalDescription",),
    "stageDescription": ("ModelLifeCycle", "StageDescription"),
    "cardContent": ("ModelCard", "ModelCardContent"),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """A call of SageMaker: its operation, the digest of its session, and when it was received."""

    operation: str
    session: str | None = None
    received: float | None = None
    """Epoch seconds."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that changed."""

    what: str
    """`status`, `approval`, `stage`, `stageStatus`, `cardStatus`: with values. `approvalDescription`,
    `stageDescription`, `cardContent`: without. `metadata`, `tags`: with keys."""
    how: str
    """`set`, `changed` or `removed`."""
    previous: str | None = None
    value: str | None = None
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What one call changed of one package."""

    number: int
    """The changes of all packages are numbered from 1."""
    time: float
    """Epoch seconds, by the service's clock."""
    caller: Caller
    items: tuple[Item, ...]


class History:
    """The changes of all packages, also of deleted ones. Used under the service's lock."""

    def __init__(self) -> None:
        # By ARN in lower case, as the registry has packages.
        self._changes: dict[str, list[Change]] = {}
        self._order: deque[str] = deque()
        self._number = 0
        self._time = 0.0
        self._caller = Caller("")

    def begin(self, caller: Caller, time: float) -> None:
        """Note the call that makes the changes from here on, and its time."""
        self._caller, self._time = caller, time

    def record(self, arn: str, items: Iterable[Item]) -> None:
        """Add what the call has changed of a package; nothing if there are no items."""
        changed = tuple(items)
        if not changed:
            return
        self._number += 1
        change = Change(self._number, self._time, self._caller, changed)
        key = arn.lower()
        if len(self._order) >= MAX_CHANGES:
            self._drop(self._order.popleft())
        self._order.append(key)
        self._changes.setdefault(key, []).append(change)

    def of(self, arn: str, newest: int = MAX_CHANGES) -> tuple[list[Json], int]:
        """Return at most so many of the newest changes of a package, oldest first, and how many are older.

        A change has `number`, `time`, `caller` and `items`, as `Change` has them.
        """
        changes = self._changes.get(arn.lower(), [])
        older = max(len(changes) - newest, 0)
        return [asdict(change) for change in changes[older:]], older

    def forget(self) -> None:
        """Forget all changes."""
        self._changes.clear()
        self._order.clear()

    def _drop(self, key: str) -> None:
        changes = self._changes[key]
        del changes[0]
        if not changes:
            del self._changes[key]


def data_items(previous: Mapping[str, Any], desired: Mapping[str, Any]) -> Iterator[Item]:
    """Return what differs between the data of a package before and after a call."""
    for what, path in _VALUES.items():
        old, new = _member(previous, path), _member(desired, path)
        if old != new:
            yield Item(what, _how(old, new), old, new)
    for what, path in _CONTENTS.items():
        old, new = _member(previous, path), _member(desired, path)
        if old != new:
            yield Item(what, _how(old, new))
    name = "CustomerMetadataProperties"
    yield from key_items("metadata", previous.get(name) or {}, desired.get(name) or {})


def key_items(what: str, previous: Mapping[str, str], desired: Mapping[str, str]) -> Iterator[Item]:
    """Return the keys whose values were set, changed and removed."""
    keys: dict[str, list[str]] = {}
    for key in {**previous, **desired}:
        old, new = previous.get(key), desired.get(key)
        if old != new:
            how = "set" if old is None else "removed" if new is None else "changed"
            keys.setdefault(how, []).append(key)
    for how, named in keys.items():
        yield Item(what, how, keys=tuple(sorted(named)))


def status_items(previous: str | None, status: str) -> Iterator[Item]:
    """Return the change of a package's status, if it is one."""
    if status != previous:
        yield Item("status", _how(previous, status), previous, status)


def _member(data: Mapping[str, Any], path: tuple[str, ...]) -> str | None:
    """Return a member of nested data; None where it is not there, or empty as a removed description is."""
    value: Any = data
    for name in path:
        value = (value or {}).get(name)
    return value or None


def _how(previous: str | None, desired: str | None) -> str:
    return "set" if previous is None else "removed" if desired is None else "changed"
