"""The schemas of AWS's own types, as cfn-lint brings them along."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.shared.json_pointers import path_of

Schema = dict[str, Any]


class AwsSchemas:
    """AWS's types in a region, by the file that lists them; without one there are none."""

    def __init__(self, listing: Path | None = None) -> None:
        self._folder = listing.parents[1] / "resources" if listing else Path()
        self.files: Mapping[str, str] = json.loads(listing.read_text(encoding="utf-8")) if listing else {}

    def schema(self, type_name: str) -> Schema:
        """Return the schema of a type; an empty one if there is no such type."""
        if type_name not in self.files:
            return {}
        path = self._folder / f"{self.files[type_name]}.json"
        schema: Schema = json.loads(path.read_text(encoding="utf-8"))
        return schema

    def has_attribute(self, type_name: str, name: str) -> bool:
        """Return whether `Fn::GetAtt` gives an attribute of a type."""
        pointers = self.schema(type_name).get("readOnlyProperties", [])
        return name in {".".join(path_of(pointer)) for pointer in pointers}
