"""The entries of hosted types in ministack's tables: life cycle, imports and drift."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sandbox.cloudformation.provider import (
    NotUpdatable,
    Place,
    Properties,
    Provider,
    ProviderFailure,
    ReadableProvider,
    Resource,
    Update,
    VersionedProvider,
)

from .deletions import CANCELLED
from .events import CREATION_INITIATED, REPLACING
from .names import CHANGE_SETS, CLOUDFORMATION, PROVISIONERS, RESPONSES, STACKS, module
from .places import (
    as_sent,
    is_leaving,
    is_recorded,
    keeps_replaced,
    open_properties,
    operation_status,
    place_of,
    stack_of,
)

# Marks the record of a resource whose creation failed after its physical id was known.
LEFTOVER = "_sandbox_leftover"

_Key = tuple[str, str]


def _key(physical_id: str) -> _Key:
    """Return what a resource is known by: two of them may have one name in two regions."""
    return module(RESPONSES).get_region(), physical_id


class HostedType:
    """One type's entry in the engine's table."""

    def __init__(self, type_name: str, provider: Provider) -> None:
        self._type_name = type_name
        self.provider = provider
        # The engine gives a deletion neither place nor attributes, and forgets a resource it has replaced.
        self._known: dict[_Key, tuple[Place, Resource]] = {}
        # Messages of operations that succeeded, until their event is recorded.
        self._messages: dict[_Key, str] = {}
        # Updates that failed without touching the resource; the engine sends them back all the same.
        self._without_effect: dict[_Key, tuple[Properties, Properties]] = {}

    def at(self, place: Place) -> Provider:
        """Return what says what replaces a resource at a place."""
        provider = self.provider
        return provider.at(place) if isinstance(provider, VersionedProvider) else provider

    def create(self, _logical_id: str, props: Properties, _stack_name: str) -> tuple[str, dict[str, Any]]:
        """Create the resource; a failure that names one leaves it to the rollback.

        Raises:
            ProviderFailure: it cannot be created, or the stack is being deleted.
        """
        properties, place = open_properties(props)

        initiated: set[str] = set()

        def on_identified(physical_id: str) -> None:
            if physical_id not in initiated:
                initiated.add(physical_id)
                self._add_event(place, operation_status(place), CREATION_INITIATED, physical_id)
            if is_leaving(place) and is_recorded(place):
                # The stack's deletion waits for the creation to end, and deletes what there is already.
                raise ProviderFailure(CANCELLED, leftover=Resource(physical_id, {}))

        try:
            resource = self.provider.create(place, properties, on_identified)
        except ProviderFailure as failure:
            if failure.leftover is not None:
                self._known[_key(failure.leftover.physical_id)] = (place, failure.leftover)
                self._keep(place, properties, failure.leftover)
            raise
        self.adopt(place, resource)
        if is_leaving(place):
            if is_recorded(place):
                # The stack's deletion waits for the creation to end.
                self._keep(place, properties, resource)
            else:
                self.delete(resource.physical_id, props)
            raise ProviderFailure(CANCELLED)
        return resource.physical_id, as_sent(resource.attributes)

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack_name: str
    ) -> tuple[str, dict[str, Any]]:
        """Update the resource, by a replacement where the type cannot do it in place."""
        previous, previous_place = open_properties(old)
        desired, place = open_properties(new)
        resource = self._resource(physical_id)
        if self._without_effect.pop(_key(physical_id), None) == (new, old):
            return physical_id, as_sent(resource.attributes)
        try:
            updated = self.provider.update(Update(place, previous_place, resource, previous, desired))
        except ProviderFailure as failure:
            if failure.untouched:
                self._without_effect[_key(physical_id)] = (old, new)
            raise
        except NotUpdatable:
            return self._replace(place, physical_id, old, new, stack_name)
        self.adopt(place, updated)
        return physical_id, as_sent(updated.attributes)

    def _replace(
        self, place: Place, physical_id: str, old: Properties, new: Properties, stack_name: str
    ) -> tuple[str, dict[str, Any]]:
        provisioners = module(PROVISIONERS)
        self._add_event(place, operation_status(place), REPLACING, physical_id)
        # An update leaves the old resource to its clean-up, which asks for the policy; a rollback has none.
        keeps = stack_of(place)["StackStatus"].startswith("UPDATE_ROLLBACK") and keeps_replaced(place)
        token = provisioners._RETAIN_REPLACED.set(keeps or provisioners._RETAIN_REPLACED.get())
        try:
            replaced: tuple[str, dict[str, Any]] = provisioners._replace_resource(
                self._type_name, physical_id, old, new, stack_name, place.logical_id
            )
        except Exception:
            self._without_effect[_key(physical_id)] = (old, new)
            raise
        finally:
            provisioners._RETAIN_REPLACED.reset(token)
        if keeps:
            self._add_event(place, "DELETE_SKIPPED", "", physical_id)
        return replaced

    def delete(self, physical_id: str, props: Properties) -> None:
        """Delete the resource, with the events that the engine itself leaves out for a replaced one."""
        properties, place = open_properties(props)
        place = self._known.get(_key(physical_id), (place, None))[0]
        silent = not self._is_announced(place, physical_id)
        if silent:
            self._add_event(place, "DELETE_IN_PROGRESS", "", physical_id)
        self.provider.delete(place, self._resource(physical_id), properties)
        if silent:
            self._add_event(place, "DELETE_COMPLETE", "", physical_id)
        self._known.pop(_key(physical_id), None)

    def adopt(self, place: Place, resource: Resource) -> None:
        """Register a resource as an operation has left it."""
        self._known[_key(resource.physical_id)] = (place, resource)
        self._messages[_key(resource.physical_id)] = resource.message

    def take_message(self, physical_id: str) -> str:
        """Return the message of a resource's last operation that succeeded, once; empty if it had none."""
        return self._messages.pop(_key(physical_id), "")

    def _resource(self, physical_id: str) -> Resource:
        known = self._known.get(_key(physical_id))
        return known[1] if known else Resource(physical_id, {})

    def _keep(self, place: Place, properties: Properties, leftover: Resource) -> None:
        """Record the leftover of a failed creation, for the rollback or the stack's deletion."""
        stack = stack_of(place)
        record = {
            "PhysicalResourceId": leftover.physical_id,
            "ResourceType": self._type_name,
            "ResourceStatus": operation_status(place).replace("IN_PROGRESS", "FAILED"),
            "LogicalResourceId": place.logical_id,
            "Properties": properties,
            "Attributes": leftover.attributes,
            LEFTOVER: True,
        }
        if place.logical_id in stack["_resources"]:
            # The resource that was to be replaced is recorded there, and stays in the stack.
            stack.setdefault(LEFTOVER, {})[place.logical_id] = record
        else:
            stack["_resources"][place.logical_id] = record

    def _is_announced(self, place: Place, physical_id: str) -> bool:
        """Return whether the latest event of this resource is the engine's DELETE_IN_PROGRESS."""
        events = module(CLOUDFORMATION)._stack_events.get(place.stack_id, [])
        statuses = [
            event["ResourceStatus"] for event in events if event.get("PhysicalResourceId") == physical_id
        ]
        return statuses[-1:] == ["DELETE_IN_PROGRESS"]

    def _add_event(self, place: Place, status: str, reason: str, physical_id: str) -> None:
        add = module(STACKS)._add_event
        add(place.stack_id, place.stack_name, place.logical_id, self._type_name, status, reason, physical_id)


class ReadableType:
    """One type's part in imports and drift detection."""

    def __init__(self, type_name: str, hosted: HostedType) -> None:
        self._type_name = type_name
        self._hosted = hosted
        self._expected: dict[str, Place] = {}

    @property
    def _provider(self) -> ReadableProvider:
        provider = self._hosted.provider
        assert isinstance(provider, ReadableProvider)
        return provider

    @property
    def identifier(self) -> tuple[str, ...]:
        """The properties that identify a resource in the region of the request."""
        provider = self._hosted.at(place_of("", "", "", {}))
        assert isinstance(provider, ReadableProvider)
        return provider.identifier

    def expect(self, identifier: dict[str, str], place: Place) -> None:
        """Register the place that a resource is about to be imported to."""
        self._expected[self._physical_id(identifier)] = place

    def import_problem(self, *values: str) -> str | None:
        """Return CloudFormation's reason why a resource cannot be imported; None when it can."""
        physical_id = "|".join(values)
        try:
            model = self._provider.read(place_of("", "", "", {}), physical_id)
        except ProviderFailure as failure:
            return str(failure)
        if model is not None:
            return None
        message: str = module(CHANGE_SETS)._IMPORT_NOT_FOUND
        return message.format(type=self._type_name, value=physical_id)

    def take_over(self, identifier: dict[str, str]) -> tuple[str, dict[str, Any]]:
        """Read the resource for the stack that imports it.

        Raises:
            ProviderFailure: it cannot be read.
        """
        physical_id = self._physical_id(identifier)
        place = self._expected.pop(physical_id)
        resource = self._provider.import_resource(place, physical_id)
        if resource is None:
            raise ProviderFailure(self.import_problem(physical_id) or f"{physical_id} cannot be read")
        self._hosted.adopt(place, resource)
        return resource.physical_id, as_sent(resource.attributes)

    def drift(self, place: Place, record: dict[str, Any], timestamp: str) -> dict[str, Any]:
        """Return the `StackResourceDrift` of one resource."""
        drift: dict[str, Any] = {
            "StackId": place.stack_id,
            "LogicalResourceId": place.logical_id,
            "PhysicalResourceId": record.get("PhysicalResourceId", ""),
            "ResourceType": self._type_name,
            "Timestamp": timestamp,
        }
        try:
            model = self._provider.read(place, record.get("PhysicalResourceId", ""))
            if model is None:
                return {**drift, "StackResourceDriftStatus": "DELETED"}
            comparison = self._provider.compare(place, as_sent(record.get("Properties") or {}), model)
        except ProviderFailure as failure:
            return {**drift, "StackResourceDriftStatus": "UNKNOWN", "DriftStatusReason": str(failure)}
        drift["StackResourceDriftStatus"] = "MODIFIED" if comparison.differences else "IN_SYNC"
        drift["ExpectedProperties"] = json.dumps(comparison.expected, sort_keys=True)
        drift["ActualProperties"] = json.dumps(comparison.actual, sort_keys=True)
        drift["PropertyDifferences"] = [
            {
                "PropertyPath": each.path,
                "ExpectedValue": each.expected,
                "ActualValue": each.actual,
                "DifferenceType": each.kind,
            }
            for each in comparison.differences
        ]
        return drift

    def _physical_id(self, identifier: dict[str, str]) -> str:
        names = self.identifier
        # The default version may be another one than when the change set was made.
        return "|".join(identifier[name] for name in (names if set(names) == set(identifier) else identifier))


class ImportLookup(Sequence[Any]):
    """The engine's pair for an importable type: its identifier, which regions may differ in, and a check."""

    def __init__(self, readable: ReadableType) -> None:
        self._readable = readable

    def __getitem__(self, index: Any) -> Any:
        return (self._readable.identifier, self._readable.import_problem)[index]

    def __len__(self) -> int:
        return 2
