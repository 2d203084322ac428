"""JSON Patch documents (RFC 6902): parsed, applied, and checked against what an update may change."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonpatch
from jsonpointer import JsonPointerException, resolve_pointer

from sandbox.shared import bounded_json
from sandbox.shared.json_pointers import Path, parts_of, path_of, values_at

from .failures import failure
from .resource_type import Model, ResourceType

Operation = dict[str, Any]
# Members that only some operations need; the library checks them only when it applies the patch.
NEEDED = {"add": ("value",), "copy": ("from",), "move": ("from",), "replace": ("value",), "test": ("value",)}
WRITES = {
    "add": ("path",),
    "copy": ("path",),
    "move": ("from", "path"),
    "remove": ("path",),
    "replace": ("path",),
}
_NOTHING = object()


def parse(document: str) -> list[Operation]:
    """Return the operations of a patch document.

    Raises:
        ApiError: InvalidRequestException, the document is no JSON Patch.
    """
    try:
        operations = bounded_json.loads(document)
    except ValueError as problem:
        raise _malformed(f"it is not JSON: {problem}") from problem
    if not isinstance(operations, list):
        raise _malformed("it is not an array of operations")
    return [_operation(index, each) for index, each in enumerate(operations)]


def _operation(index: int, given: Any) -> Operation:
    if not isinstance(given, dict):
        raise _malformed(f"operation {index} is not an object")
    needed = ("op", "path", *NEEDED.get(str(given.get("op")), ()))
    missing = [name for name in needed if name not in given]
    if missing:
        raise _malformed(f"operation {index} has no {missing[0]}")
    operation = dict(given)
    for name in {"path", "from"} & operation.keys():
        if not isinstance(operation[name], str):
            raise _malformed(f"operation {index}: {name} is not a string")
        # The user guide's own example writes "RetentionInDays", without the slash.
        if operation[name] and not operation[name].startswith("/"):
            operation[name] = "/" + operation[name]
    try:
        jsonpatch.JsonPatch([operation])
    except (jsonpatch.InvalidJsonPatch, JsonPointerException) as problem:
        raise _malformed(f"operation {index}: {problem}") from problem
    return operation


def _malformed(what: str) -> Exception:
    return failure("InvalidRequestException", f"The patch document is not valid: {what}")


def apply(operations: list[Operation], live: Model) -> Any:
    """Return the live model with the operations applied.

    Raises:
        ApiError: ValidationException, an operation does not apply to the model.
    """
    patched: Any = copy.deepcopy(live)
    for operation in operations:
        try:
            patched = jsonpatch.JsonPatch([operation]).apply(patched)
        except (jsonpatch.JsonPatchException, JsonPointerException, TypeError) as problem:
            # An answer to the request, not a failed event: the live state is read when the request is made.
            name = operation["op"].upper()
            message = f"[{name} Operation] {_why_inapplicable(operation, patched)}"
            raise failure("ValidationException", message) from problem
    return patched


def _why_inapplicable(operation: Operation, source: Any) -> str:
    """Return the words for it of zjsonpatch, with which the service applies patches.

    Recorded are those for a path that is not there (hashicorp/terraform-provider-awscc 3235), and for one
    whose parent is not there (1021); the others are that library's. [I]
    """
    path: str = operation["path"]
    if "from" in WRITES.get(operation["op"], ()) or operation["op"] == "copy":
        path = operation["from"] if _at(source, operation["from"]) is _NOTHING else path
    parent = _at(source, path.rpartition("/")[0])
    if parent is _NOTHING:
        return f"noSuchPath in source, path provided: /{path}"  # [R]
    if operation["op"] in ("add", "test") and not isinstance(parent, (dict, list)):
        node = json.dumps(parent)
        return f"parent is not a container in source, path provided : /{path} | node : {node}"
    if operation["op"] == "test" and _at(source, path) is not _NOTHING:
        return "value mismatch"
    return f"noSuchPath in source, path provided : /{path}"  # [R]


def _at(source: Any, pointer: str) -> Any:
    return resolve_pointer(source, pointer, _NOTHING)


def refuse_forbidden(kind: ResourceType, operations: list[Operation], live: Model, patched: Any) -> None:
    """Refuse a patch that changes what only the service, or only a creation, may set.

    Raises:
        ApiError: ValidationException, for read-only properties; NotUpdatableException, for create-only ones.
    """
    paths = [
        parts_of(operation[name]) for operation in operations for name in WRITES.get(operation["op"], ())
    ]
    read_only = [
        pointer
        for pointer in kind.read_only_pointers
        if _changed(pointer, live, patched) or any(_covers(path_of(pointer), path) for path in paths)
    ]
    if read_only:
        raise failure(
            "ValidationException",
            f"Invalid patch update: readOnlyProperties [{', '.join(read_only)}] cannot be updated",
        )
    create_only = [pointer for pointer in kind.create_only_pointers if _changed(pointer, live, patched)]
    if create_only:
        raise failure(
            "NotUpdatableException",
            f"Invalid patch update: createOnlyProperties [{', '.join(create_only)}] cannot be updated",
        )


def _changed(pointer: str, live: Model, patched: Any) -> bool:
    path = path_of(pointer)
    return values_at(live, path) != values_at(patched, path)


def _covers(rule: Path, path: Path) -> bool:
    """Return whether a path leads to a property or into it; around it, only a change counts."""
    return len(path) >= len(rule) and all(name in ("*", part) for name, part in zip(rule, path, strict=False))
