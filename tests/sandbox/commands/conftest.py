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
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Path]]:
    """A sandbox with its page, and its state file."""
    state = tmp_path_factory.mktemp("state") / "sandbox.json"
    with Sandbox(page=True, time_scale=0.02) as sandbox, StateFile(state) as state_file:
        state_file.write(RunningSandbox.of(sandbox))
        yield sandbox, state


@pytest.fixture
def run(
    started: tuple[Sandbox, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> RunCommand:
    """Runs a command in a shell without variables of AWS that knows where the sandbox is."""
    for name in environment(started[0].endpoints):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(STATE_VARIABLE, str(started[1]))
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(watch, "POLL_SECONDS", 0.02)

    def run_command(*arguments: str) -> CommandResult:
        code = main(list(arguments))
        return CommandResult(code, *capsys.readouterr())

    return run_command


@pytest.fixture
def sandbox(started: tuple[Sandbox, Path]) -> Sandbox:
    """The sandbox with nothing in it."""
    RunningSandbox.of(started[0]).reset()
    return started[0]
