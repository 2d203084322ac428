"""Scenarios: operations that are driven once undisturbed, and then with a fault, or a kill, in them.

Each prepares the world and returns the first event of its operation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.faults.proxy import KINDS, Call, FaultKind

from .operations import (
    CHANGES,
    CREATES,
    FAILING,
    card,
    refusing,
    specification,
    tags,
    unversioned,
    validated,
)
from .world import GROUPS, PAGE_PACKAGES, WRITES, Json, World, package

TOKEN = "the-request"  # noqa: S105 - CloudFormation's, no secret
"""The request token of scenarios: the same in every run, because names are generated from it."""


@dataclass(frozen=True)
class Scenario:
    """An operation: how SageMaker behaves, and what creates its packages and returns its first event."""

    event: Callable[[World], Json]
    behaviour: Json = field(default_factory=dict)
    throttle: Callable[[Call], FaultKind | None] = lambda _: None

    def begin(self, world: World) -> Json:
        world.reset(**self.behaviour)
        event = self.event(world)
        world.proxy.clear()
        world.proxy.throttle = self.throttle
        return event


Make = Callable[[World, Json], str]


def run_create(world: World, template: Json) -> str:
    """Have the handlers create a package, to the end."""
    return str(world.create(template).arn)


def put(world: World, template: Json) -> str:
    """Have SageMaker create a package, which it may still be validating."""
    return str(world.call("CreateModelPackage", **template)["ModelPackageArn"])


def creating(desired: Json, **parts: Any) -> Callable[[World], Json]:
    return lambda world: world.event("CREATE", desired, token=TOKEN, **parts)


def acting(action: str, template: Json, make: Make = run_create) -> Callable[[World], Json]:
    """An action that needs no more than the ARN of a package."""
    return lambda world: world.event(action, {"ModelPackageArn": make(world, template)}, token=TOKEN)


def updating(previous: Json, desired: Json, make: Make = run_create, **parts: Any) -> Callable[[World], Json]:
    return lambda world: world.update_event(make(world, previous), desired, previous, token=TOKEN, **parts)


def changing(name: str) -> Scenario:
    change = CHANGES[name]
    return Scenario(
        lambda world: change.event(world, change.create(world), token=TOKEN), behaviour=change.behaviour
    )


def listing(packages: int, **filters: str) -> Callable[[World], Json]:
    """A list of so many packages; with filters, its second page."""

    def event(world: World) -> Json:
        for _ in range(packages):
            world.put()
        token = None
        if filters:
            token = world.call("ListModelPackages", MaxResults=PAGE_PACKAGES, **filters)["NextToken"]
        return world.event("LIST", filters, token=TOKEN, next_token=token)

    return event


def delete_event_of_a_deleted_package(world: World) -> Json:
    arn = world.create(package()).arn
    world.client.delete_model_package(ModelPackageName=arn)
    return world.event("DELETE", {"ModelPackageArn": arn}, token=TOKEN)


def create_event_with_a_used_name(world: World) -> Json:
    world.create(unversioned())
    return world.event("CREATE", unversioned(), token=TOKEN)


def busy_after_a_write(call: Call) -> FaultKind | None:
    """A service that lets an invocation describe twice and write once."""
    return KINDS["conflict"] if call.operation in WRITES and call.number > 2 else None


_SLOW = {"describes_until_completed": 3, "pending_describes": 1}

SCENARIOS = {
    **{f"create: {name}": Scenario(creating(desired)) for name, desired in CREATES.items()},
    "create: everything": Scenario(
        creating(
            package(
                ModelApprovalStatus="Approved",
                ApprovalDescription="good enough",
                CustomerMetadataProperties={"team": "risk"},
                AdditionalInferenceSpecifications=[specification("first")],
                AdditionalInferenceSpecificationsToAdd=[specification("second")],
                Environment={"LEVEL": "1"},
                ModelCard=card("Draft", "churn"),
                ModelLifeCycle={"Stage": "Staging", "StageStatus": "PendingApproval"},
            ),
            stack_tags={"team": "risk"},
        )
    ),
    "create: a version with validation": Scenario(creating(validated()), _SLOW),
    "create: validation and a second call": Scenario(creating(validated(ApprovalDescription="good enough"))),
    "create: a validation that fails": Scenario(creating(validated()), FAILING),
    "create: unversioned with stack tags": Scenario(
        creating(unversioned(Tags=tags(team="risk")), stack_tags={"team": "the stack's", "cost": "1"})
    ),
    "create: not to be seen at first": Scenario(creating(package()), {"visible_after_describes": 3}),
    "create: under a name that is taken": Scenario(create_event_with_a_used_name),
    **{f"update: {name}": changing(name) for name in CHANGES},
    "update: nothing": Scenario(updating(package(), package())),
    "update: an environment that cannot be": Scenario(
        updating(package(Environment={"LEVEL": "1"}), package(Environment={"LEVEL": "2"}))
    ),
    "update: a card that is refused half-way": Scenario(
        updating(
            package(ModelCard=card("Draft", "churn")), package(ModelCard=card("PendingReview", "fraud"))
        ),
        throttle=refusing("ModelCardStatus"),
    ),
    "update: a card out of the archive that is refused half-way": Scenario(
        updating(package(ModelCard=card("Archived", "history")), package(ModelCard=card("Draft", "churn"))),
        throttle=refusing("ModelCardContent"),
    ),
    "update: a first card that is refused half-way": Scenario(
        updating(package(), package(ModelCard=card("Draft", "churn"))),
        throttle=refusing("ModelCardStatus"),
    ),
    "update: waits first": Scenario(
        updating(
            validated(),
            validated(ModelApprovalStatus="Approved", CustomerMetadataProperties={"team": "risk"}),
            put,
        ),
        _SLOW,
    ),
    "update: one write at a time": replace(changing("tags"), throttle=busy_after_a_write),
    "delete: a version": Scenario(acting("DELETE", package())),
    "delete: unversioned": Scenario(acting("DELETE", unversioned())),
    "delete: takes long": Scenario(acting("DELETE", unversioned()), {"delete_describes": 3}),
    "delete: waits first": Scenario(acting("DELETE", validated(), put), _SLOW),
    "delete: nothing there": Scenario(delete_event_of_a_deleted_package),
    "read: a version": Scenario(acting("READ", package())),
    "read: unversioned": Scenario(
        acting("READ", unversioned(Tags=tags(a="1", b="2", c="3", d="4", e="5"))), {"tags_page": 2}
    ),
    "list: of few": Scenario(listing(3)),
    "list: the first page": Scenario(listing(PAGE_PACKAGES + 1)),
    "list: a later page of a group": Scenario(listing(PAGE_PACKAGES + 1, ModelPackageGroupName=GROUPS[0])),
}
