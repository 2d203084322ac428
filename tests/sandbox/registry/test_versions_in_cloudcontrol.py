"""Cloud Control with registered types: their default version, or the one that a request names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.local_aws import Sandbox
from tests.sandbox.helpers import until
from tests.sandbox.registry.packages import TYPE, Packages, Registry
from tests.stack.cloudcontrol import CloudControl, add, replace

ONE, TWO = "00000001", "00000002"
WEIGHED = {name: {"type": "string"} for name in ("Name", "Weight", "Gate", "MadeBy", "ChangedBy")}
NOT_FOUND = ("TypeNotFoundException", 400, f"The type '{TYPE}' cannot be found.")  # [R]


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[CloudControl]:
    """Cloud Control for the type."""
    config = Config(proxies={}, retries={"total_max_attempts": 1})
    with closing(CloudControl(sandbox, TYPE, config=config)) as api:
        yield api


def refusal(call: Any, *arguments: Any, **members: Any) -> tuple[str, int, str]:
    """Return code, status and message of the error that a call ends in."""
    with pytest.raises(ClientError) as raised:
        call(*arguments, **members)
    response: Any = raised.value.response
    error = response["Error"]
    return error["Code"], response["ResponseMetadata"]["HTTPStatusCode"], error["Message"]


def create(api: CloudControl, name: str, **options: Any) -> str:
    """Create a thing and return the version that made it."""
    event = api.wait(api.begin("create", DesiredState=json.dumps({"Name": name}), **options))
    assert event["OperationStatus"] == "SUCCESS", event
    return str(json.loads(event["ResourceModel"])["MadeBy"])


def wait_for(packages: Packages, name: str) -> None:
    """Wait until a thing's handler waits for its gate."""
    until(lambda: [each for each in packages.log() if each["name"] == name and each["callback"]])


def test_requests_use_the_default_version_or_the_one_they_name(
    registry: Registry, api: CloudControl, packages: Packages
) -> None:
    assert refusal(create, api, "a") == NOT_FOUND
    registry.register(packages.build("one"))
    second = registry.register(packages.build("two", properties=WEIGHED))
    assert create(api, "a") == create(api, "b", TypeVersionId=ONE) == "one"
    assert create(api, "c", TypeVersionId=TWO) == "two"
    # Each by its version's schema.
    assert refusal(api.begin_update, "a", add("/Weight", "1"))[0] == "ValidationException"
    changed = api.wait(api.begin_update("a", add("/Weight", "1"), TypeVersionId=TWO))
    assert json.loads(changed["ResourceModel"])["ChangedBy"] == "two"
    for options in ({}, {"TypeVersionId": TWO}):
        found = api.client.list_resources(TypeName=TYPE, **options)["ResourceDescriptions"]
        assert [each["Identifier"] for each in found] == ["a", "b", "c"]
        api.client.get_resource(TypeName=TYPE, Identifier="a", **options)
    assert [version for version, action in packages.handled() if action == "LIST"] == ["one", "two"]
    registry.set_default(second)
    assert create(api, "d") == "two"
    assert create(api, "e", TypeVersionId=ONE) == "one"
    assert api.wait(api.begin_delete("e", TypeVersionId=ONE))["OperationStatus"] == "SUCCESS"
    assert api.delete("a")["OperationStatus"] == "SUCCESS"
    assert packages.handled()[-1] == ("two", "DELETE")


@pytest.mark.parametrize("number", ["00000009", "1", "x", "00000001-2"])
def test_missing_version_is_refused(
    registry: Registry, api: CloudControl, packages: Packages, number: str
) -> None:
    registry.register(packages.build())
    assert refusal(create, api, "a", TypeVersionId=number) == NOT_FOUND
    for call in (api.client.get_resource, api.client.delete_resource):
        assert refusal(call, TypeName=TYPE, Identifier="a", TypeVersionId=number) == NOT_FOUND
    assert refusal(api.client.list_resources, TypeName=TYPE, TypeVersionId=number) == NOT_FOUND
    # Before the patch is looked at. [R]
    assert refusal(api.begin, "update", Identifier="a", PatchDocument="[]", TypeVersionId=number) == NOT_FOUND
    assert packages.log() == []


def test_deregistered_version_is_refused(registry: Registry, api: CloudControl, packages: Packages) -> None:
    registry.register(packages.build())
    second = registry.register(packages.build("two"))
    registry.client.deregister_type(Arn=second)
    assert refusal(create, api, "a", TypeVersionId=TWO) == NOT_FOUND
    assert create(api, "a") == "one"
    registry.deregister()
    assert refusal(create, api, "b") == NOT_FOUND
    assert refusal(create, api, "b", TypeVersionId=ONE) == NOT_FOUND
    assert refusal(api.delete, "a") == NOT_FOUND
    registry.register(packages.build("three"))
    assert api.delete("a")["OperationStatus"] == "SUCCESS"


def test_type_that_is_not_registered_has_no_versions(sandbox: Sandbox) -> None:
    name = "AWS::SageMaker::ModelPackage"
    with closing(sandbox.client("cloudcontrol")) as client:
        assert client.list_resources(TypeName=name)["ResourceDescriptions"] == []
        code, status, message = refusal(client.list_resources, TypeName=name, TypeVersionId=ONE)
    assert (code, status, message) == ("TypeNotFoundException", 400, f"The type '{name}' cannot be found.")


def test_regions_have_their_own_types(sandbox: Sandbox, registry: Registry, packages: Packages) -> None:
    registry.register(packages.build())
    with closing(CloudControl(sandbox, TYPE, region_name="eu-west-1")) as european:
        assert refusal(create, european, "a") == NOT_FOUND
        assert refusal(create, european, "a", TypeVersionId=ONE) == NOT_FOUND


def test_type_without_handlers_supports_nothing(
    registry: Registry, api: CloudControl, packages: Packages
) -> None:
    registry.register(packages.build(handlers=None))
    assert refusal(create, api, "a") == (
        "UnsupportedActionException",
        400,
        f"Resource type {TYPE} does not support CREATE action",
    )


def test_request_goes_on_with_its_version(registry: Registry, api: CloudControl, packages: Packages) -> None:
    first = registry.register(packages.build())
    second = registry.register(packages.build("two"))
    gate = packages.gate()
    by_default = api.begin_create(Name="a", Gate=str(gate))
    state = json.dumps({"Name": "b", "Gate": str(gate)})
    by_number = api.begin("create", DesiredState=state, TypeVersionId=TWO)
    wait_for(packages, "a")
    wait_for(packages, "b")
    third = registry.register(packages.build("three"))
    registry.set_default(third)
    registry.client.deregister_type(Arn=first)
    registry.client.deregister_type(Arn=second)
    gate.touch()
    for event, version in ((by_default, "one"), (by_number, "two")):
        ended = api.wait(event)
        assert (ended["OperationStatus"], json.loads(ended["ResourceModel"])["MadeBy"]) == (
            "SUCCESS",
            version,
        )
    assert {each["version"] for each in packages.log() if each["name"] == "a"} == {"one"}
    assert create(api, "c") == "three"


def test_versions_lock_each_others_resources(
    registry: Registry, api: CloudControl, packages: Packages
) -> None:
    registry.register(packages.build())
    registry.register(packages.build("two"))
    gate = packages.gate()
    running = api.begin_create(Name="a", Gate=str(gate))
    wait_for(packages, "a")
    for options in ({}, {"TypeVersionId": ONE}, {"TypeVersionId": TWO}):
        change = refusal(api.begin_update, "a", replace("/Gate", "x"), **options)
        assert change[0] == "ConcurrentOperationException"
        assert refusal(api.begin_delete, "a", **options)[0] == "ConcurrentOperationException"
    gate.touch()
    assert api.wait(running)["OperationStatus"] == "SUCCESS"
    assert api.wait(api.begin_delete("a", TypeVersionId=TWO))["OperationStatus"] == "SUCCESS"


def test_client_token_is_for_one_version(registry: Registry, api: CloudControl, packages: Packages) -> None:
    registry.register(packages.build())
    registry.register(packages.build("two"))
    state = json.dumps({"Name": "a"})
    first = api.begin("create", DesiredState=state, ClientToken="once", TypeVersionId=TWO)
    again = api.begin("create", DesiredState=state, ClientToken="once", TypeVersionId=TWO)
    assert first["RequestToken"] == again["RequestToken"]
    code, *_ = refusal(api.begin, "create", DesiredState=state, ClientToken="once")
    assert code == "ClientTokenConflictException"
    assert api.wait(first)["OperationStatus"] == "SUCCESS"
