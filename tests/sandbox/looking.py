"""What tests of the local functions share: an invocation through boto3, and the patience to look again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

PATIENCE_SECONDS = 10.0
LOOK_SECONDS = 0.02

T = TypeVar("T")


def invoke(client: Any, name: str, event: Any, **options: Any) -> tuple[dict[str, Any], Any]:
    """Invoke a function and return Lambda's answer and the function's; an event in bytes goes as it is."""
    payload = event if isinstance(event, bytes) else json.dumps(event).encode()
    response = client.invoke(FunctionName=name, Payload=payload, **options)
    with response["Payload"] as stream:
        body = stream.read()
    return response, json.loads(body) if body else None


def until(look: Callable[[], T]) -> T:
    """Look until something is there, or true, and return it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, "what was looked for has not come"
        time.sleep(LOOK_SECONDS)
    return found
