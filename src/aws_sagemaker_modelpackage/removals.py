"""Says what a template no longer has and the package keeps, for the message of an update. Pure.

Some values SageMaker cannot unset, so they stay. Others it can, but a value that was changed outside the
stack belongs to the client that changed it.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import tags, translate
from .changes import CREATE_ONLY, DEFAULTS, SET_AS_IS
from .errors import join
from .probes import CARD_MEMBERS
from .translate import Model

# Values that can be set and not be unset.
_WHOLE = (*CREATE_ONLY, translate.GROUP, "SourceUri", translate.LIFE_CYCLE, *SET_AS_IS)
# Of the names in a message, which has a thousand characters with the rest.
_MAX_NAMES_CHARACTERS = 650


def message(
    desired: Model, previous: Model | None, live: Model, previous_tags: tags.Tags, desired_tags: tags.Tags
) -> str:
    """What stays on the package although the update's template no longer has it; empty when nothing does.

    `live` is the model after the update, with its tags; the other tags are merged with the stack's. It
    names properties, specifications and keys, no values.
    """
    previous = previous or {}
    cannot = [*_not_removable(desired, previous, live)]
    outside = [
        *_changed_outside(desired, previous, live),
        *_keys_changed_outside(
            translate.TAGS, desired_tags, previous_tags, tags.merged(live.get(translate.TAGS), None)
        ),
    ]
    most = _MAX_NAMES_CHARACTERS // (2 if cannot and outside else 1)
    reasons = (("SageMaker cannot remove ", cannot), ("changed outside the template since: ", outside))
    notes = [
        f"{reason}{join(names, ', ', most)}, which stay{'s' if len(names) == 1 else ''}"
        for reason, names in reasons
        if names
    ]
    if translate.is_replaced_by_source(desired, live):
        notes.append("InferenceSpecification is not the template's: SageMaker took it from SourceUri")
    return ". ".join(notes)


def _not_removable(desired: Model, previous: Model, live: Model) -> Iterator[str]:
    for name in _WHOLE:
        if name not in desired and name in previous and name in live and not _is_derived(name, desired):
            yield name
    for name, default in DEFAULTS.items():
        if name not in desired and default not in (previous.get(name, default), live.get(name, default)):
            yield name
    card, previous_card, live_card = (state.get("ModelCard") or {} for state in (desired, previous, live))
    members = [
        each for each in CARD_MEMBERS if each in previous_card and each in live_card and each not in card
    ]
    if members:
        yield from [f"ModelCard.{each}" for each in members] if card else ["ModelCard"]
    names, previous_names, live_names = (
        {str(each.get("Name")): source for source, each in translate.specifications(state)}
        for state in (desired, previous, live)
    )
    named = set()
    for name, source in previous_names.items():
        if name in live_names and name not in names:
            yield name if source in named else f"{source} {name}"
            named.add(source)
    for key, value, live_value in _environment_defaults(desired, previous, live):
        if value == live_value:
            yield f"{translate.ENVIRONMENT}.{key}"


def _is_derived(name: str, desired: Model) -> bool:
    """Whether SageMaker makes a value out of others: then read returns what no template had."""
    return name == translate.SPECIFICATION and translate.may_derive_specification(desired)


def _changed_outside(desired: Model, previous: Model, live: Model) -> Iterator[str]:
    for name, nothing in ((translate.STATUS, translate.UNDECIDED), (translate.DESCRIPTION, None)):
        is_set = live.get(name) not in (nothing, None, "")
        if name not in desired and name in previous and is_set and live[name] != previous[name]:
            yield name
    yield from _keys_changed_outside(
        translate.METADATA, *(state.get(translate.METADATA) or {} for state in (desired, previous, live))
    )
    cycle, previous_cycle, live_cycle = (
        state.get(translate.LIFE_CYCLE) or {} for state in (desired, previous, live)
    )
    if cycle:
        yield from _keys_changed_outside(translate.LIFE_CYCLE, cycle, previous_cycle, live_cycle)
    for key, value, live_value in _environment_defaults(desired, previous, live):
        if value != live_value:
            yield f"{translate.ENVIRONMENT}.{key}"


def _keys_changed_outside(
    name: str, desired: Mapping[str, Any], previous: Mapping[str, Any], live: Mapping[str, Any]
) -> list[str]:
    """Keys that the template no longer has, and whose value is no more the template's."""
    return [
        f"{name}.{key}"
        for key, value in previous.items()
        if key not in desired and live.get(key, value) != value
    ]


def _environment_defaults(desired: Model, previous: Model, live: Model) -> Iterator[tuple[str, str, str]]:
    """The defaults that the template no longer has and a container does: key, its old and its live value."""
    defaults = desired.get(translate.ENVIRONMENT) or {}
    given, package = desired.get(translate.SPECIFICATION), live.get(translate.SPECIFICATION)
    for key, value in (previous.get(translate.ENVIRONMENT) or {}).items():
        values = [
            environment[key]
            for _, environment, own in zip(
                translate.containers(package),
                translate.environments(package),
                translate.environments(given),
                strict=False,
            )
            if key in environment and key not in own
        ]
        if values and key not in defaults:
            yield key, value, value if value in values else values[0]
