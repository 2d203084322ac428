"""Nothing reaches SageMaker after the answer: slow connections and answers, threads that are left behind."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cloudformation_cli_python_lib import Action
from cloudformation_cli_python_lib.utils import Credentials

from aws_sagemaker_modelpackage import (
    client,
    deadline,
    handlers,
    request,
    resource,
    telemetry,
    timing,
    translate,
)
from aws_sagemaker_modelpackage.deadline import Deadline
from aws_sagemaker_modelpackage.request import success

from .conftest import CREDENTIALS, Clock, Invoker
from .events import (
    APPROVED,
    HALF_DONE,
    IN_GROUP,
    MAYBE_CHANGED,
    MAYBE_DELETING,
    MAYBE_REGISTERED,
    NAMED,
    NAMED_STATE,
    NO_TIME,
    REJECTED,
    STATE,
    VERSION,
    VERSION_STATE,
    Model,
    failed,
    named,
    tag_list,
    version,
)
from .network import (
    HOST,
    LOCAL,
    MAX_WAIT_SECONDS,
    Network,
    TlsServer,
    Trickle,
    TunnelProxy,
    dead_addresses,
    make_certificate,
)
from .scripted_sagemaker import (
    ANY,
    DENIED,
    HALF_AN_ANSWER,
    HANGS_UP,
    Handler,
    Reply,
    Script,
    Server,
    error,
)
from .tables import table

# An invocation's time here, in real seconds, and the shares that a connection and an answer may take of it.
INVOCATION_SECONDS = 0.5
CONNECT_SHARE, READ_SHARE = 0.7, 0.25
# Dead addresses that outlast it.
MANY = 2

CARD = {"ModelCardContent": '{"intended_uses": {}}', "ModelCardStatus": "Draft"}
OTHER_CARD = {"ModelCardContent": '{"business_details": {}}', "ModelCardStatus": "PendingReview"}


@dataclass(frozen=True)
class Write:
    """An operation whose last call is a write that is late, and what is said of it."""

    action: str
    desired: Model
    operation: str
    note: str
    identifier: str = VERSION
    previous: Model | None = None
    # Calls that are answered before.
    before: list[Callable[[Script], None]] = field(default_factory=list)
    # Whether something is written by then, so that another poll follows.
    has_begun: bool = False

    def prepare(self, script: Script, network: Network) -> None:
        """Have the script expect the calls before the write, and the network delay the write's."""
        for call in self.before:
            call(script)
        network.slow = len(script.steps) + 1


WRITES = {
    "create": Write("CREATE", IN_GROUP, "CreateModelPackage", MAYBE_REGISTERED, "churn"),
    "first call of an update": Write(
        "UPDATE",
        VERSION_STATE | APPROVED,
        "UpdateModelPackage",
        MAYBE_CHANGED,
        previous=VERSION_STATE | REJECTED,
        before=[lambda script: script.describe(VERSION, version(**REJECTED))],
    ),
    "second call of an update": Write(
        "UPDATE",
        {**VERSION_STATE, "ModelCard": OTHER_CARD},
        "UpdateModelPackage",
        MAYBE_CHANGED,
        previous={**VERSION_STATE, "ModelCard": CARD},
        before=[
            lambda script: script.describe(VERSION, version(ModelCard=CARD)),
            lambda script: script.expect("UpdateModelPackage", ANY, STATE),
        ],
        has_begun=True,
    ),
    "tags to add": Write(
        "UPDATE",
        {**NAMED_STATE, "Tags": tag_list({"a": "1"})},
        "AddTags",
        MAYBE_CHANGED,
        NAMED,
        NAMED_STATE,
        [lambda script: script.describe(NAMED, named(), tags={})],
    ),
    "tags to drop": Write(
        "UPDATE",
        NAMED_STATE,
        "DeleteTags",
        MAYBE_CHANGED,
        NAMED,
        {**NAMED_STATE, "Tags": tag_list({"a": "1"})},
        [lambda script: script.describe(NAMED, named(), tags={"a": "1"})],
    ),
    "delete": Write(
        "DELETE",
        STATE,
        "DeleteModelPackage",
        MAYBE_DELETING,
        before=[lambda script: script.describe_metadata(VERSION, version())],
    ),
}
each_write = table("write", WRITES)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """An invocation ends after INVOCATION_SECONDS; its clock stands still, as a frozen process's may."""
    monkeypatch.setattr(resource, "MAX_INVOCATION_SECONDS", INVOCATION_SECONDS)
    monkeypatch.setattr(client, "MIN_TIMEOUT_SECONDS", 0.01)
    # Of the whole, as `client` knows it.
    monkeypatch.setattr(client, "CONNECT_SECONDS", CONNECT_SHARE * timing.MAX_INVOCATION_SECONDS)
    monkeypatch.setattr(client, "READ_SECONDS", READ_SHARE * timing.MAX_INVOCATION_SECONDS)


@pytest.fixture
def real_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock goes on, and an invocation has time for what comes before the connection."""
    for module in (deadline, request):
        monkeypatch.setattr(module, "time", time)
    monkeypatch.setattr(resource, "MAX_INVOCATION_SECONDS", 2 * INVOCATION_SECONDS)
    monkeypatch.setattr(client, "READ_SECONDS", READ_SHARE / 4 * timing.MAX_INVOCATION_SECONDS)


@pytest.fixture
def fresh_process() -> Iterator[None]:
    """Nothing that `client` keeps for a process is another test's: the environment has other settings."""
    client._in.cache_clear()
    yield
    client._in.cache_clear()


def tls_server(
    network: Network, monkeypatch: pytest.MonkeyPatch, folder: Path, handler: type[Handler] = Handler
) -> TlsServer:
    """The scripted SageMaker over TLS, whose certificate clients accept; not started."""
    certificate = make_certificate(folder)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    return TlsServer(certificate, network, handler)


@pytest.fixture
def slow_server(
    script: Script,
    network: Network,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Server]:
    """The scripted SageMaker behind a name, and one of the ways in which connections to it take too long."""
    request.getfixturevalue("fresh_process")
    kind = request.param
    with contextlib.ExitStack() as stack:
        is_tls = kind in ("TLS", "tunnel")
        server: Server
        if is_tls:
            server = tls_server(network, monkeypatch, tmp_path)
            server.is_slow = kind == "TLS"
        else:
            server = Server(Handler)
        stack.enter_context(server)
        server.script = script
        name, port = f"{HOST}:{server.server_port}", server.server_port
        if kind == "tunnel":
            proxy = TunnelProxy(server.server_port, network)
            stack.callback(proxy.close)
            monkeypatch.setenv("HTTPS_PROXY", f"http://{HOST}:{proxy.port}")
            port = proxy.port
        if kind == "name":
            network.resolve = network.wait
        else:
            # A timeout of the connection is for each address, then for the tunnel, then for TLS.
            dead = stack.enter_context(dead_addresses(port, MANY if kind == "addresses" else 1))
            network.slow_addresses = [*dead, LOCAL]
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", f"{'https' if is_tls else 'http'}://{name}")
        connect_first()
        yield server
        network.released.set()


def connect_first() -> None:
    """Make the first client of an environment, which takes long and opens what is kept."""
    credentials = Credentials("key", "secret", "session")
    client.connect(
        "sagemaker", credentials, "eu-west-1", Deadline(0), client.Attempts(2, 5, timing.MAX_ATTEMPTS)
    )


def left_behind() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith(f"{telemetry.MUTED} of a handler")]


def finish_left_behind(network: Network) -> None:
    """Let the slow connection go on, and wait until no thread of the invocation is left."""
    network.released.set()
    for thread in left_behind():
        thread.join(MAX_WAIT_SECONDS)
    assert left_behind() == []


def check_out_of_time(event: Model, write: Write, note: str = "") -> None:
    """Assert that an invocation ended as one without time; `note` is what it says of the write."""
    if write.has_begun:
        assert (event["status"], event["message"]) == ("IN_PROGRESS", "")
        assert event["callbackContext"].get("unanswered", "") == (write.operation if note else "")
    else:
        text = f"{note}. {NO_TIME}" if note else NO_TIME
        assert event == failed("NetworkFailure", write.action, write.identifier, text)


def check_not_sent(invoke: Invoker, script: Script, network: Network, write: Write) -> None:
    """Assert that a write whose connection takes too long is not sent, then or later."""
    write.prepare(script, network)
    expected = [step.operation for step in script.steps]
    event = invoke(write.action, write.desired, write.previous)
    assert network.connections == network.slow
    finish_left_behind(network)
    assert script.operations() == expected
    check_out_of_time(event, write)


@each_write
@pytest.mark.parametrize("slow_server", ["name", "addresses", "tunnel", "TLS"], indirect=True)
@pytest.mark.usefixtures("short", "slow_server")
def test_write_whose_connection_outlasts_the_invocation_is_not_sent(
    invoke: Invoker, script: Script, network: Network, write: Write
) -> None:
    check_not_sent(invoke, script, network, write)


@pytest.mark.parametrize("slow_server", ["name", "addresses", "tunnel", "TLS"], indirect=True)
@pytest.mark.usefixtures("short", "real_clock", "slow_server")
def test_create_whose_connection_outlasts_the_deadline_is_not_sent(
    invoke: Invoker, script: Script, network: Network
) -> None:
    check_not_sent(invoke, script, network, WRITES["create"])


@each_write
@pytest.mark.parametrize("slow_server", ["name"], indirect=True)
@pytest.mark.usefixtures("slow_server")
def test_deadline_that_passes_during_a_connection_is_noticed_before_the_request(
    invoke: Invoker, script: Script, network: Network, clock: Clock, write: Write
) -> None:
    """Not only the end of the invocation: the thread that waits for the handler may be late itself."""
    network.resolve = lambda: clock.advance(timing.MAX_INVOCATION_SECONDS - timing.READ_SECONDS + 0.1)
    write.prepare(script, network)
    check_out_of_time(invoke(write.action, write.desired, write.previous), write)
    assert left_behind() == []


@each_write
@pytest.mark.parametrize("slow_server", ["addresses"], indirect=True)
@pytest.mark.usefixtures("slow_server")
def test_write_over_a_slow_connection_is_sent_in_time(
    invoke: Invoker, script: Script, network: Network, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    monkeypatch.setattr(client, "CONNECT_SECONDS", 0.05)
    write.prepare(script, network)
    script.expect(write.operation, ANY, DENIED)
    event = invoke(write.action, write.desired, write.previous)
    assert network.connections == network.slow
    assert event["errorCode"] == "AccessDenied"
    assert write.note not in event["message"]


# --- answers that take too long ---------------------------------------------------------------------


class TricklingHandler(Handler):
    """Answers the slow request byte by byte, until the client hangs up."""

    def answer(self, status: int, content: Any = b"", headers: Any = None) -> None:
        script, network = self.server.script, self.server.network  # type: ignore[attr-defined] # set by a test
        if len(script.calls) != network.slow:
            super().answer(status, content, headers)
            return
        self.send_response(status)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        # In the end the answer would be whole, if the client still waited for it.
        while not network.released.wait(0.02):
            self.wfile.write(b" ")
            self.wfile.flush()
        self.close_connection = True


@pytest.fixture
def trickle(script: Script, network: Network, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The scripted SageMaker, whose answer to the slow request trickles."""
    with Server(TricklingHandler) as server:
        server.script = script
        server.network = network  # type: ignore[attr-defined] # for the handler
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", server.endpoint)
        connect_first()
        yield
        network.released.set()


@each_write
@pytest.mark.usefixtures("short", "trickle")
def test_write_whose_answer_trickles_may_have_worked(
    invoke: Invoker, script: Script, network: Network, write: Write
) -> None:
    write.prepare(script, network)
    script.expect(write.operation, ANY, {})
    event = invoke(write.action, write.desired, write.previous)
    # Its connection is cut off, so that the thread ends although the answer never does.
    for thread in left_behind():
        thread.join(MAX_WAIT_SECONDS)
    assert left_behind() == []
    check_out_of_time(event, write, write.note)


@pytest.mark.usefixtures("short", "fresh_process")
def test_create_whose_answer_trickles_over_tls_is_cut_off(
    invoke: Invoker, script: Script, network: Network, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with tls_server(network, monkeypatch, tmp_path, TricklingHandler) as server:
        server.script, server.is_slow, network.slow = script, False, 1
        server.network = network  # type: ignore[attr-defined] # for the handler
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", f"https://{LOCAL}:{server.server_port}")
        connect_first()
        script.create(ANY, VERSION)
        event = invoke("CREATE", IN_GROUP)
        for thread in left_behind():
            thread.join(MAX_WAIT_SECONDS)
        assert left_behind() == []
        check_out_of_time(event, WRITES["create"], MAYBE_REGISTERED)


@pytest.mark.usefixtures("short", "trickle")
def test_read_whose_answer_trickles_leaves_nothing_open(
    invoke: Invoker, script: Script, network: Network
) -> None:
    network.slow = 1
    script.describe(VERSION, version())
    event = invoke("UPDATE", VERSION_STATE | APPROVED, VERSION_STATE)
    finish_left_behind(network)
    assert event == failed("NetworkFailure", "UPDATE", VERSION, NO_TIME)


def sockets() -> set[str]:
    """The sockets that this process has open, by their inodes."""
    gc.collect()
    opened = set()
    for each in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            opened.add(os.readlink(f"/proc/self/fd/{each}"))
    return {each for each in opened if each.startswith("socket:")}


@pytest.mark.usefixtures("short", "fresh_process")
def test_thread_that_is_left_in_a_tunnel_lets_go_of_its_socket(
    invoke: Invoker, script: Script, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection has a timeout for each read alone, so that a proxy's answer to CONNECT may have no end."""
    trickle = Trickle(b"HTTP/1.1 200 Connection established\r\nX-More: ", network)
    before = sockets()
    with contextlib.closing(trickle), monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", f"https://{LOCAL}")
        patch.setenv("HTTPS_PROXY", f"http://{LOCAL}:{trickle.port}")
        connect_first()
        for _ in range(3):
            trickle.left.clear()
            assert invoke("READ", STATE) == failed("NetworkFailure", "READ", VERSION, NO_TIME)
            assert trickle.left.wait(MAX_WAIT_SECONDS)
            for thread in left_behind():
                thread.join(MAX_WAIT_SECONDS)
            assert left_behind() == []
        # The proxy's own end of a connection is closed a moment later.
        until = time.monotonic() + MAX_WAIT_SECONDS
        while sockets() - before and time.monotonic() < until:
            time.sleep(0.01)
        assert sockets() - before == set()
    connect_first()
    script.describe(VERSION, version())
    assert invoke("READ", STATE)["status"] == "SUCCESS"


# --- threads that go on after the answer ------------------------------------------------------------


@pytest.mark.parametrize("action", ["CREATE", "UPDATE", "DELETE"])
@pytest.mark.usefixtures("short")
def test_thread_that_goes_on_after_the_answer_makes_no_call(
    invoke: Invoker, script: Script, network: Network, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    """An answer comes in time, but the handler goes on with it too late, as a frozen process may."""
    late = {"CREATE": "arn_of", "UPDATE": "to_model", "DELETE": "delete_arguments"}[action]
    original = getattr(translate, late)

    def wait(*arguments: Any) -> Any:
        network.wait()
        return original(*arguments)

    monkeypatch.setattr(translate, late, wait)
    if action == "CREATE":
        script.create(ANY, VERSION)
    elif action == "UPDATE":
        script.describe(VERSION, version())
    else:
        script.describe_metadata(VERSION, version())
    desired = {"CREATE": IN_GROUP, "UPDATE": VERSION_STATE | APPROVED, "DELETE": STATE}[action]
    event = invoke(action, desired, VERSION_STATE if action == "UPDATE" else None)
    assert network.reached.is_set()
    finish_left_behind(network)
    # The handler has not taken note of create's answer, so nothing but the message tells of the package.
    text = f"{MAYBE_REGISTERED}. {NO_TIME}" if action == "CREATE" else NO_TIME
    assert event == failed("NetworkFailure", action, "churn" if action == "CREATE" else VERSION, text)


@pytest.mark.usefixtures("short")
def test_log_of_a_thread_that_is_left_behind_is_not_the_next_invocations(
    invoke: Invoker, script: Script, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, log = translate.to_model, logging.getLogger(telemetry.PACKAGE)

    def wait(*arguments: Any) -> Any:
        network.wait()
        log.info("late")
        return original(*arguments)

    monkeypatch.setattr(translate, "to_model", wait)
    script.describe(VERSION, version())
    invoke("READ", STATE)
    records: list[Any] = []
    monkeypatch.setattr(telemetry._Sender, "send", lambda _sender, item: records.append(item))
    (thread,) = left_behind()

    def handle(*_: object) -> Any:
        network.released.set()
        thread.join(MAX_WAIT_SECONDS)
        log.info("of this invocation")
        return success({})

    monkeypatch.setitem(handlers.resource._handlers, Action.READ, handle)
    assert invoke("READ", STATE, providerLogGroupName="logs", providerCredentials=CREDENTIALS)
    messages = [item[1] for item in records if isinstance(item, tuple)]
    assert messages == ["of this invocation", f"READ {VERSION}: SUCCESS"]


# --- what an invocation says of a write without an answer -------------------------------------------

LOST = [HANGS_UP] * timing.MAX_ATTEMPTS
SERVER_ERROR = error("InternalFailure", "oops", 500)
THROTTLED = error("ThrottlingException", "Rate exceeded")


@each_write
@table(
    "replies, is_open",
    {
        "no answer": (LOST, True),
        "a server error": ([SERVER_ERROR] * timing.MAX_ATTEMPTS, True),
        "half an answer": ([HALF_AN_ANSWER] * timing.MAX_ATTEMPTS, True),
        "no answer, then a refusal": ([HANGS_UP, DENIED], True),
        "no answer, then too many calls": ([HANGS_UP, *[THROTTLED] * (timing.MAX_ATTEMPTS - 1)], True),
        "too many calls, then no answer": ([*[THROTTLED] * (timing.MAX_ATTEMPTS - 1), HANGS_UP], True),
        "a refusal": ([DENIED], False),
        "too many calls": ([THROTTLED] * timing.MAX_ATTEMPTS, False),
        "too many calls, then a refusal": ([THROTTLED, DENIED], False),
    },
)
def test_failure_says_whether_a_write_may_have_worked(
    invoke: Invoker, script: Script, network: Network, write: Write, replies: list[Reply], is_open: bool
) -> None:
    write.prepare(script, network)
    for reply in replies:
        script.expect(write.operation, ANY, reply)
    event = invoke(write.action, write.desired, write.previous)
    if event["status"] == "IN_PROGRESS":
        assert event["callbackContext"].get("unanswered") == (write.operation if is_open else None)
    else:
        assert event["status"] == "FAILED"
        assert (write.note in event["message"]) == is_open


@each_write
def test_refused_connection_leaves_nothing_open(
    invoke: Invoker, script: Script, network: Network, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", script.url.replace(LOCAL, HOST))
    # Where nothing listens at the server's port.
    network.slow_addresses = ["127.0.0.2"]
    write.prepare(script, network)
    event = invoke(write.action, write.desired, write.previous)
    assert network.connections == network.slow + timing.MAX_ATTEMPTS - 1
    if write.has_begun:
        assert "unanswered" not in event["callbackContext"]
    else:
        text = f'Could not connect to the endpoint URL: "{script.url.replace(LOCAL, HOST)}/"'
        assert event == failed("NetworkFailure", write.action, write.identifier, text)


def test_open_write_is_remembered_until_the_package_is_described(invoke: Invoker, script: Script) -> None:
    context = {"arn": VERSION, "stage": "writing", "polls": 1}
    script.describe(VERSION, version())
    for _ in LOST:
        script.expect("UpdateModelPackage", ANY, HANGS_UP)
    event = invoke("UPDATE", VERSION_STATE | APPROVED, VERSION_STATE, context)
    context = event["callbackContext"]
    assert context["unanswered"] == "UpdateModelPackage"
    # A poll that cannot describe the package does not know either.
    script.describe(VERSION, DENIED)
    event = invoke("UPDATE", VERSION_STATE | APPROVED, VERSION_STATE, context)
    text = f"{HALF_DONE}. {MAYBE_CHANGED}. {DENIED.text}"
    assert event == failed("AccessDenied", "UPDATE", VERSION, text)
    # One that does goes on from there.
    script.describe(VERSION, version(**APPROVED, ModelPackageStatus="InProgress"))
    event = invoke("UPDATE", VERSION_STATE | APPROVED, VERSION_STATE, context)
    assert "unanswered" not in event["callbackContext"]


def test_open_write_stays_open_while_it_is_made_again(invoke: Invoker, script: Script) -> None:
    context = {"arn": VERSION, "stage": "writing", "polls": 1, "unanswered": "UpdateModelPackage"}
    event = "UPDATE", VERSION_STATE | APPROVED, VERSION_STATE
    # A description may be older than the write.
    script.describe(VERSION, version())
    script.expect("UpdateModelPackage", ANY, DENIED)
    failure = failed("AccessDenied", "UPDATE", VERSION, f"{HALF_DONE}. {MAYBE_CHANGED}. {DENIED.text}")
    assert invoke(*event, context) == failure
    # Throttled, the next poll knows of it as well.
    script.describe(VERSION, version())
    for _ in range(timing.MAX_ATTEMPTS):
        script.expect("UpdateModelPackage", ANY, THROTTLED)
    assert invoke(*event, context)["callbackContext"]["unanswered"] == "UpdateModelPackage"
    # Answered, it is open no more.
    script.describe(VERSION, version())
    script.expect("UpdateModelPackage", ANY, STATE)
    script.describe(VERSION, DENIED)
    assert invoke(*event, context) == failed("AccessDenied", "UPDATE", VERSION, DENIED.text)


def test_card_may_be_half_changed_while_a_write_is_open(invoke: Invoker, script: Script) -> None:
    context = {"arn": VERSION, "stage": "writing", "polls": 1, "unanswered": "UpdateModelPackage"}
    desired, previous = ({**VERSION_STATE, "ModelCard": card} for card in (OTHER_CARD, CARD))
    script.describe(VERSION, version(ModelCard=CARD))
    script.expect("UpdateModelPackage", ANY, DENIED)
    text = f"ModelCard may be half changed. {MAYBE_CHANGED}. {DENIED.text}"
    assert invoke("UPDATE", desired, previous, context) == failed("AccessDenied", "UPDATE", VERSION, text)


def test_open_delete_stays_open_while_it_is_made_again(invoke: Invoker, script: Script) -> None:
    context = {"arn": VERSION, "stage": "waiting", "polls": 1, "unanswered": "DeleteModelPackage"}
    script.describe_metadata(VERSION, version())
    script.delete(VERSION, DENIED)
    text = f"{MAYBE_DELETING}. {DENIED.text}"
    assert invoke("DELETE", STATE, context=context) == failed("AccessDenied", "DELETE", VERSION, text)
