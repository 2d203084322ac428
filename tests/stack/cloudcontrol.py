"""The Cloud Control client, with the waiting done."""

from __future__ import annotations

import json
import time
from typing import Any

from sandbox.local_aws import Sandbox

TYPE = "AWS::SageMaker::ModelPackage"
POLL_SECONDS = 0.02
TIMEOUT_SECONDS = 30.0
UNFINISHED = ("PENDING", "IN_PROGRESS")

Json = dict[str, Any]


class CloudControl:
    """The Cloud Control client for model packages."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.client = sandbox.client("cloudcontrol")

    def close(self) -> None:
        self.client.close()

    def create(self, **properties: Any) -> Json:
        """Create a package and return the last event."""
        return self.wait(self.client.create_resource(TypeName=TYPE, DesiredState=json.dumps(properties)))

    def create_package(self, **properties: Any) -> str:
        """Create a package, which must succeed, and return its identifier."""
        event = self.create(**properties)
        assert event["OperationStatus"] == "SUCCESS", event
        identifier: str = event["Identifier"]
        return identifier

    def read(self, identifier: str) -> Json:
        description = self.client.get_resource(TypeName=TYPE, Identifier=identifier)["ResourceDescription"]
        assert description["Identifier"] == identifier
        properties: Json = json.loads(description["Properties"])
        return properties

    def update(self, identifier: str, *operations: Json) -> Json:
        document = json.dumps(operations)
        return self.wait(
            self.client.update_resource(TypeName=TYPE, Identifier=identifier, PatchDocument=document)
        )

    def delete(self, identifier: str) -> Json:
        return self.wait(self.client.delete_resource(TypeName=TYPE, Identifier=identifier))

    def wait(self, answer: Json) -> Json:
        """Poll until a request has ended and return its last event."""
        event: Json = answer["ProgressEvent"]
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while event["OperationStatus"] in UNFINISHED:
            assert time.monotonic() < deadline, event
            time.sleep(POLL_SECONDS)
            event = self.client.get_resource_request_status(RequestToken=event["RequestToken"])[
                "ProgressEvent"
            ]
        return event


def add(path: str, value: Any) -> Json:
    return {"op": "add", "path": path, "value": value}


def replace(path: str, value: Any) -> Json:
    return {"op": "replace", "path": path, "value": value}


def remove(path: str) -> Json:
    return {"op": "remove", "path": path}
