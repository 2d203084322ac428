"""The page for every reader: widths, contrast, sizes, and the accessibility tree."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import OpenTab
from tests.page.states import ARN, Source, event, failed, package

Json = dict[str, Any]

NO_BREAK = "x" * 63


@pytest.fixture
def everything(source: Source) -> Source:
    """A state with every kind of item, short and very long."""
    refused = {
        "operation": "CreateModelPackage",
        "error": "AccessDenied",
        "answered": True,
        "durationMs": 1.0,
    }
    open_call = {"operation": "ListTags", "error": None, "answered": False, "durationMs": None}
    waiting = {"status": "IN_PROGRESS", "callbackDelaySeconds": 60}
    source.state = {
        "groups": [
            {"name": "empty", "packages": []},
            {
                "name": NO_BREAK,
                "packages": [
                    package(
                        4, status="Failed", approval="Rejected", stage="Production", stageStatus="Approved"
                    ),
                    package(3, status="InProgress"),
                    package(2, approval="Approved", stage="Development", stageStatus="PendingApproval"),
                    *(package(number) for number in range(101, 130)),
                ],
            },
            {"name": None, "packages": [package(arn=f"{ARN}/{NO_BREAK}", name=NO_BREAK, approval=None)]},
        ],
        "events": [
            event(id="0", operation="plain", status="ODD"),
            event(),
            event(id="2", operation="wait", **waiting),
            event(id="3", operation="wait", callback=True, **waiting),
            failed(id="4", operation="bad", calls=[refused, open_call], message=f"{NO_BREAK} {NO_BREAK * 3}"),
            event(id="5", operation="none", stack=None, logicalId=NO_BREAK, package=None, calls=[]),
            event(id="6", operation="run", running=True, status=None, durationMs=None, stack=NO_BREAK),
        ],
        "olderEvents": 7,
    }
    return source


def open_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((event) => (event.open = true))")


# --- Widths -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [320, 390, 560, 768, 1119, 1120, 1280, 1920])
@pytest.mark.parametrize("filled", [True, False])
def test_page_fits_the_window(tab: OpenTab, everything: Source, width: int, filled: bool) -> None:
    if not filled:
        everything.state = {"groups": [], "events": [], "olderEvents": 0}
    page = tab(width=width).open()
    open_all(page)

    assert page.evaluate("document.scrollingElement.scrollWidth") == width
    cut = page.evaluate(
        """() => [...document.querySelectorAll("main *")].filter((element) => {
          const { left, right, width } = element.getBoundingClientRect();
          return width > 1 && element.checkVisibility() && (left < -0.5 || right > innerWidth + 0.5);
        }).map((element) => element.outerHTML.slice(0, 120))"""
    )
    assert cut == []


@pytest.mark.parametrize("width", [390, 640])
@pytest.mark.usefixtures("everything")
def test_page_fits_with_text_twice_as_large(tab: OpenTab, width: int) -> None:
    page = tab(width=width).open()
    open_all(page)
    page.evaluate("document.documentElement.style.setProperty('font-size', '200%')")

    assert page.evaluate("document.scrollingElement.scrollWidth") == width


@pytest.mark.usefixtures("everything")
def test_headings_are_below_the_header(tab: OpenTab) -> None:
    page = tab(width=390, height=700).open()
    for name in ("Packages", "Events"):
        page.get_by_role("navigation", name="Main").get_by_role("link", name=name).click()
        tops = """(id) => [document.querySelector("header.top").getBoundingClientRect().bottom,
          document.getElementById(id).getBoundingClientRect().top]"""
        bottom, top = page.evaluate(tops, f"{name.lower()}-heading")
        assert bottom <= top < 200


# --- Contrast and sizes -----------------------------------------------------------------------------

CONTRAST = """() => {
  const parse = (color) => {
    const numbers = color.match(/[\\d.]+/g).map(Number);
    return { rgb: numbers.slice(0, 3), alpha: numbers[3] ?? 1 };
  };
  const over = (top, below) => top.rgb.map((value, at) => value * top.alpha + below[at] * (1 - top.alpha));
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      layers.push(parse(getComputedStyle(at).backgroundColor));
    }
    return layers.reduceRight((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const ratios = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim()) continue;
    if (!element.checkVisibility() || element.closest(".unseen, thead")) continue;
    const below = ground(element);
    const color = over(parse(getComputedStyle(element).color), below);
    ratios.push({ text: walker.currentNode.data.trim().slice(0, 40), ratio: ratio(color, below) });
  }
  for (const element of document.querySelectorAll("button, select, input[type=search], fieldset")) {
    if (!element.checkVisibility()) continue;
    const border = parse(getComputedStyle(element).borderTopColor).rgb;
    const outside = ground(element.parentElement);
    // What is not text needs 3 : 1, so that the same limit can be held for all.
    ratios.push({ text: `border of ${element.tagName}`, ratio: ratio(border, outside) * 1.5 });
  }
  return ratios;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_text_contrast(tab: OpenTab, everything: Source, scheme: str, width: int) -> None:
    everything.problem = None
    page = tab(width=width, color_scheme=scheme).open()
    open_all(page)
    page.get_by_role("searchbox", name="Find").fill("a")
    everything.problem = RuntimeError("to see the banner, too")
    expect(page.locator("#banner")).to_be_visible()
    page.evaluate("document.getAnimations().forEach((each) => each.cancel())")

    ratios = page.evaluate(CONTRAST)

    assert len(ratios) > 100
    assert [each for each in ratios if each["ratio"] < 4.5] == []
    dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(15, 19, 24)"
    assert dark == (scheme == "dark")


def test_text_contrast_of_the_empty_page(tab: OpenTab, source: Source) -> None:
    source.state = {"groups": [], "events": [], "olderEvents": 0}
    for scheme in ("light", "dark"):
        page = tab(color_scheme=scheme).open()
        assert [each for each in page.evaluate(CONTRAST) if each["ratio"] < 4.5] == []


@pytest.mark.parametrize(("touch", "minimum"), [(False, 24), (True, 44)])
@pytest.mark.usefixtures("everything")
def test_control_size(tab: OpenTab, touch: bool, minimum: int) -> None:
    page = tab(width=390, has_touch=touch, is_mobile=touch).open()
    open_all(page)

    small = page.evaluate(
        """(minimum) => [...document.querySelectorAll("main :is(a, button, summary, select, input), nav a")]
          .filter((element) => element.checkVisibility())
          .map((element) => [element.outerHTML.slice(0, 80), element.getBoundingClientRect()])
          .filter(([, { width, height }]) => width < 24 || height < minimum - 2.1)
          .map(([name, { width, height }]) => `${name}: ${width} x ${height}`)""",
        minimum,
    )

    assert small == []


def test_reduced_motion_stops_animations(tab: OpenTab, everything: Source) -> None:
    moving = tab().open()
    assert moving.evaluate("document.getAnimations().length") > 0
    page = tab(reduced_motion="reduce").open()
    everything.state["groups"][1]["packages"][1]["status"] = "Completed"
    expect(page.locator('tr[data-key$="churn/3"]')).to_contain_text("Completed")

    assert page.evaluate("document.getAnimations().length") == 0


def test_forced_colors_show_what_is_chosen(tab: OpenTab) -> None:
    page = tab(forced_colors="active").open()

    chosen, expected = page.evaluate(
        """() => {
          const probe = document.body.appendChild(document.createElement("p"));
          Object.assign(probe.style, { forcedColorAdjust: "none", background: "Highlight" });
          return [document.querySelector("fieldset :checked + span"), probe]
            .map((each) => getComputedStyle(each).backgroundColor);
        }"""
    )

    assert chosen == expected


@pytest.mark.usefixtures("everything")
def test_badges_differ_by_text_and_shape(tab: OpenTab) -> None:
    page = tab().open()
    open_all(page)

    shapes = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll("main .badge")]
          .filter((badge) => badge.checkVisibility())
          .map((badge) => {
            const shape = getComputedStyle(badge, "::before");
            return [badge.dataset.tone, badge.textContent.trim() &&
              [shape.clipPath, shape.borderRadius, shape.borderStyle, shape.display].join()];
          }))"""
    )

    assert set(shapes) == {"ok", "bad", "wait", "run", "plain", "past", "none"}
    assert all(shapes.values())
    different = [shapes[tone] for tone in ("ok", "bad", "wait", "run", "plain")]
    assert len(set(different)) == len(different)


# --- the accessibility tree -------------------------------------------------------------------------


@pytest.mark.parametrize("width", [390, 1280])
def test_table_roles_at_every_width(tab: OpenTab, source: Source, width: int) -> None:
    source.state["groups"][0]["packages"][0] |= {"stage": "Production", "stageStatus": "Approved"}
    page = tab(width=width).open()

    tree = page.get_by_role("table", name="churn").aria_snapshot()

    assert tree.splitlines()[:7] == [
        '- table "churn":',
        "  - caption: churn",
        "  - rowgroup:",
        '    - row "Package Status Approval Stage ARN Created":',
        '      - columnheader "Package"',
        '      - columnheader "Status"',
        '      - columnheader "Approval"',
    ]
    for line in (
        '- rowheader "Version 1"',
        '- cell "Completed"',
        '- cell "PendingManualApproval"',
        '- cell "Production Approved"',
        f'- cell "{ARN}/churn/1 Copy the ARN of Version 1 of churn"',
    ):
        assert line in tree, tree


@pytest.mark.usefixtures("everything")
def test_landmarks_headings_and_names(tab: OpenTab) -> None:
    page = tab().open()
    open_all(page)

    for role in ("banner", "main", "contentinfo"):
        expect(page.get_by_role(role)).to_have_count(1)
    for name in ("Everything", "Filter the events"):
        expect(page.get_by_role("search", name=name)).to_have_count(1)
    expect(page.get_by_role("navigation", name="Main")).to_have_count(1)
    expect(page.get_by_role("region", name="Stacks")).to_have_count(1)
    expect(page.get_by_role("region", name="Packages")).to_have_count(1)
    expect(page.get_by_role("region", name="Events")).to_have_count(1)
    expect(page.locator("[aria-live=polite]")).to_have_count(1)
    facts = page.evaluate(
        """() => ({
          lang: document.documentElement.lang,
          levels: [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map(({ tagName }) => +tagName[1]),
          twice: [...document.querySelectorAll("[id]")].map(({ id }) => id)
            .filter((id, at, all) => all.indexOf(id) !== at),
          nameless: [...document.querySelectorAll("button, a, select, input, summary")]
            .filter((element) => element.checkVisibility())
            .filter((element) => !(element.getAttribute("aria-label") ?? element.textContent).trim() &&
              !element.labels?.length).map((element) => element.outerHTML),
        })"""
    )
    assert facts["lang"] == "en"
    assert facts["levels"][:4] == [1, 2, 2, 3]
    assert facts["levels"].count(1) == 1
    assert all(lower - upper <= 1 for upper, lower in pairwise(facts["levels"]))
    assert (facts["twice"], facts["nameless"]) == ([], [])


@pytest.mark.usefixtures("everything")
def test_event_accessible_text(tab: OpenTab) -> None:
    page = tab().open()

    tree = page.locator('.event[data-key="4"]').aria_snapshot()

    assert "CREATE Version failed: NotStabilized in stack shop 12 ms 2 calls 1 refused" in tree
    assert "- list:" in tree
    assert "- code: CreateModelPackage" in tree
    calls = page.locator('.event[data-key="4"]').get_by_role("listitem")
    expect(calls).to_have_text(
        [re.compile(r"CreateModelPackage\s+AccessDenied\s+1\.0 ms"), re.compile(r"ListTags\s+no answer yet")]
    )


def test_filter_accessible_names(tab: OpenTab) -> None:
    page = tab().open()

    tree = page.get_by_role("search", name="Filter the events").aria_snapshot()

    for line in (
        '- group "Which events":',
        '- radio "All" [checked]',
        '- radio "Failed"',
        '- combobox "In":',
        '- searchbox "Find"',
    ):
        assert line in tree, tree
