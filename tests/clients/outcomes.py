"""The operations of the matrix, and what a cell of it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal, NoReturn

# The columns, each with the method of a client that tries it.
OPERATIONS = {
    "create": "create",
    "approve in place": "approve",
    "replace": "replace",
    "nothing changed": "change_nothing",
    "diff": "diff",
    "drift": "drift",
    "import": "import_package",
    "roll back": "roll_back",
    "delete": "delete",
}
Outcome = Literal["works", "not offered", "cannot", "not run", "fails"]
MAX_LINES = 15


class NotOfferedError(Exception):
    """The tool has no such operation; the text is the reason."""


class CannotError(Exception):
    """The tool was run and failed for the stated reason of its own."""


class FailedError(Exception):
    """The operation failed, or its effect is not there; the text says which."""


@dataclass(frozen=True)
class Cell:
    """What one run has of one tool and operation."""

    outcome: Outcome
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.outcome}: {self.reason.splitlines()[0]}" if self.reason else self.outcome


@dataclass(frozen=True)
class Row:
    """One line of the matrix: a way to use a tool, the pinned packages, and the cells by operation."""

    title: str
    versions: dict[str, str]
    cells: dict[str, Cell]

    def as_json(self) -> dict[str, object]:
        """Return it as it is in build/clients.json."""
        return asdict(self)


def tail(text: str) -> str:
    """Return the last lines of what a tool printed."""
    return "\n".join([line for line in text.splitlines() if line.strip()][-MAX_LINES:])


def expect(holds: bool, what: str) -> None:
    """Raise FailedError, with what is wrong, unless it holds."""
    if not holds:
        fail(what)


def fail(what: str) -> NoReturn:
    """Raise FailedError."""
    raise FailedError(what)


def perform(operation: Callable[[], None]) -> Cell:
    """Run one operation of a client and return its cell."""
    try:
        operation()
    except NotOfferedError as reason:
        return Cell("not offered", str(reason))
    except CannotError as reason:
        return Cell("cannot", str(reason))
    except Exception as problem:
        return Cell("fails", str(problem) or repr(problem))
    return Cell("works")
