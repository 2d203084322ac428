"""A registered resource type: its schema, and its handlers behind Lambda's Invoke API."""

from __future__ import annotations

import copy
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from sandbox.cloudformation.drift import Comparer
from sandbox.cloudformation.provider import (
    Comparison,
    NotUpdatable,
    Place,
    Properties,
    ProviderFailure,
    Resource,
    Update,
)
from sandbox.cloudformation.validation import template_problems
from sandbox.shared.credentials import Credentials
from sandbox.shared.json_pointers import path_of, put, top_level, value_at, values_at, without

# What CloudFormation tries again by itself, as long as the first invocation has not been answered.
RETRIABLE = frozenset({"NetworkFailure", "ResourceConflict", "ServiceInternalError", "Throttling"})
RETRY_DELAYS_SECONDS = (2.0, 4.0, 8.0)
DEFAULT_TIMEOUT_MINUTES = 120  # CloudFormation's, for a handler whose schema sets none
MIN_PAUSE_SECONDS = 0.01  # so that a handler which asks for no delay does not spin


class Handlers(Protocol):
    """What runs a type's handlers: one version of them, with the credentials that its events have."""

    credentials: Credentials
    version_id: str

    def logging(self) -> dict[str, Any]:
        """Return what an event says of the logs, in its `requestData`."""

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke once and return the progress event."""


class RegisteredType:
    """Drives handlers the way CloudFormation does: production events, callbacks, retries, timeouts."""

    def __init__(self, schema: dict[str, Any], functions: Handlers, time_scale: float = 1.0) -> None:
        self.type_name: str = schema["typeName"]
        self.schema = schema
        self.functions = functions
        self.time_scale = time_scale
        self.create_only = top_level(schema.get("createOnlyProperties", []))
        # A property of which only some members replace is one that replaces conditionally.
        self.conditional_create_only = _conditional(schema) - self.create_only
        self.identifier_paths = [path_of(pointer) for pointer in schema["primaryIdentifier"]]
        self.identifier = tuple(".".join(path) for path in self.identifier_paths)
        read_only = [path_of(pointer) for pointer in schema.get("readOnlyProperties", [])]
        self._attributes = read_only + [path for path in self.identifier_paths if path not in read_only]
        self._nested_create_only = [
            path for path in map(path_of, schema.get("createOnlyProperties", [])) if len(path) > 1
        ]
        self._comparer = Comparer(schema)

    def create(self, place: Place, properties: Properties, on_identified: Callable[[str], None]) -> Resource:
        """Run CREATE to its end.

        Raises:
            ProviderFailure: the properties are not valid, or the handler failed or returned no identifier.
        """
        self._validate(place, properties)
        run = Run(self, "CREATE", place, place, on_identified)
        event = run.complete(properties, None)
        model = event.get("resourceModel") or {}
        resource = self.resource(model, event)
        if event["status"] != "SUCCESS":
            # The model of AlreadyExists is that of another resource.
            leftover = resource if event.get("errorCode") != "AlreadyExists" else None
            raise ProviderFailure(run.reason(event), leftover=leftover)
        if resource is None:
            raise ProviderFailure(f"The handler of {self.type_name} returned no primary identifier")
        run.report(model)
        return resource

    def update(self, update: Update) -> Resource:
        """Run UPDATE to its end.

        Raises:
            NotUpdatable: the resource has to be replaced.
            ProviderFailure: the properties are not valid, the handler failed, or it changed the identifier.
        """
        self._validate(update.place, update.desired)
        return self._update(update)

    def _update(self, update: Update) -> Resource:
        previous, desired = update.previous, update.desired
        if any(values_at(previous, path) != values_at(desired, path) for path in self._nested_create_only):
            raise NotUpdatable
        run = Run(self, "UPDATE", update.place, update.previous_place)
        event = run.complete(
            _with_attributes(desired, self.identifier_paths, update.resource),
            _with_attributes(previous, self._attributes, update.resource),
        )
        if event["status"] != "SUCCESS":
            if event.get("errorCode") == "NotUpdatable":
                raise NotUpdatable(event.get("message"))
            raise ProviderFailure(run.reason(event))
        updated = self.resource(event.get("resourceModel") or {}, event)
        if updated is None or updated.physical_id != update.resource.physical_id:
            raise ProviderFailure(f"The handler of {self.type_name} changed the primary identifier")
        return updated

    def delete(self, place: Place, resource: Resource, properties: Properties) -> None:
        """Run DELETE to its end; a resource that is gone already counts as deleted.

        Raises:
            ProviderFailure: the handler failed.
        """
        run = Run(self, "DELETE", place, place)
        event = run.complete(_with_attributes(properties, self._attributes, resource), None)
        if event["status"] != "SUCCESS" and event.get("errorCode") != "NotFound":
            raise ProviderFailure(run.reason(event))

    def read(self, place: Place, physical_id: str) -> Properties | None:
        """Run READ by the primary identifier alone; None when there is no such resource.

        Raises:
            ProviderFailure: the handler failed, but not with NotFound.
        """
        values = physical_id.split("|")
        if len(values) != len(self.identifier_paths) or not all(values):
            return None
        run = Run(self, "READ", place, place)
        event = run.complete(self.identified_by(values), None)
        if event["status"] == "SUCCESS":
            return event.get("resourceModel") or {}
        if event.get("errorCode") == "NotFound":
            return None
        raise ProviderFailure(run.reason(event))

    def import_resource(self, place: Place, physical_id: str) -> Resource | None:
        """Read a resource that a stack takes over, and give it the stack's tags if it can have tags."""
        model = self.read(place, physical_id)
        resource = None if model is None else self.resource(model)
        if model is None or resource is None or not place.tags or not self._comparer.inherits_tags:
            return resource
        live = without(model, self._attributes)
        return self._update(Update(place, replace(place, tags={}), resource, live, live))

    def compare(self, place: Place, properties: Properties, model: Properties) -> Comparison:
        """Compare as drift detection does."""
        return self._comparer.compare(place, properties, model)

    def timeout_seconds(self, action: str) -> float:
        """Return how long the schema lets an action take, delays included."""
        handler = self.schema.get("handlers", {}).get(action.lower(), {})
        return float(handler.get("timeoutInMinutes", DEFAULT_TIMEOUT_MINUTES)) * 60

    def physical_id(self, model: Properties) -> str | None:
        """Return the primary identifier of a model as one string, None when it is not complete."""
        values = [value_at(model, path) for path in self.identifier_paths]
        return "|".join(str(value) for value in values) if all(values) else None

    def identified_by(self, values: Sequence[str]) -> Properties:
        """Return the model that has these values of the primary identifier and nothing else."""
        model: Properties = {}
        for path, value in zip(self.identifier_paths, values, strict=True):
            put(model, path, value)
        return model

    def resource(self, model: Properties, event: dict[str, Any] | None = None) -> Resource | None:
        """Return the resource that a model is of; None when its identifier is not complete."""
        physical_id = self.physical_id(model)
        if physical_id is None:
            return None
        attributes = {".".join(path): value_at(model, path) for path in self._attributes}
        return Resource(
            physical_id,
            {name: value for name, value in attributes.items() if value is not None},
            str((event or {}).get("message") or ""),
        )

    def _validate(self, place: Place, properties: Properties) -> None:
        problems = template_problems(self.schema, properties)
        if problems:
            raise ProviderFailure(
                f"Properties validation failed for resource {place.logical_id} with message: "
                f"[{', '.join(problems)}]",
                untouched=True,
            )


class Run:
    """One operation on one resource: its token, its invocations, its clock."""

    def __init__(
        self,
        registered: RegisteredType,
        action: str,
        place: Place,
        previous_place: Place,
        on_identified: Callable[[str], None] | None = None,
    ) -> None:
        self._type = registered
        self._action = action
        self._place = place
        self._previous_place = previous_place
        self._on_identified = on_identified
        self._token = str(uuid.uuid4())

    def complete(self, properties: Properties, previous: Properties | None) -> dict[str, Any]:
        """Invoke until the handler has succeeded or failed, and return its last event."""
        limit = self._type.timeout_seconds(self._action)
        retries = list(RETRY_DELAYS_SECONDS)
        context: dict[str, Any] | None = None
        passed = 0.0
        while True:
            started = time.monotonic()
            event = self.invoke(self.request(properties, previous, context))
            passed += time.monotonic() - started
            if event["status"] == "IN_PROGRESS":
                retries = []  # only the first invocation is tried again
                context = event.get("callbackContext")
                properties = event.get("resourceModel") or properties
                delay = float(event.get("callbackDelaySeconds") or 0)
                self.report(properties)
            elif event["status"] == "FAILED" and event.get("errorCode") in RETRIABLE and retries:
                delay = retries.pop(0)
            else:
                return event
            # The delays count in full, however fast the sandbox lets them pass.
            passed += max(delay, MIN_PAUSE_SECONDS)
            if passed > limit:
                return {
                    "status": "FAILED",
                    "errorCode": "NotStabilized",
                    "message": f"Resource timed out waiting for completion of {self._action}",
                    "resourceModel": properties,
                }
            self.pause(max(delay * self._type.time_scale, MIN_PAUSE_SECONDS))

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke the handlers once."""
        return self._type.functions.invoke(event)

    def pause(self, seconds: float) -> None:
        """Wait between two invocations; the seconds are the sandbox's, not the handler's."""
        time.sleep(seconds)

    def reason(self, event: dict[str, Any]) -> str:
        """Return a failed event's message as CloudFormation words it in stack events."""
        message = event.get("message") or "null"
        code = event.get("errorCode") or "InternalFailure"
        return (
            f'Resource handler returned message: "{message}" '
            f"(RequestToken: {self._token}, HandlerErrorCode: {code})"
        )

    def report(self, model: Properties) -> None:
        """Report the physical id.

        Raises:
            ProviderFailure: the creation is cancelled; the resource that there is already is its leftover.
        """
        resource = self._type.resource(model)
        if self._on_identified is not None and resource is not None:
            try:
                self._on_identified(resource.physical_id)
            except ProviderFailure as cancelled:
                raise ProviderFailure(str(cancelled), leftover=resource) from cancelled

    def request(
        self, properties: Properties, previous: Properties | None, context: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Return the production event, the one CloudFormation sends to `TypeFunction`."""
        update = self._action == "UPDATE"
        functions = self._type.functions
        return {
            "action": self._action,
            "awsAccountId": self._place.account,
            "bearerToken": self._token,
            "callbackContext": context,
            "region": self._place.region,
            "requestData": {
                "callerCredentials": functions.credentials.of_account(self._place.account).of_caller(),
                "logicalResourceId": self._place.logical_id,
                "previousResourceProperties": previous,
                "previousStackTags": self._previous_place.tags if update else None,
                "previousSystemTags": _system_tags(self._previous_place) if update else None,
                **functions.logging(),
                "resourceProperties": properties,
                "stackTags": self._place.tags,
                "systemTags": _system_tags(self._place),
            },
            "resourceType": self._type.type_name,
            "resourceTypeVersion": functions.version_id,
            "stackId": self._place.stack_id,
        }


def _system_tags(place: Place) -> dict[str, str]:
    return {
        "aws:cloudformation:stack-name": place.stack_name,
        "aws:cloudformation:stack-id": place.stack_id,
        "aws:cloudformation:logical-id": place.logical_id,
    }


def _conditional(schema: dict[str, Any]) -> frozenset[str]:
    """Return the properties that replace conditionally, or some of whose members replace."""
    pointers = schema.get("conditionalCreateOnlyProperties", []) + [
        pointer for pointer in schema.get("createOnlyProperties", []) if len(path_of(pointer)) > 1
    ]
    return frozenset(path_of(pointer)[0] for pointer in pointers)


def _with_attributes(
    properties: Properties, paths: Sequence[tuple[str, ...]], resource: Resource
) -> Properties:
    """Return a template's properties with those attributes of a resource that handlers get, too."""
    model = copy.deepcopy(properties)
    for path in paths:
        name = ".".join(path)
        holders = [value_at(model, path[:length]) for length in range(1, len(path))]
        is_object = all(each is None or isinstance(each, dict) for each in holders)
        if name in resource.attributes and is_object and "*" not in path:
            put(model, path, resource.attributes[name])
    return model
