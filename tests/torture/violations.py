"""Templates that break one constraint each: every constraint of the schema at every path.

They are made from templates that together have every property (`VERSION`, `UNVERSIONED`, `REFUSED_TOGETHER`),
each by one edit. `violations` have to be refused; `oddities`, which only look wrong, have to be accepted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sandbox.shared.java_patterns import matches, occurs
from sandbox.shared.settings import schema, top_level

from .paths import (
    ANY,
    Keys,
    Node,
    Path,
    items,
    key_pattern,
    nodes,
    paths_below,
    put,
    remove,
    rename,
    rule_at,
    text_of,
)
from .templates import (
    CARD,
    DEFINITION,
    ENVIRONMENT,
    GROUP,
    METADATA,
    NAME,
    SPECIFICATION,
    TAGS,
    complete,
    fitted,
)
from .world import GROUPS, Json

READ_ONLY = top_level("readOnlyProperties")
SERVICE_OWNED = top_level("deprecatedProperties") - {DEFINITION, ENVIRONMENT}
"""Properties of the service; what a template has of them is ignored (properties.md)."""

# In every value that no message may show.
SECRET = "s3cr3t"  # noqa: S105 - no password
SECRET_VALUE = f"{SECRET}-{SECRET}"
HUGE_CHARACTERS = 100_000
"""More than anything in a template may have, except what the schema does not limit."""
_LEVELS = 2_000
# Of a name that is too long for a message, the message shows at least this much.
_SHOWN_CHARACTERS = 20


# --- templates that break nothing -------------------------------------------------------------------


def _is_secret(keys: Iterable[str | int]) -> bool:
    return not {CARD, ENVIRONMENT, METADATA}.isdisjoint(keys)


def _text(path: Path) -> str | None:
    if "s3" in rule_at(path).get("pattern", ""):
        return "s3://models/churn"  # with a key, behind which the pattern allows no new line
    return SECRET_VALUE if _is_secret(path) else None


def _complete(name: str) -> Any:
    """A property with every member there can be; a secret wherever one can be."""
    return complete((name,), text=_text)


def _version() -> Json:
    # With a token in the template, a second create would return the first package.
    others = READ_ONLY | SERVICE_OWNED | {NAME, TAGS, "CertifyForMarketplace", "ClientToken"}
    properties = {name: _complete(name) for name in schema()["properties"] if name not in others}
    return fitted({**properties, GROUP: GROUPS[0], "SkipModelValidation": "None"}, {}).properties


def _unversioned() -> Json:
    properties = {name: _complete(name) for name in ("CertifyForMarketplace", "ClientToken", TAGS)}
    return fitted({**properties, NAME: "scorer"}, {}).properties


def _refused_together() -> Json:
    # The schema has one definition of containers; SageMaker refuses this member in an InferenceSpecification.
    path = (SPECIFICATION, "Containers", ANY, "AdditionalS3DataSource")
    return {GROUP: GROUPS[0], SPECIFICATION: {"Containers": [{}, {path[-1]: complete(path, text=_text)}]}}


VERSION, UNVERSIONED, REFUSED_TOGETHER = _version(), _unversioned(), _refused_together()
TEMPLATES = (VERSION, UNVERSIONED, REFUSED_TOGETHER)


def template_paths() -> set[Path]:
    """Every path of the schema that is the template's business."""
    return {path for path in paths_below() if path[0] not in SERVICE_OWNED | READ_ONLY}


@cache
def places() -> dict[Path, Node]:
    """A node for each path: of the first template that has it the last, so that positions are not all 0."""
    return {node.path: node for template in reversed(TEMPLATES) for node in nodes(template)}


# --- violations -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Variant:
    """A template, and the same with one edit."""

    path: Path
    what: str
    template: Json
    properties: Json

    def __str__(self) -> str:
        return f"{text_of(self.path) or 'the top'}: {self.what}"


@dataclass(frozen=True)
class Violation(Variant):
    """A template that breaks one constraint, and what the message has to say."""

    named: tuple[str, ...]
    """The path at fault; of several, the message has to name one."""
    cut: bool = False
    """Whether the path is longer than this, and may be cut anywhere behind it."""
    suggests: str | None = None
    """The right name, where the fault is a misspelt one."""


@cache
def violations() -> tuple[Violation, ...]:
    return (
        *(each for place in places().values() for each in _violations(place)),
        *(each for template in TEMPLATES[:2] for each in _misnamed(template, (), (), template)),
        *_unknown((), (), VERSION),
    )


def quick(every: Iterable[Violation]) -> tuple[Violation, ...]:
    """Some of them, in which every path and every kind of violation appears at least once."""
    by_path: dict[Path, list[Violation]] = {}
    first: dict[str, Violation] = {}
    for each in every:
        by_path.setdefault(each.path, []).append(each)
        first.setdefault(each.what, each)
    chosen = [each[number % len(each)] for number, each in enumerate(by_path.values())]
    kinds = {each.what for each in chosen}
    return (*chosen, *(each for what, each in first.items() if what not in kinds))


def pairs(chosen: Sequence[Violation]) -> Iterator[tuple[Violation, Violation, Json]]:
    """Each of these violations and the next one of other properties of its template, with both edits."""
    for template in TEMPLATES[:2]:
        alike = [each for each in chosen if each.template is template]
        for position, one in enumerate(alike):
            edited = _edited(one)
            for other in (*alike[position + 1 :], *alike[:position]):
                if {*map(_together, edited)}.isdisjoint(map(_together, _edited(other))):
                    both = {**template, **edited, **_edited(other)}
                    yield one, other, {name: value for name, value in both.items() if value is not _GONE}
                    break


_GONE = object()
# Properties of which one decides what another may be.
_RELATED = (
    {SPECIFICATION, ENVIRONMENT},
    {"AdditionalInferenceSpecifications", "AdditionalInferenceSpecificationsToAdd", DEFINITION},
    {NAME, GROUP, TAGS},
)


def _together(name: str) -> str:
    return next((min(related) for related in _RELATED if name in related), name)


def _edited(violation: Violation) -> Json:
    """The properties that a violation changes, adds or, if they are _GONE, takes out."""
    template, properties = violation.template, violation.properties
    return {
        name: properties.get(name, _GONE)
        for name in (*template, *properties)
        if name not in template or template[name] is not properties.get(name, _GONE)
    }


def _violations(place: Node) -> Iterator[Violation]:
    for value in _WRONG_TYPES[place.kind]:
        yield _with(place, shown(value), _with_secret(value) if _is_secret(place.keys) else value)
    in_object, in_list = ".a" * (place.kind in ("object", "map")), "[0]" * (place.kind == "array")
    yield _with(place, "objects in objects", DEEP_OBJECT, place.name + in_object)
    yield _with(place, "lists in lists", DEEP_LIST, place.name + in_list)
    specific: dict[str, Callable[[Node], Iterator[Violation]]] = {
        "string": _wrong_strings,
        "integer": _wrong_integers,
        "array": _wrong_lengths,
        "map": _wrong_entries,
        "object": _wrong_members,
    }
    if place.kind in specific:
        yield from specific[place.kind](place)


def _with(place: Node, what: str, value: Any, *named: str, cut: bool = False) -> Violation:
    properties = put(place.template, place.keys, value)
    return Violation(
        place.path, f"{place.kind}: {what}", place.template, properties, named or (place.name,), cut=cut
    )


_NO_OBJECT: tuple[Any, ...] = (None, [], [{}], "", "word", 5, 0.5, True, False)
_TWO_TO_THE_31 = 2**31
# By kind, values that cannot be read as one of it. CloudFormation sends primitives as strings, so "5" is a
# number and 5 is a string.
_WRONG_TYPES: dict[str, tuple[Any, ...]] = {
    "string": (None, {}, {"a": "word"}, [], ["word"]),
    "boolean": (None, {}, [], "", "yes", "1", 1, 0, 1.5),
    "integer": (
        *(None, {}, [], "", "abc", True, "true", 1.5, "1.5"),
        # The first is what JSON's 1e400 is read as.
        *(math.inf, math.nan, 10**400, "1e999", "9" * 400, "9" * 5_000),
        # Python would read these.
        *("1_000", " 1 ", "0x10", "\u0661"),
        # The API's integers have 32 bits.
        *(_TWO_TO_THE_31, str(_TWO_TO_THE_31), 10**20),
    ),
    "object": _NO_OBJECT,
    "map": _NO_OBJECT,
    "array": (None, {}, {"0": "word"}, "", "word", "a,b", 5, 0.5, True, False),
}


def shown(value: Any) -> str:
    text = str(value)
    return repr(value) if len(text) <= 40 else f"{text[:10]}... ({len(text)} characters)"


def _with_secret(value: Any) -> Any:
    if value == "word":
        return SECRET_VALUE
    for key, inner in items(value):
        value = put(value, (key,), _with_secret(inner))
    return value


def _nest(wrap: Callable[[Any], Any]) -> Any:
    value: Any = SECRET_VALUE
    for _ in range(_LEVELS):
        value = wrap(value)
    return value


DEEP_OBJECT: Json = _nest(lambda inside: {"a": inside})
DEEP_LIST: list[Any] = _nest(lambda inside: [inside])


def _wrong_integers(place: Node) -> Iterator[Violation]:
    for number in (place.rule["minimum"] - 1, str(place.rule["minimum"] - 1)):
        yield _with(place, f"{number!r}, below the minimum", number)


# What some pattern of the schema does not match.
_ODD_CHARACTERS = ("!", " ", "\n", "<", "\x07", "*", "\N{FULLWIDTH DIGIT ONE}")


def _breaking(rule: Json, value: str) -> str | None:
    """A string of a legal length that breaks the pattern, made of one that does not."""
    middle = len(value) // 2
    for character in _ODD_CHARACTERS:
        candidates = (
            value[:middle] + character + value[middle:],
            value[:middle] + character + value[middle + 1 :],
            character + value[1:],
        )
        for candidate in candidates:
            if _has_legal_length(rule, candidate) and not occurs(rule["pattern"], candidate):
                return candidate
    return None


def _has_legal_length(rule: Json, value: str) -> bool:
    return bool(rule.get("minLength", 0) <= len(value) <= rule.get("maxLength", math.inf))


def _is_legal(rule: Json, value: str) -> bool:
    return (
        _has_legal_length(rule, value)
        and ("pattern" not in rule or matches(rule["pattern"], value))
        and ("enum" not in rule or value in rule["enum"])
    )


def patterns_that_match_everything() -> frozenset[str]:
    """Patterns of which no string of a legal length is found that breaks them."""
    with_pattern = [place for place in places().values() if "pattern" in place.rule]
    return frozenset(
        place.rule["pattern"] for place in with_pattern if _breaking(place.rule, place.value) is None
    )


def _wrong_strings(place: Node) -> Iterator[Violation]:
    rule, value = place.rule, place.value
    shortest, longest = rule.get("minLength", 0), rule.get("maxLength")
    if shortest:
        yield _with(place, "too short", value[: shortest - 1])
    if longest is not None:
        yield _with(place, "too long by one", value + "a" * (longest + 1 - len(value)))
    if "pattern" in rule:
        breaking = _breaking(rule, value)
        if breaking is not None:
            yield _with(place, "against the pattern", breaking)
        # Python's `$` matches it.
        if _has_legal_length(rule, f"{value}\n") and not matches(rule["pattern"], f"{value}\n"):
            yield _with(place, "a new line at its end", f"{value}\n")
    if "enum" in rule:
        yield _with(place, "not in the enumeration", "Unheard-of")
        yield _with(place, "in the wrong case", value.swapcase())
        yield _with(place, "empty", "")
    for name, huge in _huge(SECRET if _is_secret(place.keys) else "loud").items():
        if not _is_legal(rule, huge):
            yield _with(place, name, huge)


@cache
def _huge(word: str) -> dict[str, str]:
    """Strings of 100,000 characters; on the later ones a pattern may take very long to fail."""
    half = (HUGE_CHARACTERS - len("s3:///\n\n") - len(word)) // 2
    return {
        f"{HUGE_CHARACTERS} characters": word * (HUGE_CHARACTERS // len(word)),
        f"{HUGE_CHARACTERS} characters, most of them hyphens": (
            word + "-" * (HUGE_CHARACTERS - len(word) - 1) + "!"
        ),
        f"{HUGE_CHARACTERS} characters of a URL": f"s3://{word}{'a' * half}/{'a' * half}\n\n",
    }


# Members that have to differ between the items of some list.
_NAMING = ("Name", "Key", "ChannelName", "ProfileName")


def _wrong_lengths(place: Node) -> Iterator[Violation]:
    if place.rule.get("minItems"):
        yield _with(place, "empty", [])
    most = place.rule.get("maxItems")
    if most is not None:
        yield _with(place, "too many", [_another(place.value[-1], number) for number in range(most + 1)])


def _another(item: Json, number: int) -> Json:
    return {name: f"{value}{number}" if name in _NAMING else value for name, value in item.items()}


# Keys that some map of the schema does not allow.
_ODD_KEYS = (
    "",
    "1A",
    "A-B",
    "a#b",
    "tab\there",
    "\n",
    "MODE\n",
    "K" * 129,
    "K" * 1025,
    "K" * HUGE_CHARACTERS,
)


def _wrong_entries(place: Node) -> Iterator[Violation]:
    for key in _ODD_KEYS:
        if not matches(key_pattern(place.rule), key):
            # How a message shows a control character is its own business.
            start = re.split(r"[\n\t]", key)[0][:_SHOWN_CHARACTERS]
            named = f"{place.name}.{start}" if start else place.name
            value = {**place.value, key: SECRET_VALUE}
            yield _with(place, f"the key {shown(key)}", value, named, cut=start != key)
    most = place.rule["maxProperties"]
    yield _with(place, "too many", {f"K{number}": SECRET_VALUE for number in range(most + 1)})


def _wrong_members(place: Node) -> Iterator[Violation]:
    yield from _unknown(place.keys, place.path, place.template)
    yield from _misnamed(place.template, place.keys, place.path, place.value)
    required = place.rule.get("required", ())
    if required:
        yield _with(place, "empty", {}, *(f"{place.name}.{name}" for name in required))
    for name in required:
        keys, what = (*place.keys, name), "a required member is missing"
        properties = remove(place.template, keys)
        yield Violation((*place.path, name), what, place.template, properties, (text_of(keys),))


def _unknown(keys: Keys, path: Path, template: Json) -> Iterator[Violation]:
    """Members that the schema does not know, at the top or in an object."""
    for what, name, value in (
        ("an unknown member", "Unheard", SECRET_VALUE),
        ("an unknown member of null", "Unheard", None),
        ("an unknown member of objects", "Unheard", DEEP_OBJECT),
        ("an unknown member of lists", "Unheard", DEEP_LIST),
        (f"an unknown member of {HUGE_CHARACTERS} characters", "U" * HUGE_CHARACTERS, "x"),
    ):
        properties = put(template, (*keys, name), value)
        named = text_of((*keys, name[:_SHOWN_CHARACTERS]))
        yield Violation(path, what, template, properties, (named,), cut=len(name) > _SHOWN_CHARACTERS)


def _misnamed(template: Json, keys: Keys, path: Path, members: Json) -> Iterator[Violation]:
    """Each member under its own name in the wrong case."""
    for name in members:
        for wrong in (name[0].lower() + name[1:], name.upper()):
            if wrong not in members:
                properties = rename(template, (*keys, name), wrong)
                named, what = (text_of((*keys, wrong)),), "a member in the wrong case"
                yield Violation((*path, name), what, template, properties, named, suggests=name)


# --- oddities ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Oddity(Variant):
    """A template that is allowed, although it looks wrong, and why."""

    why: str

    def __str__(self) -> str:
        return f"{super().__str__()} ({self.why})"


_PRIMITIVES = "CloudFormation sends every primitive as a string, other callers send it as it is"
_UNLIMITED = "the schema, like the API, does not limit it"
_NOTHING_REQUIRED = "nothing in it is required, and an empty object is not an absent one"
_NO_MINIMUM = "the list has no minimum, and an empty one is not an absent one"
_OF_THE_SERVICE = "it belongs to the service and is ignored; whole Describe answers are used as templates"
_RETURNED = "it is a return value and not the template's business; so are Describe answers used"

# By kind, values of another type that are read as one of it.
_ALSO: dict[str, tuple[Any, ...]] = {
    "boolean": ("true", "false", "TRUE"),
    "string": (8, 1.5, True),
}
_IGNORED_VALUES: dict[str, Any] = {
    shown(value): value
    for value in (None, {}, [], "", "x", 5, True, math.inf, {"a": [None]}, ["x"], "x" * HUGE_CHARACTERS)
} | {"objects in objects": DEEP_OBJECT, "lists in lists": DEEP_LIST}
# Not completed at once, so that the template is returned as well and comes again.
_SMALL: Json = fitted({NAME: "scorer"}, {}).properties


def oddities() -> list[Oddity]:
    return [
        *(
            Oddity(place.path, what, place.template, put(place.template, place.keys, value), why)
            for place in places().values()
            # Another group would have to exist.
            if place.template is not REFUSED_TOGETHER and place.path != (GROUP,)
            for what, why, value in _odd_values(place)
        ),
        *(
            Oddity((name,), what, _SMALL, {**_SMALL, name: value}, why)
            for names, why in ((SERVICE_OWNED, _OF_THE_SERVICE), (READ_ONLY, _RETURNED))
            for name in sorted(names)
            for what, value in _IGNORED_VALUES.items()
        ),
    ]


def _odd_values(place: Node) -> Iterator[tuple[str, str, Any]]:
    also = _ALSO.get(place.kind, ())
    if place.kind == "integer":
        number = max(2, place.rule["minimum"])
        also = (f"{number}", float(number), f"{number}.0", f"{number}e0")
    for value in also:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if place.kind != "string" or _is_legal(place.rule, text):
            yield shown(value), _PRIMITIVES, value
    if place.kind == "string":
        for name, huge in _huge(SECRET).items():
            if _is_legal(place.rule, huge):
                yield name, _UNLIMITED, huge
    elif place.kind == "map" or (place.kind == "object" and not place.rule.get("required")):
        yield "{}", _NOTHING_REQUIRED, {}
    elif place.kind == "array" and not place.rule.get("minItems"):
        yield "[]", _NO_MINIMUM, []
