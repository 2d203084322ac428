"""What handlers of registered types get and may answer, with functions that answer as they are told."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.cloudformation.provider import Place, ProviderFailure, Resource, Update
from sandbox.cloudformation.registered_type import MIN_PAUSE_SECONDS, RegisteredType
from sandbox.shared.credentials import Credentials
from tests.sandbox.registry.packages import Json, schema

PLACE = Place("stack", "id", "A", {"Team": "x"}, "123456789012", "us-east-1")
TEXT: Json = {"type": "string"}
NESTED: Json = {
    "properties": {
        "Name": TEXT,
        "Info": {"type": "object", "properties": {"Id": TEXT, "Note": TEXT}},
        "Items": {"type": "array", "items": {"type": "object", "properties": {"Seen": TEXT}}},
    },
    "readOnlyProperties": ["/properties/Info/Id", "/properties/Items/*/Seen"],
    "createOnlyProperties": None,
    "primaryIdentifier": ["/properties/Info/Id"],
}


class Functions:
    """Answers events in turn, the last answer again and again, and keeps the events."""

    version_id = "00000001"

    def __init__(self, *answers: Json) -> None:
        self.credentials = Credentials.new()
        self.events: list[Json] = []
        self._answers = list(answers)

    def logging(self) -> Json:
        return {}

    def invoke(self, event: Json) -> Json:
        self.events.append(event)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def models(self) -> list[tuple[Any, Any]]:
        """Desired and previous properties of each event."""
        data = [event["requestData"] for event in self.events]
        return [(each["resourceProperties"], each["previousResourceProperties"]) for each in data]


def registered(*answers: Json, **members: Any) -> tuple[RegisteredType, Functions]:
    functions: Any = Functions(*answers)
    return RegisteredType(schema(**members), functions, time_scale=0.0), functions


def test_handlers_get_nested_identifiers() -> None:
    live = {"Name": "a", "Info": {"Id": "1", "Note": "x"}}
    made, functions = registered({"status": "SUCCESS", "resourceModel": live}, **NESTED)
    resource = made.create(PLACE, {"Name": "a", "Info": {"Note": "x"}}, lambda _: None)
    assert resource == Resource("1", {"Info.Id": "1"})
    functions.events.clear()
    previous, desired = {"Name": "a", "Info": {"Note": "x"}}, {"Name": "b"}
    made.update(Update(PLACE, PLACE, resource, previous, desired))
    made.delete(PLACE, resource, {"Name": "b", "Items": [{}]})
    made.delete(PLACE, resource, {"Name": "b", "Info": "no object"})
    assert functions.models() == [
        ({"Name": "b", "Info": {"Id": "1"}}, live),
        ({"Name": "b", "Info": {"Id": "1"}, "Items": [{}]}, None),
        ({"Name": "b", "Info": "no object"}, None),
    ]
    assert (previous, desired) == ({"Name": "a", "Info": {"Note": "x"}}, {"Name": "b"})


@pytest.mark.parametrize("delay", [-5, -0.5, 0, None])
def test_pauses_count_whatever_delay_is_asked_for(monkeypatch: pytest.MonkeyPatch, delay: Any) -> None:
    answer = {"status": "IN_PROGRESS", "callbackDelaySeconds": delay}
    made, functions = registered(answer, **NESTED)
    monkeypatch.setattr(made, "timeout_seconds", lambda _: 10 * MIN_PAUSE_SECONDS)
    pauses: list[float] = []
    monkeypatch.setattr("sandbox.cloudformation.registered_type.time.sleep", pauses.append)
    monkeypatch.setattr("sandbox.cloudformation.registered_type.time.monotonic", lambda: 0.0)
    with pytest.raises(ProviderFailure, match="Resource timed out waiting for completion of CREATE"):
        made.create(PLACE, {"Name": "a"}, lambda _: None)
    assert set(pauses) == {MIN_PAUSE_SECONDS}
    assert 9 <= len(functions.events) <= 11
