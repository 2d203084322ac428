"""Many at once: simulated time that many stacks share, a SageMaker that throttles, a process that lists."""

from __future__ import annotations

import heapq
import itertools
import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Self

import pytest

from aws_sagemaker_modelpackage import request
from sandbox.cloudformation.registered_type import RETRIABLE, RETRY_DELAYS_SECONDS
from sandbox.sagemaker import Behaviour
from sandbox.sagemaker.behaviour import Fault
from sandbox.shared.processes import clean_environment
from tests.faults.proxy import KINDS, Call, FaultKind

from .world import GROUPS, MOST_INVOCATIONS, Json, World, following, package

# Real seconds after which a process that simulated time has not come back to is given up.
STUCK_SECONDS = 300.0

# Simulated seconds: the way to SageMaker and back at the least and at the most, and what CloudFormation takes
# between two resources of a stack.
QUICKEST_CALL, SLOWEST_CALL = 0.05, 0.15
BETWEEN_RESOURCES = 1.0

Process = Callable[[], None]


class Timeline:
    """Simulated time that processes share: one runs while the others pause, until the first pause that ends.

    A process is a thread and those that work for it, one at a time: the handler's, and the wire's for its
    call. Whichever of them pauses, the process pauses. Threads and connections are real, their order is not
    left to chance.
    """

    def __init__(self, start: float) -> None:
        self.now = start
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._pauses: list[tuple[float, int, threading.Event]] = []

    def monotonic(self) -> float:
        """What time.monotonic would say."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Pause, and let the others run until then."""
        over = self._pause(seconds)
        self._go_on()
        if not over.wait(STUCK_SECONDS):
            raise TimeoutError("simulated time stands still")

    def run(self, processes: Iterable[Process]) -> None:
        """Run processes side by side until all have ended; raises what the first of them raised."""
        errors: list[BaseException] = []
        threads = [self._thread(process, errors) for process in processes]
        for thread in threads:
            thread.start()
        self._go_on()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def _thread(self, process: Process, errors: list[BaseException]) -> threading.Thread:
        begin = self._pause(0.0)

        def run() -> None:
            begin.wait()
            try:
                process()
            except BaseException as error:
                errors.append(error)
            finally:
                self._go_on()

        return threading.Thread(target=run, name="stack", daemon=True)

    def _pause(self, seconds: float) -> threading.Event:
        over = threading.Event()
        with self._lock:
            heapq.heappush(self._pauses, (self.now + seconds, next(self._numbers), over))
        return over

    def _go_on(self) -> None:
        """Wake the process whose pause ends first, if there is one."""
        with self._lock:
            if self._pauses:
                ends, _, over = heapq.heappop(self._pauses)
                self.now = max(self.now, ends)
                over.set()


class Buckets:
    """Throttling as AWS does it: a bucket of tokens for each operation, filled at a rate."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._buckets: dict[str, tuple[float, float]] = {}
        self._waiting: set[str] = set()
        self.first = self.first_refused = self.refused = 0
        """Calls that repeat no refused one, how many of them were refused, how many were refused in all."""

    def __call__(self, call: Call) -> FaultKind | None:
        """Let a call pass or refuse it, for the proxy's `throttle`."""
        now = self._clock()
        tokens, then = self._buckets.get(call.operation, (self._burst, now))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        passes = tokens >= 1
        self._buckets[call.operation] = (tokens - passes, now)
        self._count(f"{call.operation} {json.dumps(call.arguments, sort_keys=True)}", passes=passes)
        return None if passes else KINDS["throttling"]

    def _count(self, what: str, *, passes: bool) -> None:
        is_first = what not in self._waiting
        self.first += is_first
        self.first_refused += is_first and not passes
        self.refused += not passes
        (self._waiting.discard if passes else self._waiting.add)(what)


# --- stacks -----------------------------------------------------------------------------------------


@dataclass
class Resource:
    """One package of a stack, in its three lives: as created, as updated, gone."""

    stack: int
    number: int
    arn: str = ""
    ended: list[Json] = field(default_factory=list)
    """The last events of its operations."""

    @property
    def versioned(self) -> bool:
        """Four of five are versions."""
        return self.number % 5 != 4

    def template(self, *, updated: bool) -> Json:
        """Its properties before or after the update."""
        # It says whose it is, so that no other can be taken for it.
        metadata = {"stack": str(self.stack), "resource": str(self.number), "life": "2" if updated else "1"}
        metadata["new" if updated else "old"] = "here"
        found = package(CustomerMetadataProperties=metadata, **self._names())
        if updated:
            found["ModelApprovalStatus"] = "Approved"
        if not self.versioned:
            found["Tags"] = [{"Key": "team", "Value": "two" if updated else "one"}]
        return found

    def expected(self, *, updated: bool) -> Json:
        """What SageMaker is to hold of it."""
        template = self.template(updated=updated)
        undecided = "PendingManualApproval" if self.versioned else None
        return {
            "ModelPackageArn": self.arn,
            **self._names(),
            "CustomerMetadataProperties": template["CustomerMetadataProperties"],
            "ModelApprovalStatus": template.get("ModelApprovalStatus", undecided),
            "Tags": template.get("Tags", []),
            "ModelPackageStatus": "Completed",
        }

    def _names(self) -> dict[str, str]:
        if self.versioned:
            return {"ModelPackageGroupName": GROUPS[self.stack % len(GROUPS)]}
        return {"ModelPackageName": f"stack-{self.stack}-resource-{self.number}"}


def held(found: Json) -> Json:
    """What of a package in SageMaker is compared with what is expected."""
    members = ("CustomerMetadataProperties", "ModelApprovalStatus", "Tags", "ModelPackageStatus")
    names = ("ModelPackageArn", "ModelPackageGroupName", "ModelPackageName")
    return {
        **{name: found[name] for name in names if name in found},
        **{name: found.get(name) for name in members},
    }


class Stacks:
    """CloudFormation with many stacks at once, each of which works through its packages."""

    def __init__(self, world: World, timeline: Timeline, stacks: int, packages: int, together: int) -> None:
        self._world, self._timeline, self._together = world, timeline, together
        self.resources = [Resource(stack, number) for stack in range(stacks) for number in range(packages)]

    def create(self) -> None:
        """Create all."""

        def create(resource: Resource) -> None:
            ended = self._drive("CREATE", resource.template(updated=False), None)
            resource.ended.append(ended)
            resource.arn = (ended.get("resourceModel") or {}).get("ModelPackageArn", "")

        self._each(create)

    def update(self) -> None:
        """Update all."""

        def update(resource: Resource) -> None:
            known = {"ModelPackageArn": resource.arn}
            before, after = (resource.template(updated=updated) | known for updated in (False, True))
            resource.ended.append(self._drive("UPDATE", after, before))

        self._each(update)

    def delete(self) -> None:
        """Delete all."""

        def delete(resource: Resource) -> None:
            known = {"ModelPackageArn": resource.arn}
            resource.ended.append(self._drive("DELETE", resource.template(updated=True) | known, None))

        self._each(delete)

    def _each(self, act: Callable[[Resource], None]) -> None:
        """Act on all packages: a stack's, as many together as it has hands."""

        def process(mine: list[Resource]) -> Process:
            def run() -> None:
                for each in mine:
                    act(each)
                    self._timeline.sleep(BETWEEN_RESOURCES)

            return run

        hands: dict[tuple[int, int], list[Resource]] = {}
        for each in self.resources:
            hands.setdefault((each.stack, each.number % self._together), []).append(each)
        self._timeline.run(map(process, hands.values()))

    def _drive(self, action: str, desired: Json, previous: Json | None) -> Json:
        """Run an operation to its end as CloudFormation does, which tries the first invocation again."""
        event, retries = self._world.event(action, desired, previous), list(RETRY_DELAYS_SECONDS)
        for _ in range(MOST_INVOCATIONS):
            answer = self._world.send(event)
            if answer["status"] == "IN_PROGRESS":
                event, retries = following(event, answer), []
                self._timeline.sleep(answer["callbackDelaySeconds"])
            elif answer.get("errorCode") in RETRIABLE and retries:
                self._timeline.sleep(retries.pop(0))
            else:
                return answer
        raise AssertionError(f"{action} did not end within {MOST_INVOCATIONS} invocations")


@contextmanager
def shared_time(world: World, seed: int) -> Iterator[Timeline]:
    """Time that many stacks share, in which calls take some, too. What is drawn is drawn from the seed."""
    # Long after what other tests have left behind has given up.
    timeline = Timeline(world.clock.now + 1_000_000)
    draw = random.Random(seed)  # noqa: S311 - no secret

    def on_its_way(_: Call, when: str) -> None:
        if when == "before":
            timeline.sleep(draw.uniform(QUICKEST_CALL, SLOWEST_CALL))

    state = random.getstate()
    random.seed(seed)  # whose numbers botocore takes for its pauses
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request, "time", SimpleNamespace(monotonic=timeline.monotonic, time=timeline.monotonic))
        patch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=timeline.sleep))
        world.proxy.watch = on_its_way
        try:
            yield timeline
        finally:
            world.proxy.reset_callbacks()
            random.setstate(state)


class Refusing(Behaviour):
    """A SageMaker that throttles one in so many calls about packages, for the functions of the sandbox.

    There time is real, and a rate would refuse more or fewer calls on another machine.
    """

    def __init__(self, one_in: float, seed: int) -> None:
        super().__init__()
        self._one_in = one_in
        self._draw = random.Random(seed)  # noqa: S311 - no secret
        self.refused = 0

    def next_fault(self, operation: str) -> Fault | None:
        """Refuse a call, or let it pass."""
        if operation == "CreateModelPackageGroup" or self._draw.random() * self._one_in >= 1:
            return None
        self.refused += 1
        return Fault("ThrottlingException", "Rate exceeded")


# --- a list -----------------------------------------------------------------------------------------

_LISTER = """
import gc, json, sys, tracemalloc
from aws_sagemaker_modelpackage import handlers
out, sys.stdout = sys.stdout, sys.stderr
keeps, kept = sys.argv[1] == "keeps", []
tracemalloc.start()
for line in sys.stdin:
    answer = handlers.resource(json.loads(line), None)
    if keeps:
        kept.append(answer)
    written = json.dumps(answer)
    del answer
    gc.collect()
    with open("/proc/self/status", encoding="ascii") as status:
        resident = next(int(each.split()[1]) * 1024 for each in status if each.startswith("VmRSS"))
    print(json.dumps([resident, tracemalloc.get_traced_memory()[0]]), written, file=out, flush=True)
"""


class Lister:
    """A process that does nothing but list; `keeps` makes it keep every page, so that growth can be seen."""

    def __init__(self, endpoint: str, *, keeps: bool = False) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the text above
            [sys.executable, "-c", _LISTER, "keeps" if keeps else "forgets"],
            env=clean_environment(AWS_ENDPOINT_URL=endpoint),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.resident: list[int] = []
        self.allocated: list[int] = []
        """Bytes after each page: of the process as the kernel counts them, of Python's objects in it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)

    def __call__(self, event: Json) -> Json:
        """Invoke once."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(event), file=self._process.stdin, flush=True)
        decoder, line = json.JSONDecoder(), self._process.stdout.readline()
        (resident, allocated), end = decoder.raw_decode(line)
        self.resident.append(resident)
        self.allocated.append(allocated)
        answer: Json = json.loads(line[end:])
        return answer


def pages(world: World, invoke: Callable[[Json], Json], desired: Json | None = None) -> Iterator[list[str]]:
    """The ARNs of each page of a list, as CloudFormation asks for them: until there is no token."""
    token: str | None = None
    while True:
        answer = invoke(world.event("LIST", desired or {}, next_token=token))
        assert answer["status"] == "SUCCESS", answer
        assert all(list(model) == ["ModelPackageArn"] for model in answer["resourceModels"])
        token = answer.get("nextToken")
        yield [model["ModelPackageArn"] for model in answer["resourceModels"]]
        if token is None:
            return


def register(world: World, number: int) -> str:
    """Put a package straight into SageMaker; each third is unversioned."""
    if number % 3 == 0:
        return world.put(ModelPackageName=f"listed-{number}")
    return world.put(ModelPackageGroupName=GROUPS[number % 2])


def withdraw(world: World, arn: str) -> None:
    """Delete a package in the same way."""
    world.straight("DeleteModelPackage", ModelPackageName=arn)
