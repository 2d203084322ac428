"""Templates, values and requests that CloudFormation refuses are refused here, in its words; others are "
"taken."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.cloudformation.bounds import bounded
from sandbox.local_aws import Sandbox
from sandbox.shared import template_yaml
from sandbox.shared.settings import ROOT
from sandbox.shared.template_form import form_problem
from tests.sandbox.engine_code import in_engine
from tests.sandbox.helpers import cases
from tests.stack.stacks import DeployedStacks, Json, body, new_name

DATA = ROOT / "tests" / "data"
REFUSED: dict[str, Json] = yaml.safe_load((DATA / "refused_templates.yaml").read_text())
VALID: dict[str, Json] = yaml.safe_load((DATA / "valid_templates.yaml").read_text())
TOPIC: Json = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
QUEUE: Json = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
NOT_JSON = "Template format error: JSON not well-formed."
NOT_YAML = "Template format error: YAML not well-formed."


@pytest.fixture
def raw(fake_sandbox: Sandbox) -> Iterator[Any]:
    """A client that sends what botocore itself would refuse."""
    client = fake_sandbox.client("cloudformation", config=Config(parameter_validation=False))
    yield client
    client.close()


def refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    """Call an operation, which must be refused, and return code and message."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def queue_tags(sandbox: Sandbox, queue: str) -> dict[str, str]:
    """Return the tags of a queue of the engine's."""
    sqs = sandbox.client("sqs", endpoint_url=sandbox.endpoints["cloudformation"])
    tags: dict[str, str] = sqs.list_queue_tags(QueueUrl=queue)["Tags"]
    sqs.close()
    return tags


def whole(template: Json) -> Json:
    return {**TOPIC, **template}


# --- templates --------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [each for each in REFUSED if "values" not in REFUSED[each]])
def test_form_problem_has_cloudformations_words(case: str) -> None:
    assert form_problem(whole(REFUSED[case]["template"])) == REFUSED[case]["message"]


def test_refused_template_is_refused_by_every_operation_and_makes_nothing(stacks: DeployedStacks) -> None:
    """Each template by one operation in turn: all of them ask the same."""
    client, present = stacks.client, stacks.create(QUEUE)
    before = [each["StackId"] for each in client.describe_stacks()["Stacks"]]
    new: Json = {"StackName": "new", "ChangeSetName": "a", "ChangeSetType": "CREATE"}
    macros = ["CAPABILITY_AUTO_EXPAND"]
    deploying = (
        (client.create_stack, {"StackName": "new", "Capabilities": macros}),
        (client.create_change_set, new),
        (client.create_change_set, {"StackName": present, "ChangeSetName": "a"}),
        (client.update_stack, {"StackName": present, "Capabilities": macros}),
    )
    reading: tuple[Any, ...] = ((client.validate_template, {}), (client.get_template_summary, {}))
    turns = {False: itertools.cycle(reading + deploying), True: itertools.cycle(deploying)}
    for case, row in REFUSED.items():
        call, more = next(turns["values" in row])
        arguments = {**more, "TemplateBody": yaml.safe_dump(whole(row["template"]), sort_keys=False)}
        if "values" in row:
            values = row["values"].items()
            arguments["Parameters"] = [{"ParameterKey": key, "ParameterValue": each} for key, each in values]
        assert refusal(call, **arguments) == ("ValidationError", row["message"]), case
    assert [each["StackId"] for each in client.describe_stacks()["Stacks"]] == before
    assert stacks.describe(present)["StackStatus"] == "CREATE_COMPLETE"


@pytest.mark.parametrize("case", VALID)
def test_valid_template_is_taken(stacks: DeployedStacks, case: str) -> None:
    assert form_problem(VALID[case]) is None
    text = yaml.safe_dump(VALID[case], sort_keys=False)
    stacks.client.validate_template(TemplateBody=text)
    stacks.client.get_template_summary(TemplateBody=text)
    change: Json = {"StackName": new_name(), "ChangeSetName": "a", "ChangeSetType": "CREATE"}
    stacks.client.create_change_set(TemplateBody=text, **change)


def test_committed_template_is_taken() -> None:
    folders = (ROOT / "examples", ROOT / "tests" / "mistakes" / "none")
    templates = [path for folder in folders for path in sorted(folder.glob("*.yaml"))]
    assert len(templates) > 10
    for path in templates:
        assert form_problem(template_yaml.load(path.read_text())) is None, path


def test_conditions_are_evaluated_as_they_are_written(stacks: DeployedStacks) -> None:
    name = stacks.create(VALID["conditions by what is known before the stack"])
    made = stacks.client.describe_stack_resources(StackName=name)["StackResources"]
    assert {each["LogicalResourceId"] for each in made} == {"A", "B"}


@cases(
    "text, message",
    {
        "an object without colons": ('{"Resources"="a"}', f"{NOT_JSON} (line 1, column 14)"),
        "an object without commas": ('{\n "A": "b"\n "C": "d"\n}', f"{NOT_JSON} (line 3, column 3)"),
        "a map with a list in it": ("A: b\n- c", f"{NOT_YAML} (line 2, column 1)"),
        "an unknown tag": ("Resources: {A: !Nope b}", f"{NOT_YAML} (line 1, column 16)"),
        "a text": ("s3://bucket/key", "Template format error: unsupported structure."),
        "a list": ("[a]", "Template format error: unsupported structure."),
        "an alias": (
            "Resources: {A: &a {Type: 'AWS::SNS::Topic'}, B: *a}",
            "Template error: YAML aliases are not allowed in CloudFormation templates",
        ),
    },
)
def test_text_that_is_no_template_is_refused(stacks: DeployedStacks, text: str, message: str) -> None:
    for call, more in (
        (stacks.client.validate_template, {}),
        (stacks.client.create_stack, {"StackName": "a"}),
    ):
        assert refusal(call, TemplateBody=text, **more) == ("ValidationError", message)


def test_short_forms_of_transforms_functions_are_read(stacks: DeployedStacks) -> None:
    text = (
        "Transform: AWS::LanguageExtensions\nResources: {T: {Type: 'AWS::SNS::Topic', Properties: "
        "{DisplayName: !ToJsonString {a: !Length [b, c]}}}}"
    )
    name = stacks.create(text, Capabilities=["CAPABILITY_AUTO_EXPAND"])
    assert stacks.client.get_template(StackName=name)["TemplateBody"]["Resources"]["T"]["Properties"] == {
        "DisplayName": '{"a":2}'
    }


def test_short_forms_of_rules_functions_are_read(stacks: DeployedStacks) -> None:
    text = (
        "Parameters: {P: {Type: String, Default: a}, L: {Type: CommaDelimitedList, Default: 'a,a'}}\n"
        "Rules: {R: {RuleCondition: !EachMemberEquals [!Ref L, a], Assertions: [{Assert: !Contains [[b], "
        "!Ref P]}, {Assert: !EachMemberIn [!RefAll 'AWS::EC2::VPC::Id', !ValueOfAll ['AWS::EC2::VPC::Id', "
        "Tags.A]]}, {Assert: !Equals [!ValueOf [P, Tags.A], b]}]}}\n"
        "Resources: {T: {Type: 'AWS::SNS::Topic'}}"
    )
    stacks.client.validate_template(TemplateBody=text)
    code, message = refusal(stacks.client.create_stack, StackName=new_name(), TemplateBody=text)
    assert (code, "rule R failed" in message) == ("ValidationError", True)


def test_booleans_are_texts_where_texts_are_made(stacks: DeployedStacks, fake_sandbox: Sandbox) -> None:
    """A template with them is valid; the engine rolls the stack back, or makes Python's words of them."""
    template: Json = {
        "Mappings": {"M": {"a": {"b": True}}},
        "Conditions": {
            "Is": {"Fn::Equals": [{"Fn::FindInMap": ["M", "a", "b"]}, "true"]},
            "No": {"Fn::Equals": ["a", "b"]},
        },
        "Resources": {
            "Q": {"Type": "AWS::SQS::Queue", "Properties": {"Tags": [{"Key": "k", "Value": True}]}},
            "P": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": False}},
        },
        "Outputs": {
            "A": {"Value": True},
            "B": {"Value": {"Fn::If": ["Is", True, False]}},
            "C": {"Value": {"Fn::FindInMap": ["M", "a", "b"]}},
            "D": {"Value": {"Fn::Join": ["-", [True, {"Fn::Sub": ["${a}", {"a": False}]}]]}},
            "E": {"Value": {"Fn::GetAtt": ["P", "Value"]}},
            "F": {"Value": True, "Condition": "No"},
        },
    }
    name = stacks.create(template)
    values = {"A": "true", "B": "true", "C": "true", "D": "true-false", "E": "false"}
    assert stacks.outputs(name) == values
    resources = stacks.client.describe_stack_resources(StackName=name)["StackResources"]
    (queue,) = (each["PhysicalResourceId"] for each in resources if each["LogicalResourceId"] == "Q")
    assert queue_tags(fake_sandbox, queue)["k"] == "true"


@cases(
    "value, message",
    {
        "a join of nothing": ({"Fn::Join": ["", {"Ref": "AWS::NoValue"}]}, "every Fn::Join object requires"),
        "a choice by a text": (
            {"Fn::Select": [{"Ref": "AWS::Region"}, ["a"]]},
            "an integer index and a list",
        ),
        "addresses without bits": (
            {"Fn::Cidr": ["10.0.0.0/16", 1]},
            "a number of bits is not on this machine",
        ),
    },
)
def test_what_a_function_stands_for_is_refused_in_words(value: Json, message: str) -> None:
    resolve = bounded(lambda value, *_: object() if value == {"Ref": "AWS::NoValue"} else "us-east-1")
    with pytest.raises(ValueError, match=message):
        resolve(value)


def test_condition_that_has_no_value_and_loop_without_transform_are_refused(stacks: DeployedStacks) -> None:
    for wrong, message in (
        (
            {"Conditions": {"C": {"Fn::Equals": [{"Fn::Select": [0, {"Ref": "AWS::NoValue"}]}, "a"]}}},
            "unsupp",
        ),
        ({"Resources": {"Fn::ForEach::X": ["N", ["a"], {"A${N}": TOPIC["Resources"]["Topic"]}]}}, "ForEach"),
    ):
        arguments: Json = {"TemplateBody": json.dumps(whole(wrong))}
        assert message in refusal(stacks.client.create_stack, StackName="new", **arguments)[1]
    assert refusal(stacks.client.get_template_summary, **arguments)[0] == "ValidationError"


def test_name_of_an_attribute_may_be_a_function(stacks: DeployedStacks) -> None:
    attribute: Json = {"Fn::GetAtt": ["T", {"Ref": "P"}]}
    mapped: Json = {"Fn::GetAtt": ["T", {"Fn::FindInMap": ["M", "a", "b"]}]}
    template: Json = {
        "Parameters": {"P": {"Type": "String", "Default": "TopicName"}},
        "Mappings": {"M": {"a": {"b": "TopicName"}}},
        "Resources": {
            "T": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "named"}},
            "U": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": attribute}},
        },
        "Outputs": {"O": {"Value": {"Fn::Sub": ["${a}", {"a": attribute}]}}, "M": {"Value": mapped}},
    }
    assert stacks.outputs(stacks.create(template)) == {"O": "named", "M": "named"}


def test_nested_template_is_refused_before_anything_of_it_is_made(
    stacks: DeployedStacks, fake_sandbox: Sandbox
) -> None:
    endpoint = fake_sandbox.endpoints["cloudformation"]
    s3 = fake_sandbox.client("s3", endpoint_url=endpoint)
    s3.create_bucket(Bucket="refused")
    for case in (
        "a reference to nothing in an output",
        "a reference to a resource that is not made",
        "a value that is not allowed",
    ):
        row = REFUSED[case]
        s3.put_object(Bucket="refused", Key="t", Body=json.dumps(whole(row["template"])).encode())
        nested = {"TemplateURL": f"{endpoint}/refused/t", "Parameters": row.get("values", {})}
        name = new_name()
        child = {"Type": "AWS::CloudFormation::Stack", "Properties": nested}
        stacks.client.create_stack(StackName=name, TemplateBody=body({"Resources": {"Child": child}}))
        assert stacks.wait(name) == "ROLLBACK_COMPLETE"
        assert any(row["message"] in reason for reason in stacks.reasons(name)), case
    s3.close()


# --- parameters -------------------------------------------------------------------------------------


def test_parameters_of_systems_manager_are_checked_by_name(
    stacks: DeployedStacks, fake_sandbox: Sandbox
) -> None:
    ssm = fake_sandbox.client("ssm", endpoint_url=fake_sandbox.endpoints["cloudformation"])
    for kind in ("String", "StringList", "SecureString"):
        ssm.put_parameter(Name=f"/refusals/{kind}", Type=kind, Value="old")
        ssm.put_parameter(Name=f"/refusals/{kind}", Type=kind, Value="a,b", Overwrite=True)
    ssm.close()

    def create(kind: str, value: str, **constraints: Any) -> Json:
        parameter = {"Type": f"AWS::SSM::Parameter::Value<{kind}>", **constraints}
        outputs = {"O": {"Value": {"Fn::Sub": "${P}"}}} if kind == "String" else {}
        template = {"Parameters": {"P": parameter}, **TOPIC, "Outputs": outputs}
        values = [{"ParameterKey": "P", "ParameterValue": value}]
        return {"TemplateBody": json.dumps(template), "Parameters": values}

    create_stack = stacks.client.create_stack
    for kind, value, message in (
        ("String", "none", "Parameter P should either have input value or default value"),
        (
            "String",
            "/refusals/String:9",
            "Unable to fetch parameters [/refusals/String:9] from parameter store for this account.",
        ),
        (
            "String",
            "/refusals/SecureString",
            "Parameters [/refusals/SecureString] referenced by template have types not supported by "
            "CloudFormation.",
        ),
        (
            "List<String>",
            "/refusals/String",
            "Types for SSM parameters [/refusals/String] defined in CFN template and SSM are incompatible",
        ),
        (
            "String",
            "/refusals/StringList",
            "Types for SSM parameters [/refusals/StringList] defined in CFN template and SSM are "
            "incompatible",
        ),
    ):
        assert refusal(create_stack, StackName="a", **create(kind, value))[1] == message
    arguments = create("String", "/refusals/String", AllowedPattern="a,b")
    assert refusal(create_stack, StackName="a", **arguments)[1] == "Parameter 'P' must match pattern a,b"
    reference = {"DisplayName": "{{resolve:ssm:/refusals/SecureString:1}}"}
    template = {"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": reference}}}
    assert refusal(create_stack, StackName="a", TemplateBody=json.dumps(template))[1] == (
        "Non-secure ssm prefix was used for secure parameter /refusals/SecureString"
    )
    arguments = create("String", "/refusals/String:1", AllowedPattern="/refusals/.*", MaxLength=20)
    name = stacks.create(arguments["TemplateBody"], Parameters=arguments["Parameters"])
    assert stacks.outputs(name) == {"O": "old"}


def test_flags_are_texts_in_lower_case(stacks: DeployedStacks) -> None:
    parameter = {"Type": "String", "Default": True, "AllowedValues": [True, False]}
    template = {"Parameters": {"P": parameter}, **TOPIC, "Outputs": {"O": {"Value": {"Ref": "P"}}}}
    name = stacks.create(template)
    assert stacks.outputs(name) == {"O": "true"}
    values = [{"ParameterKey": "P", "ParameterValue": "false"}]
    assert stacks.update(name, template, Parameters=values) == "UPDATE_COMPLETE"
    both = [{"ParameterKey": "P", "ParameterValue": "false", "UsePreviousValue": True}]
    arguments: Json = {"StackName": name, "UsePreviousTemplate": True, "Parameters": both}
    assert refusal(stacks.client.update_stack, **arguments)[1] == (
        "Invalid input for parameter key P. Cannot specify usePreviousValue as true and non empty value for "
        "a "
        "parameter"
    )


# --- requests ---------------------------------------------------------------------------------------


@cases(
    "action, arguments, message",
    {
        "a resource": ("describe_stack_resource", {"LogicalResourceId": "A"}, "Stack 'none' does not exist"),
        "resources": ("describe_stack_resources", {}, "Stack with id none does not exist"),
        "a list of resources": ("list_stack_resources", {}, "Stack with id none does not exist"),
        "a stack": ("describe_stacks", {}, "Stack with id none does not exist"),
        "events": ("describe_stack_events", {}, "Stack [none] does not exist"),
        "a template": ("get_template", {}, "Stack with id none does not exist"),
        "a summary": ("get_template_summary", {}, "Stack with id none does not exist"),
        "a change set": ("describe_change_set", {"ChangeSetName": "a"}, "Stack [none] does not exist"),
        "the end of a change set": (
            "delete_change_set",
            {"ChangeSetName": "a"},
            "Stack [none] does not exist",
        ),
        "an execution": ("execute_change_set", {"ChangeSetName": "a"}, "Stack [none] does not exist"),
        "an update": ("update_stack", {"UsePreviousTemplate": True}, "Stack [none] does not exist"),
        "a policy": ("set_stack_policy", {"StackPolicyBody": "{}"}, "Stack [none] does not exist"),
    },
)
def test_stack_that_is_not_there_has_the_words_of_the_operation(
    stacks: DeployedStacks, action: str, arguments: Json, message: str
) -> None:
    answer = refusal(getattr(stacks.client, action), StackName="none", **arguments)
    assert answer == ("ValidationError", message)


@cases(
    "action, arguments, message",
    {
        "a change set without its stack": (
            "delete_change_set",
            {"ChangeSetName": "a"},
            "StackName must be specified if ChangeSetName is not specified as an ARN.",
        ),
        "a template of nothing": (
            "get_template",
            {},
            "StackName is required if ChangeSetName is not specified.",
        ),
        "a template of a change set without its stack": (
            "get_template",
            {"ChangeSetName": "a"},
            "StackName is a required parameter.",
        ),
        "a stack without a template": (
            "create_stack",
            {"StackName": "a"},
            "Either Template URL or Template Body must be specified.",
        ),
        "a name for a change set's stack": (
            "create_change_set",
            {"StackName": "a_b", "ChangeSetName": "a", "TemplateBody": body(TOPIC)},
            "1 validation error detected: Value 'a_b' at 'stackName' failed to satisfy constraint: Member "
            "must "
            "satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*",
        ),
        "a new stack with its previous template": (
            "create_change_set",
            {"StackName": "a", "ChangeSetName": "a", "ChangeSetType": "CREATE", "UsePreviousTemplate": True},
            "Cannot specify usePreviousTemplate as true for a changeSetType CREATE",
        ),
        "a name for a change set": (
            "create_change_set",
            {"StackName": "a", "ChangeSetName": "1a", "TemplateBody": body(TOPIC)},
            "1 validation error detected: Value '1a' at 'changeSetName' failed to satisfy constraint: Member "
            "must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*",
        ),
        "a new stack with previous values": (
            "create_change_set",
            {
                "StackName": "a",
                "ChangeSetName": "a",
                "ChangeSetType": "CREATE",
                "TemplateBody": body(TOPIC),
                "Parameters": [{"ParameterKey": "P", "UsePreviousValue": True}],
            },
            "Cannot specify UsePreviousValue on Parameters when ChangeSetType is CREATE",
        ),
        "a template and the previous one": (
            "update_stack",
            {"StackName": "a", "TemplateBody": body(TOPIC), "UsePreviousTemplate": True},
            "You cannot specify both usePreviousTemplate and Template Body/Template URL.",
        ),
        "a resource of no stack": (
            "describe_stack_resources",
            {"PhysicalResourceId": "a"},
            "Stack for a does not exist",
        ),
        "a tag of AWS": (
            "create_stack",
            {"StackName": "a", "TemplateBody": body(TOPIC), "Tags": [{"Key": "aws:a", "Value": "b"}]},
            "aws: prefixed tag key names are not allowed for external use.",
        ),
        "types": (
            "create_stack",
            {"StackName": "a", "TemplateBody": body(TOPIC), "ResourceTypes": ["AWS::S3::*", "Custom::*"]},
            "Resource type AWS::SNS::Topic is not allowed by parameter ResourceTypes [AWS::S3::*, Custom::*]",
        ),
        "a trigger that is no alarm": (
            "create_stack",
            {
                "StackName": "a",
                "TemplateBody": body(TOPIC),
                "RollbackConfiguration": {"RollbackTriggers": [{"Arn": "a", "Type": "AWS::SNS::Topic"}]},
            },
            "Rollback Trigger Type not supported",
        ),
        "a trigger without a name": (
            "create_stack",
            {
                "StackName": "a",
                "TemplateBody": body(TOPIC),
                "RollbackConfiguration": {
                    "RollbackTriggers": [
                        {
                            "Arn": "arn:aws:cloudwatch:us-east-1:123456789012:a",
                            "Type": "AWS::CloudWatch::Alarm",
                        }
                    ]
                },
            },
            "RelativeId of a Rollback Trigger's ARN is incorrect",
        ),
    },
)
def test_request_is_refused(raw: Any, action: str, arguments: Json, message: str) -> None:
    assert refusal(getattr(raw, action), **arguments) == ("ValidationError", message)


def test_allowed_types_and_triggers_are_taken(stacks: DeployedStacks) -> None:
    arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:a"
    triggers = [{"Arn": arn, "Type": "AWS::CloudWatch::Alarm"}]
    stacks.create(TOPIC, ResourceTypes=["AWS::SNS::*"], RollbackConfiguration={"RollbackTriggers": triggers})


def test_stack_in_its_life_refuses_what_is_not_for_its_state(stacks: DeployedStacks, raw: Any) -> None:
    client, name = stacks.client, new_name()
    change: Json = {"StackName": name, "ChangeSetName": "a", "TemplateBody": body(TOPIC)}
    client.create_change_set(**change, ChangeSetType="CREATE")
    assert refusal(client.get_template_summary, StackName=name)[1] == (
        "GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks."
    )
    client.execute_change_set(StackName=name, ChangeSetName="a")
    stacks.wait(name)
    stack_id = stacks.describe(name)["StackId"]
    assert refusal(client.create_change_set, **{**change, "ChangeSetName": "b"}, ChangeSetType="CREATE") == (
        "ValidationError",
        f"Stack [{name}] already exists and cannot be created again with the changeSet [b].",
    )
    for asked in (name, stack_id):
        for call in (client.describe_stack_resource, client.describe_stack_resources):
            assert refusal(call, StackName=asked, LogicalResourceId="Nope")[1] == (
                f"Resource Nope does not exist for stack {asked}"
            )
    assert refusal(raw.update_stack, StackName=name)[1] == (
        "Either Template URL or Template Body must be specified."
    )
    empty = stacks.change_set(name, TOPIC)
    assert refusal(client.execute_change_set, ChangeSetName=empty["ChangeSetId"]) == (
        "InvalidChangeSetStatus",
        f"ChangeSet [{empty['ChangeSetId']}] cannot be executed in its current status of [FAILED]",
    )
    changed: Json = {"Resources": {**TOPIC["Resources"], **QUEUE["Resources"]}}
    pending = stacks.change_set(name, changed)
    taken = {**change, "ChangeSetName": pending["ChangeSetName"]}
    assert refusal(client.create_change_set, **taken) == (
        "AlreadyExistsException",
        f"ChangeSet {pending['ChangeSetName']} cannot be created due to a mismatch with existing attribute "
        "Template",
    )
    stacks.update(name, {**TOPIC, "Description": "a"})
    assert refusal(client.execute_change_set, ChangeSetName=pending["ChangeSetId"])[1] == (
        f"ChangeSet [{pending['ChangeSetId']}] cannot be executed in its current execution status of "
        "[OBSOLETE]"
    )
    client.update_termination_protection(StackName=name, EnableTerminationProtection=True)
    assert refusal(client.delete_stack, StackName=name)[1] == (
        f"Stack [{name}] cannot be deleted while TerminationProtection is enabled"
    )
    client.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    stacks.delete(name)
    assert refusal(client.describe_stack_events, StackName=name)[1] == f"Stack [{name}] does not exist"
    assert client.describe_stack_events(StackName=stack_id)["StackEvents"]
    by_id = {**change, "StackName": stack_id, "ChangeSetName": "c"}
    assert refusal(client.create_change_set, **by_id)[1] == (
        f"Stack:{stack_id} is in DELETE_COMPLETE state and can not be updated."
    )
    assert refusal(client.create_change_set, **by_id, ChangeSetType="CREATE")[1] == (
        f"Stack [{stack_id}] already exists and cannot be created again with the changeSet [c]."
    )


def test_stack_whose_creation_failed_takes_no_update(stacks: DeployedStacks) -> None:
    client, failing = (
        stacks.client,
        {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "No", "Value": "a"}},
    )
    text, name = body({"Resources": {"P": failing}}), new_name()
    client.create_stack(StackName=name, TemplateBody=text)
    assert stacks.wait(name) == "ROLLBACK_COMPLETE"
    message = (
        f"Stack:{stacks.describe(name)['StackId']} is in ROLLBACK_COMPLETE state and can not be updated."
    )
    arguments: Json = {"StackName": name, "TemplateBody": body(TOPIC)}
    assert refusal(client.update_stack, **arguments)[1] == message
    assert refusal(client.create_change_set, **arguments, ChangeSetName="a")[1] == message
    assert refusal(client.create_stack, **arguments) == (
        "AlreadyExistsException",
        f"Stack [{name}] already exists",
    )
    assert refusal(client.describe_stack_resource, StackName=name, LogicalResourceId="P")[1] == (
        f"Resource P does not exist for stack {name}"
    )
    kept = new_name()
    client.create_stack(StackName=kept, TemplateBody=text, OnFailure="DO_NOTHING")
    assert stacks.wait(kept) == "CREATE_FAILED"
    for more in ({}, {"DisableRollback": True}):
        assert (
            "because it contains [on-failure: DO_NOTHING]"
            in refusal(client.update_stack, **{**arguments, "StackName": kept}, **more)[1]
        )


def test_change_set_of_a_stack_needs_a_template(stacks: DeployedStacks) -> None:
    name = stacks.create(TOPIC)
    arguments: Json = {"StackName": name, "ChangeSetName": "a"}
    message = "Either Template URL or Template Body must be specified."
    assert refusal(stacks.client.create_change_set, **arguments) == ("ValidationError", message)


def test_stack_of_a_resource_is_found_by_the_resources_id(stacks: DeployedStacks) -> None:
    stacks.create(QUEUE)
    name = stacks.create(TOPIC)
    topic = stacks.arn(name, "Topic")
    (resource,) = stacks.client.describe_stack_resources(PhysicalResourceId=topic)["StackResources"]
    assert (resource["StackName"], resource["PhysicalResourceId"]) == (name, topic)


def test_policies_and_roles_that_cannot_be_are_refused(stacks: DeployedStacks, fake_sandbox: Sandbox) -> None:
    name, client = stacks.create(TOPIC), stacks.client
    statement = {"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "*"}
    for wrong in ({"Principal": "abc"}, {"Action": ["Delete:*"]}, {"Effect": "No"}):
        text = json.dumps({"Statement": [{**statement, **wrong}]})
        assert refusal(client.set_stack_policy, StackName=name, StackPolicyBody=text)[1] == (
            "Error validating stack policy: Invalid stack policy"
        )
    policy = json.dumps({"Statement": [{**statement, "Effect": "Allow"}, statement]})
    client.set_stack_policy(StackName=name, StackPolicyBody=policy)
    url = {"StackPolicyURL": "https://a.s3.amazonaws.com/b", "StackPolicyBody": policy}
    assert refusal(client.set_stack_policy, StackName=name, **url)[1] == (
        "You cannot specify both StackPolicyURL and StackPolicyBody"
    )
    iam = fake_sandbox.client("iam", endpoint_url=fake_sandbox.endpoints["cloudformation"])
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    made = iam.create_role(RoleName="refused", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    arn = made["Role"]["Arn"]
    update: Json = {"StackName": name, "TemplateBody": body({**TOPIC, "Description": "a"})}
    assert refusal(client.update_stack, **update, RoleARN=arn)[1] == (
        f"Role {arn} is invalid or cannot be assumed"
    )
    trust["Principal"] = {"Service": ["cloudformation.amazonaws.com"]}
    iam.update_assume_role_policy(RoleName="refused", PolicyDocument=json.dumps({"Statement": trust}))
    client.update_stack(**update, RoleARN=arn)
    assert stacks.wait(name) == "UPDATE_COMPLETE"
    iam.delete_role(RoleName="refused")
    iam.close()


def test_imports_of_custom_resources_are_refused(stacks: DeployedStacks) -> None:
    custom = {"Type": "Custom::Thing", "DeletionPolicy": "Retain"}
    imported = [
        {"ResourceType": "Custom::Thing", "LogicalResourceId": name, "ResourceIdentifier": {"Name": name}}
        for name in ("A", "B")
    ]
    arguments: Json = {"StackName": new_name(), "ChangeSetName": "a", "ChangeSetType": "IMPORT"}
    text = body({"Resources": {"A": custom, "B": custom}})
    assert refusal(
        stacks.client.create_change_set, TemplateBody=text, ResourcesToImport=imported, **arguments
    )[1] == (
        "The following resource types are not supported for resource import: Custom::Thing,Custom::Thing"
    )


def test_imports_of_what_the_engine_cannot_import_are_refused(stacks: DeployedStacks) -> None:
    kind, name = "AWS::SageMaker::ModelPackageGroup", new_name()
    text = body({"Resources": {"A": {"Type": kind, "DeletionPolicy": "Retain"}}})
    identifier = {"ModelPackageGroupName": "a"}
    imported = [{"ResourceType": kind, "LogicalResourceId": "A", "ResourceIdentifier": identifier}]
    arguments: Json = {"StackName": name, "ChangeSetName": "a", "ChangeSetType": "IMPORT"}
    create = stacks.client.create_change_set
    assert refusal(create, TemplateBody=text, ResourcesToImport=imported, **arguments) == (
        "ValidationError",
        f"The import of {kind} is not on this machine",
    )
    assert refusal(stacks.client.describe_stacks, StackName=name)[0] == "ValidationError"


# --- capabilities -----------------------------------------------------------------------------------

ROLE: Json = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}}}
NAMED_ROLE: Json = {**ROLE, "Properties": {**ROLE["Properties"], "RoleName": "named"}}


@cases(
    "template, given, missing",
    {
        "a role": ({"Resources": {"R": ROLE}}, [], "CAPABILITY_IAM"),
        "a role with a name": ({"Resources": {"R": NAMED_ROLE}}, ["CAPABILITY_IAM"], "CAPABILITY_NAMED_IAM"),
        "a transform": ({"Transform": "AWS::LanguageExtensions", **TOPIC}, [], "CAPABILITY_AUTO_EXPAND"),
    },
)
def test_missing_capabilities_are_refused(
    stacks: DeployedStacks, template: Json, given: list[str], missing: str
) -> None:
    present, text = stacks.create(TOPIC), json.dumps(template)
    change: Json = {"ChangeSetName": "a", "ChangeSetType": "CREATE"}
    expected = ("InsufficientCapabilitiesException", f"Requires capabilities : [{missing}]")
    requests: tuple[tuple[Any, Json], ...] = (
        (stacks.client.create_stack, {"StackName": "new"}),
        (stacks.client.update_stack, {"StackName": present}),
        (stacks.client.create_change_set, {"StackName": "new", **change}),
    )
    for call, more in requests:
        if missing == "CAPABILITY_AUTO_EXPAND" and call == stacks.client.create_change_set:
            call(TemplateBody=text, **more)  # [D] It shows what is made.
            continue
        assert refusal(call, TemplateBody=text, Capabilities=given, **more) == expected
    stacks.create(template, Capabilities=[missing])


def test_nested_stack_needs_the_capabilities_of_its_root_but_for_a_rollback(
    stacks: DeployedStacks, fake_sandbox: Sandbox
) -> None:
    endpoint = fake_sandbox.endpoints["cloudformation"]
    s3 = fake_sandbox.client("s3", endpoint_url=endpoint)
    s3.create_bucket(Bucket="capabilities")

    def nested(name: str, template: Json) -> Json:
        s3.put_object(Bucket="capabilities", Key=name, Body=json.dumps(template).encode())
        url = f"{endpoint}/capabilities/{name}"
        stack = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}
        return {"Resources": {"N": stack}}

    with_role = nested("middle", nested("role", {"Resources": {"R": ROLE}}))
    name = new_name()
    stacks.client.create_stack(StackName=name, TemplateBody=body(with_role))
    assert stacks.wait(name) == "ROLLBACK_COMPLETE"
    assert "Requires capabilities : [CAPABILITY_IAM]" in stacks.reasons(name)
    name = stacks.create(with_role, Capabilities=["CAPABILITY_IAM"])
    failing = nested("none", nested("topic", TOPIC))
    failing["Resources"]["P"] = {
        "Type": "AWS::SSM::Parameter",
        "DependsOn": "N",
        "Properties": {"Type": "No type", "Value": "a"},
    }
    assert stacks.update(name, failing) == "UPDATE_ROLLBACK_COMPLETE"
    s3.close()


# --- the engine -------------------------------------------------------------------------------------


def test_engine_itself_still_takes_what_is_refused_here() -> None:
    """Where this fails, the engine has mended it, and the hook can go."""
    pseudo, tag, known, version, gone = in_engine(
        "import json; from sandbox.cloudformation.ministack_hooks import names\n"
        "engine, ssm = names.module(names.ENGINE), names.module(names.SSM)\n"
        "handlers, package = names.module(names.HANDLERS), names.module(names.CLOUDFORMATION)\n"
        "condition = {'C': {'Fn::Equals': [{'Ref': 'AWS::Region'}, 'us-east-1']}}\n"
        "pseudo = engine._evaluate_conditions({'Conditions': condition}, {})['C']\n"
        "try: tag = engine._parse_template('A: !Transform {Name: b}') and 'read'\n"
        "except Exception as error: tag = type(error).__name__\n"
        "topic = {'Type': 'AWS::SNS::Topic', 'DependsOn': 'Nope', 'Nope': 5}\n"
        "known = engine.validate_template_support({'Resources': {'A': topic}}, {}, {})\n"
        "ssm._parameters['/a'] = {'Type': 'String', 'Value': 'b', 'Version': 1}\n"
        "version = ssm.resolve_parameter_value('/a:1')\n"
        "package._stacks['a'] = {'StackName': 'a', 'StackId': 'arn', 'StackStatus': 'DELETE_COMPLETE'}\n"
        "gone = handlers._resolve_stack('a') is not None\n"
        "print(json.dumps([pseudo, tag, known, version, gone]))"
    )
    assert (pseudo, tag, known, version, gone) == (False, "ConstructorError", None, None, True)


def test_engine_itself_still_makes_pythons_texts_and_asks_for_no_capabilities() -> None:
    """Where this fails, the engine has mended it, and the hook can go."""
    join, rule, asks, named, lone = in_engine(
        "import json; from sandbox.cloudformation.ministack_hooks import names\n"
        "engine, handlers = names.module(names.ENGINE), names.module(names.HANDLERS)\n"
        "scope = ({'T': {'Attributes': {'a': 'b'}}}, {}, {}, {}, '', '')\n"
        "join = engine._resolve_refs({'Fn::Join': ['', [True]]}, *scope)\n"
        "lone = engine._parse_template('A: !GetAtt b')['A']['Fn::GetAtt']\n"
        "try: rule = engine._parse_template('A: !Contains [[b], b]') and 'read'\n"
        "except Exception as error: rule = type(error).__name__\n"
        "try: named = engine._resolve_refs({'Fn::GetAtt': ['T', {'Fn::Join': ['', ['a']]}]}, *scope)\n"
        "except Exception as error: named = type(error).__name__\n"
        "print(json.dumps([join, rule, handlers._capabilities_enforced(), named, lone]))"
    )
    assert (join, rule, asks, named, lone) == ("True", "ConstructorError", False, "TypeError", ["b", ""])
