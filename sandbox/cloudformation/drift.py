"""Compares a template's properties with the model that the READ handler returns, as drift detection does.

Only what the template sets is compared, whatever else the service has filled in. Another notation of the
same value is not drift either: CloudFormation applies the schema's `propertyTransform` to every property
that differs, and compares again.

Here a template is in sync where no update would do anything, whatever the transforms alone make of it. The
update handler's own equalities count: JSON written otherwise, ARNs and names in another case, and an empty
member in place of none. What a transform leaves out of a template is the same as none, and as nothing else.
guides/properties.md says where CloudFormation itself may decide otherwise.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from sandbox.cloudformation.equality import is_same_text
from sandbox.cloudformation.provider import Comparison, Difference, Place, Properties
from sandbox.shared.java_patterns import occurs
from sandbox.shared.json_pointers import path_of, referenced

RESERVED_PREFIX = "aws:"
# The members that identify an item of an unordered list: the key of a tag, the name of others.
_ITEM_NAMES = ("Key", "Name")
# Names of resources, which SageMaker may write in another case.
_GROUP, _PACKAGE, _ARN = "ModelPackageGroupName", "ModelPackageName", "ModelPackageArn"
_RESOURCE_NAMES = frozenset({_GROUP, _PACKAGE})
_ABSENT: Any = object()


@dataclass(frozen=True)
class _LeftOut:
    """A value of the template that a transform leaves out."""

    value: Any


class Comparer:
    """Compares by one type's schema; a `propertyTransform` of a nested member is not applied."""

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
            if len(path_of(pointer)) == 1
        }
        tagging = schema.get("tagging", {})
        self.inherits_tags: bool = tagging.get("taggable", False) and tagging.get("tagOnCreate", False)
        self._tags = path_of(tagging.get("tagProperty", "/properties/Tags"))[0]

    def compare(self, place: Place, properties: Properties, model: Properties) -> Comparison:
        """Compare a template's properties with a model."""
        template = self._with_stack_tags(place, properties)
        model = _with_name(model)
        expected: Properties = {}
        actual: Properties = {}
        differences: list[Difference] = []
        for name, value in template.items():
            rule = self._schema.get("properties", {}).get(name)
            if rule is None or (name,) in self._hidden:
                continue
            # The texts of tags are compared exactly.
            where, text_name = f"/{name}", None if name == self._tags else name
            one, other = self._visible(value, (name,)), model.get(name, _ABSENT)
            different = self._differences(rule, one, other, where, text_name)
            if different and (name,) in self._transforms:
                transformed = self._transform(name, template)
                if isinstance(transformed, bool) and self._resolve(rule).get("type") == "string":
                    transformed = one  # it stands for any text
                explicit = _explicit(one, transformed, _items(template))
                rest = self._differences(rule, explicit, other, where, text_name)
                if transformed is _ABSENT and not rest:
                    continue
                # What a transform makes of a text is for comparing only, not for people.
                if isinstance(transformed, dict | list):
                    one = _plain(explicit) if rest else transformed
                if not rest or not isinstance(transformed, str):
                    different = rest
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
        import jsonata

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

    def _differences(
        self, rule: dict[str, Any], expected: Any, actual: Any, where: str, name: str | None
    ) -> list[Difference]:
        """Compare the values of a member; its name is None in a map, whose texts are compared exactly."""
        rule = self._resolve(rule)
        if isinstance(expected, _LeftOut):
            if actual is _ABSENT:
                return []
            expected = expected.value
        if isinstance(expected, dict) and isinstance(actual, dict):
            return self._object_differences(rule, expected, actual, where, name)
        if isinstance(expected, list) and isinstance(actual, list):
            compare = self._ordered_differences if _is_ordered(rule) else self._unordered_differences
            return compare(rule, expected, actual, where, name)
        if _same(rule, expected, actual, name):
            return []
        kind = "REMOVE" if actual is _ABSENT else "ADD" if expected is _ABSENT else "NOT_EQUAL"
        return [Difference(where, _text(expected), _text(actual), kind)]

    def _object_differences(
        self, rule: dict[str, Any], expected: Properties, actual: Properties, where: str, name: str | None
    ) -> list[Difference]:
        # The members of a map are the template's to name; of an object with fixed members the service may
        # have filled in some.
        is_map = not rule.get("properties")
        members = [*expected, *(sorted(actual.keys() - expected.keys()) if is_map else ())]
        return [
            difference
            for member in members
            for difference in self._differences(
                self._member_rule(rule, member),
                expected.get(member, _ABSENT),
                actual.get(member, _ABSENT),
                f"{where}/{_escaped(member)}",
                None if is_map or name is None else member,
            )
        ]

    def _ordered_differences(
        self, rule: dict[str, Any], expected: list[Any], actual: list[Any], where: str, name: str | None
    ) -> list[Difference]:
        items = rule.get("items", {})
        return [
            difference
            for index in range(max(len(expected), len(actual)))
            for difference in self._differences(
                items, _item(expected, index), _item(actual, index), f"{where}/{index}", name
            )
        ]

    def _unordered_differences(
        self, rule: dict[str, Any], expected: list[Any], actual: list[Any], where: str, name: str | None
    ) -> list[Difference]:
        items = rule.get("items", {})
        left, missing = dict(enumerate(actual)), {}
        for index, item in enumerate(expected):
            equal = (n for n, each in left.items() if not self._differences(items, item, each, where, name))
            match = next(equal, None)
            if match is None:
                missing[index] = item
            else:
                del left[match]
        differences: list[Difference] = []
        for index, item in missing.items():
            match = next((n for n, each in left.items() if _names_the_same(item, each)), None)
            partner = left.pop(match) if match is not None else _ABSENT
            differences += self._differences(items, item, partner, f"{where}/{index}", name)
        # Added ones have no place in the template's list: theirs is the one in the resource's.
        for index, each in left.items():
            differences += self._differences(items, _ABSENT, each, f"{where}/{index}", name)
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
        matches = (each for pattern, each in patterns.items() if occurs(pattern, name, otherwise=False))
        member: dict[str, Any] = rule.get("properties", {}).get(name) or next(matches, {})
        return member

    def _resolve(self, rule: dict[str, Any]) -> dict[str, Any]:
        """Return the rule that a reference stands for, or the rule itself."""
        while "$ref" in rule:
            rule = referenced(self._schema, rule["$ref"])
        return rule


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _is_ordered(rule: dict[str, Any]) -> bool:
    return bool(rule.get("insertionOrder", True))


def _item(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else _ABSENT


def _namesake(items: list[Any], other: Any) -> Any:
    return next((each for each in items if _names_the_same(each, other)), None)


def _names_the_same(one: Any, other: Any) -> bool:
    return (
        isinstance(one, dict)
        and isinstance(other, dict)
        and any(name in one and one[name] == other.get(name) for name in _ITEM_NAMES)
    )


def _with_name(model: Properties) -> Properties:
    """Return a model with the name of an unversioned package, which Describe may leave out."""
    if _ARN not in model or _PACKAGE in model or _GROUP in model:
        return model
    return {**model, _PACKAGE: str(model[_ARN]).rpartition("/")[2]}


def _items(template: Properties) -> list[Any]:
    """Return the values of all properties, or the items of those that are lists."""
    return [each for value in template.values() for each in (value if isinstance(value, list) else [value])]


def _explicit(original: Any, transformed: Any, others: list[Any]) -> Any:
    """Return a transformed value with what the transform has left out of the original.

    The items of a list that have names may come from `others`.
    """
    if transformed is _ABSENT:
        if isinstance(original, dict):
            original = {name: _explicit(value, _ABSENT, []) for name, value in original.items()}
        return _LeftOut(original)
    if isinstance(original, dict) and isinstance(transformed, dict):
        left_out = {name: _ABSENT for name in original if name not in transformed}
        return {
            name: _explicit(original.get(name, value), value, [])
            for name, value in {**transformed, **left_out}.items()
        }
    if isinstance(original, list) and isinstance(transformed, list):
        by_index = [*original, *transformed[len(original) :]]
        return [
            _explicit(_namesake([*original, *others], item) or by_index[index], item, [])
            for index, item in enumerate(transformed)
        ]
    return transformed


def _plain(explicit: Any) -> Any:
    """Return a value with what a transform leaves out as the template has it."""
    return json.loads(json.dumps(explicit, default=lambda each: each.value))


def _same(rule: dict[str, Any], expected: Any, actual: Any, name: str | None) -> bool:
    """Compare primitives: templates hold numbers and booleans as strings, too."""
    if expected is _ABSENT or actual is _ABSENT:
        return expected is actual or (name is not None and actual is _ABSENT and expected in ("", [], {}))
    if isinstance(expected, dict | list) or isinstance(actual, dict | list):
        return False
    if rule.get("type") in ("integer", "number"):
        return _is_same_number(expected, actual)
    if rule.get("type") == "boolean":
        return _text(expected).lower() == _text(actual).lower()
    one, other = _text(expected), _text(actual)
    return is_same_text(one, other, name) or (name in _RESOURCE_NAMES and one.lower() == other.lower())


def _is_same_number(expected: Any, actual: Any) -> bool:
    try:
        return math.isclose(float(expected), float(actual), rel_tol=1e-12)
    except (TypeError, ValueError):
        return False


def _text(value: Any) -> str:
    """Return a value as drift results show it."""
    if value is _ABSENT or value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(_plain(value), sort_keys=True) if isinstance(value, dict | list) else str(value)
