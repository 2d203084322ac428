"""The package in use: unzipped into an empty folder, under Lambda's runtime client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from benchmarks.measure import LOGGED, event
from packager.build import Package
from sandbox.contract.runner import package_sandbox
from sandbox.lambda_.function import DEFAULT_MEMORY_MB
from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Behaviour
from sandbox.shared.settings import ACCOUNT, REGION
from tests.sandbox.helpers import answer_of
from tests.stack.stacks import GROUP, sam_event, version

from .conftest import ACME

ABSENT = {"ModelPackageArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/none"}
# The largest model card that the API takes.
CARD = json.dumps({"model_overview": {"model_description": "x" * 90_000}})


@pytest.fixture(scope="module")
def started(package: Package, handlers: Path) -> Iterator[Sandbox]:
    """The package behind the Invoke API."""
    with package_sandbox(package.project, handlers) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Sandbox:
    """The same, empty but for a group."""
    with closing(sandbox.client("sagemaker")) as client:
        client.create_model_package_group(ModelPackageGroupName=GROUP)
    return sandbox


def send(sandbox: Sandbox, action: str, desired: Any, previous: Any = None, **more: Any) -> dict[str, Any]:
    """The answer to CloudFormation's event."""
    request = event(action, ACME.name) | more
    request["requestData"] |= {"resourceProperties": desired, "previousResourceProperties": previous}
    return answer_of(sandbox, "TypeFunction", request)


def test_package_answers_all_actions_in_lambdas_least_memory(sandbox: Sandbox) -> None:
    desired = version(ModelCard={"ModelCardStatus": "Draft", "ModelCardContent": CARD})
    created = send(sandbox, "CREATE", desired)
    assert created["status"] == "SUCCESS", created
    model = created["resourceModel"]
    assert model["ModelPackageStatus"] == "Completed"
    identifier = {"ModelPackageArn": model["ModelPackageArn"]}

    assert send(sandbox, "READ", identifier)["resourceModel"] == model
    approved = send(
        sandbox,
        "UPDATE",
        {**desired, **identifier, "ModelApprovalStatus": "Approved"},
        {**desired, **identifier},
    )
    assert approved["resourceModel"]["ModelApprovalStatus"] == "Approved", approved
    assert send(sandbox, "LIST", {})["resourceModels"] == [identifier]
    assert send(sandbox, "DELETE", identifier)["status"] == "SUCCESS"
    gone = send(sandbox, "READ", identifier)
    assert gone["errorCode"] == "NotFound"
    assert gone["message"].startswith(f"READ {ACME.name} {model['ModelPackageArn']}: ")

    peaks = [each["peakKb"] for each in sandbox.invocations()]
    assert len(peaks) == 6
    assert max(peaks) < DEFAULT_MEMORY_MB * 1024


def test_package_answers_at_the_test_entry_point(sandbox: Sandbox) -> None:
    request = sam_event("CREATE", {"ModelPackageGroupName": GROUP})
    answer = answer_of(sandbox, "TestEntrypoint", request)
    assert answer["status"] == "SUCCESS", answer


def test_package_continues_from_the_callback_context(sandbox: Sandbox) -> None:
    sandbox.sagemaker.behaviour = Behaviour(describes_until_completed=2)
    validated = {
        "ModelPackageGroupName": GROUP,
        "ValidationSpecification": {
            "ValidationRole": "arn:aws:iam::123456789012:role/validation",
            "ValidationProfiles": [],
        },
    }
    first = send(sandbox, "CREATE", validated)
    assert first["status"] == "IN_PROGRESS", first
    states = [first]
    while states[-1]["status"] == "IN_PROGRESS":
        last = states[-1]
        states.append(send(sandbox, "CREATE", last["resourceModel"], callbackContext=last["callbackContext"]))
    assert states[-1]["status"] == "SUCCESS", states[-1]
    assert len(sandbox.sagemaker.packages) == 1


@pytest.mark.parametrize(
    ("action", "desired", "code"),
    [
        ("CREATE", {"ModelPackageGroupName": GROUP, "x\ud800": 1}, "InvalidRequest"),
        ("CREATE", {"ModelPackageName": "x\ud800"}, "InvalidRequest"),
        ("READ", {"ModelPackageArn": "arn:\ud800"}, "InvalidRequest"),
        ("CREATE", {"ModelPackageGroupName": GROUP, "CreatedBy": {"UserProfileName": "\ud800"}}, None),
    ],
    ids=["an unknown property", "a name", "an identifier", "an ignored value"],
)
@pytest.mark.parametrize("sends_logs", [False, True], ids=["", "with logs"])
def test_package_answers_half_a_character(
    sandbox: Sandbox, action: str, desired: dict[str, Any], code: str | None, sends_logs: bool
) -> None:
    request = event(LOGGED if sends_logs else action, ACME.name) | {"action": action}
    request["requestData"] |= {"resourceProperties": desired, "previousResourceProperties": None}
    answer = answer_of(sandbox, "TypeFunction", request)
    assert answer.get("errorCode") == code, answer


def test_package_sends_logs_and_metrics(sandbox: Sandbox) -> None:
    answer = send(sandbox, LOGGED, ABSENT)
    assert answer["errorCode"] == "NotFound", answer
    logs = sandbox.client("logs")
    (stream,) = logs.describe_log_streams(logGroupName="logs")["logStreams"]
    events = logs.get_log_events(logGroupName="logs", logStreamName=stream["logStreamName"])["events"]
    # The handlers' own record, at the level that Lambda sets; no traceback of an expected answer.
    (record,) = [each["message"] for each in events]
    assert record.endswith("failed: NotFound")
    metrics = sandbox.client("cloudwatch").list_metrics(Namespace=f"AWS/CloudFormation/{ACME.in_namespace}")
    dimensions = [pair["Value"] for each in metrics["Metrics"] for pair in each["Dimensions"]]
    assert "<class 'cloudformation_cli_python_lib.exceptions.NotFound'>" in dimensions
