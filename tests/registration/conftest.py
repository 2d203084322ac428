"""A package of the type under the name that the guides register, and a shell for `aws` and `cfn`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from packager import interpreter
from packager.build import Package, build
from sandbox.commands.demo_registry import TYPE
from sandbox.commands.shell import Shell
from sandbox.local_aws import Sandbox
from sandbox.registry.package import SCHEMA_FILE
from tests.registration.packages import Packages
from tests.stack.stacks import DeployedStacks

# Python runs it before any program: the waiters of the programs pause a hundredth of their time.
QUICK = "import time\n_sleep = time.sleep\ntime.sleep = lambda seconds: _sleep(seconds / 100)\n"


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """What `make package` builds."""
    return build(tmp_path_factory.mktemp("package") / TYPE.hyphenated, TYPE, interpreter.find())


@pytest.fixture(scope="session")
def packages(package: Package) -> Packages:
    """The package of this commit, and one whose schema is made older, not built from an older commit."""
    return Packages.of(package.archive.read_bytes(), SCHEMA_FILE)


@pytest.fixture
def lines() -> list[str]:
    """What a shell or a demo has printed."""
    return []


@pytest.fixture
def shell(sandbox: Sandbox, tmp_path: Path) -> Shell:
    """A shell in which `aws` and `cfn` find the sandbox; what it prints is shown with a failure."""
    folder = tmp_path / "quick"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(QUICK)
    return Shell(sandbox, print, PYTHONPATH=str(folder))


@pytest.fixture
def stacks(sandbox: Sandbox) -> Iterator[DeployedStacks]:
    """Stacks in the sandbox. Those of `cfn submit` are protected and go with the next test's reset."""
    made = DeployedStacks(sandbox)
    yield made
    made.close()
