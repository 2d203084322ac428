"""Nothing of a caller outlives an invocation: the memory of the process is searched, kept connections too."""

from __future__ import annotations

import json

import pytest

from tests.unit.events import IN_GROUP, STATE, version

from .authority import Authority
from .process import MARK, REGION, FunctionProcess, Json, credentials, event, signing_keys
from .server import Act, Request, Server

CARD = {
    "ModelCardContent": json.dumps({"model_overview": {"model_description": f"{MARK} of the card"}}),
    "ModelCardStatus": "Draft",
}
PROPERTIES = {
    **IN_GROUP,
    "ModelCard": CARD,
    "ModelPackageDescription": f"{MARK} of the description",
    "CustomerMetadataProperties": {"owner": f"{MARK} of the metadata"},
}
TELEMETRY = {"providerLogGroupName": "logs", "providerCredentials": credentials("PROVIDER")}


def described(_: Request) -> Json:
    """A description with what no other may see."""
    return version(**{name: value for name, value in PROPERTIES.items() if name not in IN_GROUP})


def keys(server: Server) -> list[bytes]:
    """The derived keys of the signatures of all requests."""
    derived: list[bytes] = []
    for each in server.requests:
        scope = each.headers["authorization"].partition("Credential=")[2].split("/")
        owner = scope[0].removeprefix(f"AKIA{MARK}")
        derived += signing_keys(credentials(owner)["secretAccessKey"], scope[1], REGION, scope[3])
    return derived


READ = event("READ", STATE, **TELEMETRY)
CREATE = event("CREATE", PROPERTIES, **TELEMETRY)


def check(function: FunctionProcess, server: Server) -> None:
    """Fail if something is left of the invocations, each of which has sent requests."""
    assert {"DescribeModelPackage", "CreateModelPackage"} <= {each.operation for each in server.requests}
    assert function.left(keys(server)) == []


def test_nothing_of_a_caller_is_left_after_success(function: FunctionProcess, server: Server) -> None:
    server.answers["DescribeModelPackage"] = described
    for sent in (READ, CREATE):
        assert function.invoke(sent).answer["status"] == "SUCCESS"
    check(function, server)


def test_nothing_of_a_caller_is_left_after_success_at_once(
    function: FunctionProcess, tls_server: Server
) -> None:
    tls_server.answers["DescribeModelPackage"] = described
    assert [each["status"] for each in function.invoke(READ, CREATE, READ).answers] == ["SUCCESS"] * 3
    check(function, tls_server)


def test_nothing_of_a_caller_is_left_after_broken_requests(
    function: FunctionProcess, tls_server: Server
) -> None:
    tls_server.answers["DescribeModelPackage"] = described
    # Each on the connection of an earlier invocation, where there is one.
    assert function.invoke(READ).answer["status"] == "SUCCESS"
    for act in (Act.CLOSE_IN_BODY, Act.CLOSE_AFTER_BODY, Act.CLOSE_IN_ANSWER, Act.ANSWER_AND_MORE_AT_ONCE):
        tls_server.expect("CreateModelPackage", act)
        assert function.invoke(CREATE).answer["status"] == "SUCCESS"
    check(function, tls_server)


@pytest.mark.parametrize("act", [Act.CLOSE_AFTER_BODY, Act.CLOSE_IN_ANSWER, Act.SILENCE])
def test_nothing_of_a_caller_is_left_after_failure(
    function: FunctionProcess, tls_server: Server, act: Act
) -> None:
    tls_server.answers["DescribeModelPackage"] = described
    assert function.invoke(READ).answer["status"] == "SUCCESS"
    tls_server.expect("CreateModelPackage", *[act] * 99)
    # On a busy machine it may give up before its call.
    while "CreateModelPackage" not in tls_server.operations():
        sent = event("CREATE", PROPERTIES)
        answer = function.invoke(sent, seconds=2.5 if act is Act.SILENCE else None).answer
        assert answer["status"] == "FAILED"
    check(function, tls_server)


@pytest.mark.usefixtures("tls_server")
def test_nothing_of_a_caller_is_left_where_nothing_is_trusted(
    function: FunctionProcess, other_authority: Authority
) -> None:
    function.set(AWS_CA_BUNDLE=str(other_authority.bundle))
    for sent in (READ, event("CREATE", PROPERTIES, **TELEMETRY)):
        assert function.invoke(sent).answer["status"] == "FAILED"
    assert function.left() == []


def test_search_of_the_memory_finds_what_is_left(function: FunctionProcess) -> None:
    key = bytes(range(64, 32, -1))
    function.keep(f"{MARK} of a test")
    function.keep(key.hex(), is_key=True)
    problems = [each.partition(" held by ")[0] for each in function.left([key])]
    assert problems == ["a secret in builtins.bytes", "a secret in builtins.str"]
