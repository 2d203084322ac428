"""`make page-test`: the sandbox's page in headless Chromium, or one line that says why not.

It is no part of `make test`, because it needs a browser. Standard library only: it makes the environments.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tests import optional
from tests.page.browser import find


def main(arguments: Sequence[str]) -> int:
    """Run the tests beside this file; what is missing for them is a failure only with BROWSER_REQUIRED=1."""
    make = arguments[0] if arguments else "make"
    reason = without_browser() or without_library(make)
    return optional.skipped(reason, "BROWSER_REQUIRED") if reason else optional.tested(make, "tests/page")


def without_browser() -> str | None:
    """Say that there is no Chromium, if there is none."""
    if find() is None:
        return (
            "the page is tested in Chromium, and there is none here: install it "
            "(Debian, Ubuntu: apt-get install chromium), or name it in CHROMIUM"
        )
    return None


def without_library(make: str) -> str | None:
    """Install what drives it, or say that it cannot be."""
    if not optional.made(make, ".venv/.page-ready"):
        return "playwright could not be installed (see above): make the package registry reachable"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
