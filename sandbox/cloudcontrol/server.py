"""HTTP around the API: the JSON 1.0 protocol of the AWS SDKs."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from sandbox.shared import bounded_json
from sandbox.shared.credentials import signer
from sandbox.shared.errors import ApiError
from sandbox.shared.guard import Guard
from sandbox.shared.http import JsonHandler, LocalServer
from sandbox.shared.settings import REGION
from sandbox.shared.xml_text import xml_texts

from .failures import failure
from .service import CloudControl

LOG = logging.getLogger("sandbox.cloudcontrol")

TARGET_PREFIX = "CloudApiService."


class Server(LocalServer):
    """Serves the API on 127.0.0.1."""

    def __init__(self, port: int, api: CloudControl, guard: Guard | None = None) -> None:
        self.api = api
        super().__init__(_CloudControlHandler, port, guard)


class _CloudControlHandler(JsonHandler):
    server: Server
    content_type = "application/x-amz-json-1.0"

    def post(self) -> None:
        """Answer one operation."""
        target = self.headers.get("X-Amz-Target") or ""
        error = None
        try:
            status, content = 200, self._call(target, self.body())
        except ApiError as problem:
            LOG.info("%s: %s", target, problem)
            error = problem
        except Exception as problem:
            LOG.exception("%s failed", target)
            error = ApiError("InternalFailure", f"{type(problem).__name__}: {problem}", 500)
        if error is not None:
            status, content = error.http_status, {"__type": error.code, "Message": error.message}
        self.answer(status, xml_texts(content), {"x-amzn-RequestId": str(uuid.uuid4())})

    def _call(self, target: str, body: bytes) -> dict[str, Any]:
        if not target.startswith(TARGET_PREFIX):
            raise failure("UnknownOperationException", f"No such operation: {target or self.path}")
        try:
            given = bounded_json.loads(body or b"{}")
        except ValueError as problem:
            raise failure("SerializationException", f"The request is not JSON: {problem}") from problem
        _, region = signer(self.headers.get("Authorization") or "") or ("", REGION)
        return self.server.api.answer(target.removeprefix(TARGET_PREFIX), given, region)
