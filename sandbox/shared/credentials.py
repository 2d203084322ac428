"""The sandbox's credentials, and the sessions of calls: a call belongs to the invocation with its session.

Of a session token only a digest is ever kept, because the token itself is a credential. Standard library
only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import string
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

# Access keys of a sandbox begin with it, so that an account's are never taken for them, nor they for an
# account's.
ACCESS_KEY_PREFIX = "SANDBOX"
ACCESS_KEY_CHARACTERS = 20
SECRET_BYTES = 30
# The variables in which SDKs look for credentials, by the names that boto3 has for them.
VARIABLES = {
    name: name.upper() for name in ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
}
# How a part that is a process of its own gets the credentials. Not by an argument: every user can list those.
ACCESS_VARIABLE = "SANDBOX_ACCESS"

# The access key, the day, the region.
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/,\s]+)/")
_DIGEST_DIGITS = 16  # enough for sessions to differ


@dataclass(frozen=True)
class Credentials:
    """An access key and its secret."""

    access_key: str
    secret_key: str = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """Return random credentials."""
        characters = string.ascii_uppercase + string.digits
        missing = ACCESS_KEY_CHARACTERS - len(ACCESS_KEY_PREFIX)
        access_key = ACCESS_KEY_PREFIX + "".join(secrets.choice(characters) for _ in range(missing))
        return cls(access_key, secrets.token_urlsafe(SECRET_BYTES))

    @classmethod
    def of_shell(cls, variables: Mapping[str, str] = os.environ) -> Self | None:
        """Return the credentials of a sandbox that the variables hold; None when they are of an account."""
        access_key = variables.get(VARIABLES["aws_access_key_id"], "")
        secret_key = variables.get(VARIABLES["aws_secret_access_key"], "")
        return cls(access_key, secret_key) if access_key.startswith(ACCESS_KEY_PREFIX) else None

    def settings(self) -> dict[str, Any]:
        """Return arguments for a boto3 client; the session replaces one that the shell may have."""
        return dict(zip(VARIABLES, (self.access_key, self.secret_key, "sandbox"), strict=True))

    def of_account(self, _account: str) -> Credentials:
        """Return the credentials with which the sandbox itself calls services in an account."""
        return self

    def of_caller(self) -> dict[str, str]:
        """Return credentials as CloudFormation hands them to a handler: a session that is used once."""
        return {
            "accessKeyId": self.access_key,
            "secretAccessKey": self.secret_key,
            "sessionToken": f"sandbox-{uuid.uuid4()}",
        }

    def put_into(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return a handler's event with these keys in place of those in it; its sessions stay."""
        keys = {"accessKeyId": self.access_key, "secretAccessKey": self.secret_key}

        def replaced(part: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
            given = {name: part[name] for name in names if isinstance(part.get(name), dict)}
            return {**part, **{name: {**value, **keys} for name, value in given.items() if value}}

        event = replaced(event, ("credentials",))
        data = event.get("requestData")
        if isinstance(data, dict):
            event["requestData"] = replaced(data, ("callerCredentials", "providerCredentials"))
        return event

    @property
    def basic(self) -> str:
        """The header `Authorization` of the sandbox's own requests."""
        return "Basic " + base64.b64encode(f"{self.access_key}:{self.secret_key}".encode()).decode()

    @property
    def page_token(self) -> str:
        """What opens the page; the secret cannot be computed from it."""
        return hmac.new(self.secret_key.encode(), b"page", hashlib.sha256).hexdigest()[:32]


@dataclass(frozen=True)
class IssuedKey:
    """What belongs to an access key that the local STS or IAM has given out."""

    secret_key: str = field(repr=False)
    account: str


@dataclass(frozen=True)
class Access:
    """The credentials that a server's requests need."""

    credentials: Credentials
    is_open: bool = False
    """Whether requests need none, and may be for any host and from any site."""
    issuer: str | None = None
    """The local SageMaker's endpoint, which knows the credentials that STS and IAM have given out."""

    def variables(self) -> dict[str, str]:
        """Return the environment variable that hands it to another process."""
        keys = {"accessKey": self.credentials.access_key, "secretKey": self.credentials.secret_key}
        return {ACCESS_VARIABLE: json.dumps({**keys, "isOpen": self.is_open, "issuer": self.issuer})}

    @classmethod
    def take(cls) -> Self:
        """In a child: return it, and remove the variable, which handlers must not see.

        Raises:
            SystemExit: there is no such variable.
        """
        text = os.environ.pop(ACCESS_VARIABLE, None)
        if text is None:
            raise SystemExit(f"{ACCESS_VARIABLE} is not set: `python -m sandbox start` starts this program")
        given = json.loads(text)
        credentials = Credentials(given["accessKey"], given["secretKey"])
        return cls(credentials, given["isOpen"], given["issuer"])


def is_equal(given: str, expected: str) -> bool:
    """Return whether a secret is the expected one, in a time that says nothing of the difference."""
    return hmac.compare_digest(given.encode(), expected.encode())


def signer(authorization: str) -> tuple[str, str] | None:
    """Return access key and region of a signature; None when the header has none."""
    match = _CREDENTIAL.search(authorization)
    return (match[1], match[2]) if match else None


def session(token: object) -> str | None:
    """Return the digest of a session token, which identifies the session; None without a token."""
    if not isinstance(token, str) or not token:
        return None
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()[:_DIGEST_DIGITS]
