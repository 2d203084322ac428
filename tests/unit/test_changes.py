"""What counts as a change, and that each property is treated as the schema promises."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from cloudformation_cli_python_lib.exceptions import NotUpdatable

from aws_sagemaker_modelpackage import changes, translate
from sandbox.shared.settings import top_level

from .events import GROUP_ARN, NAMED, VERSION, extra
from .tables import table


def test_create_only_properties_are_the_schemas() -> None:
    elsewhere = {"ModelPackageGroupName", "ClientToken"}
    assert {*changes.CREATE_ONLY} | elsewhere == top_level("createOnlyProperties")


VALUES: dict[str, tuple[Any, Any]] = {
    "ModelPackageName": ("scorer", "other"),
    "AdditionalInferenceSpecifications": ([extra("a")], [extra("a", Description="other")]),
    "AdditionalInferenceSpecificationsToAdd": ([extra("a")], [extra("b")]),
    "AdditionalInferenceSpecificationDefinition": (extra("a"), extra("b")),
    "SourceUri": ("s3://a", "s3://b"),
    "ModelCard": ({"ModelCardContent": "{}"}, {"ModelCardContent": '{"a": 1}'}),
    "ModelLifeCycle": ({"Stage": "A", "StageStatus": "B"}, {"Stage": "C", "StageStatus": "D"}),
    "ModelPackageRegistrationType": ("Logged", "Registered"),
    "CertifyForMarketplace": (False, True),
    "SkipModelValidation": ("None", "All"),
    "Environment": ({"A": "1"}, {"A": "2"}),
}


def test_values_cover_the_conditional_properties() -> None:
    in_place = {"ModelLifeCycle", "ModelPackageRegistrationType"}
    assert VALUES.keys() == top_level("conditionalCreateOnlyProperties") | in_place


@pytest.mark.parametrize("name", VALUES)
def test_plan_of_a_changed_property_is_no_silent_no_op(name: str) -> None:
    old, new = VALUES[name]
    kind = {} if name == "ModelPackageName" else {"ModelPackageGroupName": "churn"}
    previous = {**kind, "InferenceSpecification": {"Containers": [{"Image": "i"}]}, name: old}
    live = {**previous, "ModelPackageArn": VERSION if kind else NAMED}
    live.pop("Environment", None)
    try:
        planned = bool(changes.plan({**previous, name: new}, previous, live))
    except NotUpdatable:
        planned = True
    assert planned


@table(
    "desired, value, expected",
    {
        "members beyond the desired ones": ({"a": 1}, {"a": 1, "b": 2}, True),
        "another value": ({"a": 1}, {"a": 2}, False),
        "a member that is missing": ({"a": 1}, {}, False),
        "an object against nothing": ({"a": 1}, None, False),
        "an object against a string": ({"a": 1}, "a", False),
        "an empty object against nothing": ({}, None, True),
        "an empty list against nothing": ([], None, True),
        "an empty list against a full one": ([], ["a"], False),
        "strings in another order": (["a", "b"], ["b", "a"], True),
        "a shorter list": (["a"], ["a", "b"], False),
        "other strings": (["a", "a"], ["a", "b"], False),
        "a list against a string": (["a"], "a", False),
        "strings against something else": (["a", "b"], [1, "b"], False),
        "objects in a list": ([{"a": 1}], [{"a": 1, "b": 2}], True),
        "objects in another order": ([{"a": 1}, {"a": 2}], [{"a": 2}, {"a": 1}], False),
        "one value": ("a", "a", True),
        "a value against nothing": ("a", None, False),
    },
)
def test_contained(desired: Any, value: Any, expected: bool) -> None:
    assert changes.contained(desired, value) is expected


LIVE: dict[str, Any] = {
    "ModelPackageArn": VERSION,
    "ModelPackageGroupName": "churn",
    "InferenceSpecification": {
        "Containers": [{"Image": "i", "Environment": {"A": "1"}}, {"Image": "j"}],
    },
}


def test_plan_without_calls_is_false() -> None:
    assert not changes.plan({}, {}, LIVE)


def test_plan_of_an_environment_reaches_every_container_of_a_copy() -> None:
    template = {"InferenceSpecification": {"Containers": [{"Image": "i"}, {"Image": "j"}]}}
    live = copy.deepcopy(LIVE)
    planned = changes.plan(
        {**template, "Environment": {"A": "2"}}, {**template, "Environment": {"A": "1"}}, LIVE
    )
    containers = [{"Image": image, "Environment": {"A": "2"}} for image in "ij"]
    specification = {"InferenceSpecification": {"Containers": containers}}
    assert planned.probe == changes.Probe("Environment", (specification,))
    assert live == LIVE


def test_plan_compares_a_group_by_name_without_an_arn() -> None:
    live = {"ModelPackageGroupName": "churn"}
    assert not changes.plan({"ModelPackageGroupName": "churn"}, {}, live)
    with pytest.raises(NotUpdatable):
        changes.plan({"ModelPackageGroupName": "arn:aws:sagemaker:a:1:model-package-group/churn"}, {}, live)


@table(
    "desired, previous",
    {
        "the name is desired": ("churn", GROUP_ARN),
        "the ARN is desired": (GROUP_ARN, "churn"),
        "by case": (GROUP_ARN.replace("churn", "Churn"), "churn"),
    },
)
def test_plan_takes_name_and_arn_of_a_group_for_one(desired: str, previous: str) -> None:
    assert not changes.plan({"ModelPackageGroupName": desired}, {"ModelPackageGroupName": previous}, LIVE)


def test_plan_adds_a_name_once() -> None:
    desired = {
        translate.TO_ADD: [extra("a"), extra("a", Description="other")],
        translate.DEFINITION: extra("a"),
    }
    assert changes.plan(desired, {}, LIVE).update == {translate.TO_ADD: [extra("a")]}
