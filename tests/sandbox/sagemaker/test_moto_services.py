"""Which of moto's services are served, and what they reach."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from moto.backends import list_of_moto_modules

from sandbox.sagemaker import SageMakerServer, moto_parts
from sandbox.shared.clients import client_factory
from sandbox.shared.credentials import Credentials
from sandbox.shared.http_request import request
from sandbox.shared.settings import NOT_HERE, PORTS, ROOT
from sandbox.shared.signatures import sign_post
from tests.sandbox.helpers import cases

KEYS = Credentials.new()
NONE: dict[str, str] = {}
# By the names in signatures, moto's own ones included. What is new here has to be looked at.
ANSWERING = {
    *("ecr", "iam", "kms", "logs", "monitoring", "s3", "s3bucket_path", "s3control"),
    *("s3files", "s3outposts", "sagemaker"),
    *("secretsmanager", "sns", "sqs", "ssm", "sts"),
}


@pytest.fixture(scope="module")
def server() -> Iterator[SageMakerServer]:
    """A server that verifies nothing, so that its guard refuses no request in moto's place."""
    with SageMakerServer() as server:
        yield server


def client_of(server: SageMakerServer, service: str) -> Any:
    make = client_factory(dict.fromkeys(PORTS, server.endpoint), KEYS)
    return make(service, config=Config(retries={"max_attempts": 0}))


def post(server: SageMakerServer, service: str, path: str = "/", headers: Mapping[str, str] = NONE) -> bytes:
    """Return the body that a signed request is answered with."""
    url = f"{server.endpoint}{path}"
    signed = sign_post(url, b"", KEYS, service)
    # moto imports a service at its first request.
    return request(url, "POST", b"", {**signed, **headers}, seconds=60).body


def is_refused(answer: bytes) -> bool:
    return NOT_HERE.encode() in answer or b"is not served here, but at" in answer


def test_listed_services_answer_and_no_others(server: SageMakerServer) -> None:
    names = {*Loader().list_available_services("service-2"), *list_of_moto_modules(), "monitoring"}
    assert len(names) > 400
    # Without the target that DynamoDB's clients always send, moto fails.
    targets = {"dynamodb": {"X-Amz-Target": "DynamoDB_20120810.ListTables"}}
    answering = {
        name for name in names if not is_refused(post(server, name, headers=targets.get(name, NONE)))
    }
    assert answering == ANSWERING


def test_moto_makes_applications_of_the_served_services_alone() -> None:
    create: Any = moto_parts.application().create_app  # type: ignore[attr-defined] # moto's dispatcher has it
    made = {name for name in list_of_moto_modules() if create(name) is not moto_parts._refuse}
    assert made == moto_parts.SERVED
    assert create(None) is moto_parts._refuse


CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "lambda": (
        "lambda",
        "create_function",
        {"FunctionName": "f", "Role": "arn:aws:iam::123456789012:role/any", "Code": {"ZipFile": b"x"}},
    ),
    "cloudformation": ("cloudformation", "create_stack", {"StackName": "a", "TemplateBody": "{}"}),
    "cloudcontrol": ("cloudcontrol", "list_resource_requests", {}),
    "batch": ("batch", "describe_compute_environments", {}),
    "ecs": ("ecs", "list_clusters", {}),
    "states": ("stepfunctions", "list_state_machines", {}),
    "codebuild": ("codebuild", "list_projects", {}),
    "glue": ("glue", "list_jobs", {}),
    "ec2": ("ec2", "describe_instances", {}),
    "events": ("events", "list_rules", {}),
    "dynamodb": ("dynamodb", "list_tables", {}),
    "execute-api": ("apigatewaymanagementapi", "delete_connection", {"ConnectionId": "a"}),
}


@cases("service, operation, arguments", CALLS)
def test_closed_service_is_refused_by_name(
    server: SageMakerServer, service: str, operation: str, arguments: dict[str, Any]
) -> None:
    with (
        closing(client_of(server, service)) as client,
        pytest.raises(ClientError) as refused,
    ):
        getattr(client, operation)(**arguments)
    message = refused.value.response["Error"]["Message"]
    variable = {"lambda": "LAMBDA", "cloudformation": "CLOUDFORMATION", "cloudcontrol": "CLOUDCONTROL"}
    if service in variable:
        assert message.endswith(
            f"is not served here, but at the endpoint in AWS_ENDPOINT_URL_{variable[service]}"
        )
    else:
        assert f"is {NOT_HERE}: served here are cloudwatch, ecr, iam," in message


@cases(
    "service, path, headers",
    {
        "a path of Lambda's": ("lambda", "/2015-03-31/functions/f/invocations", {}),
        "an action": ("cloudformation", "/?Action=ListStacks&Version=2010-05-15", {}),
        "a target": ("events", "/", {"X-Amz-Target": "AWSEvents.ListRules"}),
        "another host": ("batch", "/v1/submitjob", {"Host": "localhost"}),
        "SageMaker's target": ("batch", "/", {"X-Amz-Target": "SageMaker.ListTrainingJobs"}),
        "moto's name of a service": ("awslambda_simple", "/", {}),
        "moto itself": ("moto_api", "/", {}),
        "an unknown service": ("unknown", "/", {}),
    },
)  # fmt: skip
def test_request_is_refused_however_it_is_routed(
    server: SageMakerServer, service: str, path: str, headers: dict[str, str]
) -> None:
    assert is_refused(post(server, service, path, headers))


@pytest.mark.parametrize(
    "path", ["/lambda_us-east-1/2015-03-31/functions/", "/us-east-1_a/.well-known/jwks.json"]
)
def test_unsigned_request_is_refused_by_its_path(server: SageMakerServer, path: str) -> None:
    assert is_refused(request(f"{server.endpoint}{path}").body)


@pytest.mark.parametrize(
    ("service", "path", "content_type", "refusal"),
    [
        *(
            ("sagemaker", path, "application/json", f'"message": "POST {path} is not on this machine')
            for path in (
                "/endpoints/fraud/invocations",  # of the API sagemaker-runtime
                "/endpoints/fraud/invocations-response-stream",
                "/BatchGetRecord",  # of sagemaker-featurestore-runtime
                "/human-loops",  # of sagemaker-a2i-runtime
                "/service/SageMaker/operation/ListModels",  # of another protocol
            )
        ),
        ("kms", "/", "application/x-amz-json-1.1", '"message": "POST / names no operation"'),
        (
            "iam",
            "/",
            "application/x-www-form-urlencoded",
            "<Code>InvalidAction</Code><Message>POST / names no operation<",
        ),
    ],
)
def test_request_that_moto_has_a_page_for_is_an_error_of_the_client(
    server: SageMakerServer, service: str, path: str, content_type: str, refusal: str
) -> None:
    url = f"{server.endpoint}{path}"
    headers = sign_post(url, b"", KEYS, service, {"Content-Type": content_type})
    answer = request(url, "POST", b"", headers, seconds=60)
    assert answer.status == 400
    assert refusal in answer.body.decode()
    assert not answer.headers["Content-Type"].startswith("text/html")


def test_bucket_that_is_not_there_is_answered_without_a_body(server: SageMakerServer) -> None:
    with closing(client_of(server, "s3")) as s3, pytest.raises(ClientError, match=r"\(404\)"):
        s3.head_bucket(Bucket="no-such-bucket")


def test_topic_delivers_to_queues_alone(server: SageMakerServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("a request was sent")

    monkeypatch.setattr("moto.sns.models.requests.post", fail)
    with closing(client_of(server, "sns")) as sns, closing(client_of(server, "sqs")) as sqs:
        topic = sns.create_topic(Name="delivering")["TopicArn"]
        queue = sqs.create_queue(QueueName="receiving")["QueueUrl"]
        for protocol, endpoint in (
            ("http", "http://127.0.0.1:9/subscriber"),
            ("https", "https://127.0.0.1:9/subscriber"),
            ("lambda", "arn:aws:lambda:us-east-1:123456789012:function:f"),
            ("sqs", "arn:aws:sqs:us-east-1:123456789012:receiving"),
        ):
            sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
        sns.publish(TopicArn=topic, Message="to all")
        (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert '"to all"' in message["Body"]


def test_settings_of_the_shell_do_not_reach_moto(tmp_path: Path) -> None:
    code = (
        "from sandbox.shared.http_request import request; from sandbox.sagemaker import SageMakerServer\n"
        "with SageMakerServer() as server: assert request(server.endpoint).status == 200"
    )
    recording = {"MOTO_ENABLE_RECORDING": "1", "MOTO_RECORDER_FILEPATH": str(tmp_path / "recording")}
    environment = {**os.environ, **recording, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)  # noqa: S603 - our own code
    assert list(tmp_path.iterdir()) == []
