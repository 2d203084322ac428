"""Hosts resource types in ministack. The only module that uses ministack's private names.

ministack has no registry of types, so this puts them into its table of provisioners and wraps the few
functions that decide how a type is treated. Private names move without notice: the version is pinned, every
name is checked before anything starts, and a mismatch ends the process with a message that names it.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sandbox.cloudformation.bounds import bounded, bounded_references
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
from sandbox.cloudformation.served_types import SERVED_TYPES, transform_problem, type_problem
from sandbox.shared import template_yaml
from sandbox.shared.template_form import form_problem
from sandbox.shared.xml_text import xml_text

PINNED_VERSION = "1.5.33"

_CLOUDFORMATION = "ministack.services.cloudformation"
_PROVISIONERS = f"{_CLOUDFORMATION}.provisioners"
_STACKS = f"{_CLOUDFORMATION}.stacks"
_HANDLERS = f"{_CLOUDFORMATION}.handlers"
_CHANGE_SETS = f"{_CLOUDFORMATION}.changesets"
_DRIFT = f"{_CLOUDFORMATION}.drift"
_ENGINE = f"{_CLOUDFORMATION}.engine"
_HELPERS = f"{_CLOUDFORMATION}.helpers"
_LANGUAGE_EXTENSIONS = f"{_CLOUDFORMATION}.language_extensions"
_SNS = "ministack.services.sns"
_RESPONSES = "ministack.core.responses"
_APP = "ministack.app"
_S3 = "ministack.services.s3"

# Every name used below, with the parameters of those that are called or replaced (None: not a function).
_NAMES: dict[str, dict[str, str | None]] = {
    _CLOUDFORMATION: {"_stacks": None, "_stack_events": None},
    _PROVISIONERS: {
        "_RESOURCE_HANDLERS": None,
        "_property_recreation": "resource_type, name",
        "_replacing_change": "resource_type, old_props, new_props",
        "_RETAIN_REPLACED": None,
        "_RETAINING_POLICIES": None,
        "_cw_metric_alarm_record": "name, props",
        "_provision_resource": "resource_type, logical_id, props, stack_name",
        "_replace_resource": "resource_type, physical_id, old_props, new_props, stack_name, logical_id",
        "_with_stack_tags": "resource_type, props, stack_tags, stack_name, stack_id, logical_id",
    },
    _STACKS: {
        "_add_event": "stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, "
        "detailed_status",
        "_resource_policy": "res_def, attribute, resources, params, conditions, mappings, stack_name, "
        "stack_id",
        "_property_recreation": None,
        "_provision_resource": None,
        "_replacing_change": None,
        "_resolve_dynamic_references": "value, previous, reuse_ssm, reuse_secrets",
        "_resolve_refs": None,
        "_roll_back_operation": "stack_name, stack_id, stack, operation, reason_override",
        "_runs_on_worker_thread": "resource_type",
        "_sends_back_failed_update": "resource_type",
        "_with_stack_tags": None,
    },
    _HANDLERS: {
        "_ACTION_HANDLERS": None,
        "_add_event": None,
        "_apply_transforms": None,
        "_drift": None,
        "_error": "code, message, status",
        "_esc": None,
        "_evaluate_conditions": None,
        "_p": "params, key, default",
        "_parse_template": None,
        "_resolve_parameters": None,
        "_resolve_refs": None,
        "_resolve_stack": "stack_name",
        "_roll_back_operation": None,
        "validate_template_support": None,
    },
    _HELPERS: {"_esc": "s, quote"},
    _ENGINE: {
        "CfnLoader": None,
        "_DYNAMIC_REFERENCE": None,
        "_TransformFailed": "template, error",
        "_apply_transforms": "template, provided_params, previous_params",
        "_evaluate_conditions": "template, params",
        "_INCLUDE_ERROR": None,
        "_IncludeError": None,
        "_parse_snippet": "text",
        "_parse_template": "template_body",
        "_resolve_parameters": "template, provided_params, previous_params",
        "_resolve_refs": "value, resources, params, conditions, mappings, stack_name, stack_id",
        "_topological_sort": "resources, conditions",
        "validate_template_support": "template, conditions, params",
    },
    _LANGUAGE_EXTENSIONS: {
        "LanguageExtensionsError": None,
        "TRANSFORM": None,
        "_expand": "node, bindings, context, ids",
        "_value": "node, bindings, context",
    },
    _SNS: {"_http_post_sync": "endpoint, payload, sns_message_type"},
    _CHANGE_SETS: {
        "_add_event": None,
        "_apply_transforms": None,
        "_error": None,
        "_esc": None,
        "_evaluate_conditions": None,
        "_parse_template": None,
        "_resolve_parameters": None,
        "_resolve_refs": None,
        "validate_template_support": None,
        "_IMPORT_LOOKUPS": None,
        "_IMPORT_NOT_FOUND": None,
        "_import_resource": "resource_type, identifier",
        "_start_import": "cs, stack",
    },
    _DRIFT: {
        "DRIFT_DETECTABLE_STATUSES": None,
        "detect_resource_drift": "stack, logical_id, record, timestamp",
        "supports_drift": "resource_type",
    },
    _RESPONSES: {"get_account_id": "", "get_region": ""},
    _APP: {
        "SERVICE_HANDLERS": None,
        "SERVICE_REGISTRY": None,
        "_get_module": "name",
        "_resolve_custom_domain_request": "host, path",
        "app": None,
    },
    _S3: {"_verify_presigned_sigv4": "method, path, headers, query_params"},
}

# The key under which a resource's place travels beside its properties through the engine's own functions.
_PLACE = "sandbox::Place"
# Marks the record of a resource whose creation failed after its physical id was known.
_LEFTOVER = "_sandbox_leftover"

# Before a message that takes the place of what the engine puts before it.
_WHOLE = "\0"

# The last events of operations that succeeded, also of those that roll one back.
_SUCCEEDED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
# The first events of an operation on a stack. Those of imports, and of operations that a user rolls back or
# goes on with, have a reason of their own.
_BEGINNINGS = frozenset({"CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "UPDATE_IN_PROGRESS"})
_USER_INITIATED = "User Initiated"
_REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."


def _module(name: str) -> Any:
    return importlib.import_module(name)


class EngineMismatchError(Exception):
    """The installed ministack is not the one these hooks are made for."""


def verify() -> None:
    """Check that ministack is the pinned version and has every private name used here.

    Raises:
        EngineMismatchError: it is another version, or lacks one of the names.
    """
    installed = importlib.metadata.version("ministack")
    if installed != PINNED_VERSION:
        raise EngineMismatchError(
            f"ministack {installed} is installed, but the hooks are written for {PINNED_VERSION}: "
            f"run `make setup`, or check every name in {__name__} against the new version and raise the pin"
        )
    missing = []
    for module_name, names in _NAMES.items():
        module = _module(module_name)
        for name, parameters in names.items():
            value = getattr(module, name, None)
            if value is None:
                missing.append(f"{module_name}.{name}")
            elif parameters is not None and ", ".join(inspect.signature(value).parameters) != parameters:
                missing.append(f"{module_name}.{name}({parameters})")
    if missing:
        raise EngineMismatchError(
            f"ministack {installed} has no {', '.join(missing)}: its private names have moved, so {__name__} "
            "has to be adapted"
        )


def application() -> Callable[[Any, Any, Any], Any]:
    """Return ministack's ASGI application; it answers 404 for a service that is not served."""
    app = _module(_APP).app

    async def served(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except ClosedServiceError as closed:
            body = json.dumps({"error": str(closed)}).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 404, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    # Its guard has verified them, and knows more credentials.
    _module(_S3)._verify_presigned_sigv4 = lambda *_: None
    return served


class ClosedServiceError(Exception):
    """A request is for a service of ministack that is not served."""


def as_sent(value: Any) -> Any:
    """Return a value as CloudFormation hands it to handlers, with every primitive as a string."""
    if isinstance(value, dict):
        return {str(key): as_sent(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_sent(item) for item in value]
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is None else str(value)


class Host:
    """Puts types into the engine, takes the others out, and wraps the engine's functions for them.

    `known_types` are names of types that AWS has, beside those that the engine has.
    """

    def __init__(self, known_types: Collection[str] = ()) -> None:
        verify()
        self._hosted: dict[str, _HostedType] = {}
        self._readable: dict[str, _ReadableType] = {}
        # Called with stack, parent stack and region when an operation on a stack begins; `is_part` says that
        # it belongs to one on the parent.
        self.begun: Callable[..., object] = lambda *_, **__: None
        # Whether a type is there, but for no template in a region.
        self.is_withdrawn: Callable[[str, str], bool] = lambda *_: False
        _restrict(known_types, lambda name: self.is_withdrawn(name, _module(_RESPONSES).get_region()))
        self._wrap()

    def add(self, type_name: str, provider: Provider) -> None:
        """Host one type, from then on templates can use it; or replace its provider."""
        if type_name in self._hosted:
            self._hosted[type_name].provider = provider
        else:
            self._add(type_name, provider)
        if isinstance(provider, ReadableProvider):
            self._make_readable(type_name)

    def _add(self, type_name: str, provider: Provider) -> None:
        provisioners = _module(_PROVISIONERS)
        hosted = self._hosted[type_name] = _HostedType(type_name, provider)
        provisioners._RESOURCE_HANDLERS[type_name] = {
            "create": hosted.create,
            "update": hosted.update,
            "delete": hosted.delete,
        }

    def _make_readable(self, type_name: str) -> None:
        """Let stacks import resources of the type, and detect their drift."""
        made = _ReadableType(type_name, self._hosted[type_name])
        readable = self._readable.setdefault(type_name, made)
        _module(_PROVISIONERS)._RESOURCE_HANDLERS[type_name]["import"] = readable.take_over
        _module(_CHANGE_SETS)._IMPORT_LOOKUPS[type_name] = _ImportLookup(readable)

    def _wrap(self) -> None:
        self._wrap_stacks()
        self._wrap_replacements()
        self._wrap_imports()
        self._wrap_drift()
        escape = _module(_HELPERS)._esc
        # Of all texts in answers: handlers and templates can have characters that XML cannot hold.
        _replace("_esc", lambda text: escape(xml_text(text)), _HELPERS, _HANDLERS, _CHANGE_SETS)

    def _wrap_replacements(self) -> None:
        """Let each type say what replaces its resources: in an operation, and in change sets."""
        provisioners, hosted = _module(_PROVISIONERS), self._hosted
        recreation, is_replacing = provisioners._property_recreation, provisioners._replacing_change

        def property_recreation(resource_type: str, name: str) -> str:
            if resource_type not in hosted:
                return str(recreation(resource_type, name))
            version = hosted[resource_type].at(_place("", "", "", {}))
            if name in version.create_only:
                return "Always"
            return "Conditionally" if name in version.conditional_create_only else "Never"

        def replacing_change(resource_type: str, old_props: Properties, new_props: Properties) -> bool:
            if resource_type not in hosted:
                return bool(is_replacing(resource_type, old_props, new_props))
            _, place = _open(new_props)
            names = hosted[resource_type].at(place).create_only
            return any(old_props.get(name) != new_props.get(name) for name in names)

        _replace("_property_recreation", property_recreation, _PROVISIONERS, _STACKS)
        _replace("_replacing_change", replacing_change, _PROVISIONERS, _STACKS)

    def _wrap_imports(self) -> None:
        change_sets, readable = _module(_CHANGE_SETS), self._readable
        start = change_sets._start_import

        def with_places(change_set: dict[str, Any], stack: dict[str, Any]) -> None:
            """Announce the resources' places to the types, whose import gets the identifier only."""
            for entry in change_set["_resources_to_import"]:
                if entry["ResourceType"] in readable:
                    readable[entry["ResourceType"]].expect(
                        entry["ResourceIdentifier"], _place_in(stack, entry["LogicalResourceId"])
                    )
            start(change_set, stack)

        change_sets._start_import = with_places

    def _wrap_drift(self) -> None:
        drift, readable = _module(_DRIFT), self._readable
        supports, detect = drift.supports_drift, drift.detect_resource_drift

        def detect_drift(
            stack: dict[str, Any], logical_id: str, record: dict[str, Any], timestamp: str
        ) -> dict[str, Any]:
            """Compare by the schema: the engine's own way knows no transforms and no filled-in members."""
            hosted = readable.get(record.get("ResourceType", ""))
            if hosted is None:
                native: dict[str, Any] = detect(stack, logical_id, record, timestamp)
                return native
            return hosted.drift(_place_in(stack, logical_id), record, timestamp)

        drift.supports_drift = lambda resource_type: resource_type in readable or supports(resource_type)
        drift.detect_resource_drift = detect_drift
        # CloudFormation's guide to imports ends with "detect drift", so right after one it must be possible.
        drift.DRIFT_DETECTABLE_STATUSES |= {"IMPORT_COMPLETE"}

    def _wrap_stacks(self) -> None:
        stacks = _module(_STACKS)
        provisioners = _module(_PROVISIONERS)
        handlers = _module(_HANDLERS)
        hosted = self._hosted

        blocks = stacks._runs_on_worker_thread
        # A handler takes seconds; on the event loop it would freeze every other request meanwhile.
        stacks._runs_on_worker_thread = lambda resource_type: resource_type in hosted or blocks(resource_type)

        sends_back = stacks._sends_back_failed_update
        # An update of several calls may have got half way, so a rollback has to send the old properties.
        stacks._sends_back_failed_update = lambda resource_type: (
            resource_type in hosted or sends_back(resource_type)
        )

        merge = provisioners._with_stack_tags

        def with_place(resource_type: str, props: Properties | None, *where: Any) -> Any:
            """Add the place, tags included: so a change of stack tags alone is a change for the engine."""
            if resource_type not in hosted:
                return merge(resource_type, props, *where)
            stack_tags, stack_name, stack_id, logical_id = where
            place = _place(stack_name, stack_id, logical_id, _tags_of(stack_tags))
            return {**as_sent(props or {}), _PLACE: asdict(place)}

        stacks._with_stack_tags = provisioners._with_stack_tags = with_place

        add_event = stacks._add_event

        def with_message(*given: Any, **more: Any) -> None:
            """Give a resource's last event the message of its handler; the engine's own has no reason."""
            event = inspect.signature(add_event).bind(*given, **more).arguments
            if _is_beginning(event):
                stacks_by_name = _module(_CLOUDFORMATION)._stacks
                stack = stacks_by_name.get(event["stack_name"]) or {}
                parent = stacks_by_name.get(stack.get("_parent_stack_name")) or {}
                self.begun(
                    event["stack_id"],
                    stack.get("ParentId"),
                    _module(_RESPONSES).get_region(),
                    is_part=str(parent.get("StackStatus")).endswith("_IN_PROGRESS"),
                )
            if event["resource_type"] in hosted and event["status"] in _SUCCEEDED:
                message = hosted[event["resource_type"]].take_message(event["physical_id"])
                event["reason"] = message or event.get("reason", "")
            add_event(**event)

        _replace("_add_event", with_message, _STACKS, _HANDLERS, _CHANGE_SETS)

        roll_back = stacks._roll_back_operation

        async def with_leftover(
            stack_name: str,
            stack_id: str,
            stack: dict[str, Any],
            operation: dict[str, Any],
            reason_override: str = "",
        ) -> None:
            """Let the rollback delete what a failed creation left behind, like everything else it created."""
            resources = stack.setdefault("_resources", {})
            resources.update(stack.pop(_LEFTOVER, {}))
            failed = operation.get("failed_logical_id")
            if resources.get(failed, {}).get(_LEFTOVER):
                operation["created"].append(failed)
            created = dict(resources)
            await roll_back(stack_name, stack_id, stack, operation, reason_override)
            if stack["StackStatus"] == "ROLLBACK_FAILED":
                # The engine forgets them; a deletion of the stack deletes them again.
                for logical_id in stack["_rollback_failed"]:
                    resources[logical_id] = {**created[logical_id], "ResourceStatus": "DELETE_FAILED"}

        stacks._roll_back_operation = handlers._roll_back_operation = with_leftover


_Key = tuple[str, str]


def _key(physical_id: str) -> _Key:
    """Return what a resource is known by: two of them may have one name in two regions."""
    return _module(_RESPONSES).get_region(), physical_id


class _HostedType:
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
        """Create the resource; a failure that names one leaves it to the rollback."""
        properties, place = _open(props)

        def on_identified(physical_id: str) -> None:
            self._add_event(place, _operation(place), "Resource creation Initiated", physical_id)

        try:
            resource = self.provider.create(place, properties, on_identified)
        except ProviderFailure as failure:
            if failure.leftover is not None:
                self._known[_key(failure.leftover.physical_id)] = (place, failure.leftover)
                self._keep(place, properties, failure.leftover)
            raise
        self.adopt(place, resource)
        if _is_leaving(place):
            # The stack was deleted meanwhile, and the engine does not know of the new resource.
            self.delete(resource.physical_id, props)
            raise ProviderFailure("Resource creation cancelled: the stack is being deleted")
        return resource.physical_id, as_sent(resource.attributes)

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack_name: str
    ) -> tuple[str, dict[str, Any]]:
        """Update the resource, by a replacement where the type cannot do it in place."""
        previous, previous_place = _open(old)
        desired, place = _open(new)
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
        provisioners = _module(_PROVISIONERS)
        self._add_event(place, _operation(place), _REPLACING, physical_id)
        # An update leaves the old resource to its clean-up, which asks for the policy; a rollback has none.
        keeps = _stack(place)["StackStatus"].startswith("UPDATE_ROLLBACK") and _keeps_replaced(place)
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
        properties, place = _open(props)
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
        stack = _stack(place)
        record = {
            "PhysicalResourceId": leftover.physical_id,
            "ResourceType": self._type_name,
            "ResourceStatus": _operation(place).replace("IN_PROGRESS", "FAILED"),
            "LogicalResourceId": place.logical_id,
            "Properties": properties,
            "Attributes": leftover.attributes,
            _LEFTOVER: True,
        }
        if place.logical_id in stack["_resources"]:
            # The resource that was to be replaced is recorded there, and stays in the stack.
            stack.setdefault(_LEFTOVER, {})[place.logical_id] = record
        else:
            stack["_resources"][place.logical_id] = record

    def _is_announced(self, place: Place, physical_id: str) -> bool:
        """Return whether the latest event of this resource is the engine's DELETE_IN_PROGRESS."""
        events = _module(_CLOUDFORMATION)._stack_events.get(place.stack_id, [])
        statuses = [
            event["ResourceStatus"] for event in events if event.get("PhysicalResourceId") == physical_id
        ]
        return statuses[-1:] == ["DELETE_IN_PROGRESS"]

    def _add_event(self, place: Place, status: str, reason: str, physical_id: str) -> None:
        add = _module(_STACKS)._add_event
        add(place.stack_id, place.stack_name, place.logical_id, self._type_name, status, reason, physical_id)


class _ReadableType:
    """One type's part in imports and drift detection."""

    def __init__(self, type_name: str, hosted: _HostedType) -> None:
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
        provider = self._hosted.at(_place("", "", "", {}))
        assert isinstance(provider, ReadableProvider)
        return provider.identifier

    def expect(self, identifier: dict[str, str], place: Place) -> None:
        """Register the place that a resource is about to be imported to."""
        self._expected[self._physical_id(identifier)] = place

    def import_problem(self, *values: str) -> str | None:
        """Return CloudFormation's reason why a resource cannot be imported; None when it can."""
        physical_id = "|".join(values)
        try:
            model = self._provider.read(_place("", "", "", {}), physical_id)
        except ProviderFailure as failure:
            return str(failure)
        if model is not None:
            return None
        message: str = _module(_CHANGE_SETS)._IMPORT_NOT_FOUND
        return message.format(type=self._type_name, value=physical_id)

    def take_over(self, identifier: dict[str, str]) -> tuple[str, dict[str, Any]]:
        """Read the resource for the stack that imports it."""
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


class _ImportLookup(Sequence[Any]):
    """The engine's pair for an importable type: its identifier, which regions may differ in, and a check."""

    def __init__(self, readable: _ReadableType) -> None:
        self._readable = readable

    def __getitem__(self, index: Any) -> Any:
        return (self._readable.identifier, self._readable.import_problem)[index]

    def __len__(self) -> int:
        return 2


def _is_beginning(event: Mapping[str, Any]) -> bool:
    """Return whether an event is the first one of an operation on a stack."""
    if (
        event["resource_type"] != "AWS::CloudFormation::Stack"
        or event.get("physical_id") != event["stack_id"]
    ):
        return False
    return event["status"] in _BEGINNINGS or event.get("reason") == _USER_INITIATED


class _Present(Collection[str]):
    """The types that templates can use."""

    def __init__(self, table: Mapping[str, Any], is_withdrawn: Callable[[str], bool]) -> None:
        self._table = table
        self._is_withdrawn = is_withdrawn

    def __contains__(self, type_name: object) -> bool:
        return type_name in self._table and not self._is_withdrawn(str(type_name))

    def __iter__(self) -> Iterator[str]:
        return filter(self.__contains__, self._table)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _restrict(known_types: Collection[str], is_withdrawn: Callable[[str], bool]) -> None:
    """Leave in ministack only what runs no code of a template's and reaches nothing off this machine."""
    present = _module(_PROVISIONERS)._RESOURCE_HANDLERS
    known = {*known_types, *present}
    for table in (present, _module(_CHANGE_SETS)._IMPORT_LOOKUPS):
        for name in table.keys() - SERVED_TYPES:
            del table[name]
    _restrict_types(_Present(present, is_withdrawn), present, known)
    _restrict_deletions()
    _restrict_parameters()
    _restrict_templates()
    _restrict_values()
    _close_services()
    _allow_metric_math()


def _replace(name: str, replacement: Any, *modules: str) -> None:
    """Replace a name in the modules that have it, most of them by importing it."""
    for module in modules:
        assert hasattr(_module(module), name)
        setattr(_module(module), name, replacement)


def _restrict_types(usable: Collection[str], present: Collection[str], known: Collection[str]) -> None:
    """Refuse what is not in the table, before anything is made: stacks, change sets and nested stacks.

    New templates can have what is `usable`; an operation that has begun also what was when it did.
    """
    engine, provisioners = _module(_ENGINE), _module(_PROVISIONERS)
    validate, sort, provision = (
        engine.validate_template_support,
        engine._topological_sort,
        provisioners._provision_resource,
    )

    def check(resources: Any, conditions: Mapping[str, bool], there: Collection[str] = present) -> None:
        if problem := type_problem(resources, conditions, there, known):
            raise ValueError(problem)

    def validate_types(
        template: dict[str, Any], conditions: dict[str, bool], params: dict[str, Any] | None = None
    ) -> None:
        # Without parameters it is ValidateTemplate, which expands no transform.
        is_expanded = params is not None or not template.get("Transform")
        if is_expanded and not isinstance(template, engine._TransformFailed):
            check(template.get("Resources"), conditions, usable)
        validate(template, conditions, params)

    def sort_present(resources: dict[str, Any], conditions: dict[str, bool]) -> list[str]:
        check(resources, conditions)
        ordered: list[str] = sort(resources, conditions)
        return ordered

    def provision_present(resource_type: str, *arguments: Any) -> Any:
        # The engine calls functions for types that begin with Custom::, which are in no table.
        check({"": {"Type": resource_type}}, {})
        return provision(resource_type, *arguments)

    _replace("validate_template_support", validate_types, _HANDLERS, _CHANGE_SETS)
    _replace("_topological_sort", sort_present, _ENGINE)  # a nested stack asks nothing else before it begins
    _replace("_provision_resource", provision_present, _PROVISIONERS, _STACKS)


def _restrict_deletions() -> None:
    """Refuse to delete a stack during an update, which would go on and bring the stack back."""
    handlers = _module(_HANDLERS)
    delete = handlers._ACTION_HANDLERS["DeleteStack"]

    def delete_settled(params: dict[str, Any]) -> Any:
        stack = handlers._resolve_stack(handlers._p(params, "StackName")) or {}
        status = str(stack.get("StackStatus"))
        if status.startswith("UPDATE_") and status.endswith("_IN_PROGRESS"):
            problem = f"Stack [{stack['StackId']}] cannot be deleted while in status {status}"
            return handlers._error("ValidationError", problem)
        return delete(params)

    handlers._ACTION_HANDLERS["DeleteStack"] = delete_settled


def _restrict_parameters() -> None:
    """Refuse values of parameters that a template does not declare."""
    resolve = _module(_ENGINE)._resolve_parameters

    def resolve_declared(template: dict[str, Any], provided: list[dict[str, Any]], *previous: Any) -> Any:
        declared = template.get("Parameters") or {}
        unknown = [each["Key"] for each in provided if "Key" in each and each["Key"] not in declared]
        if unknown and not declared:
            raise ValueError("Parameter values specified for a template which does not require them.")
        if unknown:
            raise ValueError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
        return resolve(template, provided, *previous)

    _replace("_resolve_parameters", resolve_declared, _HANDLERS, _CHANGE_SETS)


def _restrict_templates() -> None:
    """Read templates in bounded time, and refuse transforms that are not there."""
    engine = _module(_ENGINE)
    parse, parse_snippet, apply = engine._parse_template, engine._parse_snippet, engine._apply_transforms
    answer_error = _module(_HANDLERS)._error
    engine.CfnLoader = template_yaml.bounded(engine.CfnLoader)

    def parse_bounded(template_body: str) -> Any:
        if template_body.lstrip().startswith("{"):
            template_yaml.parse_json(template_body)
        return parse(template_body)

    def parse_sent(template_body: str) -> Any:
        template = parse_bounded(template_body)
        if problem := form_problem(template):
            raise ValueError(f"{_WHOLE}{problem}")
        return template

    def parse_nested(template_body: str) -> Any:
        template = parse_bounded(template_body)
        if problem := form_problem(template) or transform_problem(template):
            raise ValueError(problem)
        return template

    def error(code: str, message: str, *status: int) -> Any:
        return answer_error(code, str(message).rpartition(_WHOLE)[2], *status)

    def parse_bounded_snippet(text: str) -> Any:
        try:
            template_yaml.check_snippet(text)
        except template_yaml.RefusedTemplate as refused:
            raise engine._IncludeError(f"{engine._INCLUDE_ERROR}{refused}") from refused
        except Exception:  # noqa: S110 - what is no YAML is worded by the engine
            pass
        return parse_snippet(text)

    def apply_present(template: dict[str, Any], *parameters: Any) -> Any:
        if problem := transform_problem(template):
            return engine._TransformFailed(template, problem)
        expanded = apply(template, *parameters)
        if not isinstance(expanded, engine._TransformFailed) and (problem := form_problem(expanded)):
            return engine._TransformFailed(template, problem)
        return expanded

    _replace("_error", error, _HANDLERS, _CHANGE_SETS)
    _replace("_parse_template", parse_sent, _HANDLERS, _CHANGE_SETS)
    _replace("_parse_template", parse_nested, _ENGINE)
    _replace("_parse_snippet", parse_bounded_snippet, _ENGINE)
    _replace("_apply_transforms", apply_present, _HANDLERS, _CHANGE_SETS)


def _restrict_values() -> None:
    """Bound what functions and loops make of a template."""
    extensions = _module(_LANGUAGE_EXTENSIONS)
    expand, evaluate = extensions._expand, _module(_ENGINE)._evaluate_conditions

    def evaluate_bounded(template: dict[str, Any], params: dict[str, Any]) -> Any:
        try:
            return evaluate(template, params)
        except RecursionError:
            raise ValueError("Template format error: a condition refers to itself") from None

    def expand_bounded(node: Any, bindings: Any, context: Any, ids: bool = False) -> Any:
        context.expanded = getattr(context, "expanded", 0) + 1
        if context.expanded > template_yaml.MAX_NODES:
            raise extensions.LanguageExtensionsError(
                f"Transform {extensions.TRANSFORM} failed with: the loops make more than "
                f"{template_yaml.MAX_NODES:,} values: repeat less"
            )
        return expand(node, bindings, context, ids)

    _replace("_evaluate_conditions", evaluate_bounded, _ENGINE, _HANDLERS, _CHANGE_SETS)
    extensions._expand = expand_bounded
    extensions._value = bounded(extensions._value)
    stacks, reference = _module(_STACKS), _module(_ENGINE)._DYNAMIC_REFERENCE
    stacks._resolve_dynamic_references = bounded_references(stacks._resolve_dynamic_references, reference)
    _replace(
        "_resolve_refs", bounded(_module(_ENGINE)._resolve_refs), _ENGINE, _HANDLERS, _CHANGE_SETS, _STACKS
    )


def _close_services() -> None:
    """Close what SERVICES leaves open: routes beside the services' own, and messages to other hosts."""
    app = _module(_APP)
    get_module = app._get_module
    served = {app.SERVICE_REGISTRY[name]["module"] for name in app.SERVICE_HANDLERS}

    def get_served_module(name: str) -> Any:
        if name not in served:
            raise ClosedServiceError(f"Unsupported service: {name}")
        return get_module(name)

    def post_nowhere(_endpoint: str, _payload: str, _sns_message_type: str) -> int:
        raise OSError("the local SNS sends nothing to other hosts")

    app._get_module = get_served_module
    # Asked about every host with a dot; API Gateway is not served.
    app._resolve_custom_domain_request = lambda _host, _path: None
    _module(_SNS)._http_post_sync = post_nowhere


def _allow_metric_math() -> None:
    """Make alarms on expressions, too, which the engine refuses; without CloudWatch none is evaluated."""
    record = _module(_PROVISIONERS)._cw_metric_alarm_record

    def record_alarm(name: str, props: Properties) -> dict[str, Any]:
        metrics = props.get("Metrics")
        if not metrics or {"MetricName", "Namespace"} & props.keys():
            alarm: dict[str, Any] = record(name, props)
            return alarm
        # The engine demands a metric.
        single = {key: value for key, value in props.items() if key != "Metrics"}
        alarm = record(name, {**single, "MetricName": name, "Namespace": name})
        return {**alarm, "MetricName": None, "Namespace": None, "Metrics": metrics}

    _replace("_cw_metric_alarm_record", record_alarm, _PROVISIONERS)


def _place_in(stack: dict[str, Any], logical_id: str) -> Place:
    return _place(stack["StackName"], stack["StackId"], logical_id, _tags_of(stack.get("Tags")))


def _tags_of(tags: list[dict[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in tags or []}


def _place(stack_name: str, stack_id: str, logical_id: str, tags: dict[str, str]) -> Place:
    responses = _module(_RESPONSES)
    return Place(
        stack_name,
        stack_id,
        logical_id,
        tags,
        account=responses.get_account_id(),
        region=responses.get_region(),
    )


def _open(props: Properties | None) -> tuple[Properties, Place]:
    """Separate properties and place; a deletion comes without a place, and with the template's values."""
    properties = as_sent({key: value for key, value in (props or {}).items() if key != _PLACE})
    place = (props or {}).get(_PLACE)
    return properties, Place(**place) if place else _place("", "", "", {})


def _stack(place: Place) -> dict[str, Any]:
    stack: dict[str, Any] = _module(_CLOUDFORMATION)._stacks[place.stack_name]
    return stack


def _keeps_replaced(place: Place) -> bool:
    """Return whether the stack's template keeps a resource that is replaced."""
    stack = _stack(place)
    template = stack["_template"]
    policy = _module(_STACKS)._resource_policy(
        template.get("Resources", {}).get(place.logical_id),
        "UpdateReplacePolicy",
        stack["_resources"],
        stack["_resolved_params"],
        stack["_conditions"],
        template.get("Mappings", {}),
        place.stack_name,
        place.stack_id,
    )
    return policy in _module(_PROVISIONERS)._RETAINING_POLICIES


def _is_leaving(place: Place) -> bool:
    """Return whether the stack is deleted, or being deleted, since one of its resources was begun."""
    stack = _module(_CLOUDFORMATION)._stacks.get(place.stack_name) or {}
    return stack.get("StackId") != place.stack_id or str(stack.get("StackStatus")).startswith("DELETE_")


def _operation(place: Place) -> str:
    """Return the status the engine gives to resources in the operation that the stack is in."""
    status: str = _stack(place)["StackStatus"]
    return "CREATE_IN_PROGRESS" if status.startswith("CREATE") else "UPDATE_IN_PROGRESS"
