"""Valid templates: read returns what was set; an update makes the whole desired state or writes nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sandbox.cloudformation.validation import model_problems as problems
from sandbox.cloudformation.validation import template_problems as problems_of_strings
from sandbox.shared.java_patterns import matches
from sandbox.shared.settings import schema

from .deployer import Delivery, Deployer, deliveries
from .oracle import (
    CREATE_ONLY,
    SERVICES_OWN,
    Outcome,
    as_read,
    chosen,
    contains,
    differences,
    expected_model,
    missing_after_create,
    missing_after_update,
    outcomes,
)
from .paths import Path, nodes, rule_at
from .templates import (
    ADDITIONAL,
    CARD,
    CARD_STATUS,
    CONTENT,
    CYCLE,
    DEFINITION,
    ENVIRONMENT,
    GROUP,
    INSTANCE_LISTS,
    METADATA,
    NAME,
    SOURCE,
    SPECIFICATION,
    TAGS,
    TO_ADD,
    Drawing,
    Template,
    as_strings,
    changes,
    drawable,
    fitted,
    tag_list,
    templates,
)
from .world import GROUPS, Figures, Json, World

T = TypeVar("T")
Examples = Callable[..., Callable[[Any], Any]]

each_kind = pytest.mark.parametrize("versioned", [True, False], ids=["version", "unversioned"])
# A pattern that has one length, below the limit.
ONLY_LENGTHS = {r"^[Ss][Hh][Aa]256:[0-9a-fA-F]{64}$": 71}
# From this length on a message may have no room for one more reason.
FULL_MESSAGE_CHARACTERS = 900
PATHS: set[Path] = set()
"""All paths of the templates of which packages were created."""


# How an update ends, by the code of the failure.
ENDS = {"NotUpdatable": "not updatable", "InvalidRequest": "invalid"}


@pytest.fixture
def counts(figures: Figures) -> Json:
    return figures["valid templates"]


def paths_of(template: Template) -> set[Path]:
    return {node.path for node in nodes(template.properties)}


def check_create(deployer: Deployer, template: Template) -> Json:
    """Create a package and check what read returns of it; return it as SageMaker stores it."""
    deployer.counts["models"] += 1
    PATHS.update(paths_of(template))
    deployer.counts["property paths"] = f"{len(PATHS)} of {len(drawable())}"
    run = deployer.create(template)
    assert run.status == "SUCCESS", run.message
    (package,) = deployer.world.packages
    first, second = (deployer.read(package["ModelPackageArn"]) for _ in range(2))
    assert first.model == second.model == run.model == as_read(package)
    assert missing_after_create(first.model, template) == []
    assert first.model.keys() - expected_model(template).keys() <= SERVICES_OWN
    return package


def check_update(deployer: Deployer, arn: str, previous: Template, desired: Template) -> Outcome:
    """Update a package, check that it is wholly as desired or wholly as before; return what was expected."""
    before = deployer.world.stored(arn)
    assert before is not None
    possible = outcomes(before, previous, desired, replaceable=deployer.delivery.replaceable)
    run = deployer.update(arn, desired, previous)
    written = deployer.written()
    expected = chosen(possible, run.code, written)
    (package,) = deployer.world.packages
    assert run.code == expected.code, (run.message, expected.at_fault)
    deployer.counts[ENDS.get(expected.code or "", "updates in place" if written else "without a change")] += 1
    assert written == expected.calls
    named = {name for name in expected.at_fault if name in run.message}
    full = len(run.message) > FULL_MESSAGE_CHARACTERS
    assert named == expected.at_fault or (named and full), run.message
    if expected.code:
        assert package == before
    else:
        may_name = any(name in run.message for name in expected.may_name)
        assert expected.at_fault or may_name or not run.message, run.message
        assert differences(expected.package, package) == []
        assert run.model == as_read(package) == deployer.read(arn).model
        assert missing_after_update(run.model, desired) == []
    return expected


def check_change(deployer: Deployer, template: Template, desired: Template, *, cloud_control: bool) -> None:
    """Create a package, change it, repeat that, and change it back."""
    arn = check_create(deployer, template)["ModelPackageArn"]
    previous = template
    if cloud_control:
        previous, desired = patched(deployer.read(arn).model, template, desired)
    if not check_update(deployer, arn, previous, desired).code:
        packages = deployer.world.packages
        for before in (previous, desired):
            again = deployer.update(arn, desired, before)
            assert (again.code, deployer.written(), deployer.world.packages) == (None, (), packages)
        if cloud_control:
            # It has no rollback: the way back is a patch of what read returns.
            desired = Template(deployer.read(arn).model, desired.stack_tags)
        check_update(deployer, arn, desired, previous)


def patched(model: Json, previous: Template, desired: Template) -> tuple[Template, Template]:
    """Cloud Control's states of a change: the model it has read, and the same with the change in it."""
    old, new = previous.properties, desired.properties
    kept = {name: value for name, value in model.items() if name not in old or name in new}
    changed = {name: value for name, value in new.items() if old.get(name) != value}
    return Template(model, previous.stack_tags), Template(kept | changed, desired.stack_tags)


# --- what is drawn ----------------------------------------------------------------------------------


@each_kind
def test_drawn_templates_fit_the_schema(examples: Examples, versioned: bool) -> None:
    @examples(30, 300)
    @given(data=st.data(), template=templates(versioned=versioned))
    def check(data: st.DataObject, template: Template) -> None:
        for each in (template, data.draw(changes(template))):
            assert problems(schema(), each.properties) == []
            # As CloudFormation's engine receives it.
            assert problems_of_strings(schema(), as_strings(each.properties, itertools.repeat(True))) == []

    check()


def values(strategy: st.SearchStrategy[T], number: int, examples: Examples) -> list[T]:
    """The values of a strategy in so many examples, the simplest one first."""
    drawn: list[T] = []

    @examples(number, number)
    @given(strategy)
    def draw(value: T) -> None:
        drawn.append(value)

    draw()
    return drawn


@st.composite
def texts(draw: st.DrawFn, rule: Json) -> str:
    return Drawing(draw).text(rule)


def test_text_is_drawn_at_both_ends_of_its_limits(long: bool, examples: Examples) -> None:
    rules = {
        (rule["pattern"], rule.get("minLength", 0), rule["maxLength"]): rule
        for rule in map(rule_at, drawable())
        if "pattern" in rule and "maxLength" in rule
    }
    for (pattern, least, most), rule in itertools.islice(rules.items(), None, None, 1 if long else 5):
        drawn = values(texts(rule), 60, examples)
        lengths = {len(text) for text in drawn}
        assert all(matches(pattern, text) for text in drawn)
        assert least <= min(lengths)
        assert max(lengths) == ONLY_LENGTHS.get(pattern, most)
        assert least in lengths or not matches(pattern, "a" * least)


# --- drawn templates --------------------------------------------------------------------------------


@each_kind
def test_read_returns_the_template(
    session_world: World, examples: Examples, counts: Json, versioned: bool
) -> None:
    @examples(20, 300)
    @given(template=templates(versioned=versioned), delivery=deliveries)
    def check(template: Template, delivery: Delivery) -> None:
        check_create(Deployer(session_world, delivery, counts), template)

    check()


@each_kind
def test_update_is_whole_or_nothing(
    session_world: World, examples: Examples, counts: Json, versioned: bool
) -> None:
    @examples(20, 300)
    @given(st.data(), templates(versioned=versioned), deliveries, st.booleans())
    def check(data: st.DataObject, template: Template, delivery: Delivery, cloud_control: bool) -> None:
        desired = data.draw(changes(template))
        deployer = Deployer(session_world, delivery, counts)
        check_change(deployer, template, desired, cloud_control=cloud_control)

    check()


def first_with(path: Path, examples: Examples) -> Template | None:
    """The simplest template with something at a path, if there can be one."""
    for versioned in (True, False):
        (template,) = values(templates(versioned=versioned, focus=path), 1, examples)
        if path in paths_of(template):
            return template
    return None


def test_every_property_of_the_schema_can_be_set(
    session_world: World, long: bool, examples: Examples, counts: Json
) -> None:
    for path in drawable()[:: 1 if long else 20]:
        template = first_with(path, examples)
        assert template is not None, path
        check_create(Deployer(session_world, Delivery(), counts), template)


# --- changes that are seldom drawn ------------------------------------------------------------------


def specified(*names: str) -> list[Json]:
    return [{"Name": name, "Containers": [{"Image": "image:1"}]} for name in names]


def card(content: str, status: str) -> Json:
    return {CARD: {CONTENT: content, CARD_STATUS: status}}


VERSION = {GROUP: GROUPS[0]}
CONTAINER = {SPECIFICATION: {"Containers": [{"Image": "image:1", ENVIRONMENT: {"A": "own"}}]}}
NAMED = {
    NAME: "churn-named",
    SPECIFICATION: {"Containers": [{}], **{name: ["ml.m5.large"] for name in INSTANCE_LISTS}},
}
TEN, STAGE = specified(*"abcdefghij"), {"Stage": "a", "StageStatus": "b"}
# Properties before and after, of a version if there is no name, and what the update comes to.
CHANGES: dict[str, tuple[Json, Json, str]] = {
    "a specification with its environment": ({}, CONTAINER | {ENVIRONMENT: {"B": "1"}}, "not updatable"),
    "an environment": (
        CONTAINER | {ENVIRONMENT: {"A": "1", "B": "1", "C": "1"}},
        CONTAINER | {ENVIRONMENT: {"A": "2", "B": "2"}},
        "not updatable",
    ),
    "an environment that no container uses": (
        CONTAINER | {ENVIRONMENT: {"A": "1"}},
        CONTAINER | {ENVIRONMENT: {"A": "2"}},
        "without a change",
    ),
    "an environment and a card": (
        CONTAINER | {ENVIRONMENT: {"B": "1"}} | card("{}", "Draft"),
        CONTAINER | {ENVIRONMENT: {"B": "2"}, CARD: {CONTENT: "[]"}},
        "not updatable",
    ),
    "a card's content once it is archived": (card("{}", "Archived"), card("[]", "Archived"), "not updatable"),
    "a card from the archive": (card("{}", "Archived"), card("[]", "Draft"), "updates in place"),
    "a card into the archive": (card("{}", "Draft"), card("[]", "Archived"), "updates in place"),
    "more specifications than fit": (
        {ADDITIONAL: TEN, TO_ADD: specified(*"klmno")},
        {ADDITIONAL: TEN, TO_ADD: specified("p")},
        "invalid",
    ),
    "a specification that is to be added instead": (
        {ADDITIONAL: specified("a", "b")},
        {ADDITIONAL: specified("a"), TO_ADD: specified("b"), DEFINITION: specified("c")[0]},
        "updates in place",
    ),
    "a specification less": (
        {ADDITIONAL: specified("a", "b")},
        {ADDITIONAL: specified("a")},
        "without a change",  # what SageMaker cannot unset stays
    ),
    "another specification of that name": (
        {ADDITIONAL: specified("a")},
        {ADDITIONAL: [{**specified("a")[0], "Description": "b"}]},
        "not updatable",
    ),
    "a description of the stage less": (
        {CYCLE: {**STAGE, "StageDescription": "c"}},
        {CYCLE: STAGE},
        "updates in place",
    ),
    "an empty source beside a specification": (
        CONTAINER | {SOURCE: ""},
        CONTAINER | {SOURCE: "", TAGS: []},
        "without a change",
    ),
    "a source beside a specification": (CONTAINER, CONTAINER | {SOURCE: "s3://b"}, "updates in place"),
    "as much metadata as there can be": (
        {METADATA: {f"a{number}": "1" for number in range(50)}},
        {METADATA: {f"b{number}": "1" for number in range(50)}},
        "updates in place",
    ),
    "as many tags as there can be": (
        NAMED | {TAGS: tag_list({f"a{number}": "1" for number in range(50)})},
        NAMED | {TAGS: tag_list({f"b{number}": "" for number in range(50)})},
        "updates in place",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_seldom_drawn_change(session_world: World, long: bool, counts: Json, name: str) -> None:
    previous, desired, comes_to = CHANGES[name]
    if NAME not in previous:
        previous, desired = VERSION | previous, VERSION | desired
    cases = [(False, False), (True, False), (False, True), (True, True)]
    for replaceable, cloud_control in cases[: 4 if long else 1]:
        before = counts[comes_to]
        deployer = Deployer(session_world, Delivery(replaceable=replaceable), counts)
        check_change(deployer, Template(previous, {}), Template(desired, {}), cloud_control=cloud_control)
        assert replaceable or cloud_control or counts[comes_to] > before


@st.composite
def replacements(draw: st.DrawFn, name: str) -> tuple[Template, Template]:
    """Two templates that differ in one property, which only a new package can have."""
    drawing = Drawing(draw, focus=(name,))
    old, new = (drawing.value((name,)) for _ in range(2))
    if contains(old, new, (name,)):
        old = None  # as a property that has one value only is first set
    assume(not contains(old, new, (name,)))  # for which an empty one is the same as none
    previous = VERSION if old is None else {**VERSION, name: old}
    return fitted(previous, {}), fitted({**VERSION, name: new}, {})


@pytest.mark.parametrize("name", sorted(CREATE_ONLY))
def test_change_of_a_create_only_property_is_not_updatable(
    session_world: World, long: bool, examples: Examples, counts: Json, name: str
) -> None:
    for previous, desired in values(replacements(name), 20 if long else 2, examples):
        deployer = Deployer(session_world, Delivery(), counts)
        arn = check_create(deployer, previous)["ModelPackageArn"]
        assert check_update(deployer, arn, previous, desired).at_fault == {name}
