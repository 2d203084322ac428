"""`env`."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

from sandbox.local_aws import Sandbox
from sandbox.shared.clients import exports
from sandbox.shared.credentials import Credentials
from sandbox.shared.settings import REGION
from sandbox.state_file import RunningSandbox, StateFile
from tests.sandbox.commands.cli import RunCommand

ODD = 'it\'s a "$HOME" `folder`\\ with\nlines; &'


def evaluated(lines: str) -> dict[str, str]:
    """The variables of a shell that has evaluated the lines."""
    done = subprocess.run(
        ["/bin/sh", "-e", "-u", "-c", 'eval "$LINES" && env -0'],
        env={"LINES": lines},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return dict(each.split("=", 1) for each in done.stdout.split("\0") if each)


def test_env_prints_what_a_shell_evaluates(run: RunCommand, started: Sandbox) -> None:
    running = RunningSandbox.of(started)
    result = run("env")
    assert (result.code, result.err) == (0, "")
    assert all(line.startswith("export AWS_") for line in result.out.splitlines())
    variables = evaluated(result.out)
    assert running.environment().items() <= variables.items()
    assert variables["AWS_REGION"] == REGION
    assert run("env", "--json").json == running.environment()


def test_env_is_of_the_sandbox_that_state_names(run: RunCommand, started: Sandbox, tmp_path: Path) -> None:
    other = replace(RunningSandbox.of(started), credentials=Credentials.new())
    with StateFile(tmp_path / "state") as state_file:
        state_file.write(other)
        assert run("env", "--json", "--state", str(state_file.path)).json == other.environment()
    assert run("env", "--json").json["AWS_ACCESS_KEY_ID"] == started.credentials.access_key


def test_env_of_a_sandbox_whose_parts_do_not_answer_is_printed(run: RunCommand, tmp_path: Path) -> None:
    """It asks nothing of them."""
    endpoints = {"sagemaker": "http://127.0.0.1:9"}
    with StateFile(tmp_path / "state") as state_file:
        state_file.write(RunningSandbox(os.getpid(), endpoints, None, "logs", 1.0, Credentials.new()))
        variables = run("env", "--json", "--state", str(state_file.path)).json
    assert [name for name in variables if "ENDPOINT" in name] == [
        *("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER"),
    ]


def test_exports_quote_what_a_shell_would_take_apart() -> None:
    given = {"ODD": ODD, "EMPTY": "", "URL": "http://127.0.0.1:4566"}
    assert evaluated("\n".join(exports(given))).items() >= given.items()
