"""`make page-test`: the sandbox's page in headless Chromium, or one line that says why not.

It is no part of `make test`, because it needs a browser. Standard library only: it makes the environments.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.page.browser import find

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str]) -> int:
    """Run the tests beside this file; what is missing for them is a failure only with BROWSER_REQUIRED=1."""
    make = arguments[0] if arguments else "make"
    reason = without_browser() or without_library(make)
    if reason:
        print(f"SKIPPED: {reason}", flush=True)
        return 1 if os.environ.get("BROWSER_REQUIRED") == "1" else 0
    python = ROOT / ".venv" / "bin" / "python"
    return (
        made(make, ".venv-engine/.ready")
        or subprocess.run([python, "-m", "pytest", "tests/page"], cwd=ROOT, check=False).returncode  # noqa: S603
    )


def without_browser() -> str | None:
    """Say that there is no Chromium, if there is none."""
    if find() is None:
        return (
            "the page is tested in Chromium, and there is none here: install it "
            "(Debian, Ubuntu: apt-get install chromium), or name it in CHROMIUM"
        )
    return None


def without_library(make: str) -> str | None:
    """Install what drives it, or say that it cannot be."""
    if made(make, ".venv/.page-ready"):
        return "playwright could not be installed (see above): make the package registry reachable"
    return None


def made(make: str, *targets: str) -> int:
    """Make targets of the Makefile; the exit code."""
    command = [make, "--no-print-directory", *targets]
    return subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
