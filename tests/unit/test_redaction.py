"""Values that no message may show: which they are, and that they are hidden in every quotation."""

from __future__ import annotations

import html
import json
import urllib.parse
from typing import Any

import pytest

from aws_sagemaker_modelpackage import redaction

from .tables import table


@table(
    "text, secrets, expected",
    {
        "anywhere in the text": ("the key is hunter22.", {"hunter22"}, "the key is ***."),
        "longer ones first": ("hunter22 hunter2", {"hunter2", "hunter22"}, "*** ***"),
        "short": ("1 error: '1' and \"1\" and A=1'", {"1"}, "1 error: '***' and \"***\" and A=***'"),
        "a short one where it stands alone": ("is us in status", {"us"}, "is *** in status"),
        "no part of another word": ("production is prod", {"prod"}, "production is ***"),
        "no path": (
            "Value 'x' at 'ModelApprovalStatus' failed",
            {"model approval status"},
            "Value 'x' at 'ModelApprovalStatus' failed",
        ),
        "no short one in another spelling": ("AB-CD-EFG", {"abcdefg"}, "AB-CD-EFG"),
        "a longer one in another spelling": ("AB-CD-EFGH", {"abcdefgh"}, "***"),
        "a card's content by its path": (
            "Value '{\"a\": 'b'}' at 'modelCard.modelCardContent' failed",
            set(),
            "Value '***' at 'modelCard.modelCardContent' failed",
        ),
        "an environment by its path": (
            "Value 'x' at 'inferenceSpecification.containers.1.member.environment.KEY' failed",
            set(),
            "Value '***' at 'inferenceSpecification.containers.1.member.environment.KEY' failed",
        ),
        "metadata by its path, and nothing else": (
            "Value 'x' at 'customerMetadataProperties' failed; Value 'y' at 'sourceUri' failed",
            set(),
            "Value '***' at 'customerMetadataProperties' failed; Value 'y' at 'sourceUri' failed",
        ),
        "the refused caller": (
            "User: arn:aws:sts::1:assumed-role/Deployer/me is not authorized to perform this, says Deployer",
            {"arn:aws:sts::1:assumed-role/Deployer/me", "Deployer"},
            "User: arn:aws:sts::1:assumed-role/Deployer/me is not authorized to perform this, says ***",
        ),
        "an ARN anywhere else": (
            "no User: arn:aws:iam::1:role/Deployer is not authorized to do so",
            {"arn:aws:iam::1:role/Deployer"},
            "no User: *** is not authorized to do so",
        ),
        "a value in a caller's place": (
            "User: arn:aws:s3:::my-secret-bucket is not authorized to do so",
            {"my-secret-bucket"},
            "User: arn:aws:s3:::*** is not authorized to do so",
        ),
        "whole words": ("Value 'x' at 'modelCardinality'", set(), "Value 'x' at 'modelCardinality'"),
    },
)
def test_redact(text: str, secrets: set[str], expected: str) -> None:
    assert redaction.Redactor(secrets).redact(text) == expected


@table(
    "properties, expected",
    {
        "no properties": (None, set()),
        "a text": ({"Task": "a b/c"}, {"a b/c"}),
        "an image": ({"Image": "1.dkr.ecr/m:2"}, {"1.dkr.ecr/m:2", "1.dkr.ecr", "m", "2"}),
        "a place in S3": ({"a": [{"S3Uri": "s3://b/k"}]}, {"s3://b/k", "s3", "b", "k"}),
        "an ARN": (
            {"a": "arn:aws:iam::1:role/x"},
            {"arn:aws:iam::1:role/x", "arn", "aws", "iam", "1", "role", "x"},
        ),
        "nothing confidential": (
            {"Environment": {"A": "b"}, "CustomerMetadataProperties": {"c": "d"}, "ModelCard": {"e": "f"}},
            set(),
        ),
    },
)
def test_open_in(properties: Any, expected: set[str]) -> None:
    assert redaction.open_in(properties) == expected


@table(
    "properties, secrets",
    {
        "no properties": (None, set()),
        "nothing confidential": ({"Task": "x", "SecurityConfig": {"KmsKeyId": "k"}}, set()),
        "the environment's values, not its names": ({"Environment": {"A": "b"}}, {"b"}),
        "a container's environment": (
            {"InferenceSpecification": {"Containers": [{"Environment": {"A": "b"}}, "odd"]}},
            {"b"},
        ),
        "metadata": ({"CustomerMetadataProperties": {"a": "b", "c": 1, "d": True}}, {"b", "1"}),
        "a card's content as a whole and in parts, not its status": (
            {
                "ModelCard": {
                    "ModelCardContent": '{"a": ["b", {"c": "d"}], "e": 1}',
                    "ModelCardStatus": "Draft",
                }
            },
            {
                '{"a": ["b", {"c": "d"}], "e": 1}',
                "b",
                "d",
                "1",
            },
        ),
        "a card that is no JSON": ({"ModelCard": {"ModelCardContent": "{no JSON"}}, {"{no JSON"}),
        "an empty card": ({"ModelCard": {"ModelCardContent": ""}}, set()),
        "the names that a card's author chose": (
            {"ModelCard": {"ModelCardContent": '{"a": {"custom_details": {"owner": "x", "": "y"}}}'}},
            {
                '{"a": {"custom_details": {"owner": "x", "": "y"}}}',
                "owner",
                "x",
                "y",
            },
        ),
        "a card that cannot be parsed": ({"ModelCard": {"ModelCardContent": "[" * 100_000}}, {"[" * 100_000}),
    },
)
def test_secrets_in(properties: Any, secrets: set[str]) -> None:
    assert redaction.secrets_in(properties) == secrets


# --- other spellings --------------------------------------------------------------------------------

CONFIDENTIAL = """it's "ours" <a&b>
10% h\u00fcsh-hush"""
SPELLINGS = {
    "as it is": CONFIDENTIAL,
    "JSON": json.dumps(CONFIDENTIAL),
    "JSON without escapes": json.dumps(CONFIDENTIAL, ensure_ascii=False),
    "JSON in JSON": json.dumps(json.dumps({"value": CONFIDENTIAL})),
    "Python": repr(CONFIDENTIAL),
    "HTML": html.escape(CONFIDENTIAL),
    "HTML in HTML": html.escape(html.escape(CONFIDENTIAL)),
    "JSON in HTML": html.escape(json.dumps(CONFIDENTIAL)),
    "a URL": urllib.parse.quote(CONFIDENTIAL),
    "a URL in a URL": urllib.parse.quote(urllib.parse.quote(CONFIDENTIAL)),
    "a form": urllib.parse.quote_plus(CONFIDENTIAL),
    "one line": " ".join(CONFIDENTIAL.split()),
    "capitals": CONFIDENTIAL.upper(),
}


@table("spelling", SPELLINGS)
def test_redact_hides_escaped_values(spelling: str) -> None:
    text = redaction.Redactor({CONFIDENTIAL}).redact(f"not allowed: [{spelling}], says the service")
    assert text.startswith("not allowed: [")
    assert text.endswith(", says the service")
    assert redaction.REDACTED in text
    assert not any(part in text.lower() for part in ("ours", "hush", "sh-h"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Value 'alpha beta ga...' failed", "Value '***' failed"),
        ("Value '...ta gamma' failed", "Value '***' failed"),
        ("Value 'alpha\u2026gamma' failed", "Value '***' failed"),
        ("and so on ... al", "and so on ... al"),
        ("too short: al...", "too short: al..."),
        ("no part of it...", "no part of it..."),
        ("alpha beta", "alpha beta"),
    ],
)
def test_redact_hides_cut_values(text: str, expected: str) -> None:
    assert redaction.Redactor({"alpha beta gamma"}).redact(text) == expected


def test_redact_cuts_a_very_long_text() -> None:
    text = redaction.Redactor({"top secret here"}).redact(
        "x" * 7_990 + " it's top secret here" + "y" * 100_000
    )
    assert len(text) < 8_010
    assert "secret" not in text
    assert text.endswith("***")


def test_credentials_in_leaves_out_short_ones() -> None:
    assert redaction.credentials_in(["testing", None, "ASIAIOSFODNN7EXAMPLE"]) == {"ASIAIOSFODNN7EXAMPLE"}
