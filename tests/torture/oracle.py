"""What must hold of a package whose template it is; nothing of the handlers in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.shared.settings import top_level

from .templates import (
    ADDITIONAL,
    ANY,
    APPROVAL,
    CARD,
    CARD_STATUS,
    CYCLE,
    DEFINITION,
    ENVIRONMENT,
    GROUP,
    METADATA,
    MOST_SPECIFICATIONS,
    MOST_VARIABLES,
    NAME,
    READ_ONLY,
    REGISTRATION,
    SOURCE,
    SPECIFICATION,
    STATUS,
    TAGS,
    TO_ADD,
    Path,
    Template,
    group_name,
    listed,
    members,
    own_tags,
    rule_at,
    tag_list,
)
from .world import Json

WRITE_ONLY = top_level("writeOnlyProperties")
SERVICE_OWNED = top_level("deprecatedProperties") - WRITE_ONLY
# Without the group, whose name and ARN are one value, and what SageMaker never tells.
CREATE_ONLY = top_level("createOnlyProperties") - WRITE_ONLY - {GROUP}


# --- what read returns ------------------------------------------------------------------------------


def contains(found: Any, wanted: Any, path: Path = (), *, strict: bool = False) -> bool:
    """Whether all that is wanted is found; members beyond it are the service's.

    Only strictly is an empty object or list something else than none.
    """
    if not strict and wanted in ({}, []) and found is None:
        return True
    if isinstance(wanted, dict):
        named = dict(members(rule_at(path)))
        return isinstance(found, dict) and all(
            contains(found.get(name), value, (*path, name if name in named else ANY), strict=strict)
            for name, value in wanted.items()
        )
    if not isinstance(wanted, list):
        return type(found) is type(wanted) and bool(found == wanted)
    if not isinstance(found, list) or len(found) != len(wanted):
        return False
    if not rule_at(path).get("insertionOrder", True):
        found, wanted = (
            sorted(each, key=lambda item: json.dumps(item, sort_keys=True)) for each in (found, wanted)
        )
    return all(contains(*pair, (*path, ANY), strict=strict) for pair in zip(found, wanted, strict=True))


def specifications(properties: Mapping[str, Any]) -> dict[str, Json]:
    """Every additional specification that a template gives, by name."""
    return {
        each["Name"]: each for name in (ADDITIONAL, TO_ADD, DEFINITION) for each in listed(properties, name)
    }


def shown(template: Template) -> Json:
    """What read has to return of a new package with this template, at least."""
    given = template.properties
    found = {
        name: value for name, value in given.items() if name not in READ_ONLY | WRITE_ONLY | SERVICE_OWNED
    }
    if template.versioned:
        found[GROUP] = group_name(given[GROUP])
    found[TAGS] = [] if template.versioned else tag_list(_tags(template))
    for name in (APPROVAL, METADATA):
        if not found.get(name):
            found.pop(name, None)
    if specifications(given):
        found[ADDITIONAL] = list(specifications(given).values())
    if given.get(ENVIRONMENT):
        found[SPECIFICATION] = deepcopy(given[SPECIFICATION])
        for container in found[SPECIFICATION]["Containers"]:
            container[ENVIRONMENT] = given[ENVIRONMENT] | container.get(ENVIRONMENT, {})
    return found


def unset(model: Json, template: Template) -> list[str]:
    """The properties that a new package's model does not have as its template says."""
    wanted = shown(template)
    return [
        name for name, value in wanted.items() if not contains(model.get(name), value, (name,), strict=True)
    ]


def unsaid(model: Json, template: Template) -> list[str]:
    """The properties that read does not return as a template says that has been an update's."""
    wanted = shown(template)
    wanted.pop(ADDITIONAL, None)
    if wanted.get("SkipModelValidation") == "None":
        del wanted["SkipModelValidation"]  # the same as nothing
    found = [name for name, value in wanted.items() if not contains(model.get(name), value, (name,))]
    existing = {each["Name"]: each for each in model.get(ADDITIONAL, ())}
    declared = {each["Name"]: each for each in template.properties.get(ADDITIONAL, ())}
    for name in specifications(template.properties):
        # What is to be added is added once, whatever becomes of it in the template.
        if not contains(existing.get(name), declared.get(name, {"Name": name}), (ADDITIONAL, ANY)):
            found.append(f"{ADDITIONAL}: {name}")
    return found


# Members that read may return although a template has nothing of the kind.
SERVICES_OWN = READ_ONLY | SERVICE_OWNED | {NAME, TAGS, STATUS, SPECIFICATION, "CertifyForMarketplace"}


def as_read(package: Json) -> Json:
    """What read returns of a package that SageMaker holds and has completed."""
    found = {name: value for name, value in package.items() if name != APPROVAL or value}
    for name in ("CreationTime", "LastModifiedTime"):
        if name in found:
            found[name] = datetime.fromtimestamp(found[name], UTC).isoformat()
    return {
        **found,
        TAGS: tag_list(own_tags({tag["Key"]: tag["Value"] for tag in package[TAGS]})),
        "ModelPackageStatusItem": {"Name": package.get(GROUP) or package[NAME], "Status": "Completed"},
    }


def _tags(template: Template) -> dict[str, str]:
    resource = {tag["Key"]: tag["Value"] for tag in template.properties.get(TAGS, ())}
    return own_tags({**template.stack_tags, **resource})


# --- what an update comes to ------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """The package after an update and the calls that write; or the code, and the properties at fault."""

    package: Json
    calls: tuple[str, ...] = ()
    code: str | None = None
    at_fault: frozenset[str] = frozenset()


def outcome(package: Json, previous: Template, desired: Template, *, replaceable: bool) -> Outcome:
    """What an update has to come to, the package being as SageMaker holds it.

    `replaceable`: whether the service lets a specification or a source be replaced.
    """
    update = _Update(package, previous, desired)
    refused = update.only_a_new_package()
    if refused:
        return Outcome(package, code="NotUpdatable", at_fault=frozenset(refused))
    tries = update.tries(replaceable=replaceable)
    if len(tries) > 1:
        return Outcome(package, code="NotUpdatable", at_fault=frozenset(each.name for each in tries))
    rest = update.in_place()
    if len(rest.get(ADDITIONAL, ())) > MOST_SPECIFICATIONS:
        # A new package would lose those that were added in earlier updates, and they are to stay.
        return Outcome(package, code="InvalidRequest", at_fault=frozenset({ADDITIONAL}))
    for each in tries:
        if each.refusal:
            return Outcome(package, code=each.refusal, at_fault=frozenset({each.name}))
    after, calls = dict(package), []
    for each in tries:
        after.update(each.sets)
        calls += ["UpdateModelPackage"] * each.calls
    if rest:
        after.update(rest)
        calls.append("UpdateModelPackage")
    after[TAGS], tag_calls = update.tags()
    return Outcome(
        {name: value for name, value in after.items() if value is not None},
        tuple(sorted([*calls, *tag_calls])),
    )


@dataclass(frozen=True)
class _Try:
    """A change that the service may refuse."""

    name: str
    sets: Json
    refusal: str | None
    """The code that the service's refusal comes to, if it refuses."""
    calls: int = 1


class _Update:
    """The rows of the decisions: what is different, and what that means."""

    def __init__(self, package: Json, previous: Template, desired: Template) -> None:
        self._live, self._templates = package, (previous, desired)
        self._before, self._after = previous.properties, desired.properties

    def _changed(self, name: str) -> bool:
        return name in self._after and not any(
            contains(state.get(name), self._after[name], (name,)) for state in (self._before, self._live)
        )

    def _removed(self, name: str) -> bool:
        return name in self._before and name in self._live and name not in self._after

    def _of_all(self, name: str, default: Any) -> tuple[Any, Any, Any]:
        before, after, live = (state.get(name, default) for state in (self._before, self._after, self._live))
        return before, after, live

    def only_a_new_package(self) -> set[str]:
        """The properties whose change the API has no call for."""
        after, live = self._after, self._live
        found = {name for name in CREATE_ONLY if self._changed(name)}
        found |= {name for name in (CARD, SOURCE, CYCLE, REGISTRATION) if self._removed(name)}
        for name, default in (("CertifyForMarketplace", False), ("SkipModelValidation", "None")):
            earlier, wanted, present = self._of_all(name, default)
            if wanted not in (earlier, present):
                found.add(name)
        if NAME in after and after[NAME] != live.get(NAME):
            found.add(NAME)
        if GROUP in after and group_name(after[GROUP]) != live.get(GROUP):
            found.add(GROUP)
        existing = specifications({ADDITIONAL: live.get(ADDITIONAL, [])})
        earlier, kept = specifications(self._before), specifications(after)
        for each in after.get(ADDITIONAL, ()):
            name, states = each["Name"], (earlier.get(each["Name"]), existing.get(each["Name"]))
            if name in existing and not any(contains(state, each, (ADDITIONAL, ANY)) for state in states):
                found.add(ADDITIONAL)
        if any(each["Name"] in existing.keys() - kept.keys() for each in self._before.get(ADDITIONAL, ())):
            found.add(ADDITIONAL)
        return found

    def tries(self, *, replaceable: bool) -> list[_Try]:
        """The changes that the service may refuse."""
        found = []
        locked = None if replaceable else "NotUpdatable"
        specification = self._with_environment()
        if specification and specification != self._live[SPECIFICATION]:
            sizes = [len(each.get(ENVIRONMENT, ())) for each in specification["Containers"]]
            # More than the API takes is a bad value, and not a thing that cannot be done.
            refusal = "InvalidRequest" if max(sizes) > MOST_VARIABLES else locked
            found.append(_Try(ENVIRONMENT, {SPECIFICATION: specification}, refusal))
        earlier, wanted, card = self._of_all(CARD, {})
        sets = {
            name: value for name, value in wanted.items() if value not in (earlier.get(name), card.get(name))
        }
        if sets:
            archived = card.get(CARD_STATUS) == "Archived" and CARD_STATUS not in sets
            found.append(_Try(CARD, {CARD: card | sets}, "NotUpdatable" if archived else None, len(sets)))
        if SOURCE in self._live and self._changed(SOURCE):
            found.append(_Try(SOURCE, {SOURCE: self._after[SOURCE]}, locked))
        return found

    def _with_environment(self) -> Json | None:
        """The live specification with the new default environment in place of the old one."""
        earlier, defaults, _ = self._of_all(ENVIRONMENT, {})
        found: Json | None = deepcopy(self._live.get(SPECIFICATION))
        if defaults == earlier or found is None:
            return found
        given = self._after.get(SPECIFICATION, {}).get("Containers", [])
        for position, container in enumerate(found["Containers"]):
            own = given[position] if position < len(given) else {}
            current, mine = container.get(ENVIRONMENT, {}), own.get(ENVIRONMENT, {})
            kept = {
                key: value
                for key, value in current.items()
                if key in mine or key in defaults or earlier.get(key) != value
            }
            kept |= {key: value for key, value in defaults.items() if key not in mine}
            if kept != current:
                container[ENVIRONMENT] = kept
        return found

    def in_place(self) -> Json:
        """What one call changes without being refused; None for what is no longer there."""
        found = {**self._approval(), **self._metadata()}
        for name in (CYCLE, REGISTRATION):
            if name in self._after and self._after[name] not in (
                self._before.get(name),
                self._live.get(name),
            ):
                found[name] = self._after[name]
        if SOURCE not in self._live and self._changed(SOURCE):
            found[SOURCE] = self._after[SOURCE]
        existing = self._live.get(ADDITIONAL, [])
        names = {each["Name"] for each in existing}
        new = [each for name, each in specifications(self._after).items() if name not in names]
        if new:
            found[ADDITIONAL] = [*existing, *new]
        return found

    def _approval(self) -> Json:
        found = {}
        for name, none, undecided in ((STATUS, None, "PendingManualApproval"), (APPROVAL, "", "")):
            earlier, wanted, live = self._of_all(name, none)
            decided = wanted not in (earlier, live)
            if name not in self._after:
                # Taken out of the template; what others have decided, which differs, is not revoked.
                wanted, decided = undecided, earlier == live not in (none, undecided)
            if decided:
                found[name] = wanted
        return found

    def _metadata(self) -> Json:
        earlier, wanted, live = self._of_all(METADATA, {})
        found = {key: value for key, value in live.items() if key in wanted or key not in earlier}
        for key, value in wanted.items():
            if value not in (earlier.get(key), live.get(key)):
                found[key] = value
        return {} if found == live else {METADATA: found or None}

    def tags(self) -> tuple[list[Json], list[str]]:
        """The tags afterwards and the calls for them."""
        live = {tag["Key"]: tag["Value"] for tag in self._live[TAGS]}
        if GROUP in self._live:
            return tag_list(live), []
        earlier, wanted = map(_tags, self._templates)
        add = {key: value for key, value in wanted.items() if value not in (earlier.get(key), live.get(key))}
        drop = [key for key in earlier if key not in wanted and key in live]
        found = {key: value for key, value in {**live, **add}.items() if key not in drop}
        return tag_list(found), ["AddTags"] * bool(add) + ["DeleteTags"] * bool(drop)


def differences(expected: Json, package: Json) -> list[str]:
    """The members in which a package is not as expected, but for what the service adds by itself."""
    names = (expected.keys() | package.keys()) - {
        *("LastModifiedTime", "LastModifiedBy", "ModelPackageStatusDetails")
    }
    if SOURCE in expected and SPECIFICATION not in expected:
        names.discard(SPECIFICATION)  # taken from the source
    return [
        name
        for name in sorted(names)
        if not contains(package.get(name), expected.get(name), (name,), strict=True)
        # New specifications get digests, tags have no order.
        or (name not in (ADDITIONAL, TAGS) and expected.get(name) != package.get(name))
    ]
