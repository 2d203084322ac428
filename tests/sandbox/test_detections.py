"""Detections of drift: what is read in a thread, and what is answered meanwhile."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox.cloudformation.ministack_hooks import detections
from sandbox.cloudformation.ministack_hooks.names import CLOUDFORMATION, DRIFT, HANDLERS, HELPERS, RESPONSES

WAIT_SECONDS = 20.0


class Engine:
    """The parts of ministack that a detection uses, with one stack, whose resource is read when it may be."""

    def __init__(self) -> None:
        self.stack: Any = {
            "StackId": "id",
            "StackStatus": "CREATE_COMPLETE",
            "_resources": {"Version": {"ResourceType": "Type"}},
        }
        self.may_read = threading.Event()
        self.readers: list[threading.Thread] = []
        handlers = SimpleNamespace(
            _p=lambda sent, key: sent.get(key, [""])[0],
            _resolve_stack=lambda name: self.stack if name == "fraud" else None,
            _extract_string_members=lambda *_: [],
        )
        self.modules: dict[str, Any] = {
            CLOUDFORMATION: SimpleNamespace(handle_request=self._handle),
            DRIFT: SimpleNamespace(
                DRIFT_DETECTABLE_STATUSES={"CREATE_COMPLETE"},
                supports_drift=lambda _: True,
                detect_resource_drift=self._detect,
            ),
            HANDLERS: handlers,
            HELPERS: SimpleNamespace(_xml=lambda _status, _root, inner: inner),
            RESPONSES: SimpleNamespace(now_iso=lambda: "now", new_uuid=lambda: "begun"),
        }

    async def _handle(self, _method: str, _path: str, _headers: Any, body: bytes, _query: Any) -> str:
        if b"DetectStack" in body and "_resources" in self.stack:
            record = self.stack["_resources"]["Version"]
            drift = self.modules[DRIFT].detect_resource_drift(self.stack, "Version", record, "later")
            ended = {"DetectionStatus": "DETECTION_COMPLETE", "drift": drift}
            self.stack.setdefault("_drift_detections", {})["own"] = ended
        return "answered"

    def _detect(self, _stack: Any, _name: str, _record: Any, timestamp: str) -> Any:
        self.readers.append(threading.current_thread())
        assert self.may_read.wait(WAIT_SECONDS)
        return {"status": "MODIFIED", "Timestamp": timestamp}

    async def ask(self, **sent: str) -> Any:
        body = urlencode(sent).encode()
        return await self.modules[CLOUDFORMATION].handle_request("POST", "/", {}, body, {})


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine()
    monkeypatch.setattr(detections, "module", made.modules.__getitem__)
    monkeypatch.setattr(detections, "MAX_HELD_SECONDS", 0.01)
    detections.detect_in_threads()
    return made


@pytest.mark.parametrize("is_gone", [False, True])
def test_detection_is_in_progress_while_others_are_answered(engine: Engine, *, is_gone: bool) -> None:
    async def play() -> None:
        answer = await engine.ask(Action="DetectStackDrift", StackName="fraud")
        assert "<StackDriftDetectionId>begun</StackDriftDetectionId>" in answer
        kept = engine.stack["_drift_detections"]
        assert kept["begun"]["DetectionStatus"] == "DETECTION_IN_PROGRESS"
        assert await engine.ask(Action="DescribeStacks", StackName="fraud") == "answered"
        if is_gone:
            del engine.stack["_resources"]
        engine.may_read.set()
        async with asyncio.timeout(WAIT_SECONDS):
            while kept["begun"]["DetectionStatus"] == "DETECTION_IN_PROGRESS":
                await asyncio.sleep(0.001)
        if is_gone:
            assert kept["begun"]["DetectionStatus"] == "DETECTION_FAILED"
            return
        assert kept["begun"] == {
            "StackDriftDetectionId": "begun",
            "DetectionStatus": "DETECTION_COMPLETE",
            "drift": {"status": "MODIFIED", "Timestamp": "later"},
        }
        assert len(engine.readers) == 1
        assert engine.readers != [threading.current_thread()]

    asyncio.run(play())


def test_detection_of_one_resource_is_held_back_until_it_has_ended(engine: Engine) -> None:
    engine.may_read.set()
    answer = engine.ask(Action="DetectStackResourceDrift", StackName="fraud", LogicalResourceId="Version")
    assert asyncio.run(answer) == "answered"
    assert len(engine.readers) == 1
