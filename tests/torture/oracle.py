"""The expected results of creates, reads and updates, by the documented rules and not by the handlers.

`missing_after_create` and `missing_after_update` compare a template with what read returns; `outcome` is what
an update has to come to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.shared.settings import top_level

from .paths import ANY, Path, members, rule_at
from .templates import (
    ADDITIONAL,
    APPROVAL,
    CARD,
    CARD_STATUS,
    CYCLE,
    DEFINITION,
    ENVIRONMENT,
    GROUP,
    MAX_SPECIFICATIONS,
    MAX_VARIABLES,
    METADATA,
    NAME,
    READ_ONLY,
    REGISTRATION,
    SOURCE,
    SPECIFICATION,
    STATUS,
    TAGS,
    TO_ADD,
    Template,
    as_list,
    group_name,
    own_tags,
    tag_list,
)
from .world import Json

WRITE_ONLY = top_level("writeOnlyProperties")
SERVICE_OWNED = top_level("deprecatedProperties") - WRITE_ONLY
# Without the group, whose name and ARN are one value, and what SageMaker never returns.
CREATE_ONLY = top_level("createOnlyProperties") - WRITE_ONLY - {GROUP}


# --- what read returns ------------------------------------------------------------------------------


def contains(actual: Any, desired: Any, path: Path = (), *, strict: bool = False) -> bool:
    """Whether a value has all that is desired; it may have more members, which the service adds.

    Only if strict is an empty object or list different from none.
    """
    if not strict and desired in ({}, []) and actual is None:
        return True
    if isinstance(desired, dict):
        named = dict(members(rule_at(path)))
        return isinstance(actual, dict) and all(
            contains(actual.get(name), value, (*path, name if name in named else ANY), strict=strict)
            for name, value in desired.items()
        )
    if not isinstance(desired, list):
        return type(actual) is type(desired) and bool(actual == desired)
    if not isinstance(actual, list) or len(actual) != len(desired):
        return False
    if not rule_at(path).get("insertionOrder", True):
        actual, desired = (
            sorted(each, key=lambda item: json.dumps(item, sort_keys=True)) for each in (actual, desired)
        )
    pairs = zip(actual, desired, strict=True)
    return all(contains(*pair, (*path, ANY), strict=strict) for pair in pairs)


def specifications(properties: Mapping[str, Any]) -> dict[str, Json]:
    """Every additional specification of a template, by name."""
    return {
        each["Name"]: each for name in (ADDITIONAL, TO_ADD, DEFINITION) for each in as_list(properties, name)
    }


def expected_model(template: Template) -> Json:
    """What read has to return of a new package with this template, at least."""
    given = template.properties
    model = {
        name: value for name, value in given.items() if name not in READ_ONLY | WRITE_ONLY | SERVICE_OWNED
    }
    if template.versioned:
        model[GROUP] = group_name(given[GROUP])
    model[TAGS] = [] if template.versioned else tag_list(_tags(template))
    for name in (APPROVAL, METADATA):
        if not model.get(name):
            model.pop(name, None)
    if specifications(given):
        model[ADDITIONAL] = list(specifications(given).values())
    if given.get(ENVIRONMENT):
        model[SPECIFICATION] = deepcopy(given[SPECIFICATION])
        for container in model[SPECIFICATION]["Containers"]:
            container[ENVIRONMENT] = given[ENVIRONMENT] | container.get(ENVIRONMENT, {})
    return model


def missing_after_create(model: Json, template: Template) -> list[str]:
    """The properties that a new package's model does not have as its template says."""
    expected = expected_model(template).items()
    return [name for name, value in expected if not contains(model.get(name), value, (name,), strict=True)]


def missing_after_update(model: Json, template: Template) -> list[str]:
    """The properties that the model of an updated package does not have as its template says."""
    expected = expected_model(template)
    expected.pop(ADDITIONAL, None)
    if expected.get("SkipModelValidation") == "None":
        del expected["SkipModelValidation"]  # the same as absent
    missing = [name for name, value in expected.items() if not contains(model.get(name), value, (name,))]
    live = {each["Name"]: each for each in model.get(ADDITIONAL, ())}
    declared = {each["Name"]: each for each in template.properties.get(ADDITIONAL, ())}
    for name in specifications(template.properties):
        # What is to be added is added once, whatever becomes of it in the template.
        if not contains(live.get(name), declared.get(name, {"Name": name}), (ADDITIONAL, ANY)):
            missing.append(f"{ADDITIONAL}: {name}")
    return missing


SERVICES_OWN = READ_ONLY | SERVICE_OWNED | {NAME, TAGS, STATUS, SPECIFICATION, "CertifyForMarketplace"}
"""Members that read may return although a template has nothing of the kind."""


def as_read(package: Json) -> Json:
    """What read returns of a package that SageMaker has completed."""
    model = {name: value for name, value in package.items() if name != APPROVAL or value}
    for name in ("CreationTime", "LastModifiedTime"):
        if name in model:
            model[name] = datetime.fromtimestamp(model[name], UTC).isoformat()
    return {
        **model,
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
    """What an update has to come to, the package being as SageMaker stores it.

    `replaceable`: whether the service lets a specification or a source be replaced.
    """
    update = _Update(package, previous, desired)
    if impossible := update.only_a_new_package():
        return Outcome(package, code="NotUpdatable", at_fault=frozenset(impossible))
    attempts = update.attempts(replaceable=replaceable)
    if len(attempts) > 1:
        return Outcome(package, code="NotUpdatable", at_fault=frozenset(each.name for each in attempts))
    rest = update.in_place()
    if len(rest.get(ADDITIONAL, ())) > MAX_SPECIFICATIONS:
        # A new package would lose those that earlier updates added, and they are to stay.
        return Outcome(package, code="InvalidRequest", at_fault=frozenset({ADDITIONAL}))
    after, calls = dict(package), []
    for each in attempts:
        if each.refusal:
            return Outcome(package, code=each.refusal, at_fault=frozenset({each.name}))
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
class _Attempt:
    """A change that the service may refuse."""

    name: str
    sets: Json
    refusal: str | None
    """The code of the service's refusal, if it refuses."""
    calls: int = 1


class _Update:
    """The rules of an update: what differs between previous, desired and live, and what that means."""

    def __init__(self, package: Json, previous: Template, desired: Template) -> None:
        self._live, self._templates = package, (previous, desired)
        self._previous, self._desired = previous.properties, desired.properties

    def _is_changed(self, name: str) -> bool:
        return name in self._desired and not any(
            contains(state.get(name), self._desired[name], (name,)) for state in (self._previous, self._live)
        )

    def _is_removed(self, name: str) -> bool:
        return name in self._previous and name in self._live and name not in self._desired

    def _states(self, name: str, default: Any) -> tuple[Any, Any, Any]:
        """A property's values: previous, desired, live."""
        previous, desired, live = (
            state.get(name, default) for state in (self._previous, self._desired, self._live)
        )
        return previous, desired, live

    def only_a_new_package(self) -> set[str]:
        """The properties whose change the API has no call for."""
        after, live = self._desired, self._live
        names = {name for name in CREATE_ONLY if self._is_changed(name)}
        names |= {name for name in (CARD, SOURCE, CYCLE, REGISTRATION) if self._is_removed(name)}
        for name, default in (("CertifyForMarketplace", False), ("SkipModelValidation", "None")):
            previous, desired, present = self._states(name, default)
            if desired not in (previous, present):
                names.add(name)
        if NAME in after and after[NAME] != live.get(NAME):
            names.add(NAME)
        if GROUP in after and group_name(after[GROUP]) != live.get(GROUP):
            names.add(GROUP)
        live_by_name = specifications({ADDITIONAL: live.get(ADDITIONAL, [])})
        previous_by_name, kept = specifications(self._previous), specifications(after)
        for each in after.get(ADDITIONAL, ()):
            name, states = each["Name"], (previous_by_name.get(each["Name"]), live_by_name.get(each["Name"]))
            if name in live_by_name and not any(contains(state, each, (ADDITIONAL, ANY)) for state in states):
                names.add(ADDITIONAL)
        if any(
            each["Name"] in live_by_name.keys() - kept.keys() for each in self._previous.get(ADDITIONAL, ())
        ):
            names.add(ADDITIONAL)
        return names

    def attempts(self, *, replaceable: bool) -> list[_Attempt]:
        attempts = []
        refusal = None if replaceable else "NotUpdatable"
        specification = self._with_environment()
        if specification and specification != self._live[SPECIFICATION]:
            sizes = [len(each.get(ENVIRONMENT, ())) for each in specification["Containers"]]
            # More than the API accepts is a bad value, and not something that cannot be done.
            too_many = max(sizes) > MAX_VARIABLES
            sets = {SPECIFICATION: specification}
            attempts.append(_Attempt(ENVIRONMENT, sets, "InvalidRequest" if too_many else refusal))
        previous, desired, card = self._states(CARD, {})
        sets = {
            name: value
            for name, value in desired.items()
            if value not in (previous.get(name), card.get(name))
        }
        if sets:
            archived = card.get(CARD_STATUS) == "Archived" and CARD_STATUS not in sets
            attempts.append(
                _Attempt(CARD, {CARD: card | sets}, "NotUpdatable" if archived else None, len(sets))
            )
        if SOURCE in self._live and self._is_changed(SOURCE):
            attempts.append(_Attempt(SOURCE, {SOURCE: self._desired[SOURCE]}, refusal))
        return attempts

    def _with_environment(self) -> Json | None:
        """The live specification with the desired default environment in place of the previous one."""
        previous, defaults, _ = self._states(ENVIRONMENT, {})
        specification: Json | None = deepcopy(self._live.get(SPECIFICATION))
        if defaults == previous or specification is None:
            return specification
        given = self._desired.get(SPECIFICATION, {}).get("Containers", [])
        for position, container in enumerate(specification["Containers"]):
            own = given[position].get(ENVIRONMENT, {}) if position < len(given) else {}
            live = container.get(ENVIRONMENT, {})
            kept = {
                key: value
                for key, value in live.items()
                if key in own or key in defaults or previous.get(key) != value
            }
            kept |= {key: value for key, value in defaults.items() if key not in own}
            if kept != live:
                container[ENVIRONMENT] = kept
        return specification

    def in_place(self) -> Json:
        """What one call changes without being refused; None for what is removed."""
        sets = {**self._approval(), **self._metadata()}
        for name in (CYCLE, REGISTRATION):
            previous, desired, live = self._states(name, None)
            if desired is not None and desired not in (previous, live):
                sets[name] = desired
        if SOURCE not in self._live and self._is_changed(SOURCE):
            sets[SOURCE] = self._desired[SOURCE]
        live = self._live.get(ADDITIONAL, [])
        names = {each["Name"] for each in live}
        new = [each for name, each in specifications(self._desired).items() if name not in names]
        if new:
            sets[ADDITIONAL] = [*live, *new]
        return sets

    def _approval(self) -> Json:
        sets = {}
        for name, none, undecided in ((STATUS, None, "PendingManualApproval"), (APPROVAL, "", "")):
            previous, desired, live = self._states(name, none)
            decided = desired not in (previous, live)
            if name not in self._desired:
                # Removed from the template; what other clients have decided, which differs, is not revoked.
                desired, decided = undecided, previous == live not in (none, undecided)
            if decided:
                sets[name] = desired
        return sets

    def _metadata(self) -> Json:
        previous, desired, live = self._states(METADATA, {})
        after = {key: value for key, value in live.items() if key in desired or key not in previous}
        for key, value in desired.items():
            if value not in (previous.get(key), live.get(key)):
                after[key] = value
        return {} if after == live else {METADATA: after or None}

    def tags(self) -> tuple[list[Json], list[str]]:
        """The tags afterwards and the calls for them."""
        live = {tag["Key"]: tag["Value"] for tag in self._live[TAGS]}
        if GROUP in self._live:
            return tag_list(live), []
        previous, desired = map(_tags, self._templates)
        add = {
            key: value for key, value in desired.items() if value not in (previous.get(key), live.get(key))
        }
        drop = [key for key in previous if key not in desired and key in live]
        after = {key: value for key, value in {**live, **add}.items() if key not in drop}
        return tag_list(after), ["AddTags"] * bool(add) + ["DeleteTags"] * bool(drop)


def differences(expected: Json, package: Json) -> list[str]:
    """The members in which a package is not as expected, without those that the service adds by itself."""
    names = (expected.keys() | package.keys()) - {
        *("LastModifiedTime", "LastModifiedBy", "ModelPackageStatusDetails")
    }
    if SOURCE in expected and SPECIFICATION not in expected:
        names.discard(SPECIFICATION)  # copied from the source
    return [
        name
        for name in sorted(names)
        if not contains(package.get(name), expected.get(name), (name,), strict=True)
        # New specifications get digests, tags have no order.
        or (name not in (ADDITIONAL, TAGS) and expected.get(name) != package.get(name))
    ]
