"""The values before and after a change, for change sets described with IncludePropertyValues.

The rules are those of change sets that AWS has answered [R]: a value that comes from a resource which is made
or replaced is known only afterwards; one from a resource that is changed in place is the value that it has
now; of a resource that goes away no value from another one is known.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"
# Beside the properties, the parts of a resource that a change set compares.
ATTRIBUTES = ("Metadata", "CreationPolicy", "UpdatePolicy", "DeletionPolicy", "UpdateReplacePolicy")
_REFERENCES = ("ParameterReference", "ResourceAttribute", "ResourceReference")
_REPLACING = ("True", "Conditional")


class _UnknownAttributes(dict[str, str]):
    """Attributes of which all are there and none is known."""

    def __contains__(self, _name: object) -> bool:
        return True

    def __getitem__(self, _name: str) -> str:
        return KNOWN_AFTER_APPLY


UNKNOWN_RESOURCE: Json = {"PhysicalResourceId": KNOWN_AFTER_APPLY, "Attributes": _UnknownAttributes()}


@dataclass(frozen=True)
class Side:
    """The resources that a template makes, and how their values are resolved.

    `resolve` takes a value of the template, the records of resources, and whether values of parameters with
    `NoEcho` are masked.
    """

    resources: Json
    resolve: Callable[[Any, Json, bool], Any]
    problems: dict[str, str] = field(default_factory=dict)
    """Why a property of a resource cannot be resolved, by logical id."""

    def properties(self, logical_id: str, records: Json, *, masked: bool) -> Json:
        """Return the properties of a resource; what cannot be resolved is known only afterwards."""
        resolved: Json = {}
        for name, value in (self.resources[logical_id].get("Properties") or {}).items():
            try:
                resolved |= self.resolve({name: value}, records, masked)
            except Exception as problem:
                resolved[name] = KNOWN_AFTER_APPLY
                self.problems.setdefault(logical_id, str(problem))
        return resolved

    def context(self, logical_id: str, records: Json) -> str:
        """Return a resource as JSON, as it is described."""
        definition = self.resources[logical_id]
        attributes = {name: definition[name] for name in ATTRIBUTES if name in definition}
        properties = self.properties(logical_id, records, masked=True)
        return json.dumps({"Properties": properties, **attributes}, default=str)


def is_active(definition: Any, conditions: Mapping[str, bool]) -> bool:
    """Return whether a template has the resource or the output: without a condition, or with a true one."""
    condition = definition.get("Condition") if isinstance(definition, dict) else None
    return not isinstance(condition, str) or conditions.get(condition, True)


def changed_resource(change: Json) -> Json:
    """Return the part of a change that describes its resource."""
    resource_change: Json = change["ResourceChange"]
    return resource_change


def with_values(changes: list[Json], before: Side, after: Side, live: Json) -> list[Json]:
    """Return the changes with the values of properties; without those in which no value changes.

    `live` has the records of the stack's resources.
    """
    unsettled = {
        each["LogicalResourceId"]
        for each in map(changed_resource, changes)
        if each["Action"] == "Add" or each.get("Replacement") in _REPLACING
    }
    later = {**live, **dict.fromkeys(unsettled, UNKNOWN_RESOURCE)}
    described = []
    for change in map(changed_resource, changes):
        logical_id = change["LogicalResourceId"]
        if change["Action"] == "Add":
            described.append({**change, "AfterContext": after.context(logical_id, later)})
        elif change["Action"] == "Remove":
            unknown = dict.fromkeys(before.resources, UNKNOWN_RESOURCE)
            described.append({**change, "BeforeContext": before.context(logical_id, unknown)})
        elif change["Action"] == "Modify":
            if details := list(_details(change, before, after, (live, later), unsettled)):
                described.append(
                    {
                        **_with_details(change, details),
                        "BeforeContext": before.context(logical_id, live),
                        "AfterContext": after.context(logical_id, later),
                    }
                )
        else:
            described.append(change)
    return [{"Type": "Resource", "ResourceChange": each} for each in described]


def _details(
    change: Json, before: Side, after: Side, records: tuple[Json, Json], unsettled: set[str]
) -> Iterator[Json]:
    """Yield the details of a modification, with values; in the order in which they come without."""
    logical_id = change["LogicalResourceId"]
    sides = tuple(zip((before, after), records, strict=True))
    plain = [side.properties(logical_id, each, masked=False) for side, each in sides]
    shown = [side.properties(logical_id, each, masked=True) for side, each in sides]
    named: dict[str, list[Json]] = {}
    others: list[Json] = []
    for detail in change["Details"]:
        target = detail["Target"]
        if target["Attribute"] == "Properties":
            named.setdefault(target["Name"], []).append(detail)
        else:
            others.append(detail)
    yield from (each for each in others if each["Target"]["Attribute"] == "Tags")
    for name, details in named.items():
        if plain[0].get(name) == plain[1].get(name) and (name in plain[0]) == (name in plain[1]):
            continue
        references = [each for each in details if _is_cause(each, unsettled)]
        target = details[0]["Target"] | value_members(f"/Properties/{name}", name, *shown)
        evaluation = "Dynamic" if references else "Static"
        yield {"Target": target, "Evaluation": evaluation, "ChangeSource": "DirectModification"}
        yield from ({**each, "Target": target} for each in references)
    for detail in others:
        attribute = detail["Target"]["Attribute"]
        if attribute in ATTRIBUTES:
            definitions = (before.resources[logical_id], after.resources[logical_id])
            members = value_members(f"/{attribute}", attribute, *definitions)
            yield {**detail, "Target": detail["Target"] | members}


def _is_cause(detail: Json, unsettled: set[str]) -> bool:
    """Return whether a detail names what gives a property another value."""
    source = detail.get("ChangeSource")
    if source == "ParameterReference":
        return True
    return source in _REFERENCES and detail["CausingEntity"].partition(".")[0] in unsettled


def value_members(path: str, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Json:
    """Return what a detail's target says of the values of one name before and after."""
    kind = "Add" if name not in before else "Remove" if name not in after else "Modify"
    members = {"Path": path, "AttributeChangeType": kind}
    if name in before:
        members["BeforeValue"] = as_text(before[name])
    if name in after:
        members["AfterValue"] = as_text(after[name])
    return members


def as_text(value: Any) -> str:
    """Return a value as the API has it: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _with_details(change: Json, details: list[Json]) -> Json:
    """Return a modification with other details, and what follows from them."""
    return {
        **change,
        "Details": details,
        "Replacement": replacement_of(details),
        "Scope": scope_of(details),
    }


def type_problem(before: Json, after: Json) -> str | None:
    """Return why no stack can take one template's resources in place of another's, which have other types."""
    changed = [
        name for name in after if name in before and before[name].get("Type") != after[name].get("Type")
    ]
    if not changed:
        return None
    return (
        "Update of resource type is not permitted. The new template modifies resource type of the following "
        f"resources: [{', '.join(changed)}]"
    )


def replacement_of(details: Iterable[Json]) -> str:
    """Return what the details say of a replacement: `True`, `Conditional` or `False`."""
    recreations = {(each["Target"]["RequiresRecreation"], each["Evaluation"]) for each in details}
    if ("Always", "Static") in recreations:
        return "True"
    return "Conditional" if any(each != "Never" for each, _ in recreations) else "False"


def scope_of(details: Iterable[Json]) -> list[str]:
    """Return the parts of the resource that the details are about; stack tags last [R]."""
    attributes = dict.fromkeys(each["Target"]["Attribute"] for each in details)
    return sorted(attributes, key=lambda each: each == "Tags")
