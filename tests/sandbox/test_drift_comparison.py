"""How a template and a model are compared, for any type."""

from __future__ import annotations

from typing import Any

import pytest

from aws_sagemaker_modelpackage import comparison as handlers
from sandbox.cloudformation.drift import Comparer
from sandbox.cloudformation.equality import JSON_TEXTS, is_same_text
from sandbox.cloudformation.provider import Place
from tests.sandbox.helpers import cases

STACK = Place("stack", "id", "Thing", {"team": "risk", "aws:internal": "x"})
ITEM = {"type": "object", "properties": {"Name": {"type": "string"}, "Size": {"type": "integer"}}}
SCHEMA: dict[str, Any] = {
    "definitions": {"Item": ITEM},
    "properties": {
        "Count": {"type": "integer"},
        "Share": {"type": "number"},
        "On": {"type": "boolean"},
        "Text": {"type": "string"},
        "Secret": {"type": "string"},
        "Status": {"type": "string"},
        "Fixed": {
            "type": "object",
            "properties": {"A": {"type": "string"}, "B": {"type": "string"}, "Hidden": {"type": "string"}},
        },
        "Map": {"type": "object", "patternProperties": {".*": {"type": "string"}}},
        "Ordered": {"type": "array", "items": {"$ref": "#/definitions/Item"}},
        "Unordered": {"type": "array", "insertionOrder": False, "items": {"$ref": "#/definitions/Item"}},
        "Words": {"type": "array", "insertionOrder": False, "items": {"type": "string"}},
        "Upper": {"type": "string"},
    },
    "writeOnlyProperties": ["/properties/Secret", "/properties/Fixed/Hidden"],
    "readOnlyProperties": ["/properties/Status"],
    "propertyTransform": {"/properties/Upper": "$uppercase(Upper)"},
}


def differences(template: dict[str, Any], model: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return path, expected, actual and kind of each difference."""
    comparison = Comparer(SCHEMA).compare(STACK, template, model)
    return [(each.path, each.expected, each.actual, each.kind) for each in comparison.differences]


@cases(
    "template, model",
    {
        "text": ({"Count": "3", "Share": "0.50", "On": "true"}, {"Count": 3, "Share": 0.5, "On": True}),
        "write-only and read-only": ({"Secret": "x", "Status": "y"}, {"Status": "z"}),
        "write-only member": ({"Fixed": {"A": "1", "Hidden": "x"}}, {"Fixed": {"A": "1"}}),
        "filled in": ({"Fixed": {"A": "1"}}, {"Fixed": {"A": "1", "B": "2"}}),
        "item filled in": ({"Ordered": [{"Name": "a"}]}, {"Ordered": [{"Name": "a", "Size": 1}]}),
        "order of words": ({"Words": ["a", "b", "a"]}, {"Words": ["b", "a", "a"]}),
        "order of objects": (
            {"Unordered": [{"Name": "a"}, {"Name": "b"}]},
            {"Unordered": [{"Name": "b", "Size": 2}, {"Name": "a", "Size": 1}]},
        ),
        "transformed": ({"Upper": "abc"}, {"Upper": "ABC"}),
        "as it is": ({"Upper": "abc"}, {"Upper": "abc"}),
        "not set": ({}, {"Text": "x"}),
        "not of the type": ({"Unknown": "x"}, {}),
    },
)
def test_compare_finds_nothing(template: dict[str, Any], model: dict[str, Any]) -> None:
    assert differences(template, model) == []


@pytest.mark.parametrize(
    ("template", "model", "expected"),
    [
        ({"Count": "3"}, {"Count": 4}, ("/Count", "3", "4", "NOT_EQUAL")),
        ({"Count": "3"}, {"Count": "many"}, ("/Count", "3", "many", "NOT_EQUAL")),
        ({"On": "true"}, {"On": False}, ("/On", "true", "false", "NOT_EQUAL")),
        ({"Text": "a"}, {}, ("/Text", "a", "null", "REMOVE")),
        ({"Text": "a"}, {"Text": ["a"]}, ("/Text", "a", '["a"]', "NOT_EQUAL")),
        ({"Fixed": {"A": "1"}}, {"Fixed": {"B": "2"}}, ("/Fixed/A", "1", "null", "REMOVE")),
        ({"Map": {"a": "1"}}, {"Map": {"a": "1", "b/~": "2"}}, ("/Map/b~1~0", "null", "2", "ADD")),
        (
            {"Ordered": [{"Name": "a"}, {"Name": "b"}]},
            {"Ordered": [{"Name": "a"}, {"Name": "c"}]},
            ("/Ordered/1/Name", "b", "c", "NOT_EQUAL"),
        ),
        ({"Ordered": []}, {"Ordered": [{"Name": "a"}]}, ("/Ordered/0", "null", '{"Name": "a"}', "ADD")),
        (
            {"Unordered": [{"Name": "a", "Size": "1"}]},
            {"Unordered": [{"Name": "a", "Size": 2}]},
            ("/Unordered/0/Size", "1", "2", "NOT_EQUAL"),
        ),
        ({"Words": ["a", "b"]}, {"Words": ["b"]}, ("/Words/0", "a", "null", "REMOVE")),
        ({"Words": ["a"]}, {"Words": ["a", "a"]}, ("/Words/1", "null", "a", "ADD")),
        ({"Upper": "abc"}, {"Upper": "ABD"}, ("/Upper", "abc", "ABD", "NOT_EQUAL")),
    ],
)
def test_compare_finds(
    template: dict[str, Any], model: dict[str, Any], expected: tuple[str, str, str, str]
) -> None:
    assert differences(template, model) == [expected]


def test_compare_shows_only_what_the_template_sets() -> None:
    template = {"Fixed": {"A": "1", "Hidden": "x"}, "Secret": "s", "Text": "t"}
    model = {"Fixed": {"A": "1", "B": "2"}, "Count": 3}
    comparison = Comparer(SCHEMA).compare(STACK, template, model)
    assert comparison.expected == {"Fixed": {"A": "1"}, "Text": "t"}
    assert comparison.actual == {"Fixed": {"A": "1"}}


@pytest.mark.parametrize("own", [{}, {"Labels": [{"Key": "team", "Value": "risk"}]}])
def test_compare_expects_the_stacks_tags_of_a_taggable_type(own: dict[str, Any]) -> None:
    tagged = {
        "properties": {"Labels": {"type": "array", "insertionOrder": False, "items": {"type": "object"}}},
        "tagging": {"taggable": True, "tagOnCreate": True, "tagProperty": "/properties/Labels"},
    }
    comparer = Comparer(tagged)
    assert comparer.compare(STACK, own, {"Labels": [{"Key": "team", "Value": "risk"}]}).differences == []
    (missing,) = comparer.compare(STACK, own, {"Labels": []}).differences
    assert (missing.path, missing.kind) == ("/Labels/0", "REMOVE")


def test_comparer_leaves_out_a_transform_of_a_member() -> None:
    comparer = Comparer({**SCHEMA, "propertyTransform": {"/properties/Fixed/A": '"other"'}})
    assert comparer.compare(STACK, {"Fixed": {"A": "a"}}, {"Fixed": {"A": "a"}}).differences == []
    (changed,) = comparer.compare(STACK, {"Fixed": {"A": "a"}}, {"Fixed": {"A": "other"}}).differences
    assert (changed.path, changed.kind) == ("/Fixed/A", "NOT_EQUAL")


def test_comparer_follows_references_to_properties() -> None:
    schema = {
        "properties": {
            "One": {"type": "array", "insertionOrder": False, "items": {"type": "string"}},
            "Other": {"$ref": "#/properties/One"},
        }
    }
    same = Comparer(schema).compare(STACK, {"Other": ["a", "b"]}, {"Other": ["b", "a"]})
    assert same.differences == []


TEXTS = [
    *('{"a": true}', '{"a": 1}', '{"a": 1.0}', '{"a":1}', '{"b": 2, "a": 1}', '{"a": 1, "b": 2}'),
    *("[1,2]", "[1, 2]", '{"a": NaN}', '{"a":NaN}', '{"a"', "1", "1.0", "true", "", "x", "X"),
    *("arn:aws:iam::1:role/Admin", "ARN:aws:iam::1:role/admin", "arn:aws:s3:::b/K", "arn:aws:s3:::b/k"),
    *("arn:aws:kms:r:1:alias/K", "arn:aws:kms:r:1:alias/k", "arn:aws:x says No", "ARN:aws:x says no"),
    *("arn:aws:x: says No", "arn:aws:x: says no", "arn:aws-cn:x:A", "arn:aws-cn:x:a", "arn:x:A", "arn:x:a"),
    *("arn:aws:sagemaker:r:1:model/M", "ARN:aws:SageMaker:r:1:model/m", "arn:aws-cn:sagemaker:r:1:model/M"),
    *("9007199254740993.0", "9007199254740992.0", "9007199254740993", "1e400", "1e500", "0.1", "0.10"),
    *("0.10000000000000000001", "1e-1", "-0", "0", "0e5", '{"a": 1, "a": 2}', '{"a": 3, "a": 2}', "9" * 5000),
    *(f"1e{'9' * 5000}", "[" * 2000),
]


@pytest.mark.parametrize("name", [*sorted(JSON_TEXTS), "ApprovalDescription", "SourceUri"])
def test_is_same_text_decides_as_the_update_handler(name: str) -> None:
    assert handlers.JSON_TEXTS == JSON_TEXTS
    for one in TEXTS:
        for other in TEXTS:
            assert is_same_text(one, other, name) == handlers.is_same(one, other, name), (one, other)


def test_is_same_text_in_a_map_is_exact() -> None:
    assert is_same_text("arn:aws:iam::1:role/a", "arn:aws:iam::1:role/a", None)
    assert not is_same_text("arn:aws:iam::1:role/a", "arn:aws:iam::1:role/A", None)
