"""Waiting: how long a stack waits for a package that never completes, in simulated time."""

from __future__ import annotations

import pytest

from sandbox.shared.settings import schema

from .world import Figures, Json, World, drive, next_event, package

# What the schema lets a create take.
PROMISED_SECONDS = schema()["handlers"]["create"]["timeoutInMinutes"] * 60
# A quick run begins when this much of it has passed.
SKIPPED_SECONDS = 35 * 3600
SKIPPED_POLLS = 2100
NEVER = 10**9
UNVERSIONED = package(ModelPackageName="scorer")


@pytest.mark.parametrize("action", ["CREATE", "UPDATE", "DELETE"])
@pytest.mark.parametrize("between", [0.0, 0.4, 9.0], ids=lambda seconds: f"{seconds} s between two calls")
def test_waiting_ends_in_time_with_a_message(
    world: World, long: bool, figures: Figures, action: str, between: float
) -> None:
    world.reset(describes_until_completed=NEVER)
    event = world.event("CREATE", UNVERSIONED)
    first = world.send(event)
    arn = first["resourceModel"]["ModelPackageArn"]
    if action != "CREATE":
        event = world.event(action, {**UNVERSIONED, "ModelPackageArn": arn}, UNVERSIONED)
        first = world.send(event)
    began = world.clock.now
    if not long:
        first["callbackContext"]["since"] -= SKIPPED_SECONDS
        first["callbackContext"]["polls"] = SKIPPED_POLLS
        began -= SKIPPED_SECONDS

    def wait(seconds: float) -> None:
        # CloudFormation is never on the minute.
        world.clock.advance(seconds + between)

    wait(first["callbackDelaySeconds"])
    answers: list[Json] = drive(next_event(event, first), world.send, wait, max_invocations=3_000)
    waited = world.clock.now - began
    last = answers[-1]
    assert last["errorCode"] == "NotStabilized"
    assert last["message"].endswith("the package's status is InProgress, after 36 hours")
    assert PROMISED_SECONDS - 200 < waited < PROMISED_SECONDS
    assert (last.get("resourceModel") or {}).get("ModelPackageArn") == (arn if action == "CREATE" else None)
    counts, longest = figures["waiting"], "longest, of the promised seconds"
    counts["waits"] += 1
    counts["polls"] += 1 + len(answers)
    counts[longest] = max(counts[longest], round(waited / PROMISED_SECONDS, 4))
