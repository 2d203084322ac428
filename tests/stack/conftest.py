"""The whole sandbox, started once: SageMaker, the functions, CloudFormation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.local import Sandbox
from sandbox.sagemaker import Behaviour


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    """A sandbox whose handlers' delays pass ten times as fast."""
    with Sandbox(time_scale=0.1) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """The sandbox with nothing in it."""
    running.sagemaker.reset()
    running.sagemaker.behaviour = Behaviour()
    return running
