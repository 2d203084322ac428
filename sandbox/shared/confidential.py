"""Values that no output of the sandbox shows: of model cards, environments and customer metadata.

The plan, the drift report and the page show properties through this module: what is confidential is there as
its shape alone. The members are those that the handlers redact, as the properties' specification has them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

_MEMBERS = frozenset({"ModelCard", "Environment", "CustomerMetadataProperties"})
# SageMaker's own value, inside of what is confidential; a key of a map can have the same name.
_OPEN = ("ModelCard", "ModelCardStatus")


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


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    try:
        parsed = json.loads(value)
    except (TypeError, ValueError, RecursionError):
        return "string"
    return "JSON object" if isinstance(parsed, dict) else "string"
