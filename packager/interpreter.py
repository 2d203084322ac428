"""The Python that the type is registered for, if this machine has it: `python -m packager.interpreter`.

Bytecode belongs to one version of Python, so it takes this one to write what Lambda will read. Standard
library only: it is asked before any environment is made.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Names an interpreter, for a machine that has it where nobody would look.
VARIABLE = "RUNTIME_PYTHON"
_PRINT_VERSION = "import sys; print('python%d.%d' % sys.version_info[:2])"


def runtime() -> str:
    """The registered runtime, such as python3.12."""
    settings: dict[str, str] = json.loads((ROOT / ".rpdk-config").read_text(encoding="utf-8"))
    return settings["runtime"]


def find() -> Path | None:
    """An interpreter of the registered runtime's version, by its whole path, or None."""
    return next((path for path in _candidates() if _is(path, runtime())), None)


def _candidates() -> Iterator[Path]:
    if os.environ.get(VARIABLE):
        # Not resolved: the Python of a virtual environment is a link, and means something by it.
        yield Path(os.environ[VARIABLE]).absolute()
        return
    yield Path(sys.executable)
    for folder in os.get_exec_path():
        yield Path(folder).absolute() / runtime()
    # pyenv puts a stand-in on the path, which runs only the versions that somebody has switched on.
    versions = Path(os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")) / "versions"
    yield from sorted(versions.glob(f"{runtime().removeprefix('python')}.*/bin/python"), reverse=True)


def missing() -> str:
    """Why there is no interpreter, and what to do."""
    if os.environ.get(VARIABLE):
        return f"{VARIABLE} is {os.environ[VARIABLE]}, which is no {runtime()} that runs"
    return f"no {runtime()} on this machine: install it, or name one in {VARIABLE}"


def environment() -> dict[str, str]:
    """Variables for the interpreter: those there are, without what would change how Python works."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def _is(path: Path, version: str) -> bool:
    try:
        said = subprocess.run(  # noqa: S603 - an interpreter of this machine
            [path, "-c", _PRINT_VERSION],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return said.stdout.strip() == version


def main() -> int:
    """Print the interpreter's path; exit with 1 when there is none."""
    found = find()
    if found is None:
        return 1
    print(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
