"""ListModelPackages: which packages, in what order, which page."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from typing import Any

from sandbox.shared.errors import refused

from .behaviour import Behaviour
from .package import Package

Json = dict[str, Any]
Key = list[Any]

DEFAULT_PAGE = 10  # [D]


def page(request: Json, group: str | None, packages: list[Package], behaviour: Behaviour) -> Json:
    """Return one page of the packages, which come in the order of their creation."""
    key: Callable[[Package], Key] = _by_creation
    if request.get("SortBy") == "Name":
        key = _by_name
        packages = sorted(packages, key=key)
    descending = request.get("SortOrder") == "Descending"
    question = _fingerprint(request)
    if "NextToken" in request:
        packages = _beyond(packages, _position(request["NextToken"], question), key, descending=descending)
    wanted = _Wanted(request, group)
    room = request.get("MaxResults", DEFAULT_PAGE)
    chosen: list[Package] = []
    candidates: Iterable[Package] = reversed(packages) if descending else packages
    for package in candidates:
        if package.hidden_describes or not wanted(package):
            continue
        if len(chosen) == room:
            token = _token(key(chosen[-1]), question)
            return {"ModelPackageSummaryList": _summaries(chosen, behaviour), "NextToken": token}
        chosen.append(package)
    return {"ModelPackageSummaryList": _summaries(chosen, behaviour)}


class _Wanted:
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
    """Return what a token belongs to: a page is continued with the same question only. [I]"""
    question = {key: value for key, value in request.items() if key not in ("NextToken", "MaxResults")}
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:16]


def _token(position: Key, question: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([question, position]).encode()).decode()


def _position(token: str, question: str) -> Key:
    try:
        asked, position = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, binascii.Error, TypeError):
        asked, position = None, None
    if asked != question or not isinstance(position, list):
        raise refused("Invalid NextToken")  # [I]
    return position
