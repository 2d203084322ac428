"""Runs handlers in this process, which imports them."""

from __future__ import annotations

import json
import logging
import threading
import traceback
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from sandbox.lambda_.function import Context, Function, Handler, Outcome, OverTime, function_error

LOG = logging.getLogger("sandbox.lambda_.in_process")


class InProcess:
    """The host without processes of its own: fast, and a handler over its timeout cannot be ended."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}
        self._import_lock = threading.Lock()

    def run(self, function: Function, event: Any, request_id: str) -> Outcome:
        """Run the handler and return what Lambda would answer.

        Raises:
            OverTime: the handler has not answered within its timeout.
        """
        outcomes: list[Outcome] = []
        context = Context(function, request_id)
        # A thread cannot be ended from outside: after the timeout it goes on, and its answer is dropped.
        thread = threading.Thread(
            target=lambda: outcomes.append(self._call(function, event, context)), daemon=True
        )
        thread.start()
        thread.join(function.timeout_seconds)
        if not outcomes:
            raise OverTime
        return outcomes[0]

    def prepare(self, functions: Iterable[Function]) -> None:
        """Import the handlers in the background, for which their first invocation would wait."""
        threading.Thread(target=self._import, args=[list(functions)], daemon=True).start()

    def close(self) -> None:
        """Leave the threads to the end of the process."""

    def _call(self, function: Function, event: Any, context: Context) -> Outcome:
        try:
            handler = self._handler(function)
        except Exception as problem:
            LOG.exception("%s cannot be imported", function.handler)
            return function_error("Runtime.ImportModuleError", f"{type(problem).__name__}: {problem}")
        try:
            answer = handler(event, context)
        except BaseException as problem:
            LOG.exception("%s raised", function.name)
            trace = traceback.format_tb(problem.__traceback__)
            return function_error(type(problem).__name__, str(problem), trace)
        try:
            return Outcome(json.dumps(answer).encode())
        except (TypeError, ValueError) as problem:
            LOG.exception("%s did not answer with JSON", function.name)
            return function_error("Runtime.MarshalError", f"Unable to marshal response: {problem}")

    def _import(self, functions: Iterable[Function]) -> None:
        for each in functions:
            with suppress(Exception):  # an invocation tries it again, and answers with what is wrong
                self._handler(each)

    def _handler(self, function: Function) -> Handler:
        with self._import_lock:
            if function.name not in self._handlers:
                self._handlers[function.name] = function.load()
            return self._handlers[function.name]
