"""Provider logs and metrics: sent in order, never in the way, never kept."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cloudformation_cli_python_lib import Action
from cloudformation_cli_python_lib.log_delivery import ProviderFilter, ProviderLogHandler

from aws_sagemaker_modelpackage import client, handlers, telemetry, timing
from aws_sagemaker_modelpackage.request import success

from .conftest import CREDENTIALS, Invoker, lambda_context
from .events import LOGICAL_ID, STACK_ID, VERSION, failed, not_found, said, succeeded, version, version_model
from .scripted_sagemaker import ScriptedSageMaker, answer, error

OURS = "aws_sagemaker_modelpackage"
STATE = {"ModelPackageArn": VERSION}
PROVIDER = {"accessKeyId": "AKIDPROVIDER", "secretAccessKey": "of the provider", "sessionToken": "theirs"}
WITH_LOGS = {"providerLogGroupName": "acme-logs", "providerCredentials": PROVIDER}
Answer = Callable[[str, dict[str, Any]], tuple[int, Any]]


class CloudWatch(ThreadingHTTPServer):
    """CloudWatch's two services as one test has them answer; notes who asked for what, in order."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.answer: Answer = lambda _operation, _arguments: (200, {"nextSequenceToken": "1"})

    @property
    def operations(self) -> list[str]:
        """The operations that came, in order."""
        return [operation for operation, _, _ in self.calls]

    @property
    def metrics(self) -> list[str]:
        """The names of the metrics that came, in order."""
        found = [arguments for operation, _, arguments in self.calls if operation == "PutMetricData"]
        return [metric["MetricName"] for arguments in found for metric in arguments["MetricData"]]

    @property
    def messages(self) -> list[str]:
        """The log messages that came, in order."""
        found = [arguments for operation, _, arguments in self.calls if operation == "PutLogEvents"]
        return [event["message"] for arguments in found for event in arguments["logEvents"]]


class _Requests(BaseHTTPRequestHandler):
    server: CloudWatch
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer an operation of either service."""
        arguments = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        signer = self.headers["Authorization"].partition("Credential=")[2].partition("/")[0]
        self.server.calls.append((operation, signer, arguments))
        status, answer = self.server.answer(operation, arguments)
        content = json.dumps(answer).encode()
        self.close_connection = True
        with contextlib.suppress(ConnectionError):  # a client may have given up by now
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture
def cloudwatch(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudWatch]:
    """The two services, running."""
    with CloudWatch() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", url)
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """After every test the process's logging is as it was."""
    before = [(handler, list(handler.filters)) for handler in logging.getLogger().handlers]
    yield
    assert [(handler, list(handler.filters)) for handler in logging.getLogger().handlers] == before


def read(invoke: Invoker, sagemaker: ScriptedSageMaker, **request: Any) -> dict[str, Any]:
    """A read that succeeds, with the provider's logs switched on."""
    sagemaker.describe(VERSION, version())
    return invoke("READ", STATE, **{**WITH_LOGS, **request})


def test_metrics_and_logs_are_sent_with_the_providers_credentials_in_order(
    invoke: Invoker, sagemaker: ScriptedSageMaker, cloudwatch: CloudWatch
) -> None:
    # At the level that Lambda sets, which is for warnings.
    assert logging.getLogger(OURS).getEffectiveLevel() == logging.WARNING
    assert read(invoke, sagemaker) == succeeded(version_model())
    assert logging.getLogger(OURS).getEffectiveLevel() == logging.WARNING
    assert sorted(set(cloudwatch.operations)) == ["PutLogEvents", "PutMetricData"]
    assert {signer for _, signer, _ in cloudwatch.calls} == {"AKIDPROVIDER"}
    assert cloudwatch.messages == [f"READ {VERSION}: SUCCESS"]
    (_, _, put), *_ = (call for call in cloudwatch.calls if call[0] == "PutLogEvents")
    assert (put["logGroupName"], put["logStreamName"]) == (
        "acme-logs",
        f"{STACK_ID.replace(':', '__')}/{LOGICAL_ID}",
    )
    assert cloudwatch.metrics == ["HandlerInvocationCount", "HandlerInvocationDuration"]


def test_without_a_stack_the_stream_is_the_accounts(
    invoke: Invoker, sagemaker: ScriptedSageMaker, cloudwatch: CloudWatch
) -> None:
    read(invoke, sagemaker, stackId=None)
    streams = {arguments.get("logStreamName") for _, _, arguments in cloudwatch.calls} - {None}
    assert streams == {"111122223333-eu-west-1"}


def test_each_invocation_has_a_stream_and_credentials_of_its_own(
    invoke: Invoker, sagemaker: ScriptedSageMaker, cloudwatch: CloudWatch
) -> None:
    for key, logical_id in (("AKIDONE", "First"), ("AKIDTWO", "Second")):
        read(
            invoke,
            sagemaker,
            logicalResourceId=logical_id,
            providerCredentials={**PROVIDER, "accessKeyId": key},
        )
    found = [
        (signer, arguments["logStreamName"].rpartition("/")[2])
        for operation, signer, arguments in cloudwatch.calls
        if operation == "PutLogEvents"
    ]
    assert found == [("AKIDONE", "First"), ("AKIDTWO", "Second")]


def test_a_missing_group_and_stream_are_made(
    invoke: Invoker, sagemaker: ScriptedSageMaker, cloudwatch: CloudWatch, caplog: pytest.LogCaptureFixture
) -> None:
    made: list[str] = []

    def answer(operation: str, _arguments: dict[str, Any]) -> tuple[int, Any]:
        if operation == "PutLogEvents" and "CreateLogStream" not in made:
            message = "The specified log group does not exist."
            return 400, {"__type": "ResourceNotFoundException", "message": message}
        made.append(operation)
        return 200, {}  # no token either, as newer answers have none

    cloudwatch.answer = answer
    assert read(invoke, sagemaker)["status"] == "SUCCESS"
    logs = [operation for operation in made if operation != "PutMetricData"]
    assert logs == ["CreateLogGroup", "CreateLogStream", "PutLogEvents"]
    assert "not all" not in caplog.text


def test_in_a_group_that_is_there_only_the_stream_is_made(
    invoke: Invoker, sagemaker: ScriptedSageMaker, cloudwatch: CloudWatch
) -> None:
    def answer_without_stream(operation: str, _arguments: dict[str, Any]) -> tuple[int, Any]:
        if operation == "PutLogEvents" and "CreateLogStream" not in cloudwatch.operations:
            message = "The specified log stream does not exist."
            return 400, {"__type": "ResourceNotFoundException", "message": message}
        return 200, {}

    cloudwatch.answer = answer_without_stream
    assert read(invoke, sagemaker)["status"] == "SUCCESS"
    logs = [operation for operation in cloudwatch.operations if operation != "PutMetricData"]
    assert logs == ["PutLogEvents", "CreateLogStream", "PutLogEvents"]


def test_a_failure_is_counted_and_logged(
    invoke: Invoker, sagemaker: ScriptedSageMaker, cloudwatch: CloudWatch
) -> None:
    sagemaker.describe(VERSION, error("AccessDeniedException", "not yours"))
    event = invoke("READ", STATE, **WITH_LOGS)
    assert event == failed("AccessDenied", said("READ", VERSION, "not yours (AccessDeniedException)"))
    assert cloudwatch.metrics == ["HandlerInvocationCount", "HandlerInvocationDuration", "HandlerException"]
    assert any("AccessDenied" in message for message in cloudwatch.messages)


def test_our_records_do_not_go_to_the_platforms_log_as_well(
    invoke: Invoker, sagemaker: ScriptedSageMaker, cloudwatch: CloudWatch
) -> None:
    platform: list[str] = []

    class Platform(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            platform.append(record.name)

    handler, root = Platform(), logging.getLogger()
    others = root.handlers[:]
    root.handlers[:] = [handler, *others]
    try:
        read(invoke, sagemaker)
    finally:
        root.handlers[:] = others
    assert len(cloudwatch.messages) == 1
    assert [name for name in platform if name.startswith("aws_sagemaker_modelpackage")] == []
    assert not any(isinstance(each, ProviderFilter) for each in handler.filters)


def test_without_a_platforms_log_ours_arrives_all_the_same(
    invoke: Invoker, sagemaker: ScriptedSageMaker, cloudwatch: CloudWatch
) -> None:
    root = logging.getLogger()
    others, root.handlers[:] = root.handlers[:], []
    try:
        read(invoke, sagemaker)
        assert root.handlers == []
    finally:
        root.handlers[:] = others
    assert cloudwatch.messages == [f"READ {VERSION}: SUCCESS"]


@pytest.mark.parametrize(
    "given",
    [
        {"providerLogGroupName": None},
        {"providerCredentials": None},
        {"providerCredentials": {}},
        {"resourceType": None},
    ],
    ids=["no group", "no credentials", "empty credentials", "no type"],
)
def test_without_a_group_or_credentials_nothing_is_sent(
    invoke: Invoker, sagemaker: ScriptedSageMaker, cloudwatch: CloudWatch, given: dict[str, Any]
) -> None:
    assert read(invoke, sagemaker, **given) == succeeded(version_model())
    assert cloudwatch.calls == []


# --- what goes wrong --------------------------------------------------------------------------------


def refusing(refused: str) -> Answer:
    """An account that lacks one of the rights."""

    def answer(operation: str, _arguments: dict[str, Any]) -> tuple[int, Any]:
        if operation == refused:
            return 400, {"__type": "AccessDeniedException", "message": "for arn:secret"}
        return 200, {}

    return answer


def test_refused_metrics_leave_the_logs_as_they_are(
    invoke: Invoker, sagemaker: ScriptedSageMaker, cloudwatch: CloudWatch, caplog: pytest.LogCaptureFixture
) -> None:
    cloudwatch.answer = refusing("PutMetricData")
    assert read(invoke, sagemaker) == succeeded(version_model())
    # The provider's own log tells it, because that works.
    told = "not all of this invocation was sent to CloudWatch: 2 of 2 metrics (AccessDeniedException)"
    assert cloudwatch.messages == [f"READ {VERSION}: SUCCESS", told]
    assert "arn:secret" not in caplog.text + "".join(cloudwatch.messages)


def test_refused_logs_leave_the_metrics_as_they_are(
    invoke: Invoker, sagemaker: ScriptedSageMaker, cloudwatch: CloudWatch, caplog: pytest.LogCaptureFixture
) -> None:
    cloudwatch.answer = refusing("PutLogEvents")
    assert read(invoke, sagemaker) == succeeded(version_model())
    assert cloudwatch.metrics == ["HandlerInvocationCount", "HandlerInvocationDuration"]
    assert "1 of 1 log records (AccessDeniedException)" in caplog.text


def test_one_refused_record_does_not_take_the_next_one_with_it(
    invoke: Invoker, sagemaker: ScriptedSageMaker, cloudwatch: CloudWatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = threading.Event()

    def answer_once(operation: str, _arguments: dict[str, Any]) -> tuple[int, Any]:
        if operation == "PutMetricData" and not first.is_set():
            first.set()
            return 400, {"__type": "InvalidParameterValue", "message": "no"}
        return 200, {}

    cloudwatch.answer = answer_once
    sagemaker.describe(VERSION, version())
    invoke("READ", STATE, **WITH_LOGS)
    assert len(cloudwatch.metrics) == 2
    assert "metrics (InvalidParameterValue)" in caplog.text


def test_what_piles_up_goes_in_one_call(
    invoke: Invoker, sagemaker: ScriptedSageMaker, cloudwatch: CloudWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(2)

    def answer_slowly(operation: str, _arguments: dict[str, Any]) -> tuple[int, Any]:
        # The first record is on its way until the handler has logged all of them.
        if operation == "PutLogEvents" and len(cloudwatch.messages) == 1:
            together.wait(5)
        return 200, {}

    def talkative(*_: object) -> Any:
        log = logging.getLogger(OURS)
        log.info("first")
        while not cloudwatch.messages:
            time.sleep(0.01)
        for number in range(5):
            log.info("record %d", number)
        together.wait(5)
        return success({})

    cloudwatch.answer = answer_slowly
    monkeypatch.setitem(handlers.resource._handlers, Action.READ, talkative)
    assert invoke("READ", STATE, **WITH_LOGS)["status"] == "SUCCESS"
    assert not sagemaker.calls
    calls = [
        arguments["logEvents"] for operation, _, arguments in cloudwatch.calls if operation == "PutLogEvents"
    ]
    assert [event["message"] for event in calls[1]][:5] == [f"record {number}" for number in range(5)]


def test_a_call_holds_no_more_than_the_service_takes() -> None:
    record = "x" * 300_000
    batches = list(telemetry._split([(1, record)] * 7))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert all(
        sum(len(event["message"]) + telemetry.RECORD_OVERHEAD_BYTES for event in batch)
        <= telemetry.MAX_BATCH_BYTES
        for batch in batches
    )


def test_an_address_where_nobody_listens_does_not_change_the_answer(
    invoke: Invoker,
    sagemaker: ScriptedSageMaker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:9")
    assert read(invoke, sagemaker) == succeeded(version_model())
    assert "2 of 2 metrics (EndpointConnectionError)" in caplog.text
    assert "log records (EndpointConnectionError)" in caplog.text


def test_what_hangs_is_left_behind_when_the_time_is_up(
    invoke: Invoker, sagemaker: ScriptedSageMaker, cloudwatch: CloudWatch, caplog: pytest.LogCaptureFixture
) -> None:
    over = threading.Event()
    cloudwatch.answer = lambda _operation, _arguments: (200, {}) if over.wait(5) else (500, {})
    # The handler takes nearly all of the time there is, and the metrics would take more than the rest.
    late = timing.MAX_INVOCATION_SECONDS + timing.FINAL_TELEMETRY_SECONDS - 0.1
    sagemaker.expect("DescribeModelPackage", {"ModelPackageName": VERSION}, answer(version()), takes=late)
    assert invoke("READ", STATE, **WITH_LOGS) == succeeded(version_model())
    over.set()
    assert "2 of 2 metrics (they took too long)" in caplog.text
    assert "log records (they took too long)" in caplog.text


def test_an_answer_waits_a_moment_and_no_longer(
    invoke: Invoker, sagemaker: ScriptedSageMaker, cloudwatch: CloudWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry, "MAX_TELEMETRY_SECONDS", 0.05)
    over, answered = threading.Event(), threading.Event()

    def hang(_operation: str, _arguments: dict[str, Any]) -> tuple[int, Any]:
        over.wait(5)
        answered.set()
        return 200, {}

    cloudwatch.answer = hang
    assert read(invoke, sagemaker) == succeeded(version_model())
    assert not answered.is_set()
    over.set()


def test_a_context_with_no_time_left_waits_for_nothing(
    invoke: Invoker, cloudwatch: CloudWatch, caplog: pytest.LogCaptureFixture
) -> None:
    over = threading.Event()
    cloudwatch.answer = lambda _operation, _arguments: (200, {}) if over.wait(5) else (500, {})
    event = invoke("READ", STATE, lambda_context=lambda_context(0.1), **WITH_LOGS)
    over.set()
    assert event["errorCode"] == "NetworkFailure"
    assert "they took too long" in caplog.text


def test_what_the_sender_itself_logs_is_not_sent(
    invoke: Invoker, sagemaker: ScriptedSageMaker, cloudwatch: CloudWatch, caplog: pytest.LogCaptureFixture
) -> None:
    # At this level botocore and urllib3 tell of every call, also of those that send what they told.
    caplog.set_level(logging.DEBUG)
    assert read(invoke, sagemaker) == succeeded(version_model())
    assert cloudwatch.messages
    assert not any("PutLogEvents" in message for message in cloudwatch.messages)


def test_what_a_thread_of_an_earlier_invocation_logs_is_not_sent(
    invoke: Invoker, cloudwatch: CloudWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def left_behind(*_: object) -> Any:
        log = logging.getLogger(OURS)
        thread = threading.Thread(target=lambda: log.info("still at it"), name="telemetry of log records")
        thread.start()
        thread.join()
        return success({})

    monkeypatch.setitem(handlers.resource._handlers, Action.READ, left_behind)
    assert invoke("READ", STATE, **WITH_LOGS)["status"] == "SUCCESS"
    assert cloudwatch.messages == [f"READ {VERSION}: SUCCESS"]


def test_an_event_that_is_none_sends_nothing(invoke: Invoker, cloudwatch: CloudWatch) -> None:
    event = invoke("READ", ["not", "an", "object"], **WITH_LOGS)
    words = said("READ", "(unnamed)", "the event's requestData.resourceProperties must be an object")
    assert event == failed("InvalidRequest", words)
    assert cloudwatch.calls == []


# --- nothing is kept --------------------------------------------------------------------------------


def test_no_handler_and_no_thread_outlives_an_invocation(
    invoke: Invoker, sagemaker: ScriptedSageMaker, cloudwatch: CloudWatch
) -> None:
    read(invoke, sagemaker)
    assert cloudwatch.calls
    assert not any(isinstance(each, ProviderLogHandler) for each in logging.getLogger().handlers)
    assert not [each for each in threading.enumerate() if each.name.startswith("telemetry")]


@pytest.mark.parametrize("outcome", ["success", "failure"])
def test_no_credentials_outlive_an_invocation(
    invoke: Invoker,
    sagemaker: ScriptedSageMaker,
    cloudwatch: CloudWatch,
    monkeypatch: pytest.MonkeyPatch,
    outcome: str,
) -> None:
    # What pytest shows of a failed test it keeps: tracebacks, and with them their frames.
    monkeypatch.setattr(logging.getLogger("cloudformation_cli_python_lib"), "propagate", False)
    marker = "kept-by-mistake"
    credentials = {name: f"{marker}-{name}" for name in CREDENTIALS}
    request = {"callerCredentials": credentials, "providerCredentials": credentials}
    if outcome == "success":
        assert read(invoke, sagemaker, **request) == succeeded(version_model())
    else:
        sagemaker.describe(VERSION, error("ValidationException", f"ModelPackage {VERSION} does not exist."))
        words = f"ModelPackage {VERSION} does not exist. (ValidationException)"
        assert invoke("READ", STATE, **WITH_LOGS, callerCredentials=credentials) == not_found(
            "READ", VERSION, words
        )
    del request, credentials
    cloudwatch.calls.clear()
    sagemaker.signers.clear()
    gc.collect()
    kept = [
        type(each).__name__
        for each in gc.get_objects()
        if type(each).__name__ in ("Credentials", "ReadOnlyCredentials") and marker in repr(vars_of(each))
    ]
    assert kept == []
    held = [
        each
        for each in (client._session(), client._shared_settings(), handlers.resource)
        if marker in repr(vars_of(each))
    ]
    assert held == []


def vars_of(thing: Any) -> Any:
    """What an object holds, or a mapping itself."""
    return vars(thing) if hasattr(thing, "__dict__") else thing
