"""What `make cdk` and `make page-test` say where Node, the CDK, Chromium or Playwright is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.optional import ROOT

INSTALL_NODE = "install Node 20 or newer"
NOT_INSTALLED = "could not be installed (see above): make the package registry reachable"
OUTPUT_OF_MAKE = "No matching distribution"


def add_programs(folder: Path, **scripts: str | None) -> None:
    for name, script in scripts.items():
        if script is not None:
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)


def run(command: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("required", ["", "1"])
@pytest.mark.parametrize(
    ("module", "node", "chromium", "reason"),
    [
        ("cdk", None, "", f"the CDK runs on Node, and there is no node here: {INSTALL_NODE}"),
        ("cdk", "echo v18.20.4", "", f"aws-cdk-lib needs a newer Node than v18.20.4: {INSTALL_NODE}"),
        (
            "cdk",
            "echo no; exit 1",
            "",
            f"node --version does not answer with a version of Node: {INSTALL_NODE}",
        ),
        ("cdk", "echo v22.1.0", "", f"aws-cdk-lib {NOT_INSTALLED}"),
        (
            "page",
            None,
            "/no/browser",
            "the page is tested in Chromium, and there is none here: install it "
            "(Debian, Ubuntu: apt-get install chromium), or name it in CHROMIUM",
        ),
        ("page", None, sys.executable, f"playwright {NOT_INSTALLED}"),
    ],
)
def test_skip_says_what_is_missing(
    tmp_path: Path, module: str, node: str | None, chromium: str, reason: str, required: str
) -> None:
    add_programs(tmp_path, make=f"echo {OUTPUT_OF_MAKE}; exit 2", node=node)
    variables = {"CDK_REQUIRED": required, "BROWSER_REQUIRED": required, "CHROMIUM": chromium}
    command = [sys.executable, "-m", f"tests.{module}", str(tmp_path / "make")]
    done = run(command, {"PATH": str(tmp_path), **variables})
    lines = [OUTPUT_OF_MAKE] if NOT_INSTALLED in reason else []
    assert (done.stdout.splitlines(), done.stderr) == ([*lines, f"SKIPPED: {reason}"], "")
    assert done.returncode == int(required or 0)


@pytest.mark.parametrize(
    ("node", "message"), [(None, "there is no node here"), ("echo v18.0.0", "newer Node")]
)
def test_make_cdk_runs_the_same_command(tmp_path: Path, node: str | None, message: str) -> None:
    for name in ("make", "sh"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    add_programs(tmp_path, node=node)
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    for required, code in (("", 0), ("1", 2)):  # 2 is make's exit code for a command that failed
        variables = {**outside, "PATH": str(tmp_path), "CDK_REQUIRED": required}
        done = run(["make", "cdk", f"PYTHON={sys.executable}"], variables)
        assert done.stdout.startswith("SKIPPED: ")
        assert message in done.stdout
        assert done.returncode == code
