"""One trust store for the process, one connection for many invocations, and each request its own caller's."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest

from tests.unit.events import STATE, succeeded, version, version_model

from .authority import Authority
from .conftest import Serve
from .process import FunctionProcess, Json, credentials, event, signing_keys
from .server import Act, Request, Server

READ = event("READ", STATE)
# Connections that a process may hold when nothing uses them: as many as botocore's pool of one client.
MAX_KEPT = 10
# What gateways and load balancers of AWS call idle: they forget such a connection without a packet.
# https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html
IDLE_SECONDS = 350.0


def read_as(owner: str, **members: Any) -> Json:
    """A READ with the credentials of this owner."""
    return event("READ", STATE, callerCredentials=credentials(owner), **members)


def describe_signer(request: Request) -> Json:
    """A description that names the access key of its request."""
    return version(ModelPackageDescription=request.access_key)


def described_for(owner: str) -> Json:
    """The answer of a READ to that description."""
    return succeeded(version_model(ModelPackageDescription=credentials(owner)["accessKeyId"]))


def logged(owner: str) -> Json:
    """The members of an event whose telemetry is sent with the credentials of this owner."""
    return {"providerLogGroupName": "logs", "providerCredentials": credentials(owner)}


def check_signature(request: Request, owner: str, service: str = "sagemaker") -> None:
    """Fail unless a request is signed with this owner's credentials, all three."""
    given = credentials(owner)
    assert request.access_key == given["accessKeyId"]
    assert request.headers["x-amz-security-token"] == given["sessionToken"]
    scope, names, signature = (
        part.partition("=")[2] for part in request.headers["authorization"].partition(" ")[2].split(", ")
    )
    date, region = scope.split("/")[1:3]
    lines = [f"{name}:{request.headers[name]}" for name in names.split(";")]
    canonical = ["POST", "/", "", *lines, "", names, hashlib.sha256(request.body).hexdigest()]
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope.partition("/")[2], digest])
    key = signing_keys(given["secretAccessKey"], date, region, service)[-1]
    assert hmac.new(key, text.encode(), hashlib.sha256).hexdigest() == signature


def test_invocations_share_a_connection(function: FunctionProcess, server: Server) -> None:
    for number in range(5):
        assert function.invoke(read_as(f"CALLER{number}")).answer == succeeded(version_model())
    assert len(server.requests) == 5
    assert len(server.connections) == 1


def test_request_is_signed_by_its_own_caller(function: FunctionProcess, server: Server) -> None:
    server.answers["DescribeModelPackage"] = describe_signer
    for number in range(3):
        owner = f"CALLER{number}"
        assert function.invoke(read_as(owner)).answer == described_for(owner)
        check_signature(server.requests[-1], owner)
    assert len(server.requests) == 3


def test_trust_store_is_loaded_once(function: FunctionProcess, tls_server: Server) -> None:
    tls_server.otherwise = Act.ANSWER_WITH_CLOSE
    for number in range(3):
        outcome = function.invoke(read_as(f"CALLER{number}", **logged("PROVIDER")))
        assert outcome.answer == succeeded(version_model())
    assert tls_server.handshakes >= 9  # SageMaker, logs, metrics
    assert outcome.loads == 1


def test_trust_store_of_botocore_is_loaded_once(function: FunctionProcess, tls_server: Server) -> None:
    function.set(AWS_CA_BUNDLE=None)
    outcome = function.invoke(READ)
    # It does not trust this server.
    assert outcome.answer["errorCode"] == "NetworkFailure"
    assert len(tls_server.connections) == 4
    assert outcome.loads == 1


@pytest.mark.usefixtures("tls_server")
def test_trust_store_is_loaded_once_by_invocations_at_once(function: FunctionProcess) -> None:
    function.slow_down_loads(0.2)
    outcome = function.invoke(*[read_as(f"CALLER{number}", **logged("PROVIDER")) for number in range(4)])
    assert outcome.answers == [succeeded(version_model())] * 4
    assert outcome.loads == 1


def test_invocations_at_once_do_not_share_a_connection(function: FunctionProcess, server: Server) -> None:
    server.answers["DescribeModelPackage"] = describe_signer
    assert function.invoke(READ).answer == described_for("CALLER")
    for _ in range(2):
        server.requests.clear()
        server.released.clear()
        server.expect("DescribeModelPackage", Act.WAIT, Act.WAIT, Act.WAIT)
        function.begin(*[read_as(f"CALLER{number}") for number in range(3)])
        for _ in range(3):
            assert server.waiting.acquire(timeout=10.0)
        server.released.set()
        assert function.end().answers == [described_for(f"CALLER{number}") for number in range(3)]
        assert len({each.connection for each in server.requests}) == 3


def test_answers_of_invocations_at_once_are_their_own(function: FunctionProcess, server: Server) -> None:
    server.answers["DescribeModelPackage"] = describe_signer
    owners = [f"CALLER{number}" for number in range(8)]
    for _ in range(3):
        outcome = function.invoke(*map(read_as, owners))
        assert outcome.answers == [described_for(owner) for owner in owners]
    assert server.open_connections() <= MAX_KEPT


def test_telemetry_is_signed_by_the_provider(function: FunctionProcess, server: Server) -> None:
    for number in range(3):
        function.invoke(read_as(f"CALLER{number}", **logged(f"PROVIDER{number}")))
        services = {
            "DescribeModelPackage": "sagemaker",
            "PutMetricData": "monitoring",
            "PutLogEvents": "logs",
        }
        assert {each.operation for each in server.requests} == services.keys()
        for each in server.requests:
            owner = "CALLER" if each.operation == "DescribeModelPackage" else "PROVIDER"
            check_signature(each, f"{owner}{number}", services[each.operation])
        server.requests.clear()


def test_telemetry_shares_connections(function: FunctionProcess, tls_server: Server) -> None:
    for number in range(4):
        function.invoke(read_as(f"CALLER{number}", **logged(f"PROVIDER{number}")))
    # One at a time for each of the three services.
    assert tls_server.handshakes <= 3


def test_telemetry_without_an_answer_leaves_no_connection(
    function: FunctionProcess, tls_server: Server
) -> None:
    tls_server.expect("PutLogEvents", Act.WAIT)
    tls_server.expect("PutMetricData", Act.WAIT)
    assert function.invoke(read_as("CALLER1", **logged("PROVIDER1")), seconds=4.0).answer == succeeded(
        version_model()
    )
    waiting = {each.connection for each in tls_server.requests if each.act is Act.WAIT}
    tls_server.requests.clear()
    tls_server.released.set()
    assert function.invoke(read_as("CALLER2", **logged("PROVIDER2"))).answer == succeeded(version_model())
    assert "PutLogEvents" in tls_server.operations()
    assert "PutMetricData" in tls_server.operations()
    assert not waiting & {each.connection for each in tls_server.requests}
    assert {each.access_key for each in tls_server.requests} == {
        credentials(owner)["accessKeyId"] for owner in ("CALLER2", "PROVIDER2")
    }


def test_timeouts_are_those_of_the_own_invocation(function: FunctionProcess, server: Server) -> None:
    # Half a second for an answer, then five.
    assert function.invoke(READ, seconds=4.0).answer == succeeded(version_model())
    server.expect("DescribeModelPackage", Act.WAIT)
    function.begin(READ)
    assert server.waiting.acquire(timeout=10.0)
    assert not server.waiting.acquire(timeout=0.8)
    server.released.set()
    assert function.end().answer == succeeded(version_model())
    assert len(server.requests) == 2


def test_deadline_is_that_of_the_own_invocation(function: FunctionProcess, server: Server) -> None:
    assert function.invoke(READ, seconds=10.0).answer == succeeded(version_model())
    function.pass_time(20.0)
    assert function.invoke(READ, seconds=10.0).answer == succeeded(version_model())
    assert len(server.requests) == 2


def test_connection_that_the_server_will_close_is_not_kept(function: FunctionProcess, server: Server) -> None:
    server.otherwise = Act.ANSWER_WITH_CLOSE
    for _ in range(3):
        assert function.invoke(READ).answer == succeeded(version_model())
    assert len(server.requests) == len(server.connections) == 3


def test_connection_of_a_refusal_is_fit_for_the_next_invocation(
    function: FunctionProcess, server: Server
) -> None:
    for number in range(3):
        server.expect("DescribeModelPackage", Act.REFUSE)
        assert function.invoke(READ).answer["errorCode"] == "AccessDenied"
        assert function.invoke(read_as(f"CALLER{number}")).answer == succeeded(version_model())
    assert len(server.requests) == 6


def test_connection_is_not_kept_for_ever(function: FunctionProcess, server: Server) -> None:
    assert function.invoke(READ).answer == succeeded(version_model())
    function.pass_time(IDLE_SECONDS)
    assert function.invoke(READ).answer == succeeded(version_model())
    assert len(server.connections) == 2
    assert server.wait_for_end(1)


def test_connections_to_many_hosts_are_bounded(
    function: FunctionProcess, serve: Serve, authority: Authority
) -> None:
    server = serve(authority.issue([f"host{number}.test" for number in range(25)]))
    for number in range(25):
        function.set(AWS_ENDPOINT_URL_SAGEMAKER=server.url(f"host{number}.test"))
        assert function.invoke(READ).answer == succeeded(version_model())
    assert server.hosts == [f"host{number}.test" for number in range(25)]
    assert server.open_connections() <= MAX_KEPT


@pytest.mark.usefixtures("server")
def test_process_ends_by_itself(function: FunctionProcess) -> None:
    outcome = function.invoke(*[read_as(f"CALLER{number}", **logged("PROVIDER")) for number in range(2)])
    assert outcome.threads == []
    function.finish()
