"""Draws values of every script and the spellings in which a text may quote them, and reads what is left.

Nothing here is the handlers' own: escapes are made and undone by the standard library.
"""

from __future__ import annotations

import html
import itertools
import json
import random
import re
import unicodedata
import urllib.parse
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from html.entities import codepoint2name

Spell = Callable[[str], str]

# Ordinary messages, around a value.
MESSAGES = (
    "not allowed: [{}], says the service",
    "1 validation error detected: Value '{}' at 'task' failed to satisfy constraint: Member must be another",
    'Could not parse "{}" as a number between 1 and 100',
    "Unrecognized token at '{}' near another",
    "ModelPackage arn:aws:sagemaker:eu-west-1:111122223333:model-package/churn/1 has OWNER={}, MORE=2 set",
)
# What may be between two words of a value.
BETWEEN = (
    " ",
    " ",
    "-",
    "_",
    "/",
    ", ",
    "\n",
    '"',
    "'",
    "&",
    "<",
    "%",
    "\\",
    ".",
    ": ",
    "\u3000",
    "\U0001f525",
)
SYMBOLS = "\U0001f525\u2713\u2192\u20ac\U0001f9ea\u2665\U0001f1e9\u203b"
# Scripts in which two characters are a name.
DENSE = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL"})
# Letters and digits by which a value of any script is recognized in parts, and those beside a cut.
MIN_LETTERS, MIN_CUT_LETTERS = 8, 3
MAX_CHARACTERS = 8_000


@cache
def scripts() -> dict[str, tuple[str, str]]:
    """Letters and digits, and marks, of every script; its name begins the names of its characters."""
    letters: dict[str, list[str]] = defaultdict(list)
    marks: dict[str, list[str]] = defaultdict(list)
    for code in (*range(0x30, 0xD800), *range(0xF900, 0x20000)):
        char = chr(code)
        kind = unicodedata.category(char)[0]
        script = unicodedata.name(char, "").split(" ")[0]
        if kind in "LN":
            letters[script].append(char)
        elif kind == "M":
            marks[script].append(char)
    general = "".join(marks["COMBINING"])
    return {
        script: ("".join(chars), "".join(marks[script]) or general)
        for script, chars in letters.items()
        if len(chars) >= 20
    }


@dataclass(frozen=True)
class Drawn:
    """A value, and one way in which a text quotes it."""

    script: str
    value: str
    ways: tuple[str, ...]
    quoted: str
    text: str


def draw(rng: random.Random) -> Drawn:
    """A value of a script, or of symbols, in a spelling that can be recognized."""
    while True:
        script, value = _value(rng)
        ways, quoted = _quote(rng, script, value)
        message = rng.choice(MESSAGES)
        words = set(re.findall(r"\w+", message.casefold()))
        text = message.replace("{}", quoted)
        # Of a longer text only the beginning is shown.
        if quoted and len(text) < MAX_CHARACTERS and value.casefold() not in words:
            return Drawn(script, value, ways, quoted, text)


def _value(rng: random.Random) -> tuple[str, str]:
    if rng.random() < 0.05:
        return "symbols", "".join(rng.choice(SYMBOLS) for _ in range(rng.randint(1, 6)))
    script = rng.choice(sorted(scripts()))
    if rng.random() < 0.2:
        script = rng.choice(("LATIN", "GREEK", "CYRILLIC", *sorted(DENSE)))
    letters, marks = scripts()[script]
    words = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        chars = [rng.choice(letters) for _ in range(rng.randint(2, 8))]
        words.append("".join(char + (rng.choice(marks) if rng.random() < 0.2 else "") for char in chars))
    value = words[0]
    for word in words[1:]:
        value += rng.choice(BETWEEN) + word
    return script, value


# --- spellings --------------------------------------------------------------------------------------


def _fullwidth(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


FORMS: dict[str, Spell] = {
    form: lambda text, form=form: unicodedata.normalize(form, text)  # type: ignore[misc] # a default binds it
    for form in ("NFC", "NFD", "NFKC", "NFKD")
}
CASES: dict[str, Spell] = {
    "upper": str.upper,
    "lower": str.lower,
    "title": str.title,
    "swapcase": str.swapcase,
    "casefold": str.casefold,
}
ESCAPES: dict[str, Spell] = {
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON, capitals": lambda text: re.sub(
        r"\\u....", lambda match: rf"\u{match[0][2:].upper()}", json.dumps(text)[1:-1]
    ),
    "JSON without escapes": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "Python": lambda text: repr(text)[1:-1],
    "Python, ASCII": lambda text: ascii(text)[1:-1],
    "a URL": lambda text: urllib.parse.quote(text, safe=""),
    "a URL, small letters": lambda text: re.sub(
        "%..", lambda match: match[0].lower(), urllib.parse.quote(text, safe="")
    ),
    "a form": urllib.parse.quote_plus,
    "every byte": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "HTML": html.escape,
    "decimal references": lambda text: (
        text.replace("&", "&amp;").encode("ascii", "xmlcharrefreplace").decode()
    ),
    "hexadecimal references": lambda text: "".join(f"&#x{ord(char):x};" for char in text),
    "hexadecimal references, capitals": lambda text: "".join(f"&#X{ord(char):X};" for char in text),
    "references without semicolons": lambda text: "".join(f"&#{ord(char)}" for char in text),
    "references with zeros": lambda text: "".join(f"&#{ord(char):08};" for char in text),
    "braces": lambda text: "".join(rf"\u{{{ord(char):06x}}}" for char in text),
    "eight digits": lambda text: "".join(rf"\U{ord(char):08x}" for char in text),
    "names": lambda text: "".join(
        f"&{codepoint2name[ord(char)]};" if ord(char) in codepoint2name else char for char in text
    ),
}
ELLIPSES = (
    "...",
    "\u2026",
    "....",
    "..",
    " ...",
    "\u22ef",
    "\u3002\u3002\u3002",
    ". . .",
    "[truncated]",
    "(truncated)",
)


def _quote(rng: random.Random, script: str, value: str) -> tuple[tuple[str, ...], str]:
    """The names of some ways, and the value in them; nothing where it could not be recognized."""
    telling = len(letters_of(value)) + _told_by_symbols(value)
    is_long = telling >= MIN_LETTERS or (script in DENSE and telling >= 2)
    ways: list[str] = []
    spelled = value
    if rng.random() < 0.5:
        ways.append(rng.choice(sorted(FORMS)))
    if rng.random() < 0.5 and (is_long or not unicodedata.normalize("NFKC", value).isascii()):
        ways.append(rng.choice(sorted(CASES)))
    if rng.random() < 0.1:
        ways.append("full width")
    rng.shuffle(ways)
    escapes = [rng.choice(sorted(ESCAPES)) for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3)))]
    for way in (*ways, *escapes):
        spelled = {**FORMS, **CASES, **ESCAPES, "full width": _fullwidth}[way](spelled)
    if is_long and escapes and rng.random() < 0.1:
        escapes.append("all in capitals")
        spelled = spelled.upper()
    if is_long and rng.random() < 0.4:
        at, dots = rng.randint(1, len(spelled)), rng.choice(ELLIPSES)
        is_end = rng.random() < 0.5
        escapes.append("cut at its end" if is_end else "cut at its beginning")
        spelled = spelled[:at] + dots if is_end else dots + spelled[-at:]
        # Inside of others it is open where a reference without a semicolon ends.
        if "references without semicolons" in escapes[1:]:
            return (), ""
        # Of a cut reference it is open where it ended.
        least = MIN_CUT_LETTERS + (8 if any("references" in way for way in escapes) else 0)
        if _begun(spelled, value, step=1 if is_end else -1) < least:
            return (), ""
    return (*ways, *escapes), spelled


CARD_TEXTS: dict[str, Spell] = {
    "JSON": lambda text: json.dumps({"overview": {"text": text}}),
    "spaces first": lambda text: " \n" + json.dumps([text], ensure_ascii=False),
    "a byte order mark": lambda text: "\ufeff" + json.dumps({"overview": text}),
    "a comma at the end": lambda text: json.dumps({"overview": text})[:-1] + ",}",
    "a huge number": lambda text: json.dumps({"overview": text})[:-1] + f', "more": {"1" * 5_000}}}',
    "too deep": lambda text: json.dumps([text])[:-1] + ", " + "[" * 2_000 + "]" * 2_001,
    "a name twice": lambda text: json.dumps({"overview": text})[:-1] + ', "overview": "umbra"}',
    "JSON in JSON": lambda text: json.dumps(json.dumps({"overview": text})),
}


def _begun(spelled: str, value: str, step: int) -> int:
    """How many letters of a value's beginning, or of its end, are at that of a text; a symbol is several."""
    kept, whole = (folded(each)[::step] for each in (decode(spelled), value))
    if not whole:
        kept, whole = (
            "".join(filter(SYMBOLS.__contains__, decode(each)))[::step] for each in (spelled, value)
        )
    begun = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(kept, whole, strict=False))
    same = "".join(char for char, _ in begun)
    return len(letters_of(same)) + _told_by_symbols(same)


def _told_by_symbols(text: str) -> int:
    return sum(4 if char > "\uffff" else 2 for char in text if char in SYMBOLS)


# --- what is left -----------------------------------------------------------------------------------


def letters_of(text: str) -> str:
    """The letters and digits in a text."""
    return "".join(char for char in text if unicodedata.category(char)[0] in "LN")


def folded(text: str) -> str:
    """Its letters and digits, in one case and normal form."""
    for _ in range(2):
        text = unicodedata.normalize("NFKD", text).upper().casefold()
    return letters_of(text)


def decode(text: str) -> str:
    """The text without any escapes."""
    for _ in range(12):
        before = text
        text = re.sub("&#[0-9]+;?|&[#0-9A-Za-z]+;", lambda match: html.unescape(match[0]), text)
        # Also where all of the text was made capitals, as in `&EACUTE;`.
        text = re.sub("&[A-Z]+;", lambda match: html.unescape(match[0].lower()), text)
        text = urllib.parse.unquote(text)
        text = re.sub(r"\\+(?=[^\\])", r"\\", text)
        text = re.sub(r"\\[uU]\{0*([0-9a-fA-F]{1,6})\}", lambda match: chr(int(match[1], 16)), text)
        text = re.sub(r"\\[uU]000([0-9a-fA-F]{5})", lambda match: chr(int(match[1], 16)), text)
        text = re.sub(r"\\[uU]([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
        text = re.sub(r"\\[xX]([0-9a-fA-F]{2})", lambda match: chr(int(match[1], 16)), text)
        text = re.sub(r"\\[nrtbfNRTBF]", " ", text)
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if text == before:
            break
    return text


def left_of(drawn: Drawn, shown: str) -> str:
    """What a message shows of a value: letters, digits, marks, and symbols of a value that has no others.

    All of it where the message around the value is not as it was.
    """
    before, _, after = drawn.text.partition(drawn.quoted)
    # The letter beside the value may be the one that is cut off.
    if not shown.startswith(before) and drawn.ways[-1:] == ("cut at its beginning",):
        before = re.sub(r"\w\W*\Z", "", before)
    if not shown.endswith(after) and drawn.ways[-1:] == ("cut at its end",):
        after = re.sub(r"\A\W*\w", "", after)
    if not (shown.startswith(before) and shown.endswith(after)):
        return shown
    rest = decode(shown[len(before) : len(shown) - len(after)])
    kinds = "LNMSC" if drawn.script == "symbols" else "LNM"
    return "".join(
        char for char in rest if unicodedata.category(char)[0] in kinds and char not in "\n\r\t\b\f"
    )
