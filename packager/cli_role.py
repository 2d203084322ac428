"""What resource-role.yaml, which `cfn generate` writes, says of itself: `python -m packager.cli_role [FOLDER]`."""

from __future__ import annotations

import sys
from pathlib import Path

from packager.project import ROOT

FILE = "resource-role.yaml"
HEADER = (
    "# The CLI's role, written by `cfn generate`, and too wide: it allows every action of the handlers on every\n"
    "# resource, so that the type could pass any role, read any bucket and decrypt with any key of the account.\n"
    "# `cfn submit` deploys it where it is given no --role-arn. Deploy execution-role.yaml instead: guides/operations.md.\n"
)


def mark(folder: Path) -> None:
    """Put HEADER before the role in a project's folder, once."""
    file = folder / FILE
    written = file.read_text(encoding="utf-8")
    file.write_text(HEADER + written.removeprefix(HEADER), encoding="utf-8")


if __name__ == "__main__":
    mark(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
