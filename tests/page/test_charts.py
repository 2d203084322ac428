"""The timeline of a package and the waterfall of an operation, in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import OpenTab
from tests.page.states import ARN, MOMENT, Source, StoredDetails, call, change, creation, event, item
from tests.page.test_details import pages
from tests.page.test_reading import NO_BREAK

__all__ = ["pages"]  # a fixture

PACKAGE, OPERATION = "/packages/churn/1", "/operations/token"

# Of the drawing that is visible: texts that leave it or overlap another, and contrasts of texts.
DRAWING = """() => {
  const [svg, ...others] = [...document.querySelectorAll(".chart .picture svg")]
    .filter((each) => each.checkVisibility());
  const frame = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")].map((text) => [text, text.getBoundingClientRect()]);
  const outside = texts.filter(([, box]) => box.left < frame.left - 1 || box.right > frame.right + 1);
  const overlaps = texts.flatMap(([one, a], at) => texts.slice(at + 1).filter(([, b]) =>
    a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 4 && b.top < a.bottom - 4)
    .map(([other]) => `${one.textContent} | ${other.textContent}`));
  const parse = (color) => color.startsWith("color")
    ? color.match(/[\\d.]+/g).map((each) => each * 255)
    : color.match(/[\\d.]+/g).map(Number);
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [light, dark] = [luminance(parse(one)), luminance(parse(other))].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const card = getComputedStyle(svg.closest(".card")).backgroundColor;
  const fill = (element) => getComputedStyle(element).fill;
  const below = (text) => text.closest(".timeline [data-tone]")?.querySelector(".bar");
  const pale = texts.filter(([text]) => ratio(fill(text), below(text) ? fill(below(text)) : card) < 4.5);
  const faint = [...svg.querySelectorAll(".waterfall [data-kind=poll] .bar")]
    .filter((bar) => ratio(fill(bar), card) < 3);
  return {
    size: svg.parentElement.dataset.size,
    pageOverflow: document.scrollingElement.scrollWidth - innerWidth,
    others: others.length,
    texts: texts.length,
    outside: outside.map(([text]) => text.textContent),
    overlaps,
    pale: pale.map(([text]) => text.textContent),
    faint: faint.length,
    shapes: [...new Set([...svg.querySelectorAll(".mark")].map((mark) => mark.dataset.shape))].sort(),
  };
}"""


@pytest.fixture
def history(source: Source, details: StoredDetails) -> StoredDetails:
    """A package with changes of every kind, and an operation of several polls, of which one was throttled."""
    approved = item("approval", previous="PendingManualApproval", value="Approved")
    stage = item("stage", "set", value="Production")
    of_another = {**creation()["event"], "stack": f"a{NO_BREAK * 2}"}
    details.changed[f"{ARN}/churn/1"] = [
        creation(item("cardStatus", "set", value="Draft"), item("metadata", "set", keys=("owner", "team"))),
        change(0.02, item("approvalDescription", "set")),
        change(0.05, item("status", previous="Completed", value="InProgress"), by="service"),
        change(1.5, item("status", previous="InProgress", value="Completed"), by="service"),
        change(7200, approved, by="client"),
        change(7260, stage, item("stageStatus", "set", value="PendingApproval"), by="unknown"),
        change(200_000, item("cardStatus", previous="Draft", value="Archived"), event=of_another),
    ]
    waiting = {"status": "IN_PROGRESS", "callbackDelaySeconds": 60}
    refused = call("CreateModelPackage", error="ThrottlingException")
    again = call("CreateModelPackage", received=MOMENT + 0.04)
    last = call("DescribeModelPackage", received=MOMENT + 60.2)
    source.state["events"] = [
        event(id="1", durationMs=80.0, calls=[refused, again], **waiting),
        event(id="2", callback=True, started=MOMENT + 60.1, durationMs=40.0, calls=[last]),
    ]
    return details


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "size"), [(390, "narrow"), (800, "medium"), (1280, "wide")])
@pytest.mark.usefixtures("history")
def test_charts_are_readable_at_every_width(pages: OpenTab, scheme: str, width: int, size: str) -> None:
    opened = pages(width=width, color_scheme=scheme)
    shapes = {PACKAGE: ["circle", "diamond", "square", "triangle"], OPERATION: ["refused", "retry"]}
    for path, expected in shapes.items():
        drawing = opened.open(path).evaluate(DRAWING)
        assert drawing.pop("texts") > 8
        assert drawing == {
            "size": size,
            "pageOverflow": 0,
            "others": 0,
            "outside": [],
            "overlaps": [],
            "pale": [],
            "faint": 0,
            "shapes": expected,
        }


def image(page: Page) -> str:
    """The text of the only image that a screen reader meets."""
    only = page.get_by_role("img")
    expect(only).to_have_count(1)  # once the style sheets are there
    return str(only.aria_snapshot())


@pytest.mark.usefixtures("history")
def test_charts_lead_from_a_change_to_its_operation(pages: OpenTab) -> None:
    page = pages().open(PACKAGE)
    assert image(page).startswith('- img "Timeline of the package"')
    changes = page.get_by_role("list", name="The changes, newest first").get_by_role("listitem")
    expect(changes).to_have_count(7)
    expect(changes.nth(2)).to_contain_text("Approval: Approved, was PendingManualApproval")
    expect(changes.nth(2)).to_contain_text("by another client, with UpdateModelPackage")
    expect(changes.last).to_contain_text("Metadata: owner, team set")

    changes.last.get_by_role("link").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("CREATE Version")
    assert image(page).startswith('- img "Waterfall of the operation"')
    page.get_by_text("The same as a table").click()
    rows = page.get_by_role("table").get_by_role("row")
    expect(rows).to_have_count(1 + 2 + 3 + 1)
    expect(rows.nth(2)).to_contain_text("refused: ThrottlingException")
    expect(rows.nth(4)).to_contain_text("pause")
    expect(page.locator(".status")).to_have_text("succeeded")


def test_charts_follow_changes(pages: OpenTab, history: StoredDetails, source: Source) -> None:
    page = pages().open(PACKAGE)
    page.evaluate("window.stillTheSamePage = true")
    rejected = item("approval", previous="Approved", value="Rejected")
    history.changed[f"{ARN}/churn/1"].append(change(200_060, rejected, by="client"))
    expect(page.get_by_role("listitem").filter(has_text="Approval: Rejected, was Approved")).to_be_visible()
    assert "Rejected" in image(page)

    history.described = []
    expect(page.locator(".status")).to_have_text("deleted")
    expect(page.get_by_role("heading", level=1)).to_have_text("churn/1")
    assert page.evaluate("window.stillTheSamePage")

    page = pages().open(OPERATION)
    poll = event(id="3", callback=True, started=MOMENT + 120, running=True, status=None, durationMs=None)
    source.state["events"].append({**poll, "calls": []})
    expect(page.locator(".picture[data-size=wide] .row-name", has_text="poll 3")).to_be_visible()
    assert "running" in image(page)
