"""How refusals are worded: places, what was meant, what is wanted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloudformation_cli_python_lib.exceptions import InvalidRequest

from aws_sagemaker_modelpackage import messages, patterns, recast, translate
from packager import constraints as packaged

from .test_constraints import schema_patterns


def refused(properties: dict[str, Any]) -> str:
    """What is said of properties that do not fit."""
    with pytest.raises(InvalidRequest) as failure:
        translate.parse(properties)
    return str(failure.value)


UNKNOWN = "is not a property of this type;"


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        # Another spelling of what is there.
        pytest.param({"Domian": 1}, "did you mean Domain?", id="a slip"),
        pytest.param({"modelCARD": 1}, "did you mean ModelCard?", id="another case"),
        pytest.param({"source_uri": 1}, "did you mean SourceUri?", id="separators"),
        pytest.param({"Tag": 1}, "did you mean Tags?", id="the singular"),
        pytest.param({"GroupName": 1}, "did you mean ModelPackageGroupName?", id="a part of the name"),
        pytest.param(
            {"InferenceSpecification": {"MIMETypes": 1}},
            "did you mean SupportedResponseMIMETypes?",
            id="a part with capitals",
        ),
        pytest.param(
            {"Description": 1},
            "did you mean ModelPackageDescription or ApprovalDescription?",
            id="a part of two names",
        ),
        pytest.param(
            {"ModelMetrics": {"Bias": {"Reports": 1}}},
            "did you mean Report?",
            id="the plural, not a longer one",
        ),
        pytest.param(
            {"InferenceSpecification": {"Containers": [{"ImageUri": 1}]}},
            "did you mean Image?",
            id="the SDK's",
        ),
        # Somewhere else.
        pytest.param(
            {"Containers": 1},
            "it belongs in InferenceSpecification or AdditionalInferenceSpecifications[0]",
            id="too high",
        ),
        pytest.param(
            {"InferenceSpecification": {"Containers": [{}, {"S3DataType": 1}]}},
            "it belongs in InferenceSpecification.Containers[1].ModelDataSource.S3DataSource or"
            " InferenceSpecification.Containers[1].AdditionalS3DataSource",
            id="too high in the second container",
        ),
        pytest.param(
            {"ModelMetrics": {"DriftCheckBaselines": 1}},
            "it belongs at the top of the properties",
            id="too low",
        ),
        pytest.param(
            {"ModelMetrics": {"ModelQuality": {"S3Uri": 1}}},
            "it belongs in ModelMetrics.ModelQuality.Statistics or ModelMetrics.ModelQuality.Constraints",
            id="a level is missing",
        ),
        pytest.param(
            {"KmsKeyId": 1}, "it belongs in SecurityConfig or", id="the nearest to the top comes first"
        ),
        pytest.param(
            {"imageUri": 1}, "did you mean Image, in InferenceSpecification.Containers[0]?", id="and misspelt"
        ),
        pytest.param(
            {"SupportedTransformInstanceType": 1},
            "did you mean SupportedTransformInstanceTypes, in InferenceSpecification",
            id="much like another",
        ),
        # Nowhere.
        pytest.param(
            {"DeletionPolicy": 1},
            "it is an attribute of a template's resource, beside Properties",
            id="beside",
        ),
        pytest.param(
            {"Metadata": 1},
            "it is an attribute of a template's resource, beside Properties; did you mean MetadataProperties"
            " or CustomerMetadataProperties?",
            id="beside, or half a name",
        ),
        pytest.param({"VpcConfig": 1}, "it is one of AWS::SageMaker::Model", id="another type's"),
        pytest.param({"Fn::If": 1}, "functions are for templates", id="a function"),
        pytest.param({"Tags": [{"team": 1}]}, "what there is here: Key, Value", id="few others"),
        pytest.param({"Qqqqqq": 1}, "there is nothing like it, so leave it out", id="nothing"),
    ],
)
def test_an_unknown_name_is_told_with_what_was_meant(given: dict[str, Any], advice: str) -> None:
    assert f"{UNKNOWN} {advice}" in refused(given)


def test_what_belongs_to_the_service_is_not_offered() -> None:
    assert "did you mean ModelPackageVersion?" not in refused({"ModelPackageVersionn": 1})
    assert "did you mean CreationTime?" not in refused({"CreationTimes": 1})


def test_a_name_of_any_length_is_cut() -> None:
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
def test_a_value_is_told_with_what_was_meant(value: str, known: tuple[str, ...], meant: str | None) -> None:
    assert messages.did_you_mean(value, known) == (f"; did you mean {meant}?" if meant else "")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param(
            {"Task": {"Ref": "Task"}}, "Task must be a string, not an object: functions are for", id="Ref"
        ),
        pytest.param(
            {"Tags": {"Fn::If": []}}, "Tags must be a list, not an object: functions are for", id="If"
        ),
        pytest.param(
            {"InferenceSpecification": {"SupportedContentTypes": "text/csv"}},
            "must be a list, not a string: put it in brackets, or a hyphen before it",
            id="one text for a list",
        ),
        pytest.param(
            {"InferenceSpecification": {"Containers": {"Image": "i"}}},
            "must be a list, not an object: put a hyphen before its first line, or brackets around it",
            id="one object for a list",
        ),
        pytest.param(
            {"ModelCard": '{"a": 1}'},
            "write the object itself, not JSON in a string",
            id="JSON for an object",
        ),
        pytest.param(
            {"ModelCard": {"ModelCardContent": {}}},
            "must be a string, not an object: write its JSON in one string, as Fn::ToJsonString makes it",
            id="an object for JSON",
        ),
        pytest.param(
            {"InferenceSpecification": {"Containers": ["i"]}},
            "must be an object, not a string: it has ContainerHostname, Image,",
            id="a text for an object",
        ),
        pytest.param(
            {"CustomerMetadataProperties": [{"Key": "a"}]},
            "must be an object, not a list: write KEY: VALUE, without hyphens",
            id="a list for a map",
        ),
    ],
)
def test_a_value_of_another_kind_is_told_with_how_to_write_it(given: dict[str, Any], said: str) -> None:
    assert said in refused(given)


# --- patterns ---------------------------------------------------------------------------------------


def test_every_pattern_of_the_schema_has_words_and_no_other() -> None:
    assert set(patterns.PATTERNS) - schema_patterns(json.loads(packaged.content())) == set()
    assert schema_patterns(json.loads(packaged.content())) - set(patterns.PATTERNS) == set()


ADDRESS = r"^(https|s3)://([^/]+)/?(.*)$"
NAME = r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$"
GROUP = (
    r"^(arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:[a-z\-]*\/)?([a-zA-Z0-9]([a-zA-Z0-9-]){0,62})(?<!-)$"
)
INSTANCE = r"^ml\.[a-z0-9-]+\.[a-z0-9-]+$"


@pytest.mark.parametrize(
    ("pattern", "value", "odd"),
    [
        (ADDRESS, "http://models/m.tar.gz", "it begins with http://"),
        (ADDRESS, "HTTP://models/m.tar.gz", "it begins with http://"),
        (ADDRESS, "S3://models/m.tar.gz", "what stands before :// has to be in small letters"),
        (
            ADDRESS,
            "arn:aws-cn:s3:::models/m.tar.gz",
            "it is an ARN: write s3:// before bucket and key instead",
        ),
        (ADDRESS, " s3://models/m.tar.gz", "it begins or ends with a space or a line break"),
        (ADDRESS, "'s3://models/m.tar.gz'", "it has quotation marks of its own"),
        (ADDRESS, "models/m.tar.gz", None),
        (NAME, "fraud model", "it has a space in it"),
        (NAME, "fraud-${AWS::Region}", "${...} in it was not replaced, which takes !Sub before the string"),
        (NAME, "<name>", "a placeholder in it, <...>, was not filled in"),
        (NAME, "fraud_model", None),
        (GROUP, "arn:aws:sagemaker:us-east-1:123456789012:model-package/g/1", "it is the ARN of a package"),
        (
            GROUP,
            "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/g/1",
            "there is something behind the name",
        ),
        (INSTANCE, "m5.xlarge", "it does not begin with ml."),
        (INSTANCE, "ml.m5", "it has no size"),
        (INSTANCE, "ml.M5.xlarge", "it has capital letters"),
        (r"^.*$", "two\nlines", "it has a line break in it"),
        (r"^[\p{L}\p{Z}\p{N}_.:\/=+\-@]*$", "risk & fraud", None),
    ],
)
def test_what_is_odd_about_a_value_is_told_without_the_value(
    pattern: str, value: str, odd: str | None
) -> None:
    said = messages.wrong_pattern(pattern, value)
    wanted = patterns.PATTERNS[pattern][0]
    told = f": {odd}" if odd else ""
    # Nothing depends on the value but what is called odd.
    assert said == f"must be {wanted}{told} (it must match the pattern {pattern})"


def test_odd_values_of_any_length_are_looked_at_quickly() -> None:
    for pattern in patterns.PATTERNS:
        for value in (
            "<" * 20_000,
            "<a" * 10_000,
            " " * 20_000,
            "a" * 20_000,
            "${" * 10_000,
            "arn:" * 5_000,
        ):
            messages.wrong_pattern(pattern, value)


def test_what_people_call_it_is_something_that_there_is() -> None:
    names = {place.path[-1] for place in recast.places()} | {translate.ENVIRONMENT}
    assert set(messages._SYNONYMS.values()) - names == set()
