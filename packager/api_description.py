"""Botocore's API descriptions, reduced to the operations in use: `python -m packager.api_description`.

SageMaker's whole description is 5 MB of JSON, parsed again by every new process; the handlers call eight
operations of some four hundred. The reduced one has the same shapes without the documentation, in the layout
of botocore's data directory, so that botocore's loader reads it.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.loaders import Loader

from packager.cut import without
from packager.project import PACKAGE, ROOT, schema

TARGET = PACKAGE / "api"

# The support library's calls for provider logs and metrics.
LIBRARY_OPERATIONS = {
    "logs": ("CreateLogGroup", "CreateLogStream", "PutLogEvents"),  # log_delivery.ProviderLogHandler
    "cloudwatch": ("PutMetricData",),  # metrics.MetricsPublisher
}
# In the permissions because SageMaker does this with the caller's rights while it validates a package.
CALLED_BY_SAGEMAKER = frozenset(
    {"CreateModel", "CreateTrainingJob", "CreateTransformJob", "DescribeTransformJob"}
)
# Members that botocore's client code does not read.
_DOCUMENTATION = frozenset({"documentation", "description", "documentationUrl", "regionName"})
# Maps whose keys are names of the API, which may be called description as well.
_MAPS_OF_NAMES = frozenset(
    {"operations", "shapes", "members", "pagination", "parameters", "services", "endpoints", "regions"}
)

Json = dict[str, Any]


def operations() -> dict[str, tuple[str, ...]]:
    """The names of the operations in use by service: SageMaker's are in the handlers' permissions."""
    permissions = {each for handler in schema()["handlers"].values() for each in handler["permissions"]}
    prefix = "sagemaker:"
    allowed = {each.removeprefix(prefix) for each in permissions if each.startswith(prefix)}
    return {"sagemaker": tuple(sorted(allowed - CALLED_BY_SAGEMAKER)), **LIBRARY_OPERATIONS}


def loader() -> Loader:
    """A loader of botocore's own data: neither this machine's ~/.aws/models nor the reduced descriptions."""
    return Loader(include_default_search_paths=False, extra_search_paths=[Loader.BUILTIN_DATA_PATH])


def description(service: str) -> Json:
    """Botocore's whole description of a service."""
    loaded: Json = loader().load_service_model(service, "service-2")
    return loaded


def files() -> dict[str, str]:
    """The content of every file below `TARGET`, by its path there.

    Raises:
        KeyError: Botocore does not know an operation.
    """
    data = loader()
    contents: dict[str, Json] = {}
    prefixes = set()
    for service, names in operations().items():
        folder = f"{service}/{data.determine_latest_version(service, 'service-2')}"
        whole = data.load_service_model(service, "service-2")
        prefixes.add(whole["metadata"]["endpointPrefix"])
        contents[f"{folder}/service-2.json"] = _reduce(whole, names)
        rules = data.load_service_model(service, "endpoint-rule-set-1")
        contents[f"{folder}/endpoint-rule-set-1.json"] = rules
        pages = data.load_service_model(service, "paginators-1")["pagination"]
        pages = {name: pages[name] for name in names if name in pages}
        contents[f"{folder}/paginators-1.json"] = {"pagination": pages}
    contents["endpoints.json"] = _reduce_endpoints(data.load_data("endpoints"), prefixes)
    # One line for each member, so that an upgrade of botocore shows what it changes.
    return {
        path: json.dumps(without(content, _DOCUMENTATION, maps=_MAPS_OF_NAMES), indent=1) + "\n"
        for path, content in contents.items()
    }


def _reduce(description: Json, names: Iterable[str]) -> Json:
    """A service's description with these operations and the shapes that they reach."""
    operations = {name: description["operations"][name] for name in names}
    shapes: Json = {}
    for operation in operations.values():
        for each in (operation.get("input"), operation.get("output"), *operation.get("errors", ())):
            if each:
                _collect(each["shape"], description["shapes"], shapes)
    return {
        **description,
        "operations": operations,
        "shapes": {name: shapes[name] for name in sorted(shapes)},
    }


def _collect(name: str, shapes: Mapping[str, Json], reached: Json) -> None:
    """Add a shape, and those that it refers to, to the reached ones."""
    if name in reached:
        return
    shape = reached[name] = shapes[name]
    parts = [
        *shape.get("members", {}).values(),
        *(shape[each] for each in ("member", "key", "value") if each in shape),
    ]
    for part in parts:
        _collect(part["shape"], shapes, reached)


def _reduce_endpoints(endpoints: Json, prefixes: set[str]) -> Json:
    """The endpoints of the services with these endpoint prefixes."""
    partitions = [
        {**each, "services": {name: each["services"][name] for name in each["services"] if name in prefixes}}
        for each in endpoints["partitions"]
    ]
    return {**endpoints, "partitions": partitions}


def main() -> int:
    """Replace the files in the package; the exit code is always 0."""
    contents = files()
    shutil.rmtree(TARGET, ignore_errors=True)
    for path, content in contents.items():
        (TARGET / path).parent.mkdir(parents=True, exist_ok=True)
        (TARGET / path).write_text(content, encoding="utf-8")
    print(f"{len(contents)} files in {TARGET.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
