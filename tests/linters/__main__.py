"""`make linters`: our rules in cfn-lints of environments of their own, or one line that says why not.

No part of `make test`, for what it downloads. Standard library only: it makes the environments. With
LINTERS_REQUIRED=1, anything missing is a failure.
"""

from __future__ import annotations

import sys

from tests.optional import run_tests

if __name__ == "__main__":
    make = sys.argv[1] if len(sys.argv) > 1 else "make"
    sys.exit(run_tests(make, "tests/linters", "linter-environments", "cfn-lint", "LINTERS_REQUIRED", None))
