"""`make page-test`: the sandbox's page in headless Chromium, or one line that says why not.

No part of `make test`, because it needs a browser. Standard library only: it makes the environments. With
BROWSER_REQUIRED=1, anything missing is a failure.
"""

from __future__ import annotations

import sys

from tests.optional import run_tests
from tests.page.browser import find_chromium

NO_CHROMIUM = (
    "the page is tested in Chromium, and there is none here: install it "
    "(Debian, Ubuntu: apt-get install chromium), or name it in CHROMIUM"
)


if __name__ == "__main__":
    make = sys.argv[1] if len(sys.argv) > 1 else "make"
    problem = None if find_chromium() else NO_CHROMIUM
    sys.exit(run_tests(make, "tests/page", ".venv/.page-ready", "playwright", "BROWSER_REQUIRED", problem))
