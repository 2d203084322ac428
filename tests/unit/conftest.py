"""The fixtures of the unit tests: a scripted SageMaker, simulated time, and the two entry points."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from aws_sagemaker_modelpackage import client, deadline, handlers, request
from packager import project

from .events import BEGIN, EPOCH, LOGICAL_ID, REQUEST, STACK_ID, TYPE
from .network import Network, install
from .scripted_sagemaker import Handler, Script, Server

CREDENTIALS = {"accessKeyId": "AKIDEXAMPLE", "secretAccessKey": "not a secret", "sessionToken": "session"}


class Clock:
    """Simulated seconds; pauses between attempts pass at once and are noted."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return EPOCH + self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def advance(self, seconds: float) -> None:
        self.now += seconds


def lambda_context(seconds: float) -> Any:
    """The context of an invocation that has so many seconds left."""
    return SimpleNamespace(get_remaining_time_in_millis=lambda: seconds * 1000)


class Invoker:
    """Calls the entry points as CloudFormation does and holds the handlers to their permissions."""

    def __init__(self, script: Script, schema: Mapping[str, Any]) -> None:
        self._script = script
        self._handlers = schema["handlers"]
        self.beyond_permissions: list[str] = []

    def __call__(
        self,
        action: str,
        desired: Any = None,
        previous: Any = None,
        context: Any = None,
        *,
        lambda_context: Any = None,
        **request: Any,
    ) -> dict[str, Any]:
        """Send the production event; members of the event and of its requestData replace the defaults."""
        data = {
            "resourceProperties": desired,
            "previousResourceProperties": previous,
            "logicalResourceId": LOGICAL_ID,
            "callerCredentials": CREDENTIALS,
            "systemTags": {"aws:cloudformation:stack-name": "shop"},
            "stackTags": {},
            "previousStackTags": {},
            "providerLogGroupName": None,
            "providerCredentials": None,
        }
        event = {
            "action": action,
            "awsAccountId": "111122223333",
            "bearerToken": REQUEST,
            "region": "eu-west-1",
            "resourceType": TYPE,
            "resourceTypeVersion": "00000001",
            "stackId": STACK_ID,
            "callbackContext": context,
            "nextToken": None,
        }
        for name, value in request.items():
            (data if name in data else event)[name] = value
        return self.send({**event, "requestData": data}, lambda_context)

    def test(
        self,
        action: str,
        desired: Any = None,
        context: Any = None,
        *,
        region: Any = "eu-west-1",
        **request: Any,
    ) -> dict[str, Any]:
        """Send the event of TestEntrypoint; members of its request replace the defaults."""
        event = {
            "action": action,
            "credentials": CREDENTIALS,
            "region": region,
            "callbackContext": context,
            "request": {
                "clientRequestToken": REQUEST,
                "desiredResourceState": desired,
                "logicalResourceIdentifier": LOGICAL_ID,
                **request,
            },
        }
        return self.send_test(event)

    def send(self, event: Any, lambda_context: Any = None) -> dict[str, Any]:
        """Send any event to the production entry point."""
        return self._call(handlers.resource, event, lambda_context)

    def send_test(self, event: Any) -> dict[str, Any]:
        """Send any event to TestEntrypoint."""
        return self._call(handlers.test_entrypoint, event, None)

    def _call(self, entry_point: Any, event: Any, lambda_context: Any) -> dict[str, Any]:
        calls_so_far = len(self._script.calls)
        answer: dict[str, Any] = entry_point(json.loads(json.dumps(event)), lambda_context)
        action = event.get("action", "") if isinstance(event, Mapping) else ""
        allowed = self._handlers.get(str(action).lower(), {"permissions": []})["permissions"]
        self.beyond_permissions += [
            f"{action} may not call {operation}"
            for operation in self._script.operations()[calls_so_far:]
            if f"sagemaker:{operation}" not in allowed
        ]
        # As Lambda's runtime client does it.
        return json.loads(json.dumps(answer, ensure_ascii=False).encode())  # type: ignore[no-any-return] # JSON is untyped


@pytest.fixture(scope="session")
def schema() -> dict[str, Any]:
    """The resource type's schema."""
    return project.schema()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server for all tests; starting one for each would cost more than the tests do."""
    with Server(Handler) as started:
        yield started


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what a developer's shell or machine holds away from clients; the same for all tests."""
    absent = tmp_path_factory.getbasetemp() / "absent"
    for name in [name for name in os.environ if client._READ.match(name) and name != "HOME"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(absent))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(absent))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Simulated time for deadlines and for botocore's pauses: no test sleeps."""
    simulated = Clock()
    for module in (deadline, request):
        monkeypatch.setattr(
            module, "time", SimpleNamespace(monotonic=simulated.monotonic, time=simulated.time)
        )
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=simulated.sleep))
    return simulated


@pytest.fixture
def script(server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    """The test's script of SageMaker; fails the test unless exactly the expected calls came."""
    server.script = Script(url=server.endpoint, pass_time=clock.advance)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", server.endpoint)
    yield server.script
    server.script.over.set()
    server.script.verify()


@pytest.fixture
def invoke(script: Script, schema: dict[str, Any]) -> Iterator[Invoker]:
    """The entry points; fails the test when a handler calls what its permissions do not cover."""
    invoker = Invoker(script, schema)
    yield invoker
    assert not invoker.beyond_permissions


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    """The network of a test, which every look-up of its host goes through."""
    installed = install(monkeypatch)
    yield installed
    installed.released.set()
