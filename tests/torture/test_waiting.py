"""A package that never gets ready: how long a stack waits for it, in simulated time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .world import Json, World, package

Figures = dict[str, dict[str, float | str]]

ROOT_SCHEMA = "aws-sagemaker-modelpackage.json"
NEVER = 10**9
VALIDATED = package(ModelPackageName="scorer")


@pytest.fixture(scope="module")
def promised(pytestconfig: pytest.Config) -> int:
    """The seconds that the schema lets a create take."""
    schema = json.loads((pytestconfig.rootpath / ROOT_SCHEMA).read_text(encoding="utf-8"))
    return int(schema["handlers"]["create"]["timeoutInMinutes"]) * 60


@pytest.mark.parametrize("action", ["CREATE", "UPDATE", "DELETE"])
@pytest.mark.parametrize("between", [0.0, 0.4, 9.0], ids=lambda seconds: f"{seconds} s between two calls")
def test_waiting_ends_in_time_and_in_words(
    world: World,
    long: bool,
    figures: Figures,
    promised: int,
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
        first["callbackContext"]["looks"] = 2100
        began -= 35 * 3600
    answer, looks = first, 1
    while answer["status"] == "IN_PROGRESS":
        # CloudFormation is never on the minute.
        world.clock.advance(answer["callbackDelaySeconds"] + between)
        answer = world.send(again(event, answer))
        looks += 1
    waited = world.clock.now - began
    assert answer["errorCode"] == "NotStabilized"
    assert answer["message"].endswith("the package's status is InProgress, after 36 hours")
    assert promised - 200 < waited < promised
    assert (answer.get("resourceModel") or {}).get("ModelPackageArn") == (arn if action == "CREATE" else None)
    counts = figures.setdefault("waiting", {"waits": 0, "looks": 0, "longest, of the promised seconds": 0.0})
    counts["waits"] = int(counts["waits"]) + 1
    counts["looks"] = int(counts["looks"]) + looks
    name = "longest, of the promised seconds"
    counts[name] = max(float(counts[name]), round(waited / promised, 4))


def again(event: Json, answer: Json) -> Json:
    """The event of the next invocation."""
    data: dict[str, Any] = {**event["requestData"], "resourceProperties": answer["resourceModel"]}
    return {**event, "callbackContext": answer["callbackContext"], "requestData": data}
