"""The Cloud Control client, with the waiting done."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from sandbox.cloudcontrol.ledger import UNFINISHED
from sandbox.local_aws import Sandbox

TYPE = "AWS::SageMaker::ModelPackage"
POLL_SECONDS = 0.02
TIMEOUT_SECONDS = 30.0

Json = dict[str, Any]


def is_over(event: Json) -> bool:
    return event["OperationStatus"] not in UNFINISHED


class CloudControl:
    """The Cloud Control client of one type."""

    def __init__(self, sandbox: Sandbox, type_name: str = TYPE, **options: Any) -> None:
        self.client = sandbox.client("cloudcontrol", **options)
        self.type_name = type_name

    def close(self) -> None:
        self.client.close()

    def begin_create(self, **properties: Any) -> Json:
        return self.begin("create", DesiredState=json.dumps(properties))

    def begin_update(self, identifier: str, *operations: Json, **more: Any) -> Json:
        return self.begin("update", Identifier=identifier, PatchDocument=json.dumps(operations), **more)

    def begin_delete(self, identifier: str, **more: Any) -> Json:
        return self.begin("delete", Identifier=identifier, **more)

    def create(self, **properties: Any) -> Json:
        return self.wait(self.begin_create(**properties))

    def update(self, identifier: str, *operations: Json, **more: Any) -> Json:
        return self.wait(self.begin_update(identifier, *operations, **more))

    def delete(self, identifier: str, **more: Any) -> Json:
        return self.wait(self.begin_delete(identifier, **more))

    def create_package(self, **properties: Any) -> str:
        """Create a resource, which must succeed, and return its identifier."""
        event = self.create(**properties)
        assert event["OperationStatus"] == "SUCCESS", event
        return str(event["Identifier"])

    def read(self, identifier: str) -> Json:
        answer = self.client.get_resource(TypeName=self.type_name, Identifier=identifier)
        description = answer["ResourceDescription"]
        assert (answer["TypeName"], description["Identifier"]) == (self.type_name, identifier)
        return dict(json.loads(description["Properties"]))

    def wait(self, event: Json, until: Callable[[Json], bool] = is_over) -> Json:
        """Poll until a request has ended, or what else is given, and return its last event."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not until(event):
            assert time.monotonic() < deadline, event
            time.sleep(POLL_SECONDS)
            answer = self.client.get_resource_request_status(RequestToken=event["RequestToken"])
            event = answer["ProgressEvent"]
        return event

    def begin(self, action: str, **members: Any) -> Json:
        """Send a request and return its first event."""
        call = getattr(self.client, f"{action}_resource")
        return dict(call(TypeName=self.type_name, **members)["ProgressEvent"])


def add(path: str, value: Any) -> Json:
    return {"op": "add", "path": path, "value": value}


def replace(path: str, value: Any) -> Json:
    return {"op": "replace", "path": path, "value": value}


def remove(path: str) -> Json:
    return {"op": "remove", "path": path}
