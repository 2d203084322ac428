"""One local AWS with the real handlers, for all tests that need no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sandbox.local_aws import Sandbox


@pytest.fixture(scope="session")
def started() -> Iterator[Sandbox]:
    """Every part and the page; handlers' delays pass fifty times as fast."""
    from sandbox.local_aws import Sandbox  # only tests that need it wait for its imports

    with Sandbox(page=True, time_scale=0.02) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(started: Sandbox) -> Sandbox:
    """The sandbox with nothing in it."""
    from sandbox.state_file import RunningSandbox

    RunningSandbox.of(started).reset()
    return started
