"""Runs the handlers of packages: each package in processes of its own, under Lambda's runtime client."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from sandbox.lambda_.invoke_api import FunctionRunner
from sandbox.lambda_.runtime_client import Environments
from sandbox.registry.package import Package, PackageError, remove, unpack
from sandbox.shared.processes import SandboxError
from sandbox.shared.settings import REGION

# A start that is given up ends at once, but for the unpacking of a large package.
CLOSE_SECONDS = 3.0


class PackageHost:
    """Unpacks packages, and makes functions of their handlers.

    `python` returns the interpreter that has Lambda's runtime client; packages are unpacked in `folder`,
    which only the user can read, and are removed with it.
    """

    def __init__(self, runner: FunctionRunner, python: Callable[[], Path], folder: Path) -> None:
        self._runner = runner
        self._python = python
        self._folder = folder
        self._changed = threading.Condition()
        self._starting = 0
        self._environments: dict[str, Environments] = {}  # also of what is being started
        self._closed = False

    def start(self, data: bytes, type_name: str, function: str, region: str = REGION) -> Package:
        """Start the handlers of a type's package in a region, as the function of a name that is not in use.

        Raises:
            PackageError: it is no such package, or its handlers do not start; nothing is left of it then.
            SandboxError: there is no runtime client, or the functions have been stopped.
        """
        with self._changed:
            if function in self._runner.functions:
                raise PackageError(f"There is a package of {type_name} already")
            self._starting += 1
        code = self._folder / function
        try:
            package = unpack(data, type_name, code)
            self._run(package, function, region)
        except BaseException:
            environments = self._environments.pop(function, None)
            if environments is not None:
                environments.close()
            remove(code)
            raise
        finally:
            with self._changed:
                self._starting -= 1
                self._changed.notify_all()
        return package

    def _run(self, package: Package, name: str, region: str) -> None:
        function = package.function(name, region)
        environments = Environments(self._python().absolute(), package.code)
        with self._changed:
            if self._closed:
                raise SandboxError("the functions have been stopped")
            self._environments[name] = environments
        problem = environments.start_problem(function)
        if problem is not None:
            raise PackageError(f"The handlers do not start: {problem}")
        self._runner.add(function, environments)

    def keep_idle(self, function: str, *, keeps: bool) -> None:
        """Keep a function's processes that wait; or end them, and all others after their invocation."""
        environments = self._environments.get(function)
        if environments is not None:
            environments.keep_idle(keeps=keeps)

    def stop(self, function: str) -> None:
        """End the processes of a function, and remove its code."""
        self._environments.pop(function, None)
        self._runner.remove(function)
        remove(self._folder / function)

    def close(self) -> None:
        """End what is being started, and start nothing any more; the runner ends the functions."""
        with self._changed:
            self._closed = True
            environments = list(self._environments.values())
        for each in environments:
            each.close()
        with self._changed:
            self._changed.wait_for(lambda: not self._starting, CLOSE_SECONDS)
