"""The templates of role, alarms, logging and registration: what cfn-lint reports of them."""

from __future__ import annotations

import shutil
from pathlib import Path

from packager.build import Package
from packager.project import ROOT
from tests.linter import lint

NAMES = ("alarms.yaml", "execution-role.yaml", "logging.yaml", "registration.yaml")


def test_cfn_lint_accepts_the_templates(package: Package, tmp_path: Path) -> None:
    for name in NAMES:
        shutil.copy(ROOT / name, tmp_path)  # where no rules of this project are
    for folder in (ROOT, package.project, tmp_path):
        # Informational matches, too. All at once, because cfn-lint takes seconds to start.
        assert lint(folder, "--include-checks", "I", "--", *NAMES) == {}
