"""Invalid templates: `InvalidRequest` with the property's path, before anything is called or made.

Each violation of `violations.py` is sent as a create and as an update through both entry points; each oddity
has to be accepted.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.shared.settings import ACCOUNT, REGION, TYPE_NAME

from . import violations
from .paths import paths_below
from .violations import (
    DEEP_LIST,
    DEEP_OBJECT,
    HUGE_CHARACTERS,
    REFUSED_TOGETHER,
    SECRET,
    SERVICE_OWNED,
    UNVERSIONED,
    VERSION,
    Oddity,
    Violation,
)
from .world import ENTRY_POINTS, GROUPS, MAX_MESSAGE_CHARACTERS, Figures, Json, World, check_event, package

READS = frozenset({"DescribeModelPackage", "ListModelPackages", "ListTags"})
# Real seconds in which a template is refused, however long a pattern takes to fail.
MAX_SECONDS = 5.0
# Lines of a report; what fails by the thousand fails for few reasons.
MAX_LINES = 60
TITLE = "invalid templates"

each_entry_point = pytest.mark.parametrize("entry_point", ENTRY_POINTS)


def fail_with(problems: list[str], tried: int) -> None:
    if problems:
        more = f"\nand {len(problems) - MAX_LINES} more" if len(problems) > MAX_LINES else ""
        lines = "\n".join(problems[:MAX_LINES])
        pytest.fail(f"{len(problems)} of {tried}:\n{lines}{more}", pytrace=False)


def names(path: str, *, cut: bool = False) -> str:
    """A pattern of messages that name exactly this path: no part of another, nor a longer one unless cut."""
    behind = "" if cut else r"(?![\w\[]|\.\w)"
    return rf"(?<![\w.\]]){re.escape(path)}{behind}"


def snapshot(world: World) -> str:
    return json.dumps(world.packages, sort_keys=True)


def called(world: World) -> set[str]:
    """The operations called since the proxy was cleared."""
    return {call.operation for call in world.proxy.calls}


# --- the templates ----------------------------------------------------------------------------------


def test_templates_have_every_property() -> None:
    assert violations.places().keys() == violations.template_paths() < set(paths_below())


@each_entry_point
@pytest.mark.parametrize("template", [VERSION, UNVERSIONED], ids=["version", "unversioned"])
def test_templates_without_an_edit_create_packages(world: World, template: Json, entry_point: str) -> None:
    run = world.run(world.event("CREATE", template), entry_point)
    assert (run.status, run.message) == ("SUCCESS", "")
    assert [each["ModelPackageArn"] for each in world.packages] == [run.arn]


def test_template_that_only_sagemaker_refuses_is_refused_before_any_call(world: World) -> None:
    run = world.create(REFUSED_TOGETHER)
    assert world.proxy.calls == []
    assert run.code == "InvalidRequest"
    path = "InferenceSpecification.Containers[1].AdditionalS3DataSource"
    assert f"{path} is not allowed in InferenceSpecification" in run.message


def test_violations_break_every_pattern_that_does_not_match_everything() -> None:
    assert violations.patterns_that_match_everything() == {r"^[\S\s]*$", r"^[\S\s]+$"}


def test_quick_violations_have_every_path_and_every_kind() -> None:
    every = violations.violations()
    chosen = violations.quick(every)
    assert {each.what for each in chosen} == {each.what for each in every}
    assert {each.path for each in chosen} == {each.path for each in every} >= violations.template_paths()


# --- violations -------------------------------------------------------------------------------------


@pytest.fixture
def tried(long: bool) -> tuple[Violation, ...]:
    every = violations.violations()
    return every if long else violations.quick(every)


@each_entry_point
def test_violation_creates_nothing(
    world: World, tried: tuple[Violation, ...], figures: Figures, entry_point: str
) -> None:
    problems = []
    for violation in tried:
        event = world.event("CREATE", violation.properties)
        problems += [
            f"{violation}: {each}" for each in _problems(world, violation, event, entry_point, figures)
        ]
        figures[TITLE]["packages made"] += len(world.packages)
        if world.packages:
            world.reset()
    fail_with(problems, len(tried))


@each_entry_point
def test_violation_changes_nothing(
    world: World, tried: tuple[Violation, ...], figures: Figures, entry_point: str
) -> None:
    """The value is wrong, so it is InvalidRequest; never NotUpdatable, which would replace the package."""
    arns = {
        "ModelPackageGroupName": world.create(VERSION).arn,
        "ModelPackageName": world.create(UNVERSIONED).arn,
    }
    before = snapshot(world)
    problems = []
    for violation in tried:
        arn = next(arn for name, arn in arns.items() if name in violation.template)
        event = world.update_event(str(arn), violation.properties, violation.template)
        problems += [
            f"{violation}: {each}" for each in _problems(world, violation, event, entry_point, figures)
        ]
    fail_with(problems, len(tried))
    assert snapshot(world) == before


def test_two_violations_are_told_together(world: World, tried: tuple[Violation, ...]) -> None:
    """As many problems as of each of the two by itself, whatever check each fails."""
    alone: dict[int, int] = {}

    def count(properties: Json) -> tuple[int, str]:
        message = str(world.invoke_captured(world.event("CREATE", properties), ENTRY_POINTS[0])[0]["message"])
        several = re.match(r"\S+ \S+ .*?: (\d+) problems: ", message, re.DOTALL)
        return int(several[1]) if several else 1, message

    problems, pairs = [], [*violations.pairs(tried)]
    for one, other, properties in pairs:
        for each in (one, other):
            alone.setdefault(id(each), count(each.properties)[0])
        counted, message = count(properties)
        if counted != alone[id(one)] + alone[id(other)]:
            problems.append(f"{one} and {other}: {counted} in {message[:300]!r}")
        elif counted == 2:
            problems += [
                f"{each} is not named beside {one}, {other} in {message[:300]!r}"
                for each in (one, other)
                if not any(re.search(names(path, cut=each.cut), message) for path in each.named)
            ]
    assert len(pairs) > len(tried) // 2
    assert world.packages == []
    fail_with(problems, len(pairs))


@each_entry_point
@pytest.mark.parametrize("count", [2, 4, 10, 18, 40])
def test_as_many_faults_are_named_as_fit(world: World, entry_point: str, count: int) -> None:
    """The rest is counted; of short ones there is room for 18 at least."""
    event = world.event("CREATE", {**VERSION, **{f"Bad{number}": 1 for number in range(count)}})
    message = world.invoke_captured(event, entry_point)[0]["message"]
    named = re.findall(r" \(\d+\) (Bad\d+) is not", message)
    assert f" {count} problems: " in message
    assert len(set(named)) == len(named) >= min(count, 18), message
    assert len(named) == count or message.endswith(f" and {count - len(named)} more")
    assert world.packages == []
    assert world.proxy.calls == []


def _problems(
    world: World, violation: Violation, event: Json, entry_point: str, figures: Figures
) -> Iterator[str]:
    """Send the event, count it, and yield what is wrong with the answer."""
    world.proxy.clear()
    began = time.monotonic()
    answer, printed = world.invoke_captured(event, entry_point)
    seconds = time.monotonic() - began
    message = str(answer.get("message"))
    refused = answer.get("errorCode") == "InvalidRequest"
    figures[TITLE]["violations tried"] += 1
    figures[TITLE]["refused"] += refused
    figures[TITLE]["calls made"] += len(world.proxy.calls)
    if not refused:
        yield f"{answer.get('errorCode') or answer.get('status')}: {message[:200]}"
        return
    if not message.startswith(f"{event['action']} {TYPE_NAME} "):
        yield f"the message begins {message[:80]!r}"
    if not any(re.search(names(path, cut=violation.cut), message) for path in violation.named):
        yield f"{' or '.join(violation.named)} is not named in {message[:300]!r}"
    if violation.suggests and not re.search(rf"\b{violation.suggests}\b", message):
        yield f"{violation.suggests} is not suggested in {message[:300]!r}"
    if SECRET in message:
        yield f"a value that must not be shown is in {message[:300]!r}"
    if SECRET in printed:
        yield "a value that must not be shown is printed"
    if len(message) > MAX_MESSAGE_CHARACTERS or "Traceback" in message:
        yield "the message is too long, or a traceback"
    if answer.get("resourceModel"):
        yield "the failure has a model"
    if world.proxy.calls:
        yield f"called: {', '.join(called(world))}"
    if seconds > MAX_SECONDS:
        yield f"it took {seconds:.0f} seconds"
    check_event(answer)


# --- oddities ---------------------------------------------------------------------------------------


@each_entry_point
def test_oddity_is_created(world: World, long: bool, figures: Figures, entry_point: str) -> None:
    chosen = _oddities(long, entry_point)
    problems = []
    for oddity in chosen:
        world.reset()
        answer, _ = world.invoke_captured(world.event("CREATE", oddity.properties), entry_point)
        made = [each["ModelPackageArn"] for each in world.packages]
        if answer["status"] not in ("SUCCESS", "IN_PROGRESS"):
            problems.append(f"{oddity}: {answer.get('errorCode')}: {str(answer.get('message'))[:200]}")
        elif made != [answer["resourceModel"]["ModelPackageArn"]]:
            problems.append(f"{oddity}: made {made}")
    figures[TITLE][f"oddities accepted through {entry_point}"] = len(chosen) - len(problems)
    fail_with(problems, len(chosen))


def _oddities(long: bool, entry_point: str) -> list[Oddity]:
    every = violations.oddities()
    if long:
        return every
    alike: dict[tuple[str, str], list[Oddity]] = {}
    for each in every:
        alike.setdefault((each.why, each.what), []).append(each)
    # Each at some path, and through the second entry point at another one.
    first = ENTRY_POINTS.index(entry_point)
    return [each[(number + first) % len(each)] for number, each in enumerate(alike.values())]


@each_entry_point
def test_ignored_properties_change_nothing(world: World, long: bool, entry_point: str) -> None:
    template = package()
    arn = str(world.create(template).arn)
    before = snapshot(world)
    ignored = {*SERVICE_OWNED, "CreationTime", "ModelPackageStatus"}
    every = [each for each in violations.oddities() if each.path[0] in ignored and len(each.path) == 1]
    chosen = every if long else every[ENTRY_POINTS.index(entry_point) :: 5]
    problems = []
    for oddity in chosen:
        world.proxy.clear()
        name = oddity.path[0]
        event = world.update_event(arn, {**template, name: oddity.properties[name]}, template)
        answer, _ = world.invoke_captured(event, entry_point)
        if answer["status"] != "SUCCESS" or not called(world) <= READS:
            problems.append(f"{oddity}: {answer.get('message')} after {', '.join(sorted(called(world)))}")
    assert snapshot(world) == before
    fail_with(problems, len(chosen))


# --- the top, identifiers, the filter of a list -----------------------------------------------------

ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/scorer"
NO_OBJECTS: tuple[Any, ...] = ([], [{}], "x", 5, True, ["x"], DEEP_LIST)
NO_ARNS = ("", "scorer", "churn/1", "model-package/scorer", f" {ARN}", 5, True, "x" * HUGE_CHARACTERS)
NO_STRINGS: tuple[Any, ...] = (None, {}, [], [ARN], {"Ref": "Model"}, DEEP_OBJECT, DEEP_LIST)
OTHER_ARNS = (
    *("arn:", "arn:aws:s3:::bucket", ARN.replace("model-package/", "model-package-group/"), f"{ARN}\n"),
    *(ARN.replace(REGION, "eu-west-1"), f"{ARN} x", ARN + "x" * HUGE_CHARACTERS),
)
BAD_GROUPS: tuple[Any, ...] = (
    *(None, {}, [], ["churn"], DEEP_OBJECT, DEEP_LIST, "", "-churn", "churn-", "ch urn", "churn\n", "a" * 64),
    *("a/b", "x" * HUGE_CHARACTERS, f"arn:aws:s3:::{GROUPS[0]}"),
)
WITH_ARN = ("READ", "DELETE", "UPDATE")


@dataclass(frozen=True)
class Refused:
    """Properties that are refused: actions, member, its values; codes, pattern of messages, calls."""

    actions: tuple[str, ...]
    member: str | None
    values: tuple[Any, ...]
    codes: tuple[str, ...]
    message: str = ""
    calls: frozenset[str] = frozenset()


REFUSED = {
    "no object": Refused(("CREATE", "UPDATE"), None, NO_OBJECTS, ("InvalidRequest",), "must be an object"),
    "no ARN": Refused(WITH_ARN, "ModelPackageArn", NO_ARNS, ("NotFound",)),
    "an ARN that is no string": Refused(
        WITH_ARN, "ModelPackageArn", NO_STRINGS, ("InvalidRequest",), names("ModelPackageArn")
    ),
    "an ARN of something else": Refused(
        WITH_ARN, "ModelPackageArn", OTHER_ARNS, ("InvalidRequest", "NotFound"), rf"{TYPE_NAME} arn:", READS
    ),
    "a group that is none": Refused(
        ("LIST",),
        "ModelPackageGroupName",
        BAD_GROUPS,
        ("InvalidRequest",),
        names("ModelPackageGroupName"),
        READS,
    ),
}


@each_entry_point
@pytest.mark.parametrize(
    ("case", "action"), [(case, action) for case, refused in REFUSED.items() for action in refused.actions]
)
def test_bad_properties_are_refused(world: World, case: str, action: str, entry_point: str) -> None:
    refused = REFUSED[case]
    world.create(UNVERSIONED)
    before = snapshot(world)
    world.proxy.clear()
    for value in refused.values:
        desired = {refused.member: value} if refused.member else value
        answer, _ = world.invoke_captured(world.event(action, desired), entry_point)
        assert answer["errorCode"] in refused.codes, violations.shown(value)
        assert answer["message"].startswith(f"{action} {TYPE_NAME} ")
        assert re.search(refused.message, answer["message"]), answer["message"]
        check_event(answer)
    assert called(world) <= refused.calls
    assert snapshot(world) == before
