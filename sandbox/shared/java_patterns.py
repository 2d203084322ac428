"""Patterns in Java's dialect, as the API description and CloudFormation have them, for Python to match."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterator
from functools import cache

LOG = logging.getLogger("sandbox.shared")

# The description's metadata patterns end in "${1,256}": an anchor with a count. Java takes that for the
# anchor alone, Python refuses to compile it.
_COUNTED_ANCHOR = re.compile(r"\$\{\d+(?:,\d*)?\}")
_TOKEN = re.compile(
    r"\\Q(?P<quoted>.*?)(?:\\E|\Z)|\\[pP]\{(?:Is)?(?P<category>\w+)\}|\\[pP](?P<letter>[A-Z])|"
    r"\(\?<(?P<group>[A-Za-z]\w*)>|\\k<(?P<reference>\w+)>|\\.|" + _COUNTED_ANCHOR.pattern + "|.",
    re.DOTALL | re.ASCII,
)
# What Java has beside the categories of Unicode, as the inside of a bracket expression.
_CLASSES = {
    "ASCII": r"\x00-\x7f",
    "Alnum": "A-Za-z0-9",
    "Alpha": "A-Za-z",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1f\x7f",
    "Digit": "0-9",
    "Graph": "!-~",
    "Lower": "a-z",
    "Print": " -~",
    "Punct": r"!-/:-@\[-`{-~",
    "Space": r" \t-\r",
    "Upper": "A-Z",
    "XDigit": "0-9A-Fa-f",
}
_HORIZONTAL = r" \t\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000"
_ENDS = {r"\z": r"\Z", r"\Z": r"(?=\n?\Z)"}


def matches(pattern: str, value: str) -> bool:
    """Return whether the whole value matches a pattern.

    Raises:
        re.error: the pattern has no counterpart in Python.
    """
    return _compiled(pattern).fullmatch(value) is not None


def occurs(pattern: str, value: str, *, otherwise: bool = True) -> bool:
    """Return whether a pattern matches anywhere in the value, as JSON Schema has it.

    `otherwise` is the answer for a pattern that has no counterpart in Python.
    """
    compiled = _compiled_if_possible(pattern)
    return otherwise if compiled is None else compiled.search(value) is not None


@cache
def _compiled_if_possible(pattern: str) -> re.Pattern[str] | None:
    try:
        return _compiled(pattern)
    except (re.error, OverflowError, RecursionError) as problem:
        LOG.warning("The pattern %r is passed over: %s", pattern, problem)
        return None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(_python(pattern)), re.ASCII)  # \w, \d and \s are ASCII in Java


def _python(pattern: str) -> Iterator[str]:
    """Yield a pattern in Python's dialect, part by part."""
    is_inside = False  # of brackets
    previous = ""
    for match in _TOKEN.finditer(pattern):
        part = match[0]
        if match["quoted"] is not None:
            yield re.escape(match["quoted"])
        elif name := match["category"] or match["letter"]:
            yield _class(name, is_inside=is_inside, is_negated=part[1] == "P")
        elif part == r"\h":
            yield _HORIZONTAL if is_inside else f"[{_HORIZONTAL}]"
        elif is_inside:
            # After a class a hyphen cannot begin a range.
            yield r"\-" if part == "-" and re.fullmatch(r"\\[dswDSWpPh].*", previous) else part
        elif match["group"]:
            yield f"(?P<{match['group']}>"
        elif match["reference"]:
            yield f"(?P={match['reference']})"
        else:
            yield "$" if _COUNTED_ANCHOR.fullmatch(part) else _ENDS.get(part, part)
        if part in ("[", "]"):
            is_inside = part == "[" or (is_inside and previous in ("[", "[^"))
        previous = "[^" if (previous, part) == ("[", "^") else part


def _class(name: str, *, is_inside: bool, is_negated: bool) -> str:
    if name not in _CLASSES and name not in _categories():
        raise re.error(f"there is no class {name}")
    inside = _CLASSES.get(name) or _ranges(_categories()[name])
    if is_inside and is_negated:
        raise re.error(f"a negated class {name} within brackets")
    return inside if is_inside else f"[{'^' if is_negated else ''}{inside}]"


def _ranges(ranges: list[tuple[int, int]]) -> str:
    """Return ranges of characters as the inside of a bracket expression."""
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)


@cache
def _categories() -> dict[str, list[tuple[int, int]]]:
    """Return the ranges of every category of Unicode."""
    ranges: dict[str, list[tuple[int, int]]] = {}
    for category, first, last in _runs():
        for name in (category, category[0]):
            known = ranges.setdefault(name, [])
            start = known.pop()[0] if known and known[-1][1] == first - 1 else first
            known.append((start, last))
    return ranges


def _runs() -> Iterator[tuple[str, int, int]]:
    """Yield runs of characters of one category: it, the first one and the last one."""
    yield from _runs_of(range(0x40000))
    # Asking for each of the twelve planes without characters takes longer than for the five with some.
    yield "Cn", 0x40000, 0xDFFFF
    yield from _runs_of(range(0xE0000, 0xF0000))
    for private in (0xF0000, 0x100000):
        yield "Co", private, private + 0xFFFD
        yield "Cn", private + 0xFFFE, private + 0xFFFF


def _runs_of(codes: range) -> Iterator[tuple[str, int, int]]:
    categories = "".join(map(unicodedata.category, map(chr, codes)))  # of two letters each
    for run in re.finditer(r"(..)\1*", categories):
        yield run[1], codes.start + run.start() // 2, codes.start + run.end() // 2 - 1
