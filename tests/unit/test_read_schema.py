"""Read is held to its own schema: what is described as empty is left out where the schema wants more."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from aws_sagemaker_modelpackage import translate
from sandbox.cloudformation.validation import model_problems
from sandbox.shared.settings import schema, top_level
from tests.torture.paths import ANY, Keys, Path, kind_of, rule_at
from tests.torture.templates import complete

from .events import VERSION

Model = dict[str, Any]
ITEM = {"Name": "fraud", "Status": "Completed"}
EMPTY: dict[str, Any] = {"string": "", "array": [], "object": {}, "map": {}}


def described() -> Model:
    """An answer of Describe with every member that there can be."""
    names = schema()["properties"].keys() - top_level("writeOnlyProperties")
    elsewhere = {"Tags", "ModelPackageArn", "ModelPackageName"}  # a version has no name
    return {"ModelPackageArn": VERSION, **{name: complete((name,)) for name in sorted(names - elsewhere)}}


DESCRIBED = described()


def read(answer: Model) -> Model:
    return translate.to_model(answer, [], ITEM)


def places(path: Path, keys: Keys, value: Any) -> Iterator[tuple[Keys, Any]]:
    """The keys of everything that can be empty in a value, with what is empty there."""
    if kind_of(rule_at(path)) in EMPTY:
        yield keys, EMPTY[kind_of(rule_at(path))]
    if isinstance(value, dict):
        for name, inner in value.items():
            member = ANY if kind_of(rule_at(path)) == "map" else name
            yield from places((*path, member), (*keys, name), inner)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from places((*path, ANY), (*keys, position), inner)


def emptied(keys: Keys, value: Any) -> Model:
    """An answer of the property with this value at these keys."""
    names = ("ModelPackageArn", "ModelPackageGroupName", keys[0])
    answer: Any = copy.deepcopy({name: DESCRIBED[str(name)] for name in names})
    owner = answer
    for key in keys[:-1]:
        owner = owner[key]
    owner[keys[-1]] = value
    return {**answer}


# ModelPackageStatusItem is made here, and the others are never empty: they tell one package from another.
PLACES = [
    pytest.param(keys, value, id=".".join(map(str, keys)))
    for name in DESCRIBED
    if name not in ("ModelPackageStatusItem", "ModelPackageArn", "ModelPackageGroupName")
    for keys, value in places((name,), (name,), DESCRIBED[name])
]


def test_read_of_everything_follows_the_schema() -> None:
    model = read(DESCRIBED)
    assert model_problems(schema(), model) == []
    assert model == {**DESCRIBED, "Tags": [], "ModelPackageStatusItem": ITEM}


@pytest.mark.parametrize(("keys", "value"), PLACES)
def test_read_of_an_empty_member_follows_the_schema(keys: Keys, value: Any) -> None:
    answer = emptied(keys, value)
    model = read(answer)
    assert model_problems(schema(), model) == []
    as_described = {**answer, "Tags": [], "ModelPackageStatusItem": ITEM}
    if keys[0] not in (
        "ApprovalDescription",
        "CustomerMetadataProperties",
        "SourceUri",
    ):  # where empty means absent
        assert (model == as_described) is (model_problems(schema(), as_described) == [])


def test_places_are_those_with_a_minimum_and_others() -> None:
    refused = [each for each in PLACES if model_problems(schema(), emptied(*each.values))]  # type: ignore[arg-type]  # they are the parameters
    assert len(PLACES) > len(refused) > 60


def test_read_keeps_what_lacks_something_for_another_reason() -> None:
    """SageMaker may leave out more than the schema says; that is no reason to hide the rest."""
    metrics = {"Bias": {"Report": {"S3Uri": "s3://bucket/report.json"}}}
    assert read({**DESCRIBED, "ModelMetrics": metrics})["ModelMetrics"] == metrics
