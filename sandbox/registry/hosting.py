"""Runs the handlers of packages: each package in processes of its own, under Lambda's runtime client."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sandbox.lambda_.invoke_api import FunctionRunner
from sandbox.lambda_.runtime_client import Environments
from sandbox.registry.package import Package, PackageError, remove, unpack


class PackageHost:
    """Unpacks packages, and makes functions of their handlers.

    `python` returns the interpreter that has Lambda's runtime client; packages are unpacked in `folder`,
    which only the user can read, and are removed with it.
    """

    def __init__(self, runner: FunctionRunner, python: Callable[[], Path], folder: Path) -> None:
        self._runner = runner
        self._python = python
        self._folder = folder

    def start(self, data: bytes, type_name: str, function: str) -> Package:
        """Start the handlers of a type's package, as the function of a name that is not in use.

        Raises:
            PackageError: it is no such package, or its handlers do not start; nothing is left of it then.
            SandboxError: there is no runtime client, or the functions have been stopped.
        """
        code = self._folder / function
        try:
            package = unpack(data, type_name, code)
            environments = Environments(self._python().absolute(), code)
            problem = environments.start_problem(package.function(function))
            if problem is not None:
                environments.close()
                raise PackageError(f"The handlers do not start: {problem}")  # noqa: TRY301 - one clean-up
        except BaseException:
            remove(code)
            raise
        self._runner.add(package.function(function), environments)
        return package

    def stop(self, function: str) -> None:
        """End the processes of a function, and remove its code."""
        self._runner.remove(function)
        remove(self._folder / function)
