"""Interruptions: an invocation is killed between any two calls, and the same event is sent again.

What comes out is what an undisturbed run comes to; only a delete that was over already finds nothing.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

import pytest

from packager.build import build, unpack
from packager.interpreter import find
from packager.project import TypeName
from sandbox.lambda_.function import Function, read_functions
from sandbox.lambda_.runtime_client import Environments, interpreter
from tests.faults.proxy import KINDS, Call, FaultKind

from .forked import Forks
from .operations import (
    CHANGES,
    CREATES,
    FAILING,
    card,
    lasting,
    refusing,
    specification,
    tags,
    unversioned,
    validated,
)
from .world import MOST_INVOCATIONS, TYPE, WRITES, Figures, Json, World, check_event, following, package

# --- what is interrupted ----------------------------------------------------------------------------

# The same in every run, because names are made from it.
TOKEN = "the-request"  # noqa: S105 - CloudFormation's, no secret


@dataclass(frozen=True)
class Scenario:
    """An operation: makes the world as the event finds it, and the event."""

    event: Callable[[World], Json]
    behaviour: Json = field(default_factory=dict)
    throttle: Callable[[Call], FaultKind | None] = lambda _: None


def creating(desired: Json, **parts: Any) -> Callable[[World], Json]:
    """A create in an empty world."""
    return lambda world: world.event("CREATE", desired, token=TOKEN, **parts)


def acting(action: str, existing: Json, **parts: Any) -> Callable[[World], Json]:
    """An action that needs no more than the ARN of a package that exists."""

    def event(world: World) -> Json:
        arn = world.create(existing, **parts).arn
        return world.event(action, {"ModelPackageArn": arn}, token=TOKEN)

    return event


def changing(name: str) -> Scenario:
    """An update of those that are repeated and rolled back."""
    change = CHANGES[name]
    return Scenario(
        lambda world: change.event(world, change.create(world), token=TOKEN), behaviour=change.behaviour
    )


def updating(existing: Json, desired: Json) -> Callable[[World], Json]:
    """Another update."""

    def event(world: World) -> Json:
        known = {"ModelPackageArn": world.create(existing).arn}
        return world.event("UPDATE", {**desired, **known}, {**existing, **known}, token=TOKEN)

    return event


def validating(action: str, **members: Any) -> Callable[[World], Json]:
    """An action on a package that was registered a moment ago and is still being validated."""

    def event(world: World) -> Json:
        desired = validated()
        known = {"ModelPackageArn": world.client.create_model_package(**desired)["ModelPackageArn"]}
        return world.event(action, {**desired, **members, **known}, {**desired, **known}, token=TOKEN)

    return event


def listing(world: World) -> Json:
    """A list of versions and others."""
    for desired in (package(), package(), unversioned()):
        world.create(desired)
    return world.event("LIST", {}, token=TOKEN)


def absent(world: World) -> Json:
    """A delete of a package that somebody has deleted."""
    arn = world.create(package()).arn
    world.client.delete_model_package(ModelPackageName=arn)
    return world.event("DELETE", {"ModelPackageArn": arn}, token=TOKEN)


def taken(world: World) -> Json:
    """A create under a name that is taken."""
    world.create(unversioned())
    return world.event("CREATE", unversioned(), token=TOKEN)


def busy_after_a_write(call: Call) -> FaultKind | None:
    """A service that lets an invocation look twice and write once."""
    return KINDS["conflict"] if call.operation in WRITES and call.number > 2 else None


SLOW = {"describes_until_completed": 3, "pending_describes": 1}

SCENARIOS = {
    **{f"create: {name}": Scenario(creating(desired)) for name, desired in CREATES.items()},
    "create: everything": Scenario(
        creating(
            package(
                ModelApprovalStatus="Approved",
                ApprovalDescription="good enough",
                CustomerMetadataProperties={"team": "risk"},
                AdditionalInferenceSpecifications=[specification("first")],
                AdditionalInferenceSpecificationsToAdd=[specification("second")],
                Environment={"LEVEL": "1"},
                ModelCard=card("Draft", "churn"),
                ModelLifeCycle={"Stage": "Staging", "StageStatus": "PendingApproval"},
            ),
            stack_tags={"team": "risk"},
        )
    ),
    "create: a version with validation": Scenario(creating(validated()), behaviour=SLOW),
    "create: validation and a second call": Scenario(creating(validated(ApprovalDescription="good enough"))),
    "create: a validation that fails": Scenario(creating(validated()), behaviour=FAILING),
    "create: unversioned with stack tags": Scenario(
        creating(unversioned(Tags=tags(team="risk")), stack_tags={"team": "the stack's", "cost": "1"})
    ),
    "create: not to be seen at first": Scenario(
        creating(package()), behaviour={"visible_after_describes": 3}
    ),
    "create: under a name that is taken": Scenario(taken),
    **{f"update: {name}": changing(name) for name in CHANGES},
    "update: nothing": Scenario(updating(package(), package())),
    "update: an environment that cannot be": Scenario(
        updating(package(Environment={"LEVEL": "1"}), package(Environment={"LEVEL": "2"}))
    ),
    "update: a card that is refused half-way": Scenario(
        updating(
            package(ModelCard=card("Draft", "churn")), package(ModelCard=card("PendingReview", "fraud"))
        ),
        throttle=refusing("ModelCardStatus"),
    ),
    "update: a card out of the archive that is refused half-way": Scenario(
        updating(package(ModelCard=card("Archived", "history")), package(ModelCard=card("Draft", "churn"))),
        throttle=refusing("ModelCardContent"),
    ),
    "update: a first card that is refused half-way": Scenario(
        updating(package(), package(ModelCard=card("Draft", "churn"))),
        throttle=refusing("ModelCardStatus"),
    ),
    "update: waits first": Scenario(
        validating("UPDATE", ModelApprovalStatus="Approved", CustomerMetadataProperties={"team": "risk"}),
        behaviour=SLOW,
    ),
    "update: one write at a time": replace(changing("tags"), throttle=busy_after_a_write),
    "delete: a version": Scenario(acting("DELETE", package())),
    "delete: unversioned": Scenario(acting("DELETE", unversioned())),
    "delete: takes long": Scenario(acting("DELETE", unversioned()), behaviour={"delete_describes": 3}),
    "delete: waits first": Scenario(validating("DELETE"), behaviour=SLOW),
    "delete: nothing there": Scenario(absent),
    "read: a version": Scenario(acting("READ", package())),
    "read: unversioned": Scenario(
        acting("READ", unversioned(Tags=tags(a="1", b="2", c="3"))), behaviour={"tags_page": 2}
    ),
    "list": Scenario(listing),
}


# --- undisturbed ------------------------------------------------------------------------------------


class Invoker(Protocol):
    """Invokes in a process of its own, which can be killed."""

    def invoke(self, event: Json, *, answers: bool = True) -> Json | None:
        """Return what the invocation answers; None when it was killed before, or is not to answer."""

    def kill(self) -> None:
        """Kill the process of the invocation that is going on, from another thread."""


@dataclass(frozen=True)
class Outcome:
    """What an operation came to: its last event, and all packages as SageMaker holds them."""

    event: Json
    packages: list[Json]


def prepare(world: World, scenario: Scenario) -> Json:
    """Make the world as the scenario has it and return its event."""
    world.reset(**scenario.behaviour)
    event = scenario.event(world)
    world.proxy.throttle = scenario.throttle
    return event


def send(world: World, event: Json) -> Json:
    """Invoke in this process; the calls since then are those of this invocation."""
    world.proxy.clear()
    return world.send(event)


def finished(world: World, event: Json, answer: Json) -> tuple[Outcome, list[int]]:
    """Drive an operation to its end; return what it came to, and how many calls its invocations made."""
    calls = [len(world.proxy.calls)]
    while answer["status"] == "IN_PROGRESS":
        assert len(calls) < MOST_INVOCATIONS
        event = following(event, answer)
        answer = send(world, event)
        calls.append(len(world.proxy.calls))
    return Outcome(lasting(answer), lasting(world.packages)), calls


# --- killed -----------------------------------------------------------------------------------------


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


def two_of_them(calls: list[int], drawn: random.Random) -> list[Place]:
    """One before a call's work; and one after it, or when all calls are answered."""
    every = places(calls)
    early = [place for place in every if place.call is not None and place.moment == "before"]
    return [drawn.choice(early), drawn.choice([place for place in every if place not in early])]


def kill(world: World, invoker: Invoker, event: Json, place: Place) -> Json | None:
    """Invoke and kill it at the place; return its answer if it never came there."""

    def strike(call: Call, moment: str) -> None:
        if (call.number, moment) == (place.call, place.moment):
            invoker.kill()
            # Nothing more is done for it, and nothing told.
            raise ConnectionAbortedError

    world.proxy.clear()
    world.proxy.watch = strike
    answer = invoker.invoke(event, answers=place.call is not None)
    world.proxy.watch = lambda *_: None
    return answer


@dataclass(frozen=True)
class Trial:
    """An operation that was killed and sent again: what it came to, and how often it was really killed."""

    outcome: Outcome
    kills: int
    found_nothing: bool
    """It is a delete that was over before it was sent again, and was told nothing of having begun."""


def interrupted(world: World, invoker: Invoker, scenario: Scenario, place: Place, times: int) -> Trial:
    """Kill an operation at a place, the repetition as well if so many times, and send the event again."""
    event = prepare(world, scenario)
    for _ in range(place.invocation):
        event = following(event, send(world, event))
    kills, answer = 0, None
    while answer is None and kills < times:
        answer = kill(world, invoker, event, place)
        kills += int(answer is None)
    if answer is None:
        world.proxy.clear()
        answer = invoker.invoke(event)
    assert answer is not None
    check_event(answer)
    found_nothing = (
        event["action"] == "DELETE"
        and not event["callbackContext"]
        and world.proxy.calls[0].status != HTTPStatus.OK
    )
    return Trial(finished(world, event, answer)[0], kills, found_nothing)


def check(
    world: World,
    invoker: Invoker,
    scenario: Scenario,
    choose: Callable[[list[int]], list[Place]],
    most_kills: int,
    figures: Figures,
) -> None:
    """Interrupt a scenario at places of it and compare each outcome with that of an undisturbed run."""
    event = prepare(world, scenario)
    expected, calls = finished(world, event, send(world, event))
    found = {}
    for place in choose(calls):
        for times in range(1, most_kills + 1):
            trial = interrupted(world, invoker, scenario, place, times)
            assert trial.kills, place
            note(figures, trial, expected)
            if trial.found_nothing:
                assert trial.outcome.event["errorCode"] == "NotFound", trial.outcome.event
                assert trial.outcome.packages == expected.packages
            else:
                found[f"killed {times} times {place}"] = trial.outcome
    assert found == dict.fromkeys(found, expected)


def note(figures: Figures, trial: Trial, expected: Outcome) -> None:
    """Count it."""
    packages, wanted = (
        {each["ModelPackageArn"] for each in outcome.packages} for outcome in (trial.outcome, expected)
    )
    counted = figures.setdefault("interruptions", {})
    for name, number in {
        "kills": trial.kills,
        "outcomes": 1,
        "equal to undisturbed": int(trial.outcome == expected),
        "deletes that were over": int(trial.found_nothing and trial.outcome != expected),
        "packages": len(packages),
        "doubled": len(packages - wanted),
        "lost": len(wanted - packages),
    }.items():
        counted[name] = int(counted.get(name, 0)) + number


@pytest.fixture(scope="module")
def forks(torn: World) -> Iterator[Forks]:
    """Processes that call this world's SageMaker."""
    assert os.environ["AWS_ENDPOINT_URL"] == torn.proxy.url
    with Forks(torn.event("LIST", {})) as made:
        # Once this has been answered, nobody calls who is not asked to.
        assert made.invoke(torn.event("LIST", {}))
        yield made


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_killed_invocation_is_repeated(
    world: World, forks: Forks, figures: Figures, long: bool, seed: int, name: str
) -> None:
    drawn = random.Random(f"{seed} {name}")  # noqa: S311 - no secret
    check(
        world,
        forks,
        SCENARIOS[name],
        places if long else lambda calls: two_of_them(calls, drawn),
        2 if long else 1,
        figures,
    )


# --- under Lambda's own runtime client --------------------------------------------------------------


class Lambdas:
    """Invokes the package in execution environments like Lambda's; a killed one is replaced."""

    def __init__(self, function: Function, code: Path) -> None:
        self._function = function
        self._code = code
        self._environments = Environments(interpreter(), code)
        self._requests = 0

    def invoke(self, event: Json, *, answers: bool = True) -> Json | None:
        """Return what the invocation answers; None when it was killed before, or is not to answer."""
        self._requests += 1
        done = self._environments.run(self._function, event, f"request-{self._requests}")
        said: Json = json.loads(done.body)
        if done.function_error:
            assert "signal: killed" in said["errorMessage"], said
        if answers and not done.function_error:
            return said
        self.close()
        self._environments = Environments(interpreter(), self._code)
        return None

    def kill(self) -> None:
        """Kill the process, in the middle of its invocation."""
        self._environments.close()

    def close(self) -> None:
        """End all of it."""
        self._environments.close()


@pytest.fixture(scope="module")
def lambdas(torn: World, long: bool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lambdas]:
    """The package as Lambda would unzip it, and its processes, which call this world's SageMaker."""
    if not long:
        pytest.skip("a package is built for it: only in the long run")
    assert os.environ["AWS_ENDPOINT_URL"] == torn.proxy.url
    folder = tmp_path_factory.mktemp("package")
    built = build(folder / "project", TypeName(TYPE), find())
    unpack(built.archive, folder / "task")
    function = read_functions(built.project / "template.yml")["TypeFunction"]
    with closing(Lambdas(function, folder / "task")) as made:
        yield made


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
def test_a_killed_lambda_environment_is_replaced(
    world: World, lambdas: Lambdas, figures: Figures, name: str, place: Place
) -> None:
    check(world, lambdas, SCENARIOS[name], lambda _: [place], 1, figures)
