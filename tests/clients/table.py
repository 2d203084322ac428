"""The matrix as text for a terminal, as Markdown for the guide, and as JSON."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.shared.settings import ROOT
from tests.clients.outcomes import OPERATIONS, Cell, Row

GUIDE = ROOT / "guides" / "other-clients.md"
BEGIN = "<!-- Written by `CLIENTS_GUIDE=1 make clients`. -->"
END = "<!-- End of what is written. -->"


def as_json(rows: Sequence[Row], environment: str) -> dict[str, Any]:
    """Return the content of build/clients.json."""
    return {"date": _today(), "environment": environment, "rows": [row.as_json() for row in rows]}


def as_text(rows: Sequence[Row]) -> str:
    """Return the table with one word a cell, and below it the reasons."""
    header = ["", *OPERATIONS]
    body = [[row.title, *(row.cells[name].outcome for name in OPERATIONS)] for row in rows]
    widths = [max(len(line[column]) for line in [header, *body]) for column in range(len(header))]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in [header, *body]
    ]
    for row in rows:
        reasons = {name: cell for name, cell in row.cells.items() if cell.reason}
        if reasons:
            versions = ", ".join(f"{package} {version}" for package, version in row.versions.items())
            lines += ["", f"{row.title} ({versions})"]
        for name, cell in reasons.items():
            lines.append(f"  {name}: {cell.outcome}: " + cell.reason.replace("\n", "\n    "))
    return "\n".join(lines)


def as_markdown(rows: Sequence[Row], environment: str) -> str:
    """Return the table for the guide, with a line that says when and where it was run."""
    lines = [f"Last run: {_today()}, {environment}.", "", _line(["tool", "version", *OPERATIONS])]
    lines.append("|" + " --- |" * (len(OPERATIONS) + 2))
    for row in rows:
        versions = ", ".join(f"{package} {version}" for package, version in row.versions.items())
        lines.append(_line([row.title, versions, *(_cell(row.cells[name]) for name in OPERATIONS)]))
    return "\n".join(lines) + "\n"


def write_guide(text: str, guide: Path = GUIDE) -> None:
    """Put a table in the place of the guide's."""
    content = guide.read_text(encoding="utf-8")
    pattern = re.compile(f"({re.escape(BEGIN)}\n\n).*?(\n{re.escape(END)})", re.DOTALL)
    guide.write_text(pattern.sub(lambda match: match[1] + text + match[2], content), encoding="utf-8")


def _cell(cell: Cell) -> str:
    return str(cell).replace("|", "\\|")


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
