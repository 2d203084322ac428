"""Nothing of a caller outlives an invocation: the memory of the process is searched, kept connections too."""

from __future__ import annotations

import json

import pytest

from tests.unit.events import IN_GROUP, STATE, version
from tests.unit.tables import table

from .process import MARK, REGION, FunctionProcess, Json, credentials, event, signing_key
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
    """The derived keys of all signatures of the requests, and of each step to them."""
    derived = []
    for each in server.requests:
        scope = each.headers["authorization"].partition("Credential=")[2].split("/")
        owner = scope[0].removeprefix(f"AKIA{MARK}")
        derived.append(signing_key(credentials(owner)["secretAccessKey"], scope[1], REGION, scope[3]))
    return derived


READ = event("READ", STATE, **TELEMETRY)
INVOCATIONS: dict[str, tuple[Json, str, list[Act]]] = {
    "a read": (READ, "SUCCESS", []),
    "a create": (event("CREATE", PROPERTIES, **TELEMETRY), "SUCCESS", []),
    "a failed create": (event("CREATE", PROPERTIES, **TELEMETRY), "FAILED", [Act.CLOSE_AFTER_BODY] * 9),
    "a create that breaks in its body": (event("CREATE", PROPERTIES), "SUCCESS", [Act.CLOSE_IN_BODY]),
    "a create that gave up": (event("CREATE", PROPERTIES), "FAILED", [Act.SILENCE] * 9),
    "a create whose answer breaks": (event("CREATE", PROPERTIES), "SUCCESS", [Act.CLOSE_IN_ANSWER]),
    "a create that is answered twice": (event("CREATE", PROPERTIES), "SUCCESS", [Act.ANSWER_AND_MORE]),
}


@table("sent, status, acts", INVOCATIONS)
def test_nothing_of_a_caller_is_left(
    function: FunctionProcess, tls_server: Server, sent: Json, status: str, acts: list[Act]
) -> None:
    tls_server.answers["DescribeModelPackage"] = described
    tls_server.expect("CreateModelPackage", *acts)
    # On the connection of an earlier invocation, where there is one.
    assert function.invoke(READ).answer["status"] == "SUCCESS"
    gives_up = Act.SILENCE in acts
    assert function.invoke(sent, seconds=2.5 if gives_up else None).answer["status"] == status
    assert tls_server.requests[-1].operation
    assert function.left(keys(tls_server)) == []


def test_nothing_of_a_caller_is_left_without_tls(function: FunctionProcess, server: Server) -> None:
    server.answers["DescribeModelPackage"] = described
    function.invoke(READ, event("CREATE", PROPERTIES))
    assert function.left(keys(server)) == []


@pytest.mark.usefixtures("tls_server")
def test_nothing_of_a_caller_is_left_where_nothing_is_trusted(function: FunctionProcess) -> None:
    function.set(AWS_CA_BUNDLE=None)
    for sent in (READ, event("CREATE", PROPERTIES, **TELEMETRY)):
        assert function.invoke(sent).answer["status"] == "FAILED"
    assert function.left() == []


@table(
    "place, kind",
    {
        "a text": (f"{MARK} of a test", "str"),
        "a text in small letters": (MARK.lower(), "str"),
        "a derived key": ("key", "bytes"),
    },
)
def test_search_of_the_memory_finds_what_is_left(function: FunctionProcess, place: str, kind: str) -> None:
    key = bytes(range(64, 32, -1))
    function.keep(key.hex() if kind == "bytes" else place, is_key=kind == "bytes")
    (problem,) = function.left([key])
    assert problem.startswith(f"a secret in a {kind}")
