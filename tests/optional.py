"""What needs more than Python and make: its tests are run, or one line says why not.

For `make cdk` and `make page-test`, which are no part of `make test`. Standard library only: the environments
are still to be made.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def made(make: str, *targets: str) -> bool:
    """Make targets of the Makefile; whether that worked."""
    command = [make, "--no-print-directory", *targets]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0  # noqa: S603


def skipped(reason: str, variable: str) -> int:
    """Say why nothing is tested; a failure only where the environment variable is 1."""
    print(f"SKIPPED: {reason}", flush=True)
    return 1 if os.environ.get(variable) == "1" else 0


def tested(make: str, folder: str) -> int:
    """Run the tests in a folder, in environments that are there afterwards; their exit code."""
    if not made(make, ".venv/.ready", ".venv-engine/.ready"):
        return 1
    python = ROOT / ".venv" / "bin" / "python"
    return subprocess.run([python, "-m", "pytest", folder], cwd=ROOT, check=False).returncode  # noqa: S603
