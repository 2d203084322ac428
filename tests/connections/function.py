"""The process of a Lambda function, forked from one that has imported the handlers and called none of them.

It answers commands, JSON objects on a connection. What it observes is outside of the handlers: host names
that are resolved, trust stores that are loaded, and what is left in memory. Run as a program, it is the
process that others are forked from.
"""

from __future__ import annotations

import array
import contextlib
import gc
import io
import json
import os
import signal
import socket
import ssl
import sys
import threading
import time
import types
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import botocore.loaders

from aws_sagemaker_modelpackage import handlers

LOCAL = "127.0.0.1"
# Names that lead to this machine, at the ports that the test gives.
TEST_NAMES = (".amazonaws.com", ".api.aws", ".test")
# How long threads that an invocation has left behind may take to end.
MAX_WAIT_SECONDS = 5.0

# What holds no other object and no text, and is most of what there is.
_ATOMS = frozenset({int, float, bool, complex, type(None), types.BuiltinFunctionType, types.CodeType})
# What holds text or bytes outside of any other object, and how to get them.
_CONTENTS: dict[type, Callable[[Any], Any]] = {
    # Not `str`, for which botocore would write the documentation of its clients.
    str: str.__str__,
    bytes: bytes,
    bytearray: bytes,
    array.array: bytes,
    memoryview: memoryview.tobytes,
    io.BytesIO: io.BytesIO.getvalue,
    io.StringIO: io.StringIO.getvalue,
}
# Instances of these hold a request, an answer, or credentials.
OF_AN_INVOCATION = {
    "botocore.awsrequest.AWSPreparedRequest",
    "botocore.awsrequest.AWSRequest",
    "botocore.awsrequest.AWSResponse",
    "botocore.credentials.Credentials",
    "botocore.credentials.ReadOnlyCredentials",
    "botocore.signers.RequestSigner",
    "cloudformation_cli_python_lib.utils.Credentials",
    "cloudformation_cli_python_lib.utils.HandlerRequest",
    "http.client.HTTPResponse",
    "socket.SocketIO",
    "urllib3.response.HTTPResponse",
    "aws_sagemaker_modelpackage.request.Request",
    "aws_sagemaker_modelpackage.telemetry.Telemetry",
}


class Function:
    """One process: `ports` leads test names to servers, `loads` counts trust stores that are loaded."""

    def __init__(self) -> None:
        self.ports: dict[str, int] = {}
        self.loads = 0
        self.load_seconds = 0.0
        self.pauses: list[float] = []
        self.resolved: list[str] = []
        self.clock_seconds = 0.0
        self.ends_normally = False
        self.kept: list[str | bytes] = []
        self._observe()

    def _observe(self) -> None:
        look_up = socket.getaddrinfo

        def getaddrinfo(host: Any, port: Any, *arguments: Any, **named: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else str(host)
            if not name.endswith(TEST_NAMES):
                return look_up(host, port, *arguments, **named)
            self.resolved.append(name)
            address = LOCAL, self.ports.get(str(port), int(port))
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)]

        socket.getaddrinfo = getaddrinfo
        for name in ("load_verify_locations", "load_default_certs"):
            setattr(ssl.SSLContext, name, self._counting(getattr(ssl.SSLContext, name)))
        # Pauses between attempts pass at once, and are noted.
        botocore.endpoint.time = SimpleNamespace(sleep=self.pauses.append)  # type: ignore[attr-defined]
        # All that the package has; to list those of an installed botocore takes longer than a test.
        services = ["cloudwatch", "logs", "sagemaker"]
        botocore.loaders.Loader.list_available_services = lambda *_: services  # type: ignore[method-assign]
        clocks = {name: getattr(time, name) for name in ("monotonic", "time", "perf_counter")}
        for name, clock in clocks.items():
            setattr(time, name, lambda clock=clock: clock() + self.clock_seconds)

    def _counting(self, load: Any) -> Any:
        def counted(*arguments: Any, **named: Any) -> Any:
            self.loads += 1
            time.sleep(self.load_seconds)
            return load(*arguments, **named)

        return counted

    def serve(self, connection: Connection) -> None:
        """Answer commands until there are no more."""
        with contextlib.suppress(EOFError):
            while True:
                connection.send_bytes(json.dumps(self._obey(json.loads(connection.recv_bytes()))).encode())

    def _obey(self, command: dict[str, Any]) -> dict[str, Any]:
        for name, value in command.get("environment", {}).items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self.ports.update(command.get("ports", {}))
        self.ends_normally = command.get("ends_normally", False)
        self.load_seconds = command.get("load_seconds", self.load_seconds)
        self.clock_seconds += command.get("later_seconds", 0.0)
        if "text_to_keep" in command:
            self.kept.append(command["text_to_keep"])
        if "key_to_keep" in command:
            self.kept.append(bytes.fromhex(command["key_to_keep"]))
        invocations = command.get("invocations", [])
        answers: list[Any] = [None] * len(invocations)
        if len(invocations) == 1:  # as Lambda does it, in the main thread
            self._invoke(invocations, answers, 0)
        else:
            threads = [
                threading.Thread(target=self._invoke, args=(invocations, answers, number))
                for number in range(len(invocations))
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        invocations.clear()
        if command.get("waits"):
            _wait_for_threads()
        left = search(command["marks"], command["keys"]) if "marks" in command else []
        return {
            "answers": answers,
            "loads": self.loads,
            "pauses": len(self.pauses),
            "resolved": self.resolved,
            "left": left,
            "threads": [
                each.name
                for each in threading.enumerate()
                if each is not threading.main_thread() and not each.daemon
            ],
        }

    @staticmethod
    def _invoke(invocations: list[Any], answers: list[Any], number: int) -> None:
        event, seconds = invocations[number]
        invocations[number] = None
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: seconds * 1000) if seconds else None
        answers[number] = handlers.resource(event, context)


# --- what is left in memory -------------------------------------------------------------------------


def search(marks: list[str], keys: list[str]) -> list[str]:
    """Descriptions of what is left of an invocation in this process.

    `marks` are what its secrets contain, written backwards; `keys` are derived keys in hexadecimal digits.
    """
    _wait_for_threads()
    gc.unfreeze()
    gc.collect()
    texts = [each[::-1] for each in marks]
    encoded = [*(each.encode() for each in texts), *map(bytes.fromhex, keys)]
    own = {id(each) for each in (*marks, *keys, *texts, *encoded)}
    problems = set()
    for kind, objects in _by_type(own).items():
        name = f"{kind.__module__}.{kind.__qualname__}"
        # A signer without credentials is no caller's.
        if name in OF_AN_INVOCATION and any(
            getattr(each, "_credentials", "") is not None for each in objects
        ):
            problems.add(f"an instance of {name}")
        base = next((base for base in kind.__mro__ if base in _CONTENTS), None)
        if base is None:
            continue
        needles: list[Any] = texts if base in (str, io.StringIO) else encoded
        for each in objects:
            with contextlib.suppress(ValueError):  # released, or closed
                content = _CONTENTS[base](each)
                if any(needle in content for needle in needles):
                    holders = sorted({type(holder).__qualname__ for holder in gc.get_referrers(each)})
                    problems.add(f"a secret in {name} held by {holders}")
    return sorted(problems)


def _wait_for_threads() -> None:
    """Threads that an invocation has left behind end when their connections do."""
    end = time.monotonic() + MAX_WAIT_SECONDS
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(max(0.0, end - time.monotonic()))


def _by_type(skipped: Iterable[int]) -> dict[type, list[Any]]:
    """Every object of the process: of modules, thread locals, frames and the collector's lists."""
    frame: types.FrameType | None = sys._getframe()
    seen = set(skipped)
    while frame:
        seen.add(id(frame))
        frame = frame.f_back
    objects: dict[type, list[Any]] = {}
    level: list[Any] = [*gc.get_objects(), *sys._current_frames().values()]
    while level:
        new = {id(each): each for each in level if type(each) not in _ATOMS and id(each) not in seen}
        seen.update(new)
        level = gc.get_referents(*new.values())
        for each in new.values():
            objects.setdefault(type(each), []).append(each)
            if isinstance(each, types.FrameType):
                level += [*each.f_locals.values(), each.f_back]
    return objects


# --- the process that others are forked from --------------------------------------------------------


def main() -> None:
    """Fork a process for each pair of descriptors that comes, and await each whose number comes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A process that is forked from this one then does not copy all that there is.
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=0) as control:
        control.send(b"ready")
        while True:
            message, descriptors, _, _ = socket.recv_fds(control, 64, 2)
            if not message:
                return
            if not descriptors:
                _, status = os.waitpid(int(message), 0)
                control.send(str(os.waitstatus_to_exitcode(status)).encode())
                continue
            child = os.fork()
            if child == 0:
                control.close()
                commands, errors = descriptors
                os.dup2(errors, 2)
                os.close(errors)
                function = Function()
                function.serve(Connection(commands))
                if function.ends_normally:
                    return
                # What is left without its end says so; the rest of a normal end takes longer than a test.
                gc.collect()
                sys.stderr.flush()
                os._exit(0)
            for each in descriptors:
                os.close(each)
            control.send(str(child).encode())


if __name__ == "__main__":
    main()
