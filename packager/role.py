"""An execution role with no more than the handlers need: `python -m packager.role`.

`cfn generate` writes `resource-role.yaml`, which allows every permission of the schema on every resource. The
template that is written here beside it allows the same actions, each limited to what IAM can limit it to.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import fill, indent
from typing import Any

from rpdk.core.project import (
    DEFAULT_ROLE_TIMEOUT_MINUTES,
    MAX_ROLE_TIMEOUT_SECONDS,
    MIN_ROLE_TIMEOUT_SECONDS,
)

from packager.project import ROOT, schema

FILE = "execution-role.yaml"
# As the CLI counts it: a minute of a handler's timeout and something to spare.
_SESSION_SECONDS_PER_MINUTE = 70


class UndecidedPermission(ValueError):
    """A permission in the schema that no statement below limits; the text names it."""


@dataclass(frozen=True)
class Parameter:
    """What whoever makes the role gives, or leaves empty, and the condition that it is not empty."""

    name: str
    condition: str
    description: str
    pattern: str
    constraint: str


@dataclass(frozen=True)
class Statement:
    """Permissions that can be limited to the same thing, and how; resources and condition are YAML."""

    sid: str
    why: str
    actions: tuple[str, ...]
    resources: str
    condition: str = ""
    parameter: Parameter | None = None


def _some(arn: str) -> str:
    """The pattern of several ARNs with commas between them."""
    # One string, not a CommaDelimitedList: conditions compare strings, and only so is an empty item refused.
    return f"{arn}(,{arn})*"


VALIDATION_ROLES = Parameter(
    name="ValidationRoleArns",
    condition="HasValidationRoles",
    description="Roles that templates may name as ValidationRole. ARNs with commas between them, such as"
    " arn:aws:iam::123456789012:role/model-validation. Empty: none may be named.",
    pattern=_some("arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=.@_/-]+"),
    constraint="ARNs of roles with commas and no spaces between them, without wildcards",
)
REPOSITORIES = Parameter(
    name="ImageRepositoryArns",
    condition="HasImageRepositories",
    description="ECR repositories of the images that templates name. ARNs with commas between them, such as"
    " arn:aws:ecr:us-east-1:123456789012:repository/fraud. Empty: none is read.",
    pattern=_some("arn:aws[a-z-]*:ecr:[a-z0-9-]+:[0-9]{12}:repository/[a-z0-9._/-]+"),
    constraint="ARNs of ECR repositories with commas and no spaces between them, without tags and wildcards",
)
BUCKETS = Parameter(
    name="ModelBucketArns",
    condition="HasModelBuckets",
    description="S3 buckets of the model data and sample payloads that templates name. ARNs of buckets,"
    " without keys, with commas between them, such as arn:aws:s3:::ml-models-123456789012. Empty: none is"
    " read.",
    pattern=_some("arn:aws[a-z-]*:s3:::[a-z0-9.-]{3,63}"),
    constraint="ARNs of S3 buckets with commas and no spaces between them, without keys and wildcards",
)
KEYS = Parameter(
    name="SecurityConfigKeyArns",
    condition="HasSecurityConfigKeys",
    description="KMS keys that templates may name in SecurityConfig. ARNs of keys, not of aliases, with"
    " commas between them, such as"
    " arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555. Empty: none is used.",
    pattern=_some("arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+"),
    constraint="ARNs of KMS keys, not of aliases, with commas and no spaces between them",
)
BOUNDARY = Parameter(
    name="PermissionsBoundaryArn",
    condition="HasPermissionsBoundary",
    description="The managed policy that bounds what the role can ever be allowed, where an account demands"
    " one. Empty: none.",
    pattern="arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+",
    constraint="the ARN of a managed policy",
)


def _arns(parameter: Parameter) -> str:
    return f'Fn::Split: [",", {{Ref: {parameter.name}}}]'


_SAGEMAKER = "arn:${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}"
_PACKAGES = f"- Fn::Sub: {_SAGEMAKER}:model-package/*"
_THROUGH_SAGEMAKER = """\
StringEquals:
  kms:ViaService:
    Fn::Sub: sagemaker.${AWS::Region}.amazonaws.com"""

# Which action can be limited to which resource: the Service Authorization Reference of each service.
STATEMENTS = (
    Statement(
        sid="CreateModelPackages",
        why="AWS's reference has named both ARNs for the making of a version: its own and its group's. Any"
        " name in this account and region, because names are the templates' to choose.",
        actions=("sagemaker:CreateModelPackage",),
        resources=f"{_PACKAGES}\n- Fn::Sub: {_SAGEMAKER}:model-package-group/*",
    ),
    Statement(
        sid="ModelPackages",
        why="Versions (GROUP/NUMBER) and packages without a group (NAME); no groups, so not their tags"
        " either. No list of names: IAM compares them by case, and SageMaker writes ARNs in lower case.",
        actions=(
            "sagemaker:AddTags",
            "sagemaker:DeleteModelPackage",
            "sagemaker:DeleteTags",
            "sagemaker:DescribeModelPackage",
            "sagemaker:ListTags",
            "sagemaker:UpdateModelPackage",
        ),
        resources=_PACKAGES,
    ),
    Statement(
        sid="ListModelPackages",
        why="AWS's reference has packages for this, but as an option: a list of all of them may name none,"
        ' which only "*" allows. What the list of a group\'s versions names has to be in this account.',
        actions=("sagemaker:ListModelPackages",),
        resources='- "*"',
        condition="""\
StringEquals:
  aws:RequestedRegion:
    Ref: AWS::Region
StringEqualsIfExists:
  aws:ResourceAccount:
    Ref: AWS::AccountId""",
    ),
    Statement(
        sid="PassValidationRoles",
        why="ValidationRole: these roles and no other, and to nobody but SageMaker.",
        actions=("iam:PassRole",),
        resources=_arns(VALIDATION_ROLES),
        condition="""\
StringEquals:
  iam:PassedToService: sagemaker.amazonaws.com""",
        parameter=VALIDATION_ROLES,
    ),
    Statement(
        sid="ReadImages",
        why="SageMaker resolves images to digests with the caller's rights.",
        actions=("ecr:BatchGetImage", "ecr:DescribeImages"),
        resources=_arns(REPOSITORIES),
        parameter=REPOSITORIES,
    ),
    Statement(
        sid="ReadModelData",
        why="SageMaker checks model data and sample payloads with the caller's rights. The objects of each"
        " bucket: /* behind its ARN.",
        actions=("s3:GetObject",),
        resources=f"""\
Fn::Split:
  - ","
  - Fn::Join:
      - ""
      - - Fn::Join: ["/*,", {{{_arns(BUCKETS)}}}]
        - /*""",
        parameter=BUCKETS,
    ),
    Statement(
        sid="ListModelBuckets",
        why="Listing is a right on the bucket, not on its objects.",
        actions=("s3:ListBucket",),
        resources=_arns(BUCKETS),
        parameter=BUCKETS,
    ),
    Statement(
        sid="UseKeys",
        why="SecurityConfig: SageMaker encrypts and decrypts with the caller's rights. Only when SageMaker"
        " asks for it: whoever has the role cannot decrypt anything by itself.",
        actions=("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"),
        resources=_arns(KEYS),
        condition=_THROUGH_SAGEMAKER,
        parameter=KEYS,
    ),
    Statement(
        sid="GrantKeysToServices",
        why="A grant outlives the request: only one that an AWS service makes for its own use.",
        actions=("kms:CreateGrant",),
        resources=_arns(KEYS),
        condition=f"""\
{_THROUGH_SAGEMAKER}
Bool:
  kms:GrantIsForAWSResource: "true\"""",
        parameter=KEYS,
    ),
)

_TEMPLATE = """\
# Written by `python -m packager.role` from the schema: to change a permission, change the schema; to change what
# it is limited to, change packager/role.py.
AWSTemplateFormatVersion: "2010-09-09"
Description: >-
{description}

Parameters:
{parameters}
Conditions:
{conditions}
Resources:
  ExecutionRole:
    Type: AWS::IAM::Role
    Properties:
      MaxSessionDuration: {session_seconds}
      PermissionsBoundary:
        Fn::If: [{boundary.condition}, {{Ref: {boundary.name}}}, {{Ref: AWS::NoValue}}]
      # CloudFormation, for this account's registration of this type in this region, and nobody else.
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal:
              Service: resources.cloudformation.amazonaws.com
            Action: sts:AssumeRole
            Condition:
              StringEquals:
                aws:SourceAccount:
                  Ref: AWS::AccountId
              StringLike:
                aws:SourceArn:
                  Fn::Sub: arn:${{AWS::Partition}}:cloudformation:${{AWS::Region}}:${{AWS::AccountId}}:type/resource/{hyphenated}/*
      Policies:
        - PolicyName: ResourceTypePolicy
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
{statements}
Outputs:
  ExecutionRoleArn:
    Description: For `cfn submit --role-arn`, or ExecutionRoleArn of RegisterType
    Value:
      Fn::GetAtt: [ExecutionRole, Arn]
"""  # noqa: E501 - the ARN's pattern is one word


def render(schema: Mapping[str, Any]) -> str:
    """The template for a type's schema; raises UndecidedPermission for one that no statement limits."""
    handlers, name = schema["handlers"], schema["typeName"]
    permissions = {action for handler in handlers.values() for action in handler.get("permissions", ())}
    undecided = permissions - {action for statement in STATEMENTS for action in statement.actions}
    if undecided:
        raise UndecidedPermission(
            f"{', '.join(sorted(undecided))}: packager/role.py does not say to which resources this can be"
            ' limited. Decide it there, in STATEMENTS; nothing is allowed on "*" by default'
        )
    statements = [each for each in STATEMENTS if permissions.intersection(each.actions)]
    # Each once, in the order of the statements.
    parameters = [*dict.fromkeys(each.parameter for each in statements if each.parameter), BOUNDARY]
    description = (
        f"The role with which CloudFormation runs the handlers of {name}, limited to what they need in this"
        " account and region."
    )
    return _TEMPLATE.format(
        description=_wrapped(description, "  "),
        parameters=indent("".join(map(_parameter, parameters)), "  "),
        conditions=indent("".join(map(_condition, parameters)), "  "),
        boundary=BOUNDARY,
        session_seconds=_session_seconds(handlers),
        hyphenated=name.replace("::", "-"),
        statements=indent("".join(_statement(each, permissions) for each in statements), " " * 14),
    )


def _session_seconds(handlers: Mapping[str, Any]) -> int:
    """How long a session of the role may last, as the CLI counts it for its own: by the slowest handler."""
    minutes = max(each.get("timeoutInMinutes", DEFAULT_ROLE_TIMEOUT_MINUTES) for each in handlers.values())
    wanted = _SESSION_SECONDS_PER_MINUTE * minutes
    return int(min(MAX_ROLE_TIMEOUT_SECONDS, max(MIN_ROLE_TIMEOUT_SECONDS, wanted)))


def _parameter(parameter: Parameter) -> str:
    return (
        f"{parameter.name}:\n"
        "  Type: String\n"
        "  Description: >-\n"
        f"{_wrapped(parameter.description, '    ')}\n"
        '  Default: ""\n'
        f"  AllowedPattern: ^({parameter.pattern})?$\n"
        f"  ConstraintDescription: {parameter.constraint}\n"
    )


def _condition(parameter: Parameter) -> str:
    return f'{parameter.condition}:\n  Fn::Not: [{{Fn::Equals: [{{Ref: {parameter.name}}}, ""]}}]\n'


def _statement(statement: Statement, permissions: set[str]) -> str:
    """One item of the list, with those of its actions that the schema has."""
    actions = "".join(f"  - {each}\n" for each in statement.actions if each in permissions)
    resources = indent(statement.resources, "  ")
    body = f"Sid: {statement.sid}\nEffect: Allow\nAction:\n{actions}Resource:\n{resources}\n"
    if statement.condition:
        body += f"Condition:\n{indent(statement.condition, '  ')}\n"
    if statement.parameter:
        body = f"Fn::If:\n  - {statement.parameter.condition}\n{_item(body, '  ')}  - Ref: AWS::NoValue\n"
    return f"{_wrapped(statement.why, '# ')}\n{_item(body)}"


def _item(mapping: str, margin: str = "") -> str:
    """A mapping as an item of a list."""
    return indent("- " + indent(mapping, "  ").removeprefix("  "), margin)


def _wrapped(text: str, margin: str) -> str:
    return fill(text, 96, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False)


def main() -> int:
    """Write the file into the project."""
    (ROOT / FILE).write_text(render(schema()), encoding="utf-8")
    print(FILE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
