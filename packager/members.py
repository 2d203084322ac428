"""Properties and members by their names, in the schema and in SageMaker's API description."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from packager.api_description import description
from packager.project import ROOT, SCHEMA

Json = dict[str, Any]

# What a template can say, and what read answers.
OPERATIONS = (
    ("CreateModelPackage", "input"),
    ("UpdateModelPackage", "input"),
    ("DescribeModelPackage", "output"),
)
# Definitions of what belongs to SageMaker, which no template needs.
SERVICE_OWNED_DEFINITIONS = frozenset(
    {"ModelPackageStatusDetails", "ModelPackageStatusItem", "UserContext", "IamIdentity"}
)
# The schema's classes, as the table in guides/properties.md names them.
CLASSES = {
    "create-only": "createOnlyProperties",
    "conditional": "conditionalCreateOnlyProperties",
    "write-only": "writeOnlyProperties",
    "deprecated": "deprecatedProperties",
    "read-only": "readOnlyProperties",
}


class UnknownNameError(ValueError):
    """A name that neither the schema nor the API has; the message has the nearest ones."""


class Member:
    """A property of the type, or a member of one of the schema's definitions.

    `owner` is the name of the definition, empty for a property.
    """

    def __init__(self, name: str, root: Path = ROOT, api: Json | None = None) -> None:
        """Find what a name means: `Property`, `Property.Member.Member` or `Definition.Member`.

        Raises:
            UnknownNameError: It means nothing.
        """
        self.api = api or _description()
        self.schema: Json = json.loads((root / SCHEMA.name).read_text(encoding="utf-8"))
        self.owner, self.name = self._resolve(name)

    @property
    def full_name(self) -> str:
        """`Property` or `Definition.Member`."""
        return f"{self.owner}.{self.name}".removeprefix(".")

    @property
    def node(self) -> Json:
        """Its rule in the schema, empty if there is none."""
        found: Json = self._known(self.owner).get(self.name, {})
        return found

    @property
    def classes(self) -> list[str]:
        """The classes of a property, without a rule in the schema those it needs; a member has none."""
        if not self.node:
            return [*self.needed_classes]
        pointer = f"/properties/{self.name}"
        return [word for word, key in CLASSES.items() if not self.owner and pointer in self.schema[key]]

    @property
    def needed_classes(self) -> dict[str, str]:
        """The classes that follow from the API, each with its reason."""
        is_taken = self.is_in("CreateModelPackage") or self.is_in("UpdateModelPackage")
        # Neither the identifier, which is no argument, nor tags, which have calls of their own.
        apart = {*self.schema["primaryIdentifier"], self.schema["tagging"]["tagProperty"]}
        if self.owner or not is_taken or f"/properties/{self.name}" in apart:
            return {}
        needed = {
            "create-only": "" if self.is_in("UpdateModelPackage") else "UpdateModelPackage does not take it",
            "write-only": "" if self.is_in("DescribeModelPackage") else "DescribeModelPackage has it not",
        }
        return {word: reason for word, reason in needed.items() if reason}

    @property
    def is_service_owned(self) -> bool:
        """Whether it belongs to SageMaker, so that no call takes it."""
        if self.owner:
            return self.owner in SERVICE_OWNED_DEFINITIONS
        return (
            bool({"deprecated", "read-only"}.intersection(self.classes)) and "write-only" not in self.classes
        )

    def is_in(self, operation: str, shapes: Json | None = None) -> bool:
        """Whether an operation of the API has a property of this name, by these shapes or the newest."""
        side = dict(OPERATIONS)[operation]
        shape = self.api["operations"][operation][side]["shape"]
        return self.name in (shapes or self.api["shapes"]).get(shape, {}).get("members", {})

    @property
    def is_of_the_api(self) -> bool:
        """Whether the API description has it."""
        return self.name in self._in_api(self.owner)

    @cached_property
    def shape_names(self) -> dict[str, str]:
        """The API's name of the shape of each definition: some have another one here."""
        names: dict[str, str] = {}
        waiting = [
            (self.schema["properties"], self.api["operations"][operation][side]["shape"])
            for operation, side in OPERATIONS
        ]
        while waiting:
            rules, shape = waiting.pop()
            for name, each in self.api["shapes"][shape].get("members", {}).items():
                owner, inner = definition_of(rules.get(name, {})), self._inner(each["shape"])
                if owner and owner not in names:
                    names[owner] = inner
                    waiting.append((self._known(owner), inner))
        return names

    def _inner(self, name: str) -> str:
        """The shape of the items of lists and maps of it."""
        shape = self.api["shapes"][name]
        inner = shape.get("member") or shape.get("value")
        return self._inner(inner["shape"]) if inner else name

    def _known(self, owner: str) -> Json:
        node = self.schema["definitions"][owner] if owner else self.schema
        rules: Json = node.get("properties", {})
        return rules

    def _in_api(self, owner: str) -> set[str]:
        names = (
            [self.shape_names[owner]]
            if owner in self.shape_names
            else [self.api["operations"][operation][side]["shape"] for operation, side in OPERATIONS]
            if not owner
            else []
        )
        return {member for name in names for member in self.api["shapes"][name].get("members", ())}

    def _resolve(self, name: str) -> tuple[str, str]:
        *parents, last = name.split(".")
        owner = ""
        for number, parent in enumerate(parents):
            if (
                number == 0
                and parent in self.schema["definitions"]
                and parent not in self.schema["properties"]
            ):
                owner = parent
                continue
            if parent not in self._known(owner):
                if parent in self._in_api(owner):
                    first = ".".join([*parents[:number], parent])
                    raise UnknownNameError(f"{name}: the schema does not have {first} yet; begin with that")
                raise self._unknown(name, parent, owner)
            owner = definition_of(self._known(owner)[parent])
            if not owner:
                raise UnknownNameError(f"{name}: {parent} has no members")
        if last not in self._known(owner) and last not in self._in_api(owner):
            raise self._unknown(name, last, owner)
        return owner, last

    def _unknown(self, name: str, part: str, owner: str) -> UnknownNameError:
        definitions = self.schema["definitions"]
        places = [
            f"{each}.{part}" for each in definitions if part in {*self._known(each), *self._in_api(each)}
        ]
        if not owner and name == part and (part in definitions or places):
            what = "a definition; name one of its members" if part in definitions else "the name of a member"
            examples = places or [f"{part}.{each}" for each in self._known(part)]
            return UnknownNameError(f"{name} is {what}: {', '.join(examples)}")
        known = {*self._known(owner), *self._in_api(owner)}
        if not owner and "." in name:
            known |= definitions.keys()
        by_case = {each.lower(): each for each in sorted(known)}
        near = [by_case[each] for each in get_close_matches(part.lower(), by_case, n=3)]
        place = f"{owner} has no member" if owner else "neither the schema nor the API has a property"
        those = f"{'it has' if owner else 'there is'} {', '.join(sorted(known))}"
        hint = f"the nearest: {', '.join(near)}" if near else those
        return UnknownNameError(f"{name}: {place} {part}; {hint}")


@cache
def _description() -> Json:
    return description("sagemaker")


def definition_of(node: Mapping[str, Any]) -> str:
    """The definition that a value, or each value of a list or a map, follows; empty for none."""
    while "$ref" not in node:
        inner = node.get("items") or next(iter(node.get("patternProperties", {}).values()), None)
        if inner is None:
            return ""
        node = inner
    return str(node["$ref"]).rpartition("/")[2]


def used_members(value: Any, rule: Json, schema: Json, owner: str = "") -> set[str]:
    """Every member of the schema that a value sets, as `Definition.Member`, or `Property` at the top."""
    if "$ref" in rule:
        owner = rule["$ref"].rpartition("/")[2]
        rule = schema["definitions"][owner]
    if isinstance(value, list):
        return {each for item in value for each in used_members(item, rule["items"], schema, owner)}
    if not isinstance(value, dict):
        return set()
    known = {name: item for name, item in value.items() if name in rule.get("properties", {})}
    inside = (used_members(item, rule["properties"][name], schema, owner) for name, item in known.items())
    return {f"{owner}.{name}".removeprefix(".") for name in known}.union(*inside)
