"""The local SageMaker as a server: moto behind it, faults, the list of calls, the sandbox's own requests."""

from __future__ import annotations

import json
import time
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.sagemaker import Behaviour, Fault, SageMakerServer, moto_parts
from sandbox.shared.clients import ClientFactory
from sandbox.shared.credentials import session
from sandbox.shared.errors import ApiError
from sandbox.shared.settings import ACCOUNT
from tests.sandbox.helpers import cases
from tests.sandbox.sagemaker import sagemaker_calls as sm


@pytest.mark.usefixtures("server")
def test_moto_parts_are_still_there(client: sm.Client) -> None:
    scope = moto_parts.scope_in(ACCOUNT, sm.REGION)
    assert (scope.partition, scope.region, scope.account) == ("aws", sm.REGION, ACCOUNT)
    assert moto_parts.scope_in(ACCOUNT, "cn-north-1").partition == "aws-cn"
    moto_parts.check_region(scope)
    with pytest.raises(ApiError, match="There is no region nowhere"):
        moto_parts.check_region(moto_parts.scope_in(ACCOUNT, "nowhere"))
    client.create_experiment(ExperimentName="kept-by-moto")
    assert client.list_experiments()["ExperimentSummaries"]
    assert callable(moto_parts.request_handler().log)
    assert moto_parts.issued_key("key") is None
    moto_parts.reset()
    assert client.list_experiments()["ExperimentSummaries"] == []


@pytest.mark.usefixtures("server")
def test_other_services_answer_on_the_same_endpoint(client_for: ClientFactory) -> None:
    assert client_for("sts").get_caller_identity()["Account"] == ACCOUNT
    s3 = client_for("s3")  # with a bucket of the name that the sandbox's own requests begin with
    s3.create_bucket(Bucket="sandbox", CreateBucketConfiguration={"LocationConstraint": sm.REGION})
    s3.put_object(Bucket="sandbox", Key="calls", Body=b"body")
    assert s3.get_object(Bucket="sandbox", Key="calls")["Body"].read() == b"body"


def operations() -> list[str]:
    """Every operation that the API description has."""
    names: list[str] = botocore.session.Session().get_service_model("sagemaker").operation_names
    return [*names, "GrowModelPackage", ""]


@pytest.mark.parametrize("body", ["{}", "[]", "{"])
def test_every_operation_is_answered_in_json_and_no_server_error(server: SageMakerServer, body: str) -> None:
    for operation in operations():
        status, answer = sm.signed(server, operation, body)
        assert status in (200, 400), operation
        if status == 400:
            assert answer.keys() & {"message", "Message"}, operation
            assert answer["__type"], operation
    assert all(call["answered"] for call in server.calls)


def test_operations_that_nobody_has_are_named_and_not_tried_again(
    client_for: ClientFactory, server: SageMakerServer
) -> None:
    client = client_for("sagemaker", config=Config(proxies={}))  # with the retries of an SDK
    message = sm.refusal(client.list_hubs)
    assert message.startswith("UnknownOperationException: SageMaker's ListHubs is not on this machine")
    message = sm.refusal(client.list_tags, ResourceArn=sm.PREFIX + "hub/none")  # which moto fails at
    assert message.startswith("ValidationException: SageMaker's ListTags cannot answer this request: ")
    assert [(call["operation"], call["error"]) for call in server.calls] == [
        ("ListHubs", "UnknownOperationException"),
        ("ListTags", "ValidationException"),
    ]


def test_failures_are_errors_of_the_client(
    client: sm.Client, server: SageMakerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(server.service._operations, "ListModelPackages", lambda _scope, _request: 1 / 0)
    message = sm.refusal(client.list_model_packages)
    assert message == (
        "ValidationException: SageMaker's ListModelPackages cannot answer this request: "
        "ZeroDivisionError: division by zero"
    )
    assert server.calls[-1]["error"] == "ValidationException"


@pytest.mark.parametrize("operation", ["AddTags", "DeleteTags", "ListTags", "Search"])
def test_operations_that_moto_shares_are_checked(server: SageMakerServer, operation: str) -> None:
    member = "Resource" if operation == "Search" else "ResourceArn"
    for body in ("{}", json.dumps({member: None}), json.dumps({member: "fraud"})):
        status, answer = sm.signed(server, operation, body)
        assert (status, answer["__type"]) == (400, "ValidationException")
        assert "failed to satisfy constraint" in answer["message"]


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("service", "operation", "refused"),
    [
        ("sts", "decode_authorization_message", "InvalidAction: POST / is not on this machine: "),
        ("ssm", "list_nodes", "UnknownOperationException: AmazonSSM.ListNodes is not on this machine: "),
    ],
)
def test_operations_of_other_services_that_nobody_has_are_errors_of_the_client(
    client_for: ClientFactory, service: str, operation: str, refused: str
) -> None:
    call = getattr(client_for(service), operation)
    assert sm.refusal(call).startswith(refused)


OTHER_ACCOUNT = "999999999999"
OTHER_PREFIX = f"arn:aws:sagemaker:{sm.REGION}:{OTHER_ACCOUNT}:"
SHARED = OTHER_PREFIX + "model-package-group/Shared"


@pytest.fixture
def other_client(client_for: ClientFactory) -> sm.Client:
    """A client with a role of another account."""
    role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/other"
    keys = client_for("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    client: sm.Client = client_for(
        "sagemaker",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    return client


def test_assumed_roles_of_another_account_have_packages_of_their_own(
    client: sm.Client, other_client: sm.Client
) -> None:
    arn = sm.create(other_client, sm.unversioned())
    assert arn == OTHER_PREFIX + "model-package/package"
    assert sm.refusal(sm.describe, client, arn) == sm.absent(arn)
    group = OTHER_PREFIX + "model-package-group/group"
    message = sm.refusal(sm.create, client, {"ModelPackageGroupName": group})
    assert message == f"{sm.INVALID}ModelPackageGroup {group} does not exist."


def test_shared_groups_of_another_account_are_in_reach(
    client: sm.Client, other_client: sm.Client, server: SageMakerServer
) -> None:
    server.behaviour.shared_groups = [SHARED]
    arns = [sm.create(client, {"ModelPackageGroupName": SHARED}) for _ in range(2)]
    assert arns == [f"{OTHER_PREFIX}model-package/Shared/{number}" for number in (1, 2)]
    arn = arns[0]
    answer = sm.describe(client, arn)
    assert (answer["ModelPackageGroupName"], answer["ModelPackageVersion"]) == ("Shared", 1)
    assert ACCOUNT in answer["CreatedBy"]["IamIdentity"]["Arn"]
    sm.update(client, arn, ModelApprovalStatus="Approved")
    listed = client.list_model_packages(ModelPackageGroupName=SHARED)["ModelPackageSummaryList"]
    assert [each["ModelPackageArn"] for each in listed] == arns
    assert client.list_model_packages(ModelPackageType="Both")["ModelPackageSummaryList"] == []
    # They are the other account's, to whom the group is one of its own.
    assert sm.describe(other_client, "shared/1")["ModelApprovalStatus"] == "Approved"
    sm.delete(client, arn)
    assert [each["ModelPackageArn"] for each in server.packages] == arns[1:]
    own = {"ModelPackageGroupName": "Shared"}
    assert sm.refusal(sm.create, client, own).endswith("/Shared does not exist.")
    message = sm.refusal(client.delete_model_package_group, ModelPackageGroupName=SHARED)
    assert message == f"{sm.INVALID}ModelPackageGroup {SHARED} does not exist."


def test_groups_no_longer_shared_are_out_of_reach(client: sm.Client, server: SageMakerServer) -> None:
    server.behaviour.shared_groups = [SHARED]
    arn = sm.create(client, {"ModelPackageGroupName": SHARED})
    server.behaviour.shared_groups = []
    assert sm.refusal(sm.describe, client, arn) == sm.absent(arn)
    assert sm.refusal(sm.update, client, arn) == sm.absent(arn)
    assert sm.refusal(client.list_model_packages, ModelPackageGroupName=SHARED).endswith("does not exist.")


def test_groups_are_listed_of_all_regions(client_for: ClientFactory, server: SageMakerServer) -> None:
    server.reset()
    for region in ("us-east-1", "eu-west-1"):
        group = f"in-{region}"
        client_for("sagemaker", region_name=region).create_model_package_group(ModelPackageGroupName=group)
    assert server.groups == [
        f"arn:aws:sagemaker:{region}:{ACCOUNT}:model-package-group/in-{region}"
        for region in ("us-east-1", "eu-west-1")
    ]


def test_faults_strike_the_calls_they_are_meant_for(client: sm.Client, server: SageMakerServer) -> None:
    server.behaviour.faults = [
        Fault("ThrottlingException", "Rate exceeded", operation="DescribeModelPackage", times=2, after=1)
    ]
    arn = sm.create(client, sm.unversioned())
    assert sm.describe(client, arn)["ModelPackageArn"] == arn
    for _ in range(2):
        assert sm.refusal(sm.describe, client, arn) == "ThrottlingException: Rate exceeded"
    assert sm.describe(client, arn)["ModelPackageArn"] == arn


def test_faults_can_be_server_errors_of_every_operation(client: sm.Client, server: SageMakerServer) -> None:
    server.behaviour.faults = [Fault("InternalFailure", http_status=500, times=None)]
    with pytest.raises(ClientError) as caught:
        client.list_model_package_groups()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert sm.refusal(client.list_model_packages).startswith("InternalFailure")


def test_faults_can_lose_an_answer_after_the_operation(client: sm.Client, server: SageMakerServer) -> None:
    server.behaviour.faults = [Fault("ServiceUnavailable", operation="CreateModelPackage", happens=True)]
    assert sm.refusal(sm.create, client, sm.version(ClientToken="token")).startswith("ServiceUnavailable")
    assert len(server.packages) == 1
    assert sm.create(client, sm.version(ClientToken="token")) == server.packages[0]["ModelPackageArn"]


def test_calls_have_session_and_package(client_for: ClientFactory, server: SageMakerServer) -> None:
    credentials = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    client = client_for("sagemaker", **dict.fromkeys(credentials, "of-this-test"))
    arn = sm.create(client, sm.version())
    sm.describe(client, arn)
    sm.update(client, arn, ModelApprovalStatus="Approved")
    client.list_tags(ResourceArn=arn)
    client.list_model_packages()
    sm.delete(client, arn)
    assert {call["session"] for call in server.calls} == {session("of-this-test")}
    assert "of-this-test" not in str(server.calls)
    assert [(call["operation"], call["package"]) for call in server.calls] == [
        ("CreateModelPackage", arn),
        ("DescribeModelPackage", arn),
        ("UpdateModelPackage", arn),
        ("ListTags", arn),
        ("ListModelPackages", None),
        ("DeleteModelPackage", arn),
    ]


def test_calls_have_their_input_and_error(client: sm.Client, server: SageMakerServer) -> None:
    missing = {"ModelPackageGroupName": "missing"}
    sm.refusal(sm.describe, client, "missing")
    client.list_model_package_groups()
    sm.refusal(client.describe_model_package_group, **missing)
    expected: list[tuple[str, sm.Json, str | None]] = [
        ("DescribeModelPackage", {"ModelPackageName": "missing"}, "ValidationException"),
        ("ListModelPackageGroups", {}, None),
        ("DescribeModelPackageGroup", missing, "ValidationException"),
    ]
    assert sm.control(server, "GET", "calls") == (200, server.calls)
    calls = server.calls
    for each in calls:
        assert each.pop("durationMs") > 0
        assert abs(each.pop("received") - time.time()) < 60
        # Signed with long-lived credentials, which have no session, and about no package that has an ARN.
        assert (each.pop("session"), each.pop("package")) == (None, None)
        assert (each.pop("region"), each.pop("account"), each.pop("answered")) == (sm.REGION, ACCOUNT, True)
    assert calls == [{"operation": name, "input": given, "error": error} for name, given, error in expected]
    assert sm.control(server, "DELETE", "calls") == (200, {})
    assert server.calls == []


def test_calls_keep_the_input_as_it_was_sent(client: sm.Client, server: SageMakerServer) -> None:
    request = sm.version({}, ClientToken="token")
    sm.create(client, request)
    assert server.calls[-1]["input"] == request


def test_behaviour_is_set_over_http(server: SageMakerServer) -> None:
    assert sm.control(server, "GET", "behaviour") == (200, Behaviour().as_json())
    status, answer = sm.control(server, "PUT", "behaviour", {"delete_describes": 3})
    assert (status, answer["delete_describes"]) == (200, 3)
    sm.control(server, "PATCH", "behaviour", {"faults": [{"code": "ThrottlingException"}]})
    assert server.behaviour == Behaviour(delete_describes=3, faults=[Fault("ThrottlingException")])
    sm.control(server, "PUT", "behaviour", {})
    assert server.behaviour == Behaviour()


@cases(
    "body, message",
    {
        "an unknown field": ({"delete_describe": 3}, "unknown behaviour: delete_describe"),
        "an unknown field of a fault": ({"faults": [{"cod": "x"}]}, "not a fault"),
        "no object": ([], "a JSON object is expected"),
        "a text for a number": ({"tags_page": "1"}, "not a value of tags_page: '1'"),
        "a Boolean for a number": ({"tags_page": True}, "not a value of tags_page: True"),
        "a number for a text": ({"statuses": {"a": 1}}, "not a value of statuses: {'a': 1}"),
        "a text for a number of a fault": (
            {"faults": [{"code": "x", "times": "1"}]},
            "not a value of times: '1'",
        ),
        "a name for an ARN": ({"shared_groups": ["g"]}, "not the ARN of a group in shared_groups: 'g'"),
    },
)
def test_behaviour_refuses(server: SageMakerServer, body: Any, message: str) -> None:
    status, answer = sm.control(server, "PUT", "behaviour", body)
    assert (status, message in answer["message"]) == (400, True)
    assert server.behaviour == Behaviour()


def test_packages_are_shown_with_all_their_data(client: sm.Client, server: SageMakerServer) -> None:
    arn = sm.create(client, sm.unversioned(Tags=sm.TAGS))
    _, packages = sm.control(server, "GET", "packages")
    assert packages == server.packages
    assert [(one["ModelPackageArn"], one["Tags"]) for one in packages] == [(arn, sm.TAGS)]
    assert sm.statuses(client, arn, 1) == ["Pending"]  # reading them did not count as a Describe


def test_reset_forgets_everything_twice(client: sm.Client, server: SageMakerServer) -> None:
    for _ in range(2):
        server.behaviour.resource_limit = 9
        assert sm.create(client, sm.version()) == sm.PACKAGES + "group/1"
        assert sm.control(server, "POST", "reset") == (200, {})
        assert (server.packages, server.calls, server.behaviour) == ([], [], Behaviour())
        assert client.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
        client.create_model_package_group(ModelPackageGroupName="group")


def test_server_refuses_requests_of_neither_kind(server: SageMakerServer) -> None:
    unknown = {"message": "no such control request: GET /sandbox/nothing"}
    assert sm.control(server, "GET", "nothing") == (404, unknown)
    headers = {"X-Amz-Target": "SageMaker.ListModelPackages"}
    status, answer = sm.send(f"{server.endpoint}/", "POST", b"{}", headers)
    assert (status, answer["__type"]) == (403, "MissingAuthenticationTokenException")


def test_server_starts_and_stops(capfd: pytest.CaptureFixture[str]) -> None:
    with SageMakerServer() as server:
        assert server.endpoint.startswith("http://127.0.0.1:")
        assert sm.control(server, "GET", "packages") == (200, [])
        endpoint = server.endpoint
    server.stop()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.endpoint
    with pytest.raises(ConnectionRefusedError):
        sm.send(f"{endpoint}/sandbox/packages", "GET")
    assert capfd.readouterr() == ("", "")
