"""A registered type as the Cloud Control API uses it: what its schema lets callers set, see and name."""

from __future__ import annotations

from typing import Any

from sandbox.cloudformation.functions import Functions
from sandbox.cloudformation.registered_type import RegisteredType
from sandbox.shared import bounded_json
from sandbox.shared.json_pointers import path_of, without

from .failures import failure

Model = dict[str, Any]


class ResourceType(RegisteredType):
    """One registered type."""

    def __init__(self, schema: dict[str, Any], functions: Functions, time_scale: float = 1.0) -> None:
        super().__init__(schema, functions, time_scale)
        self.read_only_pointers: list[str] = schema.get("readOnlyProperties", [])
        self.create_only_pointers: list[str] = schema.get("createOnlyProperties", [])
        self._write_only = [path_of(pointer) for pointer in schema.get("writeOnlyProperties", [])]

    def require(self, action: str) -> None:
        """Refuse an action that the type has no handler for.

        Raises:
            ApiError: UnsupportedActionException, the type has no such handler.
        """
        if action.lower() not in self.schema.get("handlers", {}):
            raise failure(
                "UnsupportedActionException",
                f"Resource type {self.type_name} does not support {action} action",
            )

    def model_of(self, identifier: str) -> Model:
        """Return the model that holds an identifier, given as one string or as a JSON object.

        Raises:
            ApiError: ValidationException, the identifier is not one of this type.
        """
        values: list[Any] = identifier.split("|", len(self.identifier_paths) - 1)
        if identifier.startswith("{"):
            try:
                given = bounded_json.loads(identifier)
                values = [given[path[-1]] for path in self.identifier_paths]
            except (ValueError, KeyError):
                values = []
            if not all(isinstance(value, str) and value for value in values):
                values = []
        if len(values) == len(self.identifier_paths):
            return self.identified_by(values)
        names = ", ".join("/properties/" + "/".join(path) for path in self.identifier_paths)
        raise failure("ValidationException", f"Identifier {identifier} is not valid for identifier [{names}]")

    def visible(self, model: Model) -> Model:
        """Return a model without its write-only properties."""
        return without(model, self._write_only)

    def settable(self, model: Model) -> Model:
        """Return a model as handlers take it as desired: read-only properties only where they identify."""
        read_only = [path_of(pointer) for pointer in self.read_only_pointers]
        return without(model, [path for path in read_only if path not in self.identifier_paths])
