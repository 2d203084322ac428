"""Search: which of the account's resources a search expression means, and in what order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from sandbox.shared.errors import refusal

from .paging import Key, page_of

Json = dict[str, Any]
Path = tuple[str, ...]
Condition = Callable[[Any], bool]

MAX_ELEMENTS = 50  # filters, nested filters and expressions, all together [D]
MAX_CONTAINS = 1  # [D]

_KINDS = {
    "string": "text",
    "integer": "number",
    "long": "number",
    "float": "number",
    "double": "number",
    "timestamp": "timestamp",
    "boolean": "Boolean",
}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": lambda value, given: bool(value > given),
    "GreaterThanOrEqualTo": lambda value, given: bool(value >= given),
    "LessThan": lambda value, given: bool(value < given),
    "LessThanOrEqualTo": lambda value, given: bool(value <= given),
}
_EQUALITY: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda value, given: bool(value == given),
    "NotEquals": lambda value, given: bool(value == given),  # of no value: see `_filter`
}
_TEXT: dict[str, Callable[[Any, Any], bool]] = {
    "Contains": lambda value, given: given in value,
    "In": lambda value, given: value in [each.strip() for each in given.split(",")],
}
# Text has no order; only text has Contains and In. [D]
_OPERATORS = {
    "text": _EQUALITY | _TEXT,
    "number": _EQUALITY | _ORDER,
    "timestamp": _EQUALITY | _ORDER,
    "Boolean": _EQUALITY,
}


def search(request: Json, shape: Any, records: list[tuple[Json, Key]]) -> tuple[list[Json], int, str | None]:
    """Return one page of the records that are meant, how many are meant, and the token of the next page.

    A record comes with a key that says where it stands among those with the same sorting property. `shape`
    is that of a record in the API description.

    Raises:
        ApiError: the request cannot be understood.
    """
    conditions = [_visibility(given) for given in request.get("VisibilityConditions", [])]
    if "SearchExpression" in request:
        conditions.append(_Expressions(shape).condition(request["SearchExpression"]))
    path = _property(request["SortBy"], shape)[0] if "SortBy" in request else None
    matches = [
        (_key(values, path) + place, record)
        for record, place in records
        for values in [_values(record)]
        if all(condition(values) for condition in conditions)
    ]
    matches.sort(key=lambda match: match[0])
    # Descending unless it says otherwise. [D]
    page, token = page_of({"SortOrder": "Descending"} | request, matches, lambda match: match[0])
    return [record for _, record in page], len(matches), token


def _values(record: Json) -> Json:
    """Return a record with its tags by key, as filters name them: `Tags.<key>`. [D]"""
    return record | {"Tags": {tag["Key"]: tag["Value"] for tag in record.get("Tags", [])}}


def _key(values: Json, path: Path | None) -> Key:
    if path is None:  # [D]; absent before the first change, and of groups: [I]
        return [1, values.get("LastModifiedTime", values["CreationTime"])]
    value = next(_at(values, path), None)
    if isinstance(value, (dict, type(None))):
        return [0, 0]  # absent ones are the least [I]
    return [1, value]


def _visibility(given: Json) -> Condition:
    """Return the condition that a tag, where there is one, has the value. [D]"""
    path: Path = ("Tags", given.get("Key", "").removeprefix("Tags."))
    return lambda values: all(value == given.get("Value") for value in _at(values, path))


class _Expressions:
    """Makes conditions of expressions, and counts what is in them."""

    def __init__(self, shape: Any) -> None:
        self._shape = shape
        self._elements = 0
        self._contains = 0

    def condition(self, expression: Json) -> Condition:
        """Return the condition that an expression stands for.

        Raises:
            ApiError: it is empty, too large, or a filter in it makes no sense.
        """
        given = [
            *((self._filter, each) for each in expression.get("Filters", [])),
            *((self._nested, each) for each in expression.get("NestedFilters", [])),
            *((self.condition, each) for each in expression.get("SubExpressions", [])),
        ]
        if not given:  # [D], wording [I]
            raise refusal("A SearchExpression requires at least one SubExpression, Filter or NestedFilter.")
        self._elements += len(given)
        if self._elements > MAX_ELEMENTS:  # [D], wording [I]
            raise refusal(f"A SearchExpression may have at most {MAX_ELEMENTS} elements.")
        conditions = [make(each) for make, each in given]
        meets = any if expression.get("Operator") == "Or" else all  # And unless it says otherwise [D]
        return lambda values: meets(condition(values) for condition in conditions)

    def _nested(self, given: Json) -> Condition:
        """Return the condition that one object of a list meets all filters. [D]"""
        name = given["NestedPropertyName"]
        path, kind = _property(name, self._shape)
        if kind is not None:
            raise refusal(f"Not a nested property: {name}")  # [I]
        conditions = [self._filter(each, within=name) for each in given["Filters"]]
        self._elements += len(conditions)
        return lambda values: any(
            all(condition(each) for condition in conditions) for each in _at(values, path)
        )

    def _filter(self, given: Json, within: str = "") -> Condition:
        name, operator = given["Name"], given.get("Operator", "Equals")  # [D]
        path, kind = _property(name, self._shape)
        if within:
            if not name.startswith(f"{within}."):
                raise refusal(f"The property {name} is not nested in {within}")  # [I]
            path = path[len(_property(within, self._shape)[0]) :]
        if operator in ("Exists", "NotExists"):
            return lambda values: any(True for _ in _at(values, path)) == (operator == "Exists")
        compare = _OPERATORS.get(kind or "", {}).get(operator)
        if compare is None:  # [D], wording [I]
            raise refusal(f"Operator {operator} is not supported for the property {name}")
        wanted = _wanted(given, kind)
        if operator == "Contains":
            self._contains += 1
            if self._contains > MAX_CONTAINS:
                raise refusal(f"'CONTAINS' operator usage limit of {MAX_CONTAINS} exceeded.")  # [D]
        # A property that is absent, or has several values, equals none that it does not have. [I]
        return lambda values: (
            any(compare(value, wanted) for value in _at(values, path)) != (operator == "NotEquals")
        )


def _property(name: str, shape: Any) -> tuple[Path, str | None]:
    """Return the path to a property, and the kind of its values; None for a structure.

    Raises:
        ApiError: resources of this kind have no such property.
    """
    path: Path = ()
    rest = name
    while rest:
        while shape.type_name == "list" and path != ("Tags",):
            shape = shape.member
        if path == ("Tags",) or shape.type_name == "map":
            return (*path, rest), "text"
        member, dot, rest = rest.partition(".")
        if shape.type_name != "structure" or member not in shape.members or (dot and not rest):
            raise refusal(f"Unknown property name: {name}")  # [C]
        path, shape = (*path, member), shape.members[member]
    while shape.type_name == "list":
        shape = shape.member
    return path, _KINDS.get(shape.type_name)


def _at(value: Any, path: Path) -> Iterator[Any]:
    """Yield the values at a path, those in every object of a list."""
    if isinstance(value, list):
        for each in value:
            yield from _at(each, path)
    elif not path:
        if value != {}:
            yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _at(value[path[0]], path[1:])


def _wanted(given: Json, kind: str | None) -> Any:
    """Return the value of a filter as the property has it.

    Raises:
        ApiError: there is none, or it is none of that kind.
    """
    name, value = given["Name"], given.get("Value")
    if value is None:
        raise refusal(f"A Value is required for the property {name}")  # [I]
    try:
        match kind:
            case "number":
                return _finite(value)
            case "timestamp":
                time = datetime.fromisoformat(value)
                return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
            case "Boolean":
                return {"true": True, "false": False}[value.lower()]
    except (ValueError, KeyError, OverflowError):
        raise refusal(f"Invalid value for the {kind} property {name}: {value}") from None  # [I]
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
