"""The event loop of stacks: another than that of the engine's other services."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sandbox.cloudformation.guarded_application import head_of
from sandbox.shared.services import service_of
from sandbox.shared.settings import SERVICES

# As many as the engine gives its own loop: handlers keep them busy.
_THREADS = 64

Application = Callable[[Any, Any, Any], Awaitable[None]]


class StacksLoop:
    """Answers what is not for one of the other services in a thread with an event loop of its own.

    The engine imports on its loop, and waits there for handlers, which may write logs or read parameters
    meanwhile: on one loop each would wait for the other.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(ThreadPoolExecutor(_THREADS, "stacks"))
        threading.Thread(target=self._loop.run_forever, name="stacks", daemon=True).start()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one request, whose body comes in one piece."""
        if scope["type"] != "http" or service_of(head_of(scope)) in SERVICES:
            await self._application(scope, receive, send)
            return
        received = [await receive()]
        sent: list[dict[str, Any]] = []

        async def receive_there() -> dict[str, Any]:
            return received.pop() if received else {"type": "http.disconnect"}

        async def send_there(message: dict[str, Any]) -> None:
            sent.append(message)

        async def answer() -> None:
            await self._application(scope, receive_there, send_there)

        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(answer(), self._loop))
        for message in sent:
            await send(message)
