"""cfn-lint as a command, for tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LINTER = Path(sys.executable).with_name("cfn-lint")


def lint(folder: Path, *arguments: str | Path) -> dict[str, list[str]]:
    """Run cfn-lint in a folder: `ID message` of all matches, by the template's name without its suffix."""
    command = [str(LINTER), "--format", "json", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    matches: dict[str, list[str]] = {}
    for each in json.loads(done.stdout):
        match = f"{each['Rule']['Id']} {each['Message']}"
        matches.setdefault(Path(each["Filename"]).stem, []).append(match)
    return matches
