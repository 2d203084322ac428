"""Provider logs and metrics: sent in order, never in the way, never kept."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cloudformation_cli_python_lib.log_delivery import ProviderFilter, ProviderLogHandler

from aws_sagemaker_modelpackage import client, framework, handlers

from .conftest import CREDENTIALS, Invoker
from .events import LOGICAL_ID, STACK_ID, VERSION, failed, not_found, said, succeeded, version, version_model
from .wire import Wire, answer, error

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


def read(invoke: Invoker, wire: Wire, **request: Any) -> dict[str, Any]:
    """A read that succeeds, with the provider's logs switched on."""
    wire.describe(VERSION, version())
    return invoke("READ", STATE, **{**WITH_LOGS, **request})


def test_metrics_and_logs_are_sent_with_the_providers_credentials_in_order(
    invoke: Invoker, wire: Wire, cloudwatch: CloudWatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, OURS)
    assert read(invoke, wire) == succeeded(version_model())
    assert cloudwatch.operations == ["PutMetricData", "PutLogEvents", "PutMetricData"]
    assert {signer for _, signer, _ in cloudwatch.calls} == {"AKIDPROVIDER"}
    assert cloudwatch.messages == [f"READ {VERSION}: SUCCESS"]
    (_, _, put), *_ = (call for call in cloudwatch.calls if call[0] == "PutLogEvents")
    assert (put["logGroupName"], put["logStreamName"]) == (
        "acme-logs",
        f"{STACK_ID.replace(':', '__')}/{LOGICAL_ID}",
    )
    assert cloudwatch.metrics == ["HandlerInvocationCount", "HandlerInvocationDuration"]


def test_without_a_stack_the_stream_is_the_accounts(
    invoke: Invoker, wire: Wire, cloudwatch: CloudWatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, OURS)
    read(invoke, wire, stackId=None)
    streams = {arguments.get("logStreamName") for _, _, arguments in cloudwatch.calls} - {None}
    assert streams == {"111122223333-eu-west-1"}


def test_each_invocation_has_a_stream_and_credentials_of_its_own(
    invoke: Invoker, wire: Wire, cloudwatch: CloudWatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, OURS)
    for key, resource in (("AKIDONE", "First"), ("AKIDTWO", "Second")):
        read(
            invoke,
            wire,
            logicalResourceId=resource,
            providerCredentials={**PROVIDER, "accessKeyId": key},
        )
    found = [
        (signer, arguments["logStreamName"].rpartition("/")[2])
        for operation, signer, arguments in cloudwatch.calls
        if operation == "PutLogEvents"
    ]
    assert found == [("AKIDONE", "First"), ("AKIDTWO", "Second")]


def test_a_missing_group_and_stream_are_made(
    invoke: Invoker, wire: Wire, cloudwatch: CloudWatch, caplog: pytest.LogCaptureFixture
) -> None:
    made: list[str] = []

    def answer(operation: str, _arguments: dict[str, Any]) -> tuple[int, Any]:
        if operation == "PutLogEvents" and "CreateLogStream" not in made:
            message = "The specified log group does not exist."
            return 400, {"__type": "ResourceNotFoundException", "message": message}
        made.append(operation)
        return 200, {}  # no token either, as newer answers have none

    cloudwatch.answer = answer
    caplog.set_level(logging.INFO, OURS)
    assert read(invoke, wire)["status"] == "SUCCESS"
    assert made == ["PutMetricData", "CreateLogGroup", "CreateLogStream", "PutLogEvents", "PutMetricData"]
    assert "were not sent" not in caplog.text


def test_a_failure_is_counted_and_logged(
    invoke: Invoker, wire: Wire, cloudwatch: CloudWatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, OURS)
    wire.describe(VERSION, error("AccessDeniedException", "not yours"))
    event = invoke("READ", STATE, **WITH_LOGS)
    assert event == failed("AccessDenied", said("READ", VERSION, "not yours (AccessDeniedException)"))
    assert cloudwatch.metrics == ["HandlerInvocationCount", "HandlerInvocationDuration", "HandlerException"]
    assert any("AccessDenied" in message for message in cloudwatch.messages)


def test_our_records_do_not_go_to_the_platforms_log_as_well(
    invoke: Invoker, wire: Wire, cloudwatch: CloudWatch, caplog: pytest.LogCaptureFixture
) -> None:
    platform: list[str] = []

    class Platform(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            platform.append(record.name)

    handler, root = Platform(), logging.getLogger()
    others = root.handlers[:]
    root.handlers[:] = [handler, *others]
    caplog.set_level(logging.INFO, OURS)
    try:
        read(invoke, wire)
    finally:
        root.handlers[:] = others
    assert len(cloudwatch.messages) == 1
    assert [name for name in platform if name.startswith("aws_sagemaker_modelpackage")] == []
    assert not any(isinstance(each, ProviderFilter) for each in handler.filters)


def test_without_a_platforms_log_ours_arrives_all_the_same(
    invoke: Invoker, wire: Wire, cloudwatch: CloudWatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, OURS)
    root = logging.getLogger()
    others, root.handlers[:] = root.handlers[:], []
    try:
        read(invoke, wire)
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
    invoke: Invoker, wire: Wire, cloudwatch: CloudWatch, given: dict[str, Any]
) -> None:
    assert read(invoke, wire, **given) == succeeded(version_model())
    assert cloudwatch.calls == []


# --- what goes wrong --------------------------------------------------------------------------------


def test_a_refusal_does_not_change_the_answer_and_is_told_once(
    invoke: Invoker, wire: Wire, cloudwatch: CloudWatch, caplog: pytest.LogCaptureFixture
) -> None:
    cloudwatch.answer = lambda _operation, _arguments: (
        400,
        {"__type": "AccessDeniedException", "message": "for arn:secret"},
    )
    caplog.set_level(logging.INFO, OURS)
    assert read(invoke, wire) == succeeded(version_model())
    told = [record.getMessage() for record in caplog.records if "not sent" in record.getMessage()]
    assert len(told) == 1
    assert told[0].startswith("provider logs or metrics were not sent, 3 in all: ")
    # The first call has told what there is to know: the others are not tried.
    assert len(cloudwatch.calls) == 1
    assert "arn:secret" not in caplog.text


def test_an_address_where_nobody_listens_does_not_change_the_answer(
    invoke: Invoker, wire: Wire, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:9")
    assert read(invoke, wire) == succeeded(version_model())
    assert "2 in all: EndpointConnectionError" in caplog.text


def test_what_hangs_is_left_behind_when_the_time_is_up(
    invoke: Invoker, wire: Wire, cloudwatch: CloudWatch, caplog: pytest.LogCaptureFixture
) -> None:
    over = threading.Event()
    cloudwatch.answer = lambda _operation, _arguments: (200, {}) if over.wait(5) else (500, {})
    # The handler takes nearly all of the time there is, and the metrics would take more than the rest.
    late = framework.LONGEST_INVOCATION + framework.LAST_WORDS - 0.1
    wire.expect("DescribeModelPackage", {"ModelPackageName": VERSION}, answer(version()), takes=late)
    assert invoke("READ", STATE, **WITH_LOGS) == succeeded(version_model())
    over.set()
    # Both metrics: the one that hangs, and the one that waits behind it.
    assert "provider logs or metrics were not sent, 2 in all: they took too long" in caplog.text


def test_a_context_with_no_time_left_waits_for_nothing(
    invoke: Invoker, cloudwatch: CloudWatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 100

    over = threading.Event()
    cloudwatch.answer = lambda _operation, _arguments: (200, {}) if over.wait(5) else (500, {})
    event = invoke("READ", STATE, lambda_context=Context(), **WITH_LOGS)
    over.set()
    assert event["errorCode"] == "NetworkFailure"
    assert "they took too long" in caplog.text


def test_what_the_sender_itself_logs_is_not_sent(
    invoke: Invoker, wire: Wire, cloudwatch: CloudWatch, caplog: pytest.LogCaptureFixture
) -> None:
    # At this level botocore and urllib3 tell of every call, also of those that send what they told.
    caplog.set_level(logging.DEBUG)
    assert read(invoke, wire) == succeeded(version_model())
    assert cloudwatch.messages
    assert not any("PutLogEvents" in message for message in cloudwatch.messages)


def test_an_answer_that_is_none_is_told(
    invoke: Invoker,
    wire: Wire,
    cloudwatch: CloudWatch,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def lacks(_handler: Any, _record: Any) -> None:
        raise KeyError("something else than the next token")

    monkeypatch.setattr(ProviderLogHandler, "_put_log_event", lacks)
    caplog.set_level(logging.INFO, OURS)
    assert read(invoke, wire) == succeeded(version_model())
    assert cloudwatch.operations == ["PutMetricData"]
    assert "provider logs or metrics were not sent, 2 in all: KeyError" in caplog.text


def test_an_event_that_is_none_sends_nothing(invoke: Invoker, cloudwatch: CloudWatch) -> None:
    event = invoke("READ", ["not", "an", "object"], **WITH_LOGS)
    assert event == failed("InvalidRequest", "The resource's properties are not an object")
    assert cloudwatch.calls == []


# --- nothing is kept --------------------------------------------------------------------------------


def test_no_handler_and_no_thread_outlives_an_invocation(
    invoke: Invoker, wire: Wire, cloudwatch: CloudWatch
) -> None:
    read(invoke, wire)
    assert cloudwatch.calls
    assert not any(isinstance(each, ProviderLogHandler) for each in logging.getLogger().handlers)
    assert not [each for each in threading.enumerate() if each.name == "telemetry"]


@pytest.mark.parametrize("outcome", ["success", "failure"])
def test_no_credentials_outlive_an_invocation(
    invoke: Invoker, wire: Wire, cloudwatch: CloudWatch, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    # What pytest shows of a failed test it keeps: tracebacks, and with them their frames.
    monkeypatch.setattr(logging.getLogger("cloudformation_cli_python_lib"), "propagate", False)
    marker = "kept-by-mistake"
    credentials = {name: f"{marker}-{name}" for name in CREDENTIALS}
    request = {"callerCredentials": credentials, "providerCredentials": credentials}
    if outcome == "success":
        assert read(invoke, wire, **request) == succeeded(version_model())
    else:
        wire.describe(VERSION, error("ValidationException", f"ModelPackage {VERSION} does not exist."))
        words = f"ModelPackage {VERSION} does not exist. (ValidationException)"
        assert invoke("READ", STATE, **WITH_LOGS, callerCredentials=credentials) == not_found(
            "READ", VERSION, words
        )
    del request, credentials
    cloudwatch.calls.clear()
    wire.signers.clear()
    gc.collect()
    kept = [
        type(each).__name__
        for each in gc.get_objects()
        if type(each).__name__
        in ("Credentials", "ReadOnlyCredentials", "SageMaker", "CloudWatchLogs", "CloudWatch_")
        and marker in repr(vars(each) if hasattr(each, "__dict__") else each)
    ]
    assert kept == []
    held = [
        each
        for each in (client._session(), client._settled(), handlers.resource)
        if marker in repr(vars_of(each))
    ]
    assert held == []


def vars_of(thing: Any) -> Any:
    """What an object holds, or a mapping itself."""
    return vars(thing) if hasattr(thing, "__dict__") else thing
