"""Positions on time axes, texts of durations, and which labels are shown."""

from __future__ import annotations

import pytest

from sandbox.page.scale import Span, apart, fitting, span_text, starts, widths
from tests.sandbox.helpers import cases


@cases(
    "spans, expected",
    {
        "to scale": ([Span(1), Span(3)], [25, 75]),
        "a short one has its minimum": ([Span(1, 40), Span(3)], [40, 60]),
        "a long one has its maximum": ([Span(1), Span(1000, 0, 20)], [80, 20]),
        "both": ([Span(1, 30), Span(2), Span(1e6, 0, 10)], [30, 60, 10]),
        "minimums without room": ([Span(1, 70), Span(1, 70)], [70, 70]),
        "all at their maximum": ([Span(1, 0, 10), Span(1, 0, 20)], [10, 20]),
        "nothing with a length": ([Span(0, 5), Span(0)], [5, 0]),
        "no span": ([], []),
    },
)
def test_widths(spans: list[Span], expected: list[float]) -> None:
    assert widths(spans, 100) == pytest.approx(expected, abs=1e-6)


def test_starts_ends_with_the_end() -> None:
    assert starts([1, 2.5], 10) == [10, 11, 13.5]
    assert starts([]) == [0]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 ms"),
        (0, "0 ms"),
        (0.0042, "4.2 ms"),
        (0.35, "350 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1 s"),
        (2.5, "2.5 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (303, "5 min 3 s"),
        (3599.7, "1 h"),
        (7260, "2 h 1 min"),
        (86_400 * 3 + 4 * 3600 + 59, "3 d 4 h"),
        (86_400 * 2 + 300, "2 d 5 min"),
    ],
)
def test_span_text(seconds: float, text: str) -> None:
    assert span_text(seconds) == text


@pytest.mark.parametrize(
    ("width", "text"),
    [(100, "Approved"), (80, "Approved"), (79, "Approv…"), (40, "App…"), (39, ""), (-5, "")],
)
def test_fitting(width: float, text: str) -> None:
    assert fitting("Approved", width, 10) == text


def test_apart_shows_labels_that_do_not_overlap_and_the_last_one() -> None:
    labels = ["12345"] * 5  # each 50 wide
    assert apart([0, 30, 80, 150, 160], labels, 10) == [True, False, True, False, True]
    assert apart([0, 100, 200, 300, 400], labels, 10) == [True] * 5
    assert apart([], [], 10) == []
