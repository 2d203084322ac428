"""Sequences of what stacks and other clients do to several packages, against a model of what must hold.

`Sequences` is a Hypothesis state machine: its rules deploy templates, change packages without a stack, read
and list; after each step SageMaker has to store exactly the packages of the model. `mutations` makes every
single mutation of every member of every property.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import Phase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from .deployer import Delivery, Deployer, deliveries
from .mutations import Cell, Matrix, mutated_paths, quick
from .oracle import as_read, chosen, differences, missing_after_create, outcomes
from .paths import paths_below
from .rich import BASES, MATRIX
from .templates import (
    APPROVAL,
    GROUP,
    MAX_METADATA,
    MAX_TAGS,
    METADATA,
    NAME,
    STATUS,
    TAGS,
    Template,
    changes,
    fitted,
    group_arn,
    group_name,
    stack_tags,
    tag_list,
    templates,
)
from .verdicts import IGNORED, TABLE
from .world import GROUPS, PAGE_PACKAGES, Figures, Json, Run, World, package

# In a template: fewer than elsewhere, because a sequence has many templates.
MAX_VALUES = 25
MAX_LIVE_PACKAGES = 4
# More packages than one page of a list has.
CROWD = 105
KEYS = st.sampled_from(("a", "k0", "outside"))
"""Keys of metadata and tags that other clients use, and templates use some of them as well."""
STATUSES = ("Approved", "Rejected")
VALUES = st.sampled_from(("a", "1", None))


@dataclass(eq=False)
class Owned:
    """A package of a stack, and the last thing that its stack did."""

    template: Template
    package: Json
    """As SageMaker has to store it."""
    update: tuple[Json, Template, Template] | None = None
    """The last event if it was an update, and its previous and desired template."""
    gone: bool = False
    leaving: bool = False
    """Whether SageMaker still answers the next Describe that it is being deleted."""

    @property
    def arn(self) -> str:
        return str(self.package["ModelPackageArn"])

    def __repr__(self) -> str:
        return self.arn


def _owned(share_of_gone: int) -> st.SearchStrategy[Owned]:
    """One of a machine's packages; seldom one that is gone, if at all."""

    def of(machine: Any) -> st.SearchStrategy[Owned]:
        gone = [each for each in machine.owned if each.gone]
        return st.sampled_from([*machine.living() * 3, *gone * share_of_gone])

    return st.runner().flatmap(of)


ANY, LIVING = _owned(1), _owned(0)
has_room = precondition(lambda self: len(self.living()) < MAX_LIVE_PACKAGES)
has_several = precondition(lambda self: len(self.living()) > 1)
has_any = precondition(lambda self: len(self.owned) > 0)
has_living = precondition(lambda self: len(self.living()) > 0)


class Sequences(RuleBasedStateMachine):
    """Stacks with a package each, and clients that change packages without a stack."""

    world: World
    counts: Json

    def __init__(self) -> None:
        super().__init__()
        self.owned: list[Owned] = []

    @initialize(delivery=deliveries, crowded=st.booleans())
    def begin(self, delivery: Delivery, crowded: bool) -> None:
        """Start with nothing, or with many packages that are in no stack."""
        self.deployer = Deployer(self.world, delivery, self.counts)
        create = self.world.client.create_model_package
        self.crowd = {
            create(ModelPackageGroupName=GROUPS[0])["ModelPackageArn"] for _ in range(CROWD if crowded else 0)
        }
        self.counts["runs"] += 1

    # --- by a stack ---

    @has_room
    @rule(template=templates(versioned=True, max_values=MAX_VALUES), answer_lost=st.booleans())
    def create_version(self, template: Template, answer_lost: bool) -> None:
        self.create(template, answer_lost)

    @has_room
    @rule(template=templates(versioned=False, max_values=MAX_VALUES), answer_lost=st.booleans())
    def create_unversioned(self, template: Template, answer_lost: bool) -> None:
        self.create(template, answer_lost)

    def create(self, template: Template, answer_lost: bool) -> None:
        """Create a package, one more than before, also if the event comes again."""
        given = {name: value for name, value in template.properties.items() if name != "ClientToken"}
        if NAME in given:
            given[NAME] = f"{given[NAME][:50]}-{len(self.owned)}"
        template = Template(given, template.stack_tags)
        run = self.deployer.create(template)
        assert run.status == "SUCCESS", run.message
        arn = str(run.arn)
        assert arn not in self.crowd | {each.arn for each in self.owned}
        package = self.stored(arn)
        assert run.model == as_read(package)
        assert missing_after_create(run.model, template) == []
        self.owned.append(Owned(template, package))
        self.counts["packages"] += 1
        if answer_lost:
            again = self.deployer.repeat(self.deployer.event)
            assert (again.model, self.deployer.written()) == (run.model, ("CreateModelPackage",))

    @has_any
    @rule(owned=ANY, data=st.data())
    def update(self, owned: Owned, data: st.DataObject) -> None:
        self.deploy(owned, data.draw(changes(owned.template, max_values=MAX_VALUES)))

    @has_living
    @rule(owned=LIVING, key=KEYS, value=VALUES)
    def amend(self, owned: Owned, key: str, value: str | None) -> None:
        """Deploy the template with a key that other clients use, in the metadata and the tags."""
        given = owned.template.properties
        metadata = {name: each for name, each in {**given.get(METADATA, {}), key: value}.items() if each}
        tags = [each for each in given.get(TAGS, ()) if each["Key"] != key]
        if value and not owned.template.versioned:
            tags.append({"Key": key, "Value": value})
        if len(metadata) <= MAX_METADATA:
            self.deploy(owned, fitted({**given, METADATA: metadata, TAGS: tags}, owned.template.stack_tags))

    @has_living
    @rule(owned=LIVING, status=st.sampled_from((*STATUSES, None)))
    def decide(self, owned: Owned, status: str | None) -> None:
        """Deploy the template with another status, or with none."""
        given = {**owned.template.properties, STATUS: status}
        kept = {name: value for name, value in given.items() if value is not None}
        self.deploy(owned, fitted(kept, owned.template.stack_tags))

    @has_living
    @rule(owned=LIVING, tags=stack_tags)
    def tag_stack(self, owned: Owned, tags: Mapping[str, str]) -> None:
        """Deploy the same template in a stack with other tags."""
        self.deploy(owned, fitted(owned.template.properties, tags))

    @has_several
    @rule(owned=ANY)
    def delete(self, owned: Owned) -> None:
        run = self.deployer.delete(owned.arn, owned.template)
        assert (run.code, run.model) == ("NotFound" if owned.gone and not owned.leaving else None, {})
        assert self.deployer.written() == (() if owned.gone else ("DeleteModelPackage",))
        assert self.world.stored(owned.arn) is None
        owned.update, owned.gone, owned.leaving = None, True, False

    @has_any
    @rule(owned=ANY)
    def repeat(self, owned: Owned) -> None:
        """Repeat the last update, whatever other clients have done since, or the delete."""
        if owned.update:
            event, previous, desired = owned.update
            self.deploy(owned, desired, previous, event)
        elif owned.gone:
            self.delete(owned)

    def deploy(
        self, owned: Owned, desired: Template, previous: Template | None = None, event: Json | None = None
    ) -> None:
        """Update a package, which ends as a whole or changes nothing."""
        previous = previous or owned.template
        replaceable = self.deployer.delivery.replaceable
        possible = outcomes(owned.package, previous, desired, replaceable=replaceable)
        for each in possible:
            if len(each.package.get(METADATA, ())) > MAX_METADATA or len(each.package[TAGS]) > MAX_TAGS:
                return  # there is no room beside what other clients have added
        deployer = self.deployer
        run = deployer.repeat(event) if event else deployer.update(owned.arn, desired, previous)
        owned.update = (deployer.event, previous, desired)
        written = self.deployer.written()
        expected = chosen(possible, run.code, written)
        assert written == (() if owned.gone else expected.calls)
        if expected.code and not owned.gone:
            assert run.code == expected.code, run.message
            return
        if not owned.gone:
            owned.template = desired
            self.change_model(owned, expected.package)
        self.check_run(owned, run)

    @has_living
    @rule(owned=LIVING)
    def reuse_name(self, owned: Owned) -> None:
        """Create another package with a name that is in use."""
        if not owned.template.versioned:
            run = self.deployer.create(Template(package(ModelPackageName=owned.package[NAME]), {}))
            assert (run.code, run.model) == ("AlreadyExists", {})

    # --- by other clients ---

    @has_living
    @rule(owned=LIVING, status=st.sampled_from(STATUSES), why=st.sampled_from(("", "seen")))
    def approve(self, owned: Owned, status: str, why: str) -> None:
        change = {STATUS: status, APPROVAL: why}
        self.change(owned, change, change)

    @has_living
    @rule(owned=LIVING, key=KEYS, value=VALUES)
    def note(self, owned: Owned, key: str, value: str | None) -> None:
        before = owned.package.get(METADATA, {})
        after = {name: each for name, each in {**before, key: value}.items() if each is not None}
        if len(after) <= MAX_METADATA:
            call = {f"{METADATA}ToRemove": [key]} if value is None else {METADATA: {key: value}}
            self.change(owned, call, {METADATA: after or None})

    def change(self, owned: Owned, call: Json, change: Json) -> None:
        self.world.client.update_model_package(ModelPackageArn=owned.arn, **call)
        after = {**owned.package, **change}
        self.change_model(owned, {name: value for name, value in after.items() if value is not None})

    @has_living
    @rule(owned=LIVING, key=KEYS, value=VALUES)
    def tag(self, owned: Owned, key: str, value: str | None) -> None:
        tags = {each["Key"]: each["Value"] for each in owned.package[TAGS] if each["Key"] != key}
        if owned.template.versioned or len(tags) == MAX_TAGS:
            return
        if value is None:
            self.world.client.delete_tags(ResourceArn=owned.arn, TagKeys=[key])
        else:
            tags[key] = value
            self.world.client.add_tags(ResourceArn=owned.arn, Tags=tag_list({key: value}))
        self.change_model(owned, {**owned.package, TAGS: tag_list(tags)})

    @has_several
    @rule(owned=LIVING)
    def remove(self, owned: Owned) -> None:
        self.world.client.delete_model_package(ModelPackageName=owned.arn)
        owned.gone = True
        owned.leaving = self.world.stored(owned.arn) is not None

    # --- reading ---

    @has_any
    @rule(owned=ANY)
    def read(self, owned: Owned) -> None:
        self.check_run(owned, self.deployer.read(owned.arn))

    @rule(group=st.sampled_from((None, GROUPS[0], group_arn(GROUPS[1]))))
    def list_pages(self, group: str | None) -> None:
        filters = {GROUP: group} if group else {}
        pages = list(self.world.pages(lambda event: self.deployer.repeat(event).last, **filters))
        assert all(len(page) <= PAGE_PACKAGES for page in pages)
        living = self.living()
        if group:
            living = [each for each in living if each.package.get(GROUP) == group_name(group)]
        expected = {each.arn for each in living} | (self.crowd if group != group_arn(GROUPS[1]) else set())
        assert sorted(arn for page in pages for arn in page) == sorted(expected)

    @invariant()
    def packages_are_those_of_the_model(self) -> None:
        """No package is lost, none is doubled, and each is as the model has it."""
        self.counts["steps"] += 1
        stored = {
            each["ModelPackageArn"]: each
            for each in self.world.packages
            if each["ModelPackageStatus"] != "Deleting" and each["ModelPackageArn"] not in self.crowd
        }
        living = {each.arn: each.package for each in self.living()}
        self.counts["lost"] += len(living.keys() - stored.keys())
        self.counts["doubled"] += len(stored.keys() - living.keys())
        assert stored == living

    # --- the model ---

    def living(self) -> list[Owned]:
        return [each for each in self.owned if not each.gone]

    def stored(self, arn: str) -> Json:
        package = self.world.stored(arn)
        assert package is not None
        return package

    def change_model(self, owned: Owned, expected: Json) -> None:
        """Check that a package is as expected, and put what the service adds by itself into the model."""
        package = self.stored(owned.arn)
        assert differences(expected, package) == []
        owned.package = package

    def check_run(self, owned: Owned, run: Run) -> None:
        """Check that an operation returns the package of the model, or NotFound."""
        assert run.code == ("NotFound" if owned.gone else None)
        assert run.model == ({} if owned.gone else as_read(owned.package))
        owned.leaving = False


def machine_in(world: World, counts: Json) -> type[Sequences]:
    return type("Machine", (Sequences,), {"world": world, "counts": counts})


KINDS = {
    "version": Template({GROUP: GROUPS[0]}, {"team": "risk"}),
    "unversioned": Template(package(ModelPackageName="model"), {"team": "risk"}),
}
# Rules, each with its arguments beside the package.
SEQUENCES: dict[str, tuple[tuple[Any, ...], ...]] = {
    "an approval is not revoked": (
        *(("decide", "Approved"), ("approve", "Rejected", "seen"), ("decide", None), ("repeat",), ("read",)),
    ),
    "an approval is taken back": (
        *(("decide", "Approved"), ("approve", "Approved", ""), ("decide", None), ("repeat",), ("read",)),
    ),
    "a template sets what other clients have set": (
        *(("note", "a", "1"), ("tag", "a", "1"), ("amend", "a", "1"), ("amend", "a", None), ("read",)),
    ),
    "other clients set what a template has set": (
        *(("amend", "a", "1"), ("note", "a", "a"), ("tag", "a", "a"), ("repeat",), ("amend", "a", None)),
    ),
    "what other clients have added stays": (
        *(("note", "outside", "1"), ("tag", "outside", "1"), ("amend", "a", "1"), ("amend", "a", None)),
        *(("tag_stack", {"cost": "1"}), ("tag_stack", {}), ("decide", "Approved"), ("read",)),
    ),
    "other clients have deleted it, read": (
        *(("amend", "a", "1"), ("remove",), ("list_pages",), ("read",), ("delete",)),
    ),
    "other clients have deleted it, update": (
        *(("amend", "a", "1"), ("remove",), ("repeat",), ("amend", "a", "a")),
    ),
    "other clients have deleted it, delete": (("remove",), ("delete",), ("repeat",), ("list_pages",)),
    "its name is in use": (("reuse_name",), ("delete",), ("repeat",), ("list_pages",)),
}


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize("kind", KINDS)
def test_seldom_drawn_sequence(session_world: World, kind: str, name: str) -> None:
    machine = machine_in(session_world, defaultdict(int))()
    machine.begin(Delivery(), crowded=False)
    machine.create(KINDS[kind], answer_lost=True)
    for step, *arguments in SEQUENCES[name]:
        if step == "list_pages":
            machine.list_pages(None)
        else:
            getattr(machine, step)(*machine.owned, *arguments)
        machine.packages_are_those_of_the_model()


def test_drawn_sequences_lose_and_double_nothing(
    session_world: World, examples: Callable[..., Any], long: bool, figures: Figures
) -> None:
    # A failing sequence takes minutes to shrink.
    phases = (Phase.generate, Phase.shrink) if long else (Phase.generate,)
    settings = examples(6, 200, stateful_step_count=40 if long else 25, phases=phases)
    run_state_machine_as_test(settings(machine_in(session_world, figures["sequences"])))


# --- every single mutation ------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def matrix(session_world: World, figures: Figures) -> Matrix:
    return Matrix(session_world, figures["mutations"])


def check_cells(matrix: Matrix, cells: Iterable[Cell], words: list[str]) -> None:
    """Run the cells whose names have these words, and report all that end wrongly."""
    chosen = [each for each in cells if all(word in each.name for word in words)]
    wrong = [f"{each.name}: {problem}" for each in chosen if (problem := matrix.problem(each))]
    if wrong:
        pytest.fail("\n".join([f"{len(wrong)} of {len(chosen)} cells", *wrong]), pytrace=False)


@pytest.mark.parametrize(("base", "name"), MATRIX, ids=lambda each: each)
def test_mutation_ends_in_one_of_three_ways(
    matrix: Matrix, cell_words: list[str], long: bool, base: str, name: str
) -> None:
    cells = matrix.cells(base, name)
    check_cells(matrix, cells if long or cell_words else quick(cells), cell_words)


@pytest.mark.parametrize("base", BASES)
def test_same_template_writes_nothing(matrix: Matrix, cell_words: list[str], base: str) -> None:
    check_cells(matrix, matrix.unchanged(base), cell_words)


def test_mutations_reach_every_path_of_the_schema() -> None:
    settable = {path for path in paths_below() if path[0] not in IGNORED}
    unreached = sorted(map(str, settable - mutated_paths()))
    assert not unreached, f"tests/torture/mutations.py has no mutation of {unreached}"
    differing = sorted(TABLE.keys() ^ {path[0] for path in settable})
    assert not differing, (
        f"{differing}: a property or a rule of TABLE in tests/torture/verdicts.py, but not both; the rule"
        " comes from the specification, not from the code"
    )
