"""Every call, every fault: nothing is lost, nothing doubled, and every end is the expected one, in time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import pytest

from aws_sagemaker_modelpackage import timing
from tests.faults.proxy import KINDS, Fault

from .matrix import (
    LONGEST_INVOCATION,
    MEANINGS,
    SCENARIOS,
    UNSURE,
    Cell,
    Expected,
    Times,
    Undisturbed,
    begin,
    cells,
    expected,
    longest,
    quick_cut,
    record,
    subject,
    timeless,
)
from .world import DOORS, TYPE, Figures, Json, Run, World, impatient

# Real seconds that a client waits for an answer that does not come, in place of `timing.READ_SECONDS`.
HASTE = 0.15
# Seconds that sums of simulated seconds may be off.
ROUNDING = 0.001

CALLS = {
    "create of a version": "Create Describe",
    "create of a version that takes an update to complete": "Create Describe Update Describe",
    "create of a version that is validated": "Create Describe | Describe | Describe",
    "create of an unversioned package with tags": "Create Describe | Describe | Describe ListTags",
    "create of a version that is not seen at first": "Create Describe | Describe | Describe",
    "read of a version": "Describe",
    "read of an unversioned package with pages of tags": "Describe ListTags ListTags ListTags",
    "update of a version in place": "Describe Update Describe",
    "update of a model card, content and status, and more": "Describe Update Update Update Describe",
    "update of the environment, and more": "Describe Update Update Describe",
    "update of the tags of an unversioned package": "Describe ListTags AddTags DeleteTags Describe ListTags",
    "update that has to wait first": "Describe | Describe | Describe Update Describe",
    "delete of a version": "Describe Delete Describe",
    "delete of an unversioned package": "Describe Delete Describe | Describe | Describe",
    "delete that has to wait first": "Describe | Describe | Describe Delete Describe | Describe",
    "list, the first page": "List",
    "list of a group, a later page": "List",
}


@pytest.fixture(scope="module")
def undisturbed(torn: World) -> dict[str, Undisturbed]:
    """Every scenario as it goes without a fault."""
    return {name: record(torn, scenario) for name, scenario in SCENARIOS.items()}


@pytest.fixture(scope="module")
def chosen(undisturbed: dict[str, Undisturbed], long: bool, seed: int) -> list[Cell]:
    """The cells of this run: all of them, or the quick cut."""
    every = [cell for each in undisturbed.values() for cell in cells(each)]
    return every if long else quick_cut(every, seed)


@pytest.fixture(scope="module")
def tally(figures: Figures) -> Iterator[Counter[str]]:
    """What is counted over all cells."""
    names = ("cells", "survived", "ended in the expected error", "packages made", "lost", "doubled")
    counted = Counter(dict.fromkeys(names, 0))
    yield counted
    figures["faults"] = dict(counted)


def test_the_scenarios_make_these_calls_when_undisturbed(undisturbed: dict[str, Undisturbed]) -> None:
    made = {}
    for name, each in undisturbed.items():
        looks: dict[int, list[str]] = {}
        for step in each.steps:
            looks.setdefault(step.invocation, []).append(step.operation.partition("ModelPackage")[0])
        made[name] = " | ".join(map(" ".join, looks.values()))
        assert each.invocations == len(looks)
        assert each.end["status"] == "SUCCESS"
    assert made == CALLS


def test_every_call_is_broken_and_every_way_to_break_one_is_met(
    undisturbed: dict[str, Undisturbed], chosen: list[Cell]
) -> None:
    assert MEANINGS.keys() == KINDS.keys()
    every_way = {(kind, times) for kind in KINDS for times in Times} - {("refused", Times.OPERATION)}
    assert {(cell.kind, cell.times) for cell in chosen} == every_way
    every = [cell for each in undisturbed.values() for cell in cells(each)]
    assert {cell.way for cell in chosen} >= {cell.way for cell in every if not cell.takes_long}
    assert {cell.place for cell in chosen} == {
        (name, step.number) for name, each in undisturbed.items() for step in each.steps
    }
    assert {cell.door for cell in chosen} == set(DOORS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_fault_on_every_call_ends_as_expected(
    name: str, world: World, chosen: list[Cell], tally: Counter[str]
) -> None:
    failed = []
    for cell in chosen:
        if cell.undisturbed.scenario.name == name:
            try:
                outcome = _try(world, cell)
                _count(cell, outcome, tally)
                _check(cell, outcome)
            except AssertionError as problem:
                failed.append(f"{cell}\n    {problem}")
    if failed:
        pytest.fail(f"{len(failed)} cells failed:\n" + "\n".join(failed), pytrace=False)


@dataclass(frozen=True)
class Outcome:
    """What became of a cell, and of the same operation sent again once the wire was healed."""

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
    event = begin(world, cell.undisturbed.scenario)
    with _broken(world, cell) as fault:
        run = world.run(event, door=cell.door)
    left, again = world.packages, None
    if run.status == "FAILED":
        token = event["bearerToken"] if run.action == "CREATE" else world.token()
        again = world.run({**event, "bearerToken": token}, door=cell.door)
    return Outcome(event, run, left, fault.times, again, world.packages)


def _check(cell: Cell, outcome: Outcome) -> None:
    wanted, run = expected(cell), outcome.run
    assert (run.status, run.code) == ("FAILED" if wanted.code else "SUCCESS", wanted.code), run.last
    if wanted.code:
        _check_failure(cell, wanted, outcome)
    else:
        assert timeless(run.last) == cell.undisturbed.end
        assert len(run.events) <= wanted.invocations
        assert outcome.strikes_left < 1 or not cell.times.short, "it was not struck as often as it was to be"
    assert run.longest_invocation <= LONGEST_INVOCATION
    assert run.seconds <= longest(cell, run) + ROUNDING
    assert timeless(outcome.packages) == cell.undisturbed.packages


def _check_failure(cell: Cell, wanted: Expected, outcome: Outcome) -> None:
    run, again, undisturbed = outcome.run, outcome.again, cell.undisturbed
    arn = undisturbed.end["resourceModel"]["ModelPackageArn"] if wanted.carries_model else None
    desired = outcome.event["requestData"]["resourceProperties"]
    assert run.last.get("resourceModel") == ({**desired, "ModelPackageArn": arn} if arn else None)
    start = f"{run.action} {TYPE} {subject(outcome.event, arn)}: "
    assert run.message.startswith(start)
    said = run.message.removeprefix(start)
    assert MEANINGS[cell.kind].says in said
    # A create that was not answered: another request instead of this one would make a second package.
    unsure = cell.step.operation == "CreateModelPackage" and wanted.code in UNSURE
    assert ("this request, sent again, finds it" in said) == unsure
    assert len(run.events) == wanted.invocations
    assert sum(each["ModelPackageStatus"] != "Deleting" for each in outcome.left) == wanted.packages
    assert again is not None
    if run.action == "DELETE" and wanted.packages == 0 and again.status == "FAILED":
        # The delete had happened, and there was nothing left to watch go.
        assert (again.code, len(again.events)) == ("NotFound", 1), again.last
    else:
        assert timeless(again.last) == undisturbed.end


def _count(cell: Cell, outcome: Outcome, tally: Counter[str]) -> None:
    wanted, found = len(cell.undisturbed.packages), len(outcome.packages)
    tally["cells"] += 1
    tally["survived"] += outcome.run.status == "SUCCESS"
    tally["ended in the expected error"] += (
        outcome.run.code is not None and outcome.run.code == expected(cell).code
    )
    tally["packages made"] += found * (outcome.run.action == "CREATE")
    tally["lost"] += max(0, wanted - found)
    tally["doubled"] += max(0, found - wanted)


@contextmanager
def _broken(world: World, cell: Cell) -> Iterator[Fault]:
    """The wire with the cell's fault in it; where nothing is said, a client waits for less than it thinks."""
    fault = cell.fault
    world.proxy.arm(fault)
    if cell.is_silent:
        world.proxy.silent = lambda _call: world.clock.advance(timing.READ_SECONDS)
    with impatient(HASTE) if cell.is_silent else nullcontext():
        yield fault
    world.proxy.clear()
