"""How an update has to end, by the table of what each property does: from the specification alone.

`TABLE` has a rule for each property. `endings` applies the rules to a previous, a desired and a live state,
and returns every ending that is right: most often one, a few where the specification leaves a choice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from functools import cache
from typing import Any

from sandbox.cloudformation.validation import model_problems
from sandbox.shared.settings import schema, top_level

from .paths import ANY, Path, members, rule_at
from .templates import (
    ADDITIONAL,
    APPROVAL,
    CARD,
    CARD_STATUS,
    CONTENT,
    CYCLE,
    DEFINITION,
    ENVIRONMENT,
    GROUP,
    INSTANCE_LISTS,
    MAX_SPECIFICATIONS,
    MAX_VARIABLES,
    METADATA,
    NAME,
    READ_ONLY,
    REGISTRATION,
    SOURCE,
    SPECIFICATION,
    STATUS,
    TAGS,
    TO_ADD,
    as_list,
    group_name,
    own_tags,
    tag_list,
)
from .world import Json

TOKEN, CERTIFY, SKIP = "ClientToken", "CertifyForMarketplace", "SkipModelValidation"
WRITE_ONLY = top_level("writeOnlyProperties")
IGNORED = READ_ONLY | (top_level("deprecatedProperties") - WRITE_ONLY)
UNREAD = sorted(top_level("createOnlyProperties") & WRITE_ONLY)
SPECIFICATIONS = (ADDITIONAL, TO_ADD, DEFINITION)
PENDING = "PendingManualApproval"


class How(Enum):
    """What becomes of one kind of change."""

    NEW_PACKAGE = "NotUpdatable, and nothing is written"
    IN_PLACE = "the package is as the template says"
    TRIED = "the service decides: in place, or NotUpdatable and nothing is written"
    UNSET = "unset, if the live value is still the previous template's; else it stays"
    STAYS = "it stays on the package, and the message names it"
    NOTHING = "it changes nothing"


@dataclass(frozen=True)
class Rule:
    """What becomes of a value that the package has not, of one that is changed, and of one taken out."""

    first: How
    changed: How
    removed: How
    row: str
    """What the specification says."""


_CREATE_ONLY = Rule(
    *(How.NEW_PACKAGE, How.NEW_PACKAGE, How.NOTHING),
    "create-only: changed, NotUpdatable naming it; an absent one is never a change",
)
_WITH_DEFAULT = Rule(
    *(How.NEW_PACKAGE, How.NEW_PACKAGE, How.STAYS),
    "changed: NotUpdatable; absent and the default are the same",
)
_UNSETTABLE = Rule(How.IN_PLACE, How.IN_PLACE, How.STAYS, "in place; removed: stays")

TABLE: dict[str, Rule] = {
    NAME: Rule(
        *(How.NEW_PACKAGE, How.NEW_PACKAGE, How.NOTHING),
        "the API cannot rename; a whole value taken out never replaces",
    ),
    **dict.fromkeys(sorted(top_level("createOnlyProperties")), _CREATE_ONLY),
    **dict.fromkeys(
        UNREAD,
        Rule(
            *(How.NOTHING, How.NEW_PACKAGE, How.NOTHING),
            "create-only and never returned: changed only if the previous state has another",
        ),
    ),
    CERTIFY: _WITH_DEFAULT,
    SKIP: _WITH_DEFAULT,
    STATUS: Rule(How.IN_PLACE, How.IN_PLACE, How.UNSET, "removed: back to PendingManualApproval"),
    APPROVAL: Rule(How.IN_PLACE, How.IN_PLACE, How.UNSET, "removed: set to the empty string"),
    METADATA: Rule(How.IN_PLACE, How.IN_PLACE, How.UNSET, "dropped keys are removed, if not changed outside"),
    TAGS: Rule(How.IN_PLACE, How.IN_PLACE, How.UNSET, "by key; versions take none but the stack's own"),
    ADDITIONAL: Rule(
        *(How.IN_PLACE, How.NEW_PACKAGE, How.STAYS),
        "new ones are added; one changed, a member taken out included: NotUpdatable; one dropped: stays",
    ),
    TO_ADD: Rule(How.IN_PLACE, How.NEW_PACKAGE, How.STAYS, f"like {ADDITIONAL}"),
    DEFINITION: Rule(How.IN_PLACE, How.NEW_PACKAGE, How.STAYS, f"like {TO_ADD}"),
    ENVIRONMENT: Rule(How.TRIED, How.TRIED, How.TRIED, "the live specification with the new defaults, tried"),
    CARD: _UNSETTABLE,
    CYCLE: _UNSETTABLE,
    REGISTRATION: _UNSETTABLE,
    SOURCE: Rule(How.IN_PLACE, How.TRIED, How.STAYS, "first: in place; changed: tried; removed: stays"),
}
DEFAULTS: Json = {CERTIFY: False, SKIP: "None"}


class Way(Enum):
    """Where the previous and the desired state come from."""

    STACK = "stack"
    """Both are templates."""
    CLOUD_CONTROL = "cloud-control"
    """The previous state is what read returned, the desired one is the same after a patch."""
    CONTRACT = "contract"
    """The previous state is what read returned, the desired one is a template: so does `cfn test`."""


@dataclass(frozen=True)
class Update:
    """An update and the package that it meets, as SageMaker stores it."""

    way: Way
    previous: Json
    desired: Json
    live: Json
    stack_tags: tuple[Mapping[str, str], Mapping[str, str]]
    """Before and after; Cloud Control has none."""
    replaceable: bool
    """Whether the service lets a specification or a source be replaced."""

    @property
    def versioned(self) -> bool:
        """Whether it is a version in a group."""
        return GROUP in self.live


@dataclass(frozen=True)
class Ending:
    """One right ending: the code, the texts that the message must have, and the package."""

    package: Json
    code: str | None = None
    names: frozenset[str] = frozenset()
    tried: bool = False
    """Whether the service may be asked and refuse."""
    free: frozenset[str] = frozenset()
    """Properties that are not compared."""
    may_name: frozenset[str] = frozenset()
    """Texts of which a message may have one that it need not have."""

    def __str__(self) -> str:
        names = f" naming {', '.join(sorted(self.names))}" if self.names else ""
        return f"{self.code or 'SUCCESS'}{names}"


# --- equality ---------------------------------------------------------------------------------------

_ALWAYS_FILLED = frozenset({"ImageDigest", "ModelDataETag", "ETag", "ManifestEtag"})
_FILLED_WITH: Json = {"IsCheckpoint": False, "KmsKeyId": ""}
_JSON_TEXT = frozenset({CONTENT, "DataInputConfig"})


def _filled(name: str, value: Any) -> bool:
    """Whether a member may be one that the service has filled in."""
    return name in _ALWAYS_FILLED or (name in _FILLED_WITH and value == _FILLED_WITH[name])


def _plain(path: Path, value: Any) -> Any:
    """A value that is equal for two texts that mean the same."""
    if not isinstance(value, str):
        return value
    if path[-1] in _JSON_TEXT:
        try:
            parsed = json.loads(value, parse_int=_exact, parse_float=_exact, object_pairs_hook=_members_once)
            return json.dumps(parsed, sort_keys=True)
        except ValueError:
            return value
    if path == (GROUP,):
        return group_name(value).lower()
    # Of SageMaker's own ARNs: an object in S3 or an alias of a key is another one in another case.
    return value.lower() if path == (NAME,) or value.startswith("arn:aws:sagemaker:") else value


def _exact(number: str) -> str:
    """What stands for a number of JSON: equal numbers have one, and no text has it."""
    return f"\0{Fraction(number)}"


def _members_once(members: list[tuple[str, Any]]) -> Json:
    if len(dict(members)) < len(members):
        raise ValueError("a member is there twice")
    return dict(members)


def _empty(value: Any) -> bool:
    """Whether a value is the same as none."""
    return value in (None, "", [], {})


def agrees(desired: Any, previous: Any, live: Any, path: Path) -> bool:
    """Whether a live value is as desired: nothing is missing, and nothing is left of what was taken out."""
    if path == (CYCLE,):
        return bool(desired == live)  # echoed exactly
    # In an object with keys of the user's own an empty value is a value.
    if desired == live or (path[-1] != ANY and _empty(desired) and _empty(live)):
        return True
    if isinstance(desired, dict) and isinstance(live, dict):
        named = dict(members(rule_at(path)))
        before = previous if isinstance(previous, dict) else {}
        return all(
            agrees(value, before.get(name), live.get(name), (*path, name if name in named else ANY))
            for name, value in desired.items()
        ) and not any(
            name in before
            and name not in desired
            and not _filled(name, value)
            and not (name in named and _empty(value))
            for name, value in live.items()
        )
    if isinstance(desired, list) and isinstance(live, list):
        inner = (*path, ANY)
        if not rule_at(path).get("insertionOrder", True):
            texts = (Counter(json.dumps(_plain(inner, each)) for each in value) for value in (desired, live))
            return next(texts) == next(texts)
        items = previous if isinstance(previous, list) and len(previous) == len(live) else [None] * len(live)
        return len(desired) == len(live) and all(
            agrees(*each, inner) for each in zip(desired, items, live, strict=True)
        )
    return type(desired) is type(live) and bool(_plain(path, desired) == _plain(path, live))


def same(one: Any, other: Any, path: Path) -> bool:
    """Whether two values are the same but for what the service fills in."""
    return agrees(one, other, other, path) or agrees(other, one, one, path)


def differing(expected: Json, actual: Json) -> set[str]:
    """The properties in which a package, as SageMaker stores it, is not as expected."""
    one, other = (_units(each, {}) for each in (expected, actual))
    return {
        unit[0]
        for unit in one.keys() | other.keys()
        if unit not in one
        or unit not in other
        or not agrees(one[unit], other[unit], other[unit], _path(unit))
    }


# --- units: what a template decides by itself ---------------------------------------------------------

Unit = tuple[str, ...]
"""The name of a property, alone or with a key of metadata, of a tag, a specification's or a member's name."""


def _path(unit: Unit) -> Path:
    named = len(unit) == 1 or unit[0] == CARD
    return unit if named else (unit[0], ANY)


def _units(properties: Json, stack_tags: Mapping[str, str]) -> dict[Unit, Any]:
    """The values of a template, a model or a package."""
    found: dict[Unit, Any] = {(name,): value for name, value in DEFAULTS.items()}
    for name, value in properties.items():
        if name in (METADATA, CARD):
            found |= {(name, key): each for key, each in value.items()}
        elif name in SPECIFICATIONS:
            for each in as_list(properties, name):
                found.setdefault((ADDITIONAL, each.get("Name", "")), each)
        elif name not in IGNORED | {TAGS, ENVIRONMENT} and not (name == APPROVAL and value == ""):
            found[(name,)] = value
    tags = {**stack_tags, **{tag.get("Key", ""): tag.get("Value") for tag in properties.get(TAGS, ())}}
    if GROUP not in properties:
        found |= {(TAGS, key): {"Key": key, "Value": value} for key, value in own_tags(tags).items()}
    return found


def _name(unit: Unit) -> str:
    """What a message has to name."""
    return unit[0] if unit[0] == CARD else unit[-1]


# --- endings ----------------------------------------------------------------------------------------


@dataclass
class _Tally:
    """What is found of one update."""

    package: Json
    refused: set[str] = field(default_factory=set)
    staying: set[str] = field(default_factory=set)
    may_name: set[str] = field(default_factory=set)
    tried: bool = False
    refused_by_service: set[str] = field(default_factory=set)


def endings(update: Update) -> list[Ending]:
    """Every right ending of an update."""
    tally = _Tally(_apart(update.live))
    previous, desired, live = _states(update)
    for unit in previous.keys() | desired.keys():
        if unit[0] in DEFAULTS and unit[0] not in update.desired:
            # The default is what a package has without it; a whole value taken out never replaces.
            taken_out = unit[0] in update.previous and live[unit] != DEFAULTS[unit[0]]
            tally.staying |= {unit[0]} if taken_out else set()
            continue
        _weigh(unit, previous.get(unit), desired.get(unit), live.get(unit), update, tally)
    tally.package[TAGS] = tag_list({tag["Key"]: tag["Value"] for tag in tally.package[TAGS]})
    _weigh_environment(update, tally)
    right = list(_endings(update, tally))
    right += [ending for ending in _choices(update, tally) if ending not in right]
    return right


def _apart(properties: Json) -> Json:
    """Properties whose variables of containers can be changed."""
    copied = {SPECIFICATION: deepcopy(properties[SPECIFICATION])} if SPECIFICATION in properties else {}
    return {**properties, **copied}


def _states(update: Update) -> tuple[dict[Unit, Any], dict[Unit, Any], dict[Unit, Any]]:
    """The units of the previous, the desired and the live state."""
    states = [_apart(each) for each in (update.previous, update.desired, update.live)]
    if update.way is not Way.STACK:
        # Read returns the defaults among the variables of the containers.
        for container in (each for state in states for each in _containers(state, SPECIFICATION)):
            for key in update.desired.get(ENVIRONMENT, ()):
                container.get(ENVIRONMENT, {}).pop(key, None)
            if not container.get(ENVIRONMENT, True):
                del container[ENVIRONMENT]
    units = [_units(*each) for each in zip(states, (*update.stack_tags, {}), strict=True)]
    if update.versioned:
        units = [{unit: value for unit, value in each.items() if unit[0] != TAGS} for each in units]
    return units[0], units[1], units[2]


def _weigh(unit: Unit, previous: Any, desired: Any, live: Any, update: Update, tally: _Tally) -> None:
    rule, path = TABLE[unit[0]], _path(unit)
    if desired is None:
        if previous is not None and live is not None:
            _weigh_removal(unit, agrees(previous, live, live, path), rule, tally)
        return
    if any(agrees(desired, previous, state, path) for state in (previous, live)):
        return
    known = previous if unit[0] in UNREAD else live
    how = rule.first if known is None else rule.changed
    if how is How.NOTHING:
        return
    if how is How.NEW_PACKAGE:
        tally.refused.add(_name(unit))
        return
    if how is How.TRIED:
        tally.tried = True
        if not update.replaceable:
            tally.refused_by_service.add(_name(unit))
            return
    if unit != (CARD, CONTENT) or not _keeps_content(previous, update, tally):
        _set(tally.package, unit, desired)


def _keeps_content(previous: Any, update: Update, tally: _Tally) -> bool:
    """Whether a card keeps its content, because it is archived, or would be after the update's rollback."""
    old, new = (state.get(CARD, {}).get(CARD_STATUS) for state in (update.live, update.desired))
    if old == "Archived" and new in (None, "Archived"):
        tally.tried = True
        tally.refused_by_service.add(CARD)
        return True
    # A status that the update adds stays after the rollback.
    if old != "Archived" == new and previous is not None and CARD_STATUS not in update.previous[CARD]:
        tally.refused.add(CARD)
        return True
    return False


def _weigh_removal(unit: Unit, as_before: bool, rule: Rule, tally: _Tally) -> None:
    """A value that the package has, and the previous template had, is not in the desired one."""
    if rule.removed is How.STAYS:
        tally.staying.add(_name(unit))
    if rule.removed is How.UNSET and as_before:
        _set(tally.package, unit, {STATUS: PENDING, APPROVAL: ""}.get(unit[0]))
    elif rule.removed is How.UNSET and unit[0] in (METADATA, TAGS):
        tally.staying.add(_name(unit))
    elif rule.removed in (How.UNSET, How.NOTHING):
        tally.may_name.add(_name(unit))


def _set(package: Json, unit: Unit, value: Any) -> None:
    """Set a unit of a package, or remove it where the value is None."""
    name = unit[0]
    if name == TAGS:
        others = [tag for tag in package[TAGS] if tag["Key"] != unit[1]]
        package[TAGS] = [*others, value] if value else others
    elif name == ADDITIONAL:
        package[ADDITIONAL] = [*package.get(ADDITIONAL, ()), value]
    elif len(unit) > 1:
        changed = {**package.pop(name, {}), unit[1]: value}
        if kept := {key: each for key, each in changed.items() if each is not None}:
            package[name] = kept
    else:
        package[name] = value


def _containers(properties: Json, *names: str) -> Iterator[Json]:
    for each in (each for name in names for each in as_list(properties, name)):
        yield from each.get("Containers", ())


def _weigh_environment(update: Update, tally: _Tally) -> None:
    """The defaults of all containers; what is in the way of a new default is the container's own value."""
    before, defaults = (state.get(ENVIRONMENT, {}) for state in (update.previous, update.desired))
    if update.way is Way.STACK and before == defaults:
        return
    live = list(_containers(tally.package, SPECIFICATION))
    desired = list(_containers(update.desired, SPECIFICATION)) or [{} for _ in live]
    if len(live) != len(desired):
        return
    changed = False
    for container, wanted in zip(live, desired, strict=True):
        variables, given = container.get(ENVIRONMENT, {}), wanted.get(ENVIRONMENT, {})
        own = given
        if update.way is Way.CLOUD_CONTROL:
            own = {key: value for key, value in own.items() if variables.get(key) != value}
        after = {
            key: value
            for key, value in variables.items()
            if key in given or key in defaults or before.get(key) != value
        }
        after |= {key: value for key, value in defaults.items() if key not in own}
        if after != variables:
            changed = True
            container[ENVIRONMENT] = after
    if changed:
        tally.tried = True
        if not update.replaceable:
            tally.refused_by_service.add(ENVIRONMENT)


def _endings(update: Update, tally: _Tally) -> Iterator[Ending]:
    """The endings by the table, and by the rules across properties."""
    wrong = set(_wrong(update)) | set(_too_many(tally.package))
    for names in sorted(wrong, key=sorted):
        yield Ending(update.live, "InvalidRequest", names)
    if tally.refused:
        yield Ending(update.live, "NotUpdatable", frozenset(tally.refused))
    if not wrong and not tally.refused and tally.refused_by_service:
        yield Ending(update.live, "NotUpdatable", frozenset(tally.refused_by_service), tried=True)
    elif not wrong and not tally.refused:
        source = tally.package.get(SOURCE, "")
        # From a model or a package the service takes the specification.
        taken = source != update.live.get(SOURCE) and source.startswith("arn:")
        free = frozenset({SPECIFICATION} if taken else ())
        names, may_name = frozenset(tally.staying), frozenset(tally.may_name)
        yield Ending(tally.package, None, names, tally.tried, free, may_name)


def _choices(update: Update, tally: _Tally) -> Iterator[Ending]:
    """Endings that are right as well, where the specification leaves a choice."""
    previous, desired, live = update.previous, update.desired, update.live
    for name in tally.staying & DEFAULTS.keys():
        yield Ending(live, "NotUpdatable", frozenset({name}))  # absent and the default are the same
    for name in UNREAD:
        if name in desired and name not in previous:
            yield Ending(live, "NotUpdatable", frozenset({name}))
    if update.way is Way.CONTRACT:
        yield from _without_variables(update, tally)
    if ENVIRONMENT in previous and not desired.get(ENVIRONMENT) and tally.refused_by_service:
        yield Ending(live, names=frozenset({ENVIRONMENT}), tried=True)  # a whole value never replaces
    if update.way is Way.CLOUD_CONTROL:
        for name in sorted(_conflicts(desired).values()):
            yield Ending(live, "NotUpdatable", frozenset({name}))  # the package has it with other content
    if desired.get(SOURCE) == "" and live.get(SOURCE):
        yield Ending(live, names=frozenset({SOURCE}))  # empty may be the same as taken out
    if not update.versioned and APPROVAL in desired and previous.get(APPROVAL) != desired[APPROVAL]:
        yield Ending(live, "InvalidRequest", frozenset({APPROVAL}))  # documented for versions only


def _without_variables(update: Update, tally: _Tally) -> Iterator[Ending]:
    """Variables are gone that may have been defaults; a previous state that was read does not say which."""
    defaults = update.desired.get(ENVIRONMENT, {})
    written = _apart(tally.package)
    pairs = zip(_containers(written, SPECIFICATION), _containers(update.desired, SPECIFICATION), strict=False)
    gone = False
    for container, wanted in pairs:
        variables = {**defaults, **wanted.get(ENVIRONMENT, {})}
        gone = gone or bool(container.get(ENVIRONMENT, {}).keys() - variables.keys())
        container.pop(ENVIRONMENT, None)
        if variables:
            container[ENVIRONMENT] = variables
    if gone:
        yield Ending(update.live, "NotUpdatable", frozenset({ENVIRONMENT}), tried=True)
    if gone and update.replaceable:
        yield Ending(written, tried=True)


def _wrong(update: Update) -> Iterator[frozenset[str]]:
    """What of a desired state is `InvalidRequest` in any update, as names that a message has to have."""
    desired = update.desired
    yield from (frozenset({name}) for name in desired.keys() - IGNORED if not _valid(name, desired[name]))
    if NAME in desired and GROUP in desired:
        yield frozenset({NAME, GROUP})
    # "AdditionalS3DataSource is not allowed in InferenceSpecification"
    if any("AdditionalS3DataSource" in each for each in _containers(desired, SPECIFICATION)):
        yield frozenset({SPECIFICATION})
    if GROUP in desired or (NAME not in desired and update.versioned):
        yield from _wrong_of_version(update)
    else:
        yield from _wrong_of_unversioned(desired)
    yield from (frozenset({property_name}) for property_name in _conflicts(desired))


def _too_many(package: Json) -> Iterator[frozenset[str]]:
    """What there would be too much of."""
    if len(package.get(ADDITIONAL, ())) > MAX_SPECIFICATIONS:
        yield frozenset({ADDITIONAL})
    if any(len(each.get(ENVIRONMENT, ())) > MAX_VARIABLES for each in _containers(package, SPECIFICATION)):
        yield frozenset({ENVIRONMENT})


def _conflicts(desired: Json) -> dict[str, str]:
    """By property, a name that stands in it for another specification than before."""
    contents: dict[str, Json] = {}
    found = {}
    for property_name in SPECIFICATIONS:
        for each in as_list(desired, property_name):
            name = str(each.get("Name"))
            if not same(contents.setdefault(name, each), each, (ADDITIONAL, ANY)):
                found[property_name] = name
    return found


def _valid(name: str, value: Any) -> bool:
    return _text_valid(json.dumps({name: value}))


@cache
def _text_valid(properties: str) -> bool:
    return not model_problems(schema(), json.loads(properties))


def _wrong_of_version(update: Update) -> Iterator[frozenset[str]]:
    before = as_list(update.previous, TAGS)
    stack = update.stack_tags[1]
    new = [tag for tag in as_list(update.desired, TAGS) if tag not in before]
    if any(stack.get(tag["Key"]) != tag["Value"] for tag in new if tag.keys() == {"Key", "Value"}):
        yield frozenset({TAGS})


def _wrong_of_unversioned(desired: Json) -> Iterator[frozenset[str]]:
    yield from (frozenset({name}) for name in (ENVIRONMENT, SOURCE) if desired.get(name))
    for name in (SPECIFICATION, *SPECIFICATIONS):
        if any(each.get(ENVIRONMENT) or "ModelDataSource" in each for each in _containers(desired, name)):
            yield frozenset({name})
    given = desired.get(SPECIFICATION)
    if given is not None and not all(given.get(name) for name in INSTANCE_LISTS):
        yield frozenset({SPECIFICATION})
