"""The page in use: by keyboard, while it changes, without a connection, with very much on it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from sandbox.page import PageServer, updates
from sandbox.page.view import overview, texts
from tests.page.conftest import OpenTab
from tests.page.states import ARN, Source, event, failed, package, state_of_text

Json = dict[str, Any]

# Console messages of a browser whose server is gone.
GONE = (
    "ERR_CONNECTION_REFUSED",
    "ERR_INCOMPLETE_CHUNKED_ENCODING",
    "ERR_CONNECTION_RESET",
    "ERR_EMPTY_RESPONSE",
)


def numbered(number: int, **members: Any) -> Json:
    """An event of an operation of its own."""
    return event(id=str(number), operation=f"token {number}", logicalId=f"Version{number}", **members)


def add(source: Source, *events: Json) -> None:
    source.state["events"] = [*source.state["events"], *events]


def focused(page: Page) -> str:
    """The name of the focused element."""
    name: str = page.evaluate(
        """() => {
          const at = document.activeElement;
          if (at === document.body) return "";
          const name = at.getAttribute("aria-label") ?? at.labels?.[0]?.innerText ?? at.innerText;
          return name.replace(/\\s+/g, " ").trim();
        }"""
    )
    return name


def top_of(locator: Locator) -> float:
    return float(locator.evaluate("(element) => element.getBoundingClientRect().top"))


def summary_of(page: Page, number: int) -> Locator:
    return page.locator(f'.event[data-key="{number}"] > summary')


# --- by keyboard ------------------------------------------------------------------------------------


def test_tab_order(tab: OpenTab, source: Source) -> None:
    add(source, failed(id="2", operation="other"))
    page = tab().open()

    names = []
    for _ in range(21):
        page.keyboard.press("Tab")
        names.append(focused(page))

    assert names[:3] == ["Skip to the stacks", "Skip to the packages", "Skip to the events"]
    assert names[3:5] == ["Search everything", "Search"]
    assert names[5:9] == ["Stacks 0", "Packages 1", "Events 2 1 failed", "Compare"]
    assert names[9:11] == ["Version 1", "Copy the ARN of Version 1 of churn"]
    assert names[11:14] == ["All", "In", "Find"]
    assert names[14].startswith("CREATE Version failed: NotStabilized in stack shop")
    operation = "All polls, calls and pauses of CREATE Version in stack shop"
    assert names[15:19] == ["churn/1", "Copy the ARN of churn/1", operation, "shop"]
    assert names[19].startswith("CREATE Version succeeded in stack shop")
    assert names[20] == "/api/state"


def test_skip_link(tab: OpenTab) -> None:
    page = tab().open()
    skip = page.get_by_role("link", name="Skip to the events")
    assert top_of(skip) < 0

    for _ in range(3):
        page.keyboard.press("Tab")

    assert top_of(skip) >= 0
    page.keyboard.press("Enter")
    assert focused(page) == "Events"
    page.keyboard.press("Tab")
    assert focused(page) == "All"


def test_focus_outline(tab: OpenTab) -> None:
    page = tab().open()
    for _ in range(10):
        page.keyboard.press("Tab")
        width = page.evaluate(
            """() => {
              const at = document.activeElement;
              const seen = at.type === "radio" ? at.nextElementSibling : at;
              const style = getComputedStyle(seen);
              return style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
            }"""
        )
        assert width >= 2, focused(page)


def test_keyboard_filters_and_opens_events(tab: OpenTab, source: Source) -> None:
    add(source, failed(id="2", operation="other", stack="depot", logicalId="Broken"), numbered(3))
    page = tab().open()
    lines = page.locator(".event > summary")
    expect(lines).to_have_count(3)
    for _ in range(12):
        page.keyboard.press("Tab")
    assert focused(page) == "All"

    page.keyboard.press("ArrowRight")  # Failed

    expect(lines).to_have_count(1)
    expect(lines).to_contain_text("Broken")
    expect(page.locator("#matches")).to_have_text("1 of 3 operations")
    assert focused(page) == "Failed"
    page.keyboard.press("ArrowLeft")
    expect(lines).to_have_count(3)
    expect(page.locator("#matches")).to_have_text("")

    page.keyboard.press("Tab")
    page.keyboard.type("depot")  # as one chooses from a list
    expect(lines).to_have_count(1)
    page.keyboard.press("Home")
    expect(lines).to_have_count(3)
    page.keyboard.press("Tab")
    page.keyboard.type("version3 CREATE")
    expect(lines).to_have_count(1)
    expect(lines).to_contain_text("Version3")
    page.keyboard.type(" nowhere")
    expect(lines).to_have_count(0)
    expect(page.locator("#matches")).to_have_text("None of 3 operations")
    page.keyboard.press("Enter")  # sends nothing
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    expect(lines).to_have_count(3)

    page.keyboard.press("Tab")
    expect(page.locator(".event[open]")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator(".event[open]")).to_have_count(2)
    page.keyboard.press("Space")
    expect(page.locator(".event[open]")).to_have_count(1)


# --- while it changes -------------------------------------------------------------------------------


def test_update_keeps_focus_and_input(tab: OpenTab, source: Source) -> None:
    page = tab().open()
    summary_of(page, 1).focus()
    # Not even for a moment: a screen reader would read it all again.
    page.evaluate("addEventListener('focusout', () => (window.wasLost = true))")

    add(source, numbered(2), numbered(3))
    expect(page.locator(".event")).to_have_count(3)

    assert page.evaluate("document.activeElement.closest('[data-key]').dataset.key") == "1"
    assert page.evaluate("window.wasLost") is None
    page.keyboard.press("Enter")
    expect(page.locator('.event[data-key="1"]')).to_have_attribute("open", "")

    page.get_by_role("searchbox", name="Find").fill("version")
    add(source, numbered(4))
    expect(page.locator(".event")).to_have_count(4)
    assert page.get_by_role("searchbox", name="Find").input_value() == "version"
    assert focused(page) == "Find"


def test_update_moves_the_focus_of_a_removed_package(tab: OpenTab, source: Source) -> None:
    page = tab().open()
    page.get_by_role("button", name="Copy the ARN of Version 1 of churn").focus()

    source.state["groups"] = [{"name": "churn", "packages": []}]

    expect(page.get_by_text("no version yet")).to_be_visible()
    assert focused(page) == "Packages"


def test_update_keeps_events_open_or_closed(tab: OpenTab, source: Source) -> None:
    add(source, failed(id="2", operation="other"))
    page = tab().open()
    one, two = (page.locator(f'.event[data-key="{number}"]') for number in (1, 2))
    expect(two).to_have_attribute("open", "")
    summary_of(page, 2).click()
    summary_of(page, 1).click()

    # The fourth makes the second a first poll.
    add(source, numbered(3), failed(id="4", operation="other"))

    expect(page.locator('.event[data-key="4"]')).to_have_attribute("open", "")
    expect(summary_of(page, 2)).to_contain_text("poll 1")
    expect(two).not_to_have_attribute("open", "")
    expect(one).to_have_attribute("open", "")
    # A filter takes them away and brings them back as they were.
    page.get_by_role("searchbox", name="Find").fill("Version3")
    expect(page.locator(".event")).to_have_count(1)
    page.get_by_role("searchbox", name="Find").fill("")
    expect(page.locator(".event")).to_have_count(4)
    expect(two).not_to_have_attribute("open", "")
    expect(one).to_have_attribute("open", "")


def test_update_opens_an_event_that_fails(tab: OpenTab, source: Source) -> None:
    source.state["events"] = [event(running=True, status=None, durationMs=None, calls=[])]
    page = tab().open()
    line = summary_of(page, 1)
    expect(line).to_contain_text("running")
    element = line.element_handle()

    source.state["events"] = [failed()]

    expect(line).to_contain_text("failed: NotStabilized")
    expect(page.locator('.event[data-key="1"]')).to_have_attribute("open", "")
    assert element.evaluate("(line) => line.isConnected")


@pytest.mark.parametrize("width", [390, 1280])
def test_update_keeps_the_reading_place(tab: OpenTab, source: Source, width: int) -> None:
    add(source, *(numbered(number) for number in range(2, 40)))
    page = tab(width=width, height=700).open()
    read = summary_of(page, 20)
    read.scroll_into_view_if_needed()
    read.hover()
    top = top_of(read)
    assert 0 < top < 700

    add(source, *(failed(id=str(number), operation=str(number)) for number in range(50, 55)))
    source.state["groups"] = [{"name": f"group-{number}", "packages": [package(1)]} for number in range(4)]
    expect(page.locator('.event[data-key="54"]')).to_have_attribute("open", "")

    assert abs(top_of(read) - top) <= 1


def test_update_scrolls_to_a_failure_at_rest(tab: OpenTab, source: Source) -> None:
    source.state["groups"] = [{"name": f"group-{number}", "packages": [package(1)]} for number in range(9)]
    page = tab(width=390, height=700).open()
    assert top_of(page.locator("#events")) > 700

    add(source, failed(id="2", operation="other"))

    line = summary_of(page, 2)
    expect(line).to_be_in_viewport()
    assert page.evaluate("document.activeElement === document.body")

    page.evaluate("window.scrollTo(0, 300)")
    add(source, failed(id="3", operation="third"))
    expect(page.locator('.event[data-key="3"]')).to_have_count(1)
    assert page.evaluate("window.scrollY") == 300

    page.evaluate("window.scrollTo(0, 0)")
    page.get_by_role("button", name=re.compile("Copy the ARN of Version 1 of group-0")).focus()
    add(source, failed(id="4", operation="fourth"))
    expect(page.locator('.event[data-key="4"]')).to_have_count(1)
    assert page.evaluate("window.scrollY") == 0


def test_failures_are_announced_once(tab: OpenTab, source: Source) -> None:
    add(source, failed(id="2", operation="old"))
    page = tab().open()
    announcer = page.locator("#announcer")
    expect(announcer).to_have_text("")  # only new failures are announced

    add(source, *(failed(id=f"{number}", operation=f"{number}") for number in range(10, 15)))

    one = "CREATE of Version in stack shop failed: NotStabilized"
    expect(announcer).to_have_text(f"{one}; {one}; {one}; and 2 more failed")
    add(source, numbered(20))
    expect(page.locator('.event[data-key="20"]')).to_have_count(1)
    expect(announcer).to_have_text(f"{one}; {one}; {one}; and 2 more failed")
    expect(page).to_have_title(f"6 failed · {texts.TITLE}")


def test_polls_join_their_operation(tab: OpenTab, source: Source) -> None:
    waiting = {"status": "IN_PROGRESS", "callbackDelaySeconds": 2}
    source.state["events"] = [event(**waiting)]
    page = tab().open()
    expect(page.locator(".operation")).to_have_count(1)

    add(source, event(id="2", callback=True, **waiting), failed(id="3", callback=True))

    lines = page.locator(".operation").locator("summary")
    expect(lines).to_have_count(3)
    expect(page.locator(".operation")).to_have_count(1)
    for line, poll in zip(lines.all(), ("poll 3", "poll 2", "poll 1"), strict=True):
        expect(line).to_contain_text(poll)


def test_copy_button(tab: OpenTab) -> None:
    opened = tab()
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened.page.clock.install()
    page = opened.open()
    button = page.get_by_role("button", name="Copy the ARN of Version 1 of churn")

    button.click()

    expect(button).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == f"{ARN}/churn/1"
    expect(page.locator("#announcer")).to_have_text("Copied the ARN of Version 1 of churn.")
    expect(page.locator("#copied")).to_have_text("Copied the ARN of Version 1 of churn.")
    page.clock.run_for(4_000)
    expect(button).to_have_text("Copy")
    expect(page.locator("#copied")).to_be_hidden()


def test_copy_button_selects_when_copying_fails(tab: OpenTab) -> None:
    opened = tab()
    opened.context.add_init_script(
        "navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed'))"
    )
    page = opened.open()

    page.get_by_role("button", name="Copy the ARN of Version 1 of churn").click()

    expect(page.locator("#announcer")).to_contain_text("The text is selected")
    expect(page.locator("#copied")).to_be_visible()
    expect(page.locator("#copied")).to_contain_text("does not let this page copy")
    assert page.evaluate("getSelection().toString()") == f"{ARN}/churn/1"


# --- the connection ---------------------------------------------------------------------------------


def test_connection_lost_and_restored(tab: OpenTab, server: PageServer) -> None:
    opened = tab()
    opened.expected = GONE
    page = opened.open()
    port = int(urlsplit(server.endpoint).port or 0)
    expect(page.locator("#banner")).to_be_hidden()

    server.stop()

    expect(page.locator("#banner")).to_contain_text(
        re.compile(r"Connection lost: what you see is as of \d\d:\d\d:\d\d\.")
    )
    expect(page.locator("#connection")).to_have_text("offline")
    expect(page.locator("#announcer")).to_have_text("Connection lost.")
    expect(page.get_by_role("rowheader")).to_have_text("Version 1")  # what was shown stays
    later = Source()
    later.state["groups"] = [{"name": "churn", "packages": [package(2), package(1)]}]
    with PageServer(later, port):
        expect(page.locator("#banner")).to_be_hidden()
        expect(page.locator("#connection")).to_have_text("live")
        expect(page.locator("#announcer")).to_have_text("Connected again.")
        expect(page.get_by_role("rowheader")).to_have_text(["Version 2", "Version 1"])


def test_connection_silent_is_replaced(tab: OpenTab, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "BEAT_SECONDS", 3600.0)
    opened = tab()
    opened.page.clock.install()
    page = opened.open()
    add(source, numbered(2))
    expect(page.locator(".event")).to_have_count(2)

    page.clock.run_for(14_000)
    expect(page.locator("#connection")).to_have_text("live")
    page.clock.run_for(4_000)

    expect(page.locator("#announcer")).to_have_text("Connected again.")
    assert [url.rsplit("/", 1)[-1] for url in opened.requests].count("stream") == 2


def test_banner_shows_a_source_failure(tab: OpenTab, source: Source) -> None:
    page = tab().open()

    source.problem = ConnectionRefusedError(111, "Connection refused")

    expect(page.locator("#banner")).to_contain_text("The sandbox did not answer (ConnectionRefusedError")
    expect(page.locator("#connection")).to_have_text("no answer")
    source.problem = None
    expect(page.locator("#banner")).to_be_hidden()
    expect(page.locator("#connection")).to_have_text("live")


def test_hidden_page_polls_without_a_connection(tab: OpenTab, source: Source) -> None:
    """A browser opens six connections to a server: with a seventh tab, nothing would go on."""
    opened = tab()
    opened.page.clock.install()
    page = opened.open()
    set_visible(page, False)
    count = len(source.polling_threads)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:  # without a stream nothing is polled
        time.sleep(0.5)
        if len(source.polling_threads) == count:
            break
        count = len(source.polling_threads)
    else:
        raise AssertionError("the stream stays open")
    add(source, failed(id="2", operation="other"))

    page.clock.run_for(10_000)
    expect(page).to_have_title(f"1 failed · {texts.TITLE}")

    add(source, failed(id="3", operation="third"))
    set_visible(page, True)
    expect(page).to_have_title(f"2 failed · {texts.TITLE}")
    expect(page.locator("#banner")).to_be_hidden()


def set_visible(page: Page, is_visible: bool) -> None:
    """Put the tab in front, or behind another one."""
    page.evaluate(
        """(isHidden) => {
          Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        not is_visible,
    )


# --- very much, and very odd ------------------------------------------------------------------------

RECORD_LONG_TASKS = """
window.longest = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration);
}).observe({ type: "longtask", buffered: true });
"""


def test_ten_thousand_packages(
    tab: OpenTab, source: Source, record_testsuite_property: Callable[[str, object], None]
) -> None:
    versions = [package(number) for number in range(10_000, 0, -1)]
    source.state["groups"] = [{"name": "churn", "packages": versions}]
    add(source, *(numbered(number) for number in range(2, 501)))
    opened = tab()
    opened.context.add_init_script(RECORD_LONG_TASKS)
    page = opened.open()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(overview.PACKAGES_SHOWN)
    expect(page.locator(".operation")).to_have_count(overview.OPERATIONS_SHOWN)
    at_first = page.evaluate("window.longest")

    page.evaluate("window.longest = 0")
    began = time.monotonic()
    # By the document alone: Playwright would work out role and name of each of half a million elements.
    more = page.locator(".group > .more")
    expect(more).to_have_text("Show all 10,000 versions")
    more.click()
    expect(rows).to_have_count(10_000, timeout=60_000)
    took = time.monotonic() - began
    growing = page.evaluate("window.longest")

    page.evaluate("window.longest = 0")
    source.state["groups"] = [{"name": "churn", "packages": [package(10_001), *versions]}]
    expect(page.locator("tbody th").first).to_have_text("Version 10001")
    changing = page.evaluate("window.longest")

    figures = {"at first": at_first, "growing": growing, "changing": changing, "all shown": took * 1000}
    print({name: f"{milliseconds:.0f} ms" for name, milliseconds in figures.items()})
    for name, milliseconds in figures.items():
        record_testsuite_property(f"10,000 packages, {name}, ms", round(milliseconds))
    # Longer than this would feel as if it hung; with room for a busy machine.
    assert max(at_first, growing, changing) < 1500
    expect(more).to_have_text("Show the newest 20 only")
    more.click()
    expect(rows).to_have_count(overview.PACKAGES_SHOWN)
    expect(page.get_by_role("button", name="Show all 10,001 versions")).to_be_focused()


def test_more_buttons(tab: OpenTab, source: Source) -> None:
    source.state["groups"] = [{"name": f"group-{number}", "packages": []} for number in range(60)]
    add(source, *(numbered(number) for number in range(2, 131)))
    page = tab().open()
    expect(page.get_by_role("heading", level=3)).to_have_count(overview.GROUPS_SHOWN)

    page.get_by_role("button", name="Show all 60 groups").click()
    page.get_by_role("button", name="Show all 130 operations").click()

    expect(page.get_by_role("heading", level=3)).to_have_count(60)
    expect(page.locator(".operation")).to_have_count(130)
    # The filter applies to all of them, whatever is shown.
    page.get_by_role("button", name="Show the newest 100 only").click()
    expect(page.locator(".operation")).to_have_count(100)
    page.get_by_role("searchbox", name="Find").fill("version2")
    expect(summary_of(page, 2)).to_be_visible()


@pytest.mark.parametrize("script", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        '<script>alert("1")</script>',
        '"><img src=x onerror=alert(1)>',
        "'><svg/onload=alert(1)>",
        "</title></template><script>alert(1)</script>",
        "javascript:alert(1)",
    ],
)
def test_markup_is_text(tab: OpenTab, source: Source, text: str, script: bool) -> None:
    opened = tab(java_script_enabled=script)
    if script:
        page = opened.open()
        source.state = state_of_text(text)
    else:
        source.state = state_of_text(text)
        page = opened.open()
    expect(page.get_by_role("heading", level=3).first).to_have_text(text)
    expect(page.locator(".message")).to_have_text(text)
    expect(page.locator("td .badge").first).to_have_text(text)
    expect(page.locator(".calls code")).to_have_text(text)
    expect(page.locator("img, svg")).to_have_count(0)
    expect(page.locator("script")).to_have_count(1)


def test_page_without_script(tab: OpenTab, source: Source) -> None:
    add(source, failed(id="2", operation="other"))
    page = tab(java_script_enabled=False, width=390).open()

    expect(page.get_by_text("Without JavaScript, this is how things were")).to_be_visible()
    expect(page.get_by_role("rowheader", name="Version 1")).to_be_visible()
    expect(page.locator(".message").first).to_be_visible()
    expect(page.get_by_role("search", name="Filter the events")).to_be_hidden()
    expect(page.get_by_role("button")).to_have_text("Search")  # alone
    summary_of(page, 1).click()
    expect(page.locator(".event").last.locator(".calls")).to_be_visible()
