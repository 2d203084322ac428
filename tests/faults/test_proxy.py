"""The fault-injecting proxy, with a plain client and bare sockets."""

from __future__ import annotations

import contextlib
import errno
import http.client
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)

from sandbox.sagemaker import Behaviour, SageMakerServer
from sandbox.shared.clients import client_factory
from sandbox.shared.credentials import Credentials
from sandbox.shared.settings import ACCOUNT
from tests.faults.proxy import FOR_EVER, KINDS, Call, Effect, Fault, FaultKind, Proxy

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

Json = dict[str, Any]

REGION = "us-west-2"
GROUP = "faults"
# How long a client waits for an answer that does not come.
READ_SECONDS = 0.3
CREDENTIALS = Credentials.new()
PACKAGE: Json = {
    "ModelPackageGroupName": GROUP,
    "InferenceSpecification": {
        "Containers": [{"Image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/churn:1"}]
    },
}


def client_of(url: str, read_timeout: float = 60) -> SageMakerClient:
    """A plain client that tries everything once."""
    config = Config(proxies={}, read_timeout=read_timeout, retries={"total_max_attempts": 1})
    return client_factory({"sagemaker": url}, CREDENTIALS)("sagemaker", region_name=REGION, config=config)


@pytest.fixture(scope="module")
def shared_server() -> Iterator[SageMakerServer]:
    with SageMakerServer() as server:
        with contextlib.closing(client_of(server.endpoint)) as past:
            past.create_model_package_group(ModelPackageGroupName=GROUP)
        yield server


@pytest.fixture
def server(shared_server: SageMakerServer) -> SageMakerServer:
    shared_server.service.reset()
    shared_server.clear_calls()
    shared_server.behaviour = Behaviour()
    return shared_server


@pytest.fixture
def proxy(server: SageMakerServer) -> Iterator[Proxy]:
    with Proxy(server.endpoint) as made:
        yield made


@pytest.fixture
def client(proxy: Proxy) -> Iterator[SageMakerClient]:
    with contextlib.closing(client_of(proxy.url)) as made:
        yield made


@pytest.fixture
def hasty(proxy: Proxy) -> Iterator[SageMakerClient]:
    with contextlib.closing(client_of(proxy.url, READ_SECONDS)) as made:
        yield made


def outcome(client: SageMakerClient) -> Any:
    """What a client makes of one create: the ARN, the error's code and status, or the exception's class."""
    try:
        return client.create_model_package(**PACKAGE).get("ModelPackageArn", "no ARN")
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    except (BotoCoreError, HTTPClientError, AttributeError, TypeError, UnicodeDecodeError) as error:
        return type(error)


def address_of(proxy: Proxy) -> tuple[str, int]:
    """Host and port."""
    host, port = proxy.url.removeprefix("http://").split(":")
    return host, int(port)


CALL = (
    b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: SageMaker.ListModelPackages\r\n"
    b"Content-Length: 2\r\n"
    b"Authorization: AWS4-HMAC-SHA256 Credential=key/20260101/us-west-2/sagemaker/aws4_request\r\n\r\n{}"
)
ANSWER = b'{"ModelPackageSummaryList": []}'


def call(proxy: Proxy) -> socket.socket:
    """A connection on which a call has been sent, but nothing read."""
    connection = socket.create_connection(address_of(proxy), timeout=5)
    connection.sendall(CALL)
    return connection


def connecting_fails_with(proxy: Proxy) -> int | None:
    """The errno of connecting, None if it succeeds."""
    try:
        socket.create_connection(address_of(proxy), timeout=5).close()
    except OSError as error:
        return error.errno
    return None


EXPECTED: dict[str, Any] = {
    "a proxy's page": ("404", 404),
    "a redirection after the work": ("302", 302),
    "an error without a body": ("400", 400),
    "throttling": ("ThrottlingException", 400),
    "server error": ("InternalFailure", 500),
    "server error after the work": ("InternalFailure", 500),
    "unavailable": ("503", 503),
    "access denied": ("AccessDeniedException", 400),
    "expired credentials": ("ExpiredTokenException", 403),
    "unknown credentials": ("UnrecognizedClientException", 403),
    "conflict": ("ConflictException", 400),
    "quota": ("ResourceLimitExceeded", 400),
    "bad value": ("ValidationException", 400),
    "unknown code": ("SomethingNewException", 400),
    "refused": EndpointConnectionError,
    "reset before the work": ConnectionClosedError,
    "reset after the work": ConnectionClosedError,
    # A plain client takes the page and the half for empty answers.
    "not JSON": "no ARN",
    "not JSON after the work": UnicodeDecodeError,
    # It takes some for others, and fails over the rest.
    "no object": AttributeError,
    "an error that is no object": AttributeError,
    "an error that is no text": UnicodeDecodeError,
    "an error without a code": TypeError,
    "turned away by a proxy": ("429", 429),
    "cut short": "no ARN",
    "timeout before the work": ReadTimeoutError,
    "timeout after the work": ReadTimeoutError,
}


def test_kinds_are_all_expected() -> None:
    assert EXPECTED.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_proxy_strikes_once_before_or_after_the_work(
    kind: FaultKind, proxy: Proxy, client: SageMakerClient, hasty: SageMakerClient, server: SageMakerServer
) -> None:
    proxy.arm(Fault(kind))
    assert outcome(hasty if kind.effect is Effect.SILENCE else client) == EXPECTED[kind.name]
    assert len(server.packages) == kind.works
    proxy.attempt_failed()
    assert outcome(client).endswith(f":model-package/{GROUP}/{1 + kind.works}")
    assert [each.fault for each in proxy.calls] == [kind.name, None][kind.name == "refused" :]


def test_proxy_refuses_with_the_kernels_refusal(proxy: Proxy) -> None:
    proxy.arm(Fault(KINDS["refused"], times=FOR_EVER))
    assert connecting_fails_with(proxy) == errno.ECONNREFUSED
    proxy.clear()
    assert connecting_fails_with(proxy) is None


def test_proxy_resets_with_the_kernels_reset(proxy: Proxy) -> None:
    proxy.arm(Fault(KINDS["reset before the work"]))
    with call(proxy) as connection, pytest.raises(ConnectionResetError) as caught:
        connection.recv(1)
    assert caught.value.errno == errno.ECONNRESET


def test_proxy_cuts_the_promised_length(proxy: Proxy, server: SageMakerServer) -> None:
    proxy.arm(Fault(KINDS["cut short"]))
    with call(proxy) as connection, http.client.HTTPResponse(connection) as response:
        response.begin()
        with pytest.raises(http.client.IncompleteRead) as caught:
            response.read()
    assert caught.value.partial == ANSWER[: len(ANSWER) // 2]
    assert [each["operation"] for each in server.calls] == ["ListModelPackages"]


def test_proxy_keeps_a_silent_connection(proxy: Proxy) -> None:
    silenced: list[Call] = []
    proxy.silent = silenced.append
    proxy.arm(Fault(KINDS["timeout after the work"]))
    with call(proxy) as connection:
        connection.settimeout(READ_SECONDS)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    assert silenced == proxy.calls


@pytest.mark.parametrize(
    ("fault", "struck"),
    [
        (Fault(KINDS["conflict"]), [0]),
        (Fault(KINDS["conflict"], at=2), [2]),
        (Fault(KINDS["conflict"], at=1, times=2), [1, 2]),
        (Fault(KINDS["conflict"], at=3, times=FOR_EVER), [3, 4, 5]),
        (Fault(KINDS["conflict"], operation="ListModelPackages", times=FOR_EVER), [0, 2, 4]),
        (Fault(KINDS["conflict"], at=1, operation="ListModelPackages"), [2]),
    ],
)
def test_fault_strikes_by_number_and_operation(
    fault: Fault, struck: list[int], proxy: Proxy, client: SageMakerClient
) -> None:
    proxy.arm(fault)
    for number in range(6):
        expected = pytest.raises(ClientError) if number in struck else contextlib.nullcontext()
        with expected:
            (client.list_model_packages, client.list_models)[number % 2]()
    assert [each.number for each in proxy.calls if each.fault == "conflict"] == struck
    assert [each.number for each in proxy.calls] == list(range(6))


def test_proxy_refuses_connections_as_often_as_the_fault_says(proxy: Proxy, client: SageMakerClient) -> None:
    proxy.arm(Fault(KINDS["refused"], at=1, times=2))
    client.list_models()  # and its connection must not serve the next call
    for _ in range(2):
        with pytest.raises(EndpointConnectionError):
            client.list_models()
        proxy.attempt_failed()
    client.list_models()
    proxy.attempt_failed()  # connections are not refused any more, so there is nothing to count
    assert [(each.number, each.fault) for each in proxy.calls] == [(0, None), (1, None)]


def test_proxy_holds_its_port_while_refusing(proxy: Proxy) -> None:
    url = proxy.url
    proxy.arm(Fault(KINDS["refused"], times=FOR_EVER))
    with socket.socket() as other, pytest.raises(OSError, match="in use") as caught:
        other.bind(address_of(proxy))
    assert caught.value.errno == errno.EADDRINUSE
    proxy.clear()
    assert proxy.url == url


def test_throttle_breaks_a_call_without_a_fault(
    proxy: Proxy, client: SageMakerClient, server: SageMakerServer
) -> None:
    proxy.throttle = lambda each: KINDS["throttling"] if each.number == 1 else None
    results = [outcome(client) for _ in range(3)]
    assert results[1] == ("ThrottlingException", 400)
    assert [each["ModelPackageArn"] for each in server.packages] == [results[0], results[2]]


def test_proxy_passes_calls_on_unchanged(
    proxy: Proxy, client: SageMakerClient, server: SageMakerServer
) -> None:
    arn = outcome(client)
    with pytest.raises(ClientError, match="does not exist"):
        client.describe_model_package(ModelPackageName=f"{arn}0")
    assert [(each["operation"], each["region"], each["error"]) for each in server.calls] == [
        ("CreateModelPackage", REGION, None),
        ("DescribeModelPackage", REGION, "ValidationException"),
    ]
    create, describe = proxy.calls
    assert create.arguments.pop("ClientToken")
    assert create.arguments == PACKAGE
    assert describe.arguments == {"ModelPackageName": f"{arn}0"}
    assert f"Credential={CREDENTIALS.access_key}/" in describe.authorization
    assert (create.status, describe.status) == (200, 400)


def test_watch_is_called_before_and_after_the_work(
    proxy: Proxy, client: SageMakerClient, server: SageMakerServer
) -> None:
    calls: list[tuple[int, str, int]] = []

    def watch(each: Call, when: str) -> None:
        calls.append((each.number, when, len(server.packages)))

    proxy.watch = watch
    proxy.arm(Fault(KINDS["server error"], at=1))
    outcome(client)
    outcome(client)
    assert calls == [(0, "before", 0), (0, "after", 1), (1, "before", 1), (1, "after", 1)]
    proxy.reset_callbacks()
    outcome(client)
    assert len(calls) == 4


def test_proxy_keeps_connections(proxy: Proxy) -> None:
    with call(proxy) as connection:
        for again in (True, False):
            with http.client.HTTPResponse(connection) as response:
                response.begin()
                assert response.read() == ANSWER
            if again:
                connection.sendall(CALL)
    assert [(each.number, each.status) for each in proxy.calls] == [(0, 200), (1, 200)]


def test_exit_closes_connections_and_threads(server: SageMakerServer) -> None:
    before = set(threading.enumerate())
    with contextlib.ExitStack() as clients:
        with Proxy(server.endpoint) as proxy:
            idle = clients.enter_context(call(proxy))
            assert idle.recv(1)
            silenced = threading.Event()
            proxy.silent = lambda _call: silenced.set()
            proxy.arm(Fault(KINDS["timeout before the work"]))
            waiting = clients.enter_context(call(proxy))
            assert silenced.wait(5)
        assert not [each for each in set(threading.enumerate()) - before if each.name == "fault-proxy"]
        assert connecting_fails_with(proxy) == errno.ECONNREFUSED
        # Neither client has to wait for its own timeout.
        with contextlib.suppress(ConnectionResetError):
            while idle.recv(4096):
                pass
        with contextlib.suppress(ConnectionResetError):
            assert waiting.recv(1) == b""


def test_exit_closes_the_port_for_good(server: SageMakerServer) -> None:
    with Proxy(server.endpoint) as proxy:
        proxy.arm(Fault(KINDS["refused"]))
    proxy.attempt_failed()
    proxy.clear()
    assert connecting_fails_with(proxy) == errno.ECONNREFUSED
