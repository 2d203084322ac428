"""Connections that take longer than an invocation: by a name, its addresses, a proxy's tunnel, or TLS."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .scripted_sagemaker import Handler, Server

HOST = "sagemaker.test"
LOCAL = "127.0.0.1"
# At the most, for a test that fails.
MAX_WAIT_SECONDS = 10.0


class Network:
    """Connections to the host. They are slow from that of a number on; the first has number 1."""

    def __init__(self) -> None:
        self.connections = 0
        self.slow = 0
        # Addresses of slow connections.
        self.slow_addresses = [LOCAL]
        # Called when the name is resolved for a slow connection.
        self.resolve: Callable[[], object] = lambda: None
        # Set once a slow connection has begun, and by the test when it may go on.
        self.reached, self.released = threading.Event(), threading.Event()

    def wait(self) -> None:
        """Wait until the test lets slow connections go on."""
        self.reached.set()
        self.released.wait(MAX_WAIT_SECONDS)

    @property
    def is_slow(self) -> bool:
        """Whether the connection under way is."""
        return 0 < self.slow <= self.connections

    def addresses(self, port: int) -> list[Any]:
        """What `socket.getaddrinfo` returns of the host."""
        self.connections += 1
        if self.is_slow:
            self.resolve()
        kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*kind, (address, port)) for address in (self.slow_addresses if self.is_slow else [LOCAL])]


def install(monkeypatch: pytest.MonkeyPatch) -> Network:
    """A network that every look-up of its host goes through."""
    network, look_up = Network(), socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *arguments: Any, **named: Any) -> Any:
        return network.addresses(port) if host == HOST else look_up(host, port, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return network


@contextlib.contextmanager
def dead_addresses(port: int, number: int) -> Iterator[list[str]]:
    """Addresses at which a connection to a port is neither made nor refused: their backlog is full."""
    addresses = [f"127.0.0.{2 + each}" for each in range(number)]
    with contextlib.ExitStack() as sockets:
        for address in addresses:
            listener = sockets.enter_context(socket.socket())
            listener.bind((address, port))
            listener.listen(0)
            for _ in range(2):
                waiting = sockets.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex((address, port))
        yield addresses


def make_certificate(folder: Path) -> Path:
    """A file with a key and a self-signed certificate for the host."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    alternatives = [x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address(LOCAL))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "certificate.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


class TlsServer(Server):
    """The scripted SageMaker over TLS; the handshake of slow connections waits."""

    def __init__(self, certificate: Path, network: Network, handler: type[Handler] = Handler) -> None:
        super().__init__(handler)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._network = network
        self.is_slow = True

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection, in its thread."""
        if self.is_slow and self._network.is_slow:
            self._network.wait()
        # A client that is cut off ends the handshake.
        with contextlib.suppress(ssl.SSLEOFError):
            connection = self._context.wrap_socket(request, server_side=True)
            with connection:
                super().finish_request(connection, client_address)


class Trickle:
    """A server that answers every connection byte by byte, without an end, until the client hangs up."""

    def __init__(self, beginning: bytes, network: Network) -> None:
        self._beginning, self._network = beginning, network
        self._listener = socket.create_server((LOCAL, 0))
        self.port: int = self._listener.getsockname()[1]
        # Set once a client has hung up.
        self.left = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(0.02)
            with contextlib.suppress(OSError):
                connection.sendall(self._beginning)
                while not self._network.released.is_set():
                    with contextlib.suppress(TimeoutError):
                        if not connection.recv(4096):
                            break
                    connection.sendall(b"x")
        self.left.set()


class TunnelProxy:
    """A proxy that opens a tunnel to a server for each CONNECT; its answer on slow connections waits."""

    def __init__(self, port: int, network: Network) -> None:
        self._target = port
        self._network = network
        self._listener = socket.create_server((LOCAL, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        target = socket.create_connection((LOCAL, self._target))
        with contextlib.suppress(OSError), connection, target:
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                received = connection.recv(4096)
                if not received:  # the client has given up
                    return
                request += received
            if self._network.is_slow:
                self._network.wait()
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pass_on, args=[target, connection], daemon=True)
            back.start()
            _pass_on(connection, target)
            back.join(MAX_WAIT_SECONDS)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
