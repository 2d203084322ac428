"""Which properties do not go together: on create, and in what an update adds."""

from __future__ import annotations

from typing import Any

import pytest
from cloudformation_cli_python_lib.exceptions import InvalidRequest

from aws_sagemaker_modelpackage import combinations

from .events import NAMED, extra

GROUP = {"ModelPackageGroupName": "churn"}
INSTANCES = {
    "SupportedTransformInstanceTypes": ["ml.m5.large"],
    "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
}
NO_ENVIRONMENT = (
    "cannot be set on an unversioned package: SageMaker takes container environments only for versions (set"
    " ModelPackageGroupName)"
)
NO_DATA_SOURCE = (
    "cannot be set on an unversioned package: SageMaker takes it only for versions. Give the address of an"
    " archive as ModelDataUrl, or set ModelPackageGroupName"
)
DATA_SOURCE = {"Name": "b", "Containers": [{"ModelDataSource": {}}]}
SETTING = {"Name": "c", "Containers": [{"Environment": {"MODE": "fast"}}]}
NEEDED = (
    "is required on an unversioned package, such as [ml.m5.xlarge]; a version (set ModelPackageGroupName)"
    " needs none"
)


@pytest.mark.parametrize(
    ("desired", "found"),
    [
        pytest.param(GROUP, [], id="a version"),
        pytest.param(
            {"ModelPackageGroupName": "arn:aws:sagemaker:eu-west-1:111122223333:model-package-group/churn"},
            [],
            id="a version whose group is an ARN",
        ),
        pytest.param({"ModelPackageName": "scorer", "InferenceSpecification": INSTANCES}, [], id="a package"),
        pytest.param(
            {**GROUP, "ModelPackageName": "scorer"},
            [
                "ModelPackageName and ModelPackageGroupName cannot both be set: a version is named by its"
                " group, an unversioned package by its own name. Remove one of them"
            ],
            id="both names",
        ),
        pytest.param(
            {"ModelPackageGroupName": NAMED},
            [
                "ModelPackageGroupName is the ARN of something else: give a group's name or ARN"
                " (...:model-package-group/NAME)"
            ],
            id="the ARN of a package for a group",
        ),
        pytest.param(
            {**GROUP, "AdditionalInferenceSpecifications": [extra("a"), extra("b"), extra("a")]},
            [
                "AdditionalInferenceSpecifications[2].Name is the name of another one as well: give each"
                " specification its own"
            ],
            id="a name twice",
        ),
        pytest.param(
            {
                **GROUP,
                "AdditionalInferenceSpecifications": [extra("a")],
                "AdditionalInferenceSpecificationsToAdd": [extra("a")],
            },
            [],
            id="a name that is there and is to be added",
        ),
        pytest.param(
            {**GROUP, "InferenceSpecification": {"Containers": [{}, {"AdditionalS3DataSource": {}}]}},
            [
                "InferenceSpecification.Containers[1].AdditionalS3DataSource is not allowed in"
                " InferenceSpecification: SageMaker takes it in AdditionalInferenceSpecifications only"
            ],
            id="an additional data source",
        ),
        pytest.param(
            {
                **GROUP,
                "AdditionalInferenceSpecifications": [
                    {"Name": "a", "Containers": [{"AdditionalS3DataSource": {}}]}
                ],
            },
            [],
            id="one where it may be",
        ),
        pytest.param(
            {
                "InferenceSpecification": {"Containers": [{"Environment": {}}, {"Environment": {"A": "b"}}]},
                "AdditionalInferenceSpecificationDefinition": {"Containers": [{"Environment": {"A": "b"}}]},
            },
            [
                f"InferenceSpecification.Containers[1].Environment {NO_ENVIRONMENT}",
                f"AdditionalInferenceSpecificationDefinition.Containers[0].Environment {NO_ENVIRONMENT}",
            ],
            id="environments of an unversioned package",
        ),
        pytest.param(
            {
                "InferenceSpecification": {"Containers": [{"ModelDataSource": {}}]},
                "SourceAlgorithmSpecification": {"SourceAlgorithms": [{"ModelDataSource": {}}]},
            },
            [
                f"InferenceSpecification.Containers[0].ModelDataSource {NO_DATA_SOURCE}",
                f"SourceAlgorithmSpecification.SourceAlgorithms[0].ModelDataSource {NO_DATA_SOURCE}",
            ],
            id="data sources of an unversioned package",
        ),
        pytest.param(
            {"SourceUri": "s3://b/m"},
            [
                "SourceUri cannot be set on an unversioned package: SageMaker takes it only for versions (set"
                " ModelPackageGroupName)"
            ],
            id="a source of an unversioned package",
        ),
        pytest.param(
            {"InferenceSpecification": {"SupportedRealtimeInferenceInstanceTypes": []}},
            [
                f"InferenceSpecification.SupportedTransformInstanceTypes {NEEDED}",
                f"InferenceSpecification.SupportedRealtimeInferenceInstanceTypes {NEEDED}",
            ],
            id="an unversioned package without instance types",
        ),
    ],
)
def test_what_properties_cannot_be_together_is_told_by_path(
    desired: dict[str, Any], found: list[str]
) -> None:
    assert list(map(str, combinations.create_problems(desired))) == found
    if found:
        with pytest.raises(InvalidRequest):
            combinations.check_create(desired)
    else:
        combinations.check_create(desired)


@pytest.mark.parametrize(
    ("desired", "change", "words"),
    [
        pytest.param(
            {"SourceUri": "s3://b/m"},
            {"SourceUri": "s3://b/m"},
            "SourceUri cannot be set on an unversioned package: SageMaker takes it only for versions",
            id="a source",
        ),
        pytest.param(
            {"AdditionalInferenceSpecifications": [{"Name": "a"}, DATA_SOURCE]},
            {"AdditionalInferenceSpecificationsToAdd": [DATA_SOURCE]},
            f"AdditionalInferenceSpecifications[1].Containers[0].ModelDataSource {NO_DATA_SOURCE}",
            id="a specification with a data source",
        ),
        pytest.param(
            {"AdditionalInferenceSpecificationDefinition": SETTING},
            {"AdditionalInferenceSpecificationsToAdd": [SETTING]},
            f"AdditionalInferenceSpecificationDefinition.Containers[0].Environment {NO_ENVIRONMENT}",
            id="a specification with an environment",
        ),
    ],
)
def test_an_unversioned_package_is_not_given_what_only_versions_have(
    desired: dict[str, Any], change: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        combinations.check_additions(desired, change, {})
    assert str(raised.value).startswith(words)
    combinations.check_additions(desired, change, GROUP)
    # What the package has already, or what the service has made of it, is nobody's fault now.
    combinations.check_additions(desired, {}, {})
