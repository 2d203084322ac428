"""Finds the values that no message may show, and takes them out of the service's messages. Pure.

The service quotes values in many forms: escaped, cut, in a proxy's page. So each value is searched for twice
in the decoded text: with all its characters, and by its letters and digits alone.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

from .decoding import Cut, Layer, TooMuch, compatible, fold, forms_of, layers, letters_of
from .json_texts import values_in
from .occurrences import SEARCH_STEPS, Values, Work

REDACTED = "***"
# In place of a text that takes too much work; the error's code is put beside it.
UNCHECKED = "the message is left out, because it could not be checked for confidential values in time"
# What a value has to tell, in Latin letters and digits, to be hidden anywhere and in any spelling. Others are
# hidden where they stand alone ("prod" is part of many words).
MIN_PART_LETTERS = 8
# Beside a cut ("..."), to be the beginning or the end of such a value.
MIN_CUT_LETTERS = 3
# Between two cuts, to be the middle of one.
MIN_MIDDLE_LETTERS = 12
# Characters of values that are searched for a middle in one step.
SEARCHED_IN_STEP = 500
# AWS's shortest credential, an access key's id; shorter ones are a test's.
# https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html
MIN_CREDENTIAL_CHARACTERS = 16
# Of a text; a message shows a thousand.
MAX_CHARACTERS = 8_000
# Of a value's beginning and of its end: more than a text can have of it.
MAX_VALUE_CHARACTERS = 2 * MAX_CHARACTERS
# Of all values together in UTF-8, in the compatible normal form: a template has a million, and an update two
# states. A Lambda with a seventh of a processor takes at most some ten seconds for them.
MAX_SECRET_BYTES = 3_000_000
# What a value takes beside its characters.
VALUE_BYTES = 20
# For all messages of an invocation: half a second. One of a thousand characters takes some ten thousand.
MAX_STEPS = 500_000

_SECRET_MEMBER = re.compile(r"(^|\.)(modelcard|environment|customermetadataproperties)\b", re.IGNORECASE)
# The service's own values, which are not the user's content although they stand in a model card.
_NOT_SECRET_MEMBERS = frozenset({"ModelCardStatus"})
# In which they are, unlike a key of that name in a map; and what is in a secret text.
_CARD, _CONTENT = "modelcard", "content"
# The service's messages, which may quote what is confidential.
_NOT_OPEN_MEMBER = "FailureReason"
# A part of a model card in which the author chooses the names, too.
_OWN_NAMES = "custom_details"

# An ARN, an image or a place in S3, and what separates its parts.
_ADDRESS = re.compile(r"[^\s/:]+[/:]\S*")
_ADDRESS_PARTS = re.compile(r"[/:@]+")

_QUOTED_VALUE = re.compile(r"Value '|' at '(?=(?P<path>[^']*)')")
# What says nothing of a value: the service's paths to a property, and the caller that it refuses.
_OPEN = re.compile(
    r" at '(?P<path>[a-z]\w*(?:\.\w+)*)'"
    r"|\AUser: arn:aws[a-z-]*:(?:iam|sts)::\d*:[\w+=,.@/-]+(?= is not authorized )",
    re.ASCII | re.IGNORECASE,
)
_INDEX = re.compile(r"member|\d{1,3}", re.ASCII)


def secrets_in(properties: Mapping[str, Any] | None) -> set[str]:
    """The values in a model that messages must not show: model card, environments, customer metadata."""
    secrets: set[str] = set()
    # Values to search, and the secret member that they are inside of. A state may be nested to any depth.
    waiting: list[tuple[Any, str]] = [(properties, "")]
    while waiting:
        value, secret = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [
                (item, secret or (str(name).lower() if _SECRET_MEMBER.fullmatch(str(name)) else ""))
                for name, item in value.items()
                if not (secret == _CARD and name in _NOT_SECRET_MEMBERS)
            ]
            own = value.get(_OWN_NAMES) if secret else None
            for each in own if isinstance(own, list) else [own]:
                secrets.update(filter(None, each) if isinstance(each, Mapping) else ())
        elif isinstance(value, list):
            waiting += [(item, secret) for item in value]
        elif secret and isinstance(value, str):
            secrets.update({value} - {""})
            # A model card is JSON in a string: its parts may be quoted one by one.
            waiting.append((values_in(value, _OWN_NAMES), _CONTENT))
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
            waiting += [
                item
                for name, item in value.items()
                if name != _NOT_OPEN_MEMBER and not _SECRET_MEMBER.fullmatch(str(name))
            ]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str):
            texts.add(value)
            if _ADDRESS.fullmatch(value):
                texts.update(_ADDRESS_PARTS.split(value))
    return texts


def not_shown(secrets: Iterable[str], shown: Iterable[str]) -> set[str]:
    """The secrets that no text shown repeats, in whatever spelling; all where that takes too much work."""
    secrets, shown = set(secrets), set(shown)
    if _are_too_many([*secrets, *shown]):
        return secrets
    spellings = {spelling for each in shown for spelling in (each, _compared(each))}
    return {each for each in secrets if each not in spellings and _compared(each) not in spellings}


def _are_too_many(values: Iterable[str]) -> bool:
    """Whether values take more than MAX_SECRET_BYTES as they are compared."""
    left = MAX_SECRET_BYTES
    for value in values:
        left -= VALUE_BYTES
        # One character may be eighteen then.
        for at in range(0, len(value), _COUNTED_AT_ONCE):
            part = value[at : at + _COUNTED_AT_ONCE]
            left -= len(part if part.isascii() else compatible(part).encode(errors="surrogatepass"))
            if left < 0:
                return True
    return left < 0


_COUNTED_AT_ONCE = 4_096


def _compared(text: str) -> str:
    folded = fold(text)
    return letters_of(folded) or folded


def credentials_in(values: Iterable[Any]) -> set[str]:
    """Credentials that messages must not show: the service quotes what a wrong signature was made of."""
    return {str(each) for each in values if len(str(each)) >= MIN_CREDENTIAL_CHARACTERS}


class Redactor:
    """Takes values out of texts, in whatever spelling a text has them."""

    def __init__(self, secrets: Iterable[str], members: Iterable[str] = ()) -> None:
        """Prepare for these values, and for paths of these members (in lower case), which are shown."""
        self._secrets = set(secrets)
        self._members = frozenset(members)
        self._work = Work(MAX_STEPS)

    def redact(self, text: str) -> str:
        """At most MAX_CHARACTERS of the text without the values; UNCHECKED where that takes too much work."""
        if len(text) > MAX_CHARACTERS:
            text = f"{text[:MAX_CHARACTERS]}..."
        text = _without_quoted_values(text)
        try:
            hidden = sorted(self._places(text))
        except TooMuch:
            return UNCHECKED
        shown = [(match.start(), self._end_of_open(match)) for match in _OPEN.finditer(text)]
        pieces: list[str] = []
        end, is_after_hidden = 0, False
        for start, stop in hidden:
            before = bisect_right(shown, (start, len(text))) - 1
            if before >= 0 and stop <= shown[before][1]:
                continue
            # Spans that meet are one.
            if start > end or not is_after_hidden:
                pieces += [text[end:start], REDACTED]
            end, is_after_hidden = max(end, stop), True
        return "".join([*pieces, text[end:]])

    def _places(self, text: str) -> Iterator[tuple[int, int]]:
        """Where the text has something to hide."""
        if _are_too_many(self._secrets):
            raise TooMuch()
        for layer in layers(text):
            self._work.spend(len(layer.text))
            for first, last in self._spelled.whole_in(layer, self._work):
                yield layer.starts[first], layer.ends[last]
            for first, last, cut in self._spelled.cut_in(layer, self._work):
                yield min(layer.starts[first], cut.start), max(layer.ends[last], cut.stop)
            for first, last, left, right in self._spelled.middle_in(layer, self._work):
                yield min(layer.starts[first], left.start), max(layer.ends[last], right.stop)

    def _end_of_open(self, match: re.Match[str]) -> int:
        """Where an open text ends: a path before the first part that the service has not named."""
        if match["path"] is None:
            return match.end()
        end = match.start("path")
        for part in match["path"].split("."):
            is_first = end == match.start("path")
            if part.lower() not in self._members and (is_first or not _INDEX.fullmatch(part)):
                return end
            end += len(part) + 1
        return end

    @cached_property
    def _spelled(self) -> _Spelled:
        return _Spelled(self._secrets)


def _without_quoted_values(text: str) -> str:
    """The text without the values of confidential properties that SageMaker quotes with their paths."""
    pieces: list[str] = []
    begun, end, is_over = -1, 0, True
    for match in _QUOTED_VALUE.finditer(text):
        path = match["path"]
        if path is None:
            # A value may have the same words in it.
            begun, is_over = (match.end() if is_over else begun), False
        elif begun >= 0 and _SECRET_MEMBER.search(path):
            pieces += [text[end:begun], REDACTED]
            begun, end, is_over = -1, match.start(), True
        else:
            is_over = True
    return "".join([*pieces, text[end:]])


# --- spellings --------------------------------------------------------------------------------------

_QUOTES = frozenset("'\"`")


class _Spelled:
    """Values as they are compared with a text."""

    def __init__(self, secrets: Iterable[str]) -> None:
        plain: set[str] = set()
        # How ASCII spells short ones. In it case counts: "US" is not in "us-east-1".
        self._exact: dict[str, set[str]] = {}
        self._long: list[str] = []
        for form in {form for secret in secrets for form in forms_of(secret)}:
            folded = fold(form[:MAX_VALUE_CHARACTERS])
            plain.add(folded)
            if _tells(folded, MIN_PART_LETTERS):
                self._long.append(form)
            else:
                self._exact.setdefault(folded, set()).update(_in_ascii(form))
        self._plain = Values(plain)

    @cached_property
    def _heads(self) -> tuple[Values, Values]:
        """The beginnings of those that are recognized in parts: all characters, and letters and digits."""
        return _both(fold(form[:MAX_VALUE_CHARACTERS]) for form in self._long)

    @cached_property
    def _tails(self) -> tuple[Values, Values]:
        """Their ends, read backwards."""
        return _both(fold(form[-MAX_VALUE_CHARACTERS:])[::-1] for form in self._long)

    def whole_in(self, layer: Layer, work: Work) -> Iterator[tuple[int, int]]:
        """Where the layer has whole values: the places of their first and last characters."""
        for start, stop in self._plain.whole(layer.plain.text, work, partial(self._is_one, layer)):
            yield layer.plain.at[start], layer.plain.at[stop - 1]
        for start, stop in self._heads[1].whole(layer.letters.text, work, lambda _value, _at: True):
            yield layer.letters.at[start], layer.letters.at[stop - 1]

    def cut_in(self, layer: Layer, work: Work) -> Iterator[tuple[int, int, Cut]]:
        """Where the layer has the beginning of a value before a cut, or its end after one."""
        for folded, heads, tails in zip((layer.plain, layer.letters), self._heads, self._tails, strict=True):
            text, at, size = folded.text, folded.at, len(folded.text)
            cuts = layer.cuts(folded)
            for start, stop, cut in heads.begun(text, cuts, work):
                if _tells(text[start:stop], MIN_CUT_LETTERS):
                    yield at[start], at[stop - 1], cut
            backwards = [cut.mirrored(size) for cut in reversed(cuts)]
            for start, stop, cut in tails.begun(text[::-1], backwards, work):
                if _tells(text[size - stop : size - start], MIN_CUT_LETTERS):
                    yield at[size - stop], at[size - 1 - start], cut

    def middle_in(self, layer: Layer, work: Work) -> Iterator[tuple[int, int, Cut, Cut]]:
        """Where the layer has letters of a value between two cuts, and nothing else."""
        text, at = layer.letters.text, layer.letters.at
        for left, right in pairwise(layer.cuts(layer.letters)):
            # What an escape has left there may be a part of the value or not.
            start, stop = left.last, right.first
            if _tells(text[start:stop], MIN_MIDDLE_LETTERS):
                work.spend(SEARCH_STEPS + len(self._letters) // SEARCHED_IN_STEP)
                if text[start:stop] in self._letters:
                    yield at[start], at[stop - 1], left, right

    @cached_property
    def _letters(self) -> str:
        """The letters and digits of all that are recognized in parts."""
        return "\n".join(letters_of(fold(form)) for form in self._long)

    def _is_one(self, layer: Layer, value: str, at: int) -> bool:
        """Whether the value that stands at a place of the plain text is to be hidden there."""
        if len(value) >= MIN_PART_LETTERS or _tells(value, MIN_PART_LETTERS):
            return True
        text, stop = layer.plain.text, at + len(value)
        before, after = text[at - 1 : at] if at else "", text[stop : stop + 1]
        if len(value) == 1 and not _is_symbol(value):
            # One character alone may be a count ("1 validation error"): hidden only where a value is quoted.
            is_alone = before in _QUOTES | {"="} and after in _QUOTES | {",", "}"}
        else:
            is_alone = (_is_symbol(value[0]) or not _is_word(before)) and (
                _is_symbol(value[-1]) or not _is_word(after)
            )
        spelled = layer.spelled(layer.plain.at[at], layer.plain.at[stop - 1])
        return is_alone and (not spelled.isascii() or spelled.replace("+", " ") in self._exact[value])


def _in_ascii(value: str) -> Iterator[str]:
    """How ASCII spells a value: in its own case, or another's in any in which it can ("Fu\u00df" is FUSS)."""
    form = compatible(value).replace("+", " ")
    cases = (form.upper(), form.lower(), form.title(), form.swapcase())
    return filter(str.isascii, (form,) if value.isascii() else (form, *cases))


def _both(folded: Iterable[str]) -> tuple[Values, Values]:
    plain = list(folded)
    letters = map(letters_of, plain)
    return Values(plain), Values(each for each in letters if _tells(each, MIN_PART_LETTERS))


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _is_symbol(char: str) -> bool:
    return not (char.isascii() or char.isalnum())


def _tells(text: str, least: int) -> bool:
    """Whether a text tells as much as so many Latin letters.

    A letter of Hebrew, Arabic, India's scripts or Thai is counted as two: much of what is between them is not
    written, or is a mark. A Chinese character or one of Japan's is counted as four, as an emoji is.
    """
    for char in text[:_MAX_TOLD]:
        if char.isalnum() or not char.isascii():
            least -= 1 if char < "\u0590" else 2 if char < "\u2e80" else 4
            if least <= 0:
                return True
    return False


# Characters of a text that `_tells` reads.
_MAX_TOLD = 1_000
