"""What a template can make in the local CloudFormation, and what of the machine it reaches."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.cloudformation.served_types import SERVED_TYPES
from sandbox.local_aws import Sandbox
from sandbox.shared.settings import NOT_HERE
from tests.sandbox.engine_code import in_engine
from tests.sandbox.helpers import cases
from tests.stack.stacks import DeployedStacks, Json, new_name

MAX_SECONDS = 10.0  # of a refusal, on a busy machine; what explodes takes hours
TOPIC: Json = {"Type": "AWS::SNS::Topic"}
NEVER: Json = {"Conditions": {"Never": {"Fn::Equals": ["a", "b"]}}}
# Each level has the one before it ten times.
LAUGHS = "A0: &a0 [ha]\n" + "".join(
    f"A{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 40)
)
TOPIC_YAML = "Resources: {Topic: {Type: 'AWS::SNS::Topic'}}\n"

# All that a template can make here, beside the registered types and those of SageMaker. A version of
# the engine that adds a type to one of these services fails here: look at what the type does.
TYPES_OF_SERVED_SERVICES = {
    "CDK": {"Metadata"},
    "CloudFormation": {"Stack", "WaitCondition", "WaitConditionHandle"},
    "IAM": {"InstanceProfile", "ManagedPolicy", "Policy", "Role", "User"},
    "S3": {"AccessPoint", "Bucket", "BucketPolicy", "MultiRegionAccessPoint"},
    "SNS": {"Subscription", "Topic", "TopicPolicy"},
    "SQS": {"Queue", "QueuePolicy"},
    "SSM": {"Parameter"},
    "SecretsManager": {"Secret"},
}
# Of services that are closed: what common templates have, and is no more than a record here.
RECORDS = {
    "AWS::CloudWatch::Alarm",
    "AWS::ECR::Repository",
    "AWS::KMS::Alias",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
}
LEFT_OUT = {"AWS::CloudFormation::CustomResource", "AWS::SecretsManager::SecretTargetAttachment"}
TYPES_OF_THE_ENGINE = 191


@pytest.fixture
def stacks(fake_sandbox: Sandbox) -> Iterator[DeployedStacks]:
    made = DeployedStacks(fake_sandbox)
    yield made
    made.delete_all()
    made.close()


@pytest.fixture
def engine_client(fake_sandbox: Sandbox) -> Iterator[Callable[[str], Any]]:
    """Makes clients of services that the engine itself serves, which do not try again."""
    made: list[Any] = []

    def client(service: str) -> Any:
        endpoint = fake_sandbox.endpoints["cloudformation"]
        config = Config(retries={"max_attempts": 0})
        made.append(fake_sandbox.client(service, endpoint_url=endpoint, config=config))
        return made[-1]

    yield client
    for each in made:
        each.close()


@pytest.fixture
def publish(engine_client: Callable[[str], Any]) -> Callable[[str], str]:
    """Puts a text into the engine's S3 and returns its address."""
    s3 = engine_client("s3")
    s3.create_bucket(Bucket="texts")

    def put(text: str) -> str:
        key = new_name("text")
        s3.put_object(Bucket="texts", Key=key, Body=text.encode())
        return f"https://s3.us-east-1.amazonaws.com/texts/{key}"

    return put


@pytest.fixture
def listener() -> Iterator[HTTPServer]:
    """A server whose `paths` are those of the requests that it got."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    paths: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.paths = paths  # type: ignore[attr-defined] # for the tests
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def of_type(*types: str) -> Json:
    return {"Resources": {f"R{number}": {"Type": each} for number, each in enumerate(types)}}


def refusal(call: Callable[..., Any], **arguments: Any) -> str:
    """Return the message with which a call is refused, in good time."""
    started = time.monotonic()
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    assert time.monotonic() - started < MAX_SECONDS
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    return str(refused.value.response["Error"]["Message"])


def names(stacks: DeployedStacks) -> list[str]:
    """Return the names of all stacks that are not nested; the engine keeps what is left of failed ones."""
    return [each["StackName"] for each in stacks.client.describe_stacks()["Stacks"] if "ParentId" not in each]


# --- which types there are --------------------------------------------------------------------------


def test_engine_makes_the_listed_types_and_no_others() -> None:
    before, after, imports = in_engine(
        "import json; from sandbox.cloudformation.ministack_hooks import host, names;"
        "table = names.module(names.PROVISIONERS)._RESOURCE_HANDLERS; before = sorted(table); host.Host();"
        "imports = sorted(names.module(names.CHANGE_SETS)._IMPORT_LOOKUPS);"
        "print(json.dumps([before, sorted(table), imports]))"
    )
    served = {
        f"AWS::{service}::{kind}" for service, kinds in TYPES_OF_SERVED_SERVICES.items() for kind in kinds
    }
    assert len(before) == TYPES_OF_THE_ENGINE
    assert {each for each in before if each.split("::")[1] in TYPES_OF_SERVED_SERVICES} == served | LEFT_OUT
    assert after == sorted(served | RECORDS) == sorted(SERVED_TYPES)
    assert set(imports) <= served | RECORDS


@pytest.mark.parametrize("kind", ["Custom::Thing", "AWS::Lambda::Function", "Custom::"])
def test_engine_provisions_no_other_type(kind: str) -> None:
    """Where resources are made, behind all checks of templates; only there does it call functions itself."""
    refused = in_engine(
        "import json; from sandbox.cloudformation.ministack_hooks import host, names; host.Host()\n"
        "refused = []\n"
        "for module in (names.PROVISIONERS, names.STACKS):\n"
        f"    try: names.module(module)._provision_resource({kind!r}, 'A', {{}}, 'stack')\n"
        "    except ValueError as error: refused.append(str(error))\n"
        "print(json.dumps(refused))"
    )
    assert [kind in each for each in refused] == [True, True]


@cases(
    "types, message",
    {
        "one": (["AWS::Lambda::Function"], "AWS::Lambda::Function (R0) is not on this machine: "),
        "several, with their names": (
            ["AWS::Lambda::Function", "AWS::ECS::Service", "AWS::Lambda::Function", "AWS::SNS::Topic"],
            "AWS::ECS::Service (R1) and AWS::Lambda::Function (R0, R2) are not on this machine: ",
        ),
        "one that the engine never had": (
            ["AWS::SageMaker::Domain"],
            "AWS::SageMaker::Domain (R0) is not on this machine: ",
        ),
        "one of CloudFormation's own": (
            ["AWS::CloudFormation::Macro"],
            "AWS::CloudFormation::Macro (R0) is not on this machine: ",
        ),
        "custom resources": (
            ["AWS::CloudFormation::CustomResource", "Custom::Thing"],
            "AWS::CloudFormation::CustomResource (R0) and Custom::Thing (R1) are not on this machine: ",
        ),
        "a module": (["My::Own::Thing::MODULE"], "My::Own::Thing::MODULE (R0) is not on this machine: "),
        "a misspelt one": (
            ["AWS::SageMaker::ModelPackge"],
            "Template format error: Unrecognized resource types: [AWS::SageMaker::ModelPackge]",
        ),
        "a registered one that is not registered": (
            ["Acme::SageMaker::ModelPackage"],
            "Template format error: Unrecognized resource types: [Acme::SageMaker::ModelPackage]",
        ),
        "both kinds": (
            ["AWS::SageMaker::ModelPackge", "AWS::ECS::Service"],
            "Template format error: Unrecognized resource types: [AWS::SageMaker::ModelPackge]. "
            "AWS::ECS::Service (R1) is not on this machine: ",
        ),
    },
)
def test_stacks_of_missing_types_are_refused_by_name(
    stacks: DeployedStacks, types: list[str], message: str
) -> None:
    body, name = json.dumps(of_type(*types)), new_name()
    assert refusal(stacks.client.create_stack, StackName=name, TemplateBody=body).startswith(message)
    assert refusal(stacks.client.validate_template, TemplateBody=body).startswith(message)
    for kind in ("CREATE", "IMPORT"):
        arguments: Json = {"StackName": name, "ChangeSetName": "a", "ChangeSetType": kind}
        if kind == "IMPORT":
            arguments["ResourcesToImport"] = [
                {"ResourceType": types[0], "LogicalResourceId": "R0", "ResourceIdentifier": {"Name": "a"}}
            ]
        assert refusal(stacks.client.create_change_set, TemplateBody=body, **arguments).startswith(message)
    assert name not in names(stacks)
    # What a template has can be asked for all the same, as in AWS, where its types exist.
    if unrecognized := re.match(r"Template format error: Unrecognized resource types: \[(\S+)\]", message):
        assert refusal(stacks.client.get_template_summary, TemplateBody=body) == unrecognized[0]
    config: Any = {"TreatUnrecognizedResourceTypesAsWarnings": True}
    summary = stacks.client.get_template_summary(TemplateBody=body, TemplateSummaryConfig=config)
    assert summary["ResourceTypes"] == sorted(set(types))
    warnings = {"Warnings": {"UnrecognizedResourceTypes": [unrecognized[1]]}} if unrecognized else {}
    assert {key: summary[key] for key in ("Warnings",) if key in summary} == warnings


def test_updates_to_missing_types_are_refused_and_change_nothing(stacks: DeployedStacks) -> None:
    name = stacks.create({"Resources": {"Topic": TOPIC}})
    body = json.dumps(
        {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}, "F": {"Type": "AWS::Lambda::Function"}}}
    )
    message = "AWS::Lambda::Function (F) is not on this machine"
    assert refusal(stacks.client.update_stack, StackName=name, TemplateBody=body).startswith(message)
    change = {"StackName": name, "ChangeSetName": "a", "TemplateBody": body}
    assert refusal(stacks.client.create_change_set, **change).startswith(message)
    assert stacks.describe(name)["StackStatus"] == "CREATE_COMPLETE"
    (resource,) = stacks.client.describe_stack_resources(StackName=name)["StackResources"]
    assert resource["ResourceType"] == "AWS::SNS::Topic"


def test_function_with_inline_code_never_runs(stacks: DeployedStacks, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    code = f"import pathlib\npathlib.Path({str(trace)!r}).touch()\ndef handler(event, context): pass\n"
    body = of_type("AWS::Lambda::Function", "Custom::Caller")
    body["Resources"]["R0"]["Properties"] = {
        "Runtime": "python3.12",
        "Handler": "index.handler",
        "Role": "arn:aws:iam::123456789012:role/any",
        "Code": {"ZipFile": code},
    }
    body["Resources"]["R1"]["Properties"] = {"ServiceToken": {"Fn::GetAtt": ["R0", "Arn"]}}
    message = refusal(stacks.client.create_stack, StackName=new_name(), TemplateBody=json.dumps(body))
    assert message.startswith("AWS::Lambda::Function (R0) and Custom::Caller (R1) are not on this machine")
    assert not trace.exists()


def test_missing_type_under_a_false_condition_is_not_refused(stacks: DeployedStacks) -> None:
    absent = {"Type": "AWS::Lambda::Function", "Condition": "Never"}
    name = stacks.create({**NEVER, "Resources": {"Topic": TOPIC, "F": absent}})
    assert len(stacks.client.describe_stack_resources(StackName=name)["StackResources"]) == 1


def test_resource_without_a_type_is_no_custom_resource(stacks: DeployedStacks) -> None:
    body = json.dumps({"Resources": {"A": {"Properties": {"ServiceToken": "arn:aws:lambda:a"}}}})
    message = refusal(stacks.client.create_stack, StackName=new_name(), TemplateBody=body)
    assert message.startswith(
        "Template format error: [/Resources/A] Every Resources object must contain a Type"
    )


def with_attribute(name: str) -> Json:
    value = {"Fn::GetAtt": ["Bucket", name]}
    return {
        "Resources": {
            "Bucket": {"Type": "AWS::S3::Bucket"},
            "Topic": {**TOPIC, "Properties": {"DisplayName": value}},
        }
    }


@cases(
    "name, reason",
    {
        "one that the engine lacks": (
            "DualStackDomainName",
            "The attribute Bucket.DualStackDomainName is not on this machine: the local CloudFormation makes "
            "AWS::S3::Bucket without it",
        ),
        "one that AWS lacks, too": (
            "DomianName",
            "Requested attribute DomianName does not exist in schema for AWS::S3::Bucket",
        ),
    },
)
def test_missing_attribute_is_named(stacks: DeployedStacks, name: str, reason: str) -> None:
    stack = new_name()
    stacks.client.create_stack(StackName=stack, TemplateBody=json.dumps(with_attribute(name)))
    assert stacks.wait(stack) == "ROLLBACK_COMPLETE"
    assert any(each.startswith(reason) for each in stacks.reasons(stack))


def test_engine_takes_what_it_lacks_for_what_aws_lacks() -> None:
    """Without the hook; once it does not, the hook can go."""
    message = in_engine(
        "import json; from sandbox.cloudformation.ministack_hooks import names;"
        "bucket = {'PhysicalResourceId': 'a', 'ResourceType': 'AWS::S3::Bucket', 'Attributes': {}};"
        "value = {'Fn::GetAtt': ['Bucket', 'DualStackDomainName']}\n"
        "try: names.module(names.ENGINE)._resolve_refs(value, {'Bucket': bucket}, {}, {}, {}, 'a', 'a')\n"
        "except ValueError as error: print(json.dumps(str(error)))"
    )
    assert message == "Requested attribute DualStackDomainName does not exist in schema for AWS::S3::Bucket"


# --- transforms -------------------------------------------------------------------------------------

SAM = "AWS::Serverless-2016-10-31"
AUTO_EXPAND = ["CAPABILITY_AUTO_EXPAND"]


@cases(
    "body, name",
    {
        "SAM": ({"Transform": SAM, **of_type("AWS::Serverless::Function")}, SAM),
        "a macro": ({"Transform": ["AWS::LanguageExtensions", "Mine"], **of_type("AWS::SNS::Topic")}, "Mine"),
        "an include for the whole": (
            {"Transform": {"Name": "AWS::Include"}, **of_type("AWS::Lambda::Function")},
            "AWS::Include",
        ),
        "one without a name": (
            {"Resources": {"A": {**TOPIC, "Properties": {"Fn::Transform": {"Name": 5}}}}},
            "a transform without a name",
        ),
        "a macro for a part": (
            {"Resources": {"A": {**TOPIC, "Properties": {"Fn::Transform": {"Name": "Mine"}}}}},
            "Mine",
        ),
    },
)
def test_transforms_that_are_functions_are_refused(stacks: DeployedStacks, body: Json, name: str) -> None:
    text, own = json.dumps(body), new_name()
    message = f"{name} is not on this machine: a transform runs as a function"
    create = {"StackName": own, "TemplateBody": text, "Capabilities": AUTO_EXPAND}
    assert refusal(stacks.client.create_stack, **create).startswith(message)
    change: Json = {"StackName": own, "ChangeSetName": "a", "ChangeSetType": "CREATE"}
    assert refusal(stacks.client.create_change_set, TemplateBody=text, **change).startswith(message)
    assert own not in names(stacks)
    # Clients validate templates that are not transformed yet.
    stacks.client.validate_template(TemplateBody=json.dumps({**body, "Transform": SAM}))


def test_loops_are_expanded_and_their_types_checked(stacks: DeployedStacks) -> None:
    def loop(kind: str) -> Json:
        fragment = {"A${Item}": {"Type": kind}}
        return {
            "Transform": "AWS::LanguageExtensions",
            "Resources": {"Fn::ForEach::Loop": ["Item", ["a", "b"], fragment]},
        }

    name = stacks.create(loop("AWS::SNS::Topic"), Capabilities=AUTO_EXPAND)
    assert len(stacks.client.describe_stack_resources(StackName=name)["StackResources"]) == 2
    sent: Json = {"TemplateBody": json.dumps(loop("AWS::Lambda::Function")), "Capabilities": AUTO_EXPAND}
    message = refusal(stacks.client.create_stack, StackName=new_name(), **sent)
    assert message.startswith("AWS::Lambda::Function (Aa, Ab) is not on this machine")


# --- nested stacks ----------------------------------------------------------------------------------


def nested(url: str) -> Json:
    return {
        "Resources": {"Nested": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}}
    }


@cases(
    "child, reason",
    {
        "a missing type": (
            json.dumps(of_type("AWS::SQS::Queue", "AWS::Lambda::Function")),
            "AWS::Lambda::Function (R1) is",
        ),
        "a custom resource": (
            json.dumps(of_type("AWS::SQS::Queue", "Custom::Thing")),
            "Custom::Thing (R1) is",
        ),
        "a macro": (json.dumps({"Transform": "Mine", **of_type("AWS::SQS::Queue")}), "Mine is"),
        "aliases": (TOPIC_YAML + LAUGHS, "YAML aliases are not allowed"),
        "nesting": (TOPIC_YAML + "Metadata: " + "[" * 20_000, "nested too deeply"),
        "a description that is no text": (TOPIC_YAML + "Description: 5", "Any Description member must be"),
    },
)
def test_nested_stack_is_refused_before_it_makes_anything(
    stacks: DeployedStacks, publish: Callable[[str], str], child: str, reason: str
) -> None:
    name = new_name()
    stacks.client.create_stack(StackName=name, TemplateBody=json.dumps(nested(publish(child))))
    assert stacks.wait(name) == "ROLLBACK_COMPLETE"
    assert any(reason in each for each in stacks.reasons(name))
    for each in stacks.client.describe_stacks()["Stacks"]:
        events = stacks.client.describe_stack_events(StackName=each["StackId"])["StackEvents"]
        assert {event["ResourceType"] for event in events} == {"AWS::CloudFormation::Stack"}


@cases(
    "url, reason",
    {
        "another host": ("http://127.0.0.1:{port}/texts/template", "TemplateURL must be a supported URL."),
        "a file": ("file:///etc/hostname", "TemplateURL must be a supported URL."),
        "an address that S3 does not have": (
            "https://s3.us-east-1.amazonaws.com/texts/nothing",
            "S3 error: The specified key does not exist.",
        ),
    },
)
def test_template_url_is_read_from_this_machines_s3_only(
    stacks: DeployedStacks, publish: Callable[[str], str], listener: Any, url: str, reason: str
) -> None:
    publish("")  # the bucket is there
    address = url.format(port=listener.server_port)
    message = refusal(stacks.client.create_stack, StackName=new_name(), TemplateURL=address)
    assert message == reason
    name = new_name()
    stacks.client.create_stack(StackName=name, TemplateBody=json.dumps(nested(address)))
    assert stacks.wait(name) == "ROLLBACK_COMPLETE"
    assert reason in stacks.reasons(name)
    assert listener.paths == []


# --- what a template reaches ------------------------------------------------------------------------


def test_subscription_sends_nothing_to_other_hosts(
    stacks: DeployedStacks, engine_client: Callable[[str], Any], listener: Any
) -> None:
    address = f"http://127.0.0.1:{listener.server_port}/subscriber"
    stacks.create(
        {
            "Resources": {
                "Topic": {**TOPIC, "Properties": {"TopicName": "subscribed"}},
                "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "subscriber"}},
                "ToHost": {
                    "Type": "AWS::SNS::Subscription",
                    "Properties": {"TopicArn": {"Ref": "Topic"}, "Protocol": "http", "Endpoint": address},
                },
                "ToQueue": {
                    "Type": "AWS::SNS::Subscription",
                    "Properties": {
                        "TopicArn": {"Ref": "Topic"},
                        "Protocol": "sqs",
                        "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]},
                    },
                },
                "Policy": {
                    "Type": "AWS::SQS::QueuePolicy",
                    "Properties": {
                        "Queues": [{"Ref": "Queue"}],
                        "PolicyDocument": {
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Principal": {"Service": "sns.amazonaws.com"},
                                    "Action": "sqs:SendMessage",
                                    "Resource": {"Fn::GetAtt": ["Queue", "Arn"]},
                                }
                            ]
                        },
                    },
                },
            }
        }
    )
    sns, sqs = engine_client("sns"), engine_client("sqs")
    topic = "arn:aws:sns:us-east-1:123456789012:subscribed"
    # This one asks its subscriber for a confirmation; the template's is pending without.
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=address)
    sns.publish(TopicArn=topic, Message="to all")
    queue = sqs.get_queue_url(QueueName="subscriber")["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(message["Body"])["Message"] == "to all"
    assert listener.paths == []


def test_post_to_another_host_is_refused_in_the_engine() -> None:
    """What would send the message is called here, for a thread of the engine's swallows what it raises."""
    refused = in_engine(
        "import json; from sandbox.cloudformation.ministack_hooks import host, names; host.Host()\n"
        "try: names.module(names.SNS)._http_post_sync('file:///etc/hostname', '', 'Notification')\n"
        "except OSError as error: print(json.dumps(str(error)))"
    )
    assert refused == "the local SNS sends nothing to other hosts"


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("lambda", "list_functions", {}),
        ("ecs", "list_clusters", {}),
        ("acm", "list_certificates", {}),
        ("dynamodb", "list_tables", {}),
        ("codebuild", "list_projects", {}),
        ("events", "list_rules", {}),
        ("sesv2", "list_email_identities", {}),
        ("athena", "list_work_groups", {}),
    ],
)
def test_engine_refuses_services_that_are_not_served(
    engine_client: Callable[[str], Any], service: str, operation: str, arguments: Json
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(engine_client(service), operation)(**arguments)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    message = refused.value.response["Error"]["Message"]
    assert NOT_HERE in message or message.endswith("at the endpoint in AWS_ENDPOINT_URL_LAMBDA")


@pytest.mark.parametrize(
    ("method", "path", "host"),
    [
        ("POST", "/Execute", ""),
        ("GET", "/v2/", ""),
        ("GET", "/v2/email/identities", ""),
        ("GET", "/iceberg/v1/config", ""),
        ("POST", "/oauth2/token", ""),
        ("POST", "/2015-03-31/functions/any/invocations", ""),
        ("POST", "/?Action=DescribeVpcs&Version=2016-11-15", ""),
        ("POST", "/?Action=DescribeDBInstances&Version=2014-10-31", ""),
        ("GET", "/any", "a.execute-api.localhost"),
        ("GET", "/any", "a.lambda-url.us-east-1.localhost"),
        ("GET", "/any", "a.alb.localhost"),
    ],
)
def test_engine_has_no_routes_beside_its_services(
    fake_sandbox: Sandbox, method: str, path: str, host: str
) -> None:
    """Neither for a service that is not here, nor for one that is, whose own answers they are then."""
    url = f"{fake_sandbox.endpoints['cloudformation']}{path}"
    data = b"" if method == "POST" else None
    settings = fake_sandbox.credentials.settings()
    key = botocore.credentials.Credentials(settings["aws_access_key_id"], settings["aws_secret_access_key"])
    for service, answers in (
        ("execute-api", [f"execute-api is {NOT_HERE}"]),
        ("sts", ["Unsupported service", "Unknown STS action"]),
    ):
        signed = botocore.awsrequest.AWSRequest(
            method=method, url=url, data=data, headers={"Host": host} if host else {}
        )
        botocore.auth.SigV4Auth(key, service, "us-east-1").add_auth(signed)
        request = urllib.request.Request(url, data, dict(signed.headers), method=method)  # noqa: S310 - our own server
        with pytest.raises(urllib.error.HTTPError) as refused, closing(urllib.request.urlopen(request)):  # noqa: S310
            pass
        with closing(refused.value):
            assert refused.value.code in (400, 404, 500)
            body = refused.value.read().decode()
        assert any(answer in body for answer in answers), body


# --- what explodes ----------------------------------------------------------------------------------


@cases(
    "text, message",
    {
        "aliases of aliases": (
            TOPIC_YAML + LAUGHS,
            "YAML aliases are not allowed in CloudFormation templates",
        ),
        "merged maps": (
            TOPIC_YAML + "A: &a {x: 1}\nB: {<<: [*a, *a]}",
            "YAML aliases are not allowed",
        ),
        "an alias of itself": (TOPIC_YAML + "A: &a [*a]", "YAML aliases are not allowed"),
        "lists in YAML": (
            TOPIC_YAML + "Metadata: " + "[" * 20_000,
            "line 2, column 110: it is nested too deeply",
        ),
        "maps in YAML": (TOPIC_YAML + "Metadata: " + "{a: " * 10_000, "nested too deeply"),
        "lists in JSON": ('{"A": ' + "[" * 20_000 + "]" * 20_000 + "}", "nested too deeply"),
        "fewer lists in JSON": ('{"A": ' + "[" * 101 + "]" * 101 + "}", "nested too deeply"),
    },
)
def test_exploding_template_is_refused(
    stacks: DeployedStacks, publish: Callable[[str], str], text: str, message: str
) -> None:
    client, url, name = stacks.client, publish(text), new_name()
    change: Json = {"StackName": name, "ChangeSetName": "a", "ChangeSetType": "CREATE"}
    for template in ({"TemplateBody": text}, {"TemplateURL": url}):
        assert message in refusal(client.create_stack, StackName=name, **template)
        assert message in refusal(client.create_change_set, **change, **template)
        assert message in refusal(client.validate_template, **template)
        assert message in refusal(client.get_template_summary, **template)
    assert name not in names(stacks)


def test_condition_that_refers_to_itself_is_refused(stacks: DeployedStacks) -> None:
    body = json.dumps({"Conditions": {"A": {"Condition": "A"}}, "Resources": {"Topic": TOPIC}})
    message = refusal(stacks.client.create_stack, StackName=new_name(), TemplateBody=body)
    assert message == "Template error: Found circular condition dependency: [A]"


def test_anchors_without_aliases_are_taken(stacks: DeployedStacks) -> None:
    anchors = ", ".join(f"&a{number} x" for number in range(4_000))
    stacks.create(f"Resources: {{Topic: &topic {{Type: 'AWS::SNS::Topic'}}}}\nMetadata: {{A: [{anchors}]}}")


def with_include(url: str) -> str:
    location = url.replace("https://s3.us-east-1.amazonaws.com/", "s3://")
    include = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": location}}}
    return json.dumps({"Resources": {"Topic": {**TOPIC, "Properties": include}}})


def test_included_snippet_may_have_aliases(stacks: DeployedStacks, publish: Callable[[str], str]) -> None:
    body = with_include(publish("DisplayName: &a included\nTopicName: *a"))
    name = stacks.create(body, Capabilities=AUTO_EXPAND)
    (resource,) = stacks.client.describe_stack_resources(StackName=name)["StackResources"]
    assert resource["PhysicalResourceId"].endswith(":included")


@cases(
    "text, message",
    {
        "aliases of aliases": (LAUGHS, "its aliases stand for more than 250,000 values"),
        "an alias of itself": ("A: &a [*a]", "its aliases stand for more than 250,000 values"),
        "lists": ("A: " + "[" * 20_000, "nested too deeply"),
        "lists in JSON": ('{"A": ' + "[" * 20_000 + "]" * 20_000 + "}", "nested too deeply"),
        "no YAML": ("A: [", "content should be valid Yaml/JSON"),
    },
)
def test_exploding_snippet_is_refused(
    stacks: DeployedStacks, publish: Callable[[str], str], text: str, message: str
) -> None:
    sent: Json = {"TemplateBody": with_include(publish(text)), "Capabilities": AUTO_EXPAND}
    said = refusal(stacks.client.create_stack, StackName=new_name(), **sent)
    assert said.startswith("Transform AWS::Include failed with: ")
    assert message in said


def test_exploding_loops_are_refused(stacks: DeployedStacks) -> None:
    fragment: Json = {"A${X}${Y}${Z}": TOPIC}
    for name in "ZYX":
        fragment = {f"Fn::ForEach::Loop{name}": [name, [str(number) for number in range(1_000)], fragment]}
    body = json.dumps({"Transform": "AWS::LanguageExtensions", "Resources": fragment})
    sent: Json = {"StackName": new_name(), "TemplateBody": body, "Capabilities": AUTO_EXPAND}
    message = refusal(stacks.client.create_stack, **sent)
    assert "the loops make more than 250,000 values" in message


def wrap(value: Any, times: int, wrapper: Callable[[Any], Any]) -> Any:
    for _ in range(times):
        value = wrapper(value)
    return value


@cases(
    "value",
    {
        "Fn::Sub": (wrap("x", 25, lambda value: {"Fn::Sub": ["${a}" * 20, {"a": value}]}),),
        "Fn::Join": (
            wrap("x", 12, lambda value: {"Fn::Join": ["", [{"Fn::Sub": ["${a}" * 20, {"a": value}]}]]}),
        ),
        "Fn::Base64": (wrap("x", 90, lambda value: {"Fn::Base64": value}),),
    },
)
def test_exploding_functions_are_refused(stacks: DeployedStacks, value: Any) -> None:
    name = new_name()
    body = {"Resources": {"Topic": {**TOPIC, "Properties": {"DisplayName": value}}}}
    started = time.monotonic()
    stacks.client.create_stack(StackName=name, TemplateBody=json.dumps(body))
    assert stacks.wait(name) == "ROLLBACK_COMPLETE"
    assert time.monotonic() - started < MAX_SECONDS
    assert any("would make a text of more than 1,000,000 characters" in each for each in stacks.reasons(name))


def test_exploding_references_are_refused(
    stacks: DeployedStacks, engine_client: Callable[[str], Any]
) -> None:
    engine_client("secretsmanager").create_secret(Name="long", SecretString="x" * 60_000)
    reference = "{{resolve:secretsmanager:long:SecretString}}"
    for properties in ({"DisplayName": reference * 300}, {"Tags": [{"Key": "a", "Value": reference}] * 300}):
        name = new_name()
        body = {"Resources": {"Topic": {**TOPIC, "Properties": properties}}}
        stacks.client.create_stack(StackName=name, TemplateBody=json.dumps(body))
        assert stacks.wait(name) == "ROLLBACK_COMPLETE"
        message = "{{resolve:...}} would make a text of more than 1,000,000 characters"
        assert any(message in each for each in stacks.reasons(name))
    name = stacks.create({"Resources": {"Topic": {**TOPIC, "Properties": {"DisplayName": reference * 2}}}})
    assert stacks.describe(name)["StackStatus"] == "CREATE_COMPLETE"
