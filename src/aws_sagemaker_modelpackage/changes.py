"""Plans an update: from the previous, the desired and the live model to the calls, or NotUpdatable. Pure.

Everything that can be decided without a call is decided here, before the first write. Which changes a
package takes in place is the "Update requires" of the resource reference; the schema says the same.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sagemaker-modelpackage.html

The previous state may be the old template or the model that was last returned, so members it has beyond the
desired ones may be the service's; and what the package already is needs no call. `comparison` says what is
equal, and what was taken out of a value. A whole value that is taken out never replaces the package: it is
unset where SageMaker can do that, or stays (`kept`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudformation_cli_python_lib.exceptions import InvalidRequest, NotUpdatable

from . import combinations, probes, translate
from .classes import CLASSES
from .comparison import contained, differs, is_new, taken_out
from .probes import Probe
from .recast import PROPERTIES, SERVICE_OWNED, WRITE_ONLY
from .translate import Model

# Any change replaces the package: CloudFormation does that in stacks, Cloud Control sends the change here.
# All but the group, whose name and ARN are the same value, and what read does not return.
CREATE_ONLY = tuple(
    name for name in CLASSES["createOnlyProperties"] if name != translate.GROUP and name not in WRITE_ONLY
)
# The same of what read does not return: known by the previous template alone.
_CREATE_ONLY_UNREAD = tuple(name for name in CLASSES["createOnlyProperties"] if name in WRITE_ONLY)
# Set in place by a rule of their own, below or in `tags`.
_WITH_RULES = frozenset(
    {translate.TAGS, translate.STATUS, translate.DESCRIPTION, translate.METADATA, translate.LIFE_CYCLE}
)
# Set in place as they are: in none of the schema's classes, and without a rule of their own. What read does
# not return always needs one, because the service's answer does not say whether it is done.
SET_AS_IS = tuple(
    name
    for name in PROPERTIES
    if name not in CLASSES["createOnlyProperties"] + CLASSES["conditionalCreateOnlyProperties"]
    and name not in _WITH_RULES | SERVICE_OWNED | WRITE_ONLY
)
# Cannot be changed; absent means the same as this value.
DEFAULTS: dict[str, Any] = {"CertifyForMarketplace": False, "SkipModelValidation": "None"}
MAX_SPECIFICATIONS = combinations.MAX_SPECIFICATIONS


@dataclass(frozen=True)
class Plan:
    """The calls of an update, in order, each as the arguments of UpdateModelPackage.

    After `source` the package may have another specification, so it goes before the rest.
    """

    probe: Probe | None = None
    source: Model = field(default_factory=dict)
    update: Model = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is any call."""
        return bool(self.probe or self.source or self.update)

    @property
    def sets_source(self) -> bool:
        """Whether a call before the last one sets a SourceUri that may bring another specification."""
        call = self.source or (self.probe.calls[0] if self.probe else {})
        return translate.may_derive_specification(call)


def plan(desired: Model, previous: Model | None, live: Model) -> Plan:
    """The calls that turn the live package into the desired one.

    All three are models as `translate` makes them. Without a previous state nothing counts as removed.

    Raises:
        NotUpdatable: only a new package can be the desired one; the message names the properties.
        InvalidRequest: no package can be the desired one.
    """
    combinations.check_environment(desired, live)
    previous = previous or {}
    _refuse_replacing(desired, previous, live)
    attempts = [
        *probes.environment(desired, previous, live),
        *probes.model_card(desired, previous, live),
        *probes.source_uri(desired, previous, live),
    ]
    probe = _only_one(attempts)
    source = _first_source(desired, previous, live)
    update = {
        **_approval(desired, previous, live),
        **_metadata(desired, previous, live),
        **_specifications(desired, live),
        **_life_cycle(desired, previous, live),
        **{name: desired[name] for name in SET_AS_IS if is_new(name, desired, previous, live)},
    }
    combinations.check_additions(desired, {**update, **source}, live)
    if translate.SPECIFICATION in desired and translate.may_derive_specification(source):
        return Plan(probe, source, update)
    return Plan(probe, {}, {**update, **source})


# --- what only a new package can be -----------------------------------------------------------------


def _refuse_replacing(desired: Model, previous: Model, live: Model) -> None:
    """Raise NotUpdatable with every reason, so that all can be corrected at once."""
    reasons = dict.fromkeys(_not_in_place(desired, previous, live))
    if reasons:
        raise NotUpdatable("; ".join(f"{name} cannot be updated in place: {why}" for name, why in reasons))


def _not_in_place(desired: Model, previous: Model, live: Model) -> Iterator[tuple[str, str]]:
    if translate.NAME in desired and not _same_name(desired[translate.NAME], previous, live):
        yield translate.NAME, "SageMaker cannot rename a package"
    if translate.GROUP in desired and not _same_group(desired[translate.GROUP], previous, live):
        yield translate.GROUP, "a version cannot move to another group"
    for name in CREATE_ONLY:
        if name in desired and (
            _specification_differs(desired, previous, live)
            if name == translate.SPECIFICATION
            else differs(desired[name], previous.get(name), live.get(name), name)
        ):
            yield name, _CANNOT_CHANGE
    for name, default in DEFAULTS.items():
        if name in desired and desired[name] not in (previous.get(name, default), live.get(name, default)):
            yield name, _CANNOT_CHANGE
    for name in _CREATE_ONLY_UNREAD:
        # Read returns none, so that a first one is no change.
        value = previous.get(name)
        if value is not None and name in desired and differs(desired[name], value, value, name):
            yield name, _CANNOT_CHANGE
    if probes.archives_for_good(desired, previous, live):
        yield "ModelCard", "the content of an archived card cannot change, so a rollback could not restore it"
    yield from _specifications_not_in_place(desired, previous, live)


_CANNOT_CHANGE = "SageMaker cannot change it on an existing package"


def other_values(
    desired: Model, arguments: Model, described: Mapping[str, Any], *, is_older: bool
) -> list[str]:
    """Names of what a package was not created with that a create asks for, or the other way round.

    What can be changed is compared only as far as the create asks for it: it may have been changed since. A
    package that is older than the create has what a second call gives it, or is another one.
    """
    live = dict(described)
    later = translate.missing_after_create(desired, live) if is_older else {}
    lacking = (name for name, value in later.items() if value != live.get(name))
    return list(dict.fromkeys([*_other_values(desired, arguments, live), *lacking]))


def _other_values(desired: Model, arguments: Model, live: Model) -> Iterator[str]:
    if translate.GROUP in arguments and not _same_group(arguments[translate.GROUP], {}, live):
        yield translate.GROUP
    if translate.NAME in arguments and not _same_name(arguments[translate.NAME], {}, live):
        yield translate.NAME
    for name in CREATE_ONLY:
        is_derived = name == translate.SPECIFICATION and translate.may_derive_specification(arguments)
        value, live_value = arguments.get(name), live.get(name)
        if (
            differs(value, live_value, live_value, name)
            if name in arguments
            else (not is_derived and taken_out(None, live_value, live_value, name))
        ):
            yield name
    for name, default in DEFAULTS.items():
        if name in live and arguments.get(name, default) != live[name]:
            yield name
    live_ones = _by_name(live.get(translate.ADDITIONAL))
    for each in arguments.get(translate.ADDITIONAL, ()):
        live_one = live_ones.get(str(each.get("Name")))
        if live_one is None or differs(each, live_one, live_one, translate.ADDITIONAL):
            yield translate.ADDITIONAL
    for name in ("ModelCard", translate.LIFE_CYCLE, *SET_AS_IS, translate.METADATA):
        if is_new(name, arguments, live):
            yield name
    if "SourceUri" in live and is_new("SourceUri", desired, live):
        yield "SourceUri"
    if (
        arguments.get(translate.STATUS, translate.UNDECIDED)
        != translate.UNDECIDED
        == live.get(translate.STATUS)
    ):
        yield translate.STATUS


def _same_name(desired: str, previous: Model, live: Model) -> bool:
    """Whether a name is the package's; SageMaker may write it in lower case, or leave it out."""
    last_part = str(live.get(translate.IDENTIFIER, "")).rpartition("/")[2]
    described = live.get(translate.NAME) or ("" if translate.is_versioned(live) else last_part)
    return desired.lower() in (str(previous.get(translate.NAME, "")).lower(), described.lower())


def _same_group(desired: str, previous: Model, live: Model) -> bool:
    """Whether a name or an ARN names the group of the live package, or the one it was created with."""
    name = str(live.get(translate.GROUP, ""))
    known = {str(previous.get(translate.GROUP, "")).lower(), name.lower()}
    own = str(live.get(translate.IDENTIFIER, "")).split(":")
    if len(own) >= 6 and name:
        known.add(":".join([*own[:5], f"model-package-group/{name}"]).lower())
    return desired.lower() in known


def _specification_differs(desired: Model, previous: Model, live: Model) -> bool:
    """Whether a specification differs, but for environments that the defaults give its containers."""
    specifications = [state.get(translate.SPECIFICATION) for state in (desired, previous, live)]
    whole, previous_whole, live_whole = map(_without_environments, specifications)
    if differs(whole, previous_whole, live_whole, translate.SPECIFICATION):
        return True
    defaults, previous_defaults = (state.get(translate.ENVIRONMENT) or {} for state in (desired, previous))
    for _, own, before, now in zip(
        translate.containers(specifications[0]), *map(translate.environments, specifications), strict=False
    ):
        if any(value not in (before.get(key), now.get(key)) for key, value in own.items()):
            return True
        if any(
            key in now and key not in own and key not in defaults and previous_defaults.get(key) != now[key]
            for key in before
        ):
            return True
    return False


def _without_environments(specification: Mapping[str, Any] | None) -> Model | None:
    if specification is None:
        return None
    containers = [
        {name: value for name, value in container.items() if name != translate.ENVIRONMENT}
        for container in translate.containers(specification)
    ]
    return {**specification, "Containers": containers}


def _specifications_not_in_place(desired: Model, previous: Model, live: Model) -> Iterator[tuple[str, str]]:
    """Additional specifications can only be added, not changed."""
    live_ones = _by_name(live.get(translate.ADDITIONAL))
    previous_ones = _by_name(translate.all_specifications(previous))
    for source, specification in translate.specifications(desired):
        name = str(specification.get("Name"))
        live_one = live_ones.get(name)
        if live_one and differs(
            specification, previous_ones.get(name, live_one), live_one, translate.ADDITIONAL
        ):
            yield source, f"{name} exists, and SageMaker can only add specifications"


def is_done(change: Model, described: Mapping[str, Any]) -> bool:
    """Whether a described package has what these arguments of UpdateModelPackage would give it."""
    added = _by_name(described.get(translate.ADDITIONAL))
    desired = _by_name(change.get(translate.TO_ADD))
    dropped = change.get(translate.TO_REMOVE, ())
    rest = {
        name: value for name, value in change.items() if name not in (translate.TO_ADD, translate.TO_REMOVE)
    }
    return (
        all(contained(each, added.get(name), translate.ADDITIONAL) for name, each in desired.items())
        and all(contained(value, described.get(name), name) for name, value in rest.items())
        and not any(key in described.get(translate.METADATA, {}) for key in dropped)
    )


def _by_name(specifications: Sequence[Mapping[str, Any]] | None) -> dict[str, Mapping[str, Any]]:
    return {str(each.get("Name")): each for each in specifications or ()}


# --- what the service may refuse --------------------------------------------------------------------


def _only_one(probes: list[Probe]) -> Probe | None:
    """The one probe; a removal counts, because the rollback of its update sets the value again.

    Raises:
        NotUpdatable: there are more.
    """
    if len(probes) > 1:
        names = " and ".join(probe.property for probe in probes)
        raise NotUpdatable(f"{names} cannot be updated in place together: SageMaker may refuse either")
    return probes[0] if probes else None


def is_new_source(desired: Model, previous: Model | None) -> bool:
    """Whether a template has a SourceUri that the previous one has not."""
    return is_new("SourceUri", desired, previous or {})


# --- what is done in place --------------------------------------------------------------------------


def _approval(desired: Model, previous: Model, live: Model) -> Model:
    status, description = translate.STATUS, translate.DESCRIPTION
    arguments: Model = {}
    if is_new(status, desired, previous, live):
        arguments[status] = desired[status]
    elif status not in desired and live.get(status) == previous.get(status) not in (
        None,
        translate.UNDECIDED,
    ):
        # Taken out of the template. An approval given outside the stack, which differs, is not revoked.
        arguments[status] = translate.UNDECIDED
    previous_text, live_text = previous.get(description, ""), live.get(description, "")
    if description in desired:
        if desired[description] not in (previous_text, live_text):
            arguments = {**translate.approval(live, desired[description]), **arguments}
    elif previous_text and previous_text == live_text:
        arguments = {**translate.approval(live, ""), **arguments}
    return arguments


def _metadata(desired: Model, previous: Model, live: Model) -> Model:
    desired, previous, live = (state.get(translate.METADATA) or {} for state in (desired, previous, live))
    put = {k: v for k, v in desired.items() if v not in (previous.get(k), live.get(k))}
    # A value that was changed outside belongs to another client.
    drop = [key for key, value in previous.items() if key not in desired and live.get(key) == value]
    return {
        **({translate.METADATA: put} if put else {}),
        **({translate.TO_REMOVE: drop} if drop else {}),
    }


def _specifications(desired: Model, live: Model) -> Model:
    live_ones = _by_name(live.get(translate.ADDITIONAL))
    new = [each for each in translate.all_specifications(desired) if str(each.get("Name")) not in live_ones]
    if new and len(live_ones) + len(new) > MAX_SPECIFICATIONS:
        raise InvalidRequest(
            f"{translate.ADDITIONAL}: the package has {len(live_ones)} additional specifications and can have"
            f" {MAX_SPECIFICATIONS}, {len(new)} more do not fit"
        )
    return {translate.TO_ADD: new} if new else {}


def _first_source(desired: Model, previous: Model, live: Model) -> Model:
    if "SourceUri" not in live and is_new("SourceUri", desired, previous, live):
        return {"SourceUri": desired["SourceUri"]}
    return {}


def _life_cycle(desired: Model, previous: Model, live: Model) -> Model:
    """A life cycle as a whole, because the service replaces it so; it echoes what it gets, an empty text too.

    A stage and its status belong together: where the template changes neither they are those of the package,
    which another client may have promoted.
    """
    name, text = translate.LIFE_CYCLE, "StageDescription"
    own, previous_own, now = (state.get(name) or {} for state in (desired, previous, live))
    if name not in desired or own in (previous_own, now) or (not previous and contained(own, now, name)):
        return {}
    if not now or any(own.get(member) != previous_own.get(member) for member in own if member != text):
        return {name: own}
    changed = {**now, **({text: own[text]} if text in own else {})}
    if text not in own and now.get(text) == previous_own.get(text):
        changed.pop(text, None)
    return {name: changed} if changed != now else {}
