"""Refuses properties that the schema allows each by itself, and that do not go together. Pure.

SageMaker refuses them, one after the other and perhaps with half an update made, or takes them without
effect. Here all are in one message, before anything is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .messages import Path, Problem, refuse
from .translate import (
    ADDITIONAL,
    DEFINITION,
    ENVIRONMENT,
    GROUP,
    NAME,
    SPECIFICATION,
    TO_ADD,
    is_versioned,
)

# An object of a template, with the keys that lead to it.
_Located = tuple[tuple[str | int, ...], Mapping[str, Any]]


def check_identity(desired: Mapping[str, Any]) -> None:
    """Refuse a template that names both a package and a group, or two specifications alike.

    Raises:
        InvalidRequest: it does.
    """
    refuse(list(_identity_problems(desired)))


def check_create(desired: Mapping[str, Any]) -> None:
    """Refuse properties that SageMaker refuses together, or that would have no effect.

    Raises:
        InvalidRequest: there are some.
    """
    refuse(create_problems(desired))


def check_environment(desired: Mapping[str, Any], package: Mapping[str, Any]) -> None:
    """Refuse an Environment that could have no effect on the package, whether it exists or not.

    Raises:
        InvalidRequest: it could have none.
    """
    refuse(list(_environment_problems(desired, package)))


def check_additions(
    desired: Mapping[str, Any], change: Mapping[str, Any], package: Mapping[str, Any]
) -> None:
    """Refuse a change that would add what only versions have to an unversioned package.

    Raises:
        InvalidRequest: it would.
    """
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
    """What check_create refuses; what is missing is only named when there is no other problem."""
    problems = [
        *_identity_problems(desired),
        *_environment_problems(desired, desired),
        *_container_problems(_specifications(desired), versioned=is_versioned(desired)),
    ]
    if not is_versioned(desired):
        problems += _only_for_versions(desired)
        problems = problems or list(_missing_of_unversioned(desired))
    return problems


def _problem(text: str, *keys: str | int) -> Problem:
    path: Path = None
    for key in keys:
        path = (path, key)
    return Problem(path, text)


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
    # A specification that the template adds makes a new package, which has it.
    elif not package.get(SPECIFICATION) and not desired.get(SPECIFICATION):
        yield _problem(
            f"is the default environment of the containers in {SPECIFICATION}, which is not set", ENVIRONMENT
        )


_NO_ENVIRONMENT = f"SageMaker takes container environments only for versions (set {GROUP})"
_INSTANCE_LISTS = ("SupportedTransformInstanceTypes", "SupportedRealtimeInferenceInstanceTypes")


def _container_problems(specifications: Iterable[_Located], *, versioned: bool) -> Iterator[Problem]:
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


def _specifications(desired: Mapping[str, Any]) -> Iterator[_Located]:
    """Every specification of a template."""
    for name in (SPECIFICATION, DEFINITION):
        if name in desired:
            yield (name,), desired[name]
    for name in (ADDITIONAL, TO_ADD):
        for position, each in enumerate(desired.get(name) or ()):
            yield (name, position), each


def _containers(specifications: Iterable[_Located]) -> Iterator[_Located]:
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
