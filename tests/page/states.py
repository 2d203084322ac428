"""States for the page to show, without a sandbox; `tests/sandbox/test_page.py` has them from here, too."""

from __future__ import annotations

import copy
import threading
from typing import Any

Json = dict[str, Any]

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package"
MOMENT = 1_700_000_000.0  # 2023-11-14T22:13:20Z


def package(number: int = 1, **members: Any) -> Json:
    """A version as the feed has it."""
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
    """An event as the feed has it."""
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
        "calls": [{"operation": "CreateModelPackage", "error": None, "answered": True, "durationMs": 3.21}],
        **members,
    }


def failed(**members: Any) -> Json:
    """One that failed."""
    told = {"status": "FAILED", "errorCode": "NotStabilized", "message": "validation profile smoke-test: no"}
    return event(**{**told, **members})


class Source:
    """A state to show, which tests change, and who asked for it."""

    def __init__(self) -> None:
        self.state: Json = {
            "groups": [{"name": "churn", "packages": [package()]}],
            "events": [event()],
            "olderEvents": 0,
        }
        self.problem: Exception | None = None
        self.askers: list[str] = []

    def __call__(self) -> Json:
        self.askers.append(threading.current_thread().name)
        if self.problem is not None:
            raise self.problem
        return copy.deepcopy(self.state)


def nasty(text: str) -> Json:
    """A state with the text wherever there can be one."""
    words: Json = dict.fromkeys(("name", "status", "approval", "stage", "stageStatus"), text)
    noted = {"operation": text, "error": text, "answered": True, "durationMs": 1.0}
    names: Json = dict.fromkeys(("id", "function", "action", "stack", "logicalId", "operation"), text)
    return {
        "groups": [
            {"name": text, "packages": [package(**words)]},
            {"name": None, "packages": [package(**words)]},
        ],
        "events": [failed(**names, errorCode=text, message=text, calls=[noted])],
        "olderEvents": 0,
    }
