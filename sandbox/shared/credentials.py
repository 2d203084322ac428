"""The credentials of invocations and calls: by its session, a call belongs to the invocation that made it.

Only a digest of a session token is ever kept, because the token itself is a credential. Standard library
only.
"""

from __future__ import annotations

import hashlib
import re
import uuid

# The access key, the day, the region.
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/,\s]+)/")
_DIGEST_DIGITS = 16  # enough for sessions to differ


def caller_credentials() -> dict[str, str]:
    """Return credentials as CloudFormation hands them to a handler: a session that is used once."""
    return {"accessKeyId": "testing", "secretAccessKey": "testing", "sessionToken": f"testing-{uuid.uuid4()}"}


def signer(authorization: str) -> tuple[str, str] | None:
    """Return access key and region of a signature; None when the header has none."""
    match = _CREDENTIAL.search(authorization)
    return (match[1], match[2]) if match else None


def session(token: object) -> str | None:
    """Return the digest of a session token, which identifies the session; None without a token."""
    if not isinstance(token, str) or not token:
        return None
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()[:_DIGEST_DIGITS]
