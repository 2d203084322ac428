"""What no message may show, and how it is taken out of the service's words. Pure.

The service quotes values as it likes: escaped, cut, in a proxy's page. So a value is looked for twice: as it
is, and by its letters and digits alone.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

REDACTED = "***"
# Shorter values are hidden where they stand alone ("prod" is part of many words), and as they are spelled.
SHORTEST_PART = 8
# Characters that AWS's shortest credential, an access key's id, has at least; shorter ones are a test's.
SHORTEST_CREDENTIAL = 16
# Characters that are looked at: a message shows a thousand, and who quotes a whole page says no more with it.
MOST_WORDS = 8_000
# Of those, how many beside a cut ("...") are taken for the beginning or the end of a value.
SHORTEST_CUT = 3

_SECRET_MEMBER = re.compile(r"(^|\.)(modelcard|environment|customermetadataproperties)\b", re.IGNORECASE)
# The service's own words, which are not the user's content although they stand in a model card.
_NOT_SECRET_MEMBERS = frozenset({"ModelCardStatus"})
# A part of a model card whose names are the author's, too.
_OWN_NAMES = "custom_details"

_QUOTED_VALUE = re.compile(r"Value '(?P<value>.*?)' at '(?P<path>[^']*)'", re.DOTALL)
# The service's paths to a property, which say nothing of its value.
_PATHS = re.compile(r"( at '[^']*')")


def secrets_in(properties: Mapping[str, Any] | None) -> set[str]:
    """The values in a model that messages must not show: model card, environments, customer metadata."""
    found: set[str] = set()
    # Values to look at, and whether they are inside of something secret. A state may be nested to any depth.
    waiting: list[tuple[Any, bool]] = [(properties, False)]
    while waiting:
        value, secret = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [
                (item, secret or _SECRET_MEMBER.fullmatch(str(name)) is not None)
                for name, item in value.items()
                if not (secret and name in _NOT_SECRET_MEMBERS)
            ]
            own = value.get(_OWN_NAMES) if secret else None
            found.update(filter(None, own) if isinstance(own, Mapping) else ())
        elif isinstance(value, list):
            waiting += [(item, secret) for item in value]
        elif secret and isinstance(value, str):
            # As it is, and as JSON writes it: with \\n for a new line, say.
            found.update(form for form in (value, json.dumps(value)[1:-1]) if form)
            # A model card is JSON in a string: its parts may be quoted one by one.
            if value[:1] in ("{", "["):
                waiting.append((_parsed(value), True))
        elif secret and isinstance(value, int | float) and not isinstance(value, bool):
            found.add(str(value))
    return found


def credentials_in(values: Iterable[Any]) -> set[str]:
    """Credentials that messages must not show: of a wrong signature the service quotes what was signed."""
    return {str(each) for each in values if len(str(each)) >= SHORTEST_CREDENTIAL}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def redact(text: str, secrets: Iterable[str]) -> str:
    """The service's words without these values, however it spells them."""

    def hide(match: re.Match[str]) -> str:
        if _SECRET_MEMBER.search(match["path"]):
            return f"Value '{REDACTED}' at '{match['path']}'"
        return match.group()

    if len(text) > MOST_WORDS:
        text = f"{text[:MOST_WORDS]}..."
    text = _QUOTED_VALUE.sub(hide, text)
    pieces = _PATHS.split(text)
    longest_first = sorted(set(secrets), key=len, reverse=True)
    for secret in longest_first:
        # Most values do not occur: looking for them so is what makes this quick.
        if secret in text:
            pieces[::2] = [_without(secret, piece) for piece in pieces[::2]]
    spelled = {_letters_of(secret) for secret in longest_first if len(secret) >= SHORTEST_PART}
    pieces[::2] = [_without_spellings(piece, spelled) for piece in pieces[::2]]
    return "".join(pieces)


def _without(secret: str, text: str) -> str:
    if len(secret) >= SHORTEST_PART:
        return text.replace(secret, REDACTED)
    quoted = re.escape(secret)
    if len(secret) > 1:
        return re.sub(rf"(?<!\w){quoted}(?!\w)", REDACTED, text)
    # One character alone may be a count ("1 validation error"): hidden only where a value is quoted.
    return re.sub(rf"(?<=['\"`=]){quoted}(?=['\"`,}}])", REDACTED, text)


# --- other spellings --------------------------------------------------------------------------------

# Escapes of JSON and Python, of HTML and of URLs, each also several times over; and all that is no letter and
# no digit.
_BETWEEN = re.compile(
    r"(?:\\|%(?:25)*5c)+(?:u[0-9a-f]{4}|x[0-9a-f]{2}|[nrtbf])"
    r"|&(?:amp;)*(?:#x?[0-9a-f]+|[a-z]+);"
    r"|%(?:25)*[0-9a-f]{2}"
    r"|[^a-z0-9]",
    re.IGNORECASE | re.ASCII,
)
_CUT = re.compile(r"\.\.\.|\u2026")


def _letters_of(text: str) -> str:
    """The letters and digits of a text, in lower case."""
    return _BETWEEN.sub("", text).lower()


def _places(text: str) -> list[int]:
    """Where in a text each of its letters and digits stands."""
    places: list[int] = []
    end = 0
    for between in _BETWEEN.finditer(text):
        places.extend(range(end, between.start()))
        end = between.end()
    return [*places, *range(end, len(text))]


def _without_spellings(text: str, spelled: Iterable[str]) -> str:
    places = _places(text)
    letters = "".join(text[place] for place in places).lower()
    cuts = [(cut, bisect_left(places, cut.start())) for cut in _CUT.finditer(text)]
    hidden = sorted(
        part
        for each in spelled
        if len(each) >= SHORTEST_PART
        for part in (*_whole(each, letters, places), *_cut_off(each, cuts, letters, places))
    )
    kept, end = [], 0
    for start, stop in hidden:
        if start >= end:
            kept += [text[end:start], REDACTED]
        end = max(end, stop)
    return "".join([*kept, text[end:]])


def _whole(spelled: str, letters: str, places: list[int]) -> Iterator[tuple[int, int]]:
    """Where a value stands in the text."""
    at = letters.find(spelled)
    while at >= 0:
        yield places[at], places[at + len(spelled) - 1] + 1
        at = letters.find(spelled, at + 1)


def _cut_off(
    spelled: str, cuts: list[tuple[re.Match[str], int]], letters: str, places: list[int]
) -> Iterator[tuple[int, int]]:
    """Where only the beginning of a value stands, before a cut, or only its end, after one."""
    for cut, before in cuts:
        first = spelled[:SHORTEST_CUT]
        at = letters.find(first, max(0, before - len(spelled)), before)
        while at >= 0:
            if spelled.startswith(letters[at:before]):
                yield places[at], cut.end()
                break
            at = letters.find(first, at + 1, before)
        last = spelled[-SHORTEST_CUT:]
        until = before + len(spelled)
        at = letters.rfind(last, before, until)
        while at >= 0:
            if spelled.endswith(letters[before : at + SHORTEST_CUT]):
                yield cut.start(), places[at + SHORTEST_CUT - 1] + 1
                break
            at = letters.rfind(last, before, at + SHORTEST_CUT - 1)
