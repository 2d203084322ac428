"""The type's schema, as the sandbox reads it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from sandbox.local_aws import SCHEMA
from sandbox.shared import json_pointers


@cache
def schema() -> dict[str, Any]:
    """The schema of the type."""
    loaded: dict[str, Any] = json.loads(SCHEMA.read_text())
    return loaded


TYPE_NAME: str = schema()["typeName"]


def top_level(kind: str) -> frozenset[str]:
    """The names of the properties in one of the schema's classes, such as `readOnlyProperties`."""
    return json_pointers.top_level(schema().get(kind, []))
