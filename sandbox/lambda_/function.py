"""A function of the SAM template: its settings, its context, and the outcome of an invocation."""

from __future__ import annotations

import importlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sandbox.shared import template_yaml
from sandbox.shared.settings import ACCOUNT, REGION

DEFAULT_TIMEOUT_SECONDS = 3  # Lambda's own defaults, for a template without these settings
DEFAULT_MEMORY_MB = 128

Handler = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Function:
    """One function of the template."""

    name: str
    handler: str
    timeout_seconds: float
    memory_mb: int

    version = "$LATEST"  # Lambda's name for an unpublished version
    log_stream = "sandbox"

    @property
    def region(self) -> str:
        """The region in which the function is."""
        return os.environ.get("AWS_DEFAULT_REGION", REGION)

    @property
    def arn(self) -> str:
        """The function's ARN, as its context and Lambda's errors give it."""
        return f"arn:aws:lambda:{self.region}:{ACCOUNT}:function:{self.name}"

    @property
    def log_group(self) -> str:
        """The log group that Lambda would write to."""
        return f"/aws/lambda/{self.name}"

    def load(self) -> Handler:
        """Import the handler; the code directory has to be on the path."""
        module, _, attribute = self.handler.rpartition(".")
        handler: Handler = getattr(importlib.import_module(module), attribute)
        return handler


def read_functions(template: Path) -> dict[str, Function]:
    """Return the functions that a SAM template declares, by logical id."""
    document = template_yaml.load(template.read_text())
    common = (document.get("Globals") or {}).get("Function") or {}
    functions = {}
    for name, resource in (document.get("Resources") or {}).items():
        if resource.get("Type") != "AWS::Serverless::Function":
            continue
        settings = {**common, **(resource.get("Properties") or {})}
        functions[name] = Function(
            name=name,
            handler=settings["Handler"],
            timeout_seconds=float(settings.get("Timeout", DEFAULT_TIMEOUT_SECONDS)),
            memory_mb=int(settings.get("MemorySize", DEFAULT_MEMORY_MB)),
        )
    return functions


class Context:
    """Lambda's context object."""

    def __init__(self, function: Function, request_id: str) -> None:
        self.function_name = function.name
        self.function_version = function.version
        self.invoked_function_arn = function.arn
        self.memory_limit_in_mb = str(function.memory_mb)
        self.aws_request_id = request_id
        self.log_group_name = function.log_group
        self.log_stream_name = function.log_stream
        self._deadline = time.monotonic() + function.timeout_seconds

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the function's timeout."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


@dataclass
class Outcome:
    """The result of one invocation: the answer's body, and whether Lambda calls it a function error."""

    body: bytes
    function_error: bool = False
    peak_kb: int | None = None  # peak memory so far of the process, where the function has its own


def function_error(
    error_type: str, message: str, trace: list[str] | None = None, *, peak_kb: int | None = None
) -> Outcome:
    """Return an error in the form in which Lambda answers it."""
    body = {"errorMessage": message, "errorType": error_type, "stackTrace": trace or []}
    return Outcome(json.dumps(body).encode(), function_error=True, peak_kb=peak_kb)


class OverTime(Exception):
    """The handler has not answered within its function's timeout."""

    def __init__(self, peak_kb: int | None = None) -> None:
        super().__init__("the function's timeout is over")
        self.peak_kb = peak_kb


class Host(Protocol):
    """Runs handlers: in this process, or in processes under Lambda's runtime client."""

    def run(self, function: Function, event: Any, request_id: str) -> Outcome:
        """Run the handler and return what Lambda would answer.

        Raises:
            OverTime: the handler has not answered within its timeout.
        """

    def close(self) -> None:
        """End what handlers run in, as far as that is possible."""
