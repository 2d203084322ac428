"""Merges, compares, reads and changes the tags of a package.

A resource's own tags win over the stack's. Keys that begin with `aws:` belong to AWS: they are never sent,
compared or removed. Versions cannot have tags, their group has them.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
"""

from __future__ import annotations

import logging
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cloudformation_cli_python_lib.exceptions import InvalidRequest

if typing.TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import TagTypeDef

LOG = logging.getLogger(__name__)

RESERVED_PREFIX = "aws:"
# What SageMaker allows on one resource.
MAX_TAGS = 50

TagList = Sequence[Mapping[str, Any]]
Tags = dict[str, str]


@dataclass(frozen=True)
class Difference:
    """A change of a package's tags: keys to add or overwrite, keys to drop; false when there are none."""

    add: Tags = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    drop_first: bool = False

    def __bool__(self) -> bool:
        """Whether anything has to change."""
        return bool(self.add or self.drop)


def as_map(tags: TagList | None) -> Tags:
    """A template's tag list by key, without AWS's own.

    Raises:
        InvalidRequest: a tag has no key or no value, or one key has two values.
    """
    by_key: Tags = {}
    for position, tag in enumerate(tags or ()):
        key, value = tag.get("Key"), tag.get("Value")
        for member, given in (("Key", key), ("Value", value)):
            if given is None:
                raise InvalidRequest(f"Tags[{position}].{member} is missing")
        if by_key.setdefault(str(key), str(value)) != value:
            raise InvalidRequest(
                f"Tags[{position}].Key occurs twice with different values: give each key once"
            )
    return _own(by_key)


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in the form of the API and of templates."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def merged(resource: TagList | None, stack: Mapping[str, Any] | None) -> Tags:
    """The tags a package shall have: the stack's, overlaid by the resource's own.

    Raises:
        InvalidRequest: see as_map.
    """
    return {**_own(stack or {}), **as_map(resource)}


def merged_known(resource: TagList | None, stack: Mapping[str, Any] | None) -> Tags:
    """The merged tags of a state that cannot be corrected any more: the last value of a key counts."""
    given = {str(tag["Key"]): tag.get("Value") for tag in resource or () if tag.get("Key") is not None}
    return {**_own(stack or {}), **_own(given)}


def refuse_on_version(resource: TagList | None, stack: Mapping[str, Any] | None) -> None:
    """Refuse tags of a version's own.

    Tags that only repeat the stack's (the CDK copies stack-level tags to every resource) are dropped:
    refusing them would make versions impossible in any tagged CDK app.
    https://github.com/aws/aws-cdk/issues/33699

    Raises:
        InvalidRequest: there are some, or see as_map.
    """
    inherited = _own(stack or {})
    given = as_map(resource)
    own = [key for key, value in given.items() if inherited.get(key) != value]
    if own:
        raise InvalidRequest(
            "Tags: SageMaker takes no tags on a version of a model package group. Put them on the group"
            " (AWS::SageMaker::ModelPackageGroup), and data about this one version into"
            " CustomerMetadataProperties"
        )
    if given:
        LOG.info("%d tags only repeat the stack's and are not sent: versions have none", len(given))


def difference(previous: Tags, desired: Tags, live: Tags) -> Difference:
    """The change after which the desired tags hold; keys that are in neither template stay as they are."""
    add = {
        key: value for key, value in desired.items() if previous.get(key) != value and live.get(key) != value
    }
    # A value that was changed outside belongs to another client.
    drop = tuple(key for key, value in previous.items() if key not in desired and live.get(key) == value)
    afterwards = len(live.keys() | add.keys())
    return Difference(add, drop, drop_first=afterwards > MAX_TAGS)


def read(client: SageMakerClient, arn: str) -> Tags:
    """The live tags of a package, of every page, without AWS's own; raises what a call raises."""
    live: Tags = {}
    for page in client.get_paginator("list_tags").paginate(ResourceArn=arn):
        live.update((tag["Key"], tag["Value"]) for tag in page.get("Tags") or ())
    return _own(live)


def writes(client: SageMakerClient, arn: str, change: Difference) -> list[Callable[[], object]]:
    """The calls that make the change, in order.

    Adding comes before dropping, so that no tag is missing in between, unless there is no room.
    """
    add, drop = typing.cast("list[TagTypeDef]", as_list(change.add)), list(change.drop)
    adding = [partial(client.add_tags, ResourceArn=arn, Tags=add)] if add else []
    dropping = [partial(client.delete_tags, ResourceArn=arn, TagKeys=drop)] if drop else []
    return [*dropping, *adding] if change.drop_first else [*adding, *dropping]


def _own(tags: Mapping[str, Any]) -> Tags:
    return {
        str(key): str(value)
        for key, value in tags.items()
        if value is not None and not str(key).lower().startswith(RESERVED_PREFIX)
    }
