"""Between template and API: types, paths, names, tokens, arguments."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from cloudformation_cli_python_lib.exceptions import InvalidRequest

from aws_sagemaker_modelpackage import translate

from .events import (
    DERIVED,
    GENERATED,
    GENERATED_FROM_NOTHING,
    GENERATED_WITHOUT_STACK,
    LOGICAL_ID,
    NAMED,
    REQUEST,
    STACK_ID,
    VERSION,
    extra,
)


def job(**resources: Any) -> dict[str, Any]:
    """A validation with these transform resources."""
    profile = {"ProfileName": "p", "TransformJobDefinition": {"TransformResources": resources}}
    return {"ValidationSpecification": {"ValidationRole": "r", "ValidationProfiles": [profile]}}


COUNT = (
    "ValidationSpecification.ValidationProfiles[0].TransformJobDefinition.TransformResources.InstanceCount"
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(None, {}, id="nothing"),
        pytest.param(job(InstanceCount="2"), job(InstanceCount=2), id="a number in a string"),
        pytest.param(job(InstanceCount=2.0), job(InstanceCount=2), id="a whole float"),
        pytest.param(
            {"CertifyForMarketplace": "TRUE"}, {"CertifyForMarketplace": True}, id="true in a string"
        ),
        pytest.param(
            {"CertifyForMarketplace": "false"}, {"CertifyForMarketplace": False}, id="false in a string"
        ),
        pytest.param({"CertifyForMarketplace": False}, {"CertifyForMarketplace": False}, id="false itself"),
        pytest.param({"Task": True}, {"Task": "true"}, id="a boolean where a string is wanted"),
        pytest.param({"Task": False}, {"Task": "false"}, id="and false"),
        pytest.param({"Task": 1}, {"Task": "1"}, id="a number where a string is wanted"),
        pytest.param(
            {"CustomerMetadataProperties": {"a": 1}},
            {"CustomerMetadataProperties": {"a": "1"}},
            id="in a map",
        ),
        pytest.param(
            {"ModelMetrics": {}, "Tags": []}, {"ModelMetrics": {}, "Tags": []}, id="empty ones stay"
        ),
        pytest.param(
            {"ModelMetrics": {"Bias": {}}}, {"ModelMetrics": {"Bias": {}}}, id="empty ones inside stay, too"
        ),
    ],
)
def test_values_become_what_the_schema_says(given: Any, expected: Any) -> None:
    assert translate.parse(given) == expected
    assert translate.parse_known(given) == expected


MISFITS = [
    pytest.param(
        {"Tsk": "x"}, "Tsk is not a property of this type; did you mean Task?", id="a slip of the pen"
    ),
    pytest.param(
        {"Qqqqqq": 1},
        "Qqqqqq is not a property of this type; there is nothing like it, so leave it out",
        id="an unknown property",
    ),
    pytest.param(
        {"InferenceSpecification": {"ModelDataUrl": "s3://b/m"}},
        "InferenceSpecification.ModelDataUrl is not a property of this type; it belongs in"
        " InferenceSpecification.Containers[0]",
        id="a member in another place",
    ),
    pytest.param(
        {"InferenceSpecification": {"Containers": [{}, {"image": "i"}]}},
        "InferenceSpecification.Containers[1].image is not a property of this type; did you mean Image?",
        id="an unknown member deep inside",
    ),
    pytest.param({"Task": None}, "Task is null: leave the property out instead", id="a null"),
    pytest.param({"Tags": [None]}, "Tags[0] is null: leave the property out instead", id="a null in a list"),
    pytest.param(
        {"CustomerMetadataProperties": {"mine": None}},
        "CustomerMetadataProperties.mine is null: leave the property out instead",
        id="a null in a map",
    ),
    pytest.param(
        {"Tags": {}},
        "Tags must be a list, not an object: write each as an item with Key and Value",
        id="an object for a list",
    ),
    pytest.param({"Tags": "x"}, "Tags must be a list, not a string", id="a string for a list"),
    pytest.param({"Tags": True}, "Tags must be a list, not a boolean", id="a boolean for a list"),
    pytest.param(
        {"ModelCard": []},
        "ModelCard must be an object, not a list: leave out the hyphen or the brackets",
        id="a list for an object",
    ),
    pytest.param(
        {"ModelCard": 5},
        "ModelCard must be an object, not a number: it has ModelCardContent, ModelCardStatus",
        id="a number for an object",
    ),
    pytest.param(
        {"Environment": "x"},
        "Environment must be an object, not a string: write KEY: VALUE, without hyphens",
        id="a string for a map",
    ),
    pytest.param({"Task": {}}, "Task must be a string, not an object", id="an object for a string"),
    pytest.param(
        {"Task": []},
        "Task must be a string, not a list: give one value, without hyphen or brackets",
        id="a list for a string",
    ),
    pytest.param(
        {"CertifyForMarketplace": []},
        "CertifyForMarketplace must be true or false, not a list",
        id="no boolean",
    ),
    pytest.param(
        {"CertifyForMarketplace": "yes"},
        "CertifyForMarketplace must be true or false",
        id="yes is no boolean",
    ),
    pytest.param(
        {"CertifyForMarketplace": 1}, "CertifyForMarketplace must be true or false", id="nor is one"
    ),
    pytest.param(job(InstanceCount="two"), f"{COUNT} must be a whole number", id="a word for a number"),
    pytest.param(job(InstanceCount=1.5), f"{COUNT} must be a whole number", id="half a number"),
    pytest.param(job(InstanceCount=True), f"{COUNT} must be a whole number", id="a boolean for a number"),
    pytest.param(job(InstanceCount=float("inf")), f"{COUNT} must be a whole number", id="infinity"),
    pytest.param(job(InstanceCount={}), f"{COUNT} must be a whole number, not an object", id="an object"),
]


@pytest.mark.parametrize(("given", "message"), MISFITS)
def test_what_does_not_fit_is_refused_with_its_full_path(given: Any, message: str) -> None:
    with pytest.raises(InvalidRequest) as failure:
        translate.parse(given)
    assert str(failure.value) == message


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"Task": None, "Tsk": "x", "Domain": "d"}, {"Domain": "d"}, id="properties"),
        pytest.param(
            {"InferenceSpecification": {"Containers": [None, {"Image": "i", "New": 1}]}},
            {"InferenceSpecification": {"Containers": [{"Image": "i"}]}},
            id="members deep inside",
        ),
        pytest.param(
            {"CustomerMetadataProperties": {"a": None, "b": "c"}},
            {"CustomerMetadataProperties": {"b": "c"}},
            id="entries of a map",
        ),
    ],
)
def test_what_does_not_fit_a_known_state_is_left_out(given: Any, expected: Any) -> None:
    assert translate.parse_known(given) == expected


def test_everything_that_does_not_fit_is_told_at_once_and_counted() -> None:
    with pytest.raises(InvalidRequest) as failure:
        translate.parse({"Tsk": 1, "Tags": [{"Key": None}], **{f"Q{number}": 1 for number in range(100)}})
    words = str(failure.value)
    assert words.startswith(
        "102 problems: (1) Tsk is not a property of this type; did you mean Task? (2) Tags[0].Key"
    )
    assert words.endswith(" and 97 more")


def test_beside_what_does_not_fit_the_rest_can_be_had() -> None:
    model, problems = translate.examine({"Tsk": 1, "Task": "x", "ModelPackageVersion": []})
    assert model == {"Task": "x"}
    assert list(map(str, problems)) == ["Tsk is not a property of this type; did you mean Task?"]


def test_only_the_properties_that_an_action_needs_are_read() -> None:
    given = {"ModelPackageArn": VERSION, "Task": None, "Tsk": 1}
    assert translate.parse_only(given, "ModelPackageArn") == {"ModelPackageArn": VERSION}
    assert translate.parse_only(None, "ModelPackageArn") == {}


def test_what_is_never_read_is_what_the_schema_calls_write_only(schema: dict[str, Any]) -> None:
    write_only = {path.removeprefix("/properties/") for path in schema["writeOnlyProperties"]}
    assert write_only == translate._NEVER_READ


# --- names and tokens -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stack_id", "logical_id", "expected"),
    [
        pytest.param(STACK_ID, LOGICAL_ID, GENERATED, id="stack and logical id"),
        pytest.param(None, LOGICAL_ID, GENERATED_WITHOUT_STACK, id="a logical id alone"),
        pytest.param(None, None, GENERATED_FROM_NOTHING, id="neither"),
        pytest.param("", "", GENERATED_FROM_NOTHING, id="both empty"),
        pytest.param(None, "-Mod_é.el", GENERATED_WITHOUT_STACK, id="what a name cannot hold is left out"),
    ],
)
def test_a_name_is_generated(stack_id: str | None, logical_id: str | None, expected: str) -> None:
    assert translate.generated_name(stack_id, logical_id, REQUEST) == expected


@pytest.mark.parametrize("stack", ["s", "a-very-long-stack-name-" * 6, "ends-with-hyphens---"])
@pytest.mark.parametrize("logical_id", ["M", "AVeryLongLogicalId" * 10, "", None])
def test_a_generated_name_is_a_valid_one(schema: dict[str, Any], stack: str, logical_id: str | None) -> None:
    stack_id = f"arn:aws:cloudformation:eu-west-1:111122223333:stack/{stack}/6f9619ff"
    name = translate.generated_name(stack_id, logical_id, REQUEST)
    assert re.search(schema["properties"]["ModelPackageName"]["pattern"], name)
    assert len(name) <= 63


@pytest.mark.parametrize("token", [REQUEST, "", "ü" * 500, "white space\n"])
def test_any_request_token_gives_a_valid_client_token(schema: dict[str, Any], token: str) -> None:
    derived = translate.client_token(token)
    assert re.search(schema["properties"]["ClientToken"]["pattern"], derived)
    assert len(derived) == 36


def test_two_request_tokens_give_two_client_tokens() -> None:
    assert translate.client_token(REQUEST) == DERIVED
    assert translate.client_token(f"{REQUEST}1") != DERIVED


def test_adding_other_specifications_uses_another_token() -> None:
    tokens = {
        translate.update_arguments(VERSION, {translate.TO_ADD: added}, REQUEST)["ClientToken"]
        for added in ([extra("a")], [extra("b")], [extra("a"), extra("b")])
    }
    assert len(tokens) == 3


def test_a_change_that_can_be_repeated_has_no_token() -> None:
    arguments = translate.update_arguments(VERSION, {"ModelApprovalStatus": "Approved"}, REQUEST)
    assert arguments == {"ModelPackageArn": VERSION, "ModelApprovalStatus": "Approved"}


# --- arguments and models ---------------------------------------------------------------------------


def test_arguments_do_not_share_anything_with_the_template() -> None:
    desired: dict[str, Any] = {
        "ModelPackageGroupName": "churn",
        "ModelMetrics": {"Bias": {}},
        "InferenceSpecification": {"Containers": [{"Image": "i"}]},
        "Environment": {"A": "b"},
    }
    arguments = translate.create_arguments(desired, "unused", [], REQUEST)
    arguments["ModelMetrics"]["Bias"]["x"] = 1
    assert desired["ModelMetrics"] == {"Bias": {}}
    assert desired["InferenceSpecification"] == {"Containers": [{"Image": "i"}]}


def test_times_of_any_zone_become_utc() -> None:
    noon = datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    model = translate.to_model({"ModelPackageArn": NAMED, "CreationTime": noon}, [], {})
    assert model["CreationTime"] == "2024-05-01T10:00:00+00:00"


def test_a_specification_without_containers_takes_no_defaults() -> None:
    assert translate.with_defaults({}, {"A": "b"}) == {}
