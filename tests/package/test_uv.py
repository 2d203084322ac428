"""The uv that makes the environments: its version, its settings, and its lock files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from packager import uv
from packager.project import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS: dict[str, list[str]] = PROJECT["dependency-groups"]
PIN = re.compile(r"(?P<name>[\w.-]+)(\[[\w,]+\])?==(?P<version>[\w.]+)")


def normalize(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lines: list[str]) -> dict[str, str]:
    """Versions by name; a line that pins none fails."""
    matches = [PIN.match(line) for line in lines]
    assert all(matches), lines
    return {normalize(match["name"]): match["version"] for match in matches if match}


def locked(group: str) -> dict[str, str]:
    """Versions by name in the lock file of a group."""
    return hashed(ROOT / "locks" / f"{group}.txt")


def hashed(lock: Path) -> dict[str, str]:
    """Versions by name in a lock file, each of which has a hash."""
    text = lock.read_text(encoding="utf-8")
    lines = [
        line for line in text.replace("\\\n", "").splitlines() if line.strip() and line.strip()[0] != "#"
    ]
    assert [line for line in lines if "--hash=sha256:" not in line] == []
    return pins(lines)


def test_every_group_has_a_lock_file() -> None:
    npm = {"clients-cdk-cli", "editors"}  # folders with npm's own files
    assert {path.stem for path in (ROOT / "locks").iterdir()} == set(GROUPS) | npm


@pytest.mark.parametrize("group", GROUPS)
def test_lock_has_the_versions_of_its_group(group: str) -> None:
    own = PROJECT["project"]["dependencies"] if group == "dev" else []
    assert pins([*GROUPS[group], *own]).items() <= locked(group).items(), "run `make lock`"


def test_lock_has_the_versions_that_are_packaged() -> None:
    packaged = hashed(ROOT / "requirements.txt")
    assert pins(PROJECT["project"]["dependencies"]).items() <= packaged.items(), "run `make lock`"
    assert packaged.items() <= locked("dev").items(), "run `make lock`"


def test_locks_of_one_environment_agree() -> None:
    dev = locked("dev")
    assert [name for name, version in locked("page").items() if dev.get(name, version) != version] == []


@pytest.mark.parametrize("lock", ["requirements.txt", *(f"locks/{group}.txt" for group in GROUPS)])
def test_lock_names_no_address(lock: str) -> None:
    assert "://" not in (ROOT / lock).read_text(encoding="utf-8")


# --- which uv ---------------------------------------------------------------------------------------


def fake_uv(folder: Path, exit_code: int) -> Path:
    """A uv that accepts the project's version, or does not."""
    folder.mkdir(parents=True)
    path = folder / "uv"
    path.write_text(f"#!/bin/sh\nexit {exit_code}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("on_path", "own", "expected"),
    [
        pytest.param(0, 0, "path", id="the one on the PATH"),
        pytest.param(2, 0, "own", id="the one on the PATH is too old"),
        pytest.param(None, 0, "own", id="none on the PATH"),
        pytest.param(None, None, None, id="none at all"),
        pytest.param(2, None, None, id="too old and none of our own"),
    ],
)
def test_find(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    on_path: int | None,
    own: int | None,
    expected: str | None,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(uv, "FOLDER", tmp_path / "own")
    paths: dict[str | None, str] = {}
    if on_path is not None:
        paths["path"] = str(fake_uv(tmp_path / "path", on_path))
    if own is not None:
        paths["own"] = str(fake_uv(tmp_path / "own" / "bin", own))
    assert uv.find() == paths.get(expected)


# --- its settings -----------------------------------------------------------------------------------

PIP_CONFIGURATION = """
[global]
index-url = https://mirror.example.com/simple
trusted-host =
    mirror.example.com
    other.example.com
proxy = http://proxy.example.com:3128
[install]
proxy = http://other.example.com:3128
"""


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with pip's configuration, and no variable of pip or uv."""
    for name in os.environ:
        if name.startswith(("PIP_", "UV_")) or name in uv.VARIABLES.values():
            monkeypatch.delenv(name)
    path = tmp_path / "pip.conf"
    path.write_text(PIP_CONFIGURATION)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(path))


@pytest.mark.usefixtures("configuration")
def test_environment_has_the_configuration_of_pip() -> None:
    environment = uv.environment()
    assert environment["UV_DEFAULT_INDEX"] == "https://mirror.example.com/simple"
    assert environment["UV_INSECURE_HOST"] == "mirror.example.com other.example.com"
    assert environment["ALL_PROXY"] == "http://other.example.com:3128"
    assert environment["UV_PYTHON"] == sys.executable
    assert environment["UV_PYTHON_DOWNLOADS"] == "never"


@pytest.mark.usefixtures("configuration")
def test_environment_prefers_variables_of_pip_to_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://variable.example.com/simple")
    monkeypatch.setenv("PIP_CERT", "/certificates.pem")
    environment = uv.environment()
    assert environment["UV_DEFAULT_INDEX"] == "https://variable.example.com/simple"
    assert environment["SSL_CERT_FILE"] == "/certificates.pem"


@pytest.mark.usefixtures("configuration")
def test_environment_prefers_variables_of_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://uv.example.com/simple")
    assert uv.environment()["UV_DEFAULT_INDEX"] == "https://uv.example.com/simple"


@pytest.mark.usefixtures("configuration")
def test_environment_without_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert not set(uv.VARIABLES.values()) & uv.environment().keys()


@pytest.mark.usefixtures("configuration")
def test_configuration_is_read_where_pip_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_CONFIG_FILE")
    command = [sys.executable, "-m", "pip", "config", "debug"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
    files = re.findall(r"^  (/.*), exists: ", printed, re.MULTILINE)
    assert files
    assert set(files) <= set(uv._pip_files())
