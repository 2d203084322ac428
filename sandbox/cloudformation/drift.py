"""Compares what a template says of a resource with what its READ handler returns, as drift detection does.

Only what the template sets is compared, whatever else the service has filled in. A template that says a
value in its own way is not drift either: CloudFormation tries the schema's `propertyTransform` on every
property that differs, and compares again.
"""

from __future__ import annotations

import json
import math
from typing import Any

import jsonata

from sandbox.cloudformation.provider import Comparison, Difference, Place, Properties
from sandbox.cloudformation.schema_rules import Rules
from sandbox.shared.json_pointers import path_of

RESERVED_PREFIX = "aws:"
# What tells items of an unordered list apart: the key of a tag, the name of a thing with one.
_ITEM_NAMES = ("Key", "Name")
_ABSENT: Any = object()


class Comparer:
    """Compares by one type's schema."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._rules = Rules(schema)
        self._hidden = {
            path
            for kind in ("writeOnlyProperties", "readOnlyProperties")
            for path in map(path_of, schema.get(kind, []))
        }
        self._transforms = {
            path_of(pointer): expression
            for pointer, expression in schema.get("propertyTransform", {}).items()
        }
        nested = [path for path in self._transforms if len(path) > 1]
        if nested:
            raise ValueError(f"propertyTransform of members is not supported here: {nested}")
        tagging = schema.get("tagging", {})
        self.inherits_tags: bool = tagging.get("taggable", False) and tagging.get("tagOnCreate", False)
        self._tags = path_of(tagging.get("tagProperty", "/properties/Tags"))[0]

    def compare(self, place: Place, properties: Properties, model: Properties) -> Comparison:
        """Compare a template's properties with a model."""
        template = self._with_stack_tags(place, properties)
        expected: Properties = {}
        actual: Properties = {}
        differences: list[Difference] = []
        for name, value in template.items():
            rule = self._rules.of_property(name)
            if rule is None or (name,) in self._hidden:
                continue
            wanted = self._shown(value, (name,))
            found = model.get(name, _ABSENT)
            different = self._differences(rule, wanted, found, f"/{name}")
            if different and (name,) in self._transforms:
                other = self._transformed(name, template)
                rest = self._differences(rule, other, found, f"/{name}")
                if other is not _ABSENT:
                    wanted, different = other, rest
                elif not rest:
                    continue
            expected[name] = wanted
            if found is not _ABSENT:
                actual[name] = self._pruned(rule, wanted, found)
            differences += different
        return Comparison(expected, actual, differences)

    def _with_stack_tags(self, place: Place, properties: Properties) -> Properties:
        """Add the stack's tags to the template's, which win; AWS's own are not the template's."""
        name = self._tags
        if not self.inherits_tags:
            return properties
        merged = dict(place.tags)
        merged.update({str(tag["Key"]): tag.get("Value", "") for tag in properties.get(name) or []})
        tags = [
            {"Key": key, "Value": value}
            for key, value in merged.items()
            if not key.lower().startswith(RESERVED_PREFIX)
        ]
        return {**properties, name: tags} if tags or name in properties else properties

    def _transformed(self, name: str, template: Properties) -> Any:
        """Evaluate the transform over all properties; nothing is what an absent value is."""
        result = jsonata.Jsonata(self._transforms[(name,)]).evaluate(template)
        # The evaluator returns lists of a class of its own.
        return _ABSENT if result is None else json.loads(json.dumps(result))

    def _shown(self, value: Any, path: tuple[str, ...]) -> Any:
        """Leave out the members that are write-only or read-only."""
        if isinstance(value, dict):
            return {
                key: self._shown(item, (*path, key))
                for key, item in value.items()
                if (*path, key) not in self._hidden
            }
        return value

    def _differences(self, rule: dict[str, Any], wanted: Any, found: Any, where: str) -> list[Difference]:
        rule = self._rules.resolved(rule)
        if isinstance(wanted, dict) and isinstance(found, dict):
            return self._object_differences(rule, wanted, found, where)
        if isinstance(wanted, list) and isinstance(found, list):
            compare = self._ordered_differences if _is_ordered(rule) else self._unordered_differences
            return compare(rule, wanted, found, where)
        if _same(rule, wanted, found):
            return []
        kind = "REMOVE" if found is _ABSENT else "ADD" if wanted is _ABSENT else "NOT_EQUAL"
        return [Difference(where, _text(wanted), _text(found), kind)]

    def _object_differences(
        self, rule: dict[str, Any], wanted: Properties, found: Properties, where: str
    ) -> list[Difference]:
        # The members of a map are the template's to name; of an object with fixed members the service may
        # have filled in some.
        names = list(wanted) if rule.get("properties") else [*wanted, *sorted(found.keys() - wanted.keys())]
        return [
            difference
            for name in names
            for difference in self._differences(
                self._rules.of_member(rule, name),
                wanted.get(name, _ABSENT),
                found.get(name, _ABSENT),
                f"{where}/{_escaped(name)}",
            )
        ]

    def _ordered_differences(
        self, rule: dict[str, Any], wanted: list[Any], found: list[Any], where: str
    ) -> list[Difference]:
        items = rule.get("items", {})
        return [
            difference
            for index in range(max(len(wanted), len(found)))
            for difference in self._differences(
                items, _item(wanted, index), _item(found, index), f"{where}/{index}"
            )
        ]

    def _unordered_differences(
        self, rule: dict[str, Any], wanted: list[Any], found: list[Any], where: str
    ) -> list[Difference]:
        items = rule.get("items", {})
        left, missing = dict(enumerate(found)), {}
        for index, item in enumerate(wanted):
            equal = (n for n, each in left.items() if not self._differences(items, item, each, where))
            match = next(equal, None)
            if match is None:
                missing[index] = item
            else:
                del left[match]
        differences: list[Difference] = []
        for index, item in missing.items():
            match = next((n for n, each in left.items() if _names_the_same(item, each)), None)
            partner = left.pop(match) if match is not None else _ABSENT
            differences += self._differences(items, item, partner, f"{where}/{index}")
        # Added ones have no place in the template's list: theirs is the one in the resource's.
        for index, each in left.items():
            differences += self._differences(items, _ABSENT, each, f"{where}/{index}")
        return differences

    def _pruned(self, rule: dict[str, Any], wanted: Any, found: Any) -> Any:
        """Return what is there of what the template sets, for people to compare."""
        rule = self._rules.resolved(rule)
        if isinstance(wanted, dict) and isinstance(found, dict) and rule.get("properties"):
            return {
                name: self._pruned(self._rules.of_member(rule, name), wanted[name], item)
                for name, item in found.items()
                if name in wanted
            }
        if isinstance(wanted, list) and isinstance(found, list) and _is_ordered(rule):
            mine = [*wanted, *[None] * len(found)]
            return [
                self._pruned(rule.get("items", {}), mine[index], item) for index, item in enumerate(found)
            ]
        return found


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _is_ordered(rule: dict[str, Any]) -> bool:
    return bool(rule.get("insertionOrder", True))


def _item(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else _ABSENT


def _names_the_same(one: Any, other: Any) -> bool:
    return (
        isinstance(one, dict)
        and isinstance(other, dict)
        and any(name in one and one[name] == other.get(name) for name in _ITEM_NAMES)
    )


def _same(rule: dict[str, Any], wanted: Any, found: Any) -> bool:
    """Compare primitives: templates hold numbers and booleans as strings, too."""
    if wanted is _ABSENT or found is _ABSENT:
        return wanted is found
    if isinstance(wanted, dict | list) or isinstance(found, dict | list):
        return False
    if rule.get("type") in ("integer", "number"):
        try:
            return math.isclose(float(wanted), float(found), rel_tol=1e-12)
        except (TypeError, ValueError):
            return False
    if rule.get("type") == "boolean":
        return _text(wanted).lower() == _text(found).lower()
    return _text(wanted) == _text(found)


def _text(value: Any) -> str:
    """Return a value as drift results show it."""
    if value is _ABSENT or value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else str(value)
