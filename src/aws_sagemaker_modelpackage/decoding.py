"""Texts as they are compared: escapes undone; normal forms, cases and marks of any script made equal. Pure.

A text that quotes a value may have escaped it several times over: JSON in JSON, in a URL. Each layer of
escapes is undone by itself, and every character keeps its place in the original text.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import NamedTuple

# Layers of escapes; a service's message has two or three.
MAX_LAYERS = 8
# Of a text as it is compared: one character may be eighteen then.
MAX_COMPARED_CHARACTERS = 24_000

_HEX = "[0-9a-f]"
# What stands where a text is cut.
_DOTS = r"(?:\.{2,}|(?:\. ){2,}\.|[\u2025\u2026\u22ef\ufe19]+|[\u3002\u2024]{2,})"
_MARK = f"(?:{_DOTS}|truncated)"
_CUT = rf"(?:{_DOTS}|\[{_MARK}\]|\({_MARK}\)|<{_MARK}>)"


# What a cut leaves of an escape.
_REMAINS = r"(?:\\(?:u(?:[0-9a-f]{0,7}|\{[0-9a-f]{0,8})|x[0-9a-f]?)?|%[0-9a-f]?|&\#?[0-9a-z]{0,10})"
_IS_CUT = rf"{_REMAINS}{{0,2}} ?{_CUT}"


class TooMuch(Exception):
    """A text cannot be compared in reasonable time."""


def _utf8(byte: str) -> str:
    """A pattern of one character's bytes in UTF-8, each written as `byte` and two digits."""
    more = f"{byte}[89ab]{_HEX}"
    return (
        f"{byte}[cd]{_HEX}{more}|{byte}e{_HEX}(?:{more}){{2}}|{byte}f[0-4](?:{more}){{3}}|{byte}[0-7]{_HEX}"
    )


# What eight digits begin with: the planes in use, and after a capital (Python's) the first as well.
_PLANE = "(?:000[123e]|(?-i:(?<=U))0000)"


@cache
def _escape() -> re.Pattern[str]:
    """What an escape is like. Most processes see no error, and need none."""
    from html.entities import html5

    # The names that need no semicolon, longer ones first.
    bare = "|".join(sorted((each for each in html5 if each[-1] != ";"), reverse=True))
    backslash_x = _utf8(r"\\x")
    return re.compile(
        "|".join(
            [
                # A long run is no spelling of anything, and would take many layers.
                r"(?P<slashes>\\{64,}|\\\\)|(?P<percents>%(?:25){8,}|%25)|(?P<amps>&(?:amp;){8,}|&amp;)",
                # Python's, of the planes in use, and not what a cut leaves of one; else JSON's.
                rf"\\u(?P<long>000[123e]{_HEX}{{4}})|(?-i:\\U)0000(?P<padded>{_HEX}{{4}})",
                rf"\\u(?!{_PLANE}{_HEX}{{0,3}}(?: ?{_CUT}|[%&\\]))(?P<short>{_HEX}{{4}})",
                rf"\\u\{{0*(?P<braced>{_HEX}{{1,6}})\}}|%u(?P<web>{_HEX}{{4}})",
                f"(?P<bytes>{_utf8('%')}|{backslash_x})",
                rf"\\x(?P<latin>{_HEX}{{2}})|(?P<broken>%[89a-f]{_HEX})",
                r"\\(?P<control>[nrtbf])|\\(?P<quote>[\"'/])",
                # Browsers need no semicolon; without it a cut reference may be a part of one.
                rf"&\#0*(?P<decimal>[0-9]{{1,7}})(?:;|(?![0-9]|{_IS_CUT}))",
                rf"&\#x0*(?P<hexadecimal>{_HEX}{{1,6}})(?:;|(?!{_HEX}|{_IS_CUT}))",
                rf"&(?P<name>[a-z][a-z0-9]{{1,31}});|&(?P<bare>{bare})",
                r"(?P<pair>[\ud800-\udbff][\udc00-\udfff])",
            ]
        ),
        re.IGNORECASE | re.ASCII,
    )


_CONTROLS = dict(zip("nrtbf", "\n\r\t\b\f", strict=True))
_BASES = {"decimal": 10} | dict.fromkeys(
    ("latin", "long", "padded", "short", "braced", "web", "hexadecimal"), 16
)
_NOT_HEX = re.compile(r"\\x|%", re.IGNORECASE)


def _undone(match: re.Match[str]) -> str:
    """What an escape stands for."""
    kind = match.lastgroup or ""
    written = match[kind]
    if kind in _BASES:
        code = int(written, _BASES[kind])
        return chr(code) if code <= 0x10FFFF else match.group()
    if kind == "bytes":
        return bytes.fromhex(_NOT_HEX.sub("", written)).decode(errors="ignore")
    if kind in ("name", "bare"):
        from html.entities import html5

        spellings = (written, written.lower(), written.capitalize())
        return next((html5[f"{name};"] for name in spellings if f"{name};" in html5), match.group())
    if kind == "pair":
        return written.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if kind == "control":
        return _CONTROLS[written.lower()]
    # A byte that is no character alone, a quote, or what a run is made of.
    return "" if kind == "broken" else written[0]


_ESCAPING = re.compile(r"[\\%&]")


def forms_of(value: str) -> set[str]:
    """The value, and what is left of it when all that looks like an escape in it is undone."""
    forms = {value}
    for form in {value, value if value.isascii() else compatible(value)}:
        if _ESCAPING.search(form):
            undone, before = form, ""
            for _ in range(MAX_LAYERS):
                undone, before = _escape().sub(_undone, undone), undone
                if undone == before:
                    break
            forms.add(undone)
    return forms


# --- folding ----------------------------------------------------------------------------------------


def fold(text: str) -> str:
    """The text without what a normal form, a case or a mark changes; each character is folded by itself."""
    # A form has it for a space.
    text = text.replace("+", " ")
    if text.isascii():
        return text.lower()
    # Some capitals have small letters of their own (a dotless i), and some marks a capital that is a letter.
    return _without_marks(compatible(compatible(text).upper().casefold()))


def compatible(text: str) -> str:
    """The text in the normal form that has marks as characters and no ligatures or other widths (NFKD)."""
    return unicodedata.normalize("NFKD", text)


def _without_marks(text: str) -> str:
    """The text without marks and invisible characters; in most scripts letters alone tell values apart.

    Nor has it what a cut leaves of a character: half of a pair, or the replacement character.
    """
    return "".join(
        char
        for char in text
        if char.isalnum()
        or char.isascii()
        or (char != "\ufffd" and unicodedata.category(char) not in ("Mn", "Mc", "Me", "Cf", "Cs"))
    )


_fold_one = lru_cache(4096)(fold)


def letters_of(folded: str) -> str:
    """The letters and digits of a folded text, of every script."""
    return "".join(filter(str.isalnum, folded))


# --- layers -----------------------------------------------------------------------------------------


class Cut(NamedTuple):
    """Where a text is cut ("..."): its places in the original, and in a folded text what stands beside it.

    What an escape has left there may be a part of the value or not: `first` is before it, `last` after it.
    """

    start: int
    stop: int
    first: int
    before: int
    after: int
    last: int

    def mirrored(self, length: int) -> Cut:
        """The cut in a folded text of this length that is read backwards."""
        places = (length - each for each in (self.last, self.after, self.before, self.first))
        return Cut(self.start, self.stop, *places)


class Folded(NamedTuple):
    """A folded text whose characters have places in a layer."""

    text: str
    at: list[int]
    """The place in the layer of each character."""


@cache
def _cut() -> re.Pattern[str]:
    """What a cut is like, and what is left of an escape beside it, or of several within each other.

    `\\u4f...` and `%5&#x3...` are examples, or `...f60`. Quotes and brackets may be around the dots.
    """
    return re.compile(
        rf"(?P<broken>{_REMAINS}{{0,4}})"
        rf"[\"']? ?(?P<cut>{_CUT}) ?[\"']?"
        r"(?P<tail>(?:\#?[a-z0-9]{0,8};|u?\{?[0-9a-f]{0,8}\}|[\#ux]{0,2}[0-9a-f]{1,7}|[nrt]){0,6})",
        re.IGNORECASE | re.ASCII,
    )


class Layer:
    """A text after some of its escapes are undone.

    Raises:
        TooMuch: it has more than MAX_COMPARED_CHARACTERS.
    """

    def __init__(self, text: str, starts: list[int], ends: list[int]) -> None:
        """Hold the text, and where each of its characters begins and ends in the original."""
        self.text = text
        chars: list[str] = []
        at: list[int] = []
        # A mark is hidden with the letter before it, and with the one after it: a value may begin with one.
        self.starts, self.ends = starts[:], ends[:]
        for place in range(len(text) - 1, -1, -1):
            folded = _fold_one(text[place])
            if not folded and place:
                self.ends[place - 1] = self.ends[place]
            elif folded:
                first = place
                while first and not _fold_one(text[first - 1]):
                    first -= 1
                self.starts[place] = starts[first]
            chars.extend(reversed(folded))
            at.extend([place] * len(folded))
            if len(chars) > MAX_COMPARED_CHARACTERS:
                raise TooMuch()
        chars.reverse()
        at.reverse()
        self.plain = Folded("".join(chars), at)
        letters = [number for number, char in enumerate(chars) if char.isalnum()]
        self.letters = Folded("".join(chars[each] for each in letters), [at[each] for each in letters])

    def spelled(self, first: int, last: int) -> str:
        """What is between two places, with both and with the marks after the last."""
        while last + 1 < len(self.text) and not _fold_one(self.text[last + 1]):
            last += 1
        return self.text[first : last + 1]

    def cuts(self, folded: Folded) -> list[Cut]:
        """The cuts in the text, in order."""
        return [
            Cut(
                self.starts[match.start("cut")],
                self.ends[match.end("cut") - 1],
                *(bisect_left(folded.at, place) for place in (*match.span("broken"), *match.span("tail"))),
            )
            for match in _cut().finditer(self.text)
        ]


def layers(text: str) -> Iterator[Layer]:
    """The text, and the text after each layer of its escapes is undone.

    Raises:
        TooMuch: there are more than MAX_LAYERS, or more than MAX_COMPARED_CHARACTERS.
    """
    starts, ends = list(range(len(text))), list(range(1, len(text) + 1))
    for _ in range(MAX_LAYERS):
        yield Layer(text, starts, ends)
        pieces: list[str] = []
        new_starts: list[int] = []
        new_ends: list[int] = []
        done = 0
        for match in _escape().finditer(text):
            undone = _undone(match)
            pieces += [text[done : match.start()], undone]
            new_starts += starts[done : match.start()] + [starts[match.start()]] * len(undone)
            new_ends += ends[done : match.start()] + [ends[match.end() - 1]] * len(undone)
            done = match.end()
        after = "".join([*pieces, text[done:]])
        if after == text:
            return
        text, starts, ends = after, new_starts + starts[done:], new_ends + ends[done:]
    raise TooMuch()
