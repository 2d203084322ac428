"""Plans the changes of an update that the service may refuse, one function for each. Pure.

Each takes the desired, the previous and the live model, and returns a probe or none.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

from . import translate
from .comparison import is_new, is_same
from .translate import Model

CARD_MEMBERS = ("ModelCardContent", "ModelCardStatus")


@dataclass(frozen=True)
class Probe:
    """A change the service may refuse, as the calls it takes; `undo` restores what the first call changed.

    `begun`: an attempt that was cut off has made the first call already. `last_call_blocks_first`: once the
    last call is made the service refuses the first one (which may be the same), so a refusal may mean that
    another invocation of the same event was faster. `is_removal`: a refusal means that the value stays.
    """

    property: str
    calls: tuple[Model, ...]
    undo: Model | None = None
    begun: bool = False
    last_call_blocks_first: bool = False
    is_removal: bool = False


def environment(desired: Model, previous: Model, live: Model) -> list[Probe]:
    """New defaults in the containers the package has; the keys a template gives a container win.

    A key that a container's own environment no longer has gets its default.
    """
    defaults, previous_defaults = (state.get(translate.ENVIRONMENT) or {} for state in (desired, previous))
    if not (defaults or previous_defaults) or translate.SPECIFICATION not in live:
        return []
    specification = deepcopy(live[translate.SPECIFICATION])
    states = (previous.get(translate.SPECIFICATION), desired.get(translate.SPECIFICATION))
    for container, before, given in zip(
        specification.get("Containers") or (), *map(translate.environments, states), strict=False
    ):
        now = container.get(translate.ENVIRONMENT) or {}
        own = {} if _is_echo(given, before, now, previous) else given
        completed = {
            key: value
            for key, value in now.items()
            if key in own or key in defaults or previous_defaults.get(key) != value
        }
        completed.update(
            (key, value)
            for key, value in defaults.items()
            if key not in own and (previous_defaults.get(key) != value or key in before)
        )
        if completed != now:
            container[translate.ENVIRONMENT] = completed
    if specification == live[translate.SPECIFICATION]:
        return []
    return [
        Probe(translate.ENVIRONMENT, ({translate.SPECIFICATION: specification},), is_removal=not defaults)
    ]


def _is_echo(
    given: Mapping[str, str], before: Mapping[str, str], now: Mapping[str, str], previous: Model
) -> bool:
    """Whether a container's environment is the one that read returned, with the defaults in it.

    Cloud Control sends that back, and which keys are the container's own cannot be told from it.
    """
    return "ModelPackageStatus" in previous and given == before == now


def model_card(desired: Model, previous: Model, live: Model) -> list[Probe]:
    """A card's content and status in calls of their own, but for a first card.

    Content first, because only content is ever refused (once the card is archived); from an archived card
    the status has to go first.
    """
    if not desired.get("ModelCard"):
        return []
    content, status = CARD_MEMBERS
    card, previous_card, live_card = (state.get("ModelCard") or {} for state in (desired, previous, live))
    order = (status, content) if live_card.get(status) == "Archived" else (content, status)
    members = [
        member
        for member in order
        if member in card
        and not any(is_same(card[member], each.get(member), member) for each in (previous_card, live_card))
    ]
    if not members:
        return []
    if not live_card:
        return [Probe("ModelCard", ({"ModelCard": card},), last_call_blocks_first=True)]
    # What the template changes and the package has already: an attempt that was cut off has done it.
    done = [
        member
        for member in order
        if previous
        and member in card
        and is_same(card[member], live_card.get(member), member)
        and not is_same(card[member], previous_card.get(member), member)
    ]
    begun = len(members) == 1 and bool(done)
    first, known = (done[0], previous_card) if begun else (members[0], live_card)
    undo = {"ModelCard": {first: known[first]}} if (begun or len(members) > 1) and first in known else None
    calls = tuple({"ModelCard": {member: card[member]}} for member in members)
    return [Probe("ModelCard", calls, undo, begun, last_call_blocks_first=card.get(status) == "Archived")]


def archives_for_good(desired: Model, previous: Model, live: Model) -> bool:
    """Whether an update changes a card's content and archives it, and its rollback has no status to set.

    The status that the update adds stays then, and an archived card keeps its content.
    """
    content, status = CARD_MEMBERS
    card, previous_card, live_card = (state.get("ModelCard") or {} for state in (desired, previous, live))
    return (
        card.get(status) == "Archived" != live_card.get(status)
        and content in previous_card
        and status not in previous_card
        and content in card
        and not is_same(card[content], previous_card[content], content)
    )


def source_uri(desired: Model, previous: Model, live: Model) -> list[Probe]:
    """Another SourceUri; a first one is never refused."""
    if "SourceUri" not in live or not is_new("SourceUri", desired, previous, live):
        return []
    return [Probe("SourceUri", ({"SourceUri": desired["SourceUri"]},))]
