"""The JSON schema of templates for editors, cfn-lint with our schema and rules, and the guide to both."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from cfnlint.helpers import load_plugins

from editors.rules._resource_type import TYPE
from editors.rules._template import packages
from packager import editor
from packager.project import OURS, ROOT, SCHEMA, TypeName, renamed, schema, stage
from sandbox.shared import template_yaml
from tests.linter import LINTER, link_cfn_lint_alone, lint

Json = dict[str, Any]

EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))
CORRECT = [*EXAMPLES, *sorted((ROOT / "tests" / "mistakes" / "none").glob("*.yaml"))]
ACME = TypeName.registrable("Acme::SageMaker::ModelPackage")
# A type of another author.
OTHER_SCHEMA = {
    "typeName": "Acme::Other::Type",
    "description": "",
    "properties": {"Name": {"type": "string"}},
    "primaryIdentifier": ["/properties/Name"],
    "additionalProperties": False,
}


# --- the schema of templates ------------------------------------------------------------------------


def without_tag(_tag: str, value: Any) -> Any:
    """The value behind a short tag, as a language server for YAML reads it."""
    return value


TAGS = pytest.mark.parametrize("tag", [template_yaml.long_form, without_tag])


def faults(template: Any, name: TypeName = OURS) -> list[str]:
    """Where the schema says that a template is wrong, as deep as it knows."""
    validator = jsonschema.Draft7Validator(json.loads(editor.content(name)))
    located = []
    for error in validator.iter_errors(template):
        deepest = error
        while deepest.context:
            # The other branches are for functions, of which a wrong value is none.
            deepest = max(
                (each for each in deepest.context if each.schema_path[0] == 0),
                key=lambda each: len(each.absolute_path),
            )
        located.append("/".join(map(str, deepest.absolute_path)) + f": {deepest.validator}")
    return located


def test_schema_file_is_generated_from_the_type() -> None:
    assert editor.TARGET.read_text(encoding="utf-8") == editor.content(), "run `make generate`"
    jsonschema.Draft7Validator.check_schema(editor.template())


def test_linter_schema_is_the_types() -> None:
    """cfn-lint takes every JSON file in a folder for a schema, so it has one of its own."""
    (only,) = (ROOT / "editors" / "schemas").iterdir()
    assert only.samefile(SCHEMA)


@TAGS
@pytest.mark.parametrize("template", CORRECT, ids=lambda path: path.stem)
def test_schema_accepts_correct_templates(template: Path, tag: template_yaml.Tag) -> None:
    assert faults(template_yaml.load(template.read_text(encoding="utf-8"), tag)) == []


def test_schema_describes_every_property() -> None:
    whole, read_only = schema(), {each.rsplit("/", 1)[1] for each in schema()["readOnlyProperties"]}
    offered = editor.template()["definitions"]["package"]["properties"]
    assert {name: each["description"] for name, each in offered.items()} == {
        name: each["description"] for name, each in whole["properties"].items() if name not in read_only
    }


def package(properties: str) -> Json:
    """A template with one package in a group."""
    whole = {"ModelPackageGroupName": "fraud", **template_yaml.load(properties)}
    return {"Resources": {"Model": {"Type": OURS.name, "Properties": whole}}}


AT = "Resources/Model/Properties"
SPECIFICATION = f"{AT}/InferenceSpecification"
WRONG = {
    "a misspelt property": ("{Domian: x}", f"{AT}: additionalProperties"),
    "a misspelt member": (
        "{InferenceSpecification: {Containers: [{Imagee: x}]}}",
        f"{SPECIFICATION}/Containers/0: additionalProperties",
    ),
    "a member one level too high": (
        "{InferenceSpecification: {ModelDataUrl: s3://b/m, Containers: [{Image: x}]}}",
        f"{SPECIFICATION}: additionalProperties",
    ),
    "a map for a list": ("{Tags: {team: risk}}", f"{AT}/Tags: type"),
    "an object for a list": (
        "{InferenceSpecification: {Containers: {Image: x}}}",
        f"{SPECIFICATION}/Containers: type",
    ),
    "a list for an object": (
        "{InferenceSpecification: [{Containers: [{Image: x}]}]}",
        f"{SPECIFICATION}: type",
    ),
    "a text for a list": (
        "{InferenceSpecification: {Containers: [{Image: x}], SupportedContentTypes: text/csv}}",
        f"{SPECIFICATION}/SupportedContentTypes: type",
    ),
    "an object for a text": (
        "{ModelCard: {ModelCardContent: {model_overview: {}}}}",
        f"{AT}/ModelCard/ModelCardContent: type",
    ),
    "a missing member": ("{ModelLifeCycle: {Stage: Production}}", f"{AT}/ModelLifeCycle: required"),
    "an empty list": ("{InferenceSpecification: {Containers: []}}", f"{SPECIFICATION}/Containers: minItems"),
    "another case": ("{ModelApprovalStatus: approved}", f"{AT}/ModelApprovalStatus: enum"),
    "a return value": ("{ModelPackageStatus: Completed}", f"{AT}: additionalProperties"),
    "a key": ("{Environment: {LOG-LEVEL: info}}", f"{AT}/Environment: additionalProperties"),
}


@pytest.mark.parametrize(("properties", "fault"), WRONG.values(), ids=WRONG)
def test_schema_locates_fault(properties: str, fault: str) -> None:
    assert faults(package(properties)) == [fault]


def test_schema_refuses_unknown_resource_attribute() -> None:
    template = package("{}")
    template["Resources"]["Model"]["ModelApprovalStatus"] = "Approved"
    assert faults(template) == ["Resources/Model: additionalProperties"]


def test_schema_accepts_functions_as_attributes_and_other_types() -> None:
    template = package("{}")
    template["Resources"]["Model"]["DeletionPolicy"] = {"Fn::If": ["IsProduction", "Retain", "Delete"]}
    template["Resources"]["Bucket"] = {"Type": "AWS::S3::Bucket", "Anything": [1]}
    assert faults(template) == []


def test_schema_is_for_the_type_under_another_name() -> None:
    wrong = package("{Domian: x}")
    assert faults(wrong, ACME) == []
    wrong["Resources"]["Model"]["Type"] = ACME.name
    assert faults(wrong, ACME) == [f"{AT}: additionalProperties"]
    assert faults(wrong) == []


# --- cfn-lint ---------------------------------------------------------------------------------------

SLIP = "StageStatsu"
REFUSED = f"E9111 ModelLifeCycle.{SLIP} is not a property of this type; did you mean StageStatus?"
REFUSED_BY_SCHEMA = (
    f"E3002 Additional properties are not allowed ('{SLIP}' was unexpected. Did you mean 'StageStatus'?)"
)


@pytest.fixture
def templates(tmp_path: Path) -> list[Path]:
    """A correct and a wrong template, with a property that the schema in cfn-lint does not have."""
    paths = [tmp_path / "right.yaml", tmp_path / "wrong.yaml"]
    for path, member in zip(paths, ("StageStatus", SLIP), strict=True):
        properties = {"SourceUri": "s3://b/m/", "ModelLifeCycle": {"Stage": "Prod", member: "Approved"}}
        path.write_text(yaml.safe_dump(package(json.dumps(properties))), encoding="utf-8")
    return paths


# cfn-lint's lists of types lack ours in the latter two.
@pytest.mark.parametrize(
    "regions", [("us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1"), ("ap-east-2", "us-gov-east-1")]
)
def test_linter_uses_our_schema_in_every_region(templates: list[Path], regions: tuple[str, ...]) -> None:
    matches = lint(ROOT, "--regions", *regions, "--", *templates)
    assert matches.keys() == {"wrong"}
    assert {REFUSED, REFUSED_BY_SCHEMA} <= set(matches["wrong"])


def test_linter_needs_no_more_than_our_schema_alone_in_a_folder(
    templates: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / SCHEMA.name).write_text(SCHEMA.read_text(encoding="utf-8"), encoding="utf-8")
    matches = lint(tmp_path, "--registry-schemas", "schemas", "--", *templates)
    assert matches.keys() == {"wrong"}
    assert REFUSED_BY_SCHEMA in matches["wrong"]


@pytest.mark.parametrize(
    ("ignored", "left"),
    [("W9111", {"W9112", "E9124"}), ("W911", {"E9124"}), ("W91", {"E9124"}), ("E9124", {"W9111", "W9112"})],
)
def test_linter_ignores_rules_by_id_and_prefix(tmp_path: Path, ignored: str, left: set[str]) -> None:
    properties = "{SourceUri: s3://b/m/, ClientToken: a, CreatedBy: {}, CertifyForMarketplace: true}"
    path = tmp_path / "template.yaml"
    path.write_text(yaml.safe_dump(package(properties)), encoding="utf-8")
    matches = lint(ROOT, "--ignore-checks", ignored, "W9115", "--", path)
    assert {each.split()[0] for each in matches["template"]} == left


def test_linter_reports_the_same_under_another_type_name(templates: list[Path], tmp_path: Path) -> None:
    """By cfn-lint alone, in the folder that `make package` builds, wherever that is copied."""
    acme, packages = tmp_path / "acme", link_cfn_lint_alone(tmp_path / "packages")
    stage(acme, ACME)
    (acme / "editors" / "schemas" / "other.json").write_text(json.dumps(OTHER_SCHEMA), encoding="utf-8")
    for path in templates:
        path.write_text(renamed(path.read_text(encoding="utf-8"), ACME), encoding="utf-8")
    matches = lint(acme, *templates, packages=packages)
    assert matches.keys() == {"wrong"}
    assert {REFUSED, REFUSED_BY_SCHEMA} <= set(matches["wrong"])
    staged = (acme / "editors" / editor.TARGET.name).read_text(encoding="utf-8")
    assert staged == editor.content(ACME), "run `make generate`"
    # Without the handlers' package, the schema is checked and one warning says what is missing.
    shutil.rmtree(acme / "src")
    matches = lint(acme, *templates, packages=packages)
    assert REFUSED_BY_SCHEMA in matches["wrong"]
    (warning,) = matches["right"]
    assert warning in matches["wrong"]
    assert [each for each in matches["wrong"] if re.match("[EW]9", each)] == [warning]
    assert warning == (
        "W9000 The rules for model packages are not loaded, so only the schema is checked: No module named"
        f" '{ACME.package}'. To have them, have src/ beside editors/, as the project and the folder of"
        " `make package` do"
    )
    # Of types with such names cfn-lint checks nothing by itself. Once it does,
    # editors/rules/_registered_types.py is not needed any more.
    (acme / ".cfnlintrc").unlink()
    assert lint(acme, "--registry-schemas", "editors/schemas", "--", *templates) == {}


RULES_FILE = ROOT / "editors" / "rules" / "model_packages.py"


def loaded_rules() -> list[Any]:
    """The rules that cfn-lint makes of the only file in the folder that it loads."""
    assert [path.name for path in RULES_FILE.parent.glob("[!_]*.py")] == [RULES_FILE.name]
    rules: list[Any] = load_plugins(str(RULES_FILE.parent))
    return rules


def test_rules_step_aside_on_an_older_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 13, "final", 0))
    (rule,) = loaded_rules()
    assert (rule.id, rule.severity) == ("W9000", "warning")
    assert rule.description == (
        "The rules for model packages are not loaded, so only the schema is checked: they do not run on"
        " Python 3.10. To have them, use cfn-lint 1.58.0 with Python 3.11 or newer"
    )


def test_rules_step_aside_from_another_cfn_lint(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where it lacks what the rules import from it."""
    monkeypatch.setitem(sys.modules, "editors.rules._advice", None)
    monkeypatch.setitem(sys.modules, "editors.rules._registered_types", None)
    (rule,) = loaded_rules()
    assert (rule.id, "To have them, use cfn-lint" in rule.description) == ("W9000", True)


def test_rules_name_the_versions_that_they_are_tested_with() -> None:
    text = RULES_FILE.read_text(encoding="utf-8")
    oldest, newest = (
        re.findall(r"^cfn-lint==(\S+)", (ROOT / "locks" / f"linter-{name}.txt").read_text(), re.MULTILINE)[0]
        for name in ("oldest", "newest")
    )
    assert f'NEWEST_CFN_LINT = "{newest}"' in text
    assert newest == version("cfn-lint")
    assert f"cfn-lint {oldest} to {newest}" in GUIDE


# --- the guide --------------------------------------------------------------------------------------

GUIDE = (ROOT / "guides" / "editors.md").read_text(encoding="utf-8")


def block(containing: str) -> str:
    """The fenced block of the guide that is no command and contains a text."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    (text,) = [text for kind, text in blocks if kind == "text" and containing in text]
    return str(text)


def test_guide_settings_for_vs_code_name_existing_files() -> None:
    settings = json.loads(block("yaml.schemas"))
    (schema_file,) = settings["yaml.schemas"]
    assert (ROOT / schema_file).samefile(editor.TARGET)
    assert (ROOT / settings["cfnLint.path"]).exists()
    tags = {each.split()[0] for each in settings["yaml.customTags"]}
    events = (each for example in EXAMPLES for each in yaml.parse(example.read_text(encoding="utf-8")))
    used = {tag for each in events if (tag := getattr(each, "tag", None))}
    assert used
    assert used <= tags


def test_guide_hook_covers_every_example() -> None:
    (repository,) = yaml.safe_load(block("repos:"))["repos"]
    (hook,) = repository["hooks"]
    assert (ROOT / hook["entry"]).samefile(LINTER)
    assert [
        each for each in EXAMPLES if not re.search(hook["files"], each.relative_to(ROOT).as_posix())
    ] == []


def test_guide_lists_every_rule_with_an_example() -> None:
    command = [str(LINTER), "--list-rules"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    listed = re.findall(r"^([EWI]9\d+): (.+)$", done.stdout, re.MULTILINE)
    rows = re.findall(r"^\| `([EWI]9\d+)` \| (.+) \| \[\S+\]\(\.\./(\S+)\) \|$", GUIDE, re.MULTILINE)
    assert [(rule, text) for rule, text, _ in rows] == sorted(listed)
    for rule, _, example in rows:
        assert (ROOT / example).read_text(encoding="utf-8").startswith(f"# linter: {rule} ")


# Each level has the one before it ten times.
LAUGHS = "Metadata:\n  A0: &a0 [ha]\n" + "".join(
    f"  A{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 40)
)


def test_linter_refuses_exploding_aliases_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    resources = f"{{Package: {{Type: '{TYPE}', Properties: *a39}}}}"
    path.write_text(f"{LAUGHS}Resources: {resources}\n", encoding="utf-8")
    (message,) = lint(ROOT, "--", path)["template"]
    assert message.startswith(
        "E0000 Template resolves to more than 250000 nodes once YAML aliases are expanded"
    )


@pytest.mark.parametrize("levels", [5, 60])
def test_rules_pass_over_properties_that_explode(levels: int) -> None:
    """Other versions of cfn-lint give the rules what its own bound lets through."""
    properties: Any = {"Name": "value"}
    for _ in range(levels):
        properties = {f"Key{number}": properties for number in range(10)}
    assert packages(OneResource(properties)) == []


def test_rules_pass_over_properties_that_are_nested_too_deeply() -> None:
    properties: Any = {}
    for _ in range(100):
        properties = {"Key": properties}
    assert packages(OneResource(properties)) == []
    ((name, _),) = packages(OneResource(properties["Key"]))
    assert name == "Package"


class OneResource:
    """As much of cfn-lint's template as the rules need to find the packages."""

    def __init__(self, properties: Any) -> None:
        self._properties = properties
        self.template: dict[str, Any] = {}
        self.conditions = self

    def get_resources(self, _type: str) -> dict[str, Any]:
        return {"Package": {"Type": TYPE, "Properties": self._properties}}

    def build_scenarios(self, _asked: Any) -> list[dict[str, bool]]:
        return []
