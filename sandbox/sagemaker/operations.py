"""SageMaker's operations for model packages."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from sandbox.shared.errors import ApiError, refusal

from . import moto_parts
from .additions import Additions
from .arns import Scope, group_name_of, group_not_found, is_package_arn, package_arn_of, package_not_found
from .behaviour import Behaviour, Fault
from .listing import page
from .package import Package
from .refusals import (
    check_create,
    check_tag_room,
    check_tags,
    check_update,
    merged_metadata,
    tags_not_supported,
)

Json = dict[str, Any]
Operation = Callable[[Scope, Json], Json]

# Members of CreateModelPackage that are no part of the package.
_NOT_STORED = ("ClientToken", "Tags")


class Registry:
    """The packages of one account in one region."""

    def __init__(self) -> None:
        self.packages: dict[str, Package] = {}
        """By ARN, in the order of creation."""
        self.created = 0
        self.last_version: dict[str, int] = {}
        """By group; a number is never used again. [I]"""
        self.tokens: dict[str, str] = {}
        """Client token to ARN. A token outlives its package: it brings back the ARN of a deleted one."""


class ModelPackages:
    """All model packages of all accounts. Every operation runs alone, under one lock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.behaviour = Behaviour()
        self._clock = clock
        self.lock = threading.RLock()
        self._registries: dict[Scope, Registry] = {}
        self._operations: dict[str, Operation] = {
            "CreateModelPackage": self._create,
            "DescribeModelPackage": self._describe,
            "UpdateModelPackage": self._update,
            "DeleteModelPackage": self._delete,
            "ListModelPackages": self._list,
            "AddTags": self._add_tags,
            "ListTags": self._list_tags,
            "DeleteTags": self._delete_tags,
            "DeleteModelPackageGroup": self._delete_group,
        }

    def answers(self, operation: str, request: Any) -> bool:
        """Return whether a request is answered here; tags of anything but packages are moto's."""
        if operation in ("AddTags", "ListTags", "DeleteTags"):
            return isinstance(request, dict) and is_package_arn(request.get("ResourceArn"))
        return operation in self._operations

    def call(self, operation: str, scope: Scope, request: Json) -> Json:
        """Do one operation with a validated request, whose values become part of the package."""
        given = {key: value for key, value in request.items() if value is not None}
        with self.lock:
            return self._operations[operation](scope, given)

    def check_before_moto(self, operation: str, scope: Scope, request: Any) -> None:
        """Refuse what moto does not: it replaces a group when there is one of the name already.

        Raises:
            ApiError: the group exists already.
        """
        if operation == "CreateModelPackageGroup" and isinstance(request, dict):
            name = request.get("ModelPackageGroupName")
            if name in moto_parts.groups(scope):
                raise refusal(f"Model Package Group already exists: {scope.group_arn(name)}")  # [I]

    def next_fault(self, operation: str) -> Fault | None:
        """Return the fault that strikes this call, and count it."""
        with self.lock:
            return self.behaviour.next_fault(operation)

    def reset(self) -> None:
        """Forget all packages, and reset the behaviour."""
        with self.lock:
            self._registries.clear()
            self.behaviour = Behaviour()

    def raw(self) -> list[Json]:
        """Return all data of every package, those being deleted included."""
        with self.lock:
            return [
                package.raw(self.behaviour)
                for registry in self._registries.values()
                for package in registry.packages.values()
            ]

    # --- the operations ---

    def _create(self, scope: Scope, request: Json) -> Json:
        registry = self._registry(scope)
        token = request.get("ClientToken")
        if token in registry.tokens:
            return {"ModelPackageArn": registry.tokens[token]}  # [D] idempotent; [I] after a delete, too
        check_create(request, self.behaviour)
        self._check_quota(registry)
        data = {key: value for key, value in request.items() if key not in _NOT_STORED}
        if "ModelPackageGroupName" in request:
            resource = self._number_version(scope, registry, data)
        else:
            resource = data["ModelPackageName"]
        arn = scope.package_arn(resource)
        if arn in registry.packages:
            raise refusal(f"ModelPackage already exists: {arn}")  # [C]
        self._stamp(scope, data)
        self._additions(scope, registry).complete(data)
        registry.created += 1
        registry.packages[arn] = Package(
            arn=arn,
            number=registry.created,
            data=data,
            tags={tag["Key"]: tag["Value"] for tag in request.get("Tags", [])},
            hidden_describes=self.behaviour.visible_after_describes,
        )
        if token is not None:
            registry.tokens[token] = arn
        return {"ModelPackageArn": arn}

    def _check_quota(self, registry: Registry) -> None:
        limit = self.behaviour.resource_limit
        if limit is not None and len(registry.packages) >= limit:
            raise ApiError(  # [D], wording [I]
                "ResourceLimitExceeded",
                f"The account-level service limit 'Number of model packages' is {limit}, "
                f"with current utilization of {len(registry.packages)} and a request delta of 1.",
            )

    def _number_version(self, scope: Scope, registry: Registry, data: Json) -> str:
        """Give a new version its group's plain name [D] and next number; return `group/number`."""
        group = self._group(scope, data["ModelPackageGroupName"])
        version = registry.last_version.get(group, 0) + 1  # from 1 in each group [I]
        registry.last_version[group] = version
        data["ModelPackageGroupName"] = group
        data["ModelPackageVersion"] = version
        data.setdefault("ModelApprovalStatus", "PendingManualApproval")  # [C]; unversioned: absent [R]
        return f"{group}/{version}"

    def _stamp(self, scope: Scope, data: Json) -> None:
        data.setdefault("CertifyForMarketplace", False)  # [R], on versions too
        data["CreationTime"] = self._now()
        data["CreatedBy"] = _caller(scope)
        if "ModelPackageGroupName" in data:
            # Absent until the first change on unversioned packages. [R]
            data["LastModifiedTime"] = data["CreationTime"]
            data["LastModifiedBy"] = _caller(scope)

    def _describe(self, scope: Scope, request: Json) -> Json:
        package = self._visible(scope, request["ModelPackageName"], counted=True)
        if package.deleting_describes is None:
            package.describes += 1
        elif package.deleting_describes == 0:
            del self._registry(scope).packages[package.arn]
            raise package_not_found(package.arn)
        else:
            package.deleting_describes -= 1
        with_content = request.get("IncludedData") != "MetadataOnly"
        if with_content and self.behaviour.kms_decrypt_denied and "ModelCard" in package.data:
            key = package.data.get("SecurityConfig", {}).get("KmsKeyId")
            if key is not None:
                raise ApiError(  # [D], wording as of other operations [C]
                    "AccessDeniedException",
                    f"User: {_caller(scope)['IamIdentity']['Arn']} is not authorized to perform: "
                    f"kms:Decrypt on resource: {key}",
                )
        return package.describe(self.behaviour, with_card_content=with_content)

    def _update(self, scope: Scope, request: Json) -> Json:
        package = self._visible(scope, request["ModelPackageArn"])
        answer = {"ModelPackageArn": package.arn}
        token = request.get("ClientToken")
        if token in package.update_tokens:
            return answer  # [D] idempotent
        self._check_free(package)
        check_update(request, package.data, self.behaviour)
        data = dict(package.data)
        for name in (
            "ModelApprovalStatus",
            "ApprovalDescription",
            "ModelPackageRegistrationType",
            "SourceUri",
            "InferenceSpecification",
            "ModelLifeCycle",  # echoed exactly [R]
        ):
            if name in request:
                data[name] = request[name]
        if "ModelCard" in request:
            data["ModelCard"] = data.get("ModelCard", {}) | request["ModelCard"]
        data["CustomerMetadataProperties"] = merged_metadata(request, data)
        if not data["CustomerMetadataProperties"]:
            del data["CustomerMetadataProperties"]
        if "AdditionalInferenceSpecificationsToAdd" in request:  # they are only ever added [D]
            data["AdditionalInferenceSpecifications"] = [
                *data.get("AdditionalInferenceSpecifications", []),
                *request["AdditionalInferenceSpecificationsToAdd"],
            ]
        self._additions(scope, self._registry(scope)).complete(data)
        data["LastModifiedTime"] = self._now()
        data["LastModifiedBy"] = _caller(scope)
        package.data = data
        if token is not None:
            package.update_tokens.add(token)
        return answer

    def _delete(self, scope: Scope, request: Json) -> Json:
        package = self._visible(scope, request["ModelPackageName"])
        self._check_free(package)
        describes = self.behaviour.delete_describes
        if describes is None:
            # It finishes later [C]; for a plain version at once [R].
            describes = 1 if package.takes_time else 0
        if describes == 0:
            del self._registry(scope).packages[package.arn]
        else:
            package.deleting_describes = describes
        return {}

    def _list(self, scope: Scope, request: Json) -> Json:
        group = request.get("ModelPackageGroupName")
        name = self._group(scope, group) if group is not None else None
        return page(request, name, list(self._registry(scope).packages.values()), self.behaviour)

    def _add_tags(self, scope: Scope, request: Json) -> Json:
        package = self._visible(scope, request["ResourceArn"])
        if package.versioned:
            raise tags_not_supported()  # [V] for a create; not known of AddTags [I]
        check_tags(request["Tags"])
        tags = package.tags | {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        check_tag_room(tags)
        package.tags = tags
        return {"Tags": _tag_list(tags)}

    def _list_tags(self, scope: Scope, request: Json) -> Json:
        tags = _tag_list(self._visible(scope, request["ResourceArn"]).tags)
        start, size = request.get("NextToken", "0"), request.get("MaxResults", len(tags) or 1)
        size = min(size, self.behaviour.tags_page)
        if not start.isdigit():
            raise refusal("Invalid NextToken")  # [I]
        end = int(start) + size
        return {"Tags": tags[int(start) : end]} | ({"NextToken": str(end)} if end < len(tags) else {})

    def _delete_tags(self, scope: Scope, request: Json) -> Json:
        package = self._visible(scope, request["ResourceArn"])
        package.tags = {key: value for key, value in package.tags.items() if key not in request["TagKeys"]}
        return {}

    def _delete_group(self, scope: Scope, request: Json) -> Json:
        """Moto has groups but cannot delete one."""
        group = self._group(scope, request["ModelPackageGroupName"])
        registry = self._registry(scope)
        if any(one.data.get("ModelPackageGroupName") == group for one in registry.packages.values()):
            raise ApiError(  # [D] that a group must be empty, code and wording [I]
                "ConflictException",
                f"ModelPackageGroup {scope.group_arn(group)} cannot be deleted, it still has model packages.",
            )
        del moto_parts.groups(scope)[group]
        registry.last_version.pop(group, None)  # a new group of that name is another group [I]
        return {}

    # --- shared by the operations ---

    def _registry(self, scope: Scope) -> Registry:
        return self._registries.setdefault(scope, Registry())

    def _additions(self, scope: Scope, registry: Registry) -> Additions:
        def containers_of_package(arn: str) -> list[Json]:
            package = registry.packages.get(arn)
            specification = package.data.get("InferenceSpecification", {}) if package else {}
            containers: list[Json] = specification.get("Containers", [])
            return containers

        return Additions(
            scope,
            self.behaviour,
            lambda name: moto_parts.model_containers(scope, name),
            containers_of_package,
        )

    def _visible(self, scope: Scope, identifier: str, *, counted: bool = False) -> Package:
        """Return a visible package; `counted` calls bring a new one nearer to being visible."""
        arn = package_arn_of(identifier, scope)
        package = self._registry(scope).packages.get(arn)
        if package is None:
            raise package_not_found(arn)
        if package.hidden_describes:
            package.hidden_describes -= int(counted)
            raise package_not_found(arn)
        return package

    def _now(self) -> float:
        return round(self._clock(), 3)  # the service has milliseconds [I]

    def _check_free(self, package: Package) -> None:
        """Raise for a package that is being deleted or, if the behaviour says so, still being validated."""
        if package.deleting_describes is not None:
            raise ApiError("ConflictException", f"ModelPackage {package.arn} is being deleted.")  # [I]
        if self.behaviour.conflict_while_validating and package.is_validating(self.behaviour):
            raise ApiError("ConflictException", f"ModelPackage {package.arn} is being validated.")  # [I]

    def _group(self, scope: Scope, identifier: str) -> str:
        name = group_name_of(identifier, scope)
        if name not in moto_parts.groups(scope):
            raise group_not_found(scope.group_arn(name))
        return name


def _caller(scope: Scope) -> Json:
    session = f"arn:{scope.partition}:sts::{scope.account}:assumed-role/sandbox/session"
    return {"IamIdentity": {"Arn": session, "PrincipalId": "AROASANDBOXSANDBOXSA:session"}}


def _tag_list(tags: dict[str, str]) -> list[Json]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
