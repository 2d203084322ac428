"""Templates whose members are of wrong kinds are refused before anything is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.commands import templates
from sandbox.commands.errors import UsageError
from sandbox.local_aws import Sandbox
from sandbox.shared import template_yaml
from sandbox.shared.template_form import form_problem
from tests.sandbox.helpers import cases
from tests.stack.stacks import DeployedStacks, Json, new_name

QUEUE = "Q: {Type: 'AWS::SQS::Queue'}"
RESOURCES = f"Resources: {{{QUEUE}}}\n"
NULL = "'null' values are not allowed in templates"
FORMAT = "Template format error: "

MALFORMED = {
    # Recorded refusals of CloudFormation's.
    "an output's value that is null": (
        RESOURCES + "Outputs: {O: {Value: null, Other: null}}",
        f"[/Outputs/O/Value] {NULL}",
    ),
    "outputs that are null": (RESOURCES + "Outputs:\n", f"[/Outputs] {NULL}"),
    "a dependency that is null": (
        "Resources: {A: {Type: 'AWS::SQS::Queue', DependsOn: [null]}}",
        f"[/Resources/A/DependsOn/0] {NULL}",
    ),
    "a mapped value that is null": (
        RESOURCES + "Mappings: {M: {x: {AMI: null}}}",
        f"[/Mappings/M/x/AMI] {NULL}",
    ),
    "a key that is a number": (
        RESOURCES + "Mappings: {M: {x: {32: a}}}",
        FORMAT + "[/Mappings/M/x] map keys must be strings; received numeric [32] instead",
    ),
    "an output without a value": (
        RESOURCES + "Outputs: {O: {}}",
        FORMAT + "Every Outputs member must contain a Value object",
    ),
    "no resources": ("Resources: {}", FORMAT + "At least one Resources member must be defined."),
    "resources that are a text": ("Resources: ''", FORMAT + "Any Resources member must be an object."),
    "a resource that is a text": (
        "Resources: {Type: 'AWS::SQS::Queue'}",
        FORMAT + "[/Resources/Type] resource definition is malformed",
    ),
    "a resource without a type": (
        "Resources: {A: {}}",
        FORMAT + "[/Resources/A] Every Resources object must contain a Type member.",
    ),
    "a mapping of one level": (
        RESOURCES + "Mappings: {M: {A: a}}",
        FORMAT + "Every Mappings member A must be a map",
    ),
    "a mapping of three levels": (
        RESOURCES + "Mappings: {M: {A: {B: {C: a}}}}",
        FORMAT + "Every Mappings attribute must be a String or a List.",
    ),
    "a parameter without a type": (
        RESOURCES + "Parameters: {P: {Default: a}}",
        FORMAT + "Every Parameters object must contain a Type member.",
    ),
    "allowed values that are a text": (
        RESOURCES + "Parameters: {P: {Type: String, Default: a, AllowedValues: a b}}",
        FORMAT + "Every AllowedValues member must be a list.",
    ),
    "a policy that is a map": (
        "Resources: {A: {Type: 'AWS::SQS::Queue', DeletionPolicy: {a: b}}}",
        FORMAT + "Every DeletionPolicy member must be a string.",
    ),
    # Others of the same kinds.
    "a resource that is null": (f"Resources: {{X: ~, {QUEUE}}}", f"[/Resources/X] {NULL}"),
    "resources that are a list": ("Resources: [a]", FORMAT + "Any Resources member must be an object."),
    "a resource that is a list": (
        f"Resources: {{X: [a], {QUEUE}}}",
        FORMAT + "[/Resources/X] resource definition is malformed",
    ),
    "a type that is a list": (
        "Resources: {A: {Type: ['AWS::SQS::Queue']}}",
        FORMAT + "[/Resources/A] Every Resources object must contain a Type member.",
    ),
    "a condition that is a list": (
        "Resources: {A: {Type: 'AWS::SQS::Queue', Condition: [a]}}",
        FORMAT + "Every Condition member must be a string.",
    ),
    "dependencies that are objects": (
        "Resources: {A: {Type: 'AWS::SQS::Queue', DependsOn: [{a: b}]}}",
        FORMAT + "DependsOn must be a string or list of strings.",
    ),
    "properties that are a text": (
        "Resources: {A: {Type: 'AWS::SQS::Queue', Properties: a}}",
        FORMAT + "Every Properties member must be an object.",
    ),
    "a description that is a number": (
        "Description: 2024\n" + RESOURCES,
        FORMAT + "Any Description member must be a string.",
    ),
    "a description that is a list": (
        "Description: [a]\n" + RESOURCES,
        FORMAT + "Any Description member must be a string.",
    ),
    "metadata that are a text": (
        "Metadata: a\n" + RESOURCES,
        FORMAT + "Any Metadata member must be an object.",
    ),
    "parameters that are a list": (
        RESOURCES + "Parameters: [a]",
        FORMAT + "Any Parameters member must be an object.",
    ),
    "a parameter that is a text": (
        RESOURCES + "Parameters: {P: String}",
        FORMAT + "Every Parameters object must contain a Type member.",
    ),
    "a parameter's type that is a list": (
        RESOURCES + "Parameters: {P: {Type: [String], Default: a}}",
        FORMAT + "Every Type member must be a string.",
    ),
    "a parameter's description that is a number": (
        RESOURCES + "Parameters: {P: {Type: String, Default: a, Description: 5}}",
        FORMAT + "Every Description member must be a string.",
    ),
    "a default that is a list": (
        RESOURCES + "Parameters: {P: {Type: String, Default: [a]}}",
        FORMAT + "Every Default member must be a string.",
    ),
    "conditions that are a list": (
        RESOURCES + "Conditions: [a]",
        FORMAT + "Any Conditions member must be an object.",
    ),
    "a condition that is a text": (
        RESOURCES + "Conditions: {C: a}",
        FORMAT + "Conditions can only be boolean operations on parameters and other conditions",
    ),
    "mappings that are a list": (
        RESOURCES + "Mappings: [a]",
        FORMAT + "Any Mappings member must be an object.",
    ),
    "an output that is a text": (
        RESOURCES + "Outputs: {O: a}",
        FORMAT + "Every Outputs member must contain a Value object",
    ),
    "an output's description that is a number": (
        RESOURCES + "Outputs: {O: {Value: a, Description: 5}}",
        FORMAT + "Every Description member must be a string.",
    ),
    "an export without a name": (
        RESOURCES + "Outputs: {O: {Value: a, Export: {Name: [a]}}}",
        FORMAT
        + "Output O is malformed. The Name field of every Export member must be specified and consist only "
        "of alphanumeric characters, colons, or hyphens.",
    ),
    "a rule that is a text": (
        RESOURCES + "Rules: {R: a}",
        FORMAT + "[/Rules/R] Every Rules member must be an object with a list of Assertions.",
    ),
}

WELL_FORMED = {
    "everything": """
AWSTemplateFormatVersion: 2010-09-09
Description: a text
Metadata: {a: null, b: [1]}
Parameters: {P: {Type: Number, Default: 1, MinValue: 0, NoEcho: true, AllowedValues: [1, 2]}}
Mappings: {M: {x: {a: 1, b: [c]}}}
Conditions: {C: !Equals [a, b]}
Rules: {R: {Assertions: [{Assert: !Equals [a, a], AssertDescription: b}]}}
Resources:
  Q: {Type: 'AWS::SQS::Queue', Condition: C, DependsOn: R, DeletionPolicy: Retain, Metadata: {a: null}}
  R: {Type: 'AWS::SQS::Queue', DependsOn: [], Properties: {a: b}}
Outputs: {O: {Value: !Ref R, Condition: C, Description: a, Export: {Name: !Sub a}}}
""",
    "loops": """
Transform: AWS::LanguageExtensions
Conditions: {'Fn::ForEach::A': [I, [a], {'C${I}': !Equals [a, a]}]}
Resources:
  Fn::ForEach::B: [I, [a], {'R${I}': {Type: 'AWS::SQS::Queue'}}]
  Q: {Type: 'AWS::SQS::Queue', DeletionPolicy: !If [Ca, Retain, Delete]}
Outputs: {'Fn::ForEach::D': [I, [a], {'O${I}': {Value: a}}]}
""",
    "includes": "Resources: {A: {'Fn::Transform': {Name: 'AWS::Include'}}, 'Fn::Transform': {Name: a}}",
}


@pytest.fixture
def stacks(fake_sandbox: Sandbox) -> Iterator[DeployedStacks]:
    made = DeployedStacks(fake_sandbox)
    yield made
    made.delete_all()
    made.close()


@cases("text, message", MALFORMED)
def test_malformed_template_is_refused(stacks: DeployedStacks, text: str, message: str) -> None:
    client, name = stacks.client, new_name()
    change: dict[str, Any] = {"StackName": name, "ChangeSetName": "a", "ChangeSetType": "CREATE"}
    for call, arguments in (
        (client.create_stack, {"StackName": name}),
        (client.create_change_set, change),
        (client.validate_template, {}),
        (client.get_template_summary, {}),
    ):
        with pytest.raises(ClientError) as refused:
            call(TemplateBody=text, **arguments)
        assert refused.value.response["Error"]["Code"] == "ValidationError"
        assert refused.value.response["Error"]["Message"] == message
    with pytest.raises(ClientError, match="does not exist"):
        client.describe_stacks(StackName=name)
    client.describe_stacks()


@cases("text, message", MALFORMED)
def test_deploy_refuses_a_malformed_template(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(text)
    with pytest.raises(UsageError):
        templates.read(str(path))
    assert form_problem(template_yaml.load(text)) == message


@cases("text", WELL_FORMED)
def test_well_formed_template_is_taken(text: str) -> None:
    assert form_problem(template_yaml.load(text)) is None


def test_update_to_a_malformed_template_changes_nothing(stacks: DeployedStacks) -> None:
    name = stacks.create({"Description": "a", "Resources": {"Q": {"Type": "AWS::SQS::Queue"}}})
    with pytest.raises(ClientError, match="Any Description member must be a string"):
        stacks.client.update_stack(StackName=name, TemplateBody="Description: 5\n" + RESOURCES)
    assert stacks.describe(name)["StackStatus"] == "CREATE_COMPLETE"
    assert stacks.describe(name)["Description"] == "a"


def test_what_a_loop_makes_has_the_form_of_a_template(stacks: DeployedStacks) -> None:
    text = "Transform: AWS::LanguageExtensions\nResources: {'Fn::ForEach::A': [I, [a], {'R${I}': text}]}"
    with pytest.raises(ClientError, match=r"\[/Resources/Ra\] resource definition is malformed"):
        stacks.client.create_stack(
            StackName=new_name(), TemplateBody=text, Capabilities=["CAPABILITY_AUTO_EXPAND"]
        )


def test_template_with_a_transform_is_refused_for_its_conditions(stacks: DeployedStacks) -> None:
    conditions = "Conditions: {C: {'Fn::And': [{Condition: Nope}, {Condition: C}]}}\n"
    text = f"Transform: AWS::LanguageExtensions\n{conditions}{RESOURCES}"
    arguments: Json = {"TemplateBody": text, "Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
    with pytest.raises(ClientError, match=r"Unresolved condition dependencies \[Nope\]"):
        stacks.client.create_stack(StackName=new_name(), **arguments)
