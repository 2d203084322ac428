"""A scripted SageMaker: an HTTP server that answers the calls a test expects, in order, and notes all."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.shared.credentials import Access, Credentials
from sandbox.shared.guard import Guard
from sandbox.shared.http import JsonHandler, LocalServer

ANY: Any = object()  # stands for any arguments
TARGET_PREFIX = "SageMaker."
# What the client gets for a call that the test does not expect; botocore does not repeat after this code.
NOT_SCRIPTED = "NotInTheScript"


class _ClientToken:
    """Equal to every valid ClientToken: which one it is, is a matter of test_translate."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.fullmatch("[a-zA-Z0-9-]{1,36}", other) is not None

    __hash__ = None  # type: ignore[assignment] # what is equal to many has no hash

    def __repr__(self) -> str:
        return "a ClientToken"


A_TOKEN: Any = _ClientToken()


@dataclass(frozen=True)
class Reply:
    """One answer as bytes, or one of the ways in which there is none."""

    status: int = 200
    body: bytes = b"{}"
    content_length: int | None = None  # the announced one, where it is not the body's
    hangs_up: bool = False  # closes the connection without an answer
    hangs: bool = False  # sends nothing until the test is over

    @property
    def text(self) -> str:
        """What the handlers' messages quote of an error answer: its message, then its code."""
        members = json.loads(self.body)
        return f"{members['message']} ({members['__type']})"


def answer(members: Any) -> Reply:
    """A successful answer with these members."""
    return Reply(body=json.dumps(members).encode())


def error(code: str, message: str | None = None, status: int = 400) -> Reply:
    """An error answer in SageMaker's JSON protocol."""
    members = {"__type": code} if message is None else {"__type": code, "message": message}
    return Reply(status, json.dumps(members).encode())


def absent(arn: str) -> Reply:
    """The error answer for a package that does not exist."""
    return error("ValidationException", f"ModelPackage {arn} does not exist.")


HANGS_UP = Reply(hangs_up=True)
HANGS = Reply(hangs=True)
HALF_AN_ANSWER = Reply(body=b'{"ModelPackageArn": "arn', content_length=1000)
HALF_AN_ERROR = Reply(
    400, b'{"__type": "ValidationException", "message": "ModelPackage arn', content_length=200
)
A_PROXY_PAGE = Reply(body=b"<html>Welcome to the guest network</html>")
NOT_TEXT = Reply(body=b"\xff\xfe\x00garbage")
UNAVAILABLE = Reply(503, b"")
DENIED = error("AccessDeniedException", "not authorized to perform: sagemaker:UpdateModelPackage")
EXPIRED = error("ExpiredTokenException", "expired")


@dataclass(frozen=True)
class Step:
    """One call that a test expects, its answer, and the simulated seconds until then."""

    operation: str
    arguments: Any
    reply: Reply
    takes: float = 0.0

    def matches(self, operation: str, arguments: Mapping[str, Any]) -> bool:
        return operation == self.operation and self.arguments in (ANY, arguments)


@dataclass
class Script:
    """The calls that a test expects, and those that came."""

    url: str = ""
    steps: list[Step] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    # What signed each call: access key, date, region, service.
    signers: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    # Called with the simulated seconds that an answer took.
    pass_time: Callable[[float], None] = lambda _seconds: None

    def expect(
        self, operation: str, arguments: Any, reply: Reply | Mapping[str, Any], *, takes: float = 0.0
    ) -> None:
        """The next call has this operation and exactly these arguments."""
        given = reply if isinstance(reply, Reply) else answer(reply)
        self.steps.append(Step(operation, arguments, given, takes))

    def create(self, arguments: Any, reply: Reply | str) -> None:
        """The next call is CreateModelPackage; the reply is the package's ARN, or another answer."""
        given = answer({"ModelPackageArn": reply}) if isinstance(reply, str) else reply
        self.expect("CreateModelPackage", arguments, given)

    def describe(
        self,
        arn: str,
        *replies: Reply | Mapping[str, Any],
        takes: float = 0.0,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """The next calls are DescribeModelPackage of this ARN, and ListTags if there are `tags`."""
        for reply in replies:
            self.expect("DescribeModelPackage", {"ModelPackageName": arn}, reply, takes=takes)
        if tags is not None:
            self.list_tags(arn, tags)

    def describe_metadata(self, arn: str, *replies: Reply | Mapping[str, Any]) -> None:
        """The next calls are DescribeModelPackage without the card's content, as delete makes them."""
        arguments = {"ModelPackageName": arn, "IncludedData": "MetadataOnly"}
        for reply in replies:
            self.expect("DescribeModelPackage", arguments, reply)

    def update(self, arguments: Mapping[str, Any], reply: Reply | None = None) -> None:
        given = reply or answer({"ModelPackageArn": arguments["ModelPackageArn"]})
        self.expect("UpdateModelPackage", arguments, given)

    def delete(self, arn: str, reply: Reply | None = None) -> None:
        self.expect("DeleteModelPackage", {"ModelPackageName": arn}, reply or Reply(body=b""))

    def list_tags(self, arn: str, tags: Mapping[str, str], token: str = "", after: str = "") -> None:
        """The next call is ListTags; `token` announces a further page, `after` is the one it continues."""
        page = {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        reply = {**page, "NextToken": token} if token else page
        self.expect("ListTags", {"ResourceArn": arn, **({"NextToken": after} if after else {})}, reply)

    def add_tags(self, arn: str, tags: Mapping[str, str], reply: Reply | None = None) -> None:
        arguments = {"ResourceArn": arn, "Tags": [{"Key": key, "Value": tags[key]} for key in tags]}
        self.expect("AddTags", arguments, reply or answer({"Tags": []}))

    def delete_tags(self, arn: str, keys: list[str], reply: Reply | None = None) -> None:
        self.expect("DeleteTags", {"ResourceArn": arn, "TagKeys": keys}, reply or answer({}))

    def operations(self) -> list[str]:
        """The operations called so far, in order."""
        return [operation for operation, _ in self.calls]

    def reply_to(self, operation: str, arguments: dict[str, Any]) -> Reply:
        """The next step's answer; an unexpected call fails the test at its end."""
        self.calls.append((operation, arguments))
        if self.steps and self.steps[0].matches(operation, arguments):
            step = self.steps.pop(0)
            self.pass_time(step.takes)
            return step.reply
        expected = f"{self.steps[0].operation} {self.steps[0].arguments}" if self.steps else "no call"
        self.failures.append(f"{operation} {arguments} came, expected was: {expected}")
        return error(NOT_SCRIPTED, "the test does not expect this call")

    def verify(self) -> None:
        """Fail unless exactly the expected calls came."""
        assert not self.failures, "\n".join(self.failures)
        left = [step.operation for step in self.steps]
        assert not left, f"these calls never came: {left}"


class Server(LocalServer):
    """The server of a session; each test sets its own script."""

    script: Script


# It stands for servers of other names.
OPEN_GUARD = Guard(Access(Credentials.new(), is_open=True))


class Handler(JsonHandler):
    """Answers one call and closes the connection."""

    server: Server
    guard = OPEN_GUARD
    content_type = "application/x-amz-json-1.1"

    def post(self) -> None:
        operation = self.headers["X-Amz-Target"].removeprefix(TARGET_PREFIX)
        script = self.server.script
        script.signers.append(self.headers["Authorization"].partition("Credential=")[2].partition(",")[0])
        reply = script.reply_to(operation, json.loads(self.body()))
        if reply.hangs:
            script.over.wait(5)
        if reply.hangs_up or reply.hangs:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        length = str(reply.content_length or len(reply.body))
        self.answer(reply.status, reply.body, {"Content-Length": length, "Connection": "close"})
