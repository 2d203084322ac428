"""The pages of stacks, packages, comparisons, operations and the search, for every reader, and live."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox.page import PageServer
from tests.page.conftest import OpenTab, tabs
from tests.page.states import ARN, SECRET, Source, StoredDetails, described, event, failed, resource, stack
from tests.page.test_reading import CONTRAST, NO_BREAK, open_all
from tests.page.test_use import focused, set_visible, top_of

PATHS = (
    "/stacks",
    "/stacks/shop",
    "/packages/churn/1",
    "/compare?left=churn/1&right=churn/2",
    "/operations/token",
    "/search?q=churn",
    "/search",
)

TOP_OF_LAST_HEADING = "[...document.querySelectorAll('h2')].at(-1).getBoundingClientRect().top"


@pytest.fixture
def pages(browser: Browser, detailed: PageServer) -> Iterator[OpenTab]:
    """Opens tabs on the pages of the test's state and details."""
    with tabs(browser, detailed.endpoint) as open_tab:
        yield open_tab


@pytest.fixture
def everything(source: Source, details: StoredDetails) -> StoredDetails:
    """Details with every kind of item, short and very long."""
    waiting = {"status": "IN_PROGRESS", "callbackDelaySeconds": 2}
    source.state["events"] = [event(**waiting), failed(id="2", callback=True, message=f"no: {NO_BREAK * 3}")]
    checks = [{"Name": NO_BREAK, "Status": "Failed", "FailureReason": NO_BREAK * 2}]
    details.described = [
        described(1, ModelPackageStatus="Failed", ModelPackageStatusDetails={"ValidationStatuses": checks}),
        described(2, Task="CLASSIFICATION", Domain=NO_BREAK * 2, Tags=[{"Key": NO_BREAK, "Value": "1"}]),
    ]
    reason = {"resource": "Version", "status": "CREATE_FAILED", "reason": NO_BREAK * 3, "time": 1.0}
    resources = [
        resource(),
        resource(logicalId=NO_BREAK, status="CREATE_FAILED", reason="no", updated=None),
        resource(logicalId="Inner", physicalId="inner", type="AWS::CloudFormation::Stack"),
    ]
    parent = stack(status="ROLLBACK_FAILED", reasons=[reason], resources=resources, description="Of a shop.")
    details.known = {
        "stacks": [
            parent,
            stack(f"shop-{NO_BREAK}", id="inner", parent=parent["id"], status="CREATE_IN_PROGRESS"),
        ],
        "deleted": [stack("gone", status="DELETE_COMPLETE", deleted=5.0)],
        "problem": "",
    }
    return details


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.usefixtures("everything")
def test_pages_fit_the_window(pages: OpenTab, width: int) -> None:
    opened = pages(width=width)
    for path in PATHS:
        page = opened.open(path)
        open_all(page)
        assert page.evaluate("document.scrollingElement.scrollWidth") == width, path
        cut = page.evaluate(
            """() => [...document.querySelectorAll("main *")].filter((element) => {
              const { left, right, width } = element.getBoundingClientRect();
              return width > 1 && element.checkVisibility() && (left < -0.5 || right > innerWidth + 0.5);
            }).map((element) => element.outerHTML.slice(0, 120))"""
        )
        assert cut == [], path
        if width > 320:
            page.evaluate("document.documentElement.style.setProperty('font-size', '200%')")
            assert page.evaluate("document.scrollingElement.scrollWidth") == width, path


@pytest.mark.parametrize(("scheme", "width", "touch"), [("light", 1280, False), ("dark", 390, True)])
@pytest.mark.usefixtures("everything")
def test_pages_have_contrast_and_large_controls(pages: OpenTab, scheme: str, width: int, touch: bool) -> None:
    opened = pages(width=width, color_scheme=scheme, has_touch=touch, is_mobile=touch)
    for path in PATHS:
        page = opened.open(path)
        open_all(page)
        page.evaluate("document.getAnimations().forEach((each) => each.cancel())")
        assert [each for each in page.evaluate(CONTRAST) if each["ratio"] < 4.5] == [], path
        small = page.evaluate(
            """(minimum) => [...document.querySelectorAll("main :is(a, button, summary, select), nav a")]
              .filter((element) => element.checkVisibility())
              .map((element) => [element.outerHTML.slice(0, 80), element.getBoundingClientRect()])
              .filter(([, { width, height }]) => width < 24 || height < minimum - 2.1)
              .map(([name]) => name)""",
            44 if touch else 24,
        )
        assert small == [], path


@pytest.mark.usefixtures("everything")
def test_pages_have_landmarks_headings_and_names(pages: OpenTab) -> None:
    opened = pages()
    for path in PATHS:
        page = opened.open(path)
        open_all(page)
        for role in ("banner", "main", "contentinfo"):
            expect(page.get_by_role(role)).to_have_count(1)
        expect(page.get_by_role("search", name="Everything")).to_have_count(1)
        expect(page.locator("#announcer[aria-live=polite]")).to_have_count(1)
        facts = page.evaluate(
            """() => ({
              levels: [...document.querySelectorAll("h1, h2, h3")].map(({ tagName }) => +tagName[1]),
              twice: [...document.querySelectorAll("[id]")].map(({ id }) => id)
                .filter((id, at, all) => all.indexOf(id) !== at),
              nameless: [...document.querySelectorAll("main :is(button, a, select, table, summary)")]
                .filter((each) => !(each.getAttribute("aria-label") ?? each.textContent).trim() &&
                  !each.labels?.length).map((each) => each.outerHTML),
            })"""
        )
        assert facts["levels"][0] == 1, path
        assert facts["levels"].count(1) == 1, path
        assert all(lower - upper <= 1 for upper, lower in pairwise(facts["levels"])), path
        assert (facts["twice"], facts["nameless"]) == ([], []), path
        assert SECRET not in page.content()


def test_comparison_of_long_names_has_headers_apart(pages: OpenTab, details: StoredDetails) -> None:
    details.described = [described(), described(ModelPackageArn=f"{ARN}/{NO_BREAK}/1")]
    page = pages().open(f"/compare?left=churn/1&right={NO_BREAK}/1")
    overflowing = page.evaluate(
        """() => [...document.querySelectorAll("thead th")].filter((each) => {
          const text = document.createRange();
          text.selectNodeContents(each);
          return text.getBoundingClientRect().right > each.getBoundingClientRect().right;
        }).length"""
    )
    assert overflowing == 0


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.usefixtures("everything")
def test_comparison_table_at_every_width(pages: OpenTab, width: int) -> None:
    page = pages(width=width).open("/compare?left=churn/1&right=churn/2")
    tree = page.get_by_role("table", name="Members that differ").aria_snapshot()
    assert '- row "Member churn/1 churn/2 Difference":' in tree
    assert '- row "Task not there CLASSIFICATION added":' in tree
    image = "InferenceSpecification › Containers › 1 › Image"  # noqa: RUF001 - as it is shown
    assert f'- row "{image} registry/churn:1 registry/churn:2 changed":' in tree
    page.get_by_role("heading", name="members equal").click()
    expect(page.get_by_role("cell", name="equal").first).to_be_visible()


def test_pages_without_script(pages: OpenTab, everything: StoredDetails) -> None:
    opened = pages(java_script_enabled=False, width=390)
    page = opened.open()
    page.get_by_role("link", name="shop", exact=True).first.click()
    expect(page.get_by_role("heading", name="Stack shop", level=1)).to_be_visible()
    page.get_by_role("link", name="Package churn/1").first.click()
    expect(page.get_by_role("heading", name="churn, version 1", level=1)).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Copy"))).to_have_count(0)
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("churn/2 compared with churn/1")
    page.get_by_role("searchbox").fill("registry/churn:2")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="churn/2").click()
    expect(page.get_by_role("heading", name="churn, version 2", level=1)).to_be_visible()
    del everything


def test_pages_by_keyboard(pages: OpenTab) -> None:
    page = pages().open("/packages/churn/1")
    names = []
    for _ in range(11):
        page.keyboard.press("Tab")
        names.append(focused(page))
    assert names == [
        *("Skip to the content", "Model package sandbox", "Search everything", "Search"),
        *("Stacks", "Packages", "Events", "Compare", "Packages", "Copy the ARN of churn/1", "stack shop"),
    ]
    page.evaluate("document.activeElement.blur(); window.getSelection().removeAllRanges()")
    page.get_by_role("link", name="Skip to the content").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert focused(page) == "Packages"


# --- While they change -------------------------------------------------------------------------------


def status_of(page: Page, text: str) -> None:
    expect(page.locator(".status")).to_have_text(text, use_inner_text=True)


def test_page_follows_its_stack(pages: OpenTab, details: StoredDetails) -> None:
    page = pages().open("/stacks/shop")
    page.evaluate("window.stillTheSamePage = true")
    link = page.get_by_role("link", name="Package", exact=False).first
    page.get_by_role("button", name="Copy the physical id of Version").focus()
    page.evaluate("addEventListener('focusout', () => (window.wasLost = true))")
    more = resource(logicalId="Another", physicalId="other")

    details.known["stacks"] = [stack(status="UPDATE_FAILED", resources=[more, resource()])]

    status_of(page, "UPDATE_FAILED")
    expect(page.locator("#announcer")).to_have_text("Stack shop: UPDATE_FAILED")
    expect(page.get_by_role("rowheader")).to_have_text([re.compile("Another"), re.compile("Version")])
    assert focused(page) == "Copy the physical id of Version"
    assert page.evaluate("[window.stillTheSamePage, window.wasLost]") == [True, None]
    del link


def test_page_keeps_open_details_choices_and_scrolling(pages: OpenTab, everything: StoredDetails) -> None:
    page = pages(height=400).open("/compare?left=churn/1&right=churn/2")
    page.get_by_role("heading", name="members equal").click()
    page.get_by_label("From").select_option("churn/2")
    page.evaluate("window.scrollTo(0, 300)")
    everything.described[1]["Task"] = "REGRESSION"

    expect(page.get_by_role("table", name="Members that differ")).to_contain_text("REGRESSION")

    expect(page.locator('details[data-key="equal"]')).to_have_attribute("open", "")
    assert page.get_by_label("From").input_value() == "churn/2"
    assert page.evaluate("window.scrollY") == 300
    assert page.url.endswith("left=churn/1&right=churn/2")


def test_page_keeps_the_reading_place(pages: OpenTab, details: StoredDetails) -> None:
    page = pages(height=400).open("/stacks/shop")
    heading = page.get_by_role("heading", name="On the command line")
    page.evaluate("document.getElementById('outputs').scrollIntoView()")
    top = top_of(heading)
    more = [resource(logicalId=f"Another{number}") for number in range(4)]
    details.known["stacks"] = [stack(resources=[*more, resource()])]
    expect(page.get_by_role("rowheader")).to_have_count(5)
    page.wait_for_function(f"Math.abs({TOP_OF_LAST_HEADING} - {top}) < 2")


@pytest.mark.parametrize(
    ("path", "field"), [("/packages/churn/1", "With"), ("/compare?left=churn/1&right=churn/2", "To")]
)
def test_page_keeps_a_choice_among_new_packages(
    pages: OpenTab, details: StoredDetails, path: str, field: str
) -> None:
    details.described = [described(1), described(2), described(3)]
    page = pages().open(path)
    page.get_by_label(field).select_option("churn/3")
    details.described += [described(4)]
    expect(page.get_by_label(field).locator("option", has_text="churn/4")).to_have_count(1)
    assert page.get_by_label(field).input_value() == "churn/3"


def test_page_takes_the_focus_of_what_is_removed(pages: OpenTab, details: StoredDetails) -> None:
    page = pages().open("/stacks/shop")
    page.get_by_role("link", name="Package churn/1").first.focus()
    details.known["stacks"] = [stack(resources=[])]
    expect(page.get_by_role("rowheader")).to_have_count(0)
    expect(page.locator("#content")).to_be_focused()


def test_page_in_the_background_asks_for_nothing(pages: OpenTab, details: StoredDetails) -> None:
    opened = pages()
    opened.page.clock.install()
    page = opened.open("/stacks/shop")
    set_visible(page, False)
    asked = len(opened.requests)
    for _ in range(4):
        page.clock.run_for(5_000)
    assert len(opened.requests) <= asked + 1  # what was on its way
    details.known["stacks"] = [stack(status="UPDATE_FAILED")]
    set_visible(page, True)
    status_of(page, "UPDATE_FAILED")


def test_page_of_what_is_gone_stays_with_a_banner(pages: OpenTab, details: StoredDetails) -> None:
    opened = pages()
    opened.expected = ("404",)
    details.changed = {}  # those of a deleted package stay at its address
    page = opened.open("/packages/churn/1")
    described_before = details.described
    details.described = []
    expect(page.locator("#banner")).to_contain_text("This is not there any more")
    expect(page.get_by_role("heading", name="churn, version 1", level=1)).to_be_visible()
    details.described = described_before
    expect(page.locator("#banner")).to_be_hidden()


def test_page_says_that_its_token_does_not_hold(pages: OpenTab) -> None:
    opened = pages()
    opened.expected = ("403",)
    page = opened.open("/stacks/shop")
    page.route("**/stacks/shop", lambda route: route.fulfill(status=403))
    expect(page.locator("#banner")).to_contain_text("The token of this page does not hold any more")
    expect(page.locator("#connection")).to_have_text("no answer")


def test_page_says_that_the_connection_is_lost(pages: OpenTab, detailed: PageServer) -> None:
    opened = pages()
    opened.expected = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")
    page = opened.open("/stacks/shop")
    detailed.stop()
    expect(page.locator("#connection")).to_have_text("offline")
    expect(page.locator("#banner")).to_contain_text("Connection lost: what you see is as of")


def test_page_survives_a_reload_and_goes_back(pages: OpenTab) -> None:
    page = pages().open("/search?q=churn")
    page.get_by_role("link", name="churn/1").first.click()
    expect(page).to_have_title("churn/1 · Model package sandbox")
    page.reload()
    expect(page).to_have_title("churn/1 · Model package sandbox")
    page.go_back()
    expect(page).to_have_title("churn: search · Model package sandbox")


def test_comparison_that_is_gone_back_to_has_its_own_choice(pages: OpenTab, details: StoredDetails) -> None:
    details.described = [described(number) for number in (1, 2, 3)]
    page = pages().open("/compare?left=churn/1&right=churn/2")
    page.get_by_label("To").select_option("churn/3")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("churn/1 compared with churn/3")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("churn/1 compared with churn/2")
    assert page.get_by_label("To").input_value() == "churn/2"


def test_copy_button_says_what_it_copied(pages: OpenTab) -> None:
    opened = pages()
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = opened.open("/packages/churn/1")
    page.get_by_role("button", name="Copy the ARN of churn/1").click()
    expect(page.locator("#copied")).to_have_text("Copied the ARN of churn/1.")
    expect(page.locator("#copied")).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("Copied the ARN of churn/1.")
    assert page.evaluate("navigator.clipboard.readText()") == f"{ARN}/churn/1"
    page.get_by_role("button", name="Copy the command that exports churn/1 as a template").click()
    expect(page.locator("#copied")).to_contain_text("Copied the command that exports churn/1")
    assert page.evaluate("navigator.clipboard.readText()").startswith(
        ".venv/bin/python -m sandbox export arn:"
    )


def test_copy_button_stays_as_it_is_while_the_page_changes(pages: OpenTab, details: StoredDetails) -> None:
    opened = pages()
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened.page.clock.install()
    page = opened.open("/packages/churn/1")
    button = page.get_by_role("button", name="Copy the ARN of churn/1")
    button.click()
    expect(button).to_have_text("Copied")
    details.described[0]["ModelApprovalStatus"] = "Rejected"
    page.clock.run_for(2_500)
    expect(page.locator(".facts")).to_contain_text("Rejected")
    expect(button).to_have_text("Copied")
    page.clock.run_for(2_500)
    expect(button).to_have_text("Copy")


@pytest.mark.parametrize(
    "text", ['"><img src=x onerror=alert(1)>', "</title></main><script>alert(1)</script>"]
)
def test_pages_show_markup_as_text(pages: OpenTab, source: Source, details: StoredDetails, text: str) -> None:
    source.state["events"] = [failed(message=text, logicalId=text, errorCode=text)]
    details.described = [described(1, Domain=text, Tags=[{"Key": text, "Value": text}]), described(2)]
    output = {"name": text, "value": text, "description": text, "export": text}
    details.known["stacks"] = [stack(description=text, reason=text, outputs=[output])]
    opened = pages()
    for path in PATHS:
        page = opened.open(path)
        expect(page.locator("main img, main script")).to_have_count(0)
        expect(page.locator("script")).to_have_count(1)
