"""`snapshot`: invocations with their calls, packages by group, and a sandbox with the real handlers."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import pytest

from sandbox.local_aws import Sandbox
from sandbox.page.snapshot import handler_events, packages_by_group, snapshot
from sandbox.sagemaker.behaviour import Fault
from tests.sandbox.helpers import answer_of, invoke, until
from tests.stack.stacks import sam_event

Json = dict[str, Any]

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/churn"
STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/shop/6f9619ff-8b86-d011-b42d-00c04fc964ff"


def invocation(**members: Any) -> Json:
    """An invocation of 100 ms, from 10 s on, in session `a`."""
    return {
        "id": "1",
        "function": "TypeFunction",
        "action": "CREATE",
        "callback": False,
        "stackId": STACK,
        "logicalId": "Version",
        "operation": "token",
        "session": "a",
        "started": 10.0,
        "running": False,
        "status": "SUCCESS",
        "errorCode": None,
        "message": None,
        "callbackDelaySeconds": 0,
        "durationMs": 100.0,
        **members,
    }


def call(operation: str = "DescribeModelPackage", **members: Any) -> Json:
    """A call in session `a`, at 10.05 s."""
    return {
        "operation": operation,
        "input": {"ModelCard": "confidential"},
        "error": None,
        "answered": True,
        "session": "a",
        "received": 10.05,
        "package": None,
        "durationMs": 1.5,
        **members,
    }


def operations(events: list[Json]) -> dict[str, list[str]]:
    """The operations that each event called."""
    return {event["id"]: [each["operation"] for each in event["calls"]] for event in events}


def test_event_has_its_invocation_and_calls_without_session_and_input() -> None:
    (event,) = handler_events([invocation()], [call("CreateModelPackage", package=f"{ARN}/1")])
    copied = {name: value for name, value in invocation().items() if name not in ("stackId", "session")}
    assert event == {
        **copied,
        "stack": "shop",
        "package": f"{ARN}/1",
        "calls": [
            {
                "operation": "CreateModelPackage",
                "received": 10.05,
                "error": None,
                "answered": True,
                "durationMs": 1.5,
            },
        ],
    }


@pytest.mark.parametrize("stack", [None, "", "no ARN at all", 7])
def test_event_outside_of_a_stack(stack: Any) -> None:
    assert handler_events([invocation(stackId=stack)], [])[0]["stack"] is None


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        ({"errorCode": "LookupError", "message": "it broke"}, "LookupError", "it broke"),
        ({}, None, "The function did not answer with an event."),
    ],
)
def test_event_without_an_answer_has_failed(members: Json, code: str | None, message: str) -> None:
    (event,) = handler_events([invocation(status=None, **members)], [])
    assert (event["status"], event["errorCode"], event["message"]) == ("FAILED", code, message)


def test_event_that_runs_has_its_calls_and_no_status() -> None:
    unknown = dict.fromkeys(("status", "errorCode", "message", "callbackDelaySeconds", "durationMs"))
    open_call = call("CreateModelPackage", answered=False, durationMs=None, received=99.0)
    (event,) = handler_events([invocation(running=True, **unknown)], [open_call])
    assert (event["running"], event["status"], event["message"]) == (True, None, None)
    (shown,) = event["calls"]
    assert (shown["received"], shown["answered"], shown["durationMs"]) == (99.0, False, None)


def test_event_without_a_duration_keeps_its_calls() -> None:
    cut_off = invocation(status=None, durationMs=None)
    assert operations(handler_events([cut_off], [call(received=10.5)])) == {"1": ["DescribeModelPackage"]}


def test_event_package_is_the_last_one_named() -> None:
    calls = [
        call("DescribeModelPackage", package=f"{ARN}/1", received=10.01),
        call("CreateModelPackage", package=f"{ARN}/2", received=10.02),
        call("ListTags", package=None, received=10.03),
    ]
    assert handler_events([invocation()], calls)[0]["package"] == f"{ARN}/2"


def test_event_calls_keep_order_and_errors() -> None:
    calls = [call("A", received=10.01), call("B", error="AccessDenied", received=10.02), call("C")]
    (event,) = handler_events([invocation()], calls)
    shown = [(each["operation"], each["error"]) for each in event["calls"]]
    assert shown == [("A", None), ("B", "AccessDenied"), ("C", None)]


@pytest.mark.parametrize(
    ("session", "members", "belongs"),
    [
        pytest.param("a", {"session": "b"}, False, id="another session"),
        pytest.param("a", {"session": None}, False, id="no session"),
        pytest.param(None, {"session": None}, False, id="neither has a session"),
        pytest.param("a", {"received": 9.999}, False, id="before the start"),
        pytest.param("a", {"received": 10.0}, True, id="at the start"),
        pytest.param("a", {"received": 10.1}, True, id="at the end"),
        pytest.param("a", {"received": 10.1015}, True, id="within what rounding takes away"),
        pytest.param("a", {"received": 10.11}, False, id="after the end"),
    ],
)
def test_call_belongs_by_session_and_time(
    session: str | None, members: Mapping[str, Any], belongs: bool
) -> None:
    events = handler_events([invocation(session=session)], [call(**members)])
    assert operations(events) == {"1": ["DescribeModelPackage"] if belongs else []}


@pytest.mark.parametrize(
    ("invocations", "calls", "expected"),
    [
        # `cfn test` has one session for everything, and its next invocation comes within a millisecond.
        pytest.param(
            [invocation(), invocation(id="2", started=10.101)],
            [call("Last", received=10.0995), call("First", received=10.101), call("Own", received=10.15)],
            {"1": ["Last"], "2": ["First", "Own"]},
            id="one session",
        ),
        pytest.param(
            [invocation(durationMs=1000.0), invocation(id="2", started=10.2)],
            [call("A", received=10.1), call("B", received=10.25), call("C", received=10.9)],
            {"1": ["A", "C"], "2": ["B"]},
            id="an invocation during another",
        ),
        pytest.param(
            [invocation(), invocation(id="2", session="b")],
            [call("A"), call("B", session="b"), call("C"), call("D", session="b")],
            {"1": ["A", "C"], "2": ["B", "D"]},
            id="two sessions",
        ),
    ],
)
def test_calls_are_separated(
    invocations: list[Json], calls: list[Json], expected: dict[str, list[str]]
) -> None:
    # Invocations are listed by several threads, not always in the order of their time.
    for order in (invocations, invocations[::-1]):
        assert operations(handler_events(order, calls)) == expected


def package(number: int, group: str | None = "churn", **members: Any) -> Json:
    """A package as the local SageMaker holds it, created at that second."""
    version = {"ModelPackageGroupName": group, "ModelPackageVersion": number} if group else {}
    return {
        "ModelPackageArn": f"{ARN}/{number}",
        "ModelPackageStatus": "Completed",
        "CreationTime": float(number),
        "ModelCard": {"ModelCardContent": "confidential"},
        **version,
        **members,
    }


def test_packages_are_grouped_newest_first() -> None:
    arns = ["arn:aws:sagemaker:us-east-1:123456789012:model-package-group/empty", f"{ARN}-group/churn"]
    packages = [
        package(1),
        package(7, None, ModelPackageName="scorer"),
        package(2),
        package(3, "away"),
        package(8, None),
    ]
    groups = packages_by_group(arns, packages)
    assert [(group["name"], [each["created"] for each in group["packages"]]) for group in groups] == [
        ("away", [3.0]),
        ("churn", [2.0, 1.0]),
        ("empty", []),
        (None, [8.0, 7.0]),
    ]


def test_packages_of_one_moment_are_sorted_by_version() -> None:
    (group,) = packages_by_group([], [package(number, CreationTime=5.0) for number in (9, 11, 10)])
    assert [each["version"] for each in group["packages"]] == [11, 10, 9]


def test_package_has_its_states_and_nothing_else() -> None:
    stage = {"Stage": "Production", "StageStatus": "Approved", "StageDescription": "confidential"}
    (group,) = packages_by_group([], [package(1, ModelApprovalStatus="Approved", ModelLifeCycle=stage)])
    assert group["packages"] == [
        {
            "arn": f"{ARN}/1",
            "name": None,
            "version": 1,
            "status": "Completed",
            "approval": "Approved",
            "stage": "Production",
            "stageStatus": "Approved",
            "created": 1.0,
        }
    ]


def test_snapshot_functions_accept_nothing() -> None:
    assert packages_by_group([], []) == []
    assert handler_events([], [call()]) == []


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Sandbox:
    """The sandbox with an empty group."""
    with closing(sandbox.client("sagemaker")) as client:
        client.create_model_package_group(ModelPackageGroupName="fraud-detection")
    return sandbox


def send(sandbox: Sandbox, action: str, session: str, model: Json | None = None) -> tuple[Json, Json]:
    """Send the project's own event of an action, and return it and the answer."""
    event = sam_event(action, model)
    event["credentials"]["sessionToken"] = session
    event["request"]["clientRequestToken"] = str(uuid.uuid4())
    return event, answer_of(sandbox, "TestEntrypoint", event)


def create(sandbox: Sandbox, session: str) -> Json:
    """Create a package and return its identifier's model."""
    _, answer = send(sandbox, "CREATE", session)
    return {"ModelPackageArn": answer["resourceModel"]["ModelPackageArn"]}


def test_snapshot_of_a_create(sandbox: Sandbox) -> None:
    event, answer = send(sandbox, "CREATE", "one session")
    assert answer["status"] == "SUCCESS", answer
    state = snapshot(sandbox)
    (shown,) = state["events"]
    assert (shown["action"], shown["function"], shown["status"]) == ("CREATE", "TestEntrypoint", "SUCCESS")
    assert (shown["stack"], shown["logicalId"]) == (None, "FraudModel")
    assert shown["operation"] == event["request"]["clientRequestToken"]
    assert shown["package"] == answer["resourceModel"]["ModelPackageArn"]
    assert operations([shown])[shown["id"]][:2] == ["CreateModelPackage", "DescribeModelPackage"]
    assert all(each["answered"] and each["durationMs"] >= 0 for each in shown["calls"])
    assert [(group["name"], len(group["packages"])) for group in state["groups"]] == [("fraud-detection", 1)]
    assert state["groups"][0]["packages"][0]["approval"] == "PendingManualApproval"
    assert state["olderEvents"] == 0


def test_snapshot_separates_quick_calls_of_one_session(sandbox: Sandbox) -> None:
    model = create(sandbox, "shared")
    for _ in range(5):
        assert send(sandbox, "READ", "shared", model)[1]["status"] == "SUCCESS"
    reads = [event for event in snapshot(sandbox)["events"] if event["action"] == "READ"]
    first, *others = operations(reads).values()
    assert first[0] == "DescribeModelPackage"
    assert others == [first] * 4
    assert {event["package"] for event in reads} == {model["ModelPackageArn"]}


def test_snapshot_separates_simultaneous_sessions(sandbox: Sandbox) -> None:
    models = [create(sandbox, f"create {number}") for number in range(4)]
    sandbox.clear_invocations()
    threads = [
        threading.Thread(target=send, args=(sandbox, "READ", f"read {number}", model))
        for number, model in enumerate(models)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = snapshot(sandbox)["events"]
    assert {event["package"] for event in events} == {model["ModelPackageArn"] for model in models}
    assert len(set(map(tuple, operations(events).values()))) == 1


def test_snapshot_of_a_failure(sandbox: Sandbox) -> None:
    sandbox.sagemaker.behaviour.faults.append(
        Fault("AccessDeniedException", "not for you", operation="CreateModelPackage", times=None)
    )
    send(sandbox, "CREATE", "refused")
    (event,) = snapshot(sandbox)["events"]
    assert (event["status"], event["errorCode"], event["package"]) == ("FAILED", "AccessDenied", None)
    assert "not for you" in event["message"]
    (failed,) = event["calls"]
    assert (failed["operation"], failed["error"]) == ("CreateModelPackage", "AccessDeniedException")


def test_snapshot_leaves_out_calls_of_other_clients(sandbox: Sandbox) -> None:
    create(sandbox, "mine")
    count = len(snapshot(sandbox)["events"][0]["calls"])
    with closing(sandbox.client("sagemaker")) as client:
        client.list_model_packages(ModelPackageGroupName="fraud-detection")
    assert sandbox.sagemaker.calls[-1]["operation"] == "ListModelPackages"
    assert len(snapshot(sandbox)["events"][0]["calls"]) == count


def test_snapshot_counts_older_events(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.page.snapshot.MAX_EVENTS", 2)
    for number in range(3):
        send(sandbox, "READ", "x", {"ModelPackageArn": f"{ARN}/{number}"})
    state = snapshot(sandbox)
    assert [event["package"] for event in state["events"]] == [f"{ARN}/1", f"{ARN}/2"]
    assert state["olderEvents"] == 1


def test_snapshot_of_a_running_function(fake_sandbox: Sandbox, awslambda: Any) -> None:
    event = {"sleep": 0.3, "action": "READ"}
    invoke(awslambda, "Echo", event, InvocationType="Event")
    (event,) = until(lambda: snapshot(fake_sandbox)["events"])
    assert (event["action"], event["running"], event["status"]) == ("READ", True, None)
    (event,) = until(lambda: [each for each in snapshot(fake_sandbox)["events"] if not each["running"]])
    assert (event["status"], event["message"]) == ("FAILED", "The function did not answer with an event.")
    assert event["durationMs"] >= 300


def test_snapshot_without_some_parts() -> None:
    with Sandbox(functions=False, engine=False) as sandbox, closing(sandbox.client("sagemaker")) as client:
        sandbox.sagemaker.reset()
        client.create_model_package_group(ModelPackageGroupName="alone")
        group = {"name": "alone", "packages": []}
        assert snapshot(sandbox) == {"groups": [group], "events": [], "olderEvents": 0}
    # Stopped, it has no part at all.
    assert snapshot(sandbox) == {"groups": [], "events": [], "olderEvents": 0}
