"""What the local CloudFormation answers of stacks and templates, beside what the engine answers by itself."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.local_aws import Sandbox
from tests.sandbox.engine_code import in_engine
from tests.sandbox.helpers import cases
from tests.sandbox.test_cloudformation import FakeStacks, thing
from tests.stack.stacks import Json, new_name

TOPIC = "arn:aws:sns:us-east-1:123456789012:deployments"
ROLE = "arn:aws:iam::123456789012:role/deploys-stacks"
TRIGGERS: Json = {
    "RollbackTriggers": [
        {"Arn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:a", "Type": "AWS::CloudWatch::Alarm"}
    ],
    "MonitoringTimeInMinutes": 3,
}
PARAMETER: Json = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "a"}}
BUCKET = "templates.of.tests"


@pytest.fixture
def stacks(fake_sandbox: Sandbox, awslambda: Any) -> Iterator[FakeStacks]:
    """Stacks in an engine whose fake type has nothing yet."""
    made = FakeStacks(fake_sandbox, awslambda)
    yield made
    made.close()


def body(**resources: Json) -> str:
    return json.dumps({"Resources": resources})


def test_describe_stacks_has_the_recorded_members(stacks: FakeStacks) -> None:
    name = stacks.create(body(A=PARAMETER))
    stack = stacks.describe(name)
    assert stack == {
        "CreationTime": stack["CreationTime"],
        "DisableRollback": False,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        "EnableTerminationProtection": False,
        "LastOperations": [
            {"OperationId": stack["LastOperations"][0]["OperationId"], "OperationType": "CREATE_STACK"}
        ],
        "NotificationARNs": [],
        "RollbackConfiguration": {},
        "StackId": stack["StackId"],
        "StackName": name,
        "StackStatus": "CREATE_COMPLETE",
        "Tags": [],
    }
    stacks.delete(name)
    deleted = stacks.describe(stack["StackId"])
    assert "EnableTerminationProtection" not in deleted
    assert "DeletionTime" in deleted


def test_describe_stacks_returns_the_options_of_requests(stacks: FakeStacks) -> None:
    given: Json = {"NotificationARNs": [TOPIC], "RollbackConfiguration": TRIGGERS, "RoleARN": ROLE}
    name = stacks.create(body(A=PARAMETER), **given, TimeoutInMinutes=3, DisableRollback=True)
    given |= {"TimeoutInMinutes": 3, "DisableRollback": True}
    assert given.items() <= stacks.describe(name).items()
    # What an update does not say stays.
    stacks.update(name, body(A=PARAMETER, B=PARAMETER))
    assert given.items() <= stacks.describe(name).items()
    stacks.update(
        name,
        body(A=PARAMETER),
        NotificationARNs=[],
        RollbackConfiguration={"MonitoringTimeInMinutes": 0},
        RoleARN=f"{ROLE}-2",
    )
    changed = {
        "NotificationARNs": [],
        "RollbackConfiguration": {"MonitoringTimeInMinutes": 0},
        "RoleARN": f"{ROLE}-2",
    }
    assert changed.items() <= stacks.describe(name).items()


def test_describe_stacks_has_the_executed_change_set(stacks: FakeStacks) -> None:
    name = stacks.create(body(A=PARAMETER))
    change_set = stacks.change_set(name, body(A=PARAMETER, B=PARAMETER))
    assert "ChangeSetId" not in stacks.describe(name)
    stacks.execute(change_set)
    assert stacks.describe(name)["ChangeSetId"] == change_set["ChangeSetId"]


def test_template_summary_says_what_can_be_imported(stacks: FakeStacks) -> None:
    sent: Json = {
        "Metadata": {"TopicName": "simple"},
        "Parameters": {
            "Free": {"Type": "String"},
            "Size": {"Type": "Number", "Default": 1, "AllowedValues": [1, 2], "Description": "how large"},
        },
        "Resources": {
            **thing(),
            **thing("Second"),
            "A": PARAMETER,
            "Wait": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}},
        },
    }
    summary: Json = {**stacks.client.get_template_summary(TemplateBody=json.dumps(sent))}
    del summary["ResponseMetadata"]
    free = {"ParameterKey": "Free", "ParameterType": "String", "NoEcho": False, "ParameterConstraints": {}}
    assert summary == {
        "Capabilities": ["CAPABILITY_IAM"],
        "CapabilitiesReason": "The following resource(s) require capabilities: [AWS::IAM::Role]",
        "Metadata": '{"TopicName": "simple"}',
        "Parameters": [
            free,
            {
                "ParameterKey": "Size",
                "ParameterType": "Number",
                "NoEcho": False,
                "DefaultValue": "1",
                "Description": "how large",
                "ParameterConstraints": {"AllowedValues": ["1", "2"]},
            },
        ],
        "ResourceIdentifierSummaries": [
            {
                "ResourceType": "Tests::Fake::Thing",
                "LogicalResourceIds": ["Thing", "Second"],
                "ResourceIdentifiers": ["Arn"],
            },
            {
                "ResourceType": "AWS::SSM::Parameter",
                "LogicalResourceIds": ["A"],
                "ResourceIdentifiers": ["Name"],
            },
            {
                "ResourceType": "AWS::IAM::Role",
                "LogicalResourceIds": ["Role"],
                "ResourceIdentifiers": ["RoleName"],
            },
        ],
        "ResourceTypes": [
            "AWS::CloudFormation::WaitConditionHandle",
            "AWS::IAM::Role",
            "AWS::SSM::Parameter",
            "Tests::Fake::Thing",
        ],
        "Version": "2010-09-09",
    }


def test_validation_has_no_empty_members(stacks: FakeStacks) -> None:
    sent: Json = {
        "Parameters": {"Free": {"Type": "String"}, "Given": {"Type": "String", "Default": ""}},
        "Resources": {"A": PARAMETER},
    }
    answer: Json = {**stacks.client.validate_template(TemplateBody=json.dumps(sent))}
    del answer["ResponseMetadata"]
    free, given = ({"ParameterKey": name, "NoEcho": False} for name in ("Free", "Given"))
    assert answer == {"Parameters": [free, {**given, "DefaultValue": ""}]}


def test_template_summary_of_loops_has_no_types(stacks: FakeStacks) -> None:
    loop = {"Fn::ForEach::Loop": ["Name", ["A", "B"], {"${Name}": PARAMETER}]}
    sent = {"Transform": "AWS::LanguageExtensions", "Resources": {**loop, "C": PARAMETER}}
    summary = stacks.client.get_template_summary(TemplateBody=json.dumps(sent))
    assert not summary.keys() & {"ResourceTypes", "ResourceIdentifierSummaries"}
    assert summary["DeclaredTransforms"] == ["AWS::LanguageExtensions"]


def test_template_summary_of_a_stack(stacks: FakeStacks) -> None:
    name = stacks.create(body(A=PARAMETER))
    summary = stacks.client.get_template_summary(StackName=name)
    assert summary["ResourceIdentifierSummaries"] == [
        {
            "ResourceType": "AWS::SSM::Parameter",
            "LogicalResourceIds": ["A"],
            "ResourceIdentifiers": ["Name"],
        }
    ]
    assert "Description" not in summary


@pytest.fixture
def addresses(fake_sandbox: Sandbox) -> dict[str, str]:
    """Addresses of a template, which has a description, and of its older version, which has another."""
    endpoint = fake_sandbox.endpoints["cloudformation"]
    with closing(fake_sandbox.client("s3", endpoint_url=endpoint)) as s3:
        s3.create_bucket(Bucket=BUCKET)
        versioned: Any = {"Status": "Enabled"}
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=versioned)
        versions = [
            s3.put_object(
                Bucket=BUCKET,
                Key="a/k",
                Body=json.dumps({"Description": each, "Resources": {"A": PARAMETER}}),
            )
            for each in ("old", "new")
        ]
    host = f"https://{BUCKET}.s3.us-east-1.amazonaws.com/a/k"
    return {
        "new": host,
        "old": f"{host}?versionId={versions[0]['VersionId']}",
        "local": f"{endpoint}/{BUCKET}/a/k",
    }


def test_template_url_in_host_style_is_read_everywhere(stacks: FakeStacks, addresses: dict[str, str]) -> None:
    for url, description in (
        (addresses["new"], "new"),
        (addresses["old"], "old"),
        (addresses["local"], "new"),
    ):
        assert stacks.client.validate_template(TemplateURL=url)["Description"] == description
        assert stacks.client.get_template_summary(TemplateURL=url)["Description"] == description
    name = new_name()
    stacks.client.create_change_set(
        StackName=name, ChangeSetName="c", ChangeSetType="CREATE", TemplateURL=addresses["old"]
    )
    stacks.client.execute_change_set(StackName=name, ChangeSetName="c")
    assert stacks.wait(name) == "CREATE_COMPLETE"
    assert stacks.describe(name).get("Description", "old") == "old"
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": addresses["new"]}}
    parent = stacks.create(body(Nested=nested))
    child = stacks.describe(stacks.arn(parent, "Nested"))
    assert child["Description"] == "new"
    assert child["ParentId"] == child["RootId"] == stacks.describe(parent)["StackId"]


@cases(
    "url, message",
    {
        "elsewhere": ("https://example.com/dummy.yml", "TemplateURL must be a supported URL."),
        "no such key": (
            f"https://{BUCKET}.s3.amazonaws.com/none",
            "S3 error: The specified key does not exist.",
        ),
    },
)
def test_template_url_elsewhere_is_refused(stacks: FakeStacks, url: str, message: str) -> None:
    for call in (stacks.client.validate_template, stacks.client.get_template_summary):
        with pytest.raises(ClientError) as refused:
            call(TemplateURL=url)
        assert refused.value.response["Error"]["Message"] == message


def test_waiter_ends_with_the_operation(stacks: FakeStacks) -> None:
    """Its first poll comes before the end, and its second one would come half a minute later."""
    name = stacks.begin(thing(Behave="slow"))
    started = time.monotonic()
    stacks.client.get_waiter("stack_create_complete").wait(StackName=name)
    assert time.monotonic() - started < 10
    assert stacks.describe(name)["StackStatus"] == "CREATE_COMPLETE"


def test_poll_of_no_waiter_is_answered_at_once(stacks: FakeStacks) -> None:
    name = stacks.begin(thing(Behave="slow"))
    assert stacks.describe(name)["StackStatus"] == "CREATE_IN_PROGRESS"
    assert stacks.wait(name) == "CREATE_COMPLETE"


# --- the engine by itself ---------------------------------------------------------------------------

ENGINE = """
import asyncio, json, sys
from sandbox.cloudformation.ministack_hooks import names
from xml.etree import ElementTree
package, handlers = names.module(names.CLOUDFORMATION), names.module(names.HANDLERS)

def ask(action, **params):
    answer = handlers._ACTION_HANDLERS[action]({name: [value] for name, value in params.items()})
    return answer[2].decode()

def body(**resources):
    return json.dumps({"Resources": {
        name: {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}}
        for name, value in resources.items()
    }})

async def settle(name):
    while package._stacks[name]["StackStatus"].endswith("_IN_PROGRESS"):
        await asyncio.sleep(0)

async def run():
    given = {"NotificationARNs.member.1": "t"}
    ask("CreateStack", StackName="s", TemplateBody=body(A="a", B="b", C="c"), **given)
    await settle("s")
    described = ask("DescribeStacks", StackName="s")
    events = package._stack_events[package._stacks["s"]["StackId"]]
    created = len(events)
    ask("UpdateStack", StackName="s", TemplateBody=body(A="a", C="d", D="d"))
    refused = ask("UpdateStack", StackName="s", TemplateBody=body(A="a"))
    await settle("s")
    failing = {**json.loads(body(A="a")), "Outputs": {"X": {"Value": {"Fn::GetAtt": ["A", "Nope"]}}}}
    ask("CreateStack", StackName="f", TemplateBody=json.dumps(failing))
    await settle("f")
    update = names.module(names.PROVISIONERS)._update_resource
    declaring = {"Parameters": {"P": {"Type": "String"}}, **json.loads(body(A="a"))}
    s3 = names.module(names.S3)
    s3._buckets["b"] = {"objects": {}}
    print(json.dumps({
        "described": described,
        "created": [
            (e["LogicalResourceId"], e["ResourceStatus"], e["ResourceStatusReason"]) for e in events[:created]
        ],
        "updated": [(e["LogicalResourceId"], e["ResourceStatus"]) for e in events[created:]],
        "times": [e["Timestamp"] for e in events],
        "refused": refused,
        "attributes": update("AWS::SSM::Parameter", "x", {}, {}, "s", "A")[1],
        "validated": ask("ValidateTemplate", TemplateBody=json.dumps(declaring)),
        "failed": [
            (e["ResourceStatus"], e["ResourceStatusReason"])
            for e in package._stack_events[package._stacks["f"]["StackId"]]
        ],
        "failures": ask("DescribeEvents", StackName="f", **{"Filters.FailedEvents": "true"}),
        "summary": ask("GetTemplateSummary", TemplateBody=body(A="a")),
        "elsewhere": ask("ValidateTemplate", TemplateURL="https://example.com/dummy.yml"),
        "hosted": ask("ValidateTemplate", TemplateURL="https://b.s3.us-east-1.amazonaws.com/a/k"),
    }))

asyncio.run(run())
"""


@pytest.fixture(scope="module")
def engine() -> Json:
    """What the engine answers and records without the hooks, in the version that they are written for."""
    answers: Json = in_engine(ENGINE)
    return answers


def test_engine_itself_has_other_events(engine: Json) -> None:
    assert ("A", "CREATE_IN_PROGRESS", "Resource creation Initiated") not in map(tuple, engine["created"])
    updated = [tuple(each) for each in engine["updated"]]
    assert ("A", "UPDATE_IN_PROGRESS") in updated  # it has not changed
    assert ("D", "UPDATE_COMPLETE") in updated  # it is new
    assert ("B", "DELETE_COMPLETE") not in updated
    assert ("s", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS") not in updated
    assert sorted(set(engine["times"])) != engine["times"]
    failed = [tuple(each) for each in engine["failed"]]
    assert ("ROLLBACK_IN_PROGRESS", "Rollback requested") in failed
    assert ("ROLLBACK_COMPLETE", "Rollback complete") in failed
    assert engine["attributes"] == {}  # of what has not changed in a nested stack, which says none


def test_engine_itself_answers_less(engine: Json) -> None:
    for member in ("NotificationARNs", "RollbackConfiguration", "LastOperations"):
        assert member not in engine["described"]
    assert "<StackStatusReason></StackStatusReason>" in engine["described"]
    for member in ("ResourceIdentifierSummaries", "Version", "ParameterConstraints"):
        assert member not in engine["summary"]
    assert "<DefaultValue></DefaultValue>" in engine["validated"]
    assert "<member>" not in engine["failures"]
    assert "is in UPDATE_IN_PROGRESS state and cannot be updated" in engine["refused"]
    assert "must be a supported URL" not in engine["elsewhere"]
    assert "Template not found at" in engine["hosted"]
