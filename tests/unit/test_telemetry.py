"""Provider logs and metrics: sent in order, beside the handler, never kept."""

from __future__ import annotations

import gc
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import copy_context
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError
from cloudformation_cli_python_lib import Action, exceptions
from cloudformation_cli_python_lib.log_delivery import ProviderFilter, ProviderLogHandler

from aws_sagemaker_modelpackage import client, handlers, telemetry, timing
from aws_sagemaker_modelpackage.request import success
from packager.project import ROOT
from sandbox.shared.http import JsonHandler, LocalServer

from .conftest import CREDENTIALS, Clock, Invoker, lambda_context
from .events import (
    LOGICAL_ID,
    NO_TIME,
    STACK_ID,
    STATE,
    TYPE,
    VERSION,
    failed,
    not_found,
    succeeded,
    version,
    version_model,
)
from .network import HOST, LOCAL, MAX_WAIT_SECONDS, Network
from .scripted_sagemaker import DENIED, OPEN_GUARD, Script, absent
from .tables import table

PACKAGE = "aws_sagemaker_modelpackage"
PROVIDER = {"accessKeyId": "AKIDPROVIDER", "secretAccessKey": "of the provider", "sessionToken": "theirs"}
WITH_LOGS = {"providerLogGroupName": "acme-logs", "providerCredentials": PROVIDER}
LOGGED = f"READ {VERSION}: SUCCESS"
Answer = Callable[[str, dict[str, Any]], tuple[int, Any]]


class CloudWatch(LocalServer):
    """CloudWatch's two services with the answers of a test; notes operation, signer, arguments of calls."""

    def __init__(self) -> None:
        super().__init__(_CloudWatchHandler)
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.answer: Answer = lambda _operation, _arguments: (200, {"nextSequenceToken": "1"})

    @property
    def operations(self) -> list[str]:
        return [operation for operation, _, _ in self.calls]

    def arguments(self, operation: str) -> list[dict[str, Any]]:
        return [arguments for each, _, arguments in self.calls if each == operation]

    @property
    def log_operations(self) -> list[str]:
        return [operation for operation in self.operations if operation != "PutMetricData"]

    @property
    def metrics(self) -> list[str]:
        """The names of the metrics that came, in order."""
        return [each["MetricName"] for put in self.arguments("PutMetricData") for each in put["MetricData"]]

    @property
    def messages(self) -> list[str]:
        """The log messages that came, in order."""
        return [event["message"] for put in self.arguments("PutLogEvents") for event in put["logEvents"]]


class _CloudWatchHandler(JsonHandler):
    server: CloudWatch
    guard = OPEN_GUARD

    def post(self) -> None:
        arguments = json.loads(self.body())
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        signer = self.headers["Authorization"].partition("Credential=")[2].partition("/")[0]
        self.server.calls.append((operation, signer, arguments))
        self.answer(*self.server.answer(operation, arguments), {"Connection": "close"})


@pytest.fixture
def cloudwatch(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudWatch]:
    """The two services, started."""
    with CloudWatch() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", server.endpoint)
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", server.endpoint)
        yield server


@pytest.fixture
def answered(cloudwatch: CloudWatch) -> Iterator[threading.Event]:
    """The two services answer nothing before the test's end; this event is set once they have."""
    over, answered = threading.Event(), threading.Event()

    def hang(_operation: str, _arguments: dict[str, Any]) -> tuple[int, Any]:
        over.wait(5)
        answered.set()
        return 200, {}

    cloudwatch.answer = hang
    yield answered
    over.set()


def logging_state() -> list[tuple[logging.Handler, list[Any]]]:
    return [(handler, list(handler.filters)) for handler in logging.getLogger().handlers]


@pytest.fixture(autouse=True)
def unchanged_logging() -> Iterator[None]:
    """After every test the process's logging is as it was."""
    state = logging_state()
    yield
    assert logging_state() == state


def read(invoke: Invoker, script: Script, **request: Any) -> dict[str, Any]:
    """A read that succeeds, with the provider's logs switched on."""
    script.describe(VERSION, version())
    return invoke("READ", STATE, **{**WITH_LOGS, **request})


def test_metrics_and_logs_are_sent_in_order_with_the_providers_credentials(
    invoke: Invoker, script: Script, cloudwatch: CloudWatch
) -> None:
    # At the level that Lambda sets, which is for warnings.
    assert logging.getLogger(PACKAGE).getEffectiveLevel() == logging.WARNING
    assert read(invoke, script) == succeeded(version_model())
    assert logging.getLogger(PACKAGE).getEffectiveLevel() == logging.WARNING
    assert sorted(set(cloudwatch.operations)) == ["PutLogEvents", "PutMetricData"]
    assert {signer for _, signer, _ in cloudwatch.calls} == {"AKIDPROVIDER"}
    assert cloudwatch.messages == [LOGGED]
    put, *_ = cloudwatch.arguments("PutLogEvents")
    stream = f"{STACK_ID.replace(':', '__')}/{LOGICAL_ID}"
    assert (put["logGroupName"], put["logStreamName"]) == ("acme-logs", stream)
    assert cloudwatch.metrics == ["HandlerInvocationCount", "HandlerInvocationDuration"]


def test_each_invocation_has_its_own_stream_and_credentials(
    invoke: Invoker, script: Script, cloudwatch: CloudWatch
) -> None:
    for key, request in (
        ("AKIDONE", {"logicalResourceId": "First"}),
        ("AKIDTWO", {"logicalResourceId": "Second"}),
        ("AKIDTHREE", {"stackId": None}),
    ):
        read(invoke, script, providerCredentials={**PROVIDER, "accessKeyId": key}, **request)
    puts = [
        (signer, arguments["logStreamName"].rpartition("/")[2])
        for operation, signer, arguments in cloudwatch.calls
        if operation == "PutLogEvents"
    ]
    without_a_stack = "111122223333-eu-west-1"
    assert puts == [("AKIDONE", "First"), ("AKIDTWO", "Second"), ("AKIDTHREE", without_a_stack)]


@pytest.mark.parametrize(
    ("missing", "operations"),
    [
        ("group", ["PutLogEvents", "CreateLogGroup", "CreateLogStream", "PutLogEvents"]),
        ("stream", ["PutLogEvents", "CreateLogStream", "PutLogEvents"]),
    ],
)
def test_missing_group_or_stream_is_created(
    invoke: Invoker,
    script: Script,
    cloudwatch: CloudWatch,
    caplog: pytest.LogCaptureFixture,
    missing: str,
    operations: list[str],
) -> None:
    def answer(operation: str, _arguments: dict[str, Any]) -> tuple[int, Any]:
        if operation == "PutLogEvents" and "CreateLogStream" not in cloudwatch.operations:
            message = f"The specified log {missing} does not exist."
            return 400, {"__type": "ResourceNotFoundException", "message": message}
        return 200, {}  # no sequence token either, as newer answers have none

    cloudwatch.answer = answer
    assert read(invoke, script)["status"] == "SUCCESS"
    assert cloudwatch.log_operations == operations
    assert "not all" not in caplog.text


def exceptions_of(cloudwatch: CloudWatch) -> list[tuple[str, dict[str, str]]]:
    """The namespace and dimensions of the metrics of failures that came, in order."""
    return [
        (put["Namespace"], {each["Name"]: each["Value"] for each in metric["Dimensions"]})
        for put in cloudwatch.arguments("PutMetricData")
        for metric in put["MetricData"]
        if metric["MetricName"] == "HandlerException"
    ]


def failing_with(code: str) -> Callable[..., Any]:
    """A handler that fails with this code."""

    def handle(*_: object) -> Any:
        if code == "InternalFailure":
            raise KeyError("a defect")
        if code == "NotFound":
            raise exceptions.NotFound("type", "name")
        raise error_of(code)

    return handle


def error_of(code: str) -> Exception:
    details = {"Error": {"Code": f"{code}Exception", "Message": "no"}}
    return ClientError(details, "DescribeModelPackage")  # type: ignore[arg-type] # the stubs want all members


@pytest.mark.parametrize("code", ["AccessDenied", "Throttling", "NotFound", "InternalFailure"])
@pytest.mark.usefixtures("script")
def test_metric_of_a_failure_names_the_class_that_the_library_has_for_its_code(
    invoke: Invoker, cloudwatch: CloudWatch, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setitem(handlers.resource._handlers, Action.READ, failing_with(code))
    assert invoke("READ", STATE, **WITH_LOGS)["errorCode"] == code
    ((namespace, dimensions),) = exceptions_of(cloudwatch)
    assert namespace == "AWS/CloudFormation/AWS/SageMaker/ModelPackage"
    assert dimensions == {
        "DimensionKeyActionType": "READ",
        "DimensionKeyExceptionType": f"<class 'cloudformation_cli_python_lib.exceptions.{code}'>",
        "DimensionKeyResourceType": TYPE,
    }
    assert dimensions["DimensionKeyExceptionType"] == str(getattr(exceptions, code))


@pytest.mark.parametrize(
    ("alarm", "code"), [("InternalFailures", "InternalFailure"), ("Throttled", "Throttling")]
)
@pytest.mark.usefixtures("script")
def test_alarms_watch_the_metrics_that_are_sent(
    invoke: Invoker, cloudwatch: CloudWatch, monkeypatch: pytest.MonkeyPatch, alarm: str, code: str
) -> None:
    for action in Action:
        monkeypatch.setitem(handlers.resource._handlers, action, failing_with(code))
        invoke(action.name, STATE, STATE, **WITH_LOGS)
    template = yaml.safe_load((ROOT / "alarms.yaml").read_text(encoding="utf-8"))
    expression, *queries = template["Resources"][alarm]["Properties"]["Metrics"]
    metrics = [each["MetricStat"]["Metric"] for each in queries]
    assert {each["MetricName"] for each in metrics} == {"HandlerException"}
    watched = [
        (each["Namespace"], {pair["Name"]: pair["Value"] for pair in each["Dimensions"]}) for each in metrics
    ]
    sent = exceptions_of(cloudwatch)
    assert len(sent) == len(watched) == 5
    assert all(each in watched for each in sent)
    assert expression["Expression"] == f"SUM([{', '.join(each['Id'] for each in queries)}])"
    (query,) = template["Resources"]["Failures"]["Properties"]["Metrics"]
    ((namespace, dimensions), *_) = sent
    selected, _, schema = query["Expression"].partition(" FROM ")
    assert selected == "SELECT SUM(HandlerException)"
    assert schema == f'SCHEMA("{namespace}", {", ".join(dimensions)})'


@pytest.mark.parametrize("action", ["READ", "DELETE"])
def test_expected_not_found_is_logged_and_counted_without_a_traceback(
    invoke: Invoker, script: Script, cloudwatch: CloudWatch, action: str
) -> None:
    describe = script.describe if action == "READ" else script.describe_metadata
    describe(VERSION, absent(VERSION))
    assert invoke(action, STATE, **WITH_LOGS) == not_found(action, VERSION, absent(VERSION))
    assert cloudwatch.messages == [f"{action} {VERSION} failed: NotFound"]
    assert len(exceptions_of(cloudwatch)) == 1


def test_expected_not_found_prints_no_traceback(
    invoke: Invoker, script: Script, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    for send in (invoke, invoke.test):
        script.describe(VERSION, absent(VERSION))
        assert send("READ", STATE) == not_found("READ", VERSION, absent(VERSION))
    assert "Traceback" not in "".join(capfd.readouterr()) + caplog.text


def test_failure_is_counted_and_logged(invoke: Invoker, script: Script, cloudwatch: CloudWatch) -> None:
    script.describe(VERSION, DENIED)
    assert invoke("READ", STATE, **WITH_LOGS) == failed("AccessDenied", "READ", VERSION, DENIED)
    assert cloudwatch.metrics == ["HandlerInvocationCount", "HandlerInvocationDuration", "HandlerException"]
    # The handlers' own record and the library's.
    assert cloudwatch.messages[0] == f"READ {VERSION} failed: AccessDenied"
    assert cloudwatch.messages[1].startswith("Handler error\nTraceback")


@pytest.mark.parametrize("has_platform", [True, False])
def test_provider_records_do_not_go_to_the_platforms_log(
    invoke: Invoker, script: Script, cloudwatch: CloudWatch, has_platform: bool
) -> None:
    records: list[str] = []

    class Platform(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record.name)

    handler, root = Platform(), logging.getLogger()
    others, root.handlers[:] = root.handlers[:], [handler] if has_platform else []
    try:
        read(invoke, script)
        assert root.handlers == ([handler] if has_platform else [])
    finally:
        root.handlers[:] = others
    assert cloudwatch.messages == [LOGGED]
    assert [name for name in records if name.startswith(PACKAGE)] == []
    assert not any(isinstance(each, ProviderFilter) for each in handler.filters)


@table(
    "given",
    {
        "no group": {"providerLogGroupName": None},
        "no credentials": {"providerCredentials": None},
        "empty credentials": {"providerCredentials": {}},
        "no type": {"resourceType": None},
    },
)
def test_nothing_is_sent_without_group_credentials_or_type(
    invoke: Invoker, script: Script, cloudwatch: CloudWatch, given: dict[str, Any]
) -> None:
    assert read(invoke, script, **given) == succeeded(version_model())
    assert cloudwatch.calls == []


# --- failures ---------------------------------------------------------------------------------------


def refusing(refused: str, code: str, times: int) -> Answer:
    """Answers that refuse an operation so many times."""
    left = [None] * times

    def answer(operation: str, _arguments: dict[str, Any]) -> tuple[int, Any]:
        if operation == refused and left:
            left.pop()
            return 400, {"__type": code, "message": "for arn:secret"}
        return 200, {}

    return answer


@table(
    "refused, code, times, text",
    {
        "metrics": ("PutMetricData", "AccessDeniedException", 2, "2 of 2 metrics"),
        "one metric, which does not stop the next": (
            "PutMetricData",
            "InvalidParameterValue",
            1,
            "1 of 2 metrics",
        ),
        "records": ("PutLogEvents", "AccessDeniedException", 1000, "1 of 1 log records"),
    },
)
def test_refused_calls_are_reported_in_the_logs(
    invoke: Invoker,
    script: Script,
    cloudwatch: CloudWatch,
    caplog: pytest.LogCaptureFixture,
    refused: str,
    code: str,
    times: int,
    text: str,
) -> None:
    cloudwatch.answer = refusing(refused, code, times)
    assert read(invoke, script) == succeeded(version_model())
    assert cloudwatch.metrics == ["HandlerInvocationCount", "HandlerInvocationDuration"]
    assert f"{text} ({code})" in caplog.text
    if refused == "PutMetricData":
        lost = f"not all of this invocation was sent to CloudWatch: {text} ({code})"
        assert cloudwatch.messages == [LOGGED, lost]
    assert "arn:secret" not in caplog.text + "".join(cloudwatch.messages)


def test_records_that_pile_up_go_in_one_call(
    invoke: Invoker, script: Script, cloudwatch: CloudWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(2)

    def answer_slowly(operation: str, _arguments: dict[str, Any]) -> tuple[int, Any]:
        # The first record is on its way until the handler has logged all of them.
        if operation == "PutLogEvents" and len(cloudwatch.messages) == 1:
            together.wait(5)
        return 200, {}

    def log_much(*_: object) -> Any:
        log = logging.getLogger(PACKAGE)
        log.info("first")
        while not cloudwatch.messages:
            time.sleep(0.01)
        for number in range(5):
            log.info("record %d", number)
        together.wait(5)
        return success({})

    cloudwatch.answer = answer_slowly
    monkeypatch.setitem(handlers.resource._handlers, Action.READ, log_much)
    assert invoke("READ", STATE, **WITH_LOGS)["status"] == "SUCCESS"
    assert not script.calls
    second = cloudwatch.arguments("PutLogEvents")[1]["logEvents"]
    assert [event["message"] for event in second][:5] == [f"record {number}" for number in range(5)]


def sizes_of(batches: list[list[dict[str, Any]]]) -> list[int]:
    return [
        sum(len(each["message"].encode()) + telemetry.RECORD_OVERHEAD_BYTES for each in batch)
        for batch in batches
    ]


@table(
    "records, batches",
    {
        "bytes": ([(1, "x" * telemetry.MAX_RECORD_BYTES)] * 7, [4, 3]),
        "bytes of characters of three": ([(1, "語" * 80_000)] * 7, [4, 3]),
        "number": ([(1, "x")] * 25_000, [10_000, 10_000, 5_000]),
        "a day": ([(0, "x"), (86_400_000, "x"), (86_400_001, "x")], [2, 1]),
    },
)
def test_records_are_split_at_what_a_call_holds(records: list[tuple[int, str]], batches: list[int]) -> None:
    split = list(telemetry._split(records))
    assert [len(batch) for batch in split] == batches
    assert max(sizes_of(split)) <= 1_048_576


@table(
    "text, sent",
    {
        "as it is": ("ready", "ready"),
        "empty": ("", " "),
        "half of a character": ("a\ud83db", "a?b"),
        "the most": ("x" * 262_118, "x" * 262_118),
        "more": ("x" * 262_119, "x" * 262_109 + "... (cut)"),
        "more, cut within a character": ("語" * 100_000, "語" * 87_369 + "... (cut)"),
    },
)
def test_record_is_fitted_to_what_an_event_holds(text: str, sent: str) -> None:
    assert telemetry._fit(text) == sent
    assert len(sent.encode()) + telemetry.RECORD_OVERHEAD_BYTES <= 256 * 1024


@table(
    "rejected, text",
    {
        "too old": ({"tooOldLogEventEndIndex": 1}, "1 of 2 log records (rejected)"),
        "expired": ({"expiredLogEventEndIndex": 1}, "1 of 2 log records (rejected)"),
        "too new": ({"tooNewLogEventStartIndex": 0}, "2 of 2 log records (rejected)"),
        "old and new": (
            {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 1},
            "2 of 2 log records (rejected)",
        ),
        "none": ({}, ""),
    },
)
def test_rejected_records_are_reported_in_the_platforms_log(
    invoke: Invoker,
    cloudwatch: CloudWatch,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    rejected: dict[str, int],
    text: str,
) -> None:
    def answer(operation: str, _arguments: dict[str, Any]) -> tuple[int, Any]:
        return 200, {"rejectedLogEventsInfo": rejected} if operation == "PutLogEvents" else {}

    monkeypatch.setattr(telemetry._Sender, "_batches", all_at_once(telemetry._Sender._batches))
    cloudwatch.answer = answer
    monkeypatch.setitem(handlers.resource._handlers, Action.READ, logging_handler("first"))
    assert invoke("READ", STATE, **WITH_LOGS)["status"] == "SUCCESS"
    assert cloudwatch.messages == ["first", LOGGED]
    lost = [message for message in caplog.messages if "not all" in message]
    assert lost == ([f"not all of this invocation was sent to CloudWatch: {text}"] if text else [])


def all_at_once(batches: Callable[[Any], Iterator[list[Any]]]) -> Callable[[Any], Iterator[list[Any]]]:
    """The batches of a sender as one, at its end."""

    def together(sender: Any) -> Iterator[list[Any]]:
        yield [item for batch in batches(sender) for item in batch]

    return together


def logging_handler(text: str, *arguments: object) -> Callable[..., Any]:
    """A handler that logs this and succeeds."""

    def handle(*_: object) -> Any:
        logging.getLogger(PACKAGE).info(text, *arguments)
        return success({})

    return handle


@table("text, length", {"empty": ("", 1), "too long": ("x" * 300_000, 262_118)})
def test_record_is_sent_as_it_fits(
    invoke: Invoker, cloudwatch: CloudWatch, monkeypatch: pytest.MonkeyPatch, text: str, length: int
) -> None:
    monkeypatch.setitem(handlers.resource._handlers, Action.READ, logging_handler(text))
    assert invoke("READ", STATE, **WITH_LOGS)["status"] == "SUCCESS"
    assert [len(each) for each in cloudwatch.messages] == [length, len(LOGGED)]


def test_record_that_cannot_be_formatted_does_not_change_the_answer(
    invoke: Invoker, cloudwatch: CloudWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)  # the other handlers', pytest's among them
    others, logging.getLogger().handlers[:] = logging.getLogger().handlers[:], []
    try:
        monkeypatch.setitem(handlers.resource._handlers, Action.READ, logging_handler("%d", "no number"))
        assert invoke("READ", STATE, **WITH_LOGS)["status"] == "SUCCESS"
    finally:
        logging.getLogger().handlers[:] = others
    assert cloudwatch.messages == [LOGGED]


def test_address_without_a_server_does_not_change_the_answer(
    invoke: Invoker, script: Script, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:9")
    assert read(invoke, script) == succeeded(version_model())
    assert "2 of 2 metrics (EndpointConnectionError)" in caplog.text
    assert "log records (EndpointConnectionError)" in caplog.text


@pytest.mark.usefixtures("answered")
def test_sending_that_hangs_is_left_behind_at_the_end(
    invoke: Invoker, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    # The handler takes nearly all of the time there is, and the metrics would take more than the rest.
    late = timing.MAX_INVOCATION_SECONDS + timing.FINAL_TELEMETRY_SECONDS - 0.1
    script.describe(VERSION, version(), takes=late)
    assert invoke("READ", STATE, **WITH_LOGS) == succeeded(version_model())
    assert "2 of 2 metrics (they took too long)" in caplog.text
    assert "log records (they took too long)" in caplog.text


@pytest.mark.parametrize("takes", [0.0, 10.0, 27.0, timing.MAX_INVOCATION_SECONDS, 40.0])
def test_telemetry_ends_with_the_promised_time(
    invoke: Invoker, script: Script, clock: Clock, monkeypatch: pytest.MonkeyPatch, takes: float
) -> None:
    given: list[float] = []
    finish = telemetry.Telemetry.finish

    def finish_at_once(self: telemetry.Telemetry, seconds: float) -> None:
        # Before what is sent meanwhile pauses between its attempts, in simulated time as well.
        given.append(clock.now - began + seconds)
        finish(self, 0)

    monkeypatch.setattr(telemetry.Telemetry, "finish", finish_at_once)
    script.describe(VERSION, version(), takes=takes)
    began = clock.now
    invoke("READ", STATE, **WITH_LOGS)
    (end,) = given
    assert end <= 28.001


def test_answer_waits_a_moment_for_telemetry(
    invoke: Invoker, script: Script, answered: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry, "MAX_TELEMETRY_SECONDS", 0.05)
    assert read(invoke, script) == succeeded(version_model())
    assert not answered.is_set()


@pytest.mark.usefixtures("answered")
def test_answer_without_time_left_does_not_wait(invoke: Invoker, caplog: pytest.LogCaptureFixture) -> None:
    event = invoke("READ", STATE, lambda_context=lambda_context(0.1), **WITH_LOGS)
    assert event == failed("NetworkFailure", "READ", VERSION, NO_TIME)
    assert "they took too long" in caplog.text


@table(
    "service, missing, slow, operation",
    {
        "metrics": ("CLOUDWATCH", "", 1, "PutMetricData"),
        "records": ("CLOUDWATCH_LOGS", "", 1, "PutLogEvents"),
        "a log group": ("CLOUDWATCH_LOGS", "group", 2, "CreateLogGroup"),
        "a log stream": ("CLOUDWATCH_LOGS", "stream", 2, "CreateLogStream"),
    },
)
def test_call_whose_connection_outlasts_the_answer_is_not_sent(
    invoke: Invoker,
    cloudwatch: CloudWatch,
    network: Network,
    monkeypatch: pytest.MonkeyPatch,
    service: str,
    missing: str,
    slow: int,
    operation: str,
) -> None:
    def answer(operation: str, _arguments: dict[str, Any]) -> tuple[int, Any]:
        if missing and operation == "PutLogEvents":
            text = f"The specified log {missing} does not exist."
            return 400, {"__type": "ResourceNotFoundException", "message": text}
        return 200, {}

    def handle(*_: object) -> Any:
        logging.getLogger(PACKAGE).info("first")
        assert network.reached.wait(MAX_WAIT_SECONDS)
        return success({})

    cloudwatch.answer = answer
    network.slow, network.resolve = slow, network.wait
    monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", cloudwatch.endpoint.replace(LOCAL, HOST))
    monkeypatch.setattr(telemetry, "MAX_TELEMETRY_SECONDS", 0.05)
    monkeypatch.setitem(handlers.resource._handlers, Action.READ, handle)
    assert invoke("READ", STATE, **WITH_LOGS)["status"] == "SUCCESS"
    sent = cloudwatch.operations
    network.released.set()
    for thread in threading.enumerate():
        if thread.name.startswith(telemetry.MUTED):
            thread.join(MAX_WAIT_SECONDS)
    # A call to the other service may have left in time and arrive only now.
    other = "PutLogEvents" if service == "CLOUDWATCH" else "PutMetricData"
    assert set(cloudwatch.operations[len(sent) :]) <= {other}
    assert operation not in sent


def test_records_of_the_sender_are_not_sent(
    invoke: Invoker, script: Script, cloudwatch: CloudWatch, caplog: pytest.LogCaptureFixture
) -> None:
    # At this level botocore and urllib3 log every call, also those that send records.
    caplog.set_level(logging.DEBUG)
    assert read(invoke, script) == succeeded(version_model())
    assert cloudwatch.messages
    assert not any("PutLogEvents" in message for message in cloudwatch.messages)


@pytest.mark.parametrize("name", ["telemetry of log records", "a thread of any name"])
def test_records_of_a_thread_of_an_earlier_invocation_are_not_sent(
    invoke: Invoker, cloudwatch: CloudWatch, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    log, go_on = logging.getLogger(PACKAGE), threading.Event()
    threads: list[threading.Thread] = []

    def leave_behind(*_: object) -> Any:
        def run() -> None:
            go_on.wait(MAX_WAIT_SECONDS)
            log.info("still at it")

        # In the context of its invocation, as the thread of a handler is.
        threads.append(threading.Thread(target=copy_context().run, args=(run,), name=name))
        threads[0].start()
        return success({})

    def go_on_meanwhile(*_: object) -> Any:
        go_on.set()
        threads[0].join(MAX_WAIT_SECONDS)
        return success({})

    for handle, resource in ((leave_behind, "First"), (go_on_meanwhile, "Second")):
        monkeypatch.setitem(handlers.resource._handlers, Action.READ, handle)
        assert invoke("READ", STATE, **WITH_LOGS, logicalResourceId=resource)["status"] == "SUCCESS"
    assert cloudwatch.messages == [LOGGED, LOGGED]


def test_records_of_a_handler_that_was_left_behind_are_not_sent(
    invoke: Invoker, cloudwatch: CloudWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, gone_on = threading.Event(), threading.Event()

    def outlast(*_: object) -> Any:
        thread = threading.current_thread()
        go_on.wait(MAX_WAIT_SECONDS)
        thread.name = "any"
        logging.getLogger(PACKAGE).info("still at it")
        gone_on.set()
        return success({})

    def go_on_meanwhile(*_: object) -> Any:
        go_on.set()
        gone_on.wait(MAX_WAIT_SECONDS)
        return success({})

    monkeypatch.setitem(handlers.resource._handlers, Action.READ, outlast)
    soon = lambda_context(timing.ANSWER_RESERVE_SECONDS + 0.05)
    assert invoke("READ", STATE, lambda_context=soon, **WITH_LOGS)["errorCode"] == "NetworkFailure"
    monkeypatch.setitem(handlers.resource._handlers, Action.READ, go_on_meanwhile)
    assert invoke("READ", STATE, **WITH_LOGS, logicalResourceId="Second")["status"] == "SUCCESS"
    assert gone_on.is_set()
    assert "still at it" not in cloudwatch.messages


def test_records_of_invocations_side_by_side_go_to_their_own_streams(
    invoke: Invoker, cloudwatch: CloudWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(2)

    def handle(_session: object, request: Any, _context: object) -> Any:
        together.wait(MAX_WAIT_SECONDS)
        logging.getLogger(PACKAGE).info("of %s", request.logical_id)
        together.wait(MAX_WAIT_SECONDS)
        return success({})

    monkeypatch.setitem(handlers.resource._handlers, Action.READ, handle)
    monkeypatch.setattr(logging.getLogger(PACKAGE), "level", logging.INFO)
    requests = [
        threading.Thread(target=invoke, args=("READ", STATE), kwargs={**WITH_LOGS, "logicalResourceId": name})
        for name in ("First", "Second")
    ]
    for each in requests:
        each.start()
    for each in requests:
        each.join(MAX_WAIT_SECONDS)
    streams: dict[str, list[str]] = {}
    for put in cloudwatch.arguments("PutLogEvents"):
        messages = [event["message"] for event in put["logEvents"]]
        streams.setdefault(put["logStreamName"].rpartition("/")[2], []).extend(messages)
    assert streams == {name: [f"of {name}", LOGGED] for name in ("First", "Second")}


def test_malformed_event_sends_nothing(invoke: Invoker, cloudwatch: CloudWatch) -> None:
    event = invoke("READ", ["not", "an", "object"], **WITH_LOGS)
    text = "the event's requestData.resourceProperties must be an object"
    assert event == failed("InvalidRequest", "READ", "(unnamed)", text)
    assert cloudwatch.calls == []


# --- nothing is kept --------------------------------------------------------------------------------


def test_no_handler_and_no_thread_outlives_an_invocation(
    invoke: Invoker, script: Script, cloudwatch: CloudWatch
) -> None:
    read(invoke, script)
    assert cloudwatch.calls
    assert not any(isinstance(each, ProviderLogHandler) for each in logging.getLogger().handlers)
    assert not [each for each in threading.enumerate() if each.name.startswith("telemetry")]


@pytest.mark.parametrize("outcome", ["success", "failure"])
def test_no_credentials_outlive_an_invocation(
    invoke: Invoker, script: Script, cloudwatch: CloudWatch, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    # What pytest shows of a failed test it keeps: tracebacks, and with them their frames.
    monkeypatch.setattr(logging.getLogger("cloudformation_cli_python_lib"), "propagate", False)
    marker = "kept-by-mistake"
    credentials = {name: f"{marker}-{name}" for name in CREDENTIALS}
    request = {"callerCredentials": credentials, "providerCredentials": credentials}
    if outcome == "success":
        assert read(invoke, script, **request) == succeeded(version_model())
    else:
        script.describe(VERSION, absent(VERSION))
        event = invoke("READ", STATE, **WITH_LOGS, callerCredentials=credentials)
        assert event == not_found("READ", VERSION, absent(VERSION))
    del request, credentials
    cloudwatch.calls.clear()
    script.signers.clear()
    gc.collect()
    kept = [
        type(each).__name__
        for each in gc.get_objects()
        if type(each).__name__ in ("Credentials", "ReadOnlyCredentials") and marker in repr(vars_of(each))
    ]
    assert kept == []
    held = (client._process(), handlers.resource)
    assert [each for each in held if marker in repr(vars_of(each))] == []


def vars_of(thing: Any) -> Any:
    """What an object holds, or a mapping itself."""
    return vars(thing) if hasattr(thing, "__dict__") else thing
