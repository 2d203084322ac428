"""The callback context, the model that goes out and comes back, and how messages call a package."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Invoker, lambda_context
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


# --- the callback context ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "odd",
    [
        {"polls": "many", "failed_polls": -1, "since": True, "unseen_seconds": 1e300, "stage": 5},
        {"stage": [], "invented": 1},
        {"stage": "of another version", "polls": None},
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
