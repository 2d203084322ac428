"""cfn-lint as a command, for tests."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import distribution
from pathlib import Path

from sandbox.shared.processes import clean_environment

LINTER = Path(sys.executable).with_name("cfn-lint")
# What the command runs.
MAIN = "from cfnlint.runner import main; main()"


def lint(
    folder: Path,
    *arguments: str | Path,
    command: Sequence[str | Path] = (LINTER,),
    packages: Path | None = None,
) -> dict[str, list[str]]:
    """Run cfn-lint in a folder: `ID message` of all matches, by the template's name without its suffix.

    With `packages`, of `link_cfn_lint_alone`, it has no other ones.
    """
    variables = {}
    if packages:
        command, variables = (sys.executable, "-S", "-c", MAIN), {"PYTHONPATH": str(packages)}
    done = subprocess.run(  # noqa: S603
        [*command, "--format", "json", *arguments],
        cwd=folder,
        env=clean_environment(**variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "", done.stderr
    matches: dict[str, list[str]] = {}
    for each in json.loads(done.stdout):
        match = f"{each['Rule']['Id']} {each['Message']}"
        matches.setdefault(Path(each["Filename"]).stem, []).append(match)
    return matches


def link_cfn_lint_alone(folder: Path) -> Path:
    """Make a folder with cfn-lint and what it requires: what pip installs in an empty environment."""
    folder.mkdir()
    names, left = set[str](), ["cfn-lint"]
    while left:
        name = left.pop()
        if name in names:
            continue
        names.add(name)
        found = distribution(name)
        for file in found.files or ():
            if file.parts[0] not in ("..", "__pycache__") and not (folder / file.parts[0]).exists():
                (folder / file.parts[0]).symlink_to(str(found.locate_file(file.parts[0])))
        required = [each for each in found.requires or () if ";" not in each]
        left += [match[0] for each in required if (match := re.match(r"[\w.-]+", each))]
    return folder
