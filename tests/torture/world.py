"""What the torture is done in: a local SageMaker, a wire that can break, simulated time, CloudFormation."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.config import Config
from cloudformation_cli_python_lib import HandlerErrorCode

from aws_sagemaker_modelpackage import client, handlers, timing
from sandbox.sagemaker import Behaviour, SageMakerServer
from sandbox.sagemaker.arns import Scope
from tests.faults.proxy import Proxy

Json = dict[str, Any]
Figures = dict[str, dict[str, float | str]]
"""Title to what was counted under it."""

TYPE = "AWS::SageMaker::ModelPackage"
REGION = "us-east-1"
ACCOUNT = "123456789012"
GROUPS = ("churn", "fraud")
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/churn:1"
PROFILE = "smoke-test"
STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/shop/6f9619ff-8b86-d011-b42d-00c04fc964ff"
LOGICAL_ID = "Model"
CREDENTIALS = {
    "accessKeyId": "ASIATORTURE",
    "secretAccessKey": "the secret access key",
    "sessionToken": "the session token",
}
DOORS = ("stack", "test")
"""CloudFormation's entry point, and that of `sam local invoke TestEntrypoint`."""
WRITES = frozenset(
    {"CreateModelPackage", "UpdateModelPackage", "DeleteModelPackage", "AddTags", "DeleteTags"}
)
# What a page of a list holds.
PAGE = 100
# What an event may weigh that CloudFormation keeps between two invocations.
MOST_CONTEXT_BYTES = 512
LONGEST_MESSAGE = 1000
LONGEST_DELAY = 60
CODES = frozenset(code.name for code in HandlerErrorCode)
# An operation ends long before it has made so many invocations.
MOST_INVOCATIONS = 400


# Seconds since 1970 at which the simulated clock stands at nothing: about now, so that processes with a clock
# of their own do not think that an action began long ago.
EPOCH = time.time()


class Clock:
    """Simulated seconds: pauses pass at once."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.after_pause: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        """What time.monotonic would say."""
        return self.now

    def time(self) -> float:
        """What time.time would say."""
        return EPOCH + self.now

    def sleep(self, seconds: float) -> None:
        """What time.sleep would do; botocore sleeps between two attempts."""
        self.now += seconds
        self.after_pause()

    def advance(self, seconds: float) -> None:
        """Time that something else takes."""
        self.now += seconds


@dataclass
class Run:
    """One operation as CloudFormation drove it: its events, and the simulated seconds it took."""

    action: str
    events: list[Json] = field(default_factory=list)
    seconds: float = 0.0
    longest_invocation: float = 0.0

    @property
    def last(self) -> Json:
        """The event that ended it."""
        return self.events[-1]

    @property
    def status(self) -> str:
        """SUCCESS or FAILED."""
        return str(self.last["status"])

    @property
    def code(self) -> str | None:
        """The handler error code, None for success."""
        return self.last.get("errorCode")

    @property
    def message(self) -> str:
        """What it said at its end."""
        return str(self.last.get("message") or "")

    @property
    def model(self) -> Json:
        """The model of the last event, empty if there is none."""
        return self.last.get("resourceModel") or {}

    @property
    def arn(self) -> str | None:
        """The ARN in the last event that has one."""
        for event in reversed(self.events):
            arn = (event.get("resourceModel") or {}).get("ModelPackageArn")
            if arn:
                return str(arn)
        return None


class World:
    """A local SageMaker behind a proxy, and the handlers of this process in front of it."""

    def __init__(self, sagemaker: SageMakerServer, proxy: Proxy, clock: Clock) -> None:
        self.sagemaker = sagemaker
        self.proxy = proxy
        self.clock = clock
        self._tokens = itertools.count(1)
        self._client: Any = None

    @property
    def client(self) -> Any:
        """A boto3 client that goes past the proxy: what somebody does outside the stack."""
        if self._client is None:
            self._client = boto3.client(
                "sagemaker",
                endpoint_url=self.sagemaker.endpoint,
                region_name=REGION,
                aws_access_key_id="outside",
                aws_secret_access_key="outside",  # noqa: S106 - a local server's
                config=Config(proxies={}, retries={"total_max_attempts": 1}),
            )
        return self._client

    def reset(self, **behaviour: Any) -> None:
        """No packages, no faults, no calls; the groups stay."""
        self.sagemaker.service.reset()
        self.sagemaker.clear_calls()
        self.sagemaker.behaviour = Behaviour(**behaviour)
        self.proxy.clear()
        self.proxy.reset_callbacks()

    @property
    def packages(self) -> list[Json]:
        """Every package there is, those being deleted included."""
        return self.sagemaker.packages

    def held(self, arn: str) -> Json | None:
        """One of them, as SageMaker holds it."""
        return next((each for each in self.packages if each["ModelPackageArn"] == arn), None)

    def straight(self, operation: str, **arguments: Any) -> Json:
        """What SageMaker answers to a call that needs no wire, which is quicker."""
        answer: Json = self.sagemaker.service.call(operation, Scope("aws", REGION, ACCOUNT), arguments)
        return answer

    def put(self, **members: Any) -> str:
        """Put a package straight into SageMaker, `package(**members)`; return its ARN."""
        return str(self.straight("CreateModelPackage", **package(**members))["ModelPackageArn"])

    def token(self) -> str:
        """A request token that nobody has used."""
        return f"request-{next(self._tokens)}"

    def event(
        self,
        action: str,
        desired: Any,
        previous: Any = None,
        *,
        context: Any = None,
        token: str | None = None,
        stack_tags: Mapping[str, str] | None = None,
        previous_stack_tags: Mapping[str, str] | None = None,
        next_token: str | None = None,
    ) -> Json:
        """The production event."""
        return {
            "action": action,
            "awsAccountId": ACCOUNT,
            "bearerToken": token or self.token(),
            "callbackContext": context,
            "nextToken": next_token,
            "region": REGION,
            "resourceType": TYPE,
            "resourceTypeVersion": "00000001",
            "stackId": STACK_ID,
            "requestData": {
                "callerCredentials": CREDENTIALS,
                "logicalResourceId": LOGICAL_ID,
                "previousResourceProperties": previous,
                "previousStackTags": previous_stack_tags,
                "resourceProperties": desired,
                "stackTags": stack_tags,
                "systemTags": {"aws:cloudformation:stack-name": "shop"},
                "providerCredentials": None,
                "providerLogGroupName": None,
            },
        }

    def test_event(self, event: Json) -> Json:
        """The same in the shape that TestEntrypoint takes."""
        data = event["requestData"]
        return {
            "action": event["action"],
            "credentials": data["callerCredentials"],
            "region": event["region"],
            "callbackContext": event["callbackContext"],
            "request": {
                "clientRequestToken": event["bearerToken"],
                "desiredResourceState": data["resourceProperties"],
                "previousResourceState": data["previousResourceProperties"],
                "desiredResourceTags": data["stackTags"],
                "previousResourceTags": data["previousStackTags"],
                "logicalResourceIdentifier": data["logicalResourceId"],
                "nextToken": event["nextToken"],
            },
        }

    def send(self, event: Any, *, door: str = "stack", lambda_context: Any = None) -> Json:
        """Invoke once through one of the DOORS. What every event has to be is checked here."""
        entry = handlers.resource if door == "stack" else handlers.test_entrypoint
        given = json.loads(json.dumps(event))
        if door == "test" and isinstance(given, dict) and "requestData" in given:
            given = self.test_event(given)
        answer: Json = json.loads(json.dumps(entry(given, lambda_context)))
        check_event(answer)
        return answer

    def run(self, event: Json, *, door: str = "stack") -> Run:
        """Drive an operation to its end as CloudFormation does: with the model and context that came back."""
        run, began = Run(event["action"]), self.clock.now
        while len(run.events) < MOST_INVOCATIONS:
            before = self.clock.now
            answer = self.send(event, door=door)
            run.longest_invocation = max(run.longest_invocation, self.clock.now - before)
            run.events.append(answer)
            if answer["status"] != "IN_PROGRESS":
                run.seconds = self.clock.now - began
                return run
            self.clock.advance(answer["callbackDelaySeconds"])
            event = following(event, answer)
        raise AssertionError(f"{event['action']} did not end within {MOST_INVOCATIONS} invocations")

    def create(self, desired: Json, **parts: Any) -> Run:
        """Run a create."""
        return self.run(self.event("CREATE", desired, **parts))

    def update(self, arn: str, desired: Json, previous: Json | None, **parts: Any) -> Run:
        """Run an update of a package; both states get its ARN, as CloudFormation does it."""
        known = {"ModelPackageArn": arn}
        before = None if previous is None else {**previous, **known}
        return self.run(self.event("UPDATE", {**desired, **known}, before, **parts))

    def read(self, arn: str) -> Run:
        """Run a read."""
        return self.run(self.event("READ", {"ModelPackageArn": arn}))

    def delete(self, arn: str, **parts: Any) -> Run:
        """Run a delete."""
        return self.run(self.event("DELETE", {"ModelPackageArn": arn}, **parts))


def following(event: Json, answer: Json) -> Json:
    """CloudFormation's next event of an operation: with the model and context that came back."""
    data = {**event["requestData"], "resourceProperties": answer["resourceModel"]}
    return {**event, "callbackContext": answer["callbackContext"], "requestData": data}


@contextmanager
def impatient(seconds: float) -> Iterator[None]:
    """Have clients wait so many real seconds for an answer, and think that it was as long as always."""
    with pytest.MonkeyPatch.context() as patch:
        # What an attempt may take in all stays as it is: whether there is time for another depends on it.
        patch.setattr(client, "CONNECT_SECONDS", timing.CONNECT_SECONDS + timing.READ_SECONDS - seconds)
        patch.setattr(client, "READ_SECONDS", seconds)
        yield


def check_event(event: Json) -> None:
    """Assert what holds of every event, whatever was asked: the contract, and our own promises."""
    status, code, message = event.get("status"), event.get("errorCode"), event.get("message") or ""
    assert status in ("SUCCESS", "FAILED", "IN_PROGRESS"), event
    assert len(message) <= LONGEST_MESSAGE, event
    assert "Traceback" not in message
    if status == "FAILED":
        assert code in CODES, event
        assert code != "InternalFailure", event
        assert len(message) > len("it"), event
        assert not event.get("callbackContext"), event
    else:
        assert code is None, event
    if status == "IN_PROGRESS":
        assert (event.get("resourceModel") or {}).get("ModelPackageArn"), event
        assert "resourceModels" not in event or event["resourceModels"] is None, event
        assert 0 < event["callbackDelaySeconds"] <= LONGEST_DELAY, event
        assert len(json.dumps(event["callbackContext"])) <= MOST_CONTEXT_BYTES, event


def package(**members: Any) -> Json:
    """A template's properties with a container that SageMaker takes: a version, or, given a name, none."""
    specification: Json = {
        "Containers": [{"Image": IMAGE}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    named = "ModelPackageName" in members
    if named:
        specification["SupportedTransformInstanceTypes"] = ["ml.m5.large"]
        specification["SupportedRealtimeInferenceInstanceTypes"] = ["ml.m5.large"]
    found = {"InferenceSpecification": specification, **members}
    if not named:
        found.setdefault("ModelPackageGroupName", GROUPS[0])
    return {name: value for name, value in found.items() if value is not None}


def validation(**job: Any) -> Json:
    """A validation specification with one profile, whose job has these members as well."""
    definition = {
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://churn/in"}}
        },
        "TransformOutput": {"S3OutputPath": "s3://churn/out"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **job,
    }
    return {
        "ValidationRole": f"arn:aws:iam::{ACCOUNT}:role/validation",
        "ValidationProfiles": [{"ProfileName": PROFILE, "TransformJobDefinition": definition}],
    }
