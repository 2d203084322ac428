"""Answers of the functions that are lost on their way: events are sent again, and double nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from sandbox.cloudformation.functions import Functions
from sandbox.cloudformation.provider import Place, Update
from sandbox.cloudformation.registered_type import RegisteredType
from sandbox.local_aws import Sandbox
from sandbox.shared.http import JsonHandler, LocalServer
from sandbox.shared.http_request import Answer, request
from sandbox.shared.settings import ACCOUNT, REGION, SCHEMA
from tests.stack.stacks import GROUP, unversioned, version

PLACE = Place(
    "lost", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/lost/1", "Package", {}, ACCOUNT, REGION
)


class Losing(JsonHandler):
    """Passes events on to the functions, and loses the first answer to each action."""

    functions: str
    waits = True
    """Whether a connection is lost after the handler has answered, or while it is still at work."""
    received: ClassVar[list[str]]
    running: ClassVar[list[threading.Thread]]

    def post(self) -> None:
        action = json.loads(self.body())["action"]
        self.received.append(action)
        if self.received.count(action) > 1:
            self.answer(200, self.forward().body)
            return
        thread = threading.Thread(target=self.forward)
        thread.start()
        self.running.append(thread)
        if self.waits:
            thread.join()
        self.close_connection = True

    def forward(self) -> Answer:
        return request(self.functions + self.path, "POST", self.body(), dict(self.headers.items()))


@pytest.fixture(params=[True, False], ids=["after the handler", "while it works"])
def losing(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[tuple[type[Losing], RegisteredType]]:
    """The type behind functions that lose answers, and what has been received there."""
    sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)

    class LosingOnce(Losing):
        functions = sandbox.endpoints["functions"]
        waits = request.param
        received: ClassVar = []
        running: ClassVar = []

    with LocalServer(LosingOnce) as server:
        functions = Functions(server.endpoint, "TypeFunction", sandbox.credentials, lambda _: None)
        yield LosingOnce, RegisteredType(json.loads(SCHEMA.read_text()), functions, time_scale=0.0)
    for thread in LosingOnce.running:
        thread.join()


@pytest.mark.parametrize(
    "properties", [version(), unversioned(ModelPackageName="lost")], ids=["version", "named"]
)
def test_event_whose_answer_was_lost_is_sent_again_and_doubles_nothing(
    sandbox: Sandbox, losing: tuple[type[Losing], RegisteredType], properties: dict[str, Any]
) -> None:
    handler, registered = losing
    resource = registered.create(PLACE, properties, lambda _: None)
    assert [each["ModelPackageArn"] for each in sandbox.sagemaker.packages] == [resource.physical_id]

    desired = {**properties, "CustomerMetadataProperties": {"team": "risk"}}
    if "ModelPackageName" in properties:
        desired = {**properties, "Tags": [{"Key": "team", "Value": "risk"}]}
    updated = registered.update(Update(PLACE, PLACE, resource, properties, desired))
    assert updated.physical_id == resource.physical_id
    (package,) = sandbox.sagemaker.packages
    assert package.get("CustomerMetadataProperties") == desired.get("CustomerMetadataProperties")
    assert package["Tags"] == desired.get("Tags", [])

    registered.delete(PLACE, updated, desired)
    assert sandbox.sagemaker.packages == []
    for action in ("CREATE", "UPDATE", "DELETE"):
        assert handler.received.count(action) > 1
