"""The setting of the torture tests: handlers, simulated time, and a local SageMaker behind a proxy.

`World` makes the events that CloudFormation sends, invokes the handlers of this process through either entry
point, and drives operations to their end. `check_event` is the contract that every answer has to keep.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from cloudformation_cli_python_lib import HandlerErrorCode

from aws_sagemaker_modelpackage import client, handlers, request, timing
from sandbox.sagemaker import Behaviour, SageMakerServer
from sandbox.sagemaker.arns import Scope
from sandbox.shared.credentials import Credentials
from sandbox.shared.settings import ACCOUNT, REGION, TYPE_NAME
from tests.faults.proxy import Proxy

Json = dict[str, Any]
Figures = dict[str, dict[str, Any]]
"""Title of a line in the summary to its counts; both appear when they are first used."""

ENTRY_POINTS = ("resource", "test_entrypoint")
"""Functions of `handlers`: the one that CloudFormation invokes, and that of `sam local invoke`."""
GROUPS = ("churn", "fraud")
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/churn:1"
PROFILE = "smoke-test"
LOGICAL_ID = "Model"
CALLER_CREDENTIALS = {
    "accessKeyId": "ASIATORTURE",
    "secretAccessKey": "the secret access key",
    "sessionToken": "the session token",
}
WRITES = frozenset(
    {"CreateModelPackage", "UpdateModelPackage", "DeleteModelPackage", "AddTags", "DeleteTags"}
)
PAGE_PACKAGES = 100
MAX_CONTEXT_BYTES = 512
MAX_MESSAGE_CHARACTERS = 1000
MAX_DELAY_SECONDS = 60
MAX_INVOCATIONS = 400
"""Of one operation; it ends long before."""
CODES = frozenset(code.name for code in HandlerErrorCode)
# Real time at which simulated time begins, so that processes with a clock of their own agree about it.
EPOCH_SECONDS = time.time()


class Clock:
    """Simulated seconds, which sleeping does not spend. `after_sleep` is called after each sleep."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.after_sleep: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return EPOCH_SECONDS + self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.after_sleep()

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Run:
    """One operation as CloudFormation drives it: its events, and the simulated seconds it takes."""

    action: str
    events: list[Json]
    seconds: float = 0.0
    max_invocation_seconds: float = 0.0

    @property
    def last(self) -> Json:
        return self.events[-1]

    @property
    def status(self) -> str:
        return str(self.last["status"])

    @property
    def code(self) -> str | None:
        return self.last.get("errorCode")

    @property
    def message(self) -> str:
        return str(self.last.get("message") or "")

    @property
    def model(self) -> Json:
        return self.last.get("resourceModel") or {}

    @property
    def arn(self) -> str | None:
        """The ARN in the last event that has one."""
        models = [event.get("resourceModel") or {} for event in reversed(self.events)]
        return next((str(each["ModelPackageArn"]) for each in models if each.get("ModelPackageArn")), None)


class World:
    """A local SageMaker behind a proxy, and the handlers of this process in front of it."""

    def __init__(self, sagemaker: SageMakerServer, proxy: Proxy, clock: Clock) -> None:
        self.sagemaker = sagemaker
        self.proxy = proxy
        self.clock = clock
        self.client: Any = boto3.client(
            "sagemaker",
            endpoint_url=sagemaker.endpoint,
            region_name=REGION,
            config=Config(proxies={}, retries={"total_max_attempts": 1}),
            **Credentials.new().settings(),
        )
        """Other clients of SageMaker: it bypasses the proxy."""
        self._tokens = itertools.count(1)

    def reset(self, **behaviour: Any) -> None:
        """Remove packages, faults and calls; the groups stay."""
        self.sagemaker.service.reset()
        self.sagemaker.clear_calls()
        self.sagemaker.behaviour = Behaviour(**behaviour)
        self.proxy.clear()
        self.proxy.reset_callbacks()

    @property
    def packages(self) -> list[Json]:
        """All packages as SageMaker stores them, those being deleted included."""
        return self.sagemaker.packages

    def stored(self, arn: str) -> Json | None:
        return next((each for each in self.packages if each["ModelPackageArn"] == arn), None)

    def call(self, operation: str, **arguments: Any) -> Json:
        """Call SageMaker within this process, which is quicker than over HTTP."""
        answer: Json = self.sagemaker.service.call(operation, Scope("aws", REGION, ACCOUNT), arguments)
        return answer

    def put(self, **members: Any) -> str:
        """Create `package(**members)` within this process and return its ARN."""
        return str(self.call("CreateModelPackage", **package(**members))["ModelPackageArn"])

    def token(self) -> str:
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
        return {
            "action": action,
            "awsAccountId": ACCOUNT,
            "bearerToken": token or self.token(),
            "callbackContext": context,
            "nextToken": next_token,
            "region": REGION,
            "resourceType": TYPE_NAME,
            "resourceTypeVersion": "00000001",
            "stackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/shop/6f9619ff",
            "requestData": {
                "callerCredentials": CALLER_CREDENTIALS,
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

    def update_event(self, arn: str, desired: Json, previous: Json | None, **parts: Any) -> Json:
        """The event of an update; both states get the ARN, as CloudFormation does it."""
        known = {"ModelPackageArn": arn}
        return self.event("UPDATE", desired | known, None if previous is None else previous | known, **parts)

    def invoke(self, event: Any, entry_point: str = "resource", lambda_context: Any = None) -> Any:
        """Invoke once and return the answer, whatever it is."""
        if entry_point == "test_entrypoint" and isinstance(event, dict) and "requestData" in event:
            event = sam_event(event)
        answer = getattr(handlers, entry_point)(event, lambda_context)
        # As Lambda's runtime client does it.
        return json.loads(json.dumps(answer, ensure_ascii=False).encode())

    def invoke_captured(self, *arguments: Any) -> tuple[Any, str]:
        """Invoke once and return the answer and what is printed: a traceback for every failure."""
        with StringIO() as printed, redirect_stdout(printed), redirect_stderr(printed):
            answer = self.invoke(*arguments)
            return answer, printed.getvalue().encode().decode()

    def send(self, event: Json, entry_point: str = "resource") -> Json:
        answer: Json = self.invoke(json.loads(json.dumps(event)), entry_point)
        check_event(answer)
        return answer

    def run(self, event: Json, entry_point: str = "resource") -> Run:
        began, invocations = self.clock.now, [0.0]

        def invoke(event: Json) -> Json:
            invoked = self.clock.now
            answer = self.send(event, entry_point)
            invocations.append(self.clock.now - invoked)
            return answer

        events = drive(event, invoke, self.clock.advance)
        return Run(event["action"], events, self.clock.now - began, max(invocations))

    def pages(self, invoke: Callable[[Json], Json], **filters: str) -> Iterator[list[str]]:
        """The ARNs of each page of a list, until there is no token."""
        event = self.event("LIST", filters)
        while True:
            answer = invoke(event)
            assert answer["status"] == "SUCCESS", answer
            assert all(model.keys() == {"ModelPackageArn"} for model in answer["resourceModels"])
            yield [model["ModelPackageArn"] for model in answer["resourceModels"]]
            event["nextToken"] = answer.get("nextToken")
            if event["nextToken"] is None:
                return

    def create(self, desired: Json, **parts: Any) -> Run:
        return self.run(self.event("CREATE", desired, **parts))

    def read(self, arn: str) -> Run:
        return self.run(self.event("READ", {"ModelPackageArn": arn}))


def sam_event(event: Json) -> Json:
    """CloudFormation's event in the shape that `test_entrypoint` takes."""
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


def next_event(event: Json, answer: Json) -> Json:
    """CloudFormation's next event of an operation, with the model and the callback context of the answer."""
    data = {**event["requestData"], "resourceProperties": answer["resourceModel"]}
    return {**event, "callbackContext": answer["callbackContext"], "requestData": data}


def drive(
    event: Json,
    invoke: Callable[[Json], Json],
    wait: Callable[[float], None],
    max_invocations: int = MAX_INVOCATIONS,
) -> list[Json]:
    """Drive an operation to its end as CloudFormation does; return all answers."""
    answers: list[Json] = []
    while len(answers) < max_invocations:
        answers.append(invoke(event))
        if answers[-1]["status"] != "IN_PROGRESS":
            return answers
        wait(answers[-1]["callbackDelaySeconds"])
        event = next_event(event, answers[-1])
    raise AssertionError(f"{event['action']} did not end within {max_invocations} invocations")


@contextmanager
def in_world(world: World, empty: Path) -> Iterator[None]:
    """The world's clock and its SageMaker for the handlers of this process and of those started in it.

    No setting of the developer's machine reaches a client: `empty` is a folder without files.
    """
    clock = world.clock
    with pytest.MonkeyPatch.context() as patch:
        for name in [
            name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")
        ]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", str(empty / "config"))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(empty / "credentials"))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_ENDPOINT_URL", world.proxy.url)
        patch.setattr(request, "time", SimpleNamespace(monotonic=clock.monotonic, time=clock.time))
        patch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=clock.sleep))
        yield


@contextmanager
def short_timeouts(seconds: float) -> Iterator[None]:
    """Have clients wait only so many real seconds for an answer; their budget of time stays the same."""
    with pytest.MonkeyPatch.context() as patch:
        # The sum of both decides whether there is time for another attempt.
        patch.setattr(client, "CONNECT_SECONDS", timing.CONNECT_SECONDS + timing.READ_SECONDS - seconds)
        patch.setattr(client, "READ_SECONDS", seconds)
        yield


def check_event(event: Json) -> None:
    """Assert what holds of every answer: the contract, and the promises of these handlers."""
    status, code, message = event.get("status"), event.get("errorCode"), event.get("message") or ""
    assert status in ("SUCCESS", "FAILED", "IN_PROGRESS"), event
    assert len(message) <= MAX_MESSAGE_CHARACTERS, event
    assert "Traceback" not in message
    if status == "FAILED":
        assert code in CODES - {"InternalFailure"}, event
        assert len(message) > len("it"), event
        assert not event.get("callbackContext"), event
    else:
        assert code is None, event
    if status == "IN_PROGRESS":
        assert (event.get("resourceModel") or {}).get("ModelPackageArn"), event
        assert "resourceModels" not in event or event["resourceModels"] is None, event
        assert 0 < event["callbackDelaySeconds"] <= MAX_DELAY_SECONDS, event
        assert len(json.dumps(event["callbackContext"])) <= MAX_CONTEXT_BYTES, event


def package(**members: Any) -> Json:
    """Properties of a package that SageMaker accepts: a version, or an unversioned one if a name is given.

    A member of None is left out.
    """
    specification: Json = {
        "Containers": [{"Image": IMAGE}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    if "ModelPackageName" in members:
        specification["SupportedTransformInstanceTypes"] = ["ml.m5.large"]
        specification["SupportedRealtimeInferenceInstanceTypes"] = ["ml.m5.large"]
    else:
        members = {"ModelPackageGroupName": GROUPS[0], **members}
    properties = {"InferenceSpecification": specification, **members}
    return {name: value for name, value in properties.items() if value is not None}


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
