"""Code in the engine's Python environment, for tests of the engine itself and of its hooks."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from typing import Any

from sandbox.shared.processes import clean_environment, engine_python
from sandbox.shared.settings import ROOT

# Importing the engine takes most of the time, so it is done once; code has a process of its own, forked then.
_SERVER = """
import contextlib, io, json, os, sys, traceback
from sandbox.cloudformation.ministack_hooks import host, names
for name in names._NAMES:
    names.module(name)

def run(code):
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(code, {"__name__": "__main__"})
    except BaseException:
        return [printed.getvalue(), traceback.format_exc()]
    return [printed.getvalue(), None]

for line in sys.stdin:
    if not os.fork():
        print(json.dumps(run(json.loads(line))), flush=True)
        os._exit(0)
    _, status = os.wait()
    if status:
        print(json.dumps(["", f"ended with {status}"]), flush=True)
"""


@cache
def _server() -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own code
        [str(engine_python()), "-c", _SERVER],
        cwd=ROOT,
        env=clean_environment(SERVICES="cloudformation,s3,sns"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def stop() -> None:
    """End the process that has imported the engine, if there is one."""
    if _server.cache_info().currsize:
        _server().communicate()
        _server.cache_clear()


def run_in_engine(code: str) -> tuple[str, str | None]:
    """Run code in a process that has imported the engine, and return what it prints, and what it raises."""
    server = _server()
    assert server.stdin
    assert server.stdout
    server.stdin.write(json.dumps(code) + "\n")
    server.stdin.flush()
    line = server.stdout.readline()
    assert line, "the engine cannot be imported"
    printed, raised = json.loads(line)
    return printed, raised


def in_engine(code: str) -> Any:
    """Run code in a process that has imported the engine, and return what it prints as JSON."""
    printed, raised = run_in_engine(code)
    assert raised is None, raised
    return json.loads(printed)
