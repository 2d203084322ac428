"""The names of AWS's own types, as cfn-lint lists them, and what is said of those that are not here."""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from pathlib import Path

from sandbox.shared.settings import NOT_HERE, REGION


def listing() -> Path | None:
    """Return the file with the names of AWS's types, cfn-lint's; None where it is not installed."""
    spec = importlib.util.find_spec("cfnlint")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "data" / "schemas" / "providers" / f"{REGION}.json"
        if path.exists():
            return path
    return None


def missing_type(name: str, *, is_here: bool = False) -> str:
    """Return what Cloud Control and the registry say of a type, or of a version, that is not registered.

    `is_here` is for a type that is served without being registered, and lacks a version only.
    """
    if is_here or name not in _names():
        return f"The type '{name}' cannot be found."  # [R]
    return f"The type '{name}' is {NOT_HERE}: Cloud Control and the registry here have registered types alone"


@cache
def _names() -> frozenset[str]:
    path = listing()
    return frozenset(json.loads(path.read_text(encoding="utf-8"))) if path else frozenset()
