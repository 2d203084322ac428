"""The figures as tables in Markdown: one for each part of the measurement, one with ratios and goals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.figures import (
    BARE,
    BEFORE,
    COLD,
    FILES,
    FLOOR,
    GROWTH,
    HTTP,
    INTERPRETER,
    LIBRARY,
    LIST,
    MEMORY,
    OURS,
    OVERHEAD,
    PACKAGE,
    PEAK,
    PROCESSOR,
    SEVENTH,
    TEMPLATE,
    TLS,
    WALL,
    ZIP,
    Figure,
)
from benchmarks.goals import Judged
from benchmarks.measure import ACTIONS, LOGGED
from benchmarks.warm import CONNECTION

Rows = list[Sequence[str]]


def tables(result: dict[str, Any], judged: Iterable[Judged]) -> str:
    """The whole result in Markdown, as in guides/costs.md."""
    figures = result["figures"]
    sides = [OURS, TEMPLATE, *([BEFORE] if result["against"] else [])]
    head = f"{result['date']}, {result['machine']}; medians of {result['rounds']} rounds (quartiles)"
    if result["against"]:
        head += f"; before: the build of {result['against']}"
    made = [head]
    for part in (HTTP, TLS):
        if part in figures:
            made.append(_table(part, [*sides, FLOOR], _warm(figures[part], sides)))
    if SEVENTH in figures:
        seventh = figures[SEVENTH]
        title = f"{SEVENTH} (a busy loop got {seventh['share']:.3f})"
        rows = _costs("READ over TLS", seventh["READ"], sides, (WALL,))
        rows += _costs("cold start over TLS to the first READ", seventh[COLD], sides, (WALL,))
        made.append(_table(title, sides, rows))
    if COLD in figures:
        made.append(_table(COLD, sides, _cold(figures[COLD], sides)))
    if MEMORY in figures:
        made.append(_table(MEMORY, sides, _memory(figures, sides)))
    if PACKAGE in figures:
        made.append(_table("size", sides, _package(figures[PACKAGE], sides)))
    rows = [
        (each.name, _spread(each.figure), _of_medians(each.figure), _goal(each), each.verdict)
        for each in judged
    ]
    columns = ["of the rounds", "of the medians", "goal", ""]
    made.append(_table("ratios and goals", columns, rows))
    return "\n\n".join(made)


def _table(title: str, columns: Sequence[str], rows: Rows) -> str:
    cells = [(title, *columns), ["---"] * (len(columns) + 1), *rows]
    padded = [[*row, *[""] * (len(columns) + 1 - len(row))] for row in cells]
    return "\n".join(f"| {' | '.join(row)} |" for row in padded)


def _warm(actions: dict[str, Any], sides: Sequence[str]) -> Rows:
    rows: Rows = []
    for action in (*ACTIONS, LOGGED):
        row = actions[action]
        calls = len(row[OURS]["calls"])
        name = f"{OVERHEAD} of {action} ({calls} call{'s' if calls > 1 else ''})"
        rows.append([name, *_cells(row, sides, OVERHEAD), _spread(row[OURS][FLOOR])])
    for action in (*ACTIONS, LOGGED):
        rows.append([f"{PROCESSOR} of {action}", *_cells(actions[action], sides, PROCESSOR)])
    opened = _spread(actions[CONNECTION][WALL])
    rows.append(["… a connection is opened, in ms", *[""] * len(sides), opened])
    return rows


def _cold(row: dict[str, Any], sides: Sequence[str]) -> Rows:
    rows = _costs("to the first READ over TLS", row, sides, (WALL, PROCESSOR, PEAK))
    return rows + [[f"… {side}, {WALL}", _spread(row[side][WALL])] for side in (BARE, LIBRARY, INTERPRETER)]


def _costs(name: str, row: dict[str, Any], sides: Sequence[str], keys: Iterable[str]) -> Rows:
    return [[f"{name}, {key}", *_cells(row, sides, key)] for key in keys]


def _memory(figures: dict[str, Any], sides: Sequence[str]) -> Rows:
    pages = figures[LIST]
    listed = [f"{_spread(pages[side][WALL])}, {pages[side]['packages']:,} packages" for side in sides]
    return [
        *_costs("all actions under Lambda's runtime client over TLS", figures[MEMORY], sides, (PEAK,)),
        ["list of 10,000 packages, ms a page", *listed],
        ["… memory from page 10 to 100, KiB", *(f"{pages[side][GROWTH]:+d}" for side in sides)],
    ]


def _package(package: dict[str, Any], sides: Sequence[str]) -> Rows:
    def size(side: str) -> str:
        return f"{package[side][ZIP]['median'] / 1e6:.2f} MB, {package[side][FILES]['median']:,} files"

    return [["zip for Lambda", *(size(side) for side in sides)], ["… without bytecode", size(BARE)]]


def _cells(row: dict[str, Any], sides: Iterable[str], key: str) -> list[str]:
    return [_spread(row[side][key]) for side in sides]


def _goal(judged: Judged) -> str:
    return "" if judged.goal is None else f"{judged.goal[0]} {judged.goal[1]:g}"


def _of_medians(figure: Figure) -> str:
    return _number(figure["of medians"]) if "of medians" in figure else ""


def _spread(figure: Figure) -> str:
    """The median, and the quartiles where there is more than one sample."""
    if len(figure["samples"]) == 1:
        return _number(figure["median"])
    median, lower, upper = (_number(figure[key]) for key in ("median", "lower quartile", "upper quartile"))
    return f"{median} ({lower} to {upper})"


def _number(value: float) -> str:
    """With three digits, or all of those before the point."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}"
