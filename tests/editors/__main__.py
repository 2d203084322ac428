"""`make editors`: what guides/editors.md offers, in tools that are no part of `make setup`, or why not.

No part of `make test`, because two of them run on Node. Standard library only: it makes the environments.
With EDITORS_REQUIRED=1, anything missing is a failure.
"""

from __future__ import annotations

import sys

from tests.cdk.__main__ import node_problem
from tests.optional import run_tests

if __name__ == "__main__":
    make = sys.argv[1] if len(sys.argv) > 1 else "make"
    tools = "cfn-lint or an editor's tool"
    sys.exit(run_tests(make, "tests/editors", ".editors-ready", tools, "EDITORS_REQUIRED", node_problem()))
