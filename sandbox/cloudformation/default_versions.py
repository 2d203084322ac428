"""Which version of a registered type an operation on a stack uses: the default one when it began."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable
from typing import Protocol

from sandbox.cloudformation.provider import (
    Comparison,
    Place,
    Properties,
    Provider,
    ProviderFailure,
    ReadableProvider,
    Resource,
    Update,
)
from sandbox.cloudformation.registered_type import RegisteredType
from sandbox.cloudformation.registry_client import RegistryClient

LOG = logging.getLogger("sandbox.cloudformation")

# Without these handlers a type cannot be in a template [R].
_NEEDED_HANDLERS = frozenset({"create", "read", "delete"})


class Types(Protocol):
    """The types of an engine."""

    def add(self, type_name: str, provider: ReadableProvider) -> None:
        """Make a type known, or replace its provider."""


class DefaultVersions:
    """Keeps the engine's types up to the registry, and each operation at the versions it began with.

    Versions are named by their functions.
    """

    def __init__(self, client: RegistryClient, types: Types, time_scale: float) -> None:
        self._client = client
        self._types = types
        self._time_scale = time_scale
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, str]] = {}  # the default versions by region and type
        self._ever: set[str] = set()  # the types that have been known in any region
        self._versions: dict[str, RegisteredType] = {}
        # By stack: the parent, and the default versions of when its latest operation began, with its number.
        self._parents: dict[str, str] = {}
        self._operations: dict[str, tuple[int, dict[str, str]]] = {}
        self._numbers = itertools.count(1)

    def refresh(self, region: str) -> None:
        """Let templates use what is registered now.

        Raises:
            OSError: the registry does not answer.
        """
        with self._lock:  # also around the question: an older answer must not replace a newer one
            known = self._known.get(region, {})
            usable = {}
            for type_name, function in self._client.defaults(region).items():
                version = self._usable(function)
                if version is None:
                    continue
                usable[type_name] = function
                self._ever.add(type_name)
                if known.get(type_name) != function:
                    self._types.add(type_name, VersionedType(type_name, self, version.identifier))
            self._known[region] = usable

    def is_withdrawn(self, type_name: str, region: str) -> bool:
        """Return whether a type was registered, in any region, and is not in this one."""
        return type_name in self._ever and type_name not in self._known.get(region, {})

    def begin(self, stack_id: str, parent_id: str | None, region: str, *, is_part: bool) -> None:
        """Hold an operation on a stack to the present default versions.

        If it is a part of the operation on the parent stack, it is held to that one's.
        """
        if parent_id:
            self._parents[stack_id] = parent_id
        if not is_part:
            self._operations[stack_id] = next(self._numbers), self._known.get(region, {})

    def of_operation(self, place: Place, type_name: str) -> RegisteredType:
        """Return the version of a type that the operation on the stack, or on one that it is in, uses.

        Raises:
            ProviderFailure: the type was not registered when the operation began.
        """
        operations = []
        stack_id: str | None = place.stack_id
        while stack_id is not None:
            operations.append(self._operations.get(stack_id, (0, {})))
            stack_id = self._parents.get(stack_id)
        # The deletion of a nested stack has no beginning of its own.
        _, versions = max(operations, key=lambda each: each[0])
        return self._chosen(type_name, versions)

    def present(self, region: str, type_name: str) -> RegisteredType:
        """Return the default version of a type.

        Raises:
            ProviderFailure: the type is not registered, or the registry does not answer.
        """
        try:
            self.refresh(region)
        except OSError as problem:
            raise ProviderFailure(f"The registry does not answer: {problem}", untouched=True) from problem
        return self._chosen(type_name, self._known[region])

    def at(self, place: Place, type_name: str) -> Provider | None:
        """Return the version that decides about changes at a place; outside of stacks, the default one."""
        try:
            if place.stack_id:
                return self.of_operation(place, type_name)
            return self._chosen(type_name, self._known.get(place.region, {}))
        except ProviderFailure:
            return None

    def _chosen(self, type_name: str, versions: dict[str, str]) -> RegisteredType:
        if type_name not in versions:
            raise ProviderFailure(f"The type '{type_name}' cannot be found.", untouched=True)
        return self._versions[versions[type_name]]

    def _usable(self, function: str) -> RegisteredType | None:
        """Return a version; None if there is none any more, or templates cannot use it."""
        if function not in self._versions:
            version = self._client.version(function=function)
            if version is None or not version.schema.get("handlers", {}).keys() >= _NEEDED_HANDLERS:
                return None
            try:
                registered = RegisteredType(version.schema, version.functions, self._time_scale)
            except Exception:  # one type's schema must not keep all others from being used
                LOG.exception("The schema of %s cannot be used", function)
                return None
            self._versions[function] = registered
        return self._versions[function]


class VersionedType:
    """A registered type, each of whose operations goes to one of its versions."""

    create_only: frozenset[str] = frozenset()
    conditional_create_only: frozenset[str] = frozenset()

    def __init__(self, type_name: str, versions: DefaultVersions, identifier: tuple[str, ...]) -> None:
        self._type_name = type_name
        self._versions = versions
        self.identifier = identifier

    def at(self, place: Place) -> Provider:
        """Return the version whose schema says what replaces a resource at a place."""
        return self._versions.at(place, self._type_name) or self

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
        return self._versions.present(place.region, self._type_name).read(place, physical_id)

    def compare(self, place: Place, properties: Properties, model: Properties) -> Comparison:
        """Compare, by the default version's schema."""
        return self._versions.present(place.region, self._type_name).compare(place, properties, model)

    def _used(self, place: Place) -> RegisteredType:
        return self._versions.of_operation(place, self._type_name)
