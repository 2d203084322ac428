"""Operations on stacks, and their events in the form that DescribeEvents has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

Event = dict[str, Any]

STACK_TYPE = "AWS::CloudFormation::Stack"
# The types of operations, by the first status of the stack in them. Imports have none in CloudFormation's
# list of types [D]; they change a stack's template.
OPERATION_TYPES = {
    "CREATE_IN_PROGRESS": "CREATE_STACK",
    "UPDATE_IN_PROGRESS": "UPDATE_STACK",
    "IMPORT_IN_PROGRESS": "UPDATE_STACK",
    "DELETE_IN_PROGRESS": "DELETE_STACK",
    "ROLLBACK_IN_PROGRESS": "ROLLBACK",
    "UPDATE_ROLLBACK_IN_PROGRESS": "ROLLBACK",
    "IMPORT_ROLLBACK_IN_PROGRESS": "ROLLBACK",
}
OPERATION_TYPE = "_operation_type"  # in the engine's record of an event
_COPIED = (
    "EventId",
    "StackId",
    "OperationId",
    "LogicalResourceId",
    "PhysicalResourceId",
    "ResourceType",
    "Timestamp",
    "ResourceStatus",
    "ResourceStatusReason",
    "ClientRequestToken",
    "DetailedStatus",
)
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%f"


def later_timestamp(timestamp: str, previous: str | None) -> str:
    """Return a time in milliseconds that comes after the previous one: itself, or the next millisecond."""
    if previous is None or timestamp > previous:
        return timestamp
    moment = datetime.strptime(previous, _TIME_FORMAT + "Z") + timedelta(milliseconds=1)  # noqa: DTZ007 - UTC
    return moment.strftime(_TIME_FORMAT)[:-3] + "Z"


def is_of_stack(event: Mapping[str, Any]) -> bool:
    """Return whether an event is the stack's own, and not of one of its resources."""
    return (event["ResourceType"], event["PhysicalResourceId"]) == (STACK_TYPE, event["StackId"])


def operation_event(event: Mapping[str, Any]) -> Event:
    """Return an event of a stack or a resource as DescribeEvents has it [D]."""
    status = event["ResourceStatus"]
    has_failed = status.endswith("_FAILED")
    made = {name: event[name] for name in _COPIED if event.get(name)}
    made["OperationType"] = event.get(OPERATION_TYPE)
    if is_of_stack(event):
        made["EventType"] = "STACK_EVENT"
        ended = "FAILED" if has_failed else "SUCCEEDED"
        made["OperationStatus"] = "IN_PROGRESS" if status.endswith("_IN_PROGRESS") else ended
    elif has_failed:
        made |= {"EventType": "PROVISIONING_ERROR", "OperationStatus": "FAILED"}
    else:
        made["EventType"] = "PROGRESS_EVENT"
    return made


def change_set_event(change_set: Mapping[str, Any]) -> Event:
    """Return the event of the operation that has made a change set [I]."""
    has_failed = change_set["Status"] == "FAILED"
    operation = change_set["ChangeSetId"].rpartition("/")[2]
    return {
        "EventId": operation,
        "StackId": change_set["StackId"],
        "OperationId": operation,
        "OperationType": "CREATE_CHANGESET",
        "OperationStatus": "FAILED" if has_failed else "SUCCEEDED",
        "EventType": "STACK_EVENT",
        "LogicalResourceId": change_set["StackName"],
        "PhysicalResourceId": change_set["StackId"],
        "ResourceType": STACK_TYPE,
        "Timestamp": change_set["CreationTime"],
        "ResourceStatusReason": change_set.get("StatusReason") or None,
    }


def failed(events: Iterable[Event]) -> list[Event]:
    """Return the events that say why an operation has failed."""
    return [
        each
        for each in events
        if each["EventType"].endswith("_ERROR") or each.get("OperationStatus") == "FAILED"
    ]
