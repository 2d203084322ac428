"""The types of models and endpoints: their schemas beside SageMaker's API, and their handlers' failures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from sandbox.cloudformation.aws_schemas import AwsSchemas
from sandbox.cloudformation.sagemaker_hosting import NAMES, SageMakerType, hosting_types
from sandbox.sagemaker import Fault, SageMakerServer
from sandbox.shared.aws_types import listing
from sandbox.shared.credentials import Credentials
from sandbox.shared.json_pointers import referenced, top_level
from sandbox.shared.settings import ACCOUNT, NOWHERE, REGION
from tests.sandbox.helpers import cases

Json = dict[str, Any]
# Properties that UpdateEndpoint takes and CreateEndpoint does not.
OF_UPDATES = {"ExcludeRetainedVariantProperties", "RetainAllVariantProperties", "RetainDeploymentConfig"}


def types(endpoint: str = NOWHERE) -> dict[str, SageMakerType]:
    found = hosting_types(AwsSchemas(listing()), endpoint, Credentials.new())
    return {each.type_name.rpartition("::")[2]: each for each in found}


def members_without(schema: Json, rule: Json, shape: Any, path: str) -> Iterator[str]:
    """Yield the members of a schema that the API does not have."""
    if "$ref" in rule:
        rule = referenced(schema, rule["$ref"])
    if shape.type_name == "list":
        yield from members_without(schema, rule["items"], shape.member, f"{path}/*")
    for name, inner in rule.get("properties", {}).items():
        if name in shape.members:
            yield from members_without(schema, inner, shape.members[name], f"{path}/{name}")
        else:
            yield f"{path}/{name}"


@pytest.mark.parametrize("name", NAMES)
def test_schemas_have_no_member_that_the_api_refuses(name: str) -> None:
    schema = types()[name].schema
    operation = botocore.session.Session().get_service_model("sagemaker").operation_model(f"Create{name}")
    left_out = set(members_without(schema, schema, operation.input_shape, ""))
    assert left_out - {f"/{each}" for each in OF_UPDATES} == {f"/{name}Arn"}


def test_properties_replace_as_documented() -> None:
    for name, hosting in types().items():
        settable = hosting.schema["properties"].keys() - top_level(hosting.schema["readOnlyProperties"])
        kept = (
            {"Tags"}
            if name != "Endpoint"
            else {"Tags", "DeploymentConfig", "EndpointConfigName", *OF_UPDATES}
        )
        assert settable - hosting.create_only == kept, name


def test_without_schemas_there_are_no_types() -> None:
    assert list(hosting_types(AwsSchemas(), NOWHERE, Credentials.new())) == []


def event(hosting: SageMakerType, **properties: Any) -> Json:
    return {
        "action": "CREATE",
        "awsAccountId": ACCOUNT,
        "bearerToken": "token",
        "callbackContext": None,
        "region": REGION,
        "resourceType": hosting.type_name,
        "requestData": {
            "logicalResourceId": "Model",
            "resourceProperties": properties,
            "stackTags": {"cost": "1"},
        },
    }


def test_unreachable_sagemaker_is_a_network_failure() -> None:
    model = types()["Model"]
    answer = model.functions.invoke(event(model))
    assert (answer["status"], answer["errorCode"]) == ("FAILED", "NetworkFailure")


@cases(
    "code, status, expected",
    {
        "throttled": ("ThrottlingException", 400, "Throttling"),
        "denied": ("AccessDeniedException", 403, "AccessDenied"),
        "a limit": ("ResourceLimitExceeded", 400, "ServiceLimitExceeded"),
        "a conflict": ("ConflictException", 409, "ResourceConflict"),
        "a server's error": ("InternalFailure", 500, "ServiceInternalError"),
        "anything else": ("ValidationException", 400, "InvalidRequest"),
    },
)
def test_error_has_the_code_of_a_handler(code: str, status: int, expected: str) -> None:
    with SageMakerServer() as server:
        model = types(server.endpoint)["Model"]
        server.behaviour.faults = [Fault(code, operation="CreateModel", http_status=status)]
        answer = model.functions.invoke(event(model, PrimaryContainer={"Image": "a"}))
    assert (answer["errorCode"], answer["message"].split(" (")[0]) == (
        expected,
        "A fault asked for by the test.",
    )
