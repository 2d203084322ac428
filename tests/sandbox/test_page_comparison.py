"""Two packages side by side: which members differ, and what is shown of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.page.view.comparison import compare, comparison_view
from sandbox.page.view.packages import MAX_CHOICES
from tests.page.states import ARN, SECRET, described

Json = dict[str, Any]


def specification(**members: Any) -> Json:
    return {"InferenceSpecification": {"Containers": [{"Image": "one"}], **members}}


def additional(*names: str, **members: Any) -> Json:
    return {"AdditionalInferenceSpecifications": [{"Name": name, **members} for name in names]}


def card(content: str, status: str = "Draft") -> Json:
    return {"ModelCard": {"ModelCardContent": content, "ModelCardStatus": status}}


def differing(left: Json, right: Json) -> list[tuple[str, str]]:
    """Path and state of each member that differs in two packages with these members."""
    rows = compare(left, right)
    return [("/".join(row["path"]), row["state"]) for row in rows if row["state"] != "equal"]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ({"Task": "a"}, {"Task": "a"}, []),
        ({"Task": "a"}, {"Task": "b"}, [("Task", "changed")]),
        ({}, {"Task": "b"}, [("Task", "added")]),
        ({"Task": "b"}, {}, [("Task", "removed")]),
        ({"Task": "1"}, {"Task": 1}, [("Task", "changed")]),
        ({"SkipModelValidation": 1}, {"SkipModelValidation": True}, [("SkipModelValidation", "changed")]),
        ({"ModelPackageVersion": 1}, {"ModelPackageVersion": 1.0}, []),
        (
            specification(SupportedContentTypes=["a", "b", "b"]),
            specification(SupportedContentTypes=["b", "a", "b"]),
            [],
        ),
        (
            specification(SupportedContentTypes=["a", "b"]),
            specification(SupportedContentTypes=["c", "b"]),
            [
                ("InferenceSpecification/SupportedContentTypes/1", "removed"),
                ("InferenceSpecification/SupportedContentTypes/3", "added"),
            ],
        ),
        (
            specification(Containers=[{"Image": "one"}, {"Image": "two"}]),
            specification(Containers=[{"Image": "two"}, {"Image": "one"}]),
            [
                ("InferenceSpecification/Containers/1/Image", "changed"),
                ("InferenceSpecification/Containers/2/Image", "changed"),
            ],
        ),
        (additional("x", "y"), additional("y", "x"), []),
        (
            additional("x", "y", Description="a"),
            additional("y", "x", Description="b"),
            [
                ("AdditionalInferenceSpecifications/x/Description", "changed"),
                ("AdditionalInferenceSpecifications/y/Description", "changed"),
            ],
        ),
        (card('{"a": 1, "b": 2}'), card('{"b":2,"a":1}'), []),
        (card('{"a": 1}'), card('{"a": 2}', "Approved"), [
            ("ModelCard/ModelCardContent", "changed"), ("ModelCard/ModelCardStatus", "changed")]),
        (
            {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]},
            {"Tags": [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}]},
            [("Tags/a/Value", "changed")],
        ),
        (
            {"CustomerMetadataProperties": {"k": "arn:aws:sagemaker:x"}},
            {"CustomerMetadataProperties": {"k": "ARN:aws:sagemaker:x"}},
            [("CustomerMetadataProperties/k", "changed")],
        ),
        ({"MetadataProperties": {}}, {"MetadataProperties": {}}, []),
        ({"Tags": []}, {}, [("Tags", "removed")]),
    ],
)  # fmt: skip
def test_compare_states(left: Json, right: Json, expected: list[tuple[str, str]]) -> None:
    assert differing(left, right) == expected
    turned = {"added": "removed", "removed": "added", "changed": "changed"}
    assert {state for _, state in differing(right, left)} == {turned[state] for _, state in expected}


def test_comparison_never_shows_confidential_values() -> None:
    left = described(1)
    right = described(
        2,
        CustomerMetadataProperties={"owner": f"other-{SECRET}", "new": SECRET},
        **card(json.dumps({"overview": f"{SECRET} again"})),
        **specification(Containers=[{"Image": "registry/churn:2", "Environment": {"KEY": f"{SECRET}2"}}]),
    )
    view = comparison_view(left, right, [left, right])
    assert SECRET not in json.dumps(view)
    texts = {"/".join(row["path"]): row["text"] for row in view["rows"]}
    assert texts["CustomerMetadataProperties/owner"] == "changed; values are not shown"
    assert texts["CustomerMetadataProperties/new"] == "added"
    assert texts["ModelCard/ModelCardContent"] == "changed; values are not shown"
    assert texts["InferenceSpecification/Containers/1/Environment/KEY"] == "changed; values are not shown"
    assert texts["InferenceSpecification/Containers/1/Image"] == "changed"


def test_comparison_separates_what_the_service_sets() -> None:
    left, right = described(1, Task="a"), described(2, Task="b")
    for number, each in enumerate((left, right)):
        each["InferenceSpecification"]["Containers"][0] |= {"Image": "one", "ImageDigest": f"sha256:{number}"}
    view = comparison_view(left, right, [left, right])
    assert ([row["key"] for row in view["rows"]], view["result"]) == (["Task"], "1 member differs")
    assert {row["key"] for row in view["service"]} == {
        "ModelPackageArn",
        "ModelPackageVersion",
        "InferenceSpecification/Containers/1/ImageDigest",
    }
    same = comparison_view(left, {**left, "LastModifiedTime": 5.0}, [])
    assert (same["rows"], same["result"]) == ([], "No difference in what a template can set")


def test_comparison_without_both_packages_is_a_choice() -> None:
    view = comparison_view(described(1), None, [described(1), described(2)])
    assert view["rows"] is None
    assert [each["key"] for each in view["choices"]] == ["churn/2", "churn/1"]


def test_choices_of_very_many_packages_have_those_of_the_chosen_group() -> None:
    many = [described(number, ModelPackageArn=f"{ARN}/a{number:04}") for number in range(2000)]
    view = comparison_view(described(7), None, [*many, described(7), described(8)])
    keys = [each["key"] for each in view["choices"]]
    assert len(keys) == MAX_CHOICES
    assert keys[-2:] == ["churn/8", "churn/7"]
