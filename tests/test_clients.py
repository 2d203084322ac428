"""`make clients` without its tools: the guide's table, the pins, cells, tables, and what is missing."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from tests.clients import table
from tests.clients.client import Client
from tests.clients.deployer import Deployer
from tests.clients.outcomes import (
    MAX_LINES,
    OPERATIONS,
    CannotError,
    Cell,
    FailedError,
    NotOfferedError,
    Row,
    perform,
)
from tests.clients.run import row_classes
from tests.clients.templates import BROKEN, FIRST, REPLACED, State, template
from tests.clients.tools import TOOLS
from tests.clients.versions import NPM, pins
from tests.clients.world import Output, World
from tests.guides.pages import GUIDES, rows
from tests.optional import ROOT

CLIENTS = [each for tool in TOOLS for each in row_classes(tool)]


def shown_versions(client: type[Client]) -> str:
    return ", ".join(f"{package} {version}" for package, version in client.versions().items())


# --- the guide --------------------------------------------------------------------------------------


def test_guide_has_every_client_at_its_pinned_version() -> None:
    """A new pin means a new run: `CLIENTS_GUIDE=1 make clients`."""
    body = rows("other-clients", "tool", "version", *OPERATIONS)
    assert [row[:2] for row in body] == [(each.title, shown_versions(each)) for each in CLIENTS], (
        "run `CLIENTS_GUIDE=1 make clients`, which writes the table in guides/other-clients.md"
    )


def test_guide_has_a_word_for_every_operation() -> None:
    for row in rows("other-clients", "tool", "version", *OPERATIONS):
        for cell in row[2:]:
            assert re.fullmatch(r"works|(not offered|cannot|not run|fails): \S.*", cell), row


def test_guide_says_when_the_table_was_run() -> None:
    assert re.search(
        r"^Last run: \d{4}-\d\d-\d\d, Python [\d.]+, Node ", GUIDES["other-clients"], re.MULTILINE
    )


def test_guide_names_every_tool_of_the_variable() -> None:
    for tool in TOOLS:
        assert f"`{tool.name}`" in GUIDES["other-clients"]


# --- what is pinned ---------------------------------------------------------------------------------


def test_every_package_of_a_client_is_pinned() -> None:
    for client in CLIENTS:
        assert set(client.packages) <= set(pins()), client.title


def test_no_package_has_two_pins() -> None:
    assert pins()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    dependencies = project["dependency-groups"] | {"handlers": project["project"]["dependencies"]}
    del dependencies["linter-oldest"]  # another version, on purpose
    pinned = sorted({each for group in dependencies.values() for each in group})
    names = [each.partition("==")[0] for each in pinned]
    twice = [each for each, name in zip(pinned, names, strict=True) if names.count(name) > 1]
    assert not twice, f"pyproject.toml: {twice}"


def test_npm_lock_has_the_pinned_version_and_hashes() -> None:
    text = (NPM / "package-lock.json").read_text()
    assert f'"version": "{pins()["aws-cdk"]}"' in text
    assert text.count('"integrity"') == text.count('"node_modules/')
    assert '"resolved"' not in text


def test_every_lock_belongs_to_a_tool() -> None:
    targets = {target for tool in TOOLS for target in tool.targets}
    locks = {f".venv-{path.stem}/.ready" for path in (ROOT / "locks").glob("clients-*.txt")}
    assert locks == {target for target in targets if target.startswith(".venv-clients-")}


# --- cells and tables -------------------------------------------------------------------------------


def run_once(outcome: Exception | None) -> Cell:
    def operation() -> None:
        if outcome is not None:
            raise outcome

    return perform(operation)


@pytest.mark.parametrize(
    ("outcome", "cell"),
    [
        (None, Cell("works")),
        (NotOfferedError("no command"), Cell("not offered", "no command")),
        (CannotError("it stops"), Cell("cannot", "it stops")),
        (FailedError("two versions"), Cell("fails", "two versions")),
        (ValueError(), Cell("fails", "ValueError()")),
    ],
)
def test_perform_returns_the_cell(outcome: Exception | None, cell: Cell) -> None:
    assert run_once(outcome) == cell


def test_succeeded_shows_the_last_lines() -> None:
    with pytest.raises(FailedError) as failure:
        Output(2, "first\n" + "more\n" * 20 + "second\n\nlast\n").succeeded()
    lines = str(failure.value).splitlines()
    assert (lines[0], lines[-2:], len(lines)) == ("exit code 2", ["second", "last"], MAX_LINES + 1)


def test_holds_names_the_missing_word() -> None:
    with pytest.raises(FailedError, match="'Modify' is not in what it prints\nnothing"):
        Output(0, "nothing").holds("Modify")


def example_row() -> Row:
    cells = dict.fromkeys(OPERATIONS, Cell("works"))
    cells |= {"drift": Cell("not offered", "no command"), "delete": Cell("fails", "exit code 1\nlast | line")}
    return Row("Tool", {"tool": "1.2"}, cells)


def test_text_has_the_reasons_below() -> None:
    lines = table.as_text([example_row()]).splitlines()
    assert lines[1].split("  ")[0] == "Tool"
    assert lines[3:] == [
        "Tool (tool 1.2)",
        "  drift: not offered: no command",
        "  delete: fails: exit code 1",
        "    last | line",
    ]


def test_markdown_has_one_line_for_a_cell() -> None:
    (line,) = table.as_markdown([example_row()], "here").splitlines()[4:]
    assert line.startswith("| Tool | tool 1.2 | works | ")
    assert line.endswith("| not offered: no command | works | works | fails: exit code 1 |")


def test_write_guide_changes_the_table_alone(tmp_path: Path) -> None:
    guide = tmp_path / "guide.md"
    guide.write_text(f"# Before\n\n{table.BEGIN}\n\nold \\1\n\n{table.END}\n\nafter\n")
    table.write_guide("new \\1\n", guide)
    assert guide.read_text() == f"# Before\n\n{table.BEGIN}\n\nnew \\1\n\n{table.END}\n\nafter\n"


def test_guide_has_the_marks() -> None:
    assert GUIDES["other-clients"].count(table.BEGIN) == GUIDES["other-clients"].count(table.END) == 1


def test_template_of_the_broken_state_adds_one_resource() -> None:
    assert '"Broken"' in template("group", BROKEN)
    assert '"Broken"' not in template("group", FIRST)


# --- the command ------------------------------------------------------------------------------------


def make_clients(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it with a make that can install nothing, and without Node."""
    make = tmp_path / "make"
    make.write_text("#!/bin/sh\nexit 2\n")
    make.chmod(0o755)
    return subprocess.run(  # noqa: S603 - this Python
        [sys.executable, "-m", "tests.clients", str(make)],
        cwd=ROOT,
        env={"PATH": str(tmp_path), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("required", ["", "1"])
def test_command_says_what_is_missing(tmp_path: Path, required: str) -> None:
    done = make_clients(tmp_path, CLIENTS="sam, cdk", CLIENTS_REQUIRED=required)
    cdk, sam = done.stdout.splitlines()
    assert cdk.startswith("SKIPPED: cdk: the CDK runs on Node, and there is no node here: install Node")
    assert sam.startswith("SKIPPED: sam: sam could not be installed")
    assert (done.stderr, done.returncode) == ("", int(required or 0))


def test_command_refuses_an_unknown_tool(tmp_path: Path) -> None:
    done = make_clients(tmp_path, CLIENTS="aws,terraform")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("CLIENTS has terraform; the tools are aws, cdk, sam, ")


# --- the checks of effects --------------------------------------------------------------------------


class PretendedWorld:
    """A group with one stack's version, which a pretended tool changes as it likes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.arns: list[str] = []
        self.approval = ""
        self.stack_status = "none"
        self.calls: list[str] = []
        self.cloudformation = self.sagemaker = None

    def versions(self, _: str) -> list[str]:
        return list(self.arns)

    def writes(self, _: str) -> list[str]:
        return list(self.calls)

    def status(self, _: str) -> str:
        return self.stack_status

    def physical_id(self, _stack: str, _logical_id: str) -> str:
        return self.arns[-1]

    def package(self, _: str) -> dict[str, object]:
        container = {"Image": REPLACED.image}
        specification = {"Containers": [container]}
        return {
            "ModelApprovalStatus": self.approval,
            "ModelPackageStatus": "Completed",
            "InferenceSpecification": specification,
        }


class PretendedTool(Deployer):
    """A tool that makes its changes, whatever it is asked for."""

    title = "Pretended"
    packages = ()
    changes: Mapping[str, object] = {}

    def deploy(self, state: State) -> Output:
        self.show_diff(state)
        return Output(0, "what it prints")

    def show_diff(self, state: State) -> None:  # noqa: ARG002 - whatever it is asked for
        vars(self.world).update(self.changes)

    def find_drift(self) -> bool:
        return False

    def import_version(self, arn: str) -> None:
        raise NotImplementedError(arn)

    def delete_stack(self) -> Output:
        return Output(0, "what it prints")


def pretended(tmp_path: Path, **changes: object) -> PretendedTool:
    """A tool that sets these attributes of a world that has an approved version."""
    world = PretendedWorld(tmp_path)
    world.arns, world.approval, world.stack_status = ["arn/1"], "Approved", "UPDATE_COMPLETE"
    tool = PretendedTool(cast("World", world))
    tool.changes = changes
    return tool


@pytest.mark.parametrize(
    ("operation", "changes", "reason"),
    [
        (
            "create",
            {"approval": "PendingManualApproval", "stack_status": "CREATE_COMPLETE"},
            "SageMaker got []",
        ),
        (
            "create",
            {"stack_status": "ROLLBACK_COMPLETE"},
            "the stack is ROLLBACK_COMPLETE, not CREATE_COMPLETE",
        ),
        ("approve", {"arns": ["arn/2"]}, "it was replaced, not approved in place"),
        ("approve", {"approval": "Rejected"}, "the version is Rejected, not Approved"),
        ("approve", {"calls": ["UpdateModelPackage"] * 2}, "SageMaker got ['UpdateModelPackage', 'Update"),
        ("replace", {}, "the version is the one that there was"),
        ("replace", {"arns": ["arn/1", "arn/2"]}, "there are 2 versions"),
        ("change_nothing", {"calls": ["UpdateModelPackage"]}, "SageMaker got ['UpdateModelPackage'], not []"),
        ("diff", {"approval": "Rejected"}, "('UPDATE_COMPLETE', ['arn/1'], 'Approved') became"),
        ("roll_back", {"stack_status": "UPDATE_ROLLBACK_COMPLETE"}, "it ends with 0 although"),
        ("roll_back", {}, "the stack is UPDATE_COMPLETE, not UPDATE_ROLLBACK_COMPLETE"),
        ("delete", {}, "the stack is UPDATE_COMPLETE, not none"),
    ],
)
def test_deployer_fails_where_the_effect_is_another(
    tmp_path: Path, operation: str, changes: dict[str, object], reason: str
) -> None:
    cell = perform(getattr(pretended(tmp_path, **changes), operation))
    assert cell.outcome == "fails"
    assert cell.reason.startswith(reason)


def test_deployer_works_where_the_effect_is_there(tmp_path: Path) -> None:
    assert perform(pretended(tmp_path, calls=["UpdateModelPackage"]).approve) == Cell("works")
    (tmp_path / "second").mkdir()
    assert perform(pretended(tmp_path / "second").change_nothing) == Cell("works")


def test_row_runs_nothing_after_a_failed_create(tmp_path: Path) -> None:
    cells = pretended(tmp_path, stack_status="ROLLBACK_COMPLETE").row().cells
    assert cells.pop("create").outcome == "fails"
    assert set(cells.values()) == {Cell("not run", "nothing was created")}
