"""Whose call it was: CloudFormation gives every invocation credentials of its own, and calls carry them.

Only a digest of a session token is ever kept, because the token itself is a credential. Standard library
only.
"""

from __future__ import annotations

import hashlib
import re
import uuid

# The key, the day, the region.
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/,\s]+)/")
_DIGITS = 16  # of the digest: enough to tell sessions apart


def caller_credentials() -> dict[str, str]:
    """Return credentials as CloudFormation hands them to a handler: of a session that is used once."""
    return {
        "accessKeyId": "testing",
        "secretAccessKey": "testing",
        "sessionToken": f"testing-{uuid.uuid4()}",
    }


def signer(authorization: str) -> tuple[str, str] | None:
    """Return access key and region of a signature; None when the header has none."""
    found = _CREDENTIAL.search(authorization)
    return (found[1], found[2]) if found else None


def session(token: object) -> str | None:
    """Return what tells a session apart, from its token; None without one."""
    if not isinstance(token, str) or not token:
        return None
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()[:_DIGITS]
