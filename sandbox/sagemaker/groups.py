"""SageMaker's operations for model package groups, with their resource policies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.shared import bounded_json
from sandbox.shared.errors import ApiError, refusal

from .arns import Scope, group_arn_of, group_not_found, last_part, resource_not_found, scope_of_arn
from .behaviour import Behaviour
from .paging import page_of
from .refusals import check_tags
from .registry import Group, Registry

Json = dict[str, Any]

_IN_SUMMARY = (
    "ModelPackageGroupName",
    "ModelPackageGroupArn",
    "ModelPackageGroupDescription",
    "CreationTime",
    "ModelPackageGroupStatus",
    "ManagedConfiguration",
)


class Groups:
    """The groups of all accounts, in the registries that they are handed."""

    def __init__(
        self,
        registry: Callable[[Scope], Registry],
        behaviour: Callable[[], Behaviour],
        now: Callable[[], float],
    ) -> None:
        self._registry = registry
        self._behaviour = behaviour
        self._now = now
        self.operations: dict[str, Callable[[Scope, Json], Json]] = {
            "CreateModelPackageGroup": self._create,
            "DescribeModelPackageGroup": self._describe,
            "ListModelPackageGroups": self._list,
            "DeleteModelPackageGroup": self._delete,
            "PutModelPackageGroupPolicy": self._put_policy,
            "GetModelPackageGroupPolicy": self._get_policy,
            "DeleteModelPackageGroupPolicy": self._delete_policy,
        }

    def find(self, scope: Scope, identifier: str, *, is_create: bool = False) -> tuple[Scope, Group]:
        """Return the owner of a group and the group: the account's own, or one that is shared.

        Raises:
            ApiError: there is none, or it is another account's.
        """
        arn = group_arn_of(identifier, scope)
        owner = scope_of_arn(arn)
        shared = self.is_shared(arn)
        group = self._registry(owner).find_group(arn) if shared or owner == scope else None
        if group is None and shared:
            group = self._make(owner, {"ModelPackageGroupName": last_part(arn)})
        if group is None:  # another account's is not told from one that does not exist [I]
            as_resource = is_create and self._behaviour().group_not_found_as_resource
            raise resource_not_found() if as_resource else group_not_found(arn)
        return owner, group

    def is_shared(self, arn: str) -> bool:
        """Return whether every account may use the group with an ARN."""
        return arn.lower() in map(str.lower, self._behaviour().shared_groups)

    def shared_with(self, scope: Scope) -> list[Group]:
        """Return the groups of other accounts, in the same region, that an account may use."""
        arns = {arn.lower(): arn for arn in self._behaviour().shared_groups}.values()
        owners = {arn: scope_of_arn(arn) for arn in arns}
        here = [arn for arn, owner in owners.items() if owner != scope and owner.region == scope.region]
        return [self.find(scope, arn)[1] for arn in here]

    def _make(self, owner: Scope, request: Json) -> Group:
        name, tags = request["ModelPackageGroupName"], request.get("Tags", [])
        arn = owner.group_arn(name)
        data = {key: value for key, value in request.items() if key != "Tags"} | {
            "ModelPackageGroupArn": arn,
            "ModelPackageGroupStatus": "Completed",
            "CreationTime": self._now(),
            "CreatedBy": owner.caller(),
        }
        return self._registry(owner).add_group(arn, name, data, {tag["Key"]: tag["Value"] for tag in tags})

    def _create(self, scope: Scope, request: Json) -> Json:
        arn = scope.group_arn(request["ModelPackageGroupName"])
        if self._registry(scope).find_group(arn):
            raise refusal(f"Model Package Group already exists: {arn}")  # [I]
        check_tags(request.get("Tags", []))
        return {"ModelPackageGroupArn": self._make(scope, request).arn}

    def _describe(self, scope: Scope, request: Json) -> Json:
        return self.find(scope, request["ModelPackageGroupName"])[1].data

    def _list(self, scope: Scope, request: Json) -> Json:
        crosses = request.get("CrossAccountFilterOption") == "CrossAccount"
        groups = self.shared_with(scope) if crosses else self._registry(scope).groups
        after = request.get("CreationTimeAfter", float("-inf"))
        before = request.get("CreationTimeBefore", float("inf"))

        def key(group: Group) -> list[Any]:
            by_name = request.get("SortBy") == "Name"
            return [group.name] if by_name else [group.data["CreationTime"], group.number, group.arn]

        def is_match(group: Group) -> bool:
            return (
                request.get("NameContains", "") in group.name and after < group.data["CreationTime"] < before
            )

        matches, token = page_of(request, sorted(groups, key=key), key, is_match)
        summaries = [
            {name: group.data[name] for name in _IN_SUMMARY if name in group.data} for group in matches
        ]
        return {"ModelPackageGroupSummaryList": summaries} | ({"NextToken": token} if token else {})

    def _delete(self, scope: Scope, request: Json) -> Json:
        owner, group = self.find(scope, request["ModelPackageGroupName"])
        if owner != scope:
            raise group_not_found(group.arn)  # [I]
        registry = self._registry(scope)
        if any(one.data.get("ModelPackageGroupName") == group.name for one in registry.packages):
            raise ApiError(  # [D] that a group must be empty, code and wording [I]
                "ConflictException",
                f"ModelPackageGroup {group.arn} cannot be deleted, it still has model packages.",
            )
        registry.remove_group(group)
        return {}

    def _put_policy(self, scope: Scope, request: Json) -> Json:
        group = self._own(scope, request)
        try:
            is_policy = isinstance(bounded_json.loads(request["ResourcePolicy"]), dict)
        except ValueError:
            is_policy = False
        if not is_policy:
            raise refusal("Invalid resource policy: it is not a JSON object.")  # [I]
        group.policy = request["ResourcePolicy"]
        return {"ModelPackageGroupArn": group.arn}

    def _get_policy(self, scope: Scope, request: Json) -> Json:
        return {"ResourcePolicy": _policy(self._own(scope, request))}

    def _delete_policy(self, scope: Scope, request: Json) -> Json:
        group = self._own(scope, request)
        _policy(group)
        group.policy = None
        return {}

    def _own(self, scope: Scope, request: Json) -> Group:
        arn = scope.group_arn(request["ModelPackageGroupName"])
        group = self._registry(scope).find_group(arn)
        if group is None:
            raise refusal(f"Cannot find Model Package Group: {arn}")  # [C], the end [I]
        return group


def _policy(group: Group) -> str:
    if group.policy is None:
        raise refusal(f"Cannot find resource policy for: {group.arn}")  # [C], the end [I]
    return group.policy
