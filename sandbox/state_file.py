"""How the commands find the running sandbox: `start` writes where it is into a file, and locks that file.

The system releases the lock when the process ends, however that happens, so that a file which was left behind
is never taken for a running sandbox.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import stat
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from sandbox.shared.clients import ClientFactory, client_factory, environment, part_of
from sandbox.shared.credentials import Credentials
from sandbox.shared.exit_codes import NO_SANDBOX, USAGE
from sandbox.shared.http_request import ask
from sandbox.shared.processes import SandboxError, make_private
from sandbox.shared.quick_client import QuickClient, describe_model_package
from sandbox.shared.settings import INVOCATIONS_PATH, REGISTRY_PATH, ROOT

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

    from sandbox.local_aws import Sandbox

STATE = ROOT / "build" / "sandbox.json"
STATE_VARIABLE = "SANDBOX_STATE"
# A command that reads the file locks it as well, for a moment.
LOCK_ATTEMPTS = 20
LOCK_PAUSE_SECONDS = 0.02
# A handler may take as long as a Lambda function may run.
INVOKE_TIMEOUT_SECONDS = 900.0
# Registered versions have folders, with thousands of files.
MAX_REMOVAL_SECONDS = 300.0
OTHERS = stat.S_IRWXG | stat.S_IRWXO

Json = dict[str, Any]


class NoSandboxError(SandboxError):
    """No sandbox is running, or it lacks the part that is needed."""

    exit_code = NO_SANDBOX


class StateError(SandboxError):
    """The state file cannot be read or written, or is another file."""

    exit_code = USAGE


@dataclass(frozen=True)
class RunningSandbox:
    """The endpoints of a sandbox that runs, perhaps in another process."""

    process: int
    endpoints: Mapping[str, str]
    page: str | None
    logs: str
    time_scale: float
    credentials: Credentials

    @classmethod
    def of(cls, sandbox: Sandbox) -> Self:
        """Return the started sandbox of this process."""
        return cls(
            os.getpid(),
            dict(sandbox.endpoints),
            sandbox.page,
            str(sandbox.logs),
            sandbox.time_scale,
            sandbox.credentials,
        )

    def as_json(self) -> Json:
        """Return the content of the state file."""
        return {
            "process": self.process,
            "endpoints": dict(self.endpoints),
            "page": self.page,
            "logs": self.logs,
            "timeScale": self.time_scale,
            "accessKey": self.credentials.access_key,
            "secretKey": self.credentials.secret_key,
        }

    @property
    def page_address(self) -> str | None:
        """What opens the page in a browser; None without a page."""
        return None if self.page is None else f"{self.page}/?token={self.credentials.page_token}"

    @property
    def client(self) -> ClientFactory:
        """The factory of boto3 clients that make one attempt; its settings are botocore's `Config`.

        Calling it raises NoSandboxError if the sandbox was started without the service's part.
        """
        return self._client

    def _client(self, service: str, **config: Any) -> Any:
        from botocore.config import Config

        self._require(part_of(service, self.endpoints))
        # On one machine a second attempt would meet what the first one met.
        settings = {"proxies": {}, "retries": {"total_max_attempts": 1}, "connect_timeout": 5, **config}
        return client_factory(self.endpoints, self.credentials)(service, config=Config(**settings))

    @property
    def stacks_client(self) -> CloudFormationClient:
        """The client of CloudFormation for commands, which makes one attempt and has their operations only.

        Raises:
            NoSandboxError: the sandbox was started without CloudFormation.
        """
        self._require("cloudformation")
        client = QuickClient(self.endpoints["cloudformation"], self.credentials)
        return cast("CloudFormationClient", client)

    def describe_package(self, arn: str) -> Json:
        """Return what the local SageMaker describes of a package.

        Raises:
            NoSandboxError: the local SageMaker was left out.
            botocore.exceptions.ClientError: it refuses to.
            botocore.exceptions.BotoCoreError: it does not answer.
        """
        self._require("sagemaker")
        return describe_model_package(self.endpoints["sagemaker"], self.credentials, arn)

    def environment(self) -> dict[str, str]:
        """Return the variables with which the AWS CLI and SDKs find the sandbox."""
        return environment(self.endpoints, self.credentials)

    def overview(self) -> Json:
        """Return what the page shows: groups with their packages, and the newest handler events.

        Raises:
            NoSandboxError: there is no page, or it does not answer.
        """
        if self.page is None:
            raise NoSandboxError("This sandbox was started without the page, from which events are read")
        return Json(self._ask("page", self.page, "GET", "/api/state"))

    def behaviour(self) -> Json:
        """Return the settings of the local SageMaker.

        Raises:
            NoSandboxError: the part was left out, or does not answer.
        """
        return Json(self._ask_part("sagemaker", "GET", "/sandbox/behaviour"))

    def packages(self) -> list[Json]:
        """Return every package with all its data; unlike a Describe, this changes and records nothing.

        Raises:
            NoSandboxError: the local SageMaker was left out, or does not answer.
        """
        return list(self._ask_part("sagemaker", "GET", "/sandbox/packages"))

    def reset(self) -> None:
        """Forget stacks, packages, groups, types, behaviour, calls and events; no handler is called.

        Raises:
            NoSandboxError: a part does not answer.
        """
        if "cloudformation" in self.endpoints:
            self._ask_part("cloudformation", "POST", "/sandbox/reset")
        self._ask_part("sagemaker", "POST", "/sandbox/reset")
        self._ask_part("functions", "DELETE", INVOCATIONS_PATH)
        self._ask_part("functions", "DELETE", REGISTRY_PATH, MAX_REMOVAL_SECONDS)

    def _require(self, part: str) -> None:
        if part not in self.endpoints:
            raise NoSandboxError(
                f"The running sandbox has no {part}: it was started without it. Stop it, and start it "
                "without --no-engine"
            )

    def _ask_part(self, part: str, method: str, path: str, *seconds: float) -> Any:
        self._require(part)
        return self._ask(part, self.endpoints[part], method, path, *seconds)

    def _ask(self, part: str, endpoint: str, method: str, path: str, *seconds: float) -> Any:
        try:
            return ask(endpoint, method, path, self.credentials, *seconds)
        except OSError as error:
            raise NoSandboxError(
                f"The sandbox's {part} at {endpoint} does not answer ({error}). Its logs are in {self.logs}; "
                "if it does not come back, stop the sandbox and start it again"
            ) from error


class StateFile:
    """Holds the locked state file while the sandbox runs, and removes it at the end.

    Raises:
        SandboxError: on entering, another sandbox holds the file.
        StateError: on entering, the file cannot be written, or has other content.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = self._open_locked()
            _refuse_other_content(self.path)
            if stat.S_IMODE(os.fstat(self._descriptor).st_mode) & OTHERS:
                # It will have the credentials, and another user may have it open.
                self.path.unlink()
                self._close()
                self._descriptor = self._open_locked()
            make_private(self._descriptor)
            os.truncate(self._descriptor, 0)
        except OSError as error:
            self._close()
            raise StateError(f"{self.path} cannot be written: {error.strerror}") from error
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.path.unlink(missing_ok=True)
        self._close()

    def write(self, sandbox: RunningSandbox) -> None:
        """Write where the sandbox is."""
        assert self._descriptor is not None
        os.pwrite(self._descriptor, (json.dumps(sandbox.as_json()) + "\n").encode(), 0)

    def clear(self) -> None:
        """Empty the file: the sandbox is stopping, and of no use to other commands."""
        assert self._descriptor is not None
        os.truncate(self._descriptor, 0)

    def _open_locked(self) -> int:
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
        raise SandboxError(_already_running_message(self.path))

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def find_sandbox(path: Path) -> RunningSandbox:
    """Return the sandbox that the state file names.

    Raises:
        NoSandboxError: it does not run; the message says how to start one.
        StateError: the file cannot be read, or is not a state file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            if _lock(descriptor, fcntl.LOCK_SH):
                raise NoSandboxError(_no_sandbox_message(path))
            content = path.read_bytes()
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:  # there is none, or it has just been removed
        raise NoSandboxError(_no_sandbox_message(path)) from error
    except OSError as error:
        raise StateError(f"{path} cannot be read: {error.strerror}") from error
    if not content.strip():
        raise NoSandboxError("The sandbox is just being started or stopped: try again in a moment")
    sandbox = _parse(content)
    if sandbox is None:
        raise StateError(f"{path} is not the state of a sandbox")
    return sandbox


def default_state() -> Path:
    """Return the state file that is used without --state."""
    path = os.environ.get(STATE_VARIABLE)
    return Path(path).absolute() if path else STATE


def program() -> str:
    """Return how this program is called from the current folder."""
    return f"{shlex.quote(short_path(Path(sys.executable)))} -m sandbox"


def short_path(path: Path) -> str:
    """Return a path relative to the current folder if it is below it."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def state_option(path: Path) -> str:
    """Return the option that makes another command find the same sandbox; empty for the default file."""
    return "" if path == default_state() else f" --state {shlex.quote(short_path(path))}"


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _parse(content: bytes) -> RunningSandbox | None:
    try:
        state = json.loads(content)
        return RunningSandbox(
            process=state["process"],
            endpoints=state["endpoints"],
            page=state["page"],
            logs=state["logs"],
            time_scale=state["timeScale"],
            credentials=Credentials(state["accessKey"], state["secretKey"]),
        )
    except (ValueError, TypeError, KeyError):
        return None


def _refuse_other_content(path: Path) -> None:
    content = path.read_bytes()
    if content.strip() and _parse(content) is None:
        raise StateError(
            f"{path} holds something else than the state of a sandbox, and stays as it is: name another file "
            "with --state"
        )


def _no_sandbox_message(path: Path) -> str:
    return (
        f"No sandbox is running (nothing in {short_path(path)}). Start one in another terminal:\n"
        f"    {program()} start{state_option(path)}"
    )


def _already_running_message(path: Path) -> str:
    try:
        sandbox = _parse(path.read_bytes())
    except OSError:
        sandbox = None
    if sandbox is None:
        return f"A sandbox is just being started or stopped ({short_path(path)}): try again in a moment"
    return (
        f"A sandbox is running already: process {sandbox.process}, page {sandbox.page_address}.\n"
        f"Use that one, or stop it first (Ctrl-C in its terminal, or `kill {sandbox.process}`), or give this "
        "one a file of its own with --state"
    )
