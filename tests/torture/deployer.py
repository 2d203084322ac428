"""CloudFormation as it deploys drawn templates: the ways in which they come to the handlers."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass

from hypothesis import strategies as st

from .templates import Template, as_strings
from .world import DOORS, WRITES, Json, Run, World

NOTHING = Template({}, {})


@dataclass(frozen=True)
class Way:
    """How templates come to the handlers, and what the service is like there."""

    door: str = "stack"
    turns: tuple[bool, ...] = (True,)
    """Which numbers and booleans come as strings, over and over again."""
    looks: int = 0
    """How many find that validation has not ended."""
    replaceable: bool = False
    """Whether the service lets a specification or a source be replaced."""


ways = st.builds(
    Way,
    door=st.sampled_from(DOORS),
    turns=st.sampled_from(((False,), (True,), (True, False))),
    looks=st.integers(0, 2),
    replaceable=st.booleans(),
)


class Deployer:
    """CloudFormation, in a world of its own: deploys templates in one way, and counts invocations."""

    def __init__(self, world: World, way: Way, tally: Counter[str]) -> None:
        self.world = world
        self.way = way
        self.tally = tally
        world.reset(describes_until_completed=way.looks, inference_specification_replaceable=way.replaceable)

    def create(self, template: Template) -> Run:
        """Create a package from a template."""
        return self.send("CREATE", template)

    def update(self, arn: str, desired: Template, previous: Template) -> Run:
        """Update the package with this ARN."""
        return self.send("UPDATE", desired, previous, arn)

    def read(self, arn: str) -> Run:
        """Read the package with this ARN."""
        return self.send("READ", arn=arn)

    def delete(self, arn: str, template: Template) -> Run:
        """Delete the package with this ARN."""
        return self.send("DELETE", template, arn=arn)

    def send(
        self,
        action: str,
        desired: Template = NOTHING,
        previous: Template | None = None,
        arn: str | None = None,
    ) -> Run:
        """Make an event of templates and drive its operation to the end."""
        return self.repeat(
            self.world.event(
                action,
                self._sent(desired, arn),
                None if previous is None else self._sent(previous, arn),
                stack_tags=desired.stack_tags,
                previous_stack_tags=None if previous is None else previous.stack_tags,
            )
        )

    def repeat(self, event: Json) -> Run:
        """Drive the operation of an event to its end."""
        self.event = event
        self.world.proxy.clear()
        run = self.world.run(event, door=self.way.door)
        self.tally["invocations"] += len(run.events)
        return run

    def written(self) -> tuple[str, ...]:
        """The writing calls of the last operation that SageMaker has not refused."""
        calls = self.world.proxy.calls
        return tuple(
            sorted(each.operation for each in calls if each.operation in WRITES and each.status == 200)
        )

    def _sent(self, template: Template, arn: str | None) -> Json:
        sent = as_strings(template.properties, itertools.cycle(self.way.turns))
        return {**sent, "ModelPackageArn": arn} if arn else sent
