"""The figures as a table, with their ratios and goals."""

from __future__ import annotations

from typing import Any

from benchmarks.measure import (
    ACTIONS,
    BARE,
    COLD,
    FLOOR,
    GROWTH,
    LIBRARY,
    LIST,
    LOGGED,
    MEMORY,
    OURS,
    PACKAGE,
    TEMPLATE,
    WARM,
    ZIP,
)

# By the name of the ratio: whether it has to be at least or at most this much.
GOALS = {
    **{f"{WARM}, {action}": ("at least", 20.0) for action in (*ACTIONS, LOGGED)},
    f"{COLD}, {TEMPLATE} / {OURS}": ("at least", 2.0),
    f"{COLD}, {OURS} / {LIBRARY}": ("at most", 1.35),
    f"{PACKAGE}, {TEMPLATE} / {OURS}": ("at least", 8.0),
    f"{PACKAGE}, {TEMPLATE} / {BARE}": ("at least", 14.0),
}


def ratios(figures: dict[str, Any]) -> dict[str, float]:
    """Every ratio that has a goal, from medians of one run."""
    calculated = {}
    for action in (*ACTIONS, LOGGED):
        warm = figures[WARM][action]
        calculated[f"{WARM}, {action}"] = warm[TEMPLATE]["median"] / warm[OURS]["median"]
    for measured, key, above, below in (
        (COLD, "median", TEMPLATE, OURS),
        (COLD, "median", OURS, LIBRARY),
        (PACKAGE, ZIP, TEMPLATE, OURS),
        (PACKAGE, ZIP, TEMPLATE, BARE),
    ):
        calculated[f"{measured}, {above} / {below}"] = (
            figures[measured][above][key] / figures[measured][below][key]
        )
    return calculated


def table(result: dict[str, Any]) -> str:
    """The whole result in Markdown, as in guides/costs.md."""
    figures, sides = result["figures"], (OURS, TEMPLATE)
    cold, package, pages = figures[COLD], figures[PACKAGE], figures[LIST]
    rows: list[tuple[str, ...]] = [("", OURS, TEMPLATE, FLOOR, "ratio", "goal")]

    def add(name: str, *cells: str, ratio: str = "") -> None:
        goal = _goal(ratio, result["ratios"]) if ratio else ("", "")
        rows.append((name, *cells, *[""] * (3 - len(cells)), *goal))

    for action in (*ACTIONS, LOGGED):
        warm = figures[WARM][action]
        calls = len(warm[OURS]["calls"])
        name = f"warm overhead of {action} ({calls} call{'s' if calls > 1 else ''}), ms"
        add(name, *(_spread(warm[side]) for side in (*sides, FLOOR)), ratio=f"{WARM}, {action}")
    add(
        "cold start to the first READ, ms",
        *(_spread(cold[side]) for side in sides),
        f"{_spread(cold[LIBRARY])} (library alone)",
        ratio=f"{COLD}, {TEMPLATE} / {OURS}",
    )
    add(f"… ours / {LIBRARY}", ratio=f"{COLD}, {OURS} / {LIBRARY}")
    add("… without bytecode, ms", _spread(cold[BARE]))
    add("peak memory, first READ, MiB", *(f"{cold[side][MEMORY]:.0f}" for side in sides))
    add("peak memory, all actions, MiB", *(f"{figures[WARM][MEMORY][side]['median']:.0f}" for side in sides))
    for name, ours in (("zip for Lambda", OURS), ("… without bytecode", BARE)):
        cells = (
            f"{package[side][ZIP] / 1e6:.2f} MB, {package[side]['files']:,} files"
            for side in (ours, TEMPLATE)
        )
        add(name, *cells, ratio=f"{PACKAGE}, {TEMPLATE} / {ours}")
    add(
        f"list of {pages[OURS]['packages']:,} packages, ms a page",
        f"{_spread(pages[OURS])}, {pages[OURS]['pages']} pages",
        f"{_spread(pages[TEMPLATE])}, sees {pages[TEMPLATE]['packages']:,} packages",
    )
    add("… memory from page 10 to 100, KiB", *(f"{pages[side][GROWTH]:+d}" for side in sides))
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|" + " --- |" * len(rows[0]))
    head = f"{result['date']}, {result['machine']}; medians of {result['rounds']} rounds (least to most)"
    return "\n".join([head, "", *lines])


def missed(calculated: dict[str, float]) -> list[str]:
    """The names of the ratios that miss their goals."""
    return [name for name in GOALS if not _is_met(name, calculated)]


def _is_met(name: str, calculated: dict[str, float]) -> bool:
    direction, goal = GOALS[name]
    return calculated[name] >= goal if direction == "at least" else calculated[name] <= goal


def _goal(name: str, calculated: dict[str, float]) -> tuple[str, str]:
    direction, goal = GOALS[name]
    digits = 1 if direction == "at least" else 2
    miss = "" if _is_met(name, calculated) else " (missed)"
    return f"{calculated[name]:.{digits}f}", f"{direction} {goal:g}{miss}"


def _spread(figure: dict[str, float]) -> str:
    digits = 0 if figure["median"] >= 100 else 1
    return f"{figure['median']:.{digits}f} ({figure['min']:.{digits}f} to {figure['max']:.{digits}f})"
