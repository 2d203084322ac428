"""Runs tests that need more than Python and make, or prints in one line why not.

For `make cdk` and `make page-test`, which are no part of `make test`. Standard library only, because it runs
before there is any environment.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run_tests(make: str, folder: str, target: str, library: str, variable: str, problem: str | None) -> int:
    """Run the tests in a folder and return the exit code.

    `target` installs the library. If that fails, or this machine has a problem, the reason is printed; it
    is a failure only where the environment variable is 1.
    """
    if problem is None and not make_targets(make, target):
        problem = f"{library} could not be installed (see above): make the package registry reachable"
    if problem is not None:
        print(f"SKIPPED: {problem}", flush=True)
        return 1 if os.environ.get(variable) == "1" else 0
    if not make_targets(make, ".venv/.ready", ".venv-engine/.ready", ".venv-lambda/.ready"):
        return 1
    python = ROOT / ".venv" / "bin" / "python"
    return subprocess.run([python, "-m", "pytest", folder], cwd=ROOT, check=False).returncode  # noqa: S603


def make_targets(make: str, *targets: str) -> bool:
    """Make targets of the Makefile and return whether all of them could be made."""
    command = [make, "--no-print-directory", *targets]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0  # noqa: S603
