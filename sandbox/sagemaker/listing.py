"""ListModelPackages: which packages, in what order, which page."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from typing import Any

from sandbox.shared.errors import refusal

from .behaviour import Behaviour
from .package import Package

Json = dict[str, Any]
Key = list[Any]

DEFAULT_PAGE_SIZE = 10  # [D]


def page(request: Json, group: str | None, packages: list[Package], behaviour: Behaviour) -> Json:
    """Return one page of the packages, which come in the order of their creation."""
    key: Callable[[Package], Key] = _by_creation
    if request.get("SortBy") == "Name":
        key = _by_name
        packages = sorted(packages, key=key)
    descending = request.get("SortOrder") == "Descending"
    fingerprint = _fingerprint(request)
    if "NextToken" in request:
        packages = _beyond(packages, _position(request["NextToken"], fingerprint), key, descending=descending)
    matches = _Filter(request, group)
    size = request.get("MaxResults", DEFAULT_PAGE_SIZE)
    chosen: list[Package] = []
    candidates: Iterable[Package] = reversed(packages) if descending else packages
    for package in candidates:
        if package.hidden_describes or not matches(package):
            continue
        if len(chosen) == size:
            token = _token(key(chosen[-1]), fingerprint)
            return {"ModelPackageSummaryList": _summaries(chosen, behaviour), "NextToken": token}
        chosen.append(package)
    return {"ModelPackageSummaryList": _summaries(chosen, behaviour)}


class _Filter:
    """The filters of one request."""

    def __init__(self, request: Json, group: str | None) -> None:
        self._group = group
        # Only unversioned packages unless the type or a group says otherwise. [D]
        self._type = request.get("ModelPackageType", "Both" if group else "Unversioned")
        self._contains = request.get("NameContains", "")
        self._approval = request.get("ModelApprovalStatus")
        self._after = request.get("CreationTimeAfter", float("-inf"))
        self._before = request.get("CreationTimeBefore", float("inf"))

    def __call__(self, package: Package) -> bool:
        return (
            (self._type == "Both" or package.versioned == (self._type == "Versioned"))
            and (self._group is None or package.data.get("ModelPackageGroupName") == self._group)
            and self._contains in package.name
            and (self._approval is None or package.data.get("ModelApprovalStatus") == self._approval)
            and self._after < package.data["CreationTime"] < self._before
        )


def _by_creation(package: Package) -> Key:
    return [package.number]


def _by_name(package: Package) -> Key:
    return [package.name, package.number]


def _summaries(packages: list[Package], behaviour: Behaviour) -> list[Json]:
    return [package.summary(behaviour) for package in packages]


def _beyond(
    packages: list[Package], position: Key, key: Callable[[Package], Key], *, descending: bool
) -> list[Package]:
    if descending:
        return packages[: bisect_left(packages, position, key=key)]
    return packages[bisect_right(packages, position, key=key) :]


def _fingerprint(request: Json) -> str:
    """Return a digest of the request; a token continues only the request that it was made for. [I]"""
    filters = {key: value for key, value in request.items() if key not in ("NextToken", "MaxResults")}
    return hashlib.sha256(json.dumps(filters, sort_keys=True).encode()).hexdigest()[:16]


def _token(position: Key, fingerprint: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([fingerprint, position]).encode()).decode()


def _position(token: str, fingerprint: str) -> Key:
    try:
        made_for, position = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, binascii.Error, TypeError):
        made_for, position = None, None
    if made_for != fingerprint or not isinstance(position, list):
        raise refusal("Invalid NextToken")  # [I]
    return position
