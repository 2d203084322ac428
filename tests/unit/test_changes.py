"""What counts as a change, and that each property is treated as the schema promises."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from cloudformation_cli_python_lib.exceptions import NotUpdatable

from aws_sagemaker_modelpackage import changes, translate
from aws_sagemaker_modelpackage.probes import Probe
from aws_sagemaker_modelpackage.recast import PROPERTIES, SERVICE_OWNED
from sandbox.shared.settings import top_level
from tests.property_values import CHANGED, NOT_PLANNED, REPLACED

from .events import GROUP_ARN, IN_GROUP, NAMED, VERSION, extra
from .tables import table


def test_create_only_properties_are_the_schemas() -> None:
    every = [*changes.CREATE_ONLY, *changes._CREATE_ONLY_UNREAD, translate.GROUP]
    assert sorted(every) == sorted(top_level("createOnlyProperties")), "run `make generate`"
    assert not top_level("writeOnlyProperties").intersection(changes.CREATE_ONLY)


def test_every_change_has_values() -> None:
    settable = set(PROPERTIES) - SERVICE_OWNED
    differing = sorted(settable ^ (CHANGED.keys() | NOT_PLANNED.keys()))
    assert not differing, (
        f"{differing}: a property, or in CHANGED or NOT_PLANNED of tests/property_values.py, but not both"
    )


@pytest.mark.parametrize(
    ("name", "old", "new"), [(name, *values) for each in (CHANGED, REPLACED) for name, values in each.items()]
)
def test_plan_of_a_changed_property_is_no_silent_no_op(name: str, old: Any, new: Any) -> None:
    kind = {} if name == "ModelPackageName" else {"ModelPackageGroupName": "churn"}
    previous = {**kind, "InferenceSpecification": {"Containers": [{"Image": "image:1"}]}, name: old}
    previous = {each: value for each, value in previous.items() if value is not None}
    live = {**previous, "ModelPackageArn": VERSION if kind else NAMED}
    live.pop("Environment", None)
    try:
        planned = bool(changes.plan({**previous, name: new}, previous, live))
    except NotUpdatable:
        planned = True
    assert planned


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
    assert planned.probe == Probe("Environment", (specification,))
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


ASKED: dict[str, Any] = {
    "ModelPackageGroupName": GROUP_ARN,
    "ModelPackageDescription": "d",
    "InferenceSpecification": {"Containers": [{"Image": "i"}]},
    "AdditionalInferenceSpecifications": [extra("a")],
    "ModelLifeCycle": {"Stage": "A", "StageStatus": "B"},
    "ModelCard": {"ModelCardContent": '{"a": 1}'},
    "CustomerMetadataProperties": {"a": "1"},
}
STORED: dict[str, Any] = {
    "ModelPackageArn": VERSION,
    **ASKED,
    "ModelPackageGroupName": "Churn",
    "InferenceSpecification": {"Containers": [{"Image": "i", "ImageDigest": "d", "IsCheckpoint": False}]},
    "CertifyForMarketplace": False,
    "ModelApprovalStatus": "PendingManualApproval",
    "ModelCard": {"ModelCardContent": '{"a":1}'},
    "CustomerMetadataProperties": {"a": "1", "outside": "2"},
    "SourceUri": "s3://outside",
}
EXTRA: dict[str, Any] = {**extra("a"), "Description": "more"}


@table(
    "asked, stored, expected",
    {
        "nothing": ({}, {}, []),
        "a value of a create": ({"Task": "OTHER"}, {}, ["Task"]),
        "a value that the create does not ask for": ({}, {"Task": "OTHER"}, ["Task"]),
        "a member": (
            {},
            {"InferenceSpecification": {"Containers": [{"Image": "i", "ContainerHostname": "h"}]}},
            ["InferenceSpecification"],
        ),
        "a flag": ({"CertifyForMarketplace": True}, {}, ["CertifyForMarketplace"]),
        "a flag that is not asked for": ({}, {"SkipModelValidation": "All"}, ["SkipModelValidation"]),
        "a specification": (
            {},
            {"AdditionalInferenceSpecifications": [EXTRA]},
            ["AdditionalInferenceSpecifications"],
        ),
        "no specification": (
            {},
            {"AdditionalInferenceSpecifications": []},
            ["AdditionalInferenceSpecifications"],
        ),
        "a life cycle": ({}, {"ModelLifeCycle": {"Stage": "A", "StageStatus": "C"}}, ["ModelLifeCycle"]),
        "a card": ({"ModelCard": {"ModelCardContent": "{}"}}, {}, ["ModelCard"]),
        "metadata": ({"CustomerMetadataProperties": {"b": "1"}}, {}, ["CustomerMetadataProperties"]),
        "a source": ({"SourceUri": "s3://mine"}, {}, ["SourceUri"]),
        "an approval": ({"ModelApprovalStatus": "Approved"}, {}, ["ModelApprovalStatus"]),
        "an approval that another client gave": ({}, {"ModelApprovalStatus": "Approved"}, []),
        "a group": ({"ModelPackageGroupName": "other"}, {}, ["ModelPackageGroupName"]),
        "a specification that SageMaker derives": (
            {"InferenceSpecification": None, "SourceUri": VERSION},
            {"SourceUri": VERSION},
            [],
        ),
    },
)
def test_other_values(asked: dict[str, Any], stored: dict[str, Any], expected: list[str]) -> None:
    desired = {name: value for name, value in {**ASKED, **asked}.items() if value is not None}
    arguments = translate.create_arguments(desired, "", [], "token")
    assert changes.other_values(desired, arguments, {**STORED, **stored}, is_older=False) == expected


@table(
    "asked, stored, expected",
    {
        "a description": ({"ApprovalDescription": "a"}, {}, ["ApprovalDescription"]),
        "a description and an approval": (
            {"ApprovalDescription": "a", "ModelApprovalStatus": "Approved"},
            {},
            ["ModelApprovalStatus", "ApprovalDescription"],
        ),
        "a source": ({"SourceUri": "s3://mine"}, {"SourceUri": None}, ["SourceUri"]),
        "what the package has": ({"ApprovalDescription": "a"}, {"ApprovalDescription": "a"}, []),
        "nothing": ({}, {}, []),
    },
)
def test_other_values_that_a_second_call_gives(
    asked: dict[str, Any], stored: dict[str, Any], expected: list[str]
) -> None:
    desired = {**ASKED, **asked}
    live = {name: value for name, value in {**STORED, **stored}.items() if value is not None}
    arguments = translate.create_arguments(desired, "", [], "token")
    assert changes.other_values(desired, arguments, live, is_older=True) == expected
    assert changes.other_values(desired, arguments, live, is_older=False) == []


@table(
    "desired, described, expected",
    {
        "a name": ("scorer", {"ModelPackageArn": NAMED, "ModelPackageName": "scorer"}, []),
        "another name": ("scorer", {"ModelPackageArn": NAMED, "ModelPackageName": "x"}, ["ModelPackageName"]),
        "a version": ("scorer", LIVE, ["ModelPackageName", "InferenceSpecification"]),
    },
)
def test_other_values_of_an_unversioned_package(
    desired: str, described: dict[str, Any], expected: list[str]
) -> None:
    arguments = translate.create_arguments({}, desired, [], "token")
    assert changes.other_values({}, arguments, described, is_older=True) == expected


CYCLE = {"Stage": "Dev", "StageStatus": "Open"}
PROMOTED = {"Stage": "Prod", "StageStatus": "Approved"}


@table(
    "desired, previous, live, sent",
    {
        "a new description keeps a promotion": (
            {**CYCLE, "StageDescription": "y"},
            {**CYCLE, "StageDescription": "x"},
            {**PROMOTED, "StageDescription": "z"},
            {**PROMOTED, "StageDescription": "y"},
        ),
        "a dropped description keeps a promotion": (
            CYCLE,
            {**CYCLE, "StageDescription": "x"},
            {**PROMOTED, "StageDescription": "x"},
            PROMOTED,
        ),
        "a dropped description that was changed outside": (
            CYCLE,
            {**CYCLE, "StageDescription": "x"},
            {**CYCLE, "StageDescription": "z"},
            None,
        ),
        "a dropped description": (
            CYCLE,
            {**CYCLE, "StageDescription": "x"},
            {**CYCLE, "StageDescription": "x"},
            CYCLE,
        ),
        "another stage is a whole": (
            {"Stage": "Test", "StageStatus": "Open"},
            CYCLE,
            {**PROMOTED, "StageDescription": "z"},
            {"Stage": "Test", "StageStatus": "Open"},
        ),
        "a first one": (CYCLE, None, None, CYCLE),
        "an empty description": (
            {**CYCLE, "StageDescription": ""},
            CYCLE,
            CYCLE,
            {**CYCLE, "StageDescription": ""},
        ),
        "no description in place of an empty one": (
            CYCLE,
            {**CYCLE, "StageDescription": ""},
            {**CYCLE, "StageDescription": ""},
            CYCLE,
        ),
        "a description in another case": (
            {**CYCLE, "StageDescription": "arn:aws:sagemaker:a:1:model/X"},
            {**CYCLE, "StageDescription": "arn:aws:sagemaker:a:1:model/x"},
            {**CYCLE, "StageDescription": "arn:aws:sagemaker:a:1:model/x"},
            {**CYCLE, "StageDescription": "arn:aws:sagemaker:a:1:model/X"},
        ),
        "one that was taken out, without its description": (
            CYCLE,
            None,
            {**CYCLE, "StageDescription": "by Ann"},
            CYCLE,
        ),
        "as it is": (CYCLE, {**CYCLE, "StageDescription": "x"}, CYCLE, None),
    },
)
def test_plan_of_a_life_cycle(desired: Any, previous: Any, live: Any, sent: Any) -> None:
    desired, previous, live = ({"ModelLifeCycle": each} if each else {} for each in (desired, previous, live))
    expected = {"ModelLifeCycle": sent} if sent else {}
    assert changes.plan(desired, IN_GROUP | previous, {**LIVE, **live}).update == expected


@table(
    "desired, live",
    {
        "in another case": ("Scorer", {"ModelPackageName": "scorer", "ModelPackageArn": NAMED}),
        "as previously, in another case live": (
            "Old",
            {"ModelPackageName": "scorer", "ModelPackageArn": NAMED},
        ),
        "left out by Describe": ("Scorer", {"ModelPackageArn": NAMED}),
    },
)
def test_plan_takes_a_name_for_the_same(desired: str, live: dict[str, Any]) -> None:
    assert not changes.plan({"ModelPackageName": desired}, {"ModelPackageName": "old"}, live)


def test_plan_of_another_name_is_not_updatable() -> None:
    with pytest.raises(NotUpdatable):
        changes.plan({"ModelPackageName": "other"}, {}, {"ModelPackageArn": NAMED})
    with pytest.raises(NotUpdatable):
        changes.plan({"ModelPackageName": "3"}, {}, LIVE)


PLAIN = {"Containers": [{"Image": "i"}]}
READ = {"ModelPackageStatus": "Completed"}


def in_container(**environment: str) -> dict[str, Any]:
    """The property with one container of this environment."""
    return {"InferenceSpecification": {"Containers": [{"Image": "i", "Environment": environment}]}}


# desired, previous, live, environment that is sent
ENVIRONMENTS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, str] | None]] = {
    "a new default": (
        in_container() | {"Environment": {"A": "2"}},
        in_container(),
        in_container(),
        {"A": "2"},
    ),
    "a container's own key wins": (
        in_container(A="own") | {"Environment": {"A": "2"}},
        in_container(A="own") | {"Environment": {"A": "1"}},
        in_container(A="own"),
        None,
    ),
    "a first default below a container's own key": (
        in_container(A="own") | {"Environment": {"A": "2"}},
        in_container(A="own"),
        in_container(A="own"),
        None,
    ),
    "Cloud Control sends the old default back": (
        in_container(A="1") | {"Environment": {"A": "2"}},
        in_container(A="1") | READ,
        in_container(A="1"),
        {"A": "2"},
    ),
    "the contract tests send a template against the last model": (
        in_container(A="own") | {"Environment": {"B": "2"}},
        in_container(A="own", B="1") | READ,
        in_container(A="own", B="1"),
        {"A": "own", "B": "2"},
    ),
    "a container no longer has a key of its own": (
        in_container() | {"Environment": {"A": "1"}},
        in_container(A="own") | {"Environment": {"A": "1"}},
        in_container(A="own"),
        {"A": "1"},
    ),
    "a value that was changed outside stays": (
        in_container() | {"Environment": {"A": "1", "B": "2"}},
        in_container() | {"Environment": {"A": "1", "B": "1"}},
        in_container(A="9", B="1"),
        {"A": "9", "B": "2"},
    ),
    "a dropped default": (
        in_container(),
        in_container() | {"Environment": {"A": "1", "B": "1"}},
        in_container(A="1", B="9"),
        {"B": "9"},
    ),
}


@table("desired, previous, live, sent", ENVIRONMENTS)
def test_plan_of_environments(
    desired: dict[str, Any], previous: dict[str, Any], live: dict[str, Any], sent: dict[str, str] | None
) -> None:
    planned = changes.plan(IN_GROUP | desired, IN_GROUP | previous, {**LIVE, **live})
    is_removal = "Environment" not in desired
    expected = Probe("Environment", (in_container(**sent),), is_removal=is_removal) if sent else None
    assert planned.probe == expected
    assert not planned.update


@table(
    "desired, previous",
    {
        "a key of a container's own is taken out": (in_container(), in_container(A="1")),
        "a key of a container's own changes": (in_container(A="2"), in_container(A="1")),
        "a key named like a member of the service": (in_container(), in_container(ETag="1")),
        "a member of the container": (
            {"InferenceSpecification": PLAIN},
            {"InferenceSpecification": {"Containers": [{"Image": "i", "ContainerHostname": "h"}]}},
        ),
    },
)
def test_plan_of_another_specification_is_not_updatable(
    desired: dict[str, Any], previous: dict[str, Any]
) -> None:
    with pytest.raises(NotUpdatable, match="InferenceSpecification"):
        changes.plan(IN_GROUP | desired, IN_GROUP | previous, {**LIVE, **previous})


def a_card(content: str | None = None, status: str | None = None) -> dict[str, Any]:
    members = {"ModelCardContent": content, "ModelCardStatus": status}
    return {"ModelCard": {name: value for name, value in members.items() if value}}


@table(
    "desired, previous, live, is_updatable",
    {
        "content is changed and archived": (
            a_card("2", "Archived"),
            a_card("1"),
            a_card("1", "Draft"),
            False,
        ),
        "a status to restore": (a_card("2", "Archived"), a_card("1", "Draft"), a_card("1", "Draft"), True),
        "another status": (a_card("2", "Approved"), a_card("1"), a_card("1", "Draft"), True),
        "the same content": (a_card("1", "Archived"), a_card("1"), a_card("1", "Draft"), True),
        "no content before": (a_card("2", "Archived"), {}, a_card("1", "Draft"), True),
    },
)
def test_plan_archives_no_content_that_a_rollback_could_not_restore(
    desired: dict[str, Any], previous: dict[str, Any], live: dict[str, Any], is_updatable: bool
) -> None:
    states = (IN_GROUP | desired, IN_GROUP | previous, LIVE | live)
    if is_updatable:
        assert changes.plan(*states).probe
    else:
        with pytest.raises(
            NotUpdatable, match=r"^ModelCard cannot be updated in place: .* could not restore it$"
        ):
            changes.plan(*states)
