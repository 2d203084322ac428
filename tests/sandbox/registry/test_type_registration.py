"""`AWS::CloudFormation::ResourceVersion` and `ResourceDefaultVersion` in templates."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.helpers import cases
from tests.sandbox.registry.packages import TYPE, Json, Packages, Registry
from tests.stack.stacks import DeployedStacks, new_name

TYPE_ARN = "arn:aws:cloudformation:us-east-1:123456789012:type/resource/Acme-Test-Thing"
VERSION, DEFAULT = "AWS::CloudFormation::ResourceVersion", "AWS::CloudFormation::ResourceDefaultVersion"
SEVERAL = "This type has more than one active version."
# What Fn::GetAtt gives.
ATTRIBUTES = ("Arn", "IsDefaultVersion", "ProvisioningType", "TypeArn", "VersionId", "Visibility")


def registration(address: str, **more: Any) -> Json:
    """A template that registers a version and makes it the default; other resources in `more`."""
    properties = {"TypeName": TYPE, "SchemaHandlerPackage": address}
    return {
        "Resources": {
            "Version": {"Type": VERSION, "Properties": properties},
            "Default": {"Type": DEFAULT, "Properties": {"TypeVersionArn": {"Ref": "Version"}}},
            **more,
        },
        "Outputs": {
            "Ref": {"Value": {"Ref": "Version"}},
            "RefOfDefault": {"Value": {"Ref": "Default"}},
            **{name: {"Value": {"Fn::GetAtt": ["Version", name]}} for name in ATTRIBUTES},
        },
    }


def fails(**properties: Any) -> Json:
    """A resource whose creation fails, after the default was set."""
    return {"Type": TYPE, "DependsOn": ["Default"], "Properties": {"Fails": "CREATE", **properties}}


def test_template_registers_and_updates_by_another_version(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    name = stacks.create(registration(registry.upload(packages.build())))
    first = f"{TYPE_ARN}/00000001"
    assert stacks.outputs(name) == {
        "Ref": first,
        "RefOfDefault": TYPE_ARN,
        "Arn": first,
        "IsDefaultVersion": "true",
        "ProvisioningType": "FULLY_MUTABLE",
        "TypeArn": TYPE_ARN,
        "VersionId": "00000001",
        "Visibility": "PRIVATE",
    }
    second = registration(registry.upload(packages.build("two")))
    change = stacks.change_set(name, second)
    actions = {
        each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"]["Replacement"]
        for each in change["Changes"]
    }
    assert actions["Version"] == "True"
    assert stacks.execute(change) == "UPDATE_COMPLETE", stacks.reasons(name)
    # The old one was deregistered in the clean-up, when it was not the default any more.
    assert registry.versions() == {"00000002": True}
    assert registry.versions(DeprecatedStatus="DEPRECATED") == {"00000001": False}
    assert stacks.outputs(name)["Ref"] == f"{TYPE_ARN}/00000002"
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert registry.versions() == {}


def test_template_with_roles_and_logs(registry: Registry, stacks: DeployedStacks, packages: Packages) -> None:
    role = "arn:aws:iam::123456789012:role/thing"
    logging = {"LogRoleArn": role, "LogGroupName": "acme-logs"}
    content = registration(registry.upload(packages.build()))
    content["Resources"]["Version"]["Properties"] |= {"ExecutionRoleArn": role, "LoggingConfig": logging}
    stacks.create(content)
    described = registry.client.describe_type(Arn=f"{TYPE_ARN}/00000001")
    assert (described["ExecutionRoleArn"], described["LoggingConfig"]) == (role, logging)


def test_failed_update_goes_back_to_the_version_before(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    name = stacks.create(registration(registry.upload(packages.build())))
    stacks.create({"Resources": {"A": {"Type": TYPE, "Properties": {"Name": "a"}}}})
    other = {
        "Type": "AWS::SSM::Parameter",
        "DependsOn": ["Default"],
        "Properties": {"Name": "/p", "Type": "Bad"},
    }
    broken = registration(registry.upload(packages.build("two")), Broken={**other, "Type": TYPE})
    broken["Resources"]["Broken"]["Properties"] = {"Name": "b", "Fails": "CREATE"}
    assert stacks.update(name, broken) == "UPDATE_ROLLBACK_COMPLETE", stacks.reasons(name)
    assert registry.versions() == {"00000001": True}
    assert registry.versions(DeprecatedStatus="DEPRECATED") == {"00000002": False}


def test_version_without_a_default_of_its_own_stays_behind(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    def alone(version: str) -> Json:
        content = registration(registry.upload(packages.build(version)))
        return {"Resources": {"Version": content["Resources"]["Version"]}}

    name = stacks.create(alone("one"))
    # The first one is still the default when it is to go, and that is refused beside the second one.
    assert stacks.update(name, alone("two")) == "UPDATE_COMPLETE"
    assert any(SEVERAL in reason for reason in stacks.reasons(name))
    assert registry.versions() == {"00000001": True, "00000002": False}


def test_default_beside_others_is_not_deleted(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    name = stacks.create(registration(registry.upload(packages.build())))
    other = registry.register(packages.build("two"))
    assert stacks.delete(name) == "DELETE_FAILED"
    assert any(SEVERAL in reason for reason in stacks.reasons(name))
    assert registry.versions() == {"00000001": True, "00000002": False}
    registry.client.deregister_type(Arn=other)
    stack_id = stacks.describe(name)["StackId"]
    stacks.client.delete_stack(StackName=name)
    assert stacks.wait(stack_id) == "DELETE_COMPLETE"
    assert registry.versions() == {}


def test_version_that_has_gone_counts_as_deleted(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    name = stacks.create(registration(registry.upload(packages.build())))
    registry.deregister()
    assert stacks.delete(name) == "DELETE_COMPLETE"


def test_default_by_number_moves_and_stays(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    for version in ("one", "two", "three"):
        registry.register(packages.build(version))

    def default(number: str) -> Json:
        properties = {"TypeName": TYPE, "VersionId": number}
        return {"Resources": {"Default": {"Type": DEFAULT, "Properties": properties}}}

    name = stacks.create(default("00000002"))
    assert registry.versions()["00000002"]
    assert stacks.update(name, default("00000003")) == "UPDATE_COMPLETE"
    assert registry.versions()["00000003"]
    assert stacks.update(name, default("00000009")) == "UPDATE_ROLLBACK_COMPLETE"
    assert any("cannot be found" in reason for reason in stacks.reasons(name))
    assert registry.versions()["00000003"]
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert registry.versions()["00000003"]  # a type always has a default


@cases(
    "kind, properties, expected",
    {
        "no package": (VERSION, {"TypeName": TYPE}, "#: required key [SchemaHandlerPackage] not found"),
        "an unknown property": (
            VERSION,
            {"TypeName": TYPE, "SchemaHandlerPackage": "s3://packages/x", "Colour": "red"},
            "#: extraneous key [Colour] is not permitted",
        ),
        "half a log": (
            VERSION,
            {
                "TypeName": TYPE,
                "SchemaHandlerPackage": "s3://packages/x",
                "LoggingConfig": {"LogGroupName": "x"},
            },
            "#/LoggingConfig: LogGroupName and LogRoleArn are both required",
        ),
        "no object": (
            VERSION,
            {"TypeName": TYPE, "SchemaHandlerPackage": "s3://packages/nothing.zip"},
            "Error validating schemaHandlerPackage. Check the permissions on the bucket and object",
        ),
        "a reserved name": (
            VERSION,
            {"TypeName": "AWS::Test::Thing", "SchemaHandlerPackage": "s3://packages/x"},
            "The type name AWS::Test::Thing cannot be registered: the namespaces",
        ),
        "no version": (
            DEFAULT,
            {"TypeName": TYPE},
            "#: either TypeVersionArn, or TypeName and VersionId, are req",
        ),
        "both": (
            DEFAULT,
            {"TypeName": TYPE, "VersionId": "00000001", "TypeVersionArn": f"{TYPE_ARN}/00000001"},
            "#: either TypeVersionArn, or TypeName and VersionId, are required",
        ),
        "a type's ARN": (DEFAULT, {"TypeVersionArn": TYPE_ARN}, "The request has to name a version"),
        "a missing type": (
            DEFAULT,
            {"TypeVersionArn": f"{TYPE_ARN}/00000001"},
            f"The type '{TYPE}' cannot be found.",
        ),
    },
)
def test_wrong_properties_fail(
    registry: Registry, stacks: DeployedStacks, kind: str, properties: Json, expected: str
) -> None:
    registry.upload(b"x")
    name = new_name()
    content = {"Resources": {"It": {"Type": kind, "Properties": properties}}}
    stacks.client.create_stack(StackName=name, TemplateBody=json.dumps(content))
    assert stacks.wait(name) == "ROLLBACK_COMPLETE"
    assert any(expected in reason for reason in stacks.reasons(name)), stacks.reasons(name)
    assert registry.versions() == {}


def test_failed_registration_fails_the_stack_and_says_why(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    name = new_name()
    body = json.dumps(registration(registry.upload(b"no zip")))
    stacks.client.create_stack(StackName=name, TemplateBody=body)
    assert stacks.wait(name) == "ROLLBACK_COMPLETE"
    (reason,) = [each for each in stacks.reasons(name) if each.startswith("Resource of type")]
    expected = f"Resource of type '{VERSION}' with identifier '{TYPE_ARN}/00000001' did not stabilize."  # [R]
    assert reason.startswith(expected)
    assert "is not a zip file" in reason
    assert registry.versions() == {}
    # The next one works.
    stacks.create(registration(registry.upload(packages.build())))
    assert registry.versions() == {"00000002": True}


def test_stacks_register_types_at_once(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    names = []
    for number in range(5):
        type_name = f"Acme::Test::Thing{number}"
        content = registration(registry.upload(packages.build(type_name=type_name)))
        content["Resources"]["Version"]["Properties"]["TypeName"] = type_name
        names.append(new_name())
        stacks.client.create_stack(StackName=names[-1], TemplateBody=json.dumps(content))
    assert [stacks.wait(name) for name in names] == ["CREATE_COMPLETE"] * 5
    assert len(registry.client.list_types()["TypeSummaries"]) == 5


@pytest.mark.parametrize("retained", [True, False])
def test_replaced_version_is_kept_where_the_template_says_so(
    registry: Registry, stacks: DeployedStacks, packages: Packages, retained: bool
) -> None:
    def kept(version: str) -> Json:
        content = registration(registry.upload(packages.build(version)))
        if retained:
            content["Resources"]["Version"]["UpdateReplacePolicy"] = "Retain"
        return content

    name = stacks.create(kept("one"))
    assert stacks.update(name, kept("two")) == "UPDATE_COMPLETE"
    expected = {"00000001": False} if retained else {}
    assert registry.versions() == {**expected, "00000002": True}
