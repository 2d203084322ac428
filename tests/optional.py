"""Runs tests that need more than Python and make, or prints in one line why not.

For `make cdk` and `make page-test`, which are no part of `make test`. Standard library only, because it runs
before there is any environment.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def make_targets(make: str, *targets: str) -> bool:
    """Make targets of the Makefile and return whether that succeeded."""
    command = [make, "--no-print-directory", *targets]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0  # noqa: S603


def skip(reason: str, variable: str) -> int:
    """Print the reason and return the exit code: 1 if the environment variable is 1, else 0."""
    print(f"SKIPPED: {reason}", flush=True)
    return 1 if os.environ.get(variable) == "1" else 0


def run_tests(make: str, folder: str) -> int:
    """Run the tests in a folder, in environments that are made first, and return their exit code."""
    if not make_targets(make, ".venv/.ready", ".venv-engine/.ready"):
        return 1
    python = ROOT / ".venv" / "bin" / "python"
    return subprocess.run([python, "-m", "pytest", folder], cwd=ROOT, check=False).returncode  # noqa: S603
