"""The deadline, the callback context, models that go out and come back, and how messages call a package."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from aws_sagemaker_modelpackage import errors
from aws_sagemaker_modelpackage.deadline import WRITES, Deadline
from packager import api_description

from .conftest import Clock, Invoker, lambda_context
from .events import (
    APPROVED,
    IN_GROUP,
    NO_TIME,
    STATE,
    TYPE,
    VERSION,
    VERSION_STATE,
    Model,
    changed,
    failed,
    in_progress,
    succeeded,
    version,
    version_model,
)
from .scripted_sagemaker import DENIED, Script, absent
from .tables import table

WORKING = version(ModelPackageStatus="InProgress")


def deep(levels: int) -> Any:
    """An object with so many levels."""
    value: Any = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


# --- the deadline -----------------------------------------------------------------------------------

CREATE, UPDATE, DESCRIBE, LIST = (
    ("call", operation)
    for operation in ("CreateModelPackage", "UpdateModelPackage", "DescribeModelPackage", "ListTags")
)
SENT, DONE, REFUSED, LOST, CUT_OFF = ("sent",), ("end", True), ("end", False), ("end", None), ("cut off",)


@pytest.fixture
def connected() -> Any:
    """A connected socket, and its other end."""
    pair = socket.socketpair()
    yield pair
    for each in pair:
        each.close()


@table(
    "steps, unanswered",
    {
        "a write that is not sent": ([UPDATE, LOST], ""),
        "one that is sent": ([UPDATE, SENT], "UpdateModelPackage"),
        "one that is lost": ([UPDATE, SENT, LOST], "UpdateModelPackage"),
        "lost, then not connected": ([UPDATE, SENT, LOST, LOST], "UpdateModelPackage"),
        "refused": ([UPDATE, SENT, REFUSED], ""),
        "refused, then not connected": ([UPDATE, SENT, REFUSED, LOST], ""),
        "lost, then refused": ([UPDATE, SENT, LOST, SENT, REFUSED], "UpdateModelPackage"),
        "done, which the handler does not know yet": ([CREATE, SENT, DONE], "CreateModelPackage"),
        "done, and the next call": ([CREATE, SENT, DONE, LIST], ""),
        "lost, then done": ([UPDATE, SENT, LOST, SENT, DONE, DESCRIBE], ""),
        "lost, then read": ([UPDATE, SENT, LOST, LIST, SENT, DONE], "UpdateModelPackage"),
        "lost, then described": ([UPDATE, SENT, LOST, DESCRIBE, SENT, DONE], ""),
        "lost, and not described": ([UPDATE, SENT, LOST, DESCRIBE, SENT, REFUSED], "UpdateModelPackage"),
        "another write": ([CREATE, SENT, LOST, UPDATE], ""),
        "cut off": ([UPDATE, SENT, CUT_OFF], "UpdateModelPackage"),
        "cut off before the answer": ([UPDATE, SENT, CUT_OFF, REFUSED], "UpdateModelPackage"),
        "cut off after the answer": ([UPDATE, SENT, REFUSED, CUT_OFF, LOST], ""),
        "only read": ([DESCRIBE, SENT, LOST], ""),
    },
)
def test_deadline_knows_which_write_is_open(steps: list[Any], unanswered: str) -> None:
    deadline = Deadline(28)
    for step, *value in steps:
        if step == "call":
            deadline.begin_call(value[0], 7)
        elif step == "sent":
            deadline.begin_request(5)
        elif step == "end":
            deadline.end_request(value[0])
        else:
            deadline.cut_off()
    assert deadline.unanswered == unanswered


def test_deadline_lets_nothing_out_without_time_or_when_it_is_closed(clock: Clock) -> None:
    late, closed, cut_off = Deadline(28), Deadline(28), Deadline(28)
    closed.close()
    cut_off.cut_off()
    clock.advance(25)
    for deadline in (late, closed, cut_off):
        with pytest.raises(errors.OutOfTime):
            deadline.begin_call("UpdateModelPackage", 5)
        with pytest.raises(errors.OutOfTime):
            deadline.begin_request(5)
        assert deadline.unanswered == ""
    assert late.allows(3)
    assert not closed.allows(3)


def test_deadline_that_is_cut_off_ends_the_request_under_way(connected: Any) -> None:
    sending, receiving = connected
    deadline = Deadline(28)
    deadline.begin_connection(sending)
    deadline.begin_request(5)
    deadline.close()
    sending.sendall(b"the rest")
    deadline.cut_off()
    with pytest.raises(BrokenPipeError):
        sending.sendall(b"more")
    assert receiving.recv(100) == b"the rest"
    assert receiving.recv(100) == b""
    assert sending.recv(100) == b""


def test_deadline_ends_the_last_connection_and_keeps_no_descriptor(connected: Any) -> None:
    deadline = Deadline(28)
    held: list[Any] = []
    for each in reversed(connected):
        deadline.begin_connection(each)
        held.append(deadline._connection)
        # One at a time.
        assert [socket_.fileno() >= 0 for socket_ in held] == [*[False] * (len(held) - 1), True]
    deadline.cut_off()
    assert [socket_.fileno() for socket_ in held] == [-1, -1]
    assert connected[1].recv(100) == b""


def test_deadline_that_is_cut_off_takes_no_connection(connected: Any) -> None:
    deadline = Deadline(28)
    deadline.cut_off()
    with pytest.raises(errors.OutOfTime):
        deadline.begin_connection(connected[0])
    assert deadline._connection is None


def test_writes_are_the_operations_that_change_something() -> None:
    operations = api_description.operations()["sagemaker"]
    assert {each for each in operations if not each.startswith(("Describe", "List"))} == WRITES


# --- the callback context ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "odd",
    [
        {"polls": "many", "failed_polls": -1, "since": True, "unseen_seconds": 1e300, "stage": 5},
        {"stage": [], "invented": 1, "unanswered": ["AddTags"]},
        {"stage": "of another version", "polls": None, "unanswered": "Tag"},
    ],
)
def test_context_drops_members_that_make_no_sense(invoke: Invoker, script: Script, odd: Model) -> None:
    script.describe(VERSION, WORKING)
    event = invoke("CREATE", IN_GROUP, context={"arn": VERSION, **odd})
    assert event == in_progress(VERSION_STATE, 1, arn=VERSION, polls=1)


@pytest.mark.parametrize("context", [{"stage": "waiting"}, {"arn": "churn/3", "stage": "waiting"}])
def test_context_without_an_arn_is_none(invoke: Invoker, script: Script, context: Model) -> None:
    script.describe_metadata(VERSION, absent(VERSION))
    assert invoke("DELETE", STATE, context=context)["errorCode"] == "NotFound"


@pytest.mark.parametrize("action", ["READ", "LIST"])
def test_context_of_an_action_without_polls_is_ignored(invoke: Invoker, action: str) -> None:
    context = {"arn": VERSION, "stage": "waiting"}
    event = invoke(action, STATE, context=context, lambda_context=lambda_context(0))
    assert event == failed("NetworkFailure", action, VERSION, NO_TIME)


# --- operations that an older version of the handlers began -----------------------------------------


def older(stage: str | None) -> Model:
    """A callback context of version 0.1.0."""
    context = {"arn": VERSION, "looks": 7, "failed_looks": 2, "since": 1_700_000_000, "unseen": 30}
    return context if stage is None else {**context, "stage": stage}


def finish(invoke: Invoker, action: str, desired: Model, previous: Model | None, stage: str | None) -> Model:
    """Continue an older version's operation on a package that is busy now; the event of the second poll."""
    event = invoke(action, desired, previous, older(stage))
    context = {"arn": VERSION, "since": 1_700_000_000, "polls": 1, **({"stage": stage} if stage else {})}
    assert event == {**in_progress(desired, 1), "callbackContext": context}
    return invoke(action, event["resourceModel"], previous, event["callbackContext"])


def test_create_that_an_older_version_began_ends(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, WORKING, version())
    assert finish(invoke, "CREATE", VERSION_STATE, None, None) == succeeded(version_model())


def test_create_that_an_older_version_began_is_cleaned_up(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, DENIED)
    event = invoke("CREATE", VERSION_STATE, context=older(None))
    assert event == failed("AccessDenied", "CREATE", VERSION, DENIED, VERSION_STATE)


@pytest.mark.parametrize("stage", ["waiting", "writing", "written"])
def test_update_that_an_older_version_began_ends(invoke: Invoker, script: Script, stage: str) -> None:
    """What is written already is not written again."""
    script.describe(VERSION, WORKING, version())
    if stage != "written":
        script.update(changed(**APPROVED))
        script.describe(VERSION, version())
    event = finish(invoke, "UPDATE", VERSION_STATE | APPROVED, VERSION_STATE, stage)
    assert event == succeeded(version_model())


@pytest.mark.parametrize("stage", ["waiting", "deleting"])
def test_delete_that_an_older_version_began_ends(invoke: Invoker, script: Script, stage: str) -> None:
    script.describe_metadata(VERSION, WORKING, absent(VERSION))
    assert finish(invoke, "DELETE", VERSION_STATE, None, stage) == succeeded()


# --- states that go out, and names in messages ------------------------------------------------------


@pytest.mark.parametrize("levels", [65, 500])
def test_echoed_model_leaves_out_what_is_too_deep(invoke: Invoker, script: Script, levels: int) -> None:
    script.describe(VERSION, WORKING)
    shallow = {**IN_GROUP, "CreationTime": deep(64)}
    event = invoke("CREATE", {**shallow, "CreatedBy": deep(levels)}, context={"arn": VERSION})
    assert event == in_progress({**shallow, **STATE}, 1, arn=VERSION, polls=1)


def test_deep_previous_state_does_no_harm(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, DENIED)
    event = invoke("UPDATE", STATE, {**STATE, "ModelCard": {"a": deep(500)}})
    assert event == failed("AccessDenied", "UPDATE", VERSION, DENIED)


@table(
    "desired, identifier",
    {
        "the ARN": ({"ModelPackageArn": VERSION, "ModelPackageGroupName": "g"}, VERSION),
        "the name": ({"ModelPackageName": "scorer"}, "scorer"),
        "the group": ({"ModelPackageGroupName": "churn"}, "churn"),
        "not what is no name": ({"ModelPackageArn": ["x"], "ModelPackageName": "scorer"}, "scorer"),
        "the logical id": ({}, "Model"),
    },
)
def test_identifier_is_what_is_known(invoke: Invoker, desired: Model, identifier: str) -> None:
    message = invoke("READ", desired, callerCredentials=None)["message"]
    assert message.startswith(f"READ {TYPE} {identifier}: ")
