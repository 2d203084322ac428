"""HTTP around the API: the JSON 1.0 protocol of the AWS SDKs."""

from __future__ import annotations

import json
import logging
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sandbox.shared.credentials import signer
from sandbox.shared.errors import ApiError
from sandbox.shared.settings import REGION

from .failures import failure
from .service import CloudControl

LOG = logging.getLogger("sandbox.cloudcontrol")

TARGET_PREFIX = "CloudApiService."


class Server(ThreadingHTTPServer):
    """Serves the API on 127.0.0.1."""

    daemon_threads = True

    def __init__(self, port: int, api: CloudControl) -> None:
        self.api = api
        super().__init__(("127.0.0.1", port), _Requests)


class _Requests(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"  # SDKs keep their connections
    disable_nagle_algorithm = True  # headers and body go in two writes, which would wait for each other

    def do_POST(self) -> None:
        """Answer one operation."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self._answer(200, self._call(body))
        except ApiError as problem:
            LOG.info("%s: %s", self.headers.get("X-Amz-Target"), problem)
            self._refuse(problem)
        except Exception as problem:
            LOG.exception("%s broke", self.headers.get("X-Amz-Target"))
            self._refuse(ApiError("InternalFailure", f"{type(problem).__name__}: {problem}", 500))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Keep the access log out of the way; what is refused is logged with its reason."""
        LOG.debug(format, *args)

    def _call(self, body: bytes) -> dict[str, Any]:
        target = self.headers.get("X-Amz-Target") or ""
        if not target.startswith(TARGET_PREFIX):
            raise failure("UnknownOperationException", f"No such operation: {target or self.path}")
        try:
            given = json.loads(body or b"{}")
        except ValueError as problem:
            raise failure("SerializationException", f"The request is not JSON: {problem}") from problem
        _, region = signer(self.headers.get("Authorization") or "") or ("", REGION)
        return self.server.api.answer(target.removeprefix(TARGET_PREFIX), given, region)

    def _refuse(self, problem: ApiError) -> None:
        self._answer(problem.http_status, {"__type": problem.code, "Message": problem.message})

    def _answer(self, status: int, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
