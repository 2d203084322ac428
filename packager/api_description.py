"""The API descriptions the handlers need, cut out of botocore's: `python -m packager.api_description`.

SageMaker's whole description is 5 MB of JSON, parsed again by every new process; the handlers call eight
operations of some four hundred. What is left here has the same shapes, without the documentation text. It is
written in botocore's own layout, so that botocore's loader reads it like any other directory of descriptions.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.loaders import Loader

from packager.cut import without
from packager.project import PACKAGE, ROOT, schema

TARGET = PACKAGE / "api"

# What the support library calls when CloudFormation asks for provider logs and metrics.
LIBRARY_OPERATIONS = {
    "logs": ("CreateLogGroup", "CreateLogStream", "PutLogEvents"),  # log_delivery.ProviderLogHandler
    "cloudwatch": ("PutMetricData",),  # metrics.MetricsPublisher
}
# Text for people: nothing in botocore's client code reads it.
_TEXT = frozenset({"documentation", "description", "documentationUrl", "regionName"})
# Maps whose keys are names of the API: a member may well be called Description, or description.
_MAPS_OF_NAMES = frozenset(
    {"operations", "shapes", "members", "pagination", "parameters", "services", "endpoints", "regions"}
)

Json = dict[str, Any]


def operations() -> dict[str, tuple[str, ...]]:
    """The operations in use, by service: the handlers' permissions name SageMaker's."""
    permissions = {each for handler in schema()["handlers"].values() for each in handler["permissions"]}
    prefix = "sagemaker:"
    ours = sorted(each.removeprefix(prefix) for each in permissions if each.startswith(prefix))
    return {"sagemaker": tuple(ours), **LIBRARY_OPERATIONS}


def files() -> dict[str, str]:
    """The content of every file below `TARGET`, by its path there.

    Raises KeyError when botocore does not know an operation.
    """
    # Of botocore's own data only: ~/.aws/models is this machine's, and a description here already is our own.
    loader = Loader(include_default_search_paths=False, extra_search_paths=[Loader.BUILTIN_DATA_PATH])
    found: dict[str, Json] = {}
    prefixes = set()
    for service, names in operations().items():
        folder = f"{service}/{loader.determine_latest_version(service, 'service-2')}"
        description = loader.load_service_model(service, "service-2")
        prefixes.add(description["metadata"]["endpointPrefix"])
        found[f"{folder}/service-2.json"] = _cut(description, names)
        found[f"{folder}/endpoint-rule-set-1.json"] = loader.load_service_model(
            service, "endpoint-rule-set-1"
        )
        pages = loader.load_service_model(service, "paginators-1")["pagination"]
        found[f"{folder}/paginators-1.json"] = {
            "pagination": {name: pages[name] for name in names if name in pages}
        }
    found["endpoints.json"] = _of_services(loader.load_data("endpoints"), prefixes)
    # One line for each member, so that an upgrade of botocore shows what it changes.
    return {
        path: json.dumps(without(content, _TEXT, maps=_MAPS_OF_NAMES), indent=1) + "\n"
        for path, content in found.items()
    }


def _cut(description: Json, names: Iterable[str]) -> Json:
    operations = {name: description["operations"][name] for name in names}
    shapes: Json = {}
    for operation in operations.values():
        for each in (operation.get("input"), operation.get("output"), *operation.get("errors", ())):
            if each:
                _collect(each["shape"], description["shapes"], shapes)
    return {
        **{name: value for name, value in description.items() if name not in ("operations", "shapes")},
        "operations": operations,
        "shapes": {name: shapes[name] for name in sorted(shapes)},
    }


def _collect(name: str, shapes: Mapping[str, Json], found: Json) -> None:
    """Add the shape and all that it reaches."""
    if name in found:
        return
    shape = found[name] = shapes[name]
    parts = [
        *shape.get("members", {}).values(),
        *(shape[each] for each in ("member", "key", "value") if each in shape),
    ]
    for part in parts:
        _collect(part["shape"], shapes, found)


def _of_services(endpoints: Json, prefixes: set[str]) -> Json:
    return {
        **endpoints,
        "partitions": [
            {
                **partition,
                "services": {
                    name: service for name, service in partition["services"].items() if name in prefixes
                },
            }
            for partition in endpoints["partitions"]
        ],
    }


def main() -> int:
    """Write the files, and remove those that are there no more."""
    wanted = files()
    for old in [path for path in TARGET.rglob("*") if path.is_file()]:
        if str(old.relative_to(TARGET)) not in wanted:
            old.unlink()
    for path, content in wanted.items():
        (TARGET / path).parent.mkdir(parents=True, exist_ok=True)
        (TARGET / path).write_text(content, encoding="utf-8")
    print(f"{len(wanted)} files in {TARGET.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
