"""The package at work: unzipped in an empty folder, under Lambda's runtime client, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from packager.build import Package
from sandbox.contract.runner import package_sandbox
from sandbox.lambda_.function import DEFAULT_MEMORY_MB
from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Behaviour
from sandbox.shared.settings import CREDENTIALS, REGION

from .conftest import ACME

GROUP = "fraud-detection"
IMAGE = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/fraud:1"
# The largest model card that the API takes.
CARD = json.dumps({"model_overview": {"model_description": "x" * 90_000}})


@pytest.fixture(scope="module")
def running(package: Package, handlers: Path) -> Iterator[Sandbox]:
    """The package behind the Invoke API."""
    with package_sandbox(package.project, handlers) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """The same with nothing in it but a group."""
    running.sagemaker.reset()
    running.sagemaker.behaviour = Behaviour()
    running.clear_invocations()
    running.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
    return running


def invoke(sandbox: Sandbox, function: str, event: dict[str, Any]) -> dict[str, Any]:
    """What a function answers; a function error fails the test."""
    client = sandbox.client("lambda")
    answer = client.invoke(FunctionName=function, Payload=json.dumps(event))
    with answer["Payload"] as body:
        said: dict[str, Any] = json.loads(body.read())
    client.close()
    assert "FunctionError" not in answer, said
    return said


def credentials() -> dict[str, str]:
    """The sandbox's, as events carry them."""
    return dict(zip(("accessKeyId", "secretAccessKey", "sessionToken"), CREDENTIALS.values(), strict=True))


def production(
    sandbox: Sandbox, action: str, desired: Any, previous: Any = None, **more: Any
) -> dict[str, Any]:
    """Send CloudFormation's event."""
    event = {
        "action": action,
        "awsAccountId": "123456789012",
        "bearerToken": f"token-{action}",
        "region": REGION,
        "resourceType": ACME.name,
        "resourceTypeVersion": "00000001",
        "stackId": f"arn:aws:cloudformation:{REGION}:123456789012:stack/fraud/1",
        "requestData": {
            "resourceProperties": desired,
            "previousResourceProperties": previous,
            "logicalResourceId": "Version",
            "callerCredentials": credentials(),
        },
        **more,
    }
    return invoke(sandbox, "TypeFunction", event)


def test_all_five_actions_answer_in_the_memory_that_lambda_gives_at_the_least(sandbox: Sandbox) -> None:
    desired = {
        "ModelPackageGroupName": GROUP,
        "InferenceSpecification": {
            "Containers": [{"Image": IMAGE}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        "ModelCard": {"ModelCardStatus": "Draft", "ModelCardContent": CARD},
    }
    created = production(sandbox, "CREATE", desired)
    assert created["status"] == "SUCCESS", created
    model = created["resourceModel"]
    assert model["ModelPackageStatus"] == "Completed"
    identifier = {"ModelPackageArn": model["ModelPackageArn"]}

    assert production(sandbox, "READ", identifier)["resourceModel"] == model
    approved = production(
        sandbox,
        "UPDATE",
        {**desired, **identifier, "ModelApprovalStatus": "Approved"},
        {**desired, **identifier},
    )
    assert approved["resourceModel"]["ModelApprovalStatus"] == "Approved", approved
    assert production(sandbox, "LIST", {})["resourceModels"] == [identifier]
    assert production(sandbox, "DELETE", identifier)["status"] == "SUCCESS"
    gone = production(sandbox, "READ", identifier)
    assert gone["errorCode"] == "NotFound"
    # The type's new name is in what people read.
    assert gone["message"].startswith(f"READ {ACME.name} {model['ModelPackageArn']}: ")

    peaks = [each["peakKb"] for each in sandbox.invocations()]
    assert len(peaks) == 6
    assert max(peaks) < DEFAULT_MEMORY_MB * 1024


def test_the_test_entry_point_answers_too(sandbox: Sandbox) -> None:
    event = {
        "credentials": credentials(),
        "action": "CREATE",
        "region": REGION,
        "request": {
            "clientRequestToken": "by-hand",
            "desiredResourceState": {"ModelPackageGroupName": GROUP},
            "logicalResourceIdentifier": "Version",
        },
        "callbackContext": None,
    }
    answer = invoke(sandbox, "TestEntrypoint", event)
    assert answer["status"] == "SUCCESS", answer


def test_a_callback_goes_on_where_the_last_one_stopped(sandbox: Sandbox) -> None:
    sandbox.sagemaker.behaviour = Behaviour(describes_until_completed=2)
    validated = {
        "ModelPackageGroupName": GROUP,
        "ValidationSpecification": {
            "ValidationRole": "arn:aws:iam::123456789012:role/validation",
            "ValidationProfiles": [],
        },
    }
    first = production(sandbox, "CREATE", validated)
    assert first["status"] == "IN_PROGRESS", first
    states = [first]
    while states[-1]["status"] == "IN_PROGRESS":
        last = states[-1]
        states.append(
            production(sandbox, "CREATE", last["resourceModel"], callbackContext=last["callbackContext"])
        )
    assert states[-1]["status"] == "SUCCESS", states[-1]
    assert len(sandbox.sagemaker.packages) == 1


def test_logs_and_metrics_are_sent_from_the_package(sandbox: Sandbox) -> None:
    data = {
        "resourceProperties": {
            "ModelPackageArn": "arn:aws:sagemaker:us-east-1:123456789012:model-package/none"
        },
        "logicalResourceId": "Version",
        "callerCredentials": credentials(),
        "providerCredentials": credentials(),
        "providerLogGroupName": "acme-logs",
    }
    answer = production(sandbox, "READ", None, requestData=data)
    assert answer["errorCode"] == "NotFound", answer
    (stream,) = sandbox.client("logs").describe_log_streams(logGroupName="acme-logs")["logStreams"]
    said = sandbox.client("logs").get_log_events(
        logGroupName="acme-logs", logStreamName=stream["logStreamName"]
    )["events"]
    assert any("Handler error" in each["message"] for each in said)
    # What the handlers themselves tell, at the level that Lambda sets.
    assert any(each["message"].endswith("failed: NotFound") for each in said)
    namespace = f"AWS/CloudFormation/{ACME.name.replace('::', '/')}"
    assert sandbox.client("cloudwatch").list_metrics(Namespace=namespace)["Metrics"]
