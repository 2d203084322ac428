"""The rules without cfn-lint: what they report of a template and its parameters, and where."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.commands import templates
from sandbox.commands.deployment import Deployment as PreparedDeployment
from sandbox.commands.deployment import problems_of_file
from sandbox.commands.errors import UsageError
from sandbox.commands.known_values import KnownValues, parameter_values
from sandbox.commands.lint import Deployment, Problem, lint
from sandbox.shared.settings import ROOT, schema
from tests.sandbox.commands.cli import package_template, write
from tests.stack.stacks import TYPE, Json, specification

MISTAKES = sorted((ROOT / "tests" / "mistakes").glob("*.yaml"))
CORRECT = [
    *(ROOT / "tests" / "mistakes" / "none").glob("*.yaml"),
    *(path for path in (ROOT / "examples").rglob("*.yaml")),
]
# What they have is wrong for other values of parameters only.
OTHERWISE = {"a-member-is-misspelt-under-a-condition", "a-version-has-a-name-under-a-condition"}
ACME = "Acme::SageMaker::ModelPackage"


def linted(
    document: Json, *, previous: Json | None = None, types: tuple[str, ...] = (), **given: str
) -> list[Problem]:
    """What is reported of a template, of its text as JSON."""
    template = templates.Template(
        "t", json.dumps(document, indent=1), document, document.get("Parameters") or {}
    )

    def known(each: Json, values: Mapping[str, str]) -> KnownValues:
        return KnownValues(each, parameter_values(each.get("Parameters") or {}, values), "fraud")

    deployment = Deployment(known(document, given), has_tags=False, type_names=types)
    return lint(template, deployment, (lambda: known(previous, {})) if previous else None)


def rules(problems: list[Problem]) -> list[str]:
    return [each.rule for each in problems]


def version(**properties: Any) -> Json:
    """The definition of a version in a group."""
    return {
        "Type": TYPE,
        "Properties": {"ModelPackageGroupName": "fraud", "SourceUri": "s3://b/k", **properties},
    }


def with_version(_resource: Json | None = None, **properties: Any) -> Json:
    return {"Resources": {"Version": {**version(**properties), **(_resource or {})}}}


# --- the same as cfn-lint ---------------------------------------------------------------------------


def test_lint_reports_the_mistakes_that_cfn_lint_reports() -> None:
    compared = 0
    for path in MISTAKES:
        expected = re.findall(r"^# linter: ([EW]9\d+) (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        try:
            _, problems = problems_of_file(str(path), {})
        except UsageError:  # no template at all
            continue
        missing = [
            (rule, text)
            for rule, text in expected
            if not any(each.rule == rule and text in each.message for each in problems)
        ]
        # Tags that may repeat the stack's.
        missing = [each for each in missing if each[0] != "E9116"]
        assert bool(missing) == (path.stem in OTHERWISE), path.stem
        assert expected or path.stem.endswith("attribute") or rules(problems) in ([], ["E6101"]), path.stem
        compared += len(expected)
    assert compared > 100


def test_lint_reports_nothing_of_correct_templates() -> None:
    assert len(CORRECT) > 15
    assert [
        (path.stem, problems) for path in CORRECT if (problems := problems_of_file(str(path), {})[1])
    ] == []


# --- places -----------------------------------------------------------------------------------------


def test_problem_has_line_and_path_in_yaml(tmp_path: Path) -> None:
    properties = "      ModelPackageGroupName: fraud\n      SourceUri: s3://b/k\n      Domian: x\n"
    text = f"Resources:\n  Version:\n    Type: {TYPE}\n    Properties:\n{properties}"
    (problem,) = problems_of_file(write(tmp_path / "t.yaml", text), {})[1]
    assert (problem.rule, problem.line, problem.path) == ("E9111", 7, "Resources/Version/Properties/Domian")
    assert problem.is_error
    assert problem.text("t.yaml") == (
        "t.yaml:7: E9111 Domian is not a property of this type; did you mean Domain?\n"
        "    Resources/Version/Properties/Domian"
    )


def test_problem_has_a_line_in_json_with_tabs() -> None:
    document = with_version(Domian="x")
    template = templates.Template("t", json.dumps(document, indent="\t"), document, {})
    deployment = Deployment(KnownValues(document, {}, "fraud"), has_tags=False)
    (problem,) = lint(template, deployment, None)
    assert problem.line == 8


def test_problem_of_a_loop_has_the_line_of_as_much_as_there_is() -> None:
    loop = ["Name", ["One", "Two"], {"Version${Name}": version(Domian="${Name}")}]
    document = {"Transform": "AWS::LanguageExtensions", "Resources": {"Fn::ForEach::Versions": loop}}
    assert [(each.path, each.line) for each in linted(document)] == [
        (f"Resources/Version{name}/Properties/Domian", 3) for name in ("One", "Two")
    ]


# --- parameters, conditions, transforms --------------------------------------------------------------


@pytest.mark.parametrize("notation", [{"Ref": "Stage"}, {"Fn::Sub": "${Stage}"}])
def test_lint_reads_values_of_parameters(notation: Json) -> None:
    document = {
        "Parameters": {"Stage": {"Type": "String", "Default": "Approved"}},
        **with_version(ModelApprovalStatus=notation),
    }
    assert linted(document) == []
    (problem,) = linted(document, Stage="approved")
    assert (problem.rule, "did you mean Approved?" in problem.message) == ("E9113", True)


@pytest.mark.parametrize(
    "declared",
    [
        {"Type": "String", "NoEcho": True},
        {"Type": "AWS::SSM::Parameter::Value<String>"},
        {"Type": "String", "AllowedValues": ["Approved"]},
    ],
    ids=["secret", "of Parameter Store", "refused by CloudFormation"],
)
def test_lint_leaves_values_out_that_are_not_its_own(declared: Json) -> None:
    document = {"Parameters": {"Stage": declared}, **with_version(ModelApprovalStatus={"Ref": "Stage"})}
    assert linted(document, Stage="approved") == []


def test_lint_follows_conditions() -> None:
    live = {"Fn::Equals": [{"Ref": "Stage"}, "live"]}
    document = {
        "Parameters": {"Stage": {"Type": "String", "Default": "test"}},
        "Conditions": {"IsLive": live, "IsTest": {"Fn::Not": [{"Condition": "IsLive"}]}},
        "Resources": {
            "One": {**version(Domian="x"), "Condition": "IsLive"},
            "Two": version(Domain={"Fn::If": ["IsTest", "OTHER", {"Ref": "AWS::NoValue"}]}),
            "Three": version(ModelApprovalStatus={"Fn::If": ["IsTest", "Approved", "approved"]}),
        },
    }
    assert linted(document) == []
    assert [each.path for each in linted(document, Stage="live")] == [
        "Resources/One/Properties/Domian",
        "Resources/Three/Properties/ModelApprovalStatus",
    ]


def test_lint_takes_no_error_for_one_that_depends_on_something_unknown() -> None:
    document = {
        "Parameters": {"Stage": {"Type": "AWS::SSM::Parameter::Value<String>"}},
        "Conditions": {"IsLive": {"Fn::Equals": [{"Ref": "Stage"}, "live"]}},
        **with_version(ModelApprovalStatus={"Fn::If": ["IsLive", "approved", "Approved"]}),
    }
    assert linted(document) == []
    document["Resources"]["Version"]["Properties"]["Domian"] = "x"
    assert rules(linted(document)) == ["E9111"]


def test_lint_combines_conditions_of_each_package_by_itself() -> None:
    names = [f"Is{number}" for number in range(9)]
    texts = {name: {"Fn::If": [name, "a", "b"]} for name in names}
    document = {
        "Parameters": {"Stage": {"Type": "AWS::SSM::Parameter::Value<String>"}},
        "Conditions": {name: {"Fn::Equals": [{"Ref": "Stage"}, name]} for name in names},
        "Resources": {name: version(Domian="x", ModelPackageDescription=texts[name]) for name in names},
    }
    assert [each.path for each in linted(document)] == [
        f"Resources/{name}/Properties/Domian" for name in names
    ]


@pytest.mark.parametrize(
    "properties",
    [
        {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/k"}}},
        {"Domian": "x", "Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/k"}}},
    ],
    ids=["the whole", "a part"],
)
def test_lint_passes_over_what_a_transform_adds_to(properties: Json) -> None:
    assert linted({"Resources": {"Version": {"Type": TYPE, "Properties": properties}}}) == []


def test_loops_have_references_to_what_they_make() -> None:
    named = {"Fn::Sub": "Version${Name}"}
    loop: Any = ["Name", ["One"], {"${Name}": {"Value": [{"Ref": named}, {"Fn::GetAtt": [named, "Arn"]}]}}]
    known = KnownValues(
        {"Transform": "AWS::LanguageExtensions", "Outputs": {"Fn::ForEach::O": loop}}, {}, "s"
    )
    references = [{"Ref": "VersionOne"}, {"Fn::GetAtt": ["VersionOne", "Arn"]}]
    assert known.resolve(known.outputs) == {"One": {"Value": references}}


def test_loops_without_end_are_not_written_out() -> None:
    fragment: Any = {"Version${A0}": version(Domian="x")}
    for name in ("A0", "A1", "A2"):
        fragment = {f"Fn::ForEach::{name}": [name, [str(number) for number in range(1_000)], fragment]}
    known = KnownValues({"Transform": ["AWS::LanguageExtensions"], "Resources": fragment}, {}, "fraud")
    assert len(known.resources) <= 1_000


# --- what is no error -------------------------------------------------------------------------------


def test_lint_takes_a_type_under_another_name() -> None:
    document = with_version({"Type": ACME}, Domian="x")
    assert linted(document) == []
    assert rules(linted(document, types=(ACME,))) == ["E9111"]


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        (ACME, {}, ["E9111"]),
        (ACME, {"properties": {}}, []),
        ("Other::Type::Unknown", {}, []),
        ("AWS::SNS::Topic", {}, []),
    ],
)
def test_names_of_the_type_are_those_registered_with_its_properties(
    name: str, change: Json, expected: list[str]
) -> None:
    def describe_type(**given: str) -> Json:
        if given != {"Type": "RESOURCE", "TypeName": ACME}:
            raise ClientError({"Error": {"Code": "TypeNotFoundException"}}, "DescribeType")
        return {"Schema": json.dumps({**schema(), **change}).replace(TYPE, ACME)}

    document = with_version({"Type": name}, Domian="x")
    template = templates.Template("t", json.dumps(document), document, {})
    stacks: Any = SimpleNamespace(client=SimpleNamespace(describe_type=describe_type))
    prepared = PreparedDeployment(stacks, template, {"StackName": "fraud", "Parameters": []}, None)
    assert rules(prepared.problems()) == expected


def test_lint_accepts_again_what_a_stack_has_been_deployed_with() -> None:
    before = with_version(ModelApprovalStatus="approved")
    assert rules(linted(with_version(ModelApprovalStatus="approved"), previous=before)) == []
    assert rules(linted(with_version(ModelApprovalStatus="rejected"), previous=before)) == ["E9113"]


@pytest.mark.parametrize(
    ("where", "ids", "left"),
    [
        ("template", ["E91"], ["W9112"]),
        ("resource", ["E9111"], ["W9112"]),
        ("resource", ["E91"], ["E9111", "W9112"]),
        ("file", ["E9111", "W9"], []),
    ],
)
def test_lint_follows_settings_of_cfn_lint(
    where: str, ids: list[str], left: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    document = with_version(Domian="x", CreatedBy={})
    config = {"ignore_checks": ids}
    if where == "file":
        write(tmp_path / ".cfnlintrc", config)
    else:
        target = document if where == "template" else document["Resources"]["Version"]
        target["Metadata"] = {"cfn-lint": {"config": config}}
    assert rules(linted(document)) == left


def test_lint_reports_attributes_that_a_package_does_not_have() -> None:
    document = {
        **with_version(),
        "Outputs": {
            "Arn": {"Value": {"Fn::Sub": "${Version.Arn} ${!Version.Other}"}},
            "Status": {"Value": {"Fn::GetAtt": "Version.ModelPackageStatus"}},
        },
    }
    (problem,) = linted(document)
    assert (problem.rule, problem.path) == ("E6101", "Outputs/Arn")
    assert problem.message.startswith("Arn is no attribute of Version, which has CreationTime")


def test_lint_needs_no_cfn_lint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its import takes seconds. Without it there is no list of instance types, and no other difference."""
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:1"
    instances = {"Containers": [{"Image": image}], "SupportedTransformInstanceTypes": ["ml.m5.nothing"]}
    document = with_version(Domian="x", InferenceSpecification=instances)
    assert rules(linted(document)) == ["E9111", "W9125"]
    for name in [each for each in sys.modules if each.startswith("editors.rules")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cfnlint", None)
    assert rules(linted(document)) == ["E9111"]


def test_lint_messages_have_no_confidential_value() -> None:
    secret = "hunter2"  # noqa: S105 - no real one
    document = with_version(
        CustomerMetadataProperties={"key": f"{secret}\t", "a b!": secret, "list": [secret]},
        ModelCard={"ModelCardStatus": "Draft", "ModelCardContent": secret},
        InferenceSpecification={"Containers": [{"Image": "x", "Environment": {"A": secret * 1_000}}]},
    )
    problems = linted(document)
    assert {"E9112", "E9122", "E9141"} <= set(rules(problems))
    assert secret not in str(problems)


def test_package_template_is_correct() -> None:
    """The template that other tests deploy."""
    assert linted(package_template(AdditionalInferenceSpecifications=[specification("neo")])) == []
