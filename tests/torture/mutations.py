"""The mutation matrix: every single mutation of every member of every property, generated from the schema.

A base is a rich template whose package is created once. A cell is an update to the base with one mutation, sent
in one of the three ways; `verdicts` says how it has to end. `Matrix` runs cells and describes those that end
otherwise.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any
from zlib import crc32

from sandbox.shared.java_patterns import matches
from sandbox.shared.settings import ACCOUNT, REGION, schema

from .paths import (
    ANY,
    Keys,
    Node,
    Path,
    kind_of,
    members,
    nodes,
    paths_below,
    put,
    remove,
    rule_at,
    text_of,
)
from .templates import (
    ADDITIONAL,
    ALGORITHM,
    APPROVAL,
    CARD,
    CARD_STATUS,
    CONTENT,
    CYCLE,
    DEFINITION,
    ENVIRONMENT,
    GROUP,
    METADATA,
    NAME,
    READ_ONLY,
    REGISTRATION,
    SOURCE,
    SPECIFICATION,
    STATUS,
    TAGS,
    TO_ADD,
    as_strings,
    complete,
    fitted,
    group_arn,
)
from .verdicts import (
    CERTIFY,
    IGNORED,
    SKIP,
    SPECIFICATIONS,
    TOKEN,
    WRITE_ONLY,
    Ending,
    Update,
    Way,
    differing,
    endings,
)
from .world import GROUPS, IMAGE, WRITES, Json, Run, World

STACK_TAGS = {"team": "Risk"}
SETTABLE = tuple(name for name in schema()["properties"] if name not in READ_ONLY)

# --- rich templates -----------------------------------------------------------------------------------

_ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/Models"
_TEXTS: dict[str, str] = {
    NAME: "churn-model",
    GROUP: GROUPS[0],
    SOURCE: "s3://models/churn.tar.gz",
    CONTENT: '{"model_overview": {"model_name": "churn"}, "intended_uses": {}}',
    "DataInputConfig": '{"input": [1, 3, 224, 224]}',
    "ValidationRole": f"arn:aws:iam::{ACCOUNT}:role/Validation",
    "KmsKeyId": _KEY,
    "VolumeKmsKeyId": _KEY,
    "AlgorithmName": f"{_ARN}:algorithm/Churn",
    "HubContentArn": f"{_ARN}:hub-content/Hub/Model/Churn/1.0.0",
}
_JSON_TEXTS = frozenset({CONTENT, "DataInputConfig"})


def _allowed(rule: Json, text: str) -> bool:
    return rule.get("minLength", 0) <= len(text) <= rule.get("maxLength", len(text)) and matches(
        rule.get("pattern", ""), text
    )


def _text(path: Path) -> str | None:
    """Text for a path: its own, or one that is made of its name."""
    last = next(each for each in reversed(path) if each != ANY)
    short = last.lower()[:20]
    candidates = (_TEXTS.get(last), f"s3://models/{short}", f"text/{short}", short)
    return next((each for each in candidates if each and _allowed(rule_at(path), each)), None)


def another(path: Path, value: Any) -> Any:
    """Another valid value for a path, None if there is none."""
    rule = rule_at(path)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if "enum" in rule:
        others = [each for each in rule["enum"] if each != value]
        return others[0] if others else None
    if path[-1] in _JSON_TEXTS:
        return json.dumps(json.loads(value) | {"input_2": [1]})
    if path == (GROUP,):
        return GROUPS[1]
    if value == "ml.m5.large":
        return "ml.m5.xlarge"
    texts = (f"{value}{end}" for end in ("-2", "2", "/2")), (f"{value[:-1]}{end}" for end in "0123456789")
    return next(each for each in itertools.chain(*texts) if each != value and _allowed(rule, each))


def _distinct(path: Path, value: Any) -> Any:
    """The value without two equal items in a list, or two with an equal name."""
    named = dict(members(rule_at(path)))
    if isinstance(value, dict):
        return {key: _distinct((*path, key if key in named else ANY), each) for key, each in value.items()}
    if not isinstance(value, list):
        return value
    inner = (*path, ANY)
    items = [_distinct(inner, each) for each in value]
    return [*items[:1], *(_renamed(inner, each, items[0]) for each in items[1:])]


def _renamed(path: Path, item: Any, other: Any) -> Any:
    if not isinstance(item, dict):
        return another(path, item) if item == other else item
    for name in ("Name", "ChannelName", "Key"):
        if name in item and item[name] == other.get(name):
            return {**item, name: another((*path, name), item[name])}
    return item


def rich(*without: str) -> Json:
    """A template with every member of every property, except some."""
    return {
        name: _distinct((name,), complete((name,), text=_text)) for name in SETTABLE if name not in without
    }


def _rich_version() -> Json:
    template = rich(NAME, TOKEN)
    for container in template[SPECIFICATION]["Containers"]:
        container.pop("AdditionalS3DataSource", None)  # SageMaker refuses it there
    _name_specifications(template)
    template[ENVIRONMENT] = {"DEFAULT": "1", "LEVEL": "info"}
    return {**template, TAGS: [{"Key": key, "Value": value} for key, value in STACK_TAGS.items()]}


def _rich_unversioned() -> Json:
    template = fitted(rich(GROUP, TOKEN, APPROVAL, SOURCE, ENVIRONMENT), STACK_TAGS).properties
    _name_specifications(template)
    return template


def _name_specifications(template: Json) -> None:
    """Give each additional specification a name of its own."""
    names = iter(("First", "Second", "Third", "Fourth", "Fifth"))
    for property_name in SPECIFICATIONS:
        given = template[property_name]
        for each in given if isinstance(given, list) else [given]:
            each["Name"] = next(names)


_PLAIN = {GROUP: GROUPS[0], SPECIFICATION: {"Containers": [{"Image": IMAGE}]}}
BASES: dict[str, Callable[[], Json]] = {
    "version": _rich_version,
    "unversioned": _rich_unversioned,
    "plain": lambda: dict(_PLAIN),
    "algorithm": lambda: {GROUP: GROUPS[0], ALGORITHM: rich()[ALGORITHM]},
    "source": lambda: {GROUP: GROUPS[0], SOURCE: f"{_ARN}:model/Churn"},
    "archived": lambda: {**_PLAIN, CARD: {CONTENT: _TEXTS[CONTENT], CARD_STATUS: "Archived"}},
    "token": lambda: {**_PLAIN, TOKEN: "token-1"},
}
# The properties that are mutated of the small ones; of the others it is all.
_ONLY = {
    "algorithm": (ALGORITHM, SPECIFICATION),
    "source": (SOURCE, SPECIFICATION),
    "archived": (CARD,),
    "token": (TOKEN,),
}
MATRIX = [(base, name) for base in BASES for name in _ONLY.get(base, SETTABLE)]


@cache
def template_of(base: str) -> Json:
    return BASES[base]()


# --- mutations ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mutation:
    """A template with one mutation."""

    kind: str
    path: Path
    place: str
    desired: Json
    previous: Json | None = None
    """The template of the package, if it is not the base."""


def mutations(base: Json, name: str) -> Iterator[Mutation]:
    """Every mutation of one property of a template or a model, at one place for each path of the schema."""
    if name not in base:
        yield from _absent(base, (name,), (name,))
        return
    property_nodes = [node for node in nodes({name: base[name]})]
    for node in {each.path: each for each in property_nodes}.values():
        if _valid_without(node):
            yield Mutation("remove", node.path, node.name, remove(base, node.keys))
        for kind, value in _variants(node):
            yield Mutation(kind, node.path, node.name, put(base, node.keys, value))
        if node.kind == "object":
            for member in rule_at(node.path)["properties"].keys() - node.value.keys():
                yield from _absent(base, (*node.path, member), (*node.keys, member))
    yield from _across(base, name)


def _valid_without(node: Node) -> bool:
    # What SageMaker owns is ignored; in which form it is refused is not of interest.
    return node.path[0] not in IGNORED or len(node.path) == 1


def _variants(node: Node) -> Iterator[tuple[str, Any]]:
    """The values that may come in place of a value, each with the kind of its mutation."""
    value, rule, path = node.value, node.rule, node.path
    if isinstance(value, list):
        item = value[-1]
        if len(value) > 1:
            yield "swap", value[::-1]
        if len(value) < rule.get("maxItems", len(value) + 1):
            yield "add", [*value, _new_item((*path, ANY), item)]
        if value and not rule.get("minItems"):
            yield "empty", []
        return
    if isinstance(value, dict):
        if len(value) > 1:
            yield "swap", dict(reversed(value.items()))
        if node.kind == "map":
            yield "add", {**value, "NEW": "new"}
        if value and not rule.get("required"):
            yield "empty", {}
        return
    changed = another(path, value)
    if changed is not None:
        yield "change", changed
    if isinstance(value, str) and value and _allowed(rule, "") and "enum" not in rule:
        yield "empty", ""
    yield from (("same", each) for each in _same_texts(path, value))


def _new_item(path: Path, item: Any) -> Any:
    if isinstance(item, dict):
        name = next((each for each in ("Name", "ChannelName", "Key") if each in item), None)
        return {**item, name: f"{item[name]}-new"} if name else deepcopy(item)
    return "ml.c5.large" if item.startswith("ml.") else another(path, another(path, item))


def _same_texts(path: Path, value: Any) -> Iterator[str]:
    """Other texts that mean the same."""
    if path[-1] in _JSON_TEXTS:
        yield json.dumps(json.loads(value), indent=1, sort_keys=True).replace("\n", " ")
    elif path == (GROUP,):
        yield group_arn(value)
    elif path == (NAME,):
        yield value.upper()
    elif isinstance(value, str) and value.startswith("arn:") and value != value.lower():
        yield value.lower()


def _absent(base: Json, path: Path, keys: Keys) -> Iterator[Mutation]:
    """Add what a template does not have, with all there can be in it, and with each path in it by itself."""
    if path[0] in IGNORED:
        yield Mutation("add", path, text_of(keys), put(base, keys, complete(path, text=_text)))
        return
    for inner in (path, *paths_below(path)):
        yield Mutation(
            "add", inner, f"{text_of(keys)}: {'.'.join(inner)}", put(base, keys, _leading(path, inner))
        )
    if path in _EMPTY_OR_DEFAULT:
        yield Mutation("same", path, text_of(keys), put(base, keys, _EMPTY_OR_DEFAULT[path]))


# What is the same as to be absent.
_EMPTY_OR_DEFAULT: dict[Path, Any] = {
    **{(name,): {} for name in (METADATA, ENVIRONMENT)},
    **{(APPROVAL,): "", (TAGS,): [], (CERTIFY,): False, (SKIP,): "None"},
}


def _leading(path: Path, target: Path) -> Any:
    """A value with what is required, and what leads to a path."""
    rule = rule_at(path)
    kind = kind_of(rule)
    if path == target or kind not in ("object", "array", "map"):
        return _distinct(path, complete(path, text=_text))
    if kind == "map":
        return {"KEY": _leading((*path, ANY), target)}
    if kind == "array":
        return [_leading((*path, ANY), target)]
    return {
        name: _leading((*path, name), target)
        for name in rule["properties"]
        if name in rule.get("required", ()) or target[: len(path) + 1] == (*path, name)
    }


def _across(base: Json, name: str) -> Iterator[Mutation]:
    """The entries of one property of specifications in another one."""
    if name == ADDITIONAL and {TO_ADD, DEFINITION} <= base.keys():
        moved = {**base, ADDITIONAL: base[ADDITIONAL][:1], TO_ADD: [*base[TO_ADD], *base[ADDITIONAL][1:]]}
        yield Mutation("same", (name,), f"{name} moved to {TO_ADD}", moved)
        every = {**base, ADDITIONAL: [*base[ADDITIONAL], *base[TO_ADD], base[DEFINITION]]}
        yield Mutation("same", (name,), f"{TO_ADD} in {name} as well", every)
        alone = {key: value for key, value in every.items() if key not in (TO_ADD, DEFINITION)}
        yield Mutation("same", (name,), f"{TO_ADD} moved to {name}", alone)


def additions(base: Json, name: str) -> Iterator[Mutation]:
    """For every member that can be absent: the package is created without it, and the update adds it."""
    if name not in base or name in IGNORED | {NAME, GROUP}:
        return
    property_nodes = {node.path: node for node in nodes({name: base[name]})}
    for node in property_nodes.values():
        parent = rule_at(node.path[:-1])
        if kind_of(parent) == "object" if len(node.path) > 1 else True:
            if node.path[-1] in parent.get("required", ()):
                continue
            yield Mutation("add", node.path, node.name, base, remove(base, node.keys))


def mutated_paths() -> set[Path]:
    """The paths of the schema that the matrix mutates."""
    return {each.path for base, name in MATRIX for each in mutations(template_of(base), name)}


# --- what other clients change meanwhile --------------------------------------------------------------

_OUTSIDE: dict[str, Json] = {
    STATUS: {STATUS: "Rejected"},
    APPROVAL: {STATUS: "Approved", APPROVAL: "by a pipeline"},
    METADATA: {METADATA: {"OTHER": "by a pipeline"}},
    CYCLE: {CYCLE: {"Stage": "Production", "StageStatus": "Approved"}},
    CARD: {CARD: {CONTENT: '{"by": "a pipeline"}'}},
    REGISTRATION: {REGISTRATION: "Registered"},
}
# Only whether a value is there: whose a member is that is no longer as the template had it nobody can say.
_OUTSIDE_KINDS = {CYCLE: ("remove",)}


def _change_outside(world: World, arn: str, name: str, template: Json) -> None:
    if name == TAGS:
        tags = [{"Key": template[TAGS][-1]["Key"], "Value": "by hand"}]
        world.call("AddTags", ResourceArn=arn, Tags=tags)
    else:
        world.call("UpdateModelPackage", ModelPackageArn=arn, **deepcopy(_OUTSIDE[name]))


# --- cells --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """An update to a package with one mutation, sent in one way."""

    name: str
    path: Path
    template: Json
    """The one that the package is created with."""
    way: Way
    previous: Json
    desired: Json
    outside: str = ""
    """The property that another client changes meanwhile."""
    replaceable: bool = False


@dataclass
class _Made:
    """A package, and all that SageMaker has stored then."""

    arn: str
    model: Json
    """What read returns."""
    stored: Any


class Matrix:
    """Cells in a world, whose counts go into `counts`."""

    def __init__(self, world: World, counts: Json) -> None:
        self._world = world
        self._counts = counts
        self._made: dict[str, _Made] = {}

    def cells(self, base: str, name: str) -> Iterator[Cell]:
        """Every cell of one property of a base."""
        template = template_of(base)
        made = self._package(template)
        for way in Way:
            known = _settable(made.model) if way is Way.CLOUD_CONTROL else template
            if name in WRITE_ONLY and name in template:
                known = {**known, name: template[name]}
            for each in mutations(known, name):
                yield from self._cells_of(f"{base} {way.value}", each, template, way, made.model)
                if name in template and (name in _OUTSIDE or (name == TAGS and base == "unversioned")):
                    if way is not Way.CLOUD_CONTROL and each.kind in ("remove", "change"):
                        if len(each.path) == 1 or name in (METADATA, TAGS):
                            yield Cell(
                                f"{base} {way.value} {each.kind} {each.place}, changed outside",
                                *(each.path, template, way),
                                template if way is Way.STACK else made.model,
                                *(each.desired, name),
                            )
        for addition in additions(template, name):
            without = addition.previous or {}
            try:
                smaller = self._package(without)
            except AssertionError:
                self._counts["templates refused"] += 1
                continue
            model = _settable(smaller.model)
            source = template if name in WRITE_ONLY else made.model
            cloud = {**model, name: source[name]}
            for way, previous, desired in (
                (Way.STACK, without, template),
                (Way.CONTRACT, smaller.model, template),
                (Way.CLOUD_CONTROL, smaller.model, cloud),
            ):
                cell_name = f"{base} {way.value} add {addition.place}, absent before"
                yield Cell(cell_name, addition.path, without, way, previous, desired)

    def _cells_of(
        self, prefix: str, mutation: Mutation, template: Json, way: Way, model: Json
    ) -> Iterator[Cell]:
        for replaceable in (False, True) if mutation.path[0] in (ENVIRONMENT, SOURCE) else (False,):
            yield Cell(
                f"{prefix} {mutation.kind} {mutation.place}" + ", replaceable" * replaceable,
                *(mutation.path, template, way),
                template if way is Way.STACK else model,
                mutation.desired,
                replaceable=replaceable,
            )

    def unchanged(self, base: str) -> Iterator[Cell]:
        """Updates that change nothing, but for the order of members."""
        template = template_of(base)
        model = self._package(template).model
        for way, previous, desired in (
            (Way.STACK, template, template),
            (Way.CLOUD_CONTROL, model, _settable(model)),
            (Way.CONTRACT, model, template),
        ):
            yield Cell(f"{base} {way.value} same", (), template, way, previous, desired)
            yield Cell(f"{base} {way.value} swap", (), template, way, previous, _turned(desired))

    def problem(self, cell: Cell) -> str | None:
        """Run a cell; return what is wrong with its ending, if anything."""
        made = self._package(cell.template)
        world = self._world
        world.reset(describes_until_completed=0, inference_specification_replaceable=cell.replaceable)
        world.sagemaker.service._registries = deepcopy(made.stored)
        if cell.outside:
            _change_outside(world, made.arn, cell.outside, cell.template)
        (before,) = deepcopy(world.packages)
        world.proxy.clear()
        self._counts["cells"] += 1
        right = endings(Update(cell.way, cell.previous, cell.desired, before, STACK_TAGS, cell.replaceable))
        try:
            run = world.run(_event(world, made.arn, cell))
        except AssertionError as broken:
            return f"broken answer: {str(broken)[:200]}"
        (after,) = world.packages
        problems = [self._problem(run, ending, before, after) for ending in right]
        if None in problems:
            self._counts[_count(run, before, after)] += 1
            return None
        self._counts["wrong"] += 1
        seen = f"{run.code or 'SUCCESS'} {run.message[:160]!r}"
        changed = differing(before, after)
        if changed:
            seen += f" (written: {', '.join(changed)})"
        return f"{seen}; right: {' or '.join(map(str, right))} [{problems[0]}]"

    def _problem(self, run: Run, ending: Ending, before: Json, after: Json) -> str | None:
        if run.code != ending.code:
            return "another code"
        lacking = [name for name in sorted(ending.names) if name not in run.message]
        if lacking:
            return f"the message does not name {', '.join(lacking)}"
        different = differing(ending.package, after)
        if different:
            return f"not as it has to be: {', '.join(different)}"
        calls = [each for each in self._world.proxy.calls if each.operation in WRITES]
        if not ending.tried and any(each.status != 200 for each in calls):
            return "the service refused a call"
        written = [each.operation for each in calls if each.status == 200]
        if written and not differing(before, after):
            return f"calls that change nothing: {', '.join(written)}"
        if len(set(written)) < len(written):
            return f"more calls than needed: {', '.join(written)}"
        return None

    def _package(self, template: Json) -> _Made:
        """Create the package of a template, once."""
        key = json.dumps(template)
        if key not in self._made:
            world = self._world
            world.reset(describes_until_completed=0)
            run = world.create(as_strings(template, itertools.repeat(True)), stack_tags=STACK_TAGS)
            assert run.status == "SUCCESS", run.message
            model = world.read(str(run.arn)).model
            self._made[key] = _Made(str(run.arn), model, deepcopy(world.sagemaker.service._registries))
        return self._made[key]


def _settable(model: Json) -> Json:
    return {name: value for name, value in model.items() if name not in READ_ONLY}


def _turned(value: Any) -> Any:
    """The value with the members of all objects in the opposite order."""
    if isinstance(value, dict):
        return {name: _turned(each) for name, each in reversed(value.items())}
    return [_turned(each) for each in value] if isinstance(value, list) else value


def _event(world: World, arn: str, cell: Cell) -> Json:
    tags = {"stack_tags": STACK_TAGS, "previous_stack_tags": STACK_TAGS}
    if cell.way is not Way.CLOUD_CONTROL:
        desired, previous = cell.desired, cell.previous
        if cell.way is Way.STACK:
            desired, previous = (as_strings(each, itertools.repeat(True)) for each in (desired, previous))
        return world.update_event(arn, desired, previous, **tags)
    event = world.update_event(arn, cell.desired, cell.previous)
    nothing = dict.fromkeys(("logicalResourceId", "stackTags", "previousStackTags", "systemTags"))
    return {**event, "stackId": None, "requestData": {**event["requestData"], **nothing}}


def _count(run: Run, before: Json, after: Json) -> str:
    if run.code:
        return run.code
    if differing(before, after):
        return "in place"
    return "stays" if run.message else "nothing to do"


def quick(cells: Iterator[Cell]) -> list[Cell]:
    """One cell of each way and kind."""
    chosen: dict[tuple[str, ...], Cell] = {}
    for cell in sorted(cells, key=lambda each: crc32(each.name.encode())):
        base, way, kind, *_ = cell.name.split(" ")
        chosen.setdefault((base, way, kind), cell)
    return list(chosen.values())
