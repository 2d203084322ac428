"""`demo --registry` shows what happens, and fails where that is not what a step announces.

Its commands are made as API calls here; test_guide.py runs such commands by `aws` and `cfn`.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.__main__ import main
from sandbox.commands import demo_registry, watch
from sandbox.commands.demo_registry import TYPE, show_versions, stage_older
from sandbox.commands.demo_steps import Demo
from sandbox.commands.shell import CommandFailed, Shell
from sandbox.local_aws import Sandbox
from tests.guides.aws_cli import LocalAws
from tests.registration.packages import Packages, register

ARCHIVE = TYPE.archive


class CallingShell(Shell):
    """Makes the calls of the demo's commands, with packages that have been built before."""

    def __init__(self, sandbox: Sandbox, print_line: Callable[[str], object], packages: Packages) -> None:
        super().__init__(sandbox, print_line)
        self._sandbox = sandbox
        self._aws = LocalAws(sandbox)
        self._packages = packages
        self._s3 = sandbox.client("s3", endpoint_url=sandbox.endpoints["cloudformation"])
        self.commands: list[str] = []

    def close(self) -> None:
        for each in (self._aws, self._s3):
            each.close()

    def _run(self, command: str, folder: Path) -> tuple[int, str]:
        self.commands.append(command)
        try:
            return 0, self._call(shlex.split(command), folder) + "\n"
        except Exception as problem:  # as a program ends, with its message
            return 1, str(problem)

    def _call(self, words: list[str], folder: Path) -> str:
        match words:
            case ["cfn", "submit", "--set-default"]:
                register(self._sandbox, self._packages.older)
            case ["cfn", "generate"]:
                pass
            case [_, "-m", "packager", "--type-name", TYPE.name, "--output", output]:
                Path(output).mkdir()
                (Path(output) / ARCHIVE).write_bytes(self._packages.newer)
            case ["aws", "s3", "mb", url]:
                self._s3.create_bucket(Bucket=url.removeprefix("s3://"))
            case ["aws", "s3", "cp", "--no-progress", file, url]:
                bucket, _, key = url.removeprefix("s3://").partition("/")
                self._s3.put_object(Bucket=bucket, Key=key, Body=(folder / file).read_bytes())
            case ["aws", *rest]:
                return self._aws.run(rest, folder)
            case _:
                pytest.fail(f"{words} is no command of the demo")
        return ""


@dataclass
class Course:
    """A demo, what it has printed, and where its projects are."""

    demo: Demo
    shell: CallingShell
    lines: list[str]
    folder: Path

    def run(self) -> int:
        return show_versions(self.demo, self.shell, self.folder / "older", self.folder / "newer")


@pytest.fixture
def course(
    sandbox: Sandbox, packages: Packages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Course]:
    monkeypatch.setattr(watch, "POLL_SECONDS", 0.02)
    stage_older(tmp_path / "older")
    lines: list[str] = []
    shell = CallingShell(sandbox, lines.append, packages)
    yield Course(Demo(sandbox, lines.append, TYPE.name), shell, lines, tmp_path)
    shell.close()


def test_register_demo_succeeds(course: Course) -> None:
    exit_code = course.run()
    text = "\n".join(course.lines)
    assert exit_code == 0, text
    assert text.count("   ok     ") == 9
    for line in (
        f"handler of {TYPE.in_arn}-us-east-1-00000001",
        f"handler of {TYPE.in_arn}-us-east-1-00000002",
        "Encountered unsupported property ModelLifeCycle",
    ):
        assert line in text
    assert course.shell.commands[:2] == ["cfn generate", "cfn submit --set-default"]


@dataclass(frozen=True)
class Override:
    """An answer to the demo in one step, in place of the true one, and the problem that the step reports.

    `of` is a method of the demo, or a part of a command.
    """

    during: str
    of: str
    answer: Any
    problem: str


REFUSED = (1, "An error occurred")
OTHERS = (0, "00000007\tTrue\n")
# Every check of every step fails once; a run overrides one answer in a step.
OVERRIDES = [
    [
        Override("Submit", "list-type-versions", OTHERS, "the versions are others"),
        Override("Deploy", "deploy", "ROLLBACK_COMPLETE", "the stack is ROLLBACK_COMPLETE"),
        Override("Upgrade", "list-type-versions", OTHERS, "the versions are others"),
        Override("Try", "package", {}, "the package has no stage"),
        Override("Switch", "deploy", "ROLLBACK_COMPLETE", "the stack is ROLLBACK_COMPLETE"),
        Override("The way back", "reasons", [], "the events lack the reason"),
        Override("Delete", "packages", ["arn"], "a package is left behind"),
        Override("Remove", "--version-id 00000001", REFUSED, "it is refused otherwise"),
        Override("What is left", "list-types", (0, TYPE.name), "a type is left"),
    ],
    [
        Override("Upgrade", "deploy", "UPDATE_ROLLBACK_COMPLETE", "the stack is UPDATE_ROLLBACK_COMPLETE"),
        Override("Try", "delete-resource", REFUSED, "exit code 1"),
        Override("The way back", "deploy", "UPDATE_COMPLETE", "the stack is UPDATE_COMPLETE"),
        Override("Delete", "delete", "DELETE_FAILED", "the stack stages is not deleted"),
        Override("What is left", "validate-template", REFUSED, "it is refused otherwise"),
    ],
]
METHODS = ("deploy", "delete", "package", "packages", "reasons")


@pytest.mark.parametrize("overrides", OVERRIDES)
def test_register_demo_fails_where_a_check_fails(
    course: Course, monkeypatch: pytest.MonkeyPatch, overrides: list[Override]
) -> None:
    def overridden(is_of: Callable[[str], bool]) -> Any:
        title = next(line for line in reversed(course.lines) if line.startswith("\n== "))
        for each in overrides:
            if is_of(each.of) and title.startswith(f"\n== {each.during}"):
                return each.answer
        return None

    def override(target: Any, name: str, is_of: Callable[..., Callable[[str], bool]]) -> None:
        original = getattr(target, name)

        def answer(*given: Any) -> Any:
            truth = original(*given)
            other = overridden(is_of(*given))
            return truth if other is None else other

        monkeypatch.setattr(target, name, answer)

    for method in METHODS:
        override(course.demo, method, lambda *_, method=method: method.__eq__)
    override(course.shell, "_run", lambda command, _: lambda of: of not in METHODS and of in command)
    assert course.run() == 1
    failed = [line.removeprefix("   FAILED ") for line in course.lines if line.startswith("   FAILED")]
    problems = [line.removeprefix("   !! ") for line in course.lines if line.startswith("   !! ")]
    assert len(failed) == len(problems) == len(overrides)
    for step, problem, each in zip(failed, problems, overrides, strict=True):
        assert step.startswith(each.during)
        assert problem == each.problem


def test_demo_with_registry_starts_a_sandbox_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def show(print_line: Callable[[str], None], *, as_json: bool) -> int:
        print_line(f"shown {as_json}")
        return 1

    monkeypatch.setattr(demo_registry, "show_registry", show)
    assert main(["demo", "--registry"]) == 1
    assert capsys.readouterr().out == "shown False\n"
    assert main(["demo", "--registry", "--json"]) == 1
    assert capsys.readouterr().out == "shown True\n"
    assert main(["demo", "--registry", "--template", "examples/registered-version.yaml"]) == 2


def test_shell_has_the_sandboxs_settings_and_no_others(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "someone")
    monkeypatch.setenv("PIP_INDEX_URL", "https://packages.example.com")
    lines: list[str] = []
    shell = Shell(sandbox, lines.append)
    command = 'echo "${AWS_PROFILE-none} $PIP_INDEX_URL $AWS_ENDPOINT_URL"'
    expected = f"none https://packages.example.com {sandbox.endpoints['sagemaker']}"
    assert shell.run(command, tmp_path) == f"{expected}\n"
    assert lines == [f"   $ {command}", f"     {expected}"]
    with pytest.raises(CommandFailed, match="exit code 3"):
        shell.run("exit 3", tmp_path)
    assert shell.refuse("echo no; exit 3", tmp_path) == "no\n"
    with pytest.raises(CommandFailed, match="it succeeds"):
        shell.refuse("true", tmp_path)
