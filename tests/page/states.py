"""States for the page, without a sandbox; tests/sandbox/test_page_*.py use them, too."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.page import PageServer

Json = dict[str, Any]

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package"
STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack"
SECRET = "never-shown"  # noqa: S105 - a value that no page may have
MOMENT = 1_700_000_000.0  # 2023-11-14T22:13:20Z


def package(number: int = 1, **members: Any) -> Json:
    """A version as `snapshot` returns it."""
    return {
        "arn": f"{ARN}/churn/{number}",
        "name": None,
        "version": number,
        "status": "Completed",
        "approval": "PendingManualApproval",
        "stage": None,
        "stageStatus": None,
        "created": MOMENT,
        **members,
    }


def event(**members: Any) -> Json:
    """An event as `snapshot` returns it."""
    return {
        "id": "1",
        "function": "TypeFunction",
        "action": "CREATE",
        "callback": False,
        "stack": "shop",
        "logicalId": "Version",
        "operation": "token",
        "package": f"{ARN}/churn/1",
        "started": MOMENT,
        "running": False,
        "status": "SUCCESS",
        "errorCode": None,
        "message": None,
        "callbackDelaySeconds": 0,
        "durationMs": 12.4,
        "calls": [call("CreateModelPackage")],
        **members,
    }


def call(operation: str, **members: Any) -> Json:
    """A call of an event, as `snapshot` returns it."""
    answer = {"error": None, "answered": True, "durationMs": 3.21}
    return {"operation": operation, "received": MOMENT + 0.002, **answer, **members}


def item(what: str, how: str = "changed", **members: Any) -> Json:
    """One thing that a change changed, as the local SageMaker records it."""
    return {"what": what, "how": how, "previous": None, "value": None, "keys": (), **members}


def change(seconds: float, *items: Json, by: str = "stack", **members: Any) -> Json:
    """A change as `attributed_changes` returns it, so many seconds after `MOMENT`."""
    stack = "shop" if by == "stack" else None
    event = {"id": "1", "operation": "token", "action": "UPDATE", "stack": stack, "logicalId": "Version"}
    return {
        "number": round(seconds * 1000),
        "time": MOMENT + seconds,
        "call": "UpdateModelPackage",
        "items": list(items),
        "by": by,
        "event": event if by in ("stack", "handler") else None,
        **members,
    }


def creation(*items: Json) -> Json:
    """The change that created a package."""
    approval = item("approval", "set", value="PendingManualApproval")
    status = item("status", "set", value="Completed")
    return change(0, status, approval, *items, call="CreateModelPackage")


def failed(**members: Any) -> Json:
    failure = {"status": "FAILED", "errorCode": "NotStabilized"}
    return event(**{**failure, "message": "validation profile smoke-test: no", **members})


def described(number: int = 1, **members: Any) -> Json:
    """A version as Describe returns it."""
    return {
        "ModelPackageArn": f"{ARN}/churn/{number}",
        "ModelPackageGroupName": "churn",
        "ModelPackageVersion": number,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "ModelApprovalStatus": "PendingManualApproval",
        "CreationTime": MOMENT,
        "CustomerMetadataProperties": {"owner": SECRET},
        "ModelCard": {"ModelCardContent": json.dumps({"overview": SECRET}), "ModelCardStatus": "Draft"},
        "InferenceSpecification": {
            "Containers": [{"Image": f"registry/churn:{number}", "Environment": {"KEY": SECRET}}],
            "SupportedContentTypes": ["text/csv", "application/json"],
        },
        "Tags": [],
        **members,
    }


def stack(name: str = "shop", **members: Any) -> Json:
    """A stack as `sandbox.page.stacks.StackReader` returns it."""
    return {
        "id": f"{STACK_ID}/{name}/11111111-2222",
        "name": name,
        "status": "CREATE_COMPLETE",
        "reason": "",
        "description": "",
        "created": MOMENT,
        "updated": None,
        "deleted": None,
        "parent": "",
        "outputs": [
            {"name": "Arn", "value": f"{ARN}/churn/1", "description": "of it", "export": "churn-arn"}
        ],
        "resources": [resource()],
        "reasons": [],
        **members,
    }


def resource(**members: Any) -> Json:
    """A resource of a stack."""
    return {
        "logicalId": "Version",
        "physicalId": f"{ARN}/churn/1",
        "type": "AWS::SageMaker::ModelPackage",
        "status": "CREATE_COMPLETE",
        "reason": "",
        "updated": MOMENT,
        **members,
    }


class StoredDetails:
    """Stacks and packages that tests change."""

    def __init__(self) -> None:
        self.known: Json = {"stacks": [stack()], "deleted": [], "problem": ""}
        self.described = [described()]
        self.changed = {f"{ARN}/churn/1": [creation()]}
        self.of_stacks = {stack()["id"]: [event()]}
        self.wanted: list[str] = []

    def stacks(self, wanted: str = "", *, wait: bool = True) -> Json:
        del wait
        self.wanted += [wanted] if wanted else []
        return copy.deepcopy(self.known)

    def packages(self) -> list[Json]:
        return copy.deepcopy(self.described)

    def changes(self, arn: str) -> tuple[list[Json], int]:
        return copy.deepcopy(self.changed.get(arn, [])), 0

    def events(self, _token: str) -> list[Json]:
        return []

    def stack_events(self, stack_id: str) -> list[Json]:
        return copy.deepcopy(self.of_stacks.get(stack_id, []))


class Source:
    """A state that tests change, and the threads that polled it."""

    def __init__(self) -> None:
        self.state: Json = {
            "groups": [{"name": "churn", "packages": [package()]}],
            "events": [event()],
            "olderEvents": 0,
        }
        self.problem: Exception | None = None
        self.polling_threads: list[str] = []

    def __call__(self) -> Json:
        self.polling_threads.append(threading.current_thread().name)
        if self.problem is not None:
            raise self.problem
        return copy.deepcopy(self.state)


@pytest.fixture
def source() -> Source:
    """One group with one version, and the event that created it."""
    return Source()


@pytest.fixture
def server(source: Source) -> Iterator[PageServer]:
    """The page of that state."""
    with PageServer(source) as server:
        yield server


@pytest.fixture
def details() -> StoredDetails:
    """One stack, and the version that it has created."""
    return StoredDetails()


@pytest.fixture
def detailed(source: Source, details: StoredDetails) -> Iterator[PageServer]:
    """The pages of that state, with those details."""
    with PageServer(source, details=details) as server:
        yield server


def state_of_text(text: str) -> Json:
    """A state with the text wherever there can be one."""
    states: Json = dict.fromkeys(("name", "status", "approval", "stage", "stageStatus"), text)
    names: Json = dict.fromkeys(("id", "function", "action", "stack", "logicalId", "operation"), text)
    return {
        "groups": [
            {"name": text, "packages": [package(**states)]},
            {"name": None, "packages": [package(**states)]},
        ],
        "events": [failed(**names, errorCode=text, message=text, calls=[call(text, error=text)])],
        "olderEvents": 0,
    }
