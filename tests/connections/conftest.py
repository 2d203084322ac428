"""The fixtures of the connections' tests: authorities, servers, and a process for each test."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.events import VERSION, version

from .authority import Authority
from .process import FunctionProcess, Origin
from .server import LOCAL, Server, TunnelProxy

ANSWERS = {
    "CreateModelPackage": {"ModelPackageArn": VERSION},
    "DescribeModelPackage": version(),
    "UpdateModelPackage": {"ModelPackageArn": VERSION},
    "ListTags": {"Tags": []},
    "AddTags": {"Tags": []},
    "ListModelPackages": {"ModelPackageSummaryList": []},
}
HOST = "sagemaker.test"

Serve = Callable[..., Server]
TunnelTo = Callable[..., TunnelProxy]


@pytest.fixture(scope="session")
def origin() -> Iterator[Origin]:
    """One process that has imported the handlers; doing that for each test would take longer."""
    started = Origin()
    yield started
    started.close()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where authorities keep their files."""
    return tmp_path_factory.mktemp("authorities")


@pytest.fixture(scope="session")
def authority(folder: Path) -> Authority:
    """The authority that the function trusts."""
    return Authority(folder, "one")


@pytest.fixture(scope="session")
def other_authority(folder: Path) -> Authority:
    """One that it does not."""
    return Authority(folder, "two")


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> Path:
    """The servers' certificate, of the authority that is trusted."""
    return authority.issue([LOCAL, HOST, "logs.test", "other.test"])


@pytest.fixture
def function(origin: Origin, authority: Authority) -> Iterator[FunctionProcess]:
    """A new process, which trusts the authority; it has to end by itself, and to leave no socket open."""
    process = origin.fork()
    process.set(AWS_CA_BUNDLE=str(authority.bundle))
    yield process
    process.close()


@pytest.fixture
def serve(certificate: Path) -> Iterator[Serve]:
    """Starts servers, over TLS unless they are to be plain."""
    with contextlib.ExitStack() as stack:

        def start(
            certificate: Path | None = certificate, *, is_plain: bool = False, **answers: Any
        ) -> Server:
            return stack.enter_context(Server(None if is_plain else certificate, {**ANSWERS, **answers}))

        yield start


@pytest.fixture(params=["TLS", "HTTP"])
def server(request: pytest.FixtureRequest, serve: Serve, function: FunctionProcess) -> Server:
    """The server of all of AWS, over TLS and over plain HTTP."""
    started = serve(is_plain=request.param == "HTTP")
    function.set(AWS_ENDPOINT_URL=started.url())
    return started


@pytest.fixture
def tls_server(serve: Serve, function: FunctionProcess) -> Server:
    """The server of all of AWS, over TLS."""
    started = serve()
    function.set(AWS_ENDPOINT_URL=started.url())
    return started


@pytest.fixture
def tunnel_to() -> Iterator[TunnelTo]:
    """Starts proxies in front of a server, over TLS where they have a certificate."""
    with contextlib.ExitStack() as stack:

        def start(server: Server, certificate: Path | None = None) -> TunnelProxy:
            return stack.enter_context(TunnelProxy(server.port, certificate))

        yield start
