"""The command line of the sandbox: `python -m sandbox --help`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from sandbox.commands.arguments import Help, Parser
from sandbox.commands.errors import explain
from sandbox.commands.output import report
from sandbox.shared.exit_codes import INTERRUPTED, USAGE
from sandbox.shared.processes import SandboxError
from sandbox.state_file import program

# In the order in which they are used.
COMMANDS = (
    "start",
    "env",
    "deploy",
    "delete",
    "status",
    "drift",
    "events",
    "invoke",
    "export",
    "reset",
    "demo",
)
BROKEN_PIPE = 141  # what a shell reports of a program whose output is no longer read

HELP = Help(
    summary="",
    explanation=(
        "SageMaker, the handlers behind Lambda's Invoke API, CloudFormation and Cloud Control on this "
        "machine. One terminal runs start; the other commands find that sandbox from another one. They "
        "need no account, and reach none but for 'export --account'."
    ),
    examples=[
        "start",
        "deploy examples/registered-version.yaml --stack fraud",
        "status fraud",
        "events fraud",
        "deploy --help",
    ],
)


def parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of the command line with these commands."""
    whole = Parser(prog=program(), **HELP.settings())
    commands = whole.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name in names:
        module = importlib.import_module(f"sandbox.commands.{name}")
        command = commands.add_parser(name, help=module.HELP.summary, **module.HELP.settings())
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return whole


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    # Only help and a mistake need the others, which take their time to import.
    whole = parser(given[:1] if given[:1] and given[0] in COMMANDS else COMMANDS)
    try:
        options = whole.parse_args(given)
    except SystemExit as end:  # wrong usage, or --help
        return end.code if isinstance(end.code, int) else USAGE
    if options.command is None:
        whole.print_help(sys.stderr)
        return USAGE
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        report("Interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # What is still buffered for stdout cannot be written either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        known = error if isinstance(error, SandboxError) else explain(error)
        if known is None:
            raise
        report(str(known))
        return known.exit_code


if __name__ == "__main__":
    sys.exit(main())
