"""Tags: merged, compared by key, refused on versions."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from cloudformation_cli_python_lib.exceptions import InvalidRequest

from aws_sagemaker_modelpackage import tags

from .events import tag_list


@pytest.mark.parametrize(
    ("resource", "stack", "expected"),
    [
        pytest.param(None, None, {}, id="none at all"),
        pytest.param([], {}, {}, id="empty ones"),
        pytest.param(
            tag_list({"a": "own"}), {"a": "stack", "b": "1"}, {"a": "own", "b": "1"}, id="own ones win"
        ),
        pytest.param(
            tag_list({"aws:a": "1", "AWS:b": "2", "awsome": "3"}),
            {"aws:c": "4"},
            {"awsome": "3"},
            id="none of AWS, and only those",
        ),
        pytest.param(
            [*tag_list({"a": "1"}), *tag_list({"a": "1"})],
            {},
            {"a": "1"},
            id="one that is given twice is one",
        ),
        pytest.param(
            tag_list({"a": ""}), {"n": 5}, {"n": "5", "a": ""}, id="values are strings, also empty ones"
        ),
    ],
)
def test_tags_are_merged(resource: Any, stack: Any, expected: dict[str, str]) -> None:
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
def test_tags_that_make_no_sense_are_refused_by_place(resource: Any, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        tags.merged(resource, {})


def test_tags_that_repeat_the_stacks_are_dropped_with_a_word_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        tags.refuse_on_version(tag_list({"team": "risk"}), {"team": "risk", "other": "1"})
    assert caplog.messages == ["1 tags only repeat the stack's and are not sent: versions have none"]


def test_a_version_without_tags_is_not_worth_a_word(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        tags.refuse_on_version([], {"team": "risk"})
    assert caplog.messages == []


@pytest.mark.parametrize(("own", "stack"), [({"a": "1"}, {}), ({"a": "1"}, {"a": "2"}), ({"a": "1"}, None)])
def test_tags_of_its_own_are_refused_on_a_version(own: dict[str, str], stack: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^Tags: .*ModelPackageGroup.*CustomerMetadataProperties$"):
        tags.refuse_on_version(tag_list(own), stack)


FIFTY = {f"k{i}": "1" for i in range(50)}


@pytest.mark.parametrize(
    ("previous", "desired", "live", "expected"),
    [
        pytest.param({}, {}, {"z": "9"}, tags.Difference(), id="what neither template speaks of stays"),
        pytest.param({"a": "1"}, {"a": "1"}, {}, tags.Difference(), id="what did not change is not put back"),
        pytest.param({}, {"a": "1"}, {}, tags.Difference({"a": "1"}), id="a new key"),
        pytest.param({"a": "1"}, {"a": "2"}, {"a": "3"}, tags.Difference({"a": "2"}), id="a new value"),
        pytest.param(
            {"a": "1"}, {"a": "2"}, {"a": "2"}, tags.Difference(), id="a value that is live already"
        ),
        pytest.param({"a": "1"}, {}, {"a": "2"}, tags.Difference({}, ("a",)), id="a dropped key"),
        pytest.param({"a": "1"}, {}, {}, tags.Difference(), id="a key that is gone already"),
        pytest.param(
            {"k0": "1"}, {"n": "1"}, FIFTY, tags.Difference({"n": "1"}, ("k0",), True), id="51 would not fit"
        ),
        pytest.param(
            {"k0": "1"}, {"k1": "2"}, FIFTY, tags.Difference({"k1": "2"}, ("k0",), False), id="50 fit"
        ),
    ],
)
def test_tags_differ_by_key(
    previous: dict[str, str], desired: dict[str, str], live: dict[str, str], expected: tags.Difference
) -> None:
    found = tags.difference(previous, desired, live)
    assert found == expected
    assert bool(found) is bool(expected.add or expected.drop)
