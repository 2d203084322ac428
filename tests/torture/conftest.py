"""Fixtures of the torture tests: the world, quick and long runs, seeded Hypothesis, figures at the end."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase

from sandbox.sagemaker import SageMakerServer
from tests.faults.proxy import Proxy

from .world import GROUPS, Clock, Figures, World, in_world

FIGURES: Figures = defaultdict(lambda: defaultdict(int))
DEFAULT_SEED = 20261124


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("torture")
    group.addoption("--long", action="store_true", help="the long versions: every cell, many examples")
    group.addoption("--seed", type=int, default=DEFAULT_SEED, help="another seed for what is drawn")
    group.addoption("--cells", default="", help="only mutations whose description has all of these words")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES:
        terminalreporter.section("torture")
    for title, counts in FIGURES.items():
        terminalreporter.write_line(f"{title}: {', '.join(f'{name} {n}' for name, n in counts.items())}")


@pytest.fixture(scope="session")
def long(pytestconfig: pytest.Config) -> bool:
    """Whether to run the long versions (`make torture`) or the quick ones (`make torture-quick`)."""
    return bool(pytestconfig.getoption("--long", default=False))


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """The seed of everything that is drawn: the same in every run unless `--seed` is given."""
    return int(pytestconfig.getoption("--seed", default=DEFAULT_SEED))


@pytest.fixture(scope="session")
def cell_words(pytestconfig: pytest.Config) -> list[str]:
    """The words that the descriptions of mutations must have; without any, all of them are run."""
    return str(pytestconfig.getoption("--cells", default="")).split()


@pytest.fixture(scope="session")
def figures() -> Figures:
    """Counts by title, printed at the end: `figures["faults"]["cells"] += 1`."""
    return FIGURES


@pytest.fixture(scope="session")
def examples(long: bool, seed: int) -> Callable[..., Callable[[Any], Any]]:
    """Decorator that gives a Hypothesis test its numbers of examples, quick and long, and the seed."""

    def decorator(quick_number: int, long_number: int, **others: Any) -> Callable[[Any], Any]:
        settings = hypothesis.settings(
            **{
                "max_examples": long_number if long else quick_number,
                "database": None,
                "deadline": None,
                "print_blob": True,
                "phases": (Phase.generate, Phase.shrink),
                # Every example calls a server, on a machine that may have other work.
                "suppress_health_check": (HealthCheck.too_slow,),
                **others,
            }
        )
        return lambda test: hypothesis.seed(seed)(settings(test))

    return decorator


@pytest.fixture(scope="session")
def session_world() -> Iterator[World]:
    """The one world, in simulated time; its setting is `in_world`'s."""
    clock = Clock()
    with SageMakerServer(clock=clock.time) as sagemaker, Proxy(sagemaker.endpoint) as proxy:
        clock.after_sleep = proxy.attempt_failed
        world = World(sagemaker, proxy, clock)
        for name in GROUPS:
            world.client.create_model_package_group(ModelPackageGroupName=name)
        yield world
        world.client.close()


@pytest.fixture(scope="session")
def no_settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder without settings of AWS."""
    return tmp_path_factory.mktemp("aws")


@pytest.fixture(autouse=True)
def setting(request: pytest.FixtureRequest, no_settings: Path) -> Iterator[None]:
    """Put a test that uses the world into its setting, and no other one."""
    if "session_world" not in request.fixturenames:
        yield
        return
    with in_world(request.getfixturevalue("session_world"), no_settings):
        yield


@pytest.fixture
def world(session_world: World) -> Iterator[World]:
    """The world without packages."""
    session_world.reset()
    yield session_world
    session_world.reset()


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Keep the tracebacks of expected failures out of the report."""
    caplog.set_level(logging.CRITICAL)
