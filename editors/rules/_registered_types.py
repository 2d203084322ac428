"""Makes cfn-lint check types that it knows only from a registry's schema, and in every region.

cfn-lint 1.58 reads the schemas in `registry_schemas`, but has a list of types for each region. It checks
nothing of a type that no list has, and nothing of AWS's type in regions whose list lacks it. Here the schema
of the registry is used where the list has none. A test fails once cfn-lint does so by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER as SCHEMAS

listed = type(SCHEMAS).get_resource_schemas_by_regions


def listed_or_registered(resource_type: str, regions: Sequence[str]) -> Iterator[tuple[list[str], Any]]:
    """The schemas of a type: those of cfn-lint's lists, and for regions without one the registry's."""
    rest = [region for region in regions if resource_type in SCHEMAS.get_resource_types(region)]
    for some, schema in listed(SCHEMAS, resource_type, regions):
        rest = [region for region in rest if region not in some]
        yield some, schema
    if rest:
        yield rest, SCHEMAS.get_resource_schema(rest[0], resource_type)


SCHEMAS.get_resource_schemas_by_regions = listed_or_registered
