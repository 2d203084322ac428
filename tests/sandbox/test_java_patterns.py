"""Patterns in Java's dialect, as schemas of any origin have them."""

from __future__ import annotations

import logging
import re
import sys
import unicodedata

import pytest

from sandbox.cloudformation.validation import model_problems
from sandbox.shared import java_patterns
from sandbox.shared.java_patterns import matches, occurs
from tests.sandbox.helpers import cases


@cases(
    "pattern, yes, no",
    {
        "POSIX classes": (r"^\p{Alpha}\p{Digit}$", "a1", "\u00e41"),
        "POSIX classes in brackets": (r"^[\p{Alnum}_]+$", "a_1", "a-1"),
        "punctuation": (r"^[\p{Punct}]+$", "!]^\\~-", "a"),
        "categories": (r"^\p{Lu}\pL\P{L}$", "\u00c4b1", "abc"),
        "named groups": (r"^(?<n>x|y)\k<n>$", "yy", "xy"),
        "a look behind": (r"a(?<!b)(?<=a)c$", "ac", "bc"),
        "the end": (r"\Aab\z", "ab", "ab\n"),
        "the end before a line's": (r"^ab\Z", "ab\n", "ab\nc"),
        "blanks": (r"^a\h[\h]b$", "a\t\u00a0b", "a\n b"),
        "quoted": (r"^\Qa.b(\E+$", "a.b((", "axb("),
        "a hyphen after a class": (r"^[\w-.]+$", "a-.b", "a+"),
        "a bracket in brackets": (r"^[]a-c]+$", "]b", "d"),
        "no bracket but one": (r"^[^]]+$", "a", "]"),
        "an anchor with a count": ("^a${1,256}", "a", "ab"),
        "an escaped anchor": (r"^\${2}$", "$$", "$"),
        "possessive": ("^a++b$", "aab", "a"),
    },
)
def test_occurs_takes_javas_dialect(pattern: str, yes: str, no: str) -> None:
    assert (occurs(pattern, yes), occurs(pattern, no)) == (True, False)


@pytest.mark.parametrize("pattern", ["(", r"\p{Nothing}", "a{99999999999999}", r"[\P{L}]", "(" * 5000])
def test_pattern_without_counterpart_is_passed_over(caplog: pytest.LogCaptureFixture, pattern: str) -> None:
    with caplog.at_level(logging.WARNING):
        assert occurs(pattern, "x")
        assert not occurs(pattern, "x", otherwise=False)
    assert "is passed over" in caplog.text
    schema = {
        "properties": {"A": {"type": "string", "pattern": pattern}},
        "patternProperties": {pattern: {"type": "integer"}},
        "additionalProperties": False,
    }
    assert model_problems(schema, {"A": "x", "B": "y"}) == []


def test_matches_refuses_what_has_no_counterpart() -> None:
    with pytest.raises(re.error):
        matches("(", "x")


def test_categories_are_those_of_every_character() -> None:
    for length in (1, 2):
        characters = 0
        for name, ranges in java_patterns._categories().items():
            for first, last in ranges if len(name) == length else ():
                categories = {unicodedata.category(chr(code))[:length] for code in range(first, last + 1)}
                assert categories == {name}, (first, last)
                characters += last + 1 - first
        assert characters == sys.maxunicode + 1
