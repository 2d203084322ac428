"""Interruptions: an invocation is killed between any two calls, and the same event is sent again.

It has to end like an undisturbed operation; only a delete that was already over is `NotFound`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pytest

from packager.build import build, unpack
from packager.interpreter import find
from packager.project import TypeName
from sandbox.lambda_.function import Function, read_functions
from sandbox.lambda_.runtime_client import Environments, interpreter
from sandbox.shared.settings import TYPE_NAME
from tests.faults.proxy import Call

from .operations import lasting
from .processes import Forks
from .scenarios import SCENARIOS, Scenario
from .world import Figures, Json, World, check_event, drive, in_world, next_event

# --- killed -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What an operation came to: its last event, and all packages as SageMaker stores them."""

    event: Json
    packages: list[Json]


@dataclass(frozen=True)
class Place:
    """Where an operation is killed: in which invocation, at which of its calls, before or after the work.

    Without a call it is when all calls are answered and the invocation is not.
    """

    invocation: int
    call: int | None = None
    moment: str = "before"

    def __str__(self) -> str:
        what = "the answer" if self.call is None else f"call {self.call + 1}"
        return f"{self.moment} {what} of invocation {self.invocation + 1}"


@dataclass(frozen=True)
class Trial:
    """An operation that was killed and sent again: what it came to, and how often it was really killed."""

    outcome: Outcome
    kills: int
    is_over: bool
    """Whether it is a delete that was already over when it was sent again, with no callback context."""


def places(calls: list[int]) -> list[Place]:
    """Every place in an operation whose invocations make so many calls."""
    return [
        place
        for invocation, number in enumerate(calls)
        for place in (
            *(Place(invocation, call, moment) for call in range(number) for moment in ("before", "after")),
            Place(invocation),
        )
    ]


def two_places(calls: list[int], draw: random.Random) -> list[Place]:
    """One before a call's work; and one after it, or when all calls are answered."""
    every = places(calls)
    early = [place for place in every if place.call is not None and place.moment == "before"]
    return [draw.choice(early), draw.choice([place for place in every if place not in early])]


def finish(world: World, event: Json, answer: Json | None = None) -> tuple[Outcome, list[int]]:
    """Drive an operation to its end, from an answer if there is one.

    Returns what it came to, and the number of calls of each invocation.
    """
    calls: list[int] = []

    def invoke(event: Json) -> Json:
        world.proxy.clear()
        answer = world.send(event)
        calls.append(len(world.proxy.calls))
        return answer

    if answer is None or answer["status"] == "IN_PROGRESS":
        answer = drive(next_event(event, answer) if answer else event, invoke, lambda _: None)[-1]
    return Outcome(lasting(answer), lasting(world.packages)), calls


def kill(world: World, invoker: Invoker, event: Json, place: Place) -> Json | None:
    """Invoke and kill it at the place; return its answer if it never came there."""

    def strike(call: Call, moment: str) -> None:
        if (call.number, moment) == (place.call, place.moment):
            invoker.kill()
            # The proxy neither does the work nor answers.
            raise ConnectionAbortedError

    world.proxy.clear()
    world.proxy.watch = strike
    answer = invoker.invoke(event, answers=place.call is not None)
    world.proxy.watch = lambda *_: None
    return answer


def interrupt(world: World, invoker: Invoker, scenario: Scenario, place: Place, times: int) -> Trial:
    """Kill an operation at a place, the repetition as well if so many times, and send the event again."""
    event = scenario.begin(world)
    for _ in range(place.invocation):
        world.proxy.clear()
        event = next_event(event, world.send(event))
    kills, answer = 0, None
    while answer is None and kills < times:
        answer = kill(world, invoker, event, place)
        kills += int(answer is None)
    if answer is None:
        world.proxy.clear()
        answer = invoker.invoke(event)
    assert answer is not None
    check_event(answer)
    is_over = (
        event["action"] == "DELETE"
        and not event["callbackContext"]
        and world.proxy.calls[0].status != HTTPStatus.OK
    )
    return Trial(finish(world, event, answer)[0], kills, is_over)


def check(
    world: World,
    invoker: Invoker,
    scenario: Scenario,
    choose: Callable[[list[int]], list[Place]],
    max_kills: int,
    figures: Figures,
) -> None:
    """Interrupt a scenario at places of it and compare each outcome with that of an undisturbed run."""
    expected, calls = finish(world, scenario.begin(world))
    outcomes = {}
    for place in choose(calls):
        for times in range(1, max_kills + 1):
            trial = interrupt(world, invoker, scenario, place, times)
            assert trial.kills, place
            count(figures, trial, expected)
            if trial.is_over:
                assert trial.outcome.event["errorCode"] == "NotFound", trial.outcome.event
                assert trial.outcome.packages == expected.packages
            else:
                outcomes[f"killed {times} times {place}"] = trial.outcome
    assert outcomes == dict.fromkeys(outcomes, expected)


def count(figures: Figures, trial: Trial, expected: Outcome) -> None:
    arns, expected_arns = (
        {each["ModelPackageArn"] for each in outcome.packages} for outcome in (trial.outcome, expected)
    )
    for name, number in {
        "kills": trial.kills,
        "outcomes": 1,
        "equal to undisturbed": trial.outcome == expected,
        "deletes that were over": trial.is_over and trial.outcome != expected,
        "packages": len(arns),
        "doubled": len(arns - expected_arns),
        "lost": len(expected_arns - arns),
    }.items():
        figures["interruptions"][name] += number


@pytest.fixture(scope="module")
def forks(session_world: World, no_settings: Path) -> Iterator[Forks]:
    with ExitStack() as stack:
        with in_world(session_world, no_settings):
            forks = stack.enter_context(Forks(session_world.event("LIST", {})))
            # Once this has been answered, no other call is on its way.
            assert forks.invoke(session_world.event("LIST", {}))
        yield forks


@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_invocation_is_repeated(
    world: World, forks: Forks, figures: Figures, long: bool, seed: int, name: str
) -> None:
    draw = random.Random(f"{seed} {name}")  # noqa: S311 - no secret
    choose = places if long else lambda calls: two_places(calls, draw)
    check(world, forks, SCENARIOS[name], choose, 2 if long else 1, figures)


# --- under Lambda's own runtime client --------------------------------------------------------------


class Lambdas:
    """Invokes the package in execution environments like Lambda's; a killed one is replaced."""

    def __init__(self, function: Function, code: Path) -> None:
        self._function = function
        self._code = code
        self._environments = Environments(interpreter(), code)
        self._requests = 0

    def invoke(self, event: Json, *, answers: bool = True) -> Json | None:
        self._requests += 1
        outcome = self._environments.run(self._function, event, f"request-{self._requests}")
        answer: Json = json.loads(outcome.body)
        if outcome.function_error:
            assert "signal: killed" in answer["errorMessage"], answer
        if answers and not outcome.function_error:
            return answer
        self.close()
        self._environments = Environments(interpreter(), self._code)
        return None

    def kill(self) -> None:
        self._environments.close()

    close = kill


Invoker = Forks | Lambdas


@pytest.fixture(scope="module")
def lambdas(long: bool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lambdas]:
    """The package as Lambda would unzip it; its processes start in a test, and call that one's SageMaker."""
    if not long:
        pytest.skip("a package is built for it: only in the long run")
    folder = tmp_path_factory.mktemp("package")
    built = build(folder / "project", TypeName(TYPE_NAME), find())
    unpack(built.archive, folder / "task")
    function = read_functions(built.project / "template.yml")["TypeFunction"]
    with closing(Lambdas(function, folder / "task")) as lambdas:
        yield lambdas


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("create: version", Place(0, 0, "before")),
        ("create: version", Place(0, 0, "after")),
        ("create: version", Place(0)),
        ("create: version in two calls", Place(0, 2, "after")),
        ("create: unversioned", Place(2, 1, "before")),
        ("update: card", Place(0, 2, "before")),
        ("update: all of an unversioned package", Place(0, 4, "after")),
        ("update: everything for the first time", Place(0, 3, "after")),
        ("delete: a version", Place(0, 1, "after")),
        ("delete: unversioned", Place(1, 0, "after")),
    ],
)
def test_killed_lambda_environment_is_replaced(
    world: World, lambdas: Lambdas, figures: Figures, name: str, place: Place
) -> None:
    check(world, lambdas, SCENARIOS[name], lambda _: [place], 1, figures)
