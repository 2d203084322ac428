"""Puts types into ministack, and wraps its functions for them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from typing import Any

from sandbox.cloudformation.operation_events import STACK_TYPE
from sandbox.cloudformation.provider import Properties, Provider, ReadableProvider
from sandbox.shared.xml_text import xml_text

from .answers import complete_answers
from .attributes import name_missing_attributes
from .capabilities import ask_for_capabilities
from .change_sets import hook_change_sets
from .deletions import hook_deletions
from .detections import detect_in_threads
from .events import USER_INITIATED, Recorder
from .failed_updates import hook_failed_updates
from .hosted_types import LEFTOVER, HostedType, ImportLookup, ReadableType
from .issued_keys import follow_users
from .listings import hook_listings
from .loops import lock_each_loop
from .names import (
    CHANGE_SETS,
    CLOUDFORMATION,
    DRIFT,
    HANDLERS,
    HELPERS,
    PROVISIONERS,
    RESPONSES,
    STACKS,
    module,
    replace,
    verify,
)
from .nested_stacks import hook_nested_stacks
from .nested_templates import hook_nested_templates, with_template
from .places import LIVE_TAGS, PLACE, as_sent, open_properties, place_in, place_of, tags_of, with_texts
from .queues import use_printed_host
from .refusals import refuse_templates
from .requests import refuse_requests
from .restrictions import restrict
from .stack_records import hook_stack_records
from .updates import hook_updates
from .waiters import hold_waiters

# The last events of operations that succeeded, also of those that roll one back.
_SUCCEEDED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
# The first events of an operation on a stack. Those of imports, and of operations that a user rolls back or
# goes on with, have a reason of their own.
_BEGINNINGS = frozenset({"CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "UPDATE_IN_PROGRESS"})


def _is_beginning(event: Mapping[str, Any]) -> bool:
    """Return whether an event is the first one of an operation on a stack."""
    if (
        event["resource_type"] != "AWS::CloudFormation::Stack"
        or event.get("physical_id") != event["stack_id"]
    ):
        return False
    return event["status"] in _BEGINNINGS or event.get("reason") == USER_INITIATED


class Host:
    """Puts types into the engine, takes the others out, and wraps the engine's functions for them.

    `known_types` are names of types that AWS has, beside those that the engine has; `has_attribute` says
    whether a type of AWS has an attribute; S3 is at `s3_ports` of this machine.
    """

    def __init__(
        self,
        known_types: Collection[str] = (),
        has_attribute: Callable[[str, str], bool] = lambda *_: False,
        s3_ports: Collection[int] = (),
    ) -> None:
        verify()
        self._hosted: dict[str, HostedType] = {}
        self._readable: dict[str, ReadableType] = {}
        # Called with stack, parent stack and region when an operation on a stack begins; `is_part` says that
        # it belongs to one on the parent.
        self.begun: Callable[..., object] = lambda *_, **__: None
        # Whether a type is there, but for no template in a region.
        self.is_withdrawn: Callable[[str, str], bool] = lambda *_: False
        restrict(known_types, lambda name: self.is_withdrawn(name, module(RESPONSES).get_region()))
        name_missing_attributes(has_attribute)
        follow_users()
        use_printed_host()
        lock_each_loop()
        complete_answers(s3_ports)
        self._wrap()
        refuse_templates()
        refuse_requests()
        ask_for_capabilities()
        hook_listings()

    def add(self, type_name: str, provider: Provider) -> None:
        """Host one type, from then on templates can use it; or replace its provider."""
        if type_name in self._hosted:
            self._hosted[type_name].provider = provider
        else:
            self._add(type_name, provider)
        if isinstance(provider, ReadableProvider):
            self._make_readable(type_name)

    def _add(self, type_name: str, provider: Provider) -> None:
        provisioners = module(PROVISIONERS)
        hosted = self._hosted[type_name] = HostedType(type_name, provider)
        provisioners._RESOURCE_HANDLERS[type_name] = {
            "create": hosted.create,
            "update": hosted.update,
            "delete": hosted.delete,
        }

    def _make_readable(self, type_name: str) -> None:
        """Let stacks import resources of the type, and detect their drift."""
        made = ReadableType(type_name, self._hosted[type_name])
        readable = self._readable.setdefault(type_name, made)
        module(PROVISIONERS)._RESOURCE_HANDLERS[type_name]["import"] = readable.take_over
        module(CHANGE_SETS)._IMPORT_LOOKUPS[type_name] = ImportLookup(readable)

    def _wrap(self) -> None:
        hold_waiters()
        hook_nested_templates()
        hook_stack_records()  # before the recorder, which then sees what it refuses of outputs
        Recorder().hook()
        self._wrap_stacks()
        self._wrap_replacements()
        self._wrap_imports()
        self._wrap_drift()
        detect_in_threads()
        hook_change_sets()
        hook_nested_stacks()
        hook_failed_updates()
        hook_updates()
        hook_deletions()
        escape = module(HELPERS)._esc
        # Of all texts in answers: handlers and templates can have characters that XML cannot hold.
        replace("_esc", lambda text: escape(xml_text(text)), HELPERS, HANDLERS, CHANGE_SETS)

    def _wrap_replacements(self) -> None:
        """Let each type say what replaces its resources: in an operation, and in change sets."""
        provisioners, hosted = module(PROVISIONERS), self._hosted
        recreation, is_replacing = provisioners._property_recreation, provisioners._replacing_change

        def property_recreation(resource_type: str, name: str) -> str:
            if resource_type not in hosted:
                return str(recreation(resource_type, name))
            version = hosted[resource_type].at(place_of("", "", "", {}))
            if name in version.create_only:
                return "Always"
            return "Conditionally" if name in version.conditional_create_only else "Never"

        def replacing_change(resource_type: str, old_props: Properties, new_props: Properties) -> bool:
            if resource_type not in hosted:
                return bool(is_replacing(resource_type, old_props, new_props))
            _, place = open_properties(new_props)
            names = hosted[resource_type].at(place).create_only
            return any(old_props.get(name) != new_props.get(name) for name in names)

        replace("_property_recreation", property_recreation, PROVISIONERS, STACKS)
        replace("_replacing_change", replacing_change, PROVISIONERS, STACKS)

    def _wrap_imports(self) -> None:
        change_sets, readable = module(CHANGE_SETS), self._readable
        start = change_sets._start_import

        def with_places(change_set: dict[str, Any], stack: dict[str, Any]) -> None:
            """Announce the resources' places to the types, whose import gets the identifier only."""
            for entry in change_set["_resources_to_import"]:
                if entry["ResourceType"] in readable:
                    readable[entry["ResourceType"]].expect(
                        entry["ResourceIdentifier"], place_in(stack, entry["LogicalResourceId"])
                    )
            start(change_set, stack)

        change_sets._start_import = with_places

    def _wrap_drift(self) -> None:
        drift, readable = module(DRIFT), self._readable
        supports, detect = drift.supports_drift, drift.detect_resource_drift

        def detect_drift(
            stack: dict[str, Any], logical_id: str, record: dict[str, Any], timestamp: str
        ) -> dict[str, Any]:
            """Compare by the schema: the engine's own way knows no transforms and no filled-in members."""
            hosted = readable.get(record.get("ResourceType", ""))
            if hosted is None:
                native: dict[str, Any] = detect(stack, logical_id, record, timestamp)
                return native
            return hosted.drift(place_in(stack, logical_id), record, timestamp)

        drift.supports_drift = lambda resource_type: resource_type in readable or supports(resource_type)
        drift.detect_resource_drift = detect_drift
        # CloudFormation's guide to imports ends with "detect drift", so right after one it must be possible.
        drift.DRIFT_DETECTABLE_STATUSES |= {"IMPORT_COMPLETE"}

    def _wrap_stacks(self) -> None:
        stacks = module(STACKS)
        provisioners = module(PROVISIONERS)
        handlers = module(HANDLERS)
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
            props = with_template(props or {}) if resource_type == STACK_TYPE else props or {}
            has_all_tags = LIVE_TAGS in props
            if resource_type not in hosted:
                own = with_texts(resource_type, {**props})
                own.pop(LIVE_TAGS, None)
                return own if has_all_tags else merge(resource_type, own, *where)
            stack_tags, stack_name, stack_id, logical_id = where
            tags = {} if has_all_tags else tags_of(stack_tags)
            place = place_of(stack_name, stack_id, logical_id, tags)
            return {**as_sent(props), PLACE: asdict(place)}

        stacks._with_stack_tags = provisioners._with_stack_tags = with_place

        add_event = stacks._add_event

        def with_message(*given: Any, **more: Any) -> None:
            """Give a resource's last event the message of its handler; the engine's own has no reason."""
            event = inspect.signature(add_event).bind(*given, **more).arguments
            if _is_beginning(event):
                stacks_by_name = module(CLOUDFORMATION)._stacks
                stack = stacks_by_name.get(event["stack_name"]) or {}
                parent = stacks_by_name.get(stack.get("_parent_stack_name")) or {}
                self.begun(
                    event["stack_id"],
                    stack.get("ParentId"),
                    module(RESPONSES).get_region(),
                    is_part=str(parent.get("StackStatus")).endswith("_IN_PROGRESS"),
                )
            if event["resource_type"] in hosted and event["status"] in _SUCCEEDED:
                message = hosted[event["resource_type"]].take_message(event["physical_id"])
                event["reason"] = message or event.get("reason", "")
            add_event(**event)

        replace("_add_event", with_message, STACKS, HANDLERS, CHANGE_SETS)

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
            resources.update(stack.pop(LEFTOVER, {}))
            failed = operation.get("failed_logical_id")
            if resources.get(failed, {}).get(LEFTOVER):
                operation["created"].append(failed)
            created = dict(resources)
            await roll_back(stack_name, stack_id, stack, operation, reason_override)
            if stack["StackStatus"] == "ROLLBACK_FAILED":
                # The engine forgets them; a deletion of the stack deletes them again.
                for logical_id in stack["_rollback_failed"]:
                    resources[logical_id] = {**created[logical_id], "ResourceStatus": "DELETE_FAILED"}

        stacks._roll_back_operation = handlers._roll_back_operation = with_leftover
