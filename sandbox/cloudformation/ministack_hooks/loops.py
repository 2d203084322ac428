"""What ministack has for one event loop only."""

from __future__ import annotations

import asyncio
from functools import cache

from .names import APP, module


def lock_each_loop() -> None:
    """Give each loop a lock of its own, on which its requests wait for a reset.

    The engine has one lock; a waiter on another loop than that of the reset would not be woken. [1.5.33]
    """

    @cache
    def lock_of(_loop: asyncio.AbstractEventLoop) -> asyncio.Lock:
        return asyncio.Lock()

    module(APP)._get_reset_lock = lambda: lock_of(asyncio.get_running_loop())
