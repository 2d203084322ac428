"""AWS signatures of requests: made and verified with botocore's own signers.

A signature is verified by making it again, from what the request says was signed, with the secret that it
should have been made with.
"""

from __future__ import annotations

import hashlib
import math
import re
import time
import urllib.parse
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from sandbox.shared.credentials import Credentials, is_equal
from sandbox.shared.heads import Head
from sandbox.shared.settings import REGION

# The services whose clients sign a path as it is; other paths are normalised and encoded once more.
_PATH_AS_IT_IS = frozenset({"s3", "s3express", "s3-object-lambda", "s3-outposts"})
_ALGORITHM = "AWS4-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    rf"{_ALGORITHM}\s+Credential=(?P<Credential>[^,\s]+),\s*"
    r"SignedHeaders=(?P<SignedHeaders>[^,\s]+),\s*Signature=(?P<Signature>[0-9a-f]+)\s*"
)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_TIMESTAMP = "%Y%m%dT%H%M%SZ"
_V4_PARAMETER, _V2_PARAMETER = "X-Amz-Signature", "AWSAccessKeyId"
_SESSION_PARAMETER = "X-Amz-Security-Token"
_AMZ_PREFIX = "x-amz-"
_UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
# How far the clocks of client and server may be apart; AWS's limit as well.
MAX_SKEW_SECONDS = 900.0


class MalformedSignature(Exception):
    """The request is signed in no way that is known here."""


@dataclass(frozen=True)
class Signature:
    """The signature of a request, with what is needed to make it again."""

    access_key: str
    service: str
    value: str
    region: str = ""
    timestamp: str = ""
    signed_headers: tuple[str, ...] = ()
    begins: float = 0.0
    expires: float = math.inf
    """From when on and until when it is valid, in epoch seconds."""
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """The query without the signature."""
    is_in_query: bool = False
    is_version_4: bool = True
    has_token: bool = False
    """Whether the token of a session was sent with it."""

    @property
    def is_over(self) -> bool:
        """Whether it was made for another time."""
        return not self.begins <= time.time() <= self.expires

    def is_of(self, secret_key: str, head: Head, body: bytes) -> bool:
        """Return whether it was made with this secret, for this request."""
        credentials = _credentials(Credentials(self.access_key, secret_key))
        if not self.is_version_4:
            return is_equal(self.value, _version_2(self, credentials, head))
        declared = head.value("x-amz-content-sha256")
        digest = hashlib.sha256(body).hexdigest()
        is_of_s3 = self.service in _PATH_AS_IT_IS  # the bodies of all others are always signed
        if not declared and self.is_in_query and is_of_s3:
            declared = _UNSIGNED_PAYLOAD
        if declared and declared != digest and (_DIGEST.fullmatch(declared) or not is_of_s3):
            return False
        return is_equal(self.value, _version_4(self, credentials, head, declared or digest))


def parse(head: Head) -> Signature | None:
    """Return the signature of a request; None when it has none.

    Raises:
        MalformedSignature: there is one of another kind, or only a part of one.
    """
    authorization = head.value("authorization")
    query = _parameters(head)
    parameters = dict(query)
    has_token = bool(
        head.value(_SESSION_PARAMETER.lower())
        or parameters.get(_SESSION_PARAMETER)
        or parameters.get(_SESSION_PARAMETER.lower())
    )
    try:
        if authorization:
            return replace(_in_header(authorization, head, query), has_token=has_token)
        if _V4_PARAMETER in parameters:
            return replace(_in_query(parameters, head, query), has_token=has_token)
        if _V2_PARAMETER in parameters:
            return Signature(
                parameters["AWSAccessKeyId"],
                "s3",
                parameters["Signature"],
                expires=float(parameters["Expires"]),
                query=query,
                is_in_query=True,
                is_version_4=False,
                has_token=has_token,
            )
    except (KeyError, ValueError, OverflowError) as problem:
        raise MalformedSignature(str(problem)) from problem
    return None


def is_signed(head: Head) -> bool:
    """Return whether a request has a signature of AWS, of whatever kind."""
    parameters = dict(_parameters(head))
    in_query = _V4_PARAMETER in parameters or _V2_PARAMETER in parameters
    return in_query or head.value("authorization").startswith("AWS")


def sign_post(  # noqa: PLR0913 - the last two have defaults
    url: str,
    body: bytes,
    credentials: Credentials,
    service: str,
    headers: Mapping[str, str] | None = None,
    *,
    region: str = REGION,
) -> dict[str, str]:
    """Return the headers of a POST with a signature that covers `headers`, for any service but S3."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    request = AWSRequest("POST", url, data=body, headers=dict(headers or {}))
    SigV4Auth(_credentials(credentials), service, region).add_auth(request)
    return dict(request.headers.items())


def _in_header(authorization: str, head: Head, query: tuple[tuple[str, str], ...]) -> Signature:
    match = _AUTHORIZATION.fullmatch(authorization)
    if match is None:
        raise ValueError(f"the header Authorization is not one of {_ALGORITHM}, which alone is taken there")
    access_key, _day, region, service, _end = match["Credential"].split("/")
    signed_headers = _signed_headers(match["SignedHeaders"], head)
    timestamp = head.value("x-amz-date")
    if not timestamp and "date" in signed_headers:
        timestamp = parsedate_to_datetime(head.value("date")).astimezone(UTC).strftime(_TIMESTAMP)
    made = _epoch(timestamp)
    return Signature(
        access_key,
        service,
        match["Signature"],
        region,
        timestamp,
        signed_headers,
        begins=made - MAX_SKEW_SECONDS,
        expires=made + MAX_SKEW_SECONDS,
        query=query,
    )


def _in_query(parameters: Mapping[str, str], head: Head, query: tuple[tuple[str, str], ...]) -> Signature:
    if parameters["X-Amz-Algorithm"] != _ALGORITHM:
        raise ValueError(f"it is not one of {_ALGORITHM}")
    access_key, _day, region, service, _end = parameters["X-Amz-Credential"].split("/")
    timestamp = parameters["X-Amz-Date"]
    made = _epoch(timestamp)
    return Signature(
        access_key,
        service,
        parameters["X-Amz-Signature"],
        region,
        timestamp,
        _signed_headers(parameters["X-Amz-SignedHeaders"], head),
        begins=made - MAX_SKEW_SECONDS,
        expires=made + float(parameters["X-Amz-Expires"]),
        query=tuple(pair for pair in query if pair[0] != _V4_PARAMETER),
        is_in_query=True,
    )


def _signed_headers(names: str, head: Head) -> tuple[str, ...]:
    """Return the names of the headers that are signed; with a ValueError when others have to be."""
    signed = tuple(names.split(";"))
    needed = {"host", *(name for name, _ in head.headers if name.startswith(_AMZ_PREFIX))}
    if missing := sorted(needed.difference(signed)):
        raise ValueError(f"there are headers which are not signed: {', '.join(missing)}")
    return signed


def _parameters(head: Head) -> tuple[tuple[str, str], ...]:
    return tuple(urllib.parse.parse_qsl(head.query.replace("+", "%2B"), keep_blank_values=True))


def _epoch(timestamp: str) -> float:
    return timegm(time.strptime(timestamp, _TIMESTAMP))


def _credentials(keys: Credentials) -> Any:
    from botocore.credentials import Credentials as BotocoreCredentials

    return BotocoreCredentials(keys.access_key, keys.secret_key)


def _version_4(signature: Signature, credentials: Any, head: Head, digest: str) -> str:
    from botocore.auth import S3SigV4Auth, SigV4Auth
    from botocore.awsrequest import AWSRequest

    # As pairs, because a name may be there twice.
    query: Any = list(signature.query)
    request = AWSRequest(head.method, f"http://localhost{head.path}", params=query)
    for name in signature.signed_headers:
        for value in head.values(name):
            request.headers.add_header(name, value)
    request.context["timestamp"] = signature.timestamp
    kind = S3SigV4Auth if signature.service in _PATH_AS_IT_IS else SigV4Auth
    # botocore leaves some headers out of what it signs; other SDKs do not.
    parts = {"headers_to_sign": lambda *_: request.headers, "payload": lambda *_: digest}
    signer = type("Verifier", (kind,), parts)(credentials, signature.service, signature.region)
    made: str = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return made


def _version_2(signature: Signature, credentials: Any, head: Head) -> str:
    """Return the signature that botocore presigns addresses in S3 with, unless it is told otherwise."""
    from botocore.auth import HmacV1QueryAuth
    from botocore.compat import HTTPHeaders

    parameters = dict(signature.query)
    headers = HTTPHeaders()
    for name, value in parameters.items():
        if name.startswith("x-amz-") or name in ("content-md5", "content-type"):
            headers[name] = value
    signer = type("Verifier", (HmacV1QueryAuth,), {"_get_date": lambda _: parameters["Expires"]})(credentials)
    address = urllib.parse.urlsplit(f"http://localhost{head.path}?{head.query}")
    path = f"/{head.bucket}{head.path}" if head.bucket else head.path
    if path.count("/") == 1:  # a bucket alone
        path += "/"
    made: str = signer.get_signature(head.method, address, headers, auth_path=path)
    return made
