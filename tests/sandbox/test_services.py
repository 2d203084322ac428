"""What a stack makes is where the printed variables point, in every account and region."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import boto3.session
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import Loader

from sandbox.cloudformation.stacks_loop import StacksLoop
from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Engine, SageMakerServer, moto_parts
from sandbox.shared.credentials import Access, Credentials
from sandbox.shared.heads import Head
from sandbox.shared.http_request import request
from sandbox.shared.settings import ACCOUNT, NOT_HERE, REGION, SERVICES
from sandbox.shared.signatures import sign_post
from sandbox.state_file import RunningSandbox
from tests.sandbox.engine_code import in_engine
from tests.sandbox.helpers import cases
from tests.stack.stacks import DeployedStacks, Json, new_name

OTHER_ACCOUNT = "210987654321"
OTHER_REGION = "eu-west-1"
ROLE = f"arn:aws:iam::{OTHER_ACCOUNT}:role/deploy"

Clients = Callable[..., Any]


def policy(**statement: Any) -> Json:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}


ALARM = {
    "ComparisonOperator": "GreaterThanThreshold",
    "EvaluationPeriods": 1,
    "Threshold": 1,
}
TRUST = policy(Principal={"AWS": "*"}, Action="sts:AssumeRole")
ANYTHING = policy(Action="s3:*", Resource="*")
RESOURCES: dict[str, tuple[str, Json]] = {
    "Alarm": ("CloudWatch::Alarm", {**ALARM, "Namespace": "n", "MetricName": "m", "Period": 60}),
    "Expression": (
        "CloudWatch::Alarm",
        {**ALARM, "Metrics": [{"Id": "e", "Expression": "SEARCH('x', 'Sum', 60)", "ReturnData": True}]},
    ),
    "Repository": ("ECR::Repository", {"RepositoryName": "one"}),
    "Role": ("IAM::Role", {"RoleName": "one", "AssumeRolePolicyDocument": TRUST}),
    "Policy": ("IAM::ManagedPolicy", {"ManagedPolicyName": "one", "PolicyDocument": ANYTHING}),
    "Profile": ("IAM::InstanceProfile", {"InstanceProfileName": "one", "Roles": [{"Ref": "Role"}]}),
    "User": ("IAM::User", {"UserName": "one"}),
    "Key": ("KMS::Key", {"KeyPolicy": policy(Principal="*", Action="kms:*", Resource="*")}),
    "Alias": ("KMS::Alias", {"AliasName": "alias/one", "TargetKeyId": {"Ref": "Key"}}),
    "Logs": ("Logs::LogGroup", {"LogGroupName": "one"}),
    "Secret": ("SecretsManager::Secret", {"SecretString": "a secret"}),
    "Topic": ("SNS::Topic", {}),
    "Queue": ("SQS::Queue", {}),
    "Parameter": ("SSM::Parameter", {"Type": "String", "Value": "a value"}),
    "Bucket": ("S3::Bucket", {}),
    "Group": ("SageMaker::ModelPackageGroup", {"ModelPackageGroupName": "group"}),
    "Version": ("SageMaker::ModelPackage", {"ModelPackageGroupName": {"Ref": "Group"}}),
    "Model": (
        "SageMaker::Model",
        {
            "ExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
            "PrimaryContainer": {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:1"},
        },
    ),
}
TEMPLATE = {
    "Resources": {
        name: {"Type": f"AWS::{kind}", "Properties": properties}
        for name, (kind, properties) in RESOURCES.items()
    }
}
TEMPLATE["Resources"]["Version"]["Properties"] = {
    "ModelPackageGroupName": {"Fn::GetAtt": ["Group", "ModelPackageGroupArn"]}
}

# From each resource to what its service's client lists, in which its physical id has to be.
LISTS: dict[str, Callable[[Clients], list[str]]] = {
    **dict.fromkeys(
        ("Alarm", "Expression"),
        lambda client: [
            each["AlarmName"] for each in client("cloudwatch").describe_alarms()["MetricAlarms"]
        ],
    ),
    "Repository": lambda client: [
        each["repositoryName"] for each in client("ecr").describe_repositories()["repositories"]
    ],
    "Role": lambda client: [each["RoleName"] for each in client("iam").list_roles()["Roles"]],
    "Policy": lambda client: [
        each["Arn"] for each in client("iam").list_policies(Scope="Local")["Policies"]
    ],
    "Profile": lambda client: [
        each["Arn"] for each in client("iam").list_instance_profiles()["InstanceProfiles"]
    ],
    "User": lambda client: [each["UserName"] for each in client("iam").list_users()["Users"]],
    "Key": lambda client: [each["KeyId"] for each in client("kms").list_keys()["Keys"]],
    "Alias": lambda client: [each["AliasName"] for each in client("kms").list_aliases()["Aliases"]],
    "Logs": lambda client: [
        each["logGroupName"] for each in client("logs").describe_log_groups()["logGroups"]
    ],
    "Secret": lambda client: [
        each["Name"] for each in client("secretsmanager").list_secrets()["SecretList"]
    ],
    "Topic": lambda client: [each["TopicArn"] for each in client("sns").list_topics()["Topics"]],
    "Queue": lambda client: client("sqs").list_queues().get("QueueUrls", []),
    "Parameter": lambda client: [
        each["Name"] for each in client("ssm").describe_parameters()["Parameters"]
    ],
    "Bucket": lambda client: [each["Name"] for each in client("s3").list_buckets()["Buckets"]],
    "Group": lambda client: [
        each["ModelPackageGroupArn"]
        for each in client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"]
    ],
    "Version": lambda client: [
        each["ModelPackageArn"]
        for each in client("sagemaker").list_model_packages(ModelPackageType="Both")[
            "ModelPackageSummaryList"
        ]
    ],
    "Model": lambda client: [each["ModelArn"] for each in client("sagemaker").list_models()["Models"]],
}  # fmt: skip
GLOBAL = {"Role", "Policy", "Profile", "User", "Bucket"}
# Of the APIs, read once; that takes longer than most tests.
DESCRIPTIONS = Loader()


@pytest.fixture
def clients(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """Makes clients as a program does that has nothing but the printed variables."""
    for name, value in RunningSandbox.of(sandbox).environment().items():
        monkeypatch.setenv(name, value)
    core = botocore.session.Session()
    core.register_component("data_loader", DESCRIPTIONS)
    session = boto3.session.Session(botocore_session=core)
    with ExitStack() as stack:

        def client(service: str, **settings: Any) -> Any:
            config = Config(proxies={}, retries={"total_max_attempts": 1})
            made = session.client(service, config=config, **settings)
            return stack.enter_context(closing(made))

        yield client


def keys_of(credentials: Json) -> Json:
    """The arguments of a client with credentials that STS or IAM has given out."""
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials.get("SessionToken"),
    }


def assume(clients: Clients, role: str) -> Json:
    answer = clients("sts").assume_role(RoleArn=role, RoleSessionName="session")
    return keys_of(answer["Credentials"])


class Stacks(DeployedStacks):
    """The stacks of one account and region."""

    def __init__(self, clients: Clients) -> None:
        self.client = clients("cloudformation")
        self.sagemaker = clients("sagemaker")

    def resources(self, name: str) -> dict[str, str]:
        page = self.client.describe_stack_resources(StackName=name)["StackResources"]
        return {each["LogicalResourceId"]: str(each.get("PhysicalResourceId")) for each in page}


# --- what a stack makes -----------------------------------------------------------------------------


def test_clients_see_what_stacks_have_made_each_in_its_account_and_region(clients: Clients) -> None:
    def here(service: str) -> Any:
        return clients(service)

    there_keys = assume(clients, ROLE)

    def there(service: str) -> Any:
        return clients(service, region_name=OTHER_REGION, **there_keys)

    made = {}
    for account, client in ((ACCOUNT, here), (OTHER_ACCOUNT, there)):
        stacks = Stacks(client)
        name = stacks.create(TEMPLATE, Capabilities=["CAPABILITY_NAMED_IAM"])
        assert stacks.describe(name)["StackId"].split(":")[4] == account
        made[account] = stacks.resources(name)
    for account, client in ((ACCOUNT, here), (OTHER_ACCOUNT, there)):
        for name, physical_id in made[account].items():
            listed = LISTS[name](client)
            assert physical_id in listed, name
            # The same names are there in the other one as well.
            others = [
                made[each][name] for each in made if each != account and made[each][name] != physical_id
            ]
            assert not set(others) & set(listed), name
    assert made.keys() == {ACCOUNT, OTHER_ACCOUNT}
    assert made[ACCOUNT].keys() == RESOURCES.keys()


def test_regions_of_an_account_have_their_own(clients: Clients) -> None:
    values = {}
    for region in (REGION, OTHER_REGION):
        named = {"Type": "String", "Name": "/same", "Value": region}
        template = {"Resources": {"Parameter": {"Type": "AWS::SSM::Parameter", "Properties": named}}}
        Stacks(lambda service, region=region: clients(service, region_name=region)).create(template)
        values[region] = clients("ssm", region_name=region)
    for region, ssm in values.items():
        assert ssm.get_parameter(Name="/same")["Parameter"]["Value"] == region


def test_stack_reads_what_clients_have_put(clients: Clients) -> None:
    clients("ssm").put_parameter(Name="/image", Type="String", Value="image:1")
    clients("ssm").put_parameter(Name="/approved", Type="String", Value="Approved")
    secret = clients("secretsmanager").create_secret(Name="owner", SecretString='{"team": "risk"}')
    value = "{{resolve:ssm:/image}} {{resolve:secretsmanager:owner:SecretString:team}}"
    copies = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Type": "String", "Name": "/copy", "Value": value},
    }
    template = {
        "Parameters": {"Approval": {"Type": "AWS::SSM::Parameter::Value<String>"}},
        "Resources": {"Copy": copies},
        "Outputs": {"Approval": {"Value": {"Ref": "Approval"}}},
    }
    stacks = Stacks(clients)
    given: Any = [{"ParameterKey": "Approval", "ParameterValue": "/approved"}]
    name = stacks.create(template, Parameters=given)
    assert stacks.outputs(name) == {"Approval": "Approved"}
    assert clients("ssm").get_parameter(Name="/copy")["Parameter"]["Value"] == "image:1 risk"
    assert secret["ARN"].split(":")[3:5] == [REGION, ACCOUNT]


def test_topic_of_a_stack_delivers_to_its_queue(clients: Clients) -> None:
    queue = {"Type": "AWS::SQS::Queue"}
    subscription = {"Protocol": "sqs", "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]}}
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"Subscription": [subscription]}}
    stacks = Stacks(clients)
    made = stacks.resources(stacks.create({"Resources": {"Queue": queue, "Topic": topic}}))
    clients("sns").publish(TopicArn=made["Topic"], Message="approved")
    # At the address that the engine has given out.
    (message,) = clients("sqs").receive_message(QueueUrl=made["Queue"], WaitTimeSeconds=1)["Messages"]
    assert '"approved"' in message["Body"]


def test_reset_empties_every_service(clients: Clients, sandbox: Sandbox) -> None:
    stacks = Stacks(clients)
    stacks.create(TEMPLATE, Capabilities=["CAPABILITY_NAMED_IAM"])
    keys = assume(clients, ROLE)
    assert clients("ssm", **keys).describe_parameters()["Parameters"] == []
    RunningSandbox.of(sandbox).reset()
    assert {name: found for name, list_ in LISTS.items() if (found := list_(clients))} == {}
    with pytest.raises(ClientError, match="security token included in the request is invalid"):
        clients("ssm", **keys).describe_parameters()


# --- accounts ---------------------------------------------------------------------------------------


def test_role_of_a_stack_is_assumed_in_its_account(clients: Clients) -> None:
    for account, keys in ((ACCOUNT, {}), (OTHER_ACCOUNT, assume(clients, ROLE))):
        stacks = Stacks(lambda service, keys=keys: clients(service, **keys))
        roles = {"Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}}
        outputs = {"Arn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}}
        role = stacks.outputs(
            stacks.create({"Resources": roles, "Outputs": outputs}, Capabilities=["CAPABILITY_IAM"])
        )["Arn"]
        session = assume(clients, role)
        identity = clients("sts", **session).get_caller_identity()
        assert identity["Account"] == account == role.split(":")[4]
        assert f":assumed-role/{role.rpartition('/')[2]}/session" in identity["Arn"]
        group = clients("sagemaker", **session).create_model_package_group(
            ModelPackageGroupName=f"of-{account}"
        )
        assert group["ModelPackageGroupArn"].split(":")[4] == account
        # What the local SageMaker leaves to moto is in the same account.
        experiment = clients("sagemaker", **session).create_experiment(ExperimentName="kept-by-moto")
        assert experiment["ExperimentArn"].split(":")[4] == account


def test_keys_of_a_user_are_of_the_users_account(clients: Clients) -> None:
    session = assume(clients, ROLE)
    iam = clients("iam", **session)
    iam.create_user(UserName="user")
    keys = keys_of(iam.create_access_key(UserName="user")["AccessKey"])
    identity = clients("sts", **keys).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{OTHER_ACCOUNT}:user/user"
    clients("ssm", **keys).put_parameter(Name="/theirs", Type="String", Value="x")
    assert clients("ssm", **session).get_parameter(Name="/theirs")["Parameter"]["Value"] == "x"
    assert clients("ssm").describe_parameters()["Parameters"] == []
    group = clients("sagemaker", **keys).create_model_package_group(ModelPackageGroupName="theirs")
    assert group["ModelPackageGroupArn"].split(":")[4] == OTHER_ACCOUNT


def test_engine_has_no_account_for_keys_of_users() -> None:
    """What `issued_keys.follow_users` mends; seen in 1.5.33."""
    code = (
        "import json; from ministack import app; from ministack.core import responses;"
        "from ministack.services import iam;"
        f"iam._access_keys.set_scoped('{OTHER_ACCOUNT}', None, 'AKIAUSER', {{'Status': 'Active'}});"
        "{mend}app.set_request_account_id('AKIAUSER'); print(json.dumps(responses.get_account_id()))"
    )
    mend = "from sandbox.cloudformation.ministack_hooks import issued_keys; issued_keys.follow_users();"
    assert in_engine(code.replace("{mend}", "")) != OTHER_ACCOUNT
    assert in_engine(code.replace("{mend}", mend)) == OTHER_ACCOUNT


def test_engine_has_another_host_for_queues_than_sqs() -> None:
    """What `queues.use_printed_host` mends; seen in 1.5.33."""
    code = (
        "import json; from ministack.services import sqs;"
        "{mend}print(json.dumps([sqs._queue_url('one'), sqs._externalize_url(sqs._queue_url('one'))]))"
    )
    mend = "from sandbox.cloudformation.ministack_hooks import queues; queues.use_printed_host();"
    host = "sqs._request_host.set('127.0.0.1:4566');"
    own, listed = in_engine(code.replace("{mend}", host))
    assert own != listed
    own, listed = in_engine(code.replace("{mend}", mend + host))
    assert own == listed


def test_engine_has_one_lock_for_all_loops() -> None:
    """What `loops.lock_each_loop` mends; seen in 1.5.33."""
    code = (
        "import asyncio, json; from ministack import app;{mend}\n"
        "async def lock(): return app._get_reset_lock()\n"
        "locks = [asyncio.run(lock()) for _ in range(2)]\n"
        "print(json.dumps(locks[0] is locks[1]))"
    )
    mend = "from sandbox.cloudformation.ministack_hooks import loops; loops.lock_each_loop()"
    assert in_engine(code.replace("{mend}", "")) is True
    assert in_engine(code.replace("{mend}", mend)) is False


def test_session_that_is_over_is_no_longer_good() -> None:
    code = (
        "import json, time; from ministack.services import sts;"
        "from sandbox.cloudformation.ministack_hooks.issued_keys import issued_key;"
        "session = {'SecretAccessKey': 's', 'AccountId': '1'};"
        "sts._sessions |= {str(over): {**session, 'Expiration': time.time() + over} for over in (-1, 60)};"
        "print(json.dumps([key and key.account for key in map(issued_key, ['-1', '60', 'x'])]))"
    )
    assert in_engine(code) == [None, "1", None]


# --- one place for each service ---------------------------------------------------------------------


def test_services_have_variables_of_their_own(sandbox: Sandbox) -> None:
    running = RunningSandbox.of(sandbox)
    variables = running.environment()
    own = {name for name, value in variables.items() if value == running.endpoints["cloudformation"]}
    assert own == {f"AWS_ENDPOINT_URL_{name}" for name in ("CLOUDFORMATION", *SERVICES.values())}
    # As botocore derives them from the names of the services.
    for service, name in SERVICES.items():
        with closing(sandbox.client(service)) as client:
            assert client.meta.service_model.service_id.upper().replace(" ", "_") == name
            assert client.meta.endpoint_url == running.endpoints["cloudformation"]
    assert variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"] == REGION
    assert variables["AWS_ENDPOINT_URL"] == variables["AWS_ENDPOINT_URL_SAGEMAKER"]


@pytest.mark.parametrize("service", ["ssm", "sts", "iam", "s3", "kms", "ecr", "cloudwatch", "logs"])
def test_other_endpoint_answers_as_the_services_own(clients: Clients, sandbox: Sandbox, service: str) -> None:
    """Clients that know one endpoint for all services use AWS_ENDPOINT_URL."""
    endpoint = sandbox.endpoints["sagemaker"]
    calls: dict[str, Callable[[Any], Any]] = {
        "ssm": lambda client: client.put_parameter(Name="/x", Type="String", Value="x")["Version"],
        "sts": lambda client: client.get_caller_identity()["Arn"],
        "iam": lambda client: client.list_roles()["Roles"],
        "s3": lambda client: client.list_buckets()["Buckets"],
        "kms": lambda client: client.list_keys()["Keys"],
        "ecr": lambda client: client.describe_repositories()["repositories"],
        "cloudwatch": lambda client: client.describe_alarms()["MetricAlarms"],
        "logs": lambda client: client.describe_log_groups()["logGroups"],
    }
    answers = [calls[service](clients(service, endpoint_url=endpoint)), None]
    if service == "ssm":
        answers[1] = clients(service).get_parameter(Name="/x")["Parameter"]["Version"]
    else:
        answers[1] = calls[service](clients(service))
    assert answers[0] == answers[1]


def test_objects_go_both_ways_through_the_other_endpoint(clients: Clients, sandbox: Sandbox) -> None:
    through = clients("s3", endpoint_url=sandbox.endpoints["sagemaker"])
    through.create_bucket(Bucket="objects")
    key, body = "a b/ü+&=?~(1)*'.txt", bytes(range(256)) * 100
    through.put_object(Bucket="objects", Key=key, Body=body, ContentEncoding="x-none")
    direct = clients("s3")
    assert direct.get_object(Bucket="objects", Key=key)["Body"].read() == body
    assert through.head_object(Bucket="objects", Key=key)["ContentLength"] == len(body)
    assert through.get_object(Bucket="objects", Key=key)["Body"].read() == body
    with pytest.raises(ClientError) as missing:
        through.head_object(Bucket="objects", Key="missing")
    assert missing.value.response["Error"]["Code"] == "404"
    through.delete_object(Bucket="objects", Key=key)
    assert "Contents" not in direct.list_objects_v2(Bucket="objects")


@cases(
    "service, operation, message",
    {
        "JSON": ("glue", "list_jobs", f"glue is {NOT_HERE}: served here are cloudwatch, ecr, iam, kms, logs"),
        "query": ("ec2", "describe_instances", f"ec2 is {NOT_HERE}"),
        "REST": ("batch", "describe_job_queues", f"batch is {NOT_HERE}"),
        "of the engine alone": ("dynamodb", "list_tables", f"dynamodb is {NOT_HERE}"),
        "of another part": ("sagemaker", "list_models", "at the endpoint in AWS_ENDPOINT_URL_SAGEMAKER"),
        "functions": ("lambda", "list_functions", "at the endpoint in AWS_ENDPOINT_URL_LAMBDA"),
    },
)  # fmt: skip
def test_engine_refuses_what_is_not_here_in_words(
    clients: Clients, sandbox: Sandbox, service: str, operation: str, message: str
) -> None:
    client = clients(service, endpoint_url=sandbox.endpoints["cloudformation"])
    with pytest.raises(ClientError) as refused:
        getattr(client, operation)()
    assert message in refused.value.response["Error"]["Message"]
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_services_closed_at_moto_are_not_there_beside_an_engine(sandbox: Sandbox) -> None:
    create: Any = moto_parts.application(moto_parts.SERVED_BESIDE_ENGINE).create_app  # type: ignore[attr-defined] # moto's dispatcher has it
    assert create("sagemaker") is not moto_parts._refuse
    assert {create(name) for name in SERVICES} == {moto_parts._refuse}
    # A request that says two different things, too.
    url, headers = sandbox.endpoints["sagemaker"], {"X-Amz-Target": "AmazonSSM.DescribeParameters"}
    signed = sign_post(url, b"{}", sandbox.credentials, "glue", headers)
    answer = request(url, "POST", b"{}", signed)
    assert (answer.status, NOT_HERE in answer.body.decode()) == (400, True)


def test_requests_for_an_engine_that_does_not_run_are_answered_with_503() -> None:
    access = Access(Credentials.new())
    engine = Engine(lambda: None, access.credentials)
    assert engine.serves(Head.of("GET", "/", {}))
    with SageMakerServer(access=access, engine=engine) as server:
        for credentials in (access.credentials, Credentials.new()):
            issued = Credentials(credentials.access_key.replace("SANDBOX", "AKIA"), credentials.secret_key)
            for each, service in ((access.credentials, "ssm"), (issued, "sagemaker")):
                answer = request(
                    server.endpoint, "POST", b"{}", sign_post(server.endpoint, b"{}", each, service)
                )
                assert answer.status == 503, answer.body
                assert b"the engine has not been started, or has ended" in answer.body
        path = f"{server.endpoint}/sandbox/secrets/AKIAX"
        assert request(path, headers={"Authorization": access.credentials.basic}).status == 503


SESSIONS: dict[str, Callable[[Any, Any], Json]] = {
    "a role": lambda sts, _: sts.assume_role(RoleArn=ROLE, RoleSessionName="session")["Credentials"],
    "a session": lambda sts, _: sts.get_session_token()["Credentials"],
    "a federated user": lambda sts, _: sts.get_federation_token(Name="user")["Credentials"],
    "a user": lambda _, iam: iam.create_access_key(UserName="user")["AccessKey"],
}


def test_sandbox_without_an_engine_gives_out_credentials_of_its_own() -> None:
    with Sandbox(engine=False, functions=False) as sandbox:
        environment = RunningSandbox.of(sandbox).environment()
        assert [name for name in environment if "ENDPOINT" in name] == [
            "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER",
        ]  # fmt: skip
        with closing(sandbox.client("sts")) as sts, closing(sandbox.client("iam")) as iam:
            iam.create_user(UserName="user")
            for name, make in SESSIONS.items():
                first, second = make(sts, iam), make(sts, iam)
                assert first["AccessKeyId"] != second["AccessKeyId"]
                for given in (first, second):
                    with closing(sandbox.client("sagemaker", **keys_of(given))) as client:
                        group = client.create_model_package_group(ModelPackageGroupName=new_name())
                    account = OTHER_ACCOUNT if name == "a role" else ACCOUNT
                    assert group["ModelPackageGroupArn"].split(":")[4] == account
            iam.update_access_key(UserName="user", AccessKeyId=second["AccessKeyId"], Status="Inactive")
            with (
                closing(sandbox.client("sagemaker", **keys_of(second))) as client,
                pytest.raises(ClientError),
            ):
                client.list_models()


def test_stacks_that_wait_for_handlers_leave_other_services_answering() -> None:
    """As when drift is detected by a handler that writes logs."""
    answered = threading.Event()

    async def engine(scope: Json, receive: Any, send: Any) -> None:
        assert (await receive())["body"] == scope["path"].encode()
        if scope["path"] == "cloudformation":
            assert answered.wait(10)  # as the engine does, on its loop
        answered.set()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def call(loop: StacksLoop, service: str) -> list[Json]:
        sent: list[Json] = []
        scope = f"AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/{service}/aws4_request"
        request = {"type": "http", "method": "POST", "raw_path": b"/", "query_string": b"", "path": service}

        async def receive() -> Json:
            return {"type": "http.request", "body": service.encode()}

        async def send(message: Json) -> None:
            sent.append(message)

        await loop({**request, "headers": [(b"authorization", scope.encode())]}, receive, send)
        return sent

    async def both() -> list[list[Json]]:
        loop = StacksLoop(engine)
        return list(await asyncio.gather(call(loop, "cloudformation"), call(loop, "logs")))

    assert [each["status"] for sent in asyncio.run(both()) for each in sent] == [200, 200]
