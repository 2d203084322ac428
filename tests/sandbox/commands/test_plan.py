"""The plan of a deployment: its lines and its JSON, of change sets as CloudFormation describes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.commands.package_updates import IN_PLACE, REPLACED, TRIED, Verdict, planned, verdict
from sandbox.commands.plan import Plan, ResourceChange, mapping_changes, resource_change
from tests.stack.stacks import TYPE, Json, specification

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/fraud/1"
LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"


def detail(name: str, recreation: str, evaluation: str = "Static", **more: str) -> Json:
    target = {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation}
    return {"Target": target, "Evaluation": evaluation, "ChangeSource": "DirectModification", **more}


def modified(before: Json, after: Json, *details: Json, replacement: str = "False", **more: Any) -> Json:
    """A change of a package."""
    return {
        "Action": "Modify",
        "LogicalResourceId": "Version",
        "PhysicalResourceId": ARN,
        "ResourceType": TYPE,
        "Replacement": replacement,
        "Details": list(details),
        "BeforeContext": json.dumps({"Properties": before}),
        "AfterContext": json.dumps({"Properties": after}),
        **more,
    }


def planned_change(change: Json, verdict: Verdict | None = None) -> ResourceChange:
    return resource_change(change, lambda *_: verdict)


def test_replacement_has_its_property_class_and_parameter() -> None:
    containers = [{"Containers": [{"Image": image, "Environment": {"A": "same"}}]} for image in ("a", "b")]
    change = modified(
        *({"InferenceSpecification": each, "Domain": "OTHER"} for each in containers),
        detail("InferenceSpecification", "Always", "Dynamic"),
        detail("InferenceSpecification", "Always", ChangeSource="ParameterReference", CausingEntity="Image"),
        replacement="True",
        PolicyAction="ReplaceAndDelete",
    )
    planned_one = planned_change(change)
    assert planned_one.lines() == [
        f"  ! Version ({TYPE}): replace, the old one is deleted",
        f"      {ARN}",
        '      InferenceSpecification.Containers[0].Image "a" -> "b"  '
        "(replaces: create-only; from parameter Image)",
    ]
    assert planned_one.as_json() == {
        "resource": "Version",
        "type": TYPE,
        "physicalId": ARN,
        "action": "replace",
        "oldResource": "deleted",
        "note": None,
        "changes": [
            {
                "path": "InferenceSpecification.Containers[0].Image",
                "before": "a",
                "after": "b",
                "effect": "replaces",
                "why": "create-only",
                "causes": ["parameter Image"],
            }
        ],
    }
    assert planned_one.is_loss
    assert not planned_change({**change, "PolicyAction": "ReplaceAndRetain"}).is_loss


def test_value_of_a_resource_that_is_made_is_known_later() -> None:
    change = modified(
        {"ModelPackageGroupName": "fraud"},
        {"ModelPackageGroupName": LATER},
        detail("ModelPackageGroupName", "Always", "Dynamic"),
        detail(
            "ModelPackageGroupName",
            "Always",
            "Dynamic",
            ChangeSource="ResourceReference",
            CausingEntity="Group",
        ),
        replacement="Conditional",
        PolicyAction="ReplaceAndRetain",
    )
    # The handlers cannot be asked about a value that is not known.
    assert planned_change(change, Verdict(IN_PLACE, "")).lines() == [
        f"  ? Version ({TYPE}): replace conditionally, the old one is retained",
        f"      {ARN}",
        '      ModelPackageGroupName "fraud" -> (known after deployment)  (may replace: create-only, with a '
        "value that is known after deployment only; from resource Group)",
    ]


def test_confidential_values_are_shapes() -> None:
    card = {"ModelCardStatus": "Draft", "ModelCardContent": '{"secret": 1}'}
    change = modified(
        {"CustomerMetadataProperties": {"a": "secret", "b": "secret"}, "ModelCard": card},
        {
            "CustomerMetadataProperties": {"a": "another secret"},
            "ModelCard": {**card, "ModelCardContent": "{}"},
        },
        detail("CustomerMetadataProperties", "Never"),
        detail("ModelCard", "Conditionally"),
    )
    text = "\n".join(planned_change(change).lines())
    assert text.splitlines()[1:] == [
        "      CustomerMetadataProperties.a (string) -> another (string)  (in place)",
        "      CustomerMetadataProperties.b (string) is taken out  (in place)",
        "      ModelCard.ModelCardContent (JSON object) -> another (JSON object)  (may replace: conditional)",
    ]
    assert "secret" not in json.dumps(planned_change(change).as_json())


def test_masked_value_differs_without_being_shown() -> None:
    change = modified({"Domain": "****"}, {"Domain": "****"}, detail("Domain", "Always"), replacement="True")
    assert (
        planned_change(change).lines()[-1] == '      Domain "****" -> another "****"  (replaces: create-only)'
    )


def test_attributes_and_tags_of_the_stack_are_changes() -> None:
    target = {"Attribute": "UpdateReplacePolicy", "RequiresRecreation": "Never"}
    change = modified(
        {},
        {},
        {"Target": {"Attribute": "Tags", "RequiresRecreation": "Never"}, "Evaluation": "Static"},
        {"Target": target, "Evaluation": "Static"},
        {"Target": {**target, "Attribute": "Metadata"}, "Evaluation": "Static"},
        BeforeContext=json.dumps({"UpdateReplacePolicy": "Retain"}),
        AfterContext=json.dumps({"UpdateReplacePolicy": "Delete", "Metadata": {"a": [1]}}),
    )
    assert [str(each) for each in planned_change(change).changes] == [
        "Tags (those of the stack) -> another (those of the stack)  (in place)",
        'UpdateReplacePolicy "Retain" -> "Delete"  (in place)',
        "Metadata.a[0] = 1  (in place)",
    ]


@pytest.mark.parametrize(
    ("policy", "line", "is_loss"),
    [
        ("Delete", "  - Version (T): remove: it is deleted", True),
        ("Retain", "  - Version (T): remove: it is retained", False),
        ("Snapshot", "  - Version (T): remove: it is deleted after a snapshot", True),
    ],
)
def test_removal_says_what_becomes_of_the_resource(policy: str, line: str, is_loss: bool) -> None:
    change = {"Action": "Remove", "LogicalResourceId": "Version", "ResourceType": "T", "PolicyAction": policy}
    planned_one = planned_change(change)
    assert (planned_one.lines(), planned_one.is_loss) == ([line], is_loss)
    # Without the member, by the resource's own policy.
    context = json.dumps({"DeletionPolicy": policy})
    del change["PolicyAction"]
    assert planned_change({**change, "BeforeContext": context}).is_loss == is_loss


def test_addition_has_its_values() -> None:
    context = {"Properties": {"GroupName": LATER, "Empty": {}}, "DeletionPolicy": "Retain"}
    change = {
        "Action": "Add",
        "LogicalResourceId": "A",
        "ResourceType": "T",
        "AfterContext": json.dumps(context),
    }
    assert planned_change(change).lines() == [
        "  + A (T): add",
        "      GroupName = (known after deployment)",
        "      Empty = {}",
        '      DeletionPolicy = "Retain"',
    ]


def test_nested_stack_says_that_its_changes_are_not_shown() -> None:
    change = modified(
        {},
        {},
        {
            "Target": {"Attribute": "Properties", "RequiresRecreation": "Never"},
            "Evaluation": "Dynamic",
            "ChangeSource": "Automatic",
        },
        ResourceType="AWS::CloudFormation::Stack",
    )
    assert planned_change(change).lines() == [
        "  ~ Version (AWS::CloudFormation::Stack): change",
        "      what changes in it is not shown: its template is read when it is updated",
    ]
    removed = {**change, "Action": "Remove", "PhysicalResourceId": ""}
    assert planned_change(removed).note == "what is in it goes with it, unless its own template retains it"


@pytest.mark.parametrize(
    ("verdict", "action", "effects"),
    [
        (Verdict(IN_PLACE, ""), "change", ["in place", "in place"]),
        (Verdict(REPLACED, "why"), "replace", ["replaces", "replaces"]),
        (Verdict(TRIED, "why", "SourceUri"), "replace conditionally", ["may replace", "in place"]),
        (None, "replace conditionally", ["may replace", "may replace"]),
    ],
)
def test_conditional_change_is_what_the_handlers_make_of_it(
    verdict: Verdict | None, action: str, effects: list[str]
) -> None:
    change = modified(
        {"SourceUri": "a"},
        {"SourceUri": "b", "AdditionalInferenceSpecifications": [{"Name": "c"}]},
        detail("SourceUri", "Conditionally"),
        detail("AdditionalInferenceSpecifications", "Conditionally"),
        replacement="Conditional",
        PolicyAction="ReplaceAndDelete",
    )
    planned_one = planned_change(change, verdict)
    assert planned_one.action == action
    assert [each.effect for each in planned_one.changes] == effects
    assert planned_one.is_loss == (action != "change")
    assert planned_one.note == (verdict.note if verdict else "")


def test_conditional_change_is_explained_beside_hidden_values() -> None:
    details = [detail("SourceUri", "Conditionally"), detail("CustomerMetadataProperties", "Never")]
    hidden: Json = {"CustomerMetadataProperties": {"a": "****"}, "ModelPackageDescription": "****"}
    asked: list[Json] = []

    def explain(_: Json, before: Json, after: Json) -> Verdict:
        asked.extend([before, after])
        return Verdict(IN_PLACE, "")

    before, after = {**hidden, "SourceUri": "a"}, {**hidden, "SourceUri": "b"}
    change = modified(before, after, *details, replacement="Conditional")
    assert resource_change(change, explain).action == "change"
    assert asked == [{"SourceUri": "a"}, {"SourceUri": "b"}]
    change = modified(before, {**after, "SourceUri": "****"}, *details, replacement="Conditional")
    assert resource_change(change, explain).action == "replace conditionally"


# --- the handlers' own plan -------------------------------------------------------------------------


GROUP: Json = {"ModelPackageGroupName": "fraud"}
DESCRIBED: Json = {
    **GROUP,
    "ModelPackageArn": ARN,
    "ModelPackageStatus": "Completed",
    "ModelPackageStatusDetails": {"ValidationStatuses": []},
    "SourceUri": "s3://b/old",
    "AdditionalInferenceSpecifications": [specification("neo")],
}
NEO = {"AdditionalInferenceSpecifications": [specification("neo")]}


@pytest.mark.parametrize(
    ("previous", "desired", "outcome", "note"),
    [
        (
            NEO,
            {"AdditionalInferenceSpecifications": [specification("neo"), specification("b")]},
            IN_PLACE,
            "",
        ),
        (NEO, {}, IN_PLACE, "SageMaker cannot remove AdditionalInferenceSpecifications neo, which stays"),
        (
            NEO,
            {"AdditionalInferenceSpecifications": [{**specification("neo"), "Description": "x"}]},
            REPLACED,
            "neo exists, and SageMaker can only add specifications",
        ),
        ({"SourceUri": "s3://b/old"}, {"SourceUri": "s3://b/new"}, TRIED, "only SageMaker knows"),
        ({}, {"Environment": {"A": "b"}}, IN_PLACE, "the handlers refuse the update: Environment"),
    ],
)
def test_planned_is_what_the_handlers_plan(previous: Json, desired: Json, outcome: str, note: str) -> None:
    answer = planned({**GROUP, **previous}, {**GROUP, **desired}, {**DESCRIBED})
    assert answer.outcome == outcome
    assert note in answer.note


class SageMaker:
    """Describes a package, or refuses to."""

    def __init__(self, message: str = "") -> None:
        self.message = message

    def describe_package(self, _: str) -> Json:
        if self.message:
            raise ClientError({"Error": {"Message": self.message}}, "DescribeModelPackage")
        return {**DESCRIBED}


def test_verdict_says_what_fails() -> None:
    def asked(message: str, arn: str = ARN, *, is_replaced: bool = False) -> Verdict | None:
        sandbox: Any = SageMaker(message)
        before, after = (
            {"ModelPackageName": "fraud", "SourceUri": f"s3://b/{each}"} for each in ("old", "b")
        )
        return verdict(sandbox, arn, before, after, is_replaced=is_replaced)

    gone = asked("ModelPackage x does not exist.")
    assert gone == Verdict(IN_PLACE, f"{ARN} is not there any more: the update fails")
    assert asked("not authorized") is None
    assert asked("", is_replaced=True) == Verdict(REPLACED, "")
    named = ARN.removesuffix("/1")
    taken = asked("", named, is_replaced=True)
    assert taken
    assert taken.note.endswith("until it is made: fraud is taken")
    tried = asked("", named)
    assert tried
    assert tried.note.endswith("if it refuses. " + taken.note)


# --- the stack itself -------------------------------------------------------------------------------


def test_plan_has_outputs_and_tags() -> None:
    plan = Plan(
        [],
        mapping_changes({"A": {"Value": "1"}, "B": {"Value": "2"}}, {"A": {"Value": "3"}}),
        mapping_changes({}, {"team": "risk"}),
    )
    assert plan
    assert plan.lines() == [
        "  Outputs:",
        '      A.Value "1" -> "3"',
        '      B.Value "2" is taken out',
        "  Tags of the stack:",
        '      team = "risk"',
    ]
    assert plan.as_json() == {
        "resources": [],
        "outputs": [
            {"path": "A.Value", "before": "1", "after": "3"},
            {"path": "B.Value", "before": "2"},
        ],
        "tags": [{"path": "team", "after": "risk"}],
        "parameters": [],
    }
    assert not Plan([])
