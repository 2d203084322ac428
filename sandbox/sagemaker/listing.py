"""ListModelPackages: which packages, and in what order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .behaviour import Behaviour
from .package import Package
from .paging import Key, page_of

Json = dict[str, Any]


def page(request: Json, group: str | None, packages: list[Package], behaviour: Behaviour) -> Json:
    """Return one page of the packages, which come in the order of their creation."""
    key: Callable[[Package], Key] = _by_creation
    if request.get("SortBy") == "Name":
        key = _by_name
        packages = sorted(packages, key=key)
    matches, token = page_of(request, packages, key, lambda package: _is_match(package, request, group))
    answer: Json = {"ModelPackageSummaryList": [package.summary(behaviour) for package in matches]}
    return answer | ({"NextToken": token} if token else {})


def _is_match(package: Package, request: Json, group: str | None) -> bool:
    # Only unversioned packages unless the type or a group says otherwise. [D]
    kind = request.get("ModelPackageType", "Both" if group else "Unversioned")
    approval = request.get("ModelApprovalStatus")
    after = request.get("CreationTimeAfter", float("-inf"))
    before = request.get("CreationTimeBefore", float("inf"))
    return (
        not package.hidden_describes
        and (kind == "Both" or package.versioned == (kind == "Versioned"))
        and (group is None or package.data.get("ModelPackageGroupName") == group)
        and request.get("NameContains", "") in package.name
        and (approval is None or package.data.get("ModelApprovalStatus") == approval)
        and after < package.data["CreationTime"] < before
    )


def _by_creation(package: Package) -> Key:
    return [package.number]


def _by_name(package: Package) -> Key:
    return [package.name, package.number]
