"""The schema's limits as the handlers check them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from cloudformation_cli_python_lib.exceptions import InvalidRequest

from aws_sagemaker_modelpackage import constraints
from packager import constraints as packaged
from packager.project import PACKAGE, schema

from .conftest import Invoker
from .events import (
    AS_DESCRIBED,
    IN_GROUP,
    NAMED,
    NAMED_STATE,
    VERSION,
    VERSION_STATE,
    Model,
    failed,
    message,
    named,
    specification,
    version,
)
from .scripted_sagemaker import Script
from .tables import table

VALIDATION = AS_DESCRIBED["ValidationSpecification"]
JOB = VALIDATION["ValidationProfiles"][0]["TransformJobDefinition"]


def container(**members: Any) -> Model:
    """A template's properties with one container that has these members."""
    return {"InferenceSpecification": specification(**members)}


@table(
    "properties, text",
    {
        "a value in another case": (
            {"ModelApprovalStatus": "approved"},
            "ModelApprovalStatus must be one of Approved, Rejected, PendingManualApproval;"
            " did you mean Approved?",
        ),
        "one character too many": (
            {"ApprovalDescription": "x" * 1025},
            "ApprovalDescription has 1025 characters and must have 1024 at most",
        ),
        "too short": ({"ClientToken": ""}, "ClientToken has 0 characters and must have 1 at least"),
        "a pattern, deep inside": (
            container(Image="has a space"),
            "InferenceSpecification.Containers[0].Image must be an image as registry/repository:tag, without"
            r" spaces: it has a space in it (it must match the pattern ^[\S]+$)",
        ),
        "a newline at the end is no end": (
            container(Image="line\n"),
            "InferenceSpecification.Containers[0].Image must be an image as registry/repository:tag, without"
            r" spaces: it begins or ends with a space or a line break (it must match the pattern ^[\S]+$)",
        ),
        "a required member": (
            {"InferenceSpecification": {}},
            "InferenceSpecification.Containers is required and missing",
        ),
        "too few items": (
            {"InferenceSpecification": {"Containers": []}},
            "InferenceSpecification.Containers has 0 items and must have 1 at least",
        ),
        "a key": (
            {"Environment": {"a b": "x"}},
            "Environment.a b is no key that can be here: it must be letters, digits and _, with no digit"
            " first and no more than 1024 in all: it has a space in it (it must match the pattern"
            " ^[a-zA-Z_][a-zA-Z0-9_]{0,1023}$)",
        ),
        "a key with a value in it, which is not shown": (
            {"Environment": {"PASSWORD=a secret": "x"}},
            "Environment.PASSWORD=... is no key that can be here: it must be letters, digits and _, with no"
            " digit first and no more than 1024 in all: it has a space in it (it must match the pattern"
            " ^[a-zA-Z_][a-zA-Z0-9_]{0,1023}$)",
        ),
        "too many entries": (
            {"Environment": {f"K{number}": "x" for number in range(17)}},
            "Environment has 17 entries and must have 16 at most",
        ),
        "the value of a key": (
            {"CustomerMetadataProperties": {"team": "x" * 257}},
            "CustomerMetadataProperties.team has 257 characters and must have 256 at most",
        ),
        "a key of any length": (
            {"CustomerMetadataProperties": {"k" * 100_000: "x"}},
            f"CustomerMetadataProperties.{'k' * 64}... is no key that can be here: it must be letters,"
            r" digits, spaces and _ . : / = + - @, no more than 128 in all (it must match the pattern"
            r" ^[\p{L}\p{Z}\p{N}_.:\/=+\-@]{1,128}$)",
        ),
        "a number": (
            {
                "ValidationSpecification": {
                    **VALIDATION,
                    "ValidationProfiles": [
                        {"ProfileName": "p", "TransformJobDefinition": {**JOB, "MaxConcurrentTransforms": -1}}
                    ],
                }
            },
            "ValidationSpecification.ValidationProfiles[0].TransformJobDefinition.MaxConcurrentTransforms"
            " must be at least 0",
        ),
    },
)
def test_check_names_a_broken_limit_by_path_without_the_value(properties: Model, text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        constraints.check(properties)
    assert str(refused.value) == text


def test_check_puts_all_problems_into_one_message() -> None:
    with pytest.raises(InvalidRequest) as refused:
        constraints.check({"ClientToken": "", "InferenceSpecification": {}, "ModelApprovalStatus": "Yes"})
    assert str(refused.value) == (
        "3 problems: (1) ClientToken has 0 characters and must have 1 at least"
        " (2) InferenceSpecification.Containers is required and missing"
        " (3) ModelApprovalStatus must be one of Approved, Rejected, PendingManualApproval"
    )


def test_check_stops_at_a_long_text() -> None:
    with pytest.raises(InvalidRequest, match=r"has 2000 characters and must have 1024 at most$"):
        constraints.check({"ApprovalDescription": "\n" * 2000})


def test_check_accepts_a_whole_answer() -> None:
    constraints.check({name: value for name, value in AS_DESCRIBED.items() if name != "CreatedBy"})


def test_check_accepts_what_is_known() -> None:
    live = {"ManagedStorageType": "OfTomorrow", "Task": "OTHER"}
    constraints.check({**live, "ModelApprovalStatus": "Approved"}, known=live)
    with pytest.raises(InvalidRequest, match="ManagedStorageType must be one of"):
        constraints.check({**live, "ManagedStorageType": "OfToday"}, known=live)


# --- the file ---------------------------------------------------------------------------------------


def test_constraints_file_is_generated_from_the_schema() -> None:
    committed = (PACKAGE / "constraints.json").read_text(encoding="utf-8")
    assert committed == packaged.content(), "run `make generate`"
    assert packaged.CLASSES_TARGET.read_text(encoding="utf-8") == packaged.classes(), "run `make generate`"
    assert packaged.SHAPES_TARGET.read_text(encoding="utf-8") == packaged.shapes(), "run `make generate`"


# For each keyword that `constraints` checks, a part of a schema and a value that breaks it.
CHECKED: dict[str, tuple[Model, Any]] = {
    "enum": ({"enum": ["a"]}, "b"),
    "items": ({"items": {"maxLength": 1}}, ["ab"]),
    "maxItems": ({"maxItems": 1, "items": {}}, ["a", "b"]),
    "maxLength": ({"maxLength": 1}, "ab"),
    "maxProperties": ({"maxProperties": 1}, {"a": "b", "c": "d"}),
    "minItems": ({"minItems": 1, "items": {}}, []),
    "minLength": ({"minLength": 1}, ""),
    "minimum": ({"minimum": 1}, 0),
    "pattern": ({"pattern": r"^[\S]+$"}, "a b"),
    "patternProperties": ({"patternProperties": {r"^[\S]+$": {"maxLength": 1}}}, {"a": "ab"}),
    "properties": ({"properties": {"a": {"maxLength": 1}}}, {"a": "ab"}),
    "required": ({"required": ["a"]}, {}),
    "$ref": ({"$ref": "#/definitions/Tag"}, {"Key": "a"}),
}
# The others, with the reason why `constraints` does not check them.
NOT_CHECKED = {
    "additionalProperties": "false everywhere; `recast` refuses members that the schema does not have",
    "description": "text",
    "insertionOrder": "says how values are compared",
    "type": "`recast` refuses values of another type",
}


def keywords(node: Any, *, are_names: bool = False) -> set[str]:
    """The keywords in a part of the schema; the keys of some of them are names."""
    if not isinstance(node, dict):
        return set()
    below = (
        keywords(item, are_names=not are_names and name in ("definitions", "patternProperties", "properties"))
        for name, item in node.items()
    )
    return set().union(set() if are_names else set(node), *below)


def test_schema_has_no_keyword_that_is_not_checked() -> None:
    parts = {part: schema()[part] for part in ("properties", "definitions")}
    used, known = keywords(parts) - {"definitions"}, CHECKED.keys() | NOT_CHECKED.keys()
    assert not used - known, (
        f"{sorted(used - known)}: check it in src/aws_sagemaker_modelpackage/constraints.py and add it to"
        " CHECKED in tests/unit/test_constraints.py, or to NOT_CHECKED there, with the reason"
    )
    assert not known - used, f"take {sorted(known - used)} out of tests/unit/test_constraints.py"


@pytest.mark.parametrize("keyword", CHECKED)
def test_check_knows_the_keyword(keyword: str) -> None:
    node, value = CHECKED[keyword]
    assert keyword in node
    assert len([*constraints._check(node, value, None)]) == 1


def test_schema_allows_no_object_other_members() -> None:
    text = json.dumps(schema())
    allowed = re.findall(r'"additionalProperties": (\w+)', text)
    assert set(allowed) == {"false"}
    assert len(allowed) == text.count('"type": "object"') + 1  # the properties themselves


# --- in the handlers --------------------------------------------------------------------------------


def test_create_is_refused_before_any_call(invoke: Invoker) -> None:
    event = invoke("CREATE", {**IN_GROUP, "ApprovalDescription": "x" * 1025})
    text = "ApprovalDescription has 1025 characters and must have 1024 at most"
    assert event == failed("InvalidRequest", "CREATE", "churn", text)


def test_update_is_refused_before_any_call(invoke: Invoker) -> None:
    event = invoke("UPDATE", {**VERSION_STATE, "ModelApprovalStatus": "Yes"}, VERSION_STATE)
    text = "ModelApprovalStatus must be one of Approved, Rejected, PendingManualApproval"
    assert event == failed("InvalidRequest", "UPDATE", VERSION, text)


def test_update_accepts_what_it_does_not_change(invoke: Invoker, script: Script) -> None:
    state = {**NAMED_STATE, "ManagedStorageType": "OfTomorrow"}
    script.describe(NAMED, named(ManagedStorageType="OfTomorrow"), tags={})
    assert invoke("UPDATE", state, state)["status"] == "SUCCESS"


def test_list_is_refused_before_any_call(invoke: Invoker) -> None:
    event = invoke("LIST", {"ModelPackageGroupName": "no group"})
    assert event["errorCode"] == "InvalidRequest"
    assert event["message"].startswith(message("LIST", "no group", "ModelPackageGroupName must be a name "))


def test_poll_of_a_create_checks_nothing_again(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version())
    event = invoke("CREATE", {**IN_GROUP, "ManagedStorageType": "?"}, context={"arn": VERSION})
    assert event["status"] == "SUCCESS"
