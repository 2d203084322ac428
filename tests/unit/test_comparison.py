"""What is contained in a value of another state, what was taken out, and what SageMaker takes for equal."""

from __future__ import annotations

from typing import Any

import pytest

from aws_sagemaker_modelpackage import comparison

from .tables import table

ARN = "arn:aws:sagemaker:eu-west-1:111122223333:model/Churn"


@table(
    "name, desired, value, expected",
    {
        "members beyond the desired ones": ("X", {"a": 1}, {"a": 1, "b": 2}, True),
        "another value": ("X", {"a": 1}, {"a": 2}, False),
        "a member that is missing": ("X", {"a": 1}, {}, False),
        "an object against nothing": ("X", {"a": 1}, None, False),
        "an object against a string": ("X", {"a": 1}, "a", False),
        "an empty object against nothing": ("X", {}, None, True),
        "an object of empty objects against nothing": ("X", {"a": {}}, None, False),
        "an object of empty objects against an empty one": ("X", {"a": {}}, {}, True),
        "an empty list against nothing": ("X", [], None, True),
        "an empty string against nothing": ("X", "", None, True),
        "an empty list against a full one": ("X", [], ["a"], False),
        "strings in another order": ("X", ["a", "b"], ["b", "a"], True),
        "a shorter list": ("X", ["a"], ["a", "b"], False),
        "other strings": ("X", ["a", "a"], ["a", "b"], False),
        "a list against a string": ("X", ["a"], "a", False),
        "strings against something else": ("X", ["a", "b"], [1, "b"], False),
        "objects in a list": ("X", [{"a": 1}], [{"a": 1, "b": 2}], True),
        "objects in another order": ("X", [{"a": 1}, {"a": 2}], [{"a": 2}, {"a": 1}], False),
        "one value": ("X", "a", "a", True),
        "a value against nothing": ("X", "a", None, False),
        "a default against nothing": ("X", {"IsCheckpoint": False, "KmsKeyId": ""}, {}, True),
        "no default against nothing": ("X", {"IsCheckpoint": True}, {}, False),
        "an empty value of a map": ("Environment", {"A": ""}, {}, False),
        "a key of a map that is named like a default": ("Environment", {"KmsKeyId": ""}, {}, False),
        "an empty map": ("Environment", {}, None, True),
    },
)
def test_contained(name: str, desired: Any, value: Any, expected: bool) -> None:
    assert comparison.contained(desired, value, name) is expected


@table(
    "name, desired, previous, live, expected",
    {
        "a member": ("X", {}, {"a": "1"}, {"a": "1"}, True),
        "an inner member": ("X", {"b": {}}, {"b": {"a": "1"}}, {"b": {"a": "1"}}, True),
        "an object": ("X", {}, {"b": {"a": "1"}}, {"b": {"a": "1"}}, True),
        "a member of a list's item": (
            "X",
            [{"b": "1"}],
            [{"a": "1", "b": "1"}],
            [{"a": "1", "b": "1"}],
            True,
        ),
        "nothing": ("X", {"a": "1"}, {"a": "1"}, {"a": "1", "b": "2"}, False),
        "what the package does not have": ("X", {}, {"a": "1"}, {}, False),
        "what the previous state did not have": ("X", {}, {}, {"a": "1"}, False),
        "an empty object": ("X", {}, {"a": {}}, {"a": {}}, False),
        "a digest": ("X", {}, {"ImageDigest": "d"}, {"ImageDigest": "d"}, False),
        "a default": ("X", {}, {"IsCheckpoint": False}, {"IsCheckpoint": False}, False),
        "no default": ("X", {}, {"IsCheckpoint": True}, {"IsCheckpoint": True}, True),
        "a key": ("X", {}, {"KmsKeyId": "k"}, {"KmsKeyId": "k"}, True),
        "an empty key": ("X", {}, {"KmsKeyId": ""}, {"KmsKeyId": ""}, False),
        "a key of a map": ("Environment", {}, {"A": ""}, {"A": ""}, True),
        "a key of a map that is named like a digest": ("Environment", {}, {"ETag": "1"}, {"ETag": "1"}, True),
        "a whole map": ("X", {}, {"Environment": {"A": "1"}}, {"Environment": {"A": "1"}}, True),
        "a list": ("X", {}, {"a": ["1"]}, {"a": ["1"]}, True),
    },
)
def test_taken_out(name: str, desired: Any, previous: Any, live: Any, expected: bool) -> None:
    assert comparison.taken_out(desired, previous, live, name) is expected


@table(
    "name, desired, value, expected",
    {
        "JSON in another layout": ("ModelCardContent", '{"a": 1, "b": [1.0]}', '{"b":[1],"a":1}', True),
        "JSON of another property": ("ModelPackageDescription", '{"a": 1}', '{"a":1}', False),
        "other JSON": ("DataInputConfig", '{"a": 1}', '{"a": 2}', False),
        "a boolean and a number": ("DataInputConfig", '{"a": 1}', '{"a": true}', False),
        "a list in another order": ("DataInputConfig", "[1, 2]", "[2, 1]", False),
        "a number of many digits": ("DataInputConfig", "[9007199254740993]", "[9007199254740992]", False),
        "a number of many digits and a fraction": (
            "DataInputConfig",
            "[9007199254740993.0]",
            "[9007199254740992.0]",
            False,
        ),
        "numbers beyond floats": ("ModelCardContent", "[1e400]", "[1e500]", False),
        "a number close to another": ("ModelCardContent", "[0.1]", "[0.10000000000000000001]", False),
        "a number of thousands of digits": ("ModelCardContent", f"[{'9' * 5000}]", f"[ {'9' * 5000}]", True),
        "a power beyond numbers": (
            "ModelCardContent",
            "[1e99999999999999999999]",
            "[1e9999999999999999]",
            False,
        ),
        "a power of too many digits": ("ModelCardContent", f"[1e{'9' * 5000}]", f"[ 1e{'9' * 5000}]", False),
        "a number written otherwise": ("ModelCardContent", "[-12.50, 0.0, 300]", "[-125e-1,-0,3E+2]", True),
        "a number of the other sign": ("ModelCardContent", "[-1]", "[1]", False),
        "a member that is there twice": ("ModelCardContent", '{"a":1,"a":2}', '{"a":3,"a":2}', False),
        "no JSON": ("DataInputConfig", "{'a': 1}", "{'a':1}", False),
        "no number of JSON": ("DataInputConfig", "[NaN]", "[ NaN]", False),
        "too deep": ("DataInputConfig", "[" * 100_000, "[" * 100_001, False),
        "an ARN in another case": ("SourceUri", ARN, ARN.lower(), True),
        "another service's in another case": ("SourceUri", "arn:aws:s3:::b/K", "arn:aws:s3:::b/k", False),
        "an alias of a key": ("KmsKeyId", "arn:aws:kms:a:1:alias/K", "arn:aws:kms:a:1:alias/k", False),
        "another ARN": ("SourceUri", ARN, f"{ARN}2", False),
        "a path in another case": ("SourceUri", "s3://models/A", "s3://models/a", False),
        "a sentence about an ARN": ("Description", f"{ARN} is Old", f"{ARN} is old", False),
        "a number": ("InstanceCount", 1, 2, False),
    },
)
def test_is_same(name: str, desired: Any, value: Any, expected: bool) -> None:
    assert comparison.is_same(desired, value, name) is expected
    assert comparison.contained({name: desired}, {name: value}, "X") is expected


@pytest.mark.parametrize(("live", "expected"), [({"a": 1}, False), ({"a": 2}, True), ({}, True)])
def test_is_new(live: dict[str, Any], expected: bool) -> None:
    assert comparison.is_new("a", {"a": 1}, live) is expected
    assert not comparison.is_new("a", {"a": 1}, {}, {"a": 1})
    assert not comparison.is_new("a", {}, live)
