"""Scale: many stacks at once against a SageMaker that throttles, and 10,000 packages in a list."""

from __future__ import annotations

import itertools
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial

import pytest

from sandbox.local_aws import Sandbox
from sandbox.shared.settings import TYPE_NAME
from tests.stack.stacks import DeployedStacks as Deployed
from tests.stack.stacks import new_name

from .processes import Lister
from .scale import Buckets, Refusing, Resource, Stacks, essence, shared_time
from .world import GROUPS, PAGE_PACKAGES, Figures, Json, World

MAX_CALLS_RATIO = 1.5
"""How many times the calls of an undisturbed run a throttled one may make."""
# For each package that has been listed. Keeping the identifier alone takes five times as much.
MAX_BYTES_PER_PACKAGE = 64
# Of the whole process, whose growth the kernel counts in pages and the allocator in arenas.
MAX_GROWTH_BYTES = 4 * 1024 * 1024


# --- many stacks ------------------------------------------------------------------------------------


def work_through(
    world: World, seed: int, stacks: int, packages: int, rate: float | None = None, together: int = 1
) -> Json:
    """Create, update and delete all packages, and check them after each of these; return what was counted."""
    world.reset()
    with shared_time(world, seed) as timeline:
        buckets = Buckets(rate or 0, 2 * (rate or 0), timeline.monotonic)
        if rate:
            world.proxy.throttle = buckets
        all_stacks = Stacks(world, timeline, stacks, packages, together)
        all_stacks.run("CREATE")
        doubled = len(world.packages) - len(all_stacks.resources)
        check(world, all_stacks.resources, updated=False)
        all_stacks.run("UPDATE")
        check(world, all_stacks.resources, updated=True)
        all_stacks.run("DELETE")
        assert failed(all_stacks.resources) == []
        assert {resource.ends[-1].get("resourceModel") for resource in all_stacks.resources} == {None}
    return {
        "packages": len(all_stacks.resources),
        "calls": len(world.proxy.calls),
        "refused": buckets.refused,
        "first attempts refused": buckets.first_refused / max(buckets.first, 1),
        "doubled": doubled,
        "left over": len(world.packages),
    }


def check(world: World, resources: list[Resource], *, updated: bool) -> None:
    """Every package is as desired, each resource has its own, and nothing else is there."""
    assert failed(resources) == []
    expected = [resource.expected(updated=updated) for resource in resources]
    assert in_order(map(essence, world.packages)) == in_order(expected)
    assert len({resource.arn for resource in resources}) == len(resources)


def failed(resources: list[Resource]) -> list[Json]:
    """The last events of the operations that did not succeed."""
    return [event for resource in resources for event in resource.ends if event["status"] != "SUCCESS"]


def in_order(packages: Iterable[Json]) -> list[Json]:
    return sorted(packages, key=lambda each: json.dumps(each, sort_keys=True))


def test_throttled_stacks_succeed_with_few_more_calls(
    world: World, long: bool, seed: int, figures: Figures
) -> None:
    stacks, packages = (20, 25) if long else (4, 5)
    undisturbed = work_through(world, seed, stacks, packages)
    # Calls of each operation in a second: a third of what the stacks would make at their busiest.
    throttled = work_through(world, seed, stacks, packages, rate=stacks / 2)
    ratio = throttled["calls"] / undisturbed["calls"]
    refused = throttled["first attempts refused"]
    figures["scale"] = {
        "stacks": stacks,
        "calls undisturbed": undisturbed["calls"],
        "ratio": round(ratio, 2),
        **throttled,
        "first attempts refused": f"{refused:.0%}",
    }
    assert (undisturbed["doubled"], undisturbed["left over"], undisturbed["refused"]) == (0, 0, 0)
    assert (throttled["doubled"], throttled["left over"]) == (0, 0)
    assert refused > 0.1
    assert ratio <= MAX_CALLS_RATIO


def test_stacks_succeed_at_other_rates(world: World, long: bool, seed: int, figures: Figures) -> None:
    stacks, packages, at_once = (20, 10, 5) if long else (4, 2, 2)
    undisturbed = work_through(world, seed, stacks, packages)
    cases = (
        ("half that rate", stacks / 4, 1),
        ("twice that rate", stacks, 1),
        # CloudFormation does not wait for one resource before it begins with the next.
        ("packages of a stack at once", stacks / 2, at_once),
    )
    for name, rate, together in cases if long else cases[-1:]:
        outcome = work_through(world, seed, stacks, packages, rate, together)
        assert (outcome["doubled"], outcome["left over"]) == (0, 0)
        assert outcome["refused"]
        figures[f"scale, {name}"] = {
            "packages": outcome["packages"],
            "ratio": round(outcome["calls"] / undisturbed["calls"], 2),
            "first attempts refused": f"{outcome['first attempts refused']:.0%}",
        }


# --- the same through the local CloudFormation ------------------------------------------------------

ENGINE_STACKS, ENGINE_PACKAGES = 20, 5
REFUSED_ONE_IN = 5
# Real time in which the stacks settle; the functions' pauses are real as well.
MAX_SETTLE_SECONDS = 300.0
BUSY_PROCESSES = 4


def deploy(sandbox: Sandbox, deployed: Deployed, stacks: int, packages: int) -> int:
    """Create, update and delete all stacks, each time all of them at once; return the number of calls."""
    names = [new_name("scale") for _ in range(stacks)]
    sandbox.sagemaker.clear_calls()
    for act, updated in ((deployed.client.create_stack, False), (deployed.client.update_stack, True)):
        resources = [[Resource(stack, number) for number in range(packages)] for stack in range(stacks)]
        at_once(
            partial(act, StackName=name, TemplateBody=json.dumps(template(each, updated=updated)))
            for name, each in zip(names, resources, strict=True)
        )
        settle(deployed, names, "UPDATE_COMPLETE" if updated else "CREATE_COMPLETE")
        expected = [each.expected(updated=updated) for stack in resources for each in stack]
        stored = [{**essence(each), "ModelPackageArn": ""} for each in sandbox.sagemaker.packages]
        assert in_order(stored) == in_order(expected)
    identifiers = [deployed.describe(name)["StackId"] for name in names]
    at_once(partial(deployed.client.delete_stack, StackName=each) for each in identifiers)
    settle(deployed, identifiers, "DELETE_COMPLETE")
    assert sandbox.sagemaker.packages == []
    return len(sandbox.sagemaker.calls)


def template(resources: list[Resource], *, updated: bool) -> Json:
    packages = {
        f"Package{each.number}": {"Type": TYPE_NAME, "Properties": each.template(updated=updated)}
        for each in resources
    }
    return {"Resources": packages}


def at_once(calls: Iterable[Callable[[], object]]) -> None:
    """Make calls, none of which waits for another."""
    waiting = list(calls)
    with ThreadPoolExecutor(len(waiting)) as threads:
        for each in [threads.submit(call) for call in waiting]:
            each.result()


def settle(deployed: Deployed, names: list[str], status: str) -> None:
    for name in names:
        assert deployed.wait(name, MAX_SETTLE_SECONDS) == status, deployed.reasons(name)


@contextmanager
def local_aws() -> Iterator[tuple[Sandbox, Deployed]]:
    """A sandbox of its own, with the groups."""
    with Sandbox(time_scale=0.1, cloudcontrol=False) as sandbox, closing(Deployed(sandbox)) as deployed:
        # Those of other tests of this process exist already, in moto.
        for group in GROUPS if not sandbox.sagemaker.groups else ():
            deployed.sagemaker.create_model_package_group(ModelPackageGroupName=group)
        yield sandbox, deployed


@contextmanager
def busy_machine(processes: int) -> Iterator[None]:
    """Other work on the machine."""
    with ExitStack() as stack:
        for _ in range(processes):
            busy = stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            stack.callback(busy.kill)
        yield


def test_stacks_deployed_at_once_end_right(long: bool, figures: Figures) -> None:
    """On a machine that is busy otherwise, and with as few descriptors as a system may begin with."""
    stacks, processes = (200, BUSY_PROCESSES) if long else (40, 0)
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
    started = time.monotonic()
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, descriptors[1]), descriptors[1]))
        with busy_machine(processes), local_aws() as (sandbox, deployed):
            calls = deploy(sandbox, deployed, stacks, packages=1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, descriptors)
    figures["scale, stacks at once"] = {
        "stacks": stacks,
        "busy processes": processes,
        "calls": calls,
        "seconds": round(time.monotonic() - started),
    }


def test_throttled_stacks_deployed_at_once_succeed(long: bool, seed: int, figures: Figures) -> None:
    if not long:
        pytest.skip("takes minutes: --long")
    with local_aws() as (sandbox, deployed):
        undisturbed = deploy(sandbox, deployed, ENGINE_STACKS, ENGINE_PACKAGES)
        refusing = sandbox.sagemaker.behaviour = Refusing(REFUSED_ONE_IN, seed)
        throttled = deploy(sandbox, deployed, ENGINE_STACKS, ENGINE_PACKAGES)
    figures["scale, local CloudFormation"] = {
        "stacks": ENGINE_STACKS,
        "packages": ENGINE_STACKS * ENGINE_PACKAGES,
        "calls undisturbed": undisturbed,
        "calls throttled": throttled,
        "ratio": round(throttled / undisturbed, 2),
        "refused": refusing.refused,
    }
    assert refusing.refused > throttled / REFUSED_ONE_IN / 2
    assert throttled <= MAX_CALLS_RATIO * undisturbed


# --- lists ------------------------------------------------------------------------------------------


def register(world: World, number: int) -> str:
    """Create a package in SageMaker; each third is unversioned."""
    if number % 3 == 0:
        return world.put(ModelPackageName=f"listed-{number}")
    return world.put(ModelPackageGroupName=GROUPS[number % 2])


def test_list_has_every_package_once_in_flat_memory(world: World, long: bool, figures: Figures) -> None:
    count, warm = (10_000, 10) if long else (1_000, 3)
    registered = [register(world, number) for number in range(count)]
    growth: dict[bool, tuple[int, int]] = {}
    for keeps in (False, True):
        with Lister(keeps=keeps) as lister:
            listed = list(world.pages(lister))
        assert [len(page) for page in listed] == [PAGE_PACKAGES] * (count // PAGE_PACKAGES)
        assert [arn for page in listed for arn in page] == registered
        growth[keeps] = (
            lister.allocated[-1] - lister.allocated[warm - 1],
            lister.resident[-1] - lister.resident[warm - 1],
        )
    figures["scale, list"] = {
        "packages": count,
        "pages": len(listed),
        f"bytes of objects from page {warm}": growth[False][0],
        "had it kept the pages": growth[True][0],
        "bytes of the process": growth[False][1],
    }
    most = MAX_BYTES_PER_PACKAGE * (count - warm * PAGE_PACKAGES)
    assert growth[False][0] < most
    assert growth[False][1] < MAX_GROWTH_BYTES
    # The bounds can fail: a process that keeps its answers is beyond them.
    assert growth[True][0] > most
    assert not long or growth[True][1] > MAX_GROWTH_BYTES


def test_list_of_a_group_has_its_packages_once(world: World, long: bool) -> None:
    for number in range(2_000 if long else 400):
        register(world, number)
    for group in GROUPS:
        expected = [
            each["ModelPackageArn"] for each in world.packages if each.get("ModelPackageGroupName") == group
        ]
        listed = list(world.pages(world.send, ModelPackageGroupName=group))
        assert [arn for page in listed for arn in page] == expected
        assert {len(page) for page in listed[:-1]} == {PAGE_PACKAGES}


@pytest.mark.parametrize("group", [None, GROUPS[0]], ids=["all", "a group"])
def test_list_is_right_while_packages_come_and_go(
    world: World, long: bool, seed: int, group: str | None
) -> None:
    draw = random.Random(seed)  # noqa: S311 - no secret
    count = itertools.count()
    live = {register(world, next(count)) for _ in range(3_000 if long else 900)}
    stay, ever, listed = set(live), set(live), []
    for page in world.pages(world.send, **({"ModelPackageGroupName": group} if group else {})):
        # What is being deleted at the time of the call is not listed.
        assert live.issuperset(page)
        listed += page
        gone = set(draw.sample(sorted(live), 20))
        for arn in gone:
            world.call("DeleteModelPackage", ModelPackageName=arn)
        new = {register(world, next(count)) for _ in range(20)}
        live, stay, ever = live - gone | new, stay - gone, ever | new
    members = {arn for arn in ever if group is None or f"model-package/{group}/" in arn}
    assert len(listed) == len(set(listed)) > 2 * PAGE_PACKAGES
    assert stay & members <= set(listed) <= members
