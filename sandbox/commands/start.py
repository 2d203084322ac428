"""`start`: runs the sandbox until Ctrl-C."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from sandbox.commands import arguments
from sandbox.commands.output import Progress, print_json, print_result, report
from sandbox.local_aws import Sandbox
from sandbox.shared.clients import exports
from sandbox.shared.exit_codes import DONE
from sandbox.shared.processes import Ending, InterruptedStart, SandboxError
from sandbox.shared.settings import PORTS, TYPE_NAME
from sandbox.state_file import RunningSandbox, StateFile

MIN_PORT = 1024
MAX_PORT = 65535 - len(PORTS) + 1
# Seconds between two checks that every part still runs.
CHECK_SECONDS = 1.0

HELP = arguments.Help(
    summary="start the local AWS and its page, and keep it until Ctrl-C",
    explanation=(
        "Starts SageMaker, Lambda's Invoke API with the handlers, CloudFormation, Cloud Control "
        "and a web page that shows what happens, all on 127.0.0.1, and keeps them until Ctrl-C "
        "(or SIGTERM), which stops everything. It prints the endpoints and the variables with "
        "which the AWS CLI and SDKs reach them ('env' prints these again), and writes into a file "
        "where it is, so that the other commands find it from another terminal."
    ),
    examples=["start", "start --port 4600 --time-scale 0.1", "start --json --state build/other.json"],
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parts = ", ".join(f"N+{number} {part}" if number else f"N {part}" for number, part in enumerate(PORTS))
    parser.add_argument(
        "--port", type=_port, metavar="N", help=f"fixed ports instead of free ones, from N on: {parts}"
    )
    parser.add_argument(
        "--time-scale",
        type=arguments.factor,
        default=1.0,
        metavar="FACTOR",
        help="factor on the delays between a handler's callbacks: with 0.1 they pass ten times as fast",
    )
    parser.add_argument(
        "--open",
        action="store_true",
        help=(
            "answer every request: every user of this machine, and every page that a browser here shows, can "
            "use the sandbox then; without it the credentials that are printed are needed"
        ),
    )
    parser.add_argument(
        "--type",
        type=_type,
        action="append",
        default=[],
        metavar="NAME=PATH",
        help=(
            "host this type as well, without registering it, from its schema handler package, or from a "
            "project in which `cfn submit --dry-run` has left one; repeatable"
        ),
    )
    parser.add_argument("--no-engine", action="store_true", help="without CloudFormation")
    parser.add_argument(
        "--logs", type=Path, metavar="FOLDER", help="keep the logs there; default: they go at the end"
    )
    arguments.add_shared(parser, "where everything is, in one line")


def run(options: argparse.Namespace) -> int:
    """Start everything, report where it is, wait for Ctrl-C or SIGTERM, and return the exit code.

    Raises:
        InterruptedStart: the order to end came while the parts were being started.
        SandboxError: a part does not start, or has ended by itself.
    """
    with closing(Ending()) as ending, StateFile(arguments.state_of(options)) as state_file:
        with Progress(quiet=options.json) as progress:
            sandbox = Sandbox(
                engine=not options.no_engine,
                time_scale=options.time_scale,
                logs=options.logs,
                page=True,
                packages=options.type,
                port=options.port,
                is_open=options.open,
                starting=lambda part: progress.show(f"starting {part} ..."),
                ending=ending,
            ).start()
        try:
            if ending.wait(0):
                raise InterruptedStart
            state_file.write(RunningSandbox.of(sandbox))
            _report(options, sandbox)
            while not ending.wait(CHECK_SECONDS):
                _check(sandbox)
        finally:
            state_file.clear()
            sandbox.stop()
    report("stopped")
    return DONE


def _report(options: argparse.Namespace, sandbox: Sandbox) -> None:
    if options.json:
        print_json(
            {
                **RunningSandbox.of(sandbox).as_json(),
                "state": str(arguments.state_of(options)),
                "pageAddress": RunningSandbox.of(sandbox).page_address,
                "environment": RunningSandbox.of(sandbox).environment(),
            }
        )
        return
    report(
        "The sandbox is running. In another terminal, for example:\n"
        f"    {arguments.command_line(options, 'deploy examples/registered-version.yaml --stack fraud')}\n"
        f"    {arguments.command_line(options, 'status')}\n"
    )
    if sandbox.is_open:
        report(
            "It is open: every user of this machine and every page that a browser here shows can use it.\n"
        )
    parts = {"page": RunningSandbox.of(sandbox).page_address, **sandbox.endpoints, "logs": sandbox.logs}
    lines = [f"{part:15} {where}" for part, where in parts.items()]
    variables = RunningSandbox.of(sandbox).environment()
    print_result("\n".join([*lines, "", *exports(variables), "", "Ctrl-C stops it."]))


def _check(sandbox: Sandbox) -> None:
    """Raise SandboxError when a part has ended by itself: the others are of little use without it."""
    for child in sandbox.ended_children():
        raise SandboxError(f"The {child.name} process has ended by itself. Its log:\n{child.log_tail()}")


def _type(text: str) -> Path:
    """Return the package of a NAME=PATH whose schema has that name."""
    from sandbox.registry.package import PackageError, type_name_of  # only a start with types waits for it

    name, _, path = text.partition("=")
    if not path:
        raise argparse.ArgumentTypeError(f"{text} is not of the form NAME=PATH")
    package = Path(path)
    if package.is_dir():
        package = package / f"{name.lower().replace('::', '-')}.zip"
    try:
        found = type_name_of(package.read_bytes())
    except OSError as problem:
        raise argparse.ArgumentTypeError(
            f"{problem}: run `cfn submit --dry-run` in the type's project, which makes the package"
        ) from problem
    except PackageError as problem:
        raise argparse.ArgumentTypeError(f"{package}: {problem}") from problem
    if found != name or name == TYPE_NAME:
        what = "hosted anyway" if name == TYPE_NAME else f"that of another type, {found}"
        raise argparse.ArgumentTypeError(f"{package} cannot be hosted as {name}: it is {what}")
    return package.resolve()


def _port(text: str) -> int:
    if text.isdecimal() and MIN_PORT <= int(text) <= MAX_PORT:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text} is not a port from {MIN_PORT} to {MAX_PORT}")
