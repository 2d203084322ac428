"""Tags: merged, compared by key, refused on versions."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from cloudformation_cli_python_lib.exceptions import InvalidRequest

from aws_sagemaker_modelpackage import tags

from .events import tag_list
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
        "values are strings, also empty ones": (tag_list({"a": ""}), {"n": 5}, {"n": "5", "a": ""}),
    },
)
def test_merged(resource: Any, stack: Any, expected: dict[str, str]) -> None:
    assert tags.merged(resource, stack) == expected


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        ([{"Value": "1"}], r"Tags\[0\]\.Key is missing"),
        ([*tag_list({"a": "1"}), {"Key": "b"}], r"Tags\[1\]\.Value is missing"),
        (
            [*tag_list({"a": "1"}), *tag_list({"a": "2"})],
            r"Tags\[1\]\.Key occurs twice with different values",
        ),
    ],
)
def test_merged_refuses_tags_by_place(resource: Any, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        tags.merged(resource, {})


DROPPED = "1 tags only repeat the stack's and are not sent: versions have none"


@pytest.mark.parametrize(("own", "logged"), [({"team": "risk"}, [DROPPED]), ({}, [])])
def test_refuse_on_version_logs_tags_that_repeat_the_stacks(
    caplog: pytest.LogCaptureFixture, own: dict[str, str], logged: list[str]
) -> None:
    with caplog.at_level(logging.INFO):
        tags.refuse_on_version(tag_list(own), {"team": "risk", "other": "1"})
    assert caplog.messages == logged


@pytest.mark.parametrize(("own", "stack"), [({"a": "1"}, {}), ({"a": "1"}, {"a": "2"}), ({"a": "1"}, None)])
def test_refuse_on_version_refuses_own_tags(own: dict[str, str], stack: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^Tags: .*ModelPackageGroup.*CustomerMetadataProperties$"):
        tags.refuse_on_version(tag_list(own), stack)


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
