"""Between template and API: properties, names, tokens, arguments, models."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from aws_sagemaker_modelpackage import recast, translate

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
from .tables import table


def test_examine_returns_model_and_problems() -> None:
    model, problems = translate.examine({"Tsk": 1, "Task": "x", "ModelPackageVersion": []})
    assert model == {"Task": "x"}
    assert list(map(str, problems)) == ["Tsk is not a property of this type; did you mean Task?"]


def test_parse_only() -> None:
    given = {"ModelPackageArn": VERSION, "Task": None, "Tsk": 1}
    assert translate.parse_only(given, "ModelPackageArn") == {"ModelPackageArn": VERSION}
    assert translate.parse_only(None, "ModelPackageArn") == {}


def test_never_read_properties_are_the_schemas(schema: dict[str, Any]) -> None:
    write_only = {path.removeprefix("/properties/") for path in schema["writeOnlyProperties"]}
    assert write_only == recast.WRITE_ONLY, "run `make generate`"


# --- names and tokens -------------------------------------------------------------------------------


@table(
    "stack_id, logical_id, expected",
    {
        "stack and logical id": (STACK_ID, LOGICAL_ID, GENERATED),
        "a logical id alone": (None, LOGICAL_ID, GENERATED_WITHOUT_STACK),
        "neither": (None, None, GENERATED_FROM_NOTHING),
        "both empty": ("", "", GENERATED_FROM_NOTHING),
        "what a name cannot hold is left out": (None, "-Mod_é.el", GENERATED_WITHOUT_STACK),
    },
)
def test_generated_name(stack_id: str | None, logical_id: str | None, expected: str) -> None:
    assert translate.generated_name(stack_id, logical_id, REQUEST) == expected


@pytest.mark.parametrize("stack", ["s", "a-very-long-stack-name-" * 6, "ends-with-hyphens---"])
@pytest.mark.parametrize("logical_id", ["M", "AVeryLongLogicalId" * 10, "", None])
def test_generated_name_is_valid(schema: dict[str, Any], stack: str, logical_id: str | None) -> None:
    stack_id = f"arn:aws:cloudformation:eu-west-1:111122223333:stack/{stack}/6f9619ff"
    name = translate.generated_name(stack_id, logical_id, REQUEST)
    assert re.search(schema["properties"]["ModelPackageName"]["pattern"], name)
    assert len(name) <= 63


@pytest.mark.parametrize("token", [REQUEST, "", "ü" * 500, "white space\n"])
def test_client_token_is_valid(schema: dict[str, Any], token: str) -> None:
    derived = translate.client_token(token)
    assert re.search(schema["properties"]["ClientToken"]["pattern"], derived)
    assert len(derived) == 36


def test_client_token_follows_the_request_token() -> None:
    assert translate.client_token(REQUEST) == DERIVED
    assert translate.client_token(f"{REQUEST}1") != DERIVED


def test_update_arguments_of_additions_have_a_token_each() -> None:
    tokens = {
        translate.update_arguments(VERSION, {translate.TO_ADD: added}, REQUEST)["ClientToken"]
        for added in ([extra("a")], [extra("b")], [extra("a"), extra("b")])
    }
    assert len(tokens) == 3


def test_update_arguments_of_a_repeatable_change_have_no_token() -> None:
    arguments = translate.update_arguments(VERSION, {"ModelApprovalStatus": "Approved"}, REQUEST)
    assert arguments == {"ModelPackageArn": VERSION, "ModelApprovalStatus": "Approved"}


# --- arguments and models ---------------------------------------------------------------------------


def test_create_arguments_share_nothing_with_the_template() -> None:
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


def test_to_model_converts_times_to_utc() -> None:
    noon = datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    model = translate.to_model({"ModelPackageArn": NAMED, "CreationTime": noon}, [], {})
    assert model["CreationTime"] == "2024-05-01T10:00:00+00:00"


def test_with_defaults_without_containers() -> None:
    assert translate.with_defaults({}, {"A": "b"}) == {}


def test_parse_takes_an_empty_source_for_none() -> None:
    given = {"SourceUri": "", "ModelPackageGroupName": "churn"}
    assert translate.parse(given) == translate.parse_known(given) == {"ModelPackageGroupName": "churn"}
