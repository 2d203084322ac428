"""Drift: quiet while nobody has touched a package, exact once somebody has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Fault
from sandbox.shared.settings import ROOT
from tests.stack.stacks import GROUP, IMAGE, Json, Stacks, specification, tags, template, unversioned, version

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
INPUTS = sorted((ROOT / "inputs").glob("inputs_*_create.json"))
GROUP_ARN = f"arn:aws:sagemaker:us-east-1:123456789012:model-package-group/{GROUP}"
CARD = {"ModelCardStatus": "Draft", "ModelCardContent": '{ "model_overview": {"model_id": "f"} }'}


def assert_quiet(stacks: Stacks, name: str, logical_id: str = "Package") -> Json:
    """Return what was found of a resource, which must be as its template says."""
    found = stacks.drift(name)[logical_id]
    assert found["StackResourceDriftStatus"] == "IN_SYNC", found
    assert not found.get("PropertyDifferences")
    return found


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_that_nobody_touched_is_in_sync(stacks: Stacks, example: Path) -> None:
    stacks.sagemaker.delete_model_package_group(ModelPackageGroupName=GROUP)  # the example brings its own
    name = stacks.create(example.read_text(), Tags=tags(cost="1"))
    (found,) = stacks.drift(name).values()
    assert (found["ResourceType"], found["StackResourceDriftStatus"]) == (
        "AWS::SageMaker::ModelPackage",
        "IN_SYNC",
    ), found


@pytest.mark.parametrize("tagged", [False, True], ids=["plain", "stack tags"])
@pytest.mark.parametrize("inputs", INPUTS, ids=lambda path: path.stem)
def test_an_input_set_that_nobody_touched_is_in_sync(stacks: Stacks, inputs: Path, tagged: bool) -> None:
    options: Json = {"Tags": tags(cost="1")} if tagged else {}
    created = template(json.loads(inputs.read_text()))
    updated = template(json.loads(inputs.with_name(inputs.name.replace("create", "update")).read_text()))
    name = stacks.create(created, **options)
    assert_quiet(stacks, name)
    assert stacks.update(name, updated, **options) == "UPDATE_COMPLETE"
    assert_quiet(stacks, name)


QUIET: dict[str, Json] = {
    "the group by its ARN": version(ModelPackageGroupName=GROUP_ARN),
    "a description emptied": version(ApprovalDescription=""),
    "metadata emptied": version(CustomerMetadataProperties={}),
    "what is the default anyway": version(
        CertifyForMarketplace=False, SkipModelValidation="None", ModelApprovalStatus="PendingManualApproval"
    ),
    "booleans as strings": unversioned(CertifyForMarketplace="true"),
    "a card": version(ModelCard=CARD),
    "a source beside a specification": version(SourceUri="s3://bucket/model/"),
    "a source alone": {"ModelPackageGroupName": GROUP, "SourceUri": "s3://bucket/model/"},
    "a token": version(ClientToken="a-token-of-its-own"),
    "default environments": version(
        Environment={"LEVEL": "info", "MODE": "fast"},
        InferenceSpecification={
            "Containers": [{"Image": IMAGE, "Environment": {"LEVEL": "debug"}}, {"Image": IMAGE}]
        },
    ),
    "specifications to add": version(
        AdditionalInferenceSpecifications=[specification("a")],
        AdditionalInferenceSpecificationsToAdd=[specification("b"), specification("a")],
        AdditionalInferenceSpecificationDefinition=specification("c"),
    ),
    "only specifications to add": version(AdditionalInferenceSpecificationsToAdd=[specification("b")]),
    "instance types in any order": version(
        InferenceSpecification={
            "Containers": [{"Image": IMAGE}],
            "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.xlarge", "ml.c5.large"],
            "SupportedResponseMIMETypes": [],
        }
    ),
    "a name of its own": unversioned(ModelPackageName="Fraud-Model"),
    "empty tags": version(Tags=[]),
}


@pytest.mark.parametrize("properties", QUIET.values(), ids=QUIET)
def test_another_way_to_say_the_same_is_no_drift(stacks: Stacks, properties: Json) -> None:
    assert_quiet(stacks, stacks.create(template(properties)))


def test_tags_in_another_order_are_no_drift(stacks: Stacks) -> None:
    name = stacks.create(template(unversioned(Tags=tags(b="2", a="1", c="3"))), Tags=tags(z="9", c="stack"))
    arn = stacks.arn(name)
    stacks.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["b"])
    stacks.sagemaker.add_tags(ResourceArn=arn, Tags=tags(b="2"))
    assert_quiet(stacks, name)


@pytest.mark.parametrize("own", [{}, {"Tags": []}, {"Tags": tags(own="x")}], ids=["none", "empty", "one"])
def test_tags_from_the_stack_are_no_drift(stacks: Stacks, own: Json) -> None:
    name = stacks.create(template(unversioned(**own)), Tags=tags(team="risk", cost="1"))
    assert_quiet(stacks, name)
    stacks.sagemaker.delete_tags(ResourceArn=stacks.arn(name), TagKeys=["team"])
    ((path, expected, actual, kind),) = stacks.differences(name)
    assert (path, json.loads(expected), actual, kind) == (
        "/Tags/0",
        {"Key": "team", "Value": "risk"},
        "null",
        "REMOVE",
    )


@pytest.mark.parametrize("count", [1, 2])
def test_tags_of_a_version_that_repeat_the_stacks_are_no_drift(stacks: Stacks, count: int) -> None:
    repeated = tags(team="risk", cost="1")[:count]
    name = stacks.create(template(version(Tags=repeated)), Tags=tags(team="risk", cost="1"))
    assert_quiet(stacks, name)


def test_what_the_service_filled_in_is_not_shown_either(stacks: Stacks) -> None:
    found = assert_quiet(stacks, stacks.create(template(version())))
    assert json.loads(found["ExpectedProperties"]) == json.loads(found["ActualProperties"]) == version()


# A change behind CloudFormation's back, and what drift detection has to say of it.
DRIFTED: dict[str, tuple[Json, Json, list[tuple[str, str, str, str]]]] = {
    "approval": (
        version(ModelApprovalStatus="PendingManualApproval"),
        {"ModelApprovalStatus": "Approved"},
        [("/ModelApprovalStatus", "PendingManualApproval", "Approved", "NOT_EQUAL")],
    ),
    "approval description": (
        version(ModelApprovalStatus="Approved", ApprovalDescription="good"),
        {"ModelApprovalStatus": "Approved", "ApprovalDescription": "better"},
        [("/ApprovalDescription", "good", "better", "NOT_EQUAL")],
    ),
    "approval description, given where it was empty": (
        version(ApprovalDescription=""),
        {"ModelApprovalStatus": "Approved", "ApprovalDescription": "fine"},
        [("/ApprovalDescription", "", "fine", "NOT_EQUAL")],
    ),
    "approval description, removed": (
        version(ModelApprovalStatus="Approved", ApprovalDescription="good"),
        {"ModelApprovalStatus": "Approved", "ApprovalDescription": ""},
        [("/ApprovalDescription", "good", "null", "REMOVE")],
    ),
    "metadata, changed": (
        version(CustomerMetadataProperties={"a": "1", "b": "2"}),
        {"CustomerMetadataProperties": {"b": "3"}},
        [("/CustomerMetadataProperties/b", "2", "3", "NOT_EQUAL")],
    ),
    "metadata, added": (
        version(CustomerMetadataProperties={"a": "1"}),
        {"CustomerMetadataProperties": {"x/y": "z"}},
        [("/CustomerMetadataProperties/x~1y", "null", "z", "ADD")],
    ),
    "metadata, removed": (
        version(CustomerMetadataProperties={"a": "1", "b": "2"}),
        {"CustomerMetadataPropertiesToRemove": ["a"]},
        [("/CustomerMetadataProperties/a", "1", "null", "REMOVE")],
    ),
    "life cycle": (
        version(ModelLifeCycle={"Stage": "Development", "StageStatus": "InProgress"}),
        {"ModelLifeCycle": {"Stage": "Staging", "StageStatus": "InProgress"}},
        [("/ModelLifeCycle/Stage", "Development", "Staging", "NOT_EQUAL")],
    ),
    "card": (
        version(ModelCard=CARD),
        {"ModelCard": {"ModelCardStatus": "Approved"}},
        [("/ModelCard/ModelCardStatus", "Draft", "Approved", "NOT_EQUAL")],
    ),
    "registration type": (
        version(ModelPackageRegistrationType="Logged"),
        {"ModelPackageRegistrationType": "Registered"},
        [("/ModelPackageRegistrationType", "Logged", "Registered", "NOT_EQUAL")],
    ),
}


@pytest.mark.parametrize(("properties", "change", "expected"), DRIFTED.values(), ids=DRIFTED)
def test_a_change_behind_the_stacks_back_is_named(
    stacks: Stacks, properties: Json, change: Json, expected: list[tuple[str, str, str, str]]
) -> None:
    name = stacks.create(template(properties))
    stacks.sagemaker.update_model_package(ModelPackageArn=stacks.arn(name), **change)
    assert stacks.differences(name) == expected
    assert stacks.describe(name)["DriftInformation"]["StackDriftStatus"] == "DRIFTED"


def test_what_the_template_does_not_say_is_not_compared(stacks: Stacks) -> None:
    name = stacks.create(template(version()))
    stacks.sagemaker.update_model_package(
        ModelPackageArn=stacks.arn(name),
        ModelApprovalStatus="Approved",
        CustomerMetadataProperties={"a": "b"},
        ModelLifeCycle={"Stage": "Development", "StageStatus": "InProgress"},
    )
    assert_quiet(stacks, name)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(tags(a="2"), ("/Tags/0/Value", "1", "2", "NOT_EQUAL"), id="changed"),
        pytest.param(tags(b="2"), ("/Tags/1", '{"Key": "b", "Value": "2"}', "ADD"), id="added"),
    ],
)
def test_a_tag_behind_the_stacks_back_is_named(
    stacks: Stacks, change: list[dict[str, str]], expected: tuple[str, ...]
) -> None:
    name = stacks.create(template(unversioned(Tags=tags(a="1"))))
    stacks.sagemaker.add_tags(ResourceArn=stacks.arn(name), Tags=change)
    (found,) = stacks.differences(name)
    assert (found if len(expected) == 4 else (found[0], found[2], found[3])) == expected


def test_a_specification_behind_the_stacks_back_is_named(stacks: Stacks) -> None:
    properties = version(
        AdditionalInferenceSpecifications=[specification("a")],
        AdditionalInferenceSpecificationsToAdd=[specification("b")],
    )
    name = stacks.create(template(properties))
    stacks.sagemaker.update_model_package(
        ModelPackageArn=stacks.arn(name), AdditionalInferenceSpecificationsToAdd=[specification("x")]
    )
    ((path, expected, actual, kind),) = stacks.differences(name)
    assert (path, expected, kind) == ("/AdditionalInferenceSpecifications/2", "null", "ADD")
    assert json.loads(actual)["Name"] == "x"


def test_a_container_behind_the_stacks_back_is_named(stacks: Stacks, sandbox: Sandbox) -> None:
    sandbox.sagemaker.behaviour.inference_specification_replaceable = True
    properties = version(
        Environment={"LEVEL": "info"},
        InferenceSpecification={"Containers": [{"Image": IMAGE, "Environment": {"MODE": "fast"}}]},
    )
    name = stacks.create(template(properties))
    assert_quiet(stacks, name)
    containers = [{"Image": IMAGE, "Environment": {"MODE": "fast", "LEVEL": "debug"}}]
    stacks.sagemaker.update_model_package(
        ModelPackageArn=stacks.arn(name), InferenceSpecification={"Containers": containers}
    )
    where = "/InferenceSpecification/Containers/0/Environment/LEVEL"
    assert stacks.differences(name) == [(where, "info", "debug", "NOT_EQUAL")]


def test_a_package_that_is_gone_is_deleted(stacks: Stacks) -> None:
    name = stacks.create(template(version()))
    stacks.sagemaker.delete_model_package(ModelPackageName=stacks.arn(name))
    assert stacks.drift(name)["Package"]["StackResourceDriftStatus"] == "DELETED"


def test_a_package_that_cannot_be_read_is_not_called_drifted(stacks: Stacks, sandbox: Sandbox) -> None:
    name = stacks.create(template(version()))
    sandbox.sagemaker.behaviour.faults = [Fault("AccessDeniedException", times=None)]
    found = stacks.client.detect_stack_resource_drift(StackName=name, LogicalResourceId="Package")
    drift = found["StackResourceDrift"]
    assert drift["StackResourceDriftStatus"] == "UNKNOWN"
    assert "HandlerErrorCode: AccessDenied" in drift["DriftStatusReason"]


def test_one_resource_can_be_asked_about(stacks: Stacks) -> None:
    both = template(version(ModelApprovalStatus="Rejected"))
    both["Resources"]["Other"] = template(version())["Resources"]["Package"]
    name = stacks.create(both)
    stacks.sagemaker.update_model_package(
        ModelPackageArn=stacks.arn(name), ModelApprovalStatus="Approved", ApprovalDescription="by hand"
    )
    detected: dict[str, Any] = stacks.client.detect_stack_resource_drift(
        StackName=name, LogicalResourceId="Package"
    )["StackResourceDrift"]
    assert detected["PropertyDifferences"] == [
        {
            "PropertyPath": "/ModelApprovalStatus",
            "ExpectedValue": "Rejected",
            "ActualValue": "Approved",
            "DifferenceType": "NOT_EQUAL",
        }
    ]
    listed = stacks.client.describe_stack_resource_drifts(
        StackName=name, StackResourceDriftStatusFilters=["MODIFIED"]
    )["StackResourceDrifts"]
    assert [each["LogicalResourceId"] for each in listed] == ["Package"]
    with pytest.raises(ClientError, match="does not exist in stack"):
        stacks.client.detect_stack_resource_drift(StackName=name, LogicalResourceId="Nobody")


def test_an_update_takes_the_drift_away(stacks: Stacks) -> None:
    name = stacks.create(template(version(ModelApprovalStatus="PendingManualApproval")))
    stacks.sagemaker.update_model_package(ModelPackageArn=stacks.arn(name), ModelApprovalStatus="Approved")
    assert stacks.differences(name)
    assert stacks.update(name, template(version(ModelApprovalStatus="Approved"))) == "UPDATE_COMPLETE"
    assert_quiet(stacks, name)


# What cannot be free of drift, see guides/other-clients.md: seen here, so that the list there stays true.
LOUD: dict[str, tuple[Json, str]] = {
    "what belongs to the service": (version(ModelPackageVersion=41), "/ModelPackageVersion"),
    "when it was changed": (version(LastModifiedTime="2026-01-01T00:00:00+00:00"), "/LastModifiedTime"),
}


@pytest.mark.parametrize(("properties", "path"), LOUD.values(), ids=LOUD)
def test_what_no_transform_can_silence(stacks: Stacks, properties: Json, path: str) -> None:
    name = stacks.create(template(properties))
    assert [found[0] for found in stacks.differences(name)] == [path]


def test_a_specification_no_template_speaks_of_any_more_is_drift(stacks: Stacks) -> None:
    first = version(AdditionalInferenceSpecifications=[specification("a")])
    name = stacks.create(
        template({**first, "AdditionalInferenceSpecificationsToAdd": [specification("b")]}),
    )
    assert_quiet(stacks, name)
    assert stacks.update(name, template(first)) == "UPDATE_COMPLETE"
    assert [found[0] for found in stacks.differences(name)] == ["/AdditionalInferenceSpecifications/1"]
