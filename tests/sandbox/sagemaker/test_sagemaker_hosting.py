"""Models, endpoint configurations and endpoints in the local SageMaker."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.sagemaker import SageMakerServer
from tests.sandbox.helpers import cases
from tests.sandbox.sagemaker import sagemaker_calls as sm

CONTAINER = {"Image": sm.IMAGE, "ModelDataUrl": "s3://b/m", "Environment": {"WORKERS": "4"}}
VARIANT: Any = {
    "VariantName": "all",
    "ModelName": "model",
    "InstanceType": "ml.c7i.xlarge",
    "InitialInstanceCount": 2,
}
MODEL, CONFIG = f"{sm.PREFIX}model/model", f"{sm.PREFIX}endpoint-config/config"
ENDPOINT = f"{sm.PREFIX}endpoint/endpoint"
WEIGHTS: Any = [{"VariantName": "all", "DesiredWeight": 3, "DesiredInstanceCount": 5}]


def create_model(client: sm.Client, name: str = "model", **members: Any) -> str:
    given = members or {"PrimaryContainer": CONTAINER}
    return client.create_model(ModelName=name, ExecutionRoleArn=sm.ROLE, **given)["ModelArn"]


def create_config(client: sm.Client, name: str = "config", **members: Any) -> str:
    given = {"ProductionVariants": [VARIANT], **members}
    return client.create_endpoint_config(EndpointConfigName=name, **given)["EndpointConfigArn"]


def create_endpoint(client: sm.Client, config: str = "config", **members: Any) -> str:
    answer = client.create_endpoint(EndpointName="endpoint", EndpointConfigName=config, **members)
    return answer["EndpointArn"]


def describe(client: sm.Client) -> sm.Json:
    return {**client.describe_endpoint(EndpointName="endpoint")}


def settled(client: sm.Client) -> sm.Json:
    """Describe the endpoint until it has ended what is in progress."""
    while (endpoint := describe(client))["EndpointStatus"].endswith("ing"):
        pass
    return endpoint


@pytest.fixture
def in_service(client: sm.Client) -> sm.Client:
    """A client where a model, a configuration and an endpoint are."""
    create_model(client)
    create_config(client)
    create_endpoint(client)
    assert settled(client)["EndpointStatus"] == "InService"
    return client


def test_what_is_created_is_described_with_all_members(client: sm.Client) -> None:
    network: Any = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
    model: Any = {
        "Containers": [CONTAINER, {"ModelPackageName": approved(client)}],
        "InferenceExecutionConfig": {"Mode": "Serial"},
        "VpcConfig": network,
        "EnableNetworkIsolation": True,
    }
    assert create_model(client, **model, Tags=sm.TAGS) == MODEL
    described = sm.Json(client.describe_model(ModelName="model"))
    assert described.items() >= {**model, "ModelArn": MODEL, "ModelName": "model"}.items()
    assert "Tags" not in described
    config: Any = {
        "ProductionVariants": [VARIANT],
        "ShadowProductionVariants": [{**VARIANT, "VariantName": "shadow"}],
        "DataCaptureConfig": {
            "EnableCapture": True,
            "InitialSamplingPercentage": 10,
            "DestinationS3Uri": "s3://b/capture",
            "CaptureOptions": [{"CaptureMode": "Input"}],
        },
        "MetricsConfig": {"EnableEnhancedMetrics": True},
        "KmsKeyId": "key",
        "VpcConfig": network,
    }
    assert create_config(client, **config) == CONFIG
    described = sm.Json(client.describe_endpoint_config(EndpointConfigName="config"))
    assert described.items() >= {**config, "EndpointConfigArn": CONFIG}.items()
    create_endpoint(client)
    endpoint = settled(client)
    assert endpoint["DataCaptureConfig"]["CaptureStatus"] == "Started"
    assert endpoint["MetricsConfig"] == config["MetricsConfig"]
    assert [each["VariantName"] for each in endpoint["ShadowProductionVariants"]] == ["shadow"]


def test_endpoint_is_in_service_after_a_while(client: sm.Client) -> None:
    create_model(client)
    create_config(client)
    assert create_endpoint(client, Tags=sm.TAGS) == ENDPOINT
    creating = describe(client)
    assert (creating["EndpointStatus"], creating["EndpointConfigName"]) == ("Creating", "config")
    assert "ProductionVariants" not in creating
    (variant,) = settled(client)["ProductionVariants"]
    counts = ("CurrentInstanceCount", "DesiredInstanceCount", "CurrentWeight", "DesiredWeight")
    assert [variant[name] for name in counts] == [2, 2, 1.0, 1.0]
    assert [each["SpecifiedImage"] for each in variant["DeployedImages"]] == [sm.IMAGE]
    client.delete_endpoint(EndpointName="endpoint")
    assert describe(client)["EndpointStatus"] == "Deleting"
    message = f'{sm.INVALID}Could not find endpoint "{ENDPOINT}".'
    assert sm.refusal(describe, client) == message


def test_serverless_variant_has_its_configuration(client: sm.Client) -> None:
    create_model(client)
    serverless = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    create_config(
        client,
        ProductionVariants=[{"VariantName": "all", "ModelName": "model", "ServerlessConfig": serverless}],
    )
    create_endpoint(client)
    assert settled(client)["ProductionVariants"][0]["CurrentServerlessConfig"] == serverless


def test_update_of_an_endpoint_keeps_it_and_brings_the_new_configuration(in_service: sm.Client) -> None:
    create_config(in_service, "next", ProductionVariants=[{**VARIANT, "InitialInstanceCount": 1}])
    policy: Any = {"TerminationWaitInSeconds": 60}
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    deployment: Any = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, **policy}}
    update = in_service.update_endpoint
    update(EndpointName="endpoint", EndpointConfigName="next", DeploymentConfig=deployment)
    assert describe(in_service)["EndpointStatus"] == "Updating"
    endpoint = settled(in_service)
    assert (endpoint["EndpointArn"], endpoint["EndpointConfigName"]) == (ENDPOINT, "next")
    assert endpoint["ProductionVariants"][0]["DesiredInstanceCount"] == 1
    assert endpoint["LastDeploymentConfig"] == deployment
    # A configuration that is gone is not needed by an endpoint that has it.
    in_service.delete_endpoint_config(EndpointConfigName="next")
    assert describe(in_service)["EndpointConfigName"] == "next"


def test_weights_and_counts_are_retained_where_they_are_asked_for(in_service: sm.Client) -> None:
    change = in_service.update_endpoint_weights_and_capacities
    change(EndpointName="endpoint", DesiredWeightsAndCapacities=WEIGHTS)
    variant = settled(in_service)["ProductionVariants"][0]
    assert (variant["CurrentWeight"], variant["CurrentInstanceCount"]) == (3, 5)
    in_service.update_endpoint(
        EndpointName="endpoint",
        EndpointConfigName="config",
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}],
    )
    variant = settled(in_service)["ProductionVariants"][0]
    assert (variant["CurrentWeight"], variant["CurrentInstanceCount"]) == (1, 5)
    unknown = [{**WEIGHTS[0], "VariantName": "other"}]
    message = sm.refusal(change, EndpointName="endpoint", DesiredWeightsAndCapacities=unknown)
    assert 'The variant name(s) "other" is/are not present' in message


def test_endpoint_in_progress_is_not_changed(client: sm.Client) -> None:
    create_model(client)
    create_config(client)
    create_endpoint(client)
    message = f'{sm.INVALID}Cannot update in-progress endpoint "{ENDPOINT}".'
    update = {"EndpointName": "endpoint", "EndpointConfigName": "config"}
    assert sm.refusal(client.update_endpoint, **update) == message
    assert sm.refusal(client.delete_endpoint, EndpointName="endpoint") == message


@pytest.mark.parametrize("cause", ["config", "model", sm.IMAGE])
def test_endpoint_that_cannot_be_created_is_failed(
    client: sm.Client, server: SageMakerServer, cause: str
) -> None:
    server.behaviour.endpoint_failures[cause] = "no ping"
    create_model(client, PrimaryContainer={"ModelPackageName": approved(client)})
    create_config(client)
    create_endpoint(client)
    endpoint = settled(client)
    assert (endpoint["EndpointStatus"], endpoint["FailureReason"]) == ("Failed", "no ping")
    update = {"EndpointName": "endpoint", "EndpointConfigName": "config"}
    assert "Cannot update failed endpoint" in sm.refusal(client.update_endpoint, **update)
    client.delete_endpoint(EndpointName="endpoint")


def test_endpoint_goes_back_when_its_update_fails(in_service: sm.Client, server: SageMakerServer) -> None:
    server.behaviour.endpoint_failures["next"] = "no ping"
    create_config(in_service, "next")
    in_service.update_endpoint(EndpointName="endpoint", EndpointConfigName="next")
    endpoint = settled(in_service)
    assert (endpoint["EndpointStatus"], endpoint["FailureReason"]) == ("InService", "no ping")
    assert endpoint["EndpointConfigName"] == "config"


def approved(client: sm.Client, **members: Any) -> str:
    return sm.create(client, sm.version({}, ModelApprovalStatus="Approved", **members))


def test_model_needs_an_approved_and_completed_version(client: sm.Client, server: SageMakerServer) -> None:
    def refusal(package: str) -> str:
        return sm.refusal(create_model, client, PrimaryContainer={"ModelPackageName": package})

    pending = sm.create(client, sm.version({}))
    message = f"ModelPackage {pending} cannot be used to create a model, its approval status is "
    assert refusal(pending) == f"{sm.INVALID}{message}PendingManualApproval."
    validated = approved(client, ValidationSpecification=sm.validation())
    message = f"ModelPackage {validated} cannot be used to create a model, its status is InProgress."
    assert refusal(validated) == f"{sm.INVALID}{message}"
    missing = f"{sm.PACKAGES}group/9"
    assert refusal(missing) == sm.absent(missing)
    assert client.list_models()["Models"] == []
    server.behaviour.unapproved_deployable = True
    assert create_model(client, PrimaryContainer={"ModelPackageName": pending}) == MODEL
    # Unversioned packages are not approved.
    server.behaviour.describes_until_completed = 0
    name = sm.create(client, sm.unversioned())
    create_model(client, "other", Containers=[{"ModelPackageName": name}])


@cases(
    "given, message",
    {
        "neither form": ({"EnableNetworkIsolation": True}, "Specify either PrimaryContainer or Containers."),
        "both forms": (
            {"PrimaryContainer": CONTAINER, "Containers": [CONTAINER]},
            "Specify either PrimaryContainer or Containers.",
        ),
        "image and package": (
            {"PrimaryContainer": {**CONTAINER, "ModelPackageName": "any"}},
            "Specify one of either Image and Model Data URL or ModelPackageName in container definition.",
        ),
        "a value that the API does not have": (
            {"PrimaryContainer": {**CONTAINER, "Mode": "Any"}},
            "Member must satisfy enum value set: [SingleModel, MultiModel]",
        ),
    },
)
def test_model_is_refused(client: sm.Client, given: sm.Json, message: str) -> None:
    assert sm.refusal(create_model, client, **given).endswith(message)


def test_what_is_not_there_and_what_is_there_already(client: sm.Client) -> None:
    def there(call: Any, *arguments: Any) -> str:
        return sm.refusal(call, *arguments).removeprefix(sm.INVALID)

    assert there(create_config, client) == f'Could not find model "{MODEL}".'
    assert there(create_endpoint, client) == f'Could not find endpoint configuration "{CONFIG}".'
    create_model(client)
    assert there(create_model, client) == f'Cannot create already existing model "{MODEL}".'
    create_config(client)
    message = f'Cannot create already existing endpoint configuration "{CONFIG}".'
    assert there(create_config, client) == message
    create_endpoint(client)
    assert there(create_endpoint, client) == f'Cannot create already existing endpoint "{ENDPOINT}".'
    # An endpoint keeps neither of them.
    client.delete_model(ModelName="model")
    client.delete_endpoint_config(EndpointConfigName="config")
    for call, name in (
        (client.describe_model, {"ModelName": "model"}),
        (client.delete_model, {"ModelName": "model"}),
    ):
        assert sm.refusal(call, **name) == f'{sm.INVALID}Could not find model "{MODEL}".'
    message = f'{sm.INVALID}Could not find endpoint configuration "{CONFIG}".'
    assert sm.refusal(client.delete_endpoint_config, EndpointConfigName="config") == message
    other = sm.refusal(client.delete_endpoint, EndpointName="other")
    assert other == f'{sm.INVALID}Could not find endpoint "{sm.PREFIX}endpoint/other".'


@cases(
    "variants, message",
    {
        "names twice": ([VARIANT, VARIANT], "must be unique"),
        "neither instances nor serverless": (
            [{"VariantName": "all", "ModelName": "model"}],
            "needs one of InstanceType, InstancePools and ServerlessConfig.",
        ),
    },
)
def test_endpoint_configuration_is_refused(client: sm.Client, variants: Any, message: str) -> None:
    create_model(client)
    assert message in sm.refusal(create_config, client, ProductionVariants=variants)


def test_lists_have_names_filters_and_pages(in_service: sm.Client) -> None:
    for name in ("b", "a"):
        create_model(in_service, name)
    page = in_service.list_models(SortBy="Name", SortOrder="Ascending", MaxResults=2)
    assert [each["ModelName"] for each in page["Models"]] == ["a", "b"]
    rest = in_service.list_models(
        SortBy="Name", SortOrder="Ascending", MaxResults=2, NextToken=page["NextToken"]
    )
    assert [each["ModelName"] for each in rest["Models"]] == ["model"]
    assert [each["EndpointConfigArn"] for each in in_service.list_endpoint_configs()["EndpointConfigs"]] == [
        CONFIG
    ]
    (endpoint,) = in_service.list_endpoints(StatusEquals="InService")["Endpoints"]
    assert endpoint["EndpointArn"] == ENDPOINT
    assert in_service.list_endpoints(StatusEquals="Failed")["Endpoints"] == []
    assert in_service.list_models(NameContains="od")["Models"][0]["ModelArn"] == MODEL


@pytest.mark.parametrize("arn", [MODEL, CONFIG, ENDPOINT])
def test_tags_are_kept(in_service: sm.Client, arn: str) -> None:
    in_service.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    in_service.delete_tags(ResourceArn=arn, TagKeys=["a"])
    assert in_service.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    assert "Could not find" in sm.refusal(in_service.list_tags, ResourceArn=f"{arn}-other")


def test_reset_forgets_models_and_endpoints(in_service: sm.Client, server: SageMakerServer) -> None:
    server.reset()
    assert in_service.list_models()["Models"] == []
    assert in_service.list_endpoints()["Endpoints"] == []
