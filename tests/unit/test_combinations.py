"""Properties that do not go together: on create, and in what an update adds."""

from __future__ import annotations

from typing import Any

import pytest
from cloudformation_cli_python_lib.exceptions import InvalidRequest

from aws_sagemaker_modelpackage import combinations

from .events import BOTH_NAMES, GROUP_ARN, IN_GROUP, NAMED, NO_ENVIRONMENT, extras, to_add
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
NEEDED = (
    "is required on an unversioned package, such as [ml.m5.xlarge]; a version (set ModelPackageGroupName)"
    " needs none"
)


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
                "InferenceSpecification": {"Containers": [{"Environment": {}}, {"Environment": {"A": "b"}}]},
                "AdditionalInferenceSpecificationDefinition": {"Containers": [{"Environment": {"A": "b"}}]},
            },
            [
                f"InferenceSpecification.Containers[1].Environment {NO_ENVIRONMENT}",
                f"AdditionalInferenceSpecificationDefinition.Containers[0].Environment {NO_ENVIRONMENT}",
            ],
        ),
        "data sources of an unversioned package": (
            {
                "InferenceSpecification": {"Containers": [{"ModelDataSource": {}}]},
                "SourceAlgorithmSpecification": {"SourceAlgorithms": [{"ModelDataSource": {}}]},
            },
            [
                f"InferenceSpecification.Containers[0].ModelDataSource {NO_DATA_SOURCE}",
                f"SourceAlgorithmSpecification.SourceAlgorithms[0].ModelDataSource {NO_DATA_SOURCE}",
            ],
        ),
        "a source of an unversioned package": (
            {"SourceUri": "s3://b/m"},
            [
                "SourceUri cannot be set on an unversioned package: SageMaker takes it only for versions (set"
                " ModelPackageGroupName)"
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
    assert list(map(str, combinations.create_problems(desired))) == problems
    if problems:
        with pytest.raises(InvalidRequest):
            combinations.check_create(desired)
    else:
        combinations.check_create(desired)


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
