"""Templates drawn from the schema: all it allows and no rule of SageMaker's across properties refuses."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from sandbox.shared.java_patterns import matches
from sandbox.shared.settings import schema, top_level

from .world import ACCOUNT, GROUPS, REGION, Json

Path = tuple[str, ...]

ANY = "*"
"""Stands in a path for the items of a list and the values of a map."""

NAME, GROUP, TAGS = "ModelPackageName", "ModelPackageGroupName", "Tags"
SPECIFICATION, ENVIRONMENT = "InferenceSpecification", "Environment"
ALGORITHM = "SourceAlgorithmSpecification"
ADDITIONAL = "AdditionalInferenceSpecifications"
TO_ADD = "AdditionalInferenceSpecificationsToAdd"
DEFINITION = "AdditionalInferenceSpecificationDefinition"
STATUS, APPROVAL = "ModelApprovalStatus", "ApprovalDescription"
METADATA, CARD, SOURCE = "CustomerMetadataProperties", "ModelCard", "SourceUri"
CYCLE, REGISTRATION = "ModelLifeCycle", "ModelPackageRegistrationType"
CONTENT, CARD_STATUS = "ModelCardContent", "ModelCardStatus"
INSTANCE_LISTS = ("SupportedTransformInstanceTypes", "SupportedRealtimeInferenceInstanceTypes")

READ_ONLY = top_level("readOnlyProperties")
# What an update can do without a new package, or may at least try.
IN_PLACE = (
    *(STATUS, APPROVAL, METADATA, TAGS, ADDITIONAL, TO_ADD, DEFINITION),
    *(CARD, SOURCE, CYCLE, REGISTRATION, ENVIRONMENT),
)
MOST_SPECIFICATIONS = 15
MOST_METADATA = 50
MOST_TAGS = 50
MOST_VARIABLES = 100


def examples(number: int, *, reduced: bool = True) -> settings:
    """Settings for so many examples; what is drawn depends on the seed alone, and a failure is reduced."""
    return settings(
        max_examples=number,
        database=None,
        deadline=None,
        print_blob=True,
        phases=(Phase.generate, Phase.shrink) if reduced else (Phase.generate,),
        # Every example is a conversation with a server, on a machine that may have other work.
        suppress_health_check=(HealthCheck.too_slow,),
    )


# --- the schema -------------------------------------------------------------------------------------


def _resolved(rule: Json) -> Json:
    """The rule that a reference stands for, or the rule itself."""
    while "$ref" in rule:
        rule = schema()["definitions"][rule["$ref"].rsplit("/", 1)[1]]
    return rule


@cache
def rule_at(path: Path) -> Json:
    """The rule for what is at a path."""
    rule = schema()
    for name in path:
        rule = dict(members(rule))[name]
    return _resolved(rule)


def members(rule: Json) -> Iterator[tuple[str, Json]]:
    """The rules for what may be in a value, each with its name, or ANY."""
    rule = _resolved(rule)
    yield from rule.get("properties", {}).items()
    inner = [rule["items"]] if "items" in rule else rule.get("patternProperties", {}).values()
    yield from ((ANY, each) for each in inner)


def _paths(rule: Json, path: Path = ()) -> Iterator[Path]:
    for name, member in members(rule):
        yield (*path, name)
        yield from _paths(member, (*path, name))


@cache
def drawable() -> tuple[Path, ...]:
    """Every path that can stand in a template that SageMaker takes."""
    # "AdditionalS3DataSource is not allowed in InferenceSpecification"
    refused = (SPECIFICATION, "Containers", ANY, "AdditionalS3DataSource")
    return tuple(
        path for path in _paths(schema()) if path[0] not in READ_ONLY and path[: len(refused)] != refused
    )


def nodes(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """What is in a template, each with its path."""
    named = dict(members(rule_at(path)))
    for name, inner in value.items() if isinstance(value, dict) else ((ANY, each) for each in value):
        where = (*path, name if name in named else ANY)
        yield where, inner
        if isinstance(inner, dict | list):
            yield from nodes(inner, where)


# --- text -------------------------------------------------------------------------------------------

_LINE_ENDS = "\n\r\u2028"
# A little of everything: Latin, combining marks, right-to-left, other planes, digits and spaces of other
# scripts, quotes, symbols, controls, and characters that are none.
_CHARACTERS = (
    "abcfFZ019 -_.:/=+@\"'\\<>&{}[]()$%,;!?*#~^|`\t\0\x1b\x7f"
    "éßÑ\u0301\u0489\u05d0\u0645\u200f\u202e\u200d\ufeff日本ก\U0001d54f\U00020000\U0001f600\U000e0100"
    "\u0663½Ⅷ\u00a0\u3000“”€…\ufffd\ufffe\U0010ffff"
) + _LINE_ENDS
# One class of characters, repeated: the most common form of a pattern.
_CLASS = re.compile(r"\^\(?(\.|\[(?:\\.|[^\]\\])+\])(?:\*|(\+)|\{(\d+),(\d+)\})\)?\$")
# The most that a string without a limit of its own is given.
_NO_LIMIT = 300
# From this length on a string is dear: a template has one at most.
_DEAR = 3000
_LONGEST = 1_000_000


@dataclass(frozen=True)
class _Form:
    """How text of a pattern is made: a head, filler as long as wanted and, after any filler, an end."""

    filler: str
    heads: tuple[str, ...] = ("",)
    end: str = ""
    least: int = 0
    most: int = _LONGEST


_ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
_NAME_FORM = _Form("[a-zA-Z0-9-]", ("a", "Z", "0"), "z")
# The patterns of the schema that are more than one class of characters.
_FORMS = {
    r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$": _NAME_FORM,
    r"^[a-zA-Z0-9](-*[a-zA-Z0-9])*$": _NAME_FORM,
    r"^[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*$": _Form("[a-zA-Z0-9]", ("a", "0-z-0")),
    r"^(arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:[a-z\-]*\/)?([a-zA-Z0-9]([a-zA-Z0-9-]){0,62})(?<!-)"
    r"$": _Form("[a-zA-Z0-9-]", ("a", f"{_ARN}:algorithm/0", f"{_ARN}:{'x' * 65}/Z"), "z", most=61),
    r"^[Ss][Hh][Aa]256:[0-9a-fA-F]{64}$": _Form("[0-9a-fA-F]", ("sha256:", "SHA256:"), least=64, most=64),
    r"^(https|s3)://([^/]+)/?(.*)$": _Form(".", ("s3://b", "https://é/", "s3://bucket/key")),
    r"^[a-zA-Z_][a-zA-Z0-9_]{0,1023}$": _Form("[a-zA-Z0-9_]", ("a", "Z", "_"), most=1023),
    r"^[0-9]\.[A-Za-z0-9.-]+$": _Form("[A-Za-z0-9.-]", ("1.", "9."), least=1),
    r"^\d{1,4}.\d{1,4}.\d{1,4}$": _Form(r"\d", ("1.0.", "1234.5678.", "1é2\U0001f600"), least=1, most=4),
    r"^[-\w]+\/.+$": _Form(".", ("text/", "-_0/"), least=1),
    r"^arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$": _Form(
        r"[a-zA-Z_0-9+=,.@\-_/]",
        (f"arn:aws:iam::{ACCOUNT}:role/", f"arn:aws-cn:iam::{ACCOUNT}:role"),
        least=1,
    ),
    # SourceUri: from a model or a package SageMaker takes the specification, too.
    r"^[\p{L}\p{M}\p{Z}\p{N}\p{P}]{0,1024}$": _Form(
        r"[\p{L}\p{M}\p{Z}\p{N}\p{P}]", ("", f"{_ARN}:model/a", f"{_ARN}:model-package/a")
    ),
}
# The schema takes any instance type that looks like one, the API those it knows.
_INSTANCE_TYPE = r"^ml\.[a-z0-9-]+\.[a-z0-9-]+$"


@cache
def _instance_types() -> st.SearchStrategy[str]:
    model: Any = botocore.session.Session().get_service_model("sagemaker")
    known = [set(model.shape_for(f"{use}InstanceType").enum) for use in ("Transform", "ProductionVariant")]
    return st.sampled_from(sorted(set.intersection(*known)))


@cache
def _form(pattern: str) -> _Form:
    if pattern in _FORMS:
        return _FORMS[pattern]
    found = _CLASS.fullmatch(pattern)
    assert found, f"nothing here makes text of the pattern {pattern}"
    filler, one, least, most = found.groups()
    return _Form(filler, least=1 if one else int(least or 0), most=int(most or _Form.most))


@cache
def _units(filler: str) -> st.SearchStrategy[str]:
    """Some characters of a class, in some order, to be repeated."""
    # In the patterns' own dialect a dot is no end of a line.
    allowed = [
        each for each in _CHARACTERS if matches(filler, each) and (filler != "." or each not in _LINE_ENDS)
    ]
    strides = [(start, step) for step in (1, 7, 11) for start in range(len(allowed))]
    return st.sampled_from([(allowed * 12)[start::step][:9] for start, step in strides]).map("".join)


# --- drawing ----------------------------------------------------------------------------------------

ROOM = 150
"""Values in a template from which on there are only those it needs; where there is less time, fewer do."""
# What comes first is what a failure is reduced to.
_LENGTHS = st.sampled_from((0, *range(1, 25), *[_LONGEST] * 6, *[0] * 6))
_COUNTS = st.sampled_from((0, 1, 1, 2, _LONGEST))
_SHARES = st.sampled_from((0, 1, 1, 4))
_QUARTERS = st.integers(0, 3)


class Drawing:
    """One template while it is drawn: values for rules, sparse ones once there is no more room.

    What leads to the path in focus is never left out.
    """

    def __init__(self, draw: st.DrawFn, room: int, focus: Path = ()) -> None:
        self.draw = draw
        self._room = room
        self._focus = focus
        self._dear = True

    def chance(self, quarters: int) -> bool:
        """Decide with a chance of so many quarters."""
        return self.draw(_QUARTERS) >= 4 - quarters

    def value(self, path: Path) -> Any:
        """What may stand at a path."""
        rule = rule_at(path)
        self._room -= 1
        if "enum" in rule:
            return self.draw(st.sampled_from(rule["enum"]))
        if rule["type"] == "boolean":
            return self.draw(st.booleans())
        if rule["type"] == "integer":
            return self.draw(st.sampled_from((rule["minimum"], rule["minimum"] + 1, 100, 2**31 - 1)))
        if rule["type"] == "string":
            return self.text(rule)
        if "properties" in rule:
            return self._object(rule, path)
        return (self._list if rule["type"] == "array" else self._map)(rule, (*path, ANY))

    def text(self, rule: Json) -> str:
        """Text of a rule's pattern: as short as it may be, as long as it may be, or in between."""
        pattern = rule.get("pattern", r"^[\S\s]*$")
        if pattern == _INSTANCE_TYPE:
            return str(self.draw(_instance_types()))
        form = _form(pattern)
        head = self.draw(st.sampled_from(form.heads)) if len(form.heads) > 1 else form.heads[0]
        taken = len(head) + len(form.end)
        least = max(form.least, rule.get("minLength", 0) - taken)
        most = min(form.most, rule.get("maxLength", _NO_LIMIT) - taken)
        length: int = min(most, least + self.draw(_LENGTHS))
        if length >= _DEAR:
            length, self._dear = length if self._dear else least, False
        if not length:
            return head
        return head + (self.draw(_units(form.filler)) * length)[:length] + form.end

    def changed(self, path: Path, value: Any) -> Any:
        """The value with one thing in it added, left out or drawn anew."""
        rule = rule_at(path)
        if "patternProperties" in rule:
            return self._changed_map(path, value)
        if isinstance(value, dict):
            name = self.draw(st.sampled_from(list(rule["properties"])))
            rest = {key: inner for key, inner in value.items() if key != name}
            if name in value and name not in rule.get("required", ()) and self.draw(st.booleans()):
                return rest
            where = (*path, name)
            return {**rest, name: self.changed(where, value[name]) if name in value else self.value(where)}
        if isinstance(value, list):
            place, where = self.draw(st.integers(0, len(value))), (*path, ANY)
            if place == len(value):
                return [*value, self.value(where)][: rule.get("maxItems")]
            kept = [self.changed(where, value[place])]
            if len(value) > rule.get("minItems", 0) and self.draw(st.booleans()):
                kept = []
            return [*value[:place], *kept, *value[place + 1 :]]
        return self.value(path)

    def _changed_map(self, path: Path, value: Json) -> Json:
        key = self.draw(st.sampled_from([*value, ""]))
        rest = {each: inner for each, inner in value.items() if each != key}
        added = self._map({**rule_at(path), "maxProperties": 1}, (*path, ANY))
        if key and self.draw(st.booleans()):
            added = {key: self.value((*path, ANY))}
        return dict(list({**rest, **added}.items())[-rule_at(path)["maxProperties"] :])

    def _object(self, rule: Json, path: Path) -> Json:
        share = self.draw(_SHARES) if self._room > 0 else 0
        return {
            name: self.value((*path, name))
            for name in rule["properties"]
            if name in rule.get("required", ())
            or self.leads_on((*path, name))
            or (share and self.chance(share))
        }

    def _map(self, rule: Json, path: Path) -> Json:
        (pattern,) = rule["patternProperties"]
        count = self._count(0, rule["maxProperties"], path)
        found = {self.text({"pattern": pattern}): self.value(path) for _ in range(min(count, 2))}
        # The largest maps repeat what is small.
        values = [value for value in found.values() if len(value) < _NO_LIMIT]
        while values and len(found) < count:
            found[f"k{len(found)}"] = values[0]
        return found

    def _list(self, rule: Json, path: Path) -> list[Any]:
        count = self._count(rule.get("minItems", 0), rule.get("maxItems", 20), path)
        found = [self.value(path) for _ in range(min(count, 2))]
        if len(json.dumps(found)) < _NO_LIMIT:
            # Copies, because what is to be unique in them is made so later.
            found = [deepcopy(found[number % len(found)]) for number in range(count)]
        return found

    def _count(self, least: int, most: int, path: Path) -> int:
        more = self.draw(_COUNTS) if self._room > 0 else 0
        return min(most, max(least, int(self.leads_on(path)), more))

    def leads_on(self, path: Path) -> bool:
        """Whether the path in focus is this one, or begins with it."""
        return self._focus[: len(path)] == path


# --- templates --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Template:
    """A resource's properties with their JSON types, and the tags of its stack."""

    properties: Json
    stack_tags: Mapping[str, str]

    @property
    def versioned(self) -> bool:
        """Whether it is a version in a group."""
        return GROUP in self.properties


stack_tags = st.sampled_from(
    ({}, {"team": "risk"}, {"team": "fraud", "cost": "1", "aws:cloudformation:x": "no"}, {"\u05d0": ""})
)
_NOT_DRAWN = READ_ONLY | {NAME, GROUP}
# In how many quarters of all templates a property stands, if not in one.
_QUARTERS_OF = {
    SPECIFICATION: 3,
    "ClientToken": 0,
    **dict.fromkeys((STATUS, APPROVAL, METADATA, TAGS, CARD, CYCLE, ENVIRONMENT), 2),
}


@st.composite
def templates(draw: st.DrawFn, *, versioned: bool, focus: Path | None = None, room: int = ROOM) -> Template:
    """A template that SageMaker takes, with something at a certain path if that is possible."""
    drawing = Drawing(draw, room, draw(st.sampled_from(drawable())) if focus is None else focus)
    found: Json = {}
    for name in sorted(schema()["properties"].keys() - _NOT_DRAWN):
        if drawing.leads_on((name,)) or drawing.chance(_QUARTERS_OF.get(name, 1)):
            found[name] = drawing.value((name,))
    if versioned:
        found[GROUP] = draw(st.sampled_from([*GROUPS, *map(group_arn, GROUPS)]))
    elif drawing.leads_on((NAME,)) or drawing.chance(3):
        found[NAME] = drawing.value((NAME,))
    tags = draw(stack_tags)
    if found.get(TAGS) and draw(st.booleans()):
        found[TAGS][0]["Key"] = next(iter(tags), "team")
    return fitted(found, tags)


@st.composite
def changes(draw: st.DrawFn, before: Template, room: int = ROOM) -> Template:
    """Another template for the same package: a new one, or the old one with up to three changes."""
    drawing = Drawing(draw, room)
    identity = {name: value for name, value in before.properties.items() if name in (NAME, GROUP)}
    found = deepcopy(before.properties)
    how = draw(st.sampled_from((*["in place"] * 4, "anywhere", "anew")))
    if how == "anew":
        found = draw(templates(versioned=before.versioned, room=room)).properties
        found = {**found, **({} if drawing.chance(1) else identity)}
    else:
        names = sorted(schema()["properties"].keys() - _NOT_DRAWN) if how == "anywhere" else IN_PLACE
        for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)):
            if name in found and drawing.chance(1):
                del found[name]
            elif name in found and drawing.chance(3):
                found[name] = drawing.changed((name,), found[name])
            else:
                found[name] = drawing.value((name,))
    if before.versioned and drawing.chance(1):
        found[GROUP] = _other_name(found[GROUP])
    return fitted(found, draw(stack_tags) if drawing.chance(1) else before.stack_tags)


def group_arn(name: str) -> str:
    """A group's other name."""
    return f"{_ARN}:model-package-group/{name}"


def group_name(name_or_arn: str) -> str:
    """The plain name of a group."""
    return name_or_arn.rsplit("/", 1)[-1]


def _other_name(group: str) -> str:
    return group_arn(group) if group in GROUPS else group_name(group)


def as_strings(value: Any, turns: Iterator[bool]) -> Any:
    """The value as CloudFormation may send it: with a string for each number or boolean whose turn it is."""
    if isinstance(value, dict):
        return {name: as_strings(inner, turns) for name, inner in value.items()}
    if isinstance(value, list):
        return [as_strings(inner, turns) for inner in value]
    return json.dumps(value) if isinstance(value, bool | int) and next(turns) else value


def fitted(given: Json, tags: Mapping[str, str]) -> Template:
    """These properties in a stack with these tags, but for what SageMaker's rules for all of them refuse."""
    found = deepcopy(given)
    for container in _containers(found, SPECIFICATION):
        container.pop("AdditionalS3DataSource", None)
    if GROUP in found:
        _fit_version(found, tags)
    else:
        _fit_unversioned(found, tags)
    names: set[str] = set()
    for name in (ADDITIONAL, TO_ADD, DEFINITION):
        if len(names) == MOST_SPECIFICATIONS:
            found.pop(name, None)
        elif isinstance(found.get(name), list):
            del found[name][MOST_SPECIFICATIONS - len(names) :]
        for specification in listed(found, name):
            specification["Name"] = _unused(specification["Name"], names, longest=63)
    return Template(found, tags)


def _fit_version(found: Json, tags: Mapping[str, str]) -> None:
    if found.get(ENVIRONMENT):
        found.setdefault(SPECIFICATION, {"Containers": [{}]})
    for container in _containers(found, SPECIFICATION) if found.get(ENVIRONMENT) else ():
        own = container.get(ENVIRONMENT, {})
        container[ENVIRONMENT] = dict(list(own.items())[: MOST_VARIABLES - len(found[ENVIRONMENT])])
    if TAGS in found:
        # No tags but those that only repeat the stack's.
        found[TAGS] = tag_list(own_tags(tags))[: len(found[TAGS])]


def _fit_unversioned(found: Json, tags: Mapping[str, str]) -> None:
    if SPECIFICATION not in found and ALGORITHM not in found:
        found[SPECIFICATION] = {"Containers": [{}]}
    if SPECIFICATION in found:
        for name in INSTANCE_LISTS:
            found[SPECIFICATION][name] = found[SPECIFICATION].get(name) or ["ml.m5.large"]
    for container in _containers(found, SPECIFICATION, ADDITIONAL, TO_ADD, DEFINITION):
        container.pop("ModelDataSource", None)
        if container.get(ENVIRONMENT):
            del container[ENVIRONMENT]
    for algorithm in found.get(ALGORITHM, {}).get("SourceAlgorithms", ()):
        algorithm.pop("ModelDataSource", None)
    found.pop(SOURCE, None)
    if found.get(ENVIRONMENT):
        del found[ENVIRONMENT]
    if STATUS not in found and found.get(APPROVAL):
        del found[APPROVAL]  # a description goes with a status, and there is none
    keys: set[str] = set()
    del found.get(TAGS, [])[MOST_TAGS - len(tags) :]
    for tag in found.get(TAGS, ()):
        tag["Key"] = _unused(tag["Key"], keys, longest=128)


def _unused(name: str, taken: set[str], *, longest: int) -> str:
    others = (f"{name[: longest - 2]}{number}" for number in itertools.count())
    found = next(each for each in itertools.chain([name], others) if each not in taken)
    taken.add(found)
    return found


def listed(properties: Mapping[str, Any], name: str) -> list[Json]:
    """What a property lists: a value that is no list is the only one."""
    value = properties.get(name, [])
    return value if isinstance(value, list) else [value]


def _containers(properties: Mapping[str, Any], *names: str) -> Iterator[Json]:
    for specification in (each for name in names for each in listed(properties, name)):
        yield from specification["Containers"]


def own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that are not AWS's own."""
    return {key: value for key, value in tags.items() if not key.startswith("aws:")}


def tag_list(tags: Mapping[str, str]) -> list[Json]:
    """Tags as SageMaker and templates have them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
