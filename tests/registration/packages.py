"""Packages of two versions of the type, of which one is built."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from io import BytesIO
from typing import Self

from sandbox.commands.demo_registry import without_newer


@dataclass(frozen=True)
class Packages:
    """Two schema handler packages with the same handlers: the older one's schema lacks a property."""

    older: bytes
    newer: bytes

    @classmethod
    def of(cls, newer: bytes, schema_file: str) -> Self:
        """Return a package, and the same with the older schema."""
        older = BytesIO()
        with zipfile.ZipFile(BytesIO(newer)) as given, zipfile.ZipFile(older, "w") as made:
            for name in given.namelist():
                content = given.read(name)
                made.writestr(name, without_newer(content.decode()) if name == schema_file else content)
        return cls(older.getvalue(), newer)
