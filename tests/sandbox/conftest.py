"""One local AWS for all tests of the sandbox, with a type of the tests' own in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sandbox.local_aws import Sandbox
from tests.sandbox import engine_code
from tests.sandbox.helpers import FAKE, copy_code, processes_of, start_functions
from tests.shared_sandbox import SharedSandbox
from tests.stack.stacks import DeployedStacks

TIME_SCALE = 0.05  # a handler that asks for 20 seconds waits for one


@pytest.fixture(scope="session")
def fake_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The running sandbox, hosting `Tests::Fake::Thing` and `Tests::Fake::Bare`."""
    sandbox = SharedSandbox(
        schemas=[FAKE / "schema.json", FAKE / "bare.json"],
        template=FAKE / "template.yml",
        code=FAKE / "src",
        time_scale=TIME_SCALE,
        logs=tmp_path_factory.mktemp("logs"),
    )
    # What a developer's shell may hold must not reach a handler.
    with pytest.MonkeyPatch.context() as shell:
        shell.setenv("AWS_PROFILE", "production")
        shell.setenv("AWS_SECRET_ACCESS_KEY", "a real secret")
        sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="session", autouse=True)
def stop_engine_code() -> Iterator[None]:
    """End the process for code in the engine's environment."""
    yield
    engine_code.stop()


@pytest.fixture
def stacks(fake_sandbox: Sandbox) -> Iterator[DeployedStacks]:
    """Stacks of native types, which are deleted after the test."""
    made = DeployedStacks(fake_sandbox)
    yield made
    made.delete_all()
    made.close()


@pytest.fixture
def awslambda(fake_sandbox: Sandbox) -> Iterator[Any]:
    """A boto3 client of the functions, with the fake type emptied first."""
    with closing(fake_sandbox.client("lambda")) as client:
        client.invoke(FunctionName="Inspect", Payload=json.dumps({"forget": True}))["Payload"].close()
        fake_sandbox.clear_invocations()
        yield client


@pytest.fixture
def code(tmp_path: Path) -> Iterator[Path]:
    """A code directory of the test's own, of which no process may be left."""
    code = copy_code(tmp_path)
    yield code
    assert processes_of(code) == set()


@pytest.fixture(scope="session")
def runtime_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code directory of `runtime_sandbox`."""
    return copy_code(tmp_path_factory.mktemp("runtime"))


@pytest.fixture(scope="session")
def shared_runtime_sandbox(runtime_code: Path) -> Iterator[Sandbox]:
    """The functions for all tests that do not stop them."""
    with start_functions(runtime_code) as functions:
        yield functions
    assert processes_of(runtime_code) == set()


@pytest.fixture
def runtime_sandbox(shared_runtime_sandbox: Sandbox) -> Sandbox:
    """The functions in processes under Lambda's runtime client, without invocations."""
    shared_runtime_sandbox.clear_invocations()
    return shared_runtime_sandbox


@pytest.fixture
def runtime_lambda(runtime_sandbox: Sandbox) -> Iterator[Any]:
    """A boto3 client of these functions."""
    with closing(runtime_sandbox.client("lambda")) as client:
        yield client
