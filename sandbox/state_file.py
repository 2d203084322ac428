"""Where the running sandbox is: noted in a file by `start`, found there by the other commands.

Whoever runs the sandbox holds a lock on the file, which the system takes back when the process ends, however
that happens. So a file that was left behind is never taken for a sandbox.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sandbox.local_aws import Sandbox
from sandbox.shared.clients import make_client, part_of
from sandbox.shared.http import ask
from sandbox.shared.processes import SandboxError
from sandbox.shared.settings import INVOCATIONS_PATH, ROOT

STATE = ROOT / "build" / "sandbox.json"
STATE_VARIABLE = "SANDBOX_STATE"
# Somebody who only looks holds the lock as well, for a moment.
LOCK_ATTEMPTS = 20
LOCK_PAUSE_SECONDS = 0.02
# A handler may take as long as a Lambda function may run.
INVOKE_SECONDS = 900.0

Json = dict[str, Any]


class NoSandboxError(SandboxError):
    """There is no sandbox, or not the part of it that is needed."""

    exit_code = 3


class StateError(SandboxError):
    """The file for the state is not one."""

    exit_code = 2


@dataclass(frozen=True)
class Running:
    """A sandbox that runs, perhaps in another process."""

    process: int
    endpoints: Mapping[str, str]
    page: str | None
    logs: str
    time_scale: float

    @classmethod
    def of(cls, sandbox: Sandbox) -> Self:
        """The sandbox of this process, which has been started."""
        return cls(os.getpid(), dict(sandbox.endpoints), sandbox.page, str(sandbox.logs), sandbox.time_scale)

    def as_json(self) -> Json:
        """What is written into the file."""
        return {
            "process": self.process,
            "endpoints": dict(self.endpoints),
            "page": self.page,
            "logs": self.logs,
            "timeScale": self.time_scale,
        }

    def client(self, service: str, **config: Any) -> Any:
        """A boto3 client that answers, or fails, at once; `config` is botocore's."""
        from botocore.config import Config

        self._require(part_of(service))
        # Nothing here is far away, so that a second attempt would meet what the first one met.
        settings = {"proxies": {}, "retries": {"total_max_attempts": 1}, "connect_timeout": 5, **config}
        return make_client(self.endpoints, service, config=Config(**settings))

    def overview(self) -> Json:
        """The groups with their packages, and the newest handler events, as the page shows them."""
        if self.page is None:
            raise NoSandboxError("This sandbox was started without the page, from which events are read")
        found: Json = self._ask("page", self.page, "GET", "/api/state")
        return found

    def behaviour(self) -> Json:
        """How the local SageMaker has been set to behave."""
        found: Json = self._ask_part("sagemaker", "GET", "/sandbox/behaviour")
        return found

    def reset(self) -> None:
        """Forget stacks, packages, groups, behaviour, calls and handler events; no handler is called."""
        if "cloudformation" in self.endpoints:
            self._ask_part("cloudformation", "POST", "/_ministack/reset")
        self._ask_part("sagemaker", "POST", "/sandbox/reset")
        self._ask_part("functions", "DELETE", INVOCATIONS_PATH)

    def lost(self, part: str, problem: Exception) -> NoSandboxError:
        """What to say when a part does not answer."""
        where = self.page if part == "page" else self.endpoints[part]
        return NoSandboxError(
            f"The sandbox's {part} at {where} does not answer ({problem}). Its logs are in {self.logs}; if "
            "it does not come back, stop the sandbox and start it again"
        )

    def _require(self, part: str) -> None:
        if part not in self.endpoints:
            raise NoSandboxError(
                f"The running sandbox has no {part}: it was started without it. Stop it, and start it "
                "without --no-engine"
            )

    def _ask_part(self, part: str, method: str, path: str) -> Any:
        self._require(part)
        return self._ask(part, self.endpoints[part], method, path)

    def _ask(self, part: str, endpoint: str, method: str, path: str) -> Any:
        try:
            return ask(endpoint, method, path)
        except OSError as problem:
            raise self.lost(part, problem) from problem


class Note:
    """Holds the file while the sandbox runs: nobody else can, and it is removed at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._locked()
            _refuse_what_somebody_needs(self.path)
            os.truncate(self._file, 0)
        except OSError as problem:
            self._close()
            raise StateError(f"{self.path} cannot be written: {problem.strerror}") from problem
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.path.unlink(missing_ok=True)
        self._close()

    def write(self, running: Running) -> None:
        """Note where the sandbox is."""
        assert self._file is not None
        os.pwrite(self._file, (json.dumps(running.as_json()) + "\n").encode(), 0)

    def clear(self) -> None:
        """Note that it is about to end: it is still there, but of no use."""
        assert self._file is not None
        os.truncate(self._file, 0)

    def _locked(self) -> int:
        for _ in range(LOCK_ATTEMPTS):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                if _lock(descriptor, fcntl.LOCK_EX) and os.path.samestat(
                    os.fstat(descriptor), self.path.stat()
                ):
                    return descriptor
            except FileNotFoundError:
                pass  # its holder has removed it since: there is room for a new one
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
            time.sleep(LOCK_PAUSE_SECONDS)
        raise SandboxError(_runs_already(self.path))

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def find(path: Path) -> Running:
    """The sandbox that the file speaks of; NoSandboxError, with what to do, when it does not run."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError as problem:
        raise NoSandboxError(_none(path)) from problem
    except OSError as problem:
        raise StateError(f"{path} cannot be read: {problem.strerror}") from problem
    try:
        if _lock(descriptor, fcntl.LOCK_SH):
            raise NoSandboxError(_none(path))
        content = path.read_bytes()
    except FileNotFoundError as problem:  # it has just ended
        raise NoSandboxError(_none(path)) from problem
    except OSError as problem:
        raise StateError(f"{path} cannot be read: {problem.strerror}") from problem
    finally:
        os.close(descriptor)
    if not content.strip():
        raise NoSandboxError("The sandbox is just being started or stopped: try again in a moment")
    running = _read(content)
    if running is None:
        raise StateError(f"{path} is not the state of a sandbox")
    return running


def default_state() -> Path:
    """The file in which `start` notes where the sandbox is when no other is named."""
    named = os.environ.get(STATE_VARIABLE)
    return Path(named).absolute() if named else STATE


def this_command() -> str:
    """How this program is called, from the folder it is called in."""
    return f"{shlex.quote(shown(Path(sys.executable)))} -m sandbox"


def shown(path: Path) -> str:
    """A path as somebody in this folder would write it."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def state_option(path: Path) -> str:
    """What to add to a command so that it finds the same sandbox."""
    return "" if path == default_state() else f" --state {shlex.quote(shown(path))}"


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(content: bytes) -> Running | None:
    try:
        noted = json.loads(content)
        return Running(*(noted[name] for name in ("process", "endpoints", "page", "logs", "timeScale")))
    except (ValueError, TypeError, KeyError):
        return None


def _refuse_what_somebody_needs(path: Path) -> None:
    """Raise StateError unless the file is empty or the state of a sandbox."""
    content = path.read_bytes()
    if content.strip() and _read(content) is None:
        raise StateError(
            f"{path} holds something else than the state of a sandbox, and stays as it is: name another file "
            "with --state"
        )


def _none(path: Path) -> str:
    return (
        f"No sandbox is running (nothing in {shown(path)}). Start one in another terminal:\n"
        f"    {this_command()} start{state_option(path)}"
    )


def _runs_already(path: Path) -> str:
    try:
        running = _read(path.read_bytes())
    except OSError:
        running = None
    if running is None:
        return f"A sandbox is just being started or stopped ({shown(path)}): try again in a moment"
    return (
        f"A sandbox is running already: process {running.process}, page {running.page}.\n"
        f"Use that one, or stop it first (Ctrl-C in its terminal, or `kill {running.process}`), or give this "
        "one a file of its own with --state"
    )
