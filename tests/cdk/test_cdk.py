"""The CDK example through the whole sandbox, and what the CDK's own construct does there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from packager.build import Package
from sandbox.commands.demo_registry import TYPE as ACME
from sandbox.local_aws import Sandbox
from sandbox.shared.settings import ROOT, SCHEMA
from tests.cdk.conftest import Assembly, Synthesize
from tests.linter import lint
from tests.registration.packages import register, versions_run
from tests.stack.stacks import GROUP, TYPE, DeployedStacks, Json, tags, writes

STACK_TAGS = {"cost-center": "4711", "team": "risk"}
ATTRIBUTES = {"ModelPackageArn", "CreationTime", "ModelPackageStatus"}


def test_example_tags_the_stack_and_the_group(example: Assembly) -> None:
    resources = example.template["Resources"]
    assert example.properties["tags"] == STACK_TAGS
    assert resources["Group"]["Properties"]["Tags"] == tags(team="risk")
    assert "Tags" not in resources["Version"]["Properties"]


def test_example_needs_no_bootstrapped_account(example: Assembly) -> None:
    kinds = {artifact["type"] for artifact in example.manifest["artifacts"].values()}
    assert "cdk:asset-manifest" not in kinds
    assert "assumeRoleArn" not in example.properties
    assert set(example.template) == {"Parameters", "Resources", "Outputs"}
    assert set(example.template["Parameters"]) == {"ApprovalStatus"}


def test_example_life(example: Assembly, sandbox: Sandbox, stacks: DeployedStacks) -> None:
    sandbox.sagemaker.clear_calls()
    name = stacks.create(example.template, Tags=example.tags)
    outputs = stacks.outputs(name)
    assert outputs.keys() == ATTRIBUTES
    assert outputs["ModelPackageStatus"] == "Completed"
    arn = outputs["ModelPackageArn"]
    assert stacks.package(arn)["ModelApprovalStatus"] == "PendingManualApproval"
    (created,) = (given for operation, given in writes(sandbox) if operation == "CreateModelPackage")
    assert "Tags" not in created
    group = stacks.arn(name, "Group")
    assert STACK_TAGS.items() <= stacks.tags(group).items()

    sandbox.sagemaker.clear_calls()
    approved = [{"ParameterKey": "ApprovalStatus", "ParameterValue": "Approved"}]
    assert stacks.update(name, example.template, Parameters=approved, Tags=example.tags) == "UPDATE_COMPLETE"
    assert writes(sandbox) == [
        ("UpdateModelPackage", {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved"})
    ]
    assert stacks.outputs(name)["ModelPackageArn"] == arn
    assert stacks.drift(name)["Version"]["StackResourceDriftStatus"] == "IN_SYNC"

    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert sandbox.sagemaker.packages == []
    retained = stacks.sagemaker.describe_model_package_group(ModelPackageGroupName="fraud-detection-cdk")
    assert retained["ModelPackageGroupArn"] == group


def test_example_passes_cfn_lint_and_the_cdks_validation(example: Assembly, tmp_path: Path) -> None:
    assert example.violations == []
    shutil.copy(SCHEMA, tmp_path)
    assert lint(tmp_path, "--registry-schemas", tmp_path, "--template", example.path) == {}


@pytest.fixture
def registered(sandbox: Sandbox, stacks: DeployedStacks, package: Package) -> DeployedStacks:
    """Stacks where the type is registered under another name, as in an account."""
    register(sandbox, package.archive.read_bytes())
    return stacks


def test_example_deploys_under_the_registered_name(
    synthesize: Synthesize, sandbox: Sandbox, registered: DeployedStacks
) -> None:
    renamed = synthesize(modelPackageType=ACME.name)
    assert renamed.template["Resources"]["Version"]["Type"] == ACME.name
    name = registered.create(renamed.template, Tags=renamed.tags)
    assert registered.package(registered.outputs(name)["ModelPackageArn"])["ModelPackageVersion"] == 1
    assert set(versions_run(sandbox)) == {"00000001"}


def test_construct_adds_only_policies(apps: Callable[[str], Assembly]) -> None:
    resources = apps("ours").template["Resources"]
    version = resources["Version"]
    assert version["Properties"] == {
        "ModelPackageGroupName": GROUP,
        "InferenceSpecification": {
            "Containers": [{"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:1.4.2"}],
            "SupportedContentTypes": ["text/csv"],
        },
    }
    assert (version["Type"], resources["Kept"]["Type"]) == (TYPE, ACME.name)
    policies = {
        name: (each["UpdateReplacePolicy"], each["DeletionPolicy"]) for name, each in resources.items()
    }
    assert policies == {
        "Version": ("Retain", "Delete"),
        "Deleted": ("Delete", "Delete"),
        "Kept": ("Retain", "Retain"),
        "TaggedVersion": ("Retain", "Delete"),
        "Unversioned": ("Retain", "Delete"),
    }


def only(template: Json, *names: str) -> Json:
    return {"Resources": {name: template["Resources"][name] for name in names}}


def test_construct_merges_tags_of_an_unversioned_package(
    apps: Callable[[str], Assembly], stacks: DeployedStacks
) -> None:
    """The app's tags win over the properties', as with the CDK's own constructs."""
    ours = apps("ours")
    name = stacks.create(only(ours.template, "Unversioned"), Tags=ours.tags)
    assert stacks.tags(stacks.arn(name, "Unversioned")) == {
        "cost-center": "4711",
        "listing": "card-fraud",
        "reviewed": "yes",
        "team": "risk",
    }


def test_construct_passes_no_tags_to_a_version(
    apps: Callable[[str], Assembly], stacks: DeployedStacks
) -> None:
    ours = apps("ours")
    assert ours.properties["tags"] == {"cost-center": "4711"}  # those of the app are not the stack's
    name = stacks.create(only(ours.template, "Version"), Tags=ours.tags)
    assert stacks.package(stacks.arn(name, "Version"))["ModelPackageStatus"] == "Completed"
    refuse(stacks, only(ours.template, "TaggedVersion"), ours.tags)


def refuse(stacks: DeployedStacks, template: Json, stack_tags: list[Any]) -> None:
    stacks.client.create_stack(StackName="refused", TemplateBody=json.dumps(template), Tags=stack_tags)
    assert stacks.wait("refused") == "ROLLBACK_COMPLETE"
    reasons = stacks.reasons("refused")
    assert any("Put them on the group" in each and "InvalidRequest" in each for each in reasons), reasons


def test_cdk_construct_deploys_in_a_stack_with_tags(
    apps: Callable[[str], Assembly], sandbox: Sandbox, stacks: DeployedStacks
) -> None:
    """What AWS's type passes on, SageMaker refuses: aws-cdk issue 33699."""
    own = apps("cdks-own")
    properties = own.template["Resources"]["Package"]["Properties"]
    assert properties["Tags"] == tags(team="risk")
    with pytest.raises(ClientError, match="Tags are not supported in Model Package versions"):
        stacks.sagemaker.create_model_package(ModelPackageGroupName=GROUP, Tags=properties["Tags"])

    sandbox.sagemaker.clear_calls()
    name = stacks.create(own.template, Tags=own.tags)
    assert stacks.package(stacks.arn(name))["ModelPackageStatus"] == "Completed"
    (created,) = (given for operation, given in writes(sandbox) if operation == "CreateModelPackage")
    assert "Tags" not in created
    assert STACK_TAGS.items() <= stacks.tags(stacks.arn(name, "Group")).items()


def test_cdk_construct_of_the_registered_type(
    apps: Callable[[str], Assembly], registered: DeployedStacks
) -> None:
    renamed = apps("renamed")
    assert renamed.template["Resources"]["Package"]["Type"] == ACME.name
    name = registered.create(renamed.template, Tags=renamed.tags)
    assert registered.package(registered.arn(name))["ModelPackageStatus"] == "Completed"


def test_cdk_construct_is_refused_with_tags_of_the_app(
    apps: Callable[[str], Assembly], stacks: DeployedStacks
) -> None:
    """With explicitStackTags, the app's tags go to resources and not to the stack."""
    explicit = apps("explicit")
    assert explicit.properties["tags"] == {"cost-center": "4711"}
    refuse(stacks, explicit.template, explicit.tags)


def test_readme_has_the_tested_override() -> None:
    line = f'add_override("Type", "{ACME.name}")'
    assert line in (ROOT / "examples" / "cdk" / "README.md").read_text()
    assert 'add_override("Type", ACME)' in Path(__file__).with_name("apps.py").read_text()
