"""Helpers of the sandbox's tests: invocations through boto3, waiting, tables of cases."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import pytest

MAX_WAIT_SECONDS = 10.0
POLL_SECONDS = 0.02

T = TypeVar("T")


def cases(arguments: str, table: Mapping[str, Any]) -> pytest.MarkDecorator:
    """Parametrize a test with a table: from the id of each case to its values."""
    return pytest.mark.parametrize(arguments, list(table.values()), ids=list(table))


def invoke(client: Any, name: str, event: Any, **options: Any) -> tuple[dict[str, Any], Any]:
    """Invoke a function and return Lambda's answer and the function's; an event in bytes goes as it is."""
    payload = event if isinstance(event, bytes) else json.dumps(event).encode()
    response = client.invoke(FunctionName=name, Payload=payload, **options)
    with response["Payload"] as stream:
        body = stream.read()
    return response, json.loads(body) if body else None


def until(poll: Callable[[], T]) -> T:
    """Poll until the result is something, or true, and return it."""
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while not (result := poll()):
        assert time.monotonic() < deadline, "it has not happened in time"
        time.sleep(POLL_SECONDS)
    return result
