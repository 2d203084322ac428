"""The other side ends a kept connection: one new connection, no failed invocation, no write twice."""

from __future__ import annotations

import contextlib
import json

import pytest

from tests.unit.events import (
    APPROVED,
    IN_GROUP,
    NAMED,
    NAMED_STATE,
    REJECTED,
    STATE,
    VERSION_STATE,
    named,
    succeeded,
    tag_list,
    version,
    version_model,
)
from tests.unit.tables import table

from .authority import Authority
from .conftest import TunnelTo
from .process import FunctionProcess, Json, event
from .server import IN_ONE_PIECE, LOCAL, Act, End, Request, Server

READ = event("READ", STATE)
# More than one record of TLS and more than a socket takes at once.
CARD = {
    "ModelCardContent": json.dumps({"model_overview": {"model_description": "x" * 50_000}}),
    "ModelCardStatus": "Draft",
}
# Each with its last call, which no other of its calls is.
ACTIONS = {
    "read": (READ, "DescribeModelPackage"),
    "create": (event("CREATE", {**IN_GROUP, "ModelCard": CARD}), "CreateModelPackage"),
    "update": (event("UPDATE", VERSION_STATE | APPROVED, VERSION_STATE | REJECTED), "UpdateModelPackage"),
    "tag": (event("UPDATE", {**NAMED_STATE, "Tags": tag_list({"a": "1"})}, NAMED_STATE), "AddTags"),
    "delete": (event("DELETE", STATE), "DeleteModelPackage"),
}
each_action = table("sent, operation", ACTIONS)
WRITES = {operation for _, operation in ACTIONS.values()} - {"DescribeModelPackage"}


def describe(request: Request) -> Json:
    """The package that a description is asked for."""
    return named() if request.arguments["ModelPackageName"] == NAMED else version(**REJECTED)


@pytest.fixture
def warm(function: FunctionProcess, server: Server) -> Server:
    """The server after a first invocation, whose connection may be kept."""
    server.answers["DescribeModelPackage"] = describe
    invoke_read(function, server)
    return server


def invoke_read(function: FunctionProcess, server: Server) -> None:
    """One READ, and none of its requests in what the server has noted."""
    assert function.invoke(READ).answer == succeeded(version_model(**REJECTED))
    server.requests.clear()


def check_writes(server: Server, operation: str) -> None:
    """Fail unless the server got each write once, and this operation."""
    operations = server.operations()
    assert operation in operations
    assert all(operations.count(each) <= 1 for each in WRITES)


# --- between two invocations ------------------------------------------------------------------------


@each_action
def test_connection_ended_while_idle_is_made_anew(
    function: FunctionProcess, warm: Server, sent: Json, operation: str
) -> None:
    for how in (End.CLOSE_NOTIFY, End.FIN, End.RESET):
        for is_frozen in (False, True):
            with function.frozen() if is_frozen else contextlib.nullcontext():
                warm.end(how)
            connections = len(warm.connections)
            outcome = function.invoke(sent)
            assert outcome.answer["status"] != "FAILED", (how, is_frozen, outcome.answer)
            # A new connection, and no attempt that failed.
            assert outcome.pauses == 0
            check_writes(warm, operation)
            assert len(warm.connections) == connections + 1
            invoke_read(function, warm)


@table("sent, operation", {each: ACTIONS[each] for each in ("read", "create")})
def test_tunnel_ended_while_idle_is_made_anew(
    function: FunctionProcess,
    tls_server: Server,
    tunnel_to: TunnelTo,
    sent: Json,
    operation: str,
) -> None:
    tls_server.answers["DescribeModelPackage"] = describe
    proxy = tunnel_to(tls_server)
    function.set(HTTPS_PROXY=f"http://{LOCAL}:{proxy.port}")
    invoke_read(function, tls_server)
    with function.frozen():
        tls_server.end(End.FIN)
        proxy.wait_for_end(1)
    answer = function.invoke(sent).answer
    assert answer["status"] != "FAILED", answer
    check_writes(tls_server, operation)
    assert proxy.targets() == [f"{LOCAL}:{tls_server.port}"] * 2


@pytest.mark.parametrize("server", ["TLS"], indirect=True)
@table("sent, operation", {each: ACTIONS[each] for each in ("read", "create")})
def test_connection_that_was_forgotten_is_made_anew(
    function: FunctionProcess, warm: Server, sent: Json, operation: str
) -> None:
    # A write has a new connection, which is kept as well.
    for _ in range(3):
        function.invoke(ACTIONS["create"][0])
    warm.requests.clear()
    connections = len(warm.connections)
    with function.frozen():
        warm.end(End.SILENCE)
    # Two seconds for an answer that does not come.
    outcome = function.invoke(sent, seconds=11.0)
    assert outcome.answer["status"] != "FAILED", outcome.answer
    check_writes(warm, operation)
    assert len(warm.connections) == connections + 1
    # One attempt of one invocation failed at the most.
    pauses = 1 if sent == READ else 0
    assert outcome.pauses == pauses
    assert function.invoke(READ).pauses == pauses


def test_answer_that_no_request_belongs_to_is_not_read(function: FunctionProcess, server: Server) -> None:
    server.answers["DescribeModelPackage"] = lambda request: version(
        ModelPackageDescription=request.access_key
    )
    for act in (Act.ANSWER_AND_MORE, *IN_ONE_PIECE):
        server.expect("DescribeModelPackage", act)
        for key in ("AKIDONE", "AKIDTWO", "AKIDTHREE"):
            credentials = {"accessKeyId": key, "secretAccessKey": "not a secret", "sessionToken": "session"}
            answer = function.invoke(event("READ", STATE, callerCredentials=credentials)).answer
            assert answer == succeeded(version_model(ModelPackageDescription=key))


def test_connection_that_was_called_idle_is_made_anew(function: FunctionProcess, warm: Server) -> None:
    warm.expect("DescribeModelPackage", Act.CALL_IDLE)
    outcome = function.invoke(READ)
    assert outcome.answer["status"] == "SUCCESS", outcome.answer
    assert outcome.pauses == 0
    assert [each.connection for each in warm.requests] == [1, 2]


# --- in the middle of the next invocation -----------------------------------------------------------

BROKEN = [
    Act.CLOSE_AFTER_HEAD,
    Act.CLOSE_IN_BODY,
    Act.CLOSE_AFTER_BODY,
    Act.RESET_AFTER_BODY,
    Act.CLOSE_IN_ANSWER,
]
# The code of a failure that one of them ends in.
CODES = dict.fromkeys(BROKEN, "NetworkFailure") | {Act.CLOSE_IN_ANSWER: "ServiceInternalError"}


@pytest.mark.parametrize("server", ["TLS"], indirect=True)
@each_action
def test_request_that_breaks_is_made_again_as_on_a_new_connection(
    function: FunctionProcess, warm: Server, sent: Json, operation: str
) -> None:
    for act in BROKEN:
        connections = len(warm.connections)
        warm.expect(operation, act)
        answer = function.invoke(sent).answer
        assert answer["status"] != "FAILED", (act, answer)
        # Without a kept connection it is made twice as well: each create with one ClientToken.
        attempts = [each for each in warm.requests if each.operation == operation]
        assert [each.act for each in attempts[:2]] == [act, Act.ANSWER]
        assert attempts[0].connection != attempts[1].connection
        if operation in WRITES:
            assert len(attempts) == 2
        assert len(warm.connections) <= connections + 2
        invoke_read(function, warm)


@pytest.mark.parametrize("server", ["TLS"], indirect=True)
@each_action
def test_request_that_breaks_every_time_is_made_four_times(
    function: FunctionProcess, warm: Server, sent: Json, operation: str
) -> None:
    for act in BROKEN:
        warm.acts.clear()
        warm.expect(operation, *[act] * 8)
        answer = function.invoke(sent).answer
        attempts = [each.connection for each in warm.requests if each.operation == operation]
        # A read is sent once more when nothing comes from a kept connection.
        is_silent = operation not in WRITES and act is not Act.CLOSE_IN_ANSWER
        assert len(attempts) == (5 if is_silent else 4)
        assert len(set(attempts)) == len(attempts)
        assert (answer["status"], answer.get("errorCode")) == ("FAILED", CODES[act])
        warm.acts.clear()
        invoke_read(function, warm)


# --- in the middle of an invocation that gives up, or is frozen -------------------------------------


def give_up(function: FunctionProcess, server: Server, sent: Json, operation: str, act: Act) -> set[int]:
    """Send an event to whose call the answer comes too late, and return the connections of that call."""
    server.expect(operation, *[act] * 99)
    server.requests.clear()
    # On a busy machine it may give up before its call.
    while operation not in server.operations():
        assert function.invoke(sent, seconds=2.5).answer["status"] == "FAILED"
    used = {each.connection for each in server.requests}
    server.acts.clear()
    server.released.set()
    function.wait_for_threads()
    return used


# Without an answer each attempt has an end of its own; with one that trickles in the invocation has.
late = pytest.mark.parametrize("act", [Act.WAIT, Act.TRICKLE])


@late
def test_invocation_that_gave_up_leaves_no_connection(
    function: FunctionProcess, server: Server, act: Act
) -> None:
    server.answers["DescribeModelPackage"] = lambda request: version(
        ModelPackageDescription=request.access_key
    )
    function.invoke(READ)
    used = give_up(function, server, READ, "DescribeModelPackage", act)
    # The late answer is another caller's.
    credentials = {"accessKeyId": "AKIDNEXT", "secretAccessKey": "not a secret", "sessionToken": "session"}
    answer = function.invoke(event("READ", STATE, callerCredentials=credentials)).answer
    assert answer == succeeded(version_model(ModelPackageDescription="AKIDNEXT"))
    assert server.requests[-1].connection not in used
    for number in used:
        assert server.wait_for_end(number)


@late
@pytest.mark.parametrize("server", ["TLS"], indirect=True)
def test_write_that_gave_up_is_not_sent_again(function: FunctionProcess, warm: Server, act: Act) -> None:
    sent, operation = ACTIONS["create"]
    used = give_up(function, warm, sent, operation, act)
    number = len(warm.requests)
    assert function.invoke(READ).answer == succeeded(version_model(**REJECTED))
    assert [each.operation for each in warm.requests[number:]] == ["DescribeModelPackage"]
    assert warm.requests[-1].connection not in used


@pytest.mark.parametrize("is_warm", [False, True])
def test_answer_that_comes_while_frozen_is_read(
    function: FunctionProcess, server: Server, is_warm: bool
) -> None:
    if is_warm:
        assert function.invoke(READ).answer == succeeded(version_model())
    server.requests.clear()
    server.expect("DescribeModelPackage", Act.WAIT)
    function.begin(READ)
    assert server.waiting.acquire(timeout=10.0)
    with function.frozen():
        server.released.set()
    assert function.end().answer == succeeded(version_model())
    assert len(server.requests) == 1


def test_request_that_breaks_while_frozen_is_made_again(function: FunctionProcess, warm: Server) -> None:
    sent, operation = ACTIONS["create"]
    warm.expect(operation, Act.SILENCE)
    function.begin(sent)
    warm.wait_for(operation)
    with function.frozen():
        warm.end(End.FIN)
    answer = function.end().answer
    assert answer["status"] != "FAILED", answer
    assert [each.act for each in warm.requests if each.operation == operation] == [Act.SILENCE, Act.ANSWER]


# Without a handshake, which could take longer on a busy machine than this invocation has for it.
@pytest.mark.parametrize("server", ["HTTP"], indirect=True)
def test_invocation_frozen_past_its_deadline_leaves_no_connection(
    function: FunctionProcess, warm: Server
) -> None:
    warm.expect("DescribeModelPackage", *[Act.WAIT] * 8)
    function.begin(READ, seconds=2.5)
    assert warm.waiting.acquire(timeout=10.0)
    with function.frozen():
        assert not warm.waiting.acquire(timeout=1.5)
    assert function.end().answer["status"] == "FAILED"
    used = {each.connection for each in warm.requests}
    warm.released.set()
    warm.acts.clear()
    assert function.invoke(READ).answer == succeeded(version_model(**REJECTED))
    assert warm.requests[-1].connection not in used


# --- another certificate ----------------------------------------------------------------------------

NOT_TRUSTED = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "


@table(
    "kind, text",
    {
        "another authority": ("other", f"{NOT_TRUSTED}unable to get local issuer certificate"),
        "expired": ("expired", f"{NOT_TRUSTED}certificate has expired"),
        "another name": ("name", f"hostname '{LOCAL}' doesn't match 'elsewhere.test'"),
    },
)
def test_certificate_that_changes_is_verified(
    function: FunctionProcess,
    tls_server: Server,
    authority: Authority,
    other_authority: Authority,
    kind: str,
    text: str,
) -> None:
    assert function.invoke(READ).answer == succeeded(version_model())
    certificates = {
        "other": lambda: other_authority.issue([LOCAL]),
        "expired": lambda: authority.issue([LOCAL], is_expired=True),
        "name": lambda: authority.issue(["elsewhere.test"]),
    }
    tls_server.present(certificates[kind]())
    with function.frozen():
        tls_server.end(End.CLOSE_NOTIFY)
    answer = function.invoke(READ).answer
    assert (answer["status"], answer.get("errorCode")) == ("FAILED", "NetworkFailure")
    assert f": SSL validation failed for {tls_server.url()}/ {text}" in answer["message"]
    assert len(tls_server.requests) == 1
    # Renewed, it is trusted again.
    tls_server.present(authority.issue([LOCAL]))
    assert function.invoke(READ).answer == succeeded(version_model())
