"""What commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

MIN_COLUMNS = 20

Json = dict[str, Any]


def report(text: str) -> None:
    """Print to stderr: progress, hints, errors."""
    print(text, file=sys.stderr, flush=True)


def print_result(text: str) -> None:
    """Print a part of the result to stdout."""
    print(text, flush=True)


def print_json(value: Any, *, pretty: bool = False) -> None:
    """Print the result as JSON, in one line unless `pretty`."""
    print_result(json.dumps(value, indent=2 if pretty else None, ensure_ascii=False, default=str))


def print_values(values: Mapping[str, str], indent: str = "") -> None:
    """Print names with their values, one to a line."""
    for name, value in values.items():
        print_result(f"{indent}{name} = {value}")


def table(rows: Sequence[Sequence[object]], indent: str = "  ") -> list[str]:
    """Return the rows as lines with aligned columns; None is an empty cell."""
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def clock(epoch_seconds: float) -> str:
    """Return the local time of day."""
    return time.strftime("%H:%M:%S", time.localtime(epoch_seconds))


class Progress:
    """A line on a terminal that is replaced again and again; nothing where stderr is no terminal."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.is_visible = not quiet and sys.stderr.isatty()
        self._length = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def show(self, text: str) -> None:
        """Replace the line."""
        if not self.is_visible:
            return
        line = text[: max(shutil.get_terminal_size().columns - 1, MIN_COLUMNS)]
        # Blanks rather than control sequences, which not every terminal has.
        sys.stderr.write("\r" + line + " " * (self._length - len(line)))
        sys.stderr.flush()
        self._length = len(line)

    def clear(self) -> None:
        """Remove the line, so that something else can be printed."""
        if self._length:
            sys.stderr.write("\r" + " " * self._length + "\r")
            sys.stderr.flush()
            self._length = 0
