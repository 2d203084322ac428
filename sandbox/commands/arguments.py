"""The command line: its parser, help texts, and the options that commands share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from sandbox.commands.errors import EXIT_CODES, UsageError
from sandbox.shared.exit_codes import TIMED_OUT, USAGE
from sandbox.state_file import (
    STATE,
    STATE_VARIABLE,
    RunningSandbox,
    default_state,
    find_sandbox,
    program,
    short_path,
    state_option,
)

DEFAULT_TIMEOUT_SECONDS = 3600.0


class Parser(argparse.ArgumentParser):
    """A parser whose errors name `--help`."""

    def error(self, message: str) -> NoReturn:
        """Print the usage, the error and the way to the examples, and exit."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"error: {message}\n`{self.prog} --help` explains it, with examples\n")


class HelpFormatter(argparse.HelpFormatter):
    """Fits explanations to the terminal, and leaves examples and tables as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if text.startswith("examples:") else super()._fill_text(text, width, indent)


@dataclass(frozen=True)
class Help:
    """The help of a command; its examples begin with the command's name."""

    summary: str
    explanation: str
    examples: Sequence[str]

    def settings(self) -> dict[str, Any]:
        """Return the arguments for a parser that shows this help, with the exit codes below the examples."""
        lines = "\n".join(f"  {program()} {example}" for example in self.examples)
        return {
            "description": self.explanation,
            "epilog": f"examples:\n{lines}\n\n{EXIT_CODES}".replace("%", "%%"),
            "formatter_class": HelpFormatter,
            "allow_abbrev": False,
        }


def add_state(parser: argparse._ActionsContainer) -> None:
    """Add the option that names the sandbox."""
    parser.add_argument(
        "--state",
        type=Path,
        metavar="FILE",
        help=(
            "the file in which start writes where it is; default: the one that "
            f"{STATE_VARIABLE} names, or {short_path(STATE)}"
        ),
    )


def add_json(parser: argparse.ArgumentParser, content: str) -> None:
    """Add the option for scripts; `content` is what the JSON holds."""
    parser.add_argument("--json", action="store_true", help=f"{content}, as JSON on stdout")


def add_shared(parser: argparse.ArgumentParser, content: str, *, timeout: bool = False) -> None:
    """Add --json, --state and, if asked for, --timeout; `content` is what the JSON holds."""
    if timeout:
        parser.add_argument(
            "--timeout",
            type=seconds,
            default=DEFAULT_TIMEOUT_SECONDS,
            metavar="SECONDS",
            help=f"stop waiting after so long (exit code {TIMED_OUT}); default: {DEFAULT_TIMEOUT_SECONDS:g}",
        )
    add_json(parser, content)
    add_state(parser)


def seconds(text: str) -> float:
    """Parse a number of seconds above 0.

    Raises:
        argparse.ArgumentTypeError: the text is anything else.
    """
    value = _number(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0")
    return value


def factor(text: str) -> float:
    """Parse a number from 0 on.

    Raises:
        argparse.ArgumentTypeError: the text is anything else.
    """
    value = _number(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 on")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1.0


def pair(text: str) -> tuple[str, str]:
    """Parse NAME=VALUE.

    Raises:
        argparse.ArgumentTypeError: the text is anything else.
    """
    name, equals, value = text.partition("=")
    if not (name and equals):
        hint = "; a file comes before the options" if Path(text).is_file() else ""
        raise argparse.ArgumentTypeError(f"{text} is not of the form NAME=VALUE{hint}")
    return name, value


def unique(pairs: Iterable[tuple[str, str]], kind: str) -> dict[str, str]:
    """Return the pairs as a dictionary.

    Raises:
        UsageError: a name is given twice; `kind` is what the message calls it.
    """
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in values:
            raise UsageError(f"The {kind} {name} is given twice")
        values[name] = value
    return values


def sandbox_of(options: argparse.Namespace) -> RunningSandbox:
    """Return the sandbox that the command is for.

    Raises:
        NoSandboxError: it does not run.
        StateError: the state file cannot be read, or is another file.
    """
    return find_sandbox(state_of(options))


def state_of(options: argparse.Namespace) -> Path:
    """Return the path of the state file."""
    return default_state() if options.state is None else Path(options.state).absolute()


def command_line(options: argparse.Namespace, arguments: str) -> str:
    """Return a command for the same sandbox, to be pasted; `arguments` begin with the command's name."""
    name, _, rest = arguments.partition(" ")
    return f"{program()} {name}{state_option(state_of(options))} {rest}".rstrip()
