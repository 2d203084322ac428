"""The registry of the local AWS, with nothing in it, and packages for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.local_aws import Sandbox
from sandbox.state_file import RunningSandbox
from tests.sandbox.registry.packages import Packages, Registry, closing_registry
from tests.stack.stacks import DeployedStacks


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Iterator[Sandbox]:
    """The sandbox with nothing in it, before and after the test."""
    yield sandbox
    RunningSandbox.of(sandbox).reset()


@pytest.fixture
def packages(tmp_path: Path) -> Packages:
    """Packages whose handlers keep things in a folder of the test's own."""
    return Packages(tmp_path / "store")


@pytest.fixture
def registry(sandbox: Sandbox) -> Iterator[Registry]:
    """The registry without any type."""
    with closing_registry(sandbox) as made:
        yield made


@pytest.fixture
def stacks(sandbox: Sandbox) -> Iterator[DeployedStacks]:
    """Stacks, which the sandbox's reset removes."""
    made = DeployedStacks(sandbox)
    yield made
    made.close()
