"""Runs the chosen rows of the matrix: `run.py NAME,NAME REASONS`, for `make clients`.

REASONS is a JSON document: why a tool among the names is not installed.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from sandbox.shared.settings import ROOT
from tests.clients import table
from tests.clients.client import Client
from tests.clients.outcomes import OPERATIONS, Cell, Row
from tests.clients.tools import TOOLS, Tool, chosen
from tests.clients.world import World

# Most of the time the tools sleep between two questions.
AT_A_TIME = 3
JSON = ROOT / "build" / "clients.json"
MARKDOWN = ROOT / "build" / "clients.md"
INTERRUPTED = 130


def row_classes(tool: Tool) -> list[type[Client]]:
    """Return the classes of a tool's rows."""
    names = [name.split(":") for name in tool.rows]
    return [getattr(importlib.import_module(f"tests.clients.{module}"), name) for module, name in names]


def run(tools: Sequence[Tool], reasons: Mapping[str, str]) -> list[Row]:
    """Run the rows of these tools, in their order; those with a reason are not run."""
    rows: dict[str, Row] = {}
    running = [each for tool in tools if tool.name not in reasons for each in row_classes(tool)]
    with World() as world, ThreadPoolExecutor(AT_A_TIME) as executor:
        try:
            futures = {executor.submit(_timed_row, each, world): each for each in running}
            for future in as_completed(futures):
                row, seconds = future.result()
                rows[row.title] = row
                print(f"{len(rows)} of {len(running)}: {row.title}, {seconds:.0f} s", flush=True)
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            world.end_tools()
            raise
    for tool in tools:
        if tool.name in reasons:
            cells = dict.fromkeys(OPERATIONS, Cell("not run", reasons[tool.name]))
            rows |= {each.title: Row(each.title, each.versions(), cells) for each in row_classes(tool)}
    return [rows[each.title] for tool in tools for each in row_classes(tool)]


def environment() -> str:
    """Return what the tools ran on."""
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)  # noqa: S607
    return f"Python {platform.python_version()}, Node {node.stdout.strip().removeprefix('v') or 'none'}"


def main(names: str, reasons: str) -> int:
    """Run, print, write, and return the exit code: 1 if a cell fails, or what is required is missing."""
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.default_int_handler)
    tools = chosen(names)
    try:
        rows = run(tools, json.loads(reasons))
    except KeyboardInterrupt:
        print("interrupted; every tool and the sandbox are stopped", file=sys.stderr)
        return INTERRUPTED
    where = environment()
    JSON.parent.mkdir(exist_ok=True)
    JSON.write_text(json.dumps(table.as_json(rows, where), indent=2) + "\n", encoding="utf-8")
    markdown = table.as_markdown(rows, where)
    MARKDOWN.write_text(markdown, encoding="utf-8")
    print(f"\n{table.as_text(rows)}\n\nWritten: {JSON.relative_to(ROOT)}, {MARKDOWN.relative_to(ROOT)}")
    if os.environ.get("CLIENTS_GUIDE") == "1":
        if len(tools) < len(TOOLS) or json.loads(reasons):
            print("The guide's table stays as it is: not every tool was run.")
        else:
            table.write_guide(markdown)
    fails = any(cell.outcome == "fails" for row in rows for cell in row.cells.values())
    is_required = os.environ.get("CLIENTS_REQUIRED") == "1"
    return 1 if fails or (is_required and json.loads(reasons)) else 0


def _timed_row(client: type[Client], world: World) -> tuple[Row, float]:
    start = time.monotonic()
    return client(world).row(), time.monotonic() - start


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
