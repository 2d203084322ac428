"""Finds where many values stand in a text, whole or cut, in steps that grow with the text alone. Pure.

The values are sorted once. Then the longest of them that stands at a place, and how much of any of them
stands there, are a binary search each, however many values there are and however they are alike.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator

from .decoding import Cut, TooMuch

# A search in an index of values costs as much as so many characters that are decoded and folded.
SEARCH_STEPS = 6


class Work:
    """What may still be spent on texts, in steps; one is about a microsecond."""

    def __init__(self, steps: int) -> None:
        """Allow so many."""
        self._steps = steps

    def spend(self, steps: int) -> None:
        """Spend some.

        Raises:
            TooMuch: there are not as many left.
        """
        self._steps -= steps
        if self._steps < 0:
            raise TooMuch()


class Values:
    """Values to find in texts."""

    def __init__(self, values: Iterable[str]) -> None:
        """Sort the values."""
        # Every text begins with the first.
        self._values = ["", *sorted({each for each in values if each})]
        self._longest = max(map(len, self._values))
        # The first two characters of each, or the only one.
        self._pairs = {each[:2] for each in self._values[1:]}
        self._firsts = {each[0] for each in self._values[1:]}
        # Of each value the longest other that it begins with, and another one several of these further on:
        # with both, values that all begin alike are passed in a few steps.
        self._parents, self._jumps, depths = [0], [0], [0]
        parent = 0
        for number, value in enumerate(self._values[1:], 1):
            while not value.startswith(self._values[parent]):
                parent = self._parents[parent]
            jump = self._jumps[parent]
            further = self._jumps[jump]
            is_even = depths[parent] - depths[jump] == depths[jump] - depths[further]
            self._parents.append(parent)
            self._jumps.append(further if is_even else parent)
            depths.append(depths[parent] + 1)
            parent = number

    def whole(self, text: str, work: Work, is_one: Callable[[str, int], bool]) -> Iterator[tuple[int, int]]:
        """Where values stand in the text: of those that begin at a place the longest that `is_one`.

        Raises:
            TooMuch: it takes more work.
        """
        for at, char in enumerate(text):
            if text[at : at + 2] not in self._pairs and char not in self._pairs:
                continue
            number = self._following(text, at, work) - 1
            while number:
                value, jump = self._values[number], self._jumps[number]
                if text.startswith(value, at):
                    if is_one(value, at):
                        yield at, at + len(value)
                        break
                    number = self._parents[number]
                elif text.startswith(self._values[jump], at):
                    number = self._parents[number]
                else:
                    number = jump

    def begun(self, text: str, cuts: list[Cut], work: Work) -> Iterator[tuple[int, int, Cut]]:
        """Where the beginning of a value stands before a cut; of several cuts the last.

        Raises:
            TooMuch: it takes more work.
        """
        firsts, befores = [cut.first for cut in cuts], [cut.before for cut in cuts]
        for at, char in enumerate(text):
            following = bisect_right(befores, at)
            if following == len(cuts):
                return
            if char not in self._firsts:
                continue
            stop = at + self._begun_at(text, at, work)
            last = bisect_right(firsts, stop) - 1
            if last >= following:
                yield at, min(stop, befores[last]), cuts[last]

    def _following(self, text: str, at: int, work: Work) -> int:
        """The number of the first value that is greater than what the text has at a place."""
        work.spend(SEARCH_STEPS)
        return bisect_right(self._values, text[at : at + self._longest])

    def _begun_at(self, text: str, at: int, work: Work) -> int:
        """How many of the characters at a place some value begins with."""
        number = self._following(text, at, work)
        return max(_common(value, text, at) for value in self._values[number - 1 : number + 1])


def _common(value: str, text: str, at: int) -> int:
    """How many characters a value and a text at a place begin with."""
    least, most = 0, min(len(value), len(text) - at)
    while least < most:
        middle = (least + most + 1) // 2
        if text.startswith(value[least:middle], at + least):
            least = middle
        else:
            most = middle - 1
    return least
