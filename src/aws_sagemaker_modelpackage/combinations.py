"""Finds properties that the schema allows each by itself, and that do not go together. Pure.

SageMaker refuses them, one after the other and perhaps with half an update made, or takes them without
effect. Values of a wrong type may be in the properties, each with `messages.FAULTY` in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .comparison import differs
from .messages import FAULTY, Problem, path_of, refuse, text_of
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

# Additional specifications of one package, and variables of one container; the schema has them for one list
# and one map.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html
MAX_SPECIFICATIONS = 15
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ModelPackageContainerDefinition.html
MAX_VARIABLES = 100

_Keys = tuple[str | int, ...]
# An object of a template, with the keys that lead to it.
_Located = tuple[_Keys, Mapping[str, Any]]


def check_environment(desired: Mapping[str, Any], package: Mapping[str, Any]) -> None:
    """Refuse an Environment that could have no effect on the package, whether it exists or not.

    Raises:
        InvalidRequest: it could have none.
    """
    rule = _default_of_nothing(desired, package) if is_versioned(package) else _environment_problems(desired)
    refuse(list(rule))


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
    added = [(keys, each) for keys, each in _additional(desired) if each.get("Name") in names]
    source = {name: desired[name] for name in ("SourceUri", SPECIFICATION) if name in desired}
    refuse(
        [
            *_container_problems(added, versioned=False),
            *(_source_problems(source) if "SourceUri" in change else ()),
        ]
    )


def create_problems(desired: Mapping[str, Any], *, versioned: bool | None) -> list[Problem]:
    """What SageMaker refuses together in a create, or what would have no effect.

    `versioned` is None where the kind of the package is not known; rules about one kind do not apply then.
    """
    problems = [*identity_problems(desired), *value_problems(desired, versioned=versioned)]
    if versioned:
        problems += _default_of_nothing(desired, desired)
    if versioned is False and desired.get("ApprovalDescription"):
        problems.append(
            _problem(
                "cannot be set on an unversioned package: SageMaker takes it after the package is made, with"
                f" UpdateModelPackage, which is for versions only (set {GROUP})",
                "ApprovalDescription",
            )
        )
    return problems


def value_problems(desired: Mapping[str, Any], *, versioned: bool | None) -> list[Problem]:
    """The problems of properties with others that any package would have, whatever it is now.

    `versioned`: see create_problems.
    """
    specifications = (*_main(desired), *_additional(desired))
    problems = [
        *_name_problems(desired),
        *_count_problems(desired),
        *_container_problems(specifications, versioned=versioned),
    ]
    if versioned is False:
        return [
            *_environment_problems(desired),
            *problems,
            *_source_problems(desired),
            *_missing_of_unversioned(desired),
        ]
    return [*problems, *_variable_problems(desired)]


def _problem(text: str, *keys: str | int, compared: Iterable[_Keys] = ()) -> Problem:
    return Problem(path_of(*keys), text, tuple(path_of(*each) for each in compared))


# --- which package ----------------------------------------------------------------------------------


def identity_problems(desired: Mapping[str, Any]) -> Iterator[Problem]:
    """The problems of a name and a group."""
    if NAME in desired and GROUP in desired:
        yield _problem(
            f"and {GROUP} cannot both be set: a version is named by its group, an unversioned package by its"
            " own name. Remove one of them",
            NAME,
        )
    group = desired.get(GROUP)
    if (
        isinstance(group, str)
        and group.startswith("arn:")
        and not group.rpartition("/")[0].endswith(":model-package-group")
    ):
        yield _problem(
            "is the ARN of something else: give a group's name or ARN (...:model-package-group/NAME)",
            GROUP,
            compared=[(GROUP,)],
        )


# --- additional specifications ----------------------------------------------------------------------


def _additional(desired: Mapping[str, Any]) -> Iterator[_Located]:
    """The additional specifications of a template, in the order in which they are sent."""
    for name in (ADDITIONAL, TO_ADD):
        for position, each in enumerate(desired.get(name) or ()):
            yield (name, position), each
    if DEFINITION in desired:
        yield (DEFINITION,), desired[DEFINITION]


def _named(desired: Mapping[str, Any]) -> Iterator[tuple[str, _Located]]:
    """The same with their names, without those that have none."""
    for keys, each in _additional(desired):
        if isinstance(each.get("Name"), str):
            yield each["Name"], (keys, each)


def _name_problems(desired: Mapping[str, Any]) -> Iterator[Problem]:
    """Names that stand in one list twice, or in two properties with other content."""
    by_name: dict[str, list[_Located]] = {}
    for name, (keys, each) in _named(desired):
        others = by_name.setdefault(name, [])
        if twin := next((other for other, _ in others if other[0] == keys[0]), None):
            yield _problem(
                "is the name of another one as well: give each specification its own",
                *keys,
                "Name",
                compared=[(*twin, "Name"), (*keys, "Name")],
            )
        elif others and differs(each, others[0][1], others[0][1], ADDITIONAL):
            first = others[0][0]
            yield _problem(
                f"has the name of {text_of(path_of(*first))} and other content: give it a name of its own, or"
                " the same content",
                *keys,
                compared=[first, keys],
            )
        others.append((keys, each))


# --- counts over two places -------------------------------------------------------------------------


def _count_problems(desired: Mapping[str, Any]) -> Iterator[Problem]:
    """Additional specifications that are too many in all."""
    first_lists: dict[str, str | int] = {}
    count, compared = 0, []
    for keys, each in _additional(desired):
        name = each.get("Name")
        # In another property the same name is of the same specification.
        is_other = not isinstance(name, str) or first_lists.setdefault(name, keys[0]) == keys[0]
        count += is_other and each is not FAULTY
        if name is not FAULTY:
            compared.append((*keys, "Name"))
    *others, last = [name for name in (ADDITIONAL, TO_ADD, DEFINITION) if desired.get(name)] or [""]
    if others and count > MAX_SPECIFICATIONS:
        yield _problem(
            f"has {count} specifications together with {' and '.join(others)} and must have"
            f" {MAX_SPECIFICATIONS} at most",
            last,
            compared=compared,
        )


def _variable_problems(desired: Mapping[str, Any]) -> Iterator[Problem]:
    """Containers that have too many variables with the default ones."""
    defaults = desired.get(ENVIRONMENT) or {}
    for keys, container in _containers(_main(desired)):
        own = container.get(ENVIRONMENT) or {}
        count = len(defaults.keys() | own.keys())
        if own and count > max(len(own), MAX_VARIABLES):
            yield _problem(
                f"has {count} entries together with {ENVIRONMENT} and must have {MAX_VARIABLES} at most",
                *keys,
                ENVIRONMENT,
                compared=[(ENVIRONMENT,), (*keys, ENVIRONMENT)],
            )


# --- versions and unversioned packages --------------------------------------------------------------

_NO_ENVIRONMENT = f"SageMaker takes container environments only for versions (set {GROUP})"
_NO_DATA_SOURCE = (
    "cannot be set on an unversioned package: SageMaker takes it only for versions. Give the address of an"
    f" archive as ModelDataUrl, or set {GROUP}"
)
_INSTANCE_LISTS = ("SupportedTransformInstanceTypes", "SupportedRealtimeInferenceInstanceTypes")


def _default_of_nothing(desired: Mapping[str, Any], package: Mapping[str, Any]) -> Iterator[Problem]:
    # A specification that the template adds makes a new package, which has it.
    if desired.get(ENVIRONMENT) and SPECIFICATION not in package and SPECIFICATION not in desired:
        yield _problem(
            f"is the default environment of the containers in {SPECIFICATION}, which is not set", ENVIRONMENT
        )


def _environment_problems(desired: Mapping[str, Any]) -> Iterator[Problem]:
    if desired.get(ENVIRONMENT):
        yield _problem(f"cannot be set on an unversioned package: {_NO_ENVIRONMENT}", ENVIRONMENT)


def _main(desired: Mapping[str, Any]) -> Iterator[_Located]:
    if SPECIFICATION in desired:
        yield (SPECIFICATION,), desired[SPECIFICATION]


def _containers(specifications: Iterable[_Located]) -> Iterator[_Located]:
    """Every container of the specifications."""
    for keys, specification in specifications:
        for position, container in enumerate(specification.get("Containers") or ()):
            yield (*keys, "Containers", position), container


def _container_problems(specifications: Iterable[_Located], *, versioned: bool | None) -> Iterator[Problem]:
    for keys, container in _containers(specifications):
        if "AdditionalS3DataSource" in container and keys[0] == SPECIFICATION:
            yield _problem(
                f"is not allowed in {SPECIFICATION}: SageMaker takes it in {ADDITIONAL} only",
                *keys,
                "AdditionalS3DataSource",
            )
        if versioned is False and container.get(ENVIRONMENT):
            yield _problem(f"cannot be set on an unversioned package: {_NO_ENVIRONMENT}", *keys, ENVIRONMENT)
        if versioned is False and "ModelDataSource" in container:
            yield _problem(_NO_DATA_SOURCE, *keys, "ModelDataSource")


def _source_problems(desired: Mapping[str, Any]) -> Iterator[Problem]:
    if "SourceUri" in desired:
        beside = f" that has an {SPECIFICATION}" if SPECIFICATION in desired else ""
        yield _problem(
            f"cannot be set on an unversioned package{beside}: SageMaker takes it only for versions"
            f" (set {GROUP})",
            "SourceUri",
        )


def _missing_of_unversioned(desired: Mapping[str, Any]) -> Iterator[Problem]:
    for name in _INSTANCE_LISTS if SPECIFICATION in desired else ():
        if not desired[SPECIFICATION].get(name):
            yield _problem(
                f"is required on an unversioned package, such as [ml.m5.xlarge]; a version (set {GROUP})"
                " needs none",
                SPECIFICATION,
                name,
                compared=[(SPECIFICATION, name)],
            )
