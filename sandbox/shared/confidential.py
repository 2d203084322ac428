"""Values that no output of the sandbox shows: of model cards, environments and customer metadata.

The plan, the drift report and the page show properties through this module: what is confidential is there as
its shape alone. The members are those that the handlers redact, as the properties' specification has them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

_MEMBERS = frozenset({"ModelCard", "Environment", "CustomerMetadataProperties"})
# SageMaker's own value, inside of what is confidential; a key of a map can have the same name.
_OPEN = ("ModelCard", "ModelCardStatus")
_REASON = "FailureReason"
MAX_CACHED = 1_000  # packages whose reasons have been redacted


def is_confidential(path: Sequence[str]) -> bool:
    """Return whether the value at a path of member names (indexes allowed) is confidential."""
    begin = next((index for index, name in enumerate(path) if name in _MEMBERS), None)
    return begin is not None and tuple(path[begin:]) != _OPEN


def shown(value: Any, path: Sequence[str] = ()) -> Any:
    """Return a property's value with the shape in place of each confidential one.

    `path` has the names of the members around the value. A confidential string is `(string)`, a number
    `(number)`, and so on; maps keep their keys, lists their lengths. Text that holds a JSON object, such as a
    model card's content, is `(JSON object)`.
    """
    if isinstance(value, Mapping):
        return {name: shown(item, [*path, name]) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [shown(item, path) for item in value]
    return f"({_kind(value)})" if is_confidential(path) else value


def without_quoted_values(package: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a package, as Describe returns it, whose reasons of failures quote nothing confidential of it.

    It is SageMaker that words them. They are redacted as the handlers redact them.
    """
    details = package.get("ModelPackageStatusDetails") or {}
    if not any(_REASON in item for items in details.values() for item in items or ()):
        return package
    return {**package, "ModelPackageStatusDetails": _redacted_details(json.dumps(package))}


@lru_cache(MAX_CACHED)  # a redaction takes milliseconds
def _redacted_details(package_text: str) -> Mapping[str, Any]:
    """Return the status details of a package, given as JSON, with their reasons redacted."""
    from aws_sagemaker_modelpackage import redaction

    package = json.loads(package_text)
    hidden = redaction.not_shown(redaction.secrets_in(package), redaction.open_in(package))
    redact = redaction.Redactor(hidden).redact

    def redacted(item: Mapping[str, Any]) -> Mapping[str, Any]:
        return {name: redact(str(value)) if name == _REASON else value for name, value in item.items()}

    details = package["ModelPackageStatusDetails"]
    return {name: [redacted(item) for item in items or ()] for name, items in details.items()}


def json_type(value: Any) -> str:
    """Return the name of a value's JSON type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "object" if isinstance(value, Mapping) else "list"


def _kind(value: Any) -> str:
    if not isinstance(value, str):
        return json_type(value)
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return "string"
    return "JSON object" if isinstance(parsed, dict) else "string"
