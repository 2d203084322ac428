"""Models of versions, endpoint configurations and endpoints in stacks."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.commands import watch
from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Fault
from tests.sandbox.helpers import cases
from tests.stack.stacks import (
    GROUP,
    IMAGE,
    TIMEOUT_SECONDS,
    DeployedStacks,
    Json,
    new_name,
    parameters,
    tags,
    version,
    writes,
)

ROLE = "arn:aws:iam::123456789012:role/serving"
OTHER_IMAGE = f"{IMAGE}.1"
PREFIX = "arn:aws:sagemaker:us-east-1:123456789012:"


def model(package: Any, **properties: Any) -> Json:
    container = {"ModelPackageName": package}
    return resource("Model", ExecutionRoleArn=ROLE, PrimaryContainer=container, **properties)


def resource(kind: str, **properties: Any) -> Json:
    return {"Type": f"AWS::SageMaker::{kind}", "Properties": properties}


def get(logical_id: str, attribute: str) -> Json:
    return {"Fn::GetAtt": [logical_id, attribute]}


def body(image: str = IMAGE, *, approval: str = "Approved", **variant: Any) -> Json:
    """Return a template of a version, and of all that it takes to serve it."""
    specification = {"Containers": [{"Image": image}], "SupportedContentTypes": ["text/csv"]}
    package = version(ModelApprovalStatus=approval, InferenceSpecification=specification)
    variants = [
        {
            "VariantName": "all",
            "ModelName": get("Model", "ModelName"),
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
            **variant,
        }
    ]
    return {
        "Resources": {
            "Package": {"Type": "AWS::SageMaker::ModelPackage", "Properties": package},
            "Model": model({"Ref": "Package"}, EnableNetworkIsolation=True),
            "Config": resource("EndpointConfig", ProductionVariants=variants),
            "Endpoint": resource(
                "Endpoint",
                EndpointConfigName=get("Config", "EndpointConfigName"),
                Tags=tags(team="risk"),
            ),
        },
        "Outputs": {
            f"{logical_id}{kind}": {"Value": value}
            for logical_id, name in (
                ("Model", "ModelName"),
                ("Config", "EndpointConfigName"),
                ("Endpoint", "EndpointName"),
            )
            for kind, value in (("Ref", {"Ref": logical_id}), ("Name", get(logical_id, name)))
        },
    }


def with_last(template: Json, **properties: Any) -> Json:
    """Return the template with a model that is made when everything else has been."""
    last = {**resource("Model", **properties), "DependsOn": "Endpoint"}
    return {**template, "Resources": {**template["Resources"], "Last": last}}


def reason(stacks: DeployedStacks, name: str, logical_id: str) -> str:
    """Return why a resource failed last."""
    events = stacks.client.describe_stack_events(StackName=name)["StackEvents"]
    return next(
        event["ResourceStatusReason"]
        for event in events
        if event["LogicalResourceId"] == logical_id and event["ResourceStatus"].endswith("_FAILED")
    )


def failure(stacks: DeployedStacks, template: Json, logical_id: str) -> str:
    """Create a stack, which must be rolled back, and return why a resource of it failed."""
    name = new_name()
    stacks.client.create_stack(StackName=name, TemplateBody=json.dumps(template))
    assert stacks.wait(name) == "ROLLBACK_COMPLETE"
    return reason(stacks, name, logical_id)


def test_stack_of_an_endpoint_lives_and_goes(stacks: DeployedStacks, sandbox: Sandbox) -> None:
    sandbox.sagemaker.behaviour.describes_until_in_service = 3
    name = stacks.create(body(), Tags=tags(cost="1"))
    first = stacks.outputs(name)
    for kind, logical_id in (("model", "Model"), ("endpoint-config", "Config"), ("endpoint", "Endpoint")):
        assert first[f"{logical_id}Ref"] == f"{PREFIX}{kind}/{first[f'{logical_id}Name']}"
        assert first[f"{logical_id}Name"].startswith(f"{logical_id}-")
    assert stacks.tags(first["EndpointRef"]) == {"cost": "1", "team": "risk"}
    assert stacks.tags(first["ModelRef"]) == {"cost": "1"}
    live = stacks.sagemaker.describe_model(ModelName=first["ModelName"])
    assert (live["PrimaryContainer"], live["EnableNetworkIsolation"]) == (
        {"ModelPackageName": stacks.arn(name)},
        True,
    )
    drift = stacks.drift(name)
    assert {each["StackResourceDriftStatus"] for each in drift.values()} == {"IN_SYNC"}
    assert drift.keys() >= {"Model", "Config", "Endpoint"}

    change = stacks.change_set(name, body(OTHER_IMAGE), Tags=tags(cost="1"))
    replaced = {
        each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"]["Replacement"]
        for each in change["Changes"]
    }
    assert replaced == {"Package": "True", "Model": "True", "Config": "True", "Endpoint": "False"}
    sandbox.sagemaker.clear_calls()
    assert stacks.execute(change) == "UPDATE_COMPLETE"
    # What is replaced goes after what uses it has been moved.
    assert [operation for operation, _ in writes(sandbox)] == [
        *("CreateModelPackage", "CreateModel", "CreateEndpointConfig", "UpdateEndpoint"),
        *("DeleteEndpointConfig", "DeleteModel", "DeleteModelPackage"),
    ]
    second = stacks.outputs(name)
    assert second["EndpointRef"] == first["EndpointRef"]
    endpoint = stacks.sagemaker.describe_endpoint(EndpointName=first["EndpointName"])
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", second["ConfigName"])

    # A later failure brings the endpoint back before what it was moved to goes.
    bad = with_last(body(), PrimaryContainer={"Imag": IMAGE})
    assert stacks.update(name, bad, Tags=tags(cost="1")) == "UPDATE_ROLLBACK_COMPLETE"
    message = "Properties validation failed for resource Last with message: "
    assert reason(stacks, name, "Last") == (
        f"{message}[#/PrimaryContainer: extraneous key [Imag] is not permitted]"
    )
    assert stacks.outputs(name) == second
    endpoint = stacks.sagemaker.describe_endpoint(EndpointName=first["EndpointName"])
    assert endpoint["EndpointConfigName"] == second["ConfigName"]
    assert len(stacks.sagemaker.list_models()["Models"]) == 1

    # A change outside the stack is drift, and one of the stack's tags alone reaches all that have tags.
    stacks.sagemaker.create_endpoint_config(
        EndpointConfigName="outside",
        ProductionVariants=[
            {"VariantName": "all", "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}
        ],
    )
    stacks.sagemaker.update_endpoint(EndpointName=first["EndpointName"], EndpointConfigName="outside")
    stacks.sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=first["EndpointName"], WaiterConfig={"Delay": 0}
    )
    assert stacks.differences(name, "Endpoint") == [
        ("/EndpointConfigName", second["ConfigName"], "outside", "NOT_EQUAL")
    ]
    sandbox.sagemaker.clear_calls()
    assert stacks.update(name, body(OTHER_IMAGE), Tags=tags(cost="2")) == "UPDATE_COMPLETE"
    assert writes(sandbox) == [
        ("AddTags", {"ResourceArn": second[f"{each}Ref"], "Tags": tags(cost="2")})
        for each in ("Model", "Config", "Endpoint")
    ]

    # One that is gone already does not hold up the others.
    stacks.sagemaker.delete_model(ModelName=second["ModelName"])
    sandbox.sagemaker.clear_calls()
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert [operation for operation, _ in writes(sandbox)] == [
        *("DeleteEndpoint", "DeleteEndpointConfig", "DeleteModel", "DeleteModelPackage"),
    ]
    assert stacks.sagemaker.list_endpoints()["Endpoints"] == []


def test_endpoint_that_does_not_come_up_rolls_the_stack_back(
    stacks: DeployedStacks, sandbox: Sandbox
) -> None:
    sandbox.sagemaker.behaviour.endpoint_failures[IMAGE] = "no ping"
    assert "is not in service with the desired configuration: no ping" in failure(stacks, body(), "Endpoint")
    # The failed endpoint is gone as well.
    assert stacks.sagemaker.list_endpoints()["Endpoints"] == []
    assert stacks.packages() == []


def test_model_of_a_version_as_in_the_field(stacks: DeployedStacks) -> None:
    containers = [{"ModelPackageName": {"Ref": "Version"}}]
    package = version(ModelApprovalStatus="Approved")
    package["InferenceSpecification"] = {
        "Containers": [{"Image": {"Fn::Sub": "123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:${Tag}"}}]
    }
    template: Json = {
        "Parameters": {"Tag": {"Type": "String", "Default": "1"}},
        "Resources": {
            "Version": {
                "Type": "AWS::SageMaker::ModelPackage",
                "UpdateReplacePolicy": "Retain",
                "Properties": package,
            },
            "Model": resource("Model", ExecutionRoleArn=ROLE, Containers=containers),
            "Served": {
                "Type": "AWS::SSM::Parameter",
                "Properties": {"Type": "String", "Value": {"Ref": "Version"}},
            },
        },
        "Outputs": {"Model": {"Value": get("Model", "ModelName")}},
    }
    name = stacks.create(template)
    old = stacks.outputs(name)["Model"]
    assert stacks.update(name, template, Parameters=parameters(Tag="2")) == "UPDATE_COMPLETE"
    new = stacks.outputs(name)["Model"]
    assert [each["ModelName"] for each in stacks.sagemaker.list_models()["Models"]] == [new] != [old]
    live = stacks.sagemaker.describe_model(ModelName=new)
    assert live["Containers"] == [{"ModelPackageName": f"{PREFIX}model-package/{GROUP}/2"}]
    assert stacks.package(f"{PREFIX}model-package/{GROUP}/1")["ModelPackageStatus"] == "Completed"


def test_members_of_all_kinds_arrive_as_the_api_has_them(stacks: DeployedStacks) -> None:
    """Numbers and booleans, of which CloudFormation makes strings on the way to handlers."""
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 50,
        "DestinationS3Uri": "s3://b/capture",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }
    variant = {
        "VariantName": "all",
        "ModelName": get("Model", "ModelName"),
        "InstanceType": "ml.g5.xlarge",
        "InitialInstanceCount": 2,
        "InitialVariantWeight": 0.5,
        "VolumeSizeInGB": 30,
        "EnableSSMAccess": True,
        "ManagedInstanceScaling": {"Status": "ENABLED", "MinInstanceCount": 1, "MaxInstanceCount": 3},
        "RoutingConfig": {"RoutingStrategy": "RANDOM"},
        "CoreDumpConfig": {"DestinationS3Uri": "s3://b/dumps"},
    }
    given: Json = {
        "ProductionVariants": [variant],
        "AsyncInferenceConfig": {
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 4},
            "OutputConfig": {"S3OutputPath": "s3://b/out"},
        },
        "DataCaptureConfig": capture,
        "ExplainerConfig": {
            "ClarifyExplainerConfig": {
                "EnableExplanations": "`true`",
                "InferenceConfig": {"FeaturesAttribute": "features", "MaxRecordCount": 10},
                "ShapConfig": {"ShapBaselineConfig": {"ShapBaseline": "1,2"}, "Seed": 7, "UseLogit": False},
            }
        },
        "MetricsConfig": {"EnableEnhancedMetrics": True, "MetricPublishFrequencyInSeconds": 60},
        "EnableNetworkIsolation": False,
    }
    container = {
        "Image": IMAGE,
        "Environment": {"WORKERS": 4},
        "MultiModelConfig": {"ModelCacheSetting": "Disabled"},
    }
    template = {
        "Resources": {
            "Model": resource("Model", ModelName="rich", PrimaryContainer=container),
            "Config": resource("EndpointConfig", EndpointConfigName="rich", **given),
        }
    }
    name = stacks.create(template)
    described = stacks.sagemaker.describe_endpoint_config(EndpointConfigName="rich")
    assert {key: value for key, value in described.items() if key in given} == {
        **given,
        "ProductionVariants": [{**variant, "ModelName": "rich"}],
    }
    live = stacks.sagemaker.describe_model(ModelName="rich")["PrimaryContainer"]
    assert live == {**container, "Environment": {"WORKERS": "4"}}
    assert [each["StackResourceDriftStatus"] for each in stacks.drift(name).values()] == ["IN_SYNC"] * 2


@cases(
    "change, logical_id, message",
    {
        "a version that is not approved": (
            {"Package": {"ModelApprovalStatus": "PendingManualApproval"}},
            "Model",
            "cannot be used to create a model, its approval status is PendingManualApproval. (Service: "
            "SageMaker, Status Code: 400, Request ID: ",
        ),
        "a version that is not there": (
            {"Model": {"PrimaryContainer": {"ModelPackageName": f"{PREFIX}model-package/{GROUP}/9"}}},
            "Model",
            f'returned message: "ModelPackage {PREFIX}model-package/{GROUP}/9 does not exist. (Service: ',
        ),
        "an unknown property": ({"Model": {"ModelNam": "a"}}, "Model", "unsupported property ModelNam]"),
        "an attribute": ({"Endpoint": {"EndpointArn": "a"}}, "Endpoint", "unsupported property EndpointArn]"),
        "an unknown member": (
            {"Config": {"DataCaptureConfig": {"Enable": "true"}}},
            "Config",
            "#/DataCaptureConfig: extraneous key [Enable] is not permitted",
        ),
        "a missing member": ({"Config": {"VpcConfig": {}}}, "Config", "#/VpcConfig: required key ["),
        "a model that is not there": (
            {"Config": {"ProductionVariants": [{"VariantName": "all", "ModelName": "other"}]}},
            "Config",
            f'Could not find model "{PREFIX}model/other". (Service: SageMaker',
        ),
        "a configuration that is not there": (
            {"Endpoint": {"EndpointConfigName": "other"}},
            "Endpoint",
            f'Could not find endpoint configuration "{PREFIX}endpoint-config/other". (Service: SageMaker',
        ),
        "a name that is taken": (
            {"Model": {"ModelName": "taken"}},
            "Model",
            f'Cannot create already existing model "{PREFIX}model/taken". (Service: SageMaker',
        ),
    },
)
def test_mistake_is_refused_in_aws_words(
    stacks: DeployedStacks, change: dict[str, Json], logical_id: str, message: str
) -> None:
    stacks.sagemaker.create_model(ModelName="taken", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE})
    template = body()
    for each, properties in change.items():
        template["Resources"][each]["Properties"].update(properties)
    assert message in failure(stacks, template, logical_id)
    # What was made before is gone, and what was there before is not.
    assert [each["ModelName"] for each in stacks.sagemaker.list_models()["Models"]] == ["taken"]
    assert stacks.packages() == []


def test_named_model_cannot_be_replaced_under_its_name(stacks: DeployedStacks) -> None:
    def named(**properties: Any) -> Json:
        made = resource("Model", ModelName="named", PrimaryContainer={"Image": IMAGE}, **properties)
        return {"Resources": {"Model": made}}

    name = stacks.create(named())
    assert stacks.update(name, named(ExecutionRoleArn=ROLE)) == "UPDATE_ROLLBACK_COMPLETE"
    assert "Cannot create already existing model" in reason(stacks, name, "Model")
    assert "ExecutionRoleArn" not in stacks.sagemaker.describe_model(ModelName="named")


@pytest.mark.parametrize("kind", ["Model", "EndpointConfig", "Endpoint"])
def test_live_resource_is_imported(stacks: DeployedStacks, kind: str) -> None:
    sagemaker = stacks.sagemaker
    sagemaker.create_model(ModelName="live", PrimaryContainer={"Image": IMAGE})
    variant: Any = {"VariantName": "all", "ModelName": "live", "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName="live", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="live", EndpointConfigName="live")
    properties: dict[str, Json] = {
        "Model": {"PrimaryContainer": {"Image": IMAGE}},
        "EndpointConfig": {"ProductionVariants": [variant]},
        "Endpoint": {"EndpointConfigName": "live"},
    }
    arn = {
        "Model": f"{PREFIX}model/live",
        "EndpointConfig": f"{PREFIX}endpoint-config/live",
        "Endpoint": f"{PREFIX}endpoint/live",
    }[kind]
    live = {**resource(kind, **{f"{kind}Name": "live"}, **properties[kind]), "DeletionPolicy": "Retain"}
    name = new_name()
    change = stacks.change_set(
        name,
        {"Resources": {"Live": live}},
        ChangeSetType="IMPORT",
        ResourcesToImport=[
            {
                "ResourceType": live["Type"],
                "LogicalResourceId": "Live",
                "ResourceIdentifier": {f"{kind}Arn": arn},
            }
        ],
    )
    assert stacks.execute(change) == "IMPORT_COMPLETE"
    assert stacks.arn(name, "Live") == arn
    assert stacks.drift(name)["Live"]["StackResourceDriftStatus"] == "IN_SYNC"


def test_stack_can_be_deleted_while_its_endpoint_comes_up(stacks: DeployedStacks, sandbox: Sandbox) -> None:
    sandbox.sagemaker.behaviour.describes_until_in_service = 20
    name, template = new_name(), body()
    template["Resources"]["Endpoint"]["Properties"]["EndpointName"] = "coming-up"
    template = with_last(template, PrimaryContainer={"Image": IMAGE})
    stacks.client.create_stack(StackName=name, TemplateBody=json.dumps(template))
    stack_id = stacks.describe(name)["StackId"]
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not stacks.sagemaker.list_endpoints()["Endpoints"] and time.monotonic() < deadline:
        pass
    for _ in range(2):  # the second one changes nothing
        stacks.client.delete_stack(StackName=name)
    assert stacks.describe(stack_id)["StackStatus"] == "DELETE_IN_PROGRESS"
    assert stacks.wait(stack_id) == "DELETE_COMPLETE"
    assert stacks.sagemaker.list_endpoints()["Endpoints"] == []
    assert stacks.sagemaker.list_models()["Models"] == []
    assert stacks.packages() == []
    # The last resource was never begun, and what was in progress has ended before the deletion began.
    assert "Last" not in {each["LogicalResourceId"] for each in watch.stack_events(stacks.client, stack_id)}
    statuses = [status for status, _ in stacks.events(stack_id, "Endpoint")]
    assert statuses == [
        *("CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_FAILED"),
        *("DELETE_IN_PROGRESS", "DELETE_COMPLETE"),
    ]
    assert "Resource creation cancelled" in stacks.reasons(stack_id)


def test_stack_can_be_deleted_while_it_waits_for_a_signal(stacks: DeployedStacks) -> None:
    name = new_name()
    wait = {"Handle": {"Ref": "Handle"}, "Timeout": "600"}
    template: Json = {
        "Resources": {
            "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
            "Wait": {"Type": "AWS::CloudFormation::WaitCondition", "Properties": wait},
        }
    }
    stacks.client.create_stack(StackName=name, TemplateBody=json.dumps(template))
    stack_id = stacks.describe(name)["StackId"]
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not stacks.events(stack_id, "Wait") and time.monotonic() < deadline:
        pass
    stacks.client.delete_stack(StackName=name)
    assert stacks.wait(stack_id) == "DELETE_COMPLETE"


def test_type_of_a_logical_id_cannot_change(stacks: DeployedStacks) -> None:
    name = stacks.create({"Resources": {"Thing": resource("Model", PrimaryContainer={"Image": IMAGE})}})
    variants = [{"VariantName": "all", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}]
    changed: Json = {"Resources": {"Thing": resource("EndpointConfig", ProductionVariants=variants)}}
    message = (
        "Update of resource type is not permitted. The new template modifies resource type of the following "
        "resources: [Thing]"
    )
    with pytest.raises(ClientError, match=re.escape(message)):
        stacks.update(name, changed)
    change = stacks.change_set(name, changed)
    assert (change["Status"], change["StatusReason"], change["Changes"]) == ("FAILED", message, [])
    assert stacks.describe(name)["StackStatus"] == "CREATE_COMPLETE"
    assert len(stacks.sagemaker.list_models()["Models"]) == 1


@cases(
    "fault, status",
    {
        "after it was made": (Fault("AccessDeniedException", operation="ListTags"), "ROLLBACK_COMPLETE"),
        "for a while": (Fault("ThrottlingException", operation="DescribeModel", after=1), "CREATE_COMPLETE"),
        "by an answer that is lost": (
            Fault("InternalFailure", operation="CreateModel", http_status=500, happens=True),
            "CREATE_COMPLETE",
        ),
    },
)
def test_failed_creation_loses_nothing(
    stacks: DeployedStacks, sandbox: Sandbox, fault: Fault, status: str
) -> None:
    sandbox.sagemaker.behaviour.faults = [fault]
    name = new_name()
    template: Json = {"Resources": {"Model": resource("Model", PrimaryContainer={"Image": IMAGE})}}
    stacks.client.create_stack(StackName=name, TemplateBody=json.dumps(template))
    assert stacks.wait(name) == status, stacks.reasons(name)
    assert len(stacks.sagemaker.list_models()["Models"]) == (status == "CREATE_COMPLETE")


@pytest.mark.parametrize("next_step", ["update", "delete", "roll back"])
def test_update_that_fails_without_rollback_loses_nothing(
    stacks: DeployedStacks, sandbox: Sandbox, next_step: str
) -> None:
    name = stacks.create(body())
    first = stacks.arn(name)
    sandbox.sagemaker.behaviour.endpoint_failures[OTHER_IMAGE] = "no ping"
    failing = body(OTHER_IMAGE)
    failing["Resources"]["Package"]["UpdateReplacePolicy"] = "Retain"
    assert stacks.update(name, failing, DisableRollback=True) == "UPDATE_FAILED"
    left = 1
    if next_step == "update":
        assert stacks.update(name, body(f"{IMAGE}.2"), DisableRollback=True) == "UPDATE_COMPLETE"
        assert stacks.packages() == [first, stacks.arn(name)]
    elif next_step == "delete":
        assert stacks.delete(name) == "DELETE_COMPLETE"
        assert stacks.packages() == [first]
        left = 0
    else:
        stacks.client.rollback_stack(StackName=name)
        assert stacks.wait(name) == "UPDATE_ROLLBACK_COMPLETE"
        assert stacks.packages() == [first]
    # Only the version was to be kept.
    assert len(stacks.sagemaker.list_models()["Models"]) == left
    assert len(stacks.sagemaker.list_endpoint_configs()["EndpointConfigs"]) == left
