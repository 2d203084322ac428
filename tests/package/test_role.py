"""The execution role: what it may do, who may have it, and that it follows from the schema."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError
from cfnlint.data import AdditionalSpecs
from cfnlint.helpers import load_resource

from packager import role
from packager.project import ROOT, schema
from sandbox.local_aws import Sandbox
from sandbox.shared.settings import REGION

Json = dict[str, Any]

ACCOUNT = "123456789012"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
OTHER_KEY = KEY.replace("1111", "9999")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/model-validation"
OTHER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/admin"
REPOSITORY = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/fraud"
BUCKET, SECOND_BUCKET = "arn:aws:s3:::ml-models-123456789012", "arn:aws:s3:::ml-samples"
PACKAGES = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package"
GROUP, GROUPS = f"{PACKAGES}-group/fraud", f"{PACKAGES}-group/*"
ALL = {
    "ValidationRoleArns": ROLE,
    "ImageRepositoryArns": REPOSITORY,
    "ModelBucketArns": f"{BUCKET},{SECOND_BUCKET}",
    "SecurityConfigKeyArns": KEY,
    "PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
}


def permissions(of: Json) -> set[str]:
    """What a schema says that the handlers need."""
    return {each for handler in of["handlers"].values() for each in handler["permissions"]}


def changed(name: str | None = None, without: str = "", more: tuple[str, ...] = ()) -> Json:
    """The schema with another name, without the permissions of a service, or with more of them."""
    made = copy.deepcopy(schema())
    made["typeName"] = name or made["typeName"]
    for handler in made["handlers"].values():
        handler["permissions"] = [
            each for each in handler["permissions"] if not (without and each.startswith(without))
        ]
    made["handlers"]["read"]["permissions"] += more
    return made


def properties(template: str) -> Json:
    """The properties of the role in a template."""
    found: Json = yaml.safe_load(template)["Resources"]["ExecutionRole"]["Properties"]
    return found


def statements(template: str) -> list[Json]:
    """Every statement of a template's policy, with its condition or without."""
    (policy,) = properties(template)["Policies"]
    return [each["Fn::If"][1] if "Fn::If" in each else each for each in policy["PolicyDocument"]["Statement"]]


COMMITTED = (ROOT / role.FILE).read_text(encoding="utf-8")
GENERATED = (ROOT / "resource-role.yaml").read_text(encoding="utf-8")


# --- it follows from the schema ---------------------------------------------------------------------


def test_the_file_is_what_the_script_writes() -> None:
    assert role.render(schema()) == COMMITTED, "run `python -m packager.role` and commit"


def test_the_script_writes_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(role, "ROOT", tmp_path)
    assert role.main() == 0
    assert (tmp_path / "execution-role.yaml").read_text(encoding="utf-8") == COMMITTED


def test_it_has_every_permission_of_the_schema_once_and_no_other() -> None:
    actions = [action for each in statements(COMMITTED) for action in each["Action"]]
    assert sorted(actions) == sorted(permissions(schema()))
    (generated,) = properties(GENERATED)["Policies"][0]["PolicyDocument"]["Statement"]
    assert sorted(actions) == generated["Action"]


def test_a_permission_that_nobody_decided_on_is_refused_by_name() -> None:
    with pytest.raises(role.UndecidedPermission, match=r"^kms:Encrypt, sagemaker:\*: "):
        role.render(changed(more=("sagemaker:*", "kms:Encrypt")))


@pytest.mark.parametrize("service", ["iam:", "ecr:", "s3:", "kms:"])
def test_what_the_schema_does_not_need_is_not_offered(service: str) -> None:
    template = role.render(changed(without=service))
    assert service not in "".join(action for each in statements(template) for action in each["Action"])
    whole, rest = yaml.safe_load(COMMITTED), yaml.safe_load(template)
    assert len(rest["Parameters"]) == len(rest["Conditions"]) == len(whole["Parameters"]) - 1


def test_a_session_lasts_as_long_as_in_the_role_of_the_cli() -> None:
    assert properties(COMMITTED)["MaxSessionDuration"] == properties(GENERATED)["MaxSessionDuration"]


@pytest.mark.parametrize(
    ("minutes", "seconds"),
    [(None, 8400), (2, 3600), (100, 7000), (2160, 43200)],
    ids=["the CLI's default", "an hour at least", "with some to spare", "twelve hours at most"],
)
def test_a_session_lasts_as_long_as_the_slowest_handler(minutes: int | None, seconds: int) -> None:
    made = changed()
    for handler in made["handlers"].values():
        handler["timeoutInMinutes"] = 1 if minutes else 120
    if minutes:
        made["handlers"]["update"]["timeoutInMinutes"] = minutes
    else:
        del made["handlers"]["update"]["timeoutInMinutes"]
    assert properties(role.render(made))["MaxSessionDuration"] == seconds


# --- who may have it --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["AWS::SageMaker::ModelPackage", "Acme::Models::Package"])
def test_cloudformation_may_have_it_for_this_type_in_this_account_and_region(name: str) -> None:
    source = "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:type/resource/"
    assert properties(role.render(changed(name)))["AssumeRolePolicyDocument"] == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "resources.cloudformation.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
                    "StringLike": {"aws:SourceArn": {"Fn::Sub": f"{source}{name.replace('::', '-')}/*"}},
                },
            }
        ],
    }


def test_the_trust_is_that_of_the_role_of_the_cli() -> None:
    ours, theirs = (properties(each)["AssumeRolePolicyDocument"] for each in (COMMITTED, GENERATED))
    assert ours == theirs


def test_with_another_name_nothing_else_is_different() -> None:
    other = role.render(changed("Acme::Models::Package"))
    assert (properties(COMMITTED) | {"AssumeRolePolicyDocument": None}) == (
        properties(other) | {"AssumeRolePolicyDocument": None}
    )


# --- what it is limited to --------------------------------------------------------------------------


def test_there_is_no_wildcard_but_in_the_resources() -> None:
    for each in statements(COMMITTED):
        assert each["Effect"] == "Allow"
        assert not {"NotAction", "NotResource"} & each.keys()
        assert not [action for action in each["Action"] if re.search(r"[*?]", action)]


def test_only_a_list_is_allowed_on_every_resource() -> None:
    unlimited = [each["Action"] for each in statements(COMMITTED) if "*" in each["Resource"]]
    assert unlimited == [["sagemaker:ListModelPackages"]]


def test_the_template_names_no_partition_region_or_account() -> None:
    document = yaml.safe_load(COMMITTED)
    assert not re.search(r"arn:aws|[a-z]{2}-[a-z]+-\d|\d{12}", json.dumps(document["Resources"]))


# AWS's reference of actions and resources, as cfn-lint ships it.
REFERENCE = load_resource(AdditionalSpecs, "Policies.json")
# What it does not say, and why the role says it all the same.
BEYOND_THE_REFERENCE = {
    ("sagemaker:CreateModelPackage", GROUPS): "it did until the spring of 2026, and a version is in a group",
    ("sagemaker:ListModelPackages", "*"): "a list of all packages names none of them",
}


def known_resource(action: str, resource: str) -> bool:
    """Whether the reference has the resource among those that the action can be limited to."""
    service, _, name = action.partition(":")
    known = REFERENCE[service]
    kinds = known["Actions"][name.lower()]["Resources"]
    formats = [each for kind in kinds for each in known["Resources"][kind.lower()]["ARNFormats"]]
    return any(re.fullmatch(re.sub(r"\$\{\w+}", "[^:]+", each), resource) for each in formats)


@dataclass(frozen=True)
class Engine:
    """A local CloudFormation and the IAM in which it makes roles."""

    cloudformation: Any
    iam: Any

    def deploy(self, name: str, given: dict[str, str]) -> Json:
        """Make a stack of the template; the role as IAM has it, and its policy beside it."""
        self.cloudformation.create_stack(
            StackName=name,
            TemplateBody=COMMITTED,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        waiter = self.cloudformation.get_waiter("stack_create_complete")
        waiter.wait(StackName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200})
        (stack,) = self.cloudformation.describe_stacks(StackName=name)["Stacks"]
        (arn,) = (each["OutputValue"] for each in stack["Outputs"] if each["OutputKey"] == "ExecutionRoleArn")
        made: Json = self.iam.get_role(RoleName=arn.rpartition("/")[2])["Role"]
        assert made["Arn"] == arn
        (policy,) = self.iam.list_role_policies(RoleName=made["RoleName"])["PolicyNames"]
        document = self.iam.get_role_policy(RoleName=made["RoleName"], PolicyName=policy)["PolicyDocument"]
        return made | {"Policy": document}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """The engine of the sandbox, which resolves the template as CloudFormation does."""
    with Sandbox(cloudcontrol=False) as sandbox:
        endpoint = sandbox.endpoints["cloudformation"]
        with (
            closing(sandbox.client("cloudformation")) as cloudformation,
            closing(sandbox.client("iam", endpoint_url=endpoint)) as iam,
        ):
            yield Engine(cloudformation, iam)


@pytest.fixture(scope="module")
def nothing_given(engine: Engine) -> Json:
    """The role that is made without parameters."""
    return engine.deploy("nothing-given", {})


@pytest.fixture(scope="module")
def all_given(engine: Engine) -> Json:
    """The role that is made with all parameters."""
    return engine.deploy("all-given", ALL)


def test_an_action_is_limited_to_resources_of_which_the_reference_says_so(all_given: Json) -> None:
    unknown = {
        (action, resource)
        for each in all_given["Policy"]["Statement"]
        for action in each["Action"]
        for resource in each["Resource"]
        if not known_resource(action, resource)
    }
    assert unknown == BEYOND_THE_REFERENCE.keys()


def test_without_parameters_it_may_do_nothing_outside_of_sagemaker(nothing_given: Json) -> None:
    actions = {action for each in nothing_given["Policy"]["Statement"] for action in each["Action"]}
    assert actions == {each for each in permissions(schema()) if each.startswith("sagemaker:")}


def test_with_all_parameters_it_may_do_all_that_the_schema_says(all_given: Json) -> None:
    actions = [action for each in all_given["Policy"]["Statement"] for action in each["Action"]]
    assert sorted(actions) == sorted(permissions(schema()))


def matches(pattern: str, value: str) -> bool:
    """Whether IAM's wildcards fit."""
    return bool(re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), value))


OPERATORS: dict[str, Callable[[str, str | None], bool]] = {
    "StringEquals": lambda wanted, value: value == wanted,
    "StringEqualsIfExists": lambda wanted, value: value in (None, wanted),
    "StringLike": lambda wanted, value: value is not None and matches(wanted, value),
    "Bool": lambda wanted, value: value == wanted,
}


def holds(conditions: dict[str, dict[str, str]], context: dict[str, str]) -> bool:
    """Whether all conditions of a statement hold for a request."""
    return all(
        OPERATORS[operator](wanted, context.get(key))
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def allows(policy: Json, action: str, resource: str, context: dict[str, str]) -> bool:
    """Whether a policy that denies nothing allows a request, as IAM decides it."""
    return any(
        action in each["Action"]
        and any(matches(pattern, resource) for pattern in each["Resource"])
        and holds(each.get("Condition", {}), context)
        for each in policy["Statement"]
    )


HERE = {"aws:RequestedRegion": REGION}
TO_SAGEMAKER = {"iam:PassedToService": "sagemaker.amazonaws.com"}
THROUGH_SAGEMAKER = {"kms:ViaService": f"sagemaker.{REGION}.amazonaws.com"}
GRANT = {**THROUGH_SAGEMAKER, "kms:GrantIsForAWSResource": "true"}
ALWAYS, WHEN_GIVEN, NEVER = (True, True), (False, True), (False, False)
REQUESTS = [
    # A version, a package without a group, a name with capitals; then what is somebody else's.
    ("sagemaker:CreateModelPackage", f"{PACKAGES}/fraud/1", {}, ALWAYS),
    ("sagemaker:CreateModelPackage", f"{PACKAGES}/Fraud-Detector", {}, ALWAYS),
    ("sagemaker:CreateModelPackage", GROUP, {}, ALWAYS),
    ("sagemaker:DescribeModelPackage", f"{PACKAGES}/Fraud/1", {}, ALWAYS),
    ("sagemaker:UpdateModelPackage", f"{PACKAGES}/fraud/12", {}, ALWAYS),
    ("sagemaker:DeleteModelPackage", f"{PACKAGES}/fraud/12", {}, ALWAYS),
    ("sagemaker:AddTags", f"{PACKAGES}/fraud-detector", {}, ALWAYS),
    ("sagemaker:ListTags", f"{PACKAGES}/fraud-detector", {}, ALWAYS),
    ("sagemaker:DeleteTags", f"{PACKAGES}/fraud-detector", {}, ALWAYS),
    ("sagemaker:AddTags", GROUP, {}, NEVER),
    ("sagemaker:AddTags", PACKAGES.replace("model-package", "endpoint") + "/fraud", {}, NEVER),
    ("sagemaker:DeleteModelPackageGroup", GROUP, {}, NEVER),
    ("sagemaker:DescribeModelPackage", PACKAGES.replace(REGION, "eu-west-1") + "/fraud/1", {}, NEVER),
    ("sagemaker:CreateModelPackage", PACKAGES.replace(ACCOUNT, "210987654321") + "/fraud/1", {}, NEVER),
    ("sagemaker:ListModelPackages", "*", HERE, ALWAYS),
    ("sagemaker:ListModelPackages", f"{PACKAGES}/fraud/*", {**HERE, "aws:ResourceAccount": ACCOUNT}, ALWAYS),
    ("sagemaker:ListModelPackages", GROUP, {**HERE, "aws:ResourceAccount": "210987654321"}, NEVER),
    ("sagemaker:ListModelPackages", "*", {"aws:RequestedRegion": "eu-west-1"}, NEVER),
    ("iam:PassRole", ROLE, TO_SAGEMAKER, WHEN_GIVEN),
    ("iam:PassRole", ROLE, {"iam:PassedToService": "ec2.amazonaws.com"}, NEVER),
    ("iam:PassRole", ROLE, {}, NEVER),
    ("iam:PassRole", OTHER_ROLE, TO_SAGEMAKER, NEVER),
    ("iam:PassRole", f"{ROLE}-2", TO_SAGEMAKER, NEVER),
    ("ecr:BatchGetImage", REPOSITORY, {}, WHEN_GIVEN),
    ("ecr:DescribeImages", REPOSITORY, {}, WHEN_GIVEN),
    ("ecr:BatchGetImage", f"{REPOSITORY}-2", {}, NEVER),
    ("ecr:PutImage", REPOSITORY, {}, NEVER),
    ("s3:GetObject", f"{BUCKET}/fraud/1.4.2/model.tar.gz", {}, WHEN_GIVEN),
    ("s3:GetObject", f"{SECOND_BUCKET}/payload.csv", {}, WHEN_GIVEN),
    ("s3:GetObject", f"{BUCKET}-2/fraud/1.4.2/model.tar.gz", {}, NEVER),
    ("s3:GetObject", "arn:aws:s3:::somebody/else", {}, NEVER),
    ("s3:ListBucket", BUCKET, {}, WHEN_GIVEN),
    ("s3:ListBucket", SECOND_BUCKET, {}, WHEN_GIVEN),
    ("s3:ListBucket", f"{BUCKET}-2", {}, NEVER),
    ("s3:PutObject", f"{BUCKET}/fraud/1.4.2/model.tar.gz", {}, NEVER),
    ("kms:Decrypt", KEY, THROUGH_SAGEMAKER, WHEN_GIVEN),
    ("kms:DescribeKey", KEY, THROUGH_SAGEMAKER, WHEN_GIVEN),
    ("kms:GenerateDataKey", KEY, THROUGH_SAGEMAKER, WHEN_GIVEN),
    ("kms:Decrypt", KEY, {}, NEVER),
    ("kms:Decrypt", KEY, {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}, NEVER),
    ("kms:Decrypt", KEY, {"kms:ViaService": "sagemaker.eu-west-1.amazonaws.com"}, NEVER),
    ("kms:Decrypt", OTHER_KEY, THROUGH_SAGEMAKER, NEVER),
    ("kms:CreateGrant", KEY, GRANT, WHEN_GIVEN),
    ("kms:CreateGrant", KEY, THROUGH_SAGEMAKER, NEVER),
    ("kms:CreateGrant", KEY, {**GRANT, "kms:GrantIsForAWSResource": "false"}, NEVER),
    ("kms:CreateGrant", KEY, {"kms:GrantIsForAWSResource": "true"}, NEVER),
    ("kms:CreateGrant", OTHER_KEY, GRANT, NEVER),
    ("kms:ScheduleKeyDeletion", KEY, THROUGH_SAGEMAKER, NEVER),
]


@pytest.mark.parametrize(("action", "resource", "context", "decisions"), REQUESTS)
def test_a_request_is_decided(
    action: str,
    resource: str,
    context: dict[str, str],
    decisions: tuple[bool, bool],
    nothing_given: Json,
    all_given: Json,
) -> None:
    made = (nothing_given, all_given)
    assert tuple(allows(each["Policy"], action, resource, context) for each in made) == decisions


def test_every_permission_is_among_the_requests() -> None:
    assert {action for action, *_, decisions in REQUESTS if any(decisions)} == permissions(schema())


TYPE = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:type/resource/AWS-SageMaker-ModelPackage"


@pytest.mark.parametrize(
    ("account", "source", "decision"),
    [
        (ACCOUNT, f"{TYPE}/00000001", True),
        (ACCOUNT, f"{TYPE}Group/00000001", False),
        (ACCOUNT, TYPE.replace("AWS-", "Acme-") + "/00000001", False),
        (ACCOUNT, TYPE.replace(REGION, "eu-west-1") + "/00000001", False),
        ("210987654321", f"{TYPE}/00000001", False),
        (ACCOUNT, TYPE.replace(ACCOUNT, "210987654321") + "/00000001", False),
        (ACCOUNT, None, False),
        (None, f"{TYPE}/00000001", False),
    ],
)
def test_it_is_assumed_for_this_type_only(
    account: str | None, source: str | None, decision: bool, nothing_given: Json
) -> None:
    given = {"aws:SourceAccount": account, "aws:SourceArn": source}
    (statement,) = nothing_given["AssumeRolePolicyDocument"]["Statement"]
    assert holds(statement["Condition"], {key: value for key, value in given.items() if value}) is decision


def test_a_boundary_is_set_where_one_is_given() -> None:
    assert properties(COMMITTED)["PermissionsBoundary"] == {
        "Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]
    }


# --- what a person types ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_a_parameter_takes_what_its_description_shows(name: str) -> None:
    parameter = yaml.safe_load(COMMITTED)["Parameters"][name]
    pattern = re.compile(parameter["AllowedPattern"])
    shown = re.findall(r"arn:\S+[^\s.,]", parameter["Description"])
    assert all(pattern.fullmatch(each) for each in ["", ALL[name], *shown])
    assert shown or name == "PermissionsBoundaryArn"


WRONG = [
    ("ValidationRoleArns", "model-validation"),
    ("ValidationRoleArns", f"arn:aws:iam::{ACCOUNT}:role/*"),
    ("ValidationRoleArns", f"arn:aws:iam::{ACCOUNT}:user/somebody"),
    ("ValidationRoleArns", "*"),
    ("ImageRepositoryArns", f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/fraud:1.4.2"),
    ("ImageRepositoryArns", f"{REPOSITORY}:1.4.2"),
    ("ImageRepositoryArns", f"{REPOSITORY}/*"),
    ("ModelBucketArns", "ml-models-123456789012"),
    ("ModelBucketArns", "s3://ml-models-123456789012"),
    ("ModelBucketArns", f"{BUCKET}/*"),
    ("ModelBucketArns", f"{BUCKET}, {SECOND_BUCKET}"),
    ("ModelBucketArns", f"{BUCKET},"),
    ("ModelBucketArns", f",{BUCKET}"),
    ("ModelBucketArns", f"{BUCKET},*"),
    ("SecurityConfigKeyArns", f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/models"),
    ("SecurityConfigKeyArns", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*"),
    ("PermissionsBoundaryArn", f"arn:aws:iam::{ACCOUNT}:role/boundary"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_refused_with_what_it_has_to_be(name: str, value: str, engine: Engine) -> None:
    constraint = yaml.safe_load(COMMITTED)["Parameters"][name]["ConstraintDescription"]
    with pytest.raises(ClientError, match=f"'{name}' {re.escape(constraint)}"):
        engine.deploy("wrong", {name: value})


# --- cfn-lint ---------------------------------------------------------------------------------------


def lint(template: str, scratch: Path) -> tuple[int, str]:
    """What cfn-lint says of a template, with everything that it could inform about."""
    file = scratch / "template.yaml"
    file.write_text(template, encoding="utf-8")
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--include-checks", "I", "--", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "made",
    [changed(), changed("Acme::Models::Package", without="s3:")],
    ids=["as it is", "with another name and without a parameter"],
)
def test_cfn_lint_has_nothing_to_say(made: Json, tmp_path: Path) -> None:
    assert lint(role.render(made), tmp_path) == (0, "")


@pytest.mark.parametrize(
    ("right", "wrong", "word"),
    [
        ("s3:GetObject", "s3:GetObjekt", "getobjekt"),
        ("[HasPermissionsBoundary,", "[HasBoundary,", "HasBoundary"),
    ],
)
def test_cfn_lint_finds_what_is_wrong(right: str, wrong: str, word: str, tmp_path: Path) -> None:
    assert right in COMMITTED
    code, said = lint(COMMITTED.replace(right, wrong), tmp_path)
    assert code != 0
    assert word in said
