"""Runs commands as their users type them, in a shell that has a sandbox's variables."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from sandbox.local_aws import Sandbox
from sandbox.shared.http import HOST
from sandbox.shared.processes import SandboxError, clean_environment
from sandbox.state_file import RunningSandbox

MAX_SECONDS = 300.0


class CommandFailed(SandboxError):
    """A command ended otherwise than expected; its output has been printed."""


class Shell:
    """A shell with the variables that `start` prints, and with the programs of this environment: aws and cfn.

    It prints each command with what came of it. `variables` are added to its environment. Settings of AWS
    come from the sandbox only; others stay, such as where packages are installed from.
    """

    def __init__(self, sandbox: Sandbox, print_line: Callable[[str], object], **variables: str) -> None:
        self._print_line = print_line
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        programs = Path(sys.executable).parent
        self._environment = own | clean_environment(
            **RunningSandbox.of(sandbox).environment(),
            PATH=f"{programs}{os.pathsep}{os.environ['PATH']}",
            NO_PROXY=HOST,
            no_proxy=HOST,
            **variables,
        )

    def run(self, command: str, folder: Path) -> str:
        """Run a command in a folder and return what it prints.

        Raises:
            CommandFailed: it fails.
        """
        code, output = self._run(command, folder)
        if code:
            raise CommandFailed(f"exit code {code}")
        return output

    def refuse(self, command: str, folder: Path) -> str:
        """Run a command that has to fail, and return what it prints.

        Raises:
            CommandFailed: it does not fail.
        """
        code, output = self._run(command, folder)
        if not code:
            raise CommandFailed("it succeeds")
        return output

    def _run(self, command: str, folder: Path) -> tuple[int, str]:
        self._print_line(f"   $ {command}")
        done = subprocess.run(  # noqa: S603 - the demonstration's and the guides' own commands
            ["/bin/sh", "-e", "-u", "-c", command],
            cwd=folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=MAX_SECONDS,
            check=False,
        )
        for line in filter(None, done.stdout.splitlines()):
            self._print_line(f"     {line}")
        return done.returncode, done.stdout
