"""A sandbox that the commands find, and what runs them in it, as `main` does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.__main__ import main
from sandbox.commands import watch
from sandbox.local_aws import Sandbox
from sandbox.shared.clients import environment
from sandbox.shared.settings import ROOT
from sandbox.state_file import STATE_VARIABLE, RunningSandbox, StateFile
from tests.sandbox.commands.cli import CommandResult, RunCommand


@pytest.fixture(scope="session")
def state(started: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state file of the sandbox."""
    with StateFile(tmp_path_factory.mktemp("state") / "sandbox.json") as state_file:
        state_file.write(RunningSandbox.of(started))
        yield state_file.path


@pytest.fixture
def run(
    started: Sandbox, state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> RunCommand:
    """Runs a command in a shell without variables of AWS that knows where the sandbox is."""
    for name in environment(started.endpoints, started.credentials):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(STATE_VARIABLE, str(state))
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(watch, "POLL_SECONDS", 0.02)

    def run_command(*arguments: str) -> CommandResult:
        code = main(list(arguments))
        return CommandResult(code, *capsys.readouterr())

    return run_command
