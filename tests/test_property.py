"""`make property`: nothing is missing of what there is, and each thing that is missing is named."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from packager.api_description import description
from packager.members import Member
from packager.project import ROOT, schema
from packager.property import BY_HAND, GENERATE, STEPS, Project, checks, main

SCHEMA = "aws-sagemaker-modelpackage.json"
CODE = "src/aws_sagemaker_modelpackage"
API = f"{CODE}/api/sagemaker/2017-07-24/service-2.json"
EVERY = [
    *schema()["properties"],
    *(f"{name}.{each}" for name, rule in schema()["definitions"].items() for each in rule["properties"]),
]
MEMBERS = ("Tag.Key", "HubBaseModel.RecipeName")
Edit = Callable[[str], str]


def missing(name: str, project: Project, api: Any = None) -> list[tuple[str, str]]:
    """Step and file of what is missing."""
    found = checks(Member(name, project.root, api), project)
    return [(step, each.file) for step, several in found.items() for each in several if not each.is_there]


def test_nothing_is_missing_of_any_property_or_member() -> None:
    project = Project()
    assert len(EVERY) > 150
    assert {name: there for name in EVERY if (there := missing(name, project))} == {}


@pytest.fixture(scope="module")
def files() -> set[str]:
    """The files and folders that are read."""
    project = Project()
    found = [
        checks(Member(name), project) for name in ("ApprovalDescription", "ManagedStorageType", *MEMBERS)
    ]
    return {each.file for steps in found for several in steps.values() for each in several} | {
        *("tests/torture/templates.py", "tests/unit/test_constraints.py"),
        *("tests/unit/test_handlers_read.py", "tests/stack/test_inputs.py"),
        *(f"{CODE}/{name}.py" for name in ("changes", "patterns", "probes", "translate")),
        "tests/data/update_requires.json",
    }


@pytest.fixture
def copied(files: set[str], tmp_path: Path) -> Path:
    """A copy of them."""
    for name in files:
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, target)
    return tmp_path


def without(pattern: str) -> Edit:
    """An edit that takes out the first place that a pattern matches."""

    def edit(text: str) -> str:
        edited, number = re.subn(pattern, "", text, count=1, flags=re.MULTILINE)
        assert number, pattern
        return edited

    return edit


def replaced(old: str, new: str) -> Edit:
    """An edit that replaces a text, which is there."""

    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return edit


def dropped(*path: str) -> Edit:
    """An edit of a JSON text that takes out the member at a path."""

    def edit(text: str) -> str:
        loaded = json.loads(text)
        node = loaded
        for each in path[:-1]:
            node = node[each]
        del node[path[-1]]
        return json.dumps(loaded)

    return edit


# Name, file and edit; then the step in which the file has to be named.
MISSING: list[tuple[str, str, Edit, str]] = [
    ("Domain", SCHEMA, dropped("properties", "Domain", "description"), "Schema"),
    ("Tag.Key", SCHEMA, dropped("definitions", "Tag", "properties", "Key"), "Schema"),
    ("Tag.Key", f"{CODE}/patterns.py", replaced("PATTERNS: dict", "OTHERS: dict"), "Schema"),
    (
        "TransformResources.InstanceCount",
        "tests/unit/test_constraints.py",
        replaced('"minimum": (', '"other": ('),
        "Schema",
    ),
    ("Domain", f"{CODE}/models.py", without(r"^    Domain: .*$"), "Schema"),
    ("Tag.Key", f"{CODE}/models.py", without(r"^    Key: .*$"), "Schema"),
    ("Domain", f"{CODE}/shapes.py", without(r'^        "Domain": .*$'), "Schema"),
    ("Tag.Key", f"{CODE}/shapes.py", without(r'^        "Key": .*$'), "Schema"),
    ("Domain", f"{CODE}/classes.py", replaced('"Domain"', '"Other"'), "Schema"),
    ("Domain", f"{CODE}/classes.py", replaced('OnlyProperties": (', 'Properties": ('), "Schema"),
    ("Domain", SCHEMA, replaced('"/properties/Domain"', '"/properties/Task"'), "Schema"),
    (
        "ClientToken",
        SCHEMA,
        replaced('"writeOnlyProperties": [', '"writeOnlyProperties": [], "x": ['),
        "Schema",
    ),
    ("Domain", "docs/README.md", without("^#### Domain$"), "Schema"),
    ("Tag.Key", "docs/tag.md", without("^#### Key$"), "Schema"),
    ("Domain", f"{CODE}/constraints.json", dropped("properties", "Domain"), "Schema"),
    ("Tag.Key", f"{CODE}/constraints.json", dropped("definitions", "Tag", "properties", "Key"), "Schema"),
    ("Tag.Key", "editors/template.schema.json", dropped("definitions", "Tag", "properties", "Key"), "Schema"),
    ("Domain", API, replaced('"Domain"', '"Other"'), "Schema"),
    ("Tag.Key", API, dropped("shapes", "Tag", "members", "Key"), "Schema"),
    (
        "ApprovalDescription",
        f"{CODE}/translate.py",
        replaced("*(DESCRIPTION, ", "*("),
        "Translation",
    ),
    ("SkipModelValidation", f"{CODE}/changes.py", replaced('"SkipModelValidation"', '"Other"'), "Changes"),
    ("ModelLifeCycle", "tests/torture/verdicts.py", without("^    CYCLE: .*$"), "Changes"),
    ("ManagedStorageType", "tests/test_schema.py", without(', "ManagedStorageType"'), "Changes"),
    ("ModelCard", "tests/test_schema.py", replaced(" ModelCard ", " "), "Changes"),
    ("Environment", "tests/test_schema.py", replaced('" Environment', '" Other'), "Changes"),
    ("SourceUri", "tests/test_schema.py", replaced(" SourceUri", ""), "Changes"),
    (
        "ModelPackageContainerDefinition.FrameworkVersion",
        "tests/torture/templates.py",
        without(r'^    r"\^\[0-9\].*$'),
        "Tests",
    ),
    ("ModelCard", "tests/property_values.py", without('^    "ModelCard": .*$'), "Tests"),
    ("Domain", "tests/unit/events.py", without('^    "Domain": .*$'), "Tests"),
    ("Domain", "guides/properties.md", without("^. `Domain` .*$"), "Documentation"),
    (
        "Domain",
        "guides/properties.md",
        replaced("`Domain` | create-", "`Domain` | "),
        "Documentation",
    ),
]


@pytest.mark.parametrize(
    ("name", "file", "edit", "step"), MISSING, ids=[f"{name}, {file}" for name, file, *_ in MISSING]
)
def test_what_is_missing_is_named(copied: Path, name: str, file: str, edit: Edit, step: str) -> None:
    path = copied / file
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    assert (step, file) in missing(name, Project(copied))


def test_a_member_in_no_input_set_is_named(copied: Path) -> None:
    for path in (copied / "inputs").iterdir():
        path.write_text(path.read_text(encoding="utf-8").replace('"RecipeName"', '"Other"'), encoding="utf-8")
    assert missing("HubBaseModel.RecipeName", Project(copied)) == [("Tests", "inputs/")]


CREATE, UPDATE, DESCRIBE = (
    "CreateModelPackageInput",
    "UpdateModelPackageInput",
    "DescribeModelPackageOutput",
)
VALUES, EVENTS = ("Tests", "tests/property_values.py"), ("Tests", "tests/unit/events.py")
CLASS = ("Schema", SCHEMA)
LISTED = ("Changes", "tests/test_schema.py")
VERDICT = ("Changes", "tests/torture/verdicts.py")
LATER = ("Translation", f"{CODE}/translate.py")


TODAY = cache(partial(description, "sagemaker"))


def api_with(*shapes: str) -> Any:
    """Botocore's description of tomorrow: these structures have one more member."""
    api, more = TODAY(), {"MemberOfTomorrow": {"shape": "MemberOfTomorrow"}}
    changed = {each: {**api["shapes"][each]} for each in shapes}
    for shape in changed.values():
        shape["members"] = {**shape["members"], **more}
    return {**api, "shapes": {**api["shapes"], **changed, "MemberOfTomorrow": {"type": "string"}}}


@pytest.mark.parametrize(
    ("shapes", "classes", "rest"),
    [
        ([CREATE, UPDATE, DESCRIBE], [], [VERDICT, VALUES, EVENTS]),
        ([CREATE, DESCRIBE], [CLASS], [LISTED, VALUES, EVENTS]),
        ([CREATE], [CLASS, CLASS], [LISTED, LISTED, VALUES]),
        ([CREATE, UPDATE], [CLASS], [("Changes", f"{CODE}/changes.py"), VERDICT, LISTED, VALUES]),
        ([UPDATE, DESCRIBE], [], [LATER, LATER, VERDICT, VALUES, EVENTS]),
    ],
    ids=["in place", "create-only", "create-only and write-only", "write-only", "by update alone"],
)
def test_a_new_property_of_the_api_is_missing_everywhere(
    copied: Path, shapes: list[str], classes: list[tuple[str, str]], rest: list[tuple[str, str]]
) -> None:
    """Before anybody has touched a file, as after an upgrade of botocore."""
    files = ["models.py", "shapes.py", *["classes.py"] * bool(classes), "docs/README.md", "constraints.json"]
    generated = [file if "/" in file else f"{CODE}/{file}" for file in files]
    assert missing("MemberOfTomorrow", Project(copied), api_with(*shapes)) == [
        ("Schema", SCHEMA),
        *classes,
        *(("Schema", file) for file in (SCHEMA, *generated, "editors/template.schema.json", API)),
        *rest,
        ("Tests", "inputs/"),
        ("Documentation", "guides/properties.md"),
    ]


def test_a_new_member_of_the_api_is_missing_everywhere(copied: Path) -> None:
    api, project = api_with("ModelPackageContainerDefinition"), Project(copied)
    more = [f"{CODE}/constraints.json", "editors/template.schema.json", API]
    generated = [*(f"{CODE}/{each}.py" for each in ("models", "shapes"))]
    generated += ["docs/modelpackagecontainerdefinition.md", *more]
    assert missing("InferenceSpecification.Containers.MemberOfTomorrow", project, api) == [
        *(("Schema", file) for file in (SCHEMA, SCHEMA, *generated)),
        ("Tests", "inputs/"),
    ]


def test_command_lists_every_step_and_fails_while_something_is_missing(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ModelLifeCycle"], copied) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "ModelLifeCycle: nothing missing"
    steps = list(dict.fromkeys(line.split()[-1] for line in (each.partition(":")[0] for each in lines[:-1])))
    assert steps == [step for step in STEPS if step != "Translation"]
    guide = copied / "guides" / "properties.md"
    guide.write_text("", encoding="utf-8")
    assert main(["ModelLifeCycle"], copied) == 1
    out = capsys.readouterr().out
    row = "MISSING  Documentation: guides/properties.md: its row, with the class 'none': write it\n"
    assert row in out
    assert out.endswith("ModelLifeCycle: 1 missing\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name one property or member: make property NAME=ModelLifeCycle"),
        ([""], "Name one property or member: make property NAME=ModelLifeCycle"),
        (["Modellifecycle"], "has a property Modellifecycle; the nearest: ModelLifeCycle"),
        (["Tag.Kye"], "Tag.Kye: Tag has no member Kye; the nearest: Key"),
        (["Tag.Zz"], "Tag.Zz: Tag has no member Zz; it has Key, Value"),
        (["Tog.Key"], "neither the schema nor the API has a property Tog; the nearest: Tag"),
        (["Domain.X"], "Domain.X: Domain has no members"),
        (["Tag"], "Tag is a definition; name one of its members: Tag.Key, Tag.Value"),
        (["BaseModel"], "BaseModel is the name of a member: ModelPackageContainerDefinition.BaseModel"),
        (["CustomerMetadataPropertiesToRemove"], "is no property: API_ONLY in tests/test_schema.py has why"),
    ],
)
def test_command_explains_a_wrong_name(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_checklist_of_the_contributing_guide_is_that_of_the_command() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = guide.partition("\n## Changing a property, from schema to test\n")[2].partition("\n## ")[0]
    steps = dict(re.findall(r"^\d\. \*\*(\w+)\.\*\*(.*?)(?=^\d\. |\Z)", section, re.MULTILINE | re.DOTALL))
    assert list(steps) == list(STEPS)
    project = Project()
    for name in ("ApprovalDescription", "SkipModelValidation", "ManagedStorageType", "Tag.Key"):
        for step, found in checks(Member(name), project).items():
            unnamed = {each.file for each in found if each.to_do != GENERATE and each.file not in steps[step]}
            assert unnamed == set(), f"CONTRIBUTING.md, step {step}, does not name them"
            assert "`make generate`" in steps["Schema"]
    assert all(step in steps for step in BY_HAND)
    assert "make property NAME=" in section
