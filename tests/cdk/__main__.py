"""`make cdk`: the CDK example, synthesized with the CDK and deployed here, or one line that says why not.

No part of `make test`, because the CDK runs on Node. Standard library only: it makes the environments. With
CDK_REQUIRED=1, anything missing is a failure.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

from tests.optional import run_tests

MIN_NODE = 20  # as aws-cdk-lib says in its package.json
INSTALL = f"install Node {MIN_NODE} or newer"


def node_problem() -> str | None:
    """Return what is wrong with this machine's Node; None if nothing is."""
    node = os.environ.get("JSII_NODE", "node")  # where the CDK looks for it
    if shutil.which(node) is None:
        return f"the CDK runs on Node, and there is no {node} here: {INSTALL}"
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    version = re.match(r"v(\d+)\.", done.stdout)
    if version is None:
        return f"{node} --version does not answer with a version of Node: {INSTALL}"
    if int(version[1]) < MIN_NODE:
        return f"aws-cdk-lib needs a newer Node than {done.stdout.strip()}: {INSTALL}"
    return None


if __name__ == "__main__":
    make = sys.argv[1] if len(sys.argv) > 1 else "make"
    sys.exit(run_tests(make, "tests/cdk", ".venv-cdk/.ready", "aws-cdk-lib", "CDK_REQUIRED", node_problem()))
