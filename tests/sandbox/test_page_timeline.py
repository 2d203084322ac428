"""`timeline`: the lanes, bars, marks and texts of a package's history."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from sandbox.page import timeline as module
from sandbox.page.timeline import MIN_GAP, SIZES, timeline
from tests.page.states import change, creation, item

Json = dict[str, Any]

HOUR, DAY = 3600, 86_400


def approval(value: str, previous: str = "PendingManualApproval") -> Json:
    return item("approval", previous=previous, value=value)


def picture(view: Json, size: str = "wide") -> Json:
    """The drawing of a size."""
    (drawn,) = [each for each in view["pictures"] if each["key"] == size]
    return Json(drawn)


def lane(view: Json, key: str, size: str = "wide") -> Json:
    """A lane of a drawing."""
    (found,) = [each for each in picture(view, size)["lanes"] if each["key"] == key]
    return Json(found)


def bars(view: Json, key: str, size: str = "wide") -> list[tuple[str, str]]:
    """Text and tone of each bar of a lane."""
    return [(each["title"], each["tone"]) for each in lane(view, key, size)["bars"]]


def history() -> list[Json]:
    """Changes by a stack, a client, and SageMaker itself, from milliseconds to days apart."""
    return [
        creation(
            item("stage", "set", value="Development"),
            item("cardStatus", "set", value="Draft"),
            item("cardContent", "set"),
            item("metadata", "set", keys=("owner", "team")),
        ),
        change(0.04, item("approvalDescription", "set")),
        change(2 * HOUR, approval("Approved"), by="client"),
        change(2 * DAY, item("stage", previous="Development", value="Production"), by="handler"),
        change(2 * DAY, item("stageStatus", "set", value="Approved"), by="handler"),
        change(9 * DAY, item("cardStatus", previous="Draft", value="Archived"), by="unknown"),
    ]


def test_timeline_of_nothing_is_empty() -> None:
    view = timeline([])
    assert (view["empty"], view["pictures"], view["entries"], view["summary"]) == (True, [], [], "")


def test_timeline_has_a_lane_of_bars_for_each_state() -> None:
    view = timeline(history())
    assert [each["name"] for each in picture(view)["lanes"]] == [
        "Status",
        "Approval",
        "Stage",
        "Model card",
        "Metadata and tags",
    ]
    assert bars(view, "status") == [("Completed", "ok")]
    assert bars(view, "approval") == [("PendingManualApproval", "wait"), ("Approved", "ok")]
    stages = [("Development", "plain"), ("Production", "plain"), ("Production, Approved", "plain")]
    assert bars(view, "stage") == stages  # the last two of one millisecond, beside each other
    assert bars(view, "card") == [("Draft", "plain"), ("Archived", "past")]
    assert bars(view, "labels") == []


@pytest.mark.parametrize("size", SIZES)
def test_timeline_distances_keep_the_order_and_grow_with_time(size: str) -> None:
    view = timeline(history())
    ticks = [each["x"] for each in picture(view, size)["ticks"]]
    created, described, approved, staged, finished, archived, now = ticks
    gaps = [later - earlier for earlier, later in pairwise(ticks)]
    assert all(gap >= MIN_GAP - 0.2 for gap in gaps)
    assert described - created < approved - described < staged - approved < archived - finished
    assert [each["x"] for each in lane(view, "stage", size)["marks"]] == [created, staged, finished]
    assert now <= picture(view, size)["width"] == SIZES[size]
    marks = [each["x"] for each in lane(view, "approval", size)["marks"]]
    assert marks == [created, described, approved]
    first, second = lane(view, "approval", size)["bars"]
    assert (first["x"], second["x"]) == (created, approved)
    assert second["x"] + second["width"] == pytest.approx(now, abs=0.2)


def test_timeline_labels_offsets_from_the_first_change() -> None:
    texts = [each["text"] for each in picture(timeline(history()))["ticks"]]
    assert texts[0] == "created"
    assert texts[2:] == ["+2 h", "+2 d", "", "+9 d", "now"]
    later = timeline([change(0, approval("Approved")), change(90, approval("Rejected", "Approved"))], older=2)
    assert [each["text"] for each in picture(later)["ticks"]] == ["0", "+1 min 30 s", "now"]
    assert later["notListed"] == "2 older changes not shown."


def test_timeline_bar_has_its_text_beside_marks_and_only_what_has_room() -> None:
    view = timeline(
        [creation(), change(1, item("approvalDescription", "set")), change(2, approval("Approved"))]
    )
    pending, approved = lane(view, "approval", "narrow")["bars"]
    marks = [each["x"] for each in lane(view, "approval", "narrow")["marks"]]
    assert (pending["title"], approved["text"]) == ("PendingManualApproval", "Approved")
    assert pending["text"] == "" or pending["text"].endswith("…")
    for bar in (pending, approved):
        if bar["text"]:
            end = bar["textX"] + len(bar["text"]) * module.CHARACTER_WIDTH
            assert not [x for x in marks if bar["textX"] - 6 < x < end]


def test_timeline_marks_have_shape_and_text_of_what_made_the_change() -> None:
    view = timeline(history())
    assert [each["shape"] for each in lane(view, "approval")["marks"]] == ["circle", "circle", "diamond"]
    assert [each["shape"] for each in lane(view, "stage")["marks"]] == ["circle", "diamond", "diamond"]
    assert lane(view, "card")["marks"][1]["shape"] == "triangle"
    assert lane(view, "approval")["marks"][2]["title"] == (
        "+2 h: Approval: Approved, was PendingManualApproval, by another client"
    )
    assert {each["shape"]: each["text"] for each in view["legend"]} == {
        "circle": "by the stack shop",
        "diamond": "outside the stack",
        "triangle": "not known",
    }
    assert view["summary"] == (
        "6 changes in 9 d: 2 by the stack shop, 3 outside the stack, 1 of unknown origin."
    )


def test_timeline_of_packages_without_stack_or_with_several() -> None:
    outside = timeline([change(0, approval("Approved"), by="client")])
    assert outside["summary"] == "1 change: 1 by other clients."
    assert [each["text"] for each in outside["legend"]] == ["by another client"]
    event = {"id": "7", "operation": None, "action": "UPDATE", "stack": "till", "logicalId": "Other"}
    both = timeline([creation(), change(1, approval("Approved"), event=event)])
    assert both["summary"] == "2 changes in 1 s: 2 by stacks."
    assert [each["text"] for each in both["legend"]] == ["by a stack"]
    assert both["entries"][0]["by"] == "by the stack till (UPDATE of Other)"
    assert both["entries"][0]["operationAddress"] == "/operations/7"


def test_timeline_of_one_change_lasts_until_now() -> None:
    view = timeline([creation()])
    (bar,) = lane(view, "approval")["bars"]
    assert bar["x"] + bar["width"] == SIZES["wide"] - module.EDGE == picture(view)["ticks"][-1]["x"]
    assert not picture(view)["isSpread"]


def test_timeline_entries_say_everything_newest_first() -> None:
    pending = item("status", previous="InProgress", value="Completed")
    describe = change(3, pending, by="service", call="DescribeModelPackage", event=None)
    removed = change(
        4,
        item("stage", "removed", previous="Production"),
        item("tags", "changed", keys=("a", "b")),
        item("cardContent"),
    )
    view = timeline([creation(), describe, removed])
    newest, second, first = view["entries"]
    assert newest["texts"] == [
        "Stage removed, was Production",
        "Tags: a, b changed",
        "Model card content changed",
    ]
    assert (newest["offset"], newest["time"]) == ("+4 s", "2023-11-14T22:13:24.000Z")
    assert (newest["by"], newest["call"]) == ("by the stack shop (UPDATE of Version)", "UpdateModelPackage")
    assert newest["operationAddress"] == "/operations/token"
    assert second["by"] == "by SageMaker, first described to a client"
    assert (second["shape"], second["operationAddress"]) == ("square", "")
    assert first["texts"] == ["Status: Completed", "Approval: PendingManualApproval"]
    assert (first["offset"], first["call"]) == ("created", "CreateModelPackage")


def test_timeline_of_deleted_package_ends_there() -> None:
    deleted = item("status", previous="Completed", value="deleted")
    view = timeline([creation(), change(60, deleted, call="DeleteModelPackage")])
    end = picture(view)["ticks"][-1]
    assert end["text"] == "+1 min"
    for key in ("status", "approval"):
        (bar,) = lane(view, key)["bars"]
        assert bar["x"] + bar["width"] == pytest.approx(end["x"], abs=0.2)
    again = timeline([creation(), change(60, deleted), change(90, *creation()["items"])])
    assert bars(again, "approval") == [("PendingManualApproval", "wait")] * 2  # with a gap between them


def test_timeline_of_many_changes_stays_readable() -> None:
    values = ["Approved", "Rejected"]
    many = [change(number / 1000, approval(values[number % 2])) for number in range(500)]
    view = timeline(many)
    narrow = picture(view, "narrow")
    marks = [each["x"] for each in lane(view, "approval", "narrow")["marks"]]
    assert len(marks) == module.MAX_MOMENTS
    assert min(later - earlier for earlier, later in pairwise(marks)) >= MIN_GAP - 0.2
    assert narrow["scrolls"]
    assert narrow["width"] > marks[-1]
    assert view["notDrawn"] == "420 older changes in the list only."
    assert len(view["entries"]) == 500
    assert len({each["key"] for each in view["entries"]}) == 500
    shown = [each for each in narrow["ticks"] if each["text"]]
    assert all(later["x"] - earlier["x"] > 30 for earlier, later in pairwise(shown))
    first = lane(view, "approval", "narrow")["bars"][0]
    assert first["title"] == values[420 % 2]
    before = change(-1, item("stage", "set", value="Production"))
    assert bars(timeline([before, *many]), "stage") == [("Production", "plain")]  # set before what is drawn


def test_timeline_has_the_offsets_of_the_list_where_older_changes_are_not_drawn() -> None:
    many = [change(number, item("cardContent")) for number in range(module.MAX_MOMENTS + 20)]
    view = timeline(many)
    marks = lane(view, "card")["marks"]
    assert [each["title"].partition(":")[0] for each in reversed(marks)] == [
        each["offset"] for each in view["entries"][: module.MAX_MOMENTS]
    ]
    assert picture(view)["ticks"][0]["text"] == "+20 s"


def test_timeline_without_the_oldest_changes_draws_what_the_package_was_before() -> None:
    live = {"status": "Completed", "approval": "Rejected", "stage": "Production", "stageStatus": None}
    view = timeline(
        [change(0, item("tags", keys=("a",))), change(60, approval("Rejected", "Approved"))], 7, live
    )
    assert bars(view, "status") == [("Completed", "ok")]
    assert bars(view, "approval") == [("Approved", "ok"), ("Rejected", "bad")]
    assert bars(view, "stage") == [("Production", "plain")]


def test_timeline_draws_calls_of_different_lanes_at_one_time_above_each_other() -> None:
    view = timeline([creation(), change(9, approval("Approved")), change(9, item("tags", keys=("a",)))])
    (labels,), marks = lane(view, "labels")["marks"], lane(view, "approval")["marks"]
    assert labels["x"] == marks[-1]["x"]
