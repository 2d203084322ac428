"""What the feed makes of invocations and calls, and of a running sandbox with the real handlers in it."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

import pytest

from sandbox.local_aws import Sandbox
from sandbox.page.snapshot import handler_events, packages_by_group, snapshot
from sandbox.sagemaker import Behaviour
from sandbox.sagemaker.behaviour import Fault
from sandbox.shared.settings import ROOT

Json = dict[str, Any]

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/churn"
STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/shop/6f9619ff-8b86-d011-b42d-00c04fc964ff"


def invocation(**members: Any) -> Json:
    """One that took 100 ms, from 10 s on, in session `a`."""
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


def running(**members: Any) -> Json:
    """One that has not answered yet."""
    unknown = dict.fromkeys(("status", "errorCode", "message", "callbackDelaySeconds", "durationMs"))
    return invocation(running=True, **unknown, **members)


def call(operation: str = "DescribeModelPackage", **members: Any) -> Json:
    """One of session `a`, at 10.05 s."""
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


def called(events: list[Json]) -> dict[str, list[str]]:
    """The operations that each event made."""
    return {event["id"]: [each["operation"] for each in event["calls"]] for event in events}


# --- Events -----------------------------------------------------------------------------------------


def test_an_event_says_who_was_invoked_how_it_ended_and_what_it_called() -> None:
    (event,) = handler_events([invocation()], [call("CreateModelPackage", package=f"{ARN}/1")])

    assert event == {
        "id": "1",
        "function": "TypeFunction",
        "action": "CREATE",
        "callback": False,
        "stack": "shop",
        "logicalId": "Version",
        "operation": "token",
        "package": f"{ARN}/1",
        "started": 10.0,
        "running": False,
        "status": "SUCCESS",
        "errorCode": None,
        "message": None,
        "callbackDelaySeconds": 0,
        "durationMs": 100.0,
        "calls": [
            {"operation": "CreateModelPackage", "error": None, "answered": True, "durationMs": 1.5},
        ],
    }


def test_neither_sessions_nor_inputs_are_shown() -> None:
    events = handler_events([invocation(session="a session")], [call(session="a session")])

    assert len(events[0]["calls"]) == 1
    assert "a session" not in json.dumps(events)
    assert "confidential" not in json.dumps(events)


@pytest.mark.parametrize("stack", [None, "", "no ARN at all", 7])
def test_outside_of_a_stack_there_is_none(stack: Any) -> None:
    assert handler_events([invocation(stackId=stack)], [])[0]["stack"] is None


def test_what_did_not_answer_with_an_event_has_failed() -> None:
    broken = invocation(status=None, errorCode="LookupError", message="it broke")
    silent = invocation(status=None)

    first, second = handler_events([broken, silent], [])

    assert (first["status"], first["errorCode"], first["message"]) == ("FAILED", "LookupError", "it broke")
    assert (second["status"], second["errorCode"]) == ("FAILED", None)
    assert second["message"] == "The function did not answer with an event."


def test_what_still_runs_has_no_status_and_the_calls_it_has_made_so_far() -> None:
    waiting = call("CreateModelPackage", answered=False, durationMs=None, received=99.0)

    (event,) = handler_events([running()], [waiting])

    assert (event["running"], event["status"], event["message"]) == (True, None, None)
    assert event["calls"] == [
        {"operation": "CreateModelPackage", "error": None, "answered": False, "durationMs": None}
    ]


def test_what_ended_without_anybody_noting_when_keeps_its_calls() -> None:
    cut_off = invocation(status=None, durationMs=None)

    assert called(handler_events([cut_off], [call(received=10.5)])) == {"1": ["DescribeModelPackage"]}


def test_the_package_is_the_one_that_was_named_last_and_stays_when_a_call_names_none() -> None:
    calls = [
        call("DescribeModelPackage", package=f"{ARN}/1", received=10.01),
        call("CreateModelPackage", package=f"{ARN}/2", received=10.02),
        call("ListTags", package=None, received=10.03),
    ]

    assert handler_events([invocation()], calls)[0]["package"] == f"{ARN}/2"


def test_calls_keep_their_order_and_their_errors() -> None:
    calls = [call("A", received=10.01), call("B", error="AccessDenied", received=10.02), call("C")]

    events = handler_events([invocation()], calls)

    assert called(events) == {"1": ["A", "B", "C"]}
    assert [each["error"] for each in events[0]["calls"]] == [None, "AccessDenied", None]


# --- Whose call it was ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stranger",
    [
        pytest.param({"session": "b"}, id="another session"),
        pytest.param({"session": None}, id="no session"),
        pytest.param({"received": 9.999}, id="before it began"),
        pytest.param({"received": 10.11}, id="after it ended"),
    ],
)
def test_calls_of_nobody_are_in_no_event(stranger: Mapping[str, Any]) -> None:
    assert called(handler_events([invocation()], [call(**stranger)])) == {"1": []}


def test_a_call_without_a_session_belongs_to_no_invocation_without_one() -> None:
    assert called(handler_events([invocation(session=None)], [call(session=None)])) == {"1": []}


@pytest.mark.parametrize("received", [10.0, 10.1, 10.1015])
def test_both_ends_belong_to_it_and_what_rounding_takes_away(received: float) -> None:
    assert called(handler_events([invocation()], [call(received=received)])) == {
        "1": ["DescribeModelPackage"]
    }


def test_one_session_of_many_invocations_is_told_apart_by_time() -> None:
    """`cfn test` has one session for all that it does, and the next invocation comes within a millisecond."""
    first, second = invocation(), invocation(id="2", started=10.101)
    calls = [call("Last", received=10.0995), call("First", received=10.101), call("Own", received=10.15)]

    assert called(handler_events([first, second], calls)) == {"1": ["Last"], "2": ["First", "Own"]}


def test_of_overlapping_invocations_in_one_session_it_is_the_one_that_began_last() -> None:
    outer, inner = invocation(durationMs=1000.0), invocation(id="2", started=10.2)
    calls = [call("A", received=10.1), call("B", received=10.25), call("C", received=10.9)]

    # Invocations are noted by several threads, not always in the order of their time.
    for order in ([outer, inner], [inner, outer]):
        assert called(handler_events(order, calls)) == {"1": ["A", "C"], "2": ["B"]}


def test_overlapping_invocations_with_sessions_of_their_own_are_not_mixed() -> None:
    events = handler_events(
        [invocation(), invocation(id="2", session="b")],
        [call("A"), call("B", session="b"), call("C"), call("D", session="b")],
    )

    assert called(events) == {"1": ["A", "C"], "2": ["B", "D"]}


# --- Packages ---------------------------------------------------------------------------------------


def package(number: int, group: str | None = "churn", **members: Any) -> Json:
    """A package as the local SageMaker holds it, made at that second."""
    own = {"ModelPackageGroupName": group, "ModelPackageVersion": number} if group else {}
    return {
        "ModelPackageArn": f"{ARN}/{number}",
        "ModelPackageStatus": "Completed",
        "CreationTime": float(number),
        "ModelCard": {"ModelCardContent": "confidential"},
        **own,
        **members,
    }


def test_packages_are_by_group_and_newest_first_and_those_without_one_come_last() -> None:
    groups = ["arn:aws:sagemaker:us-east-1:123456789012:model-package-group/empty", f"{ARN}-group/churn"]
    packages = [
        package(1),
        package(7, None, ModelPackageName="scorer"),
        package(2),
        package(3, "away"),
        package(8, None),
    ]

    found = packages_by_group(groups, packages)

    assert [(group["name"], [each["created"] for each in group["packages"]]) for group in found] == [
        ("away", [3.0]),
        ("churn", [2.0, 1.0]),
        ("empty", []),
        (None, [8.0, 7.0]),
    ]


def test_versions_of_one_moment_are_by_number() -> None:
    (group,) = packages_by_group([], [package(number, CreationTime=5.0) for number in (9, 11, 10)])

    assert [each["version"] for each in group["packages"]] == [11, 10, 9]


def test_a_package_is_shown_with_its_states_and_nothing_else() -> None:
    approved = package(
        1,
        ModelApprovalStatus="Approved",
        ModelLifeCycle={"Stage": "Production", "StageStatus": "Approved", "StageDescription": "confidential"},
    )
    (group,) = packages_by_group([], [approved])

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


def test_there_may_be_nothing() -> None:
    assert packages_by_group([], []) == []
    assert handler_events([], [call()]) == []


# --- A running sandbox ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def started() -> Iterator[Sandbox]:
    """The handlers and SageMaker, without CloudFormation."""
    with Sandbox(engine=False, cloudcontrol=False) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(started: Sandbox) -> Sandbox:
    """The same with nothing in it but an empty group."""
    started.sagemaker.reset()
    started.sagemaker.behaviour = Behaviour()
    started.clear_invocations()
    with closing(started.client("sagemaker")) as client:
        client.create_model_package_group(ModelPackageGroupName="fraud-detection")
    return started


def invoke(sandbox: Sandbox, function: str, event: Json, **options: Any) -> Json:
    """Invoke a function and return its answer."""
    with closing(sandbox.client("lambda")) as client:
        response = client.invoke(FunctionName=function, Payload=json.dumps(event), **options)
        with closing(response["Payload"]) as payload:
            answer: Json = json.loads(payload.read() or b"{}")
            return answer


def entry_event(action: str, model: Json, session: str) -> Json:
    """An event of `TestEntrypoint`, as `cfn test` and SAM send it."""
    return {
        "action": action,
        "credentials": {"accessKeyId": "a", "secretAccessKey": "s", "sessionToken": session},
        "region": "us-east-1",
        "request": {
            "clientRequestToken": str(uuid.uuid4()),
            "desiredResourceState": model,
            "logicalResourceIdentifier": "FraudModel",
        },
        "callbackContext": None,
    }


def model() -> Json:
    """The model of the project's own test event."""
    event = json.loads((ROOT / "sam-tests" / "create.json").read_text(encoding="utf-8"))
    found: Json = event["request"]["desiredResourceState"]
    return found


def test_a_create_through_the_test_entry_point_has_its_calls_and_its_package(sandbox: Sandbox) -> None:
    event = entry_event("CREATE", model(), "one session")
    answer = invoke(sandbox, "TestEntrypoint", event)
    assert answer["status"] == "SUCCESS", answer

    state = snapshot(sandbox)

    (shown,) = state["events"]
    assert (shown["action"], shown["function"], shown["status"]) == ("CREATE", "TestEntrypoint", "SUCCESS")
    assert (shown["stack"], shown["logicalId"]) == (None, "FraudModel")
    assert shown["operation"] == event["request"]["clientRequestToken"]
    assert shown["package"] == answer["resourceModel"]["ModelPackageArn"]
    assert [each["operation"] for each in shown["calls"]][:2] == [
        "CreateModelPackage",
        "DescribeModelPackage",
    ]
    assert all(each["answered"] and each["durationMs"] >= 0 for each in shown["calls"])
    assert [(group["name"], len(group["packages"])) for group in state["groups"]] == [("fraud-detection", 1)]
    assert state["groups"][0]["packages"][0]["approval"] == "PendingManualApproval"
    assert state["olderEvents"] == 0


def test_one_session_after_another_call_by_call(sandbox: Sandbox) -> None:
    """All in one session, as fast as they go: the calls of each are its own."""
    created = invoke(sandbox, "TestEntrypoint", entry_event("CREATE", model(), "shared"))["resourceModel"]
    arn = {"ModelPackageArn": created["ModelPackageArn"]}
    for _ in range(5):
        assert invoke(sandbox, "TestEntrypoint", entry_event("READ", arn, "shared"))["status"] == "SUCCESS"

    reads = [event for event in snapshot(sandbox)["events"] if event["action"] == "READ"]

    expected = [each["operation"] for each in reads[0]["calls"]]
    assert expected[0] == "DescribeModelPackage"
    assert [[each["operation"] for each in event["calls"]] for event in reads] == [expected] * 5
    assert {event["package"] for event in reads} == {created["ModelPackageArn"]}


def test_what_runs_at_once_in_sessions_of_its_own_is_told_apart(sandbox: Sandbox) -> None:
    arns = [
        invoke(sandbox, "TestEntrypoint", entry_event("CREATE", model(), f"create {number}"))["resourceModel"]
        for number in range(4)
    ]
    sandbox.clear_invocations()
    threads = [
        threading.Thread(
            target=invoke,
            args=(
                sandbox,
                "TestEntrypoint",
                entry_event("READ", {"ModelPackageArn": each["ModelPackageArn"]}, f"read {number}"),
            ),
        )
        for number, each in enumerate(arns)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    events = snapshot(sandbox)["events"]

    assert {event["package"] for event in events} == {each["ModelPackageArn"] for each in arns}
    assert {tuple(each["operation"] for each in event["calls"]) for event in events} == {
        tuple(each["operation"] for each in events[0]["calls"])
    }


def test_a_failure_has_its_code_its_words_and_the_call_that_failed(sandbox: Sandbox) -> None:
    sandbox.sagemaker.behaviour.faults.append(
        Fault("AccessDeniedException", "not for you", operation="CreateModelPackage", times=None)
    )
    invoke(sandbox, "TestEntrypoint", entry_event("CREATE", model(), "refused"))

    (event,) = snapshot(sandbox)["events"]

    assert (event["status"], event["errorCode"]) == ("FAILED", "AccessDenied")
    assert "not for you" in event["message"]
    assert event["package"] is None
    assert [(each["operation"], each["error"]) for each in event["calls"]] == [
        ("CreateModelPackage", "AccessDeniedException")
    ]


def test_calls_of_somebodys_own_client_are_in_no_event(sandbox: Sandbox) -> None:
    invoke(sandbox, "TestEntrypoint", entry_event("CREATE", model(), "mine"))
    before = len(snapshot(sandbox)["events"][0]["calls"])
    with closing(sandbox.client("sagemaker")) as client:
        client.list_model_packages(ModelPackageGroupName="fraud-detection")

    assert sandbox.sagemaker.calls[-1]["operation"] == "ListModelPackages"
    assert len(snapshot(sandbox)["events"][0]["calls"]) == before


def test_only_the_newest_events_are_shown_and_the_others_counted(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.page.snapshot.MAX_EVENTS", 2)
    for number in range(3):
        event = entry_event("READ", {"ModelPackageArn": f"{ARN}/{number}"}, "x")
        invoke(sandbox, "TestEntrypoint", event)

    state = snapshot(sandbox)

    assert [event["package"] for event in state["events"]] == [f"{ARN}/1", f"{ARN}/2"]
    assert state["olderEvents"] == 1


def test_what_runs_is_seen_while_it_runs(fake_sandbox: Sandbox, awslambda: Any) -> None:
    awslambda.invoke(
        FunctionName="Echo", Payload=json.dumps({"sleep": 0.3, "action": "READ"}), InvocationType="Event"
    )["Payload"].close()

    (event,) = eventually(lambda: snapshot(fake_sandbox)["events"])
    assert (event["action"], event["running"], event["status"]) == ("READ", True, None)

    (event,) = eventually(lambda: [e for e in snapshot(fake_sandbox)["events"] if not e["running"]])
    assert (event["status"], event["message"]) == ("FAILED", "The function did not answer with an event.")
    assert event["durationMs"] >= 300


def test_parts_that_were_left_out_have_nothing_to_show() -> None:
    with Sandbox(functions=False, engine=False) as sandbox, closing(sandbox.client("sagemaker")) as client:
        sandbox.sagemaker.reset()
        client.create_model_package_group(ModelPackageGroupName="alone")
        group = {"name": "alone", "packages": []}
        assert snapshot(sandbox) == {"groups": [group], "events": [], "olderEvents": 0}
    # Stopped, it has no part at all.
    assert snapshot(sandbox) == {"groups": [], "events": [], "olderEvents": 0}


def eventually(look: Callable[[], list[Json]]) -> list[Json]:
    """Look until there is something; a test that waits for nothing is ended by its own assertion."""
    for _ in range(2000):
        found = look()
        if found:
            return found
    raise AssertionError("nothing came")
