"""The texts of one package: its properties, where it belongs, and what happened to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sandbox.page.addresses import comparison_address, package_name

from .operations import operation, polls_of
from .properties import tree
from .stacks import address_of
from .texts import NONE, approval_tone, moment, short, stack_tone, status_tone, title_of

Json = dict[str, Any]
Package = Mapping[str, Any]

MAX_OPERATIONS = 20
MAX_CHOICES = 300


def package_view(
    package: Package,
    packages: Iterable[Package],
    stacks: Iterable[Mapping[str, Any]],
    events: Sequence[Mapping[str, Any]],
) -> Json:
    """Return what the page of a package shows.

    `package` and `packages` are as Describe returns them; `stacks` and `events` are all there are.
    """
    arn = package["ModelPackageArn"]
    name, group = short(arn), package.get("ModelPackageGroupName")
    everything = list(packages)
    previous, following = _neighbours(package, everything)
    stages = package.get("ModelLifeCycle") or {}
    return {
        "title": title_of(name),
        "heading": f"{group}, version {package['ModelPackageVersion']}" if group else name,
        "name": name,
        "arn": arn,
        "group": group or "",
        "description": package.get("ModelPackageDescription") or "",
        "status": package["ModelPackageStatus"],
        "statusTone": status_tone(package["ModelPackageStatus"]),
        "approval": package.get("ModelApprovalStatus") or NONE,
        "approvalTone": approval_tone(package.get("ModelApprovalStatus")),
        "approvalDescription": package.get("ApprovalDescription") or "",
        "stage": stages.get("Stage") or NONE,
        "stageTone": "plain" if stages.get("Stage") else NONE,
        "stageStatus": stages.get("StageStatus") or "",
        "created": moment(package["CreationTime"]),
        "modified": moment(package["LastModifiedTime"]) if package.get("LastModifiedTime") else "",
        "checks": _checks(package),
        "owners": _owners(arn, stacks),
        "previous": _neighbour(previous, "Compare with the previous version", previous, package),
        "following": _neighbour(following, "Compare with the next version", package, following),
        "others": choices(everything, except_arn=arn),
        "choice": package_name(arn),
        "properties": tree(package),
        "operations": _operations(arn, events),
        "describeCommand": f"aws sagemaker describe-model-package --model-package-name {arn}",
        "exportCommand": f".venv/bin/python -m sandbox export {arn}",
    }


def deleted_view(arn: str, events: Sequence[Mapping[str, Any]]) -> Json:
    """Return what the page of a deleted package shows beside its history."""
    return {
        "title": title_of(short(arn)),
        "name": short(arn),
        "arn": arn,
        "operations": _operations(arn, events),
    }


def recorded_values(package: Package) -> dict[str, str | None]:
    """Return what a package is, by the names that its recorded changes have."""
    stages, card = package.get("ModelLifeCycle") or {}, package.get("ModelCard") or {}
    return {
        "status": package.get("ModelPackageStatus"),
        "approval": package.get("ModelApprovalStatus"),
        "stage": stages.get("Stage"),
        "stageStatus": stages.get("StageStatus"),
        "cardStatus": card.get("ModelCardStatus"),
    }


def choices(packages: Iterable[Package], *chosen: str, except_arn: str = "") -> list[Json]:
    """Return what a comparison can be made with: packages by name, the newest version of a group first.

    Of very many, those of the chosen packages' groups come first, and the others' names are to be written
    into the address.
    """
    groups = {arn.rpartition("/")[0] for arn in (*chosen, except_arn)}
    arns = [each["ModelPackageArn"] for each in packages if each["ModelPackageArn"] != except_arn]
    nearest = sorted(
        arns, key=lambda arn: (arn not in chosen, arn.rpartition("/")[0] not in groups, *_order(arn))
    )
    shown = sorted(nearest[:MAX_CHOICES], key=_order)
    return [{"key": package_name(arn), "name": _choice_name(arn)} for arn in shown]


def _choice_name(arn: str) -> str:
    name = package_name(arn)
    return short(arn) if not name.startswith("arn:") else name


def _order(arn: str) -> tuple[str, int]:
    group, _, version = short(arn).partition("/")
    return group, -int(version) if version.isdecimal() else 0


def _neighbours(package: Package, packages: Sequence[Package]) -> tuple[Package | None, Package | None]:
    """Return the versions of the same group before and after a version."""
    if "ModelPackageVersion" not in package:
        return None, None
    group = package["ModelPackageArn"].rpartition("/")[0]
    versions = {
        each["ModelPackageVersion"]: each
        for each in packages
        if "ModelPackageVersion" in each and each["ModelPackageArn"].rpartition("/")[0] == group
    }
    own = package["ModelPackageVersion"]
    previous = max((number for number in versions if number < own), default=None)
    following = min((number for number in versions if number > own), default=None)
    return versions.get(previous), versions.get(following)


def _neighbour(
    package: Package | None, label: str, left: Package | None, right: Package | None
) -> Json | None:
    if package is None or left is None or right is None:
        return None
    return {
        "label": label,
        "name": short(package["ModelPackageArn"]),
        "comparison": comparison_address(left["ModelPackageArn"], right["ModelPackageArn"]),
    }


def _checks(package: Package) -> list[Json]:
    """Return the validations and image scans, with the reasons of those that failed."""
    details = package.get("ModelPackageStatusDetails") or {}
    return [
        {
            "kind": kind,
            "name": each["Name"],
            "status": each["Status"],
            "tone": status_tone(each["Status"]),
            "reason": each.get("FailureReason") or "",
        }
        for member, kind in (("ValidationStatuses", "Validation"), ("ImageScanStatuses", "Image scan"))
        for each in details.get(member) or ()
    ]


def _operations(arn: str, events: Sequence[Mapping[str, Any]]) -> list[Json]:
    """Return the newest operations of a package, newest first."""
    own = [operation(key, polls) for key, polls in reversed(polls_of(events).items()) if _is_of(polls, arn)]
    return own[:MAX_OPERATIONS]


def _is_of(polls: Sequence[Mapping[str, Any]], arn: str) -> bool:
    return any((poll["package"] or "").lower() == arn.lower() for poll in polls)


def _owners(arn: str, stacks: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Return the stacks with a resource that is this package."""
    return [
        {
            "stack": stack["name"],
            "address": address_of(stack),
            "resource": each["logicalId"],
            "status": each["status"],
            "tone": stack_tone(each["status"]),
        }
        for stack in stacks
        for each in stack["resources"]
        if each["physicalId"].lower() == arn.lower()
    ]
