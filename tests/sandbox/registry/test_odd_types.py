"""Types as strangers write them: what they answer harms no client, and no other type."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from sandbox.commands import watch
from sandbox.local_aws import Sandbox
from sandbox.registry.extensions import Extensions
from sandbox.registry.operations import Registry as Operations
from sandbox.registry.package import Package
from sandbox.registry.routes import RegistryRoutes
from sandbox.shared.settings import REGISTRY_PATH
from tests.sandbox.helpers import until
from tests.sandbox.registry.packages import (
    TYPE,
    Json,
    Packages,
    Registry,
    closing_registry,
    package_of,
)
from tests.sandbox.registry.test_versions_in_stacks import switch, template, thing
from tests.stack.stacks import DeployedStacks, new_name

ODD, CLEAN = r"\x00\x1b[31m\uffff", "\ufffd\ufffd[31m\ufffd"
# Its answers, by the thing's name.
SPEAKING = f"""
def resource(event, context):
    model = event["requestData"]["resourceProperties"]
    if model["Name"] == "raises":
        raise RuntimeError("\\x1b[31mred")
    status = "FAILED" if model["Name"] == "fails" else "SUCCESS"
    return {{"status": status, "message": "{ODD}", "resourceModel": model}}
"""


def test_texts_that_xml_cannot_hold_can_be_read(registry: Registry, stacks: DeployedStacks) -> None:
    registry.register(package_of(SPEAKING, description="a\x01b"))
    client = registry.client
    assert client.describe_type(Type="RESOURCE", TypeName=TYPE)["Description"] == "a\ufffdb"
    assert client.list_types()["TypeSummaries"][0]["Description"] == "a\ufffdb"
    for name, status, expected in (
        ("fails", "CREATE_FAILED", f'Resource handler returned message: "{CLEAN}"'),
        ("raises", "CREATE_FAILED", "\ufffd[31mred"),
        ("succeeds", "CREATE_COMPLETE", CLEAN),
    ):
        stack = new_name()
        stacks.client.create_stack(StackName=stack, TemplateBody=json.dumps(template(A=thing(name))))
        stacks.wait(stack)
        events = stacks.client.describe_stack_events(StackName=stack)["StackEvents"]
        reasons = [
            each.get("ResourceStatusReason", "") for each in events if each["ResourceStatus"] == status
        ]
        assert [reason for reason in reasons if expected in reason]
    with pytest.raises(ClientError, match="ValidationError"):
        client.describe_type(Type="RESOURCE", TypeName="Acme::\x01::Thing")


def test_import_error_that_xml_cannot_hold_can_be_read(registry: Registry) -> None:
    text = registry.refusal(package_of("raise LookupError('\\x1b[31mPr\u00fcfung')"))
    assert text == "The handlers do not start: LookupError: \ufffd[31mPr\u00fcfung"


def test_cloud_control_answers_texts_that_can_be_read(registry: Registry, sandbox: Sandbox) -> None:
    registry.register(package_of(SPEAKING))
    with closing(cast(Any, sandbox.client("cloudcontrol"))) as api:
        for name, message in (("fails", CLEAN), ("raises", "The function failed: \ufffd[31mred")):
            state = json.dumps({"Name": name})
            token = api.create_resource(TypeName=TYPE, DesiredState=state)["ProgressEvent"]["RequestToken"]

            def ended(token: str = token) -> Json | None:
                event: Json = api.get_resource_request_status(RequestToken=token)["ProgressEvent"]
                return event if event["OperationStatus"] == "FAILED" else None

            assert (until(ended) or {})["StatusMessage"] == message
            with pytest.raises(ClientError) as raised:
                api.get_resource(TypeName=TYPE, Identifier=name)
            assert message in raised.value.response["Error"]["Message"]


def importing(client: Any, resource: Json, identifier: Json) -> str:
    """Import a thing into a new stack and return the stack's name."""
    name = new_name()
    change = {"ResourceType": TYPE, "LogicalResourceId": "A", "ResourceIdentifier": identifier}
    client.create_change_set(
        StackName=name,
        ChangeSetName="import",
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps({"Resources": {"A": {**resource, "DeletionPolicy": "Retain"}}}),
        ResourcesToImport=[change],
    )
    client.execute_change_set(ChangeSetName="import", StackName=name)
    assert watch.wait(client, name, 30, poll_seconds=0.02) == "IMPORT_COMPLETE"
    return name


def test_regions_import_by_their_own_identifiers(
    registry: Registry, sandbox: Sandbox, stacks: DeployedStacks, packages: Packages
) -> None:
    registry.register(packages.build())
    kept = {**thing("a", Colour="red"), "DeletionPolicy": "Retain"}
    stacks.delete(stacks.create({"Resources": {"A": kept}}))
    with closing_registry(sandbox, "eu-west-1") as european:
        members: Json = {"primaryIdentifier": ["/properties/Colour"], "createOnlyProperties": None}
        european.register(packages.build("two", **members))
        european.client.create_stack(
            StackName="it", TemplateBody=json.dumps(template(A=thing("b", Colour="c")))
        )
        assert watch.wait(european.client, "it", 30, poll_seconds=0.02) == "CREATE_COMPLETE"
        with pytest.raises(ClientError, match=r"Expected \[Colour\]"):
            importing(european.client, thing("b"), {"Name": "b"})
    importing(stacks.client, thing("a", Colour="red"), {"Name": "a"})
    with pytest.raises(ClientError, match=r"Expected \[Name\]"):
        importing(stacks.client, thing("a"), {"Colour": "red"})


def test_import_into_a_stack_uses_the_default_of_its_own_beginning(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    registry.register(packages.build())
    kept = {**thing("a"), "DeletionPolicy": "Retain"}
    stacks.delete(stacks.create({"Resources": {"A": kept}}))
    name = stacks.create(template(B=thing("b")))
    switch(registry, stacks, packages.build("two"))
    change: Any = {"ResourceType": TYPE, "LogicalResourceId": "A", "ResourceIdentifier": {"Name": "a"}}
    stacks.client.create_change_set(
        StackName=name,
        ChangeSetName="import",
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps({"Resources": {"A": kept, "B": thing("b")}}),
        ResourcesToImport=[change],
    )
    before = len(packages.log())
    stacks.client.execute_change_set(ChangeSetName="import", StackName=name)
    assert stacks.wait(name) == "IMPORT_COMPLETE"
    read = [(each["action"], each["version"]) for each in packages.log()[before:]]
    assert set(read) == {("READ", "two")}


def test_reset_goes_on_when_a_function_cannot_be_stopped() -> None:
    extensions, stopped = Extensions(), []
    package = cast(Package, None)
    for number in range(3):
        name = f"Acme::Test::Thing{number}"
        registration, _ = extensions.begin(name, "us-east-1", {"TypeName": name})
        extensions.complete(registration, package)

    def stop(function: str) -> None:
        stopped.append(function)
        if len(stopped) == 1:
            raise RecursionError

    routes = RegistryRoutes(Operations(extensions, cast(Any, None)), extensions, stop, ())
    answer = routes.answer("DELETE", REGISTRY_PATH, b"")
    assert answer is not None
    assert (answer[0], len(stopped)) == (200, 3)
