"""Change sets announce of each property what the schema says, and that is what happens."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.shared.settings import schema, top_level
from tests.stack.stacks import (
    GROUP,
    IMAGE,
    DeployedStacks,
    Json,
    specification,
    tags,
    template,
    unversioned,
    version,
)

PROPERTIES = schema()["properties"]
CREATE_ONLY = top_level("createOnlyProperties")
CONDITIONAL = top_level("conditionalCreateOnlyProperties")
S3 = "s3://bucket/file.json"
REPORT = {"Report": {"ContentType": "application/json", "S3Uri": S3}}
CARD = {"ModelCardStatus": "Draft", "ModelCardContent": "{}"}
STAGE = {"Stage": "Development", "StageStatus": "InProgress"}
A, B = specification("a"), specification("b")
ALGORITHM = "arn:aws:sagemaker:us-east-1:123456789012:algorithm/boosting"


def classified(name: str) -> tuple[str, str]:
    """RequiresRecreation and Replacement of a change to one property, by the schema."""
    if name in CREATE_ONLY:
        return "Always", "True"
    if name in CONDITIONAL:
        return "Conditionally", "Conditional"
    return "Never", "False"


def change_of(change_set: Json) -> Json:
    (change,) = change_set["Changes"]
    resource_change: Json = change["ResourceChange"]
    return resource_change


@pytest.mark.parametrize("name", PROPERTIES)
def test_change_set_classifies_a_property_as_the_schema(stacks: DeployedStacks, name: str) -> None:
    stack = stacks.create(template(version()))
    # The value does not matter: nothing is executed.
    change_set = stacks.change_set(stack, template({**version(), name: "changed"}))
    change = change_of(change_set)
    recreation, replacement = classified(name)
    assert (change["Action"], change["Replacement"], change["Scope"]) == (
        "Modify",
        replacement,
        ["Properties"],
    )
    assert change["PhysicalResourceId"] == stacks.arn(stack)
    (detail,) = change["Details"]
    assert detail["Target"] == {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation}
    assert (detail["Evaluation"], detail["ChangeSource"]) == ("Static", "DirectModification")


def test_properties_have_every_class() -> None:
    assert {classified(name)[0] for name in PROPERTIES} == {"Always", "Conditionally", "Never"}


def container(image: str) -> Json:
    return {"Containers": [{"Image": image}]}


# Property, previous value (None: absent), desired value, and whether the package is replaced.
EXECUTED: list[tuple[str, Any, Any, bool]] = [
    ("ModelPackageDescription", "one", "two", True),
    ("Domain", "MACHINE_LEARNING", "COMPUTER_VISION", True),
    ("Task", "CLASSIFICATION", "REGRESSION", True),
    ("SamplePayloadUrl", "s3://bucket/1", "s3://bucket/2", True),
    ("InferenceSpecification", container(IMAGE), container(f"{IMAGE}1"), True),
    ("SourceAlgorithmSpecification", None, {"SourceAlgorithms": [{"AlgorithmName": ALGORITHM}]}, True),
    ("MetadataProperties", {"CommitId": "1"}, {"CommitId": "2"}, True),
    ("ModelMetrics", None, {"Explainability": REPORT}, True),
    ("DriftCheckBaselines", None, {"Explainability": {"Constraints": REPORT["Report"]}}, True),
    ("SecurityConfig", None, {"KmsKeyId": "alias/ml"}, True),
    ("ManagedStorageType", None, "Restricted", True),
    ("ClientToken", "token-1", "token-2", True),
    ("AdditionalInferenceSpecifications", [A], [A, B], False),
    ("AdditionalInferenceSpecifications", [A, B], [A], False),
    ("AdditionalInferenceSpecifications", [A], [{**A, "Description": "another"}], True),
    ("SourceUri", None, "s3://bucket/model/", False),
    ("SourceUri", "s3://bucket/model/", "s3://bucket/other/", True),
    ("SourceUri", "s3://bucket/model/", None, False),
    ("ModelCard", CARD, None, False),
    ("ModelCard", CARD, {**CARD, "ModelCardStatus": "Approved"}, False),
    ("ModelLifeCycle", None, STAGE, False),
    ("ModelLifeCycle", STAGE, None, False),
    ("ModelPackageRegistrationType", "Logged", "Registered", False),
    ("ModelPackageRegistrationType", "Logged", None, False),
    ("SkipModelValidation", "None", "All", True),
    ("Environment", {"A": "1"}, {"A": "2"}, True),
    ("ModelApprovalStatus", "PendingManualApproval", "Approved", False),
    ("ApprovalDescription", "one", "two", False),
    ("CustomerMetadataProperties", {"a": "1"}, {"b": "2"}, False),
    ("AdditionalInferenceSpecificationsToAdd", None, [A], False),
    ("AdditionalInferenceSpecificationsToAdd", [A], None, False),
    ("AdditionalInferenceSpecificationsToAdd", [A], [{**A, "Description": "another"}], True),
    ("AdditionalInferenceSpecificationDefinition", None, B, False),
    ("ModelPackageVersion", 1, 2, False),
]


def with_value(properties: Json, name: str, value: Any) -> Json:
    """The properties with one of them set, or left out for None."""
    return {key: each for key, each in {**properties, name: value}.items() if each is not None}


@pytest.mark.parametrize(
    ("name", "previous", "desired", "replaces"),
    EXECUTED,
    ids=[f"{name}, {'replaced' if replaces else 'in place'}" for name, _, _, replaces in EXECUTED],
)
def test_change_set_execution_replaces_as_announced(
    stacks: DeployedStacks, name: str, previous: Any, desired: Any, replaces: bool
) -> None:
    stack, arn = stacks.create_package(template(with_value(version(), name, previous)))
    change_set = stacks.change_set(stack, template(with_value(version(), name, desired)))
    announced = change_of(change_set)["Replacement"]
    assert stacks.execute(change_set) == "UPDATE_COMPLETE", stacks.reasons(stack)
    assert (stacks.arn(stack) != arn) is replaces
    assert announced in ("Conditional", "True" if replaces else "False")
    assert announced == classified(name)[1]
    described = stacks.client.describe_change_set(ChangeSetName=change_set["ChangeSetId"])
    assert described["ExecutionStatus"] == "EXECUTE_COMPLETE"


@pytest.mark.parametrize(
    ("previous", "desired"),
    [
        pytest.param({"ModelPackageName": "one"}, {"ModelPackageName": "two"}, id="renamed"),
        pytest.param({}, {"CertifyForMarketplace": True}, id="certified"),
        pytest.param({}, {"Tags": tags(a="1")}, id="tagged"),
    ],
)
def test_change_set_of_an_unversioned_package(stacks: DeployedStacks, previous: Json, desired: Json) -> None:
    stack, arn = stacks.create_package(template(unversioned(**previous)))
    change_set = stacks.change_set(stack, template(unversioned(**desired)))
    (name,) = desired
    assert change_of(change_set)["Replacement"] == classified(name)[1]
    assert stacks.execute(change_set) == "UPDATE_COMPLETE", stacks.reasons(stack)
    assert (stacks.arn(stack) != arn) is (name != "Tags")


def test_change_set_of_several_properties_announces_the_strongest(stacks: DeployedStacks) -> None:
    stacks.sagemaker.create_model_package_group(ModelPackageGroupName="other")
    stack = stacks.create(template(version()))
    changed = version(
        ModelPackageGroupName="other", ModelApprovalStatus="Approved", SkipModelValidation="All"
    )
    change_set = stacks.change_set(stack, template(changed))
    change = change_of(change_set)
    assert (change["Replacement"], change["PolicyAction"]) == ("True", "ReplaceAndDelete")
    assert {each["Target"]["Name"]: each["Target"]["RequiresRecreation"] for each in change["Details"]} == {
        "ModelApprovalStatus": "Never",
        "ModelPackageGroupName": "Always",
        "SkipModelValidation": "Conditionally",
    }
    assert stacks.execute(change_set) == "UPDATE_COMPLETE"
    assert stacks.package(stacks.arn(stack))["ModelPackageGroupName"] == "other"


def test_change_set_of_stack_tags_replaces_nothing(stacks: DeployedStacks) -> None:
    stack, arn = stacks.create_package(template(unversioned()), Tags=tags(team="red"))
    change_set = stacks.change_set(stack, template(unversioned()), Tags=tags(team="blue"))
    change = change_of(change_set)
    assert (change["Replacement"], change["Scope"]) == ("False", ["Tags"])
    assert stacks.execute(change_set) == "UPDATE_COMPLETE"
    assert stacks.arn(stack) == arn
    assert stacks.tags(arn) == {"team": "blue"}


def test_change_set_names_the_causing_parameter(stacks: DeployedStacks) -> None:
    body = template(version(ModelApprovalStatus={"Ref": "Status"}))
    body["Parameters"] = {"Status": {"Type": "String", "Default": "PendingManualApproval"}}
    stack = stacks.create(body)
    change = change_of(
        stacks.change_set(stack, body, Parameters=[{"ParameterKey": "Status", "ParameterValue": "Approved"}])
    )
    assert change["Replacement"] == "False"
    assert {each.get("CausingEntity") for each in change["Details"]} == {None, "Status"}


def test_change_set_adds_removes_or_fails_without_changes(stacks: DeployedStacks) -> None:
    stack = stacks.create(template(version()))
    body = template(version())
    body["Resources"]["Second"] = {
        "Type": "AWS::SageMaker::ModelPackage",
        "Properties": {"ModelPackageGroupName": GROUP},
    }
    added = stacks.change_set(stack, body)
    assert (change_of(added)["Action"], change_of(added)["LogicalResourceId"]) == ("Add", "Second")
    assert stacks.execute(added) == "UPDATE_COMPLETE"
    removed = stacks.change_set(stack, template(version()))
    assert (change_of(removed)["Action"], change_of(removed)["PolicyAction"]) == ("Remove", "Delete")
    assert stacks.execute(removed) == "UPDATE_COMPLETE"
    unchanged = stacks.change_set(stack, template(version()))
    assert (unchanged["Status"], unchanged["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")


def test_change_set_creates_a_stack(stacks: DeployedStacks) -> None:
    change_set = stacks.change_set("made-by-change-set", template(version()), ChangeSetType="CREATE")
    assert change_of(change_set)["Action"] == "Add"
    assert stacks.execute(change_set) == "CREATE_COMPLETE"
    assert stacks.package(stacks.arn("made-by-change-set"))["ModelPackageStatus"] == "Completed"


def values_of(stacks: DeployedStacks, change_set: Json) -> Json:
    """Return the one change with values, its contexts as objects."""
    described = stacks.client.describe_change_set(
        ChangeSetName=change_set["ChangeSetId"], IncludePropertyValues=True
    )
    change = change_of({**described})
    return {key: json.loads(each) if key.endswith("Context") else each for key, each in change.items()}


def test_change_set_has_values(stacks: DeployedStacks) -> None:
    stack, arn = stacks.create_package(template(version(CustomerMetadataProperties={"a": "1"})))
    body = template(version(CustomerMetadataProperties={"a": "2"}, SourceUri="s3://bucket/model/"))
    body["Resources"]["Package"]["UpdateReplacePolicy"] = "Retain"
    change = values_of(stacks, stacks.change_set(stack, body))
    assert (change["PhysicalResourceId"], change["Replacement"]) == (arn, "Conditional")
    assert change["BeforeContext"]["Properties"] == version(CustomerMetadataProperties={"a": "1"})
    assert change["AfterContext"]["Properties"] == body["Resources"]["Package"]["Properties"]
    metadata, uri, policy = (each["Target"] for each in change["Details"])
    assert (metadata["BeforeValue"], metadata["AfterValue"]) == ('{"a": "1"}', '{"a": "2"}')
    assert (uri["AttributeChangeType"], uri["AfterValue"], uri["RequiresRecreation"]) == (
        *("Add", "s3://bucket/model/"),
        "Conditionally",
    )
    assert policy["Attribute"] == "UpdateReplacePolicy"

    body["Resources"]["Package"]["Properties"]["Domain"] = "COMPUTER_VISION"
    change = values_of(stacks, stacks.change_set(stack, body))
    assert (change["Replacement"], change["PolicyAction"]) == ("True", "ReplaceAndRetain")


def test_change_set_reverts_drift_of_a_version(stacks: DeployedStacks) -> None:
    properties = version(ModelApprovalStatus="Approved", CustomerMetadataProperties={"a": "1"})
    stack, arn = stacks.create_package(template(properties))
    stacks.sagemaker.update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Rejected",
        CustomerMetadataProperties={"a": "9", "b": "9"},
    )
    change_set = stacks.change_set(stack, template(properties), DeploymentMode="REVERT_DRIFT")
    change = values_of(stacks, change_set)
    assert (change["Action"], change["ResourceDriftStatus"]) == ("Modify", "MODIFIED")
    targets = {each["Target"]["Name"]: each["Target"] for each in change["Details"]}
    approval = targets["ModelApprovalStatus"]
    assert (approval["BeforeValue"], approval["AfterValue"]) == ("Rejected", "Approved")
    assert change["BeforeContext"]["Properties"]["ModelApprovalStatus"] == "Rejected"
    assert stacks.execute(change_set) == "UPDATE_COMPLETE", stacks.reasons(stack)
    assert stacks.arn(stack) == arn
    package = stacks.package(arn)
    assert package["ModelApprovalStatus"] == "Approved"
    assert package["CustomerMetadataProperties"] == {"a": "1"}

    stacks.sagemaker.delete_model_package(ModelPackageName=arn)
    change_set = stacks.change_set(stack, template(properties), DeploymentMode="REVERT_DRIFT")
    assert change_of(change_set)["Action"] == "Add"
    assert stacks.execute(change_set) == "UPDATE_COMPLETE", stacks.reasons(stack)
    assert stacks.arn(stack) != arn
    assert stacks.package(stacks.arn(stack))["ModelApprovalStatus"] == "Approved"


def test_change_set_reverts_drift_of_tags(stacks: DeployedStacks) -> None:
    body = template(unversioned(Tags=tags(a="1")))
    stack, arn = stacks.create_package(body, Tags=tags(team="red"))
    stacks.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
    stacks.sagemaker.add_tags(ResourceArn=arn, Tags=tags(a="2", b="3"))
    change_set = stacks.change_set(stack, body, DeploymentMode="REVERT_DRIFT")
    (detail,) = change_of(change_set)["Details"]
    assert detail["Target"]["Name"] == "Tags"
    assert stacks.execute(change_set) == "UPDATE_COMPLETE", stacks.reasons(stack)
    assert stacks.arn(stack) == arn
    assert stacks.tags(arn) == {"a": "1", "team": "red"}
