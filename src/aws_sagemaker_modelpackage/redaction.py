"""Finds the values that no message may show, and takes them out of the service's messages. Pure.

The service quotes values in many forms: escaped, cut, in a proxy's page. So each value is searched for twice:
as it is, and by its letters and digits alone.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

REDACTED = "***"
# Shorter values are hidden where they stand alone ("prod" is part of many words), and as they are spelled.
MIN_PART_CHARACTERS = 8
# AWS's shortest credential, an access key's id; shorter ones are a test's.
# https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html
MIN_CREDENTIAL_CHARACTERS = 16
# Of a text; a message shows a thousand.
MAX_CHARACTERS = 8_000
# Beside a cut ("..."), to be the beginning or the end of a value.
MIN_CUT_CHARACTERS = 3

_SECRET_MEMBER = re.compile(r"(^|\.)(modelcard|environment|customermetadataproperties)\b", re.IGNORECASE)
# The service's own values, which are not the user's content although they stand in a model card.
_NOT_SECRET_MEMBERS = frozenset({"ModelCardStatus"})
# A part of a model card in which the author chooses the names, too.
_OWN_NAMES = "custom_details"

# An ARN, an image or a place in S3, and what separates its parts.
_ADDRESS = re.compile(r"[^\s/:]+[/:]\S*")
_ADDRESS_PARTS = re.compile(r"[/:@]+")

_QUOTED_VALUE = re.compile(r"Value '(?P<value>.*?)' at '(?P<path>[^']*)'", re.DOTALL)
# What says nothing of a value: the service's paths to a property, and the caller that it refuses.
_OPEN = re.compile(
    r"( at '[^']*'|\AUser: arn:aws[a-z-]*:(?:iam|sts)::\d*:[\w+=,.@/-]+(?= is not authorized ))", re.ASCII
)


def secrets_in(properties: Mapping[str, Any] | None) -> set[str]:
    """The values in a model that messages must not show: model card, environments, customer metadata."""
    secrets: set[str] = set()
    # Values to search, and whether they are inside of something secret. A state may be nested to any depth.
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
            secrets.update(filter(None, own) if isinstance(own, Mapping) else ())
        elif isinstance(value, list):
            waiting += [(item, secret) for item in value]
        elif secret and isinstance(value, str):
            # As it is, and as JSON writes it: with \\n for a new line, say.
            secrets.update(form for form in (value, json.dumps(value)[1:-1]) if form)
            # A model card is JSON in a string: its parts may be quoted one by one.
            if value[:1] in ("{", "["):
                waiting.append((_parsed(value), True))
        elif secret and isinstance(value, int | float) and not isinstance(value, bool):
            secrets.add(str(value))
    return secrets


def open_in(properties: Mapping[str, Any] | None) -> set[str]:
    """The texts of a model that messages may show, and the parts of those that are addresses.

    A confidential value that only repeats one (an account, a bucket, an image) is no secret.
    """
    texts: set[str] = set()
    waiting: list[Any] = [properties]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [item for name, item in value.items() if not _SECRET_MEMBER.fullmatch(str(name))]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str):
            texts.add(value)
            if _ADDRESS.fullmatch(value):
                texts.update(_ADDRESS_PARTS.split(value))
    return texts


def credentials_in(values: Iterable[Any]) -> set[str]:
    """Credentials that messages must not show: the service quotes what a wrong signature was made of."""
    return {str(each) for each in values if len(str(each)) >= MIN_CREDENTIAL_CHARACTERS}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text without these values, in whatever escaping it has them; at most MAX_CHARACTERS of it."""

    def hide(match: re.Match[str]) -> str:
        if _SECRET_MEMBER.search(match["path"]):
            return f"Value '{REDACTED}' at '{match['path']}'"
        return match.group()

    if len(text) > MAX_CHARACTERS:
        text = f"{text[:MAX_CHARACTERS]}..."
    text = _QUOTED_VALUE.sub(hide, text)
    pieces = _OPEN.split(text)
    longest_first = sorted(set(secrets), key=len, reverse=True)
    for secret in longest_first:
        # Most values do not occur: this search is what makes redacting quick.
        if secret in text:
            pieces[::2] = [_without(secret, piece) for piece in pieces[::2]]
    spelled = {_letters_of(secret) for secret in longest_first if len(secret) >= MIN_PART_CHARACTERS}
    pieces[::2] = [_without_spellings(piece, spelled) for piece in pieces[::2]]
    return "".join(pieces)


def _without(secret: str, text: str) -> str:
    if len(secret) >= MIN_PART_CHARACTERS:
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
        if len(each) >= MIN_PART_CHARACTERS
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
        first = spelled[:MIN_CUT_CHARACTERS]
        at = letters.find(first, max(0, before - len(spelled)), before)
        while at >= 0:
            if spelled.startswith(letters[at:before]):
                yield places[at], cut.end()
                break
            at = letters.find(first, at + 1, before)
        last = spelled[-MIN_CUT_CHARACTERS:]
        until = before + len(spelled)
        at = letters.rfind(last, before, until)
        while at >= 0:
            if spelled.endswith(letters[before : at + MIN_CUT_CHARACTERS]):
                yield cut.start(), places[at + MIN_CUT_CHARACTERS - 1] + 1
                break
            at = letters.rfind(last, before, at + MIN_CUT_CHARACTERS - 1)
