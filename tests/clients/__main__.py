"""`make clients`: real tools against the sandbox, as a table of tool by operation.

No part of `make test`, because it needs Node and a gigabyte of tools. Standard library only: it makes the
environments. A tool that cannot be installed has a line that says why and is no failure; with
CLIENTS_REQUIRED=1 it is one. CLIENTS names some of the tools; with CLIENTS_GUIDE=1 the table goes into the
guide.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import NoReturn

from tests.cdk.__main__ import node_problem
from tests.clients.tools import Tool, chosen
from tests.optional import ROOT, make_targets

NO_NPM = "the CDK's command line comes from npm, and there is none here: install it with Node"
USAGE = 2


def missing(tool: Tool, make: str) -> str | None:
    """Install a tool; return why it cannot be, None if it is."""
    if tool.needs_node:
        problem = node_problem() or (None if shutil.which("npm") else NO_NPM)
        if problem:
            return problem
    if tool.targets and not make_targets(make, *tool.targets):
        return f"{tool.name} could not be installed (see above): make the package registry reachable"
    return None


def main(make: str) -> NoReturn:
    """Install the chosen tools and run them, or exit if there is nothing to run."""
    try:
        tools = chosen(os.environ.get("CLIENTS", ""))
    except ValueError as problem:
        print(problem, file=sys.stderr)
        sys.exit(USAGE)
    problems = {tool.name: missing(tool, make) for tool in tools}
    reasons = {name: problem for name, problem in problems.items() if problem}
    for name, reason in reasons.items():
        print(f"SKIPPED: {name}: {reason}", flush=True)
    is_required = os.environ.get("CLIENTS_REQUIRED") == "1"
    if len(reasons) == len(tools):
        sys.exit(1 if is_required else 0)
    if not make_targets(make, ".venv/.ready", ".venv-engine/.ready"):
        sys.exit(1)
    become("tests.clients.run", ",".join(problems), json.dumps(reasons))


def become(module: str, *arguments: str) -> NoReturn:
    """Run a module in this process' place, so that Ctrl-C and SIGTERM reach what stops the tools."""
    python = str(ROOT / ".venv" / "bin" / "python")
    os.chdir(ROOT)
    os.execv(python, [python, "-m", module, *arguments])  # noqa: S606 - no shell


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "make")
