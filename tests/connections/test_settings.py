"""Environment, files and events that change between two invocations: as with a new client, whatever is kept.

Each test is made twice, with a server that keeps its connections and with one that ends each of them: what an
invocation does must not depend on that. What a process reads once, with its first client, may also be read
anew: then the later value counts, and never a kept connection.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.events import STATE
from tests.unit.tables import table

from .authority import Authority
from .conftest import HOST, Serve, TunnelTo
from .process import FunctionProcess, Origin, event
from .server import LOCAL, Act, Server, TunnelProxy

NOT_TRUSTED = "certificate verify failed: unable to get local issuer certificate"
TRUSTED = ""


def result(function: FunctionProcess, region: str = "eu-west-1") -> str:
    """What an invocation ends with: nothing, or the text of its failure."""
    answer = function.invoke(event("READ", STATE, region=region)).answer
    return "" if answer["status"] == "SUCCESS" else str(answer["message"])


def normal(text: str) -> str:
    """A result without what depends on Python's version."""
    return NOT_TRUSTED if NOT_TRUSTED in text else text


Steps = Callable[[FunctionProcess], list[Any]]


@pytest.fixture
def run(origin: Origin, authority: Authority) -> Callable[[Sequence[Server], Steps], list[Any]]:
    """Runs steps in a new process for each kind of server; returns their results, which must be the same."""

    def run_both(servers: Sequence[Server], steps: Steps) -> list[Any]:
        results = []
        for act in (Act.ANSWER_WITH_CLOSE, Act.ANSWER):
            for server in servers:
                server.otherwise = act
            with contextlib.closing(origin.fork()) as function:
                function.set(AWS_CA_BUNDLE=str(authority.bundle), AWS_ENDPOINT_URL=servers[0].url())
                results.append(steps(function))
        assert results[1] == results[0]
        return results[0]

    return run_both


Run = Callable[[Sequence[Server], Steps], list[Any]]


# --- trust ------------------------------------------------------------------------------------------


@dataclass
class Bundle:
    """The file that AWS_CA_BUNDLE names, behind a link, and two authorities that it may hold."""

    folder: Path
    one: Authority
    two: Authority

    def __post_init__(self) -> None:
        self.path = self.folder / "bundle.pem"
        self.path.symlink_to(self._file(self.one))

    def _file(self, authority: Authority) -> Path:
        path = self.folder / f"of-{authority.name}.pem"
        path.write_bytes(authority.pem)
        os.utime(path, (1_700_000_000, 1_700_000_000))
        return path

    def write(self) -> None:
        """Another content in the same file."""
        self.path.resolve().write_bytes(self.two.pem)

    def rename(self) -> None:
        """Another file under its name, of the same time."""
        self._file(self.two).rename(self.path.resolve())

    def link(self) -> None:
        """A link to another file, of the same time."""
        self.path.unlink()
        self.path.symlink_to(self._file(self.two))

    def append(self) -> None:
        """One more authority: what was trusted is trusted."""
        with self.path.open("ab") as file:
            file.write(self.two.pem)

    def remove(self) -> None:
        """No file."""
        self.path.unlink()

    def replace_by_folder(self) -> None:
        """A folder of its name."""
        self.path.unlink()
        self.path.mkdir()

    def empty(self) -> None:
        """A file without a certificate."""
        self.path.write_bytes(b"")

    def restore(self) -> None:
        """The file of the beginning."""
        if self.path.is_dir():
            self.path.rmdir()
        self.path.unlink(missing_ok=True)
        self.path.write_bytes(self.one.pem)


@pytest.fixture
def bundle(tmp_path: Path, authority: Authority, other_authority: Authority) -> Bundle:
    """A file that can change."""
    return Bundle(tmp_path, authority, other_authority)


@table(
    "change, text",
    {
        "written": (Bundle.write, NOT_TRUSTED),
        "renamed": (Bundle.rename, NOT_TRUSTED),
        "linked": (Bundle.link, NOT_TRUSTED),
        "appended to": (Bundle.append, TRUSTED),
        "removed": (Bundle.remove, "No such file or directory"),
        "a folder": (Bundle.replace_by_folder, "Is a directory"),
        "empty": (Bundle.empty, "NO_CERTIFICATE_OR_CRL_FOUND] no certificate or crl found"),
    },
)
def test_bundle_whose_file_changes_counts(
    function: FunctionProcess, tls_server: Server, bundle: Bundle, change: Callable[[Bundle], None], text: str
) -> None:
    function.set(AWS_CA_BUNDLE=str(bundle.path))
    assert result(function) == TRUSTED
    change(bundle)
    for _ in range(2):
        if text:
            assert f"SSL validation failed for {tls_server.url()}/ [" in result(function)
        assert text in result(function)
    bundle.restore()
    assert result(function) == TRUSTED


def test_bundle_of_requests_counts_at_each_invocation(
    run: Run, serve: Serve, authority: Authority, other_authority: Authority
) -> None:
    one, two = str(authority.bundle), str(other_authority.bundle)

    def steps(function: FunctionProcess) -> list[str]:
        function.set(AWS_CA_BUNDLE=None)
        results = []
        for path in (two, one, two, one, None):
            function.set(REQUESTS_CA_BUNDLE=path)
            results.append(normal(result(function)))
        return results

    assert run([serve()], steps) == [NOT_TRUSTED, TRUSTED] * 2 + [NOT_TRUSTED]


@pytest.mark.usefixtures("tls_server")
def test_bundle_of_openssl_does_not_count(function: FunctionProcess, authority: Authority) -> None:
    function.set(AWS_CA_BUNDLE=None, SSL_CERT_FILE=str(authority.bundle), SSL_CERT_DIR=str(authority.folder))
    assert NOT_TRUSTED in result(function)


BUNDLES = {"one": TRUSTED, "two": NOT_TRUSTED, "": NOT_TRUSTED}


@pytest.mark.parametrize(
    ("first", "second", "is_file"),
    [
        ("one", "two", False),
        ("one", "", False),
        ("two", "one", False),
        ("", "one", False),
        ("one", "two", True),
        ("two", "one", True),
    ],
)
def test_bundle_that_changes_is_as_for_a_new_client(
    run: Run, serve: Serve, bundle: Bundle, tmp_path: Path, first: str, second: str, is_file: bool
) -> None:
    paths = {"one": str(bundle.one.bundle), "two": str(bundle.two.bundle), "": None}
    config = tmp_path / "config"

    def put(function: FunctionProcess, name: str) -> None:
        if is_file:
            config.write_text(f"[default]\nca_bundle = {paths[name]}\n" if name else "")
            function.set(AWS_CONFIG_FILE=str(config), AWS_CA_BUNDLE=None)
        else:
            function.set(AWS_CA_BUNDLE=paths[name])

    def steps(function: FunctionProcess) -> list[str]:
        put(function, first)
        results = [normal(result(function))]
        put(function, second)
        return results + [normal(result(function)) for _ in range(2)]

    got = run([serve()], steps)
    assert got[0] == BUNDLES[first]
    # Read once, or at each invocation.
    assert got[1:] in ([BUNDLES[first]] * 2, [BUNDLES[second]] * 2)


# --- where requests go ------------------------------------------------------------------------------


def test_endpoint_variables_count_at_each_invocation(run: Run, serve: Serve) -> None:
    first, second, plain = serve(), serve(), serve(is_plain=True)
    servers = [first, second, plain]

    def steps(function: FunctionProcess) -> list[Any]:
        used = []
        for url, of_sagemaker in (
            (first, None),
            (second, None),
            (first, None),
            (first, second),
            (first, plain),
            (second, plain),
            (second, None),
        ):
            function.set(
                AWS_ENDPOINT_URL=url.url(),
                AWS_ENDPOINT_URL_SAGEMAKER=of_sagemaker.url() if of_sagemaker else None,
            )
            before = [len(each.requests) for each in servers]
            assert result(function) == ""
            used.append([len(each.requests) - count for each, count in zip(servers, before, strict=True)])
        return [each.index(1) for each in used]

    assert run(servers, steps) == [0, 1, 0, 1, 2, 2, 1]


def test_host_of_an_endpoint_counts_at_each_invocation(run: Run, serve: Serve, authority: Authority) -> None:
    server = serve(authority.issue([HOST, "other.test"]))

    def steps(function: FunctionProcess) -> list[Any]:
        hosts = []
        for host in (HOST, "other.test", HOST, "not-in-the-certificate.test", HOST):
            function.set(AWS_ENDPOINT_URL=server.url(host))
            assert ("doesn't match" in result(function)) == (host not in (HOST, "other.test"))
            hosts.append(server.requests[-1].headers["host"].partition(":")[0])
            assert server.connections[server.requests[-1].connection - 1].host == hosts[-1]
        return hosts

    assert run([server], steps) == [HOST, "other.test", HOST, HOST, HOST]


EAST, WEST = "us-east-2", "eu-west-1"
HOSTS = {
    "": "api.sagemaker.{}.amazonaws.com",
    "AWS_USE_FIPS_ENDPOINT": "api-fips.sagemaker.{}.amazonaws.com",
    "AWS_USE_DUALSTACK_ENDPOINT": "api.sagemaker.{}.api.aws",
    "both": "api.sagemaker-fips.{}.api.aws",
}


@pytest.fixture
def regional(serve: Serve, authority: Authority) -> Server:
    """The server of each regional endpoint of SageMaker."""
    return serve(authority.issue([host.format(region) for host in HOSTS.values() for region in (EAST, WEST)]))


def use_regional(function: FunctionProcess, server: Server) -> None:
    """Lead the endpoints that AWS has to this server."""
    function.set(AWS_ENDPOINT_URL=None)
    function.lead({443: server.port})


def host_of(function: FunctionProcess, server: Server, region: str = EAST) -> str:
    """The host of an invocation's one request: in its handshake, in its head and in its signature."""
    before = len(server.requests)
    assert result(function, region) == ""
    (request,) = server.requests[before:]
    host = server.connections[request.connection - 1].host
    assert request.headers["host"] == host
    assert f"/{region}/sagemaker/" in request.headers["authorization"]
    return str(host)


def test_region_of_an_event_counts(run: Run, regional: Server) -> None:
    def steps(function: FunctionProcess) -> list[str]:
        use_regional(function, regional)
        return [host_of(function, regional, region) for region in (EAST, WEST, EAST, WEST)]

    assert run([regional], steps) == [HOSTS[""].format(region) for region in (EAST, WEST, EAST, WEST)]


def test_region_of_an_event_is_signed_for_on_one_endpoint(run: Run, serve: Serve) -> None:
    server = serve()

    def steps(function: FunctionProcess) -> list[str]:
        for region in (EAST, WEST, EAST):
            assert result(function, region) == ""
        return [each.headers["authorization"].split("/")[2] for each in server.requests[-3:]]

    assert run([server], steps) == [EAST, WEST, EAST]


@pytest.mark.parametrize("name", ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"])
@pytest.mark.parametrize("first", ["true", None])
def test_kind_of_endpoint_is_as_for_a_new_client(
    run: Run, regional: Server, name: str, first: str | None
) -> None:
    second = "false" if first == "true" else "true"
    expected = {each: HOSTS[name if each == "true" else ""].format(EAST) for each in (first, second)}

    def steps(function: FunctionProcess) -> list[str]:
        use_regional(function, regional)
        hosts = []
        for value in (first, second, second):
            function.set(**{name: value})
            hosts.append(host_of(function, regional))
        return hosts

    got = run([regional], steps)
    assert got[0] == expected[first]
    assert got[1:] in ([expected[first]] * 2, [expected[second]] * 2)


def test_both_kinds_of_endpoint_count(run: Run, regional: Server) -> None:
    def steps(function: FunctionProcess) -> list[str]:
        use_regional(function, regional)
        function.set(AWS_USE_FIPS_ENDPOINT="true", AWS_USE_DUALSTACK_ENDPOINT="true")
        return [host_of(function, regional) for _ in range(2)]

    assert run([regional], steps) == [HOSTS["both"].format(EAST)] * 2


@pytest.mark.parametrize("first", ["true", "false"])
def test_endpoints_that_are_to_be_ignored_are_as_for_a_new_client(
    run: Run, regional: Server, serve: Serve, first: str
) -> None:
    configured = serve()
    second = "false" if first == "true" else "true"

    def steps(function: FunctionProcess) -> list[int]:
        use_regional(function, regional)
        function.set(AWS_ENDPOINT_URL=configured.url())
        counts = []
        for value in (first, second, second):
            function.set(AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=value)
            before = len(regional.requests)
            assert result(function, EAST) == ""
            counts.append(len(regional.requests) - before)
        return counts

    got = run([configured, regional], steps)
    assert got[0] == (first == "true")
    assert got[1:] in ([0, 0], [1, 1])


# --- proxies ----------------------------------------------------------------------------------------


def proxy_url(proxy: TunnelProxy | Server, user: str = "") -> str:
    """The address of a proxy."""
    return f"http://{user}{LOCAL}:{proxy.port}"


def test_tunnel_is_that_of_the_environment(run: Run, serve: Serve, tunnel_to: TunnelTo) -> None:
    server = serve()
    one, two = tunnel_to(server), tunnel_to(server)
    changes: list[tuple[dict[str, str | None], str]] = [
        ({"HTTPS_PROXY": proxy_url(one)}, "one"),
        ({}, "one"),
        ({"HTTPS_PROXY": proxy_url(two)}, "two"),
        ({"HTTPS_PROXY": None, "HTTP_PROXY": proxy_url(one)}, ""),
        ({"HTTPS_PROXY": proxy_url(one)}, "one"),
        ({"NO_PROXY": LOCAL}, ""),
        ({"NO_PROXY": "elsewhere.test"}, "one"),
        ({"https_proxy": proxy_url(two)}, "two"),
        ({"https_proxy": None, "HTTPS_PROXY": proxy_url(one, "user:first@")}, "one dXNlcjpmaXJzdA=="),
        ({"HTTPS_PROXY": proxy_url(one, "user:other@")}, "one dXNlcjpvdGhlcg=="),
        ({"HTTPS_PROXY": proxy_url(one)}, "one"),
    ]

    def steps(function: FunctionProcess) -> list[str]:
        routes = []
        for change, _ in changes:
            function.set(**change)
            before = len(server.requests)
            assert result(function) == ""
            (request,) = server.requests[before:]
            peer = server.connections[request.connection - 1].peer
            route = next(
                (
                    f"{name} {(tunnel.authorization or '').removeprefix('Basic ')}".strip()
                    for name, proxy in (("one", one), ("two", two))
                    for tunnel in proxy.tunnels
                    if tunnel.port == peer
                ),
                "",
            )
            routes.append(route)
        return routes

    assert run([server], steps) == [route for _, route in changes]
    assert {*one.targets(), *two.targets()} == {f"{LOCAL}:{server.port}"}


def test_proxy_of_plain_http_is_that_of_the_environment(run: Run, serve: Serve) -> None:
    server, proxy = serve(is_plain=True), serve(is_plain=True)
    changes: list[tuple[dict[str, str | None], tuple[str, str | None]]] = [
        ({"HTTP_PROXY": proxy_url(proxy, "user:first@")}, (f"{server.url()}/", "Basic dXNlcjpmaXJzdA==")),
        ({"HTTP_PROXY": proxy_url(proxy)}, (f"{server.url()}/", None)),
        ({"NO_PROXY": LOCAL}, ("/", None)),
        ({"NO_PROXY": None}, (f"{server.url()}/", None)),
        # The last proxy of the environment: another variable than that of the requests.
        ({"HTTP_PROXY": None, "HTTPS_PROXY": proxy_url(proxy)}, ("/", None)),
    ]

    def steps(function: FunctionProcess) -> list[tuple[str, str | None]]:
        routes = []
        for change, _ in changes:
            function.set(**change)
            before = len(server.requests), len(proxy.requests)
            assert result(function) == ""
            (request,) = server.requests[before[0] :] + proxy.requests[before[1] :]
            routes.append((request.target, request.headers.get("proxy-authorization")))
        return routes

    assert run([server, proxy], steps) == [route for _, route in changes]


def test_first_proxy_is_as_for_a_new_client(run: Run, serve: Serve, tunnel_to: TunnelTo) -> None:
    server = serve()
    proxy = tunnel_to(server)

    def steps(function: FunctionProcess) -> list[bool]:
        routes = []
        for url in (None, proxy_url(proxy), proxy_url(proxy)):
            function.set(HTTPS_PROXY=url)
            assert result(function) == ""
            peer = server.connections[server.requests[-1].connection - 1].peer
            routes.append(peer in [each.port for each in proxy.tunnels])
        return routes

    assert run([server], steps) in ([False, False, False], [False, True, True])


def test_proxy_with_tls_is_trusted_by_the_same_bundle(
    run: Run, serve: Serve, tunnel_to: TunnelTo, certificate: Path, other_authority: Authority
) -> None:
    server = serve()
    trusted, other = tunnel_to(server, certificate), tunnel_to(server, other_authority.issue([LOCAL]))

    def steps(function: FunctionProcess) -> list[str]:
        results = []
        for proxy in (trusted, trusted, other, trusted):
            function.set(HTTPS_PROXY=f"https://{LOCAL}:{proxy.port}")
            results.append(result(function).rpartition(": ")[0].rpartition(": ")[2])
        return results

    assert run([server], steps) == ["", "", "Failed to connect to proxy URL", ""]
