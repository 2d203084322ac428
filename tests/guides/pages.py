"""The guides as tests read them: their text, the cells of their tables, their blocks of commands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from packager.project import ROOT

GUIDES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "guides").glob("*.md"))}

Row = tuple[str, ...]


def rows(guide: str, *header: str) -> list[Row]:
    """The cells of every table of a guide that has this header."""
    body: list[Row] = []
    ours = False
    for line in GUIDES[guide].splitlines():
        cells = tuple(cell.strip() for cell in line.strip("|").split(" | ")) if line.startswith("|") else ()
        if not cells:
            ours = False
        elif cells == header:
            ours = True
        elif ours and set("".join(cells)) - set("-| "):
            body.append(cells)
    assert body, header
    assert {len(row) for row in body} == {len(header)}
    return body


def check_rows(file: str, table: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Fail with the file to edit and each row, by what is there and what has to be there."""
    wrong = [
        f"{name}: has {table.get(name, 'no row')!r}, must have {expected.get(name, 'no row')!r}"
        for name in sorted(table.keys() | expected.keys())
        if table.get(name) != expected.get(name)
    ]
    assert not wrong, "\n".join([f"edit {file}:", *wrong])


def quoted(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


# Begins a block whose commands need an account.
ACCOUNT = "# In an account."
# Begins one whose commands are for the project of another type.
PROJECT = "# In the folder of a type's project"


@dataclass(frozen=True)
class Block:
    """A fenced block of a guide."""

    guide: str
    heading: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.guide}: {self.heading} {self.number}"

    @property
    def for_an_account(self) -> bool:
        """Whether its commands need one."""
        return self.text.startswith(ACCOUNT)

    @property
    def for_a_project(self) -> bool:
        """Whether its commands run in the project of another type."""
        return self.text.startswith(PROJECT)

    @property
    def is_of_make(self) -> bool:
        """Whether it is for make, whose targets take minutes: they are checked to be there."""
        return all(line.startswith("make ") for line in self.text.splitlines())


def blocks() -> list[Block]:
    """Every fenced block of the guides."""
    every = []
    for guide, text in GUIDES.items():
        assert set(re.findall(r"^```(\w*)$", text, re.MULTILINE)) <= {"sh", "text", ""}
        for section in re.split(r"^(?=## )", text, flags=re.MULTILINE):
            heading = section.splitlines()[0].lstrip("# ")
            for number, block in enumerate(
                re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE), 1
            ):
                every.append(Block(guide, heading, number, block))
    return every
