"""Which version of a registered type an operation on a stack uses: the default one when it began."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from sandbox.cloudformation.provider import (
    Comparison,
    Place,
    Properties,
    ProviderFailure,
    ReadableProvider,
    Resource,
    Update,
)
from sandbox.cloudformation.registered_type import RegisteredType
from sandbox.cloudformation.registry_client import RegistryClient


class Types(Protocol):
    """The types of an engine."""

    def add(self, type_name: str, provider: ReadableProvider) -> None:
        """Make a type known, or known anew: with its current properties that replace."""

    def withdraw(self, type_name: str) -> None:
        """Let no template use a type any more."""


class DefaultVersions:
    """Keeps the engine's types up to the registry, and each operation at the versions it began with."""

    def __init__(self, client: RegistryClient, types: Types, time_scale: float) -> None:
        self._client = client
        self._types = types
        self._time_scale = time_scale
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, str]] = {}  # the default versions' ARNs by region and type
        self._versions: dict[str, RegisteredType] = {}  # by ARN
        self._operations: dict[str, dict[str, str]] = {}  # the default versions of when they began, by stack

    def refresh(self, region: str) -> None:
        """Let templates use what is registered now.

        Raises:
            OSError: the registry does not answer.
        """
        defaults = self._client.defaults(region)
        with self._lock:
            known = self._known.get(region, {})
            for type_name, arn in defaults.items():
                if known.get(type_name) != arn:
                    self._types.add(type_name, VersionedType(type_name, self, self._version(arn)))
            self._known[region] = defaults
            for type_name in known.keys() - set().union(*self._known.values()):
                self._types.withdraw(type_name)

    def begin(self, stack_id: str, parent_id: str | None, region: str) -> None:
        """Hold an operation on a stack to the present default versions, a nested stack's to its parent's."""
        parents = self._operations.get(parent_id) if parent_id else None
        self._operations[stack_id] = self._known.get(region, {}) if parents is None else parents

    def of_operation(self, place: Place, type_name: str) -> RegisteredType:
        """Return the version of a type that the operation on the stack uses.

        Raises:
            ProviderFailure: the type was not registered when the operation began.
        """
        return self._chosen(type_name, self._operations.get(place.stack_id, {}))

    def present(self, place: Place, type_name: str) -> RegisteredType:
        """Return the default version of a type.

        Raises:
            ProviderFailure: the type is not registered.
        """
        return self._chosen(type_name, self._client.defaults(place.region))

    def _chosen(self, type_name: str, defaults: dict[str, str]) -> RegisteredType:
        if type_name not in defaults:
            raise ProviderFailure(f"The type '{type_name}' cannot be found.", untouched=True)
        return self._version(defaults[type_name])

    def _version(self, arn: str) -> RegisteredType:
        if arn not in self._versions:
            version = self._client.version(arn)
            assert version is not None, f"{arn} was a default version, and versions stay"
            self._versions[arn] = RegisteredType(version.schema, version.functions, self._time_scale)
        return self._versions[arn]


class VersionedType:
    """A registered type, each of whose operations goes to one of its versions."""

    def __init__(self, type_name: str, versions: DefaultVersions, default: RegisteredType) -> None:
        self._type_name = type_name
        self._versions = versions
        self.create_only = default.create_only
        self.conditional_create_only = default.conditional_create_only
        self.identifier = default.identifier

    def create(self, place: Place, properties: Properties, on_identified: Callable[[str], None]) -> Resource:
        """Create, with the operation's version."""
        return self._used(place).create(place, properties, on_identified)

    def update(self, update: Update) -> Resource:
        """Change in place, with the operation's version."""
        return self._used(update.place).update(update)

    def delete(self, place: Place, resource: Resource, properties: Properties) -> None:
        """Delete, with the operation's version."""
        self._used(place).delete(place, resource, properties)

    def import_resource(self, place: Place, physical_id: str) -> Resource | None:
        """Import, with the operation's version."""
        return self._used(place).import_resource(place, physical_id)

    def read(self, place: Place, physical_id: str) -> Properties | None:
        """Read, with the default version: outside of operations."""
        return self._versions.present(place, self._type_name).read(place, physical_id)

    def compare(self, place: Place, properties: Properties, model: Properties) -> Comparison:
        """Compare, by the default version's schema."""
        return self._versions.present(place, self._type_name).compare(place, properties, model)

    def _used(self, place: Place) -> RegisteredType:
        return self._versions.of_operation(place, self._type_name)
