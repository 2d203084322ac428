"""ListModelPackages: which packages, in what order, which page."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from itertools import islice
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
        position = _position(request["NextToken"], fingerprint)
        if descending:
            packages = packages[: bisect_left(packages, position, key=key)]
        else:
            packages = packages[bisect_right(packages, position, key=key) :]
    candidates = reversed(packages) if descending else packages
    matches = (package for package in candidates if _is_match(package, request, group))
    size = request.get("MaxResults", DEFAULT_PAGE_SIZE)
    first = list(islice(matches, size + 1))
    answer: Json = {"ModelPackageSummaryList": [package.summary(behaviour) for package in first[:size]]}
    return answer | ({"NextToken": _token(key(first[size - 1]), fingerprint)} if len(first) > size else {})


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
