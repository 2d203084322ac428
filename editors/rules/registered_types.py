"""Lets cfn-lint check types that it has only from a registry's schema, and in every region.

cfn-lint 1.58 reads the schemas in `registry_schemas`, but looks types up in the list of each region that it
ships. Of a type with a name of one's own it checks nothing; of AWS's name nothing in regions whose list lacks
it. Here the registry's schema is used where the list has none. A test says when cfn-lint does so by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER as SCHEMAS

listed = type(SCHEMAS).get_resource_schemas_by_regions


def listed_or_registered(resource_type: str, regions: Sequence[str]) -> Iterator[tuple[list[str], Any]]:
    """What cfn-lint has of a type in these regions; of the others what a registry has."""
    found: set[str] = set()
    for each, schema in listed(SCHEMAS, resource_type, regions):
        found.update(each)
        yield each, schema
    rest = [
        region
        for region in regions
        if region not in found and resource_type in SCHEMAS.get_resource_types(region)
    ]
    if rest:
        yield rest, SCHEMAS.get_resource_schema(rest[0], resource_type)


SCHEMAS.get_resource_schemas_by_regions = listed_or_registered
