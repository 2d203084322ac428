"""Provider logs and metrics as CloudFormation switches them on, against the CloudWatch of this machine."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from sandbox.local_aws import Sandbox
from sandbox.shared.credentials import caller_credentials
from sandbox.shared.settings import REGION
from tests.sandbox.helpers import invoke
from tests.stack.stacks import GROUP

LOG_GROUP = "acme-sagemaker-modelpackage-logs"
STACK = f"arn:aws:cloudformation:{REGION}:123456789012:stack/fraud/1c8d6f10-5a2f-11ef-9d8b-0a58a9feac02"
NAMESPACE = "AWS/CloudFormation/AWS/SageMaker/ModelPackage"


def send(sandbox: Sandbox, action: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Send an event of a type that was registered with a LoggingConfig."""
    credentials = caller_credentials()
    event = {
        "action": action,
        "awsAccountId": "123456789012",
        "bearerToken": f"a-{action}",
        "region": REGION,
        "resourceType": "AWS::SageMaker::ModelPackage",
        "resourceTypeVersion": "00000001",
        "stackId": STACK,
        "requestData": {
            "resourceProperties": properties,
            "logicalResourceId": "Version",
            "callerCredentials": credentials,
            "providerCredentials": credentials,
            "providerLogGroupName": LOG_GROUP,
        },
    }
    with closing(sandbox.client("lambda")) as client:
        answer: dict[str, Any] = invoke(client, "TypeFunction", event)[1]
    return answer


def test_provider_logs_and_metrics_arrive(sandbox: Sandbox) -> None:
    sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
    created = send(sandbox, "CREATE", {"ModelPackageGroupName": GROUP})
    assert created["status"] == "SUCCESS", created
    arn = created["resourceModel"]["ModelPackageArn"]
    missing = send(sandbox, "READ", {"ModelPackageArn": f"{arn}0"})
    assert missing["errorCode"] == "NotFound", missing

    logs = sandbox.client("logs")
    (stream,) = logs.describe_log_streams(logGroupName=LOG_GROUP)["logStreams"]
    assert stream["logStreamName"] == f"{STACK.replace(':', '__')}/Version"
    events = logs.get_log_events(
        logGroupName=LOG_GROUP, logStreamName=stream["logStreamName"], startFromHead=True
    )["events"]
    messages = [event["message"] for event in events]
    assert f"CREATE {arn}: SUCCESS" in messages
    assert f"READ {arn}0 failed: NotFound" in messages
    assert messages.index(f"CREATE {arn}: SUCCESS") < messages.index(f"READ {arn}0 failed: NotFound")

    metrics = sandbox.client("cloudwatch").list_metrics(Namespace=NAMESPACE)["Metrics"]
    counted = {
        (metric["MetricName"], dimension["Value"])
        for metric in metrics
        for dimension in metric["Dimensions"]
        if dimension["Name"] == "DimensionKeyActionType"
    }
    assert counted == {
        ("HandlerInvocationCount", "CREATE"),
        ("HandlerInvocationCount", "READ"),
        ("HandlerInvocationDuration", "CREATE"),
        ("HandlerInvocationDuration", "READ"),
        ("HandlerException", "READ"),
    }


def test_provider_log_group_is_created(sandbox: Sandbox) -> None:
    assert sandbox.client("logs").describe_log_groups()["logGroups"] == []
    sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
    assert send(sandbox, "CREATE", {"ModelPackageGroupName": GROUP})["status"] == "SUCCESS"
    (group,) = sandbox.client("logs").describe_log_groups()["logGroups"]
    assert group["logGroupName"] == LOG_GROUP
