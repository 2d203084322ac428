"""A way to use a tool: one row of the matrix."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from pathlib import Path

from tests.clients.outcomes import OPERATIONS, Cell, Row, perform
from tests.clients.versions import versions
from tests.clients.world import World


class Client(ABC):
    """One row; each method tries one operation and checks its effect.

    A method returns where it works, and otherwise raises: NotOfferedError, CannotError or, as everything else
    counts, FailedError.
    """

    title: str
    packages: tuple[str, ...]

    def __init__(self, world: World) -> None:
        self.world = world
        self.group = "clients-" + "-".join(re.findall("[a-z]+", self.title.lower()))
        self.folder: Path = world.folder / self.group
        self.folder.mkdir()
        self._earlier_writes = 0

    def forget_writes(self) -> None:
        """Let `writes` begin anew."""
        self._earlier_writes = len(self.world.writes(self.group))

    def writes(self) -> list[str]:
        """Return the writing operations that SageMaker got about the group and its versions since then."""
        return self.world.writes(self.group)[self._earlier_writes :]

    @classmethod
    def versions(cls) -> dict[str, str]:
        """Return its packages with the versions that are pinned."""
        return versions(*cls.packages)

    def prepare(self) -> None:  # noqa: B027 - most tools need nothing
        """Do what the tool needs once, before anything else; this does nothing."""

    @abstractmethod
    def create(self) -> None:
        """Make a version in a group of its own, pending."""

    @abstractmethod
    def approve(self) -> None:
        """Approve it in place."""

    @abstractmethod
    def replace(self) -> None:
        """Bring another image, so another version, which takes the place of the first."""

    @abstractmethod
    def change_nothing(self) -> None:
        """Ask for what there is already."""

    @abstractmethod
    def diff(self) -> None:
        """Show a change without making it."""

    @abstractmethod
    def drift(self) -> None:
        """Notice what another client has changed."""

    @abstractmethod
    def import_package(self) -> None:
        """Take over a version that exists."""

    @abstractmethod
    def roll_back(self) -> None:
        """Put back what was changed when a later part fails."""

    @abstractmethod
    def delete(self) -> None:
        """Delete what was made."""

    def row(self) -> Row:
        """Try every operation, one after the other."""
        first = perform(self.prepare)
        cells: dict[str, Cell] = {}
        for operation, method in OPERATIONS.items():
            if first.outcome == "works":
                cell = perform(getattr(self, method))
                if operation == "create" and cell.outcome == "fails":
                    first = cell
            elif operation == "create":
                cell = first
            else:
                cell = Cell("not run", "nothing was created")
            cells[operation] = cell
        return Row(self.title, self.versions(), cells)
