"""The figures as a table, with the ratios that they come to and the goals those have."""

from __future__ import annotations

from typing import Any

from benchmarks.measure import ACTIONS, COLD, GROWTH, LIST, LOGGED, MEMORY, PACKAGE, WARM, ZIP

# The ratio, whether more is better, and what it should be.
GOALS = {
    **{f"{WARM}, {action}": (">=", 20.0) for action in (*ACTIONS, LOGGED)},
    f"{COLD}, usual / ours": (">=", 2.0),
    f"{COLD}, ours / the library alone": ("<=", 1.35),
    f"{PACKAGE}, usual / ours": (">=", 8.0),
    f"{PACKAGE}, usual / ours without bytecode": (">=", 14.0),
}


def ratios(figures: dict[str, Any]) -> dict[str, float]:
    """Every ratio that has a goal, from medians of one run."""
    cold, package = figures[COLD], figures[PACKAGE]
    return {
        **{
            f"{WARM}, {action}": figures[WARM][action]["usual"]["median"]
            / figures[WARM][action]["ours"]["median"]
            for action in (*ACTIONS, LOGGED)
        },
        f"{COLD}, usual / ours": cold["usual"]["median"] / cold["ours"]["median"],
        f"{COLD}, ours / the library alone": cold["ours"]["median"] / cold["the library alone"]["median"],
        f"{PACKAGE}, usual / ours": package["usual"][ZIP] / package["ours"][ZIP],
        f"{PACKAGE}, usual / ours without bytecode": (
            package["usual"][ZIP] / package["ours without bytecode"][ZIP]
        ),
    }


def table(result: dict[str, Any]) -> str:
    """The whole result in Markdown, as guides/costs.md shows it."""
    figures, ratio = result["figures"], result["ratios"]
    rows: list[tuple[str, ...]] = [("", "ours", "usual way", "floor", "ratio", "goal")]
    for action in (*ACTIONS, LOGGED):
        sides = figures[WARM][action]
        calls = len(sides["ours"]["calls"])
        name = f"warm overhead of {action} ({calls} call{'s' if calls > 1 else ''}), ms"
        rows.append(
            (
                name,
                *(_spread(sides[side]) for side in ("ours", "usual", "floor")),
                *_goal(f"{WARM}, {action}", ratio),
            )
        )
    cold = figures[COLD]
    rows.append(
        (
            "cold start to the first READ, ms",
            _spread(cold["ours"]),
            _spread(cold["usual"]),
            f"{_spread(cold['the library alone'])} (library alone)",
            *_goal(f"{COLD}, usual / ours", ratio),
        )
    )
    rows.append(
        ("… ours / the library alone", "", "", "", *_goal(f"{COLD}, ours / the library alone", ratio))
    )
    bare = cold["ours without bytecode"]
    rows.append(("… without bytecode, ms", _spread(bare), "", "", "", ""))
    warm_memory = figures[WARM][MEMORY]
    rows.append(
        (
            "peak memory, first READ, MiB",
            *(f"{cold[each][MEMORY]:.0f}" for each in ("ours", "usual")),
            "",
            "",
            "",
        )
    )
    rows.append(
        (
            "peak memory, all actions, MiB",
            *(f"{warm_memory[each]['median']:.0f}" for each in ("ours", "usual")),
            "",
            "",
            "",
        )
    )
    package = figures[PACKAGE]
    for name, key in (("zip for Lambda", "ours"), ("… without bytecode", "ours without bytecode")):
        rows.append(
            (
                name,
                _package(package[key]),
                _package(package["usual"]),
                "",
                *_goal(f"{PACKAGE}, usual / {key}", ratio),
            )
        )
    pages = figures[LIST]
    rows.append(
        (
            f"list of {pages['ours']['packages']:,} packages, ms a page",
            f"{_spread(pages['ours'])}, {pages['ours']['pages']} pages",
            f"{_spread(pages['usual'])}, sees {pages['usual']['packages']:,} packages",
            "",
            "",
            "",
        )
    )
    rows.append(
        (
            "… memory from page 10 to 100, KiB",
            *(f"{pages[each][GROWTH]:+d}" for each in ("ours", "usual")),
            "",
            "",
            "",
        )
    )
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|" + " --- |" * len(rows[0]))
    head = f"{result['date']}, {result['machine']}; medians of {result['rounds']} rounds (least to most)"
    return "\n".join([head, "", *lines])


def _spread(figure: dict[str, float]) -> str:
    digits = 0 if figure["median"] >= 100 else 1
    return f"{figure['median']:.{digits}f} ({figure['min']:.{digits}f} to {figure['max']:.{digits}f})"


def _package(figure: dict[str, int]) -> str:
    return f"{figure[ZIP] / 1e6:.2f} MB, {figure['files']:,} files"


def missed(ratio: dict[str, float]) -> list[str]:
    """The ratios that do not reach their goals."""
    return [name for name in GOALS if not _reached(name, ratio)]


def _reached(name: str, ratio: dict[str, float]) -> bool:
    direction, goal = GOALS[name]
    return ratio[name] >= goal if direction == ">=" else ratio[name] <= goal


def _goal(name: str, ratio: dict[str, float]) -> tuple[str, str]:
    direction, goal = GOALS[name]
    shown = f"{ratio[name]:.2f}" if direction == "<=" else f"{ratio[name]:.1f}"
    words = "at least" if direction == ">=" else "at most"
    return shown, f"{words} {goal:g}{'' if _reached(name, ratio) else ' (missed)'}"
