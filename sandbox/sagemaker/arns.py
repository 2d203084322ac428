"""Account and region, and the names and ARNs in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sandbox.shared.errors import ApiError, refusal

# "arn", partition, "sagemaker", region, account, and the resource.
_ARN = re.compile(r"arn:(?P<partition>[^:]*):sagemaker:(?P<region>[^:]*):(?P<account>[^:]*):(?P<resource>.+)")


@dataclass(frozen=True)
class Scope:
    """One account in one region; packages are not visible from another."""

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

    def caller(self) -> dict[str, Any]:
        """Return the identity that all changes in this account are made by."""
        session = f"arn:{self.partition}:sts::{self.account}:assumed-role/sandbox/session"
        return {"IamIdentity": {"Arn": session, "PrincipalId": "AROASANDBOXSANDBOXSA:session"}}


def package_not_found(arn: str) -> ApiError:
    """Return the error of every operation for a package that does not exist."""
    return refusal(f"ModelPackage {arn} does not exist.")  # [V]


def group_not_found(arn: str) -> ApiError:
    """Return the error for a group that does not exist."""
    return refusal(f"ModelPackageGroup {arn} does not exist.")  # [C] as Describe of a group; [I] for a create


def resource_not_found() -> ApiError:
    """Return the other error that a create is known to end in when the group does not exist."""
    return ApiError(  # [V]
        "ResourceNotFound",
        "The requested resource was not found. Please check the capitalization of the requested resource.",
    )


def is_package_arn(value: object) -> bool:
    """Return whether a value is the ARN of a model package (and not of a group)."""
    return _is_arn_of("model-package", value)


def is_group_arn(value: object) -> bool:
    """Return whether a value is the ARN of a model package group."""
    return _is_arn_of("model-package-group", value)


def is_model_arn(value: str) -> bool:
    """Return whether a value is the ARN of a model."""
    return _is_arn_of("model", value)


def is_hosted_arn(value: object) -> bool:
    """Return whether a value is the ARN of a model, an endpoint configuration or an endpoint."""
    return any(_is_arn_of(kind, value) for kind in ("model", "endpoint-config", "endpoint"))


def last_part(value: str) -> str:
    """Return the part behind the last slash."""
    return value.rsplit("/", 1)[-1]


def package_arn_of(identifier: str, scope: Scope) -> str:
    """Return the ARN that a name, `group/version` or ARN means here.

    Raises:
        ApiError: the ARN is in another region, or not of a model package.
    """
    match = _ARN.fullmatch(identifier)
    if match is None:
        return scope.package_arn(identifier)
    _same_region(match["region"], scope)
    if not match["resource"].startswith("model-package/"):
        raise refusal(f"Invalid ARN for a ModelPackage: {identifier}")  # [I]
    return identifier


def group_arn_of(identifier: str, scope: Scope) -> str:
    """Return the ARN of a group given by name or ARN.

    Raises:
        ApiError: the ARN is in another region, or not of a group.
    """
    match = _ARN.fullmatch(identifier)
    if match is None:
        return scope.group_arn(identifier)
    _same_region(match["region"], scope)
    if not is_group_arn(identifier):
        raise refusal(f"Invalid ARN for a ModelPackageGroup: {identifier}")  # [I]
    return identifier


def scope_of_arn(arn: str) -> Scope:
    """Return account and region of an ARN."""
    _, partition, _, region, account, _ = arn.split(":", 5)
    return Scope(partition, region, account)


def group_arn_of_version(arn: str) -> str:
    """Return the ARN of the group that the ARN of a version names; of an unversioned package, nothing's."""
    return arn.replace(":model-package/", ":model-package-group/", 1).rsplit("/", 1)[0]


def _same_region(region: str, scope: Scope) -> None:
    if region != scope.region:
        raise refusal(f"ARN should be scoped to correct region: {scope.region}")  # [V]


def _is_arn_of(kind: str, value: object) -> bool:
    match = _ARN.fullmatch(value) if isinstance(value, str) else None
    return match is not None and match["resource"].startswith(f"{kind}/")
