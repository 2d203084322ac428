"""The registry's part of CloudFormation's endpoint: its operations are passed on to where it is served."""

from __future__ import annotations

import asyncio
import logging
import re
import urllib.parse
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.client import HTTPMessage
from typing import Any

from sandbox.cloudformation.default_versions import DefaultVersions
from sandbox.cloudformation.registry_client import RegistryClient
from sandbox.shared.credentials import signer
from sandbox.shared.http_request import Answer
from sandbox.shared.settings import REGION

LOG = logging.getLogger("sandbox.cloudformation")

OPERATIONS = frozenset(
    {
        "DeregisterType",
        "DescribeType",
        "DescribeTypeRegistration",
        "ListTypeRegistrations",
        "ListTypeVersions",
        "ListTypes",
        "RegisterType",
        "SetTypeDefaultVersion",
    }
)
# Those that only read cannot meet a type that they do not know yet.
_READING = re.compile(r"Describe|List|Get(?!TemplateSummary)")
_UNAVAILABLE = (
    b"<ErrorResponse><Error><Type>Receiver</Type><Code>ServiceUnavailable</Code>"
    b"<Message>The registry does not answer: the sandbox's functions have ended</Message></Error>"
    b"</ErrorResponse>"
)
_FORM = b"application/x-www-form-urlencoded"
# Most of them wait: a question for a registration is held until its end, or for some seconds.
_THREADS = 64

Application = Callable[[Any, Any, Any], Awaitable[None]]


class RegistryApplication:
    """Answers the registry's operations, and lets the engine know its types before all others.

    `endpoint` is CloudFormation's own, where S3 is, too.
    """

    def __init__(
        self, application: Application, client: RegistryClient, versions: DefaultVersions, endpoint: str
    ) -> None:
        self._application = application
        self._client = client
        self._versions = versions
        self._endpoint = endpoint
        # Of its own: the engine keeps the threads of asyncio busy for as long as handlers run.
        self._threads = ThreadPoolExecutor(_THREADS, "registry")

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one request, whose body comes in one piece."""
        headers = dict(scope.get("headers") or ())
        if scope["type"] != "http" or not headers.get(b"content-type", b"").startswith(_FORM):
            await self._application(scope, receive, send)
            return
        message = await receive()
        body = message.get("body", b"")
        action = urllib.parse.parse_qs(body.decode("latin-1")).get("Action", [""])[0]
        _, region = signer(headers.get(b"authorization", b"").decode("latin-1")) or ("", REGION)
        loop = asyncio.get_running_loop()
        if action in OPERATIONS:
            await _send(await loop.run_in_executor(self._threads, self._forward, body, region), send)
            return
        if not _READING.match(action):
            await loop.run_in_executor(self._threads, self._refresh, region)
        rest = [message]

        async def receive_again() -> Any:
            return rest.pop() if rest else await receive()

        await self._application(scope, receive_again, send)

    def _forward(self, body: bytes, region: str) -> Answer:
        try:
            return self._client.forward(body, region, self._endpoint)
        except OSError as problem:
            LOG.warning("The registry does not answer: %s", problem)
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, HTTPMessage(), _UNAVAILABLE)

    def _refresh(self, region: str) -> None:
        try:
            self._versions.refresh(region)
        except OSError as problem:
            # The types that are known stay, among them those that are there without being registered.
            LOG.warning("The registry does not answer: %s", problem)


async def _send(answer: Answer, send: Any) -> None:
    usual = {"Content-Type": "text/xml", "x-amzn-RequestId": str(uuid.uuid4())}
    pairs = [(name, answer.headers.get(name, value)) for name, value in usual.items()]
    pairs.append(("Content-Length", str(len(answer.body))))
    headers = [(name.lower().encode(), value.encode()) for name, value in pairs]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
