"""What one account has in one region: groups, packages, and the models and endpoints made of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from .package import Package

Json = dict[str, Any]


@dataclass(slots=True)
class Group:
    """A model package group; `data` has the members of Describe."""

    arn: str
    name: str
    number: int
    """The order of creation, in the account and region."""
    data: Json
    tags: dict[str, str] = field(default_factory=dict)
    policy: str | None = None
    last_version: int = 0
    """A number is never used again. [I]"""


@dataclass(slots=True)
class Hosted:
    """A model, an endpoint configuration or an endpoint; `data` has the members of Describe."""

    arn: str
    name: str
    number: int
    """The order of creation, in the account and region."""
    data: Json
    tags: dict[str, str] = field(default_factory=dict)
    describes: int = 0
    """Describes that still answer `EndpointStatus` as it is; then follows `next_data`."""
    next_data: Json | None = None
    """What an endpoint becomes; None: it goes."""


class Registry:
    """Groups by name, packages by ARN, and the tokens of creates."""

    def __init__(self) -> None:
        # By ARN in lower case: the case of a name has changed in the service's own answers. [V]
        self._packages: dict[str, Package] = {}
        self._groups: dict[str, Group] = {}
        self.hosted: dict[str, Hosted] = {}
        """By ARN in lower case: a name in another case is the same one. [D] of endpoints"""
        self._created = self._created_groups = 0
        self.tokens: dict[str, tuple[str, str]] = {}
        """Client token to the request it came with, and to the ARN. A token outlives its package: it brings
        back the ARN of a deleted one."""

    @property
    def packages(self) -> Collection[Package]:
        """All packages, in the order of creation."""
        return self._packages.values()

    @property
    def groups(self) -> Collection[Group]:
        """All groups, in the order of creation."""
        return self._groups.values()

    def find(self, arn: str) -> Package | None:
        """Return the package with an ARN in any case; None when there is none."""
        return self._packages.get(arn.lower())

    def find_group(self, arn: str) -> Group | None:
        """Return the group with an ARN in any case; None when there is none."""
        return self._groups.get(arn.lower())

    def add(self, arn: str, data: Json, tags: dict[str, str]) -> Package:
        """Make a package of its data, which becomes a part of it."""
        self._created += 1
        package = self._packages[arn.lower()] = Package(arn, self._created, data, tags)
        return package

    def add_group(self, arn: str, name: str, data: Json, tags: dict[str, str]) -> Group:
        """Make a group of its data, which becomes a part of it."""
        self._created_groups += 1
        group = self._groups[arn.lower()] = Group(arn, name, self._created_groups, data, tags)
        return group

    def remove(self, package: Package) -> None:
        """Forget a package."""
        del self._packages[package.arn.lower()]

    def forget_packages(self) -> None:
        """Forget all packages and tokens; numbers begin anew."""
        self._created = 0
        self._packages.clear()
        self.tokens.clear()
        for group in self.groups:
            group.last_version = 0

    def remove_group(self, group: Group) -> None:
        """Forget a group; a new one of its name is another one, with versions from 1. [I]"""
        del self._groups[group.arn.lower()]


def number_version(group: Group, data: Json) -> str:
    """Give a new version its group's plain name [D] and next number; return `group/number`."""
    group.last_version += 1  # from 1 in each group [I]
    data["ModelPackageGroupName"] = group.name
    data["ModelPackageVersion"] = group.last_version
    data.setdefault("ModelApprovalStatus", "PendingManualApproval")  # [C]; unversioned: absent [R]
    return f"{group.name}/{group.last_version}"
