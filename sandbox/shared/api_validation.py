"""Requests against the API description that botocore carries: types, and constraints of values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel

from sandbox.shared.errors import ApiError, refusal
from sandbox.shared.java_patterns import matches

_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),  # the JSON protocol has seconds since 1970
}

MAX_INTEGER = 2**31 - 1  # a Java int [I]


@cache
def _service(name: str) -> Any:
    # A session would import all that makes clients, and fail where the shell names a missing profile.
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


def shape(name: str, service: str = "sagemaker") -> Any:
    """Return a shape of the API description, by its name there."""
    return _service(service).shape_for(name)


def known_members(operation: str, request: Any, service: str) -> Any:
    """Return a request without the members that the API description does not have, as AWS ignores them."""
    return _known(_service(service).operation_model(operation).input_shape, request)


def _known(shape: Any, value: Any) -> Any:
    if shape.type_name == "structure" and isinstance(value, dict):
        return {key: _known(shape.members[key], each) for key, each in value.items() if key in shape.members}
    return value


def without_nulls(value: Any) -> Any:
    """Return a value without the members that are null, at any depth: they count as absent. [I]"""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


def check(operation: str, request: Any, service: str = "sagemaker") -> None:
    """Raise the service's error for a request that breaks the API description.

    Raises:
        ApiError: `SerializationException` for types and unknown members, `ValidationException` for values.
    """
    shape = _service(service).operation_model(operation).input_shape
    if not isinstance(request, dict):
        raise ApiError("SerializationException", "Start of structure expected")  # [I]
    _check_types(shape, request, "")
    problems = list(_violations(shape, request, ""))
    if problems:
        count = len(problems)
        plural = "error" if count == 1 else "errors"
        raise refusal(f"{count} validation {plural} detected: {'; '.join(problems)}")  # [V]


def prepare() -> None:
    """Read what the first check would wait for: SageMaker's API description, and Unicode's categories."""
    check("CreateModelPackageGroup", {"ModelPackageGroupName": "x", "ModelPackageGroupDescription": "x"})


def _check_types(shape: Any, value: Any, path: str) -> None:
    if value is None:
        return
    wrong = not isinstance(value, _PYTHON_TYPES[shape.type_name])
    wrong |= shape.type_name == "integer" and not wrong and abs(value) > MAX_INTEGER
    if wrong or (isinstance(value, bool) and shape.type_name != "boolean"):
        raise ApiError(
            "SerializationException", f"{path or 'The request'}: {shape.type_name} expected"
        )  # [I]
    if shape.type_name == "structure":
        for name, inner in value.items():
            if name not in shape.members:
                raise ApiError("SerializationException", f"{_join(path, name)}: unknown member")  # [I]
            _check_types(shape.members[name], inner, _join(path, name))
    elif shape.type_name == "map":
        for inner in value.values():
            _check_types(shape.value, inner, path)
    elif shape.type_name == "list":
        for number, inner in enumerate(value, 1):
            _check_types(shape.member, inner, f"{path}.{number}.member")


def _violations(shape: Any, value: Any, path: str) -> Iterator[str]:
    """Yield the service's message for each broken constraint, outermost first."""
    for constraint in _broken(shape, value):
        yield f"Value '{_as_java(value)}' at '{path}' failed to satisfy constraint: {constraint}"
    if shape.type_name == "structure":
        for name in shape.required_members:
            if value.get(name) is None:
                yield _null(_join(path, name))
        for name, inner in value.items():
            if inner is not None:
                yield from _violations(shape.members[name], inner, _join(path, name))
    elif shape.type_name == "list":
        yield from _nulls(enumerate(value, 1), path)
        if shape.member.type_name in ("structure", "list", "map"):
            for number, inner in enumerate(value, 1):
                if inner is not None:
                    yield from _violations(shape.member, inner, f"{path}.{number}.member")
        else:
            yield from _elements(shape.member, value, value, path, "Member")
    elif shape.type_name == "map":
        yield from _nulls(value.items(), path)
        yield from _elements(shape.key, value, value.keys(), path, "Map keys")
        yield from _elements(shape.value, value, value.values(), path, "Map value")


def _nulls(elements: Iterable[tuple[Any, Any]], path: str) -> Iterator[str]:
    """Yield the message for each null in a list or map, whose elements come with what leads to them. [I]"""
    return (_null(f"{path}.{place}.member") for place, element in elements if element is None)


def _null(path: str) -> str:
    return f"Value null at '{path}' failed to satisfy constraint: Member must not be null"


def _elements(shape: Any, whole: Any, elements: Any, path: str, subject: str) -> Iterator[str]:
    """Yield the message for plain values in a list or map: it quotes all of it and every constraint. [I]"""
    if any(_broken(shape, element) for element in elements if element is not None):
        every = ", ".join(_all_constraints(shape))
        yield (
            f"Value '{_as_java(whole)}' at '{path}' failed to satisfy constraint: "
            f"{subject} must satisfy constraint: [{every}]"
        )


def _broken(shape: Any, value: Any) -> list[str]:
    """Return the constraints that a value breaks, apart from those of the values in it."""
    limits = shape.metadata
    broken = []
    if shape.type_name == "string":
        if "pattern" in limits and not matches(limits["pattern"], value):
            broken.append(_message(shape, "pattern"))
        if "enum" in limits and value not in limits["enum"]:
            broken.append(_message(shape, "enum"))
    if shape.type_name in ("string", "list", "map", "integer", "long", "float", "double"):
        size = len(value) if isinstance(value, (str, list, dict)) else value
        if "min" in limits and size < limits["min"]:
            broken.append(_message(shape, "min"))
        if "max" in limits and size > limits["max"]:
            broken.append(_message(shape, "max"))
    return broken


def _all_constraints(shape: Any) -> list[str]:
    return [_message(shape, name) for name in ("pattern", "enum", "min", "max") if name in shape.metadata]


def _message(shape: Any, constraint: str) -> str:
    limit = shape.metadata[constraint]
    measure = "length" if shape.type_name in ("string", "list", "map") else "value"
    return {
        "pattern": f"Member must satisfy regular expression pattern: {limit}",
        "enum": f"Member must satisfy enum value set: {_as_java(limit)}",
        "min": f"Member must have {measure} greater than or equal to {limit}",
        "max": f"Member must have {measure} less than or equal to {limit}",
    }[constraint]


def _join(path: str, member: str) -> str:
    name = member[:1].lower() + member[1:]
    return f"{path}.{name}" if path else name


def _as_java(value: Any) -> str:
    """Return a value as Java prints it."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_as_java(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_as_java(inner) for inner in value) + "]"
    return str(value)
