"""The packages of one account in one region."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from .package import Package

Json = dict[str, Any]


class Registry:
    """Packages by ARN, the numbers of versions, and the tokens of creates."""

    def __init__(self) -> None:
        # By ARN in lower case: the case of a name has changed in the service's own answers. [V]
        self._packages: dict[str, Package] = {}
        self._created = 0
        self.last_version: dict[str, int] = {}
        """By group; a number is never used again. [I]"""
        self.tokens: dict[str, tuple[str, str]] = {}
        """Client token to the request it came with, and to the ARN. A token outlives its package: it brings
        back the ARN of a deleted one."""

    @property
    def packages(self) -> Collection[Package]:
        """All packages, in the order of creation."""
        return self._packages.values()

    def find(self, arn: str) -> Package | None:
        """Return the package with an ARN in any case; None when there is none."""
        return self._packages.get(arn.lower())

    def add(self, arn: str, data: Json, tags: dict[str, str]) -> Package:
        """Make a package of its data, which becomes a part of it."""
        self._created += 1
        package = self._packages[arn.lower()] = Package(arn, self._created, data, tags)
        return package

    def remove(self, package: Package) -> None:
        """Forget a package."""
        del self._packages[package.arn.lower()]

    def number_version(self, group: str, data: Json) -> str:
        """Give a new version its group's plain name [D] and next number; return `group/number`."""
        version = self.last_version.get(group, 0) + 1  # from 1 in each group [I]
        self.last_version[group] = version
        data["ModelPackageGroupName"] = group
        data["ModelPackageVersion"] = version
        data.setdefault("ModelApprovalStatus", "PendingManualApproval")  # [C]; unversioned: absent [R]
        return f"{group}/{version}"
