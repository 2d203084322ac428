"""Our schema beside AWS's own of the type: every difference has a reason, in the guide as well."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from packager.project import schema
from tests.aws_schema import DIFFERENCES, GUIDE, Found, aws_schema, differences, undescribed, with_table
from tests.guides.pages import rows

Node = dict[str, Any]
THEIRS, OURS = aws_schema(), schema()
TYPE = "Resource Type definition for AWS::SageMaker::ModelPackage"


def test_differences_from_aws_schema_are_those_with_a_reason() -> None:
    """Where one is new decide on it; where one is gone take its reason away, here and in the guide."""
    listed = [each for row in DIFFERENCES for each in row.expanded()]
    assert len(listed) == len(set(listed))
    assert all(row.why for row in DIFFERENCES)
    found = differences(THEIRS, OURS)
    new, gone = found - set(listed), set(listed) - found
    assert not new, f"tests/aws_schema.py: DIFFERENCES has no reason of {lines(new)}"
    assert not gone, f"tests/aws_schema.py: DIFFERENCES has a reason of what is no difference, {lines(gone)}"


def lines(found: set[Found]) -> str:
    """Differences for a person to read, one a line."""
    return "".join(
        f"\n  {each.keyword} of {each.place}: {each.there!r} there, {each.here!r} here"
        for each in sorted(found)
    )


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
    guide = GUIDE.read_text(encoding="utf-8")
    assert guide == with_table(guide), "run `make generate`: tests/aws_schema.py writes guides/comparison.md"
    assert len(rows("comparison", "keyword", "where", "there", "here", "why")) == len(DIFFERENCES)
