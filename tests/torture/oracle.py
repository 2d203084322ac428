"""The expected results of creates, reads and updates, by the documented rules and not by the handlers.

`missing_after_create` and `missing_after_update` compare a template with what read returns; `outcomes` is
what an update may come to.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sandbox.shared.settings import schema, top_level

from .paths import ANY, Path, members, rule_at
from .templates import (
    ADDITIONAL,
    APPROVAL,
    CARD,
    DEFINITION,
    ENVIRONMENT,
    GROUP,
    METADATA,
    NAME,
    READ_ONLY,
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
from .verdicts import DEFAULTS, Update, Way, endings
from .world import Json

WRITE_ONLY = top_level("writeOnlyProperties")
SERVICE_OWNED = top_level("deprecatedProperties") - WRITE_ONLY
# Without the group, whose name and ARN are one value, and what SageMaker never returns.
CREATE_ONLY = top_level("createOnlyProperties") - WRITE_ONLY - {GROUP}
# What one call sets in place: in no class; tags have calls of their own.
IN_ONE_CALL = (
    schema()["properties"].keys()
    - {TAGS}
    - top_level("createOnlyProperties")
    - top_level("conditionalCreateOnlyProperties")
    - READ_ONLY
    - SERVICE_OWNED
)


# --- what read returns ------------------------------------------------------------------------------


def contains(actual: Any, desired: Any, path: Path = (), *, strict: bool = False) -> bool:
    """Whether a value has all that is desired; it may have more members, which the service adds.

    Only if strict is an empty object, list or text different from none.
    """
    if not strict and desired in ({}, [], "") and actual is None:
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
        actual, desired = (sorted(each, key=_name_or_text) for each in (actual, desired))
    pairs = zip(actual, desired, strict=True)
    return all(contains(*pair, (*path, ANY), strict=strict) for pair in pairs)


def _name_or_text(item: Any) -> str:
    """What tells the items of a list without an order apart, whatever members the service adds."""
    return str(item.get("Name", item.get("Key"))) if isinstance(item, dict) else str(item)


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
    for name in (APPROVAL, METADATA, SOURCE):
        if not model.get(name):
            model.pop(name, None)
    if specifications(given):
        model[ADDITIONAL] = list(specifications(given).values())
    if given.get(ENVIRONMENT):
        model[SPECIFICATION] = deepcopy(given[SPECIFICATION])
        for container in model[SPECIFICATION]["Containers"]:
            own = container.get(ENVIRONMENT, {})
            # Of a state that read returned no variable is the container's own.
            container[ENVIRONMENT] = (
                own | given[ENVIRONMENT] if _was_read(template) else given[ENVIRONMENT] | own
            )
    return model


def _was_read(template: Template) -> bool:
    """Whether it is what read returned, with Cloud Control's patch or without one."""
    return "ModelPackageArn" in template.properties


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
    known = {name: value for name, value in package.items() if name not in WRITE_ONLY}
    model = {name: value for name, value in known.items() if name != APPROVAL or value}
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
    """The package after an update and the calls that write; or the code, and what is at fault."""

    package: Json
    calls: tuple[str, ...] = ()
    code: str | None = None
    at_fault: frozenset[str] = frozenset()
    """What a failure's message has to name; of a success, what stays."""
    may_name: frozenset[str] = frozenset()
    """What the message of a success may name beside that."""


def outcomes(package: Json, previous: Template, desired: Template, *, replaceable: bool) -> list[Outcome]:
    """What an update may come to, the package being as SageMaker stores it: most often one outcome.

    `replaceable`: whether the service lets a specification or a source be replaced.
    """
    way = Way.CLOUD_CONTROL if _was_read(previous) else Way.STACK
    tags = (previous.stack_tags, desired.stack_tags)
    # An empty source is none.
    before, after = (
        {name: value for name, value in each.properties.items() if (name, value) != (SOURCE, "")}
        for each in (previous, desired)
    )
    if after.get(APPROVAL) == "" and before.get(APPROVAL):
        # Spelled out, an empty description replaces what other clients have written.
        before[APPROVAL] = package.get(APPROVAL, "")
    # A whole value that is taken out stays, whatever its default.
    kept = {
        name: package[name]
        for name, default in DEFAULTS.items()
        if name not in after and default not in (before.get(name, default), package.get(name, default))
    }
    update = Update(way, before, after | kept, package, tags, replaceable)
    tried = [
        _tried(package, each.package) for each in endings(replace(update, replaceable=True)) if not each.code
    ]
    if tried and len(tried[0]) > 1:
        # Two changes that the service may refuse are never made in one update.
        return [Outcome(package, code="NotUpdatable", at_fault=frozenset(tried[0]))]
    possible = endings(update)
    staying = frozenset(kept)
    if any(each.names == {ENVIRONMENT} and not each.code for each in possible):
        # The service refuses to take the defaults out: they stay, and the rest of the update is made.
        without = {name: value for name, value in before.items() if name != ENVIRONMENT}
        possible = endings(replace(update, previous=without))
        staying |= {ENVIRONMENT}
    return [
        Outcome(each.package, code=each.code, at_fault=each.names)
        if each.code
        else Outcome(
            each.package,
            _calls(package, each.package, after),
            at_fault=each.names | staying,
            may_name=each.may_name,
        )
        for each in possible
    ]


def chosen(possible: list[Outcome], code: str | None, calls: tuple[str, ...]) -> Outcome:
    """The outcome with a code and calls, or else the first with the code, or else the first."""
    alike = [each for each in possible if each.code == code] or possible
    return next((each for each in alike if each.calls == calls), alike[0])


def _tried(before: Json, after: Json) -> list[str]:
    """The changes that the service may refuse."""
    changed = [name for name in (SPECIFICATION, CARD, SOURCE) if before.get(name) != after.get(name)]
    if SOURCE not in before and SOURCE in changed:
        changed.remove(SOURCE)
    return [ENVIRONMENT if name == SPECIFICATION else name for name in changed]


def _calls(before: Json, after: Json, template: Json) -> tuple[str, ...]:
    """The writing calls that make one package of another: as few as the service lets there be."""

    def changed(*names: str) -> bool:
        return any(before.get(name) != after.get(name) for name in names)

    old, new = before.get(CARD), after.get(CARD, {})
    # The first card takes one call, a change of both members takes two.
    card = sum(old.get(name) != value for name, value in new.items()) if old else len(new) > 0
    rest = changed(*IN_ONE_CALL, ADDITIONAL)
    # A source that may bring another specification than the template's comes before all else.
    apart = SOURCE in before or (SPECIFICATION in template and after.get(SOURCE, "").startswith("arn:"))
    source = changed(SOURCE)
    updates = changed(SPECIFICATION) + int(card) + (source + rest if apart else source or rest)
    tags = [{tag["Key"]: tag["Value"] for tag in each[TAGS]} for each in (before, after)]
    added = any(tags[0].get(key) != value for key, value in tags[1].items())
    dropped = any(key not in tags[1] for key in tags[0])
    return tuple(sorted(["UpdateModelPackage"] * updates + ["AddTags"] * added + ["DeleteTags"] * dropped))


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
