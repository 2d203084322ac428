"""Plans an update: from the previous, the desired and the live model to the calls, or NotUpdatable. Pure.

Everything that can be decided without a call is decided here, before the first write. Which changes a
package takes in place is the "Update requires" of the resource reference; the schema says the same.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sagemaker-modelpackage.html

A property has changed only if the desired value is contained neither in the previous one nor in the live
one. The previous state may be the old template or the model that was last returned, so members it has
beyond the desired ones are the service's; and what the package already is needs no call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from cloudformation_cli_python_lib.exceptions import InvalidRequest, NotUpdatable

from . import combinations, translate
from .translate import Model

# Any change replaces the package: CloudFormation does that in stacks, Cloud Control sends the change here.
# The schema's createOnlyProperties, but for the group, whose name and ARN are the same value.
CREATE_ONLY = (
    "ModelPackageDescription",
    "Domain",
    "Task",
    "SamplePayloadUrl",
    "InferenceSpecification",
    "ValidationSpecification",
    "SourceAlgorithmSpecification",
    "MetadataProperties",
    "ModelMetrics",
    "DriftCheckBaselines",
    "SecurityConfig",
    "ManagedStorageType",
)
# Absent means the same as this value.
_DEFAULTS: dict[str, Any] = {"CertifyForMarketplace": False, "SkipModelValidation": "None"}
# The API can set these but not unset them.
_NOT_REMOVABLE = ("ModelCard", "SourceUri", "ModelLifeCycle", "ModelPackageRegistrationType")
# What a version has without a decision.
_UNDECIDED = "PendingManualApproval"
MAX_SPECIFICATIONS = combinations.MAX_SPECIFICATIONS


@dataclass(frozen=True)
class Probe:
    """A change the service may refuse, as the calls it takes; `undo` restores what the first call changed.

    `begun`: an attempt that was cut off has made the first call already. `last_call_blocks_first`: once the
    last call is made the service refuses the first one, so a refusal may mean that another invocation of the
    same event was faster.
    """

    property: str
    calls: tuple[Model, ...]
    undo: Model | None = None
    begun: bool = False
    last_call_blocks_first: bool = False


@dataclass(frozen=True)
class Plan:
    """The calls of an update, each as the arguments of UpdateModelPackage: the probe first, then the rest."""

    probe: Probe | None = None
    update: Model = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is any call."""
        return bool(self.probe or self.update)


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
    probe = _only_one(
        [
            *_environment(desired, previous, live),
            *_model_card(desired, previous, live),
            *_source(desired, previous, live),
        ]
    )
    update = {
        **_approval(desired, previous, live),
        **_metadata(desired, previous, live),
        **_specifications(desired, live),
        **_first_source(desired, previous, live),
        **_whole("ModelLifeCycle", desired, previous, live),
        **_whole("ModelPackageRegistrationType", desired, previous, live),
    }
    combinations.check_additions(desired, update, live)
    return Plan(probe, update)


# --- what counts as a change ------------------------------------------------------------------------


def contained(desired: Any, value: Any) -> bool:
    """Whether everything that is desired is in a value of another state."""
    if desired in ({}, []) and value is None:
        return True
    if isinstance(desired, Mapping):
        return isinstance(value, Mapping) and all(
            contained(member, value.get(name)) for name, member in desired.items()
        )
    if isinstance(desired, list):
        if not isinstance(value, list) or len(desired) != len(value):
            return False
        if all(isinstance(item, str) for item in desired):
            # Instance, content and MIME types: lists without an order (insertionOrder false in the schema).
            return sorted(desired) == sorted(value, key=str)
        return all(map(contained, desired, value))
    return bool(desired == value)


def _changed(name: str, desired: Model, previous: Model, live: Model) -> bool:
    return name in desired and not any(
        contained(desired[name], state.get(name)) for state in (previous, live)
    )


def _removed(name: str, desired: Model, previous: Model, live: Model) -> bool:
    return name not in desired and name in previous and name in live


# --- what only a new package can be -----------------------------------------------------------------


def _refuse_replacing(desired: Model, previous: Model, live: Model) -> None:
    """Raise NotUpdatable with every reason, so that all can be corrected at once."""
    reasons = dict.fromkeys(_not_in_place(desired, previous, live))
    if reasons:
        raise NotUpdatable("; ".join(f"{name} cannot be updated in place: {why}" for name, why in reasons))


def _not_in_place(desired: Model, previous: Model, live: Model) -> Iterator[tuple[str, str]]:
    if translate.NAME in desired and desired[translate.NAME] != live.get(translate.NAME):
        yield translate.NAME, "SageMaker cannot rename a package"
    if translate.GROUP in desired and not _same_group(desired[translate.GROUP], previous, live):
        yield translate.GROUP, "a version cannot move to another group"
    for name in CREATE_ONLY:
        if _changed(name, desired, previous, live):
            yield name, _CANNOT_CHANGE
    for name, default in _DEFAULTS.items():
        value = desired.get(name, default)
        if value not in (previous.get(name, default), live.get(name, default)):
            yield name, _CANNOT_CHANGE
    for name in _NOT_REMOVABLE:
        if _removed(name, desired, previous, live):
            yield name, "SageMaker cannot remove it from a package"
    yield from _specifications_not_in_place(desired, previous, live)


_CANNOT_CHANGE = "SageMaker cannot change it on an existing package"


def _same_group(desired: str, previous: Model, live: Model) -> bool:
    """Whether a name or an ARN names the group of the live package, or the one it was created with."""
    if desired in (previous.get(translate.GROUP), live.get(translate.GROUP)):
        return True
    own = str(live.get(translate.IDENTIFIER, "")).split(":")
    name = str(live.get(translate.GROUP, ""))
    if len(own) < 6 or not desired.startswith("arn:"):
        return False
    # SageMaker writes names in ARNs in lower case.
    return desired.lower() == ":".join([*own[:5], f"model-package-group/{name}"]).lower()


def _specifications_not_in_place(desired: Model, previous: Model, live: Model) -> Iterator[tuple[str, str]]:
    """Additional specifications can only be added: not changed, not dropped."""
    live_ones = _by_name(live.get(translate.ADDITIONAL))
    previous_ones = _by_name(translate.all_specifications(previous))
    for name, specification in _by_name(desired.get(translate.ADDITIONAL)).items():
        if name in live_ones and not any(
            contained(specification, state.get(name)) for state in (previous_ones, live_ones)
        ):
            yield translate.ADDITIONAL, f"{name} exists, and SageMaker can only add specifications"
    kept = _by_name(translate.all_specifications(desired))
    for name in _by_name(previous.get(translate.ADDITIONAL)):
        if name in live_ones and name not in kept:
            yield translate.ADDITIONAL, f"SageMaker cannot remove the specification {name}"


def is_done(change: Model, described: Mapping[str, Any]) -> bool:
    """Whether a described package has what these arguments of UpdateModelPackage would give it."""
    added = _by_name(described.get(translate.ADDITIONAL))
    desired = _by_name(change.get(translate.TO_ADD))
    dropped = change.get(translate.TO_REMOVE, ())
    rest = {
        name: value for name, value in change.items() if name not in (translate.TO_ADD, translate.TO_REMOVE)
    }
    return (
        all(contained(each, added.get(name)) for name, each in desired.items())
        # An empty description is one that Describe leaves out.
        and all(
            contained(value, described.get(name)) or (value == "" and not described.get(name))
            for name, value in rest.items()
        )
        and not any(key in described.get(translate.METADATA, {}) for key in dropped)
    )


def not_removable(desired: Model, previous: Model | None, live: Model) -> list[str]:
    """Names of the specifications that the template no longer adds and that the package keeps."""
    kept = _by_name(translate.all_specifications(desired))
    live_ones = _by_name(live.get(translate.ADDITIONAL))
    added = _by_name(list(translate.extra_specifications(previous or {})))
    return [name for name in added if name in live_ones and name not in kept]


def _by_name(specifications: Sequence[Mapping[str, Any]] | None) -> dict[str, Mapping[str, Any]]:
    return {str(each.get("Name")): each for each in specifications or ()}


# --- what the service may refuse --------------------------------------------------------------------


def _only_one(probes: list[Probe]) -> Probe | None:
    if len(probes) > 1:
        names = " and ".join(probe.property for probe in probes)
        raise NotUpdatable(f"{names} cannot be updated in place together: SageMaker may refuse either")
    return probes[0] if probes else None


def _environment(desired: Model, previous: Model, live: Model) -> list[Probe]:
    """New defaults in the containers the package has; the keys a template gives a container win."""
    defaults = desired.get(translate.ENVIRONMENT) or {}
    previous_defaults = previous.get(translate.ENVIRONMENT) or {}
    if defaults == previous_defaults or translate.SPECIFICATION not in live:
        return []
    specification = deepcopy(live[translate.SPECIFICATION])
    given = (desired.get(translate.SPECIFICATION) or {}).get("Containers") or []
    for position, container in enumerate(specification.get("Containers") or ()):
        own = given[position].get(translate.ENVIRONMENT, {}) if position < len(given) else {}
        environment = {
            key: value
            for key, value in container.get(translate.ENVIRONMENT, {}).items()
            if key in own or key in defaults or previous_defaults.get(key) != value
        }
        environment.update((key, value) for key, value in defaults.items() if key not in own)
        if environment != container.get(translate.ENVIRONMENT, {}):
            container[translate.ENVIRONMENT] = environment
    if specification == live[translate.SPECIFICATION]:
        return []
    return [Probe(translate.ENVIRONMENT, ({translate.SPECIFICATION: specification},))]


def _model_card(desired: Model, previous: Model, live: Model) -> list[Probe]:
    """A card's content and status in calls of their own.

    Content first, because only content is ever refused (once the card is archived); from an archived card
    the status has to go first.
    """
    if "ModelCard" not in desired:
        return []
    content, status = "ModelCardContent", "ModelCardStatus"
    card, previous_card, live_card = (state.get("ModelCard") or {} for state in (desired, previous, live))
    order = (status, content) if live_card.get(status) == "Archived" else (content, status)
    members = [
        member
        for member in order
        if member in card and card[member] not in (previous_card.get(member), live_card.get(member))
    ]
    if not members:
        return []
    # What the template changes and the package has already: an attempt that was cut off has done it.
    done = [
        member
        for member in order
        if previous and member in card and card[member] == live_card.get(member) != previous_card.get(member)
    ]
    begun = len(members) == 1 and bool(done)
    first, known = (done[0], previous_card) if begun else (members[0], live_card)
    undo = {"ModelCard": {first: known[first]}} if (begun or len(members) > 1) and first in known else None
    calls = tuple({"ModelCard": {member: card[member]}} for member in members)
    return [Probe("ModelCard", calls, undo, begun, last_call_blocks_first=card.get(status) == "Archived")]


def _source(desired: Model, previous: Model, live: Model) -> list[Probe]:
    if "SourceUri" not in live or not _changed("SourceUri", desired, previous, live):
        return []
    return [Probe("SourceUri", ({"SourceUri": desired["SourceUri"]},))]


# --- what is done in place --------------------------------------------------------------------------


def _approval(desired: Model, previous: Model, live: Model) -> Model:
    status, description = "ModelApprovalStatus", "ApprovalDescription"
    arguments: Model = {}
    if _changed(status, desired, previous, live):
        arguments[status] = desired[status]
    elif status not in desired and live.get(status) == previous.get(status) not in (None, _UNDECIDED):
        # Taken out of the template. An approval given outside the stack, which differs, is not revoked.
        arguments[status] = _UNDECIDED
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
    drop = [key for key in previous if key not in desired and key in live]
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
    if "SourceUri" not in live and _changed("SourceUri", desired, previous, live):
        return {"SourceUri": desired["SourceUri"]}
    return {}


def _whole(name: str, desired: Model, previous: Model, live: Model) -> Model:
    """A value that Describe returns exactly, which is compared and sent as a whole."""
    if name not in desired or desired[name] in (previous.get(name), live.get(name)):
        return {}
    return {name: desired[name]}
