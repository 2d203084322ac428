"""An authority of the benchmark's own, made at each run, and the trust stores of the measured packages.

Clients read a trust store of the same size as in an account: botocore's own bundle with the authority at its
end. It replaces the file in each unzipped package that botocore reads there, so that a client finds it on its
own way. `AWS_CA_BUNDLE` would be another way, which a client may treat as another case.
"""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from sandbox.shared.http import HOST

# As the certificates of AWS's endpoints.
KEY_BITS = 2048
LIFETIME = timedelta(days=1)
# Where botocore's trust store is: certifi's comes first where there is one.
TRUST_STORES = ("certifi/cacert.pem", "botocore/cacert.pem")


class TrustStoreError(Exception):
    """A package has no trust store that could be replaced; the message names it."""


@dataclass(frozen=True)
class Certificates:
    """Files of one run: the authority, and the stub's certificate with its key."""

    authority: Path
    server: Path

    @classmethod
    def make(cls, folder: Path) -> Self:
        """Make an authority and a certificate for this machine, in an existing folder."""
        authority_key, server_key = (
            rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS) for _ in range(2)
        )
        authority_name = _name("Authority of the benchmark")
        authority = (
            _builder(authority_name, authority_name, authority_key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(authority_key, hashes.SHA256())
        )
        server = (
            _builder(_name("Stub of AWS"), authority_name, server_key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False
            )
            .sign(authority_key, hashes.SHA256())
        )
        made = cls(folder / "authority.pem", folder / "server.pem")
        made.authority.write_bytes(authority.public_bytes(Encoding.PEM))
        key = server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        made.server.write_bytes(server.public_bytes(Encoding.PEM) + key)
        return made

    def trust_store(self) -> bytes:
        """The content of a trust store: botocore's bundle, then the authority."""
        bundle = resources.files("botocore").joinpath("cacert.pem").read_bytes()
        return bundle.rstrip() + b"\n\n" + self.authority.read_bytes()

    def install(self, package: Path) -> None:
        """Replace the trust store in the folder of an unzipped package.

        Raises:
            TrustStoreError: It has none, or one that is a link to a file elsewhere.
        """
        store = next((package / name for name in TRUST_STORES if (package / name).exists()), None)
        if store is None or not store.resolve().is_relative_to(package.resolve()):
            raise TrustStoreError(f"{package} has no trust store of its own at {' or '.join(TRUST_STORES)}")
        mode = store.stat().st_mode
        store.chmod(0o600)
        store.write_bytes(self.trust_store())
        store.chmod(mode)

    def client_context(self) -> ssl.SSLContext:
        """A context of a client that trusts the authority only."""
        return ssl.create_default_context(cafile=str(self.authority))


def server_context(certificate: Path) -> ssl.SSLContext:
    """A context of a server with this certificate and key: TLS 1.3, which AWS's endpoints agree on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate)
    return context


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LIFETIME)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
