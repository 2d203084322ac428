"""Our schema beside AWS's own of the type: every difference has a reason, in the guide as well."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from packager.project import schema
from tests.aws_schema import DIFFERENCES, Found, aws_schema, differences, undescribed
from tests.guides.pages import quoted, rows

Node = dict[str, Any]
THEIRS, OURS = aws_schema(), schema()
TYPE = "Resource Type definition for AWS::SageMaker::ModelPackage"


def test_differences_from_aws_schema_are_those_with_a_reason() -> None:
    """Where one is new decide on it; where one is gone take its reason away, here and in the guide."""
    listed = [each for row in DIFFERENCES for each in row.expanded()]
    assert len(listed) == len(set(listed))
    assert all(row.why for row in DIFFERENCES)
    found = differences(THEIRS, OURS)
    assert {"new": sorted(found - set(listed)), "gone": sorted(set(listed) - found)} == {
        "new": [],
        "gone": [],
    }


def test_permissions_are_not_fewer_than_aws_own() -> None:
    for name, handler in THEIRS["handlers"].items():
        assert set(handler["permissions"]) <= set(OURS["handlers"][name]["permissions"]), name


def test_description_begins_as_those_of_the_registry() -> None:
    assert THEIRS["description"] == TYPE
    assert OURS["description"].startswith(f"{TYPE}. ")


def test_everything_that_aws_describes_is_described() -> None:
    assert undescribed(THEIRS, OURS) == []


def edited(path: str, edit: Callable[[Any], Any]) -> Node:
    """Our schema with another value at a path; None removes the member."""
    changed = copy.deepcopy(OURS)
    *parents, last = path.split("/")
    target = changed
    for parent in parents:
        target = target[parent]
    value = edit(target.get(last))
    target.pop(last, None)
    if value is not None:
        target[last] = value
    return changed


@pytest.mark.parametrize(
    ("path", "edit", "difference"),
    [
        (
            "readOnlyProperties",
            lambda old: [*old, "/properties/ModelPackageVersion"],
            Found("readOnlyProperties", "ModelPackageVersion", "no", "yes"),
        ),
        (
            "createOnlyProperties",
            lambda old: old[1:],
            Found("createOnlyProperties", "ModelPackageGroupName", "yes", "no"),
        ),
        (
            "primaryIdentifier",
            lambda _: ["/properties/ModelPackageName"],
            Found("primaryIdentifier", "ModelPackageName", "no", "yes"),
        ),
        ("tagging/tagUpdatable", lambda _: False, Found("tagging", "tagUpdatable", "true", "false")),
        ("tagging/permissions", lambda old: old[1:], Found("tagging", "permissions", "yes", "yes")),
        (
            "handlers/read/permissions",
            lambda old: old[:-1],
            Found("permissions", "read kms:DescribeKey", "yes", "no"),
        ),
        ("properties/Domain", lambda _: None, Found("properties", "Domain", "yes", "no")),
        ("properties/Domain/maxLength", lambda _: 5, Found("maxLength", "Domain", "none", "5")),
        ("definitions/Tag/required", lambda _: ["Key"], Found("required", "Tag", "Key, Value", "Key")),
        (
            "definitions/MetricsSource/properties/S3Uri",
            lambda _: None,
            Found("properties", "MetricsSource.S3Uri", "yes", "no"),
        ),
    ],
)
def test_differences_report_a_changed_schema(
    path: str, edit: Callable[[Any], Any], difference: Found
) -> None:
    assert difference in differences(THEIRS, edited(path, edit)) - differences(THEIRS, OURS)


def test_undescribed_reports_a_missing_description() -> None:
    assert undescribed(THEIRS, edited("properties/Task/description", lambda _: None)) == ["Task"]
    shape = "definitions/S3DataSource/properties/S3Uri/description"
    assert undescribed(THEIRS, edited(shape, lambda _: None)) == ["S3DataSource.S3Uri"]


def test_guide_has_the_table_of_differences() -> None:
    table = [
        (keyword, *(tuple(map(unescaped, quoted(cell))) or cell for cell in cells), why)
        for keyword, *cells, why in rows("comparison", "keyword", "where", "there", "here", "why")
    ]
    assert table == [
        (
            f"`{row.keyword}`" if row.keyword != "the type" else row.keyword,
            row.places,
            *map(shown, (row.there, row.here)),
            row.why,
        )
        for row in DIFFERENCES
    ]


def shown(value: str) -> str | tuple[str, ...]:
    """A value as the guide has it: plain words as they are, everything else in backticks."""
    return value if value in ("yes", "no", "none") else (value,)


def unescaped(text: str) -> str:
    """What a cell shows of a text whose vertical bars would end the cell."""
    return text.replace("\\|", "|")
