"""SageMaker's operations for model packages."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from sandbox.shared.api_validation import shape, without_nulls
from sandbox.shared.errors import ApiError, refusal
from sandbox.shared.guard import ABSENT
from sandbox.shared.settings import NOT_HERE

from . import moto_parts
from .additions import Additions
from .arns import (
    Scope,
    group_arn_of_version,
    is_group_arn,
    is_hosted_arn,
    is_package_arn,
    package_arn_of,
    package_not_found,
    scope_of_arn,
)
from .behaviour import Behaviour, Fault
from .groups import Groups
from .history import DELETED, Caller, History, Item, data_items, key_items, status_items
from .hosting import Hosting
from .listing import page
from .package import Package
from .paging import Key
from .refusals import (
    check_create,
    check_update,
    merged_metadata,
)
from .registry import Group, Registry, number_version
from .search import search
from .tagging import Tagged, Tagging, tag_list

Json = dict[str, Any]
Operation = Callable[[Scope, Json], Json]

# Members of CreateModelPackage that are no part of the package.
_NOT_STORED = ("ClientToken", "Tags")
# Members of UpdateModelPackage that are no part of the package, or that are merged into what it has.
_NOT_SET = frozenset(
    {
        *("ModelPackageArn", "ClientToken", "ModelCard", "CustomerMetadataProperties"),
        *("CustomerMetadataPropertiesToRemove", "AdditionalInferenceSpecificationsToAdd"),
    }
)
_TAGS = ("AddTags", "ListTags", "DeleteTags")
_SEARCHED = ("ModelPackage", "ModelPackageGroup")


class ModelPackages:
    """All model packages and their groups, of all accounts. Every operation runs alone, under one lock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.behaviour = Behaviour()
        self._clock = clock
        self.lock = threading.RLock()
        self._history = History()
        self._registries: dict[Scope, Registry] = {}
        self._groups = Groups(self._registry, lambda: self.behaviour, self._now)
        self._hosting = Hosting(self._registry, self._visible, lambda: self.behaviour, self._now)
        self._tagging = Tagging(self._tagged, lambda: self.behaviour, self._history)
        self._operations: dict[str, Operation] = {
            "CreateModelPackage": self._create,
            "DescribeModelPackage": self._describe,
            "UpdateModelPackage": self._update,
            "DeleteModelPackage": self._delete,
            "ListModelPackages": self._list,
            "BatchDescribeModelPackage": self._batch_describe,
            "Search": self._search,
            **self._tagging.operations,
            **self._groups.operations,
            **self._hosting.operations,
        }

    def answers(self, operation: str, request: Any) -> bool:
        """Return whether a request is answered here; tags and searches of anything else are moto's."""
        given = request if isinstance(request, dict) else {}
        if operation in _TAGS:
            arn = given.get("ResourceArn")
            return is_package_arn(arn) or is_group_arn(arn) or is_hosted_arn(arn)
        if operation == "Search":
            return given.get("Resource") not in list(moto_parts.SEARCHED)  # which may be of any type
        return operation in self._operations

    def call(self, operation: str, scope: Scope, request: Json, caller: Caller | None = None) -> Json:
        """Do one operation with a validated request, whose values become part of the package."""
        with self.lock:
            self._history.begin(caller or Caller(operation), self._now())
            return self._operations[operation](scope, without_nulls(request))

    def next_fault(self, operation: str) -> Fault | None:
        """Return the fault that strikes this call, and count it."""
        with self.lock:
            return self.behaviour.next_fault(operation)

    def reset(self) -> None:
        """Forget all packages, and reset the behaviour; the groups stay, with versions from 1."""
        with self.lock:
            for registry in self._registries.values():
                registry.forget_packages()
            self._history.forget()
            self.behaviour = Behaviour()

    def forget(self) -> None:
        """Forget groups, models and endpoints, too."""
        with self.lock:
            self._registries.clear()
            self._history.forget()
            self.behaviour = Behaviour()

    def raw(self) -> list[Json]:
        """Return all data of every package, those being deleted included.

        Of very many it takes some time, in which other calls are answered.
        """
        with self.lock:
            packages = [each for registry in self._registries.values() for each in registry.packages]
        return [package.raw(self.behaviour) for package in packages]

    def history(self, arn: str, newest: int) -> tuple[list[Json], int]:
        """Return the newest changes of a package, also of one that is deleted, as `History.of` does."""
        with self.lock:
            return self._history.of(arn, newest)

    def group_arns(self) -> list[str]:
        """Return the ARN of every group, whatever account and region it is in."""
        with self.lock:
            return [group.arn for registry in self._registries.values() for group in registry.groups]

    # --- the operations ---

    def _create(self, scope: Scope, request: Json) -> Json:
        tokens = self._registry(scope).tokens
        token, fingerprint = request.get("ClientToken"), json.dumps(request, sort_keys=True)
        if token in tokens:
            first_request, arn = tokens[token]
            if self.behaviour.token_conflicts and fingerprint != first_request:
                raise ApiError(  # [D], cause and wording [I]
                    "ConflictException", f"The ClientToken {token} was used for another request."
                )
            return self._arn_answer(arn)  # [D] idempotent; [I] after a delete, too
        check_create(request, self.behaviour)
        data = {key: value for key, value in request.items() if key not in _NOT_STORED}
        owner, group = scope, None
        if "ModelPackageGroupName" in request:
            owner, group = self._groups.find(scope, request["ModelPackageGroupName"], is_create=True)
        registry = self._registry(owner)
        self._check_quota(registry)
        resource = data["ModelPackageName"] if group is None else number_version(group, data)
        arn = owner.package_arn(resource)
        if registry.find(arn):
            raise refusal(f"ModelPackage already exists: {arn}")  # [C]
        self._stamp(scope, data)
        self._additions(scope).complete(data)
        package = registry.add(arn, data, {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])})
        package.hidden_describes = self.behaviour.visible_after_describes
        package.unknown_calls = self.behaviour.unknown_after_write
        self._record(package, *data_items({}, data), *key_items("tags", {}, package.tags))
        if token is not None:
            tokens[token] = fingerprint, arn
        return self._arn_answer(arn)

    def _check_quota(self, registry: Registry) -> None:
        limit = self.behaviour.resource_limit
        if limit is not None and len(registry.packages) >= limit:
            raise ApiError(  # [D], wording [I]
                "ResourceLimitExceeded",
                f"The account-level service limit 'Number of model packages' is {limit}, "
                f"with current utilization of {len(registry.packages)} and a request delta of 1.",
            )

    def _stamp(self, scope: Scope, data: Json) -> None:
        data.setdefault("CertifyForMarketplace", False)  # [R], on versions too
        data["CreationTime"] = self._now()
        data["CreatedBy"] = scope.caller()
        if "ModelPackageGroupName" in data:
            # Absent until the first change on unversioned packages. [R]
            data["LastModifiedTime"] = data["CreationTime"]
            data["LastModifiedBy"] = scope.caller()

    def _describe(self, scope: Scope, request: Json) -> Json:
        package = self._visible(scope, request["ModelPackageName"], is_describe=True)
        if package.deleting_describes is None:
            package.describes += 1
        elif package.deleting_describes == 0:
            self._remove(scope, package)
            raise package_not_found(package.arn)
        else:
            package.deleting_describes -= 1
        with_content = request.get("IncludedData") != "MetadataOnly"
        if with_content and self.behaviour.kms_decrypt_denied and "ModelCard" in package.data:
            key = package.data.get("SecurityConfig", {}).get("KmsKeyId")
            if key is not None:
                raise ApiError(  # [D], wording as of other operations [C]
                    "AccessDeniedException",
                    f"User: {scope.caller()['IamIdentity']['Arn']} is not authorized to perform: "
                    f"kms:Decrypt on resource: {key}",
                )
        is_stale = package.stale_describes > 0
        answer = package.describe(self.behaviour, with_card_content=with_content, is_stale=is_stale)
        self._record(package)
        package.stale_describes -= int(is_stale)
        package.updating_describes -= int(package.updating_describes > 0)
        return answer

    def _update(self, scope: Scope, request: Json) -> Json:
        package = self._visible(scope, request["ModelPackageArn"])
        answer = self._arn_answer(package.arn)
        token = request.get("ClientToken")
        if token in package.update_tokens:
            return answer  # [D] idempotent
        self._check_free(package)
        check_update(request, package.data, self.behaviour)
        data = dict(package.data)
        # Echoed exactly, ModelLifeCycle as well. [R]
        data |= {name: value for name, value in request.items() if name not in _NOT_SET}
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
        additions = self._additions(scope)
        if self.behaviour.source_uri_replaces_specification and additions.fills_in(request.get("SourceUri")):
            data.pop("InferenceSpecification", None)  # [I]
        additions.complete(data)
        data["LastModifiedTime"] = self._now()
        data["LastModifiedBy"] = scope.caller()
        package.previous_data, package.data = package.data, data
        package.stale_describes = self.behaviour.stale_describes
        package.updating_describes = self.behaviour.describes_until_updated
        package.update_failures = dict(self.behaviour.update_failures)
        package.unknown_calls = self.behaviour.unknown_after_write
        self._record(package, *data_items(package.previous_data, data))
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
            self._remove(scope, package)
        else:
            package.deleting_describes = describes
            self._record(package)
        return {}

    def _list(self, scope: Scope, request: Json) -> Json:
        owner, group = scope, None
        if "ModelPackageGroupName" in request:
            owner, group = self._groups.find(scope, request["ModelPackageGroupName"])
        packages = list(self._registry(owner).packages)
        return page(request, group.name if group else None, packages, self.behaviour)

    def _batch_describe(self, scope: Scope, request: Json) -> Json:
        summaries, errors = {}, {}
        for arn in request["ModelPackageArnList"]:
            try:
                package = self._visible(scope, arn)
                if not package.versioned:  # [D] that it is for versions; code and wording [I]
                    raise refusal(f"ModelPackage {arn} is not a version of a model package group.")
            except ApiError as problem:  # [D] that it is told beside the others; its parts [I]
                errors[arn] = {"ErrorCode": problem.code, "ErrorResponse": problem.message}
            else:
                summaries[arn] = package.batch_summary(self.behaviour)
        return {"ModelPackageSummaries": summaries, "BatchDescribeModelPackageErrorMap": errors}

    def _search(self, scope: Scope, request: Json) -> Json:
        crosses = request.get("CrossAccountFilterOption") == "CrossAccount"
        resource = request["Resource"]
        if resource not in _SEARCHED:
            raise ApiError(ABSENT[0], f"SageMaker's Search of {resource} is {NOT_HERE}")
        if resource == "ModelPackageGroup":
            groups = self._groups.shared_with(scope) if crosses else self._registry(scope).groups
            items: list[tuple[Json, Package | Group]] = [(group.data, group) for group in groups]
        else:
            items = [
                (package.describe(self.behaviour, with_card_content=True), package)
                for package in self._searched(scope, crosses=crosses)
            ]
        record = shape(resource)
        records: list[tuple[Json, Key]] = [
            (
                {name: data[name] for name in record.members if name in data} | {"Tags": tag_list(item.tags)},
                [item.number, item.arn],
            )
            for data, item in items
        ]
        results, hits, token = search(request, record, records)
        return {
            "Results": [{resource: result} for result in results],
            "TotalHits": {"Value": hits, "Relation": "EqualTo"},
        } | ({"NextToken": token} if token else {})

    def _searched(self, scope: Scope, *, crosses: bool) -> list[Package]:
        """Return the packages that a search goes through: the account's own, or those shared with it."""
        packages = [package for package in self._registry(scope).packages if not crosses]
        for group in self._groups.shared_with(scope) if crosses else []:
            owner = self._registry(scope_of_arn(group.arn))
            packages += [one for one in owner.packages if one.data.get("ModelPackageGroupName") == group.name]
        return [package for package in packages if not package.hidden_describes]

    def _tagged(self, scope: Scope, arn: str) -> Tagged:
        if is_hosted_arn(arn):
            return self._hosting.find(scope, arn)
        return self._groups.find(scope, arn)[1] if is_group_arn(arn) else self._visible(scope, arn)

    # --- shared by the operations ---

    def _record(self, package: Package, *items: Item, status: str | None = None) -> None:
        """Record what a call has changed of a package, and its status if that is another one now."""
        status = status or package.status(self.behaviour)
        self._history.record(package.arn, [*status_items(package.recorded_status, status), *items])
        package.recorded_status = status

    def _remove(self, scope: Scope, package: Package) -> None:
        self._registry_of(scope, package.arn).remove(package)
        self._record(package, status=DELETED)

    def _registry(self, scope: Scope) -> Registry:
        if scope not in self._registries:
            moto_parts.check_region(scope)
            self._registries[scope] = Registry()
        return self._registries[scope]

    def _additions(self, scope: Scope) -> Additions:
        def specification_of_package(arn: str) -> Json | None:
            package = self._registry_of(scope, arn).find(arn)
            return package.data.get("InferenceSpecification") if package else None

        return Additions(
            scope,
            self.behaviour,
            lambda name: self._hosting.containers(scope, name),
            specification_of_package,
        )

    def _registry_of(self, scope: Scope, arn: str) -> Registry:
        """Return the registry that the package of an ARN is in, if it is in reach."""
        return self._registry(
            scope_of_arn(arn) if self._groups.is_shared(group_arn_of_version(arn)) else scope
        )

    def _visible(self, scope: Scope, identifier: str, *, is_describe: bool = False) -> Package:
        """Return a visible package; each call brings a new or changed one nearer to being visible."""
        arn = package_arn_of(identifier, scope)
        package = self._registry_of(scope, arn).find(arn)
        if package is None:
            raise package_not_found(arn)
        if package.hidden_describes:
            package.hidden_describes -= int(is_describe)
            raise package_not_found(arn)
        if package.unknown_calls:
            package.unknown_calls -= 1
            raise package_not_found(arn)
        return package

    def _arn_answer(self, arn: str) -> Json:
        return {"ModelPackageArn": arn.lower() if self.behaviour.names_in_lower_case else arn}  # [V]

    def _now(self) -> float:
        return round(self._clock(), 3)  # the service has milliseconds [I]

    def _check_free(self, package: Package) -> None:
        """Raise for a package that is being deleted or, if the behaviour says so, still being validated."""
        if package.deleting_describes is not None:
            raise ApiError("ConflictException", f"ModelPackage {package.arn} is being deleted.")  # [I]
        if self.behaviour.conflict_while_validating and package.is_validating(self.behaviour):
            raise ApiError("ConflictException", f"ModelPackage {package.arn} is being validated.")  # [I]
