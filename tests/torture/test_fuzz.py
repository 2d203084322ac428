"""Fuzzed events: every answer is a success, or a failure with a code and a message; no package is doubled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
import urllib3.util.connection
from hypothesis import given
from hypothesis import strategies as st

from aws_sagemaker_modelpackage.request import CallbackContext, Stage

from . import fuzz
from .world import ENTRY_POINTS, Figures, Json, World

# Of real time, for an example; no event waits for anything.
MAX_SECONDS = 10


def test_every_part_of_a_callback_context_is_drawn() -> None:
    assert {each.name for each in fields(CallbackContext)} == fuzz.CONTEXT_PARTS.keys() - {"unknown", "self"}
    assert [*Stage] == [*fuzz.STAGES]


def test_events_yield_coded_and_worded_answers(
    world: World,
    examples: Callable[..., Callable[[Any], Any]],
    long: bool,
    figures: Figures,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hosts: set[Any] = set()
    counts, connect = figures["fuzz"], urllib3.util.connection.create_connection
    events = [f"events through {each}" for each in ENTRY_POINTS]
    counts |= dict.fromkeys((*events, "uncoded", "unworded"), 0)

    def noting(address: tuple[str, int], *rest: Any, **named: Any) -> Any:
        hosts.add(address[0])
        return connect(address, *rest, **named)

    monkeypatch.setattr(urllib3.util.connection, "create_connection", noting)

    @examples(300, 7_000, deadline=timedelta(seconds=MAX_SECONDS))
    @given(st.sampled_from(fuzz.BEHAVIOURS), fuzz.sequences(world))
    def check(behaviour: Json, sequence: list[fuzz.FuzzedEvent | None]) -> None:
        fuzz.prepare(world, behaviour)
        for fuzzed in filter(None, sequence):
            try:
                for outcome in fuzz.outcomes(world, fuzzed):
                    counts[f"events through {fuzzed.entry_point}"] += 1
                    counts[outcome] += 1
            except AssertionError as error:
                counts[type(error).__name__.lower()] += 1
                raise

    check()
    # An odd region leads to no other host.
    assert hosts == {"127.0.0.1"}
    assert min(counts[each] for each in events) >= (20_400 if long else 700) / 2
    assert {"SUCCESS", "IN_PROGRESS", "InvalidRequest", "NotFound", "NotUpdatable"} <= counts.keys()
