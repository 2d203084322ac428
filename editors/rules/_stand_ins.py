"""Stand-ins for packages that the handlers import and that cfn-lint does not bring along.

The checks of the handlers need neither the SDK nor the support library, but their modules import classes and
error codes of both. A package that is installed is used; only programs that have no time to import the SDK,
and end with the checks, have stand-ins for it all the same.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

PACKAGES = ("botocore", "cloudformation_cli_python_lib")
# Of what is installed, that which takes most of the time to import, and of which a check uses nothing.
SLOW = (
    *("boto3", "botocore.parsers", "requests", "urllib3"),
    *(f"cloudformation_cli_python_lib.{name}" for name in ("hook", "log_delivery", "metrics")),
)


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


class _Finder:
    """Finds any module of some packages."""

    def __init__(self, packages: Collection[str]) -> None:
        self.packages = packages
        self.made: list[str] = []

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: Any = None) -> ModuleSpec | None:
        """Return how a module is made that is one of the packages, or in one."""
        if not any(f"{name}.".startswith(f"{package}.") for package in self.packages):
            return None
        loader: Any = self  # which needs no base class; importing that takes longer than all of this
        return ModuleSpec(name, loader, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return a module with every name; a package as a whole has its modules only."""
        self.made.append(spec.name)
        return _Module(spec.name) if spec.name not in PACKAGES else ModuleType(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: a module is ready as it is made."""


@contextmanager
def stand_ins(slow: Collection[str] = ()) -> Iterator[None]:
    """Let imports inside have stand-ins for those of PACKAGES that are not installed, and none afterwards.

    So they have for `slow` modules, installed or not, unless they have been imported already.
    """
    missing = [package for package in PACKAGES if find_spec(package) is None]
    finder = _Finder([*missing, *(name for name in slow if name not in sys.modules)])
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in finder.made:
            module = sys.modules.pop(name)
            parent, _, attribute = name.rpartition(".")
            if vars(sys.modules.get(parent, module)).get(attribute) is module:
                delattr(sys.modules[parent], attribute)
