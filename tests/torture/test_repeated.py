"""The same again: updates that failed half-way, repeated or rolled back, and one event sent twice at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults.proxy import FOR_EVER, KINDS, Call, Fault

from .operations import (
    CHANGES,
    CREATES,
    FAILING,
    UPDATE,
    Change,
    card,
    lasting,
    refusing,
    tags,
    unversioned,
    validated,
)
from .world import WRITES, Figures, Json, Run, World, following, package

# Real seconds; nobody waits so long unless something is wrong.
LONGEST_WAIT = 30.0


# --- what a package is ------------------------------------------------------------------------------


@dataclass(frozen=True)
class State:
    """A package twice: as SageMaker holds it, and as read tells it."""

    held: Json
    model: Json


def state(world: World, arn: str) -> State:
    """What a package is now; both views whole."""
    held, read = world.held(arn), world.read(arn)
    assert held
    assert read.status == "SUCCESS", read.last
    return State(lasting(held), lasting(read.model))


def written(world: World) -> list[Call]:
    """The writing calls since the proxy was cleared."""
    return [call for call in world.proxy.calls if call.operation in WRITES]


# --- failed half-way --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Course:
    """An update that nobody disturbs: before, after, how many calls, and the numbers of the writing ones."""

    before: State
    after: State
    calls: int
    writes: tuple[int, ...]


@pytest.fixture(scope="module")
def courses() -> dict[str, Course]:
    """The courses that were looked at so far."""
    return {}


@pytest.fixture
def course(torn: World, courses: dict[str, Course]) -> Callable[[str], Course]:
    """What becomes of a change that nobody disturbs, found out once."""

    def found(name: str) -> Course:
        if name not in courses:
            courses[name] = _undisturbed(torn, CHANGES[name])
        return courses[name]

    return found


def _undisturbed(world: World, change: Change) -> Course:
    world.reset(**change.behaviour)
    arn = change.create(world)
    before = state(world, arn)
    world.proxy.clear()
    run = world.run(change.event(world, arn))
    assert run.status == "SUCCESS", run.last
    calls, writes = world.proxy.calls, written(world)
    assert tuple(call.operation for call in writes) == change.writes
    after = state(world, arn)
    assert lasting(run.model) == after.model
    assert before != after
    return Course(before, after, len(calls), tuple(call.number for call in writes))


# What breaks for good, and what the update that it breaks answers.
LASTING = {
    "access denied": "AccessDenied",
    "reset before the work": "NetworkFailure",
    "reset after the work": "NetworkFailure",
}


def failures(*, long: bool) -> list[Any]:
    """Every place at which an update can fail, and how.

    The quick cut has every half of an update once: to be denied the first write leaves the package as it was.
    An update that has begun is gone on with, so one whose writes are done but never answered fails at its
    first write only.
    """
    return [
        pytest.param(name, position, kind, id=f"{name}: {kind} at write {position + 1}")
        for name, change in CHANGES.items()
        for position in range(len(change.writes))
        for kind in LASTING
        if (position == 0 or not KINDS[kind].works) and (long or (position > 0 and kind == "access denied"))
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What the quick cut has less of."""
    long = bool(metafunc.config.getoption("--long", default=False))
    if "position" in metafunc.fixturenames:
        metafunc.parametrize(("name", "position", "kind"), failures(long=long))
    for crowd, few in {"invocations": [MANY[0], MANY[-1]], "updates": MANY[:1]}.items():
        if crowd in metafunc.fixturenames:
            metafunc.parametrize((crowd, "held"), MANY if long else few)


def fail(world: World, change: Change, course: Course, position: int, kind: str) -> str:
    """Run the update into a fault that lasts from one of its writing calls on; what is left is half done."""
    world.reset(**change.behaviour)
    arn = change.create(world)
    operation = change.writes[position]
    world.proxy.arm(Fault(KINDS[kind], at=course.writes[position], times=FOR_EVER, operation=operation))
    run = world.run(change.event(world, arn))
    assert (run.status, run.code, run.model) == ("FAILED", LASTING[kind], {}), run.last
    world.proxy.clear()
    # The fault struck where it should have: what comes before it is done, what comes after it is not.
    done = position + int(KINDS[kind].works)
    left = lasting(world.held(arn))
    assert (left == course.before.held) is (done == 0)
    assert (left == course.after.held) is (done == len(change.writes))
    return arn


def test_an_update_that_failed_half_way_is_repeated(
    world: World, course: Callable[[str], Course], figures: Figures, name: str, position: int, kind: str
) -> None:
    change, known = CHANGES[name], course(name)
    arn = fail(world, change, known, position, kind)

    run = world.run(change.event(world, arn))

    assert run.status == "SUCCESS", run.last
    assert lasting(run.model) == known.after.model
    assert state(world, arn) == known.after
    note(figures, "repeated")


def test_an_update_that_failed_half_way_is_rolled_back(
    world: World, course: Callable[[str], Course], figures: Figures, name: str, position: int, kind: str
) -> None:
    change, known = CHANGES[name], course(name)
    arn = fail(world, change, known, position, kind)

    roll_back(world, change, known, arn, figures)


@pytest.mark.parametrize("name", [name for name, change in CHANGES.items() if len(change.writes) > 1])
def test_an_update_that_hears_of_no_write_but_the_first_is_gone_on_with(
    world: World, course: Callable[[str], Course], figures: Figures, long: bool, name: str
) -> None:
    change, known = CHANGES[name], course(name)
    for position in range(1, len(change.writes) if long else 2):
        world.reset(**change.behaviour)
        arn = change.create(world)
        fault = Fault(
            KINDS["reset after the work"],
            at=known.writes[position],
            times=FOR_EVER,
            operation=change.writes[position],
        )
        world.proxy.arm(fault)

        run = world.run(change.event(world, arn))

        assert run.status == "SUCCESS", (position, run.last)
        assert lasting(run.model) == known.after.model
        assert state(world, arn) == known.after
        note(figures, "gone on with")


@pytest.mark.parametrize("name", CHANGES)
def test_an_update_that_succeeded_is_rolled_back(
    world: World, course: Callable[[str], Course], figures: Figures, name: str
) -> None:
    # Another resource of the stack has failed.
    change, known = CHANGES[name], course(name)
    world.reset(**change.behaviour)
    arn = change.create(world)
    assert world.run(change.event(world, arn)).status == "SUCCESS"

    roll_back(world, change, known, arn, figures)


@pytest.mark.parametrize("way", ["repeated", "rolled back"])
def test_a_refused_update_that_could_not_be_undone_is_undone_by_the_next(
    world: World, figures: Figures, way: str
) -> None:
    old, new = card("Draft", "churn"), card("PendingReview", "fraud")
    change = Change(package(ModelCard=old), package(ModelCard=new), writes=(UPDATE, UPDATE))
    arn = change.create(world)
    before = lasting(world.held(arn))
    undo = {"ModelCard": {"ModelCardContent": old["ModelCardContent"]}, "ModelPackageArn": arn}
    refuse = refusing("ModelCardStatus")

    world.proxy.throttle = lambda call: KINDS["access denied"] if call.arguments == undo else refuse(call)
    failed = world.run(change.event(world, arn))
    assert (failed.status, failed.code) == ("FAILED", "AccessDenied"), failed.last
    assert lasting(world.held(arn)) != before
    world.proxy.throttle = refuse
    run = world.run(change.event(world, arn) if way == "repeated" else change.back(world, arn))

    # NotUpdatable has the package replaced, and says that it is as it was.
    expected = ("FAILED", "NotUpdatable") if way == "repeated" else ("SUCCESS", None)
    assert (run.status, run.code) == expected, run.last
    assert lasting(world.held(arn)) == before
    note(figures, way)


def roll_back(world: World, change: Change, known: Course, arn: str, figures: Figures) -> None:
    """Exchange desired and previous: the old state, or a refusal that names what stays; nothing in between.

    Whatever came of it, the update can be made once more.
    """
    left = lasting(world.held(arn))
    stuck = {name for name in change.final if left.get(name) != known.before.held.get(name)}
    world.proxy.clear()
    run = world.run(change.back(world, arn))
    if stuck:
        assert (run.status, run.code) == ("FAILED", "NotUpdatable"), run.last
        assert all(f"{name} cannot be updated in place" in run.message for name in stuck), run.message
        assert written(world) == []
        assert lasting(world.held(arn)) == left
        note(figures, "refused with the reason")
    else:
        assert run.status == "SUCCESS", run.last
        kept = {name: left[name] for name in change.left if name in left}
        now = state(world, arn)
        assert now.held == known.before.held | kept
        assert now.model == known.before.model | kept
        assert lasting(run.model) == now.model
        note(figures, "rolled back")
    again = world.run(change.event(world, arn))
    assert again.status == "SUCCESS", again.last
    assert State(lasting(world.held(arn)), lasting(again.model)) == known.after
    note(figures, "repeated")


def note(figures: Figures, name: str, number: int = 1) -> None:
    """Count something of this file."""
    counted = figures.setdefault("repeats", {})
    counted[name] = int(counted.get(name, 0)) + number


# --- the same event more than once at a time --------------------------------------------------------


class Together:
    """Holds the first call of each of so many invocations, done but not answered, until all have come.

    So each has looked before any of them goes on.
    """

    def __init__(self, invocations: int) -> None:
        self._barrier = threading.Barrier(invocations, timeout=LONGEST_WAIT)

    def __call__(self, call: Call, moment: str) -> None:
        if moment == "after" and call.number < self._barrier.parties:
            self._barrier.wait()


def at_once(world: World, event: Json, invocations: int, *, held: bool) -> list[Run]:
    """Invoke with the same event so many times at once; drive each to its end after that."""
    start = threading.Barrier(invocations, timeout=LONGEST_WAIT)

    def invoke() -> Json:
        start.wait()
        return world.send(event)

    world.proxy.clear()
    if held:
        world.proxy.watch = Together(invocations)
    with ThreadPoolExecutor(invocations) as pool:
        invoked = [pool.submit(invoke) for _ in range(invocations)]
        answers = [each.result() for each in invoked]
    return [finish(world, event, answer) for answer in answers]


def finish(world: World, event: Json, answer: Json) -> Run:
    """Drive an operation to its end, of which one invocation has answered."""
    if answer["status"] == "IN_PROGRESS":
        return world.run(following(event, answer))
    return Run(event["action"], [answer])


def overtaken(world: World, event: Json, number: int) -> tuple[Run, Run]:
    """Invoke twice; one is stopped before its call of that number, for as long as the other one takes.

    Returns how the fast one ended, and the slow one.
    """
    stopped, go_on = threading.Event(), threading.Event()

    def stop(call: Call, moment: str) -> None:
        if (call.number, moment) == (number, "before"):
            stopped.set()
            go_on.wait(LONGEST_WAIT)

    world.proxy.clear()
    world.proxy.watch = stop
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(world.send, event)
        try:
            assert stopped.wait(LONGEST_WAIT)
            fast = world.run(event)
        finally:
            go_on.set()
        late = slow.result()
    return fast, finish(world, event, late)


MANY = [
    pytest.param(2, True, id="two that both look first"),
    pytest.param(2, False, id="two"),
    pytest.param(8, True, id="eight that all look first"),
    pytest.param(8, False, id="eight"),
]


def alone(world: World, desired: Json) -> tuple[Json, Json]:
    """The event of a create, and the package it makes when nothing disturbs it."""
    world.reset()
    event = world.event("CREATE", desired)
    run = world.run(event)
    assert run.status == "SUCCESS", run.last
    (made,) = world.packages
    world.reset()
    return event, lasting(made)


@pytest.mark.parametrize("name", CREATES)
def test_creates_at_the_same_time_make_one_package(
    world: World, figures: Figures, name: str, invocations: int, held: bool
) -> None:
    event, expected = alone(world, CREATES[name])

    runs = at_once(world, event, invocations, held=held)

    assert [lasting(each) for each in world.packages] == [expected]
    assert {(run.status, run.arn) for run in runs} == {("SUCCESS", expected["ModelPackageArn"])}
    note(figures, "invocations at the same time", invocations)


@pytest.mark.parametrize("name", CREATES)
def test_a_create_that_is_overtaken_makes_no_other_package(world: World, figures: Figures, name: str) -> None:
    event, expected = alone(world, CREATES[name])
    world.send(event)

    for number in range(len(world.proxy.calls)):
        world.reset()
        fast, slow = overtaken(world, event, number)

        assert [lasting(each) for each in world.packages] == [expected]
        assert (fast.status, fast.arn) == ("SUCCESS", expected["ModelPackageArn"])
        assert (slow.status, slow.arn) == ("SUCCESS", expected["ModelPackageArn"])
        note(figures, "overtaken")


@pytest.mark.parametrize("name", CHANGES)
def test_updates_at_the_same_time_all_succeed(
    world: World, course: Callable[[str], Course], figures: Figures, name: str, updates: int, held: bool
) -> None:
    change, known = CHANGES[name], course(name)
    world.reset(**change.behaviour)
    arn = change.create(world)

    runs = at_once(world, change.event(world, arn), updates, held=held)

    assert {run.status for run in runs} == {"SUCCESS"}, [run.last for run in runs]
    assert state(world, arn) == known.after
    note(figures, "invocations at the same time", updates)


@pytest.mark.parametrize("name", CHANGES)
def test_an_update_that_is_overtaken_succeeds(
    world: World, course: Callable[[str], Course], figures: Figures, name: str, long: bool
) -> None:
    change, known = CHANGES[name], course(name)
    # What the slow one goes by is oldest before its first write.
    for number in range(known.calls) if long else known.writes[:1]:
        world.reset(**change.behaviour)
        arn = change.create(world)

        fast, slow = overtaken(world, change.event(world, arn), number)

        assert fast.status == "SUCCESS", (number, fast.last)
        assert slow.status == "SUCCESS", (number, slow.last)
        assert lasting(fast.model) == lasting(slow.model) == known.after.model
        assert state(world, arn) == known.after
        note(figures, "overtaken")


DELETES = {
    "version": package(),
    "unversioned": unversioned(Tags=tags(team="risk")),
}


@pytest.mark.parametrize("name", DELETES)
def test_deletes_at_the_same_time_leave_nothing(
    world: World, figures: Figures, name: str, invocations: int, held: bool
) -> None:
    arn = world.create(DELETES[name]).arn

    runs = at_once(world, world.event("DELETE", {"ModelPackageArn": arn}), invocations, held=held)

    assert world.packages == []
    ends = {(run.status, run.code) for run in runs}
    assert ("SUCCESS", None) in ends
    assert ends <= {("SUCCESS", None), ("FAILED", "NotFound")}
    assert [run.model for run in runs] == [{}] * invocations
    note(figures, "invocations at the same time", invocations)


@pytest.mark.parametrize("name", DELETES)
def test_a_delete_that_is_overtaken_is_done_or_finds_nothing(
    world: World, figures: Figures, name: str
) -> None:
    ends = []
    for number in range(2):
        world.reset()
        event = world.event("DELETE", {"ModelPackageArn": world.create(DELETES[name]).arn})

        fast, slow = overtaken(world, event, number)

        assert world.packages == []
        assert (fast.status, fast.model, slow.model) == ("SUCCESS", {}, {}), fast.last
        ends.append((slow.status, slow.code))
        note(figures, "overtaken")
    # Before its Describe; before its DeleteModelPackage, when it knew that there was a package.
    assert ends == [("FAILED", "NotFound"), ("SUCCESS", None)]


# --- creates that failed, or were never heard of again ----------------------------------------------


FAILED_CREATES = {
    "validation": (validated(), FAILING, None, "NotStabilized"),
    "validation of an unversioned package": (
        unversioned(Tags=tags(team="risk")),
        FAILING,
        None,
        "NotStabilized",
    ),
    "its second call": (CREATES["version in two calls"], {}, (UPDATE, 0), "AccessDenied"),
    "its first look": (package(), {}, ("DescribeModelPackage", 0), "AccessDenied"),
    "a later look": (unversioned(), {}, ("DescribeModelPackage", 2), "AccessDenied"),
    "the reading of tags": (unversioned(), {}, ("ListTags", 0), "AccessDenied"),
}


@pytest.mark.parametrize("name", FAILED_CREATES)
def test_a_create_that_failed_is_deleted_and_made_anew(world: World, figures: Figures, name: str) -> None:
    desired, behaviour, struck, code = FAILED_CREATES[name]
    world.reset(**behaviour)
    if struck:
        operation, at = struck
        world.proxy.arm(Fault(KINDS["access denied"], at=at, times=FOR_EVER, operation=operation))
    event = world.event("CREATE", desired)
    created = world.run(event)
    assert (created.status, created.code) == ("FAILED", code), created.last
    assert [each["ModelPackageArn"] for each in world.packages] == [created.arn]
    assert created.model == {**desired, "ModelPackageArn": created.arn}
    world.proxy.clear()

    # CloudFormation deletes what the failed create has told it of.
    deleted = world.run(world.event("DELETE", created.model))

    assert (deleted.status, deleted.model) == ("SUCCESS", {}), deleted.last
    assert world.packages == []
    # The user puts right what was wrong: nothing is left that could be in the way.
    world.sagemaker.behaviour.validation_failures = {}
    assert world.create(desired).status == "SUCCESS"
    assert len(world.packages) == 1
    note(figures, "failed creates deleted and made anew")


@pytest.mark.parametrize("name", CREATES)
def test_a_create_that_was_never_answered_is_repeated_with_its_token(
    world: World, figures: Figures, name: str
) -> None:
    event, expected = alone(world, CREATES[name])
    world.proxy.arm(Fault(KINDS["reset after the work"], times=FOR_EVER, operation="CreateModelPackage"))
    lost = world.run(event)
    assert (lost.status, lost.code, lost.model) == ("FAILED", "NetworkFailure", {}), lost.last
    assert len(world.packages) == 1
    world.proxy.clear()

    run = world.run(event)

    assert (run.status, run.arn) == ("SUCCESS", expected["ModelPackageArn"]), run.last
    assert [lasting(each) for each in world.packages] == [expected]
    note(figures, "repeated")


@pytest.mark.parametrize("name", CREATES)
def test_a_create_repeated_after_somebody_deleted_its_package_says_what_is_wrong(
    world: World, figures: Figures, name: str
) -> None:
    event = world.event("CREATE", CREATES[name])
    first = world.send(event)
    arn = first["resourceModel"]["ModelPackageArn"]
    world.client.delete_model_package(ModelPackageName=arn)
    while world.packages:  # an unversioned one takes a look
        assert world.read(arn).code == "NotFound"

    # The first answer was lost: the event comes again as it was.
    run = world.run(event)

    assert (run.status, run.code) == ("FAILED", "NotStabilized"), run.last
    # A token is only to blame where the template brings one.
    literal = "ClientToken" in CREATES[name]
    assert ("give ClientToken a new value" if literal else "may have been deleted meanwhile") in run.message
    assert arn in run.message
    assert run.model == {**CREATES[name], "ModelPackageArn": arn}
    assert world.packages == []
    assert world.run(world.event("DELETE", run.model)).code == "NotFound"
    # With a request token of its own the same template makes a package; not with a literal one in it.
    anew = world.create(CREATES[name])
    assert (anew.status, anew.code) == (("FAILED", "NotStabilized") if literal else ("SUCCESS", None))
    assert len(world.packages) == (0 if literal else 1)
    note(figures, "creates of deleted packages")
