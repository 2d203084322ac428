"""JSON documents without the members of some names."""

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
            {"members": {"type": {"type": 1, "b": 2}}},
            {"members": {"type": {"b": 2}}},
            id="the names below a map stay",
        ),
        pytest.param(
            {"members": {"members": {"type": 1, "b": 2}}},
            {"members": {"members": {"b": 2}}},
            id="a name below a map is no map",
        ),
        pytest.param({"members": [{"type": 1, "b": 2}]}, {"members": [{"b": 2}]}, id="a list is no map"),
    ],
)
def test_without_leaves_out_members_by_name(value: Any, left: Any) -> None:
    assert without(value, {"type"}, maps={"members"}) == left
