"""Memory: the peak of all actions under Lambda's runtime client, and what a long list leaves."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

from benchmarks.figures import GROWTH, PEAK, WALL, Figure, spread
from benchmarks.measure import (
    ACTIONS,
    LOGGED,
    Json,
    MeasurementError,
    Run,
    StubAws,
    environment,
    event,
    worker,
)
from benchmarks.packages import Side
from benchmarks.stub_aws import PAGES
from sandbox.lambda_.function import Function
from sandbox.lambda_.runtime_client import Environments, interpreter

PASSES = 2  # through all actions: the second one fills what is kept between invocations
TIMEOUT_SECONDS = 60
MEMORY_MB = 256


def peak_memory(sides: Mapping[str, Side], run: Run) -> Json:
    """By side: the peak memory of a process of Lambda's runtime client after all actions.

    Raises:
        MeasurementError: An action does not succeed.
        SandboxError: There is no runtime client.
    """
    samples: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(run.rounds):
        for name, side in sides.items():
            samples[name].append(_peak_kb(side, run.stub) / 1024)
    return {name: {PEAK: spread(values)} for name, values in samples.items()}


def _peak_kb(side: Side, stub: StubAws) -> int:
    """The peak of a new process after all actions."""
    function = Function("Benchmark", side.entry, TIMEOUT_SECONDS, MEMORY_MB)
    peaks_kb = [0]
    with (
        _only_variables(environment(side, stub.endpoint)),
        closing(Environments(interpreter().absolute(), side.folder)) as environments,
    ):
        for action in (*ACTIONS, LOGGED) * PASSES:
            stub.take_calls()  # a DELETE leaves a package that is gone
            outcome = environments.run(function, event(action, side.type_name), str(uuid.uuid4()))
            answer = json.loads(outcome.body)
            if outcome.function_error or answer["status"] != "SUCCESS":
                raise MeasurementError(f"{action} under Lambda's runtime client did not succeed: {answer}")
            peaks_kb.append(outcome.peak_kb or 0)
    return max(peaks_kb)


@contextmanager
def _only_variables(variables: Mapping[str, str]) -> Iterator[None]:
    """Have only these environment variables for a moment: the runtime client's processes inherit them."""
    kept = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


def long_list(sides: Mapping[str, Side], run: Run) -> Json:
    """By side: the time of each page of a list of 10,000 packages, and the memory from page 10 on.

    Raises:
        MeasurementError: A package does not load, or a page does not succeed.
    """
    return {name: _pages(side, run) for name, side in sides.items()}


def _pages(side: Side, run: Run) -> Figure:
    with worker(side, run.python, run.stub.endpoint) as process:
        request = event("LIST", side.type_name)
        process.invoke(request)  # warms up
        arns: set[str] = set()
        pages: list[Json] = []
        token = None
        while len(pages) < PAGES and (token or not pages):
            pages.append(process.invoke({**request, "nextToken": token}))
            answer = pages[-1]["answer"]
            arns |= {model["ModelPackageArn"] for model in answer["resourceModels"]}
            token = answer.get("nextToken")
        run.stub.take_calls()
    return {
        WALL: spread([page["seconds"] * 1000 for page in pages]),
        "pages": len(pages),
        "packages": len(arns),
        # From the tenth page on caches are full.
        GROWTH: pages[-1]["resident_kb"] - pages[9]["resident_kb"],
    }
