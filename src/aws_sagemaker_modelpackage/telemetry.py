"""The provider's own logs and metrics: the support library's, sent beside the handler.

The library calls CloudWatch for every log record and every metric, with clients and retries of the default
kind, and waits: each answer is awaited before the handler goes on, and a call that fails fails the handler.
Here two threads, one for each service, send what there is while the handler works; the answer waits for the
rest, for a moment. What cannot be sent is counted and told; it never changes what the handler answers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from operator import itemgetter
from queue import Empty, SimpleQueue
from typing import Any, Self, cast

from botocore.exceptions import ClientError
from cloudformation_cli_python_lib import SessionProxy
from cloudformation_cli_python_lib.log_delivery import ProviderFilter, ProviderLogHandler
from cloudformation_cli_python_lib.utils import HandlerRequest

from .timing import (
    LONGEST_TELEMETRY,
    TELEMETRY_ATTEMPTS,
    TELEMETRY_CONNECT_SECONDS,
    TELEMETRY_READ_SECONDS,
)

LOG = logging.getLogger(__name__)
PACKAGE = __name__.rpartition(".")[0]

_SETTINGS: dict[str, Any] = {
    "connect_timeout": TELEMETRY_CONNECT_SECONDS,
    "read_timeout": TELEMETRY_READ_SECONDS,
    "retries": {"mode": "standard", "total_max_attempts": TELEMETRY_ATTEMPTS},
}
# What one PutLogEvents holds: 1 MiB, of which each record takes 26 bytes beside its text (API reference).
MOST_BYTES = 1_048_576
BYTES_BESIDE = 26

# What the threads that send are called.
_NAME = "telemetry"

# A service, credentials, a region and settings of botocore's Config to a client.
Connect = Callable[..., Any]


class Telemetry:
    """Stands where the library expects the session with the provider's credentials, for one invocation."""

    def __init__(self, connect: Callable[[str], Any], group: str, stream: str) -> None:
        self._handler = _LogHandler(group, stream, self, connect)
        self._metrics = _Sender("metrics", lambda: connect("cloudwatch"), _put_metrics)
        root, ours = logging.getLogger(), logging.getLogger(PACKAGE)
        # As the library does it: our records go to the provider's log, not to the platform's as well.
        self._platform = next(
            (each for each in root.handlers if not isinstance(each, ProviderLogHandler)), None
        )
        self._filter = ProviderFilter(PACKAGE)
        if self._platform:
            self._platform.addFilter(self._filter)
        # Lambda's level is for warnings; who reads the provider's log wants to know what was done.
        self._level = ours.level
        if not ours.isEnabledFor(logging.INFO):
            ours.setLevel(logging.INFO)
        # The library finds a handler of its class there, and only gives it a client.
        root.addHandler(self._handler)

    @classmethod
    def of(cls, event: HandlerRequest, connect: Connect) -> Self | None:
        """That of an event, switched on; None where CloudFormation asks for none."""
        data = event.requestData
        credentials, group = data.providerCredentials, data.providerLogGroupName
        if not (credentials and group and event.resourceType):
            return None
        # As the library calls it: an event of a stack has a stream for each of its resources.
        stack, resource = event.stackId, data.logicalResourceId
        stream = f"{stack}/{resource}" if stack and resource else f"{event.awsAccountId}-{event.region}"
        return cls(lambda service: connect(service, credentials, event.region, **_SETTINGS), group, stream)

    def client(self, service: str) -> Any:
        """What the library calls instead of a client: this for metrics, nothing for its log handler."""
        return self if service == "cloudwatch" else None

    def put_metric_data(self, **arguments: Any) -> None:
        """The one call that the library's metrics make: made later."""
        self._metrics.send(arguments)

    def finish(self, seconds: float) -> None:
        """Wait a moment, at most so long, for what is on its way; leave nothing of this invocation behind."""
        end = time.monotonic() + max(0.0, min(seconds, LONGEST_TELEMETRY))
        lost = self._metrics.finish(end)
        if lost:
            self._tell(lost)  # in the provider's log, which may well work
        logging.getLogger().removeHandler(self._handler)
        lost = self._handler.sender.finish(end)
        if self._platform:
            self._platform.removeFilter(self._filter)
        if lost:
            self._tell(lost)  # in the platform's
        logging.getLogger(PACKAGE).setLevel(self._level)

    @staticmethod
    def _tell(lost: str) -> None:
        LOG.warning("not all of this invocation was told to CloudWatch: %s", lost)


class _Sender:
    """A thread that sends what it is given to one service, several at once where they have piled up."""

    def __init__(
        self, what: str, connect: Callable[[], Any], send: Callable[[Any, list[Any]], object]
    ) -> None:
        self._what = what
        self._connect = connect
        self._send = send
        self._waiting: SimpleQueue[Any] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._sent = self._given = 0
        self._why = "they took too long"
        self._over = False

    def send(self, item: Any) -> None:
        """Have the item sent, after those before it."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"{_NAME} of {self._what}", daemon=True)
            self._thread.start()
        self._given += 1
        self._waiting.put(item)

    def finish(self, end: float) -> str:
        """Wait until all is sent, or the clock says so; what was not sent and why, or nothing."""
        if self._thread is None:
            return ""
        self._waiting.put(None)
        self._thread.join(max(0.0, end - time.monotonic()))
        self._over = True
        missing = self._given - self._sent
        return f"{missing} of {self._given} {self._what} ({self._why})" if missing else ""

    def _run(self) -> None:
        client = None
        for items in self._batches():
            try:
                client = client or self._connect()
                self._send(client, items)
            except ClientError as error:
                # These are lost; the service is there, and the next may be to its liking.
                self._why = str(error.response.get("Error", {}).get("Code") or type(error).__name__)
            except Exception as error:
                # What does not answer would cost its time again, at the next and the next.
                self._why = type(error).__name__
                return
            else:
                self._sent += len(items)

    def _batches(self) -> Iterator[list[Any]]:
        """What is there, until the end: all that waits, at once."""
        while not self._over:
            items = [self._waiting.get()]
            while True:
                try:
                    items.append(self._waiting.get_nowait())
                except Empty:
                    break
            ended = items[-1] is None
            if ended:
                items.pop()
            if items:
                yield items
            if ended:
                return


def _put_metrics(client: Any, calls: list[dict[str, Any]]) -> None:
    """One call for all: the library's metrics of an invocation have one namespace."""
    data = [metric for call in calls for metric in call["MetricData"]]
    client.put_metric_data(Namespace=calls[0]["Namespace"], MetricData=data)


class _LogHandler(ProviderLogHandler):
    """The library's handler, which makes its calls where they hold nobody up."""

    def __init__(self, group: str, stream: str, telemetry: Telemetry, connect: Callable[[str], Any]) -> None:
        super().__init__(group, stream, cast(SessionProxy, telemetry))
        self.sender = _Sender("log records", lambda: connect("logs"), self._put)

    def emit(self, record: logging.LogRecord) -> None:
        """Send the record, later."""
        # What the threads that send log themselves would go round in circles; one that an earlier invocation
        # has left behind may still be at it.
        if not threading.current_thread().name.startswith(_NAME):
            self.sender.send((round(record.created * 1000), self.format(record)))

    def _put(self, client: Any, records: list[tuple[int, str]]) -> None:
        for events in _within_the_limit(records):
            call = {"logGroupName": self.group, "logStreamName": self.stream, "logEvents": events}
            try:
                client.put_log_events(**call)
            except client.exceptions.ResourceNotFoundException as error:
                self.client = client  # with which the library makes them
                if "log group does not exist" in str(error):
                    self._create_log_group()
                self._create_log_stream()
                client.put_log_events(**call)


def _within_the_limit(records: list[tuple[int, str]]) -> Iterator[list[dict[str, Any]]]:
    """The records as events, in the order of their time as CloudWatch wants them, as many as a call holds."""
    events: list[dict[str, Any]] = []
    size = 0
    for timestamp, message in sorted(records, key=itemgetter(0)):
        takes = len(message.encode()) + BYTES_BESIDE
        if events and size + takes > MOST_BYTES:
            yield events
            events, size = [], 0
        events.append({"timestamp": timestamp, "message": message})
        size += takes
    yield events
