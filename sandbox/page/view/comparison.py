"""Two packages side by side: which members differ.

Lists whose order means nothing, by the schema, are compared as sets, and texts as drift detection compares
them. Of confidential members only whether they differ is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sandbox.cloudformation.equality import is_same_text
from sandbox.page.addresses import comparison_address, package_address, package_name
from sandbox.shared.confidential import is_confidential, json_type, shown
from sandbox.shared.json_pointers import referenced
from sandbox.shared.settings import schema, top_level

from .packages import choices
from .properties import leaf
from .texts import count, short, title_of

Json = dict[str, Any]
Rule = Mapping[str, Any]
Path = tuple[str, ...]

EQUAL, CHANGED, ADDED, REMOVED = "equal", "changed", "added", "removed"
_TONES = {EQUAL: "past", CHANGED: "wait", ADDED: "ok", REMOVED: "bad"}
# The members that identify an item of an unordered list: the key of a tag, the name of others.
_ITEM_NAMES = ("Key", "Name")
_TAGS = "Tags"  # whose texts are compared exactly
# What the service adds to containers.
_FILLED_IN = frozenset({"ImageDigest", "ModelDataETag", "ETag", "ManifestEtag"})
_ABSENT: Any = object()


def comparison_view(
    left: Mapping[str, Any] | None, right: Mapping[str, Any] | None, packages: Sequence[Mapping[str, Any]]
) -> Json:
    """Return what the page that compares two packages shows; of one that is not chosen yet, None."""
    view: Json = {
        "title": title_of("Compare two packages"),
        "choices": choices(packages, *(each["ModelPackageArn"] for each in (left, right) if each)),
        "left": _side(left),
        "right": _side(right),
        "rows": None,
    }
    if left is None or right is None:
        return view
    rows = compare(left, right)
    different = [row for row in rows if row["state"] != EQUAL and not row["isService"]]
    service = [row for row in rows if row["state"] != EQUAL and row["isService"]]
    equal = [row for row in rows if row["state"] == EQUAL]
    names = f"{short(left['ModelPackageArn'])} and {short(right['ModelPackageArn'])}"
    return {
        **view,
        "title": title_of(f"{names} compared"),
        "rows": different,
        "result": _differ(len(different)) if different else "No difference in what a template can set",
        "service": service,
        "serviceResult": f"{_differ(len(service))} that the service sets",
        "equal": equal,
        "equalResult": f"{count(len(equal), 'member')} equal",
        "swapped": comparison_address(right["ModelPackageArn"], left["ModelPackageArn"]),
    }


def compare(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[Json]:
    """Return a row for each member of two packages, in the order in which Describe has them.

    A row has the `path` of the member, its `state`, whether it is one that the service sets (`isService`),
    and what is shown of it on the `left` and the `right`, None where it is not there.
    """
    names = [*left, *(name for name in right if name not in left)]
    return [
        row
        for name in names
        for row in _rows(
            schema()["properties"].get(name, {}),
            left.get(name, _ABSENT),
            right.get(name, _ABSENT),
            (name,),
        )
    ]


def _differ(number: int) -> str:
    return f"{count(number, 'member')} {'differs' if number == 1 else 'differ'}"


def _side(package: Mapping[str, Any] | None) -> Json | None:
    if package is None:
        return None
    arn = package["ModelPackageArn"]
    return {"choice": package_name(arn), "name": short(arn), "address": package_address(arn)}


def _rows(rule: Rule, left: Any, right: Any, path: Path, *, is_exact: bool = False) -> Iterator[Json]:
    """Yield the rows of a member; with `is_exact`, texts are compared as they are written."""
    rule = _resolved(rule)
    if _is_object(left) and _is_object(right) and (_members(left) or _members(right)):
        is_exact = path[0] == _TAGS or not rule.get("properties")  # of a map
        for name in [*_members(left), *(each for each in _members(right) if each not in _members(left))]:
            one, other = (_members(each).get(name, _ABSENT) for each in (left, right))
            yield from _rows(_member_rule(rule, name), one, other, (*path, name), is_exact=is_exact)
    elif _is_list(left) and _is_list(right) and (_items(left) or _items(right)):
        items = rule.get("items", {})
        pairs = _ordered_pairs if rule.get("insertionOrder", True) else _unordered_pairs
        for index, (one, other) in enumerate(pairs(items, _items(left), _items(right))):
            item = _item_name(index, one, other)
            yield from _rows(items, one, other, (*path, item), is_exact=is_exact)
    else:
        yield _row(left, right, path, is_exact)


def _row(left: Any, right: Any, path: Path, is_exact: bool) -> Json:
    if left is _ABSENT or right is _ABSENT:
        state = ADDED if left is _ABSENT else REMOVED
    else:
        state = EQUAL if _same(left, right, None if is_exact else path[-1]) else CHANGED
    text = f"{state}; values are not shown" if state == CHANGED and is_confidential(path) else state
    return {
        "key": "/".join(path),
        "path": path,
        "isService": path[0] in _service_properties() or path[-1] in _FILLED_IN,
        "state": state,
        "text": text,
        "tone": _TONES[state],
        "left": _shown(left, path),
        "right": _shown(right, path),
    }


@cache
def _service_properties() -> frozenset[str]:
    of_schema = top_level("readOnlyProperties") | top_level("deprecatedProperties")
    return of_schema | {"ModelPackageStatusDetails"}


def _shown(value: Any, path: Path) -> Json | None:
    return None if value is _ABSENT else leaf(shown(value, path), path)


def _same(left: Any, right: Any, name: str | None) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return is_same_text(left, right, name)
    return json_type(left) == json_type(right) and bool(left == right)


def _equal(rule: Rule, left: Any, right: Any) -> bool:
    return all(row["state"] == EQUAL for row in _rows(rule, left, right, ("",)))


def _ordered_pairs(_rule: Rule, left: Sequence[Any], right: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    for index in range(max(len(left), len(right))):
        yield (
            left[index] if index < len(left) else _ABSENT,
            right[index] if index < len(right) else _ABSENT,
        )


def _unordered_pairs(rule: Rule, left: Sequence[Any], right: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    rest = dict(enumerate(right))
    partners: dict[int, Any] = {}
    for is_match in (_equal, _names_the_same):
        for index, item in enumerate(left):
            match = next((at for at, each in rest.items() if is_match(rule, item, each)), None)
            if index not in partners and match is not None:
                partners[index] = rest.pop(match)
    yield from ((item, partners.get(index, _ABSENT)) for index, item in enumerate(left))
    yield from ((_ABSENT, item) for item in rest.values())


def _names_the_same(_rule: Rule, one: Any, other: Any) -> bool:
    return (
        isinstance(one, Mapping)
        and isinstance(other, Mapping)
        and any(name in one and one[name] == other.get(name) for name in _ITEM_NAMES)
    )


def _item_name(index: int, *items: Any) -> str:
    named = (
        each[name] for each in items if isinstance(each, Mapping) for name in _ITEM_NAMES if name in each
    )
    return str(next(named, index + 1))


def _is_object(value: Any) -> bool:
    return value is _ABSENT or isinstance(value, Mapping)


def _is_list(value: Any) -> bool:
    return value is _ABSENT or isinstance(value, list)


def _members(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _member_rule(rule: Rule, name: str) -> Rule:
    member: Rule = rule.get("properties", {}).get(name, {})
    return member


def _resolved(rule: Rule) -> Rule:
    while "$ref" in rule:
        rule = referenced(schema(), rule["$ref"])
    return rule
