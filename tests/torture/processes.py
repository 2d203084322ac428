"""Handlers in processes of their own: invocations that can be killed, and a process that only lists.

Run as a program, this file is such a process. It reads events as JSON lines, writes answers, and knows real
time only. It has the environment variables of the moment of its start, which botocore reads.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import tracemalloc
from concurrent.futures import Future
from typing import Any, Self

Json = dict[str, Any]

MAX_START_SECONDS = 60.0
"""The time within which an invocation has its process, on a busy machine."""


class _Process:
    def __init__(self, mode: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this file, by the interpreter of the tests
            [sys.executable, "-P", __file__, mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # it ends with its standard input

    def _write(self, message: Json) -> None:
        assert self._process.stdin
        print(json.dumps(message), file=self._process.stdin, flush=True)

    def _read(self) -> Json:
        assert self._process.stdout
        message: Json = json.loads(self._process.stdout.readline())
        return message


class Forks(_Process):
    """Invokes the handlers in processes of their own, one after the other.

    Each is forked from one that has handled the first event, so that it costs a fork and not an import.
    """

    def __init__(self, first: Json) -> None:
        super().__init__("fork")
        self._id: Future[int] = Future()
        self._write(first)

    def invoke(self, event: Json, *, answers: bool = True) -> Json | None:
        """Return the answer of the invocation, or None when it was killed before.

        Without `answers` it is killed once its handler is done, before it answers.
        """
        self._id = Future()
        self._write({"event": event, "answers": answers})
        self._id.set_result(self._read()["process"])
        message = self._read()
        answer: Json | None = message.get("answer")
        if answer is not None:
            message = self._read()
        assert message["end"] == (-signal.SIGKILL if answer is None else 0), message
        return answer

    def kill(self) -> None:
        """Kill the process of the current invocation, from another thread."""
        os.kill(self._id.result(MAX_START_SECONDS), signal.SIGKILL)


class Lister(_Process):
    """A process that only lists; `keeps` makes it keep every page, so that its memory grows."""

    def __init__(self, *, keeps: bool = False) -> None:
        super().__init__("keep" if keeps else "list")
        self.resident: list[int] = []
        self.allocated: list[int] = []
        """Bytes after each page: of the process as the kernel counts them, of Python's objects in it."""

    def __call__(self, event: Json) -> Json:
        self._write(event)
        message = self._read()
        self.resident.append(message["resident"])
        self.allocated.append(message["allocated"])
        return dict(message["answer"])


# --- the program ------------------------------------------------------------------------------------


def main(mode: str) -> None:
    from aws_sagemaker_modelpackage import handlers

    # The support library prints, too.
    sys.stdout = sys.stderr
    if mode == "fork":
        handlers.resource(json.loads(sys.stdin.readline()), None)
        # Forked processes do not copy what they do not touch.
        gc.collect()
        gc.freeze()
        for line in sys.stdin:
            _fork(handlers.resource, **json.loads(line))
        return
    kept = []
    tracemalloc.start()
    for line in sys.stdin:
        answer = handlers.resource(json.loads(line), None)
        if mode == "keep":
            kept.append(answer)
        text = json.dumps(answer)
        del answer
        gc.collect()
        with open("/proc/self/status", encoding="ascii") as status:
            resident = next(int(each.split()[1]) * 1024 for each in status if each.startswith("VmRSS"))
        _write(allocated=tracemalloc.get_traced_memory()[0], resident=resident, answer=json.loads(text))


def _fork(handle: Any, event: Json, answers: bool) -> None:
    process = os.fork()
    if process == 0:
        _write(process=os.getpid())
        answer = json.loads(json.dumps(handle(event, None)))
        if not answers:
            os.kill(os.getpid(), signal.SIGKILL)
        _write(answer=answer)
        os._exit(0)
    _, status = os.waitpid(process, 0)
    _write(end=os.waitstatus_to_exitcode(status))


def _write(**message: Any) -> None:
    print(json.dumps(message), file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
