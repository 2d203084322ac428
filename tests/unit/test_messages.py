"""Messages about mistakes: where each is, and what was meant."""

from __future__ import annotations

from typing import Any

import pytest
from cloudformation_cli_python_lib.exceptions import InvalidRequest

from aws_sagemaker_modelpackage import messages, recast, translate

from .tables import table


def refused(properties: dict[str, Any]) -> str:
    """The message about properties that do not fit."""
    with pytest.raises(InvalidRequest) as failure:
        translate.parse(properties)
    return str(failure.value)


UNKNOWN = "is not a property of this type;"


@table(
    "given, advice",
    {
        "a slip": ({"Domian": 1}, "did you mean Domain?"),
        "another case": ({"modelCARD": 1}, "did you mean ModelCard?"),
        "separators": ({"source_uri": 1}, "did you mean SourceUri?"),
        "the singular": ({"Tag": 1}, "did you mean Tags?"),
        "a part of the name": ({"GroupName": 1}, "did you mean ModelPackageGroupName?"),
        "a part with capitals": (
            {"InferenceSpecification": {"MIMETypes": 1}},
            "did you mean SupportedResponseMIMETypes?",
        ),
        "a part of two names": (
            {"Description": 1},
            "did you mean ModelPackageDescription or ApprovalDescription?",
        ),
        "the plural, not a longer one": ({"ModelMetrics": {"Bias": {"Reports": 1}}}, "did you mean Report?"),
        "the SDK's": ({"InferenceSpecification": {"Containers": [{"ImageUri": 1}]}}, "did you mean Image?"),
        "too high": (
            {"Containers": 1},
            "it belongs in InferenceSpecification or AdditionalInferenceSpecifications[0]",
        ),
        "too high in the second container": (
            {"InferenceSpecification": {"Containers": [{}, {"S3DataType": 1}]}},
            "it belongs in InferenceSpecification.Containers[1].ModelDataSource.S3DataSource or"
            " InferenceSpecification.Containers[1].AdditionalS3DataSource",
        ),
        "too low": ({"ModelMetrics": {"DriftCheckBaselines": 1}}, "it belongs at the top of the properties"),
        "a level is missing": (
            {"ModelMetrics": {"ModelQuality": {"S3Uri": 1}}},
            "it belongs in ModelMetrics.ModelQuality.Statistics or ModelMetrics.ModelQuality.Constraints",
        ),
        "the nearest to the top comes first": ({"KmsKeyId": 1}, "it belongs in SecurityConfig or"),
        "and misspelt": ({"imageUri": 1}, "did you mean Image, in InferenceSpecification.Containers[0]?"),
        "much like another": (
            {"SupportedTransformInstanceType": 1},
            "did you mean SupportedTransformInstanceTypes, in InferenceSpecification",
        ),
        "beside": ({"DeletionPolicy": 1}, "it is an attribute of a template's resource, beside Properties"),
        "beside, or half a name": (
            {"Metadata": 1},
            "it is an attribute of a template's resource, beside Properties; did you mean MetadataProperties"
            " or CustomerMetadataProperties?",
        ),
        "another type's": ({"VpcConfig": 1}, "it is one of AWS::SageMaker::Model"),
        "a function": ({"Fn::If": 1}, "functions are for templates"),
        "few others": ({"Tags": [{"team": 1}]}, "what there is here: Key, Value"),
        "nothing": ({"Qqqqqq": 1}, "there is nothing like it, so leave it out"),
    },
)
def test_unknown_advises_on_a_name(given: dict[str, Any], advice: str) -> None:
    assert f"{UNKNOWN} {advice}" in refused(given)


def test_unknown_does_not_offer_the_services_properties() -> None:
    assert "did you mean ModelPackageVersion?" not in refused({"ModelPackageVersionn": 1})
    assert "did you mean CreationTime?" not in refused({"CreationTimes": 1})


def test_unknown_cuts_a_long_name() -> None:
    assert refused({"U" * 100_000: 1}).startswith(f"{'U' * 64}... {UNKNOWN}")


@pytest.mark.parametrize(
    ("value", "known", "meant"),
    [
        ("approved", ("Approved", "Rejected"), "Approved"),
        ("pending-manual-approval", ("Approved", "PendingManualApproval"), "PendingManualApproval"),
        ("Pending", ("Approved", "PendingManualApproval"), "PendingManualApproval"),
        ("Aproved", ("Approved", "Rejected"), "Approved"),
        ("Prefix", ("S3Prefix", "S3Object"), "S3Prefix"),
        ("GZIP", ("None", "Gzip"), "Gzip"),
        ("whatever", ("None", "Gzip"), None),
        ("", ("None", "Gzip"), None),
        ("---", ("None", "Gzip"), None),
    ],
)
def test_did_you_mean(value: str, known: tuple[str, ...], meant: str | None) -> None:
    assert messages.did_you_mean(value, known) == (f"; did you mean {meant}?" if meant else "")


@table(
    "given, advice",
    {
        "Ref": ({"Task": {"Ref": "Task"}}, "Task must be a string, not an object: functions are for"),
        "If": ({"Tags": {"Fn::If": []}}, "Tags must be a list, not an object: functions are for"),
        "one text for a list": (
            {"InferenceSpecification": {"SupportedContentTypes": "text/csv"}},
            "must be a list, not a string: put it in brackets, or a hyphen before it",
        ),
        "one object for a list": (
            {"InferenceSpecification": {"Containers": {"Image": "i"}}},
            "must be a list, not an object: put a hyphen before its first line, or brackets around it",
        ),
        "JSON for an object": ({"ModelCard": '{"a": 1}'}, "write the object itself, not JSON in a string"),
        "an object for JSON": (
            {"ModelCard": {"ModelCardContent": {}}},
            "must be a string, not an object: write its JSON in one string, as Fn::ToJsonString makes it",
        ),
        "a text for an object": (
            {"InferenceSpecification": {"Containers": ["i"]}},
            "must be an object, not a string: it has ContainerHostname, Image,",
        ),
        "a list for a map": (
            {"CustomerMetadataProperties": [{"Key": "a"}]},
            "must be an object, not a list: write KEY: VALUE, without hyphens",
        ),
    },
)
def test_wrong_kind_advises_how_to_write_it(given: dict[str, Any], advice: str) -> None:
    assert advice in refused(given)


def test_synonyms_are_of_members_that_exist() -> None:
    names = {place.path[-1] for place in recast.places()} | {translate.ENVIRONMENT}
    assert set(messages._SYNONYMS.values()) - names == set()
