"""The validation of models by the real schema, where the type of the tests' own does not reach."""

from __future__ import annotations

from typing import Any

from sandbox.cloudformation.validation import Schema, model_problems, template_problems
from sandbox.shared.settings import schema
from tests.sandbox.helpers import cases


@cases(
    "keys, problems",
    {
        "of any script": (["Prüfer", "審査"], []),
        "outside the pattern": (
            ["a?"],
            ["#/CustomerMetadataProperties: extraneous key [a?] is not permitted"],
        ),
    },
)
def test_template_problems_of_keys(keys: list[str], problems: list[str]) -> None:
    properties = {"CustomerMetadataProperties": dict.fromkeys(keys, "risk")}
    assert template_problems(schema(), properties) == problems


NAMED = [{"required": ["Name"]}, {"required": ["Arn"]}]


@cases(
    "rule, value, problem",
    {
        "a pattern": (
            {"type": "string", "pattern": "^[a-z]+$"},
            "UPPER",
            "failed validation constraint for keyword [pattern]",
        ),
        "a minimum": (
            {"type": "integer", "minimum": 2},
            "1",
            "failed validation constraint for keyword [minimum]",
        ),
        "a maximum": (
            {"type": "number", "maximum": 2},
            "2.5",
            "failed validation constraint for keyword [maximum]",
        ),
        "unique items": ({"type": "array", "uniqueItems": True}, ["a", "a"], "array items are not unique"),
        "none of any": ({"anyOf": NAMED}, {}, "#: no subschema matched out of the total 2 subschemas"),
        "none of one": ({"oneOf": NAMED}, {}, "#: 0 subschemas matched instead of one"),
        "two of one": (
            {"oneOf": NAMED},
            {"Name": "a", "Arn": "b"},
            "#: 2 subschemas matched instead of one",
        ),
        "all": ({"allOf": NAMED}, {"Name": "a"}, "required key [Arn] not found"),
    },
)
def test_template_problems_of_values(rule: Schema, value: Any, problem: str) -> None:
    assert template_problems({"properties": {"Given": rule}}, {"Given": value}) == [f"#/Given: {problem}"]


@cases(
    "rule, value",
    {
        "a pattern": ({"type": "string", "pattern": "^[a-z]+$"}, "lower"),
        "a maximum": ({"type": "integer", "maximum": 2}, "2"),
        "a text with the look of a number": ({"type": "string", "maximum": 2}, "3"),
        "one of two": ({"oneOf": NAMED}, {"Name": "a"}),
        "text that reads as both": ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, "2"),
        "what a string cannot show": ({"not": {"type": "integer"}}, "2"),
        "a choice of formats": (
            {"anyOf": [{"format": "AWS::KMS::Key.Arn"}, {"format": "AWS::KMS::Key.Id"}]},
            "k",
        ),
    },
)
def test_template_problems_without_any(rule: Schema, value: Any) -> None:
    assert template_problems({"properties": {"Given": rule}}, {"Given": value}) == []


@cases(
    "rule, value, problem",
    {
        "unique items": ({"uniqueItems": True}, ["a", "a"], "array items are not unique"),
        "a minimum": ({"minimum": 2}, 1, "failed validation constraint for keyword [minimum]"),
        "no item": (
            {"contains": {"minLength": 2}},
            ["a"],
            "failed validation constraint for keyword [contains]",
        ),
        "two of one": (
            {"oneOf": [{"type": "string"}, {"minLength": 1}]},
            "a",
            "#: 2 subschemas matched instead of one",
        ),
    },
)
def test_model_problems_quote_no_value(rule: Schema, value: Any, problem: str) -> None:
    assert model_problems({"properties": {"Given": rule}}, {"Given": value}) == [f"#/Given: {problem}"]
