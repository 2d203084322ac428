"""Reads the stacks from CloudFormation while the page is read, beside the requests for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sandbox.shared import template_yaml
from sandbox.shared.template_secrets import HIDDEN, TemplateSecrets

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

Json = dict[str, Any]

# How old the stacks may be that a page shows, and how long it waits for newer ones.
MAX_AGE_SECONDS = 2.0
MAX_WAIT_SECONDS = 1.0
# Between two readings; longer where one takes long: it costs no more than a fifth of the time.
REST_SECONDS = 0.5
REST_FACTOR = 4
STOP_SECONDS = 2.0
MAX_REASONS = 10
SLOW_SECONDS = 5.0  # a reading that takes longer is shown as a problem

_MIN_SECRET_CHARACTERS = 4  # to be recognized in the output of another stack

# Reasons of resources that failed because another one did.
_CONSEQUENCES = ("Resource creation cancelled", "Resource update cancelled")
_USER = "User Initiated"  # which says nothing
_NOT_READ = "CloudFormation has not answered yet."
_SLOW = "CloudFormation takes long to answer: this is what it answered last."


class StackReader:
    """The stacks, as they were read last, read again whenever they are asked for and old.

    It reads in a thread of its own, of which there is none while nothing is asked. What a stack has had since
    its last change is not read again.
    """

    def __init__(self, make_client: Callable[[], CloudFormationClient]) -> None:
        self._make_client = make_client
        self._client: CloudFormationClient | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._read_at = self._rested_at = float("-inf")
        self._begun_at = 0.0
        self._wanted: set[str] = set()  # ids of deleted stacks whose details are shown
        self._known: dict[str, tuple[object, Json]] = {}
        self._stacks: Json = {"stacks": [], "deleted": [], "problem": _NOT_READ}

    def stacks(self, wanted: str = "", *, wait: bool = True) -> Json:
        """Return `stacks`, `deleted` ones and the `problem` of the last reading, or the empty text.

        A stack has `id`, `name`, `status`, `reason`, `description`, `created`, `updated` and `deleted` (epoch
        seconds or None), `parent` (an id, or the empty text), `outputs`, `resources`, and the `reasons` of
        its last operation. An output has `name`, `value`, `description`, `export` and whether its value
        `isHidden`. Of a deleted one resources and reasons are read when its id is `wanted`.
        """
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        with self._changed:
            self._wanted |= {wanted} if wanted else set()
            for _ in range(2):  # the first reading may have begun before this stack was wanted
                now = time.monotonic()
                is_missing = bool(wanted) and wanted not in self._known
                if self._thread is None and not self._is_closed and (is_missing or now >= self._rested_at):
                    self._begun_at = now
                    self._thread = threading.Thread(target=self._read, daemon=True, name="page-stacks")
                    self._thread.start()
                if not wait or not (is_missing or now - self._read_at > MAX_AGE_SECONDS):
                    break
                self._changed.wait_for(lambda: self._thread is None, max(deadline - now, 0))
                if not is_missing:
                    break
            is_slow = self._thread is not None and time.monotonic() - self._begun_at > SLOW_SECONDS
            return {**self._stacks, "problem": self._stacks["problem"] or (_SLOW if is_slow else "")}

    def close(self) -> None:
        """End the reading, and close the client."""
        with self._changed:
            self._is_closed = True
            thread = self._thread
        if thread is not None:
            thread.join(STOP_SECONDS)
        if self._client is not None:
            self._client.close()
            self._client = None

    def _read(self) -> None:
        started = time.monotonic()
        stacks: Json
        has_failed = False
        try:
            if self._client is None:
                self._client = self._make_client()
            stacks = {**self._read_all(self._client), "problem": ""}
        except Exception as failure:  # whatever it is, it is shown
            stacks = {**self._stacks, "problem": f"CloudFormation did not answer: {failure}"}
            has_failed = True
        with self._changed:
            self._stacks = stacks
            self._read_at = time.monotonic()
            busy = 0.0 if has_failed else self._read_at - started  # waiting in vain costs nothing
            self._rested_at = self._read_at + max(REST_SECONDS, REST_FACTOR * busy)
            self._thread = None
            self._changed.notify_all()

    def _read_all(self, client: CloudFormationClient) -> Json:
        live = [
            (each, _stack(each))
            for page in client.get_paginator("describe_stacks").paginate()
            for each in page["Stacks"]
        ]
        deleted = [
            (each, _stack(each))
            for page in client.get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"])
            for each in page["StackSummaries"]
        ]
        known: dict[str, tuple[object, Json]] = {}
        for answer, stack in [*live, *(each for each in deleted if each[1]["id"] in self._wanted)]:
            # Names of members that say whether anything has happened to the stack.
            state = [answer.get(name) for name in ("StackStatus", "LastUpdatedTime", "LastOperations")]
            if stack["status"].endswith("_IN_PROGRESS"):
                state.append(object())  # which equals nothing: more happens
            before, details = self._known.get(stack["id"], (None, {}))
            if before != state:
                details = _details(client, answer)
            known[stack["id"]] = state, details
            stack.update(details)
        self._known = known
        _hide_outputs([stack for _, stack in live])
        return {
            "stacks": sorted((stack for _, stack in live), key=lambda each: each["name"]),
            "deleted": sorted((stack for _, stack in deleted), key=lambda each: -each["deleted"]),
        }


def _stack(answer: Mapping[str, Any]) -> Json:
    """Return a stack from an item of DescribeStacks or ListStacks."""
    reason = answer.get("StackStatusReason") or ""
    return {
        "id": answer["StackId"],
        "name": answer["StackName"],
        "status": answer["StackStatus"],
        "reason": "" if reason == _USER else reason,
        "description": answer.get("Description") or answer.get("TemplateDescription") or "",
        "created": answer["CreationTime"].timestamp(),
        "updated": _seconds(answer.get("LastUpdatedTime")),
        "deleted": (_seconds(answer.get("DeletionTime")) or answer["CreationTime"].timestamp())
        if answer["StackStatus"] == "DELETE_COMPLETE"
        else None,
        "parent": answer.get("ParentId") or "",
        "outputs": [
            {
                "name": each["OutputKey"],
                "value": each["OutputValue"],
                "description": each.get("Description") or "",
                "export": each.get("ExportName") or "",
            }
            for each in answer.get("Outputs") or ()
        ],
        "resources": [],
        "reasons": [],
        "secretOutputs": [],
    }


def _hide_outputs(stacks: Sequence[Json]) -> None:
    """Hide the outputs with the value of a `NoEcho` parameter, also where another stack has them again."""
    outputs = [(output, stack) for stack in stacks for output in stack["outputs"]]
    secrets = {each["value"] for each, stack in outputs if each["name"] in stack["secretOutputs"]}
    for output, stack in outputs:
        output["isHidden"] = output["name"] in stack["secretOutputs"] or any(
            secret in output["value"] for secret in secrets if len(secret) >= _MIN_SECRET_CHARACTERS
        )
        if output["isHidden"]:
            output["value"] = HIDDEN


def _secret_outputs(client: CloudFormationClient, answer: Mapping[str, Any]) -> list[str]:
    """Return the outputs with a secret in them, as the template has them."""
    if not answer.get("Outputs"):
        return []
    body: Any = client.get_template(StackName=answer["StackId"], TemplateStage="Processed")["TemplateBody"]
    template = template_yaml.load(body) if isinstance(body, str) else body  # botocore parses JSON
    values = {each["ParameterKey"]: each.get("ParameterValue", "") for each in answer.get("Parameters") or ()}
    secrets = TemplateSecrets(template, template, values)
    return [name for name, each in (template.get("Outputs") or {}).items() if secrets.uses(each.get("Value"))]


def _details(client: CloudFormationClient, answer: Mapping[str, Any]) -> Json:
    """Return the resources of a stack, the reasons of its last operation, and which outputs are hidden."""
    stack_id = answer["StackId"]
    resources = [
        {
            "logicalId": each["LogicalResourceId"],
            "physicalId": each.get("PhysicalResourceId") or "",
            "type": each["ResourceType"],
            "status": each["ResourceStatus"],
            "reason": each.get("ResourceStatusReason") or "",
            "updated": _seconds(each.get("LastUpdatedTimestamp")),
        }
        for page in client.get_paginator("list_stack_resources").paginate(StackName=stack_id)
        for each in page["StackResourceSummaries"]
    ]
    return {
        "resources": resources,
        "reasons": _reasons(_last_events(client, stack_id), stack_id),
        "secretOutputs": _secret_outputs(client, answer),
    }


def _last_events(client: CloudFormationClient, stack_id: str) -> Iterator[Mapping[str, Any]]:
    """Yield the events of the last operation, newest first."""
    for page in client.get_paginator("describe_stack_events").paginate(StackName=stack_id):
        for event in page["StackEvents"]:
            yield event
            status = event["ResourceStatus"]
            is_start = (
                status.endswith("_IN_PROGRESS") and "ROLLBACK" not in status and "CLEANUP" not in status
            )
            if is_start and event.get("PhysicalResourceId") == stack_id:
                return


def _reasons(events: Iterator[Mapping[str, Any]], stack_id: str) -> list[Json]:
    """Return why resources failed, the first one first; else the messages of those that are done."""
    failures: list[Json] = []
    messages: list[Json] = []
    for event in events:
        status, reason = event["ResourceStatus"], event.get("ResourceStatusReason") or ""
        if not reason or event.get("PhysicalResourceId") == stack_id or reason.startswith(_CONSEQUENCES):
            continue
        why = {
            "resource": event["LogicalResourceId"],
            "status": status,
            "reason": reason,
            "time": event["Timestamp"].timestamp(),
        }
        if status.endswith("_FAILED"):
            failures.append(why)
        elif status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            messages.append(why)
    return (failures or messages)[::-1][:MAX_REASONS]


def _seconds(moment: Any) -> float | None:
    with suppress(AttributeError):
        return float(moment.timestamp())
    return None
