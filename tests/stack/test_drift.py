"""Drift detection: nothing while a package is as its template says, the exact difference once it is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Fault
from sandbox.shared.settings import ROOT, schema, top_level
from tests.stack.stacks import (
    GROUP,
    IMAGE,
    DeployedStacks,
    Json,
    input_set,
    specification,
    tags,
    template,
    unversioned,
    version,
)

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
GROUP_ARN = f"arn:aws:sagemaker:us-east-1:123456789012:model-package-group/{GROUP}"
CARD = {"ModelCardStatus": "Draft", "ModelCardContent": '{ "model_overview": {"model_id": "f"} }'}
LIFE_CYCLE = {"Stage": "Development", "StageStatus": "InProgress"}
Difference = tuple[str, str, str, str]


def assert_in_sync(stacks: DeployedStacks, name: str, logical_id: str = "Package") -> Json:
    drift = stacks.drift(name)[logical_id]
    assert drift["StackResourceDriftStatus"] == "IN_SYNC", drift
    assert not drift.get("PropertyDifferences")
    return drift


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_drift_of_an_example_is_none(empty_stacks: DeployedStacks, example: Path) -> None:
    name = empty_stacks.create(example.read_text(), Tags=tags(cost="1"))
    (drift,) = empty_stacks.drift(name).values()
    assert drift["ResourceType"] == "AWS::SageMaker::ModelPackage"
    assert_in_sync(empty_stacks, name, drift["LogicalResourceId"])


@pytest.mark.parametrize("stack_tags", [{}, {"Tags": tags(cost="1")}], ids=["plain", "stack tags"])
@pytest.mark.parametrize("number", range(1, 6))
def test_drift_of_an_input_set_is_none(stacks: DeployedStacks, number: int, stack_tags: Json) -> None:
    name = stacks.create(template(input_set(number)), **stack_tags)
    assert_in_sync(stacks, name)
    assert stacks.update(name, template(input_set(number, "update")), **stack_tags) == "UPDATE_COMPLETE"
    assert_in_sync(stacks, name)


IN_SYNC: dict[str, Json] = {
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
    "an empty description of the stage": version(ModelLifeCycle={**LIFE_CYCLE, "StageDescription": ""}),
}


@pytest.mark.parametrize("properties", IN_SYNC.values(), ids=IN_SYNC)
def test_drift_of_an_equal_value_is_none(stacks: DeployedStacks, properties: Json) -> None:
    assert_in_sync(stacks, stacks.create(template(properties)))


@pytest.mark.parametrize("number", range(1, 6))
def test_drift_of_what_describe_fills_in_is_none(stacks: DeployedStacks, number: int) -> None:
    """With every member that SageMaker adds or leaves empty spelled out in the template as well."""
    properties = input_set(number)
    described = stacks.package(stacks.arn(stacks.create(template(properties))))
    spelled_out = merged(properties, described, schema())
    assert spelled_out != properties
    assert_in_sync(stacks, stacks.create(template(spelled_out)))


def merged(value: Any, described: Any, rule: Json) -> Any:
    """A template's value with the members that Describe has beyond it and a template may have."""
    while "$ref" in rule:
        rule = schema()["definitions"][rule["$ref"].rsplit("/", 1)[1]]
    if isinstance(value, list) and described is not None:
        return [merged(*pair, rule["items"]) for pair in zip(value, described, strict=True)]
    if not isinstance(value, dict) or not rule.get("properties") or described is None:
        return value
    owned = {"ModelPackageName"} | top_level("readOnlyProperties") | top_level("deprecatedProperties")
    at_the_top = "ModelPackageArn" in described
    names = [
        name
        for name in rule["properties"]
        if name in value or (name in described and not (at_the_top and name in owned))
    ]
    return {
        name: merged(value[name], described.get(name), rule["properties"][name])
        if name in value
        else described[name]
        for name in names
    }


def test_drift_ignores_the_order_of_specifications(stacks: DeployedStacks) -> None:
    def ordered(names: str) -> Json:
        return template(version(AdditionalInferenceSpecifications=[specification(each) for each in names]))

    name, arn = stacks.create_package(ordered("bca"))
    modified = stacks.package(arn)["LastModifiedTime"]
    assert_in_sync(stacks, name)
    assert stacks.update(name, ordered("abc")) == "UPDATE_COMPLETE"
    assert stacks.package(arn)["LastModifiedTime"] == modified
    assert_in_sync(stacks, name)
    assert stacks.update(name, ordered("dcab")) == "UPDATE_COMPLETE"
    assert_in_sync(stacks, name)


def test_drift_ignores_how_json_is_written(stacks: DeployedStacks) -> None:
    name, arn = stacks.create_package(template(version(ModelCard=CARD)))
    content = json.dumps(json.loads(CARD["ModelCardContent"]), separators=(",", ":"))
    stacks.sagemaker.update_model_package(ModelPackageArn=arn, ModelCard={"ModelCardContent": content})
    assert_in_sync(stacks, name)
    content = content.replace('"f"', '"g"')
    stacks.sagemaker.update_model_package(ModelPackageArn=arn, ModelCard={"ModelCardContent": content})
    assert [path for path, *_ in stacks.differences(name)] == ["/ModelCard/ModelCardContent"]


def test_drift_ignores_the_order_of_tags(stacks: DeployedStacks) -> None:
    body = template(unversioned(Tags=tags(b="2", a="1", c="3")))
    name, arn = stacks.create_package(body, Tags=tags(z="9", c="stack"))
    stacks.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["b"])
    stacks.sagemaker.add_tags(ResourceArn=arn, Tags=tags(b="2"))
    assert_in_sync(stacks, name)


@pytest.mark.parametrize("own", [{}, {"Tags": []}, {"Tags": tags(own="x")}], ids=["none", "empty", "one"])
def test_drift_expects_the_stacks_tags(stacks: DeployedStacks, own: Json) -> None:
    name = stacks.create(template(unversioned(**own)), Tags=tags(team="risk", cost="1"))
    assert_in_sync(stacks, name)
    stacks.sagemaker.delete_tags(ResourceArn=stacks.arn(name), TagKeys=["team"])
    assert stacks.differences(name) == [("/Tags/0", '{"Key": "team", "Value": "risk"}', "null", "REMOVE")]


@pytest.mark.parametrize("count", [1, 2])
def test_drift_ignores_tags_of_a_version_that_repeat_the_stacks(stacks: DeployedStacks, count: int) -> None:
    repeated = tags(team="risk", cost="1")[:count]
    name = stacks.create(template(version(Tags=repeated)), Tags=tags(team="risk", cost="1"))
    assert_in_sync(stacks, name)


def test_drift_leaves_out_what_the_service_filled_in(stacks: DeployedStacks) -> None:
    drift = assert_in_sync(stacks, stacks.create(template(version())))
    assert json.loads(drift["ExpectedProperties"]) == json.loads(drift["ActualProperties"]) == version()


# Properties, arguments of UpdateModelPackage (or tags that are added), and the differences.
DRIFTED: dict[str, tuple[Json, Json, list[Difference]]] = {
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
        version(ModelLifeCycle=LIFE_CYCLE),
        {"ModelLifeCycle": {**LIFE_CYCLE, "Stage": "Staging"}},
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
    "environment of a container": (
        version(
            Environment={"LEVEL": "info"},
            InferenceSpecification={"Containers": [{"Image": IMAGE, "Environment": {"MODE": "fast"}}]},
        ),
        {
            "InferenceSpecification": {
                "Containers": [{"Image": IMAGE, "Environment": {"MODE": "fast", "LEVEL": "debug"}}]
            }
        },
        [("/InferenceSpecification/Containers/0/Environment/LEVEL", "info", "debug", "NOT_EQUAL")],
    ),
    "tag, changed": (
        unversioned(Tags=tags(a="1")),
        {"Tags": tags(a="2")},
        [("/Tags/0/Value", "1", "2", "NOT_EQUAL")],
    ),
    "tag, added": (
        unversioned(Tags=tags(a="1")),
        {"Tags": tags(b="2")},
        [("/Tags/1", "null", '{"Key": "b", "Value": "2"}', "ADD")],
    ),
}


@pytest.mark.parametrize(("properties", "change", "expected"), DRIFTED.values(), ids=DRIFTED)
def test_drift_names_the_difference(
    stacks: DeployedStacks, sandbox: Sandbox, properties: Json, change: Json, expected: list[Difference]
) -> None:
    sandbox.sagemaker.behaviour.inference_specification_replaceable = True
    name = stacks.create(template(properties))
    assert_in_sync(stacks, name)
    if "Tags" in change:
        stacks.sagemaker.add_tags(ResourceArn=stacks.arn(name), **change)
    else:
        stacks.sagemaker.update_model_package(ModelPackageArn=stacks.arn(name), **change)
    assert stacks.differences(name) == expected
    assert stacks.describe(name)["DriftInformation"]["StackDriftStatus"] == "DRIFTED"


def test_drift_of_an_imported_package_names_what_the_template_empties(stacks: DeployedStacks) -> None:
    def properties(image: Json, whole: Json, additional: Json, role: str) -> Json:
        return version(
            InferenceSpecification={"Containers": [{"Image": IMAGE, **image}], **whole},
            AdditionalInferenceSpecifications=[{**specification("a"), **additional}],
            CustomerMetadataProperties={"role": f"arn:aws:iam::123456789012:role/{role}"},
        )

    live = properties(
        {"IsCheckpoint": True, "Framework": "TENSORFLOW", "Environment": {"A": "1"}},
        {"SupportedContentTypes": ["text/csv"]},
        {"Description": "x"},
        "Admin",
    )
    arn = stacks.sagemaker.create_model_package(**live)["ModelPackageArn"]
    body = template(
        properties(
            {"IsCheckpoint": False, "Framework": "", "Environment": {}},
            {"SupportedContentTypes": []},
            {"Description": ""},
            "admin",
        )
    )
    body["Resources"]["Package"]["DeletionPolicy"] = "Retain"
    resource = {"ResourceType": body["Resources"]["Package"]["Type"], "LogicalResourceId": "Package"}
    change_set = stacks.change_set(
        "emptied",
        body,
        ChangeSetType="IMPORT",
        ResourcesToImport=[{**resource, "ResourceIdentifier": {"ModelPackageArn": arn}}],
    )
    assert stacks.execute(change_set) == "IMPORT_COMPLETE"
    container = "/InferenceSpecification/Containers/0"
    assert {path for path, *_ in stacks.differences("emptied")} == {
        f"{container}/IsCheckpoint",
        f"{container}/Framework",
        f"{container}/Environment/A",
        "/InferenceSpecification/SupportedContentTypes/0",
        "/AdditionalInferenceSpecifications/0/Description",
        "/CustomerMetadataProperties/role",
    }


def test_drift_names_a_specification_that_was_added(stacks: DeployedStacks) -> None:
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


def test_drift_compares_only_what_the_template_sets(stacks: DeployedStacks) -> None:
    name = stacks.create(template(version()))
    stacks.sagemaker.update_model_package(
        ModelPackageArn=stacks.arn(name),
        ModelApprovalStatus="Approved",
        CustomerMetadataProperties={"a": "b"},
        ModelLifeCycle={"Stage": "Development", "StageStatus": "InProgress"},
    )
    assert_in_sync(stacks, name)


def test_drift_of_a_missing_package_is_deleted(stacks: DeployedStacks) -> None:
    name = stacks.create(template(version()))
    stacks.sagemaker.delete_model_package(ModelPackageName=stacks.arn(name))
    assert stacks.drift(name)["Package"]["StackResourceDriftStatus"] == "DELETED"


def test_drift_of_an_unreadable_package_is_unknown(stacks: DeployedStacks, sandbox: Sandbox) -> None:
    name = stacks.create(template(version()))
    sandbox.sagemaker.behaviour.faults = [Fault("AccessDeniedException", times=None)]
    detected = stacks.client.detect_stack_resource_drift(StackName=name, LogicalResourceId="Package")
    drift = detected["StackResourceDrift"]
    assert drift["StackResourceDriftStatus"] == "UNKNOWN"
    assert "HandlerErrorCode: AccessDenied" in drift["DriftStatusReason"]


def test_drift_of_one_resource(stacks: DeployedStacks) -> None:
    both = template(version(ModelApprovalStatus="Rejected"))
    both["Resources"]["Other"] = template(version())["Resources"]["Package"]
    name = stacks.create(both)
    stacks.sagemaker.update_model_package(
        ModelPackageArn=stacks.arn(name), ModelApprovalStatus="Approved", ApprovalDescription="by hand"
    )
    detected = stacks.client.detect_stack_resource_drift(StackName=name, LogicalResourceId="Package")
    assert detected["StackResourceDrift"]["PropertyDifferences"] == [
        {
            "PropertyPath": "/ModelApprovalStatus",
            "ExpectedValue": "Rejected",
            "ActualValue": "Approved",
            "DifferenceType": "NOT_EQUAL",
        }
    ]
    modified = stacks.client.describe_stack_resource_drifts(
        StackName=name, StackResourceDriftStatusFilters=["MODIFIED"]
    )["StackResourceDrifts"]
    assert [each["LogicalResourceId"] for each in modified] == ["Package"]
    with pytest.raises(ClientError, match="does not exist in stack"):
        stacks.client.detect_stack_resource_drift(StackName=name, LogicalResourceId="Missing")


def test_drift_ends_with_an_update(stacks: DeployedStacks) -> None:
    name = stacks.create(template(version(ModelApprovalStatus="PendingManualApproval")))
    stacks.sagemaker.update_model_package(ModelPackageArn=stacks.arn(name), ModelApprovalStatus="Approved")
    assert stacks.differences(name)
    assert stacks.update(name, template(version(ModelApprovalStatus="Approved"))) == "UPDATE_COMPLETE"
    assert_in_sync(stacks, name)


@pytest.mark.parametrize(
    ("property_", "value"),
    [("ModelPackageVersion", 41), ("LastModifiedTime", "2026-01-01T00:00:00+00:00")],
)
def test_drift_of_the_services_own_properties_stays(
    stacks: DeployedStacks, property_: str, value: Any
) -> None:
    """What guides/other-clients.md lists as never free of drift."""
    name = stacks.create(template(version(**{property_: value})))
    assert [path for path, *_ in stacks.differences(name)] == [f"/{property_}"]


def test_drift_of_a_specification_no_longer_in_the_template_stays(stacks: DeployedStacks) -> None:
    first = version(AdditionalInferenceSpecifications=[specification("a")])
    name = stacks.create(
        template({**first, "AdditionalInferenceSpecificationsToAdd": [specification("b")]}),
    )
    assert_in_sync(stacks, name)
    assert stacks.update(name, template(first)) == "UPDATE_COMPLETE"
    assert [path for path, *_ in stacks.differences(name)] == ["/AdditionalInferenceSpecifications/1"]
