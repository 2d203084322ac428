"""A local SageMaker whose clock the tests set, with a group in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from botocore.config import Config

from sandbox.sagemaker import SageMakerServer
from sandbox.shared.clients import ClientFactory, client_factory
from sandbox.shared.credentials import Credentials
from tests.sandbox.sagemaker.sagemaker_calls import NOW, REGION, Client, Clock


@pytest.fixture(scope="session")
def shared_server() -> Iterator[tuple[SageMakerServer, Clock]]:
    clock = Clock()
    with SageMakerServer(clock=clock) as server:
        yield server, clock


@pytest.fixture
def clock(shared_server: tuple[SageMakerServer, Clock]) -> Clock:
    return shared_server[1]


@pytest.fixture(scope="session")
def client_for(shared_server: tuple[SageMakerServer, Clock]) -> Iterator[ClientFactory]:
    # Retries would hide an error that is answered once; values are the server's to check.
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    make_client = client_factory({"sagemaker": shared_server[0].endpoint}, Credentials.new())
    with ExitStack() as clients:

        def make(service: str, **options: Any) -> Any:
            settings = {"region_name": REGION, "config": config, "aws_session_token": None} | options
            return clients.enter_context(closing(make_client(service, **settings)))

        yield make


@pytest.fixture(scope="session")
def shared_client(client_for: ClientFactory) -> Client:
    return client_for("sagemaker")


@pytest.fixture
def server(shared_server: tuple[SageMakerServer, Clock], shared_client: Client) -> SageMakerServer:
    """The server at `NOW` with nothing in it but the group `group`."""
    server, clock = shared_server
    clock.now = NOW
    server.reset()
    shared_client.create_model_package_group(ModelPackageGroupName="group")
    server.clear_calls()
    return server


@pytest.fixture
def client(shared_client: Client, server: SageMakerServer) -> Client:  # noqa: ARG001 - emptied
    return shared_client
