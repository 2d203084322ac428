"""The sandbox's child processes: started, waited for, never left behind.

Standard library only: the CloudFormation engine's own Python environment imports this file, too.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import select
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

from sandbox.shared.exit_codes import FAILED, INTERRUPTED
from sandbox.shared.settings import ROOT

T = TypeVar("T")

START_SECONDS = 60.0  # importing the engine takes seconds on a busy machine, not tens of them
STOP_SECONDS = 5.0  # no child has state to save, so a slower one is killed
TAIL_LINES = 30
# Of one process. Each stack that is deployed takes up to four; systems begin with 256 or 1,024.
MAX_DESCRIPTORS = 10_240

# Nothing else of the developer's shell reaches a child: no credentials, no profile, no proxy, no endpoint.
KEPT_VARIABLES = ("HOME", "LANG", "LC_ALL", "PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "TZ")


class SandboxError(Exception):
    """The sandbox cannot do something; the text has the remedy."""

    exit_code = FAILED
    """The exit code of a command that fails with it."""


class InterruptedStart(SandboxError):
    """The order to end came before every part had started."""

    exit_code = INTERRUPTED

    def __init__(self) -> None:
        super().__init__("interrupted before everything had started; nothing is left running")


def clean_environment(**extra: str) -> dict[str, str]:
    """Return an environment for a child: a few basics, no AWS settings from outside, and `extra`."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    return {
        **kept,
        "PYTHONUNBUFFERED": "1",
        # Settings in ~/.aws and an instance's role are the developer's as well.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        **extra,
    }


def python_of(program: str, folder: str, variable: str) -> Path:
    """Return the Python of an environment of `make setup`, or the one that the variable names.

    Raises:
        SandboxError: there is none; the text has the remedy.
    """
    chosen = os.environ.get(variable)
    python = Path(chosen) if chosen else ROOT / folder / "bin" / "python"
    if not python.exists():
        raise SandboxError(f"{program} has no Python at {python}: run `make setup`, or set {variable}")
    return python


def engine_python() -> Path:
    """Return the Python that has the CloudFormation engine.

    Raises:
        SandboxError: there is none; the text has the remedy.
    """
    return python_of("The CloudFormation engine", ".venv-engine", "SANDBOX_ENGINE_PYTHON")


def open_private(log: Path) -> IO[bytes]:
    """Open a log that only its owner can read, to be continued; one that others could read is replaced.

    Raises:
        OSError: it cannot be opened, or is a link or another user's.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    descriptor = os.open(log, flags, 0o600)
    opened = os.fstat(descriptor)
    if stat.S_ISREG(opened.st_mode) and (opened.st_mode & 0o077 or opened.st_nlink > 1):
        # Others may have it open.
        os.close(descriptor)
        log.unlink()
        descriptor = os.open(log, flags | os.O_EXCL, 0o600)
    try:
        make_private(descriptor)
        return os.fdopen(descriptor, "ab")
    except BaseException:
        os.close(descriptor)
        raise


def make_private(descriptor: int) -> None:
    """Let only its owner read an open file, which may be an older one; a device stays as it is.

    Raises:
        OSError: it is another user's.
    """
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.fchmod(descriptor, 0o600)


def allow_descriptors() -> None:
    """Let this process, and those that it starts, have many descriptors open, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(MAX_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Child:
    """A server in a process of its own, which prints one JSON line on stdout when it is ready."""

    def __init__(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._env = dict(env)
        self._cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, ending: Ending | None = None, seconds: float = START_SECONDS) -> dict[str, Any]:
        """Start the process and return the content of its ready line; `ending` is the order to give up.

        Raises:
            SandboxError: it was not ready in time, or has ended; the text has the end of its log.
            InterruptedStart: the order came first.
        """
        with open_private(self.log) as log:
            # A session of its own, so that Ctrl-C reaches the parent only and the parent stops all in order.
            self._process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
            )
        try:
            assert self._process.stdout is not None
            line = _first_line(self._process.stdout, time.monotonic() + seconds, ending)
            ready: dict[str, Any] = json.loads(line)
        except InterruptedStart:
            self.stop()
            raise
        except (SandboxError, ValueError) as problem:
            self.stop()
            raise SandboxError(
                f"The {self.name} process did not start: {problem}\n{self.log_tail()}"
            ) from problem
        except BaseException:
            self.stop()
            raise
        return ready

    def stop(self) -> None:
        """End the process, by force if it does not end by itself; harmless when there is none."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()

    @property
    def is_running(self) -> bool:
        """Whether the process has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def log_tail(self, lines: int = TAIL_LINES) -> str:
        """Return the last lines that the process wrote to its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def _first_line(stream: IO[bytes], deadline: float, ending: Ending | None) -> bytes:
    """Read up to the first line's end, without waiting longer than the deadline."""
    watched: list[Any] = [stream] if ending is None else [stream, ending]
    data = b""
    while not data.endswith(b"\n"):
        readable, _, _ = select.select(watched, [], [], max(0.0, deadline - time.monotonic()))
        if ending in readable:
            raise InterruptedStart
        if not readable:
            raise SandboxError("it was not ready in time")
        chunk = os.read(stream.fileno(), 4096)
        if not chunk:
            raise SandboxError("it ended before it was ready")
        data += chunk
    return data


def child_parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """In a child: return a parser with the options of every child."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--log-level", default="INFO", help="of the log, on stderr")
    parser.add_argument("--exit-with-stdin", action="store_true", help="stop when stdin ends")
    return parser


def log_to_stderr(level: str) -> None:
    """In a child: write the log to stderr, which the parent keeps in a file."""
    import logging  # which takes a tenth of the time that a command needs, and which none of them does

    logging.basicConfig(
        stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )


def listening(make: Callable[[], T], port: int) -> T:
    """In a child: return the server or socket that `make` returns.

    Raises:
        SystemExit: the port cannot be had; the text is one line.
    """
    try:
        return make()
    except OSError as problem:
        raise SystemExit(f"Port {port} cannot be had: {problem.strerror}") from None


def announce(**ready: Any) -> None:
    """In a child: report to the parent that it is ready; from here on stdout is stderr."""
    print(json.dumps(ready), flush=True)
    # Later output belongs in the log, and the parent does not read the pipe any more.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def when_parent_is_gone(act: Callable[[], object]) -> None:
    """In a child: call `act` once stdin ends, which is when the parent has died, however that happened."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        act()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


class Ending:
    """The order to end: Ctrl-C, SIGTERM, a terminal that was closed, or a call of `order`.

    Waits on a pipe. A thread that waits on a lock or a queue can miss a signal that arrives just before.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # which is how nohup keeps a process
            numbers.append(signal.SIGHUP)
        # The byte in the pipe is all that is needed.
        self._previous = {number: signal.signal(number, lambda *_: None) for number in numbers}

    def close(self) -> None:
        """Restore the previous signal handlers."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._read)
        os.close(self._write)

    def order(self) -> None:
        """Order the end, from any thread."""
        os.write(self._write, b"!")

    def fileno(self) -> int:
        """Return the descriptor that becomes readable once the end has been ordered."""
        return self._read

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the end is ordered, at most so long; return whether it has been."""
        return bool(select.select([self], [], [], seconds)[0])
