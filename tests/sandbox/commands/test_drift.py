"""`drift`, and what `status` and `deploy` say of packages that are not as their templates say."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.stub import Stubber

from sandbox.commands import differences, drift, status, watch
from sandbox.commands.differences import Difference, Drift, StackResources
from sandbox.commands.errors import TimedOutError
from sandbox.commands.stacks import SandboxStacks
from sandbox.local_aws import Sandbox
from sandbox.shared.credentials import Credentials
from sandbox.shared.template_secrets import TemplateSecrets
from sandbox.state_file import RunningSandbox
from tests.guides.aws_cli import LocalAws
from tests.sandbox.commands.cli import (
    ARN,
    VALIDATED,
    WAIT_SECONDS,
    Json,
    RunCommand,
    complete_at_once,
    never_complete,
    package_template,
    refuse,
    write,
)
from tests.sandbox.helpers import until
from tests.stack.stacks import TYPE, DeployedStacks

STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/fraud/1"
PACKAGE = {
    "LogicalResourceId": "Version",
    "PhysicalResourceId": f"{ARN}/1",
    "ResourceType": TYPE,
    "ResourceStatus": "CREATE_COMPLETE",
    "Timestamp": "2026-01-01T00:00:00Z",
}
OTHER = {**PACKAGE, "LogicalResourceId": "Other", "PhysicalResourceId": f"{ARN}/2"}
DETECTION = {"StackDriftDetectionId": "1"}
CONTAINER = {"Environment": {"KEY": "not-shown"}, "Image": "i"}


def described(path: str, kind: str, expected: str = "null", actual: str = "null") -> Any:
    return {
        "PropertyPath": path,
        "ExpectedValue": expected,
        "ActualValue": actual,
        "DifferenceType": kind,
    }


# What CloudFormation describes, and what is shown of it.
SHOWN = {
    "an open value": (
        described("/ModelApprovalStatus", "NOT_EQUAL", "Rejected", "Approved"),
        Difference("/ModelApprovalStatus", "NOT_EQUAL", "Rejected", "Approved"),
    ),
    "the text null": (
        described("/Domain", "NOT_EQUAL", "null", ""),
        Difference("/Domain", "NOT_EQUAL", "null", ""),
    ),
    "a tag that was added": (
        described("/Tags/1", "ADD", actual='{"Key": "a", "Value": "b"}'),
        Difference("/Tags/1", "ADD", None, '{"Key": "a", "Value": "b"}'),
    ),
    "JSON that is no object of the template": (
        described("/InferenceSpecification/Containers/0/ModelInput/DataInputConfig", "REMOVE", '{"a":[1]}'),
        Difference(
            "/InferenceSpecification/Containers/0/ModelInput/DataInputConfig", "REMOVE", '{"a":[1]}', None
        ),
    ),
    "metadata": (
        described("/CustomerMetadataProperties/a~1b", "NOT_EQUAL", "not-shown", '{"not": "shown"}'),
        Difference("/CustomerMetadataProperties/a~1b", "NOT_EQUAL", "(string)", "(JSON object)", True),
    ),
    "all metadata": (
        described("/CustomerMetadataProperties", "REMOVE", '{"a": "not-shown"}'),
        Difference("/CustomerMetadataProperties", "REMOVE", '{"a": "(string)"}', None, True),
    ),
    "a card": (
        described(
            "/ModelCard", "ADD", actual='{"ModelCardContent": "{\\"not\\": 1}", "ModelCardStatus": "Draft"}'
        ),
        Difference(
            "/ModelCard",
            "ADD",
            None,
            '{"ModelCardContent": "(JSON object)", "ModelCardStatus": "Draft"}',
            True,
        ),
    ),
    "a card's content": (
        described("/ModelCard/ModelCardContent", "NOT_EQUAL", '{"not": "shown"}', "{"),
        Difference("/ModelCard/ModelCardContent", "NOT_EQUAL", "(JSON object)", "(string)", True),
    ),
    "a card's status": (
        described("/ModelCard/ModelCardStatus", "NOT_EQUAL", "Draft", "Approved"),
        Difference("/ModelCard/ModelCardStatus", "NOT_EQUAL", "Draft", "Approved"),
    ),
    "a specification with an environment in it": (
        described(
            "/AdditionalInferenceSpecifications/2", "ADD", actual=json.dumps({"Containers": [CONTAINER]})
        ),
        Difference(
            "/AdditionalInferenceSpecifications/2",
            "ADD",
            None,
            '{"Containers": [{"Environment": {"KEY": "(string)"}, "Image": "i"}]}',
            True,
        ),
    ),
    "a value that is like the shape": (
        described("/CustomerMetadataProperties/a", "NOT_EQUAL", "(string)", "(string)"),
        Difference("/CustomerMetadataProperties/a", "NOT_EQUAL", "(string)", "(string)", True),
    ),
}


@pytest.mark.parametrize(("given", "expected"), SHOWN.values(), ids=SHOWN)
def test_difference_of_shows_confidential_values_as_shape(given: Any, expected: Difference) -> None:
    assert differences.difference_of(given) == expected
    hidden = differences.difference_of(given, is_secret=True)
    assert {hidden.expected, hidden.actual} <= {None, "****"}


def test_text_lines_say_which_side_has_none_and_escape_what_a_terminal_would_obey() -> None:
    added = Difference("/Tags/1", "ADD", None, "\x1b[2Jb")
    assert differences.text_lines(added) == ["/Tags/1  ADD", '  actual    "\\u001b[2Jb"']
    emptied = Difference("/ModelCard/ModelCardContent", "NOT_EQUAL", "", "(string)", is_hidden=True)
    assert differences.text_lines(emptied) == [
        "/ModelCard/ModelCardContent  NOT_EQUAL  (values are not shown)",
        '  expected  ""',
        "  actual    (string)",
    ]


@pytest.fixture
def scripted() -> Iterator[tuple[SandboxStacks, Stubber]]:
    """Stacks of a CloudFormation whose answers a test gives, in order."""
    endpoints = {"cloudformation": "http://127.0.0.1:9"}
    sandbox = RunningSandbox(0, endpoints, None, "", 1.0, Credentials.new())
    stacks = SandboxStacks(sandbox)
    stacks.client = sandbox.client("cloudformation")
    with closing(stacks), Stubber(stacks.client) as stubber:
        yield stacks, stubber


def of(*resources: Json, state: str = "CREATE_COMPLETE") -> StackResources:
    stack: Any = {"StackName": "fraud", "StackId": STACK_ID, "StackStatus": state}
    return StackResources(stack, [*resources])  # type: ignore[list-item] # as botocore parses them


def detection(state: str, drift: str = "UNKNOWN", **more: str) -> Json:
    given = {"StackId": STACK_ID, "DetectionStatus": state, "StackDriftStatus": drift}
    return {**given, **DETECTION, "Timestamp": "2026-01-01T00:00:00Z", **more}


def result(resource: Json, state: str, **more: Any) -> Json:
    names = ("LogicalResourceId", "PhysicalResourceId", "ResourceType", "Timestamp")
    kept = {name: resource[name] for name in names}
    return {"StackId": STACK_ID, **kept, "StackResourceDriftStatus": state, **more}


def test_detect_waits_and_reads_every_page(
    scripted: tuple[SandboxStacks, Stubber], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "POLL_SECONDS", 0)
    stacks, stubber = scripted
    page = "describe_stack_resource_drifts"
    reason = 'Resource handler returned message: "no" (RequestToken: t, HandlerErrorCode: AccessDenied)'
    failed = detection("DETECTION_FAILED", DetectionStatusReason="Failed on [Other]")
    stubber.add_response("detect_stack_drift", DETECTION, {"StackName": STACK_ID})
    stubber.add_response("describe_stack_drift_detection_status", detection("DETECTION_IN_PROGRESS"))
    stubber.add_response("describe_stack_drift_detection_status", failed)
    first = {"StackResourceDrifts": [result(PACKAGE, "IN_SYNC")], "NextToken": "2"}
    second = {"StackResourceDrifts": [result(OTHER, "UNKNOWN", DriftStatusReason=reason)]}
    stubber.add_response(page, first, {"StackName": STACK_ID})
    stubber.add_response(page, second, {"StackName": STACK_ID, "NextToken": "2"})
    group = {**OTHER, "LogicalResourceId": "Group", "ResourceType": "AWS::SageMaker::ModelPackageGroup"}
    nested = {**OTHER, "LogicalResourceId": "Nested", "ResourceType": "AWS::CloudFormation::Stack"}
    drift = differences.detect(stacks, of(PACKAGE, OTHER, group, nested), 10)
    assert (drift.status, drift.reason) == ("UNKNOWN", "Failed on [Other]")
    assert [(each.resource, each.status, each.reason) for each in drift.resources] == [
        ("Version", "IN_SYNC", None),
        ("Other", "UNKNOWN", "AccessDenied: no"),
        ("Group", "NOT_CHECKED", differences.NO_SUPPORT),
        ("Nested", "NOT_CHECKED", differences.IS_NESTED),
    ]
    stubber.assert_no_pending_responses()


def test_detect_ends_at_the_timeout_and_where_it_is_refused(scripted: tuple[SandboxStacks, Stubber]) -> None:
    stacks, stubber = scripted
    stubber.add_response(
        "detect_stack_drift", DETECTION, {"StackName": STACK_ID, "LogicalResourceIds": ["Version"]}
    )
    stubber.add_response("describe_stack_drift_detection_status", detection("DETECTION_IN_PROGRESS"))
    with pytest.raises(TimedOutError, match="not over after -1 s"):
        differences.detect(stacks, of(PACKAGE), -1, only=["Version"])
    stubber.add_client_error("detect_stack_drift", "ValidationError", "it is in progress")
    drift = differences.detect(stacks, of(PACKAGE), 10)
    assert (drift.status, drift.reason, drift.resources) == ("NOT_CHECKED", "it is in progress", ())
    whole = Drift([drift, differences.detect(stacks, of(PACKAGE, state="DELETE_COMPLETE"), 10)])
    assert whole.status == "DRIFTED"
    assert whole.drifted_names() == ["fraud: the stack has been deleted"]
    assert whole.problems() == ["it is in progress"]


SECRETS_TEMPLATE: Json = {
    "Parameters": {
        "Secret": {"Type": "String", "NoEcho": "true"},
        "Open": {"Type": "String"},
        "Stored": {"Type": "String", "Default": "{{resolve:secretsmanager:a}}"},
        "Given": {"Type": "String"},
    },
    "Mappings": {"Stages": {"prod": {"Key": "{{resolve:ssm-secure:a}}"}}, "Open": {"a": {"b": "c"}}},
    "Resources": {
        "Holder": {"Properties": {"Name": "open", "Value": {"Ref": "Secret"}}},
        "Second": {"Properties": {"Value": {"Fn::Sub": "a ${Holder.Value}"}}},
        "Third": {"Properties": {"Value": {"Fn::GetAtt": "Second.Value"}}},
        "Nested": {"Properties": {"Parameters": {"Note": {"Ref": "Secret"}}}},
        "Version": {
            "Properties": {
                "Domain": {"Ref": "Secret"},
                "Task": {"Fn::If": ["Any", {"Fn::Sub": "a ${Secret}"}, {"Ref": "AWS::NoValue"}]},
                "SourceUri": {"Fn::Join": ["", ["s3://", "{{resolve:secretsmanager:a}}"]]},
                "ModelApprovalStatus": {"Fn::Sub": "${!Secret} ${Open}"},
                "ApprovalDescription": {"Ref": "Passed"},
                "ByDefault": {"Ref": "Stored"},
                "ByValue": {"Ref": "Given"},
                "ByMapping": {"Fn::FindInMap": ["Stages", "prod", "Key"]},
                "ByOpenMapping": {"Fn::FindInMap": ["Open", "a", "b"]},
                "ByAttribute": {"Fn::GetAtt": ["Third", "Value"]},
                "ByOpenAttribute": {"Fn::GetAtt": "Holder.Name"},
                "ByOutput": {"Fn::GetAtt": ["Nested", "Outputs.Note"]},
                # The processed template has the value.
                "AsJson": {"Fn::ToJsonString": {"a": {"Ref": "Secret"}}},
            }
        },
        "Fn::ForEach::Loop": [
            "X",
            ["1"],
            {
                "Looped${X}": {
                    "Properties": {"Domain": {"Fn::ToJsonString": {"Ref": "Secret"}}, "Task": "open"}
                }
            },
        ],
    },
}
PROCESSED_RESOURCES: Json = {
    **SECRETS_TEMPLATE["Resources"],
    "Version": {
        "Properties": {**SECRETS_TEMPLATE["Resources"]["Version"]["Properties"], "AsJson": "a-secret"}
    },
    "Looped1": {"Properties": {"Domain": "a-secret", "Task": "open"}},
}


@pytest.mark.parametrize(
    ("resource", "path", "is_secret"),
    [
        ("Version", "/Domain", True),
        ("Version", "/Task", True),
        ("Version", "/SourceUri", True),
        ("Version", "/ApprovalDescription", True),
        ("Version", "/ByDefault", True),
        ("Version", "/ByValue", True),
        ("Version", "/ByMapping", True),
        ("Version", "/ByAttribute", True),
        ("Version", "/ByOutput", True),
        ("Version", "/AsJson", True),
        ("Version", "/ModelApprovalStatus", False),
        ("Version", "/ByOpenMapping", False),
        ("Version", "/ByOpenAttribute", False),
        ("Version", "/Tags/0", False),
        ("Looped1", "/Domain", True),
        ("Looped1", "/Task", False),
        ("Unknown", "/Tags/0", True),
    ],
)
def test_template_secrets_has_every_way_of_a_value(resource: str, path: str, *, is_secret: bool) -> None:
    processed = {**SECRETS_TEMPLATE, "Resources": PROCESSED_RESOURCES}
    values = {"Given": "{{resolve:secretsmanager:b}}", "Stored": "{{resolve:secretsmanager:a}}", "Open": "a"}
    secrets = TemplateSecrets(processed, SECRETS_TEMPLATE, values, {"Passed"})
    assert secrets.has(resource, path) == is_secret
    assert secrets.passed_to("Nested") == {"Note"}


@pytest.mark.parametrize(("path", "shown"), [("/Domain", "****"), ("/ModelApprovalStatus", "one")])
def test_detect_masks_properties_with_secrets(
    scripted: tuple[SandboxStacks, Stubber], path: str, shown: str
) -> None:
    stacks, stubber = scripted
    difference = described(path, "NOT_EQUAL", "one", "one")
    stubber.add_response("detect_stack_drift", DETECTION)
    stubber.add_response("describe_stack_drift_detection_status", detection("DETECTION_COMPLETE", "DRIFTED"))
    drifts = [result(PACKAGE, "MODIFIED", PropertyDifferences=[difference])]
    stubber.add_response("describe_stack_resource_drifts", {"StackResourceDrifts": drifts})
    for _ in ("Processed", "Original"):
        stubber.add_response("get_template", {"TemplateBody": json.dumps(SECRETS_TEMPLATE)})
    ((each,),) = [each.differences for each in differences.detect(stacks, of(PACKAGE), 10).resources]
    assert (each.expected, each.actual) == (shown, shown)


def test_status_knows_packages_of_any_type_by_their_arns(monkeypatch: pytest.MonkeyPatch) -> None:
    named = {**PACKAGE, "ResourceType": "Acme::SageMaker::ModelPackage"}
    group = {**OTHER, "PhysicalResourceId": ARN.replace("-package/", "-package-group/")}
    unchecked = differences.StackDrift("fraud", STACK_ID, "NOT_CHECKED", "it is in progress")
    monkeypatch.setattr(differences, "with_nested", lambda *_: [of(named, group)])
    monkeypatch.setattr(differences, "detect", lambda *_, only: unchecked if only == ["Version"] else None)
    live = {
        "ModelPackageArn": f"{ARN}/1".upper(),
        "ModelPackageVersion": 1,
        "ModelPackageStatus": "Completed",
        "ModelApprovalStatus": "Approved",
        "ApprovalDescription": "not shown",
        "ModelLifeCycle": {"Stage": "Staging", "StageStatus": "Approved"},
        "ModelCard": {"ModelCardStatus": "Draft", "ModelCardContent": "not shown"},
    }
    stacks: Any = SimpleNamespace(sandbox=SimpleNamespace(packages=lambda: [live]))
    (package,) = status._packages(stacks, of().stack)
    assert status._lines(package, "parent")[0] == f"  fraud/Version  {ARN}/1"
    assert status._lines(package, "fraud") == [
        f"  Version  {ARN}/1",
        "    version   1",
        "    status    Completed",
        "    approval  Approved, with a description",
        "    stage     Staging/Approved",
        "    card      Draft",
        "    drift     NOT_CHECKED: it is in progress",
    ]


def nested_template(sandbox: Sandbox) -> Json:
    """A package and a nested stack with another one, both with a secret in an open property."""
    child = package_template(ModelApprovalStatus="Rejected", ApprovalDescription={"Ref": "Note"})
    child["Parameters"] = {"Note": {"Type": "String"}}
    child["Resources"]["Group"]["Properties"]["ModelPackageGroupName"] = "nested"
    with closing(sandbox.client("s3", endpoint_url=sandbox.endpoints["cloudformation"])) as s3:
        s3.create_bucket(Bucket="nested")
        s3.put_object(Bucket="nested", Key="child", Body=json.dumps(child))
    url = "https://s3.us-east-1.amazonaws.com/nested/child"
    note = {"Ref": "Secret"}
    metadata = {"owner": "an-owner-not-shown"}
    body = package_template(
        ModelApprovalStatus="Rejected", ApprovalDescription=note, CustomerMetadataProperties=metadata
    )
    body["Parameters"] = {"Secret": {"Type": "String", "NoEcho": True}}
    properties = {"TemplateURL": url, "Parameters": {"Note": note}}
    body["Resources"]["Nested"] = {"Type": "AWS::CloudFormation::Stack", "Properties": properties}
    body["Resources"]["Setting"] = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Name": "setting", "Type": "String", "Value": "1"},
    }
    return body


def assert_unknown_where_unread(run: RunCommand, sandbox: Sandbox, deploy: tuple[str, ...]) -> None:
    refuse(sandbox, "DescribeModelPackage")
    unread = run("drift", "fraud")
    assert unread.code == 1
    assert "fraud is UNKNOWN: Failed to detect drift on resources [Version]" in unread.out
    assert "AccessDenied: READ" in unread.out
    unknown = run(*deploy)
    assert unknown.code == 0
    assert "Its drift is not known: Failed to detect drift on resources [Version]" in unknown.err
    sandbox.sagemaker.behaviour.faults = []


def test_drift_of_a_stack_and_a_nested_one(run: RunCommand, sandbox: Sandbox, tmp_path: Path) -> None:
    template = write(tmp_path / "fraud.json", nested_template(sandbox))
    deploy = ("deploy", template, "--stack", "fraud", "--parameters", "Secret=a-secret-not-shown")
    assert run(*deploy).code == 0
    whole = run("drift", "fraud")
    assert (whole.code, whole.err) == (0, ""), whole
    lines = [re.split("  +", line.strip()) for line in whole.out.splitlines()]
    assert sorted(tuple(line[:2]) for line in lines if len(line) > 1) == [
        *[("Group", "NOT_CHECKED")] * 2,
        ("Nested", "NOT_CHECKED"),
        ("Setting", "IN_SYNC"),
        *[("Version", "IN_SYNC")] * 2,
    ]
    reasons = {line[0]: line[-1] for line in lines if "NOT_CHECKED" in line}
    assert reasons == {"Group": differences.NO_SUPPORT, "Nested": differences.IS_NESTED}
    assert "drift     IN_SYNC\n" in run("status", "fraud").out
    assert run(*deploy, "--json").json["drift"]["status"] == "IN_SYNC"

    assert_unknown_where_unread(run, sandbox, deploy)
    with closing(DeployedStacks(sandbox)) as stacks:
        stacks.sagemaker.update_model_package(
            ModelPackageArn=f"{ARN}/1",
            ModelApprovalStatus="Approved",
            ApprovalDescription="another-not-shown",
            CustomerMetadataProperties={"owner": "a-third-not-shown"},
        )
        nested = ARN.replace("fraud-detection", "nested/1")
        stacks.sagemaker.update_model_package(
            ModelPackageArn=nested, ModelApprovalStatus="Rejected", ApprovalDescription="other-not-shown"
        )
        drifted = run("drift", "fraud")
        assert drifted.code == 5
        assert (
            "    /ModelApprovalStatus  NOT_EQUAL\n      expected  Rejected\n      actual    Approved\n"
            in drifted.out
        )
        assert drifted.out.count("    /ApprovalDescription  NOT_EQUAL  (values are not shown)\n") == 2
        document = run("drift", "fraud", "--json")
        assert (document.code, document.json["status"]) == (5, "DRIFTED")
        root, child = document.json["stacks"]
        assert (root["status"], child["status"]) == ("DRIFTED", "DRIFTED")
        assert child["resources"][1]["differences"] == [
            {
                "path": "/ApprovalDescription",
                "kind": "NOT_EQUAL",
                "expected": "****",
                "actual": "****",
                "hidden": True,
            }
        ]
        unchanged = run(*deploy)
        assert unchanged.code == 0
        paths = "/ModelApprovalStatus, /ApprovalDescription, /CustomerMetadataProperties/owner"
        assert f":\n  Version: {paths}\n  {child['stack']}/Version: /ApprovalDescription\n" in unchanged.err
        assert "But it has drifted" in unchanged.err
        shown = [drifted, document, unchanged, run("status", "fraud"), run("status", "fraud", "--json")]
        assert not any("not-shown" in each.out + each.err for each in shown)

        # The commands that `drift` prints bring the stack back; the nested one has its own.
        _run_printed(drifted.err, sandbox, tmp_path)
        assert stacks.wait("fraud") == "UPDATE_COMPLETE"
        again = run("drift", "fraud", "--json").json
        assert [each["status"] for each in again["stacks"]] == ["IN_SYNC", "DRIFTED"]
        assert run("drift", child["stack"]).code == 5
        left = run("drift", "fraud").err
        assert re.fullmatch(
            rf"A nested stack has ways back of its own:\n    .* drift {child['stack']}\n", left
        )
        stacks.sagemaker.delete_model_package(ModelPackageName=nested)
        assert re.search(rf"^  Version +DELETED +{TYPE} +{nested}$", run("drift", "fraud").out, re.M)
        gone = run("status", "fraud")
        assert (
            f"  {child['stack']}/Version  {nested}\n    status  it is not there\n    drift   DELETED\n"
            in gone.out
        )


def test_ways_back_name_a_change_set_of_their_own_or_end_the_rollback() -> None:
    options = argparse.Namespace(state=None)
    stack: Any = {"StackName": "fraud", "StackStatus": "UPDATE_COMPLETE"}
    text = drift._ways_back(options, stack)
    (name,) = set(re.findall(r"--change-set-name (\S+)", text))
    assert re.fullmatch(r"revert-drift-\d{8}-\d{6}", name)
    # Pasted as a whole, what only shows the changes does not make them.
    shown, _, executed = text.partition("If that is right:\n")
    assert "execute-change-set" not in shown
    assert "execute-change-set" in executed
    stack["StackStatus"] = "UPDATE_ROLLBACK_FAILED"
    stuck = drift._ways_back(options, stack)
    assert stuck.endswith("    aws cloudformation continue-update-rollback --stack-name fraud")
    assert "change-set" not in stuck


def test_drifted_names_have_each_path_once() -> None:
    changed = [Difference("/Tags/0", kind, None, None) for kind in ("REMOVE", "ADD")]
    resource = differences.ResourceDrift("Version", TYPE, ARN, "MODIFIED", None, changed)
    stack = differences.StackDrift("fraud", STACK_ID, "DRIFTED", None, [resource])
    assert Drift([stack]).drifted_names() == ["Version: /Tags/0"]


def test_detect_beside_does_not_end_at_the_timeout(
    scripted: tuple[SandboxStacks, Stubber], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differences, "MAX_BESIDE_SECONDS", -1)
    stacks, stubber = scripted
    stubber.add_response("detect_stack_drift", DETECTION)
    stubber.add_response("describe_stack_drift_detection_status", detection("DETECTION_IN_PROGRESS"))
    beside = differences.detect_beside(stacks, of(PACKAGE))
    assert (beside.status, beside.reason) == ("UNKNOWN", "The detection is not over after -1 s")


def _run_printed(text: str, sandbox: Sandbox, folder: Path) -> None:
    aws = LocalAws(sandbox)
    commands = [line.strip() for line in text.replace("\\\n", "").splitlines() if line.startswith("    aws ")]
    try:
        for command in commands:
            output = aws.run(shlex.split(command)[1:], folder)
            if "describe-change-set" in command:
                # A nested stack's template may have changed at its address.
                changes = [["Nested", "Modify", "False"], ["Version", "Modify", "False"]]
                assert json.loads(output) == changes
    finally:
        aws.close()
    assert len(commands) == 5


def test_drift_while_a_stack_is_in_progress(run: RunCommand, sandbox: Sandbox) -> None:
    never_complete(sandbox)
    assert run("deploy", VALIDATED, "--timeout", "0.1").code == 4
    result = run("drift", "validated-package")
    assert result.code == 1
    assert result.out.startswith("validated-package is NOT_CHECKED: Stack [validated-package] is in CREATE_")
    deadline = time.monotonic() + WAIT_SECONDS
    packages: list[Json] = []
    while not packages:  # its ARN is known once the handler has answered
        assert time.monotonic() < deadline
        packages = run("status", "validated-package", "--json").json["packages"]
    (package,) = packages
    assert package["status"] in ("Pending", "InProgress")
    assert package["drift"]["status"] == "NOT_CHECKED"
    assert "CREATE_IN_PROGRESS" in package["drift"]["reason"]
    # Nothing may be polled any more when the next test begins.
    complete_at_once(sandbox)
    until(lambda: "validated-package is CREATE_COMPLETE" in run("status", "validated-package").out)


@pytest.mark.usefixtures("sandbox")
def test_drift_of_what_cannot_be_checked_says_so(run: RunCommand, tmp_path: Path) -> None:
    template = package_template()
    del template["Resources"]["Version"]
    assert run("deploy", write(tmp_path / "group.json", template)).code == 0
    result = run("drift", "group")
    assert (result.code, result.out.splitlines()[-1]) == (0, "  nothing in it can be checked")
    assert run("drift", "grou").code == 2
