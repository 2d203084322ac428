"""The mutation matrix: every mutation of every member of every property, generated from the schema.

A base is a rich template whose package is created once. A cell is an update to the base with one mutation,
sent in one of the three ways; `verdicts` says how it has to end. `Matrix` runs cells and describes those that
end otherwise.
"""

from __future__ import annotations

import itertools
import json
import pickle
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from .paths import (
    ANY,
    Keys,
    Node,
    Path,
    nodes,
    paths_below,
    put,
    remove,
    rule_at,
    text_of,
)
from .rich import (
    MATRIX,
    STACK_TAGS,
    allowed,
    another,
    leading_to,
    same_texts,
    similar_texts,
    template_of,
    text_for,
)
from .templates import (
    ADDITIONAL,
    APPROVAL,
    CARD,
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
    STATUS,
    TAGS,
    TO_ADD,
    as_strings,
    complete,
)
from .verdicts import (
    CERTIFY,
    IGNORED,
    SKIP,
    WRITE_ONLY,
    Ending,
    Update,
    Way,
    differing,
    endings,
)
from .world import WRITES, Json, Run, World

MAX_KEPT = 20
"""Packages that are kept to be restored."""

# --- mutations ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mutation:
    """A template with one mutation."""

    kind: str
    path: Path
    place: str
    desired: Json


def mutations(base: Json, name: str) -> Iterator[Mutation]:
    """Every mutation of one property of a template or a model, at one place for each path of the schema."""
    if name not in base:
        yield from _absent(base, (name,), (name,))
        return
    for node in {each.path: each for each in nodes({name: base[name]})}.values():
        if _valid_without(node):
            yield Mutation("remove", node.path, node.name, remove(base, node.keys))
        for kind, value in _variants(node):
            yield Mutation(kind, node.path, node.name, put(base, node.keys, value))
        if node.kind == "object":
            for member in sorted(rule_at(node.path)["properties"].keys() - node.value.keys()):
                yield from _absent(base, (*node.path, member), (*node.keys, member))
    yield from _across(base, name)


def _valid_without(node: Node) -> bool:
    # What SageMaker owns is ignored; in which form it is refused is not of interest.
    return node.path[0] not in IGNORED or len(node.path) == 1


def _variants(node: Node) -> Iterator[tuple[str, Any]]:
    """The values that may come in place of a value, each with the kind of its mutation."""
    value, rule, path = node.value, node.rule, node.path
    if isinstance(value, list):
        if len(value) > 1:
            yield "swap", value[::-1]
        if len(value) < rule.get("maxItems", len(value) + 1):
            yield "add", [*value, _new_item((*path, ANY), value)]
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
    if isinstance(value, str) and _has_a_case(path, rule, value):
        yield "case", value.swapcase()
    if isinstance(value, str) and value and allowed(rule, "") and "enum" not in rule:
        yield "empty", ""
    yield from (("same", each) for each in same_texts(path, value))
    yield from (("similar", each) for each in similar_texts(path, value) if allowed(rule, each))


def _has_a_case(path: Path, rule: Json, value: str) -> bool:
    """Whether a text in another case is another value, and an allowed one."""
    other = value.swapcase()
    if value == other or "enum" in rule or path in ((NAME,), (GROUP,)) or value.startswith("arn:"):
        return False
    try:
        return allowed(rule, other) and (
            path[-1] not in (CONTENT, "DataInputConfig") or bool(json.loads(other))
        )
    except ValueError:
        return False


def _new_item(path: Path, items: list[Any]) -> Any:
    if not items:
        return leading_to(path, path)
    item = items[-1]
    if isinstance(item, dict):
        name = next((each for each in ("Name", "ChannelName", "Key") if each in item), None)
        return {**item, name: f"{item[name]}-new"} if name else deepcopy(item)
    return "ml.c5.large" if item.startswith("ml.") else another(path, another(path, item))


def _absent(base: Json, path: Path, keys: Keys) -> Iterator[Mutation]:
    """Add what a template does not have, with all there can be in it, and with each path in it by itself."""
    if path[0] in IGNORED:
        yield Mutation("add", path, text_of(keys), put(base, keys, complete(path, text=text_for)))
        return
    for inner in (path, *paths_below(path)):
        yield Mutation(
            "add", inner, f"{text_of(keys)}: {'.'.join(inner)}", put(base, keys, leading_to(path, inner))
        )
    if path == (CYCLE, "StageDescription"):
        yield Mutation("empty", path, text_of(keys), put(base, keys, ""))
    if path in _EMPTY_OR_DEFAULT:
        yield Mutation("same", path, text_of(keys), put(base, keys, _EMPTY_OR_DEFAULT[path]))


# What is the same as to be absent.
_EMPTY_OR_DEFAULT: dict[Path, Any] = {
    (METADATA,): {},
    (ENVIRONMENT,): {},
    (APPROVAL,): "",
    (TAGS,): [],
    (CERTIFY,): False,
    (SKIP,): "None",
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


def absences(base: Json, name: str) -> Iterator[tuple[str, Json]]:
    """The template without each member that can be absent, which an update then adds."""
    if name not in base or name in IGNORED | {NAME, GROUP}:
        return
    for node in {each.path: each for each in nodes({name: base[name]})}.values():
        parent = rule_at(node.path[:-1])
        if "properties" in parent and node.path[-1] not in parent.get("required", ()):
            yield node.name, remove(base, node.keys)


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


def _changeable_outside(base: str) -> tuple[str, ...]:
    if base not in ("version", "unversioned"):
        return ()
    names = (*_OUTSIDE, *([TAGS] if base == "unversioned" else []))
    return tuple(name for name in names if name in template_of(base))


def _may_change_outside(base: str, mutation: Mutation) -> bool:
    """Whether a mutation says something about a value that another client has changed."""
    name, *below = mutation.path
    decides = name in (METADATA, TAGS) or not below
    return decides and mutation.kind in ("remove", "change") and name in _changeable_outside(base)


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
    template: Json
    """The one that the package is created with."""
    way: Way
    desired: Json
    patch: bool = False
    """Whether the desired state is what read returned, with only these properties in place of its own."""
    outside: str = ""
    """The property that another client changes meanwhile."""
    replaceable: bool = False


@dataclass
class _Made:
    """A package, and all that SageMaker has stored then."""

    arn: str
    model: Json
    """What read returns."""
    stored: bytes


class Matrix:
    """Cells in a world, whose counts go into `counts`."""

    def __init__(self, world: World, counts: Json) -> None:
        self._world = world
        self._counts = counts
        self._made: dict[str, _Made] = {}

    def cells(self, base: str, name: str) -> Iterator[Cell]:
        """Every cell of one property of a base."""
        template = template_of(base)
        model = self._package(template).model
        for way in Way:
            known = _settable(model) if way is Way.CLOUD_CONTROL else template
            if name in WRITE_ONLY and name in template:
                known = {**known, name: template[name]}
            for each in mutations(known, name):
                prefix = f"{base} {way.value} {each.kind} {each.place}"
                yield Cell(prefix, template, way, each.desired)
                if name in (ENVIRONMENT, SOURCE):
                    yield Cell(f"{prefix}, replaceable", template, way, each.desired, replaceable=True)
                if way is not Way.CLOUD_CONTROL and _may_change_outside(base, each):
                    yield Cell(f"{prefix}, changed outside", template, way, each.desired, outside=name)
        source = template if name in WRITE_ONLY else model
        for place, without in absences(template, name):
            prefix = f"add {place}, absent before"
            for way in Way:
                patch = way is Way.CLOUD_CONTROL
                desired = {name: source[name]} if patch else template
                yield Cell(f"{base} {way.value} {prefix}", without, way, desired, patch)

    def unchanged(self, base: str) -> Iterator[Cell]:
        """Updates that change nothing, whatever the order of members and whatever other clients change."""
        template = template_of(base)
        for way in Way:
            desired = _settable(self._package(template).model) if way is Way.CLOUD_CONTROL else template
            yield Cell(f"{base} {way.value} same", template, way, desired)
            yield Cell(f"{base} {way.value} swap", template, way, _turned(desired))
            for name in _changeable_outside(base) if way is not Way.CLOUD_CONTROL else ():
                yield Cell(
                    f"{base} {way.value} same, {name} changed outside", template, way, desired, outside=name
                )

    def problem(self, cell: Cell) -> str | None:
        """Run a cell; return what is wrong with its ending, if anything."""
        try:
            made = self._package(cell.template)
        except AssertionError:
            self._counts["templates refused"] += 1
            return None
        world = self._world
        world.reset(describes_until_completed=0, inference_specification_replaceable=cell.replaceable)
        world.sagemaker.service._registries = pickle.loads(made.stored)  # noqa: S301 - it was made here
        if cell.outside:
            _change_outside(world, made.arn, cell.outside, cell.template)
        (before,) = json.loads(json.dumps(world.packages))
        previous = cell.template if cell.way is Way.STACK else made.model
        desired = {**_settable(made.model), **cell.desired} if cell.patch else cell.desired
        tags = {} if cell.way is Way.CLOUD_CONTROL else STACK_TAGS
        right = endings(Update(cell.way, previous, desired, before, (tags, tags), cell.replaceable))
        self._counts["cells"] += 1
        world.proxy.clear()
        try:
            run = world.run(_event(world, made.arn, cell.way, desired, previous))
        except AssertionError as broken:
            self._counts["wrong"] += 1
            return f"broken answer: {str(broken)[:200]}"
        (after,) = world.packages
        problems = [self._problem(run, ending, before, after) for ending in right]
        if None in problems:
            self._counts[_count(run, before, after)] += 1
            return None
        self._counts["wrong"] += 1
        seen = f"{run.code or 'SUCCESS'} {run.message[:160]!r}"
        if changed := sorted(differing(before, after)):
            seen += f" (written: {', '.join(changed)})"
        return f"{seen}; right: {' or '.join(map(str, right))} [{problems[0]}]"

    def _problem(self, run: Run, ending: Ending, before: Json, after: Json) -> str | None:
        lacking = [name for name in sorted(ending.names) if name not in run.message]
        needed = ending.names or any(name in run.message for name in ending.may_name)
        different = differing(ending.package, after) - ending.free
        calls = [each for each in self._world.proxy.calls if each.operation in WRITES]
        written = [each.operation for each in calls if each.status == 200]
        problems = {
            "another code": run.code != ending.code,
            f"the message does not name {', '.join(lacking)}": lacking,
            "a message without need": not (run.code or needed) and run.message,
            f"not as it has to be: {', '.join(sorted(different))}": different,
            "the service refused a call": not ending.tried and len(calls) > len(written),
            "calls that change nothing": written and not differing(before, after),
            f"more calls than needed: {', '.join(written)}": len(set(written)) < len(written),
            "another model than read returns": written and run.model != self._read(str(run.arn)),
        }
        return next((text for text, holds in problems.items() if holds), None)

    def _read(self, arn: str) -> Json:
        return self._world.read(arn).model

    def _package(self, template: Json) -> _Made:
        """Create the package of a template, unless there is one."""
        key = json.dumps(template)
        if key not in self._made:
            if len(self._made) > MAX_KEPT:
                self._made.clear()
            world = self._world
            world.reset(describes_until_completed=0)
            run = world.create(as_strings(template, itertools.repeat(True)), stack_tags=STACK_TAGS)
            assert run.status == "SUCCESS", run.message
            arn = str(run.arn)
            self._made[key] = _Made(arn, self._read(arn), pickle.dumps(world.sagemaker.service._registries))
        return self._made[key]


def _settable(model: Json) -> Json:
    return {name: value for name, value in model.items() if name not in READ_ONLY}


def _turned(value: Any) -> Any:
    """The value with the members of all objects in the opposite order."""
    if isinstance(value, dict):
        return {name: _turned(each) for name, each in reversed(value.items())}
    return [_turned(each) for each in value] if isinstance(value, list) else value


def _event(world: World, arn: str, way: Way, desired: Json, previous: Json) -> Json:
    if way is Way.STACK:
        desired, previous = (as_strings(each, itertools.repeat(True)) for each in (desired, previous))
    if way is not Way.CLOUD_CONTROL:
        return world.update_event(
            arn, desired, previous, stack_tags=STACK_TAGS, previous_stack_tags=STACK_TAGS
        )
    event = world.update_event(arn, desired, previous)
    nothing = dict.fromkeys(("logicalResourceId", "stackTags", "previousStackTags", "systemTags"))
    return {**event, "stackId": None, "requestData": {**event["requestData"], **nothing}}


def _count(run: Run, before: Json, after: Json) -> str:
    if run.code:
        return run.code
    if differing(before, after):
        return "in place"
    return "stays" if run.message else "nothing to do"


def quick(cells: Iterator[Cell]) -> list[Cell]:
    """One cell of each kind, and one removal from each map."""
    chosen: dict[tuple[str, str], Cell] = {}
    for cell in sorted(cells, key=lambda each: crc32(each.name.encode())):
        kind, place = cell.name.split(" ")[2:4]
        maps = (each for each in (ENVIRONMENT, METADATA) if kind == "remove" and f"{each}." in place)
        chosen.setdefault((kind, next(maps, "")), cell)
    return list(chosen.values())
