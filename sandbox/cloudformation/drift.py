"""Compares a template's properties with the model that the READ handler returns, as drift detection does.

Only what the template sets is compared, whatever else the service has filled in. Another notation of the
same value is not drift either: CloudFormation applies the schema's `propertyTransform` to every property
that differs, and compares again.

Two equalities of the update handler are beyond what a transform can express in every JSONata engine: the same
JSON written otherwise, and ARNs in another case. They count here too, because no update would do anything
about such a difference. Whether CloudFormation reports it is not known: guides/properties.md says so.
"""

from __future__ import annotations

import json
import math
from typing import Any

import jsonata

from sandbox.cloudformation.provider import Comparison, Difference, Place, Properties
from sandbox.shared.java_patterns import occurs
from sandbox.shared.json_pointers import path_of

RESERVED_PREFIX = "aws:"
# The members that identify an item of an unordered list: the key of a tag, the name of others.
_ITEM_NAMES = ("Key", "Name")
_ABSENT: Any = object()


class Comparer:
    """Compares by one type's schema.

    Raises:
        ValueError: the schema has a `propertyTransform` of a nested member.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
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
            rule = self._schema.get("properties", {}).get(name)
            if rule is None or (name,) in self._hidden:
                continue
            one, other = self._visible(value, (name,)), model.get(name, _ABSENT)
            different = self._differences(rule, one, other, f"/{name}")
            if different and (name,) in self._transforms:
                transformed = self._transform(name, template)
                rest = self._differences(rule, transformed, other, f"/{name}")
                if transformed is _ABSENT and not rest:
                    continue
                # What a transform makes of a text is for comparing only, not for people.
                if isinstance(transformed, dict | list):
                    one, different = transformed, rest
                elif not rest or _names_the_group(one, transformed, other):
                    different = []
            expected[name] = one
            if other is not _ABSENT:
                actual[name] = self._prune(rule, one, other)
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

    def _transform(self, name: str, template: Properties) -> Any:
        """Evaluate the transform over all properties; without a result the value counts as absent."""
        result = jsonata.Jsonata(self._transforms[(name,)]).evaluate(template)
        # The evaluator returns lists of a class of its own.
        return _ABSENT if result is None else json.loads(json.dumps(result))

    def _visible(self, value: Any, path: tuple[str, ...]) -> Any:
        """Leave out the members that are write-only or read-only."""
        if isinstance(value, dict):
            return {
                key: self._visible(item, (*path, key))
                for key, item in value.items()
                if (*path, key) not in self._hidden
            }
        return value

    def _differences(self, rule: dict[str, Any], expected: Any, actual: Any, where: str) -> list[Difference]:
        rule = self._resolve(rule)
        if isinstance(expected, dict) and isinstance(actual, dict):
            return self._object_differences(rule, expected, actual, where)
        if isinstance(expected, list) and isinstance(actual, list):
            compare = self._ordered_differences if _is_ordered(rule) else self._unordered_differences
            return compare(rule, expected, actual, where)
        if _same(rule, expected, actual):
            return []
        kind = "REMOVE" if actual is _ABSENT else "ADD" if expected is _ABSENT else "NOT_EQUAL"
        return [Difference(where, _text(expected), _text(actual), kind)]

    def _object_differences(
        self, rule: dict[str, Any], expected: Properties, actual: Properties, where: str
    ) -> list[Difference]:
        # The members of a map are the template's to name; of an object with fixed members the service may
        # have filled in some.
        names = (
            list(expected)
            if rule.get("properties")
            else [*expected, *sorted(actual.keys() - expected.keys())]
        )
        return [
            difference
            for name in names
            for difference in self._differences(
                self._member_rule(rule, name),
                expected.get(name, _ABSENT),
                actual.get(name, _ABSENT),
                f"{where}/{_escaped(name)}",
            )
        ]

    def _ordered_differences(
        self, rule: dict[str, Any], expected: list[Any], actual: list[Any], where: str
    ) -> list[Difference]:
        items = rule.get("items", {})
        return [
            difference
            for index in range(max(len(expected), len(actual)))
            for difference in self._differences(
                items, _item(expected, index), _item(actual, index), f"{where}/{index}"
            )
        ]

    def _unordered_differences(
        self, rule: dict[str, Any], expected: list[Any], actual: list[Any], where: str
    ) -> list[Difference]:
        items = rule.get("items", {})
        left, missing = dict(enumerate(actual)), {}
        for index, item in enumerate(expected):
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

    def _prune(self, rule: dict[str, Any], expected: Any, actual: Any) -> Any:
        """Return the part of a value that the template sets, for people to compare."""
        rule = self._resolve(rule)
        if isinstance(expected, dict) and isinstance(actual, dict) and rule.get("properties"):
            return {
                name: self._prune(self._member_rule(rule, name), expected[name], item)
                for name, item in actual.items()
                if name in expected
            }
        if isinstance(expected, list) and isinstance(actual, list):
            padded = [*expected, *[None] * len(actual)]
            return [
                self._prune(rule.get("items", {}), padded[index], item)
                if _is_ordered(rule)
                else self._prune(rule.get("items", {}), _namesake(expected, item), item)
                for index, item in enumerate(actual)
            ]
        return actual

    def _member_rule(self, rule: dict[str, Any], name: str) -> dict[str, Any]:
        """Return the rule for a member of an object; the empty one, which allows everything, by default."""
        patterns = rule.get("patternProperties", {})
        matches = (each for pattern, each in patterns.items() if occurs(pattern, name))
        member: dict[str, Any] = rule.get("properties", {}).get(name) or next(matches, {})
        return member

    def _resolve(self, rule: dict[str, Any]) -> dict[str, Any]:
        """Return the rule that a reference stands for, or the rule itself."""
        while "$ref" in rule:
            rule = self._schema["definitions"][rule["$ref"].rsplit("/", 1)[1]]
        return rule


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _is_ordered(rule: dict[str, Any]) -> bool:
    return bool(rule.get("insertionOrder", True))


def _item(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else _ABSENT


def _namesake(items: list[Any], other: Any) -> Any:
    return next((each for each in items if _names_the_same(each, other)), None)


def _names_the_group(arn: Any, name: Any, actual: Any) -> bool:
    """Whether the name that a transform took from an ARN is the actual one in another case."""
    return _is_arn(arn) and str(name).casefold() == str(actual).casefold()


def _names_the_same(one: Any, other: Any) -> bool:
    return (
        isinstance(one, dict)
        and isinstance(other, dict)
        and any(name in one and one[name] == other.get(name) for name in _ITEM_NAMES)
    )


def _same(rule: dict[str, Any], expected: Any, actual: Any) -> bool:
    """Compare primitives: templates hold numbers and booleans as strings, too."""
    if expected is _ABSENT or actual is _ABSENT:
        return expected is actual
    if isinstance(expected, dict | list) or isinstance(actual, dict | list):
        return False
    if rule.get("type") in ("integer", "number"):
        try:
            return math.isclose(float(expected), float(actual), rel_tol=1e-12)
        except (TypeError, ValueError):
            return False
    if rule.get("type") == "boolean":
        return _text(expected).lower() == _text(actual).lower()
    one, other = _text(expected), _text(actual)
    if _is_arn(one) and _is_arn(other):
        return one.casefold() == other.casefold()
    return one == other or _same_json(one, other)


def _is_arn(value: Any) -> bool:
    return isinstance(value, str) and value.lower().startswith("arn:")


def _same_json(one: str, other: str) -> bool:
    """Whether two texts are the same JSON object or list, however it is written."""
    try:
        parsed = json.loads(one)
        return isinstance(parsed, dict | list) and parsed == json.loads(other)
    except ValueError:
        return False


def _text(value: Any) -> str:
    """Return a value as drift results show it."""
    if value is _ABSENT or value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else str(value)
