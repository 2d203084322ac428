"""What the commands have in common: exit codes, arguments, files, words on the screen."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

from sandbox.shared.processes import SandboxError
from sandbox.state_file import (
    STATE,
    STATE_VARIABLE,
    NoSandboxError,
    Running,
    default_state,
    find,
    shown,
    state_option,
    this_command,
)

DONE = 0
FAILED = 1
USAGE = 2
NO_SANDBOX = NoSandboxError.exit_code
NOT_OVER = 4
INTERRUPTED = 130

EXIT_CODES = """\
exit codes:
  0    done
  1    it failed: a stack was rolled back, a handler answered FAILED, ...
  2    wrong usage: unknown options or names, files that cannot be read
  3    no sandbox is running, or a part of it does not answer
  4    it was not over within --timeout
  130  interrupted by Ctrl-C; a start that runs and events --follow end that way, so theirs is 0

With --json, stdout has JSON only; what went wrong is told on stderr."""

# Seconds between two looks at something that changes.
LOOK_EVERY = 0.2
LONGEST_WAIT = 3600.0
NARROWEST = 20

Json = dict[str, Any]
Commands = Any  # argparse keeps the type of what add_subparsers returns to itself


class UsageError(SandboxError):
    """What was given cannot be used."""

    exit_code = USAGE


class NotOverError(SandboxError):
    """Something takes longer than somebody wants to wait."""

    exit_code = NOT_OVER


class Parser(argparse.ArgumentParser):
    """Arguments whose mistakes end with the way to the examples."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to read how it is right."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"error: {message}\n`{self.prog} --help` explains it, with examples\n")


class HelpFormatter(argparse.HelpFormatter):
    """Fits explanations to the terminal, and leaves examples and tables as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if text.startswith("examples:") else super()._fill_text(text, width, indent)


@dataclass(frozen=True)
class Help:
    """What a command says of itself; its examples come without the program itself."""

    summary: str
    explanation: str
    examples: Sequence[str]

    @property
    def epilog(self) -> str:
        """The examples, and what every command has in common."""
        lines = "\n".join(f"  {this_command()} {example}" for example in self.examples)
        return f"examples:\n{lines}\n\n{EXIT_CODES}".replace("%", "%%")


def add_command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], int], told: Help
) -> argparse.ArgumentParser:
    """Add a command with its help."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=told.summary,
        description=told.explanation,
        epilog=told.epilog,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    return parser


def add_state(parser: argparse._ActionsContainer) -> None:
    """Add the option that says which sandbox is meant."""
    parser.add_argument(
        "--state",
        type=Path,
        metavar="FILE",
        help=(
            f"the file in which start notes where it is; default: what {STATE_VARIABLE} names, or "
            f"{shown(STATE)}"
        ),
    )


def add_json(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the option for scripts."""
    parser.add_argument("--json", action="store_true", help=f"{what}, as JSON on stdout")


def add_timeout(parser: argparse.ArgumentParser) -> None:
    """Add the option that ends the waiting."""
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=LONGEST_WAIT,
        metavar="SECONDS",
        help=f"stop waiting after so long (exit code {NOT_OVER}); default: {LONGEST_WAIT:g}",
    )


def seconds(text: str) -> float:
    """A time that something may take."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0")
    return value


def pair(text: str) -> tuple[str, str]:
    """A name with its value, as the command line gives it."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        hint = "; a file comes before the options" if Path(text).is_file() else ""
        raise argparse.ArgumentTypeError(f"{text} is not of the form NAME=VALUE{hint}")
    return name, value


def pairs(given: Iterable[tuple[str, str]], what: str) -> dict[str, str]:
    """The pairs as a dictionary; a name that is given twice is refused."""
    found: dict[str, str] = {}
    for name, value in given:
        if name in found:
            raise UsageError(f"The {what} {name} is given twice")
        found[name] = value
    return found


def sandbox_of(options: argparse.Namespace) -> Running:
    """The sandbox that the command is for."""
    return find(state_of(options))


def state_of(options: argparse.Namespace) -> Path:
    """The file that says where the sandbox is."""
    return default_state() if options.state is None else Path(options.state).absolute()


def command(options: argparse.Namespace, rest: str) -> str:
    """Another command for the same sandbox, to be pasted."""
    name, _, arguments = rest.partition(" ")
    return f"{this_command()} {name}{state_option(state_of(options))} {arguments}".rstrip()


def read_text(name: str, what: str) -> str:
    """The text of a file, or of stdin for `-`; UsageError when there is none."""
    if name == "-":
        if sys.stdin.isatty():
            tell(f"Reading the {what} from the terminal; Ctrl-D ends it")
        return _decoded(sys.stdin.buffer.read(), "stdin")
    path = Path(name)
    try:
        content = path.read_bytes()
    except FileNotFoundError as problem:
        raise UsageError(f"There is no {what} at {name}{_near(path)}") from problem
    except IsADirectoryError as problem:
        raise UsageError(f"{name} is a folder, not a {what}") from problem
    except (OSError, ValueError) as problem:  # ValueError: a name that cannot be one
        reason = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise UsageError(f"{name} cannot be read: {reason}") from problem
    return _decoded(content, name)


def parse_json(text: str, name: str) -> Any:
    """What a JSON text says; UsageError with line and column when it is none."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as problem:
        where = f"line {problem.lineno}, column {problem.colno}"
        raise UsageError(f"{called(name)} is not JSON: {where}: {problem.msg}") from problem
    except RecursionError as problem:
        raise UsageError(f"{called(name)} is nested too deeply to be read") from problem


def called(name: str) -> str:
    """A file as messages call it."""
    return "stdin" if name == "-" else name


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        before = content[: problem.start]
        line, column = before.count(b"\n") + 1, problem.start - (before.rfind(b"\n") + 1) + 1
        raise UsageError(
            f"{name} is not text in UTF-8: line {line}, byte {column} is of no character"
        ) from problem


def _near(path: Path) -> str:
    """A file that somebody may have meant."""
    import difflib

    names = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    found = difflib.get_close_matches(path.name, names, 1)
    return f"; there is {shown(path.parent / found[0])}" if found else ""


def tell(text: str) -> None:
    """Say something to whoever looks on; it is no part of the result."""
    print(text, file=sys.stderr, flush=True)


def put(text: str) -> None:
    """Print a part of the result."""
    print(text, flush=True)


def put_json(value: Any, *, pretty: bool = False) -> None:
    """Print the result as JSON, in one line unless it is to be read."""
    put(json.dumps(value, indent=2 if pretty else None, ensure_ascii=False, default=str))


def table(rows: Sequence[Sequence[object]], indent: str = "  ") -> list[str]:
    """The rows as lines, with the columns below each other."""
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def clock(epoch: float) -> str:
    """A time of today, as a clock here shows it."""
    return time.strftime("%H:%M:%S", time.localtime(epoch))


class Progress:
    """One line on a terminal that says what is being waited for; elsewhere nothing."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._shows = not quiet and sys.stderr.isatty()
        self._length = 0

    @property
    def shows(self) -> bool:
        """Whether anybody sees it."""
        return self._shows

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def show(self, text: str) -> None:
        """Replace the line."""
        if not self._shows:
            return
        widest = max(shutil.get_terminal_size().columns - 1, NARROWEST)
        line = text[:widest]
        # Blanks rather than control sequences, which not every terminal has.
        sys.stderr.write("\r" + line + " " * (self._length - len(line)))
        sys.stderr.flush()
        self._length = len(line)

    def clear(self) -> None:
        """Take the line away, so that something else can be printed."""
        if self._length:
            sys.stderr.write("\r" + " " * self._length + "\r")
            sys.stderr.flush()
            self._length = 0


_RESOURCE_HANDLER = re.compile(
    r'Resource handler returned message: "(?P<message>.*)" '
    r"\(RequestToken: [^,)]*, HandlerErrorCode: (?P<code>\w+)\)",
    re.DOTALL,
)


def in_the_handlers_words(reason: str) -> str:
    """A stack event's reason without what CloudFormation puts around the handler's message."""
    found = _RESOURCE_HANDLER.fullmatch(reason)
    return f"{found['code']}: {found['message']}" if found else reason


def explained(problem: Exception) -> SandboxError | None:
    """What an error of botocore means here; None for any other."""
    if not type(problem).__module__.startswith("botocore."):
        return None
    from botocore import exceptions

    if isinstance(problem, exceptions.ClientError):
        return SandboxError(f"{problem.operation_name} was refused: {message_of(problem)}")
    if isinstance(problem, exceptions.ConnectionError | exceptions.HTTPClientError):
        return NoSandboxError(
            f"A part of the sandbox does not answer any more: {problem}. Stop the sandbox and start it "
            "again; its logs are where `start` said"
        )
    return None


def message_of(problem: Any) -> str:
    """What AWS says in an error."""
    return str(problem.response["Error"].get("Message") or problem.response["Error"].get("Code"))
