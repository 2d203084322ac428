"""What the tests of the commands share: results, templates, waiting, Ctrl-C."""

from __future__ import annotations

import gc
import json
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Behaviour, Fault
from tests.stack.stacks import IMAGE, TYPE, Json, version

WAIT_SECONDS = 20.0
VERSION = "examples/registered-version.yaml"
VALIDATED = "examples/validated-package.yaml"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/fraud-detection"
GROUP_ARN = ARN.replace(":model-package/", ":model-package-group/")
REASON = "the container did not answer a ping"

__all__ = ["IMAGE", "Json"]  # for the tests of the commands


@dataclass
class CommandResult:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def json_lines(self) -> list[Json]:
        return [json.loads(line) for line in self.out.splitlines()]


RunCommand = Callable[..., CommandResult]


def stacks_of(run: RunCommand) -> list[Json]:
    """The stacks that `status` shows."""
    return list(run("status", "--json").json["stacks"])


def write(path: Path, content: Any) -> str:
    """Write a file, what is not text as JSON, and return its name."""
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def package_template(**properties: Any) -> Json:
    """A template with a group and a version in it."""
    group = {
        "Type": "AWS::SageMaker::ModelPackageGroup",
        "DeletionPolicy": "Retain",
        "Properties": {"ModelPackageGroupName": "fraud-detection"},
    }
    arn = {"Fn::GetAtt": ["Group", "ModelPackageGroupArn"]}
    properties = {**version(**properties), "ModelPackageGroupName": arn}
    return {"Resources": {"Group": group, "Version": {"Type": TYPE, "Properties": properties}}}


@contextmanager
def interrupt_once(condition: Callable[[], bool]) -> Iterator[None]:
    """Send SIGINT to this thread once the condition holds."""
    over = threading.Event()
    main_thread = threading.get_ident()

    def send() -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not over.wait(0.02) and time.monotonic() < deadline:
            if condition():
                signal.pthread_kill(main_thread, signal.SIGINT)
                return

    # A process that a shell has started in the background ignores SIGINT.
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    sender = threading.Thread(target=send)
    sender.start()
    try:
        # What is interrupted in the middle of a call leaves its connection to the end of the process.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            yield
            gc.collect()
    finally:
        over.set()
        sender.join()
        signal.signal(signal.SIGINT, previous)


def handlers_wait(sandbox: Sandbox, stack: str) -> Callable[[], bool]:
    """Whether a handler of the stack has answered IN_PROGRESS."""
    return lambda: any(
        stack in (each["stackId"] or "") and each["status"] == "IN_PROGRESS" for each in sandbox.invocations()
    )


def never_complete(sandbox: Sandbox) -> None:
    """Let validations take longer than any test."""
    sandbox.sagemaker.behaviour = Behaviour(describes_until_completed=1_000)


def complete_at_once(sandbox: Sandbox) -> None:
    sandbox.sagemaker.behaviour = Behaviour(describes_until_completed=0, pending_describes=0)


def refuse(sandbox: Sandbox, operation: str) -> None:
    """Let SageMaker refuse every call of an operation."""
    fault = Fault("AccessDeniedException", "not allowed", operation=operation, times=None)
    sandbox.sagemaker.behaviour.faults = [fault]
