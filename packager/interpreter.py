"""The Python interpreter of the registered runtime on this machine: `python -m packager.interpreter`.

Bytecode is valid for one version of Python only, so this one has to write it for Lambda. Standard library
only, because set-up runs this module before any environment exists.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The environment variable with an interpreter's path, for one that is in none of the usual places.
VARIABLE = "RUNTIME_PYTHON"
_PRINT_VERSION = "import sys; print('python%d.%d' % sys.version_info[:2])"
_PRINT_FULL_VERSION = "import platform; print(platform.python_implementation(), platform.python_version())"


def runtime() -> str:
    """The registered Lambda runtime, such as python3.12."""
    settings: dict[str, str] = json.loads((ROOT / ".rpdk-config").read_text(encoding="utf-8"))
    return settings["runtime"]


def find() -> Path | None:
    """The absolute path of an interpreter of the registered runtime's version, or None."""
    return next((path for path in _candidates() if _has_version(path, runtime())), None)


def _candidates() -> Iterator[Path]:
    if os.environ.get(VARIABLE):
        # Not resolved: in a virtual environment it is a link, whose own place matters.
        yield Path(os.environ[VARIABLE]).absolute()
        return
    yield Path(sys.executable)
    for folder in os.get_exec_path():
        yield Path(folder).absolute() / runtime()
    # The python on the path may be pyenv's shim, which runs only the versions that are switched on.
    versions = Path(os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")) / "versions"
    yield from sorted(versions.glob(f"{runtime().removeprefix('python')}.*/bin/python"), reverse=True)


def missing() -> str:
    """The message for the case that there is no interpreter: why, and the remedy."""
    if os.environ.get(VARIABLE):
        return f"{VARIABLE} is {os.environ[VARIABLE]}, which is no {runtime()} that runs"
    return f"no {runtime()} on this machine: install it, or name one in {VARIABLE}"


def environment() -> dict[str, str]:
    """The environment variables without those that change how Python works."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def full_version(path: Path) -> str:
    """The interpreter and its version to the patch, such as CPython 3.12.1.

    Raises:
        subprocess.SubprocessError: It does not run.
    """
    return _output_of(path, _PRINT_FULL_VERSION)


def _has_version(path: Path, version: str) -> bool:
    try:
        return _output_of(path, _PRINT_VERSION) == version
    except (OSError, subprocess.SubprocessError):
        return False


def _output_of(path: Path, code: str) -> str:
    done = subprocess.run(  # noqa: S603 - an interpreter of this machine
        [path, "-c", code], env=environment(), capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout.strip()


def main() -> int:
    """Print the interpreter's path and return 0, or 1 when there is none."""
    path = find()
    if path is None:
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
