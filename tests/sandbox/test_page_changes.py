"""What made the recorded changes of a package, and the details that the pages read of a sandbox."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from sandbox.local_aws import Sandbox
from sandbox.page import SandboxDetails, details
from sandbox.page.changes import attributed_changes, sessions_of
from tests.sandbox.helpers import cases
from tests.sandbox.test_snapshot import STACK, create, invocation, sandbox, send

__all__ = ["sandbox"]  # a fixture

Json = dict[str, Any]


def recorded(operation: str = "UpdateModelPackage", **caller: Any) -> Json:
    """A change at 10.06 s, by a call in session `a` at 10.05 s."""
    given = {"operation": operation, "session": "a", "received": 10.05, **caller}
    return {"number": 1, "time": 10.06, "caller": given, "items": ["item"]}


@cases(
    "change, invocations, since, by, stack",
    {
        "a stack": (recorded(), [invocation()], 0, "stack", "shop"),
        "a handler event without a stack": (recorded(), [invocation(stackId=None)], 0, "handler", None),
        "a client without a session": (recorded(session=None), [invocation()], 50, "client", None),
        "a client with a session of its own": (recorded(session="b"), [invocation()], 0, "client", None),
        "a client with a handler's session, later": (
            recorded(received=11.0),
            [invocation()],
            0,
            "client",
            None,
        ),
        "a handler that went on after its timeout": (
            recorded(received=11.0),
            [invocation(status=None, errorCode="Sandbox.Timedout")],
            0,
            "stack",
            "shop",
        ),
        "a call without a server": (recorded(session=None, received=None), [], 50, "client", None),
        "a call before the invocations that are kept": (recorded(), [], 10.1, "unknown", None),
        "the service, described to a stack": (
            recorded("DescribeModelPackage"),
            [invocation()],
            0,
            "service",
            "shop",
        ),
        "the service, described to a client": (recorded("DescribeModelPackage"), [], 50, "service", None),
    },
)
def test_attributed_changes(
    change: Json, invocations: list[Json], since: float, by: str, stack: str | None
) -> None:
    (attributed,) = attributed_changes([change], invocations, since)
    event = attributed.pop("event")
    assert attributed == {
        "number": 1,
        "time": 10.06,
        "call": change["caller"]["operation"],
        "items": ["item"],
        "by": by,
    }
    assert (event and event["stack"]) == stack
    if event:
        expected = {"id": "1", "operation": "token", "action": "CREATE", "logicalId": "Version"}
        assert event == {**expected, "stack": stack}


def test_attributed_changes_take_the_invocation_that_began_last() -> None:
    other = invocation(id="2", started=10.04, stackId=STACK.replace("/shop/", "/till/"))
    (attributed,) = attributed_changes([recorded()], [other, invocation()], 0)
    assert attributed["event"]["stack"] == "till"


def test_sessions_of_has_each_session_once() -> None:
    changes = [recorded(), recorded(session="b"), recorded(session=None), recorded()]
    assert sessions_of(changes) == ["a", "b"]


def test_details_have_changes_of_handlers_and_clients(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(SandboxDetails(sandbox)) as known:
        assert known.changes("arn:of:nothing") == ([], 0)
        model = create(sandbox, "one session")
        arn = model["ModelPackageArn"]
        with closing(sandbox.client("sagemaker")) as client:
            client.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
        send(sandbox, "DELETE", "another session", model)
        assert not list(known.packages())

        changes, older = known.changes(arn)
        assert (changes[0]["call"], changes[0]["by"]) == ("CreateModelPackage", "handler")
        assert changes[0]["event"]["action"] == "CREATE"
        assert (changes[-1]["call"], changes[-1]["event"]["action"]) == ("DeleteModelPackage", "DELETE")
        assert [each["by"] for each in changes if each["call"] == "UpdateModelPackage"][-1] == "client"
        assert older == 0
        monkeypatch.setattr(details, "MAX_CHANGES", 1)
        assert known.changes(arn) == (changes[-1:], len(changes) - 1)
        sandbox.clear_invocations()
        assert known.changes(arn)[0][0]["by"] == "unknown"


def test_details_have_all_events_of_an_operation(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.page.snapshot.MAX_EVENTS", 0)
    event, answer = send(sandbox, "CREATE", "one session")
    assert answer["status"] == "SUCCESS"
    with closing(SandboxDetails(sandbox)) as known:
        (shown,) = known.events(event["request"]["clientRequestToken"])
        assert known.events(shown["id"]) == [shown]
        assert known.events("no & such") == []
    created, described = shown["calls"][:2]
    assert (created["operation"], described["operation"]) == ("CreateModelPackage", "DescribeModelPackage")
    assert shown["started"] <= created["received"] < described["received"]
