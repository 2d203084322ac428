"""Handlers of a type that exists in this process only, for the tests of the sandbox."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

Event = dict[str, Any]

PAGE = 2
REFUSING = "arn:refusing:"  # reading one of these fails with the code that follows
DELAYS_SECONDS = {"slow": 20, "endless": 121, "break": 1, "lingering": 10}

_lock = threading.Lock()
_things: dict[str, Event] = {}
_events: list[Event] = []
_made = 0


def inspect(event: Event, _context: Any) -> Event:
    """Show what there is and what arrived; `forget` empties both."""
    with _lock:
        shown = {"things": dict(_things), "events": list(_events)}
        if event.get("forget"):
            _things.clear()
            _events.clear()
    return shown


def echo(event: Event, context: Any) -> Any:
    """Do what the event says: answer, log, wait, raise, or answer what is no JSON."""
    print("printed by the handler")
    logging.getLogger("fake").warning("logged by the handler")
    if event.get("raise"):
        raise LookupError(event["raise"])
    if event.get("not json"):
        return {1, 2}
    time.sleep(event.get("sleep", 0))
    return {
        "event": event,
        "remaining": context.get_remaining_time_in_millis(),
        "name": context.function_name,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "request": context.aws_request_id,
        "environment": {name: value for name, value in os.environ.items() if name.startswith("AWS_")},
        "pid": os.getpid(),
    }


def process(event: Event, _context: Any) -> Event:
    """Show the process, after what the event says: meet another, use memory, start a child, end, or wait."""
    if "meet" in event:
        there = Path(event["meet"])
        (there / str(os.getpid())).touch()
        while len(list(there.iterdir())) < 2:
            time.sleep(0.01)
    used = b"." * event.get("megabytes", 0) * 2**20
    if event.get("start"):
        # A child of its own, which is never waited for.
        subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL)  # noqa: S607 - found on the path
    if "exit" in event:
        os._exit(event["exit"])
    if "signal" in event:
        os.kill(os.getpid(), event["signal"])
    time.sleep(event.get("sleep", 0))
    return {
        "pid": os.getpid(),
        "used": len(used),
        "directory": str(Path.cwd()),
        "environment": dict(os.environ),
        "path": sys.path,
    }


def resource(event: Event, _context: Any) -> Event:
    """Answer one production event."""
    data = event["requestData"]
    with _lock:
        _events.append(event)
    model = {key: value for key, value in data["resourceProperties"].items() if value is not None}
    if event["action"] in ("CREATE", "LIST"):
        return {"CREATE": _create, "LIST": _list}[event["action"]](event, model)
    if model["Arn"].startswith(REFUSING):
        return _failed(model["Arn"].removeprefix(REFUSING), "refused as asked")
    if model.get("Arn") not in _things:
        return _failed("NotFound", "there is no such thing")
    if event["action"] == "UPDATE":
        return _update(event, model, data["previousResourceProperties"])
    if event["action"] == "READ":
        return {"status": "SUCCESS", "resourceModel": _read(model["Arn"])}
    return _delete(event, model)


def _create(event: Event, model: Event) -> Event:
    """Create as the model's `Behave` says."""
    global _made  # noqa: PLW0603 - a counter is all the state there is
    behave, context = model.get("Behave", "well"), event.get("callbackContext") or {}
    if behave == "raise":
        raise LookupError("the handler broke")
    if behave == "taken":
        return {**_failed("AlreadyExists", "it is in use"), "resourceModel": {**model, "Arn": "arn:other"}}
    if behave == "throttled" and sum(_same_token(event)) == 1:
        return _failed("Throttling", "slow down")
    if "Arn" not in model:
        with _lock:
            _made += 1
            model = {**model, "Arn": f"arn:thing:{_made}"}
            _things[model["Arn"]] = {**model, "StackTags": event["requestData"]["stackTags"]}
    if behave == "endless" or (behave in {"slow", "break"} and not context):
        return _in_progress(model, DELAYS_SECONDS[behave])
    if behave == "break":
        return {**_failed("NotStabilized", "it broke"), "resourceModel": model}
    return _done(event, model)


def _read(arn: str) -> Event:
    """Return a thing as READ shows it; its write-only property is there by mistake."""
    return {key: value for key, value in _things[arn].items() if key != "StackTags"} | {"Status": "Ready"}


def _list(event: Event, model: Event) -> Event:
    """Answer a page of the things with that name."""
    first = int(event.get("nextToken") or 0)
    arns = [arn for arn, thing in _things.items() if model.get("Name") in (None, thing.get("Name"))]
    page = {
        "status": "SUCCESS",
        "resourceModels": [_read(arn) for arn in arns[first : first + PAGE]],
    }
    return {**page, "nextToken": str(first + PAGE)} if len(arns) > first + PAGE else page


def _update(event: Event, model: Event, previous: Event) -> Event:
    if model.get("Locked") != previous.get("Locked"):
        return _failed("NotUpdatable", "Locked cannot change")
    if model.get("Behave") == "raise":
        raise LookupError("the handler broke")
    return _done(event, model)


def _delete(event: Event, model: Event) -> Event:
    if model.get("Behave") == "lingering" and not event.get("callbackContext"):
        return _in_progress(model, DELAYS_SECONDS["lingering"])
    del _things[model["Arn"]]
    return {"status": "SUCCESS"}


def _done(event: Event, model: Event) -> Event:
    with _lock:
        _things[model["Arn"]] = {**model, "StackTags": event["requestData"]["stackTags"]}
    done = {"status": "SUCCESS", "resourceModel": {**model, "Status": "Ready"}}
    return (
        {**done, "message": f"its size stays: {model.get('Size')}"}
        if model.get("Behave") == "report"
        else done
    )


def _same_token(event: Event) -> list[bool]:
    with _lock:
        return [each["bearerToken"] == event["bearerToken"] for each in _events]


def _in_progress(model: Event, seconds: int) -> Event:
    return {
        "status": "IN_PROGRESS",
        "callbackDelaySeconds": seconds,
        "callbackContext": {"started": True},
        "resourceModel": model,
    }


def _failed(code: str, message: str) -> Event:
    return {"status": "FAILED", "errorCode": code, "message": message}
