"""What counts as a change, and that each property is treated as the schema promises."""

from __future__ import annotations

from typing import Any

import pytest
from cloudformation_cli_python_lib.exceptions import NotUpdatable

from aws_sagemaker_modelpackage import changes, translate
from sandbox.shared.settings import top_level

from .events import NAMED, VERSION, extra


def test_what_replaces_a_package_is_what_the_schema_calls_create_only() -> None:
    elsewhere = {"ModelPackageGroupName", "ClientToken"}
    assert {*changes.CREATE_ONLY} | elsewhere == top_level("createOnlyProperties")


VALUES: dict[str, tuple[Any, Any]] = {
    "ModelPackageName": ("scorer", "other"),
    "AdditionalInferenceSpecifications": ([extra("a")], [extra("a", Description="other")]),
    "SourceUri": ("s3://a", "s3://b"),
    "ModelCard": ({"ModelCardContent": "{}"}, {"ModelCardContent": '{"a": 1}'}),
    "ModelLifeCycle": ({"Stage": "A", "StageStatus": "B"}, {"Stage": "C", "StageStatus": "D"}),
    "ModelPackageRegistrationType": ("Logged", "Registered"),
    "CertifyForMarketplace": (False, True),
    "SkipModelValidation": ("None", "All"),
    "Environment": ({"A": "1"}, {"A": "2"}),
}


def test_a_change_is_known_for_each_conditional_property() -> None:
    assert VALUES.keys() == top_level("conditionalCreateOnlyProperties")


@pytest.mark.parametrize("name", VALUES)
def test_a_change_of_a_conditional_property_is_never_a_silent_no_op(name: str) -> None:
    old, new = VALUES[name]
    kind = {} if name == "ModelPackageName" else {"ModelPackageGroupName": "churn"}
    before = {**kind, "InferenceSpecification": {"Containers": [{"Image": "i"}]}, name: old}
    live = {**before, "ModelPackageArn": VERSION if kind else NAMED}
    live.pop("Environment", None)
    try:
        planned = bool(changes.plan({**before, name: new}, before, live))
    except NotUpdatable:
        planned = True
    assert planned


@pytest.mark.parametrize(
    ("desired", "previous", "expected"),
    [
        pytest.param({"a": 1}, {"a": 1, "b": 2}, True, id="members beyond the desired ones"),
        pytest.param({"a": 1}, {"a": 2}, False, id="another value"),
        pytest.param({"a": 1}, {}, False, id="a member that is missing"),
        pytest.param({"a": 1}, None, False, id="an object against nothing"),
        pytest.param({"a": 1}, "a", False, id="an object against a string"),
        pytest.param({}, None, True, id="an empty object against nothing"),
        pytest.param([], None, True, id="an empty list against nothing"),
        pytest.param([], ["a"], False, id="an empty list against a full one"),
        pytest.param(["a", "b"], ["b", "a"], True, id="strings in another order"),
        pytest.param(["a"], ["a", "b"], False, id="a shorter list"),
        pytest.param(["a", "a"], ["a", "b"], False, id="other strings"),
        pytest.param(["a"], "a", False, id="a list against a string"),
        pytest.param(["a", "b"], [1, "b"], False, id="strings against something else"),
        pytest.param([{"a": 1}], [{"a": 1, "b": 2}], True, id="objects in a list"),
        pytest.param([{"a": 1}, {"a": 2}], [{"a": 2}, {"a": 1}], False, id="objects in another order"),
        pytest.param("a", "a", True, id="one value"),
        pytest.param("a", None, False, id="a value against nothing"),
    ],
)
def test_only_what_is_not_contained_has_changed(desired: Any, previous: Any, expected: bool) -> None:
    assert changes.contained(desired, previous) is expected


LIVE: dict[str, Any] = {
    "ModelPackageArn": VERSION,
    "ModelPackageGroupName": "churn",
    "InferenceSpecification": {
        "Containers": [{"Image": "i", "Environment": {"A": "1"}}, {"Image": "j"}],
    },
}


def test_a_plan_without_calls_is_false() -> None:
    assert not changes.plan({}, {}, LIVE)


def test_a_plan_does_not_touch_the_models() -> None:
    desired = {"Environment": {"A": "2"}, "InferenceSpecification": {"Containers": [{"Image": "i"}]}}
    before = {**desired, "Environment": {"A": "1"}}
    planned = changes.plan(desired, before, LIVE)
    assert planned.probe
    assert LIVE["InferenceSpecification"]["Containers"] == [
        {"Image": "i", "Environment": {"A": "1"}},
        {"Image": "j"},
    ]


def test_new_defaults_reach_every_container() -> None:
    template = {"InferenceSpecification": {"Containers": [{"Image": "i"}, {"Image": "j"}]}}
    planned = changes.plan(
        {**template, "Environment": {"A": "2"}}, {**template, "Environment": {"A": "1"}}, LIVE
    )
    assert planned.probe == changes.Probe(
        "Environment",
        (
            {
                "InferenceSpecification": {
                    "Containers": [
                        {"Image": "i", "Environment": {"A": "2"}},
                        {"Image": "j", "Environment": {"A": "2"}},
                    ]
                }
            },
        ),
    )


def test_a_group_of_a_package_whose_arn_is_not_known_is_compared_by_name() -> None:
    live = {"ModelPackageGroupName": "churn"}
    assert not changes.plan({"ModelPackageGroupName": "churn"}, {}, live)
    with pytest.raises(NotUpdatable):
        changes.plan({"ModelPackageGroupName": "arn:aws:sagemaker:a:1:model-package-group/churn"}, {}, live)


@pytest.mark.parametrize(
    ("desired", "before"),
    [
        pytest.param(
            "churn", "arn:aws:sagemaker:eu-west-1:111122223333:model-package-group/churn", id="name now"
        ),
        pytest.param(
            "arn:aws:sagemaker:eu-west-1:111122223333:model-package-group/churn", "churn", id="ARN now"
        ),
        pytest.param(
            "arn:aws:sagemaker:eu-west-1:111122223333:model-package-group/Churn", "churn", id="by case"
        ),
    ],
)
def test_name_and_arn_of_one_group_are_the_same_value(desired: str, before: str) -> None:
    assert not changes.plan({"ModelPackageGroupName": desired}, {"ModelPackageGroupName": before}, LIVE)


def test_one_name_twice_in_the_extra_properties_is_added_once() -> None:
    desired = {
        translate.TO_ADD: [extra("a"), extra("a", Description="other")],
        translate.DEFINITION: extra("a"),
    }
    assert changes.plan(desired, {}, LIVE).update == {translate.TO_ADD: [extra("a")]}
