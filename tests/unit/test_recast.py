"""Types of a template's values, and what does not fit them."""

from __future__ import annotations

from typing import Any

import pytest
from cloudformation_cli_python_lib.exceptions import InvalidRequest

from aws_sagemaker_modelpackage import recast, translate
from packager import project

from .tables import table


def job(**resources: Any) -> dict[str, Any]:
    """A validation with these transform resources."""
    profile = {"ProfileName": "p", "TransformJobDefinition": {"TransformResources": resources}}
    return {"ValidationSpecification": {"ValidationRole": "r", "ValidationProfiles": [profile]}}


COUNT = (
    "ValidationSpecification.ValidationProfiles[0].TransformJobDefinition.TransformResources.InstanceCount"
)


@table(
    "given, expected",
    {
        "nothing": (None, {}),
        "a number in a string": (job(InstanceCount="2"), job(InstanceCount=2)),
        "a whole float": (job(InstanceCount=2.0), job(InstanceCount=2)),
        "true in a string": ({"CertifyForMarketplace": "TRUE"}, {"CertifyForMarketplace": True}),
        "false in a string": ({"CertifyForMarketplace": "false"}, {"CertifyForMarketplace": False}),
        "false itself": ({"CertifyForMarketplace": False}, {"CertifyForMarketplace": False}),
        "a boolean for a string": ({"Task": True}, {"Task": "true"}),
        "and false": ({"Task": False}, {"Task": "false"}),
        "a number for a string": ({"Task": 1}, {"Task": "1"}),
        "in a map": ({"CustomerMetadataProperties": {"a": 1}}, {"CustomerMetadataProperties": {"a": "1"}}),
        "empty ones stay": ({"ModelMetrics": {}, "Tags": []}, {"ModelMetrics": {}, "Tags": []}),
        "empty ones inside stay, too": ({"ModelMetrics": {"Bias": {}}}, {"ModelMetrics": {"Bias": {}}}),
    },
)
def test_recast_values(given: Any, expected: Any) -> None:
    assert translate.parse(given) == expected
    assert translate.parse_known(given) == expected


MISFITS = {
    "a slip of the pen": ({"Tsk": "x"}, "Tsk is not a property of this type; did you mean Task?"),
    "an unknown property": (
        {"Qqqqqq": 1},
        "Qqqqqq is not a property of this type; there is nothing like it, so leave it out",
    ),
    "a member in another place": (
        {"InferenceSpecification": {"ModelDataUrl": "s3://b/m"}},
        "InferenceSpecification.ModelDataUrl is not a property of this type; it belongs in"
        " InferenceSpecification.Containers[0]",
    ),
    "an unknown member deep inside": (
        {"InferenceSpecification": {"Containers": [{}, {"image": "i"}]}},
        "InferenceSpecification.Containers[1].image is not a property of this type; did you mean Image?",
    ),
    "a null": ({"Task": None}, "Task is null: leave the property out instead"),
    "a null in a list": ({"Tags": [None]}, "Tags[0] is null: leave the property out instead"),
    "a null in a map": (
        {"CustomerMetadataProperties": {"mine": None}},
        "CustomerMetadataProperties.mine is null: leave the property out instead",
    ),
    "an object for a list": (
        {"Tags": {}},
        "Tags must be a list, not an object: write each as an item with Key and Value",
    ),
    "a string for a list": ({"Tags": "x"}, "Tags must be a list, not a string"),
    "a boolean for a list": ({"Tags": True}, "Tags must be a list, not a boolean"),
    "a list for an object": (
        {"ModelCard": []},
        "ModelCard must be an object, not a list: leave out the hyphen or the brackets",
    ),
    "a number for an object": (
        {"ModelCard": 5},
        "ModelCard must be an object, not a number: it has ModelCardContent, ModelCardStatus",
    ),
    "a string for a map": (
        {"Environment": "x"},
        "Environment must be an object, not a string: write KEY: VALUE, without hyphens",
    ),
    "an object for a string": ({"Task": {}}, "Task must be a string, not an object"),
    "a list for a string": (
        {"Task": []},
        "Task must be a string, not a list: give one value, without hyphen or brackets",
    ),
    "no boolean": ({"CertifyForMarketplace": []}, "CertifyForMarketplace must be true or false, not a list"),
    "yes is no boolean": ({"CertifyForMarketplace": "yes"}, "CertifyForMarketplace must be true or false"),
    "nor is one": ({"CertifyForMarketplace": 1}, "CertifyForMarketplace must be true or false"),
    "a word for a number": (job(InstanceCount="two"), f"{COUNT} must be a whole number"),
    "half a number": (job(InstanceCount=1.5), f"{COUNT} must be a whole number"),
    "a boolean for a number": (job(InstanceCount=True), f"{COUNT} must be a whole number"),
    "infinity": (job(InstanceCount=float("inf")), f"{COUNT} must be a whole number"),
    "an object": (job(InstanceCount={}), f"{COUNT} must be a whole number, not an object"),
}


@table("given, message", MISFITS)
def test_misfit_is_refused_with_its_path(given: Any, message: str) -> None:
    with pytest.raises(InvalidRequest) as failure:
        translate.parse(given)
    assert str(failure.value) == message


@table(
    "given, expected",
    {
        "properties": ({"Task": None, "Tsk": "x", "Domain": "d"}, {"Domain": "d"}),
        "members deep inside": (
            {"InferenceSpecification": {"Containers": [None, {"Image": "i", "New": 1}]}},
            {"InferenceSpecification": {"Containers": [{"Image": "i"}]}},
        ),
        "entries of a map": (
            {"CustomerMetadataProperties": {"a": None, "b": "c"}},
            {"CustomerMetadataProperties": {"b": "c"}},
        ),
    },
)
def test_misfit_of_a_known_state_is_left_out(given: Any, expected: Any) -> None:
    assert translate.parse_known(given) == expected


def test_misfits_are_in_one_message_and_counted() -> None:
    with pytest.raises(InvalidRequest) as failure:
        translate.parse({"Tsk": 1, "Tags": [{"Key": None}], **{f"Q{number}": 1 for number in range(100)}})
    message = str(failure.value)
    start = "102 problems: (1) Tsk is not a property of... (2) Tags[0].Key is null"
    assert message.startswith(start)
    assert message.endswith(" and 81 more")


def test_vocabulary_has_every_member_of_the_schema() -> None:
    schema = project.schema()
    shapes = [schema, *schema["definitions"].values()]
    members = {name for shape in shapes for name in shape.get("properties", ()) if name.isalpha()}
    assert {"ModelApprovalStatus", "ContainerHostname"} <= members
    assert {name.lower() for name in members} - recast.vocabulary() == set()
