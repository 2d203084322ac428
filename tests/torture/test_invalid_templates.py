"""Invalid templates: InvalidRequest that names the property's path, before anything is called or made."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from . import violations
from .fuzz import deliver
from .violations import (
    DEEP_LIST,
    DEEP_OBJECT,
    HUGE,
    READ_ONLY,
    REFUSED_TOGETHER,
    SECRET,
    SERVICE_OWNED,
    UNVERSIONED,
    VERSION,
    Oddity,
    Violation,
)
from .world import (
    ACCOUNT,
    DOORS,
    GROUPS,
    LONGEST_MESSAGE,
    REGION,
    TYPE,
    Figures,
    Json,
    World,
    check_event,
    package,
)

STATUS = "ModelPackageStatus"
READING = frozenset({"DescribeModelPackage", "ListModelPackages", "ListTags"})
# Seconds of real time in which a template is refused, whatever a pattern thinks of it.
LONGEST = 5.0
# Lines of a report; what fails by the thousand fails for few reasons.
MOST_LINES = 60


# --- the templates ----------------------------------------------------------------------------------


def test_the_templates_have_every_property_there_is() -> None:
    assert sorted(violations.nodes()) == sorted(violations.places())


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("template", [VERSION, UNVERSIONED], ids=["version", "unversioned"])
def test_without_a_fault_they_are_packages(world: World, template: Json, door: str) -> None:
    run = world.run(world.event("CREATE", template), door=door)
    assert (run.status, run.message) == ("SUCCESS", "")
    assert [each["ModelPackageArn"] for each in world.packages] == [run.arn]


def test_what_the_schema_allows_and_sagemaker_refuses_is_refused_before_any_call(world: World) -> None:
    run = world.create(REFUSED_TOGETHER)
    assert world.proxy.calls == []
    assert run.code == "InvalidRequest"
    path = "InferenceSpecification.Containers[1].AdditionalS3DataSource"
    assert f"{path} is not allowed in InferenceSpecification" in run.message


def test_every_pattern_is_broken_but_for_those_that_match_everything() -> None:
    assert violations.patterns_that_match_everything() == {r"^[\S\s]*$", r"^[\S\s]+$"}


def test_the_quick_cut_has_every_place_and_every_kind_of_fault() -> None:
    every = violations.violations()
    chosen = violations.quick(every)
    assert {each.kind for each in chosen} == {each.kind for each in every}
    assert {each.place for each in chosen} == {each.place for each in every}
    assert {each.place for each in every} >= set(violations.places())


# --- each fault by itself ---------------------------------------------------------------------------


@pytest.mark.parametrize("door", DOORS)
def test_a_fault_creates_nothing(world: World, long: bool, figures: Figures, door: str) -> None:
    tried = _tried(long)
    told = Counter[str]()
    complaints = []
    for violation in tried:
        event = world.event("CREATE", violation.properties())
        complaint = "; ".join(_wrong(world, violation, event, door, told))
        if world.packages:
            told["packages"] += len(world.packages)
            world.reset()
        if complaint:
            complaints.append(f"{violation}: {complaint}")
    _note(figures, told)
    _nothing(complaints, len(tried))


@pytest.mark.parametrize("door", DOORS)
def test_a_fault_changes_nothing(world: World, long: bool, figures: Figures, door: str) -> None:
    """The value is wrong, so it is InvalidRequest; never NotUpdatable, which would replace the package."""
    tried = _tried(long)
    told = Counter[str]()
    arns = {
        "ModelPackageGroupName": world.create(VERSION).arn,
        "ModelPackageName": world.create(UNVERSIONED).arn,
    }
    before = _packages(world)
    complaints = []
    for violation in tried:
        known = {"ModelPackageArn": next(arn for name, arn in arns.items() if name in violation.template)}
        desired = {**violation.properties(), **known}
        event = world.event("UPDATE", desired, {**violation.template, **known})
        complaint = "; ".join(_wrong(world, violation, event, door, told))
        if complaint:
            complaints.append(f"{violation}: {complaint}")
    _note(figures, told)
    _nothing(complaints, len(tried))
    assert _packages(world) == before


def _tried(long: bool) -> tuple[Violation, ...]:
    every = violations.violations()
    return every if long else violations.quick(every)


def _packages(world: World) -> str:
    return json.dumps(world.packages, sort_keys=True)


def _wrong(world: World, violation: Violation, event: Json, door: str, told: Counter[str]) -> Iterator[str]:
    """Send the event; what is wrong with the answer and with what was done, and count it."""
    world.proxy.clear()
    began = time.monotonic()
    given, printed = deliver(world, event, door)
    took = time.monotonic() - began
    answer = json.loads(json.dumps(given))
    calls = [call.operation for call in world.proxy.calls]
    message = str(answer.get("message"))
    told["tried"] += 1
    told["calls"] += len(calls)
    if answer.get("errorCode") == "InvalidRequest":
        told["refused"] += 1
    else:
        yield f"{answer.get('errorCode') or answer.get('status')}: {message[:200]}"
        return
    if not message.startswith(f"{event['action']} {TYPE} "):
        yield f"the message begins {message[:80]!r}"
    if not any(_names(message, path, cut=violation.cut) for path in violation.named):
        yield f"{' or '.join(violation.named)} is not named in {message[:300]!r}"
    if violation.suggests and not re.search(rf"\b{violation.suggests}\b", message):
        yield f"{violation.suggests} is not suggested in {message[:300]!r}"
    if SECRET in message:
        yield f"a value that must not be shown is, in {message[:300]!r}"
    if SECRET in printed:
        yield "a value that must not be shown is printed"
    if len(message) > LONGEST_MESSAGE or "Traceback" in message:
        yield "the message is too long, or a traceback"
    if answer.get("resourceModel"):
        yield "the failure has a model"
    if calls:
        yield f"called: {', '.join(calls)}"
    if took > LONGEST:
        yield f"it took {took:.0f} seconds"
    check_event(answer)


def _names(message: str, path: str, *, cut: bool) -> bool:
    """Whether a message names exactly this path: no longer one, unless it is cut, and no part of another."""
    behind = "" if cut else r"(?![\w\[]|\.\w)"
    return re.search(rf"(?<![\w.\]]){re.escape(path)}{behind}", message) is not None


def _note(figures: Figures, told: Counter[str]) -> None:
    counts = figures.setdefault("invalid templates", {})
    for name, what in (
        ("tried", "violations tried"),
        ("refused", "refused"),
        ("calls", "calls made"),
        ("packages", "packages made"),
    ):
        counts[what] = int(counts.get(what, 0)) + told[name]


def _nothing(complaints: list[str], tried: int) -> None:
    """Fail with all complaints together, or as many as anybody reads."""
    shown = complaints[:MOST_LINES]
    more = f"\nand {len(complaints) - len(shown)} more" if len(complaints) > len(shown) else ""
    if complaints:
        pytest.fail(f"{len(complaints)} of {tried}:\n" + "\n".join(shown) + more, pytrace=False)


# --- what looks like a fault and is none ------------------------------------------------------------


@pytest.mark.parametrize("door", DOORS)
def test_what_looks_odd_and_is_allowed_is_created(
    world: World, long: bool, figures: Figures, door: str
) -> None:
    tried = _odd(long, door)
    complaints = []
    for oddity in tried:
        world.reset()
        answer, _ = deliver(world, world.event("CREATE", oddity.properties()), door)
        made = [each["ModelPackageArn"] for each in world.packages]
        if answer["status"] not in ("SUCCESS", "IN_PROGRESS"):
            complaints.append(f"{oddity}: {answer.get('errorCode')}: {str(answer.get('message'))[:200]}")
        elif made != [answer["resourceModel"]["ModelPackageArn"]]:
            complaints.append(f"{oddity}: made {made}")
    figures.setdefault("invalid templates", {})[f"oddities accepted through {door}"] = len(tried) - len(
        complaints
    )
    _nothing(complaints, len(tried))


def _odd(long: bool, door: str) -> list[Oddity]:
    every = violations.oddities()
    if long:
        return every
    alike: dict[tuple[str, str], list[Oddity]] = {}
    for each in every:
        alike.setdefault((each.why, each.what), []).append(each)
    # Each at one place or another, and through the second door at another one.
    return [each[(number + DOORS.index(door)) % len(each)] for number, each in enumerate(alike.values())]


@pytest.mark.parametrize("door", DOORS)
def test_what_is_ignored_changes_nothing(world: World, long: bool, door: str) -> None:
    template = package()
    known = {"ModelPackageArn": world.create(template).arn}
    before = _packages(world)
    every = [each for each in violations.oddities() if each.place in (*SERVICE_OWNED, "CreationTime", STATUS)]
    tried = every if long else every[DOORS.index(door) :: 5]
    complaints = []
    for oddity in tried:
        desired = {**template, **known}
        oddity.edit(desired)
        world.proxy.clear()
        answer, _ = deliver(world, world.event("UPDATE", desired, {**template, **known}), door)
        called = {call.operation for call in world.proxy.calls}
        if answer["status"] != "SUCCESS" or not called <= READING:
            complaints.append(f"{oddity}: {answer.get('message')} after {', '.join(sorted(called))}")
    assert _packages(world) == before
    _nothing(complaints, len(tried))


# --- the top, identifiers, the filter of a list -----------------------------------------------------

TOPS: tuple[Any, ...] = ([], [{}], "x", 5, True, ["x"], DEEP_LIST)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("action", ["CREATE", "UPDATE"])
def test_properties_that_are_no_object_are_refused(world: World, action: str, door: str) -> None:
    world.proxy.clear()
    for top in TOPS:
        answer, _ = deliver(world, world.event(action, top), door)
        assert answer["errorCode"] == "InvalidRequest"
        assert answer["message"].startswith(f"{action} {TYPE} ")
        assert "must be an object" in answer["message"]
        check_event(answer)
    assert world.proxy.calls == []


ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/scorer"
NO_ARNS: tuple[Any, ...] = ("", "scorer", "churn/1", "model-package/scorer", f" {ARN}", 5, True, "x" * HUGE)
NO_STRINGS: tuple[Any, ...] = (None, {}, [], [ARN], {"Ref": "Model"}, DEEP_OBJECT, DEEP_LIST)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("action", ["READ", "DELETE", "UPDATE"])
def test_an_identifier_that_is_no_arn_is_of_no_package(world: World, action: str, door: str) -> None:
    world.create(UNVERSIONED)
    before = _packages(world)
    world.proxy.clear()
    codes = {"NotFound": NO_ARNS, "InvalidRequest": NO_STRINGS}
    for code, identifiers in codes.items():
        for identifier in identifiers:
            answer, _ = deliver(world, world.event(action, {"ModelPackageArn": identifier}), door)
            assert answer["errorCode"] == code
            assert answer["message"].startswith(f"{action} {TYPE} ")
            assert (code == "NotFound") or _names(answer["message"], "ModelPackageArn", cut=False)
            check_event(answer)
    assert world.proxy.calls == []
    assert _packages(world) == before


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("action", ["READ", "DELETE", "UPDATE"])
@pytest.mark.parametrize(
    "identifier",
    [
        pytest.param("arn:", id="the beginning of an ARN"),
        pytest.param("arn:aws:s3:::bucket", id="of a bucket"),
        pytest.param(ARN.replace("model-package/", "model-package-group/"), id="of a group"),
        pytest.param(ARN.replace(REGION, "eu-west-1"), id="of another region"),
        pytest.param(f"{ARN}\n", id="with a new line"),
        pytest.param(f"{ARN} x", id="with a space"),
        pytest.param(ARN + "x" * HUGE, id="long"),
    ],
)
def test_an_arn_of_something_else_does_no_harm(world: World, action: str, identifier: str, door: str) -> None:
    world.create(UNVERSIONED)
    before = _packages(world)
    world.proxy.clear()
    event = world.event(action, {"ModelPackageArn": identifier})
    answer = world.send(event, door=door)
    assert answer["errorCode"] in ("InvalidRequest", "NotFound")
    assert answer["message"].startswith(f"{action} {TYPE} arn:")
    assert {call.operation for call in world.proxy.calls} <= READING
    assert _packages(world) == before


GROUP = "ModelPackageGroupName"
NO_GROUPS: tuple[Any, ...] = (
    *(None, {}, [], ["churn"], DEEP_OBJECT, DEEP_LIST),
    *("", "-churn", "churn-", "ch urn", "churn\n", "a" * 64, "a/b", "x" * HUGE, f"arn:aws:s3:::{GROUPS[0]}"),
)


@pytest.mark.parametrize("door", DOORS)
def test_a_list_with_an_invalid_filter_is_refused(world: World, door: str) -> None:
    world.create(VERSION)
    world.proxy.clear()
    complaints = []
    for group in NO_GROUPS:
        answer, _ = deliver(world, world.event("LIST", {GROUP: group}), door)
        message = str(answer.get("message"))
        if answer.get("errorCode") != "InvalidRequest" or not _names(message, GROUP, cut=False):
            complaints.append(f"{violations.shown(group)}: {answer['status']} {message[:200]}")
        elif not message.startswith(f"LIST {TYPE} ") or len(message) > LONGEST_MESSAGE:
            complaints.append(f"{violations.shown(group)}: worded {message[:200]}")
    _nothing(complaints, len(NO_GROUPS))
    assert {call.operation for call in world.proxy.calls} <= READING


def test_the_exceptions_are_the_schemas() -> None:
    """Who adds a property that the service owns has to say here whether it is checked."""
    read_only = {pointer.rsplit("/", 1)[1] for pointer in violations.SCHEMA["readOnlyProperties"]}
    assert set(READ_ONLY) == read_only
    deprecated = {pointer.rsplit("/", 1)[1] for pointer in violations.SCHEMA["deprecatedProperties"]}
    assert set(SERVICE_OWNED) == deprecated - {"AdditionalInferenceSpecificationDefinition", "Environment"}
