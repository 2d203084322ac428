"""The validation of models by the real schema, where the type of the tests' own does not reach."""

from __future__ import annotations

from sandbox.cloudformation.validation import template_problems
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
