"""`make page-test`: the sandbox's page in headless Chromium, or one line that says why not.

No part of `make test`, because it needs a browser. Standard library only: it makes the environments. With
BROWSER_REQUIRED=1, anything missing is a failure.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tests import optional
from tests.page.browser import find_chromium


def main(arguments: Sequence[str]) -> int:
    """Run the tests beside this file and return the exit code; 0 if something is missing for them."""
    make = arguments[0] if arguments else "make"
    reason = browser_problem() or install_problem(make)
    return optional.skip(reason, "BROWSER_REQUIRED") if reason else optional.run_tests(make, "tests/page")


def browser_problem() -> str | None:
    """Return that there is no Chromium; None if there is one."""
    if find_chromium() is None:
        return (
            "the page is tested in Chromium, and there is none here: install it "
            "(Debian, Ubuntu: apt-get install chromium), or name it in CHROMIUM"
        )
    return None


def install_problem(make: str) -> str | None:
    """Install what drives it and return why that failed; None if it did not."""
    if not optional.make_targets(make, ".venv/.page-ready"):
        return "playwright could not be installed (see above): make the package registry reachable"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
