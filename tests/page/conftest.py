"""A browser, a sandbox whose page it shows, and pages that must be without a fault when they are closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from sandbox.local_aws import Sandbox
from sandbox.page import PageServer, snapshot
from sandbox.sagemaker import Behaviour
from tests.page.browser import FLAGS, find_chromium
from tests.page.states import Source
from tests.stack.stacks import DeployedStacks

WAIT_MS = 15_000

# What a page may not do is noted by the page itself, from its first moment on.
NOTE_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""


class Tab:
    """A page in a browser of its own, and what went wrong in it."""

    def __init__(self, browser: Browser, endpoint: str, **settings: Any) -> None:
        width, height = settings.pop("width", 1280), settings.pop("height", 800)
        self.context = browser.new_context(viewport={"width": width, "height": height}, **settings)
        self.context.set_default_timeout(WAIT_MS)
        self.context.add_init_script(NOTE_VIOLATIONS)
        self.page: Page = self.context.new_page()
        self.endpoint = endpoint
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.expected: tuple[str, ...] = ()
        """Parts of what the console may say because the test means it to."""
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
        """Close it; what it has loaded from elsewhere, or said in the console, fails the test."""
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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser of this machine."""
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def source() -> Source:
    """A state that the test makes up."""
    return Source()


@pytest.fixture
def server(source: Source) -> Iterator[PageServer]:
    """The page of that state."""
    with PageServer(source) as running:
        yield running


@pytest.fixture
def tab(browser: Browser, server: PageServer) -> Iterator[Callable[..., Tab]]:
    """Open tabs on that page; at the end, none may have gone wrong."""
    opened: list[Tab] = []

    def new(**settings: Any) -> Tab:
        opened.append(Tab(browser, server.endpoint, **settings))
        return opened[-1]

    yield new
    for each in opened:
        each.close()


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    """A sandbox whose handlers' delays pass ten times as fast."""
    with Sandbox(time_scale=0.1) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """The sandbox with nothing in it."""
    running.sagemaker.reset()
    running.sagemaker.behaviour = Behaviour()
    running.clear_invocations()
    return running


@pytest.fixture
def stacks(sandbox: Sandbox) -> Iterator[DeployedStacks]:
    """DeployedStacks; they are gone when the test is over."""
    made = DeployedStacks(sandbox)
    yield made
    sandbox.sagemaker.behaviour = Behaviour()
    made.delete_all()
    made.close()


@pytest.fixture
def live(browser: Browser, sandbox: Sandbox) -> Iterator[Callable[..., Tab]]:
    """Open tabs on the page of the running sandbox."""
    opened: list[Tab] = []
    with PageServer(lambda: snapshot.snapshot(sandbox)) as server:

        def new(**settings: Any) -> Tab:
            opened.append(Tab(browser, server.endpoint, **settings))
            return opened[-1]

        yield new
        for each in opened:
            each.close()
