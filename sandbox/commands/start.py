"""`start`: the sandbox, until Ctrl-C."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from sandbox.commands.common import (
    DONE,
    Commands,
    Help,
    Progress,
    add_command,
    add_json,
    add_state,
    command,
    put,
    put_json,
    state_of,
    tell,
)
from sandbox.local_aws import Sandbox
from sandbox.shared.clients import environment
from sandbox.shared.processes import Ending, InterruptedStart, SandboxError
from sandbox.shared.settings import PORTS
from sandbox.state_file import Note, Running

LOWEST_PORT = 1024
HIGHEST_PORT = 65535 - len(PORTS) + 1
# How often it is looked whether a part has ended by itself.
LOOK_SECONDS = 1.0


def add(commands: Commands) -> None:
    """Put the command into the parser."""
    parts = ", ".join(f"N+{number} {part}" if number else f"N {part}" for number, part in enumerate(PORTS))
    parser = add_command(
        commands,
        "start",
        run,
        Help(
            summary="start the local AWS and its page, and keep it until Ctrl-C",
            explanation=(
                "Starts SageMaker, Lambda's Invoke API with the handlers, CloudFormation, Cloud Control "
                "and a web page that shows what happens, all on 127.0.0.1, and keeps them until Ctrl-C "
                "(or SIGTERM), which stops everything. It prints the endpoints and the variables with "
                "which the AWS CLI and SDKs reach them, and notes in a file where it is, so that the "
                "other commands find it from another terminal."
            ),
            examples=["start", "start --port 4600 --time-scale 0.1", "start --json --state build/other.json"],
        ),
    )
    parser.add_argument(
        "--port",
        type=_port,
        metavar="N",
        help=f"fixed ports instead of free ones, from N on: {parts}",
    )
    parser.add_argument(
        "--time-scale",
        type=_factor,
        default=1.0,
        metavar="FACTOR",
        help="factor on the delays between a handler's callbacks: with 0.1 they pass ten times as fast",
    )
    parser.add_argument("--no-engine", action="store_true", help="without CloudFormation")
    parser.add_argument(
        "--logs", type=Path, metavar="FOLDER", help="keep the logs there; default: they go at the end"
    )
    add_json(parser, "where everything is, in one line")
    add_state(parser)


def run(options: argparse.Namespace) -> int:
    """Start everything, say where it is, and wait for Ctrl-C or SIGTERM."""
    with closing(Ending()) as ending, Note(state_of(options)) as note:
        with Progress(quiet=options.json) as progress:
            sandbox = Sandbox(
                engine=not options.no_engine,
                time_scale=options.time_scale,
                logs=options.logs,
                page=True,
                port=options.port,
                starting=lambda part: progress.show(f"starting {part} ..."),
                ending=ending,
            ).start()
        try:
            if ending.wait(0):
                raise InterruptedStart
            running = Running.of(sandbox)
            note.write(running)
            _tell(options, running, sandbox)
            while not ending.wait(LOOK_SECONDS):
                _check(sandbox)
        finally:
            note.clear()
            sandbox.stop()
    tell("stopped")
    return DONE


def describe(sandbox: Sandbox) -> str:
    """Return where everything is, and what to paste into a shell so that the AWS CLI and SDKs find it."""
    lines = [f"{'page':15} {sandbox.page}"] if sandbox.page else []
    lines += [f"{part:15} {endpoint}" for part, endpoint in sandbox.endpoints.items()]
    lines += [f"{'logs':15} {sandbox.logs}", ""]
    lines += [f"export {name}={value}" for name, value in environment(sandbox.endpoints).items()]
    return "\n".join([*lines, "", "Ctrl-C stops it."])


def _tell(options: argparse.Namespace, running: Running, sandbox: Sandbox) -> None:
    if options.json:
        put_json(
            {
                **running.as_json(),
                "state": str(state_of(options)),
                "environment": environment(running.endpoints),
            }
        )
        return
    tell(
        "The sandbox is running. In another terminal, for example:\n"
        f"    {command(options, 'deploy examples/registered-version.yaml --stack fraud')}\n"
        f"    {command(options, 'status')}\n"
    )
    put(describe(sandbox))


def _check(sandbox: Sandbox) -> None:
    """Raise SandboxError when a part has ended by itself: what is left is of little use."""
    for child in sandbox.fallen():
        raise SandboxError(f"The {child.name} process has ended by itself. Its log:\n{child.log_tail()}")


def _port(text: str) -> int:
    if text.isdecimal() and LOWEST_PORT <= int(text) <= HIGHEST_PORT:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text} is not a port from {LOWEST_PORT} to {HIGHEST_PORT}")


def _factor(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 on")
    return value
