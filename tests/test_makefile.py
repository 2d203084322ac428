"""Which Python the Makefile makes the environments with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = (".venv", ".venv-engine", ".venv-lambda")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files that `make setup` depends on, and marks of environments that it has made for python3."""
    shutil.copytree(ROOT / "locks", tmp_path / "locks")
    for name in ("Makefile", "pyproject.toml", ".rpdk-config"):
        shutil.copy(ROOT / name, tmp_path)
    for name in (".uv", *ENVIRONMENTS):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".ready").touch()
    return tmp_path


def make(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    outside = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "PYTHON"))
    }
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(  # noqa: S603
        command, cwd=folder, env=outside | variables, capture_output=True, text=True, check=False
    )


def made(output: str) -> list[str]:
    """The environments that a dry run says it would make."""
    commands = [line.split() for line in output.splitlines() if " venv " in line]
    return sorted(command[-1] for command in commands)


def test_make_setup_keeps_the_environments_that_are_there(folder: Path) -> None:
    assert made(make(folder, "--dry-run", "setup").stdout) == []


def test_make_setup_makes_the_environments_again_for_a_python_that_is_named(folder: Path) -> None:
    for given in ({"PYTHON": sys.executable}, {}):
        arguments = [] if given else [f"PYTHON={sys.executable}"]
        done = make(folder, "--dry-run", "setup", *arguments, **given)
        assert made(done.stdout) == sorted(ENVIRONMENTS)


def test_make_setup_keeps_the_environments_of_the_same_version(folder: Path) -> None:
    (folder / f".uv/.ready-{sys.version_info[0]}.{sys.version_info[1]}").touch()
    for name in ENVIRONMENTS:
        (folder / name / ".ready").touch()
    assert made(make(folder, "--dry-run", "setup", f"PYTHON={sys.executable}").stdout) == []


def test_make_setup_says_which_python_it_needs(folder: Path) -> None:
    old = folder / "python3.10"
    # The arguments are `-c CODE`, which this runs as Python 3.10 would.
    old.write_text(f"#!{sys.executable}\nimport sys\nsys.version_info = (3, 10, 13)\nexec(sys.argv[2])\n")
    old.chmod(0o755)
    done = make(folder, "setup", f"PYTHON={old}")
    assert done.stderr.splitlines()[0] == (
        f"{old} is Python 3.10, and 3.11 or newer is needed: make PYTHON=/path/to/python"
    )
    assert done.returncode == 2
    assert (folder / ".uv" / ".ready").exists()


def test_make_test_runs_every_test_in_exactly_one_part() -> None:
    done = make(ROOT, "--dry-run", "--always-make", "unit", "project", "sandbox", "stack", "torture-quick")
    runs = [line.split() for line in done.stdout.splitlines() if " -m pytest " in line]
    named = [each for run in runs for each in run if each.startswith("tests/")]
    ignored = [each.removeprefix("--ignore=") for run in runs for each in run if each.startswith("--ignore=")]
    # The part that names no folder runs all but those of the others.
    assert len([run for run in runs if not any(each.startswith("tests/") for each in run)]) == 1
    assert sorted(named) == sorted(ignored)
    assert len(set(named)) == len(named)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (parts,) = re.findall(r"^test: .*\n.*\n\t\$\(MAKE\) --jobs=3 \$\(SYNC\) (.*)$", makefile, re.MULTILINE)
    assert set(parts.split()) >= {"unit", "project", "sandbox", "stack", "torture-quick"}
