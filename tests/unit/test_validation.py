"""All faults at once: of types, limits, combinations and tags, without those that follow from others."""

from __future__ import annotations

from typing import Any

import pytest
from cloudformation_cli_python_lib.exceptions import InvalidRequest

from aws_sagemaker_modelpackage import validation

from .events import IMAGE, IN_GROUP, NAMED, SCORER, VERSION, extra, extras, tag_list
from .tables import table, untraced

Json = dict[str, Any]

INSTANCES = {
    "SupportedTransformInstanceTypes": ["ml.m5.large"],
    "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
}
ADDITIONAL, TO_ADD = "AdditionalInferenceSpecifications", "AdditionalInferenceSpecificationsToAdd"
TRANSFORM, REALTIME = (f"InferenceSpecification.{name}" for name in INSTANCES)
SETTING = {"Environment": {"A": "b"}}


def served(*containers: Any, **members: Any) -> Json:
    """The property of an unversioned package with these containers."""
    return {"InferenceSpecification": {**INSTANCES, "Containers": [*containers], **members}}


def paths(problems: list[Any]) -> list[str]:
    """The first words of problems, which are their paths."""
    return [str(each).split()[0] for each in problems]


def faults(properties: Json, stack_tags: Json | None = None) -> list[str]:
    """The paths at fault in a create, in the order of the message."""
    by_check = validation.create_faults(properties, stack_tags)[1]
    return [path for problems in by_check.values() for path in paths(problems)]


@table(
    "properties, expected",
    {
        "a template without faults": ({**SCORER, **served({"Image": IMAGE})}, []),
        "types before limits before combinations before tags": (
            {
                **SCORER,
                **served(SETTING, SupportedRealtimeInferenceInstanceTypes=[]),
                "Tags": [*tag_list({"a": "1"}), *tag_list({"a": "2"})],
                "Domain": "x" * 2000,
                "Tsk": 1,
            },
            ["Tsk", "InferenceSpecification.Containers[0].Environment", REALTIME, "Tags[1].Key"],
        ),
        "a position behind an item of a wrong type": (
            {**SCORER, **served(None, {"Image": "a b"}, SETTING)},
            [
                f"InferenceSpecification.Containers[{position}]{member}"
                for position, member in enumerate(("", ".Image", ".Environment"))
            ],
        ),
        "no count of what is of a wrong type": (
            {**SCORER, **served("image")},
            ["InferenceSpecification.Containers[0]"],
        ),
        "nothing missing in what is of a wrong type": (
            {**SCORER, "InferenceSpecification": []},
            ["InferenceSpecification"],
        ),
        "no member that is missing because it is of a wrong type": (
            {**SCORER, **served({"Image": IMAGE}, SupportedTransformInstanceTypes="ml.m5.large")},
            [TRANSFORM],
        ),
        "an empty list once, by its limit": (
            {**SCORER, **served({"Image": IMAGE}, SupportedTransformInstanceTypes=[])},
            [TRANSFORM],
        ),
        "both names, one of them wrong": (
            {"ModelPackageName": "-", "ModelPackageGroupName": "churn"},
            ["ModelPackageName", "ModelPackageName"],
        ),
        "the ARN of a bucket once, by its pattern": (
            {"ModelPackageGroupName": "arn:aws:s3:::bucket"},
            ["ModelPackageGroupName"],
        ),
        "a group of a wrong type is a group": (
            {"ModelPackageGroupName": ["churn"], "SourceUri": "s3://b/m", **SETTING},
            ["ModelPackageGroupName", "Environment"],
        ),
        "a misspelt group may be one": (
            {"ModelPackageGrupName": "churn", "SourceUri": "s3://b/m", "Tags": tag_list({"a": "1"})},
            ["ModelPackageGrupName"],
        ),
        "a group in another place may be one": (
            {"ModelCard": {"ModelPackageGroupName": "churn"}, "SourceUri": "s3://b/m"},
            ["ModelCard.ModelPackageGroupName"],
        ),
        "another misspelt name is none": ({"Domian": "x", "SourceUri": "s3://b/m"}, ["Domian", "SourceUri"]),
        "beside a name there is no other group": (
            {**SCORER, "GroupName": "x", "SourceUri": "s3://b/m"},
            ["GroupName", "SourceUri"],
        ),
        "contents that cannot be compared": (
            {**IN_GROUP, ADDITIONAL: [extra("a", Description=[])], TO_ADD: [extra("a")]},
            [f"{ADDITIONAL}[0].Description"],
        ),
        "a count with faults in what is counted": (
            {
                **IN_GROUP,
                **extras(*map(str, range(15))),
                TO_ADD: [{**extra("15"), "Containers": []}, extra("16", Containers={})],
            },
            [f"{TO_ADD}[1].Containers", f"{TO_ADD}[0].Containers", TO_ADD],
        ),
        "a count without a name": (
            {**IN_GROUP, **extras(*map(str, range(15))), TO_ADD: [{**extra("15"), "Name": None}]},
            [f"{TO_ADD}[0].Name", TO_ADD],
        ),
        "tags of a version of a wrong type": ({**IN_GROUP, "Tags": {"a": "1"}}, ["Tags"]),
        "a wrong tag of a version": (
            {**IN_GROUP, "Tags": [{"Key": "a"}, *tag_list({"b": "1"})]},
            ["Tags[0].Value", "Tags"],
        ),
    },
)
def test_create_faults(properties: Json, expected: list[str]) -> None:
    assert faults(properties) == expected


def test_create_faults_count_tags_with_the_stacks() -> None:
    properties = {**SCORER, "Tags": [*tag_list({f"k{number}": "1" for number in range(40)}), {"Key": "a"}]}
    assert faults(properties, {f"s{number}": "1" for number in range(11)}) == ["Tags[40].Value", "Tags"]


def test_create_faults_count_tags_without_a_key() -> None:
    properties = {**SCORER, "Tags": [*tag_list({f"k{number}": "1" for number in range(40)}), {"Value": "a"}]}
    assert faults(properties, {f"s{number}": "1" for number in range(10)}) == ["Tags[40].Key", "Tags"]
    assert faults(properties, {f"s{number}": "1" for number in range(9)}) == ["Tags[40].Key"]


def test_parse_create_returns_the_typed_model() -> None:
    given = {**SCORER, "CertifyForMarketplace": "true", "ModelPackageVersion": []}
    assert validation.parse_create(given, None) == {**SCORER, "CertifyForMarketplace": True}


def refused_update(desired: Json, previous: Json | None, stack_tags: Json | None = None) -> str:
    """The message about an update; empty when it is accepted."""
    try:
        validation.parse_update(desired, previous, stack_tags)
    except InvalidRequest as refusal:
        return str(refusal)
    return ""


CLASH = {**extras("a"), TO_ADD: [extra("a", Description="other")]}
IN_SETTING = {"InferenceSpecification": {"Containers": [{"Image": IMAGE, **SETTING}]}}


@table(
    "desired, previous, start",
    {
        "nothing": ({}, {}, ""),
        "the kind is that of the ARN": (
            {"ModelPackageArn": VERSION, "Tags": tag_list({"a": "1"})},
            {},
            "Tags cannot be set on a version",
        ),
        "of a package, too": (
            {"ModelPackageArn": NAMED, **SETTING},
            {},
            "Environment cannot be set on an unversioned package",
        ),
        "or that of the group, which makes a new package": (
            {"ModelPackageArn": NAMED, **IN_GROUP, **SETTING, **IN_SETTING},
            {},
            "",
        ),
        "or that of the name": ({"ModelPackageArn": VERSION, **SCORER, "Tags": tag_list({"a": "1"})}, {}, ""),
        "a default of containers that the template leaves to the package": (
            {"ModelPackageArn": VERSION, **SETTING},
            {},
            "",
        ),
        "what SageMaker may know better": ({**SCORER, "ApprovalDescription": "fine"}, {}, ""),
        "other content of a name": (
            {**IN_GROUP, **CLASH},
            extras("a"),
            f"{TO_ADD}[0] has the name of {ADDITIONAL}[0]",
        ),
        "which was accepted once": ({**IN_GROUP, **CLASH, "Task": "OTHER"}, {**IN_GROUP, **CLASH}, ""),
        "what was accepted once in a package": ({**SCORER, **IN_SETTING}, {**SCORER, **IN_SETTING}, ""),
        "what was not": (
            {**SCORER, **IN_SETTING, "ModelLifeCycle": {}},
            SCORER,
            "5 problems: (1) ModelLifeCycle.Stage is required and missing (2)",
        ),
        "both names, whatever was before": (
            {**SCORER, **IN_GROUP},
            {**SCORER, **IN_GROUP},
            "ModelPackageName and ModelPackageGroupName cannot both be set",
        ),
        "an own tag as before": (
            {**IN_GROUP, "Tags": tag_list({"a": "1"})},
            {"Tags": tag_list({"a": "1"})},
            "",
        ),
    },
)
def test_parse_update(desired: Json, previous: Json, start: str) -> None:
    message = refused_update(desired, previous)
    assert message.startswith(start)
    assert bool(message) == bool(start)


def test_parse_update_without_a_previous_state_checks_everything() -> None:
    assert refused_update({**SCORER, **IN_SETTING}, None).startswith("3 problems: ")


@table(
    "odd", {"no name": {}, "a name of a wrong type": {"Name": ["x"]}, "a name that is taken": {"Name": "14"}}
)
def test_specifications_are_counted_whatever_their_names(odd: Json) -> None:
    def specifications(*names: int) -> list[Json]:
        return [{"Name": str(name), "Containers": [{"Image": "a/b:1"}]} for name in names]

    added = [*specifications(*range(10, 15)), {**odd, "Containers": [{"Image": "a/b:1"}]}]
    properties = {
        **IN_GROUP,
        "AdditionalInferenceSpecifications": specifications(*range(10)),
        "AdditionalInferenceSpecificationsToAdd": added,
    }
    with pytest.raises(InvalidRequest) as failure:
        validation.parse_create(properties, None)
    assert str(failure.value).startswith("2 problems: ")
    assert "AdditionalInferenceSpecificationsToAdd has 16 specifications together with" in str(failure.value)


@untraced
def test_many_unknown_properties_are_searched_in_a_bearable_time() -> None:
    with pytest.raises(InvalidRequest, match=r"^100000 problems: .* and 99982 more$"):
        validation.parse_create({f"Unheard{number}": 1 for number in range(100_000)}, None)
