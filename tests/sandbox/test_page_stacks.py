"""The stacks that the page reads from CloudFormation, beside the requests for it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.local_aws import Sandbox
from sandbox.page import SandboxDetails
from sandbox.page import stacks as page_stacks
from sandbox.page.details import NO_ENGINE
from sandbox.page.stacks import StackReader
from tests.sandbox.helpers import until
from tests.sandbox.test_cloudformation import FakeStacks, thing
from tests.sandbox.test_nested_stacks import PARAMETER, parent

__all__ = ["parent"]  # a fixture

Json = dict[str, Any]

CREATED = datetime(2023, 11, 14, tzinfo=UTC)


class StubClient:
    """A client of CloudFormation with one stack, in the status that a test gives it."""

    def __init__(self) -> None:
        self.status = "CREATE_COMPLETE"
        self.operations: list[str] = []
        self.problem: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.is_closed = False

    def get_paginator(self, operation: str) -> StubClient:
        self.operations.append(operation)
        return self

    def paginate(self, **_: Any) -> list[Json]:
        self.gate.wait(5)
        if self.problem is not None:
            raise self.problem
        operation = self.operations[-1]
        stack = {"StackId": "id", "StackName": "shop", "StackStatus": self.status, "CreationTime": CREATED}
        pages: Json = {
            "describe_stacks": {"Stacks": [stack]},
            "list_stacks": {"StackSummaries": []},
            "list_stack_resources": {"StackResourceSummaries": []},
            "describe_stack_events": {"StackEvents": []},
        }
        return [pages[operation]]

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def client() -> StubClient:
    return StubClient()


@pytest.fixture
def reader(client: StubClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[StackReader]:
    """A reader that never rests."""
    monkeypatch.setattr(page_stacks, "REST_SECONDS", 0.0)
    monkeypatch.setattr(page_stacks, "REST_FACTOR", 0)
    monkeypatch.setattr(page_stacks, "MAX_AGE_SECONDS", -1.0)
    monkeypatch.setattr(page_stacks, "STOP_SECONDS", 0.1)
    with closing(StackReader(lambda: client)) as reader:  # type: ignore[arg-type,return-value] # a stub
        yield reader
    client.gate.set()


def test_reader_reads_again_only_what_has_changed(client: StubClient, reader: StackReader) -> None:
    assert [each["name"] for each in reader.stacks()["stacks"]] == ["shop"]
    first = ["describe_stacks", "list_stacks", "list_stack_resources", "describe_stack_events"]
    assert client.operations == first
    reader.stacks()
    assert client.operations == [*first, *first[:2]]
    client.status = "UPDATE_IN_PROGRESS"
    for _ in range(2):  # more may have happened in the same status
        client.operations.clear()
        assert reader.stacks()["stacks"][0]["status"] == "UPDATE_IN_PROGRESS"
        assert client.operations == first


def test_reader_does_not_wait_for_a_busy_engine(
    client: StubClient, reader: StackReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_stacks, "MAX_WAIT_SECONDS", 0.05)
    client.gate.clear()
    for wait in (True, False, True):
        answer = reader.stacks(wait=wait)
        assert (answer["stacks"], answer["problem"]) == ([], "CloudFormation has not answered yet.")
    assert client.operations == ["describe_stacks"]  # one reading at a time
    client.gate.set()
    until(lambda: reader.stacks(wait=False)["stacks"])


def test_reader_says_that_the_engine_takes_long(
    client: StubClient, reader: StackReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_stacks, "MAX_WAIT_SECONDS", 0.05)
    monkeypatch.setattr(page_stacks, "SLOW_SECONDS", 0.01)
    until(lambda: reader.stacks()["stacks"])
    client.gate.clear()
    answer = reader.stacks()
    assert (len(answer["stacks"]), answer["problem"][:33]) == (1, "CloudFormation takes long to answ")
    client.gate.set()
    until(lambda: reader.stacks()["problem"] == "")


def test_reader_keeps_what_it_has_when_the_engine_fails(client: StubClient, reader: StackReader) -> None:
    reader.stacks()
    client.problem = RuntimeError("gone")
    answer = reader.stacks()
    assert (len(answer["stacks"]), answer["problem"]) == (1, "CloudFormation did not answer: gone")
    client.problem = None
    assert reader.stacks()["problem"] == ""


def test_reader_does_not_rest_long_after_a_failure(
    client: StubClient, reader: StackReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_stacks, "REST_FACTOR", 1e9)
    client.problem = RuntimeError("gone")
    assert reader.stacks()["problem"]
    client.problem = None
    assert reader.stacks()["problem"] == ""


def test_reader_reads_only_when_asked_and_ends(client: StubClient, reader: StackReader) -> None:
    def threads() -> list[str]:
        return [each.name for each in threading.enumerate() if each.name == "page-stacks"]

    assert (client.operations, threads()) == ([], [])
    reader.stacks()
    assert threads() == []
    reader.close()
    count = len(client.operations)
    reader.stacks()
    assert (client.is_closed, len(client.operations)) == (True, count)


def test_details_of_a_sandbox_without_engine(sandbox_without_engine: SandboxDetails) -> None:
    assert sandbox_without_engine.stacks() == {"stacks": [], "deleted": [], "problem": NO_ENGINE}


@pytest.fixture
def sandbox_without_engine() -> SandboxDetails:
    return SandboxDetails(Sandbox(engine=False, functions=False))


@pytest.fixture
def stacks(fake_sandbox: Sandbox, awslambda: Any) -> Iterator[FakeStacks]:
    """Stacks in an engine whose fake type has nothing yet."""
    made = FakeStacks(fake_sandbox, awslambda)
    yield made
    made.close()


def test_details_have_a_stack_its_nested_one_a_failed_one_and_a_deleted_one(
    fake_sandbox: Sandbox,
    stacks: FakeStacks,
    parent: Callable[..., Json],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page_stacks, "MAX_WAIT_SECONDS", 10.0)  # for a busy machine
    secret = {"Type": "String", "NoEcho": True, "Default": "hunter-22"}
    nested_outputs = {"Again": {"Value": {"Fn::Sub": "s: ${Pw}"}}}
    nests = parent(
        json.dumps({"Parameters": {"Pw": secret}, "Resources": {"P": PARAMETER}, "Outputs": nested_outputs}),
        **thing(),
    )
    outputs = {
        "Status": {"Value": {"Fn::GetAtt": ["Thing", "Status"]}},
        "Inner": {"Value": {"Fn::GetAtt": ["N", "Outputs.Again"]}},
        "Stored": {"Value": {"Fn::FindInMap": ["Stores", "all", "db"]}},
    }
    # A secret without any parameter: what a value of another store is referred to by.
    mappings = {"Stores": {"all": {"db": "{{resolve:secretsmanager:db}}"}}}
    name = stacks.create({**nests, "Mappings": mappings, "Outputs": outputs})
    failed = stacks.roll_back(thing(Behave="break"))
    gone = stacks.make(thing())
    gone_id = stacks.describe(gone)["StackId"]
    assert stacks.delete(gone) == "DELETE_COMPLETE"

    with closing(SandboxDetails(fake_sandbox)) as details:
        known = details.stacks(gone_id)

    assert known["problem"] == ""
    by_name = {each["name"]: each for each in known["stacks"]}
    resources = {each["logicalId"]: each for each in by_name[name]["resources"]}
    assert {each["status"] for each in resources.values()} == {"CREATE_COMPLETE"}
    (nested,) = (each for each in known["stacks"] if each["parent"] == by_name[name]["id"])
    assert resources["N"]["physicalId"] == nested["id"]
    assert [each["type"] for each in nested["resources"]] == ["AWS::SSM::Parameter"]
    assert {each["name"]: each["value"] for each in by_name[name]["outputs"]} == {
        "Status": "Ready",
        "Inner": "(NoEcho)",  # of the nested stack, where the parameter is
        "Stored": "(NoEcho)",
    }
    assert [(each["value"], each["isHidden"]) for each in nested["outputs"]] == [("(NoEcho)", True)]
    assert [each["action"] for each in details.stack_events(gone_id)] == ["CREATE", "DELETE"]
    assert by_name[failed]["status"] == "ROLLBACK_COMPLETE"
    assert [(each["resource"], each["status"]) for each in by_name[failed]["reasons"]] == [
        ("Thing", "CREATE_FAILED")
    ]
    deleted = next(each for each in known["deleted"] if each["id"] == gone_id)
    assert [each["status"] for each in deleted["resources"]] == ["DELETE_COMPLETE"]
    assert gone not in by_name
    assert deleted["deleted"] >= deleted["created"]
