"""The schema's patterns: what they match, and what messages say that they ask for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aws_sagemaker_modelpackage import patterns
from packager import constraints as packaged
from sandbox.shared.java_patterns import matches


def schema_patterns(node: Any) -> set[str]:
    """Every pattern below a node of the limits, those of keys included."""
    if not isinstance(node, dict):
        return set()
    own = {node["pattern"]} if isinstance(node.get("pattern"), str) else set[str]()
    return own.union(node.get("patternProperties", ()), *map(schema_patterns, node.values()))


SCHEMA_PATTERNS = schema_patterns(json.loads(packaged.content()))


# One character of every category of Unicode, ASCII and beyond, and those our own classes are made of.
CHARACTERS = [
    *map(chr, range(0x250)),
    *"\u0301\u0967\u2167\u00bd\u2028\u3000\u20ac\u2014\u4e2d\U0001f600\ue000\u200d",
]


@pytest.mark.parametrize("pattern", sorted(SCHEMA_PATTERNS))
def test_matches_as_java_does(pattern: str) -> None:
    stems = ("", "a", "a1", "ml.m5.large", "s3://b/k", "1.0", "text/csv", "arn:aws:iam::123456789012:role/r")
    values = [*stems, *(stem + each for stem in stems for each in CHARACTERS)]
    ours = [value for value in values if patterns.matches(pattern, value)]
    assert ours == [value for value in values if matches(pattern, value)]


def test_patterns_are_the_schemas() -> None:
    file = "PATTERNS in src/aws_sagemaker_modelpackage/patterns.py"
    missing, unused = SCHEMA_PATTERNS - set(patterns.PATTERNS), set(patterns.PATTERNS) - SCHEMA_PATTERNS
    assert not missing, f"{file} does not say what these ask for: {sorted(missing)}"
    assert not unused, f"{file} has what is no pattern of the schema: {sorted(unused)}"


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
def test_expected_by_says_what_is_odd_without_the_value(pattern: str, value: str, odd: str | None) -> None:
    text, _ = patterns.PATTERNS[pattern]
    assert patterns.expected_by(pattern, value) == (f"{text}: {odd}" if odd else text)


def test_expected_by_is_quick_for_long_values() -> None:
    for pattern in patterns.PATTERNS:
        for part in ("<", "<a", " ", "a", "${", "arn:"):
            patterns.expected_by(pattern, part * (20_000 // len(part)))
