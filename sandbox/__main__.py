"""The sandbox from a shell: `python -m sandbox --help` explains it."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from sandbox.commands.common import INTERRUPTED, USAGE, Help, HelpFormatter, Parser, explained, tell
from sandbox.commands.start import describe
from sandbox.shared.processes import SandboxError
from sandbox.state_file import this_command

__all__ = ["describe", "main"]

# In the order in which somebody needs them.
COMMANDS = ("start", "deploy", "delete", "status", "events", "invoke", "export", "reset", "demo")
BROKEN_PIPE = 141  # what a shell reports of a program that wrote to nobody

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


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    program = Parser(
        prog=this_command(),
        description=HELP.explanation,
        epilog=HELP.epilog,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    commands = program.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name in COMMANDS:
        importlib.import_module(f"sandbox.commands.{name}").add(commands)
    return program


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code."""
    program = parser()
    try:
        options = program.parse_args(arguments)
    except SystemExit as end:  # wrong usage, or --help
        return end.code if isinstance(end.code, int) else USAGE
    if options.command is None:
        program.print_help(sys.stderr)
        return USAGE
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        tell("Interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read along has gone, and so must what is still to be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as problem:
        known = problem if isinstance(problem, SandboxError) else explained(problem)
        if known is None:
            raise
        tell(str(known))
        return known.exit_code


if __name__ == "__main__":
    sys.exit(main())
