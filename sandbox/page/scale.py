"""Positions on the time axes of drawings, and the texts of durations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

_ROUNDS = 60  # of halving an interval: more than a float has digits
_UNITS = {"d": 86_400, "h": 3600, "min": 60, "s": 1}
MAX_UNITS = 2
_ELLIPSIS = "…"


class Span(NamedTuple):
    """A part of an axis."""

    length: float
    """How much there is to draw, in any unit."""
    min_width: float = 0.0
    max_width: float = math.inf


def widths(spans: Sequence[Span], width: float) -> list[float]:
    """Return the widths of spans that lie one after the other on an axis of a width.

    All have one scale, the largest with which they have room, except those that would be less than their
    minimum or more than their maximum. The sum is larger than the axis only when the minimums are.
    """

    def at(scale: float) -> list[float]:
        return [min(max(span.length * scale, span.min_width), span.max_width) for span in spans]

    low, high = 0.0, 1.0
    while sum(at(high)) < width and high < 1e9:  # beyond: all of them have their maximum, or no length
        high *= 2
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        if sum(at(middle)) <= width:
            low = middle
        else:
            high = middle
    return at(low)


def starts(widths: Sequence[float], first: float = 0.0) -> list[float]:
    """Return where each of the widths begins, and where the last one ends."""
    positions = [first]
    for each in widths:
        positions.append(positions[-1] + each)
    return positions


def span_text(seconds: float) -> str:
    """Return a duration in at most two units, such as `350 ms`, `2.5 s`, `40 s`, `3 d 4 h`, `2 d 5 min`."""
    if seconds < 0.9995:
        milliseconds = max(seconds, 0) * 1000
        return f"{milliseconds:.1f} ms" if 0 < milliseconds < 9.95 else f"{milliseconds:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    rest, parts = round(seconds), []
    for unit, size in _UNITS.items():
        amount, rest = divmod(rest, size)
        if amount:
            parts.append(f"{amount} {unit}")
    return " ".join(parts[:MAX_UNITS])


def fitting(text: str, width: float, character_width: float) -> str:
    """Return a text, or as much of it as has room; the empty text if that is less than three characters."""
    room = int(width / character_width)
    if len(text) <= room:
        return text
    return text[: room - 1] + _ELLIPSIS if room >= 4 else ""


def apart(positions: Sequence[float], labels: Sequence[str], character_width: float) -> list[bool]:
    """Return which labels, each centred at its position, are shown so that none overlaps another.

    The last one is always shown, and of the others each that has room beside those before it.
    """
    gap = 2 * character_width
    half = [len(label) * character_width / 2 for label in labels]
    last_begin = positions[-1] - half[-1] - gap if positions else 0.0
    free_from = -math.inf
    shown = []
    for index, (position, each) in enumerate(zip(positions, half, strict=True)):
        is_last = index == len(labels) - 1
        fits = is_last or (position - each >= free_from and position + each <= last_begin)
        shown.append(fits)
        if fits:
            free_from = position + each + gap
    return shown
