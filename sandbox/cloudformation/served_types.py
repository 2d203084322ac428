"""Which of the engine's types exist here, and how a template with another one is refused.

The engine can make 191 types. Many of them run code, start containers or belong to services that are not
served; what is not listed here is taken out of its table. SageMaker's types and the registered ones are put
into it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from sandbox.shared.settings import NOT_HERE

# None of them runs code, starts a process or a container, opens a connection or touches a file. Of the types
# of the services that the engine serves, two are left out: AWS::CloudFormation::CustomResource, which calls
# functions, and AWS::SecretsManager::SecretTargetAttachment, whose databases cannot be made. Of CloudWatch,
# ECR, KMS and Logs there is what the templates of `cfn submit`, `cdk bootstrap` and this project have.
SERVED_TYPES = frozenset(
    {
        "AWS::CDK::Metadata",
        "AWS::CloudFormation::Stack",
        "AWS::CloudFormation::WaitCondition",
        "AWS::CloudFormation::WaitConditionHandle",
        "AWS::CloudWatch::Alarm",
        "AWS::ECR::Repository",
        "AWS::IAM::InstanceProfile",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::IAM::User",
        "AWS::KMS::Alias",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::S3::AccessPoint",
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
        "AWS::S3::MultiRegionAccessPoint",
        "AWS::SNS::Subscription",
        "AWS::SNS::Topic",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::Queue",
        "AWS::SQS::QueuePolicy",
        "AWS::SSM::Parameter",
        "AWS::SecretsManager::Secret",
    }
)
# The transforms that run no code of anybody's: one is for a whole template, the other for a part of it.
WHOLE_TRANSFORMS = frozenset({"AWS::LanguageExtensions"})
PART_TRANSFORMS = frozenset({"AWS::Include"})
# Where a template's parts cannot have transforms.
_WITHOUT_TRANSFORMS = ("Parameters", "AWSTemplateFormatVersion", "Transform")


def type_problem(
    resources: Any, conditions: Mapping[str, bool], present: Collection[str], known: Collection[str]
) -> str | None:
    """Return CloudFormation's reason against resources of types that are not there; None if all are.

    A resource whose condition is false is not made, so that its type does not matter. `present` are the types
    that exist here, `known` those that exist in AWS.
    """
    missing: dict[str, list[str]] = {}
    for logical_id, resource in resources.items() if isinstance(resources, dict) else ():
        if not isinstance(resource, dict) or not conditions.get(_text(resource.get("Condition")), True):
            continue
        kind = resource.get("Type")
        if not isinstance(kind, str):
            return (
                f"Template format error: [/Resources/{logical_id}] Every Resources object must contain a "
                "Type member."
            )
        if kind not in present:
            missing.setdefault(kind, []).append(str(logical_id))
    if not missing:
        return None
    unknown = unrecognized_types(missing, known)
    problems = []
    if unknown:
        problems.append(unrecognized(unknown))
    if real := [f"{kind} ({', '.join(missing[kind])})" for kind in sorted(missing) if kind not in unknown]:
        problems.append(
            f"{_is_not_here(real)}: the local CloudFormation does not make such resources (guides/local.md "
            "has the types that it makes). Leave them out, or give them a condition that is false here"
        )
    return ". ".join(problems)


def unrecognized_types(types: Iterable[str], known: Collection[str]) -> list[str]:
    """Return those types that neither AWS nor an account has."""
    return sorted(kind for kind in types if not _exists(kind, known))


def unrecognized(types: Collection[str]) -> str:
    """Return CloudFormation's reason against types that do not exist."""
    return f"Template format error: Unrecognized resource types: [{', '.join(types)}]"


def transform_problem(template: Mapping[str, Any]) -> str | None:
    """Return CloudFormation's reason against transforms that are not there; None if there is nothing."""
    whole = template.get("Transform") or []
    names = [_name(each) for each in (whole if isinstance(whole, list) else [whole])]
    parts = [value for section, value in template.items() if section not in _WITHOUT_TRANSFORMS]
    missing = {name for name in names if name not in WHOLE_TRANSFORMS}
    missing |= {name for name in _part_transforms(parts) if name not in PART_TRANSFORMS | WHOLE_TRANSFORMS}
    if not missing:
        return None
    return (
        f"{_is_not_here(sorted(missing))}: a transform runs as a function, and the local CloudFormation has "
        f"none. It has only {_listed(sorted(WHOLE_TRANSFORMS))} for a whole template and "
        f"{_listed(sorted(PART_TRANSFORMS))} in Fn::Transform for a part of one. Deploy what the transform "
        "makes of the template"
    )


def _part_transforms(left: list[Any]) -> Iterator[str]:
    while left:
        each = left.pop()
        if isinstance(each, dict):
            if "Fn::Transform" in each:
                yield _name(each["Fn::Transform"])
            left += each.values()
        elif isinstance(each, list):
            left += each


def _name(transform: Any) -> str:
    name = transform.get("Name") if isinstance(transform, dict) else transform
    return name if isinstance(name, str) else "a transform without a name"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _exists(kind: str, known: Collection[str]) -> bool:
    """Return whether AWS has a type, or an account may have it: a custom resource or a module."""
    return kind in known or kind.startswith("Custom::") or kind.endswith("::MODULE")


def _is_not_here(things: list[str]) -> str:
    return f"{_listed(things)} {'is' if len(things) == 1 else 'are'} {NOT_HERE}"


def _listed(things: Iterable[str]) -> str:
    *most, last = things
    return f"{', '.join(most)} and {last}" if most else last
