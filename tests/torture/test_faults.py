"""Faults: every call of every action is broken in every way; each cell ends as expected, in time.

Nothing is lost, nothing is doubled, and the same operation sent again ends as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from aws_sagemaker_modelpackage import timing
from sandbox.shared.settings import TYPE_NAME
from tests.faults.proxy import KINDS, Fault

from .matrix import (
    CALLS,
    MAX_INVOCATION_SECONDS,
    MEANINGS,
    NOTES,
    Cell,
    Expected,
    Times,
    Undisturbed,
    cells,
    expected,
    max_seconds,
    note,
    quick,
    record,
    subject,
)
from .operations import timeless
from .world import ENTRY_POINTS, Figures, Json, Run, World, in_world, short_timeouts

# Real time that a client waits for an answer that does not come, in place of `timing.READ_SECONDS`.
SILENCE_SECONDS = 0.15
# What sums of simulated seconds may be off.
ROUNDING_SECONDS = 0.001


@pytest.fixture(scope="module")
def undisturbed(session_world: World, no_settings: Path) -> dict[str, Undisturbed]:
    with in_world(session_world, no_settings):
        return {name: record(session_world, name) for name in CALLS}


@pytest.fixture(scope="module")
def every(undisturbed: dict[str, Undisturbed]) -> list[Cell]:
    return [cell for each in undisturbed.values() for cell in cells(each)]


@pytest.fixture(scope="module")
def chosen(every: list[Cell], long: bool, seed: int) -> list[Cell]:
    return every if long else quick(every, seed)


@pytest.mark.parametrize("name", CALLS)
def test_scenario_makes_its_calls_when_undisturbed(name: str, undisturbed: dict[str, Undisturbed]) -> None:
    invocations: dict[int, list[str]] = {}
    for step in undisturbed[name].steps:
        invocations.setdefault(step.invocation, []).append(step.operation.partition("ModelPackage")[0])
    assert " | ".join(map(" ".join, invocations.values())) == CALLS[name]
    assert undisturbed[name].invocations == len(invocations)
    assert undisturbed[name].end["status"] == "SUCCESS"


def test_cells_break_every_call_in_every_way(every: list[Cell], chosen: list[Cell]) -> None:
    assert MEANINGS.keys() == KINDS.keys()
    every_way = {(kind, times) for kind in KINDS for times in Times} - {("refused", Times.OPERATION)}
    assert {(cell.kind, cell.times) for cell in chosen} == every_way
    assert {cell.disturbance for cell in chosen} >= {
        cell.disturbance for cell in every if not cell.takes_long
    }
    assert {cell.place for cell in chosen} == {cell.place for cell in every}
    assert {cell.entry_point for cell in chosen} == set(ENTRY_POINTS)


@pytest.mark.parametrize("name", CALLS)
def test_cell_ends_as_expected(name: str, world: World, chosen: list[Cell], figures: Figures) -> None:
    failed = []
    for cell in chosen:
        if cell.undisturbed.name == name:
            try:
                outcome = _try(world, cell)
                _count(cell, outcome, figures)
                _check(cell, outcome)
            except AssertionError as problem:
                failed.append(f"{cell}\n    {problem}")
    if failed:
        pytest.fail(f"{len(failed)} cells failed:\n" + "\n".join(failed), pytrace=False)


@dataclass(frozen=True)
class Outcome:
    """What became of a cell, and of the same operation sent again without the fault."""

    event: Json
    run: Run
    left: list[Json]
    """The packages when it had ended."""
    strikes_left: float
    again: Run | None
    """None: the operation had survived."""
    packages: list[Json]
    """The packages at the very end."""


def _try(world: World, cell: Cell) -> Outcome:
    """Break the call; if the operation fails, send it again: a create as it was, others as a new request."""
    event = cell.undisturbed.begin(world)
    with _broken(world, cell) as fault:
        run = world.run(event, cell.entry_point)
    left, again = world.packages, None
    if run.status == "FAILED":
        token = event["bearerToken"] if run.action == "CREATE" else world.token()
        again = world.run({**event, "bearerToken": token}, cell.entry_point)
    return Outcome(event, run, left, fault.times, again, world.packages)


@contextmanager
def _broken(world: World, cell: Cell) -> Iterator[Fault]:
    """Arm the proxy with the cell's fault; where it is silent, a client waits for less than it thinks."""
    fault = cell.fault
    world.proxy.arm(fault)
    if cell.is_silent:
        world.proxy.silent = lambda _call: world.clock.advance(timing.READ_SECONDS)
    with short_timeouts(SILENCE_SECONDS) if cell.is_silent else nullcontext():
        yield fault
    world.proxy.clear()


def _count(cell: Cell, outcome: Outcome, figures: Figures) -> None:
    before, after = len(cell.undisturbed.packages), len(outcome.packages)
    code = outcome.run.code
    for name, number in {
        "cells": 1,
        "survived": outcome.run.status == "SUCCESS",
        "ended in the expected error": code is not None and code == expected(cell).code,
        "packages made": after * (outcome.run.action == "CREATE"),
        "lost": max(0, before - after),
        "doubled": max(0, after - before),
    }.items():
        figures["faults"][name] += number


def _check(cell: Cell, outcome: Outcome) -> None:
    end, run = expected(cell), outcome.run
    assert (run.status, run.code) == ("FAILED" if end.code else "SUCCESS", end.code), run.last
    if end.code:
        _check_failure(cell, end, outcome)
    else:
        assert timeless(run.last) == cell.undisturbed.end
        assert len(run.events) <= end.invocations
        assert outcome.strikes_left < 1 or not cell.times.short, "the fault has strikes left"
    assert run.max_invocation_seconds <= MAX_INVOCATION_SECONDS
    assert run.seconds <= max_seconds(cell, run) + ROUNDING_SECONDS
    assert timeless(outcome.packages) == cell.undisturbed.packages


def _check_failure(cell: Cell, end: Expected, outcome: Outcome) -> None:
    run, again, undisturbed = outcome.run, outcome.again, cell.undisturbed
    arn = undisturbed.end["resourceModel"]["ModelPackageArn"] if end.carries_model else None
    desired = outcome.event["requestData"]["resourceProperties"]
    assert run.last.get("resourceModel") == ({**desired, "ModelPackageArn": arn} if arn else None)
    start = f"{run.action} {TYPE_NAME} {subject(outcome.event, arn)}: "
    assert run.message.startswith(start)
    rest = run.message.removeprefix(start)
    assert MEANINGS[cell.kind].text in rest
    assert {each for each in NOTES.values() if each in rest} == {note(cell, end)} - {""}
    assert len(run.events) == end.invocations
    assert sum(each["ModelPackageStatus"] != "Deleting" for each in outcome.left) == end.packages
    assert again is not None
    if run.action == "DELETE" and end.packages == 0 and again.status == "FAILED":
        # The delete had happened, and there was nothing left to watch.
        assert (again.code, len(again.events)) == ("NotFound", 1), again.last
    else:
        assert timeless(again.last) == undisturbed.end
