"""Invocations in processes of their own, which can be killed for good.

Each is forked from one process that has handled an event already and finds out nothing anew, so that it costs
a fork and not an import. Run as a program, this file is that process. It knows real time only.
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
"""Within which an invocation has its process, on a busy machine."""


class Forks:
    """Invokes the handlers in processes of their own, one after the other.

    They have the environment variables that there are on entering: that is what botocore reads. The first
    event is for the process that they are forked from.
    """

    def __init__(self, first: Json) -> None:
        self._first = first
        self._origin: subprocess.Popen[str] | None = None
        self._process: Future[int] = Future()

    def __enter__(self) -> Self:
        self._origin = subprocess.Popen(  # noqa: S603 - this file, by the interpreter of the tests
            [sys.executable, "-P", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._say(self._first)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._origin is not None
        # Without standard input it ends.
        self._origin.communicate()
        self._origin = None

    def invoke(self, event: Json, *, answers: bool = True) -> Json | None:
        """Return what the invocation answers, or None when it was killed before.

        Without `answers` it is killed once its handler is done, with the answer in its hands.
        """
        self._process = Future()
        self._say({"event": event, "answers": answers})
        self._process.set_result(self._heard()["process"])
        said = self._heard()
        answer: Json | None = said.get("answer")
        if answer is not None:
            said = self._heard()
        assert said["end"] == (-signal.SIGKILL if answer is None else 0), said
        return answer

    def kill(self) -> None:
        """Kill the process of the invocation that is going on, from another thread."""
        os.kill(self._process.result(START_SECONDS), signal.SIGKILL)

    def _say(self, words: Json) -> None:
        assert self._origin is not None
        assert self._origin.stdin is not None
        print(json.dumps(words), file=self._origin.stdin, flush=True)

    def _heard(self) -> Json:
        assert self._origin is not None
        assert self._origin.stdout is not None
        heard: Json = json.loads(self._origin.stdout.readline())
        return heard


def main() -> None:
    """Fork a process for every event that comes in, until none can come any more."""
    from aws_sagemaker_modelpackage import handlers

    # The support library prints, too.
    sys.stdout = sys.stderr
    handlers.resource(json.loads(sys.stdin.readline()), None)
    # A process that comes to it later does not copy what it has no use for.
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        asked: Json = json.loads(line)
        process = os.fork()
        if process == 0:
            _tell({"process": os.getpid()})
            answer = json.loads(json.dumps(handlers.resource(asked["event"], None)))
            if not asked["answers"]:
                os.kill(os.getpid(), signal.SIGKILL)
            _tell({"answer": answer})
            os._exit(0)
        _, status = os.waitpid(process, 0)
        _tell({"end": os.waitstatus_to_exitcode(status)})


def _tell(words: Json) -> None:
    print(json.dumps(words), file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    main()
