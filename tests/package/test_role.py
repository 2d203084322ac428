"""The execution role: its permissions against the schema, the requests that it allows, its parameters."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError
from cfnlint.data import AdditionalSpecs
from cfnlint.helpers import load_resource
from rpdk.core.project import RESOURCE_ROLE_TEMPLATE_FILENAME
from rpdk.core.upload import Uploader

from packager.build import Package
from packager.project import OURS, ROOT, schema
from sandbox.local_aws import Sandbox
from sandbox.shared.settings import ACCOUNT, REGION
from tests.linter import lint
from tests.stack.stacks import DeployedStacks, parameters

from .conftest import ACME

Json = dict[str, Any]
Deploy = Callable[..., Json]

OTHER_ACCOUNT, OTHER_REGION = "210987654321", "eu-west-1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
OTHER_KEY = KEY.replace("1111", "9999")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/model-validation"
OTHER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/admin"
REPOSITORY = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/fraud"
# One of AWS's own images, and another namespace of this account.
AWS_IMAGES = f"arn:aws:ecr:{REGION}:683313688378:repository"
TEAM = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/team"
BUCKET_KEY = KEY.replace("1111", "5555")
# The second has a name that no new bucket may have, as buckets of before 2018 have.
BUCKET, SECOND_BUCKET = "arn:aws:s3:::ml-models-123456789012", "arn:aws:s3:::ML_Samples"
PACKAGES = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package"
GROUP, GROUPS = f"{PACKAGES}-group/fraud", f"{PACKAGES}-group/*"
JOBS = PACKAGES.removesuffix("model-package")
THEIRS = PACKAGES.replace(ACCOUNT, OTHER_ACCOUNT)
SHARED, ALSO_SHARED = f"{THEIRS}-group/Risk", f"{THEIRS.replace(REGION, OTHER_REGION)}-group/churn-2"
ALL_PARAMETERS = {
    "ValidationRoleArns": ROLE,
    "ValidationJobs": "yes",
    "ImageRepositoryArns": f"{REPOSITORY},{AWS_IMAGES}/*,{TEAM}/*",
    "ScannedRepositoryArns": REPOSITORY,
    "SharedGroupArns": f"{SHARED},{ALSO_SHARED}",
    "GroupArns": f"{GROUP},{PACKAGES}-group/Churn",
    "ModelBucketArns": f"{BUCKET},{SECOND_BUCKET}",
    "BucketKeyArns": BUCKET_KEY,
    "SecurityConfigKeyArns": KEY,
    "PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
}
PERMISSIONS = sorted({each for handler in schema()["handlers"].values() for each in handler["permissions"]})
COMMITTED = (ROOT / "execution-role.yaml").read_text(encoding="utf-8")


def properties(template: str) -> Json:
    role: Json = yaml.safe_load(template)["Resources"]["ExecutionRole"]["Properties"]
    return role


def statements(template: str) -> list[Json]:
    """Every statement of the policy in a template, without the condition that it is in the policy."""
    (policy,) = properties(template)["Policies"]
    return [each["Fn::If"][1] if "Fn::If" in each else each for each in policy["PolicyDocument"]["Statement"]]


def is_of_shared_groups(statement: Json) -> bool:
    """Whether a statement repeats actions of others, for the groups of other accounts."""
    return str(statement.get("Sid")).endswith("SharedGroups")


def repeats(statement: Json) -> bool:
    """Whether a statement repeats actions of others: for groups, other accounts or another service."""
    return is_of_shared_groups(statement) or statement.get("Sid") in ("CreateInGroups", "DecryptModelData")


def actions(policy_statements: list[Json]) -> list[str]:
    """The actions of the statements that repeat none."""
    return sorted(action for each in policy_statements if not repeats(each) for action in each["Action"])


def test_role_has_each_permission_of_the_schema_once() -> None:
    """A new permission belongs in one statement of execution-role.yaml, as limited as IAM allows."""
    found = actions(statements(COMMITTED))
    assert found == PERMISSIONS, (
        "execution-role.yaml must have each permission of aws-sagemaker-modelpackage.json in one statement:"
        f" {sorted(set(found) ^ set(PERMISSIONS)) or 'one is there twice'}"
    )


def test_role_has_the_actions_on_versions_for_shared_groups() -> None:
    """Tags are of packages without a group only."""
    shared = [
        action for each in statements(COMMITTED) if is_of_shared_groups(each) for action in each["Action"]
    ]
    assert sorted(shared) == [
        each
        for each in PERMISSIONS
        if each.startswith("sagemaker:") and each.endswith(("ModelPackage", "Packages"))
    ]


def test_role_has_the_trust_session_and_actions_of_the_generated_role() -> None:
    generated = (ROOT / "resource-role.yaml").read_text(encoding="utf-8")
    for name in ("AssumeRolePolicyDocument", "MaxSessionDuration"):
        assert properties(COMMITTED)[name] == properties(generated)[name], name
    found, needed = (set(actions(statements(each))) for each in (COMMITTED, generated))
    assert found == needed, f"execution-role.yaml beside resource-role.yaml: {sorted(found ^ needed)}"
    assert actions(statements(COMMITTED)) == actions(statements(generated))


def test_packaged_role_differs_in_the_type_name_only(package: Package) -> None:
    packaged = (package.project / "execution-role.yaml").read_text(encoding="utf-8")
    assert packaged.count(ACME.name) == packaged.count(ACME.in_arn) == 1
    assert packaged.replace(ACME.name, OURS.name).replace(ACME.in_arn, OURS.in_arn) == COMMITTED


def test_role_is_limited_but_for_a_list() -> None:
    for each in statements(COMMITTED):
        assert each.keys() - {"Condition"} == {"Sid", "Effect", "Action", "Resource"}
        assert each["Effect"] == "Allow"
        assert not re.search(r"[*?]", "".join(each["Action"]))
    unlimited = [each["Action"] for each in statements(COMMITTED) if "*" in each["Resource"]]
    assert unlimited == [["sagemaker:ListModelPackages"]]
    (data,) = (each for each in statements(COMMITTED) if each["Sid"] == "DecryptModelData")
    assert data["Action"] == ["kms:Decrypt"]
    assert not re.search(r"arn:aws|[a-z]{2}-[a-z]+-\d|\d{12}", json.dumps(properties(COMMITTED)))


def test_role_has_the_boundary_that_is_given() -> None:
    assert properties(COMMITTED)["PermissionsBoundary"] == {
        "Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]
    }


# AWS's reference of actions and resources, as cfn-lint ships it.
REFERENCE = load_resource(AdditionalSpecs, "Policies.json")
# Limits that are not in the reference, and why the role has them all the same.
BEYOND_THE_REFERENCE = {
    **{
        ("sagemaker:CreateModelPackage", group): "in it until the spring of 2026, and a version is in a group"
        for group in (GROUP, f"{PACKAGES}-group/Churn")
    },
    ("sagemaker:ListModelPackages", "*"): "a list of all packages names none of them",
    **{
        (f"sagemaker:{action}ModelPackage{plural}", group): "a version is in a group, and a list is of one"
        for action, plural in (("Create", ""), ("List", "s"))
        for group in (SHARED, ALSO_SHARED)
    },
}


JOB_ACTIONS = ("CreateModel", "CreateTrainingJob", "CreateTransformJob", "DescribeTransformJob")


def is_in_reference(action: str, resource: str) -> bool:
    """Whether the reference has the resource among those that the action can be limited to."""
    service, _, name = action.partition(":")
    known = REFERENCE[service]
    kinds = known["Actions"][name.lower()]["Resources"]
    formats = [each for kind in kinds for each in known["Resources"][kind.lower()]["ARNFormats"]]
    return any(re.fullmatch(re.sub(r"\$\{\w+}", "[^:]+", each), resource) for each in formats)


def described(iam: Any, arn: str) -> Json:
    """A role as IAM has it, with its policy as Policy."""
    role: Json = iam.get_role(RoleName=arn.rpartition("/")[2])["Role"]
    (policy,) = iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
    document = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=policy)["PolicyDocument"]
    return role | {"Policy": document}


@pytest.fixture(scope="module")
def deploy(started: Sandbox) -> Iterator[Deploy]:
    """Creates a stack of the template; returns the role as IAM has it, with its policy as Policy."""
    stacks = DeployedStacks(started)
    iam = started.client("iam", endpoint_url=started.endpoints["cloudformation"])

    def deploy_role(**given: str) -> Json:
        name = stacks.create(COMMITTED, Parameters=parameters(**given), Capabilities=["CAPABILITY_IAM"])
        outputs = stacks.outputs(name)
        role = described(iam, outputs["ExecutionRoleArn"])
        assert outputs == {"ExecutionRoleArn": role["Arn"]}
        return role

    yield deploy_role
    stacks.close()
    iam.close()


@pytest.fixture(scope="module")
def bare_role(deploy: Deploy) -> Json:
    return deploy()


@pytest.fixture(scope="module")
def full_role(deploy: Deploy) -> Json:
    return deploy(**ALL_PARAMETERS)


def test_actions_are_limited_to_resources_of_the_reference(full_role: Json) -> None:
    unknown = {
        (action, resource)
        for each in full_role["Policy"]["Statement"]
        for resource in each["Resource"]
        for action in each["Action"]
        # One statement for all kinds of jobs: each action can be limited to its own kind.
        if not any(is_in_reference(action, one) for one in of_one_kind(each, resource))
    }
    assert unknown == BEYOND_THE_REFERENCE.keys()


def of_one_kind(statement: Json, resource: str) -> list[str]:
    """The resource; in the statement for jobs, which says in one what is of three kinds, all of its."""
    return statement["Resource"] if statement["Sid"] == "RunValidationJobs" else [resource]


def test_cli_deploys_the_limited_role_where_it_is_given_none(
    package: Package, started: Sandbox, bare_role: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`cfn submit` without --role-arn makes a stack of this file of the project, without parameters."""
    sleep = time.sleep
    monkeypatch.setattr("botocore.waiter.time", SimpleNamespace(sleep=lambda seconds: sleep(seconds / 100)))
    with (
        closing(started.client("cloudformation")) as cloudformation,
        closing(started.client("iam", endpoint_url=started.endpoints["cloudformation"])) as iam,
    ):
        arn = Uploader(cloudformation, None).create_or_update_role(
            package.project / RESOURCE_ROLE_TEMPLATE_FILENAME, ACME.hyphenated
        )
        assert described(iam, arn)["Policy"] == bare_role["Policy"]


def test_role_has_the_actions_that_its_parameters_call_for(bare_role: Json, full_role: Json) -> None:
    assert actions(full_role["Policy"]["Statement"]) == PERMISSIONS
    own = [each for each in PERMISSIONS if each.startswith("sagemaker:") and not each.endswith(JOB_ACTIONS)]
    assert actions(bare_role["Policy"]["Statement"]) == own
    repeating = [each["Sid"] for each in bare_role["Policy"]["Statement"] if repeats(each)]
    assert repeating == ["CreateInGroups"]


def matches(pattern: str, value: str) -> bool:
    return bool(re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), value))


OPERATORS: dict[str, Callable[[str, str | None], bool]] = {
    "StringEquals": lambda expected, value: value == expected,
    "StringEqualsIfExists": lambda expected, value: value in (None, expected),
    "StringLike": lambda expected, value: value is not None and matches(expected, value),
    "Bool": lambda expected, value: value == expected,
}


def holds(conditions: dict[str, dict[str, str]], context: dict[str, str]) -> bool:
    return all(
        OPERATORS[operator](expected, context.get(key))
        for operator, keys in conditions.items()
        for key, expected in keys.items()
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
THROUGH_S3 = {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}
ALWAYS, WHEN_GIVEN, NEVER = (True, True), (False, True), (False, False)
# Where no group is given.
UNLESS_GIVEN = (True, False)
REQUESTS = [
    # A version, a package without a group, a name with capitals; then resources of other kinds and accounts.
    ("sagemaker:CreateModelPackage", f"{PACKAGES}/fraud/1", {}, ALWAYS),
    ("sagemaker:CreateModelPackage", f"{PACKAGES}/Fraud-Detector", {}, UNLESS_GIVEN),
    ("sagemaker:CreateModelPackage", GROUP, {}, ALWAYS),
    ("sagemaker:DescribeModelPackage", f"{PACKAGES}/Fraud/1", {}, ALWAYS),
    ("sagemaker:UpdateModelPackage", f"{PACKAGES}/fraud/12", {}, ALWAYS),
    ("sagemaker:DeleteModelPackage", f"{PACKAGES}/fraud/12", {}, ALWAYS),
    ("sagemaker:UpdateModelPackage", f"{PACKAGES}/Churn/1", {}, ALWAYS),
    # Groups that are not given, a package without a group, a group that another one's name begins with.
    ("sagemaker:CreateModelPackage", f"{PACKAGES}-group/credit", {}, UNLESS_GIVEN),
    ("sagemaker:CreateModelPackage", f"{PACKAGES}/credit/1", {}, UNLESS_GIVEN),
    ("sagemaker:UpdateModelPackage", f"{PACKAGES}/credit/1", {}, UNLESS_GIVEN),
    ("sagemaker:UpdateModelPackage", f"{PACKAGES}/fraud-2/1", {}, UNLESS_GIVEN),
    ("sagemaker:DeleteModelPackage", f"{PACKAGES}/credit/1", {}, UNLESS_GIVEN),
    ("sagemaker:DeleteModelPackage", f"{PACKAGES}/fraud", {}, UNLESS_GIVEN),
    ("sagemaker:DescribeModelPackage", f"{PACKAGES}/credit/1", {}, ALWAYS),
    ("sagemaker:DeleteModelPackage", GROUP, {}, NEVER),
    ("sagemaker:AddTags", f"{PACKAGES}/fraud-detector", {}, UNLESS_GIVEN),
    ("sagemaker:ListTags", f"{PACKAGES}/fraud-detector", {}, ALWAYS),
    ("sagemaker:DeleteTags", f"{PACKAGES}/fraud-detector", {}, UNLESS_GIVEN),
    ("sagemaker:AddTags", GROUP, {}, NEVER),
    ("sagemaker:AddTags", PACKAGES.replace("model-package", "endpoint") + "/fraud", {}, NEVER),
    ("sagemaker:DeleteModelPackageGroup", GROUP, {}, NEVER),
    ("sagemaker:DescribeModelPackage", PACKAGES.replace(REGION, OTHER_REGION) + "/fraud/1", {}, NEVER),
    ("sagemaker:CreateModelPackage", PACKAGES.replace(ACCOUNT, OTHER_ACCOUNT) + "/fraud/1", {}, NEVER),
    ("sagemaker:ListModelPackages", "*", HERE, ALWAYS),
    ("sagemaker:ListModelPackages", f"{PACKAGES}/fraud/*", {**HERE, "aws:ResourceAccount": ACCOUNT}, ALWAYS),
    ("sagemaker:ListModelPackages", GROUP, {**HERE, "aws:ResourceAccount": OTHER_ACCOUNT}, NEVER),
    ("sagemaker:ListModelPackages", "*", {"aws:RequestedRegion": OTHER_REGION}, NEVER),
    # Versions in the groups of another account that are given, and nothing else there.
    ("sagemaker:CreateModelPackage", SHARED, {}, WHEN_GIVEN),
    ("sagemaker:CreateModelPackage", f"{THEIRS}/Risk/3", {}, WHEN_GIVEN),
    ("sagemaker:CreateModelPackage", ALSO_SHARED.replace("-group", "") + "/1", {}, WHEN_GIVEN),
    ("sagemaker:DescribeModelPackage", f"{THEIRS}/Risk/3", {}, WHEN_GIVEN),
    ("sagemaker:UpdateModelPackage", f"{THEIRS}/Risk/3", {}, WHEN_GIVEN),
    ("sagemaker:DeleteModelPackage", f"{THEIRS}/Risk/3", {}, WHEN_GIVEN),
    ("sagemaker:ListModelPackages", SHARED, {**HERE, "aws:ResourceAccount": OTHER_ACCOUNT}, WHEN_GIVEN),
    ("sagemaker:DescribeModelPackage", f"{THEIRS}/Risk-2/3", {}, NEVER),
    ("sagemaker:DescribeModelPackage", f"{THEIRS}/Risk", {}, NEVER),
    ("sagemaker:DeleteModelPackage", SHARED, {}, NEVER),
    ("sagemaker:DeleteModelPackageGroup", SHARED, {}, NEVER),
    ("sagemaker:AddTags", f"{THEIRS}/Risk/3", {}, NEVER),
    ("sagemaker:CreateModel", f"{JOBS}model/validation-1", {}, WHEN_GIVEN),
    ("sagemaker:CreateTrainingJob", f"{JOBS}training-job/validation-1", {}, WHEN_GIVEN),
    ("sagemaker:CreateTransformJob", f"{JOBS}transform-job/validation-1", {}, WHEN_GIVEN),
    ("sagemaker:DescribeTransformJob", f"{JOBS}transform-job/validation-1", {}, WHEN_GIVEN),
    ("sagemaker:CreateTransformJob", JOBS.replace(ACCOUNT, OTHER_ACCOUNT) + "transform-job/a", {}, NEVER),
    ("sagemaker:CreateEndpoint", f"{JOBS}endpoint/fraud", {}, NEVER),
    ("ecr:StartImageScan", REPOSITORY, {}, WHEN_GIVEN),
    ("ecr:DescribeImageScanFindings", REPOSITORY, {}, WHEN_GIVEN),
    ("ecr:StartImageScan", f"{REPOSITORY}-2", {}, NEVER),
    ("iam:PassRole", ROLE, TO_SAGEMAKER, WHEN_GIVEN),
    ("iam:PassRole", ROLE, {"iam:PassedToService": "ec2.amazonaws.com"}, NEVER),
    ("iam:PassRole", ROLE, {}, NEVER),
    ("iam:PassRole", OTHER_ROLE, TO_SAGEMAKER, NEVER),
    ("iam:PassRole", f"{ROLE}-2", TO_SAGEMAKER, NEVER),
    ("ecr:BatchGetImage", REPOSITORY, {}, WHEN_GIVEN),
    ("ecr:DescribeImages", REPOSITORY, {}, WHEN_GIVEN),
    ("ecr:BatchGetImage", f"{REPOSITORY}-2", {}, NEVER),
    ("ecr:BatchGetImage", f"{AWS_IMAGES}/sagemaker-xgboost", {}, WHEN_GIVEN),
    ("ecr:BatchGetImage", f"{AWS_IMAGES}/sagemaker-xgboost".replace(REGION, OTHER_REGION), {}, NEVER),
    ("ecr:BatchGetImage", f"{TEAM}/fraud", {}, WHEN_GIVEN),
    ("ecr:BatchGetImage", f"{TEAM}-2/fraud", {}, NEVER),
    ("ecr:BatchGetImage", f"{AWS_IMAGES}/fraud".replace("683313688378", OTHER_ACCOUNT), {}, NEVER),
    ("ecr:PutImage", REPOSITORY, {}, NEVER),
    ("s3:GetObject", f"{BUCKET}/fraud/1.4.2/model.tar.gz", {}, WHEN_GIVEN),
    ("s3:GetObject", f"{SECOND_BUCKET}/payload.csv", {}, WHEN_GIVEN),
    ("s3:GetObject", f"{BUCKET}-2/fraud/1.4.2/model.tar.gz", {}, NEVER),
    ("s3:GetObject", "arn:aws:s3:::other-bucket/payload.csv", {}, NEVER),
    ("s3:ListBucket", BUCKET, {}, WHEN_GIVEN),
    ("s3:ListBucket", SECOND_BUCKET, {}, WHEN_GIVEN),
    ("s3:ListBucket", f"{BUCKET}-2", {}, NEVER),
    ("s3:PutObject", f"{BUCKET}/fraud/1.4.2/model.tar.gz", {}, NEVER),
    ("kms:Decrypt", KEY, THROUGH_SAGEMAKER, WHEN_GIVEN),
    ("kms:DescribeKey", KEY, THROUGH_SAGEMAKER, WHEN_GIVEN),
    ("kms:GenerateDataKey", KEY, THROUGH_SAGEMAKER, WHEN_GIVEN),
    ("kms:Decrypt", BUCKET_KEY, THROUGH_S3, WHEN_GIVEN),
    ("kms:Decrypt", BUCKET_KEY, {"kms:ViaService": f"s3.{OTHER_REGION}.amazonaws.com"}, NEVER),
    ("kms:Decrypt", BUCKET_KEY, THROUGH_SAGEMAKER, NEVER),
    ("kms:Decrypt", BUCKET_KEY, {}, NEVER),
    ("kms:GenerateDataKey", BUCKET_KEY, THROUGH_S3, NEVER),
    ("kms:DescribeKey", BUCKET_KEY, THROUGH_S3, NEVER),
    ("kms:Decrypt", KEY, {}, NEVER),
    ("kms:Decrypt", KEY, THROUGH_S3, NEVER),
    ("kms:Decrypt", KEY, {"kms:ViaService": f"sagemaker.{OTHER_REGION}.amazonaws.com"}, NEVER),
    ("kms:Decrypt", OTHER_KEY, THROUGH_SAGEMAKER, NEVER),
    ("kms:CreateGrant", KEY, GRANT, WHEN_GIVEN),
    ("kms:CreateGrant", KEY, THROUGH_SAGEMAKER, NEVER),
    ("kms:CreateGrant", KEY, {**GRANT, "kms:GrantIsForAWSResource": "false"}, NEVER),
    ("kms:CreateGrant", KEY, {"kms:GrantIsForAWSResource": "true"}, NEVER),
    ("kms:CreateGrant", OTHER_KEY, GRANT, NEVER),
    ("kms:ScheduleKeyDeletion", KEY, THROUGH_SAGEMAKER, NEVER),
]


@pytest.mark.parametrize(("action", "resource", "context", "decisions"), REQUESTS)
def test_role_decides_a_request(
    action: str,
    resource: str,
    context: dict[str, str],
    decisions: tuple[bool, bool],
    bare_role: Json,
    full_role: Json,
) -> None:
    roles = (bare_role, full_role)
    assert tuple(allows(each["Policy"], action, resource, context) for each in roles) == decisions


def test_requests_cover_every_permission() -> None:
    assert sorted({action for action, *_, decisions in REQUESTS if any(decisions)}) == PERMISSIONS


TYPE = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:type/resource/AWS-SageMaker-ModelPackage"


@pytest.mark.parametrize(
    ("account", "source", "decision"),
    [
        (ACCOUNT, f"{TYPE}/00000001", True),
        (ACCOUNT, f"{TYPE}Group/00000001", False),
        (ACCOUNT, TYPE.replace("AWS-", "Acme-") + "/00000001", False),
        (ACCOUNT, TYPE.replace(REGION, OTHER_REGION) + "/00000001", False),
        (OTHER_ACCOUNT, f"{TYPE}/00000001", False),
        (ACCOUNT, TYPE.replace(ACCOUNT, OTHER_ACCOUNT) + "/00000001", False),
        (ACCOUNT, None, False),
        (None, f"{TYPE}/00000001", False),
    ],
)
def test_role_is_assumed_for_this_type_only(
    account: str | None, source: str | None, decision: bool, bare_role: Json
) -> None:
    context = {"aws:SourceAccount": account, "aws:SourceArn": source}
    (statement,) = bare_role["AssumeRolePolicyDocument"]["Statement"]
    assert holds(statement["Condition"], {key: value for key, value in context.items() if value}) is decision


@pytest.mark.parametrize("name", ALL_PARAMETERS)
def test_parameter_accepts_the_example_in_its_description(name: str) -> None:
    parameter = yaml.safe_load(COMMITTED)["Parameters"][name]
    if "AllowedValues" in parameter:
        assert {parameter["Default"], ALL_PARAMETERS[name]} == set(parameter["AllowedValues"])
        return
    pattern = re.compile(parameter["AllowedPattern"])
    examples = re.findall(r"arn:\S+[^\s.,]", parameter["Description"])
    assert all(pattern.fullmatch(each) for each in ["", ALL_PARAMETERS[name], *examples])
    assert examples or name == "PermissionsBoundaryArn"


WRONG = [
    ("ValidationRoleArns", "model-validation"),
    ("ValidationRoleArns", f"arn:aws:iam::{ACCOUNT}:role/*"),
    ("ValidationRoleArns", f"arn:aws:iam::{ACCOUNT}:user/model-validation"),
    ("ValidationRoleArns", "*"),
    ("ImageRepositoryArns", f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/fraud:1.4.2"),
    ("ImageRepositoryArns", f"{REPOSITORY}:1.4.2"),
    ("ImageRepositoryArns", "*"),
    ("ImageRepositoryArns", f"arn:aws:ecr:*:{ACCOUNT}:repository/*"),
    ("ImageRepositoryArns", f"arn:aws:ecr:{REGION}:*:repository/*"),
    ("ImageRepositoryArns", f"arn:aws:ecr:{REGION}:{ACCOUNT}:*"),
    ("ImageRepositoryArns", f"{REPOSITORY}*"),
    ("ImageRepositoryArns", f"{TEAM}/*/fraud"),
    ("ValidationJobs", "true"),
    ("ScannedRepositoryArns", f"{REPOSITORY}/*"),
    ("GroupArns", "fraud"),
    ("GroupArns", f"{PACKAGES}-group/*"),
    ("GroupArns", f"{PACKAGES}/fraud/1"),
    ("BucketKeyArns", f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/models"),
    ("BucketKeyArns", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*"),
    ("SharedGroupArns", "fraud"),
    ("SharedGroupArns", f"{THEIRS}-group/*"),
    ("SharedGroupArns", f"{THEIRS}/fraud/1"),
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
def test_parameter_refuses_a_wrong_value_with_its_constraint(name: str, value: str, deploy: Deploy) -> None:
    parameter = yaml.safe_load(COMMITTED)["Parameters"][name]
    problem = f"Parameter '{name}' must be one of AllowedValues"
    if description := parameter.get("ConstraintDescription"):
        problem = f"Parameter {name} failed to satisfy constraint: {description}"
    with pytest.raises(ClientError, match=re.escape(problem)):
        deploy(**{name: value})


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("s3:GetObject", "s3:GetObjekt", "getobjekt"),
        ("[HasPermissionsBoundary,", "[HasBoundary,", "HasBoundary"),
    ],
)
def test_cfn_lint_refuses_a_wrong_role(right: str, wrong: str, message: str, tmp_path: Path) -> None:
    assert right in COMMITTED
    (tmp_path / "template.yaml").write_text(COMMITTED.replace(right, wrong), encoding="utf-8")
    assert message in str(lint(tmp_path, "--", "template.yaml")["template"])
