"""Requests of HTTP on this machine.

Standard library only: the CloudFormation engine's own Python environment imports this file, too.
"""

from __future__ import annotations

import http.client
import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.shared.credentials import Credentials, IssuedKey

# At the local SageMaker and the engine: what belongs to an access key that STS or IAM has given out.
SECRETS_PATH = "/sandbox/secrets/"
CONNECT_SECONDS = 10.0  # on this machine, where only a server that accepts nothing takes any time


@dataclass(frozen=True)
class Answer:
    """The answer to a request."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class HalfAnswerError(ConnectionError):
    """An answer has begun, and not ended."""


def request(
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    seconds: float = 10,
) -> Answer:
    """Make one request on a connection of its own, through no proxy, and return the answer of any status.

    Raises:
        HalfAnswerError: the answer has begun, and not ended.
        ConnectionError: there was no connection, or it was lost before the answer began.
        TimeoutError: no answer within `seconds` between two of its bytes.
    """
    address = urllib.parse.urlsplit(url)
    path = address._replace(scheme="", netloc="").geturl()
    connection = http.client.HTTPConnection(
        str(address.hostname), address.port, timeout=min(seconds, CONNECT_SECONDS)
    )
    try:
        _connect(connection, seconds)
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, response.headers, _read(response))
    except http.client.HTTPException as problem:
        raise ConnectionAbortedError(f"{method} {path}: {problem!r}") from problem
    finally:
        connection.close()


def _connect(connection: http.client.HTTPConnection, seconds: float) -> None:
    try:
        connection.connect()
    except TimeoutError as problem:  # which must not be taken for that of a request that was sent
        raise ConnectionError(f"no connection: {problem}") from problem
    connection.sock.settimeout(seconds)


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read()
    except (OSError, http.client.HTTPException) as problem:
        raise HalfAnswerError(f"half an answer: {problem!r}") from problem


def ask_issued_key(issuer: str, access_key: str, credentials: Credentials) -> IssuedKey | None:
    """Return what belongs to an access key, as the part at `issuer` knows it; None for an unknown key.

    To be asked each time: a key may have been deleted since.

    Raises:
        OSError: no answer, or one with an error.
    """
    path = SECRETS_PATH + urllib.parse.quote(access_key, safe="")
    answer = ask(issuer, "GET", path, credentials)["key"]
    return None if answer is None else IssuedKey(**answer)


def ask(endpoint: str, method: str, path: str, credentials: Credentials, seconds: float = 10) -> Any:
    """Make one of the sandbox's own requests, which are not AWS's, and return the content of its answer.

    Raises:
        OSError: no answer, or one with an error.
    """
    answer = request(endpoint + path, method, headers={"Authorization": credentials.basic}, seconds=seconds)
    if answer.status != http.client.OK:
        raise ConnectionError(f"{method} {path} was answered with {answer.status}")
    return json.loads(answer.body)
