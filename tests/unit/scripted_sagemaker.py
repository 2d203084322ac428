"""SageMaker as a test scripts it: an HTTP server that answers from a script and notes the calls."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANY: Any = object()  # stands for arguments that a test does not care about


class _ClientToken:
    """Equal to every valid ClientToken: which one it is, is a matter of test_translate."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.fullmatch("[a-zA-Z0-9-]{1,36}", other) is not None

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "a ClientToken"


A_TOKEN: Any = _ClientToken()
TARGET_PREFIX = "SageMaker."
# What the client sees when a test has not foreseen a call; botocore does not try this code again.
NOT_SCRIPTED = "NotInTheScript"


@dataclass(frozen=True)
class Reply:
    """One answer as bytes, or one of the ways in which there is none."""

    status: int = 200
    body: bytes = b"{}"
    promised: int | None = None  # the length that is announced, where it is not the body's
    hangs_up: bool = False  # closes the connection without a word
    hangs: bool = False  # says nothing until the test is over


def answer(members: Any) -> Reply:
    """A successful answer with these members."""
    return Reply(body=json.dumps(members).encode())


def error(code: str, message: str | None = None, status: int = 400) -> Reply:
    """An error answer in SageMaker's JSON protocol."""
    members = {"__type": code} if message is None else {"__type": code, "message": message}
    return Reply(status, json.dumps(members).encode())


HANGS_UP = Reply(hangs_up=True)
HANGS = Reply(hangs=True)
HALF_AN_ANSWER = Reply(body=b'{"ModelPackageArn": "arn', promised=1000)
HALF_AN_ERROR = Reply(400, b'{"__type": "ValidationException", "message": "ModelPackage arn', promised=200)
A_PROXY_PAGE = Reply(body=b"<html>Welcome to the guest network</html>")
NOT_TEXT = Reply(body=b"\xff\xfe\x00garbage")
UNAVAILABLE = Reply(503, b"")


@dataclass(frozen=True)
class Step:
    """One call that a test expects, and what comes back."""

    operation: str
    arguments: Any
    reply: Reply
    takes: float = 0.0

    def fits(self, operation: str, arguments: Mapping[str, Any]) -> bool:
        """Whether this is the call."""
        return operation == self.operation and self.arguments in (ANY, arguments)


@dataclass
class ScriptedSageMaker:
    """The script of one test and the calls that came."""

    url: str = ""
    script: list[Step] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    # What signed each call: access key, date, region, service.
    signers: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    # Told how many simulated seconds an answer took.
    pass_time: Callable[[float], None] = lambda _seconds: None

    def expect(
        self, operation: str, arguments: Any, reply: Reply | Mapping[str, Any], *, takes: float = 0.0
    ) -> None:
        """The next call has this operation and exactly these arguments; `takes` is simulated seconds."""
        self.script.append(
            Step(operation, arguments, reply if isinstance(reply, Reply) else answer(reply), takes)
        )

    def create(self, arguments: Any, reply: Reply | str) -> None:
        """The next call is CreateModelPackage; answered with an ARN, or otherwise."""
        given = answer({"ModelPackageArn": reply}) if isinstance(reply, str) else reply
        self.expect("CreateModelPackage", arguments, given)

    def describe(self, arn: str, reply: Reply | Mapping[str, Any], *, takes: float = 0.0) -> None:
        """The next call is DescribeModelPackage of this ARN."""
        self.expect("DescribeModelPackage", {"ModelPackageName": arn}, reply, takes=takes)

    def look(self, arn: str, reply: Reply | Mapping[str, Any]) -> None:
        """The next call is the DescribeModelPackage of a delete, which leaves the card's content out."""
        arguments = {"ModelPackageName": arn, "IncludedData": "MetadataOnly"}
        self.expect("DescribeModelPackage", arguments, reply)

    def update(self, arguments: Mapping[str, Any], reply: Reply | None = None) -> None:
        """The next call is UpdateModelPackage."""
        given = reply or answer({"ModelPackageArn": arguments["ModelPackageArn"]})
        self.expect("UpdateModelPackage", arguments, given)

    def delete(self, arn: str, reply: Reply | None = None) -> None:
        """The next call is DeleteModelPackage."""
        self.expect("DeleteModelPackage", {"ModelPackageName": arn}, reply or Reply(body=b""))

    def list_tags(self, arn: str, tags: Mapping[str, str], token: str = "", after: str = "") -> None:
        """The next call is ListTags; `token` announces a further page, `after` is the one it continues."""
        found: dict[str, Any] = {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        if token:
            found["NextToken"] = token
        self.expect("ListTags", {"ResourceArn": arn, **({"NextToken": after} if after else {})}, found)

    def operations(self) -> list[str]:
        """The operations called so far, in order."""
        return [operation for operation, _ in self.calls]

    def reply_to(self, operation: str, arguments: dict[str, Any]) -> Reply:
        """What the script says; a call that it does not foresee fails the test at its end."""
        self.calls.append((operation, arguments))
        if self.script and self.script[0].fits(operation, arguments):
            step = self.script.pop(0)
            self.pass_time(step.takes)
            return step.reply
        expected = f"{self.script[0].operation} {self.script[0].arguments}" if self.script else "no call"
        self.failures.append(f"{operation} {arguments} came, expected was: {expected}")
        return error(NOT_SCRIPTED, "the test has not foreseen this call")

    def verify(self) -> None:
        """Fail unless exactly the expected calls came."""
        assert not self.failures, "\n".join(self.failures)
        left = [step.operation for step in self.script]
        assert not left, f"these calls never came: {left}"


class Server(ThreadingHTTPServer):
    """The server of a session; each test puts its own sagemaker into it."""

    sagemaker: ScriptedSageMaker

    @property
    def url(self) -> str:
        """Where a client reaches it."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """Answers one call and closes the connection."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Every operation of SageMaker's JSON protocol is a POST."""
        operation = self.headers["X-Amz-Target"].removeprefix(TARGET_PREFIX)
        arguments = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        sagemaker = self.server.sagemaker
        sagemaker.signers.append(self.headers["Authorization"].partition("Credential=")[2].partition(",")[0])
        reply = sagemaker.reply_to(operation, arguments)
        self.close_connection = True
        if reply.hangs:
            sagemaker.over.wait(5)
        if reply.hangs_up or reply.hangs:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        with contextlib.suppress(ConnectionError):  # a client may have given up by now
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(reply.promised or len(reply.body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing; the sagemaker keeps the calls."""
