"""Provider logs and metrics as CloudFormation switches them on, against the CloudWatch of this machine."""

from __future__ import annotations

from benchmarks.measure import LOGGED
from benchmarks.measure import event as logged_event
from sandbox.local_aws import Sandbox
from sandbox.shared.settings import REGION
from tests.sandbox.helpers import answer_of
from tests.stack.stacks import GROUP, TYPE, Json

LOG_GROUP = "acme-sagemaker-modelpackage-logs"
STACK = f"arn:aws:cloudformation:{REGION}:123456789012:stack/fraud/1c8d6f10-5a2f-11ef-9d8b-0a58a9feac02"
NAMESPACE = "AWS/CloudFormation/AWS/SageMaker/ModelPackage"


def send(sandbox: Sandbox, action: str, properties: Json) -> Json:
    """Send an event of a type that was registered with a LoggingConfig."""
    event = logged_event(LOGGED, TYPE) | {"action": action, "stackId": STACK}
    event["requestData"] |= {"resourceProperties": properties, "providerLogGroupName": LOG_GROUP}
    return answer_of(sandbox, "TypeFunction", event)


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
