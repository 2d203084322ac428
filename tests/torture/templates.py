"""Templates drawn from the schema, and what must hold of a package whose template they are.

The first half draws whatever the schema allows, but for what SageMaker's rules across properties refuse. The
second half is an oracle: what read returns of a template, and what an update makes of a package, worked out
from the decisions on each property, with nothing of the handlers in it.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import botocore.session
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from sandbox.patterns import matches
from sandbox.schema import schema, top_level

from .world import ACCOUNT, GROUPS, REGION, Json, Run, World

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

READ_ONLY, WRITE_ONLY = top_level("readOnlyProperties"), top_level("writeOnlyProperties")
SERVICE_OWNED = top_level("deprecatedProperties") - WRITE_ONLY
# Without the group, whose name and ARN are one value, and what SageMaker never tells.
CREATE_ONLY = top_level("createOnlyProperties") - WRITE_ONLY - {GROUP}
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
        rule = dict(_members(rule))[name]
    return _resolved(rule)


def _members(rule: Json) -> Iterator[tuple[str, Json]]:
    rule = _resolved(rule)
    yield from rule.get("properties", {}).items()
    inner = [rule["items"]] if "items" in rule else rule.get("patternProperties", {}).values()
    yield from ((ANY, each) for each in inner)


def _paths(rule: Json, path: Path = ()) -> Iterator[Path]:
    for name, member in _members(rule):
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
    named = dict(_members(rule_at(path)))
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
    model = botocore.session.Session().get_service_model("sagemaker")
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


NOTHING = Template({}, {})


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
        for specification in _listed(found, name):
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
        found[TAGS] = _tag_list(_own(tags))[: len(found[TAGS])]


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


def _listed(properties: Mapping[str, Any], name: str) -> list[Json]:
    value = properties.get(name, [])
    return value if isinstance(value, list) else [value]


def _containers(properties: Mapping[str, Any], *names: str) -> Iterator[Json]:
    for specification in (each for name in names for each in _listed(properties, name)):
        yield from specification["Containers"]


# --- what read returns ------------------------------------------------------------------------------


def contains(found: Any, wanted: Any, path: Path = (), *, strict: bool = False) -> bool:
    """Whether all that is wanted is found; members beyond it are the service's.

    Only strictly is an empty object or list something else than none.
    """
    if not strict and wanted in ({}, []) and found is None:
        return True
    if isinstance(wanted, dict):
        named = dict(_members(rule_at(path)))
        return isinstance(found, dict) and all(
            contains(found.get(name), value, (*path, name if name in named else ANY), strict=strict)
            for name, value in wanted.items()
        )
    if not isinstance(wanted, list):
        return type(found) is type(wanted) and bool(found == wanted)
    if not isinstance(found, list) or len(found) != len(wanted):
        return False
    if not rule_at(path).get("insertionOrder", True):
        found, wanted = (
            sorted(each, key=lambda item: json.dumps(item, sort_keys=True)) for each in (found, wanted)
        )
    return all(contains(*pair, (*path, ANY), strict=strict) for pair in zip(found, wanted, strict=True))


def specifications(properties: Mapping[str, Any]) -> dict[str, Json]:
    """Every additional specification that a template gives, by name."""
    return {
        each["Name"]: each for name in (ADDITIONAL, TO_ADD, DEFINITION) for each in _listed(properties, name)
    }


def shown(template: Template) -> Json:
    """What read has to return of a new package with this template, at least."""
    given = template.properties
    found = {
        name: value for name, value in given.items() if name not in READ_ONLY | WRITE_ONLY | SERVICE_OWNED
    }
    if template.versioned:
        found[GROUP] = group_name(given[GROUP])
    found[TAGS] = [] if template.versioned else _tag_list(_tags(template))
    for name in (APPROVAL, METADATA):
        if not found.get(name):
            found.pop(name, None)
    if specifications(given):
        found[ADDITIONAL] = list(specifications(given).values())
    if given.get(ENVIRONMENT):
        found[SPECIFICATION] = deepcopy(given[SPECIFICATION])
        for container in found[SPECIFICATION]["Containers"]:
            container[ENVIRONMENT] = given[ENVIRONMENT] | container.get(ENVIRONMENT, {})
    return found


def unset(model: Json, template: Template) -> list[str]:
    """The properties that a new package's model does not have as its template says."""
    wanted = shown(template)
    return [
        name for name, value in wanted.items() if not contains(model.get(name), value, (name,), strict=True)
    ]


def unsaid(model: Json, template: Template) -> list[str]:
    """The properties that read does not return as a template says that has been an update's."""
    wanted = shown(template)
    wanted.pop(ADDITIONAL, None)
    if wanted.get("SkipModelValidation") == "None":
        del wanted["SkipModelValidation"]  # the same as nothing
    found = [name for name, value in wanted.items() if not contains(model.get(name), value, (name,))]
    existing = {each["Name"]: each for each in model.get(ADDITIONAL, ())}
    declared = {each["Name"]: each for each in template.properties.get(ADDITIONAL, ())}
    for name in specifications(template.properties):
        # What is to be added is added once, whatever becomes of it in the template.
        if not contains(existing.get(name), declared.get(name, {"Name": name}), (ADDITIONAL, ANY)):
            found.append(f"{ADDITIONAL}: {name}")
    return found


# Members that read may return although a template has nothing of the kind.
SERVICES_OWN = READ_ONLY | SERVICE_OWNED | {NAME, TAGS, STATUS, SPECIFICATION, "CertifyForMarketplace"}


def as_read(package: Json) -> Json:
    """What read returns of a package that SageMaker holds and has completed."""
    found = {name: value for name, value in package.items() if name != APPROVAL or value}
    for name in ("CreationTime", "LastModifiedTime"):
        if name in found:
            found[name] = datetime.fromtimestamp(found[name], UTC).isoformat()
    return {
        **found,
        TAGS: _tag_list(_own({tag["Key"]: tag["Value"] for tag in package[TAGS]})),
        "ModelPackageStatusItem": {"Name": package.get(GROUP) or package[NAME], "Status": "Completed"},
    }


def _own(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if not key.startswith("aws:")}


def _tags(template: Template) -> dict[str, str]:
    resource = {tag["Key"]: tag["Value"] for tag in template.properties.get(TAGS, ())}
    return _own({**template.stack_tags, **resource})


def _tag_list(tags: Mapping[str, str]) -> list[Json]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


# --- what an update comes to ------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """The package after an update and the calls that write; or the code, and the properties at fault."""

    package: Json
    calls: tuple[str, ...] = ()
    code: str | None = None
    at_fault: frozenset[str] = frozenset()


def outcome(package: Json, previous: Template, desired: Template, *, replaceable: bool) -> Outcome:
    """What an update has to come to, the package being as SageMaker holds it.

    `replaceable`: whether the service lets a specification or a source be replaced.
    """
    update = _Update(package, previous, desired)
    refused = update.only_a_new_package()
    if refused:
        return Outcome(package, code="NotUpdatable", at_fault=frozenset(refused))
    tries = update.tries(replaceable=replaceable)
    if len(tries) > 1:
        return Outcome(package, code="NotUpdatable", at_fault=frozenset(each.name for each in tries))
    rest = update.in_place()
    if len(rest.get(ADDITIONAL, ())) > MOST_SPECIFICATIONS:
        # A new package would lose those that were added in earlier updates, and they are to stay.
        return Outcome(package, code="InvalidRequest", at_fault=frozenset({ADDITIONAL}))
    for each in tries:
        if each.refusal:
            return Outcome(package, code=each.refusal, at_fault=frozenset({each.name}))
    after, calls = dict(package), []
    for each in tries:
        after.update(each.sets)
        calls += ["UpdateModelPackage"] * each.calls
    if rest:
        after.update(rest)
        calls.append("UpdateModelPackage")
    after[TAGS], tag_calls = update.tags()
    return Outcome(
        {name: value for name, value in after.items() if value is not None},
        tuple(sorted([*calls, *tag_calls])),
    )


@dataclass(frozen=True)
class _Try:
    """A change that the service may refuse."""

    name: str
    sets: Json
    refusal: str | None
    """The code that the service's refusal comes to, if it refuses."""
    calls: int = 1


class _Update:
    """The rows of the decisions: what is different, and what that means."""

    def __init__(self, package: Json, previous: Template, desired: Template) -> None:
        self._live, self._templates = package, (previous, desired)
        self._before, self._after = previous.properties, desired.properties

    def _changed(self, name: str) -> bool:
        return name in self._after and not any(
            contains(state.get(name), self._after[name], (name,)) for state in (self._before, self._live)
        )

    def _removed(self, name: str) -> bool:
        return name in self._before and name in self._live and name not in self._after

    def _of_all(self, name: str, default: Any) -> tuple[Any, Any, Any]:
        before, after, live = (state.get(name, default) for state in (self._before, self._after, self._live))
        return before, after, live

    def only_a_new_package(self) -> set[str]:
        """The properties whose change the API has no call for."""
        after, live = self._after, self._live
        found = {name for name in CREATE_ONLY if self._changed(name)}
        found |= {name for name in (CARD, SOURCE, CYCLE, REGISTRATION) if self._removed(name)}
        for name, default in (("CertifyForMarketplace", False), ("SkipModelValidation", "None")):
            earlier, wanted, present = self._of_all(name, default)
            if wanted not in (earlier, present):
                found.add(name)
        if NAME in after and after[NAME] != live.get(NAME):
            found.add(NAME)
        if GROUP in after and group_name(after[GROUP]) != live.get(GROUP):
            found.add(GROUP)
        existing = specifications({ADDITIONAL: live.get(ADDITIONAL, [])})
        earlier, kept = specifications(self._before), specifications(after)
        for each in after.get(ADDITIONAL, ()):
            name, states = each["Name"], (earlier.get(each["Name"]), existing.get(each["Name"]))
            if name in existing and not any(contains(state, each, (ADDITIONAL, ANY)) for state in states):
                found.add(ADDITIONAL)
        if any(each["Name"] in existing.keys() - kept.keys() for each in self._before.get(ADDITIONAL, ())):
            found.add(ADDITIONAL)
        return found

    def tries(self, *, replaceable: bool) -> list[_Try]:
        """The changes that the service may refuse."""
        found = []
        locked = None if replaceable else "NotUpdatable"
        specification = self._with_environment()
        if specification and specification != self._live[SPECIFICATION]:
            sizes = [len(each.get(ENVIRONMENT, ())) for each in specification["Containers"]]
            # More than the API takes is a bad value, and not a thing that cannot be done.
            refusal = "InvalidRequest" if max(sizes) > MOST_VARIABLES else locked
            found.append(_Try(ENVIRONMENT, {SPECIFICATION: specification}, refusal))
        earlier, wanted, card = self._of_all(CARD, {})
        sets = {
            name: value for name, value in wanted.items() if value not in (earlier.get(name), card.get(name))
        }
        if sets:
            archived = card.get(CARD_STATUS) == "Archived" and CARD_STATUS not in sets
            found.append(_Try(CARD, {CARD: card | sets}, "NotUpdatable" if archived else None, len(sets)))
        if SOURCE in self._live and self._changed(SOURCE):
            found.append(_Try(SOURCE, {SOURCE: self._after[SOURCE]}, locked))
        return found

    def _with_environment(self) -> Json | None:
        """The live specification with the new default environment in place of the old one."""
        earlier, defaults, _ = self._of_all(ENVIRONMENT, {})
        found: Json | None = deepcopy(self._live.get(SPECIFICATION))
        if defaults == earlier or found is None:
            return found
        given = self._after.get(SPECIFICATION, {}).get("Containers", [])
        for position, container in enumerate(found["Containers"]):
            own = given[position] if position < len(given) else {}
            current, mine = container.get(ENVIRONMENT, {}), own.get(ENVIRONMENT, {})
            kept = {
                key: value
                for key, value in current.items()
                if key in mine or key in defaults or earlier.get(key) != value
            }
            kept |= {key: value for key, value in defaults.items() if key not in mine}
            if kept != current:
                container[ENVIRONMENT] = kept
        return found

    def in_place(self) -> Json:
        """What one call changes without being refused; None for what is no longer there."""
        found = {**self._approval(), **self._metadata()}
        for name in (CYCLE, REGISTRATION):
            if name in self._after and self._after[name] not in (
                self._before.get(name),
                self._live.get(name),
            ):
                found[name] = self._after[name]
        if SOURCE not in self._live and self._changed(SOURCE):
            found[SOURCE] = self._after[SOURCE]
        existing = self._live.get(ADDITIONAL, [])
        names = {each["Name"] for each in existing}
        new = [each for name, each in specifications(self._after).items() if name not in names]
        if new:
            found[ADDITIONAL] = [*existing, *new]
        return found

    def _approval(self) -> Json:
        found = {}
        for name, none, undecided in ((STATUS, None, "PendingManualApproval"), (APPROVAL, "", "")):
            earlier, wanted, live = self._of_all(name, none)
            decided = wanted not in (earlier, live)
            if name not in self._after:
                # Taken out of the template; what others have decided, which differs, is not revoked.
                wanted, decided = undecided, earlier == live not in (none, undecided)
            if decided:
                found[name] = wanted
        return found

    def _metadata(self) -> Json:
        earlier, wanted, live = self._of_all(METADATA, {})
        found = {key: value for key, value in live.items() if key in wanted or key not in earlier}
        for key, value in wanted.items():
            if value not in (earlier.get(key), live.get(key)):
                found[key] = value
        return {} if found == live else {METADATA: found or None}

    def tags(self) -> tuple[list[Json], list[str]]:
        """The tags afterwards and the calls for them."""
        live = {tag["Key"]: tag["Value"] for tag in self._live[TAGS]}
        if GROUP in self._live:
            return _tag_list(live), []
        earlier, wanted = map(_tags, self._templates)
        add = {key: value for key, value in wanted.items() if value not in (earlier.get(key), live.get(key))}
        drop = [key for key in earlier if key not in wanted and key in live]
        found = {key: value for key, value in {**live, **add}.items() if key not in drop}
        return _tag_list(found), ["AddTags"] * bool(add) + ["DeleteTags"] * bool(drop)


def differences(expected: Json, package: Json) -> list[str]:
    """The members in which a package is not as expected, but for what the service adds by itself."""
    names = (expected.keys() | package.keys()) - {
        *("LastModifiedTime", "LastModifiedBy", "ModelPackageStatusDetails")
    }
    if SOURCE in expected and SPECIFICATION not in expected:
        names.discard(SPECIFICATION)  # taken from the source
    return [
        name
        for name in sorted(names)
        if not contains(package.get(name), expected.get(name), (name,), strict=True)
        # New specifications get digests, tags have no order.
        or (name not in (ADDITIONAL, TAGS) and expected.get(name) != package.get(name))
    ]


# --- CloudFormation ---------------------------------------------------------------------------------

WRITES = frozenset(
    ("CreateModelPackage", "UpdateModelPackage", "AddTags", "DeleteTags", "DeleteModelPackage")
)


@dataclass(frozen=True)
class Way:
    """How templates come to the handlers, and what the service is like there."""

    door: str = "stack"
    turns: tuple[bool, ...] = (True,)
    """Which numbers and booleans come as strings, over and over again."""
    looks: int = 0
    """How many find that validation has not ended."""
    replaceable: bool = False
    """Whether the service lets a specification or a source be replaced."""


ways = st.builds(
    Way,
    door=st.sampled_from(("stack", "test")),
    turns=st.sampled_from(((False,), (True,), (True, False))),
    looks=st.integers(0, 2),
    replaceable=st.booleans(),
)


class Deployer:
    """CloudFormation, in a world of its own: deploys templates in one way, and counts invocations."""

    def __init__(self, world: World, way: Way, tally: Counter[str]) -> None:
        self.world = world
        self.way = way
        self.tally = tally
        world.reset(describes_until_completed=way.looks, inference_specification_replaceable=way.replaceable)

    def create(self, template: Template) -> Run:
        """Create a package from a template."""
        return self.send("CREATE", template)

    def update(self, arn: str, desired: Template, previous: Template) -> Run:
        """Update the package with this ARN."""
        return self.send("UPDATE", desired, previous, arn)

    def read(self, arn: str) -> Run:
        """Read the package with this ARN."""
        return self.send("READ", arn=arn)

    def delete(self, arn: str, template: Template) -> Run:
        """Delete the package with this ARN."""
        return self.send("DELETE", template, arn=arn)

    def send(
        self,
        action: str,
        desired: Template = NOTHING,
        previous: Template | None = None,
        arn: str | None = None,
    ) -> Run:
        """Make an event of templates and drive its operation to the end."""
        return self.repeat(
            self.world.event(
                action,
                self._sent(desired, arn),
                None if previous is None else self._sent(previous, arn),
                stack_tags=desired.stack_tags,
                previous_stack_tags=None if previous is None else previous.stack_tags,
            )
        )

    def repeat(self, event: Json) -> Run:
        """Drive the operation of an event to its end."""
        self.event = event
        self.world.proxy.clear()
        run = self.world.run(event, door=self.way.door)
        self.tally["invocations"] += len(run.events)
        return run

    def written(self) -> tuple[str, ...]:
        """The writing calls of the last operation that SageMaker has not refused."""
        calls = self.world.proxy.calls
        return tuple(
            sorted(each.operation for each in calls if each.operation in WRITES and each.status == 200)
        )

    def _sent(self, template: Template, arn: str | None) -> Json:
        sent = as_strings(template.properties, itertools.cycle(self.way.turns))
        return {**sent, "ModelPackageArn": arn} if arn else sent
