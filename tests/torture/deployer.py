"""CloudFormation as it deploys drawn templates, in each of the ways in which it may send them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from hypothesis import strategies as st

from .templates import Template, as_strings
from .world import ENTRY_POINTS, WRITES, Json, Run, World


@dataclass(frozen=True)
class Delivery:
    """How templates come to the handlers, and how the service behaves."""

    entry_point: str = "resource"
    turns: tuple[bool, ...] = (True,)
    """Which numbers and booleans are sent as strings, in a cycle."""
    polls: int = 0
    """How many find that validation has not ended."""
    replaceable: bool = False
    """Whether the service lets a specification or a source be replaced."""


deliveries = st.builds(
    Delivery,
    entry_point=st.sampled_from(ENTRY_POINTS),
    turns=st.sampled_from(((False,), (True,), (True, False))),
    polls=st.integers(0, 2),
    replaceable=st.booleans(),
)


class Deployer:
    """CloudFormation in an empty world: deploys templates in one way; invocations are counted in `counts`."""

    def __init__(self, world: World, delivery: Delivery, counts: Json) -> None:
        self.world = world
        self.delivery = delivery
        self.counts = counts
        world.reset(
            describes_until_completed=delivery.polls, inference_specification_replaceable=delivery.replaceable
        )

    def create(self, template: Template) -> Run:
        return self.repeat(
            self.world.event("CREATE", self._properties(template), stack_tags=template.stack_tags)
        )

    def update(self, arn: str, desired: Template, previous: Template) -> Run:
        event = self.world.update_event(
            arn,
            self._properties(desired),
            self._properties(previous),
            stack_tags=desired.stack_tags,
            previous_stack_tags=previous.stack_tags,
        )
        return self.repeat(event)

    def read(self, arn: str) -> Run:
        return self.repeat(self.world.event("READ", {"ModelPackageArn": arn}))

    def delete(self, arn: str, template: Template) -> Run:
        desired = {**self._properties(template), "ModelPackageArn": arn}
        return self.repeat(self.world.event("DELETE", desired, stack_tags=template.stack_tags))

    def repeat(self, event: Json) -> Run:
        self.event = event
        self.world.proxy.clear()
        run = self.world.run(event, self.delivery.entry_point)
        self.counts["invocations"] += len(run.events)
        return run

    def written(self) -> tuple[str, ...]:
        """The writing calls of the last operation that SageMaker has not refused, sorted."""
        calls = self.world.proxy.calls
        return tuple(
            sorted(each.operation for each in calls if each.operation in WRITES and each.status == 200)
        )

    def _properties(self, template: Template) -> Json:
        properties: Json = as_strings(template.properties, itertools.cycle(self.delivery.turns))
        return properties
