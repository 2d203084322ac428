"""The template that registers the type: its parts, what it allows, and the built package registered by it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import yaml
from cloudformation_cli_python_lib.metrics import MetricsPublisher

from packager import registration
from packager.build import Package
from packager.project import OURS, PACKAGE, ROOT, renamed
from sandbox.local_aws import Sandbox
from sandbox.state_file import RunningSandbox
from tests.stack.stacks import DeployedStacks, parameters

from .conftest import ACME

Json = dict[str, Any]

COMMITTED = registration.TARGET.read_text(encoding="utf-8")
TEMPLATE: Json = yaml.safe_load(COMMITTED)
OWN_PART, ROLE, LOGGING, ALARMS = (
    yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in (registration.OWN_PART, registration.ROLE, registration.LOGGING, registration.ALARMS)
)
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_BYTES_IN_A_REQUEST = 51_200


def test_generate_writes_the_committed_template() -> None:
    assert registration.template() == COMMITTED, "run `make generate` and commit"


@pytest.mark.parametrize("section", ["Parameters", "Conditions", "Resources", "Outputs"])
def test_template_has_everything_of_its_parts_once(section: str) -> None:
    conditional = {name: {**each, "Condition": "HasAlarms"} for name, each in ALARMS["Resources"].items()}
    parts = [OWN_PART, ROLE, LOGGING, {**ALARMS, "Resources": conditional}]
    together = [pair for part in parts for pair in part.get(section, {}).items()]
    assert dict(together) == TEMPLATE[section]
    # One boundary is for both roles.
    shared = {"PermissionsBoundaryArn", "HasPermissionsBoundary"} & TEMPLATE[section].keys()
    assert len(together) == len(TEMPLATE[section]) + len(shared)
    assert all(ROLE[section][name] == LOGGING[section][name] for name in shared if section == "Conditions")
    for name in TEMPLATE[section]:
        assert len(re.findall(rf"^  {name}:$", COMMITTED, re.MULTILINE)) == 1, name


def test_template_needs_nothing_beside_it() -> None:
    """For service-managed StackSets: no nested stack, no macro, and small enough for a request."""
    assert set(TEMPLATE) == {
        "AWSTemplateFormatVersion",
        "Description",
        "Parameters",
        "Conditions",
        "Resources",
        "Outputs",
    }
    assert "Fn::Transform" not in COMMITTED
    assert {each["Type"] for each in TEMPLATE["Resources"].values()} == {
        "AWS::CloudFormation::ResourceVersion",
        "AWS::CloudFormation::ResourceDefaultVersion",
        "AWS::CloudWatch::Alarm",
        "AWS::IAM::Role",
        "AWS::Logs::LogGroup",
    }
    assert len(COMMITTED.encode()) <= MAX_BYTES_IN_A_REQUEST


def test_template_names_no_resource_so_that_regions_and_earlier_registrations_are_not_in_its_way() -> None:
    names = {"AlarmName", "LogGroupName", "RoleName"}
    assert not [each for each in TEMPLATE["Resources"].values() if names & each["Properties"].keys()]


def test_packaged_template_differs_in_the_type_name_only(package: Package) -> None:
    packaged = (package.project / registration.TARGET.name).read_text(encoding="utf-8")
    assert f"      TypeName: {ACME.name}\n" in packaged
    assert f"cloudwatch:namespace: AWS/CloudFormation/{ACME.in_namespace}\n" in packaged
    for form in ("name", "in_arn", "in_namespace"):
        packaged = packaged.replace(getattr(ACME, form), getattr(OURS, form))
    assert packaged == COMMITTED


@pytest.mark.parametrize(
    ("key", "is_accepted"),
    [
        (f"acme-sagemaker-modelpackage-{SHA256}.zip", True),
        (f"types/acme-sagemaker-modelpackage/{SHA256}.zip", True),
        ("acme-sagemaker-modelpackage-1.4.2.zip", True),
        ("acme-sagemaker-modelpackage.zip", False),
        (f"acme-sagemaker-modelpackage-{SHA256}", False),
        (f"acme sagemaker {SHA256}.zip", False),
        ("", False),
    ],
)
def test_package_key_has_to_change_with_the_package(key: str, is_accepted: bool) -> None:
    pattern = TEMPLATE["Parameters"]["PackageKey"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, key)) is is_accepted


def test_log_role_allows_the_calls_of_the_handlers_and_no_others() -> None:
    described = [
        (service, json.loads((PACKAGE / "api" / folder / "service-2.json").read_text(encoding="utf-8")))
        for service, folder in (("logs", "logs/2014-03-28"), ("cloudwatch", "cloudwatch/2010-08-01"))
    ]
    calls = {f"{service}:{name}" for service, description in described for name in description["operations"]}
    (policy,) = TEMPLATE["Resources"]["LogRole"]["Properties"]["Policies"]
    logs, metrics = policy["PolicyDocument"]["Statement"]
    assert {*logs["Action"], *metrics["Action"]} == calls
    assert logs["Resource"] == [{"Fn::GetAtt": ["LogGroup", "Arn"]}]
    namespace = metrics["Condition"]["StringEquals"]["cloudwatch:namespace"]
    assert namespace == MetricsPublisher._make_namespace(OURS.name)
    (query,) = ALARMS["Resources"]["Failures"]["Properties"]["Metrics"]
    assert f'SCHEMA("{namespace}"' in query["Expression"]


@pytest.fixture
def stacks(sandbox: Sandbox) -> Iterator[DeployedStacks]:
    """Stacks in the sandbox, which has nothing in it before and afterwards."""
    deployed = DeployedStacks(sandbox)
    yield deployed
    deployed.delete_all()
    deployed.close()
    RunningSandbox.of(sandbox).reset()


def test_built_package_is_registered_and_used(
    package: Package, started: Sandbox, stacks: DeployedStacks
) -> None:
    with closing(started.client("s3", endpoint_url=started.endpoints["cloudformation"])) as s3:
        s3.create_bucket(Bucket="packages")
        s3.put_object(Bucket="packages", Key=package.key, Body=package.archive.read_bytes())
    template = (package.project / registration.TARGET.name).read_text(encoding="utf-8")
    given = parameters(PackageBucket="packages", PackageKey=package.key)
    registered = stacks.create(template, Parameters=given, Capabilities=["CAPABILITY_IAM"])
    version = stacks.client.describe_type(Type="RESOURCE", TypeName=ACME.name)
    outputs = stacks.outputs(registered)
    assert {name: version[name] for name in ("Arn", "ExecutionRoleArn", "LoggingConfig")} == {
        "Arn": outputs["TypeVersionArn"],
        "ExecutionRoleArn": outputs["ExecutionRoleArn"],
        "LoggingConfig": {
            "LogGroupName": outputs["LogGroupName"],
            "LogRoleArn": version["LoggingConfig"]["LogRoleArn"],
        },
    }
    assert version["LoggingConfig"]["LogRoleArn"] != outputs["ExecutionRoleArn"]
    example = (ROOT / "examples" / "registered-version.yaml").read_text(encoding="utf-8")
    used = stacks.create(renamed(example, ACME))
    assert stacks.delete(used) == "DELETE_COMPLETE"
    assert stacks.delete(registered) == "DELETE_COMPLETE"
