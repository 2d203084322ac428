"""The members of change sets: those that requests give, and those that describe them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.cloudformation.query_protocol import request_member
from sandbox.cloudformation.resource_changes import Json
from sandbox.shared.template_secrets import MASK

from . import revert_drift

# What an executed change set gives its stack, if its request has it.
STACK_MEMBERS = ("NotificationARNs", "RoleARN", "RollbackConfiguration")
# Where those of the request are in the engine's record of a change set.
MEMBERS = "_sandbox_members"
_OF_REQUESTS = (*STACK_MEMBERS, "DeploymentMode", "IncludeNestedStacks")
_ALWAYS = (
    *("ChangeSetId", "ChangeSetName", "StackId", "StackName", "CreationTime"),
    *("Status", "ExecutionStatus"),
)


def request_members(params: Mapping[str, Any]) -> Json:
    """Return the members of a request that the engine drops; those that it does not have are None."""
    members = {name: request_member(params, name) for name in _OF_REQUESTS}
    if members["NotificationARNs"] is not None:
        members["NotificationARNs"] = _listed(members["NotificationARNs"])
    if members["RollbackConfiguration"]:
        given = members["RollbackConfiguration"]
        configuration = members["RollbackConfiguration"] = given if isinstance(given, dict) else {}
        if "RollbackTriggers" in configuration:
            configuration["RollbackTriggers"] = _listed(configuration["RollbackTriggers"])
        if (minutes := str(configuration.get("MonitoringTimeInMinutes"))).isdecimal():
            configuration["MonitoringTimeInMinutes"] = int(minutes)
    return members


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def described(change_set: Json) -> Json:
    """Return what DescribeChangeSet says, without the changes."""
    members = change_set[MEMBERS]
    return {
        **summary(change_set),
        "Capabilities": change_set["Capabilities"],
        "NotificationARNs": members["NotificationARNs"] or [],
        "RollbackConfiguration": members["RollbackConfiguration"] or {},
        "Parameters": [_parameter(*each) for each in change_set["_resolved_params"].items()] or None,
        "Tags": change_set["Tags"] or None,
        "OnStackFailure": change_set["OnStackFailure"] or None,
        "ImportExistingResources": change_set["ImportExistingResources"] or None,
        "DeploymentMode": members["DeploymentMode"] or None,
        "StackDriftStatus": change_set.get(revert_drift.STATUS),
    }


def summary(change_set: Json) -> Json:
    """Return what ListChangeSets says."""
    return {
        **{name: change_set[name] for name in _ALWAYS},
        "StatusReason": change_set["StatusReason"] or None,
        "Description": change_set["Description"] or None,
        "IncludeNestedStacks": change_set[MEMBERS]["IncludeNestedStacks"] or "false",
    }


def _parameter(name: str, parameter: Json) -> Json:
    """Describe a parameter; one that is read from Parameter Store has the name there as its value."""
    value = MASK if parameter["NoEcho"] else parameter["Value"]
    if "SsmName" not in parameter:
        return {"ParameterKey": name, "ParameterValue": value}
    return {"ParameterKey": name, "ParameterValue": parameter["SsmName"], "ResolvedValue": value}
