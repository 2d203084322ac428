"""Sequences of what stacks and others do to several packages, against a model of what must hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import hypothesis
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from .deployer import Deployer, Way, ways
from .oracle import as_read, differences, outcome, unset
from .templates import (
    APPROVAL,
    GROUP,
    METADATA,
    MOST_METADATA,
    MOST_TAGS,
    NAME,
    STATUS,
    TAGS,
    Template,
    changes,
    examples,
    fitted,
    group_arn,
    group_name,
    stack_tags,
    templates,
)
from .world import GROUPS, PAGE, Figures, Json, Run, World, package

# Values in a template: fewer than elsewhere, because a sequence has many templates.
ROOM = 25
MOST_AT_ONCE = 4
# More packages than one page of a list holds.
CROWD = 105
OUTSIDE = st.sampled_from(("a", "k0", "outside"))
"""Keys for others to use, some of which templates use as well."""
STATUSES = ("Approved", "Rejected")
VALUES = st.sampled_from(("a", "1", None))


class Owned:
    """A package of a stack, and the last thing that its stack did."""

    def __init__(self, template: Template, package: Json) -> None:
        self.template = template
        self.package = package
        """As SageMaker has to hold it."""
        self.update: tuple[Json, Template, Template] | None = None
        """The last event if it was an update, and what it brought: the template before, and the new one."""
        self.gone = False
        self.leaving = False
        """Whether SageMaker still tells that it is being deleted, to the next who asks."""

    @property
    def arn(self) -> str:
        """Its ARN."""
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
few = precondition(lambda self: len(self.living()) < MOST_AT_ONCE)
several = precondition(lambda self: len(self.living()) > 1)
some = precondition(lambda self: len(self.owned) > 0)
some_living = precondition(lambda self: len(self.living()) > 0)


class Sequences(RuleBasedStateMachine):
    """Stacks with a package each, and somebody who changes packages without a stack."""

    world: World
    tally: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.owned: list[Owned] = []

    @initialize(way=ways, crowded=st.booleans())
    def begin(self, way: Way, crowded: bool) -> None:
        """Start with nothing, or with many packages that are in no stack."""
        self.deployer = Deployer(self.world, way, self.tally)
        create = self.world.client.create_model_package
        self.crowd = {
            create(ModelPackageGroupName=GROUPS[0])["ModelPackageArn"] for _ in range(CROWD if crowded else 0)
        }
        self.tally["runs"] += 1

    # --- by a stack ---

    @few
    @rule(template=templates(versioned=True, room=ROOM), answer_lost=st.booleans())
    def create_version(self, template: Template, answer_lost: bool) -> None:
        """Create a version in a group."""
        self.create(template, answer_lost=answer_lost)

    @few
    @rule(template=templates(versioned=False, room=ROOM), answer_lost=st.booleans())
    def create_unversioned(self, template: Template, answer_lost: bool) -> None:
        """Create an unversioned package."""
        self.create(template, answer_lost=answer_lost)

    def create(self, template: Template, *, answer_lost: bool) -> None:
        """Create a package, one more than there were, also if the event comes again."""
        given = {name: value for name, value in template.properties.items() if name != "ClientToken"}
        if NAME in given:
            given[NAME] = f"{given[NAME][:50]}-{len(self.owned)}"
        template = Template(given, template.stack_tags)
        run = self.deployer.create(template)
        assert run.status == "SUCCESS", run.message
        arn = str(run.arn)
        assert arn not in self.crowd | {each.arn for each in self.owned}
        package = self.held(arn)
        assert run.model == as_read(package)
        assert unset(run.model, template) == []
        self.owned.append(Owned(template, package))
        self.tally["packages"] += 1
        if answer_lost:
            again = self.deployer.repeat(self.deployer.event)
            assert (again.model, self.deployer.written()) == (run.model, ("CreateModelPackage",))

    @some
    @rule(owned=ANY, data=st.data())
    def update(self, owned: Owned, data: st.DataObject) -> None:
        """Deploy another template."""
        self.deploy(owned, data.draw(changes(owned.template, room=ROOM)))

    @some_living
    @rule(owned=LIVING, key=OUTSIDE, value=VALUES)
    def amend(self, owned: Owned, key: str, value: str | None) -> None:
        """Deploy the template with a key that others use: in the metadata and, where it can be, the tags."""
        given = owned.template.properties
        metadata = {name: each for name, each in {**given.get(METADATA, {}), key: value}.items() if each}
        tags = [each for each in given.get(TAGS, ()) if each["Key"] != key]
        if value and not owned.template.versioned:
            tags.append({"Key": key, "Value": value})
        if len(metadata) <= MOST_METADATA:
            self.deploy(owned, fitted({**given, METADATA: metadata, TAGS: tags}, owned.template.stack_tags))

    @some_living
    @rule(owned=LIVING, status=st.sampled_from((*STATUSES, None)))
    def decide(self, owned: Owned, status: str | None) -> None:
        """Deploy the template with another status, or with none."""
        given = {**owned.template.properties, STATUS: status}
        kept = {name: value for name, value in given.items() if value is not None}
        self.deploy(owned, fitted(kept, owned.template.stack_tags))

    @some_living
    @rule(owned=LIVING, tags=stack_tags)
    def tag_stack(self, owned: Owned, tags: Mapping[str, str]) -> None:
        """Deploy the same template once the stack has other tags."""
        self.deploy(owned, fitted(owned.template.properties, tags))

    @several
    @rule(owned=ANY)
    def delete(self, owned: Owned) -> None:
        """Delete a package."""
        run = self.deployer.delete(owned.arn, owned.template)
        assert (run.code, run.model) == ("NotFound" if owned.gone and not owned.leaving else None, {})
        assert self.deployer.written() == (() if owned.gone else ("DeleteModelPackage",))
        assert self.world.held(owned.arn) is None
        owned.update, owned.gone, owned.leaving = None, True, False

    @some
    @rule(owned=ANY)
    def repeat(self, owned: Owned) -> None:
        """The last update comes again, however much others have done since, or the delete."""
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
        expected = outcome(owned.package, previous, desired, replaceable=self.deployer.way.replaceable)
        if len(expected.package.get(METADATA, ())) > MOST_METADATA or len(expected.package[TAGS]) > MOST_TAGS:
            return  # with what others have added there is no room
        deployer = self.deployer
        run = deployer.repeat(event) if event else deployer.update(owned.arn, desired, previous)
        owned.update = (deployer.event, previous, desired)
        assert self.deployer.written() == (() if owned.gone else expected.calls)
        if expected.code and not owned.gone:
            assert run.code == expected.code, run.message
            return
        if not owned.gone:
            owned.template = desired
            self.becomes(owned, expected.package)
        self.told(owned, run)

    @some_living
    @rule(owned=LIVING)
    def take_name(self, owned: Owned) -> None:
        """Create another package with a name that is taken."""
        if not owned.template.versioned:
            run = self.deployer.create(Template(package(ModelPackageName=owned.package[NAME]), {}))
            assert (run.code, run.model) == ("AlreadyExists", {})

    # --- by somebody else ---

    @some_living
    @rule(owned=LIVING, status=st.sampled_from(STATUSES), why=st.sampled_from(("", "seen")))
    def approve(self, owned: Owned, status: str, why: str) -> None:
        """Decide about a package."""
        change = {STATUS: status, APPROVAL: why}
        self.change(owned, change, change)

    @some_living
    @rule(owned=LIVING, key=OUTSIDE, value=VALUES)
    def note(self, owned: Owned, key: str, value: str | None) -> None:
        """Set or remove a key of the metadata."""
        before = owned.package.get(METADATA, {})
        after = {name: each for name, each in {**before, key: value}.items() if each is not None}
        if len(after) > MOST_METADATA:
            return
        call = {f"{METADATA}ToRemove": [key]} if value is None else {METADATA: {key: value}}
        self.change(owned, call, {METADATA: after or None})

    def change(self, owned: Owned, call: Json, change: Json) -> None:
        """Change a package past the handlers."""
        self.world.client.update_model_package(ModelPackageArn=owned.arn, **call)
        after = {**owned.package, **change}
        self.becomes(owned, {name: value for name, value in after.items() if value is not None})

    @some_living
    @rule(owned=LIVING, key=OUTSIDE, value=VALUES)
    def tag(self, owned: Owned, key: str, value: str | None) -> None:
        """Set or remove a tag of an unversioned package."""
        tags = {each["Key"]: each["Value"] for each in owned.package[TAGS] if each["Key"] != key}
        if owned.template.versioned or len(tags) == MOST_TAGS:
            return
        if value is None:
            self.world.client.delete_tags(ResourceArn=owned.arn, TagKeys=[key])
        else:
            tags[key] = value
            self.world.client.add_tags(ResourceArn=owned.arn, Tags=[{"Key": key, "Value": value}])
        after = [{"Key": name, "Value": each} for name, each in tags.items()]
        self.becomes(owned, {**owned.package, TAGS: after})

    @several
    @rule(owned=LIVING)
    def remove(self, owned: Owned) -> None:
        """Delete a package that its stack still has."""
        self.world.client.delete_model_package(ModelPackageName=owned.arn)
        owned.gone = True
        owned.leaving = self.world.held(owned.arn) is not None

    # --- by anybody ---

    @some
    @rule(owned=ANY)
    def read(self, owned: Owned) -> None:
        """Read a package."""
        self.told(owned, self.deployer.read(owned.arn))

    def told(self, owned: Owned, run: Run) -> None:
        """An operation has said what there is."""
        assert run.code == ("NotFound" if owned.gone else None)
        assert run.model == ({} if owned.gone else as_read(owned.package))
        owned.leaving = False

    @rule(group=st.sampled_from((None, GROUPS[0], group_arn(GROUPS[1]))))
    def list_pages(self, group: str | None) -> None:
        """List all packages, or those of a group, page by page."""
        listed: list[Json] = []
        event = self.world.event("LIST", {GROUP: group} if group else {})
        while True:
            answer = self.deployer.repeat(event).last
            assert answer["status"] == "SUCCESS", answer
            assert len(answer["resourceModels"]) <= PAGE
            listed += answer["resourceModels"]
            if not answer.get("nextToken"):
                break
            event["nextToken"] = answer["nextToken"]
        living = self.living()
        if group:
            living = [each for each in living if each.package.get(GROUP) == group_name(group)]
        expected = {each.arn for each in living} | (self.crowd if group != group_arn(GROUPS[1]) else set())
        assert sorted(each["ModelPackageArn"] for each in listed) == sorted(expected)
        assert all(each.keys() == {"ModelPackageArn"} for each in listed)

    @invariant()
    def all_is_as_it_has_to_be(self) -> None:
        """No package is lost, none is there twice, and each is as the model has it."""
        self.tally["steps"] += 1
        held = {
            each["ModelPackageArn"]: each
            for each in self.world.packages
            if each["ModelPackageStatus"] != "Deleting" and each["ModelPackageArn"] not in self.crowd
        }
        living = {each.arn: each.package for each in self.living()}
        self.tally["lost"] += len(living.keys() - held.keys())
        self.tally["doubled"] += len(held.keys() - living.keys())
        assert held == living

    def living(self) -> list[Owned]:
        """The packages that have to be there."""
        return [each for each in self.owned if not each.gone]

    def held(self, arn: str) -> Json:
        """A package as SageMaker holds it."""
        package = self.world.held(arn)
        assert package is not None
        return package

    def becomes(self, owned: Owned, expected: Json) -> None:
        """A package is now as expected, but for what the service adds."""
        package = self.held(owned.arn)
        assert differences(expected, package) == []
        owned.package = package


def begun(world: World, tally: Counter[str]) -> type[Sequences]:
    """The machine in a world of its own."""
    return type("Begun", (Sequences,), {"world": world, "tally": tally})


KINDS = {
    "version": Template({GROUP: GROUPS[0]}, {"team": "risk"}),
    "unversioned": Template(package(ModelPackageName="model"), {"team": "risk"}),
}
# Rules, each with what it is given beside the package.
SEQUENCES: dict[str, tuple[tuple[Any, ...], ...]] = {
    "an approval is not revoked": (
        *(("decide", "Approved"), ("approve", "Rejected", "seen"), ("decide", None), ("repeat",), ("read",)),
    ),
    "an approval is taken back": (
        *(("decide", "Approved"), ("approve", "Approved", ""), ("decide", None), ("repeat",), ("read",)),
    ),
    "a template says what others have said": (
        *(("note", "a", "1"), ("tag", "a", "1"), ("amend", "a", "1"), ("amend", "a", None), ("read",)),
    ),
    "others say what a template has said": (
        *(("amend", "a", "1"), ("note", "a", "a"), ("tag", "a", "a"), ("repeat",), ("amend", "a", None)),
    ),
    "what others have added stays": (
        *(("note", "outside", "1"), ("tag", "outside", "1"), ("amend", "a", "1"), ("amend", "a", None)),
        *(("tag_stack", {"cost": "1"}), ("tag_stack", {}), ("decide", "Approved"), ("read",)),
    ),
    "others have deleted it, read": (
        ("amend", "a", "1"),
        ("remove",),
        ("list_pages",),
        ("read",),
        ("delete",),
    ),
    "others have deleted it, update": (("amend", "a", "1"), ("remove",), ("repeat",), ("amend", "a", "a")),
    "others have deleted it, delete": (("remove",), ("delete",), ("repeat",), ("list_pages",)),
    "its name is taken": (("take_name",), ("delete",), ("repeat",), ("list_pages",)),
}


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_that_is_seldom_drawn(torn: World, kind: str, name: str) -> None:
    machine = begun(torn, Counter())()
    machine.begin(Way(), crowded=False)
    machine.create(KINDS[kind], answer_lost=True)
    for step, *given in SEQUENCES[name]:
        if step == "list_pages":
            machine.list_pages(None)
        else:
            getattr(machine, step)(*machine.owned, *given)
        machine.all_is_as_it_has_to_be()


def test_sequences_lose_and_double_nothing(torn: World, long: bool, seed: int, figures: Figures) -> None:
    tally: Counter[str] = Counter()
    machine = begun(torn, tally)
    hypothesis.seed(seed)(machine)
    number, steps = (200, 40) if long else (6, 25)
    # To reduce a failing sequence takes minutes.
    given = settings(examples(number, reduced=long), stateful_step_count=steps)
    try:
        run_state_machine_as_test(machine, settings=given)
    finally:
        names = ("runs", "steps", "packages", "invocations", "lost", "doubled")
        figures["sequences"] = {name: tally[name] for name in names}
