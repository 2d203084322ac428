"""A local SageMaker whose clock the tests set, with a group in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sandbox.sagemaker import SageMakerServer
from tests.sandbox.sagemaker.sagemaker_calls import NOW, REGION, Clock


@pytest.fixture(scope="session")
def shared_server() -> Iterator[tuple[SageMakerServer, Clock]]:
    clock = Clock()
    with SageMakerServer(clock=clock) as server:
        yield server, clock


@pytest.fixture
def clock(shared_server: tuple[SageMakerServer, Clock]) -> Clock:
    shared_server[1].now = NOW
    return shared_server[1]


@pytest.fixture(scope="session")
def client_for(shared_server: tuple[SageMakerServer, Clock]) -> Iterator[Callable[..., Any]]:
    session = boto3.Session("key", "secret", region_name=REGION)
    clients: list[Any] = []

    def make(service: str = "sagemaker", **options: Any) -> Any:
        # Retries would hide an error that is answered once; values are the server's to check.
        config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
        clients.append(
            session.client(service, endpoint_url=shared_server[0].endpoint, config=config, **options)
        )
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def shared_client(client_for: Callable[..., Any]) -> Any:
    return client_for()


@pytest.fixture
def server(shared_server: tuple[SageMakerServer, Clock], clock: Clock, shared_client: Any) -> SageMakerServer:  # noqa: ARG001 - sets the time
    """The server with nothing in it but the group `group`."""
    shared_server[0].reset()
    shared_client.create_model_package_group(ModelPackageGroupName="group")
    shared_server[0].clear_calls()
    return shared_server[0]


@pytest.fixture
def client(shared_client: Any, server: SageMakerServer) -> Any:  # noqa: ARG001 - emptied
    return shared_client
