"""Help, usage errors, and how every command finds the sandbox; test_local_aws.py starts and stops it."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.__main__ import COMMANDS, parser
from sandbox.commands.output import Progress
from sandbox.local_aws import Sandbox
from sandbox.shared.credentials import Credentials
from sandbox.shared.settings import ROOT
from sandbox.state_file import RunningSandbox, StateFile, program
from tests.sandbox.commands.cli import ARN, VALIDATED, VERSION, RunCommand

Arguments = tuple[str, ...]
ANY_COMMAND = [
    ("deploy", VERSION),
    ("delete", "fraud"),
    ("status",),
    ("drift", "fraud"),
    ("events",),
    ("invoke", "sam-tests/list.json"),
    ("export", f"{ARN}/1"),
    ("reset",),
]
UNREACHABLE = RunningSandbox(
    process=os.getpid(),
    endpoints=dict.fromkeys(
        ("sagemaker", "functions", "cloudformation", "cloudcontrol"), "http://127.0.0.1:9"
    ),
    page="http://127.0.0.1:9",
    logs="logs",
    time_scale=1.0,
    credentials=Credentials.new(),
)


def examples(text: str) -> list[list[str]]:
    """The examples of a help text, as a shell would split them, without the program itself."""
    block = text.partition("\nexamples:\n")[2].partition("\n\n")[0]
    prefix = f"  {program()} "
    assert all(line.startswith(prefix) for line in block.splitlines())
    return [shlex.split(line.removeprefix(prefix)) for line in block.splitlines()]


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("start", "demo")])
def test_help_examples_succeed(run: RunCommand, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "events":
        assert run("invoke", "sam-tests/read.json").code == 1  # there has to be a failure
    if name not in ("deploy", "env", "reset"):  # the others need a stack
        assert run("deploy", VERSION, "--stack", "fraud").code == 0
    if name == "delete":
        assert run("deploy", VALIDATED).code == 0
    help_ = run(name, "--help")
    assert help_.code == 0
    assert len(examples(help_.out)) >= (1 if name == "export" else 2)
    for example in examples(help_.out):
        if "<" in example:
            file = Path(example.pop())
            assert example.pop() == "<"
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
        result = run(*example)
        assert result.code == 0, (example, result)
        assert result.out or name == "delete", example


def test_help_lists_every_command_and_the_exit_codes(run: RunCommand) -> None:
    result = run("--help")
    assert result.code == 0
    assert re.findall(r"^    ([a-z]+) ", result.out, re.MULTILINE) == list(COMMANDS)
    starts = [example for name in ("start", "demo") for example in examples(run(name, "--help").out)]
    for example in examples(result.out) + starts:
        parsed = example if example[-1] != "--help" else [*example[:-1], "TEMPLATE"]
        assert parser().parse_args(parsed).command == example[0]
    for name in COMMANDS:
        text = run(name, "--help").out
        assert "exit codes:" in text
        assert "a start that runs and events --follow end that way, so theirs is 0\n" in text
        assert "--json" in text.split("options:")[1].split("examples:")[0]


def test_help_imports_nothing_slow() -> None:
    code = (
        "import sys; from sandbox.__main__ import main; main(['deploy', '--help']); "
        "print(sorted({'boto3', 'botocore', 'yaml', 'flask', 'moto', 'werkzeug'} & sys.modules.keys()))"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("\n[]\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "commands:"),
        (("deplo",), "invalid choice: 'deplo'"),
        (("deploy",), "required: TEMPLATE"),
        (
            ("deploy", "--parameters", "A=1", VERSION),
            f"{VERSION} is not of the form NAME=VALUE; a file comes",
        ),
        (("deploy", VERSION, "--parameters", "=1"), "=1 is not of the form NAME=VALUE"),
        (("deploy", VERSION, "--timeout", "0"), "0 is not a number of seconds above 0"),
        (("deploy", VERSION, "--timeout", "soon"), "soon is not a number of seconds"),
        (("start", "--port", "80"), "80 is not a port from 1024 to 65531"),
        (("start", "--port", "x"), "x is not a port"),
        (("start", "--time-scale", "-1"), "-1 is not a number from 0 on"),
        (("start", "--time-scale", "fast"), "fast is not a number from 0 on"),
        (("events", "--follo"), "unrecognized arguments: --follo"),
        (("export", "--account", "--state", "x", f"{ARN}/1"), "not allowed with"),
    ],
)
def test_usage_error_names_the_help(run: RunCommand, arguments: Arguments, message: str) -> None:
    result = run(*arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert "Traceback" not in result.err
    assert "--help" in result.err


def test_closed_stdout_ends_without_a_traceback(run: RunCommand) -> None:
    assert run("status").code == 0
    read, write_to = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "sandbox", "status"]
    try:
        done = subprocess.run(command, stdout=write_to, stderr=subprocess.PIPE, check=False)  # noqa: S603
    finally:
        os.close(write_to)
    assert (done.returncode, done.stderr) == (141, b"")


def test_progress_fits_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Progress() as progress:
        progress.show("x" * 80)
        progress.show("y")
    assert capsys.readouterr().err == f"\r{'x' * 29}\ry{' ' * 28}\r \r"


@pytest.mark.parametrize("arguments", [("env",), *ANY_COMMAND], ids=lambda arguments: arguments[0])
def test_command_without_sandbox_says_how_to_start_one(
    run: RunCommand, tmp_path: Path, arguments: Arguments
) -> None:
    state = tmp_path / "state"
    result = run(*arguments, "--state", str(state))
    assert (result.code, result.out) == (3, "")
    assert result.err == (
        f"No sandbox is running (nothing in {state}). Start one in another terminal:\n"
        f"    {program()} start --state {state}\n"
    )
    # A file that was left behind is no sandbox.
    state.write_text(json.dumps(UNREACHABLE.as_json()))
    assert run(*arguments, "--state", str(state)).code == 3


@pytest.mark.parametrize("arguments", ANY_COMMAND, ids=lambda arguments: arguments[0])
def test_command_names_a_part_that_does_not_answer(
    run: RunCommand, tmp_path: Path, arguments: Arguments
) -> None:
    with StateFile(tmp_path / "state") as state_file:
        state_file.write(UNREACHABLE)
        result = run(*arguments, "--state", str(state_file.path))
    assert (result.code, result.out) == (3, "")
    assert "does not answer" in result.err
    assert "logs" in result.err


def test_commands_without_cloudformation_or_page(run: RunCommand, sandbox: Sandbox, tmp_path: Path) -> None:
    running = RunningSandbox.of(sandbox)
    endpoints = {part: url for part, url in running.endpoints.items() if part != "cloudformation"}
    with StateFile(tmp_path / "state") as state_file:
        state_file.write(replace(running, endpoints=endpoints))
        state = ("--state", str(state_file.path))
        result = run("deploy", VERSION, *state)
        assert (result.code, result.out) == (3, "")
        assert "The running sandbox has no cloudformation" in result.err
        assert run("status", *state).code == 0
        assert run("invoke", "sam-tests/read.json", *state).code == 1
        assert run("reset", *state).out == "Forgotten: 0 stacks, 0 groups, 0 packages, 1 handler event\n"
        state_file.write(replace(running, page=None))
        assert "started without the page" in run("events", *state).err


def test_state_file_of_a_sandbox_that_starts_or_stops(run: RunCommand, tmp_path: Path) -> None:
    message = "just being started or stopped"
    with StateFile(tmp_path / "state") as state_file:
        state = ("--state", str(state_file.path))
        status = run("status", *state)
        assert (status.code, status.err) == (3, f"The sandbox is {message}: try again in a moment\n")
        start = run("start", *state)
        assert (start.code, message in start.err) == (1, True)
        state_file.write(UNREACHABLE)
        state_file.clear()
        assert run("status", *state).err == status.err
    assert not state_file.path.exists()


def test_state_file_with_other_content_is_refused(run: RunCommand, tmp_path: Path) -> None:
    with StateFile(tmp_path / "state") as state_file:
        state_file.path.write_text('{"a": 1}')
        result = run("status", "--state", str(state_file.path))
    assert (result.code, result.err) == (2, f"{tmp_path / 'state'} is not the state of a sandbox\n")
