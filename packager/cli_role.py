"""Marks the role that `cfn generate` writes as the CLI's, and as too wide: `python -m packager.cli_role`."""

from __future__ import annotations

from pathlib import Path

from packager.project import ROOT

FILE = "resource-role.yaml"
HEADER = (
    "# The CLI's role, written by `cfn generate`, and too wide: it limits no action to a resource, so that\n"
    "# the type can pass any role, read any bucket and decrypt with any key. `cfn submit` deploys it where\n"
    "# it is given no --role-arn. Deploy execution-role.yaml instead: guides/operations.md.\n"
)


def mark(folder: Path) -> None:
    """Put HEADER before the role in a project's folder, once."""
    file = folder / FILE
    written = file.read_text(encoding="utf-8")
    file.write_text(HEADER + written.removeprefix(HEADER), encoding="utf-8")


if __name__ == "__main__":
    mark(ROOT)
