"""A package that never gets ready: how long a stack waits for it, in simulated time."""

from __future__ import annotations

import pytest

from packager.project import schema

from .world import Figures, World, following, package

# The seconds that the schema lets a create take.
PROMISED = schema()["handlers"]["create"]["timeoutInMinutes"] * 60
NEVER = 10**9
VALIDATED = package(ModelPackageName="scorer")


@pytest.mark.parametrize("action", ["CREATE", "UPDATE", "DELETE"])
@pytest.mark.parametrize("between", [0.0, 0.4, 9.0], ids=lambda seconds: f"{seconds} s between two calls")
def test_waiting_ends_in_time_and_in_words(
    world: World,
    long: bool,
    figures: Figures,
    action: str,
    between: float,
) -> None:
    world.reset(describes_until_completed=NEVER)
    made = world.event("CREATE", VALIDATED)
    first = world.send(made)
    arn = first["resourceModel"]["ModelPackageArn"]
    event = made
    if action != "CREATE":
        event = world.event(action, {**VALIDATED, "ModelPackageArn": arn}, VALIDATED)
        first = world.send(event)
    began = world.clock.now
    if not long:
        # The first 35 hours have passed.
        first["callbackContext"]["since"] -= 35 * 3600
        first["callbackContext"]["polls"] = 2100
        began -= 35 * 3600
    answer, looks = first, 1
    while answer["status"] == "IN_PROGRESS":
        # CloudFormation is never on the minute.
        world.clock.advance(answer["callbackDelaySeconds"] + between)
        answer = world.send(following(event, answer))
        looks += 1
    waited = world.clock.now - began
    assert answer["errorCode"] == "NotStabilized"
    assert answer["message"].endswith("the package's status is InProgress, after 36 hours")
    assert PROMISED - 200 < waited < PROMISED
    assert (answer.get("resourceModel") or {}).get("ModelPackageArn") == (arn if action == "CREATE" else None)
    counts = figures.setdefault("waiting", {"waits": 0, "looks": 0, "longest, of the promised seconds": 0.0})
    counts["waits"] = int(counts["waits"]) + 1
    counts["looks"] = int(counts["looks"]) + looks
    name = "longest, of the promised seconds"
    counts[name] = max(float(counts[name]), round(waited / PROMISED, 4))
