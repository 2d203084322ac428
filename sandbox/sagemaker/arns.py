"""Whose packages, and which one: account and region, names and ARNs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.shared.errors import ApiError, refused

# "arn", partition, "sagemaker", region, account, and the resource.
_ARN = re.compile(r"arn:(?P<partition>[^:]*):sagemaker:(?P<region>[^:]*):(?P<account>[^:]*):(?P<resource>.+)")


@dataclass(frozen=True)
class Scope:
    """One account in one region; packages are never seen from another."""

    partition: str
    region: str
    account: str

    def arn(self, resource: str) -> str:
        """Make the ARN of a resource, such as `model-package/name`."""
        return f"arn:{self.partition}:sagemaker:{self.region}:{self.account}:{resource}"

    def package_arn(self, name: str) -> str:
        """Make the ARN of a package from its name, or from `group/version`."""
        return self.arn(f"model-package/{name}")

    def group_arn(self, name: str) -> str:
        """Make the ARN of a group."""
        return self.arn(f"model-package-group/{name}")


def absent(arn: str) -> ApiError:
    """What every operation answers for a package that is not there."""
    return refused(f"ModelPackage {arn} does not exist.")  # [V]


def group_absent(arn: str) -> ApiError:
    """What is answered for a group that is not there."""
    return refused(f"ModelPackageGroup {arn} does not exist.")  # [C] as Describe of a group; [I] for a create


def is_package_arn(value: object) -> bool:
    """Tell whether a value is the ARN of a model package (and not of a group)."""
    found = _ARN.fullmatch(value) if isinstance(value, str) else None
    return found is not None and found["resource"].startswith("model-package/")


def is_model_arn(value: str) -> bool:
    """Tell whether a value is the ARN of a model."""
    found = _ARN.fullmatch(value)
    return found is not None and found["resource"].startswith("model/")


def last_part(value: str) -> str:
    """Return what stands behind the last slash."""
    return value.rsplit("/", 1)[-1]


def package_arn_of(identifier: str, scope: Scope) -> str:
    """Return the ARN that a name, `group/version` or ARN means here."""
    found = _ARN.fullmatch(identifier)
    if found is None:
        return scope.package_arn(identifier)
    _same_region(found["region"], scope)
    if not found["resource"].startswith("model-package/"):
        raise refused(f"Invalid ARN for a ModelPackage: {identifier}")  # [I]
    return identifier


def group_name_of(identifier: str, scope: Scope) -> str:
    """Return the plain name of a group given by name or ARN."""
    found = _ARN.fullmatch(identifier)
    if found is None:
        return identifier
    _same_region(found["region"], scope)
    name = last_part(identifier)
    if identifier != scope.group_arn(name):
        raise group_absent(identifier)  # another account's group [I]
    return name


def _same_region(region: str, scope: Scope) -> None:
    if region != scope.region:
        raise refused(f"ARN should be scoped to correct region: {scope.region}")  # [V]
