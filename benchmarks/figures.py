"""What a figure is: its samples and their spread; and the ratio of two figures, sample by sample."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

# Sides, by which figures are kept.
OURS, BARE, TEMPLATE, BEFORE = "ours", "ours without bytecode", "CLI's template", "before"
FLOOR, LIBRARY, INTERPRETER = "floor", "library alone", "interpreter alone"
# Parts of a result.
HTTP, TLS, SEVENTH = "warm over HTTP", "warm over TLS", "at a seventh of a processor"
COLD, MEMORY, LIST, PACKAGE = "cold start", "memory", "list of 10,000", "package"
# What is measured.
OVERHEAD, WALL, PROCESSOR = "overhead in ms", "wall time in ms", "processor time in ms"
PEAK, GROWTH, ZIP, FILES = "peak memory in MiB", "memory growth in KiB", "zip in bytes", "files"

Figure = dict[str, Any]


def spread(samples: Sequence[float]) -> Figure:
    """Median, quartiles, least and most of samples, beside them in the order in which they were measured.

    At 20 samples the interval between the quartiles has the true median with a probability of more than 95 %:
    it is wider than that from the 6th to the 15th in order, for which the binomial distribution gives 95.9 %.
    """
    lower, median, upper = _quartiles(samples)
    return {
        "median": median,
        "lower quartile": lower,
        "upper quartile": upper,
        "least": min(samples),
        "most": max(samples),
        "samples": [round(each, 4) for each in samples],
    }


def ratio(above: Figure, below: Figure) -> Figure:
    """The spread of the ratios of samples of one round, and beside it the ratio of the two medians.

    Both sides of a round are measured within a second, so what slows the machine down for longer slows both
    and is not in their ratio. The ratio of the medians compares one side's middle round with another's.
    """
    pairs = zip(above["samples"], below["samples"], strict=True)
    return spread([one / other for one, other in pairs]) | {"of medians": above["median"] / below["median"]}


def _quartiles(samples: Sequence[float]) -> tuple[float, float, float]:
    if len(samples) < 2:
        return samples[0], samples[0], samples[0]
    lower, median, upper = statistics.quantiles(samples, n=4, method="inclusive")
    return lower, median, upper
