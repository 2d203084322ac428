"""What is left of a document when members are left out by their names."""

from __future__ import annotations

from typing import Any

import pytest

from packager.cut import without


@pytest.mark.parametrize(
    ("value", "left"),
    [
        pytest.param({"type": 1, "kept": {"type": 2, "a": 3}}, {"kept": {"a": 3}}, id="at any depth"),
        pytest.param({"a": [{"type": 1, "b": 2}, "type"]}, {"a": [{"b": 2}, "type"]}, id="in a list"),
        pytest.param(
            {"members": {"type": {"type": 1, "b": 2}}}, {"members": {"type": {"b": 2}}}, id="not a name"
        ),
        pytest.param(
            {"members": {"members": {"type": 1, "b": 2}}},
            {"members": {"members": {"b": 2}}},
            id="a name is no map of names",
        ),
        pytest.param({"members": [{"type": 1, "b": 2}]}, {"members": [{"b": 2}]}, id="a list is no map"),
    ],
)
def test_members_are_left_out_by_name_and_names_stay(value: Any, left: Any) -> None:
    assert without(value, {"type"}, maps={"members"}) == left
