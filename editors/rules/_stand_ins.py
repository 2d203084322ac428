"""Stand-ins for packages that the handlers import and that cfn-lint does not bring along.

The checks of the handlers need neither the SDK nor the support library, but their modules import classes and
error codes of both. A package that is installed is used.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

PACKAGES = ("botocore", "cloudformation_cli_python_lib")


class _Codes:
    """In the place of the support library's error codes: each is its own name."""

    def __getattr__(self, name: str) -> str:
        return name


class _Module(ModuleType):
    """A module in which every name is a class, to inherit from or to name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made: Any = _Codes() if name.endswith("Code") else type(name, (Exception,), {})
        setattr(self, name, made)
        return made


class _Finder(MetaPathFinder, Loader):
    """Finds any module of some packages."""

    def __init__(self, packages: list[str]) -> None:
        self.packages = packages

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: Any = None) -> ModuleSpec | None:
        if name.partition(".")[0] not in self.packages:
            return None
        return ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name) if "." in spec.name else ModuleType(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: a module is ready as it is made."""


@contextmanager
def stand_ins() -> Iterator[None]:
    """Let imports inside have stand-ins for those of PACKAGES that are not installed, and none afterwards."""
    missing = [package for package in PACKAGES if find_spec(package) is None]
    finder = _Finder(missing)
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [each for each in sys.modules if each.partition(".")[0] in missing]:
            del sys.modules[name]
