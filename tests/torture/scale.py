"""Many stacks at once in simulated time, and a SageMaker that throttles.

`Timeline` is the time that the stacks share, `Buckets` the throttling, `Stacks` CloudFormation.
"""

from __future__ import annotations

import heapq
import itertools
import json
import random
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace

import pytest

from aws_sagemaker_modelpackage import request
from sandbox.cloudformation.registered_type import RETRIABLE, RETRY_DELAYS_SECONDS
from sandbox.sagemaker import Behaviour
from sandbox.sagemaker.behaviour import Fault
from tests.faults.proxy import KINDS, Call, FaultKind

from .world import GROUPS, Json, World, drive, package

# Real time after which a process that simulated time has not come back to is given up.
MAX_REAL_SECONDS = 300.0

# Simulated time of a call to SageMaker, and between two resources of a stack.
MIN_CALL_SECONDS, MAX_CALL_SECONDS = 0.05, 0.15
BETWEEN_RESOURCES_SECONDS = 1.0

Process = Callable[[], None]


class Timeline:
    """Simulated time that processes share: one runs while the others pause, until the first pause that ends.

    A process is a thread and those that work for it, one at a time: the handler's, and the proxy's for its
    call. When one of them pauses, the process pauses. Threads and connections are real, their order is fixed.
    """

    def __init__(self, start: float) -> None:
        self.now = start
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._pauses: list[tuple[float, int, threading.Event]] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Pause, and let the others run until then."""
        over = self._pause(seconds)
        self._proceed()
        if not over.wait(MAX_REAL_SECONDS):
            raise TimeoutError("simulated time stands still")

    def run(self, processes: Iterable[Process]) -> None:
        """Run processes side by side until all have ended; raises what the first of them raised."""
        errors: list[BaseException] = []
        threads = [self._thread(process, errors) for process in processes]
        for thread in threads:
            thread.start()
        self._proceed()
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
                self._proceed()

        return threading.Thread(target=run, name="stack", daemon=True)

    def _pause(self, seconds: float) -> threading.Event:
        over = threading.Event()
        with self._lock:
            heapq.heappush(self._pauses, (self.now + seconds, next(self._numbers), over))
        return over

    def _proceed(self) -> None:
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
        """Calls that repeat no refused one, how many of them were refused, and how many in all."""

    def __call__(self, call: Call) -> FaultKind | None:
        now = self._clock()
        tokens, then = self._buckets.get(call.operation, (self._burst, now))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        passes = tokens >= 1
        self._buckets[call.operation] = (tokens - passes, now)
        what = f"{call.operation} {json.dumps(call.arguments, sort_keys=True)}"
        self.first += what not in self._waiting
        self.first_refused += what not in self._waiting and not passes
        self.refused += not passes
        (self._waiting.discard if passes else self._waiting.add)(what)
        return None if passes else KINDS["throttling"]


# --- stacks -----------------------------------------------------------------------------------------


@dataclass
class Resource:
    """One package of a stack: created, updated, deleted."""

    stack: int
    number: int
    arn: str = ""
    ends: list[Json] = field(default_factory=list)
    """The last events of its operations."""

    @property
    def versioned(self) -> bool:
        return self.number % 5 != 4

    def template(self, *, updated: bool) -> Json:
        # The metadata names it, so that no other can be taken for it.
        metadata = {"stack": str(self.stack), "resource": str(self.number), "life": "2" if updated else "1"}
        metadata["new" if updated else "old"] = "here"
        template = package(CustomerMetadataProperties=metadata, **self._names())
        if updated:
            template["ModelApprovalStatus"] = "Approved"
        if not self.versioned:
            template["Tags"] = [{"Key": "team", "Value": "two" if updated else "one"}]
        return template

    def expected(self, *, updated: bool) -> Json:
        undecided = "PendingManualApproval" if self.versioned else None
        defaults: Json = {"ModelApprovalStatus": undecided, "Tags": [], "ModelPackageStatus": "Completed"}
        return essence({**defaults, **self.template(updated=updated), "ModelPackageArn": self.arn})

    def _names(self) -> dict[str, str]:
        if self.versioned:
            return {"ModelPackageGroupName": GROUPS[self.stack % len(GROUPS)]}
        return {"ModelPackageName": f"stack-{self.stack}-resource-{self.number}"}


def essence(package: Json) -> Json:
    names = (
        *("ModelPackageArn", "ModelPackageGroupName", "ModelPackageName", "CustomerMetadataProperties"),
        *("ModelApprovalStatus", "Tags", "ModelPackageStatus"),
    )
    return {name: package.get(name) for name in names}


class Stacks:
    """CloudFormation with many stacks at once, each of which works through its packages.

    `together` is how many packages of a stack it works on at the same time.
    """

    def __init__(self, world: World, timeline: Timeline, stacks: int, packages: int, together: int) -> None:
        self._world, self._timeline, self._together = world, timeline, together
        self.resources = [Resource(stack, number) for stack in range(stacks) for number in range(packages)]

    def run(self, action: str) -> None:
        """Run an operation on all packages."""
        queues: dict[tuple[int, int], list[Resource]] = {}
        for each in self.resources:
            queues.setdefault((each.stack, each.number % self._together), []).append(each)

        def work(queue: list[Resource]) -> None:
            for each in queue:
                each.ends.append(self._drive(action, each))
                each.arn = each.arn or (each.ends[-1].get("resourceModel") or {}).get("ModelPackageArn", "")
                self._timeline.sleep(BETWEEN_RESOURCES_SECONDS)

        self._timeline.run(partial(work, queue) for queue in queues.values())

    def _drive(self, action: str, resource: Resource) -> Json:
        """Drive an operation to its end as CloudFormation does, which retries the first invocation."""
        known = {"ModelPackageArn": resource.arn} if resource.arn else {}
        previous, desired = (resource.template(updated=updated) | known for updated in (False, True))
        if action == "CREATE":
            desired = previous
        event = self._world.event(action, desired, previous if action == "UPDATE" else None)

        def invoke(event: Json) -> Json:
            for seconds in () if event["callbackContext"] else RETRY_DELAYS_SECONDS:
                answer = self._world.send(event)
                if answer.get("errorCode") not in RETRIABLE:
                    return answer
                self._timeline.sleep(seconds)
            return self._world.send(event)

        return drive(event, invoke, self._timeline.sleep)[-1]


@contextmanager
def shared_time(world: World, seed: int) -> Iterator[Timeline]:
    """Time that many stacks share, and in which calls take some; what is drawn depends on the seed alone."""
    # Long after what other tests have left behind has given up.
    timeline = Timeline(world.clock.now + 1_000_000)
    draw = random.Random(seed)  # noqa: S311 - no secret

    def take_time(_: Call, when: str) -> None:
        if when == "before":
            timeline.sleep(draw.uniform(MIN_CALL_SECONDS, MAX_CALL_SECONDS))

    state = random.getstate()
    random.seed(seed)  # botocore draws its pauses from it
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request, "time", SimpleNamespace(monotonic=timeline.monotonic, time=timeline.monotonic))
        patch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=timeline.sleep))
        world.proxy.watch = take_time
        try:
            yield timeline
        finally:
            world.proxy.reset_callbacks()
            random.setstate(state)


class Refusing(Behaviour):
    """A SageMaker that throttles one in so many calls about packages.

    It is for real time, in which a rate would refuse more or fewer calls on another machine.
    """

    def __init__(self, one_in: float, seed: int) -> None:
        super().__init__()
        self._one_in = one_in
        self._draw = random.Random(seed)  # noqa: S311 - no secret
        self.refused = 0

    def next_fault(self, operation: str) -> Fault | None:
        if operation == "CreateModelPackageGroup" or self._draw.random() * self._one_in >= 1:
            return None
        self.refused += 1
        return Fault("ThrottlingException", "Rate exceeded")
