"""Scale: 10,000 packages in a list, and many stacks at once against a SageMaker that throttles."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from sandbox.local_aws import Sandbox
from tests.stack.stacks import DeployedStacks as Deployed
from tests.stack.stacks import new_name, tags, template, unversioned, version

from .scale import Buckets, Lister, Refusing, Resource, Stacks, held, pages, register, shared_time, withdraw
from .world import GROUPS, PAGE, Figures, Json, World

MOST_CALLS = 1.5
"""How many times the calls of an undisturbed run a throttled one may make."""
# Bytes for each package that has been listed. Keeping the identifier alone takes five times as much.
MOST_KEPT = 64
# Bytes that the whole process may grow by, which the kernel counts in pages and the allocator in arenas.
MOST_GROWTH = 4 * 1024 * 1024


# --- many stacks ------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What came of creating, updating and deleting all packages of all stacks."""

    packages: int
    doubled: int
    """Packages beyond those of the templates, when all had been created."""
    left_over: int
    """Packages that were there when all had been deleted."""
    calls: int
    refused: int
    first_refused: float
    """The share of the calls that were refused at the first attempt."""


def lives(
    world: World, seed: int, stacks: int, packages: int, rate: float | None = None, together: int = 1
) -> Outcome:
    """Create, update and delete; after each of them all is as it should be."""
    world.reset()
    with shared_time(world, seed) as timeline:
        buckets = Buckets(rate or 0, 2 * (rate or 0), timeline.monotonic)
        if rate:
            world.proxy.throttle = buckets
        run = Stacks(world, timeline, stacks, packages, together)
        run.create()
        doubled = len(world.packages) - len(run.resources)
        settled(world, run.resources, updated=False)
        run.update()
        settled(world, run.resources, updated=True)
        run.delete()
        assert failed(run.resources) == []
        assert {resource.ended[-1].get("resourceModel") for resource in run.resources} == {None}
    return Outcome(
        packages=len(run.resources),
        doubled=doubled,
        left_over=len(world.packages),
        calls=len(world.proxy.calls),
        refused=buckets.refused,
        first_refused=buckets.first_refused / max(buckets.first, 1),
    )


def settled(world: World, resources: list[Resource], *, updated: bool) -> None:
    """Every package is as desired, each resource has its own, and nothing else is there."""
    assert failed(resources) == []
    expected = [resource.expected(updated=updated) for resource in resources]
    assert by_arn(map(held, world.packages)) == by_arn(expected)
    assert len({resource.arn for resource in resources}) == len(resources)


def failed(resources: list[Resource]) -> list[Json]:
    """The last events of the operations that did not succeed."""
    return [event for resource in resources for event in resource.ended if event["status"] != "SUCCESS"]


def by_arn(packages: Iterable[Json]) -> list[Json]:
    """Packages in an order of their own."""
    return sorted(packages, key=lambda each: str(each["ModelPackageArn"]))


def test_throttled_stacks_end_right_with_few_more_calls(
    world: World, long: bool, seed: int, figures: Figures
) -> None:
    stacks, packages = (20, 25) if long else (4, 5)
    undisturbed = lives(world, seed, stacks, packages)
    # Calls of each operation in a second: a third of what the stacks would make at their busiest.
    throttled = lives(world, seed, stacks, packages, rate=stacks / 2)
    ratio = throttled.calls / undisturbed.calls
    figures["scale"] = {
        "stacks": stacks,
        "packages": undisturbed.packages,
        "calls undisturbed": undisturbed.calls,
        "calls throttled": throttled.calls,
        "ratio": round(ratio, 2),
        "refused": throttled.refused,
        "first attempts refused": f"{throttled.first_refused:.0%}",
        "doubled": throttled.doubled,
        "left over": throttled.left_over,
    }
    assert (undisturbed.doubled, undisturbed.left_over, undisturbed.refused) == (0, 0, 0)
    assert (throttled.doubled, throttled.left_over) == (0, 0)
    assert throttled.first_refused > 0.1
    assert ratio <= MOST_CALLS


def test_other_rates_end_right(world: World, long: bool, seed: int, figures: Figures) -> None:
    stacks, packages, hands = (20, 10, 5) if long else (4, 2, 2)
    undisturbed = lives(world, seed, stacks, packages)
    cases = (
        ("half that rate", stacks / 4, 1),
        ("twice that rate", stacks, 1),
        # CloudFormation does not wait for one resource before it begins with the next.
        ("packages of a stack at once", stacks / 2, hands),
    )
    for name, rate, together in cases if long else cases[-1:]:
        found = lives(world, seed, stacks, packages, rate, together)
        assert (found.doubled, found.left_over) == (0, 0)
        assert found.refused
        figures[f"scale, {name}"] = {
            "packages": found.packages,
            "ratio": round(found.calls / undisturbed.calls, 2),
            "first attempts refused": f"{found.first_refused:.0%}",
        }


# --- the same through the local CloudFormation ------------------------------------------------------

ENGINE_STACKS, ENGINE_PACKAGES = 20, 5
ENGINE_GROUP = "scale"
REFUSED_ONE_IN = 5
# Real seconds in which 20 stacks settle; the functions' pauses are real as well.
LONGEST_SECONDS = 300.0


def stack_of(number: int, *, updated: bool) -> Json:
    """A stack's template: versions, and one package with a name and tags."""
    resources: Json = {}
    for each in range(ENGINE_PACKAGES):
        life = "2" if updated else "1"
        properties = version(
            ModelPackageGroupName=ENGINE_GROUP,
            CustomerMetadataProperties={"stack": str(number), "resource": str(each), "life": life},
            ModelApprovalStatus="Approved" if updated else "Rejected",
        )
        if each == 0:
            properties = unversioned(ModelPackageName=f"scale-{number}", Tags=tags(life=life))
        resources[f"Package{each}"] = template(properties)["Resources"]["Package"]
    return {"Resources": resources}


def essence(package: Json) -> Json:
    """What of a package, in a template or in SageMaker, is compared."""
    names = ("ModelPackageName", "ModelPackageGroupName", "CustomerMetadataProperties", "ModelApprovalStatus")
    return {**{name: package[name] for name in names if name in package}, "Tags": package.get("Tags", [])}


def in_order(packages: Iterable[Json]) -> list[Json]:
    """Their essence, in an order of its own."""
    return sorted(map(essence, packages), key=lambda each: json.dumps(each, sort_keys=True))


def deploy(sandbox: Sandbox, deployed: Deployed) -> int:
    """Create, update and delete all stacks, each time all of them at once; the calls that it took."""
    names = [new_name("scale") for _ in range(ENGINE_STACKS)]
    sandbox.sagemaker.clear_calls()
    for act, updated in ((deployed.client.create_stack, False), (deployed.client.update_stack, True)):
        templates = [stack_of(number, updated=updated) for number in range(ENGINE_STACKS)]
        for name, body in zip(names, templates, strict=True):
            act(StackName=name, TemplateBody=json.dumps(body))
        settle(deployed, names, "UPDATE_COMPLETE" if updated else "CREATE_COMPLETE")
        assert in_order(sandbox.sagemaker.packages) == in_order(
            resource["Properties"] for body in templates for resource in body["Resources"].values()
        )
    identifiers = [deployed.describe(name)["StackId"] for name in names]
    for identifier in identifiers:
        deployed.client.delete_stack(StackName=identifier)
    settle(deployed, identifiers, "DELETE_COMPLETE")
    assert sandbox.sagemaker.packages == []
    return len(sandbox.sagemaker.calls)


def settle(deployed: Deployed, names: list[str], status: str) -> None:
    """Wait until all stacks are in this status."""
    for name in names:
        assert deployed.wait(name, LONGEST_SECONDS) == status, deployed.reasons(name)


def test_stacks_deployed_at_once_end_right(long: bool, seed: int, figures: Figures) -> None:
    if not long:
        pytest.skip("takes minutes: --long")
    with Sandbox(time_scale=0.1, cloudcontrol=False) as sandbox:
        deployed = Deployed(sandbox)
        deployed.sagemaker.create_model_package_group(ModelPackageGroupName=ENGINE_GROUP)
        undisturbed = deploy(sandbox, deployed)
        refusing = sandbox.sagemaker.behaviour = Refusing(REFUSED_ONE_IN, seed)
        throttled = deploy(sandbox, deployed)
        deployed.close()
    figures["scale, local CloudFormation"] = {
        "stacks": ENGINE_STACKS,
        "packages": ENGINE_STACKS * ENGINE_PACKAGES,
        "calls undisturbed": undisturbed,
        "calls throttled": throttled,
        "ratio": round(throttled / undisturbed, 2),
        "refused": refusing.refused,
    }
    assert refusing.refused > throttled / REFUSED_ONE_IN / 2
    assert throttled <= MOST_CALLS * undisturbed


# --- lists ------------------------------------------------------------------------------------------


def test_every_package_is_listed_once_in_flat_memory(world: World, long: bool, figures: Figures) -> None:
    count, warm = (10_000, 10) if long else (1_000, 3)
    registered = [register(world, number) for number in range(count)]
    growth: dict[bool, tuple[int, int]] = {}
    for keeps in (False, True):
        with Lister(world.proxy.url, keeps=keeps) as lister:
            listed = list(pages(world, lister))
        assert [len(page) for page in listed] == [PAGE] * (count // PAGE)
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
    most = MOST_KEPT * (count - warm * PAGE)
    assert growth[False][0] < most
    assert growth[False][1] < MOST_GROWTH
    # The bounds can tell: a process that keeps what it answered is beyond them.
    assert growth[True][0] > most
    assert not long or growth[True][1] > MOST_GROWTH


def test_a_groups_packages_are_listed_once(world: World, long: bool) -> None:
    for number in range(2_000 if long else 400):
        register(world, number)
    for group in GROUPS:
        mine = [
            each["ModelPackageArn"] for each in world.packages if each.get("ModelPackageGroupName") == group
        ]
        listed = list(pages(world, world.send, {"ModelPackageGroupName": group}))
        assert [arn for page in listed for arn in page] == mine
        assert {len(page) for page in listed[:-1]} == {PAGE}


@pytest.mark.parametrize("group", [None, GROUPS[0]], ids=["all", "a group"])
def test_packages_may_come_and_go_while_they_are_listed(
    world: World, long: bool, seed: int, group: str | None
) -> None:
    draw = random.Random(seed)  # noqa: S311 - no secret
    count = itertools.count()
    there = {register(world, next(count)) for _ in range(3_000 if long else 900)}
    stays, ever, listed = set(there), set(there), []
    for page in pages(world, world.send, {"ModelPackageGroupName": group} if group else {}):
        # What is on its way out at the time of the call is not named.
        assert there.issuperset(page)
        listed += page
        gone = set(draw.sample(sorted(there), 20))
        for arn in gone:
            withdraw(world, arn)
        came = {register(world, next(count)) for _ in range(20)}
        there, stays, ever = there - gone | came, stays - gone, ever | came
    members = {arn for arn in ever if group is None or f"model-package/{group}/" in arn}
    assert len(listed) == len(set(listed)) > 2 * PAGE
    assert stays & members <= set(listed) <= members
