"""Files that the command line names, read with messages that say where a mistake is."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from sandbox.commands.errors import UsageError
from sandbox.commands.output import report
from sandbox.state_file import short_path


def read_text(name: str, kind: str) -> str:
    """Return the text of a file, or of stdin for `-`; `kind` is what messages call it.

    Raises:
        UsageError: it cannot be read, or is not UTF-8.
    """
    if name == "-":
        if sys.stdin.isatty():
            report(f"Reading the {kind} from the terminal; Ctrl-D ends it")
        return _decode(sys.stdin.buffer.read(), "stdin")
    path = Path(name)
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise UsageError(f"There is no {kind} at {name}{_suggestion(path)}") from error
    except IsADirectoryError as error:
        raise UsageError(f"{name} is a folder, not a {kind}") from error
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{name} cannot be read: {reason}") from error
    return _decode(content, name)


def parse_json(text: str, name: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        UsageError: it is not JSON; the message has line and column.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise not_json(error, display_name(name)) from error
    except RecursionError as error:
        raise UsageError(f"{display_name(name)} is nested too deeply to be read") from error


def not_json(error: ValueError, file: str) -> UsageError:
    """Return the error of a file that is not JSON, with line and column; other errors are of numbers."""
    if not isinstance(error, json.JSONDecodeError):
        return UsageError(f"{file} is not JSON: {error}")
    return UsageError(f"{file} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}")


def display_name(name: str) -> str:
    """Return a file's name as messages have it."""
    return "stdin" if name == "-" else name


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        head = content[: error.start]
        line, column = head.count(b"\n") + 1, error.start - (head.rfind(b"\n") + 1) + 1
        raise UsageError(
            f"{name} is not text in UTF-8: line {line}, byte {column} is of no character"
        ) from error


def _suggestion(path: Path) -> str:
    import difflib

    names = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    close = difflib.get_close_matches(path.name, names, 1)
    return f"; there is {short_path(path.parent / close[0])}" if close else ""
