"""What a property or a member still lacks, file by file: `make property NAME=ModelLifeCycle`.

NAME is a property, a member by its path (`InferenceSpecification.Containers.Image`) or by its definition
(`ModelPackageContainerDefinition.Image`). The steps are those of CONTRIBUTING.md; what is there is read from
the files themselves.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from packager.members import (
    CLASSES,
    OPERATIONS,
    SERVICE_OWNED_DEFINITIONS,
    Member,
    UnknownNameError,
    used_members,
)
from packager.project import ROOT, SCHEMA

GENERATE = "run `make generate`"
CODE = "src/aws_sagemaker_modelpackage"
Json = dict[str, Any]


class Check(NamedTuple):
    """One thing that has to be in a file."""

    file: str
    what: str
    is_there: bool
    to_do: str


class Project:
    """The files of a project."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        # Read once, also for many properties.
        self.data = cache(self._data)
        self.tree = cache(self._tree)

    def text(self, file: str) -> str:
        """The content of a file, empty if there is none."""
        path = self.root / file
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def _data(self, file: str) -> Json:
        """The content of a JSON file."""
        loaded: Json = json.loads(self.text(file) or "{}")
        return loaded

    def _tree(self, file: str) -> ast.Module:
        """A module."""
        return ast.parse(self.text(file))

    def value(self, file: str, variable: str) -> ast.AST:
        """What a module assigns to a variable; an empty tree if it does not."""
        for node in self.tree(file).body:
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            if isinstance(target, ast.Name) and target.id == variable:
                return getattr(node, "value", None) or ast.Tuple([])
        return ast.Tuple([])

    def keys(self, file: str, variable: str, *more: str) -> set[str]:
        """The keys of a table in a module, which may be names that it or one of `more` gives to texts."""
        table = self.value(file, variable)
        names = {name: text for each in (*more, file) for name, text in self.names(each).items()}
        keys = table.keys if isinstance(table, ast.Dict) else []
        return {names.get(each.id, "") if isinstance(each, ast.Name) else _text(each) for each in keys}

    def words(self, file: str, variable: str, key: str = "") -> set[str]:
        """The words of all texts in a variable of a module, or in what its table has at a key."""
        node = self.value(file, variable)
        if key:
            table = zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ()
            node = next((each for name, each in table if _text(name) == key), ast.Tuple([]))
        return {word for each in ast.walk(node) for word in _text(each).split()}

    def names(self, file: str) -> dict[str, str]:
        """The names that a module gives to texts, as `A = "text"` or `A, B = "text", "another"`."""
        found: dict[str, str] = {}
        for node in self.tree(file).body:
            if isinstance(node, ast.Assign):
                target, value = node.targets[0], node.value
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                values = value.elts if isinstance(value, ast.Tuple) else [value]
                pairs = zip(names, values, strict=False)
                found |= {name.id: _text(each) for name, each in pairs if isinstance(name, ast.Name)}
        return found

    def has_field(self, file: str, cls: str, name: str) -> bool:
        """Whether a class in a module has an annotated field."""
        return any(
            isinstance(node, ast.ClassDef)
            and node.name == cls
            and any(
                isinstance(each, ast.AnnAssign) and ast.unparse(each.target) == name for each in node.body
            )
            for node in self.tree(file).body
        )


def _text(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _mentions(tree: ast.AST, text: str, names: dict[str, str]) -> bool:
    """Whether a tree has a text, or one of its names."""
    known = {name for name, value in names.items() if value == text}
    return any(
        _text(node) == text
        or (isinstance(node, ast.Attribute) and node.attr in known)
        or (isinstance(node, ast.Name) and node.id in known)
        for node in ast.walk(tree)
    )


# --- the steps ----------------------------------------------------------------------------------------------


def _schema(member: Member, project: Project) -> Iterator[Check]:
    """The schema, and what is generated of it."""
    name, owner = member.name, member.owner
    to_do = "add it with the API's limits" + ("" if owner else ", and decide its class")
    yield Check(SCHEMA.name, "the property or member", bool(member.node), to_do)
    for word, reason in member.needed_classes.items():
        enough = {word, "conditional"} if word == "create-only" else {word}
        there = bool(member.node and enough.intersection(member.classes))
        keys = " or ".join(CLASSES[each] for each in CLASSES if each in enough)
        yield Check(SCHEMA.name, f"its name in {keys}", there, f"add it, because {reason}")
    if patterns := _patterns(member.node):
        unexplained = patterns - project.keys(f"{CODE}/patterns.py", "PATTERNS")
        to_do = "say in words what it asks for"
        yield Check(f"{CODE}/patterns.py", "its pattern in PATTERNS", not unexplained, to_do)
    file = "tests/unit/test_constraints.py"
    unchecked = {*member.node} - project.keys(file, "CHECKED") - project.keys(file, "NOT_CHECKED")
    if unchecked:
        what = f"{', '.join(sorted(unchecked))} in CHECKED"
        yield Check(file, what, False, f"add it, and write the check in {CODE}/constraints.py")
    described = bool(member.node.get("description"))
    yield Check(SCHEMA.name, "its description", described, "describe it in your own words")
    models, cls = f"{CODE}/models.py", owner or "ResourceModel"
    yield Check(models, f"a field of {cls}", project.has_field(models, cls, name), GENERATE)
    shapes = f"{CODE}/shapes.py"
    yield Check(shapes, "its type", name in project.words(shapes, "SHAPES", cls), GENERATE)
    if not owner:
        module = f"{CODE}/classes.py"
        generated = {key for key in CLASSES.values() if name in project.words(module, "CLASSES", key)}
        there = generated == {CLASSES[each] for each in member.classes}
        yield Check(module, "its classes", there, GENERATE)
    docs = f"docs/{owner.lower() or 'README'}.md"
    yield Check(docs, "its section", f"#### {name}\n" in project.text(docs), GENERATE)
    for file, top in ((f"{CODE}/constraints.json", ""), ("editors/template.schema.json", "package")):
        whole = project.data(file)
        rules = whole.get("definitions", {}).get(owner or top, {} if owner else whole).get("properties", {})
        if not (top and "read-only" in member.classes):
            yield Check(file, "its rule", name in rules, GENERATE)
    if member.is_of_the_api:
        (file,) = (
            path.relative_to(project.root).as_posix()
            for path in (project.root / CODE / "api" / "sagemaker").glob("*/service-2.json")
        )
        shapes = project.data(file)["shapes"]
        own = shapes.get(member.shape_names.get(owner), {}).get("members", {})
        is_there = name in own if owner else any(member.is_in(each, shapes) for each, _ in OPERATIONS)
        yield Check(file, "the API's member", is_there, GENERATE)


def _patterns(node: Any) -> set[str]:
    """The patterns in a rule, those of entries included."""
    if isinstance(node, list):
        return {each for item in node for each in _patterns(item)}
    if not isinstance(node, dict):
        return set()
    own = {node["pattern"]} if isinstance(node.get("pattern"), str) else set()
    return (
        own
        | {*node.get("patternProperties", ())}
        | {each for item in node.values() for each in _patterns(item)}
    )


def _translation(member: Member, project: Project) -> Iterator[Check]:
    """What CreateModelPackage takes otherwise than as it is; the rest follows from the schema."""
    if not (member.owner or member.is_service_owned or member.is_in("CreateModelPackage")):
        file, variable = f"{CODE}/translate.py", "_SENT_OTHERWISE"
        names, reason = project.names(file), "because CreateModelPackage has no such member"
        there = _mentions(project.value(file, variable), member.name, names)
        yield Check(file, f"its place in {variable}", there, f"add it, {reason}")
        functions = [each for each in project.tree(file).body if isinstance(each, ast.FunctionDef)]
        there = any(_mentions(each, member.name, names) for each in functions)
        yield Check(file, "the arguments that it becomes", there, f"write them, {reason}")


def _changes(member: Member, project: Project) -> Iterator[Check]:
    """What becomes of a change; that of a member is that of its property."""
    if member.owner or member.is_service_owned:
        return
    name, classes = member.name, member.classes
    names = project.names(f"{CODE}/translate.py")
    # A deprecated one is converted into another one in `translate`.
    if not {"create-only", "deprecated"} & set(classes) and (
        {"conditional", "write-only"} & set(classes) or not member.is_in("UpdateModelPackage")
    ):
        trees = [project.tree(f"{CODE}/{each}.py") for each in ("changes", "probes")]
        there = any(_mentions(tree, name, names) for tree in trees)
        yield Check(f"{CODE}/changes.py", "the rule of its change", there, "write it there, or in probes.py")
    file = "tests/torture/verdicts.py"
    if "create-only" not in classes:
        there = name in project.keys(file, "TABLE", "tests/torture/templates.py")
        yield Check(file, "its rule in TABLE", there, "write it from the specification, not from the code")
    reference = project.data("tests/data/update_requires.json").get("properties", {})
    file = "tests/test_schema.py"
    for key in (CLASSES[each] for each in classes):
        if key != CLASSES["create-only"]:
            there = name in project.words(file, "CLASSES", key)
            yield Check(file, f"its name in CLASSES, {key}", there, "add it there")
        elif reference.get(name) != "Replacement":
            there = name in project.words(file, "NEWER_CREATE_ONLY")
            yield Check(file, "its name in NEWER_CREATE_ONLY", there, "add it there")


def _tests(member: Member, project: Project) -> Iterator[Check]:
    """The values that the tests give it."""
    file = "tests/property_values.py"
    if not (member.owner or member.is_service_owned):
        there = member.name in project.keys(file, "CHANGED") | project.keys(file, "NOT_PLANNED")
        yield Check(file, "two values in CHANGED", there, "add them, or to NOT_PLANNED why there are none")
    elsewhere = project.words("tests/unit/test_handlers_read.py", "READ_ELSEWHERE")
    if not member.owner and "write-only" not in member.classes and member.name not in elsewhere:
        file = "tests/unit/events.py"
        there = member.name in project.keys(file, "AS_DESCRIBED")
        yield Check(file, "its value in AS_DESCRIBED", there, "add one")
    file = "tests/torture/templates.py"
    simple = re.compile(next(iter(project.words(file, "_CLASS")), ""))
    unusual = {each for each in _patterns(member.node) if not simple.fullmatch(each)}
    if unusual and not member.is_service_owned:
        there = unusual <= project.keys(file, "_FORMS") | project.words(file, "_INSTANCE_TYPE")
        yield Check(file, "its pattern in _FORMS", there, "say there how text of it is made")
    if member.owner not in SERVICE_OWNED_DEFINITIONS:
        reasons = "tests/stack/test_inputs.py"
        files = sorted((project.root / "inputs").glob("inputs_*_[cu]*.json"))
        values = [project.data(path.relative_to(project.root).as_posix()) for path in files]
        there = member.full_name in project.keys(reasons, "NOT_IN_A_SET") or any(
            member.full_name in used_members(each, member.schema, member.schema) for each in values
        )
        to_do = f"add it to inputs_2_create.json, or to NOT_IN_A_SET in {reasons} why no set can have it"
        yield Check("inputs/", "its value in a set", there, to_do)


def _documentation(member: Member, project: Project) -> Iterator[Check]:
    """What the documentation says of it."""
    if not member.owner:
        file, kinds = "guides/properties.md", ", ".join(member.classes) or "none"
        row = re.search(rf"^\| `{member.name}` \| ([^|]*) \|", project.text(file), re.MULTILINE)
        yield Check(
            file, f"its row, with the class {kinds!r}", row is not None and row[1] == kinds, "write it"
        )


STEPS: dict[str, Callable[[Member, Project], Iterator[Check]]] = {
    "Schema": _schema,
    "Translation": _translation,
    "Changes": _changes,
    "Permissions": lambda _member, _project: iter(()),
    "Tests": _tests,
    "Documentation": _documentation,
}
# What no file shows.
BY_HAND = {
    "Schema": "another difference from AWS's own schema than that it is newer: tests/aws_schema.py",
    "Permissions": "those of a call that a handler did not make before: the schema, execution-role.yaml",
    "Tests": "a rule that the local SageMaker does not know: sandbox/sagemaker/, with a test through boto3",
    "Documentation": "a line in CHANGELOG.md; a row of guides/properties.md for a member that surprises",
}


def checks(member: Member, project: Project) -> dict[str, list[Check]]:
    """Everything that has to be there, by step."""
    return {step: list(found(member, project)) for step, found in STEPS.items()}


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Print what is there and what is missing.

    The exit code is 1 while something is missing, and 2 for a name that means nothing.
    """
    given = [each for each in (sys.argv[1:] if arguments is None else arguments) if each]
    if len(given) != 1:
        print("Name one property or member: make property NAME=ModelLifeCycle", file=sys.stderr)
        return 2
    try:
        member = Member(given[0], root)
    except UnknownNameError as error:
        print(error, file=sys.stderr)
        return 2
    project = Project(root)
    if member.full_name in project.keys("tests/test_schema.py", "API_ONLY"):
        print(f"{member.full_name} is no property: API_ONLY in tests/test_schema.py has why", file=sys.stderr)
        return 2
    found = checks(member, project)
    for step, each in found.items():
        for check in each:
            to_do = "" if check.is_there else f": {check.to_do}"
            state = "there  " if check.is_there else "MISSING"
            print(f"{state}  {step}: {check.file}: {check.what}{to_do}")
        if step in BY_HAND:
            print(f"by hand  {step}: {BY_HAND[step]}")
    missing = sum(not check.is_there for each in found.values() for check in each)
    print(f"{member.full_name}: {missing or 'nothing'} missing")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
