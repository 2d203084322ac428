"""Invocations in processes of their own, which can be killed at any moment.

Each is forked from one process that has handled an event already, so that it costs a fork and not an import.
Run as a program, this file is that process. It knows real time only.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import Future
from typing import Any, Self

Json = dict[str, Any]

START_SECONDS = 60.0
"""The time within which an invocation has its process, on a busy machine."""


class Forks:
    """Invokes the handlers in processes of their own, one after the other.

    They have the environment variables of the moment of entering, which botocore reads. The first event is
    for the process that they are forked from.
    """

    def __init__(self, first: Json) -> None:
        self._first = first
        self._origin: subprocess.Popen[str] | None = None
        self._process: Future[int] = Future()

    def __enter__(self) -> Self:
        self._origin = subprocess.Popen(  # noqa: S603 - this file, by the interpreter of the tests
            [sys.executable, "-P", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._write(self._first)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._origin is not None
        # Without standard input it ends.
        self._origin.communicate()
        self._origin = None

    def invoke(self, event: Json, *, answers: bool = True) -> Json | None:
        """Return the answer of the invocation, or None when it was killed before.

        Without `answers` it is killed once its handler is done, before it answers.
        """
        self._process = Future()
        self._write({"event": event, "answers": answers})
        self._process.set_result(self._read()["process"])
        message = self._read()
        answer: Json | None = message.get("answer")
        if answer is not None:
            message = self._read()
        assert message["end"] == (-signal.SIGKILL if answer is None else 0), message
        return answer

    def kill(self) -> None:
        """Kill the process of the current invocation, from another thread."""
        os.kill(self._process.result(START_SECONDS), signal.SIGKILL)

    def _write(self, message: Json) -> None:
        assert self._origin is not None
        assert self._origin.stdin is not None
        print(json.dumps(message), file=self._origin.stdin, flush=True)

    def _read(self) -> Json:
        assert self._origin is not None
        assert self._origin.stdout is not None
        message: Json = json.loads(self._origin.stdout.readline())
        return message


def main() -> None:
    """Fork a process for every event on standard input, until its end."""
    from aws_sagemaker_modelpackage import handlers

    # The support library prints, too.
    sys.stdout = sys.stderr
    handlers.resource(json.loads(sys.stdin.readline()), None)
    # Forked processes do not copy what they do not touch.
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        request: Json = json.loads(line)
        process = os.fork()
        if process == 0:
            _report({"process": os.getpid()})
            answer = json.loads(json.dumps(handlers.resource(request["event"], None)))
            if not request["answers"]:
                os.kill(os.getpid(), signal.SIGKILL)
            _report({"answer": answer})
            os._exit(0)
        _, status = os.waitpid(process, 0)
        _report({"end": os.waitstatus_to_exitcode(status)})


def _report(message: Json) -> None:
    print(json.dumps(message), file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    main()
