"""JSON pointers, as schemas write them."""

from __future__ import annotations


def path_of(pointer: str) -> tuple[str, ...]:
    """Return the property names in a pointer like `/properties/A/B`; `*` stands for every item."""
    parts = pointer.removeprefix("/properties/").split("/")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in parts)
