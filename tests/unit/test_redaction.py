"""What no message may show: which values they are, and how they are hidden however they are quoted."""

from __future__ import annotations

import html
import json
import urllib.parse
from typing import Any

import pytest

from aws_sagemaker_modelpackage import redaction


@pytest.mark.parametrize(
    ("text", "secrets", "expected"),
    [
        pytest.param("the key is hunter22.", {"hunter22"}, "the key is ***.", id="anywhere in the text"),
        pytest.param("hunter22 hunter2", {"hunter2", "hunter22"}, "*** ***", id="longer ones first"),
        pytest.param(
            "1 error: '1' and \"1\" and A=1'", {"1"}, "1 error: '***' and \"***\" and A=***'", id="short"
        ),
        pytest.param("is us in status", {"us"}, "is *** in status", id="a short one where it stands alone"),
        pytest.param(
            "Value '{\"a\": 'b'}' at 'modelCard.modelCardContent' failed",
            set(),
            "Value '***' at 'modelCard.modelCardContent' failed",
            id="a card's content by its path",
        ),
        pytest.param(
            "Value 'x' at 'inferenceSpecification.containers.1.member.environment.KEY' failed",
            set(),
            "Value '***' at 'inferenceSpecification.containers.1.member.environment.KEY' failed",
            id="an environment by its path",
        ),
        pytest.param(
            "Value 'x' at 'customerMetadataProperties' failed; Value 'y' at 'sourceUri' failed",
            set(),
            "Value '***' at 'customerMetadataProperties' failed; Value 'y' at 'sourceUri' failed",
            id="metadata by its path, and nothing else",
        ),
        pytest.param(
            "Value 'x' at 'modelCardinality'", set(), "Value 'x' at 'modelCardinality'", id="whole words"
        ),
    ],
)
def test_confidential_values_are_not_shown(text: str, secrets: set[str], expected: str) -> None:
    assert redaction.redact(text, secrets) == expected


@pytest.mark.parametrize(
    ("properties", "secrets"),
    [
        pytest.param(None, set(), id="no properties"),
        pytest.param({"Task": "x", "SecurityConfig": {"KmsKeyId": "k"}}, set(), id="nothing confidential"),
        pytest.param({"Environment": {"A": "b"}}, {"b"}, id="the environment's values, not its names"),
        pytest.param(
            {"InferenceSpecification": {"Containers": [{"Environment": {"A": "b"}}, "odd"]}},
            {"b"},
            id="a container's environment",
        ),
        pytest.param(
            {"CustomerMetadataProperties": {"a": "b", "c": 1, "d": True}}, {"b", "1"}, id="metadata"
        ),
        pytest.param(
            {
                "ModelCard": {
                    "ModelCardContent": '{"a": ["b", {"c": "d"}], "e": 1}',
                    "ModelCardStatus": "Draft",
                }
            },
            {
                '{"a": ["b", {"c": "d"}], "e": 1}',
                r"{\"a\": [\"b\", {\"c\": \"d\"}], \"e\": 1}",
                "b",
                "d",
                "1",
            },
            id="a card's content as a whole and in parts, not its status",
        ),
        pytest.param(
            {"ModelCard": {"ModelCardContent": "{no JSON"}}, {"{no JSON"}, id="a card that is no JSON"
        ),
        pytest.param({"ModelCard": {"ModelCardContent": ""}}, set(), id="an empty card"),
        pytest.param(
            {"ModelCard": {"ModelCardContent": '{"a": {"custom_details": {"owner": "x", "": "y"}}}'}},
            {
                '{"a": {"custom_details": {"owner": "x", "": "y"}}}',
                r"{\"a\": {\"custom_details\": {\"owner\": \"x\", \"\": \"y\"}}}",
                "owner",
                "x",
                "y",
            },
            id="the names that a card's author chose",
        ),
        pytest.param(
            {"ModelCard": {"ModelCardContent": "[" * 100_000}},
            {"[" * 100_000},
            id="a card nobody can parse",
        ),
    ],
)
def test_which_values_are_confidential(properties: Any, secrets: set[str]) -> None:
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


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_value_is_hidden_however_it_is_spelled(spelling: str) -> None:
    found = redaction.redact(f"not allowed: [{spelling}], says the service", {CONFIDENTIAL})
    assert found.startswith("not allowed: [")
    assert found.endswith(", says the service")
    assert redaction.REDACTED in found
    assert not any(part in found.lower() for part in ("ours", "hush", "sh-h"))


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
def test_a_value_that_is_cut_is_hidden_as_well(text: str, expected: str) -> None:
    assert redaction.redact(text, {"alpha beta gamma"}) == expected


def test_a_short_value_in_another_spelling_may_be_anything() -> None:
    assert redaction.redact("AB-CD-EFG", {"abcdefg"}) == "AB-CD-EFG"
    assert redaction.redact("AB-CD-EFGH", {"abcdefgh"}) == "***"


def test_a_path_is_shown_although_it_spells_a_value() -> None:
    text = "Value 'x' at 'ModelApprovalStatus' failed"
    assert redaction.redact(text, {"model approval status"}) == text


def test_of_a_very_long_text_only_the_beginning_is_told() -> None:
    found = redaction.redact("x" * 7_990 + " it's top secret here" + "y" * 100_000, {"top secret here"})
    assert len(found) < 8_010
    assert "secret" not in found
    assert found.endswith("***")


def test_parts_of_words_are_left_alone() -> None:
    assert redaction.redact("production is prod", {"prod"}) == "production is ***"


def test_short_credentials_are_a_tests() -> None:
    assert redaction.credentials_in(["testing", None, "ASIAIOSFODNN7EXAMPLE"]) == {"ASIAIOSFODNN7EXAMPLE"}
