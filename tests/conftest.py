"""One local AWS with the real handlers for tests that need no other, and a check of what each test leaves."""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sandbox.local_aws import Sandbox

# Their commands install what they need, and fail without a result; `pytest` alone does not collect them.
NOT_RUN = {
    "tests/page": "make page-test",
    "tests/cdk": "make cdk",
    "tests/clients": "make clients",
    "tests/editors": "make editors",
}

LEVEL = "level of the logger"


def pytest_addoption(parser: pytest.Parser) -> None:
    # A test that needs another one before it, or that spoils another one, shows in some orders only.
    parser.addoption("--shuffle", metavar="SEED", help="another order of the files, and of the tests in each")


def pytest_configure() -> None:
    """Let the processes that tests start take the signals that `nohup` and background jobs ignore."""
    for each in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(each) is signal.SIG_IGN:
            # Ignored here as before; a handler, unlike SIG_IGN, is not handed down.
            signal.signal(each, lambda *_: None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests into the order that a seed gives; those of a file stay together, for their fixtures."""
    seed = config.getoption("--shuffle")
    if seed is not None:
        items.sort(key=lambda item: [order(seed, str(item.path)), order(seed, item.nodeid)])


def order(seed: str, name: str) -> bytes:
    """A key to sort by that says nothing of the name."""
    return hashlib.sha256(f"{seed} {name}".encode()).digest()


def pytest_report_header() -> str:
    """Say in one line what has a command of its own."""
    return "not run here: " + ", ".join(f"{folder} ({command})" for folder, command in NOT_RUN.items())


def process_state() -> dict[str, dict[str, Any]]:
    """What tests of one process share and could leave changed for the next one, by kind and name."""
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    return {
        "environment variable": {
            name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"
        },
        "process": {
            "working directory": os.getcwd(),
            "sys.path": frozenset(sys.path),  # pytest itself puts a folder first again
            "disabled logging": logging.root.manager.disable,
            "handler of SIGINT": signal.getsignal(signal.SIGINT),
            "handler of SIGTERM": signal.getsignal(signal.SIGTERM),
        },
        LEVEL: {each.name: each.level for each in loggers if isinstance(each, logging.Logger)},
    }


def leaks(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> list[str]:
    """What differs between two states, such as `environment variable AWS_PROFILE`; values may be secret.

    A logger that is new has the level that its module gives it when it is imported.
    """
    return sorted(
        f"{kind} {name}"
        for kind, values in before.items()
        for name in (values if kind == LEVEL else values.keys() | after[kind].keys())
        if values.get(name) != after[kind].get(name)
    )


_BEFORE = pytest.StashKey[dict[str, dict[str, Any]]]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Note the state before every fixture, those of the session included."""
    item.stash[_BEFORE] = process_state()
    yield


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Fail the test that leaves the process otherwise than it was, itself or by one of its fixtures."""
    yield
    left = leaks(item.stash[_BEFORE], process_state())
    if left:
        pytest.fail(
            f"the test, or a fixture that it is the first to use, leaves changed: {', '.join(left)}."
            " Change it with monkeypatch, or around the one start that needs it",
            pytrace=False,
        )


@pytest.fixture(scope="session")
def started() -> Iterator[Sandbox]:
    """Every part and the page; handlers' delays pass fifty times as fast."""
    from tests.shared_sandbox import SharedSandbox  # only tests that need it wait for its imports

    with SharedSandbox(page=True, time_scale=0.02) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(started: Sandbox) -> Sandbox:
    """The sandbox with nothing in it."""
    from sandbox.state_file import RunningSandbox

    RunningSandbox.of(started).reset()
    return started
