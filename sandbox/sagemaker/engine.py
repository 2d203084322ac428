"""The engine beside the local SageMaker: it has all other services, IAM and STS among them."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from werkzeug.wrappers import Request, Response

from sandbox.shared.credentials import ACCESS_KEY_PREFIX, Credentials, IssuedKey
from sandbox.shared.guard import UNAVAILABLE, Refused
from sandbox.shared.heads import Head
from sandbox.shared.http_request import ask_issued_key, request
from sandbox.shared.services import service_of
from sandbox.shared.settings import SERVICES

# Of one connection, and made anew for the next one.
_HOP_BY_HOP = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})
# Longer than any request is held: by SQS, for 20 seconds.
_SECONDS = 120.0


class Engine:
    """Answers the requests to the local SageMaker that are not for it.

    So there is one place for each service, whichever of the two endpoints a client was given. `endpoint`
    returns None while the engine is not running.
    """

    def __init__(self, endpoint: Callable[[], str | None], credentials: Credentials) -> None:
        self._endpoint = endpoint
        self._credentials = credentials

    def serves(self, head: Head) -> bool:
        """Return whether a request is for it, or, being unsigned, for no service that it names."""
        service = service_of(head)
        return service is None or service in SERVICES

    def answer(self, sent: Request) -> Response:
        """Return the engine's answer to a request, which is passed on as it was signed.

        Raises:
            Refused: it does not answer.
        """
        headers = {name: value for name, value in sent.headers.items() if name.lower() not in _HOP_BY_HOP}
        try:
            url = f"{self._running()}{sent.environ['RAW_URI']}"
            answer = request(url, sent.method, sent.get_data() or None, headers, seconds=_SECONDS)
        except OSError as problem:
            message = f"The engine does not answer: {problem}"
            raise Refused(message, UNAVAILABLE, HTTPStatus.SERVICE_UNAVAILABLE) from problem
        kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP]
        response = Response(answer.body, answer.status, kept)
        if sent.method == "HEAD" and (length := answer.headers.get("Content-Length")):
            response.headers["Content-Length"] = length
        return response

    def issued_key(self, access_key: str) -> IssuedKey | None:
        """Return what belongs to an access key that its IAM or STS has given out; None for any other.

        Raises:
            OSError: it does not answer.
        """
        if access_key.startswith(ACCESS_KEY_PREFIX):
            return None
        return ask_issued_key(self._running(), access_key, self._credentials)

    def _running(self) -> str:
        endpoint = self._endpoint()
        if endpoint is None:
            raise ConnectionError("the engine has not been started, or has ended")
        return endpoint
