"""A browser, and tabs on the page that fail the test if the page had a problem."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from sandbox.local_aws import Sandbox
from sandbox.page import PageServer, SandboxDetails, snapshot
from tests.page.browser import FLAGS, find_chromium
from tests.page.states import detailed, details, server, source
from tests.stack.conftest import empty_stacks
from tests.stack.stacks import DeployedStacks

__all__ = ["detailed", "details", "empty_stacks", "server", "source"]  # fixtures

WAIT_MS = 15_000

# Recorded in the page itself, from the start.
RECORD_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""


class Tab:
    """A page in a browser context of its own, and its problems."""

    def __init__(self, browser: Browser, endpoint: str, **settings: Any) -> None:
        width, height = settings.pop("width", 1280), settings.pop("height", 800)
        self.context = browser.new_context(viewport={"width": width, "height": height}, **settings)
        self.context.set_default_timeout(WAIT_MS)
        self.context.add_init_script(RECORD_VIOLATIONS)
        self.page: Page = self.context.new_page()
        self.endpoint = endpoint
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.expected: tuple[str, ...] = ()
        """Parts of console messages that the test causes."""
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("dialog", self._on_dialog)

    def open(self, path: str = "/") -> Page:
        """Show the page and wait until it is live."""
        self.page.goto(self.endpoint + path)
        if self.page.evaluate("document.documentElement.dataset.script === 'on'"):
            expect(self.page.locator("#connection")).to_have_text("live")
        return self.page

    def close(self) -> None:
        """Close it and fail for requests to elsewhere and errors in the console."""
        violations = self.page.evaluate("window.violations")
        self.context.close()
        elsewhere = [url for url in self.requests if not url.startswith(f"{self.endpoint}/")]
        assert (elsewhere, violations, self.problems) == ([], [], [])

    def _on_console(self, message: Any) -> None:
        if message.type in ("error", "warning") and not any(part in message.text for part in self.expected):
            self.problems.append(f"{message.type}: {message.text}")

    def _on_dialog(self, dialog: Any) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()


OpenTab = Callable[..., Tab]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        yield chromium
        chromium.close()


@contextmanager
def tabs(browser: Browser, endpoint: str) -> Iterator[OpenTab]:
    """Opens tabs on a page and closes them at the end, where none may have a problem."""
    opened: list[Tab] = []

    def open_tab(**settings: Any) -> Tab:
        opened.append(Tab(browser, endpoint, **settings))
        return opened[-1]

    yield open_tab
    for each in opened:
        each.close()


@pytest.fixture
def tab(browser: Browser, server: PageServer) -> Iterator[OpenTab]:
    """Opens tabs on the page of the test's state."""
    with tabs(browser, server.endpoint) as open_tab:
        yield open_tab


@pytest.fixture
def live(browser: Browser, empty_stacks: DeployedStacks, sandbox: Sandbox) -> Iterator[OpenTab]:
    """Opens tabs on the page of the sandbox."""
    del empty_stacks  # deletes the stacks afterwards
    with (
        closing(SandboxDetails(sandbox)) as details,
        PageServer(lambda: snapshot.snapshot(sandbox), details=details) as server,
        tabs(browser, server.endpoint) as open_tab,
    ):
        yield open_tab
