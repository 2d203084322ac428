"""The world of the torture tests, quick or long, and the figures they leave at the end."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from aws_sagemaker_modelpackage import request
from sandbox.sagemaker import SageMakerServer
from tests.faults.proxy import Proxy

from .world import GROUPS, Clock, Figures, World

FIGURES: Figures = {}
"""Printed at the end."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `make torture` says and `make test` does not."""
    group = parser.getgroup("torture")
    group.addoption("--long", action="store_true", help="the long versions: every cell, many examples")
    group.addoption("--seed", type=int, default=None, help="another seed for what is drawn")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures."""
    if not FIGURES:
        return
    terminalreporter.section("torture")
    for title, counts in FIGURES.items():
        told = ", ".join(f"{name} {value}" for name, value in counts.items())
        terminalreporter.write_line(f"{title}: {told}")


@pytest.fixture(scope="session")
def long(pytestconfig: pytest.Config) -> bool:
    """Whether to do all there is, or a quick cut of it."""
    return bool(pytestconfig.getoption("--long", default=False))


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """The seed of everything that is drawn: the same in every run unless another is given."""
    given = pytestconfig.getoption("--seed", default=None)
    return 20261124 if given is None else int(given)


@pytest.fixture(scope="session")
def figures() -> Figures:
    """Where a test notes what it has counted: `figures["faults"]["cells"] = 12`."""
    return FIGURES


@pytest.fixture(scope="session")
def torn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The one world; time is simulated, and nothing of the developer's machine reaches a client."""
    empty = tmp_path_factory.mktemp("aws")
    clock = Clock()
    with (
        pytest.MonkeyPatch.context() as patch,
        SageMakerServer() as sagemaker,
        Proxy(sagemaker.endpoint) as wire,
    ):
        for name in [
            name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")
        ]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", str(empty / "config"))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(empty / "credentials"))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_ENDPOINT_URL", wire.url)
        patch.setattr(request, "time", SimpleNamespace(monotonic=clock.monotonic, time=clock.time))
        patch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=clock.sleep))
        clock.after_pause = wire.attempt_failed
        made = World(sagemaker, wire, clock)
        for name in GROUPS:
            made.client.create_model_package_group(ModelPackageGroupName=name)
        yield made
        made.client.close()


@pytest.fixture
def world(torn: World) -> Iterator[World]:
    """The world with nothing in it."""
    torn.reset()
    yield torn
    torn.reset()


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Tracebacks of handled failures by the thousand would only fill the report."""
    caplog.set_level(logging.CRITICAL)
