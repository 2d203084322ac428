"""Change sets with `DeploymentMode=REVERT_DRIFT`: they also change back what was changed outside the stack.

ministack 1.5.33 takes the mode and ignores it. No answer of AWS to it is recorded: members and values are
those of the API's description [D], which of them stand where is inferred [I].
"""

from __future__ import annotations

import copy
import json
from typing import Any

from sandbox.cloudformation.resource_changes import (
    Json,
    Side,
    as_text,
    changed_resource,
    replacement_of,
    value_members,
)
from sandbox.shared.template_secrets import MASK

from .names import DRIFT, RESPONSES, STACKS, module
from .places import LIVE_TAGS, as_sent

MODE = "REVERT_DRIFT"
STATUS = "StackDriftStatus"
# Where the properties that drifted resources have, and their records before an execution, are kept.
_LIVE, _SAVED = "_sandbox_live", "_sandbox_saved"
_CONTEXTS = ("BeforeContext", "AfterContext", "PreviousDeploymentContext")
_TARGET = ("Attribute", "Name", "RequiresRecreation")


def add_changes(change_set: Json, stack: Json, sides: tuple[Side, Side], values: str) -> None:
    """Add what differs from the template to the changes, and to those with values under the key `values`."""
    drifts = _drifts(stack)
    statuses = {each["StackResourceDriftStatus"] for each in drifts.values()}
    unread = sorted(name for name, each in drifts.items() if each["StackResourceDriftStatus"] == "UNKNOWN")
    if unread:
        reason = f"Failed to detect drift on resources [{', '.join(unread)}]"
        change_set.update(Status="FAILED", ExecutionStatus="UNAVAILABLE", StatusReason=reason)
        return
    change_set[STATUS] = "DRIFTED" if statuses & {"DELETED", "MODIFIED"} else "IN_SYNC"
    change_set[_LIVE] = {}
    for logical_id, drift in drifts.items():
        status = drift["StackResourceDriftStatus"]
        if status == "IN_SYNC" or logical_id not in sides[1].resources:
            continue
        record = stack["_resources"][logical_id]
        described = _change(drift, record, _of(change_set[values], logical_id), sides, stack["_resources"])
        change_set[_LIVE][logical_id] = None if status == "DELETED" else _live(drift, record)
        for key, change in ((values, described), ("Changes", _without_values(described))):
            by_name = {changed_resource(each)["LogicalResourceId"]: each for each in change_set[key]}
            by_name[logical_id] = {"Type": "Resource", "ResourceChange": change}
            change_set[key] = [by_name[name] for name in sorted(by_name)]


def prepare(change_set: Json, stack: Json) -> None:
    """Let the stack's records say what the resources are, so that the execution changes them."""
    records = stack["_resources"]
    saved = change_set[_SAVED] = {}
    for logical_id, live in change_set.get(_LIVE, {}).items():
        saved[logical_id] = copy.deepcopy(records[logical_id])
        if live is None:
            del records[logical_id]
        else:
            records[logical_id]["Properties"] = live


def restore(change_set: Json, stack: Json) -> None:
    """Let the stack's records say again what the template said, after an execution that failed."""
    for logical_id, saved in change_set.pop(_SAVED, {}).items():
        record = stack["_resources"].setdefault(logical_id, saved)
        record["Properties"] = saved["Properties"]


def _drifts(stack: Json) -> dict[str, Json]:
    """Return what drift detection says of the resources of which it can say something."""
    drift, now = module(DRIFT), module(RESPONSES).now_iso()
    return {
        logical_id: drift.detect_resource_drift(stack, logical_id, record, now)
        for logical_id, record in stack["_resources"].items()
        if drift.supports_drift(record["ResourceType"])
    }


def _of(changes: list[Json], logical_id: str) -> Json:
    return next(
        (each for each in map(changed_resource, changes) if each["LogicalResourceId"] == logical_id), {}
    )


def _drifted_names(drift: Json) -> list[str]:
    """Return the properties that have drifted, in the order of their names."""
    return sorted({each["PropertyPath"].split("/")[1] for each in drift["PropertyDifferences"]})


def _live(drift: Json, record: Json) -> Json:
    """Return the properties that the template sets, with the values that they have."""
    actual = json.loads(drift["ActualProperties"])
    names = _drifted_names(drift)
    live = {name: value for name, value in record["Properties"].items() if name not in names}
    live |= {name: actual[name] for name in names if name in actual}
    return {**live, LIVE_TAGS: True} if "Tags" in names else live


def _change(drift: Json, record: Json, change: Json, sides: tuple[Side, Side], records: Json) -> Json:
    """Return the change of a resource that has drifted; `change` is what the template changes of it."""
    logical_id = drift["LogicalResourceId"]
    before, after = sides
    status = {"ResourceDriftStatus": drift["StackResourceDriftStatus"]}
    named = {"LogicalResourceId": logical_id, "ResourceType": drift["ResourceType"], **status}
    contexts = {
        "AfterContext": after.context(logical_id, records),
        "PreviousDeploymentContext": before.context(logical_id, records),
    }
    if drift["StackResourceDriftStatus"] == "DELETED":
        return {"Action": "Add", **named, **contexts, "Scope": [], "Details": []}
    secret = {
        name for side in sides if logical_id in side.resources for name in _secret(side, logical_id, records)
    }
    drifted = _details(drift, after.properties(logical_id, records, masked=False), change, secret)
    names = {each["Target"]["Name"] for each in drifted}
    own = [each for each in change.get("Details", ()) if each["Target"].get("Name") not in names]
    is_same = not own and all(each["Target"]["AttributeChangeType"] == "SyncWithActual" for each in drifted)
    details = own + drifted
    live = {name: value for name, value in _live(drift, record).items() if name != LIVE_TAGS}
    return {
        **change,
        "Action": "SyncWithActual" if is_same else "Modify",
        **named,
        "PhysicalResourceId": drift["PhysicalResourceId"],
        "Replacement": "False" if is_same else replacement_of(details),
        "Scope": list(dict.fromkeys(each["Target"]["Attribute"] for each in details)),
        "Details": details,
        "BeforeContext": json.dumps({"Properties": _masked(live, secret)}),
        **contexts,
    }


def _secret(side: Side, logical_id: str, records: Json) -> set[str]:
    """Return the properties that have a value of a parameter with `NoEcho` in them."""
    plain, masked = (side.properties(logical_id, records, masked=each) for each in (False, True))
    return {name for name in plain if plain[name] != masked[name]}


def _masked(properties: Json, secret: set[str]) -> Json:
    return {name: MASK if name in secret else value for name, value in properties.items()}


def _details(drift: Json, desired: Json, change: Json, secret: set[str]) -> list[Json]:
    recreation = module(STACKS)._property_recreation
    expected, actual = (json.loads(drift[key]) for key in ("ExpectedProperties", "ActualProperties"))
    changed = {each["Target"].get("Name") for each in change.get("Details", ())}
    details = []
    for name in _drifted_names(drift):
        # What is expected has the stack's tags in it; what the template changes it does not.
        after = desired if name in changed else expected
        shown = [_masked(each, secret) for each in (actual, after, expected)]
        members = value_members(f"/Properties/{name}", name, *shown[:2])
        if as_sent(actual.get(name)) == as_sent(after.get(name)):
            members["AttributeChangeType"] = "SyncWithActual"
        target = {
            "Attribute": "Properties",
            "Name": name,
            "RequiresRecreation": recreation(drift["ResourceType"], name),
            **members,
            "BeforeValueFrom": "ACTUAL_STATE",
            "AfterValueFrom": "TEMPLATE",
            "Drift": {
                "PreviousValue": _text(shown[2], name),
                "ActualValue": _text(shown[0], name),
                "DriftDetectionTimestamp": drift["Timestamp"],
            },
        }
        source = "DirectModification" if name in changed else "NoModification"
        details.append({"Target": target, "Evaluation": "Static", "ChangeSource": source})
    return details


def _text(properties: Json, name: str) -> str | None:
    return as_text(properties[name]) if name in properties else None


def _without_values(change: Json) -> Json:
    kept: dict[str, Any] = {name: value for name, value in change.items() if name not in _CONTEXTS}
    kept["Details"] = [
        {**each, "Target": {name: each["Target"][name] for name in _TARGET if name in each["Target"]}}
        for each in change["Details"]
    ]
    return kept
