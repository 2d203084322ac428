"""The pinned versions of the tools, read from where they are pinned. Standard library only."""

from __future__ import annotations

import json
import re
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NPM = ROOT / "locks" / "clients-cdk-cli"


@cache
def pins() -> dict[str, str]:
    """Return the version of each package that pyproject.toml and the CDK CLI's package.json pin."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"].values()
    every = [*project["project"]["dependencies"], *(each for group in groups for each in group)]
    npm: dict[str, str] = json.loads((NPM / "package.json").read_text(encoding="utf-8"))["dependencies"]
    matches = (re.fullmatch(r"([\w.-]+)(?:\[\w+\])?==(\S+)", each) for each in every)
    return {match[1]: match[2] for match in matches if match} | npm


def versions(*packages: str) -> dict[str, str]:
    """Return the pinned version of each of these packages."""
    return {package: pins()[package] for package in packages}
