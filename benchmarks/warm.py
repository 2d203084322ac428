"""Warm invocations: what they take beyond the bare round trips, and of a processor."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from contextlib import ExitStack

from benchmarks.figures import FLOOR, OVERHEAD, PROCESSOR, WALL, Figure, spread
from benchmarks.measure import ACTIONS, LOGGED, Json, Run, Worker, event, worker
from benchmarks.packages import Side
from benchmarks.throttle import throttled

CONNECTION = "connection"


def warm(sides: Mapping[str, Side], run: Run, actions: Iterable[str] = (*ACTIONS, LOGGED)) -> Json:
    """By action and side: wall time, processor time of all threads, overhead; beside them the floor.

    The floor are the same requests, one after the other, on a connection that is open already. An overhead is
    the wall time less the median of the side's floor. With a share of a processor the packages have only that
    much, while the stub and the floor have all of it.

    Raises:
        MeasurementError: A package does not load, or an action does not succeed.
    """
    figures: Json = {}
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(worker(side, run.python, run.stub.endpoint))
            for name, side in sides.items()
        }
        for action in actions:
            figures[action] = _rows(workers, sides, run, action)
    figures[CONNECTION] = {WALL: spread([run.stub.connect() * 1000 for _ in range(run.rounds)])}
    return figures


def _rows(
    workers: Mapping[str, Worker], sides: Mapping[str, Side], run: Run, action: str
) -> dict[str, Figure]:
    wall: dict[str, list[float]] = {name: [] for name in workers}
    processor: dict[str, list[float]] = {name: [] for name in workers}
    floor: dict[str, list[float]] = {name: [] for name in workers}
    operations: dict[str, list[str]] = {}
    for each, order in enumerate(run.order(workers)):
        for name, started in order:
            run.stub.take_calls()
            with throttled(started.process, run.share, started=True):
                measured = started.invoke(event(action, sides[name].type_name))
            calls = run.stub.take_calls()
            seconds = run.stub.replay(calls)
            operations[name] = [call["operation"] for call in calls]
            if each:  # the first round warms up
                wall[name].append(measured["seconds"] * 1000)
                processor[name].append(measured["processor_seconds"] * 1000)
                floor[name].append(seconds * 1000)
    return {
        name: {
            "calls": operations[name],
            WALL: spread(wall[name]),
            PROCESSOR: spread(processor[name]),
            FLOOR: spread(floor[name]),
            OVERHEAD: spread([sample - statistics.median(floor[name]) for sample in wall[name]]),
        }
        for name in workers
    }
