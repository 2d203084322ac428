"""What a rule sees of the model packages in a template.

A `Package` has the properties as the handlers would receive them, in one scenario of the template's
conditions, and a `Value` one of them, with what functions join in it. What is only known at deployment counts
as correct.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from editors.rules._resource_type import (
    SCHEMA,
    TYPE,
    Json,
    Keys,
    Refusal,
    is_versioned,
    refusals,
    schema_below,
)

_ABSENT = object()
# Values and levels in a package's properties, with aliases written out: more than any package has.
MAX_VALUES = 50_000
MAX_DEPTH = 100


@dataclass(frozen=True, eq=False)
class Package:
    """A model package: its properties in one scenario of the conditions.

    In the place of functions, whose results are only known at deployment, there are stand-ins.
    """

    properties: Json
    functions: dict[Keys, Any]
    template: Any

    def literal(self, name: str) -> Any:
        """The value of a property that the template itself has, or None."""
        return None if (name,) in self.functions else self.properties.get(name)

    def present(self, *names: str) -> list[Keys]:
        """The paths of the properties of these names that are set."""
        return [(name,) for name in names if name in self.properties]

    @property
    def versioned(self) -> bool:
        """Whether it is a version in a group."""
        return is_versioned(self.properties)

    @property
    def certified(self) -> bool:
        """Whether CertifyForMarketplace is true, as a boolean or as a string."""
        return str(self.literal("CertifyForMarketplace")).lower() == "true"

    @cached_property
    def refusals(self) -> list[Refusal]:
        """What the handlers refuse."""
        return refusals(self.properties, self.functions, cdk=_is_of_cdk(self.template))

    def values(self) -> Iterator[Value]:
        """Every literal and every function, at any depth."""
        yield from self._values_below((), self.properties)

    def _values_below(self, keys: Keys, value: Any) -> Iterator[Value]:
        yield Value(self, keys, self.functions.get(keys, value))
        for key, item in () if keys in self.functions else _members(value):
            yield from self._values_below((*keys, key), item)


def _is_of_cdk(template: Any) -> bool:
    """Whether the CDK made a template; cfn-lint before 1.58 does not know it by the paths of constructs."""
    metadata = (each.get("Metadata") for each in template.get_resources().values())
    return template.is_cdk_template() or any("aws:cdk:path" in (each or ()) for each in metadata)


def _members(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def _function(value: Any) -> tuple[str, Any]:
    """The name and the argument of a function; an empty name for any other value."""
    if isinstance(value, dict) and len(value) == 1:
        ((name, argument),) = value.items()
        if name == "Ref" or str(name).startswith("Fn::"):
            return str(name), argument
    return "", None


# --- the properties in each scenario ----------------------------------------------------------------


@lru_cache(maxsize=1)  # the rules ask one after the other
def packages(template: Any) -> list[tuple[str, Package]]:
    """The model packages of a template with their logical ids, once for each scenario of their conditions."""
    result = []
    for logical_id, resource in template.get_resources(TYPE).items():
        properties = resource.get("Properties", {})
        if not _is_bounded(properties):
            continue  # CloudFormation takes no aliases, and the sandbox no such nesting
        for scenario in _scenarios(template, properties, resource.get("Condition")):
            functions: dict[Keys, Any] = {}
            resolved = _resolve(properties, SCHEMA, (), scenario, functions)
            if isinstance(resolved, dict):
                result.append((logical_id, Package(resolved, functions, template)))
    return result


def _is_bounded(properties: Any) -> bool:
    """Return whether what stands for properties can be walked through; an alias makes one value of many."""
    sizes: dict[int, int] = {}

    def size(value: Any, depth: int) -> int:
        if id(value) not in sizes:
            if depth > MAX_DEPTH:
                return MAX_VALUES + 1
            sizes[id(value)] = 1 + sum(size(each, depth + 1) for _, each in _members(value))
        return sizes[id(value)]

    return size(properties, 1) <= MAX_VALUES


def _scenarios(template: Any, properties: Any, own: Any) -> list[dict[str, bool]]:
    """The values that conditions in the properties can have where the resource's own condition is true."""
    defined = template.template.get("Conditions", {})
    conditions: dict[str, set[bool] | None] = dict.fromkeys(_conditions(properties))
    if isinstance(own, str):
        conditions[own] = {True}
    asked = {name: values for name, values in conditions.items() if name in defined}
    return list(template.conditions.build_scenarios(asked)) or [{}]


def _conditions(value: Any) -> Iterator[str]:
    name, argument = _function(value)
    if name == "Fn::If" and isinstance(argument, list) and argument and isinstance(argument[0], str):
        yield argument[0]
    for _, member in _members(value):
        yield from _conditions(member)


def _resolve(
    value: Any, schema: Json, keys: Keys, scenario: Mapping[str, bool], functions: dict[Keys, Any]
) -> Any:
    """The value in a scenario; functions that remain are noted with their paths, and replaced."""
    name, argument = _function(value)
    if name == "Fn::If" and isinstance(argument, list) and len(argument) == 3 and argument[0] in scenario:
        return _resolve(argument[1 if scenario[argument[0]] else 2], schema, keys, scenario, functions)
    if name == "Ref" and argument == "AWS::NoValue":
        return _ABSENT
    if name or (isinstance(value, str) and "{{resolve:" in value):
        functions[keys] = value
        return _stand_in(schema, len(functions))
    if isinstance(value, dict):
        members = {
            str(key): _resolve(item, schema_below(schema, str(key)), (*keys, str(key)), scenario, functions)
            for key, item in value.items()
            if not str(key).startswith("Fn::")
        }
        return {key: item for key, item in members.items() if item is not _ABSENT}
    if isinstance(value, list):
        items: list[Any] = []
        for each in value:
            # Counted without those that a condition leaves out, as the handlers count.
            item = _resolve(each, schema_below(schema, 0), (*keys, len(items)), scenario, functions)
            items += [] if item is _ABSENT else [item]
        return items
    return value


def _stand_in(schema: Json, number: int) -> Any:
    """A value of the right kind; no two strings are alike, so that no two names are."""
    kind = schema.get("type")
    if kind == "array":
        return [_stand_in(schema_below(schema, 0), number)]
    if kind == "object":
        return {f"UNKNOWN{number}": "unknown"} if "patternProperties" in schema else {}
    return {"boolean": False, "integer": schema.get("minimum", 1)}.get(str(kind), f"unknown{number}")


# --- single values ----------------------------------------------------------------------------------


class Reference(NamedTuple):
    """A resource's attribute, or with an empty attribute what `Ref` returns of the resource."""

    name: str
    attribute: str


# A part of a string: a text, a reference, or None for what is only known at deployment.
Piece = str | Reference | None


class Value(NamedTuple):
    """A literal or a function, at a path in the properties of a package."""

    package: Package
    keys: Keys
    value: Any

    @property
    def name(self) -> str:
        """The last key; empty for the properties themselves."""
        return str(self.keys[-1]) if self.keys else ""

    @property
    def siblings(self) -> Json:
        """The members of the object that the value is in, with the value itself; empty for items of lists."""
        parent: Any = self.package.properties
        for key in self.keys[:-1]:
            parent = parent[key]
        return parent if isinstance(parent, dict) else {}

    @property
    def text(self) -> str | None:
        """The value, if it is a literal string."""
        return self.value if isinstance(self.value, str) and self.keys not in self.package.functions else None

    @property
    def pattern(self) -> str:
        """The pattern that the schema demands, or an empty string."""
        return str(schema_below(SCHEMA, *self.keys).get("pattern", ""))

    @property
    def is_address(self) -> bool:
        """Whether the schema demands an address of S3."""
        return "s3)://" in self.pattern

    @property
    def pieces(self) -> list[Piece]:
        """What the value is joined from: no text is empty, or beside another one."""
        joined: list[Piece] = []
        for piece in _pieces(self.value):
            if isinstance(piece, str) and joined and isinstance(joined[-1], str):
                joined[-1] += piece
            elif piece != "":
                joined.append(piece)
        return joined

    def resources(self, *types: str) -> Json:
        """The template's resources by logical id, of these types or of all."""
        resources: Json = self.package.template.get_resources(list(types))
        return resources

    @property
    def template_names(self) -> set[str | None]:
        """The names of the template's resources and parameters."""
        return {*self.resources(), *(self.package.template.template.get("Parameters") or ())}

    def references(self, resource_type: str) -> Iterator[tuple[int, Reference]]:
        """The references to resources of a type, with their positions among the pieces."""
        for position, piece in enumerate(self.pieces):
            if isinstance(piece, Reference) and piece.name in self.resources(resource_type):
                yield position, piece

    def notation(self, reference: Reference) -> str:
        """The notation of a reference in this value, such as `!Ref Bucket`, or `${Bucket}` in `Fn::Sub`."""
        whole = f"{reference.name}.{reference.attribute}" if reference.attribute else reference.name
        if _function(self.value)[0] == "Fn::Sub":
            return f"${{{whole}}}"
        return f"!GetAtt {whole}" if reference.attribute else f"!Ref {whole}"


_DYNAMIC_REFERENCE = re.compile(r"\{\{resolve:[^}]*\}\}")
_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")


def _pieces(value: Any) -> Iterator[Piece]:
    name, argument = _function(value)
    if isinstance(value, str):
        for number, text in enumerate(_DYNAMIC_REFERENCE.split(value)):
            yield from (None, text) if number else (text,)
    elif name == "Ref":
        yield Reference(str(argument), "")
    elif name == "Fn::GetAtt":
        parts = argument if isinstance(argument, list) else str(argument).split(".")
        yield Reference(str(parts[0]), ".".join(map(str, parts[1:]))) if parts else None
    elif name == "Fn::Sub":
        text, own = (*argument, {})[:2] if isinstance(argument, list) and argument else (argument, {})
        yield from _substituted(str(text), own if isinstance(own, dict) else {})
    elif name == "Fn::Join" and isinstance(argument, list) and len(argument) == 2:
        for number, item in enumerate(argument[1] if isinstance(argument[1], list) else [None]):
            yield from (str(argument[0]),) if number else ()
            yield from _pieces(item)
    else:
        yield None


def _substituted(text: str, own: Json) -> Iterator[Piece]:
    """The pieces of a text of `Fn::Sub`, which may define variables of its own."""
    for number, part in enumerate(_VARIABLE.split(text)):
        if number % 2 == 0:
            yield from _pieces(part.replace("${!", "${"))
        elif part in own:
            yield from _pieces(own[part])
        else:
            name, _, attribute = part.strip().partition(".")
            yield Reference(name, attribute)
