"""Runs uv for the Makefile: `python -m packager.uv ARGUMENT ...`.

It is the uv on the PATH if pyproject.toml allows its version, otherwise the one in locks/uv.txt, which pip
installs in .uv. uv reads no configuration of pip: the index, certificates and proxy in it are passed on.
Standard library only: it runs before any environment is made.
"""

from __future__ import annotations

import configparser
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".uv"
LOCK = ROOT / "locks" / "uv.txt"
# Options of pip, and the variables in which uv takes the same.
VARIABLES = {
    "index-url": "UV_DEFAULT_INDEX",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
    "proxy": "ALL_PROXY",
}
# Settings of pip that contradict --target.
_PIP_TARGET = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}


def find() -> str | None:
    """Return the path of a uv of an allowed version, or None."""
    candidates = [shutil.which("uv"), shutil.which("uv", path=FOLDER / "bin")]
    return next((path for path in candidates if path and _is_allowed(path)), None)


def install() -> str:
    """Install the uv of the lock file with pip and return its path.

    Raises:
        subprocess.CalledProcessError: pip failed; it has printed why.
    """
    python = sys.executable
    if importlib.util.find_spec("pip") is None:  # Debian has it in a package of its own
        subprocess.run([python, "-m", "venv", FOLDER / "pip"], check=True)  # noqa: S603 - this Python
        python = str(FOLDER / "pip" / "bin" / "python")
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    command += ["--root-user-action", "ignore", "--only-binary", ":all:"]
    command += ["--target", str(FOLDER), "--requirement", str(LOCK)]
    subprocess.run(command, env={**os.environ, **_PIP_TARGET}, check=True)  # noqa: S603 - pip
    return str(FOLDER / "bin" / "uv")


def environment() -> dict[str, str]:
    """Return uv's variables: pip's configuration where no other is set, this Python, none downloaded."""
    return {
        # pip trusts the system's certificates, too. The second is the name that older versions know.
        "UV_SYSTEM_CERTS": "1",
        "UV_NATIVE_TLS": "1",
        **_pip_configuration(),
        **os.environ,
        "UV_PYTHON": sys.executable,
        "UV_PYTHON_DOWNLOADS": "never",
    }


def _pip_configuration() -> dict[str, str]:
    """Return what pip's files and PIP_ variables set, under the names of uv's variables."""
    parser = configparser.RawConfigParser()
    parser.read(_pip_files())
    variables = {}
    for option, variable in VARIABLES.items():
        value = os.environ.get(f"PIP_{option.upper().replace('-', '_')}")
        for section in ("install", "global"):
            value = value or parser.get(section, option, fallback=None)
        if value:
            variables[variable] = " ".join(value.split("\n")).strip()
    return variables


def _pip_files() -> list[str]:
    """Return the files that pip reads, as its guide lists them; the last one that sets an option counts."""
    chosen = os.environ.get("PIP_CONFIG_FILE", "")
    if chosen == os.devnull:
        return []
    home = os.path.expanduser("~")
    mac = "/Library/Application Support/pip/pip.conf"
    machine = os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    config = os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    user = [f"{home}/.pip/pip.conf", f"{config}/pip/pip.conf", f"{home}{mac}"]
    return [
        *(f"{folder}/pip/pip.conf" for folder in machine.split(":")),
        *("/etc/pip.conf", mac),
        *([] if os.path.exists(chosen) else user),
        *(f"{sys.prefix}/pip.conf", chosen),
    ]


def _is_allowed(uv: str) -> bool:
    """Whether uv accepts the version in pyproject.toml, which every command but --version checks."""
    command = [uv, "cache", "dir"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0  # noqa: S603 - uv


def main(arguments: Sequence[str]) -> None:
    """Replace this process with uv; without arguments, only make sure that there is one."""
    uv = find() or install()
    if arguments:
        os.execve(uv, [uv, *arguments], environment())  # noqa: S606 - uv


if __name__ == "__main__":
    main(sys.argv[1:])
