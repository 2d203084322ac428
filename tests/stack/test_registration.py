"""registration.yaml in the local AWS: a type registered, updated, rolled back and removed by a stack.

The type is another one, whose handlers are a function of a few lines.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ClientError

from packager import registration
from packager.project import TypeName, renamed
from sandbox.commands import watch
from sandbox.local_aws import Sandbox
from tests.stack.stacks import DeployedStacks, new_name, parameters

Json = dict[str, Any]

NOTE = TypeName.registrable("Acme::Storage::Note")
TEMPLATE = renamed(registration.TARGET.read_text(encoding="utf-8"), NOTE)
BUCKET = "packages"
# With nothing but what it is asked and the number of its version.
HANDLERS = """
def handle(event, context):
    if event["action"] == "DELETE":
        return {{"status": "SUCCESS", "resourceModel": None}}
    model = event["requestData"]["resourceProperties"]
    return {{"status": "SUCCESS", "resourceModel": {{**model, "Id": "note", "Package": "{name}"}}}}
"""
ALARMS = {"InternalFailures", "Throttled", "Failures"}
MORE_THAN_ONE = "This type has more than one active version. Please deregister non-default active versions"


def archive(files: dict[str, str | bytes]) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as written:
        for name, text in files.items():
            written.writestr(name, text)
    return content.getvalue()


def package(name: str, *properties: str, schema: str = "") -> bytes:
    """Return a package whose schema has these properties, beside `Package`, the package's name."""
    described = {
        "typeName": NOTE.name,
        "description": "A note.",
        "additionalProperties": False,
        "properties": {each: {"type": "string"} for each in ("Id", "Package", *properties)},
        "primaryIdentifier": ["/properties/Id"],
        "readOnlyProperties": ["/properties/Id", "/properties/Package"],
        "handlers": {each: {"permissions": []} for each in ("create", "read", "update", "delete", "list")},
    }
    settings = {
        "runtime": "python3.12",
        "entrypoint": "note.handle",
        "settings": {"protocolVersion": "2.0.0"},
    }
    return archive(
        {
            ".rpdk-config": json.dumps(settings),
            "schema.json": schema or json.dumps(described),
            "ResourceProvider.zip": archive({"note.py": HANDLERS.format(name=name)}),
        }
    )


FIRST, SECOND = package("first", "Text"), package("second", "Text", "Color")


class Registration:
    """The stack of registration.yaml, and the type that it registers."""

    def __init__(self, stacks: DeployedStacks, s3: Any) -> None:
        self.stacks = stacks
        self._s3 = s3
        self.name = ""

    def upload(self, content: bytes) -> str:
        """Upload a package as the guide says, and return its key."""
        key = f"{NOTE.hyphenated}-{hashlib.sha256(content).hexdigest()}.zip"
        self._s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        return key

    def options(self, key: str, **more: str) -> Json:
        return {
            "Parameters": parameters(PackageBucket=BUCKET, PackageKey=key, **more),
            "Capabilities": ["CAPABILITY_IAM"],
        }

    def create(self, key: str, **more: str) -> None:
        self.name = self.stacks.create(TEMPLATE, **self.options(key, **more))

    def update(self, key: str, template: str = TEMPLATE, **more: str) -> str:
        return self.stacks.update(self.name, template, **self.options(key, **more))

    def resources(self) -> set[str]:
        """Return the names in the template of what the stack has."""
        listed = self.stacks.client.describe_stack_resources(StackName=self.name)["StackResources"]
        return {each["LogicalResourceId"] for each in listed if each["ResourceStatus"] != "DELETE_COMPLETE"}

    def versions(self) -> dict[str, bool]:
        """Return the live versions, and whether each is the default."""
        listed = self.stacks.client.list_type_versions(Type="RESOURCE", TypeName=NOTE.name)
        return {each["VersionId"]: each["IsDefaultVersion"] for each in listed["TypeVersionSummaries"]}

    def events(self) -> list[tuple[str, str]]:
        """Return what has happened to the version and the default one, oldest first, by their ARNs' ends."""
        return [
            (each["PhysicalResourceId"].rpartition("/")[2], each["ResourceStatus"])
            for each in watch.stack_events(self.stacks.client, self.name)
            if each["LogicalResourceId"] in ("Version", "DefaultVersion") and each.get("PhysicalResourceId")
        ]


@pytest.fixture
def registered(sandbox: Sandbox, empty_stacks: DeployedStacks) -> Iterator[Registration]:
    """A bucket for packages; nothing is registered yet."""
    with closing(sandbox.client("s3", endpoint_url=sandbox.endpoints["cloudformation"])) as s3:
        s3.create_bucket(Bucket=BUCKET)
        made = Registration(empty_stacks, s3)
        yield made
    # Stacks that use the type go before the one that registers it.
    for each in empty_stacks.client.describe_stacks()["Stacks"]:
        if each["StackName"] != made.name:
            assert empty_stacks.delete(each["StackName"]) == "DELETE_COMPLETE"


def note(**properties: str) -> Json:
    return {
        "Resources": {"Note": {"Type": NOTE.name, "Properties": properties}},
        "Outputs": {"Package": {"Value": {"Fn::GetAtt": ["Note", "Package"]}}},
    }


def test_update_registers_the_package_for_the_next_operation_of_stacks(registered: Registration) -> None:
    stacks = registered.stacks
    registered.create(registered.upload(FIRST))
    assert registered.versions() == {"00000001": True}
    user = stacks.create(note(Text="a"))
    assert stacks.outputs(user) == {"Package": "first"}
    assert registered.update(registered.upload(SECOND)) == "UPDATE_COMPLETE"
    assert registered.versions() == {"00000002": True}
    assert stacks.outputs(user) == {"Package": "first"}
    assert stacks.update(user, note(Text="a", Color="red")) == "UPDATE_COMPLETE"
    assert stacks.outputs(user) == {"Package": "second"}


def test_update_moves_the_default_before_it_removes_the_previous_version(registered: Registration) -> None:
    registered.create(registered.upload(FIRST))
    registered.update(registered.upload(SECOND))
    events = registered.events()
    moved, removed = (
        events.index((NOTE.in_arn, "UPDATE_COMPLETE")),
        events.index(("00000001", "DELETE_COMPLETE")),
    )
    assert events.index(("00000002", "UPDATE_COMPLETE")) < moved < removed
    assert not [each for each in events if each[1].endswith("FAILED")]


def test_change_sets_register_as_the_deploy_command_makes_them(registered: Registration) -> None:
    stacks, registered.name = registered.stacks, new_name()
    for content, kind, number in ((FIRST, "CREATE", "00000001"), (SECOND, "UPDATE", "00000002")):
        options = registered.options(registered.upload(content))
        changes = stacks.change_set(registered.name, TEMPLATE, ChangeSetType=kind, **options)
        assert stacks.execute(changes) == f"{kind}_COMPLETE"
        assert registered.versions() == {number: True}
    replaced = {
        each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"]["Replacement"]
        for each in changes["Changes"]
    }
    assert replaced == {"Version": "True", "DefaultVersion": "False"}


def test_termination_protection_keeps_the_type(registered: Registration) -> None:
    registered.create(registered.upload(FIRST))
    protect = registered.stacks.client.update_termination_protection
    protect(StackName=registered.name, EnableTerminationProtection=True)
    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        registered.stacks.delete(registered.name)
    assert registered.versions() == {"00000001": True}
    protect(StackName=registered.name, EnableTerminationProtection=False)


def test_earlier_key_goes_back_as_a_version_of_its_own(registered: Registration) -> None:
    stacks, first = registered.stacks, registered.upload(FIRST)
    registered.create(first)
    registered.update(registered.upload(SECOND))
    user = stacks.create(note(Text="a", Color="red"))
    assert registered.update(first) == "UPDATE_COMPLETE"
    assert registered.versions() == {"00000003": True}
    # What the older schema does not know is refused, before anything happens to the package of the stack.
    assert stacks.update(user, note(Text="b", Color="red")) == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.update(user, note(Text="b")) == "UPDATE_COMPLETE"
    assert stacks.outputs(user) == {"Package": "first"}


def test_update_of_anything_else_registers_nothing(registered: Registration) -> None:
    key = registered.upload(FIRST)
    registered.create(key)
    assert registered.resources() >= ALARMS
    more = {"LogRetentionDays": "30", "Alarms": "no", "ModelBucketArns": "arn:aws:s3:::ml-models"}
    assert registered.update(key, **more) == "UPDATE_COMPLETE"
    assert registered.versions() == {"00000001": True}
    assert not ALARMS & registered.resources()


WRONG_PACKAGES = {
    "no zip": (b"no zip", "is not a zip file"),
    "another type": (
        package("third", schema=json.dumps({"typeName": "Acme::Storage::Other"})),
        "Error validating schema definition",
    ),
}


@pytest.mark.parametrize("kind", WRONG_PACKAGES)
def test_failing_registration_leaves_the_default(registered: Registration, kind: str) -> None:
    content, reason = WRONG_PACKAGES[kind]
    registered.create(registered.upload(FIRST))
    user = registered.stacks.create(note(Text="a"))
    assert registered.update(registered.upload(content)) == "UPDATE_ROLLBACK_COMPLETE"
    (failure,) = [each for each in registered.stacks.reasons(registered.name) if "stabilize" in each]
    assert "'AWS::CloudFormation::ResourceVersion' with identifier " in failure
    assert reason in failure
    assert registered.versions() == {"00000001": True}
    assert registered.stacks.update(user, note(Text="b")) == "UPDATE_COMPLETE"
    # The guide's way to the reason, which AWS's own handler leaves out.
    client = registered.stacks.client
    (token,) = client.list_type_registrations(
        Type="RESOURCE", TypeName=NOTE.name, RegistrationStatusFilter="FAILED"
    )["RegistrationTokenList"]
    assert reason in client.describe_type_registration(RegistrationToken=token)["Description"]
    # The number of the failed one is gone.
    assert registered.update(registered.upload(SECOND)) == "UPDATE_COMPLETE"
    assert registered.versions() == {"00000003": True}


def test_missing_package_is_refused_by_the_registry(registered: Registration) -> None:
    registered.create(registered.upload(FIRST))
    assert registered.update("missing-1.zip") == "UPDATE_ROLLBACK_COMPLETE"
    assert [
        each
        for each in registered.stacks.reasons(registered.name)
        if "Error validating schemaHandlerPackage. Check the permissions on the bucket and object" in each
    ]
    assert registered.versions() == {"00000001": True}


def test_rollback_moves_the_default_back(registered: Registration) -> None:
    registered.create(registered.upload(FIRST))
    failing = "  Failing:\n    Type: AWS::CloudFormation::ResourceVersion\n    DependsOn: DefaultVersion\n"
    failing += f"    Properties: {{TypeName: {NOTE.name}, SchemaHandlerPackage: s3://{BUCKET}/missing.zip}}\n"
    template = TEMPLATE.replace("\nOutputs:\n", f"\n{failing}\nOutputs:\n")
    assert registered.update(registered.upload(SECOND), template) == "UPDATE_ROLLBACK_COMPLETE"
    assert registered.versions() == {"00000001": True}
    assert ("00000002", "UPDATE_COMPLETE") in registered.events()
    assert registered.stacks.outputs(registered.name)["TypeVersionArn"].endswith("/00000001")


def test_key_that_does_not_change_with_the_package_is_refused(registered: Registration) -> None:
    with pytest.raises(ClientError, match="PackageKey"):
        registered.create("package.zip")


def test_delete_removes_the_type(registered: Registration) -> None:
    registered.create(registered.upload(FIRST))
    registered.update(registered.upload(SECOND))
    assert registered.stacks.delete(registered.name) == "DELETE_COMPLETE"
    assert registered.versions() == {}
    with pytest.raises(ClientError, match=f"The type '{NOTE.name}' cannot be found"):
        registered.stacks.client.describe_type(Type="RESOURCE", TypeName=NOTE.name)
    with pytest.raises(ClientError, match="Unrecognized resource types"):
        registered.stacks.create(note(Text="a"))


def register(registered: Registration, content: bytes) -> None:
    """Register a package without a stack."""
    client = registered.stacks.client
    token = client.register_type(
        Type="RESOURCE",
        TypeName=NOTE.name,
        SchemaHandlerPackage=f"s3://{BUCKET}/{registered.upload(content)}",
    )["RegistrationToken"]
    assert client.describe_type_registration(RegistrationToken=token)["ProgressStatus"] == "COMPLETE"


def test_type_that_was_registered_before_is_adopted(registered: Registration) -> None:
    stacks = registered.stacks
    register(registered, FIRST)
    user = stacks.create(note(Text="a"))
    registered.create(registered.upload(SECOND))
    assert registered.versions() == {"00000001": False, "00000002": True}
    assert stacks.update(user, note(Text="a", Color="red")) == "UPDATE_COMPLETE"
    assert stacks.delete(user) == "DELETE_COMPLETE"
    # The stack cannot take the type with it before the earlier version is gone.
    stack_id = stacks.describe(registered.name)["StackId"]
    assert stacks.delete(registered.name) == "DELETE_FAILED"
    assert any(MORE_THAN_ONE in each for each in stacks.reasons(stack_id))
    assert registered.versions() == {"00000001": False, "00000002": True}
    stacks.client.deregister_type(Type="RESOURCE", TypeName=NOTE.name, VersionId="00000001")
    assert stacks.delete(stack_id) == "DELETE_COMPLETE"
    assert registered.versions() == {}


def test_default_that_was_set_by_hand_outlives_the_stack(registered: Registration) -> None:
    registered.create(registered.upload(FIRST))
    register(registered, SECOND)
    registered.stacks.client.set_type_default_version(
        Type="RESOURCE", TypeName=NOTE.name, VersionId="00000002"
    )
    assert registered.stacks.delete(registered.name) == "DELETE_COMPLETE"
    assert registered.versions() == {"00000002": True}


def test_regions_are_registered_apart(registered: Registration, sandbox: Sandbox) -> None:
    key = registered.upload(FIRST)
    registered.create(key)
    with closing(sandbox.client("cloudformation", region_name="eu-west-1")) as client:
        stack = client.create_stack(StackName="there", TemplateBody=TEMPLATE, **registered.options(key))
        assert watch.wait(client, stack["StackId"], 30, poll_seconds=0.02) == "CREATE_COMPLETE"
        (version,) = client.list_type_versions(Type="RESOURCE", TypeName=NOTE.name)["TypeVersionSummaries"]
        assert version["Arn"].startswith("arn:aws:cloudformation:eu-west-1:")
        client.delete_stack(StackName="there")
        assert watch.wait(client, stack["StackId"], 30, poll_seconds=0.02) == "DELETE_COMPLETE"
    assert registered.versions() == {"00000001": True}
