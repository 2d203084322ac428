"""`make cdk`: the CDK example, synthesized with the CDK and deployed here, or one line that says why not.

It is no part of `make test`, because the CDK runs on Node. Standard library only: it makes the environments.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence

from tests import optional

LEAST_NODE = 20  # as aws-cdk-lib says in its package.json
INSTALL = f"install Node {LEAST_NODE} or newer"


def main(arguments: Sequence[str]) -> int:
    """Run the tests beside this file; what is missing for them is a failure only with CDK_REQUIRED=1."""
    make = arguments[0] if arguments else "make"
    reason = without_node() or without_library(make)
    return optional.skipped(reason, "CDK_REQUIRED") if reason else optional.tested(make, "tests/cdk")


def without_node() -> str | None:
    """Say what is wrong with this machine's Node, if anything is."""
    node = os.environ.get("JSII_NODE", "node")  # where the CDK looks for it
    if shutil.which(node) is None:
        return f"the CDK runs on Node, and there is no {node} here: {INSTALL}"
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    version = re.match(r"v(\d+)\.", said.stdout)
    if version is None:
        return f"{node} --version does not answer with a version of Node: {INSTALL}"
    if int(version[1]) < LEAST_NODE:
        return f"aws-cdk-lib needs a newer Node than {said.stdout.strip()}: {INSTALL}"
    return None


def without_library(make: str) -> str | None:
    """Install the CDK, or say that it cannot be."""
    if not optional.made(make, ".venv-cdk/.ready"):
        return "aws-cdk-lib could not be installed (see above): make the package registry reachable"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
