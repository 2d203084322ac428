"""Properties that do not go together: on create, and in what an update adds."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import Any

import pytest
from cloudformation_cli_python_lib.exceptions import InvalidRequest

from aws_sagemaker_modelpackage import combinations
from packager.project import schema

from .events import (
    BOTH_NAMES,
    GROUP_ARN,
    IN_GROUP,
    NAMED,
    NEEDED,
    NO_DESCRIPTION,
    NO_ENVIRONMENT,
    extra,
    extras,
    to_add,
)
from .tables import table

INSTANCES = {
    "SupportedTransformInstanceTypes": ["ml.m5.large"],
    "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
}
NO_DATA_SOURCE = (
    "cannot be set on an unversioned package: SageMaker takes it only for versions. Give the address of an"
    " archive as ModelDataUrl, or set ModelPackageGroupName"
)
DATA_SOURCE = {"Name": "b", "Containers": [{"ModelDataSource": {}}]}
S3_SOURCE = {"Name": "a", "Containers": [{"AdditionalS3DataSource": {}}]}
SETTING = {"Name": "c", "Containers": [{"Environment": {"MODE": "fast"}}]}

ADDITIONAL = "AdditionalInferenceSpecifications"
INPUT = {"ModelInput": {"DataInputConfig": '{"a": [1], "b": 2}'}}
SAME_INPUT = {"ModelInput": {"DataInputConfig": '{"b":2,"a":[1]}'}}


def other_content(path: str, other: str) -> str:
    """The message about a specification with the name of another one."""
    return f"{path} has the name of {other} and other content: give it a name of its own, or the same content"


def types(*names: str) -> dict[str, Any]:
    """The member with these content types."""
    return {"SupportedContentTypes": [*names]}


def container(**members: Any) -> dict[str, Any]:
    """The member with one container."""
    return {"Containers": [members]}


def variables(first: int, behind: int) -> dict[str, str]:
    """Entries of an environment."""
    return {f"K{number}": "1" for number in range(first, behind)}


def main(*environments: dict[str, str]) -> dict[str, Any]:
    """The property with a container for each environment."""
    return {"InferenceSpecification": {"Containers": [{"Environment": each} for each in environments]}}


@table(
    "desired, problems",
    {
        "a version": (IN_GROUP, []),
        "a version whose group is an ARN": ({"ModelPackageGroupName": GROUP_ARN}, []),
        "a package": ({"ModelPackageName": "scorer", "InferenceSpecification": INSTANCES}, []),
        "both names": (
            {**IN_GROUP, "ModelPackageName": "scorer"},
            [BOTH_NAMES],
        ),
        "the ARN of a package for a group": (
            {"ModelPackageGroupName": NAMED},
            [
                "ModelPackageGroupName is the ARN of something else: give a group's name or ARN"
                " (...:model-package-group/NAME)"
            ],
        ),
        "a name twice": (
            {**IN_GROUP, **extras("a", "b", "a")},
            [
                "AdditionalInferenceSpecifications[2].Name is the name of another one as well: give each"
                " specification its own"
            ],
        ),
        "a name that is there and is to be added": ({**IN_GROUP, **extras("a"), **to_add("a")}, []),
        "an additional data source": (
            {**IN_GROUP, "InferenceSpecification": {"Containers": [{}, {"AdditionalS3DataSource": {}}]}},
            [
                "InferenceSpecification.Containers[1].AdditionalS3DataSource is not allowed in"
                " InferenceSpecification: SageMaker takes it in AdditionalInferenceSpecifications only"
            ],
        ),
        "one where it may be": ({**IN_GROUP, "AdditionalInferenceSpecifications": [S3_SOURCE]}, []),
        "environments of an unversioned package": (
            {
                "InferenceSpecification": {
                    "Containers": [{"Environment": {}}, {"Environment": {"A": "b"}}],
                    **INSTANCES,
                },
                "AdditionalInferenceSpecificationDefinition": {"Containers": [{"Environment": {"A": "b"}}]},
            },
            [
                f"InferenceSpecification.Containers[1].Environment {NO_ENVIRONMENT}",
                f"AdditionalInferenceSpecificationDefinition.Containers[0].Environment {NO_ENVIRONMENT}",
            ],
        ),
        "data sources of an unversioned package": (
            {
                "InferenceSpecification": {"Containers": [{"ModelDataSource": {}}], **INSTANCES},
                # AWS's own SDK sends it.
                "SourceAlgorithmSpecification": {"SourceAlgorithms": [{"ModelDataSource": {}}]},
            },
            [f"InferenceSpecification.Containers[0].ModelDataSource {NO_DATA_SOURCE}"],
        ),
        "a source of an unversioned package": (
            {"SourceUri": "s3://b/m"},
            [
                "SourceUri cannot be set on an unversioned package: SageMaker takes it only for versions (set"
                " ModelPackageGroupName)"
            ],
        ),
        "an approval's description of an unversioned package": (
            {"ApprovalDescription": "fine"},
            [NO_DESCRIPTION],
        ),
        "an empty one, which is none": ({"ApprovalDescription": ""}, []),
        "a name in another property, with other content": (
            {
                **IN_GROUP,
                **extras("z", "a"),
                "AdditionalInferenceSpecificationsToAdd": [extra("b"), extra("a", Description="other")],
                "AdditionalInferenceSpecificationDefinition": extra("b", Description="other"),
            },
            [
                other_content("AdditionalInferenceSpecificationsToAdd[1]", f"{ADDITIONAL}[1]"),
                other_content(
                    "AdditionalInferenceSpecificationDefinition", "AdditionalInferenceSpecificationsToAdd[0]"
                ),
            ],
        ),
        "a name in another property, with the content that read returns": (
            {
                **IN_GROUP,
                ADDITIONAL: [extra("a", **types("b", "a"), **container(ImageDigest="sha256:0", **INPUT))],
                "AdditionalInferenceSpecificationDefinition": extra(
                    "a", **types("a", "b"), **container(IsCheckpoint=False, **SAME_INPUT)
                ),
            },
            [],
        ),
        "a digest that is not sent": (
            {
                **IN_GROUP,
                ADDITIONAL: [extra("a")],
                "AdditionalInferenceSpecificationDefinition": extra("a", **container(ImageDigest="sha256:0")),
            },
            [other_content("AdditionalInferenceSpecificationDefinition", f"{ADDITIONAL}[0]")],
        ),
        "16 specifications in two lists": (
            {**IN_GROUP, **extras(*map(str, range(10))), **to_add(*map(str, range(9, 16)))},
            [
                f"AdditionalInferenceSpecificationsToAdd has 16 specifications together with {ADDITIONAL} and"
                " must have 15 at most"
            ],
        ),
        "16 specifications in two lists, one without name": (
            {
                **IN_GROUP,
                **extras(*map(str, range(10))),
                "AdditionalInferenceSpecificationsToAdd": [
                    *to_add(*map(str, range(10, 15)))["AdditionalInferenceSpecificationsToAdd"],
                    {"Containers": []},
                ],
            },
            [
                f"AdditionalInferenceSpecificationsToAdd has 16 specifications together with {ADDITIONAL} and"
                " must have 15 at most"
            ],
        ),
        "15 names in two lists": (
            {**IN_GROUP, **extras(*map(str, range(10))), **to_add(*map(str, range(9, 15)))},
            [],
        ),
        "16 specifications in three properties": (
            {
                **IN_GROUP,
                **extras(*map(str, range(10))),
                **to_add(*map(str, range(10, 15))),
                "AdditionalInferenceSpecificationDefinition": extra("15"),
            },
            [
                f"AdditionalInferenceSpecificationDefinition has 16 specifications together with {ADDITIONAL}"
                " and AdditionalInferenceSpecificationsToAdd and must have 15 at most"
            ],
        ),
        "101 variables with the default ones": (
            {**IN_GROUP, "Environment": variables(0, 10), **main(variables(9, 101), variables(0, 100))},
            [
                "InferenceSpecification.Containers[0].Environment has 101 entries together with Environment"
                " and must have 100 at most"
            ],
        ),
        "several problems, and what is missing": (
            {"SourceUri": "s3://b/m", "Environment": {"A": "b"}, **main({"A": "b"})},
            [
                f"Environment {NO_ENVIRONMENT}",
                f"InferenceSpecification.Containers[0].Environment {NO_ENVIRONMENT}",
                "SourceUri cannot be set on an unversioned package that has an InferenceSpecification:"
                " SageMaker takes it only for versions (set ModelPackageGroupName)",
                f"InferenceSpecification.SupportedTransformInstanceTypes {NEEDED}",
                f"InferenceSpecification.SupportedRealtimeInferenceInstanceTypes {NEEDED}",
            ],
        ),
        "an unversioned package without instance types": (
            {"InferenceSpecification": {"SupportedRealtimeInferenceInstanceTypes": []}},
            [
                f"InferenceSpecification.SupportedTransformInstanceTypes {NEEDED}",
                f"InferenceSpecification.SupportedRealtimeInferenceInstanceTypes {NEEDED}",
            ],
        ),
    },
)
def test_create_problems(desired: dict[str, Any], problems: list[str]) -> None:
    versioned = "ModelPackageGroupName" in desired
    assert list(map(str, combinations.create_problems(desired, versioned=versioned))) == problems


def test_create_problems_of_an_unknown_kind_are_those_of_both() -> None:
    desired = {"SourceUri": "s3://b/m", "Environment": {"A": "b"}, "ApprovalDescription": "fine"}
    assert combinations.create_problems({**desired, **main({"A": "b"})}, versioned=None) == []
    (problem,) = combinations.create_problems({**extras("a", "a")}, versioned=None)
    assert str(problem).startswith("AdditionalInferenceSpecifications[1].Name is the name of another one")


def test_limits_over_two_places_are_those_of_one() -> None:
    container = schema()["definitions"]["ModelPackageContainerDefinition"]["properties"]
    assert schema()["properties"][ADDITIONAL]["maxItems"] == combinations.MAX_SPECIFICATIONS
    assert container["Environment"]["maxProperties"] == combinations.MAX_VARIABLES


@table(
    "desired, package, text",
    {
        "an unversioned package": ({}, {}, f"Environment {NO_ENVIRONMENT}"),
        "a version without containers": ({}, IN_GROUP, "Environment is the default environment of the"),
        "a version that has some": ({}, {**IN_GROUP, **main({})}, ""),
        "a version that is replaced by one that has some": (main({}), IN_GROUP, ""),
    },
)
def test_check_environment(desired: dict[str, Any], package: dict[str, Any], text: str) -> None:
    combinations.check_environment(desired, package)
    with pytest.raises(InvalidRequest, match=f"^{re.escape(text)}") if text else nullcontext():
        combinations.check_environment({**desired, "Environment": {"A": "b"}}, package)


@table(
    "desired, change, start",
    {
        "a source": (
            {"SourceUri": "s3://b/m"},
            {"SourceUri": "s3://b/m"},
            "SourceUri cannot be set on an unversioned package: SageMaker takes it only for versions",
        ),
        "a specification with a data source": (
            {"AdditionalInferenceSpecifications": [{"Name": "a"}, DATA_SOURCE]},
            {"AdditionalInferenceSpecificationsToAdd": [DATA_SOURCE]},
            f"AdditionalInferenceSpecifications[1].Containers[0].ModelDataSource {NO_DATA_SOURCE}",
        ),
        "a specification with an environment": (
            {"AdditionalInferenceSpecificationDefinition": SETTING},
            {"AdditionalInferenceSpecificationsToAdd": [SETTING]},
            f"AdditionalInferenceSpecificationDefinition.Containers[0].Environment {NO_ENVIRONMENT}",
        ),
    },
)
def test_check_additions(desired: dict[str, Any], change: dict[str, Any], start: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        combinations.check_additions(desired, change, {})
    assert str(raised.value).startswith(start)
    combinations.check_additions(desired, change, IN_GROUP)
    # What the package has already, or what the service has made of it, cannot be corrected now.
    combinations.check_additions(desired, {}, {})
