"""Reads resources in a thread when their drift is detected, and answers when that has ended, within a limit.

ministack 1.5.33 reads them while it answers, and answers nothing else until then: the handler of a service
that throttles takes most of a minute for each. As in CloudFormation, a detection that takes longer is in
progress when it has been asked for [D].
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qs

from sandbox.cloudformation.resource_changes import Json

from .names import CLOUDFORMATION, DRIFT, HANDLERS, HELPERS, RESPONSES, module

# How long the answer to a detection is held back: a client that does not ask whether it has ended sees most.
MAX_HELD_SECONDS = 10.0
_STACK, _RESOURCE, _CHANGE_SET = "DetectStackDrift", "DetectStackResourceDrift", "CreateChangeSet"
# Where ministack keeps the detections of a stack.
_DETECTIONS = "_drift_detections"
# What has been read for the request that is answered, by logical id: the resource's record, and its drift.
_READ: ContextVar[dict[str, tuple[Json, Json]] | None] = ContextVar("read", default=None)


def detect_in_threads() -> None:
    """Detect drift without keeping other requests waiting."""
    package, drift = module(CLOUDFORMATION), module(DRIFT)
    handle, detect = package.handle_request, drift.detect_resource_drift

    def detect_resource_drift(stack: Json, logical_id: str, record: Json, timestamp: str) -> Json:
        before, known = (_READ.get() or {}).get(logical_id, (None, {}))
        if before is record:
            return {**known, "Timestamp": timestamp}
        unread: Json = detect(stack, logical_id, record, timestamp)
        return unread

    async def read_and_answer(sent: dict[str, list[str]], *request: Any) -> tuple[Any, Json]:
        """Return the answer, and the newest detection of the stack."""
        _READ.set(await asyncio.to_thread(_read, sent))
        answer = await handle(*request)
        return answer, next(reversed(_stack_of(sent).get(_DETECTIONS, {}).values()), {})

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Any:
        request = (method, path, headers, body, query_params)
        sent = parse_qs(body.decode("utf-8", errors="replace"))
        action = module(HANDLERS)._p(sent, "Action")
        reads = action in (_STACK, _RESOURCE) or (
            action == _CHANGE_SET and module(HANDLERS)._p(sent, "DeploymentMode") == "REVERT_DRIFT"
        )
        if not reads:
            return await handle(*request)
        # A task has a context of its own, in which what was read stays.
        answer = asyncio.create_task(read_and_answer(sent, *request))
        if action == _STACK and not (await asyncio.wait({answer}, timeout=MAX_HELD_SECONDS))[0]:
            return _begin(_stack_of(sent), answer)
        return (await answer)[0]

    drift.detect_resource_drift = detect_resource_drift
    package.handle_request = handle_request


def _stack_of(sent: dict[str, list[str]]) -> Json:
    handlers = module(HANDLERS)
    return handlers._resolve_stack(handlers._p(sent, "StackName")) or {}


def _read(sent: dict[str, list[str]]) -> dict[str, tuple[Json, Json]]:
    """Return the drift of the resources that a request is about; nothing where it will be refused."""
    drift, handlers, stack = module(DRIFT), module(HANDLERS), _stack_of(sent)
    if stack.get("StackStatus") not in drift.DRIFT_DETECTABLE_STATUSES:
        return {}
    wanted = handlers._extract_string_members(sent, "LogicalResourceIds")
    if single := handlers._p(sent, "LogicalResourceId"):
        wanted = [single]
    now = module(RESPONSES).now_iso()
    return {
        logical_id: (record, drift.detect_resource_drift(stack, logical_id, record, now))
        for logical_id, record in [*stack["_resources"].items()]
        if (not wanted or logical_id in wanted) and drift.supports_drift(record["ResourceType"])
    }


def _begin(stack: Json, answer: asyncio.Task[tuple[Any, Json]]) -> Any:
    """Answer with the id of a detection that is in progress until ministack's own has ended."""
    responses, detections = module(RESPONSES), stack.setdefault(_DETECTIONS, {})
    detection_id = responses.new_uuid()
    begun = detections[detection_id] = {
        "StackId": stack["StackId"],
        "StackDriftDetectionId": detection_id,
        "StackDriftStatus": "NOT_CHECKED",
        "DetectionStatus": "DETECTION_IN_PROGRESS",
        "Timestamp": responses.now_iso(),
    }

    def end(ended: asyncio.Task[tuple[Any, Json]]) -> None:
        newest = {} if ended.cancelled() or ended.exception() else ended.result()[1]
        if newest and newest is not begun:
            detections[detection_id] = {**newest, "StackDriftDetectionId": detection_id}
            return
        reason = "The stack cannot be checked any more"
        failed = {"DetectionStatus": "DETECTION_FAILED", "DetectionStatusReason": reason}
        detections[detection_id] = {**begun, **failed, "StackDriftStatus": "UNKNOWN"}

    answer.add_done_callback(end)
    inner = f"<StackDriftDetectionId>{detection_id}</StackDriftDetectionId>"
    return module(HELPERS)._xml(200, f"{_STACK}Response", f"<{_STACK}Result>{inner}</{_STACK}Result>")
