"""The changes that the local SageMaker records of its packages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.sagemaker import Behaviour, Fault, SageMakerServer, history
from tests.sandbox.sagemaker import sagemaker_calls as sm

Recorded = list[tuple[str, list[tuple[Any, ...]]]]


def changes_of(server: SageMakerServer, arn: str) -> list[dict[str, Any]]:
    """All changes of a package."""
    changes, older = server.history(arn, 100)
    assert older == 0
    return changes


def recorded(server: SageMakerServer, arn: str) -> Recorded:
    """The changes of a package: operation, and of each item what, how, and the values or keys."""
    return [
        (
            change["caller"]["operation"],
            [
                (each["what"], each["how"], *(each["keys"] or [each["previous"], each["value"]]))
                for each in change["items"]
            ],
        )
        for change in changes_of(server, arn)
    ]


def test_history_of_version_has_values_and_keys_only(
    client: sm.Client, server: SageMakerServer, clock: sm.Clock
) -> None:
    stage = {"Stage": "Development", "StageStatus": "Submitted", "StageDescription": "secret words"}
    card = {"ModelCardStatus": "Draft", "ModelCardContent": json.dumps({"model_overview": {}})}
    metadata = {"team": "secret", "owner": "secret", "cost": "secret"}
    arn = sm.create(
        client, sm.version(ModelLifeCycle=stage, ModelCard=card, CustomerMetadataProperties=metadata)
    )
    clock.now += 7200
    sm.update(client, arn, ModelApprovalStatus="Approved", ApprovalDescription="secret reason")
    sm.update(client, arn, ModelApprovalStatus="Approved", ApprovalDescription="")
    sm.update(client, arn, ModelLifeCycle={"Stage": "Production", "StageStatus": "Submitted"})
    sm.update(client, arn, ModelCard={"ModelCardStatus": "Approved"})
    content = json.dumps({"model_overview": {"model_name": "secret"}})
    sm.update(client, arn, ModelCard={"ModelCardContent": content})
    properties = {"team": "other secret", "new": "secret"}
    sm.update(
        client,
        arn,
        CustomerMetadataProperties=properties,
        CustomerMetadataPropertiesToRemove=["owner", "cost"],
    )
    sm.describe(client, arn)
    sm.delete(client, arn)

    assert recorded(server, arn) == [
        (
            "CreateModelPackage",
            [
                ("status", "set", None, "Completed"),
                ("approval", "set", None, "PendingManualApproval"),
                ("stage", "set", None, "Development"),
                ("stageStatus", "set", None, "Submitted"),
                ("cardStatus", "set", None, "Draft"),
                ("stageDescription", "set", None, None),
                ("cardContent", "set", None, None),
                ("metadata", "set", "cost", "owner", "team"),
            ],
        ),
        (
            "UpdateModelPackage",
            [
                ("approval", "changed", "PendingManualApproval", "Approved"),
                ("approvalDescription", "set", None, None),
            ],
        ),
        ("UpdateModelPackage", [("approvalDescription", "removed", None, None)]),
        (
            "UpdateModelPackage",
            [("stage", "changed", "Development", "Production"), ("stageDescription", "removed", None, None)],
        ),
        ("UpdateModelPackage", [("cardStatus", "changed", "Draft", "Approved")]),
        ("UpdateModelPackage", [("cardContent", "changed", None, None)]),
        (
            "UpdateModelPackage",
            [
                ("metadata", "changed", "team"),
                ("metadata", "removed", "cost", "owner"),
                ("metadata", "set", "new"),
            ],
        ),
        ("DeleteModelPackage", [("status", "changed", "Completed", "deleted")]),
    ]
    changes = changes_of(server, arn.upper())  # in any case, and after the deletion
    assert [change["time"] for change in changes] == [sm.NOW, *[sm.NOW + 7200] * 7]
    assert "secret" not in str(changes)


def test_history_of_unversioned_package_has_each_status_when_first_described(
    client: sm.Client, server: SageMakerServer, clock: sm.Clock
) -> None:
    server.behaviour = Behaviour(describes_until_completed=3, pending_describes=1)
    arn = sm.create(client, sm.unversioned("Package", Tags=sm.TAGS))
    for _ in range(5):
        clock.now += 10
        sm.describe(client, arn)
    client.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "1"}])
    client.delete_tags(ResourceArn=arn, TagKeys=["a", "unknown"])
    sm.delete(client, arn)
    assert "does not exist" in sm.refusal(sm.statuses, client, arn, 2)

    assert recorded(server, arn) == [
        ("CreateModelPackage", [("status", "set", None, "Pending"), ("tags", "set", "a")]),
        ("DescribeModelPackage", [("status", "changed", "Pending", "InProgress")]),
        ("DescribeModelPackage", [("status", "changed", "InProgress", "Completed")]),
        ("AddTags", [("tags", "changed", "a"), ("tags", "set", "b")]),
        ("DeleteTags", [("tags", "removed", "a")]),
        ("DeleteModelPackage", [("status", "changed", "Completed", "Deleting")]),
        ("DescribeModelPackage", [("status", "changed", "Deleting", "deleted")]),
    ]
    times = [change["time"] - sm.NOW for change in changes_of(server, arn)]
    assert times == [0, 20, 40, 50, 50, 50, 50]


def test_history_has_what_took_effect_only(client: sm.Client, server: SageMakerServer) -> None:
    arn = sm.create(client, sm.version())
    approved = {"ModelApprovalStatus": "Approved"}
    server.behaviour = Behaviour(
        faults=[
            Fault("ThrottlingException", operation="UpdateModelPackage"),
            Fault("InternalFailure", operation="UpdateModelPackage", happens=True),
        ]
    )
    for _ in range(2):
        sm.refusal(sm.update, client, arn, **approved)
    sm.update(client, arn, **approved)  # is approved already
    sm.refusal(sm.update, client, arn, ModelCard={"ModelCardStatus": "no status"})
    changes = [item[0] for _, items in recorded(server, arn) for item in items]
    assert changes == ["status", "approval", "approval"]
    server.reset()
    assert server.history(arn, 100) == ([], 0)


def test_history_has_session_and_time_of_the_call(client: sm.Client, server: SageMakerServer) -> None:
    arn = sm.create(client, sm.version())
    (call,) = server.calls
    assert changes_of(server, arn)[0]["caller"] == {
        name: call[name] for name in ("operation", "session", "received")
    }


def test_history_drops_the_oldest_changes_of_all_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_CHANGES", 3)
    changes = history.History()
    for time, arn in enumerate(["a", "b", "a", "a", "c"]):
        changes.begin(history.Caller("UpdateModelPackage"), time)
        changes.record(arn, history.status_items(None, str(time)))
    changes.record("c", [])
    kept = {arn: [change["time"] for change in changes.of(arn)[0]] for arn in "abc"}
    assert kept == {"a": [2, 3], "b": [], "c": [4]}
    newest, older = changes.of("a", 1)
    assert ([change["time"] for change in newest], older) == ([3], 1)
