"""The values in JSON, and in texts that are nearly JSON: cut, too deep, with a comma too many. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

# Of numbers that are written without an exponent, too.
MAX_WHOLE = 10.0**25

# What JSON begins with, after spaces and a byte order mark.
_BEGINNING = re.compile(r"[^\w\[{\"]*[\[{\"]")
_LITERAL = re.compile(
    r"\"(?P<string>[^\"\\]*(?:\\.[^\"\\]*)*)(?:\"|\\?\Z)(?P<name>\s*:)?|(?P<number>-?[0-9]+[0-9.e+-]*)",
    re.IGNORECASE | re.DOTALL | re.ASCII,
)


def values_in(text: str, own_names: str) -> Any:
    """The values in JSON: all of a name that is given twice, and numbers in several spellings.

    None where the text does not begin as JSON does. In text that is not quite JSON, names are values where
    `own_names` comes before, the name of objects whose names the author chooses.
    """
    if not _BEGINNING.match(text):
        return None
    json_text = text.strip(" \t\r\n\ufeff")
    try:
        return json.loads(
            json_text,
            strict=False,
            object_pairs_hook=_grouped,
            parse_int=_spellings_of_number,
            parse_float=_spellings_of_number,
        )
    except (ValueError, RecursionError):
        return _literals(json_text, own_names)


def _grouped(pairs: list[tuple[str, Any]]) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _spellings_of_number(written: str) -> list[str]:
    """A number as it is written, and one with a fraction or an exponent as Python writes it, too."""
    if written.lstrip("-").isdigit():
        return [written]
    try:
        number = float(written)
    except ValueError:
        return [written]
    whole = [str(int(number))] if abs(number) < MAX_WHOLE and number.is_integer() else []
    return [written, repr(number), *whole]


def _literals(text: str, own_names: str) -> list[Any]:
    own = text.find(own_names)
    values: list[Any] = []
    for match in _LITERAL.finditer(text):
        written = match["string"]
        if written is None:
            values.append(_spellings_of_number(match["number"]))
        elif match["name"] is None or 0 <= own < match.start() - 1:
            try:
                values.append(json.loads(f'"{written}"', strict=False))
            except ValueError:
                values.append(written)
    return values
