"""`deploy`: templates, parameters, tags and names are checked before anything is created."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from sandbox.commands import templates
from tests.sandbox.commands.cli import VERSION, RunCommand, stacks_of, write

# Each level has the one before it ten times.
LAUGHS = "Resources: {A: {Type: 'AWS::SNS::Topic'}}\nA0: &a0 [ha]\n" + "".join(
    f"A{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 40)
)
TOPIC = "{Type: 'AWS::SNS::Topic', Properties: {TopicName: %s}}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no template at"),
        ("", "is empty"),
        (" \n", "is empty"),
        (b"Resources: \xff", "is not text in UTF-8: line 1, byte 12"),
        ("Resources:\n  A: [1\n", "is not YAML: line 3, column 1: expected ',' or ']'"),
        ("Resources:\n  A: \x07\n", "is not YAML: line 2, column 6: a character that may not be there"),
        ("Resources: {A: {Type: x}}\nDay: 2026-13-41", "is not YAML: month must be in 1..12"),
        ('{"Resources": {"A": }}', "is not JSON: line 1, column 21: Expecting value"),
        (
            '{"Resources":\n' + '{"a":' * 100_000,
            "is no template: it is nested too deeply, in more than 100 levels",
        ),
        ("Resources:\n " + "[\n " * 20_000, "is no template: line 101, column 2: it is nested too deeply"),
        ("Resources: " + "[" * 99 + "]" * 99, "has no Resources"),
        (
            "Resources: " + "[" * 100 + "]" * 100,
            "is no template: line 1, column 111: it is nested too deeply",
        ),
        ('{"Resources": ' + "[" * 99 + "]" * 99 + "}", "has no Resources"),
        ('{"Resources": ' + "[" * 100 + "]" * 100 + "}", "is nested too deeply, in more than 100 levels"),
        ('{"Resources": ' + "9" * 5_000 + "}", "is not JSON: Exceeds the limit"),
        (
            "Resources: {A: {Type: 'AWS::SNS::Topic', Metadata: &all [*all]}}",
            "line 1, column 58: YAML aliases are not allowed in CloudFormation templates: write out what",
        ),
        (LAUGHS, "line 3, column 10: YAML aliases are not allowed in CloudFormation templates"),
        ("- a list", "is no template: it is a list, not a mapping"),
        ("a text", "is no template: it is a text, not a mapping"),
        ("12", "is no template: it is a single value, not a mapping"),
        ("Parameters: {}", "is no template: it has no Resources"),
        ("Resources: {}", "is no template: it has no Resources"),
        ("Resources: [A]", "is no template: it has no Resources"),
        ("Resources: {A: {Tipe: x}}", "the resource A has no Type"),
        ("Resources: {A: []}", "the resource A has no Type"),
        ("Resources: {A: {Type: x}}\nParameters: [A]", "Parameters has to be a mapping"),
        ("Resources: {A: {Type: 'AWS::No::Such'}}", "Unrecognized resource types: [AWS::No::Such]"),
        (
            "Parameters: {Name: {Type: String, Description: Its name}}\n"
            "Resources: {A: {Type: 'AWS::SNS::Topic'}}",
            "that it has no defaults for:\n  Name: Its name\nGive them with --parameters Name=...",
        ),
    ],
)
def test_deploy_refuses_a_template(
    run: RunCommand, tmp_path: Path, content: str | bytes | None, message: str
) -> None:
    present = stacks_of(run)
    path = tmp_path / "template.yaml"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = run("deploy", str(path))
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert stacks_of(run) == present


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("!Ref Nope", "Nope"),
        ("{Ref: Nope}", "Nope"),
        ("!Ref AWS::Nope", "AWS::Nope"),
        ("!GetAtt Nope.Arn", "Nope"),
        ("!GetAtt [Nope, Arn]", "Nope"),
        ("{'Fn::GetAtt': [Nope, Arn]}", "Nope"),
        ("!Sub 'a-${Nope}'", "Nope"),
        ("!Sub 'a-${Nope.Arn}'", "Nope"),
        ("!Sub ['${Own}-${Nope}', {Own: 1}]", "Nope"),
        ("!Sub ['${Own}', {Own: !Ref Nope}]", "Nope"),
        ("!Join ['-', [a, !Sub '${Nope}']]", "Nope"),
        ("!If [Always, !Ref Nope, b]", "Nope"),
    ],
)
def test_deploy_refuses_a_reference_to_nothing(
    run: RunCommand, tmp_path: Path, value: str, name: str
) -> None:
    present = stacks_of(run)
    path = write(tmp_path / "t.yaml", f"Resources: {{A: {TOPIC % value}}}")
    result = run("deploy", path)
    assert (result.code, result.out) == (2, "")
    place = f"{path} has no parameter and no resource {name}, named at /Resources/A/Properties/TopicName"
    assert result.err.startswith(place)
    assert stacks_of(run) == present


def test_deploy_names_types_that_this_machine_lacks(run: RunCommand, tmp_path: Path) -> None:
    present = stacks_of(run)
    resources = f"{{Domain: {{Type: 'AWS::SageMaker::Domain'}}, Topic: {TOPIC % 'a'}}}"
    result = run("deploy", write(tmp_path / "t.yaml", f"Resources: {resources}"))
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("AWS::SageMaker::Domain (Domain) is not on this machine: ")
    assert stacks_of(run) == present


def test_deploy_suggests_a_similar_name(run: RunCommand, tmp_path: Path) -> None:
    output = "Outputs: {Arn: {Value: !Ref Topik}}"
    result = run("deploy", write(tmp_path / "t.yaml", f"Resources: {{Topic: {TOPIC % 'a'}}}\n{output}"))
    assert result.code == 2
    assert result.err.endswith("no resource Topik, named at /Outputs/Arn/Value; there is Topic\n")


@pytest.mark.parametrize(
    "template",
    [
        f"Resources: {{A: {TOPIC % '!Ref AWS::StackName'}, B: {TOPIC % '!GetAtt A.TopicName'}}}",
        "Parameters: {P: {Type: String}}\nResources: {A: %s}" % (TOPIC % "!Sub '${P}-${AWS::Region}'"),
        "Resources: {A: %s}" % (TOPIC % "!Sub ['${Own}-${!Nope}', {Own: a}]"),
        "Resources: {A: %s}" % (TOPIC % "{Ref: Nope, Other: 1}"),
        "Resources: {A: {Type: 'AWS::SNS::Topic', Metadata: {B: &name [a]}}}",  # an anchor without an alias
        "Transform: 'AWS::Serverless-2016-10-31'\nResources: {A: %s}" % (TOPIC % "!Ref Nope"),
        "Resources: {A: {Type: 'My::Own::Thing::MODULE'}, B: %s}" % (TOPIC % "!Ref AThing"),
        "Resources: {'Fn::ForEach::Loop': [X, [a], {}], B: %s}" % (TOPIC % "!Ref TopicA"),
        "Resources: {A: %s}" % (TOPIC % "[{'Fn::Transform': {Name: M}}, !Ref Nope]"),
    ],
)
def test_read_accepts_references_that_may_exist(tmp_path: Path, template: str) -> None:
    assert templates.read(write(tmp_path / "t.yaml", template)).body == template


def test_deploy_names_a_file_that_cannot_be_read(run: RunCommand, tmp_path: Path) -> None:
    assert "is a folder, not a template" in run("deploy", str(tmp_path)).err
    assert "cannot be read" in run("deploy", "with\0zero").err
    assert f"there is {VERSION}" in run("deploy", VERSION.replace("registered", "registred")).err


@pytest.mark.usefixtures("sandbox")
def test_deploy_reads_stdin_and_short_tags(run: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    body = (
        b"\xef\xbb\xbfResources: {A: {Type: 'AWS::SNS::Topic', Properties: {TopicName: !Join ['-', [a, b]]}}}"
    )
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(body)))
    assert "No stack can be named after stdin" in run("deploy", "-").err
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(body)))
    assert run("deploy", "-", "--stack", "tags").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--parameters", "GroupNam=a"), "has no parameter GroupNam; it has GroupName\nIts parameters: Gr"),
        (("--parameters", "Xyz=a", "Zyx=a"), "has no parameter Zyx\n"),
        (("--parameters", "GroupName=a", "GroupName=b"), "The parameter GroupName is given twice"),
        (("--tags", "a=1", "a=2"), "The tag a is given twice"),
        (("--tags", "aws:a=1"), "refuses the template or its parameters"),
        (
            ("--parameters", "ApprovalStatus=MySecret"),
            "Parameter 'ApprovalStatus' must be one of AllowedValues",
        ),
        (("--stack", "1st"), "1st is not a name for a stack"),
        (("--stack", "a" * 129), "is not a name for a stack"),
    ],
)
def test_deploy_refuses_parameters_tags_and_names(
    run: RunCommand, arguments: tuple[str, ...], message: str
) -> None:
    present = stacks_of(run)
    result = run("deploy", VERSION, *arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert "MySecret" not in result.err
    assert stacks_of(run) == present
