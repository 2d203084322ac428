"""What a resource type must offer to be hosted in the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

Properties = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """A resource's place: its stack, its name in the template, and the tags of the stack."""

    stack_name: str
    stack_id: str
    logical_id: str
    tags: dict[str, str] = field(default_factory=dict)
    account: str = ""
    region: str = ""


@dataclass(frozen=True)
class Resource:
    """A resource that exists: what `Ref` and `Fn::GetAtt` give."""

    physical_id: str
    attributes: dict[str, Any]
    message: str = ""
    """What the handler reports of an operation that succeeded; the reason of its stack event."""


@dataclass(frozen=True)
class Update:
    """A resource that is to be changed, and its place and properties as they were and shall be."""

    place: Place
    previous_place: Place
    resource: Resource
    previous: Properties
    desired: Properties


@dataclass(frozen=True)
class Difference:
    """One difference between a template and its resource."""

    path: str
    expected: str
    actual: str
    kind: str


@dataclass(frozen=True)
class Comparison:
    """The template's properties, the part of them that the resource has, and the differences."""

    expected: Properties
    actual: Properties
    differences: list[Difference] = field(default_factory=list)


class ProviderFailure(Exception):
    """An operation failed; the text becomes the reason of the stack event.

    `leftover` is what a failed creation left behind; `untouched` says that no handler was called.
    """

    def __init__(self, reason: str, leftover: Resource | None = None, *, untouched: bool = False) -> None:
        super().__init__(reason)
        self.leftover = leftover
        self.untouched = untouched


class NotUpdatable(Exception):
    """The update cannot be made in place, so the resource has to be replaced."""


class Provider(Protocol):
    """Create, update and delete, each of them blocking until the resource is stable."""

    create_only: frozenset[str]
    conditional_create_only: frozenset[str]

    def create(self, place: Place, properties: Properties, on_identified: Callable[[str], None]) -> Resource:
        """Create; call `on_identified` once the physical id is known.

        Raises:
            ProviderFailure: the creation failed.
        """

    def update(self, update: Update) -> Resource:
        """Change in place.

        Raises:
            NotUpdatable: the resource has to be replaced.
            ProviderFailure: the update failed.
        """

    def delete(self, place: Place, resource: Resource, properties: Properties) -> None:
        """Delete; a resource that is gone already is fine.

        Raises:
            ProviderFailure: the deletion failed.
        """


@runtime_checkable
class VersionedProvider(Provider, Protocol):
    """A type of which operations use different versions."""

    def at(self, place: Place) -> Provider:
        """Return the version that decides what replaces a resource; without a stack, the default one."""


@runtime_checkable
class ReadableProvider(Provider, Protocol):
    """A type whose resources can be looked up, which drift detection and imports need."""

    identifier: tuple[str, ...]

    def read(self, place: Place, physical_id: str) -> Properties | None:
        """Return the resource's model, or None when there is no such resource."""

    def import_resource(self, place: Place, physical_id: str) -> Resource | None:
        """Return the resource as a stack takes it over, with the stack's tags; None when there is none."""

    def compare(self, place: Place, properties: Properties, model: Properties) -> Comparison:
        """Compare the properties that a template sets with a model."""
