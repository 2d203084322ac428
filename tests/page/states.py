"""States for the page, without a sandbox; tests/sandbox/test_page_*.py use them, too."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.page import PageServer

Json = dict[str, Any]

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package"
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


def failed(**members: Any) -> Json:
    failure = {"status": "FAILED", "errorCode": "NotStabilized"}
    return event(**{**failure, "message": "validation profile smoke-test: no", **members})


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
