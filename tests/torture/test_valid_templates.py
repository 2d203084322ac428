"""Any valid template: read returns what was set; an update makes the whole new state or writes nothing."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import TypeVar

import hypothesis
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sandbox.cloudformation.validation import model_problems as problems
from sandbox.cloudformation.validation import template_problems as problems_of_strings
from sandbox.shared.java_patterns import matches
from sandbox.shared.settings import schema

from .deployer import Deployer, Way, ways
from .oracle import (
    CREATE_ONLY,
    SERVICES_OWN,
    Outcome,
    as_read,
    contains,
    differences,
    outcome,
    shown,
    unsaid,
    unset,
)
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
    ROOM,
    SOURCE,
    SPECIFICATION,
    TAGS,
    TO_ADD,
    Drawing,
    Path,
    Template,
    as_strings,
    changes,
    drawable,
    examples,
    fitted,
    nodes,
    rule_at,
    templates,
)
from .world import GROUPS, Figures, Json, World

T = TypeVar("T")

TITLE = "valid templates"
KINDS = pytest.mark.parametrize("versioned", [True, False], ids=["version", "unversioned"])
# A pattern that has one length, below the limit.
ONLY_LENGTHS = {r"^[Ss][Hh][Aa]256:[0-9a-fA-F]{64}$": 71}
# From this length on a message may have no room for one more reason.
FULL = 900
PATHS: set[Path] = set()
"""What has been in the templates that were created."""


@pytest.fixture(scope="module")
def tally(figures: Figures) -> Iterator[Counter[str]]:
    """Counts what the tests of this file do."""
    counted: Counter[str] = Counter()
    yield counted
    figures[TITLE] = {
        "models": counted["models"],
        "property paths": f"{len(PATHS)} of {len(drawable())}",
        "updates in place": counted["in place"],
        "without a change": counted["unchanged"],
        "not updatable": counted["NotUpdatable"],
        "invalid": counted["InvalidRequest"],
        "invocations": counted["invocations"],
    }


def created(deployer: Deployer, template: Template) -> Json:
    """Create a package and check what read says of it; return it as SageMaker holds it."""
    deployer.tally["models"] += 1
    PATHS.update(path for path, _ in nodes(template.properties))
    run = deployer.create(template)
    assert run.status == "SUCCESS", run.message
    (package,) = deployer.world.packages
    first, second = (deployer.read(package["ModelPackageArn"]) for _ in range(2))
    assert first.model == second.model == run.model == as_read(package)
    assert unset(first.model, template) == []
    assert first.model.keys() - shown(template).keys() <= SERVICES_OWN
    return package


def updated(deployer: Deployer, arn: str, previous: Template, desired: Template) -> Outcome:
    """Update a package and check that it is wholly new or wholly as it was; return what had to come of it."""
    before = deployer.world.held(arn)
    assert before is not None
    expected = outcome(before, previous, desired, replaceable=deployer.way.replaceable)
    run = deployer.update(arn, desired, previous)
    written = deployer.written()
    (package,) = deployer.world.packages
    assert run.code == expected.code, (run.message, expected.at_fault)
    deployer.tally[expected.code or ("in place" if written else "unchanged")] += 1
    assert written == expected.calls
    if expected.code:
        named = {name for name in expected.at_fault if name in run.message}
        assert named == expected.at_fault or (named and len(run.message) > FULL), run.message
        assert package == before
    else:
        assert differences(expected.package, package) == []
        assert run.model == as_read(package) == deployer.read(arn).model
        assert unsaid(run.model, desired) == []
    return expected


def patched(model: Json, old: Template, new: Template) -> tuple[Template, Template]:
    """What Cloud Control makes of a change: the model it has read, and the same with the change in it."""
    found = {
        name: value for name, value in model.items() if name not in old.properties or name in new.properties
    }
    for name, value in new.properties.items():
        if old.properties.get(name) != value:
            found[name] = value
    return Template(model, old.stack_tags), Template(found, new.stack_tags)


@KINDS
def test_what_is_drawn_fits_the_schema(long: bool, seed: int, versioned: bool) -> None:
    @hypothesis.seed(seed)
    @examples(300 if long else 30)
    @given(data=st.data(), template=templates(versioned=versioned))
    def check(data: st.DataObject, template: Template) -> None:
        for each in (template, data.draw(changes(template))):
            assert problems(schema(), each.properties) == []
            # As CloudFormation's engine sees it.
            assert problems_of_strings(schema(), as_strings(each.properties, itertools.repeat(True))) == []

    check()


def values(strategy: st.SearchStrategy[T], number: int, seed: int) -> list[T]:
    """What a strategy gives in so many examples, the simplest one first."""
    found: list[T] = []

    @hypothesis.seed(seed)
    @examples(number)
    @given(strategy)
    def draw(value: T) -> None:
        found.append(value)

    draw()
    return found


@st.composite
def texts(draw: st.DrawFn, rule: Json) -> str:
    """Text that fits a rule."""
    return Drawing(draw, ROOM).text(rule)


def test_text_is_drawn_at_both_ends_of_its_limits(long: bool, seed: int) -> None:
    rules = {
        (rule["pattern"], rule.get("minLength", 0), rule["maxLength"]): rule
        for rule in map(rule_at, drawable())
        if "pattern" in rule and "maxLength" in rule
    }
    for (pattern, least, most), rule in itertools.islice(rules.items(), None, None, 1 if long else 5):
        drawn = values(texts(rule), 60, seed)
        lengths = {len(text) for text in drawn}
        assert all(matches(pattern, text) for text in drawn)
        assert least <= min(lengths)
        assert max(lengths) == ONLY_LENGTHS.get(pattern, most)
        assert least in lengths or not matches(pattern, "a" * least)


@KINDS
def test_a_package_reads_as_its_template(
    torn: World, long: bool, seed: int, tally: Counter[str], versioned: bool
) -> None:
    @hypothesis.seed(seed)
    @examples(300 if long else 20)
    @given(template=templates(versioned=versioned), way=ways)
    def check(template: Template, way: Way) -> None:
        created(Deployer(torn, way, tally), template)

    check()


def changed(deployer: Deployer, template: Template, desired: Template, *, cloud_control: bool) -> None:
    """Create a package, change it, repeat that, and roll it back."""
    arn = created(deployer, template)["ModelPackageArn"]
    previous = template
    if cloud_control:
        previous, desired = patched(deployer.read(arn).model, template, desired)
    if not updated(deployer, arn, previous, desired).code:
        now = deployer.world.packages
        for earlier in (previous, desired):
            again = deployer.update(arn, desired, earlier)
            assert (again.code, deployer.written(), deployer.world.packages) == (None, (), now)
        updated(deployer, arn, desired, previous)


@KINDS
def test_an_update_is_whole_or_nothing(
    torn: World, long: bool, seed: int, tally: Counter[str], versioned: bool
) -> None:
    @hypothesis.seed(seed)
    @examples(300 if long else 20)
    @given(data=st.data(), template=templates(versioned=versioned), way=ways, cloud_control=st.booleans())
    def check(data: st.DataObject, template: Template, way: Way, cloud_control: bool) -> None:
        desired = data.draw(changes(template))
        changed(Deployer(torn, way, tally), template, desired, cloud_control=cloud_control)

    check()


def specified(*names: str) -> list[Json]:
    """Additional specifications with these names."""
    return [{"Name": name, "Containers": [{"Image": "image:1"}]} for name in names]


VERSION = {GROUP: GROUPS[0]}
CONTAINER = {SPECIFICATION: {"Containers": [{"Image": "image:1", ENVIRONMENT: {"A": "own"}}]}}
CARD_OF = {
    "Draft": {CONTENT: "{}", CARD_STATUS: "Draft"},
    "Archived": {CONTENT: "{}", CARD_STATUS: "Archived"},
}
NAMED = {
    NAME: "churn-named",
    SPECIFICATION: {"Containers": [{}], **{name: ["ml.m5.large"] for name in INSTANCE_LISTS}},
}
CHANGES: dict[str, tuple[Json, Json, str]] = {
    "a specification with its environment": (
        VERSION,
        VERSION | CONTAINER | {ENVIRONMENT: {"B": "1"}},
        "NotUpdatable",
    ),
    "an environment": (
        VERSION | CONTAINER | {ENVIRONMENT: {"A": "1", "B": "1", "C": "1"}},
        VERSION | CONTAINER | {ENVIRONMENT: {"A": "2", "B": "2"}},
        "NotUpdatable",
    ),
    "an environment that no container heeds": (
        VERSION | CONTAINER | {ENVIRONMENT: {"A": "1"}},
        VERSION | CONTAINER | {ENVIRONMENT: {"A": "2"}},
        "unchanged",
    ),
    "an environment and a card": (
        VERSION | CONTAINER | {ENVIRONMENT: {"B": "1"}, CARD: CARD_OF["Draft"]},
        VERSION | CONTAINER | {ENVIRONMENT: {"B": "2"}, CARD: {CONTENT: "[]"}},
        "NotUpdatable",
    ),
    "a card's content once it is archived": (
        VERSION | {CARD: CARD_OF["Archived"]},
        VERSION | {CARD: {CONTENT: "[]", CARD_STATUS: "Archived"}},
        "NotUpdatable",
    ),
    "a card from the archive": (
        VERSION | {CARD: CARD_OF["Archived"]},
        VERSION | {CARD: {CONTENT: "[]", CARD_STATUS: "Draft"}},
        "in place",
    ),
    "a card into the archive": (
        VERSION | {CARD: CARD_OF["Draft"]},
        VERSION | {CARD: {CONTENT: "[]", CARD_STATUS: "Archived"}},
        "in place",
    ),
    "more specifications than fit": (
        VERSION | {ADDITIONAL: specified(*"abcdefghij"), TO_ADD: specified(*"klmno")},
        VERSION | {ADDITIONAL: specified(*"abcdefghij"), TO_ADD: specified("p")},
        "InvalidRequest",
    ),
    "a specification that is to be added instead": (
        VERSION | {ADDITIONAL: specified("a", "b")},
        VERSION | {ADDITIONAL: specified("a"), TO_ADD: specified("b"), DEFINITION: specified("c")[0]},
        "in place",
    ),
    "a specification less": (
        VERSION | {ADDITIONAL: specified("a", "b")},
        VERSION | {ADDITIONAL: specified("a")},
        "NotUpdatable",
    ),
    "another specification of that name": (
        VERSION | {ADDITIONAL: specified("a")},
        VERSION | {ADDITIONAL: [{**specified("a")[0], "Description": "b"}]},
        "NotUpdatable",
    ),
    "a description of the stage less": (
        VERSION | {CYCLE: {"Stage": "a", "StageStatus": "b", "StageDescription": "c"}},
        VERSION | {CYCLE: {"Stage": "a", "StageStatus": "b"}},
        "in place",
    ),
    "an empty source beside a specification": (
        VERSION | CONTAINER | {SOURCE: ""},
        VERSION | CONTAINER | {SOURCE: "", TAGS: []},
        "unchanged",
    ),
    "a source beside a specification": (
        VERSION | CONTAINER,
        VERSION | CONTAINER | {SOURCE: "s3://b"},
        "in place",
    ),
    "as much metadata as there can be": (
        VERSION | {METADATA: {f"a{number}": "1" for number in range(50)}},
        VERSION | {METADATA: {f"b{number}": "1" for number in range(50)}},
        "in place",
    ),
    "as many tags as there can be": (
        NAMED | {TAGS: [{"Key": f"a{number}", "Value": "1"} for number in range(50)]},
        NAMED | {TAGS: [{"Key": f"b{number}", "Value": ""} for number in range(50)]},
        "in place",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_is_seldom_drawn(torn: World, long: bool, tally: Counter[str], name: str) -> None:
    before, after, comes_to = CHANGES[name]
    for replaceable, cloud_control in [(False, False), (True, False), (False, True), (True, True)][
        : 4 if long else 1
    ]:
        counted: Counter[str] = Counter()
        deployer = Deployer(torn, Way(replaceable=replaceable), counted)
        changed(deployer, Template(before, {}), Template(after, {}), cloud_control=cloud_control)
        assert replaceable or cloud_control or counted[comes_to] > 0
        tally.update(counted)


def first_with(path: Path, seed: int) -> Template | None:
    """The simplest template with something at a path, if there can be one."""
    for versioned in (True, False):
        (found,) = values(templates(versioned=versioned, focus=path), 1, seed)
        if path in {where for where, _ in nodes(found.properties)}:
            return found
    return None


@st.composite
def replacements(draw: st.DrawFn, name: str) -> tuple[Template, Template]:
    """Two templates that differ in one property, which only a new package can have."""
    drawing = Drawing(draw, ROOM, (name,))
    old, new = (drawing.value((name,)) for _ in range(2))
    if contains(old, new, (name,)):
        old = None  # as a property that has one value only is first set
    assume(not contains(old, new, (name,)))
    before = VERSION if old is None else {**VERSION, name: old}
    return fitted(before, {}), fitted({**VERSION, name: new}, {})


@pytest.mark.parametrize("name", sorted(CREATE_ONLY))
def test_a_change_that_only_a_new_package_can_have(
    torn: World, long: bool, seed: int, tally: Counter[str], name: str
) -> None:
    for before, after in values(replacements(name), 20 if long else 2, seed):
        deployer = Deployer(torn, Way(), tally)
        arn = created(deployer, before)["ModelPackageArn"]
        assert updated(deployer, arn, before, after).at_fault == {name}


def test_every_property_of_the_schema_can_be_set(
    torn: World, long: bool, seed: int, tally: Counter[str]
) -> None:
    for path in drawable()[:: 1 if long else 20]:
        template = first_with(path, seed)
        assert template is not None, path
        created(Deployer(torn, Way(), tally), template)
