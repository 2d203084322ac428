"""Events bent at random: every answer is a success or a coded, worded failure, and no package is doubled."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import urllib3.util.connection

from aws_sagemaker_modelpackage.request import CallbackContext, Stage

from . import fuzz
from .world import DOORS, Figures, World

EVENTS = {"quick": 700, "long": 20_400}


def test_every_part_of_a_callback_context_is_drawn() -> None:
    assert {each.name for each in fields(CallbackContext)} <= fuzz.IN_CONTEXT.keys()
    assert [*Stage] == [*fuzz.STAGES]


def test_no_event_yields_an_uncoded_or_unworded_failure(
    world: World,
    seed: int,
    long: bool,
    figures: Figures,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hosts: set[Any] = set()
    connect = urllib3.util.connection.create_connection

    def noting(address: tuple[str, int], *rest: Any, **named: Any) -> Any:
        hosts.add(address[0])
        return connect(address, *rest, **named)

    monkeypatch.setattr(urllib3.util.connection, "create_connection", noting)
    wanted = EVENTS["long" if long else "quick"]
    tally = fuzz.run(world, seed, range(wanted))
    figures["fuzz"] = {
        **{f"events through door {door}": tally.events[door] for door in DOORS},
        **dict(sorted(tally.outcomes.items())),
        "uncoded": tally.faults["uncoded"],
        "unworded": tally.faults["unworded"],
    }
    # Wherever an odd region would have led.
    assert hosts == {"127.0.0.1"}
    if tally.examples:
        pytest.fail(f"{dict(tally.faults)}\n{fuzz.report(world, tally.examples)}", pytrace=False)
    assert tally.events.total() >= wanted
    assert {"SUCCESS", "IN_PROGRESS", "InvalidRequest", "NotFound", "NotUpdatable"} <= tally.outcomes.keys()
