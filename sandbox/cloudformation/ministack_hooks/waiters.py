"""Holds back ministack's answers to waiters until the operation has ended, within a limit.

A waiter of boto3 or of the AWS CLI polls at once, which is too early even for an engine that takes a second,
and then sleeps for 30 seconds. Only requests that say that a waiter sends them are held back.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any
from urllib.parse import parse_qs

from .names import CLOUDFORMATION, HANDLERS, module

# How long the answer to one poll of a waiter is held back, and how often the stack is read meanwhile.
MAX_HELD_SECONDS = 10.0
HELD_POLL_SECONDS = 0.05
# The list of features in botocore's User-Agent has B in a request that a waiter sends [D].
_WAITER = re.compile(r"(?:^|\s)m/(?:[^\s,]+,)*B(?:,|\s|$)")


def hold_waiters() -> None:
    """Answer a waiter's poll when the operation has ended, within a limit: the next one is 30 s later."""
    package = module(CLOUDFORMATION)
    handle = package.handle_request

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Any:
        if _WAITER.search(headers.get("user-agent", "")):
            sent = parse_qs(body.decode("utf-8", errors="replace"))
            deadline = time.monotonic() + MAX_HELD_SECONDS
            while _is_in_progress(sent) and time.monotonic() < deadline:
                await asyncio.sleep(HELD_POLL_SECONDS)
        return await handle(method, path, headers, body, query_params)

    package.handle_request = handle_request


def _is_in_progress(sent: dict[str, list[str]]) -> bool:
    handlers = module(HANDLERS)
    value = handlers._p
    if value(sent, "Action") != "DescribeStacks" or not value(sent, "StackName"):
        return False
    status = str((handlers._resolve_stack(value(sent, "StackName")) or {}).get("StackStatus"))
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"
