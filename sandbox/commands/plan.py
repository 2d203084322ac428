"""What a deployment would do: the changes of a change set and of outputs, as lines and as JSON. Pure.

Confidential values are shown as their shape; those of parameters with `NoEcho` are masked by CloudFormation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sandbox.commands.output import Json
from sandbox.commands.package_updates import REPLACED, TRIED, Verdict
from sandbox.shared.confidential import is_confidential, shown
from sandbox.shared.template_secrets import MASK

ADD, CHANGE, REMOVE = "add", "change", "remove"
REPLACE, MAY_REPLACE = "replace", "replace conditionally"
DELETED, RETAINED, SNAPSHOT = "deleted", "retained", "deleted after a snapshot"
NESTED = "AWS::CloudFormation::Stack"
MAX_CHARACTERS = 160

# How change sets write a value that another resource has only once it is made.
_KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"
_KNOWN_LATER = "(known after deployment)"
_ACTIONS = {"Add": ADD, "Modify": CHANGE, "Remove": REMOVE}
_REPLACEMENTS = {"True": REPLACE, "Conditional": MAY_REPLACE}
_SIGNS = {ADD: "+", CHANGE: "~", REMOVE: "-", REPLACE: "!", MAY_REPLACE: "?"}
_FATES = {"Delete": DELETED, "Retain": RETAINED, "RetainExceptOnCreate": RETAINED, "Snapshot": SNAPSHOT}
_CAUSES = {
    "ParameterReference": "parameter",
    "ResourceReference": "resource",
    "ResourceAttribute": "attribute",
}
IN_PLACE, REPLACES, MAY_REPLACE_IT = "in place", "replaces", "may replace"
_ABSENT: Any = object()

_NESTED_NOTES = {
    CHANGE: "what changes in it is not shown: its template is read when it is updated",
    REMOVE: "what is in it goes with it, unless its own template retains it",
}

Explain = Callable[[Json, Json, Json], Verdict | None]


@dataclass(frozen=True)
class Change:
    """A value that changes, at a path; without a value before it is new, without one after it goes.

    `effect` says whether it replaces its resource, `why` names the class of the property that says so, and
    `causes` the parameters and resources that the change comes from.
    """

    path: str
    before: Any = _ABSENT
    after: Any = _ABSENT
    effect: str = ""
    why: str = ""
    causes: tuple[str, ...] = ()

    def as_json(self) -> Json:
        """Return it as `--json` prints it."""
        values = {"before": self.before, "after": self.after}
        return {
            "path": self.path,
            **{name: value for name, value in values.items() if value is not _ABSENT},
            **({"effect": self.effect, "why": self.why or None} if self.effect else {}),
            **({"causes": list(self.causes)} if self.effect else {}),
        }

    def __str__(self) -> str:
        if self.before is _ABSENT:
            value = f"= {_text(self.after)}"
        elif self.after is _ABSENT:
            value = f"{_text(self.before)} is taken out"
        else:
            other = "another " if self.before == self.after else ""
            value = f"{_text(self.before)} -> {other}{_text(self.after)}"
        effect = f"{self.effect}: {self.why}" if self.why else self.effect
        why = "; ".join(filter(None, [effect, f"from {', '.join(self.causes)}" if self.causes else ""]))
        return f"{self.path} {value}" + (f"  ({why})" if why else "")


@dataclass(frozen=True)
class ResourceChange:
    """What happens to a resource; `fate` is what becomes of the old one where it is replaced or removed."""

    resource: str
    type: str
    physical_id: str
    action: str
    fate: str
    note: str
    changes: Sequence[Change]

    @property
    def is_loss(self) -> bool:
        """Whether a resource may be deleted."""
        return self.fate not in ("", RETAINED)

    def as_json(self) -> Json:
        """Return it as `--json` prints it."""
        return {
            "resource": self.resource,
            "type": self.type,
            "physicalId": self.physical_id or None,
            "action": self.action,
            "oldResource": self.fate or None,
            "note": self.note or None,
            "changes": [each.as_json() for each in self.changes],
        }

    def lines(self) -> list[str]:
        """Return it as lines for people."""
        fate = f", the old one is {self.fate}" if self.fate else ""
        if self.action == REMOVE:
            fate = f": it is {self.fate}"
        return [
            f"  {_SIGNS.get(self.action, '*')} {self.resource} ({self.type}): {self.action}{fate}",
            *([f"      {self.physical_id}"] if self.fate and self.physical_id else []),
            *(f"      {each}" for each in self.changes),
            *([f"      {self.note}"] if self.note else []),
        ]


@dataclass(frozen=True)
class Plan:
    """What a deployment would do with the resources, outputs, tags and parameters of a stack."""

    resources: Sequence[ResourceChange]
    outputs: Sequence[Change] = ()
    tags: Sequence[Change] = ()
    parameters: Sequence[Change] = ()

    def __bool__(self) -> bool:
        """Whether anything would change."""
        return bool(self.resources or self.outputs or self.tags or self.parameters)

    def as_json(self) -> Json:
        """Return it as `--json` prints it."""
        return {
            "resources": [each.as_json() for each in self.resources],
            "outputs": [each.as_json() for each in self.outputs],
            "tags": [each.as_json() for each in self.tags],
            "parameters": [each.as_json() for each in self.parameters],
        }

    def lines(self) -> list[str]:
        """Return it as lines for people."""
        lines = [line for each in self.resources for line in each.lines()]
        for title, changes in (
            ("Outputs", self.outputs),
            ("Tags of the stack", self.tags),
            ("Parameters", self.parameters),
        ):
            lines += [f"  {title}:", *(f"      {each}" for each in changes)] if changes else []
        return lines


# --- resources --------------------------------------------------------------------------------------


def resource_change(change: Json, explain: Explain) -> ResourceChange:
    """Return a change of a change set, described with values.

    `explain` returns what the handlers would do, of a change with the properties before and after; None where
    that is not known.
    """
    action = _ACTIONS.get(change["Action"], str(change["Action"]).lower())
    if action == CHANGE:
        action = _REPLACEMENTS.get(change.get("Replacement", ""), CHANGE)
    sides = tuple(json.loads(change.get(f"{side}Context") or "{}") for side in ("Before", "After"))
    is_new = action == ADD
    changes = [each for each in (_additions(sides[1]) if is_new else _changes(change, *sides)) if each.path]
    whole = ResourceChange(
        change["LogicalResourceId"],
        change["ResourceType"],
        change.get("PhysicalResourceId") or "",
        action,
        _fate(change, action, *sides),
        _NESTED_NOTES.get(action, "") if change["ResourceType"] == NESTED else "",
        changes,
    )
    return _explained(whole, change, sides, explain)


def _explained(
    whole: ResourceChange, change: Json, sides: tuple[Json, ...], explain: Explain
) -> ResourceChange:
    if whole.action not in (CHANGE, MAY_REPLACE, REPLACE):
        return whole
    properties = [each.get("Properties") or {} for each in sides]
    hidden = {name for each in properties for name, value in each.items() if _is_hidden(value)}
    if any(each.effect != IN_PLACE and _is_in(each.path, *hidden) for each in whole.changes):
        return whole
    before, after = ({name: each[name] for name in each if name not in hidden} for each in properties)
    answer = explain(change, before, after)
    if answer is None:
        return whole
    if whole.action == REPLACE:
        return replace(whole, note=answer.note)
    action = {REPLACED: REPLACE, TRIED: MAY_REPLACE}.get(answer.outcome, CHANGE)
    fate = whole.fate if action != CHANGE else ""
    effect = {CHANGE: IN_PLACE, REPLACE: REPLACES}.get(action, MAY_REPLACE_IT)
    settled = [
        replace(each, effect=effect if not answer.tried or _is_in(each.path, answer.tried) else IN_PLACE)
        if each.effect == MAY_REPLACE_IT
        else each
        for each in whole.changes
    ]
    return replace(whole, action=action, fate=fate, note=answer.note, changes=settled)


def _is_hidden(value: Any) -> bool:
    """Return whether a change set does not have the value of a property, or of something in it."""
    text = json.dumps(value)
    return _KNOWN_AFTER_APPLY in text or MASK in text


def _is_in(path: str, *names: str) -> bool:
    """Return whether a path is in one of these properties."""
    return re.split(r"[.\[]", path, maxsplit=1)[0] in names


def _fate(change: Json, action: str, before: Json, after: Json) -> str:
    if action in (ADD, CHANGE):
        return ""
    policy = "DeletionPolicy" if action == REMOVE else "UpdateReplacePolicy"
    default = (before if action == REMOVE else after).get(policy, "Delete")
    stated = str(change.get("PolicyAction") or default).replace("ReplaceAnd", "")
    return _FATES.get(stated, DELETED)


def _additions(after: Json) -> Iterator[Change]:
    for attribute, value in after.items():
        is_properties = attribute == "Properties"
        for path, _, new in _differences(_ABSENT, value, () if is_properties else (attribute,)):
            yield _change(path, _ABSENT, new)


def _changes(change: Json, before: Json, after: Json) -> Iterator[Change]:
    grouped: dict[tuple[str, str], list[Json]] = {}
    for detail in change.get("Details") or ():
        target = detail["Target"]
        grouped.setdefault((target["Attribute"], target.get("Name") or ""), []).append(detail)
    for (attribute, name), details in grouped.items():
        effect = _effect(details)
        causes = tuple(
            dict.fromkeys(
                f"{_CAUSES[each['ChangeSource']]} {each['CausingEntity']}"
                for each in details
                if each.get("ChangeSource") in _CAUSES and each.get("CausingEntity")
            )
        )
        if attribute == "Tags":
            yield Change("Tags", "(those of the stack)", "(those of the stack)", *effect, causes)
            continue
        path = (name,) if attribute == "Properties" else (attribute,)
        sides = [
            (each.get("Properties") or {} if attribute == "Properties" else each).get(path[0], _ABSENT)
            for each in (before, after)
        ]
        found = list(_differences(sides[0], sides[1], path)) if name or attribute != "Properties" else []
        if not found and sides[0] is not _ABSENT:
            # In a value that is masked.
            found = [(path, MASK, MASK)]
        for place, old, new in found:
            yield replace(_change(place, old, new), effect=effect[0], why=effect[1], causes=causes)


def _effect(details: Sequence[Json]) -> tuple[str, str]:
    """Return whether a change replaces its resource, and which class of the property says so."""
    kinds = {(each["Target"].get("RequiresRecreation", "Never"), each.get("Evaluation")) for each in details}
    if ("Always", "Static") in kinds:
        return REPLACES, "create-only"
    if ("Always", "Dynamic") in kinds:
        return MAY_REPLACE_IT, "create-only, with a value that is known after deployment only"
    return (IN_PLACE, "") if all(kind == "Never" for kind, _ in kinds) else (MAY_REPLACE_IT, "conditional")


def _differences(before: Any, after: Any, path: tuple[str | int, ...]) -> Iterator[tuple[Any, Any, Any]]:
    """Yield path and values of whatever differs, as deep as both sides have the same form."""
    if before is after or before == after:
        return
    members = [
        dict(enumerate(each)) if isinstance(each, list) else each
        for each in (before, after)
        if each is not _ABSENT
    ]
    kinds = {type(each) for each in (before, after) if each is not _ABSENT}
    if len(kinds) > 1 or not all(isinstance(each, dict) and each for each in members):
        yield path, before, after
        return
    sides = [
        {} if each is _ABSENT else dict(enumerate(each)) if isinstance(each, list) else each
        for each in (before, after)
    ]
    for key in dict.fromkeys([*sides[0], *sides[1]]):
        yield from _differences(sides[0].get(key, _ABSENT), sides[1].get(key, _ABSENT), (*path, key))


def _change(path: tuple[str | int, ...], before: Any, after: Any) -> Change:
    return Change(path_text(path), _shown(before, path), _shown(after, path))


def _shown(value: Any, path: tuple[str | int, ...]) -> Any:
    if value is _ABSENT:
        return value
    names = [str(each) for each in path]
    if isinstance(value, str) and not is_confidential(names):
        return value.replace(_KNOWN_AFTER_APPLY, _KNOWN_LATER)
    return shown(value, names)


def path_text(path: Sequence[str | int]) -> str:
    """Return a path as messages show it, such as `Tags[2].Key`."""
    return "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in path).removeprefix(".")


def _text(value: Any) -> str:
    text = (
        value if isinstance(value, str) and value.startswith("(") else json.dumps(value, ensure_ascii=False)
    )
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}..."


# --- the stack itself -------------------------------------------------------------------------------


def mapping_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return the changes from one map of values to another, such as the tags or the outputs of a stack."""
    return [
        _change(path, old, new)
        for path, old, new in _differences({**before} or _ABSENT, {**after} or _ABSENT, ())
    ]


def masked(change: Change, mask: str) -> Change:
    """Return a change with a mask in the place of its values."""
    before, after = (value if value is _ABSENT else mask for value in (change.before, change.after))
    return replace(change, before=before, after=after)
