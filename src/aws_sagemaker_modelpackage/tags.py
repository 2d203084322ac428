"""Merges, compares, reads and changes the tags of a package.

A resource's own tags win over the stack's. Keys that begin with `aws:` belong to AWS: they are never sent,
compared or removed. Versions cannot have tags, their group has them.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
"""

from __future__ import annotations

import logging
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .errors import join
from .messages import FAULTY, Problem, path_of

if typing.TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import TagTypeDef

LOG = logging.getLogger(__name__)

RESERVED_PREFIX = "aws:"
# Of the keys in a message.
_MAX_KEYS_CHARACTERS = 200
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


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in the form of the API and of templates."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def merged(resource: TagList | None, stack: Mapping[str, Any] | None) -> Tags:
    """The tags a package shall have: the stack's, overlaid by the resource's own.

    Of a key with two values, which a state that was accepted once may have, the last one counts.
    """
    return {**_own(stack or {}), **_by_key(resource)}


def not_sent(resource: TagList | None) -> str:
    """Which of a resource's own tags are not sent because their prefix is AWS's; empty for none."""
    keys = [str(tag["Key"]) for tag in resource or () if _is_reserved(tag.get("Key"))]
    return (
        f"Tags that begin with aws: are AWS's, and not sent: {join(keys, ', ', _MAX_KEYS_CHARACTERS)}"
        if keys
        else ""
    )


def problems(
    resource: TagList | None,
    stack: Mapping[str, Any] | None,
    previous: TagList | None,
    *,
    versioned: bool | None,
) -> list[Problem]:
    """What is wrong with a resource's own tags; `versioned` is None where the kind of package is not known.

    Of a version's tags those that only repeat the stack's (the CDK copies stack-level tags to every
    resource) or are as in the previous template are left out: refusing them would make versions impossible in
    any tagged CDK app, or their update once the stack's tags are others.
    https://github.com/aws/aws-cdk/issues/33699
    """
    result = list(_repeated(resource))
    given, inherited = _by_key(resource), _own(stack or {})
    keyless = sum(1 for tag in resource or () if tag is not FAULTY and not tag.get("Key"))
    if versioned:
        known = (inherited, _by_key(previous))
        if any(value not in (each.get(key) for each in known) for key, value in given.items()):
            result.append(Problem(_PATH, _NOT_ON_VERSIONS))
        elif given:
            LOG.info("%d tags only repeat %s and are not sent: versions have none", len(given), _REPEATED)
    elif versioned is False and len(inherited | given) + keyless > max(MAX_TAGS, len(given) + keyless):
        count = len(inherited | given) + keyless
        text = f"has {count} items together with the stack's tags and must have {MAX_TAGS} at most"
        result.append(Problem(_PATH, text))
    return result


_PATH = path_of("Tags")
_REPEATED = "the stack's or those of the previous template"
_NOT_ON_VERSIONS = (
    "cannot be set on a version: SageMaker takes no tags on a version of a model package group. Put them on"
    " the group (AWS::SageMaker::ModelPackageGroup), and data about this one version into"
    " CustomerMetadataProperties"
)


def _repeated(tags: TagList | None) -> Iterator[Problem]:
    values: dict[str, str] = {}
    for position, tag in enumerate(tags or ()):
        key, value = tag.get("Key"), tag.get("Value")
        if isinstance(key, str) and isinstance(value, str) and values.setdefault(key, value) != value:
            path = path_of("Tags", position, "Key")
            yield Problem(path, "occurs twice with different values: give each key once")


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


def _by_key(tags: TagList | None) -> Tags:
    return _own({str(tag["Key"]): tag.get("Value") for tag in tags or () if tag.get("Key")})


def _own(tags: Mapping[str, Any]) -> Tags:
    return {
        str(key): str(value) for key, value in tags.items() if value is not None and not _is_reserved(key)
    }


def _is_reserved(key: Any) -> bool:
    return str(key).lower().startswith(RESERVED_PREFIX)
