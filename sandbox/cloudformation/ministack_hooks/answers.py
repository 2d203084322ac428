"""Gives ministack's answers about stacks and templates the members and values that CloudFormation's have.

Seen in ministack 1.5.33. [R] is an answer recorded at AWS, [D] its documentation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from typing import Any

from sandbox.cloudformation.operation_events import (
    Event,
    change_set_event,
    failed,
    operation_event,
)
from sandbox.cloudformation.template_urls import RefusedURL, object_of
from sandbox.cloudformation.xml_answers import Answer, Element

from .events import OPERATIONS, stack_named
from .names import (
    CHANGE_SETS,
    CLOUDFORMATION,
    HANDLERS,
    HELPERS,
    PROVISIONERS,
    S3,
    module,
)
from .nested_templates import template_at

Parameters = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]
Stack = dict[str, Any]

_FORMAT_VERSION = "2010-09-09"
_NO_KEY = "S3 error: The specified key does not exist."


def complete_answers(s3_ports: Collection[int]) -> None:
    """Complete the answers about stacks, events and templates, and read templates from S3's addresses.

    On this machine S3 is at `s3_ports`.
    """
    _keep_options()
    for action, change in (
        ("DescribeStacks", _complete_stacks),
        ("DescribeStackEvents", _complete_events),
        ("GetTemplateSummary", _complete_summary),
        ("ValidateTemplate", _complete_validation),
    ):
        _amend(action, change)
    _table()["DescribeEvents"] = _describe_events
    _read_addresses(s3_ports)


def _table() -> dict[str, Callable[[Parameters], Response]]:
    table: dict[str, Callable[[Parameters], Response]] = module(HANDLERS)._ACTION_HANDLERS
    return table


def _stack(name: str) -> Stack:
    stack: Stack = module(HANDLERS)._resolve_stack(name) or {}
    return stack


def _value(params: Parameters, name: str) -> str:
    return str(module(HANDLERS)._p(params, name))


def _error(message: str, code: str = "ValidationError") -> Response:
    response: Response = module(HANDLERS)._error(code, message)
    return response


def _amend(action: str, change: Callable[[Answer, Parameters], None]) -> None:
    handle = _table()[action]

    def handle_completely(params: Parameters) -> Response:
        status, headers, body = handle(params)
        if status != 200:
            return status, headers, body
        answer = Answer(body, action)
        change(answer, params)
        return status, headers, bytes(answer)

    _table()[action] = handle_completely


# --- stacks -----------------------------------------------------------------------------------------


def _keep_options() -> None:
    """Keep in a stack's record what CloudFormation describes of the requests; the engine drops it."""
    create, update, execute = (_table()[each] for each in ("CreateStack", "UpdateStack", "ExecuteChangeSet"))

    def create_stack(params: Parameters) -> Response:
        response = create(params)
        if response[0] == 200:
            stack = _stack(_value(params, "StackName"))
            stack |= options_of(params)
            stack.pop("LastUpdatedTime", None)  # [R]
        return response

    def update_stack(params: Parameters) -> Response:
        response = update(params)
        if response[0] == 200:
            _stack(_value(params, "StackName")).update(options_of(params, is_update=True))
        return response

    def execute_change_set(params: Parameters) -> Response:
        _, change_set = module(CHANGE_SETS)._find_change_set(
            _value(params, "ChangeSetName"), _value(params, "StackName")
        )
        response = execute(params)
        if response[0] == 200:
            _stack(change_set["StackName"])["ChangeSetId"] = change_set["ChangeSetId"]
        return response

    _table().update(CreateStack=create_stack, UpdateStack=update_stack, ExecuteChangeSet=execute_change_set)


def options_of(params: Parameters, *, is_update: bool = False) -> dict[str, Any]:
    """Return the members of a request that DescribeStacks returns as they were given."""
    options: dict[str, Any] = {}
    if any(name.partition(".")[0] == "NotificationARNs" for name in params):
        options["NotificationARNs"] = module(HANDLERS)._extract_string_members(params, "NotificationARNs")
    prefix = "RollbackConfiguration."
    if any(name.startswith(prefix) for name in params):
        options["RollbackConfiguration"] = _rollback_configuration(params, prefix)
    if role := _value(params, "RoleARN"):
        options["RoleARN"] = role
    if (minutes := _value(params, "TimeoutInMinutes")) and not is_update:
        options["TimeoutInMinutes"] = int(minutes)
    return options


def _rollback_configuration(params: Parameters, prefix: str) -> dict[str, Any]:
    configuration: dict[str, Any] = {}
    triggers: list[dict[str, str]] = []
    while arn := _value(params, f"{prefix}RollbackTriggers.member.{len(triggers) + 1}.Arn"):
        kind = _value(params, f"{prefix}RollbackTriggers.member.{len(triggers) + 1}.Type")
        triggers.append({"Arn": arn, "Type": kind})
    if triggers or f"{prefix}RollbackTriggers" in params:
        configuration["RollbackTriggers"] = triggers
    if minutes := _value(params, f"{prefix}MonitoringTimeInMinutes"):
        configuration["MonitoringTimeInMinutes"] = int(minutes)
    return configuration


def _complete_stacks(answer: Answer, _params: Parameters) -> None:
    for member in answer.members(answer.result, "Stacks"):
        stack = stack_named(answer.text(member, "StackName"), answer.text(member, "StackId"))
        status = answer.text(member, "StackStatus")
        # What a stack does not have is absent, not empty [R].
        names = ("Capabilities", "Description", "LastUpdatedTime", "Outputs", "Parameters")
        answer.drop(member, (*names, "StackStatusReason"), empty=True)
        for output in answer.members(member, "Outputs"):
            answer.drop(output, ("Description",), empty=True)
        for parameter in answer.members(member, "Parameters"):
            resolved = stack.get("_resolved_params", {}).get(answer.text(parameter, "ParameterKey"), {})
            if "SsmName" in resolved:  # its value is the name in Parameter Store
                value = answer.text(parameter, "ParameterValue")
                answer.drop(parameter, ("ParameterValue",))
                answer.put(parameter, "ParameterValue", resolved["SsmName"])
                answer.put(parameter, "ResolvedValue", value)
        if status == "DELETE_COMPLETE":
            answer.drop(member, ("EnableTerminationProtection",))
        if status == "REVIEW_IN_PROGRESS":
            answer.drop(member, ("LastUpdatedTime",))
        answer.put(member, "NotificationARNs", stack.get("NotificationARNs") or [])
        answer.put(member, "RollbackConfiguration", stack.get("RollbackConfiguration") or {})
        for name in ("DeletionTime", "ParentId", "RoleARN", "RootId", "TimeoutInMinutes"):
            answer.put(member, name, stack.get(name))
        if status not in {"DELETE_COMPLETE", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "ROLLBACK_IN_PROGRESS"}:
            answer.put(member, "ChangeSetId", stack.get("ChangeSetId"))
        answer.put(member, "LastOperations", stack.get(OPERATIONS))


# --- events -----------------------------------------------------------------------------------------


def _complete_events(answer: Answer, params: Parameters) -> None:
    events = module(CLOUDFORMATION)._stack_events.get(_stack(_value(params, "StackName"))["StackId"], [])
    operations = {event["EventId"]: event.get("OperationId") for event in events}
    for member in answer.members(answer.result, "StackEvents"):
        answer.drop(member, ("ResourceStatusReason",), empty=True)
        answer.put(member, "OperationId", operations.get(answer.text(member, "EventId")))


def _describe_events(params: Parameters) -> Response:
    """Return the events of operations, the newest first; the engine has those of validations only."""
    stack_name, change_set_name, operation_id = (
        _value(params, name) for name in ("StackName", "ChangeSetName", "OperationId")
    )
    if not (stack_name or operation_id or change_set_name.startswith("arn:")):
        return _error("One of ChangeSetName, OperationId or StackName must be specified")
    if change_set_name:
        _, change_set = module(CHANGE_SETS)._find_change_set(change_set_name, stack_name)
        if not change_set:
            return _error(f"ChangeSet [{change_set_name}] does not exist", "ChangeSetNotFound")
        events = [change_set_event(change_set)]
    elif stack_name:
        stack = _stack(stack_name)
        if not stack or (stack["StackStatus"] == "DELETE_COMPLETE" and stack["StackId"] != stack_name):
            return _error(f"Stack [{stack_name}] does not exist")
        events = _events_of(stack)
    else:
        package = module(CLOUDFORMATION)
        events = [event for stack in package._stacks.values() for event in _events_of(stack)]
        events += map(change_set_event, package._change_sets.values())
    if operation_id:
        events = [event for event in events if event["OperationId"] == operation_id]
        if not events:
            return _error("Operation ID does not exist")
    if _value(params, "Filters.FailedEvents").lower() == "true":
        events = failed(events)
    return _page_of_events(events, params)


def _events_of(stack: Stack) -> list[Event]:
    recorded = module(CLOUDFORMATION)._stack_events.get(stack["StackId"], [])
    events = [operation_event(event) for event in recorded if "OperationId" in event]
    # The engine's other ones are copies of the stack's events.
    validations = stack.get("_operation_events") or []
    events += [event for event in validations if event["EventType"] == "VALIDATION_ERROR"]
    return sorted(events, key=lambda event: str(event["Timestamp"]), reverse=True)


def _page_of_events(events: list[Event], params: Parameters) -> Response:
    helpers = module(HELPERS)
    page, next_token, error = helpers._page(events, params, "DescribeEvents")
    if error:
        return error  # type: ignore[no-any-return] # a response of the engine
    result = f"<DescribeEventsResult>{next_token}</DescribeEventsResult>"
    status, headers, body = helpers._xml(200, "DescribeEventsResponse", result)
    answer = Answer(body, "DescribeEvents")
    answer.put(answer.result, "OperationEvents", page)
    return status, headers, bytes(answer)


# --- templates --------------------------------------------------------------------------------------


def _complete_validation(answer: Answer, params: Parameters) -> None:
    _complete_template(answer, _template(params))


def _complete_summary(answer: Answer, params: Parameters) -> None:
    template, result = _template(params), answer.result
    for member, parameter in _complete_template(answer, template):
        allowed = parameter.get("AllowedValues")
        answer.put(member, "ParameterConstraints", {"AllowedValues": allowed} if allowed else {})
    answer.put(result, "Version", _FORMAT_VERSION)  # also of a template without one [R]
    if metadata := template.get("Metadata"):
        answer.put(result, "Metadata", json.dumps(metadata, default=str))
    if [*answer.members(result, "ResourceTypes")]:  # else its loops are not expanded
        resources = (template.get("Resources") or {}).items()
        answer.put(result, "ResourceIdentifierSummaries", _identifiers(resources))


def _template(params: Parameters) -> dict[str, Any]:
    handlers = module(HANDLERS)
    body, _ = handlers._resolve_template(params)
    template: dict[str, Any] = handlers._parse_template(
        body or _stack(_value(params, "StackName"))["_template_body"]
    )
    return template


def _complete_template(answer: Answer, template: Parameters) -> list[tuple[Element, Parameters]]:
    """Drop what a template does not have, and return its parameters with their declarations [R]."""
    declared, result = template.get("Parameters") or {}, answer.result
    answer.drop(result, ("CapabilitiesReason", "Description"), empty=True)
    parameters = [
        (member, declared[answer.text(member, "ParameterKey")])
        for member in answer.members(result, "Parameters")
    ]
    for member, parameter in parameters:
        if "Default" not in parameter:
            answer.drop(member, ("DefaultValue",))
        answer.drop(member, ("Description",), empty=True)
    return parameters


def _identifiers(resources: Iterable[tuple[str, Any]]) -> list[dict[str, Any]]:
    """Return by type which resources can be imported, and the properties that identify them [R]."""
    lookups, types = module(CHANGE_SETS)._IMPORT_LOOKUPS, module(PROVISIONERS)._RESOURCE_HANDLERS
    by_type: dict[str, list[str]] = {}
    for logical_id, resource in resources:
        kind = str(resource.get("Type")) if isinstance(resource, dict) else ""
        if kind in lookups and "import" in types.get(kind, {}):
            by_type.setdefault(kind, []).append(str(logical_id))
    return [
        {"ResourceType": kind, "LogicalResourceIds": names, "ResourceIdentifiers": list(lookups[kind][0])}
        for kind, names in by_type.items()
    ]


def _read_addresses(s3_ports: Collection[int]) -> None:
    """Read documents by the addresses that S3 has; the engine takes each path for bucket and key."""
    helpers, stack_type = (
        module(HELPERS),
        module(PROVISIONERS)._RESOURCE_HANDLERS["AWS::CloudFormation::Stack"],
    )
    resolve, create, update = helpers._resolve_document, stack_type["create"], stack_type["update"]

    def resolve_document(params: Parameters, body_key: str, url_key: str, label: str) -> Any:
        url = _value(params, url_key)
        if _value(params, body_key) or not url:
            return resolve(params, body_key, url_key, label)
        try:
            document = _document(url, url_key, s3_ports)
        except RefusedURL as refused:
            return None, _error(str(refused))
        if body_key == "TemplateBody" and len(document) > helpers.TEMPLATE_URL_MAX_BYTES:
            maximum = helpers.TEMPLATE_URL_MAX_BYTES
            return None, _error(f"Template may not exceed {maximum} bytes in size.")
        return document.decode("utf-8", errors="replace"), None

    def check(props: Parameters) -> None:
        # The engine drops the reason.
        if (url := props.get("TemplateURL")) and template_at(str(url)) is None:
            _document(str(url), "TemplateURL", s3_ports)

    def create_nested(logical_id: str, props: Parameters, stack_name: str) -> Any:
        check(props)
        return create(logical_id, props, stack_name)

    def update_nested(physical_id: str, old: Parameters, new: Parameters, stack_name: str) -> Any:
        check(new)
        return update(physical_id, old, new, stack_name)

    helpers._resolve_document = resolve_document
    stack_type.update(create=create_nested, update=update_nested)


def _document(url: str, member: str, s3_ports: Collection[int]) -> bytes:
    """Return the object that a URL names.

    Raises:
        RefusedURL: it is no URL of S3, or the object is not there.
    """
    place = object_of(url, member, s3_ports)
    found = module(S3)._get_object_data(*place)
    if found is None:
        raise RefusedURL(_NO_KEY)
    return bytes(found)
