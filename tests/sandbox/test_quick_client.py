"""The client of the commands beside botocore's: the types it knows, and the same answers and errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    PaginationError,
    ReadTimeoutError,
)

from sandbox.local_aws import Sandbox
from sandbox.shared import quick_client
from sandbox.shared.credentials import Credentials
from sandbox.shared.http import JsonHandler, LocalServer
from sandbox.shared.quick_client import QuickClient, describe_model_package
from tests.sandbox.commands.cli import package_template
from tests.stack.stacks import version

MEMBERS = {
    "list": quick_client.LISTS,
    "structure": quick_client.STRUCTURES,
    "timestamp": quick_client.TIMESTAMPS,
    "integer": quick_client.INTEGERS,
    "boolean": quick_client.BOOLEANS,
}
NAME = {"StackName": "quick"}


def api_name(operation: str) -> str:
    return "".join(map(str.capitalize, operation.split("_")))


def members(shape: Any, seen: set[str]) -> Iterator[tuple[str, Any]]:
    """Every member of an answer, at any depth, with its shape."""
    if shape is None or shape.name in seen:
        return
    seen.add(shape.name)
    if shape.type_name == "list":
        assert not shape.serialization, f"{shape.name} has no element `member` around each item"
        yield from members(shape.member, seen)
    elif shape.type_name == "structure":
        for name, each in shape.members.items():
            yield name, each
            yield from members(each, seen)


def test_members_have_the_types_of_botocores_description() -> None:
    model = botocore.session.Session().get_service_model("cloudformation")
    assert model.api_version == quick_client.API_VERSION
    by_type: dict[str, set[str]] = {}
    seen: set[str] = set()
    for operation in quick_client.OPERATIONS:
        for name, shape in members(model.operation_model(api_name(operation)).output_shape, seen):
            by_type.setdefault(shape.type_name, set()).add(name)
    assert set(by_type) == {*MEMBERS, "string"}
    assert {kind: by_type[kind] for kind in MEMBERS} == MEMBERS
    # A name is enough to know the type only as long as no other type has it.
    assert sum(map(len, by_type.values())) == len(set[str]().union(*by_type.values()))


def test_pages_are_continued_as_botocore_continues_them() -> None:
    described = botocore.session.Session().get_component("data_loader")
    pages = described.load_service_model("cloudformation", "paginators-1")["pagination"]
    for operation in ("describe_change_set", "describe_stack_events", "describe_stacks"):
        tokens = pages[api_name(operation)]
        assert (tokens["input_token"], tokens["output_token"]) == ("NextToken", "NextToken")


@pytest.fixture
def clients(sandbox: Sandbox) -> Iterator[tuple[Any, QuickClient]]:
    """Botocore's client and the quick one, of a CloudFormation with a stack."""
    quick = QuickClient(sandbox.endpoints["cloudformation"], sandbox.credentials)
    with closing(sandbox.client("cloudformation")) as client:
        template = {
            **package_template(ModelPackageDescription="risk & <others>"),
            "Parameters": {"Unused": {"Type": "String", "Default": "1"}},
            "Outputs": {"Arn": {"Value": {"Ref": "Version"}}},
        }
        tags = [{"Key": "team", "Value": "risk + others"}]
        quick.create_stack(**NAME, TemplateBody=json.dumps(template), Parameters=[], Tags=tags)
        client.get_waiter("stack_create_complete").wait(
            **NAME, WaiterConfig={"Delay": 0, "MaxAttempts": 1000}
        )
        yield client, quick


READS: dict[str, Callable[[Any], Any]] = {
    "stacks": lambda client: client.describe_stacks(**NAME),
    "events": lambda client: client.describe_stack_events(**NAME),
    "resources": lambda client: client.describe_stack_resources(**NAME),
    "template": lambda client: client.get_template(**NAME),
    "no change sets": lambda client: client.list_change_sets(**NAME),
    "failed events": lambda client: client.describe_events(**NAME, Filters={"FailedEvents": True}),
    "type": lambda client: client.describe_type(Type="RESOURCE", TypeName="AWS::SageMaker::ModelPackage"),
    "pages": lambda client: list(client.get_paginator("describe_stacks").paginate()),
    "no pages": lambda client: list(client.get_paginator("describe_stack_events").paginate(**NAME)),
}


def plain(answer: Any) -> Any:
    """An answer without what is botocore's own."""
    if isinstance(answer, list):
        return [plain(each) for each in answer]
    return {name: each for name, each in answer.items() if name != "ResponseMetadata"}


def test_answers_are_those_of_botocore(clients: tuple[Any, QuickClient]) -> None:
    client, quick = clients
    for name, read in READS.items():
        assert plain(read(quick)) == plain(read(client)), name


def test_change_set_drift_and_update_are_those_of_botocore(clients: tuple[Any, QuickClient]) -> None:
    client, quick = clients
    template = json.dumps(package_template(ModelApprovalStatus="Approved"))
    named = {**NAME, "ChangeSetName": "approve"}
    quick.create_change_set(**named, TemplateBody=template, Capabilities=["CAPABILITY_IAM"], Parameters=[])
    while quick.describe_change_set(**named)["Status"] == "CREATE_IN_PROGRESS":
        pass
    for values in (True, False):
        answers = [plain(each.describe_change_set(**named, IncludePropertyValues=values)) for each in clients]
        assert answers[0] == answers[1]
    made = [plain(each.list_change_sets(**NAME)) for each in clients]
    assert made[0] == made[1]
    assert quick.delete_change_set(**named) == {}
    detection = quick.detect_stack_drift(**NAME)
    while (status := plain(quick.describe_stack_drift_detection_status(**detection)))[
        "DetectionStatus"
    ] == "DETECTION_IN_PROGRESS":
        pass
    assert status == plain(client.describe_stack_drift_detection_status(**plain(detection)))
    drifts = [plain(each.describe_stack_resource_drifts(**NAME)) for each in clients]
    assert drifts[0] == drifts[1]


@pytest.mark.parametrize("name", ["nobody-has-it", "not a name"])
def test_refusal_is_that_of_botocore(sandbox: Sandbox, name: str) -> None:
    quick = QuickClient(sandbox.endpoints["cloudformation"], sandbox.credentials)
    with closing(sandbox.client("cloudformation")) as client:
        errors = []
        for each in (client, quick):
            with pytest.raises(ClientError) as refused:
                each.describe_stacks(StackName=name)
            errors.append((str(refused.value), refused.value.operation_name))
    assert errors[0] == errors[1]


def test_package_is_described_as_botocore_does(sandbox: Sandbox) -> None:
    with closing(sandbox.client("sagemaker")) as client:
        client.create_model_package_group(ModelPackageGroupName="fraud")
        arn = client.create_model_package(**{**version(), "ModelPackageGroupName": "fraud"})[
            "ModelPackageArn"
        ]
        here = (sandbox.endpoints["sagemaker"], sandbox.credentials)
        assert describe_model_package(*here, arn) == plain(
            client.describe_model_package(ModelPackageName=arn)
        )
        errors = []
        for call in (
            lambda: client.describe_model_package(ModelPackageName=f"{arn}9"),
            lambda: describe_model_package(*here, f"{arn}9"),
        ):
            with pytest.raises(ClientError) as refused:
                call()
            errors.append((str(refused.value), refused.value.response["Error"]))
    assert errors[0] == errors[1]


def test_other_credentials_are_refused(sandbox: Sandbox) -> None:
    other = QuickClient(sandbox.endpoints["cloudformation"], Credentials.new())
    with pytest.raises(ClientError, match="The security token included in the request is invalid"):
        other.describe_stacks()


def test_operation_that_no_command_uses_is_refused() -> None:
    with pytest.raises(AttributeError, match="not set_stack_policy"):
        QuickClient("http://127.0.0.1:9", Credentials.new()).set_stack_policy(StackName="fraud")


def test_no_connection_and_no_answer_are_botocores_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EndpointConnectionError, match=r"http://127\.0\.0\.1:9"):
        QuickClient("http://127.0.0.1:9", Credentials.new()).describe_stacks()
    monkeypatch.setattr(quick_client, "READ_SECONDS", 0.05)
    with LocalServer(Silent) as server, pytest.raises(ReadTimeoutError, match="Read timeout"):
        QuickClient(server.endpoint, Credentials.new()).describe_stacks()


class Scripted(JsonHandler):
    """Answers each request with the same status and body."""

    status, body_sent = 200, b""

    def post(self) -> None:
        self.body()
        self.answer(self.status, self.body_sent)


def error_of(status: int, body: bytes, call: Callable[[str], Any]) -> Exception:
    """What a call of an endpoint with this answer raises."""
    handler = type("Answer", (Scripted,), {"status": status, "body_sent": body})
    with LocalServer(handler) as server, pytest.raises((ClientError, ConnectionClosedError)) as raised:
        call(server.endpoint)
    return raised.value


UNREADABLE = "an answer that cannot be read"


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (502, b"<html>Bad gateway", "(502) when calling the {}: Bad Gateway"),
        (400, b"<ErrorResponse/>", "(400) when calling the {}: Bad Request"),
        (500, b"[]", "(500) when calling the {}: Internal Server Error"),
        (500, b'{"message": "x"}', "(500) when calling the {}: Internal Server Error"),
        (599, b"", f"(599) when calling the {{}}: {UNREADABLE}"),
        (200, b"", f"(200) when calling the {{}}: {UNREADABLE}"),
        (200, b"<html>", f"(200) when calling the {{}}: {UNREADABLE}"),
    ],
)
def test_answer_that_is_not_the_apis_has_the_words_of_its_status(
    status: int, body: bytes, words: str
) -> None:
    keys = Credentials.new()
    calls: dict[str, Callable[[str], Any]] = {
        "DescribeStacks operation": lambda endpoint: QuickClient(endpoint, keys).describe_stacks(),
        "DescribeModelPackage operation": lambda endpoint: describe_model_package(endpoint, keys, "arn"),
    }
    for operation, call in calls.items():
        error = error_of(status, body, call)
        assert str(error) == f"An error occurred {words.format(operation)}"


def test_connection_that_is_lost_is_not_one_that_was_never_there() -> None:
    with LocalServer(Closing) as server, pytest.raises(ConnectionClosedError, match="before we received"):
        QuickClient(server.endpoint, Credentials.new()).describe_stacks()
    with LocalServer(Half) as server, pytest.raises(ConnectionClosedError, match="before we received"):
        QuickClient(server.endpoint, Credentials.new()).describe_stacks()


STACKS = "<A><DescribeStacksResult>{}</DescribeStacksResult></A>"


def test_pages_that_never_end_are_refused_as_by_botocore() -> None:
    body = STACKS.format("<Stacks/><NextToken>t</NextToken>").encode()
    handler = type("Endless", (Scripted,), {"body_sent": body})
    with LocalServer(handler) as server, pytest.raises(PaginationError, match="received twice"):
        for _ in QuickClient(server.endpoint, Credentials.new()).get_paginator("describe_stacks").paginate():
            pass


class Closing(JsonHandler):
    """Takes a request and closes the connection."""

    def post(self) -> None:
        self.body()
        self.close_connection = True


class Half(JsonHandler):
    """Announces more than it sends."""

    def post(self) -> None:
        self.body()
        self.answer(200, b"<a>", {"Content-Length": "1000"})
        self.close_connection = True


class Silent(JsonHandler):
    """Closes a connection only when its client has."""

    def post(self) -> None:
        self.rfile.read(1)
        self.close_connection = True
