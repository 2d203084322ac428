"""The schema's limits as the handlers check them, against a JSON Schema validator and Java's patterns."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloudformation_cli_python_lib.exceptions import InvalidRequest

from aws_sagemaker_modelpackage import constraints, patterns
from packager import constraints as packaged
from packager.project import PACKAGE
from sandbox.shared.java_patterns import matches

from .conftest import Invoker
from .events import (
    AS_DESCRIBED,
    NAMED,
    VERSION,
    Model,
    failed,
    named,
    said,
    specification,
    succeeded,
    version,
)
from .scripted_sagemaker import ScriptedSageMaker

IN_GROUP = {"ModelPackageGroupName": "churn"}


def container(**members: Any) -> Model:
    """A template's properties with one container that has these members."""
    return {"InferenceSpecification": specification(**members)}


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        pytest.param(
            {"ModelApprovalStatus": "approved"},
            "ModelApprovalStatus must be one of Approved, Rejected, PendingManualApproval;"
            " did you mean Approved?",
            id="a value in another case",
        ),
        pytest.param(
            {"ApprovalDescription": "x" * 1025},
            "ApprovalDescription has 1025 characters and must have 1024 at most",
            id="one character too many",
        ),
        pytest.param(
            {"ClientToken": ""}, "ClientToken has 0 characters and must have 1 at least", id="too short"
        ),
        pytest.param(
            container(Image="has a space"),
            "InferenceSpecification.Containers[0].Image must be an image as registry/repository:tag, without"
            r" spaces: it has a space in it (it must match the pattern ^[\S]+$)",
            id="a pattern, deep inside",
        ),
        pytest.param(
            container(Image="line\n"),
            "InferenceSpecification.Containers[0].Image must be an image as registry/repository:tag, without"
            r" spaces: it begins or ends with a space or a line break (it must match the pattern ^[\S]+$)",
            id="a newline at the end is no end",
        ),
        pytest.param(
            {"InferenceSpecification": {}},
            "InferenceSpecification.Containers is required and missing",
            id="a required member",
        ),
        pytest.param(
            {"InferenceSpecification": {"Containers": []}},
            "InferenceSpecification.Containers has 0 items and must have 1 at least",
            id="too few items",
        ),
        pytest.param(
            {"Environment": {"a b": "x"}},
            "Environment.a b is no key that can be here: it must be letters, digits and _, with no digit"
            " first and no more than 1024 in all: it has a space in it (it must match the pattern"
            " ^[a-zA-Z_][a-zA-Z0-9_]{0,1023}$)",
            id="a key",
        ),
        pytest.param(
            {"Environment": {"PASSWORD=a secret": "x"}},
            "Environment.PASSWORD=... is no key that can be here: it must be letters, digits and _, with no"
            " digit first and no more than 1024 in all: it has a space in it (it must match the pattern"
            " ^[a-zA-Z_][a-zA-Z0-9_]{0,1023}$)",
            id="a key with a value in it, which is not shown",
        ),
        pytest.param(
            {"Environment": {f"K{number}": "x" for number in range(17)}},
            "Environment has 17 entries and must have 16 at most",
            id="too many entries",
        ),
        pytest.param(
            {"CustomerMetadataProperties": {"team": "x" * 257}},
            "CustomerMetadataProperties.team has 257 characters and must have 256 at most",
            id="the value of a key",
        ),
        pytest.param(
            {"CustomerMetadataProperties": {"k" * 100_000: "x"}},
            f"CustomerMetadataProperties.{'k' * 64}... is no key that can be here: it must be letters,"
            r" digits, spaces and _ . : / = + - @, no more than 128 in all (it must match the pattern"
            r" ^[\p{L}\p{Z}\p{N}_.:\/=+\-@]{1,128}$)",
            id="a key of any length",
        ),
        pytest.param(
            {
                "ValidationSpecification": {
                    **AS_DESCRIBED["ValidationSpecification"],
                    "ValidationProfiles": [
                        {
                            "ProfileName": "p",
                            "TransformJobDefinition": {
                                **AS_DESCRIBED["ValidationSpecification"]["ValidationProfiles"][0][
                                    "TransformJobDefinition"
                                ],
                                "MaxConcurrentTransforms": -1,
                            },
                        }
                    ],
                    "ValidationRole": "arn:aws:iam::111122223333:role/validate",
                }
            },
            "ValidationSpecification.ValidationProfiles[0].TransformJobDefinition.MaxConcurrentTransforms"
            " must be at least 0",
            id="a number",
        ),
    ],
)
def test_a_broken_limit_is_named_with_its_path_and_without_the_value(properties: Model, message: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        constraints.check(properties)
    assert str(refused.value) == message


def test_all_broken_limits_are_told_at_once() -> None:
    with pytest.raises(InvalidRequest) as refused:
        constraints.check({"ClientToken": "", "InferenceSpecification": {}, "ModelApprovalStatus": "Yes"})
    assert str(refused.value) == (
        "3 problems: (1) ClientToken has 0 characters and must have 1 at least"
        " (2) InferenceSpecification.Containers is required and missing"
        " (3) ModelApprovalStatus must be one of Approved, Rejected, PendingManualApproval"
    )


def test_a_long_text_is_not_looked_at_any_further() -> None:
    with pytest.raises(InvalidRequest, match=r"has 2000 characters and must have 1024 at most$"):
        constraints.check({"ApprovalDescription": "\n" * 2000})


def test_a_whole_describe_answer_is_within_the_limits() -> None:
    constraints.check({name: value for name, value in AS_DESCRIBED.items() if name != "CreatedBy"})


def test_what_was_accepted_once_is_left_alone() -> None:
    live = {"ManagedStorageType": "OfTomorrow", "Task": "OTHER"}
    constraints.check({**live, "ModelApprovalStatus": "Approved"}, known=live)
    with pytest.raises(InvalidRequest, match="ManagedStorageType must be one of"):
        constraints.check({**live, "ManagedStorageType": "OfToday"}, known=live)


# --- patterns ---------------------------------------------------------------------------------------


def schema_patterns(node: Any) -> set[str]:
    """Every pattern below a node of the limits, those of keys included."""
    found: set[str] = set()
    if isinstance(node, dict):
        found.update(node.get("patternProperties", ()))
        found.update({node["pattern"]} if isinstance(node.get("pattern"), str) else ())
        for each in node.values():
            found |= schema_patterns(each)
    return found


# One character of every category of Unicode, ASCII and beyond, and those our own classes are made of.
CHARACTERS = [
    *map(chr, range(0x250)),
    *"\u0301\u0967\u2167\u00bd\u2028\u3000\u20ac\u2014\u4e2d\U0001f600\ue000\u200d",
]


@pytest.mark.parametrize("pattern", sorted(schema_patterns(json.loads(packaged.content()))))
def test_patterns_match_what_they_match_in_java(pattern: str) -> None:
    stems = ("", "a", "a1", "ml.m5.large", "s3://b/k", "1.0", "text/csv", "arn:aws:iam::123456789012:role/r")
    values = [*stems, *(stem + each for stem in stems for each in CHARACTERS)]
    ours = [value for value in values if patterns.matches(pattern, value)]
    assert ours == [value for value in values if matches(pattern, value)]


# --- the file ---------------------------------------------------------------------------------------


def test_the_file_is_what_the_schema_says() -> None:
    committed = (PACKAGE / "constraints.json").read_text(encoding="utf-8")
    assert committed == packaged.content(), "run `make generate`"


def test_the_schema_has_no_limit_that_is_not_checked() -> None:
    checked = {
        *("$ref", "enum", "items", "maxItems", "maxLength", "maxProperties", "minItems", "minLength"),
        *("minimum", "pattern", "patternProperties", "properties", "required"),
    }

    def keywords(node: Any, names_are_ours: bool = False) -> set[str]:
        if not isinstance(node, dict):
            return set()
        below = (
            keywords(item, name in ("properties", "patternProperties") and not names_are_ours)
            for name, item in node.items()
        )
        return set().union(set() if names_are_ours else set(node), *below)

    whole = json.loads(packaged.content())
    assert keywords({"properties": {**whole["properties"], **whole["definitions"]}}) == checked


# --- in the handlers --------------------------------------------------------------------------------


def test_a_create_is_refused_before_any_call(invoke: Invoker) -> None:
    event = invoke("CREATE", {**IN_GROUP, "ApprovalDescription": "x" * 1025})
    words = "ApprovalDescription has 1025 characters and must have 1024 at most"
    assert event == failed("InvalidRequest", said("CREATE", "churn", words))


def test_an_update_is_refused_before_any_call(invoke: Invoker) -> None:
    state = {**IN_GROUP, "ModelPackageArn": VERSION}
    event = invoke("UPDATE", {**state, "ModelApprovalStatus": "Yes"}, state)
    words = "ModelApprovalStatus must be one of Approved, Rejected, PendingManualApproval"
    assert event == failed("InvalidRequest", said("UPDATE", VERSION, words))


def test_an_update_does_not_fail_over_what_it_does_not_change(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    state = {"ModelPackageName": "scorer", "ModelPackageArn": NAMED, "ManagedStorageType": "OfTomorrow"}
    sagemaker.describe(NAMED, named(ManagedStorageType="OfTomorrow"))
    sagemaker.list_tags(NAMED, {})
    event = invoke("UPDATE", state, state)
    assert event["status"] == succeeded()["status"]


def test_a_list_is_refused_before_any_call(invoke: Invoker) -> None:
    event = invoke("LIST", {"ModelPackageGroupName": "no group"})
    assert event["errorCode"] == "InvalidRequest"
    assert event["message"].startswith(said("LIST", "no group", "ModelPackageGroupName must be a name "))


def test_a_look_at_a_create_that_has_begun_checks_nothing_anew(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, version())
    event = invoke("CREATE", {**IN_GROUP, "ManagedStorageType": "?"}, context={"arn": VERSION})
    assert event["status"] == "SUCCESS"
