"""Which properties do not go together, whatever the schema allows: refused before anything is called.

What SageMaker refuses, so that all of it is told at once and before a package or half an update is made, and
what it would take without effect. Pure.
"""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .translate import (
    ADDITIONAL,
    DEFINITION,
    ENVIRONMENT,
    GROUP,
    NAME,
    SPECIFICATION,
    TO_ADD,
    is_versioned,
    refuse,
)

if typing.TYPE_CHECKING:
    from .messages import Path, Problem

# Something of a template, with the keys that lead to it.
_Found = tuple[tuple[str | int, ...], Mapping[str, Any]]


def check_identity(desired: Mapping[str, Any]) -> None:
    """Raise InvalidRequest when a template names both a package and a group, or two specifications alike."""
    refuse(list(_identity_problems(desired)))


def check_create(desired: Mapping[str, Any]) -> None:
    """Raise InvalidRequest for properties that SageMaker refuses together, or that would have no effect."""
    refuse(create_problems(desired))


def check_environment(desired: Mapping[str, Any], package: Mapping[str, Any]) -> None:
    """Raise InvalidRequest where Environment could have no effect on the package, made or to be made."""
    refuse(list(_environment_problems(desired, package)))


def check_additions(
    desired: Mapping[str, Any], change: Mapping[str, Any], package: Mapping[str, Any]
) -> None:
    """Raise InvalidRequest where an update would add what only versions have to an unversioned package."""
    if is_versioned(package):
        return
    names = {each.get("Name") for each in change.get(TO_ADD, ())}
    added = [
        (keys, each)
        for keys, each in _specifications(desired)
        if keys != (SPECIFICATION,) and each.get("Name") in names
    ]
    source = {name: desired[name] for name in ("SourceUri", SPECIFICATION) if name in desired}
    refuse(
        [
            *_container_problems(added, versioned=False),
            *(_only_for_versions(source) if "SourceUri" in change else ()),
        ]
    )


def create_problems(desired: Mapping[str, Any]) -> list[Problem]:
    """What check_create refuses; what is missing is told once nothing is in the way."""
    found = [
        *_identity_problems(desired),
        *_environment_problems(desired, desired),
        *_container_problems(_specifications(desired), versioned=is_versioned(desired)),
    ]
    if not is_versioned(desired):
        found += _only_for_versions(desired)
        found = found or list(_missing_of_unversioned(desired))
    return found


def _problem(words_for: str, *keys: str | int) -> Problem:
    from . import messages

    path: Path = None
    for key in keys:
        path = (path, key)
    return messages.Problem(path, lambda: words_for)


def _identity_problems(desired: Mapping[str, Any]) -> Iterator[Problem]:
    if NAME in desired and GROUP in desired:
        yield _problem(
            f"and {GROUP} cannot both be set: a version is named by its group, an unversioned package by its"
            " own name. Remove one of them",
            NAME,
        )
    group = desired.get(GROUP, "")
    if group.startswith("arn:") and not group.rpartition("/")[0].endswith(":model-package-group"):
        yield _problem(
            "is the ARN of something else: give a group's name or ARN (...:model-package-group/NAME)",
            GROUP,
        )
    for name in (ADDITIONAL, TO_ADD):
        names = [each.get("Name") for each in desired.get(name) or ()]
        for position, each in enumerate(names):
            if each in names[:position]:
                yield _problem(
                    "is the name of another one as well: give each specification its own",
                    name,
                    position,
                    "Name",
                )


def _environment_problems(desired: Mapping[str, Any], package: Mapping[str, Any]) -> Iterator[Problem]:
    if not desired.get(ENVIRONMENT):
        return
    if not is_versioned(package):
        yield _problem(f"cannot be set on an unversioned package: {_NO_ENVIRONMENT}", ENVIRONMENT)
    # One that the template adds makes a new package, which has it.
    elif not package.get(SPECIFICATION) and not desired.get(SPECIFICATION):
        yield _problem(
            f"is the default environment of the containers in {SPECIFICATION}, which is not set", ENVIRONMENT
        )


_NO_ENVIRONMENT = f"SageMaker takes container environments only for versions (set {GROUP})"
_INSTANCE_LISTS = ("SupportedTransformInstanceTypes", "SupportedRealtimeInferenceInstanceTypes")


def _container_problems(specifications: Iterable[_Found], *, versioned: bool) -> Iterator[Problem]:
    for keys, container in _containers(specifications):
        if "AdditionalS3DataSource" in container and keys[0] == SPECIFICATION:
            yield _problem(
                f"is not allowed in {SPECIFICATION}: SageMaker takes it in {ADDITIONAL} only",
                *keys,
                "AdditionalS3DataSource",
            )
        if not versioned:
            if container.get(ENVIRONMENT):
                yield _problem(
                    f"cannot be set on an unversioned package: {_NO_ENVIRONMENT}", *keys, ENVIRONMENT
                )
            if "ModelDataSource" in container:
                yield _problem(_NO_DATA_SOURCE, *keys, "ModelDataSource")


_NO_DATA_SOURCE = (
    "cannot be set on an unversioned package: SageMaker takes it only for versions. Give the address of an"
    f" archive as ModelDataUrl, or set {GROUP}"
)


def _specifications(desired: Mapping[str, Any]) -> Iterator[_Found]:
    """Every specification of a template."""
    for name in (SPECIFICATION, DEFINITION):
        if name in desired:
            yield (name,), desired[name]
    for name in (ADDITIONAL, TO_ADD):
        for position, each in enumerate(desired.get(name) or ()):
            yield (name, position), each


def _containers(specifications: Iterable[_Found]) -> Iterator[_Found]:
    """Every container of the specifications."""
    for keys, specification in specifications:
        for position, container in enumerate(specification.get("Containers") or ()):
            yield (*keys, "Containers", position), container


def _only_for_versions(desired: Mapping[str, Any]) -> Iterator[Problem]:
    if "SourceUri" in desired:
        beside = f" that has an {SPECIFICATION}" if SPECIFICATION in desired else ""
        yield _problem(
            f"cannot be set on an unversioned package{beside}: SageMaker takes it only for versions"
            f" (set {GROUP})",
            "SourceUri",
        )
    specification = desired.get("SourceAlgorithmSpecification") or {}
    for position, algorithm in enumerate(specification.get("SourceAlgorithms") or ()):
        if "ModelDataSource" in algorithm:
            keys = ("SourceAlgorithmSpecification", "SourceAlgorithms", position, "ModelDataSource")
            yield _problem(_NO_DATA_SOURCE, *keys)


def _missing_of_unversioned(desired: Mapping[str, Any]) -> Iterator[Problem]:
    for name in _INSTANCE_LISTS if SPECIFICATION in desired else ():
        if not desired[SPECIFICATION].get(name):
            yield _problem(
                f"is required on an unversioned package, such as [ml.m5.xlarge]; a version (set {GROUP})"
                " needs none",
                SPECIFICATION,
                name,
            )
