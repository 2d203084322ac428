"""What the schema of a type says about its properties: who may set them, who may see them, which identify."""

from __future__ import annotations

import copy
import json
from typing import Any

from sandbox.shared.json_pointers import path_of, put

from .failures import failure

Model = dict[str, Any]
Path = tuple[str, ...]
_ABSENT = object()


class ResourceType:
    """One registered type."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema
        self.name: str = schema["typeName"]
        self.identifier = [path_of(pointer) for pointer in schema["primaryIdentifier"]]
        self.read_only: list[str] = schema.get("readOnlyProperties", [])
        self.create_only: list[str] = schema.get("createOnlyProperties", [])
        self._write_only = [path_of(pointer) for pointer in schema.get("writeOnlyProperties", [])]

    def require(self, action: str) -> None:
        """Refuse an action that the type has no handler for."""
        if action.lower() not in self.schema.get("handlers", {}):
            raise failure(
                "UnsupportedActionException", f"Resource type {self.name} does not support {action} action"
            )

    def identified_by(self, model: Model) -> str | None:
        """Return the primary identifier in a model, as one string."""
        parts = [found[0] if (found := values_at(model, path)) else None for path in self.identifier]
        return None if None in parts else "|".join(str(part) for part in parts)

    def model_of(self, identifier: str) -> Model:
        """Return the model that holds an identifier, given as one string or as a JSON object."""
        values = self._values(identifier)
        model: Model = {}
        for path, value in zip(self.identifier, values, strict=True):
            put(model, path, value)
        return model

    def visible(self, model: Model) -> Model:
        """Return a model without what only ever goes in."""
        return without(model, self._write_only)

    def settable(self, model: Model) -> Model:
        """Return a model as handlers take it as desired: read-only properties only where they identify."""
        read_only = [path_of(pointer) for pointer in self.read_only]
        return without(model, [path for path in read_only if path not in self.identifier])

    def _values(self, identifier: str) -> list[Any]:
        if identifier.startswith("{"):
            try:
                given = json.loads(identifier)
                values = [given[path[-1]] for path in self.identifier]
            except (ValueError, KeyError):
                values = []
            if values and all(isinstance(value, str) and value for value in values):
                return values
        elif len(values := identifier.split("|", len(self.identifier) - 1)) == len(self.identifier):
            return list(values)
        names = ", ".join("/properties/" + "/".join(path) for path in self.identifier)
        raise failure(
            "ValidationException",
            f"Identifier {identifier} is not valid for identifier [{names}]",
        )


def values_at(model: Any, path: Path) -> list[Any]:
    """Return what a model has at a path: nothing, one value, or several if there are `*` in it."""
    if not path:
        return [model]
    if path[0] == "*":
        items = model if isinstance(model, list) else model.values() if isinstance(model, dict) else []
        return [value for item in items for value in values_at(item, path[1:])]
    inner = model.get(path[0], _ABSENT) if isinstance(model, dict) else _ABSENT
    return [] if inner is _ABSENT else values_at(inner, path[1:])


def without(model: Model, paths: list[Path]) -> Model:
    """Return a copy of a model that lacks everything at the paths."""
    left = copy.deepcopy(model)
    for path in paths:
        for holder in values_at(left, path[:-1]):
            if isinstance(holder, dict):
                holder.pop(path[-1], None)
    return left
