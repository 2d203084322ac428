"""What the engine refuses before a handler runs, with the real schema."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.cloudformation.validation import template_problems
from sandbox.shared.settings import SCHEMA


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The schema of the type."""
    loaded: dict[str, Any] = json.loads(SCHEMA.read_text())
    return loaded


def test_keys_in_any_script_pass(schema: dict[str, Any]) -> None:
    assert template_problems(schema, {"CustomerMetadataProperties": {"Prüfer": "risk", "審査": "済"}}) == []


def test_a_key_outside_its_pattern_is_not_permitted(schema: dict[str, Any]) -> None:
    assert template_problems(schema, {"CustomerMetadataProperties": {"who?": "risk"}}) == [
        "#/CustomerMetadataProperties: extraneous key [who?] is not permitted"
    ]
