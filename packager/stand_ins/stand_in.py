"""What the stand-ins in this package have in common: modules in the place of what is imported and never used.

The support library imports boto3 and requests, and botocore the generator of its documentation, at every cold
start; no handler uses them. A stand-in has the names that are imported, and refuses every other in words.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NoReturn

_MODULES: set[str] = set()


class StandInError(ImportError):
    """Something that this package leaves out; the message says why, and where it is to be had."""


def refuse(module: str) -> Callable[[str], NoReturn]:
    """The `__getattr__` of a stand-in with this name: it refuses every name that the module does not have.

    Modules below it are refused alike where they are not in the package.
    """
    _MODULES.add(module)

    def get(name: str) -> NoReturn:
        _missing(module, name, module)

    return get


class _Refusing(type):
    """The class of `Unusable`, which refuses to be asked for methods and the like."""

    def __getattr__(cls, name: str) -> NoReturn:
        _missing(f"{cls.__module__}.{cls.__qualname__}", name, cls.__module__)


class Unusable(metaclass=_Refusing):
    """The base of a class that is imported and neither made nor derived from."""

    def __new__(cls, *_arguments: Any, **_more: Any) -> NoReturn:
        """Refuse to be made.

        Raises:
            StandInError: Always.
        """
        _refuse(f"{cls.__module__}.{cls.__qualname__}", cls.__module__)

    def __init_subclass__(cls) -> None:
        """Refuse a class outside of the stand-ins: the methods that it counts on are not there.

        Raises:
            StandInError: One of its bases is in a stand-in.
        """
        for base in cls.__mro__[1:]:
            if Unusable in base.__bases__:
                _refuse(f"{base.__module__}.{base.__qualname__}", base.__module__)


class _Finder:
    """The last of Python's finders, in whose place stood "No module named"."""

    @staticmethod
    def find_spec(name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None) -> None:
        module = name.rpartition(".")[0]
        if module in _MODULES:
            _refuse(name, module)


def _missing(owner: str, name: str, module: str) -> NoReturn:
    if name.startswith("__"):  # which Python itself asks for, and goes on without
        raise AttributeError(_message(f"{owner}.{name}", module))
    _refuse(f"{owner}.{name}", module)


def _refuse(name: str, module: str) -> NoReturn:
    raise StandInError(_message(name, module))


def _message(name: str, module: str) -> str:
    return (
        f"{name} is not in this package: {module} is a stand-in here, because the handlers never use the real"
        " one, whose import slows every cold start. The package that `cfn submit` builds has the real one; to"
        " have it in this one, take it out of LEFT_OUT in packager/build.py"
    )


sys.meta_path.append(_Finder)
