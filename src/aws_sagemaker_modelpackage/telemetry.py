"""Sends the provider's logs and metrics, those of the support library, beside the handler.

The library calls CloudWatch for every log record and every metric, with clients and retries of the default
kind, and waits: each answer is awaited before the handler goes on, and a call that fails fails the handler.
Here two threads, one for each service, send what there is while the handler works; the answer waits for the
rest, for a moment. What cannot be sent is counted and logged; it never changes what the handler answers.

What a call of PutLogEvents takes, and what its answer says of events that it refused:
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import partial
from operator import itemgetter
from queue import Empty, SimpleQueue
from typing import Any, Self, cast

from botocore.exceptions import ClientError
from cloudformation_cli_python_lib import Action, SessionProxy
from cloudformation_cli_python_lib.log_delivery import ProviderFilter, ProviderLogHandler
from cloudformation_cli_python_lib.metrics import MetricsPublisher
from cloudformation_cli_python_lib.utils import HandlerRequest

from . import client
from .deadline import Deadline
from .timing import (
    MAX_TELEMETRY_ATTEMPTS,
    MAX_TELEMETRY_SECONDS,
    TELEMETRY_CONNECT_SECONDS,
    TELEMETRY_READ_SECONDS,
)

LOG = logging.getLogger(__name__)
PACKAGE = __name__.rpartition(".")[0]

_ATTEMPTS = client.Attempts(TELEMETRY_CONNECT_SECONDS, TELEMETRY_READ_SECONDS, MAX_TELEMETRY_ATTEMPTS)
# What one PutLogEvents holds; of its bytes each record takes 26 beside its text.
MAX_BATCH_BYTES = 1_048_576
MAX_BATCH_RECORDS = 10_000
MAX_BATCH_MILLISECONDS = 24 * 60 * 60 * 1000
RECORD_OVERHEAD_BYTES = 26
# Of one record: 256 KB, because the reference says 1 MB only since 2025, and not for every partition.
MAX_RECORD_BYTES = 262_144 - RECORD_OVERHEAD_BYTES
_CUT = "... (cut)"

# How the names of threads begin whose records are not sent: those of the threads that send would come back as
# further records, and those of a thread that an invocation has left behind are none of the next one's.
MUTED = "telemetry"
# Which invocation a thread works for; also set in the thread of a handler. What another one logs, because an
# invocation has left it behind or runs beside this one, is not sent to this one's stream.
_INVOCATION: ContextVar[object] = ContextVar("invocation")

# A service's name and a deadline to a client; the development environment has no types of CloudWatch's two.
_Connect = Callable[[str, Deadline], Any]


class Telemetry:
    """The telemetry of one invocation, in place of the library's session with the provider's credentials."""

    def __init__(self, connect: _Connect, group: str, stream: str, type_name: str) -> None:
        """Switch the logs on: `connect` makes the clients, `group` and `stream` take the records."""
        self._type_name = type_name
        self._invocation = _INVOCATION.set(object())
        self._handler = _LogHandler(group, stream, self, connect)
        self._metrics = _Sender("metrics", partial(connect, "cloudwatch"), _put_metrics)
        root, ours = logging.getLogger(), logging.getLogger(PACKAGE)
        # As the library does it: our records go to the provider's log, not to the platform's as well.
        self._platform = next(
            (each for each in root.handlers if not isinstance(each, ProviderLogHandler)), None
        )
        self._filter = ProviderFilter(PACKAGE)
        if self._platform:
            self._platform.addFilter(self._filter)
        # Lambda's level is WARNING; the provider's log shall say what was done.
        self._level = ours.level
        if not ours.isEnabledFor(logging.INFO):
            ours.setLevel(logging.INFO)
        # Where the library meets a handler of its class, it only gives it a client.
        root.addHandler(self._handler)

    @classmethod
    def of(cls, event: HandlerRequest) -> Self | None:
        """The telemetry of an event, switched on; None where CloudFormation asks for none."""
        data = event.requestData
        credentials, group = data.providerCredentials, data.providerLogGroupName
        if not (credentials and group and event.resourceType):
            return None
        # As the library calls it: an event of a stack has a stream for each of its resources.
        stack, resource = event.stackId, data.logicalResourceId
        stream = f"{stack}/{resource}" if stack and resource else f"{event.awsAccountId}-{event.region}"
        return cls(
            lambda service, end: client.connect(service, credentials, event.region, end, _ATTEMPTS),
            group,
            stream,
            event.resourceType,
        )

    def client(self, service: str) -> Self | None:
        """What the library uses as a client: this object for metrics, none for its log handler."""
        return self if service == "cloudwatch" else None

    def put_metric_data(self, **arguments: Any) -> None:
        """Send what the library's metrics send, later."""
        self._metrics.send(arguments)

    def count_failure(self, action: Action, error: Exception) -> None:
        """Send the metric of a failure, as the library does for one that a handler raises."""
        MetricsPublisher(cast(SessionProxy, self), self._type_name).publish_exception_metric(
            datetime.now(UTC), action, error
        )

    def finish(self, seconds: float) -> None:
        """Wait at most so long for what is on its way.

        Nothing is sent afterwards, and the process keeps nothing of this invocation.
        """
        end = time.monotonic() + max(0.0, min(seconds, MAX_TELEMETRY_SECONDS))
        lost = self._metrics.finish(end)
        if lost:
            self._log_lost(lost)  # to the provider's log, which may well work
        logging.getLogger().removeHandler(self._handler)
        lost = self._handler.sender.finish(end)
        if self._platform:
            self._platform.removeFilter(self._filter)
        if lost:
            self._log_lost(lost)  # to the platform's
        logging.getLogger(PACKAGE).setLevel(self._level)
        _INVOCATION.reset(self._invocation)

    @staticmethod
    def _log_lost(lost: str) -> None:
        LOG.warning("not all of this invocation was sent to CloudWatch: %s", lost)


class _Sender:
    """A thread that sends items to one service, several in a call where they have piled up."""

    def __init__(
        self, kind: str, connect: Callable[[Deadline], Any], send: Callable[[Any, list[Any]], Iterable[int]]
    ) -> None:
        """`send` makes the calls, with the client that `connect` makes, and yields what each has sent."""
        self._kind = kind
        self._connect = connect
        self._send = send
        self._waiting: SimpleQueue[Any] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._sent = self._given = 0
        self._reason = "they took too long"
        # No moment is its end: it is cut off just before the answer.
        self._deadline = Deadline(math.inf)
        self._ended = False

    def send(self, item: Any) -> None:
        """Have the item sent, after those before it."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"{MUTED} of {self._kind}", daemon=True)
            self._thread.start()
        self._given += 1
        self._waiting.put(item)

    def finish(self, end: float) -> str:
        """Wait until all is sent, or until `end`, after which nothing is.

        Returns what was not sent and why, empty when all was.
        """
        if self._thread is None:
            return ""
        self._waiting.put(None)
        self._thread.join(max(0.0, end - time.monotonic()))
        self._ended = True
        missing = self._given - self._sent
        lost = f"{missing} of {self._given} {self._kind} ({self._reason})" if missing else ""
        self._deadline.cut_off()
        return lost

    def _run(self) -> None:
        client = None
        for items in self._batches():
            try:
                client = client or self._connect(self._deadline)
                expected = self._sent + len(items)
                for sent in self._send(client, items):
                    self._sent += sent
                if self._sent < expected:
                    self._reason = "rejected"
            except ClientError as error:
                # These are lost; the service answers, and may accept the next.
                self._reason = str(error.response.get("Error", {}).get("Code") or type(error).__name__)
            except Exception as error:
                # A service that does not answer would cost its timeout at every call.
                self._reason = type(error).__name__
                return
        self._deadline.end()

    def _batches(self) -> Iterator[list[Any]]:
        """All items that wait, as one list at a time, until the end."""
        while not self._ended:
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


def _put_metrics(client: Any, calls: list[dict[str, Any]]) -> Iterator[int]:
    """Make one call of all: the library's metrics of an invocation have one namespace."""
    data = [metric for call in calls for metric in call["MetricData"]]
    client.put_metric_data(Namespace=calls[0]["Namespace"], MetricData=data)
    yield len(calls)


class _LogHandler(ProviderLogHandler):
    """The library's log handler, which makes its calls in a thread of its own."""

    def __init__(self, group: str, stream: str, telemetry: Telemetry, connect: _Connect) -> None:
        super().__init__(group, stream, cast(SessionProxy, telemetry))
        self.sender = _Sender("log records", partial(connect, "logs"), self._put)
        self._invocation = _INVOCATION.get()

    def emit(self, record: logging.LogRecord) -> None:
        if _INVOCATION.get(None) is not self._invocation or threading.current_thread().name.startswith(MUTED):
            return
        try:
            self.sender.send((round(record.created * 1000), _fit(self.format(record))))
        except Exception:
            self.handleError(record)

    def _put(self, client: Any, records: list[tuple[int, str]]) -> Iterator[int]:
        for events in _split(records):
            call = {"logGroupName": self.group, "logStreamName": self.stream, "logEvents": events}
            try:
                answer = client.put_log_events(**call)
            except client.exceptions.ResourceNotFoundException as error:
                self.client = client  # the library makes both with it
                if "log group does not exist" in str(error):
                    self._create_log_group()
                self._create_log_stream()
                answer = client.put_log_events(**call)
            yield _accepted(len(events), answer.get("rejectedLogEventsInfo") or {})


def _accepted(number: int, rejected: Mapping[str, int]) -> int:
    """How many of a call's events were accepted: those between the too old and the too new ones."""
    first = max(rejected.get("tooOldLogEventEndIndex", 0), rejected.get("expiredLogEventEndIndex", 0))
    return max(0, min(rejected.get("tooNewLogEventStartIndex", number), number) - first)


def _fit(text: str) -> str:
    """The text as CloudWatch takes it: not empty, without halves of characters, cut where it is too long."""
    encoded = text.encode(errors="replace") or b" "
    if len(encoded) > MAX_RECORD_BYTES:
        encoded = encoded[: MAX_RECORD_BYTES - len(_CUT)] + _CUT.encode()
    return encoded.decode(errors="ignore")


def _split(records: list[tuple[int, str]]) -> Iterator[list[dict[str, Any]]]:
    """The records as events, in order of time as CloudWatch demands, as many at a time as a call holds."""
    events: list[dict[str, Any]] = []
    size = 0
    for timestamp, message in sorted(records, key=itemgetter(0)):
        record_bytes = len(message.encode()) + RECORD_OVERHEAD_BYTES
        if events and (
            len(events) == MAX_BATCH_RECORDS
            or size + record_bytes > MAX_BATCH_BYTES
            or timestamp - events[0]["timestamp"] > MAX_BATCH_MILLISECONDS
        ):
            yield events
            events, size = [], 0
        events.append({"timestamp": timestamp, "message": message})
        size += record_bytes
    yield events
