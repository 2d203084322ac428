"""Tags: merged, compared by key, refused on versions."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from aws_sagemaker_modelpackage import tags
from aws_sagemaker_modelpackage.messages import FAULTY

from .events import NO_VERSION_TAGS, tag_list
from .tables import table


@table(
    "resource, stack, expected",
    {
        "none at all": (None, None, {}),
        "empty ones": ([], {}, {}),
        "own ones win": (tag_list({"a": "own"}), {"a": "stack", "b": "1"}, {"a": "own", "b": "1"}),
        "none of AWS, and only those": (
            tag_list({"aws:a": "1", "AWS:b": "2", "awsome": "3"}),
            {"aws:c": "4"},
            {"awsome": "3"},
        ),
        "one that is given twice is one": ([*tag_list({"a": "1"}), *tag_list({"a": "1"})], {}, {"a": "1"}),
        "of two values the last counts": ([*tag_list({"a": "1"}), *tag_list({"a": "2"})], {}, {"a": "2"}),
        "values are strings, also empty ones": (tag_list({"a": ""}), {"n": 5}, {"n": "5", "a": ""}),
    },
)
def test_merged(resource: Any, stack: Any, expected: dict[str, str]) -> None:
    assert tags.merged(resource, stack) == expected


NOT_ON_VERSIONS = NO_VERSION_TAGS.removeprefix("Tags ")
TWICE = "occurs twice with different values: give each key once"
DROPPED = (
    "1 tags only repeat the stack's or those of the previous template and are not sent: versions have none"
)
FORTY = {f"own{number}": "1" for number in range(40)}
TEN = {f"stack{number}": "1" for number in range(10)}


@table(
    "own, stack, previous, versioned, expected",
    {
        "a package's": ({"a": "1"}, {"a": "2"}, {}, False, []),
        "a version's that repeats the stack's": ({"a": "1"}, {"a": "1", "b": "2"}, {}, True, []),
        "a version's that is as before": ({"a": "1"}, {"a": "2"}, {"a": "1"}, True, []),
        "a version's of AWS": ({"aws:a": "1"}, {}, {}, True, []),
        "a version's own": ({"a": "1"}, {}, {}, True, [f"Tags {NOT_ON_VERSIONS}"]),
        "a version's own, new value": ({"a": "1"}, {"a": "2"}, {"a": "3"}, True, [f"Tags {NOT_ON_VERSIONS}"]),
        "a version's own, beside one of the stack": (
            {"a": "1", "b": "1"},
            {"a": "1"},
            None,
            True,
            [f"Tags {NOT_ON_VERSIONS}"],
        ),
        "of an unknown kind": ({"a": "1"}, {}, {}, None, []),
        "50 with the stack's": (FORTY, TEN, {}, False, []),
        "51 with the stack's": (
            FORTY,
            {**TEN, "b": "1"},
            {},
            False,
            ["Tags has 51 items together with the stack's tags and must have 50 at most"],
        ),
        "51 keys with the stack's, of which one is AWS's": (FORTY, {**TEN, "aws:b": "1"}, {}, False, []),
        "more than 50, which the schema refuses": (
            {**FORTY, **{f"b{n}": "1" for n in range(20)}},
            {},
            {},
            False,
            [],
        ),
    },
)
def test_problems(
    own: dict[str, str], stack: dict[str, str], previous: Any, versioned: bool | None, expected: list[str]
) -> None:
    known = None if previous is None else tag_list(previous)
    assert [*map(str, tags.problems(tag_list(own), stack, known, versioned=versioned))] == expected


@table(
    "resource, expected",
    {
        "none": (None, []),
        "one key, one value": ([*tag_list({"a": "1"}), *tag_list({"a": "1"})], []),
        "one key, two values": (
            [*tag_list({"a": "1", "b": "2"}), *tag_list({"a": "2"})],
            [f"Tags[2].Key {TWICE}"],
        ),
        "what is no tag, which the schema refuses": ([{}, {"Value": "1"}, {"Key": "b"}, FAULTY], []),
        "a value of a wrong type": ([{"Key": "b", "Value": FAULTY}, *tag_list({"b": "1"})], []),
    },
)
def test_problems_of_repeated_keys(resource: Any, expected: list[str]) -> None:
    assert [*map(str, tags.problems(resource, {}, None, versioned=False))] == expected


@pytest.mark.parametrize(
    ("own", "logged"), [({"team": "risk"}, [DROPPED]), ({"a": "1"}, [DROPPED]), ({}, []), ({"b": "1"}, [])]
)
def test_problems_logs_tags_of_a_version_that_are_not_sent(
    caplog: pytest.LogCaptureFixture, own: dict[str, str], logged: list[str]
) -> None:
    with caplog.at_level(logging.INFO):
        tags.problems(tag_list(own), {"team": "risk", "other": "1"}, tag_list({"a": "1"}), versioned=True)
    assert caplog.messages == logged


FIFTY = {f"k{i}": "1" for i in range(50)}


@table(
    "previous, desired, live, expected",
    {
        "what is in neither template stays": ({}, {}, {"z": "9"}, tags.Difference()),
        "what did not change is not put back": ({"a": "1"}, {"a": "1"}, {}, tags.Difference()),
        "a new key": ({}, {"a": "1"}, {}, tags.Difference({"a": "1"})),
        "a new value": ({"a": "1"}, {"a": "2"}, {"a": "3"}, tags.Difference({"a": "2"})),
        "a value that is live already": ({"a": "1"}, {"a": "2"}, {"a": "2"}, tags.Difference()),
        "a dropped key": ({"a": "1"}, {}, {"a": "1"}, tags.Difference({}, ("a",))),
        "a dropped key that was changed outside": ({"a": "1"}, {}, {"a": "2"}, tags.Difference()),
        "a key that is gone already": ({"a": "1"}, {}, {}, tags.Difference()),
        "51 would not fit": ({"k0": "1"}, {"n": "1"}, FIFTY, tags.Difference({"n": "1"}, ("k0",), True)),
        "50 fit": ({"k0": "1"}, {"k1": "2"}, FIFTY, tags.Difference({"k1": "2"}, ("k0",), False)),
    },
)
def test_difference(
    previous: dict[str, str], desired: dict[str, str], live: dict[str, str], expected: tags.Difference
) -> None:
    difference = tags.difference(previous, desired, live)
    assert difference == expected
    assert bool(difference) is bool(expected.add or expected.drop)
