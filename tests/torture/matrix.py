"""Every call of every action, every way it can break, and what has to come of it.

A scenario is an operation that is driven once undisturbed; the calls it makes then are the rows. Each is
broken in every way that `tests.faults.proxy` knows, once, twice, for ever, and for ever for that operation
only: a cell. `expected` says how a cell ends. It knows the contract and nothing of the handlers:

- An attempt that fails in passing (TRIED_AGAIN) is repeated within the call, ATTEMPTS in all.
- Once an action has begun, a failure that may pass (PASSES) costs an invocation: the next one looks again,
  until LOOKS in a row have failed. An action has begun when there is something to go on with: create, once
  it knows the ARN; update and delete, once something is written, or when they had to wait first.
- Everything else is the answer at once. Read and list never begin: they are repeated as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Any

from tests.faults.proxy import FOR_EVER, KINDS, Effect, Fault

from .world import (
    ACCOUNT,
    DOORS,
    GROUPS,
    LOGICAL_ID,
    PAGE,
    REGION,
    WRITES,
    Json,
    Run,
    World,
    package,
    validation,
)

ATTEMPTS = 4
LOOKS = 5
# Seconds that one attempt may wait for an answer.
READ_SECONDS = 5.0
# Seconds before another attempt, at most: where the service asks for less, and where something broke.
THROTTLED_PAUSE = 4.0
PAUSE = 0.2
LONGEST_INVOCATION = 28.0


# --- what a fault means -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Meaning:
    """The handler error code of a kind of fault, and words that have to be in the message."""

    code: str
    says: str
    tried_again: bool = False
    """Whether the call is attempted anew by itself."""


TRIED_AGAIN = True
_UNREADABLE = Meaning("ServiceInternalError", "holds nothing of what the API promises", TRIED_AGAIN)
_CLOSED = Meaning("NetworkFailure", "Connection was closed before we received a valid response", TRIED_AGAIN)
_SILENT = Meaning("NetworkFailure", "Read timeout on endpoint URL", TRIED_AGAIN)

MEANINGS = {
    "throttling": Meaning("Throttling", "Rate exceeded (ThrottlingException)", TRIED_AGAIN),
    "server error": Meaning("ServiceInternalError", "The request processing has failed", TRIED_AGAIN),
    "server error after the work": Meaning("ServiceInternalError", "The processing has failed", TRIED_AGAIN),
    "unavailable": Meaning("ServiceInternalError", "Service Unavailable (503)", TRIED_AGAIN),
    "access denied": Meaning("AccessDenied", "is not authorized to perform this (AccessDeniedException)"),
    "expired credentials": Meaning("InvalidCredentials", "The security token is expired"),
    "unknown credentials": Meaning("InvalidCredentials", "The security token is invalid"),
    "conflict": Meaning("ResourceConflict", "The model package is being modified (ConflictException)"),
    "quota": Meaning("ServiceLimitExceeded", "The account-level service limit is 1"),
    "bad value": Meaning("InvalidRequest", "at 'ModelApprovalStatus' failed to satisfy constraint"),
    "unknown code": Meaning("GeneralServiceException", "An error in no description (SomethingNewException)"),
    "refused": Meaning("NetworkFailure", "Could not connect to the endpoint URL", TRIED_AGAIN),
    "reset before the work": _CLOSED,
    "reset after the work": _CLOSED,
    "not JSON": _UNREADABLE,
    "not JSON after the work": _UNREADABLE,
    "no object": _UNREADABLE,
    "an error that is no object": _UNREADABLE,
    "an error that is no text": _UNREADABLE,
    "an error without a code": _UNREADABLE,
    "turned away by a proxy": Meaning("Throttling", "Too Many", TRIED_AGAIN),
    "cut short": _UNREADABLE,
    "timeout before the work": _SILENT,
    "timeout after the work": _SILENT,
}

# Codes of failures that a later look may not meet.
PASSES = frozenset(
    {"Throttling", "ServiceInternalError", "NetworkFailure", "InvalidCredentials", "ResourceConflict"}
)
# Codes of failures that leave open whether the work was done.
UNSURE = frozenset({"ServiceInternalError", "NetworkFailure"})


class Times(Enum):
    """How often a call is broken."""

    ONCE = "once"
    TWICE = "twice"
    FOR_EVER = "for ever"
    OPERATION = "for ever, that operation only"

    @property
    def short(self) -> bool:
        """Whether it ends by itself."""
        return self in (Times.ONCE, Times.TWICE)


# --- the scenarios ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scenario:
    """An operation: how the service behaves, and what makes the packages it finds and its first event."""

    name: str
    behaviour: Json
    prepare: Callable[[World], Json]


SCENARIOS: dict[str, Scenario] = {}

_TAG = {"Key": "team", "Value": "forecasting"}


def _scenario(name: str, **behaviour: Any) -> Callable[[Callable[[World], Json]], None]:
    def add(prepare: Callable[[World], Json]) -> None:
        SCENARIOS[name] = Scenario(name, behaviour, prepare)

    return add


def _update(world: World, arn: str, previous: Json, desired: Json, **parts: Any) -> Json:
    known = {"ModelPackageArn": arn}
    return world.event("UPDATE", {**desired, **known}, {**previous, **known}, **parts)


def _additional(name: str) -> Json:
    return {"Name": name, "Containers": [{"Image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/churn:2"}]}


def _card(content: str, status: str) -> Json:
    return {
        "ModelCardContent": f'{{"model_overview": {{"model_name": "{content}"}}}}',
        "ModelCardStatus": status,
    }


@_scenario("create of a version")
def _(world: World) -> Json:
    return world.event("CREATE", package())


@_scenario("create of a version that takes an update to complete")
def _(world: World) -> Json:
    return world.event(
        "CREATE",
        package(
            ModelApprovalStatus="Approved",
            ApprovalDescription="looked at by the board",
            SourceUri="s3://bucket/models/churn",
        ),
    )


@_scenario("create of a version that is validated", describes_until_completed=2)
def _(world: World) -> Json:
    return world.event("CREATE", package(ValidationSpecification=validation()))


@_scenario("create of an unversioned package with tags", describes_until_completed=2)
def _(world: World) -> Json:
    return world.event(
        "CREATE", package(ModelPackageName="churn-model", Tags=[_TAG]), stack_tags={"stage": "production"}
    )


@_scenario("create of a version that is not seen at first", visible_after_describes=2)
def _(world: World) -> Json:
    return world.event("CREATE", package(CustomerMetadataProperties={"trained": "on-monday"}))


@_scenario("read of a version")
def _(world: World) -> Json:
    return world.event("READ", {"ModelPackageArn": world.put()})


@_scenario("read of an unversioned package with pages of tags", describes_until_completed=0, tags_page=2)
def _(world: World) -> Json:
    tags = [{"Key": f"key-{number}", "Value": "value"} for number in range(5)]
    return world.event("READ", {"ModelPackageArn": world.put(ModelPackageName="churn-model", Tags=tags)})


@_scenario("update of a version in place")
def _(world: World) -> Json:
    before = package(CustomerMetadataProperties={"trained": "on-monday", "reviewed": "by-nobody"})
    after = package(
        ModelApprovalStatus="Approved",
        ApprovalDescription="looked at by the board",
        CustomerMetadataProperties={"trained": "on-tuesday"},
        AdditionalInferenceSpecifications=[_additional("smaller")],
    )
    return _update(world, world.put(**before), before, after)


@_scenario("update of a model card, content and status, and more")
def _(world: World) -> Json:
    before = package(ModelCard=_card("churn-in-spring", "Draft"))
    after = package(ModelCard=_card("churn-in-summer", "PendingReview"), ModelApprovalStatus="Approved")
    return _update(world, world.put(**before), before, after)


@_scenario("update of the environment, and more", inference_specification_replaceable=True)
def _(world: World) -> Json:
    before = package(Environment={"LOG_LEVEL": "quiet"}, CustomerMetadataProperties={"trained": "on-monday"})
    after = package(
        Environment={"LOG_LEVEL": "verbose"}, CustomerMetadataProperties={"trained": "on-tuesday"}
    )
    made = package(CustomerMetadataProperties={"trained": "on-monday"})
    made["InferenceSpecification"]["Containers"][0]["Environment"] = {"LOG_LEVEL": "quiet"}
    return _update(world, world.put(**made), before, after)


@_scenario("update of the tags of an unversioned package", describes_until_completed=0)
def _(world: World) -> Json:
    before = package(ModelPackageName="churn-model", Tags=[_TAG, {"Key": "old", "Value": "value"}])
    after = package(ModelPackageName="churn-model", Tags=[{**_TAG, "Value": "pricing"}])
    return _update(
        world,
        world.put(**before),
        before,
        after,
        stack_tags={"stage": "production"},
        previous_stack_tags={},
    )


@_scenario("update that has to wait first", describes_until_completed=2)
def _(world: World) -> Json:
    before = package(ValidationSpecification=validation())
    after = {
        **before,
        "ModelApprovalStatus": "Rejected",
        "AdditionalInferenceSpecifications": [_additional("smaller")],
    }
    return _update(world, world.put(**before), before, after)


@_scenario("delete of a version")
def _(world: World) -> Json:
    return world.event("DELETE", {"ModelPackageArn": world.put()})


@_scenario("delete of an unversioned package", describes_until_completed=0, delete_describes=2)
def _(world: World) -> Json:
    return world.event("DELETE", {"ModelPackageArn": world.put(ModelPackageName="churn-model")})


@_scenario("delete that has to wait first", describes_until_completed=2)
def _(world: World) -> Json:
    return world.event("DELETE", {"ModelPackageArn": world.put(ValidationSpecification=validation())})


def _more_than_a_page(world: World) -> None:
    for _ in range(PAGE + 1):
        world.put()


@_scenario("list, the first page")
def _(world: World) -> Json:
    _more_than_a_page(world)
    return world.event("LIST", None)


@_scenario("list of a group, a later page")
def _(world: World) -> Json:
    _more_than_a_page(world)
    group = {"ModelPackageGroupName": GROUPS[0]}
    first = world.straight("ListModelPackages", MaxResults=PAGE, **group)
    return world.event("LIST", group, next_token=first["NextToken"])


# --- what an undisturbed run shows ------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One call of an undisturbed operation."""

    number: int
    operation: str
    invocation: int
    begun: bool
    """Whether there is something to go on with when this call fails."""
    done: bool
    """Whether the package has been made (create) or told to go (delete) before."""


@dataclass(frozen=True)
class Undisturbed:
    """How an operation goes when nothing disturbs it."""

    scenario: Scenario
    action: str
    found: int
    """How many packages it finds."""
    steps: tuple[Step, ...]
    invocations: int
    end: Json
    """Its last event, without times."""
    packages: list[Json]
    """What is there afterwards, without times."""


_MAKES_OR_ENDS = frozenset({"CreateModelPackage", "DeleteModelPackage"})


def begin(world: World, scenario: Scenario) -> Json:
    """Prepare the world for a scenario and return its first event."""
    world.reset(**scenario.behaviour)
    return scenario.prepare(world)


def record(world: World, scenario: Scenario) -> Undisturbed:
    """Drive a scenario undisturbed and note what it does."""
    event = begin(world, scenario)
    found = len(world.packages)
    moments: list[float] = []
    world.proxy.watch = lambda _call, when: moments.append(world.clock.now) if when == "before" else None
    run = world.run(event)
    # No time passes within an undisturbed invocation, a second at least between two.
    beginnings = sorted(set(moments))
    calls = [
        (call.operation, beginnings.index(moment))
        for call, moment in zip(world.proxy.calls, moments, strict=True)
    ]
    return Undisturbed(
        scenario,
        run.action,
        found,
        tuple(_steps(run.action, calls)),
        len(run.events),
        timeless(run.last),
        timeless(world.packages),
    )


def _steps(action: str, calls: list[tuple[str, int]]) -> Iterator[Step]:
    written = done = False
    for number, (operation, invocation) in enumerate(calls):
        begun = {
            "CREATE": done,
            "UPDATE": written or invocation > 0,
            "DELETE": written or invocation > 0,
        }.get(action, False)
        yield Step(number, operation, invocation, begun, done)
        written |= operation in WRITES
        done |= operation in _MAKES_OR_ENDS


def timeless(value: Any) -> Any:
    """An event, or packages, without what differs from run to run."""
    if isinstance(value, dict):
        return {
            name: timeless(item)
            for name, item in value.items()
            if name not in ("CreationTime", "LastModifiedTime")
        }
    return [timeless(item) for item in value] if isinstance(value, list) else value


# --- the cells --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """One call broken in one way."""

    undisturbed: Undisturbed
    step: Step
    kind: str
    times: Times
    door: str

    def __str__(self) -> str:
        step = self.step
        return (
            f"{self.undisturbed.scenario.name} ({self.door}), call {step.number} {step.operation}"
            f" in invocation {step.invocation}: {self.kind}, {self.times.value}"
        )

    @property
    def fault(self) -> Fault:
        """What to arm the wire with."""
        times = {Times.ONCE: 1, Times.TWICE: 2}.get(self.times, FOR_EVER)
        operation = self.step.operation if self.times is Times.OPERATION else "*"
        return Fault(KINDS[self.kind], self.step.number, times, operation)

    @property
    def place(self) -> tuple[str, int]:
        """Which call it breaks."""
        return self.undisturbed.scenario.name, self.step.number

    @property
    def way(self) -> tuple[str, Times, bool]:
        """How it breaks it, and whether the action has begun by then."""
        return self.kind, self.times, self.step.begun

    @property
    def is_silent(self) -> bool:
        """Whether the client has to wait for what does not come."""
        return KINDS[self.kind].effect is Effect.SILENCE

    @property
    def takes_long(self) -> bool:
        """Whether it costs real seconds: look after look without an answer."""
        return self.is_silent and self.step.begun and not self.times.short


def cells(undisturbed: Undisturbed) -> Iterator[Cell]:
    """Every cell of a scenario, each by one of the two doors."""
    for step in undisturbed.steps:
        for row, kind in enumerate(MEANINGS):
            for column, times in enumerate(Times):
                # A connection that is refused has no operation yet.
                if KINDS[kind].effect is not Effect.REFUSE or times is not Times.OPERATION:
                    door = DOORS[(step.number + row + column) % len(DOORS)]
                    yield Cell(undisturbed, step, kind, times, door)


# Cells of a quick cut that cost real seconds.
MOST_LONG_CELLS = 2


def quick_cut(every: Iterable[Cell], seed: int) -> list[Cell]:
    """Cells in which every call is broken, and every way to break one is met, before and after the beginning.

    Of those that take long only so many.
    """
    drawn = list(every)
    Random(seed).shuffle(drawn)  # noqa: S311 - a choice of tests
    chosen: list[Cell] = []
    places: set[tuple[str, int]] = set()
    ways: set[tuple[str, Times, bool]] = set()
    long = 0
    for cell in drawn:
        if (cell.place in places and cell.way in ways) or (cell.takes_long and long == MOST_LONG_CELLS):
            continue
        chosen.append(cell)
        places.add(cell.place)
        ways.add(cell.way)
        long += cell.takes_long
    return chosen


# --- what has to come of a cell ---------------------------------------------------------------------


@dataclass(frozen=True)
class Expected:
    """How a cell ends."""

    code: str | None
    """The handler error code; None: as if nothing had happened."""
    invocations: int
    """How many it takes: exactly so many to fail, at most so many to succeed."""
    packages: int
    """How many there are then, those on their way out not counted."""
    carries_model: bool
    """Whether the last event names the package so that CloudFormation deletes it."""


def expected(cell: Cell) -> Expected:
    """What has to come of a cell."""
    undisturbed, step = cell.undisturbed, cell.step
    meaning, works = MEANINGS[cell.kind], KINDS[cell.kind].works
    another_look = step.begun and meaning.code in PASSES
    # The next look finds done what nobody was told of.
    found_done = works and step.operation in WRITES and cell.times is Times.OPERATION
    if (cell.times.short and (meaning.tried_again or another_look)) or (another_look and found_done):
        looks_lost = 0 if meaning.tried_again and cell.times.short else 2
        after = len(undisturbed.packages)
        return Expected(None, undisturbed.invocations + looks_lost, after, carries_model=False)
    done = step.done or (works and step.operation in _MAKES_OR_ENDS)
    return Expected(
        meaning.code,
        step.invocation + (LOOKS if another_look else 1),
        undisturbed.found + {"CREATE": 1, "DELETE": -1}.get(undisturbed.action, 0) * done,
        carries_model=undisturbed.action == "CREATE" and step.done,
    )


def longest_call(kind: str) -> float:
    """Seconds that a broken call takes at most, with all its attempts and the pauses between them."""
    if not MEANINGS[kind].tried_again:
        return 0.0
    pause = THROTTLED_PAUSE if MEANINGS[kind].code == "Throttling" else PAUSE
    silence = READ_SECONDS if KINDS[kind].effect is Effect.SILENCE else 0.0
    return (ATTEMPTS - 1) * pause + ATTEMPTS * silence


def longest(cell: Cell, run: Run) -> float:
    """Seconds that so many invocations take at most, with delays of 1, 2, 4 ... 60 s between them.

    With LOOKS that fail from the first invocation on, 15 s of delays; 75 s if throttled, 118 s in silence.
    """
    delays = sum(min(60.0, 2.0**look) for look in range(len(run.events) - 1))
    return delays + min(len(run.events), LOOKS) * longest_call(cell.kind)


def subject(event: Json, arn: str | None) -> str:
    """What a message calls the package: its ARN once it is known."""
    given = event["requestData"]["resourceProperties"] or {}
    names = (
        arn,
        *map(given.get, ("ModelPackageArn", "ModelPackageName", "ModelPackageGroupName")),
        LOGICAL_ID,
    )
    return str(next(name for name in names if name))
