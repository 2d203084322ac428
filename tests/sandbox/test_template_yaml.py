"""The loader of templates: what it makes of short tags, and what it refuses to read."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml

from sandbox.cloudformation.bounds import OversizedValueError, bounded
from sandbox.shared import template_yaml
from sandbox.shared.template_yaml import MAX_DEPTH, MAX_NODES, RefusedTemplate
from tests.sandbox.helpers import cases


def test_load_makes_the_long_form_of_short_tags() -> None:
    assert template_yaml.load("A: !GetAtt B.C.D\nE: !Sub '${F}'\nG: !Ref H\nI: &name !If [J, 1, 2]") == {
        "A": {"Fn::GetAtt": ["B", "C.D"]},
        "E": {"Fn::Sub": "${F}"},
        "G": {"Ref": "H"},
        "I": {"Fn::If": ["J", 1, 2]},
    }


@pytest.mark.parametrize("read", [template_yaml.load, template_yaml.parse_json, template_yaml.check_snippet])
def test_nesting_is_taken_up_to_its_limit(read: Any) -> None:
    read("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    for levels in (MAX_DEPTH + 1, 100 * MAX_DEPTH):
        with pytest.raises(RefusedTemplate, match="nested too deeply, in more than 100 levels"):
            read("[" * levels + "]" * levels)


def test_reading_ends_with_the_bracket_that_is_too_many() -> None:
    # What follows would be no YAML; PyYAML reads it before it makes a list of the first bracket.
    with pytest.raises(RefusedTemplate, match=f"line 2, column {MAX_DEPTH + 2}: it is nested too deeply"):
        template_yaml.load("A:\n  " + "[" * (MAX_DEPTH + 1) + "@")


def test_snippet_may_have_as_many_values_as_its_aliases_stand_for() -> None:
    # 1 for the list, 250 for the first, 249 for each alias of it.
    fits = "[&a [" + "x," * 248 + "]" + ", *a" * (MAX_NODES // 249 - 1) + "]"
    template_yaml.check_snippet(fits)
    with pytest.raises(
        RefusedTemplate, match=r"line 1, column \d+: with \*a its aliases stand for more than"
    ):
        template_yaml.check_snippet(fits[:-1] + ", *a, *a]")


def test_snippet_without_aliases_may_be_of_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_yaml, "MAX_NODES", 1_000)
    template_yaml.check_snippet("[" + "x," * 1_001 + "]")
    with pytest.raises(RefusedTemplate, match="more than 1,000 values"):  # which is the limit here
        template_yaml.check_snippet("[&a " + "[" + "x," * 500 + "]" + ", *a" * 2 + "]")


def test_snippet_with_an_unknown_alias_is_no_yaml() -> None:
    with pytest.raises(yaml.YAMLError, match="undefined alias"):
        template_yaml.check_snippet("[*a]")


def resolve(value: Any) -> Any:
    """Resolve `Fn::Join` and `Fn::Sub` without variables of the template, as the engine does."""
    if isinstance(value, list):
        return [resolve_bounded(each) for each in value]
    if not isinstance(value, dict):
        return value
    ((function, (first, second)),) = value.items()
    if function == "Fn::Join":
        return first.join(resolve_bounded(second))
    for name, each in second.items():
        first = first.replace(f"${{{name}}}", str(resolve_bounded(each)))
    return first


resolve_bounded = bounded(resolve)


def test_bounded_functions_resolve_as_before() -> None:
    assert resolve_bounded({"Fn::Join": ["-", ["a", {"Fn::Sub": ["${x}b${x}", {"x": "1"}]}]]}) == "a-1b1"


@cases(
    "value",
    {
        "Fn::Join": {"Fn::Join": ["x" * 100_000, ["a"] * 100_000]},
        "Fn::Sub": {"Fn::Sub": ["${a}" * 100_000, {"a": "x" * 100_000}]},
    },
)
def test_bounded_functions_make_nothing_that_is_too_long(value: Any) -> None:
    started = time.monotonic()
    with pytest.raises(OversizedValueError):
        resolve_bounded(value)
    assert time.monotonic() - started < 5  # it would have 10 GB
