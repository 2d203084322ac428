"""One local AWS for all tests of the sandbox, with a type of the tests' own in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.local_aws import Sandbox

FAKE = Path(__file__).parent / "fake"
TIME_SCALE = 0.05  # a handler that asks for 20 seconds waits for one


@pytest.fixture(scope="session")
def fake_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The running sandbox, hosting `Tests::Fake::Thing` and `Tests::Fake::Bare`."""
    sandbox = Sandbox(
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


@pytest.fixture
def awslambda(fake_sandbox: Sandbox) -> Iterator[Any]:
    """A boto3 client of the functions, with the fake type emptied first."""
    client = fake_sandbox.client("lambda")
    client.invoke(FunctionName="Inspect", Payload=json.dumps({"forget": True}))["Payload"].close()
    fake_sandbox.clear_invocations()
    yield client
    client.close()
