"""Our rules in a cfn-lint that is alone in its environment: the oldest that they run in, and the newest."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from packager.project import ROOT
from tests.editors.conftest import ACME, misspelt
from tests.linter import lint
from tests.mistakes.test_mistakes import CORRECT, FILES, LINTED

LINTERS = {name: ROOT / f".venv-linter-{name}" / "bin" for name in ("oldest", "newest")}
# The oldest version has no lists of instance types.
ONLY_IN_NEWER = {"oldest": {"W9125"}, "newest": set[str]()}


@pytest.fixture(params=LINTERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_cfn_lint_is_alone(name: str) -> None:
    code = "import importlib.util; print(importlib.util.find_spec('cloudformation_cli_python_lib'))"
    command = [str(LINTERS[name] / "python"), "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "None\n"  # noqa: S603


def test_rules_report_every_mistake_and_no_correct_template(name: str) -> None:
    matches = lint(ROOT, *FILES.values(), *CORRECT, command=[LINTERS[name] / "cfn-lint"])
    missing = {
        (file, rule)
        for file, expected in LINTED.items()
        for rule, text in expected
        if re.match("[EW]9", rule) and rule not in ONLY_IN_NEWER[name]
        if not any(each.startswith(f"{rule} ") and text in each for each in matches.get(file, []))
    }
    assert missing == set()
    assert {path.stem for path in CORRECT} & matches.keys() == set()


def test_rules_run_in_a_built_folder_elsewhere(name: str, built: Path, tmp_path: Path) -> None:
    """There the schema is of a type that is on none of cfn-lint's lists."""
    path = tmp_path / "misspelt.yaml"
    path.write_text(misspelt(ACME), encoding="utf-8")
    matches = lint(built, path, command=[LINTERS[name] / "cfn-lint"])["misspelt"]
    assert [each.split()[0] for each in matches] == ["E3002", "E9111"]
