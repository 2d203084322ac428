"""Parses the properties of a create or an update, and refuses all their faults in one message. Pure.

The faults are of types, of limits, of properties that do not go together, and of tags. What lies below a
faulty value, or follows from one, is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Literal

from . import combinations, constraints, messages, recast, tags, translate
from .messages import Path, Problem
from .translate import Model

# What a check is about, in the order of messages.
Check = Literal["kinds", "values", "combinations", "tags"]
Faults = dict[Check, list[Problem]]

# Of a template with many unknown properties, those that may be a misspelt group.
_MAX_UNKNOWN = 100


def parse_create(properties: Mapping[str, Any] | None, stack_tags: Mapping[str, Any] | None) -> Model:
    """The properties of a package to be made, typed as `translate.parse` does it.

    Raises:
        InvalidRequest: they break the schema, or SageMaker refuses them together.
    """
    model, faults = create_faults(properties, stack_tags)
    _refuse(faults)
    return model


def parse_update(
    properties: Mapping[str, Any] | None,
    previous: Model | None,
    stack_tags: Mapping[str, Any] | None,
) -> Model:
    """The desired properties of an existing package, typed as `translate.parse` does it.

    Those that are as in `previous`, the typed previous state, were accepted once: the update of another
    property must not fail over their values.

    Raises:
        InvalidRequest: they break the schema, or no package can be what they say.
    """
    model, misfits = translate.examine(properties)
    before, versioned = previous or {}, _is_version(model, properties or {}, misfits)
    limits = constraints.problems(model, before)
    together = [
        *combinations.identity_problems(model),
        *_changed(combinations.value_problems(model, versioned=versioned), model, before),
    ]
    _refuse(_faults(misfits, limits, together, _tag_problems(model, stack_tags, before, versioned)))
    return model


def create_faults(
    properties: Mapping[str, Any] | None, stack_tags: Mapping[str, Any] | None
) -> tuple[Model, Faults]:
    """What parse_create refuses, by check, beside the model that `translate.examine` makes."""
    model, misfits = translate.examine(properties)
    versioned = _is_version(model, {}, misfits)
    together = combinations.create_problems(model, versioned=versioned)
    return model, _faults(
        misfits, constraints.problems(model), together, _tag_problems(model, stack_tags, {}, versioned)
    )


def _refuse(faults: Faults) -> None:
    messages.refuse([problem for problems in faults.values() for problem in problems])


def _tag_problems(
    model: Model, stack_tags: Mapping[str, Any] | None, previous: Model, versioned: bool | None
) -> list[Problem]:
    return tags.problems(
        model.get(translate.TAGS), stack_tags, previous.get(translate.TAGS), versioned=versioned
    )


# --- the kind of package ----------------------------------------------------------------------------


def _is_version(model: Model, properties: Mapping[str, Any], misfits: Iterable[Problem]) -> bool | None:
    """Whether the template is of a version; None where its group may be misspelt or in another place."""
    if translate.GROUP in model or translate.NAME in model:
        return translate.is_versioned(model)
    arn = properties.get(translate.IDENTIFIER)
    if isinstance(arn, str) and ":model-package/" in arn:
        return "/" in arn.partition(":model-package/")[2]
    return None if any(map(_may_be_group, islice(misfits, _MAX_UNKNOWN))) else False


def _may_be_group(misfit: Problem) -> bool:
    *around, name = messages.keys_of(misfit.path)
    known = [place.path[0] for place in recast.places() if len(place.path) == 1]
    return translate.GROUP in ([name] if around else messages.meant(str(name), known))


# --- what is left out -------------------------------------------------------------------------------


def _changed(problems: Iterable[Problem], model: Model, previous: Model) -> Iterator[Problem]:
    """The problems that a changed property is part of."""
    for problem in problems:
        properties = {str(messages.keys_of(path)[0]) for path in (problem.path, *problem.compared)}
        if any(name not in previous or model.get(name) != previous[name] for name in properties):
            yield problem


def _faults(
    misfits: list[Problem], limits: list[Problem], together: list[Problem], own: list[Problem]
) -> Faults:
    """The problems by check, without those that follow from others."""
    faulty = {each.path for each in misfits}
    around_faulty = {path for each in faulty for path in _around(each)}
    beyond_limits = {each.path for each in limits}

    def stands(problem: Problem) -> bool:
        return not (
            any(path in faulty for path in _around(problem.path))
            or any(path in faulty for each in problem.compared for path in _around(each))
            or not around_faulty.isdisjoint(problem.compared)
            or (problem.path in problem.compared and problem.path in beyond_limits)
        )

    return {
        "kinds": misfits,
        "values": limits,
        "combinations": list(filter(stands, together)),
        "tags": list(filter(stands, own)),
    }


def _around(path: Path) -> Iterator[Path]:
    """A path and the paths that it lies below, but for the properties themselves."""
    while path is not None:
        yield path
        path = path[0]
