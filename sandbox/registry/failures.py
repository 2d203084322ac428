"""The errors of the registry's operations. [R] marks words that were recorded at AWS."""

from __future__ import annotations

from sandbox.shared.aws_types import missing_type
from sandbox.shared.errors import ApiError


def registry_failure(message: str) -> ApiError:
    """Return the error that the registry has for nearly everything."""
    return ApiError("CFNRegistryException", message)


def not_found(name: str) -> ApiError:
    """Return the error for a type or version that is not registered; `name` is what the caller gave."""
    return ApiError("TypeNotFoundException", f"The type '{name}' cannot be found.", 404)  # [R]


def no_such_type(name: str) -> ApiError:
    """Return the error for a type that is neither registered nor here without that."""
    return ApiError("TypeNotFoundException", missing_type(name), 404)
