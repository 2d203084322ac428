"""Compares names as they are spelled: which of the known ones a name may stand for. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

# How alike two names have to be, from 0 to 1.
MIN_LIKENESS = 0.7
# Known names that may have all parts of one, so that each of them may be meant.
_MAX_CONTAINING = 3
_NAME_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def close(name: str, known: Collection[str]) -> list[str]:
    """The known names that a name may stand for: equal ones, or those with its parts, or a similar one."""
    return equal(name, known) or containing(name, known) or similar(name, known)


def simple(name: str) -> str:
    """The name without case and separators."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def equal(name: str, known: Iterable[str]) -> list[str]:
    """The known names that differ in case and separators only."""
    return [each for each in known if simple(each) == simple(name) != ""]


def containing(name: str, known: Iterable[str]) -> list[str]:
    """The known names that have all parts of this one: those with no others, or else a few with more."""
    own = parts(name)
    more = [each for each in known if own and own <= parts(each)]
    return of_equal_parts(name, more) or (more if len(more) <= _MAX_CONTAINING else [])


def of_equal_parts(name: str, known: Iterable[str]) -> list[str]:
    """The known names of the same parts: the singular and the plural."""
    own = parts(name)
    return [each for each in known if own and own == parts(each)]


def parts(name: str) -> set[str]:
    """The words that a name is made of, in the singular and in lower case."""
    return {word.removesuffix("s") for word in words(name)}


def words(name: str) -> set[str]:
    """The words that a name is made of, in lower case."""
    return {part.lower() for part in _NAME_PART.findall(name)}


def similar(name: str, known: Iterable[str], min_likeness: float = MIN_LIKENESS) -> list[str]:
    """The known name that is the most alike, if one is alike enough."""
    from difflib import get_close_matches  # for mistakes only, so no cold start pays for it

    by_lower = {each.lower(): each for each in known}
    return [by_lower[each] for each in get_close_matches(name.lower(), by_lower, n=1, cutoff=min_likeness)]
