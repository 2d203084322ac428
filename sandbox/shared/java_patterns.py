"""Patterns in Java's dialect, as the API description and CloudFormation have them, for Python to match."""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache

_CATEGORY = re.compile(r"\\p\{(\w+)\}")
# The description's metadata patterns end in "${1,256}": an anchor with a count. Java takes that for the
# anchor alone, Python refuses to compile it.
_COUNTED_ANCHOR = re.compile(r"(?<!\\)\$\{\d+(?:,\d*)?\}")


def matches(pattern: str, value: str) -> bool:
    """Return whether the whole value matches a pattern."""
    return _compiled(pattern).fullmatch(value) is not None


def occurs(pattern: str, value: str) -> bool:
    """Return whether a pattern matches anywhere in the value, as JSON Schema has it."""
    return _compiled(pattern).search(value) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    repaired = _COUNTED_ANCHOR.sub("$", pattern)
    # Only within brackets does the description use \p{..}, so ranges can take its place.
    python = _CATEGORY.sub(lambda match: _ranges(match[1]), repaired)
    return re.compile(python, re.ASCII)  # \w, \d and \s are ASCII in Java


def _ranges(category: str) -> str:
    """Return a category of Unicode characters as the inside of a bracket expression."""
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in _categories()[category])


@cache
def _categories() -> dict[str, list[tuple[int, int]]]:
    """Return the ranges of every one-letter category, in one pass over Unicode (a tenth of a second)."""
    ranges: dict[str, list[tuple[int, int]]] = {}
    start, previous = 0, unicodedata.category("\0")[0]
    for code in range(1, sys.maxunicode + 2):
        category = unicodedata.category(chr(code))[0] if code <= sys.maxunicode else ""
        if category != previous:
            ranges.setdefault(previous, []).append((start, code - 1))
            start, previous = code, category
    return ranges
