"""The guard of every server of the sandbox: which requests are answered.

Refused are requests for another host, requests that a browser marks as another site's, and requests that are
not signed with credentials of the sandbox. A server asks twice: `admit` before it reads a body, `verify`
after it, because a signature covers the body.
"""

from __future__ import annotations

import json
import urllib.parse
import uuid
from collections.abc import Callable
from http import HTTPStatus
from xml.sax.saxutils import escape

from sandbox.shared.credentials import Access, IssuedKey, is_equal
from sandbox.shared.heads import Head
from sandbox.shared.signatures import MalformedSignature, Signature, is_signed, parse

# The sandbox's own requests, which are not AWS's; they have the credentials in the header Authorization.
CONTROL_PREFIX = "/sandbox/"
# Of access keys that STS gives out, with a token that belongs to them.
SESSION_KEY_PREFIX = "ASIA"
# What a browser says of a request of the same page, and of one that the user has made.
_OWN_SITES = frozenset({"same-origin", "none"})
# Names that let the page of another site read an answer.
CROSS_ORIGIN_PREFIX = "access-control-"

# The codes of a refusal by protocol: JSON, query, S3.
MISSING = ("MissingAuthenticationTokenException", "MissingAuthenticationToken", "AccessDenied")
_UNKNOWN_KEY = ("UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId")
_WRONG = ("InvalidSignatureException", "SignatureDoesNotMatch", "SignatureDoesNotMatch")
_MALFORMED = ("IncompleteSignatureException", "IncompleteSignature", "AccessDenied")
_OVER = ("ExpiredTokenException", "ExpiredToken", "AccessDenied")
_FOREIGN = ("AccessDeniedException", "AccessDenied", "AccessDenied")
UNAVAILABLE = ("ServiceUnavailableException", "ServiceUnavailable", "ServiceUnavailable")
# Of what is not on this machine.
ABSENT = ("UnknownOperationException", "InvalidAction", "NotImplemented")
_BROKEN = ("SerializationException", "MalformedInput", "InvalidRequest")


class Refused(Exception):
    """A request is not answered; with the error that is answered instead."""

    def __init__(
        self, message: str, codes: tuple[str, str, str] = _BROKEN, status: int = HTTPStatus.FORBIDDEN
    ) -> None:
        super().__init__(message)
        self.codes = codes
        self.status = status

    def answer(self, head: Head) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body, in the protocol that the request is in."""
        in_json, in_query, in_s3 = self.codes
        request_id = str(uuid.uuid4())
        headers = {"X-Content-Type-Options": "nosniff", "x-amzn-RequestId": request_id}
        message = escape(str(self))
        protocol = _protocol(head)
        if protocol == "json":
            body = json.dumps({"__type": in_json, "message": str(self)})
            headers |= {"Content-Type": "application/json", "X-Amzn-ErrorType": in_json}
        elif protocol == "query":
            body = (
                f"<ErrorResponse><Error><Type>Sender</Type><Code>{in_query}</Code><Message>{message}</Message>"
                f"</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
            )
            headers["Content-Type"] = "text/xml"
        else:
            body = (
                f"<Error><Code>{in_s3}</Code><Message>{message}</Message>"
                f"<RequestId>{request_id}</RequestId></Error>"
            )
            headers["Content-Type"] = "application/xml"
        return self.status, headers, body.encode()


class Guard:
    """Decides which requests a server answers.

    Without `access` a request needs no credentials. `has_buckets` says whether S3 is among what is served,
    whose buckets may stand in the host. `key_of` returns what belongs to other access keys than the
    sandbox's own, those that its IAM and STS have given out; it may raise an OSError.
    """

    def __init__(
        self,
        access: Access | None = None,
        *,
        has_buckets: bool = False,
        key_of: Callable[[str], IssuedKey | None] = lambda _: None,
    ) -> None:
        self.access = access
        self._has_buckets = has_buckets
        self._key_of = key_of

    def admit(self, head: Head) -> Signature | None:
        """Return the signature that is still to be verified; None when there is none to verify.

        Raises:
            Refused: the request is for another host, from another site, or has no credentials of the sandbox.
        """
        if self.access is not None and self.access.is_open:
            return None
        self._refuse_other_hosts(head)
        _refuse_other_sites(head)
        return None if self.access is None else self.authenticate(head, self.access)

    def authenticate(self, head: Head, access: Access) -> Signature | None:
        """Return the signature that is still to be verified; None when the credentials are in a header.

        Raises:
            Refused: there are no credentials, or others than the sandbox's.
        """
        if is_control(head) and is_equal(head.value("authorization"), access.credentials.basic):
            return None
        try:
            signature = parse(head)
        except MalformedSignature as problem:
            raise Refused(f"The signature cannot be read: {problem}", _MALFORMED) from problem
        if signature is None:
            raise Refused("Missing Authentication Token", MISSING)
        if signature.is_over:
            raise Refused("Request has expired, or is not valid yet", _OVER)
        is_of_session = signature.access_key.startswith(SESSION_KEY_PREFIX)
        if (is_of_session and not signature.has_token) or self._secret(signature.access_key, access) is None:
            raise Refused(
                "The security token included in the request is invalid. The local AWS takes the credentials "
                "that it has printed at its start, and those that its STS and IAM have given out.",
                _UNKNOWN_KEY,
            )
        return signature

    def verify(self, signature: Signature | None, head: Head, body: bytes) -> None:
        """Verify what `admit` has returned, now that the body is there.

        Raises:
            Refused: the request was signed with another secret, or is not as it was signed.
        """
        if signature is None or self.access is None:
            return
        secret_key = self._secret(signature.access_key, self.access)
        if secret_key is None or not signature.is_of(secret_key, head, body):
            raise Refused(
                "The request signature we calculated does not match the signature you provided. Check your "
                "AWS Secret Access Key and signing method.",
                _WRONG,
            )

    def _secret(self, access_key: str, access: Access) -> str | None:
        own = access.credentials
        if access_key == own.access_key:
            return own.secret_key
        try:
            key = self._key_of(access_key)
        except OSError as problem:  # SDKs try again
            raise Refused(
                f"The local IAM does not say whose access key it is: {problem}",
                UNAVAILABLE,
                HTTPStatus.SERVICE_UNAVAILABLE,
            ) from problem
        return None if key is None else key.secret_key

    def _refuse_other_hosts(self, head: Head) -> None:
        if not head.target.startswith("/") and head.target != "*":
            raise Refused("Requests to a proxy are not answered", _FOREIGN)
        if not head.is_for_this_machine and not (self._has_buckets and head.bucket):
            raise Refused("The host is not that of the local AWS, which is 127.0.0.1 or localhost", _FOREIGN)


def is_control(head: Head) -> bool:
    """Return whether a request is one of the sandbox's own; a signed one is for a bucket of that name."""
    return head.path.startswith(CONTROL_PREFIX) and not is_signed(head)


def _refuse_other_sites(head: Head) -> None:
    """Refuse a request that another site's page makes; programs that are no browsers send none of these."""
    own = f"http://{head.value('host')}".lower()
    sites, origins = head.values("sec-fetch-site"), head.values("origin")
    is_foreign = not _OWN_SITES.issuperset(sites) or any(origin.lower() != own for origin in origins)
    if not sites and not origins:  # a browser that knows neither
        is_foreign = any(_origin(referer) != own for referer in head.values("referer"))
    if is_foreign:
        raise Refused("The local AWS answers no requests of other sites", _FOREIGN)


def _origin(address: str) -> str:
    try:
        parts = urllib.parse.urlsplit(address)
    except ValueError:
        return address
    return f"{parts.scheme}://{parts.netloc}".lower()


def _protocol(head: Head) -> str:
    """Return the protocol in which a request expects its errors: json, query or s3."""
    if head.value("x-amz-target"):  # whatever its query says, which StackQL fills in as well
        return "json"
    content_type = head.value("content-type").lower()
    if content_type.startswith("application/x-www-form-urlencoded") or "Action=" in head.query:
        return "query"
    if content_type.startswith("multipart/form-data"):  # a form with a policy
        return "s3"
    is_of_s3 = "/s3/aws4_request" in urllib.parse.unquote(head.value("authorization") + head.query)
    return "s3" if is_of_s3 or "AWSAccessKeyId=" in head.query else "json"
