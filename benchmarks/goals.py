"""The ratios of a result, and the goals that they, and some figures, are to meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.figures import (
    BARE,
    BEFORE,
    COLD,
    FILES,
    HTTP,
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
    ratio,
)
from benchmarks.measure import ACTIONS, LOGGED

AT_LEAST, AT_MOST = "at least", "at most"
# Peaks of one and the same build differ by less than half a percent.
SAME_MEMORY = 1.005
MET, NARROW, MISSED = "met", "met, without a margin", "missed"

_Goal = tuple[str, float] | None


@dataclass(frozen=True)
class Judged:
    """A ratio or a figure, and its goal if it has one."""

    name: str
    figure: Figure
    goal: _Goal

    @property
    def verdict(self) -> str:
        """Whether the median meets the goal, and also the quartile that is nearer to it."""
        if self.goal is None:
            return ""
        direction, limit = self.goal
        if direction == AT_LEAST:
            median, quartile = self.figure["median"] >= limit, self.figure["lower quartile"] >= limit
        else:
            median, quartile = self.figure["median"] <= limit, self.figure["upper quartile"] <= limit
        return MISSED if not median else MET if quartile else NARROW


def judge(figures: dict[str, Any]) -> list[Judged]:
    """Every ratio of the parts that were measured, and what else has a goal."""
    judged: list[Judged] = []
    for part in (HTTP, TLS):
        judged += _warm(part, figures[part]) if part in figures else []
    judged += _cold(figures[COLD]) if COLD in figures else []
    if SEVENTH in figures:
        seventh = figures[SEVENTH]
        for name, sides in (("READ", seventh["READ"]), ("first READ", seventh[COLD])):
            judged += _both(f"{SEVENTH}, {WALL} of the {name}", sides, WALL)
    if MEMORY in figures:
        judged += _both(f"{PEAK} of all actions", figures[MEMORY], PEAK, before=(AT_MOST, SAME_MEMORY))
    if PACKAGE in figures:
        judged += _package(figures[PACKAGE])
    return judged


def _warm(part: str, actions: dict[str, Any]) -> list[Judged]:
    judged = []
    for action in (*ACTIONS, LOGGED):
        name = f"{part}, {OVERHEAD} of {action}"
        judged += _ratio(name, actions[action], OVERHEAD, (TEMPLATE, OURS), (AT_LEAST, 20.0))
    for action in (*ACTIONS, LOGGED):
        goal = (AT_MOST, 0.3) if (part, action) == (TLS, "READ") else None
        judged += _ratio(f"{part}, {WALL} of {action}", actions[action], WALL, (OURS, BEFORE), goal)
    if part == TLS:
        name, sides = f"{part}, {PROCESSOR} of READ", actions["READ"]
        judged += [Judged(f"{name}, {OURS}", sides[OURS][PROCESSOR], (AT_MOST, 8.0))]
        judged += _both(name, sides, PROCESSOR)
    return judged


def _cold(sides: dict[str, Any]) -> list[Judged]:
    name = f"{COLD}, {WALL}"
    return [
        *_both(name, sides, WALL, template=(AT_LEAST, 2.0), before=(AT_MOST, 0.8)),
        *_both(f"{COLD}, {PROCESSOR}", sides, PROCESSOR),
    ]


def _package(sides: dict[str, Any]) -> list[Judged]:
    return [
        *_ratio(f"{PACKAGE}, {ZIP}", sides, ZIP, (TEMPLATE, OURS), (AT_LEAST, 8.0)),
        *_ratio(f"{PACKAGE}, {ZIP}", sides, ZIP, (TEMPLATE, BARE), (AT_LEAST, 14.0)),
        *_ratio(f"{PACKAGE}, {ZIP}", sides, ZIP, (OURS, BEFORE), (AT_MOST, 0.75)),
        *_ratio(f"{PACKAGE}, {FILES}", sides, FILES, (OURS, BEFORE), (AT_MOST, 0.75)),
    ]


def _both(
    name: str, sides: dict[str, Any], key: str, template: _Goal = None, before: _Goal = None
) -> list[Judged]:
    return [
        *_ratio(name, sides, key, (TEMPLATE, OURS), template),
        *_ratio(name, sides, key, (OURS, BEFORE), before),
    ]


def _ratio(
    name: str, sides: dict[str, Any], key: str, pair: tuple[str, str], goal: _Goal = None
) -> list[Judged]:
    """The ratio of two sides, as a list that is empty where one of them was not measured."""
    above, below = pair
    if above not in sides or below not in sides:
        return []
    return [Judged(f"{name}: {above} / {below}", ratio(sides[above][key], sides[below][key]), goal)]
