"""The fault matrix: every call of every action, every way to break it, and how each cell has to end.

A scenario is driven once undisturbed; the calls it makes then are the rows. Each is broken by every kind of
fault of `tests.faults.proxy`, once, twice, for ever, and for ever for that operation only: a cell. `expected`
says how a cell ends. It knows the contract and nothing of the handlers:

- An attempt that fails in passing (TRIED_AGAIN) is repeated within the call, ATTEMPTS in all.
- Once an action has begun, a failure that may pass (PASSES) costs an invocation: the next one polls again,
  until FAILED_POLLS in a row have failed. An action has begun when there is something to continue with:
  create, once it knows the ARN; update and delete, once something is written, or when they had to wait first.
- Everything else is the answer at once. Read and list never begin: they are repeated as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from random import Random

from tests.faults.proxy import FOR_EVER, KINDS, Effect, Fault

from .operations import timeless
from .scenarios import SCENARIOS
from .world import ENTRY_POINTS, LOGICAL_ID, WRITES, Json, Run, World

ATTEMPTS = 4
FAILED_POLLS = 5
# One attempt may wait so long for an answer.
READ_SECONDS = 5.0
# Before another attempt, at most: where the service asks for less, and where something broke.
THROTTLED_PAUSE_SECONDS = 4.0
PAUSE_SECONDS = 0.2
MAX_DELAY_SECONDS = 60.0
MAX_INVOCATION_SECONDS = 28.0


# --- what a fault means -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Meaning:
    """The handler error code of a kind of fault, and text that has to be in the message."""

    code: str
    text: str
    tried_again: bool = False
    """Whether the call is attempted again by itself."""


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
    "a proxy's page": _UNREADABLE,
    "a redirection after the work": _UNREADABLE,
    "an error without a body": _UNREADABLE,
    "cut short": _UNREADABLE,
    "timeout before the work": _SILENT,
    "timeout after the work": _SILENT,
}

# Codes of failures that a later poll may not meet.
PASSES = frozenset(
    {"Throttling", "ServiceInternalError", "NetworkFailure", "InvalidCredentials", "ResourceConflict"}
)
# Codes of failures that leave open whether the work was done.
UNSURE = frozenset({"ServiceInternalError", "NetworkFailure"})
# What a message says then, by operation.
_MAY_BE_CHANGED = "SageMaker may have made the change all the same"
NOTES = {
    "CreateModelPackage": (
        "SageMaker may have registered the package all the same: this request, sent again, finds it"
    ),
    "UpdateModelPackage": _MAY_BE_CHANGED,
    "AddTags": _MAY_BE_CHANGED,
    "DeleteTags": _MAY_BE_CHANGED,
    "DeleteModelPackage": "SageMaker may be deleting the package all the same",
}


class Times(Enum):
    """How often a call is broken."""

    ONCE = "once"
    TWICE = "twice"
    FOR_EVER = "for ever"
    OPERATION = "for ever, that operation only"

    @property
    def short(self) -> bool:
        return self in (Times.ONCE, Times.TWICE)


# --- what an undisturbed run shows ------------------------------------------------------------------

CALLS = {
    "create: version": "Create Describe",
    "create: version in two calls": "Create Describe Update Describe",
    "create: a version with validation": "Create Describe | Describe | Describe | Describe",
    "create: unversioned with stack tags": "Create Describe | Describe | Describe ListTags",
    "create: not to be seen at first": "Create Describe | Describe | Describe | Describe",
    "read: a version": "Describe",
    "read: unversioned": "Describe ListTags ListTags ListTags",
    "update: everything in place": "Describe Update Describe",
    "update: card": "Describe Update Update Update Describe",
    "update: environment": "Describe Update Update Describe",
    "update: tags": "Describe ListTags Update AddTags DeleteTags Describe ListTags",
    "update: waits first": "Describe | Describe | Describe | Describe Update Describe",
    "delete: a version": "Describe Delete Describe",
    "delete: takes long": "Describe Delete Describe | Describe | Describe | Describe",
    "delete: waits first": "Describe | Describe | Describe | Describe Delete Describe | Describe",
    "list: the first page": "List",
    "list: a later page of a group": "List",
}
"""The calls of each scenario, without `ModelPackage`, with `|` between two invocations."""


@dataclass(frozen=True)
class Step:
    """One call of an undisturbed operation."""

    number: int
    operation: str
    invocation: int
    begun: bool
    """Whether there is something to continue with when this call fails."""
    done: bool
    """Whether the package has been created, or its delete called, before."""


@dataclass(frozen=True)
class Undisturbed:
    """How an operation goes without a fault."""

    name: str
    action: str
    packages_before: int
    steps: tuple[Step, ...]
    invocations: int
    end: Json
    """Its last event, without times."""
    packages: list[Json]
    """What is there afterwards, without times."""

    def begin(self, world: World) -> Json:
        return SCENARIOS[self.name].begin(world)


_CREATES_OR_DELETES = frozenset({"CreateModelPackage", "DeleteModelPackage"})


def record(world: World, name: str) -> Undisturbed:
    event = SCENARIOS[name].begin(world)
    packages_before = len(world.packages)
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
        name,
        run.action,
        packages_before,
        tuple(_steps(run.action, calls)),
        len(run.events),
        timeless(run.last),
        timeless(world.packages),
    )


def _steps(action: str, calls: list[tuple[str, int]]) -> Iterator[Step]:
    written = done = False
    for number, (operation, invocation) in enumerate(calls):
        changes = written or invocation > 0
        begun = {"CREATE": done, "UPDATE": changes, "DELETE": changes}.get(action, False)
        yield Step(number, operation, invocation, begun, done)
        written |= operation in WRITES
        done |= operation in _CREATES_OR_DELETES


# --- the cells --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """One call broken in one way."""

    undisturbed: Undisturbed
    step: Step
    kind: str
    times: Times
    entry_point: str

    def __str__(self) -> str:
        step = self.step
        return (
            f"{self.undisturbed.name} ({self.entry_point}), call {step.number} {step.operation}"
            f" in invocation {step.invocation}: {self.kind}, {self.times.value}"
        )

    @property
    def fault(self) -> Fault:
        times = {Times.ONCE: 1, Times.TWICE: 2}.get(self.times, FOR_EVER)
        operation = self.step.operation if self.times is Times.OPERATION else "*"
        return Fault(KINDS[self.kind], self.step.number, times, operation)

    @property
    def place(self) -> tuple[str, int, str]:
        """Which call it breaks, and the entry point."""
        return self.undisturbed.name, self.step.number, self.entry_point

    @property
    def disturbance(self) -> tuple[str, Times, bool]:
        """How it breaks it, and whether the action has begun by then."""
        return self.kind, self.times, self.step.begun

    @property
    def is_silent(self) -> bool:
        """Whether the client waits for an answer that does not come."""
        return KINDS[self.kind].effect is Effect.SILENCE

    @property
    def takes_long(self) -> bool:
        """Whether it costs real seconds: poll after poll without an answer."""
        return self.is_silent and self.step.begun and not self.times.short


def cells(undisturbed: Undisturbed) -> Iterator[Cell]:
    for step in undisturbed.steps:
        for row, kind in enumerate(MEANINGS):
            for column, times in enumerate(Times):
                # A connection that is refused has no operation yet.
                if KINDS[kind].effect is not Effect.REFUSE or times is not Times.OPERATION:
                    entry_point = ENTRY_POINTS[(step.number + row + column) % len(ENTRY_POINTS)]
                    yield Cell(undisturbed, step, kind, times, entry_point)


# In a quick run.
MAX_LONG_CELLS = 2


def quick(every: Iterable[Cell], seed: int) -> list[Cell]:
    """Cells in which every call is broken through both entry points, and in every way, early and late.

    Of those that take long only so many.
    """
    shuffled = list(every)
    Random(seed).shuffle(shuffled)  # noqa: S311 - a choice of tests
    chosen: list[Cell] = []
    places: set[tuple[str, int, str]] = set()
    disturbances: set[tuple[str, Times, bool]] = set()
    long = 0
    for cell in shuffled:
        if (cell.place in places and cell.disturbance in disturbances) or (
            cell.takes_long and long == MAX_LONG_CELLS
        ):
            continue
        chosen.append(cell)
        places.add(cell.place)
        disturbances.add(cell.disturbance)
        long += cell.takes_long
    return chosen


# --- how a cell has to end --------------------------------------------------------------------------


@dataclass(frozen=True)
class Expected:
    """How a cell ends."""

    code: str | None
    """The handler error code; None: as if nothing had happened."""
    invocations: int
    """How many it takes: exactly so many to fail, at most so many to succeed."""
    packages: int
    """How many there are then, without those being deleted."""
    carries_model: bool
    """Whether the last event names the package so that CloudFormation deletes it."""


def expected(cell: Cell) -> Expected:
    undisturbed, step = cell.undisturbed, cell.step
    meaning, works = MEANINGS[cell.kind], KINDS[cell.kind].works
    polls_again = step.begun and meaning.code in PASSES
    # The next poll shows that the work was done, though its answer was lost.
    is_seen_done = works and step.operation in WRITES and cell.times is Times.OPERATION
    if (cell.times.short and (meaning.tried_again or polls_again)) or (polls_again and is_seen_done):
        lost = 0 if meaning.tried_again and cell.times.short else 2
        return Expected(None, undisturbed.invocations + lost, len(undisturbed.packages), carries_model=False)
    done = step.done or (works and step.operation in _CREATES_OR_DELETES)
    return Expected(
        meaning.code,
        step.invocation + (FAILED_POLLS if polls_again else 1),
        undisturbed.packages_before + {"CREATE": 1, "DELETE": -1}.get(undisturbed.action, 0) * done,
        carries_model=undisturbed.action == "CREATE" and step.done,
    )


def note(cell: Cell, end: Expected) -> str:
    """What the message says of a write that may have worked; empty where none is open.

    The broken write is sent, unless nothing listens, and nothing shows what came of it: where all further
    calls are broken no poll describes the package, where only this operation is the last poll writes again.
    """
    is_open = end.code in UNSURE and KINDS[cell.kind].effect is not Effect.REFUSE
    return NOTES.get(cell.step.operation, "") if is_open else ""


def max_call_seconds(kind: str) -> float:
    """The time a broken call takes at most, with all its attempts and the pauses between them."""
    if not MEANINGS[kind].tried_again:
        return 0.0
    pause = THROTTLED_PAUSE_SECONDS if MEANINGS[kind].code == "Throttling" else PAUSE_SECONDS
    silence = READ_SECONDS if KINDS[kind].effect is Effect.SILENCE else 0.0
    return (ATTEMPTS - 1) * pause + ATTEMPTS * silence


def max_seconds(cell: Cell, run: Run) -> float:
    """The time so many invocations take at most, with delays of 1, 2, 4 ... 60 s between them.

    With FAILED_POLLS from the first invocation on, 15 s of delays; 75 s if throttled, 118 s in silence.
    """
    delays = sum(min(MAX_DELAY_SECONDS, 2.0**poll) for poll in range(len(run.events) - 1))
    return delays + min(len(run.events), FAILED_POLLS) * max_call_seconds(cell.kind)


def subject(event: Json, arn: str | None) -> str:
    """The package as messages name it: by its ARN once it is known."""
    given = event["requestData"]["resourceProperties"] or {}
    members = map(given.get, ("ModelPackageArn", "ModelPackageName", "ModelPackageGroupName"))
    return str(next(name for name in (arn, *members, LOGICAL_ID) if name))
