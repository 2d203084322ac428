"""What tests/conftest.py does for every test: it fails one that leaves the process changed, and shuffles."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from packager.project import ROOT

TESTS = """
import logging, os
import pytest

@pytest.fixture(scope="session")
def shared():
    os.environ["LEFT_BY_A_FIXTURE"] = "a secret"

def test_variable(): os.environ["LEFT_BY_A_TEST"] = "a secret"
def test_fixture(shared): pass
def test_folder(tmp_path): os.chdir(tmp_path)
def test_level(): logging.getLogger().setLevel(logging.DEBUG)
def test_patched(monkeypatch, tmp_path):
    monkeypatch.setenv("LEFT_BY_NO_TEST", "1")
    monkeypatch.chdir(tmp_path)
def test_nothing(): pass
"""


def run(folder: Path, *options: str) -> str:
    """Run these tests with the conftest file of ours, and return what pytest prints."""
    (folder / "test_some.py").write_text(TESTS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-v", f"--rootdir={folder}"]
    done = subprocess.run(  # noqa: S603 - pytest itself
        [*command, str(folder), *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    return run(tmp_path_factory.mktemp("tests"))


def test_leak_fails_the_test_that_leaves_it(output: str) -> None:
    left = re.findall(r"ERROR at teardown of (\w+) _.*\n.* leaves changed: (.+?)\. Change it", output)
    assert dict(left) == {
        "test_variable": "environment variable LEFT_BY_A_TEST",
        "test_fixture": "environment variable LEFT_BY_A_FIXTURE",
        "test_folder": "process working directory",
        "test_level": "level of the logger root",
    }
    assert "6 passed, 4 errors" in output
    assert "a secret" not in output.replace(TESTS, "")


def test_header_names_what_is_not_run(output: str) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (line,) = re.findall("^not run here: (.*)$", output, re.MULTILINE)
    named = dict(re.findall(r"(\S+) \((make [a-z-]+)\)", line))
    assert re.findall(r"--ignore=(\S+)", settings["tool"]["pytest"]["ini_options"]["addopts"]) == sorted(
        named.keys() - {"tests/clients"}  # has no file that pytest collects
    )
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(f"\n{command.removeprefix('make ')}: " in makefile for command in named.values())


def test_shuffle_follows_its_seed(tmp_path: Path, output: str) -> None:
    outputs = [output, *(run(tmp_path, "--shuffle", seed) for seed in "12")]
    orders = [re.findall(r"::(\w+) PASSED", each) for each in outputs]
    assert len({tuple(order) for order in orders}) == len(outputs)
    assert len({frozenset(order) for order in orders}) == 1
