"""Repetitions: updates that failed half-way are repeated or rolled back; one event is sent twice at once."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
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
    unversioned,
    validated,
)
from .templates import ADDITIONAL
from .world import WRITES, Figures, Json, Run, World, next_event, package

# Real time; the tests wait so long only if something is wrong.
MAX_WAIT_SECONDS = 30.0
# Long after an event whose answer was lost comes again.
TOKEN_AGE_SECONDS = 3600.0
TITLE = "repeats"


@dataclass(frozen=True)
class State:
    """A package twice: as SageMaker stores it, and as read returns it."""

    stored: Json
    model: Json


def state(world: World, arn: str) -> State:
    stored, read = world.stored(arn), world.read(arn)
    assert stored
    assert read.status == "SUCCESS", read.last
    return State(lasting(stored), lasting(read.model))


def written(world: World) -> list[Call]:
    """The writing calls since the proxy was cleared."""
    return [call for call in world.proxy.calls if call.operation in WRITES]


@dataclass(frozen=True)
class Course:
    """An undisturbed update: states before and after, how many calls, and the numbers of the writing ones."""

    change: Change
    before: State
    after: State
    calls: int
    writes: tuple[int, ...]

    def begin(self, world: World) -> str:
        world.reset(**self.change.behaviour)
        return self.change.create(world)

    def break_write(self, world: World, position: int, kind: str) -> None:
        """Break this writing call of the update, and all later ones of that operation."""
        operation = self.change.writes[position]
        world.proxy.arm(Fault(KINDS[kind], at=self.writes[position], times=FOR_EVER, operation=operation))

    def check(self, world: World, arn: str, *runs: Run) -> None:
        """Check that these updates succeeded and the package is in the state after the update."""
        assert {run.status for run in runs} <= {"SUCCESS"}, [run.last for run in runs]
        assert all(lasting(run.model) == self.after.model for run in runs)
        assert state(world, arn) == self.after


COURSES: dict[str, Course] = {}


@pytest.fixture
def course(session_world: World, name: str) -> Course:
    """The undisturbed course of the change of this name, which is driven once."""
    if name not in COURSES:
        COURSES[name] = _undisturbed(session_world, CHANGES[name])
    return COURSES[name]


def _undisturbed(world: World, change: Change) -> Course:
    world.reset(**change.behaviour)
    arn = change.create(world)
    before = state(world, arn)
    world.proxy.clear()
    run = world.run(change.event(world, arn))
    calls, writes = world.proxy.calls, written(world)
    assert tuple(call.operation for call in writes) == change.writes
    course = Course(change, before, state(world, arn), len(calls), tuple(call.number for call in writes))
    course.check(world, arn, run)
    assert course.before != course.after
    return course


# --- failed half-way --------------------------------------------------------------------------------

# What breaks for good, and the code of the update that it breaks.
LASTING = {
    "access denied": "AccessDenied",
    "reset before the work": "NetworkFailure",
    "reset after the work": "NetworkFailure",
}


def failures(*, long: bool) -> list[Any]:
    """Every place at which an update can fail, and how.

    A quick run has every half of an update once: to be denied the first write leaves the package as it was.
    An update that has begun continues, so one whose writes are done but not answered fails at its first write
    only.
    """
    return [
        pytest.param(name, position, kind, id=f"{name}: {kind} at write {position + 1}")
        for name, change in CHANGES.items()
        for position in range(len(change.writes))
        for kind in LASTING
        if (position == 0 or not KINDS[kind].works) and (long or (position > 0 and kind == "access denied"))
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    long = bool(metafunc.config.getoption("--long", default=False))
    if "position" in metafunc.fixturenames:
        metafunc.parametrize(("name", "position", "kind"), failures(long=long))
    for crowd, few in {"invocations": [MANY[0], MANY[-1]], "updates": MANY[:1]}.items():
        if crowd in metafunc.fixturenames:
            metafunc.parametrize((crowd, "held"), MANY if long else few)


def fail(world: World, course: Course, position: int, kind: str) -> str:
    """Run the update into a lasting fault at one of its writing calls, which leaves it half done."""
    arn = course.begin(world)
    course.break_write(world, position, kind)
    run = world.run(course.change.event(world, arn))
    assert (run.status, run.code, run.model) == ("FAILED", LASTING[kind], {}), run.last
    world.proxy.clear()
    # The fault struck where it should have: what comes before it is done, what comes after it is not.
    done = position + int(KINDS[kind].works)
    left = lasting(world.stored(arn))
    assert (left == course.before.stored) is (done == 0)
    assert (left == course.after.stored) is (done == len(course.change.writes))
    return arn


def staying(course: Course, left: Json) -> tuple[Json, set[str]]:
    """What a rollback leaves on the package, and what its message has to name."""
    before, names = course.before.stored, set[str]()
    kept = {name: left[name] for name in course.change.kept if name in left}
    for name, value in kept.items():
        if name == ADDITIONAL:
            names |= {each["Name"] for each in value if each not in before.get(name, ())}
        elif name not in before:
            names.add(name)
    return kept, names


def roll_back(world: World, course: Course, arn: str, figures: Figures) -> None:
    """Exchange desired and previous: the previous state, but for what stays, which the message names.

    The update can be made once more.
    """
    kept, names = staying(course, lasting(world.stored(arn)))
    run = world.run(course.change.rollback(world, arn))
    assert run.status == "SUCCESS", run.last
    assert bool(run.message) is bool(names), run.message
    assert all(name in run.message for name in names), run.message
    live = state(world, arn)
    assert live.stored == course.before.stored | kept
    assert live.model == course.before.model | kept == lasting(run.model)
    figures[TITLE]["rolled back but for what stays" if names else "rolled back"] += 1
    course.check(world, arn, world.run(course.change.event(world, arn)))
    figures[TITLE]["repeated"] += 1


def test_update_that_failed_half_way_is_repeated(
    world: World, course: Course, figures: Figures, position: int, kind: str
) -> None:
    arn = fail(world, course, position, kind)
    course.check(world, arn, world.run(course.change.event(world, arn)))
    figures[TITLE]["repeated"] += 1


def test_update_that_failed_half_way_is_rolled_back(
    world: World, course: Course, figures: Figures, position: int, kind: str
) -> None:
    roll_back(world, course, fail(world, course, position, kind), figures)


@pytest.mark.parametrize("name", [name for name, change in CHANGES.items() if len(change.writes) > 1])
def test_update_continues_when_only_its_first_write_is_answered(
    world: World, course: Course, figures: Figures, long: bool
) -> None:
    for position in range(1, len(course.writes) if long else 2):
        arn = course.begin(world)
        course.break_write(world, position, "reset after the work")
        course.check(world, arn, world.run(course.change.event(world, arn)))
        figures[TITLE]["continued"] += 1


@pytest.mark.parametrize("name", CHANGES)
def test_update_that_succeeded_is_rolled_back(world: World, course: Course, figures: Figures) -> None:
    # Another resource of the stack has failed.
    arn = course.begin(world)
    assert world.run(course.change.event(world, arn)).status == "SUCCESS"
    roll_back(world, course, arn, figures)


# What SageMaker may refuse to change, each with the values that it has in two templates.
TRIED: dict[str, tuple[Any, ...]] = {
    "Environment": (None, {"LEVEL": "1"}, {"LEVEL": "2"}),
    "ModelCard": (
        None,
        card("Draft", "churn"),
        card("PendingReview", "fraud"),
        card("Archived", "history"),
        {"ModelCardContent": card("", "churn")["ModelCardContent"]},
        {"ModelCardStatus": "Archived"},
    ),
    "SourceUri": (None, "s3://models/old.tar.gz", "s3://models/new.tar.gz"),
}
QUICK_PAIRS = 80


def pairs(seed: int, *, long: bool) -> list[tuple[Json, Json]]:
    """Pairs of templates that differ in what SageMaker may refuse: all, or some."""
    templates = [
        package(**dict(zip(TRIED, values, strict=True))) for values in itertools.product(*TRIED.values())
    ]
    every = [(previous, desired) for previous in templates for desired in templates if previous != desired]
    if long:
        return every
    chosen = Random(seed)  # noqa: S311 - a choice of tests
    chosen.shuffle(every)
    return every[:QUICK_PAIRS]


@pytest.mark.parametrize("replaceable", [True, False], ids=["replaceable", "not replaceable"])
def test_rollback_replaces_nothing(
    world: World, figures: Figures, seed: int, long: bool, replaceable: bool
) -> None:
    for previous, desired in pairs(seed, long=long):
        world.reset(inference_specification_replaceable=replaceable)
        change = Change(previous, desired, writes=())
        arn = change.create(world)
        before = lasting(world.stored(arn))
        run = world.run(change.event(world, arn))
        if run.status != "SUCCESS":
            assert (run.code, lasting(world.stored(arn))) == ("NotUpdatable", before), run.last
            figures[TITLE]["replaced at once"] += 1
            continue
        # Another resource of the stack has failed: to replace the package now would delete the old one.
        back = world.run(change.rollback(world, arn))
        assert back.status == "SUCCESS", (previous, desired, back.message)
        figures[TITLE]["rolled back in place"] += 1


@pytest.mark.parametrize("way", ["repeated", "rolled back"])
def test_refused_update_without_undo_is_undone_by_the_next(world: World, figures: Figures, way: str) -> None:
    old, new = card("Draft", "churn"), card("PendingReview", "fraud")
    change = Change(package(ModelCard=old), package(ModelCard=new), writes=(UPDATE, UPDATE))
    arn = change.create(world)
    before = lasting(world.stored(arn))
    undo = {"ModelCard": {"ModelCardContent": old["ModelCardContent"]}, "ModelPackageArn": arn}
    refuse = refusing("ModelCardStatus")

    world.proxy.throttle = lambda call: KINDS["access denied"] if call.arguments == undo else refuse(call)
    failed = world.run(change.event(world, arn))
    assert (failed.status, failed.code) == ("FAILED", "AccessDenied"), failed.last
    assert lasting(world.stored(arn)) != before
    world.proxy.throttle = refuse
    run = world.run(change.event(world, arn) if way == "repeated" else change.rollback(world, arn))

    # NotUpdatable has the package replaced, and says that it is as it was.
    expected = ("FAILED", "NotUpdatable") if way == "repeated" else ("SUCCESS", None)
    assert (run.status, run.code) == expected, run.last
    assert lasting(world.stored(arn)) == before
    figures[TITLE][way] += 1


# --- the same event more than once at a time --------------------------------------------------------


class Together:
    """Holds the first call of each of so many invocations, done but not answered, until all have come.

    So each has read the package before any of them continues.
    """

    def __init__(self, invocations: int) -> None:
        self._barrier = threading.Barrier(invocations, timeout=MAX_WAIT_SECONDS)

    def __call__(self, call: Call, moment: str) -> None:
        if moment == "after" and call.number < self._barrier.parties:
            self._barrier.wait()


def at_once(world: World, event: Json, invocations: int, *, held: bool, figures: Figures) -> list[Run]:
    """Invoke with the same event so many times at once; drive each to its end after that."""
    start = threading.Barrier(invocations, timeout=MAX_WAIT_SECONDS)

    def invoke() -> Json:
        start.wait()
        return world.send(event)

    world.proxy.clear()
    if held:
        world.proxy.watch = Together(invocations)
    with ThreadPoolExecutor(invocations) as pool:
        futures = [pool.submit(invoke) for _ in range(invocations)]
        answers = [each.result() for each in futures]
    figures[TITLE]["invocations at the same time"] += invocations
    return [finish(world, event, answer) for answer in answers]


def finish(world: World, event: Json, answer: Json) -> Run:
    """Drive an operation to its end from the answer of its first invocation."""
    if answer["status"] == "IN_PROGRESS":
        return world.run(next_event(event, answer))
    return Run(event["action"], [answer])


def overtake(world: World, event: Json, number: int, figures: Figures) -> tuple[Run, Run]:
    """Invoke twice; one is stopped before its call of that number, until the other one has ended.

    Returns the fast one, and the slow one.
    """
    stopped, proceed = threading.Event(), threading.Event()

    def stop(call: Call, moment: str) -> None:
        if (call.number, moment) == (number, "before"):
            stopped.set()
            proceed.wait(MAX_WAIT_SECONDS)

    world.proxy.clear()
    world.proxy.watch = stop
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(world.send, event)
        try:
            assert stopped.wait(MAX_WAIT_SECONDS)
            fast = world.run(event)
        finally:
            proceed.set()
        late = slow.result()
    figures[TITLE]["overtaken"] += 1
    return fast, finish(world, event, late)


MANY = [
    pytest.param(2, True, id="two that both read first"),
    pytest.param(2, False, id="two"),
    pytest.param(8, True, id="eight that all read first"),
    pytest.param(8, False, id="eight"),
]


@pytest.fixture
def created(world: World, name: str) -> tuple[Json, Json]:
    """The event of the create of this name, and the package it makes when nothing disturbs it."""
    event = world.event("CREATE", CREATES[name])
    run = world.run(event)
    assert run.status == "SUCCESS", run.last
    (package,) = world.packages
    world.reset()
    return event, lasting(package)


@pytest.mark.parametrize("name", CREATES)
def test_creates_at_the_same_time_make_one_package(
    world: World, created: tuple[Json, Json], figures: Figures, invocations: int, held: bool
) -> None:
    event, expected = created

    runs = at_once(world, event, invocations, held=held, figures=figures)

    assert [lasting(each) for each in world.packages] == [expected]
    assert {(run.status, run.arn) for run in runs} == {("SUCCESS", expected["ModelPackageArn"])}


@pytest.mark.parametrize("name", CREATES)
def test_overtaken_create_makes_no_other_package(
    world: World, created: tuple[Json, Json], figures: Figures
) -> None:
    event, expected = created
    world.send(event)

    for number in range(len(world.proxy.calls)):
        world.reset()
        runs = overtake(world, event, number, figures)

        assert [lasting(each) for each in world.packages] == [expected]
        assert {(run.status, run.arn) for run in runs} == {("SUCCESS", expected["ModelPackageArn"])}


@pytest.mark.parametrize("name", CHANGES)
def test_updates_at_the_same_time_all_succeed(
    world: World, course: Course, figures: Figures, updates: int, held: bool
) -> None:
    arn = course.begin(world)

    runs = at_once(world, course.change.event(world, arn), updates, held=held, figures=figures)

    assert {run.status for run in runs} == {"SUCCESS"}, [run.last for run in runs]
    course.check(world, arn)


@pytest.mark.parametrize("name", CHANGES)
def test_overtaken_update_succeeds(world: World, course: Course, figures: Figures, long: bool) -> None:
    # What the slow one has read is oldest before its first write.
    for number in range(course.calls) if long else course.writes[:1]:
        arn = course.begin(world)
        course.check(world, arn, *overtake(world, course.change.event(world, arn), number, figures))


@pytest.mark.parametrize("name", ["version", "unversioned"])
def test_deletes_at_the_same_time_leave_nothing(
    world: World, figures: Figures, name: str, invocations: int, held: bool
) -> None:
    event = world.event("DELETE", {"ModelPackageArn": world.create(CREATES[name]).arn})

    runs = at_once(world, event, invocations, held=held, figures=figures)

    assert world.packages == []
    ends = {(run.status, run.code) for run in runs}
    assert ("SUCCESS", None) in ends
    assert ends <= {("SUCCESS", None), ("FAILED", "NotFound")}
    assert [run.model for run in runs] == [{}] * invocations


@pytest.mark.parametrize("name", ["version", "unversioned"])
def test_overtaken_delete_is_done_or_not_found(world: World, figures: Figures, name: str) -> None:
    ends = []
    for number in range(2):
        world.reset()
        event = world.event("DELETE", {"ModelPackageArn": world.create(CREATES[name]).arn})

        fast, slow = overtake(world, event, number, figures)

        assert world.packages == []
        assert (fast.status, fast.model, slow.model) == ("SUCCESS", {}, {}), fast.last
        ends.append((slow.status, slow.code))
    # Before its Describe; before its DeleteModelPackage, when it knew that there was a package.
    assert ends == [("FAILED", "NotFound"), ("SUCCESS", None)]


# --- creates that failed, or were not answered ------------------------------------------------------


FAILED_CREATES = {
    "validation": (validated(), FAILING, None, "NotStabilized"),
    "validation of an unversioned package": (CREATES["unversioned"], FAILING, None, "NotStabilized"),
    "its second call": (CREATES["version in two calls"], {}, (UPDATE, 0), "AccessDenied"),
    "its first poll": (package(), {}, ("DescribeModelPackage", 0), "AccessDenied"),
    "a later poll": (unversioned(), {}, ("DescribeModelPackage", 2), "AccessDenied"),
    "the reading of tags": (unversioned(), {}, ("ListTags", 0), "AccessDenied"),
}


@pytest.mark.parametrize("name", FAILED_CREATES)
def test_failed_create_is_deleted_and_made_anew(world: World, figures: Figures, name: str) -> None:
    desired, behaviour, struck, code = FAILED_CREATES[name]
    world.reset(**behaviour)
    if struck:
        operation, at = struck
        world.proxy.arm(Fault(KINDS["access denied"], at=at, times=FOR_EVER, operation=operation))
    run = world.create(desired)
    assert (run.status, run.code) == ("FAILED", code), run.last
    assert [each["ModelPackageArn"] for each in world.packages] == [run.arn]
    assert run.model == {**desired, "ModelPackageArn": run.arn}
    world.proxy.clear()

    # CloudFormation deletes the package that the failed create has named.
    deleted = world.run(world.event("DELETE", run.model))

    assert (deleted.status, deleted.model) == ("SUCCESS", {}), deleted.last
    assert world.packages == []
    # The user puts right what was wrong: nothing is left that could be in the way.
    world.sagemaker.behaviour.validation_failures = {}
    assert world.create(desired).status == "SUCCESS"
    assert len(world.packages) == 1
    figures[TITLE]["failed creates deleted and made anew"] += 1


@pytest.mark.parametrize("name", CREATES)
def test_create_without_an_answer_is_repeated_with_its_token(
    world: World, created: tuple[Json, Json], figures: Figures
) -> None:
    event, expected = created
    world.proxy.arm(Fault(KINDS["reset after the work"], times=FOR_EVER, operation="CreateModelPackage"))
    lost = world.run(event)
    assert (lost.status, lost.code, lost.model) == ("FAILED", "NetworkFailure", {}), lost.last
    assert len(world.packages) == 1
    world.proxy.clear()

    run = world.run(event)

    assert (run.status, run.arn) == ("SUCCESS", expected["ModelPackageArn"]), run.last
    assert [lasting(each) for each in world.packages] == [expected]
    figures[TITLE]["repeated"] += 1


@pytest.mark.parametrize("name", CREATES)
def test_create_repeated_after_its_package_was_deleted_fails(
    world: World, figures: Figures, name: str
) -> None:
    event = world.event("CREATE", CREATES[name])
    arn = world.send(event)["resourceModel"]["ModelPackageArn"]
    world.client.delete_model_package(ModelPackageName=arn)
    while world.packages:  # an unversioned one takes a Describe
        assert world.read(arn).code == "NotFound"

    # The first answer was lost: the event comes again as it was.
    run = world.run(event)

    assert (run.status, run.code) == ("FAILED", "NotStabilized"), run.last
    # A token is only at fault where the template has one.
    literal = "ClientToken" in CREATES[name]
    assert ("give ClientToken a new value" if literal else "may have been deleted meanwhile") in run.message
    assert arn in run.message
    # What a literal token brings back may be another resource's, so that no failure names it as this one's.
    assert run.model == ({} if literal else {**CREATES[name], "ModelPackageArn": arn})
    assert world.packages == []
    assert world.run(world.event("DELETE", {"ModelPackageArn": arn})).code == "NotFound"
    # With a request token of its own the same template makes a package; not with a literal one in it.
    anew = world.create(CREATES[name])
    assert (anew.status, anew.code) == (("FAILED", "NotStabilized") if literal else ("SUCCESS", None))
    assert len(world.packages) == (0 if literal else 1)
    figures[TITLE]["creates of deleted packages"] += 1


ANOTHER = {"Domain": "MACHINE_LEARNING"}
# What a create gives its package in a second call.
LATER = (
    {"ApprovalDescription": "good enough"},
    {"ApprovalDescription": "good enough", "ModelApprovalStatus": "Approved"},
    {"SourceUri": "s3://models/churn.tar.gz"},
)


@pytest.mark.parametrize("later", LATER, ids=", ".join)
def test_create_with_the_token_of_a_package_of_the_same_stack_does_not_write_to_it(
    world: World, figures: Figures, later: Json
) -> None:
    theirs = CREATES["version with a token of its own"]
    assert world.create(theirs).status == "SUCCESS"
    before = world.packages
    world.clock.advance(5)
    world.proxy.clear()

    run = world.create({**theirs, **later})

    assert (run.status, run.code, run.model) == ("FAILED", "InvalidRequest", {}), run.last
    assert all(name in run.message for name in ("ClientToken", *later)), run.message
    assert world.packages == before
    assert [call.operation for call in written(world)] == ["CreateModelPackage"]
    figures[TITLE]["creates with another package's token"] += 1


@pytest.mark.parametrize(
    ("change", "is_conflict"),
    [({}, False), (ANOTHER, False), (ANOTHER, True)],
    ids=["same template", "another template", "another template, a conflict"],
)
def test_create_with_the_token_of_another_package_leaves_it_alone(
    world: World, figures: Figures, change: Json, is_conflict: bool
) -> None:
    theirs = CREATES["version with a token of its own"]
    arn = str(world.create(theirs).arn)
    before = world.packages
    world.clock.advance(TOKEN_AGE_SECONDS)
    world.proxy.clear()
    world.sagemaker.behaviour.token_conflicts = is_conflict

    run = world.create({**theirs, **change, "ModelApprovalStatus": "Approved"})

    assert (run.status, run.code, run.model) == ("FAILED", "InvalidRequest", {}), run.last
    assert "ClientToken" in run.message
    assert is_conflict or arn in run.message
    assert world.packages == before
    assert [call.operation for call in written(world)] == ["CreateModelPackage"]
    figures[TITLE]["creates with another package's token"] += 1
