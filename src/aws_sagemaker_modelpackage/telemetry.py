"""The provider's own logs and metrics: the support library's, sent beside the handler.

The library calls CloudWatch for every log record and every metric, with clients and retries of the default
kind, and waits: each answer is awaited before the handler goes on, and a call that fails fails the handler.
Here a thread sends them in order while the handler works. What cannot be sent in time is counted and told
once; it never changes what the handler answers.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Self, cast

from botocore.exceptions import ClientError
from cloudformation_cli_python_lib import SessionProxy
from cloudformation_cli_python_lib.log_delivery import ProviderFilter, ProviderLogHandler
from cloudformation_cli_python_lib.utils import HandlerRequest

LOG = logging.getLogger(__name__)

# Logs and metrics are worth a second attempt, and no more of the time of somebody who waits for a stack.
_SETTINGS: dict[str, Any] = {
    "connect_timeout": 1,
    "read_timeout": 2,
    "retries": {"mode": "standard", "total_max_attempts": 2},
}
# What PutLogEvents answered until tokens were given up, and the library still looks for.
_NEXT_TOKEN = "nextSequenceToken"  # noqa: S105 - a name
# A service, credentials, a region and settings of botocore's Config to a client.
Connect = Callable[..., Any]


class Telemetry:
    """Stands where the library expects the session with the provider's credentials, for one invocation."""

    def __init__(self, connect: Callable[[str], Any], group: str, stream: str) -> None:
        self._connect = connect
        self._clients: dict[str, Any] = {}
        self._waiting: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._sender: threading.Thread | None = None
        self._lost: list[str] = []
        self._over = False
        self._handler = _LogHandler(group, stream, self)
        root = logging.getLogger()
        # As the library does it: our records go to the provider's log, not to the platform's as well.
        self._platform = next(
            (each for each in root.handlers if not isinstance(each, ProviderLogHandler)), None
        )
        self._filter = ProviderFilter(__name__.partition(".")[0])
        if self._platform:
            self._platform.addFilter(self._filter)
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
        """What the library calls instead of a client: the calls are made later, in order."""
        return _Client(service, self)

    def send(self, call: Callable[[], object]) -> None:
        """Have the thread make a call, once it has made those before."""
        if self._sender is None:
            self._sender = threading.Thread(target=self._send, name="telemetry", daemon=True)
            self._sender.start()
        self._waiting.put(call)

    def is_sender(self) -> bool:
        """Whether this is the thread that sends: what it logs itself would go round in circles."""
        return threading.current_thread() is self._sender

    def real(self, service: str) -> Any:
        """The client of a service; for the sending thread only."""
        if service not in self._clients:
            self._clients[service] = self._connect(service)
        return self._clients[service]

    def finish(self, seconds: float) -> None:
        """Wait for what is still to be sent, at most so long, and leave nothing of this invocation behind."""
        logging.getLogger().removeHandler(self._handler)
        if self._platform:
            self._platform.removeFilter(self._filter)
        if self._sender is None:
            return
        self._waiting.put(None)
        self._sender.join(max(0.0, seconds))
        self._over = True
        if self._sender.is_alive():
            # The one under way, and those that wait before the end, which waits as well.
            self._lost += ["they took too long"] * self._waiting.qsize()
        if self._lost:
            LOG.warning(
                "provider logs or metrics were not sent, %d in all: %s", len(self._lost), self._lost[0]
            )

    def _send(self) -> None:
        while (call := self._waiting.get()) is not None and not self._over:
            if self._lost:
                # What has failed once would cost its time again, at the next and the next.
                self._lost.append(self._lost[0])
                continue
            try:
                call()
            except Exception as error:
                self._lost.append(_name(error))


def _name(error: Exception) -> str:
    """What a failure is called; its message may quote what nobody should read."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code") or type(error).__name__)
    return type(error).__name__


class _Client:
    """A client whose calls are made later; only their order counts, the library does not use the answers."""

    def __init__(self, service: str, telemetry: Telemetry) -> None:
        self._service = service
        self._telemetry = telemetry

    def put_metric_data(self, **arguments: Any) -> None:
        """The one call that the library's metrics make."""
        self._telemetry.send(lambda: self._telemetry.real(self._service).put_metric_data(**arguments))


class _LogHandler(ProviderLogHandler):
    """The library's handler, which makes the calls where they hold nobody up."""

    def __init__(self, group: str, stream: str, telemetry: Telemetry) -> None:
        super().__init__(group, stream, cast(SessionProxy, telemetry))
        self._telemetry = telemetry

    def emit(self, record: logging.LogRecord) -> None:
        """Send the record, later."""
        if not self._telemetry.is_sender():
            self._telemetry.send(lambda: self._emit(record))

    def _emit(self, record: logging.LogRecord) -> None:
        # The library gives the handler a client; this thread has the one that makes calls.
        self.client = self._telemetry.real("logs")
        try:
            super().emit(record)
        except KeyError as error:
            if error.args != (_NEXT_TOKEN,):
                raise
