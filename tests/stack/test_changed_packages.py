"""Changes inside a package that SageMaker cannot make: replaced, or left as they are with a message."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.commands import watch
from sandbox.local_aws import Sandbox
from tests.stack.cloudcontrol import CloudControl, remove
from tests.stack.stacks import (
    DeployedStacks,
    Json,
    parameters,
    specification,
    template,
    unversioned,
    version,
    with_failing,
)

HEAD = """
Parameters: {Variant: {Type: String, Default: first}}
Conditions: {IsFirst: !Equals [!Ref Variant, first]}
Resources:
  Package:
    Type: AWS::SageMaker::ModelPackage
    Properties:
      ModelPackageGroupName: fraud-detection
      InferenceSpecification: {Containers: [{Image: "123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:1"}]}
"""
TO_ADD = """
      AdditionalInferenceSpecificationsToAdd:
        - Name: neo
          Containers: [{Image: !Sub "123456789012.dkr.ecr.us-east-1.amazonaws.com/neo:${Variant}"}]
"""
MEMBERS = """
      AdditionalInferenceSpecifications:
        - Name: gpu
          Description: !If [IsFirst, built for g5, !Ref AWS::NoValue]
          Containers:
            - Image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud-gpu:1
              ContainerHostname: !If [IsFirst, gpu-host, !Ref AWS::NoValue]
"""
MEMBER_OF_TO_ADD = """
      AdditionalInferenceSpecificationsToAdd:
        - Name: gpu
          Containers:
            - Image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud-gpu:1
              ContainerHostname: !If [IsFirst, gpu-host, !Ref AWS::NoValue]
"""
STAGE = """
      ModelLifeCycle: !If [IsFirst, {Stage: Development, StageStatus: InProgress}, !Ref AWS::NoValue]
"""
SECOND: Any = {"Parameters": parameters(Variant="second")}
FIRST_VALUES: dict[str, Json] = {
    "SourceUri": {"SourceUri": "s3://bucket/model/"},
    "ModelLifeCycle": {"ModelLifeCycle": {"Stage": "Production", "StageStatus": "Approved"}},
    "ModelCard": {"ModelCard": {"ModelCardStatus": "Draft", "ModelCardContent": "{}"}},
    "ModelPackageRegistrationType": {"ModelPackageRegistrationType": "Logged"},
    "variant-b": {"AdditionalInferenceSpecifications": [specification("variant-b")]},
}
first_values = pytest.mark.parametrize("thing", FIRST_VALUES)


def variable_part(package: Json) -> tuple[str, str | None, str | None]:
    """Image, host name and description of the only additional specification."""
    (one,) = package["AdditionalInferenceSpecifications"]
    container = one["Containers"][0]
    return container["Image"].rsplit("/", 1)[1], container.get("ContainerHostname"), one.get("Description")


def refusals(sandbox: Sandbox) -> list[str]:
    """The messages of the updates that were NotUpdatable."""
    return [each["message"] for each in sandbox.invocations() if each["errorCode"] == "NotUpdatable"]


def last_reason(stacks: DeployedStacks, name: str) -> str:
    """The reason of the package's last UPDATE_COMPLETE."""
    reasons = [
        each.get("ResourceStatusReason", "")
        for each in watch.stack_events(stacks.client, name)
        if (each["LogicalResourceId"], each["ResourceStatus"]) == ("Package", "UPDATE_COMPLETE")
    ]
    return reasons[-1]


def assert_stays(reason: str, thing: str) -> None:
    assert thing in reason
    assert "stay" in reason


@pytest.mark.parametrize(
    ("change", "thing", "desired"),
    [
        pytest.param(TO_ADD, "neo", ("neo:second", None, None), id="to-add-changed"),
        pytest.param(MEMBERS, "gpu", ("fraud-gpu:1", None, None), id="members-taken-out"),
        pytest.param(MEMBER_OF_TO_ADD, "gpu", ("fraud-gpu:1", None, None), id="member-of-to-add-taken-out"),
    ],
)
def test_changed_specification_replaces_the_version(
    stacks: DeployedStacks, sandbox: Sandbox, change: str, thing: str, desired: tuple[str, None, None]
) -> None:
    name, arn = stacks.create_package(HEAD + change)
    assert variable_part(stacks.package(arn)) != desired

    assert stacks.update(name, HEAD + change, **SECOND) == "UPDATE_COMPLETE", stacks.reasons(name)

    new = stacks.arn(name)
    assert new != arn
    assert variable_part(stacks.package(new)) == desired
    assert [thing in message for message in refusals(sandbox)] == [True]
    assert stacks.drift(name)["Package"]["StackResourceDriftStatus"] == "IN_SYNC"


def test_stage_left_to_a_pipeline_stays_as_it_was_promoted(stacks: DeployedStacks) -> None:
    name, arn = stacks.create_package(HEAD + STAGE)
    promoted: Any = {"Stage": "Production", "StageStatus": "Approved"}
    stacks.sagemaker.update_model_package(ModelPackageArn=arn, ModelLifeCycle=promoted)

    assert stacks.update(name, HEAD + STAGE, **SECOND) == "UPDATE_COMPLETE", stacks.reasons(name)

    assert stacks.arn(name) == arn
    assert stacks.package(arn)["ModelLifeCycle"] == promoted
    assert_stays(last_reason(stacks, name), "ModelLifeCycle")
    assert stacks.drift(name)["Package"]["StackResourceDriftStatus"] == "IN_SYNC"


@first_values
def test_removed_value_stays(stacks: DeployedStacks, thing: str) -> None:
    name, arn = stacks.create_package(template(version(**FIRST_VALUES[thing])))
    live = stacks.package(arn)
    assert stacks.update(name, template(version())) == "UPDATE_COMPLETE", stacks.reasons(name)
    assert stacks.arn(name) == arn
    for property_ in FIRST_VALUES[thing]:
        assert stacks.package(arn)[property_] == live[property_]
    assert_stays(last_reason(stacks, name), thing)


@first_values
def test_value_removed_through_cloudcontrol_stays(cloudcontrol: CloudControl, thing: str) -> None:
    (property_,) = FIRST_VALUES[thing]
    arn = cloudcontrol.create_package(**version(**FIRST_VALUES[thing]))
    live = cloudcontrol.read(arn)
    event = cloudcontrol.update(arn, remove(f"/{property_}"))
    assert event["OperationStatus"] == "SUCCESS", event
    assert cloudcontrol.read(arn)[property_] == live[property_]
    assert_stays(event["StatusMessage"], thing)


@first_values
def test_rolled_back_first_value_stays(stacks: DeployedStacks, thing: str) -> None:
    name, arn = stacks.create_package(template(version()))
    changed = with_failing(template(version(**FIRST_VALUES[thing])))
    assert stacks.update(name, changed) == "UPDATE_ROLLBACK_COMPLETE", stacks.reasons(name)
    assert stacks.arn(name) == arn
    for property_ in FIRST_VALUES[thing]:
        assert stacks.package(arn)[property_]
    assert_stays(last_reason(stacks, name), thing)


def test_rolled_back_specification_of_a_named_package_stays(stacks: DeployedStacks) -> None:
    previous = unversioned(ModelPackageName="a-name-of-its-own")
    name, arn = stacks.create_package(template(previous))
    changed = with_failing(template({**previous, **FIRST_VALUES["variant-b"]}))
    assert stacks.update(name, changed) == "UPDATE_ROLLBACK_COMPLETE", stacks.reasons(name)
    assert stacks.arn(name) == arn
    assert_stays(last_reason(stacks, name), "variant-b")
