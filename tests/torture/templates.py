"""Hypothesis strategies for valid templates: what the schema allows, and SageMaker's rules across properties.

`templates` draws one, `changes` another one for the same package; `fitted` makes properties keep those rules,
and `complete` has every member there can be.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session
from hypothesis import strategies as st

from sandbox.shared.java_patterns import matches
from sandbox.shared.settings import ACCOUNT, REGION, schema, top_level

from .paths import ANY, Path, key_pattern, kind_of, paths_below, rule_at
from .world import GROUPS, Json

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
MAX_SPECIFICATIONS = 15
MAX_METADATA = 50
MAX_TAGS = 50
MAX_VARIABLES = 100


@cache
def drawable() -> tuple[Path, ...]:
    """Every path of the schema that can be in a template that SageMaker accepts."""
    # "AdditionalS3DataSource is not allowed in InferenceSpecification"
    refused = (SPECIFICATION, "Containers", ANY, "AdditionalS3DataSource")
    return tuple(
        path for path in paths_below() if path[0] not in READ_ONLY and path[: len(refused)] != refused
    )


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
MAX_CHARACTERS_WITHOUT_LIMIT = 300
"""Of a string for which the schema has no limit."""
# A template has one string of this length or more, at most.
_LARGE_CHARACTERS = 3000
_UNLIMITED = 1_000_000


@dataclass(frozen=True)
class _Form:
    """How text of a pattern is made: a head, then filler and, after any filler, an end."""

    filler: str
    heads: tuple[str, ...] = ("",)
    end: str = ""
    min_filler: int = 0
    max_filler: int = _UNLIMITED

    def filler_lengths(self, rule: Json, head: str) -> tuple[int, int]:
        """The characters of filler that a rule allows behind a head, at the least and at the most."""
        rest = len(head) + len(self.end)
        return (
            max(self.min_filler, rule.get("minLength", 0) - rest),
            min(self.max_filler, rule.get("maxLength", MAX_CHARACTERS_WITHOUT_LIMIT) - rest),
        )

    def text(self, head: str, characters: str, length: int) -> str:
        """A head, filler of these characters, and the end."""
        return head + (characters * length)[:length] + self.end if length else head


_ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
_NAME_FORM = _Form("[a-zA-Z0-9-]", ("a", "Z", "0"), "z")
# The patterns of the schema that are more than one class of characters.
_FORMS = {
    r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$": _NAME_FORM,
    r"^[a-zA-Z0-9](-*[a-zA-Z0-9])*$": _NAME_FORM,
    r"^[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*$": _Form("[a-zA-Z0-9]", ("a", "0-z-0")),
    r"^(arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:[a-z\-]*\/)?([a-zA-Z0-9]([a-zA-Z0-9-]){0,62})(?<!-)"
    r"$": _Form("[a-zA-Z0-9-]", ("a", f"{_ARN}:algorithm/0", f"{_ARN}:{'x' * 65}/Z"), "z", max_filler=61),
    r"^[Ss][Hh][Aa]256:[0-9a-fA-F]{64}$": _Form("[0-9a-fA-F]", ("sha256:", "SHA256:"), "", 64, 64),
    r"^(https|s3)://([^/]+)/?(.*)$": _Form(".", ("s3://b", "https://é/", "s3://bucket/key")),
    r"^[a-zA-Z_][a-zA-Z0-9_]{0,1023}$": _Form("[a-zA-Z0-9_]", ("a", "Z", "_"), max_filler=1023),
    r"^[0-9]\.[A-Za-z0-9.-]+$": _Form("[A-Za-z0-9.-]", ("1.", "9."), min_filler=1),
    r"^\d{1,4}.\d{1,4}.\d{1,4}$": _Form(r"\d", ("1.0.", "1234.5678.", "1é2\U0001f600"), "", 1, 4),
    r"^[-\w]+\/.+$": _Form(".", ("text/", "-_0/"), min_filler=1),
    r"^arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$": _Form(
        r"[a-zA-Z_0-9+=,.@\-_/]",
        (f"arn:aws:iam::{ACCOUNT}:role/", f"arn:aws-cn:iam::{ACCOUNT}:role"),
        min_filler=1,
    ),
    # SourceUri: from a model or a package SageMaker copies the specification.
    r"^[\p{L}\p{M}\p{Z}\p{N}\p{P}]{0,1024}$": _Form(
        r"[\p{L}\p{M}\p{Z}\p{N}\p{P}]", ("", f"{_ARN}:model/a", f"{_ARN}:model-package/a")
    ),
}
# The schema allows any instance type of this form, the API those it lists.
_INSTANCE_TYPE = r"^ml\.[a-z0-9-]+\.[a-z0-9-]+$"


@cache
def _instance_types() -> st.SearchStrategy[str]:
    model: Any = botocore.session.Session().get_service_model("sagemaker")
    listed = [set(model.shape_for(f"{use}InstanceType").enum) for use in ("Transform", "ProductionVariant")]
    return st.sampled_from(sorted(set.intersection(*listed)))


@cache
def _form(pattern: str) -> _Form:
    if pattern in _FORMS:
        return _FORMS[pattern]
    match = _CLASS.fullmatch(pattern)
    assert match, f"_FORMS in tests/torture/templates.py does not say how text of {pattern} is made"
    filler, one, least, most = match.groups()
    return _Form(filler, min_filler=1 if one else int(least or 0), max_filler=int(most or _UNLIMITED))


def _form_of(rule: Json) -> _Form:
    return _form(rule.get("pattern", r"^[\S\s]*$"))


@cache
def _allowed(filler: str) -> str:
    # In the patterns' own dialect a dot matches no end of a line.
    excluded = _LINE_ENDS if filler == "." else ""
    return "".join(each for each in _CHARACTERS if matches(filler, each) and each not in excluded)


@cache
def _units(filler: str) -> st.SearchStrategy[str]:
    """Some characters of a class, in some order, to be repeated."""
    allowed = _allowed(filler)
    strides = [(start, step) for step in (1, 7, 11) for start in range(len(allowed))]
    return st.sampled_from([(allowed * 12)[start::step][:9] for start, step in strides])


# --- drawing ----------------------------------------------------------------------------------------

MAX_VALUES = 150
"""Values in a template from which on it gets only those it needs; where there is less time, fewer do."""
# What comes first is what a failure is shrunk to.
_LENGTHS = st.sampled_from((0, *range(1, 25), *[_UNLIMITED] * 6, *[0] * 6))
_COUNTS = st.sampled_from((0, 1, 1, 2, _UNLIMITED))
_SHARES = st.sampled_from((0, 1, 1, 4))
_QUARTERS = st.integers(0, 3)


class Drawing:
    """One template while it is drawn: values for rules, sparse ones once there are `max_values`.

    What leads to the path in focus is never left out.
    """

    def __init__(self, draw: st.DrawFn, max_values: int = MAX_VALUES, focus: Path = ()) -> None:
        self.draw = draw
        self._room = max_values
        self._focus = focus
        self._may_be_large = True

    def chance(self, quarters: int) -> bool:
        """Decide with a chance of so many quarters."""
        return self.draw(_QUARTERS) >= 4 - quarters

    def value(self, path: Path) -> Any:
        """A value for a path."""
        rule = rule_at(path)
        self._room -= 1
        if "enum" in rule:
            return self.draw(st.sampled_from(rule["enum"]))
        if rule["type"] == "boolean":
            return self.draw(st.booleans())
        if rule["type"] == "integer":
            least, most = rule["minimum"], rule.get("maximum", 2**31 - 1)
            return self.draw(
                st.sampled_from([n for n in (least, least + 1, 100, most) if least <= n <= most])
            )
        make = {"string": self._text, "object": self._object, "array": self._list, "map": self._map}
        return make[kind_of(rule)](rule, path)

    def text(self, rule: Json) -> str:
        """Text of a rule's pattern: as short as it may be, as long as it may be, or in between."""
        if rule.get("pattern") == _INSTANCE_TYPE:
            return str(self.draw(_instance_types()))
        form = _form_of(rule)
        head = self.draw(st.sampled_from(form.heads)) if len(form.heads) > 1 else form.heads[0]
        least, most = form.filler_lengths(rule, head)
        length: int = min(most, least + self.draw(_LENGTHS))
        if length >= _LARGE_CHARACTERS:
            length, self._may_be_large = length if self._may_be_large else least, False
        return form.text(head, self.draw(_units(form.filler)) if length else "", length)

    def changed(self, path: Path, value: Any) -> Any:
        """The value with one thing in it added, left out or drawn anew."""
        rule = rule_at(path)
        if kind_of(rule) == "map":
            return self._changed_map(rule, path, value)
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

    def _changed_map(self, rule: Json, path: Path, value: Json) -> Json:
        key = self.draw(st.sampled_from([*value, ""]))
        rest = {each: inner for each, inner in value.items() if each != key}
        added = self._map({**rule, "maxProperties": 1}, path)
        if key and self.draw(st.booleans()):
            added = {key: self.value((*path, ANY))}
        return dict(list({**rest, **added}.items())[-rule["maxProperties"] :])

    def _text(self, rule: Json, _: Path) -> str:
        return self.text(rule)

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
        path = (*path, ANY)
        count = self._count(0, rule["maxProperties"], path)
        drawn = {self.text({"pattern": key_pattern(rule)}): self.value(path) for _ in range(min(count, 2))}
        # The largest maps repeat what is small.
        small = [value for value in drawn.values() if len(value) < MAX_CHARACTERS_WITHOUT_LIMIT]
        while small and len(drawn) < count:
            drawn[f"k{len(drawn)}"] = small[0]
        return drawn

    def _list(self, rule: Json, path: Path) -> list[Any]:
        path = (*path, ANY)
        count = self._count(rule.get("minItems", 0), rule.get("maxItems", 20), path)
        drawn = [self.value(path) for _ in range(min(count, 2))]
        if len(json.dumps(drawn)) < MAX_CHARACTERS_WITHOUT_LIMIT:
            # Copies, because `fitted` makes unique later what has to be unique in them.
            drawn = [deepcopy(drawn[number % len(drawn)]) for number in range(count)]
        return drawn

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
_DRAWN = sorted(schema()["properties"].keys() - READ_ONLY - {NAME, GROUP})
# In how many quarters of all templates a property is, if not in one.
_QUARTERS_OF = {
    SPECIFICATION: 3,
    "ClientToken": 0,
    **dict.fromkeys((STATUS, APPROVAL, METADATA, TAGS, CARD, CYCLE, ENVIRONMENT), 2),
}


@st.composite
def templates(
    draw: st.DrawFn, *, versioned: bool, focus: Path | None = None, max_values: int = MAX_VALUES
) -> Template:
    """A template that SageMaker accepts, with something at a certain path if that is possible."""
    drawing = Drawing(draw, max_values, draw(st.sampled_from(drawable())) if focus is None else focus)
    drawn: Json = {}
    for name in _DRAWN:
        if drawing.leads_on((name,)) or drawing.chance(_QUARTERS_OF.get(name, 1)):
            drawn[name] = drawing.value((name,))
    if versioned:
        drawn[GROUP] = draw(st.sampled_from([*GROUPS, *map(group_arn, GROUPS)]))
    elif drawing.leads_on((NAME,)) or drawing.chance(3):
        drawn[NAME] = drawing.value((NAME,))
    tags = draw(stack_tags)
    if drawn.get(TAGS) and draw(st.booleans()):
        drawn[TAGS][0]["Key"] = next(iter(tags), "team")
    return fitted(drawn, tags)


@st.composite
def changes(draw: st.DrawFn, previous: Template, max_values: int = MAX_VALUES) -> Template:
    """Another template for the same package: a new one, or the previous one with up to three changes."""
    drawing = Drawing(draw, max_values)
    identity = {name: value for name, value in previous.properties.items() if name in (NAME, GROUP)}
    desired = deepcopy(previous.properties)
    how = draw(st.sampled_from((*["in place"] * 4, "anywhere", "anew")))
    if how == "anew":
        desired = draw(templates(versioned=previous.versioned, max_values=max_values)).properties
        desired = {**desired, **({} if drawing.chance(1) else identity)}
    else:
        names = _DRAWN if how == "anywhere" else IN_PLACE
        for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)):
            if name in desired and drawing.chance(1):
                del desired[name]
            elif name in desired and drawing.chance(3):
                desired[name] = drawing.changed((name,), desired[name])
            else:
                desired[name] = drawing.value((name,))
    if previous.versioned and drawing.chance(1):
        group = desired[GROUP]
        desired[GROUP] = group_arn(group) if group in GROUPS else group_name(group)
    return fitted(desired, draw(stack_tags) if drawing.chance(1) else previous.stack_tags)


def complete(path: Path, *, text: Callable[[Path], str | None] = lambda _: None) -> Any:
    """A value with all the members there can be; in a list, an item with only the required ones before it.

    `text` may choose the text for a path.
    """
    rule = rule_at(path)
    kind = kind_of(rule)
    if kind in ("object", "map"):
        names = (
            {name: name for name in rule["properties"]} if kind == "object" else {"KEY": ANY, "OTHER": ANY}
        )
        return {name: complete((*path, member), text=text) for name, member in names.items()}
    if kind == "array":
        item, required = complete((*path, ANY), text=text), rule_at((*path, ANY)).get("required", ())
        small = {name: item[name] for name in required} if isinstance(item, dict) else item
        return [small, item][-rule.get("maxItems", 2) :]
    if kind != "string":
        return True if kind == "boolean" else rule["minimum"]
    if "enum" in rule:
        return rule["enum"][0]
    if chosen := "ml.m5.large" if rule.get("pattern") == _INSTANCE_TYPE else text(path):
        return chosen
    form = _form_of(rule)
    least, most = form.filler_lengths(rule, form.heads[0])
    return form.text(form.heads[0], _allowed(form.filler), min(most, max(least, len("letters"))))


def group_arn(name: str) -> str:
    return f"{_ARN}:model-package-group/{name}"


def group_name(name_or_arn: str) -> str:
    return name_or_arn.rsplit("/", 1)[-1]


def as_strings(value: Any, turns: Iterator[bool]) -> Any:
    """The value as CloudFormation may send it: a number or boolean as a string if the next turn is true."""
    if isinstance(value, dict):
        return {name: as_strings(inner, turns) for name, inner in value.items()}
    if isinstance(value, list):
        return [as_strings(inner, turns) for inner in value]
    return json.dumps(value) if isinstance(value, bool | int) and next(turns) else value


def fitted(given: Json, tags: Mapping[str, str]) -> Template:
    """These properties in a stack with these tags, without what SageMaker's rules refuse."""
    properties = deepcopy(given)
    for container in _containers(properties, SPECIFICATION):
        container.pop("AdditionalS3DataSource", None)
    if GROUP in properties:
        _fit_version(properties, tags)
    else:
        _fit_unversioned(properties, tags)
    names: set[str] = set()
    for name in (ADDITIONAL, TO_ADD, DEFINITION):
        if len(names) == MAX_SPECIFICATIONS:
            properties.pop(name, None)
        elif isinstance(properties.get(name), list):
            del properties[name][MAX_SPECIFICATIONS - len(names) :]
        for specification in as_list(properties, name):
            specification["Name"] = _unused(specification["Name"], names, max_characters=63)
    return Template(properties, tags)


def _fit_version(properties: Json, tags: Mapping[str, str]) -> None:
    if properties.get(SOURCE, "").startswith(_ARN):
        # The local SageMaker names the image after the model, and an image has 255 characters at most.
        properties[SOURCE] = properties[SOURCE][:150]
    if properties.get(ENVIRONMENT):
        properties.setdefault(SPECIFICATION, {"Containers": [{}]})
    for container in _containers(properties, SPECIFICATION) if properties.get(ENVIRONMENT) else ():
        own = container.get(ENVIRONMENT, {})
        container[ENVIRONMENT] = dict(list(own.items())[: MAX_VARIABLES - len(properties[ENVIRONMENT])])
    if TAGS in properties:
        # No tags but those that only repeat the stack's.
        properties[TAGS] = tag_list(own_tags(tags))[: len(properties[TAGS])]


def _fit_unversioned(properties: Json, tags: Mapping[str, str]) -> None:
    if SPECIFICATION not in properties and ALGORITHM not in properties:
        properties[SPECIFICATION] = {"Containers": [{}]}
    if SPECIFICATION in properties:
        for name in INSTANCE_LISTS:
            properties[SPECIFICATION][name] = properties[SPECIFICATION].get(name) or ["ml.m5.large"]
    for container in _containers(properties, SPECIFICATION, ADDITIONAL, TO_ADD, DEFINITION):
        container.pop("ModelDataSource", None)
        if container.get(ENVIRONMENT):
            del container[ENVIRONMENT]
    for algorithm in properties.get(ALGORITHM, {}).get("SourceAlgorithms", ()):
        # The local SageMaker refuses it.
        algorithm.pop("ModelDataSource", None)
    properties.pop(SOURCE, None)
    if properties.get(ENVIRONMENT):
        del properties[ENVIRONMENT]
    if properties.get(APPROVAL):
        del properties[APPROVAL]  # SageMaker describes approvals of versions only
    keys: set[str] = set()
    del properties.get(TAGS, [])[MAX_TAGS - len(tags) :]
    for tag in properties.get(TAGS, ()):
        tag["Key"] = _unused(tag["Key"], keys, max_characters=128)


def _unused(name: str, used: set[str], *, max_characters: int) -> str:
    others = (f"{name[: max_characters - 2]}{number}" for number in itertools.count())
    unused = next(each for each in itertools.chain([name], others) if each not in used)
    used.add(unused)
    return unused


def as_list(properties: Mapping[str, Any], name: str) -> list[Json]:
    """A property's value if it is a list, or a list with it alone."""
    value = properties.get(name, [])
    return value if isinstance(value, list) else [value]


def _containers(properties: Mapping[str, Any], *names: str) -> Iterator[Json]:
    for specification in (each for name in names for each in as_list(properties, name)):
        yield from specification["Containers"]


def own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that are not AWS's own."""
    return {key: value for key, value in tags.items() if not key.startswith("aws:")}


def tag_list(tags: Mapping[str, str]) -> list[Json]:
    """Tags as SageMaker and templates have them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
